/* A product of tensors summed over contracted indices is one of
 *   - a batched matrix product (two operands that share contracted indices),
 *   - rows of elementwise products, or dot products, over merged axes (everything else).
 * All arithmetic is exact in int64: the bound checker limits every term to 2^62. */
#include "train/exec_term.h"

#include <stdbool.h>
#include <string.h>

#include "base/mem.h"
#include "base/pool.h"
#include "train/gemm.h"
#include "train/rows.h"

enum { MAX_OPERANDS = VFT_MAX_FACTORS, TILE = 512 };

/* ---- typed rows ---- */

void vft_load(const void *data, vft_dtype t, size_t at, size_t n, int64_t *out) {
  vft_rows()->load(out, t, (const char *)data + at * vft_dtype_size(t), 1, n);
}

void vft_store(void *data, vft_dtype t, size_t at, size_t n, const int64_t *in) {
  vft_rows()->store((char *)data + at * vft_dtype_size(t), t, in, n);
}

static const void *address(const vft_operand *o, ptrdiff_t at) {
  return (const char *)o->data + at * (ptrdiff_t)vft_dtype_size(o->dtype);
}

static int64_t element(const vft_operand *o, ptrdiff_t at) {
  int64_t v;
  vft_rows()->load(&v, o->dtype, address(o, at), 1, 1);
  return v;
}

/* t = product over the operands of their elements at + i stride. */
static void row_product(const vft_operand *o, uint32_t count, const ptrdiff_t *at,
                        const ptrdiff_t *stride, size_t first, size_t n, int64_t *t) {
  const vft_rows_ops *rows = vft_rows();
  for (uint32_t k = 0; k < count; k++) {
    const void *x = address(&o[k], at[k] + (ptrdiff_t)first * stride[k]);
    if (k == 0)
      rows->load(t, o[k].dtype, x, stride[k], n);
    else
      rows->multiply(t, o[k].dtype, x, stride[k], n);
  }
}

/* ---- general rows ---- */

typedef struct {
  size_t n;
  ptrdiff_t stride[MAX_OPERANDS];
} axis;

typedef struct {
  const vft_operand *operand;
  uint32_t count, nfree, nsum;
  axis free[VFT_MAX_INDEX], sum[VFT_MAX_INDEX];
  size_t sums; /* combinations of the outer contracted axes (dot: without the last) */
  int64_t coef, *out;
} rows;

/* Appends an axis, or merges it into the last one when every operand walks both alike. */
static void push_axis(axis *list, uint32_t *n, const axis *a, uint32_t count) {
  if (*n) {
    axis *last = &list[*n - 1];
    bool merges = true;
    for (uint32_t k = 0; k < count; k++)
      merges = merges && last->stride[k] == a->stride[k] * (ptrdiff_t)a->n;
    if (merges) {
      last->n *= a->n;
      memcpy(last->stride, a->stride, sizeof last->stride);
      return;
    }
  }
  list[(*n)++] = *a;
}

static void locate(const axis *list, uint32_t n, size_t index, uint32_t count, ptrdiff_t *at) {
  for (uint32_t x = n; x-- > 0;) {
    size_t i = index % list[x].n;
    index /= list[x].n;
    for (uint32_t k = 0; k < count; k++) at[k] += (ptrdiff_t)i * list[x].stride[k];
  }
}

static void row_body(void *ctx, size_t begin, size_t end) {
  const rows *w = ctx;
  const axis *last = &w->free[w->nfree - 1];
  int64_t t[TILE];
  for (size_t r = begin; r < end; r++) {
    ptrdiff_t base[MAX_OPERANDS] = {0};
    locate(w->free, w->nfree - 1, r, w->count, base);
    for (size_t s = 0; s < w->sums; s++) {
      ptrdiff_t at[MAX_OPERANDS];
      memcpy(at, base, sizeof at);
      locate(w->sum, w->nsum, s, w->count, at);
      for (size_t i = 0; i < last->n; i += TILE) {
        size_t n = last->n - i < TILE ? last->n - i : TILE;
        row_product(w->operand, w->count, at, last->stride, i, n, t);
        vft_rows()->add_scaled(w->out + r * last->n + i, w->coef, t, n);
      }
    }
  }
}

static void dot_body(void *ctx, size_t begin, size_t end) {
  const rows *w = ctx;
  const axis *last = &w->sum[w->nsum - 1];
  int64_t t[TILE];
  for (size_t r = begin; r < end; r++) {
    ptrdiff_t base[MAX_OPERANDS] = {0};
    locate(w->free, w->nfree, r, w->count, base);
    int64_t total = 0;
    for (size_t s = 0; s < w->sums; s++) {
      ptrdiff_t at[MAX_OPERANDS];
      memcpy(at, base, sizeof at);
      locate(w->sum, w->nsum - 1, s, w->count, at);
      for (size_t i = 0; i < last->n; i += TILE) {
        size_t n = last->n - i < TILE ? last->n - i : TILE;
        row_product(w->operand, w->count, at, last->stride, i, n, t);
        total += vft_rows()->sum(t, n);
      }
    }
    w->out[r] += w->coef * total;
  }
}

static int unit_strides(const axis *a, uint32_t count) {
  int n = 0;
  for (uint32_t k = 0; k < count; k++) n += a->stride[k] == 1;
  return n;
}

static void general(const vft_index_box *box, int64_t coef, const vft_operand *operand,
                    uint32_t count, uint32_t contracted, int64_t *out) {
  rows w = {.operand = operand, .count = count, .coef = coef, .out = out, .sums = 1};
  size_t points = 1;
  for (uint32_t v = 0; v < box->nindex; v++) {
    bool is_free = v < box->nfree;
    if (box->size[v] == 1 || (!is_free && !(contracted >> v & 1))) continue;
    axis a = {.n = box->size[v]};
    for (uint32_t k = 0; k < count; k++) a.stride[k] = operand[k].stride[v];
    push_axis(is_free ? w.free : w.sum, is_free ? &w.nfree : &w.nsum, &a, count);
    if (is_free) points *= a.n;
  }
  if (w.nfree == 0) w.free[w.nfree++] = (axis){.n = 1};
  const axis *kl = w.nsum ? &w.sum[w.nsum - 1] : NULL, *fl = &w.free[w.nfree - 1];
  bool dot = kl && kl->n >= 4 && unit_strides(kl, count) >= unit_strides(fl, count);
  for (uint32_t x = 0; x + dot < w.nsum; x++) w.sums *= w.sum[x].n;
  size_t work = w.sums * (dot ? kl->n : fl->n);
  size_t grain = work > 8192 ? 1 : 8192 / work + 1;
  vft_parallel_for(dot ? points : points / fl->n, grain, dot ? dot_body : row_body, &w);
}

/* ---- products of operands with the same indices ---- */

typedef struct {
  const vft_operand *a, *b;
  uint32_t naxes;
  axis axes[VFT_MAX_INDEX];
  void *out;
  vft_dtype dtype;
} pair;

static void pair_body(void *ctx, size_t begin, size_t end) {
  const pair *w = ctx;
  const axis *last = &w->axes[w->naxes - 1];
  int64_t t[TILE];
  for (size_t r = begin; r < end; r++) {
    ptrdiff_t at[MAX_OPERANDS] = {0};
    locate(w->axes, w->naxes - 1, r, 2, at);
    for (size_t i = 0; i < last->n; i += TILE) {
      size_t n = last->n - i < TILE ? last->n - i : TILE;
      const vft_operand both[2] = {*w->a, *w->b};
      row_product(both, 2, at, last->stride, i, n, t);
      vft_store(w->out, w->dtype, r * last->n + i, n, t);
    }
  }
}

/* Replaces operand a by a * b, stored densely in scratch. */
static vft_status multiply_pair(const vft_index_box *box, vft_operand *a, const vft_operand *b,
                                vft_scratch *scratch) {
  pair w = {.a = a, .b = b};
  size_t n = 1;
  for (uint32_t v = 0; v < box->nindex; v++) {
    if (!(a->used >> v & 1)) continue;
    axis x = {.n = box->size[v], .stride = {a->stride[v], b->stride[v]}};
    push_axis(w.axes, &w.naxes, &x, 2);
    n *= x.n;
  }
  vft_operand product = {.bits = a->bits + b->bits - 1, .used = a->used};
  product.dtype = product.bits <= 31 ? VFT_I32 : VFT_I64;
  size_t bytes = n * vft_dtype_size(product.dtype);
  if (bytes > scratch->bytes) {
    vft_free(scratch->data);
    scratch->bytes = 0;
    scratch->data = vft_alloc_raw(bytes, 1);
    if (!scratch->data) return VFT_RESOURCE;
    scratch->bytes = bytes;
  }
  w.out = scratch->data;
  w.dtype = product.dtype;
  size_t last = w.axes[w.naxes - 1].n;
  vft_parallel_for(n / last, 8192 / last + 1, pair_body, &w);
  product.data = scratch->data;
  ptrdiff_t stride = 1;
  for (uint32_t v = box->nindex; v-- > 0;)
    if (product.used >> v & 1) {
      product.stride[v] = stride;
      stride *= (ptrdiff_t)box->size[v];
    }
  *a = product;
  return VFT_OK;
}

/* ---- matrix products ---- */

typedef struct {
  uint32_t n;
  vft_gemm_axis x[VFT_MAX_INDEX];
} axis_list;

static void push(axis_list *l, size_t n, ptrdiff_t a, ptrdiff_t b, ptrdiff_t c) {
  if (l->n) {
    vft_gemm_axis *y = &l->x[l->n - 1];
    ptrdiff_t k = (ptrdiff_t)n;
    if (y->a == a * k && y->b == b * k && y->c == c * k) {
      *y = (vft_gemm_axis){y->n * n, a, b, c};
      return;
    }
  }
  l->x[l->n++] = (vft_gemm_axis){n, a, b, c};
}

/* Takes the longest axis out of the list. */
static vft_gemm_axis take_longest(axis_list *l) {
  uint32_t best = 0;
  for (uint32_t i = 1; i < l->n; i++)
    if (l->x[i].n > l->x[best].n) best = i;
  vft_gemm_axis y = l->x[best];
  for (uint32_t i = best; i + 1 < l->n; i++) l->x[i] = l->x[i + 1];
  l->n--;
  return y;
}

/* *done: whether the term is one, and was added, or is what `out` is (`first`). */
static vft_status matrix_product(const vft_index_box *box, int64_t coef, const vft_operand *a,
                                 const vft_operand *b, uint32_t contracted, bool first, int64_t *out,
                                 bool *done) {
  *done = false;
  uint32_t free_mask = (1u << box->nfree) - 1, large = 0;
  for (uint32_t v = 0; v < box->nindex; v++)
    if (box->size[v] > 1) large |= 1u << v;
  if (!(contracted & large) || (contracted & ~(a->used & b->used) & large)) return VFT_OK;
  if ((free_mask & large) & ~(a->used | b->used)) return VFT_OK;
  if (a->dtype == VFT_I64 || b->dtype == VFT_I64) return VFT_OK;
  ptrdiff_t c_stride[VFT_MAX_INDEX] = {0}, at = 1;
  for (uint32_t v = box->nfree; v-- > 0;) {
    c_stride[v] = at;
    at *= (ptrdiff_t)box->size[v];
  }
  axis_list m = {0}, n = {0}, k = {0}, batch = {0};
  for (uint32_t v = 0; v < box->nindex; v++) {
    if (!(large >> v & 1)) continue;
    bool in_a = a->used >> v & 1, in_b = b->used >> v & 1;
    if (v >= box->nfree && !(contracted >> v & 1)) continue;
    axis_list *l = v >= box->nfree ? &k : in_a && in_b ? &batch : in_a ? &m : &n;
    push(l, box->size[v], a->stride[v], b->stride[v], c_stride[v]);
  }
  if (!m.n || !n.n) return VFT_OK;
  vft_gemm_axis gm = take_longest(&m), gn = take_longest(&n), gk = take_longest(&k);
  /* too small for tiles: rows of elementwise products do better */
  if (gk.n < 4 || gm.n * gn.n < 8) return VFT_OK;
  vft_gemm_task t = {.m = gm.n, .n = gn.n, .k = gk.n, .a = a->data, .b = b->data,
                     .ta = a->dtype, .tb = b->dtype, .am = gm.a, .ak = gk.a, .bn = gn.b,
                     .bk = gk.b, .c = out, .cm = gm.c, .cn = gn.c, .coef = coef,
                     .replace = first, .abits = a->bits, .bbits = b->bits};
  for (uint32_t i = 0; i < batch.n; i++) t.outer[t.nouter++] = batch.x[i];
  for (uint32_t i = 0; i < m.n; i++) t.outer[t.nouter++] = m.x[i];
  for (uint32_t i = 0; i < n.n; i++) t.outer[t.nouter++] = n.x[i];
  for (uint32_t i = 0; i < k.n; i++) t.sum[t.nsum++] = k.x[i];
  if (t.cm == 1 && t.cn != 1) { /* rows of c contiguous: exchange a and b */
    vft_gemm_task x = t;
    t.m = x.n, t.n = x.m, t.a = x.b, t.b = x.a, t.ta = x.tb, t.tb = x.ta;
    t.am = x.bn, t.ak = x.bk, t.bn = x.am, t.bk = x.ak, t.cm = x.cn, t.cn = x.cm;
    t.abits = x.bbits, t.bbits = x.abits;
    for (uint32_t i = 0; i < t.nouter; i++)
      t.outer[i].a = x.outer[i].b, t.outer[i].b = x.outer[i].a;
    for (uint32_t i = 0; i < t.nsum; i++) t.sum[i].a = x.sum[i].b, t.sum[i].b = x.sum[i].a;
  }
  *done = true;
  return vft_gemm(&t);
}

/* ---- entry ---- */

static size_t points_of(const vft_index_box *box) {
  size_t points = 1;
  for (uint32_t v = 0; v < box->nfree; v++) points *= box->size[v];
  return points;
}

static void zero_body(void *ctx, size_t begin, size_t end) {
  memset((int64_t *)ctx + begin, 0, (end - begin) * sizeof(int64_t));
}

void vft_term_zero(const vft_index_box *box, int64_t *out) {
  vft_parallel_for(points_of(box), 1 << 16, zero_body, out);
}

vft_status vft_term_accumulate(const vft_index_box *box, int64_t coef, vft_operand *operand,
                               uint32_t count, bool first, int64_t *out, vft_scratch *scratch) {
  uint32_t n = 0, used = 0;
  for (uint32_t k = 0; k < count; k++) {
    if (!operand[k].used) {
      coef *= element(&operand[k], 0);
      continue;
    }
    used |= operand[k].used;
    operand[n++] = operand[k];
  }
  uint32_t contracted = used & ~((1u << box->nfree) - 1);
  /* an operand that is the product of two with equal indices makes a matrix product */
  if (contracted && n == 3)
    for (uint32_t i = 0; i < 2 && n == 3; i++)
      for (uint32_t j = i + 1; j < 3 && n == 3; j++)
        if (operand[i].used == operand[j].used && operand[i].bits + operand[j].bits - 1 <= 31) {
          TRY(multiply_pair(box, &operand[i], &operand[j], scratch));
          operand[j] = operand[2];
          n = 2;
        }
  if (n == 2 && contracted) {
    bool done;
    TRY(matrix_product(box, coef, &operand[0], &operand[1], contracted, first, out, &done));
    if (done) return VFT_OK;
  }
  if (first) vft_term_zero(box, out);
  if (n == 0) {
    for (size_t i = 0, points = points_of(box); i < points; i++) out[i] += coef;
    return VFT_OK;
  }
  general(box, coef, operand, n, contracted, out);
  return VFT_OK;
}
