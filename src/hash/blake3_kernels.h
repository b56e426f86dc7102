/* Inside of the BLAKE3 module: the kernels of each SIMD tier. Only src/hash includes this file. */
#ifndef VFT_HASH_BLAKE3_KERNELS_H
#define VFT_HASH_BLAKE3_KERNELS_H

#include "hash/blake3_core.h"

/* Kernels over many independent messages. Signatures and layouts: hash/blake3_lanes.h. */
typedef struct {
  void (*nodes)(const uint8_t *in, vft_digest *out, size_t n);
  void (*absorb)(uint32_t *cv, const uint8_t *blocks, size_t n, uint64_t chunk,
                 uint32_t block_len, uint32_t flags);
  void (*merge)(const uint32_t *left, const uint32_t *right, uint32_t *out, size_t n,
                uint32_t flags);
  /* Sixteen whole chunks of a longer message, `apart` chunks apart (1 or 16), of which the first
   * has the given index, a multiple of 16 apart and less than `apart` -> a slice. */
  void (*chunks)(const uint8_t *first, size_t apart, uint64_t chunk, uint32_t *cv);
} vft_blake3_ops;

extern const vft_blake3_ops vft_blake3_ops_c, vft_blake3_ops_avx2, vft_blake3_ops_avx512;
/* The table of the tier in force. */
const vft_blake3_ops *vft_blake3_dispatch(void);

#endif
