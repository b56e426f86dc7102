/* Record formats, the chat template with its loss mask, and what is refused with which line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/pool.h"
#include "data/records.h"

static vft_status parse(const char *text, vft_records_format format, vft_records *r) {
  return vft_records_parse(text, strlen(text), "d.json", format, r);
}

static void read_ok(const char *text, vft_records_format format, vft_records *r) {
  if (parse(text, format, r) != VFT_OK) fail_msg("%s", vft_error_message());
}

static void refused(vft_status st, const char *expected) {
  assert_int_equal(st, VFT_USAGE);
  if (strstr(vft_error_message(), expected)) return;
  print_error("message '%s' lacks '%s'\n", vft_error_message(), expected);
  fail();
}

static void check_message(const vft_record *r, size_t i, vft_role role, const char *content) {
  assert_true(i < r->messages);
  assert_int_equal(r->message[i].role, role);
  assert_string_equal(r->message[i].content, content);
  assert_int_equal(r->message[i].length, strlen(content));
}

static void alpaca(void **state) {
  (void)state;
  vft_records r;
  read_ok("[\n {\"instruction\": \"add\", \"input\": \"1, 2\", \"output\": \"3\",\n"
          "  \"source\": \"s\", \"license\": \"MIT\", \"language\": \"en\", \"n\": 7,\n"
          "  \"tags\": [\"math\", \"easy\"], \"ok\": true, \"x\": {\"y\": 1}, \"z\": null},\n"
          " {\"instruction\": \"\\u4f60\\u597d\", \"input\": \"\", \"output\": \"]},{[\\\"\",\n"
          "  \"system\": \"be brief\", \"history\": [[\"q\", \"a\"]]}\n]\n",
          VFT_RECORDS_AUTO, &r);
  assert_int_equal(r.format, VFT_RECORDS_ALPACA);
  assert_int_equal(r.count, 2);
  assert_int_equal(r.record[0].line, 2);
  assert_int_equal(r.record[1].line, 5);
  assert_int_equal(r.record[0].messages, 2);
  check_message(&r.record[0], 0, VFT_ROLE_USER, "add\n1, 2");
  check_message(&r.record[0], 1, VFT_ROLE_ASSISTANT, "3");
  assert_string_equal(vft_record_source(&r.record[0]), "s");
  assert_string_equal(vft_record_license(&r.record[0]), "MIT");
  assert_string_equal(vft_record_lang(&r.record[0]), "en");
  assert_string_equal(vft_record_domain(&r.record[0]), "math");
  assert_string_equal(vft_record_get(&r.record[0], "n"), "7");
  assert_string_equal(vft_record_get(&r.record[0], "ok"), "true");
  assert_null(vft_record_get(&r.record[0], "x"));
  assert_null(vft_record_get(&r.record[0], "z"));
  assert_null(vft_record_get(&r.record[0], "instruction"));
  assert_int_equal(r.record[0].fields, 7);
  assert_int_equal(r.record[1].messages, 5);
  check_message(&r.record[1], 0, VFT_ROLE_SYSTEM, "be brief");
  check_message(&r.record[1], 1, VFT_ROLE_USER, "q");
  check_message(&r.record[1], 2, VFT_ROLE_ASSISTANT, "a");
  check_message(&r.record[1], 3, VFT_ROLE_USER, "\xe4\xbd\xa0\xe5\xa5\xbd");
  check_message(&r.record[1], 4, VFT_ROLE_ASSISTANT, "]},{[\"");
  assert_null(vft_record_lang(&r.record[1]));
  vft_records_free(&r);
}

static void sharegpt_and_messages(void **state) {
  (void)state;
  vft_records r;
  const char *text =
      "\xef\xbb\xbf{\"conversations\": [{\"from\": \"system\", \"value\": \"s\"},"
      "{\"from\": \"human\", \"value\": \"h\"}, {\"from\": \"gpt\", \"value\": \"g\"}]}\r\n"
      "\n"
      "  {\"conversations\": [{\"role\": \"user\", \"content\": \"u\"},"
      "{\"role\": \"assistant\", \"content\": \"a\"}], \"system\": \"\", \"domain\": \"d\"}  \n";
  read_ok(text, VFT_RECORDS_AUTO, &r);
  assert_int_equal(r.format, VFT_RECORDS_SHAREGPT);
  assert_int_equal(r.count, 2);
  assert_int_equal(r.record[1].line, 3);
  check_message(&r.record[0], 0, VFT_ROLE_SYSTEM, "s");
  check_message(&r.record[0], 1, VFT_ROLE_USER, "h");
  check_message(&r.record[0], 2, VFT_ROLE_ASSISTANT, "g");
  assert_int_equal(r.record[1].messages, 2);
  assert_string_equal(vft_record_domain(&r.record[1]), "d");
  /* The place of a record in the file is exact. */
  assert_memory_equal(text + r.record[1].offset, "{\"conv", 6);
  assert_int_equal(text[r.record[1].offset + r.record[1].bytes - 1], '}');
  vft_records_free(&r);

  read_ok("{\"messages\": [{\"role\": \"system\", \"content\": \"\"},"
          "{\"role\": \"user\", \"content\": \"u\"},"
          "{\"role\": \"assistant\", \"content\": \"a\", \"weight\": 0},"
          "{\"role\": \"user\", \"content\": \"v\"},"
          "{\"role\": \"assistant\", \"content\": \"b\", \"weight\": 1}]}",
          VFT_RECORDS_MESSAGES, &r);
  assert_int_equal(r.record[0].messages, 4);
  assert_true(r.record[0].message[1].masked);
  assert_false(r.record[0].message[3].masked);
  vft_records_free(&r);

  read_ok("{\"instruction\": \"i\", \"id\": \"7\", \"instances\": [{\"input\": \"\", \"output\": "
          "\"o\"}, {\"input\": \"j\", \"output\": \"p\"}]}",
          VFT_RECORDS_AUTO, &r);
  assert_int_equal(r.format, VFT_RECORDS_SELF_INSTRUCT);
  assert_int_equal(r.count, 2);
  check_message(&r.record[1], 0, VFT_ROLE_USER, "i\nj");
  check_message(&r.record[1], 1, VFT_ROLE_ASSISTANT, "p");
  assert_string_equal(vft_record_get(&r.record[1], "id"), "7");
  vft_records_free(&r);
}

static void faults_are_named_with_their_line(void **state) {
  (void)state;
#define GOOD "{\"instruction\": \"i\", \"output\": \"o\"}"
  const struct {
    const char *text;
    vft_records_format format;
    const char *expected;
  } cases[] = {
      {"", 0, "there is no record"},
      {" \n\n", 0, "there is no record"},
      {"[ ]", 0, "there is no record"},
      {GOOD "\n" GOOD "\n{\"instruction\": \"i\" \"output\"}\n", 0, "line 3: malformed JSON"},
      {"[\n" GOOD ",\n\n{\"instruction\":\n \"i\",\n \"output\": oops}]", 0,
       "line 6: malformed JSON"},
      {"[" GOOD ",\n" GOOD, 0, "line 2: the file ends inside the array"},
      {"[" GOOD ",\n{\"instruction\": \"i", 0, "line 2: malformed JSON"},
      {"[" GOOD ",]", 0, "malformed JSON"},
      {"[" GOOD "}]", 0, "malformed JSON"},
      {"[" GOOD " " GOOD "]", 0, "malformed JSON"},
      {"[" GOOD "]\n\n[]", 0, "line 3: text after the array"},
      {GOOD "\n[1]", 0, "line 2: a record is not a JSON object"},
      {GOOD "\n\n7", 0, "line 3: malformed JSON"},
      {"{\"instruction\": \"\\u0000\", \"output\": \"o\"}", 0, "malformed JSON"},
      {"{\"instruction\": \"\xff\", \"output\": \"o\"}", 0, "malformed JSON"},
      {"{\"instruction\": \"i\", \"instruction\": \"j\", \"output\": \"o\"}", 0, "duplicate"},
      {"{\"text\": \"t\"}", 0, "line 1: none of the fields"},
      {GOOD "\n{\"messages\": []}", 0, "line 2: field instruction: missing"},
      {"{\"instruction\": 5, \"output\": \"o\"}", 0, "field instruction: not a string"},
      {"{\"instruction\": \"\", \"output\": \"o\"}", 0, "field instruction: empty record"},
      {"{\"instruction\": \"i\", \"output\": \"\"}", 0, "field output: empty record"},
      {"{\"instruction\": \"i\"}", 0, "field output: missing"},
      {"{\"instruction\": \"i\", \"output\": \"o\", \"history\": [[\"q\"]]}", 0,
       "field history: a turn"},
      {"{\"instruction\": \"i\", \"output\": \"o\", \"history\": 1}", 0,
       "field history: not an array"},
      {"{\"messages\": []}", 0, "field messages: empty record"},
      {"{\"messages\": 1}", 0, "field messages: missing or not an array"},
      {"{\"messages\": [1]}", 0, "field messages[0]: not an object"},
      {"{\"messages\": [{\"role\": \"tool\", \"content\": \"c\"}]}", 0,
       "field messages[0].role: role 'tool' is not supported"},
      {"{\"messages\": [{\"role\": \"user\"}]}", 0, "field messages[0].content: missing"},
      {"{\"messages\": [{\"role\": \"user\", \"content\": \"\"}]}", 0,
       "field messages[0].content: empty record"},
      {"{\"messages\": [{\"role\": \"user\", \"content\": [\"x\"]}]}", 0,
       "field messages[0].content: not a string"},
      {"{\"messages\": [{\"role\": \"user\", \"content\": \"u\"}]}", 0,
       "field messages: empty record"},
      {"{\"messages\": [{\"role\": \"assistant\", \"content\": \"u\"}]}", 0,
       "field messages: empty record"},
      {"{\"messages\": [{\"role\": \"user\", \"content\": \"u\"},"
       "{\"role\": \"system\", \"content\": \"u\"}]}", 0,
       "field messages[1].role: a system message that is not the first"},
      {"{\"messages\": [{\"role\": \"user\", \"content\": \"u\"},"
       "{\"role\": \"assistant\", \"content\": \"u\", \"weight\": 2}]}", 0,
       "field messages[1].weight: expected 0 or 1"},
      {"{\"conversations\": [{\"from\": \"human\", \"content\": \"u\"}]}", VFT_RECORDS_MESSAGES,
       "field messages: missing"},
      {"{\"conversations\": [{\"value\": \"u\"}]}", 0, "field conversations[0].role: missing"},
      {"{\"instruction\": \"i\", \"instances\": []}", 0, "field instances: empty record"},
      {"{\"instruction\": \"i\", \"instances\": [{\"output\": \"\"}]}", 0,
       "field instances[0].output: empty record"},
  };
  size_t before = vft_alloc_live();
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    vft_records r;
    refused(parse(cases[i].text, cases[i].format, &r), cases[i].expected);
    assert_null(r.record);
  }
  assert_int_equal(vft_alloc_live(), before);
  vft_records r;
  refused(vft_records_load("/nonexistent.jsonl", VFT_RECORDS_AUTO, &r), "cannot be opened");
  vft_records_format format;
  refused(vft_records_format_by_name("csv", &format), "unknown record format 'csv'");
  assert_int_equal(vft_records_format_by_name("openai", &format), VFT_OK);
  assert_int_equal(format, VFT_RECORDS_MESSAGES);
}

/* ---- template ---- */

static vft_tokenizer *tokenizer(void) {
  vft_tokenizer *t;
  if (vft_tokenizer_load("vectors/tokenizer/smollm.json", &t) != VFT_OK)
    fail_msg("%s", vft_error_message());
  return t;
}

static void check_sample(const vft_tokenizer *t, const vft_sample *s, const char *text,
                         const char *scored) {
  char *back;
  size_t n;
  assert_int_equal(vft_tokenizer_decode(t, s->id, s->length, false, &back, &n), VFT_OK);
  assert_string_equal(back, text);
  vft_free(back);
  int32_t id[4096];
  size_t count = 0;
  for (size_t i = 0; i < s->length; i++) {
    assert_true(s->mask[i] <= 1);
    if (s->mask[i]) id[count++] = s->id[i];
  }
  assert_int_equal(count, s->loss_tokens);
  assert_int_equal(vft_tokenizer_decode(t, id, count, false, &back, &n), VFT_OK);
  assert_string_equal(back, scored);
  vft_free(back);
}

#define START "<|im_start|>"
#define END "<|im_end|>"
static const vft_message conversation[] = {
    {VFT_ROLE_USER, false, "two plus two?", 13},
    {VFT_ROLE_ASSISTANT, false, "four", 4},
    {VFT_ROLE_USER, false, "a " END " b", 14},
    {VFT_ROLE_ASSISTANT, true, "not scored", 10},
    {VFT_ROLE_USER, false, "\xe4\xbd\xa0", 3},
    {VFT_ROLE_ASSISTANT, false, "\n ok", 4},
};

static void loss_is_on_the_answers_alone(void **state) {
  (void)state;
  vft_tokenizer *t = tokenizer();
  vft_template plain;
  assert_int_equal(vft_template_by_name("chatml", &plain), VFT_OK);
  vft_sample s;
  assert_int_equal(vft_template_encode(&plain, t, conversation, 6, false, 4096, &s), VFT_OK);
  check_sample(t, &s,
               START "user\ntwo plus two?" END "\n" START "assistant\nfour" END "\n"
               START "user\na " END " b" END "\n" START "assistant\nnot scored" END "\n"
               START "user\n\xe4\xbd\xa0" END "\n" START "assistant\n\n ok" END "\n",
               "four" END "\n ok" END);
  /* The marker in the user's text is not the marker: 6 messages, 6 of each. */
  size_t starts = 0, ends = 0;
  for (size_t i = 0; i < s.length; i++) {
    starts += s.id[i] == vft_tokenizer_id(t, START);
    ends += s.id[i] == vft_tokenizer_id(t, END);
  }
  assert_int_equal(starts, 6);
  assert_int_equal(ends, 6);
  size_t full = s.length;
  vft_sample_free(&s);

  vft_template with_default = {VFT_TEMPLATE_CHATML, "be good"};
  assert_int_equal(vft_template_encode(&with_default, t, conversation, 2, true, 4096, &s),
                   VFT_OK);
  check_sample(t, &s,
               START "system\nbe good" END "\n" START "user\ntwo plus two?" END "\n"
               START "assistant\nfour" END "\n" START "assistant\n",
               "four" END);
  vft_sample_free(&s);
  vft_message own[] = {{VFT_ROLE_SYSTEM, false, "mine", 4}, conversation[0], conversation[1]};
  assert_int_equal(vft_template_encode(&with_default, t, own, 3, false, 4096, &s), VFT_OK);
  check_sample(t, &s,
               START "system\nmine" END "\n" START "user\ntwo plus two?" END "\n"
               START "assistant\nfour" END "\n",
               "four" END);
  vft_sample_free(&s);

  /* Truncation keeps a prefix and says so. */
  for (size_t n = 1; n <= full; n++) {
    assert_int_equal(vft_template_encode(&plain, t, conversation, 6, false, n, &s), VFT_OK);
    assert_int_equal(s.length, n);
    assert_int_equal(s.full_length, full);
    vft_sample_free(&s);
  }
  vft_tokenizer_free(t);
}

static void template_digests_differ(void **state) {
  (void)state;
  uint8_t a[32], b[32], c[32];
  vft_template t = {VFT_TEMPLATE_CHATML, NULL};
  assert_int_equal(vft_template_digest(&t, a), VFT_OK);
  t.default_system = "";
  assert_int_equal(vft_template_digest(&t, b), VFT_OK);
  t.default_system = "x";
  assert_int_equal(vft_template_digest(&t, c), VFT_OK);
  assert_memory_not_equal(a, b, 32);
  assert_memory_not_equal(b, c, 32);
  assert_memory_not_equal(a, c, 32);
  refused(vft_template_by_name("llama3", &t), "unknown chat template 'llama3'");
}

static void template_needs_its_markers(void **state) {
  (void)state;
  const char *json = "{\"pre_tokenizer\":{\"type\":\"ByteLevel\"},\"model\":{\"type\":\"BPE\","
                     "\"vocab\":{\"a\":0,\"<|im_start|>\":1,\"<|im_end|>\":2},\"merges\":[]}}";
  vft_tokenizer *t;
  assert_int_equal(vft_tokenizer_from_json(json, strlen(json), "t", &t), VFT_OK);
  vft_template plain = {VFT_TEMPLATE_CHATML, NULL};
  vft_sample s;
  refused(vft_template_encode(&plain, t, conversation, 2, false, 99, &s),
          "needs the special tokens");
  vft_tokenizer_free(t);
}

static void samples_do_not_depend_on_threads(void **state) {
  (void)state;
  vft_tokenizer *t = tokenizer();
  vft_template plain = {VFT_TEMPLATE_CHATML, NULL};
  char *text = malloc(1 << 16), *at = text;
  for (int i = 0; i < 200; i++)
    at += sprintf(at, "{\"instruction\": \"%.*s\", \"output\": \"number %d\"}\n", 1 + i % 90,
                  "long long long long long long long long long long long long long long long "
                  "long long long ", i);
  vft_records r;
  read_ok(text, VFT_RECORDS_AUTO, &r);
  vft_samples a, b;
  vft_threads_set(1);
  assert_int_equal(vft_samples_build(&r, VFT_TEXT_KEEP, t, &plain, 28, &a), VFT_OK);
  vft_threads_set(4);
  assert_int_equal(vft_samples_build(&r, VFT_TEXT_KEEP, t, &plain, 28, &b), VFT_OK);
  vft_threads_set(0);
  assert_true(a.without_loss > 0 && a.truncated > 0);
  assert_int_equal(a.count + a.without_loss, 200);
  assert_int_equal(a.count, b.count);
  assert_int_equal(a.tokens, b.tokens);
  assert_int_equal(a.loss_tokens, b.loss_tokens);
  assert_int_equal(a.first_without, b.first_without);
  size_t tokens = 0, loss = 0;
  for (size_t i = 0; i < a.count; i++) {
    assert_int_equal(a.record[i], b.record[i]);
    assert_int_equal(a.sample[i].length, b.sample[i].length);
    assert_memory_equal(a.sample[i].id, b.sample[i].id, a.sample[i].length * sizeof(int32_t));
    assert_memory_equal(a.sample[i].mask, b.sample[i].mask, a.sample[i].length);
    assert_true(a.sample[i].loss_tokens > 0 && a.sample[i].length <= 28);
    assert_true(i == 0 || a.record[i] > a.record[i - 1]);
    tokens += a.sample[i].length;
    loss += a.sample[i].loss_tokens;
  }
  assert_int_equal(tokens, a.tokens);
  assert_int_equal(loss, a.loss_tokens);
  for (size_t i = 0; i < a.count; i++) assert_true(a.record[i] != a.first_without);
  vft_samples_free(&a);
  vft_samples_free(&b);
  refused(vft_samples_build(&r, VFT_TEXT_KEEP, t, &plain, 3, &a), "no record has a token to learn");
  refused(vft_samples_build(&r, VFT_TEXT_KEEP, t, &plain, 1, &a), "expected at least 2");
  vft_records_free(&r);
  vft_tokenizer_free(t);
  free(text);
}

/* Failures on worker threads come back with the record's line. */
static void failing_records_are_named(void **state) {
  (void)state;
  const char *json = "{\"pre_tokenizer\":{\"type\":\"ByteLevel\"},\"model\":{\"type\":\"BPE\","
                     "\"vocab\":{\"a\":0},\"merges\":[]}}";
  vft_tokenizer *t;
  assert_int_equal(vft_tokenizer_from_json(json, strlen(json), "t", &t), VFT_OK);
  vft_template plain = {VFT_TEMPLATE_CHATML, NULL};
  vft_records r;
  read_ok("\n" GOOD "\n" GOOD, VFT_RECORDS_AUTO, &r);
  vft_samples s;
  refused(vft_samples_build(&r, VFT_TEXT_KEEP, t, &plain, 64, &s), "d.json: line 2: the chatml template needs");
  vft_records_free(&r);
  vft_tokenizer_free(t);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(alpaca),
      cmocka_unit_test(sharegpt_and_messages),
      cmocka_unit_test(faults_are_named_with_their_line),
      cmocka_unit_test(loss_is_on_the_answers_alone),
      cmocka_unit_test(template_digests_differ),
      cmocka_unit_test(template_needs_its_markers),
      cmocka_unit_test(samples_do_not_depend_on_threads),
      cmocka_unit_test(failing_records_are_named),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
