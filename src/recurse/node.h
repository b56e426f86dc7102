/* Proofs of circuits that verify proofs: the tree from leaves to one proof.
 *
 * A leaf is any circuit with the statement below that verifies some items of a run (run/aggregate.h). Its
 * proof, of whatever shape, is wrapped: the wrap is a circuit of the nodes' shape that verifies it
 * under the leaf's key, a constant, and has the same statement. A node verifies two proofs of the
 * nodes' shape, each of a wrap or of a node, and joins their ranges. So there is one shape and one key
 * for all nodes of all runs; the keys of wraps stand for the leaves. They are a table (recurse/table.h):
 * entry i is the key of wraps of leaves of kind i, itself the leaf of the tree.
 *
 * A circuit cannot contain its own key: the key that a node takes for that of nodes is part of its
 * statement, its children must have the same, and whoever looks at the root compares it with the real
 * one. The same holds for the keys of wraps.
 *
 * Statement (elements of F, one a cell): the nodes' key (4), the root of the table of wraps' keys (4;
 * zeros beyond its entries: nobody knows a wiring with that root), the common digest (4), the first item,
 * the item after the last. */
#ifndef VFT_RECURSE_NODE_H
#define VFT_RECURSE_NODE_H

#include "prove/prove.h"
#include "recurse/certificate.h"
#include "recurse/circuit.h"
#include "recurse/machine.h"
#include "recurse/table.h"

enum {
  VFT_AT_NODE_KEY = 0,
  VFT_AT_WRAP_KEYS = 4,
  VFT_AT_COMMON = 8,
  VFT_AT_FIRST = VFT_AT_COMMON + 4,
  VFT_AT_END,
  VFT_RANGE_INPUTS
};

/* How all of these proofs are made: Poseidon, 146 bits an opening, so that a tree of 2^17 of them is
 * above 128. */
vft_proof_options vft_node_options(void);
/* The shape of nodes and wraps. */
vft_machine_shape vft_node_shape(void);

/* A circuit's wiring, committed: what proofs of it have in common. */
typedef struct {
  vft_machine *machine;
  vft_proof_options options; /* of its proofs */
  vft_commitment *wiring;
  vft_digest key;      /* root of the wiring */
  uint8_t digest[32];  /* of the circuit */
} vft_circuit_key;

/* The circuit in the given shape, or in the least one (NULL) for log_columns; options NULL: those of
 * nodes. Fails: VFT_USAGE (it does
 * not fit), VFT_RESOURCE. */
VFT_MUST_CHECK vft_status vft_circuit_key_make(const vft_circuit *circuit,
                                               const vft_machine_shape *shape,
                                               uint32_t log_columns,
                                               const vft_proof_options *options,
                                               vft_circuit_key *out);
void vft_circuit_key_free(vft_circuit_key *key);

/* Proves that the circuit, whose key this is, has a satisfying assignment: the recorded one.
 * Fails: VFT_REJECTED "circuit/zero", VFT_USAGE (another circuit), VFT_RESOURCE. */
VFT_MUST_CHECK vft_status vft_circuit_prove(const vft_circuit_key *key, const vft_circuit *circuit,
                                            vft_proof *proof, vft_prove_profile *profile);
/* The same in the prover's given way. */
VFT_MUST_CHECK vft_status vft_circuit_prove_with(const vft_circuit_key *key,
                                                 const vft_circuit *circuit,
                                                 const vft_prove_options *how, vft_proof *proof,
                                                 vft_prove_profile *profile);
/* Verifies such a proof natively. input: of the INPUT cells, in order. */
VFT_MUST_CHECK vft_status vft_circuit_check(const vft_machine *machine,
                                            const vft_proof_options *options,
                                            const vft_digest *key, const vft_fp *input, uint32_t n,
                                            const uint8_t *proof, size_t len,
                                            vft_soundness *soundness);

/* The wrap of a leaf's proof; blank (proof NULL): for its key. account: of the leaf's proof, may be
 * NULL. */
VFT_MUST_CHECK vft_status vft_node_wrap(const vft_circuit_key *leaf,
                                        const vft_fp input[VFT_RANGE_INPUTS],
                                        const uint8_t *proof, size_t len, vft_bits *account,
                                        vft_circuit **out);

/* A proof of a wrap or of a node: kind 0 is a node, 1 + i the wrap with key number i of the table. */
typedef struct {
  uint32_t kind;
  uint64_t first, end;
  const uint8_t *proof; /* NULL: blank */
  size_t len;
} vft_node_child;

/* The node over two adjacent ranges. statement: keys and common digest, as far as VFT_AT_FIRST;
 * node: a machine of the nodes' shape; wraps: the table of their keys, NULL: blank. Fails: VFT_REJECTED
 * (a child's proof), VFT_USAGE (ranges that do not meet), VFT_RESOURCE. */
VFT_MUST_CHECK vft_status vft_node_join(const vft_machine *node,
                                        const vft_table_tree *wraps,
                                        const vft_fp statement[VFT_AT_FIRST],
                                        const vft_node_child child[2], vft_circuit **out);

/* Records the verification of one child under the keys among the wires of a statement, for other
 * circuits of this kind. */
VFT_MUST_CHECK vft_status vft_node_verify_child(vft_circuit *c, const vft_machine *node,
                                                const vft_table_tree *wraps,
                                                const vft_wire statement[VFT_RANGE_INPUTS],
                                                const vft_node_child *child, vft_bits *account);

#endif
