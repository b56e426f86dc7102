/* Edge-biased random field elements for tests. */
#ifndef VFT_TESTS_FIELD_VALUES_H
#define VFT_TESTS_FIELD_VALUES_H

#include <stdint.h>

#include "field/goldilocks.h"

static uint64_t test_seed = 0x9e3779b97f4a7c15ull;
static inline uint64_t test_u64(void) {
  uint64_t z = (test_seed += 0x9e3779b97f4a7c15ull);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
  return z ^ (z >> 31);
}

/* Half of the draws are edges: ends of the field, of the 32-bit halves and of the 52-bit limbs.
 * 0xffefffffffffffff has nearly full limbs of 52 and 12 bits: the worst case of lazy sums. */
static inline vft_fp test_fp(void) {
  static const uint64_t edge[] = {0, 1, 2, VFT_P - 1, VFT_P - 2, 0xffffffffull, 0x100000000ull,
                                  0xfffffffe00000000ull, 0xfffffffeffffffffull,
                                  0xffffffff00000000ull, 0x3fffffull, 0x7ffffffffffull,
                                  0xffefffffffffffffull, 0xfffffffffffffull, 0x10000000000000ull,
                                  0x7fffffffffffffffull, 0x8000000000000000ull};
  uint64_t r = test_u64();
  if (r & 1) return (vft_fp){edge[(r >> 1) % (sizeof edge / sizeof *edge)]};
  return (vft_fp){test_u64() % VFT_P};
}
static inline vft_ext test_ext(void) { return (vft_ext){{test_fp(), test_fp(), test_fp()}}; }

/* Independent of the field code: division of the 128-bit product. */
static inline uint64_t ref_mul(uint64_t a, uint64_t b) {
  return (uint64_t)((unsigned __int128)a * b % VFT_P);
}
static inline uint64_t ref_add(uint64_t a, uint64_t b) {
  return (uint64_t)(((unsigned __int128)a + b) % VFT_P);
}
static inline vft_ext ref_ext_mul(vft_ext a, vft_ext b) {
  uint64_t d[5] = {0};
  for (int i = 0; i < 3; i++)
    for (int j = 0; j < 3; j++) d[i + j] = ref_add(d[i + j], ref_mul(a.c[i].v, b.c[j].v));
  /* Long division by X^3 - X - 1, highest term first. */
  for (int k = 4; k >= 3; k--) {
    d[k - 2] = ref_add(d[k - 2], d[k]);
    d[k - 3] = ref_add(d[k - 3], d[k]);
  }
  return (vft_ext){{{d[0]}, {d[1]}, {d[2]}}};
}

#endif
