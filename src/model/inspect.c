#include "model/inspect.h"

#include <string.h>

#include "model/gguf.h"
#include "model/safetensors.h"

/* Text of a file as one line: control characters and malformed bytes as '?'. */
static void print_text(FILE *out, vft_slice s, size_t most) {
  size_t n = s.n < most ? s.n : most;
  while (n < s.n && n > 0 && ((unsigned char)s.p[n] & 0xc0) == 0x80) n--;
  bool valid = vft_utf8_valid(s.p, n);
  for (size_t i = 0; i < n; i++) {
    unsigned char c = (unsigned char)s.p[i];
    if (c == '\n') fputs("\\n", out);
    else if (c < 0x20 || c == 0x7f || (c >= 0x80 && !valid)) fputc('?', out);
    else fputc(c, out);
  }
  if (n < s.n) fprintf(out, "... (%zu bytes)", s.n);
}

static uint64_t load(const uint8_t *p, size_t bytes) {
  uint64_t v = 0;
  for (size_t i = 0; i < bytes; i++) v |= (uint64_t)p[i] << (8 * i);
  return v;
}

static void print_scalar(FILE *out, const vft_gguf_kv *kv, uint64_t index, const uint8_t **at) {
  if (kv->element == VFT_GGUF_STRING) {
    print_text(out, vft_gguf_next_string(at), 200);
  } else if (kv->element == VFT_GGUF_F32) {
    uint32_t bits = (uint32_t)load(kv->data + 4 * index, 4);
    float f;
    memcpy(&f, &bits, sizeof f);
    fprintf(out, "%.9g", (double)f);
  } else if (kv->element == VFT_GGUF_F64) {
    uint64_t bits = load(kv->data + 8 * index, 8);
    double f;
    memcpy(&f, &bits, sizeof f);
    fprintf(out, "%.17g", f);
  } else if (kv->element == VFT_GGUF_BOOL) {
    fputs(kv->data[index] ? "true" : "false", out);
  } else if (kv->element == VFT_GGUF_U64) {
    fprintf(out, "%llu", (unsigned long long)vft_gguf_int_at(kv, index));
  } else {
    fprintf(out, "%lld", (long long)vft_gguf_int_at(kv, index));
  }
}

static void print_shape(FILE *out, int dims, const uint64_t *shape) {
  for (int i = 0; i < dims; i++)
    fprintf(out, i ? " x %llu" : "%llu", (unsigned long long)shape[i]);
  if (!dims) fputs("scalar", out);
}

static vft_status print_gguf(const vft_source *file, FILE *out) {
  vft_gguf g;
  TRY(vft_gguf_parse(file->data, file->size, file->path, &g));
  uint64_t elements = 0;
  for (size_t i = 0; i < g.tensors; i++) elements += g.tensor[i].elements;
  fprintf(out, "GGUF version 3, %zu bytes: %zu keys, %zu tensors, %llu values\n", file->size,
          g.kvs, g.tensors, (unsigned long long)elements);
  for (size_t i = 0; i < g.kvs; i++) {
    const vft_gguf_kv *kv = &g.kv[i];
    const uint8_t *at = kv->data;
    enum { SHOWN = 6 };
    fputs("  ", out);
    print_text(out, kv->key, 100);
    if (kv->type == VFT_GGUF_ARRAY)
      fprintf(out, " (%llu x %s)", (unsigned long long)kv->count,
              vft_gguf_type_name(kv->element));
    else fprintf(out, " (%s)", vft_gguf_type_name(kv->type));
    fputs(" = ", out);
    for (uint64_t k = 0; k < kv->count && k < SHOWN; k++) {
      if (k) fputs(", ", out);
      print_scalar(out, kv, k, &at);
    }
    fputs(kv->count > SHOWN ? ", ...\n" : "\n", out);
  }
  for (size_t i = 0; i < g.tensors; i++) {
    const vft_gguf_tensor *t = &g.tensor[i];
    fputs("  ", out);
    print_text(out, t->name, 100);
    fprintf(out, "  %s  ", vft_ggml_type_name(t->ggml_type));
    print_shape(out, t->dims, t->shape);
    fprintf(out, "%s\n", t->dtype == VFT_DTYPE_UNSUPPORTED ? "  (this type is not read)" : "");
  }
  vft_gguf_free(&g);
  return VFT_OK;
}

static vft_status print_safetensors(const vft_source *file, FILE *out) {
  vft_safetensors s;
  TRY(vft_safetensors_parse(file->data, file->size, file->path, &s));
  uint64_t elements = 0;
  for (size_t i = 0; i < s.tensors; i++) elements += s.tensor[i].elements;
  fprintf(out, "safetensors, %zu bytes: %zu tensors, %llu values\n", file->size, s.tensors,
          (unsigned long long)elements);
  for (size_t i = 0; i < s.metas; i++) {
    fputs("  metadata ", out);
    print_text(out, (vft_slice){s.meta[i].key, strlen(s.meta[i].key)}, 100);
    fputs(" = ", out);
    print_text(out, (vft_slice){s.meta[i].value, strlen(s.meta[i].value)}, 200);
    fputc('\n', out);
  }
  for (size_t i = 0; i < s.tensors; i++) {
    const vft_safetensors_tensor *t = &s.tensor[i];
    fputs("  ", out);
    print_text(out, t->name, 100);
    fprintf(out, "  %s  ", t->type);
    print_shape(out, t->dims, t->shape);
    fprintf(out, "%s\n", t->dtype == VFT_DTYPE_UNSUPPORTED ? "  (this type is not read)" : "");
  }
  vft_safetensors_free(&s);
  return VFT_OK;
}

static bool begins_gguf(const vft_source *f) {
  return f->size >= 4 && !memcmp(f->data, "GGUF", 4);
}

/* A header length that fits, then the brace of a JSON object. */
static bool begins_safetensors(const vft_source *f) {
  return f->size >= 9 && f->data[8] == '{' && load(f->data, 8) <= f->size - 8;
}

bool vft_inspect_is_model(const char *path) {
  vft_source file;
  if (vft_source_open(path, &file) != VFT_OK) return false;
  bool is = begins_gguf(&file) || begins_safetensors(&file);
  vft_source_close(&file);
  return is;
}

vft_status vft_inspect_model(const char *path, FILE *out) {
  vft_source file;
  TRY(vft_source_open(path, &file));
  vft_status st;
  if (begins_gguf(&file)) st = print_gguf(&file, out);
  else st = print_safetensors(&file, out);
  vft_source_close(&file);
  return st;
}
