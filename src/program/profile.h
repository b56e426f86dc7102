/* The arithmetic profile: shapes, containers and exponents of the integer training step.
 *
 * Every tensor is an array of integers X with a public static exponent ("frac") f: its real value
 * is X * 2^-f. Exponents are constants of a run; they come from the calibration by the rule in
 * vft_profile_fill and are part of the manifest. */
#ifndef VFT_PROGRAM_PROFILE_H
#define VFT_PROGRAM_PROFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "hash/kind.h"
#include "model/calibrate.h"
#include "model/model.h"

/* What one step computes. */
typedef struct {
  int layers, d, groups, per_group, head_dim, ff, vocab; /* heads = groups * per_group */
  int tied;                /* the head is the embedding */
  float rms_eps, rope_theta;
  unsigned adapted;        /* bit p: projection p (VFT_Q ...) carries LoRA; at least one */
  int rank;                /* LoRA rank, 1..64 */
  int alpha_log2;          /* alpha / rank = 2^alpha_log2, -8..8 */
  int sequences, positions; /* S sequences of n positions */
  vft_hash_kind hash;       /* of the proofs and of all trees */
  int pad_id;               /* label of positions behind a record's end */
  int steps_per_epoch;      /* the batch is rows of an epoch of so many steps; 0: of nothing */
  /* optimiser constants */
  int beta1_q16;           /* round(2^16 beta1), 0..65535 */
  int d2;                  /* beta2 = 1 - 1/d2, 1..2^20 */
  int clip;                /* 1: global norm clipping */
  int clip_u, clip_frac;   /* threshold = clip_u * 2^-clip_frac, clip_u in [2^12, 2^13) */
} vft_step_shape;

/* The arch's fields; everything about the step is left as it is. */
void vft_step_shape_set_arch(vft_step_shape *shape, const vft_arch *arch);
/* Whether setting it would change nothing. */
bool vft_step_shape_has_arch(const vft_step_shape *shape, const vft_arch *arch);
/* clip_u, clip_frac from a threshold given as a decimal string ("1.0"); "0" turns clipping off.
 * Fails VFT_USAGE: malformed, negative, or outside 2^-12..2^12. */
vft_status vft_step_shape_set_clip(vft_step_shape *shape, const char *threshold) VFT_MUST_CHECK;
/* Fails VFT_USAGE naming the field, its range and what to do. */
vft_status vft_step_shape_check(const vft_step_shape *shape) VFT_MUST_CHECK;
/* Elements of an input (output) vector of projection p. */
size_t vft_step_in(const vft_step_shape *shape, int p);
size_t vft_step_out(const vft_step_shape *shape, int p);
extern const char *const vft_projection_path[VFT_PROJECTIONS]; /* "attn/q", ..., "mlp/down" */

/* Scalars: X(name, default). f_ = exponents, n_ = narrow container bits (signed), w_ = wide
 * container bits. */
#define VFT_PROFILE_SCALARS(X)                                                       \
  X(n_weight, 14)   /* base weights, embedding, head: |W| < 2^(n-1) */               \
  X(n_gain, 12)     /* norm gains */                                                 \
  X(n_grad, 28)     /* gradients, signed; above 16 bits in two limbs; larger models need fewer */ \
  X(n_dop, 28)      /* of the context over the softmax's denominator: head_dim lowers it */ \
  X(n_ds, 28)       /* of the scores: the number of positions lowers it */           \
  X(n_dx, 26)       /* of norm outputs */                                            \
  X(w_h, 25)        /* residual stream, signed */                                    \
  X(w_dh, 31)       /* its gradient, signed */                                       \
  X(w_r, 24)        /* 1/rms, unsigned, at most 28 */                                \
  X(w_u, 22)        /* U = A x, signed; fewer for rank > 8 (profile.c) */            \
  X(w_vb, 32)       /* B^T dy, signed; "down" needs fewer (profile.c) */             \
  X(w_vb_down, 32)                                                                   \
  X(w_s, 22)        /* LoRA working copy, signed */                                  \
  X(w_max, 24)      /* row maxima of scores and logits, signed */                    \
  X(w_w2, 37)       /* r c / d, signed */                                            \
  X(w_w3, 46)       /* r^2 c / d, signed */                                          \
  X(w_g, 24)        /* LoRA gradients, signed */                                     \
  X(w_q, 48)        /* their sums of squares, unsigned */                            \
  X(w_norm, 29)     /* global gradient norm, unsigned */                             \
  X(w_update, 26)   /* optimiser update, signed */                                   \
  X(f_h, 11)        /* residual stream */                                            \
  X(f_r, 14)        /* 1/rms */                                                      \
  X(f_rot, 13)      /* rotation table */                                             \
  X(f_unrot, 10)    /* the same, for gradients */                                    \
  X(f_score, 10)    /* softmax table input */                                        \
  X(e_score, 14)    /* softmax table output: 2^e exp(-t 2^-f) */                     \
  X(k_score, 32)    /* R = 2^k / sum E */                                            \
  X(f_dsilu, 14)    /* silu' */                                                      \
  X(f_logit, 10)    /* cross-entropy table input */                                  \
  X(e_logit, 24)    /* its output */                                                 \
  X(k_logit, 44)    /* R = 2^k / sum E over the vocabulary */                        \
  X(k_a1, 22)       /* sum E W is stored divided by 2^k */                           \
  X(w_a1, 32)                                                                        \
  X(f_s, 20)        /* LoRA working copy; the master has 8 more */                   \
  X(f_emb, 11)      /* embedding */                                                  \
  X(f_out, 11)      /* head; equal to f_emb when tied */                             \
  X(f_gain_out, 8)  /* gain of the last norm */                                      \
  X(f_xf, 8)        /* its output */                                                 \
  X(f_dxf, 14)      /* gradient of xf, per token */                                  \
  X(f_w2_out, 20)   /* norm backward of the last norm */                             \
  X(f_w3_out, 20)

/* Per layer: X(name, variants): variants * layers exponents, index [variant * layers + l]. */
#define VFT_PROFILE_LAYERED(X)                                                       \
  X(w, 7)       /* base weight of projection p */                                    \
  X(gain, 2)    /* norm gain, 0 attention, 1 MLP */                                  \
  X(x, 2)       /* gained norm output */                                             \
  X(q, 1)       /* rotated, scaled query */                                          \
  X(k, 1)       /* rotated key */                                                    \
  X(v, 1)       /* value; the context O has the same */                              \
  X(gate, 1)    /* gate pre-activation and silu(gate), 0..15 */                      \
  X(up, 1)      /* up projection */                                                  \
  X(u, 7)       /* U = A x */                                                        \
  X(vb, 7)      /* B^T dy (with alpha/r) */                                          \
  X(avb, 7)     /* the same where A^T vb meets W^T dy: at most that of vb */         \
  X(dh, 2)      /* residual gradient: 0 after the layer, 1 before its MLP */         \
  X(dha, 1)     /* residual gradient entering the MLP's backward, n_grad bits */         \
  X(dhb, 1)     /* ... entering the attention's */                                   \
  X(dm, 1)                                                                           \
  X(dup, 1)                                                                          \
  X(dgate, 1)                                                                        \
  X(dx, 2)                                                                           \
  X(do_, 1)                                                                          \
  X(dop, 1)                                                                          \
  X(dv, 1)                                                                           \
  X(ds, 1)                                                                           \
  X(dq, 1)                                                                           \
  X(dk, 1)                                                                           \
  X(w2, 2)      /* norm backward, r c / d */                                         \
  X(w3, 2)      /* norm backward, r^2 c / d */                                       \
  X(g0, 14)     /* summed LoRA gradients: variant 2 p + (0 A, 1 B) */                \
  X(g, 14)      /* their mean over the loss tokens, clipped */

typedef struct {
#define X(name, value) int name;
  VFT_PROFILE_SCALARS(X)
#undef X
  int layers;
#define X(name, variants) int *name;
  VFT_PROFILE_LAYERED(X)
#undef X
  int *storage;
} vft_profile;

/* Defaults, all layered exponents 0. Fails VFT_RESOURCE. */
vft_status vft_profile_init(vft_profile *profile, int layers) VFT_MUST_CHECK;
void vft_profile_free(vft_profile *profile);

/* Walks all fields in one fixed order (for JSON and digests): calls visit(ctx, name, values,
 * count), count = 1 for scalars. */
typedef void (*vft_profile_visit)(void *ctx, const char *name, int *values, size_t count);
void vft_profile_fields(vft_profile *profile, vft_profile_visit visit, void *ctx);

/* Is every field within the range on which the builder is defined? Manifests are untrusted. Fails
 * VFT_USAGE naming the field. */
vft_status vft_profile_check(const vft_profile *profile) VFT_MUST_CHECK;

/* The published rule: frac = target - e where e is least with max < 2^e, where target leaves the
 * headroom stated beside each tensor in profile.c; then exponents are lowered where the static
 * bounds of the step would not close otherwise. Weight exponents come from `model`, everything
 * else from `calibration`. A pure function: integer arithmetic on the bits of its float32
 * arguments.
 * Requires shape checked; profile initialised with shape->layers.
 * Fails VFT_USAGE when no exponent fits, naming the tensor. */
vft_status vft_profile_fill(vft_profile *profile, const vft_step_shape *shape,
                            const vft_model *model,
                            const vft_calibration *calibration) VFT_MUST_CHECK;

/* Least e with |x| < 2^e; -149 for 0. x finite. */
int vft_float_exponent(float x);
/* Largest magnitude of n floats. */
float vft_float_absmax(const float *x, size_t n);
/* Largest f with round(absmax * 2^f) < 2^(bits-1); 0 for absmax = 0. */
int vft_float_frac(float absmax, int bits);
/* x * 2^frac rounded to the nearest integer, halves away from zero. Requires |result| < 2^31. */
int32_t vft_float_quantise(float x, int frac);

#endif
