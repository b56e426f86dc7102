#include "data/canonical_json.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

enum { DEPTH = 64 };

typedef struct {
  char *text;
  size_t used, size;
} writer;

static vft_status put(writer *w, const char *s, size_t n) {
  if (w->size - w->used < n + 1) {
    size_t size = 2 * (w->used + n) + 256;
    char *bigger = vft_alloc_raw(size, 1);
    if (!bigger) return VFT_RESOURCE;
    if (w->used) memcpy(bigger, w->text, w->used);
    vft_free(w->text);
    w->text = bigger;
    w->size = size;
  }
  memcpy(w->text + w->used, s, n);
  w->used += n;
  w->text[w->used] = 0;
  return VFT_OK;
}

/* RFC 8785, 3.2.2.2: the two-character escapes where they exist, \u00xx in lower case for other
 * control characters, everything else as it is. */
static vft_status put_string(writer *w, const char *s, size_t n) {
  static const char hex[] = "0123456789abcdef";
  TRY(put(w, "\"", 1));
  for (size_t i = 0; i < n; i++) {
    unsigned char c = (unsigned char)s[i];
    const char *two = c == '"'    ? "\\\""
                      : c == '\\' ? "\\\\"
                      : c == '\b' ? "\\b"
                      : c == '\f' ? "\\f"
                      : c == '\n' ? "\\n"
                      : c == '\r' ? "\\r"
                      : c == '\t' ? "\\t"
                                  : NULL;
    if (two) {
      TRY(put(w, two, 2));
    } else if (c < 0x20) {
      char u[6] = {'\\', 'u', '0', '0', hex[c >> 4], hex[c & 15]};
      TRY(put(w, u, 6));
    } else {
      TRY(put(w, s + i, 1));
    }
  }
  return put(w, "\"", 1);
}

static int by_key(const void *a, const void *b) {
  return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static vft_status put_value(writer *w, const json_t *v, int depth);

static vft_status put_object(writer *w, const json_t *v, int depth) {
  size_t n = json_object_size(v), k = 0;
  const char **keys = vft_alloc(n, sizeof *keys), *key;
  json_t *child;
  if (!keys) return VFT_RESOURCE;
  vft_status st = VFT_OK;
  json_object_foreach((json_t *)(uintptr_t)v, key, child) {
    for (const char *c = key; *c; c++)
      if (*c < 0x20 || *c > 0x7e) {
        st = vft_fail(VFT_USAGE, "a JSON key has a character outside printable ASCII");
        goto out;
      }
    keys[k++] = key;
  }
  /* Of ASCII keys, order by bytes is order by UTF-16 code units. */
  qsort(keys, n, sizeof *keys, by_key);
  TRY_OUT(put(w, "{", 1));
  for (k = 0; k < n; k++) {
    if (k) TRY_OUT(put(w, ",", 1));
    TRY_OUT(put_string(w, keys[k], strlen(keys[k])));
    TRY_OUT(put(w, ":", 1));
    TRY_OUT(put_value(w, json_object_get(v, keys[k]), depth + 1));
  }
  TRY_OUT(put(w, "}", 1));
out:
  vft_free(keys);
  return st;
}

static vft_status put_value(writer *w, const json_t *v, int depth) {
  if (depth > DEPTH) return vft_fail(VFT_USAGE, "JSON is nested more than %d deep", DEPTH);
  switch (json_typeof(v)) {
    case JSON_OBJECT: return put_object(w, v, depth);
    case JSON_ARRAY:
      TRY(put(w, "[", 1));
      for (size_t i = 0; i < json_array_size(v); i++) {
        if (i) TRY(put(w, ",", 1));
        TRY(put_value(w, json_array_get(v, i), depth + 1));
      }
      return put(w, "]", 1);
    case JSON_STRING: return put_string(w, json_string_value(v), json_string_length(v));
    case JSON_INTEGER: {
      json_int_t x = json_integer_value(v);
      char text[32];
      if (x > (1ll << 53) || x < -(1ll << 53))
        return vft_fail(VFT_USAGE, "the integer %lld is too large for JSON; write it as a string",
                        (long long)x);
      int n = snprintf(text, sizeof text, "%lld", (long long)x);
      return put(w, text, (size_t)n);
    }
    case JSON_TRUE: return put(w, "true", 4);
    case JSON_FALSE: return put(w, "false", 5);
    case JSON_NULL: return put(w, "null", 4);
    default: return vft_fail(VFT_USAGE, "a real number in a canonical document; write it as a string");
  }
}

vft_status vft_json_canonical(const json_t *value, char **text, size_t *length) {
  writer w = {0};
  vft_status st = put_value(&w, value, 0);
  if (st != VFT_OK) {
    vft_free(w.text);
    return st;
  }
  *text = w.text;
  *length = w.used;
  return VFT_OK;
}

vft_status vft_json_parse_canonical(const char *text, size_t length, const char *name,
                                    json_t **out) {
  json_error_t error;
  json_t *v = json_loadb(text, length, JSON_REJECT_DUPLICATES, &error);
  if (!v)
    return vft_reject("json/malformed", "%s:%d: malformed JSON: %s", name, error.line, error.text);
  char *again = NULL;
  size_t n = 0;
  vft_status st = vft_json_canonical(v, &again, &n);
  if (st == VFT_USAGE || (st == VFT_OK && (n != length || memcmp(again, text, n))))
    st = vft_reject("json/canonical", "%s: not in canonical form (RFC 8785, integers only)", name);
  vft_free(again);
  if (st != VFT_OK)
    json_decref(v);
  else
    *out = v;
  return st;
}
