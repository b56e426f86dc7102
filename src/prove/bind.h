/* Partial evaluation: summing a tensor of integers under product weights over some of its axes. */
#ifndef VFT_PROVE_BIND_H
#define VFT_PROVE_BIND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "field/goldilocks.h"
#include "relation/program.h"
#include "verify/functional.h"

/* Expanded weights, one array for each distinct (kind, size, pointer); not thread-safe. */
typedef struct {
  struct vft_expanded *slot; /* open addressing, at most half full */
  uint32_t n, slots;
} vft_weight_cache;
/* All values of w (size of them), owned by the cache or, of VEC, by w; NULL without memory. */
const vft_ext *vft_weight_cache_get(vft_weight_cache *cache, const vft_weight *w);
size_t vft_weight_cache_bytes(const vft_weight_cache *cache);
void vft_weight_cache_free(vft_weight_cache *cache);

typedef struct {
  uint32_t off, size;  /* the part of the axis that counts */
  bool kept;           /* else summed */
  size_t out_stride;   /* kept: elements of out */
  const vft_ext *w;    /* summed: weights, NULL: ones */
} vft_bind_axis;

/* out[sum of kept coordinates times strides] = sum over the summed axes. dims: of the tensor.
 * Kept axes must address distinct elements of out, all of which are written. Uses all threads. */
VFT_MUST_CHECK vft_status vft_bind(const vft_array *a, const uint32_t *dims, uint32_t rank,
                                   const vft_bind_axis *axis, vft_ext *out);

#endif
