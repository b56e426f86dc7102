/* Parts of the step's builder, in the order they are called. Private to src/program. */
#ifndef VFT_PROGRAM_BUILD_H
#define VFT_PROGRAM_BUILD_H

#include "program/gadgets.h"

enum { VFT_SCALE_BITS = 31 }; /* of clip/scale: 2^30 clip_u / D, D >= clip_u */

/* Ids that the parts hand to each other. */
typedef struct {
  vft_builder b;
  vft_op_builder ops;
  const vft_step_shape *s;
  const vft_profile *f;
  const vft_profile *model; /* the whole model's profile */
  const vft_step *like;     /* has function tables; may be NULL */
  vft_step *step;
  bool layers, head, optimiser; /* what this program covers */
  /* Boundaries of the covered layers: where the stream enters them (written by the embedding or a
   * copy) and leaves them (read by the last norm or a copy), and its gradient at the upper one. */
  vft_axes_factor enter, leave, leave_grad;
  int grad_at; /* index in dh1 of the gradient after the first covered layer */
  vft_tensor_id squares_in, squares_out, enter_grad_out; /* VFT_NO_TENSOR: none */
  vft_tensor_id grad_out[VFT_PROJECTIONS][2];            /* containers of g0, when handed over */
  vft_tensor_id stream_in, stream_out, grad_in;          /* of LAYERS: values in links */
  vft_tensor_id mu;                                      /* container of the scale, or its value */
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

/* Axes "lX" of a base tensor with the layer axis at the first covered layer plus `more`. */
const char *vft_build_base_axes(vft_build *c, int more, const char *rest);
/* The residual's gradient at every boundary of the covered layers that needs one. */
void vft_build_stream_grad(vft_build *c);
/* Declares the links between parts (build_parts.c); fills the boundary fields. */
void vft_build_links(vft_build *c);
/* Copies from and to them. */
void vft_build_enter(vft_build *c);
void vft_build_leave(vft_build *c);

/* The batch is rows of the epoch. */
void vft_build_batch_rows(vft_build *c);

void vft_build_layers_forward(vft_build *c);
void vft_build_head(vft_build *c);
void vft_build_layers_backward(vft_build *c);
/* Sums of squares; scale of the mean, clipped gradient; AdamW. */
void vft_build_clip(vft_build *c);
void vft_build_optimiser(vft_build *c);

#endif
