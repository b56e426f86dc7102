/* Portable kernel. Tiles of a and b are packed k-contiguous as int16 (or int32 when one operand is
 * wider), so that the inner loop is a dot product the compiler vectorises. */
#include "train/gemm.h"

#include <string.h>

#include "base/pool.h"

#pragma GCC optimize("O3")

enum { MC = 64, NC = 64, KC = 256 };

typedef struct {
  const vft_gemm_task *t;
  size_t mblocks, nblocks;
  int narrow; /* both operands fit int16 */
  int chunk;  /* int16 products that an int32 holds */
} job;

#define PACK(type_in, type_out)                                                           \
  {                                                                                       \
    const type_in *p = (const type_in *)src + offset;                                     \
    type_out *q = (type_out *)dst;                                                        \
    if (sk == 1) {                                                                        \
      for (size_t r = 0; r < rows; r++)                                                   \
        for (size_t k = 0; k < cols; k++) q[r * KC + k] = (type_out)p[(ptrdiff_t)r * sr + (ptrdiff_t)k]; \
    } else {                                                                              \
      for (size_t k = 0; k < cols; k++)                                                   \
        for (size_t r = 0; r < rows; r++)                                                 \
          q[r * KC + k] = (type_out)p[(ptrdiff_t)r * sr + (ptrdiff_t)k * sk];             \
    }                                                                                     \
    break;                                                                                \
  }

static void pack(void *dst, int narrow, const void *src, vft_dtype t, ptrdiff_t offset, size_t rows,
                 size_t cols, ptrdiff_t sr, ptrdiff_t sk) {
  if (narrow) {
    switch (t) {
      case VFT_I8: PACK(int8_t, int16_t)
      default: PACK(int16_t, int16_t)
    }
  } else {
    switch (t) {
      case VFT_I8: PACK(int8_t, int32_t)
      case VFT_I16: PACK(int16_t, int32_t)
      case VFT_U16: PACK(uint16_t, int32_t)
      default: PACK(int32_t, int32_t)
    }
  }
}

/* acc[i][j] += a_i . b_j over `cols` entries. Sums of up to `chunk` products of int16 stay inside
 * int32. */
static void tile16(int64_t *restrict acc, const int16_t *restrict a, const int16_t *restrict b,
                   size_t rows, size_t cols_b, size_t cols, size_t chunk) {
  for (size_t i = 0; i < rows; i++)
    for (size_t j = 0; j < cols_b; j++) {
      const int16_t *x = a + i * KC, *y = b + j * KC;
      int64_t total = 0;
      size_t k = 0;
      if (chunk >= 32) {
        for (; k + 32 <= cols; k += 32) {
          int32_t s = 0;
          for (int u = 0; u < 32; u++) s += (int32_t)x[k + u] * y[k + u];
          total += s;
        }
      } else if (chunk >= 8) {
        for (; k + 8 <= cols; k += 8) {
          int32_t s = 0;
          for (int u = 0; u < 8; u++) s += (int32_t)x[k + u] * y[k + u];
          total += s;
        }
      }
      for (; k < cols; k++) total += (int64_t)((int32_t)x[k] * y[k]);
      acc[i * NC + j] += total;
    }
}

static void tile32(int64_t *restrict acc, const int32_t *restrict a, const int32_t *restrict b,
                   size_t rows, size_t cols_b, size_t cols) {
  for (size_t i = 0; i < rows; i++)
    for (size_t j = 0; j < cols_b; j++) {
      const int32_t *x = a + i * KC, *y = b + j * KC;
      int64_t total = 0;
      for (size_t k = 0; k < cols; k++) total += (int64_t)x[k] * y[k];
      acc[i * NC + j] += total;
    }
}

/* One unit: an output tile of one outer product. */
static void unit(const job *w, size_t index) {
  const vft_gemm_task *t = w->t;
  int64_t acc[MC * NC];
  int32_t pa[MC * KC], pb[NC * KC];
  size_t nb = index % w->nblocks, mb = index / w->nblocks % w->mblocks;
  size_t o = index / w->nblocks / w->mblocks;
  ptrdiff_t oa = 0, ob = 0, oc = 0;
  for (uint32_t x = t->nouter; x-- > 0;) {
    ptrdiff_t at = (ptrdiff_t)(o % t->outer[x].n);
    o /= t->outer[x].n;
    oa += at * t->outer[x].a;
    ob += at * t->outer[x].b;
    oc += at * t->outer[x].c;
  }
  size_t i0 = mb * MC, j0 = nb * NC;
  size_t rows = t->m - i0 < MC ? t->m - i0 : MC, cols = t->n - j0 < NC ? t->n - j0 : NC;
  oa += (ptrdiff_t)i0 * t->am;
  ob += (ptrdiff_t)j0 * t->bn;
  oc += (ptrdiff_t)i0 * t->cm + (ptrdiff_t)j0 * t->cn;
  size_t sums = 1;
  for (uint32_t x = 0; x < t->nsum; x++) sums *= t->sum[x].n;
  memset(acc, 0, rows * NC * sizeof *acc);
  for (size_t s = 0; s < sums; s++) {
    ptrdiff_t sa = oa, sb = ob;
    size_t rest = s;
    for (uint32_t x = t->nsum; x-- > 0;) {
      ptrdiff_t at = (ptrdiff_t)(rest % t->sum[x].n);
      rest /= t->sum[x].n;
      sa += at * t->sum[x].a;
      sb += at * t->sum[x].b;
    }
    for (size_t k0 = 0; k0 < t->k; k0 += KC) {
      size_t kc = t->k - k0 < KC ? t->k - k0 : KC;
      pack(pa, w->narrow, t->a, t->ta, sa + (ptrdiff_t)k0 * t->ak, rows, kc, t->am, t->ak);
      pack(pb, w->narrow, t->b, t->tb, sb + (ptrdiff_t)k0 * t->bk, cols, kc, t->bn, t->bk);
      if (w->narrow)
        tile16(acc, (const int16_t *)pa, (const int16_t *)pb, rows, cols, kc, (size_t)w->chunk);
      else
        tile32(acc, pa, pb, rows, cols, kc);
    }
  }
  for (size_t i = 0; i < rows; i++) {
    int64_t *c = t->c + oc + (ptrdiff_t)i * t->cm;
    for (size_t j = 0; j < cols; j++) c[(ptrdiff_t)j * t->cn] += t->coef * acc[i * NC + j];
  }
}

static void body(void *ctx, size_t begin, size_t end) {
  for (size_t i = begin; i < end; i++) unit(ctx, i);
}

void vft_gemm(const vft_gemm_task *t) {
  job w = {.t = t, .mblocks = (t->m + MC - 1) / MC, .nblocks = (t->n + NC - 1) / NC};
  w.narrow = (t->ta == VFT_I8 || t->ta == VFT_I16) && (t->tb == VFT_I8 || t->tb == VFT_I16);
  /* |a b| <= 2^(abits + bbits - 2); a chunk's sum must stay below 2^31 */
  int spare = 30 - (t->abits + t->bbits - 2);
  w.chunk = spare < 0 ? 1 : spare > 16 ? 1 << 16 : 1 << spare;
  size_t units = w.mblocks * w.nblocks;
  for (uint32_t x = 0; x < t->nouter; x++) units *= t->outer[x].n;
  vft_parallel_for(units, 1, body, &w);
}
