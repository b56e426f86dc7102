/* Kernels behind gemm.h: one table for each SIMD tier, over common packed layouts.
 *
 * Scheme I16: elements are 16-bit digits; a step is a pair of successive k, one 32-bit lane.
 * Scheme F64: elements are integers in doubles; a step is one k, one 64-bit lane.
 * A panel of A has VFT_GEMM_ROWS rows, [step][row] lanes; a panel of B has up to VFT_GEMM_VECTORS
 * vectors of 64 bytes, [step][vector] . Missing rows, columns and k are zero. A tile is
 * [VFT_GEMM_ROWS][VFT_GEMM_VECTORS] vectors of 32-bit integers or of doubles. */
#ifndef VFT_TRAIN_GEMM_KERNELS_H
#define VFT_TRAIN_GEMM_KERNELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "relation/program.h"

enum {
  VFT_GEMM_ROWS = 4,
  VFT_GEMM_VECTORS = 4,
  VFT_GEMM_LANES = 16, /* 32-bit lanes of a vector */
  VFT_GEMM_BLOCK = 16, /* steps (32 values of k) that share one bound on the columns' sums */
  VFT_GEMM_TILE = VFT_GEMM_ROWS * VFT_GEMM_VECTORS * 64 /* bytes */
};

typedef enum { VFT_GEMM_I16, VFT_GEMM_F64, VFT_GEMM_SCHEMES } vft_gemm_scheme;

typedef struct {
  /* tile = sum over steps of a's panel times b's, columns below 64 * vectors bytes. I16: modulo
   * 2^32; F64: exact while every partial sum stays within 2^53. */
  void (*dot[VFT_GEMM_SCHEMES])(void *tile, const void *a, const void *b, size_t vectors,
                                size_t steps);
  /* c[i row + j col] += scale * tile[i][j] modulo 2^64; = where `replace`. */
  void (*add[VFT_GEMM_SCHEMES])(int64_t *c, ptrdiff_t row, ptrdiff_t col, const void *tile,
                                size_t rows, size_t cols, int64_t scale, bool replace);
  /* out[p * width + i] = the pair (src[i][2p], src[i][2p + 1]) for i < rows, 0 for i < lanes;
   * lanes = 4 (then width = 4) or 16. The second kind reads src[2p][i], src[2p + 1][i]. `stride`
   * separates the rows of src as it is stored. */
  void (*pack_rows)(uint32_t *out, size_t width, size_t lanes, const int16_t *src,
                    ptrdiff_t stride, size_t rows, size_t pairs);
  void (*pack_columns)(uint32_t *out, size_t width, size_t lanes, const int16_t *src,
                       ptrdiff_t stride, size_t rows, size_t pairs);
  /* out[i] = digit `number` of src[i] in the balanced base 2^bits, 1 <= bits <= 16; the last digit
   * is all that the lower ones leave and must fit 16 bits. */
  void (*digit)(int16_t *out, vft_dtype dtype, const void *src, size_t n, unsigned bits,
                unsigned number, bool last);
  uint64_t (*max_abs)(vft_dtype dtype, const void *src, size_t n);
  /* Bound of sum |B| over at most VFT_GEMM_BLOCK steps, over all columns: at most 32 too high. */
  uint32_t (*column_sum)(const uint32_t *b, size_t vectors, size_t steps);
  /* x = 2^8 high + low, |high|, |low| <= 2^7, for n 16-bit integers. */
  void (*halve)(int16_t *high, int16_t *low, const int16_t *x, size_t n);
} vft_gemm_ops;

extern const vft_gemm_ops vft_gemm_ops_c;
#ifdef __x86_64__
extern const vft_gemm_ops vft_gemm_ops_avx2, vft_gemm_ops_avx512;
#endif

#endif
