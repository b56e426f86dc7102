/* Poseidon on GROUPS times four states at once; lane l of group g is state 4 g + l.
 *
 * A word of the state is a `pair`: lo + 2^32 hi modulo p, both not negative. S-boxes take it put
 * together as one 64-bit number congruent to it and give a pair again; the linear layer, of which
 * 264 < 2^8.1 is the largest row sum, adds up lo and hi apart. Bounds of lo and hi:
 *   out of an S-box, and of `reduce`   2^34.6 (see there);
 *   out of the linear layer            264 times what went in. In a partial round words 1..11 go
 *                                      in as they are, so every third one reduces them:
 *                                      2^34.6, 2^42.7, 2^50.8, at most 2^58.9. */
#ifdef __x86_64__
#include <immintrin.h>
#include <string.h>

#include "hash/poseidon_after_sbox.h"
#include "hash/poseidon_constants.h"
#include "hash/poseidon_ops.h"

typedef __m256i v4;

#define POSEIDON_V v4
#define POSEIDON_ADD _mm256_add_epi64
#define POSEIDON_SUB _mm256_sub_epi64
#define POSEIDON_SHL _mm256_slli_epi64
#include "hash/poseidon_linear.h"

#define EPSILON 0xffffffffull /* 2^64 mod p */

/* Two groups: the one's multiplications fill the other's waiting. */
enum { WIDTH = VFT_POSEIDON_WIDTH, LANES = 4, GROUPS = 2 };
#define INLINE static inline __attribute__((always_inline))
#define UNROLL _Pragma("GCC unroll 12")
#define EACH UNROLL for (int i = 0; i < GROUPS; i++)

typedef struct {
  v4 lo, hi;
} pair;
typedef pair word[GROUPS];

INLINE v4 set(uint64_t a) { return _mm256_set1_epi64x((long long)a); }
INLINE v4 add(v4 a, v4 b) { return _mm256_add_epi64(a, b); }
INLINE v4 sub(v4 a, v4 b) { return _mm256_sub_epi64(a, b); }
INLINE v4 mul32(v4 a, v4 b) { return _mm256_mul_epu32(a, b); } /* of the low halves */
INLINE v4 low(v4 a) { return _mm256_and_si256(a, set(EPSILON)); }
INLINE v4 high(v4 a) { return _mm256_srli_epi64(a, 32); }
/* 2^32 - 1 where a < b as unsigned numbers, else 0. */
INLINE v4 below(v4 a, v4 b) {
  const v4 sign = set(1ull << 63);
  return high(_mm256_cmpgt_epi64(_mm256_xor_si256(b, sign), _mm256_xor_si256(a, sign)));
}

/* lo, hi < 2^60 -> lo + 2^32 hi modulo p in 64 bits. With hi = a 2^32 + b it is t + 2^32 b where
 * t = lo + (2^32 - 1) a < 2^61; where that passes 2^64 it leaves less than 2^61, so 2^32 - 1 for
 * the lost 2^64 can be added. */
INLINE v4 together(pair x) {
  v4 a = high(x.hi), t = add(x.lo, sub(_mm256_slli_epi64(a, 32), a));
  v4 s = add(_mm256_slli_epi64(x.hi, 32), t);
  return add(s, below(s, t));
}

/* x y = (n mod 2^32) 2^32 + p00 mod 2^32 + 2^64 hi; no sum passes 2^64, since
 * (2^32 - 1)^2 + 2 (2^32 - 1) = 2^64 - 1. */
typedef struct {
  v4 p00, n, hi;
} product;
INLINE product multiply(v4 x, v4 y) {
  v4 xh = high(x), yh = high(y), p00 = mul32(x, y);
  v4 m = add(mul32(xh, y), high(p00));
  v4 n = add(mul32(x, yh), low(m));
  return (product){p00, n, add(mul32(xh, yh), add(high(m), high(n)))};
}

/* With hi = 2^32 top + mid, 2^64 = 2^32 - 1 and 2^96 = -1 it is lo - top + (2^32 - 1) mid. A
 * borrow leaves at least 2^64 - 2^32 + 1, so 2^32 - 1 can go; a carry at most 2^64 - 2^33, so it
 * can be added. */
INLINE v4 reduced(product x) {
  v4 lo = _mm256_blend_epi32(x.p00, _mm256_slli_epi64(x.n, 32), 0xaa), top = high(x.hi);
  v4 t = sub(lo, top), m = mul32(x.hi, set(EPSILON));
  t = sub(t, below(lo, top));
  v4 s = add(t, m);
  return add(s, below(s, m));
}

/* What is added to the halves of an S-box's output: the constant K, and to keep them from falling
 * below zero (1 + 2^34) + 2^32 (2^32 - 1 - 4) = p: mid and top < 2^32 are taken from lo, and 4 from
 * 2^32 - 1. With n, p00, mid and K below 2^32 each, lo is below 2^34.6 and hi below 2^34. */
typedef struct {
  uint64_t lo, hi;
} seed;
#define SEED(K) {((K) & EPSILON) + 1 + (1ull << 34), ((K) >> 32) + EPSILON - 4}
static const seed after_sbox[] = {VFT_POSEIDON_AFTER_SBOX(SEED)};

INLINE pair halves(product x, const seed *k) {
  v4 mid = low(x.hi);
  v4 lo = sub(sub(low(x.p00), mid), high(x.hi)), hi = add(low(x.n), mid);
  return (pair){add(lo, set(k->lo)), add(hi, set(k->hi))};
}

/* lo, hi < 2^60 -> lo < 2^33 + 1, hi < 2^32 + 2 * 2^28 + 2^32: with hi = a 2^32 + b and
 * lo = c 2^32 + d it is (d - a) + 2^32 (b + a + c), to which (2^32 + 1) + 2^32 (2^32 - 2) = p. */
INLINE pair reduce(pair x) {
  v4 a = high(x.hi);
  return (pair){add(sub(low(x.lo), a), set((1ull << 32) + 1)),
                add(add(low(x.hi), a), add(high(x.lo), set(EPSILON - 1)))};
}

/* x -> x^7 + k. */
INLINE void sbox(word w, const seed *k) {
  v4 x[GROUPS], x2[GROUPS], x3[GROUPS], x4[GROUPS];
  EACH x[i] = together(w[i]);
  EACH x2[i] = reduced(multiply(x[i], x[i]));
  EACH x3[i] = reduced(multiply(x2[i], x[i]));
  EACH x4[i] = reduced(multiply(x2[i], x2[i]));
  EACH w[i] = halves(multiply(x4[i], x3[i]), k);
}

INLINE void linear_layer(word *s, int g) {
  v4 x[WIDTH];
  UNROLL for (int i = 0; i < WIDTH; i++) x[i] = s[i][g].lo;
  poseidon_linear(x);
  UNROLL for (int i = 0; i < WIDTH; i++) s[i][g].lo = x[i];
  UNROLL for (int i = 0; i < WIDTH; i++) x[i] = s[i][g].hi;
  poseidon_linear(x);
  UNROLL for (int i = 0; i < WIDTH; i++) s[i][g].hi = x[i];
}

INLINE void lanes(pair x, uint64_t out[LANES]) {
  _mm256_storeu_si256((__m256i *)(void *)out, together(x));
  for (int l = 0; l < LANES; l++) out[l] = vft_fp_from_u64(out[l]).v;
}

/* Lanes of the input of S-box `box`. */
static void record(vft_fp (*to)[VFT_POSEIDON_SBOXES], size_t box, pair x) {
  uint64_t t[LANES];
  lanes(x, t);
  for (int l = 0; l < LANES; l++) to[l][box].v = t[l];
}

static void permute(word *s, vft_fp (*trace)[VFT_POSEIDON_SBOXES]) {
  const seed *k = after_sbox;
  for (int r = 0; r < VFT_POSEIDON_ROUNDS; r++) {
    int partial = r - VFT_POSEIDON_FULL / 2;
    bool full = r < VFT_POSEIDON_FULL / 2 || r >= VFT_POSEIDON_ROUNDS - VFT_POSEIDON_FULL / 2;
    int boxes = full ? WIDTH : 1;
    for (int g = 0; trace && g < GROUPS; g++)
      for (int i = 0; i < boxes; i++)
        record(trace + LANES * g, (size_t)(k - after_sbox + i), s[i][g]);
    for (int i = 0; i < boxes; i++) sbox(s[i], k + i);
    if (!full && partial % 3 == 0)
      for (int i = 1; i < WIDTH; i++)
        for (int g = 0; g < GROUPS; g++) s[i][g] = reduce(s[i][g]);
    for (int g = 0; g < GROUPS; g++) linear_layer(s, g);
    k += boxes;
  }
}

void vft_poseidon_permute_avx2(vft_poseidon_state *states, size_t n,
                               vft_fp (*trace)[VFT_POSEIDON_SBOXES]) {
  word s[WIDTH];
  for (size_t k = 0; k < n; k += LANES * GROUPS) {
    for (int g = 0; g < GROUPS; g++)
      for (int i = 0; i < WIDTH; i++) {
        const vft_poseidon_state *st = states + k + (size_t)(LANES * g);
        uint64_t t[LANES];
        for (int l = 0; l < LANES; l++)
          t[l] = vft_fp_add(st[l].s[i], (vft_fp){vft_poseidon_rc[0][i]}).v;
        v4 x = _mm256_loadu_si256((const __m256i *)(const void *)t);
        s[i][g] = (pair){low(x), high(x)};
      }
    permute(s, trace ? trace + k : NULL);
    for (int g = 0; g < GROUPS; g++)
      for (int i = 0; i < WIDTH; i++) {
        uint64_t t[LANES];
        lanes(s[i][g], t);
        for (int l = 0; l < LANES; l++) states[k + (size_t)(LANES * g + l)].s[i].v = t[l];
      }
  }
}
#endif
