#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "run/derive.h"
#include "run/epochs.h"
#include "run/memory.h"
#include "run/progress.h"
#include "run/run.h"
#include "run/schedule.h"
#include "run/state.h"

enum { TEXT_MAX = 16 << 20 };

static double rate_of(const vft_plan *plan, uint64_t t) {
  vft_fix rate;
  if (vft_schedule_rate(&plan->manifest, t, &rate) != VFT_OK) return 0;
  return ldexp((double)rate, -64);
}

/* ---- log ---- */

/* The first `steps` lines of the log stay, whatever came after them goes. */
static vft_status trim_log(const char *path, uint64_t steps) {
  vft_bytes log;
  if (!vft_file_exists(path)) return VFT_OK;
  TRY(vft_file_read(path, SIZE_MAX >> 1, VFT_USAGE, &log));
  size_t at = 0;
  for (uint64_t line = 0; line < steps && at < log.size; line++) {
    const uint8_t *end = memchr(log.data + at, '\n', log.size - at);
    if (!end) break;
    at = (size_t)(end - log.data) + 1;
  }
  vft_status st = at == log.size ? VFT_OK : vft_file_write(path, log.data, at);
  vft_bytes_free(&log);
  return st;
}

static vft_status log_step(FILE *f, const vft_engine *e, uint64_t t, const vft_train_report *r,
                           double seconds, const vft_state *state) {
  vft_state_array array[VFT_STATE_ARRAYS];
  char hex[65];
  vft_digest digest = vft_state_digest(t + 1, array, vft_state_arrays(state, array));
  vft_hex(digest.b, 32, hex);
  fprintf(f, "{\"step\": %llu, \"loss\": %.6f, \"lr\": %.9g, \"grad_norm\": %.6g, "
             "\"clipped\": %s, \"tokens\": %zu, \"records\": [",
          (unsigned long long)t, r->loss, rate_of(e->plan, t), r->grad_norm,
          r->clipped ? "true" : "false", r->tokens);
  for (size_t s = 0; s < e->batch.sequences; s++)
    fprintf(f, s ? ", %llu" : "%llu", (unsigned long long)e->batch.record[s]);
  fprintf(f, "], \"seconds\": %.3f, \"state\": \"%s\"}\n", seconds, hex);
  if (!fflush(f) && !ferror(f)) return VFT_OK;
  return vft_fail(VFT_RESOURCE, "private/log.jsonl: cannot write: %s", strerror(errno));
}

/* ---- files for the comparison with float32 ---- */

/* The tokens and loss bits of the records as they are, unpadded. */
static vft_status parity_step(FILE *f, const vft_plan *p, const vft_batch *b) {
  vft_status st = VFT_OK;
  size_t made = 0;
  vft_sample *x = vft_alloc(b->sequences, sizeof *x);
  if (!x) return VFT_RESOURCE;
  for (; made < b->sequences; made++)
    TRY_OUT(vft_dataset_sample(&p->dataset, &p->processing, b->record[made], &x[made], NULL, NULL));
  fputs("{\"ids\": [", f);
  for (size_t s = 0; s < made; s++) {
    fputs(s ? ", [" : "[", f);
    for (size_t i = 0; i < x[s].length; i++) fprintf(f, i ? ", %d" : "%d", x[s].id[i]);
    fputs("]", f);
  }
  fputs("], \"mask\": [", f);
  for (size_t s = 0; s < made; s++) {
    fputs(s ? ", [" : "[", f);
    for (size_t i = 1; i < x[s].length; i++)
      fprintf(f, i > 1 ? ", %d" : "%d", x[s].mask[i] != 0);
    fputs("]", f);
  }
  fputs("]}\n", f);
out:
  for (size_t s = 0; s < made; s++) vft_sample_free(&x[s]);
  vft_free(x);
  return st;
}

static vft_status write_stream(const char *path, char *text, size_t size) {
  return path && text ? vft_file_write(path, text, size) : vft_fail(VFT_RESOURCE, "out of memory");
}

static vft_status write_parity(const vft_plan *p, const char *run) {
  vft_arena arena = {0};
  vft_batch batch;
  vft_state state;
  vft_adapter adapter;
  char *text[2] = {NULL, NULL};
  size_t size[2];
  vft_status st = vft_batch_alloc(&p->manifest, &batch);
  if (st != VFT_OK) return st;
  FILE *batches = open_memstream(&text[0], &size[0]);
  FILE *schedule = open_memstream(&text[1], &size[1]);
  if (!batches || !schedule) st = vft_fail(VFT_RESOURCE, "out of memory");
  for (uint64_t t = 0; st == VFT_OK && t < p->manifest.steps; t++) {
    st = vft_plan_batch(p, t, &batch);
    if (st != VFT_OK) break;
    st = parity_step(batches, p, &batch);
    fprintf(schedule, "{\"lr\": %.17g}\n", rate_of(p, t));
  }
  if (batches) fclose(batches);
  if (schedule) fclose(schedule);
  if (st == VFT_OK)
    st = write_stream(vft_run_path(&arena, run, "private/batches.jsonl"), text[0], size[0]);
  if (st == VFT_OK)
    st = write_stream(vft_run_path(&arena, run, "private/schedule.jsonl"), text[1], size[1]);
  free(text[0]);
  free(text[1]);
  if (st == VFT_OK) st = vft_state_alloc(&p->manifest.shape, &state);
  if (st == VFT_OK) {
    st = vft_state_start(p, &state);
    if (st == VFT_OK) st = vft_state_adapter(p, &state, &adapter);
    if (st == VFT_OK) {
      char *dir = vft_run_path(&arena, run, "private/init_adapter");
      st = dir ? vft_peft_write(dir, &adapter) : VFT_RESOURCE;
      vft_adapter_free(&adapter);
    }
    vft_state_free(&state);
  }
  vft_batch_free(&batch);
  vft_arena_free(&arena);
  return st;
}

/* ---- training ---- */

/* Checkpoints, and a few megabytes a step for its proofs. */
static vft_status disk_for(const vft_plan *plan, const char *run) {
  return vft_disk_require(run, vft_state_disk(plan) + plan->manifest.steps * (4ull << 20));
}

/* Checkpoints written at an interruption lie between the regular ones. */
static void drop_irregular(const char *run, uint64_t steps, uint64_t every) {
  for (uint64_t t = steps; (t = vft_checkpoint_find(run, t)); t--) {
    vft_arena arena = {0};
    char *path = t % every && t != steps ? vft_checkpoint_path(&arena, run, t) : NULL;
    if (path) unlink(path);
    vft_arena_free(&arena);
  }
}

static vft_status export_state(const vft_plan *plan, const vft_state *state, const char *dir,
                               vft_digest *h_t) {
  vft_adapter adapter;
  vft_digest root;
  TRY(vft_state_adapter(plan, state, &adapter));
  vft_status st = vft_peft_write(dir, &adapter);
  if (st == VFT_OK) st = vft_derive_adapter_root(plan->step, &adapter, &root);
  if (st == VFT_OK && h_t)
    *h_t = vft_derive_h_t(root, adapter.rank, adapter.alpha, adapter.targets);
  vft_adapter_free(&adapter);
  return st;
}

static vft_status train(const vft_plan *plan, const char *run, vft_state *state) {
  uint64_t steps = plan->manifest.steps, every = vft_state_interval(plan);
  vft_arena arena = {0};
  vft_engine engine;
  FILE *log = NULL;
  vft_status st = VFT_OK;
  TRY(vft_engine_init(&engine, plan));
  uint64_t t = vft_checkpoint_find(run, steps);
  char *log_path = vft_run_path(&arena, run, "private/log.jsonl");
  char *adapter = vft_run_path(&arena, run, "public/adapter");
  if (!log_path || !adapter) {
    st = VFT_RESOURCE;
    goto out;
  }
  TRY_OUT(vft_state_load(plan, run, t, state));
  TRY_OUT(trim_log(log_path, t));
  log = fopen(log_path, "ab");
  if (!log) {
    st = vft_fail(VFT_RESOURCE, "%s: cannot write: %s", log_path, strerror(errno));
    goto out;
  }
  if (t) vft_note("going on from the checkpoint after step %llu", (unsigned long long)t);
  vft_progress progress = vft_progress_begin("train", t, steps);
  while (t < steps) {
    vft_train_report report;
    char detail[64];
    double begun = vft_seconds();
    st = vft_interrupt_check("vft train ... --resume goes on");
    if (st != VFT_OK) {
      if (t % every && vft_state_save(plan, run, t, state) != VFT_OK)
        st = vft_fail_context(VFT_RESOURCE, "interrupted, and no checkpoint could be written");
      goto out;
    }
    TRY_OUT(vft_engine_step(&engine, t, state, &report));
    TRY_OUT(log_step(log, &engine, t, &report, vft_seconds() - begun, state));
    t++;
    if (t % every == 0 || t == steps) TRY_OUT(vft_state_save(plan, run, t, state));
    snprintf(detail, sizeof detail, "loss %.4f%s", report.loss, report.clipped ? " (clipped)" : "");
    vft_progress_step(&progress, t, detail);
  }
  drop_irregular(run, steps, every);
  st = export_state(plan, state, adapter, NULL);
out:
  if (log) fclose(log);
  vft_engine_free(&engine);
  vft_arena_free(&arena);
  return st;
}

/* The configuration of a run that goes on must be the one it began with. */
static vft_status same_config(const vft_train_request *request) {
  vft_arena arena = {0};
  vft_bytes ours = {0}, theirs = {0};
  vft_status st = VFT_RESOURCE;
  char *path = vft_run_path(&arena, request->run, "private/config.yaml");
  if (!path) goto out;
  TRY_OUT(vft_file_read(request->config, TEXT_MAX, VFT_USAGE, &theirs));
  TRY_OUT(vft_file_read(path, TEXT_MAX, VFT_USAGE, &ours));
  if (ours.size != theirs.size || memcmp(ours.data, theirs.data, ours.size))
    st = vft_fail(VFT_USAGE, "%s: not the configuration that %s began with (%s)", request->config,
                  request->run, path);
out:
  vft_bytes_free(&ours);
  vft_bytes_free(&theirs);
  vft_arena_free(&arena);
  return st;
}

/* A run that goes on keeps its dataset and its beacon. */
static vft_status same_data(const vft_train_request *request, const vft_plan *plan) {
  const vft_sampling *s = &plan->manifest.sampling;
  uint8_t beacon[32];
  if (request->beacon && (!s->has_beacon || !vft_beacon_value(request->beacon, beacon) ||
                          memcmp(beacon, s->beacon, 32)))
    return vft_fail(VFT_USAGE, "--beacon: not the value that %s began with", request->run);
  if (!request->data) return VFT_OK;
  vft_arena arena = {0};
  char *given = vft_path_absolute(&arena, request->data);
  vft_status st = !given ? VFT_RESOURCE
                  : plan->data && !strcmp(given, plan->data)
                      ? VFT_OK
                      : vft_fail(VFT_USAGE, "--data: %s began with %s", request->run,
                                 plan->data ? plan->data : "records of its own");
  vft_arena_free(&arena);
  return st;
}

/* What a commitment for a run leaves there, when nothing else came of the run: a configuration or
 * records that are refused leave no folder behind. */
static void remove_own_data(const char *run) {
  static const char *const file[] = {"private/data/private/dataset.db",
                                     "private/data/private/dataset.db-journal",
                                     "private/data/public/dataset.json"};
  static const char *const folder[] = {"private/data/private", "private/data/public",
                                       "private/data", "private", "."};
  vft_arena arena = {0};
  for (size_t i = 0; i < sizeof file / sizeof *file; i++) {
    char *path = vft_run_path(&arena, run, file[i]);
    if (path) unlink(path);
  }
  for (size_t i = 0; i < sizeof folder / sizeof *folder; i++) {
    char *path = *folder[i] == '.' ? vft_arena_strdup(&arena, run)
                                   : vft_run_path(&arena, run, folder[i]);
    if (path) rmdir(path);
  }
  vft_arena_free(&arena);
}

static vft_status open_or_make(const vft_train_request *request, vft_plan *plan) {
  vft_arena arena = {0};
  char *path = vft_run_path(&arena, request->run, "public/manifest.json");
  bool exists = path && vft_file_exists(path), fresh = !vft_folder_exists(request->run);
  vft_arena_free(&arena);
  if (!path) return VFT_RESOURCE;
  if (exists && !request->resume)
    return vft_fail(VFT_USAGE, "%s: a run is there already; --resume goes on with it",
                    request->run);
  if (exists) {
    TRY(same_config(request));
    TRY(vft_plan_open(request->run, VFT_PLAN_WEIGHTS | VFT_PLAN_RECORDS, plan));
    vft_status same = same_data(request, plan);
    if (same != VFT_OK) vft_plan_free(plan);
    return same;
  }
  vft_plan_request what = {.data = request->data, .beacon = request->beacon, .samples = true};
  what.commit = vft_run_path(&arena, request->run, "private/data");
  vft_status st = what.commit ? vft_plan_make(request->config, &what, plan) : VFT_RESOURCE;
  vft_arena_free(&arena);
  if (st == VFT_USAGE && fresh) remove_own_data(request->run);
  TRY(st);
  st = vft_plan_write(plan, request->run);
  if (st != VFT_OK) vft_plan_free(plan);
  return st;
}

/* Can the memory prove a cut of the steps, and the epochs? */
static vft_status provable(const vft_plan *plan, uint64_t memory) {
  vft_cut cut;
  vft_memory_shard largest;
  size_t budget;
  vft_epochs epochs;
  vft_fp context[VFT_CONTEXT_MAX];
  TRY(vft_memory_budget(memory, &budget));
  TRY(vft_memory_cut(&plan->manifest, plan->step, budget, &cut, &largest));
  vft_proof_options options = vft_cut_options(&plan->manifest, &cut, 0, 0, context);
  TRY(vft_epochs_derive(&plan->manifest, &epochs));
  vft_status st = vft_memory_plan(epochs.program->step, &options, budget, &largest);
  vft_epochs_free(&epochs);
  return st;
}

vft_status vft_run_train(const vft_train_request *request) {
  vft_plan plan;
  vft_state state;
  char hex[65];
  TRY(open_or_make(request, &plan));
  vft_status st = vft_state_alloc(&plan.manifest.shape, &state);
  if (st == VFT_OK) {
    vft_hex(plan.manifest.digest, 32, hex);
    vft_note("manifest %s", hex);
    st = disk_for(&plan, request->run);
    if (st == VFT_OK && request->proves) st = provable(&plan, request->memory);
    if (st == VFT_OK && request->parity_files) st = write_parity(&plan, request->run);
    if (st == VFT_OK) st = train(&plan, request->run, &state);
    vft_state_free(&state);
  }
  vft_plan_free(&plan);
  return st;
}

/* ---- export and replay ---- */

vft_status vft_run_export(const char *run, const char *dir, vft_digest *h_t) {
  vft_plan plan;
  vft_state state;
  TRY(vft_plan_open(run, 0, &plan));
  vft_status st = vft_state_alloc(&plan.manifest.shape, &state);
  if (st == VFT_OK) {
    if (vft_checkpoint_find(run, plan.manifest.steps) != plan.manifest.steps)
      st = vft_fail(VFT_USAGE, "%s: not trained to its end; vft train ... --resume goes on", run);
    if (st == VFT_OK) st = vft_state_load(&plan, run, plan.manifest.steps, &state);
    if (st == VFT_OK) st = export_state(&plan, &state, dir, h_t);
    vft_state_free(&state);
  }
  vft_plan_free(&plan);
  return st;
}

/* The digest that the log has for a step. */
static vft_status logged_state(const vft_bytes *log, size_t *at, uint64_t t, vft_digest *out) {
  const uint8_t *end = *at < log->size ? memchr(log->data + *at, '\n', log->size - *at) : NULL;
  json_int_t step;
  const char *hex;
  if (!end)
    return vft_reject("replay/log", "private/log.jsonl: no line for step %llu",
                      (unsigned long long)t);
  json_t *line = json_loadb((const char *)log->data + *at, (size_t)(end - log->data) - *at, 0,
                            NULL);
  vft_status st = VFT_OK;
  if (!line || json_unpack(line, "{s:I, s:s}", "step", &step, "state", &hex) ||
      (uint64_t)step != t || strlen(hex) != 64 || vft_unhex(hex, out->b, 32) != VFT_OK)
    st = vft_reject("replay/log", "private/log.jsonl: line %llu is not that of step %llu",
                    (unsigned long long)t + 1, (unsigned long long)t);
  json_decref(line);
  *at = (size_t)(end - log->data) + 1;
  return st;
}

static vft_status compare_adapter(const vft_plan *plan, const char *run, const vft_state *state,
                                  vft_digest *h_t) {
  vft_arena arena = {0};
  vft_adapter shape = vft_derive_adapter_shape(plan->step), ours = {0}, released = {0};
  vft_digest root, other;
  vft_status st = VFT_RESOURCE;
  char *dir = vft_run_path(&arena, run, "public/adapter");
  if (!dir) goto out;
  TRY_OUT(vft_state_adapter(plan, state, &ours));
  TRY_OUT(vft_derive_adapter_root(plan->step, &ours, &root));
  *h_t = vft_derive_h_t(root, ours.rank, ours.alpha, ours.targets);
  TRY_OUT(vft_peft_read(dir, &shape, &released));
  st = vft_derive_adapter_root(plan->step, &released, &other);
  if (st == VFT_USAGE || (st == VFT_OK && (memcmp(root.b, other.b, 32) ||
                                           ours.alpha != released.alpha)))
    st = vft_reject("replay/adapter", "%s: not the adapter that training gives", dir);
out:
  vft_adapter_free(&ours);
  vft_adapter_free(&released);
  vft_arena_free(&arena);
  return st;
}

static vft_status replay(const vft_plan *plan, const char *run, vft_state *state,
                         vft_replay_result *out) {
  vft_arena arena = {0};
  vft_engine engine;
  vft_bytes log = {0};
  size_t at = 0;
  TRY(vft_engine_init(&engine, plan));
  vft_status st = VFT_RESOURCE;
  char *path = vft_run_path(&arena, run, "private/log.jsonl");
  if (!path) goto out;
  TRY_OUT(vft_file_read(path, SIZE_MAX >> 1, VFT_USAGE, &log));
  TRY_OUT(vft_state_start(plan, state));
  vft_progress progress = vft_progress_begin("replay", 0, plan->manifest.steps);
  for (uint64_t t = 0; t < plan->manifest.steps; t++) {
    vft_digest want;
    vft_state_array array[VFT_STATE_ARRAYS];
    TRY_OUT(vft_interrupt_check("run vft replay again"));
    TRY_OUT(logged_state(&log, &at, t, &want));
    TRY_OUT(vft_engine_step(&engine, t, state, NULL));
    out->state = vft_state_digest(t + 1, array, vft_state_arrays(state, array));
    if (memcmp(out->state.b, want.b, 32)) {
      st = vft_reject("replay/state", "step %llu reaches another state than the log says",
                      (unsigned long long)t);
      goto out;
    }
    vft_progress_step(&progress, t + 1, "");
  }
  out->steps = plan->manifest.steps;
  st = compare_adapter(plan, run, state, &out->h_t);
out:
  vft_bytes_free(&log);
  vft_engine_free(&engine);
  vft_arena_free(&arena);
  return st;
}

vft_status vft_run_replay(const char *run, vft_replay_result *out) {
  vft_plan plan;
  vft_state state;
  memset(out, 0, sizeof *out);
  TRY(vft_plan_open(run, VFT_PLAN_WEIGHTS | VFT_PLAN_RECORDS, &plan));
  vft_status st = vft_state_alloc(&plan.manifest.shape, &state);
  if (st == VFT_OK) {
    st = replay(&plan, run, &state, out);
    vft_state_free(&state);
  }
  vft_plan_free(&plan);
  return st;
}
