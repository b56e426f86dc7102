/* BLAKE3 over many messages of equal length in lock-step: the inside of Merkle leaves.
 *
 * The chaining values of n messages (n a multiple of 16) are kept word-sliced: 16 messages form
 * a slice of 128 words, and word w of message j is cv[(j / 16) * 128 + w * 16 + j % 16]. */
#ifndef VFT_HASH_BLAKE3_LANES_H
#define VFT_HASH_BLAKE3_LANES_H

#include <stddef.h>
#include <stdint.h>

#include "hash/blake3.h"

enum { VFT_LANES_START = 1, VFT_LANES_END = 2, VFT_LANES_ROOT = 8 };

/* All n chaining values become `value`. */
void vft_blake3_lanes_set(uint32_t *cv, size_t n, const uint32_t value[8]);

/* The chaining value after the first block of a message that starts with `block` (64 bytes) and
 * is longer: message prefixes that all lanes share are compressed once. */
void vft_blake3_lanes_prefix(const uint8_t block[64], uint32_t value[8]);

/* Compresses one block of every message: message j's block is blocks[64 j .. 64 j + 63], its
 * first block_len <= 64 bytes are input (the rest must be zero). chunk is the index of the 1 KiB
 * chunk the block belongs to; flags: START on the first block of a chunk, END on its last,
 * ROOT too if the message is one chunk. At START the chaining values are reset first. */
void vft_blake3_lanes_absorb(uint32_t *cv, const uint8_t *blocks, size_t n, uint64_t chunk,
                             uint32_t block_len, uint32_t flags);

/* Chaining values of the messages from the chaining values of their chunks: chunk k's are at
 * cv + k * stride (stride in words, at least 8 n); chunks >= 2. Result to the front (cv). */
void vft_blake3_lanes_join(uint32_t *cv, size_t stride, size_t chunks, size_t n);

/* Word-sliced -> digests in message order. */
void vft_blake3_lanes_digests(const uint32_t *cv, size_t n, vft_digest *out);

#endif
