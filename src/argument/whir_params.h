/* Choice of WHIR parameters. */
#ifndef VFT_ARGUMENT_WHIR_PARAMS_H
#define VFT_ARGUMENT_WHIR_PARAMS_H

#include "argument/whir.h"

/* Chooses levels, rates and numbers of queries for 2^k0 rows of 2^c elements whose code has rate
 * 2^-log_inv_rate, such that the whole opening has at least `bits` bits of proven soundness
 * (argument/soundness.h; queries included, `grind` bits of work before each query phase).
 * A deterministic function of its arguments: prover and verifier call it alike.
 * Requires k0 <= 24, 1 <= c, 4 <= c + log_inv_rate <= 30, 1 <= log_inv_rate <= 8, grind <= 26,
 * bits <= 160, tail <= 2^c. Fails with VFT_USAGE outside of that. */
VFT_MUST_CHECK vft_status vft_whir_params_choose(vft_whir_params *params, unsigned k0, unsigned c,
                                                 unsigned log_inv_rate, uint32_t tail,
                                                 unsigned bits, unsigned grind);
/* The test profile: same shape, `queries` queries at every level, no grinding. Never sound. */
VFT_MUST_CHECK vft_status vft_whir_params_test(vft_whir_params *params, unsigned k0, unsigned c,
                                               unsigned log_inv_rate, uint32_t tail,
                                               unsigned queries);

#endif
