/* The prover of hiding openings (argument/whir_hiding.h). */
#ifndef VFT_ARGUMENT_WHIR_HIDING_PROVER_H
#define VFT_ARGUMENT_WHIR_HIDING_PROVER_H

#include "argument/whir_hiding.h"
#include "argument/whir_prover.h"

/* The tree of values and masks. */
typedef struct vft_hiding_tree vft_hiding_tree;
/* random: NULL for the system's. Fails VFT_RESOURCE, VFT_USAGE (another hash than BLAKE3). */
VFT_MUST_CHECK vft_status vft_hiding_tree_new(vft_hiding_tree **out, const vft_hiding_shape *shape,
                                              const vft_ext *values, size_t n, vft_hash_kind hash,
                                              const vft_random *random);
vft_digest vft_hiding_tree_root(const vft_hiding_tree *tree);
void vft_hiding_tree_free(vft_hiding_tree *tree); /* wipes */
/* The committed matrix of values and masks. */
const vft_merkle *vft_hiding_tree_code(const vft_hiding_tree *tree);

/* Proves the sum. Sources are as for WHIR, rows of 2^(c+1) entries: values, then random
 * coefficients (0 in trees that hide nothing), with weights 0 there. */
VFT_MUST_CHECK vft_status vft_hiding_prove(vft_channel *ch, const vft_whir_params *params,
                                           const vft_hiding_shape *shape,
                                           const vft_hiding_claim *claim,
                                           const vft_whir_source *source,
                                           const vft_hiding_tree *own);

/* ---- tests: the simulator's random oracle ----
 * The challenge that joins the masks' sum is *lambda instead of the channel's, on both sides. A
 * prover then claims for its masks what makes up for whatever its trees hold: this is the
 * simulator of docs/SOUNDNESS.md. */
VFT_MUST_CHECK vft_status vft_hiding_simulate(vft_channel *ch, const vft_whir_params *params,
                                              const vft_hiding_shape *shape,
                                              const vft_hiding_claim *claim,
                                              const vft_whir_source *source,
                                              const vft_hiding_tree *own, const vft_ext *lambda);

#endif
