/* The program that joins the adapter of a cut run: one link "adapter" with the working copies of
 * all layers, equal to the links "part" of the layer ranges. Proved once, after the last step, so
 * that h_T does not depend on how the steps were cut. */
#ifndef VFT_PROGRAM_RELEASE_H
#define VFT_PROGRAM_RELEASE_H

#include "program/step.h"

enum { VFT_MAX_PARTS = 128 }; /* ranges of layers of a cut */

/* step->program has the links 0 .. n-1, the adapter_out links of ranges of count[i] layers in
 * order, and link_adapter_out, laid out as that of the whole step. Every link holds, for each
 * adapted projection, A then B: the limbs s0, s1. No ops.
 * Requires 1 <= n <= VFT_MAX_PARTS, counts that sum to the model's layers.
 * Fails VFT_USAGE, VFT_RESOURCE. */
vft_status vft_release_build(const vft_step_shape *shape, const vft_profile *profile,
                             const int *count, int n, uint32_t log_columns,
                             vft_step **out) VFT_MUST_CHECK;

#endif
