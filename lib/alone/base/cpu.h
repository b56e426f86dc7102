/* src/base/cpu.h for the library: portable kernels only. */
#ifndef VFT_BASE_CPU_H
#define VFT_BASE_CPU_H

typedef enum { VFT_SIMD_C = 0, VFT_SIMD_AVX2 = 1, VFT_SIMD_AVX512 = 2 } vft_simd;

static inline vft_simd vft_simd_tier(void) { return VFT_SIMD_C; }

#endif
