/* Calibration: the largest magnitude of every tensor of the training step, measured on a public
 * text by a deterministic procedure, from which the arithmetic profile derives its exponents.
 *
 * A float32 forward and backward pass of the base model with LoRA on the adapted projections,
 * written so that every IEEE-754 machine computes identical bits: no fused multiply-add
 * (-ffp-contract=off), a fixed order of summation (16 partial sums, folded pairwise),
 * exp/cos/sin from model/fixmath.  Results do not depend on the number of threads.
 *
 * A is the declared initial A. B, zero at the start of training, is set to a declared
 * pseudo-random +-amplitude, so that the gradients of A and the inner values B^T dy have a
 * magnitude to be calibrated at all. */
#ifndef VFT_MODEL_CALIBRATE_H
#define VFT_MODEL_CALIBRATE_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "model/model.h"

/* Projections in the order used everywhere. */
enum { VFT_Q, VFT_K, VFT_V, VFT_O, VFT_GATE, VFT_UP, VFT_DOWN, VFT_PROJECTIONS };

/* Tensor kinds; names follow the training step's definition. Per layer unless said. */
typedef enum {
  VFT_CAL_H,     /* residual stream, before attention and before the MLP; last slot: final */
  VFT_CAL_X1,    /* gained norm output into attention */
  VFT_CAL_X2,    /* ... into the MLP */
  VFT_CAL_Q,     /* rotated query, scaled by 1/sqrt(head_dim) */
  VFT_CAL_K,     /* rotated key */
  VFT_CAL_V,
  VFT_CAL_SCORE, /* max over rows of (largest - smallest unmasked score) */
  VFT_CAL_O,     /* attention context */
  VFT_CAL_G,     /* gate pre-activation */
  VFT_CAL_U,     /* up projection */
  VFT_CAL_M,     /* silu(gate) * up */
  VFT_CAL_DH,    /* gradient of the residual stream after the layer */
  VFT_CAL_DHM,   /* ... before its MLP */
  VFT_CAL_DM,
  VFT_CAL_DU,
  VFT_CAL_DG,
  VFT_CAL_DX2,   /* gradient of x2 */
  VFT_CAL_DO,
  VFT_CAL_DOP,   /* dO / softmax denominator, with the row maximum's exponential = 1 */
  VFT_CAL_DS,    /* gradient of the scores */
  VFT_CAL_DQ,    /* gradient of the unrotated query projection */
  VFT_CAL_DK,
  VFT_CAL_DV,
  VFT_CAL_DX1,
  VFT_CAL_KINDS
} vft_cal_kind;

typedef struct {
  int layers;
  /* [kind][layer], layers + 1 slots per kind. */
  float *max[VFT_CAL_KINDS];
  /* Inner LoRA values and gradients, [projection][layer]: U = A x, vb = scale B^T dy, and the
   * gradients of A and B summed over the tokens of one sequence. */
  float *max_u[VFT_PROJECTIONS], *max_vb[VFT_PROJECTIONS];
  float *max_da[VFT_PROJECTIONS], *max_db[VFT_PROJECTIONS];
  float max_xf;      /* gained output of the last norm */
  float max_dxf;     /* its gradient */
  float max_logit_span; /* largest (max - min) logit of a row */
  float inv_rms_max; /* largest 1/rms of any norm */
} vft_calibration;

typedef struct {
  int rank;              /* LoRA rank */
  float scale;           /* alpha / rank */
  unsigned adapted;      /* bit p set: projection p carries LoRA */
  uint64_t seed;         /* of A, as in training */
  float b_amplitude;     /* |B| during calibration */
} vft_calibration_lora;

/* A[layer][projection] initialiser: fills rank * in floats. The same values that training
 * starts from. */
typedef void (*vft_lora_a_init)(void *ctx, int layer, int projection, int rank, int in, float *a);

/* Runs `sequences` sequences of n + 1 tokens each (inputs 0..n-1, labels 1..n, all in the loss)
 * and accumulates maxima over them. ids: [sequences][n + 1], each in [0, vocab).
 * Memory: about 4 bytes * n * layers * (12 d + 6 ff + heads * n). Fails: VFT_USAGE, VFT_RESOURCE. */
vft_status vft_calibrate(const vft_model *model, const vft_calibration_lora *lora,
                         vft_lora_a_init a_init, void *a_ctx, const int32_t *ids,
                         size_t sequences, size_t n, vft_calibration *out) VFT_MUST_CHECK;
void vft_calibration_free(vft_calibration *calibration);

#endif
