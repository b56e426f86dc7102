/* Executes the ops of a step on typed arrays. One executor serves training and proving:
 *   TRAIN  values only; tensors that live inside one layer (or sequence) share one slab;
 *   TRACE  every WITNESS and LINK tensor, limbs and remainders included, as a vft_trace.
 * The integers are the same in both. An overflow of a container stops the run (VFT_RESOURCE) with
 * the tensor's name, layer, value and a remedy; in TRAIN already, so that a finished step can be
 * proved. Results do not depend on the number of threads. */
#ifndef VFT_TRAIN_EXEC_H
#define VFT_TRAIN_EXEC_H

#include "program/step.h"

typedef enum { VFT_EXEC_TRAIN, VFT_EXEC_TRACE } vft_exec_mode;
typedef struct vft_exec vft_exec;

/* Called after op `op` ran iteration i (layer or sequence; 0 for ops without one). A failure
 * stops the run. Attack tests change outputs here (vft_exec_poke); later ops go on honestly. */
typedef vft_status (*vft_exec_hook)(void *ctx, vft_exec *exec, const vft_op *op, uint32_t i);

/* The step must outlive the executor. Fails VFT_RESOURCE. */
vft_status vft_exec_new(const vft_step *step, vft_exec_mode mode, vft_exec **out) VFT_MUST_CHECK;
void vft_exec_free(vft_exec *exec);

/* Bytes that a TRACE executor takes beside the arrays of the trace. */
size_t vft_exec_buffers(const vft_step *step);

/* Lets the executor read the caller's row-major array (ORACLE, input LINK, per-step PUBLIC
 * tensors). Function tables are supplied by vft_exec_new. */
void vft_exec_supply(vft_exec *exec, vft_tensor_id id, vft_dtype dtype, const void *data);
void vft_exec_set_hook(vft_exec *exec, vft_exec_hook hook, void *ctx);

/* Runs all ops, or with `forward_only` those needed for the logits. Fails VFT_USAGE (an input
 * tensor without values), VFT_RESOURCE (overflow, memory), or what the hook returns. */
vft_status vft_exec_run(vft_exec *exec, bool forward_only) VFT_MUST_CHECK;

/* Array of a tensor (data NULL: not computed in this mode). For tensors sharing a slab only the
 * current layer or sequence is there: index from vft_exec_slab. */
const vft_array *vft_exec_array(const vft_exec *exec, vft_tensor_id id);
/* Position of index 0 of slab i (layer or sequence) in the tensor's array. */
size_t vft_exec_slab(const vft_exec *exec, vft_tensor_id id, uint32_t i);
/* Sets an element; a wide value's limbs follow as far as they reach (the value modulo the limbs'
 * range). */
void vft_exec_poke(vft_exec *exec, vft_tensor_id id, size_t index, int64_t value);

/* TRACE: the trace, completed (virtual tensors, multiplicities). Fails VFT_USAGE, VFT_RESOURCE
 * (a lookup that is not a row: only after poking). The trace belongs to the executor. */
vft_status vft_exec_finish_trace(vft_exec *exec) VFT_MUST_CHECK;
vft_trace *vft_exec_trace(vft_exec *exec);

#endif
