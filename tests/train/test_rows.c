/* Elementwise kernels against their definitions, every tier: random and extreme values, lengths
 * around the vector widths. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/cpu.h"
#include "train/rows.h"

enum { MAX = 600 };
typedef __int128 i128;

static uint64_t state = 424242;
static uint64_t next64(void) {
  uint64_t z = state += 0x9e3779b97f4a7c15ull;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
  return z ^ (z >> 31);
}

/* |x| < 2^bits: of all lengths, often a power of two or next to one. */
static int64_t value(int bits) {
  uint64_t top = ((uint64_t)1 << (1 + next64() % (uint64_t)bits)) - 1;
  uint64_t r = next64(), m = r & 3 ? next64() & top : r & 4 ? top : top / 2 + 1;
  return r & 8 ? (int64_t)m : -(int64_t)m;
}

static const vft_simd tiers[] = {VFT_SIMD_C, VFT_SIMD_AVX2, VFT_SIMD_AVX512};
#define EACH_TIER(rows)                                                   \
  for (size_t tier = 0; tier < 3; tier++)                                 \
    if (vft_simd_force(tiers[tier]) == tiers[tier])                       \
      for (const vft_rows_ops *rows = vft_rows(); rows; rows = NULL)
static const size_t lengths[] = {0, 1, 2, 7, 8, 9, 15, 16, 17, 31, 63, 64, 65, 512};
enum { LENGTHS = sizeof lengths / sizeof *lengths, ROUNDS = 200 };

static int64_t x[MAX], y[MAX], q[MAX], rem_[MAX], start[MAX];

static void test_typed(void **unused) {
  (void)unused;
  static const int bits[] = {7, 15, 16, 31, 62};
  static const ptrdiff_t strides[] = {1, 0, 3, -2};
  EACH_TIER(rows)
    for (int t = 0; t < 5; t++)
      for (int li = 0; li < LENGTHS; li++)
        for (int si = 0; si < 4; si++) {
          size_t n = lengths[li];
          ptrdiff_t stride = strides[si];
          static int64_t buffer[4 * MAX];
          vft_array a = {(vft_dtype)t, buffer};
          for (size_t i = 0; i < 3 * MAX; i++) {
            int64_t v = value(bits[t]);
            vft_array_set(&a, i, t == VFT_U16 && v < 0 ? -v : v);
          }
          size_t origin = stride < 0 ? 2 * MAX : 1;
          const char *src = (const char *)buffer + origin * vft_dtype_size(a.dtype);
          rows->load(q, a.dtype, src, stride, n);
          for (size_t i = 0; i < n; i++)
            assert_int_equal(q[i], vft_array_get(&a, origin + (size_t)((ptrdiff_t)i * stride)));
          for (size_t i = 0; i < n; i++) y[i] = start[i] = value(62);
          rows->multiply(y, a.dtype, src, stride, n);
          for (size_t i = 0; i < n; i++)
            assert_true((uint64_t)y[i] == (uint64_t)start[i] * (uint64_t)q[i]);
          static int64_t other[MAX];
          vft_array b = {(vft_dtype)t, other};
          rows->store(other, b.dtype, q, n);
          for (size_t i = 0; i < n; i++) assert_int_equal(vft_array_get(&b, i), q[i]);
        }
}

static void test_sums(void **unused) {
  (void)unused;
  EACH_TIER(rows)
    for (int li = 0; li < LENGTHS; li++) {
      size_t n = lengths[li];
      int64_t coef = li % 3 ? value(20) : 1, sum = 0;
      for (size_t i = 0; i < n; i++) x[i] = value(40), y[i] = start[i] = value(61), sum += x[i];
      rows->add_scaled(y, coef, x, n);
      for (size_t i = 0; i < n; i++) assert_int_equal(y[i], start[i] + coef * x[i]);
      assert_int_equal(rows->sum(x, n), sum);
    }
}

static void test_requantise(void **unused) {
  (void)unused;
  EACH_TIER(rows)
    for (int k = 0; k <= 62; k++)
      for (int li = 0; li < LENGTHS; li++) {
        size_t n = lengths[li];
        for (size_t i = 0; i < n; i++) x[i] = value(62);
        rows->requantise(q, rem_, x, k, n);
        for (size_t i = 0; i < n; i++) {
          i128 half = k ? (i128)1 << (k - 1) : 0;
          assert_true(rem_[i] >= 0 && (i128)rem_[i] < (i128)1 << k);
          assert_true(x[i] + half == (i128)q[i] * ((i128)1 << k) + rem_[i]);
        }
      }
}

/* The quotient is checked by its defining inequality. */
static void test_divide(void **unused) {
  (void)unused;
  EACH_TIER(rows)
    for (int round = 0; round < ROUNDS; round++) {
      size_t n = lengths[round % LENGTHS];
      for (size_t i = 0; i < n; i++) {
        x[i] = value(61), y[i] = value(60);
        if (y[i] < 0 && next64() % 8) y[i] = -y[i];
        if (y[i] > 0 && next64() % 2) { /* exact halves and their neighbours */
          int64_t times = value(61) / y[i];
          x[i] = times * y[i] + y[i] / 2 + (int64_t)(next64() % 3) - 1;
          x[i] %= (int64_t)1 << 61;
        }
      }
      rows->divide(q, rem_, x, y, n);
      for (size_t i = 0; i < n; i++) {
        if (y[i] < 1) {
          assert_true(q[i] == 0 && rem_[i] == 0);
          continue;
        }
        i128 top = 2 * (i128)x[i] + y[i], by = 2 * (i128)y[i];
        assert_true(rem_[i] >= 0 && rem_[i] < by);
        assert_true(top == by * q[i] + rem_[i]);
      }
    }
}

static void test_square_root(void **unused) {
  (void)unused;
  EACH_TIER(rows)
    for (int round = 0; round < ROUNDS; round++) {
      size_t n = lengths[round % LENGTHS];
      for (size_t i = 0; i < n; i++) {
        int64_t r = value(31);
        x[i] = next64() % 2 ? value(62) : r * r + (int64_t)(next64() % 3) - 1;
        if (x[i] >= (int64_t)1 << 62) x[i] = ((int64_t)1 << 62) - 1;
      }
      rows->square_root(q, rem_, x, n);
      for (size_t i = 0; i < n; i++) {
        if (x[i] < 0) {
          assert_true(q[i] == 0 && rem_[i] == x[i]);
          continue;
        }
        i128 s = q[i];
        assert_true(s >= 0 && s * s <= x[i] && x[i] < (s + 1) * (s + 1));
        assert_true(rem_[i] == x[i] - s * s);
      }
    }
}

static void test_limbs_and_bounds(void **unused) {
  (void)unused;
  EACH_TIER(rows)
    for (int round = 0; round < ROUNDS; round++) {
      size_t n = lengths[round % LENGTHS];
      int at = (int)(next64() % 48), width = (int)(next64() % 17);
      int64_t offset = next64() % 2 ? (int64_t)1 << 61 : 0;
      for (size_t i = 0; i < n; i++) x[i] = value(61), x[i] = offset || x[i] >= 0 ? x[i] : -x[i];
      rows->limb(q, x, offset, at, width, n);
      for (size_t i = 0; i < n; i++)
        assert_int_equal(q[i], (int64_t)(((i128)x[i] + offset) >> at & (((i128)1 << width) - 1)));
      int64_t lo = INT64_MAX, hi = INT64_MIN;
      for (size_t i = 0; i < n; i++) lo = x[i] < lo ? x[i] : lo, hi = x[i] > hi ? x[i] : hi;
      assert_true(rows->inside(x, lo, hi, n));
      if (n) assert_false(rows->inside(x, lo + 1, INT64_MAX, n));
      if (n) assert_false(rows->inside(x, INT64_MIN, hi - 1, n));
    }
}

static void test_softmax_loops(void **unused) {
  (void)unused;
  EACH_TIER(rows)
    for (int round = 0; round < ROUNDS; round++) {
      size_t n = lengths[round % LENGTHS];
      int k = round % 7 ? (int)(next64() % 31) : 0;
      int8_t in[MAX];
      int64_t by = value(62), plus = value(62), best = INT64_MIN, most = 0;
      for (size_t i = 0; i < n; i++) q[i] = start[i] = value(62);
      rows->affine(q, by, plus, n);
      for (size_t i = 0; i < n; i++)
        assert_true((uint64_t)q[i] == (uint64_t)start[i] * (uint64_t)by + (uint64_t)plus);

      for (size_t i = 0; i < n; i++) {
        x[i] = value(62);
        in[i] = round % 5 == 0 || (round % 5 != 1 && next64() % 2);
        if (in[i] && x[i] >> k > best) best = x[i] >> k;
      }
      assert_int_equal(rows->top(x, in, k, n), best);
      int64_t got = rows->below(q, rem_, x, in, best, k, n);
      for (size_t i = 0; i < n; i++) {
        assert_true(q[i] == (in[i] ? best - (x[i] >> k) : 0));
        assert_true(rem_[i] == (in[i] ? x[i] & (((int64_t)1 << k) - 1) : 0));
        if (q[i] > most) most = q[i];
      }
      assert_int_equal(got, most);
    }
}

int main(void) {
  printf("seed %llu\n", (unsigned long long)state);
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_typed),       cmocka_unit_test(test_sums),
      cmocka_unit_test(test_requantise),  cmocka_unit_test(test_divide),
      cmocka_unit_test(test_square_root), cmocka_unit_test(test_limbs_and_bounds),
      cmocka_unit_test(test_softmax_loops),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
