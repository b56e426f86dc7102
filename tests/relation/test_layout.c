/* Dyadic layouts: disjoint, exact cover, aligned, ordered. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "relation/layout.h"

static uint64_t seed = 20240601;
static uint32_t rnd(uint32_t n) {
  seed = seed * 6364136223846793005ull + 1442695040888963407ull;
  return (uint32_t)((seed >> 33) % n);
}

static void cover(const vft_box *boxes, uint32_t n) {
  vft_layout lay;
  assert_int_equal(vft_layout_init(&lay, boxes, n), VFT_OK);
  uint64_t total = 0;
  uint8_t *seen[16];
  for (uint32_t i = 0; i < n; i++) {
    uint64_t size = 1;
    for (uint32_t a = 0; a < boxes[i].rank; a++) size *= boxes[i].dims[a];
    seen[i] = vft_alloc(size, 1);
    total += size;
  }
  assert_int_equal(lay.length, total);
  uint64_t at = 0;
  for (uint32_t b = 0; b < lay.nblocks; b++) {
    const vft_block *blk = &lay.blocks[b];
    const vft_box *box = &boxes[blk->box];
    assert_int_equal(blk->offset, at);
    assert_int_equal(blk->offset & (((uint64_t)1 << blk->log_size) - 1), 0);
    at += (uint64_t)1 << blk->log_size;
    if (b) {
      const vft_block *prev = blk - 1;
      assert_true(prev->log_size > blk->log_size ||
                  (prev->log_size == blk->log_size && prev->box <= blk->box));
    }
    unsigned logs = 0;
    for (uint32_t a = 0; a < box->rank; a++) {
      logs += blk->log[a];
      assert_int_equal(blk->start[a] & ((1u << blk->log[a]) - 1), 0);
      assert_true(blk->start[a] + (1u << blk->log[a]) <= box->dims[a]);
    }
    assert_int_equal(logs, blk->log_size);
    for (uint64_t j = 0; j < (uint64_t)1 << blk->log_size; j++) {
      uint64_t rest = j, index = 0, stride = 1;
      for (uint32_t a = box->rank; a-- > 0;) {
        uint64_t c = blk->start[a] + (rest & ((1u << blk->log[a]) - 1));
        rest >>= blk->log[a];
        index += c * stride;
        stride *= box->dims[a];
      }
      assert_int_equal(seen[blk->box][index], 0);
      seen[blk->box][index] = 1;
    }
  }
  assert_int_equal(at, total);
  uint32_t listed = 0;
  for (uint32_t i = 0; i < n; i++)
    for (uint32_t k = lay.first[i]; k < lay.first[i + 1]; k++, listed++)
      assert_int_equal(lay.blocks[lay.by_box[k]].box, i);
  assert_int_equal(listed, lay.nblocks);
  for (uint32_t i = 0; i < n; i++) vft_free(seen[i]);
  vft_layout_free(&lay);
}

static void test_cover(void **state) {
  (void)state;
  print_message("seed %llu\n", (unsigned long long)seed);
  vft_box fixed[] = {{2, {576, 30}}, {0, {0}}, {1, {1}}, {3, {5, 1, 7}}, {1, {64}}};
  cover(fixed, 5);
  cover(fixed, 0);
  for (int round = 0; round < 50; round++) {
    vft_box boxes[8];
    uint32_t n = 1 + rnd(8);
    for (uint32_t i = 0; i < n; i++) {
      boxes[i].rank = rnd(5);
      for (uint32_t a = 0; a < boxes[i].rank; a++) boxes[i].dims[a] = 1 + rnd(13);
    }
    cover(boxes, n);
  }
}

static void test_refused(void **state) {
  (void)state;
  vft_layout lay;
  vft_box zero = {2, {3, 0}};
  assert_int_equal(vft_layout_init(&lay, &zero, 1), VFT_USAGE);
  vft_box huge = {3, {1u << 31, 1u << 31, 4}};
  assert_int_equal(vft_layout_init(&lay, &huge, 1), VFT_USAGE);
  vft_box many = {5, {(1u << 8) - 1, (1u << 8) - 1, (1u << 8) - 1, (1u << 8) - 1, (1u << 8) - 1}};
  vft_box list[300];
  for (int i = 0; i < 300; i++) list[i] = many;
  assert_int_equal(vft_layout_init(&lay, list, 300), VFT_USAGE);
}

static void test_log2(void **state) {
  (void)state;
  assert_int_equal(vft_log2_ceil(1), 0);
  assert_int_equal(vft_log2_ceil(2), 1);
  assert_int_equal(vft_log2_ceil(3), 2);
  assert_int_equal(vft_log2_ceil(1u << 20), 20);
  assert_int_equal(vft_log2_ceil((1u << 20) + 1), 21);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_cover), cmocka_unit_test(test_refused),
                                     cmocka_unit_test(test_log2)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
