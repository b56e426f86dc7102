/* SIMD tier of this process: decided once, capped by the environment variable VFT_SIMD
 * (c, avx2, avx512). Modules pick their table of operations by it. */
#ifndef VFT_BASE_CPU_H
#define VFT_BASE_CPU_H

typedef enum { VFT_SIMD_C = 0, VFT_SIMD_AVX2 = 1, VFT_SIMD_AVX512 = 2 } vft_simd;

/* AVX2 means BMI2 as well; AVX512 means F, DQ, BW, VL, IFMA, VBMI and VNNI together. */
vft_simd vft_simd_tier(void);
const char *vft_simd_name(vft_simd tier);
/* Tests only: force a tier not above what the machine has; returns the tier now in force. */
vft_simd vft_simd_force(vft_simd tier);

#endif
