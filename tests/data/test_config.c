/* The configuration reader: every refusal names the key and what to write instead. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "data/config.h"

static const char base[] = "base_model: m.gguf\ndatasets:\n  - path: a.jsonl\nnum_epochs: 1\n";
static char folder[64];

static vft_status load(const char *text, vft_config *c) {
  char path[96];
  snprintf(path, sizeof path, "%s/c.yaml", folder);
  FILE *f = fopen(path, "wb");
  assert_non_null(f);
  fputs(text, f);
  fclose(f);
  return vft_config_load(path, c);
}

static void refuse(const char *extra, const char *expected) {
  char text[1024];
  vft_config c;
  snprintf(text, sizeof text, "%s%s", base, extra);
  assert_int_equal(load(text, &c), VFT_USAGE);
  if (!strstr(vft_error_message(), expected)) {
    print_error("message '%s' lacks '%s'\n", vft_error_message(), expected);
    fail();
  }
}

static void accepts_template_and_defaults(void **state) {
  (void)state;
  vft_config c;
  assert_int_equal(load(vft_config_template, &c), VFT_OK);
  assert_int_equal(c.beta2_denominator, 20);
  assert_int_equal(c.targets, 0x7f);
  assert_string_equal(c.learning_rate, "2e-4");
  char expected[96];
  snprintf(expected, sizeof expected, "%s/model.gguf", folder);
  assert_string_equal(c.base_model, expected);
  vft_config_free(&c);
  assert_int_equal(load(base, &c), VFT_OK);
  assert_int_equal(c.beta2_denominator, 1000);
  vft_config_free(&c);
}

static void refuses_with_remedy(void **state) {
  (void)state;
  refuse("lerning_rate: 1e-4\n", "lerning_rate: unknown key, did you mean 'learning_rate'?");
  refuse("lora_target_modules: [q_prj]\n", "did you mean 'q_proj'");
  refuse("lr_scheduler: cosin\n", "did you mean 'cosine'");
  refuse("lora_r: 8\nlora_alpha: 20\n", "nearest for lora_r: 8 is lora_alpha: 16");
  refuse("adam_beta2: 0.93\n", "beta2 must be 1 - 1/D with D a whole number; nearest to 0.93");
  refuse("adam_beta2: 0.9501\n", "is 0.95 (D = 20)");
  refuse("sequence_len: 100\n", "nearest is 104");
  refuse("lora_r: 65\n", "whole number from 1 to 64");
  refuse("learning_rate: fast\n", "'fast' is not a number");
  refuse("seed: -1\n", "seed");
  refuse("seed: 1\nseed: 2\n", "given twice");
  refuse("warmup_ratio: 0.1\nwarmup_steps: 3\n", "not both");
  refuse("micro_batch_size: 512\n", "32768");
  refuse("x: [\n", "not YAML");
  vft_config c;
  assert_int_equal(load("- 1\n", &c), VFT_USAGE);
  assert_int_equal(load("datasets:\n  - path: a\nnum_epochs: 1\n", &c), VFT_USAGE);
  assert_non_null(strstr(vft_error_message(), "base_model: missing"));
  assert_int_equal(vft_config_load("/nonexistent/c.yaml", &c), VFT_USAGE);
}

static void policy_and_sampler(void **state) {
  (void)state;
  vft_config c;
  char text[2048];
  snprintf(text, sizeof text, "%s%s", base,
           "policy:\n"
           "  allow_licenses: [mit, gpl-2.0-only with classpath-exception-2.0, noassertion]\n"
           "  allow_languages: [EN, zh_CN]\n"
           "  allow_tiers: [public, shadow]\n"
           "  deny_tags: [' bad ']\n"
           "  quotas:\n"
           "    - {bin: 'license:MIT', max_examples: 0}\n"
           "    - {bin: 'language:ZH_cn', max_tokens: 5}\n"
           "    - {bin: 'language:zh-cn', max_examples: 5}\n"
           "    - {bin: 'length:007-16', max_examples: 1}\n"
           "    - {bin: 'source:a:b', max_examples: 1}\n"
           "sampler:\n  mode: hybrid\n  window: 3\n  replacement: true\n"
           "  candidates_per_epoch: 100\n"
           "  beacon: {source: ' drand ', round: 9007199254740992, format: hex}\n"
           "dataset_prepared_path: D\n");
  if (load(text, &c) != VFT_OK) fail_msg("%s", vft_error_message());
  const vft_policy *p = &c.policy;
  assert_true(p->given && !p->any_license && !p->any_language);
  assert_string_equal(p->licenses[1], "GPL-2.0-only WITH Classpath-exception-2.0");
  assert_string_equal(p->licenses[2], "NOASSERTION");
  assert_string_equal(p->languages[1], "zh-cn");
  assert_int_equal(p->tiers, 5);
  assert_string_equal(p->deny_tags[0], "bad");
  assert_int_equal(p->quotas, 5);
  assert_true(p->quota[1].tokens && p->quota[1].ceiling == 5 && !p->quota[2].tokens);
  assert_string_equal(p->quota[3].value, "7-16");
  assert_true(p->quota[3].shortest == 7 && p->quota[3].longest == 16);
  assert_string_equal(p->quota[4].value, "a:b");
  assert_true(c.sampler.mode == VFT_SAMPLER_HYBRID && c.sampler.window == 3 &&
              c.sampler.replacement && c.sampler.public_every == 10 &&
              c.sampler.candidates_per_epoch == 100);
  assert_true(c.sampler.has_beacon && !c.sampler.beacon_known &&
              c.sampler.beacon_round == 1ull << 53);
  assert_string_equal(c.sampler.beacon_source, "drand");
  assert_memory_equal(c.dataset_prepared_path, folder, strlen(folder));
  vft_config_free(&c);
#define POLICY(line) "policy:\n  allow_licenses: [MIT]\n  " line "\n"
#define QUOTAS(list) "policy:\n  deny_tags: [x]\n  allow_languages: [en]\n  quotas: [" list "]\n"
  refuse("policy: 1\n", "policy: expected");
  refuse(POLICY("allow_license: [MIT]"), "did you mean 'allow_licenses'?");
  refuse(POLICY("allow_licenses: [MIT]"), "given twice");
  refuse("policy:\n  allow_licenses: [MIT OR ISC]\n", "one by one");
  refuse("policy:\n  allow_licenses: [MITT]\n", "did you mean 'MIT'?");
  refuse("policy:\n  allow_licenses: MIT\n", "expected a list");
  refuse(POLICY("allow_tiers: [pub]"), "did you mean 'public'?");
  refuse(QUOTAS("{bin: 'lang:en', max_examples: 1}"), "unknown kind of bin, did you mean");
  refuse(QUOTAS("{bin: language, max_examples: 1}"), "KIND:VALUE");
  refuse(QUOTAS("{bin: 'length:9-3', max_examples: 1}"), "length:A-B");
  refuse(QUOTAS("{bin: 'length:3', max_examples: 1}"), "length:A-B");
  refuse(QUOTAS("{bin: 'source:a'}"), "no max_examples");
  refuse(QUOTAS("{max_tokens: 4}"), "has no bin");
  refuse(QUOTAS("{bin: 'source:a', max_examples: 1, max_tokens: 2}"), "not both");
  refuse(QUOTAS("{bin: 'source:a', max_examples: -1}"), "whole number");
  refuse(QUOTAS("{bin: 'source:a', max_example: 1}"), "did you mean 'max_examples'?");
  refuse(QUOTAS("{bin: 'source:a', max_examples: 1}, {bin: 'source:a', max_examples: 2}"),
         "two ceilings, 1 and 2");
  refuse(QUOTAS("{bin: 'tag:x', max_examples: 1}"), "contradicts deny_tags");
  refuse(QUOTAS("{bin: 'language:zh', max_examples: 1}"), "contradicts allow_languages");
  refuse(POLICY("quotas: [{bin: 'license:ISC', max_examples: 1}]"), "contradicts allow_licenses");
  refuse("policy:\n  allow_tiers: [public]\n  quotas: [{bin: 'tier:shadow', max_tokens: 1}]\n",
         "contradicts allow_tiers");
  refuse("sampler: {mode: secret}\n", "mode");
  refuse("sampler: {window: 0}\n", "window");
  refuse("sampler: {beacon: abc}\n", "beacon: expected {source: TEXT");
  refuse("sampler: {beacon: {source: a, format: b}}\n", "beacon: expected {source: TEXT");
  refuse("sampler: {beacon: {source: a, round: 1, format: b, value: abc}}\n", "64 hexadecimal");
  refuse("sampler: {beacon: {source: a, round: -1, format: b}}\n", "2^53");
  refuse("sampler: {beacon: {source: a, rond: 1, format: b}}\n", "did you mean 'round'?");
  refuse("sampler: {candidates_per_epoch: 0}\n", "whole number from 1");
  refuse("sampler: {replacement: maybe}\n", "replacement");
  refuse("sampler: {steps_an_epoch: 3}\n", "did you mean 'steps_per_epoch'?");
}

int main(void) {
  strcpy(folder, "/tmp/vft-config-XXXXXX");
  if (!mkdtemp(folder)) return 1;
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(accepts_template_and_defaults),
      cmocka_unit_test(refuses_with_remedy),
      cmocka_unit_test(policy_and_sampler),
  };
  int rc = cmocka_run_group_tests(tests, NULL, NULL);
  char path[96];
  snprintf(path, sizeof path, "%s/c.yaml", folder);
  unlink(path);
  rmdir(folder);
  return rc;
}
