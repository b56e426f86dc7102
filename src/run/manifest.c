#include "run/manifest.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "data/canonical_json.h"
#include "data/processing.h"
#include "hash/sha256.h"
#include "model/fixmath.h"

enum { MANIFEST_MAX = 16 << 20 };

static const char *const schedule_names[] = {"cosine", "linear", "constant"};

void vft_hex(const uint8_t *bytes, size_t n, char *text) {
  static const char digits[] = "0123456789abcdef";
  for (size_t i = 0; i < n; i++) {
    text[2 * i] = digits[bytes[i] >> 4];
    text[2 * i + 1] = digits[bytes[i] & 15];
  }
  text[2 * n] = 0;
}

vft_status vft_unhex(const char *text, uint8_t *bytes, size_t n) {
  for (size_t i = 0; i < 2 * n; i++) {
    char c = text[i];
    int v = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
    if (v < 0) return vft_fail(VFT_USAGE, "expected %zu lower-case hexadecimal digits", 2 * n);
    bytes[i / 2] = (uint8_t)(i % 2 ? bytes[i / 2] | v : v << 4);
  }
  return text[2 * n] ? vft_fail(VFT_USAGE, "expected %zu lower-case hexadecimal digits", 2 * n)
                     : VFT_OK;
}

/* ---- writing ---- */

static json_t *hex_json(const uint8_t *bytes, size_t n) {
  char text[2 * 64 + 1];
  vft_hex(bytes, n, text);
  return json_string(text);
}

static json_t *u64_json(uint64_t x) {
  char text[24];
  snprintf(text, sizeof text, "%" PRIu64, x);
  return json_string(text);
}

/* Nine significant digits name a float32 uniquely. */
static json_t *float_json(float x) {
  char text[48];
  snprintf(text, sizeof text, "%.9g", (double)x);
  return json_string(text);
}

static void profile_field(void *ctx, const char *name, int *values, size_t count) {
  json_t *object = ctx;
  if (count == 1 && name[0]) {
    json_object_set_new(object, name, json_integer(values[0]));
    return;
  }
  json_t *list = json_array();
  for (size_t i = 0; i < count; i++) json_array_append_new(list, json_integer(values[i]));
  json_object_set_new(object, name, list);
}

static json_t *targets_json(unsigned targets) {
  json_t *list = json_array();
  for (int p = 0; p < 7; p++)
    if (targets >> p & 1) json_array_append_new(list, json_string(vft_projection_names[p]));
  return list;
}

/* NULL: a text is not UTF-8. */
static json_t *build(vft_manifest *m) {
  const vft_step_shape *s = &m->shape;
  json_t *files = json_array(), *sources = json_array(), *profile = json_object();
  json_t *dataset, *policy, *sampler;
  if (vft_sampling_json(&m->sampling, &dataset, &policy, &sampler) != VFT_OK) return NULL;
  for (size_t i = 0; i < m->files; i++)
    json_array_append_new(files, json_pack("{s:s, s:o, s:o}", "name", m->file[i].name, "bytes",
                                           u64_json(m->file[i].bytes), "sha256",
                                           hex_json(m->file[i].sha256, 32)));
  for (size_t i = 0; i < m->sources; i++) {
    const vft_manifest_source *f = &m->source[i];
    json_array_append_new(
        sources, json_pack("{s:s, s:s, s:o, s:o, s:I, s:I}", "name", f->name, "type", f->type,
                           "bytes", u64_json(f->bytes), "sha256", hex_json(f->sha256, 32),
                           "records", (json_int_t)f->records, "used", (json_int_t)f->used));
  }
  vft_profile_fields(&m->profile, profile_field, profile);
  json_t *architecture = json_pack(
      "{s:s, s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:b, s:o, s:o}", "family", "llama", "layers",
      s->layers, "d", s->d, "kv_heads", s->groups, "heads", s->groups * s->per_group, "head_dim",
      s->head_dim, "ff", s->ff, "vocab", s->vocab, "tied", s->tied, "rope_theta",
      float_json(s->rope_theta), "rms_eps", float_json(s->rms_eps));
  json_t *base = json_pack("{s:o, s:o, s:o, s:o, s:o}", "architecture", architecture, "files",
                           files, "digest", hex_json(m->model_digest, 32), "h0",
                           hex_json(m->h0.b, 32), "root", hex_json(m->base_root.b, 32));
  json_t *records = json_pack(
      "{s:i, s:s, s:s, s:i, s:o}", "sequence_len", s->positions, "truncation",
      "keep the first sequence_len + 1 tokens", "padding", "right, outside the loss", "pad_id",
      (int)m->pad_id, "sources", sources);
  json_t *adapter = json_pack(
      "{s:s, s:i, s:i, s:o, s:s, s:{s:s, s:s, s:s, s:o}}", "kind", "lora", "rank", s->rank,
      "alpha", m->alpha, "targets", targets_json(s->adapted), "frozen",
      "every base weight, norm and embedding", "init", "a", "kaiming uniform, vft lora A v1", "b",
      "zero", "moments", "zero", "seed", u64_json(m->seed));
  json_t *optimizer = json_pack(
      "{s:s, s:s, s:i, s:s, s:i, s:s, s:s, s:s}", "kind", "adamw", "beta1", m->beta1, "beta1_q16",
      s->beta1_q16, "beta2", m->beta2, "beta2_denominator", s->d2, "epsilon", m->epsilon,
      "weight_decay", m->weight_decay, "learning_rate", m->learning_rate);
  json_t *schedule = json_pack("{s:s, s:I, s:I}", "kind", schedule_names[m->schedule],
                               "warmup_steps", (json_int_t)m->warmup_steps, "steps",
                               (json_int_t)m->steps);
  json_t *clipping = json_pack("{s:s, s:s, s:i, s:i}", "kind", s->clip ? "global norm" : "none",
                               "max_norm", m->max_grad_norm, "units", s->clip_u, "units_frac",
                               s->clip_frac);
  json_t *arithmetic = json_pack(
      "{s:o, s:{s:o, s:i, s:i, s:s}, s:{s:s, s:s}}", "profile", profile, "calibration",
      "text_sha256", hex_json(m->calibration_sha256, 32), "sequences", m->calibration_sequences,
      "positions", m->calibration_positions, "b_amplitude", m->calibration_b, "error_budgets",
      "tables", "each entry within 0.5000001 of the exact value, in units of its last place",
      "requantisation", "round half up, exact");
  json_t *proof = json_pack(
      "{s:s, s:s, s:i, s:i, s:o, s:o, s:o, s:o}", "protocol", VFT_PROTOCOL_NAME, "hash",
      vft_hash_names[s->hash], "security_bits",
      (int)VFT_SECURITY_BITS, "log_columns", (int)m->log_columns, "program",
      hex_json(m->program.b, 32), "tables", hex_json(m->tables.b, 32), "initial_adapter",
      hex_json(m->initial_adapter.b, 32), "initial_state", hex_json(m->initial_state.b, 32));
  return json_pack(
      "{s:s, s:o, s:{s:o}, s:{s:s, s:o, s:o}, s:o, s:o, s:o, s:o, s:o, s:o, "
      "s:o, s:{s:i, s:i, s:s}, s:o, s:o, s:o}",
      "format", VFT_MANIFEST_FORMAT, "base_model", base, "tokenizer", "digest",
      hex_json(m->tokenizer_digest, 32), "template", "name", m->template_name, "digest",
      hex_json(m->template_digest, 32), "system", m->system ? json_string(m->system) : json_null(),
      "records", records, "dataset", dataset, "policy", policy, "sampler", sampler, "adapter",
      adapter, "optimizer", optimizer, "schedule", schedule,
      "batch", "sequences", s->sequences, "positions", s->positions, "loss",
      "mean over the loss tokens of the step", "clipping", clipping, "arithmetic", arithmetic,
      "proof", proof);
}

vft_status vft_manifest_encode(vft_manifest *m) {
  json_t *root = build(m);
  if (!root)
    return vft_fail(VFT_USAGE, "manifest: a name or text in it is not valid UTF-8");
  char *text;
  size_t length;
  vft_status st = vft_json_canonical(root, &text, &length);
  json_decref(root);
  if (st != VFT_OK) return vft_fail_context(st, "manifest");
  if (length > MANIFEST_MAX) {
    vft_free(text);
    return vft_fail(VFT_USAGE, "manifest: %zu bytes, at most 16 MiB; the %zu different "
                    "combinations of source, licence, language, domain and tags take most of it",
                    length, m->sampling.classes);
  }
  vft_free(m->text);
  m->text = text;
  m->length = length;
  vft_sha256_digest digest;
  TRY(vft_sha256_hash(text, length, &digest));
  memcpy(m->digest, digest.b, sizeof m->digest);
  return VFT_OK;
}

/* ---- reading ---- */

typedef struct {
  vft_manifest *m;
  const char *name; /* of the document */
  vft_status st;
} parse;

static vft_status bad(const parse *p, const char *field, const char *expected) {
  return vft_reject("manifest/fields", "%s: %s: expected %s", p->name, field, expected);
}

static const char *copy(parse *p, const char *s) {
  const char *c = vft_arena_strdup(&p->m->arena, s);
  if (!c) p->st = VFT_RESOURCE;
  return c;
}

static void digest(parse *p, const char *field, const char *text, uint8_t *out) {
  if (p->st == VFT_OK && vft_unhex(text, out, 32) != VFT_OK)
    p->st = bad(p, field, "64 lower-case hexadecimal digits");
}

static void u64(parse *p, const char *field, const char *text, uint64_t *out) {
  char *end, again[24];
  errno = 0;
  *out = strtoull(text, &end, 10);
  snprintf(again, sizeof again, "%" PRIu64, *out);
  if (p->st == VFT_OK && (errno || *end || strcmp(again, text)))
    p->st = bad(p, field, "a whole number in decimal");
}

static void float32(parse *p, const char *field, const char *text, float *out) {
  char *end, again[48];
  *out = strtof(text, &end);
  snprintf(again, sizeof again, "%.9g", (double)*out);
  if (p->st == VFT_OK && (end == text || *end || strcmp(again, text) || !(*out >= 0) ||
                          !(*out < 1e12f)))
    p->st = bad(p, field, "a non-negative float32 with nine digits");
}

static void equals(parse *p, const char *field, const char *text, const char *want) {
  if (p->st == VFT_OK && strcmp(text, want)) p->st = bad(p, field, want);
}

/* NAME/NUMBER: another number is another version's, which is no evidence of anything. */
static void version(parse *p, const char *field, const char *have, const char *want) {
  size_t name = strcspn(want, "/") + 1;
  bool number = !strncmp(have, want, name) && have[name] &&
                !have[name + strspn(have + name, "0123456789")];
  if (p->st == VFT_OK && number && strcmp(have, want))
    p->st = vft_fail(VFT_USAGE, "%s: %s is %s: made by another version (this one reads %s)",
                     p->name, field, have, want);
  equals(p, field, have, want);
}

typedef struct {
  parse *p;
  json_t *object;
  size_t seen;
} profile_reader;

static void read_profile_field(void *ctx, const char *name, int *values, size_t count) {
  profile_reader *r = ctx;
  if (r->p->st != VFT_OK) return;
  json_t *v = json_object_get(r->object, name);
  r->seen++;
  for (size_t i = 0; i < count; i++) {
    json_t *item = json_is_array(v) ? json_array_get(v, i) : count == 1 ? v : NULL;
    json_int_t x = json_is_integer(item) ? json_integer_value(item) : INT64_MIN;
    if (x < -1000 || x > 1000 || (json_is_array(v) && json_array_size(v) != count)) {
      r->p->st = bad(r->p, name, "exponents or bit counts within -1000..1000, one a layer where "
                                 "they differ by layer");
      return;
    }
    values[i] = (int)x;
  }
}

static void read_targets(parse *p, json_t *list, unsigned *targets) {
  size_t i;
  json_t *item;
  *targets = 0;
  json_array_foreach(list, i, item) {
    int k = 0;
    while (k < 7 && (!json_is_string(item) ||
                     strcmp(json_string_value(item), vft_projection_names[k])))
      k++;
    if (k == 7) {
      if (p->st == VFT_OK) p->st = bad(p, "adapter.targets", "names of projections");
      return;
    }
    *targets |= 1u << k;
  }
}

static void read_files(parse *p, json_t *list) {
  vft_manifest *m = p->m;
  m->files = json_array_size(list);
  m->file = vft_arena_alloc(&m->arena, m->files, sizeof *m->file);
  if (!m->file) p->st = VFT_RESOURCE;
  for (size_t i = 0; p->st == VFT_OK && i < m->files; i++) {
    const char *name, *bytes, *sha;
    if (json_unpack(json_array_get(list, i), "{s:s, s:s, s:s !}", "name", &name, "bytes", &bytes,
                    "sha256", &sha)) {
      p->st = bad(p, "base_model.files", "objects of name, bytes, sha256");
      return;
    }
    m->file[i].name = (char *)(uintptr_t)copy(p, name);
    u64(p, "base_model.files.bytes", bytes, &m->file[i].bytes);
    digest(p, "base_model.files.sha256", sha, m->file[i].sha256);
  }
}

static void read_sources(parse *p, json_t *list) {
  vft_manifest *m = p->m;
  m->sources = json_array_size(list);
  m->source = vft_arena_alloc(&m->arena, m->sources, sizeof *m->source);
  if (!m->source) p->st = VFT_RESOURCE;
  for (size_t i = 0; p->st == VFT_OK && i < m->sources; i++) {
    const char *name, *type, *bytes, *sha;
    json_int_t records, used;
    if (json_unpack(json_array_get(list, i), "{s:s, s:s, s:s, s:s, s:I, s:I !}", "name", &name,
                    "type", &type, "bytes", &bytes, "sha256", &sha, "records", &records, "used",
                    &used) || records < 0 || used < 0) {
      p->st = bad(p, "records.sources", "objects of name, type, bytes, sha256, records, used");
      return;
    }
    m->source[i].name = (char *)(uintptr_t)copy(p, name);
    m->source[i].type = (char *)(uintptr_t)copy(p, type);
    u64(p, "records.sources.bytes", bytes, &m->source[i].bytes);
    digest(p, "records.sources.sha256", sha, m->source[i].sha256);
    m->source[i].records = (uint64_t)records;
    m->source[i].used = (uint64_t)used;
  }
}

static int log2_ratio(int alpha, int rank) {
  int k = 0;
  while (rank < alpha) rank *= 2, k++;
  while (alpha < rank) alpha *= 2, k--;
  return k;
}

/* What dataset and sampler say again of the rest of the manifest. */
static vft_status check_sampling(const parse *p) {
  const vft_manifest *m = p->m;
  const vft_sampling *s = &m->sampling;
  uint8_t proc[32];
  if (s->sequence_len != (uint64_t)m->shape.positions)
    return bad(p, "dataset.sequence_len", "records.sequence_len");
  if (s->records_a_step != (uint64_t)m->shape.sequences)
    return bad(p, "sampler.records_a_step", "batch.sequences");
  if (s->mode == VFT_SAMPLER_PUBLIC && s->seed != m->seed)
    return bad(p, "sampler.seed", "adapter.init.seed");
  TRY(vft_processing_digest(s->text_rule, m->template_digest, m->tokenizer_digest,
                            (size_t)s->sequence_len, m->pad_id, proc));
  if (memcmp(proc, s->proc, 32))
    return bad(p, "dataset.processing", "the digest of text_rule, template, tokenizer, "
                                        "sequence_len and pad_id");
  return VFT_OK;
}

static vft_status unpack(parse *p, json_t *root) {
  vft_manifest *m = p->m;
  vft_step_shape *s = &m->shape;
  json_error_t e;
  json_t *files, *sources, *profile, *targets, *system, *dataset, *policy, *sampler;
  const char *format, *family, *theta, *eps, *model_digest, *h0, *root_hex, *tok, *tname;
  const char *tdigest;
  const char *trunc, *padding, *akind, *frozen, *ia, *ib, *im, *aseed;
  const char *okind, *b1, *b2, *epsilon, *wd, *lr, *sched, *loss, *ckind, *max_norm, *text_sha;
  const char *amplitude, *budget_t, *budget_r, *protocol, *hash, *program, *tables, *iadapter, *istate;
  int heads, pad, bpos, bits, log_columns;
  json_int_t warmup, steps;
  if (json_unpack_ex(
          root, &e, 0,
          "{s:s,"
          " s:{s:{s:s, s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:b, s:s, s:s !}, s:o, s:s, s:s, s:s !},"
          " s:{s:s !}, s:{s:s, s:s, s:o !}, s:{s:i, s:s, s:s, s:i, s:o !}, s:o, s:o, s:o,"
          " s:{s:s, s:i, s:i, s:o, s:s, s:{s:s, s:s, s:s, s:s !} !},"
          " s:{s:s, s:s, s:i, s:s, s:i, s:s, s:s, s:s !}, s:{s:s, s:I, s:I !},"
          " s:{s:i, s:i, s:s !}, s:{s:s, s:s, s:i, s:i !},"
          " s:{s:o, s:{s:s, s:i, s:i, s:s !}, s:{s:s, s:s !} !},"
          " s:{s:s, s:s, s:i, s:i, s:s, s:s, s:s, s:s !} !}",
          "format", &format, "base_model", "architecture", "family", &family, "layers",
          &s->layers, "d", &s->d, "kv_heads", &s->groups, "heads", &heads, "head_dim",
          &s->head_dim, "ff", &s->ff, "vocab", &s->vocab, "tied", &s->tied, "rope_theta", &theta,
          "rms_eps", &eps, "files", &files, "digest", &model_digest, "h0", &h0, "root",
          &root_hex, "tokenizer", "digest", &tok, "template", "name", &tname, "digest", &tdigest,
          "system", &system,
          "records", "sequence_len", &s->positions, "truncation", &trunc, "padding", &padding,
          "pad_id", &pad, "sources", &sources, "dataset", &dataset, "policy", &policy, "sampler",
          &sampler, "adapter",
          "kind", &akind, "rank", &s->rank, "alpha", &m->alpha, "targets", &targets, "frozen",
          &frozen, "init", "a", &ia, "b", &ib, "moments", &im, "seed", &aseed, "optimizer", "kind",
          &okind, "beta1", &b1, "beta1_q16", &s->beta1_q16, "beta2", &b2, "beta2_denominator",
          &s->d2, "epsilon", &epsilon, "weight_decay", &wd, "learning_rate", &lr, "schedule",
          "kind", &sched, "warmup_steps", &warmup, "steps", &steps, "batch", "sequences",
          &s->sequences, "positions", &bpos, "loss", &loss, "clipping", "kind", &ckind,
          "max_norm", &max_norm, "units", &s->clip_u, "units_frac", &s->clip_frac, "arithmetic",
          "profile", &profile, "calibration", "text_sha256", &text_sha, "sequences",
          &m->calibration_sequences, "positions", &m->calibration_positions, "b_amplitude",
          &amplitude, "error_budgets", "tables", &budget_t, "requantisation", &budget_r, "proof",
          "protocol", &protocol, "hash", &hash, "security_bits", &bits, "log_columns", &log_columns, "program",
          &program, "tables", &tables, "initial_adapter", &iadapter, "initial_state", &istate))
    return vft_reject("manifest/fields", "%s: %s", p->name, e.text);
  version(p, "format", format, VFT_MANIFEST_FORMAT);
  equals(p, "base_model.architecture.family", family, "llama");
  equals(p, "adapter.kind", akind, "lora");
  equals(p, "optimizer.kind", okind, "adamw");
  version(p, "proof.protocol", protocol, VFT_PROTOCOL_NAME);
  equals(p, "arithmetic.calibration.b_amplitude", amplitude, VFT_CALIBRATION_B);
  if (p->st != VFT_OK) return p->st;
  if (bits != VFT_SECURITY_BITS) return bad(p, "proof.security_bits", "128");
  if (s->layers < 1 || s->layers > 1024 || s->groups < 1 || heads < 1 || heads > 4096 ||
      heads % s->groups || bpos != s->positions || steps < 1 ||
      steps > VFT_STEPS_MAX || warmup < 0 || warmup > VFT_STEPS_MAX ||
      log_columns < 3 || log_columns > 24 || m->alpha < 1 || m->alpha > 4096 || s->rank < 1 ||
      s->rank > 64 || m->calibration_sequences < 1 || m->calibration_positions < 2)
    return bad(p, "numbers", "values within the documented ranges");
  s->per_group = heads / s->groups;
  s->clip = strcmp(ckind, "none") != 0;
  equals(p, "clipping.kind", ckind, s->clip ? "global norm" : "none");
  s->alpha_log2 = log2_ratio(m->alpha, s->rank);
  m->pad_id = pad;
  m->warmup_steps = (uint64_t)warmup;
  m->steps = (uint64_t)steps;
  m->log_columns = (unsigned)log_columns;
  float32(p, "rope_theta", theta, &s->rope_theta);
  float32(p, "rms_eps", eps, &s->rms_eps);
  digest(p, "base_model.digest", model_digest, m->model_digest);
  digest(p, "base_model.h0", h0, m->h0.b);
  digest(p, "base_model.root", root_hex, m->base_root.b);
  digest(p, "tokenizer.digest", tok, m->tokenizer_digest);
  digest(p, "template.digest", tdigest, m->template_digest);
  digest(p, "calibration.text_sha256", text_sha, m->calibration_sha256);
  digest(p, "proof.program", program, m->program.b);
  digest(p, "proof.tables", tables, m->tables.b);
  digest(p, "proof.initial_adapter", iadapter, m->initial_adapter.b);
  digest(p, "proof.initial_state", istate, m->initial_state.b);
  u64(p, "seed", aseed, &m->seed);
  m->template_name = copy(p, tname);
  m->system = json_is_string(system) ? copy(p, json_string_value(system)) : NULL;
  if (!json_is_string(system) && !json_is_null(system) && p->st == VFT_OK)
    p->st = bad(p, "template.system", "a string or null");
  m->learning_rate = copy(p, lr);
  m->weight_decay = copy(p, wd);
  m->max_grad_norm = copy(p, max_norm);
  m->beta1 = copy(p, b1);
  m->beta2 = copy(p, b2);
  m->epsilon = copy(p, epsilon);
  m->calibration_b = copy(p, amplitude);
  int kind = 0;
  while (kind < 3 && strcmp(sched, schedule_names[kind])) kind++;
  if (kind == 3 && p->st == VFT_OK) p->st = bad(p, "schedule.kind", "cosine, linear or constant");
  m->schedule = (vft_schedule_kind)kind;
  s->hash = !strcmp(hash, vft_hash_names[VFT_HASH_POSEIDON]) ? VFT_HASH_POSEIDON : VFT_HASH_BLAKE3;
  equals(p, "proof.hash", hash, vft_hash_names[s->hash]);
  read_targets(p, targets, &s->adapted);
  if (p->st == VFT_OK)
    p->st = vft_sampling_parse(dataset, policy, sampler, p->name, &m->sampling);
  if (p->st == VFT_OK) p->st = check_sampling(p);
  s->steps_per_epoch = (int)m->sampling.steps_per_epoch;
  s->pad_id = m->pad_id;
  if (p->st == VFT_OK) read_files(p, files);
  if (p->st == VFT_OK) read_sources(p, sources);
  if (p->st == VFT_OK) p->st = vft_profile_init(&m->profile, s->layers);
  if (p->st == VFT_OK) {
    profile_reader r = {p, profile, 0};
    vft_profile_fields(&m->profile, read_profile_field, &r);
    if (p->st == VFT_OK && r.seen != json_object_size(profile))
      p->st = bad(p, "arithmetic.profile", "the profile's fields and no other");
  }
  return p->st;
}

vft_status vft_manifest_parse(const char *text, size_t length, const char *name,
                              vft_manifest *out) {
  memset(out, 0, sizeof *out);
  json_t *root;
  TRY(vft_json_parse_canonical(text, length, name, &root));
  parse p = {out, name, VFT_OK};
  vft_status st = unpack(&p, root);
  json_decref(root);
  /* Writing the parsed fields anew must give the same bytes: no text of the document is free. */
  if (st == VFT_OK) st = vft_manifest_encode(out);
  if (st == VFT_OK && (out->length != length || memcmp(out->text, text, length)))
    st = vft_reject("manifest/fields", "%s: a fixed text or a derived number differs from what "
                                       "this version writes", name);
  if (st == VFT_OK) st = vft_manifest_check_constants(out);
  if (st != VFT_OK) vft_manifest_free(out);
  return st;
}

vft_status vft_manifest_load(const char *path, vft_manifest *out) {
  FILE *f = fopen(path, "rb");
  if (!f) return vft_fail(VFT_USAGE, "%s: cannot read the manifest: %s", path, strerror(errno));
  char *text = vft_alloc_raw(MANIFEST_MAX + 1, 1);
  if (!text) {
    fclose(f);
    return VFT_RESOURCE;
  }
  size_t n = fread(text, 1, MANIFEST_MAX + 1, f);
  int failed = ferror(f);
  fclose(f);
  vft_status st = failed           ? vft_fail(VFT_USAGE, "%s: cannot be read", path)
                  : n > MANIFEST_MAX ? vft_reject("manifest/fields", "%s: larger than 16 MiB", path)
                                     : vft_manifest_parse(text, n, path, out);
  vft_free(text);
  return st;
}

void vft_manifest_free(vft_manifest *m) {
  vft_profile_free(&m->profile);
  vft_sampling_free(&m->sampling);
  vft_free(m->text);
  vft_arena_free(&m->arena);
  memset(m, 0, sizeof *m);
}

/* ---- constants ---- */

vft_status vft_manifest_set_constants(vft_step_shape *shape, const char *beta1, const char *beta2,
                                      const char *clip, int alpha, int rank) {
  vft_fix b1, b2;
  int64_t q16, d2;
  TRY(vft_fix_parse(beta1, &b1));
  TRY(vft_fix_parse(beta2, &b2));
  if (b1 < 0 || b1 >= VFT_FIX_ONE || b2 < 0 || b2 >= VFT_FIX_ONE)
    return vft_fail(VFT_USAGE, "adam betas must be in [0, 1)");
  TRY(vft_fix_round(b1, 16, &q16));
  TRY(vft_fix_round(vft_fix_div(VFT_FIX_ONE, VFT_FIX_ONE - b2), 0, &d2));
  if (q16 > 65535 || d2 < 1 || d2 > 1 << 20)
    return vft_fail(VFT_USAGE, "adam betas %s, %s are out of range", beta1, beta2);
  shape->beta1_q16 = (int)q16;
  shape->d2 = (int)d2;
  shape->rank = rank;
  shape->alpha_log2 = log2_ratio(alpha, rank);
  int k = shape->alpha_log2;
  if (k >= 0 ? rank << k != alpha : alpha << -k != rank)
    return vft_fail(VFT_USAGE, "lora_alpha / lora_r = %d / %d is not a power of two", alpha, rank);
  return vft_step_shape_set_clip(shape, clip);
}

vft_status vft_manifest_check_constants(const vft_manifest *m) {
  vft_step_shape s = m->shape;
  if (vft_manifest_set_constants(&s, m->beta1, m->beta2, m->max_grad_norm, m->alpha,
                                 m->shape.rank) != VFT_OK ||
      s.beta1_q16 != m->shape.beta1_q16 || s.d2 != m->shape.d2 || s.clip != m->shape.clip ||
      s.clip_u != m->shape.clip_u || s.clip_frac != m->shape.clip_frac ||
      s.alpha_log2 != m->shape.alpha_log2)
    return vft_reject("manifest/constants",
                      "the integer constants of the optimiser are not those of its decimal values");
  return vft_step_shape_check(&m->shape) == VFT_OK
             ? VFT_OK
             : vft_reject("manifest/constants", "the shapes are not valid");
}
