#include "run/sampler_replay.h"

#include <string.h>

#include "run/epochs_prove.h"
#include "run/plan.h"
#include "run/windows.h"

typedef struct {
  const vft_plan *plan;
  const char *public;
  json_t *log; /* a line a step; empty if there is none */
  const char *proofs;
  vft_epochs epochs;
  uint64_t wrong; /* the first step that was trained on other records; UINT64_MAX: none */
} replay;

/* ---- log ---- */

static vft_status read_log(const char *path, json_t **out) {
  vft_bytes log;
  *out = json_array();
  if (!vft_file_exists(path)) return VFT_OK; /* there are still the proofs */
  TRY(vft_file_read(path, SIZE_MAX >> 1, VFT_USAGE, &log));
  vft_status st = VFT_OK;
  for (size_t at = 0; st == VFT_OK && at < log.size;) {
    const uint8_t *end = memchr(log.data + at, '\n', log.size - at);
    size_t n = end ? (size_t)(end - log.data) - at : log.size - at;
    json_t *line = json_loadb((const char *)log.data + at, n, 0, NULL), *records;
    json_int_t step;
    if (!line || json_unpack(line, "{s:I, s:o}", "step", &step, "records", &records) ||
        (size_t)step != json_array_size(*out) || !json_is_array(records))
      st = vft_reject("sampler/replay", "%s: line %zu is not that of step %zu", path,
                      json_array_size(*out) + 1, json_array_size(*out));
    if (st == VFT_OK) json_array_append(*out, records);
    json_decref(line);
    at += n + 1;
  }
  if (st != VFT_OK) {
    json_decref(*out);
    *out = NULL;
  }
  vft_bytes_free(&log);
  return st;
}

static bool equal_step(const json_t *logged, const uint64_t *record, uint64_t n) {
  if (json_array_size(logged) != n) return false;
  for (uint64_t i = 0; i < n; i++) {
    const json_t *v = json_array_get(logged, i);
    if (!json_is_integer(v) || (uint64_t)json_integer_value(v) != record[i]) return false;
  }
  return true;
}

/* ---- one epoch ---- */

/* The epoch's key: from the secret, or from the published key of its window, which must be the
 * secret's where both are there. */
static vft_status find_key(const replay *r, uint64_t epoch, vft_plan_key *key, bool *found) {
  const vft_sampling *s = &r->plan->manifest.sampling;
  bool derived = s->mode == VFT_SAMPLER_PUBLIC || r->plan->has_secret;
  vft_poseidon_digest shown;
  *key = (vft_plan_key){.epoch = epoch, .window = epoch / (uint64_t)s->window};
  key->is_public = vft_sampling_public(s, key->window);
  *found = derived || key->is_public;
  if (derived) TRY(vft_plan_epoch_key(r->plan, epoch, key));
  if (s->mode != VFT_SAMPLER_HYBRID || !key->is_public) return VFT_OK;
  vft_windows windows;
  TRY(vft_windows_read(r->public, &r->plan->manifest, &windows));
  shown = *vft_windows_key(&windows, &r->plan->manifest, key->window);
  vft_windows_free(&windows);
  if (derived && !vft_poseidon_equal(&shown, &key->window_key))
    return vft_reject("sampler/windows", "%s/windows.json: the key of window %llu is another one",
                      r->public, (unsigned long long)key->window);
  key->window_key = shown;
  key->key = vft_sampler_epoch_key(&shown, epoch);
  return VFT_OK;
}

/* The rows that the proofs of the epoch are about, if they are there: are they these? Whether the proofs
 * are good, vft verify says. */
static vft_status compare_proof(replay *r, const vft_plan_epoch_list *list,
                                vft_replayed_epoch *e) {
  vft_arena arena = {0};
  vft_epoch_file file = {.proof = NULL};
  vft_poseidon_digest *rows = NULL;
  vft_digest root;
  char *path = vft_epoch_file_path(&arena, r->proofs, e->epoch, 0);
  vft_status st = path ? VFT_OK : VFT_RESOURCE;
  if (st == VFT_OK && vft_file_exists(path)) {
    st = vft_epoch_file_read(path, &file);
    if (st == VFT_OK) st = vft_epochs_list(r->plan, r->epochs.program, list, &rows);
    if (st == VFT_OK) st = vft_epochs_rows_root(&r->epochs, rows, &root);
    e->proved = true;
    if (st == VFT_OK && memcmp(root.b, file.link[r->epochs.program->link_rows].b, sizeof root.b))
      st = vft_reject("sampler/rows", "%s: is about other rows than the sampler gives", path);
  }
  vft_free(file.proof);
  vft_free(rows);
  vft_arena_free(&arena);
  return st;
}

/* Fills record, logged, equal and proved. */
static vft_status compare(replay *r, const vft_plan_key *key, vft_replayed_epoch *e) {
  vft_plan_epoch_list list;
  uint64_t n = 0, a_step = e->records_a_step, all = json_array_size(r->log);
  TRY(vft_plan_epoch_under(r->plan, key, &list));
  e->record = vft_alloc_raw(list.rows, sizeof *e->record);
  for (uint64_t c = 0; e->record && c < list.candidates; c++)
    if (list.verdict[c] == VFT_ACCEPTED) e->record[n++] = list.record[c];
  vft_status st = e->record ? compare_proof(r, &list, e) : VFT_RESOURCE;
  vft_plan_epoch_list_free(&list);
  TRY(st);
  e->replayed = e->equal = true;
  e->logged = all < e->first_step ? 0 : all - e->first_step;
  if (e->logged > e->steps) e->logged = e->steps;
  for (uint64_t t = 0; t < e->logged; t++) {
    if (equal_step(json_array_get(r->log, e->first_step + t), e->record + t * a_step, a_step))
      continue;
    e->equal = false;
    if (r->wrong == UINT64_MAX) r->wrong = e->first_step + t;
  }
  return VFT_OK;
}

static vft_status one_epoch(replay *r, uint64_t epoch, bool asked,
                            vft_status (*show)(void *ctx, const vft_replayed_epoch *), void *ctx) {
  const vft_manifest *m = &r->plan->manifest;
  const vft_sampling *s = &m->sampling;
  vft_plan_key key;
  bool found;
  TRY(find_key(r, epoch, &key, &found));
  if (!found && asked)
    return vft_fail(VFT_USAGE, "epoch %llu is private: its key needs the sampler's secret, which is "
                    "not in %s", (unsigned long long)epoch, r->plan->dataset.path);
  vft_replayed_epoch e = {.epoch = epoch, .window = key.window, .is_public = key.is_public,
                          .first_step = epoch * s->steps_per_epoch,
                          .records_a_step = s->records_a_step};
  e.steps = vft_sampling_rows(s, m->steps, epoch) / s->records_a_step;
  vft_status st = found ? compare(r, &key, &e) : VFT_OK;
  if (st == VFT_OK) st = show(ctx, &e);
  vft_free(e.record);
  return st;
}

static vft_status run_epochs(replay *r, uint64_t epoch,
                             vft_status (*show)(void *ctx, const vft_replayed_epoch *),
                             void *ctx) {
  const vft_manifest *m = &r->plan->manifest;
  uint64_t epochs = vft_sampling_epochs(&m->sampling, m->steps);
  bool asked = epoch != UINT64_MAX;
  if (asked && epoch >= epochs)
    return vft_fail(VFT_USAGE, "epoch %llu: the run has %llu, numbered from 0",
                    (unsigned long long)epoch, (unsigned long long)epochs);
  if (json_array_size(r->log) > m->steps)
    return vft_reject("sampler/replay", "private/log.jsonl: has %zu steps, the run %llu",
                      json_array_size(r->log), (unsigned long long)m->steps);
  for (uint64_t e = asked ? epoch : 0; e < (asked ? epoch + 1 : epochs); e++)
    TRY(one_epoch(r, e, asked, show, ctx));
  if (r->wrong == UINT64_MAX) return VFT_OK;
  return vft_reject("sampler/replay", "step %llu was trained on other records than the sampler gives",
                    (unsigned long long)r->wrong);
}

vft_status vft_run_sampler_replay(const char *run, uint64_t epoch,
                                  vft_status (*show)(void *ctx, const vft_replayed_epoch *),
                                  void *ctx) {
  vft_plan plan;
  vft_arena arena = {0};
  replay r = {.plan = &plan, .wrong = UINT64_MAX};
  vft_status st = VFT_RESOURCE;
  TRY(vft_plan_open(run, VFT_PLAN_DATASET, &plan));
  char *log = vft_run_path(&arena, run, "private/log.jsonl");
  r.public = vft_run_path(&arena, run, "public");
  r.proofs = vft_run_path(&arena, run, "public/proofs");
  if (!log || !r.public || !r.proofs) goto out;
  TRY_OUT(vft_epochs_derive(&plan.manifest, &r.epochs));
  TRY_OUT(read_log(log, &r.log));
  TRY_OUT(run_epochs(&r, epoch, show, ctx));
out:
  json_decref(r.log);
  vft_epochs_free(&r.epochs);
  vft_arena_free(&arena);
  vft_plan_free(&plan);
  return st;
}
