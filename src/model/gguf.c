#define _GNU_SOURCE /* qsort_r */
#include "model/gguf.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

enum { MAX_ENTRIES = 1 << 16, DEFAULT_ALIGNMENT = 32, MAX_ALIGNMENT = 1 << 20 };

/* Every ggml type has a name and a size (sizes of types not read serve the overlap check). */
static const struct {
  uint16_t number, block, bytes;
  uint8_t dtype;
  const char *name;
} ggml[] = {
    {0, 1, 4, VFT_DTYPE_F32, "F32"},
    {1, 1, 2, VFT_DTYPE_F16, "F16"},
    {2, 32, 18, VFT_DTYPE_Q4_0, "Q4_0"},
    {3, 32, 20, VFT_DTYPE_Q4_1, "Q4_1"},
    {6, 32, 22, VFT_DTYPE_UNSUPPORTED, "Q5_0"},
    {7, 32, 24, VFT_DTYPE_UNSUPPORTED, "Q5_1"},
    {8, 32, 34, VFT_DTYPE_Q8_0, "Q8_0"},
    {9, 32, 36, VFT_DTYPE_UNSUPPORTED, "Q8_1"},
    {10, 256, 84, VFT_DTYPE_UNSUPPORTED, "Q2_K"},
    {11, 256, 110, VFT_DTYPE_UNSUPPORTED, "Q3_K"},
    {12, 256, 144, VFT_DTYPE_UNSUPPORTED, "Q4_K"},
    {13, 256, 176, VFT_DTYPE_UNSUPPORTED, "Q5_K"},
    {14, 256, 210, VFT_DTYPE_UNSUPPORTED, "Q6_K"},
    {15, 256, 292, VFT_DTYPE_UNSUPPORTED, "Q8_K"},
    {16, 256, 66, VFT_DTYPE_UNSUPPORTED, "IQ2_XXS"},
    {17, 256, 74, VFT_DTYPE_UNSUPPORTED, "IQ2_XS"},
    {18, 256, 98, VFT_DTYPE_UNSUPPORTED, "IQ3_XXS"},
    {19, 256, 50, VFT_DTYPE_UNSUPPORTED, "IQ1_S"},
    {20, 32, 18, VFT_DTYPE_UNSUPPORTED, "IQ4_NL"},
    {21, 256, 110, VFT_DTYPE_UNSUPPORTED, "IQ3_S"},
    {22, 256, 82, VFT_DTYPE_UNSUPPORTED, "IQ2_S"},
    {23, 256, 136, VFT_DTYPE_UNSUPPORTED, "IQ4_XS"},
    {24, 1, 1, VFT_DTYPE_UNSUPPORTED, "I8"},
    {25, 1, 2, VFT_DTYPE_UNSUPPORTED, "I16"},
    {26, 1, 4, VFT_DTYPE_UNSUPPORTED, "I32"},
    {27, 1, 8, VFT_DTYPE_UNSUPPORTED, "I64"},
    {28, 1, 8, VFT_DTYPE_UNSUPPORTED, "F64"},
    {29, 256, 56, VFT_DTYPE_UNSUPPORTED, "IQ1_M"},
    {30, 1, 2, VFT_DTYPE_BF16, "BF16"},
    {34, 256, 54, VFT_DTYPE_UNSUPPORTED, "TQ1_0"},
    {35, 256, 66, VFT_DTYPE_UNSUPPORTED, "TQ2_0"},
    {39, 32, 17, VFT_DTYPE_UNSUPPORTED, "MXFP4"},
};

static const struct {
  const char *name;
  uint8_t bytes; /* 0: string or array */
} types[] = {
    [VFT_GGUF_U8] = {"u8", 1},         [VFT_GGUF_I8] = {"i8", 1},
    [VFT_GGUF_U16] = {"u16", 2},       [VFT_GGUF_I16] = {"i16", 2},
    [VFT_GGUF_U32] = {"u32", 4},       [VFT_GGUF_I32] = {"i32", 4},
    [VFT_GGUF_F32] = {"f32", 4},       [VFT_GGUF_BOOL] = {"bool", 1},
    [VFT_GGUF_STRING] = {"string", 0}, [VFT_GGUF_ARRAY] = {"array", 0},
    [VFT_GGUF_U64] = {"u64", 8},       [VFT_GGUF_I64] = {"i64", 8},
    [VFT_GGUF_F64] = {"f64", 8},
};
enum { TYPES = sizeof types / sizeof *types };

const char *vft_gguf_type_name(vft_gguf_type type) {
  return (unsigned)type < TYPES ? types[type].name : "unknown";
}

static int ggml_index(uint32_t type) {
  for (size_t i = 0; i < sizeof ggml / sizeof *ggml; i++)
    if (ggml[i].number == type) return (int)i;
  return -1;
}

const char *vft_ggml_type_name(uint32_t type) {
  int i = ggml_index(type);
  return i < 0 ? "unknown" : ggml[i].name;
}

bool vft_gguf_is_integer(vft_gguf_type type) {
  return type <= VFT_GGUF_I32 || type == VFT_GGUF_U64 || type == VFT_GGUF_I64;
}

static uint64_t load_le(const uint8_t *p, size_t bytes) {
  uint64_t v = 0;
  for (size_t i = 0; i < bytes; i++) v |= (uint64_t)p[i] << (8 * i);
  return v;
}

/* The unread part of the header. Every read checks its length first. */
typedef struct {
  const uint8_t *at, *end;
  const char *name;
} cursor;

static vft_status truncated(const cursor *c, const char *what) {
  (void)vft_fail(VFT_USAGE, "%s: the file ends inside %s; fetch it again", c->name, what);
  return VFT_USAGE;
}

static vft_status take(cursor *c, size_t bytes, const uint8_t **out, const char *what) {
  if ((size_t)(c->end - c->at) < bytes) return truncated(c, what);
  *out = c->at;
  c->at += bytes;
  return VFT_OK;
}

static vft_status take_int(cursor *c, size_t bytes, uint64_t *out, const char *what) {
  const uint8_t *p;
  TRY(take(c, bytes, &p, what));
  *out = load_le(p, bytes);
  return VFT_OK;
}

static vft_status take_string(cursor *c, vft_slice *out, const char *what) {
  uint64_t n;
  const uint8_t *p;
  TRY(take_int(c, 8, &n, what));
  if (n > (uint64_t)(c->end - c->at)) return truncated(c, what);
  TRY(take(c, (size_t)n, &p, what));
  *out = (vft_slice){(const char *)p, (size_t)n};
  return VFT_OK;
}

static vft_status parse_kv(cursor *c, vft_gguf_kv *kv) {
  uint64_t type;
  TRY(take_string(c, &kv->key, "a key"));
  vft_shown shown = vft_show(kv->key);
  TRY(take_int(c, 4, &type, "the type of a key"));
  kv->count = 1;
  kv->type = kv->element = (vft_gguf_type)type;
  if (type == VFT_GGUF_ARRAY) {
    TRY(take_int(c, 4, &type, "an array"));
    TRY(take_int(c, 8, &kv->count, "an array"));
    kv->element = (vft_gguf_type)type;
    if (type == VFT_GGUF_ARRAY)
      return vft_fail(VFT_USAGE, "%s: key '%s': arrays of arrays are not supported", c->name,
                      shown.text);
  }
  if (type >= TYPES)
    return vft_fail(VFT_USAGE, "%s: key '%s': unknown value type %llu (expected 0..12)", c->name,
                    shown.text, (unsigned long long)type);
  kv->data = c->at;
  if (type == VFT_GGUF_STRING) {
    vft_slice skipped;
    for (uint64_t i = 0; i < kv->count; i++) TRY(take_string(c, &skipped, "a string"));
  } else {
    size_t width = types[type].bytes;
    if (kv->count > (uint64_t)(c->end - c->at) / width) return truncated(c, "an array");
    c->at += (size_t)kv->count * width;
  }
  kv->bytes = (size_t)(c->at - kv->data);
  return VFT_OK;
}

/* Name, shape and type; data holds nothing yet, the offset comes back through *offset. */
static vft_status parse_tensor(cursor *c, vft_gguf_tensor *t, uint64_t *offset) {
  uint64_t dims, type;
  TRY(take_string(c, &t->name, "the tensor table"));
  vft_shown shown = vft_show(t->name);
  TRY(take_int(c, 4, &dims, "the tensor table"));
  if (dims < 1 || dims > 4)
    return vft_fail(VFT_USAGE, "%s: tensor '%s': %llu dimensions (expected 1..4)", c->name,
                    shown.text, (unsigned long long)dims);
  t->dims = (int)dims;
  t->elements = 1;
  for (int k = 0; k < t->dims; k++) { /* the file lists the fastest axis first */
    uint64_t length;
    TRY(take_int(c, 8, &length, "the tensor table"));
    t->shape[t->dims - 1 - k] = length;
    if (length == 0 || __builtin_mul_overflow(t->elements, length, &t->elements) ||
        t->elements > (uint64_t)1 << 48)
      return vft_fail(VFT_USAGE, "%s: tensor '%s': impossible shape", c->name, shown.text);
  }
  TRY(take_int(c, 4, &type, "the tensor table"));
  TRY(take_int(c, 8, offset, "the tensor table"));
  int index = ggml_index((uint32_t)type);
  if (index < 0)
    return vft_fail(VFT_USAGE, "%s: tensor '%s': unknown type number %llu", c->name, shown.text,
                    (unsigned long long)type);
  t->ggml_type = (uint32_t)type;
  t->dtype = (vft_dtype)ggml[index].dtype;
  uint64_t row = t->shape[t->dims - 1];
  if (row % ggml[index].block)
    return vft_fail(VFT_USAGE, "%s: tensor '%s': rows of %llu are not whole blocks of %s%s",
                    c->name, shown.text, (unsigned long long)row, ggml[index].name,
                    t->dtype == VFT_DTYPE_UNSUPPORTED ? ", which is not supported either" : "");
  t->bytes = (size_t)(t->elements / ggml[index].block * ggml[index].bytes); /* < 2^51 */
  return VFT_OK;
}

static int compare_kv(const void *a, const void *b, void *file) {
  const vft_gguf *f = file;
  return vft_slice_compare(f->kv[*(const size_t *)a].key, f->kv[*(const size_t *)b].key);
}

static int compare_tensor(const void *a, const void *b, void *file) {
  const vft_gguf *f = file;
  return vft_slice_compare(f->tensor[*(const size_t *)a].name,
                           f->tensor[*(const size_t *)b].name);
}

static int compare_place(const void *a, const void *b, void *file) {
  const vft_gguf *f = file;
  const uint8_t *x = f->tensor[*(const size_t *)a].data, *y = f->tensor[*(const size_t *)b].data;
  return (x > y) - (x < y);
}

static void count_up(size_t *index, size_t n) {
  for (size_t i = 0; i < n; i++) index[i] = i;
}

static vft_status place_tensors(vft_gguf *f, const uint64_t *offset, const uint8_t *data,
                                size_t size, size_t header) {
  int64_t alignment = DEFAULT_ALIGNMENT;
  bool found;
  TRY(vft_gguf_get_int(f, "general.alignment", &alignment, &found));
  if (alignment < 1 || alignment > MAX_ALIGNMENT || (alignment & (alignment - 1)))
    return vft_fail(VFT_USAGE, "%s: general.alignment is not a power of two below 2^20",
                    f->name);
  size_t start = (header + (size_t)alignment - 1) & ~((size_t)alignment - 1);
  for (size_t i = 0; i < f->tensors; i++) {
    vft_gguf_tensor *t = &f->tensor[i];
    vft_shown shown = vft_show(t->name);
    if (offset[i] % (uint64_t)alignment)
      return vft_fail(VFT_USAGE, "%s: tensor '%s': offset %llu is not a multiple of %lld",
                      f->name, shown.text, (unsigned long long)offset[i], (long long)alignment);
    if (start > size || offset[i] > size - start || t->bytes > size - start - offset[i])
      return vft_fail(VFT_USAGE,
                      "%s: the file ends before tensor '%s' (%zu bytes at offset %llu) is "
                      "complete; fetch it again",
                      f->name, shown.text, t->bytes, (unsigned long long)offset[i]);
    t->data = data + start + offset[i];
  }
  qsort_r(f->tensor_by_name, f->tensors, sizeof(size_t), compare_place, f);
  for (size_t i = 1; i < f->tensors; i++) {
    const vft_gguf_tensor *a = &f->tensor[f->tensor_by_name[i - 1]];
    const vft_gguf_tensor *b = &f->tensor[f->tensor_by_name[i]];
    if (a->data + a->bytes > b->data)
      return vft_fail(VFT_USAGE, "%s: tensors '%s' and '%s' overlap", f->name,
                      vft_show(a->name).text, vft_show(b->name).text);
  }
  return VFT_OK;
}

static vft_status parse(const uint8_t *data, size_t size, vft_gguf *f, uint64_t **offset) {
  cursor c = {data, data + size, f->name};
  const uint8_t *magic;
  uint64_t version, tensors, kvs;
  TRY(take(&c, 4, &magic, "its header"));
  if (memcmp(magic, "GGUF", 4))
    return vft_fail(VFT_USAGE, "%s: not a GGUF file (it does not begin with \"GGUF\")", f->name);
  TRY(take_int(&c, 4, &version, "its header"));
  if (version != 3)
    return vft_fail(VFT_USAGE, "%s: GGUF version %llu, expected 3; convert the file again",
                    f->name, (unsigned long long)version);
  TRY(take_int(&c, 8, &tensors, "its header"));
  TRY(take_int(&c, 8, &kvs, "its header"));
  /* Smallest entries: 13 bytes for a key-value, 32 for a tensor; so the tables below are at most
   * a few times the file. */
  size_t left = (size_t)(c.end - c.at);
  if (kvs > MAX_ENTRIES || tensors > MAX_ENTRIES)
    return vft_fail(VFT_USAGE, "%s: %llu keys and %llu tensors announced, at most %d expected",
                    f->name, (unsigned long long)kvs, (unsigned long long)tensors, MAX_ENTRIES);
  if (kvs > left / 13 || tensors > left / 32) return truncated(&c, "its header");
  f->kv = vft_alloc((size_t)kvs, sizeof *f->kv);
  f->kv_by_key = vft_alloc((size_t)kvs, sizeof(size_t));
  f->tensor = vft_alloc((size_t)tensors, sizeof *f->tensor);
  f->tensor_by_name = vft_alloc((size_t)tensors, sizeof(size_t));
  *offset = vft_alloc((size_t)tensors, sizeof **offset);
  if (!f->kv || !f->kv_by_key || !f->tensor || !f->tensor_by_name || !*offset)
    return VFT_RESOURCE;
  for (; f->kvs < kvs; f->kvs++) TRY(parse_kv(&c, &f->kv[f->kvs]));
  count_up(f->kv_by_key, f->kvs);
  qsort_r(f->kv_by_key, f->kvs, sizeof(size_t), compare_kv, f);
  for (size_t i = 1; i < f->kvs; i++)
    if (compare_kv(&f->kv_by_key[i - 1], &f->kv_by_key[i], f) == 0)
      return vft_fail(VFT_USAGE, "%s: key '%s' appears twice", f->name,
                      vft_show(f->kv[f->kv_by_key[i]].key).text);
  for (; f->tensors < tensors; f->tensors++)
    TRY(parse_tensor(&c, &f->tensor[f->tensors], &(*offset)[f->tensors]));
  count_up(f->tensor_by_name, f->tensors);
  TRY(place_tensors(f, *offset, data, size, (size_t)(c.at - data)));
  qsort_r(f->tensor_by_name, f->tensors, sizeof(size_t), compare_tensor, f);
  for (size_t i = 1; i < f->tensors; i++)
    if (compare_tensor(&f->tensor_by_name[i - 1], &f->tensor_by_name[i], f) == 0)
      return vft_fail(VFT_USAGE, "%s: tensor '%s' appears twice", f->name,
                      vft_show(f->tensor[f->tensor_by_name[i]].name).text);
  return VFT_OK;
}

vft_status vft_gguf_parse(const uint8_t *data, size_t size, const char *name, vft_gguf *out) {
  *out = (vft_gguf){.name = name};
  uint64_t *offset = NULL;
  vft_status st = parse(data, size, out, &offset);
  vft_free(offset);
  if (st != VFT_OK) vft_gguf_free(out);
  return st;
}

void vft_gguf_free(vft_gguf *file) {
  vft_free(file->kv);
  vft_free(file->kv_by_key);
  vft_free(file->tensor);
  vft_free(file->tensor_by_name);
  *file = (vft_gguf){0};
}

const vft_gguf_kv *vft_gguf_find(const vft_gguf *file, const char *key) {
  vft_slice wanted = {key, strlen(key)};
  for (size_t low = 0, high = file->kvs; low < high;) {
    size_t mid = (low + high) / 2;
    const vft_gguf_kv *kv = &file->kv[file->kv_by_key[mid]];
    int c = vft_slice_compare(wanted, kv->key);
    if (c == 0) return kv;
    if (c < 0) high = mid;
    else low = mid + 1;
  }
  return NULL;
}

const vft_gguf_tensor *vft_gguf_find_tensor(const vft_gguf *file, vft_slice name) {
  for (size_t low = 0, high = file->tensors; low < high;) {
    size_t mid = (low + high) / 2;
    const vft_gguf_tensor *t = &file->tensor[file->tensor_by_name[mid]];
    int c = vft_slice_compare(name, t->name);
    if (c == 0) return t;
    if (c < 0) high = mid;
    else low = mid + 1;
  }
  return NULL;
}

static vft_status wrong_type(const vft_gguf *file, const vft_gguf_kv *kv, const char *expected) {
  return vft_fail(VFT_USAGE, "%s: key '%s' has type %s, expected %s", file->name,
                  vft_show(kv->key).text, vft_gguf_type_name(kv->type), expected);
}

int64_t vft_gguf_int_at(const vft_gguf_kv *kv, uint64_t index) {
  size_t width = types[kv->element].bytes;
  uint64_t raw = load_le(kv->data + index * width, width);
  bool is_signed = kv->element == VFT_GGUF_I8 || kv->element == VFT_GGUF_I16 ||
                   kv->element == VFT_GGUF_I32 || kv->element == VFT_GGUF_I64;
  if (is_signed && width < 8 && raw >> (8 * width - 1)) raw |= ~(uint64_t)0 << (8 * width);
  return (int64_t)raw;
}

vft_status vft_gguf_get_int(const vft_gguf *file, const char *key, int64_t *value, bool *found) {
  const vft_gguf_kv *kv = vft_gguf_find(file, key);
  *found = kv != NULL;
  if (!kv) return VFT_OK;
  if (!vft_gguf_is_integer(kv->type)) return wrong_type(file, kv, "an integer");
  int64_t v = vft_gguf_int_at(kv, 0);
  if (kv->type == VFT_GGUF_U64 && v < 0)
    return vft_fail(VFT_USAGE, "%s: key '%s': value too large", file->name,
                    vft_show(kv->key).text);
  *value = v;
  return VFT_OK;
}

vft_status vft_gguf_get_float(const vft_gguf *file, const char *key, double *value,
                              bool *found) {
  const vft_gguf_kv *kv = vft_gguf_find(file, key);
  *found = kv != NULL;
  if (!kv) return VFT_OK;
  if (kv->type == VFT_GGUF_F32) {
    float f;
    uint32_t bits = (uint32_t)load_le(kv->data, 4);
    memcpy(&f, &bits, sizeof f);
    *value = (double)f;
  } else if (kv->type == VFT_GGUF_F64) {
    uint64_t bits = load_le(kv->data, 8);
    memcpy(value, &bits, sizeof bits);
  } else {
    return wrong_type(file, kv, "f32 or f64");
  }
  return VFT_OK;
}

vft_status vft_gguf_get_string(const vft_gguf *file, const char *key, vft_slice *value,
                               bool *found) {
  const vft_gguf_kv *kv = vft_gguf_find(file, key);
  *found = kv != NULL;
  if (!kv) return VFT_OK;
  if (kv->type != VFT_GGUF_STRING) return wrong_type(file, kv, "a string");
  const uint8_t *at = kv->data;
  *value = vft_gguf_next_string(&at);
  return VFT_OK;
}

vft_status vft_gguf_get_bool(const vft_gguf *file, const char *key, bool *value, bool *found) {
  const vft_gguf_kv *kv = vft_gguf_find(file, key);
  *found = kv != NULL;
  if (!kv) return VFT_OK;
  if (kv->type != VFT_GGUF_BOOL) return wrong_type(file, kv, "bool");
  *value = kv->data[0] != 0;
  return VFT_OK;
}

vft_slice vft_gguf_next_string(const uint8_t **at) {
  size_t n = (size_t)load_le(*at, 8);
  vft_slice s = {(const char *)*at + 8, n};
  *at += 8 + n;
  return s;
}
