/* The tokenizer against the reference's stored answers (vectors/tokenizer, made by
 * tools/gen_tokenizer_vectors.py), and its refusals. Run from the root of the repository. */
#define _GNU_SOURCE /* memmem */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>

#include "base/mem.h"
#include "model/gguf.h"
#include "model/tokenizer.h"
#include "model/unicode.h"
#include "model_files.h"

static void refused(vft_status st, const char *expected) {
  assert_int_equal(st, VFT_USAGE);
  if (strstr(vft_error_message(), expected)) return;
  print_error("message '%s' lacks '%s'\n", vft_error_message(), expected);
  fail();
}

static vft_tokenizer *load(const char *path) {
  vft_tokenizer *t;
  if (vft_tokenizer_load(path, &t) != VFT_OK) {
    print_error("%s\n", vft_error_message());
    fail();
  }
  return t;
}

/* Ids of every text, and the text again from the ids where no byte was dropped. */
static void check_cases(const vft_tokenizer *t, const json_t *texts, const json_t *ids,
                        bool parse_special, bool normalises) {
  assert_true(json_array_size(texts) > 50);
  assert_int_equal(json_array_size(texts), json_array_size(ids));
  for (size_t i = 0; i < json_array_size(texts); i++) {
    const char *text = json_string_value(json_array_get(texts, i));
    size_t n = json_string_length(json_array_get(texts, i));
    const json_t *want = json_array_get(ids, i);
    vft_tokens got = {0};
    assert_int_equal(vft_tokenizer_encode(t, text, n, parse_special, &got), VFT_OK);
    bool same = got.count == json_array_size(want);
    for (size_t k = 0; same && k < got.count; k++)
      same = got.id[k] == json_integer_value(json_array_get(want, k));
    if (!same) {
      print_error("text %zu (%s): %zu ids, %zu expected\n", i, text, got.count,
                  json_array_size(want));
      fail();
    }
    char *back;
    size_t length;
    assert_int_equal(vft_tokenizer_decode(t, got.id, got.count, false, &back, &length), VFT_OK);
    if (!got.dropped_bytes && !normalises) {
      assert_int_equal(length, n);
      assert_memory_equal(back, text, n);
    }
    vft_free(back);
    vft_tokens_free(&got);
  }
}

static json_t *read_json(const char *path) {
  json_error_t error;
  json_t *root = json_load_file(path, JSON_ALLOW_NUL, &error);
  if (!root) fail_msg("%s: %s", path, error.text);
  return root;
}

static void reference_answers(void **state) {
  (void)state;
  json_t *cases = read_json("vectors/tokenizer/cases.json");
  const char *const names[] = {"gpt2", "smollm", "llama3", "qwen2"};
  for (int i = 0; i < 4; i++) {
    char path[64];
    snprintf(path, sizeof path, "vectors/tokenizer/%s.json", names[i]);
    vft_tokenizer *t = load(path);
    const json_t *ids = json_object_get(json_object_get(cases, "ids"), names[i]);
    bool normalises = !strcmp(names[i], "qwen2");
    check_cases(t, json_object_get(cases, "texts"), json_object_get(ids, "special"), true,
                normalises);
    check_cases(t, json_object_get(cases, "texts"), json_object_get(ids, "plain"), false,
                normalises);
    assert_int_equal(vft_tokenizer_id(t, "<|im_end|>"), 2);
    assert_true(vft_tokenizer_is_special(t, 2));
    assert_false(vft_tokenizer_is_special(t, 3));
    assert_false(vft_tokenizer_is_special(t, -1));
    assert_int_equal(vft_tokenizer_id(t, "no such token"), -1);
    vft_tokenizer_free(t);
  }
  json_decref(cases);
}

/* The real model's tokenizer, when its file is there (VFT_SMOLLM2 names it). */
static void reference_answers_smollm2(void **state) {
  (void)state;
  const char *path = getenv("VFT_SMOLLM2");
  if (!path || access(path, R_OK) != 0) skip();
  json_t *cases = read_json("vectors/tokenizer/smollm2_135m.json");
  const json_t *ids = json_object_get(json_object_get(cases, "ids"), "smollm2");
  vft_tokenizer *t = load(path);
  assert_int_equal(vft_tokenizer_size(t), 49152);
  check_cases(t, json_object_get(cases, "texts"), json_object_get(ids, "special"), true, false);
  check_cases(t, json_object_get(cases, "texts"), json_object_get(ids, "plain"), false, false);
  vft_tokenizer_free(t);
  json_decref(cases);
}

/* A vector tokenizer rewritten as GGUF key-values. */
static bytes as_gguf(const char *path, const char *pre) {
  json_t *root = read_json(path);
  json_t *model = json_object_get(root, "model"), *id, *entry;
  const char *token[1024] = {0}, *key;
  int kind[1024] = {0};
  size_t n = 0, i;
  json_object_foreach(json_object_get(model, "vocab"), key, id) {
    token[json_integer_value(id)] = key;
    kind[json_integer_value(id)] = 1;
    if ((size_t)json_integer_value(id) >= n) n = (size_t)json_integer_value(id) + 1;
  }
  json_array_foreach(json_object_get(root, "added_tokens"), i, entry) {
    size_t at = (size_t)json_integer_value(json_object_get(entry, "id"));
    token[at] = json_string_value(json_object_get(entry, "content"));
    kind[at] = json_is_true(json_object_get(entry, "special")) ? 3 : 4;
    if (at >= n) n = at + 1;
  }
  bytes b = {0};
  put(&b, "GGUF", 4);
  put_le(&b, 3, 4);
  put_le(&b, 0, 8);
  put_le(&b, 5, 8);
  kv_string(&b, "tokenizer.ggml.model", "gpt2");
  kv_string(&b, "tokenizer.ggml.pre", pre);
  put_name(&b, "tokenizer.ggml.tokens");
  put_le(&b, 9, 4);
  put_le(&b, 8, 4);
  put_le(&b, n, 8);
  for (i = 0; i < n; i++) put_name(&b, token[i]);
  put_name(&b, "tokenizer.ggml.token_type");
  put_le(&b, 9, 4);
  put_le(&b, 5, 4);
  put_le(&b, n, 8);
  for (i = 0; i < n; i++) put_le(&b, (uint64_t)kind[i], 4);
  const json_t *merges = json_object_get(model, "merges");
  put_name(&b, "tokenizer.ggml.merges");
  put_le(&b, 9, 4);
  put_le(&b, 8, 4);
  put_le(&b, json_array_size(merges), 8);
  json_array_foreach(merges, i, entry) {
    char text[256];
    snprintf(text, sizeof text, "%s %s", json_string_value(json_array_get(entry, 0)),
             json_string_value(json_array_get(entry, 1)));
    put_name(&b, text);
  }
  json_decref(root);
  return b;
}

static void gguf_and_json_give_one_tokenizer(void **state) {
  (void)state;
  json_t *cases = read_json("vectors/tokenizer/cases.json");
  const char *const names[][2] = {
      {"gpt2", "gpt-2"}, {"smollm", "smollm"}, {"llama3", "llama-bpe"}};
  uint8_t digest[3][32];
  for (int i = 0; i < 3; i++) {
    char path[64];
    snprintf(path, sizeof path, "vectors/tokenizer/%s.json", names[i][0]);
    bytes b = as_gguf(path, names[i][1]);
    vft_gguf g;
    vft_tokenizer *a = load(path), *t;
    assert_int_equal(vft_gguf_parse(b.p, b.n, "built", &g), VFT_OK);
    assert_int_equal(vft_tokenizer_from_gguf(&g, &t), VFT_OK);
    assert_memory_equal(vft_tokenizer_digest(a), vft_tokenizer_digest(t), 32);
    memcpy(digest[i], vft_tokenizer_digest(t), 32);
    const json_t *ids = json_object_get(json_object_get(cases, "ids"), names[i][0]);
    check_cases(t, json_object_get(cases, "texts"), json_object_get(ids, "special"), true,
                false);
    vft_gguf_free(&g);
    vft_tokenizer_free(a);
    vft_tokenizer_free(t);
    free(b.p);
  }
  for (int i = 0; i < 3; i++) assert_memory_not_equal(digest[i], digest[(i + 1) % 3], 32);
  json_decref(cases);
}

/* A small tokenizer.json with one piece replaced. */
static vft_status edited(const char *from, const char *to, vft_tokenizer **t) {
  static const char text[] =
      "{\"added_tokens\":[{\"id\":5,\"content\":\"<e>\",\"special\":true,"
      "\"normalized\":false,\"lstrip\":false}],\n"
      "\"normalizer\":null,\n"
      "\"pre_tokenizer\":{\"type\":\"Sequence\",\"pretokenizers\":[{\"type\":\"Split\","
      "\"pattern\":{\"Regex\":\"\\\\p{N}\"},\"behavior\":\"Isolated\",\"invert\":false},"
      "{\"type\":\"ByteLevel\",\"add_prefix_space\":false,\"use_regex\":true}]},\n"
      "\"decoder\":{\"type\":\"ByteLevel\"},\n"
      "\"model\":{\"type\":\"BPE\",\"dropout\":null,\"unk_token\":null,"
      "\"byte_fallback\":false,\"vocab\":{\"a\":0,\"b\":1,\"c\":2,\"ab\":3,\"abc\":4},\n"
      "\"merges\":[\"a b\",[\"ab\",\"c\"]]}}";
  char out[2048];
  const char *at = strstr(text, from);
  assert_non_null(at);
  int n = snprintf(out, sizeof out, "%.*s%s%s", (int)(at - text), text, to, at + strlen(from));
  return vft_tokenizer_from_json(out, (size_t)n, "t.json", t);
}

static void every_description_counts(void **state) {
  (void)state;
  /* The digest sees each of these; the last two change nothing. */
  const char *const edits[][2] = {
      {"null,\n\"pre", "null,\n\"pre"},
      {"null,\n\"pre", "{\"type\":\"NFC\"},\n\"pre"},
      {"\\\\p{N}", "\\\\p{Nd}"},
      {"\"use_regex\":true", "\"use_regex\":false"},
      {"\"special\":true", "\"special\":false"},
      {"<e>", "<f>"},
      {"\"a\":0,\"b\":1", "\"a\":1,\"b\":0"},
      {",[\"ab\",\"c\"]", ""},
      {"\"unk_token\":null", "\"unk_token\":\"c\""},
      {"\"unk_token\":null", "\"fuse_unk\":true"},
      {"\"unk_token\":null", "\"ignore_merges\":true"},
      {"\"a b\"", "[\"a\",\"b\"]"},
      {"\"vocab\":{", "\"vocab\":{\"<e>\":5,"},
  };
  enum { N = sizeof edits / sizeof *edits, SAME = N - 2 };
  uint8_t digest[N][32];
  for (int i = 0; i < N; i++) {
    vft_tokenizer *t;
    if (edited(edits[i][0], edits[i][1], &t) != VFT_OK) fail_msg("%s", vft_error_message());
    memcpy(digest[i], vft_tokenizer_digest(t), 32);
    vft_tokenizer_free(t);
    for (int k = 0; k < i; k++)
      assert_int_equal(!memcmp(digest[i], digest[k], 32), i >= SAME && (k == 0 || k >= SAME));
  }
}

static void unsupported_descriptions_are_named(void **state) {
  (void)state;
  const struct {
    const char *from, *to, *expected;
  } cases[] = {
      {"null,\n\"pre", "{\"type\":\"NFKC\"},\n\"pre", "normalizer: 'NFKC' is not supported"},
      {"null,\n\"pre", "{\"type\":\"Sequence\",\"normalizers\":[{\"type\":\"Lowercase\"}]},\n\"pre",
       "normalizer: 'Lowercase'"},
      {"\"Isolated\"", "\"MergedWithNext\"", "'MergedWithNext' is not supported"},
      {"{\"Regex\":\"\\\\p{N}\"}", "{\"String\":\" \"}", "Split without a Regex"},
      {"\"type\":\"Split\"", "\"type\":\"Metaspace\"", "'Metaspace' is not supported"},
      {"\"add_prefix_space\":false", "\"add_prefix_space\":true", "add_prefix_space"},
      {"\"decoder\":{\"type\":\"ByteLevel\"}", "\"decoder\":{\"type\":\"Metaspace\"}",
       "decoder: 'Metaspace'"},
      {"\"type\":\"BPE\"", "\"type\":\"Unigram\"", "model: 'Unigram'"},
      {"\"byte_fallback\":false", "\"byte_fallback\":true", "byte_fallback"},
      {"\"dropout\":null", "\"dropout\":0.1", "dropout"},
      {"\"lstrip\":false", "\"lstrip\":true", "lstrip"},
      {"\"normalized\":false", "\"normalized\":true", "normalized set"},
      {"\\\\p{N}", "\\\\p{Han}", "a property other than a general category"},
      {"\\\\p{N}", "\\\\w+", "the escape \\w"},
      {"\\\\p{N}", "(?R)", "a special group"},
      {"\\\\p{N}", "(*UTF)", "a special group"},
      {"\\\\p{N}", "[a[b]]", "a class inside a class"},
      {"\\\\p{N}", "[a&&b]", "an intersection"},
      {"\\\\p{N}", "[]a]", "begins with ']'"},
      {"\\\\p{N}", "^a", "'^'"},
      {"\\\\p{N}", "[a", "a class without end"},
      {"\\\\p{N}", "a\\\\", "a backslash at the end"},
      {"\\\\p{N}", "(a", "pattern: missing"},
      {"\"a b\"", "\"a  b\"", "two tokens with a space between"},
      {"\"a b\"", "\"ab\"", "two tokens with a space between"},
      {"\"a b\"", "\"a c\"", "'ac' is not an ordinary token"},
      {"\"a b\"", "\"z b\"", "'z' is not an ordinary token"},
      {"[\"ab\",\"c\"]", "[\"ab\"]", "merges[1] is not two strings"},
      {"[\"ab\",\"c\"]", "[\"a\",\"b\"]", "merge 1 repeats merge 0"},
      {"\"c\":2", "\"c\":1", "id 1 is both 'b' and 'c'"},
      {"\"c\":2", "\"c\":-2", "'c' has no id"},
      {"\"c\":2", "\"c\":99999999999", "expected less than"},
      {"\"c\":2", "\"c\":\"2\"", "'c' has no id"},
      {"\"c\":2", "\"\":2", "token 2 has 0 bytes"},
      {"\"id\":5", "\"id\":1", "id 1 is both"},
      {"\"id\":5", "\"id\":-1", "outside the vocabulary"},
      {"\"id\":5,", "", "id or content is missing"},
      {"\"content\":\"<e>\"", "\"content\":\"abc\"", "ids 4 and 5 are the same token 'abc'"},
      {"\"unk_token\":null", "\"unk_token\":\"zz\"", "unk_token is not in the vocabulary"},
      {"\"merges\":", "\"x\":", "model.vocab or model.merges is missing"},
      {"\"merges\"", "merges", "line 6: malformed JSON"},
  };
  size_t before = vft_alloc_live();
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    vft_tokenizer *t;
    refused(edited(cases[i].from, cases[i].to, &t), cases[i].expected);
    assert_null(t);
  }
  assert_int_equal(vft_alloc_live(), before);
  vft_tokenizer *t;
  refused(vft_tokenizer_load("/nonexistent", &t), "/nonexistent: cannot be opened");
  refused(vft_tokenizer_from_json("[]", 2, "t.json", &t), "not a JSON object");
}

/* A merge whose outcome is a special token would let ordinary text make one. */
static void merges_cannot_make_a_special_token(void **state) {
  (void)state;
  vft_tokenizer *t;
  refused(edited("\"id\":5,\"content\":\"<e>\"", "\"id\":4,\"content\":\"abc\"", &t),
          "'abc' is not an ordinary token");
}

static void gguf_faults_are_named(void **state) {
  (void)state;
  bytes good = as_gguf("vectors/tokenizer/gpt2.json", "gpt-2");
  const struct {
    const char *from, *to, *expected;
  } cases[] = {
      {"gpt-2", "gpt-9", "tokenizer.ggml.pre is 'gpt-9'; supported are"},
      {"gpt2", "bert", "tokenizer.ggml.model is 'bert'"},
      {"ggml.tokens", "ggml.tokenz", "'tokenizer.ggml.tokens' is missing"},
      {"ggml.merges", "ggml.mergez", "'tokenizer.ggml.merges' is missing"},
      {"token_type", "token_typo", "token_type' is missing"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    bytes b = {0};
    put(&b, good.p, good.n);
    uint8_t *at = memmem(b.p, b.n, cases[i].from, strlen(cases[i].from));
    assert_non_null(at);
    memcpy(at, cases[i].to, strlen(cases[i].to));
    vft_gguf g;
    vft_tokenizer *t;
    assert_int_equal(vft_gguf_parse(b.p, b.n, "built", &g), VFT_OK);
    refused(vft_tokenizer_from_gguf(&g, &t), cases[i].expected);
    vft_gguf_free(&g);
    free(b.p);
  }
  free(good.p);
}

static void texts_and_ids_are_checked(void **state) {
  (void)state;
  vft_tokenizer *t = load("vectors/tokenizer/gpt2.json");
  const char *const bad[] = {"\xff", "a\xc0\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xe4\xbd",
                             "\xc3", "\x80", "\xf0\x80\x80\x80"};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    vft_tokens out = {0};
    refused(vft_tokenizer_encode(t, bad[i], strlen(bad[i]), true, &out), "not UTF-8");
    vft_tokens_free(&out);
  }
  char *text;
  size_t n;
  int32_t wrong[] = {3, (int32_t)vft_tokenizer_size(t)};
  refused(vft_tokenizer_decode(t, wrong, 2, false, &text, &n), "not in the vocabulary");
  wrong[1] = -1;
  refused(vft_tokenizer_decode(t, wrong, 2, false, &text, &n), "not in the vocabulary");
  int32_t special[] = {1, 3, 2};
  assert_int_equal(vft_tokenizer_decode(t, special, 3, true, &text, &n), VFT_OK);
  assert_int_equal(n, 1);
  vft_free(text);
  assert_int_equal(vft_tokenizer_decode(t, special, 3, false, &text, &n), VFT_OK);
  assert_int_equal(n, strlen("<|im_start|>") + 1 + strlen("<|im_end|>"));
  vft_free(text);
  vft_tokenizer_free(t);
}

/* Words of a megabyte: done in moments, or not at all when merging were quadratic. */
static void long_words_stay_cheap(void **state) {
  (void)state;
  enum { N = 1 << 20 };
  vft_tokenizer *t = load("vectors/tokenizer/smollm.json");
  char *text = malloc(N);
  const char *const unit[] = {"a", "ab", "the", " ", "=", "\xe4\xb8\xad"};
  for (int k = 0; k < 6; k++) {
    size_t m = strlen(unit[k]), n = N / m * m;
    for (size_t i = 0; i < n; i++) text[i] = unit[k][i % m];
    vft_tokens out = {0};
    assert_int_equal(vft_tokenizer_encode(t, text, n, true, &out), VFT_OK);
    char *back;
    size_t length;
    assert_int_equal(vft_tokenizer_decode(t, out.id, out.count, false, &back, &length), VFT_OK);
    assert_int_equal(length, n);
    assert_memory_equal(back, text, n);
    vft_free(back);
    vft_tokens_free(&out);
  }
  free(text);
  vft_tokenizer_free(t);
}

/* A pattern that backtracks exponentially is stopped, not waited for. */
static void hostile_patterns_are_stopped(void **state) {
  (void)state;
  vft_tokenizer *t;
  assert_int_equal(edited("\\\\p{N}", "(a+)+b(?=c)", &t), VFT_OK);
  char text[64];
  memset(text, 'a', sizeof text);
  memcpy(text + 40, "!bc", 3); /* so that no required letter is missing */
  vft_tokens out = {0};
  refused(vft_tokenizer_encode(t, text, 43, true, &out), "needs too much work");
  vft_tokens_free(&out);
  vft_tokenizer_free(t);
}

static void normal_form_c(void **state) {
  (void)state;
  const char *const pairs[][2] = {
      {"e\xcc\x81", "\xc3\xa9"},                         /* e + acute */
      {"\xe2\x84\xab", "\xc3\x85"},                      /* Angstrom sign */
      {"q\xcc\x87\xcc\xa3", "q\xcc\xa3\xcc\x87"},        /* marks are put in order */
      {"\xe1\x84\x80\xe1\x85\xa1\xe1\x86\xa8", "\xea\xb0\x81"}, /* Hangul letters */
      {"\xea\xb0\x80\xe1\x86\xa8", "\xea\xb0\x81"},      /* syllable and final letter */
      {"\xe0\xa5\x98", "\xe0\xa4\x95\xe0\xa4\xbc"},      /* excluded from composition */
      {"\xe4\xb8\xad", "\xe4\xb8\xad"},
      {"\xef\xa4\x80", "\xe8\xb1\x88"},                  /* compatibility ideograph */
  };
  for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
    char *out;
    size_t n;
    assert_int_equal(vft_nfc(pairs[i][0], strlen(pairs[i][0]), &out, &n), VFT_OK);
    assert_non_null(out);
    assert_string_equal(out, pairs[i][1]);
    vft_free(out);
  }
  char *out;
  size_t n;
  assert_int_equal(vft_nfc("plain \xc3\xa9", 8, &out, &n), VFT_OK);
  assert_null(out);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(reference_answers),
      cmocka_unit_test(reference_answers_smollm2),
      cmocka_unit_test(gguf_and_json_give_one_tokenizer),
      cmocka_unit_test(every_description_counts),
      cmocka_unit_test(unsupported_descriptions_are_named),
      cmocka_unit_test(merges_cannot_make_a_special_token),
      cmocka_unit_test(gguf_faults_are_named),
      cmocka_unit_test(texts_and_ids_are_checked),
      cmocka_unit_test(long_words_stay_cheap),
      cmocka_unit_test(hostile_patterns_are_stopped),
      cmocka_unit_test(normal_form_c),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
