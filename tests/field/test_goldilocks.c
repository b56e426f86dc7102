#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "field/field_values.h"

enum { ROUNDS = 20000 };

static void base_operations(void **state) {
  (void)state;
  for (int k = 0; k < ROUNDS; k++) {
    vft_fp a = test_fp(), b = test_fp(), c = test_fp();
    assert_true(vft_fp_mul(a, b).v == ref_mul(a.v, b.v));
    assert_true(vft_fp_add(a, b).v == ref_add(a.v, b.v));
    assert_true(vft_fp_add(vft_fp_sub(a, b), b).v == a.v);
    assert_true(vft_fp_add(a, vft_fp_neg(a)).v == 0);
    assert_true(vft_fp_mul(a, vft_fp_add(b, c)).v ==
                vft_fp_add(vft_fp_mul(a, b), vft_fp_mul(a, c)).v);
    uint64_t hi = test_u64(), lo = test_u64();
    if (k & 1) hi = ~(hi >> 40), lo >>= 32;
    unsigned __int128 x = (unsigned __int128)hi << 64 | lo;
    assert_true(vft_fp_reduce128(hi, lo).v == (uint64_t)(x % VFT_P));
  }
}

static void integers(void **state) {
  (void)state;
  int64_t edge[] = {0, 1, -1, INT64_MAX, INT64_MIN, INT64_MIN + 1, INT32_MIN};
  for (size_t k = 0; k < sizeof edge / sizeof *edge; k++) {
    __int128 r = (__int128)edge[k] % (__int128)VFT_P;
    if (r < 0) r += VFT_P;
    assert_true(vft_fp_from_i64(edge[k]).v == (uint64_t)r);
  }
}

static void inverses_and_roots(void **state) {
  (void)state;
  for (int k = 0; k < 200; k++) {
    vft_fp a = test_fp();
    assert_true(vft_fp_mul(a, vft_fp_inv(a)).v == (a.v ? 1 : 0));
    vft_ext e = test_ext();
    vft_ext one = vft_ext_mul(e, vft_ext_inv(e));
    assert_true(vft_ext_eq(one, vft_ext_is_zero(e) ? VFT_EXT_ZERO : VFT_EXT_ONE));
  }
  assert_true(vft_fp_root(0).v == 1);
  assert_true(vft_fp_root(1).v == VFT_P - 1);
  for (unsigned log = 1; log <= 32; log++)
    assert_true(vft_fp_sqr(vft_fp_root(log)).v == vft_fp_root(log - 1).v);
}

static void extension_operations(void **state) {
  (void)state;
  for (int k = 0; k < ROUNDS; k++) {
    vft_ext a = test_ext(), b = test_ext(), c = test_ext();
    vft_ext ab = vft_ext_mul(a, b);
    assert_true(vft_ext_eq(ab, ref_ext_mul(a, b)));
    assert_true(vft_ext_eq(vft_ext_mul(ab, c), vft_ext_mul(a, vft_ext_mul(b, c))));
    assert_true(vft_ext_eq(vft_ext_mul(a, vft_ext_add(b, c)), vft_ext_add(ab, vft_ext_mul(a, c))));
    assert_true(vft_ext_eq(vft_ext_mul_fp(a, b.c[0]), vft_ext_mul(a, vft_ext_from_fp(b.c[0]))));
    assert_true(vft_ext_eq(vft_ext_add(vft_ext_sub(a, b), b), a));
  }
}

/* X^3 - X - 1 is irreducible over F when X^(p^3) = X modulo it and X^p - X is a unit: a factor of
 * degree 1 would divide X^p - X. */
static void modulus_is_irreducible(void **state) {
  (void)state;
  vft_ext x = {{{0}, {1}, {0}}};
  assert_true(vft_ext_eq(vft_ext_pow(x, 3), vft_ext_add(x, VFT_EXT_ONE)));
  vft_ext xp = vft_ext_pow(x, VFT_P);
  vft_ext d = vft_ext_sub(xp, x);
  assert_true(vft_ext_eq(vft_ext_mul(d, vft_ext_inv(d)), VFT_EXT_ONE));
  vft_ext xp3 = vft_ext_pow(vft_ext_pow(xp, VFT_P), VFT_P);
  assert_true(vft_ext_eq(xp3, x));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(base_operations),      cmocka_unit_test(integers),
      cmocka_unit_test(inverses_and_roots),   cmocka_unit_test(extension_operations),
      cmocka_unit_test(modulus_is_irreducible),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
