/* The record order: a permutation, keyed by seed and epoch, cut into steps without overlap. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "data/shuffle.h"

enum { N = 1001 };

static void is_a_permutation(void **state) {
  (void)state;
  for (size_t n = 1; n <= N; n = n < 20 ? n + 1 : n * 7 + 1) {
    uint32_t order[N + 7000];
    unsigned char seen[N + 7000] = {0};
    if (n > N) break;
    assert_int_equal(vft_shuffle(7, 3, order, n), VFT_OK);
    for (size_t i = 0; i < n; i++) {
      assert_true(order[i] < n);
      assert_int_equal(seen[order[i]]++, 0);
    }
  }
}

static void depends_on_seed_and_epoch(void **state) {
  (void)state;
  uint32_t a[N], b[N];
  assert_int_equal(vft_shuffle(1, 0, a, N), VFT_OK);
  assert_int_equal(vft_shuffle(1, 0, b, N), VFT_OK);
  assert_memory_equal(a, b, sizeof a);
  assert_int_equal(vft_shuffle(1, 1, b, N), VFT_OK);
  assert_memory_not_equal(a, b, sizeof a);
  assert_int_equal(vft_shuffle(2, 0, b, N), VFT_OK);
  assert_memory_not_equal(a, b, sizeof a);
}

/* Every position of a shuffled short list is about equally likely to hold each element. */
static void is_unbiased(void **state) {
  (void)state;
  enum { K = 5, TRIALS = 4000 };
  int count[K][K] = {{0}};
  for (uint64_t t = 0; t < TRIALS; t++) {
    uint32_t order[K];
    assert_int_equal(vft_shuffle(99, t, order, K), VFT_OK);
    for (int i = 0; i < K; i++) count[i][order[i]]++;
  }
  /* Mean 800, standard deviation about 25. */
  for (int i = 0; i < K; i++)
    for (int j = 0; j < K; j++) assert_in_range(count[i][j], 650, 950);
}

static void steps_partition_an_epoch(void **state) {
  (void)state;
  enum { S = 4, STEPS = N / S };
  unsigned char seen[N] = {0};
  for (uint64_t t = 0; t < STEPS; t++) {
    uint32_t r[S];
    assert_int_equal(vft_step_records(5, STEPS + t, N, S, r), VFT_OK);
    for (int i = 0; i < S; i++) assert_int_equal(seen[r[i]]++, 0);
  }
  uint32_t order[N], r[S];
  assert_int_equal(vft_shuffle(5, 1, order, N), VFT_OK);
  assert_int_equal(vft_step_records(5, STEPS, N, S, r), VFT_OK);
  assert_memory_equal(order, r, sizeof r);
  assert_int_equal(vft_step_records(5, 0, 3, S, r), VFT_USAGE);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(is_a_permutation),
      cmocka_unit_test(depends_on_seed_and_epoch),
      cmocka_unit_test(is_unbiased),
      cmocka_unit_test(steps_partition_an_epoch),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
