/* Exact float32 values of the storage types that model files use.
 *
 * Block types follow the ggml definition; all arithmetic is float32: products of a 16-bit float
 * and a small integer are exact, the sum of Q4_1 is rounded once. */
#ifndef VFT_MODEL_DEQUANT_H
#define VFT_MODEL_DEQUANT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum {
  VFT_DTYPE_F32 = 0,
  VFT_DTYPE_F16,
  VFT_DTYPE_BF16,
  VFT_DTYPE_Q8_0,
  VFT_DTYPE_Q4_0,
  VFT_DTYPE_Q4_1,
  VFT_DTYPE_UNSUPPORTED
} vft_dtype;

/* Values in a block (1 for the plain types) and its bytes. Requires: not UNSUPPORTED. */
size_t vft_dtype_block(vft_dtype type);
size_t vft_dtype_block_bytes(vft_dtype type);

float vft_f16_to_f32(uint16_t half);
float vft_bf16_to_f32(uint16_t half);

/* out[0..n) from n values at src (any alignment, little-endian).
 * Requires: n is a multiple of the block. Returns false when a value is NaN or infinite. */
bool vft_dequantise(vft_dtype type, const uint8_t *src, size_t n, float *out);

#endif
