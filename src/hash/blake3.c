#include "hash/blake3.h"

#include <string.h>

#include "hash/blake3_core.h"

const uint32_t vft_blake3_iv[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                   0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};

static inline uint32_t ror(uint32_t x, int n) { return x >> n | x << (32 - n); }

static inline void mix(uint32_t *v, int a, int b, int c, int d, uint32_t x, uint32_t y) {
  v[a] += v[b] + x;
  v[d] = ror(v[d] ^ v[a], 16);
  v[c] += v[d];
  v[b] = ror(v[b] ^ v[c], 12);
  v[a] += v[b] + y;
  v[d] = ror(v[d] ^ v[a], 8);
  v[c] += v[d];
  v[b] = ror(v[b] ^ v[c], 7);
}

void vft_blake3_compress(const uint32_t cv[8], const uint8_t block[64], uint64_t counter,
                         uint32_t block_len, uint32_t flags, uint32_t out[16]) {
  uint32_t m[16], v[16];
  for (int i = 0; i < 16; i++) m[i] = vft_load32(block + 4 * i);
  memcpy(v, cv, 32);
  memcpy(v + 8, vft_blake3_iv, 16);
  v[12] = (uint32_t)counter;
  v[13] = (uint32_t)(counter >> 32);
  v[14] = block_len;
  v[15] = flags;
  for (int r = 0; r < 7; r++) {
    const uint8_t *s = vft_blake3_schedule[r];
    mix(v, 0, 4, 8, 12, m[s[0]], m[s[1]]);
    mix(v, 1, 5, 9, 13, m[s[2]], m[s[3]]);
    mix(v, 2, 6, 10, 14, m[s[4]], m[s[5]]);
    mix(v, 3, 7, 11, 15, m[s[6]], m[s[7]]);
    mix(v, 0, 5, 10, 15, m[s[8]], m[s[9]]);
    mix(v, 1, 6, 11, 12, m[s[10]], m[s[11]]);
    mix(v, 2, 7, 8, 13, m[s[12]], m[s[13]]);
    mix(v, 3, 4, 9, 14, m[s[14]], m[s[15]]);
  }
  for (int i = 0; i < 8; i++) {
    out[i] = v[i] ^ v[i + 8];
    out[i + 8] = v[i + 8] ^ cv[i];
  }
}

/* out may be left or right. */
static void parent_cv(const uint32_t left[8], const uint32_t right[8], uint32_t out[8]) {
  uint8_t block[64];
  uint32_t full[16];
  for (int i = 0; i < 8; i++) {
    vft_store32(block + 4 * i, left[i]);
    vft_store32(block + 32 + 4 * i, right[i]);
  }
  vft_blake3_compress(vft_blake3_iv, block, 0, 64, VFT_BLAKE3_PARENT, full);
  memcpy(out, full, 32);
}

void vft_blake3_init(vft_blake3 *h) {
  memset(h, 0, sizeof *h);
  memcpy(h->cv, vft_blake3_iv, 32);
}

/* After k chunks the stack holds one subtree for each bit of k: each zero bit below the subtree
 * pushed is one pair of equal subtrees to join. */
void vft_blake3_push(vft_blake3 *h, uint32_t cv[8], uint64_t chunks) {
  h->chunk += chunks;
  for (uint64_t k = h->chunk / chunks; (k & 1) == 0; k >>= 1)
    parent_cv(h->stack[--h->stack_len], cv, cv);
  memcpy(h->stack[h->stack_len++], cv, 32);
}

static uint32_t start_flag(const vft_blake3 *h) {
  return h->blocks_done == 0 ? VFT_BLAKE3_CHUNK_START : 0;
}

void vft_blake3_close(vft_blake3 *h) {
  uint32_t full[16];
  vft_blake3_compress(h->cv, h->block, h->chunk, 64, start_flag(h) | VFT_BLAKE3_CHUNK_END, full);
  vft_blake3_push(h, full, 1);
  memcpy(h->cv, vft_blake3_iv, 32);
  h->blocks_done = 0;
  h->block_len = 0;
}

/* A full block is compressed only when more input follows: the last one needs its end flags. */
void vft_blake3_update(vft_blake3 *h, const void *data, size_t len) {
  const uint8_t *p = data;
  while (len) {
    if (h->block_len == VFT_BLAKE3_BLOCK) {
      if (h->blocks_done == VFT_BLAKE3_CHUNK / VFT_BLAKE3_BLOCK - 1) {
        vft_blake3_close(h);
      } else {
        uint32_t full[16];
        vft_blake3_compress(h->cv, h->block, h->chunk, 64, start_flag(h), full);
        memcpy(h->cv, full, 32);
        h->blocks_done++;
        h->block_len = 0;
      }
    }
    size_t take = VFT_BLAKE3_BLOCK - h->block_len;
    if (take > len) take = len;
    memcpy(h->block + h->block_len, p, take);
    h->block_len = (uint8_t)(h->block_len + take);
    p += take;
    len -= take;
  }
}

void vft_blake3_final(const vft_blake3 *h, uint8_t *out, size_t out_len) {
  uint8_t block[64] = {0};
  uint32_t cv[8], full[16], flags = start_flag(h) | VFT_BLAKE3_CHUNK_END, len = h->block_len;
  uint64_t counter = h->chunk;
  memcpy(block, h->block, h->block_len);
  memcpy(cv, h->cv, 32);
  for (int top = h->stack_len; top > 0; top--) {
    vft_blake3_compress(cv, block, counter, len, flags, full);
    for (int i = 0; i < 8; i++) {
      vft_store32(block + 4 * i, h->stack[top - 1][i]);
      vft_store32(block + 32 + 4 * i, full[i]);
    }
    memcpy(cv, vft_blake3_iv, 32);
    counter = 0;
    len = 64;
    flags = VFT_BLAKE3_PARENT;
  }
  for (uint64_t k = 0; out_len; k++) {
    uint8_t bytes[64];
    vft_blake3_compress(cv, block, k, len, flags | VFT_BLAKE3_ROOT, full);
    for (int i = 0; i < 16; i++) vft_store32(bytes + 4 * i, full[i]);
    size_t take = out_len < 64 ? out_len : 64;
    memcpy(out, bytes, take);
    out += take;
    out_len -= take;
  }
}

vft_digest vft_blake3_hash(const void *data, size_t len) {
  vft_blake3 h;
  vft_digest d;
  vft_blake3_init(&h);
  vft_blake3_update(&h, data, len);
  vft_blake3_final(&h, d.b, sizeof d.b);
  return d;
}
