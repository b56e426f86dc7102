#include "train/gemm.h"

#include <string.h>

#include "base/mem.h"
#include "base/pool.h"

enum { MT = 32, NT = 32, KT = 128 };

struct vft_gemm_packed {
  vft_gemm_operand operand;
  size_t bytes;
  void *data;
};

static int64_t element(const vft_gemm_operand *t, size_t b, size_t i, size_t k) {
  ptrdiff_t at = (ptrdiff_t)b * t->batch + (ptrdiff_t)i * t->row + (ptrdiff_t)k * t->k;
  switch (t->dtype) {
    case VFT_I8: return ((const int8_t *)t->data)[at];
    case VFT_I16: return ((const int16_t *)t->data)[at];
    case VFT_U16: return ((const uint16_t *)t->data)[at];
    case VFT_I32: return ((const int32_t *)t->data)[at];
    case VFT_I64: return ((const int64_t *)t->data)[at];
  }
  return 0;
}

typedef struct {
  const vft_gemm *g;
  vft_gemm_operand b;
  size_t mtiles, ntiles;
} job;

static size_t part(size_t total, size_t from, size_t most) {
  return total - from < most ? total - from : most;
}

static void tile(const job *t, size_t batch, size_t m0, size_t n0) {
  const vft_gemm *g = t->g;
  uint64_t acc[MT][NT], left[KT][MT], right[KT][NT];
  size_t ms = part(g->m, m0, MT), ns = part(g->n, n0, NT);
  memset(acc, 0, sizeof acc);
  for (size_t k0 = 0; k0 < g->k; k0 += KT) {
    size_t ks = part(g->k, k0, KT);
    for (size_t i = 0; i < ms; i++)
      for (size_t k = 0; k < ks; k++)
        left[k][i] = (uint64_t)element(&g->a, batch, m0 + i, k0 + k);
    for (size_t j = 0; j < NT; j++)
      for (size_t k = 0; k < ks; k++)
        right[k][j] = j < ns ? (uint64_t)element(&t->b, batch, n0 + j, k0 + k) : 0;
    for (size_t i = 0; i < ms; i++)
      for (size_t k = 0; k < ks; k++)
        for (size_t j = 0; j < NT; j++) acc[i][j] += left[k][i] * right[k][j];
  }
  for (size_t i = 0; i < ms; i++) {
    int64_t *c = g->c + (ptrdiff_t)batch * g->c_batch + (ptrdiff_t)(m0 + i) * g->c_row + n0;
    for (size_t j = 0; j < ns; j++) {
      uint64_t v = acc[i][j] * (uint64_t)g->scale;
      c[j] = (int64_t)(g->accumulate ? (uint64_t)c[j] + v : v);
    }
  }
}

static void tiles(void *ctx, size_t begin, size_t end) {
  const job *t = ctx;
  for (size_t i = begin; i < end; i++)
    tile(t, i / t->ntiles / t->mtiles, i / t->ntiles % t->mtiles * MT, i % t->ntiles * NT);
}

vft_status vft_gemm_run(const vft_gemm *g) {
  job t = {g, g->packed ? g->packed->operand : g->b, (g->m + MT - 1) / MT, (g->n + NT - 1) / NT};
  vft_parallel_for(g->batch * t.mtiles * t.ntiles, 1, tiles, &t);
  return VFT_OK;
}

vft_status vft_gemm_pack(vft_gemm_packed **out, const vft_gemm_operand *b, size_t batch, size_t n,
                         size_t k) {
  *out = NULL;
  vft_gemm_packed *p = vft_alloc(1, sizeof *p);
  if (!p) return VFT_RESOURCE;
  size_t size = vft_dtype_size(b->dtype);
  p->bytes = batch * n * k * size;
  p->data = vft_alloc_raw(batch * n * k, size);
  if (!p->data) {
    vft_free(p);
    return VFT_RESOURCE;
  }
  p->operand = (vft_gemm_operand){b->dtype, p->data, (ptrdiff_t)k, 1,
                                  batch == 1 ? 0 : (ptrdiff_t)(n * k)};
  for (size_t s = 0; s < batch; s++)
    for (size_t i = 0; i < n; i++)
      for (size_t j = 0; j < k; j++) {
        ptrdiff_t at = (ptrdiff_t)s * b->batch + (ptrdiff_t)i * b->row + (ptrdiff_t)j * b->k;
        memcpy((char *)p->data + ((s * n + i) * k + j) * size,
               (const char *)b->data + at * (ptrdiff_t)size, size);
      }
  *out = p;
  return VFT_OK;
}

void vft_gemm_packed_free(vft_gemm_packed *packed) {
  if (!packed) return;
  vft_free(packed->data);
  vft_free(packed);
}

size_t vft_gemm_packed_bytes(const vft_gemm_packed *packed) { return packed->bytes; }
