/* The canonical safetensors writer, the container reader, and `inspect`. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"
#include "model/inspect.h"
#include "model/safetensors.h"
#include "model/safetensors_write.h"
#include "model_files.h"

static char folder[64];

static void refused(vft_status st, const char *expected) {
  assert_int_equal(st, VFT_USAGE);
  if (strstr(vft_error_message(), expected)) return;
  print_error("message '%s' lacks '%s'\n", vft_error_message(), expected);
  fail();
}

static const float values[] = {1.0f, -2.5f, 0.0f, -0.0f, 1e-45f, 3.4e38f};

static void bytes_are_canonical(void **state) {
  (void)state;
  const vft_safetensors_out tensors[] = {
      {"b", 2, {2, 3}, values}, {"a.z", 1, {1}, values + 1}, {"a", 0, {0}, values}};
  const vft_safetensors_meta meta[] = {{"z", "q\"\\\n\xc3\xa9"}, {"format", "pt"}};
  uint8_t *out, *again;
  size_t n, m;
  assert_int_equal(vft_safetensors_encode(tensors, 3, meta, 2, &out, &n), VFT_OK);
  const char *header =
      "{\"__metadata__\":{\"format\":\"pt\",\"z\":\"q\\\"\\\\\\u000a\xc3\xa9\"},"
      "\"a\":{\"dtype\":\"F32\",\"shape\":[],\"data_offsets\":[0,4]},"
      "\"a.z\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,8]},"
      "\"b\":{\"dtype\":\"F32\",\"shape\":[2,3],\"data_offsets\":[8,32]}}";
  size_t length = (strlen(header) + 7) / 8 * 8;
  assert_int_equal(n, 8 + length + 32);
  assert_int_equal(out[0] | out[1] << 8, length);
  assert_memory_equal(out + 8, header, strlen(header));
  for (size_t i = strlen(header); i < length; i++) assert_int_equal(out[8 + i], ' ');
  assert_memory_equal(out + 8 + length, values, 4);
  assert_memory_equal(out + 8 + length + 4, values + 1, 4);
  assert_memory_equal(out + 8 + length + 8, values, 24);
  /* The order given does not matter. */
  const vft_safetensors_out other[] = {tensors[2], tensors[0], tensors[1]};
  const vft_safetensors_meta turned[] = {meta[1], meta[0]};
  assert_int_equal(vft_safetensors_encode(other, 3, turned, 2, &again, &m), VFT_OK);
  assert_int_equal(n, m);
  assert_memory_equal(out, again, n);

  vft_safetensors s;
  assert_int_equal(vft_safetensors_parse(out, n, "t", &s), VFT_OK);
  assert_int_equal(s.tensors, 3);
  assert_int_equal(s.metas, 2);
  assert_string_equal(s.meta[1].value, "q\"\\\n\xc3\xa9");
  const vft_safetensors_tensor *b = vft_safetensors_find(&s, (vft_slice){"b", 1});
  assert_non_null(b);
  assert_int_equal(b->dims, 2);
  assert_int_equal(b->shape[1], 3);
  assert_memory_equal(b->data, values, sizeof values);
  assert_null(vft_safetensors_find(&s, (vft_slice){"c", 1}));
  vft_safetensors_free(&s);
  vft_free(out);
  vft_free(again);
}

static void nothing_and_bad_names(void **state) {
  (void)state;
  uint8_t *out;
  size_t n;
  assert_int_equal(vft_safetensors_encode(NULL, 0, NULL, 0, &out, &n), VFT_OK);
  assert_int_equal(n, 16);
  assert_memory_equal(out + 8, "{}      ", 8);
  vft_free(out);
  const char *const bad[] = {"", "a\"", "a\\", "a\n", "\xc3\xa9", "__metadata__"};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    vft_safetensors_out t = {bad[i], 1, {1}, values};
    refused(vft_safetensors_encode(&t, 1, NULL, 0, &out, &n), "tensor name");
    assert_null(out);
  }
  vft_safetensors_out twice[] = {{"a", 1, {1}, values}, {"a", 1, {1}, values}};
  refused(vft_safetensors_encode(twice, 2, NULL, 0, &out, &n), "is repeated");
  vft_safetensors_out large = {"a", 2, {(uint64_t)1 << 40, (uint64_t)1 << 40}, values};
  refused(vft_safetensors_encode(&large, 1, NULL, 0, &out, &n), "too large");
  vft_safetensors_meta meta[] = {{"k", "1"}, {"k", "2"}};
  refused(vft_safetensors_encode(twice, 1, meta, 2, &out, &n), "metadata key 'k'");
}

static void files_are_whole_or_absent(void **state) {
  (void)state;
  char path[128];
  snprintf(path, sizeof path, "%s/x.safetensors", folder);
  vft_safetensors_out t = {"a", 1, {6}, values};
  assert_int_equal(vft_safetensors_write(path, &t, 1, NULL, 0), VFT_OK);
  vft_source file;
  assert_int_equal(vft_source_open(path, &file), VFT_OK);
  uint8_t *want;
  size_t n;
  assert_int_equal(vft_safetensors_encode(&t, 1, NULL, 0, &want, &n), VFT_OK);
  assert_int_equal(file.size, n);
  assert_memory_equal(file.data, want, n);
  vft_source_close(&file);
  vft_free(want);
  snprintf(path, sizeof path, "%s/x.safetensors.tmp", folder);
  assert_int_not_equal(access(path, F_OK), 0);
  assert_int_equal(vft_safetensors_write("/nonexistent/x", &t, 1, NULL, 0), VFT_RESOURCE);
}

/* A file with that header over `data` zero bytes. */
static vft_status parse_header(const char *header, size_t data) {
  bytes b = {0};
  put_le(&b, strlen(header), 8);
  put(&b, header, strlen(header));
  for (size_t i = 0; i < data; i++) put_le(&b, 0, 1);
  vft_safetensors s;
  vft_status st = vft_safetensors_parse(b.p, b.n, "t", &s);
  if (st == VFT_OK) vft_safetensors_free(&s);
  free(b.p);
  return st;
}

static void header_faults_are_named(void **state) {
  (void)state;
#define AT(type, shape, place) \
  "{\"a\":{\"dtype\":\"" type "\",\"shape\":" shape ",\"data_offsets\":" place "}}"
  const struct {
    const char *header;
    size_t data;
    const char *expected;
  } cases[] = {
      {"[]", 0, "not a JSON object"},
      {"{", 0, "malformed header"},
      {"{\"a\":1}", 0, "tensor 'a': its header entry is not an object"},
      {"{\"__metadata__\":{\"k\":1}}", 0, "__metadata__ is not a string"},
      {"{\"__metadata__\":1}", 0, "__metadata__ is not an object"},
      {AT("F33", "[1]", "[0,4]"), 4, "unknown dtype 'F33'"},
      {AT("F32", "[1,1,1,1,1,1,1,1,1]", "[0,4]"), 4, "at most 8 lengths"},
      {AT("F32", "[-1]", "[0,4]"), 4, "not a natural number"},
      {AT("F32", "[1.0]", "[0,4]"), 4, "not a natural number"},
      {AT("F32", "[4294967296,4294967296]", "[0,4]"), 4, "impossible shape"},
      {AT("F32", "[1]", "[4,0]"), 4, "not two ordered natural numbers"},
      {AT("F32", "[1]", "[0]"), 4, "not [begin, end]"},
      {AT("F32", "[1]", "[0,8]"), 8, "do not agree with data_offsets"},
      {AT("F32", "[2]", "[0,8]"), 4, "the file ends before tensor 'a'"},
      {AT("F32", "[1]", "[4,8]"), 8, "unused bytes before tensor 'a'"},
      {AT("F32", "[1]", "[0,4]"), 8, "4 unused bytes after the last tensor"},
      {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]},"
       "\"b\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}", 4, "overlaps"},
      {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4],\"x\":1}}", 4,
       "unknown field"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
    refused(parse_header(cases[i].header, cases[i].data), cases[i].expected);
  assert_int_equal(parse_header(AT("F32", "[1]", "[0,4]"), 4), VFT_OK);
  assert_int_equal(parse_header(AT("F32", "[0,7]", "[0,0]"), 0), VFT_OK);
  const uint8_t huge[8] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f};
  vft_safetensors s;
  refused(vft_safetensors_parse(huge, 8, "t", &s), "not a safetensors file");
  refused(vft_safetensors_parse(huge, 5, "t", &s), "ends inside its header");
}

static char *inspected(const char *name) {
  char path[128], *text = NULL;
  size_t n;
  snprintf(path, sizeof path, "%s/%s", folder, name);
  assert_true(vft_inspect_is_model(path));
  FILE *f = open_memstream(&text, &n);
  assert_int_equal(vft_inspect_model(path, f), VFT_OK);
  fclose(f);
  return text;
}

static void inspection_lists_everything(void **state) {
  (void)state;
  fault f = {.type = F16, .tokenizer = true};
  bytes b = build_gguf(&f);
  write_file(folder, "m.gguf", b.p, b.n);
  free(b.p);
  char *text = inspected("m.gguf");
  assert_non_null(strstr(text, "general.architecture (string) = llama\n"));
  assert_non_null(strstr(text, "llama.embedding_length (u32) = 32\n"));
  assert_non_null(strstr(text, "layer_norm_rms_epsilon (f32) = 9.99999975e-06\n"));
  assert_non_null(strstr(text, "tokenizer.ggml.tokens (40 x string) = <|im_start|>, "));
  assert_non_null(strstr(text, "blk.1.ffn_down.weight  F16  32 x 96\n"));
  assert_non_null(strstr(text, "output_norm.weight  F32  32\n"));
  free(text);
  fault g = {.type = BF16};
  b = build_safetensors(&g, 0, 99);
  write_file(folder, "m.safetensors", b.p, b.n);
  free(b.p);
  text = inspected("m.safetensors");
  assert_non_null(strstr(text, "metadata format = pt\n"));
  assert_non_null(strstr(text, "model.layers.0.mlp.gate_proj.weight  BF16  96 x 32\n"));
  free(text);
  char path[128];
  write_file(folder, "n.txt", "neither of them", 15);
  snprintf(path, sizeof path, "%s/n.txt", folder);
  assert_false(vft_inspect_is_model(path));
  assert_int_equal(vft_inspect_model(path, stdout), VFT_USAGE);
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
      cmocka_unit_test(bytes_are_canonical),
      cmocka_unit_test(nothing_and_bad_names),
      cmocka_unit_test(files_are_whole_or_absent),
      cmocka_unit_test(header_faults_are_named),
      cmocka_unit_test(inspection_lists_everything),
  };
  return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
