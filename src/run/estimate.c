#include "run/estimate.h"

#include <string.h>

#include "base/clock.h"
#include "base/pool.h"
#include "program/join.h"
#include "prove/probe.h"
#include "run/aggregate_estimate.h"
#include "run/derive.h"
#include "run/epochs.h"
#include "run/memory.h"
#include "run/plan.h"
#include "run/progress.h"
#include "run/state.h"

/* Matrix products of the oracles' opening: a step leaves two claims on every projection (forward,
 * backward) and four on embedding and head. */
static double oracle_points(const vft_step_shape *s) {
  double layer = 0;
  for (int p = 0; p < VFT_PROJECTIONS; p++)
    layer += (double)vft_step_in(s, p) * (double)vft_step_out(s, p);
  return 2 * layer * s->layers + 4 * (double)s->vocab * s->d;
}

typedef struct {
  const vft_plan *plan;
  const vft_prove_rates *rates;
  size_t budget, resident; /* resident: while proofs are made */
  vft_estimate *out;
} sums;

static vft_status add_program(sums *w, const vft_step *step, double times) {
  vft_cost cost;
  vft_memory_shard memory;
  vft_fp context[VFT_CONTEXT_MAX];
  vft_proof_options options = vft_cut_options(&w->plan->manifest, &w->out->cut, 0, 0, context);
  TRY(vft_program_cost(step->program, &cost));
  TRY(vft_memory_plan(step, &options, w->budget, &memory));
  double seconds;
  TRY(vft_prove_seconds(w->rates, step->program, &seconds));
  if (!memory.way.keep_codewords)
    seconds += (double)cost.witness * w->rates->commit; /* rows are encoded again */
  w->out->prove_seconds += times * seconds;
  w->out->proof_bytes += (uint64_t)(times * (double)memory.proof_bytes);
  if (memory.total > w->out->memory_bytes) w->out->memory_bytes = memory.total;
  double steps = step->steps ? step->steps : 1, share = times * steps / (double)w->out->steps;
  w->out->committed += (uint64_t)((double)(cost.witness + cost.link) / steps * share);
  w->out->lookups += (uint64_t)((double)cost.lookups / steps * share);
  return VFT_OK;
}

/* What the prover holds beside its plan: two states, a batch, programs. */
static vft_status note_resident(sums *w) {
  const vft_manifest *m = &w->plan->manifest;
  vft_state state[2] = {0};
  vft_batch batch = {0};
  vft_status st;
  TRY_OUT(vft_state_alloc(&m->shape, &state[0]));
  TRY_OUT(vft_state_alloc(&m->shape, &state[1]));
  TRY_OUT(vft_batch_alloc(m, &batch));
  w->resident = vft_alloc_live();
out:
  vft_batch_free(&batch);
  vft_state_free(&state[0]);
  vft_state_free(&state[1]);
  return st;
}

static vft_status add_shards(sums *w) {
  vft_shards shards;
  TRY(vft_shards_derive(&w->plan->manifest, w->plan->step, &w->out->cut, &shards));
  vft_status st = VFT_OK;
  const vft_manifest *m = &w->plan->manifest;
  uint64_t groups = vft_cut_groups(&w->out->cut, m), of[VFT_JOIN_STEPS + 1] = {0}, first;
  for (uint64_t g = 0; g < groups; g++) of[vft_cut_group(&w->out->cut, m, g, &first)]++;
  for (int steps = 1; steps <= VFT_JOIN_STEPS; steps++)
    for (uint32_t i = 0; st == VFT_OK && of[steps] && i < shards.n; i++)
      st = add_program(w, vft_shards_step(&shards, i, steps), (double)of[steps]);
  uint64_t committed = w->out->committed, lookups = w->out->lookups;
  if (st == VFT_OK && shards.release) st = add_program(w, shards.release, 1);
  vft_epochs epochs = {0};
  if (st == VFT_OK) st = vft_epochs_derive(&w->plan->manifest, &epochs);
  if (st == VFT_OK) st = note_resident(w);
  if (st == VFT_OK)
    st = add_program(w, epochs.program->step, (double)epochs.epochs * epochs.blocks);
  vft_epochs_free(&epochs);
  w->out->committed = committed;
  w->out->lookups = lookups;
  vft_shards_free(&shards);
  return st;
}

/* Seconds of the first step, and of tracing it again shard by shard. */
static vft_status time_step(const vft_plan *plan, vft_engine *engine, double *seconds) {
  vft_state state;
  TRY(vft_state_alloc(&plan->manifest.shape, &state));
  vft_status st = vft_state_start(plan, &state);
  double begun = vft_seconds();
  if (st == VFT_OK) st = vft_engine_step(engine, 0, &state, NULL);
  *seconds = vft_seconds() - begun;
  vft_state_free(&state);
  return st;
}

vft_status vft_run_estimate(const char *config, const char *data, uint64_t memory,
                            vft_estimate *out) {
  vft_plan plan;
  vft_engine engine = {0};
  vft_prove_rates rates;
  vft_memory_shard largest;
  double step;
  vft_plan_request request = {.data = data, .temporary = true};
  memset(out, 0, sizeof *out);
  TRY(vft_plan_make(config, &request, &plan));
  plan.manifest.sampling.beacon_known = true; /* the times of a step are those of any other */
  const vft_manifest *m = &plan.manifest;
  vft_status st;
  sums w = {.plan = &plan, .rates = &rates, .out = out};
  TRY_OUT(vft_engine_init(&engine, &plan));
  TRY_OUT(vft_memory_budget(memory, &w.budget));
  out->steps = m->steps;
  TRY_OUT(vft_memory_cut(m, plan.step, w.budget, &out->cut, &largest));
  out->shards = vft_cut_shards(&out->cut);
  TRY_OUT(time_step(&plan, &engine, &step));
  TRY_OUT(vft_prove_probe(m->shape.hash, &rates));
  TRY_OUT(add_shards(&w));
  /* a proof executes its step once more, and every shard's ops to trace them */
  out->train_seconds = step * (double)out->steps;
  out->prove_seconds += (out->cut.n ? 2 : 1) * step * (double)out->steps;
  size_t opening;
  uint64_t opening_proof;
  TRY_OUT(vft_memory_oracles(m, plan.step, &opening, &opening_proof));
  double weights = (double)vft_program_tree_elements(plan.step->program, VFT_ORACLE,
                                                     plan.step->oracle_base);
  out->open_seconds = rates.proof + weights * (rates.commit + rates.open) +
                      oracle_points(&m->shape) * (double)out->steps * rates.weight;
  out->prove_seconds += out->open_seconds;
  out->proof_bytes += opening_proof;
  if (opening > out->memory_bytes) out->memory_bytes = opening;
  out->memory_bytes += w.resident;
  out->disk_bytes = out->proof_bytes + vft_state_disk(&plan);
  if (m->shape.hash == VFT_HASH_POSEIDON)
    st = vft_aggregate_estimate(m, plan.step, &out->cut, &rates, out->open_seconds, &out->aggregate);
out:
  vft_engine_free(&engine);
  vft_plan_free(&plan);
  return st;
}
