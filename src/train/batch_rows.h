/* Witness of what binds a batch to the rows of its epoch (program/batch_rows.c). */
#ifndef VFT_TRAIN_BATCH_ROWS_H
#define VFT_TRAIN_BATCH_ROWS_H

#include "data/leaf.h"
#include "train/trainer.h"

/* Bytes of the arrays that a part's trace needs for it (0 for parts that do not bind the batch);
 * with exec: fills and supplies them from `block`. */
size_t vft_batch_rows_place(const vft_step *step, const vft_train_batch *batch, vft_exec *exec,
                            char *block);

#endif
