/* Exact integer matrix products, batched, with any strides:
 *   C[b][m][n] (+)= scale * sum_k A[b][m][k] B[b][n][k]
 * in 64-bit integers. Every tier and number of threads gives the same integers. */
#ifndef VFT_TRAIN_GEMM_H
#define VFT_TRAIN_GEMM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "relation/program.h"

/* Element (batch b, row i, k) lies at data[b * batch + i * row + k * k_stride]; strides count
 * elements and may be zero (a shared operand) or negative. */
typedef struct {
  vft_dtype dtype;
  const void *data;
  ptrdiff_t row, k, batch;
} vft_gemm_operand;

/* A constant right-hand operand in the layout of the kernels (frozen weights, used each step). */
typedef struct vft_gemm_packed vft_gemm_packed;

typedef struct {
  size_t batch, m, n, k; /* any, zero included (k = 0: sums are 0) */
  vft_gemm_operand a;    /* rows m */
  vft_gemm_operand b;    /* rows n */
  const vft_gemm_packed *packed; /* NULL, or stands for b, which is then not read */
  int64_t *c;            /* element (b, m, n) at c[b * c_batch + m * c_row + n] */
  ptrdiff_t c_row, c_batch;
  int64_t scale;
  bool accumulate;       /* add to C rather than overwrite it */
} vft_gemm;

/* requires: |scale| * sum_k |A||B| < 2^62 for every element, and the same of |C| + it when
 *           accumulating (bounds that the program's bound checker establishes); C disjoint from A
 *           and B, its elements distinct; `packed` made for (n, k) and for `batch` or one batch
 *           (then shared by all).
 * fails:    VFT_RESOURCE (memory); C is then unspecified. */
VFT_MUST_CHECK vft_status vft_gemm_run(const vft_gemm *g);

/* *out: owned by the caller, freed with vft_gemm_packed_free. fails: VFT_RESOURCE. */
VFT_MUST_CHECK vft_status vft_gemm_pack(vft_gemm_packed **out, const vft_gemm_operand *b,
                                        size_t batch, size_t n, size_t k);
void vft_gemm_packed_free(vft_gemm_packed *packed);
size_t vft_gemm_packed_bytes(const vft_gemm_packed *packed);

#endif
