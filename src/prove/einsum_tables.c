/* Tables of the batched sumcheck: bound from the trace, folded variable by variable. */
#include "prove/einsum_core.h"

#include <string.h>

#include "base/mem.h"
#include "base/pool.h"
#include "relation/layout.h"

enum { TILE = VFT_EINSUM_TILE, FOLD_TILE = 2048 };

/* ---- from the trace ---- */

static bool same_table(const vft_einsum_table *a, const vft_einsum_table *b) {
  if (a->tensor != b->tensor) return false;
  for (uint32_t i = 0; i < a->rank; i++) {
    const vft_product_axis *x = &a->axis[i], *y = &b->axis[i];
    if (a->start[i] != b->start[i] || x->off != y->off) return false;
    if (a->start[i] == VFT_BOUND && !vft_weight_equal(&x->w, &y->w)) return false;
  }
  if (a->nidx != b->nidx) return false;
  for (uint32_t i = 0; i < a->nidx; i++)
    if (a->idx_size[i] != b->idx_size[i]) return false;
  return true;
}

static void set_inner(vft_einsum_table *t) {
  t->inner = 1;
  for (uint32_t i = t->first + 1; i < t->nidx; i++) t->inner *= t->idx_size[i];
}

static size_t table_size(const vft_einsum_table *t) {
  return t->first < t->nidx ? t->idx_size[t->first] * t->inner : 1;
}

vft_status vft_einsum_table_plan(const vft_einsum *e, const vft_einsum_table *t,
                                 vft_bind_axis *axis, size_t *at, bool *raw) {
  const vft_tensor *tensor = &e->program->tensors[t->tensor];
  size_t stride = 1;
  bool dense = true;
  *at = 0;
  for (uint32_t a = t->rank; a-- > 0;) {
    const vft_product_axis *x = &t->axis[a];
    axis[a] = (vft_bind_axis){.off = x->off, .size = x->w.size};
    *at += x->off * stride;
    if (x->var == VFT_BOUND) {
      dense = dense && x->w.size == 1 && x->w.kind == VFT_W_ONES;
      if (x->w.kind != VFT_W_ONES) {
        axis[a].w = vft_weight_cache_get(e->cache, &x->w);
        if (!axis[a].w) return VFT_RESOURCE;
      }
    } else {
      axis[a].kept = true;
      axis[a].out_stride = 1;
      for (uint32_t i = 0; i < t->nidx; i++)
        if (t->idx_start[i] > t->start[a]) axis[a].out_stride *= t->idx_size[i];
      dense = dense && axis[a].out_stride == stride;
    }
    stride *= tensor->dims[a];
  }
  *raw = dense && t->nidx;
  return VFT_OK;
}

vft_status vft_einsum_table_fill(vft_einsum *e, vft_einsum_table *t) {
  const vft_tensor *tensor = &e->program->tensors[t->tensor];
  vft_bind_axis axis[VFT_MAX_RANK];
  bool raw;
  TRY(vft_einsum_table_plan(e, t, axis, &t->raw_at, &raw));
  if (raw) {
    t->raw = &e->trace->array[t->tensor];
    return VFT_OK;
  }
  t->data = vft_alloc_raw(table_size(t), sizeof *t->data);
  if (!t->data) return VFT_RESOURCE;
  return vft_bind(&e->trace->array[t->tensor], tensor->dims, t->rank, axis, t->data);
}

void vft_einsum_table_set(const vft_einsum_member *m, const vft_product_factor *f,
                          vft_einsum_table *t) {
  memset(t, 0, sizeof *t);
  t->tensor = f->tensor;
  t->rank = f->rank;
  t->axis = f->axis;
  for (uint32_t v = 0; v < m->p->nshared; v++)
    for (uint32_t a = 0; a < f->rank; a++) {
      if (f->axis[a].var != v) continue;
      t->idx_start[t->nidx] = m->start[v];
      t->idx_log[t->nidx] = vft_log2_ceil(m->p->weight[v].size);
      t->idx_size[t->nidx++] = m->p->weight[v].size;
    }
  for (uint32_t a = 0; a < f->rank; a++)
    t->start[a] = f->axis[a].var == VFT_BOUND ? VFT_BOUND : (uint8_t)m->start[f->axis[a].var];
  set_inner(t);
}

vft_status vft_einsum_table_add(vft_einsum *e, const vft_einsum_member *m,
                                const vft_product_factor *f, uint32_t *at) {
  vft_einsum_table *t = &e->t[e->ntables];
  vft_einsum_table_set(m, f, t);
  for (*at = 0; *at < e->ntables; ++*at)
    if (same_table(&e->t[*at], t)) return VFT_OK;
  e->ntables++;
  return e->trace ? vft_einsum_table_fill(e, t) : VFT_OK;
}

/* ---- folds ---- */

size_t vft_einsum_table_folded(const vft_einsum_table *t, bool raw) {
  vft_einsum_table x = *t;
  size_t bytes = raw ? 0 : table_size(t) * sizeof(vft_ext);
  for (int fold = 0; fold < (raw ? 2 : 1) && x.first < x.nidx; fold++) {
    x.idx_size[x.first] = (x.idx_size[x.first] + 1) / 2;
    bytes += table_size(&x) * sizeof(vft_ext);
    while (x.first < x.nidx && x.idx_size[x.first] == 1) x.first++;
    set_inner(&x);
  }
  return bytes;
}

void vft_einsum_split_rows(const vft_einsum_table *t, size_t first, size_t pairs, size_t len,
                           vft_ext *lo, vft_ext *hi, vft_fp *fp_lo, vft_fp *fp_hi) {
  size_t inner = t->inner;
  for (size_t j = 0; j < pairs; j++) {
    size_t row = 2 * (first + j), at = j * inner;
    bool has_hi = row + 1 < len;
    if (t->raw) {
      vft_array_load(fp_lo + at, t->raw, t->raw_at + row * inner, inner);
      if (has_hi)
        vft_array_load(fp_hi + at, t->raw, t->raw_at + (row + 1) * inner, inner);
      else
        memset(fp_hi + at, 0, inner * sizeof *fp_hi);
    } else {
      memcpy(lo + at, t->data + row * inner, inner * sizeof *lo);
      if (has_hi)
        memcpy(hi + at, t->data + (row + 1) * inner, inner * sizeof *hi);
      else
        memset(hi + at, 0, inner * sizeof *hi);
    }
  }
}

typedef struct {
  const vft_einsum_table *t;
  vft_ext *out, r;
  size_t len, tiles;
} fold_job;

/* The first fold of a table in the trace; units as in fold_rows. */
static void fold_raw(void *ctx, size_t begin, size_t end) {
  const fold_job *j = ctx;
  const vft_einsum_table *t = j->t;
  size_t inner = t->inner;
  vft_fp both[2 * FOLD_TILE];
  for (size_t u = begin; u < end; u++) {
    if (inner == 1) {
      size_t first = 2 * u * FOLD_TILE, n = j->len - first;
      if (n > 2 * FOLD_TILE) n = 2 * FOLD_TILE;
      vft_array_load(both, t->raw, t->raw_at + first, n);
      vft_ext_fold_low_elem(j->out + u * FOLD_TILE, VFT_ELEM_FP, both, n, j->r);
      continue;
    }
    size_t h = u / j->tiles, at = u % j->tiles * FOLD_TILE;
    size_t n = inner - at < FOLD_TILE ? inner - at : FOLD_TILE;
    bool has_hi = 2 * h + 1 < j->len;
    vft_array_load(both, t->raw, t->raw_at + 2 * h * inner + at, n);
    if (has_hi) vft_array_load(both + n, t->raw, t->raw_at + (2 * h + 1) * inner + at, n);
    vft_ext_fold_high_elem(j->out + h * inner + at, VFT_ELEM_FP, both, has_hi ? 2 * n : n, n,
                           j->r);
  }
}

/* Tables of short rows: unit = as many pairs of rows as fill a tile. */
static void fold_short(void *ctx, size_t begin, size_t end) {
  const fold_job *j = ctx;
  vft_ext lo[TILE], hi[TILE];
  vft_fp both[2 * TILE];
  size_t inner = j->t->inner, rows = TILE / inner, half = (j->len + 1) / 2;
  for (size_t u = begin; u < end; u++) {
    size_t first = u * rows, n = half - first < rows ? half - first : rows;
    vft_ext *out = j->out + first * inner;
    vft_einsum_split_rows(j->t, first, n, j->len, lo, hi, both, both + n * inner);
    if (j->t->raw) {
      vft_ext_fold_high_elem(out, VFT_ELEM_FP, both, 2 * n * inner, n * inner, j->r);
      continue;
    }
    vft_ext_sub_n(hi, hi, lo, n * inner);
    vft_ext_scale_n(hi, hi, j->r, n * inner);
    vft_ext_add_n(out, lo, hi, n * inner);
  }
}

static void fold_rows(void *ctx, size_t begin, size_t end) {
  const fold_job *j = ctx;
  size_t inner = j->t->inner;
  for (size_t u = begin; u < end; u++) {
    if (inner == 1) { /* u: tile of FOLD_TILE pairs */
      size_t first = 2 * u * FOLD_TILE, n = j->len - first;
      if (n > 2 * FOLD_TILE) n = 2 * FOLD_TILE;
      vft_ext_fold_low(j->out + u * FOLD_TILE, j->t->data + first, n, j->r);
      continue;
    }
    size_t h = u / j->tiles, at = u % j->tiles * FOLD_TILE;
    size_t n = inner - at < FOLD_TILE ? inner - at : FOLD_TILE;
    const vft_ext *lo = j->t->data + 2 * h * inner + at;
    vft_ext *out = j->out + h * inner + at;
    if (2 * h + 1 < j->len) { /* out = lo + r (hi - lo), the two rows `inner` apart */
      vft_ext_sub_n(out, lo + inner, lo, n);
      vft_ext_scale_n(out, out, j->r, n);
      vft_ext_add_n(out, out, lo, n);
    } else {
      vft_ext_scale_n(out, lo, vft_ext_sub(VFT_EXT_ONE, j->r), n);
    }
  }
}

vft_status vft_einsum_table_fold(vft_einsum_table *t, unsigned round, vft_ext r) {
  if (t->first == t->nidx || round < t->idx_start[t->first]) return VFT_OK;
  size_t len = t->idx_size[t->first], half = (len + 1) / 2;
  if (!t->spare) {
    t->spare = vft_alloc_raw(half * t->inner, sizeof *t->spare);
    if (!t->spare) return VFT_RESOURCE;
  }
  fold_job job = {t, t->spare, r, len, (t->inner + FOLD_TILE - 1) / FOLD_TILE};
  size_t units = t->inner == 1 ? (half + FOLD_TILE - 1) / FOLD_TILE : half * job.tiles;
  if (t->inner > 1 && t->inner <= TILE / 2)
    vft_parallel_for((half + TILE / t->inner - 1) / (TILE / t->inner), FOLD_TILE / TILE, fold_short,
                     &job);
  else
    vft_parallel_for(units, t->inner == 1 ? 1 : FOLD_TILE / t->inner + 1,
                     t->raw ? fold_raw : fold_rows, &job);
  t->spare = t->data;
  t->data = job.out;
  t->raw = NULL;
  t->idx_size[t->first] = (uint32_t)half;
  if (round + 1 == t->idx_start[t->first] + t->idx_log[t->first]) {
    t->first++;
    set_inner(t);
  }
  return VFT_OK;
}
