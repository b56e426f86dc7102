/* The base model as the integers that are trained on, committed and proved: deterministic
 * function of the float32 arrays and the profile's weight exponents. */
#ifndef VFT_PROGRAM_WEIGHTS_H
#define VFT_PROGRAM_WEIGHTS_H

#include "program/profile.h"

typedef struct {
  vft_step_shape shape;          /* architecture part only */
  int16_t *emb;                  /* [vocab][d], frac f_emb */
  int16_t *out;                  /* [vocab][d], frac f_out; = emb when tied */
  int16_t *w[VFT_PROJECTIONS];   /* [layers][out][in], frac w[p][l] */
  int16_t *gain[2];              /* [layers][d], frac gain[i][l] */
  int16_t *gain_out;             /* [d], frac f_gain_out */
} vft_weights;

/* Fails VFT_USAGE when a weight does not fit its container at the profile's exponent (names
 * tensor and layer), VFT_RESOURCE. */
vft_status vft_weights_quantise(const vft_model *model, const vft_step_shape *shape,
                                const vft_profile *profile, vft_weights *out) VFT_MUST_CHECK;
void vft_weights_free(vft_weights *weights);

#endif
