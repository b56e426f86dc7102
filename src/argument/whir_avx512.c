/* AVX-512 kernels of the WHIR prover: eight columns at a time, sums of products in 52-bit limbs
 * reduced once per call (field/goldilocks_avx512.h derives the bounds). */
#include "argument/whir_kernels.h"
#include "field/goldilocks_avx512.h"

/* Products one lane may gather before a reduction: VFT_XACC_MAX = 256 extension products; base
 * by extension products add one base product to each accumulator, far below 1365. */
enum { BLOCK = 8 * 256 };

/* ---- base times extension -------------------------------------------------------------------- */

typedef struct {
  vft_vacc c[3];
} bacc;

VFT_INLINE void bacc_mac(bacc *s, vft_v a, vft_x b) {
  vft_v ah = vft_vhigh(a);
  for (int k = 0; k < 3; k++) vft_vacc_mac(&s->c[k], a, ah, b.c[k], vft_vhigh(b.c[k]));
}

VFT_INLINE bacc bacc_zero(void) {
  return (bacc){{vft_vacc_zero(), vft_vacc_zero(), vft_vacc_zero()}};
}

VFT_INLINE void bacc_flush(const bacc *s, vft_ext *t) {
  vft_x v = {{vft_vacc_reduce(s->c[0]), vft_vacc_reduce(s->c[1]), vft_vacc_reduce(s->c[2])}};
  *t = vft_ext_add(*t, vft_xsum(v));
}

VFT_INLINE vft_v load_fp(const vft_fp *p, size_t left) {
  return left >= 8 ? vft_vload(p) : vft_vloadm(vft_vmask(left), p);
}
VFT_INLINE vft_x load_ext(const vft_ext *p, size_t left) {
  return left >= 8 ? vft_xload(p) : vft_xloadm(left, p);
}

/* Two sums a pass over the (cached) rows: 18 accumulators fit the register file. The operands of
 * the sums (a0, a1) are: p0 and p1; p2 and p3 - p2; p1 - p0 and p2 - p0; p3 - p1 and all four. */
static void products_fp_block(const vft_fp *const p[4], const vft_ext *const w[4], size_t from,
                              size_t n, vft_ext t[VFT_WHIR_T]) {
  bacc s0 = bacc_zero(), s1 = bacc_zero();
  for (size_t i = from; i < n; i += 8) {
    bacc_mac(&s0, load_fp(p[0] + i, n - i), load_ext(w[0] + i, n - i));
    bacc_mac(&s1, load_fp(p[1] + i, n - i), load_ext(w[1] + i, n - i));
  }
  bacc_flush(&s0, &t[VFT_WHIR_T00]);
  bacc_flush(&s1, &t[VFT_WHIR_T10]);
  s0 = s1 = bacc_zero();
  for (size_t i = from; i < n; i += 8) {
    vft_v p2 = load_fp(p[2] + i, n - i), p3 = load_fp(p[3] + i, n - i);
    vft_x w2 = load_ext(w[2] + i, n - i), w3 = load_ext(w[3] + i, n - i);
    bacc_mac(&s0, p2, w2);
    bacc_mac(&s1, vft_vsub(p3, p2), vft_xsub(w3, w2));
  }
  bacc_flush(&s0, &t[VFT_WHIR_T01]);
  bacc_flush(&s1, &t[VFT_WHIR_TI1]);
  s0 = s1 = bacc_zero();
  for (size_t i = from; i < n; i += 8) {
    vft_v p0 = load_fp(p[0] + i, n - i), p1 = load_fp(p[1] + i, n - i);
    vft_x w0 = load_ext(w[0] + i, n - i), w1 = load_ext(w[1] + i, n - i);
    vft_v p2 = load_fp(p[2] + i, n - i);
    vft_x w2 = load_ext(w[2] + i, n - i);
    bacc_mac(&s0, vft_vsub(p1, p0), vft_xsub(w1, w0));
    bacc_mac(&s1, vft_vsub(p2, p0), vft_xsub(w2, w0));
  }
  bacc_flush(&s0, &t[VFT_WHIR_TI0]);
  bacc_flush(&s1, &t[VFT_WHIR_T0I]);
  s0 = s1 = bacc_zero();
  for (size_t i = from; i < n; i += 8) {
    vft_v p0 = load_fp(p[0] + i, n - i), p1 = load_fp(p[1] + i, n - i);
    vft_x w0 = load_ext(w[0] + i, n - i), w1 = load_ext(w[1] + i, n - i);
    vft_v p2 = load_fp(p[2] + i, n - i), p3 = load_fp(p[3] + i, n - i);
    vft_x w2 = load_ext(w[2] + i, n - i), w3 = load_ext(w[3] + i, n - i);
    vft_v d1 = vft_vsub_canon(p3, p1);
    vft_x e1 = vft_xsub(w3, w1);
    bacc_mac(&s0, d1, e1);
    bacc_mac(&s1, vft_vsub(d1, vft_vsub_canon(p2, p0)), vft_xsub(e1, vft_xsub(w2, w0)));
  }
  bacc_flush(&s0, &t[VFT_WHIR_T1I]);
  bacc_flush(&s1, &t[VFT_WHIR_TII]);
}

static void products_fp(const vft_fp *const p[4], const vft_ext *const w[4], size_t n,
                        vft_ext t[VFT_WHIR_T]) {
  for (size_t i = 0; i < n; i += BLOCK)
    products_fp_block(p, w, i, n - i < BLOCK ? n : i + BLOCK, t);
}

/* ---- extension times extension --------------------------------------------------------------- */

VFT_INLINE void flush(const vft_xacc *s, vft_ext *t) {
  *t = vft_ext_add(*t, vft_xsum(vft_xacc_reduce(s)));
}

/* One sum a pass: fifteen accumulators. */
VFT_INLINE void product1(const vft_ext *p, const vft_ext *w, size_t from, size_t n, vft_ext *t) {
  vft_xacc s = vft_xacc_zero();
  for (size_t i = from; i < n; i += 8)
    vft_xacc_mac(&s, load_ext(p + i, n - i), load_ext(w + i, n - i));
  flush(&s, t);
}
/* (p1 - p0) (w1 - w0) */
VFT_INLINE void product2(const vft_ext *p0, const vft_ext *p1, const vft_ext *w0,
                         const vft_ext *w1, size_t from, size_t n, vft_ext *t) {
  vft_xacc s = vft_xacc_zero();
  for (size_t i = from; i < n; i += 8) {
    vft_x a = vft_xsub(load_ext(p1 + i, n - i), load_ext(p0 + i, n - i));
    vft_x b = vft_xsub(load_ext(w1 + i, n - i), load_ext(w0 + i, n - i));
    vft_xacc_mac(&s, a, b);
  }
  flush(&s, t);
}

VFT_INLINE vft_x cross(const vft_ext *const p[4], size_t i, size_t left) {
  return vft_xsub(vft_xsub(load_ext(p[3] + i, left), load_ext(p[2] + i, left)),
                  vft_xsub(load_ext(p[1] + i, left), load_ext(p[0] + i, left)));
}

static void products_ext_block(const vft_ext *const p[4], const vft_ext *const w[4], size_t from,
                               size_t n, vft_ext t[VFT_WHIR_T]) {
  product1(p[0], w[0], from, n, &t[VFT_WHIR_T00]);
  product1(p[1], w[1], from, n, &t[VFT_WHIR_T10]);
  product1(p[2], w[2], from, n, &t[VFT_WHIR_T01]);
  product2(p[0], p[1], w[0], w[1], from, n, &t[VFT_WHIR_TI0]);
  product2(p[2], p[3], w[2], w[3], from, n, &t[VFT_WHIR_TI1]);
  product2(p[0], p[2], w[0], w[2], from, n, &t[VFT_WHIR_T0I]);
  product2(p[1], p[3], w[1], w[3], from, n, &t[VFT_WHIR_T1I]);
  vft_xacc s = vft_xacc_zero();
  for (size_t i = from; i < n; i += 8) vft_xacc_mac(&s, cross(p, i, n - i), cross(w, i, n - i));
  flush(&s, &t[VFT_WHIR_TII]);
}

static void products_ext(const vft_ext *const p[4], const vft_ext *const w[4], size_t n,
                         vft_ext t[VFT_WHIR_T]) {
  for (size_t i = 0; i < n; i += BLOCK)
    products_ext_block(p, w, i, n - i < BLOCK ? n : i + BLOCK, t);
}

/* ---- folds ----------------------------------------------------------------------------------- */

static void fold_fp(vft_ext *out, const vft_fp *const p[4], const vft_ext e[4], size_t n) {
  vft_v c[4][3], h[4][3];
  for (int k = 0; k < 4; k++)
    for (int j = 0; j < 3; j++) {
      c[k][j] = vft_vset(e[k].c[j].v);
      h[k][j] = vft_vhigh(c[k][j]);
    }
  for (size_t i = 0; i < n; i += 8) {
    bacc s = bacc_zero();
    _Pragma("GCC unroll 4") for (int k = 0; k < 4; k++) {
      vft_v a = load_fp(p[k] + i, n - i), ah = vft_vhigh(a);
      _Pragma("GCC unroll 3") for (int j = 0; j < 3; j++)
        vft_vacc_mac(&s.c[j], a, ah, c[k][j], h[k][j]);
    }
    vft_x v = {{vft_vacc_reduce(s.c[0]), vft_vacc_reduce(s.c[1]), vft_vacc_reduce(s.c[2])}};
    v = vft_xcanon(v);
    if (n - i >= 8)
      vft_xstore(out + i, v);
    else
      vft_xstorem(n - i, out + i, v);
  }
}

/* Four products share one reduction. */
static void fold_ext(vft_ext *out, const vft_ext *const p[4], const vft_ext e[4], size_t n) {
  vft_x c[4];
  for (int k = 0; k < 4; k++) c[k] = vft_xset(e[k]);
  for (size_t i = 0; i < n; i += 8) {
    vft_xacc s = vft_xacc_zero();
    _Pragma("GCC unroll 4") for (int k = 0; k < 4; k++)
      vft_xacc_mac(&s, load_ext(p[k] + i, n - i), c[k]);
    vft_x v = vft_xcanon(vft_xacc_reduce(&s));
    if (n - i >= 8)
      vft_xstore(out + i, v);
    else
      vft_xstorem(n - i, out + i, v);
  }
}

const vft_whir_kernels vft_whir_kernels_avx512 = {
    .name = "avx512",
    .products_fp = products_fp,
    .products_ext = products_ext,
    .fold_fp = fold_fp,
    .fold_ext = fold_ext,
};
