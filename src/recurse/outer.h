/* The outermost circuit: from a node over all items of a run to what a certificate states.
 *
 * Its statement is that of recurse/certificate.h. The circuit says that there are tables with the
 * roots of the first ones, in which entry 0 of states is the given one and the named one has the given
 * adapter, and a proof of a node or a wrap, under the nodes' real key, over the items 0 .. N-1. */
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
  vft_fp released_with[4]; /* the second half of the released adapter's entry */
  uint64_t released_entry;
  vft_node_child root;
  vft_bits *account; /* of the root's proof; may be NULL */
} vft_outer_witness;

VFT_MUST_CHECK vft_status vft_outer_make(const vft_machine *node,
                                         const vft_fp statement[VFT_CERT_ELEMENTS],
                                         const vft_outer_witness *witness, vft_circuit **out);

#endif
