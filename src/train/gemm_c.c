/* Portable kernels, and the one that matters most for AVX2. */
#include <string.h>

#ifdef __x86_64__
#include <immintrin.h>
#endif

#include "train/gemm_kernels.h"
#include "train/gemm_loops.h"

enum { ROWS = VFT_GEMM_ROWS, LANES = VFT_GEMM_LANES };

/* A vector's columns at a time, so that the sums stay in registers. Unsigned: sums are modulo
 * 2^32 (products of 16-bit integers fit a signed 32-bit one). */
static void dot_i16(void *tile, const void *pa, const void *pb, size_t vectors, size_t steps) {
  uint32_t *t = tile;
  for (size_t v = 0; v < vectors; v++) {
    uint32_t acc[ROWS][LANES] = {{0}};
    const int16_t *a = pa, *b = (const int16_t *)pb + 2 * LANES * v;
    for (size_t s = 0; s < steps; s++, a += 2 * ROWS, b += 2 * LANES * vectors)
      for (int i = 0; i < ROWS; i++)
        for (int j = 0; j < LANES; j++)
          acc[i][j] += (uint32_t)(a[2 * i] * b[2 * j]) + (uint32_t)(a[2 * i + 1] * b[2 * j + 1]);
    for (int i = 0; i < ROWS; i++)
      memcpy(t + ((size_t)i * VFT_GEMM_VECTORS + v) * LANES, acc[i], sizeof acc[i]);
  }
}

#ifdef __x86_64__
__attribute__((target("avx2"))) static void dot_i16_avx2(void *tile, const void *pa,
                                                         const void *pb, size_t vectors,
                                                         size_t steps) {
  for (size_t v = 0; v < vectors; v++) {
    __m256i acc[ROWS][2];
    const int32_t *a = pa;
    const __m256i *b = (const __m256i *)pb + 2 * v;
    for (int i = 0; i < ROWS; i++) acc[i][0] = acc[i][1] = _mm256_setzero_si256();
    for (size_t s = 0; s < steps; s++, a += ROWS, b += 2 * vectors) {
#pragma GCC unroll 4
      for (int i = 0; i < ROWS; i++) {
        __m256i x = _mm256_set1_epi32(a[i]);
        acc[i][0] = _mm256_add_epi32(acc[i][0], _mm256_madd_epi16(x, b[0]));
        acc[i][1] = _mm256_add_epi32(acc[i][1], _mm256_madd_epi16(x, b[1]));
      }
    }
    for (size_t i = 0; i < ROWS; i++) {
      __m256i *t = (__m256i *)tile + (i * VFT_GEMM_VECTORS + v) * 2;
      t[0] = acc[i][0];
      t[1] = acc[i][1];
    }
  }
}
#endif

static void dot_f64(void *tile, const void *pa, const void *pb, size_t vectors, size_t steps) {
  enum { WIDTH = LANES / 2 };
  double *t = tile;
  for (size_t v = 0; v < vectors; v++) {
    double acc[ROWS][WIDTH] = {{0}};
    const double *a = pa, *b = (const double *)pb + WIDTH * v;
    for (size_t s = 0; s < steps; s++, a += ROWS, b += WIDTH * vectors)
      for (int i = 0; i < ROWS; i++)
        for (int j = 0; j < WIDTH; j++) acc[i][j] += a[i] * b[j];
    for (int i = 0; i < ROWS; i++)
      memcpy(t + ((size_t)i * VFT_GEMM_VECTORS + v) * WIDTH, acc[i], sizeof acc[i]);
  }
}

static uint32_t pair(int16_t first, int16_t second) {
  int16_t both[2] = {first, second};
  uint32_t v;
  memcpy(&v, both, sizeof v);
  return v;
}

static void pack_rows(uint32_t *out, size_t width, size_t lanes, const int16_t *src,
                      ptrdiff_t stride, size_t rows, size_t pairs) {
  for (size_t p = 0; p < pairs; p++)
    for (size_t i = 0; i < lanes; i++) {
      const int16_t *x = src + (ptrdiff_t)i * stride + 2 * p;
      out[p * width + i] = i < rows ? pair(x[0], x[1]) : 0;
    }
}

static void pack_columns(uint32_t *out, size_t width, size_t lanes, const int16_t *src,
                         ptrdiff_t stride, size_t rows, size_t pairs) {
  for (size_t p = 0; p < pairs; p++) {
    const int16_t *x = src + 2 * (ptrdiff_t)p * stride;
    for (size_t i = 0; i < lanes; i++)
      out[p * width + i] = i < rows ? pair(x[i], x[stride + (ptrdiff_t)i]) : 0;
  }
}

static uint32_t column_sum(const uint32_t *b, size_t vectors, size_t steps) {
  const int16_t *x = (const int16_t *)b;
  uint32_t most = 0;
  for (size_t j = 0; j < vectors * LANES; j++) {
    uint32_t sum = 0;
    for (size_t s = 0; s < steps; s++) {
      const int16_t *v = x + 2 * (s * vectors * LANES + j);
      sum += (uint32_t)(v[0] < 0 ? -v[0] : v[0]) + (uint32_t)(v[1] < 0 ? -v[1] : v[1]);
    }
    most = sum > most ? sum : most;
  }
  return most;
}

#define OPS(DOT)                                                                         \
  {.dot = {DOT, dot_f64},                                                                \
   .add = {add_strided_i16, add_strided_f64},                                            \
   .pack_rows = pack_rows,                                                               \
   .pack_columns = pack_columns,                                                         \
   .digit = loop_digit,                                                                  \
   .max_abs = loop_max_abs,                                                              \
   .column_sum = column_sum,                                                             \
   .halve = loop_halve}

const vft_gemm_ops vft_gemm_ops_c = OPS(dot_i16);
#ifdef __x86_64__
const vft_gemm_ops vft_gemm_ops_avx2 = OPS(dot_i16_avx2);
#endif
