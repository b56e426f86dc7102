#include "recurse/table.h"

#include <string.h>

#include "base/mem.h"

vft_status vft_table_tree_init(vft_table_tree *tree, const vft_poseidon_digest *leaf,
                               uint64_t entries) {
  memset(tree, 0, sizeof *tree);
  if (entries > (uint64_t)1 << VFT_TABLE_LOG)
    return vft_fail(VFT_USAGE, "a table of %llu entries, at most 2^%d",
                    (unsigned long long)entries, VFT_TABLE_LOG);
  while (entries > (uint64_t)1 << tree->log) tree->log++;
  size_t n = (size_t)1 << tree->log;
  tree->node = vft_alloc(2 * n, sizeof *tree->node);
  if (!tree->node) return VFT_RESOURCE;
  if (entries) memcpy(tree->node, leaf, entries * sizeof *leaf);
  vft_poseidon_digest *at = tree->node;
  for (; n > 1; at += n, n /= 2) vft_poseidon_compress(at, at + n, n / 2);
  tree->root = *at;
  for (unsigned h = 0; h < VFT_TABLE_LOG; h++) {
    vft_poseidon_digest pair[2] = {tree->empty[h], tree->empty[h]};
    vft_poseidon_compress(pair, &tree->empty[h + 1], 1);
  }
  for (unsigned h = tree->log; h < VFT_TABLE_LOG; h++) {
    vft_poseidon_digest pair[2] = {tree->root, tree->empty[h]};
    vft_poseidon_compress(pair, &tree->root, 1);
  }
  return VFT_OK;
}

void vft_table_tree_free(vft_table_tree *tree) {
  vft_free(tree->node);
  memset(tree, 0, sizeof *tree);
}

vft_poseidon_digest vft_table_leaf(const vft_table_tree *tree, uint64_t i) {
  return tree->node && !(i >> tree->log) ? tree->node[i] : tree->empty[0];
}

vft_poseidon_digest vft_table_sibling(const vft_table_tree *tree, uint64_t i, unsigned height) {
  if (height >= tree->log) return tree->empty[height]; /* i is one of the first 2^log */
  const vft_poseidon_digest *at = tree->node;
  for (unsigned h = 0; h < height; h++) at += (size_t)1 << (tree->log - h);
  return at[(i >> height) ^ 1];
}

/* ---- in circuits ---- */

static vft_wire minus_one(vft_circuit *c) {
  return vft_circuit_constant(c, vft_ext_neg(VFT_EXT_ONE));
}

void vft_circuit_equal(vft_circuit *c, vft_wire a, vft_wire b) {
  if (a != b) vft_circuit_zero(c, vft_circuit_sum(c, minus_one(c), b, a));
}

vft_wire vft_circuit_number(vft_circuit *c, uint64_t v) {
  return vft_circuit_constant(c, vft_ext_from_fp(vft_fp_from_u64(v)));
}

vft_wire vft_circuit_add(vft_circuit *c, vft_wire a, vft_wire b, vft_fp k) {
  return vft_circuit_sum(c, vft_circuit_constant(c, vft_ext_from_fp(k)), b, a);
}

static void digest_of(vft_circuit *c, uint32_t permutation, vft_wire out[4]) {
  for (uint32_t k = 0; k < 4; k++)
    out[k] = vft_circuit_take_part(
        c, (vft_wire_part){vft_circuit_sponge(permutation) + k / 3, k % 3});
}

void vft_circuit_hash(vft_circuit *c, uint64_t domain, const vft_wire *in, size_t n,
                      vft_wire out[4]) {
  vft_fp capacity[VFT_POSEIDON_CAPACITY] = {vft_fp_from_u64(n), {0}, vft_fp_from_u64(domain), {0}};
  uint32_t last = VFT_FRESH;
  size_t at = 0;
  do {
    vft_wire_part lane[VFT_POSEIDON_RATE] = {{0, 0}};
    for (size_t k = 0; k < VFT_POSEIDON_RATE && at < n; k++, at++)
      lane[k] = (vft_wire_part){in[at], 0};
    last = vft_circuit_permute(c, lane, capacity, last, 0);
    memset(capacity, 0, sizeof capacity);
  } while (at < n);
  digest_of(c, last, out);
}

vft_wire vft_circuit_bits(vft_circuit *c, vft_wire x, unsigned n) {
  if (n > VFT_SPLIT_BITS && c->status == VFT_OK)
    c->status = vft_fail(VFT_USAGE, "circuit: %u bits of an element, at most %d", n, VFT_SPLIT_BITS);
  vft_wire bit = vft_circuit_split(c, (vft_wire_part){x, 0}), low = 0;
  for (unsigned b = 0; b < n; b++)
    low = vft_circuit_add(c, low, bit + b, vft_fp_from_u64((uint64_t)1 << b));
  vft_circuit_equal(c, low, x);
  return bit;
}

static const vft_fp node[VFT_POSEIDON_CAPACITY] = {{0}, {1}, {0}, {0}};

void vft_circuit_pair(vft_circuit *c, const vft_wire me[4], const vft_wire sibling[4], bool right,
                      vft_wire out[4]) {
  vft_wire_part lane[VFT_POSEIDON_RATE];
  for (int k = 0; k < 4; k++) {
    lane[right ? 4 + k : k] = (vft_wire_part){me[k], 0};
    lane[right ? k : 4 + k] = (vft_wire_part){sibling[k], 0};
  }
  digest_of(c, vft_circuit_permute(c, lane, node, VFT_FRESH, 0), out);
}

void vft_circuit_member(vft_circuit *c, const vft_table_tree *tree, uint64_t place, vft_wire bit,
                        const vft_wire leaf[4], const vft_wire root[4]) {
  vft_wire at[4];
  memcpy(at, leaf, sizeof at);
  for (unsigned h = 0; h < VFT_TABLE_LOG; h++) {
    vft_poseidon_digest sibling = vft_table_sibling(tree, place, h);
    vft_wire_part lane[VFT_POSEIDON_RATE];
    for (int k = 0; k < 4; k++) {
      lane[k] = (vft_wire_part){at[k], 0};
      lane[4 + k] = (vft_wire_part){vft_circuit_base(c, sibling.e[k]), 0};
    }
    digest_of(c, vft_circuit_permute(c, lane, node, VFT_FRESH, bit + h), at);
  }
  for (int k = 0; k < 4; k++) vft_circuit_equal(c, at[k], root[k]);
}
