#define PCRE2_CODE_UNIT_WIDTH 8
#include "model/pattern.h"

#include <pcre2.h>
#include <string.h>

#include "base/mem.h"

enum { MAX_PATTERN = 4096, MATCH_LIMIT = 20000000, DEPTH_LIMIT = 20000000, HEAP_KIB = 1 << 18 };

struct vft_pattern {
  pcre2_code *code;
  pcre2_match_context *limits;
};

struct vft_match {
  pcre2_match_data *data;
};

/* Is it a Unicode general category, as in \p{Lu}? */
static bool is_category(const char *s, size_t n) {
  static const char *const sub[] = {"C:cfnos", "L:lmotu", "M:cen", "N:dlo", "P:cdefios",
                                    "S:ckmo", "Z:lps"};
  if (n < 1 || n > 2) return false;
  for (size_t i = 0; i < sizeof sub / sizeof *sub; i++)
    if (s[0] == sub[i][0]) return n == 1 || strchr(sub[i] + 2, s[1]) != NULL;
  return false;
}

typedef struct {
  const char *at, *end, *name;
  char *out;
} translation;

static vft_status refuse(const translation *t, const char *what) {
  return vft_fail(VFT_USAGE, "%s: pre-tokenizer pattern: %s is not supported", t->name, what);
}

static void emit(translation *t, const char *text, size_t n) {
  memcpy(t->out, text, n);
  t->out += n;
}

/* One escape; t->at stands on the backslash. */
static vft_status translate_escape(translation *t) {
  if (t->end - t->at < 2) return refuse(t, "a backslash at the end");
  char c = t->at[1];
  if (c == 's' || c == 'S') {
    emit(t, c == 's' ? "\\p{White_Space}" : "\\P{White_Space}", 15);
    t->at += 2;
  } else if (c == 'p' || c == 'P') {
    const char *close = NULL;
    if (t->end - t->at > 3 && t->at[2] == '{')
      close = memchr(t->at + 3, '}', (size_t)(t->end - t->at - 3));
    if (!close || !is_category(t->at + 3, (size_t)(close - t->at - 3)))
      return refuse(t, "a property other than a general category");
    emit(t, t->at, (size_t)(close - t->at + 1));
    t->at = close + 1;
  } else if (strchr("drnt", c) ||
             ((unsigned char)c < 0x80 && c > ' ' && !strchr("0123456789", c) &&
              !((c | 32) >= 'a' && (c | 32) <= 'z'))) {
    emit(t, t->at, 2);
    t->at += 2;
  } else {
    char what[] = "the escape \\?";
    if (c > ' ' && c < 0x7f) what[12] = c;
    return refuse(t, what);
  }
  return VFT_OK;
}

static vft_status translate_class(translation *t) {
  emit(t, t->at++, 1);
  if (t->at < t->end && *t->at == '^') emit(t, t->at++, 1);
  if (t->at < t->end && *t->at == ']') return refuse(t, "a class that begins with ']'");
  while (t->at < t->end && *t->at != ']') {
    if (*t->at == '[') return refuse(t, "a class inside a class");
    if (t->end - t->at > 1 && t->at[0] == '&' && t->at[1] == '&')
      return refuse(t, "an intersection of classes");
    if (*t->at == '\\') TRY(translate_escape(t));
    else emit(t, t->at++, 1);
  }
  if (t->at == t->end) return refuse(t, "a class without end");
  emit(t, t->at++, 1);
  return VFT_OK;
}

static vft_status translate_group(translation *t) {
  static const char *const known[] = {"(?:", "(?i:", "(?=", "(?!", "(?<=", "(?<!"};
  size_t left = (size_t)(t->end - t->at);
  for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
    size_t n = strlen(known[i]);
    if (left >= n && !memcmp(t->at, known[i], n)) {
      emit(t, t->at, n);
      t->at += n;
      return VFT_OK;
    }
  }
  if (left > 1 && (t->at[1] == '?' || t->at[1] == '*')) return refuse(t, "a special group");
  emit(t, t->at++, 1);
  return VFT_OK;
}

static vft_status translate(translation *t) {
  while (t->at < t->end) {
    switch (*t->at) {
      case '\\': TRY(translate_escape(t)); break;
      case '[': TRY(translate_class(t)); break;
      case '(': TRY(translate_group(t)); break;
      case '^': return refuse(t, "'^'");
      case '$': return refuse(t, "'$'");
      case 0: return refuse(t, "a NUL byte");
      default: emit(t, t->at++, 1);
    }
  }
  return VFT_OK;
}

vft_status vft_pattern_compile(const char *text, size_t length, const char *name,
                               vft_pattern **out) {
  *out = NULL;
  if (length == 0 || length > MAX_PATTERN)
    return vft_fail(VFT_USAGE, "%s: pre-tokenizer pattern of %zu bytes, expected 1..%d", name,
                    length, MAX_PATTERN);
  if (!vft_utf8_valid(text, length))
    return vft_fail(VFT_USAGE, "%s: pre-tokenizer pattern is not UTF-8", name);
  char *translated = vft_alloc(8 * length + 16, 1); /* \s grows from 2 to 15 bytes */
  vft_pattern *p = vft_alloc(1, sizeof *p);
  pcre2_compile_context *settings = NULL;
  vft_status st = VFT_RESOURCE;
  if (!translated || !p) goto out;
  translation t = {text, text + length, name, translated};
  TRY_OUT(translate(&t));
  settings = pcre2_compile_context_create(NULL);
  p->limits = pcre2_match_context_create(NULL);
  if (!settings || !p->limits)
    TRY_OUT(vft_fail(VFT_RESOURCE, "out of memory for a pre-tokenizer pattern"));
  pcre2_set_newline(settings, PCRE2_NEWLINE_LF);
  pcre2_set_parens_nest_limit(settings, 50);
  pcre2_set_match_limit(p->limits, MATCH_LIMIT);
  pcre2_set_depth_limit(p->limits, DEPTH_LIMIT);
  pcre2_set_heap_limit(p->limits, HEAP_KIB);
  int error;
  PCRE2_SIZE where;
  p->code = pcre2_compile((PCRE2_SPTR)translated, (size_t)(t.out - translated),
                          PCRE2_UTF | PCRE2_UCP | PCRE2_NEVER_BACKSLASH_C |
                              PCRE2_NO_AUTO_CAPTURE,
                          &error, &where, settings);
  if (!p->code) {
    PCRE2_UCHAR reason[128] = "";
    pcre2_get_error_message(error, reason, sizeof reason);
    TRY_OUT(vft_fail(VFT_USAGE, "%s: pre-tokenizer pattern: %s", name, (char *)reason));
  }
  /* Without a compiler for this machine the interpreter gives the same matches. */
  (void)pcre2_jit_compile(p->code, PCRE2_JIT_COMPLETE);
  *out = p;
  p = NULL;
out:
  pcre2_compile_context_free(settings);
  vft_pattern_free(p);
  vft_free(translated);
  return st;
}

void vft_pattern_free(vft_pattern *p) {
  if (!p) return;
  pcre2_code_free(p->code);
  pcre2_match_context_free(p->limits);
  vft_free(p);
}

vft_match *vft_match_new(void) {
  vft_match *m = vft_alloc(1, sizeof *m);
  if (!m) return NULL;
  m->data = pcre2_match_data_create(1, NULL);
  if (m->data) return m;
  vft_free(m);
  (void)vft_fail(VFT_RESOURCE, "out of memory for a pattern match");
  return NULL;
}

void vft_match_free(vft_match *m) {
  if (!m) return;
  pcre2_match_data_free(m->data);
  vft_free(m);
}

vft_status vft_pattern_find(const vft_pattern *p, vft_match *match, const char *text,
                            size_t length, size_t from, bool *found, size_t *begin,
                            size_t *end) {
  /* The caller has checked the whole text once; checking it at every call would be quadratic. */
  int rc = pcre2_match(p->code, (PCRE2_SPTR)text, length, from, PCRE2_NO_UTF_CHECK, match->data,
                       p->limits);
  if (rc == PCRE2_ERROR_JIT_STACKLIMIT)
    rc = pcre2_match(p->code, (PCRE2_SPTR)text, length, from, PCRE2_NO_UTF_CHECK | PCRE2_NO_JIT,
                     match->data, p->limits);
  *found = rc >= 0;
  *begin = *end = length;
  if (rc == PCRE2_ERROR_NOMATCH) return VFT_OK;
  if (rc < 0) {
    (void)vft_fail(VFT_USAGE, "a pre-tokenizer pattern needs too much work on a text of %zu "
                   "bytes (code %d); shorten the text", length, rc);
    return VFT_USAGE;
  }
  const PCRE2_SIZE *span = pcre2_get_ovector_pointer(match->data);
  *begin = span[0];
  *end = span[1];
  return VFT_OK;
}
