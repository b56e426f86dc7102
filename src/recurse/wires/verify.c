/* vft_verify_proof (verify/verify.c) with wires for what may vary. */
#include <string.h>

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

static vft_status opening(const vft_circuit_child *child, const vft_oracle_claims *claims,
                          vft_proof_options options, vft_bits *bits) {
  const vft_program *p = child->program;
  vft_status st = VFT_OK;
  vft_soundness account;
  vft_channel *ch = NULL;
  memset(&account, 0, sizeof account);
  vft_tree_info *tree = vft_alloc(p->noracles, sizeof *tree);
  vft_box *box = vft_alloc(p->ntensors, sizeof *box);
  vft_tensor_id *id = vft_alloc(p->ntensors, sizeof *id);
  vft_fp *context = vft_alloc(child->context_len + 1, sizeof *context);
  if (!tree || !box || !id || !context) {
    st = VFT_RESOURCE;
    goto out;
  }
  uint32_t at = 0;
  for (uint32_t o = 0; o < p->noracles; o++) {
    uint32_t n = vft_layout_tree_tensors(p, VFT_ORACLE, o, id, p->ntensors);
    tree[o].box = box + at;
    tree[o].nboxes = n;
    tree[o].root = digest(child->oracle_root[o]);
    for (uint32_t i = 0; i < n; i++) box[at++] = vft_layout_tensor_box(&p->tensors[id[i]]);
  }
  for (size_t i = 0; i < child->context_len; i++) context[i] = element(child->opening_context[i]);
  options.context = context;
  ch = vft_channel_verifier(vft_oracle_protocol_name, VFT_HASH_POSEIDON, child->opening,
                            child->opening_len);
  if (!ch) {
    st = VFT_RESOURCE;
    goto out;
  }
  TRY_OUT(vft_driver_open_oracles(ch, tree, p->noracles, child->opening_columns, claims, &options,
                                  NULL, &account));
  TRY_OUT(vft_channel_finish(ch));
  *bits = vft_soundness_total(&account);
  if (!child->allow_test_profile || !account.test_profile)
    st = vft_soundness_require(&account, VFT_SOUNDNESS_LEVEL);
out:
  vft_soundness_free(&account);
  vft_channel_free(ch);
  vft_free(tree);
  vft_free(box);
  vft_free(id);
  vft_free(context);
  return st;
}

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
  vft_bits bits[2] = {vft_soundness_total(&s.soundness), 0};
  if (claims.n) st = opening(child, &claims, options, &bits[1]);
  if (child->account) *child->account = vft_bits_sum(bits, claims.n ? 2 : 1);
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
