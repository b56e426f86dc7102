/* Values of hidden scalars: the prover's. */
#ifndef VFT_HIDE_LATE_H
#define VFT_HIDE_LATE_H

#include "hide/hidden.h"

/* The value for given scalars. */
vft_ext vft_hidden_evaluate(const vft_hidden *h, const vft_hidden_value *v, const vft_ext *pad,
                            const vft_ext *late);
/* The late scalars that belong to these pads, nlate of them, in order. */
void vft_hidden_make_late(const vft_hidden *h, const vft_ext *pad, vft_ext *late);

#endif
