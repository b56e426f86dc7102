/* Blocks of memory: contents, alignment, zeros after reuse, accounting, from several threads. */
#include <pthread.h>
#include <setjmp.h>
#include <stdbool.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"

enum { SEED = 20261129, SLOTS = 48, ROUNDS = 1500 };

static uint64_t next(uint64_t *state) {
  *state ^= *state << 13;
  *state ^= *state >> 7;
  *state ^= *state << 17;
  return *state;
}

/* Sizes around the borders of malloc, pages and huge pages. */
static size_t size_of(uint64_t *state) {
  static const size_t near[] = {0, 64, 4096, 1 << 18, 1 << 21, 3 << 20, 5 << 20};
  size_t n = near[next(state) % (sizeof near / sizeof *near)];
  size_t by = next(state) % 200;
  return n + by > 100 ? n + by - 100 : by;
}

static void check(const uint8_t *p, size_t n, uint8_t want) {
  for (size_t i = 0; i < n; i += i + 997 < n ? 997 : 1)
    if (p[i] != want) fail_msg("byte %zu of %zu is %u, expected %u", i, n, p[i], want);
}

/* Blocks come and go at random; each keeps what was written to it, whatever is next to it. */
static void *churn(void *arg) {
  uint64_t state = SEED + (uint64_t)(uintptr_t)arg;
  struct {
    uint8_t *p;
    size_t n;
    uint8_t mark;
  } slot[SLOTS];
  memset(slot, 0, sizeof slot);
  for (int round = 0; round < ROUNDS; round++) {
    size_t i = next(&state) % SLOTS;
    if (slot[i].p) {
      check(slot[i].p, slot[i].n, slot[i].mark);
      vft_free(slot[i].p);
      slot[i].p = NULL;
      continue;
    }
    bool zero = next(&state) & 1;
    slot[i].n = size_of(&state);
    slot[i].p = zero ? vft_alloc(slot[i].n, 1) : vft_alloc_raw(slot[i].n, 1);
    assert_non_null(slot[i].p);
    assert_int_equal((uintptr_t)slot[i].p % 64, 0);
    if (zero) check(slot[i].p, slot[i].n, 0);
    slot[i].mark = (uint8_t)(next(&state) | 1);
    memset(slot[i].p, slot[i].mark, slot[i].n);
    if (round % 256 == 255) vft_alloc_trim();
  }
  for (int i = 0; i < SLOTS; i++) vft_free(slot[i].p);
  return NULL;
}

static void test_churn(void **state) {
  (void)state;
  size_t live = vft_alloc_live();
  churn(NULL);
  assert_int_equal(vft_alloc_live(), live);
}

static void test_threads(void **state) {
  (void)state;
  pthread_t thread[3];
  size_t live = vft_alloc_live();
  for (uintptr_t i = 0; i < 3; i++)
    assert_int_equal(pthread_create(&thread[i], NULL, churn, (void *)(i + 1)), 0);
  for (int i = 0; i < 3; i++) assert_int_equal(pthread_join(thread[i], NULL), 0);
  assert_int_equal(vft_alloc_live(), live);
}

/* A block that is used again is zero again, all of it. */
static void test_zero_again(void **state) {
  (void)state;
  for (size_t n = 1 << 20; n <= 16 << 20; n = n * 3 / 2 + 12345) {
    uint8_t *p = vft_alloc_raw(n, 1);
    assert_non_null(p);
    memset(p, 0xa5, n);
    vft_free(p);
    p = vft_alloc(n, 1);
    assert_non_null(p);
    for (size_t i = 0; i < n; i++)
      if (p[i]) fail_msg("byte %zu of %zu", i, n);
    vft_free(p);
  }
}

static void test_accounting(void **state) {
  (void)state;
  size_t live = vft_alloc_live();
  vft_alloc_peak_reset();
  void *a = vft_alloc_raw(10 << 20, 1), *b = vft_alloc(3, 7);
  assert_int_equal(vft_alloc_live(), live + (10 << 20) + 21);
  vft_free(a);
  vft_free(b);
  vft_free(NULL);
  assert_int_equal(vft_alloc_live(), live);
  assert_int_equal(vft_alloc_peak(), live + (10 << 20) + 21);
  assert_null(vft_alloc(SIZE_MAX / 2, 3)); /* the product overflows */
  assert_null(vft_alloc(1, (size_t)1 << 45)); /* more than any machine has */
  assert_int_equal(vft_alloc_live(), live);
}

int main(void) {
  printf("# seed %d\n", SEED);
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_churn), cmocka_unit_test(test_threads),
                                     cmocka_unit_test(test_zero_again),
                                     cmocka_unit_test(test_accounting)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
