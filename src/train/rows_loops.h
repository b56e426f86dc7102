/* Loops that compilers vectorise by themselves; each tier compiles them with its own flags. */
#ifndef VFT_TRAIN_ROWS_LOOPS_H
#define VFT_TRAIN_ROWS_LOOPS_H

#include "train/rows.h"

/* One by one: of vft_rows_c, and of tiers whose instructions have neither. */
void vft_rows_divide(int64_t *q, int64_t *rem, const int64_t *x, const int64_t *d, size_t n);
void vft_rows_square_root(int64_t *s, int64_t *rem, const int64_t *x, size_t n);

/* Wrapping arithmetic is unsigned. */
#define TIMES(x, y) ((int64_t)((uint64_t)(x) * (uint64_t)(y)))
#define PLUS(x, y) ((int64_t)((uint64_t)(x) + (uint64_t)(y)))
#define MINUS(x, y) ((int64_t)((uint64_t)(x) - (uint64_t)(y)))

#define EACH_TYPE(t, LOOP)           \
  switch (t) {                       \
    case VFT_I8: LOOP(int8_t) break;     \
    case VFT_I16: LOOP(int16_t) break;   \
    case VFT_U16: LOOP(uint16_t) break;  \
    case VFT_I32: LOOP(int32_t) break;   \
    case VFT_I64: LOOP(int64_t) break;   \
  }

static void loop_load(int64_t *restrict out, vft_dtype t, const void *restrict src,
                      ptrdiff_t stride, size_t n) {
#define LOAD(TYPE)                                                                             \
  {                                                                                            \
    const TYPE *y = src;                                                                       \
    if (stride == 1)                                                                           \
      for (size_t i = 0; i < n; i++) out[i] = y[i];                                            \
    else                                                                                       \
      for (size_t i = 0; i < n; i++) out[i] = y[(ptrdiff_t)i * stride];                        \
  }
  EACH_TYPE(t, LOAD)
#undef LOAD
}

static void loop_multiply(int64_t *restrict x, vft_dtype t, const void *restrict src,
                          ptrdiff_t stride, size_t n) {
#define MULTIPLY(TYPE)                                                                         \
  {                                                                                            \
    const TYPE *y = src;                                                                       \
    if (stride == 1)                                                                           \
      for (size_t i = 0; i < n; i++) x[i] = TIMES(x[i], y[i]);                                 \
    else if (stride == 0)                                                                      \
      for (size_t i = 0; i < n; i++) x[i] = TIMES(x[i], y[0]);                                 \
    else                                                                                       \
      for (size_t i = 0; i < n; i++) x[i] = TIMES(x[i], y[(ptrdiff_t)i * stride]);             \
  }
  EACH_TYPE(t, MULTIPLY)
#undef MULTIPLY
}

static void loop_store(void *restrict dst, vft_dtype t, const int64_t *restrict x, size_t n) {
#define STORE(TYPE)                                                                            \
  {                                                                                            \
    TYPE *y = dst;                                                                             \
    for (size_t i = 0; i < n; i++) y[i] = (TYPE)x[i];                                          \
  }
  EACH_TYPE(t, STORE)
#undef STORE
}

static void loop_add_scaled(int64_t *restrict out, int64_t coef, const int64_t *restrict x,
                            size_t n) {
  if (coef == 1)
    for (size_t i = 0; i < n; i++) out[i] = PLUS(out[i], x[i]);
  else
    for (size_t i = 0; i < n; i++) out[i] = PLUS(out[i], TIMES(coef, x[i]));
}

static int64_t loop_sum(const int64_t *x, size_t n) {
  uint64_t s = 0;
  for (size_t i = 0; i < n; i++) s += (uint64_t)x[i];
  return (int64_t)s;
}

static void loop_requantise(int64_t *restrict q, int64_t *restrict rem, const int64_t *restrict x,
                            int k, size_t n) {
  const int64_t half = k ? (int64_t)1 << (k - 1) : 0, mask = ((int64_t)1 << k) - 1;
  for (size_t i = 0; i < n; i++) {
    int64_t y = PLUS(x[i], half);
    q[i] = y >> k;
    rem[i] = y & mask;
  }
}

static void loop_limb(int64_t *restrict out, const int64_t *restrict x, int64_t offset, int at,
                      int width, size_t n) {
  const uint64_t mask = ((uint64_t)1 << width) - 1;
  for (size_t i = 0; i < n; i++)
    out[i] = (int64_t)(((uint64_t)x[i] + (uint64_t)offset) >> at & mask);
}

static void loop_affine(int64_t *restrict x, int64_t by, int64_t plus, size_t n) {
  for (size_t i = 0; i < n; i++) x[i] = PLUS(TIMES(by, x[i]), plus);
}

static int64_t loop_top(const int64_t *restrict x, const int8_t *restrict in, int k, size_t n) {
  int64_t top = INT64_MIN;
  for (size_t i = 0; i < n; i++) {
    int64_t v = in[i] ? x[i] >> k : INT64_MIN;
    top = v > top ? v : top;
  }
  return top;
}

static int64_t loop_below(int64_t *restrict t, int64_t *restrict rem, const int64_t *restrict x,
                          const int8_t *restrict in, int64_t best, int k, size_t n) {
  const int64_t mask = ((int64_t)1 << k) - 1;
  int64_t most = 0;
  for (size_t i = 0; i < n; i++) {
    int64_t keep = -(int64_t)in[i];
    t[i] = MINUS(best, x[i] >> k) & keep;
    rem[i] = x[i] & mask & keep;
    most = t[i] > most ? t[i] : most;
  }
  return most;
}

static bool loop_inside(const int64_t *x, int64_t lo, int64_t hi, size_t n) {
  int out = 0;
  for (size_t i = 0; i < n; i++) out |= (x[i] < lo) | (x[i] > hi);
  return !out;
}

/* What every tier has of this file, in a vft_rows_ops. */
#define ROWS_LOOPS                                                                             \
  .load = loop_load, .multiply = loop_multiply, .store = loop_store,                           \
  .add_scaled = loop_add_scaled, .sum = loop_sum, .requantise = loop_requantise,               \
  .limb = loop_limb, .affine = loop_affine, .top = loop_top, .below = loop_below,              \
  .inside = loop_inside

#endif
