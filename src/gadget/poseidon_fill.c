/* Witness of permutations: from the states that go in to the relations' tensors. */
#include "gadget/poseidon_fill.h"

#include <string.h>

#include "relation/program.h"

enum {
  LANES = VFT_POSEIDON_WIDTH,
  HALF = VFT_POSEIDON_FULL / 2,
  PARTIAL = VFT_POSEIDON_PARTIAL
};

static vft_fp round_constant(int round, int lane) {
  return vft_fp_from_u64(vft_poseidon_constant((unsigned)round, (unsigned)lane));
}

static vft_fp sbox(vft_fp x, int64_t *at, int64_t *cube_at) {
  vft_fp c = vft_fp_mul(vft_fp_sqr(x), x);
  *at = vft_field_signed(x);
  *cube_at = vft_field_signed(c);
  return vft_fp_mul(vft_fp_sqr(c), x);
}

/* The 32-bit halves apart, as in hash/poseidon.c. */
static void linear_layer(vft_fp *s) {
  uint64_t low[LANES], high[LANES];
  for (int i = 0; i < LANES; i++) low[i] = s[i].v & 0xffffffffu, high[i] = s[i].v >> 32;
  for (int r = 0; r < LANES; r++) {
    uint64_t a = r ? 0 : 8 * low[0], h = r ? 0 : 8 * high[0];
    for (int i = 0; i < LANES; i++) {
      a += vft_poseidon_circulant[i] * low[(r + i) % LANES];
      h += vft_poseidon_circulant[i] * high[(r + i) % LANES];
    }
    vft_u128 sum = ((vft_u128)h << 32) + a;
    s[r] = vft_fp_reduce128((uint64_t)(sum >> 64), (uint64_t)sum);
  }
}

void vft_poseidon_fill(const vft_poseidon_arrays *to, size_t n, vft_poseidon_state *in) {
  int64_t *x = to->x + n * VFT_POSEIDON_FULL * LANES, *c = to->cube + n * VFT_POSEIDON_FULL * LANES;
  int64_t *y = to->y + n * PARTIAL, *yc = to->y_cube + n * PARTIAL;
  for (int round = 0; round < VFT_POSEIDON_ROUNDS; round++) {
    bool partial = round >= HALF && round < HALF + PARTIAL;
    for (int i = 0; i < LANES; i++) in->s[i] = vft_fp_add(in->s[i], round_constant(round, i));
    if (partial) {
      in->s[0] = sbox(in->s[0], y++, yc++);
    } else {
      for (int i = 0; i < LANES; i++) in->s[i] = sbox(in->s[i], x++, c++);
    }
    linear_layer(in->s);
  }
}

static void put_signed(int64_t *to, size_t at, const vft_fp *x, size_t n) {
  for (size_t i = 0; to && i < n; i++) to[at * n + i] = vft_field_signed(x[i]);
}

void vft_poseidon_chain_fill(const vft_poseidon_chain_arrays *to, size_t first, size_t n,
                             vft_poseidon_state *in) {
  enum { BATCH = 16 };
  vft_fp sbox[BATCH][VFT_POSEIDON_SBOXES];
  for (size_t k = 0; k < n; k += BATCH) {
    size_t m = n - k < BATCH ? n - k : BATCH;
    vft_poseidon_permute_trace(in + k, m, sbox);
    for (size_t j = 0; j < m; j++) {
      const vft_fp *s = sbox[j];
      for (int t = 0; t < VFT_POSEIDON_FULL; t++, s += LANES) {
        if (t == HALF) {
          put_signed(to->y, first + k + j, s, PARTIAL);
          s += PARTIAL;
        }
        put_signed(to->x[t], first + k + j, s, LANES);
      }
      put_signed(to->out, first + k + j, in[k + j].s, LANES);
    }
  }
}
