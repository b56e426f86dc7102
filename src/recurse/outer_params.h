/* How the proof of the outermost circuit is opened, and what it is worth. Both follow from the
 * shape of its program (vft_outer_shape) and its options: tools/vk.c computes them with the
 * calculators of argument/whir_params.h and argument/soundness.h, recurse/keys.c has what came out,
 * and tools/keys.sh compares the two. So libvft_verify needs no calculator. */
#ifndef VFT_RECURSE_OUTER_PARAMS_H
#define VFT_RECURSE_OUTER_PARAMS_H

#include "argument/whir_hiding.h"

extern const vft_hiding_shape vft_outer_opening;
extern const vft_whir_params vft_outer_params;
/* Total of the account of one proof, rounded down to whole bits: at least VFT_SOUNDNESS_LEVEL. */
extern const unsigned vft_outer_bits;

#endif
