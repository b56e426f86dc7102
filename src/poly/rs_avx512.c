/* Eight rows are the eight lanes of a vector; a transform index is one vector. Two splitting
 * steps (radix 16) are done in registers for each visit of memory. */
#ifdef __x86_64__
#include "field/goldilocks_avx512.h"
#include "poly/rs_ops.h"

#define LANES VFT_RS_LANES
#define UNROLL _Pragma("GCC unroll 16")

typedef struct {
  vft_v w[3], h[3];
} roots;

VFT_INLINE roots load_roots(const vft_rs_twiddle *t) {
  roots r = {{vft_vset(t->t1.v), vft_vset(t->t2.v), vft_vset(t->t3.v)}, {{0}}};
  UNROLL for (int k = 0; k < 3; k++) r.h[k] = vft_vhigh(r.w[k]);
  return r;
}

/* x * 2^48 (any -> canonical): the part above 2^64 is x >> 16, whose upper half is x >> 48. */
VFT_INLINE vft_v times_i(vft_v x) {
  return vft_vreduce_canon(_mm512_slli_epi64(x, 48), _mm512_srli_epi64(x, 16),
                           _mm512_srli_epi64(x, 48));
}

VFT_INLINE vft_v times(vft_v x, vft_v w, vft_v h) { return vft_vmul_high(x, vft_vhigh(x), w, h); }
VFT_INLINE vft_v times_canon(vft_v x, vft_v w, vft_v h) {
  return vft_vmul_high_canon(x, vft_vhigh(x), w, h);
}

/* Four inputs (any) -> four children (any, canonical if last). */
VFT_INLINE void split4(vft_v *x0, vft_v *x1, vft_v *x2, vft_v *x3, const roots *r, int last) {
  vft_v y1 = times(*x1, r->w[0], r->h[0]), y2 = times_canon(*x2, r->w[1], r->h[1]);
  vft_v y3 = times_canon(*x3, r->w[2], r->h[2]);
  vft_v a = vft_vadd(*x0, y2), b = vft_vsub(*x0, y2);
  vft_v c = vft_vcanon(vft_vadd(y1, y3)), d = times_i(vft_vsub(y1, y3));
  *x0 = vft_vadd(a, c);
  *x1 = vft_vsub(a, c);
  *x2 = vft_vadd(b, d);
  *x3 = vft_vsub(b, d);
  if (last) {
    *x0 = vft_vcanon(*x0);
    *x1 = vft_vcanon(*x1);
    *x2 = vft_vcanon(*x2);
    *x3 = vft_vcanon(*x3);
  }
}

VFT_INLINE vft_v get(const vft_fp *p, size_t i) { return vft_vload(p + i * LANES); }
VFT_INLINE void put(vft_fp *p, size_t i, vft_v x) { vft_vstore(p + i * LANES, x); }

static void pass2(const vft_rs_twiddle *t, const vft_fp *in, vft_fp *out, size_t m, int last) {
  vft_v w = vft_vset(t->t2.v), h = vft_vhigh(w);
  for (size_t i = 0; i < m; i++) {
    vft_v x0 = get(in, i), x1 = times_canon(get(in, i + m), w, h);
    vft_v a = vft_vadd(x0, x1), b = vft_vsub(x0, x1);
    put(out, i, last ? vft_vcanon(a) : a);
    put(out, i + m, last ? vft_vcanon(b) : b);
  }
}

static void pass4(const vft_rs_twiddle *t, const vft_fp *in, vft_fp *out, size_t m, int last) {
  roots r = load_roots(t);
  for (size_t i = 0; i < m; i++) {
    vft_v x[4];
    UNROLL for (int k = 0; k < 4; k++) x[k] = get(in, i + (size_t)k * m);
    split4(&x[0], &x[1], &x[2], &x[3], &r, last);
    UNROLL for (int k = 0; k < 4; k++) put(out, i + (size_t)k * m, x[k]);
  }
}

/* Block b of 16m indices into its 16 grandchildren: split at distance 4m with tw[b], then each
 * child at distance m with tw[4b + k]. */
VFT_INLINE void pass16(const vft_rs_twiddle *tw, const vft_fp *in, vft_fp *out, size_t m,
                       size_t b, int last) {
  roots top = load_roots(&tw[b]);
  for (size_t i = 0; i < m; i++) {
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
    put(out, 0, get(in, 0));
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
  for (; i + 8 <= len; i += 8) {
    vft_v r[8], t[8];
    UNROLL for (int l = 0; l < 8; l++) r[l] = rows[l] ? vft_vload(rows[l] + i) : vft_vzero();
    UNROLL for (int l = 0; l < 4; l++) {
      t[2 * l] = _mm512_unpacklo_epi64(r[2 * l], r[2 * l + 1]);
      t[2 * l + 1] = _mm512_unpackhi_epi64(r[2 * l], r[2 * l + 1]);
    }
    /* t[2l + k] holds, in 128-bit part q, index 2q + k of rows 2l and 2l + 1. */
    UNROLL for (int k = 0; k < 2; k++) {
      vft_v a = _mm512_shuffle_i64x2(t[k], t[2 + k], 0x88);
      vft_v b = _mm512_shuffle_i64x2(t[k], t[2 + k], 0xdd);
      vft_v c = _mm512_shuffle_i64x2(t[4 + k], t[6 + k], 0x88);
      vft_v d = _mm512_shuffle_i64x2(t[4 + k], t[6 + k], 0xdd);
      put(out, i + (size_t)k, _mm512_shuffle_i64x2(a, c, 0x88));
      put(out, i + (size_t)k + 4, _mm512_shuffle_i64x2(a, c, 0xdd));
      put(out, i + (size_t)k + 2, _mm512_shuffle_i64x2(b, d, 0x88));
      put(out, i + (size_t)k + 6, _mm512_shuffle_i64x2(b, d, 0xdd));
    }
  }
  for (; i < len; i++)
    for (size_t l = 0; l < LANES; l++) out[i * LANES + l] = rows[l] ? rows[l][i] : (vft_fp){0};
}

const vft_rs_ops vft_rs_ops_avx512 = {block, interleave};
#endif
