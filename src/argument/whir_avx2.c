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
 * order and multiplied word by word. Lane j of accumulator v gathers coordinate (4v + j) mod 3. */

VFT_INLINE vft_v spread(vft_v t, int v) {
  return v == 0   ? _mm256_permute4x64_epi64(t, 0x40)  /* 0 0 0 1 */
         : v == 1 ? _mm256_permute4x64_epi64(t, 0xa5)  /* 1 1 2 2 */
                  : _mm256_permute4x64_epi64(t, 0xfe); /* 2 3 3 3 */
}
VFT_INLINE vft_v load_word(const vft_ext *w, size_t left, int v) {
  const uint64_t *word = (const uint64_t *)w + 4 * v;
  return left >= 4 ? vft_vload(word) : vft_vloadm(vft_xmask(left, v), word);
}
VFT_INLINE void mac_word(vft_vacc *s, vft_v p, vft_v w, int v) {
  vft_vdigits d = vft_vcut(p);
  vft_vdigits e = {{spread(d.d[0], v), spread(d.d[1], v), spread(d.d[2], v)}};
  vft_vacc_mac(s, w, vft_vhigh(w), e);
}
VFT_INLINE void flush_word(vft_vacc s, int v, vft_ext *t) {
  uint64_t w[4];
  vft_vstore(w, vft_vacc_canon(s));
  for (int j = 0; j < 4; j++) {
    vft_fp *c = &t->c[(4 * v + j) % 3];
    *c = vft_fp_add(*c, (vft_fp){w[j]});
  }
}

/* Two of the eight sums a pass, so that accumulators and operands fit the registers. */
#define PASS(NAME, K0, K1, ...)                                                                \
  VFT_INLINE void NAME(const vft_fp *const p[4], const vft_ext *const w[4], size_t from,       \
                       size_t n, int v, vft_ext t[VFT_WHIR_T]) {                               \
    vft_vacc s0 = vft_vacc_zero(), s1 = vft_vacc_zero();                                       \
    size_t i = from;                                                                           \
    for (; i + 4 <= n; i += 4) {                                                               \
      const size_t left = 4;                                                                   \
      __VA_ARGS__                                                                              \
    }                                                                                          \
    if (i < n) {                                                                               \
      size_t left = n - i;                                                                     \
      __VA_ARGS__                                                                              \
    }                                                                                          \
    flush_word(s0, v, &t[K0]);                                                                 \
    flush_word(s1, v, &t[K1]);                                                                 \
  }
#define P(k) load_fp(p[k] + i, left)
#define W(k) load_word(w[k] + i, left, v)
PASS(pass_values, VFT_WHIR_T00, VFT_WHIR_T10, {
  mac_word(&s0, P(0), W(0), v);
  mac_word(&s1, P(1), W(1), v);
})
PASS(pass_value, VFT_WHIR_T01, VFT_WHIR_TI0, {
  mac_word(&s0, P(2), W(2), v);
  mac_word(&s1, vft_vsub_canon(P(1), P(0)), vft_vsub_canon(W(1), W(0)), v);
})
PASS(pass_differences, VFT_WHIR_TI1, VFT_WHIR_T0I, {
  vft_v p2 = P(2), w2 = W(2);
  mac_word(&s0, vft_vsub_canon(P(3), p2), vft_vsub_canon(W(3), w2), v);
  mac_word(&s1, vft_vsub_canon(p2, P(0)), vft_vsub_canon(w2, W(0)), v);
})
PASS(pass_second, VFT_WHIR_T1I, VFT_WHIR_TII, {
  vft_v p31 = vft_vsub_canon(P(3), P(1)), p20 = vft_vsub_canon(P(2), P(0));
  vft_v w31 = vft_vsub_canon(W(3), W(1)), w20 = vft_vsub_canon(W(2), W(0));
  mac_word(&s0, p31, w31, v);
  mac_word(&s1, vft_vsub_canon(p31, p20), vft_vsub_canon(w31, w20), v);
})
#undef P
#undef W

static void products_fp(const vft_fp *const p[4], const vft_ext *const w[4], size_t n,
                        vft_ext t[VFT_WHIR_T]) {
  for (size_t i = 0; i < n; i += BLOCK) {
    size_t end = n - i < BLOCK ? n : i + BLOCK;
    _Pragma("GCC unroll 3") for (int v = 0; v < 3; v++) {
      pass_values(p, w, i, end, v, t);
      pass_value(p, w, i, end, v, t);
      pass_differences(p, w, i, end, v, t);
      pass_second(p, w, i, end, v, t);
    }
  }
}

/* ---- extension times extension, one sum a pass ------------------------------------------------ */

VFT_INLINE vft_x entry(const vft_ext *const p[4], int k, size_t i, size_t left) {
  return load_ext(p[k] + i, left);
}
VFT_INLINE vft_x diff(const vft_ext *const p[4], int k, int l, size_t i, size_t left) {
  return vft_xsub(entry(p, k, i, left), entry(p, l, i, left));
}
/* The point of the sum at columns i ..; k is a constant where this is used. */
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
