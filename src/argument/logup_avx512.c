/* AVX-512 variants of the LogUp-GKR kernels. Loop by loop they hold few enough values for the
 * registers: sums are two passes over a tile in the first-level cache rather than one. */
#ifdef __x86_64__

#include "argument/logup_kernels.h"
#include "field/goldilocks_avx512.h"

typedef vft_logup_block block;

VFT_INLINE vft_x load(const block *b) {
  return (vft_x){{vft_vload(b->c[0]), vft_vload(b->c[1]), vft_vload(b->c[2])}};
}

VFT_INLINE void store(block *b, vft_x v) {
  for (int k = 0; k < 3; k++) vft_vstore(b->c[k], v.c[k]);
}

/* Even and odd entries of the sixteen in (lo, hi). */
VFT_INLINE vft_x evens(vft_x lo, vft_x hi) {
  const vft_v idx = _mm512_setr_epi64(0, 2, 4, 6, 8, 10, 12, 14);
  vft_x v;
  for (int k = 0; k < 3; k++) v.c[k] = _mm512_permutex2var_epi64(lo.c[k], idx, hi.c[k]);
  return v;
}

VFT_INLINE vft_x odds(vft_x lo, vft_x hi) {
  const vft_v idx = _mm512_setr_epi64(1, 3, 5, 7, 9, 11, 13, 15);
  vft_x v;
  for (int k = 0; k < 3; k++) v.c[k] = _mm512_permutex2var_epi64(lo.c[k], idx, hi.c[k]);
  return v;
}

VFT_INLINE vft_x pair_even(const block *b) { return evens(load(b), load(b + 1)); }

VFT_INLINE vft_x pair_diff(const block *b) {
  vft_x lo = load(b), hi = load(b + 1);
  return vft_xsub(odds(lo, hi), evens(lo, hi));
}

static void split(const vft_ext *in, block *even, block *odd, size_t blocks) {
  for (size_t j = 0; j < blocks; j++) {
    vft_x lo = vft_xload(in + 16 * j), hi = vft_xload(in + 16 * j + 8);
    store(even + j, evens(lo, hi));
    store(odd + j, odds(lo, hi));
  }
}

/* base + a r as vft_xconst_mac, canonical, with the three coordinates' accumulators advanced side
 * by side: each is a chain of dependent multiply-adds of four cycles, and one chain after the
 * other would leave the multipliers waiting. */
VFT_INLINE vft_x const_mac(const vft_xconst *k, vft_x a, vft_x base) {
  static const int row[3][3] = {{0, 2, 1}, {1, 3, 4}, {2, 1, 3}};
  vft_vacc s[3];
  vft_x out;
  _Pragma("GCC unroll 3") for (int i = 0; i < 3; i++) s[i] = vft_vacc_seed(base.c[i]);
  _Pragma("GCC unroll 3") for (int j = 0; j < 3; j++) {
    vft_v v = a.c[j], h = vft_vhigh(v);
    _Pragma("GCC unroll 3") for (int i = 0; i < 3; i++) {
      s[i].l1 = _mm512_madd52hi_epu64(s[i].l1, v, k->w[row[i][j]]);
      s[i].l2 = _mm512_madd52hi_epu64(s[i].l2, v, k->h[row[i][j]]);
    }
    _Pragma("GCC unroll 3") for (int i = 0; i < 3; i++) {
      s[i].l1 = _mm512_madd52lo_epu64(s[i].l1, v, k->h[row[i][j]]);
      s[i].l2 = _mm512_madd52hi_epu64(s[i].l2, h, k->w[row[i][j]]);
    }
    _Pragma("GCC unroll 3") for (int i = 0; i < 3; i++) {
      s[i].l1 = _mm512_madd52lo_epu64(s[i].l1, h, k->w[row[i][j]]);
      s[i].l2 = _mm512_madd52lo_epu64(s[i].l2, h, k->h[row[i][j]]);
      s[i].l0 = _mm512_madd52lo_epu64(s[i].l0, v, k->w[row[i][j]]);
    }
  }
  _Pragma("GCC unroll 3") for (int i = 0; i < 3; i++) {
    out.c[i] = vft_vacc_canon(s[i]);
  }
  return out;
}

/* A prover's step folds `blocks` of one column, then of the next: the hardware's prefetcher starts
 * anew each time, so the next step's part of this column is asked for here (the address may lie
 * beyond the column, which a prefetch ignores). One step of all columns fits in the second-level
 * cache. */
static void fold(block *out, const block *in, size_t blocks, vft_ext r) {
  vft_xconst k = vft_xconst_set(r);
  uintptr_t ahead = (uintptr_t)(const void *)in + 2 * blocks * sizeof(block);
  for (size_t j = 0; j < blocks; j++, ahead += 2 * sizeof(block)) {
    for (size_t line = 0; line < 2 * sizeof(block); line += 64) {
      _mm_prefetch((const char *)(ahead + line), _MM_HINT_T1);
    }
    vft_x lo = load(in + 2 * j), hi = load(in + 2 * j + 1);
    vft_x even = evens(lo, hi);
    store(out + j, const_mac(&k, vft_xsub(odds(lo, hi), even), even));
  }
}

static void combine(block *out, const block *p, const block *q, size_t blocks, vft_ext lambda) {
  vft_xconst k = vft_xconst_set(lambda);
  for (size_t j = 0; j < blocks; j++) {
    store(out + j, const_mac(&k, load(q + j), load(p + j)));
  }
}

/* Three accumulators of base products, one a coordinate. */
typedef struct {
  vft_vacc c[3];
} weighted;

/* s += g w; each coordinate receives three base products. With at most 128 row pairs a call
 * that is 384 of the 1,365 that an accumulator holds. */
VFT_INLINE void weighted_mac(weighted *s, vft_x g, const vft_logup_weight *w) {
  static const int row[3][3] = {{0, 2, 1}, {1, 3, 4}, {2, 1, 3}};
  vft_v high[3] = {vft_vhigh(g.c[0]), vft_vhigh(g.c[1]), vft_vhigh(g.c[2])}, v[5], h[5];
  _Pragma("GCC unroll 5") for (int i = 0; i < 5; i++) {
    v[i] = vft_vload(w->c[i]);
    h[i] = vft_vhigh(v[i]);
  }
  _Pragma("GCC unroll 3") for (int j = 0; j < 3; j++) {
    _Pragma("GCC unroll 3") for (int i = 0; i < 3; i++) {
      vft_vacc_mac(&s->c[i], g.c[j], high[j], v[row[i][j]], h[row[i][j]]);
    }
  }
}

VFT_INLINE weighted weighted_zero(void) {
  vft_vacc z = vft_vacc_zero();
  return (weighted){{z, z, z}};
}

VFT_INLINE void weighted_add_to(block *sum, const weighted *s) {
  vft_x v;
  _Pragma("GCC unroll 3") for (int k = 0; k < 3; k++) {
    v.c[k] = vft_vacc_canon(s->c[k]);
  }
  store(sum, vft_xadd(load(sum), v));
}

/* a b -> canonical */
VFT_INLINE vft_x product(vft_x a, vft_x b) {
  vft_xacc s = vft_xacc_zero();
  vft_xacc_mac(&s, a, b);
  return vft_xacc_reduce(&s);
}

/* a b + c d -> canonical */
VFT_INLINE vft_x product2(vft_x a, vft_x b, vft_x c, vft_x d) {
  vft_xacc s = vft_xacc_zero();
  vft_xacc_mac(&s, a, b);
  vft_xacc_mac(&s, c, d);
  return vft_xacc_reduce(&s);
}

static void sums(block sum[2], const block *const t[4], const vft_logup_weight *w, size_t pairs) {
  const block *p0 = t[VFT_LOGUP_P0], *p1 = t[VFT_LOGUP_P1];
  const block *q0 = t[VFT_LOGUP_Q0], *q1 = t[VFT_LOGUP_Q1];
  weighted s = weighted_zero();
  for (size_t j = 0; j < pairs; j++) {
    vft_x g = product2(pair_even(p0 + 2 * j), pair_even(q1 + 2 * j), pair_even(p1 + 2 * j),
                       pair_even(q0 + 2 * j));
    weighted_mac(&s, g, w + j);
  }
  weighted_add_to(sum, &s);
  s = weighted_zero();
  for (size_t j = 0; j < pairs; j++) {
    vft_x g = product2(pair_diff(p0 + 2 * j), pair_diff(q1 + 2 * j), pair_diff(p1 + 2 * j),
                       pair_diff(q0 + 2 * j));
    weighted_mac(&s, g, w + j);
  }
  weighted_add_to(sum + 1, &s);
}

static void sums_ones(block sum[2], const block *q0, const block *q1, const vft_logup_weight *w,
                      size_t pairs, vft_ext mu) {
  vft_x m = vft_xset(mu);
  weighted s = weighted_zero();
  for (size_t j = 0; j < pairs; j++) {
    vft_x g = product(vft_xadd(pair_even(q0 + 2 * j), m), vft_xadd(pair_even(q1 + 2 * j), m));
    weighted_mac(&s, g, w + j);
  }
  weighted_add_to(sum, &s);
  s = weighted_zero();
  for (size_t j = 0; j < pairs; j++) {
    weighted_mac(&s, product(pair_diff(q0 + 2 * j), pair_diff(q1 + 2 * j)), w + j);
  }
  weighted_add_to(sum + 1, &s);
}

static void add(block *const out[4], const block *const t[4], size_t blocks) {
  for (size_t j = 0; j < blocks; j++) {
    vft_x p[2], q[2];
    for (int h = 0; h < 2; h++) {
      vft_x q0 = load(t[VFT_LOGUP_Q0] + 2 * j + h), q1 = load(t[VFT_LOGUP_Q1] + 2 * j + h);
      p[h] = product2(load(t[VFT_LOGUP_P0] + 2 * j + h), q1, load(t[VFT_LOGUP_P1] + 2 * j + h), q0);
      q[h] = product(q0, q1);
    }
    store(out[VFT_LOGUP_P0] + j, evens(p[0], p[1]));
    store(out[VFT_LOGUP_P1] + j, odds(p[0], p[1]));
    store(out[VFT_LOGUP_Q0] + j, evens(q[0], q[1]));
    store(out[VFT_LOGUP_Q1] + j, odds(q[0], q[1]));
  }
}

static void add_ones(block *const out[4], const block *const t[4], size_t blocks) {
  for (size_t j = 0; j < blocks; j++) {
    vft_x p[2], q[2];
    for (int h = 0; h < 2; h++) {
      vft_x q0 = load(t[VFT_LOGUP_Q0] + 2 * j + h), q1 = load(t[VFT_LOGUP_Q1] + 2 * j + h);
      p[h] = vft_xadd(q0, q1);
      q[h] = product(q0, q1);
    }
    store(out[VFT_LOGUP_P0] + j, evens(p[0], p[1]));
    store(out[VFT_LOGUP_P1] + j, odds(p[0], p[1]));
    store(out[VFT_LOGUP_Q0] + j, evens(q[0], q[1]));
    store(out[VFT_LOGUP_Q1] + j, odds(q[0], q[1]));
  }
}

const vft_logup_ops vft_logup_ops_avx512 = {split,     fold, combine, sums,
                                            sums_ones, add,  add_ones};

#else
typedef int vft_logup_avx512_empty;
#endif
