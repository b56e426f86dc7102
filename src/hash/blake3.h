/* BLAKE3 (hash mode only). Source: the BLAKE3 specification; known answers in tests/hash.
 * The incremental form serves transcripts; the batch forms serve Merkle trees. */
#ifndef VFT_HASH_BLAKE3_H
#define VFT_HASH_BLAKE3_H

#include <stddef.h>
#include <stdint.h>

typedef struct {
  uint8_t b[32];
} vft_digest;

typedef struct {
  uint32_t stack[54][8]; /* chaining values of completed subtrees */
  uint32_t cv[8];        /* chaining value of the current chunk */
  uint8_t block[64];
  uint64_t chunk; /* index of the current chunk */
  uint8_t block_len, blocks_done, stack_len;
} vft_blake3;

void vft_blake3_init(vft_blake3 *h);
void vft_blake3_update(vft_blake3 *h, const void *data, size_t len);
/* The same as vft_blake3_update, 16 chunks of 1 KiB at a time: for long messages. */
void vft_blake3_update_long(vft_blake3 *h, const void *data, size_t len);
/* Writes out_len bytes of output (any length); does not change h. */
void vft_blake3_final(const vft_blake3 *h, uint8_t *out, size_t out_len);
/* One-shot, 32 bytes. */
vft_digest vft_blake3_hash(const void *data, size_t len);

/* n independent 64-byte messages (pairs of digests) -> n digests:
 * out[i] = BLAKE3(in[64 i .. 64 i + 63]). in and out may start at the same address. */
void vft_blake3_nodes(const uint8_t *in, vft_digest *out, size_t n);

#endif
