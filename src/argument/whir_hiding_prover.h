/* The prover of hiding openings (argument/whir_hiding.h). */
#ifndef VFT_ARGUMENT_WHIR_HIDING_PROVER_H
#define VFT_ARGUMENT_WHIR_HIDING_PROVER_H

#include "argument/whir_hiding.h"
#include "argument/whir_prover.h"

/* The masks of one opening: rows behind those of a hidden tree. */
typedef struct {
  size_t rows;    /* k0 + 2 */
  vft_ext *value; /* rows x 2^c */
  vft_ext *tail;  /* rows x tail */
  size_t columns, tails;
} vft_hiding_mask_rows;
/* random: NULL for the system's. vft_hiding_mask_rows_free, which wipes, follows, also after a
 * failure. */
VFT_MUST_CHECK vft_status vft_hiding_mask_rows_init(vft_hiding_mask_rows *m,
                                                    const vft_hiding_shape *shape,
                                                    const vft_random *random);
void vft_hiding_mask_rows_free(vft_hiding_mask_rows *m);
/* Base row `at` of them (coordinate at % 3 of row at / 3): 2^(c+1) coefficients, zeros behind the
 * tail, for a code of such rows. */
void vft_hiding_mask_row(const vft_hiding_mask_rows *m, size_t at, vft_fp *out);

/* Proves the sum. Sources are as for WHIR; the masks' rows are those of `masks`. */
VFT_MUST_CHECK vft_status vft_hiding_prove(vft_channel *ch, const vft_whir_params *params,
                                           const vft_hiding_shape *shape,
                                           const vft_hiding_claim *claim,
                                           const vft_whir_source *source,
                                           const vft_hiding_mask_rows *masks);

/* ---- tests: the simulator's random oracle ----
 * The challenge that joins the masks' sum is *lambda instead of the channel's, on both sides. A
 * prover then claims for its masks what makes up for whatever its trees hold: this is the
 * simulator of docs/SOUNDNESS.md. */
VFT_MUST_CHECK vft_status vft_hiding_simulate(vft_channel *ch, const vft_whir_params *params,
                                              const vft_hiding_shape *shape,
                                              const vft_hiding_claim *claim,
                                              const vft_whir_source *source,
                                              const vft_hiding_mask_rows *masks,
                                              const vft_ext *lambda);

#endif
