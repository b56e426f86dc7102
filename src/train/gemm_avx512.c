/* AVX-512 kernels of gemm.h. */
#ifdef __x86_64__

#include <immintrin.h>

#include "train/gemm_kernels.h"
#include "train/gemm_loops.h"

enum { ROWS = VFT_GEMM_ROWS, LANES = VFT_GEMM_LANES };

typedef __m512i vec;

#define UNROLL _Pragma("GCC unroll 16")

/* Sixteen accumulators hide the latency of the multiply-accumulate. They go through inline
 * assembly because gcc 12 copies a register for each intrinsic with a destructive operand, which
 * more than halves the rate. */
#define DOT(NAME, C, VEC, LANE, ZERO, STORE, BROADCAST, MAC)                                    \
  static inline __attribute__((always_inline)) void NAME##_##C(void *tile, const void *pa,     \
                                                               const void *pb, size_t steps) { \
    VEC acc[ROWS][C];                                                                           \
    const LANE *a = pa;                                                                         \
    const VEC *b = pb;                                                                          \
    UNROLL for (int i = 0; i < ROWS; i++) UNROLL for (int j = 0; j < C; j++) acc[i][j] = ZERO(); \
    for (size_t s = 0; s < steps; s++, a += ROWS, b += C) {                                     \
      VEC bv[C];                                                                                \
      UNROLL for (int j = 0; j < C; j++) bv[j] = b[j];                                          \
      UNROLL for (int i = 0; i < ROWS; i++) {                                                   \
        VEC av;                                                                                 \
        __asm__(BROADCAST " %1, %0" : "=v"(av) : "m"(a[i]));                                    \
        UNROLL for (int j = 0; j < C; j++)                                                      \
            __asm__(MAC " %2, %1, %0" : "+v"(acc[i][j]) : "v"(av), "v"(bv[j]));                 \
      }                                                                                         \
    }                                                                                           \
    UNROLL for (int i = 0; i < ROWS; i++) UNROLL for (int j = 0; j < C; j++)                    \
        STORE((char *)tile + (i * VFT_GEMM_VECTORS + j) * 64, acc[i][j]);                       \
  }

#define DOTS(NAME, ...)                                                                         \
  DOT(NAME, 1, __VA_ARGS__)                                                                     \
  DOT(NAME, 2, __VA_ARGS__)                                                                     \
  DOT(NAME, 3, __VA_ARGS__)                                                                     \
  DOT(NAME, 4, __VA_ARGS__)                                                                     \
  static void NAME(void *tile, const void *a, const void *b, size_t vectors, size_t steps) {    \
    switch (vectors) {                                                                          \
      case 1: NAME##_1(tile, a, b, steps); return;                                              \
      case 2: NAME##_2(tile, a, b, steps); return;                                              \
      case 3: NAME##_3(tile, a, b, steps); return;                                              \
      default: NAME##_4(tile, a, b, steps); return;                                             \
    }                                                                                           \
  }

DOTS(dot_i16, vec, int32_t, _mm512_setzero_si512, _mm512_store_si512, "vpbroadcastd", "vpdpwssd")
DOTS(dot_f64, __m512d, double, _mm512_setzero_pd, _mm512_store_pd, "vbroadcastsd", "vfmadd231pd")

static __mmask16 low_mask(size_t n) {
  return (__mmask16)(n >= 16 ? 0xffff : (1u << n) - 1);
}

#define ADD(NAME, TYPE, STRIDED, LOAD)                                                        \
  static void NAME(int64_t *c, ptrdiff_t row, ptrdiff_t col, const void *tile, size_t rows,   \
                   size_t cols, int64_t scale, bool replace) {                                \
    if (col != 1) {                                                                           \
      STRIDED(c, row, col, tile, rows, cols, scale, replace);                                 \
      return;                                                                                 \
    }                                                                                         \
    const vec by = _mm512_set1_epi64(scale);                                                  \
    const __mmask8 keep = replace ? 0 : 0xff;                                                 \
    for (size_t i = 0; i < rows; i++, c += row) {                                             \
      const TYPE *t = (const TYPE *)tile + i * (VFT_GEMM_VECTORS * 64 / sizeof(TYPE));        \
      for (size_t j = 0; j < cols; j += 8) {                                                  \
        __mmask8 m = (__mmask8)low_mask(cols - j);                                              \
        vec v = LOAD(t + j);                                                                  \
        if (scale != 1) v = _mm512_mullo_epi64(v, by);                                        \
        v = _mm512_add_epi64(v, _mm512_maskz_loadu_epi64(m & keep, c + j));                   \
        _mm512_mask_storeu_epi64(c + j, m, v);                                                \
      }                                                                                       \
    }                                                                                         \
  }
#define LOAD_I32(p) _mm512_cvtepi32_epi64(_mm256_load_si256((const __m256i *)(const void *)(p)))
#define LOAD_F64(p) _mm512_cvtpd_epi64(_mm512_load_pd(p))
ADD(add_i16, int32_t, add_strided_i16, LOAD_I32)
ADD(add_f64, double, add_strided_f64, LOAD_F64)

/* Transposes the 32-bit lanes of sixteen vectors, four lanes at a time. */
static void transpose_16(vec x[16]) {
  vec t[16];
  UNROLL for (int i = 0; i < 16; i += 4) {
    vec a = _mm512_unpacklo_epi32(x[i], x[i + 1]), b = _mm512_unpackhi_epi32(x[i], x[i + 1]);
    vec c = _mm512_unpacklo_epi32(x[i + 2], x[i + 3]);
    vec d = _mm512_unpackhi_epi32(x[i + 2], x[i + 3]);
    t[i] = _mm512_unpacklo_epi64(a, c);
    t[i + 1] = _mm512_unpackhi_epi64(a, c);
    t[i + 2] = _mm512_unpacklo_epi64(b, d);
    t[i + 3] = _mm512_unpackhi_epi64(b, d);
  }
  /* t[4 g + q] holds, in its 128-bit part h, lane 4 h + q of rows 4 g .. 4 g + 3. */
  UNROLL for (int q = 0; q < 4; q++) {
    vec a = _mm512_shuffle_i32x4(t[q], t[4 + q], 0x44);
    vec b = _mm512_shuffle_i32x4(t[q], t[4 + q], 0xee);
    vec c = _mm512_shuffle_i32x4(t[8 + q], t[12 + q], 0x44);
    vec d = _mm512_shuffle_i32x4(t[8 + q], t[12 + q], 0xee);
    x[q] = _mm512_shuffle_i32x4(a, c, 0x88);
    x[4 + q] = _mm512_shuffle_i32x4(a, c, 0xdd);
    x[8 + q] = _mm512_shuffle_i32x4(b, d, 0x88);
    x[12 + q] = _mm512_shuffle_i32x4(b, d, 0xdd);
  }
}

/* Sixteen pairs of four rows to four vectors of four pairs. */
static void transpose_4(vec x[4]) {
  vec a = _mm512_unpacklo_epi32(x[0], x[1]), b = _mm512_unpackhi_epi32(x[0], x[1]);
  vec c = _mm512_unpacklo_epi32(x[2], x[3]), d = _mm512_unpackhi_epi32(x[2], x[3]);
  vec p0 = _mm512_unpacklo_epi64(a, c), p1 = _mm512_unpackhi_epi64(a, c);
  vec p2 = _mm512_unpacklo_epi64(b, d), p3 = _mm512_unpackhi_epi64(b, d);
  a = _mm512_shuffle_i32x4(p0, p1, 0x44), b = _mm512_shuffle_i32x4(p0, p1, 0xee);
  c = _mm512_shuffle_i32x4(p2, p3, 0x44), d = _mm512_shuffle_i32x4(p2, p3, 0xee);
  x[0] = _mm512_shuffle_i32x4(a, c, 0x88);
  x[1] = _mm512_shuffle_i32x4(a, c, 0xdd);
  x[2] = _mm512_shuffle_i32x4(b, d, 0x88);
  x[3] = _mm512_shuffle_i32x4(b, d, 0xdd);
}

/* Sixteen rows are too many streams for the hardware to fetch ahead: the same columns of the next
 * sixteen are asked for while these are packed. */
static void pack_16_rows(uint32_t *out, size_t width, const int16_t *src, ptrdiff_t stride,
                         size_t rows, size_t pairs) {
  for (size_t p = 0; p < pairs; p += 16) {
    size_t count = pairs - p < 16 ? pairs - p : 16;
    __mmask16 m = low_mask(count);
    vec x[16];
    if (rows == 16) {
      UNROLL for (int i = 0; i < 16; i++) {
        const int16_t *row = src + i * stride + 2 * p;
        _mm_prefetch(row + 16 * stride, _MM_HINT_T0);
        x[i] = _mm512_maskz_loadu_epi32(m, row);
      }
    } else {
      for (size_t i = 0; i < 16; i++)
        x[i] = i < rows ? _mm512_maskz_loadu_epi32(m, src + (ptrdiff_t)i * stride + 2 * p)
                        : _mm512_setzero_si512();
    }
    transpose_16(x);
    for (size_t q = 0; q < count; q++) _mm512_storeu_si512(out + (p + q) * width, x[q]);
  }
}

static void pack_rows(uint32_t *out, size_t width, size_t lanes, const int16_t *src,
                      ptrdiff_t stride, size_t rows, size_t pairs) {
  if (lanes == 16) {
    pack_16_rows(out, width, src, stride, rows, pairs);
    return;
  }
  for (size_t p = 0; p < pairs; p += 16) {
    size_t count = pairs - p < 16 ? pairs - p : 16;
    __mmask16 m = low_mask(count);
    vec x[4];
    UNROLL for (size_t i = 0; i < 4; i++)
      x[i] = i < rows ? _mm512_maskz_loadu_epi32(m, src + (ptrdiff_t)i * stride + 2 * p)
                      : _mm512_setzero_si512();
    transpose_4(x);
    for (size_t q = 0; q < count; q += 4)
      _mm512_mask_storeu_epi32(out + (p + q) * 4, low_mask(4 * (count - q)), x[q / 4]);
  }
}

static void pack_columns(uint32_t *out, size_t width, size_t lanes, const int16_t *src,
                         ptrdiff_t stride, size_t rows, size_t pairs) {
  if (lanes == 16) {
    __mmask16 m = low_mask(rows);
    for (size_t p = 0; p < pairs; p++, src += 2 * stride, out += width) {
      vec first = _mm512_cvtepu16_epi32(_mm256_maskz_loadu_epi16(m, src));
      vec second = _mm512_cvtepu16_epi32(_mm256_maskz_loadu_epi16(m, src + stride));
      _mm512_storeu_si512(out, _mm512_or_si512(first, _mm512_slli_epi32(second, 16)));
    }
  } else {
    __mmask8 m = (__mmask8)low_mask(rows);
    for (size_t p = 0; p < pairs; p++, src += 2 * stride, out += width)
      _mm_storeu_si128((__m128i *)(void *)out,
                       _mm_unpacklo_epi16(_mm_maskz_loadu_epi16(m, src),
                                          _mm_maskz_loadu_epi16(m, src + stride)));
  }
}

/* x ^ (x >> 15) is |x|, or |x| - 1 for a negative x: too small by one at most. */
static uint32_t column_sum(const uint32_t *b, size_t vectors, size_t steps) {
  const vec one = _mm512_set1_epi16(1);
  vec most = _mm512_setzero_si512();
  for (size_t j = 0; j < vectors; j++) {
    vec sum = _mm512_setzero_si512();
    for (size_t s = 0; s < steps; s++) {
      vec x = _mm512_loadu_si512(b + (s * vectors + j) * LANES);
      x = _mm512_xor_si512(x, _mm512_srai_epi16(x, 15));
      sum = _mm512_add_epi32(sum, _mm512_madd_epi16(x, one));
    }
    most = _mm512_max_epi32(most, sum);
  }
  return (uint32_t)_mm512_reduce_max_epi32(most) + 2 * (uint32_t)steps;
}

const vft_gemm_ops vft_gemm_ops_avx512 = {
    .dot = {dot_i16, dot_f64},
    .add = {add_i16, add_f64},
    .pack_rows = pack_rows,
    .pack_columns = pack_columns,
    .digit = loop_digit,
    .max_abs = loop_max_abs,
    .column_sum = column_sum,
    .halve = loop_halve,
};

#endif
