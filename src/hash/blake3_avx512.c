/* BLAKE3 on 16 messages at a time: lane l of every vector belongs to message l. */
#ifdef __x86_64__
#include <immintrin.h>

#include "hash/blake3_kernels.h"

#define UNROLL _Pragma("GCC unroll 16")
#define INLINE static inline __attribute__((always_inline))

INLINE __m512i add(__m512i a, __m512i b) { return _mm512_add_epi32(a, b); }
INLINE __m512i xor(__m512i a, __m512i b) { return _mm512_xor_si512(a, b); }

/* Four independent quarter rounds, interleaved to hide latency. */
#define QUARTERS(a0, b0, c0, d0, a1, b1, c1, d1, a2, b2, c2, d2, a3, b3, c3, d3, s)          \
  HALF(a0, b0, c0, d0, a1, b1, c1, d1, a2, b2, c2, d2, a3, b3, c3, d3, m[(s)[0]], m[(s)[2]], \
       m[(s)[4]], m[(s)[6]], 16, 12)                                                         \
  HALF(a0, b0, c0, d0, a1, b1, c1, d1, a2, b2, c2, d2, a3, b3, c3, d3, m[(s)[1]], m[(s)[3]], \
       m[(s)[5]], m[(s)[7]], 8, 7)
#define HALF(a0, b0, c0, d0, a1, b1, c1, d1, a2, b2, c2, d2, a3, b3, c3, d3, x0, x1, x2, x3, \
             r1, r2)                                                                         \
  v[a0] = add(v[a0], add(v[b0], x0));                                                        \
  v[a1] = add(v[a1], add(v[b1], x1));                                                        \
  v[a2] = add(v[a2], add(v[b2], x2));                                                        \
  v[a3] = add(v[a3], add(v[b3], x3));                                                        \
  v[d0] = _mm512_ror_epi32(xor(v[d0], v[a0]), r1);                                           \
  v[d1] = _mm512_ror_epi32(xor(v[d1], v[a1]), r1);                                           \
  v[d2] = _mm512_ror_epi32(xor(v[d2], v[a2]), r1);                                           \
  v[d3] = _mm512_ror_epi32(xor(v[d3], v[a3]), r1);                                           \
  v[c0] = add(v[c0], v[d0]);                                                                 \
  v[c1] = add(v[c1], v[d1]);                                                                 \
  v[c2] = add(v[c2], v[d2]);                                                                 \
  v[c3] = add(v[c3], v[d3]);                                                                 \
  v[b0] = _mm512_ror_epi32(xor(v[b0], v[c0]), r2);                                           \
  v[b1] = _mm512_ror_epi32(xor(v[b1], v[c1]), r2);                                           \
  v[b2] = _mm512_ror_epi32(xor(v[b2], v[c2]), r2);                                           \
  v[b3] = _mm512_ror_epi32(xor(v[b3], v[c3]), r2);

/* h: eight chaining words in, eight out; what `lanes` adds to the counter must not carry. */
INLINE void compress16(__m512i *h, const __m512i *m, uint64_t counter, __m512i lanes,
                       uint32_t len, uint32_t flags) {
  __m512i v[16];
  UNROLL for (int i = 0; i < 8; i++) v[i] = h[i];
  UNROLL for (int i = 0; i < 4; i++) v[8 + i] = _mm512_set1_epi32((int)vft_blake3_iv[i]);
  v[12] = add(_mm512_set1_epi32((int)(uint32_t)counter), lanes);
  v[13] = _mm512_set1_epi32((int)(uint32_t)(counter >> 32));
  v[14] = _mm512_set1_epi32((int)len);
  v[15] = _mm512_set1_epi32((int)flags);
  UNROLL for (int r = 0; r < 7; r++) {
    QUARTERS(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15, vft_blake3_schedule[r])
    QUARTERS(0, 5, 10, 15, 1, 6, 11, 12, 2, 7, 8, 13, 3, 4, 9, 14, vft_blake3_schedule[r] + 8)
  }
  UNROLL for (int i = 0; i < 8; i++) h[i] = xor(v[i], v[i + 8]);
}

/* Transpose of a 16 x 16 matrix of 32-bit words, one row a vector. */
INLINE void transpose16(__m512i *r) {
  __m512i t[16], u[16];
  UNROLL for (int i = 0; i < 8; i++) {
    t[2 * i] = _mm512_unpacklo_epi32(r[2 * i], r[2 * i + 1]);
    t[2 * i + 1] = _mm512_unpackhi_epi32(r[2 * i], r[2 * i + 1]);
  }
  UNROLL for (int i = 0; i < 4; i++) {
    u[4 * i] = _mm512_unpacklo_epi64(t[4 * i], t[4 * i + 2]);
    u[4 * i + 1] = _mm512_unpackhi_epi64(t[4 * i], t[4 * i + 2]);
    u[4 * i + 2] = _mm512_unpacklo_epi64(t[4 * i + 1], t[4 * i + 3]);
    u[4 * i + 3] = _mm512_unpackhi_epi64(t[4 * i + 1], t[4 * i + 3]);
  }
  UNROLL for (int k = 0; k < 4; k++) {
    __m512i a = _mm512_shuffle_i32x4(u[k], u[4 + k], 0x88);
    __m512i b = _mm512_shuffle_i32x4(u[k], u[4 + k], 0xdd);
    __m512i c = _mm512_shuffle_i32x4(u[8 + k], u[12 + k], 0x88);
    __m512i d = _mm512_shuffle_i32x4(u[8 + k], u[12 + k], 0xdd);
    r[k] = _mm512_shuffle_i32x4(a, c, 0x88);
    r[8 + k] = _mm512_shuffle_i32x4(a, c, 0xdd);
    r[4 + k] = _mm512_shuffle_i32x4(b, d, 0x88);
    r[12 + k] = _mm512_shuffle_i32x4(b, d, 0xdd);
  }
}

/* The blocks of lanes are `apart` bytes apart. */
INLINE void load_blocks(const uint8_t *blocks, size_t apart, __m512i *m) {
  UNROLL for (int l = 0; l < 16; l++) m[l] = _mm512_loadu_si512(blocks + apart * (size_t)l);
  transpose16(m);
}

INLINE void set_iv(__m512i *h) {
  UNROLL for (int i = 0; i < 8; i++) h[i] = _mm512_set1_epi32((int)vft_blake3_iv[i]);
}

static void nodes_avx512(const uint8_t *in, vft_digest *out, size_t n) {
  const uint32_t flags = VFT_BLAKE3_CHUNK_START | VFT_BLAKE3_CHUNK_END | VFT_BLAKE3_ROOT;
  size_t i = 0;
  for (; i + 16 <= n; i += 16) {
    __m512i m[16], h[16];
    load_blocks(in + 64 * i, 64, m);
    set_iv(h);
    compress16(h, m, 0, _mm512_setzero_si512(), 64, flags);
    UNROLL for (int w = 8; w < 16; w++) h[w] = _mm512_setzero_si512();
    transpose16(h);
    UNROLL for (int l = 0; l < 16; l++)
      _mm256_storeu_si256((__m256i *)(void *)out[i + l].b, _mm512_castsi512_si256(h[l]));
  }
  vft_blake3_ops_c.nodes(in + 64 * i, out + i, n - i);
}

static void absorb_avx512(uint32_t *cv, const uint8_t *blocks, size_t n, uint64_t chunk,
                          uint32_t block_len, uint32_t flags) {
  for (size_t j = 0; j < n; j += 16, cv += 128) {
    __m512i m[16], h[8];
    load_blocks(blocks + 64 * j, 64, m);
    UNROLL for (int w = 0; w < 8; w++) h[w] = _mm512_loadu_si512(cv + 16 * w);
    compress16(h, m, chunk, _mm512_setzero_si512(), block_len, flags);
    UNROLL for (int w = 0; w < 8; w++) _mm512_storeu_si512(cv + 16 * w, h[w]);
  }
}

static void merge_avx512(const uint32_t *left, const uint32_t *right, uint32_t *out, size_t n,
                         uint32_t flags) {
  for (size_t j = 0; j < n; j += 16) {
    __m512i m[16], h[8];
    UNROLL for (int w = 0; w < 8; w++) {
      m[w] = _mm512_loadu_si512(left + 8 * j + 16 * w);
      m[8 + w] = _mm512_loadu_si512(right + 8 * j + 16 * w);
    }
    set_iv(h);
    compress16(h, m, 0, _mm512_setzero_si512(), 64, flags);
    UNROLL for (int w = 0; w < 8; w++) _mm512_storeu_si512(out + 8 * j + 16 * w, h[w]);
  }
}

static void chunks_avx512(const uint8_t *first, size_t apart, uint64_t chunk, uint32_t *cv) {
  enum { BLOCKS = VFT_BLAKE3_CHUNK / VFT_BLAKE3_BLOCK };
  __m512i m[16], h[8], lanes = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
  lanes = _mm512_mullo_epi32(lanes, _mm512_set1_epi32((int)apart));
  set_iv(h);
  for (unsigned b = 0; b < BLOCKS; b++) {
    load_blocks(first + b * VFT_BLAKE3_BLOCK, apart * VFT_BLAKE3_CHUNK, m);
    compress16(h, m, chunk, lanes, 64,
               (b ? 0 : VFT_BLAKE3_CHUNK_START) | (b < BLOCKS - 1 ? 0 : VFT_BLAKE3_CHUNK_END));
  }
  UNROLL for (int w = 0; w < 8; w++) _mm512_storeu_si512(cv + 16 * w, h[w]);
}

const vft_blake3_ops vft_blake3_ops_avx512 = {nodes_avx512, absorb_avx512, merge_avx512,
                                              chunks_avx512};
#endif
