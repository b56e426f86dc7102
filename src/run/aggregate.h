/* From the proofs of a run to one proof: circuits that verify them (run/leaf.c), under wraps and nodes
 * (recurse/node.h).
 *
 * The proofs of a run, and openings of the claims on base weights and tables that they leave, are items
 * (run/leaves.h). A leaf says that the proofs it verifies, and the digests they speak of, are those of the
 * run's tables (recurse/table.h), with S proofs a step, n ranges of layers (1 if steps are not cut), b
 * blocks an epoch:
 *   inputs    entry S t + s: the public inputs of proof s of step t (learning rate and so on)
 *   states    entry t: the roots of the links adapter and state before step t, of each range, under a tree
 *             of as many levels as n takes; entry T + 1 of a cut run: the released adapter's and zeros
 *   rows      entry e: the root of the rows of epoch e
 *   blocks    entry i: the public inputs of block i of all epochs
 *   counters  entry (b + 1) e + k: the root of the counters after k blocks of epoch e, 0 < k <= b
 *   places    entry (n + 1) t + i, of a cut run: what head (i = 0) and the layers of range i - 1 hand over
 *   claims    entry S g + s: the claims that proof s of group g leaves, g = e Q + q with Q groups of a full
 *             epoch
 * Items share nothing but these tables: that step t ends where step t + 1 begins is that both say so of
 * entry t + 1, that a step's rows are those that the sampler drew is that both say so of entry e, that a
 * claim is opened is that the opening speaks of the same entry.
 * inputs and blocks follow from the manifest, the shown keys of windows and the counters' digests; the
 * others nobody but the prover knows.
 *
 * The common digest of a run is the sponge of domain 20 over: h_Pi (5 elements of 7 bytes), T, roots of
 * base weights (4) and function tables (4), roots of the seven tables (4 each). */
#ifndef VFT_RUN_AGGREGATE_H
#define VFT_RUN_AGGREGATE_H

#include "base/status.h"
#include "prove/commit.h"
#include "recurse/node.h"
#include "recurse/outer.h"
#include "recurse/table.h"
#include "run/cut.h"
#include "recurse/claims.h"
#include "recurse/verifier.h"
#include "run/epochs.h"
#include "run/leaves.h"
#include "run/plan.h"

#define VFT_AGGREGATE_RESUME "vft aggregate ... --resume goes on"

/* What is the same for everyone who knows the manifest, and what a prover adds. */
typedef struct {
  const vft_manifest *manifest;
  vft_step *step;      /* borrowed */
  vft_shards shards;
  vft_epochs epochs;
  vft_leaves leaves;
  uint32_t ranges;     /* of states: 1 if steps are not cut */
  vft_claim_list *form; /* [S][3]: claims of a proof by vft_piece_place, as far as they were needed */
  const char *folder;  /* RUN/public; NULL: only the manifest is known */
  vft_table_tree table[VFT_RUN_TABLES];
  vft_fp common[VFT_COMMON_ELEMENTS];
  /* a prover's */
  vft_plan plan;
  vft_commitment *oracle[2];    /* made when an opening is (vft_aggregation_oracles) */
  vft_windows windows;
  vft_poseidon_digest *digests; /* of the counters after each block */
  vft_fp (*roots)[8];           /* [T + 1][ranges]: of the links adapter and state before step t */
  vft_fp released[8];           /* the entry with the released adapter */
  vft_oracle_claims claims;     /* of all proofs of steps, group by group, as verifying them left them: as
                                   many as a verifier of the run has at once */
  uint32_t *claims_end;         /* [groups S] */
} vft_aggregation;

/* Reads a finished run, and verifies it as `vft verify RUN/public` does (run/verify.h), but for the model:
 * all that is made of its proofs later is made of proofs that were accepted here. Fails: VFT_USAGE (its proofs
 * are not under Poseidon), VFT_REJECTED (with the check that failed), VFT_RESOURCE (also "interrupted").
 * pieces: as in vft_aggregate_request. memory: bytes of vft_alloc that aggregation is to stay
 * within: without `pieces`, leaves are made so small, and it fails with VFT_RESOURCE where the
 * smallest ones do not fit; 0: as they are by default. */
VFT_MUST_CHECK vft_status vft_aggregation_open(const char *run, const uint32_t *pieces, uint64_t memory,
                                               vft_aggregation *out);
/* The manifest alone: for keys of leaves. */
VFT_MUST_CHECK vft_status vft_aggregation_manifest(const vft_manifest *manifest, vft_step *step,
                                                   const vft_cut *cut,
                                                   const vft_leaf_choice *choice,
                                                   vft_aggregation *out);
/* The claims of proof number `shard` of a group, counted in the run: borrowed. */
vft_oracle_claims vft_aggregation_claims(const vft_aggregation *a, uint64_t group, uint32_t shard);
/* Commits base weights and tables. */
VFT_MUST_CHECK vft_status vft_aggregation_oracles(vft_aggregation *a);
void vft_aggregation_close(vft_aggregation *a);

/* Root of the table blocks from what is public. counters: the digest after each block. */
VFT_MUST_CHECK vft_status vft_aggregation_blocks(const vft_aggregation *a,
                                                 const vft_windows *windows,
                                                 const vft_poseidon_digest *counters,
                                                 vft_table_tree *out);

/* Number of the entry of the states that has the released adapter. */
uint64_t vft_released_entry(const vft_aggregation *a);
/* Entry 0 of the states: for a verifier that of the declared start (roots in the manifest are recomputed
 * before), for a prover that of its run. */
VFT_MUST_CHECK vft_status vft_start_entry(const vft_aggregation *a, vft_poseidon_digest *out);

/* The circuit of leaf number i. keys: of nodes and wraps; NULL: a blank one, for its key. account: of
 * what it verifies, may be NULL. */
VFT_MUST_CHECK vft_status vft_leaf_make(vft_aggregation *a, uint64_t leaf, const vft_fp *keys,
                                        vft_bits *account, vft_circuit **out);

/* For aggregate_open.c and leaf.c. */
/* The elements of `common`, from manifest and tables. */
VFT_MUST_CHECK vft_status vft_aggregation_common(vft_aggregation *a);
/* The entry of a state; roots: of its ranges. */
vft_poseidon_digest vft_state_entry(const vft_aggregation *a, const vft_fp (*roots)[8]);
vft_poseidon_digest vft_sponge_of(uint64_t domain, const vft_fp *in, size_t n);
VFT_MUST_CHECK vft_status vft_digest_elements(const vft_digest *d, vft_fp out[4]);
/* Sibling at a height of the nodes above range r of a state; roots: of its ranges, NULL: zeros. */
vft_poseidon_digest vft_range_sibling(const vft_aggregation *a, const vft_fp (*roots)[8], uint32_t r,
                                      unsigned height);
/* Numbers of public inputs of a program; those of a step or part of one, tensor by tensor. */
size_t vft_input_count(const vft_program *program);
VFT_MUST_CHECK vft_status vft_step_input_elements(const vft_manifest *m, const vft_step *step,
                                                  uint64_t t, vft_fp *out);
/* Those of a block; counters NULL: zeros. */
VFT_MUST_CHECK vft_status vft_block_input_elements(const vft_aggregation *a,
                                                   const vft_windows *windows, uint64_t block,
                                                   const vft_poseidon_digest *counters,
                                                   vft_fp *out);

#endif
