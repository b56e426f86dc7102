/* Canonical safetensors writer (float32), for PEFT export.
 *
 * Canonical: tensors in bytewise order of name, data in that order without gaps; header JSON
 * without spaces, "__metadata__" first (keys sorted) when there is any, then the tensors with the
 * keys dtype, shape, data_offsets in that order; padded with spaces to a multiple of 8 bytes.
 * Equal tensors give equal files, so a file is checked by writing it anew. */
#ifndef VFT_MODEL_SAFETENSORS_WRITE_H
#define VFT_MODEL_SAFETENSORS_WRITE_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

typedef struct {
  const char *name; /* printable ASCII without quote and backslash, distinct */
  int dims;         /* 0..4 */
  uint64_t shape[4];
  const float *data; /* prod(shape) values */
} vft_safetensors_out;

typedef struct {
  const char *key, *value; /* UTF-8; keys distinct */
} vft_safetensors_meta;

/* Whole file in one block (vft_free). Requires: little-endian float32, as the format.
 * Fails: VFT_USAGE (bad name, duplicate), VFT_RESOURCE. */
vft_status vft_safetensors_encode(const vft_safetensors_out *tensors, size_t count,
                                  const vft_safetensors_meta *meta, size_t metas,
                                  uint8_t **bytes, size_t *length) VFT_MUST_CHECK;
/* Writes it to `path` through a temporary file renamed at the end (never half-written).
 * Fails: as above; VFT_RESOURCE when the disk refuses. */
vft_status vft_safetensors_write(const char *path, const vft_safetensors_out *tensors,
                                 size_t count, const vft_safetensors_meta *meta,
                                 size_t metas) VFT_MUST_CHECK;

#endif
