/* AVX2 kernels of the WHIR prover: four columns at a time, sums of products reduced once a block
 * (field/goldilocks_avx2.h derives the bounds). */
#ifdef __x86_64__
#include "argument/whir_kernels.h"
#include "field/goldilocks_avx2.h"

/* Columns between reductions: 64 a lane, where sums of extension products may gather 102 and sums
 * of base products 511. The passes over a block find it in the first two levels of cache. */
enum { BLOCK = 4 * 64 };

VFT_INLINE vft_v load_fp(const vft_fp *p, size_t left) {
  return left >= 4 ? vft_vload(p) : vft_vloadm(vft_vmask((long long)left), p);
}
VFT_INLINE vft_x load_ext(const vft_ext *p, size_t left) {
  return left >= 4 ? vft_xload(p) : vft_xloadm(left, p);
}
VFT_INLINE void store_ext(vft_ext *out, size_t left, vft_x v) {
  if (left >= 4)
    vft_xstore(out, v);
  else
    vft_xstorem(left, out, v);
}

/* ---- base times extension --------------------------------------------------------------------
 *
 * The weights are not sorted into coordinates: of the 12 words of four weights, word 4v + j
 * belongs to element (4v + j) / 3, so the digits of four base elements are spread to the same
 * order and multiplied word by word. Lane j of accumulator v gathers coordinate (4v + j) mod 3.
 * One sum a pass, here and below: more accumulators would not fit the registers. */

VFT_INLINE vft_v spread(vft_v t, int v) {
  return v == 0   ? _mm256_permute4x64_epi64(t, 0x40)  /* 0 0 0 1 */
         : v == 1 ? _mm256_permute4x64_epi64(t, 0xa5)  /* 1 1 2 2 */
                  : _mm256_permute4x64_epi64(t, 0xfe); /* 2 3 3 3 */
}
VFT_INLINE vft_v load_word(const vft_ext *w, size_t left, int v) {
  const uint64_t *word = (const uint64_t *)w + 4 * v;
  return left >= 4 ? vft_vload(word) : vft_vloadm(vft_xmask(left, v), word);
}
/* The point of sum k at columns i ..; k is a constant where this is used. */
VFT_INLINE vft_v point_fp(const vft_fp *const p[4], int k, size_t i, size_t left) {
#define P(j) load_fp(p[j] + i, left)
  switch (k) {
    case VFT_WHIR_T00: return P(0);
    case VFT_WHIR_T10: return P(1);
    case VFT_WHIR_T01: return P(2);
    case VFT_WHIR_TI0: return vft_vsub_canon(P(1), P(0));
    case VFT_WHIR_TI1: return vft_vsub_canon(P(3), P(2));
    case VFT_WHIR_T0I: return vft_vsub_canon(P(2), P(0));
    case VFT_WHIR_T1I: return vft_vsub_canon(P(3), P(1));
    default: return vft_vsub_canon(vft_vsub_canon(P(3), P(2)), vft_vsub_canon(P(1), P(0)));
  }
#undef P
}
VFT_INLINE vft_v point_word(const vft_ext *const w[4], int k, size_t i, size_t left, int v) {
#define W(j) load_word(w[j] + i, left, v)
  switch (k) {
    case VFT_WHIR_T00: return W(0);
    case VFT_WHIR_T10: return W(1);
    case VFT_WHIR_T01: return W(2);
    case VFT_WHIR_TI0: return vft_vsub_canon(W(1), W(0));
    case VFT_WHIR_TI1: return vft_vsub_canon(W(3), W(2));
    case VFT_WHIR_T0I: return vft_vsub_canon(W(2), W(0));
    case VFT_WHIR_T1I: return vft_vsub_canon(W(3), W(1));
    default: return vft_vsub_canon(vft_vsub_canon(W(3), W(2)), vft_vsub_canon(W(1), W(0)));
  }
#undef W
}
VFT_INLINE void mac_words(vft_vacc s[3], const vft_fp *const p[4], const vft_ext *const w[4], int k,
                          size_t i, size_t left) {
  vft_vdigits d = vft_vcut(point_fp(p, k, i, left));
  _Pragma("GCC unroll 3") for (int v = 0; v < 3; v++) {
    vft_v y = point_word(w, k, i, left, v);
    vft_vdigits e = {{spread(d.d[0], v), spread(d.d[1], v), spread(d.d[2], v)}};
    vft_vacc_mac(&s[v], y, vft_vhigh(y), e);
  }
}

static void products_fp(const vft_fp *const p[4], const vft_ext *const w[4], size_t n,
                        vft_ext t[VFT_WHIR_T]) {
  for (size_t from = 0; from < n; from += BLOCK) {
    size_t end = n - from < BLOCK ? n : from + BLOCK;
    _Pragma("GCC unroll 8") for (int k = 0; k < VFT_WHIR_T; k++) {
      vft_vacc s[3] = {vft_vacc_zero(), vft_vacc_zero(), vft_vacc_zero()};
      size_t i = from;
      for (; i + 4 <= end; i += 4) mac_words(s, p, w, k, i, 4);
      if (i < end) mac_words(s, p, w, k, i, end - i);
      vft_x sum = vft_xfrom_words(vft_vacc_canon(s[0]), vft_vacc_canon(s[1]), vft_vacc_canon(s[2]));
      t[k] = vft_ext_add(t[k], vft_xsum(sum));
    }
  }
}

/* ---- extension times extension --------------------------------------------------------------- */

VFT_INLINE vft_x entry(const vft_ext *const p[4], int k, size_t i, size_t left) {
  return load_ext(p[k] + i, left);
}
VFT_INLINE vft_x diff(const vft_ext *const p[4], int k, int l, size_t i, size_t left) {
  return vft_xsub(entry(p, k, i, left), entry(p, l, i, left));
}
VFT_INLINE vft_x point(const vft_ext *const p[4], int k, size_t i, size_t left) {
  switch (k) {
    case VFT_WHIR_T00: return entry(p, 0, i, left);
    case VFT_WHIR_T10: return entry(p, 1, i, left);
    case VFT_WHIR_T01: return entry(p, 2, i, left);
    case VFT_WHIR_TI0: return diff(p, 1, 0, i, left);
    case VFT_WHIR_TI1: return diff(p, 3, 2, i, left);
    case VFT_WHIR_T0I: return diff(p, 2, 0, i, left);
    case VFT_WHIR_T1I: return diff(p, 3, 1, i, left);
    default: return vft_xsub(diff(p, 3, 2, i, left), diff(p, 1, 0, i, left));
  }
}

static void products_ext(const vft_ext *const p[4], const vft_ext *const w[4], size_t n,
                         vft_ext t[VFT_WHIR_T]) {
  for (size_t from = 0; from < n; from += BLOCK) {
    size_t end = n - from < BLOCK ? n : from + BLOCK;
    _Pragma("GCC unroll 8") for (int k = 0; k < VFT_WHIR_T; k++) {
      vft_xacc s = vft_xacc_zero();
      size_t i = from;
      for (; i + 4 <= end; i += 4) vft_xacc_mac(&s, point(p, k, i, 4), point(w, k, i, 4));
      if (i < end) vft_xacc_mac(&s, point(p, k, i, end - i), point(w, k, i, end - i));
      t[k] = vft_ext_add(t[k], vft_xsum(vft_xacc_reduce(&s)));
    }
  }
}

/* ---- folds -----------------------------------------------------------------------------------
 *
 * p0 + r[0] (p1 - p0) + r[1] (p2 - p0) + r[2] (p3 - p2 - p1 + p0): three products that share one
 * reduction, seeded with p0. */

static void fold_fp(vft_ext *out, const vft_fp *const p[4], const vft_ext r[3], size_t n) {
  vft_vconst c[3][3];
  for (int k = 0; k < 3; k++)
    for (int j = 0; j < 3; j++) c[k][j] = vft_vconst_set(r[k].c[j]);
  for (size_t i = 0; i < n; i += 4) {
    vft_v p0 = load_fp(p[0] + i, n - i), p1 = load_fp(p[1] + i, n - i);
    vft_v p2 = load_fp(p[2] + i, n - i), p3 = load_fp(p[3] + i, n - i);
    vft_v a10 = vft_vsub_canon(p1, p0);
    vft_v a[3] = {a10, vft_vsub_canon(p2, p0), vft_vsub(vft_vsub(p3, p2), a10)};
    vft_vpair s[3] = {vft_vpair_seed(p0), vft_vpair_zero(), vft_vpair_zero()};
    _Pragma("GCC unroll 3") for (int k = 0; k < 3; k++) {
      vft_vdigits d = vft_vcut(a[k]);
      _Pragma("GCC unroll 3") for (int j = 0; j < 3; j++) vft_vpair_mac(&s[j], d, &c[k][j]);
    }
    vft_x v = {{vft_vpair_canon(s[0]), vft_vpair_canon(s[1]), vft_vpair_canon(s[2])}};
    store_ext(out + i, n - i, v);
  }
}

static void fold_ext(vft_ext *out, const vft_ext *const p[4], const vft_ext r[3], size_t n) {
  vft_xconst c[3] = {vft_xconst_set(r[0]), vft_xconst_set(r[1]), vft_xconst_set(r[2])};
  for (size_t i = 0; i < n; i += 4) {
    vft_x p0 = load_ext(p[0] + i, n - i), p1 = load_ext(p[1] + i, n - i);
    vft_x p2 = load_ext(p[2] + i, n - i), p3 = load_ext(p[3] + i, n - i);
    vft_x a10 = vft_xsub(p1, p0);
    vft_vpair s[3] = {vft_vpair_seed(p0.c[0]), vft_vpair_seed(p0.c[1]), vft_vpair_seed(p0.c[2])};
    vft_xconst_acc(s, &c[0], a10);
    vft_xconst_acc(s, &c[1], vft_xsub(p2, p0));
    vft_xconst_acc(s, &c[2], vft_xsub(vft_xsub(p3, p2), a10));
    vft_x v = {{vft_vpair_canon(s[0]), vft_vpair_canon(s[1]), vft_vpair_canon(s[2])}};
    store_ext(out + i, n - i, v);
  }
}

const vft_whir_kernels vft_whir_kernels_avx2 = {
    .name = "avx2",
    .products_fp = products_fp,
    .products_ext = products_ext,
    .fold_fp = fold_fp,
    .fold_ext = fold_ext,
};

#else
typedef int vft_whir_avx2_empty;
#endif
