/* What a prover adds to what the manifest says of its run: tables of proofs that it has verified. */
#include <string.h>

#include "run/aggregate.h"
#include "run/aggregate_estimate.h"
#include "run/beacon.h"
#include "run/derive.h"
#include "run/files.h"
#include "run/leaf_keys.h"
#include "run/memory.h"
#include "run/progress.h"
#include "run/proof_file.h"
#include "run/verify.h"

/* ---- proofs of steps ---- */

/* What one proof's links, and its claims, add to the tables. */
static vft_status put_links(vft_aggregation *a, uint64_t t, uint64_t after, uint32_t shard,
                            const vft_step *s, const vft_digest *link, vft_poseidon_digest *places) {
  uint32_t n = (uint32_t)a->shards.cut.n;
  for (uint32_t i = 0; i < s->program->nlinks; i++) {
    vft_fp x[4];
    TRY(vft_digest_elements(&link[i], x));
    uint32_t slot = vft_shard_slot(&a->shards, shard, i);
    vft_poseidon_digest place = vft_sponge_of(VFT_DOMAIN_TABLE_PLACES, x, 4);
    if (n && slot == VFT_SLOT_HEAD) places[t * (n + 1)] = place;
    for (uint32_t r = 0; r < a->ranges; r++) {
      const uint64_t at[2] = {t * a->ranges + r, after * a->ranges + r};
      if (n && slot == vft_slot(VFT_SLOT_LAYERS, r)) places[t * (n + 1) + 1 + r] = place;
      if (slot == vft_slot(VFT_SLOT_ADAPTER_IN, r)) memcpy(a->roots[at[0]], x, sizeof x);
      if (slot == vft_slot(VFT_SLOT_STATE_IN, r)) memcpy(a->roots[at[0]] + 4, x, sizeof x);
      if (slot == vft_slot(VFT_SLOT_ADAPTER_OUT, r)) memcpy(a->roots[at[1]], x, sizeof x);
      if (slot == vft_slot(VFT_SLOT_STATE_OUT, r)) memcpy(a->roots[at[1]] + 4, x, sizeof x);
    }
  }
  return VFT_OK;
}

static vft_status put_claims(const vft_oracle_claims *claims, vft_poseidon_digest *out) {
  vft_claim_list list;
  uint64_t form[VFT_CLAIM_FORM];
  if (!claims->n) return VFT_OK;
  TRY(vft_claim_list_of(claims, &list));
  vft_claims_form(claims, form);
  size_t n = VFT_CLAIM_FORM + 3 * (size_t)list.nvalues;
  vft_fp *x = vft_alloc(n, sizeof *x);
  for (size_t i = 0; x && i < n; i++) {
    size_t v = i - VFT_CLAIM_FORM;
    x[i] = (vft_fp){i < VFT_CLAIM_FORM ? form[i] : list.value[v / 3][v % 3]};
  }
  if (x) *out = vft_sponge_of(VFT_DOMAIN_CLAIMS, x, n);
  vft_claim_list_free(&list);
  vft_status st = x ? VFT_OK : VFT_RESOURCE;
  vft_free(x);
  return st;
}

/* What the tables are made of, while the run is verified. */
typedef struct {
  vft_aggregation *a;
  uint64_t taken; /* proofs of steps */
  vft_poseidon_digest *state, *place, *claim;
} step_tables;

static vft_status take_release(step_tables *s, const vft_digest *link) {
  vft_aggregation *a = s->a;
  memset(a->released, 0, sizeof a->released);
  TRY(vft_digest_elements(&link[a->shards.release->link_adapter_out], a->released));
  s->state[a->manifest->steps + 1] = vft_sponge_of(VFT_DOMAIN_TABLE_STATES, a->released, 8);
  return VFT_OK;
}

/* Of vft_run_verify: a proof was accepted. Entries of states inside of groups are no one's, and zeros. */
static vft_status take_proof(void *ctx, uint64_t t, uint32_t shard, const vft_digest *link,
                             const vft_oracle_claims *claims) {
  step_tables *s = ctx;
  vft_aggregation *a = s->a;
  const vft_leaves *l = &a->leaves;
  TRY(vft_interrupt_check(VFT_AGGREGATE_RESUME));
  if (t == l->steps && l->release) return take_release(s, link);
  uint64_t S = l->shards, i = s->taken++;
  int steps = vft_cut_group_at(&a->shards.cut, a->manifest, t);
  if (!steps || shard != i % S || i >= vft_cut_groups(&a->shards.cut, a->manifest) * S)
    return vft_fail(VFT_USAGE, "%s: changed while it was read", a->folder);
  uint64_t after = t + (uint64_t)steps;
  TRY(vft_oracle_claims_append(&a->claims, claims, NULL));
  a->claims_end[i] = a->claims.n;
  TRY(put_claims(claims, &s->claim[i]));
  TRY(put_links(a, t, after, shard, vft_shards_step(&a->shards, shard, steps), link, s->place));
  if (shard + 1 < S) return VFT_OK;
  s->state[t] = vft_state_entry(a, (const vft_fp(*)[8])a->roots + t * a->ranges);
  s->state[after] = vft_state_entry(a, (const vft_fp(*)[8])a->roots + after * a->ranges);
  return VFT_OK;
}

/* The run as whoever has its proofs verifies it, once: leaves are made of proofs that are accepted, join and
 * end in the released adapter, and openings of the claims that were left here. */
static vft_status verified_tables(vft_aggregation *a) {
  const vft_leaves *l = &a->leaves;
  uint64_t T = l->steps, S = l->shards, places = a->shards.cut.n ? T * (a->ranges + 1) : 0;
  uint64_t proofs = vft_cut_groups(&a->shards.cut, a->manifest) * S;
  vft_verify_report report = {0};
  step_tables s = {.a = a,
                   .state = vft_alloc(T + 2, sizeof *s.state),
                   .place = vft_alloc(places + 1, sizeof *s.place),
                   .claim = vft_alloc(proofs, sizeof *s.claim)};
  vft_status st = VFT_RESOURCE;
  a->roots = vft_alloc((T + 1) * a->ranges, sizeof *a->roots);
  a->claims_end = vft_alloc(proofs, sizeof *a->claims_end);
  vft_verify_request request = {.folder = a->folder, .proof = take_proof, .proof_ctx = &s};
  request.manifest = vft_run_path(&a->plan.arena, a->folder, "manifest.json");
  request.adapter = vft_run_path(&a->plan.arena, a->folder, "adapter");
  if (!a->roots || !a->claims_end || !s.state || !s.place || !s.claim) goto out;
  if (!request.manifest || !request.adapter) goto out;
  TRY_OUT(vft_run_verify(&request, &report));
  if (memcmp(report.h_pi, a->manifest->digest, sizeof report.h_pi) || s.taken != proofs) {
    st = vft_fail(VFT_USAGE, "%s: changed while it was read", a->folder);
    goto out;
  }
  if (!l->release) memcpy(a->released, a->roots[T * a->ranges], sizeof a->released);
  TRY_OUT(vft_table_tree_init(&a->table[VFT_RUN_STATES], s.state, T + 1 + l->release));
  TRY_OUT(vft_table_tree_init(&a->table[VFT_RUN_PLACES], s.place, places));
  st = vft_table_tree_init(&a->table[VFT_RUN_CLAIMS], s.claim, proofs);
out:
  vft_verify_report_free(&report);
  vft_free(s.state);
  vft_free(s.place);
  vft_free(s.claim);
  return st;
}

vft_oracle_claims vft_aggregation_claims(const vft_aggregation *a, uint64_t group, uint32_t shard) {
  uint64_t i = group * a->leaves.shards + shard;
  uint32_t first = i ? a->claims_end[i - 1] : 0;
  return (vft_oracle_claims){.claim = a->claims.claim + first, .n = a->claims_end[i] - first};
}

/* ---- epochs ---- */

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

/* ---- all ---- */

/* The greatest leaves that fit into `memory` bytes: with fewer pieces, then (0 is each alone) with pieces of
 * fewer proofs. */
static vft_status choose(const vft_manifest *m, vft_step *step, const vft_cut *cut, uint64_t memory,
                         vft_leaf_choice *choice) {
  size_t budget, needed = 0;
  TRY(vft_memory_budget(memory, &budget));
  for (;;) {
    vft_aggregation a;
    memset(&a, 0, sizeof a);
    TRY(vft_aggregation_manifest(m, step, cut, choice, &a));
    vft_status st = vft_aggregate_memory(&a, vft_leaf_keys_room(memory), &needed);
    vft_aggregation_close(&a);
    if (st != VFT_OK || needed <= budget) return st;
    if (choice->pieces) choice->pieces--;
    else if (choice->shards > 1) choice->shards--;
    else break;
  }
  return vft_fail(VFT_RESOURCE, "--memory: a leaf of the certificate takes %.1f GB, %.1f GB are left "
                  "of %.1f; allow more, or prove the run in smaller parts (vft prove --memory)",
                  (double)needed / 1e9, (double)budget / 1e9, (double)memory / 1e9);
}

vft_status vft_aggregation_open(const char *run, const uint32_t *pieces, uint64_t memory,
                                vft_aggregation *a) {
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
  vft_leaf_choice choice = vft_leaf_choice_default(&cut);
  if (pieces) choice.pieces = *pieces;
  else if (memory) TRY_OUT(choose(m, a->plan.step, &cut, memory, &choice));
  TRY_OUT(vft_aggregation_manifest(m, a->plan.step, &cut, &choice, a));
  for (int i = 0; i < VFT_RUN_TABLES; i++)
    if (i != VFT_RUN_INPUTS) vft_table_tree_free(&a->table[i]);
  TRY_OUT(verified_tables(a));
  TRY_OUT(epoch_tables(a, proofs));
  TRY_OUT(vft_aggregation_blocks(a, &a->windows, a->digests, &a->table[VFT_RUN_BLOCKS]));
  st = vft_aggregation_common(a);
out:
  if (st != VFT_OK) vft_aggregation_close(a);
  return st;
}

vft_status vft_aggregation_oracles(vft_aggregation *a) {
  TRY(vft_derive_base(a->step, &a->plan.weights, &a->oracle[a->step->oracle_base]));
  TRY(vft_interrupt_check(VFT_AGGREGATE_RESUME)); /* of a large model that was much of a leaf's work */
  return vft_derive_tables(a->step, &a->oracle[a->step->oracle_tables]);
}
