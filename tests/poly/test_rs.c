/* The transform against direct evaluation (Horner), in every SIMD tier. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/cpu.h"
#include "base/mem.h"
#include "base/pool.h"
#include "field/field_values.h"
#include "poly/rs.h"

static vft_fp horner(const vft_fp *a, size_t len, vft_fp x) {
  vft_fp y = {0};
  for (size_t i = len; i-- > 0;) y = vft_fp_add(vft_fp_mul(y, x), a[i]);
  return y;
}

static void points(void **state) {
  (void)state;
  for (unsigned log = 1; log <= 12; log++) {
    vft_fp w = vft_fp_root(log);
    for (size_t j = 0; j < (size_t)1 << log; j++) {
      uint64_t rev = 0;
      for (unsigned b = 0; b < log; b++) rev |= (j >> b & 1) << (log - 1 - b);
      vft_fp x = vft_rs_point(log, j);
      assert_true(x.v == vft_fp_pow(w, rev).v);
      assert_true(x.v == vft_rs_point(log + 3, j).v);
      assert_true(vft_fp_sqr(x).v == vft_rs_point(log - 1, j >> 1).v);
      assert_true(vft_fp_neg(x).v == vft_rs_point(log, j ^ 1).v);
    }
  }
}

/* Every position when short, a sample when long. */
static void check_code(unsigned c, unsigned rate, size_t nrows) {
  vft_rs *code;
  assert_int_equal(vft_rs_new(&code, c, rate), VFT_OK);
  assert_int_equal(vft_rs_log_message(code), c);
  assert_int_equal(vft_rs_log_length(code), c + rate);
  size_t len = (size_t)1 << c, n = len << rate, groups = (nrows + 7) / 8;
  vft_fp *rows = vft_alloc(nrows * len, 8), *out = vft_alloc_raw(groups * n * 8, 8);
  for (size_t i = 0; i < nrows * len; i++) rows[i] = test_fp();
  memset(out, 0xff, groups * n * 64);
  assert_int_equal(vft_rs_encode(code, rows, nrows, out), VFT_OK);
  for (size_t i = 0; i < groups * n * 8; i++) assert_true(out[i].v < VFT_P);
  size_t samples = n <= 1024 ? n : 40;
  for (size_t s = 0; s < samples; s++) {
    size_t j = n <= 1024 ? s : s < 2 ? s * (n - 1) : test_u64() % n;
    vft_fp x = vft_rs_point(c + rate, j);
    for (size_t r = 0; r < groups * 8; r++) {
      vft_fp want = r < nrows ? horner(rows + r * len, len, x) : (vft_fp){0};
      assert_true(out[(r / 8 * n + j) * 8 + r % 8].v == want.v);
    }
  }
  vft_free(rows);
  vft_free(out);
  vft_rs_free(code);
}

static void codewords_are_evaluations(void **state) {
  (void)state;
  for (unsigned c = 0; c <= 9; c++)
    for (unsigned rate = 0; rate <= 6; rate++)
      if (c + rate >= 1) check_code(c, rate, 1 + (c + rate) % 3);
  check_code(5, 1, 17);
  check_code(12, 1, 9);
  check_code(13, 1, 3);
  check_code(14, 2, 1);
  check_code(15, 1, 1);
}

/* Splitting bounds: all inputs of one edge value, so that every butterfly meets it. */
static void edge_messages(void **state) {
  (void)state;
  const uint64_t edge[] = {VFT_P - 1, 0xffefffffffffffffull, 0xffffffffull, 1,
                           0xfffffffe00000000ull};
  vft_rs *code;
  assert_int_equal(vft_rs_new(&code, 8, 1), VFT_OK);
  vft_fp *rows = vft_alloc(8 << 8, 8), *out = vft_alloc(8 << 9, 8);
  for (size_t e = 0; e < 5; e++) {
    for (size_t i = 0; i < 8 << 8; i++) rows[i] = (vft_fp){i >> 8 & 1 && i & 1 ? 0 : edge[e]};
    assert_int_equal(vft_rs_encode(code, rows, 8, out), VFT_OK);
    for (size_t j = 0; j < 512; j++)
      for (size_t r = 0; r < 2; r++)
        assert_true(out[j * 8 + r].v == horner(rows + (r << 8), 256, vft_rs_point(9, j)).v);
  }
  vft_free(rows);
  vft_free(out);
  vft_rs_free(code);
}

static void tiers_and_threads_agree(void **state) {
  (void)state;
  vft_simd best = vft_simd_force(VFT_SIMD_AVX512);
  for (unsigned c = 3; c <= 11; c++) {
    vft_rs *code;
    assert_int_equal(vft_rs_new(&code, c, 1 + c % 3), VFT_OK);
    size_t nrows = 19, n = (size_t)1 << vft_rs_log_length(code), bytes = 3 * n * 64;
    vft_fp *rows = vft_alloc(nrows << c, 8), *a = vft_alloc(bytes, 1), *b = vft_alloc(bytes, 1);
    for (size_t i = 0; i < nrows << c; i++) rows[i] = test_fp();
    vft_threads_set(1);
    vft_simd_force(VFT_SIMD_C);
    assert_int_equal(vft_rs_encode(code, rows, nrows, a), VFT_OK);
    vft_threads_set(3);
    vft_simd_force(best);
    assert_int_equal(vft_rs_encode(code, rows, nrows, b), VFT_OK);
    assert_memory_equal(a, b, bytes);
    vft_free(rows);
    vft_free(a);
    vft_free(b);
    vft_rs_free(code);
  }
  vft_threads_set(0);
}

static void refuses_impossible_lengths(void **state) {
  (void)state;
  vft_rs *code;
  assert_int_equal(vft_rs_new(&code, 0, 0), VFT_USAGE);
  assert_int_equal(vft_rs_new(&code, 31, 0), VFT_USAGE);
  assert_int_equal(vft_rs_new(&code, 20, 11), VFT_USAGE);
  assert_int_equal(vft_rs_new(&code, 1, UINT32_MAX), VFT_USAGE);
}

static int force_c(void **state) {
  (void)state;
  vft_simd_force(VFT_SIMD_C);
  return 0;
}
static int force_best(void **state) {
  (void)state;
  vft_simd_force(VFT_SIMD_AVX512);
  return 0;
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(points),
      cmocka_unit_test_setup(codewords_are_evaluations, force_c),
      cmocka_unit_test_setup(codewords_are_evaluations, force_best),
      cmocka_unit_test_setup(edge_messages, force_c),
      cmocka_unit_test_setup(edge_messages, force_best),
      cmocka_unit_test(tiers_and_threads_agree),
      cmocka_unit_test(refuses_impossible_lengths),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
