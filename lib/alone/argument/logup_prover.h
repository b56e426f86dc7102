/* src/argument/logup_prover.h for the library: there is no prover. */
#ifndef VFT_ARGUMENT_LOGUP_PROVER_H
#define VFT_ARGUMENT_LOGUP_PROVER_H

#include "argument/logup.h"

typedef struct vft_logup_prover vft_logup_prover;

#define vft_logup_prover_new(n, real, leaves) ((void)(leaves), (vft_logup_prover *)NULL)
#define vft_logup_prover_free(pv) ((void)(pv))
#define vft_logup_prover_root(pv, v) ((void)(v))
#define vft_logup_prover_layer(pv, k, z, lambda) VFT_USAGE
#define vft_logup_prover_round(pv, v, coef) VFT_USAGE
#define vft_logup_prover_bind(pv, r) VFT_USAGE
#define vft_logup_prover_values(pv, v) ((void)(v))

#endif
