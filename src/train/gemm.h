/* Exact integer matrix products: the inner loop of training.
 *
 *   c[o][i][j] += coef * sum over s and k of a[o][s][i][k] * b[o][s][j][k]
 *
 * with independent strides (in elements) on every axis, so that transposed weights, heads and
 * split axes need no copies by the caller. `outer` axes o are independent products; `sum` axes s
 * are further contracted axes. All partial sums fit 62 bits by the static bounds of the program;
 * results are exact, hence the same for any blocking and any number of threads. */
#ifndef VFT_TRAIN_GEMM_H
#define VFT_TRAIN_GEMM_H

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
  vft_dtype ta, tb; /* I8, I16, U16, I32 */
  ptrdiff_t am, ak, bn, bk;
  int64_t *c;
  ptrdiff_t cm, cn;
  int64_t coef;
  uint32_t nouter, nsum;
  vft_gemm_axis outer[VFT_MAX_INDEX], sum[VFT_MAX_INDEX];
  int abits, bbits; /* |a| <= 2^(abits-1), |b| <= 2^(bbits-1) */
} vft_gemm_task;

/* Uses all threads of the pool. Outputs of different (o, i, j) must not alias. */
void vft_gemm(const vft_gemm_task *task);

#endif
