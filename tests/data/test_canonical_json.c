/* Canonical JSON: known bytes, and refusal of every other spelling of the same document. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "data/canonical_json.h"

static const char canonical[] =
    "{\"a\":[1,-2,true,false,null],\"b\":{\"x\":\"\\u001f\\n\\\"\\\\/\xc3\xa9\"},\"z\":0}";

static void writes_known_bytes(void **state) {
  (void)state;
  json_error_t e;
  json_t *v = json_loads(" { \"z\" : 0, \"b\": {\"x\":\"\\u001F\\u000a\\\"\\\\\\/\\u00e9\"},\n"
                         "\"a\":[1,-2,true,false,null]} ", 0, &e);
  assert_non_null(v);
  char *text;
  size_t n;
  assert_int_equal(vft_json_canonical(v, &text, &n), VFT_OK);
  assert_int_equal(n, sizeof canonical - 1);
  assert_memory_equal(text, canonical, n);
  vft_free(text);
  json_decref(v);
}

static void accepts_only_the_canonical_spelling(void **state) {
  (void)state;
  json_t *v;
  assert_int_equal(vft_json_parse_canonical(canonical, sizeof canonical - 1, "t", &v), VFT_OK);
  json_decref(v);
  static const char *const bad[] = {"{\"b\":1,\"a\":2}", "{\"a\": 1}", "{\"a\":1}\n", "{\"a\":1.0}",
                                    "{\"a\":1e2}",       "[01]",       "{\"a\":1,\"a\":1}",
                                    "[9007199254740993]", "[\"\\u00e9\"]", "[\"\\/\"]", "[",
                                    "{\"\xc3\xa9\":1}"};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
    if (vft_json_parse_canonical(bad[i], strlen(bad[i]), "t", &v) != VFT_REJECTED)
      fail_msg("accepted %s", bad[i]);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(writes_known_bytes),
      cmocka_unit_test(accepts_only_the_canonical_spelling),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
