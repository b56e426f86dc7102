/* Parts of the step's builder, in the order they are called. Private to src/program. */
#ifndef VFT_PROGRAM_BUILD_H
#define VFT_PROGRAM_BUILD_H

#include "program/gadgets.h"

/* Ids that the parts hand to each other. */
typedef struct {
  vft_builder b;
  const vft_step_shape *s;
  const vft_profile *f;
  vft_step *step;
  /* fixed tables */
  vft_tensor_id rot_q, rot_k, unrot_q, unrot_k, causal;
  /* working copies and masters */
  vft_tensor_id work[VFT_PROJECTIONS][2], master[VFT_PROJECTIONS][2];
  vft_tensor_id m[VFT_PROJECTIONS][2], v[VFT_PROJECTIONS][2];
  /* forward */
  vft_tensor_id lab_high, lab_low;
  vft_tensor_id h1, h2;
  vft_i128 normalised; /* |h| r is below this, see vft_build_norm */
  const char *normalised_why;
  vft_tensor_id r[2], x[2], q, k, val, att_e, att_r, o, z, dz, up, u[VFT_PROJECTIONS];
  vft_tensor_id xf, r_out;
  /* backward: residual gradient after layer l (index l) */
  vft_tensor_id dh1;
  vft_tensor_id g0[VFT_PROJECTIONS][2];
} vft_build;

/* Axes of a projection's input and output. */
const char *vft_build_in_axes(int p);
const char *vft_build_out_axes(int p);
bool vft_build_adapted(const vft_build *c, int p);
/* Gained RMS norm of residual `h` (axes with the model letter d last); rows = box without d. */
void vft_build_norm(vft_build *c, const char *path, const char *rows, vft_tensor_id h,
                    const char *h_axes, vft_tensor_id gain, const char *gain_axes, vft_frac f_x,
                    vft_tensor_id *r, vft_tensor_id *x);
/* out = base + gradient of the norm: see build_backward.c. base may be VFT_NO_TENSOR. */
typedef struct {
  const char *path, *rows;
  vft_tensor_id dy, x, h, r, gain, base;
  int layers; /* of the box: 1 when it has none */
  const char *dy_axes, *x_axes, *h_axes, *r_axes, *gain_axes, *base_axes;
  vft_frac f_w2, f_w3;
  vft_build_out out;
} vft_norm_backward;
void vft_build_norm_backward(vft_build *c, const vft_norm_backward *n);

void vft_build_layers_forward(vft_build *c);
void vft_build_head(vft_build *c);
void vft_build_layers_backward(vft_build *c);
void vft_build_optimiser(vft_build *c);

#endif
