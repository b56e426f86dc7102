#include <stdio.h>
#include <string.h>

#include "prove/prove.h"
#include "run/derive.h"
#include "run/memory.h"
#include "run/progress.h"
#include "run/proof_file.h"
#include "run/run.h"
#include "run/schedule.h"
#include "run/state.h"
#include "run/verify_step.h"

enum { KEEP_LINKS = 1 << 24 }; /* links of fewer elements keep their codewords */

typedef struct {
  const char *run, *folder; /* folder: RUN/public */
  const char *proofs;
  bool resume, profile;
  vft_plan plan;
  vft_prove_options options;
  vft_state state; /* after `at` steps, when known */
  uint64_t at;
  bool known;
  vft_engine engine; /* made when first needed */
  bool has_engine;
  vft_oracle_claims claims;
  /* links out of the last step: roots always, commitments when it was proved just now */
  vft_digest adapter_root, state_root;
  vft_commitment *adapter, *moments;
} job;

/* ---- plan of the memory ---- */

static size_t trace_bytes(const vft_program *p) {
  size_t bytes = 0;
  for (uint32_t t = 0; t < p->ntensors; t++) {
    const vft_tensor *x = &p->tensors[t];
    bytes += vft_tensor_count(x) * vft_dtype_size(vft_dtype_for(x->lo, x->hi));
  }
  return bytes;
}

vft_status vft_memory_plan(const vft_manifest *m, const vft_program *p, vft_prove_options *out) {
  uint8_t context[VFT_CONTEXT_BYTES];
  vft_proof_options options = vft_derive_options(m, 0, context);
  size_t trace = trace_bytes(p);
  vft_status st = VFT_OK;
  for (unsigned way = 0; way < 8; way++) {
    vft_prove_plan plan;
    *out = (vft_prove_options){.keep_codewords = way < 4, .recompute = way % 4};
    TRY(vft_prove_plan_init(&plan, p, &options, out));
    st = vft_memory_require(trace + plan.peak, "proving a step");
    if (st == VFT_OK) return st;
  }
  return st;
}

/* ---- one step ---- */

/* Brings the state to the point after t steps: from where it is, or from a checkpoint. */
static vft_status reach(job *j, uint64_t t) {
  uint64_t from = vft_checkpoint_find(j->run, t);
  if (!j->known || j->at > t || from > j->at) {
    TRY(vft_state_load(&j->plan, j->run, from, &j->state));
    j->at = from;
    j->known = true;
  }
  while (j->at < t) {
    if (!j->has_engine) TRY(vft_engine_init(&j->engine, &j->plan));
    j->has_engine = true;
    TRY(vft_engine_step(&j->engine, j->at, &j->state, NULL));
    j->at++;
  }
  return VFT_OK;
}

static unsigned link_flags(const job *j, uint32_t link) {
  size_t n = vft_program_tree_elements(j->plan.step->program, VFT_LINK, link);
  return VFT_COMMIT_COPY | (n < KEEP_LINKS ? VFT_COMMIT_KEEP : 0);
}

static vft_status commit_link(const job *j, const vft_trace *trace, uint32_t link,
                              vft_commitment **out) {
  return vft_commit_group(out, trace, VFT_LINK, link, vft_proof_options_default().log_inv_rate,
                          link_flags(j, link));
}

static bool same_root(const vft_commitment *c, vft_digest root) {
  vft_digest r = vft_commitment_root(c);
  return !memcmp(r.b, root.b, sizeof r.b);
}

/* Links of this step. The incoming ones are those that the step before put out, when it was
 * proved just now; their roots must join in any case. */
static vft_status commit_links(job *j, const vft_trace *trace, uint64_t t,
                               vft_commitment *link[VFT_STEP_LINKS]) {
  const vft_step *s = j->plan.step;
  link[s->link_adapter_in] = j->adapter;
  link[s->link_state_in] = j->moments;
  j->adapter = j->moments = NULL;
  if (!link[s->link_adapter_in])
    TRY(commit_link(j, trace, s->link_adapter_in, &link[s->link_adapter_in]));
  if (!link[s->link_state_in])
    TRY(commit_link(j, trace, s->link_state_in, &link[s->link_state_in]));
  TRY(commit_link(j, trace, s->link_batch, &link[s->link_batch]));
  TRY(commit_link(j, trace, s->link_adapter_out, &link[s->link_adapter_out]));
  TRY(commit_link(j, trace, s->link_state_out, &link[s->link_state_out]));
  if (!same_root(link[s->link_adapter_in], j->adapter_root) ||
      !same_root(link[s->link_state_in], j->state_root))
    return vft_fail(VFT_USAGE, "step %llu does not begin where step %llu ended: a checkpoint of "
                    "%s is of another run; delete private/checkpoints and train again",
                    (unsigned long long)t, (unsigned long long)t - 1, j->run);
  return VFT_OK;
}

static vft_status write_step(const job *j, uint64_t t, vft_commitment *const *link,
                             const vft_proof *proof) {
  vft_arena arena = {0};
  vft_step_file file = {.step = t, .proof = proof->bytes, .length = proof->len};
  memcpy(file.manifest, j->plan.manifest.digest, 32);
  for (int l = 0; l < VFT_STEP_LINKS; l++) file.link[l] = vft_commitment_root(link[l]);
  char *path = vft_step_file_path(&arena, j->proofs, t);
  vft_status st = path ? vft_step_file_write(path, &file) : VFT_RESOURCE;
  vft_arena_free(&arena);
  return st;
}

static vft_status prove_trace(job *j, uint64_t t, const vft_trace *trace,
                              vft_commitment *const *link) {
  const vft_manifest *m = &j->plan.manifest;
  uint8_t context[VFT_CONTEXT_BYTES];
  vft_digest oracle_root[2];
  vft_proof proof = {0};
  vft_prove_profile profile = {0};
  oracle_root[j->plan.step->oracle_base] = m->base_root;
  oracle_root[j->plan.step->oracle_tables] = m->tables;
  vft_proof_options options = vft_derive_options(m, t, context);
  vft_status st = vft_prove(j->plan.step->program, trace, link, oracle_root, &options, &j->options,
                            &proof, &j->claims, &profile);
  if (st == VFT_OK) st = write_step(j, t, link, &proof);
  if (st == VFT_OK && j->profile) vft_prove_profile_print(&profile, stderr);
  vft_proof_free(&proof);
  return st;
}

static vft_status prove_step(job *j, uint64_t t) {
  const vft_step *s = j->plan.step;
  vft_step_inputs inputs = {0};
  vft_batch batch;
  vft_exec *exec = NULL;
  void *storage = NULL;
  vft_commitment *link[VFT_STEP_LINKS] = {NULL};
  double begun = vft_seconds();
  TRY(reach(j, t));
  TRY(vft_batch_alloc(&j->plan.manifest, &batch));
  vft_status st = VFT_OK;
  TRY_OUT(vft_plan_batch(&j->plan, t, &batch));
  TRY_OUT(vft_schedule_inputs(&j->plan.manifest, s, t, &inputs));
  vft_train_batch data = {batch.input, batch.label, batch.mask};
  TRY_OUT(vft_trainer_trace(s, &j->plan.weights, &j->state, &data, inputs.value, &exec, &storage));
  const vft_trace *trace = vft_exec_trace(exec);
  if (j->profile) fprintf(stderr, "step %llu: trace %.2f s\n", (unsigned long long)t,
                          vft_seconds() - begun);
  TRY_OUT(commit_links(j, trace, t, link));
  TRY_OUT(prove_trace(j, t, trace, link));
  vft_state_read(s, exec, &j->state);
  j->at = t + 1;
  j->adapter = link[s->link_adapter_out];
  j->moments = link[s->link_state_out];
  j->adapter_root = vft_commitment_root(j->adapter);
  j->state_root = vft_commitment_root(j->moments);
  link[s->link_adapter_out] = link[s->link_state_out] = NULL;
out:
  for (int l = 0; l < VFT_STEP_LINKS; l++) vft_commitment_free(link[l]);
  vft_exec_free(exec);
  vft_free(storage);
  vft_step_inputs_free(&inputs);
  vft_batch_free(&batch);
  if (st == VFT_RESOURCE) vft_fail_context(st, "step %llu", (unsigned long long)t);
  return st;
}

/* Is there a proof of step t that verifies and joins? Its claims are taken then. */
static bool keep_step(job *j, uint64_t t) {
  const vft_step *s = j->plan.step;
  vft_digest link[VFT_STEP_LINKS];
  vft_oracle_claims claims;
  memset(&claims, 0, sizeof claims);
  bool good = vft_verify_step(&j->plan.manifest, s, j->folder, t, link, &claims, NULL, NULL) ==
                  VFT_OK &&
              !memcmp(link[s->link_adapter_in].b, j->adapter_root.b, 32) &&
              !memcmp(link[s->link_state_in].b, j->state_root.b, 32) &&
              vft_oracle_claims_append(&j->claims, &claims, NULL) == VFT_OK;
  vft_oracle_claims_free(&claims);
  if (!good) return false;
  vft_commitment_free(j->adapter);
  vft_commitment_free(j->moments);
  j->adapter = j->moments = NULL;
  j->adapter_root = link[s->link_adapter_out];
  j->state_root = link[s->link_state_out];
  return true;
}

static vft_status prove_steps(job *j) {
  uint64_t steps = j->plan.manifest.steps;
  vft_progress progress = vft_progress_begin("prove", 0, steps);
  for (uint64_t t = 0; t < steps; t++) {
    TRY(vft_interrupt_check("vft prove ... --resume goes on"));
    if (!j->resume || !keep_step(j, t)) TRY(prove_step(j, t));
    vft_progress_step(&progress, t + 1, "");
  }
  return VFT_OK;
}

/* ---- oracles ---- */

static vft_status open_oracles(job *j) {
  const vft_manifest *m = &j->plan.manifest;
  const vft_step *s = j->plan.step;
  vft_arena arena = {0};
  vft_commitment *oracle[2] = {NULL, NULL};
  vft_proof proof = {0};
  uint8_t context[VFT_CONTEXT_BYTES];
  vft_status st;
  double begun = vft_seconds();
  vft_note("opening base weights and tables for %u claims", j->claims.n);
  TRY_OUT(vft_derive_base(s, &j->plan.weights, &oracle[s->oracle_base]));
  TRY_OUT(vft_derive_tables(s, &oracle[s->oracle_tables]));
  vft_proof_options options = vft_derive_options(m, m->steps, context);
  TRY_OUT(vft_prove_oracles(oracle, 2, &j->claims, &options, &proof));
  vft_oracle_file file = {.steps = m->steps, .proof = proof.bytes, .length = proof.len};
  memcpy(file.manifest, m->digest, 32);
  char *path = vft_arena_printf(&arena, "%s/oracles.vft", j->proofs);
  st = path ? vft_oracle_file_write(path, &file) : VFT_RESOURCE;
  if (j->profile)
    fprintf(stderr, "oracles: %u claims, %.2f s\n", j->claims.n, vft_seconds() - begun);
out:
  vft_proof_free(&proof);
  vft_commitment_free(oracle[0]);
  vft_commitment_free(oracle[1]);
  vft_arena_free(&arena);
  return st;
}

vft_status vft_run_prove(const char *run, bool resume, bool profile) {
  vft_arena arena = {0};
  job j = {.run = run, .resume = resume, .profile = profile};
  vft_status st = VFT_RESOURCE;
  j.folder = vft_run_path(&arena, run, "public");
  j.proofs = vft_run_path(&arena, run, "public/proofs");
  if (!j.folder || !j.proofs) return VFT_RESOURCE;
  TRY_OUT(vft_plan_open(run, VFT_PLAN_WEIGHTS | VFT_PLAN_RECORDS, &j.plan));
  const vft_manifest *m = &j.plan.manifest;
  if (vft_checkpoint_find(run, m->steps) != m->steps) {
    st = vft_fail(VFT_USAGE, "%s: not trained to its end; vft train ... --resume goes on", run);
    goto out;
  }
  TRY_OUT(vft_memory_plan(m, j.plan.step->program, &j.options));
  TRY_OUT(vft_state_alloc(&m->shape, &j.state));
  j.adapter_root = m->initial_adapter;
  j.state_root = m->initial_state;
  TRY_OUT(prove_steps(&j));
  vft_commitment_free(j.adapter);
  vft_commitment_free(j.moments);
  j.adapter = j.moments = NULL;
  TRY_OUT(open_oracles(&j));
out:
  vft_commitment_free(j.adapter);
  vft_commitment_free(j.moments);
  if (j.has_engine) vft_engine_free(&j.engine);
  vft_oracle_claims_free(&j.claims);
  vft_state_free(&j.state);
  vft_plan_free(&j.plan);
  vft_arena_free(&arena);
  return st;
}
