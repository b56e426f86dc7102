/* Fixed-point functions against long double (64-bit significand) and exact identities. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "model/fixmath.h"
#include "model/tables.h"

static long double real(vft_fix x) { return ldexpl((long double)x, -64); }

static void near(vft_fix got, long double want, long double tolerance) {
  if (fabsl(real(got) - want) > tolerance) {
    print_error("got %.20Lg, want %.20Lg\n", real(got), want);
    fail();
  }
}

static void elementary_functions(void **state) {
  (void)state;
  for (int i = -400; i <= 400; i++) {
    vft_fix x = vft_fix_ratio(i * 7, 33);
    long double r = real(x);
    if (r < 42) near(vft_fix_exp(x), expl(r), ldexpl(1 + expl(r), -56));
    near(vft_fix_cos(x), cosl(r), 0x1p-56L);
    near(vft_fix_sin(x), sinl(r), 0x1p-56L);
    if (i > 0) near(vft_fix_log(x), logl(r), 0x1p-56L);
    if (i >= 0) near(vft_fix_sqrt(x), sqrtl(r), 0x1p-56L);
  }
  near(vft_fix_cos(vft_fix_int(8191)), cosl(8191), 0x1p-50L);
  near(vft_fix_sin(vft_fix_int(-1000000)), sinl(-1000000), 0x1p-44L);
  near(vft_fix_exp(vft_fix_int(-60)), expl(-60), 0x1p-63L);
  near(vft_fix_pow(vft_fix_ratio(19, 20), 100), powl(0.95L, 100), 0x1p-54L);
  near(vft_fix_div(vft_fix_int(-7), vft_fix_int(3)), -7.0L / 3, 0x1p-62L);
  assert_true(vft_fix_mul(vft_fix_int(-3), vft_fix_ratio(1, 2)) == -(VFT_FIX_ONE + VFT_FIX_ONE / 2));
}

static void integer_square_roots(void **state) {
  (void)state;
  for (uint64_t r = 0; r < 3000; r++)
    for (int d = -1; d <= 1; d++) {
      uint64_t v = r * r + (uint64_t)(int64_t)d;
      if (!r && d < 0) continue;
      uint32_t s = vft_isqrt_u64(v);
      assert_true((uint64_t)s * s <= v && (uint64_t)(s + 1) * (s + 1) > v);
    }
  assert_int_equal(vft_isqrt_u64(UINT64_MAX), UINT32_MAX);
  assert_true(vft_isqrt_u128(~(unsigned __int128)0) == UINT64_MAX);
}

static void decimals(void **state) {
  (void)state;
  vft_fix x;
  assert_int_equal(vft_fix_parse("2e-4", &x), VFT_OK);
  near(x, 2e-4L, 0x1p-63L);
  near(vft_fix_from_float(0.1f), (long double)0.1f, 0);
  near(vft_fix_from_float(-1e5f), -1e5L, 0);
  assert_int_equal(vft_fix_parse("-1.5E+1", &x), VFT_OK);
  assert_true(x == vft_fix_int(-15));
  assert_int_equal(vft_fix_parse("0", &x), VFT_OK);
  assert_true(x == 0);
  static const char *const bad[] = {"", "-", ".", "1e", "1x", "0x10", "1e400", "nan",
                                    "1234567890123456789"};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
    assert_int_equal(vft_fix_parse(bad[i], &x), VFT_USAGE);
}

static void tables_are_rounded_values(void **state) {
  (void)state;
  static int64_t a[65536], z[65536], dz[65536];
  assert_int_equal(vft_table_exp(a, 65536, 10, 24), VFT_OK);
  for (int t = 0; t < 65536; t++)
    assert_true(fabsl((long double)a[t] - ldexpl(expl(-ldexpl(t, -10)), 24)) <= 0.5L + 0x1p-20L);
  assert_int_equal(a[0], 1 << 24);
  assert_int_equal(vft_table_silu(z, dz, 10, 10, 14), VFT_OK);
  for (int i = 0; i < 65536; i++) {
    long double x = ldexpl(i - 32768, -10), sg = 1 / (1 + expl(-x));
    assert_true(fabsl((long double)z[i] - ldexpl(x * sg, 10)) <= 0.5L + 0x1p-20L);
    assert_true(fabsl((long double)dz[i] - ldexpl(sg * (1 + x * (1 - sg)), 14)) <= 0.5L + 0x1p-20L);
  }
  enum { POS = 70, HALF = 8 };
  static int64_t rot[POS * 4 * HALF];
  assert_int_equal(vft_table_rope(rot, POS, HALF, vft_fix_int(10000), 14, 1), VFT_OK);
  for (int i = 0; i < POS; i++)
    for (int e = 0; e < HALF; e++) {
      long double angle = i * powl(10000, -(long double)e / HALF);
      long double c = ldexpl(cosl(angle) / 4, 14), s = ldexpl(sinl(angle) / 4, 14);
      const int64_t *row = rot + i * 4 * HALF + e;
      assert_true(fabsl((long double)row[0] - c) <= 0.5001L);
      assert_true(fabsl((long double)row[2 * HALF] - s) <= 0.5001L);
      assert_true(row[3 * HALF] == row[0] && row[HALF] == -row[2 * HALF]);
    }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(elementary_functions),
      cmocka_unit_test(integer_square_roots),
      cmocka_unit_test(decimals),
      cmocka_unit_test(tables_are_rounded_values),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
