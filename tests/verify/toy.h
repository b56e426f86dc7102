/* Small programs and their traces for the tests of the proof driver.
 *
 * Indices are letters: term(2, 2, f(x, "ac"), f(w, "cb")) is 2 * x[a, c] * w[c, b]. Sizes are
 * given per relation in the order of the letters, free indices first. */
#ifndef TESTS_VERIFY_TOY_H
#define TESTS_VERIFY_TOY_H

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "relation/program.h"

static uint64_t toy_seed = 0x9e3779b97f4a7c15ull;
static inline uint64_t toy_rnd64(void) {
  toy_seed ^= toy_seed << 13;
  toy_seed ^= toy_seed >> 7;
  toy_seed ^= toy_seed << 17;
  return toy_seed * 0x2545f4914f6cdd1dull;
}
/* lo .. hi */
static inline int64_t toy_rnd(int64_t lo, int64_t hi) {
  return (int64_t)((uint64_t)lo + toy_rnd64() % ((uint64_t)hi - (uint64_t)lo + 1));
}

typedef struct {
  uint32_t rank, dims[VFT_MAX_RANK];
} toy_dims;
#define DIMS(...)                                                 \
  (toy_dims) {                                                    \
    sizeof((uint32_t[]){__VA_ARGS__}) / sizeof(uint32_t), { __VA_ARGS__ } \
  }
#define SCALAR \
  (toy_dims) { 0, { 0 } }

static inline vft_tensor_id toy_tensor(vft_program *p, const char *name, vft_origin origin,
                                       uint32_t group, int64_t lo, int64_t hi, toy_dims d,
                                       const int64_t *values) {
  vft_tensor t = {.name = name, .origin = origin, .group = group, .rank = d.rank, .lo = lo,
                  .hi = hi, .values = values};
  memcpy(t.dims, d.dims, sizeof d.dims);
  vft_tensor_id id = vft_program_add_tensor(p, &t);
  if (id == VFT_NO_TENSOR) {
    fprintf(stderr, "%s\n", vft_error_message());
    abort();
  }
  return id;
}

static inline vft_factor F(vft_tensor_id t, const char *letters) {
  vft_factor f = {.tensor = t};
  for (size_t i = 0; letters[i]; i++) f.idx[i] = (uint8_t)(letters[i] - 'a');
  return f;
}
/* one offset per axis */
static inline vft_factor FO(vft_tensor_id t, const char *letters, toy_dims off) {
  vft_factor f = F(t, letters);
  memcpy(f.off, off.dims, sizeof off.dims);
  return f;
}
static inline vft_term T(int64_t coef, int n, ...) {
  vft_term t = {.coef = coef, .nfactors = (uint32_t)n};
  va_list ap;
  va_start(ap, n);
  for (int i = 0; i < n; i++) t.factor[i] = va_arg(ap, vft_factor);
  va_end(ap);
  return t;
}

#define TERMS(...) \
  (vft_term[]){__VA_ARGS__}, sizeof((vft_term[]){__VA_ARGS__}) / sizeof(vft_term)

static inline void toy_relation(vft_program *p, const char *name, vft_relation_kind kind,
                                vft_tensor_id target, toy_dims size, uint32_t nfree,
                                vft_term *terms, size_t nterms) {
  vft_relation r = {.name = name, .kind = kind, .target = target, .nindex = size.rank,
                    .nfree = nfree, .nterms = (uint32_t)nterms, .terms = terms};
  memcpy(r.size, size.dims, sizeof size.dims);
  if (vft_program_add_relation(p, &r) == UINT32_MAX) {
    fprintf(stderr, "%s\n", vft_error_message());
    abort();
  }
}

/* cols: up to four lists of terms */
typedef struct {
  vft_term *terms;
  size_t n;
} toy_col;
#define COL(...) \
  (toy_col) { TERMS(__VA_ARGS__) }
static inline void toy_lookup(vft_program *p, const char *name, toy_dims size, int ncols, ...) {
  vft_lookup l = {.name = name, .nindex = size.rank};
  memcpy(l.size, size.dims, sizeof size.dims);
  va_list ap;
  va_start(ap, ncols);
  for (int i = 0; i < ncols; i++) {
    toy_col c = va_arg(ap, toy_col);
    l.col[i] = (vft_linear){(uint32_t)c.n, c.terms};
  }
  va_end(ap);
  if (vft_program_add_lookup(p, &l) == UINT32_MAX) {
    fprintf(stderr, "%s\n", vft_error_message());
    abort();
  }
}

static inline void toy_range_table(vft_program *p) {
  vft_tensor_id m = toy_tensor(p, "range/mult", VFT_WITNESS, 0, 0, UINT32_MAX, DIMS(1u << 17),
                               NULL);
  vft_table t = {.name = "range", .kind = VFT_TABLE_RANGE, .rows = 1 << 17, .mult = m,
                 .out = {VFT_NO_TENSOR, VFT_NO_TENSOR, VFT_NO_TENSOR}};
  if (vft_program_add_table(p, &t) == UINT32_MAX) abort();
}

static inline int64_t toy_get(const vft_trace *t, vft_tensor_id id, size_t i) {
  return vft_array_get(&t->array[id], i);
}
static inline void toy_set(vft_trace *t, vft_tensor_id id, size_t i, int64_t v) {
  vft_array_set(&t->array[id], i, v);
}
static inline vft_tensor_id toy_find(const vft_trace *t, const char *name) {
  vft_tensor_id id = vft_program_find_tensor(t->program, name);
  if (id == VFT_NO_TENSOR) abort();
  return id;
}
/* Allocates the tensor and fills it with random integers in its bounds. */
static inline vft_tensor_id toy_random(vft_trace *t, const char *name) {
  vft_tensor_id id = toy_find(t, name);
  const vft_tensor *x = &t->program->tensors[id];
  if (vft_trace_alloc(t, id) != VFT_OK) abort();
  for (size_t i = 0, n = vft_tensor_count(x); i < n; i++) toy_set(t, id, i, toy_rnd(x->lo, x->hi));
  return id;
}
static inline vft_tensor_id toy_alloc(vft_trace *t, const char *name) {
  vft_tensor_id id = toy_find(t, name);
  if (vft_trace_alloc(t, id) != VFT_OK) abort();
  return id;
}

#endif
