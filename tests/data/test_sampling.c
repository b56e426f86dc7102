/* What a run declares about its data: round trips of the manifest's objects, what is refused when
 * they are read, rows of epochs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "data/canonical_json.h"
#include "data/sampling.h"

static char folder[] = "/tmp/vft_sampling_XXXXXX";
static vft_dataset dataset;
static const uint8_t master[32] = {5, 4, 3};

static void write_file(const char *name, const char *text) {
  char path[96];
  snprintf(path, sizeof path, "%s/%s", folder, name);
  FILE *f = fopen(path, "wb");
  assert_non_null(f);
  fputs(text, f);
  fclose(f);
}

static const char base[] =
    "base_model: MODEL\n"
    "datasets:\n"
    "  - {path: a.jsonl, license: MIT, language: en, source: one, domain: law}\n"
    "  - {path: b.jsonl, license: ISC, language: zh, source: two, domain: law, tier: shadow,\n"
    "     tags: [b, a]}\n"
    "sequence_len: 16\nmicro_batch_size: 2\n";

static void load(const char *extra, vft_config *c) {
  char text[4096], path[96];
  snprintf(text, sizeof text, "%s%s", base, extra);
  write_file("c.yaml", text);
  snprintf(path, sizeof path, "%s/c.yaml", folder);
  if (vft_config_load(path, c) != VFT_OK) fail_msg("%s", vft_error_message());
  c->base_model = "examples/demo/model";
}

static int set_up(void **state) {
  (void)state;
  char text[8192] = "", path[96];
  vft_config c;
  if (!mkdtemp(folder)) return 1;
  for (int i = 0; i < 40; i++)
    snprintf(text + strlen(text), sizeof text - strlen(text),
             "{\"instruction\":\"q %d\",\"output\":\"a %d\"}\n", i, i);
  write_file("a.jsonl", text);
  text[10 * (strchr(text, '\n') - text + 1)] = 0; /* ten records of one length */
  write_file("b.jsonl", text);
  load("max_steps: 1\n", &c);
  snprintf(path, sizeof path, "%s/d.db", folder);
  if (vft_dataset_commit(&c, path, master, NULL) != VFT_OK ||
      vft_dataset_open(path, &dataset) != VFT_OK) {
    print_error("%s\n", vft_error_message());
    return 1;
  }
  vft_config_free(&c);
  return 0;
}

static int tear_down(void **state) {
  (void)state;
  char command[64];
  vft_dataset_close(&dataset);
  snprintf(command, sizeof command, "rm -r %s", folder);
  return system(command);
}

/* ---- making ---- */

static void make(const char *extra, vft_sampling *s, vft_judged *j) {
  vft_config c;
  load(extra, &c);
  if (vft_sampling_make(&c, &dataset, s, j) != VFT_OK) fail_msg("%s", vft_error_message());
  vft_config_free(&c);
}

static void refuse(const char *extra, const char *words) {
  vft_config c;
  vft_sampling s;
  vft_judged j;
  load(extra, &c);
  assert_int_equal(vft_sampling_make(&c, &dataset, &s, &j), VFT_USAGE);
  if (!strstr(vft_error_message(), words)) fail_msg("%s", vft_error_message());
  vft_config_free(&c);
}

static void epochs_of_a_run(void **state) {
  (void)state;
  static const struct {
    const char *extra;
    uint64_t steps, per_epoch, epochs, last, candidates;
  } cases[] = {
      {"num_epochs: 3\n", 75, 25, 3, 50, 64},         /* the whole order: 8 x 8 */
      {"max_steps: 7\n", 7, 7, 1, 14, 64},
      {"max_steps: 60\n", 60, 25, 3, 20, 64},         /* 25, 25 and 10 steps */
      {"max_steps: 9\nsampler: {steps_per_epoch: 4}\n", 9, 4, 3, 2, 64},
      {"max_steps: 3\nsampler: {steps_per_epoch: 4}\n", 3, 4, 1, 6, 64},
      {"num_epochs: 2\nsampler: {steps_per_epoch: 4, replacement: true}\n", 8, 4, 2, 8, 64},
      {"num_epochs: 1\nsampler: {steps_per_epoch: 40, replacement: true}\n", 40, 40, 1, 80, 320},
      {"num_epochs: 1\nsampler: {steps_per_epoch: 1, candidates_per_epoch: 65, replacement: true}\n",
       1, 1, 1, 2, 128},
      {"num_epochs: 1\nsampler: {steps_per_epoch: 1, candidates_per_epoch: 65}\n", 1, 1, 1, 2, 64},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    vft_config c;
    vft_sampling s;
    vft_judged j;
    load(cases[i].extra, &c);
    if (vft_sampling_make(&c, &dataset, &s, &j) != VFT_OK) fail_msg("%s", vft_error_message());
    uint64_t steps = vft_sampling_steps(&s, &c), epochs = vft_sampling_epochs(&s, steps), rows = 0;
    assert_int_equal(steps, cases[i].steps);
    assert_int_equal(s.steps_per_epoch, cases[i].per_epoch);
    assert_int_equal(epochs, cases[i].epochs);
    assert_int_equal(s.candidates, cases[i].candidates);
    assert_int_equal(vft_sampling_rows(&s, steps, epochs - 1), cases[i].last);
    for (uint64_t e = 0; e < epochs; e++) rows += vft_sampling_rows(&s, steps, e);
    assert_int_equal(rows, steps * s.records_a_step);
    vft_judged_free(&j);
    vft_sampling_free(&s);
    vft_config_free(&c);
  }
  refuse("num_epochs: 1\ngradient_accumulation_steps: 32\n", "50 of 50 records have a token to learn");
  refuse("num_epochs: 1\nsampler: {steps_per_epoch: 26}\n", "an epoch takes 52");
}

/* ---- round trips ---- */

static const char rich[] =
    "num_epochs: 2\n"
    "policy:\n"
    "  allow_licenses: [MIT, GPL-2.0-only WITH Classpath-exception-2.0, ISC]\n"
    "  allow_languages: [en, zh]\n"
    "  allow_tiers: [public, shadow]\n"
    "  deny_tags: [z]\n"
    "  deny_sources: [x, y]\n"
    "  quotas:\n"
    "    - {bin: 'license:MIT', max_examples: 30}\n"
    "    - {bin: 'language:zh', max_tokens: 1000}\n"
    "    - {bin: 'length:1-400', max_examples: 50}\n"
    "    - {bin: 'tag:a', max_examples: 9}\n"
    "sampler:\n"
    "  mode: hybrid\n"
    "  window: 2\n"
    "  public_every: 3\n"
    "  steps_per_epoch: 5\n"
    "  beacon: {source: drand, round: 12, format: hex}\n";

static json_t *object_of(const vft_sampling *s) {
  json_t *d, *p, *r;
  assert_int_equal(vft_sampling_json(s, &d, &p, &r), VFT_OK);
  return json_pack("{s:o, s:o, s:o}", "dataset", d, "policy", p, "sampler", r);
}

static char *text_of(const json_t *value) {
  char *text;
  size_t length;
  assert_int_equal(vft_json_canonical(value, &text, &length), VFT_OK);
  return text;
}

static vft_status parse(const json_t *o, vft_sampling *out) {
  return vft_sampling_parse(json_object_get(o, "dataset"), json_object_get(o, "policy"),
                            json_object_get(o, "sampler"), "m", out);
}

static void what_is_written_is_read(void **state) {
  (void)state;
  static const char *const extra[] = {
      rich, "num_epochs: 1\n", "num_epochs: 1\nseed: 18446744073709551615\n",
      "num_epochs: 1\npolicy: {deny_domains: [sport]}\nsampler: {mode: private}\n"};
  for (size_t i = 0; i < sizeof extra / sizeof *extra; i++) {
    vft_sampling s, again;
    vft_judged j;
    make(extra[i], &s, &j);
    json_t *o = object_of(&s);
    if (parse(o, &again) != VFT_OK) fail_msg("%s", vft_error_message());
    json_t *p = object_of(&again);
    char *a = text_of(o), *b = text_of(p);
    assert_string_equal(a, b);
    vft_free(a);
    vft_free(b);
    json_decref(o);
    json_decref(p);
    assert_int_equal(again.classes, dataset.classes.count);
    for (size_t k = 0; k < again.classes; k++) {
      assert_true(vft_poseidon_equal(&again.class_digest[k], &dataset.classes.digest[k]));
      assert_int_equal(again.class_verdict[k].verdict, j.of_class[k].verdict);
      assert_memory_equal(again.class_verdict[k].bins, j.of_class[k].bins,
                          sizeof again.class_verdict[k].bins);
    }
    assert_true(again.seed == s.seed && again.candidates == s.candidates);
    assert_false(again.beacon_known);
    vft_sampling_free(&again);
    vft_judged_free(&j);
    vft_sampling_free(&s);
  }
}

/* Sets a value at a path such as "dataset/tiers/0/records"; NULL removes it. */
static void set(json_t *o, const char *path, json_t *value) {
  char copy[96], *at = copy, *slash;
  snprintf(copy, sizeof copy, "%s", path);
  while ((slash = strchr(at, '/'))) {
    *slash = 0;
    o = json_is_array(o) ? json_array_get(o, (size_t)atoi(at)) : json_object_get(o, at);
    assert_non_null(o);
    at = slash + 1;
  }
  if (json_is_array(o)) json_array_set_new(o, (size_t)atoi(at), value);
  else if (value) json_object_set_new(o, at, value);
  else json_object_del(o, at);
}

static void what_is_not_canonical_is_refused(void **state) {
  (void)state;
  static const struct {
    const char *path, *value; /* JSON; NULL: removed */
  } cases[] = {
      {"dataset", "null"},
      {"dataset/root", NULL},
      {"dataset/root", "\"00\""},
      {"dataset/root", "\"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff\""},
      {"dataset/records", "51"},
      {"dataset/height", "7"},
      {"dataset/height", "5"},
      {"dataset/more", "1"},
      {"dataset/text_rule", "\"none\""},
      {"dataset/processing", "1"},
      {"dataset/tiers", "[]"},
      {"dataset/tiers/0/records", "0"},
      {"dataset/tiers/0/records", "41"},
      {"dataset/tiers/0/tier", "\"shadow\""},
      {"dataset/tiers/1/tier", "\"restricted\""},
      {"dataset/tiers/1/tree", "\"0\""},
      {"dataset/sequence_len", "17"},
      {"dataset/classes", "[]"},
      {"dataset/classes/0/license", "\"mit\""},
      {"dataset/classes/0/language", "\"EN\""},
      {"dataset/classes/0/source", "\"\""},
      {"dataset/classes/0/tier", "\"secret\""},
      {"dataset/classes/0/tags", "[\"b\",\"a\"]"},
      {"dataset/classes/0/tags", "[\"a\",\"a\"]"},
      {"dataset/classes/0/tags", "null"},
      {"dataset/classes/0/more", "1"},
      {"policy", "[]"},
      {"policy", "{}"},
      {"policy/allow_licenses", "[\"mit\"]"},
      {"policy/allow_licenses", "[\"MIT OR ISC\"]"},
      {"policy/allow_licenses", "1"},
      {"policy/allow_languages", "[\"EN\"]"},
      {"policy/allow_tiers", "[\"secret\"]"},
      {"policy/allow_tiers", "null"},
      {"policy/deny_tags", "[\" a\"]"},
      {"policy/deny_tags", "[\"e\xcc\x81\"]"},
      {"policy/deny_tags", "[\"\"]"},
      {"policy/deny_sources", "null"},
      {"policy/more", "1"},
      {"policy/quotas", "null"},
      {"policy/quotas/0/bin", "\"license:mit\""},
      {"policy/quotas/0/bin", "\"licens:MIT\""},
      {"policy/quotas/0/bin", "\"license\""},
      {"policy/quotas/0/bin", "\"tag:a\""}, /* two ceilings */
      {"policy/quotas/0/bin", "\"tier:secret\""},
      {"policy/quotas/2/bin", "\"length:01-400\""},
      {"policy/quotas/2/bin", "\"length:9-4\""},
      {"policy/quotas/2/bin", "\"length:1-400x\""},
      {"policy/quotas/0/max_examples", "-1"},
      {"policy/quotas/0/max_examples", "281474976710656"},
      {"policy/quotas/0/max_examples", NULL},
      {"policy/quotas/0/max_tokens", "1"},
      {"sampler", "1"},
      {"sampler/algorithm", "\"vft sampler v0\""},
      {"sampler/mode", "\"secret\""},
      {"sampler/mode", "\"private\""}, /* public_every is there */
      {"sampler/mode", "\"public\""},
      {"sampler/window", "0"},
      {"sampler/public_every", "0"},
      {"sampler/public_every", "null"},
      {"sampler/replacement", "1"},
      {"sampler/records_a_step", "0"},
      {"sampler/steps_per_epoch", "0"},
      {"sampler/candidates_per_epoch", "0"},
      {"sampler/candidates_per_epoch", "63"},
      {"sampler/candidates_per_epoch", "128"}, /* the order has 64 */
      {"sampler/seed", "\"1\""},
      {"sampler/seed_commitment", "null"},
      {"sampler/seed_commitment", "\"1\""},
      {"sampler/beacon", "{}"},
      {"sampler/beacon/round", "-1"},
      {"sampler/beacon/source", "\"\""},
      {"sampler/beacon/value", "\"00\""},
      {"sampler/more", "1"},
  };
  vft_sampling s, again;
  vft_judged j;
  make(rich, &s, &j);
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    json_t *o = object_of(&s);
    set(o, cases[i].path,
        cases[i].value ? json_loads(cases[i].value, JSON_DECODE_ANY, NULL) : NULL);
    vft_status st = parse(o, &again);
    if (st != VFT_REJECTED || strncmp(vft_error_check(), "manifest/", 9))
      fail_msg("%s = %s: %d", cases[i].path, cases[i].value ? cases[i].value : "(none)", st);
    json_decref(o);
  }
  vft_judged_free(&j);
  vft_sampling_free(&s);
}

static void seeds_are_decimal(void **state) {
  (void)state;
  static const char *const bad[] = {"", "01", "-1", "+1", "1 ", "0x1", "18446744073709551616"};
  vft_sampling s, again;
  vft_judged j;
  make("num_epochs: 1\n", &s, &j);
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    json_t *o = object_of(&s);
    set(o, "sampler/seed", json_string(bad[i]));
    assert_int_equal(parse(o, &again), VFT_REJECTED);
    json_decref(o);
  }
  vft_judged_free(&j);
  vft_sampling_free(&s);
}

/* Another dataset has another secret. */
static void the_secret_is_that_of_the_dataset(void **state) {
  (void)state;
  vft_sampling s;
  vft_judged j;
  uint8_t secret[32], want[32];
  make(rich, &s, &j);
  assert_true(vft_sampling_secret(&s, &dataset, secret));
  vft_sampler_secret(master, want);
  assert_memory_equal(secret, want, 32);
  dataset.master[7] ^= 1;
  assert_false(vft_sampling_secret(&s, &dataset, secret));
  dataset.master[7] ^= 1;
  assert_true(vft_sampling_public(&s, 0) && !vft_sampling_public(&s, 1) &&
              vft_sampling_public(&s, 3));
  vft_judged_free(&j);
  vft_sampling_free(&s);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(epochs_of_a_run),
      cmocka_unit_test(what_is_written_is_read),
      cmocka_unit_test(what_is_not_canonical_is_refused),
      cmocka_unit_test(seeds_are_decimal),
      cmocka_unit_test(the_secret_is_that_of_the_dataset),
  };
  return cmocka_run_group_tests(tests, set_up, tear_down);
}
