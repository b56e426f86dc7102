/* What proving takes, before it begins. */
#ifndef VFT_RUN_MEMORY_H
#define VFT_RUN_MEMORY_H

#include "prove/prove.h"
#include "run/manifest.h"

/* The fastest way of proving a step that fits the memory there is now: keep the codewords of the
 * witness and all layers of the lookup argument, or compute them again. Fails: VFT_RESOURCE when
 * even the leanest way needs more. */
VFT_MUST_CHECK vft_status vft_memory_plan(const vft_manifest *manifest, const vft_program *program,
                                          vft_prove_options *out);

#endif
