/* AVX-512 kernels of the WHIR prover: eight columns at a time, sums of products in 52-bit limbs
 * reduced once per call (field/goldilocks_avx512.h derives the bounds). */
#include "argument/whir_kernels.h"
#include "field/goldilocks_avx512.h"

/* Columns between reductions: every accumulator below gathers one base product a column and lane,
 * and may gather 1,365. */
enum { BLOCK = 8 * 1024 };

VFT_INLINE vft_v load_fp(const vft_fp *p, size_t left) {
  return left >= 8 ? vft_vload(p) : vft_vloadm(vft_vmask(left), p);
}
VFT_INLINE vft_x load_ext(const vft_ext *p, size_t left) {
  return left >= 8 ? vft_xload(p) : vft_xloadm(left, p);
}

/* ---- base times extension --------------------------------------------------------------------
 *
 * The weights are not sorted into coordinates: of the 24 words of eight weights, word 8v + j
 * belongs to element (8v + j) / 3, so the eight base elements are spread to the same order and
 * multiplied word by word. Lane j of accumulator v gathers coordinate (8v + j) mod 3. */

VFT_INLINE vft_v spread_order(int v) {
  return _mm512_setr_epi64((8 * v) / 3, (8 * v + 1) / 3, (8 * v + 2) / 3, (8 * v + 3) / 3,
                           (8 * v + 4) / 3, (8 * v + 5) / 3, (8 * v + 6) / 3, (8 * v + 7) / 3);
}

VFT_INLINE void flush_words(vft_vacc s, int v, vft_ext *t) {
  uint64_t w[8];
  vft_vstore(w, vft_vacc_canon(s));
  for (int j = 0; j < 8; j++) {
    vft_fp *c = &t->c[(8 * v + j) % 3];
    *c = vft_fp_add(*c, (vft_fp){w[j]});
  }
}

VFT_INLINE void mac(vft_vacc *s, vft_v a, vft_v b) {
  vft_vacc_mac(s, a, vft_vhigh(a), b, vft_vhigh(b));
}

/* Two halves of four sums: twelve accumulators and the operands fit the register file. */
VFT_INLINE void products_words(const vft_fp *const p[4], const vft_ext *const w[4], size_t from,
                               size_t n, int v, vft_ext t[VFT_WHIR_T]) {
  const vft_v order = spread_order(v);
  const uint64_t *word[4];
  vft_vacc s[4];
  for (int k = 0; k < 4; k++) word[k] = (const uint64_t *)w[k] + 8 * v;
#define LOAD(k)                                                                         \
  vft_v p##k = _mm512_permutexvar_epi64(order, load_fp(p[k] + i, n - i));               \
  vft_v w##k = n - i >= 8 ? vft_vload(word[k] + 3 * i)                                  \
                          : vft_vloadm(vft_xmask(n - i, v), word[k] + 3 * i)
  for (int k = 0; k < 4; k++) s[k] = vft_vacc_zero();
  for (size_t i = from; i < n; i += 8) {
    LOAD(0);
    LOAD(1);
    LOAD(2);
    mac(&s[0], p0, w0);
    mac(&s[1], p1, w1);
    mac(&s[2], p2, w2);
    mac(&s[3], vft_vsub(p1, p0), vft_vsub(w1, w0));
  }
  flush_words(s[0], v, &t[VFT_WHIR_T00]);
  flush_words(s[1], v, &t[VFT_WHIR_T10]);
  flush_words(s[2], v, &t[VFT_WHIR_T01]);
  flush_words(s[3], v, &t[VFT_WHIR_TI0]);
  for (int k = 0; k < 4; k++) s[k] = vft_vacc_zero();
  for (size_t i = from; i < n; i += 8) {
    LOAD(0);
    LOAD(1);
    LOAD(2);
    LOAD(3);
    vft_v p20 = vft_vsub_canon(p2, p0), w20 = vft_vsub_canon(w2, w0);
    vft_v p31 = vft_vsub_canon(p3, p1), w31 = vft_vsub_canon(w3, w1);
    mac(&s[0], vft_vsub(p3, p2), vft_vsub(w3, w2));
    mac(&s[1], p20, w20);
    mac(&s[2], p31, w31);
    mac(&s[3], vft_vsub(p31, p20), vft_vsub(w31, w20));
  }
#undef LOAD
  flush_words(s[0], v, &t[VFT_WHIR_TI1]);
  flush_words(s[1], v, &t[VFT_WHIR_T0I]);
  flush_words(s[2], v, &t[VFT_WHIR_T1I]);
  flush_words(s[3], v, &t[VFT_WHIR_TII]);
}

static void products_fp(const vft_fp *const p[4], const vft_ext *const w[4], size_t n,
                        vft_ext t[VFT_WHIR_T]) {
  for (size_t i = 0; i < n; i += BLOCK) {
    size_t end = n - i < BLOCK ? n : i + BLOCK;
    products_words(p, w, i, end, 0, t);
    products_words(p, w, i, end, 1, t);
    products_words(p, w, i, end, 2, t);
  }
}

/* ---- extension times extension --------------------------------------------------------------- */

/* Karatsuba: with m_i = a_i b_i and m_ij = (a_i + a_j)(b_i + b_j), the product modulo X^3 - X - 1
 * has the coordinates
 *   m_0 - m_1 - m_2 + m_12,   m_01 + m_12 - m_0 - 2 m_1,   m_02 - m_0 + m_1:
 * six base products instead of nine, and the subtractions wait for the end of the sum. */
typedef struct {
  vft_vacc m0, m1, m2, m01, m02, m12;
} kacc;

VFT_INLINE kacc kacc_zero(void) {
  vft_vacc z = vft_vacc_zero();
  return (kacc){z, z, z, z, z, z};
}
/* a, b canonical */
VFT_INLINE void kacc_mac(kacc *s, vft_x a, vft_x b) {
  mac(&s->m0, a.c[0], b.c[0]);
  mac(&s->m1, a.c[1], b.c[1]);
  mac(&s->m2, a.c[2], b.c[2]);
  mac(&s->m01, vft_vadd(a.c[0], a.c[1]), vft_vadd(b.c[0], b.c[1]));
  mac(&s->m02, vft_vadd(a.c[0], a.c[2]), vft_vadd(b.c[0], b.c[2]));
  mac(&s->m12, vft_vadd(a.c[1], a.c[2]), vft_vadd(b.c[1], b.c[2]));
}
VFT_INLINE vft_x kacc_reduce(const kacc *s) {
  vft_v m0 = vft_vacc_canon(s->m0), m1 = vft_vacc_canon(s->m1);
  vft_v m2 = vft_vacc_canon(s->m2), m12 = vft_vacc_canon(s->m12);
  vft_v m01 = vft_vacc_reduce(s->m01), m02 = vft_vacc_reduce(s->m02);
  vft_v d01 = vft_vsub_canon(m0, m1);
  vft_x v = {{vft_vadd(vft_vsub(d01, m2), m12),
              vft_vsub(vft_vsub(vft_vsub(vft_vadd(m01, m12), m0), m1), m1),
              vft_vsub(m02, d01)}};
  return vft_xcanon(v);
}

VFT_INLINE void flush(const kacc *s, vft_ext *t) {
  *t = vft_ext_add(*t, vft_xsum(kacc_reduce(s)));
}

/* One sum a pass: eighteen accumulators. */
VFT_INLINE void product1(const vft_ext *p, const vft_ext *w, size_t from, size_t n, vft_ext *t) {
  kacc s = kacc_zero();
  for (size_t i = from; i < n; i += 8)
    kacc_mac(&s, load_ext(p + i, n - i), load_ext(w + i, n - i));
  flush(&s, t);
}
/* (p1 - p0) (w1 - w0) */
VFT_INLINE void product2(const vft_ext *p0, const vft_ext *p1, const vft_ext *w0,
                         const vft_ext *w1, size_t from, size_t n, vft_ext *t) {
  kacc s = kacc_zero();
  for (size_t i = from; i < n; i += 8) {
    vft_x a = vft_xsub(load_ext(p1 + i, n - i), load_ext(p0 + i, n - i));
    vft_x b = vft_xsub(load_ext(w1 + i, n - i), load_ext(w0 + i, n - i));
    kacc_mac(&s, a, b);
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
  kacc s = kacc_zero();
  for (size_t i = from; i < n; i += 8) kacc_mac(&s, cross(p, i, n - i), cross(w, i, n - i));
  flush(&s, &t[VFT_WHIR_TII]);
}

static void products_ext(const vft_ext *const p[4], const vft_ext *const w[4], size_t n,
                         vft_ext t[VFT_WHIR_T]) {
  for (size_t i = 0; i < n; i += BLOCK)
    products_ext_block(p, w, i, n - i < BLOCK ? n : i + BLOCK, t);
}

/* ---- folds -----------------------------------------------------------------------------------
 *
 * p0 + r[0] (p1 - p0) + r[1] (p2 - p0) + r[2] (p3 - p2 - p1 + p0): three products that share one
 * reduction, seeded with p0. */

VFT_INLINE void store_ext(vft_ext *out, size_t left, vft_x v) {
  if (left >= 8)
    vft_xstore(out, v);
  else
    vft_xstorem(left, out, v);
}

static void fold_fp(vft_ext *out, const vft_fp *const p[4], const vft_ext r[3], size_t n) {
  vft_v c[3][3], h[3][3];
  for (int k = 0; k < 3; k++)
    for (int j = 0; j < 3; j++) {
      c[k][j] = vft_vset(r[k].c[j].v);
      h[k][j] = vft_vhigh(c[k][j]);
    }
  for (size_t i = 0; i < n; i += 8) {
    vft_v p0 = load_fp(p[0] + i, n - i), p1 = load_fp(p[1] + i, n - i);
    vft_v p2 = load_fp(p[2] + i, n - i), p3 = load_fp(p[3] + i, n - i);
    vft_v a10 = vft_vsub_canon(p1, p0);
    vft_v a[3] = {a10, vft_vsub(p2, p0), vft_vsub(vft_vsub(p3, p2), a10)};
    vft_vacc s[3] = {vft_vacc_seed(p0), vft_vacc_zero(), vft_vacc_zero()};
    _Pragma("GCC unroll 3") for (int k = 0; k < 3; k++) {
      vft_v ah = vft_vhigh(a[k]);
      _Pragma("GCC unroll 3") for (int j = 0; j < 3; j++)
        vft_vacc_mac(&s[j], a[k], ah, c[k][j], h[k][j]);
    }
    vft_x v = {{vft_vacc_canon(s[0]), vft_vacc_canon(s[1]), vft_vacc_canon(s[2])}};
    store_ext(out + i, n - i, v);
  }
}

static void fold_ext(vft_ext *out, const vft_ext *const p[4], const vft_ext r[3], size_t n) {
  vft_x c[3] = {vft_xset(r[0]), vft_xset(r[1]), vft_xset(r[2])};
  for (size_t i = 0; i < n; i += 8) {
    vft_x p0 = load_ext(p[0] + i, n - i), p1 = load_ext(p[1] + i, n - i);
    vft_x p2 = load_ext(p[2] + i, n - i), p3 = load_ext(p[3] + i, n - i);
    vft_x a10 = vft_xsub(p1, p0);
    vft_xacc s = vft_xacc_zero();
    for (int k = 0; k < 3; k++) s.d[k] = vft_vacc_seed(p0.c[k]);
    vft_xacc_mac(&s, a10, c[0]);
    vft_xacc_mac(&s, vft_xsub(p2, p0), c[1]);
    vft_xacc_mac(&s, vft_xsub(vft_xsub(p3, p2), a10), c[2]);
    store_ext(out + i, n - i, vft_xacc_reduce(&s));
  }
}

const vft_whir_kernels vft_whir_kernels_avx512 = {
    .name = "avx512",
    .products_fp = products_fp,
    .products_ext = products_ext,
    .fold_fp = fold_fp,
    .fold_ext = fold_ext,
};
