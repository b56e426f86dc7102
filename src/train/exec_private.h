/* Shared by exec.c (storage, order) and exec_ops.c (arithmetic of the ops). */
#ifndef VFT_TRAIN_EXEC_PRIVATE_H
#define VFT_TRAIN_EXEC_PRIVATE_H

#include "train/exec.h"
#include "train/exec_term.h"

typedef struct {
  bool slab;   /* the array holds one index of axis 0 at a time */
  bool owned;  /* freed with the executor (not the trace's) */
  bool output; /* some op writes it */
  int bits;    /* |x| <= 2^(bits-1) by declared bounds */
  /* the same for the values last written at this index of axis 0 (narrower products) */
  uint32_t seen_at;
  int seen_bits; /* 0: not known */
} vft_exec_tensor;

struct vft_exec {
  const vft_step *step;
  vft_exec_mode mode;
  vft_array *array;
  vft_exec_tensor *info;
  uint32_t *hot; /* per tensor: number of the ONEHOT op whose `out` it is, or UINT32_MAX */
  vft_trace trace;
  int32_t *table[VFT_STEP_TABLES]; /* step->tables as int32 */
  int64_t *acc, *side; /* expression; base or divisor */
  size_t acc_points, side_points;
  vft_scratch scratch;
  vft_exec_hook hook;
  void *hook_ctx;
};

/* Runs iteration i of the op. */
vft_status vft_exec_op(vft_exec *exec, const vft_op *op, uint32_t i) VFT_MUST_CHECK;
/* Elements of the op's box for one iteration. */
size_t vft_exec_points(const vft_op *op);

#endif
