#include "run/aggregate.h"

#include <string.h>

#include "run/derive.h"
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
  uint64_t S = a->leaves.shards;
  vft_status st = VFT_OK;
  size_t most = 0;
  for (uint32_t i = 0; i < S; i++) {
    size_t n = vft_input_count(a->shards.step[i]->program);
    if (n > most) most = n;
  }
  vft_fp *x = vft_alloc(most + 1, sizeof *x);
  vft_poseidon_digest *leaf = vft_alloc(m->steps * S, sizeof *leaf);
  if (!x || !leaf) st = VFT_RESOURCE;
  for (uint64_t i = 0; st == VFT_OK && i < m->steps * S; i++) {
    const vft_step *s = a->shards.step[i % S];
    st = vft_step_input_elements(m, s, i / S, x);
    leaf[i] = vft_sponge_of(VFT_DOMAIN_TABLE_INPUTS, x, vft_input_count(s->program));
  }
  if (st == VFT_OK) st = vft_table_tree_init(&a->table[VFT_RUN_INPUTS], leaf, m->steps * S);
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

/* ---- states ---- */

/* Node number i of a height above the ranges of a state; a range that there is not is zeros. */
static vft_poseidon_digest range_node(const vft_aggregation *a, const vft_fp (*roots)[8], uint32_t i,
                                      unsigned height) {
  vft_poseidon_digest d = {{{0}}};
  if (!height)
    return roots && i < a->ranges ? vft_sponge_of(VFT_DOMAIN_TABLE_STATES, roots[i], 8) : d;
  vft_poseidon_digest pair[2] = {range_node(a, roots, 2 * i, height - 1),
                                 range_node(a, roots, 2 * i + 1, height - 1)};
  vft_poseidon_compress(pair, &d, 1);
  return d;
}

vft_poseidon_digest vft_range_sibling(const vft_aggregation *a, const vft_fp (*roots)[8], uint32_t r,
                                      unsigned height) {
  return range_node(a, roots, r >> height ^ 1, height);
}

vft_poseidon_digest vft_state_entry(const vft_aggregation *a, const vft_fp (*roots)[8]) {
  return range_node(a, roots, 0, vft_log2_ceil(a->ranges));
}

uint64_t vft_released_entry(const vft_aggregation *a) {
  return a->manifest->steps + a->leaves.release;
}

vft_status vft_start_entry(const vft_aggregation *a, vft_poseidon_digest *out) {
  const vft_manifest *m = a->manifest;
  vft_fp roots[VFT_MAX_PARTS][8];
  if (a->roots) { /* a prover's: whether they are the declared ones is for verifiers to say */
    *out = vft_table_leaf(&a->table[VFT_RUN_STATES], 0);
    return VFT_OK;
  }
  if (!a->shards.cut.n) { /* of the manifest, which are recomputed before */
    TRY(vft_digest_elements(&m->initial_adapter, roots[0]));
    TRY(vft_digest_elements(&m->initial_state, roots[0] + 4));
    *out = vft_state_entry(a, roots);
    return VFT_OK;
  }
  vft_slots *slots = vft_alloc(1, sizeof *slots);
  if (!slots) return VFT_RESOURCE;
  vft_status st = vft_slots_start(&a->shards, m->seed, slots);
  for (uint32_t r = 0; st == VFT_OK && r < a->ranges; r++) {
    st = vft_digest_elements(&slots->root[vft_slot(VFT_SLOT_ADAPTER_IN, r)], roots[r]);
    if (st == VFT_OK)
      st = vft_digest_elements(&slots->root[vft_slot(VFT_SLOT_STATE_IN, r)], roots[r] + 4);
  }
  if (st == VFT_OK) *out = vft_state_entry(a, roots);
  vft_free(slots);
  return st;
}

/* ---- what a run has in common ---- */

vft_status vft_aggregation_common(vft_aggregation *a) {
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
                                    const vft_leaf_choice *choice, vft_aggregation *a) {
  vft_status st = VFT_RESOURCE;
  a->manifest = m;
  a->step = step;
  vft_leaves_init(&a->leaves, m, cut, choice);
  TRY(vft_leaves_check(&a->leaves));
  if (m->shape.hash != VFT_HASH_POSEIDON)
    return vft_fail(VFT_USAGE, "the run's proofs are made with BLAKE3; a certificate needs a run with "
                               "proof_hash: poseidon");
  TRY_OUT(vft_shards_derive(m, step, cut, &a->shards));
  TRY_OUT(vft_epochs_derive(m, &a->epochs));
  a->ranges = cut->n ? (uint32_t)cut->n : 1;
  a->form = vft_alloc((size_t)a->leaves.shards * 3, sizeof *a->form);
  if (!a->form) goto out;
  TRY_OUT(inputs_table(a));
  for (int i = 0; i < VFT_RUN_TABLES; i++)
    if (i != VFT_RUN_INPUTS) TRY_OUT(vft_table_tree_init(&a->table[i], NULL, 0));
  st = vft_aggregation_common(a);
out:
  if (st != VFT_OK) vft_aggregation_close(a);
  return st;
}

void vft_aggregation_close(vft_aggregation *a) {
  for (int i = 0; i < VFT_RUN_TABLES; i++) vft_table_tree_free(&a->table[i]);
  for (int o = 0; o < 2; o++) vft_commitment_free(a->oracle[o]);
  for (uint32_t i = 0; a->form && i < 3 * a->leaves.shards; i++) vft_claim_list_free(&a->form[i]);
  vft_free(a->form);
  vft_oracle_claims_free(&a->claims);
  vft_free(a->claims_end);
  vft_free(a->roots);
  vft_shards_free(&a->shards);
  vft_epochs_free(&a->epochs);
  vft_windows_free(&a->windows);
  vft_free(a->digests);
  vft_plan_free(&a->plan);
  memset(a, 0, sizeof *a);
}
