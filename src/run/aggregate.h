/* From the proofs of a run to one proof: circuits that verify them (recurse/), and circuits that
 * verify proofs of those.
 *
 * The proofs of a run are items 0 .. N-1: its groups of steps, in order, then the blocks of its epochs.
 * A leaf is a circuit that verifies one item: the proof, the opening of its claims on base weights and
 * tables, and that the digests it speaks of are those of the run's tables (recurse/table.h):
 *   inputs   entry t: the public inputs of step t (learning rate and so on), which follow from the
 *            manifest
 *   states   entry t: the roots of the links adapter and state before step t
 *   rows     entry e: the root of the rows of epoch e
 * Items share nothing but these tables: that step t ends where step t + 1 begins is that both say so of
 * entry t + 1. A leaf's statement is the digest of what the whole run has in common and the steps that
 * it covers; the two children of a node have the same digest, and adjacent steps.
 *
 * The common digest is the sponge of domain 20 over: h_Pi (5 elements of 7 bytes), steps, roots of base
 * weights (4) and tables (4), roots of the tables inputs, states, rows (4 each). */
#ifndef VFT_RUN_AGGREGATE_H
#define VFT_RUN_AGGREGATE_H

#include "base/status.h"
#include "prove/commit.h"
#include "recurse/node.h"
#include "recurse/table.h"
#include "run/cut.h"
#include "run/epochs.h"
#include "run/plan.h"

enum { VFT_COMMON_ELEMENTS = 5 + 1 + 4 + 4 + 3 * 4 };

/* A run whose proofs are all there. */
typedef struct {
  vft_plan plan;
  vft_shards shards;
  const char *folder; /* RUN/public */
  vft_commitment *oracle[2];
  vft_table_tree inputs, states, rows;
  vft_fp common[VFT_COMMON_ELEMENTS];
} vft_aggregation;

/* Reads a run, verifies what the tables are made of. Fails: VFT_USAGE (a run whose proofs are not under
 * Poseidon, or are cut), VFT_REJECTED (proofs), VFT_RESOURCE. */
VFT_MUST_CHECK vft_status vft_aggregation_open(const char *run, vft_aggregation *out);
void vft_aggregation_close(vft_aggregation *a);

/* The leaf of the group of steps that begins with step t, under these keys of nodes and leaves. */
VFT_MUST_CHECK vft_status vft_aggregate_leaf(const vft_aggregation *a, uint64_t t,
                                             const vft_fp keys[VFT_AT_COMMON],
                                             vft_circuit **out);

/* The same circuit without values, for its key. */
VFT_MUST_CHECK vft_status vft_aggregate_blank_leaf(const vft_aggregation *a, uint64_t t,
                                                   vft_circuit **out);

#endif
