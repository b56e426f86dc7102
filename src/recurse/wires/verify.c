/* vft_verify_proof (verify/verify.c) with wires for what may vary. */
#include <string.h>

#include "hash/poseidon.h"
#include "recurse/recorder.h"
#include "recurse/wires_verify.h"
#include "verify/open.h"

static vft_fp element(uint32_t wire) {
  uint64_t v[3];
  vft_record_value(wire, v);
  return vft_fp_of_wire(wire, v[0]);
}

static vft_digest digest(const uint32_t wire[4]) {
  vft_digest d;
  for (int i = 0; i < 4; i++) d.e[i] = element(wire[i]);
  return d;
}

static vft_status public_values(const vft_circuit_child *child, vft_arena *arena,
                                vft_public *pub) {
  const vft_program *p = child->program;
  for (uint32_t t = 0; t < p->ntensors; t++) {
    const vft_tensor *x = &p->tensors[t];
    if (x->origin != VFT_PUBLIC) continue;
    pub[t].constant = x->values;
    if (x->values) continue;
    size_t n = vft_tensor_count(x);
    vft_fp *v = vft_arena_alloc(arena, n, sizeof *v);
    if (!v) return VFT_RESOURCE;
    for (size_t i = 0; i < n; i++) v[i] = element(child->inputs[t][i]);
    pub[t].input = v;
  }
  return VFT_OK;
}

/* ---- claims ---- */

typedef struct {
  vft_poseidon_state s;
  uint32_t at; /* lanes since the last permutation */
} sponge;

static void absorb_element(sponge *p, vft_fp x) {
  if (p->at == VFT_POSEIDON_RATE) {
    vft_poseidon_permute(&p->s, 1);
    p->at = 0;
  }
  p->s.s[p->at] = vft_fp_add(p->s.s[p->at], x);
  p->at++;
}

static void absorb(void *ctx, const vft_ext *value) {
  for (int k = 0; k < 3; k++) absorb_element(ctx, value->c[k]);
}

static void claims_digest(const vft_oracle_claims *claims, uint32_t nvalues, uint32_t out[4]) {
  sponge p;
  uint64_t form[VFT_CLAIM_FORM];
  memset(&p, 0, sizeof p);
  vft_claims_form(claims, form);
  p.s.s[VFT_POSEIDON_RATE] = vft_fp_from_u64(VFT_CLAIM_FORM + 3 * (uint64_t)nvalues);
  p.s.s[VFT_POSEIDON_RATE + 2] = vft_fp_from_u64(VFT_DOMAIN_CLAIMS);
  for (int k = 0; k < VFT_CLAIM_FORM; k++) absorb_element(&p, vft_fp_from_u64(form[k]));
  vft_claims_walk(claims, absorb, &p);
  vft_poseidon_permute(&p.s, 1);
  for (int k = 0; k < 4; k++) out[k] = vft_wire_of_fp(p.s.s[k]);
}

/* Claims of that form with free cells for values, appended to `all`. */
static vft_status claims_of(const vft_claim_list *l, vft_oracle_claims *all) {
  uint32_t at = 0;
  for (uint32_t i = 0; i < l->n; i++) {
    const vft_claim_form *form = &l->form[i];
    vft_oracle_claim c = {.oracle = form->oracle, .index = form->index, .box = form->box};
    vft_axis *axis = vft_arena_alloc(&all->arena, form->box.rank, sizeof *axis);
    if (!axis) return VFT_RESOURCE;
    for (uint32_t a = 0; a < form->box.rank; a++) {
      size_t n = vft_claim_weights(form->axis[a].kind, form->axis[a].size);
      vft_ext *v = vft_arena_alloc(&all->arena, n, sizeof *v);
      if (!v) return VFT_RESOURCE;
      for (size_t k = 0; k < n; k++, at++)
        v[k] = vft_ext_of_wire(vft_record_free(l->value[at]), l->value[at]);
      axis[a] = (vft_axis){{(vft_weight_kind)form->axis[a].kind, form->axis[a].size, v},
                           form->axis[a].off};
    }
    c.f = (vft_functional){form->index, form->box.rank, axis};
    c.value = vft_ext_of_wire(vft_record_free(l->value[at]), l->value[at]);
    at++;
    TRY(vft_reserve((void **)&all->claim, &all->cap, all->n + 1, sizeof *all->claim));
    all->claim[all->n++] = c;
  }
  return VFT_OK;
}

vft_status vft_wires_open(const vft_circuit_opening *o, const uint8_t *proof, size_t len) {
  const vft_program *p = o->program;
  vft_status st = VFT_OK;
  vft_soundness account;
  vft_oracle_claims all;
  vft_channel *ch = NULL;
  memset(&account, 0, sizeof account);
  memset(&all, 0, sizeof all);
  vft_tree_info *tree = vft_alloc(p->noracles, sizeof *tree);
  vft_box *box = vft_alloc(p->ntensors, sizeof *box);
  vft_tensor_id *id = vft_alloc(p->ntensors, sizeof *id);
  vft_fp *context = vft_alloc(o->context_len + 1, sizeof *context);
  if (!tree || !box || !id || !context) {
    st = VFT_RESOURCE;
    goto out;
  }
  for (uint32_t i = 0; i < o->nclaims; i++) {
    vft_oracle_claims one = {0};
    st = claims_of(&o->claims[i].list, &one);
    if (st == VFT_OK) claims_digest(&one, o->claims[i].list.nvalues, o->claims[i].digest);
    if (st == VFT_OK) st = vft_oracle_claims_append(&all, &one, NULL);
    vft_oracle_claims_free(&one);
    TRY_OUT(st);
  }
  uint32_t at = 0;
  for (uint32_t t = 0; t < p->noracles; t++) {
    uint32_t n = vft_layout_tree_tensors(p, VFT_ORACLE, t, id, p->ntensors);
    tree[t].box = box + at;
    tree[t].nboxes = n;
    tree[t].root = digest(o->oracle_root[t]);
    for (uint32_t i = 0; i < n; i++) box[at++] = vft_layout_tensor_box(&p->tensors[id[i]]);
  }
  for (size_t i = 0; i < o->context_len; i++) context[i] = element(o->context[i]);
  vft_proof_options options = {.log_inv_rate = o->log_inv_rate,
                               .bits = o->bits,
                               .grind = o->grind,
                               .hash = VFT_HASH_POSEIDON,
                               .test_queries = o->test_queries,
                               .context = context,
                               .context_len = o->context_len};
  ch = vft_channel_verifier(vft_oracle_protocol_name, VFT_HASH_POSEIDON, proof, len);
  if (!ch) {
    st = VFT_RESOURCE;
    goto out;
  }
  TRY_OUT(vft_driver_open_oracles(ch, tree, p->noracles, o->log_columns, &all, &options, NULL,
                                  &account));
  TRY_OUT(vft_channel_finish(ch));
  if (o->account) *o->account = vft_soundness_total(&account);
  if (!o->allow_test_profile || !account.test_profile)
    st = vft_soundness_require(&account, VFT_SOUNDNESS_LEVEL);
out:
  vft_oracle_claims_free(&all);
  vft_soundness_free(&account);
  vft_channel_free(ch);
  vft_free(tree);
  vft_free(box);
  vft_free(id);
  vft_free(context);
  return st;
}

/* ---- proofs ---- */

vft_status vft_wires_verify(const vft_circuit_child *child, const uint8_t *proof, size_t len) {
  const vft_program *p = child->program;
  vft_status st = VFT_OK;
  vft_session s;
  vft_trees trees;
  vft_digest witness_root;
  vft_arena arena;
  vft_channel *ch = NULL;
  vft_oracle_claims claims;
  memset(&claims, 0, sizeof claims);
  memset(&s, 0, sizeof s);
  memset(&trees, 0, sizeof trees);
  memset(&arena, 0, sizeof arena);
  vft_public *pub = vft_alloc(p->ntensors, sizeof *pub);
  vft_digest *root = vft_alloc((size_t)p->nlinks + p->noracles + 1, sizeof *root);
  vft_fp *context = vft_alloc(child->context_len + 1, sizeof *context);
  if (!pub || !root || !context) {
    st = VFT_RESOURCE;
    goto out;
  }
  TRY_OUT(public_values(child, &arena, pub));
  for (uint32_t l = 0; l < p->nlinks; l++) root[l] = digest(child->link_root[l]);
  for (uint32_t o = 0; o < p->noracles; o++)
    root[p->nlinks + o] = digest(child->oracle_root[o]);
  for (size_t i = 0; i < child->context_len; i++) context[i] = element(child->context[i]);
  vft_statement statement = {p, NULL, root, root + p->nlinks};
  vft_proof_options options = {.log_inv_rate = child->log_inv_rate,
                               .bits = child->bits,
                               .grind = child->grind,
                               .hash = VFT_HASH_POSEIDON,
                               .test_queries = child->test_queries,
                               .context = context,
                               .context_len = child->context_len};
  ch = vft_channel_verifier(vft_protocol_name, VFT_HASH_POSEIDON, proof, len);
  if (!ch) {
    st = VFT_RESOURCE;
    goto out;
  }
  TRY_OUT(vft_session_init(&s, p, ch, pub, NULL));
  TRY_OUT(vft_trees_init(&trees, p));
  TRY_OUT(vft_driver_run(&s, &trees, &statement, &options, &witness_root, NULL, &claims));
  TRY_OUT(vft_channel_finish(ch));
  if (!child->allow_test_profile || !s.soundness.test_profile)
    TRY_OUT(vft_soundness_require(&s.soundness, VFT_SOUNDNESS_LEVEL));
  if (child->account) *child->account = vft_soundness_total(&s.soundness);
  if (!claims.n) goto out;
  if (!child->claims) {
    st = vft_fail(VFT_USAGE, "circuit: the proof leaves claims on oracles");
    goto out;
  }
  TRY_OUT(vft_claim_list_of(&claims, &child->claims->list));
  claims_digest(&claims, child->claims->list.nvalues, child->claims->digest);
out:
  vft_oracle_claims_free(&claims);
  vft_trees_free(&trees);
  vft_session_free(&s);
  vft_channel_free(ch);
  vft_arena_free(&arena);
  vft_free(pub);
  vft_free(root);
  vft_free(context);
  return st;
}
