#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "program/join.h"
#include "run/derive.h"
#include "run/epochs_prove.h"
#include "run/memory.h"
#include "run/progress.h"
#include "run/proof_file.h"
#include "run/prover.h"
#include "run/run.h"
#include "run/schedule.h"
#include "run/state.h"
#include "run/verify_step.h"

typedef vft_prover job;

/* ---- states ---- */

static void copy_state(vft_state *to, const vft_state *from) {
  for (int p = 0; p < VFT_PROJECTIONS; p++)
    for (int kind = 0; kind < 2; kind++) {
      const vft_state_matrix *x = &from->matrix[p][kind];
      vft_state_matrix *y = &to->matrix[p][kind];
      if (!x->count) continue;
      memcpy(y->master, x->master, x->count * sizeof *x->master);
      memcpy(y->m, x->m, x->count * sizeof *x->m);
      memcpy(y->v, x->v, x->count * sizeof *x->v);
    }
}

/* Brings the state to the point after t steps: from where it is, or from a checkpoint. */
static vft_status reach(job *j, uint64_t t) {
  uint64_t from = vft_checkpoint_find(j->request->run, t);
  if (!j->known || j->at > t || from > j->at) {
    TRY(vft_state_load(&j->plan, j->request->run, from, &j->state));
    j->at = from;
    j->known = true;
    j->holds = false;
  }
  while (j->at < t) {
    TRY(vft_engine_step(&j->engine, j->at, &j->state, NULL));
    j->at++;
    j->holds = false;
  }
  return VFT_OK;
}

/* Makes everything ready that tracing a shard of step t takes. */
static vft_status ready(job *j, uint64_t t) {
  if (j->shards.cut.n && j->holds && j->at == t + 1) return VFT_OK;
  TRY(reach(j, t));
  TRY(vft_plan_batch(&j->plan, t, &j->batch));
  if (!j->shards.cut.n) return VFT_OK;
  copy_state(&j->before, &j->state);
  TRY(vft_engine_step(&j->engine, t, &j->state, NULL));
  j->at = t + 1;
  j->holds = true;
  return VFT_OK;
}

/* ---- progress ---- */

enum { STAGES = 6 };

/* Work of a shard: thousands of committed integers, at least one for each step, a stage. */
static uint64_t work(const job *j, uint32_t shard, int steps) {
  return vft_program_tree_elements(j->shards.step[shard]->program, VFT_WITNESS, 0) / 1000 *
             (uint64_t)steps + (uint64_t)steps;
}

static uint64_t work_of_step(const job *j) {
  uint64_t sum = 0;
  for (uint32_t i = 0; i < j->shards.n; i++) sum += STAGES * work(j, i, 1);
  return sum;
}

typedef struct {
  job *j;
  uint64_t unit;
} stage_progress;

static vft_status stage_ended(void *ctx, const char *name) {
  stage_progress *s = ctx;
  char detail[160];
  if (*s->j->what && ++s->j->stages < STAGES) {
    snprintf(detail, sizeof detail, "%s after %s", s->j->what, name);
    vft_progress_step(&s->j->progress, s->j->done + s->j->stages * s->unit, detail);
  }
  return vft_interrupt_stage(name, "vft prove ... --resume, or the worker's job again, goes on");
}

/* ---- one shard ---- */

static vft_status write_shard(const job *j, const vft_proving *p, const vft_digest *roots,
                              const vft_proof *proof) {
  const vft_step *step = p->what;
  vft_arena arena = {0};
  vft_step_file file = {.step = p->step, .shard = p->shard, .links = step->program->nlinks,
                        .proof = proof->bytes, .length = proof->len, .padding = proof->slack};
  memcpy(file.manifest, j->plan.manifest.digest, 32);
  memcpy(file.link, roots, file.links * sizeof *roots);
  char *path = vft_shard_file_path(&arena, j->proofs, &j->shards.cut, p->step, p->shard,
                                   j->plan.manifest.steps);
  vft_status st = path ? vft_step_file_write(path, &file) : VFT_RESOURCE;
  vft_arena_free(&arena);
  return st;
}

/* A line of private/prove.jsonl. */
static vft_status log_proof(const job *j, const vft_proving *p, const vft_memory_shard *memory,
                            size_t peak, size_t proof) {
  vft_arena arena = {0};
  char *path = vft_run_path(&arena, j->request->run, "private/prove.jsonl");
  FILE *f = path ? fopen(path, "ab") : NULL;
  vft_status st = VFT_OK;
  if (f)
    fprintf(f, "{\"step\": %llu, \"shard\": \"%s\", \"seconds\": %.3f, \"cpu_seconds\": %.3f, "
               "\"planned_bytes\": %zu, \"peak_bytes\": %zu, \"proof_bytes\": %zu}\n",
            (unsigned long long)p->step, p->name, vft_seconds() - p->begun,
            vft_cpu_seconds() - p->cpu, memory->total + j->resident, peak, proof);
  if (!path || !f || fclose(f))
    st = vft_fail(VFT_RESOURCE, "%s: cannot write: %s", path ? path : "prove.jsonl",
                  strerror(errno));
  vft_arena_free(&arena);
  return st;
}

void vft_proving_begin(vft_proving *p) {
  p->begun = vft_seconds();
  p->cpu = vft_cpu_seconds();
}

/* A line of --verbose: what took the time since. */
static void show_since(const char *name, double begun, double cpu) {
  vft_prove_profile_line(stderr, name, vft_seconds() - begun, vft_cpu_seconds() - cpu);
  fputc('\n', stderr);
}

void vft_prover_done(vft_prover *j, uint64_t unit) {
  j->done += STAGES * unit;
  vft_progress_step(&j->progress, j->done, j->what);
}

vft_status vft_prover_trace(vft_prover *j, const vft_proving *proving, const vft_step *step,
                            const vft_trace *trace, vft_digest *roots) {
  const vft_manifest *m = &j->plan.manifest;
  const vft_program *p = step->program;
  vft_fp context[VFT_CONTEXT_MAX];
  vft_digest oracle_root[2], own[VFT_PROOF_LINKS];
  vft_proof proof = {0};
  vft_prove_profile profile = {0};
  vft_memory_shard memory;
  vft_commitment **link = vft_alloc(p->nlinks, sizeof *link);
  if (!link) return VFT_RESOURCE;
  vft_status st = VFT_OK;
  vft_proof_options options = vft_cut_options(m, &j->shards.cut, proving->step, proving->shard,
                                              context);
  TRY_OUT(vft_memory_plan(step, &options, j->budget, &memory));
  double begun = vft_seconds(), cpu = vft_cpu_seconds();
  for (uint32_t l = 0; l < p->nlinks; l++) {
    TRY_OUT(vft_commit_group(&link[l], trace, VFT_LINK, l, options.log_inv_rate, options.hash,
                             vft_memory_keeps(p, l) ? VFT_COMMIT_KEEP : 0));
    own[l] = vft_commitment_root(link[l]);
  }
  if (j->request->verbose) show_since("links", begun, cpu);
  oracle_root[step->oracle_base] = m->base_root;
  oracle_root[step->oracle_tables] = m->tables;
  stage_progress at = {j, proving->unit};
  memory.way.stage = stage_ended;
  memory.way.stage_ctx = &at;
  TRY_OUT(vft_prove(p, trace, link, p->noracles ? oracle_root : NULL, &options, &memory.way,
                    &proof, p->noracles ? &j->claims : NULL, &profile));
  TRY_OUT(proving->write(j, proving, own, &proof));
  if (roots) memcpy(roots, own, p->nlinks * sizeof *roots);
  size_t peak = 0;
  for (uint32_t i = 0; i < profile.n; i++)
    if (profile.stage[i].peak > peak) peak = profile.stage[i].peak;
  if (j->request->verbose) {
    vft_prove_profile_print(&profile, stderr);
    fprintf(stderr, "memory       planned %.1f MB, peak %.1f MB; proof of %zu bytes\n",
            (double)(memory.total + j->resident) / 1e6, (double)peak / 1e6, proof.len);
  }
  TRY_OUT(log_proof(j, proving, &memory, peak, proof.len));
out:
  for (uint32_t l = 0; l < p->nlinks; l++) vft_commitment_free(link[l]);
  vft_free(link);
  vft_proof_free(&proof);
  return st;
}

/* ---- several steps in one proof ---- */

/* One step of a group: what its trace borrows. */
typedef struct {
  vft_batch batch;
  vft_step_inputs inputs;
  vft_train_rows rows;
  vft_exec *exec;
  void *storage;
} traced;

/* Traces step t, which leaves the state after it. */
static vft_status trace_step(job *j, uint64_t t, traced *x) {
  const vft_step *s = j->plan.step;
  TRY(reach(j, t));
  TRY(vft_batch_alloc(&j->plan.manifest, &x->batch));
  TRY(vft_plan_batch(&j->plan, t, &x->batch));
  TRY(vft_schedule_inputs(&j->plan.manifest, s, t, &x->inputs));
  x->rows = (vft_train_rows){x->batch.tokens, (const uint8_t(*)[32])x->batch.raw, j->rows};
  vft_train_batch data = {x->batch.input, x->batch.label, x->batch.mask, &x->rows};
  TRY(vft_trainer_trace(s, &j->plan.weights, &j->state, &data, x->inputs.value, &x->exec,
                        &x->storage));
  vft_state_read(s, x->exec, &j->state);
  j->at = t + 1;
  return VFT_OK;
}

static vft_status prove_group(job *j, uint64_t t, const vft_step *joined, vft_digest *roots) {
  int n = joined->steps;
  char name[40];
  snprintf(name, sizeof name, "steps_%d", n);
  vft_proving proving = {.step = t, .name = name, .write = write_shard, .what = joined,
                         .unit = *j->what ? work(j, 0, n) : 0};
  vft_trace trace = {0}, *of[VFT_JOIN_STEPS];
  traced *x = vft_alloc((size_t)n, sizeof *x);
  if (!x) return VFT_RESOURCE;
  vft_status st;
  vft_proving_begin(&proving);
  TRY_OUT(vft_epochs_rows(j, t / j->plan.manifest.sampling.steps_per_epoch));
  for (int k = 0; k < n; k++) {
    st = trace_step(j, t + (uint64_t)k, &x[k]);
    if (st != VFT_OK) {
      if (st == VFT_RESOURCE)
        st = vft_fail_context(st, "step %llu", (unsigned long long)t + (unsigned long long)k);
      goto out;
    }
    of[k] = vft_exec_trace(x[k].exec);
  }
  TRY_OUT(vft_step_join_trace(joined, of, &trace));
  if (j->request->verbose) {
    fprintf(stderr, "steps %llu to %llu\n", (unsigned long long)t,
            (unsigned long long)t + (unsigned long long)n - 1);
    show_since("trace", proving.begun, proving.cpu);
  }
  st = vft_prover_trace(j, &proving, joined, &trace, roots);
out:
  vft_trace_free(&trace);
  for (int k = 0; k < n; k++) {
    vft_exec_free(x[k].exec);
    vft_free(x[k].storage);
    vft_step_inputs_free(&x[k].inputs);
    vft_batch_free(&x[k].batch);
  }
  vft_free(x);
  return st;
}

/* ---- one step or a part of it ---- */

vft_status vft_prover_shard(vft_prover *j, uint64_t t, uint32_t shard,
                            vft_digest roots[VFT_PROOF_LINKS]) {
  int steps = vft_cut_group_at(&j->shards.cut, &j->plan.manifest, t);
  if (steps > 1) return prove_group(j, t, vft_shards_step(&j->shards, shard, steps), roots);
  const vft_step *s = j->shards.step[shard];
  vft_step_inputs inputs = {0};
  vft_exec *exec = NULL;
  void *storage = NULL;
  char name[32];
  vft_cut_name(&j->shards.cut, shard, name);
  vft_proving proving = {.step = t, .shard = shard, .name = name, .write = write_shard, .what = s,
                         .unit = *j->what ? work(j, shard, 1) : 0};
  vft_proving_begin(&proving);
  TRY(ready(j, t));
  vft_status st = VFT_OK;
  TRY_OUT(vft_schedule_inputs(&j->plan.manifest, s, t, &inputs));
  vft_train_batch data = {j->batch.input, j->batch.label, j->batch.mask, NULL};
  vft_train_rows rows = {j->batch.tokens, (const uint8_t(*)[32])j->batch.raw, NULL};
  if (s->link_rows != UINT32_MAX) {
    TRY_OUT(vft_epochs_rows(j, t / j->plan.manifest.sampling.steps_per_epoch));
    rows.list = j->rows;
    data.rows = &rows;
  }
  if (j->shards.cut.n)
    st = vft_trainer_trace_part(j->engine.trainer, s, &j->plan.weights, &j->before, &data,
                                inputs.value, &exec, &storage);
  else
    st = vft_trainer_trace(s, &j->plan.weights, &j->state, &data, inputs.value, &exec, &storage);
  if (st != VFT_OK) goto out;
  if (j->request->verbose) {
    fprintf(stderr, "step %llu, %s\n", (unsigned long long)t, name);
    show_since("trace", proving.begun, proving.cpu);
  }
  TRY_OUT(vft_prover_trace(j, &proving, s, vft_exec_trace(exec), roots));
  if (!j->shards.cut.n) {
    vft_state_read(s, exec, &j->state);
    j->at = t + 1;
  }
out:
  vft_exec_free(exec);
  vft_free(storage);
  vft_step_inputs_free(&inputs);
  if (st == VFT_RESOURCE) vft_fail_context(st, "step %llu, %s", (unsigned long long)t, name);
  return st;
}

/* Is there a proof of this shard that verifies and joins? Its claims are taken then. */
static vft_status keep_shard(job *j, uint64_t t, uint32_t shard, bool *kept) {
  vft_digest link[VFT_PROOF_LINKS];
  vft_oracle_claims claims;
  memset(&claims, 0, sizeof claims);
  vft_status st = vft_verify_shard(&j->plan.manifest, &j->shards, j->folder, t, shard, link,
                                   &claims, NULL, NULL);
  if (st == VFT_OK) st = vft_slots_join(&j->slots, &j->shards, t, shard, link);
  *kept = st == VFT_OK;
  if (st == VFT_OK) st = vft_oracle_claims_append(&j->claims, &claims, NULL);
  vft_oracle_claims_free(&claims);
  if (*kept || st == VFT_RESOURCE) return st;
  vft_error_clear();
  return VFT_OK;
}

/* All shards of a step, or of the steps of the group that begins with it. `keep`: not those that are
 * there, verify and join; *any: there was one. */
static vft_status prove_step(job *j, uint64_t t, bool keep, bool *any) {
  vft_digest roots[VFT_PROOF_LINKS];
  char name[32], what[96];
  uint64_t done = j->done;
  int steps = vft_cut_group_at(&j->shards.cut, &j->plan.manifest, t);
  *any = false;
  for (uint32_t i = 0; i < j->shards.n; i++) {
    TRY(vft_interrupt_check("vft prove ... --resume goes on"));
    vft_cut_name(&j->shards.cut, i, name);
    snprintf(what, sizeof what, "step %llu of %llu%s%s", (unsigned long long)t + (unsigned)steps,
             (unsigned long long)j->plan.manifest.steps, j->shards.n > 1 ? ", " : "",
             j->shards.n > 1 ? name : "");
    snprintf(j->what, sizeof j->what, "%s", what);
    j->stages = 0;
    bool kept = false;
    if (keep) TRY(keep_shard(j, t, i, &kept));
    if (!kept) {
      TRY(vft_prover_shard(j, t, i, roots));
      vft_status st = vft_slots_join(&j->slots, &j->shards, t, i, roots);
      if (st != VFT_OK) {
        j->done = done;
        return st;
      }
    }
    *any = *any || kept;
    vft_prover_done(j, work(j, i, steps));
  }
  *j->what = 0;
  return VFT_OK;
}

static vft_status prove_steps(job *j) {
  uint64_t groups = vft_cut_groups(&j->shards.cut, &j->plan.manifest);
  vft_slots *begun = vft_alloc(1, sizeof *begun);
  if (!begun) return VFT_RESOURCE;
  vft_status st = VFT_OK;
  for (uint64_t g = 0; st == VFT_OK && g < groups; g++) {
    uint32_t claims = j->claims.n;
    uint64_t t;
    bool any;
    (void)vft_cut_group(&j->shards.cut, &j->plan.manifest, g, &t);
    vft_slots_rows(&j->slots, j->rows_root[t / j->plan.manifest.sampling.steps_per_epoch]);
    *begun = j->slots;
    st = prove_step(j, t, j->request->resume, &any);
    if (st == VFT_REJECTED && any) {
      /* a proof that was there is true of something else than this run: all of the step again */
      vft_error_clear();
      j->slots = *begun;
      j->claims.n = claims;
      st = prove_step(j, t, false, &any);
    }
    if (st == VFT_REJECTED)
      st = vft_fail(VFT_USAGE, "step %llu does not continue the one before: a checkpoint of %s is of "
                    "another run; delete private/checkpoints and train again",
                    (unsigned long long)t, j->request->run);
    vft_slots_next(&j->slots);
  }
  vft_free(begun);
  return st;
}

/* ---- release ---- */

/* Elements of the release's links, tensor by tensor: limb i of working copies of layers from
 * `first` on. */
static vft_status put_released(vft_trace *trace, uint32_t link, const vft_state *state,
                               int model_layers, int w_s, int first) {
  const vft_program *p = trace->program;
  vft_tensor_id id[4 * VFT_PROJECTIONS];
  uint32_t n = vft_layout_tree_tensors(p, VFT_LINK, link, id, 4 * VFT_PROJECTIONS), k = 0;
  for (int q = 0; q < VFT_PROJECTIONS; q++)
    for (int kind = 0; kind < 2; kind++) {
      const vft_state_matrix *x = &state->matrix[q][kind];
      if (!x->count) continue;
      size_t layer = x->count / (size_t)model_layers;
      for (int limb = 0; limb < 2 && k < n; limb++, k++) {
        TRY(vft_trace_alloc(trace, id[k]));
        size_t count = vft_tensor_count(&p->tensors[id[k]]);
        const int64_t *master = x->master + (size_t)first * layer;
        for (size_t i = 0; i < count; i++) {
          int64_t v = ((master[i] + 128) >> 8) + ((int64_t)1 << (w_s - 1));
          vft_array_set(&trace->array[id[k]], i, limb ? v >> 16 : v & 0xffff);
        }
      }
    }
  return VFT_OK;
}

/* Are the ranges of a release those that the last step ended in? (The places are those of the step
 * after it.) */
static bool release_joins(const job *j, const vft_digest *link) {
  for (uint32_t i = 0; i < (uint32_t)j->shards.cut.n; i++)
    if (memcmp(link[i].b, j->slots.root[vft_slot(VFT_SLOT_ADAPTER_IN, i)].b, sizeof link[i].b))
      return false;
  return true;
}

static vft_status prove_release(job *j) {
  const vft_manifest *m = &j->plan.manifest;
  const vft_step *s = j->shards.release;
  vft_digest link[VFT_PROOF_LINKS];
  vft_trace trace;
  vft_proving proving = {.step = m->steps, .shard = 1, .name = "release", .write = write_shard,
                         .what = s};
  vft_proving_begin(&proving);
  if (j->request->resume &&
      vft_verify_shard(m, &j->shards, j->folder, m->steps, 1, link, NULL, NULL, NULL) == VFT_OK &&
      release_joins(j, link))
    return VFT_OK;
  vft_error_clear();
  TRY(reach(j, m->steps));
  TRY(vft_trace_init(&trace, s->program));
  vft_status st = VFT_OK;
  int first = 0;
  for (int i = 0; i < j->shards.cut.n; first += j->shards.cut.count[i++])
    TRY_OUT(put_released(&trace, (uint32_t)i, &j->state, m->shape.layers, m->profile.w_s, first));
  TRY_OUT(put_released(&trace, s->link_adapter_out, &j->state, m->shape.layers, m->profile.w_s, 0));
  TRY_OUT(vft_trace_count_lookups(&trace));
  if (j->request->verbose) fprintf(stderr, "release\n");
  st = vft_prover_trace(j, &proving, s, &trace, NULL);
out:
  vft_trace_free(&trace);
  return st;
}

/* ---- oracles ---- */

static vft_status open_oracles(job *j) {
  const vft_manifest *m = &j->plan.manifest;
  const vft_step *s = j->plan.step;
  vft_arena arena = {0};
  vft_commitment *oracle[2] = {NULL, NULL};
  vft_proof proof = {0};
  vft_fp context[VFT_CONTEXT_MAX];
  vft_status st;
  double begun = vft_seconds(), cpu = vft_cpu_seconds();
  vft_note("opening base weights and tables for %u claims", j->claims.n);
  TRY_OUT(vft_derive_base(s, &j->plan.weights, &oracle[s->oracle_base]));
  TRY_OUT(vft_derive_tables(s, &oracle[s->oracle_tables]));
  vft_proof_options options = vft_cut_options(m, &j->shards.cut, m->steps, 0, context);
  TRY_OUT(vft_prove_oracles(oracle, 2, &j->claims, &options, &proof));
  vft_oracle_file file = {.steps = m->steps, .proof = proof.bytes, .length = proof.len,
                          .padding = proof.slack};
  memcpy(file.manifest, m->digest, 32);
  char *path = vft_arena_printf(&arena, "%s/oracles.vft", j->proofs);
  st = path ? vft_oracle_file_write(path, &file) : VFT_RESOURCE;
  if (j->request->verbose)
    show_since("oracles", begun, cpu);
out:
  vft_proof_free(&proof);
  vft_commitment_free(oracle[0]);
  vft_commitment_free(oracle[1]);
  vft_arena_free(&arena);
  return st;
}

/* ---- all ---- */

/* Takes a new cut; proofs of another one are of no use to it. */
static vft_status take_cut(job *j, const vft_cut *cut) {
  vft_cut old;
  bool same = vft_cut_exists(j->proofs) &&
              vft_cut_read(j->proofs, j->plan.manifest.shape.layers, &old) == VFT_OK &&
              vft_cut_equal(&old, cut);
  vft_error_clear();
  if (!same) TRY(vft_proof_files_remove(j->proofs));
  return vft_cut_write(cut, j->proofs);
}

/* The cut of the proofs that are there, the one asked for, or the best one for the memory. */
static vft_status choose_cut(job *j, vft_cut *cut) {
  const vft_manifest *m = &j->plan.manifest;
  vft_memory_shard largest;
  vft_cut asked = vft_cut_even(m->shape.layers, 0);
  if (j->request->cut && j->request->ranges > m->shape.layers)
    return vft_fail(VFT_USAGE, "--ranges: the model has %d layers", m->shape.layers);
  if (j->request->cut) asked = vft_cut_even(m->shape.layers, j->request->ranges);
  if (j->request->join && !asked.n) asked.steps = j->request->join;
  if (j->request->resume && vft_cut_exists(j->proofs)) {
    TRY(vft_cut_read(j->proofs, m->shape.layers, cut));
    if ((!j->request->cut && !j->request->join) || vft_cut_equal(cut, &asked)) return VFT_OK;
    return vft_fail(VFT_USAGE, "--ranges, --join: the proofs of %s are cut into %d ranges, with %d steps "
                    "in a proof; go on with these, or begin anew without --resume",
                    j->request->run, cut->n, cut->steps);
  }
  if (j->request->cut || j->request->join) {
    *cut = asked;
    return take_cut(j, cut);
  }
  TRY(vft_memory_budget(j->request->memory, &j->budget));
  TRY(vft_memory_cut(m, j->plan.step, j->budget, cut, &largest));
  if (cut->steps > 1)
    vft_note("%d steps in a proof, at most %.1f GB", cut->steps, (double)largest.total / 1e9);
  if (cut->n)
    vft_note("each step in %u shards (head, %d ranges of at most %d layers, their optimisers), at "
             "most %.1f GB each", vft_cut_shards(cut), cut->n, cut->count[0],
             (double)largest.total / 1e9);
  return take_cut(j, cut);
}

vft_status vft_prover_open(vft_prover *j, const vft_prove_request *request) {
  memset(j, 0, sizeof *j);
  j->request = request;
  const char *run = j->request->run;
  vft_cut cut;
  TRY(vft_plan_open(run, VFT_PLAN_WEIGHTS | VFT_PLAN_RECORDS, &j->plan));
  const vft_manifest *m = &j->plan.manifest;
  j->folder = vft_run_path(&j->plan.arena, run, "public");
  j->proofs = vft_run_path(&j->plan.arena, run, "public/proofs");
  if (!j->folder || !j->proofs) return VFT_RESOURCE;
  if (vft_checkpoint_find(run, m->steps) != m->steps)
    return vft_fail(VFT_USAGE, "%s: not trained to its end; vft train ... --resume goes on", run);
  TRY(vft_folder_make(j->proofs)); /* where it was removed to begin anew */
  TRY(vft_engine_init(&j->engine, &j->plan));
  TRY(vft_batch_alloc(m, &j->batch));
  TRY(vft_state_alloc(&m->shape, &j->state));
  TRY(vft_state_alloc(&m->shape, &j->before));
  TRY(choose_cut(j, &cut));
  TRY(vft_shards_derive(m, j->plan.step, &cut, &j->shards));
  TRY(vft_epochs_derive(m, &j->epochs));
  j->resident = vft_alloc_live();
  return vft_memory_budget(j->request->memory, &j->budget);
}

void vft_prover_close(vft_prover *j) {
  vft_engine_free(&j->engine);
  vft_batch_free(&j->batch);
  vft_oracle_claims_free(&j->claims);
  vft_state_free(&j->state);
  vft_state_free(&j->before);
  vft_shards_free(&j->shards);
  vft_epochs_free(&j->epochs);
  vft_free(j->rows);
  vft_free(j->rows_root);
  vft_plan_free(&j->plan);
}

vft_status vft_run_prove(const vft_prove_request *request) {
  job *j = vft_alloc(1, sizeof *j);
  if (!j) return VFT_RESOURCE;
  vft_status st;
  TRY_OUT(vft_prover_open(j, request));
  if (!request->resume) {
    char *log = vft_run_path(&j->plan.arena, request->run, "private/prove.jsonl");
    if (log) (void)unlink(log);
  }
  TRY_OUT(vft_slots_start(&j->shards, j->plan.manifest.seed, &j->slots));
  j->progress = vft_progress_begin(
      "prove", 0, j->plan.manifest.steps * work_of_step(j) +
                      STAGES * j->epochs.epochs * j->epochs.blocks * vft_epochs_work(&j->epochs));
  j->progress.percent = true;
  TRY_OUT(vft_epochs_prove(j));
  TRY_OUT(prove_steps(j));
  if (j->shards.cut.n) TRY_OUT(prove_release(j));
  vft_engine_free(&j->engine);
  TRY_OUT(open_oracles(j));
out:
  vft_prover_close(j);
  vft_free(j);
  return st;
}
