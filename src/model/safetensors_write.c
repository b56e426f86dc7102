#include "model/safetensors_write.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "model/source.h"

/* Counts when bytes is NULL, writes otherwise. */
typedef struct {
  uint8_t *bytes;
  size_t count;
} writer;

static void put(writer *w, const char *text, size_t n) {
  if (w->bytes) memcpy(w->bytes + w->count, text, n);
  w->count += n;
}

static void put_text(writer *w, const char *text) { put(w, text, strlen(text)); }

static void put_number(writer *w, uint64_t v) {
  char digits[24];
  put(w, digits, (size_t)snprintf(digits, sizeof digits, "%llu", (unsigned long long)v));
}

static void put_string(writer *w, const char *s) {
  put_text(w, "\"");
  for (; *s; s++) {
    unsigned char c = (unsigned char)*s;
    char code[8];
    if (c == '"' || c == '\\') put_text(w, "\\");
    if (c < 0x20) put(w, code, (size_t)snprintf(code, sizeof code, "\\u%04x", c));
    else put(w, s, 1);
  }
  put_text(w, "\"");
}

static int compare_tensor(const void *a, const void *b) {
  const vft_safetensors_out *const *x = a, *const *y = b;
  return strcmp((*x)->name, (*y)->name);
}

static int compare_meta(const void *a, const void *b) {
  const vft_safetensors_meta *const *x = a, *const *y = b;
  return strcmp((*x)->key, (*y)->key);
}

typedef struct {
  const vft_safetensors_out **tensor;
  uint64_t *bytes;
  size_t tensors;
  const vft_safetensors_meta **meta;
  size_t metas;
} plan;

static vft_status check(plan *p) {
  qsort(p->tensor, p->tensors, sizeof *p->tensor, compare_tensor);
  qsort(p->meta, p->metas, sizeof *p->meta, compare_meta);
  for (size_t i = 0; i < p->tensors; i++) {
    const vft_safetensors_out *t = p->tensor[i];
    bool plain = *t->name != 0 && strcmp(t->name, "__metadata__");
    for (const char *c = t->name; *c; c++)
      plain = plain && *c >= 0x20 && *c < 0x7f && *c != '"' && *c != '\\';
    if (!plain || (i && !strcmp(t->name, p->tensor[i - 1]->name)))
      return vft_fail(VFT_USAGE, "tensor name '%s' is repeated or not plain ASCII",
                      vft_show((vft_slice){t->name, strlen(t->name)}).text);
    if (t->dims < 0 || t->dims > 4)
      return vft_fail(VFT_USAGE, "tensor '%s' has %d dimensions, expected 0..4", t->name,
                      t->dims);
    uint64_t bytes = 4;
    for (int k = 0; k < t->dims; k++)
      if (__builtin_mul_overflow(bytes, t->shape[k], &bytes) || bytes > (uint64_t)1 << 44)
        return vft_fail(VFT_USAGE, "tensor '%s' is too large", t->name);
    p->bytes[i] = bytes;
  }
  for (size_t i = 0; i < p->metas; i++)
    if (!vft_utf8_valid(p->meta[i]->key, strlen(p->meta[i]->key)) ||
        !vft_utf8_valid(p->meta[i]->value, strlen(p->meta[i]->value)) ||
        (i && !strcmp(p->meta[i]->key, p->meta[i - 1]->key)))
      return vft_fail(VFT_USAGE, "metadata key '%s' is repeated or not UTF-8",
                      vft_show((vft_slice){p->meta[i]->key, strlen(p->meta[i]->key)}).text);
  return VFT_OK;
}

static void put_header(writer *w, const plan *p) {
  uint64_t offset = 0;
  put_text(w, "{");
  if (p->metas) {
    put_text(w, "\"__metadata__\":{");
    for (size_t i = 0; i < p->metas; i++) {
      if (i) put_text(w, ",");
      put_string(w, p->meta[i]->key);
      put_text(w, ":");
      put_string(w, p->meta[i]->value);
    }
    put_text(w, "}");
  }
  for (size_t i = 0; i < p->tensors; i++) {
    const vft_safetensors_out *t = p->tensor[i];
    if (i || p->metas) put_text(w, ",");
    put_string(w, t->name);
    put_text(w, ":{\"dtype\":\"F32\",\"shape\":[");
    for (int k = 0; k < t->dims; k++) {
      if (k) put_text(w, ",");
      put_number(w, t->shape[k]);
    }
    put_text(w, "],\"data_offsets\":[");
    put_number(w, offset);
    put_text(w, ",");
    put_number(w, offset += p->bytes[i]);
    put_text(w, "]}");
  }
  put_text(w, "}");
  while (w->count % 8) put_text(w, " ");
}

static vft_status encode(const plan *p, uint8_t **bytes, size_t *length) {
  writer w = {NULL, 0};
  put_header(&w, p);
  size_t header = w.count, total = 8 + header;
  for (size_t i = 0; i < p->tensors; i++) total += (size_t)p->bytes[i];
  uint8_t *out = vft_alloc_raw(total, 1);
  if (!out) return VFT_RESOURCE;
  for (int k = 0; k < 8; k++) out[k] = (uint8_t)((uint64_t)header >> (8 * k));
  w = (writer){out + 8, 0};
  put_header(&w, p);
  uint8_t *at = out + 8 + header;
  for (size_t i = 0; i < p->tensors; i++)
    for (uint64_t k = 0; k < p->bytes[i] / 4; k++, at += 4) {
      uint32_t bits;
      memcpy(&bits, &p->tensor[i]->data[k], 4);
      at[0] = (uint8_t)bits;
      at[1] = (uint8_t)(bits >> 8);
      at[2] = (uint8_t)(bits >> 16);
      at[3] = (uint8_t)(bits >> 24);
    }
  *bytes = out;
  *length = total;
  return VFT_OK;
}

vft_status vft_safetensors_encode(const vft_safetensors_out *tensors, size_t count,
                                  const vft_safetensors_meta *meta, size_t metas,
                                  uint8_t **bytes, size_t *length) {
  *bytes = NULL;
  *length = 0;
  plan p = {vft_alloc(count, sizeof *p.tensor), vft_alloc(count, sizeof *p.bytes), count,
            vft_alloc(metas, sizeof *p.meta), metas};
  vft_status st = VFT_RESOURCE;
  if (p.tensor && p.bytes && p.meta) {
    for (size_t i = 0; i < count; i++) p.tensor[i] = &tensors[i];
    for (size_t i = 0; i < metas; i++) p.meta[i] = &meta[i];
    st = check(&p);
    if (st == VFT_OK) st = encode(&p, bytes, length);
  }
  vft_free(p.tensor);
  vft_free(p.bytes);
  vft_free(p.meta);
  return st;
}

static vft_status write_file(const char *path, const uint8_t *bytes, size_t length) {
  size_t n = strlen(path);
  char *temporary = vft_alloc_raw(n + 5, 1);
  if (!temporary) return VFT_RESOURCE;
  memcpy(temporary, path, n);
  memcpy(temporary + n, ".tmp", 5);
  vft_status st = VFT_OK;
  int fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (fd < 0) {
    st = vft_fail(VFT_RESOURCE, "%s: cannot be created: %s", temporary, strerror(errno));
    goto out;
  }
  for (size_t done = 0; done < length;) {
    ssize_t wrote = write(fd, bytes + done, length - done);
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote <= 0) {
      st = vft_fail(VFT_RESOURCE, "%s: writing failed: %s", temporary, strerror(errno));
      break;
    }
    done += (size_t)wrote;
  }
  if (st == VFT_OK && fsync(fd) != 0)
    st = vft_fail(VFT_RESOURCE, "%s: writing failed: %s", temporary, strerror(errno));
  close(fd);
  if (st == VFT_OK && rename(temporary, path) != 0)
    st = vft_fail(VFT_RESOURCE, "%s: cannot be put in place: %s", path, strerror(errno));
  if (st != VFT_OK) unlink(temporary);
out:
  vft_free(temporary);
  return st;
}

vft_status vft_safetensors_write(const char *path, const vft_safetensors_out *tensors,
                                 size_t count, const vft_safetensors_meta *meta, size_t metas) {
  uint8_t *bytes;
  size_t length;
  TRY(vft_safetensors_encode(tensors, count, meta, metas, &bytes, &length));
  vft_status st = write_file(path, bytes, length);
  vft_free(bytes);
  return st;
}
