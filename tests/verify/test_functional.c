/* Closed forms of weights against direct sums. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "field/batch.h"
#include "relation/layout.h"
#include "verify/functional.h"

static uint64_t seed = 0x1234567;
static uint64_t rnd64(void) {
  seed ^= seed << 13;
  seed ^= seed >> 7;
  seed ^= seed << 17;
  return seed;
}
static uint32_t rnd(uint32_t n) { return (uint32_t)(rnd64() >> 20) % n; }
static vft_ext rnd_ext(void) {
  return (vft_ext){{vft_fp_from_u64(rnd64()), vft_fp_from_u64(rnd64()), vft_fp_from_u64(rnd64())}};
}
static vft_ext eq_slow(const vft_ext *z, unsigned n, uint64_t i) {
  vft_ext e = VFT_EXT_ONE;
  for (unsigned b = 0; b < n; b++)
    e = vft_ext_mul(e, i >> b & 1 ? z[b] : vft_ext_sub(VFT_EXT_ONE, z[b]));
  return e;
}

static void test_iota(void **state) {
  (void)state;
  vft_ext z[7];
  for (int b = 0; b < 7; b++) z[b] = rnd_ext();
  for (unsigned n = 0; n <= 7; n++) {
    vft_ext iota = VFT_EXT_ZERO;
    for (uint64_t i = 0; i < 1u << n; i++)
      iota = vft_ext_add(iota, vft_ext_mul_fp(eq_slow(z, n, i), vft_fp_from_u64(i)));
    assert_true(vft_ext_eq(iota, vft_eq_iota(z, n)));
  }
}

static void test_window(void **state) {
  (void)state;
  print_message("seed %llx\n", (unsigned long long)seed);
  vft_ext z[16], v[20000];
  for (int b = 0; b < 16; b++) z[b] = rnd_ext();
  for (int i = 0; i < 20000; i++) v[i] = rnd_ext();
  for (int round = 0; round < 6000; round++) {
    unsigned n = rnd(6);
    vft_weight w = {(vft_weight_kind)rnd(3), 1 + rnd(40), v + rnd(100)};
    uint32_t off = rnd(30), start = rnd(90);
    if (round & 1) { /* aligned windows inside the support take the short way */
      off = 0;
      start = rnd(4) << n;
    }
    vft_ext want = VFT_EXT_ZERO;
    for (uint64_t i = 0; i < 1u << n; i++) {
      int64_t j = (int64_t)(start + i) - off;
      if (j < 0 || j >= w.size) continue;
      want = vft_ext_add(want, vft_ext_mul(eq_slow(z, n, i), vft_weight_at(&w, (uint32_t)j)));
    }
    assert_true(vft_ext_eq(want, vft_weight_window(&w, off, start, n, z)));
    vft_ext sum = VFT_EXT_ZERO, out[40];
    vft_weight_expand(&w, v[7], out);
    for (uint32_t i = 0; i < w.size; i++) {
      vft_ext x = vft_weight_at(&w, i);
      sum = vft_ext_add(sum, x);
      assert_true(vft_ext_eq(out[i], vft_ext_mul(v[7], x)));
    }
    assert_true(vft_ext_eq(sum, vft_weight_sum(&w)));
  }
  /* an explicit vector longer than one sub-window */
  vft_weight w = {VFT_W_VEC, 9000, v};
  uint32_t off = 1000, start = 0;
  unsigned n = 14;
  vft_ext want = VFT_EXT_ZERO;
  for (uint64_t i = off; i < off + w.size; i++)
    want = vft_ext_add(want, vft_ext_mul(eq_slow(z, n, i), v[i - off]));
  assert_true(vft_ext_eq(want, vft_weight_window(&w, off, start, n, z)));
}

static void test_equal(void **state) {
  (void)state;
  vft_ext v[8], copy[8];
  for (int i = 0; i < 8; i++) copy[i] = v[i] = rnd_ext();
  vft_axis a[2] = {{{VFT_W_EQ, 200, v}, 3}, {{VFT_W_ONES, 5, NULL}, 0}};
  vft_axis b[2] = {{{VFT_W_EQ, 200, copy}, 3}, {{VFT_W_ONES, 5, v}, 0}};
  vft_functional f = {7, 2, a}, g = {7, 2, b};
  assert_true(vft_functional_equal(&f, &g));
  assert_true(vft_functional_hash(&f) == vft_functional_hash(&g));
  copy[5].c[2] = vft_fp_add(copy[5].c[2], (vft_fp){1});
  assert_false(vft_functional_equal(&f, &g));
  copy[5] = v[5];
  b[0].off = 4;
  assert_false(vft_functional_equal(&f, &g));
  b[0].off = 3;
  g.tensor = 8;
  assert_false(vft_functional_equal(&f, &g));
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_iota),
                                     cmocka_unit_test(test_window), cmocka_unit_test(test_equal)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
