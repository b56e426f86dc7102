#include "argument/logup_kernels.h"

#include "base/cpu.h"

typedef vft_logup_block block;

static inline vft_ext get(const block *b, size_t i) {
  return (vft_ext){{{b->c[0][i]}, {b->c[1][i]}, {b->c[2][i]}}};
}

static inline void put(block *b, size_t i, vft_ext v) {
  for (int k = 0; k < 3; k++) b->c[k][i] = v.c[k].v;
}

/* Entry i (0..15) of a row pair. */
static inline vft_ext pair_get(const block *b, size_t i) { return get(b + (i >> 3), i & 7); }

static inline vft_ext weight_get(const vft_logup_weight *w, size_t i) {
  return (vft_ext){{{w->c[0][i]}, {w->c[1][i]}, {w->c[2][i]}}};
}

static void split(const vft_ext *in, block *even, block *odd, size_t blocks) {
  for (size_t j = 0; j < blocks; j++) {
    for (size_t i = 0; i < 8; i++) {
      put(even + j, i, in[16 * j + 2 * i]);
      put(odd + j, i, in[16 * j + 2 * i + 1]);
    }
  }
}

static void fold(block *out, const block *in, size_t blocks, vft_ext r) {
  for (size_t j = 0; j < blocks; j++) {
    for (size_t i = 0; i < 8; i++) {
      vft_ext even = pair_get(in + 2 * j, 2 * i), odd = pair_get(in + 2 * j, 2 * i + 1);
      put(out + j, i, vft_ext_add(even, vft_ext_mul(r, vft_ext_sub(odd, even))));
    }
  }
}

static void combine(block *out, const block *p, const block *q, size_t blocks, vft_ext lambda) {
  for (size_t j = 0; j < blocks; j++) {
    for (size_t i = 0; i < 8; i++) {
      put(out + j, i, vft_ext_add(get(p + j, i), vft_ext_mul(lambda, get(q + j, i))));
    }
  }
}

static void accumulate(block *sum, size_t i, vft_ext weight, vft_ext g) {
  put(sum, i, vft_ext_add(get(sum, i), vft_ext_mul(weight, g)));
}

static vft_ext cross(const vft_ext v[4]) {
  return vft_ext_add(vft_ext_mul(v[VFT_LOGUP_P0], v[VFT_LOGUP_Q1]),
                     vft_ext_mul(v[VFT_LOGUP_P1], v[VFT_LOGUP_Q0]));
}

static void sums(block sum[2], const block *const t[4], const vft_logup_weight *w, size_t pairs) {
  for (size_t j = 0; j < pairs; j++) {
    for (size_t i = 0; i < 8; i++) {
      vft_ext even[4], diff[4], e = weight_get(w + j, i);
      for (int k = 0; k < VFT_LOGUP_COLUMNS; k++) {
        even[k] = pair_get(t[k] + 2 * j, 2 * i);
        diff[k] = vft_ext_sub(pair_get(t[k] + 2 * j, 2 * i + 1), even[k]);
      }
      accumulate(sum, i, e, cross(even));
      accumulate(sum + 1, i, e, cross(diff));
    }
  }
}

static void sums_ones(block sum[2], const block *q0, const block *q1, const vft_logup_weight *w,
                      size_t pairs, vft_ext mu) {
  for (size_t j = 0; j < pairs; j++) {
    for (size_t i = 0; i < 8; i++) {
      vft_ext e = weight_get(w + j, i);
      vft_ext a = pair_get(q0 + 2 * j, 2 * i), b = pair_get(q1 + 2 * j, 2 * i);
      vft_ext da = vft_ext_sub(pair_get(q0 + 2 * j, 2 * i + 1), a);
      vft_ext db = vft_ext_sub(pair_get(q1 + 2 * j, 2 * i + 1), b);
      accumulate(sum, i, e, vft_ext_mul(vft_ext_add(a, mu), vft_ext_add(b, mu)));
      accumulate(sum + 1, i, e, vft_ext_mul(da, db));
    }
  }
}

static void add_fractions(block *const out[4], const block *const t[4], size_t blocks, int ones) {
  for (size_t j = 0; j < blocks; j++) {
    for (size_t i = 0; i < 16; i++) {
      vft_ext v[4];
      for (int k = ones ? VFT_LOGUP_Q0 : VFT_LOGUP_P0; k < VFT_LOGUP_COLUMNS; k++) {
        v[k] = pair_get(t[k] + 2 * j, i);
      }
      vft_ext p = ones ? vft_ext_add(v[VFT_LOGUP_Q0], v[VFT_LOGUP_Q1]) : cross(v);
      put(out[i & 1 ? VFT_LOGUP_P1 : VFT_LOGUP_P0] + j, i >> 1, p);
      put(out[i & 1 ? VFT_LOGUP_Q1 : VFT_LOGUP_Q0] + j, i >> 1,
          vft_ext_mul(v[VFT_LOGUP_Q0], v[VFT_LOGUP_Q1]));
    }
  }
}

static void add(block *const out[4], const block *const t[4], size_t blocks) {
  add_fractions(out, t, blocks, 0);
}

static void add_ones(block *const out[4], const block *const t[4], size_t blocks) {
  add_fractions(out, t, blocks, 1);
}

const vft_logup_ops vft_logup_ops_c = {split, fold, combine, sums, sums_ones, add, add_ones};

const vft_logup_ops *vft_logup_ops_get(void) {
#ifdef __x86_64__
  if (vft_simd_tier() >= VFT_SIMD_AVX512) return &vft_logup_ops_avx512;
  if (vft_simd_tier() >= VFT_SIMD_AVX2) return &vft_logup_ops_avx2;
#endif
  return &vft_logup_ops_c;
}
