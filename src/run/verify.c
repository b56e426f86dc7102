#include "run/verify.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/pool.h"
#include "model/source.h"
#include "program/join.h"
#include "run/beacon.h"
#include "run/certificate.h"
#include "run/derive.h"
#include "run/disclose.h"
#include "run/epochs.h"
#include "run/files.h"
#include "run/plan.h"
#include "run/progress.h"
#include "run/proof_file.h"
#include "run/range.h"
#include "run/verify_step.h"

enum { TEXT_MAX = 16 << 20 };

typedef struct {
  const vft_verify_request *request;
  vft_verify_report *report;
  vft_manifest manifest;
  vft_step *step;
  vft_shards shards;
  vft_cut cut;
  vft_epochs epochs;
  vft_windows windows;
  vft_digest *rows; /* per epoch: root of its rows */
  vft_poseidon_digest *counters; /* and digest of its counters */
  vft_oracle_claims claims;
  vft_digest last_adapter;
  bool releases; /* an adapter, that one */
  vft_bits *bits; /* of all proofs, numbered as in run/cut.h */
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
  const char *path = v->request->manifest ? v->request->manifest : public_path(v, "manifest.json");
  if (!path) return VFT_RESOURCE;
  TRY(vft_manifest_load(path, m));
  memcpy(v->report->h_pi, m->digest, 32);
  v->report->has_manifest = true;
  v->report->h0 = m->h0;
  v->report->program = m->program;
  v->report->tables = m->tables;
  v->report->steps = m->steps;
  TRY(vft_derive_from_manifest(m, &v->step));
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

/* ---- data ---- */

static char *account_text(const vft_soundness *s) {
  char *text = NULL;
  size_t size = 0;
  FILE *f = open_memstream(&text, &size);
  if (!f) return NULL;
  vft_soundness_print(s, f);
  fclose(f);
  return text;
}

static vft_status add_account(verifier *v, const char *name, const char *text) {
  const char *before = v->report->soundness ? v->report->soundness : "";
  v->report->soundness = vft_arena_printf(&v->report->arena, "%s%s\n%s", before, name,
                                          text ? text : "");
  return v->report->soundness ? VFT_OK : VFT_RESOURCE;
}

static vft_status check_block(verifier *v, uint64_t epoch, uint32_t block,
                              const vft_epoch_file *before, vft_epoch_file *file) {
  vft_soundness soundness = {0};
  double begun = vft_seconds();
  vft_status st = vft_epochs_verify(&v->manifest, &v->cut, &v->epochs, &v->windows,
                                    v->request->folder, epoch, block, file, &soundness);
  double ms = 1e3 * (vft_seconds() - begun);
  if (st == VFT_OK) st = vft_epochs_join(&v->epochs, before, file);
  if (st == VFT_OK) {
    v->bits[vft_cut_epoch_proof(&v->cut, &v->manifest, epoch, block)] =
        vft_soundness_total(&soundness);
    v->report->proof_bytes += file->length;
    if (ms > v->report->slowest_shard_ms) v->report->slowest_shard_ms = ms;
    if (!epoch && !block) {
      char *text = account_text(&soundness);
      st = add_account(v, "epoch proof", text);
      free(text);
    }
  }
  vft_soundness_free(&soundness);
  return st;
}

static vft_status describe_data(verifier *v) {
  const vft_sampling *s = &v->manifest.sampling;
  char hex[65], text[256];
  uint8_t bytes[32];
  vft_poseidon_bytes(&s->root, bytes);
  vft_hex(bytes, 32, hex);
  snprintf(text, sizeof text, "every example is a leaf of c_D %.16s..., %llu records", hex,
           (unsigned long long)s->records);
  TRY(checked(v, VFT_CLAIM_DATASET, text));
  uint64_t shown = s->mode == VFT_SAMPLER_PUBLIC ? v->epochs.epochs : 0;
  for (uint64_t e = 0; s->mode == VFT_SAMPLER_HYBRID && e < v->epochs.epochs; e++)
    shown += vft_sampling_public(s, e / (uint64_t)s->window);
  /* That a value is the beacon's nobody here can know. */
  const char *beacon = "";
  vft_hex(s->beacon, 32, hex);
  if (s->has_beacon)
    beacon = vft_arena_printf(&v->report->arena,
                              "; if the beacon %s had the value %s in round %llu: compare",
                              s->beacon_source, hex, (unsigned long long)s->beacon_round);
  char *drawn = vft_arena_printf(
      &v->report->arena, "%s seed, %s; %llu epochs of up to %llu rows, %llu of them public%s",
      vft_sampler_mode_names[s->mode],
      s->replacement ? "with replacement" : "each record at most once an epoch",
      (unsigned long long)v->epochs.epochs,
      (unsigned long long)(s->steps_per_epoch * s->records_a_step), (unsigned long long)shown,
      beacon ? beacon : "");
  if (!beacon || !drawn) return VFT_RESOURCE;
  TRY(checked(v, VFT_CLAIM_SAMPLER, drawn));
  const char *opened;
  TRY(vft_counters_check(v->request->folder, &v->manifest, &v->epochs, v->counters,
                         v->report->part ? v->report->epochs : NULL, &v->report->arena,
                         &opened));
  char *policy = vft_policy_words(&s->policy, &v->report->arena);
  if (policy) policy = vft_arena_printf(&v->report->arena, "%s%s", policy, opened);
  return policy ? checked(v, VFT_CLAIM_POLICY, policy) : VFT_RESOURCE;
}

static vft_status check_epochs(verifier *v) {
  vft_epoch_file file[2];
  vft_progress progress =
      vft_progress_begin("verify epochs", 0, v->epochs.epochs * v->epochs.blocks);
  TRY(vft_beacon_read(v->request->folder, &v->manifest.sampling));
  TRY(vft_windows_read(v->request->folder, &v->manifest, &v->windows));
  v->rows = vft_alloc(v->epochs.epochs, sizeof *v->rows);
  v->counters = vft_alloc(v->epochs.epochs, sizeof *v->counters);
  if (!v->rows || !v->counters) return VFT_RESOURCE;
  for (uint64_t e = 0; e < v->epochs.epochs; e++)
    for (uint32_t b = 0; b < v->epochs.blocks; b++) {
      vft_epoch_file *now = &file[b & 1];
      TRY(check_block(v, e, b, b ? &file[(b & 1) ^ 1] : NULL, now));
      v->rows[e] = now->link[v->epochs.program->link_rows];
      v->counters[e] = now->counters;
      vft_progress_step(&progress, e * v->epochs.blocks + b + 1, "");
    }
  return VFT_OK;
}

/* ---- steps ---- */

typedef struct {
  vft_status st;
  char message[512], check[160];
  vft_digest link[VFT_PROOF_LINKS];
  vft_oracle_claims claims;
  vft_bits bits;
  size_t bytes;
  double seconds;
} shard_result;

typedef struct {
  verifier *v;
  shard_result *result;
  char **soundness; /* accounts of the shards of the first group */
  uint64_t first;   /* number of result[0]: group * shards + shard */
} shard_job;

static vft_status one_shard(shard_job *job, uint64_t number, shard_result *r) {
  verifier *v = job->v;
  vft_soundness soundness = {0};
  uint64_t t;
  (void)vft_cut_group(&v->cut, &v->manifest, number / v->shards.n, &t);
  uint32_t shard = (uint32_t)(number % v->shards.n);
  double begun = vft_seconds();
  vft_status st = vft_verify_shard(&v->manifest, &v->shards, v->request->folder, t, shard, r->link,
                                   &r->claims, &soundness, &r->bytes);
  r->seconds = vft_seconds() - begun;
  if (st == VFT_OK) {
    r->bits = vft_soundness_total(&soundness);
    if (t == 0) job->soundness[shard] = account_text(&soundness);
  }
  vft_soundness_free(&soundness);
  return st;
}

static void shard_body(void *ctx, size_t begin, size_t end) {
  shard_job *job = ctx;
  for (size_t i = begin; i < end; i++) {
    shard_result *r = &job->result[i];
    r->st = one_shard(job, job->first + i, r);
    if (r->st == VFT_OK) continue;
    snprintf(r->message, sizeof r->message, "%s", vft_error_message());
    snprintf(r->check, sizeof r->check, "%s", vft_error_check());
  }
}

/* Takes one verified shard into the chain and the report. */
static vft_status take_shard(verifier *v, uint64_t number, const shard_result *r,
                             vft_slots *slots) {
  uint64_t t;
  (void)vft_cut_group(&v->cut, &v->manifest, number / v->shards.n, &t);
  uint32_t shard = (uint32_t)(number % v->shards.n);
  if (r->st == VFT_REJECTED) return vft_reject(r->check, "%s", r->message);
  if (r->st != VFT_OK) return vft_fail(r->st, "%s", r->message);
  if (shard == 0 && t) vft_slots_next(slots);
  if (shard == 0) vft_slots_rows(slots, v->rows[t / v->manifest.sampling.steps_per_epoch]);
  TRY(vft_slots_join(slots, &v->shards, t, shard, r->link));
  v->bits[number] = r->bits;
  v->report->proof_bytes += r->bytes;
  if (1e3 * r->seconds > v->report->slowest_shard_ms) v->report->slowest_shard_ms = 1e3 * r->seconds;
  if (v->request->proof)
    TRY(v->request->proof(v->request->proof_ctx, t, shard, r->link, &r->claims));
  return vft_oracle_claims_append(&v->claims, &r->claims, NULL);
}

static vft_status verify_shards(verifier *v, shard_job *job, size_t batch, vft_slots *slots) {
  uint64_t total = vft_cut_groups(&v->cut, &v->manifest) * v->shards.n;
  vft_progress progress = vft_progress_begin("verify", 0, total);
  vft_status st = VFT_OK;
  for (uint64_t k = 0; st == VFT_OK && k < total; k += batch) {
    size_t n = total - k < batch ? (size_t)(total - k) : batch;
    memset(job->result, 0, batch * sizeof *job->result);
    job->first = k;
    vft_parallel_for(n, 1, shard_body, job);
    for (size_t i = 0; i < n; i++) {
      if (st == VFT_OK) st = take_shard(v, k + i, &job->result[i], slots);
      vft_oracle_claims_free(&job->result[i].claims);
    }
    vft_progress_step(&progress, k + n, "");
  }
  return st;
}

/* The adapter of a cut run: the released link is made of the ranges' last ones. */
static vft_status check_release(verifier *v, const vft_slots *slots) {
  vft_digest link[VFT_PROOF_LINKS];
  vft_soundness soundness = {0};
  size_t bytes;
  uint64_t steps = v->manifest.steps;
  if (!v->shards.cut.n) {
    v->last_adapter = slots->root[vft_slot(VFT_SLOT_ADAPTER_OUT, 0)];
    return VFT_OK;
  }
  vft_status st = vft_verify_shard(&v->manifest, &v->shards, v->request->folder, steps, 1, link,
                                   NULL, &soundness, &bytes);
  if (st == VFT_OK) {
    char *text = account_text(&soundness);
    st = add_account(v, "release", text);
    free(text);
    v->bits[vft_cut_groups(&v->cut, &v->manifest) * v->shards.n + 1] =
        vft_soundness_total(&soundness);
    v->report->proof_bytes += bytes;
  }
  vft_soundness_free(&soundness);
  TRY(st);
  for (uint32_t i = 0; i < (uint32_t)v->shards.cut.n; i++)
    if (!same(link[i], slots->root[vft_slot(VFT_SLOT_ADAPTER_OUT, i)]))
      return vft_reject("join/release", "the release does not take up the adapter of the last "
                        "step's range %u", i);
  v->last_adapter = link[v->shards.release->link_adapter_out];
  return v->request->proof ? v->request->proof(v->request->proof_ctx, steps, 1, link, NULL) : VFT_OK;
}

/* What proofs there have to be, before any is read. */
static vft_status open_proofs(verifier *v) {
  char *folder = public_path(v, "proofs");
  if (!folder) return VFT_RESOURCE;
  TRY(vft_cut_read(folder, v->manifest.shape.layers, &v->cut));
  TRY(vft_shards_derive(&v->manifest, v->step, &v->cut, &v->shards));
  TRY(vft_epochs_derive(&v->manifest, &v->epochs));
  TRY(vft_proof_files_check(folder, &v->cut, &v->manifest));
  v->bits = vft_alloc(vft_cut_proofs(&v->cut, &v->manifest), sizeof *v->bits);
  return v->bits ? VFT_OK : VFT_RESOURCE;
}

static vft_status check_steps(verifier *v) {
  size_t batch = (size_t)vft_threads() * 2;
  char detail[96];
  const vft_cut cut = v->cut;
  vft_status st = VFT_RESOURCE;
  vft_slots *slots = vft_alloc(1, sizeof *slots);
  shard_job job = {v, vft_alloc(batch, sizeof *job.result),
                   vft_alloc(v->shards.n, sizeof *job.soundness), 0};
  if (!slots || !job.result || !job.soundness) goto out;
  TRY_OUT(vft_slots_start(&v->shards, v->manifest.seed, slots));
  TRY_OUT(verify_shards(v, &job, batch, slots));
  for (uint32_t i = 0; i < v->shards.n; i++) {
    char name[32];
    vft_cut_name(&cut, i, name);
    TRY_OUT(add_account(v, cut.n ? name : "step proof", job.soundness[i]));
  }
  TRY_OUT(check_release(v, slots));
  unsigned long long steps = v->manifest.steps, proofs = vft_cut_groups(&cut, &v->manifest);
  const char *s = steps == 1 ? "" : "s";
  if (cut.n)
    snprintf(detail, sizeof detail, "%llu step%s of %u shards, all proved and joined", steps, s,
             v->shards.n);
  else if (proofs == 1)
    snprintf(detail, sizeof detail, "%llu step%s in one proof", steps, s);
  else
    snprintf(detail, sizeof detail, "%llu steps in %llu proofs, each continuing the one before",
             steps, proofs);
  st = checked(v, VFT_CLAIM_STEPS, detail);
out:
  for (uint32_t i = 0; job.soundness && i < v->shards.n; i++) free(job.soundness[i]);
  vft_free(job.soundness);
  vft_free(job.result);
  vft_free(slots);
  return st;
}

/* ---- oracles ---- */

static vft_status check_oracles(verifier *v) {
  vft_oracle_file file = {0};
  vft_commitment *tables = NULL;
  vft_soundness soundness = {0};
  vft_tree_info tree[2] = {{0}};
  vft_box *box[2] = {NULL, NULL};
  vft_fp context[VFT_CONTEXT_MAX];
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
  vft_proof_options options = vft_cut_options(&v->manifest, &v->shards.cut, steps, 0, context);
  TRY_OUT(vft_verify_oracles(tree, 2, vft_derive_oracle_columns(v->step), &v->claims, &options,
                             (vft_verify_flags){0}, file.proof, file.length, &soundness));
  v->bits[vft_cut_groups(&v->cut, &v->manifest) * v->shards.n] = vft_soundness_total(&soundness);
  v->report->proof_bytes += file.length;
  char *text = account_text(&soundness);
  st = add_account(v, "oracle opening", text);
  free(text);
  if (st == VFT_OK) st = checked(v, VFT_CLAIM_ORACLES, "base weights under h0 and recomputed tables");
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
  uint64_t n = vft_cut_proofs(&v->cut, &v->manifest);
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

/* ---- a certificate in place of the proofs ---- */

static vft_status check_tables(verifier *v) {
  vft_commitment *tables = NULL;
  TRY(vft_derive_tables(v->step, &tables));
  bool good = same(vft_commitment_root(tables), v->manifest.tables);
  vft_commitment_free(tables);
  return good ? VFT_OK
              : vft_reject("tables/root", "the function tables are not those of the manifest's profile");
}

/* The claim holds of the certificate's epochs and says nothing of others. */
static vft_status in_part(verifier *v, vft_claim claim) {
  vft_verify_report *r = v->report;
  if (r->claim[claim].state != VFT_CHECKED) return VFT_OK;
  r->claim[claim].state = VFT_PART;
  r->claim[claim].detail =
      vft_arena_printf(&r->arena, "of epochs %llu to %llu alone: %s", (unsigned long long)r->epochs[0],
                       (unsigned long long)r->epochs[1], r->claim[claim].detail);
  return r->claim[claim].detail ? VFT_OK : VFT_RESOURCE;
}

/* What a proof over `part` of a run says; c: its certificate, or the head of one of epochs. */
static vft_status part_claims(verifier *v, const vft_certificate *c, const vft_run_part *part,
                              const char *what) {
  unsigned long long first = part->epoch, last = part->epoch + part->span - 1;
  unsigned long long steps = v->manifest.steps, leaves = part->leaf[1] - part->leaf[0];
  bool some = part->span < v->epochs.epochs;
  char text[256];
  v->report->steps = part->step[1] - part->step[0];
  v->report->part = some;
  v->report->run_epochs = v->epochs.epochs;
  v->report->epochs[0] = first;
  v->report->epochs[1] = last;
  if (part->epoch) {
    v->report->claim[VFT_CLAIM_START].state = VFT_NOT_CHECKED;
    skipped(v, VFT_CLAIM_START, "the certificate begins with a later epoch");
  }
  if (some)
    snprintf(text, sizeof text, "steps %llu to %llu of %llu, epochs %llu to %llu, in one proof of %llu "
             "proofs%s", (unsigned long long)part->step[0], (unsigned long long)part->step[1] - 1, steps,
             first, last, leaves, what);
  else
    snprintf(text, sizeof text, "%llu step%s in one proof of %llu proofs, each continuing the one before%s",
             steps, steps == 1 ? "" : "s", leaves, what);
  TRY(checked(v, VFT_CLAIM_STEPS, text));
  TRY(checked(v, VFT_CLAIM_ORACLES, "base weights under h0 and recomputed tables"));
  v->counters = vft_alloc(c->epochs, sizeof *v->counters);
  if (!v->counters) return VFT_RESOURCE;
  for (uint64_t e = 0; e < c->epochs; e++)
    v->counters[e] = c->counters[e * c->blocks + c->blocks - 1];
  TRY(describe_data(v));
  if (!some) return VFT_OK;
  /* What the others did is not in it. */
  const vft_claim claim[] = {VFT_CLAIM_STEPS, VFT_CLAIM_ORACLES, VFT_CLAIM_DATASET, VFT_CLAIM_SAMPLER,
                             VFT_CLAIM_POLICY};
  for (int i = 0; i < 5; i++) TRY(in_part(v, claim[i]));
  return VFT_OK;
}

static vft_status proof_account(verifier *v, const char *name, size_t bytes, double proof_ms,
                                const vft_bits bits[2], bool cached, double keys_s) {
  vft_verify_report *report = v->report;
  char text[256];
  report->proof_bytes = bytes;
  report->slowest_shard_ms = proof_ms;
  report->bits_least = (double)bits[0] / VFT_BITS(1);
  report->bits_total = (double)bits[1] / VFT_BITS(1);
  snprintf(text, sizeof text, "keys of the leaves %s in %.1f s; the proof verified in %.1f ms\n",
           cached ? "from the cache" : "computed", keys_s, proof_ms);
  return add_account(v, name, text);
}

static vft_status certificate_claims(verifier *v, const vft_certificate *c,
                                     const vft_certificate_report *r) {
  vft_verify_report *report = v->report;
  report->has_digests = true;
  report->digests = r->known;
  v->last_adapter = c->released;
  v->releases = r->part.releases;
  report->commits[0] = c->epoch > 0;
  report->commits[1] = !v->releases;
  vft_poseidon_bytes(&c->start, report->commitment[0]);
  memcpy(report->commitment[1], c->released.b, sizeof report->commitment[1]);
  TRY(part_claims(v, c, &r->part, ""));
  return proof_account(v, "certificate", c->length, r->proof_ms, (vft_bits[]){r->least, r->total},
                       r->cached, r->keys_s);
}

/* What the manifest and a certificate's header make of a run. */
static vft_status open_manifest(verifier *v, const vft_certificate *c, vft_aggregation *a) {
  vft_manifest *m = &v->manifest;
  TRY(vft_certificate_manifest(c, m));
  v->cut = c->cut;
  if (c->has_beacon && m->sampling.has_beacon) {
    memcpy(m->sampling.beacon, c->beacon, sizeof c->beacon);
    m->sampling.beacon_known = true;
  }
  vft_leaves leaves;
  vft_leaves_init(&leaves, m, &c->cut, &c->choice);
  if (vft_leaves_check(&leaves) != VFT_OK) return rejected_as("certificate/header");
  TRY(check_tables(v));
  TRY(vft_epochs_derive(m, &v->epochs));
  return vft_aggregation_manifest(m, v->step, &v->cut, &c->choice, a);
}

static vft_status check_certificate(verifier *v) {
  vft_certificate c;
  vft_certificate_report report;
  vft_aggregation a;
  memset(&a, 0, sizeof a);
  TRY(vft_certificate_read(v->request->certificate, &c));
  vft_status st = open_manifest(v, &c, &a);
  if (st == VFT_OK) st = vft_certificate_verify(&c, &a, &report);
  if (st == VFT_OK) st = certificate_claims(v, &c, &report);
  if (st == VFT_REJECTED) st = vft_fail_context(st, "%s", v->request->certificate);
  vft_aggregation_close(&a);
  vft_certificate_free(&c);
  return st;
}

/* ---- a certificate of some epochs ---- */

static vft_status range_claims(verifier *v, const vft_epochs_certificate *c,
                               const vft_range_report *r) {
  TRY(part_claims(v, &c->head, &r->part, ", which is not zero-knowledge"));
  return proof_account(v, "certificate of epochs", c->head.length, r->proof_ms,
                       (vft_bits[]){r->least, r->total}, r->cached, r->keys_s);
}

static vft_status check_range(verifier *v) {
  vft_range_report report;
  vft_aggregation a;
  memset(&a, 0, sizeof a);
  vft_epochs_certificate *c = vft_alloc(1, sizeof *c);
  if (!c) return VFT_RESOURCE;
  vft_status st = vft_epochs_certificate_read(v->request->certificate, c);
  if (st == VFT_OK) {
    st = open_manifest(v, &c->head, &a);
    if (st == VFT_OK) st = vft_epochs_certificate_verify(c, &a, &report);
    if (st == VFT_OK) st = range_claims(v, c, &report);
    if (st == VFT_REJECTED) st = vft_fail_context(st, "%s", v->request->certificate);
  }
  vft_aggregation_close(&a);
  vft_epochs_certificate_free(c);
  vft_free(c);
  return st;
}

/* ---- model ---- */

static vft_status check_weights(verifier *v, const vft_model *model) {
  vft_weights weights = {0};
  vft_commitment *base = NULL;
  const vft_manifest *m = &v->manifest;
  if (!vft_step_shape_has_arch(&m->shape, &model->arch))
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
    dir = v->request->certificate ? "" : public_path(v, "adapter");
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

vft_status vft_verify_required(const vft_verify_report *r, unsigned require) {
  for (int c = 0; c < VFT_CLAIMS; c++) {
    if (!(require >> c & 1) || r->claim[c].state == VFT_CHECKED) continue;
    char id[64];
    snprintf(id, sizeof id, "require/%s", vft_claim_names[c]);
    return vft_reject(id, "%s was not checked%s: %s", vft_claim_names[c],
                      r->claim[c].state == VFT_PART ? " of all epochs" : "", r->claim[c].detail);
  }
  return VFT_OK;
}

vft_status vft_run_verify(const vft_verify_request *request, vft_verify_report *report) {
  verifier v = {.request = request, .report = report,
                .releases = !request->certificate}; /* a certificate says whether it does */
  double begun = vft_seconds();
  vft_status st;
  memset(report, 0, sizeof *report);
  for (int c = 0; c < VFT_CLAIMS; c++) report->claim[c].detail = "verification did not come to it";
  if (!request->certificate && !vft_folder_exists(request->folder))
    return vft_fail(VFT_USAGE, "%s: no such folder (expected a run's public folder)",
                    request->folder);
  TRY_OUT(check_manifest(&v));
  TRY_OUT(check_start(&v));
  if (request->certificate && vft_epochs_certificate_is(request->certificate)) {
    TRY_OUT(check_range(&v));
  } else if (request->certificate) {
    TRY_OUT(check_certificate(&v));
  } else {
    TRY_OUT(open_proofs(&v));
    TRY_OUT(check_epochs(&v));
    TRY_OUT(check_steps(&v));
    TRY_OUT(describe_data(&v)); /* of the examples that the steps were proved to take */
    TRY_OUT(check_oracles(&v));
    TRY_OUT(total_bits(&v));
  }
  TRY_OUT(check_model(&v));
  if (!v.releases && request->adapter) {
    st = vft_fail(VFT_USAGE, "--adapter: epochs %llu to %llu release none to compare it with",
                  (unsigned long long)report->epochs[0], (unsigned long long)report->epochs[1]);
    goto out;
  }
  if (!v.releases)
    skipped(&v, VFT_CLAIM_ADAPTER, "these epochs release none");
  else
    TRY_OUT(check_adapter(&v));
  if (report->part && report->epochs[0]) TRY_OUT(in_part(&v, VFT_CLAIM_ADAPTER)); /* of the last step alone */
  TRY_OUT(vft_verify_required(report, request->require));
out:
  report->seconds = vft_seconds() - begun;
  vft_oracle_claims_free(&v.claims);
  vft_free(v.bits);
  vft_shards_free(&v.shards);
  vft_epochs_free(&v.epochs);
  vft_windows_free(&v.windows);
  vft_free(v.rows);
  vft_free(v.counters);
  vft_step_free(v.step);
  vft_manifest_free(&v.manifest);
  return st;
}
