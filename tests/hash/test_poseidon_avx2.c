/* The steps of the AVX2 permutation by themselves, at the edges of what each may be given: few of these
 * are met by permuting states. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/cpu.h"

/* As compiled here, which other compilers than gcc do not do by these pragmas. */
#if defined __x86_64__ && !defined __clang__
#pragma GCC push_options
#pragma GCC target("avx2,bmi2")
#include "../../src/hash/poseidon_avx2.c"

static uint64_t rng = 0x9e3779b97f4a7c15ull;
static uint64_t next(void) {
  rng ^= rng << 13;
  rng ^= rng >> 7;
  rng ^= rng << 17;
  return rng;
}

/* Below 2^bits: 0, the greatest, powers of two and their neighbours, anything. */
static uint64_t edge(unsigned bits) {
  uint64_t all = bits == 64 ? UINT64_MAX : (1ull << bits) - 1, power = 1ull << next() % bits;
  switch (next() % 6) {
    case 0: return 0;
    case 1: return all - next() % 2;
    case 2: return power;
    case 3: return power - 1;
    case 4: return all - (power - 1);
    default: return next() & all;
  }
}

static uint64_t modulo(vft_u128 x) { return (uint64_t)(x % VFT_P); }
static uint64_t lane(v4 x, int l) {
  uint64_t t[LANES];
  _mm256_storeu_si256((__m256i *)(void *)t, x);
  return t[l];
}
static v4 load(const uint64_t *x) { return _mm256_loadu_si256((const __m256i *)(const void *)x); }
static uint64_t value(pair x, int l) {
  return modulo(((vft_u128)lane(x.hi, l) << 32) + lane(x.lo, l));
}

enum { ROUNDS = 200000 };

static __attribute__((noinline)) void test_pairs_here(void) {
  for (int r = 0; r < ROUNDS; r++) {
    uint64_t lo[LANES], hi[LANES];
    for (int l = 0; l < LANES; l++) lo[l] = edge(60), hi[l] = edge(60);
    pair x = {load(lo), load(hi)}, y = reduce(x);
    v4 t = together(x);
    for (int l = 0; l < LANES; l++) {
      uint64_t want = modulo(((vft_u128)hi[l] << 32) + lo[l]);
      assert_int_equal(modulo(lane(t, l)), want);
      assert_int_equal(value(y, l), want);
      assert_true(lane(y.lo, l) <= 1ull << 33);
      assert_true(lane(y.hi, l) < (1ull << 33) + (1ull << 29));
    }
  }
}

static __attribute__((noinline)) void test_products_here(void) {
  for (int r = 0; r < ROUNDS; r++) {
    uint64_t a[LANES], b[LANES];
    for (int l = 0; l < LANES; l++) a[l] = edge(64), b[l] = edge(64);
    uint64_t c = edge(64);
    const seed k = SEED(c);
    product x = multiply(load(a), load(b));
    v4 whole = reduced(x);
    pair half = halves(x, &k);
    for (int l = 0; l < LANES; l++) {
      uint64_t want = modulo((vft_u128)a[l] * b[l]);
      assert_int_equal(modulo(lane(whole, l)), want);
      assert_int_equal(value(half, l), modulo((vft_u128)want + modulo(c)));
      assert_true(lane(half.lo, l) < 3ull << 33 && lane(half.hi, l) < 1ull << 34);
    }
  }
}

/* The largest sums of a row: nothing of the layer passes 2^64 that does not come back. */
static __attribute__((noinline)) void test_linear_layer_here(void) {
  static const uint64_t row[WIDTH] = VFT_POSEIDON_CIRCULANT;
  for (int r = 0; r < ROUNDS / 10; r++) {
    uint64_t in[WIDTH][LANES];
    v4 x[WIDTH];
    for (int i = 0; i < WIDTH; i++) {
      for (int l = 0; l < LANES; l++) in[i][l] = r % 2 ? edge(55) : (1ull << 55) - 1;
      x[i] = load(in[i]);
    }
    poseidon_linear(x);
    for (int i = 0; i < WIDTH; i++)
      for (int l = 0; l < LANES; l++) {
        vft_u128 want = i ? 0 : VFT_POSEIDON_DIAGONAL * (vft_u128)in[0][l];
        for (int j = 0; j < WIDTH; j++) want += (vft_u128)row[j] * in[(i + j) % WIDTH][l];
        assert_true(want >> 64 == 0 && lane(x[i], l) == (uint64_t)want);
      }
  }
}

#pragma GCC pop_options

/* Outside of the options: a machine without the instructions meets none. */
#define WHERE_THERE_IS(NAME)                     \
  static void NAME(void **unused) {              \
    (void)unused;                                \
    if (vft_simd_tier() < VFT_SIMD_AVX2) skip(); \
    NAME##_here();                               \
  }
WHERE_THERE_IS(test_pairs)
WHERE_THERE_IS(test_products)
WHERE_THERE_IS(test_linear_layer)

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_pairs),
      cmocka_unit_test(test_products),
      cmocka_unit_test(test_linear_layer),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
#else
static void test_elsewhere(void **unused) {
  (void)unused;
  skip();
}
int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_elsewhere)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
#endif
