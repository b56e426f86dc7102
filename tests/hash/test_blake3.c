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
#include "hash/blake3.h"
#include "hash/blake3_kernels.h"
#include "hash/blake3_lanes.h"

static uint64_t rng = 0x243f6a8885a308d3ull;
static uint64_t next(void) {
  rng ^= rng << 13;
  rng ^= rng >> 7;
  rng ^= rng << 17;
  return rng;
}

static void fill(uint8_t *p, size_t n) {
  for (size_t i = 0; i < n; i++) p[i] = (uint8_t)next();
}

static void known_answers(void **state) {
  (void)state;
  FILE *f = fopen("vectors/blake3.txt", "r");
  assert_non_null(f);
  char line[256], hex[128];
  size_t len, cases = 0;
  while (fgets(line, sizeof line, f)) {
    if (line[0] == '#') continue;
    assert_int_equal(sscanf(line, "%zu %127s", &len, hex), 2);
    uint8_t *in = malloc(len + 1), out[48];
    for (size_t i = 0; i < len; i++) in[i] = (uint8_t)(i % 251);
    vft_blake3 h;
    vft_blake3_init(&h);
    vft_blake3_update(&h, in, len);
    vft_blake3_final(&h, out, sizeof out);
    for (size_t i = 0; i < sizeof out; i++) {
      char two[3];
      snprintf(two, sizeof two, "%02x", out[i]);
      assert_memory_equal(two, hex + 2 * i, 2);
    }
    vft_digest d = vft_blake3_hash(in, len);
    assert_memory_equal(d.b, out, 32);
    /* Shorter and ragged outputs are prefixes of the same stream. */
    uint8_t shorter[7];
    vft_blake3_final(&h, shorter, sizeof shorter);
    assert_memory_equal(shorter, out, sizeof shorter);
    free(in);
    cases++;
  }
  fclose(f);
  assert_int_equal(cases, 24);
}

static void any_split_gives_the_same_hash(void **state) {
  (void)state;
  uint8_t in[9000];
  fill(in, sizeof in);
  for (size_t len = 0; len < sizeof in; len += 1 + next() % 700) {
    vft_digest whole = vft_blake3_hash(in, len);
    vft_blake3 h;
    vft_blake3_init(&h);
    for (size_t at = 0; at < len;) {
      size_t take = next() % 1500;
      if (take > len - at) take = len - at;
      vft_blake3_update(&h, in + at, take);
      at += take;
    }
    vft_digest d;
    vft_blake3_final(&h, d.b, 32);
    assert_memory_equal(d.b, whole.b, 32);
  }
}

/* Lengths about groups of 16 and 256 chunks; long pieces among short ones; every tier. */
static void long_pieces_give_the_same_hash(void **state) {
  (void)state;
  enum { GROUP = 256 * 1024, MOST = 3 * GROUP + 1500 };
  uint8_t *in = malloc(MOST);
  fill(in, MOST);
  vft_simd best = vft_simd_force(VFT_SIMD_AVX512);
  for (vft_simd tier = VFT_SIMD_C; tier <= best; tier++) {
    vft_simd_force(tier);
    for (int k = 0; k < 48; k++) {
      size_t len = (size_t)(k / 6 % 4) * (k < 24 ? GROUP : GROUP / 16) +
                   (size_t[]){0, 1, 64, 1023, 1024, 1500}[k % 6];
      vft_digest want = vft_blake3_hash(in, len), got;
      for (int way = 0; way < 6; way++) {
        /* Whole; after a byte; after a group less a byte, a group, a group and a byte; ragged. */
        size_t first[] = {len, 1, GROUP - 1, GROUP, GROUP + 1, next() % 5000};
        vft_blake3 h;
        vft_blake3_init(&h);
        for (size_t at = 0, take = first[way]; at < len; at += take, take = 1 + next() % (next() % 2 ? GROUP + 5000 : 40000)) {
          if (take > len - at) take = len - at;
          if (next() % 4) vft_blake3_update_long(&h, in + at, take);
          else vft_blake3_update(&h, in + at, take);
        }
        vft_blake3_update_long(&h, in, 0);
        vft_blake3_final(&h, got.b, 32);
        assert_memory_equal(got.b, want.b, 32);
      }
    }
  }
  vft_simd_force(best);
  free(in);
}

/* Every length of the vector loops and their tails. */
static void nodes_are_hashes_of_pairs(void **state) {
  (void)state;
  enum { MAX = 70 };
  uint8_t in[64 * MAX], copy[sizeof in];
  vft_digest out[MAX + 1], c[MAX];
  vft_simd best = vft_simd_force(VFT_SIMD_AVX512);
  for (vft_simd tier = VFT_SIMD_C; tier <= best; tier++) {
    vft_simd_force(tier);
    for (size_t n = 0; n <= MAX; n++) {
      fill(in, sizeof in);
      if (n % 9 == 8) memset(in, n & 1 ? 0xff : 0, sizeof in);
      memcpy(copy, in, sizeof in);
      memset(out, 0xa5, sizeof out);
      vft_blake3_nodes(in, out, n);
      vft_blake3_ops_c.nodes(in, c, n);
      for (size_t i = 0; i < n; i++) {
        vft_digest d = vft_blake3_hash(in + 64 * i, 64);
        assert_memory_equal(d.b, out[i].b, 32);
      }
      assert_memory_equal(c, out, 32 * n);
      for (int i = 0; i < 32; i++) assert_int_equal(out[n].b[i], 0xa5);
      /* In place. */
      vft_blake3_nodes(in, (vft_digest *)(void *)in, n);
      assert_memory_equal(in, out, 32 * n);
      assert_memory_equal(in + 64 * n, copy + 64 * n, sizeof in - 64 * n);
    }
  }
  vft_simd_force(best);
}

/* Messages of `blocks` blocks hashed in lanes equal the plain hash. */
static void check_lanes(size_t n, size_t blocks, uint32_t last_len) {
  size_t chunks = (blocks + 15) / 16, bytes = 64 * (blocks - 1) + last_len;
  uint8_t *msg = calloc(n, 64 * blocks), *column = malloc(n * 64);
  uint32_t *cv = vft_alloc(chunks * n * 8, 4);
  vft_digest *got = malloc(n * sizeof *got);
  for (size_t j = 0; j < n; j++) fill(msg + j * 64 * blocks, bytes);
  for (size_t b = 0; b < blocks; b++) {
    for (size_t j = 0; j < n; j++)
      memcpy(column + 64 * j, msg + j * 64 * blocks + 64 * b, 64);
    uint32_t flags = b % 16 == 0 ? VFT_LANES_START : 0;
    if (b % 16 == 15 || b + 1 == blocks) flags |= VFT_LANES_END;
    if (chunks == 1 && b + 1 == blocks) flags |= VFT_LANES_ROOT;
    vft_blake3_lanes_absorb(cv + b / 16 * n * 8, column, n, b / 16,
                            b + 1 == blocks ? last_len : 64, flags);
  }
  if (chunks > 1) vft_blake3_lanes_join(cv, n * 8, chunks, n);
  vft_blake3_lanes_digests(cv, n, got);
  for (size_t j = 0; j < n; j++) {
    vft_digest want = vft_blake3_hash(msg + j * 64 * blocks, bytes);
    assert_memory_equal(want.b, got[j].b, 32);
  }
  free(msg);
  free(column);
  free(got);
  vft_free(cv);
}

static void lanes_equal_plain(void **state) {
  (void)state;
  vft_simd best = vft_simd_force(VFT_SIMD_AVX512);
  for (vft_simd tier = VFT_SIMD_C; tier <= best; tier++) {
    vft_simd_force(tier);
    for (size_t blocks = 1; blocks <= 20; blocks++) check_lanes(16, blocks, 64);
    check_lanes(48, 1, 8);
    check_lanes(32, 16, 40);
    size_t chunks[] = {2, 3, 4, 5, 6, 7, 8, 9, 13};
    for (size_t k = 0; k < sizeof chunks / sizeof *chunks; k++) {
      check_lanes(16, 16 * chunks[k], 64);
      check_lanes(32, 16 * chunks[k] - 15, 16);
    }
  }
  vft_simd_force(best);
}

/* The kernels word for word, with a counter and a length that fill their words and any flags. */
static void kernels_of_all_tiers_agree(void **state) {
  (void)state;
  enum { MAX = 48 };
  static const uint64_t counters[] = {0, 1, 0xffffffff, 0x100000000, 0x123456789abcdef0, UINT64_MAX};
  uint8_t blocks[64 * MAX];
  uint32_t cv[8 * MAX], right[8 * MAX], a[8 * MAX], b[8 * MAX];
  vft_simd best = vft_simd_force(VFT_SIMD_AVX512);
  for (vft_simd tier = VFT_SIMD_C; tier <= best; tier++) {
    vft_simd_force(tier);
    const vft_blake3_ops *ops = vft_blake3_dispatch();
    assert_true((ops == &vft_blake3_ops_c) == (tier == VFT_SIMD_C));
    for (size_t n = 0; n <= MAX; n += 16)
      for (size_t k = 0; k < sizeof counters / sizeof *counters; k++)
        for (uint32_t flags = 0; flags < 16; flags++) {
          fill(blocks, sizeof blocks);
          fill((uint8_t *)cv, sizeof cv);
          fill((uint8_t *)right, sizeof right);
          memcpy(a, cv, sizeof a);
          memcpy(b, cv, sizeof b);
          ops->absorb(a, blocks, n, counters[k], 4 * flags, flags);
          vft_blake3_ops_c.absorb(b, blocks, n, counters[k], 4 * flags, flags);
          assert_memory_equal(a, b, sizeof a);
          assert_memory_equal(a + 8 * n, cv + 8 * n, sizeof cv - 32 * n);
          ops->merge(cv, right, a, n, flags);
          vft_blake3_ops_c.merge(cv, right, b, n, flags);
          assert_memory_equal(a, b, sizeof a);
          /* The result may replace the left operand. */
          memcpy(b, cv, sizeof b);
          ops->merge(b, right, b, n, flags);
          assert_memory_equal(a, b, 32 * n);
        }
  }
  vft_simd_force(best);
}

static void chunks_of_all_tiers_agree(void **state) {
  (void)state;
  static const uint64_t counters[] = {0, 15, 0xffffff00, 0xffffff0f, 0x100000000, 0x123456789abcde07};
  enum { SIZE = 16 * 16 * VFT_BLAKE3_CHUNK };
  uint8_t *in = malloc(SIZE);
  uint32_t want[128], got[129];
  vft_simd best = vft_simd_force(VFT_SIMD_AVX512);
  for (size_t k = 0; k < 2 * sizeof counters / sizeof *counters; k++) {
    size_t apart = k % 2 ? 16 : 1;
    uint64_t chunk = k % 2 ? counters[k / 2] : counters[k / 2] & ~(uint64_t)15;
    fill(in, SIZE);
    vft_blake3_ops_c.chunks(in, apart, chunk, want);
    for (vft_simd tier = VFT_SIMD_C; tier <= best; tier++) {
      vft_simd_force(tier);
      got[128] = 0xa5a5a5a5;
      vft_blake3_dispatch()->chunks(in, apart, chunk, got);
      assert_memory_equal(got, want, sizeof want);
      assert_int_equal(got[128], 0xa5a5a5a5);
    }
  }
  vft_simd_force(best);
  free(in);
}

static void prefix_is_a_first_block(void **state) {
  (void)state;
  uint8_t msg[128];
  fill(msg, sizeof msg);
  uint8_t column[16 * 64];
  uint32_t cv[128], value[8];
  vft_blake3_lanes_prefix(msg, value);
  vft_blake3_lanes_set(cv, 16, value);
  for (int j = 0; j < 16; j++) memcpy(column + 64 * j, msg + 64, 64);
  vft_blake3_lanes_absorb(cv, column, 16, 0, 64, VFT_LANES_END | VFT_LANES_ROOT);
  vft_digest got[16], want = vft_blake3_hash(msg, 128);
  vft_blake3_lanes_digests(cv, 16, got);
  for (int j = 0; j < 16; j++) assert_memory_equal(got[j].b, want.b, 32);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(known_answers),
      cmocka_unit_test(any_split_gives_the_same_hash),
      cmocka_unit_test(long_pieces_give_the_same_hash),
      cmocka_unit_test(nodes_are_hashes_of_pairs),
      cmocka_unit_test(lanes_equal_plain),
      cmocka_unit_test(kernels_of_all_tiers_agree),
      cmocka_unit_test(chunks_of_all_tiers_agree),
      cmocka_unit_test(prefix_is_a_first_block),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
