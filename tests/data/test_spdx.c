#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "data/spdx.h"
#include "data/spdx_ids.h"

static void canonical(const char *text, const char *want) {
  char out[VFT_SPDX_BYTES], again[VFT_SPDX_BYTES];
  if (vft_spdx_canonical(text, out) != VFT_OK) fail_msg("%s: %s", text, vft_error_message());
  assert_string_equal(out, want);
  assert_int_equal(vft_spdx_canonical(out, again), VFT_OK);
  assert_string_equal(again, out);
}

static void forms(void **state) {
  (void)state;
  canonical("mit", "MIT");
  canonical("  apache-2.0\t", "Apache-2.0");
  canonical("noassertion", "NOASSERTION");
  canonical("None", "NONE");
  canonical("MIT OR Apache-2.0", "MIT OR Apache-2.0");
  canonical("mit or ISC and 0bsd", "MIT OR ISC AND 0BSD");
  canonical("(mit or ISC) and 0bsd", "(MIT OR ISC) AND 0BSD");
  canonical("mit or (ISC and 0bsd)", "MIT OR ISC AND 0BSD");
  canonical("((MIT))", "MIT");
  canonical("(MIT)AND(ISC)", "MIT AND ISC");
  canonical("MIT AND (ISC AND (0BSD OR Zlib))", "MIT AND ISC AND (0BSD OR Zlib)");
  canonical("GPL-2.0+", "GPL-2.0+");
  canonical("gpl-2.0-or-later with classpath-exception-2.0",
            "GPL-2.0-or-later WITH Classpath-exception-2.0");
  canonical("LicenseRef-my.Own-1", "LicenseRef-my.Own-1");
  canonical("licenseref-x", "LicenseRef-x");
  canonical("documentref-spdx-tool-1.2:licenseref-A", "DocumentRef-spdx-tool-1.2:LicenseRef-A");
  canonical("MIT WITH AdditionRef-mine", "MIT WITH AdditionRef-mine");
}

static void refuses(const char *text, const char *word) {
  char out[VFT_SPDX_BYTES];
  if (vft_spdx_canonical(text, out) != VFT_USAGE) fail_msg("accepted: %s", text);
  if (!strstr(vft_error_message(), word)) fail_msg("%s: %s", text, vft_error_message());
}

static void refusals(void **state) {
  (void)state;
  refuses("", "expected a licence");
  refuses("MITT", "did you mean 'MIT'?");
  refuses("Apache 2.0", "did you mean");
  refuses("MIT OR", "expected a licence");
  refuses("MIT ISC", "expected AND, OR");
  refuses("MIT Or ISC", "expected AND, OR");
  refuses("(MIT", "')' is missing");
  refuses("MIT)", "expected AND, OR");
  refuses("()", "expected a licence");
  refuses("MIT WITH Classpath", "an exception");
  refuses("(MIT) WITH Classpath-exception-2.0", "expected AND, OR");
  refuses("MIT++", "expected a licence");
  refuses("+", "expected a licence");
  refuses("LicenseRef-", "LicenseRef-");
  refuses("LicenseRef-a_b", "expected AND, OR");
  refuses("DocumentRef-a:MIT", "expected a licence");
  refuses("LicenseRef-a:LicenseRef-b", "expected a licence");
  refuses("MIT AND NOASSERTION", "is not a licence");
  refuses("MIT & ISC", "expected AND, OR");
  refuses("\xe4\xb8\xad", "expected a licence");
  char deep[200] = "", wide[VFT_SPDX_BYTES + 8];
  for (int i = 0; i < 40; i++) strcat(deep, "(");
  refuses(deep, "nested");
  memset(wide, ' ', sizeof wide);
  memcpy(wide, "MIT", 3);
  wide[sizeof wide - 1] = 0;
  refuses(wide, "at most 255");
  /* blanks around AND make this one too long */
  char grown[VFT_SPDX_BYTES] = "(MIT OR ISC)";
  while (strlen(grown) + 15 < 255) strcat(grown, "AND(MIT OR ISC)");
  refuses(grown, "at most 255");
}

static void every_identifier(void **state) {
  (void)state;
  size_t n = sizeof vft_spdx_licenses / sizeof *vft_spdx_licenses;
  assert_true(n > 600);
  for (size_t i = 0; i < n; i++) {
    char lower[VFT_SPDX_BYTES];
    snprintf(lower, sizeof lower, "%s", vft_spdx_licenses[i]);
    for (char *c = lower; *c; c++)
      if (*c >= 'A' && *c <= 'Z') *c += 32;
    canonical(lower, vft_spdx_licenses[i]);
  }
  n = sizeof vft_spdx_exceptions / sizeof *vft_spdx_exceptions;
  for (size_t i = 0; i < n; i++) {
    char text[VFT_SPDX_BYTES];
    snprintf(text, sizeof text, "MIT WITH %s", vft_spdx_exceptions[i]);
    canonical(text, text);
  }
}

static bool allowed(const char *text, const char *a, const char *b) {
  char canonical_text[VFT_SPDX_BYTES];
  const char *list[] = {a, b};
  assert_int_equal(vft_spdx_canonical(text, canonical_text), VFT_OK);
  return vft_spdx_allowed(canonical_text, list, b ? 2 : 1);
}

static void allowing(void **state) {
  (void)state;
  assert_true(allowed("MIT", "MIT", NULL));
  assert_false(allowed("ISC", "MIT", NULL));
  assert_true(allowed("ISC OR MIT", "MIT", NULL));
  assert_false(allowed("ISC AND MIT", "MIT", NULL));
  assert_true(allowed("ISC AND MIT", "MIT", "ISC"));
  assert_true(allowed("MIT OR ISC AND Zlib", "MIT", NULL));
  assert_false(allowed("(MIT OR ISC) AND Zlib", "MIT", NULL));
  assert_true(allowed("(MIT OR ISC) AND Zlib", "ISC", "Zlib"));
  assert_false(allowed("GPL-2.0-only WITH Classpath-exception-2.0", "GPL-2.0-only", NULL));
  assert_false(allowed("GPL-2.0-only", "GPL-2.0-only WITH Classpath-exception-2.0", NULL));
  assert_true(allowed("GPL-2.0-only WITH Classpath-exception-2.0 OR ISC",
                      "GPL-2.0-only WITH Classpath-exception-2.0", NULL));
  assert_false(allowed("MPL-1.1+", "MPL-1.1", NULL));
  assert_true(allowed("MPL-1.1+", "MPL-1.1+", NULL));
  assert_false(allowed("NOASSERTION", "MIT", NULL));
  assert_true(allowed("NOASSERTION", "NOASSERTION", NULL));
  assert_false(allowed("NONE", "NOASSERTION", NULL));
  assert_true(allowed("LicenseRef-x", "LicenseRef-x", NULL));
  assert_false(allowed("LicenseRef-X", "LicenseRef-x", NULL));
  assert_true(vft_spdx_simple("GPL-2.0-only WITH Classpath-exception-2.0"));
  assert_false(vft_spdx_simple("MIT OR ISC"));
  assert_false(vft_spdx_simple("MIT AND ISC"));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(forms),
      cmocka_unit_test(refusals),
      cmocka_unit_test(every_identifier),
      cmocka_unit_test(allowing),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
