/* Tables of elements under one digest, and their use inside circuits.
 *
 * Entry i of a table is a list of elements; its leaf is the sponge of hash/poseidon.h over them
 * under the table's domain. The tree above has 2^24 leaves, those without an entry being four zeros,
 * and compress as its node: one height for all runs, so that circuits do not depend on their
 * length. */
#ifndef VFT_RECURSE_TABLE_H
#define VFT_RECURSE_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "hash/poseidon.h"
#include "recurse/circuit.h"

/* Domains of sponges (others: merkle/path.h, data/leaf.h, program/epoch.h,
 * recurse/certificate.h, recurse/claims.h). */
enum {
  VFT_DOMAIN_TABLE_INPUTS = 17, /* public inputs of a step */
  VFT_DOMAIN_TABLE_STATES = 18, /* roots of the links adapter and state, of a range, before a step */
  VFT_DOMAIN_TABLE_ROWS = 19,   /* root of the rows of an epoch */
  VFT_DOMAIN_COMMON = 20,       /* what all parts of a run have in common */
  VFT_DOMAIN_TABLE_BLOCKS = 21, /* public inputs of a block of an epoch */
  VFT_DOMAIN_TABLE_COUNTERS = 22, /* root of the counters before a block */
  VFT_DOMAIN_TABLE_PLACES = 24    /* root of what a part of a step hands over to others */
};
enum { VFT_TABLE_LOG = 24 };

typedef struct {
  unsigned log;              /* the nodes that are stored: of the first 2^log leaves */
  vft_poseidon_digest *node; /* 2^(log + 1) - 1: the leaves, then each level */
  vft_poseidon_digest empty[VFT_TABLE_LOG + 1]; /* root of a tree of so many levels of zeros */
  vft_poseidon_digest root;
} vft_table_tree;

/* leaf: entries digests, at most 2^24. Fails: VFT_USAGE, VFT_RESOURCE. */
VFT_MUST_CHECK vft_status vft_table_tree_init(vft_table_tree *tree,
                                              const vft_poseidon_digest *leaf, uint64_t entries);
void vft_table_tree_free(vft_table_tree *tree);
/* Leaf i; zeros beyond the entries. */
vft_poseidon_digest vft_table_leaf(const vft_table_tree *tree, uint64_t i);
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
/* The node above two, of which the first is on the right if `right`. */
void vft_circuit_pair(vft_circuit *c, const vft_wire me[4], const vft_wire sibling[4], bool right,
                      vft_wire out[4]);
/* Says that the leaf is at that place of the tree with this root; bit: the first of the bits of the
 * place, tree and place only supply the siblings. */
void vft_circuit_member(vft_circuit *c, const vft_table_tree *tree, uint64_t place, vft_wire bit,
                        const vft_wire leaf[4], const vft_wire root[4]);

#endif
