/* Goldilocks and its cubic extension on four lanes, for files compiled with AVX2 (see the
 * Makefile). Names as in field/goldilocks_avx512.h: vft_v* work on one vector of four base
 * elements, vft_x* on four extension elements held as three vectors of coordinates.
 *
 * A lane is `any` when it holds some 64-bit word congruent to the element, `canonical` when that
 * word is below p. Every function says what it takes and gives.
 *
 * The instruction set multiplies 32-bit words and compares signed words only: "shifted" values
 * (suffix _s) have their top bit flipped, which turns unsigned order into signed order. */
#ifndef VFT_FIELD_GOLDILOCKS_AVX2_H
#define VFT_FIELD_GOLDILOCKS_AVX2_H

#include <immintrin.h>

#include "field/goldilocks.h"

#define VFT_INLINE static inline __attribute__((always_inline))

typedef __m256i vft_v;
typedef struct {
  vft_v c[3];
} vft_x;

#define VFT_EPSILON 0xffffffffull /* 2^64 mod p */
#define VFT_TOP_BIT 0x8000000000000000ull

VFT_INLINE vft_v vft_vset(uint64_t a) { return _mm256_set1_epi64x((long long)a); }
VFT_INLINE vft_v vft_vzero(void) { return _mm256_setzero_si256(); }
VFT_INLINE vft_v vft_vload(const void *p) { return _mm256_loadu_si256((const __m256i *)p); }
VFT_INLINE void vft_vstore(void *p, vft_v a) { _mm256_storeu_si256((__m256i *)p, a); }
/* The first k words, k of any sign and size; the others load as zero and are not written. */
VFT_INLINE vft_v vft_vmask(long long k) {
  return _mm256_cmpgt_epi64(_mm256_set1_epi64x(k), _mm256_setr_epi64x(0, 1, 2, 3));
}
VFT_INLINE vft_v vft_vloadm(vft_v m, const void *p) {
  return _mm256_maskload_epi64((const long long *)p, m);
}
VFT_INLINE void vft_vstorem(vft_v m, void *p, vft_v a) {
  _mm256_maskstore_epi64((long long *)p, m, a);
}

VFT_INLINE vft_v vft_vshift(vft_v a) { return _mm256_xor_si256(a, vft_vset(VFT_TOP_BIT)); }
/* High halves; also 2^32 - 1 for each lane of a mask. */
VFT_INLINE vft_v vft_vhigh(vft_v a) { return _mm256_srli_epi64(a, 32); }
VFT_INLINE vft_v vft_vlow(vft_v a) { return _mm256_and_si256(a, vft_vset(VFT_EPSILON)); }
/* Low half of a below, low half of b above. */
VFT_INLINE vft_v vft_vjoin(vft_v a, vft_v b) {
  return _mm256_blend_epi32(a, _mm256_slli_epi64(b, 32), 0xaa);
}

/* any -> canonical: from p on, subtracting p is adding 2^32 - 1. */
VFT_INLINE vft_v vft_vcanon(vft_v a) {
  vft_v over = _mm256_cmpgt_epi64(vft_vshift(a), vft_vset((VFT_P - 1) ^ VFT_TOP_BIT));
  return _mm256_add_epi64(a, vft_vhigh(over));
}
/* any + canonical -> any. A carry out leaves at most p - 2, so adding 2^32 - 1 for the lost 2^64
 * cannot carry again. */
VFT_INLINE vft_v vft_vadd(vft_v a, vft_v b) {
  vft_v a_s = vft_vshift(a), s_s = _mm256_add_epi64(a_s, b);
  vft_v over = _mm256_cmpgt_epi64(a_s, s_s);
  return _mm256_add_epi64(vft_vshift(s_s), vft_vhigh(over));
}
/* any - canonical -> any. A borrow leaves at least 2^64 - (p - 1) = 2^32, so 2^32 - 1 can go. */
VFT_INLINE vft_v vft_vsub(vft_v a, vft_v b) {
  vft_v a_s = vft_vshift(a), d_s = _mm256_sub_epi64(a_s, b);
  vft_v under = _mm256_cmpgt_epi64(d_s, a_s);
  return _mm256_sub_epi64(vft_vshift(d_s), vft_vhigh(under));
}
/* canonical, canonical -> canonical */
VFT_INLINE vft_v vft_vadd_canon(vft_v a, vft_v b) {
  vft_v a_s = vft_vshift(a), nb_s = _mm256_sub_epi64(vft_vset(VFT_P ^ VFT_TOP_BIT), b);
  vft_v under = _mm256_cmpgt_epi64(nb_s, a_s), t = _mm256_sub_epi64(a_s, nb_s);
  return _mm256_add_epi64(t, _mm256_and_si256(under, vft_vset(VFT_P)));
}
VFT_INLINE vft_v vft_vsub_canon(vft_v a, vft_v b) {
  vft_v under = _mm256_cmpgt_epi64(vft_vshift(b), vft_vshift(a));
  return _mm256_sub_epi64(_mm256_sub_epi64(a, b), vft_vhigh(under));
}
/* int64 -> canonical: adding p is subtracting 2^32 - 1. */
VFT_INLINE vft_v vft_vfrom_i64(vft_v a) {
  return _mm256_sub_epi64(a, vft_vhigh(_mm256_cmpgt_epi64(vft_vzero(), a)));
}

/* a b + c = lo + 2^64 hi for any words a, b, c; ah = vft_vhigh(a), bh = vft_vhigh(b). With
 * (2^32 - 1)^2 + 2 (2^32 - 1) = 2^64 - 1, a product of halves takes two more halves, and hi takes
 * its carries because a b + c < 2^128. */
typedef struct {
  vft_v lo, hi;
} vft_vproduct;
VFT_INLINE vft_vproduct vft_vwiden(vft_v ll, vft_v t, vft_v lh, vft_v hh) {
  vft_v u = _mm256_add_epi64(lh, vft_vlow(t));
  vft_v hi = _mm256_add_epi64(_mm256_add_epi64(hh, vft_vhigh(t)), vft_vhigh(u));
  return (vft_vproduct){vft_vjoin(ll, u), hi};
}
VFT_INLINE vft_vproduct vft_vmul_wide(vft_v a, vft_v ah, vft_v b, vft_v bh) {
  vft_v ll = _mm256_mul_epu32(a, b), hl = _mm256_mul_epu32(ah, b);
  vft_v t = _mm256_add_epi64(hl, vft_vhigh(ll));
  return vft_vwiden(ll, t, _mm256_mul_epu32(a, bh), _mm256_mul_epu32(ah, bh));
}
VFT_INLINE vft_vproduct vft_vmul_add_wide(vft_v a, vft_v ah, vft_v b, vft_v bh, vft_v c) {
  vft_v ll = _mm256_add_epi64(_mm256_mul_epu32(a, b), vft_vlow(c));
  vft_v hl = _mm256_add_epi64(_mm256_mul_epu32(ah, b), vft_vhigh(c));
  vft_v t = _mm256_add_epi64(hl, vft_vhigh(ll));
  return vft_vwiden(ll, t, _mm256_mul_epu32(a, bh), _mm256_mul_epu32(ah, bh));
}
/* x + m -> canonical, given x + m <= 2 p - 1: x + m + 2^32 - 1 passes 2^64, and is then
 * x + m - p, just where x + m >= p. Takes x shifted and m + 2^32 - 1 < 2^64. */
VFT_INLINE vft_v vft_vlast(vft_v x_s, vft_v m_eps) {
  vft_v r_s = _mm256_add_epi64(x_s, m_eps), over = _mm256_cmpgt_epi64(x_s, r_s);
  vft_v r = _mm256_add_epi64(r_s, vft_vset(VFT_TOP_BIT - VFT_EPSILON));
  return _mm256_add_epi64(r, vft_vhigh(over));
}
/* -> canonical. 2^64 = 2^32 - 1 and 2^96 = -1: with t = lo - top, m = (2^32 - 1) mid there
 * remains t + m <= (2^64 - 1) + (2^64 - 2^33 + 1) = 2 p - 2. */
VFT_INLINE vft_v vft_vreduce(vft_vproduct x) {
  vft_v lo_s = vft_vshift(x.lo), t_s = _mm256_sub_epi64(lo_s, vft_vhigh(x.hi));
  t_s = _mm256_sub_epi64(t_s, vft_vhigh(_mm256_cmpgt_epi64(t_s, lo_s)));
  vft_v eps = vft_vset(VFT_EPSILON);
  return vft_vlast(t_s, _mm256_add_epi64(_mm256_mul_epu32(x.hi, eps), eps));
}
/* any * any -> canonical */
VFT_INLINE vft_v vft_vmul_high(vft_v a, vft_v ah, vft_v b, vft_v bh) {
  return vft_vreduce(vft_vmul_wide(a, ah, b, bh));
}
VFT_INLINE vft_v vft_vmul_canon(vft_v a, vft_v b) {
  return vft_vmul_high(a, vft_vhigh(a), b, vft_vhigh(b));
}
VFT_INLINE vft_v vft_vmul(vft_v a, vft_v b) { return vft_vmul_canon(a, b); }
VFT_INLINE vft_v vft_vsqr(vft_v a) {
  vft_v ah = vft_vhigh(a), ll = _mm256_mul_epu32(a, a), lh = _mm256_mul_epu32(a, ah);
  vft_v t = _mm256_add_epi64(lh, vft_vhigh(ll));
  return vft_vreduce(vft_vwiden(ll, t, lh, _mm256_mul_epu32(ah, ah)));
}
/* any * any + any -> canonical */
VFT_INLINE vft_v vft_vmul_add(vft_v a, vft_v b, vft_v c) {
  return vft_vreduce(vft_vmul_add_wide(a, vft_vhigh(a), b, vft_vhigh(b), c));
}

#endif
