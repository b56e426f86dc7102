#include "prove/bind.h"

#include <string.h>

#include "base/mem.h"
#include "base/pool.h"
#include "field/batch.h"
#include "prove/array.h"

/* ---- expanded weights ---- */

struct vft_expanded {
  vft_weight w;
  vft_ext *value;
};

static uint32_t place(const struct vft_expanded *slot, uint32_t slots, const vft_weight *w) {
  uint64_t h = ((uintptr_t)w->v >> 3) * 0x9e3779b97f4a7c15ull;
  h = (h ^ w->size ^ (uint64_t)w->kind << 32) * 0x9e3779b97f4a7c15ull;
  uint32_t at = (uint32_t)(h >> 32) & (slots - 1);
  while (slot[at].value && (slot[at].w.kind != w->kind || slot[at].w.size != w->size ||
                            slot[at].w.v != w->v))
    at = (at + 1) & (slots - 1);
  return at;
}

static vft_status widen(vft_weight_cache *cache) {
  uint32_t slots = cache->slots ? 2 * cache->slots : 64;
  struct vft_expanded *slot = vft_alloc(slots, sizeof *slot);
  if (!slot) return VFT_RESOURCE;
  for (uint32_t i = 0; i < cache->slots; i++)
    if (cache->slot[i].value) slot[place(slot, slots, &cache->slot[i].w)] = cache->slot[i];
  vft_free(cache->slot);
  cache->slot = slot;
  cache->slots = slots;
  return VFT_OK;
}

const vft_ext *vft_weight_cache_get(vft_weight_cache *cache, const vft_weight *w) {
  if (w->kind == VFT_W_VEC) return w->v;
  if (2 * (cache->n + 1) > cache->slots && widen(cache) != VFT_OK) return NULL;
  struct vft_expanded *e = &cache->slot[place(cache->slot, cache->slots, w)];
  if (e->value) return e->value;
  vft_ext *value = vft_alloc_raw(w->size, sizeof *value);
  if (!value) return NULL;
  vft_weight_expand(w, VFT_EXT_ONE, value);
  *e = (struct vft_expanded){*w, value};
  cache->n++;
  return value;
}

size_t vft_weight_cache_bytes(const vft_weight_cache *cache) {
  size_t bytes = cache->slots * sizeof *cache->slot;
  for (uint32_t i = 0; i < cache->slots; i++)
    if (cache->slot[i].value) bytes += cache->slot[i].w.size * sizeof *cache->slot[i].value;
  return bytes;
}

void vft_weight_cache_free(vft_weight_cache *cache) {
  for (uint32_t i = 0; i < cache->slots; i++) vft_free(cache->slot[i].value);
  vft_free(cache->slot);
  memset(cache, 0, sizeof *cache);
}

/* ---- the loop nest ---- */

enum {
  SHORT = 32,          /* rows of a summed last axis up to this length are handled ROWS together */
  ROWS = 128,
  TILE = 512,          /* elements of a kept innermost axis handled together */
  MERGE_MAX = 1 << 16, /* summed axes are merged up to this many weights */
  MERGE_PART = 1 << 12,
  MIN_TASKS = 8,
  MAX_SPLIT = 16,
  SPLIT_FROM = 1 << 15 /* elements below which a sum is not split */
};

typedef struct {
  size_t size, stride, out_stride;
  bool kept;
  const vft_ext *w;
  vft_ext *own; /* merged weights */
} loop_axis;

/* The nest, regrouped: kept axes (not the last), summed axes (not the last), the last axis. */
typedef struct {
  const vft_array *a;
  size_t base;
  vft_ext scale;
  loop_axis last;
  size_t nkept, nsummed, tiles, split, out_size;
  size_t *kept_in, *kept_out; /* nkept */
  size_t *summed_in;          /* nsummed */
  vft_ext *summed_w;          /* nsummed, scale included */
  vft_ext *out;               /* split slabs of out_size */
} nest;

static bool mergeable(const loop_axis *o, const loop_axis *i) {
  if (o->kept != i->kept || o->stride != i->size * i->stride) return false;
  if (o->kept) return o->out_stride == i->size * i->out_stride;
  return o->size * i->size <= MERGE_MAX;
}

typedef struct {
  const loop_axis *o, *i;
  vft_ext *w;
} merge_job;

static void merge_rows(void *ctx, size_t begin, size_t end) {
  const merge_job *m = ctx;
  for (size_t k = begin; k < end; k++) {
    vft_ext *row = m->w + k * m->i->size, x = m->o->w ? m->o->w[k] : VFT_EXT_ONE;
    if (m->i->w)
      vft_ext_scale_n(row, m->i->w, x, m->i->size);
    else
      for (size_t j = 0; j < m->i->size; j++) row[j] = x;
  }
}

/* weights of the pair: outer (x) inner */
static vft_status merge(loop_axis *o, loop_axis *i) {
  vft_ext *w = NULL;
  if (!o->kept && (o->w || i->w)) {
    w = vft_alloc_raw(o->size * i->size, sizeof *w);
    if (!w) return VFT_RESOURCE;
    merge_job m = {o, i, w};
    vft_parallel_for(o->size, MERGE_PART / i->size + 1, merge_rows, &m);
  }
  vft_free(o->own);
  vft_free(i->own);
  i->own = w;
  i->w = w;
  i->size *= o->size;
  return VFT_OK;
}

/* Axes of length above 1, adjacent ones merged where that is one loop. */
static vft_status plan_axes(const uint32_t *dims, uint32_t rank, const vft_bind_axis *axis,
                            nest *n, loop_axis *ax, uint32_t *count) {
  size_t stride[VFT_MAX_RANK], s = 1;
  *count = 0;
  for (uint32_t a = rank; a-- > 0;) {
    stride[a] = s;
    s *= dims[a];
  }
  for (uint32_t a = 0; a < rank; a++) {
    n->base += axis[a].off * stride[a];
    if (axis[a].size == 1) {
      if (!axis[a].kept && axis[a].w) n->scale = vft_ext_mul(n->scale, axis[a].w[0]);
      continue;
    }
    ax[(*count)++] = (loop_axis){axis[a].size, stride[a], axis[a].out_stride, axis[a].kept,
                                 axis[a].w, NULL};
  }
  for (uint32_t a = *count; a-- > 1;)
    if (mergeable(&ax[a - 1], &ax[a])) {
      TRY(merge(&ax[a - 1], &ax[a]));
      memmove(&ax[a - 1], &ax[a], (*count - a) * sizeof *ax);
      memset(&ax[--*count], 0, sizeof *ax);
    }
  if (*count == 0) ax[(*count)++] = (loop_axis){1, 1, 1, true, NULL, NULL};
  return VFT_OK;
}

/* All index combinations of the axes of one kind, the last axis apart. */
static vft_status plan_outer(nest *n, const loop_axis *ax, uint32_t count) {
  n->nkept = n->nsummed = 1;
  for (uint32_t a = 0; a + 1 < count; a++) *(ax[a].kept ? &n->nkept : &n->nsummed) *= ax[a].size;
  n->kept_in = vft_alloc(n->nkept, sizeof *n->kept_in);
  n->kept_out = vft_alloc(n->nkept, sizeof *n->kept_out);
  n->summed_in = vft_alloc(n->nsummed, sizeof *n->summed_in);
  n->summed_w = vft_alloc(n->nsummed, sizeof *n->summed_w);
  if (!n->kept_in || !n->kept_out || !n->summed_in || !n->summed_w) return VFT_RESOURCE;
  size_t kept = 1, summed = 1;
  n->summed_w[0] = n->scale;
  for (uint32_t a = 0; a + 1 < count; a++) {
    const loop_axis *x = &ax[a];
    if (x->kept) {
      for (size_t k = kept; k-- > 0;)
        for (size_t i = x->size; i-- > 0;) {
          n->kept_in[k * x->size + i] = n->kept_in[k] + i * x->stride;
          n->kept_out[k * x->size + i] = n->kept_out[k] + i * x->out_stride;
        }
      kept *= x->size;
    } else {
      for (size_t k = summed; k-- > 0;) {
        vft_ext w = n->summed_w[k], *row = n->summed_w + k * x->size;
        if (x->w) vft_ext_scale_n(row, x->w, w, x->size);
        for (size_t i = x->size; i-- > 0;) {
          if (!x->w) row[i] = w;
          n->summed_in[k * x->size + i] = n->summed_in[k] + i * x->stride;
        }
      }
      summed *= x->size;
    }
  }
  return VFT_OK;
}

static void fill_ext(vft_ext *out, const vft_array *a, size_t at, size_t n) {
  vft_fp block[TILE];
  vft_array_load(block, a, at, n);
  for (size_t i = 0; i < n; i++) out[i] = vft_ext_from_fp(block[i]);
}

static bool is_one(vft_ext x) { return vft_ext_eq(x, VFT_EXT_ONE); }

/* Strided elements, for innermost axes that are not contiguous in memory. */
static const vft_array *gather(const nest *n, size_t at, size_t count, int64_t *buffer,
                               vft_array *view, size_t *begin) {
  if (n->last.stride == 1) {
    *begin = at;
    return n->a;
  }
  for (size_t i = 0; i < count; i++) buffer[i] = vft_array_get(n->a, at + i * n->last.stride);
  *view = (vft_array){VFT_I64, buffer};
  *begin = 0;
  return view;
}

/* Sum over combinations from .. to of a short contiguous last axis, column by column. */
static vft_ext short_rows(const nest *n, size_t at, size_t from, size_t to) {
  vft_fp row[SHORT], column[SHORT][ROWS];
  vft_ext sum = VFT_EXT_ZERO;
  size_t len = n->last.size;
  for (size_t b = from; b < to; b += ROWS) {
    size_t m = to - b < ROWS ? to - b : ROWS;
    for (size_t i = 0; i < m; i++) {
      vft_array_load(row, n->a, at + n->summed_in[b + i], len);
      for (size_t k = 0; k < len; k++) column[k][i] = row[k];
    }
    for (size_t k = 0; k < len; k++) {
      vft_ext dot = vft_ext_dot_elem(VFT_ELEM_FP, column[k], n->summed_w + b, m);
      sum = vft_ext_add(sum, vft_ext_mul(n->last.w[k], dot));
    }
  }
  return sum;
}

/* One task: a part of the summed combinations, one kept combination, one tile. */
static void run_task(const nest *n, size_t task) {
  size_t tile = task % n->tiles, k = task / n->tiles % n->nkept, part = task / n->tiles / n->nkept;
  size_t from = n->nsummed * part / n->split, to = n->nsummed * (part + 1) / n->split;
  vft_ext *out = n->out + part * n->out_size + n->kept_out[k];
  size_t at = n->base + n->kept_in[k], begin;
  int64_t buffer[TILE];
  vft_array view;
  if (!n->last.kept && n->last.stride == 1 && n->last.w && n->last.size <= SHORT &&
      to - from >= ROWS) {
    *out = short_rows(n, at, from, to);
    return;
  }
  if (!n->last.kept) {
    vft_ext sum = VFT_EXT_ZERO;
    for (size_t b = from; b < to; b++) {
      vft_ext dot = VFT_EXT_ZERO;
      if (n->last.stride == 1 && n->last.w) {
        dot = vft_array_dot(n->a, at + n->summed_in[b], n->last.w, n->last.size);
      } else {
        for (size_t i = 0; i < n->last.size; i += TILE) {
          size_t m = n->last.size - i < TILE ? n->last.size - i : TILE;
          const vft_array *src =
              gather(n, at + n->summed_in[b] + i * n->last.stride, m, buffer, &view, &begin);
          if (n->last.w) {
            dot = vft_ext_add(dot, vft_array_dot(src, begin, n->last.w + i, m));
          } else {
            vft_fp block[TILE];
            vft_array_load(block, src, begin, m);
            dot = vft_ext_add(dot, vft_ext_from_fp(vft_fp_sum_n(block, m)));
          }
        }
      }
      sum = vft_ext_add(sum, vft_ext_mul(n->summed_w[b], dot));
    }
    *out = sum;
    return;
  }
  size_t first = tile * TILE, m = n->last.size - first < TILE ? n->last.size - first : TILE;
  vft_ext acc[TILE];
  if (n->nsummed == 1 && is_one(n->summed_w[0])) {
    const vft_array *src = gather(n, at + first * n->last.stride, m, buffer, &view, &begin);
    fill_ext(acc, src, begin, m);
  } else {
    memset(acc, 0, m * sizeof *acc);
    for (size_t b = from; b < to; b++) {
      const vft_array *src =
          gather(n, at + n->summed_in[b] + first * n->last.stride, m, buffer, &view, &begin);
      vft_array_axpy(acc, n->summed_w[b], src, begin, m);
    }
  }
  for (size_t i = 0; i < m; i++) out[(first + i) * n->last.out_stride] = acc[i];
}

static void run_tasks(void *ctx, size_t begin, size_t end) {
  for (size_t t = begin; t < end; t++) run_task(ctx, t);
}

static void add_slabs(void *ctx, size_t begin, size_t end) {
  const nest *n = ctx;
  for (size_t part = 1; part < n->split; part++)
    vft_ext_add_n(n->out + begin, n->out + begin, n->out + part * n->out_size + begin,
                  end - begin);
}

vft_status vft_bind(const vft_array *a, const uint32_t *dims, uint32_t rank,
                    const vft_bind_axis *axis, vft_ext *out) {
  loop_axis ax[VFT_MAX_RANK + 1];
  uint32_t count = 0;
  vft_status st = VFT_OK;
  vft_ext *slabs = NULL;
  nest n;
  memset(&n, 0, sizeof n);
  memset(ax, 0, sizeof ax);
  n.a = a;
  n.scale = VFT_EXT_ONE;
  TRY_OUT(plan_axes(dims, rank, axis, &n, ax, &count));
  TRY_OUT(plan_outer(&n, ax, count));
  n.last = ax[count - 1];
  n.tiles = n.last.kept ? (n.last.size + TILE - 1) / TILE : 1;
  n.out_size = 1;
  for (uint32_t i = 0; i < count; i++)
    if (ax[i].kept) n.out_size *= ax[i].size;
  n.split = 1;
  if (n.nkept * n.tiles < MIN_TASKS && n.nkept * n.nsummed * n.last.size >= SPLIT_FROM)
    n.split = n.nsummed < MAX_SPLIT ? n.nsummed : MAX_SPLIT;
  n.out = out;
  if (n.split > 1) {
    slabs = vft_alloc_raw(n.split * n.out_size, sizeof *slabs);
    if (!slabs) {
      st = VFT_RESOURCE;
      goto out;
    }
    n.out = slabs;
  }
  size_t tasks = n.split * n.nkept * n.tiles, each = n.nsummed / n.split * n.last.size / n.tiles;
  size_t grain = each >= SPLIT_FROM ? 1 : SPLIT_FROM / (each + 1) + 1;
  vft_parallel_for(tasks, grain, run_tasks, &n);
  if (n.split > 1) {
    vft_parallel_for(n.out_size, 4096, add_slabs, &n);
    memcpy(out, slabs, n.out_size * sizeof *out);
  }
out:
  for (uint32_t i = 0; i < VFT_MAX_RANK + 1; i++) vft_free(ax[i].own);
  vft_free(n.kept_in);
  vft_free(n.kept_out);
  vft_free(n.summed_in);
  vft_free(n.summed_w);
  vft_free(slabs);
  return st;
}
