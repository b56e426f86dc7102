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

/* ---- sums of products ----
 *
 * One factor is cut into digits of 22, 21 and 21 bits at bits 0, 22 and 43, the other into its
 * halves. The six products of a pair are below 2^54 and need no carries for a long while: an
 * accumulator holds sum_i 2^at(i) (x[i] + 2^32 y[i]), at = 0, 22, 43, and a product adds less
 * than 2^54 to each limb. vft_vacc_canon needs limbs below 2^63, so at most 511 products may meet
 * in one accumulator; a factor whose digits are sums of k digits counts as k products. */
typedef struct {
  vft_v d[3];
} vft_vdigits;
typedef struct {
  vft_v x[3], y[3];
} vft_vacc;
enum { VFT_VACC_MAX = 511 };

/* any; the instruction reads the low half of a word, so digits need no mask at bit 32. */
VFT_INLINE vft_vdigits vft_vcut(vft_v a) {
  return (vft_vdigits){{_mm256_and_si256(a, vft_vset((1u << 22) - 1)),
                        _mm256_and_si256(_mm256_srli_epi64(a, 22), vft_vset((1u << 21) - 1)),
                        _mm256_srli_epi64(a, 43)}};
}
VFT_INLINE vft_vdigits vft_vdigits_add(vft_vdigits a, vft_vdigits b) {
  return (vft_vdigits){{_mm256_add_epi64(a.d[0], b.d[0]), _mm256_add_epi64(a.d[1], b.d[1]),
                        _mm256_add_epi64(a.d[2], b.d[2])}};
}
VFT_INLINE vft_vacc vft_vacc_zero(void) {
  vft_v z = vft_vzero();
  return (vft_vacc){{z, z, z}, {z, z, z}};
}
VFT_INLINE vft_vacc vft_vacc_add(vft_vacc a, vft_vacc b) {
  for (int i = 0; i < 3; i++) {
    a.x[i] = _mm256_add_epi64(a.x[i], b.x[i]);
    a.y[i] = _mm256_add_epi64(a.y[i], b.y[i]);
  }
  return a;
}
/* A sum that starts with a; counts as one product. any */
VFT_INLINE vft_vacc vft_vacc_seed(vft_v a) {
  vft_v z = vft_vzero();
  return (vft_vacc){{vft_vlow(a), z, z}, {vft_vhigh(a), z, z}};
}
/* any; ah = vft_vhigh(a) */
VFT_INLINE void vft_vacc_mac(vft_vacc *s, vft_v a, vft_v ah, vft_vdigits b) {
  _Pragma("GCC unroll 3") for (int i = 0; i < 3; i++) {
    s->x[i] = _mm256_add_epi64(s->x[i], _mm256_mul_epu32(a, b.d[i]));
    s->y[i] = _mm256_add_epi64(s->y[i], _mm256_mul_epu32(ah, b.d[i]));
  }
}
/* d + 2^32 (m - 2^32) -> canonical, for m >= 2^32 and m + d / 2^32 < 2^64. With the carry of d in
 * m, and m = m0 + 2^32 (m1 + 1), there remains (d mod 2^32) + 2^32 m0 + (2^32 - 1) m1, where
 * m1 <= 2^32 - 2: below 2 p - 1; and (2^32 - 1)(m1 + 1) is what vft_vlast asks for. */
VFT_INLINE vft_v vft_vfinish(vft_v d, vft_v m) {
  m = _mm256_add_epi64(m, vft_vhigh(d));
  return vft_vlast(vft_vshift(vft_vjoin(d, m)),
                   _mm256_mul_epu32(vft_vhigh(m), vft_vset(VFT_EPSILON)));
}
/* -> canonical. Limbs move to bits 0 (d), 32 (m), 64 (z) and 96 (w), high halves first:
 *   x1 = 2^22: its low half times 2^22 to d, its high half to y1 (bit 22 + 32 = 54);
 *   y1 = 2^54: low half times 2^22 to m, high half times 2^22 to z;
 *   x2 = 2^43: low half times 2^11 to m, high half to y2 (bit 75);
 *   y2 = 2^75: low half times 2^11 to z, high half times 2^11 to w.
 * With limbs below 2^63, y1 and y2 stay below 2^64; z < 2^54 + 2^43, w < 2^43. As 2^64 = 2^32 - 1
 * and 2^96 = -1, the value is (d - z - w) + 2^32 (m + z); adding 2^55 + 1 to the left and
 * 2^32 - 1 - 2^23 to the right adds p in all and keeps the left positive. Then the left
 * is below 2^63 + 2^56, the right with 2^32 on top below 2^63 + 2^56. */
VFT_INLINE vft_v vft_vacc_canon(vft_vacc s) {
  const vft_v by22 = vft_vset(1u << 22), by11 = vft_vset(1u << 11);
  vft_v y1 = _mm256_add_epi64(s.y[1], vft_vhigh(s.x[1]));
  vft_v y2 = _mm256_add_epi64(s.y[2], vft_vhigh(s.x[2]));
  vft_v z = _mm256_add_epi64(_mm256_mul_epu32(y2, by11), _mm256_slli_epi64(vft_vhigh(y1), 22));
  vft_v w = _mm256_slli_epi64(vft_vhigh(y2), 11);
  vft_v d = _mm256_add_epi64(s.x[0], vft_vset((1ull << 55) + 1));
  d = _mm256_add_epi64(d, _mm256_mul_epu32(s.x[1], by22));
  d = _mm256_sub_epi64(d, _mm256_add_epi64(z, w));
  vft_v m = _mm256_add_epi64(s.y[0], vft_vset((1ull << 33) - 1 - (1u << 23)));
  m = _mm256_add_epi64(m, _mm256_mul_epu32(y1, by22));
  m = _mm256_add_epi64(m, _mm256_add_epi64(z, _mm256_mul_epu32(s.x[2], by11)));
  return vft_vfinish(d, m);
}

/* Products by fixed elements take the digits of the other factor: sum_i a.d[i] k[i] with
 * k[i] = 2^at(i) k mod p in halves, so that only two limbs gather, each by less than 3 * 2^54 a
 * product. */
typedef struct {
  vft_v lo[3], hi[3];
} vft_vconst;
typedef struct {
  vft_v d, m;
} vft_vpair;

VFT_INLINE vft_vconst vft_vconst_set(vft_fp k) {
  vft_fp t[3] = {k, vft_fp_reduce128(k.v >> 42, k.v << 22), vft_fp_reduce128(k.v >> 21, k.v << 43)};
  vft_vconst c;
  _Pragma("GCC unroll 3") for (int i = 0; i < 3; i++) {
    c.lo[i] = vft_vset(t[i].v); /* read for its low half */
    c.hi[i] = vft_vset(t[i].v >> 32);
  }
  return c;
}
/* base, any, with the 2^32 that vft_vfinish takes off. */
VFT_INLINE vft_vpair vft_vpair_seed(vft_v base) {
  return (vft_vpair){vft_vlow(base), _mm256_add_epi64(vft_vhigh(base), vft_vset(1ull << 32))};
}
VFT_INLINE vft_vpair vft_vpair_zero(void) {
  return (vft_vpair){vft_vzero(), vft_vset(1ull << 32)};
}
VFT_INLINE void vft_vpair_mac(vft_vpair *s, vft_vdigits a, const vft_vconst *k) {
  _Pragma("GCC unroll 3") for (int i = 0; i < 3; i++) {
    s->d = _mm256_add_epi64(s->d, _mm256_mul_epu32(a.d[i], k->lo[i]));
    s->m = _mm256_add_epi64(s->m, _mm256_mul_epu32(a.d[i], k->hi[i]));
  }
}
/* -> canonical; up to 300 products: 900 * 2^54 < 2^64 - 2^34. */
VFT_INLINE vft_v vft_vpair_canon(vft_vpair s) { return vft_vfinish(s.d, s.m); }

/* Sum of the four lanes (any). */
VFT_INLINE vft_fp vft_vsum(vft_v a) {
  uint64_t t[4];
  vft_vstore(t, vft_vcanon(a));
  return vft_fp_add(vft_fp_add((vft_fp){t[0]}, (vft_fp){t[1]}),
                    vft_fp_add((vft_fp){t[2]}, (vft_fp){t[3]}));
}

/* ---- extension, X^3 = X + 1 ---- */

/* Four consecutive elements (12 words a0 a1 a2 b0 b1 b2 ...) <-> three coordinate vectors: word
 * 3i + k is in vector (3i + k) / 4, and the words of one k lie in different lanes. */
VFT_INLINE vft_x vft_xfrom_words(vft_v w0, vft_v w1, vft_v w2) {
  vft_v a = _mm256_blend_epi32(_mm256_blend_epi32(w0, w1, 0x30), w2, 0x0c);
  vft_v b = _mm256_blend_epi32(_mm256_blend_epi32(w0, w1, 0xc3), w2, 0x30);
  vft_v c = _mm256_blend_epi32(_mm256_blend_epi32(w0, w1, 0x0c), w2, 0xc3);
  return (vft_x){{_mm256_permute4x64_epi64(a, 0x6c), _mm256_shuffle_epi32(b, 0x4e),
                  _mm256_permute4x64_epi64(c, 0xc6)}};
}
VFT_INLINE void vft_xto_words(vft_x x, vft_v w[3]) {
  vft_v a = _mm256_permute4x64_epi64(x.c[0], 0x6c), b = _mm256_shuffle_epi32(x.c[1], 0x4e);
  vft_v c = _mm256_permute4x64_epi64(x.c[2], 0xc6);
  w[0] = _mm256_blend_epi32(_mm256_blend_epi32(a, b, 0x0c), c, 0x30);
  w[1] = _mm256_blend_epi32(_mm256_blend_epi32(a, b, 0xc3), c, 0x0c);
  w[2] = _mm256_blend_epi32(_mm256_blend_epi32(a, b, 0x30), c, 0xc3);
}
VFT_INLINE vft_x vft_xload(const vft_ext *p) {
  const uint64_t *w = (const uint64_t *)p;
  return vft_xfrom_words(vft_vload(w), vft_vload(w + 4), vft_vload(w + 8));
}
VFT_INLINE void vft_xstore(vft_ext *p, vft_x a) {
  uint64_t *q = (uint64_t *)p;
  vft_v w[3];
  vft_xto_words(a, w);
  vft_vstore(q, w[0]);
  vft_vstore(q + 4, w[1]);
  vft_vstore(q + 8, w[2]);
}
/* Words of vector 0, 1 or 2 that belong to the first k elements. */
VFT_INLINE vft_v vft_xmask(size_t k, int vector) {
  return vft_vmask(3 * (long long)k - 4 * vector);
}
/* The first k elements only; lanes beyond load as zero. */
VFT_INLINE vft_x vft_xloadm(size_t k, const vft_ext *p) {
  const uint64_t *w = (const uint64_t *)p;
  return vft_xfrom_words(vft_vloadm(vft_xmask(k, 0), w), vft_vloadm(vft_xmask(k, 1), w + 4),
                         vft_vloadm(vft_xmask(k, 2), w + 8));
}
VFT_INLINE void vft_xstorem(size_t k, vft_ext *p, vft_x a) {
  uint64_t *q = (uint64_t *)p;
  vft_v w[3];
  vft_xto_words(a, w);
  vft_vstorem(vft_xmask(k, 0), q, w[0]);
  vft_vstorem(vft_xmask(k, 1), q + 4, w[1]);
  vft_vstorem(vft_xmask(k, 2), q + 8, w[2]);
}
VFT_INLINE vft_x vft_xset(vft_ext a) {
  return (vft_x){{vft_vset(a.c[0].v), vft_vset(a.c[1].v), vft_vset(a.c[2].v)}};
}
VFT_INLINE vft_x vft_xzero(void) { return (vft_x){{vft_vzero(), vft_vzero(), vft_vzero()}}; }
/* canonical, canonical -> canonical */
VFT_INLINE vft_x vft_xadd(vft_x a, vft_x b) {
  return (vft_x){{vft_vadd_canon(a.c[0], b.c[0]), vft_vadd_canon(a.c[1], b.c[1]),
                  vft_vadd_canon(a.c[2], b.c[2])}};
}
VFT_INLINE vft_x vft_xsub(vft_x a, vft_x b) {
  return (vft_x){{vft_vsub_canon(a.c[0], b.c[0]), vft_vsub_canon(a.c[1], b.c[1]),
                  vft_vsub_canon(a.c[2], b.c[2])}};
}
VFT_INLINE vft_ext vft_xsum(vft_x a) {
  return (vft_ext){{vft_vsum(a.c[0]), vft_vsum(a.c[1]), vft_vsum(a.c[2])}};
}

/* With s0 = b0 + b2 and s1 = b1 + b2, sums of digits,
 *   (a b)_0 = a0 b0 + a1 b2 + a2 b1,
 *   (a b)_1 = a0 b1 + a1 s0 + a2 s1,
 *   (a b)_2 = a0 b2 + a1 b1 + a2 s0:
 * a coordinate gathers three, five or four products, so that one sum takes 511 / 5 = 102. */
enum { VFT_XACC_MAX = 102 };
#define VFT_XROWS {{0, 2, 1}, {1, 3, 4}, {2, 1, 3}}
typedef struct {
  vft_vacc c[3];
} vft_xacc;
typedef struct {
  vft_vdigits e[5]; /* b0, b1, b2, s0, s1 */
} vft_xdigits;

/* any */
VFT_INLINE vft_xdigits vft_xcut(vft_x b) {
  vft_vdigits b0 = vft_vcut(b.c[0]), b1 = vft_vcut(b.c[1]), b2 = vft_vcut(b.c[2]);
  return (vft_xdigits){{b0, b1, b2, vft_vdigits_add(b0, b2), vft_vdigits_add(b1, b2)}};
}
VFT_INLINE vft_xacc vft_xacc_zero(void) {
  vft_vacc z = vft_vacc_zero();
  return (vft_xacc){{z, z, z}};
}
VFT_INLINE void vft_xacc_mac_cut(vft_xacc *s, vft_x a, const vft_xdigits *b) {
  static const int row[3][3] = VFT_XROWS;
  vft_v ah[3] = {vft_vhigh(a.c[0]), vft_vhigh(a.c[1]), vft_vhigh(a.c[2])};
  _Pragma("GCC unroll 3") for (int k = 0; k < 3; k++) {
    _Pragma("GCC unroll 3") for (int i = 0; i < 3; i++) {
      _Pragma("GCC unroll 3") for (int j = 0; j < 3; j++) {
        vft_v d = b->e[row[i][j]].d[k];
        s->c[i].x[k] = _mm256_add_epi64(s->c[i].x[k], _mm256_mul_epu32(a.c[j], d));
        s->c[i].y[k] = _mm256_add_epi64(s->c[i].y[k], _mm256_mul_epu32(ah[j], d));
      }
    }
  }
}
/* any, any */
VFT_INLINE void vft_xacc_mac(vft_xacc *s, vft_x a, vft_x b) {
  vft_xdigits d = vft_xcut(b);
  vft_xacc_mac_cut(s, a, &d);
}
/* -> canonical */
VFT_INLINE vft_x vft_xacc_reduce(const vft_xacc *s) {
  return (vft_x){{vft_vacc_canon(s->c[0]), vft_vacc_canon(s->c[1]), vft_vacc_canon(s->c[2])}};
}
/* any * any -> canonical */
VFT_INLINE vft_x vft_xmul(vft_x a, vft_x b) {
  vft_xacc s = vft_xacc_zero();
  vft_xacc_mac(&s, a, b);
  return vft_xacc_reduce(&s);
}
/* any -> canonical: a0 a0 + a1 2 a2, a0 2 a1 + a1 2 a2 + a2 a2, a0 2 a2 + a1 a1 + a2 a2. */
VFT_INLINE vft_x vft_xsqr(vft_x a) {
  vft_v h0 = vft_vhigh(a.c[0]), h1 = vft_vhigh(a.c[1]), h2 = vft_vhigh(a.c[2]);
  vft_vdigits a0 = vft_vcut(a.c[0]), a1 = vft_vcut(a.c[1]), a2 = vft_vcut(a.c[2]);
  vft_vdigits b1 = vft_vdigits_add(a1, a1), b2 = vft_vdigits_add(a2, a2);
  vft_vacc s0 = vft_vacc_zero(), s1 = s0, s2 = s0, p = s0, q = s0;
  vft_vacc_mac(&p, a.c[1], h1, b2);
  vft_vacc_mac(&q, a.c[2], h2, a2);
  vft_vacc_mac(&s0, a.c[0], h0, a0);
  vft_vacc_mac(&s1, a.c[0], h0, b1);
  vft_vacc_mac(&s2, a.c[0], h0, b2);
  vft_vacc_mac(&s2, a.c[1], h1, a1);
  return (vft_x){{vft_vacc_canon(vft_vacc_add(s0, p)),
                  vft_vacc_canon(vft_vacc_add(s1, vft_vacc_add(p, q))),
                  vft_vacc_canon(vft_vacc_add(s2, q))}};
}

/* Multiplication by one fixed element r: r0, r1, r2, r0 + r2, r1 + r2, reduced. */
typedef struct {
  vft_vconst e[5];
} vft_xconst;

VFT_INLINE vft_xconst vft_xconst_set(vft_ext r) {
  vft_fp e[5] = {r.c[0], r.c[1], r.c[2], vft_fp_add(r.c[0], r.c[2]), vft_fp_add(r.c[1], r.c[2])};
  vft_xconst k;
  for (int i = 0; i < 5; i++) k.e[i] = vft_vconst_set(e[i]);
  return k;
}
/* s += a r; any. A coordinate gathers three products. */
VFT_INLINE void vft_xconst_acc(vft_vpair s[3], const vft_xconst *k, vft_x a) {
  static const int row[3][3] = VFT_XROWS;
  _Pragma("GCC unroll 3") for (int j = 0; j < 3; j++) {
    vft_vdigits d = vft_vcut(a.c[j]);
    _Pragma("GCC unroll 3") for (int i = 0; i < 3; i++) vft_vpair_mac(&s[i], d, &k->e[row[i][j]]);
  }
}
/* base + a r -> canonical; all any */
VFT_INLINE vft_x vft_xconst_mac(const vft_xconst *k, vft_x a, vft_x base) {
  vft_vpair s[3] = {vft_vpair_seed(base.c[0]), vft_vpair_seed(base.c[1]),
                    vft_vpair_seed(base.c[2])};
  vft_xconst_acc(s, k, a);
  return (vft_x){{vft_vpair_canon(s[0]), vft_vpair_canon(s[1]), vft_vpair_canon(s[2])}};
}
VFT_INLINE vft_x vft_xconst_mul(const vft_xconst *k, vft_x a) {
  return vft_xconst_mac(k, a, vft_xzero());
}

#endif
