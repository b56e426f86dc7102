/* Reading models: GGUF and safetensors give one layout, and everything malformed is refused with
 * a line that names it. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/pool.h"
#include "model/dequant.h"
#include "model/gguf.h"
#include "model/model.h"
#include "model/safetensors.h"
#include "model_files.h"

static char folder[64];

static vft_status load(const char *name, vft_model *m) {
  char path[256];
  snprintf(path, sizeof path, "%s/%s", folder, name);
  return vft_model_load(path, m);
}

static void refused(vft_status st, const char *expected) {
  assert_int_equal(st, VFT_USAGE);
  if (strstr(vft_error_message(), expected)) return;
  print_error("message '%s' lacks '%s'\n", vft_error_message(), expected);
  fail();
}

static vft_status load_gguf(const fault *f, vft_model *m) {
  bytes b = build_gguf(f);
  write_file(folder, "m.gguf", b.p, b.n);
  free(b.p);
  return load("m.gguf", m);
}

static vft_status load_folder(const fault *f, const char *extra_config, vft_model *m) {
  bytes b = build_safetensors(f, 0, 99), c = build_config(!f->head, extra_config);
  write_file(folder, "model.safetensors", b.p, b.n);
  write_file(folder, "config.json", c.p, c.n);
  free(b.p), free(c.p);
  return load("", m);
}

/* The array of a part, by walking the struct independently of the loader. */
static const float *array_of(const vft_model *m, const part *p) {
  int layer;
  char what[64];
  if (!strcmp(p->gguf, "token_embd.weight")) return m->emb;
  if (!strcmp(p->gguf, "output_norm.weight")) return m->out_norm;
  if (!strcmp(p->gguf, "output.weight")) return m->out;
  assert_int_equal(sscanf(p->gguf, "blk.%d.%63[a-z_]", &layer, what), 2);
  const vft_model_layer *l = &m->layer[layer];
  const struct {
    const char *name;
    const float *array;
  } of[] = {{"attn_norm", l->attn_norm}, {"attn_q", l->wq},        {"attn_k", l->wk},
            {"attn_v", l->wv},           {"attn_output", l->wo},   {"ffn_norm", l->ffn_norm},
            {"ffn_gate", l->wgate},      {"ffn_up", l->wup},       {"ffn_down", l->wdown}};
  for (size_t i = 0; i < 9; i++)
    if (!strcmp(of[i].name, what)) return of[i].array;
  return NULL;
}

static void check_values(const vft_model *m, bool head) {
  part parts[32];
  int n = model_parts(parts, head);
  for (int i = 0; i < n; i++) {
    const float *a = array_of(m, &parts[i]);
    assert_non_null(a);
    for (int r = 0; r < (parts[i].rows ? parts[i].rows : 1); r++)
      for (int c = 0; c < parts[i].cols; c++)
        assert_true(a[r * parts[i].cols + c] == model_value(&parts[i], r, c));
  }
}

static void check_arch(const vft_arch *a, bool head) {
  assert_int_equal(a->layers, LAYERS);
  assert_int_equal(a->d, D);
  assert_int_equal(a->heads, HEADS);
  assert_int_equal(a->kv_heads, KV);
  assert_int_equal(a->head_dim, HEAD_DIM);
  assert_int_equal(a->ff, FF);
  assert_int_equal(a->vocab, VOCAB);
  assert_int_equal(a->context, 128);
  assert_int_equal(a->tied, !head);
  assert_true(a->rope_theta == 10000.0f && a->rms_eps == 1e-5f);
  assert_int_equal(a->bos, -1);
  assert_int_equal(a->eos, 2);
  assert_int_equal(a->pad, -1);
}

static void both_sources_give_the_same_arrays(void **state) {
  (void)state;
  const int types[] = {F32, F16, BF16};
  for (int t = 0; t < 3; t++)
    for (int head = 0; head < 2; head++)
      for (int threads = 1; threads <= 3; threads += 2) {
        vft_threads_set(threads);
        fault f = {.type = types[t], .head = head};
        vft_model a, b;
        size_t before = vft_alloc_live();
        assert_int_equal(load_gguf(&f, &a), VFT_OK);
        assert_int_equal(load_folder(&f, "", &b), VFT_OK);
        check_arch(&a.arch, head);
        check_arch(&b.arch, head);
        check_values(&a, head);
        check_values(&b, head);
        assert_int_equal(a.files, 1);
        assert_memory_equal(a.digest, a.file[0].sha256, 32);
        assert_int_equal(b.files, 2);
        assert_string_equal(b.file[0].name, "config.json");
        assert_string_equal(b.file[1].name, "model.safetensors");
        vft_model_free(&a);
        vft_model_free(&b);
        assert_int_equal(vft_alloc_live(), before);
      }
  vft_threads_set(0);
}

static void header_only_and_parameters(void **state) {
  (void)state;
  fault f = {.head = true};
  vft_model m, h;
  assert_int_equal(load_gguf(&f, &m), VFT_OK);
  char path[256];
  snprintf(path, sizeof path, "%s/m.gguf", folder);
  assert_int_equal(vft_model_load_header(path, &h), VFT_OK);
  check_arch(&h.arch, true);
  assert_memory_equal(h.digest, m.digest, 32);
  assert_null(h.emb);
  uint64_t layer = 2 * D + 2 * Q_ROWS * D + 2 * KV_ROWS * D + 3 * FF * D;
  assert_int_equal(vft_model_parameters(&m.arch), LAYERS * layer + D + 2 * VOCAB * D);
  vft_model_free(&m);
  vft_model_free(&h);
}

static void shards_and_one_file_agree(void **state) {
  (void)state;
  fault f = {.type = BF16, .head = true};
  part parts[32];
  int n = model_parts(parts, true);
  bytes index = {0}, config = build_config(false, "");
  put_format(&index, "{\"metadata\":{\"total_size\":1},\"weight_map\":{");
  for (int k = 0; k < 3; k++) {
    char name[64];
    bytes b = build_safetensors(&f, n * k / 3, n * (k + 1) / 3);
    snprintf(name, sizeof name, "model-%05d-of-00003.safetensors", k + 1);
    write_file(folder, name, b.p, b.n);
    free(b.p);
    for (int i = n * k / 3; i < n * (k + 1) / 3; i++)
      put_format(&index, "%s\"%s\":\"%s\"", i ? "," : "", parts[i].hf, name);
  }
  put_format(&index, "}}");
  char single[256];
  snprintf(single, sizeof single, "%s/model.safetensors", folder);
  unlink(single);
  write_file(folder, "model.safetensors.index.json", index.p, index.n);
  write_file(folder, "config.json", config.p, config.n);
  vft_model m;
  assert_int_equal(load("", &m), VFT_OK);
  check_values(&m, true);
  assert_int_equal(m.files, 5);
  uint8_t digest[32];
  memcpy(digest, m.digest, 32);
  vft_model_free(&m);
  /* Another byte in a file that holds no weight changes the digest too. */
  put(&index, " ", 1);
  write_file(folder, "model.safetensors.index.json", index.p, index.n);
  assert_int_equal(load("", &m), VFT_OK);
  assert_memory_not_equal(m.digest, digest, 32);
  vft_model_free(&m);
  /* An entry that points to the wrong shard, and one that leaves the folder. */
  char *wrong = strstr((char *)index.p, "00001-of");
  wrong[4] = '2';
  write_file(folder, "model.safetensors.index.json", index.p, index.n);
  refused(load("", &m), "is not in shard");
  const char *outside = "{\"weight_map\":{\"a\":\"../x.safetensors\"}}";
  write_file(folder, "model.safetensors.index.json", outside, strlen(outside));
  refused(load("", &m), "is not the name of a .safetensors file");
  free(index.p), free(config.p);
}

static void gguf_faults_are_named(void **state) {
  (void)state;
  const struct {
    fault f;
    const char *expected;
  } cases[] = {
      {{.architecture = "gemma"}, "general.architecture is 'gemma', expected 'llama'"},
      {{.drop = "blk.1.attn_v.weight"}, "tensor 'blk.1.attn_v.weight' is missing"},
      {{.drop = "token_embd.weight"}, "'token_embd.weight' is missing"},
      {{.poison = "blk.0.ffn_up.weight"}, "'blk.0.ffn_up.weight' has a NaN"},
      {{.poison = "output_norm.weight"}, "'output_norm.weight' has a NaN"},
      {{.transpose = "blk.1.ffn_up.weight"}, "has shape [32, 96], expected [96, 32]"},
      {{.retype = "blk.0.attn_q.weight", .retype_to = 26},
       "'blk.0.attn_q.weight' has type I32; supported are F32, F16, BF16, Q8_0, Q4_0 and Q4_1"},
      {{.retype = "blk.0.attn_q.weight", .retype_to = 99}, "unknown type number 99"},
      {{.retype = "blk.0.attn_q.weight", .retype_to = 12}, "not whole blocks of Q4_K"},
      {{.extra_key = "llama.expert_count"}, "mixtures of experts"},
      {{.extra_key = "llama.attention.sliding_window"}, "not understood"},
      {{.extra_key = "llama.rope.dimension_count"}, "llama.rope.dimension_count is 7"},
      {{.extra_key = "llama.vocab_size"}, "llama.vocab_size is 7"},
      {{.extra_key = "llama.block_count"}, "appears twice"},
      {{.extra_key = "general.alignment"}, "general.alignment"},
      {{.extra_text_key = "llama.rope.scaling.type"}, "rope scaling is not supported"},
      {{.extra_tensor = "rope_freqs.weight"}, "rope scaling is not supported"},
      {{.extra_tensor = "blk.0.attn_q.bias"}, "'blk.0.attn_q.bias' is not part of"},
      {{.extra_tensor = "blk.0.attn_q.weight"}, "appears twice"},
      {{.shift = "blk.0.attn_k.weight"}, "overlap"},
      {{.version = 2}, "GGUF version 2, expected 3"},
      {{.tensor_count = UINT64_MAX}, "announced"},
      {{.kv_count = (uint64_t)1 << 40}, "announced"},
      {{.tensor_count = 60000}, "the file ends inside"},
      {{.kv_count = 60000}, "the file ends inside"},
      {{.kv_count = 12}, "m.gguf: "},
  };
  vft_model m;
  size_t before = vft_alloc_live();
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    refused(load_gguf(&cases[i].f, &m), cases[i].expected);
    assert_null(m.emb);
  }
  assert_int_equal(vft_alloc_live(), before);
}

/* Each prefix is parsed from a block of exactly its length, so that a sanitizer sees any read
 * past the end. */
static void every_truncation_is_refused(void **state) {
  (void)state;
  fault f = {.type = F16};
  for (int format = 0; format < 2; format++) {
    bytes b = format ? build_safetensors(&f, 0, 99) : build_gguf(&f);
    for (size_t n = 0; n < b.n; n += n < 4000 ? 1 : 997) {
      uint8_t *cut = malloc(n + !n);
      memcpy(cut, b.p, n);
      vft_gguf g;
      vft_safetensors s;
      if (format) assert_int_equal(vft_safetensors_parse(cut, n, "cut", &s), VFT_USAGE);
      else assert_int_equal(vft_gguf_parse(cut, n, "cut", &g), VFT_USAGE);
      free(cut);
    }
    free(b.p);
  }
  bytes b = build_gguf(&f);
  vft_model m;
  write_file(folder, "cut.gguf", b.p, b.n - 1);
  refused(load("cut.gguf", &m), "the file ends before tensor");
  free(b.p);
}

static void safetensors_faults_are_named(void **state) {
  (void)state;
  const struct {
    fault f;
    const char *expected;
  } cases[] = {
      {{.drop = "model.layers.1.self_attn.v_proj.weight"}, "v_proj.weight' is missing"},
      {{.poison = "model.norm.weight"}, "'model.norm.weight' has a NaN"},
      {{.poison = "model.norm.weight", .type = BF16}, "'model.norm.weight' has a NaN"},
      {{.transpose = "model.layers.0.mlp.up_proj.weight"}, "expected [96, 32]"},
      {{.retype = "model.norm.weight"}, "has type I32; supported are F32, F16 and BF16"},
      {{.extra_tensor = "model.layers.0.self_attn.q_proj.bias"}, "is not part of"},
      {{.extra_tensor = "model.norm.weight"}, "malformed header"},
      {{.shift = "model.layers.0.self_attn.k_proj.weight"}, "overlaps"},
  };
  vft_model m;
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
    refused(load_folder(&cases[i].f, "", &m), cases[i].expected);
  /* Tensors that files carry but nobody needs. */
  fault harmless = {.extra_tensor = "model.layers.0.self_attn.rotary_emb.inv_freq"};
  assert_int_equal(load_folder(&harmless, "", &m), VFT_OK);
  vft_model_free(&m);
}

static void tied_head_must_be_the_embedding(void **state) {
  (void)state;
  fault f = {.head = true};
  bytes b = build_safetensors(&f, 0, 99), c = build_config(true, "");
  write_file(folder, "model.safetensors", b.p, b.n);
  write_file(folder, "config.json", c.p, c.n);
  vft_model m;
  refused(load("", &m), "lm_head.weight differs");
  free(b.p), free(c.p);
}

static void config_faults_are_named(void **state) {
  (void)state;
  const struct {
    const char *extra, *expected;
  } cases[] = {
      {",\"hidden_act\":\"gelu\"", "hidden_act"},
      {",\"attention_bias\":true", "attention_bias is set"},
      {",\"mlp_bias\":true", "mlp_bias is set"},
      {",\"rope_interleaved\":true", "rope_interleaved is set"},
      {",\"quantization_config\":{}", "quantization_config is set"},
      {",\"rope_scaling\":{\"type\":\"linear\",\"factor\":2}", "'linear' is not supported"},
      {",\"rope_parameters\":{\"rope_type\":\"llama3\"}", "'llama3' is not supported"},
      {",\"rope_theta\":-1", "rope theta"},
      {",\"rope_theta\":\"x\"", "rope_theta is not a number"},
      {",\"pad_token_id\":40", "padding token id is 40"},
      {",\"architectures\":[\"MistralForCausalLM\"]", "architectures"},
      {",\"hidden_size\":1", "malformed JSON"},
      {",}", "line 4: malformed JSON"},
  };
  fault f = {0};
  vft_model m;
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
    refused(load_folder(&f, cases[i].extra, &m), cases[i].expected);
  assert_int_equal(load_folder(&f, ",\"rope_parameters\":{\"rope_type\":\"default\","
                                   "\"rope_theta\":500000.0},\"bos_token_id\":null,"
                                   "\"pad_token_id\":-1,\"torch_dtype\":\"float32\"", &m),
                   VFT_OK);
  assert_true(m.arch.rope_theta == 500000.0f);
  vft_model_free(&m);
  const struct {
    const char *text, *expected;
  } whole[] = {
      {"[]", "not a JSON object"},
      {"{\"model_type\":\"qwen2\"}", "model_type is 'qwen2'"},
      {"{\"model_type\":\"llama\"}", "num_hidden_layers is missing"},
      {"{\"model_type\":\"llama\",\"num_hidden_layers\":100000}", "hidden_size is missing"},
  };
  for (size_t i = 0; i < sizeof whole / sizeof *whole; i++) {
    write_file(folder, "config.json", whole[i].text, strlen(whole[i].text));
    refused(load("", &m), whole[i].expected);
  }
  /* A huge model announced over small files is refused before anything is allocated. */
  const char *huge =
      "{\"model_type\":\"llama\",\"hidden_size\":65536,\"num_hidden_layers\":1024,"
      "\"num_attention_heads\":512,\"head_dim\":128,\"intermediate_size\":1048576,"
      "\"vocab_size\":2097152,\"max_position_embeddings\":128,\"rms_norm_eps\":1e-05}";
  write_file(folder, "config.json", huge, strlen(huge));
  vft_alloc_peak_reset();
  size_t before = vft_alloc_peak();
  refused(load("", &m), "expected [2097152, 65536]");
  assert_true(vft_alloc_peak() - before < (size_t)1 << 22);
}

static void missing_files_are_named(void **state) {
  (void)state;
  vft_model m;
  refused(vft_model_load("/nonexistent/m.gguf", &m), "/nonexistent/m.gguf: cannot be opened");
  refused(vft_model_load("/dev/null", &m), "not a regular file");
  write_file(folder, "empty.gguf", "", 0);
  refused(load("empty.gguf", &m), "is empty");
  write_file(folder, "text.gguf", "hello, world", 12);
  refused(load("text.gguf", &m), "not a GGUF file");
  char inner[128];
  snprintf(inner, sizeof inner, "%s/inner", folder);
  mkdir(inner, 0755);
  refused(vft_model_load(inner, &m), "config.json: cannot be opened");
  bytes c = build_config(true, "");
  write_file(inner, "config.json", c.p, c.n);
  free(c.p);
  refused(vft_model_load(inner, &m), "neither model.safetensors nor");
}

/* ---- storage types, against the definition in double precision ---- */

static void halves_are_exact(void **state) {
  (void)state;
  for (uint32_t h = 0; h < 65536; h++) {
    int sign = h >> 15 ? -1 : 1, e = (int)(h >> 10 & 31), m = (int)(h & 1023);
    float f = vft_f16_to_f32((uint16_t)h);
    if (e == 31) {
      assert_false(isfinite(f));
      assert_int_equal(isnan(f) != 0, m != 0);
      continue;
    }
    double want = sign * (e ? ldexp(1024 + m, e - 25) : ldexp(m, -24));
    assert_true((double)f == want);
    assert_int_equal(signbit(f) != 0, h >> 15);
  }
  assert_true(vft_bf16_to_f32(0x3f80) == 1.0f && vft_bf16_to_f32(0xc000) == -2.0f);
}

static void blocks_follow_their_definition(void **state) {
  (void)state;
  uint32_t x = 12345;
  for (int round = 0; round < 200; round++) {
    uint8_t b[34];
    for (size_t i = 0; i < sizeof b; i++) b[i] = (uint8_t)((x = x * 1664525u + 1013904223u) >> 24);
    b[1] &= 0xbb; /* finite scale and minimum, including subnormal ones */
    b[3] &= 0xbb;
    double d = (double)vft_f16_to_f32((uint16_t)(b[0] | b[1] << 8));
    double m = (double)vft_f16_to_f32((uint16_t)(b[2] | b[3] << 8));
    float out[32];
    assert_true(vft_dequantise(VFT_DTYPE_Q8_0, b, 32, out));
    for (int i = 0; i < 32; i++) assert_true((double)out[i] == d * (int8_t)b[2 + i]);
    assert_true(vft_dequantise(VFT_DTYPE_Q4_0, b, 32, out));
    for (int i = 0; i < 32; i++) {
      int q = i < 16 ? b[2 + i] & 15 : b[2 + i - 16] >> 4;
      assert_true((double)out[i] == d * (q - 8));
    }
    assert_true(vft_dequantise(VFT_DTYPE_Q4_1, b, 32, out));
    for (int i = 0; i < 32; i++) {
      int q = i < 16 ? b[4 + i] & 15 : b[4 + i - 16] >> 4;
      assert_true(out[i] == (float)(d * q + m)); /* the double sum is exact, rounded once */
    }
  }
}

static void infinite_scales_are_noticed(void **state) {
  (void)state;
  uint8_t b[34] = {0x00, 0x7c, 1};
  float out[32];
  assert_false(vft_dequantise(VFT_DTYPE_Q8_0, b, 32, out));
  assert_false(vft_dequantise(VFT_DTYPE_Q4_0, b, 32, out));
  assert_false(vft_dequantise(VFT_DTYPE_Q4_1, b, 32, out));
  assert_false(vft_dequantise(VFT_DTYPE_F16, b, 1, out));
  const uint8_t nan32[4] = {1, 0, 0x80, 0x7f};
  assert_false(vft_dequantise(VFT_DTYPE_F32, nan32, 1, out));
}

static int make_folder(void **state) {
  (void)state;
  strcpy(folder, "/tmp/vft-test-model-XXXXXX");
  return mkdtemp(folder) ? 0 : 1;
}

static int remove_folder(void **state) {
  (void)state;
  char command[128];
  snprintf(command, sizeof command, "rm -rf '%s'", folder);
  return system(command);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(both_sources_give_the_same_arrays),
      cmocka_unit_test(header_only_and_parameters),
      cmocka_unit_test(shards_and_one_file_agree),
      cmocka_unit_test(gguf_faults_are_named),
      cmocka_unit_test(every_truncation_is_refused),
      cmocka_unit_test(safetensors_faults_are_named),
      cmocka_unit_test(tied_head_must_be_the_embedding),
      cmocka_unit_test(config_faults_are_named),
      cmocka_unit_test(missing_files_are_named),
      cmocka_unit_test(halves_are_exact),
      cmocka_unit_test(blocks_follow_their_definition),
      cmocka_unit_test(infinite_scales_are_noticed),
  };
  return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
