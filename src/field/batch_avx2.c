/* AVX2 kernels. Loops run over groups of four elements; the last, partial group goes through the
 * same code with masked loads and stores. */
#ifdef __x86_64__
#include "field/batch_ops.h"
#include "field/goldilocks_avx2.h"

#define MIN(a, b) ((a) < (b) ? (a) : (b))

/* ---- integers to residues ---- */
#define LOADER(NAME, TYPE, WIDEN)                                           \
  static void NAME(vft_fp *out, const void *t, size_t n) {                  \
    const TYPE *x = t;                                                      \
    size_t i = 0;                                                           \
    for (; i + 4 <= n; i += 4) vft_vstore(out + i, vft_vfrom_i64(WIDEN));   \
    for (; i < n; i++) out[i] = vft_fp_from_i64((int64_t)x[i]);             \
  }
#define AS128(p) ((const __m128i *)(const void *)(p))
LOADER(load_i8, int8_t, _mm256_cvtepi8_epi64(_mm_loadu_si32(x + i)))
LOADER(load_i16, int16_t, _mm256_cvtepi16_epi64(_mm_loadl_epi64(AS128(x + i))))
LOADER(load_i32, int32_t, _mm256_cvtepi32_epi64(_mm_loadu_si128(AS128(x + i))))

/* In place too. */
LOADER(load_i64, int64_t, vft_vload(x + i))

/* ---- base field ---- */
#define FP_MAP(NAME, EXPR)                                                         \
  static void NAME(vft_fp *out, const vft_fp *pa, const vft_fp *pb, size_t n) {    \
    size_t i = 0;                                                                  \
    for (; i + 4 <= n; i += 4) {                                                   \
      vft_v a = vft_vload(pa + i), b = vft_vload(pb + i);                          \
      vft_vstore(out + i, EXPR);                                                   \
    }                                                                              \
    if (i < n) {                                                                   \
      vft_v m = vft_vmask((long long)(n - i));                                     \
      vft_v a = vft_vloadm(m, pa + i), b = vft_vloadm(m, pb + i);                  \
      vft_vstorem(m, out + i, EXPR);                                               \
    }                                                                              \
  }
FP_MAP(fp_add, vft_vadd_canon(a, b))
FP_MAP(fp_sub, vft_vsub_canon(a, b))
FP_MAP(fp_mul, vft_vmul_canon(a, b))

static void fp_scale(vft_fp *out, const vft_fp *a, vft_fp w, size_t n) {
  vft_v k = vft_vset(w.v), kh = vft_vset(w.v >> 32);
  size_t i = 0;
  for (; i + 4 <= n; i += 4) {
    vft_v x = vft_vload(a + i);
    vft_vstore(out + i, vft_vmul_high(x, vft_vhigh(x), k, kh));
  }
  for (; i < n; i++) out[i] = vft_fp_mul(a[i], w);
}

/* Halves of words summed apart; each sum stays below 2^64 for fewer than 2^32 vectors. */
typedef struct {
  vft_v low, high;
} word_sum;

VFT_INLINE void word_sum_add(word_sum *s, vft_v a) {
  s->low = _mm256_add_epi64(s->low, vft_vlow(a));
  s->high = _mm256_add_epi64(s->high, vft_vhigh(a));
}
/* -> any: low + 2^32 high, high = h1 2^32 + h0: low + 2^32 h0 + 2^64 h1. */
VFT_INLINE vft_v word_sum_reduce(word_sum s) {
  vft_v base = _mm256_slli_epi64(s.high, 32); /* < p: its low half is zero */
  vft_v t = vft_vadd(s.low, base);
  return vft_vadd(t, _mm256_mul_epu32(vft_vhigh(s.high), vft_vset(VFT_EPSILON)));
}

static vft_fp fp_sum(const vft_fp *a, size_t n) {
  word_sum s = {vft_vzero(), vft_vzero()};
  size_t i = 0;
  for (; i + 4 <= n; i += 4) word_sum_add(&s, vft_vload(a + i));
  if (i < n) word_sum_add(&s, vft_vloadm(vft_vmask((long long)(n - i)), a + i));
  return vft_vsum(word_sum_reduce(s));
}

VFT_INLINE void mac(vft_vacc *s, vft_v a, vft_v b) {
  vft_vacc_mac(s, a, vft_vhigh(a), vft_vcut(b));
}

static vft_fp fp_dot(const vft_fp *a, const vft_fp *b, size_t n) {
  enum { CHUNK = 4 * VFT_VACC_MAX };
  vft_fp sum = {0};
  for (size_t c = 0; c < n; c += CHUNK) {
    size_t end = MIN(n, c + CHUNK), i = c;
    vft_vacc s = vft_vacc_zero();
    for (; i + 4 <= end; i += 4) mac(&s, vft_vload(a + i), vft_vload(b + i));
    if (i < end) {
      vft_v m = vft_vmask((long long)(end - i));
      mac(&s, vft_vloadm(m, a + i), vft_vloadm(m, b + i));
    }
    sum = vft_fp_add(sum, vft_vsum(vft_vacc_canon(s)));
  }
  return sum;
}

/* ---- extension field ---- */

/* STEP(k) is one group of k <= 4 elements at i; loads and stores know whole groups by their
 * constant k. */
VFT_INLINE vft_x load(size_t k, const vft_ext *p) {
  return k == 4 ? vft_xload(p) : vft_xloadm(k, p);
}
VFT_INLINE void store(size_t k, vft_ext *p, vft_x v) {
  if (k == 4)
    vft_xstore(p, v);
  else
    vft_xstorem(k, p, v);
}
VFT_INLINE vft_v load_fp(size_t k, const vft_fp *p) {
  return k == 4 ? vft_vload(p) : vft_vloadm(vft_vmask((long long)k), p);
}
VFT_INLINE vft_v load_words(size_t k, int v, const vft_ext *p) {
  const uint64_t *w = (const uint64_t *)p + 4 * v;
  return k == 4 ? vft_vload(w) : vft_vloadm(vft_xmask(k, v), w);
}
VFT_INLINE void store_words(size_t k, int v, vft_ext *p, vft_v a) {
  uint64_t *w = (uint64_t *)p + 4 * v;
  if (k == 4)
    vft_vstore(w, a);
  else
    vft_vstorem(vft_xmask(k, v), w, a);
}
#define GROUPS(from, to, STEP)              \
  do {                                      \
    size_t i = (from);                      \
    for (; i + 4 <= (to); i += 4) STEP(4);  \
    if (i < (to)) STEP((to) - i);           \
  } while (0)

static void ext_mul(vft_ext *out, const vft_ext *a, const vft_ext *b, size_t n) {
#define STEP(k) store(k, out + i, vft_xmul(load(k, a + i), load(k, b + i)))
  GROUPS(0, n, STEP);
#undef STEP
}

/* Element i of t three times in a row, over the three word vectors of four elements. */
VFT_INLINE vft_v spread(vft_v t, int v) {
  return v == 0   ? _mm256_permute4x64_epi64(t, 0x40)  /* 0 0 0 1 */
         : v == 1 ? _mm256_permute4x64_epi64(t, 0xa5)  /* 1 1 2 2 */
                  : _mm256_permute4x64_epi64(t, 0xfe); /* 2 3 3 3 */
}

/* Sum of the words of each coordinate, from three word vectors (any). */
VFT_INLINE vft_ext fold_words(const vft_v s[3]) {
  return vft_xsum(vft_xfrom_words(s[0], s[1], s[2]));
}

VFT_INLINE void mul_fp_group(size_t k, vft_ext *out, const vft_ext *a, const vft_fp *b) {
  vft_v t = load_fp(k, b), th = vft_vhigh(t);
  _Pragma("GCC unroll 3") for (int v = 0; v < 3; v++) {
    vft_v x = load_words(k, v, a);
    store_words(k, v, out, vft_vmul_high(x, vft_vhigh(x), spread(t, v), spread(th, v)));
  }
}
static void ext_mul_fp(vft_ext *out, const vft_ext *a, const vft_fp *b, size_t n) {
#define STEP(k) mul_fp_group(k, out + i, a + i, b + i)
  GROUPS(0, n, STEP);
#undef STEP
}

/* Making the constants of a fixed factor costs as much as some scalar products: below this length
 * the plain kernel is faster. */
#define UNLESS_SHORT(n, limit, op, ...)                  \
  if ((n) < (limit)) {                                   \
    vft_batch_ops_c.op(__VA_ARGS__);                     \
    return;                                              \
  }

static void ext_scale(vft_ext *out, const vft_ext *a, vft_ext w, size_t n) {
  UNLESS_SHORT(n, 4, ext_scale, out, a, w, n)
  vft_xconst c = vft_xconst_set(w);
#define STEP(k) store(k, out + i, vft_xconst_mul(&c, load(k, a + i)))
  GROUPS(0, n, STEP);
#undef STEP
}

static vft_ext ext_sum(const vft_ext *a, size_t n) {
  word_sum s[3];
  vft_v r[3];
  for (int v = 0; v < 3; v++) s[v] = (word_sum){vft_vzero(), vft_vzero()};
#define STEP(k) \
  for (int v = 0; v < 3; v++) word_sum_add(&s[v], load_words(k, v, a + i))
  GROUPS(0, n, STEP);
#undef STEP
  for (int v = 0; v < 3; v++) r[v] = word_sum_reduce(s[v]);
  return fold_words(r);
}

static vft_ext ext_dot(const vft_ext *a, const vft_ext *b, size_t n) {
  enum { CHUNK = 4 * VFT_XACC_MAX };
  vft_ext sum = VFT_EXT_ZERO;
  for (size_t c = 0; c < n; c += CHUNK) {
    vft_xacc s = vft_xacc_zero();
#define STEP(k) vft_xacc_mac(&s, load(k, a + i), load(k, b + i))
    GROUPS(c, MIN(n, c + CHUNK), STEP);
#undef STEP
    sum = vft_ext_add(sum, vft_xsum(vft_xacc_reduce(&s)));
  }
  return sum;
}

static vft_ext ext_dot3(const vft_ext *a, const vft_ext *b, const vft_ext *c, size_t n) {
  enum { CHUNK = 4 * VFT_XACC_MAX };
  vft_ext sum = VFT_EXT_ZERO;
  for (size_t at = 0; at < n; at += CHUNK) {
    vft_xacc s = vft_xacc_zero();
#define STEP(k) \
  vft_xacc_mac(&s, vft_xmul(load(k, a + i), load(k, b + i)), load(k, c + i))
    GROUPS(at, MIN(n, at + CHUNK), STEP);
#undef STEP
    sum = vft_ext_add(sum, vft_xsum(vft_xacc_reduce(&s)));
  }
  return sum;
}

/* With a = lo, d = hi - lo: a^(7-k) d^k = u[k % 4] v[k / 4], where u = a^3, a^2 d, a d^2, d^3 and
 * v = a^4, d^4 take the weight. */
static void ext_line7(vft_ext out[8], const vft_ext *lo, const vft_ext *hi, const vft_ext *w,
                      size_t n) {
  enum { GROUP_MAX = 32 };
  vft_x u[4][GROUP_MAX];
  vft_xdigits v[2][GROUP_MAX];
  for (int k = 0; k < 8; k++) out[k] = VFT_EXT_ZERO;
  for (size_t at = 0; at < n; at += 4 * GROUP_MAX) {
    int groups = 0;
    for (size_t i = at; i < n && groups < GROUP_MAX; i += 4, groups++) {
      size_t m = MIN(n - i, 4);
      vft_x a = vft_xloadm(m, lo + i), d = vft_xsub(vft_xloadm(m, hi + i), a);
      vft_x x = vft_xloadm(m, w + i), a2 = vft_xsqr(a), d2 = vft_xsqr(d);
      vft_xdigits ac = vft_xcut(a), dc = vft_xcut(d), xc = vft_xcut(x);
      const vft_x left[6] = {a2, a2, d2, d2, vft_xsqr(a2), vft_xsqr(d2)};
      const vft_xdigits *right[6] = {&ac, &dc, &ac, &dc, &xc, &xc};
      for (int k = 0; k < 6; k++) {
        vft_xacc s = vft_xacc_zero();
        vft_xacc_mac_cut(&s, left[k], right[k]);
        vft_x p = vft_xacc_reduce(&s);
        if (k < 4)
          u[k][groups] = p;
        else
          v[k - 4][groups] = vft_xcut(p);
      }
    }
    for (int k = 0; k < 8; k++) {
      vft_xacc s = vft_xacc_zero();
      for (int g = 0; g < groups; g++) vft_xacc_mac_cut(&s, u[k % 4][g], &v[k / 4][g]);
      out[k] = vft_ext_add(out[k], vft_xsum(vft_xacc_reduce(&s)));
    }
  }
}

static void fp_line7(vft_ext out[8], const vft_fp *lo, const vft_fp *hi, const vft_ext *w,
                     size_t n) {
  enum { GROUP_MAX = 64 };
  vft_vdigits u[4][GROUP_MAX];
  vft_x v[2][GROUP_MAX];
  for (int k = 0; k < 8; k++) out[k] = VFT_EXT_ZERO;
  for (size_t at = 0; at < n; at += 4 * GROUP_MAX) {
    int groups = 0;
    for (size_t i = at; i < n && groups < GROUP_MAX; i += 4, groups++) {
      size_t m = MIN(n - i, 4);
      vft_v a = load_fp(m, lo + i), d = vft_vsub_canon(load_fp(m, hi + i), a);
      vft_x x = vft_xloadm(m, w + i);
      vft_v a2 = vft_vsqr(a), d2 = vft_vsqr(d), a4 = vft_vsqr(a2), d4 = vft_vsqr(d2);
      u[0][groups] = vft_vcut(vft_vmul(a2, a));
      u[1][groups] = vft_vcut(vft_vmul(a2, d));
      u[2][groups] = vft_vcut(vft_vmul(a, d2));
      u[3][groups] = vft_vcut(vft_vmul(d2, d));
      for (int c = 0; c < 3; c++) {
        v[0][groups].c[c] = vft_vmul(a4, x.c[c]);
        v[1][groups].c[c] = vft_vmul(d4, x.c[c]);
      }
    }
    for (int k = 0; k < 8; k++) {
      vft_vacc s[3] = {vft_vacc_zero(), vft_vacc_zero(), vft_vacc_zero()};
      for (int g = 0; g < groups; g++) {
        _Pragma("GCC unroll 3") for (int c = 0; c < 3; c++) {
          vft_v z = v[k / 4][g].c[c];
          vft_vacc_mac(&s[c], z, vft_vhigh(z), u[k % 4][g]);
        }
      }
      vft_x t = {{vft_vacc_canon(s[0]), vft_vacc_canon(s[1]), vft_vacc_canon(s[2])}};
      out[k] = vft_ext_add(out[k], vft_xsum(t));
    }
  }
}

/* Words stay in memory order: one base product a word. */
VFT_INLINE void dot_fp_group(size_t k, vft_vacc s[3], const vft_fp *t, const vft_ext *b) {
  vft_v x = load_fp(k, t);
  vft_vdigits d = vft_vcut(x);
  _Pragma("GCC unroll 3") for (int v = 0; v < 3; v++) {
    vft_v y = load_words(k, v, b);
    vft_vdigits e = {{spread(d.d[0], v), spread(d.d[1], v), spread(d.d[2], v)}};
    vft_vacc_mac(&s[v], y, vft_vhigh(y), e);
  }
}
static vft_ext ext_dot_fp(const vft_fp *t, const vft_ext *b, size_t n) {
  enum { CHUNK = 4 * VFT_VACC_MAX };
  vft_ext sum = VFT_EXT_ZERO;
  for (size_t c = 0; c < n; c += CHUNK) {
    vft_vacc s[3] = {vft_vacc_zero(), vft_vacc_zero(), vft_vacc_zero()};
#define STEP(k) dot_fp_group(k, s, t + i, b + i)
    GROUPS(c, MIN(n, c + CHUNK), STEP);
#undef STEP
    vft_v r[3];
    for (int v = 0; v < 3; v++) r[v] = vft_vacc_canon(s[v]);
    sum = vft_ext_add(sum, fold_words(r));
  }
  return sum;
}

static void ext_axpy(vft_ext *out, vft_ext w, const vft_ext *t, size_t n) {
  UNLESS_SHORT(n, 4, ext_axpy, out, w, t, n)
  vft_xconst c = vft_xconst_set(w);
#define STEP(k) store(k, out + i, vft_xconst_mac(&c, load(k, t + i), load(k, out + i)))
  GROUPS(0, n, STEP);
#undef STEP
}

/* The coordinates of w repeated over the three word vectors, each as a vft_vconst. */
VFT_INLINE void repeat(vft_ext w, vft_vconst k[3]) {
  vft_vconst e[3] = {vft_vconst_set(w.c[0]), vft_vconst_set(w.c[1]), vft_vconst_set(w.c[2])};
  vft_v out[3];
  for (int i = 0; i < 3; i++) {
    vft_xto_words((vft_x){{e[0].lo[i], e[1].lo[i], e[2].lo[i]}}, out);
    for (int v = 0; v < 3; v++) k[v].lo[i] = out[v];
    vft_xto_words((vft_x){{e[0].hi[i], e[1].hi[i], e[2].hi[i]}}, out);
    for (int v = 0; v < 3; v++) k[v].hi[i] = out[v];
  }
}

VFT_INLINE void axpy_fp_group(size_t k, vft_ext *out, const vft_fp *t, const vft_vconst w[3]) {
  vft_vdigits d = vft_vcut(load_fp(k, t));
  _Pragma("GCC unroll 3") for (int v = 0; v < 3; v++) {
    vft_vdigits e = {{spread(d.d[0], v), spread(d.d[1], v), spread(d.d[2], v)}};
    vft_vpair s = vft_vpair_seed(load_words(k, v, out));
    vft_vpair_mac(&s, e, &w[v]);
    store_words(k, v, out, vft_vpair_canon(s));
  }
}
static void ext_axpy_fp(vft_ext *out, vft_ext w, const vft_fp *t, size_t n) {
  UNLESS_SHORT(n, 8, ext_axpy_fp, out, w, t, n)
  vft_vconst c[3];
  repeat(w, c);
#define STEP(k) axpy_fp_group(k, out + i, t + i, c)
  GROUPS(0, n, STEP);
#undef STEP
}

/* ---- binding a variable ---- */
VFT_INLINE vft_x mixed(const vft_xconst *c, vft_x lo, vft_x hi) {
  return vft_xconst_mac(c, vft_xsub(hi, lo), lo);
}
static void mix(vft_ext *out, const vft_ext *lo, const vft_ext *hi, size_t m, vft_ext r) {
  UNLESS_SHORT(m, 4, mix, out, lo, hi, m, r)
  vft_xconst c = vft_xconst_set(r);
#define STEP(k) store(k, out + i, mixed(&c, load(k, lo + i), load(k, hi + i)))
  GROUPS(0, m, STEP);
#undef STEP
}

/* Lanes of a pair of vectors, p first: even ones 0 2 1 3 (of the four) and odd ones alike. */
VFT_INLINE vft_v evens(vft_v p, vft_v q) { return _mm256_unpacklo_epi64(p, q); }
VFT_INLINE vft_v odds(vft_v p, vft_v q) { return _mm256_unpackhi_epi64(p, q); }
VFT_INLINE vft_v in_order(vft_v a) { return _mm256_permute4x64_epi64(a, 0xd8); }

VFT_INLINE void fold_low_group(size_t k, vft_ext *out, const vft_ext *f, const vft_xconst *c) {
  size_t first = MIN(2 * k, 4);
  vft_x p = load(first, f), q = k == 4 ? load(4, f + 4) : load(2 * k - first, f + first), a, b;
  for (int j = 0; j < 3; j++) {
    a.c[j] = evens(p.c[j], q.c[j]);
    b.c[j] = odds(p.c[j], q.c[j]);
  }
  vft_x v = mixed(c, a, b);
  for (int j = 0; j < 3; j++) v.c[j] = in_order(v.c[j]);
  store(k, out, v);
}
static void fold_low(vft_ext *out, const vft_ext *f, size_t m, vft_ext r) {
  UNLESS_SHORT(m, 4, fold_low, out, f, m, r)
  vft_xconst c = vft_xconst_set(r);
#define STEP(k) fold_low_group(k, out + i, f + 2 * i, &c)
  GROUPS(0, m, STEP);
#undef STEP
}

/* lo + r (hi - lo) with base entries. */
VFT_INLINE vft_x mixed_fp(const vft_vconst c[3], vft_v lo, vft_v hi) {
  vft_vdigits d = vft_vcut(vft_vsub_canon(hi, lo));
  vft_x out;
  _Pragma("GCC unroll 3") for (int j = 0; j < 3; j++) {
    vft_vpair s = j ? vft_vpair_zero() : vft_vpair_seed(lo);
    vft_vpair_mac(&s, d, &c[j]);
    out.c[j] = vft_vpair_canon(s);
  }
  return out;
}
static void mix_fp(vft_ext *out, const vft_fp *lo, const vft_fp *hi, size_t m, vft_ext r) {
  UNLESS_SHORT(m, 4, mix_fp, out, lo, hi, m, r)
  const vft_vconst c[3] = {vft_vconst_set(r.c[0]), vft_vconst_set(r.c[1]), vft_vconst_set(r.c[2])};
#define STEP(k) store(k, out + i, mixed_fp(c, load_fp(k, lo + i), load_fp(k, hi + i)))
  GROUPS(0, m, STEP);
#undef STEP
}

VFT_INLINE void fold_low_fp_group(size_t k, vft_ext *out, const vft_fp *f, const vft_vconst c[3]) {
  size_t first = MIN(2 * k, 4);
  vft_v p = load_fp(first, f), q = k == 4 ? load_fp(4, f + 4) : load_fp(2 * k - first, f + first);
  store(k, out, mixed_fp(c, in_order(evens(p, q)), in_order(odds(p, q))));
}
static void fold_low_fp(vft_ext *out, const vft_fp *f, size_t m, vft_ext r) {
  UNLESS_SHORT(m, 4, fold_low_fp, out, f, m, r)
  const vft_vconst c[3] = {vft_vconst_set(r.c[0]), vft_vconst_set(r.c[1]), vft_vconst_set(r.c[2])};
#define STEP(k) fold_low_fp_group(k, out + i, f + 2 * i, c)
  GROUPS(0, m, STEP);
#undef STEP
}

VFT_INLINE void eq_group(size_t k, vft_ext *lo, vft_ext *hi, const vft_xconst *c) {
  vft_x a = load(k, lo), b = vft_xconst_mul(c, a);
  store(k, hi, b);
  store(k, lo, vft_xsub(a, b));
}
static void eq_step(vft_ext *lo, vft_ext *hi, vft_ext z, size_t m) {
  UNLESS_SHORT(m, 4, eq_step, lo, hi, z, m)
  vft_xconst c = vft_xconst_set(z);
#define STEP(k) eq_group(k, lo + i, hi + i, &c)
  GROUPS(0, m, STEP);
#undef STEP
}

const vft_batch_ops vft_batch_ops_avx2 = {
    {load_i8, load_i16, load_i32, load_i64},
    fp_add,   fp_sub,      fp_mul,    fp_scale,    fp_sum,  fp_dot,
    ext_mul,  ext_mul_fp,  ext_scale, ext_sum,     ext_dot, ext_dot_fp, ext_dot3,
    ext_line7, fp_line7,
    ext_axpy, ext_axpy_fp, fold_low,  fold_low_fp, mix,     mix_fp,     eq_step,
};
#endif
