/* Several consecutive steps of one epoch as one program (program/join.c says how). */
#ifndef VFT_PROGRAM_JOIN_H
#define VFT_PROGRAM_JOIN_H

#include "program/step.h"

enum { VFT_JOIN_STEPS = 64 };

/* The result has the step's link and oracle numbers, no ops, and in `map` [steps][tensors of one] the
 * tensor that each tensor of each step is. `one` is a whole step and must outlive it; vft_step_free.
 * Bounds are not yet checked. Fails: VFT_USAGE, VFT_RESOURCE. */
VFT_MUST_CHECK vft_status vft_step_join(const vft_step *one, int steps, vft_step **out);
/* The trace of all from complete traces of each, whose arrays it borrows: they must outlive it.
 * vft_trace_free in any case. Fails: VFT_USAGE, VFT_RESOURCE. */
VFT_MUST_CHECK vft_status vft_step_join_trace(const vft_step *joined, vft_trace *const *trace,
                                              vft_trace *out);

#endif
