/* Test helper: a program of the step (the whole one, one of its parts, the release) with its
 * vectors, false traces of it, programs with checks left out, and proofs of either. */
#ifndef TESTS_PROVE_STEP_WORLD_H
#define TESTS_PROVE_STEP_WORLD_H

#include "train/step_vectors.h"

#include "field/goldilocks.h"
#include "program/release.h"
#include "prove/reduced.h"

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

static inline void no_gaps(const world *w, const vft_trace *t) {
  for (uint32_t i = 0; i < w->p->ntables; i++)
    if (!t->array[w->p->tables[i].mult].data)
      OK(vft_trace_alloc((vft_trace *)(uintptr_t)t, w->p->tables[i].mult));
  for (uint32_t i = 0; i < w->p->ntensors; i++)
    if (!t->array[i].data) fail_msg("no op computes %s", w->p->tensors[i].name);
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
  OK(vft_step_build_part(&w->v.shape, &w->v.profile, part, STEP_LOG_COLUMNS, NULL, &w->part));
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
