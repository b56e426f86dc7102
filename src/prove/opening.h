/* The prover's side of an opening: dense messages and weights of every tree, then WHIR. */
#ifndef VFT_PROVE_OPENING_H
#define VFT_PROVE_OPENING_H

#include "argument/whir_prover.h"
#include "base/status.h"
#include "prove/commit.h"
#include "verify/opening.h"

/* What WHIR's prover reads: source i is commitment number opening->matrix->place[i], its message
 * and, where there are claims, its weights. *out is freed with vft_opening_sources_free, also on
 * failure. */
VFT_MUST_CHECK vft_status vft_opening_sources(const vft_opening *opening,
                                              vft_commitment *const *commitment,
                                              vft_whir_source **out);
void vft_opening_sources_free(const vft_opening *opening, vft_whir_source *source);

/* Dense weights of one tree: weight[e] for the entries of its rows (rows << c, zero on entry). */
VFT_MUST_CHECK vft_status vft_opening_weights(const vft_opening *opening, uint32_t tree,
                                              vft_ext *weight);

/* Expected length of the messages of an opening. (prove/plan.c) */
double vft_opening_length(const vft_whir_params *params, const vft_whir_tree *tree,
                          uint32_t trees, vft_hash_kind hash);

#endif
