/* src/argument/whir_prover.h for the library: there is no prover. */
#ifndef VFT_ARGUMENT_WHIR_PROVER_H
#define VFT_ARGUMENT_WHIR_PROVER_H

#include "argument/whir.h"

typedef struct vft_whir_source vft_whir_source;

#endif
