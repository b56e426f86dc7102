/* safetensors container: header checked and indexed. No tensor is decoded here. */
#ifndef VFT_MODEL_SAFETENSORS_H
#define VFT_MODEL_SAFETENSORS_H

#include "base/mem.h"
#include "model/dequant.h"
#include "model/source.h"

typedef struct {
  vft_slice name;       /* UTF-8, NUL-terminated in the arena */
  const char *type;     /* as written: "F32", "BF16", "I64", ... */
  vft_dtype dtype;      /* UNSUPPORTED for types that are known but not read */
  int dims;             /* 0..8 */
  uint64_t shape[8];
  uint64_t elements;
  const uint8_t *data;
  size_t bytes;
} vft_safetensors_tensor;

typedef struct {
  const char *key, *value;
} vft_safetensors_pair;

typedef struct {
  const char *name;               /* used in messages; the caller's */
  vft_safetensors_tensor *tensor; /* bytewise order of name */
  size_t tensors;
  vft_safetensors_pair *meta; /* in file order */
  size_t metas;
  vft_arena arena;
} vft_safetensors;

/* Checks header length, JSON, every entry's dtype, shape and offsets, that the tensors fill the
 * data section without gap or overlap, and that names are distinct. The bytes must outlive *out.
 * Fails: VFT_USAGE, VFT_RESOURCE. */
vft_status vft_safetensors_parse(const uint8_t *data, size_t size, const char *name,
                                 vft_safetensors *out) VFT_MUST_CHECK;
void vft_safetensors_free(vft_safetensors *file);
/* NULL when absent. */
const vft_safetensors_tensor *vft_safetensors_find(const vft_safetensors *file, vft_slice name);

#endif
