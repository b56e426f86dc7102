/* Keys of the leaves of a run: functions of its manifest and of how its steps are joined. */
#ifndef VFT_RUN_LEAF_KEYS_H
#define VFT_RUN_LEAF_KEYS_H

#include "recurse/machine_trace.h"
#include "run/aggregate.h"

typedef struct {
  vft_leaf_kinds kinds;
  vft_fp wrap[4 * VFT_LEAF_KEYS]; /* zeros for kinds that there are not */
  vft_bits inner[VFT_LEAF_KEYS];  /* soundness of what a leaf verifies */
  vft_bits leaf[VFT_LEAF_KEYS];   /* and of the proof of a leaf */
} vft_leaf_keys;

/* Columns of the leaves' machines: 2^c with some hundred rows. */
uint32_t vft_leaf_columns(const vft_circuit *leaf);

/* Records and commits every kind of leaf and its wrap: seconds and, for large programs, gigabytes. */
VFT_MUST_CHECK vft_status vft_leaf_keys_make(const vft_aggregation *a, vft_leaf_keys *out);
/* The same from a cache in the user's cache folder (XDG_CACHE_HOME or HOME/.cache, vft/), kept under
 * h_Pi, the joining of steps and the two built-in keys, and believed; *cached says whether it was
 * there. */
VFT_MUST_CHECK vft_status vft_leaf_keys_cached(const vft_aggregation *a, vft_leaf_keys *out,
                                               bool *cached);

#endif
