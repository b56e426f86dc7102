/* Elementwise kernels of the executor: short rows of 64-bit integers against typed arrays. All
 * exact; every SIMD tier gives the same integers. Rows do not overlap unless they are the same. */
#ifndef VFT_TRAIN_ROWS_H
#define VFT_TRAIN_ROWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "relation/program.h"

typedef struct {
  /* out[i] = src[i stride]; x[i] *= src[i stride]. Strides in elements, zero allowed. */
  void (*load)(int64_t *out, vft_dtype t, const void *src, ptrdiff_t stride, size_t n);
  void (*multiply)(int64_t *x, vft_dtype t, const void *src, ptrdiff_t stride, size_t n);
  /* dst[i] = x[i], which fits. */
  void (*store)(void *dst, vft_dtype t, const int64_t *x, size_t n);
  /* out[i] += coef x[i]. */
  void (*add_scaled)(int64_t *out, int64_t coef, const int64_t *x, size_t n);
  int64_t (*sum)(const int64_t *x, size_t n);
  /* x[i] + 2^(k-1) = 2^k q[i] + rem[i], 0 <= rem < 2^k; k = 0: q = x. 0 <= k <= 62. */
  void (*requantise)(int64_t *q, int64_t *rem, const int64_t *x, int k, size_t n);
  /* q[i] = floor((2 x + d) / (2 d)), rem = 2 x + d - 2 d q; all 0 where d < 1.
   * requires: |2 x| + d < 2^63, d < 2^61. */
  void (*divide)(int64_t *q, int64_t *rem, const int64_t *x, const int64_t *d, size_t n);
  /* s[i] = floor(sqrt(x)), rem = x - s^2; negative x: s = 0. requires: x < 2^62. */
  void (*square_root)(int64_t *s, int64_t *rem, const int64_t *x, size_t n);
  /* out[i] = bits at .. at + width - 1 of x[i] + offset. */
  void (*limb)(int64_t *out, const int64_t *x, int64_t offset, int at, int width, size_t n);
  /* x[i] = by x[i] + plus, modulo 2^64. */
  void (*affine)(int64_t *x, int64_t by, int64_t plus, size_t n);
  /* The greatest x[i] >> k of those with in[i] (0 or 1); INT64_MIN if there is none. */
  int64_t (*top)(const int64_t *x, const int8_t *in, int k, size_t n);
  /* t[i] = best - (x[i] >> k), rem[i] = x[i] mod 2^k, both 0 without in[i]. Returns the greatest
   * t[i], or 0. requires: 0 <= best - (x[i] >> k) < 2^63 with in[i]. */
  int64_t (*below)(int64_t *t, int64_t *rem, const int64_t *x, const int8_t *in, int64_t best, int k,
                   size_t n);
  /* Whether all lie in [lo, hi]. */
  bool (*inside)(const int64_t *x, int64_t lo, int64_t hi, size_t n);
} vft_rows_ops;

const vft_rows_ops *vft_rows(void);
extern const vft_rows_ops vft_rows_c;
#ifdef __x86_64__
extern const vft_rows_ops vft_rows_avx2, vft_rows_avx512;
#endif

#endif
