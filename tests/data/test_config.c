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

int main(void) {
  strcpy(folder, "/tmp/vft-config-XXXXXX");
  if (!mkdtemp(folder)) return 1;
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(accepts_template_and_defaults),
      cmocka_unit_test(refuses_with_remedy),
  };
  int rc = cmocka_run_group_tests(tests, NULL, NULL);
  char path[96];
  snprintf(path, sizeof path, "%s/c.yaml", folder);
  unlink(path);
  rmdir(folder);
  return rc;
}
