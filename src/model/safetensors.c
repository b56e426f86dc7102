#include "model/safetensors.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_HEADER = 1 << 26, MAX_TENSORS = 1 << 16 };

static const struct {
  const char *name;
  uint8_t bytes, dtype;
} types[] = {
    {"F32", 4, VFT_DTYPE_F32},         {"F16", 2, VFT_DTYPE_F16},
    {"BF16", 2, VFT_DTYPE_BF16},       {"F64", 8, VFT_DTYPE_UNSUPPORTED},
    {"I64", 8, VFT_DTYPE_UNSUPPORTED}, {"U64", 8, VFT_DTYPE_UNSUPPORTED},
    {"I32", 4, VFT_DTYPE_UNSUPPORTED}, {"U32", 4, VFT_DTYPE_UNSUPPORTED},
    {"I16", 2, VFT_DTYPE_UNSUPPORTED}, {"U16", 2, VFT_DTYPE_UNSUPPORTED},
    {"I8", 1, VFT_DTYPE_UNSUPPORTED},  {"U8", 1, VFT_DTYPE_UNSUPPORTED},
    {"BOOL", 1, VFT_DTYPE_UNSUPPORTED}, {"F8_E4M3", 1, VFT_DTYPE_UNSUPPORTED},
    {"F8_E5M2", 1, VFT_DTYPE_UNSUPPORTED},
};

static vft_status bad_entry(const vft_safetensors *f, const char *key, const char *what) {
  return vft_fail(VFT_USAGE, "%s: tensor '%s': %s", f->name,
                  vft_show((vft_slice){key, strlen(key)}).text, what);
}

static vft_status parse_entry(vft_safetensors *f, const char *key, const json_t *entry,
                              const uint8_t *base, size_t size, vft_safetensors_tensor *t) {
  if (!json_is_object(entry)) return bad_entry(f, key, "its header entry is not an object");
  const char *type = json_string_value(json_object_get(entry, "dtype"));
  const json_t *shape = json_object_get(entry, "shape");
  const json_t *place = json_object_get(entry, "data_offsets");
  if (!type) return bad_entry(f, key, "field dtype is missing or not a string");
  if (!json_is_array(shape) || json_array_size(shape) > 8)
    return bad_entry(f, key, "field shape is missing or not an array of at most 8 lengths");
  if (!json_is_array(place) || json_array_size(place) != 2)
    return bad_entry(f, key, "field data_offsets is missing or not [begin, end]");
  if (json_object_size(entry) != 3)
    return bad_entry(f, key, "unknown field (expected dtype, shape, data_offsets)");
  int found = -1;
  for (size_t i = 0; i < sizeof types / sizeof *types; i++)
    if (!strcmp(type, types[i].name)) found = (int)i;
  if (found < 0)
    return vft_fail(VFT_USAGE, "%s: tensor '%s': unknown dtype '%s'", f->name,
                    vft_show((vft_slice){key, strlen(key)}).text,
                    vft_show((vft_slice){type, strlen(type)}).text);
  t->type = types[found].name;
  t->dtype = (vft_dtype)types[found].dtype;
  t->dims = (int)json_array_size(shape);
  t->elements = 1;
  for (int k = 0; k < t->dims; k++) {
    const json_t *length = json_array_get(shape, (size_t)k);
    if (!json_is_integer(length) || json_integer_value(length) < 0)
      return bad_entry(f, key, "a length in shape is not a natural number");
    t->shape[k] = (uint64_t)json_integer_value(length);
    if (__builtin_mul_overflow(t->elements, t->shape[k], &t->elements) ||
        t->elements > (uint64_t)1 << 48)
      return bad_entry(f, key, "impossible shape");
  }
  const json_t *first = json_array_get(place, 0), *last = json_array_get(place, 1);
  if (!json_is_integer(first) || !json_is_integer(last) || json_integer_value(first) < 0 ||
      json_integer_value(last) < json_integer_value(first))
    return bad_entry(f, key, "data_offsets are not two ordered natural numbers");
  uint64_t begin = (uint64_t)json_integer_value(first), end = (uint64_t)json_integer_value(last);
  if (end > size)
    return vft_fail(VFT_USAGE, "%s: the file ends before tensor '%s' is complete; fetch it again",
                    f->name, vft_show((vft_slice){key, strlen(key)}).text);
  if (end - begin != t->elements * types[found].bytes)
    return bad_entry(f, key, "shape and dtype do not agree with data_offsets");
  t->data = base + begin;
  t->bytes = (size_t)(end - begin);
  size_t n = strlen(key);
  char *copy = vft_arena_alloc(&f->arena, n + 1, 1);
  if (!copy) return VFT_RESOURCE;
  memcpy(copy, key, n + 1);
  t->name = (vft_slice){copy, n};
  return VFT_OK;
}

static vft_status parse_meta(vft_safetensors *f, json_t *meta) {
  if (!json_is_object(meta))
    return vft_fail(VFT_USAGE, "%s: __metadata__ is not an object", f->name);
  f->meta = vft_arena_alloc(&f->arena, json_object_size(meta), sizeof *f->meta);
  if (!f->meta) return VFT_RESOURCE;
  const char *key;
  json_t *value;
  json_object_foreach(meta, key, value) {
    if (!json_is_string(value))
      return vft_fail(VFT_USAGE, "%s: a value in __metadata__ is not a string", f->name);
    vft_safetensors_pair *pair = &f->meta[f->metas++];
    pair->key = vft_arena_strdup(&f->arena, key);
    pair->value = vft_arena_strdup(&f->arena, json_string_value(value));
    if (!pair->key || !pair->value) return VFT_RESOURCE;
  }
  return VFT_OK;
}

/* By place; empty tensors before the one that begins where they stand. */
static int compare_place(const void *a, const void *b) {
  const vft_safetensors_tensor *x = a, *y = b;
  if (x->data != y->data) return x->data < y->data ? -1 : 1;
  return (x->bytes > y->bytes) - (x->bytes < y->bytes);
}

static int compare_name(const void *a, const void *b) {
  return vft_slice_compare(((const vft_safetensors_tensor *)a)->name,
                           ((const vft_safetensors_tensor *)b)->name);
}

static vft_status parse_header(vft_safetensors *f, json_t *root, const uint8_t *base,
                               size_t size) {
  if (!json_is_object(root))
    return vft_fail(VFT_USAGE, "%s: the header is not a JSON object", f->name);
  if (json_object_size(root) > MAX_TENSORS)
    return vft_fail(VFT_USAGE, "%s: more than %d tensors", f->name, MAX_TENSORS);
  f->tensor = vft_arena_alloc(&f->arena, json_object_size(root) + 1, sizeof *f->tensor);
  if (!f->tensor) return VFT_RESOURCE;
  const char *key;
  json_t *entry;
  json_object_foreach(root, key, entry) {
    if (!strcmp(key, "__metadata__")) TRY(parse_meta(f, entry));
    else TRY(parse_entry(f, key, entry, base, size, &f->tensor[f->tensors++]));
  }
  qsort(f->tensor, f->tensors, sizeof *f->tensor, compare_place);
  const uint8_t *filled = base;
  for (size_t i = 0; i < f->tensors; i++) {
    const vft_safetensors_tensor *t = &f->tensor[i];
    if (t->data < filled)
      return vft_fail(VFT_USAGE, "%s: tensor '%s' overlaps the one before it", f->name,
                      vft_show(t->name).text);
    if (t->data > filled)
      return vft_fail(VFT_USAGE, "%s: unused bytes before tensor '%s'", f->name,
                      vft_show(t->name).text);
    filled = t->data + t->bytes;
  }
  if (filled != base + size)
    return vft_fail(VFT_USAGE, "%s: %zu unused bytes after the last tensor", f->name,
                    (size_t)(base + size - filled));
  qsort(f->tensor, f->tensors, sizeof *f->tensor, compare_name);
  return VFT_OK;
}

vft_status vft_safetensors_parse(const uint8_t *data, size_t size, const char *name,
                                 vft_safetensors *out) {
  *out = (vft_safetensors){.name = name};
  if (size < 8)
    return vft_fail(VFT_USAGE, "%s: the file ends inside its header; fetch it again", name);
  uint64_t length = 0;
  for (int i = 0; i < 8; i++) length |= (uint64_t)data[i] << (8 * i);
  if (length > MAX_HEADER)
    return vft_fail(VFT_USAGE, "%s: header of %llu bytes announced, at most %d expected: not a "
                    "safetensors file", name, (unsigned long long)length, MAX_HEADER);
  if (length > size - 8)
    return vft_fail(VFT_USAGE, "%s: the file ends inside its header; fetch it again", name);
  json_error_t error;
  json_t *root = json_loadb((const char *)data + 8, (size_t)length, JSON_REJECT_DUPLICATES,
                            &error);
  if (!root)
    return vft_fail(VFT_USAGE, "%s: malformed header: %s (byte %d)", name,
                    vft_show((vft_slice){error.text, strlen(error.text)}).text, error.position);
  vft_status st = parse_header(out, root, data + 8 + length, size - 8 - (size_t)length);
  json_decref(root);
  if (st != VFT_OK) vft_safetensors_free(out);
  return st;
}

void vft_safetensors_free(vft_safetensors *file) {
  vft_arena_free(&file->arena);
  *file = (vft_safetensors){0};
}

const vft_safetensors_tensor *vft_safetensors_find(const vft_safetensors *file, vft_slice name) {
  for (size_t low = 0, high = file->tensors; low < high;) {
    size_t mid = (low + high) / 2;
    int c = vft_slice_compare(name, file->tensor[mid].name);
    if (c == 0) return &file->tensor[mid];
    if (c < 0) high = mid;
    else low = mid + 1;
  }
  return NULL;
}
