/* Test helper: a program of the step (the whole one, one of its parts, the release) with its
 * vectors, false traces of it, programs with checks left out, and proofs of either. */
#ifndef TESTS_PROVE_STEP_WORLD_H
#define TESTS_PROVE_STEP_WORLD_H

#include "train/step_vectors.h"

#include "field/goldilocks.h"
#include "program/release.h"
#include "prove/prove.h"
#include "relation/rows.h"

#define OK(x)                                              \
  do {                                                     \
    if ((x) != VFT_OK) fail_msg("%s", vft_error_message()); \
  } while (0)

enum { STEP_LOG_COLUMNS = 10 };

/* Checks in the order of vft_program_check_trace: relations, lookups, tables, tensors. */
typedef struct {
  vectors v;
  const vft_step *step;
  vft_step *part;    /* NULL: the world is the whole step */
  vft_exec *given;   /* the whole step done honestly: where a part's inputs come from */
  blocks given_blocks;
  vft_program *p;    /* the step's; bounds of one tensor are changed while an attack runs */
  vft_program *whole; /* a copy that stays as it is */
  size_t checks;
  bool *drop, *failed;
  uint32_t *range;   /* per tensor: the lookup that ranges it, or UINT32_MAX */
  uint32_t *wide;    /* per limb: the number it belongs to, or UINT32_MAX */
  uint32_t *limb;    /* its place there */
  const vft_op **side; /* per wide number: the op whose remainder or complement it is */
} world;

static inline const char *check_name(const world *w, size_t check) {
  static char id[4][200];
  static unsigned n;
  return vft_program_check_id(w->p, check, id[n++ % 4], sizeof id[0]);
}

static inline bool ends_with(const char *s, const char *end) {
  size_t a = strlen(s), b = strlen(end);
  return a >= b && !strcmp(s + a - b, end);
}

/* ---- programs with checks left out ---- */

/* Whether a lookup's tag can be that of the table. */
static inline bool reaches(const vft_program *p, const vft_lookup *l, const vft_table *t) {
  int64_t base = 0;
  const vft_term *moving = NULL;
  for (uint32_t k = 0; k < l->col[0].nterms; k++) {
    const vft_term *x = &l->col[0].terms[k];
    if (!x->nfactors) base += x->coef;
    else assert_true(!moving && x->nfactors == 1), moving = x;
  }
  const vft_tensor *c = moving ? &p->tensors[moving->factor[0].tensor] : NULL;
  for (size_t i = 0; i < (c ? vft_tensor_count(c) : 1); i++) {
    int64_t tag = base + (c ? moving->coef * c->values[i] : 0);
    if (t->kind == VFT_TABLE_RANGE ? tag <= VFT_MAX_RANGE_BITS : tag == t->tag) return true;
  }
  return false;
}

/* The program without the checks in `drop`. Without its definition a virtual tensor is a free
 * witness; without a table, neither are the lookups that can reach it; an assumed bound that is
 * dropped is wide. Tensors keep their ids. */
static inline vft_program *copy_without(const vft_program *p, const bool *drop) {
  vft_program *c = vft_program_new(p->name, STEP_LOG_COLUMNS);
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
    for (size_t row = 0; row < (size_t)1 << p->tables[i].log_rows; row++)
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

static inline void no_gaps(const world *w, const vft_trace *t) {
  for (uint32_t i = 0; i < w->p->ntables; i++)
    if (!t->array[w->p->tables[i].mult].data)
      OK(vft_trace_alloc((vft_trace *)(uintptr_t)t, w->p->tables[i].mult));
  for (uint32_t i = 0; i < w->p->ntensors; i++)
    if (!t->array[i].data) fail_msg("no op computes %s", w->p->tensors[i].name);
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
    OK(vft_commit_group(&l->link[i], t, VFT_LINK, i, step_options().log_inv_rate, 0));
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

/* ---- the world ---- */

static inline void world_index(world *w) {
  w->p = w->step->program;
  w->p->log_columns = STEP_LOG_COLUMNS;
  w->checks = vft_program_check_count(w->p);
  w->drop = vft_alloc(w->checks, sizeof *w->drop);
  w->failed = vft_alloc(w->checks, sizeof *w->failed);
  w->range = vft_alloc(w->p->ntensors, sizeof *w->range);
  w->wide = vft_alloc(w->p->ntensors, sizeof *w->wide);
  w->limb = vft_alloc(w->p->ntensors, sizeof *w->limb);
  w->side = vft_alloc(w->step->nwides + 1, sizeof *w->side);
  assert_true(w->drop && w->failed && w->range && w->wide && w->limb && w->side);
  for (uint32_t t = 0; t < w->p->ntensors; t++) w->range[t] = w->wide[t] = UINT32_MAX;
  for (uint32_t i = 0; i < w->p->nlookups; i++) {
    const vft_lookup *l = &w->p->lookups[i];
    if (ends_with(l->name, "/range")) w->range[l->col[1].terms[0].factor[0].tensor] = i;
  }
  for (uint32_t n = 0; n < w->step->nwides; n++)
    for (uint32_t i = 0; i < w->step->wides[n].nlimbs; i++) {
      w->wide[w->step->wides[n].limb[i]] = n;
      w->limb[w->step->wides[n].limb[i]] = i;
    }
  for (uint32_t o = 0; o < w->step->nops; o++) {
    const vft_op *op = &w->step->ops[o];
    if (op->rem != UINT32_MAX) w->side[op->rem] = op;
    if (op->comp != UINT32_MAX) w->side[op->comp] = op;
  }
  OK(vft_program_check_bounds(w->p));
  w->whole = copy_without(w->p, w->drop);
}

static inline void world_init(world *w, const char *name) {
  memset(w, 0, sizeof *w);
  load_vectors(&w->v, name);
  w->step = w->v.step;
  world_index(w);
}

/* An executor of the whole step with the inputs of step t. */
static inline vft_exec *whole_exec(const world *w, blocks *b, size_t t) {
  vft_exec *e;
  OK(vft_exec_new(w->v.step, VFT_EXEC_TRACE, &e));
  supply_fixed(e, &w->v, b, t);
  json_t *from = t ? at(json_object_get(w->v.json, "steps"), t - 1) : w->v.json;
  supply_state(e, &w->v, b, json_object_get(from, "state"));
  return e;
}

static inline void given_init(world *w) {
  w->given = whole_exec(w, &w->given_blocks, 1);
  OK(vft_exec_run(w->given, false));
}

/* A part of the step. It begins with what the whole step computes. */
static inline void world_init_part(world *w, const char *name, const vft_part *part) {
  memset(w, 0, sizeof *w);
  load_vectors(&w->v, name);
  OK(vft_step_build_part(&w->v.shape, &w->v.profile, part, STEP_LOG_COLUMNS, &w->part));
  w->step = w->part;
  given_init(w);
  world_index(w);
}

/* The program that joins the adapters of n ranges of layers. */
static inline void world_init_release(world *w, const char *name, const int *count, int n) {
  memset(w, 0, sizeof *w);
  load_vectors(&w->v, name);
  OK(vft_release_build(&w->v.shape, &w->v.profile, count, n, STEP_LOG_COLUMNS, &w->part));
  w->step = w->part;
  given_init(w);
  world_index(w);
}

static inline void world_free(world *w) {
  vft_free(w->drop);
  vft_free(w->failed);
  vft_free(w->range);
  vft_free(w->wide);
  vft_free(w->limb);
  vft_free(w->side);
  vft_program_free(w->whole);
  if (w->given) vft_exec_free(w->given);
  free_blocks(&w->given_blocks);
  vft_step_free(w->part);
  free_vectors(&w->v);
}

/* ---- inputs of a part, from the whole step ---- */

static inline int64_t given_at(const world *w, vft_tensor_id t, size_t i) {
  return vft_array_get(vft_exec_array(w->given, t), i);
}

/* Element i of what is handed over in n elements. */
static inline int64_t handed(const world *w, const vft_hand *h, size_t n, size_t i) {
  const vft_step *s = w->v.step;
  size_t boundary = (size_t)h->at;
  switch (h->role) {
    case VFT_HAND_STREAM: return given_at(w, s->stream, boundary * n + i);
    case VFT_HAND_STREAM_GRAD: return given_at(w, s->stream_grad, (boundary - 1) * n + i);
    case VFT_HAND_GRADIENT:
      return given_at(w, s->sum_grad[h->p][h->kind], boundary * (n / (size_t)h->layers) + i);
    case VFT_HAND_SCALE: return given_at(w, s->mu, 0);
    case VFT_HAND_SQUARES: break;
  }
  int64_t sum = 0;
  for (int k = 0; k < 2 * VFT_PROJECTIONS; k++)
    for (size_t l = 0; l < boundary && s->square[k / 2][k % 2] != VFT_NO_TENSOR; l++)
      sum += given_at(w, s->square[k / 2][k % 2], l);
  return sum;
}

static inline void supply_hands(const world *w, vft_exec *e, blocks *b) {
  for (uint32_t i = 0; i < w->step->nhands; i++) {
    const vft_hand *h = &w->step->hands[i];
    if (h->output) continue;
    const vft_wide *x = &w->step->wides[h->wide];
    size_t n = vft_tensor_count(&w->p->tensors[x->limb[0]]);
    for (uint32_t k = 0; k < x->nlimbs; k++) {
      int64_t *limb = keep(b, n);
      for (size_t j = 0; j < n; j++)
        limb[j] = (handed(w, h, n, j) + x->offset) >> x->at[k] & (((int64_t)1 << x->width[k]) - 1);
      vft_exec_supply(e, x->limb[k], VFT_I64, limb);
    }
  }
}

/* Layers from `first` on of a tensor of the whole step, or all of a tensor without layers. */
static inline void supply_layers(const world *w, vft_exec *e, blocks *b, vft_tensor_id t,
                                 vft_tensor_id from, int first) {
  size_t n = vft_tensor_count(&w->p->tensors[t]);
  const vft_tensor *whole = &w->v.step->program->tensors[from];
  size_t m = vft_tensor_count(whole), at = 0;
  if (m != n) at = m / (size_t)w->v.shape.layers * (size_t)first;
  assert_true(at + n <= m);
  int64_t *x = keep(b, n);
  for (size_t i = 0; i < n; i++) x[i] = given_at(w, from, at + i);
  vft_exec_supply(e, t, VFT_I64, x);
}

/* The release's links: "PART/PROJECTION/MATRIX/LIMB" in the order of the adapter's tensors. */
static inline void supply_release(const world *w, vft_exec *e, blocks *b) {
  int first = 0;
  for (uint32_t link = 0; link < w->p->nlinks; link++) {
    uint32_t t = 0;
    int layers = 0;
    if (w->p->link_output[link]) first = 0;
    for (int k = 0; k < 4 * VFT_PROJECTIONS; k++) {
      if (!(w->v.shape.adapted >> k / 4 & 1)) continue;
      while (w->p->tensors[t].origin != VFT_LINK || w->p->tensors[t].group != link) t++;
      layers = (int)w->p->tensors[t].dims[0];
      supply_layers(w, e, b, t++, w->v.step->next[k / 4][k / 2 % 2].s[k % 2], first);
    }
    first += layers;
  }
}

static inline void supply_part(const world *w, vft_exec *e, blocks *b) {
  supply_hands(w, e, b);
  if (w->step->part.kind == VFT_PART_RELEASE) {
    supply_release(w, e, b);
    return;
  }
  for (uint32_t t = 0; t < w->p->ntensors; t++) {
    const vft_tensor *x = &w->p->tensors[t];
    bool input = x->origin == VFT_ORACLE || (x->origin == VFT_PUBLIC && !x->values) ||
                 (x->origin == VFT_LINK && !w->p->link_output[x->group]);
    if (!input || vft_exec_array(e, t)->data) continue;
    vft_tensor_id from = vft_program_find_tensor(w->v.step->program, x->name);
    if (from == VFT_NO_TENSOR) fail_msg("nothing is handed to %s", x->name);
    supply_layers(w, e, b, t, from, w->step->part.first);
  }
}

/* An executor with the inputs of step t; of a part: of step 1. */
static inline vft_exec *world_exec(const world *w, blocks *b, size_t t) {
  if (!w->part) return whole_exec(w, b, t);
  vft_exec *e;
  assert_int_equal(t, 1);
  OK(vft_exec_new(w->step, VFT_EXEC_TRACE, &e));
  supply_part(w, e, b);
  return e;
}

#endif
