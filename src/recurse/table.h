/* Tables of elements under one digest, and their use inside circuits.
 *
 * Entry i of a table is a list of elements; its leaf is the sponge of hash/poseidon.h over them
 * under the table's domain. The tree above has 2^log leaves (log the least with room for all
 * entries), those without an entry being four zeros, and compress as its node. */
#ifndef VFT_RECURSE_TABLE_H
#define VFT_RECURSE_TABLE_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "hash/poseidon.h"
#include "recurse/circuit.h"

/* Domains of sponges (others: merkle/path.h, data/leaf.h, program/epoch.h). */
enum {
  VFT_DOMAIN_TABLE_INPUTS = 17, /* public inputs of a step */
  VFT_DOMAIN_TABLE_STATES = 18, /* roots of the links adapter and state before a step */
  VFT_DOMAIN_TABLE_ROWS = 19,   /* root of the rows of an epoch */
  VFT_DOMAIN_COMMON = 20        /* what all parts of a run have in common */
};

typedef struct {
  unsigned log;
  vft_poseidon_digest *node; /* 2^(log + 1) - 1: the leaves, then each level */
} vft_table_tree;

unsigned vft_table_log(uint64_t entries);
/* leaf: entries digests. Fails: VFT_RESOURCE. */
VFT_MUST_CHECK vft_status vft_table_tree_init(vft_table_tree *tree,
                                              const vft_poseidon_digest *leaf, uint64_t entries);
void vft_table_tree_free(vft_table_tree *tree);
vft_poseidon_digest vft_table_root(const vft_table_tree *tree);
/* Sibling at a height of what lies above entry i. */
vft_poseidon_digest vft_table_sibling(const vft_table_tree *tree, uint64_t i, unsigned height);

/* ---- in circuits: wires of elements of F, each a cell whose other coordinates are 0 ---- */

/* Says that two cells are equal. */
void vft_circuit_equal(vft_circuit *c, vft_wire a, vft_wire b);
vft_wire vft_circuit_number(vft_circuit *c, uint64_t v); /* constant */
/* a + k b for a constant k */
vft_wire vft_circuit_add(vft_circuit *c, vft_wire a, vft_wire b, vft_fp k);
/* The sponge over n elements under a domain. */
void vft_circuit_hash(vft_circuit *c, uint64_t domain, const vft_wire *in, size_t n,
                      vft_wire out[4]);
/* The first n bits (n <= 32) of an element that is thereby said to be below 2^n. */
vft_wire vft_circuit_bits(vft_circuit *c, vft_wire x, unsigned n);
/* Says that the leaf is at that place of the tree with this root; bit: the first of the bits of the
 * place, tree and place only supply the siblings. */
void vft_circuit_member(vft_circuit *c, const vft_table_tree *tree, uint64_t place, vft_wire bit,
                        const vft_wire leaf[4], const vft_wire root[4]);

#endif
