/* Keys of the leaves of a run: functions of its manifest, of how its steps are cut or joined, and of how its
 * proofs become leaves. */
#ifndef VFT_RUN_LEAF_KEYS_H
#define VFT_RUN_LEAF_KEYS_H

#include "recurse/machine_trace.h"
#include "run/aggregate.h"

/* Keys with their commitments: what proofs of a kind of leaf and of its wrap take. leaf.machine NULL: there
 * are none; wrap.machine NULL: none of the wrap. */
typedef struct {
  vft_circuit_key leaf, wrap;
} vft_kind_keys;
void vft_kind_keys_free(vft_kind_keys *keys);

/* Bytes of such keys that a prover keeps in memory from the making of the table of keys until leaves of the
 * kind are proved, instead of making them twice; less where memory is short (vft_leaf_keys_room): a quarter
 * of what is allowed (0: of what is free), since the proof of a leaf takes several times its key. */
enum { VFT_KEYS_KEPT = 2000000000 };
size_t vft_leaf_keys_room(uint64_t memory);

typedef struct {
  vft_leaf_kinds kinds;
  vft_poseidon_digest wrap[VFT_LEAF_KINDS];
  vft_bits inner[VFT_LEAF_KINDS]; /* soundness of what a leaf verifies */
  vft_bits leaf[VFT_LEAF_KINDS];  /* and of the proof of a leaf */
  vft_table_tree table;           /* of the wraps' keys */
  vft_kind_keys made[VFT_LEAF_KINDS]; /* those that were kept */
} vft_leaf_keys;
void vft_leaf_keys_free(vft_leaf_keys *keys);

/* Columns of the leaves' machines: 2^c with some hundred rows. */
uint32_t vft_leaf_columns(const vft_circuit *leaf);

/* Records and commits every kind of leaf and its wrap, which takes seconds and, for large programs,
 * gigabytes; or takes what was kept of that in the user's cache folder (XDG_CACHE_HOME or HOME/.cache,
 * vft/), under h_Pi, the cut, the choice of leaves and the two built-in keys, and believed. *cached says
 * which. room: bytes of commitments, of those that were made, to keep in `made`; none of what the folder has. */
VFT_MUST_CHECK vft_status vft_leaf_keys_cached(vft_aggregation *a, size_t room, vft_leaf_keys *out,
                                               bool *cached);
/* The same for a verifier: vft_leaf_keys_free and vft_free; the seconds that it took. */
VFT_MUST_CHECK vft_status vft_leaf_keys_known(vft_aggregation *a, vft_leaf_keys **out, bool *cached,
                                              double *seconds);

#endif
