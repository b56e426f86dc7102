/* From the proofs of a run to one proof: circuits that verify them (run/leaf.c), under wraps and nodes
 * (recurse/node.h).
 *
 * The proofs of a run are items 0 .. N-1: its steps 0 .. T-1, one proof a group of them, then the blocks
 * of its epochs. A leaf is a circuit that verifies one proof, the opening of its claims on base weights
 * and tables, and that the digests it speaks of are those of the run's tables (recurse/table.h):
 *   inputs    entry t: the public inputs of step t (learning rate and so on)
 *   states    entry t: the roots of the links adapter and state before step t
 *   rows      entry e: the root of the rows of epoch e
 *   blocks    entry n: the public inputs of block n of all epochs (b an epoch)
 *   counters  entry (b + 1) e + k: the root of the counters after k blocks of epoch e, 0 < k <= b
 * Items share nothing but these tables: that step t ends where step t + 1 begins is that both say so of
 * entry t + 1, that a step's rows are those that the sampler drew is that both say so of entry e.
 * inputs and blocks follow from the manifest, the shown keys of windows and the counters' digests;
 * states, rows and counters nobody but the prover knows.
 *
 * The common digest of a run is the sponge of domain 20 over: h_Pi (5 elements of 7 bytes), T, roots of
 * base weights (4) and function tables (4), roots of inputs, blocks, states, rows, counters (4 each). */
#ifndef VFT_RUN_AGGREGATE_H
#define VFT_RUN_AGGREGATE_H

#include "base/status.h"
#include "prove/commit.h"
#include "recurse/node.h"
#include "recurse/outer.h"
#include "recurse/table.h"
#include "run/cut.h"
#include "run/epochs.h"
#include "run/plan.h"

/* What is the same for everyone who knows the manifest, and what a prover adds. */
typedef struct {
  const vft_manifest *manifest;
  vft_step *step;      /* borrowed */
  vft_shards shards;
  vft_epochs epochs;
  const char *folder;  /* RUN/public; NULL: only the manifest is known */
  vft_table_tree table[VFT_RUN_TABLES];
  vft_fp common[VFT_COMMON_ELEMENTS];
  /* a prover's */
  vft_plan plan;
  vft_commitment *oracle[2];
  vft_windows windows;
  vft_poseidon_digest *digests; /* of the counters after each block */
  vft_fp last[8];               /* roots of adapter and state after step T */
} vft_aggregation;

/* Reads a finished run. Fails: VFT_USAGE (its proofs are not under Poseidon, or are cut), VFT_REJECTED
 * (proofs missing), VFT_RESOURCE. */
VFT_MUST_CHECK vft_status vft_aggregation_open(const char *run, vft_aggregation *out);
/* The manifest alone: for keys of leaves. */
VFT_MUST_CHECK vft_status vft_aggregation_manifest(const vft_manifest *manifest, vft_step *step,
                                                   const vft_cut *cut, vft_aggregation *out);
void vft_aggregation_close(vft_aggregation *a);

/* Root of the table blocks from what is public. counters: the digest after each block. */
VFT_MUST_CHECK vft_status vft_aggregation_blocks(const vft_aggregation *a,
                                                 const vft_windows *windows,
                                                 const vft_poseidon_digest *counters,
                                                 vft_table_tree *out);

/* Items, in steps and blocks; proofs, which are as many leaves; the items of leaf number i. */
uint64_t vft_aggregation_items(const vft_aggregation *a);
uint64_t vft_aggregation_leaves(const vft_aggregation *a);
void vft_aggregation_range(const vft_aggregation *a, uint64_t leaf, uint64_t *first, uint64_t *end);

/* Kinds of leaves: by the number of steps of the group, the most first; then first blocks, later
 * blocks. A run has up to VFT_LEAF_KEYS; example: a leaf of that kind. */
typedef struct {
  uint32_t n;
  uint64_t example[VFT_LEAF_KEYS];
} vft_leaf_kinds;
void vft_aggregation_kinds(const vft_aggregation *a, vft_leaf_kinds *out);
uint32_t vft_aggregation_kind(const vft_aggregation *a, const vft_leaf_kinds *kinds, uint64_t leaf);

/* The circuit of leaf number i. keys: of nodes and wraps; NULL: a blank one, for its key. account: of
 * what it verifies, may be NULL. */
VFT_MUST_CHECK vft_status vft_leaf_make(const vft_aggregation *a, uint64_t leaf, const vft_fp *keys,
                                        vft_bits *account, vft_circuit **out);

/* For leaf.c. */
vft_poseidon_digest vft_sponge_of(uint64_t domain, const vft_fp *in, size_t n);
VFT_MUST_CHECK vft_status vft_digest_elements(const vft_digest *d, vft_fp out[4]);
/* Numbers of public inputs of a program; those of a step, tensor by tensor. */
size_t vft_input_count(const vft_program *program);
VFT_MUST_CHECK vft_status vft_step_input_elements(const vft_manifest *m, const vft_step *step,
                                                  uint64_t t, vft_fp *out);
/* Those of a block; counters NULL: zeros. */
VFT_MUST_CHECK vft_status vft_block_input_elements(const vft_aggregation *a,
                                                   const vft_windows *windows, uint64_t block,
                                                   const vft_poseidon_digest *counters,
                                                   vft_fp *out);

#endif
