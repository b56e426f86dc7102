/* Inside of the BLAKE3 module: constants, the compression function, the tree of chunks. Only src/hash
 * includes this file, and the gadget that has the same constants. */
#ifndef VFT_HASH_BLAKE3_CORE_H
#define VFT_HASH_BLAKE3_CORE_H

#include <stddef.h>
#include <stdint.h>

#include "hash/blake3.h"

#define VFT_BLAKE3_BLOCK 64u
#define VFT_BLAKE3_CHUNK 1024u

enum {
  VFT_BLAKE3_CHUNK_START = 1,
  VFT_BLAKE3_CHUNK_END = 2,
  VFT_BLAKE3_PARENT = 4,
  VFT_BLAKE3_ROOT = 8
};

extern const uint32_t vft_blake3_iv[8];
/* Message word order of each round: row r is the fixed message permutation applied r times. */
static const uint8_t vft_blake3_schedule[7][16] = {
    {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15},
    {2, 6, 3, 10, 7, 0, 4, 13, 1, 11, 12, 5, 9, 14, 15, 8},
    {3, 4, 10, 12, 13, 2, 7, 14, 6, 5, 9, 0, 11, 15, 8, 1},
    {10, 7, 12, 9, 14, 3, 13, 15, 4, 0, 11, 2, 5, 8, 1, 6},
    {12, 13, 9, 11, 15, 10, 14, 8, 7, 2, 5, 3, 0, 1, 6, 4},
    {9, 14, 11, 5, 8, 12, 15, 1, 13, 3, 0, 10, 2, 6, 4, 7},
    {11, 15, 5, 0, 1, 9, 8, 6, 14, 10, 2, 12, 3, 4, 7, 13}};

/* The full 16-word state after the rounds and both feed-forwards: words 0..7 are the next
 * chaining value, all 16 are one block of extended output. out may be cv where only the former count. */
void vft_blake3_compress(const uint32_t cv[8], const uint8_t block[64], uint64_t counter,
                         uint32_t block_len, uint32_t flags, uint32_t out[16]);

/* Ends the current chunk, all of whose bytes h has: only when more input follows. */
void vft_blake3_close(vft_blake3 *h);
/* Puts a complete subtree of `chunks` chunks, a power of two that divides h->chunk, after those
 * that h has; h is between chunks: only when more input follows. Changes cv. */
void vft_blake3_push(vft_blake3 *h, uint32_t cv[8], uint64_t chunks);

static inline uint32_t vft_load32(const uint8_t *p) {
  return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}
static inline void vft_store32(uint8_t *p, uint32_t x) {
  for (int i = 0; i < 4; i++) p[i] = (uint8_t)(x >> (8 * i));
}

#endif
