/* The outermost circuit: from a node over all items of a run to what a certificate states.
 *
 * Common elements of a run (run/aggregate.h explains the tables): h_Pi (5), T, roots of base weights
 * and of function tables (4 each), roots of the tables inputs, blocks, states, rows, counters (4 each).
 *
 * A certificate's statement is a list of elements that its verifier knows: the keys of the wraps (4
 * each), the common elements as far as states (states, rows and counters are the prover's alone),
 * the number N of items, the roots of adapter and state before step 0, the root of the adapter after
 * step T. The circuit's four inputs are the sponge of domain 23 over it. The circuit says that there
 * are tables with these first ones, in which entry 0 of states has the given roots and entry T the
 * given adapter, and a proof of a node or a wrap, under the nodes' real key, over the items 0 .. N-1. */
#ifndef VFT_RECURSE_OUTER_H
#define VFT_RECURSE_OUTER_H

#include "recurse/node.h"
#include "recurse/table.h"

enum { VFT_RUN_INPUTS, VFT_RUN_BLOCKS, VFT_RUN_STATES, VFT_RUN_ROWS, VFT_RUN_COUNTERS, VFT_RUN_TABLES };
enum {
  VFT_COMMON_STEPS = 5,
  VFT_COMMON_BASE = 6,
  VFT_COMMON_FUNCTIONS = 10,
  VFT_COMMON_TABLES = 14,
  VFT_COMMON_KNOWN = VFT_COMMON_TABLES + 4 * VFT_RUN_STATES,
  VFT_COMMON_ELEMENTS = VFT_COMMON_TABLES + 4 * VFT_RUN_TABLES
};
enum {
  VFT_CERT_KEYS = 0,
  VFT_CERT_COMMON = 4 * VFT_LEAF_KEYS,
  VFT_CERT_ITEMS = VFT_CERT_COMMON + VFT_COMMON_KNOWN,
  VFT_CERT_START,                         /* adapter, state */
  VFT_CERT_RELEASED = VFT_CERT_START + 8, /* adapter */
  VFT_CERT_ELEMENTS = VFT_CERT_RELEASED + 4,
  VFT_OUTER_INPUTS = 4
};

vft_machine_shape vft_outer_shape(void);
/* Hiding, BLAKE3, rate 1/16. */
vft_proof_options vft_outer_options(void);

/* What the prover knows besides. root: of the nodes' shape; NULL proof: blank. */
typedef struct {
  vft_fp tables[4 * (VFT_RUN_TABLES - VFT_RUN_STATES)]; /* roots of states, rows, counters */
  const vft_table_tree *states;                         /* NULL: blank */
  vft_fp last_state[4]; /* root of the state after step T */
  uint64_t steps, items;
  vft_node_child root;
  vft_bits *account; /* of the root's proof; may be NULL */
} vft_outer_witness;

VFT_MUST_CHECK vft_status vft_outer_make(const vft_machine *node,
                                         const vft_fp statement[VFT_CERT_ELEMENTS],
                                         const vft_outer_witness *witness, vft_circuit **out);
/* The circuit's inputs. */
void vft_outer_inputs(const vft_fp statement[VFT_CERT_ELEMENTS], vft_fp out[VFT_OUTER_INPUTS]);

/* Keys of the node and of the outermost circuit (recurse/keys.c, made by tools/vk.c). */
extern const uint8_t vft_node_key[32], vft_outer_key[32];
/* Soundness of one proof of the nodes' shape. */
extern const vft_bits vft_node_bits;

#endif
