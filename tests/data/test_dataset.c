/* Commitments on the demo model: every path, an interrupted and resumed commitment, every changed
 * byte of a membership file, a changed database. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <sqlite3.h>

#include "base/cpu.h"
#include "base/pool.h"
#include "data/dataset.h"
#include "data/member.h"

enum { RECORDS = 4200, ALL = RECORDS + 6 };

static char folder[] = "/tmp/vft_dataset_XXXXXX", database[64];
static const uint8_t master[32] = {1, 2, 3};

static void path_of(char *out, const char *name) { snprintf(out, 64, "%s/%s", folder, name); }

static void write_source(const char *name, size_t first, size_t records) {
  char path[64];
  path_of(path, name);
  FILE *f = fopen(path, "wb");
  assert_non_null(f);
  for (size_t i = first; i < first + records; i++)
    fprintf(f, "{\"instruction\":\"q %zu\",\"output\":\"answer %zu\",\"license\":\"%s\","
            "\"lang\":\"EN_us\",\"tags\":[\"b\",\"a\"]}\n",
            i, i % 700, i % 3 ? "mit" : "Apache-2.0 OR mit");
  fclose(f);
}

static int set_up(void **state) {
  (void)state;
  if (!mkdtemp(folder)) return 1;
  path_of(database, "d.db");
  write_source("a.jsonl", 0, RECORDS); /* two batches */
  write_source("b.jsonl", 50000, 5);
  write_source("c.jsonl", 0, 1);
  return 0;
}

static int tear_down(void **state) {
  (void)state;
  char command[64];
  snprintf(command, sizeof command, "rm -r %s", folder);
  return system(command);
}

static vft_config_dataset sources[3];
static char source_path[3][64];

static vft_config config(void) {
  static const char *const name[] = {"a.jsonl", "b.jsonl", "c.jsonl"};
  for (int i = 0; i < 3; i++) {
    path_of(source_path[i], name[i]);
    sources[i] = (vft_config_dataset){.path = source_path[i], .type = "auto"};
  }
  sources[0].tier = VFT_TIER_RESTRICTED; /* the public ones get the first numbers */
  return (vft_config){.file = "test", .base_model = "examples/demo/model", .ndatasets = 3,
                      .datasets = sources, .chat_template = "chatml", .sequence_len = 24};
}

static vft_status commit(const vft_dataset_hooks *hooks) {
  vft_config c = config();
  return vft_dataset_commit(&c, database, master, hooks);
}

static vft_poseidon_digest commit_and_root(void) {
  vft_dataset d;
  if (commit(NULL) != VFT_OK) fail_msg("%s", vft_error_message());
  if (vft_dataset_open(database, &d) != VFT_OK) fail_msg("%s", vft_error_message());
  vft_poseidon_digest root = d.root;
  vft_dataset_close(&d);
  return root;
}

/* The database as a finished commitment leaves it. */
static void restore(void) {
  char kept[64], command[160];
  path_of(kept, "kept.db");
  if (access(kept, F_OK)) {
    (void)commit_and_root();
    snprintf(command, sizeof command, "cp %s %s", database, kept);
  } else {
    snprintf(command, sizeof command, "cp %s %s", kept, database);
  }
  assert_int_equal(system(command), 0);
}

static vft_status stop_soon(void *ctx) {
  int *left = ctx;
  return (*left)-- > 0 ? VFT_OK : vft_fail(VFT_RESOURCE, "interrupted");
}

static void every_record_has_a_path(void **state) {
  (void)state;
  vft_dataset d;
  static vft_member m, again;
  static uint8_t bytes[VFT_MEMBER_BYTES];
  vft_poseidon_digest root = commit_and_root();
  assert_int_equal(vft_dataset_open(database, &d), VFT_OK);
  assert_int_equal(d.records, ALL);
  assert_int_equal(d.tier_records[0], 6);
  assert_int_equal(d.tier_first[1], 6);
  assert_int_equal(d.classes.count, 2 + 2 + 1);
  assert_int_equal(d.duplicates, 1); /* questions differ, but for those of c and the first of a */
  assert_int_equal(d.duplicate[0], 5);
  assert_int_equal(d.duplicate[1], 6);
  for (uint64_t n = 0; n < d.records; n += n < 20 ? 1 : 61) {
    assert_int_equal(vft_member_prove(&d, n, &m), VFT_OK);
    size_t size = vft_member_write(&m, bytes);
    assert_true(size < 2048);
    assert_int_equal(m.height, 13); /* the public tier of six records has the paths of the others */
    if (vft_member_verify(bytes, size, &root, &again) != VFT_OK)
      fail_msg("%llu: %s", (unsigned long long)n, vft_error_message());
    assert_string_equal(again.record_class.language, "en-us");
    assert_string_equal(again.record_class.tag[0], "a");
    if (n >= 6)
      assert_string_equal(again.record_class.license,
                          (n - 6) % 3 ? "MIT" : "Apache-2.0 OR MIT");
  }
  assert_int_equal(vft_member_prove(&d, d.records, &m), VFT_USAGE);
  assert_int_equal(vft_dataset_check(&d, NULL), VFT_OK);
  vft_dataset_close(&d);
  unlink(database);
}

static void every_byte_of_a_membership_file_counts(void **state) {
  (void)state;
  vft_dataset d;
  static vft_member m;
  static uint8_t bytes[VFT_MEMBER_BYTES + 1];
  vft_poseidon_digest root = commit_and_root(), other = root;
  assert_int_equal(vft_dataset_open(database, &d), VFT_OK);
  assert_int_equal(vft_member_prove(&d, 700, &m), VFT_OK);
  vft_dataset_close(&d);
  unlink(database);
  size_t size = vft_member_write(&m, bytes);
  for (size_t i = 0; i < size; i++)
    for (int bit = 0; bit < 8; bit++) {
      bytes[i] ^= (uint8_t)(1 << bit);
      if (vft_member_verify(bytes, size, NULL, &m) != VFT_REJECTED)
        fail_msg("byte %zu, bit %d accepted", i, bit);
      assert_memory_equal(vft_error_check(), "member/", 7);
      bytes[i] ^= (uint8_t)(1 << bit);
    }
  for (size_t cut = 0; cut < size; cut++)
    assert_int_equal(vft_member_verify(bytes, cut, NULL, &m), VFT_REJECTED);
  assert_int_equal(vft_member_verify(bytes, size + 1, NULL, &m), VFT_REJECTED);
  other.e[0].v ^= 1;
  assert_int_equal(vft_member_verify(bytes, size, &other, &m), VFT_REJECTED);
  assert_string_equal(vft_error_check(), "member/root");
  assert_int_equal(vft_member_verify(bytes, size, &root, &m), VFT_OK);
}

static void the_root_is_one_value(void **state) {
  (void)state;
  vft_poseidon_digest root = commit_and_root(), again;
  unlink(database);
  for (int threads = 1; threads <= 3; threads += 2) {
    vft_threads_set(threads);
    again = commit_and_root();
    assert_true(vft_poseidon_equal(&root, &again));
    unlink(database);
  }
  vft_threads_set(0);
  vft_simd best = vft_simd_force(VFT_SIMD_C);
  again = commit_and_root();
  vft_simd_force(best);
  assert_true(vft_poseidon_equal(&root, &again));
  again = commit_and_root(); /* finished: left as it is */
  assert_true(vft_poseidon_equal(&root, &again));
  unlink(database);
  /* interrupted at every place, and resumed */
  for (int batches = 0; batches < 6; batches++) {
    int left = batches;
    vft_dataset d;
    vft_dataset_hooks hooks = {.keep_going = stop_soon, .ctx = &left};
    vft_status st = commit(&hooks);
    if (st == VFT_RESOURCE) assert_int_equal(vft_dataset_open(database, &d), VFT_USAGE);
    while (st == VFT_RESOURCE) {
      left = 1; /* one more batch each time */
      st = commit(&hooks);
    }
    assert_int_equal(st, VFT_OK);
    again = commit_and_root();
    assert_true(vft_poseidon_equal(&root, &again));
    unlink(database);
  }
}

static vft_status sql(const char *text) {
  sqlite3 *db;
  assert_int_equal(sqlite3_open(database, &db), SQLITE_OK);
  int rc = sqlite3_exec(db, text, NULL, NULL, NULL);
  sqlite3_close(db);
  return rc == SQLITE_OK ? VFT_OK : VFT_USAGE;
}

static void a_changed_database_is_noticed(void **state) {
  (void)state;
  static const struct {
    const char *change, *check;
  } cases[] = {
      {"UPDATE record SET tokens = tokens - 1 WHERE n = 4100", "data/record"},
      {"UPDATE record SET class = (class + 1) % 2 WHERE n = 6", "data/record"},
      {"UPDATE record SET leaf = (SELECT leaf FROM record WHERE n = 7) WHERE n = 8", "data/record"},
      {"UPDATE record SET content = zeroblob(31) WHERE n = 8", "data/record"},
      {"UPDATE record SET line = line + 1 WHERE n = 8", "data/record"},
      {"DELETE FROM record WHERE n = 4205", "data/count"},
      {"INSERT INTO record SELECT 4206, source, line, at, size, instance, class, tokens, loss, "
       "content, leaf FROM record WHERE n = 3", "data/count"},
      {"UPDATE subtree SET digest = zeroblob(32) WHERE tier = 1 AND i = 1", "data/tree"},
      {"UPDATE meta SET value = zeroblob(128) WHERE key = 'roots'", "data/tree"},
      {"UPDATE meta SET value = zeroblob(96) WHERE key = 'trees'", "data/tree"},
      {"UPDATE meta SET value = zeroblob(32) WHERE key = 'master'", "data/record"},
      {"UPDATE meta SET value = zeroblob(32) WHERE key = 'proc'", "data/processing"},
      {"UPDATE source SET sha256 = zeroblob(32) WHERE id = 1", "data/source"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    vft_dataset d;
    restore();
    assert_int_equal(sql(cases[i].change), VFT_OK);
    assert_int_equal(vft_dataset_open(database, &d), VFT_OK);
    vft_status st = vft_dataset_check(&d, NULL);
    if (st != VFT_REJECTED || strcmp(vft_error_check(), cases[i].check))
      fail_msg("%s: %d, %s", cases[i].change, st, vft_error_message());
    vft_dataset_close(&d);
    unlink(database);
  }
  /* what cannot be read at all */
  static const char *const broken[] = {
      "DELETE FROM meta WHERE key = 'roots'",
      "UPDATE meta SET value = 'vft-dataset/9' WHERE key = 'format'",
      "UPDATE meta SET value = zeroblob(5) WHERE key = 'duplicates'",
      "UPDATE class SET bytes = zeroblob(40) WHERE id = 0",
      "UPDATE source SET first = 9 WHERE id = 1",
      "UPDATE source SET tier = 7 WHERE id = 1",
      "DROP TABLE class",
  };
  for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
    vft_dataset d;
    restore();
    assert_int_equal(sql(broken[i]), VFT_OK);
    if (vft_dataset_open(database, &d) != VFT_USAGE) fail_msg("%s", broken[i]);
    unlink(database);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_record_has_a_path),
      cmocka_unit_test(every_byte_of_a_membership_file_counts),
      cmocka_unit_test(the_root_is_one_value),
      cmocka_unit_test(a_changed_database_is_noticed),
  };
  return cmocka_run_group_tests(tests, set_up, tear_down);
}
