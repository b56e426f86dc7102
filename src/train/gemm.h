/* Exact integer matrix products: the inner loop of training.
 *
 *   c[o][i][j] += coef * sum over s and k of a[o][s][i][k] * b[o][s][j][k]
 *
 * with independent strides (in elements) on every axis, so that transposed weights, heads and
 * split axes need no copies by the caller. `outer` axes o are independent products; `sum` axes s
 * are further contracted axes. Results are exact, hence the same for every SIMD tier, blocking and
 * number of threads.
 *
 * Method: both operands are packed into panels of 16-bit integers, wider ones as two or more
 * signed digits. Products are summed in 32 bits over as many k as the integers at hand allow (the
 * greatest |a| of a panel's rows times the greatest column sum of |b|), then in 64 bits. */
#ifndef VFT_TRAIN_GEMM_H
#define VFT_TRAIN_GEMM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "relation/program.h"

typedef struct {
  size_t n;
  ptrdiff_t a, b, c; /* c: 0 on sum axes */
} vft_gemm_axis;

typedef struct {
  size_t m, n, k;
  const void *a, *b;
  vft_dtype ta, tb;
  ptrdiff_t am, ak, bn, bk;
  int64_t *c;
  ptrdiff_t cm, cn;
  int64_t coef;
  uint32_t nouter, nsum;
  vft_gemm_axis outer[VFT_MAX_INDEX], sum[VFT_MAX_INDEX];
  bool replace;     /* c = instead of c += */
  int abits, bbits; /* |a| <= 2^(abits-1), |b| <= 2^(bbits-1) */
} vft_gemm_task;

/* Uses all threads of the pool.
 * requires: every c and every sum of it below 2^63 in absolute value (the program's static bounds
 *           say 2^62); elements of c for different (o, i, j) distinct, none in a or b.
 * fails:    VFT_RESOURCE (memory, or an element of a wide operand beyond its bound); c is then
 *           unspecified. */
VFT_MUST_CHECK vft_status vft_gemm(const vft_gemm_task *task);

#endif
