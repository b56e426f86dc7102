/* The prover's leaves of the LogUp argument: numerators and denominators of lookups and table
 * rows, computed from the trace tile by tile. */
#ifndef VFT_PROVE_FRACTIONS_H
#define VFT_PROVE_FRACTIONS_H

#include "argument/logup.h"
#include "base/status.h"
#include "relation/program.h"
#include "verify/driver.h"

typedef struct vft_leaves vft_leaves;

/* fr and trace are borrowed. leaves->ctx is the new object. */
VFT_MUST_CHECK vft_status vft_leaves_new(vft_leaves **out, const vft_trace *trace,
                                         const vft_fractions *fr, vft_ext alpha, vft_ext beta,
                                         unsigned recompute, vft_logup_leaves *leaves);
void vft_leaves_free(vft_leaves *leaves);

#endif
