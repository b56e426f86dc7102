/* Every array kernel, in every SIMD tier, against the scalar definition; lengths around the
 * vector widths; constant worst-case arrays long enough to overflow an unsafe accumulator. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/cpu.h"
#include "field/batch.h"
#include "field/field_values.h"

enum { MAX = 9000 };
static vft_fp fa[2 * MAX], fb[2 * MAX], fo[2 * MAX], fs[2 * MAX];
static vft_ext xa[2 * MAX], xb[2 * MAX], xc[2 * MAX], xo[2 * MAX], xs[2 * MAX];
static union {
  int8_t i8[2 * MAX];
  int16_t i16[2 * MAX];
  int32_t i32[2 * MAX];
  int64_t i64[2 * MAX];
  vft_fp fp[2 * MAX];
} num;

static const size_t lengths[] = {0,  1,  2,  3,  4,  5,  6,  7,  8,  9,   10,  11,  12,  13,   14,
                                 15, 16, 17, 23, 24, 31, 64, 65, 511, 512, 513, 2049, 4100};
#define EACH_LENGTH(n) \
  for (size_t li = 0, n; li < sizeof lengths / sizeof *lengths && (n = lengths[li], 1); li++)

static void fill(size_t n) {
  for (size_t i = 0; i < n; i++) {
    fa[i] = test_fp(), fb[i] = test_fp();
    xa[i] = test_ext(), xb[i] = test_ext(), xc[i] = test_ext();
  }
}

static void fill_num(vft_elem type, size_t n) {
  for (size_t i = 0; i < n; i++) {
    uint64_t r = test_u64(), edge = r & 3;
    switch (type) {
      case VFT_ELEM_I8: num.i8[i] = edge == 0 ? INT8_MIN : (int8_t)(r >> 8); break;
      case VFT_ELEM_I16: num.i16[i] = edge == 0 ? INT16_MIN : (int16_t)(r >> 8); break;
      case VFT_ELEM_I32: num.i32[i] = edge == 0 ? INT32_MIN : (int32_t)(r >> 8); break;
      case VFT_ELEM_I64:
        num.i64[i] = edge == 0 ? INT64_MIN : edge == 1 ? INT64_MAX : (int64_t)r;
        break;
      case VFT_ELEM_FP: num.fp[i] = test_fp(); break;
    }
  }
}

static vft_fp get_num(vft_elem type, size_t i) {
  switch (type) {
    case VFT_ELEM_I8: return vft_fp_from_i64(num.i8[i]);
    case VFT_ELEM_I16: return vft_fp_from_i64(num.i16[i]);
    case VFT_ELEM_I32: return vft_fp_from_i64(num.i32[i]);
    case VFT_ELEM_I64: return vft_fp_from_i64(num.i64[i]);
    default: return num.fp[i];
  }
}

static void equal_fp(vft_fp a, vft_fp b) { assert_true(a.v == b.v); }
static void equal_ext(vft_ext a, vft_ext b) { assert_true(vft_ext_eq(a, b)); }

static void base_maps(void **state) {
  (void)state;
  EACH_LENGTH(n) {
    fill(n);
    memset(fo, 0xee, sizeof fo);
    vft_fp w = test_fp();
    vft_fp_add_n(fo, fa, fb, n);
    for (size_t i = 0; i < n; i++) equal_fp(fo[i], vft_fp_add(fa[i], fb[i]));
    vft_fp_sub_n(fo, fa, fb, n);
    for (size_t i = 0; i < n; i++) equal_fp(fo[i], vft_fp_sub(fa[i], fb[i]));
    vft_fp_mul_n(fo, fa, fb, n);
    for (size_t i = 0; i < n; i++) equal_fp(fo[i], (vft_fp){ref_mul(fa[i].v, fb[i].v)});
    vft_fp_scale_n(fo, fa, w, n);
    for (size_t i = 0; i < n; i++) equal_fp(fo[i], vft_fp_mul(fa[i], w));
    assert_true(fo[n].v == 0xeeeeeeeeeeeeeeeeull); /* nothing beyond n is written */
    memcpy(fo, fa, n * sizeof *fo);
    vft_fp_mul_n(fo, fo, fb, n);
    for (size_t i = 0; i < n; i++) equal_fp(fo[i], vft_fp_mul(fa[i], fb[i]));
    vft_fp sum = {0}, dot = {0};
    for (size_t i = 0; i < n; i++) {
      sum = vft_fp_add(sum, fa[i]);
      dot = vft_fp_add(dot, vft_fp_mul(fa[i], fb[i]));
    }
    equal_fp(vft_fp_sum_n(fa, n), sum);
    equal_fp(vft_fp_dot_n(fa, fb, n), dot);
    vft_fp_inv_n(fo, fa, fs, n);
    for (size_t i = 0; i < n; i++) equal_fp(vft_fp_mul(fo[i], fa[i]), (vft_fp){fa[i].v ? 1 : 0});
  }
}

static void extension_maps(void **state) {
  (void)state;
  EACH_LENGTH(n) {
    fill(n);
    memset(xo, 0xee, sizeof xo);
    vft_ext w = test_ext(), sum = VFT_EXT_ZERO, dot = VFT_EXT_ZERO, dot3 = VFT_EXT_ZERO;
    vft_ext_add_n(xo, xa, xb, n);
    for (size_t i = 0; i < n; i++) equal_ext(xo[i], vft_ext_add(xa[i], xb[i]));
    vft_ext_sub_n(xo, xa, xb, n);
    for (size_t i = 0; i < n; i++) equal_ext(xo[i], vft_ext_sub(xa[i], xb[i]));
    vft_ext_mul_n(xo, xa, xb, n);
    for (size_t i = 0; i < n; i++) equal_ext(xo[i], ref_ext_mul(xa[i], xb[i]));
    vft_ext_mul_fp_n(xo, xa, fa, n);
    for (size_t i = 0; i < n; i++) equal_ext(xo[i], vft_ext_mul_fp(xa[i], fa[i]));
    vft_ext_scale_n(xo, xa, w, n);
    for (size_t i = 0; i < n; i++) equal_ext(xo[i], vft_ext_mul(xa[i], w));
    memcpy(xo, xb, n * sizeof *xo);
    vft_ext_axpy_n(xo, w, xa, n);
    for (size_t i = 0; i < n; i++) equal_ext(xo[i], vft_ext_add(xb[i], vft_ext_mul(w, xa[i])));
    assert_true(xo[n].c[0].v == 0xeeeeeeeeeeeeeeeeull);
    memcpy(xo, xa, n * sizeof *xo);
    vft_ext_mul_n(xo, xo, xo, n);
    for (size_t i = 0; i < n; i++) {
      equal_ext(xo[i], vft_ext_mul(xa[i], xa[i]));
      sum = vft_ext_add(sum, xa[i]);
      vft_ext ab = vft_ext_mul(xa[i], xb[i]);
      dot = vft_ext_add(dot, ab);
      dot3 = vft_ext_add(dot3, vft_ext_mul(ab, xc[i]));
    }
    equal_ext(vft_ext_sum_n(xa, n), sum);
    equal_ext(vft_ext_dot_n(xa, xb, n), dot);
    equal_ext(vft_ext_dot3_n(xa, xb, xc, n), dot3);
    if (n) xa[n / 2] = VFT_EXT_ZERO;
    vft_ext_inv_n(xo, xa, xs, n);
    for (size_t i = 0; i < n; i++)
      equal_ext(vft_ext_mul(xo[i], xa[i]),
                vft_ext_is_zero(xa[i]) ? VFT_EXT_ZERO : VFT_EXT_ONE);
  }
}

/* Against sums of seventh powers at 0 .. 7. */
static void seventh_powers(void **state) {
  (void)state;
  EACH_LENGTH(n) {
    fill(n);
    vft_ext c[8], d[8];
    vft_ext_line7_n(c, xa, xb, xc, n);
    vft_fp_line7_n(d, fa, fb, xc, n);
    for (unsigned t = 0; t < 8; t++) {
      vft_ext x = VFT_EXT_ZERO, f = VFT_EXT_ZERO, y = VFT_EXT_ZERO, g = VFT_EXT_ZERO;
      for (size_t i = 0; i < n; i++) {
        vft_ext at = vft_ext_add(xa[i], vft_ext_mul_fp(vft_ext_sub(xb[i], xa[i]), (vft_fp){t}));
        vft_fp fp_at = vft_fp_add(fa[i], vft_fp_mul(vft_fp_sub(fb[i], fa[i]), (vft_fp){t}));
        x = vft_ext_add(x, vft_ext_mul(xc[i], vft_ext_pow(at, 7)));
        f = vft_ext_add(f, vft_ext_mul_fp(xc[i], vft_fp_pow(fp_at, 7)));
      }
      for (unsigned k = 8; k-- > 0;) {
        y = vft_ext_add(vft_ext_mul_fp(y, (vft_fp){t}), c[k]);
        g = vft_ext_add(vft_ext_mul_fp(g, (vft_fp){t}), d[k]);
      }
      equal_ext(y, x);
      equal_ext(g, f);
    }
  }
}

static void containers(void **state) {
  (void)state;
  for (int t = VFT_ELEM_I8; t <= VFT_ELEM_FP; t++) {
    vft_elem type = (vft_elem)t;
    EACH_LENGTH(n) {
      fill(n);
      fill_num(type, n);
      vft_ext w = test_ext(), dot = VFT_EXT_ZERO;
      memset(fo, 0xee, sizeof fo);
      memcpy(xo, xa, sizeof xo);
      vft_fp_load(fo, type, &num, n);
      vft_ext_axpy_elem(xo, w, type, &num, n);
      for (size_t i = 0; i < n; i++) {
        vft_fp x = get_num(type, i);
        equal_fp(fo[i], x);
        equal_ext(xo[i], vft_ext_add(xa[i], vft_ext_mul_fp(w, x)));
        dot = vft_ext_add(dot, vft_ext_mul_fp(xb[i], x));
      }
      assert_true(fo[n].v == 0xeeeeeeeeeeeeeeeeull);
      equal_ext(xo[n], xa[n]);
      equal_ext(vft_ext_dot_elem(type, &num, xb, n), dot);
    }
  }
}

static vft_ext line(vft_ext lo, vft_ext hi, vft_ext r) {
  return vft_ext_add(vft_ext_mul(vft_ext_sub(VFT_EXT_ONE, r), lo), vft_ext_mul(r, hi));
}

static void folds(void **state) {
  (void)state;
  EACH_LENGTH(n) {
    fill(n);
    vft_ext r = test_ext();
    for (size_t i = n; i < n + 2; i++) xa[i] = VFT_EXT_ZERO;
    memset(xo, 0xee, sizeof xo);
    vft_ext_fold_low(xo, xa, n, r);
    for (size_t i = 0; i < (n + 1) / 2; i++) equal_ext(xo[i], line(xa[2 * i], xa[2 * i + 1], r));
    assert_true(xo[(n + 1) / 2].c[0].v == 0xeeeeeeeeeeeeeeeeull);
    memcpy(xs, xa, n * sizeof *xs);
    vft_ext_fold_low(xs, xs, n, r);
    assert_memory_equal(xs, xo, (n + 1) / 2 * sizeof *xs);

    size_t halves[] = {(n + 1) / 2, n / 2 + 3, n, n + 5, 2 * n + 1};
    for (size_t h = 0; h < 5; h++) {
      size_t half = halves[h], out = n < half ? n : half;
      memset(xo, 0xee, sizeof xo);
      vft_ext_fold_high(xo, xa, n, half, r);
      for (size_t i = 0; i < out; i++)
        equal_ext(xo[i], line(xa[i], half + i < n ? xa[half + i] : VFT_EXT_ZERO, r));
      assert_true(xo[out].c[0].v == 0xeeeeeeeeeeeeeeeeull);
      memcpy(xs, xa, n * sizeof *xs);
      vft_ext_fold_high(xs, xs, n, half, r);
      assert_memory_equal(xs, xo, out * sizeof *xs);
    }
    for (int t = VFT_ELEM_I8; t <= VFT_ELEM_FP; t++) {
      vft_elem type = (vft_elem)t;
      fill_num(type, n);
      vft_fp_load(fo, type, &num, n);
      for (size_t i = 0; i < n; i++) xb[i] = vft_ext_from_fp(fo[i]);
      vft_ext_fold_low_elem(xo, type, &num, n, r);
      vft_ext_fold_low(xs, xb, n, r);
      assert_memory_equal(xs, xo, (n + 1) / 2 * sizeof *xs);
      for (size_t h = 0; h < 5; h++) {
        size_t half = halves[h], out = n < half ? n : half;
        vft_ext_fold_high_elem(xo, type, &num, n, half, r);
        vft_ext_fold_high(xs, xb, n, half, r);
        assert_memory_equal(xs, xo, out * sizeof *xs);
      }
    }
  }
}

static void eq_tables(void **state) {
  (void)state;
  for (unsigned vars = 0; vars <= 11; vars++) {
    vft_ext point[11], other[11], scale = test_ext();
    for (unsigned b = 0; b < vars; b++) point[b] = test_ext(), other[b] = test_ext();
    size_t full = (size_t)1 << vars, lens[] = {full, full - full / 3, full / 2 + 1, 1, full / 4};
    for (size_t k = 0; k < 5; k++) {
      size_t len = lens[k] > full ? full : lens[k];
      memset(xo, 0xee, sizeof xo);
      vft_eq_table(xo, point, vars, scale, len);
      for (size_t i = 0; i < len; i++)
        equal_ext(xo[i], vft_ext_mul(scale, vft_eq_index(point, vars, i)));
      assert_true(xo[len].c[0].v == 0xeeeeeeeeeeeeeeeeull);
    }
    /* sum_i eq(x, i) eq(y, i) = eq(x, y) because eq is multilinear in each argument. */
    vft_eq_table(xo, point, vars, VFT_EXT_ONE, full);
    vft_eq_table(xs, other, vars, VFT_EXT_ONE, full);
    equal_ext(vft_ext_dot_n(xo, xs, full), vft_eq_point(point, other, vars));
    equal_ext(vft_ext_sum_n(xo, full), VFT_EXT_ONE);
    /* Folding the low variable of a table is evaluating it. */
    for (size_t i = 0; i < full; i++) xb[i] = test_ext();
    vft_ext by_dot = vft_ext_dot_n(xo, xb, full);
    for (unsigned b = 0; b < vars; b++) vft_ext_fold_low(xb, xb, full >> b, point[b]);
    equal_ext(xb[0], by_dot);
  }
}

/* Sums of words' halves are put together by adding three numbers; here both additions carry. */
static void sums_that_carry(void **state) {
  (void)state;
  const uint64_t words[] = {VFT_P - 1, VFT_P - 1, 0x100000001ull};
  for (size_t lanes = 1; lanes <= 16; lanes++) {
    vft_fp sum = {0};
    vft_ext ext = VFT_EXT_ZERO;
    for (size_t i = 0; i < 3 * lanes; i++) {
      fa[i].v = i % lanes ? 0 : words[i / lanes];
      xa[i] = (vft_ext){{fa[i], fa[i], fa[i]}};
      sum = vft_fp_add(sum, fa[i]);
      ext = vft_ext_add(ext, xa[i]);
    }
    equal_fp(vft_fp_sum_n(fa, 3 * lanes), sum);
    equal_ext(vft_ext_sum_n(xa, 3 * lanes), ext);
  }
}

/* Constant arrays of the values with the fullest limbs: an accumulator drained too late fails
 * here; random data would not show it. */
static void no_accumulator_overflows(void **state) {
  (void)state;
  /* the last has the largest halves and digits of 22, 21 and 21 bits but for one bit */
  const uint64_t worst[] = {0xffefffffffffffffull, VFT_P - 1, 0xffefffffffffffffull ^ 1,
                            0xfffffffeffffffffull};
  size_t n = 2 * MAX - 7;
  for (size_t k = 0; k < 4; k++) {
    vft_fp v = {worst[k]}, count = {n};
    vft_ext x = {{v, v, v}};
    for (size_t i = 0; i < n; i++) fa[i] = v, fb[i] = v, xa[i] = x, xb[i] = x, xc[i] = x;
    vft_ext xx = ref_ext_mul(x, x);
    equal_fp(vft_fp_sum_n(fa, n), vft_fp_mul(v, count));
    equal_fp(vft_fp_dot_n(fa, fb, n), (vft_fp){ref_mul(ref_mul(v.v, v.v), n)});
    equal_ext(vft_ext_sum_n(xa, n), vft_ext_mul_fp(x, count));
    equal_ext(vft_ext_dot_n(xa, xb, n), vft_ext_mul_fp(xx, count));
    equal_ext(vft_ext_dot_elem(VFT_ELEM_FP, fa, xb, n),
              vft_ext_mul_fp(vft_ext_mul_fp(x, v), count));
    equal_ext(vft_ext_dot3_n(xa, xb, xc, n), vft_ext_mul_fp(ref_ext_mul(xx, x), count));
    vft_ext c[8], x8 = vft_ext_mul_fp(vft_ext_pow(x, 8), count);
    vft_ext_line7_n(c, xa, xb, xc, n); /* constant lines */
    for (int i = 0; i < 8; i++) equal_ext(c[i], i ? VFT_EXT_ZERO : x8);
    vft_ext x7 = vft_ext_mul_fp(vft_ext_mul_fp(x, vft_fp_pow(v, 7)), count);
    vft_fp_line7_n(c, fa, fb, xc, n);
    for (int i = 0; i < 8; i++) equal_ext(c[i], i ? VFT_EXT_ZERO : x7);
    vft_ext minus = vft_ext_neg(x);
    for (size_t i = 0; i < n; i++) xa[i] = VFT_EXT_ZERO, xb[i] = minus;
    vft_ext_line7_n(c, xa, xb, xc, n);
    equal_ext(c[7], vft_ext_neg(x8));
  }
}

/* A tier that the machine has not leaves the one below it in force. */
static int force(void **state) {
  vft_simd_force(*(vft_simd *)*state);
  return 0;
}

int main(void) {
  static vft_simd tier[3] = {VFT_SIMD_C, VFT_SIMD_AVX2, VFT_SIMD_AVX512};
  static vft_simd *each[3] = {&tier[0], &tier[1], &tier[2]};
#define EACH(t)                                                                       \
  {#t "/c", t, force, NULL, each[0]}, {#t "/avx2", t, force, NULL, each[1]},          \
  {#t "/avx512", t, force, NULL, each[2]}
  const struct CMUnitTest tests[] = {
      EACH(base_maps), EACH(extension_maps), EACH(seventh_powers),          EACH(containers),
      EACH(folds),     EACH(eq_tables), EACH(sums_that_carry), EACH(no_accumulator_overflows),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
