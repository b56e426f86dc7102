#include "run/aggregate.h"

#include <string.h>

#include "prove/prove.h"
#include "recurse/verifier.h"
#include "run/derive.h"
#include "run/files.h"
#include "run/proof_file.h"
#include "run/schedule.h"
#include "run/verify_step.h"

/* ---- what a run has in common ---- */

static vft_status elements(const vft_digest *d, vft_fp out[4]) {
  vft_poseidon_digest e;
  if (!vft_poseidon_read(d->b, &e))
    return vft_reject("transcript/canonical", "a root has an element that is not below p");
  memcpy(out, e.e, sizeof e.e);
  return VFT_OK;
}

static vft_poseidon_digest sponge(uint64_t domain, const vft_fp *in, size_t n) {
  vft_poseidon_digest out;
  vft_poseidon_hash_many(domain, in, n, 1, &out);
  return out;
}

static size_t input_count(const vft_step *s) {
  size_t n = 0;
  for (uint32_t i = 0; i < s->program->ntensors; i++) {
    const vft_tensor *t = &s->program->tensors[i];
    if (t->origin == VFT_PUBLIC && !t->values) n += vft_tensor_count(t);
  }
  return n;
}

/* The per-proof inputs of step t of the run, tensor by tensor. */
static vft_status step_inputs(const vft_manifest *m, const vft_step *s, uint64_t t, vft_fp *out) {
  vft_step_inputs in;
  TRY(vft_schedule_inputs(m, s, t, &in));
  for (uint32_t i = 0; i < s->program->ntensors; i++)
    for (size_t k = 0; in.value[i] && k < vft_tensor_count(&s->program->tensors[i]); k++)
      *out++ = vft_fp_from_i64(in.value[i][k]);
  vft_step_inputs_free(&in);
  return VFT_OK;
}

static vft_status inputs_table(vft_aggregation *a) {
  const vft_manifest *m = &a->plan.manifest;
  const vft_step *s = a->plan.step;
  size_t n = input_count(s);
  vft_status st = VFT_OK;
  vft_fp *x = vft_alloc(n, sizeof *x);
  vft_poseidon_digest *leaf = vft_alloc(m->steps, sizeof *leaf);
  if (!x || !leaf) st = VFT_RESOURCE;
  for (uint64_t t = 0; st == VFT_OK && t < m->steps; t++) {
    st = step_inputs(m, s, t, x);
    leaf[t] = sponge(VFT_DOMAIN_TABLE_INPUTS, x, n);
  }
  if (st == VFT_OK) st = vft_table_tree_init(&a->inputs, leaf, m->steps);
  vft_free(x);
  vft_free(leaf);
  return st;
}

static vft_status read_step(const vft_aggregation *a, uint64_t t, vft_step_file *file) {
  vft_arena arena = {0};
  char *proofs = vft_arena_printf(&arena, "%s/proofs", a->folder);
  char *path = proofs ? vft_shard_file_path(&arena, proofs, &a->shards.cut, t, 0,
                                            a->plan.manifest.steps)
                      : NULL;
  vft_status st = path ? vft_step_file_read(path, file) : VFT_RESOURCE;
  vft_arena_free(&arena);
  return st;
}

static vft_poseidon_digest state_leaf(const vft_fp adapter[4], const vft_fp state[4]) {
  vft_fp x[8];
  memcpy(x, adapter, 4 * sizeof *x);
  memcpy(x + 4, state, 4 * sizeof *x);
  return sponge(VFT_DOMAIN_TABLE_STATES, x, 8);
}

/* Entries where groups meet; those inside groups are no one's, and zeros. */
static vft_status states_and_rows(vft_aggregation *a) {
  const vft_manifest *m = &a->plan.manifest;
  uint64_t groups = vft_cut_groups(&a->shards.cut, m);
  uint64_t epochs = vft_sampling_epochs(&m->sampling, m->steps);
  vft_status st = VFT_OK;
  vft_poseidon_digest *state = vft_alloc(m->steps + 1, sizeof *state);
  vft_poseidon_digest *row = vft_alloc(epochs, sizeof *row);
  if (!state || !row) st = VFT_RESOURCE;
  for (uint64_t g = 0; st == VFT_OK && g < groups; g++) {
    uint64_t t;
    int n = vft_cut_group(&a->shards.cut, m, g, &t);
    const vft_step *s = vft_shards_step(&a->shards, 0, n);
    vft_step_file file = {0};
    vft_fp x[4], y[4];
    st = read_step(a, t, &file);
    if (st == VFT_OK && file.links != s->program->nlinks)
      st = vft_reject("step/shard", "step %llu: %u links, expected %u", (unsigned long long)t,
                      file.links, s->program->nlinks);
    if (st == VFT_OK) st = elements(&file.link[s->link_adapter_in], x);
    if (st == VFT_OK) st = elements(&file.link[s->link_state_in], y);
    if (st == VFT_OK) state[t] = state_leaf(x, y);
    if (st == VFT_OK) st = elements(&file.link[s->link_adapter_out], x);
    if (st == VFT_OK) st = elements(&file.link[s->link_state_out], y);
    if (st == VFT_OK) state[t + (uint64_t)n] = state_leaf(x, y);
    if (st == VFT_OK) st = elements(&file.link[s->link_rows], x);
    if (st == VFT_OK) row[t / m->sampling.steps_per_epoch] = sponge(VFT_DOMAIN_TABLE_ROWS, x, 4);
    vft_step_file_free(&file);
  }
  if (st == VFT_OK) st = vft_table_tree_init(&a->states, state, m->steps + 1);
  if (st == VFT_OK) st = vft_table_tree_init(&a->rows, row, epochs);
  vft_free(state);
  vft_free(row);
  return st;
}

static void pack(const uint8_t *bytes, size_t n, vft_fp *out) {
  for (size_t at = 0; at < n; at += 7) {
    uint64_t x = 0;
    for (size_t k = 0; k < 7 && at + k < n; k++) x |= (uint64_t)bytes[at + k] << (8 * k);
    *out++ = vft_fp_from_u64(x);
  }
}

static vft_status common_elements(vft_aggregation *a) {
  const vft_manifest *m = &a->plan.manifest;
  vft_fp *at = a->common;
  pack(m->digest, 32, at);
  at += 5;
  *at++ = vft_fp_from_u64(m->steps);
  TRY(elements(&m->base_root, at));
  TRY(elements(&m->tables, at + 4));
  at += 8;
  const vft_table_tree *tree[3] = {&a->inputs, &a->states, &a->rows};
  for (int i = 0; i < 3; i++, at += 4) {
    vft_poseidon_digest root = vft_table_root(tree[i]);
    memcpy(at, root.e, sizeof root.e);
  }
  return VFT_OK;
}

vft_status vft_aggregation_open(const char *run, vft_aggregation *a) {
  memset(a, 0, sizeof *a);
  vft_cut cut;
  vft_status st = VFT_OK;
  TRY_OUT(vft_plan_open(run, VFT_PLAN_WEIGHTS, &a->plan));
  const vft_manifest *m = &a->plan.manifest;
  if (m->shape.hash != VFT_HASH_POSEIDON) {
    st = vft_fail(VFT_USAGE, "%s: its proofs are made with BLAKE3; a certificate needs a run with "
                  "proof_hash: poseidon", run);
    goto out;
  }
  a->folder = vft_run_path(&a->plan.arena, run, "public");
  char *proofs = vft_run_path(&a->plan.arena, run, "public/proofs");
  if (!a->folder || !proofs) {
    st = VFT_RESOURCE;
    goto out;
  }
  TRY_OUT(vft_cut_read(proofs, m->shape.layers, &cut));
  if (cut.n) {
    st = vft_fail(VFT_USAGE, "%s: its steps are cut into %d ranges of layers; certificates of such runs "
                  "are not made yet", run, cut.n);
    goto out;
  }
  TRY_OUT(vft_shards_derive(m, a->plan.step, &cut, &a->shards));
  TRY_OUT(vft_derive_base(a->plan.step, &a->plan.weights, &a->oracle[a->plan.step->oracle_base]));
  TRY_OUT(vft_derive_tables(a->plan.step, &a->oracle[a->plan.step->oracle_tables]));
  TRY_OUT(inputs_table(a));
  TRY_OUT(states_and_rows(a));
  TRY_OUT(common_elements(a));
out:
  if (st != VFT_OK) vft_aggregation_close(a);
  return st;
}

void vft_aggregation_close(vft_aggregation *a) {
  vft_table_tree_free(&a->inputs);
  vft_table_tree_free(&a->states);
  vft_table_tree_free(&a->rows);
  for (int o = 0; o < 2; o++) vft_commitment_free(a->oracle[o]);
  vft_shards_free(&a->shards);
  vft_plan_free(&a->plan);
  memset(a, 0, sizeof *a);
}

/* ---- a leaf ---- */

typedef struct {
  const vft_aggregation *a;
  const vft_step *s;
  uint64_t t;
  int steps; /* of the group */
  vft_circuit *c;
  vft_wire in[VFT_RANGE_INPUTS], common[VFT_COMMON_ELEMENTS];
  vft_wire (*link)[4], oracle[2][4], context[2][VFT_CONTEXT_MAX];
  vft_wire **inputs;
} leaf;

static vft_wire base(leaf *l, vft_fp v) { return vft_circuit_base(l->c, v); }

static void bases(leaf *l, const vft_fp *v, size_t n, vft_wire *out) {
  for (size_t i = 0; i < n; i++) out[i] = base(l, v[i]);
}

static void statement(leaf *l, const vft_fp keys[VFT_AT_COMMON]) {
  vft_poseidon_digest d = sponge(VFT_DOMAIN_COMMON, l->a->common, VFT_COMMON_ELEMENTS);
  vft_fp v[VFT_RANGE_INPUTS];
  vft_wire digest[4];
  memcpy(v, keys, VFT_AT_COMMON * sizeof *v);
  memcpy(v + VFT_AT_COMMON, d.e, sizeof d.e);
  v[VFT_AT_FIRST] = vft_fp_from_u64(l->t);
  v[VFT_AT_END] = vft_fp_from_u64(l->t + (uint64_t)l->steps);
  for (int i = 0; i < VFT_RANGE_INPUTS; i++)
    l->in[i] = vft_circuit_input(l->c, vft_ext_from_fp(v[i]));
  bases(l, l->a->common, VFT_COMMON_ELEMENTS, l->common);
  vft_circuit_hash(l->c, VFT_DOMAIN_COMMON, l->common, VFT_COMMON_ELEMENTS, digest);
  for (int k = 0; k < 4; k++) vft_circuit_equal(l->c, digest[k], l->in[VFT_AT_COMMON + k]);
  vft_circuit_equal(l->c, l->in[VFT_AT_END],
                    vft_circuit_add(l->c, l->in[VFT_AT_FIRST], vft_circuit_number(l->c, 1),
                                    vft_fp_from_u64((uint64_t)l->steps)));
}

static const vft_wire *root_of(const leaf *l, int table) { /* inputs, states, rows */
  return l->common + 14 + 4 * table;
}

/* The step t + k as a cell. */
static vft_wire step_number(leaf *l, uint64_t k) {
  return vft_circuit_add(l->c, l->in[VFT_AT_FIRST], vft_circuit_number(l->c, 1),
                         vft_fp_from_u64(k));
}

/* States at both ends, in the links. */
static void states(leaf *l) {
  const uint32_t adapter[2] = {l->s->link_adapter_in, l->s->link_adapter_out};
  const uint32_t state[2] = {l->s->link_state_in, l->s->link_state_out};
  for (int end = 0; end < 2; end++) {
    uint64_t k = end ? (uint64_t)l->steps : 0;
    vft_wire x[8], digest[4];
    memcpy(x, l->link[adapter[end]], 4 * sizeof *x);
    memcpy(x + 4, l->link[state[end]], 4 * sizeof *x);
    vft_circuit_hash(l->c, VFT_DOMAIN_TABLE_STATES, x, 8, digest);
    vft_wire bit = vft_circuit_bits(l->c, step_number(l, k), l->a->states.log);
    vft_circuit_member(l->c, &l->a->states, l->t + k, bit, digest, root_of(l, 1));
  }
}

/* The group lies within the epoch e whose rows it is bound to: t = e S + r, r <= S - steps. */
static void rows(leaf *l) {
  uint64_t S = l->a->plan.manifest.sampling.steps_per_epoch, e = l->t / S, r = l->t % S;
  vft_circuit *c = l->c;
  unsigned log = vft_table_log(S);
  vft_wire epoch = base(l, vft_fp_from_u64(e)), within = base(l, vft_fp_from_u64(r));
  vft_circuit_equal(c, l->in[VFT_AT_FIRST],
                    vft_circuit_add(c, within, epoch, vft_fp_from_u64(S)));
  vft_wire minus = vft_circuit_constant(c, vft_ext_neg(VFT_EXT_ONE));
  vft_wire most = vft_circuit_number(c, S - (uint64_t)l->steps);
  (void)vft_circuit_bits(c, within, log);
  (void)vft_circuit_bits(c, vft_circuit_sum(c, minus, within, most), log);
  vft_wire digest[4], bit = vft_circuit_bits(c, epoch, l->a->rows.log);
  vft_circuit_hash(c, VFT_DOMAIN_TABLE_ROWS, l->link[l->s->link_rows], 4, digest);
  vft_circuit_member(c, &l->a->rows, e, bit, digest, root_of(l, 2));
}

/* Inputs of each step of the group: those of the table. */
static vft_status schedule(leaf *l) {
  const vft_step *one = l->s->one ? l->s->one : l->s;
  size_t n = input_count(one);
  vft_fp *v = vft_alloc(n, sizeof *v);
  vft_wire *w = vft_alloc(n, sizeof *w);
  vft_status st = v && w ? VFT_OK : VFT_RESOURCE;
  for (int k = 0; st == VFT_OK && k < l->steps; k++) {
    uint64_t t = l->t + (uint64_t)k;
    vft_wire digest[4];
    st = step_inputs(&l->a->plan.manifest, one, t, v);
    bases(l, v, n, w);
    vft_circuit_hash(l->c, VFT_DOMAIN_TABLE_INPUTS, w, n, digest);
    vft_wire bit = vft_circuit_bits(l->c, step_number(l, (uint64_t)k), l->a->inputs.log);
    vft_circuit_member(l->c, &l->a->inputs, t, bit, digest, root_of(l, 0));
    size_t at = 0;
    for (uint32_t i = 0; i < one->program->ntensors && st == VFT_OK; i++) {
      const vft_tensor *x = &one->program->tensors[i];
      if (x->origin != VFT_PUBLIC || x->values) continue;
      size_t size = vft_tensor_count(x);
      uint32_t id = l->s->one ? l->s->map[(size_t)k * one->program->ntensors + i] : i;
      l->inputs[id] = vft_alloc(size, sizeof **l->inputs);
      if (!l->inputs[id]) st = VFT_RESOURCE;
      for (size_t e = 0; st == VFT_OK && e < size; e++) l->inputs[id][e] = w[at++];
    }
  }
  vft_free(v);
  vft_free(w);
  return st;
}

/* The proof's context is a function of h_Pi and the step, see vft_cut_options. */
static size_t context(leaf *l, const vft_fp *value, size_t n, vft_wire *out) {
  size_t name = (sizeof VFT_PROTOCOL_NAME + 6) / 7;
  for (size_t i = 0; i < n; i++) {
    if (i >= name && i < name + 5)
      out[i] = l->common[i - name];
    else if (i == name + 5)
      out[i] = l->in[VFT_AT_FIRST];
    else
      out[i] = vft_circuit_number(l->c, value[i].v);
  }
  return n;
}

/* file: NULL for a blank leaf. */
static vft_status record(leaf *l, const vft_step_file *file, const vft_proof *opening) {
  const vft_manifest *m = &l->a->plan.manifest;
  const vft_program *p = l->s->program;
  vft_fp value[2][VFT_CONTEXT_MAX], x[4];
  vft_proof_options options = vft_cut_options(m, &l->a->shards.cut, l->t, 0, value[0]);
  (void)vft_cut_options(m, &l->a->shards.cut, l->t, 1, value[1]);
  for (uint32_t i = 0; i < p->nlinks; i++) {
    memset(x, 0, sizeof x);
    if (file) TRY(elements(&file->link[i], x));
    bases(l, x, 4, l->link[i]);
  }
  memcpy(l->oracle[l->s->oracle_base], l->common + 6, 4 * sizeof(vft_wire));
  memcpy(l->oracle[l->s->oracle_tables], l->common + 10, 4 * sizeof(vft_wire));
  states(l);
  rows(l);
  TRY(schedule(l));
  for (int i = 0; i < 2; i++) (void)context(l, value[i], options.context_len, l->context[i]);
  vft_circuit_child child = {.program = p,
                             .inputs = (const uint32_t *const *)l->inputs,
                             .link_root = (const uint32_t(*)[4])l->link,
                             .oracle_root = (const uint32_t(*)[4])l->oracle,
                             .context = l->context[0],
                             .context_len = options.context_len,
                             .opening = opening->bytes,
                             .opening_len = opening->len,
                             .opening_columns = vft_derive_oracle_columns(l->a->plan.step),
                             .opening_context = l->context[1],
                             .inputs_checked = true, /* the table's are the manifest's */
                             .log_inv_rate = options.log_inv_rate,
                             .bits = options.bits,
                             .grind = options.grind};
  return vft_circuit_verify(l->c, &child, file ? file->proof : NULL, file ? file->length : 0);
}

/* The opening of the claims that the step's proof leaves. */
static vft_status open_claims(const vft_aggregation *a, uint64_t t, vft_proof *out) {
  vft_digest link[VFT_PROOF_LINKS];
  vft_oracle_claims claims = {0};
  vft_fp context[VFT_CONTEXT_MAX];
  vft_status st = vft_verify_shard(&a->plan.manifest, &a->shards, a->folder, t, 0, link, &claims,
                                   NULL, NULL);
  vft_proof_options options = vft_cut_options(&a->plan.manifest, &a->shards.cut, t, 1, context);
  if (st == VFT_OK)
    st = vft_prove_oracles((vft_commitment *const *)a->oracle, 2, &claims, &options, out);
  vft_oracle_claims_free(&claims);
  return st;
}

static vft_status make_leaf(const vft_aggregation *a, uint64_t t, bool blank,
                            const vft_fp keys[VFT_AT_COMMON], vft_circuit **out) {
  vft_step_file file = {0};
  vft_proof opening = {0};
  vft_status st = VFT_OK;
  *out = NULL;
  leaf *l = vft_alloc(1, sizeof *l);
  if (!l) return VFT_RESOURCE;
  l->a = a;
  l->t = t;
  l->steps = vft_cut_group_at(&a->shards.cut, &a->plan.manifest, t);
  l->s = vft_shards_step(&a->shards, 0, l->steps);
  if (!l->s) {
    st = vft_fail(VFT_USAGE, "no proof of the run begins with step %llu", (unsigned long long)t);
    goto out;
  }
  l->c = vft_circuit_new();
  l->link = vft_alloc(l->s->program->nlinks, sizeof *l->link);
  l->inputs = vft_alloc(l->s->program->ntensors, sizeof *l->inputs);
  if (!l->c || !l->link || !l->inputs) {
    st = VFT_RESOURCE;
    goto out;
  }
  if (!blank) TRY_OUT(read_step(a, t, &file));
  if (!blank) TRY_OUT(open_claims(a, t, &opening));
  statement(l, keys);
  TRY_OUT(record(l, blank ? NULL : &file, &opening));
  vft_circuit_prune(l->c);
  TRY_OUT(l->c->status);
  *out = l->c;
  l->c = NULL;
out:
  for (uint32_t i = 0; l->inputs && i < l->s->program->ntensors; i++) vft_free(l->inputs[i]);
  vft_free(l->inputs);
  vft_free(l->link);
  vft_circuit_free(l->c);
  vft_step_file_free(&file);
  vft_proof_free(&opening);
  vft_free(l);
  return st;
}

vft_status vft_aggregate_leaf(const vft_aggregation *a, uint64_t t,
                              const vft_fp keys[VFT_AT_COMMON], vft_circuit **out) {
  return make_leaf(a, t, false, keys, out);
}

vft_status vft_aggregate_blank_leaf(const vft_aggregation *a, uint64_t t, vft_circuit **out) {
  static const vft_fp keys[VFT_AT_COMMON];
  return make_leaf(a, t, true, keys, out);
}
