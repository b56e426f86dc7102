#include "run/state.h"

#include <string.h>

#include "run/derive.h"
#include "run/initial.h"
#include "run/schedule.h"

size_t vft_state_arrays(const vft_state *state, vft_state_array array[VFT_STATE_ARRAYS]) {
  size_t n = 0;
  for (int p = 0; p < VFT_PROJECTIONS; p++)
    for (int kind = 0; kind < 2; kind++) {
      const vft_state_matrix *x = &state->matrix[p][kind];
      if (!x->count) continue;
      array[n++] = (vft_state_array){x->master, x->count, 8};
      array[n++] = (vft_state_array){x->m, x->count, 4};
      array[n++] = (vft_state_array){x->v, x->count, 8};
    }
  return n;
}

enum { CHECKPOINT_BYTES = 1 << 29, MASTER_BYTES = 8, MOMENT_BYTES = 4 + 8 };

static uint64_t checkpoint_bytes(const vft_step_shape *s) {
  uint64_t n = 0;
  for (int p = 0; p < VFT_PROJECTIONS; p++)
    if (s->adapted >> p & 1) n += vft_step_in(s, p) + vft_step_out(s, p);
  return n * (uint64_t)s->rank * (uint64_t)s->layers * (MASTER_BYTES + MOMENT_BYTES);
}

uint64_t vft_state_interval(const vft_plan *plan) {
  uint64_t all = plan->manifest.steps * checkpoint_bytes(&plan->manifest.shape);
  return (all + CHECKPOINT_BYTES - 1) / CHECKPOINT_BYTES;
}

uint64_t vft_state_disk(const vft_plan *plan) {
  uint64_t n = vft_state_interval(plan); /* one that is being written, besides those that stay */
  return ((plan->manifest.steps + n - 1) / n + 1) * checkpoint_bytes(&plan->manifest.shape);
}

vft_status vft_state_start(const vft_plan *plan, vft_state *state) {
  const vft_step_shape *s = &plan->manifest.shape;
  size_t rank = (size_t)s->rank, layers = (size_t)s->layers;
  for (int p = 0; p < VFT_PROJECTIONS; p++)
    for (int kind = 0; kind < 2; kind++) {
      vft_state_matrix *x = &state->matrix[p][kind];
      if (!x->count) continue;
      int32_t *work = vft_alloc(x->count, sizeof *work);
      if (!work) return VFT_RESOURCE;
      size_t in = vft_step_in(s, p);
      for (size_t l = 0; kind == 0 && l < layers; l++)
        vft_initial_a(plan->manifest.seed, (int)l, p, rank, in, work + l * rank * in);
      vft_state_set_working(x, work);
      memset(x->m, 0, x->count * sizeof *x->m);
      memset(x->v, 0, x->count * sizeof *x->v);
      vft_free(work);
    }
  return VFT_OK;
}

vft_status vft_state_load(const vft_plan *plan, const char *run, uint64_t step,
                          vft_state *state) {
  if (step == 0) return vft_state_start(plan, state);
  vft_arena arena = {0};
  vft_state_array array[VFT_STATE_ARRAYS];
  size_t n = vft_state_arrays(state, array);
  char *path = vft_checkpoint_path(&arena, run, step);
  vft_status st =
      path ? vft_checkpoint_read(path, plan->manifest.digest, step, array, n) : VFT_RESOURCE;
  vft_arena_free(&arena);
  return st;
}

vft_status vft_state_save(const vft_plan *plan, const char *run, uint64_t step,
                          const vft_state *state) {
  vft_arena arena = {0};
  vft_state_array array[VFT_STATE_ARRAYS];
  size_t n = vft_state_arrays(state, array);
  char *path = vft_checkpoint_path(&arena, run, step);
  vft_status st =
      path ? vft_checkpoint_write(path, plan->manifest.digest, step, array, n) : VFT_RESOURCE;
  vft_arena_free(&arena);
  return st;
}

vft_status vft_state_adapter(const vft_plan *plan, const vft_state *state, vft_adapter *ad) {
  *ad = vft_derive_adapter_shape(plan->step);
  ad->rank = plan->manifest.shape.rank;
  ad->alpha = plan->manifest.alpha;
  ad->targets = plan->manifest.shape.adapted;
  TRY(vft_adapter_alloc(ad));
  for (int p = 0; p < VFT_PROJECTIONS; p++) {
    if (!(ad->targets >> p & 1)) continue;
    vft_state_get_working(&state->matrix[p][0], ad->a[p]);
    vft_state_get_working(&state->matrix[p][1], ad->b[p]);
  }
  return VFT_OK;
}

/* ---- engine ---- */

vft_status vft_engine_init(vft_engine *e, const vft_plan *plan) {
  memset(e, 0, sizeof *e);
  e->plan = plan;
  vft_status st = vft_batch_alloc(&plan->manifest, &e->batch);
  if (st == VFT_OK) st = vft_trainer_new(plan->step, &plan->weights, &e->trainer);
  if (st != VFT_OK) vft_engine_free(e);
  return st;
}

void vft_engine_free(vft_engine *e) {
  vft_trainer_free(e->trainer);
  vft_batch_free(&e->batch);
  memset(e, 0, sizeof *e);
}

vft_status vft_engine_step(vft_engine *e, uint64_t t, vft_state *state, vft_train_report *report) {
  vft_step_inputs inputs;
  TRY(vft_plan_batch(e->plan, t, &e->batch));
  TRY(vft_schedule_inputs(&e->plan->manifest, e->plan->step, t, &inputs));
  vft_train_batch batch = {e->batch.input, e->batch.label, e->batch.mask, NULL};
  vft_status st = vft_trainer_step(e->trainer, state, &batch, inputs.value, report);
  vft_step_inputs_free(&inputs);
  return st == VFT_OK ? st : vft_fail_context(st, "step %llu", (unsigned long long)t);
}
