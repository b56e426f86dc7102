/* The steps of the AVX-512 permutation by themselves, at the edges of what each may be given: few of
 * these are met by permuting states. */
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
#pragma GCC target("avx512f,avx512dq,avx512bw,avx512vl,avx512ifma,avx512vbmi,bmi2")
#include "../../src/hash/poseidon_avx512.c"

enum { LANES = 8, ROUNDS = 100000 };

static uint64_t rng = 0x9e3779b97f4a7c15ull;
static uint64_t next(void) {
  rng ^= rng << 13;
  rng ^= rng >> 7;
  rng ^= rng << 17;
  return rng;
}

/* At most `most`: 0, the greatest, powers of two and their neighbours, anything. */
static uint64_t edge(uint64_t most) {
  uint64_t power = 1ull << next() % (64 - (unsigned)__builtin_clzll(most));
  switch (next() % 6) {
    case 0: return 0;
    case 1: return most - next() % 2;
    case 2: return power;
    case 3: return power - 1;
    case 4: return most - (power - 1);
    default: return next() % most;
  }
}

/* lo + 2^52 hi; of a carried word only the low 52 bits of lo count. */
static uint64_t value(uint64_t lo, uint64_t hi) {
  return (uint64_t)((((vft_u128)hi << 52) + lo) % VFT_P);
}
static uint64_t lane(vft_v x, int l) {
  uint64_t t[LANES];
  vft_vstore(t, x);
  return t[l];
}

static const uint64_t most_carried = 3178688; /* 2^21.6 */

static void draw(wide *x, uint64_t lo[LANES], uint64_t hi[LANES], uint64_t most_lo, uint64_t most_hi) {
  for (int l = 0; l < LANES; l++) lo[l] = edge(most_lo), hi[l] = edge(most_hi);
  *x = (wide){vft_vload(lo), vft_vload(hi)};
}

static void inside(const wide *x, int l) {
  assert_true(lane(x->lo, l) < 5ull << 52);
  assert_true(lane(x->hi, l) < (3ull << 20) + (1 << 12));
}

static __attribute__((noinline)) void test_products_here(void) {
  for (int r = 0; r < ROUNDS; r++) {
    wide a[FLIGHT], b[FLIGHT], product[FLIGHT], square[FLIGHT];
    uint64_t al[FLIGHT][LANES], ah[FLIGHT][LANES], bl[FLIGHT][LANES], bh[FLIGHT][LANES];
    for (int i = 0; i < FLIGHT; i++) {
      draw(&a[i], al[i], ah[i], UINT64_MAX, most_carried);
      draw(&b[i], bl[i], bh[i], UINT64_MAX, most_carried);
    }
    uint64_t c[2] = {edge(UINT64_MAX), edge(UINT64_MAX)};
    const seed k[2] = {SEED(c[0]), SEED(c[1])};
    mul(FLIGHT, product, a, b, k);
    sqr(FLIGHT, square, a);
    for (int i = 0; i < FLIGHT; i++)
      for (int l = 0; l < LANES; l++) {
        vft_u128 x = value(al[i][l] & LOW52, ah[i][l]), y = value(bl[i][l] & LOW52, bh[i][l]);
        uint64_t want = (uint64_t)((x * y % VFT_P + c[i / GROUPS] % VFT_P) % VFT_P);
        assert_int_equal(value(lane(product[i].lo, l), lane(product[i].hi, l)), want);
        assert_int_equal(value(lane(square[i].lo, l), lane(square[i].hi, l)), x * x % VFT_P);
        inside(&product[i], l);
        inside(&square[i], l);
      }
  }
}

static __attribute__((noinline)) void test_reduce_here(void) {
  for (int r = 0; r < ROUNDS; r++) {
    bool small = r % 2;
    wide a, out;
    uint64_t lo[LANES], hi[LANES];
    draw(&a, lo, hi, (1ull << 63) - 1, small ? UINT32_MAX : (1ull << 46) - 1);
    out = a;
    reduce(1, &out, small);
    vft_v whole = canonical(a);
    for (int l = 0; l < LANES; l++) {
      uint64_t want = value(lo[l], hi[l]);
      assert_int_equal(lane(whole, l), want);
      assert_int_equal(value(lane(out.lo, l) & LOW52, lane(out.hi, l)), want);
      assert_true(lane(out.hi, l) < (1 << 12) + (1 << 11) + (1 << 14));
    }
  }
}

/* The largest sums of a row, of which the diagonal adds its part elsewhere. */
static __attribute__((noinline)) void test_circulant_here(void) {
  static const uint64_t row[WIDTH] = VFT_POSEIDON_CIRCULANT, most = (5ull << 52) - 1;
  for (int r = 0; r < ROUNDS / 10; r++) {
    uint64_t in[WIDTH][LANES];
    vft_v x[WIDTH];
    for (int i = 0; i < WIDTH; i++) {
      for (int l = 0; l < LANES; l++) in[i][l] = r % 2 ? edge(most) : most;
      x[i] = vft_vload(in[i]);
    }
    circulant(x);
    for (int i = 0; i < WIDTH; i++)
      for (int l = 0; l < LANES; l++) {
        vft_u128 want = 0;
        for (int j = 0; j < WIDTH; j++) want += (vft_u128)row[j] * in[(i + j) % WIDTH][l];
        assert_true(want >> 63 == 0 && lane(x[i], l) == (uint64_t)want);
      }
  }
}

/* Sums in an accumulator: as many of the largest products as may meet, then what is left. */
static __attribute__((noinline)) void test_accumulator_here(void) {
  for (int r = 0; r < ROUNDS / 100; r++) {
    uint64_t a[LANES], b[LANES], want[LANES] = {0};
    vft_vacc s = vft_vacc_zero();
    int n = r % 2 ? 1365 : 1 + (int)(next() % 1365);
    for (int l = 0; l < LANES; l++) {
      a[l] = r % 4 < 2 ? UINT64_MAX - next() % 2 : edge(UINT64_MAX);
      b[l] = r % 4 < 2 ? UINT64_MAX - next() % 2 : edge(UINT64_MAX);
      want[l] = (uint64_t)((vft_u128)(a[l] % VFT_P) * (b[l] % VFT_P) % VFT_P * (unsigned)n % VFT_P);
    }
    vft_v x = vft_vload(a), y = vft_vload(b);
    for (int i = 0; i < n; i++) vft_vacc_mac(&s, x, vft_vhigh(x), y, vft_vhigh(y));
    for (int l = 0; l < LANES; l++) {
      assert_int_equal(lane(vft_vacc_canon(s), l), want[l]);
      assert_int_equal(lane(vft_vacc_reduce(s), l) % VFT_P, want[l]);
    }
  }
}

#pragma GCC pop_options

/* Outside of the options: a machine without the instructions meets none. */
#define WHERE_THERE_IS(NAME)                       \
  static void NAME(void **unused) {                \
    (void)unused;                                  \
    if (vft_simd_tier() < VFT_SIMD_AVX512) skip(); \
    NAME##_here();                                 \
  }
WHERE_THERE_IS(test_products)
WHERE_THERE_IS(test_reduce)
WHERE_THERE_IS(test_circulant)
WHERE_THERE_IS(test_accumulator)

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_products),
      cmocka_unit_test(test_reduce),
      cmocka_unit_test(test_circulant),
      cmocka_unit_test(test_accumulator),
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
