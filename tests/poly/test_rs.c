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

/* Words at which carries, borrows and halves turn: as elements, all below p. */
static const uint64_t edge[] = {VFT_P - 1,
                                0xffefffffffffffffull,
                                0xffffffffull,
                                1,
                                0xfffffffe00000000ull,
                                0,
                                VFT_P - 2,
                                0x7fffffffffffffffull,
                                0x8000000000000000ull,
                                0x7fffffff80000000ull,
                                0x7fffffff80000001ull,
                                0x100000000ull,
                                0xfffffffeull,
                                0xffff000000000000ull,
                                0xfffffffeffffffffull,
                                VFT_P - 0xffffffffull};
enum { EDGES = sizeof edge / sizeof *edge };

/* Splitting bounds: all inputs of one edge value, so that every butterfly meets it. */
static void edge_messages(void **state) {
  (void)state;
  vft_rs *code;
  assert_int_equal(vft_rs_new(&code, 8, 1), VFT_OK);
  vft_fp *rows = vft_alloc(8 << 8, 8), *out = vft_alloc(8 << 9, 8);
  for (size_t e = 0; e < EDGES; e++) {
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

/* Any elements, edge values only, or one edge value at few places among zeros: then butterflies
 * meet products of an edge value and of a root of one as they are. */
static void draw_rows(vft_fp *rows, size_t n, int kind) {
  for (size_t i = 0; i < n; i++) {
    uint64_t r = test_u64();
    rows[i] = kind == 0 ? test_fp() : (vft_fp){kind == 2 && r >> 32 & 7 ? 0 : edge[r % EDGES]};
  }
}

static void tiers_and_threads_agree(void **state) {
  (void)state;
  vft_simd best = vft_simd_force(VFT_SIMD_AVX512);
  for (unsigned c = 0; c <= 11; c++) {
    vft_rs *code;
    assert_int_equal(vft_rs_new(&code, c, 1 + c % 3), VFT_OK);
    size_t nrows = 19, n = (size_t)1 << vft_rs_log_length(code), bytes = 3 * n * 64;
    vft_fp *rows = vft_alloc(nrows << c, 8), *a = vft_alloc(bytes, 1), *b = vft_alloc(bytes, 1);
    for (int round = 0; round < (c < 6 ? 60 : 6); round++) {
      draw_rows(rows, nrows << c, round % 3);
      vft_threads_set(1);
      vft_simd_force(VFT_SIMD_C);
      assert_int_equal(vft_rs_encode(code, rows, nrows, a), VFT_OK);
      vft_threads_set(3);
      for (vft_simd tier = VFT_SIMD_AVX2; tier <= best; tier++) {
        vft_simd_force(tier);
        memset(b, 0xff, bytes);
        assert_int_equal(vft_rs_encode(code, rows, nrows, b), VFT_OK);
        assert_memory_equal(a, b, bytes);
      }
    }
    vft_free(rows);
    vft_free(a);
    vft_free(b);
    vft_rs_free(code);
  }
  vft_threads_set(0);
}

/* Any length, any missing rows. */
static void interleaving(void **state) {
  (void)state;
  enum { MAX = 21 };
  vft_fp rows[8][MAX], out[8 * (MAX + 1)];
  vft_simd best = vft_simd_force(VFT_SIMD_AVX512);
  for (vft_simd tier = VFT_SIMD_C; tier <= best; tier++) {
    vft_simd_force(tier);
    for (size_t len = 0; len <= MAX; len++)
      for (unsigned present = 0; present < 256; present += len % 4 ? 15 : 1) {
        const vft_fp *row[8];
        draw_rows(rows[0], 8 * MAX, 0);
        for (int l = 0; l < 8; l++) row[l] = present >> l & 1 ? rows[l] : NULL;
        memset(out, 0xff, sizeof out);
        vft_rs_interleave(out, row, len);
        for (size_t i = 0; i < 8 * (len + 1); i++) {
          uint64_t want = i / 8 == len ? UINT64_MAX : row[i % 8] ? row[i % 8][i / 8].v : 0;
          assert_true(out[i].v == want);
        }
      }
  }
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
static int force_avx2(void **state) {
  (void)state;
  vft_simd_force(VFT_SIMD_AVX2);
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
      cmocka_unit_test_setup(codewords_are_evaluations, force_avx2),
      cmocka_unit_test_setup(codewords_are_evaluations, force_best),
      cmocka_unit_test_setup(edge_messages, force_c),
      cmocka_unit_test_setup(edge_messages, force_avx2),
      cmocka_unit_test_setup(edge_messages, force_best),
      cmocka_unit_test(tiers_and_threads_agree),
      cmocka_unit_test(interleaving),
      cmocka_unit_test(refuses_impossible_lengths),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
