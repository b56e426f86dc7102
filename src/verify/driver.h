/* The proof driver: one sequence of messages and challenges for prover and verifier
 * (docs/SPEC.md). A prover adds `vft_prover_side`, a verifier passes NULL. */
#ifndef VFT_VERIFY_DRIVER_H
#define VFT_VERIFY_DRIVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "argument/logup.h"
#include "argument/whir.h"
#include "verify/opening.h"
#include "verify/session.h"
#include "verify/statement.h"

typedef struct vft_oracle_claims vft_oracle_claims; /* verify/verify.h */

/* The vector of all fractions: boxes 0 .. nlookups-1 are the lookups, then the tables. */
typedef struct {
  vft_layout layout;
  unsigned n; /* log2 of the padded length */
} vft_fractions;
VFT_MUST_CHECK vft_status vft_fractions_init(vft_fractions *fr, const vft_program *program);
void vft_fractions_free(vft_fractions *fr);

/* The trees of a proof: links 0 .. nlinks-1, then the witness (absent when no tensor is in it). */
typedef struct {
  uint32_t ntrees, witness; /* witness: its number, or UINT32_MAX */
  vft_layout *layout;       /* ntrees */
  uint32_t *tree, *box;     /* per tensor; UINT32_MAX for tensors in no tree */
} vft_trees;
VFT_MUST_CHECK vft_status vft_trees_init(vft_trees *trees, const vft_program *program);
void vft_trees_free(vft_trees *trees);

typedef struct {
  const vft_hooks *hooks;
  void *ctx;
  /* The leaves of the fraction vector for these challenges; valid until the run ends. */
  vft_status (*fractions)(void *ctx, const vft_fractions *fr, vft_ext alpha, vft_ext beta,
                          vft_logup_leaves *leaves);
  vft_status (*open)(void *ctx, vft_channel *ch, const vft_whir_params *params,
                     const vft_whir_tree *tree, const vft_opening *opening, vft_ext sigma);
  vft_status (*stage)(void *ctx, const char *name); /* a stage ends; may be NULL */
  bool rehearsal; /* no fractions: a point is made up where theirs would be (prove/rehearse.c) */
  bool hiding;    /* claims are not opened here (prove/hiding.h) */
} vft_prover_side;

/* Values of the PUBLIC tensors, checked against their bounds ("statement/input"): one allocation,
 * freed by the caller. */
VFT_MUST_CHECK vft_status vft_statement_values(const vft_statement *statement,
                                               vft_public **values);

/* Runs one proof on the channel. root[t] of the trees: links' are given; the witness's is given
 * by the prover and received by the verifier. claims receives the oracle claims.
 * s must be initialised with the prover's hooks or NULL. */
VFT_MUST_CHECK vft_status vft_driver_run(vft_session *s, const vft_trees *trees,
                                         const vft_statement *statement,
                                         const vft_proof_options *options,
                                         vft_digest *witness_root, const vft_prover_side *prover,
                                         vft_oracle_claims *claims);

/* All claims on committed tensors, batched with powers of one challenge: sum over functionals of
 * coef * functional = sigma. Start with power 1, sigma 0 and the challenge. */
typedef struct {
  vft_fset set;
  vft_ext *coef;
  uint32_t cap;
  vft_ext gamma, power, sigma;
} vft_claim_batch;
/* coef * f is part of the claim at hand. */
VFT_MUST_CHECK vft_status vft_claim_batch_add(vft_claim_batch *b, const vft_functional *f,
                                              vft_ext coef);
/* The claim at hand has this total and ends. */
void vft_claim_batch_next(vft_claim_batch *b, vft_ext total);
/* The batch as claims on the trees' boxes, b->set.n of them. */
VFT_MUST_CHECK vft_status vft_claim_batch_list(const vft_claim_batch *b, const vft_trees *trees,
                                               vft_opening_claim *claim);
void vft_claim_batch_free(vft_claim_batch *b);

/* The last stage: opens the session's equations and evaluations on committed tensors. */
VFT_MUST_CHECK vft_status vft_driver_claims(vft_session *s, const vft_trees *trees,
                                            const vft_digest *root,
                                            const vft_proof_options *options,
                                            const vft_prover_side *prover);

/* Claims on oracles, which nothing here opens, are appended to `claims`. Fails VFT_USAGE when there are
 * some and `claims` is NULL. */
VFT_MUST_CHECK vft_status vft_driver_leave(vft_session *s, vft_oracle_claims *claims);

/* Absorbs what the options and the protocol's version change. */
void vft_driver_absorb_options(vft_channel *ch, const vft_proof_options *options);

extern const char vft_protocol_name[];         /* of program proofs */
extern const char vft_hiding_protocol_name[]; /* of hiding program proofs */

#endif
