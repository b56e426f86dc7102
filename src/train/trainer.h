/* Training and evaluation with the integer step: state in, batch in, state out. */
#ifndef VFT_TRAIN_TRAINER_H
#define VFT_TRAIN_TRAINER_H

#include "hash/poseidon.h"
#include "program/step.h"
#include "program/weights.h"
#include "train/exec.h"

/* One LoRA matrix (A: [layers][rank][in], B: [layers][out][rank]) as integers. */
typedef struct {
  size_t count;
  int64_t *master; /* frac f_s + 8; the released working copy is floor((master + 2^7) / 2^8) */
  int32_t *m;      /* first moment */
  int64_t *v;      /* second moment */
} vft_state_matrix;

/* matrix[p][0] = A, [p][1] = B; count 0 where projection p is not adapted. */
typedef struct {
  vft_state_matrix matrix[VFT_PROJECTIONS][2];
} vft_state;

/* All zero. Fails VFT_RESOURCE. */
vft_status vft_state_alloc(const vft_step_shape *shape, vft_state *out) VFT_MUST_CHECK;
void vft_state_free(vft_state *state);
/* Sets the master of a matrix from working copies (low bits in the middle of their range). */
void vft_state_set_working(vft_state_matrix *matrix, const int32_t *working);
void vft_state_get_working(const vft_state_matrix *matrix, int32_t *working);
/* Links of state: limb tensors of one side (step->in or step->next) from or to the values. */
vft_status vft_state_supply(const vft_step *step, const vft_state *state, vft_exec *exec,
                            void **storage) VFT_MUST_CHECK; /* *storage: vft_free after the run */
void vft_state_read(const vft_step *step, const vft_exec *exec, vft_state *state);

/* What binds a batch to its epoch: per sequence the number of tokens and the digest of the raw text
 * (data/leaf.h); the digests of all rows of the epoch (program/epoch.h), at
 * step * rows_slots(sequences) + row, zeros elsewhere. */
typedef struct {
  const uint32_t *tokens;
  const uint8_t (*raw)[32];
  const vft_poseidon_digest *list;
} vft_train_rows;

/* [sequences][positions] token ids, labels (label i = input i + 1 where both exist), 0/1 mask of
 * the labels that count. */
typedef struct {
  const int64_t *input, *label, *mask;
  const vft_train_rows *rows; /* for traces of a step that binds its batch; else NULL */
} vft_train_batch;

typedef struct {
  double loss;      /* mean over the loss tokens, from the integer logits; display only */
  size_t tokens;    /* loss tokens */
  double grad_norm; /* of the mean gradient, before clipping; 0 when clipping is off */
  int clipped;
} vft_train_report;

/* What the model says of one label. Display only: double arithmetic. */
typedef struct {
  double nll;        /* -log probability of the label */
  double confidence; /* probability of the most likely token */
  int correct;       /* it is the label */
} vft_token_score;

typedef struct vft_trainer vft_trainer;

/* step and weights must outlive the trainer. Fails VFT_RESOURCE. */
vft_status vft_trainer_new(const vft_step *step, const vft_weights *weights,
                           vft_trainer **out) VFT_MUST_CHECK;
void vft_trainer_free(vft_trainer *trainer);

/* One step: `state` becomes the next one; unchanged on failure. `inputs`: elements of the
 * program's per-step PUBLIC tensors by tensor id (NULL elsewhere).
 * Fails VFT_USAGE (a token id out of range, no values), VFT_RESOURCE (overflow, memory). */
vft_status vft_trainer_step(vft_trainer *trainer, vft_state *state, const vft_train_batch *batch,
                            int64_t *const *inputs, vft_train_report *report) VFT_MUST_CHECK;
/* Forward pass only: scores[sequences * positions], filled where mask is 1. */
vft_status vft_trainer_evaluate(vft_trainer *trainer, const vft_state *state,
                                const vft_train_batch *batch, vft_token_score *scores)
    VFT_MUST_CHECK;

/* The same step with its complete trace, for proving: *exec holds it (vft_exec_trace), *storage
 * the incoming limbs; both live until the caller frees them (vft_exec_free, vft_free). state and
 * batch are read only and must outlive the executor. */
vft_status vft_trainer_trace(const vft_step *step, const vft_weights *weights,
                             const vft_state *state, const vft_train_batch *batch,
                             int64_t *const *inputs, vft_exec **exec,
                             void **storage) VFT_MUST_CHECK;
/* The same for one part of the step. What other parts hand to it is taken from `trainer`, which
 * has just run the whole step on `batch` (vft_trainer_step) from the state `before`. */
vft_status vft_trainer_trace_part(const vft_trainer *trainer, const vft_step *part,
                                  const vft_weights *weights, const vft_state *before,
                                  const vft_train_batch *batch, int64_t *const *inputs,
                                  vft_exec **exec, void **storage) VFT_MUST_CHECK;

#endif
