/* A made-up dataset in three tiers with a policy, and the proof of an epoch over it. */
#ifndef TESTS_PROGRAM_EPOCH_WORLD_H
#define TESTS_PROGRAM_EPOCH_WORLD_H

#include "prove/reduced.h"

#include <string.h>

#include "program/epoch.h"

enum { WORLD_RECORDS = 37, WORLD_CLASSES = 4, WORLD_MAX = 64 };

typedef struct {
  bool replacement, secret, beacon, small; /* small: one tier, two records */
  bool single;                             /* with small: one record, a tree without nodes */
} world_kind;

typedef struct {
  vft_sampling s;
  vft_class classes[WORLD_CLASSES];
  vft_class *list[WORLD_CLASSES];
  vft_poseidon_digest class_digest[WORLD_CLASSES];
  vft_class_verdict verdict[WORLD_CLASSES];
  vft_epoch_record record[WORLD_MAX];
  vft_poseidon_digest path[WORLD_MAX][8];
  uint8_t secret[32], manifest[32], beacon_value[32];
  vft_poseidon_digest key, salt[VFT_QUOTAS + 2];
} world;

static inline vft_poseidon_digest world_digest(uint64_t seed) {
  vft_fp x = vft_fp_from_u64(seed);
  vft_poseidon_digest d;
  vft_poseidon_hash_many(99, &x, 1, 1, &d);
  return d;
}

static inline void world_tree(world *w, uint64_t first, uint64_t n, unsigned height,
                              vft_poseidon_digest *root) {
  vft_poseidon_digest node[WORLD_MAX];
  memset(node, 0, sizeof node);
  memset(root, 0, sizeof *root);
  if (!n) return;
  for (uint64_t i = 0; i < n; i++) {
    const vft_epoch_record *r = &w->record[first + i];
    vft_poseidon_digest meta;
    vft_metadata_digests(&w->class_digest[r->class_number], &r->tokens, &r->loss_tokens, &meta, 1);
    vft_leaf_digests(&r->content, &meta, &r->salt, &node[i], 1);
  }
  for (unsigned h = 0; h < height; h++) {
    for (uint64_t i = 0; i < n; i++) w->path[first + i][h] = node[(i >> h) ^ 1];
    vft_poseidon_compress(node, node, (size_t)1 << (height - h - 1));
  }
  *root = node[0];
}

static inline void world_policy(world *w) {
  vft_policy *p = &w->s.policy;
  p->given = true;
  p->quotas = 4;
  p->quota[0] = (vft_quota){.kind = VFT_BIN_LICENSE, .value = "MIT", .ceiling = 5};
  p->quota[1] = (vft_quota){.kind = VFT_BIN_LANGUAGE, .value = "zh", .tokens = true, .ceiling = 90};
  p->quota[2] = (vft_quota){.kind = VFT_BIN_LENGTH, .shortest = 12, .longest = 20, .ceiling = 6};
  p->quota[3] = (vft_quota){.kind = VFT_BIN_LENGTH, .shortest = 0, .longest = UINT32_MAX,
                            .tokens = true, .ceiling = 100000};
  for (int k = 0; k < WORLD_CLASSES; k++) {
    w->verdict[k].verdict = k == 2 ? VFT_SKIP_LICENSE : VFT_ACCEPTED;
    w->verdict[k].bins[0] = k == 0 ? 1u : k == 1 ? 3u : 2u;
  }
}

static inline void world_init(world *w, world_kind kind) {
  memset(w, 0, sizeof *w);
  vft_sampling *s = &w->s;
  s->records = kind.single ? 1 : kind.small ? 2 : WORLD_RECORDS;
  s->tier_records[0] = kind.small ? s->records : 20;
  s->tier_records[1] = kind.small ? 0 : 10;
  s->tier_records[2] = kind.small ? 0 : 7;
  s->tier_first[1] = s->tier_records[0];
  s->tier_first[2] = s->tier_records[0] + s->tier_records[1];
  s->height = kind.single ? 0 : kind.small ? 1 : 5;
  s->sequence_len = 24;
  s->records_a_step = kind.small ? 1 : 3;
  s->steps_per_epoch = kind.small ? 1 : 5;
  s->replacement = kind.replacement;
  s->mode = kind.secret ? VFT_SAMPLER_HYBRID : VFT_SAMPLER_PUBLIC;
  s->has_beacon = kind.beacon;
  s->window = 2;
  s->public_every = 2;
  s->candidates = kind.replacement ? 64 : kind.single ? 1 : kind.small ? 4 : 49;
  s->classes = kind.small ? 1 : WORLD_CLASSES;
  for (int k = 0; k < WORLD_CLASSES; k++) {
    w->classes[k].tier = (vft_tier)(k == 3 ? 2 : k == 2 ? 1 : 0);
    w->list[k] = &w->classes[k];
    w->class_digest[k] = world_digest(1000 + (uint64_t)k);
  }
  s->class_list = w->list;
  s->class_digest = w->class_digest;
  s->class_verdict = w->verdict;
  if (!kind.small) world_policy(w);
  for (uint64_t i = 0; i < s->records; i++) {
    vft_epoch_record *r = &w->record[i];
    int tier = i >= s->tier_first[2] ? 2 : i >= s->tier_first[1] ? 1 : 0;
    r->class_number = (uint32_t)(tier == 2 ? 3 : tier == 1 ? 2 : kind.small ? 0 : i % 2);
    r->tokens = (uint32_t)(5 + 7 * i % 20);
    r->loss_tokens = kind.small || i % 9 ? 3 : 0;
    r->content = world_digest(i);
    r->salt = world_digest(500 + i);
    r->siblings = w->path[i];
  }
  for (int t = 0; t < VFT_TIERS; t++)
    world_tree(w, s->tier_first[t], s->tier_records[t], s->height, &s->tree[t]);
  for (int i = 0; i < 32; i++) {
    w->secret[i] = (uint8_t)(7 * i + 1);
    w->manifest[i] = (uint8_t)(200 - i);
    w->beacon_value[i] = (uint8_t)(3 * i);
  }
  for (unsigned q = 0; q < VFT_QUOTAS + 2; q++) w->salt[q] = world_digest(7000 + q);
  s->seed_commitment = vft_sampler_commitment(w->secret);
}

static inline vft_status world_open(void *ctx, uint64_t n, vft_epoch_record *out) {
  *out = ((world *)ctx)->record[n];
  return VFT_OK;
}

/* One block of an epoch: program, trace, statement. */
typedef struct {
  world *w;
  vft_epoch *e;
  vft_trace trace;
  vft_epoch_statement at;
  uint64_t before[VFT_QUOTAS + 2], after[VFT_QUOTAS + 2];
  vft_poseidon_digest *rows;
} block;

/* The native answer: rows by address, for the epoch's key. */
static inline uint64_t world_rows(const world *w, const vft_epoch *e, uint64_t rows,
                                  vft_poseidon_digest *out, uint64_t *counter) {
  const vft_sampling *s = &w->s;
  const vft_policy *p = &s->policy;
  vft_order order = vft_order_make(&w->key, s->records, s->replacement);
  uint64_t n = 0, candidate[128];
  vft_order_take(&order, 0, s->candidates, candidate);
  for (uint64_t c = 0; c < s->candidates && n < rows; c++) {
    if (candidate[c] >= s->records) continue;
    const vft_epoch_record *r = &w->record[candidate[c]];
    const vft_class_verdict *v = &w->verdict[r->class_number];
    if (v->verdict != VFT_ACCEPTED || !r->loss_tokens) continue;
    bool fits = true;
    for (int move = 0; move < 2; move++)
      for (size_t q = 0; q < p->quotas && fits; q++) {
        if (!vft_policy_in_bin(p, v, q, r->tokens)) continue;
        uint64_t more = p->quota[q].tokens ? r->tokens : 1;
        if (move) counter[q] += more;
        else fits = counter[q] + more <= p->quota[q].ceiling;
      }
    if (!fits) continue;
    out[n / s->records_a_step * e->row_slots + n % s->records_a_step] =
        vft_row_digest(&r->content, r->tokens, r->loss_tokens);
    n++;
  }
  counter[e->rows_quota] = n;
  return n;
}

/* Block number `number`, of at most `most` candidates, of an epoch with so many rows; the counters
 * before it. */
static inline void block_init_at(block *b, world *w, uint64_t rows, uint32_t most, uint64_t number,
                                 const uint64_t *before) {
  memset(b, 0, sizeof *b);
  b->w = w;
  OK(vft_epoch_build_blocks(&w->s, most, 6, &b->e));
  OK(vft_program_check_bounds(b->e->program));
  b->rows = vft_alloc((size_t)b->e->row_slots * b->e->step_slots, sizeof *b->rows);
  if (before) memcpy(b->before, before, sizeof b->before);
  bool secret = b->e->secret;
  uint8_t seed[32] = {5};
  vft_poseidon_digest master = vft_sampler_master(w->manifest, secret, secret ? w->secret : seed,
                                                  w->s.has_beacon ? w->beacon_value : NULL);
  b->at = (vft_epoch_statement){.epoch = 3, .window = 1, .block = number, .rows = rows,
                                .beacon = w->s.has_beacon ? w->beacon_value : NULL,
                                .shown = !secret};
  memcpy(b->at.manifest, w->manifest, 32);
  vft_poseidon_digest window = vft_sampler_window(&master, b->at.window);
  w->key = vft_sampler_epoch_key(&window, b->at.epoch);
  if (b->at.shown) b->at.key = w->key;
  uint64_t counter[VFT_QUOTAS + 2] = {0};
  assert_int_equal(world_rows(w, b->e, rows, b->rows, counter), rows);
  vft_epoch_witness witness = {.secret = w->secret, .epoch_key = w->key, .before = b->before,
                               .salt = w->salt, .open = world_open, .ctx = w, .rows = b->rows};
  OK(vft_trace_init(&b->trace, b->e->program));
  OK(vft_epoch_trace(b->e, &b->at, &witness, &b->trace, b->after));
  if (number + 1 == b->e->blocks)
    assert_memory_equal(b->after, counter, b->e->quotas * sizeof *counter);
}

static inline void block_init(block *b, world *w, uint64_t rows) {
  block_init_at(b, w, rows, VFT_EPOCH_BLOCK, 0, NULL);
}

static inline void block_free(block *b) {
  vft_trace_free(&b->trace);
  vft_epoch_free(b->e);
  vft_free(b->rows);
}

/* Proves the trace as it is and verifies; the statement is the block's. */
static inline vft_status block_verify(block *b, bool cheat) {
  const vft_prove_options how = {.unchecked = true, .cheat = cheat};
  vft_proof_options options = step_options();
  vft_commitment *link[3] = {NULL};
  vft_digest root[3];
  vft_proof proof = {0};
  int64_t **inputs;
  vft_oracle_claims claims = {0};
  for (uint32_t l = 0; l < 3; l++) {
    OK(vft_commit_group(&link[l], &b->trace, VFT_LINK, l, options.log_inv_rate,
                        options.hash, 0));
    root[l] = vft_commitment_root(link[l]);
  }
  OK(vft_epoch_inputs(b->e, &b->at, &inputs));
  OK(vft_prove(b->e->program, &b->trace, link, NULL, &options, &how, &proof, &claims, NULL));
  vft_statement s = {b->e->program, (const int64_t *const *)inputs, root, NULL};
  vft_status st =
      vft_verify_proof(&s, &options, lax, proof.bytes, proof.len, &claims, NULL);
  vft_oracle_claims_free(&claims);
  vft_free(proof.bytes);
  vft_free(inputs);
  for (int l = 0; l < 3; l++) vft_commitment_free(link[l]);
  return st;
}

#endif
