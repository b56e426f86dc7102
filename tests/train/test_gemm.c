/* Matrix products against sums in 128 bits: random shapes, strides, axes and types, extreme
 * values, every SIMD tier, several numbers of threads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/cpu.h"
#include "base/mem.h"
#include "base/pool.h"
#include "train/gemm.h"

static uint64_t state = 20240917;
static uint64_t next64(void) {
  uint64_t z = state += 0x9e3779b97f4a7c15ull;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
  return z ^ (z >> 31);
}
static size_t below(size_t n) { return (size_t)(next64() % n); }

typedef enum { UNIFORM, SMALL, LEAST, GREATEST, ALTERNATE, SPARSE, FILLS } fill;

static int64_t value(fill how, int bits, size_t i) {
  int64_t top = bits >= 64 ? INT64_MAX : ((int64_t)1 << (bits - 1)) - 1, low = -top - 1;
  int64_t uniform = low + (int64_t)(bits >= 64 ? next64() : next64() % ((uint64_t)1 << bits));
  switch (how) {
    case SMALL: return uniform % 50;
    case LEAST: return low;
    case GREATEST: return top;
    case ALTERNATE: return i % 2 ? low : top;
    case SPARSE: return below(9) ? 0 : uniform;
    default: return uniform;
  }
}

/* A buffer of n elements; U16 takes absolute values, as wide as the type allows. */
static void *make(vft_dtype type, int bits, fill how, size_t n) {
  vft_array a = {type, vft_alloc(n + 1, vft_dtype_size(type))};
  assert_non_null(a.data);
  for (size_t i = 0; i < n; i++) {
    int64_t v = value(how, bits, i);
    if (type == VFT_U16) v = v < 0 ? -(v + 1) : v;
    vft_array_set(&a, i, v);
  }
  return a.data;
}

static int64_t get(vft_dtype type, const void *data, ptrdiff_t at) {
  vft_array a = {type, (void *)data};
  return vft_array_get(&a, (size_t)at);
}

/* Bits of a sum that may be formed must stay below 63. */
static void reference(const vft_gemm_task *t) {
  size_t outer = 1, sums = 1;
  for (uint32_t x = 0; x < t->nouter; x++) outer *= t->outer[x].n;
  for (uint32_t x = 0; x < t->nsum; x++) sums *= t->sum[x].n;
  for (size_t o = 0; o < outer; o++)
    for (size_t i = 0; i < t->m; i++)
      for (size_t j = 0; j < t->n; j++) {
        ptrdiff_t a = (ptrdiff_t)i * t->am, b = (ptrdiff_t)j * t->bn;
        ptrdiff_t c = (ptrdiff_t)i * t->cm + (ptrdiff_t)j * t->cn;
        size_t rest = o;
        for (uint32_t x = t->nouter; x-- > 0; rest /= t->outer[x].n) {
          ptrdiff_t at = (ptrdiff_t)(rest % t->outer[x].n);
          a += at * t->outer[x].a, b += at * t->outer[x].b, c += at * t->outer[x].c;
        }
        __int128 sum = 0;
        for (size_t s = 0; s < sums; s++) {
          ptrdiff_t sa = a, sb = b;
          rest = s;
          for (uint32_t x = t->nsum; x-- > 0; rest /= t->sum[x].n) {
            ptrdiff_t at = (ptrdiff_t)(rest % t->sum[x].n);
            sa += at * t->sum[x].a, sb += at * t->sum[x].b;
          }
          for (size_t k = 0; k < t->k; k++)
            sum += (__int128)get(t->ta, t->a, sa + (ptrdiff_t)k * t->ak) *
                   get(t->tb, t->b, sb + (ptrdiff_t)k * t->bk);
        }
        t->c[c] = (int64_t)((t->replace ? 0 : t->c[c]) + sum * t->coef);
      }
}

/* One operand: a random order of its axes (contiguous in that order, gaps at times), or shared
 * along an outer axis (stride 0). Returns the elements it spans. */
static size_t lay_out(const size_t *n, ptrdiff_t *stride, int count, bool gaps) {
  int order[6];
  for (int i = 0; i < count; i++) order[i] = i;
  for (int i = count; i > 1; i--) {
    int j = (int)below((size_t)i), x = order[i - 1];
    order[i - 1] = order[j], order[j] = x;
  }
  size_t at = gaps && !below(4) ? 2 : 1;
  for (int i = 0; i < count; i++) {
    stride[order[i]] = (ptrdiff_t)at;
    at *= n[order[i]];
    if (gaps) at += below(3);
  }
  return at;
}

static const vft_simd tiers[] = {VFT_SIMD_C, VFT_SIMD_AVX2, VFT_SIMD_AVX512};

/* Every tier and number of threads. */
static void check_sums(vft_gemm_task *t, size_t c_count, const char *what) {
  int64_t *start = vft_alloc(c_count, sizeof *start), *want = vft_alloc(c_count, sizeof *want);
  int64_t *got = vft_alloc(c_count, sizeof *got);
  for (size_t i = 0; i < c_count; i++) start[i] = want[i] = (int64_t)(next64() >> 20);
  t->c = want;
  reference(t);
  t->c = got;
  for (size_t v = 0; v < sizeof tiers / sizeof *tiers; v++) {
    if (vft_simd_force(tiers[v]) != tiers[v]) continue;
    for (int threads = 1; threads <= 3; threads++) {
      vft_threads_set(threads);
      memcpy(got, start, c_count * sizeof *got);
      assert_int_equal(vft_gemm(t), VFT_OK);
      for (size_t i = 0; i < c_count; i++)
        if (got[i] != want[i])
          fail_msg("%s: %zu x %zu x %zu, types %d %d, strides %td %td, %td %td, tier %s, "
                   "%d threads%s: element %zu is %lld, expected %lld", what, t->m, t->n, t->k, t->ta,
                   t->tb, t->am, t->ak, t->bn, t->bk, vft_simd_name(tiers[v]), threads,
                   t->replace ? ", replacing" : "", i,
                   (long long)got[i], (long long)want[i]);
    }
  }
  vft_simd_force(VFT_SIMD_AVX512);
  vft_free(start), vft_free(want), vft_free(got);
}

/* Added to what is there and in place of it; frees nothing of the caller's. */
static void check(vft_gemm_task *t, size_t c_count, const char *what) {
  check_sums(t, c_count, what);
  t->replace = true;
  check_sums(t, c_count, what);
  t->replace = false;
}

static int log2_ceil(size_t n) {
  int b = 0;
  while ((size_t)1 << b < n) b++;
  return b;
}

static void random_case(const size_t *choice, size_t choices, fill fa, fill fb) {
  static const int most_bits[] = {8, 16, 16, 32, 64};
  vft_gemm_task t = {.m = choice[below(choices)], .n = choice[below(choices)],
                     .k = choice[below(choices)]};
  t.ta = (vft_dtype)below(5), t.tb = (vft_dtype)below(5);
  t.nouter = (uint32_t)below(3), t.nsum = (uint32_t)below(2);
  size_t n[6] = {0}, outer[2] = {1, 1}, sum = 1;
  for (uint32_t x = 0; x < t.nouter; x++) outer[x] = 1 + below(3);
  if (t.nsum) sum = 1 + below(3);
  t.abits = most_bits[t.ta], t.bbits = most_bits[t.tb];
  if (below(2)) t.abits = 2 + (int)below((size_t)t.abits - 1);
  if (below(2)) t.bbits = 2 + (int)below((size_t)t.bbits - 1);
  int room = 62 - log2_ceil(t.k * sum) - 2;
  while (t.abits + t.bbits - 2 > room) {
    if (t.abits > t.bbits) t.abits--;
    else t.bbits--;
  }
  int spare = room - (t.abits + t.bbits - 2);
  t.coef = spare > 8 ? (int64_t)(next64() % 255) - 127 : spare > 1 ? -1 : 1;

  ptrdiff_t stride[6];
  bool gaps = below(2);
  n[0] = t.m, n[1] = t.k, n[2] = outer[0], n[3] = outer[1], n[4] = sum;
  size_t a_count = lay_out(n, stride, 5, gaps);
  t.am = stride[0], t.ak = stride[1];
  for (uint32_t x = 0; x < 2; x++) t.outer[x] = (vft_gemm_axis){outer[x], stride[2 + x], 0, 0};
  t.sum[0] = (vft_gemm_axis){sum, stride[4], 0, 0};
  n[0] = t.n;
  size_t b_count = lay_out(n, stride, 5, gaps);
  t.bn = stride[0], t.bk = stride[1];
  for (uint32_t x = 0; x < 2; x++) t.outer[x].b = stride[2 + x];
  t.sum[0].b = stride[4];
  if (t.nouter && !below(4)) t.outer[0].b = 0;
  n[0] = t.m, n[1] = t.n;
  size_t c_count = lay_out(n, stride, 4, gaps);
  t.cm = stride[0], t.cn = stride[1];
  for (uint32_t x = 0; x < 2; x++) t.outer[x].c = stride[2 + x];

  void *a = make(t.ta, t.abits, fa, a_count), *b = make(t.tb, t.bbits, fb, b_count);
  if (t.ta == VFT_U16 && t.abits < 17) t.abits++; /* |x| <= 2^(bits-1) all the same */
  t.a = a, t.b = b;
  check(&t, c_count, "random");
  vft_free(a), vft_free(b);
}

static void test_random(void **unused) {
  (void)unused;
  static const size_t sizes[] = {1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 33, 48, 64, 65, 70};
  printf("seed %llu\n", (unsigned long long)state);
  for (int i = 0; i < 1500; i++)
    random_case(sizes, sizeof sizes / sizeof *sizes, (fill)below(FILLS), (fill)below(FILLS));
}

static void test_extreme(void **unused) {
  (void)unused;
  static const size_t sizes[] = {4, 17, 66, 129};
  for (int fa = 0; fa < FILLS; fa++)
    for (int fb = 0; fb < FILLS; fb++)
      for (int i = 0; i < 3; i++) random_case(sizes, 4, (fill)fa, (fill)fb);
}

/* All of a type's worst products, long enough that one wrong chunk shows. */
static void test_full_range(void **unused) {
  (void)unused;
  for (int fa = LEAST; fa <= ALTERNATE; fa++)
    for (int fb = LEAST; fb <= ALTERNATE; fb++)
      for (int wide = 0; wide < 3; wide++) {
        vft_gemm_task t = {.m = 6, .n = 70, .k = 2500, .ak = 1, .bk = 1, .am = 2500, .bn = 2500,
                           .cm = 70, .cn = 1, .coef = 1, .ta = VFT_I16, .tb = VFT_I16,
                           .abits = 16, .bbits = 16};
        if (wide > 0) t.ta = VFT_I32, t.abits = 32;
        if (wide > 1) t.ta = VFT_I64, t.abits = 35;
        void *a = make(t.ta, t.abits, (fill)fa, t.m * t.k);
        void *b = make(t.tb, 16, (fill)fb, t.n * t.k);
        t.a = a, t.b = b;
        check(&t, t.m * t.n, "full range");
        vft_free(a), vft_free(b);
      }
}

/* Short sums of wide operands (the double kernel): at, and just above, the bound of its use. */
static void test_short_wide(void **unused) {
  (void)unused;
  static const int bits[][2] = {{24, 22}, {24, 25}, {25, 25}, {28, 28}, {32, 24}};
  for (size_t i = 0; i < sizeof bits / sizeof *bits; i++)
    for (size_t k = 7; k <= 70; k += 19)
      for (int f = 0; f < FILLS; f++) {
        vft_gemm_task t = {.m = 37, .n = 41, .k = k, .am = (ptrdiff_t)k, .ak = 1, .bn = 1,
                           .bk = 41, .cm = 41, .cn = 1, .coef = 4, .ta = VFT_I32,
                           .tb = VFT_I32, .abits = bits[i][0], .bbits = bits[i][1]};
        void *a = make(t.ta, t.abits, (fill)f, t.m * k), *b = make(t.tb, t.bbits, (fill)f, t.n * k);
        t.a = a, t.b = b;
        check(&t, t.m * t.n, "short and wide");
        vft_free(a), vft_free(b);
      }
}

/* More rows, products and k than one pass takes. */
static void test_passes(void **unused) {
  (void)unused;
  static const size_t shape[][4] = {
      {1500, 20, 2100, 1}, {20, 18, 9000, 2}, {60, 9, 700, 80}, {3, 1300, 100, 1},
      {16, 2, 5000, 3}};
  for (size_t i = 0; i < sizeof shape / sizeof *shape; i++) {
    size_t m = shape[i][0], n = shape[i][1], k = shape[i][2], o = shape[i][3];
    vft_gemm_task t = {.m = m, .n = n, .k = k, .am = (ptrdiff_t)k, .ak = 1, .bn = 1,
                       .bk = (ptrdiff_t)n, .cm = (ptrdiff_t)n, .cn = 1, .coef = 1, .ta = VFT_I16,
                       .tb = VFT_I16, .abits = 16, .bbits = 16, .nouter = 1};
    if (i == 0) t.ta = VFT_I32, t.abits = 31;
    t.outer[0] = (vft_gemm_axis){o, (ptrdiff_t)(m * k), (ptrdiff_t)(n * k), (ptrdiff_t)(m * n)};
    void *a = make(t.ta, t.abits, UNIFORM, o * m * k), *b = make(t.tb, 16, UNIFORM, o * n * k);
    t.a = a, t.b = b;
    check(&t, o * m * n, "passes");
    vft_free(a), vft_free(b);
  }
}

static void test_empty(void **unused) {
  (void)unused;
  int16_t x[4] = {1, 2, 3, 4};
  vft_gemm_task t = {.m = 2, .n = 2, .k = 0, .am = 1, .bn = 1, .ak = 1, .bk = 1, .a = x, .b = x,
                     .ta = VFT_I16, .tb = VFT_I16, .cm = 2, .cn = 1, .coef = 1, .abits = 16,
                     .bbits = 16};
  check(&t, 4, "no terms");
  t.k = 2, t.m = 0;
  check(&t, 4, "no rows");
  t.m = 2, t.nouter = 1, t.outer[0] = (vft_gemm_axis){0, 1, 1, 1};
  check(&t, 4, "no products");
}

/* An element beyond its declared bound is refused, not computed wrongly. */
static void test_bound(void **unused) {
  (void)unused;
  int32_t x[32] = {0};
  int16_t y[32] = {1};
  int64_t c[1] = {0};
  vft_gemm_task t = {.m = 1, .n = 1, .k = 32, .am = 32, .ak = 1, .bn = 32, .bk = 1, .a = x, .b = y,
                     .ta = VFT_I32, .tb = VFT_I16, .c = c, .cm = 1, .cn = 1, .coef = 1,
                     .abits = 20, .bbits = 16};
  x[0] = 1 << 19;
  assert_int_equal(vft_gemm(&t), VFT_OK);
  assert_int_equal(c[0], 1 << 19);
  x[0] = INT32_MIN;
  assert_int_equal(vft_gemm(&t), VFT_RESOURCE);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_random),     cmocka_unit_test(test_extreme),
      cmocka_unit_test(test_full_range), cmocka_unit_test(test_short_wide),
      cmocka_unit_test(test_passes),     cmocka_unit_test(test_empty),
      cmocka_unit_test(test_bound),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
