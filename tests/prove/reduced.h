/* Test helper: programs with checks left out, false traces of them, and proofs of either. */
#ifndef TESTS_PROVE_REDUCED_H
#define TESTS_PROVE_REDUCED_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "prove/prove.h"
#include "relation/rows.h"

#define OK(x)                                              \
  do {                                                     \
    if ((x) != VFT_OK) fail_msg("%s", vft_error_message()); \
  } while (0)

/* ---- programs with checks left out ---- */

/* Whether a lookup's tag can be that of the table. A tag that the witness chooses is a multiple of
 * a bit. */
static inline bool reaches(const vft_program *p, const vft_lookup *l, const vft_table *t) {
  static const int64_t bit[2] = {0, 1};
  int64_t base = 0;
  const vft_term *moving = NULL;
  for (uint32_t k = 0; k < l->col[0].nterms; k++) {
    const vft_term *x = &l->col[0].terms[k];
    if (!x->nfactors) base += x->coef;
    else assert_true(!moving && x->nfactors == 1), moving = x;
  }
  const vft_tensor *c = moving ? &p->tensors[moving->factor[0].tensor] : NULL;
  assert_true(!c || c->values || (c->lo == 0 && c->hi == 1));
  for (size_t i = 0; i < (!c ? 1 : c->values ? vft_tensor_count(c) : 2); i++) {
    int64_t tag = base + (c ? moving->coef * (c->values ? c->values[i] : bit[i]) : 0);
    if (t->kind == VFT_TABLE_RANGE ? tag <= VFT_MAX_RANGE_BITS : tag == t->tag) return true;
  }
  return false;
}

/* The program without the checks in `drop`. Without its definition a virtual tensor is a free
 * witness; without a table, neither are the lookups that can reach it; an assumed bound that is
 * dropped is wide. Tensors keep their ids. */
static inline vft_program *copy_without(const vft_program *p, const bool *drop) {
  vft_program *c = vft_program_new(p->name, p->log_columns);
  assert_non_null(c);
  const bool *relation = drop, *lookup = relation + p->nrelations, *table = lookup + p->nlookups;
  const bool *tensor = table + p->ntables;
  bool *freed = vft_alloc(p->ntensors, sizeof *freed);
  assert_non_null(freed);
  for (uint32_t i = 0; i < p->nrelations; i++)
    if (relation[i] && p->relations[i].kind == VFT_DEFINE) freed[p->relations[i].target] = true;
  for (uint32_t i = 0; i < p->nlinks; i++)
    vft_program_add_link(c, p->link_names[i], p->link_output[i]);
  for (uint32_t i = 0; i < p->noracles; i++) vft_program_add_oracle(c, p->oracle_names[i]);
  for (uint32_t i = 0; i < p->ntensors; i++) {
    vft_tensor t = p->tensors[i];
    if (freed[i]) t.origin = VFT_WITNESS, t.group = 0;
    if (tensor[i]) t.lo = -((int64_t)1 << 31), t.hi = (int64_t)1 << 31;
    assert_int_equal(vft_program_add_tensor(c, &t), i);
  }
  vft_free(freed);
  for (uint32_t i = 0; i < p->ntables; i++)
    if (!table[i]) assert_true(vft_program_add_table(c, &p->tables[i]) != UINT32_MAX);
  for (uint32_t i = 0; i < p->nrelations; i++)
    if (!relation[i]) assert_true(vft_program_add_relation(c, &p->relations[i]) != UINT32_MAX);
  for (uint32_t i = 0; i < p->nlookups; i++) {
    bool out = lookup[i];
    for (uint32_t k = 0; k < p->ntables; k++)
      out = out || (table[k] && reaches(p, &p->lookups[i], &p->tables[k]));
    if (!out) assert_true(vft_program_add_lookup(c, &p->lookups[i]) != UINT32_MAX);
  }
  return c;
}

/* ---- traces ---- */

/* The same integers, read as a trace of `p` (a copy with the same tensors). */
static inline vft_trace trace_of(const vft_program *p, const vft_trace *t) {
  vft_trace x = *t;
  x.program = p;
  return x;
}

/* Multiplicities: how often each row is looked up; tuples that are no row count nowhere. */
static inline void count_rows(vft_trace *t) {
  const vft_program *p = t->program;
  vft_ranges ranges;
  vft_row_counts counts;
  OK(vft_ranges_init(&ranges, t));
  OK(vft_row_counts_init(&counts, t));
  for (uint32_t i = 0; i < p->nlookups; i++) {
    size_t bad;
    OK(vft_row_counts_add(&counts, &ranges, &p->lookups[i], &bad));
  }
  for (uint32_t i = 0; i < p->ntables; i++)
    for (size_t row = 0; row < p->tables[i].rows; row++)
      vft_array_set(&t->array[p->tables[i].mult], row,
                    (int64_t)vft_row_counts_get(&counts, i, row));
  vft_row_counts_free(&counts);
  vft_ranges_free(&ranges);
}

/* Any integer in an element: the array becomes one of 64 bits. */
static inline void plant(vft_trace *t, vft_tensor_id id, size_t index, int64_t value) {
  if (t->array[id].dtype != VFT_I64) {
    size_t n = vft_tensor_count(&t->program->tensors[id]);
    int64_t *x = vft_alloc(n, sizeof *x);
    assert_non_null(x);
    for (size_t i = 0; i < n; i++) x[i] = vft_array_get(&t->array[id], i);
    vft_trace_supply(t, id, VFT_I64, x);
    t->owned[id] = true;
  }
  vft_array_set(&t->array[id], index, value);
}

/* ---- proofs in the test profile ---- */

static inline vft_proof_options step_options(void) {
  vft_proof_options o = vft_proof_options_default();
  o.test_queries = 2;
  return o;
}

typedef struct {
  vft_commitment *link[8];
  vft_digest root[8];
} links;

static inline void commit_links(links *l, const vft_trace *t) {
  for (uint32_t i = 0; i < t->program->nlinks; i++) {
    OK(vft_commit_group(&l->link[i], t, VFT_LINK, i, step_options().log_inv_rate,
                        step_options().hash, 0));
    l->root[i] = vft_commitment_root(l->link[i]);
  }
}

static inline void free_links(links *l, const vft_program *p) {
  for (uint32_t i = 0; i < p->nlinks; i++) vft_commitment_free(l->link[i]);
}

/* Per-proof inputs of a trace; vft_free the list (the elements are the trace's). */
static inline const int64_t **inputs_of(const vft_trace *t) {
  const int64_t **in = vft_alloc(t->program->ntensors, sizeof *in);
  assert_non_null(in);
  for (uint32_t i = 0; i < t->program->ntensors; i++) {
    const vft_tensor *x = &t->program->tensors[i];
    if (x->origin != VFT_PUBLIC || x->values) continue;
    assert_int_equal(t->array[i].dtype, VFT_I64);
    in[i] = t->array[i].data;
  }
  return in;
}

static const vft_verify_flags lax = {.allow_test_profile = true, .bounds_checked = true};

/* Proves whatever the trace is; oracle roots are bound only. */
static inline void prove_trace(const vft_trace *t, links *l, const vft_digest *oracle_root,
                               bool cheat, vft_proof *proof, vft_oracle_claims *claims) {
  vft_prove_options how = {.unchecked = true, .cheat = cheat};
  vft_proof_options o = step_options();
  vft_oracle_claims own = {0};
  OK(vft_prove(t->program, t, l->link, oracle_root, &o, &how, proof, claims ? claims : &own, NULL));
  vft_oracle_claims_free(&own);
}

static inline vft_status verify_proof(const vft_program *p, const int64_t *const *in,
                                      const vft_digest *link_root, const vft_digest *oracle_root,
                                      const vft_proof *proof, vft_oracle_claims *claims) {
  vft_statement s = {p, in, link_root, oracle_root};
  vft_proof_options o = step_options();
  vft_oracle_claims own = {0};
  vft_status st = vft_verify_proof(&s, &o, lax, proof->bytes, proof->len, claims ? claims : &own,
                                   NULL);
  vft_oracle_claims_free(&own);
  return st;
}

/* Proves the trace, true or not, and verifies. */
static inline vft_status proof_of(const vft_trace *t, bool cheat) {
  vft_digest oracle_root[2] = {{{1}}, {{2}}};
  links l;
  vft_proof proof;
  const int64_t **in = inputs_of(t);
  commit_links(&l, t);
  prove_trace(t, &l, oracle_root, cheat, &proof, NULL);
  vft_status st = verify_proof(t->program, in, l.root, oracle_root, &proof, NULL);
  vft_proof_free(&proof);
  free_links(&l, t->program);
  vft_free(in);
  return st;
}

#endif
