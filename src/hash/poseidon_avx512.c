/* Poseidon on eight states at a time; lane l of every vector belongs to state l. Between rounds
 * the words are any 64-bit representatives. */
#ifdef __x86_64__
#include "field/goldilocks_avx512.h"
#include "hash/poseidon_constants.h"
#include "hash/poseidon_ops.h"

#define UNROLL _Pragma("GCC unroll 12")
enum { WIDTH = VFT_POSEIDON_WIDTH };

static const uint64_t circulant[WIDTH] = VFT_POSEIDON_CIRCULANT;

VFT_INLINE vft_v pow7(vft_v x) {
  vft_v h = vft_vhigh(x), x2 = vft_vmul_high(x, h, x, h);
  vft_v h2 = vft_vhigh(x2), x3 = vft_vmul_high(x2, h2, x, h), x4 = vft_vmul_high(x2, h2, x2, h2);
  return vft_vmul(x4, x3);
}

/* The linear layer on one 32-bit half of the state, plus the same half of the next round's
 * constants: a product of a half and an entry (< 2^38) is one low multiply-add. A sum is below
 * 264 * 2^32 + 2^32 < 2^41. */
VFT_INLINE void half_layer(const vft_v *half, const uint64_t *rc, unsigned shift, vft_v *sum) {
  UNROLL for (int r = 0; r < WIDTH; r++)
    sum[r] = vft_vset(rc ? (uint32_t)(rc[r] >> shift) : 0);
  UNROLL for (int i = 0; i < WIDTH; i++) {
    vft_v c = vft_vset(circulant[i]);
    UNROLL for (int r = 0; r < WIDTH; r++)
      sum[r] = _mm512_madd52lo_epu64(sum[r], half[(r + i) % WIDTH], c);
  }
  sum[0] = _mm512_madd52lo_epu64(sum[0], half[0], vft_vset(VFT_POSEIDON_DIAGONAL));
}

/* low + 2^32 high -> any, with both below 2^41: high = h1 2^32 + h0 gives
 * (low + h1 (2^32 - 1)) + 2^32 h0, and 2^32 h0 <= p - 1. */
VFT_INLINE vft_v join(vft_v low, vft_v high) {
  vft_v h1 = _mm512_mul_epu32(_mm512_srli_epi64(high, 32), vft_vset(VFT_EPSILON));
  return vft_vadd(_mm512_add_epi64(low, h1), _mm512_slli_epi64(high, 32));
}

VFT_INLINE void linear_layer(vft_v *s, const uint64_t *rc) {
  vft_v half[WIDTH], low[WIDTH], high[WIDTH];
  UNROLL for (int i = 0; i < WIDTH; i++) half[i] = _mm512_and_si512(s[i], vft_vset(VFT_EPSILON));
  half_layer(half, rc, 0, low);
  UNROLL for (int i = 0; i < WIDTH; i++) half[i] = _mm512_srli_epi64(s[i], 32);
  half_layer(half, rc, 32, high);
  UNROLL for (int i = 0; i < WIDTH; i++) s[i] = join(low[i], high[i]);
}

/* Lanes of an S-box's input to eight consecutive records. */
VFT_INLINE void record(vft_fp *to, vft_v s) {
  enum { N = VFT_POSEIDON_SBOXES };
  const vft_v index = _mm512_setr_epi64(0, N, 2 * N, 3 * N, 4 * N, 5 * N, 6 * N, 7 * N);
  _mm512_i64scatter_epi64(to, index, vft_vcanon(s), 8);
}

static void permute8(vft_v *s, vft_fp *sbox) {
  UNROLL for (int i = 0; i < WIDTH; i++) s[i] = vft_vadd(s[i], vft_vset(vft_poseidon_rc[0][i]));
  for (int r = 0; r < VFT_POSEIDON_ROUNDS; r++) {
    int full = r < VFT_POSEIDON_FULL / 2 || r >= VFT_POSEIDON_ROUNDS - VFT_POSEIDON_FULL / 2;
    if (sbox)
      for (int i = 0; i < (full ? WIDTH : 1); i++) record(sbox++, s[i]);
    s[0] = pow7(s[0]);
    if (full) UNROLL for (int i = 1; i < WIDTH; i++) s[i] = pow7(s[i]);
    linear_layer(s, r + 1 < VFT_POSEIDON_ROUNDS ? vft_poseidon_rc[r + 1] : 0);
  }
}

void vft_poseidon_permute_avx512(vft_poseidon_state *states, size_t n,
                                 vft_fp (*sbox)[VFT_POSEIDON_SBOXES]) {
  const vft_v index = _mm512_setr_epi64(0, WIDTH, 2 * WIDTH, 3 * WIDTH, 4 * WIDTH, 5 * WIDTH,
                                        6 * WIDTH, 7 * WIDTH);
  for (size_t k = 0; k < n; k += 8) {
    vft_fp *base = states[k].s;
    vft_v s[WIDTH];
    UNROLL for (int i = 0; i < WIDTH; i++) s[i] = _mm512_i64gather_epi64(index, base + i, 8);
    permute8(s, sbox ? sbox[k] : 0);
    UNROLL for (int i = 0; i < WIDTH; i++)
      _mm512_i64scatter_epi64(base + i, index, vft_vcanon(s[i]), 8);
  }
}
#endif
