#include "recurse/outer.h"

#include <string.h>

#include "base/mem.h"

static void bases(vft_circuit *c, const vft_fp *v, size_t n, vft_wire *out) {
  for (size_t i = 0; i < n; i++) out[i] = vft_circuit_base(c, v[i]);
}

/* One end of the range: a leaf, which is entry `place` of the states, and four elements; hash: the sponge
 * over the leaf, these and the context. */
typedef struct {
  vft_wire leaf[4], with[4], hash[4];
} boundary;

static void boundary_make(vft_circuit *c, const vft_outer_witness *w, int i, const vft_wire *cert,
                          const vft_wire root[4], boundary *b) {
  static const vft_table_tree nothing;
  const vft_table_tree *states = w->states ? w->states : &nothing;
  vft_poseidon_digest leaf = vft_table_leaf(states, w->entry[i]);
  vft_wire in[8 + VFT_COMMON_STEPS], place = cert[i ? VFT_CERT_END_ENTRY : VFT_CERT_START_ENTRY];
  bases(c, leaf.e, 4, b->leaf);
  bases(c, w->salt[i], 4, b->with);
  vft_circuit_member(c, states, w->entry[i], vft_circuit_bits(c, place, VFT_TABLE_LOG), b->leaf, root);
  memcpy(in, b->leaf, sizeof b->leaf);
  memcpy(in + 4, b->with, sizeof b->with);
  memcpy(in + 8, cert + VFT_CERT_CONTEXT, VFT_COMMON_STEPS * sizeof *in);
  vft_circuit_hash(c, VFT_DOMAIN_BOUNDARY, in, 8 + VFT_COMMON_STEPS, b->hash);
}

/* The last entry is that of the given adapter, if it is released, else the given is the commitment to it:
 * with a choice that is 0 or 1, hash - given + choice (entry - leaf - (hash - given)) = 0, entry being the
 * sponge over the given and the entry's second half. */
static void end(vft_circuit *c, const boundary *b, vft_wire choice, const vft_wire given[4]) {
  vft_wire minus = vft_circuit_constant(c, vft_ext_neg(VFT_EXT_ONE)), in[8], entry[4];
  vft_circuit_zero(c, vft_circuit_sum(c, minus, choice, vft_circuit_sum(c, choice, choice, 0)));
  memcpy(in, given, sizeof b->leaf);
  memcpy(in + 4, b->with, sizeof b->with);
  vft_circuit_hash(c, VFT_DOMAIN_TABLE_STATES, in, 8, entry);
  for (int k = 0; k < 4; k++) {
    vft_wire committed = vft_circuit_sum(c, minus, given[k], b->hash[k]);
    vft_wire released = vft_circuit_sum(c, minus, b->leaf[k], entry[k]);
    vft_wire between = vft_circuit_sum(c, minus, committed, released);
    vft_circuit_zero(c, vft_circuit_sum(c, choice, between, committed));
  }
}

vft_status vft_outer_make(const vft_machine *node, const vft_fp statement[VFT_CERT_ELEMENTS],
                          const vft_outer_witness *w, vft_circuit **out) {
  *out = NULL;
  vft_poseidon_digest key;
  if (!vft_poseidon_read(vft_node_key, &key))
    return vft_fail(VFT_USAGE, "the nodes' key is not canonical");
  vft_circuit *c = vft_circuit_new();
  if (!c) return VFT_RESOURCE;
  vft_fp in[VFT_OUTER_INPUTS];
  vft_wire given[VFT_OUTER_INPUTS], digest[4], cert[VFT_CERT_ELEMENTS];
  vft_wire common[VFT_COMMON_ELEMENTS], of[VFT_RANGE_INPUTS];
  boundary at;
  vft_outer_inputs(statement, in);
  for (int i = 0; i < VFT_OUTER_INPUTS; i++)
    given[i] = vft_circuit_input(c, vft_ext_from_fp(in[i]));
  bases(c, statement, VFT_CERT_ELEMENTS, cert);
  vft_circuit_hash(c, VFT_DOMAIN_CERTIFICATE, cert, VFT_CERT_ELEMENTS, digest);
  for (int k = 0; k < 4; k++) vft_circuit_equal(c, digest[k], given[k]);
  memcpy(common, cert + VFT_CERT_COMMON, VFT_COMMON_KNOWN * sizeof *common);
  bases(c, w->tables, VFT_COMMON_ELEMENTS - VFT_COMMON_KNOWN, common + VFT_COMMON_KNOWN);
  const vft_wire *states = common + VFT_COMMON_TABLES + 4 * VFT_RUN_STATES;
  boundary_make(c, w, 0, cert, states, &at);
  for (int k = 0; k < 4; k++) vft_circuit_equal(c, at.hash[k], cert[VFT_CERT_START + k]);
  boundary_make(c, w, 1, cert, states, &at);
  end(c, &at, cert[VFT_CERT_RELEASES], cert + VFT_CERT_RELEASED);
  for (int k = 0; k < 4; k++)
    of[VFT_AT_NODE_KEY + k] = vft_circuit_number(c, key.e[k].v);
  memcpy(of + VFT_AT_WRAP_KEYS, cert + VFT_CERT_KEYS, 4 * sizeof *of);
  vft_circuit_hash(c, VFT_DOMAIN_COMMON, common, VFT_COMMON_ELEMENTS, of + VFT_AT_COMMON);
  of[VFT_AT_FIRST] = cert[VFT_CERT_FIRST];
  of[VFT_AT_END] = cert[VFT_CERT_END];
  vft_status st = vft_node_verify_child(c, node, w->wraps, of, &w->root, w->account);
  if (st == VFT_OK) vft_circuit_prune(c);
  if (st == VFT_OK) st = c->status;
  if (st == VFT_OK)
    *out = c;
  else
    vft_circuit_free(c);
  return st;
}
