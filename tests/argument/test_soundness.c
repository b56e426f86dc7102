/* The soundness calculator: against floating point, numbers worked out by hand, a published
 * calculator's report, and the theorem itself on a code small enough to try every pair of words. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "argument/soundness.h"
#include "argument/whir_params.h"

static long double real(vft_bits b) { return (long double)b / (1 << 24); }
static int whole(vft_bits b) { return (int)(b >> 24); }

static void logarithms_bracket(void **state) {
  (void)state;
  uint64_t x = 1;
  for (int i = 0; i < 40000; i++) {
    long double exact = log2l((long double)x);
    long double down = real(vft_log2_down(x)), up = real(vft_log2_up(x));
    assert_true(down <= exact + 1e-15L && exact <= up + 1e-15L);
    assert_true(up - down < 0x1p-22L);
    x = i < 20000 ? x + 1 : x * 6364136223846793005ull + 1442695040888963407ull;
    if (!x) x = 1;
  }
  for (unsigned k = 0; k < 64; k++) {
    assert_int_equal(vft_log2_down((uint64_t)1 << k), VFT_BITS(k));
    assert_int_equal(vft_log2_up((uint64_t)1 << k), VFT_BITS(k));
  }
  assert_true(vft_log2_down(UINT64_MAX) <= VFT_BITS(64));
  assert_true(vft_log2_up(UINT64_MAX) >= VFT_BITS(64));
}

static void sums_are_lower_bounds(void **state) {
  (void)state;
  vft_bits b[8];
  uint64_t x = 99;
  for (int i = 0; i < 3000; i++) {
    size_t n = 1 + i % 8;
    long double sum = 0;
    for (size_t k = 0; k < n; k++) {
      x = x * 6364136223846793005ull + 1442695040888963407ull;
      b[k] = (vft_bits)((x >> 33) % (uint64_t)VFT_BITS(i % 3 ? 20 : 127));
      sum += exp2l(-real(b[k]));
    }
    long double exact = -log2l(sum), got = real(vft_bits_sum(b, n));
    if (exact < 0) exact = 0;
    assert_true(got <= exact + 1e-12L);
    assert_true(got >= exact - 0x1p-20L);
  }
  for (int k = 0; k < 8; k++) b[k] = VFT_BITS(131);
  assert_true(vft_bits_sum(b, 8) <= VFT_BITS(128));
  assert_true(vft_bits_sum(b, 8) >= VFT_BITS(128) - 16);
  assert_int_equal(vft_bits_sum(b, 0), 0);
}

/* By hand: rate 1/2 gives log2(4/3) = 0.41503750 a query; 1/4: log2(8/5) = 0.67807191;
 * 1/8: log2(16/9) = 0.83007500; 1/256: log2(512/257) = 0.99437544. */
static void queries_by_hand(void **state) {
  (void)state;
  static const struct { unsigned rate; uint32_t t; long double bits; } known[] = {
      {1, 1, 0.41503750L}, {1, 1000, 415.03750L}, {2, 100, 67.807191L}, {3, 100, 83.007500L},
      {8, 100, 99.437544L},
  };
  for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
    long double got = real(vft_query_bits(known[i].rate, 1, known[i].t));
    assert_true(fabsl(got - known[i].bits) < 1e-4L);
    /* never above (2 / (1 + rho))^t */
    long double rho = exp2l(-(long double)known[i].rate);
    assert_true(got <= (1 - log2l(1 + rho)) * known[i].t);
  }
  /* A query misses a word with e + 1 errors, e = n (1 - rho)/2, with probability 1 - (e + 1)/n. */
  for (unsigned log_n = 4; log_n < 12; log_n++)
    for (unsigned rate = 1; rate < 4; rate++) {
      unsigned n = 1u << log_n, e = (n - (n >> rate)) / 2;
      assert_true(exp2l(-real(vft_query_bits(rate, 1, 1))) >= 1 - (long double)(e + 1) / n);
    }
  /* Of other dimensions: 3 of 8, log2(16/11) = 0.54056838; only the quotient counts. */
  assert_true(fabsl(real(vft_query_bits(3, 3, 1000)) - 540.56838L) < 1e-3L);
  for (unsigned log_n = 2; log_n < 30; log_n++)
    assert_int_equal(vft_query_bits(log_n, (uint64_t)1 << (log_n - 2), 7), vft_query_bits(2, 1, 7));
  for (uint64_t k = 1; k < 64; k++) {
    unsigned e = (unsigned)(64 - k) / 2;
    assert_true(exp2l(-real(vft_query_bits(6, k, 1))) >= 1 - (long double)(e + 1) / 64);
    assert_true(vft_query_bits(6, k, 1) > vft_query_bits(6, k + 1, 1));
  }
  assert_int_equal(vft_query_bits(0, 1, 100), 0); /* rate 1: nothing is tested */
  assert_int_equal(vft_query_bits(6, 64, 100), 0);
  assert_int_equal(vft_query_bits(6, 65, 100), 0);
  /* A published calculator's report for its sample WHIR (rates 2^-1, 2^-4, 2^-7; 80, 35 and 22
   * queries) lists 33, 31 and 21 bits in the unique-decoding regime. */
  assert_int_equal(whole(vft_query_bits(1, 1, 80)), 33);
  assert_int_equal(whole(vft_query_bits(4, 1, 35)), 31);
  assert_int_equal(whole(vft_query_bits(7, 1, 22)), 21);
}

static void field_terms_by_hand(void **state) {
  (void)state;
  /* |E| = (2^64 - 2^32 + 1)^3 */
  long double field = 3 * log2l(18446744069414584321.0L);
  assert_true(real(vft_field_bits(1)) <= field && real(vft_field_bits(1)) > field - 0x1p-20L);
  assert_int_equal(whole(vft_field_bits((uint64_t)1 << 20)), 171); /* just below 172 */
  assert_int_equal(whole(vft_field_bits(((uint64_t)1 << 20) + 1)), 171);
  assert_int_equal(vft_field_bits(0), 0);
}

/* 2^10 rows of 2^14 at rate 1/2, by hand: the account's terms. */
static void account_by_hand(void **state) {
  (void)state;
  vft_whir_params p;
  assert_int_equal(vft_whir_params_choose(&p, 10, 14, 1, 0, 130, 16), VFT_OK);
  /* 14 -> 10 -> 6 left */
  assert_int_equal(p.levels, 3);
  assert_int_equal(p.level[1].log_msg, 10);
  assert_int_equal(p.level[2].log_msg, 6);
  assert_int_equal(p.level[1].log_inv_rate, 4);
  assert_int_equal(p.level[2].log_inv_rate, 7);
  /* 130 - 16 = 114 bits: 275 * 0.41503750 = 114.135; a union of three query phases needs up to
   * 1.6 bits more, 4 queries at this rate. */
  assert_in_range(p.level[0].queries, 275, 279);
  assert_in_range(p.level[1].queries, 125, 128); /* 125 * 0.91253716 = 114.07 */
  assert_in_range(p.level[2].queries, 116, 118); /* 116 * 0.98877469 = 114.70 */
  vft_soundness s = {0};
  assert_int_equal(vft_soundness_add_whir(&s, "w", &p), VFT_OK);
  assert_int_equal(s.terms, 3 * 3 + 2 + 1);
  /* level 0: 10 rounds of degree 2; 10 folds of a code of length 2^15; queries; batching */
  assert_int_equal(whole(s.term[0].bits), 187);  /* 192 - log2 20 = 187.68 */
  assert_int_equal(whole(s.term[1].bits), 173);  /* 192 - 15 - log2 10 = 173.68 */
  assert_true(s.term[2].bits >= VFT_BITS(130));
  assert_int_equal(whole(s.term[3].bits), 183);  /* 192 - log2 277 = 183.9 */
  vft_bits total = vft_soundness_total(&s);
  assert_true(total >= VFT_BITS(130) && total < VFT_BITS(131));
  assert_int_equal(vft_soundness_require(&s, 128), VFT_OK);
  /* each further term takes its share: 2^-130 + 2^-130 is 2^-129 */
  assert_int_equal(vft_soundness_add(&s, (uint64_t)1 << 62, "SZ", "large %d", 1), VFT_OK);
  assert_int_equal(vft_soundness_require(&s, 128), VFT_OK); /* 2^-129.4 */
  for (int i = 0; i < 4; i++)
    assert_int_equal(vft_soundness_add(&s, (uint64_t)1 << 63, "SZ", "larger %d", i), VFT_OK);
  assert_int_equal(vft_soundness_require(&s, 128), VFT_REJECTED);
  vft_soundness_free(&s);
}

static void account_fails_closed(void **state) {
  (void)state;
  vft_soundness s = {0};
  vft_whir_params p;
  assert_int_equal(vft_soundness_total(&s), 0);
  assert_int_equal(vft_soundness_require(&s, 128), VFT_REJECTED); /* nothing accounted */
  assert_string_equal(vft_error_check(), "soundness/bits");
  assert_int_equal(vft_soundness_add(&s, 0, "SZ", "no error at all"), VFT_USAGE);
  assert_int_equal(vft_soundness_add(&s, 1, "SZ", "one"), VFT_OK);
  assert_int_equal(vft_soundness_require(&s, 1), VFT_REJECTED); /* incomplete */
  vft_soundness_free(&s);
  assert_int_equal(vft_soundness_add(&s, 1, "SZ", "one"), VFT_OK);
  assert_int_equal(vft_soundness_require(&s, 128), VFT_OK);
  assert_int_equal(vft_soundness_require(&s, 0), VFT_REJECTED); /* no level asked */
  assert_int_equal(vft_soundness_require(&s, 192), VFT_REJECTED);
  assert_int_equal(vft_whir_params_test(&p, 4, 8, 1, 0, 4096), VFT_OK);
  assert_int_equal(vft_soundness_add_whir(&s, "w", &p), VFT_OK);
  assert_int_equal(vft_soundness_require(&s, 1), VFT_REJECTED);
  assert_string_equal(vft_error_check(), "soundness/profile");
  vft_soundness_free(&s);
  /* a longer tail: fewer bits for the same queries; one that is too long, or of level 1: refused */
  assert_int_equal(vft_whir_params_choose(&p, 4, 8, 4, 100, 128, 0), VFT_OK);
  assert_int_equal(vft_soundness_add_whir(&s, "w", &p), VFT_OK);
  assert_int_equal(vft_soundness_require(&s, 128), VFT_OK);
  vft_soundness_free(&s);
  p.level[0].tail = 256;
  assert_int_equal(vft_soundness_add_whir(&s, "w", &p), VFT_OK);
  assert_int_equal(vft_soundness_require(&s, 128), VFT_REJECTED);
  vft_soundness_free(&s);
  p.level[0].tail = 257;
  assert_int_equal(vft_soundness_add_whir(&s, "w", &p), VFT_REJECTED);
  assert_string_equal(vft_error_check(), "soundness/params");
  vft_soundness_free(&s);
  assert_int_equal(vft_whir_params_choose(&p, 4, 8, 1, 0, 128, 0), VFT_OK);
  p.level[1].tail = 1;
  assert_int_equal(vft_soundness_add_whir(&s, "w", &p), VFT_REJECTED);
  vft_soundness_free(&s);
  p.level[1].tail = 0;
  for (unsigned i = 0; i < p.levels; i++) {
    vft_whir_params q = p;
    q.level[i].queries -= 5;
    assert_int_equal(vft_soundness_add_whir(&s, "w", &q), VFT_OK);
    assert_int_equal(vft_soundness_require(&s, 128), VFT_REJECTED);
    assert_string_equal(vft_error_check(), "soundness/bits");
    vft_soundness_free(&s);
    q.level[i].queries = 0;
    assert_int_equal(vft_soundness_add_whir(&s, "w", &q), VFT_REJECTED);
    assert_int_equal(vft_soundness_require(&s, 1), VFT_REJECTED);
    vft_soundness_free(&s);
  }
}

/* Everything that can be chosen reaches its level, and the least number of queries is not wildly
 * exceeded. */
static void choice_is_tight(void **state) {
  (void)state;
  vft_whir_params p, again;
  for (unsigned k0 = 0; k0 <= 24; k0 += 3)
    for (unsigned c = 3; c <= 22 && k0 + c <= 40; c++)
      for (unsigned bits = 100; bits <= 132; bits += 16) {
        assert_int_equal(vft_whir_params_choose(&p, k0, c, 1, 0, bits, 16), VFT_OK);
        assert_int_equal(vft_whir_params_choose(&again, k0, c, 1, 0, bits, 16), VFT_OK);
        assert_memory_equal(&p, &again, sizeof p);
        assert_int_equal(vft_whir_params_check(&p), VFT_OK);
        vft_soundness s = {0};
        assert_int_equal(vft_soundness_add_whir(&s, "w", &p), VFT_OK);
        vft_bits total = vft_soundness_total(&s);
        assert_true(total >= VFT_BITS(bits) && total < VFT_BITS(bits + 1));
        vft_soundness_free(&s);
        unsigned left = k0 + c;
        for (unsigned i = 0; i < p.levels; i++) left -= p.level[i].row_vars;
        assert_true(left == p.level[p.levels - 1].log_msg && left <= VFT_WHIR_FINAL_LOG_MAX);
      }
}

/* BCIKS20 4.1 tried out: over F_5, evaluation points 1, 2, 3, 4, messages of two coefficients:
 * n = 4, rho = 1/2, e = 1. Claim: if more than n of the five r have u0 + r u1 within one error of
 * the code, then u0 and u1 agree with codewords on three common positions. All 5^8 pairs; the
 * count n is attained, so a calculator that took n - 1 would be wrong here. */
static void theorem_on_a_toy_code(void **state) {
  (void)state;
  enum { Q = 5, N = 4, WORDS = 625 };
  static unsigned char close[WORDS];
  static unsigned char agree[16][WORDS]; /* word agrees with a codeword on this set */
  int digit[WORDS][N];
  for (int u = 0; u < WORDS; u++)
    for (int i = 0, v = u; i < N; i++, v /= Q) digit[u][i] = v % Q;
  for (int u = 0; u < WORDS; u++)
    for (int a = 0; a < Q; a++)
      for (int b = 0; b < Q; b++) {
        int mask = 0;
        for (int i = 0; i < N; i++)
          if (digit[u][i] == (a + b * (i + 1)) % Q) mask |= 1 << i;
        if (__builtin_popcount((unsigned)mask) >= N - 1) close[u] = 1;
        for (int set = 0; set < 16; set++)
          if ((mask & set) == set) agree[set][u] = 1;
      }
  int worst = 0;
  for (int u0 = 0; u0 < WORDS; u0++)
    for (int u1 = 0; u1 < WORDS; u1++) {
      int joint = 0, count = 0;
      for (int set = 0; set < 16; set++)
        if (__builtin_popcount((unsigned)set) == N - 1 && agree[set][u0] && agree[set][u1])
          joint = 1;
      for (int r = 0; r < Q; r++) {
        int w = 0;
        for (int i = N; i--;) w = w * Q + (digit[u0][i] + r * digit[u1][i]) % Q;
        count += close[w];
      }
      if (count > N) assert_true(joint);
      if (!joint && count > worst) worst = count;
    }
  print_message("largest number of close points without joint agreement: %d of at most %d\n",
                worst, N);
  assert_int_equal(worst, N);
}

static void report_is_printable(void **state) {
  (void)state;
  vft_soundness s = {0};
  vft_whir_params p;
  char text[8192] = {0};
  FILE *f = fmemopen(text, sizeof text - 1, "w");
  assert_non_null(f);
  assert_int_equal(vft_whir_params_choose(&p, 10, 16, 1, 0, 130, 16), VFT_OK);
  assert_int_equal(vft_soundness_add_whir(&s, "witness opening", &p), VFT_OK);
  vft_soundness_print(&s, f);
  fclose(f);
  fputs(text, stdout);
  assert_non_null(strstr(text, "total (union bound)"));
  assert_non_null(strstr(text, "BCIKS20"));
  vft_soundness_free(&s);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(logarithms_bracket),   cmocka_unit_test(sums_are_lower_bounds),
      cmocka_unit_test(queries_by_hand),      cmocka_unit_test(field_terms_by_hand),
      cmocka_unit_test(account_by_hand),      cmocka_unit_test(account_fails_closed),
      cmocka_unit_test(choice_is_tight),      cmocka_unit_test(theorem_on_a_toy_code),
      cmocka_unit_test(report_is_printable),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
