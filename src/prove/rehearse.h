/* A proof without values: which sumchecks there will be, and what they take. */
#ifndef VFT_PROVE_REHEARSE_H
#define VFT_PROVE_REHEARSE_H

#include <stddef.h>

#include "relation/program.h"

/* *bytes: of vft_alloc, that the largest sumcheck of a proof of the program takes, with the weights
 * that it and those before it have expanded. Fails: VFT_USAGE, VFT_RESOURCE. */
VFT_MUST_CHECK vft_status vft_rehearse(const vft_program *program, size_t *bytes);

#endif
