/* The prover's side of an opening: dense messages and weights of every tree, then WHIR. */
#ifndef VFT_PROVE_OPENING_H
#define VFT_PROVE_OPENING_H

#include "argument/whir.h"
#include "base/status.h"
#include "prove/commit.h"
#include "verify/opening.h"

/* tree[i] and place as in the driver: tree[i] describes commitment opening->matrix->place[i].
 * sigma is the claims' sum. */
VFT_MUST_CHECK vft_status vft_opening_prove(vft_channel *ch, const vft_whir_params *params,
                                            const vft_whir_tree *tree,
                                            const vft_opening *opening,
                                            vft_commitment *const *commitment, vft_ext sigma);

/* Dense weights of one tree: weight[e] for the entries of its rows (rows << c, zeroed here). */
VFT_MUST_CHECK vft_status vft_opening_weights(const vft_opening *opening, uint32_t tree,
                                              vft_ext *weight);

#endif
