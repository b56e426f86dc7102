/* Inside of argument/whir: the weights of a level's queries, as one transform. */
#ifndef VFT_ARGUMENT_WHIR_CLAIMS_H
#define VFT_ARGUMENT_WHIR_CLAIMS_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "field/goldilocks.h"

/* w[col] += sum over i < n of gamma^(i+1) x_i^col, col < 2^log_msg, x_i the domain point of code
 * position index[i] < 2^(log_msg + log_inv_rate); in any order, with repetitions. */
vft_status vft_whir_add_claims(vft_ext *w, unsigned log_msg, unsigned log_inv_rate,
                               const uint32_t *index, size_t n, vft_ext gamma);

/* Bytes of scratch of the above. */
size_t vft_whir_claims_bytes(unsigned log_msg, unsigned log_inv_rate);

#endif
