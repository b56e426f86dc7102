/* Product weights on tensors ("functionals") and their closed forms.
 *
 * A weight lives on positions 0 .. size-1 of an index:
 *   EQ    eq(v, i), v a point of log2ceil(size) coordinates, low bit first
 *   ONES  1
 *   VEC   v[i]
 * A functional puts one weight, shifted by an offset, on every axis of a tensor:
 *   value = sum over i of prod_a weight_a(i_a - off_a) * T[i],
 * with weight 0 outside [off_a, off_a + size_a).
 *
 * Weights and axes are borrowed: they live in the arena of the session that made them. */
#ifndef VFT_VERIFY_FUNCTIONAL_H
#define VFT_VERIFY_FUNCTIONAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "field/goldilocks.h"
#include "relation/program.h"

typedef enum { VFT_W_EQ, VFT_W_ONES, VFT_W_VEC } vft_weight_kind;

typedef struct {
  vft_weight_kind kind;
  uint32_t size;    /* >= 1 */
  const vft_ext *v; /* EQ: log2ceil(size) coordinates; VEC: size values; ONES: not used */
} vft_weight;

typedef struct {
  vft_weight w;
  uint32_t off; /* off + w.size <= dimension of the axis */
} vft_axis;

typedef struct {
  vft_tensor_id tensor;
  uint32_t rank;
  const vft_axis *axis;
} vft_functional;

/* sum over i < 2^n of i * eq(z, i) = sum_b 2^b z_b. */
vft_ext vft_eq_iota(const vft_ext *z, unsigned n);

/* Weight at position i < size. */
vft_ext vft_weight_at(const vft_weight *w, uint32_t i);
/* sum of all weights */
vft_ext vft_weight_sum(const vft_weight *w);
/* All weights, times scale, into out[size]. */
void vft_weight_expand(const vft_weight *w, vft_ext scale, vft_ext *out);
/* The multilinear extension, at z, of the weight seen through the window of 2^n positions that
 * starts at `start` of the axis:  sum over i < 2^n of eq(z, i) * w(start + i - off), w zero
 * outside its support. Work: O(n + log size) for EQ and ONES, O(min(2^n, size)) for VEC. */
vft_ext vft_weight_window(const vft_weight *w, uint32_t off, uint32_t start, unsigned n,
                          const vft_ext *z);

bool vft_weight_equal(const vft_weight *a, const vft_weight *b);
bool vft_functional_equal(const vft_functional *a, const vft_functional *b);
uint64_t vft_functional_hash(const vft_functional *f);

#endif
