/* src/hash/blake3.h for sources that record themselves: BLAKE3 of constants, and digests as four
 * elements. */
#ifndef VFT_HASH_BLAKE3_H
#define VFT_HASH_BLAKE3_H

#include <stddef.h>
#include <stdint.h>

#include "field/goldilocks.h"

typedef struct {
  vft_fp e[4];
} vft_digest;

typedef struct {
  uint32_t stack[54][8];
  uint32_t cv[8];
  uint8_t block[64];
  uint64_t chunk;
  uint8_t block_len, blocks_done, stack_len;
} vft_blake3;

void vft_blake3_init(vft_blake3 *h);
void vft_blake3_update(vft_blake3 *h, const void *data, size_t len);
void vft_blake3_final(const vft_blake3 *h, uint8_t *out, size_t out_len);

#endif
