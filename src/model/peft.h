/* The released adapter as a Hugging Face PEFT folder, in canonical bytes.
 *
 * An adapter is integers: the working copies S of A and B with VFT_ADAPTER_FRAC fraction bits,
 * |S| < 2^21, so that every weight is exact in float32. The folder holds adapter_config.json and
 * adapter_model.safetensors; equal adapters give equal files. Reading accepts exactly the
 * canonical bytes: the files are parsed, and what writing the parsed adapter would give must be
 * what was read, so that an extra tensor, metadata entry or configuration key, a changed rank,
 * alpha or target, or a weight that is no multiple of 2^-20, is refused. */
#ifndef VFT_MODEL_PEFT_H
#define VFT_MODEL_PEFT_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

enum { VFT_ADAPTER_FRAC = 20, VFT_ADAPTER_BITS = 22, VFT_ADAPTER_PROJECTIONS = 7 };

typedef struct {
  int layers, rank, alpha;
  unsigned targets;                  /* bit p: projection p (q k v o gate up down) is adapted */
  int in[VFT_ADAPTER_PROJECTIONS];   /* input features of each projection */
  int out[VFT_ADAPTER_PROJECTIONS];
  int32_t *a[VFT_ADAPTER_PROJECTIONS]; /* [layers][rank][in], NULL when not adapted */
  int32_t *b[VFT_ADAPTER_PROJECTIONS]; /* [layers][out][rank] */
} vft_adapter;

/* Zero-filled arrays for the shape already set in layers, rank, targets, in, out. */
VFT_MUST_CHECK vft_status vft_adapter_alloc(vft_adapter *adapter);
void vft_adapter_free(vft_adapter *adapter);

/* Writes DIR (created when missing) through temporary files. Fails: VFT_RESOURCE, VFT_USAGE. */
VFT_MUST_CHECK vft_status vft_peft_write(const char *dir, const vft_adapter *adapter);

/* `shape` gives layers, in and out of the base model; rank, alpha and targets come from the
 * files. Fails: VFT_USAGE when a file is missing or unreadable; VFT_REJECTED
 * ("adapter/config", "adapter/tensors", "adapter/canonical") when it is not such an adapter. */
VFT_MUST_CHECK vft_status vft_peft_read(const char *dir, const vft_adapter *shape,
                                        vft_adapter *out);

#endif
