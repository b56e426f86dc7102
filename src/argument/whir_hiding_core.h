/* Inside of argument/whir_hiding: what comes before WHIR, once for both sides. */
#ifndef VFT_ARGUMENT_WHIR_HIDING_CORE_H
#define VFT_ARGUMENT_WHIR_HIDING_CORE_H

#include "argument/whir_hiding.h"

typedef struct {
  uint64_t at[VFT_WHIR_ROW_VARIABLES_MAX + 1]; /* places of the masks, row A last */
  vft_whir_tree *tree; /* the claim's, with the masks */
  vft_ext mask[4];     /* weights m0 .. m3 */
  vft_ext lambda, sigma;
} vft_hiding_run;

/* The masks' weighted sum, for the weights in run->mask. */
typedef void (*vft_hiding_mask_fn)(void *ctx, const vft_hiding_run *run, vft_ext *sum);

/* Writes the masks' places, k0 + 2; returns their number. */
size_t vft_hiding_masks(const vft_hiding_shape *shape, uint64_t *at);
/* Challenges and the masks' sum (sum NULL: verifier). vft_hiding_end follows, also after a
 * failure. */
VFT_MUST_CHECK vft_status vft_hiding_begin(vft_channel *ch, const vft_hiding_shape *shape,
                                           const vft_hiding_claim *claim, const vft_ext *lambda,
                                           vft_hiding_mask_fn sum, void *ctx,
                                           vft_hiding_run *run);
void vft_hiding_end(vft_hiding_run *run);

#endif
