#include "run/plan.h"

#include <stdio.h>
#include <string.h>

#include "data/calibration_text.h"
#include "data/canonical_json.h"
#include "data/shuffle.h"
#include "model/source.h"
#include "run/derive.h"
#include "run/initial.h"
#include "run/progress.h"
#include "run/schedule.h"

enum {
  CALIBRATION_SEQUENCES = 4,
  CALIBRATION_POSITIONS = 128,
  CALIBRATION_TOKENS = 1024,
  TEXT_MAX = 16 << 20
};

char *vft_run_path(vft_arena *arena, const char *run, const char *name) {
  return vft_arena_printf(arena, "%s/%s", run, name);
}

/* ---- records ---- */

static vft_status load_source(vft_plan *p, size_t i, const char *path, vft_records_format format) {
  vft_plan_source *s = &p->source[i];
  s->path = vft_path_absolute(&p->arena, path);
  if (!s->path) return VFT_RESOURCE;
  TRY(vft_records_load(path, format, &s->records));
  s->format = s->records.format;
  TRY(vft_samples_build(&s->records, p->tokenizer, &p->tmpl,
                        (size_t)p->manifest.shape.positions + 1, &s->samples));
  return VFT_OK;
}

/* The samples of all sources in one list. */
static vft_status list_samples(vft_plan *p) {
  for (size_t i = 0; i < p->sources; i++) p->samples += p->source[i].samples.count;
  p->sample = vft_arena_alloc(&p->arena, p->samples, sizeof *p->sample);
  p->language = vft_arena_alloc(&p->arena, p->samples, sizeof *p->language);
  if (!p->sample || !p->language) return VFT_RESOURCE;
  size_t k = 0;
  for (size_t i = 0; i < p->sources; i++)
    for (size_t j = 0; j < p->source[i].samples.count; j++, k++) {
      p->sample[k] = &p->source[i].samples.sample[j];
      p->language[k] =
          vft_record_lang(&p->source[i].records.record[p->source[i].samples.record[j]]);
    }
  return VFT_OK;
}

static void note_samples(const vft_plan *p) {
  for (size_t i = 0; i < p->sources; i++) {
    const vft_samples *s = &p->source[i].samples;
    const char *name = vft_path_name(p->source[i].path);
    if (s->truncated)
      vft_note("note: %s: %zu of %zu records are longer than sequence_len and are cut", name,
               s->truncated, p->source[i].records.count);
    if (s->without_loss)
      vft_note("note: %s: %zu records have no token to learn within sequence_len and are left out",
               name, s->without_loss);
    if (s->dropped_bytes)
      vft_note("note: %s: the vocabulary has no token for %zu bytes; they are dropped", name,
               s->dropped_bytes);
  }
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

static vft_status set_model(vft_plan *p, const vft_config *c, const vft_model *model) {
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
  m->pad_id = model->arch.pad >= 0 ? model->arch.pad : model->arch.eos >= 0 ? model->arch.eos : 0;
  if (c->sequence_len > model->arch.context)
    return vft_fail(VFT_USAGE, "%s: sequence_len: %d is longer than the model's context of %d",
                    c->file, c->sequence_len, model->arch.context);
  if (m->pad_id >= model->arch.vocab) m->pad_id = 0;
  return VFT_OK;
}

static vft_status set_optimiser(vft_manifest *m, const vft_config *c) {
  vft_step_shape *s = &m->shape;
  s->adapted = c->targets;
  s->sequences = c->micro_batch_size * c->gradient_accumulation_steps;
  s->positions = c->sequence_len;
  m->alpha = c->lora_alpha;
  m->seed = c->seed;
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
  TRY(vft_template_by_name(c->chat_template, &p->tmpl));
  m->template_name = vft_arena_strdup(&m->arena, c->chat_template);
  m->system = c->system ? vft_arena_strdup(&m->arena, c->system) : NULL;
  if (!m->template_name || (c->system && !m->system)) return VFT_RESOURCE;
  p->tmpl.default_system = m->system;
  TRY(vft_template_digest(&p->tmpl, m->template_digest));
  TRY(vft_tokenizer_load(c->base_model, &p->tokenizer));
  memcpy(m->tokenizer_digest, vft_tokenizer_digest(p->tokenizer), 32);
  if (vft_tokenizer_size(p->tokenizer) > (size_t)m->shape.vocab)
    return vft_fail(VFT_USAGE, "%s: the tokenizer has %zu tokens, the model %d", c->base_model,
                    vft_tokenizer_size(p->tokenizer), m->shape.vocab);
  return VFT_OK;
}

static vft_status set_records(vft_plan *p, const vft_config *c) {
  vft_manifest *m = &p->manifest;
  p->sources = c->ndatasets;
  p->source = vft_arena_alloc(&p->arena, p->sources, sizeof *p->source);
  m->source = vft_arena_alloc(&m->arena, p->sources, sizeof *m->source);
  if (!p->source || !m->source) return VFT_RESOURCE;
  m->sources = p->sources;
  for (size_t i = 0; i < p->sources; i++) {
    vft_records_format format;
    TRY(vft_records_format_by_name(c->datasets[i].type, &format));
    TRY(load_source(p, i, c->datasets[i].path, format));
    const vft_plan_source *s = &p->source[i];
    vft_manifest_source *out = &m->source[i];
    out->name = vft_arena_strdup(&m->arena, vft_path_name(s->path));
    out->type = vft_arena_strdup(&m->arena, vft_records_format_name(s->format));
    if (!out->name || !out->type) return VFT_RESOURCE;
    out->bytes = s->records.file_bytes;
    memcpy(out->sha256, s->records.sha256, sizeof out->sha256);
    out->records = s->records.count;
    out->used = s->samples.count;
  }
  TRY(list_samples(p));
  note_samples(p);
  m->records = p->samples;
  uint64_t per_step = (uint64_t)m->shape.sequences;
  if (m->records < per_step)
    return vft_fail(VFT_USAGE, "%s: %llu records can be used, a step takes %llu (micro_batch_size "
                    "x gradient_accumulation_steps)", c->file, (unsigned long long)m->records,
                    (unsigned long long)per_step);
  m->steps = c->max_steps > 0 ? (uint64_t)c->max_steps
                              : (uint64_t)c->num_epochs * (m->records / per_step);
  if (m->steps > 1u << 24)
    return vft_fail(VFT_USAGE, "%s: num_epochs: %llu steps, at most 2^24", c->file,
                    (unsigned long long)m->steps);
  if (c->warmup_steps >= 0)
    m->warmup_steps = (uint64_t)c->warmup_steps;
  else
    TRY(vft_schedule_warmup(c->warmup_ratio, m->steps, &m->warmup_steps));
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

vft_status vft_plan_make(const char *path, vft_plan *p) {
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
  TRY_OUT(vft_model_load(c.base_model, &model));
  TRY_OUT(set_model(p, &c, &model));
  TRY_OUT(set_optimiser(&p->manifest, &c));
  TRY_OUT(set_text(p, &c));
  TRY_OUT(set_records(p, &c));
  TRY_OUT(set_calibration(p, &c, &model));
  TRY_OUT(vft_weights_quantise(&model, &p->manifest.shape, &p->manifest.profile, &p->weights));
  vft_model_free(&model);
  TRY_OUT(set_proof(p));
out:
  vft_model_free(&model);
  vft_config_free(&c);
  if (st != VFT_OK) vft_plan_free(p);
  return st;
}

/* ---- the run folder ---- */

static json_t *run_json(const vft_plan *p) {
  json_t *sources = json_array();
  for (size_t i = 0; i < p->sources; i++)
    json_array_append_new(sources,
                          json_pack("{s:s, s:s}", "path", p->source[i].path, "type",
                                    vft_records_format_name(p->source[i].format)));
  return json_pack("{s:s, s:s, s:o}", "format", VFT_RUN_FORMAT, "base_model", p->base_model,
                   "sources", sources);
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
  json_t *sources;
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
                            &model, "sources", &sources)) {
    st = vft_fail(VFT_USAGE, "%s: %s", path, error.text);
  } else {
    p->base_model = vft_arena_strdup(&p->arena, model);
    p->sources = json_array_size(sources);
    p->source = vft_arena_alloc(&p->arena, p->sources, sizeof *p->source);
    if (!p->base_model || !p->source) st = VFT_RESOURCE;
    for (size_t i = 0; st == VFT_OK && i < p->sources; i++) {
      const char *name, *type;
      if (json_unpack(json_array_get(sources, i), "{s:s, s:s !}", "path", &name, "type", &type))
        st = vft_fail(VFT_USAGE, "%s: sources: expected path and type", path);
      else
        st = vft_records_format_by_name(type, &p->source[i].format);
      if (st == VFT_OK && !(p->source[i].path = vft_arena_strdup(&p->arena, name)))
        st = VFT_RESOURCE;
    }
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

static vft_status open_records(vft_plan *p) {
  const vft_manifest *m = &p->manifest;
  if (p->sources != m->sources) return changed("private/run.json", "the list of sources");
  for (size_t i = 0; i < p->sources; i++) {
    TRY(load_source(p, i, p->source[i].path, p->source[i].format));
    if (memcmp(p->source[i].records.sha256, m->source[i].sha256, 32))
      return changed(p->source[i].path, "the file of records");
  }
  TRY(list_samples(p));
  return p->samples == m->records ? VFT_OK : changed("records", "the number of usable records");
}

vft_status vft_plan_open(const char *run, unsigned parts, vft_plan *p) {
  vft_status st = VFT_RESOURCE;
  memset(p, 0, sizeof *p);
  char *path = vft_run_path(&p->arena, run, "public/manifest.json");
  if (!path) goto out;
  if (!vft_file_exists(path)) {
    st = vft_fail(VFT_USAGE, "%s: no run here: %s is missing (vft train makes one)", run, path);
    goto out;
  }
  TRY_OUT(read_run_json(p, run));
  TRY_OUT(vft_manifest_load(path, &p->manifest));
  TRY_OUT(vft_derive_from_manifest(&p->manifest, &p->step));
  if (parts & VFT_PLAN_WEIGHTS) TRY_OUT(open_weights(p));
  if (parts & (VFT_PLAN_RECORDS | VFT_PLAN_TOKENIZER)) TRY_OUT(open_text(p));
  if (parts & VFT_PLAN_RECORDS) TRY_OUT(open_records(p));
out:
  if (st != VFT_OK) vft_plan_free(p);
  return st;
}

void vft_plan_free(vft_plan *p) {
  for (size_t i = 0; p->source && i < p->sources; i++) {
    vft_samples_free(&p->source[i].samples);
    vft_records_free(&p->source[i].records);
  }
  vft_tokenizer_free(p->tokenizer);
  vft_weights_free(&p->weights);
  vft_step_free(p->step);
  vft_manifest_free(&p->manifest);
  vft_bytes_free(&p->config);
  vft_bytes_free(&p->calibration);
  vft_arena_free(&p->arena);
  memset(p, 0, sizeof *p);
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
  if (b->input && b->label && b->mask && b->record) return VFT_OK;
  vft_batch_free(b);
  return VFT_RESOURCE;
}

void vft_batch_free(vft_batch *b) {
  vft_free(b->input);
  vft_free(b->label);
  vft_free(b->mask);
  vft_free(b->record);
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

vft_status vft_plan_batch(const vft_plan *p, uint64_t t, vft_batch *b) {
  TRY(vft_step_records(p->manifest.seed, t, p->samples, b->sequences, b->record));
  b->loss_tokens = 0;
  for (size_t s = 0; s < b->sequences; s++)
    vft_batch_put(&p->manifest, b, s, p->sample[b->record[s]]);
  return VFT_OK;
}
