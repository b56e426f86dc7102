/* Permutations many at a time, by the lanes that there are; compression. */
#include <string.h>

#include "base/cpu.h"
#include "hash/poseidon_ops.h"

enum { RATE = VFT_POSEIDON_RATE, FEW = 2 /* are as fast one after the other */ };

/* Eight at a time; a last group that is not full is filled up. */
static void by_eights(vft_poseidon_permutation *permute, vft_poseidon_state *states, size_t n,
                      vft_fp (*sbox)[VFT_POSEIDON_SBOXES]) {
  size_t whole = n / 8 * 8, rest = n - whole;
  permute(states, whole, sbox);
  if (!rest) return;
  vft_poseidon_state last[8];
  vft_fp record[8][VFT_POSEIDON_SBOXES];
  memset(last, 0, sizeof last);
  memcpy(last, states + whole, rest * sizeof *last);
  permute(last, 8, sbox ? record : NULL);
  memcpy(states + whole, last, rest * sizeof *last);
  if (sbox) memcpy(sbox + whole, record, rest * sizeof *record);
}

void vft_poseidon_permute_trace(vft_poseidon_state *states, size_t n,
                                vft_fp (*sbox)[VFT_POSEIDON_SBOXES]) {
#ifdef __x86_64__
  vft_simd tier = vft_simd_tier();
  if (tier >= VFT_SIMD_AVX2 && n > FEW) {
    by_eights(tier >= VFT_SIMD_AVX512 ? vft_poseidon_permute_avx512 : vft_poseidon_permute_avx2,
              states, n, sbox);
    return;
  }
#endif
  vft_poseidon_permute_one(states, n, sbox);
}

void vft_poseidon_permute(vft_poseidon_state *states, size_t n) {
  vft_poseidon_permute_trace(states, n, NULL);
}

vft_poseidon_digest vft_poseidon_hash(const vft_fp *in, size_t n) {
  vft_poseidon_digest d;
  vft_poseidon_hash_many(0, in, n, 1, &d);
  return d;
}

void vft_poseidon_compress(const vft_poseidon_digest *in, vft_poseidon_digest *out, size_t n) {
  enum { BATCH = 32 };
  for (size_t k = 0; k < n; k += BATCH) {
    size_t m = n - k < BATCH ? n - k : BATCH;
    vft_poseidon_state st[BATCH];
    memset(st, 0, sizeof st);
    for (size_t i = 0; i < m; i++) {
      memcpy(st[i].s, &in[2 * (k + i)], 2 * sizeof *in);
      st[i].s[RATE + 1] = (vft_fp){1};
    }
    vft_poseidon_permute(st, m);
    for (size_t i = 0; i < m; i++) memcpy(out[k + i].e, st[i].s, sizeof out[k + i].e);
  }
}
