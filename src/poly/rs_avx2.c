/* Eight rows are two vectors of four lanes; what happens to a vector does not depend on which.
 * Two splitting steps (radix 16) are done for each visit of memory.
 *
 * Additions here take and give shifted values: sums of a shifted word and a plain one come out
 * shifted, ready for the comparison of the next. */
#ifdef __x86_64__
#include "field/goldilocks_avx2.h"
#include "poly/rs_ops.h"

#define LANES VFT_RS_LANES
#define UNROLL _Pragma("GCC unroll 16")

/* shifted any + canonical -> shifted any, as vft_vadd */
VFT_INLINE vft_v add_s(vft_v a, vft_v b) {
  vft_v s = _mm256_add_epi64(a, b);
  return _mm256_add_epi64(s, vft_vlow(_mm256_cmpgt_epi64(a, s)));
}
/* shifted any - canonical -> shifted any, as vft_vsub */
VFT_INLINE vft_v sub_s(vft_v a, vft_v b) {
  vft_v d = _mm256_sub_epi64(a, b);
  return _mm256_sub_epi64(d, vft_vlow(_mm256_cmpgt_epi64(d, a)));
}
/* shifted any -> any, canonical if asked */
VFT_INLINE vft_v plain(vft_v a, int canonical) {
  a = vft_vshift(a);
  return canonical ? vft_vcanon(a) : a;
}

/* any * 2^48 -> canonical: with x = x0 + 2^16 x1 + 2^48 x2 that is
 * 2^48 x0 + (2^32 - 1) x1 - x2. The difference of the outer terms borrows only where x0 = 0; p
 * more is right there even if x2 = 0: then it is p, and the sum at most 2 p - 1. */
VFT_INLINE vft_v times_i(vft_v x) {
  vft_v eps = vft_vset(VFT_EPSILON), lo = _mm256_slli_epi64(x, 48);
  vft_v t = _mm256_sub_epi64(lo, _mm256_srli_epi64(x, 48));
  t = _mm256_sub_epi64(t, vft_vlow(_mm256_cmpeq_epi64(lo, vft_vzero())));
  vft_v m = _mm256_mul_epu32(_mm256_srli_epi64(x, 16), eps);
  return vft_vlast(vft_vshift(t), _mm256_add_epi64(m, eps));
}

typedef struct {
  vft_v w[3], h[3];
} roots;

VFT_INLINE roots load_roots(const vft_rs_twiddle *t) {
  roots r = {{vft_vset(t->t1.v), vft_vset(t->t2.v), vft_vset(t->t3.v)}, {{0}}};
  UNROLL for (int k = 0; k < 3; k++) r.h[k] = vft_vhigh(r.w[k]);
  return r;
}

/* any * root -> canonical */
VFT_INLINE vft_v times(vft_v x, vft_v w, vft_v h) { return vft_vmul_high(x, vft_vhigh(x), w, h); }

/* Four inputs (any) -> four children (any, canonical if last). */
VFT_INLINE void split4(vft_v *x0, vft_v *x1, vft_v *x2, vft_v *x3, const roots *r, int last) {
  vft_v y1 = times(*x1, r->w[0], r->h[0]), y2 = times(*x2, r->w[1], r->h[1]);
  vft_v y3 = times(*x3, r->w[2], r->h[2]), x0_s = vft_vshift(*x0);
  vft_v a = add_s(x0_s, y2), b = sub_s(x0_s, y2);
  vft_v c = vft_vadd_canon(y1, y3), d = times_i(vft_vshift(sub_s(vft_vshift(y1), y3)));
  *x0 = plain(add_s(a, c), last);
  *x1 = plain(sub_s(a, c), last);
  *x2 = plain(add_s(b, d), last);
  *x3 = plain(sub_s(b, d), last);
}

/* Lanes i .. i + 3 of an array. */
VFT_INLINE vft_v get(const vft_fp *p, size_t i) { return vft_vload(p + i); }
VFT_INLINE void put(vft_fp *p, size_t i, vft_v x) { vft_vstore(p + i, x); }

static void pass2(const vft_rs_twiddle *t, const vft_fp *in, vft_fp *out, size_t m, int last) {
  vft_v w = vft_vset(t->t2.v), h = vft_vhigh(w);
  m *= LANES;
  for (size_t i = 0; i < m; i += 4) {
    vft_v x0 = vft_vshift(get(in, i)), x1 = times(get(in, i + m), w, h);
    put(out, i, plain(add_s(x0, x1), last));
    put(out, i + m, plain(sub_s(x0, x1), last));
  }
}

static void pass4(const vft_rs_twiddle *t, const vft_fp *in, vft_fp *out, size_t m, int last) {
  roots r = load_roots(t);
  m *= LANES;
  for (size_t i = 0; i < m; i += 4) {
    vft_v x[4];
    UNROLL for (int k = 0; k < 4; k++) x[k] = get(in, i + (size_t)k * m);
    split4(&x[0], &x[1], &x[2], &x[3], &r, last);
    UNROLL for (int k = 0; k < 4; k++) put(out, i + (size_t)k * m, x[k]);
  }
}

/* Block b of 16m indices into its 16 grandchildren: split at distance 4m with tw[b], then each
 * child at distance m with tw[4b + k]. */
VFT_INLINE void pass16(const vft_rs_twiddle *tw, const vft_fp *in, vft_fp *out, size_t m, size_t b,
                   int last) {
  roots top = load_roots(&tw[b]);
  m *= LANES;
  for (size_t i = 0; i < m; i += 4) {
    vft_v x[16];
    UNROLL for (int k = 0; k < 4; k++) {
      UNROLL for (int q = 0; q < 4; q++) x[4 * q + k] = get(in, i + (size_t)(4 * q + k) * m);
      split4(&x[k], &x[k + 4], &x[k + 8], &x[k + 12], &top, 0);
    }
    UNROLL for (int q = 0; q < 4; q++) {
      roots r = load_roots(&tw[4 * b + (size_t)q]);
      split4(&x[4 * q], &x[4 * q + 1], &x[4 * q + 2], &x[4 * q + 3], &r, last);
      UNROLL for (int k = 0; k < 4; k++) put(out, i + (size_t)(4 * q + k) * m, x[4 * q + k]);
    }
  }
}

static void pass16_inner(const vft_rs_twiddle *tw, const vft_fp *in, vft_fp *out, size_t m,
                         size_t b) {
  pass16(tw, in, out, m, b, 0);
}
static void pass16_last(const vft_rs_twiddle *tw, const vft_fp *in, vft_fp *out, size_t b) {
  pass16(tw, in, out, 1, b, 1);
}

/* Steps of four levels, the odd levels first; depth first, so that small blocks are finished in
 * cache. */
static void block(const vft_rs_twiddle *tw, const vft_fp *in, vft_fp *out, unsigned log_m,
                  size_t b) {
  unsigned step = log_m & 1 ? 1 : log_m & 2 ? 2 : 4;
  if (log_m == 0) {
    for (size_t l = 0; l < LANES; l += 4) put(out, l, get(in, l));
    return;
  }
  size_t m = (size_t)1 << (log_m - step);
  if (step == 1)
    pass2(&tw[b], in, out, m, m == 1);
  else if (step == 2)
    pass4(&tw[b], in, out, m, m == 1);
  else if (m > 1)
    pass16_inner(tw, in, out, m, b);
  else
    pass16_last(tw, in, out, b);
  if (m == 1) return;
  for (size_t k = 0; k < (size_t)1 << step; k++) {
    vft_fp *child = out + k * m * LANES;
    block(tw, child, child, log_m - step, (b << step) + k);
  }
}

static void interleave(vft_fp *out, const vft_fp *const rows[LANES], size_t len) {
  size_t i = 0;
  for (; i + 4 <= len; i += 4) {
    UNROLL for (size_t half = 0; half < LANES; half += 4) {
      vft_v r[4], t[4];
      UNROLL for (size_t l = 0; l < 4; l++)
        r[l] = rows[half + l] ? get(rows[half + l], i) : vft_vzero();
      UNROLL for (int l = 0; l < 2; l++) {
        t[2 * l] = _mm256_unpacklo_epi64(r[2 * l], r[2 * l + 1]);
        t[2 * l + 1] = _mm256_unpackhi_epi64(r[2 * l], r[2 * l + 1]);
      }
      /* t[2l + k] holds, in 128-bit part q, index 2q + k of rows 2l and 2l + 1. */
      UNROLL for (size_t k = 0; k < 2; k++) {
        put(out, (i + k) * LANES + half, _mm256_permute2x128_si256(t[k], t[2 + k], 0x20));
        put(out, (i + k + 2) * LANES + half, _mm256_permute2x128_si256(t[k], t[2 + k], 0x31));
      }
    }
  }
  for (; i < len; i++)
    for (size_t l = 0; l < LANES; l++) out[i * LANES + l] = rows[l] ? rows[l][i] : (vft_fp){0};
}

const vft_rs_ops vft_rs_ops_avx2 = {block, interleave};
#endif
