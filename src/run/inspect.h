/* What a file or folder of ours says, in words. */
#ifndef VFT_RUN_INSPECT_H
#define VFT_RUN_INSPECT_H

#include <stdio.h>

#include "base/status.h"

/* Manifest, step proof, oracle opening, certificate, checkpoint, PEFT folder, run folder, GGUF or
 * safetensors file; decided by its first bytes (a folder: by what is in it; a kept proof of an
 * aggregation: by its name).
 * Fails: VFT_USAGE (missing, unknown), VFT_REJECTED (malformed evidence), VFT_RESOURCE. */
VFT_MUST_CHECK vft_status vft_inspect(const char *path, FILE *out);

#endif
