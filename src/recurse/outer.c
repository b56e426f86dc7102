#include "recurse/outer.h"

#include <string.h>

#include "base/mem.h"

static void bases(vft_circuit *c, const vft_fp *v, size_t n, vft_wire *out) {
  for (size_t i = 0; i < n; i++) out[i] = vft_circuit_base(c, v[i]);
}

/* Entry `place` of the states is this digest. */
static void state(vft_circuit *c, const vft_outer_witness *w, vft_wire place, uint64_t value,
                  const vft_wire digest[4], const vft_wire root[4]) {
  static const vft_table_tree nothing;
  vft_wire bit = vft_circuit_bits(c, place, VFT_TABLE_LOG);
  vft_circuit_member(c, w->states ? w->states : &nothing, value, bit, digest, root);
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
  vft_wire given[VFT_OUTER_INPUTS], digest[4], cert[VFT_CERT_ELEMENTS], last[8];
  vft_wire common[VFT_COMMON_ELEMENTS], of[VFT_RANGE_INPUTS];
  vft_outer_inputs(statement, in);
  for (int i = 0; i < VFT_OUTER_INPUTS; i++)
    given[i] = vft_circuit_input(c, vft_ext_from_fp(in[i]));
  bases(c, statement, VFT_CERT_ELEMENTS, cert);
  vft_circuit_hash(c, VFT_DOMAIN_CERTIFICATE, cert, VFT_CERT_ELEMENTS, digest);
  for (int k = 0; k < 4; k++) vft_circuit_equal(c, digest[k], given[k]);
  memcpy(common, cert + VFT_CERT_COMMON, VFT_COMMON_KNOWN * sizeof *common);
  bases(c, w->tables, VFT_COMMON_ELEMENTS - VFT_COMMON_KNOWN, common + VFT_COMMON_KNOWN);
  const vft_wire *states = common + VFT_COMMON_TABLES + 4 * VFT_RUN_STATES;
  state(c, w, vft_circuit_number(c, 0), 0, cert + VFT_CERT_START, states);
  memcpy(last, cert + VFT_CERT_RELEASED, 4 * sizeof *last);
  bases(c, w->released_with, 4, last + 4);
  vft_circuit_hash(c, VFT_DOMAIN_TABLE_STATES, last, 8, digest);
  state(c, w, cert[VFT_CERT_ENTRY], w->released_entry, digest, states);
  for (int k = 0; k < 4; k++)
    of[VFT_AT_NODE_KEY + k] = vft_circuit_number(c, key.e[k].v);
  memcpy(of + VFT_AT_WRAP_KEYS, cert + VFT_CERT_KEYS, 4 * sizeof *of);
  vft_circuit_hash(c, VFT_DOMAIN_COMMON, common, VFT_COMMON_ELEMENTS, of + VFT_AT_COMMON);
  of[VFT_AT_FIRST] = vft_circuit_number(c, 0);
  of[VFT_AT_END] = cert[VFT_CERT_ITEMS];
  vft_status st = vft_node_verify_child(c, node, w->wraps, of, &w->root, w->account);
  if (st == VFT_OK) vft_circuit_prune(c);
  if (st == VFT_OK) st = c->status;
  if (st == VFT_OK)
    *out = c;
  else
    vft_circuit_free(c);
  return st;
}
