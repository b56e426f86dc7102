#include "train/rows.h"

#include "base/cpu.h"
#include "model/fixmath.h"
#include "train/rows_loops.h"

void vft_rows_divide(int64_t *q, int64_t *rem, const int64_t *x, const int64_t *d, size_t n) {
  for (size_t i = 0; i < n; i++) {
    q[i] = rem[i] = 0;
    if (d[i] < 1) continue;
    int64_t y = 2 * x[i] + d[i], by = 2 * d[i];
    q[i] = y / by - (y % by < 0);
    rem[i] = y - q[i] * by;
  }
}

void vft_rows_square_root(int64_t *s, int64_t *rem, const int64_t *x, size_t n) {
  for (size_t i = 0; i < n; i++) {
    s[i] = x[i] < 0 ? 0 : (int64_t)vft_isqrt_u64((uint64_t)x[i]);
    rem[i] = x[i] - s[i] * s[i];
  }
}

const vft_rows_ops vft_rows_c = {
    ROWS_LOOPS,
    .divide = vft_rows_divide,
    .square_root = vft_rows_square_root,
};

const vft_rows_ops *vft_rows(void) {
#ifdef __x86_64__
  if (vft_simd_tier() >= VFT_SIMD_AVX512) return &vft_rows_avx512;
  if (vft_simd_tier() >= VFT_SIMD_AVX2) return &vft_rows_avx2;
#endif
  return &vft_rows_c;
}
