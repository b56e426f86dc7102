#include "run/verify.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/pool.h"
#include "model/source.h"
#include "run/derive.h"
#include "run/files.h"
#include "run/plan.h"
#include "run/progress.h"
#include "run/proof_file.h"
#include "run/verify_step.h"

enum { TEXT_MAX = 16 << 20 };

typedef struct {
  const vft_verify_request *request;
  vft_verify_report *report;
  vft_manifest manifest;
  vft_step *step;
  vft_oracle_claims claims;
  vft_digest last_adapter;
  vft_bits *bits; /* of the step proofs, then of the opening */
} verifier;

static vft_status checked(verifier *v, vft_claim claim, const char *detail) {
  v->report->claim[claim].state = VFT_CHECKED;
  v->report->claim[claim].detail = vft_arena_strdup(&v->report->arena, detail);
  return v->report->claim[claim].detail ? VFT_OK : VFT_RESOURCE;
}

static void skipped(verifier *v, vft_claim claim, const char *reason) {
  v->report->claim[claim].detail = reason;
}

static vft_status rejected_as(const char *check) {
  char text[768];
  snprintf(text, sizeof text, "%s", vft_error_message());
  return vft_reject(check, "%s", text);
}

static bool same(vft_digest a, vft_digest b) { return !memcmp(a.b, b.b, sizeof a.b); }

static char *public_path(verifier *v, const char *name) {
  return vft_run_path(&v->report->arena, v->request->folder, name);
}

/* ---- manifest and start ---- */

static vft_status check_manifest(verifier *v) {
  vft_manifest *m = &v->manifest;
  char *path = public_path(v, "manifest.json");
  if (!path) return VFT_RESOURCE;
  TRY(vft_manifest_load(path, m));
  memcpy(v->report->h_pi, m->digest, 32);
  v->report->has_manifest = true;
  v->report->h0 = m->h0;
  v->report->program = m->program;
  v->report->tables = m->tables;
  v->report->steps = m->steps;
  TRY(vft_derive_from_manifest(m, &v->step));
  if (v->step->program->nlinks != VFT_STEP_LINKS)
    return vft_fail(VFT_USAGE, "the program has %u links, step files %d", v->step->program->nlinks,
                    VFT_STEP_LINKS);
  if (!same(vft_derive_h0(v->step, m->base_root), m->h0))
    return vft_reject("manifest/h0", "h0 does not belong to the manifest's architecture, weight "
                                     "exponents and root");
  return checked(v, VFT_CLAIM_MANIFEST, "canonical; the program is the one it declares");
}

static vft_status check_start(verifier *v) {
  vft_digest adapter, state;
  TRY(vft_derive_initial(v->step, v->manifest.seed, &adapter, &state));
  if (!same(adapter, v->manifest.initial_adapter))
    return vft_reject("start/adapter", "the initial adapter is not A of the manifest's seed and "
                                       "B = 0");
  if (!same(state, v->manifest.initial_state))
    return vft_reject("start/state", "the initial moments are not zero");
  return checked(v, VFT_CLAIM_START, "A of the declared seed, B = 0, moments 0");
}

/* ---- steps ---- */

typedef struct {
  vft_status st;
  char message[512], check[160];
  vft_digest link[VFT_STEP_LINKS];
  vft_oracle_claims claims;
  vft_bits bits;
  size_t bytes;
} step_result;

typedef struct {
  verifier *v;
  step_result *result;
  char *soundness; /* account of step 0 */
  uint64_t first;
} step_job;

static char *account_text(const vft_soundness *s) {
  char *text = NULL;
  size_t size = 0;
  FILE *f = open_memstream(&text, &size);
  if (!f) return NULL;
  vft_soundness_print(s, f);
  fclose(f);
  return text;
}

static vft_status one_step(step_job *job, uint64_t t, step_result *r) {
  verifier *v = job->v;
  vft_soundness soundness = {0};
  vft_status st = vft_verify_step(&v->manifest, v->step, v->request->folder, t, r->link,
                                  &r->claims, &soundness, &r->bytes);
  if (st == VFT_OK) {
    r->bits = vft_soundness_total(&soundness);
    if (t == 0) job->soundness = account_text(&soundness);
  }
  vft_soundness_free(&soundness);
  return st;
}

static void step_body(void *ctx, size_t begin, size_t end) {
  step_job *job = ctx;
  for (size_t i = begin; i < end; i++) {
    step_result *r = &job->result[i];
    r->st = one_step(job, job->first + i, r);
    if (r->st == VFT_OK) continue;
    snprintf(r->message, sizeof r->message, "%s", vft_error_message());
    snprintf(r->check, sizeof r->check, "%s", vft_error_check());
  }
}

/* The chain: links in are the links out of the step before, those of step 0 the start. */
static vft_status check_chain(verifier *v, uint64_t t, const step_result *r,
                              vft_digest *adapter, vft_digest *state) {
  const vft_step *s = v->step;
  const char *what = t ? "the step before" : "the manifest's start";
  if (!same(r->link[s->link_adapter_in], *adapter))
    return vft_reject(t ? "chain/adapter" : "start/adapter",
                      "step %llu does not begin with the adapter of %s", (unsigned long long)t,
                      what);
  if (!same(r->link[s->link_state_in], *state))
    return vft_reject(t ? "chain/state" : "start/state",
                      "step %llu does not begin with the optimiser state of %s",
                      (unsigned long long)t, what);
  *adapter = r->link[s->link_adapter_out];
  *state = r->link[s->link_state_out];
  return VFT_OK;
}

static vft_status check_steps(verifier *v) {
  uint64_t steps = v->manifest.steps, batch = (uint64_t)vft_threads() * 2;
  char detail[96];
  vft_digest adapter = v->manifest.initial_adapter, state = v->manifest.initial_state;
  vft_progress progress = vft_progress_begin("verify", 0, steps);
  vft_status st = VFT_OK;
  char *folder = public_path(v, "proofs");
  if (!folder) return VFT_RESOURCE;
  TRY(vft_step_files_check(folder, steps));
  step_result *result = vft_alloc(batch, sizeof *result);
  v->bits = vft_alloc(steps + 1, sizeof *v->bits);
  if (!result || !v->bits) {
    vft_free(result);
    return VFT_RESOURCE;
  }
  step_job job = {v, result, NULL, 0};
  for (uint64_t t = 0; st == VFT_OK && t < steps; t += batch) {
    size_t n = steps - t < batch ? (size_t)(steps - t) : (size_t)batch;
    memset(result, 0, batch * sizeof *result);
    job.first = t;
    vft_parallel_for(n, 1, step_body, &job);
    for (size_t i = 0; i < n; i++) {
      step_result *r = &result[i];
      if (st == VFT_OK && r->st != VFT_OK)
        st = r->st == VFT_REJECTED ? vft_reject(r->check, "%s", r->message)
                                   : vft_fail(r->st, "%s", r->message);
      if (st == VFT_OK) st = check_chain(v, t + i, r, &adapter, &state);
      if (st == VFT_OK) st = vft_oracle_claims_append(&v->claims, &r->claims, NULL);
      v->bits[t + i] = r->bits;
      v->report->proof_bytes += r->bytes;
      vft_oracle_claims_free(&r->claims);
    }
    vft_progress_step(&progress, t + n, "");
  }
  vft_free(result);
  if (job.soundness) {
    v->report->soundness = vft_arena_printf(&v->report->arena, "step proof\n%s", job.soundness);
    free(job.soundness);
  }
  TRY(st);
  v->last_adapter = adapter;
  snprintf(detail, sizeof detail, "%llu steps, each proved, each continuing the one before",
           (unsigned long long)steps);
  return checked(v, VFT_CLAIM_STEPS, detail);
}

/* ---- oracles ---- */

static vft_status check_oracles(verifier *v) {
  vft_oracle_file file = {0};
  vft_commitment *tables = NULL;
  vft_soundness soundness = {0};
  vft_tree_info tree[2] = {{0}};
  vft_box *box[2] = {NULL, NULL};
  uint8_t context[VFT_CONTEXT_BYTES];
  uint64_t steps = v->manifest.steps;
  vft_status st = VFT_RESOURCE;
  char *path = public_path(v, "proofs/oracles.vft");
  if (!path) return VFT_RESOURCE;
  TRY_OUT(vft_oracle_file_read(path, &file));
  if (memcmp(file.manifest, v->manifest.digest, 32) || file.steps != steps) {
    st = vft_reject("oracles/manifest", "%s: belongs to another run", path);
    goto out;
  }
  TRY_OUT(vft_derive_tables(v->step, &tables));
  if (!same(vft_commitment_root(tables), v->manifest.tables)) {
    st = vft_reject("tables/root", "the function tables are not those of the manifest's profile");
    goto out;
  }
  for (uint32_t o = 0; o < 2; o++) {
    TRY_OUT(vft_derive_oracle_boxes(v->step, o, &box[o], &tree[o].nboxes));
    tree[o].box = box[o];
    tree[o].root = o == v->step->oracle_base ? v->manifest.base_root : v->manifest.tables;
  }
  vft_proof_options options = vft_derive_options(&v->manifest, steps, context);
  TRY_OUT(vft_verify_oracles(tree, 2, vft_derive_oracle_columns(v->step), &v->claims, &options,
                             (vft_verify_flags){0}, file.proof, file.length, &soundness));
  v->bits[steps] = vft_soundness_total(&soundness);
  v->report->proof_bytes += file.length;
  char *text = account_text(&soundness);
  if (text && v->report->soundness)
    v->report->soundness = vft_arena_printf(&v->report->arena, "%soracle opening\n%s",
                                            v->report->soundness, text);
  free(text);
  st = checked(v, VFT_CLAIM_ORACLES, "base weights under h0 and recomputed tables");
out:
  vft_soundness_free(&soundness);
  vft_commitment_free(tables);
  vft_free(box[0]);
  vft_free(box[1]);
  vft_oracle_file_free(&file);
  return st;
}

/* The run as a whole must reach the level of one proof. */
static vft_status total_bits(verifier *v) {
  uint64_t n = v->manifest.steps + 1;
  vft_bits least = v->bits[0];
  for (uint64_t i = 1; i < n; i++)
    if (v->bits[i] < least) least = v->bits[i];
  v->report->bits_least = (double)least / (double)VFT_BITS(1);
  vft_bits total = vft_bits_sum(v->bits, n);
  v->report->bits_total = (double)total / (double)VFT_BITS(1);
  if (total >= VFT_BITS(VFT_SOUNDNESS_LEVEL)) return VFT_OK;
  return vft_reject("soundness/run", "all proofs together have %.1f bits of soundness, %d required",
                    v->report->bits_total, VFT_SOUNDNESS_LEVEL);
}

/* ---- model ---- */

static bool same_architecture(const vft_step_shape *shape, const vft_arch *arch) {
  vft_step_shape s = *shape;
  vft_step_shape_set_arch(&s, arch);
  return s.layers == shape->layers && s.d == shape->d && s.groups == shape->groups &&
         s.per_group == shape->per_group && s.head_dim == shape->head_dim && s.ff == shape->ff &&
         s.vocab == shape->vocab && s.tied == shape->tied && s.rms_eps == shape->rms_eps &&
         s.rope_theta == shape->rope_theta;
}

static vft_status check_weights(verifier *v, const vft_model *model) {
  vft_weights weights = {0};
  vft_commitment *base = NULL;
  const vft_manifest *m = &v->manifest;
  if (!same_architecture(&m->shape, &model->arch))
    return vft_reject("model/architecture", "%s: not the manifest's architecture",
                      v->request->model);
  vft_status st = vft_weights_quantise(model, &m->shape, &m->profile, &weights);
  if (st == VFT_USAGE) st = rejected_as("model/h0");
  if (st == VFT_OK) st = vft_derive_base(v->step, &weights, &base);
  if (st == VFT_OK && !same(vft_commitment_root(base), m->base_root))
    st = vft_reject("model/h0", "%s: its integer weights are not those of h0", v->request->model);
  vft_commitment_free(base);
  vft_weights_free(&weights);
  TRY(st);
  return checked(v, VFT_CLAIM_MODEL,
                 memcmp(model->digest, m->model_digest, 32)
                     ? "h0 recomputed from the model; the file itself is another than the trainer's"
                     : "h0 recomputed from the model file");
}

typedef struct {
  const char *name;
  int *values;
  size_t count;
} profile_entry;
enum { PROFILE_ENTRIES = 128 };
typedef struct {
  profile_entry entry[PROFILE_ENTRIES];
  size_t n;
} profile_list;

static void list_field(void *ctx, const char *name, int *values, size_t count) {
  profile_list *l = ctx;
  if (l->n < PROFILE_ENTRIES) l->entry[l->n++] = (profile_entry){name, values, count};
}

/* Name of the first field that differs, or NULL. */
static const char *profile_difference(vft_profile *a, vft_profile *b) {
  profile_list la = {.n = 0}, lb = {.n = 0};
  vft_profile_fields(a, list_field, &la);
  vft_profile_fields(b, list_field, &lb);
  for (size_t i = 0; i < la.n; i++)
    if (la.entry[i].count != lb.entry[i].count ||
        memcmp(la.entry[i].values, lb.entry[i].values, la.entry[i].count * sizeof(int)))
      return la.entry[i].name;
  return NULL;
}

static vft_status check_calibration(verifier *v, const vft_model *model) {
  vft_manifest *m = &v->manifest;
  vft_bytes text = {0};
  vft_tokenizer *tokenizer = NULL;
  vft_template tmpl;
  vft_profile profile = {0};
  uint8_t digest[32];
  vft_status st;
  int sequences, positions;
  char *path = public_path(v, "calibration.txt");
  if (!path) return VFT_RESOURCE;
  vft_plan_calibration_extent(m->shape.positions, &sequences, &positions);
  if (sequences != m->calibration_sequences || positions != m->calibration_positions)
    return vft_reject("calibration/extent", "the manifest's calibration reads %d sequences of %d "
                      "positions, the rule says %d of %d", m->calibration_sequences,
                      m->calibration_positions, sequences, positions);
  if (!vft_file_exists(path)) {
    skipped(v, VFT_CLAIM_CALIBRATION, "public/calibration.txt is missing");
    return VFT_OK;
  }
  TRY(vft_file_read(path, TEXT_MAX, VFT_USAGE, &text));
  TRY_OUT(vft_sha256(text.data, text.size, digest));
  if (memcmp(digest, m->calibration_sha256, 32)) {
    st = vft_reject("calibration/text", "%s: not the text that the manifest names", path);
    goto out;
  }
  TRY_OUT(vft_tokenizer_load(v->request->model, &tokenizer));
  if (memcmp(vft_tokenizer_digest(tokenizer), m->tokenizer_digest, 32)) {
    st = vft_reject("model/tokenizer", "%s: another tokenizer than the manifest's",
                    v->request->model);
    goto out;
  }
  st = vft_template_by_name(m->template_name, &tmpl);
  if (st == VFT_OK) {
    tmpl.default_system = m->system;
    st = vft_template_digest(&tmpl, digest);
  }
  if (st != VFT_OK || memcmp(digest, m->template_digest, 32)) {
    st = vft_reject("manifest/template", "the template's digest is not that of its name");
    goto out;
  }
  st = vft_plan_calibrate(m, model, tokenizer, &tmpl, (const char *)text.data, text.size,
                          &profile);
  if (st == VFT_USAGE) st = rejected_as("calibration/profile");
  if (st != VFT_OK) goto out;
  const char *different = profile_difference(&profile, &m->profile);
  st = different ? vft_reject("calibration/profile", "exponent %s is not that of the published "
                                                     "rule", different)
                 : checked(v, VFT_CLAIM_CALIBRATION,
                           "exponents recomputed from the model and the public text");
out:
  vft_profile_free(&profile);
  vft_tokenizer_free(tokenizer);
  vft_bytes_free(&text);
  return st;
}

static vft_status check_model(verifier *v) {
  const char *given = v->request->model;
  vft_digest h0;
  skipped(v, VFT_CLAIM_MODEL, "give --model FILE or --model H0");
  skipped(v, VFT_CLAIM_CALIBRATION, "give --model FILE");
  if (!given) return VFT_OK;
  if (strlen(given) == 64 && vft_unhex(given, h0.b, 32) == VFT_OK) {
    if (!same(h0, v->manifest.h0))
      return vft_reject("model/h0", "the manifest's h0 is another than the given one");
    return checked(v, VFT_CLAIM_MODEL, "h0 is the given one");
  }
  vft_model model;
  TRY(vft_model_load(given, &model));
  vft_status st = check_weights(v, &model);
  if (st == VFT_OK) st = check_calibration(v, &model);
  vft_model_free(&model);
  return st;
}

/* ---- adapter ---- */

static vft_status check_adapter(verifier *v) {
  const vft_manifest *m = &v->manifest;
  vft_verify_report *r = v->report;
  const char *dir = v->request->adapter;
  r->h_t = vft_derive_h_t(v->last_adapter, m->shape.rank, m->alpha, m->shape.adapted);
  r->has_h_t = true;
  if (!dir) {
    dir = public_path(v, "adapter");
    if (!dir) return VFT_RESOURCE;
    if (!vft_folder_exists(dir)) {
      skipped(v, VFT_CLAIM_ADAPTER, "give --adapter DIR");
      return VFT_OK;
    }
  }
  vft_adapter shape = vft_derive_adapter_shape(v->step), adapter;
  vft_digest root;
  TRY(vft_peft_read(dir, &shape, &adapter));
  vft_status st = VFT_OK;
  if (adapter.rank != m->shape.rank)
    st = vft_reject("adapter/rank", "%s: rank %d, the manifest says %d", dir, adapter.rank,
                    m->shape.rank);
  else if (adapter.alpha != m->alpha)
    st = vft_reject("adapter/alpha", "%s: lora_alpha %d, the manifest says %d", dir, adapter.alpha,
                    m->alpha);
  else if (adapter.targets != m->shape.adapted)
    st = vft_reject("adapter/targets", "%s: other target modules than the manifest's", dir);
  else
    st = vft_derive_adapter_root(v->step, &adapter, &root);
  vft_adapter_free(&adapter);
  TRY(st);
  if (!same(root, v->last_adapter))
    return vft_reject("adapter/h_t", "%s: its weights are not those of the last step", dir);
  return checked(v, VFT_CLAIM_ADAPTER, "h_T recomputed from the PEFT files");
}

/* ---- all ---- */

static vft_status check_required(verifier *v) {
  for (int c = 0; c < VFT_CLAIMS; c++) {
    if (!(v->request->require >> c & 1) || v->report->claim[c].state == VFT_CHECKED) continue;
    char id[64];
    snprintf(id, sizeof id, "require/%s", vft_claim_names[c]);
    return vft_reject(id, "%s was not checked: %s", vft_claim_names[c],
                      v->report->claim[c].detail);
  }
  return VFT_OK;
}

vft_status vft_run_verify(const vft_verify_request *request, vft_verify_report *report) {
  verifier v = {.request = request, .report = report};
  double begun = vft_seconds();
  vft_status st;
  memset(report, 0, sizeof *report);
  for (int c = 0; c < VFT_CLAIMS; c++) report->claim[c].detail = "verification did not come to it";
  skipped(&v, VFT_CLAIM_DATASET, "this version does not bind the batches to a dataset");
  if (!vft_folder_exists(request->folder))
    return vft_fail(VFT_USAGE, "%s: no such folder (expected a run's public folder)",
                    request->folder);
  TRY_OUT(check_manifest(&v));
  TRY_OUT(check_start(&v));
  TRY_OUT(check_steps(&v));
  TRY_OUT(check_oracles(&v));
  TRY_OUT(total_bits(&v));
  TRY_OUT(check_model(&v));
  TRY_OUT(check_adapter(&v));
  TRY_OUT(check_required(&v));
out:
  report->seconds = vft_seconds() - begun;
  vft_oracle_claims_free(&v.claims);
  vft_free(v.bits);
  vft_step_free(v.step);
  vft_manifest_free(&v.manifest);
  return st;
}
