#include "run/verify_step.h"

#include <string.h>

#include "run/derive.h"
#include "run/schedule.h"

static vft_status check_proof(const vft_manifest *m, const vft_step *step, uint64_t t,
                              const vft_step_file *file, vft_oracle_claims *claims,
                              vft_soundness *soundness) {
  vft_step_inputs inputs;
  uint8_t context[VFT_CONTEXT_BYTES];
  vft_digest oracle_root[2];
  TRY(vft_schedule_inputs(m, step, t, &inputs));
  oracle_root[step->oracle_base] = m->base_root;
  oracle_root[step->oracle_tables] = m->tables;
  vft_statement statement = {.program = step->program,
                             .inputs = (const int64_t *const *)inputs.value,
                             .link_root = file->link,
                             .oracle_root = oracle_root};
  vft_proof_options options = vft_derive_options(m, t, context);
  vft_status st =
      vft_verify_proof(&statement, &options, (vft_verify_flags){.bounds_checked = true},
                       file->proof, file->length, claims, soundness);
  vft_step_inputs_free(&inputs);
  return st == VFT_OK ? st : vft_fail_context(st, "step %llu", (unsigned long long)t);
}

vft_status vft_verify_step(const vft_manifest *m, const vft_step *step, const char *folder,
                           uint64_t t, vft_digest link[VFT_STEP_LINKS], vft_oracle_claims *claims,
                           vft_soundness *soundness, size_t *bytes) {
  vft_arena arena = {0};
  vft_step_file file = {0};
  vft_status st = VFT_RESOURCE;
  char *proofs = vft_arena_printf(&arena, "%s/proofs", folder);
  char *path = proofs ? vft_step_file_path(&arena, proofs, t) : NULL;
  if (!path) goto out;
  TRY_OUT(vft_step_file_read(path, &file));
  if (memcmp(file.manifest, m->digest, 32)) {
    st = vft_reject("step/manifest", "%s: belongs to another manifest", path);
    goto out;
  }
  if (file.step != t) {
    st = vft_reject("step/index", "%s: is step %llu", path, (unsigned long long)file.step);
    goto out;
  }
  memcpy(link, file.link, sizeof file.link);
  if (bytes) *bytes = file.length;
  st = check_proof(m, step, t, &file, claims, soundness);
out:
  vft_step_file_free(&file);
  vft_arena_free(&arena);
  return st;
}
