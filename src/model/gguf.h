/* GGUF v3 container: key-values and tensor table, checked and indexed. No tensor is decoded
 * here; everything points into the file's bytes. */
#ifndef VFT_MODEL_GGUF_H
#define VFT_MODEL_GGUF_H

#include "model/dequant.h"
#include "model/source.h"

typedef enum {
  VFT_GGUF_U8 = 0, VFT_GGUF_I8, VFT_GGUF_U16, VFT_GGUF_I16, VFT_GGUF_U32, VFT_GGUF_I32,
  VFT_GGUF_F32, VFT_GGUF_BOOL, VFT_GGUF_STRING, VFT_GGUF_ARRAY, VFT_GGUF_U64, VFT_GGUF_I64,
  VFT_GGUF_F64
} vft_gguf_type;
const char *vft_gguf_type_name(vft_gguf_type type);

typedef struct {
  vft_slice key;
  vft_gguf_type type;
  vft_gguf_type element; /* of an array; never VFT_GGUF_ARRAY */
  uint64_t count;        /* elements of an array, 1 otherwise */
  const uint8_t *data;   /* the value, or the first element; checked to lie in the file */
  size_t bytes;
} vft_gguf_kv;

typedef struct {
  vft_slice name;
  int dims;          /* 1..4 */
  uint64_t shape[4]; /* row-major order, as in safetensors: slowest axis first */
  uint64_t elements;
  uint32_t ggml_type;
  vft_dtype dtype;   /* UNSUPPORTED for types that are known but not read */
  const uint8_t *data;
  size_t bytes;
} vft_gguf_tensor;

typedef struct vft_gguf {
  const char *name; /* used in messages; the caller's */
  vft_gguf_kv *kv;  /* in file order */
  size_t kvs;
  vft_gguf_tensor *tensor; /* in file order */
  size_t tensors;
  size_t *kv_by_key, *tensor_by_name; /* permutations in bytewise order */
} vft_gguf;

/* Name of a ggml type number, "unknown" for others. */
const char *vft_ggml_type_name(uint32_t type);

/* Checks magic and version, every length against the file, names (distinct), types, tensor sizes,
 * alignment, and that tensors do not overlap. The bytes must outlive *out.
 * Fails: VFT_USAGE, VFT_RESOURCE. */
vft_status vft_gguf_parse(const uint8_t *data, size_t size, const char *name,
                          vft_gguf *out) VFT_MUST_CHECK;
void vft_gguf_free(vft_gguf *file);

/* NULL when absent. */
const vft_gguf_kv *vft_gguf_find(const vft_gguf *file, const char *key);
const vft_gguf_tensor *vft_gguf_find_tensor(const vft_gguf *file, vft_slice name);

/* Typed access. *found says whether the key is there (value untouched when not); a key of
 * another type is an error. Integers of any width are accepted for int64, f32 and f64 for
 * float64. Fails: VFT_USAGE. */
vft_status vft_gguf_get_int(const vft_gguf *file, const char *key, int64_t *value, bool *found);
vft_status vft_gguf_get_float(const vft_gguf *file, const char *key, double *value, bool *found);
vft_status vft_gguf_get_string(const vft_gguf *file, const char *key, vft_slice *value,
                               bool *found);
vft_status vft_gguf_get_bool(const vft_gguf *file, const char *key, bool *value, bool *found);

/* Walks an array of strings: start with *at = kv->data, call kv->count times.
 * Requires: element type VFT_GGUF_STRING. */
vft_slice vft_gguf_next_string(const uint8_t **at);
/* Element `index` of an integer array as int64. Requires: integer element type, index < count. */
int64_t vft_gguf_int_at(const vft_gguf_kv *kv, uint64_t index);
bool vft_gguf_is_integer(vft_gguf_type type);

#endif
