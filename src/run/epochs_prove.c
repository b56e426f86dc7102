#include <string.h>

#include "hash/blake3.h"
#include "run/epochs_prove.h"

/* ---- rows ---- */

vft_status vft_epochs_list(const vft_plan *plan, const vft_epoch *e,
                           const vft_plan_epoch_list *list, vft_poseidon_digest **out) {
  const vft_sampling *s = &plan->manifest.sampling;
  uint64_t at = 0;
  vft_status st = VFT_OK;
  *out = vft_alloc((size_t)e->row_slots * e->step_slots, sizeof **out);
  if (!*out) return VFT_RESOURCE;
  for (uint64_t c = 0; c < list->candidates; c++) {
    vft_row row;
    size_t source;
    if (list->verdict[c] != VFT_ACCEPTED) continue;
    st = vft_dataset_row(&plan->dataset, list->record[c], &row, &source);
    if (st != VFT_OK) return st;
    (*out)[at / s->records_a_step * e->row_slots + at % s->records_a_step] =
        vft_row_digest(&row.content, row.tokens, row.loss_tokens);
    at++;
  }
  return st;
}

vft_status vft_epochs_rows(vft_prover *j, uint64_t epoch) {
  vft_plan_epoch_list list;
  if (j->rows && j->rows_epoch == epoch) return VFT_OK;
  TRY(vft_plan_epoch(&j->plan, epoch, &list));
  vft_free(j->rows);
  j->rows = NULL;
  j->rows_epoch = epoch;
  vft_status st = vft_epochs_list(&j->plan, j->epochs.program, &list, &j->rows);
  vft_plan_epoch_list_free(&list);
  if (st != VFT_OK) {
    vft_free(j->rows);
    j->rows = NULL;
  }
  return st;
}

/* ---- counters ---- */

void vft_counter_salt(const vft_plan *plan, uint64_t epoch, uint32_t quota,
                      vft_poseidon_digest *salt) {
  static const char domain[] = "vft counter salt v1";
  uint8_t number[12], bytes[64];
  vft_blake3 h;
  for (int i = 0; i < 8; i++) number[i] = (uint8_t)(epoch >> 8 * i);
  for (int i = 0; i < 4; i++) number[8 + i] = (uint8_t)(quota >> 8 * i);
  vft_blake3_init(&h);
  vft_blake3_update(&h, domain, sizeof domain);
  vft_blake3_update(&h, plan->dataset.master, 32);
  vft_blake3_update(&h, plan->manifest.digest, 32);
  vft_blake3_update(&h, number, sizeof number);
  vft_blake3_final(&h, bytes, sizeof bytes);
  for (int k = 0; k < 4; k++) {
    uint64_t w[2] = {0, 0};
    for (int i = 0; i < 16; i++) w[i / 8] |= (uint64_t)bytes[16 * k + i] << 8 * (i % 8);
    salt->e[k] = vft_fp_reduce128(w[1], w[0]);
  }
}

/* What the accepted candidates from..to-1 of the list add to the counters. */
static void count(const vft_plan *plan, const vft_epoch *e, const vft_plan_epoch_list *list,
                  uint64_t from, uint64_t to, uint64_t *counter) {
  const vft_policy *p = &plan->manifest.sampling.policy;
  const vft_judged *judged = &plan->judged;
  for (uint64_t c = from; c < to && c < list->candidates; c++) {
    if (list->verdict[c] != VFT_ACCEPTED) continue;
    const vft_dataset_meta *m = &judged->meta[list->record[c]];
    for (size_t q = 0; q < p->quotas; q++)
      if (vft_policy_in_bin(p, &judged->of_class[m->class_number], q, m->tokens))
        counter[q] += p->quota[q].tokens ? m->tokens : 1;
    counter[e->rows_quota]++;
  }
}

vft_status vft_epochs_counters(const vft_plan *plan, const vft_epoch *e, uint64_t epoch,
                               uint64_t *counter) {
  vft_plan_epoch_list list;
  TRY(vft_plan_epoch(plan, epoch, &list));
  memset(counter, 0, e->quotas * sizeof *counter);
  count(plan, e, &list, 0, list.candidates, counter);
  vft_plan_epoch_list_free(&list);
  return VFT_OK;
}

/* ---- proofs ---- */

typedef struct {
  vft_prover *j;
  vft_poseidon_digest path[64];
} opening;

static vft_status open_record(void *ctx, uint64_t n, vft_epoch_record *out) {
  opening *o = ctx;
  const vft_dataset *d = &o->j->plan.dataset;
  vft_row row;
  size_t source;
  unsigned height;
  TRY(vft_dataset_row(d, n, &row, &source));
  TRY(vft_dataset_path(d, n, o->path, &height));
  if (height != o->j->plan.manifest.sampling.height)
    return vft_fail(VFT_USAGE, "%s: a path of %u digests", d->path, height);
  *out = (vft_epoch_record){.class_number = row.class_number, .tokens = row.tokens,
                            .loss_tokens = row.loss_tokens, .content = row.content,
                            .salt = vft_record_salt(d->master, n), .siblings = o->path};
  return VFT_OK;
}

static vft_status write_block(const vft_prover *j, const vft_proving *p, const vft_digest *roots,
                              const vft_proof *proof) {
  const vft_epoch_statement *at = p->what;
  vft_arena arena = {0};
  vft_epoch_file file = {.epoch = at->epoch, .block = (uint32_t)at->block,
                         .counters = at->counters, .proof = proof->bytes, .length = proof->len,
                         .padding = proof->slack};
  memcpy(file.manifest, j->plan.manifest.digest, 32);
  memcpy(file.link, roots, sizeof file.link);
  char *path = vft_epoch_file_path(&arena, j->proofs, at->epoch, file.block);
  vft_status st = path ? vft_epoch_file_write(path, &file) : VFT_RESOURCE;
  vft_arena_free(&arena);
  return st;
}

static vft_status prove_block(vft_prover *j, const vft_plan_epoch_list *list, uint32_t block,
                              const uint64_t *before, vft_epoch_file *file) {
  const vft_epoch *e = j->epochs.program;
  const vft_manifest *m = &j->plan.manifest;
  vft_poseidon_digest salt[VFT_QUOTAS + 2], none = {{{0}}};
  vft_windows window = {0};
  vft_trace trace;
  uint64_t after[VFT_QUOTAS + 2];
  char name[40];
  opening o = {.j = j};
  snprintf(name, sizeof name, "epoch_%06llu_%04u", (unsigned long long)list->key.epoch, block);
  uint64_t number = list->key.epoch * j->epochs.blocks + block;
  vft_epoch_statement at;
  vft_proving proving = {.step = m->steps, .shard = (uint32_t)(2 + number), .name = name,
                         .write = write_block, .what = &at, .unit = vft_epochs_work(&j->epochs)};
  vft_proving_begin(&proving);
  /* the key that everyone has is this one, whether or not it is in a file */
  vft_poseidon_digest shown = list->key.window_key;
  if (m->sampling.mode == VFT_SAMPLER_HYBRID && list->key.is_public) {
    window.n = list->key.window / (uint64_t)m->sampling.public_every + 1;
    window.key = vft_alloc(window.n, sizeof *window.key);
    if (!window.key) return VFT_RESOURCE;
    window.key[window.n - 1] = shown;
  }
  vft_status st = vft_epochs_statement(m, &window, list->key.epoch, block, &none, &at);
  vft_windows_free(&window);
  TRY(st);
  for (uint32_t q = 0; q < e->quotas; q++) vft_counter_salt(&j->plan, list->key.epoch, q, &salt[q]);
  vft_epoch_witness w = {.secret = j->plan.secret, .epoch_key = list->key.key, .before = before,
                         .salt = salt, .open = open_record, .ctx = &o, .rows = j->rows};
  TRY(vft_trace_init(&trace, e->program));
  st = vft_epoch_trace(e, &at, &w, &trace, after);
  if (st == VFT_OK) st = vft_prover_trace(j, &proving, e->step, &trace, file->link);
  vft_trace_free(&trace);
  file->epoch = at.epoch;
  file->block = block;
  return st;
}

/* Is there a proof of this block that verifies and joins? */
static vft_status keep_block(vft_prover *j, const vft_windows *windows, uint64_t epoch,
                             uint32_t block, const vft_epoch_file *before, vft_epoch_file *file,
                             bool *kept) {
  vft_status st = vft_epochs_verify(&j->plan.manifest, &j->shards.cut, &j->epochs, windows,
                                    j->folder, epoch, block, file, NULL);
  if (st == VFT_OK) st = vft_epochs_join(&j->epochs, before, file);
  *kept = st == VFT_OK;
  if (st == VFT_RESOURCE) return st;
  vft_error_clear();
  return VFT_OK;
}

static vft_status prove_epoch(vft_prover *j, const vft_windows *windows, uint64_t epoch) {
  vft_plan_epoch_list list;
  vft_epoch_file file[2];
  uint64_t counter[VFT_QUOTAS + 2] = {0};
  TRY(vft_epochs_rows(j, epoch));
  TRY(vft_plan_epoch(&j->plan, epoch, &list));
  vft_status st = VFT_OK;
  memset(file, 0, sizeof file);
  for (uint32_t b = 0; st == VFT_OK && b < j->epochs.blocks; b++) {
    vft_epoch_file *now = &file[b & 1], *before = b ? &file[(b & 1) ^ 1] : NULL;
    bool kept = false;
    st = vft_interrupt_check("vft prove ... --resume goes on");
    snprintf(j->what, sizeof j->what, "rows of epoch %llu of %llu", (unsigned long long)epoch + 1,
             (unsigned long long)j->epochs.epochs);
    j->stages = 0;
    if (st == VFT_OK && j->request->resume)
      st = keep_block(j, windows, epoch, b, before, now, &kept);
    if (st == VFT_OK && !kept) st = prove_block(j, &list, b, counter, now);
    if (st == VFT_OK && !kept) st = vft_epochs_join(&j->epochs, before, now);
    count(&j->plan, j->epochs.program, &list, (uint64_t)b * j->epochs.program->block,
          (uint64_t)(b + 1) * j->epochs.program->block, counter);
    if (st == VFT_OK) vft_prover_done(j, vft_epochs_work(&j->epochs));
    if (st == VFT_OK) j->rows_root[epoch] = now->link[j->epochs.program->link_rows];
  }
  *j->what = 0;
  vft_plan_epoch_list_free(&list);
  return st;
}

uint64_t vft_epochs_work(const vft_epochs *e) {
  return vft_program_tree_elements(e->program->program, VFT_WITNESS, 0) / 1000 + 1;
}

vft_status vft_epochs_prove(vft_prover *j) {
  vft_windows windows = {0};
  vft_status st = VFT_OK;
  j->rows_root = vft_alloc(j->epochs.epochs, sizeof *j->rows_root);
  if (!j->rows_root) return VFT_RESOURCE;
  if (j->request->resume) TRY(vft_windows_read(j->folder, &j->plan.manifest, &windows));
  for (uint64_t e = 0; st == VFT_OK && e < j->epochs.epochs; e++) st = prove_epoch(j, &windows, e);
  vft_windows_free(&windows);
  return st;
}
