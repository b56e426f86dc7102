/* Hyperparameters from a Hugging Face config.json. */
#ifndef VFT_MODEL_HF_CONFIG_H
#define VFT_MODEL_HF_CONFIG_H

#include "model/model.h"

/* Requires nothing of the text. Ensures: vft_arch_check holds.
 * Fails: VFT_USAGE for malformed JSON, another architecture, and every setting that changes the
 * computation in a way this project does not have (biases, rope scaling, another activation,
 * quantisation), naming the field. */
vft_status vft_hf_config_parse(const char *json, size_t length, const char *name,
                               vft_arch *out) VFT_MUST_CHECK;

#endif
