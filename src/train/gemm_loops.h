/* Loops that compilers vectorise by themselves; each tier compiles them with its own flags. */
#ifndef VFT_TRAIN_GEMM_LOOPS_H
#define VFT_TRAIN_GEMM_LOOPS_H

#include "train/gemm_kernels.h"

/* x = 2^bits carry + digit with digit in [-2^(bits-1), 2^(bits-1)); no step can overflow. */
#define CARRY(x, bits) (((x) >> (bits)) + (((x) >> ((bits) - 1)) & 1))

#define DIGIT_LOOP(TYPE, WIDE, NUMBER)                                                         \
  for (size_t i = 0; i < n; i++) {                                                             \
    WIDE v = (WIDE)((const TYPE *)src)[i];                                                     \
    for (int d = 0; d < (int)(NUMBER); d++) v = CARRY(v, bits);                                \
    uint64_t drop = last ? 0 : (uint64_t)CARRY(v, bits) << bits;                               \
    out[i] = (int16_t)((uint64_t)v - drop);                                                    \
  }
#define DIGITS(TYPE, WIDE)                                                                     \
  if (number == 0) {                                                                           \
    DIGIT_LOOP(TYPE, WIDE, 0)                                                                  \
  } else if (number == 1) {                                                                    \
    DIGIT_LOOP(TYPE, WIDE, 1)                                                                  \
  } else {                                                                                     \
    DIGIT_LOOP(TYPE, WIDE, number)                                                             \
  }                                                                                            \
  return;

static void loop_digit(int16_t *restrict out, vft_dtype dtype, const void *restrict src, size_t n,
                       unsigned bits, unsigned number, bool last) {
  switch (dtype) {
    case VFT_I8: DIGITS(int8_t, int32_t)
    case VFT_I16: DIGITS(int16_t, int32_t)
    case VFT_U16: DIGITS(uint16_t, int32_t)
    case VFT_I32: DIGITS(int32_t, int32_t)
    case VFT_I64: DIGITS(int64_t, int64_t)
  }
}

/* Extremes first: the absolute value of the least integer does not fit its type. */
#define MAX_LOOP(TYPE)                                  \
  {                                                     \
    const TYPE *x = src;                                \
    TYPE lo = 0, hi = 0;                                \
    for (size_t i = 0; i < n; i++) {                    \
      lo = x[i] < lo ? x[i] : lo;                       \
      hi = x[i] > hi ? x[i] : hi;                       \
    }                                                   \
    uint64_t below = 0 - (uint64_t)(int64_t)lo;         \
    return below > (uint64_t)hi ? below : (uint64_t)hi; \
  }

static uint64_t loop_max_abs(vft_dtype dtype, const void *src, size_t n) {
  switch (dtype) {
    case VFT_I8: MAX_LOOP(int8_t)
    case VFT_I16: MAX_LOOP(int16_t)
    case VFT_U16: MAX_LOOP(uint16_t)
    case VFT_I32: MAX_LOOP(int32_t)
    case VFT_I64: MAX_LOOP(int64_t)
  }
  return 0;
}

static void loop_halve(int16_t *restrict high, int16_t *restrict low, const int16_t *restrict x,
                       size_t n) {
  for (size_t i = 0; i < n; i++) {
    int16_t h = (int16_t)((x[i] + 128) >> 8);
    high[i] = h;
    low[i] = (int16_t)(x[i] - h * 256);
  }
}

/* The transposed writes of add: products with swapped operands. */
#define ADD_STRIDED(NAME, TYPE)                                                               \
  static void NAME(int64_t *c, ptrdiff_t row, ptrdiff_t col, const void *tile, size_t rows,   \
                   size_t cols, int64_t scale, bool replace) {                                \
    const TYPE *t = tile;                                                                     \
    const size_t width = VFT_GEMM_VECTORS * 64 / sizeof(TYPE);                                \
    for (size_t j = 0; j < cols; j++)                                                         \
      for (size_t i = 0; i < rows; i++) {                                                     \
        int64_t *at = c + (ptrdiff_t)i * row + (ptrdiff_t)j * col;                            \
        uint64_t v = (uint64_t)(int64_t)t[i * width + j] * (uint64_t)scale;                   \
        *at = (int64_t)((replace ? 0 : (uint64_t)*at) + v);                                   \
      }                                                                                       \
  }
ADD_STRIDED(add_strided_i16, int32_t)
ADD_STRIDED(add_strided_f64, double)

#endif
