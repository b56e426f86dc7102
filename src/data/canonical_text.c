#include "data/canonical_text.h"

#include <stdbool.h>
#include <string.h>

#include "base/mem.h"
#include "model/unicode.h"

const char *const vft_text_rule_names[3] = {"nfc-trim", "nfc", "keep"};

static bool blank(char c) { return c == ' ' || c == '\t' || c == '\n'; }

/* In place; NFC neither makes nor removes any of these characters, so the order does not matter. */
static size_t trim(char *text, size_t n) {
  size_t at = 0, begin = 0;
  for (size_t i = 0; i < n; i++) {
    if (text[i] == '\r' && i + 1 < n && text[i + 1] == '\n') continue;
    text[at++] = text[i] == '\r' ? '\n' : text[i];
  }
  while (at > 0 && blank(text[at - 1])) at--;
  while (begin < at && blank(text[begin])) begin++;
  memmove(text, text + begin, at - begin);
  return at - begin;
}

vft_status vft_text_canonical(vft_text_rule rule, const char *text, size_t length, char **out,
                              size_t *out_length) {
  char *normal = NULL;
  size_t normal_length;
  if (rule != VFT_TEXT_KEEP) TRY(vft_nfc(text, length, &normal, &normal_length));
  if (normal) length = normal_length;
  *out = vft_alloc_raw(length + 1, 1);
  if (*out) {
    memcpy(*out, normal ? normal : text, length);
    *out_length = rule == VFT_TEXT_NFC_TRIM ? trim(*out, length) : length;
    (*out)[*out_length] = 0;
  }
  vft_free(normal);
  return *out ? VFT_OK : VFT_RESOURCE;
}
