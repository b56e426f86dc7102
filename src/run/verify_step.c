#include "run/verify_step.h"

#include <string.h>

#include "run/schedule.h"

/* Public inputs of all steps of a group, by the program's tensors; the elements are `own`'s. */
static vft_status group_inputs(const vft_manifest *m, const vft_step *step, uint64_t t,
                               vft_step_inputs *own, const int64_t **inputs) {
  uint32_t n = step->one->program->ntensors;
  for (int k = 0; k < step->steps; k++) {
    TRY(vft_schedule_inputs(m, step->one, t + (uint64_t)k, &own[k]));
    for (uint32_t i = 0; i < n; i++)
      if (own[k].value[i]) inputs[step->map[(size_t)k * n + i]] = own[k].value[i];
  }
  return VFT_OK;
}

static vft_status verify_group(const vft_manifest *m, const vft_step *step, uint64_t t,
                               vft_statement *statement, const vft_proof_options *options,
                               const vft_step_file *file, vft_oracle_claims *claims,
                               vft_soundness *soundness) {
  vft_step_inputs *own = vft_alloc((size_t)step->steps, sizeof *own);
  const int64_t **inputs = vft_alloc(step->program->ntensors, sizeof *inputs);
  vft_status st = own && inputs ? group_inputs(m, step, t, own, inputs) : VFT_RESOURCE;
  statement->inputs = inputs;
  if (st == VFT_OK)
    st = vft_verify_proof(statement, options, (vft_verify_flags){.bounds_checked = true},
                          file->proof, file->length, claims, soundness);
  for (int k = 0; own && k < step->steps; k++) vft_step_inputs_free(&own[k]);
  vft_free(own);
  vft_free(inputs);
  return st;
}

static vft_status check_proof(const vft_manifest *m, const vft_shards *shards,
                              const vft_step *step, const vft_step_file *file,
                              vft_oracle_claims *claims, vft_soundness *soundness) {
  vft_step_inputs inputs;
  vft_fp context[VFT_CONTEXT_MAX];
  vft_digest oracle_root[2];
  oracle_root[step->oracle_base] = m->base_root;
  oracle_root[step->oracle_tables] = m->tables;
  vft_statement statement = {.program = step->program,
                             .link_root = file->link,
                             .oracle_root = oracle_root};
  vft_proof_options options = vft_cut_options(m, &shards->cut, file->step, file->shard, context);
  if (step->one)
    return verify_group(m, step, file->step, &statement, &options, file, claims, soundness);
  TRY(vft_schedule_inputs(m, step, file->step, &inputs));
  statement.inputs = (const int64_t *const *)inputs.value;
  vft_status st =
      vft_verify_proof(&statement, &options, (vft_verify_flags){.bounds_checked = true},
                       file->proof, file->length, claims, soundness);
  vft_step_inputs_free(&inputs);
  return st;
}

vft_status vft_verify_shard(const vft_manifest *m, const vft_shards *shards, const char *folder,
                            uint64_t t, uint32_t shard, vft_digest link[VFT_PROOF_LINKS],
                            vft_oracle_claims *claims, vft_soundness *soundness, size_t *bytes) {
  vft_arena arena = {0};
  vft_step_file file = {0};
  vft_status st = VFT_RESOURCE;
  char name[32] = "release";
  const vft_step *step = t == m->steps
                             ? shards->release
                             : vft_shards_step(shards, shard, vft_cut_group_at(&shards->cut, m, t));
  char *proofs = vft_arena_printf(&arena, "%s/proofs", folder);
  char *path = proofs ? vft_shard_file_path(&arena, proofs, &shards->cut, t, shard, m->steps)
                      : NULL;
  if (!path) goto out;
  if (!step) {
    st = vft_reject("step/index", "no proof of the run begins with step %llu",
                    (unsigned long long)t);
    goto out;
  }
  if (t < m->steps) vft_cut_name(&shards->cut, shard, name);
  TRY_OUT(vft_step_file_read(path, &file));
  if (memcmp(file.manifest, m->digest, 32)) {
    st = vft_reject("step/manifest", "%s: belongs to another manifest", path);
  } else if (file.step != t) {
    st = vft_reject("step/index", "%s: is step %llu", path, (unsigned long long)file.step);
  } else if (file.shard != shard || file.links != step->program->nlinks) {
    st = vft_reject("step/shard", "%s: is shard %u with %u links, expected %u with %u", path,
                    file.shard, file.links, shard, step->program->nlinks);
  } else {
    memcpy(link, file.link, file.links * sizeof *link);
    if (bytes) *bytes = file.length;
    st = check_proof(m, shards, step, &file, claims, soundness);
    if (st != VFT_OK)
      st = vft_fail_context(st, "%s: step %llu, %s", path, (unsigned long long)t, name);
  }
out:
  vft_step_file_free(&file);
  vft_arena_free(&arena);
  return st;
}
