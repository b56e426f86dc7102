#include "transcript/chain.h"

#include <string.h>

#include "hash/blake3.h"
#include "transcript/message.h"

enum { INDEX_BATCH = 64, INTEGER_BATCH = 512 };

static void put32(uint8_t *b, uint32_t x) {
  for (int i = 0; i < 4; i++) b[i] = (uint8_t)(x >> (8 * i));
}

static void put64(uint8_t *b, uint64_t x) {
  for (int i = 0; i < 8; i++) b[i] = (uint8_t)(x >> (8 * i));
}

static uint32_t get32(const uint8_t *b) {
  return (uint32_t)b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
}

static uint64_t get64(const uint8_t *b) { return get32(b) | (uint64_t)get32(b + 4) << 32; }

static void hash_string(vft_blake3 *h, const char *s) {
  size_t n = strlen(s);
  uint8_t len[4];
  put32(len, (uint32_t)n);
  vft_blake3_update(h, len, sizeof len);
  vft_blake3_update(h, s, n);
}

static void hash_head(const vft_chain *chain, vft_blake3 *h, uint8_t type, const char *label,
                      uint64_t count) {
  uint8_t b[8];
  vft_blake3_init(h);
  vft_blake3_update(h, chain->state, sizeof chain->state);
  vft_blake3_update(h, &type, 1);
  hash_string(h, label);
  put64(b, count);
  vft_blake3_update(h, b, sizeof b);
}

void vft_chain_init(vft_chain *chain, const char *protocol) {
  static const char domain[] = "vft-channel-v1";
  vft_blake3 h;
  vft_blake3_init(&h);
  vft_blake3_update(&h, domain, sizeof domain - 1);
  hash_string(&h, protocol);
  vft_blake3_final(&h, chain->state, sizeof chain->state);
}

void vft_chain_absorb(vft_chain *chain, uint8_t type, const char *label, uint64_t count,
                      const void *payload, size_t len) {
  vft_blake3 h;
  hash_head(chain, &h, type, label, count);
  if (len) vft_blake3_update(&h, payload, len);
  vft_blake3_final(&h, chain->state, sizeof chain->state);
}

/* The integer nearest to 0 that is congruent to x, in two's complement. */
static uint64_t signed_value(vft_fp x) { return x.v > VFT_P / 2 ? x.v - VFT_P : x.v; }

void vft_chain_integers(vft_chain *chain, const char *label, const vft_fp *v, size_t n) {
  uint8_t chunk[8 * INTEGER_BATCH];
  put64(chunk, n);
  vft_chain_absorb(chain, VFT_MESSAGE_U64, label, 1, chunk, 8);
  for (size_t i = 0; i < n;) {
    size_t m = 0;
    for (; m < INTEGER_BATCH && i < n; m++, i++) put64(chunk + 8 * m, signed_value(v[i]));
    vft_chain_absorb(chain, VFT_MESSAGE_BYTES, label, 8 * m, chunk, 8 * m);
  }
}

/* ---- challenges --------------------------------------------------------------------------- */

/* T of the definition, split into the new state and the draw (len bytes, at most
 * 4 * INDEX_BATCH). */
static void draw(vft_chain *chain, uint8_t type, const char *label, uint64_t count, uint8_t *out,
                 size_t len) {
  vft_blake3 h;
  uint8_t t[32 + 4 * INDEX_BATCH];
  hash_head(chain, &h, type, label, count);
  vft_blake3_final(&h, t, 32 + len);
  memcpy(chain->state, t, 32);
  memcpy(out, t + 32, len);
}

vft_ext vft_chain_ext(vft_chain *chain, const char *label) {
  for (;;) {
    uint8_t b[24];
    draw(chain, VFT_MESSAGE_CHALLENGE_EXT, label, 1, b, sizeof b);
    uint64_t c0 = get64(b), c1 = get64(b + 8), c2 = get64(b + 16);
    if (c0 < VFT_P && c1 < VFT_P && c2 < VFT_P) return (vft_ext){{{c0}, {c1}, {c2}}};
  }
}

void vft_chain_indices(vft_chain *chain, const char *label, vft_query *out, size_t n,
                       unsigned log) {
  uint32_t mask = log >= 32 ? UINT32_MAX : ((uint32_t)1 << log) - 1;
  while (n) {
    uint8_t b[4 * INDEX_BATCH];
    size_t now = n < INDEX_BATCH ? n : INDEX_BATCH;
    draw(chain, VFT_MESSAGE_CHALLENGE_INDICES, label, now, b, 4 * now);
    for (size_t i = 0; i < now; i++) out[i] = (vft_query){get32(b + 4 * i) & mask};
    out += now;
    n -= now;
  }
}

/* ---- grinding ----------------------------------------------------------------------------- */

bool vft_chain_work_done(const uint8_t digest[32], unsigned bits) {
  uint64_t x = 0;
  for (int i = 0; i < 8; i++) x = x << 8 | digest[i];
  return bits == 0 || x >> (64 - bits) == 0;
}

void vft_chain_grind_message(uint8_t m[64], const uint8_t seed[32], uint64_t nonce) {
  memcpy(m, seed, 32);
  put64(m + 32, nonce);
  memset(m + 40, 0, 24);
}

void vft_chain_grind_seed(vft_chain *chain, const char *label, unsigned bits, uint8_t seed[32]) {
  draw(chain, VFT_MESSAGE_GRIND, label, bits, seed, 32);
}

bool vft_chain_grind_valid(const uint8_t seed[32], unsigned bits, uint64_t nonce) {
  uint8_t m[64];
  vft_chain_grind_message(m, seed, nonce);
  vft_digest d = vft_blake3_hash(m, sizeof m);
  return vft_chain_work_done(d.b, bits);
}

void vft_chain_nonce(vft_chain *chain, const char *label, uint64_t nonce) {
  uint8_t b[8];
  put64(b, nonce);
  vft_chain_absorb(chain, VFT_MESSAGE_NONCE, label, 1, b, sizeof b);
}
