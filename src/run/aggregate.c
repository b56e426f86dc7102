#include "run/aggregate.h"

#include <string.h>

#include "run/beacon.h"
#include "run/derive.h"
#include "run/files.h"
#include "run/proof_file.h"
#include "run/schedule.h"

/* ---- elements ---- */

vft_status vft_digest_elements(const vft_digest *d, vft_fp out[4]) {
  vft_poseidon_digest e;
  if (!vft_poseidon_read(d->b, &e))
    return vft_reject("transcript/canonical", "a root has an element that is not below p");
  memcpy(out, e.e, sizeof e.e);
  return VFT_OK;
}

vft_poseidon_digest vft_sponge_of(uint64_t domain, const vft_fp *in, size_t n) {
  vft_poseidon_digest out;
  vft_poseidon_hash_many(domain, in, n, 1, &out);
  return out;
}

size_t vft_input_count(const vft_program *p) {
  size_t n = 0;
  for (uint32_t i = 0; i < p->ntensors; i++)
    if (p->tensors[i].origin == VFT_PUBLIC && !p->tensors[i].values)
      n += vft_tensor_count(&p->tensors[i]);
  return n;
}

static void list_inputs(const vft_program *p, int64_t *const *value, vft_fp *out) {
  for (uint32_t i = 0; i < p->ntensors; i++)
    for (size_t k = 0; value[i] && k < vft_tensor_count(&p->tensors[i]); k++)
      *out++ = vft_fp_from_i64(value[i][k]);
}

vft_status vft_step_input_elements(const vft_manifest *m, const vft_step *s, uint64_t t,
                                   vft_fp *out) {
  vft_step_inputs in;
  TRY(vft_schedule_inputs(m, s, t, &in));
  list_inputs(s->program, in.value, out);
  vft_step_inputs_free(&in);
  return VFT_OK;
}

vft_status vft_block_input_elements(const vft_aggregation *a, const vft_windows *windows,
                                    uint64_t block, const vft_poseidon_digest *counters,
                                    vft_fp *out) {
  static const vft_poseidon_digest none;
  vft_epoch_statement at;
  int64_t **inputs;
  TRY(vft_epochs_statement(a->manifest, windows, block / a->epochs.blocks,
                           (uint32_t)(block % a->epochs.blocks), counters ? counters : &none, &at));
  TRY(vft_epoch_inputs(a->epochs.program, &at, &inputs));
  list_inputs(a->epochs.program->program, inputs, out);
  vft_free(inputs);
  return VFT_OK;
}

/* ---- tables ---- */

static vft_status inputs_table(vft_aggregation *a) {
  const vft_manifest *m = a->manifest;
  size_t n = vft_input_count(a->step->program);
  vft_status st = VFT_OK;
  vft_fp *x = vft_alloc(n, sizeof *x);
  vft_poseidon_digest *leaf = vft_alloc(m->steps, sizeof *leaf);
  if (!x || !leaf) st = VFT_RESOURCE;
  for (uint64_t t = 0; st == VFT_OK && t < m->steps; t++) {
    st = vft_step_input_elements(m, a->step, t, x);
    leaf[t] = vft_sponge_of(VFT_DOMAIN_TABLE_INPUTS, x, n);
  }
  if (st == VFT_OK) st = vft_table_tree_init(&a->table[VFT_RUN_INPUTS], leaf, m->steps);
  vft_free(x);
  vft_free(leaf);
  return st;
}

vft_status vft_aggregation_blocks(const vft_aggregation *a, const vft_windows *windows,
                                  const vft_poseidon_digest *counters, vft_table_tree *out) {
  size_t n = vft_input_count(a->epochs.program->program);
  uint64_t blocks = a->epochs.epochs * a->epochs.blocks;
  vft_status st = VFT_OK;
  vft_fp *x = vft_alloc(n, sizeof *x);
  vft_poseidon_digest *leaf = vft_alloc(blocks, sizeof *leaf);
  if (!x || !leaf) st = VFT_RESOURCE;
  for (uint64_t b = 0; st == VFT_OK && b < blocks; b++) {
    st = vft_block_input_elements(a, windows, b, &counters[b], x);
    leaf[b] = vft_sponge_of(VFT_DOMAIN_TABLE_BLOCKS, x, n);
  }
  if (st == VFT_OK) st = vft_table_tree_init(out, leaf, blocks);
  vft_free(x);
  vft_free(leaf);
  return st;
}

static vft_status put_state(const vft_step *s, const vft_digest *link, bool after, vft_fp x[8],
                            vft_poseidon_digest *leaf) {
  TRY(vft_digest_elements(&link[after ? s->link_adapter_out : s->link_adapter_in], x));
  TRY(vft_digest_elements(&link[after ? s->link_state_out : s->link_state_in], x + 4));
  *leaf = vft_sponge_of(VFT_DOMAIN_TABLE_STATES, x, 8);
  return VFT_OK;
}

/* Entries where groups meet; those inside groups are no one's, and zeros. */
static vft_status states_table(vft_aggregation *a, const char *proofs) {
  const vft_manifest *m = a->manifest;
  uint64_t groups = vft_cut_groups(&a->shards.cut, m);
  vft_arena arena = {0};
  vft_status st = VFT_OK;
  vft_poseidon_digest *leaf = vft_alloc(m->steps + 1, sizeof *leaf);
  if (!leaf) st = VFT_RESOURCE;
  for (uint64_t g = 0; st == VFT_OK && g < groups; g++) {
    uint64_t t;
    int n = vft_cut_group(&a->shards.cut, m, g, &t);
    const vft_step *s = vft_shards_step(&a->shards, 0, n);
    vft_step_file file = {0};
    vft_fp x[8];
    char *path = vft_shard_file_path(&arena, proofs, &a->shards.cut, t, 0, m->steps);
    st = path ? vft_step_file_read(path, &file) : VFT_RESOURCE;
    if (st == VFT_OK && (file.links != s->program->nlinks || memcmp(file.manifest, m->digest, 32)))
      st = vft_reject("step/manifest", "%s: belongs to another manifest", path);
    if (st == VFT_OK) st = put_state(s, file.link, false, x, &leaf[t]);
    if (st == VFT_OK) st = put_state(s, file.link, true, a->last, &leaf[t + (uint64_t)n]);
    vft_step_file_free(&file);
  }
  if (st == VFT_OK) st = vft_table_tree_init(&a->table[VFT_RUN_STATES], leaf, m->steps + 1);
  vft_free(leaf);
  vft_arena_free(&arena);
  return st;
}

/* rows and counters, and the counters' digests. */
static vft_status epoch_tables(vft_aggregation *a, const char *proofs) {
  const vft_epoch *p = a->epochs.program;
  uint64_t E = a->epochs.epochs, b = a->epochs.blocks;
  vft_arena arena = {0};
  vft_status st = VFT_OK;
  vft_poseidon_digest *rows = vft_alloc(E, sizeof *rows);
  vft_poseidon_digest *counters = vft_alloc(E * (b + 1), sizeof *counters);
  a->digests = vft_alloc(E * b, sizeof *a->digests);
  if (!rows || !counters || !a->digests) st = VFT_RESOURCE;
  for (uint64_t n = 0; st == VFT_OK && n < E * b; n++) {
    vft_epoch_file file;
    vft_fp x[4];
    memset(&file, 0, sizeof file);
    char *path = vft_epoch_file_path(&arena, proofs, n / b, (uint32_t)(n % b));
    st = path ? vft_epoch_file_read(path, &file) : VFT_RESOURCE;
    if (st == VFT_OK && memcmp(file.manifest, a->manifest->digest, 32))
      st = vft_reject("epoch/manifest", "%s: belongs to another manifest", path);
    if (st == VFT_OK) {
      a->digests[n] = file.counters;
      st = vft_digest_elements(&file.link[p->link_rows], x);
      rows[n / b] = vft_sponge_of(VFT_DOMAIN_TABLE_ROWS, x, 4);
    }
    if (st == VFT_OK) {
      st = vft_digest_elements(&file.link[p->link_out], x);
      counters[n / b * (b + 1) + n % b + 1] = vft_sponge_of(VFT_DOMAIN_TABLE_COUNTERS, x, 4);
    }
    vft_free(file.proof);
  }
  if (st == VFT_OK) st = vft_table_tree_init(&a->table[VFT_RUN_ROWS], rows, E);
  if (st == VFT_OK) st = vft_table_tree_init(&a->table[VFT_RUN_COUNTERS], counters, E * (b + 1));
  vft_free(rows);
  vft_free(counters);
  vft_arena_free(&arena);
  return st;
}

/* ---- what a run has in common ---- */

static vft_status common_elements(vft_aggregation *a) {
  const vft_manifest *m = a->manifest;
  vft_manifest_elements(m->digest, a->common);
  a->common[VFT_COMMON_STEPS] = vft_fp_from_u64(m->steps);
  TRY(vft_digest_elements(&m->base_root, a->common + VFT_COMMON_BASE));
  TRY(vft_digest_elements(&m->tables, a->common + VFT_COMMON_FUNCTIONS));
  for (int i = 0; i < VFT_RUN_TABLES; i++)
    memcpy(a->common + VFT_COMMON_TABLES + 4 * i, a->table[i].root.e, 4 * sizeof *a->common);
  return VFT_OK;
}

vft_status vft_aggregation_manifest(const vft_manifest *m, vft_step *step, const vft_cut *cut,
                                    vft_aggregation *a) {
  vft_status st = VFT_OK;
  a->manifest = m;
  a->step = step;
  if (m->shape.hash != VFT_HASH_POSEIDON)
    return vft_fail(VFT_USAGE, "the run's proofs are made with BLAKE3; a certificate needs a run with "
                               "proof_hash: poseidon");
  if (cut->n)
    return vft_fail(VFT_USAGE, "the run's steps are cut into %d ranges of layers; certificates are made "
                               "of whole steps: vft prove RUN --ranges 0", cut->n);
  TRY_OUT(vft_shards_derive(m, step, cut, &a->shards));
  TRY_OUT(vft_epochs_derive(m, &a->epochs));
  TRY_OUT(inputs_table(a));
  for (int i = 0; i < VFT_RUN_TABLES; i++)
    if (i != VFT_RUN_INPUTS) TRY_OUT(vft_table_tree_init(&a->table[i], NULL, 0));
  st = common_elements(a);
out:
  if (st != VFT_OK) vft_aggregation_close(a);
  return st;
}

vft_status vft_aggregation_open(const char *run, vft_aggregation *a) {
  memset(a, 0, sizeof *a);
  vft_cut cut;
  vft_status st = VFT_OK;
  TRY_OUT(vft_plan_open(run, VFT_PLAN_WEIGHTS, &a->plan));
  vft_manifest *m = &a->plan.manifest;
  a->folder = vft_run_path(&a->plan.arena, run, "public");
  char *proofs = vft_run_path(&a->plan.arena, run, "public/proofs");
  if (!a->folder || !proofs) {
    st = VFT_RESOURCE;
    goto out;
  }
  TRY_OUT(vft_cut_read(proofs, m->shape.layers, &cut));
  TRY_OUT(vft_beacon_read(a->folder, &m->sampling));
  TRY_OUT(vft_windows_read(a->folder, m, &a->windows));
  TRY_OUT(vft_aggregation_manifest(m, a->plan.step, &cut, a));
  TRY_OUT(vft_derive_base(a->step, &a->plan.weights, &a->oracle[a->step->oracle_base]));
  TRY_OUT(vft_derive_tables(a->step, &a->oracle[a->step->oracle_tables]));
  for (int i = 0; i < VFT_RUN_TABLES; i++)
    if (i != VFT_RUN_INPUTS) vft_table_tree_free(&a->table[i]);
  TRY_OUT(states_table(a, proofs));
  TRY_OUT(epoch_tables(a, proofs));
  TRY_OUT(vft_aggregation_blocks(a, &a->windows, a->digests, &a->table[VFT_RUN_BLOCKS]));
  st = common_elements(a);
out:
  if (st != VFT_OK) vft_aggregation_close(a);
  return st;
}

void vft_aggregation_close(vft_aggregation *a) {
  for (int i = 0; i < VFT_RUN_TABLES; i++) vft_table_tree_free(&a->table[i]);
  for (int o = 0; o < 2; o++) vft_commitment_free(a->oracle[o]);
  vft_shards_free(&a->shards);
  vft_epochs_free(&a->epochs);
  vft_windows_free(&a->windows);
  vft_free(a->digests);
  vft_plan_free(&a->plan);
  memset(a, 0, sizeof *a);
}

/* ---- items and leaves ---- */

uint64_t vft_aggregation_items(const vft_aggregation *a) {
  return a->manifest->steps + a->epochs.epochs * a->epochs.blocks;
}

uint64_t vft_aggregation_leaves(const vft_aggregation *a) {
  return vft_cut_groups(&a->shards.cut, a->manifest) + a->epochs.epochs * a->epochs.blocks;
}

void vft_aggregation_range(const vft_aggregation *a, uint64_t leaf, uint64_t *first,
                           uint64_t *end) {
  uint64_t groups = vft_cut_groups(&a->shards.cut, a->manifest);
  if (leaf >= groups) {
    *first = a->manifest->steps + (leaf - groups);
    *end = *first + 1;
    return;
  }
  int n = vft_cut_group(&a->shards.cut, a->manifest, leaf, first);
  *end = *first + (uint64_t)n;
}

/* What distinguishes kinds: steps of a group, or -1, -2 for first and later blocks. */
static int sort_of(const vft_aggregation *a, uint64_t leaf) {
  uint64_t groups = vft_cut_groups(&a->shards.cut, a->manifest), first, end;
  if (leaf >= groups) return (leaf - groups) % a->epochs.blocks ? -2 : -1;
  vft_aggregation_range(a, leaf, &first, &end);
  return (int)(end - first);
}

void vft_aggregation_kinds(const vft_aggregation *a, vft_leaf_kinds *out) {
  memset(out, 0, sizeof *out);
  for (uint64_t i = 0; i < vft_aggregation_leaves(a); i++) {
    uint32_t at = 0;
    while (at < out->n && sort_of(a, out->example[at]) > sort_of(a, i)) at++;
    if (at < out->n && sort_of(a, out->example[at]) == sort_of(a, i)) continue;
    if (out->n == VFT_LEAF_KEYS) return; /* not reached: three sizes of groups, two kinds of blocks */
    memmove(&out->example[at + 1], &out->example[at], (out->n - at) * sizeof *out->example);
    out->example[at] = i;
    out->n++;
  }
}

uint32_t vft_aggregation_kind(const vft_aggregation *a, const vft_leaf_kinds *kinds,
                              uint64_t leaf) {
  uint32_t k = 0;
  while (k + 1 < kinds->n && sort_of(a, kinds->example[k]) != sort_of(a, leaf)) k++;
  return k;
}
