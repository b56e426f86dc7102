/* AVX2 variants of the LogUp-GKR kernels. A block of eight entries is two vectors a coordinate;
 * sums are two passes over a tile in the first-level cache rather than one. */
#ifdef __x86_64__

#include "argument/logup_kernels.h"
#include "field/goldilocks_avx2.h"

typedef vft_logup_block block;

/* Entries 4 h .. 4 h + 3 of a block. */
VFT_INLINE vft_x load(const block *b, int h) {
  return (vft_x){{vft_vload(b->c[0] + 4 * h), vft_vload(b->c[1] + 4 * h),
                  vft_vload(b->c[2] + 4 * h)}};
}

VFT_INLINE void store(block *b, int h, vft_x v) {
  for (int k = 0; k < 3; k++) vft_vstore(b->c[k] + 4 * h, v.c[k]);
}

/* Even and odd entries of eight, 0 .. 3 in lo and 4 .. 7 in hi, in the order 0 2 1 3 of the four:
 * what is done lane by lane may be put in order at the end, or not at all. */
VFT_INLINE vft_x evens(vft_x lo, vft_x hi) {
  vft_x v;
  for (int k = 0; k < 3; k++) v.c[k] = _mm256_unpacklo_epi64(lo.c[k], hi.c[k]);
  return v;
}

VFT_INLINE vft_x odds(vft_x lo, vft_x hi) {
  vft_x v;
  for (int k = 0; k < 3; k++) v.c[k] = _mm256_unpackhi_epi64(lo.c[k], hi.c[k]);
  return v;
}

/* Its own inverse. */
VFT_INLINE vft_v swap_middle(vft_v a) { return _mm256_permute4x64_epi64(a, 0xd8); }

VFT_INLINE vft_x in_order(vft_x v) {
  return (vft_x){{swap_middle(v.c[0]), swap_middle(v.c[1]), swap_middle(v.c[2])}};
}

/* Half h of the even entries of a row pair and of the differences, lanes in the order 0 2 1 3. */
VFT_INLINE vft_x pair_even(const block *b, int h) { return evens(load(b + h, 0), load(b + h, 1)); }

VFT_INLINE vft_x pair_diff(const block *b, int h) {
  vft_x lo = load(b + h, 0), hi = load(b + h, 1);
  return vft_xsub(odds(lo, hi), evens(lo, hi));
}

static void split(const vft_ext *in, block *even, block *odd, size_t blocks) {
  for (size_t j = 0; j < blocks; j++) {
    for (int h = 0; h < 2; h++) {
      vft_x lo = vft_xload(in + 16 * j + 8 * h), hi = vft_xload(in + 16 * j + 8 * h + 4);
      store(even + j, h, in_order(evens(lo, hi)));
      store(odd + j, h, in_order(odds(lo, hi)));
    }
  }
}

/* A prover's step folds `blocks` of one column, then of the next: the hardware's prefetcher starts
 * anew each time, so the next step's part of this column is asked for here (the address may lie
 * beyond the column, which a prefetch ignores). */
static void fold(block *out, const block *in, size_t blocks, vft_ext r) {
  vft_xconst k = vft_xconst_set(r);
  uintptr_t ahead = (uintptr_t)(const void *)in + 2 * blocks * sizeof(block);
  for (size_t j = 0; j < blocks; j++, ahead += 2 * sizeof(block)) {
    for (size_t line = 0; line < 2 * sizeof(block); line += 64) {
      _mm_prefetch((const char *)(ahead + line), _MM_HINT_T1);
    }
    for (int h = 0; h < 2; h++) {
      vft_x lo = load(in + 2 * j + h, 0), hi = load(in + 2 * j + h, 1), even = evens(lo, hi);
      store(out + j, h, in_order(vft_xconst_mac(&k, vft_xsub(odds(lo, hi), even), even)));
    }
  }
}

static void combine(block *out, const block *p, const block *q, size_t blocks, vft_ext lambda) {
  vft_xconst k = vft_xconst_set(lambda);
  for (size_t j = 0; j < blocks; j++) {
    for (int h = 0; h < 2; h++) {
      store(out + j, h, vft_xconst_mac(&k, load(q + j, h), load(p + j, h)));
    }
  }
}

/* s += g w for half h of the weights, lanes of g in the order 0 2 1 3, so that of w too. The
 * weights' sums are canonical: each coordinate receives three products, with at most 128 row pairs
 * a call 384 of the 511 that an accumulator holds. */
VFT_INLINE void weighted_mac(vft_xacc *s, vft_x g, const vft_logup_weight *w, int h) {
  vft_xdigits d;
  _Pragma("GCC unroll 5") for (int i = 0; i < 5; i++) {
    d.e[i] = vft_vcut(swap_middle(vft_vload(w->c[i] + 4 * h)));
  }
  vft_xacc_mac_cut(s, g, &d);
}

VFT_INLINE void weighted_add_to(block *sum, int h, const vft_xacc *s) {
  store(sum, h, vft_xadd(load(sum, h), in_order(vft_xacc_reduce(s))));
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
  for (int h = 0; h < 2; h++) {
    vft_xacc s = vft_xacc_zero();
    for (size_t j = 0; j < pairs; j++) {
      vft_x g = product2(pair_even(p0 + 2 * j, h), pair_even(q1 + 2 * j, h),
                         pair_even(p1 + 2 * j, h), pair_even(q0 + 2 * j, h));
      weighted_mac(&s, g, w + j, h);
    }
    weighted_add_to(sum, h, &s);
    s = vft_xacc_zero();
    for (size_t j = 0; j < pairs; j++) {
      vft_x g = product2(pair_diff(p0 + 2 * j, h), pair_diff(q1 + 2 * j, h),
                         pair_diff(p1 + 2 * j, h), pair_diff(q0 + 2 * j, h));
      weighted_mac(&s, g, w + j, h);
    }
    weighted_add_to(sum + 1, h, &s);
  }
}

static void sums_ones(block sum[2], const block *q0, const block *q1, const vft_logup_weight *w,
                      size_t pairs, vft_ext mu) {
  vft_x m = vft_xset(mu);
  for (int h = 0; h < 2; h++) {
    vft_xacc s = vft_xacc_zero();
    for (size_t j = 0; j < pairs; j++) {
      vft_x a = vft_xadd(pair_even(q0 + 2 * j, h), m), b = vft_xadd(pair_even(q1 + 2 * j, h), m);
      weighted_mac(&s, vft_xmul(a, b), w + j, h);
    }
    weighted_add_to(sum, h, &s);
    s = vft_xacc_zero();
    for (size_t j = 0; j < pairs; j++) {
      weighted_mac(&s, vft_xmul(pair_diff(q0 + 2 * j, h), pair_diff(q1 + 2 * j, h)), w + j, h);
    }
    weighted_add_to(sum + 1, h, &s);
  }
}

/* From the results of eight consecutive entries, in two vectors: half h of both output blocks. */
VFT_INLINE void store_pair(block *even, block *odd, int h, const vft_x v[2]) {
  store(even, h, in_order(evens(v[0], v[1])));
  store(odd, h, in_order(odds(v[0], v[1])));
}

VFT_INLINE void add_fractions(block *const out[4], const block *const t[4], size_t blocks,
                              int ones) {
  for (size_t j = 0; j < blocks; j++) {
    for (int h = 0; h < 2; h++) {
      vft_x p[2], q[2];
      for (int i = 0; i < 2; i++) {
        size_t at = 2 * j + (size_t)h;
        vft_x q0 = load(t[VFT_LOGUP_Q0] + at, i), q1 = load(t[VFT_LOGUP_Q1] + at, i);
        if (ones) {
          p[i] = vft_xadd(q0, q1);
          q[i] = vft_xmul(q0, q1);
        } else {
          vft_xdigits d = vft_xcut(q1); /* in both products */
          vft_xacc s = vft_xacc_zero(), u = vft_xacc_zero();
          vft_xacc_mac_cut(&u, q0, &d);
          vft_xacc_mac_cut(&s, load(t[VFT_LOGUP_P0] + at, i), &d);
          vft_xacc_mac(&s, load(t[VFT_LOGUP_P1] + at, i), q0);
          p[i] = vft_xacc_reduce(&s);
          q[i] = vft_xacc_reduce(&u);
        }
      }
      store_pair(out[VFT_LOGUP_P0] + j, out[VFT_LOGUP_P1] + j, h, p);
      store_pair(out[VFT_LOGUP_Q0] + j, out[VFT_LOGUP_Q1] + j, h, q);
    }
  }
}

static void add(block *const out[4], const block *const t[4], size_t blocks) {
  add_fractions(out, t, blocks, 0);
}

static void add_ones(block *const out[4], const block *const t[4], size_t blocks) {
  add_fractions(out, t, blocks, 1);
}

const vft_logup_ops vft_logup_ops_avx2 = {split, fold, combine, sums, sums_ones, add, add_ones};

#else
typedef int vft_logup_avx2_empty;
#endif
