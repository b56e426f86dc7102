/* The prover of hiding proofs, as far as it differs (hide/hidden.h, hide/opening.h): pads, the
 * witness's tree with them, and the opening. */
#ifndef VFT_PROVE_HIDING_H
#define VFT_PROVE_HIDING_H

#include "argument/whir_hiding_prover.h"
#include "base/random.h"
#include "hide/opening.h"
#include "prove/commit.h"
#include "prove/prove.h"

typedef struct {
  const vft_random *random;
  vft_ext *pad;            /* the random elements of the witness's tree (vft_hidden_randoms) */
  uint32_t npads, randoms; /* of messages before the opening; all */
  int64_t *integer;        /* the same as elements of the tree */
  vft_commitment *witness; /* owned */
  vft_ext *late, *factor;  /* values of late scalars and factors */
  uint32_t nlate, nfactors;
  vft_commitment *const *commitment; /* per tree */
  const vft_ext *lambda;             /* the simulator's */
  void (*edit)(void *ctx, vft_hidden *hidden, vft_ext *late); /* prove/prove.h */
  void *edit_ctx;
} vft_hide_prover;

/* Draws the random elements that a proof of the statement needs; pub: vft_statement_values; random:
 * NULL for the system's. vft_hide_prover_free follows, also after a failure; it wipes. */
VFT_MUST_CHECK vft_status vft_hide_prover_init(vft_hide_prover *p, const vft_statement *statement,
                                               const vft_public *pub,
                                               const vft_proof_options *options,
                                               const vft_random *random);
void vft_hide_prover_free(vft_hide_prover *p);
/* Commits the trace's witness and these: p->witness. */
VFT_MUST_CHECK vft_status vft_hide_commit(vft_hide_prover *p, const vft_trace *trace,
                                          const vft_proof_options *options, unsigned flags);
/* Goes on with the proof when its stages are on the channel, padded. commitment: per tree. */
VFT_MUST_CHECK vft_status vft_hide_prove(vft_hide_prover *p, vft_channel *ch,
                                         const vft_statement *statement, const vft_public *pub,
                                         const vft_proof_options *options,
                                         vft_commitment *const *commitment);

/* The simulator of docs/SOUNDNESS.md: a proof of the statement by someone without a witness who
 * knows the challenge lambda in advance, that is, may program the random oracle there.
 * vft_hide_verify accepts it with that lambda. link[l] commits link l, which is public. For
 * tests. */
VFT_MUST_CHECK vft_status vft_hide_simulate(const vft_statement *statement,
                                            vft_commitment *const *link,
                                            const vft_proof_options *options,
                                            const vft_random *random, const vft_ext *lambda,
                                            vft_proof *proof);

#endif
