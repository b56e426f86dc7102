/* The fuzz targets that read the files of a run, as in tests/model/test_fuzz_replay.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define LLVMFuzzerTestOneInput fuzz_manifest
#include "../../fuzz/fuzz_manifest.c"
#undef LLVMFuzzerTestOneInput
#define LLVMFuzzerTestOneInput fuzz_step_file
#include "../../fuzz/fuzz_step_file.c"
#undef LLVMFuzzerTestOneInput
#define LLVMFuzzerTestOneInput fuzz_oracle_file
#include "../../fuzz/fuzz_oracle_file.c"
#undef LLVMFuzzerTestOneInput
#define LLVMFuzzerTestOneInput fuzz_certificate
#include "../../fuzz/fuzz_certificate.c"
#undef LLVMFuzzerTestOneInput
#define LLVMFuzzerTestOneInput fuzz_config
#include "../../fuzz/fuzz_config.c"
#undef LLVMFuzzerTestOneInput
#define LLVMFuzzerTestOneInput fuzz_peft
#include "../../fuzz/fuzz_peft.c"
#undef LLVMFuzzerTestOneInput
#define LLVMFuzzerTestOneInput fuzz_proof
#include "../../fuzz/fuzz_proof.c"
#undef LLVMFuzzerTestOneInput
#include "model/fuzz_replay.h"
#include "prove/prove.h"
#include "run/files.h"
#include "run/plan.h"
#include "run/progress.h"

static void manifest(void **state) {
  (void)state;
  vft_plan plan;
  const vft_plan_request request = {.temporary = true};
  vft_progress_quiet(true);
  assert_int_equal(vft_plan_make("examples/demo/demo.yaml", &request, &plan), VFT_OK);
  replay(manifest, plan.manifest.text, plan.manifest.length, plan.manifest.length, 4000);
  vft_plan_free(&plan);
}

static void proof_files(void **state) {
  (void)state;
  uint8_t proof[200];
  char path[] = "/tmp/vft_fuzz_seed_XXXXXX";
  vft_bytes b;
  int fd = mkstemp(path);
  assert_true(fd >= 0);
  close(fd);
  for (size_t i = 0; i < sizeof proof; i++) proof[i] = (uint8_t)(3 * i);
  vft_step_file step = {.step = 3, .links = 5, .proof = proof, .length = sizeof proof};
  assert_int_equal(vft_step_file_write(path, &step), VFT_OK);
  assert_int_equal(vft_file_read(path, 4096, VFT_USAGE, &b), VFT_OK);
  replay(step_file, b.data, b.size, 120, 4000);
  vft_bytes_free(&b);
  vft_oracle_file oracle = {.steps = 3, .proof = proof, .length = sizeof proof};
  assert_int_equal(vft_oracle_file_write(path, &oracle), VFT_OK);
  assert_int_equal(vft_file_read(path, 4096, VFT_USAGE, &b), VFT_OK);
  replay(oracle_file, b.data, b.size, 80, 4000);
  vft_bytes_free(&b);
  unlink(path);
}

/* Two blocks, one window, a beacon; the head of a proof is roots and words, and nothing accepts it. */
static void certificate(void **state) {
  (void)state;
  uint8_t proof[3000];
  vft_poseidon_digest digest[3] = {{{{1}, {2}, {3}, {4}}}};
  char path[] = "/tmp/vft_fuzz_seed_XXXXXX";
  vft_bytes b;
  int fd = mkstemp(path);
  assert_true(fd >= 0);
  close(fd);
  for (size_t i = 0; i < sizeof proof; i++) proof[i] = (uint8_t)(i % 8 == 7 ? 0 : 5 * i);
  vft_certificate c = {.cut = {.n = 2, .count = {3, 1}, .steps = 1}, .choice = {4, 3}, .blocks = 2,
                       .epochs = 1, .windows = 1, .counters = digest, .window = digest + 2,
                       .has_beacon = true, .beacon = {7}, .epoch = 3, .span = 2, .start = digest[0],
                       .proof = proof, .length = sizeof proof};
  static vft_epochs_certificate e;
  fuzz_certificate(NULL, 0); /* the machine stays */
  assert_int_equal(vft_certificate_write(path, &c), VFT_OK);
  assert_int_equal(vft_file_read(path, 1 << 16, VFT_USAGE, &b), VFT_OK);
  replay(certificate, b.data, b.size, 400, 2000);
  vft_bytes_free(&b);
  c.epoch = c.span = 0; /* a certificate inside of a proof that can be joined does not say them */
  c.start = digest[1];
  e = (vft_epochs_certificate){.epoch = 1, .epochs = 2, .first = 7, .end = 9, .nkeys = 2, .head = c};
  assert_int_equal(vft_epochs_certificate_write(path, &e), VFT_OK);
  assert_int_equal(vft_file_read(path, 1 << 16, VFT_USAGE, &b), VFT_OK);
  replay(certificate, b.data, b.size, 2400, 2000);
  vft_bytes_free(&b);
  unlink(path);
}

static void config(void **state) {
  (void)state;
  static const char full[] =
      "base_model: m.gguf\ndatasets:\n  - path: a.jsonl\n    type: alpaca\n  - path: b.json\n"
      "calibration_text: c.txt\nchat_template: chatml\nsystem: \"be\\tbrief\"\nsequence_len: 64\n"
      "micro_batch_size: 2\ngradient_accumulation_steps: 2\nlora_r: 4\nlora_alpha: 8\n"
      "lora_target_modules: [q_proj, down_proj]\nlearning_rate: 2e-4\nweight_decay: 0.01\n"
      "max_grad_norm: 1.0\nadam_beta1: 0.9\nadam_beta2: 0.95\nadam_epsilon: 1e-8\n"
      "lr_scheduler: cosine\nwarmup_ratio: 0.03\nnum_epochs: 3\nmax_steps: 10\nseed: 7\n";
  static const char flow[] =
      "{base_model: &a m, datasets: [{path: *a}], num_epochs: 1, lora_target_modules: &b [q_proj]}";
  static const char policy[] =
      "base_model: m\ndatasets:\n  - {path: a, license: mit, tags: [x], tier: shadow}\n"
      "num_epochs: 1\npolicy:\n  allow_licenses: [MIT, isc]\n  allow_languages: [en]\n"
      "  deny_tags: [bad]\n  allow_tiers: [public]\n  quotas:\n"
      "    - {bin: 'license:MIT', max_examples: 3}\n    - {bin: 'length:0-9', max_tokens: 7}\n"
      "sampler: {mode: hybrid, window: 2, replacement: true, candidates_per_epoch: 64,\n"
      "  beacon: {source: a, round: 7, format: b}}\ndataset_prepared_path: D\n";
  replay(config, policy, sizeof policy - 1, sizeof policy - 1, 4000);
  replay(config, full, sizeof full - 1, sizeof full, 4000);
  replay(config, vft_config_template, strlen(vft_config_template), strlen(vft_config_template),
         1000);
  replay(config, flow, sizeof flow - 1, sizeof flow, 2000);
}

static void peft(void **state) {
  (void)state;
  char folder[] = "/tmp/vft_fuzz_seed_XXXXXX", name[80];
  static const char *const file[2] = {"adapter_config.json", "adapter_model.safetensors"};
  vft_adapter a = {.layers = 2, .rank = 2, .alpha = 4, .targets = 1u << 2 | 1u << 5};
  bytes seed = {0};
  for (int p = 0; p < VFT_ADAPTER_PROJECTIONS; p++) a.in[p] = 6, a.out[p] = 4 + p % 2;
  assert_int_equal(vft_adapter_alloc(&a), VFT_OK);
  for (int i = 0; i < 24; i++) a.a[2][i] = 1000 * i - 9000, a.a[5][i] = i;
  assert_non_null(mkdtemp(folder));
  assert_int_equal(vft_peft_write(folder, &a), VFT_OK);
  vft_adapter_free(&a);
  for (int i = 0; i < 2; i++) {
    vft_bytes b;
    snprintf(name, sizeof name, "%s/%s", folder, file[i]);
    assert_int_equal(vft_file_read(name, 1 << 16, VFT_USAGE, &b), VFT_OK);
    put(&seed, b.data, b.size);
    if (!i) put(&seed, "", 1);
    vft_bytes_free(&b);
    unlink(name);
  }
  rmdir(folder);
  replay(peft, seed.p, seed.n, seed.n, 4000);
  free(seed.p);
}

/* Proofs of the three programs; the target must accept each. */
static void proof(void **state) {
  (void)state;
  static void (*const fill[FUZZ_PROGRAMS])(vft_trace *) = {matmul_fill, zoo_fill, squares_fill};
  for (unsigned k = 0; k < FUZZ_PROGRAMS; k++) {
    const vft_program *p = fuzz_program(k);
    vft_proof_options o = fuzz_proof_options();
    vft_commitment *link[FUZZ_ROOTS] = {0}, *oracle[FUZZ_ROOTS] = {0};
    vft_digest root[2][FUZZ_ROOTS];
    vft_trace t;
    vft_proof made;
    vft_oracle_claims claims = {0};
    bytes seed = {0};
    assert_int_equal(vft_trace_init(&t, p), VFT_OK);
    fill[k](&t);
    assert_int_equal(vft_trace_complete(&t), VFT_OK);
    assert_int_equal(vft_trace_count_lookups(&t), VFT_OK);
    put(&seed, (uint8_t[]){(uint8_t)k}, 1);
    for (uint32_t i = 0; i < p->nlinks; i++) {
      assert_int_equal(vft_commit_group(&link[i], &t, VFT_LINK, i, o.log_inv_rate, o.hash, 0),
                       VFT_OK);
      root[0][i] = vft_commitment_root(link[i]);
      put(&seed, root[0][i].b, 32);
    }
    for (uint32_t i = 0; i < p->noracles; i++) {
      assert_int_equal(vft_commit_group(&oracle[i], &t, VFT_ORACLE, i, o.log_inv_rate, o.hash, 0),
                       VFT_OK);
      root[1][i] = vft_commitment_root(oracle[i]);
      put(&seed, root[1][i].b, 32);
    }
    for (uint32_t i = 0; i < p->ntensors; i++)
      if (p->tensors[i].origin == VFT_PUBLIC && !p->tensors[i].values)
        for (size_t j = 0; j < vft_tensor_count(&p->tensors[i]); j++)
          put_le(&seed, (uint64_t)toy_get(&t, i, j), 8);
    assert_int_equal(vft_prove(p, &t, link, root[1], &o, NULL, &made, &claims, NULL), VFT_OK);
    put(&seed, made.bytes, made.len);
    const int64_t *in[64];
    size_t at = 1 + 32 * ((size_t)p->nlinks + p->noracles);
    assert_true(fuzz_inputs(p, seed.p, seed.n, &at, in));
    vft_statement s = {p, in, root[0], root[1]};
    vft_verify_flags flags = {.allow_test_profile = true, .bounds_checked = true};
    assert_int_equal(vft_verify_proof(&s, &o, flags, seed.p + at, seed.n - at, &claims, NULL),
                     VFT_OK);
    replay(proof, seed.p, seed.n, seed.n, 400);
    vft_oracle_claims_free(&claims);
    vft_proof_free(&made);
    for (uint32_t i = 0; i < p->nlinks; i++) vft_commitment_free(link[i]);
    for (uint32_t i = 0; i < p->noracles; i++) vft_commitment_free(oracle[i]);
    vft_trace_free(&t);
    free(seed.p);
  }
}

int main(void) {
  printf("# seed %d\n", SEED);
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(manifest),    cmocka_unit_test(config), cmocka_unit_test(peft),
      cmocka_unit_test(proof_files), cmocka_unit_test(proof), cmocka_unit_test(certificate),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
