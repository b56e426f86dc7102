/* Files of a run folder: proofs, checkpoints, atomic writing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "run/checkpoint.h"
#include "run/files.h"
#include "run/proof_file.h"

static char folder[] = "/tmp/vft_test_files_XXXXXX";
static char path[256];

static int make_folder(void **state) {
  (void)state;
  return mkdtemp(folder) ? 0 : 1;
}

static int remove_folder(void **state) {
  (void)state;
  char command[300];
  snprintf(command, sizeof command, "rm -rf '%s'", folder);
  return system(command);
}

static vft_bytes slurp(void) {
  vft_bytes b;
  assert_int_equal(vft_file_read(path, 1 << 20, VFT_USAGE, &b), VFT_OK);
  return b;
}

static void spit(const void *data, size_t n) {
  assert_int_equal(vft_file_write(path, data, n), VFT_OK);
}

static void test_atomic_write(void **state) {
  (void)state;
  char other[280];
  snprintf(path, sizeof path, "%s/file", folder);
  snprintf(other, sizeof other, "%s.tmp", path);
  spit("one", 3);
  spit("second", 6);
  vft_bytes b = slurp();
  assert_int_equal(b.size, 6);
  assert_memory_equal(b.data, "second", 7);
  vft_bytes_free(&b);
  assert_false(vft_file_exists(other));
  assert_int_equal(vft_file_read(path, 5, VFT_USAGE, &b), VFT_USAGE);
  assert_int_equal(vft_file_read(folder, 5, VFT_USAGE, &b), VFT_USAGE);
  assert_int_equal(vft_file_write("/nonexistent/file", "x", 1), VFT_RESOURCE);
  assert_int_equal(vft_folder_make("/proc/version/sub"), VFT_USAGE);
}

static void test_step_file(void **state) {
  (void)state;
  uint8_t proof[100];
  for (int i = 0; i < 100; i++) proof[i] = (uint8_t)(i * 7);
  vft_step_file f = {.step = 17, .shard = 2, .links = 5, .proof = proof, .length = sizeof proof,
                     .padding = 13}, g;
  memset(f.manifest, 3, 32);
  for (int l = 0; l < 5; l++) memset(f.link[l].b, l, 32);
  snprintf(path, sizeof path, "%s/step_000017.vft", folder);
  assert_int_equal(vft_step_file_write(path, &f), VFT_OK);
  assert_int_equal(vft_step_file_read(path, &g), VFT_OK);
  assert_int_equal(g.step, 17);
  assert_int_equal(g.shard, 2);
  assert_int_equal(g.links, 5);
  assert_int_equal(g.length, 100);
  assert_int_equal(g.padding, 13);
  assert_memory_equal(g.proof, proof, 100);
  assert_memory_equal(g.link, f.link, sizeof f.link);
  vft_step_file_free(&g);

  vft_bytes b = slurp();
  for (size_t n = 0; n < b.size; n++) { /* every truncation */
    spit(b.data, n);
    assert_int_equal(vft_step_file_read(path, &g), VFT_REJECTED);
    assert_string_equal(vft_error_check(), "step/header");
  }
  spit(b.data, b.size + 1); /* a byte more: the terminating zero */
  assert_int_equal(vft_step_file_read(path, &g), VFT_REJECTED);
  b.data[b.size - 1] = 1; /* padding is zeros */
  spit(b.data, b.size);
  assert_int_equal(vft_step_file_read(path, &g), VFT_REJECTED);
  b.data[8] = 1;
  spit(b.data, b.size);
  assert_int_equal(vft_step_file_read(path, &g), VFT_USAGE); /* another version */
  vft_bytes_free(&b);
  assert_int_equal(unlink(path), 0);
  assert_int_equal(vft_step_file_read(path, &g), VFT_REJECTED);
  assert_string_equal(vft_error_check(), "step/missing");
}

static void test_epoch_file(void **state) {
  (void)state;
  uint8_t proof[60] = {1, 2, 3};
  vft_epoch_file f = {.epoch = 3, .block = 1, .counters = {{{5}, {6}, {7}, {8}}}, .proof = proof,
                      .length = sizeof proof, .padding = 4}, g;
  for (int l = 0; l < VFT_EPOCH_LINKS; l++) memset(f.link[l].b, 9 + l, 32);
  snprintf(path, sizeof path, "%s/epoch_000003_0001.vft", folder);
  assert_int_equal(vft_epoch_file_write(path, &f), VFT_OK);
  assert_int_equal(vft_epoch_file_read(path, &g), VFT_OK);
  assert_int_equal(g.epoch, 3);
  assert_int_equal(g.block, 1);
  assert_memory_equal(&g.counters, &f.counters, sizeof f.counters);
  assert_memory_equal(g.link, f.link, sizeof f.link);
  assert_memory_equal(g.proof, proof, sizeof proof);
  vft_free(g.proof);
  vft_bytes b = slurp();
  for (size_t n = 0; n < b.size; n++) {
    spit(b.data, n);
    assert_int_equal(vft_epoch_file_read(path, &g), VFT_REJECTED);
    assert_string_equal(vft_error_check(), "epoch/header");
  }
  memset(b.data + 56, 255, 8); /* a digest's element beyond p */
  spit(b.data, b.size);
  assert_int_equal(vft_epoch_file_read(path, &g), VFT_REJECTED);
  vft_bytes_free(&b);
  assert_int_equal(unlink(path), 0);
  assert_int_equal(vft_epoch_file_read(path, &g), VFT_REJECTED);
  assert_string_equal(vft_error_check(), "epoch/missing");
}

static void expect_extra(const char *name, const vft_cut *cut, uint64_t steps, vft_status want) {
  vft_manifest m = {.steps = steps};
  m.sampling.steps_per_epoch = steps - 2; /* two epochs of three blocks */
  m.sampling.candidates = 3000;
  snprintf(path, sizeof path, "%s/%s", folder, name);
  spit("x", 1);
  assert_int_equal(vft_proof_files_check(folder, cut, &m), want);
  if (want == VFT_REJECTED) assert_string_equal(vft_error_check(), "step/extra");
  assert_int_equal(unlink(path), 0);
}

static void test_extra_proofs(void **state) {
  (void)state;
  vft_cut whole = vft_cut_even(4, 0), two = vft_cut_even(4, 2);
  expect_extra("step_000005.vft", &whole, 6, VFT_OK);
  expect_extra("step_000005.vft", &whole, 5, VFT_REJECTED);
  vft_cut joined = whole;
  joined.steps = 3; /* 4 + 2 steps: 0, 3 | 4 */
  expect_extra("step_000003.vft", &joined, 6, VFT_OK);
  expect_extra("step_000004.vft", &joined, 6, VFT_OK);
  expect_extra("step_000005.vft", &joined, 6, VFT_REJECTED);
  expect_extra("step_5.vft", &whole, 6, VFT_REJECTED);
  expect_extra("step_000000_head.vft", &whole, 6, VFT_REJECTED);
  expect_extra("release.vft", &whole, 6, VFT_REJECTED);
  expect_extra("other.vft", &whole, 6, VFT_REJECTED);
  expect_extra("step_000005.vft", &two, 6, VFT_REJECTED);
  expect_extra("step_000005_head.vft", &two, 6, VFT_OK);
  expect_extra("step_000005_optimiser_01.vft", &two, 6, VFT_OK);
  expect_extra("step_000005_layers_02.vft", &two, 6, VFT_REJECTED);
  expect_extra("step_000006_layers_00.vft", &two, 6, VFT_REJECTED);
  expect_extra("release.vft", &two, 6, VFT_OK);
  expect_extra("epoch_000001_0002.vft", &two, 6, VFT_OK);
  expect_extra("epoch_000002_0000.vft", &two, 6, VFT_REJECTED);
  expect_extra("epoch_000000_0003.vft", &two, 6, VFT_REJECTED);
  expect_extra("epoch_0_0.vft", &two, 6, VFT_REJECTED);
}

static void read_cut(const char *text, vft_status want) {
  vft_cut cut;
  snprintf(path, sizeof path, "%s/shards.json", folder);
  spit(text, strlen(text));
  if (vft_cut_read(folder, 7, &cut) != want) fail_msg("%s: %s", text, vft_error_message());
  if (want == VFT_REJECTED) assert_string_equal(vft_error_check(), "shards/header");
}

static void test_cut(void **state) {
  (void)state;
  vft_cut cut, again;
  for (int n = 0; n <= 7; n++) {
    cut = vft_cut_even(7, n);
    int sum = 0, shards = 1 + 2 * n;
    for (int i = 0; i < n; i++) sum += cut.count[i];
    assert_int_equal(sum, n ? 7 : 0);
    assert_int_equal(vft_cut_shards(&cut), n ? shards : 1);
    assert_int_equal(vft_cut_write(&cut, folder), VFT_OK);
    assert_int_equal(vft_cut_read(folder, 7, &again), VFT_OK);
    assert_true(vft_cut_equal(&cut, &again));
    /* layer ranges are the model, in order, and know their neighbours */
    int first = 0, before = 0;
    for (uint32_t i = 0; i < vft_cut_shards(&cut); i++) {
      vft_part part = vft_cut_part(&cut, 7, i);
      char name[32];
      uint32_t found;
      vft_cut_name(&cut, i, name);
      assert_int_equal(vft_cut_find(&cut, name, &found), VFT_OK);
      assert_int_equal(found, i);
      if (part.kind != VFT_PART_LAYERS) continue;
      assert_int_equal(part.first, first);
      assert_int_equal(part.neighbour[0], before);
      first += before = part.layers;
    }
    if (n) assert_int_equal(first, 7);
    uint32_t found;
    assert_int_equal(vft_cut_find(&cut, "layers_99", &found), VFT_USAGE);
  }
  read_cut("{\"format\":\"vft-shards/2\",\"layers\":[3,4],\"steps\":1}", VFT_OK);
  read_cut("{\"format\":\"vft-shards/1\",\"layers\":[3,4],\"steps\":1}", VFT_USAGE);
  static const char *const bad[] = {
      "", "[]", "{", "{\"format\":\"vft-shards/2\"}",
      "{\"format\":\"vft-shards/2\",\"layers\":7,\"steps\":1}",
      "{\"format\":\"vft-shards/2\",\"layers\":[3,3],\"steps\":1}",
      "{\"format\":\"vft-shards/2\",\"layers\":[3,5],\"steps\":1}",
      "{\"format\":\"vft-shards/2\",\"layers\":[0,7],\"steps\":1}",
      "{\"format\":\"vft-shards/2\",\"layers\":[-1,8],\"steps\":1}",
      "{\"format\":\"vft-shards/2\",\"layers\":[\"7\"],\"steps\":1}",
      "{\"format\":\"vft-shards/2\",\"layers\":[7],\"more\":1,\"steps\":1}",
      "{\"format\":\"vft-shards/2\",\"layers\":[3,4],\"layers\":[3,4],\"steps\":1}",
      "{\"format\":\"vft-shards/2\",\"layers\":[3,4]}",
      "{\"format\":\"vft-shards/2\",\"layers\":[3,4],\"steps\":2}",
      "{\"format\":\"vft-shards/2\",\"layers\":[],\"steps\":0}",
      "{\"format\":\"vft-shards/2\",\"layers\":[],\"steps\":65}",
      "{\"format\":\"vft-shards/2\",\"layers\":[],\"steps\":\"1\"}"};
  read_cut("{\"format\":\"vft-shards/2\",\"layers\":[],\"steps\":64}", VFT_OK);
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) read_cut(bad[i], VFT_REJECTED);
  assert_int_equal(unlink(path), 0);
  assert_int_equal(vft_cut_read(folder, 7, &cut), VFT_REJECTED);
  assert_string_equal(vft_error_check(), "shards/missing");
}

static void test_checkpoint(void **state) {
  (void)state;
  int64_t a[5] = {1, -2, 3, INT64_MIN, 5}, a2[5];
  int32_t b[3] = {-1, 0, 7}, b2[3];
  const uint8_t h[32] = {9}, other[32] = {8};
  vft_state_array in[2] = {{a, 5, 8}, {b, 3, 4}}, out[2] = {{a2, 5, 8}, {b2, 3, 4}};
  snprintf(path, sizeof path, "%s/private/checkpoints", folder);
  assert_int_equal(vft_folder_make(path), VFT_OK);
  snprintf(path, sizeof path, "%s/private/checkpoints/state_000012.ckpt", folder);
  assert_int_equal(vft_checkpoint_write(path, h, 12, in, 2), VFT_OK);
  assert_int_equal(vft_checkpoint_read(path, h, 12, out, 2), VFT_OK);
  assert_memory_equal(a, a2, sizeof a);
  assert_memory_equal(b, b2, sizeof b);
  assert_int_equal(vft_checkpoint_read(path, other, 12, out, 2), VFT_USAGE);
  assert_int_equal(vft_checkpoint_read(path, h, 13, out, 2), VFT_USAGE);
  assert_int_equal(vft_checkpoint_read(path, h, 12, out, 1), VFT_USAGE);
  assert_int_equal(vft_checkpoint_find(folder, 11), 0);
  assert_int_equal(vft_checkpoint_find(folder, 12), 12);
  assert_int_equal(vft_checkpoint_find(folder, 100), 12);
  vft_bytes file = slurp();
  for (size_t i = 0; i < file.size; i++) { /* every byte counts */
    file.data[i] ^= 1;
    spit(file.data, file.size);
    assert_int_equal(vft_checkpoint_read(path, h, 12, out, 2), VFT_USAGE);
    file.data[i] ^= 1;
  }
  vft_bytes_free(&file);
  vft_digest x = vft_state_digest(1, in, 2), y = vft_state_digest(2, in, 2);
  assert_memory_not_equal(x.b, y.b, 32);
  b[2]++;
  y = vft_state_digest(1, in, 2);
  assert_memory_not_equal(x.b, y.b, 32);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_atomic_write), cmocka_unit_test(test_step_file),
      cmocka_unit_test(test_epoch_file),
      cmocka_unit_test(test_extra_proofs),
      cmocka_unit_test(test_cut), cmocka_unit_test(test_checkpoint)};
  return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
