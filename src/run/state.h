/* The state of a run in progress: start, checkpoints, released adapter. */
#ifndef VFT_RUN_STATE_H
#define VFT_RUN_STATE_H

#include "model/peft.h"
#include "run/checkpoint.h"
#include "run/plan.h"
#include "train/trainer.h"

enum { VFT_STATE_ARRAYS = VFT_PROJECTIONS * 2 * 3 };
/* Views of the state's arrays in checkpoint order; returns their number. */
size_t vft_state_arrays(const vft_state *state, vft_state_array array[VFT_STATE_ARRAYS]);

/* Every how many steps a checkpoint is kept: all of them together stay below half a gigabyte. */
uint64_t vft_state_interval(const vft_plan *plan);
/* Bytes of all checkpoints of a run, one of them twice while it is written, and of the adapter. */
uint64_t vft_state_disk(const vft_plan *plan);

/* The declared start. Requires vft_state_alloc. Fails: VFT_RESOURCE. */
VFT_MUST_CHECK vft_status vft_state_start(const vft_plan *plan, vft_state *state);
/* State after `step` steps, from RUN's checkpoint (step 0: the start). */
VFT_MUST_CHECK vft_status vft_state_load(const vft_plan *plan, const char *run, uint64_t step,
                                         vft_state *state);
VFT_MUST_CHECK vft_status vft_state_save(const vft_plan *plan, const char *run, uint64_t step,
                                         const vft_state *state);
/* The working copies, rank, alpha and targets; vft_adapter_free. */
VFT_MUST_CHECK vft_status vft_state_adapter(const vft_plan *plan, const vft_state *state,
                                            vft_adapter *adapter);

/* Executes step t in training mode: state becomes that after t + 1 steps. */
typedef struct {
  const vft_plan *plan;
  vft_trainer *trainer;
  vft_batch batch; /* of the last step */
} vft_engine;
VFT_MUST_CHECK vft_status vft_engine_init(vft_engine *engine, const vft_plan *plan);
void vft_engine_free(vft_engine *engine);
VFT_MUST_CHECK vft_status vft_engine_step(vft_engine *engine, uint64_t t, vft_state *state,
                                          vft_train_report *report);

#endif
