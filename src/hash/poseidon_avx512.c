/* Poseidon on GROUPS times eight states at once; lane l of group g is state 8 g + l.
 *
 * A word of the state is a `wide`: lo + 2^52 hi modulo p, of many values. Products run on 52-bit
 * limbs and take words that are `carried`: hi has received what lo holds above its low 52 bits,
 * and only these count in lo (the multiply-add instructions read no more). The linear layer, of
 * which 264 is the largest row sum, adds up lo and hi apart. Bounds:
 *   carried, into a product  hi < 2^21.6 (3 * 2^20 and what is added in `fold` and `carry`);
 *   out of a product         lo < 5 * 2^52, hi < 3 * 2^20 + 2^12 (see `fold`);
 *   out of the linear layer  lo < 264 * 5 * 2^52 < 2^63, and hi < 264 * 2^21.6 < 2^29.7 where
 *                            all words came in as products or reduced. In a partial round words
 *                            1..11 are but carried, lo < 2^52, and 264 (hi + 2^11) < 2^37.8,
 *                            then < 2^45.9; so every third partial round reduces them. */
#ifdef __x86_64__
#include <string.h>

#include "field/goldilocks_avx512.h"
#include "hash/poseidon_after_sbox.h"
#include "hash/poseidon_constants.h"
#include "hash/poseidon_ops.h"

#define LOW52 0xfffffffffffffull

/* The S-boxes are chains of multiplications: FLIGHT of them advance in step, so that one fills the
 * other's waiting, and two groups so that there are two in partial rounds. */
enum { WIDTH = VFT_POSEIDON_WIDTH, GROUPS = 2, FLIGHT = 2 * GROUPS };
#define UNROLL _Pragma("GCC unroll 12")
#define EACH UNROLL for (int i = 0; i < n; i++) /* n at most FLIGHT */

typedef struct {
  vft_v lo, hi;
} wide;
typedef wide word[GROUPS];

VFT_INLINE vft_v add(vft_v a, vft_v b) { return _mm512_add_epi64(a, b); }
VFT_INLINE vft_v sub(vft_v a, vft_v b) { return _mm512_sub_epi64(a, b); }
VFT_INLINE vft_v times(vft_v a, unsigned log) { return _mm512_slli_epi64(a, log); }
VFT_INLINE vft_v over(vft_v a, unsigned log) { return _mm512_srli_epi64(a, log); }
VFT_INLINE vft_v mask(vft_v a, uint64_t m) { return _mm512_and_si512(a, vft_vset(m)); }
VFT_INLINE vft_v mac_lo(vft_v s, vft_v a, vft_v b) { return _mm512_madd52lo_epu64(s, a, b); }
VFT_INLINE vft_v mac_hi(vft_v s, vft_v a, vft_v b) { return _mm512_madd52hi_epu64(s, a, b); }

/* What the limbs of a product of eight start from: a constant K, and a multiple of p that keeps
 * the lower limb from falling below zero (see fold): 2^52 SEED_HI + SEED_LO = p - 2^52 + 2^8. */
typedef struct {
  uint64_t lo, hi;
} seed;
#define SEED_LO 0xfffff00000101ull
#define SEED_HI 0xffeull
#define SEED(K) {SEED_LO + ((K) & LOW52), SEED_HI + ((K) >> 52)}
static const seed after_sbox[] = {VFT_POSEIDON_AFTER_SBOX(SEED)};
static const seed nothing[FLIGHT / GROUPS] = {SEED(0ull), SEED(0ull)};

VFT_INLINE void carry(int n, wide *a) {
  EACH a[i].hi = add(a[i].hi, over(a[i].lo, 52));
}

/* l0 + 2^52 l1 + 2^104 l2 with l0 < 3 * 2^52, l1 < 3 * 2^52 + 2^13, 0 < l2 < 2^44.
 * As 2^104 = -2^8, l2 takes 2^8 l2 from the lower limb: the low 52 bits of (2^52 - 2^8) l2 are
 * 2^52 - 2^8 l2. An l2 that starts from 1 is never 0, for its -2^8 and for this 2^52 stand the
 * seeds. As 2^64 = 2^32 - 1, l1 = u + 2^12 m becomes u and the limbs of m (2^32 - 1): the upper
 * one is below 2^32 m / 2^52 < 3 * 2^20 + 2. */
VFT_INLINE void fold(int n, wide *out, const vft_v *l0, const vft_v *l1, const vft_v *l2) {
  const vft_v eps = vft_vset(VFT_EPSILON), minus = vft_vset(LOW52 + 1 - 0x100);
  vft_v lo[FLIGHT], m[FLIGHT];
  EACH lo[i] = mac_lo(l0[i], l2[i], minus);
  EACH m[i] = over(l1[i], 12);
  EACH out[i].hi = mask(l1[i], 0xfff);
  EACH out[i].lo = mac_lo(lo[i], m[i], eps);
  EACH out[i].hi = mac_hi(out[i].hi, m[i], eps);
}

/* a b + k; one k a word. Carried -> not carried. With upper limbs below 2^21.6, l2 is below
 * 2^43.2 + 2 * 2^21.6 + 1 < 2^44. */
VFT_INLINE void mul(int n, wide *out, const wide *a, const wide *b, const seed *k) {
  vft_v l0[FLIGHT], l1[FLIGHT], l2[FLIGHT];
  EACH l1[i] = mac_hi(vft_vset(k[i / GROUPS].hi), a[i].lo, b[i].lo);
  EACH l2[i] = mac_lo(vft_vset(1), a[i].hi, b[i].hi);
  EACH l1[i] = mac_lo(l1[i], a[i].lo, b[i].hi);
  EACH l2[i] = mac_hi(l2[i], a[i].lo, b[i].hi);
  EACH l1[i] = mac_lo(l1[i], a[i].hi, b[i].lo);
  EACH l2[i] = mac_hi(l2[i], a[i].hi, b[i].lo);
  EACH l0[i] = mac_lo(vft_vset(k[i / GROUPS].lo), a[i].lo, b[i].lo);
  fold(n, out, l0, l1, l2);
}
VFT_INLINE void sqr(int n, wide *out, const wide *a) {
  vft_v l0[FLIGHT], l1[FLIGHT], l2[FLIGHT], twice[FLIGHT];
  EACH twice[i] = add(a[i].hi, a[i].hi);
  EACH l1[i] = mac_hi(vft_vset(SEED_HI), a[i].lo, a[i].lo);
  EACH l2[i] = mac_lo(vft_vset(1), a[i].hi, a[i].hi);
  EACH l1[i] = mac_lo(l1[i], a[i].lo, twice[i]);
  EACH l2[i] = mac_hi(l2[i], a[i].lo, twice[i]);
  EACH l0[i] = mac_lo(vft_vset(SEED_LO), a[i].lo, a[i].lo);
  fold(n, out, l0, l1, l2);
}

/* lo < 2^63, hi < 2^46 -> carried, hi < 2^12 + 2^11 + 2^14: hi = u + 2^12 m as in fold. Where
 * `small`, hi < 2^32 and m (2^32 - 1) < 2^52 has one limb. */
VFT_INLINE void reduce(int n, wide *a, bool small) {
  const vft_v eps = vft_vset(VFT_EPSILON);
  vft_v m[FLIGHT];
  EACH m[i] = over(a[i].hi, 12);
  EACH a[i].hi = mask(a[i].hi, 0xfff);
  EACH a[i].lo = mac_lo(a[i].lo, m[i], eps);
  if (!small) EACH a[i].hi = mac_hi(a[i].hi, m[i], eps);
  carry(n, a);
}

/* x -> x^7 + k, as the linear layer gives and takes it. */
VFT_INLINE void sbox(int n, wide *x, const seed *k, bool small) {
  wide x2[FLIGHT], x3[FLIGHT], x4[FLIGHT];
  reduce(n, x, small);
  sqr(n, x2, x);
  carry(n, x2);
  mul(n, x3, x2, x, nothing);
  sqr(n, x4, x2);
  carry(n, x3);
  carry(n, x4);
  mul(n, x, x4, x3, k);
}

/* The circulant part of the matrix, y_r = sum of c_i x_(r+i), in integers modulo 2^64: that words
 * pass below zero on the way does not matter, for the sums are not.
 *
 * With i = 4 j + 3 b modulo 12, j modulo 3 and b modulo 4, it is circulant in j and in b. For
 * w^4 = 1 let X_j be the sum of w^b x_(4j+3b), Y_j likewise, and C_k the sum of w^-b c_(4k+3b);
 * then Y_j is the sum of C_k X_(j+k), and the C_k are small:
 *   w =  1:  64, 64, 128,
 *   w = -1:  4 times -1, 2, 8,
 *   w =  i:  2 times 2 + i, -16 + i, -1 + 4i,
 * where going back just divides by 4 the former two and by 2 the latter, re + i im, which stands
 * for w = -i too:
 *   y_(4j), y_(4j+6) = one + minus +- re, y_(4j+3), y_(4j+9) = one - minus +- im. */
VFT_INLINE void circulant(vft_v *x) {
  vft_v s[3], d[3], a[3], b[3], d2[3], d8[3], a2[3], b2[3], a3[3], b3[3], a16[3], b16[3];
  UNROLL for (int j = 0; j < 3; j++) {
    vft_v x0 = x[4 * j], x1 = x[(4 * j + 3) % 12], x2 = x[(4 * j + 6) % 12];
    vft_v x3 = x[(4 * j + 9) % 12], even = add(x0, x2), odd = add(x1, x3);
    s[j] = add(even, odd);
    d[j] = sub(even, odd), d2[j] = add(d[j], d[j]), d8[j] = times(d[j], 3);
    a[j] = sub(x0, x2), a2[j] = add(a[j], a[j]), a3[j] = add(a2[j], a[j]), a16[j] = times(a[j], 4);
    b[j] = sub(x1, x3), b2[j] = add(b[j], b[j]), b3[j] = add(b2[j], b[j]), b16[j] = times(b[j], 4);
  }
  vft_v ts = add(s[0], add(s[1], s[2]));
  vft_v ta = add(a[0], add(a[1], a[2])), tb = add(b[0], add(b[1], b[2]));
  UNROLL for (int j = 0; j < 3; j++) {
    int k = (j + 1) % 3, l = (j + 2) % 3;
    vft_v one = times(add(ts, s[l]), 4), minus = sub(add(d2[k], d8[l]), d[j]);
    /* 2 + i, -16 + i, -1 + 4i are i everywhere and 2, -16, -1 + 3i. */
    vft_v re = sub(sub(a2[j], a16[k]), add(a[l], add(tb, b3[l])));
    vft_v im = add(sub(b2[j], b16[k]), sub(add(ta, a3[l]), b[l]));
    vft_v even = add(one, minus), odd = sub(one, minus);
    x[4 * j] = add(even, re), x[(4 * j + 6) % 12] = sub(even, re);
    x[(4 * j + 3) % 12] = add(odd, im), x[(4 * j + 9) % 12] = sub(odd, im);
  }
}

VFT_INLINE void linear_layer(word *s, int g) {
  for (int limb = 0; limb < 2; limb++) {
    vft_v x[WIDTH];
    UNROLL for (int i = 0; i < WIDTH; i++) x[i] = limb ? s[i][g].hi : s[i][g].lo;
    vft_v diagonal = times(x[0], 3); /* VFT_POSEIDON_DIAGONAL */
    circulant(x);
    x[0] = add(x[0], diagonal);
    UNROLL for (int i = 0; i < WIDTH; i++) *(limb ? &s[i][g].hi : &s[i][g].lo) = x[i];
  }
}

/* As reduce takes it -> canonical. All three terms but the first are below p. */
VFT_INLINE vft_v canonical(wide a) {
  vft_v m = over(a.hi, 12), t = vft_vadd(a.lo, times(a.hi, 52));
  vft_v top = over(m, 32), mid = _mm512_mul_epu32(m, vft_vset(VFT_EPSILON));
  return vft_vcanon(vft_vsub(vft_vadd(t, mid), top));
}

/* Lanes of the input of S-box `box`. */
VFT_INLINE void record(vft_fp (*to)[VFT_POSEIDON_SBOXES], size_t box, const wide *x) {
  enum { N = VFT_POSEIDON_SBOXES };
  const vft_v index = _mm512_setr_epi64(0, N, 2 * N, 3 * N, 4 * N, 5 * N, 6 * N, 7 * N);
  _mm512_i64scatter_epi64(&to[0][box], index, canonical(*x), 8);
}

static void permute(word *s, int groups, vft_fp (*trace)[VFT_POSEIDON_SBOXES]) {
  const seed *k = after_sbox;
  for (int r = 0; r < VFT_POSEIDON_ROUNDS; r++) {
    int partial = r - VFT_POSEIDON_FULL / 2;
    bool full = r < VFT_POSEIDON_FULL / 2 || r >= VFT_POSEIDON_ROUNDS - VFT_POSEIDON_FULL / 2;
    int boxes = full ? WIDTH : 1;
    for (int g = 0; trace && g < groups; g++)
      for (int i = 0; i < boxes; i++)
        record(trace + 8 * g, (size_t)(k - after_sbox + i), &s[i][g]);
    if (full) {
      for (int i = 0; i < WIDTH; i += FLIGHT / GROUPS) sbox(FLIGHT, s[i], k + i, true);
    } else {
      sbox(GROUPS, s[0], k, false);
      for (int i = 1; i < WIDTH; i++) {
        if (partial % 3 == 0)
          reduce(GROUPS, s[i], false);
        else
          carry(GROUPS, s[i]);
        for (int g = 0; g < GROUPS; g++) s[i][g].lo = mask(s[i][g].lo, LOW52);
      }
    }
    for (int g = 0; g < groups; g++) linear_layer(s, g);
    k += boxes;
  }
}

void vft_poseidon_permute_avx512(vft_poseidon_state *states, size_t n,
                                 vft_fp (*trace)[VFT_POSEIDON_SBOXES]) {
  const vft_v index = _mm512_setr_epi64(0, WIDTH, 2 * WIDTH, 3 * WIDTH, 4 * WIDTH, 5 * WIDTH,
                                        6 * WIDTH, 7 * WIDTH);
  word s[WIDTH];
  memset(s, 0, sizeof s); /* where one group is left, the other runs along on anything */
  for (size_t k = 0; k < n; k += 8 * GROUPS) {
    int groups = n - k < 8 * GROUPS ? (int)(n - k) / 8 : GROUPS;
    for (int g = 0; g < groups; g++)
      UNROLL for (int i = 0; i < WIDTH; i++) {
        vft_v x = _mm512_i64gather_epi64(index, states[k + 8 * (size_t)g].s + i, 8);
        x = vft_vadd(x, vft_vset(vft_poseidon_rc[0][i]));
        s[i][g] = (wide){mask(x, LOW52), over(x, 52)};
      }
    permute(s, groups, trace ? trace + k : NULL);
    for (int g = 0; g < groups; g++)
      UNROLL for (int i = 0; i < WIDTH; i++)
        _mm512_i64scatter_epi64(states[k + 8 * (size_t)g].s + i, index, canonical(s[i][g]), 8);
  }
}
#endif
