/* AVX-512 kernels. Loops run over groups of eight elements; the last, partial group goes through
 * the same code with masked loads and stores. */
#ifdef __x86_64__
#include "field/batch_ops.h"
#include "field/goldilocks_avx512.h"

#define MIN(a, b) ((a) < (b) ? (a) : (b))

/* ---- integers to residues ---- */
#define LOADER(NAME, TYPE, WIDEN)                                                           \
  static void NAME(vft_fp *out, const void *t, size_t n) {                                  \
    const TYPE *x = t;                                                                      \
    size_t i = 0;                                                                           \
    for (; i + 8 <= n; i += 8) vft_vstore(out + i, vft_vfrom_i64(WIDEN));                   \
    for (; i < n; i++) out[i] = vft_fp_from_i64((int64_t)x[i]);                             \
  }
#define AS128(p) ((const __m128i *)(const void *)(p))
#define AS256(p) ((const __m256i *)(const void *)(p))
LOADER(load_i8, int8_t, _mm512_cvtepi8_epi64(_mm_loadl_epi64(AS128(x + i))))
LOADER(load_i16, int16_t, _mm512_cvtepi16_epi64(_mm_loadu_si128(AS128(x + i))))
LOADER(load_i32, int32_t, _mm512_cvtepi32_epi64(_mm256_loadu_si256(AS256(x + i))))

/* In place too. */
LOADER(load_i64, int64_t, vft_vload(x + i))

/* ---- base field ---- */
#define FP_MAP(NAME, EXPR)                                                         \
  static void NAME(vft_fp *out, const vft_fp *pa, const vft_fp *pb, size_t n) {    \
    size_t i = 0;                                                                  \
    for (; i + 8 <= n; i += 8) {                                                   \
      vft_v a = vft_vload(pa + i), b = vft_vload(pb + i);                          \
      vft_vstore(out + i, EXPR);                                                   \
    }                                                                              \
    if (i < n) {                                                                   \
      __mmask8 m = vft_vmask(n - i);                                               \
      vft_v a = vft_vloadm(m, pa + i), b = vft_vloadm(m, pb + i);                  \
      vft_vstorem(m, out + i, EXPR);                                               \
    }                                                                              \
  }
FP_MAP(fp_add, vft_vadd_canon(a, b))
FP_MAP(fp_sub, vft_vsub_canon(a, b))
FP_MAP(fp_mul, vft_vmul_canon(a, b))

static void fp_scale(vft_fp *out, const vft_fp *a, vft_fp w, size_t n) {
  vft_v k = vft_vset(w.v), kh = vft_vset(w.v >> 52);
  for (size_t i = 0; i < n; i += 8) {
    __mmask8 m = vft_vmask(n - i);
    vft_v x = vft_vloadm(m, a + i);
    vft_vstorem(m, out + i, vft_vmul_high_canon(x, vft_vhigh(x), k, kh));
  }
}

/* Halves of words summed apart; each sum stays below 2^64 for fewer than 2^32 vectors. */
typedef struct {
  vft_v low, high;
} word_sum;

VFT_INLINE void word_sum_add(word_sum *s, vft_v a) {
  s->low = _mm512_add_epi64(s->low, _mm512_and_si512(a, vft_vset(VFT_EPSILON)));
  s->high = _mm512_add_epi64(s->high, _mm512_srli_epi64(a, 32));
}
/* -> any: low + 2^32 high, high = h1 2^32 + h0: low + 2^32 h0 + 2^64 h1. */
VFT_INLINE vft_v word_sum_reduce(word_sum s) {
  vft_v base = _mm512_slli_epi64(s.high, 32); /* < p: its low half is zero */
  vft_v t = vft_vadd(s.low, base);
  return vft_vadd(t, _mm512_mul_epu32(_mm512_srli_epi64(s.high, 32), vft_vset(VFT_EPSILON)));
}

static vft_fp fp_sum(const vft_fp *a, size_t n) {
  word_sum s = {vft_vzero(), vft_vzero()};
  for (size_t i = 0; i < n; i += 8) word_sum_add(&s, vft_vloadm(vft_vmask(n - i), a + i));
  return vft_vsum(word_sum_reduce(s));
}

static vft_fp fp_dot(const vft_fp *a, const vft_fp *b, size_t n) {
  enum { CHUNK = 8 * 1024 }; /* 1,024 products a lane */
  vft_fp sum = {0};
  for (size_t c = 0; c < n; c += CHUNK) {
    size_t end = MIN(n, c + CHUNK), i = c;
    vft_vacc s = vft_vacc_zero(), t = vft_vacc_zero();
    for (; i + 16 <= end; i += 16) {
      vft_v x = vft_vload(a + i), y = vft_vload(b + i);
      vft_vacc_mac(&s, x, vft_vhigh(x), y, vft_vhigh(y));
      x = vft_vload(a + i + 8), y = vft_vload(b + i + 8);
      vft_vacc_mac(&t, x, vft_vhigh(x), y, vft_vhigh(y));
    }
    for (; i < end; i += 8) {
      __mmask8 m = vft_vmask(end - i);
      vft_v x = vft_vloadm(m, a + i), y = vft_vloadm(m, b + i);
      vft_vacc_mac(&s, x, vft_vhigh(x), y, vft_vhigh(y));
    }
    sum = vft_fp_add(sum, vft_vsum(vft_vacc_reduce(vft_vacc_add(s, t))));
  }
  return sum;
}

/* ---- extension field ---- */
static void ext_mul(vft_ext *out, const vft_ext *a, const vft_ext *b, size_t n) {
  size_t i = 0;
  for (; i + 8 <= n; i += 8) vft_xstore(out + i, vft_xmul(vft_xload(a + i), vft_xload(b + i)));
  size_t k = n - i;
  if (k) vft_xstorem(k, out + i, vft_xmul(vft_xloadm(k, a + i), vft_xloadm(k, b + i)));
}

/* Element i of t three times in a row, over the three word vectors of eight elements. */
VFT_INLINE void spread(vft_v t, vft_v w[3]) {
  w[0] = _mm512_permutexvar_epi64(_mm512_setr_epi64(0, 0, 0, 1, 1, 1, 2, 2), t);
  w[1] = _mm512_permutexvar_epi64(_mm512_setr_epi64(2, 3, 3, 3, 4, 4, 4, 5), t);
  w[2] = _mm512_permutexvar_epi64(_mm512_setr_epi64(5, 5, 6, 6, 6, 7, 7, 7), t);
}

/* Coordinates of w repeated over the three word vectors. */
VFT_INLINE void repeat(vft_ext w, vft_v k[3]) {
  for (int v = 0; v < 3; v++) {
    uint64_t t[8];
    for (int l = 0; l < 8; l++) t[l] = w.c[(8 * v + l) % 3].v;
    k[v] = vft_vload(t);
  }
}

/* Sum of the words of each coordinate, from three word vectors (any). */
VFT_INLINE vft_ext fold_words(const vft_v s[3]) {
  vft_ext sum = VFT_EXT_ZERO;
  for (int v = 0; v < 3; v++) {
    uint64_t t[8];
    vft_vstore(t, vft_vcanon(s[v]));
    for (int l = 0; l < 8; l++) {
      int k = (8 * v + l) % 3;
      sum.c[k] = vft_fp_add(sum.c[k], (vft_fp){t[l]});
    }
  }
  return sum;
}

static void ext_mul_fp(vft_ext *out, const vft_ext *a, const vft_fp *b, size_t n) {
  for (size_t i = 0; i < n; i += 8) {
    const uint64_t *x = (const uint64_t *)(a + i);
    uint64_t *o = (uint64_t *)(out + i);
    size_t k = MIN(n - i, 8);
    vft_v w[3];
    spread(vft_vloadm(vft_vmask(k), b + i), w);
    for (int v = 0; v < 3; v++) {
      __mmask8 m = vft_xmask(k, v);
      vft_v y = vft_vloadm(m, x + 8 * v);
      vft_vstorem(m, o + 8 * v, vft_vmul_canon(y, w[v]));
    }
  }
}

static void ext_scale(vft_ext *out, const vft_ext *a, vft_ext w, size_t n) {
  vft_xconst k = vft_xconst_set(w);
  vft_x zero = {{vft_vzero(), vft_vzero(), vft_vzero()}};
  size_t i = 0;
  for (; i + 8 <= n; i += 8) vft_xstore(out + i, vft_xconst_mac(&k, vft_xload(a + i), zero));
  if (i < n) vft_xstorem(n - i, out + i, vft_xconst_mac(&k, vft_xloadm(n - i, a + i), zero));
}

static vft_ext ext_sum(const vft_ext *a, size_t n) {
  word_sum s[3];
  vft_v r[3];
  for (int v = 0; v < 3; v++) s[v] = (word_sum){vft_vzero(), vft_vzero()};
  for (size_t i = 0; i < n; i += 8) {
    const uint64_t *x = (const uint64_t *)(a + i);
    size_t k = MIN(n - i, 8);
    for (int v = 0; v < 3; v++) word_sum_add(&s[v], vft_vloadm(vft_xmask(k, v), x + 8 * v));
  }
  for (int v = 0; v < 3; v++) r[v] = word_sum_reduce(s[v]);
  return fold_words(r);
}

static vft_ext ext_dot(const vft_ext *a, const vft_ext *b, size_t n) {
  enum { CHUNK = 8 * VFT_XACC_MAX };
  vft_ext sum = VFT_EXT_ZERO;
  for (size_t c = 0; c < n; c += CHUNK) {
    size_t end = MIN(n, c + CHUNK), i = c;
    vft_xacc s = vft_xacc_zero();
    for (; i + 8 <= end; i += 8) vft_xacc_mac(&s, vft_xload(a + i), vft_xload(b + i));
    if (i < end) vft_xacc_mac(&s, vft_xloadm(end - i, a + i), vft_xloadm(end - i, b + i));
    sum = vft_ext_add(sum, vft_xsum(vft_xacc_reduce(&s)));
  }
  return sum;
}

static vft_ext ext_dot3(const vft_ext *a, const vft_ext *b, const vft_ext *c, size_t n) {
  enum { CHUNK = 8 * VFT_XACC_MAX };
  vft_ext sum = VFT_EXT_ZERO;
  for (size_t at = 0; at < n; at += CHUNK) {
    size_t end = MIN(n, at + CHUNK), i = at;
    vft_xacc s = vft_xacc_zero();
    for (; i + 8 <= end; i += 8)
      vft_xacc_mac(&s, vft_xmul(vft_xload(a + i), vft_xload(b + i)), vft_xload(c + i));
    if (i < end) {
      size_t k = end - i;
      vft_x ab = vft_xmul(vft_xloadm(k, a + i), vft_xloadm(k, b + i));
      vft_xacc_mac(&s, ab, vft_xloadm(k, c + i));
    }
    sum = vft_ext_add(sum, vft_xsum(vft_xacc_reduce(&s)));
  }
  return sum;
}

/* With a = lo, d = hi - lo: a^(7-k) d^k = u[k % 4] v[k / 4], where u = a^3, a^2 d, a d^2, d^3 and
 * v = a^4, d^4 take the weight. */
static void ext_line7(vft_ext out[8], const vft_ext *lo, const vft_ext *hi, const vft_ext *w,
                      size_t n) {
  enum { GROUPS = 16 };
  vft_x u[4][GROUPS], v[2][GROUPS];
  for (int k = 0; k < 8; k++) out[k] = VFT_EXT_ZERO;
  for (size_t at = 0; at < n; at += 8 * GROUPS) {
    int groups = 0;
    for (size_t i = at; i < n && groups < GROUPS; i += 8, groups++) {
      size_t m = MIN(n - i, 8);
      vft_x a = vft_xloadm(m, lo + i), d = vft_xsub(vft_xloadm(m, hi + i), a);
      vft_x x = vft_xloadm(m, w + i), a2 = vft_xsqr(a), d2 = vft_xsqr(d);
      u[0][groups] = vft_xmul(a2, a);
      u[1][groups] = vft_xmul(a2, d);
      u[2][groups] = vft_xmul(a, d2);
      u[3][groups] = vft_xmul(d2, d);
      v[0][groups] = vft_xmul(vft_xsqr(a2), x);
      v[1][groups] = vft_xmul(vft_xsqr(d2), x);
    }
    for (int k = 0; k < 8; k++) {
      vft_xacc s = vft_xacc_zero();
      for (int g = 0; g < groups; g++) vft_xacc_mac(&s, u[k % 4][g], v[k / 4][g]);
      out[k] = vft_ext_add(out[k], vft_xsum(vft_xacc_reduce(&s)));
    }
  }
}

static void fp_line7(vft_ext out[8], const vft_fp *lo, const vft_fp *hi, const vft_ext *w,
                     size_t n) {
  enum { GROUPS = 32 };
  vft_v u[4][GROUPS];
  vft_x v[2][GROUPS];
  for (int k = 0; k < 8; k++) out[k] = VFT_EXT_ZERO;
  for (size_t at = 0; at < n; at += 8 * GROUPS) {
    int groups = 0;
    for (size_t i = at; i < n && groups < GROUPS; i += 8, groups++) {
      size_t m = MIN(n - i, 8);
      vft_v a = vft_vloadm(vft_vmask(m), lo + i);
      vft_v d = vft_vsub_canon(vft_vloadm(vft_vmask(m), hi + i), a);
      vft_x x = vft_xloadm(m, w + i);
      vft_v a2 = vft_vmul(a, a), d2 = vft_vmul(d, d), a4 = vft_vmul(a2, a2), d4 = vft_vmul(d2, d2);
      u[0][groups] = vft_vmul(a2, a);
      u[1][groups] = vft_vmul(a2, d);
      u[2][groups] = vft_vmul(a, d2);
      u[3][groups] = vft_vmul(d2, d);
      for (int c = 0; c < 3; c++) {
        v[0][groups].c[c] = vft_vmul(a4, x.c[c]);
        v[1][groups].c[c] = vft_vmul(d4, x.c[c]);
      }
    }
    for (int k = 0; k < 8; k++) {
      vft_vacc s[3] = {vft_vacc_zero(), vft_vacc_zero(), vft_vacc_zero()};
      for (int g = 0; g < groups; g++) {
        vft_v y = u[k % 4][g], yh = vft_vhigh(y);
        _Pragma("GCC unroll 3") for (int c = 0; c < 3; c++) {
          vft_v z = v[k / 4][g].c[c];
          vft_vacc_mac(&s[c], z, vft_vhigh(z), y, yh);
        }
      }
      vft_x t = {{vft_vacc_reduce(s[0]), vft_vacc_reduce(s[1]), vft_vacc_reduce(s[2])}};
      out[k] = vft_ext_add(out[k], vft_xsum(t));
    }
  }
}

/* Words stay in memory order: one base product a word. */
static vft_ext ext_dot_fp(const vft_fp *t, const vft_ext *b, size_t n) {
  enum { CHUNK = 8 * 1024 };
  vft_ext sum = VFT_EXT_ZERO;
  for (size_t c = 0; c < n; c += CHUNK) {
    size_t end = MIN(n, c + CHUNK);
    vft_vacc s[3] = {vft_vacc_zero(), vft_vacc_zero(), vft_vacc_zero()};
    vft_v r[3];
    for (size_t i = c; i < end; i += 8) {
      const uint64_t *x = (const uint64_t *)(b + i);
      size_t k = MIN(end - i, 8);
      vft_v w[3];
      spread(vft_vloadm(vft_vmask(k), t + i), w);
      for (int v = 0; v < 3; v++) {
        vft_v y = vft_vloadm(vft_xmask(k, v), x + 8 * v);
        vft_vacc_mac(&s[v], y, vft_vhigh(y), w[v], vft_vhigh(w[v]));
      }
    }
    for (int v = 0; v < 3; v++) r[v] = vft_vacc_reduce(s[v]);
    sum = vft_ext_add(sum, fold_words(r));
  }
  return sum;
}

static void ext_axpy(vft_ext *out, vft_ext w, const vft_ext *t, size_t n) {
  vft_xconst k = vft_xconst_set(w);
  size_t i = 0;
  for (; i + 8 <= n; i += 8)
    vft_xstore(out + i, vft_xconst_mac(&k, vft_xload(t + i), vft_xload(out + i)));
  size_t m = n - i;
  if (m) vft_xstorem(m, out + i, vft_xconst_mac(&k, vft_xloadm(m, t + i), vft_xloadm(m, out + i)));
}

/* o = base + t * k word by word, canonical. */
VFT_INLINE vft_v word_mac(vft_v base, vft_v t, vft_v k, vft_v kh) {
  vft_vacc s = vft_vacc_seed(base);
  vft_vacc_mac(&s, t, vft_vhigh(t), k, kh);
  return vft_vacc_canon(s);
}

static void ext_axpy_fp(vft_ext *out, vft_ext w, const vft_fp *t, size_t n) {
  vft_v k[3], kh[3];
  repeat(w, k);
  for (int v = 0; v < 3; v++) kh[v] = vft_vhigh(k[v]);
  for (size_t i = 0; i < n; i += 8) {
    uint64_t *o = (uint64_t *)(out + i);
    size_t have = MIN(n - i, 8);
    vft_v x[3];
    spread(vft_vloadm(vft_vmask(have), t + i), x);
    for (int v = 0; v < 3; v++) {
      __mmask8 m = vft_xmask(have, v);
      vft_vstorem(m, o + 8 * v, word_mac(vft_vloadm(m, o + 8 * v), x[v], k[v], kh[v]));
    }
  }
}

/* ---- binding a variable ---- */
static void mix(vft_ext *out, const vft_ext *lo, const vft_ext *hi, size_t m, vft_ext r) {
  vft_xconst k = vft_xconst_set(r);
  for (size_t i = 0; i < m; i += 8) {
    size_t have = MIN(m - i, 8);
    vft_x a = vft_xloadm(have, lo + i), b = vft_xloadm(have, hi + i);
    vft_xstorem(have, out + i, vft_xconst_mac(&k, vft_xsub(b, a), a));
  }
}

static void fold_low(vft_ext *out, const vft_ext *f, size_t m, vft_ext r) {
  const vft_v even = _mm512_setr_epi64(0, 2, 4, 6, 8, 10, 12, 14);
  const vft_v odd = _mm512_setr_epi64(1, 3, 5, 7, 9, 11, 13, 15);
  vft_xconst k = vft_xconst_set(r);
  for (size_t i = 0; i < m; i += 8) {
    size_t have = 2 * MIN(m - i, 8), first = MIN(have, 8);
    vft_x p = vft_xloadm(first, f + 2 * i), q = vft_xloadm(have - first, f + 2 * i + first), a, b;
    for (int c = 0; c < 3; c++) {
      a.c[c] = _mm512_permutex2var_epi64(p.c[c], even, q.c[c]);
      b.c[c] = _mm512_permutex2var_epi64(p.c[c], odd, q.c[c]);
    }
    vft_xstorem(have / 2, out + i, vft_xconst_mac(&k, vft_xsub(b, a), a));
  }
}

/* out = lo + r (hi - lo) with base entries: words k of the result are [k = 0] lo + d r_k. */
VFT_INLINE void mix_words(uint64_t *o, size_t have, vft_v lo, vft_v d, const vft_v k[3],
                          const vft_v kh[3]) {
  static const __mmask8 first[3] = {0x49, 0x92, 0x24}; /* words that are coordinate 0 */
  vft_v x[3], base[3];
  spread(d, x);
  spread(lo, base);
  for (int v = 0; v < 3; v++)
    vft_vstorem(vft_xmask(have, v), o + 8 * v,
                word_mac(_mm512_maskz_mov_epi64(first[v], base[v]), x[v], k[v], kh[v]));
}

static void mix_fp(vft_ext *out, const vft_fp *lo, const vft_fp *hi, size_t m, vft_ext r) {
  vft_v k[3], kh[3];
  repeat(r, k);
  for (int v = 0; v < 3; v++) kh[v] = vft_vhigh(k[v]);
  for (size_t i = 0; i < m; i += 8) {
    size_t have = MIN(m - i, 8);
    __mmask8 mask = vft_vmask(have);
    vft_v a = vft_vloadm(mask, lo + i), b = vft_vloadm(mask, hi + i);
    mix_words((uint64_t *)(out + i), have, a, vft_vsub_canon(b, a), k, kh);
  }
}

static void fold_low_fp(vft_ext *out, const vft_fp *f, size_t m, vft_ext r) {
  const vft_v even = _mm512_setr_epi64(0, 2, 4, 6, 8, 10, 12, 14);
  const vft_v odd = _mm512_setr_epi64(1, 3, 5, 7, 9, 11, 13, 15);
  vft_v k[3], kh[3];
  repeat(r, k);
  for (int v = 0; v < 3; v++) kh[v] = vft_vhigh(k[v]);
  for (size_t i = 0; i < m; i += 8) {
    size_t have = MIN(m - i, 8), first = MIN(2 * have, 8);
    vft_v p = vft_vloadm(vft_vmask(first), f + 2 * i);
    vft_v q = vft_vloadm(vft_vmask(2 * have - first), f + 2 * i + first);
    vft_v a = _mm512_permutex2var_epi64(p, even, q), b = _mm512_permutex2var_epi64(p, odd, q);
    mix_words((uint64_t *)(out + i), have, a, vft_vsub_canon(b, a), k, kh);
  }
}

static void eq_step(vft_ext *lo, vft_ext *hi, vft_ext z, size_t m) {
  vft_xconst k = vft_xconst_set(z);
  vft_x zero = {{vft_vzero(), vft_vzero(), vft_vzero()}};
  for (size_t i = 0; i < m; i += 8) {
    size_t have = MIN(m - i, 8);
    vft_x a = vft_xloadm(have, lo + i), b = vft_xconst_mac(&k, a, zero);
    vft_xstorem(have, hi + i, b);
    vft_xstorem(have, lo + i, vft_xsub(a, b));
  }
}

const vft_batch_ops vft_batch_ops_avx512 = {
    {load_i8, load_i16, load_i32, load_i64},
    fp_add,   fp_sub,      fp_mul,    fp_scale,    fp_sum,  fp_dot,
    ext_mul,  ext_mul_fp,  ext_scale, ext_sum,     ext_dot, ext_dot_fp, ext_dot3,
    ext_line7, fp_line7,
    ext_axpy, ext_axpy_fp, fold_low,  fold_low_fp, mix,     mix_fp,     eq_step,
};
#endif
