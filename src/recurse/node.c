#include "recurse/node.h"

#include <string.h>

#include "recurse/machine_trace.h"
#include "recurse/table.h"
#include "recurse/verifier.h"

vft_proof_options vft_node_options(void) {
  vft_proof_options o = vft_proof_options_recursive();
  o.bits = 146;
  return o;
}

vft_machine_shape vft_node_shape(void) {
  return (vft_machine_shape){.log_columns = 17,
                             .constants = 1024,
                             .inputs = VFT_RANGE_INPUTS,
                             .bases = 40562,
                             .frees = 59136,
                             .splits = 1536,
                             .parts = 2432,
                             .fetches = 4352,
                             .permutations = 33792,
                             .narrow_sums = 73728,
                             .sums = 135168,
                             .zeros = 4864};
}

/* ---- keys and proofs ---- */

vft_status vft_circuit_key_make(const vft_circuit *circuit, const vft_machine_shape *shape,
                                uint32_t log_columns, const vft_proof_options *options,
                                vft_circuit_key *out) {
  vft_machine_shape fit;
  vft_trace trace;
  memset(out, 0, sizeof *out);
  memset(&trace, 0, sizeof trace);
  if (!shape) {
    vft_machine_fit(circuit, log_columns, &fit);
    shape = &fit;
  }
  vft_status st = VFT_OK;
  out->options = options ? *options : vft_node_options();
  vft_circuit_digest(circuit, out->digest);
  TRY_OUT(vft_machine_build(shape, &out->machine));
  TRY_OUT(vft_trace_init(&trace, out->machine->program));
  TRY_OUT(vft_machine_wire(out->machine, circuit, &trace));
  TRY_OUT(vft_commit_group(&out->wiring, &trace, VFT_LINK, out->machine->wiring,
                           out->options.log_inv_rate, out->options.hash,
                           VFT_COMMIT_COPY | VFT_COMMIT_KEEP));
  out->key = vft_commitment_root(out->wiring);
out:
  vft_trace_free(&trace);
  if (st != VFT_OK) vft_circuit_key_free(out);
  return st;
}

void vft_circuit_key_free(vft_circuit_key *key) {
  vft_commitment_free(key->wiring);
  vft_machine_free(key->machine);
  memset(key, 0, sizeof *key);
}

vft_status vft_circuit_prove(const vft_circuit_key *key, const vft_circuit *circuit,
                             vft_proof *proof, vft_prove_profile *profile) {
  const vft_prove_options plain = {0};
  return vft_circuit_prove_with(key, circuit, &plain, proof, profile);
}

vft_status vft_circuit_prove_with(const vft_circuit_key *key, const vft_circuit *circuit,
                                  const vft_prove_options *how, vft_proof *proof,
                                  vft_prove_profile *profile) {
  vft_trace trace;
  uint8_t digest[32];
  vft_commitment *link[1] = {key->wiring};
  vft_circuit_digest(circuit, digest);
  if (memcmp(digest, key->digest, sizeof digest))
    return vft_fail(VFT_USAGE, "circuit: it is not that of the key");
  TRY(vft_trace_init(&trace, key->machine->program));
  vft_status st = vft_machine_trace(key->machine, circuit, &trace);
  if (st == VFT_OK)
    st = vft_prove(key->machine->program, &trace, link, NULL, &key->options, how, proof,
                   NULL, profile);
  vft_trace_free(&trace);
  return st;
}

vft_status vft_circuit_check(const vft_machine *machine, const vft_proof_options *options,
                             const vft_digest *key, const vft_fp *input, uint32_t n,
                             const uint8_t *proof, size_t len, vft_soundness *soundness) {
  int64_t **inputs;
  TRY(vft_machine_inputs(machine, input, n, &inputs));
  vft_statement s = {machine->program, (const int64_t *const *)inputs, key, NULL};
  vft_status st = vft_verify_proof(&s, options, (vft_verify_flags){.bounds_checked = true},
                        proof, len, NULL, soundness); /* a property of the machine */
  vft_free(inputs);
  return st;
}

/* ---- verification inside of a circuit ---- */

/* A proof of a machine whose statement is these wires. */
static vft_status verify_statement(vft_circuit *c, const vft_machine *m,
                                   const vft_wire input[VFT_RANGE_INPUTS], const vft_wire key[4],
                                   const uint8_t *proof, size_t len, vft_bits *account) {
  vft_proof_options o = vft_node_options();
  if (m->shape.inputs != VFT_RANGE_INPUTS)
    return vft_fail(VFT_USAGE, "circuit: a child with %u inputs", m->shape.inputs);
  const uint32_t **inputs = vft_alloc(m->program->ntensors, sizeof *inputs);
  if (!inputs) return VFT_RESOURCE;
  inputs[m->input] = input;
  uint32_t root[1][4] = {{key[0], key[1], key[2], key[3]}};
  vft_circuit_child child = {.program = m->program,
                             .inputs = inputs,
                             .link_root = (const uint32_t(*)[4])root,
                             .log_inv_rate = o.log_inv_rate,
                             .bits = o.bits,
                             .grind = o.grind,
                             .account = account};
  vft_status st = vft_circuit_verify(c, &child, proof, len);
  vft_free(inputs);
  return st;
}

static void inputs(vft_circuit *c, const vft_fp *v, vft_wire *out) {
  for (int i = 0; i < VFT_RANGE_INPUTS; i++) out[i] = vft_circuit_input(c, vft_ext_from_fp(v[i]));
}

static vft_status finish(vft_status st, vft_circuit *c, vft_circuit **out) {
  if (st == VFT_OK) vft_circuit_prune(c);
  if (st == VFT_OK) st = c->status;
  if (st == VFT_OK)
    *out = c;
  else
    vft_circuit_free(c);
  return st;
}

vft_status vft_node_wrap(const vft_circuit_key *leaf, const vft_fp input[VFT_RANGE_INPUTS],
                         const uint8_t *proof, size_t len, vft_bits *account, vft_circuit **out) {
  *out = NULL;
  vft_circuit *c = vft_circuit_new();
  vft_poseidon_digest key;
  vft_wire in[VFT_RANGE_INPUTS], root[4];
  if (!c) return VFT_RESOURCE;
  vft_status st = vft_poseidon_read(leaf->key.b, &key)
                      ? VFT_OK
                      : vft_fail(VFT_USAGE, "circuit: a key that is not canonical");
  inputs(c, input, in);
  for (int k = 0; k < 4; k++) root[k] = vft_circuit_number(c, key.e[k].v);
  if (st == VFT_OK) st = verify_statement(c, leaf->machine, in, root, proof, len, account);
  return finish(st, c, out);
}

/* The child's key is the statement's key of nodes, or an entry of its table of wraps' keys: with a choice
 * that is 0 or 1, and an entry that is one whatever the choice, node + choice (entry - node). */
vft_status vft_node_verify_child(vft_circuit *c, const vft_machine *node,
                                 const vft_table_tree *wraps,
                                 const vft_wire statement[VFT_RANGE_INPUTS],
                                 const vft_node_child *child, vft_bits *account) {
  static const vft_table_tree nothing;
  vft_wire key[4], entry[4], minus = vft_circuit_constant(c, vft_ext_neg(VFT_EXT_ONE));
  uint64_t at = child->kind ? child->kind - 1 : 0;
  vft_poseidon_digest of = vft_table_leaf(wraps ? wraps : &nothing, at);
  vft_wire choice = vft_circuit_base(c, (vft_fp){child->kind != 0});
  vft_circuit_zero(c, vft_circuit_sum(c, minus, choice, vft_circuit_sum(c, choice, choice, 0)));
  vft_wire place = vft_circuit_base(c, vft_fp_from_u64(at));
  for (int k = 0; k < 4; k++) {
    vft_wire own = statement[VFT_AT_NODE_KEY + k];
    entry[k] = vft_circuit_base(c, of.e[k]);
    key[k] = vft_circuit_sum(c, choice, vft_circuit_sum(c, minus, own, entry[k]), own);
  }
  vft_circuit_member(c, wraps ? wraps : &nothing, at, vft_circuit_bits(c, place, VFT_TABLE_LOG),
                     entry, statement + VFT_AT_WRAP_KEYS);
  return verify_statement(c, node, statement, key, child->proof, child->len, account);
}

vft_status vft_node_join(const vft_machine *node, const vft_table_tree *wraps,
                         const vft_fp statement[VFT_AT_FIRST], const vft_node_child child[2],
                         vft_circuit **out) {
  *out = NULL;
  if (child[0].end != child[1].first || child[0].first >= child[0].end ||
      child[1].first >= child[1].end)
    return vft_fail(VFT_USAGE, "node: ranges [%llu, %llu) and [%llu, %llu) are not adjacent",
                    (unsigned long long)child[0].first, (unsigned long long)child[0].end,
                    (unsigned long long)child[1].first, (unsigned long long)child[1].end);
  vft_circuit *c = vft_circuit_new();
  if (!c) return VFT_RESOURCE;
  vft_fp v[VFT_RANGE_INPUTS];
  vft_wire in[VFT_RANGE_INPUTS], of[VFT_RANGE_INPUTS];
  memcpy(v, statement, VFT_AT_FIRST * sizeof *v);
  v[VFT_AT_FIRST] = vft_fp_from_u64(child[0].first);
  v[VFT_AT_END] = vft_fp_from_u64(child[1].end);
  inputs(c, v, in);
  vft_wire middle = vft_circuit_base(c, vft_fp_from_u64(child[0].end));
  vft_status st = VFT_OK;
  for (int i = 0; i < 2 && st == VFT_OK; i++) {
    memcpy(of, in, sizeof of);
    of[i ? VFT_AT_FIRST : VFT_AT_END] = middle;
    st = vft_node_verify_child(c, node, wraps, of, &child[i], NULL);
  }
  return finish(st, c, out);
}
