#include "train/exec.h"

#include <string.h>

#include "base/mem.h"
#include "train/exec_private.h"

static int bits_of(const vft_tensor *t) {
  uint64_t a = t->lo < 0 ? (uint64_t)0 - (uint64_t)t->lo : 0, b = t->hi < 0 ? 0 : (uint64_t)t->hi;
  uint64_t m = a > b ? a : b;
  int n = 1;
  while (n < 64 && (uint64_t)1 << (n - 1) < m) n++;
  return n;
}

size_t vft_exec_points(const vft_op *op) {
  size_t n = 1;
  for (uint32_t v = op->looped; v < op->nfree; v++) n *= op->size[v];
  return n;
}

/* ---- which tensors need storage, and how much ---- */

/* Position on axis 0 relative to the loop variable, when the factor walks axis 0 with the loop. */
static bool walks_loop(const vft_step *s, const vft_op *op, const vft_factor *f, int64_t *shift) {
  const vft_tensor *t = &s->program->tensors[f->tensor];
  if (!op->looped || !t->rank || f->idx[0] != 0) return false;
  *shift = (int64_t)f->off[0] - op->loop_first;
  return true;
}

typedef struct {
  bool seen, fixed; /* fixed: cannot share one slab */
  vft_section section;
  int64_t shift;
} liveness;

static void note(const vft_step *s, liveness *live, const vft_op *op, const vft_factor *f) {
  liveness *x = &live[f->tensor];
  int64_t shift = 0;
  bool walks = walks_loop(s, op, f, &shift);
  bool sectioned = op->section == VFT_SECTION_LAYER || op->section == VFT_SECTION_HEAD ||
                   op->section == VFT_SECTION_BACK;
  if (!walks || !sectioned || (x->seen && (x->section != op->section || x->shift != shift)))
    x->fixed = true;
  x->seen = true;
  x->section = op->section;
  x->shift = shift;
}

static bool is_gather(const vft_exec *e, const vft_term *t) {
  return t->nfactors == 3 && e->hot[t->factor[0].tensor] != UINT32_MAX;
}

static void note_terms(const vft_exec *e, liveness *live, bool *needed, const vft_op *op,
                       const vft_term *terms, uint32_t n) {
  for (uint32_t i = 0; i < n; i++)
    for (uint32_t k = is_gather(e, &terms[i]) ? 2 : 0; k < terms[i].nfactors; k++) {
      note(e->step, live, op, &terms[i].factor[k]);
      needed[terms[i].factor[k].tensor] = true;
    }
}

/* An output that is not `out`: its axes begin with the op's box, so axis 0 walks the loop. */
static void note_plain(const vft_step *s, liveness *live, const vft_op *op, vft_tensor_id t) {
  vft_factor f = {.tensor = t};
  if (s->program->tensors[t].rank) note(s, live, op, &f);
}

static bool is_limb(const vft_step *s, vft_tensor_id value, vft_tensor_id t) {
  if (s->wide_of[value] == UINT32_MAX) return false;
  const vft_wide *w = &s->wides[s->wide_of[value]];
  for (uint32_t i = 0; i < w->nlimbs; i++)
    if (w->limb[i] == t) return true;
  return false;
}

static vft_status allocate(vft_exec *e) {
  const vft_program *p = e->step->program;
  vft_status st = VFT_OK;
  liveness *live = vft_alloc(p->ntensors, sizeof *live);
  bool *needed = vft_alloc(p->ntensors, sizeof *needed);
  if (!live || !needed) {
    st = VFT_RESOURCE;
    goto out;
  }
  for (uint32_t o = 0; o < e->step->nops; o++) {
    const vft_op *op = &e->step->ops[o];
    if (op->trace_only && e->mode == VFT_EXEC_TRAIN) continue;
    note_terms(e, live, needed, op, op->terms, op->nterms);
    note_terms(e, live, needed, op, op->base, op->nbase);
    note_terms(e, live, needed, op, op->den, op->nden);
    if (op->has_out) note(e->step, live, op, &op->out);
    for (uint32_t i = 0; i < op->noutputs; i++) {
      e->info[op->outputs[i]].output = true;
      if (op->has_out && is_limb(e->step, op->out.tensor, op->outputs[i])) {
        vft_factor f = op->out;
        f.tensor = op->outputs[i];
        note(e->step, live, op, &f);
      } else if (!op->has_out || op->outputs[i] != op->out.tensor) {
        note_plain(e->step, live, op, op->outputs[i]);
      }
    }
  }
  const vft_tensor_id shown[] = {e->step->logits, e->step->logit_max, e->step->logit_den,
                                 e->step->loss_tokens, e->step->norm, e->step->mu};
  for (size_t i = 0; i < sizeof shown / sizeof *shown; i++)
    if (shown[i] < p->ntensors) needed[shown[i]] = true;
  for (uint32_t t = 0; t < p->ntensors; t++) {
    const vft_tensor *x = &p->tensors[t];
    if (!e->info[t].output) continue;
    if (e->mode == VFT_EXEC_TRACE) {
      TRY_OUT(vft_trace_alloc(&e->trace, t));
      e->array[t] = e->trace.array[t];
      continue;
    }
    if (!needed[t] && x->origin != VFT_LINK) continue;
    size_t n = vft_tensor_count(x);
    if (!live[t].fixed && x->origin != VFT_LINK) {
      e->info[t].slab = true;
      n /= x->dims[0];
    }
    e->array[t].dtype = vft_tensor_dtype(x);
    e->array[t].data = vft_alloc(n, vft_dtype_size(e->array[t].dtype));
    e->info[t].owned = true;
    if (!e->array[t].data) {
      st = vft_fail_context(VFT_RESOURCE, "tensor %s", x->name);
      goto out;
    }
  }
out:
  vft_free(live);
  vft_free(needed);
  return st;
}

/* Constants in the smallest type that holds them. */
static vft_status copy_constants(vft_exec *e) {
  const vft_program *p = e->step->program;
  for (uint32_t t = 0; t < p->ntensors; t++) {
    const vft_tensor *x = &p->tensors[t];
    if (!x->values) continue;
    size_t n = vft_tensor_count(x);
    e->array[t].dtype = vft_tensor_dtype(x);
    e->array[t].data = vft_alloc_raw(n, vft_dtype_size(e->array[t].dtype));
    e->info[t].owned = true;
    if (!e->array[t].data) return VFT_RESOURCE;
    vft_store(e->array[t].data, e->array[t].dtype, 0, n, x->values);
  }
  return VFT_OK;
}

/* Points of the largest expression, and of the largest base or divisor. */
static void buffer_points(const vft_step *s, size_t *acc, size_t *side) {
  *acc = *side = 0;
  for (uint32_t o = 0; o < s->nops; o++) {
    const vft_op *op = &s->ops[o];
    if (op->kind == VFT_OP_ONEHOT || op->kind == VFT_OP_TABLE || op->kind == VFT_OP_SOFTMAX)
      continue;
    size_t n = vft_exec_points(op);
    /* exact values of 64 bits are accumulated in place */
    const vft_tensor *x = &s->program->tensors[op->out.tensor];
    bool in_place = op->kind == VFT_OP_DEFINE && vft_tensor_dtype(x) == VFT_I64;
    if (!in_place && n > *acc) *acc = n;
    if ((op->nbase || op->nden) && n > *side) *side = n;
  }
}

size_t vft_exec_buffers(const vft_step *s) {
  size_t acc, side, rows = 0;
  buffer_points(s, &acc, &side);
  for (uint32_t i = 0; i < s->ntables; i++)
    rows += vft_tensor_count(&s->program->tensors[s->tables[i].tensor]);
  return (acc + side) * sizeof(int64_t) + rows * sizeof(int32_t);
}

static vft_status prepare(vft_exec *e) {
  const vft_step *s = e->step;
  const vft_program *p = s->program;
  for (uint32_t t = 0; t < p->ntensors; t++) {
    e->hot[t] = UINT32_MAX;
    e->info[t].bits = bits_of(&p->tensors[t]);
  }
  for (uint32_t o = 0; o < s->nops; o++) {
    const vft_op *op = &s->ops[o];
    if (op->kind == VFT_OP_ONEHOT) e->hot[op->out.tensor] = o;
  }
  buffer_points(s, &e->acc_points, &e->side_points);
  e->acc = vft_alloc_raw(e->acc_points, sizeof *e->acc);
  e->side = vft_alloc_raw(e->side_points, sizeof *e->side);
  if (!e->acc || !e->side) return VFT_RESOURCE;
  for (uint32_t i = 0; i < s->ntables; i++) {
    size_t rows = vft_tensor_count(&p->tensors[s->tables[i].tensor]);
    e->table[i] = vft_alloc_raw(rows, sizeof *e->table[i]);
    if (!e->table[i]) return VFT_RESOURCE;
    for (size_t r = 0; r < rows; r++) e->table[i][r] = (int32_t)s->tables[i].values[r];
  }
  TRY(copy_constants(e));
  TRY(allocate(e));
  for (uint32_t i = 0; i < s->ntables; i++)
    vft_exec_supply(e, s->tables[i].tensor, VFT_I32, e->table[i]);
  return VFT_OK;
}

vft_status vft_exec_new(const vft_step *step, vft_exec_mode mode, vft_exec **out) {
  *out = NULL;
  vft_exec *e = vft_alloc(1, sizeof *e);
  if (!e) return VFT_RESOURCE;
  uint32_t n = step->program->ntensors;
  e->step = step;
  e->mode = mode;
  e->array = vft_alloc(n, sizeof *e->array);
  e->info = vft_alloc(n, sizeof *e->info);
  e->hot = vft_alloc(n, sizeof *e->hot);
  vft_status st = e->array && e->info && e->hot ? VFT_OK : VFT_RESOURCE;
  if (st == VFT_OK && mode == VFT_EXEC_TRACE) st = vft_trace_init(&e->trace, step->program);
  if (st == VFT_OK) st = prepare(e);
  if (st != VFT_OK) {
    vft_exec_free(e);
    return st;
  }
  *out = e;
  return VFT_OK;
}

void vft_exec_free(vft_exec *e) {
  if (!e) return;
  for (uint32_t t = 0; e->info && e->array && t < e->step->program->ntensors; t++)
    if (e->info[t].owned) vft_free(e->array[t].data);
  for (int i = 0; i < VFT_STEP_TABLES; i++) vft_free(e->table[i]);
  vft_trace_free(&e->trace);
  vft_free(e->array);
  vft_free(e->info);
  vft_free(e->hot);
  vft_free(e->acc);
  vft_free(e->side);
  vft_free(e->scratch.data);
  vft_free(e);
}

void vft_exec_supply(vft_exec *e, vft_tensor_id id, vft_dtype dtype, const void *data) {
  if (e->info[id].owned) vft_free(e->array[id].data);
  e->info[id].owned = false;
  e->array[id].dtype = dtype;
  e->array[id].data = (void *)data;
  if (e->mode == VFT_EXEC_TRACE) vft_trace_supply(&e->trace, id, dtype, data);
}

void vft_exec_set_hook(vft_exec *e, vft_exec_hook hook, void *ctx) {
  e->hook = hook;
  e->hook_ctx = ctx;
}

const vft_array *vft_exec_array(const vft_exec *e, vft_tensor_id id) { return &e->array[id]; }

size_t vft_exec_slab(const vft_exec *e, vft_tensor_id id, uint32_t i) {
  const vft_tensor *t = &e->step->program->tensors[id];
  return e->info[id].slab || !t->rank ? 0 : vft_tensor_count(t) / t->dims[0] * i;
}

vft_trace *vft_exec_trace(vft_exec *e) { return &e->trace; }

void vft_exec_poke(vft_exec *e, vft_tensor_id id, size_t index, int64_t value) {
  vft_array_set(&e->array[id], index, value);
  e->info[id].seen_bits = 0;
  uint32_t wide = e->step->wide_of[id];
  if (wide == UINT32_MAX) return;
  const vft_wide *w = &e->step->wides[wide];
  uint64_t x = (uint64_t)(value + w->offset);
  for (uint32_t i = 0; i < w->nlimbs; i++)
    if (e->array[w->limb[i]].data)
      vft_array_set(&e->array[w->limb[i]], index,
                    (int64_t)(x >> w->at[i] & (((uint64_t)1 << w->width[i]) - 1)));
}

/* ---- order ---- */

static vft_status run_one(vft_exec *e, const vft_op *op, uint32_t i) {
  TRY(vft_exec_op(e, op, i));
  return e->hook ? e->hook(e->hook_ctx, e, op, i) : VFT_OK;
}

/* All ops of a section at loop iteration i; ops outside the loop of PRE and POST run all theirs. */
static vft_status run_section(vft_exec *e, vft_section section, uint32_t i, bool forward_only) {
  for (uint32_t o = 0; o < e->step->nops; o++) {
    const vft_op *op = &e->step->ops[o];
    if (op->section != section || (forward_only && op->backward) ||
        (op->trace_only && e->mode == VFT_EXEC_TRAIN))
      continue;
    if (section == VFT_SECTION_PRE || section == VFT_SECTION_POST) {
      for (uint32_t l = 0; l < op->loop_count; l++) TRY(run_one(e, op, op->loop_first + l));
    } else if (i >= op->loop_first && i < op->loop_first + op->loop_count) {
      TRY(run_one(e, op, i));
    }
  }
  return VFT_OK;
}

vft_status vft_exec_run(vft_exec *e, bool forward_only) {
  uint32_t layers = (uint32_t)e->step->shape.layers;
  TRY(run_section(e, VFT_SECTION_PRE, 0, forward_only));
  for (uint32_t l = 0; l < layers; l++) TRY(run_section(e, VFT_SECTION_LAYER, l, forward_only));
  for (uint32_t s = 0; s < (uint32_t)e->step->shape.sequences; s++)
    TRY(run_section(e, VFT_SECTION_HEAD, s, forward_only));
  if (forward_only) return VFT_OK;
  for (uint32_t l = layers; l-- > 0;) TRY(run_section(e, VFT_SECTION_BACK, l, false));
  return run_section(e, VFT_SECTION_POST, 0, false);
}

vft_status vft_exec_finish_trace(vft_exec *e) {
  if (e->mode != VFT_EXEC_TRACE) return vft_fail(VFT_USAGE, "this executor keeps no trace");
  TRY(vft_trace_complete(&e->trace));
  return vft_trace_count_lookups(&e->trace);
}
