#include "model/dequant.h"

#include <string.h>

static const struct {
  uint8_t block, bytes;
} layout[] = {
    [VFT_DTYPE_F32] = {1, 4},    [VFT_DTYPE_F16] = {1, 2},    [VFT_DTYPE_BF16] = {1, 2},
    [VFT_DTYPE_Q8_0] = {32, 34}, [VFT_DTYPE_Q4_0] = {32, 18}, [VFT_DTYPE_Q4_1] = {32, 20},
};

size_t vft_dtype_block(vft_dtype type) { return layout[type].block; }
size_t vft_dtype_block_bytes(vft_dtype type) { return layout[type].bytes; }

static float from_bits(uint32_t bits) {
  float f;
  memcpy(&f, &bits, sizeof f);
  return f;
}

static uint32_t to_bits(float f) {
  uint32_t bits;
  memcpy(&bits, &f, sizeof bits);
  return bits;
}

static uint16_t load16(const uint8_t *p) { return (uint16_t)(p[0] | p[1] << 8); }

/* The 15 magnitude bits, moved to float32's place, read as a float 2^112 times too small;
 * scaling is exact, for subnormal halves too. */
float vft_f16_to_f32(uint16_t half) {
  uint32_t sign = (uint32_t)(half & 0x8000) << 16;
  uint32_t magnitude = (uint32_t)(half & 0x7fff) << 13;
  uint32_t bits = (half & 0x7c00) == 0x7c00 ? magnitude | 0x7f800000u
                                            : to_bits(from_bits(magnitude) * 0x1p112f);
  return from_bits(sign | bits);
}

float vft_bf16_to_f32(uint16_t half) { return from_bits((uint32_t)half << 16); }

bool vft_dequantise(vft_dtype type, const uint8_t *src, size_t n, float *out) {
  switch (type) {
    case VFT_DTYPE_F32:
      for (size_t i = 0; i < n; i++)
        out[i] = from_bits((uint32_t)load16(src + 4 * i) |
                           (uint32_t)load16(src + 4 * i + 2) << 16);
      break;
    case VFT_DTYPE_F16:
      for (size_t i = 0; i < n; i++) out[i] = vft_f16_to_f32(load16(src + 2 * i));
      break;
    case VFT_DTYPE_BF16:
      for (size_t i = 0; i < n; i++) out[i] = vft_bf16_to_f32(load16(src + 2 * i));
      break;
    case VFT_DTYPE_Q8_0:
      for (size_t b = 0; b < n / 32; b++, src += 34, out += 32) {
        float scale = vft_f16_to_f32(load16(src));
        for (int i = 0; i < 32; i++) out[i] = scale * (float)(int8_t)src[2 + i];
      }
      out -= n;
      break;
    case VFT_DTYPE_Q4_0: /* low nibbles are values 0..15, high nibbles 16..31 */
      for (size_t b = 0; b < n / 32; b++, src += 18, out += 32) {
        float scale = vft_f16_to_f32(load16(src));
        for (int i = 0; i < 16; i++) {
          out[i] = scale * (float)((src[2 + i] & 15) - 8);
          out[16 + i] = scale * (float)((src[2 + i] >> 4) - 8);
        }
      }
      out -= n;
      break;
    case VFT_DTYPE_Q4_1:
      for (size_t b = 0; b < n / 32; b++, src += 20, out += 32) {
        float scale = vft_f16_to_f32(load16(src)), least = vft_f16_to_f32(load16(src + 2));
        for (int i = 0; i < 16; i++) {
          out[i] = scale * (float)(src[4 + i] & 15) + least;
          out[16 + i] = scale * (float)(src[4 + i] >> 4) + least;
        }
      }
      out -= n;
      break;
    case VFT_DTYPE_UNSUPPORTED: return false;
  }
  uint32_t bad = 0;
  for (size_t i = 0; i < n; i++) bad |= (to_bits(out[i]) & 0x7f800000u) == 0x7f800000u;
  return !bad;
}
