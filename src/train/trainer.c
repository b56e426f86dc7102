#include "train/trainer.h"

#include "train/batch_rows.h"

#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "base/pool.h"
#include "train/exec_term.h"
#include "train/rows.h"

struct vft_trainer {
  const vft_step *step;
  vft_exec *exec;
  /* of the run in progress */
  const vft_train_batch *batch;
  vft_token_score *scores;
  double loss;
};

/* ---- state ---- */

vft_status vft_state_alloc(const vft_step_shape *s, vft_state *out) {
  memset(out, 0, sizeof *out);
  for (int p = 0; p < VFT_PROJECTIONS; p++)
    for (int kind = 0; kind < 2 && (s->adapted >> p & 1); kind++) {
      vft_state_matrix *x = &out->matrix[p][kind];
      x->count =
          (size_t)s->layers * (size_t)s->rank * (kind ? vft_step_out(s, p) : vft_step_in(s, p));
      x->master = vft_alloc(x->count, sizeof *x->master);
      x->m = vft_alloc(x->count, sizeof *x->m);
      x->v = vft_alloc(x->count, sizeof *x->v);
      if (!x->master || !x->m || !x->v) {
        vft_state_free(out);
        return VFT_RESOURCE;
      }
    }
  return VFT_OK;
}

void vft_state_free(vft_state *state) {
  for (int p = 0; p < VFT_PROJECTIONS; p++)
    for (int kind = 0; kind < 2; kind++) {
      vft_free(state->matrix[p][kind].master);
      vft_free(state->matrix[p][kind].m);
      vft_free(state->matrix[p][kind].v);
    }
  memset(state, 0, sizeof *state);
}

void vft_state_set_working(vft_state_matrix *x, const int32_t *working) {
  for (size_t i = 0; i < x->count; i++) x->master[i] = (int64_t)working[i] * 256;
}

void vft_state_get_working(const vft_state_matrix *x, int32_t *working) {
  for (size_t i = 0; i < x->count; i++) working[i] = (int32_t)((x->master[i] + 128) >> 8);
}

/* The nine limb arrays of a matrix, in the order s, rho, m, v, and the values they encode:
 *   master + 2^7 + 2^(w_s + 7) = rho + 2^8 s0 + 2^24 s1;  m + 2^27 = m0 + 2^16 m1;
 *   v = sum v_i 2^(16 i).
 * The last limb of a value takes all its high bits. */
enum { MASTER, FIRST_MOMENT, SECOND_MOMENT, STATE_VALUES, TILE = 512 };
static const struct {
  int value, at, width;
} state_limb[VFT_STATE_TENSORS] = {
    {MASTER, 8, 16},         {MASTER, 24, 39},         {MASTER, 0, 8},
    {FIRST_MOMENT, 0, 16},   {FIRST_MOMENT, 16, 16},   {SECOND_MOMENT, 0, 16},
    {SECOND_MOMENT, 16, 16}, {SECOND_MOMENT, 32, 16}, {SECOND_MOMENT, 48, 15}};

typedef struct {
  const vft_step *step;
  vft_state_matrix *x;
  vft_array limb[VFT_STATE_TENSORS];
} encode;

static int64_t state_offset(const encode *w, int value) {
  if (value == MASTER) return ((int64_t)1 << (w->step->profile.w_s + 7)) + 128;
  return value == FIRST_MOMENT ? (int64_t)1 << 27 : 0;
}

static void encode_body(void *ctx, size_t begin, size_t end) {
  encode *w = ctx;
  const vft_rows_ops *rows = vft_rows();
  int64_t m[TILE], limb[TILE];
  for (size_t at = begin; at < end; at += TILE) {
    size_t n = end - at < TILE ? end - at : TILE;
    rows->load(m, VFT_I32, w->x->m + at, 1, n);
    const int64_t *value[STATE_VALUES] = {w->x->master + at, m, w->x->v + at};
    for (int k = 0; k < VFT_STATE_TENSORS; k++) {
      int from = state_limb[k].value;
      if (!w->limb[k].data) continue;
      rows->limb(limb, value[from], state_offset(w, from), state_limb[k].at, state_limb[k].width,
                 n);
      vft_store(w->limb[k].data, w->limb[k].dtype, at, n, limb);
    }
  }
}

static void decode_body(void *ctx, size_t begin, size_t end) {
  encode *w = ctx;
  const vft_rows_ops *rows = vft_rows();
  int64_t m[TILE], limb[TILE];
  for (size_t at = begin; at < end; at += TILE) {
    size_t n = end - at < TILE ? end - at : TILE;
    int64_t *value[STATE_VALUES] = {w->x->master + at, m, w->x->v + at};
    for (int v = 0; v < STATE_VALUES; v++)
      for (size_t i = 0; i < n; i++) value[v][i] = -state_offset(w, v);
    for (int k = 0; k < VFT_STATE_TENSORS; k++) {
      vft_load(w->limb[k].data, w->limb[k].dtype, at, n, limb);
      rows->add_scaled(value[state_limb[k].value], (int64_t)1 << state_limb[k].at, limb, n);
    }
    rows->store(w->x->m + at, VFT_I32, m, n);
  }
}

/* The matrix's layers that the step covers. */
static vft_state_matrix covered(const vft_step *step, const vft_state_matrix *x) {
  size_t layer = x->count / (size_t)step->model_layers, from = layer * (size_t)step->part.first;
  return (vft_state_matrix){layer * (size_t)step->part.layers, x->master + from, x->m + from,
                            x->v + from};
}

/* Bytes of all limb arrays; with exec: fills and supplies them from `block`. LAYERS has the limbs
 * of the working copy only, HEAD none. */
static size_t place_limbs(const vft_step *step, const vft_state *state, vft_exec *exec,
                          char *block) {
  size_t at = 0;
  for (int p = 0; p < VFT_PROJECTIONS; p++)
    for (int kind = 0; kind < 2; kind++) {
      if (!state->matrix[p][kind].count) continue;
      vft_state_matrix part = covered(step, &state->matrix[p][kind]);
      const vft_state_matrix *x = &part;
      vft_tensor_id id[VFT_STATE_TENSORS];
      vft_state_id_list(&step->in[p][kind], id);
      encode w = {.step = step, .x = &part};
      for (int k = 0; k < VFT_STATE_TENSORS; k++) {
        w.limb[k] = (vft_array){VFT_I64, NULL};
        if (id[k] == VFT_NO_TENSOR) continue;
        const vft_tensor *t = &step->program->tensors[id[k]];
        w.limb[k].dtype = vft_dtype_for(t->lo, t->hi);
        w.limb[k].data = exec ? block + at : NULL;
        if (exec) vft_exec_supply(exec, id[k], w.limb[k].dtype, w.limb[k].data);
        at += (x->count * vft_dtype_size(w.limb[k].dtype) + 63) / 64 * 64;
      }
      if (exec) vft_parallel_for(x->count, 1 << 14, encode_body, &w);
    }
  return at;
}

vft_status vft_state_supply(const vft_step *step, const vft_state *state, vft_exec *exec,
                            void **storage) {
  *storage = vft_alloc_raw(place_limbs(step, state, NULL, NULL), 1);
  if (!*storage) return VFT_RESOURCE;
  place_limbs(step, state, exec, *storage);
  return VFT_OK;
}

void vft_state_read(const vft_step *step, const vft_exec *exec, vft_state *state) {
  for (int p = 0; p < VFT_PROJECTIONS; p++)
    for (int kind = 0; kind < 2; kind++) {
      if (!state->matrix[p][kind].count || step->next[p][kind].rho == VFT_NO_TENSOR) continue;
      vft_state_matrix part = covered(step, &state->matrix[p][kind]), *x = &part;
      vft_tensor_id id[VFT_STATE_TENSORS];
      vft_state_id_list(&step->next[p][kind], id);
      encode w = {.step = step, .x = x};
      for (int k = 0; k < VFT_STATE_TENSORS; k++) w.limb[k] = *vft_exec_array(exec, id[k]);
      vft_parallel_for(x->count, 1 << 14, decode_body, &w);
    }
}

/* ---- values between parts ---- */

/* The whole step's values behind a hand, after it ran. */
static int64_t squares_below(const vft_step *s, const vft_exec *e, int boundary) {
  int64_t sum = 0;
  for (int p = 0; p < VFT_PROJECTIONS; p++)
    for (int kind = 0; kind < 2; kind++) {
      if (s->square[p][kind] == VFT_NO_TENSOR) continue;
      const vft_array *a = vft_exec_array(e, s->square[p][kind]);
      for (int l = 0; l < boundary; l++) sum += vft_array_get(a, (size_t)l);
    }
  return sum;
}

typedef struct {
  const vft_wide *wide;
  vft_array from, limb[VFT_MAX_LIMBS];
  size_t first; /* element of `from` */
} hand_job;

static void hand_body(void *ctx, size_t begin, size_t end) {
  const hand_job *w = ctx;
  int64_t value[TILE], limb[TILE];
  for (size_t at = begin; at < end; at += TILE) {
    size_t n = end - at < TILE ? end - at : TILE;
    vft_load(w->from.data, w->from.dtype, w->first + at, n, value);
    for (uint32_t i = 0; i < w->wide->nlimbs; i++) {
      vft_rows()->limb(limb, value, w->wide->offset, w->wide->at[i], w->wide->width[i], n);
      vft_store(w->limb[i].data, w->limb[i].dtype, at, n, limb);
    }
  }
}

/* Bytes of the limbs that other parts hand to this one; with exec: fills and supplies them. */
static size_t place_hands(const vft_trainer *t, const vft_step *part, vft_exec *exec,
                          char *block) {
  const vft_step *s = t->step;
  size_t at = 0;
  for (uint32_t h = 0; h < part->nhands; h++) {
    const vft_hand *hand = &part->hands[h];
    if (hand->output) continue;
    hand_job w = {.wide = &part->wides[hand->wide]};
    int64_t squares = 0;
    size_t n = vft_tensor_count(&part->program->tensors[w.wide->limb[0]]);
    for (uint32_t i = 0; i < w.wide->nlimbs; i++) {
      const vft_tensor *x = &part->program->tensors[w.wide->limb[i]];
      w.limb[i].dtype = vft_dtype_for(x->lo, x->hi);
      w.limb[i].data = exec ? block + at : NULL;
      if (exec) vft_exec_supply(exec, w.wide->limb[i], w.limb[i].dtype, w.limb[i].data);
      at += (n * vft_dtype_size(w.limb[i].dtype) + 63) / 64 * 64;
    }
    if (!exec) continue;
    size_t b = (size_t)hand->at;
    switch (hand->role) {
      case VFT_HAND_STREAM:
        w.from = *vft_exec_array(t->exec, s->stream);
        w.first = b * n;
        break;
      case VFT_HAND_STREAM_GRAD:
        w.from = *vft_exec_array(t->exec, s->stream_grad);
        w.first = (b - 1) * n;
        break;
      case VFT_HAND_GRADIENT:
        w.from = *vft_exec_array(t->exec, s->sum_grad[hand->p][hand->kind]);
        w.first = b * (n / (size_t)hand->layers);
        break;
      case VFT_HAND_SQUARES:
        squares = squares_below(s, t->exec, hand->at);
        w.from = (vft_array){VFT_I64, &squares};
        break;
      case VFT_HAND_SCALE:
        w.from = *vft_exec_array(t->exec, s->mu);
        break;
    }
    vft_parallel_for(n, 1 << 14, hand_body, &w);
  }
  return at;
}

/* ---- supplying a run ---- */

static void supply_weights(vft_exec *e, const vft_step *s, const vft_weights *w) {
  vft_exec_supply(e, s->emb, VFT_I16, w->emb);
  if (s->out != s->emb) vft_exec_supply(e, s->out, VFT_I16, w->out);
  vft_exec_supply(e, s->gain_out, VFT_I16, w->gain_out);
  for (int i = 0; i < 2; i++) vft_exec_supply(e, s->gain[i], VFT_I16, w->gain[i]);
  for (int p = 0; p < VFT_PROJECTIONS; p++) vft_exec_supply(e, s->w[p], VFT_I16, w->w[p]);
}

static void supply_batch(vft_exec *e, const vft_step *s, const vft_train_batch *b) {
  if (s->ids_in == VFT_NO_TENSOR) return;
  vft_exec_supply(e, s->ids_in, VFT_I64, b->input);
  vft_exec_supply(e, s->ids_lab, VFT_I64, b->label);
  vft_exec_supply(e, s->mask, VFT_I64, b->mask);
}

static vft_status supply_inputs(vft_exec *e, const vft_step *s, int64_t *const *inputs) {
  for (vft_tensor_id t = 0; t < s->program->ntensors; t++) {
    const vft_tensor *x = &s->program->tensors[t];
    if (x->origin != VFT_PUBLIC || x->values) continue;
    if (!inputs[t]) return vft_fail(VFT_USAGE, "training step: no values for %s", x->name);
    vft_exec_supply(e, t, VFT_I64, inputs[t]);
  }
  return VFT_OK;
}

static vft_status check_batch(const vft_step *s, const vft_train_batch *b) {
  size_t n = (size_t)s->shape.sequences * (size_t)s->shape.positions, loss = 0;
  for (size_t i = 0; i < n; i++) {
    if (b->input[i] < 0 || b->input[i] >= s->shape.vocab || b->label[i] < 0 ||
        b->label[i] >= s->shape.vocab)
      return vft_fail(VFT_USAGE, "batch: a token at position %zu is outside 0..%d", i,
                      s->shape.vocab - 1);
    if (b->mask[i] != 0 && b->mask[i] != 1)
      return vft_fail(VFT_USAGE, "batch: mask %lld at position %zu", (long long)b->mask[i], i);
    if ((i + 1) % (size_t)s->shape.positions && b->label[i] != b->input[i + 1])
      return vft_fail(VFT_USAGE, "batch: the label at position %zu is not the next input", i);
    loss += (size_t)b->mask[i];
  }
  if (!loss) return vft_fail(VFT_USAGE, "batch: no loss token");
  return VFT_OK;
}

/* ---- scores ---- */

static double frac_of(const vft_step *s, vft_tensor_id t) { return ldexp(1.0, -s->frac[t].v[0]); }

typedef struct {
  vft_trainer *t;
  const int64_t *logits; /* of one sequence */
  size_t first;          /* its first position */
} score_job;

static void score_body(void *ctx, size_t begin, size_t end) {
  const score_job *w = ctx;
  const vft_step *s = w->t->step;
  size_t vocab = (size_t)s->shape.vocab;
  double unit = frac_of(s, s->logits);
  for (size_t i = begin; i < end; i++) {
    if (!w->t->batch->mask[w->first + i]) continue;
    const int64_t *x = w->logits + i * vocab;
    size_t best = 0, label = (size_t)w->t->batch->label[w->first + i];
    for (size_t v = 1; v < vocab; v++)
      if (x[v] > x[best]) best = v;
    double sum = 0;
    for (size_t v = 0; v < vocab; v++) sum += exp((double)(x[v] - x[best]) * unit);
    vft_token_score *out = &w->t->scores[w->first + i];
    out->nll = log(sum) + (double)(x[best] - x[label]) * unit;
    out->confidence = 1 / sum;
    out->correct = best == label;
  }
}

/* After a sequence's softmax: its loss, from sum E and the maximum that the step itself uses, or
 * exact scores. */
static vft_status observe(void *ctx, vft_exec *e, const vft_op *op, uint32_t i) {
  vft_trainer *t = ctx;
  const vft_step *s = t->step;
  if (op->section != VFT_SECTION_HEAD || !op->has_out || op->out.tensor != s->logit_den)
    return VFT_OK;
  size_t n = (size_t)s->shape.positions, vocab = (size_t)s->shape.vocab, first = i * n;
  const vft_array *logits = vft_exec_array(e, s->logits);
  size_t at = vft_exec_slab(e, s->logits, i);
  if (t->scores) {
    int64_t *copy = NULL;
    if (logits->dtype != VFT_I64) {
      copy = vft_alloc_raw(n * vocab, sizeof *copy);
      if (!copy) return VFT_RESOURCE;
      for (size_t k = 0; k < n * vocab; k++) copy[k] = vft_array_get(logits, at + k);
    }
    score_job w = {t, copy ? copy : (const int64_t *)logits->data + at, first};
    vft_parallel_for(n, 1, score_body, &w);
    vft_free(copy);
    return VFT_OK;
  }
  const vft_array *den = vft_exec_array(e, s->logit_den), *max = vft_exec_array(e, s->logit_max);
  size_t den_at = vft_exec_slab(e, s->logit_den, i), max_at = vft_exec_slab(e, s->logit_max, i);
  for (size_t k = 0; k < n; k++) {
    if (!t->batch->mask[first + k]) continue;
    int64_t y = vft_array_get(logits, at + k * vocab + (size_t)t->batch->label[first + k]);
    t->loss += log((double)vft_array_get(den, den_at + k) * frac_of(s, s->logit_den)) +
               (double)vft_array_get(max, max_at + k) * frac_of(s, s->logit_max) -
               (double)y * frac_of(s, s->logits);
  }
  return VFT_OK;
}

/* ---- trainer ---- */

vft_status vft_trainer_new(const vft_step *step, const vft_weights *weights, vft_trainer **out) {
  *out = NULL;
  vft_trainer *t = vft_alloc(1, sizeof *t);
  if (!t) return VFT_RESOURCE;
  t->step = step;
  vft_status st = vft_exec_new(step, VFT_EXEC_TRAIN, &t->exec);
  if (st != VFT_OK) {
    vft_free(t);
    return st;
  }
  supply_weights(t->exec, step, weights);
  vft_exec_set_hook(t->exec, observe, t);
  *out = t;
  return VFT_OK;
}

void vft_trainer_free(vft_trainer *t) {
  if (!t) return;
  vft_exec_free(t->exec);
  vft_free(t);
}

vft_status vft_trainer_step(vft_trainer *t, vft_state *state, const vft_train_batch *batch,
                            int64_t *const *inputs, vft_train_report *report) {
  const vft_step *s = t->step;
  void *storage = NULL;
  TRY(check_batch(s, batch));
  TRY(supply_inputs(t->exec, s, inputs));
  vft_status st = VFT_OK;
  TRY_OUT(vft_state_supply(s, state, t->exec, &storage));
  supply_batch(t->exec, s, batch);
  t->batch = batch;
  t->scores = NULL;
  t->loss = 0;
  TRY_OUT(vft_exec_run(t->exec, false));
  vft_state_read(s, t->exec, state);
  if (report) {
    memset(report, 0, sizeof *report);
    report->tokens = (size_t)vft_array_get(vft_exec_array(t->exec, s->loss_tokens), 0);
    report->loss = t->loss / (double)report->tokens;
    if (s->shape.clip) {
      int64_t norm = vft_array_get(vft_exec_array(t->exec, s->norm), 0);
      report->grad_norm = ldexp((double)norm, -s->shape.clip_frac) / (double)report->tokens;
      report->clipped = norm > (int64_t)s->shape.clip_u * (int64_t)report->tokens;
    }
  }
out:
  vft_free(storage);
  return st;
}

vft_status vft_trainer_evaluate(vft_trainer *t, const vft_state *state,
                                const vft_train_batch *batch, vft_token_score *scores) {
  void *storage = NULL;
  vft_status st = VFT_OK;
  TRY(check_batch(t->step, batch));
  TRY_OUT(vft_state_supply(t->step, state, t->exec, &storage));
  supply_batch(t->exec, t->step, batch);
  t->batch = batch;
  t->scores = scores;
  st = vft_exec_run(t->exec, true);
out:
  vft_free(storage);
  return st;
}

static vft_status trace(const vft_trainer *t, const vft_step *s, const vft_weights *weights,
                        const vft_state *state, const vft_train_batch *batch,
                        int64_t *const *inputs, vft_exec **exec, void **storage) {
  *exec = NULL;
  *storage = NULL;
  vft_status st = VFT_OK;
  TRY(check_batch(s, batch));
  TRY_OUT(vft_exec_new(s, VFT_EXEC_TRACE, exec));
  supply_weights(*exec, s, weights);
  supply_batch(*exec, s, batch);
  TRY_OUT(supply_inputs(*exec, s, inputs));
  if (s->link_rows != UINT32_MAX && !batch->rows) {
    st = vft_fail(VFT_USAGE, "batch: no rows of an epoch");
    goto out;
  }
  size_t limbs = place_limbs(s, state, NULL, NULL), hands = t ? place_hands(t, s, NULL, NULL) : 0;
  *storage = vft_alloc_raw(limbs + hands + vft_batch_rows_place(s, batch, NULL, NULL), 1);
  if (!*storage) {
    st = VFT_RESOURCE;
    goto out;
  }
  place_limbs(s, state, *exec, *storage);
  if (t) place_hands(t, s, *exec, (char *)*storage + limbs);
  vft_batch_rows_place(s, batch, *exec, (char *)*storage + limbs + hands);
  TRY_OUT(vft_exec_run(*exec, false));
  TRY_OUT(vft_exec_finish_trace(*exec));
out:
  if (st != VFT_OK) {
    vft_exec_free(*exec);
    vft_free(*storage);
    *exec = NULL;
    *storage = NULL;
  }
  return st;
}

vft_status vft_trainer_trace(const vft_step *s, const vft_weights *weights, const vft_state *state,
                             const vft_train_batch *batch, int64_t *const *inputs, vft_exec **exec,
                             void **storage) {
  return trace(NULL, s, weights, state, batch, inputs, exec, storage);
}

vft_status vft_trainer_trace_part(const vft_trainer *t, const vft_step *part,
                                  const vft_weights *weights, const vft_state *before,
                                  const vft_train_batch *batch, int64_t *const *inputs,
                                  vft_exec **exec, void **storage) {
  return trace(t, part, weights, before, batch, inputs, exec, storage);
}
