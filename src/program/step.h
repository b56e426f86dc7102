/* The training step as a tensor program and as ops, built from shape and profile by one builder.
 *
 * Axes, in index letters: l layer, s sequence, p q position (high, low), j k key position, d model,
 * g key/value group, u query head of the group, a e half and element of a head, f feed-forward,
 * r rank, v w vocabulary (high, low). */
#ifndef VFT_PROGRAM_STEP_H
#define VFT_PROGRAM_STEP_H

#include "gadget/builder.h"
#include "program/op.h"
#include "program/profile.h"

/* Committed state of one LoRA matrix (kind 0: A, 1: B) of one projection. Link tensors of `in`
 * and `out` have equal shapes. */
typedef struct {
  vft_tensor_id s[2];    /* limbs of the working copy (16 bits, rest), link "adapter" */
  vft_tensor_id rho;     /* low 8 bits of the master, link "state" */
  vft_tensor_id m[2], v[4];
} vft_state_ids;
enum { VFT_STATE_TENSORS = 9 };
/* The nine ids in the order s, rho, m, v. */
void vft_state_id_list(const vft_state_ids *ids, vft_tensor_id list[VFT_STATE_TENSORS]);

/* A public function table (oracle "tables"): values[i], 2^16 rows.
 *   SCORE, LOGIT  round(2^frac_out exp(-i 2^-frac_in))
 *   SILU, DSILU   round(2^frac_out x sigmoid(x)), ... its derivative, x = (i - 2^15) 2^-frac_in */
typedef enum { VFT_STEP_SCORE, VFT_STEP_LOGIT, VFT_STEP_SILU, VFT_STEP_DSILU } vft_step_table_kind;
typedef struct {
  vft_step_table_kind kind;
  vft_tensor_id tensor;
  int frac_in, frac_out;
  const int64_t *values;
} vft_step_table;
enum { VFT_STEP_SILU_TABLES = 16, VFT_STEP_TABLES = 2 + 2 * VFT_STEP_SILU_TABLES };

/* A step is proved by one program (STEP) or cut into several, each proved on its own:
 *   HEAD       embedding, last norm, head and cross-entropy forward and backward, global clipping
 *   LAYERS     layers first .. first + layers - 1, forward and backward, gradients of their LoRA
 *              matrices and the sums of squares
 *   OPTIMISER  AdamW of the same layers
 * What one part computes and another needs is handed over in a link. `neighbour[0]`, `[1]`: layers
 * of the LAYERS part before and after this one, 0 for none (LAYERS); HEAD: [0] the last part's. */
typedef enum {
  VFT_PART_STEP,
  VFT_PART_HEAD,
  VFT_PART_LAYERS,
  VFT_PART_OPTIMISER,
  VFT_PART_RELEASE /* program/release.h */
} vft_part_kind;
typedef struct {
  vft_part_kind kind;
  int first, layers;
  int neighbour[2];
} vft_part;

/* Values in the links between the parts of a step. Boundary i lies before layer i of the model.
 *   STREAM       residual stream at boundary `at` [s,p,q,d]
 *   STREAM_GRAD  its gradient there
 *   SQUARES      sum of the rounded sums of squares of all gradients below boundary `at`, scalar
 *   GRADIENT     summed LoRA gradients of projection p, kind, layers at .. at + layers - 1
 *   SCALE        mean normalisation and clipping, scalar */
typedef enum {
  VFT_HAND_STREAM,
  VFT_HAND_STREAM_GRAD,
  VFT_HAND_SQUARES,
  VFT_HAND_GRADIENT,
  VFT_HAND_SCALE
} vft_hand_role;
typedef struct {
  vft_hand_role role;
  int p, kind;    /* GRADIENT */
  int at, layers;
  uint32_t wide;  /* limbs: number in step->wides */
  uint32_t link;
  bool output;    /* computed by this part */
} vft_hand;
enum { VFT_MAX_HANDS = 64, VFT_SQUARES_BITS = 58 };

struct vft_step {
  vft_program *program;
  vft_part part;
  int model_layers;      /* of the whole model: axis 0 of the base weights */
  vft_step_shape shape;  /* layers: those of the part; in HEAD, of the model */
  vft_profile profile;   /* own copy, of these layers */
  uint32_t position_high, position_low; /* n = high * low */
  uint32_t vocab_high, vocab_low;
  vft_op *ops;
  uint32_t nops;
  vft_wide *wides;
  uint32_t nwides;
  uint32_t *wide_of; /* per tensor: its number as a wide value, or UINT32_MAX */
  /* per tensor; n = 0: none (remainders, one-hots) */
  vft_frac *frac;

  /* Roles; UINT32_MAX (VFT_NO_TENSOR) for what the part does not have. Links: in "adapter_in"
   * "state_in" "batch", out "adapter_out" "state_out"; between parts, out or in, "head" and
   * "layers" (of the same layers; in HEAD, of the last ones), in "before" and "after". */
  uint32_t link_adapter_in, link_state_in, link_batch, link_adapter_out, link_state_out;
  uint32_t link_head, link_layers, link_before, link_after;
  /* Where the batch is bound to rows of an epoch: link "rows" [step, row], both padded to powers of
   * two; a public one-hot over steps; what the content digest has beside the batch; which labels are
   * the record's. */
  uint32_t link_rows;
  vft_tensor_id rows[4], row_step, row_tokens, row_raw, row_within;
  /* Several steps in one program (program/join.h): the program of one, their number, and what its
   * tensors are in this one; else NULL, 0 */
  const struct vft_step *one;
  int steps;
  vft_tensor_id *map;
  uint32_t nhands;
  vft_hand hands[VFT_MAX_HANDS];
  uint32_t oracle_base, oracle_tables;
  vft_tensor_id ids_in, ids_lab, mask;
  vft_tensor_id emb, out, w[VFT_PROJECTIONS], gain[2], gain_out;
  uint32_t ntables;
  vft_step_table tables[VFT_STEP_TABLES];
  vft_tensor_id lr, wd, eps[VFT_PROJECTIONS][2]; /* per-step public inputs */
  vft_state_ids in[VFT_PROJECTIONS][2], next[VFT_PROJECTIONS][2];
  vft_tensor_id logits;  /* virtual [s,p,q,v,w] */
  vft_tensor_id logit_max, logit_den; /* M [s,p,q]; sum E */
  vft_tensor_id loss_tokens, norm, mu; /* N, gradient norm (frac clip_frac), 2^30 scale */
  vft_tensor_id grad[VFT_PROJECTIONS][2]; /* scaled gradient, exponent frac[] */
  /* STEP: what parts hand over. Residual stream [l + 1], its gradient after layer l, summed
   * gradients, rounded sums of their squares [l] */
  vft_tensor_id stream, stream_grad;
  vft_tensor_id sum_grad[VFT_PROJECTIONS][2], square[VFT_PROJECTIONS][2];
};
typedef struct vft_step vft_step;

/* The power of two that holds n >= 1 steps or rows. */
uint32_t vft_rows_slots(uint64_t n);

/* Builds the step. log_columns as in vft_program. The profile is copied.
 * Fails VFT_USAGE (shape out of range; a gadget's bound does not close, naming it), VFT_RESOURCE.
 * The program is not yet bound-checked: call vft_program_check_bounds. */
vft_status vft_step_build(const vft_step_shape *shape, const vft_profile *profile,
                          uint32_t log_columns, vft_step **out) VFT_MUST_CHECK;
/* One part of it; shape and profile are the whole step's. Function tables that `like` has, a step
 * of any profile or NULL, are copied and not computed. Fails VFT_USAGE for a part that lies outside
 * of the model too. */
vft_status vft_step_build_part(const vft_step_shape *shape, const vft_profile *profile,
                               const vft_part *part, uint32_t log_columns, const vft_step *like,
                               vft_step **out) VFT_MUST_CHECK;
void vft_step_free(vft_step *step);
/* Op by name, or NULL. */
const vft_op *vft_step_op(const vft_step *step, const char *name);

#endif
