/* Scalar multilinear helpers against their defining sums. */
#include "argument/poly_util.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "field/batch.h"

static uint64_t seed = 0x5eed0001;

static uint64_t next(void) {
  uint64_t z = (seed += 0x9e3779b97f4a7c15ull);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
  return z ^ (z >> 31);
}

static vft_ext random_ext(void) {
  vft_ext e;
  for (int k = 0; k < 3; k++) e.c[k] = vft_fp_from_u64(next());
  return e;
}

static void prefixes_and_extensions(void **state) {
  (void)state;
  for (unsigned n = 0; n <= 7; n++) {
    vft_ext z[8], sum = VFT_EXT_ZERO, by_fp = VFT_EXT_ZERO, by_ext = VFT_EXT_ZERO;
    vft_fp f[128];
    vft_ext g[128];
    for (unsigned b = 0; b < n; b++) z[b] = random_ext();
    for (size_t i = 0; i < (size_t)1 << n; i++) {
      f[i] = vft_fp_from_u64(next());
      g[i] = random_ext();
    }
    for (size_t count = 0; count <= (size_t)1 << n; count++) {
      assert_true(vft_ext_eq(sum, vft_poly_eq_prefix(z, n, count)));
      assert_true(vft_ext_eq(by_fp, vft_poly_mle_fp(f, count, z, n)));
      assert_true(vft_ext_eq(by_ext, vft_poly_mle_ext(g, count, z, n)));
      if (count >> n) break;
      vft_ext e = vft_eq_index(z, n, count);
      sum = vft_ext_add(sum, e);
      by_fp = vft_ext_add(by_fp, vft_ext_mul_fp(e, f[count]));
      by_ext = vft_ext_add(by_ext, vft_ext_mul(e, g[count]));
    }
    assert_true(vft_ext_eq(sum, VFT_EXT_ONE));
  }
}

static void polynomials(void **state) {
  (void)state;
  for (unsigned d = 0; d <= 15; d++) {
    vft_ext c[16], v[16], x = random_ext(), direct = VFT_EXT_ZERO;
    for (unsigned i = 0; i <= d; i++) {
      c[i] = random_ext();
      direct = vft_ext_add(direct, vft_ext_mul(c[i], vft_ext_pow(x, i)));
    }
    for (unsigned i = 0; i <= d; i++) v[i] = vft_poly_horner(c, d, vft_ext_from_i64(i));
    assert_true(vft_ext_eq(direct, vft_poly_horner(c, d, x)));
    assert_true(vft_ext_eq(direct, vft_poly_lagrange(v, d, x)));
    for (unsigned i = 0; i <= d; i++) {
      assert_true(vft_ext_eq(v[i], vft_poly_lagrange(v, d, vft_ext_from_i64(i))));
    }
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(prefixes_and_extensions),
                                     cmocka_unit_test(polynomials)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
