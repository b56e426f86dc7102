#include "hash/blake3_lanes.h"

#include <string.h>

#include "base/cpu.h"
#include "hash/blake3_kernels.h"

#define LANES 16
#define SLICE (8 * LANES)

static void gather(const uint32_t *slice, size_t lane, uint32_t cv[8]) {
  for (int w = 0; w < 8; w++) cv[w] = slice[w * LANES + lane];
}

static void scatter(uint32_t *slice, size_t lane, const uint32_t cv[8]) {
  for (int w = 0; w < 8; w++) slice[w * LANES + lane] = cv[w];
}

static void nodes_c(const uint8_t *in, vft_digest *out, size_t n) {
  const uint32_t flags = VFT_BLAKE3_CHUNK_START | VFT_BLAKE3_CHUNK_END | VFT_BLAKE3_ROOT;
  for (size_t i = 0; i < n; i++) {
    uint32_t full[16];
    vft_blake3_compress(vft_blake3_iv, in + 64 * i, 0, 64, flags, full);
    for (int w = 0; w < 8; w++) vft_store32(out[i].b + 4 * w, full[w]);
  }
}

static void absorb_c(uint32_t *cv, const uint8_t *blocks, size_t n, uint64_t chunk,
                     uint32_t block_len, uint32_t flags) {
  for (size_t j = 0; j < n; j++) {
    uint32_t *slice = cv + j / LANES * SLICE, value[8], full[16];
    gather(slice, j % LANES, value);
    vft_blake3_compress(value, blocks + 64 * j, chunk, block_len, flags, full);
    scatter(slice, j % LANES, full);
  }
}

static void merge_c(const uint32_t *left, const uint32_t *right, uint32_t *out, size_t n,
                    uint32_t flags) {
  for (size_t j = 0; j < n; j++) {
    size_t at = j / LANES * SLICE, lane = j % LANES;
    uint8_t block[64];
    uint32_t full[16];
    for (size_t w = 0; w < 8; w++) {
      vft_store32(block + 4 * w, left[at + w * LANES + lane]);
      vft_store32(block + 32 + 4 * w, right[at + w * LANES + lane]);
    }
    vft_blake3_compress(vft_blake3_iv, block, 0, 64, flags, full);
    scatter(out + at, lane, full);
  }
}

static void chunks_c(const uint8_t *first, size_t apart, uint64_t chunk, uint32_t *cv) {
  enum { BLOCKS = VFT_BLAKE3_CHUNK / VFT_BLAKE3_BLOCK };
  for (size_t l = 0; l < LANES; l++) {
    const uint8_t *in = first + l * apart * VFT_BLAKE3_CHUNK;
    uint32_t full[16];
    memcpy(full, vft_blake3_iv, 32);
    for (unsigned b = 0; b < BLOCKS; b++) {
      uint32_t flags = (b ? 0 : VFT_BLAKE3_CHUNK_START) | (b < BLOCKS - 1 ? 0 : VFT_BLAKE3_CHUNK_END);
      vft_blake3_compress(full, in + b * VFT_BLAKE3_BLOCK, chunk + l * apart, 64, flags, full);
    }
    scatter(cv, l, full);
  }
}

const vft_blake3_ops vft_blake3_ops_c = {nodes_c, absorb_c, merge_c, chunks_c};

const vft_blake3_ops *vft_blake3_dispatch(void) {
#ifdef __x86_64__
  if (vft_simd_tier() >= VFT_SIMD_AVX512) return &vft_blake3_ops_avx512;
  if (vft_simd_tier() >= VFT_SIMD_AVX2) return &vft_blake3_ops_avx2;
#endif
  return &vft_blake3_ops_c;
}

void vft_blake3_nodes(const uint8_t *in, vft_digest *out, size_t n) {
  vft_blake3_dispatch()->nodes(in, out, n);
}

void vft_blake3_lanes_set(uint32_t *cv, size_t n, const uint32_t value[8]) {
  for (size_t s = 0; s < n / LANES; s++)
    for (size_t w = 0; w < 8; w++)
      for (size_t l = 0; l < LANES; l++) cv[s * SLICE + w * LANES + l] = value[w];
}

void vft_blake3_lanes_prefix(const uint8_t block[64], uint32_t value[8]) {
  uint32_t full[16];
  vft_blake3_compress(vft_blake3_iv, block, 0, 64, VFT_BLAKE3_CHUNK_START, full);
  memcpy(value, full, 32);
}

void vft_blake3_lanes_absorb(uint32_t *cv, const uint8_t *blocks, size_t n, uint64_t chunk,
                             uint32_t block_len, uint32_t flags) {
  if (flags & VFT_LANES_START) vft_blake3_lanes_set(cv, n, vft_blake3_iv);
  vft_blake3_dispatch()->absorb(cv, blocks, n, chunk, block_len, flags);
}

/* The tree over chunks: the left subtree of k > 1 chunks holds the largest power of two below k.
 * Joining neighbours level by level, an odd one left over moving up unchanged, gives that tree:
 * at each level all subtrees but the last are complete and equal in size. */
void vft_blake3_lanes_join(uint32_t *cv, size_t stride, size_t chunks, size_t n) {
  const vft_blake3_ops *ops = vft_blake3_dispatch();
  while (chunks > 1) {
    uint32_t flags = VFT_BLAKE3_PARENT | (chunks == 2 ? VFT_BLAKE3_ROOT : 0);
    for (size_t k = 0; k < chunks / 2; k++)
      ops->merge(cv + 2 * k * stride, cv + (2 * k + 1) * stride, cv + k * stride, n, flags);
    if (chunks & 1) memmove(cv + chunks / 2 * stride, cv + (chunks - 1) * stride, n * 32);
    chunks = (chunks + 1) / 2;
  }
}

void vft_blake3_lanes_digests(const uint32_t *cv, size_t n, vft_digest *out) {
  for (size_t j = 0; j < n; j++) {
    uint32_t value[8];
    gather(cv + j / LANES * SLICE, j % LANES, value);
    for (int w = 0; w < 8; w++) vft_store32(out[j].b + 4 * w, value[w]);
  }
}
