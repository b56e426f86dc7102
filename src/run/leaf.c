/* Leaves: circuits that verify one proof of a run against the run's tables (run/aggregate.h). */
#include <string.h>

#include "prove/prove.h"
#include "recurse/verifier.h"
#include "run/aggregate.h"
#include "run/derive.h"
#include "run/proof_file.h"
#include "run/verify_step.h"

typedef struct {
  const vft_aggregation *a;
  bool blank;
  uint64_t first, end; /* items */
  const vft_step *step; /* of a group; NULL: a block */
  const vft_program *program;
  vft_circuit *c;
  vft_wire in[VFT_RANGE_INPUTS], common[VFT_COMMON_ELEMENTS];
  vft_wire (*link)[4], oracle[2][4], context[2][VFT_CONTEXT_MAX];
  vft_wire **inputs;
  vft_wire block; /* number of the block */
  vft_step_file steps;
  vft_epoch_file epoch;
  vft_proof opening;
  vft_bits *account;
} leaf;

/* ---- vocabulary ---- */

static vft_wire base(leaf *l, vft_fp v) { return vft_circuit_base(l->c, v); }
static vft_wire number(leaf *l, uint64_t v) { return vft_circuit_number(l->c, v); }

static void bases(leaf *l, const vft_fp *v, size_t n, vft_wire *out) {
  for (size_t i = 0; i < n; i++) out[i] = base(l, v[i]);
}

/* w + k */
static vft_wire plus(leaf *l, vft_wire w, uint64_t k) {
  return vft_circuit_add(l->c, w, number(l, 1), vft_fp_from_u64(k));
}

/* Says that the wire, an integer below 2^24, is at most a constant below 2^24. */
static void at_most(leaf *l, vft_wire w, uint64_t most) {
  vft_wire minus = vft_circuit_constant(l->c, vft_ext_neg(VFT_EXT_ONE));
  (void)vft_circuit_bits(l->c, w, VFT_TABLE_LOG);
  (void)vft_circuit_bits(l->c, vft_circuit_sum(l->c, minus, w, number(l, most)), VFT_TABLE_LOG);
}

/* Says that these elements are the entry of a table at a place that a wire has. */
static void entry(leaf *l, int table, uint64_t domain, vft_wire place, uint64_t value,
                  const vft_wire *x, size_t n) {
  vft_wire digest[4], bit = vft_circuit_bits(l->c, place, VFT_TABLE_LOG);
  vft_circuit_hash(l->c, domain, x, n, digest);
  vft_circuit_member(l->c, &l->a->table[table], value, bit, digest,
                     l->common + VFT_COMMON_TABLES + 4 * table);
}

static void statement(leaf *l, const vft_fp *keys) {
  vft_poseidon_digest d =
      vft_sponge_of(VFT_DOMAIN_COMMON, l->a->common, VFT_COMMON_ELEMENTS);
  vft_fp v[VFT_RANGE_INPUTS];
  vft_wire digest[4];
  memset(v, 0, sizeof v);
  if (keys) memcpy(v, keys, VFT_AT_COMMON * sizeof *v);
  memcpy(v + VFT_AT_COMMON, d.e, sizeof d.e);
  v[VFT_AT_FIRST] = vft_fp_from_u64(l->first);
  v[VFT_AT_END] = vft_fp_from_u64(l->end);
  for (int i = 0; i < VFT_RANGE_INPUTS; i++)
    l->in[i] = vft_circuit_input(l->c, vft_ext_from_fp(v[i]));
  bases(l, l->a->common, VFT_COMMON_ELEMENTS, l->common);
  vft_circuit_hash(l->c, VFT_DOMAIN_COMMON, l->common, VFT_COMMON_ELEMENTS, digest);
  for (int k = 0; k < 4; k++) vft_circuit_equal(l->c, digest[k], l->in[VFT_AT_COMMON + k]);
  vft_circuit_equal(l->c, l->in[VFT_AT_END], plus(l, l->in[VFT_AT_FIRST], l->end - l->first));
}

static vft_status links(leaf *l, const vft_digest *link) {
  vft_fp x[4] = {{0}};
  for (uint32_t i = 0; i < l->program->nlinks; i++) {
    if (!l->blank) TRY(vft_digest_elements(&link[i], x));
    bases(l, x, 4, l->link[i]);
  }
  return VFT_OK;
}

/* The cells of one program's inputs, tensor by tensor, become those of the proof's program. map: of
 * tensors, NULL: itself. */
static vft_status give_inputs(leaf *l, const vft_program *from, const vft_tensor_id *map,
                              const vft_wire *w) {
  for (uint32_t i = 0; i < from->ntensors; i++) {
    const vft_tensor *x = &from->tensors[i];
    if (x->origin != VFT_PUBLIC || x->values) continue;
    size_t size = vft_tensor_count(x);
    vft_wire **to = &l->inputs[map ? map[i] : i];
    *to = vft_alloc(size, sizeof **to);
    if (!*to) return VFT_RESOURCE;
    memcpy(*to, w, size * sizeof *w);
    w += size;
  }
  return VFT_OK;
}

/* ---- a group of steps ---- */

/* The roots at one end of the group are entry `place` of the states. */
static void state(leaf *l, bool after) {
  const vft_step *s = l->step;
  uint64_t k = after ? l->end - l->first : 0;
  vft_wire x[8];
  memcpy(x, l->link[after ? s->link_adapter_out : s->link_adapter_in], 4 * sizeof *x);
  memcpy(x + 4, l->link[after ? s->link_state_out : s->link_state_in], 4 * sizeof *x);
  entry(l, VFT_RUN_STATES, VFT_DOMAIN_TABLE_STATES, plus(l, l->in[VFT_AT_FIRST], k), l->first + k,
        x, 8);
}

/* The group lies within the epoch e whose rows it is bound to: first = e S + r, r <= S - steps; and it
 * begins where groups of G steps do: r = G q. So there are as many leaves as the account of the
 * chain has (run/certificate.c). */
static void group_rows(leaf *l) {
  uint64_t S = l->a->manifest->sampling.steps_per_epoch, e = l->first / S, r = l->first % S;
  uint64_t G = (uint64_t)l->a->shards.cut.steps;
  vft_wire epoch = base(l, vft_fp_from_u64(e)), place = base(l, vft_fp_from_u64(r / G));
  vft_wire within = vft_circuit_add(l->c, 0, place, vft_fp_from_u64(G));
  (void)vft_circuit_bits(l->c, place, VFT_TABLE_LOG);
  vft_circuit_equal(l->c, l->in[VFT_AT_FIRST],
                    vft_circuit_add(l->c, within, epoch, vft_fp_from_u64(S)));
  at_most(l, within, S - (l->end - l->first));
  entry(l, VFT_RUN_ROWS, VFT_DOMAIN_TABLE_ROWS, epoch, e, l->link[l->step->link_rows], 4);
}

static vft_status group_inputs(leaf *l) {
  const vft_step *one = l->step->one ? l->step->one : l->step;
  size_t n = vft_input_count(one->program);
  vft_fp *v = vft_alloc(n, sizeof *v);
  vft_wire *w = vft_alloc(n, sizeof *w);
  vft_status st = v && w ? VFT_OK : VFT_RESOURCE;
  for (uint64_t k = 0; st == VFT_OK && k < l->end - l->first; k++) {
    uint64_t t = l->first + k;
    st = vft_step_input_elements(l->a->manifest, one, t, v);
    bases(l, v, n, w);
    entry(l, VFT_RUN_INPUTS, VFT_DOMAIN_TABLE_INPUTS, plus(l, l->in[VFT_AT_FIRST], k), t, w, n);
    if (st == VFT_OK)
      st = give_inputs(l, one->program,
                       l->step->one ? l->step->map + k * one->program->ntensors : NULL, w);
  }
  vft_free(v);
  vft_free(w);
  return st;
}

static vft_status group(leaf *l) {
  TRY(links(l, l->steps.link));
  memcpy(l->oracle[l->step->oracle_base], l->common + VFT_COMMON_BASE, 4 * sizeof(vft_wire));
  memcpy(l->oracle[l->step->oracle_tables], l->common + VFT_COMMON_FUNCTIONS,
         4 * sizeof(vft_wire));
  state(l, false);
  state(l, true);
  group_rows(l);
  return group_inputs(l);
}

/* ---- a block of an epoch ---- */

/* Block n = first - T is number k of epoch e: n = e b + k. The first of an epoch starts with the
 * counters at 0, whose root is a constant of the program; later ones where the one before ended. */
static vft_status block(leaf *l) {
  const vft_aggregation *a = l->a;
  const vft_epoch *p = a->epochs.program;
  uint64_t b = a->epochs.blocks, n = l->first - a->manifest->steps, e = n / b, k = n % b;
  vft_wire minus = vft_circuit_constant(l->c, vft_ext_neg(VFT_EXT_ONE));
  TRY(links(l, l->epoch.link));
  l->block = vft_circuit_sum(l->c, minus, l->common[VFT_COMMON_STEPS], l->in[VFT_AT_FIRST]);
  vft_wire epoch = base(l, vft_fp_from_u64(e)), within = 0;
  if (k) { /* 1 <= k < b */
    vft_wire less = base(l, vft_fp_from_u64(k - 1));
    at_most(l, less, b - 2);
    within = plus(l, less, 1);
  }
  vft_circuit_equal(l->c, l->block, vft_circuit_add(l->c, within, epoch, vft_fp_from_u64(b)));
  vft_wire place = vft_circuit_add(l->c, within, epoch, vft_fp_from_u64(b + 1));
  uint64_t at = e * (b + 1) + k;
  if (k) {
    entry(l, VFT_RUN_COUNTERS, VFT_DOMAIN_TABLE_COUNTERS, place, at, l->link[p->link_in], 4);
  } else {
    vft_fp start[4];
    TRY(vft_digest_elements(&a->epochs.start, start));
    for (int i = 0; i < 4; i++)
      vft_circuit_equal(l->c, l->link[p->link_in][i], number(l, start[i].v));
  }
  entry(l, VFT_RUN_COUNTERS, VFT_DOMAIN_TABLE_COUNTERS, plus(l, place, 1), at + 1,
        l->link[p->link_out], 4);
  entry(l, VFT_RUN_ROWS, VFT_DOMAIN_TABLE_ROWS, epoch, e, l->link[p->link_rows], 4);
  size_t count = vft_input_count(p->program);
  vft_fp *v = vft_alloc(count, sizeof *v);
  vft_wire *w = vft_alloc(count, sizeof *w);
  vft_status st = v && w ? VFT_OK : VFT_RESOURCE;
  if (st == VFT_OK && !l->blank)
    st = vft_block_input_elements(a, &a->windows, n, &a->digests[n], v);
  if (st == VFT_OK) {
    bases(l, v, count, w);
    entry(l, VFT_RUN_BLOCKS, VFT_DOMAIN_TABLE_BLOCKS, l->block, n, w, count);
    st = give_inputs(l, p->program, NULL, w);
  }
  vft_free(v);
  vft_free(w);
  return st;
}

/* ---- the proof ---- */

/* A proof's context (vft_cut_options): the name, h_Pi, step, shard and the cut, of which h_Pi, and step
 * or shard, are not constants. */
static void context(leaf *l, const vft_fp *value, size_t n, vft_wire *out) {
  size_t name = (sizeof VFT_PROTOCOL_NAME + 6) / 7;
  for (size_t i = 0; i < n; i++) {
    if (i >= name && i < name + 5)
      out[i] = l->common[i - name];
    else if (i == name + 5)
      out[i] = l->step ? l->in[VFT_AT_FIRST] : l->common[VFT_COMMON_STEPS];
    else if (i == name + 6 && !l->step)
      out[i] = plus(l, l->block, 2);
    else
      out[i] = number(l, value[i].v);
  }
}

static vft_status verify(leaf *l) {
  const vft_aggregation *a = l->a;
  vft_fp value[2][VFT_CONTEXT_MAX];
  vft_proof_options options = vft_cut_options(a->manifest, &a->shards.cut, l->first, 0, value[0]);
  (void)vft_cut_options(a->manifest, &a->shards.cut, l->first, 1, value[1]);
  for (int i = 0; i < 2; i++) context(l, value[i], options.context_len, l->context[i]);
  const uint8_t *proof = l->step ? l->steps.proof : l->epoch.proof;
  vft_circuit_child child = {.program = l->program,
                             .inputs = (const uint32_t *const *)l->inputs,
                             .link_root = (const uint32_t(*)[4])l->link,
                             .oracle_root = (const uint32_t(*)[4])l->oracle,
                             .context = l->context[0],
                             .context_len = options.context_len,
                             .opening = l->opening.bytes,
                             .opening_len = l->opening.len,
                             .opening_columns = vft_derive_oracle_columns(a->step),
                             .opening_context = l->context[1],
                             .inputs_checked = true, /* the tables' are made within bounds */
                             .log_inv_rate = options.log_inv_rate,
                             .bits = options.bits,
                             .grind = options.grind,
                             .account = l->account};
  return vft_circuit_verify(l->c, &child, l->blank ? NULL : proof,
                            l->step ? l->steps.length : l->epoch.length);
}

/* The opening of the claims that the proof of a group leaves: shard 1 of its first step. */
static vft_status open_claims(leaf *l) {
  const vft_aggregation *a = l->a;
  vft_digest link[VFT_PROOF_LINKS];
  vft_oracle_claims claims = {0};
  vft_fp context_value[VFT_CONTEXT_MAX];
  vft_proof_options options =
      vft_cut_options(a->manifest, &a->shards.cut, l->first, 1, context_value);
  vft_status st = vft_verify_shard(a->manifest, &a->shards, a->folder, l->first, 0, link, &claims,
                                   NULL, NULL);
  if (st == VFT_OK)
    st = vft_prove_oracles((vft_commitment *const *)a->oracle, 2, &claims, &options, &l->opening);
  vft_oracle_claims_free(&claims);
  return st;
}

static vft_status read_proof(leaf *l) {
  const vft_aggregation *a = l->a;
  vft_arena arena = {0};
  uint64_t n = l->first - a->manifest->steps;
  char *proofs = vft_arena_printf(&arena, "%s/proofs", a->folder), *path = NULL;
  if (proofs)
    path = l->step ? vft_shard_file_path(&arena, proofs, &a->shards.cut, l->first, 0,
                                         a->manifest->steps)
                   : vft_epoch_file_path(&arena, proofs, n / a->epochs.blocks,
                                         (uint32_t)(n % a->epochs.blocks));
  vft_status st = !path     ? VFT_RESOURCE
                  : l->step ? vft_step_file_read(path, &l->steps)
                            : vft_epoch_file_read(path, &l->epoch);
  if (st == VFT_OK && l->step) st = open_claims(l);
  vft_arena_free(&arena);
  return st;
}

vft_status vft_leaf_make(const vft_aggregation *a, uint64_t number_of, const vft_fp *keys,
                         vft_bits *account, vft_circuit **out) {
  vft_status st = VFT_OK;
  *out = NULL;
  leaf *l = vft_alloc(1, sizeof *l);
  if (!l) return VFT_RESOURCE;
  l->a = a;
  l->blank = !keys;
  l->account = account;
  vft_aggregation_range(a, number_of, &l->first, &l->end);
  if (l->first < a->manifest->steps)
    l->step = vft_shards_step(&a->shards, 0, (int)(l->end - l->first));
  l->program = l->step ? l->step->program : a->epochs.program->program;
  l->c = vft_circuit_new();
  l->link = vft_alloc(l->program->nlinks, sizeof *l->link);
  l->inputs = vft_alloc(l->program->ntensors, sizeof *l->inputs);
  if (!l->c || !l->link || !l->inputs) {
    st = VFT_RESOURCE;
    goto out;
  }
  if (!l->blank) TRY_OUT(read_proof(l));
  statement(l, keys);
  TRY_OUT(l->step ? group(l) : block(l));
  TRY_OUT(verify(l));
  vft_circuit_prune(l->c);
  TRY_OUT(l->c->status);
  *out = l->c;
  l->c = NULL;
out:
  for (uint32_t i = 0; l->inputs && i < l->program->ntensors; i++) vft_free(l->inputs[i]);
  vft_free(l->inputs);
  vft_free(l->link);
  vft_circuit_free(l->c);
  vft_step_file_free(&l->steps);
  vft_free(l->epoch.proof);
  vft_proof_free(&l->opening);
  vft_free(l);
  return st;
}
