/* BLAKE3 on eight messages at a time: lane l of every vector belongs to message l. Slices of 16
 * messages are two passes. */
#ifdef __x86_64__
#include <immintrin.h>

#include "hash/blake3_kernels.h"

#define UNROLL _Pragma("GCC unroll 16")
#define INLINE static inline __attribute__((always_inline))

INLINE __m256i add(__m256i a, __m256i b) { return _mm256_add_epi32(a, b); }
INLINE __m256i xor(__m256i a, __m256i b) { return _mm256_xor_si256(a, b); }
INLINE __m256i load(const void *p) { return _mm256_loadu_si256(p); }
INLINE void store(void *p, __m256i a) { _mm256_storeu_si256(p, a); }

/* Whole bytes move by a shuffle, which is one instruction instead of three. */
INLINE __m256i ror16(__m256i a) {
  return _mm256_shuffle_epi8(
      a, _mm256_broadcastsi128_si256(
             _mm_setr_epi8(2, 3, 0, 1, 6, 7, 4, 5, 10, 11, 8, 9, 14, 15, 12, 13)));
}
INLINE __m256i ror8(__m256i a) {
  return _mm256_shuffle_epi8(
      a, _mm256_broadcastsi128_si256(
             _mm_setr_epi8(1, 2, 3, 0, 5, 6, 7, 4, 9, 10, 11, 8, 13, 14, 15, 12)));
}
INLINE __m256i ror12(__m256i a) {
  return _mm256_or_si256(_mm256_srli_epi32(a, 12), _mm256_slli_epi32(a, 20));
}
INLINE __m256i ror7(__m256i a) {
  return _mm256_or_si256(_mm256_srli_epi32(a, 7), _mm256_slli_epi32(a, 25));
}

/* Four independent quarter rounds, interleaved to hide latency. */
#define QUARTERS(a0, b0, c0, d0, a1, b1, c1, d1, a2, b2, c2, d2, a3, b3, c3, d3, s)          \
  HALF(a0, b0, c0, d0, a1, b1, c1, d1, a2, b2, c2, d2, a3, b3, c3, d3, m[(s)[0]], m[(s)[2]], \
       m[(s)[4]], m[(s)[6]], ror16, ror12)                                                   \
  HALF(a0, b0, c0, d0, a1, b1, c1, d1, a2, b2, c2, d2, a3, b3, c3, d3, m[(s)[1]], m[(s)[3]], \
       m[(s)[5]], m[(s)[7]], ror8, ror7)
#define HALF(a0, b0, c0, d0, a1, b1, c1, d1, a2, b2, c2, d2, a3, b3, c3, d3, x0, x1, x2, x3, \
             r1, r2)                                                                         \
  v[a0] = add(v[a0], add(v[b0], x0));                                                        \
  v[a1] = add(v[a1], add(v[b1], x1));                                                        \
  v[a2] = add(v[a2], add(v[b2], x2));                                                        \
  v[a3] = add(v[a3], add(v[b3], x3));                                                        \
  v[d0] = r1(xor(v[d0], v[a0]));                                                             \
  v[d1] = r1(xor(v[d1], v[a1]));                                                             \
  v[d2] = r1(xor(v[d2], v[a2]));                                                             \
  v[d3] = r1(xor(v[d3], v[a3]));                                                             \
  v[c0] = add(v[c0], v[d0]);                                                                 \
  v[c1] = add(v[c1], v[d1]);                                                                 \
  v[c2] = add(v[c2], v[d2]);                                                                 \
  v[c3] = add(v[c3], v[d3]);                                                                 \
  v[b0] = r2(xor(v[b0], v[c0]));                                                             \
  v[b1] = r2(xor(v[b1], v[c1]));                                                             \
  v[b2] = r2(xor(v[b2], v[c2]));                                                             \
  v[b3] = r2(xor(v[b3], v[c3]));

/* h: eight chaining words in, eight out; what `lanes` adds to the counter must not carry. */
INLINE void compress8(__m256i *h, const __m256i *m, uint64_t counter, __m256i lanes,
                      uint32_t len, uint32_t flags) {
  __m256i v[16];
  UNROLL for (int i = 0; i < 8; i++) v[i] = h[i];
  UNROLL for (int i = 0; i < 4; i++) v[8 + i] = _mm256_set1_epi32((int)vft_blake3_iv[i]);
  v[12] = add(_mm256_set1_epi32((int)(uint32_t)counter), lanes);
  v[13] = _mm256_set1_epi32((int)(uint32_t)(counter >> 32));
  v[14] = _mm256_set1_epi32((int)len);
  v[15] = _mm256_set1_epi32((int)flags);
  UNROLL for (int r = 0; r < 7; r++) {
    QUARTERS(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15, vft_blake3_schedule[r])
    QUARTERS(0, 5, 10, 15, 1, 6, 11, 12, 2, 7, 8, 13, 3, 4, 9, 14, vft_blake3_schedule[r] + 8)
  }
  UNROLL for (int i = 0; i < 8; i++) h[i] = xor(v[i], v[i + 8]);
}

/* Transpose of an 8 x 8 matrix of 32-bit words, one row a vector. */
INLINE void transpose8(__m256i *r) {
  __m256i t[8], u[8];
  UNROLL for (int i = 0; i < 4; i++) {
    t[2 * i] = _mm256_unpacklo_epi32(r[2 * i], r[2 * i + 1]);
    t[2 * i + 1] = _mm256_unpackhi_epi32(r[2 * i], r[2 * i + 1]);
  }
  UNROLL for (int i = 0; i < 2; i++) {
    u[4 * i] = _mm256_unpacklo_epi64(t[4 * i], t[4 * i + 2]);
    u[4 * i + 1] = _mm256_unpackhi_epi64(t[4 * i], t[4 * i + 2]);
    u[4 * i + 2] = _mm256_unpacklo_epi64(t[4 * i + 1], t[4 * i + 3]);
    u[4 * i + 3] = _mm256_unpackhi_epi64(t[4 * i + 1], t[4 * i + 3]);
  }
  /* u[k] holds, in 128-bit part q, column 4q + k of rows 0 to 3; u[4 + k] that of rows 4 to 7. */
  UNROLL for (int k = 0; k < 4; k++) {
    r[k] = _mm256_permute2x128_si256(u[k], u[4 + k], 0x20);
    r[4 + k] = _mm256_permute2x128_si256(u[k], u[4 + k], 0x31);
  }
}

/* The blocks of lanes are `apart` bytes apart. */
INLINE void load_blocks(const uint8_t *blocks, size_t apart, __m256i *m) {
  UNROLL for (int half = 0; half < 2; half++) {
    UNROLL for (int l = 0; l < 8; l++) m[8 * half + l] = load(blocks + apart * (size_t)l + 32 * half);
    transpose8(m + 8 * half);
  }
}

INLINE void set_iv(__m256i *h) {
  UNROLL for (int i = 0; i < 8; i++) h[i] = _mm256_set1_epi32((int)vft_blake3_iv[i]);
}

static void nodes_avx2(const uint8_t *in, vft_digest *out, size_t n) {
  const uint32_t flags = VFT_BLAKE3_CHUNK_START | VFT_BLAKE3_CHUNK_END | VFT_BLAKE3_ROOT;
  size_t i = 0;
  for (; i + 8 <= n; i += 8) {
    __m256i m[16], h[8];
    load_blocks(in + 64 * i, 64, m);
    set_iv(h);
    compress8(h, m, 0, _mm256_setzero_si256(), 64, flags);
    transpose8(h);
    UNROLL for (int l = 0; l < 8; l++) store(out[i + (size_t)l].b, h[l]);
  }
  vft_blake3_ops_c.nodes(in + 64 * i, out + i, n - i);
}

/* First word of messages j .. j + 7 in an array of slices. */
INLINE size_t place(size_t j) { return j / 16 * 128 + j % 16; }

static void absorb_avx2(uint32_t *cv, const uint8_t *blocks, size_t n, uint64_t chunk,
                        uint32_t block_len, uint32_t flags) {
  for (size_t j = 0; j < n; j += 8) {
    uint32_t *at = cv + place(j);
    __m256i m[16], h[8];
    load_blocks(blocks + 64 * j, 64, m);
    UNROLL for (int w = 0; w < 8; w++) h[w] = load(at + 16 * w);
    compress8(h, m, chunk, _mm256_setzero_si256(), block_len, flags);
    UNROLL for (int w = 0; w < 8; w++) store(at + 16 * w, h[w]);
  }
}

static void merge_avx2(const uint32_t *left, const uint32_t *right, uint32_t *out, size_t n,
                       uint32_t flags) {
  for (size_t j = 0; j < n; j += 8) {
    size_t at = place(j);
    __m256i m[16], h[8];
    UNROLL for (int w = 0; w < 8; w++) {
      m[w] = load(left + at + 16 * w);
      m[8 + w] = load(right + at + 16 * w);
    }
    set_iv(h);
    compress8(h, m, 0, _mm256_setzero_si256(), 64, flags);
    UNROLL for (int w = 0; w < 8; w++) store(out + at + 16 * w, h[w]);
  }
}

static void chunks_avx2(const uint8_t *first, size_t apart, uint64_t chunk, uint32_t *cv) {
  enum { BLOCKS = VFT_BLAKE3_CHUNK / VFT_BLAKE3_BLOCK };
  const __m256i lanes = _mm256_mullo_epi32(_mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7),
                                           _mm256_set1_epi32((int)apart));
  for (size_t l = 0; l < 16; l += 8) {
    __m256i m[16], h[8];
    set_iv(h);
    for (unsigned b = 0; b < BLOCKS; b++) {
      load_blocks(first + l * apart * VFT_BLAKE3_CHUNK + b * VFT_BLAKE3_BLOCK,
                  apart * VFT_BLAKE3_CHUNK, m);
      compress8(h, m, chunk + l * apart, lanes, 64,
                (b ? 0 : VFT_BLAKE3_CHUNK_START) | (b < BLOCKS - 1 ? 0 : VFT_BLAKE3_CHUNK_END));
    }
    UNROLL for (int w = 0; w < 8; w++) store(cv + l + 16 * w, h[w]);
  }
}

const vft_blake3_ops vft_blake3_ops_avx2 = {nodes_avx2, absorb_avx2, merge_avx2, chunks_avx2};
#endif
