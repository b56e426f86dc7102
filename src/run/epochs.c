#include "run/epochs.h"

#include <string.h>

#include "prove/commit.h"

/* Root of a link; rows NULL: all 0. */
static vft_status link_root(const vft_epoch *e, vft_hash_kind hash, uint32_t link,
                            const vft_poseidon_digest *rows, vft_digest *root) {
  vft_trace trace;
  vft_tensor_id id[8];
  vft_commitment *c = NULL;
  TRY(vft_trace_init(&trace, e->program));
  vft_status st = VFT_OK;
  uint32_t n = vft_layout_tree_tensors(e->program, VFT_LINK, link, id, 8);
  for (uint32_t i = 0; i < n && st == VFT_OK; i++) {
    st = vft_trace_alloc(&trace, id[i]);
    size_t size = vft_tensor_count(&e->program->tensors[id[i]]);
    for (size_t k = 0; st == VFT_OK && rows && k < size; k++)
      vft_array_set(&trace.array[id[i]], k, vft_field_signed(rows[k].e[i]));
  }
  if (st == VFT_OK)
    st = vft_commit_group(&c, &trace, VFT_LINK, link, vft_proof_options_default().log_inv_rate,
                          hash, 0);
  if (st == VFT_OK) *root = vft_commitment_root(c);
  vft_commitment_free(c);
  vft_trace_free(&trace);
  return st;
}

vft_status vft_epochs_rows_root(const vft_epochs *e, const vft_poseidon_digest *rows,
                                vft_digest *root) {
  return link_root(e->program, e->hash, e->program->link_rows, rows, root);
}

vft_status vft_epochs_derive(const vft_manifest *m, vft_epochs *out) {
  memset(out, 0, sizeof *out);
  out->epochs = vft_sampling_epochs(&m->sampling, m->steps);
  out->blocks = vft_epoch_blocks(&m->sampling);
  out->hash = m->shape.hash;
  vft_status st = vft_epoch_build(&m->sampling, m->log_columns, &out->program);
  if (st == VFT_OK) st = vft_program_check_bounds(out->program->program);
  if (st == VFT_USAGE) {
    char text[512];
    snprintf(text, sizeof text, "%s", vft_error_message());
    st = vft_reject("manifest/sampler", "the declared sampler has no valid program: %s", text);
  }
  if (st == VFT_OK)
    st = link_root(out->program, out->hash, out->program->link_in, NULL, &out->start);
  if (st != VFT_OK) vft_epochs_free(out);
  return st;
}

void vft_epochs_free(vft_epochs *e) {
  vft_epoch_free(e->program);
  memset(e, 0, sizeof *e);
}

vft_status vft_epochs_statement(const vft_manifest *m, const vft_windows *windows, uint64_t epoch,
                                uint32_t block, const vft_poseidon_digest *counters,
                                vft_epoch_statement *out) {
  const vft_sampling *s = &m->sampling;
  memset(out, 0, sizeof *out);
  out->epoch = epoch;
  out->window = epoch / (uint64_t)s->window;
  out->block = block;
  out->rows = vft_sampling_rows(s, m->steps, epoch);
  out->counters = *counters;
  memcpy(out->manifest, m->digest, 32);
  if (s->has_beacon && !s->beacon_known)
    return vft_reject("sampler/beacon", "the value of the declared beacon is missing");
  out->beacon = s->has_beacon ? s->beacon : NULL;
  out->shown = vft_sampling_public(s, out->window);
  if (!out->shown) return VFT_OK;
  vft_poseidon_digest window;
  if (s->mode == VFT_SAMPLER_PUBLIC) {
    vft_poseidon_digest master = vft_sampling_master(s, m->digest, NULL);
    window = vft_sampler_window(&master, out->window);
  } else {
    const vft_poseidon_digest *key = vft_windows_key(windows, m, out->window);
    if (!key)
      return vft_reject("sampler/windows", "no key for window %llu",
                        (unsigned long long)out->window);
    window = *key;
  }
  out->key = vft_sampler_epoch_key(&window, epoch);
  return VFT_OK;
}

static vft_status verify_file(const vft_manifest *m, const vft_cut *cut, const vft_epochs *e,
                              const vft_windows *windows, const vft_epoch_file *file,
                              vft_soundness *soundness) {
  vft_epoch_statement at;
  vft_fp context[VFT_CONTEXT_MAX];
  int64_t **inputs;
  TRY(vft_epochs_statement(m, windows, file->epoch, file->block, &file->counters, &at));
  TRY(vft_epoch_inputs(e->program, &at, &inputs));
  vft_statement statement = {.program = e->program->program,
                             .inputs = (const int64_t *const *)inputs, .link_root = file->link};
  uint64_t number = file->epoch * e->blocks + file->block;
  vft_proof_options options = vft_cut_options(m, cut, m->steps, (uint32_t)(2 + number), context);
  vft_status st = vft_verify_proof(&statement, &options, (vft_verify_flags){.bounds_checked = true},
                                   file->proof, file->length, NULL, soundness);
  vft_free(inputs);
  return st;
}

vft_status vft_epochs_verify(const vft_manifest *m, const vft_cut *cut, const vft_epochs *e,
                             const vft_windows *windows, const char *folder, uint64_t epoch,
                             uint32_t block, vft_epoch_file *file, vft_soundness *soundness) {
  vft_arena arena = {0};
  vft_status st = VFT_RESOURCE;
  memset(file, 0, sizeof *file);
  char *proofs = vft_arena_printf(&arena, "%s/proofs", folder);
  char *path = proofs ? vft_epoch_file_path(&arena, proofs, epoch, block) : NULL;
  if (!path) goto out;
  TRY_OUT(vft_epoch_file_read(path, file));
  if (memcmp(file->manifest, m->digest, 32))
    st = vft_reject("epoch/manifest", "%s: belongs to another manifest", path);
  else if (file->epoch != epoch || file->block != block)
    st = vft_reject("epoch/index", "%s: is block %u of epoch %llu", path, file->block,
                    (unsigned long long)file->epoch);
  else if ((st = verify_file(m, cut, e, windows, file, soundness)) != VFT_OK)
    st = vft_fail_context(st, "%s: epoch %llu, block %u", path, (unsigned long long)epoch, block);
out:
  vft_free(file->proof);
  file->proof = NULL;
  vft_arena_free(&arena);
  return st;
}

static bool same(vft_digest a, vft_digest b) { return !memcmp(a.b, b.b, sizeof a.b); }

vft_status vft_epochs_join(const vft_epochs *e, const vft_epoch_file *before,
                           const vft_epoch_file *file) {
  const vft_epoch *p = e->program;
  unsigned long long epoch = file->epoch;
  vft_digest start = before ? before->link[p->link_out] : e->start;
  if (!same(file->link[p->link_in], start))
    return vft_reject("epoch/counters", "epoch %llu, block %u: its counters do not begin %s", epoch,
                      file->block, before ? "where the block before ended" : "at 0");
  if (before && !same(file->link[p->link_rows], before->link[p->link_rows]))
    return vft_reject("epoch/rows", "epoch %llu, block %u: other rows than those of the block before",
                      epoch, file->block);
  return VFT_OK;
}
