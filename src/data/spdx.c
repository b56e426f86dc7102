#include "data/spdx.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/suggest.h"
#include "data/spdx_ids.h"
#include "model/source.h"

enum {
  LICENSES = sizeof vft_spdx_licenses / sizeof *vft_spdx_licenses,
  EXCEPTIONS = sizeof vft_spdx_exceptions / sizeof *vft_spdx_exceptions,
  TEXT_MAX = VFT_SPDX_BYTES / 2, /* a canonical form is shorter than twice the text */
  NODES = TEXT_MAX, /* a leaf and the operator before it: two nodes, at least 5 bytes */
  DEPTH = 32
};

typedef enum { LEAF, AND, OR } node_kind;

/* Leaves hold their words; AND and OR two nodes. Nodes are made bottom up: children come first. */
typedef struct {
  node_kind kind;
  int left, right;
  size_t at, length; /* in parsing.words */
} node;

typedef struct {
  const char *at;
  node node[NODES];
  int nodes, depth;
  /* Canonical leaves one after another. A canonical identifier is as long as the given one, and
   * every separator of a leaf ("+", " WITH ") was in the text, so the text's size is enough. */
  char words[VFT_SPDX_BYTES];
  size_t used;
} parsing;

static bool id_char(char c) { return isalnum((unsigned char)c) || c == '.' || c == '-'; }

/* The next word: an identifier with ':' and '+', or a parenthesis; empty at the end. */
static vft_slice peek(parsing *p) {
  while (*p->at == ' ' || *p->at == '\t') p->at++;
  if (*p->at == '(' || *p->at == ')') return (vft_slice){p->at, 1};
  size_t n = 0;
  while (id_char(p->at[n]) || p->at[n] == ':' || p->at[n] == '+') n++;
  /* any other character is a word of its own, which nothing accepts */
  return (vft_slice){p->at, n ? n : *p->at != 0};
}

static void take(parsing *p, vft_slice word) { p->at = word.p + word.n; }

/* Operators: all capitals, or all small letters as some writers have them. */
static bool is_operator(vft_slice word, const char *upper, const char *lower) {
  return vft_slice_is(word, upper) || vft_slice_is(word, lower);
}

static int by_id(const void *key, const void *element) {
  return strcasecmp(key, *(const char *const *)element);
}

static const char *find(const char *id, const char *const *list, size_t n) {
  const char *const *found = bsearch(id, list, n, sizeof *list, by_id);
  return found ? *found : NULL;
}

static void put(parsing *p, const char *s, size_t n) {
  memcpy(p->words + p->used, s, n);
  p->used += n;
}

/* "PREFIX-idstring": the prefix in any case, the rest as it is. */
static bool put_reference(parsing *p, vft_slice word, const char *prefix) {
  size_t n = strlen(prefix);
  if (word.n <= n || strncasecmp(word.p, prefix, n)) return false;
  for (size_t i = n; i < word.n; i++)
    if (!id_char(word.p[i])) return false;
  put(p, prefix, n);
  put(p, word.p + n, word.n - n);
  return true;
}

/* DocumentRef-x:PREFIX-y or PREFIX-y. */
static bool put_any_reference(parsing *p, vft_slice word, const char *prefix) {
  const char *colon = memchr(word.p, ':', word.n);
  if (!colon) return put_reference(p, word, prefix);
  size_t used = p->used;
  vft_slice document = {word.p, (size_t)(colon - word.p)};
  vft_slice rest = {colon + 1, word.n - document.n - 1};
  if (put_reference(p, document, "DocumentRef-")) {
    put(p, ":", 1);
    if (put_reference(p, rest, prefix)) return true;
  }
  p->used = used;
  return false;
}

/* One identifier of a list, or a reference. */
static vft_status put_id(parsing *p, vft_slice word, const char *const *list, size_t n,
                         const char *reference, const char *what) {
  char id[VFT_SPDX_BYTES];
  bool plain = word.n > 0;
  for (size_t i = 0; i < word.n; i++) plain = plain && id_char(word.p[i]);
  if (put_any_reference(p, word, reference)) return VFT_OK;
  memcpy(id, word.p, word.n);
  id[word.n] = 0;
  const char *known = plain ? find(id, list, n) : NULL;
  if (known) {
    put(p, known, word.n);
    return VFT_OK;
  }
  if (!plain)
    return vft_fail(VFT_USAGE, "expected %s at '%s'", what, vft_show((vft_slice){
                    word.n ? word.p : "the end", word.n ? word.n : 7}).text);
  return vft_fail(VFT_USAGE, "'%s' is not %s of the SPDX list, did you mean '%s'? (or %s...)",
                  vft_show(word).text, what, vft_nearest(id, list, n), reference);
}

static vft_status parse_or(parsing *p, int *out);

static vft_status parse_leaf(parsing *p, int *out) {
  vft_slice word = peek(p);
  if (vft_slice_is(word, "(")) {
    if (++p->depth > DEPTH)
      return vft_fail(VFT_USAGE, "parentheses are nested more than %d deep", DEPTH);
    take(p, word);
    TRY(parse_or(p, out));
    word = peek(p);
    if (!vft_slice_is(word, ")")) return vft_fail(VFT_USAGE, "a ')' is missing");
    take(p, word);
    p->depth--;
    return VFT_OK;
  }
  node *leaf = &p->node[p->nodes];
  *leaf = (node){.kind = LEAF, .at = p->used};
  take(p, word);
  bool later = word.n > 1 && word.p[word.n - 1] == '+';
  word.n -= later;
  TRY(put_id(p, word, vft_spdx_licenses, LICENSES, "LicenseRef-", "a licence"));
  if (later) put(p, "+", 1);
  word = peek(p);
  if (is_operator(word, "WITH", "with")) {
    take(p, word);
    put(p, " WITH ", 6);
    word = peek(p);
    take(p, word);
    TRY(put_id(p, word, vft_spdx_exceptions, EXCEPTIONS, "AdditionRef-", "an exception"));
  }
  leaf->length = p->used - leaf->at;
  *out = p->nodes++;
  return VFT_OK;
}

static int join(parsing *p, node_kind kind, int left, int right) {
  p->node[p->nodes] = (node){.kind = kind, .left = left, .right = right};
  return p->nodes++;
}

static vft_status parse_and(parsing *p, int *out) {
  TRY(parse_leaf(p, out));
  for (vft_slice word = peek(p); is_operator(word, "AND", "and"); word = peek(p)) {
    int right;
    take(p, word);
    TRY(parse_leaf(p, &right));
    *out = join(p, AND, *out, right);
  }
  return VFT_OK;
}

static vft_status parse_or(parsing *p, int *out) {
  TRY(parse_and(p, out));
  for (vft_slice word = peek(p); is_operator(word, "OR", "or"); word = peek(p)) {
    int right;
    take(p, word);
    TRY(parse_and(p, &right));
    *out = join(p, OR, *out, right);
  }
  return VFT_OK;
}

static vft_status too_long(size_t n) {
  return vft_fail(VFT_USAGE, "a licence expression of %zu bytes, at most %d", n, TEXT_MAX - 1);
}

static vft_status parse(parsing *p, const char *text, int *root) {
  memset(p, 0, sizeof *p);
  p->at = text;
  if (strlen(text) >= TEXT_MAX) return too_long(strlen(text));
  TRY(parse_or(p, root));
  vft_slice rest = peek(p);
  if (rest.n)
    return vft_fail(VFT_USAGE, "expected AND, OR or the end at '%s'", vft_show(rest).text);
  return VFT_OK;
}

/* Writes a node; a child of lower precedence gets parentheses. */
static char *print(const parsing *p, int at, char *out) {
  const node *n = &p->node[at];
  if (n->kind == LEAF) {
    memcpy(out, p->words + n->at, n->length);
    return out + n->length;
  }
  for (int side = 0; side < 2; side++) {
    int child = side ? n->right : n->left;
    bool open = n->kind == AND && p->node[child].kind == OR;
    if (side) {
      size_t k = n->kind == AND ? 5 : 4;
      memcpy(out, n->kind == AND ? " AND " : " OR ", k);
      out += k;
    }
    if (open) *out++ = '(';
    out = print(p, child, out);
    if (open) *out++ = ')';
  }
  return out;
}

vft_status vft_spdx_canonical(const char *text, char out[VFT_SPDX_BYTES]) {
  static const char *const special[] = {"NOASSERTION", "NONE"};
  parsing p;
  int root;
  for (int i = 0; i < 2; i++)
    if (!strcasecmp(text, special[i])) {
      strcpy(out, special[i]);
      return VFT_OK;
    }
  TRY(parse(&p, text, &root));
  /* Operators and parentheses were in the text; blanks may be added around an operator beside a
   * parenthesis, at most two for its two letters: less than twice the text. */
  *print(&p, root, out) = 0;
  return strlen(out) < TEXT_MAX ? VFT_OK : too_long(strlen(out));
}

bool vft_spdx_simple(const char *canonical) {
  return !strstr(canonical, " AND ") && !strstr(canonical, " OR ");
}

static bool allowed(const parsing *p, int at, const char *const *list, size_t count) {
  const node *n = &p->node[at];
  if (n->kind == AND) return allowed(p, n->left, list, count) && allowed(p, n->right, list, count);
  if (n->kind == OR) return allowed(p, n->left, list, count) || allowed(p, n->right, list, count);
  for (size_t i = 0; i < count; i++)
    if (strlen(list[i]) == n->length && !memcmp(list[i], p->words + n->at, n->length)) return true;
  return false;
}

bool vft_spdx_allowed(const char *canonical, const char *const *list, size_t count) {
  parsing p;
  int root;
  for (size_t i = 0; i < count; i++)
    if (!strcmp(canonical, list[i])) return true;
  if (!strcmp(canonical, "NOASSERTION") || !strcmp(canonical, "NONE")) return false;
  return parse(&p, canonical, &root) == VFT_OK && allowed(&p, root, list, count);
}
