/* AVX-512 kernels of rows.h. Division and square root take a first value from double arithmetic
 * and correct it in integers, so that the result does not depend on a rounding. */
#ifdef __x86_64__

#include <immintrin.h>

#include "train/rows.h"
#include "train/rows_loops.h"

typedef __m512i vec;

static __mmask8 low_mask(size_t n) { return (__mmask8)(n >= 8 ? 0xff : (1u << n) - 1); }

/* y = q by + r exactly, -by < r < by or so: one step up or down makes 0 <= r < by. */
static void settle(vec *q, vec *r, vec by) {
  const vec one = _mm512_set1_epi64(1), zero = _mm512_setzero_si512();
  __mmask8 low = _mm512_cmplt_epi64_mask(*r, zero);
  *q = _mm512_mask_sub_epi64(*q, low, *q, one);
  *r = _mm512_mask_add_epi64(*r, low, *r, by);
  __mmask8 high = _mm512_cmpge_epi64_mask(*r, by);
  *q = _mm512_mask_add_epi64(*q, high, *q, one);
  *r = _mm512_mask_sub_epi64(*r, high, *r, by);
}

/* The quotient of doubles is within 2^-51 of the true one, relatively. The first value leaves a
 * remainder r of at most |y| 2^-51 + by in absolute value, hence below 2^12 + by; the quotient of
 * that, truncated, leaves one of at most by. */
static void divide(int64_t *pq, int64_t *prem, const int64_t *px, const int64_t *pd, size_t n) {
  for (size_t i = 0; i < n; i += 8) {
    __mmask8 m = low_mask(n - i);
    vec x = _mm512_maskz_loadu_epi64(m, px + i), d = _mm512_maskz_loadu_epi64(m, pd + i);
    __mmask8 valid = _mm512_cmpgt_epi64_mask(d, _mm512_setzero_si512());
    vec by = _mm512_mask_add_epi64(_mm512_set1_epi64(1), valid, d, d);
    vec y = _mm512_add_epi64(_mm512_add_epi64(x, x), d);
    __m512d fby = _mm512_cvtepi64_pd(by);
    vec q = _mm512_cvttpd_epi64(_mm512_div_pd(_mm512_cvtepi64_pd(y), fby));
    vec r = _mm512_sub_epi64(y, _mm512_mullo_epi64(q, by));
    vec more = _mm512_cvttpd_epi64(_mm512_div_pd(_mm512_cvtepi64_pd(r), fby));
    q = _mm512_add_epi64(q, more);
    r = _mm512_sub_epi64(r, _mm512_mullo_epi64(more, by));
    settle(&q, &r, by);
    _mm512_mask_storeu_epi64(pq + i, m, _mm512_maskz_mov_epi64(valid, q));
    _mm512_mask_storeu_epi64(prem + i, m, _mm512_maskz_mov_epi64(valid, r));
  }
}

/* x < 2^62: the root of the nearest double is within 2^-21 of the true root, so its integer part
 * is off by at most one. */
static void square_root(int64_t *ps, int64_t *prem, const int64_t *px, size_t n) {
  const vec one = _mm512_set1_epi64(1), zero = _mm512_setzero_si512();
  for (size_t i = 0; i < n; i += 8) {
    __mmask8 m = low_mask(n - i);
    vec x = _mm512_maskz_loadu_epi64(m, px + i), at = _mm512_max_epi64(x, zero);
    vec s = _mm512_cvttpd_epi64(_mm512_sqrt_pd(_mm512_cvtepi64_pd(at)));
    vec r = _mm512_sub_epi64(at, _mm512_mullo_epi64(s, s));
    __mmask8 low = _mm512_cmplt_epi64_mask(r, zero);
    s = _mm512_mask_sub_epi64(s, low, s, one);
    r = _mm512_sub_epi64(at, _mm512_mullo_epi64(s, s));
    __mmask8 high = _mm512_cmpgt_epi64_mask(r, _mm512_add_epi64(s, s)); /* (s + 1)^2 <= x */
    s = _mm512_mask_add_epi64(s, high, s, one);
    _mm512_mask_storeu_epi64(ps + i, m, s);
    _mm512_mask_storeu_epi64(prem + i, m, _mm512_sub_epi64(x, _mm512_mullo_epi64(s, s)));
  }
}

const vft_rows_ops vft_rows_avx512 = {
    ROWS_LOOPS,
    .divide = divide,
    .square_root = square_root,
};

#endif
