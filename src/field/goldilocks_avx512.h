/* Goldilocks and its cubic extension on eight lanes, for files compiled with AVX-512 (see the
 * Makefile). Names: vft_v* work on one vector of eight base elements, vft_x* on eight extension
 * elements held as three vectors of coordinates.
 *
 * A lane is `any` when it holds some 64-bit word congruent to the element, `canonical` when that
 * word is below p. Every function says what it takes and gives.
 *
 * Products run on 52-bit limbs: a = a0 + 2^52 a1 with a1 < 2^12 (the multiply-add instructions
 * read the low 52 bits of a word, so a itself serves as a0). An accumulator holds
 *   l0 + 2^52 l1 + 2^104 l2 (mod p), and one product adds
 *   lo(a0 b0) < 2^52 to l0,
 *   hi(a0 b0) + lo(a0 b1) + lo(a1 b0) < 3 * 2^52 to l1,
 *   hi(a0 b1) + hi(a1 b0) + a1 b1 < 2^13 + 2^24 to l2.
 * vft_vacc_reduce needs l1 + floor(l0 / 2^52) < 2^64, so at most 1,365 products (a seed counts
 * as one) may meet in one accumulator: 1365 * (3 * 2^52 + 1) < 2^64. */
#ifndef VFT_FIELD_GOLDILOCKS_AVX512_H
#define VFT_FIELD_GOLDILOCKS_AVX512_H

#include <immintrin.h>

#include "field/goldilocks.h"

#define VFT_INLINE static inline __attribute__((always_inline))

typedef __m512i vft_v;
typedef struct {
  vft_v c[3];
} vft_x;
typedef struct {
  vft_v l0, l1, l2;
} vft_vacc;

#define VFT_EPSILON 0xffffffffull /* 2^64 mod p */

VFT_INLINE vft_v vft_vset(uint64_t a) { return _mm512_set1_epi64((long long)a); }
VFT_INLINE vft_v vft_vzero(void) { return _mm512_setzero_si512(); }
VFT_INLINE vft_v vft_vload(const void *p) { return _mm512_loadu_si512(p); }
VFT_INLINE void vft_vstore(void *p, vft_v a) { _mm512_storeu_si512(p, a); }
VFT_INLINE vft_v vft_vloadm(__mmask8 m, const void *p) { return _mm512_maskz_loadu_epi64(m, p); }
VFT_INLINE void vft_vstorem(__mmask8 m, void *p, vft_v a) { _mm512_mask_storeu_epi64(p, m, a); }
/* The first k of eight lanes. */
VFT_INLINE __mmask8 vft_vmask(size_t k) { return (__mmask8)(k >= 8 ? 0xff : (1u << k) - 1); }

/* any -> canonical: below p, subtracting p wraps to something larger. */
VFT_INLINE vft_v vft_vcanon(vft_v a) {
  return _mm512_min_epu64(a, _mm512_sub_epi64(a, vft_vset(VFT_P)));
}
/* any + canonical -> any. A carry out leaves at most p - 2, so adding 2^32 - 1 for the lost 2^64
 * cannot carry again. */
VFT_INLINE vft_v vft_vadd(vft_v a, vft_v b) {
  vft_v s = _mm512_add_epi64(a, b);
  return _mm512_mask_add_epi64(s, _mm512_cmplt_epu64_mask(s, a), s, vft_vset(VFT_EPSILON));
}
/* any - canonical -> any. A borrow leaves at least 2^64 - (p - 1) = 2^32, so 2^32 - 1 can go. */
VFT_INLINE vft_v vft_vsub(vft_v a, vft_v b) {
  vft_v d = _mm512_sub_epi64(a, b);
  return _mm512_mask_sub_epi64(d, _mm512_cmplt_epu64_mask(a, b), d, vft_vset(VFT_EPSILON));
}
/* canonical, canonical -> canonical */
VFT_INLINE vft_v vft_vadd_canon(vft_v a, vft_v b) {
  vft_v p = vft_vset(VFT_P), nb = _mm512_sub_epi64(p, b), t = _mm512_sub_epi64(a, nb);
  return _mm512_mask_add_epi64(t, _mm512_cmplt_epu64_mask(a, nb), t, p);
}
VFT_INLINE vft_v vft_vsub_canon(vft_v a, vft_v b) {
  vft_v d = _mm512_sub_epi64(a, b);
  return _mm512_mask_add_epi64(d, _mm512_cmplt_epu64_mask(a, b), d, vft_vset(VFT_P));
}
/* int64 -> canonical */
VFT_INLINE vft_v vft_vfrom_i64(vft_v a) {
  return _mm512_mask_add_epi64(a, _mm512_movepi64_mask(a), a, vft_vset(VFT_P));
}

/* The tail of every reduction: lo + 2^64 mid + 2^96 top with mid in the low half of its lane and
 * top < 2^63; 2^64 = 2^32 - 1 and 2^96 = -1. With t = lo - top, m = (2^32 - 1) mid there remains
 * t + m <= (2^64 - 1) + (2^64 - 2^33 + 1) = 2 p - 2. */
VFT_INLINE vft_v vft_vreduce_t(vft_v lo, vft_v top) {
  vft_v t = _mm512_sub_epi64(lo, top);
  return _mm512_mask_sub_epi64(t, _mm512_cmplt_epu64_mask(lo, top), t, vft_vset(VFT_EPSILON));
}
VFT_INLINE vft_v vft_vreduce_m(vft_v mid) { return _mm512_mul_epu32(mid, vft_vset(VFT_EPSILON)); }
/* -> any: where the sum wraps, the correction fits. */
VFT_INLINE vft_v vft_vreduce(vft_v lo, vft_v mid, vft_v top) {
  vft_v m = vft_vreduce_m(mid), r = _mm512_add_epi64(vft_vreduce_t(lo, top), m);
  return _mm512_mask_add_epi64(r, _mm512_cmplt_epu64_mask(r, m), r, vft_vset(VFT_EPSILON));
}
/* -> canonical: t + m + 2^32 - 1 passes 2^64, and is then t + m - p, just where t + m >= p. */
VFT_INLINE vft_v vft_vreduce_canon(vft_v lo, vft_v mid, vft_v top) {
  vft_v eps = vft_vset(VFT_EPSILON), m = _mm512_add_epi64(vft_vreduce_m(mid), eps);
  vft_v r = _mm512_add_epi64(vft_vreduce_t(lo, top), m);
  return _mm512_mask_sub_epi64(r, _mm512_cmpge_epu64_mask(r, m), r, eps);
}

VFT_INLINE vft_v vft_vhigh(vft_v a) { return _mm512_srli_epi64(a, 52); }

/* l1 / 2^44 + 2^8 l2, where 2^8 l2 < 2^52. */
VFT_INLINE vft_v vft_vtop(vft_v l1, vft_v l2) {
  return _mm512_madd52lo_epu64(_mm512_srli_epi64(l1, 44), l2, vft_vset(0x100));
}

/* A product as the reductions take it; ah = vft_vhigh(a), bh = vft_vhigh(b). As in an
 * accumulator, where l0 < 2^52 has nothing to carry and adds to what l1 leaves free. */
typedef struct {
  vft_v lo, mid, top;
} vft_vproduct;
VFT_INLINE vft_vproduct vft_vmul_limbs(vft_v a, vft_v ah, vft_v b, vft_v bh) {
  vft_v l1 = _mm512_madd52hi_epu64(vft_vzero(), a, b);
  vft_v l2 = _mm512_madd52lo_epu64(vft_vzero(), ah, bh);
  l1 = _mm512_madd52lo_epu64(l1, a, bh);
  l2 = _mm512_madd52hi_epu64(l2, a, bh);
  l1 = _mm512_madd52lo_epu64(l1, ah, b);
  l2 = _mm512_madd52hi_epu64(l2, ah, b);
  return (vft_vproduct){_mm512_madd52lo_epu64(_mm512_slli_epi64(l1, 52), a, b),
                        _mm512_srli_epi64(l1, 12), vft_vtop(l1, l2)};
}
/* any * any -> any, canonical */
VFT_INLINE vft_v vft_vmul_high(vft_v a, vft_v ah, vft_v b, vft_v bh) {
  vft_vproduct x = vft_vmul_limbs(a, ah, b, bh);
  return vft_vreduce(x.lo, x.mid, x.top);
}
VFT_INLINE vft_v vft_vmul_high_canon(vft_v a, vft_v ah, vft_v b, vft_v bh) {
  vft_vproduct x = vft_vmul_limbs(a, ah, b, bh);
  return vft_vreduce_canon(x.lo, x.mid, x.top);
}
VFT_INLINE vft_v vft_vmul(vft_v a, vft_v b) {
  return vft_vmul_high(a, vft_vhigh(a), b, vft_vhigh(b));
}
VFT_INLINE vft_v vft_vmul_canon(vft_v a, vft_v b) {
  return vft_vmul_high_canon(a, vft_vhigh(a), b, vft_vhigh(b));
}

VFT_INLINE vft_vacc vft_vacc_zero(void) {
  return (vft_vacc){vft_vzero(), vft_vzero(), vft_vzero()};
}
VFT_INLINE vft_vacc vft_vacc_seed(vft_v a) {
  return (vft_vacc){_mm512_and_si512(a, vft_vset(0xfffffffffffffull)), vft_vhigh(a), vft_vzero()};
}
VFT_INLINE vft_vacc vft_vacc_add(vft_vacc a, vft_vacc b) {
  return (vft_vacc){_mm512_add_epi64(a.l0, b.l0), _mm512_add_epi64(a.l1, b.l1),
                    _mm512_add_epi64(a.l2, b.l2)};
}
VFT_INLINE void vft_vacc_mac(vft_vacc *s, vft_v a, vft_v ah, vft_v b, vft_v bh) {
  s->l0 = _mm512_madd52lo_epu64(s->l0, a, b);
  s->l1 = _mm512_madd52hi_epu64(s->l1, a, b);
  s->l1 = _mm512_madd52lo_epu64(s->l1, a, bh);
  s->l1 = _mm512_madd52lo_epu64(s->l1, ah, b);
  s->l2 = _mm512_madd52hi_epu64(s->l2, a, bh);
  s->l2 = _mm512_madd52hi_epu64(s->l2, ah, b);
  s->l2 = _mm512_madd52lo_epu64(s->l2, ah, bh);
}
/* After the carry of l0 the value is lo + 2^64 (mid + 2^32 top) with
 * lo = l0 mod 2^52 + 2^52 (l1 mod 2^12), mid = bits 12..43 of l1, top = l1 / 2^44 + 2^8 l2;
 * 2^8 l2 < 2^52 because l2 < 1365 * 2^25. */
VFT_INLINE vft_vproduct vft_vacc_limbs(vft_vacc s) {
  vft_v l1 = _mm512_add_epi64(s.l1, _mm512_srli_epi64(s.l0, 52));
  vft_v low52 = vft_vset(0xfffffffffffffull);
  vft_v lo = _mm512_ternarylogic_epi64(_mm512_slli_epi64(l1, 52), s.l0, low52, 0xf8);
  return (vft_vproduct){lo, _mm512_srli_epi64(l1, 12), vft_vtop(l1, s.l2)};
}
/* -> any, canonical */
VFT_INLINE vft_v vft_vacc_reduce(vft_vacc s) {
  vft_vproduct x = vft_vacc_limbs(s);
  return vft_vreduce(x.lo, x.mid, x.top);
}
VFT_INLINE vft_v vft_vacc_canon(vft_vacc s) {
  vft_vproduct x = vft_vacc_limbs(s);
  return vft_vreduce_canon(x.lo, x.mid, x.top);
}
/* Sum of the eight lanes (any). */
VFT_INLINE vft_fp vft_vsum(vft_v a) {
  uint64_t t[8];
  vft_vstore(t, vft_vcanon(a));
  vft_fp s = {t[0]};
  for (int i = 1; i < 8; i++) s = vft_fp_add(s, (vft_fp){t[i]});
  return s;
}

/* ---- extension, X^3 = X + 1 ---- */

/* Eight consecutive elements (24 words a0 a1 a2 b0 b1 b2 ...) <-> three coordinate vectors. */
VFT_INLINE vft_x vft_xfrom_words(vft_v w0, vft_v w1, vft_v w2) {
  /* Word 3i + k is in vector (3i + k) / 8. In the first step lanes that come from w2 are left
   * arbitrary and filled in the second. */
  const vft_v i0 = _mm512_setr_epi64(0, 3, 6, 9, 12, 15, 0, 0);
  const vft_v i1 = _mm512_setr_epi64(1, 4, 7, 10, 13, 0, 0, 0);
  const vft_v i2 = _mm512_setr_epi64(2, 5, 8, 11, 14, 0, 0, 0);
  const vft_v j0 = _mm512_setr_epi64(0, 1, 2, 3, 4, 5, 8 + 2, 8 + 5);
  const vft_v j1 = _mm512_setr_epi64(0, 1, 2, 3, 4, 8 + 0, 8 + 3, 8 + 6);
  const vft_v j2 = _mm512_setr_epi64(0, 1, 2, 3, 4, 8 + 1, 8 + 4, 8 + 7);
  return (vft_x){{_mm512_permutex2var_epi64(_mm512_permutex2var_epi64(w0, i0, w1), j0, w2),
                  _mm512_permutex2var_epi64(_mm512_permutex2var_epi64(w0, i1, w1), j1, w2),
                  _mm512_permutex2var_epi64(_mm512_permutex2var_epi64(w0, i2, w1), j2, w2)}};
}
VFT_INLINE void vft_xto_words(vft_x a, vft_v w[3]) {
  /* w0 = a0 b0 c0 a1 b1 c1 a2 b2; w1 = c2 a3 b3 c3 a4 b4 c4 a5; w2 = b5 c5 a6 b6 c6 a7 b7 c7 */
  const vft_v i0 = _mm512_setr_epi64(0, 8, 0, 1, 9, 0, 2, 10);
  const vft_v i1 = _mm512_setr_epi64(0, 3, 11, 0, 4, 12, 0, 5);
  const vft_v i2 = _mm512_setr_epi64(13, 0, 6, 14, 0, 7, 15, 0);
  const vft_v j0 = _mm512_setr_epi64(0, 1, 8, 3, 4, 9, 6, 7);
  const vft_v j1 = _mm512_setr_epi64(10, 1, 2, 11, 4, 5, 12, 7);
  const vft_v j2 = _mm512_setr_epi64(0, 13, 2, 3, 14, 5, 6, 15);
  w[0] = _mm512_permutex2var_epi64(_mm512_permutex2var_epi64(a.c[0], i0, a.c[1]), j0, a.c[2]);
  w[1] = _mm512_permutex2var_epi64(_mm512_permutex2var_epi64(a.c[0], i1, a.c[1]), j1, a.c[2]);
  w[2] = _mm512_permutex2var_epi64(_mm512_permutex2var_epi64(a.c[0], i2, a.c[1]), j2, a.c[2]);
}
VFT_INLINE vft_x vft_xload(const vft_ext *p) {
  const uint64_t *w = (const uint64_t *)p;
  return vft_xfrom_words(vft_vload(w), vft_vload(w + 8), vft_vload(w + 16));
}
VFT_INLINE void vft_xstore(vft_ext *p, vft_x a) {
  uint64_t *q = (uint64_t *)p;
  vft_v w[3];
  vft_xto_words(a, w);
  vft_vstore(q, w[0]);
  vft_vstore(q + 8, w[1]);
  vft_vstore(q + 16, w[2]);
}
/* The first k <= 8 elements only; lanes beyond load as zero. */
VFT_INLINE __mmask8 vft_xmask(size_t k, int vector) {
  return (__mmask8)(((1u << (3 * k)) - 1) >> (8 * vector));
}
VFT_INLINE vft_x vft_xloadm(size_t k, const vft_ext *p) {
  const uint64_t *w = (const uint64_t *)p;
  return vft_xfrom_words(vft_vloadm(vft_xmask(k, 0), w), vft_vloadm(vft_xmask(k, 1), w + 8),
                         vft_vloadm(vft_xmask(k, 2), w + 16));
}
VFT_INLINE void vft_xstorem(size_t k, vft_ext *p, vft_x a) {
  uint64_t *q = (uint64_t *)p;
  vft_v w[3];
  vft_xto_words(a, w);
  vft_vstorem(vft_xmask(k, 0), q, w[0]);
  vft_vstorem(vft_xmask(k, 1), q + 8, w[1]);
  vft_vstorem(vft_xmask(k, 2), q + 16, w[2]);
}
VFT_INLINE vft_x vft_xset(vft_ext a) {
  return (vft_x){{vft_vset(a.c[0].v), vft_vset(a.c[1].v), vft_vset(a.c[2].v)}};
}
/* canonical, canonical -> canonical */
VFT_INLINE vft_x vft_xadd(vft_x a, vft_x b) {
  return (vft_x){{vft_vadd_canon(a.c[0], b.c[0]), vft_vadd_canon(a.c[1], b.c[1]),
                  vft_vadd_canon(a.c[2], b.c[2])}};
}
VFT_INLINE vft_x vft_xsub(vft_x a, vft_x b) {
  return (vft_x){{vft_vsub_canon(a.c[0], b.c[0]), vft_vsub_canon(a.c[1], b.c[1]),
                  vft_vsub_canon(a.c[2], b.c[2])}};
}
VFT_INLINE vft_x vft_xcanon(vft_x a) {
  return (vft_x){{vft_vcanon(a.c[0]), vft_vcanon(a.c[1]), vft_vcanon(a.c[2])}};
}

/* Sums of extension products before reduction by X^3 = X + 1: d[k] collects a_i b_j, i + j = k.
 * One product adds at most three base products to any d[k], and the combinations taken in
 * vft_xacc_reduce at most five: 256 products a lane are safe (256 * 5 + seeds < 1365). */
typedef struct {
  vft_vacc d[5];
} vft_xacc;
enum { VFT_XACC_MAX = 256 };

VFT_INLINE vft_xacc vft_xacc_zero(void) {
  vft_vacc z = vft_vacc_zero();
  return (vft_xacc){{z, z, z, z, z}};
}
/* any, any */
VFT_INLINE void vft_xacc_mac(vft_xacc *s, vft_x a, vft_x b) {
  vft_v a0 = vft_vhigh(a.c[0]), a1 = vft_vhigh(a.c[1]), a2 = vft_vhigh(a.c[2]);
  vft_v b0 = vft_vhigh(b.c[0]), b1 = vft_vhigh(b.c[1]), b2 = vft_vhigh(b.c[2]);
  vft_vacc_mac(&s->d[0], a.c[0], a0, b.c[0], b0);
  vft_vacc_mac(&s->d[1], a.c[0], a0, b.c[1], b1);
  vft_vacc_mac(&s->d[2], a.c[0], a0, b.c[2], b2);
  vft_vacc_mac(&s->d[3], a.c[1], a1, b.c[2], b2);
  vft_vacc_mac(&s->d[4], a.c[2], a2, b.c[2], b2);
  vft_vacc_mac(&s->d[1], a.c[1], a1, b.c[0], b0);
  vft_vacc_mac(&s->d[2], a.c[1], a1, b.c[1], b1);
  vft_vacc_mac(&s->d[3], a.c[2], a2, b.c[1], b1);
  vft_vacc_mac(&s->d[2], a.c[2], a2, b.c[0], b0);
}
/* -> canonical */
VFT_INLINE vft_x vft_xacc_reduce(const vft_xacc *s) {
  return (vft_x){
      {vft_vacc_canon(vft_vacc_add(s->d[0], s->d[3])),
       vft_vacc_canon(vft_vacc_add(s->d[1], vft_vacc_add(s->d[3], s->d[4]))),
       vft_vacc_canon(vft_vacc_add(s->d[2], s->d[4]))}};
}
/* any * any -> canonical */
VFT_INLINE vft_x vft_xmul(vft_x a, vft_x b) {
  vft_xacc s = vft_xacc_zero();
  vft_xacc_mac(&s, a, b);
  return vft_xacc_reduce(&s);
}
/* canonical -> canonical */
VFT_INLINE vft_x vft_xsqr(vft_x a) {
  vft_xacc s = vft_xacc_zero();
  vft_v t0 = vft_vadd_canon(a.c[0], a.c[0]), t1 = vft_vadd_canon(a.c[1], a.c[1]);
  vft_v a0 = vft_vhigh(a.c[0]), a1 = vft_vhigh(a.c[1]), a2 = vft_vhigh(a.c[2]);
  vft_v b0 = vft_vhigh(t0), b1 = vft_vhigh(t1);
  vft_vacc_mac(&s.d[0], a.c[0], a0, a.c[0], a0);
  vft_vacc_mac(&s.d[1], t0, b0, a.c[1], a1);
  vft_vacc_mac(&s.d[2], t0, b0, a.c[2], a2);
  vft_vacc_mac(&s.d[3], t1, b1, a.c[2], a2);
  vft_vacc_mac(&s.d[4], a.c[2], a2, a.c[2], a2);
  vft_vacc_mac(&s.d[2], a.c[1], a1, a.c[1], a1);
  return vft_xacc_reduce(&s);
}
VFT_INLINE vft_ext vft_xsum(vft_x a) {
  return (vft_ext){{vft_vsum(a.c[0]), vft_vsum(a.c[1]), vft_vsum(a.c[2])}};
}

/* Multiplication by one fixed element r: with s1 = r1 + r2 and s0 = r0 + r2,
 *   (a r)_0 = a0 r0 + a1 r2 + a2 r1,
 *   (a r)_1 = a0 r1 + a1 s0 + a2 s1,
 *   (a r)_2 = a0 r2 + a1 r1 + a2 s0. */
typedef struct {
  vft_v w[5], h[5]; /* r0, r1, r2, s0, s1 and their high parts */
} vft_xconst;

VFT_INLINE vft_xconst vft_xconst_set(vft_ext r) {
  vft_fp e[5] = {r.c[0], r.c[1], r.c[2], vft_fp_add(r.c[0], r.c[2]), vft_fp_add(r.c[1], r.c[2])};
  vft_xconst k;
  for (int i = 0; i < 5; i++) {
    k.w[i] = vft_vset(e[i].v);
    k.h[i] = vft_vset(e[i].v >> 52);
  }
  return k;
}
/* base + a r -> canonical; all any */
VFT_INLINE vft_x vft_xconst_mac(const vft_xconst *k, vft_x a, vft_x base) {
  static const int row[3][3] = {{0, 2, 1}, {1, 3, 4}, {2, 1, 3}};
  vft_v high[3] = {vft_vhigh(a.c[0]), vft_vhigh(a.c[1]), vft_vhigh(a.c[2])};
  vft_x out;
  _Pragma("GCC unroll 3") for (int i = 0; i < 3; i++) {
    vft_vacc s = vft_vacc_seed(base.c[i]);
    _Pragma("GCC unroll 3") for (int j = 0; j < 3; j++)
      vft_vacc_mac(&s, a.c[j], high[j], k->w[row[i][j]], k->h[row[i][j]]);
    out.c[i] = vft_vacc_canon(s);
  }
  return out;
}

#endif
