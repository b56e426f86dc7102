/* Hyperparameters from the key-values of a GGUF file. */
#ifndef VFT_MODEL_GGUF_ARCH_H
#define VFT_MODEL_GGUF_ARCH_H

#include "model/gguf.h"
#include "model/model.h"

/* Ensures: vft_arch_check holds; `vocab` is the number of rows of the embedding, `tied` says
 * that there is no output.weight.
 * Fails: VFT_USAGE for another architecture, a missing or ill-typed key, and every key of the
 * architecture that changes the computation in a way this project does not have. */
vft_status vft_gguf_arch(const vft_gguf *file, vft_arch *out) VFT_MUST_CHECK;

#endif
