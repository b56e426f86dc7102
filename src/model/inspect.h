/* What a model file's header says, in words: for `vft inspect`. */
#ifndef VFT_MODEL_INSPECT_H
#define VFT_MODEL_INSPECT_H

#include <stdbool.h>
#include <stdio.h>

#include "base/status.h"

/* Does the file begin like a GGUF file or a safetensors file? */
bool vft_inspect_is_model(const char *path);

/* Prints container, key-values (arrays shortened), and name, type and shape of every tensor. The
 * format is decided by the first bytes.
 * Fails: VFT_USAGE (missing, malformed), VFT_RESOURCE. */
vft_status vft_inspect_model(const char *path, FILE *out) VFT_MUST_CHECK;

#endif
