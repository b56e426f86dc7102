#include "data/class.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "data/canonical_text.h"
#include "data/spdx.h"
#include "model/source.h"

static vft_status bad(const char *file, const vft_record *record, const char *field,
                      const char *what) {
  return vft_fail(VFT_USAGE, "%s: line %zu: field %s: %s", file, record->line, field, what);
}

static bool no_controls(const char *s) {
  for (; *s; s++)
    if ((unsigned char)*s < 0x20 || *s == 0x7f) return false;
  return true;
}

/* NFC, no blanks at the ends, no control characters, fits. */
static vft_status clean(const char *file, const vft_record *record, const char *field,
                        const char *text, char out[VFT_CLASS_TEXT]) {
  char *canonical;
  size_t n;
  size_t length = strlen(text);
  if (!vft_utf8_valid(text, length)) return bad(file, record, field, "not UTF-8");
  TRY(vft_text_canonical(VFT_TEXT_NFC_TRIM, text, length, &canonical, &n));
  bool fits = n < VFT_CLASS_TEXT && no_controls(canonical);
  if (fits) memcpy(out, canonical, n + 1);
  vft_free(canonical);
  return fits ? VFT_OK : bad(file, record, field, "longer than 255 bytes, or control characters");
}

static const char *field_or(const vft_record *record, const char *const *keys,
                            const char *fallback, const char **name) {
  for (size_t i = 0; keys[i]; i++) {
    const char *value = vft_record_get(record, keys[i]);
    if (value && *value) {
      *name = keys[i];
      return value;
    }
  }
  *name = keys[0];
  return fallback ? fallback : "";
}

/* The encoding under construction. */
typedef struct {
  vft_class *c;
  bool full;
} encoder;

static const char *put(encoder *e, const char *text) {
  vft_class *c = e->c;
  size_t n = strlen(text) + 1;
  e->full = e->full || n > VFT_CLASS_BYTES - c->length;
  if (e->full) return "";
  char *at = (char *)c->bytes + c->length;
  memcpy(at, text, n);
  c->length += n;
  return at;
}

static int by_bytes(const void *a, const void *b) { return strcmp(a, b); }

static vft_status add_tags(encoder *e, const vft_record *record, const char *file,
                           const vft_config_dataset *dataset) {
  char tag[VFT_CLASS_TAGS][VFT_CLASS_TEXT];
  vft_class *c = e->c;
  size_t n = 0, given = record->fields + dataset->ntags;
  for (size_t i = 0; i < given; i++) {
    bool own = i < record->fields;
    if (own && strcmp(record->field[i].key, "tags")) continue;
    const char *text = own ? record->field[i].value : dataset->tags[i - record->fields];
    char cleaned[VFT_CLASS_TEXT];
    TRY(clean(file, record, "tags", text, cleaned));
    if (!*cleaned) continue;
    bool twice = false;
    for (size_t k = 0; k < n; k++) twice = twice || !strcmp(tag[k], cleaned);
    if (twice) continue;
    if (n == VFT_CLASS_TAGS) return bad(file, record, "tags", "more than 16 tags");
    memcpy(tag[n++], cleaned, sizeof cleaned);
  }
  qsort(tag, n, sizeof *tag, by_bytes);
  if (c->length < VFT_CLASS_BYTES) c->bytes[c->length++] = (uint8_t)n;
  else e->full = true;
  c->tags = n;
  for (size_t k = 0; k < n; k++) c->tag[k] = put(e, tag[k]);
  return VFT_OK;
}

void vft_language_canonical(char *text) {
  for (; *text; text++) *text = *text == '_' ? '-' : (char)tolower((unsigned char)*text);
}

vft_status vft_class_of(const vft_record *record, const char *file,
                        const vft_config_dataset *dataset, const uint8_t proc[32],
                        vft_class *out) {
  static const char *const source[] = {"source", NULL}, *const license[] = {"license", "licence",
                                                                            NULL};
  static const char *const language[] = {"lang", "language", NULL};
  static const char *const domain[] = {"domain", "category", NULL};
  char text[VFT_CLASS_TEXT], expression[VFT_SPDX_BYTES];
  const char *name;
  encoder e = {out, false};
  *out = (vft_class){.tier = dataset->tier, .length = 33, .proc = out->bytes + 1};
  out->bytes[0] = (uint8_t)dataset->tier;
  memcpy(out->bytes + 1, proc, 32);
  const char *value = field_or(record, source, dataset->source, &name);
  TRY(clean(file, record, name, *value ? value : vft_path_name(file), text));
  if (!*text) return bad(file, record, name, "blank");
  out->source = put(&e, text);
  value = field_or(record, license, dataset->license, &name);
  if (vft_spdx_canonical(*value ? value : "NOASSERTION", expression) != VFT_OK)
    return vft_fail_context(VFT_USAGE, "%s: line %zu: field %s", file, record->line, name);
  out->license = put(&e, expression);
  TRY(clean(file, record, language[0], field_or(record, language, dataset->language, &name), text));
  vft_language_canonical(text);
  out->language = put(&e, text);
  TRY(clean(file, record, domain[0], field_or(record, domain, dataset->domain, &name), text));
  out->domain = put(&e, text);
  TRY(add_tags(&e, record, file, dataset));
  if (e.full) return bad(file, record, "tags", "source, licence and tags are more than 2 KiB");
  return VFT_OK;
}

/* The next text of the encoding; NULL when there is none. */
static const char *next(vft_class *c, size_t *at) {
  const uint8_t *end = memchr(c->bytes + *at, 0, c->length - *at);
  if (!end) return NULL;
  const char *text = (const char *)c->bytes + *at;
  *at = (size_t)(end - c->bytes) + 1;
  return text;
}

static bool is_clean(const char *text) {
  char *canonical;
  size_t n = strlen(text), m;
  if (n >= VFT_CLASS_TEXT || !no_controls(text) || !vft_utf8_valid(text, n)) return false;
  if (vft_text_canonical(VFT_TEXT_NFC_TRIM, text, n, &canonical, &m) != VFT_OK) return false;
  bool same = n == m && !memcmp(text, canonical, n);
  vft_free(canonical);
  return same;
}

static bool is_language(const char *text) {
  for (const char *at = text; *at; at++)
    if (isupper((unsigned char)*at) || *at == '_') return false;
  return is_clean(text);
}

bool vft_class_read(const uint8_t *bytes, size_t length, vft_class *out) {
  char expression[VFT_SPDX_BYTES];
  size_t at = 33;
  if (length > VFT_CLASS_BYTES || length <= at || bytes[0] >= VFT_TIERS) return false;
  *out = (vft_class){.length = length, .tier = (vft_tier)bytes[0], .proc = out->bytes + 1};
  memcpy(out->bytes, bytes, length);
  if (!(out->source = next(out, &at)) || !(out->license = next(out, &at)) ||
      !(out->language = next(out, &at)) || !(out->domain = next(out, &at)) || at == length)
    return false;
  out->tags = out->bytes[at++];
  if (out->tags > VFT_CLASS_TAGS) return false;
  for (size_t i = 0; i < out->tags; i++) {
    out->tag[i] = next(out, &at);
    if (!out->tag[i] || !*out->tag[i] || !is_clean(out->tag[i])) return false;
    if (i && strcmp(out->tag[i - 1], out->tag[i]) >= 0) return false;
  }
  return at == length && *out->source && is_clean(out->source) && is_language(out->language) &&
         is_clean(out->domain) && vft_spdx_canonical(out->license, expression) == VFT_OK &&
         !strcmp(expression, out->license);
}
