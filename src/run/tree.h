/* The tree of proofs over a run: leaves and their wraps, nodes; each kept in a folder once it is made. */
#ifndef VFT_RUN_TREE_H
#define VFT_RUN_TREE_H

#include "run/leaf_keys.h"
#include "run/progress.h"

/* A proof of the nodes' shape over items first .. end - 1. kind: 0 a node, 1 + i a wrap of kind i. */
typedef struct {
  uint32_t kind;
  uint64_t first, end;
  uint8_t *proof; /* vft_free; NULL: in the folder */
  size_t length;
} vft_range;

/* Zero-initialise, fill the first part, vft_tree_begin; vft_tree_end in any case. */
typedef struct {
  const vft_table_tree *keys;             /* of wraps */
  const vft_poseidon_digest *wrap;        /* the same, by kind */
  vft_kind_keys *made; /* by kind: where they were kept, taken from there with the kind's first leaf; or NULL */
  vft_poseidon_digest common;             /* the run's common digest */
  const char *folder; /* of kept proofs; NULL: none is kept */
  bool resume;        /* proofs that are there and accepted are taken */
  bool verbose;
  vft_progress progress; /* in units of VFT_TREE_LEAF and VFT_TREE_NODE */

  vft_machine *node;
  vft_fp statement[VFT_RANGE_INPUTS]; /* as far as VFT_AT_FIRST */
  vft_kind_keys kind_keys; /* of the kind of leaf made last */
  uint32_t kind;
  vft_circuit_key node_key;
  uint64_t done;
} vft_tree;
enum { VFT_TREE_LEAF = 3, VFT_TREE_NODE = 1 };

VFT_MUST_CHECK vft_status vft_tree_begin(vft_tree *tree);
void vft_tree_end(vft_tree *tree);

/* Whether the range's proof is accepted. Fails: VFT_REJECTED, VFT_RESOURCE. */
VFT_MUST_CHECK vft_status vft_tree_check(const vft_tree *tree, const vft_range *range);
/* Takes a kept proof of the range, if resuming. */
bool vft_tree_kept(const vft_tree *tree, vft_range *range);
/* Leaf number i, left in the folder if there is one; of one kind after the other: only the last one's keys are
 * held. kinds: of the keys. Fails: as vft_leaf_make, and
 * VFT_RESOURCE when interrupted. */
VFT_MUST_CHECK vft_status vft_tree_leaf(vft_tree *tree, vft_aggregation *a,
                                        const vft_leaf_kinds *kinds, uint64_t leaf, vft_range *out);
/* The node over two neighbours. Fails: VFT_USAGE (they are none), VFT_REJECTED, VFT_RESOURCE. */
VFT_MUST_CHECK vft_status vft_tree_join(vft_tree *tree, vft_range child[2], vft_range *out);
/* Joins n >= 1 neighbours, level by level, until the first is all of them; frees the others. */
VFT_MUST_CHECK vft_status vft_tree_reduce(vft_tree *tree, vft_range *range, uint64_t n);
/* A proof for the tree. Ends with VFT_RESOURCE after a stage in which a stop was asked for. */
VFT_MUST_CHECK vft_status vft_tree_prove(const vft_circuit_key *key, const vft_circuit *circuit,
                                         vft_proof *proof, vft_prove_profile *profile);
/* Work done: progress, and whether to stop (VFT_RESOURCE). */
VFT_MUST_CHECK vft_status vft_tree_step(vft_tree *tree, uint64_t work, const char *what);
void vft_tree_show(const vft_tree *tree, const char *what, const vft_prove_profile *profile,
                   double seconds);

#endif
