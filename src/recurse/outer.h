/* The outermost circuit: from a node over items of a run to what a certificate states.
 *
 * Its statement is that of recurse/certificate.h. The circuit says that there are tables with the
 * roots of the first ones, in which the first named entry of states is what the one commitment is to, the
 * second named one has the given adapter or is what the other commitment is to, and a proof of a node or a
 * wrap, under the nodes' real key, over the items from the first to the last. */
#ifndef VFT_RECURSE_OUTER_H
#define VFT_RECURSE_OUTER_H

#include "recurse/certificate.h"
#include "recurse/node.h"
#include "recurse/table.h"

/* What the prover knows besides. root: of the nodes' shape; NULL proof: blank. */
typedef struct {
  vft_fp tables[4 * (VFT_RUN_TABLES - VFT_RUN_STATES)]; /* roots of states and those that follow */
  const vft_table_tree *states;                         /* NULL: blank */
  const vft_table_tree *wraps;                          /* keys of wraps; NULL: blank */
  uint64_t entry[2];                                    /* of states: start, end */
  vft_fp salt[2][4]; /* of the commitments; the second half of the entry with the released adapter */
  vft_node_child root;
  vft_bits *account; /* of the root's proof; may be NULL */
} vft_outer_witness;

VFT_MUST_CHECK vft_status vft_outer_make(const vft_machine *node,
                                         const vft_fp statement[VFT_CERT_ELEMENTS],
                                         const vft_outer_witness *witness, vft_circuit **out);

#endif
