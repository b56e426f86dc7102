/* Poseidon on one state after the other, without vectors.
 *
 * A word of the state is lo + 2^32 hi modulo p. S-boxes take it put together and give lo, hi < 2^32;
 * the linear layer, of which 264 < 2^8.1 is the largest row sum, adds up lo and hi apart. In a partial
 * round words 1..11 go in as they are, so every third one reduces them: 2^32, 2^40.1, 2^48.2, at most
 * 2^56.3 out of the layer. */
#include "hash/poseidon_after_sbox.h"
#include "hash/poseidon_constants.h"
#include "hash/poseidon_ops.h"

#define POSEIDON_V uint64_t
#define POSEIDON_ADD(a, b) ((a) + (b))
#define POSEIDON_SUB(a, b) ((a) - (b))
#define POSEIDON_SHL(a, n) ((a) << (n))
#include "hash/poseidon_linear.h"

enum { WIDTH = VFT_POSEIDON_WIDTH };
#define CONSTANT(K) {K}
static const vft_fp after_sbox[] = {VFT_POSEIDON_AFTER_SBOX(CONSTANT)};

typedef struct {
  uint64_t lo[WIDTH], hi[WIDTH];
} words;

static inline vft_fp together(const words *w, int i) {
  vft_u128 x = ((vft_u128)w->hi[i] << 32) + w->lo[i];
  return vft_fp_reduce128((uint64_t)(x >> 64), (uint64_t)x);
}

static inline void put(words *w, int i, vft_fp x) {
  w->lo[i] = x.v & 0xffffffff;
  w->hi[i] = x.v >> 32;
}

static inline vft_fp pow7(vft_fp x) {
  vft_fp x2 = vft_fp_sqr(x), x3 = vft_fp_mul(x2, x);
  return vft_fp_mul(vft_fp_sqr(x2), x3);
}

static void permute_one(vft_fp *s, vft_fp *sbox) {
  const vft_fp *k = after_sbox;
  words w;
  for (int i = 0; i < WIDTH; i++) put(&w, i, vft_fp_add(s[i], (vft_fp){vft_poseidon_rc[0][i]}));
  for (int r = 0; r < VFT_POSEIDON_ROUNDS; r++) {
    int partial = r - VFT_POSEIDON_FULL / 2, boxes = WIDTH;
    if (partial >= 0 && partial < VFT_POSEIDON_PARTIAL) boxes = 1;
    for (int i = 0; i < boxes; i++) {
      vft_fp x = together(&w, i);
      if (sbox) *sbox++ = x;
      put(&w, i, vft_fp_add(pow7(x), *k++));
    }
    for (int i = boxes; partial % 3 == 0 && i < WIDTH; i++) put(&w, i, together(&w, i));
    poseidon_linear(w.lo);
    poseidon_linear(w.hi);
  }
  for (int i = 0; i < WIDTH; i++) s[i] = together(&w, i);
}

void vft_poseidon_permute_one(vft_poseidon_state *states, size_t n,
                              vft_fp (*sbox)[VFT_POSEIDON_SBOXES]) {
  for (size_t k = 0; k < n; k++) permute_one(states[k].s, sbox ? sbox[k] : NULL);
}
