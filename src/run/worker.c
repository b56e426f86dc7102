#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "data/canonical_json.h"
#include "run/files.h"
#include "run/prover.h"
#include "run/verify_step.h"

#define JOB_FORMAT "vft-job/1"
enum { TEXT_MAX = 1 << 16 };

static vft_status write_job(const char *folder, const char *run, uint64_t t, const char *shard) {
  vft_arena arena = {0};
  char *text = NULL;
  size_t length;
  json_t *json = json_pack("{s:s, s:s, s:s, s:I}", "format", JOB_FORMAT, "run", run, "shard", shard,
                           "step", (json_int_t)t);
  char *path = vft_arena_printf(&arena, "%s/step_%06llu_%s.json", folder, (unsigned long long)t,
                                shard);
  vft_status st = VFT_RESOURCE;
  if (!json)
    st = vft_fail(VFT_USAGE, "%s: the path is not valid UTF-8", run);
  else if (path)
    st = vft_json_canonical(json, &text, &length);
  if (st == VFT_OK) st = vft_file_write(path, text, length);
  json_decref(json);
  vft_free(text);
  vft_arena_free(&arena);
  return st;
}

/* Is there a proof of this shard that verifies? */
static bool proved(const vft_prover *p, uint64_t t, uint32_t shard) {
  vft_digest link[VFT_PROOF_LINKS];
  vft_oracle_claims claims;
  memset(&claims, 0, sizeof claims);
  bool good = vft_verify_shard(&p->plan.manifest, &p->shards, p->folder, t, shard, link, &claims,
                               NULL, NULL) == VFT_OK;
  vft_oracle_claims_free(&claims);
  if (!good) vft_error_clear();
  return good;
}

vft_status vft_run_jobs(const vft_prove_request *request, const char *folder, uint64_t *written) {
  char name[32];
  *written = 0;
  TRY(vft_folder_make(folder));
  vft_prover *p = vft_alloc(1, sizeof *p);
  if (!p) return VFT_RESOURCE;
  vft_status st;
  TRY_OUT(vft_prover_open(p, request));
  char *run = vft_path_absolute(&p->plan.arena, request->run);
  if (!run) {
    st = VFT_RESOURCE;
    goto out;
  }
  for (uint64_t g = 0, t; g < vft_cut_groups(&p->shards.cut, &p->plan.manifest); g++)
    for (uint32_t i = 0; i < p->shards.n; i++) {
      (void)vft_cut_group(&p->shards.cut, &p->plan.manifest, g, &t);
      if (request->resume && proved(p, t, i)) continue;
      vft_cut_name(&p->shards.cut, i, name);
      TRY_OUT(write_job(folder, run, t, name));
      ++*written;
    }
out:
  vft_prover_close(p);
  vft_free(p);
  return st;
}

typedef struct {
  char *run, *shard;
  uint64_t step;
} job;

static vft_status read_job(const char *path, vft_arena *arena, job *out) {
  vft_bytes text = {0};
  json_error_t error;
  const char *format, *run, *shard;
  json_int_t step;
  TRY(vft_file_read(path, TEXT_MAX, VFT_USAGE, &text));
  json_t *root = json_loadb((const char *)text.data, text.size, JSON_REJECT_DUPLICATES, &error);
  vft_bytes_free(&text);
  if (!root) return vft_fail(VFT_USAGE, "%s:%d: %s", path, error.line, error.text);
  vft_status st = VFT_OK;
  if (json_unpack_ex(root, &error, 0, "{s:s, s:s, s:s, s:I !}", "format", &format, "run", &run,
                     "shard", &shard, "step", &step))
    st = vft_fail(VFT_USAGE, "%s: %s (expected format, run, shard and step)", path, error.text);
  else if (strcmp(format, JOB_FORMAT))
    st = vft_fail(VFT_USAGE, "%s: format %s is not supported (expected %s)", path, format,
                  JOB_FORMAT);
  else if (step < 0)
    st = vft_fail(VFT_USAGE, "%s: step: %lld is negative", path, (long long)step);
  if (st == VFT_OK) {
    out->run = vft_arena_strdup(arena, run);
    out->shard = vft_arena_strdup(arena, shard);
    out->step = (uint64_t)step;
    if (!out->run || !out->shard) st = VFT_RESOURCE;
  }
  json_decref(root);
  return st;
}

vft_status vft_run_worker(const char *path, uint64_t memory, bool verbose, bool *was_there) {
  vft_arena arena = {0};
  job x = {NULL, NULL, 0};
  uint32_t shard;
  vft_digest roots[VFT_PROOF_LINKS];
  *was_there = false;
  vft_prover *p = vft_alloc(1, sizeof *p);
  if (!p) return VFT_RESOURCE;
  vft_status st = read_job(path, &arena, &x);
  vft_prove_request request = {.run = x.run, .resume = true, .verbose = verbose, .memory = memory};
  if (st != VFT_OK) goto out;
  char *proofs = vft_run_path(&arena, x.run, "public/proofs");
  if (!proofs) {
    st = VFT_RESOURCE;
    goto out;
  }
  if (!vft_cut_exists(proofs)) {
    st = vft_fail(VFT_USAGE, "%s: %s has no shards.json; vft prove RUN --jobs DIR writes it", path,
                  proofs);
    goto out;
  }
  TRY_OUT(vft_prover_open(p, &request));
  TRY_OUT(vft_cut_find(&p->shards.cut, x.shard, &shard));
  if (x.step >= p->plan.manifest.steps) {
    st = vft_fail(VFT_USAGE, "%s: step: %llu, the run has %llu", path, (unsigned long long)x.step,
                  (unsigned long long)p->plan.manifest.steps);
    goto out;
  }
  if (!vft_cut_group_at(&p->shards.cut, &p->plan.manifest, x.step)) {
    st = vft_fail(VFT_USAGE, "%s: step: no proof of this run begins with step %llu (%d steps in each)",
                  path, (unsigned long long)x.step, p->shards.cut.steps);
    goto out;
  }
  *was_there = proved(p, x.step, shard);
  if (!*was_there) st = vft_prover_shard(p, x.step, shard, roots);
out:
  vft_prover_close(p);
  vft_free(p);
  vft_arena_free(&arena);
  return st;
}
