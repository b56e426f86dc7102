#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"

enum { BLOCKS = 24, MIB = 1 << 20, SLACK = 64 };

static uint64_t rng = 0x9e3779b97f4a7c15ull;
static uint64_t next(void) {
  rng ^= rng << 13;
  rng ^= rng >> 7;
  rng ^= rng << 17;
  return rng;
}

static size_t resident(void) {
  unsigned long size = 0, pages = 0;
  FILE *f = fopen("/proc/self/statm", "r");
  if (!f) return 0;
  if (fscanf(f, "%lu %lu", &size, &pages) != 2) pages = 0;
  fclose(f);
  return (size_t)pages * (size_t)sysconf(_SC_PAGESIZE);
}

/* Blocks of all sizes, made and freed in random order: aligned, apart, zero where zeros are
 * promised although earlier blocks left other bytes, and accounted to the byte. */
static void blocks_are_whole(void **state) {
  (void)state;
  print_message("seed %llx\n", (unsigned long long)rng);
  uint8_t *block[BLOCKS] = {NULL};
  size_t bytes[BLOCKS] = {0}, live = vft_alloc_live(), mine = 0;
  for (int turn = 0; turn < 400; turn++) {
    int i = (int)(next() % BLOCKS);
    if (block[i]) {
      for (size_t k = 0; k < bytes[i]; k++)
        if (block[i][k] != (uint8_t)(i + 1)) fail_msg("block %d lost byte %zu", i, k);
      vft_free(block[i]);
      mine -= bytes[i];
      block[i] = NULL;
    } else {
      bytes[i] = next() % ((size_t)1 << (8 + next() % 16));
      bool zero = next() & 1;
      block[i] = zero ? vft_alloc(bytes[i], 1) : vft_alloc_raw(bytes[i], 1);
      assert_non_null(block[i]);
      assert_int_equal((uintptr_t)block[i] % 64, 0);
      for (size_t k = 0; zero && k < bytes[i]; k++)
        if (block[i][k]) fail_msg("byte %zu of %zu is not zero", k, bytes[i]);
      memset(block[i], i + 1, bytes[i]);
      mine += bytes[i];
    }
    assert_int_equal(vft_alloc_live(), live + mine);
  }
  for (int i = 0; i < BLOCKS; i++) vft_free(block[i]);
  assert_int_equal(vft_alloc_live(), live);
}

/* Pages in use and kept stay below the most bytes ever live and the slack, whatever the order of
 * sizes; vft_alloc_trim gives them back. */
static void kept_pages_are_bounded(void **state) {
  (void)state;
#ifdef __SANITIZE_ADDRESS__
  skip(); /* no heap then, and freed memory is held back */
#endif
  vft_alloc_trim();
  size_t before = resident();
  if (!before) skip();
  for (size_t mib = 40; mib <= 200; mib += 20) { /* each is too large for the holes before it */
    size_t bytes = mib * MIB;
    uint8_t *a = vft_alloc_raw(bytes, 1), *wall = vft_alloc_raw(2 * MIB, 1);
    assert_true(a && wall);
    memset(a, 1, bytes);
    memset(wall, 1, 2 * MIB);
    vft_free(a);
    uint8_t *b = vft_alloc(bytes + 3 * MIB, 1);
    assert_non_null(b);
    for (size_t k = 0; k < bytes + 3 * MIB; k += 4093)
      if (b[k]) fail_msg("byte %zu is not zero", k);
    memset(b, 1, bytes + 3 * MIB);
    assert_true(resident() <= before + bytes + (5 + SLACK + 16) * MIB);
    vft_free(b);
    vft_free(wall);
  }
  vft_alloc_trim();
  assert_true(resident() <= before + 16 * MIB);
}

static void refuses_what_no_machine_has(void **state) {
  (void)state;
  size_t live = vft_alloc_live();
  assert_null(vft_alloc(SIZE_MAX / 2, 4));
  assert_null(vft_alloc_raw((size_t)1 << 47, 1));
  assert_int_equal(vft_alloc_live(), live);
  void *none = vft_alloc(0, 8);
  assert_non_null(none);
  vft_free(none);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(blocks_are_whole),
      cmocka_unit_test(kept_pages_are_bounded),
      cmocka_unit_test(refuses_what_no_machine_has),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
