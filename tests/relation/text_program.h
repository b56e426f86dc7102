/* Test helper: programs in one line each.
 *   tensor(p, VFT_WITNESS, "q[4,3]", lo, hi)
 *   zero(p, "requant", "i<4 j<3 | k<5", "256 q[i,j] + rho[i,j] - x[i,k] w[k,j] - 128")
 *   define(p, "acc", "i<4 j<3 | k<5", "x[i,k] w[k,j]")          defines the tensor "acc"
 *   lookup(p, "rho", "i<4 j<3", "8; rho[i,j]")                  columns separated by ';'
 * An index is one letter; an axis may be offset: "s[t+1]". Indices after '|' are contracted. */
#ifndef TESTS_RELATION_TEXT_PROGRAM_H
#define TESTS_RELATION_TEXT_PROGRAM_H

#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "relation/program.h"

static inline const char *skip_blanks(const char *s) {
  while (*s == ' ') s++;
  return s;
}

static inline const char *read_name(const char *s, char *name) {
  size_t n = 0;
  while (isalnum((unsigned char)*s) || (*s && strchr("_/.", *s))) {
    assert_true(n < 63);
    name[n++] = *s++;
  }
  name[n] = 0;
  return s;
}

static inline vft_tensor_id tensor_values(vft_program *p, vft_origin origin, const char *decl,
                                          int64_t lo, int64_t hi, const int64_t *values) {
  char name[64];
  vft_tensor t = {.name = name, .origin = origin, .lo = lo, .hi = hi, .values = values};
  const char *s = read_name(decl, name);
  if (*s == '@') t.group = (uint32_t)strtoul(s + 1, (char **)&s, 10);
  if (*s == '[')
    do t.dims[t.rank++] = (uint32_t)strtoul(s + 1, (char **)&s, 10);
    while (*s == ',');
  return vft_program_add_tensor(p, &t);
}

static inline vft_tensor_id tensor(vft_program *p, vft_origin origin, const char *decl, int64_t lo,
                                   int64_t hi) {
  return tensor_values(p, origin, decl, lo, hi, NULL);
}

/* Index letters of a relation, in order; returns their number. */
static inline uint32_t read_indices(const char *s, char *letters, uint32_t *size, uint32_t *nfree) {
  uint32_t n = 0;
  *nfree = UINT32_MAX;
  for (s = skip_blanks(s); *s; s = skip_blanks(s)) {
    if (*s == '|') {
      *nfree = n;
      s++;
      continue;
    }
    letters[n] = *s++;
    assert_int_equal(*s, '<');
    size[n++] = (uint32_t)strtoul(s + 1, (char **)&s, 10);
  }
  if (*nfree == UINT32_MAX) *nfree = n;
  letters[n] = 0;
  return n;
}

/* Reads terms until the end or ';'. */
static inline uint32_t read_terms(const vft_program *p, const char **text, const char *letters,
                                  vft_term *terms) {
  uint32_t n = 0;
  const char *s = skip_blanks(*text);
  while (*s && *s != ';') {
    vft_term *t = &terms[n++];
    memset(t, 0, sizeof *t);
    t->coef = 1;
    if (*s == '+' || *s == '-') {
      if (*s == '-') t->coef = -1;
      s = skip_blanks(s + 1);
    }
    if (isdigit((unsigned char)*s)) t->coef *= strtoll(s, (char **)&s, 10);
    for (s = skip_blanks(s); isalpha((unsigned char)*s); s = skip_blanks(s)) {
      vft_factor *f = &t->factor[t->nfactors++];
      char name[64];
      s = read_name(s, name);
      f->tensor = vft_program_find_tensor(p, name);
      if (f->tensor == VFT_NO_TENSOR) fail_msg("no tensor named '%s'", name);
      uint32_t a = 0;
      if (*s != '[') continue;
      do {
        const char *at = strchr(letters, s[1]);
        if (!at) fail_msg("no index '%c'", s[1]);
        f->idx[a] = (uint8_t)(at - letters);
        s += 2;
        if (*s == '+') f->off[a] = (uint32_t)strtoul(s + 1, (char **)&s, 10);
        a++;
      } while (*s == ',');
      assert_int_equal(*s, ']');
      assert_int_equal(a, p->tensors[f->tensor].rank);
      s++;
    }
  }
  *text = s;
  return n;
}

static inline uint32_t relation(vft_program *p, vft_relation_kind kind, const char *name,
                                const char *indices, const char *text, const vft_term *lemma) {
  char letters[32];
  vft_term terms[32];
  vft_relation r = {.name = name, .kind = kind, .terms = terms};
  r.nindex = read_indices(indices, letters, r.size, &r.nfree);
  r.nterms = read_terms(p, &text, letters, terms);
  if (kind == VFT_DEFINE) r.target = vft_program_find_tensor(p, name);
  if (lemma) { /* on the first term */
    terms[0].lemma = lemma->lemma;
    terms[0].lemma_lo = lemma->lemma_lo;
    terms[0].lemma_hi = lemma->lemma_hi;
  }
  return vft_program_add_relation(p, &r);
}

static inline uint32_t zero(vft_program *p, const char *name, const char *indices,
                            const char *text) {
  return relation(p, VFT_ZERO, name, indices, text, NULL);
}

static inline uint32_t define(vft_program *p, const char *name, const char *indices,
                              const char *text) {
  return relation(p, VFT_DEFINE, name, indices, text, NULL);
}

static inline uint32_t lookup(vft_program *p, const char *name, const char *indices,
                              const char *text) {
  char letters[32];
  uint32_t nfree;
  vft_term terms[VFT_LOOKUP_COLS][8];
  vft_lookup l = {.name = name};
  l.nindex = read_indices(indices, letters, l.size, &nfree);
  for (int c = 0; c < VFT_LOOKUP_COLS; c++) {
    l.col[c].terms = terms[c];
    l.col[c].nterms = read_terms(p, &text, letters, terms[c]);
    if (*text == ';') text++;
  }
  return vft_program_add_lookup(p, &l);
}

static inline uint32_t range_table(vft_program *p) {
  vft_table t = {.name = "range", .kind = VFT_TABLE_RANGE, .rows = 1 << 17};
  t.mult = tensor(p, VFT_WITNESS, "range/mult[131072]", 0, UINT32_MAX);
  return vft_program_add_table(p, &t);
}

static inline uint32_t function_table(vft_program *p, const char *name, int64_t tag, int64_t first,
                                      uint32_t log_rows, vft_tensor_id out1, vft_tensor_id out2) {
  char decl[96];
  vft_table t = {.name = name, .kind = VFT_TABLE_FUNCTION, .tag = tag, .first = first,
                 .rows = 1u << log_rows, .out = {out1, out2, VFT_NO_TENSOR}};
  snprintf(decl, sizeof decl, "%s/mult[%u]", name, 1u << log_rows);
  t.mult = tensor(p, VFT_WITNESS, decl, 0, UINT32_MAX);
  return vft_program_add_table(p, &t);
}

/* Element access by tensor name and flat position. */
static inline int64_t get(const vft_trace *t, const char *name, size_t i) {
  return vft_array_get(&t->array[vft_program_find_tensor(t->program, name)], i);
}

/* Writes through an int64 copy, so that any value can be planted. */
static inline void plant(vft_trace *t, const char *name, size_t i, int64_t v) {
  vft_tensor_id id = vft_program_find_tensor(t->program, name);
  size_t n = vft_tensor_count(&t->program->tensors[id]);
  if (t->array[id].dtype != VFT_I64 || !t->owned[id]) {
    int64_t *copy = vft_alloc(n, sizeof *copy);
    for (size_t k = 0; k < n; k++) copy[k] = vft_array_get(&t->array[id], k);
    vft_trace_supply(t, id, VFT_I64, copy);
    t->owned[id] = true;
  }
  vft_array_set(&t->array[id], i, v);
}

/* Asserts that the failing checks are exactly `ids` (blank-separated, in checker order) and that
 * the reported one is the first; "" means accepted. */
static inline void expect_failures(const vft_trace *t, const char *ids) {
  const vft_program *p = t->program;
  size_t n = vft_program_check_count(p);
  bool *failed = vft_alloc(n, sizeof *failed);
  vft_status st = vft_program_check_trace(p, t, failed);
  char got[1024] = "", id[160];
  for (size_t i = 0; i < n; i++)
    if (failed[i]) {
      if (*got) strcat(got, " ");
      strcat(got, vft_program_check_id(p, i, id, sizeof id));
    }
  vft_free(failed);
  if (strcmp(got, ids)) fail_msg("failing checks '%s', expected '%s'", got, ids);
  assert_int_equal(st, *ids ? VFT_REJECTED : VFT_OK);
  size_t first = strcspn(ids, " ");
  if (*ids && (strlen(vft_error_check()) != first || strncmp(vft_error_check(), ids, first)))
    fail_msg("reported '%s', expected the first of '%s'", vft_error_check(), ids);
}

#endif
