#include "run/plan.h"

#include <stdio.h>
#include <string.h>

#include "data/calibration_text.h"
#include "data/canonical_json.h"
#include "model/source.h"
#include "run/beacon.h"
#include "run/data_folder.h"
#include "run/derive.h"
#include "run/initial.h"
#include "run/progress.h"
#include "run/schedule.h"
#include "run/windows.h"

enum {
  CALIBRATION_SEQUENCES = 4,
  CALIBRATION_POSITIONS = 128,
  CALIBRATION_TOKENS = 1024,
  TEXT_MAX = 16 << 20
};

char *vft_run_path(vft_arena *arena, const char *run, const char *name) {
  return vft_arena_printf(arena, "%s/%s", run, name);
}

/* Accepted records of one epoch, in order. */
struct vft_plan_rows {
  uint64_t epoch, count;
  uint64_t *record; /* NULL: of none yet */
};

static vft_status alloc_rows(vft_plan *p) {
  p->rows = vft_alloc(1, sizeof *p->rows);
  return p->rows ? VFT_OK : VFT_RESOURCE;
}

/* ---- calibration ---- */

void vft_plan_calibration_extent(int sequence_len, int *sequences, int *positions) {
  int n = sequence_len < CALIBRATION_POSITIONS ? sequence_len : CALIBRATION_POSITIONS;
  int s = (CALIBRATION_TOKENS + n - 1) / n;
  *sequences = s > CALIBRATION_SEQUENCES ? s : CALIBRATION_SEQUENCES;
  *positions = n;
}

vft_status vft_plan_calibrate(const vft_manifest *m, const vft_model *model,
                              const vft_tokenizer *tokenizer, const vft_template *tmpl,
                              const char *text, size_t length, vft_profile *profile) {
  size_t sequences = (size_t)m->calibration_sequences, n = (size_t)m->calibration_positions;
  vft_fix rate;
  vft_calibration calibration = {0};
  uint64_t seed = m->seed;
  int32_t *ids = vft_alloc(sequences * (n + 1), sizeof *ids);
  if (!ids) return VFT_RESOURCE;
  vft_status st;
  TRY_OUT(vft_calibration_tokens(text, length, tokenizer, tmpl, sequences, n, ids));
  TRY_OUT(vft_fix_parse(m->learning_rate, &rate));
  vft_calibration_lora lora = {.rank = m->shape.rank, .adapted = m->shape.adapted, .seed = seed};
  lora.scale = (float)m->alpha / (float)m->shape.rank;
  /* 16 * rate < 2^63 * 2^-40: the conversion rounds once */
  lora.b_amplitude = (float)((double)(int64_t)(rate >> 20) * 0x1p-40);
  TRY_OUT(vft_calibrate(model, &lora, vft_initial_a_float, &seed, ids, sequences, n,
                        &calibration));
  TRY_OUT(vft_profile_init(profile, m->shape.layers));
  TRY_OUT(vft_profile_fill(profile, &m->shape, model, &calibration));
out:
  vft_calibration_free(&calibration);
  vft_free(ids);
  return st;
}

/* ---- making ---- */

static vft_status set_model(vft_plan *p, const vft_model *model) {
  vft_manifest *m = &p->manifest;
  m->file = vft_arena_alloc(&m->arena, model->files, sizeof *m->file);
  if (!m->file) return VFT_RESOURCE;
  m->files = model->files;
  for (size_t i = 0; i < model->files; i++) {
    m->file[i] = model->file[i];
    m->file[i].name = vft_arena_strdup(&m->arena, model->file[i].name);
    if (!m->file[i].name) return VFT_RESOURCE;
  }
  memcpy(m->model_digest, model->digest, sizeof m->model_digest);
  vft_step_shape_set_arch(&m->shape, &model->arch);
  p->context = model->arch.context;
  return VFT_OK;
}

static vft_status set_optimiser(vft_manifest *m, const vft_config *c) {
  vft_step_shape *s = &m->shape;
  s->adapted = c->targets;
  s->sequences = c->micro_batch_size * c->gradient_accumulation_steps;
  s->positions = c->sequence_len;
  m->alpha = c->lora_alpha;
  m->seed = c->seed;
  m->shape.hash = c->proof_hash;
  m->learning_rate = c->learning_rate;
  m->weight_decay = c->weight_decay;
  m->max_grad_norm = c->max_grad_norm;
  m->beta1 = c->adam_beta1;
  m->beta2 = c->adam_beta2;
  m->epsilon = c->adam_epsilon;
  m->schedule = c->schedule;
  vft_plan_calibration_extent(c->sequence_len, &m->calibration_sequences,
                              &m->calibration_positions);
  m->calibration_b = VFT_CALIBRATION_B;
  const char **text[] = {&m->learning_rate, &m->weight_decay, &m->max_grad_norm,
                         &m->beta1,         &m->beta2,        &m->epsilon};
  for (size_t i = 0; i < sizeof text / sizeof *text; i++) {
    *text[i] = vft_arena_strdup(&m->arena, *text[i]);
    if (!*text[i]) return VFT_RESOURCE;
  }
  return vft_manifest_set_constants(s, m->beta1, m->beta2, m->max_grad_norm, m->alpha, c->lora_r);
}

static vft_status set_text(vft_plan *p, const vft_config *c) {
  vft_manifest *m = &p->manifest;
  const vft_processing *from = &p->processing;
  p->tokenizer = from->tokenizer;
  p->tmpl = from->tmpl;
  m->template_name = vft_arena_strdup(&m->arena, c->chat_template);
  m->system = c->system ? vft_arena_strdup(&m->arena, c->system) : NULL;
  if (!m->template_name || (c->system && !m->system)) return VFT_RESOURCE;
  memcpy(m->template_digest, from->template_digest, 32);
  memcpy(m->tokenizer_digest, from->tokenizer_digest, 32);
  m->pad_id = from->pad_id;
  return VFT_OK;
}

/* ---- records ---- */

/* The commitment that the request or the configuration names, or one made for this run. */
static vft_status find_dataset(vft_plan *p, const vft_config *c, const vft_plan_request *r) {
  const char *named = r->data ? r->data : c->dataset_prepared_path;
  if (named) {
    p->data = vft_path_absolute(&p->arena, named);
    if (!p->data) return VFT_RESOURCE;
    TRY(vft_data_folder_open(named, &p->dataset));
    return vft_dataset_matches(&p->dataset, &p->processing);
  }
  if (r->commit) {
    TRY(vft_data_folder_commit(c, r->commit, "run the same command again", &p->dataset));
    return vft_data_folder_publish(&p->dataset, NULL, r->commit);
  }
  if (r->temporary) return vft_data_folder_temporary(c, &p->dataset);
  return vft_fail(VFT_USAGE, "%s: the manifest names the root of committed records: run vft data "
                  "commit %s --out DIR first, then give --data DIR", c->file, c->file);
}

static void note_source(const vft_dataset_source *s, uint64_t used) {
  const char *name = vft_path_name(s->path);
  if (s->cut)
    vft_note("note: %s: %llu of %llu records are longer than sequence_len and are cut", name,
             (unsigned long long)s->cut, (unsigned long long)s->records);
  if (used < s->records)
    vft_note("note: %s: %llu records have no token to learn within sequence_len and are left out",
             name, (unsigned long long)(s->records - used));
  if (s->dropped)
    vft_note("note: %s: the vocabulary has no token for %llu bytes; they are dropped", name,
             (unsigned long long)s->dropped);
}

static vft_status set_sources(vft_plan *p) {
  vft_manifest *m = &p->manifest;
  m->sources = p->dataset.sources;
  m->source = vft_arena_alloc(&m->arena, m->sources, sizeof *m->source);
  if (!m->source) return VFT_RESOURCE;
  for (size_t i = 0; i < m->sources; i++) {
    const vft_dataset_source *s = &p->dataset.source[i];
    vft_manifest_source *out = &m->source[i];
    out->name = vft_arena_strdup(&m->arena, vft_path_name(s->path));
    out->type = vft_arena_strdup(&m->arena, s->type);
    if (!out->name || !out->type) return VFT_RESOURCE;
    out->bytes = s->bytes;
    memcpy(out->sha256, s->sha256, sizeof out->sha256);
    out->records = s->records;
    for (uint64_t n = s->first; n < s->first + s->records; n++)
      out->used += p->judged.meta[n].loss_tokens > 0;
    note_source(s, out->used);
  }
  return VFT_OK;
}

static vft_status set_beacon(vft_plan *p, const vft_config *c, const vft_plan_request *r) {
  vft_sampling *s = &p->manifest.sampling;
  if (r->beacon) {
    if (!s->has_beacon)
      return vft_fail(VFT_USAGE, "%s: --beacon: the configuration declares no sampler.beacon",
                      c->file);
    if (!vft_beacon_value(r->beacon, s->beacon))
      return vft_fail(VFT_USAGE, "--beacon: '%.70s' is not 64 hexadecimal digits", r->beacon);
    s->beacon_known = true;
  }
  if (r->samples && s->has_beacon && !s->beacon_known)
    return vft_fail(VFT_USAGE, "%s: sampler.beacon: its value is needed now: --beacon HEX (%s, round "
                    "%llu)", c->file, s->beacon_source, (unsigned long long)s->beacon_round);
  return VFT_OK;
}

static vft_status set_records(vft_plan *p, const vft_config *c, const vft_plan_request *r) {
  vft_manifest *m = &p->manifest;
  TRY(find_dataset(p, c, r));
  vft_status st = vft_sampling_make(c, &p->dataset, &m->sampling, &p->judged);
  if (st != VFT_OK) return vft_fail_context(st, "%s", c->file);
  m->shape.steps_per_epoch = (int)m->sampling.steps_per_epoch;
  m->shape.pad_id = m->pad_id;
  p->has_secret = vft_sampling_secret(&m->sampling, &p->dataset, p->secret);
  TRY(alloc_rows(p));
  TRY(set_beacon(p, c, r));
  TRY(set_sources(p));
  m->steps = vft_sampling_steps(&m->sampling, c);
  if (m->steps > VFT_STEPS_MAX)
    return vft_fail(VFT_USAGE, "%s: num_epochs: %llu steps, at most 2^24", c->file,
                    (unsigned long long)m->steps);
  if (c->warmup_steps >= 0)
    m->warmup_steps = (uint64_t)c->warmup_steps;
  else
    TRY(vft_schedule_warmup(c->warmup_ratio, m->steps, &m->warmup_steps));
  return VFT_OK;
}

/* Every epoch of the run can be filled: seen before a step is trained. */
static vft_status check_epochs(const vft_plan *p, const vft_config *c) {
  const vft_sampling *s = &p->manifest.sampling;
  if (s->has_beacon && !s->beacon_known) return VFT_OK;
  for (uint64_t e = 0; e < vft_sampling_epochs(s, p->manifest.steps); e++) {
    vft_plan_key key;
    vft_epoch_result result;
    TRY(vft_plan_epoch_key(p, e, &key));
    vft_order order = vft_sampling_order(s, &key.key);
    vft_status st = vft_sampler_epoch(&p->judged, &order,
                                      vft_sampling_rows(s, p->manifest.steps, e), s->candidates,
                                      NULL, NULL, &result);
    if (st != VFT_OK)
      return vft_fail_context(st, "%s: epoch %llu", c->file, (unsigned long long)e);
  }
  return VFT_OK;
}

static vft_status set_calibration(vft_plan *p, const vft_config *c, const vft_model *model) {
  vft_manifest *m = &p->manifest;
  if (c->calibration_text) {
    TRY(vft_file_read(c->calibration_text, TEXT_MAX, VFT_USAGE, &p->calibration));
  } else {
    p->calibration.size = strlen(vft_calibration_text);
    p->calibration.data = vft_alloc_raw(p->calibration.size + 1, 1);
    if (!p->calibration.data) return VFT_RESOURCE;
    memcpy(p->calibration.data, vft_calibration_text, p->calibration.size + 1);
  }
  TRY(vft_sha256(p->calibration.data, p->calibration.size, m->calibration_sha256));
  vft_status st = vft_plan_calibrate(m, model, p->tokenizer, &p->tmpl,
                                     (const char *)p->calibration.data, p->calibration.size,
                                     &m->profile);
  return st == VFT_USAGE ? vft_fail_context(st, "calibration") : st;
}

/* Steps whose integer constants would leave their declared range are found now. */
static vft_status check_schedule(const vft_plan *p) {
  for (uint64_t t = 0; t < p->manifest.steps; t++) {
    vft_step_inputs in;
    vft_status st = vft_schedule_inputs(&p->manifest, p->step, t, &in);
    if (st != VFT_OK) return vft_fail_context(st, "step %llu", (unsigned long long)t);
    vft_step_inputs_free(&in);
  }
  return VFT_OK;
}

static vft_status set_proof(vft_plan *p) {
  vft_manifest *m = &p->manifest;
  vft_commitment *base = NULL, *tables = NULL;
  vft_status st;
  TRY(vft_derive_step(&m->shape, &m->profile, &p->step));
  TRY(check_schedule(p));
  TRY_OUT(vft_derive_base(p->step, &p->weights, &base));
  TRY_OUT(vft_derive_tables(p->step, &tables));
  m->base_root = vft_commitment_root(base);
  m->h0 = vft_derive_h0(p->step, m->base_root);
  m->tables = vft_commitment_root(tables);
  TRY_OUT(vft_derive_initial(p->step, m->seed, &m->initial_adapter, &m->initial_state));
  m->log_columns = p->step->program->log_columns;
  vft_program_digest(p->step->program, m->program.b);
  TRY_OUT(vft_manifest_encode(m));
out:
  vft_commitment_free(base);
  vft_commitment_free(tables);
  return st;
}

vft_status vft_plan_make(const char *path, const vft_plan_request *request, vft_plan *p) {
  vft_status st;
  vft_config c;
  vft_model model = {0};
  memset(p, 0, sizeof *p);
  TRY(vft_config_load(path, &c));
  TRY_OUT(vft_file_read(path, TEXT_MAX, VFT_USAGE, &p->config));
  p->base_model = vft_path_absolute(&p->arena, c.base_model);
  if (!p->base_model) {
    st = VFT_RESOURCE;
    goto out;
  }
  TRY_OUT(vft_processing_make(&c, &p->processing));
  TRY_OUT(vft_model_load(c.base_model, &model));
  TRY_OUT(set_model(p, &model));
  TRY_OUT(set_optimiser(&p->manifest, &c));
  TRY_OUT(set_text(p, &c));
  TRY_OUT(set_records(p, &c, request));
  TRY_OUT(set_calibration(p, &c, &model));
  TRY_OUT(vft_weights_quantise(&model, &p->manifest.shape, &p->manifest.profile, &p->weights));
  vft_model_free(&model);
  TRY_OUT(set_proof(p));
  TRY_OUT(check_epochs(p, &c));
out:
  vft_model_free(&model);
  vft_config_free(&c);
  if (st != VFT_OK) vft_plan_free(p);
  return st;
}

/* ---- the run folder ---- */

/* Keys of the windows of this run that are for everyone. */
static vft_status write_windows(const vft_plan *p, const char *folder) {
  const vft_sampling *s = &p->manifest.sampling;
  vft_windows w = {.n = vft_windows_count(&p->manifest)};
  w.key = vft_alloc(w.n, sizeof *w.key);
  vft_status st = w.key ? VFT_OK : VFT_RESOURCE;
  for (uint64_t i = 0; st == VFT_OK && i < w.n; i++) {
    vft_plan_key key;
    st = vft_plan_epoch_key(p, i * (uint64_t)s->public_every * (uint64_t)s->window, &key);
    if (st == VFT_OK) w.key[i] = key.window_key;
  }
  if (st == VFT_OK) st = vft_windows_write(folder, &p->manifest, &w);
  vft_windows_free(&w);
  return st;
}

static json_t *run_json(const vft_plan *p) {
  return json_pack("{s:s, s:s, s:o}", "format", VFT_RUN_FORMAT, "base_model", p->base_model, "data",
                   p->data ? json_string(p->data) : json_null());
}

vft_status vft_plan_write(const vft_plan *p, const char *run) {
  vft_arena arena = {0};
  vft_status st = VFT_RESOURCE;
  char *text = NULL;
  size_t length;
  static const char *const folder[] = {"public/proofs", "private/checkpoints"};
  for (size_t i = 0; i < 2; i++) {
    char *path = vft_run_path(&arena, run, folder[i]);
    if (!path) goto out;
    TRY_OUT(vft_folder_make(path));
  }
  json_t *json = run_json(p);
  if (!json) {
    st = vft_fail(VFT_USAGE, "%s: a path is not valid UTF-8", run);
    goto out;
  }
  st = vft_json_canonical(json, &text, &length);
  json_decref(json);
  if (st != VFT_OK) goto out;
  char *public = vft_run_path(&arena, run, "public");
  st = VFT_RESOURCE;
  if (!public) goto out;
  if (p->manifest.sampling.has_beacon)
    TRY_OUT(vft_beacon_write(public, &p->manifest.sampling));
  if (p->manifest.sampling.mode == VFT_SAMPLER_HYBRID) TRY_OUT(write_windows(p, public));
  const struct {
    const char *name;
    const void *data;
    size_t size;
  } file[] = {{"private/run.json", text, length},
              {"private/config.yaml", p->config.data, p->config.size},
              {"public/calibration.txt", p->calibration.data, p->calibration.size},
              {"public/manifest.json", p->manifest.text, p->manifest.length}};
  for (size_t i = 0; i < sizeof file / sizeof *file; i++) {
    char *path = vft_run_path(&arena, run, file[i].name);
    if (!path) {
      st = VFT_RESOURCE;
      goto out;
    }
    TRY_OUT(vft_file_write(path, file[i].data, file[i].size));
  }
out:
  vft_free(text);
  vft_arena_free(&arena);
  return st;
}

/* ---- opening ---- */

static vft_status changed(const char *path, const char *what) {
  return vft_fail(VFT_USAGE, "%s: %s is not the one that the run was planned with", path, what);
}

static vft_status read_run_json(vft_plan *p, const char *run) {
  vft_bytes text;
  json_t *root;
  json_error_t error;
  const char *format, *model;
  json_t *data;
  char *path = vft_run_path(&p->arena, run, "private/run.json");
  if (!path) return VFT_RESOURCE;
  TRY(vft_file_read(path, TEXT_MAX, VFT_USAGE, &text));
  root = json_loadb((const char *)text.data, text.size, 0, &error);
  vft_bytes_free(&text);
  if (!root) return vft_fail(VFT_USAGE, "%s:%d: %s", path, error.line, error.text);
  vft_status st = VFT_OK;
  if (json_unpack(root, "{s:s}", "format", &format) || strcmp(format, VFT_RUN_FORMAT)) {
    st = vft_fail(VFT_USAGE, "%s: a run folder of another version (expected %s)", path,
                  VFT_RUN_FORMAT);
  } else if (json_unpack_ex(root, &error, 0, "{s:s, s:s, s:o !}", "format", &format, "base_model",
                            &model, "data", &data)) {
    st = vft_fail(VFT_USAGE, "%s: %s", path, error.text);
  } else if (!json_is_null(data) && !json_is_string(data)) {
    st = vft_fail(VFT_USAGE, "%s: data: expected a path or null", path);
  } else {
    p->base_model = vft_arena_strdup(&p->arena, model);
    if (json_is_string(data)) p->data = vft_arena_strdup(&p->arena, json_string_value(data));
    if (!p->base_model || (json_is_string(data) && !p->data)) st = VFT_RESOURCE;
  }
  json_decref(root);
  return st;
}

static vft_status open_weights(vft_plan *p) {
  vft_model model;
  TRY(vft_model_load(p->base_model, &model));
  vft_status st = VFT_OK;
  p->context = model.arch.context;
  if (memcmp(model.digest, p->manifest.model_digest, 32))
    st = changed(p->base_model, "the base model");
  if (st == VFT_OK)
    st = vft_weights_quantise(&model, &p->manifest.shape, &p->manifest.profile, &p->weights);
  vft_model_free(&model);
  return st;
}

static vft_status open_text(vft_plan *p) {
  vft_manifest *m = &p->manifest;
  uint8_t digest[32];
  TRY(vft_template_by_name(m->template_name, &p->tmpl));
  p->tmpl.default_system = m->system;
  TRY(vft_template_digest(&p->tmpl, digest));
  if (memcmp(digest, m->template_digest, 32)) return changed(m->template_name, "the template");
  TRY(vft_tokenizer_load(p->base_model, &p->tokenizer));
  if (memcmp(vft_tokenizer_digest(p->tokenizer), m->tokenizer_digest, 32))
    return changed(p->base_model, "the tokenizer");
  return VFT_OK;
}

/* The commitment that the run was planned with. */
static vft_status open_dataset(vft_plan *p, const char *run) {
  const vft_sampling *s = &p->manifest.sampling;
  const char *folder = p->data ? p->data : vft_run_path(&p->arena, run, "private/data");
  uint8_t ours[32], theirs[32];
  char want[65], have[65];
  if (!folder) return VFT_RESOURCE;
  TRY(vft_data_folder_open(folder, &p->dataset));
  vft_poseidon_bytes(&s->root, ours);
  vft_poseidon_bytes(&p->dataset.root, theirs);
  vft_hex(ours, 32, want);
  vft_hex(theirs, 32, have);
  if (memcmp(ours, theirs, 32))
    return vft_fail(VFT_USAGE, "%s: not the dataset that the run was planned with: root expected "
                    "%s, actual %s", folder, want, have);
  p->has_secret = vft_sampling_secret(s, &p->dataset, p->secret);
  TRY(alloc_rows(p));
  return vft_policy_judge(&s->policy, &p->dataset, &p->judged);
}

/* Its sources and its tokenizer. */
static vft_status open_records(vft_plan *p) {
  const vft_manifest *m = &p->manifest;
  TRY(vft_dataset_sources_check(&p->dataset));
  TRY(vft_processing_read(p->dataset.config_json, &p->processing));
  if (memcmp(p->processing.tokenizer_digest, m->tokenizer_digest, 32))
    return changed(p->base_model, "the tokenizer");
  if (memcmp(p->processing.proc, m->sampling.proc, 32))
    return changed(p->dataset.path, "the processing of records");
  p->tokenizer = p->processing.tokenizer;
  p->tmpl = p->processing.tmpl;
  return VFT_OK;
}

vft_status vft_plan_open(const char *run, unsigned parts, vft_plan *p) {
  vft_status st = VFT_RESOURCE;
  memset(p, 0, sizeof *p);
  char *path = vft_run_path(&p->arena, run, "public/manifest.json");
  char *public = vft_run_path(&p->arena, run, "public");
  if (!path || !public) goto out;
  if (!vft_file_exists(path)) {
    st = vft_fail(VFT_USAGE, "%s: no run here: %s is missing (vft train makes one)", run, path);
    goto out;
  }
  TRY_OUT(read_run_json(p, run));
  TRY_OUT(vft_manifest_load(path, &p->manifest));
  TRY_OUT(vft_derive_from_manifest(&p->manifest, &p->step));
  if (parts & VFT_PLAN_WEIGHTS) TRY_OUT(open_weights(p));
  if (parts & (VFT_PLAN_RECORDS | VFT_PLAN_DATASET)) {
    TRY_OUT(vft_beacon_read(public, &p->manifest.sampling));
    TRY_OUT(open_dataset(p, run));
  }
  if (parts & VFT_PLAN_RECORDS) TRY_OUT(open_records(p));
  else if (parts & VFT_PLAN_TOKENIZER) TRY_OUT(open_text(p));
out:
  if (st != VFT_OK) vft_plan_free(p);
  return st;
}

void vft_plan_free(vft_plan *p) {
  if (p->tokenizer != p->processing.tokenizer) vft_tokenizer_free(p->tokenizer);
  if (p->rows) vft_free(p->rows->record);
  vft_free(p->rows);
  vft_judged_free(&p->judged);
  vft_processing_free(&p->processing);
  if (p->dataset.db) vft_dataset_close(&p->dataset);
  vft_weights_free(&p->weights);
  vft_step_free(p->step);
  vft_manifest_free(&p->manifest);
  vft_bytes_free(&p->config);
  vft_bytes_free(&p->calibration);
  vft_arena_free(&p->arena);
  memset(p, 0, sizeof *p);
}

/* ---- epochs ---- */

vft_status vft_plan_epoch_key(const vft_plan *p, uint64_t epoch, vft_plan_key *out) {
  const vft_sampling *s = &p->manifest.sampling;
  if (s->mode != VFT_SAMPLER_PUBLIC && !p->has_secret)
    return vft_fail(VFT_USAGE, "%s: the secret of the sampler is not in this dataset",
                    p->dataset.path);
  vft_poseidon_digest master = vft_sampling_master(s, p->manifest.digest, p->secret);
  out->epoch = epoch;
  out->window = epoch / (uint64_t)s->window;
  out->is_public = vft_sampling_public(s, out->window);
  out->window_key = vft_sampler_window(&master, out->window);
  out->key = vft_sampler_epoch_key(&out->window_key, epoch);
  return VFT_OK;
}

static vft_status note_verdict(void *ctx, const vft_candidate *c) {
  vft_plan_epoch_list *list = ctx;
  list->verdict[c->candidate] = (uint8_t)c->verdict;
  return VFT_OK;
}

vft_status vft_plan_epoch_under(const vft_plan *p, const vft_plan_key *key,
                                vft_plan_epoch_list *out) {
  const vft_sampling *s = &p->manifest.sampling;
  vft_order order = vft_sampling_order(s, &key->key);
  vft_epoch_result result;
  *out = (vft_plan_epoch_list){.key = *key, .candidates = s->candidates};
  out->rows = vft_sampling_rows(s, p->manifest.steps, key->epoch);
  out->record = vft_alloc_raw(s->candidates, sizeof *out->record);
  out->verdict = vft_alloc_raw(s->candidates, sizeof *out->verdict);
  vft_status st = VFT_RESOURCE;
  if (!out->record || !out->verdict) goto out;
  memset(out->verdict, VFT_SKIP_FILLED, s->candidates);
  vft_order_take(&order, 0, s->candidates, out->record);
  st = vft_sampler_epoch(&p->judged, &order, out->rows, s->candidates, note_verdict, out, &result);
out:
  if (st != VFT_OK) vft_plan_epoch_list_free(out);
  return st;
}

vft_status vft_plan_epoch(const vft_plan *p, uint64_t epoch, vft_plan_epoch_list *out) {
  vft_plan_key key;
  TRY(vft_plan_epoch_key(p, epoch, &key));
  return vft_plan_epoch_under(p, &key, out);
}

void vft_plan_epoch_list_free(vft_plan_epoch_list *list) {
  vft_free(list->record);
  vft_free(list->verdict);
  memset(list, 0, sizeof *list);
}

/* ---- batches ---- */

vft_status vft_batch_alloc(const vft_manifest *m, vft_batch *b) {
  memset(b, 0, sizeof *b);
  b->sequences = (size_t)m->shape.sequences;
  b->positions = (size_t)m->shape.positions;
  size_t n = b->sequences * b->positions;
  b->input = vft_alloc(n, sizeof *b->input);
  b->label = vft_alloc(n, sizeof *b->label);
  b->mask = vft_alloc(n, sizeof *b->mask);
  b->record = vft_alloc(b->sequences, sizeof *b->record);
  b->tokens = vft_alloc(b->sequences, sizeof *b->tokens);
  b->raw = vft_alloc(b->sequences, sizeof *b->raw);
  if (b->input && b->label && b->mask && b->record && b->tokens && b->raw) return VFT_OK;
  vft_batch_free(b);
  return VFT_RESOURCE;
}

void vft_batch_free(vft_batch *b) {
  vft_free(b->input);
  vft_free(b->label);
  vft_free(b->mask);
  vft_free(b->record);
  vft_free(b->tokens);
  vft_free(b->raw);
  memset(b, 0, sizeof *b);
}

void vft_batch_put(const vft_manifest *m, vft_batch *b, size_t s, const vft_sample *sample) {
  size_t n = b->positions;
  for (size_t i = 0; i < n; i++) {
    size_t at = s * n + i;
    b->input[at] = i < sample->length ? sample->id[i] : m->pad_id;
    b->label[at] = i + 1 < sample->length ? sample->id[i + 1] : m->pad_id;
    b->mask[at] = i + 1 < sample->length && sample->mask[i + 1];
    b->loss_tokens += (size_t)b->mask[at];
  }
}

static vft_status make_rows(const vft_plan *p, uint64_t epoch, vft_plan_rows *rows) {
  vft_plan_epoch_list list;
  TRY(vft_plan_epoch(p, epoch, &list));
  vft_free(rows->record);
  *rows = (vft_plan_rows){.epoch = epoch, .record = vft_alloc_raw(list.rows, sizeof(uint64_t))};
  for (uint64_t c = 0; rows->record && c < list.candidates; c++)
    if (list.verdict[c] == VFT_ACCEPTED) rows->record[rows->count++] = list.record[c];
  vft_plan_epoch_list_free(&list);
  return rows->record ? VFT_OK : VFT_RESOURCE;
}

vft_status vft_plan_batch(const vft_plan *p, uint64_t t, vft_batch *b) {
  const vft_sampling *s = &p->manifest.sampling;
  uint64_t epoch = t / s->steps_per_epoch, first = t % s->steps_per_epoch * b->sequences;
  if (!p->rows->record || p->rows->epoch != epoch) TRY(make_rows(p, epoch, p->rows));
  b->loss_tokens = 0;
  for (size_t i = 0; i < b->sequences; i++) {
    vft_sample sample;
    b->record[i] = p->rows->record[first + i];
    TRY(vft_dataset_sample(&p->dataset, &p->processing, b->record[i], &sample, NULL, b->raw[i]));
    vft_batch_put(&p->manifest, b, i, &sample);
    b->tokens[i] = (uint32_t)sample.length;
    vft_sample_free(&sample);
  }
  return VFT_OK;
}
