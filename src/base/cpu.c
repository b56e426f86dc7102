#include "base/cpu.h"

#include <stdlib.h>
#include <string.h>

static vft_simd machine_tier(void) {
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
      __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
      __builtin_cpu_supports("avx512ifma") && __builtin_cpu_supports("avx512vbmi") &&
      __builtin_cpu_supports("avx512vnni"))
    return VFT_SIMD_AVX512;
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi2")) return VFT_SIMD_AVX2;
#endif
  return VFT_SIMD_C;
}

static int chosen = -1;

vft_simd vft_simd_force(vft_simd tier) {
  vft_simd top = machine_tier();
  chosen = tier < top ? (int)tier : (int)top;
  return (vft_simd)chosen;
}

vft_simd vft_simd_tier(void) {
  if (chosen >= 0) return (vft_simd)chosen;
  const char *cap = getenv("VFT_SIMD");
  vft_simd want = VFT_SIMD_AVX512;
  if (cap && !strcmp(cap, "c")) want = VFT_SIMD_C;
  if (cap && !strcmp(cap, "avx2")) want = VFT_SIMD_AVX2;
  return vft_simd_force(want);
}

const char *vft_simd_name(vft_simd tier) {
  static const char *const names[] = {"c", "avx2", "avx512"};
  return names[tier];
}
