#include "hash/poseidon.h"

#include <string.h>

#include "hash/poseidon_constants.h"
#include "hash/poseidon_ops.h"

enum { WIDTH = VFT_POSEIDON_WIDTH, RATE = VFT_POSEIDON_RATE };

const uint64_t vft_poseidon_circulant[WIDTH] = VFT_POSEIDON_CIRCULANT;

uint64_t vft_poseidon_constant(unsigned round, unsigned i) { return vft_poseidon_rc[round][i]; }

static vft_fp pow7(vft_fp x) {
  vft_fp x2 = vft_fp_sqr(x), x3 = vft_fp_mul(x2, x);
  return vft_fp_mul(vft_fp_sqr(x2), x3);
}

/* Entries are small, so the 32-bit halves of the state are summed apart: each sum is below
 * 264 * 2^32 (264: largest row sum). Twice in a row, the state needs no index modulo 12. */
static void linear_layer(vft_fp *s) {
  uint64_t low[2 * WIDTH], high[2 * WIDTH];
  for (int i = 0; i < WIDTH; i++)
    low[i] = low[i + WIDTH] = s[i].v & 0xffffffffu, high[i] = high[i + WIDTH] = s[i].v >> 32;
  for (int r = 0; r < WIDTH; r++) {
    uint64_t a = r ? 0 : VFT_POSEIDON_DIAGONAL * low[0];
    uint64_t b = r ? 0 : VFT_POSEIDON_DIAGONAL * high[0];
    for (int i = 0; i < WIDTH; i++) {
      a += vft_poseidon_circulant[i] * low[r + i];
      b += vft_poseidon_circulant[i] * high[r + i];
    }
    vft_u128 sum = ((vft_u128)b << 32) + a;
    s[r] = vft_fp_reduce128((uint64_t)(sum >> 64), (uint64_t)sum);
  }
}

static void permute_one(vft_fp *s, vft_fp *sbox) {
  for (int r = 0; r < VFT_POSEIDON_ROUNDS; r++) {
    int full = r < VFT_POSEIDON_FULL / 2 || r >= VFT_POSEIDON_ROUNDS - VFT_POSEIDON_FULL / 2;
    for (int i = 0; i < WIDTH; i++) s[i] = vft_fp_add(s[i], (vft_fp){vft_poseidon_rc[r][i]});
    for (int i = 0; i < (full ? WIDTH : 1); i++) {
      if (sbox) *sbox++ = s[i];
      s[i] = pow7(s[i]);
    }
    linear_layer(s);
  }
}

void vft_poseidon_permute_c(vft_poseidon_state *states, size_t n,
                            vft_fp (*sbox)[VFT_POSEIDON_SBOXES]) {
  for (size_t k = 0; k < n; k++) permute_one(states[k].s, sbox ? sbox[k] : NULL);
}

void vft_poseidon_hash_many(uint64_t domain, const vft_fp *in, size_t n, size_t count,
                            vft_poseidon_digest *out) {
  enum { BATCH = 32 };
  for (size_t k = 0; k < count; k += BATCH) {
    size_t m = count - k < BATCH ? count - k : BATCH, at = 0;
    vft_poseidon_state st[BATCH];
    memset(st, 0, sizeof st);
    for (size_t j = 0; j < m; j++) {
      st[j].s[RATE] = vft_fp_from_u64(n);
      st[j].s[RATE + 2] = vft_fp_from_u64(domain);
    }
    do {
      size_t take = n - at < RATE ? n - at : RATE;
      for (size_t j = 0; j < m; j++)
        for (size_t i = 0; i < take; i++)
          st[j].s[i] = vft_fp_add(st[j].s[i], in[(k + j) * n + at + i]);
      vft_poseidon_permute(st, m);
      at += take;
    } while (at < n);
    for (size_t j = 0; j < m; j++) memcpy(out[k + j].e, st[j].s, sizeof out[k + j].e);
  }
}

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "elements are little-endian in memory");

void vft_poseidon_bytes(const vft_poseidon_digest *d, uint8_t bytes[32]) {
  memcpy(bytes, d->e, sizeof d->e);
}

bool vft_poseidon_read(const uint8_t bytes[32], vft_poseidon_digest *out) {
  bool canonical = true;
  memcpy(out->e, bytes, sizeof out->e);
  for (int i = 0; i < 4; i++) canonical = canonical && out->e[i].v < VFT_P;
  return canonical;
}
