/* A proof without values: which sumchecks there will be, and what they take. */
#ifndef VFT_PROVE_REHEARSE_H
#define VFT_PROVE_REHEARSE_H

#include <stddef.h>

#include "relation/program.h"
#include "verify/session.h"

/* *bytes: of vft_alloc, that the largest sumcheck of a proof of the program takes, with the weights
 * that it and those before it have expanded. Fails: VFT_USAGE, VFT_RESOURCE. */
VFT_MUST_CHECK vft_status vft_rehearse(const vft_program *program, size_t *bytes);
/* *elements: of E, that a proof with these PUBLIC values (vft_statement_values) sends before its
 * opening. */
VFT_MUST_CHECK vft_status vft_rehearse_messages(const vft_program *program, const vft_public *pub,
                                                size_t *elements);

#endif
