/* The prover: from a program and its trace to a proof, and from oracle claims to their opening.
 * What is proved and how it is verified: verify/verify.h. */
#ifndef VFT_PROVE_PROVE_H
#define VFT_PROVE_PROVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/status.h"
#include "prove/commit.h"
#include "relation/program.h"
#include "verify/verify.h"

struct vft_hidden; /* hide/hidden.h */

typedef struct {
  bool unchecked;      /* tests: go on when the trace does not satisfy the program. A sum of lookups
                          that is not zero still ends the proof early: the proof so far is returned
                          with VFT_OK */
  bool cheat;          /* tests: claim totals that make the verifier's sums come out right, whatever
                          the trace; only the opening can tell */
  bool keep_codewords; /* of the witness tree: 16 bytes an element, saves encoding it again */
  bool links_kept;     /* for the plan: all links' commitments keep theirs */
  unsigned recompute;  /* LogUp layers not stored (argument/logup.h), 0 .. 3 */
  const vft_random *random; /* of hiding proofs: NULL, for the system's; tests have their own */
  /* tests: changes what a hiding proof is to show, before it sends the late scalars, or lies about
     these (late NULL, then not); may be NULL */
  void (*edit)(void *ctx, struct vft_hidden *hidden, vft_ext *late);
  void *edit_ctx;
  /* called when a stage (commit, lookups, relations, virtual, weights, opening) ends; what it fails with
     ends the proof; may be NULL */
  vft_status (*stage)(void *ctx, const char *name);
  void *stage_ctx;
} vft_prove_options;

enum { VFT_PROVE_STAGES = 8 };
typedef struct {
  uint32_t n;
  struct {
    char name[24];
    double seconds, cpu; /* wall clock; of all threads */
    size_t live, peak; /* vft_alloc bytes at the end of the stage, and its highest value in it */
  } stage[VFT_PROVE_STAGES];
} vft_prove_profile;

/* Memory of vft_prove beyond trace and commitments given, in bytes of vft_alloc: upper bounds by
 * stage, and of the whole. */
typedef struct {
  size_t commit, lookups, products, opening; /* while the stage runs */
  size_t kept;                               /* the witness tree, from its commitment on */
  size_t peak;
  size_t proof;                              /* expected length of the proof */
} vft_prove_plan;
/* Hiding proofs take more and are not planned for. */
VFT_MUST_CHECK vft_status vft_prove_plan_init(vft_prove_plan *plan, const vft_program *program,
                                              const vft_proof_options *options,
                                              const vft_prove_options *prove);

/* The same for vft_prove_oracles: oracle o has nboxes[o] tensors of shapes box[o]. The commitments'
 * own memory is counted too; proof_bytes: the proof's expected length. */
VFT_MUST_CHECK vft_status vft_prove_plan_oracles(const vft_box *const *box, const uint32_t *nboxes,
                                                 uint32_t noracles, unsigned log_columns,
                                                 const vft_proof_options *options, size_t *bytes,
                                                 size_t *proof_bytes);

typedef struct {
  uint8_t *bytes; /* vft_free */
  size_t len;
  size_t slack; /* len + slack is the same for all proofs of one program with these options, but for
                   a negligible part of them: the length varies with the positions that the
                   transcript asks for. Not computed, 0, of hiding proofs */
} vft_proof;

/* Proves that the trace satisfies the program. The trace has values for every tensor, virtual ones
 * and multiplicities included (vft_trace_complete, vft_trace_count_lookups). link[l] commits link
 * l's tensors with the trace's values at the program's log_columns; oracle_root[o] is bound only.
 * claims receives the oracle claims (may be NULL when the program has no oracle); profile may be
 * NULL. Uses all threads; the proof does not depend on their number. Under options->hiding it is
 * different each time, and shows nothing of the WITNESS tensors (docs/SOUNDNESS.md); the links'
 * commitments are the same as for plain proofs.
 * Fails: VFT_USAGE (missing values, a link of another shape; hiding: another hash than BLAKE3, a
 * rate above 2^-2, oracles, no witness, fewer columns than queries, a trace that is noticed to be
 * false), VFT_RESOURCE (memory, or no randomness to be had),
 * what `stage` fails with, VFT_REJECTED "logup/sum" when the trace fails a lookup (unless unchecked); other false traces
 * are not noticed: run vft_program_check_trace. */
VFT_MUST_CHECK vft_status vft_prove(const vft_program *program, const vft_trace *trace,
                                    vft_commitment *const *link, const vft_digest *oracle_root,
                                    const vft_proof_options *options,
                                    const vft_prove_options *prove, vft_proof *proof,
                                    vft_oracle_claims *claims, vft_prove_profile *profile);

/* Proves all claims on the oracles; oracle[i] commits oracle i (claim.oracle counts into it). */
VFT_MUST_CHECK vft_status vft_prove_oracles(vft_commitment *const *oracle, uint32_t noracles,
                                            const vft_oracle_claims *claims,
                                            const vft_proof_options *options, vft_proof *proof);

/* The commitment as its verifier knows it; boxes are borrowed. */
vft_tree_info vft_commitment_info(const vft_commitment *c);

void vft_proof_free(vft_proof *proof);
/* Name, seconds, seconds of all threads and their ratio, without an end of line. */
void vft_prove_profile_line(FILE *out, const char *name, double seconds, double cpu);
void vft_prove_profile_print(const vft_prove_profile *profile, FILE *out);

#endif
