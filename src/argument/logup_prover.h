/* The prover's side of LogUp-GKR (internal to argument/logup*): layers and round sums. The
 * driver in logup.c owns the order of messages. */
#ifndef VFT_ARGUMENT_LOGUP_PROVER_H
#define VFT_ARGUMENT_LOGUP_PROVER_H

#include "argument/logup.h"

typedef struct vft_logup_prover vft_logup_prover;

/* Builds and stores the layers. Requires n >= 1. NULL when out of memory. */
vft_logup_prover *vft_logup_prover_new(unsigned n, size_t real, const vft_logup_leaves *leaves);
void vft_logup_prover_free(vft_logup_prover *pv);
/* The four columns (p0, p1, q0, q1) of layer 1, each of one entry. */
void vft_logup_prover_root(vft_logup_prover *pv, vft_ext v[4]);
/* Starts the sumcheck on layer k (1 <= k < n) at the point z[0..k), borrowed until the layer's
 * end, and computes the first round's sums. */
VFT_MUST_CHECK vft_status vft_logup_prover_layer(vft_logup_prover *pv, unsigned k,
                                                 const vft_ext *z, vft_ext lambda);
/* Coefficients b and c of the present round's polynomial, given the running claim v. */
VFT_MUST_CHECK vft_status vft_logup_prover_round(vft_logup_prover *pv, vft_ext v,
                                                 vft_ext coef[2]);
/* Binds the round's variable to r and computes the next round's sums. */
VFT_MUST_CHECK vft_status vft_logup_prover_bind(vft_logup_prover *pv, vft_ext r);
/* After k rounds: the columns at the bound point. */
void vft_logup_prover_values(vft_logup_prover *pv, vft_ext v[4]);

#endif
