#include "verify/opening.h"

#include <stdlib.h>
#include <string.h>

#include "field/arrays.h"

enum { MAX_LOG_ROWS = VFT_WHIR_ROW_VARIABLES_MAX };

static unsigned row_align(const vft_layout *layout, unsigned c) {
  return layout->log_block > c ? layout->log_block - c : 0;
}

vft_status vft_matrix_init(vft_matrix *m, const vft_layout *const *layout, uint32_t ntrees,
                           unsigned c) {
  memset(m, 0, sizeof *m);
  if (ntrees == 0 || ntrees > VFT_WHIR_TREES_MAX)
    return vft_fail(VFT_USAGE, "opening: %u trees, expected 1 to %d", ntrees, VFT_WHIR_TREES_MAX);
  m->c = c;
  m->ntrees = ntrees;
  m->layout = vft_alloc(ntrees, sizeof *m->layout);
  m->rows = vft_alloc(ntrees, sizeof *m->rows);
  m->row_offset = vft_alloc(ntrees, sizeof *m->row_offset);
  m->place = vft_alloc(ntrees, sizeof *m->place);
  if (!m->layout || !m->rows || !m->row_offset || !m->place) {
    vft_matrix_free(m);
    return VFT_RESOURCE;
  }
  uint32_t n = 0;
  for (unsigned align = 64; align-- > 0;)
    for (uint32_t t = 0; t < ntrees; t++)
      if (row_align(layout[t], c) == align) m->place[n++] = t;
  uint64_t at = 0;
  for (uint32_t i = 0; i < ntrees; i++) {
    uint32_t t = m->place[i];
    uint64_t unit = (uint64_t)1 << row_align(layout[t], c);
    m->layout[t] = layout[t];
    m->rows[t] = (layout[t]->length + ((uint64_t)1 << c) - 1) >> c;
    m->row_offset[t] = (at + unit - 1) & ~(unit - 1);
    at = m->row_offset[t] + m->rows[t];
  }
  m->k0 = vft_log2_ceil(at);
  if (m->k0 > MAX_LOG_ROWS) {
    vft_matrix_free(m);
    return vft_fail(VFT_USAGE, "opening: %llu rows, at most 2^%d: raise log_columns",
                    (unsigned long long)at, MAX_LOG_ROWS);
  }
  return VFT_OK;
}

void vft_matrix_free(vft_matrix *m) {
  vft_free(m->layout);
  vft_free(m->rows);
  vft_free(m->row_offset);
  vft_free(m->place);
  memset(m, 0, sizeof *m);
}

/* ---- claims ---- */

typedef struct {
  uint32_t tree, box;
  size_t at;
} sort_key;

static int by_place(const void *a, const void *b) {
  const sort_key *x = a, *y = b;
  if (x->tree != y->tree) return x->tree < y->tree ? -1 : 1;
  if (x->box != y->box) return x->box < y->box ? -1 : 1;
  return x->at < y->at ? -1 : x->at > y->at;
}

vft_status vft_opening_sort(vft_opening_claim *claim, size_t n) {
  sort_key *key = vft_alloc(n, sizeof *key);
  vft_opening_claim *copy = vft_alloc(n, sizeof *copy);
  vft_status st = key && copy ? VFT_OK : VFT_RESOURCE;
  if (st == VFT_OK && n) {
    for (size_t i = 0; i < n; i++) key[i] = (sort_key){claim[i].tree, claim[i].f.tensor, i};
    qsort(key, n, sizeof *key, by_place);
    memcpy(copy, claim, n * sizeof *copy);
    for (size_t i = 0; i < n; i++) claim[i] = copy[key[i].at];
  }
  vft_free(key);
  vft_free(copy);
  return st;
}

/* ---- windows already computed: one (weight, interval, place of its bits) occurs in the blocks
 * of many tensors and claims ---- */

typedef struct {
  const vft_ext *v;
  uint32_t size, off, start;
  uint8_t kind, log, at;
  bool used;
  vft_ext value;
} memo_slot;

enum { MEMO = 1 << 14 };

static vft_ext window(memo_slot *memo, const vft_axis *axis, uint32_t start, unsigned log,
                      unsigned at, const vft_ext *z) {
  uint64_t h = (uintptr_t)axis->w.v >> 3;
  uint8_t kind = (uint8_t)axis->w.kind;
  h = ((h * 31 + axis->w.size) * 5 + kind) * 31 + axis->off;
  h = ((h * 31 + start) * 31 + log) * 67 + at;
  memo_slot *slot = &memo[h * 0x9e3779b97f4a7c15ull >> 50];
  if (!slot->used || slot->v != axis->w.v || slot->size != axis->w.size || slot->kind != kind ||
      slot->off != axis->off || slot->start != start || slot->log != log || slot->at != at) {
    vft_ext value = vft_weight_window(&axis->w, axis->off, start, log, z + at);
    *slot = (memo_slot){axis->w.v,    axis->w.size, axis->off, start, kind,
                        (uint8_t)log, (uint8_t)at,  true,      value};
  }
  return slot->value;
}

/* Weights of one claim on one block, without its coefficient and the block's prefix: the same for many
 * claims, and in a circuit then one product. */
static vft_ext block_weight(memo_slot *memo, const vft_opening_claim *claim, const vft_block *b,
                            const vft_ext *z) {
  vft_ext w = VFT_EXT_ONE;
  for (uint32_t a = 0; a < claim->f.rank; a++) {
    const vft_axis *axis = &claim->f.axis[a];
    uint64_t end = (uint64_t)b->start[a] + ((uint64_t)1 << b->log[a]);
    if (axis->off >= end || (uint64_t)axis->off + axis->w.size <= b->start[a])
      return VFT_EXT_ZERO;
  }
  unsigned at = 0;
  for (uint32_t a = claim->f.rank; a-- > 0;) {
    w = vft_ext_mul(w, window(memo, &claim->f.axis[a], b->start[a], b->log[a], at, z));
    at += b->log[a];
  }
  return w;
}

vft_status vft_opening_weight(void *ctx, const vft_ext *point, vft_ext *value) {
  const vft_opening *o = ctx;
  const vft_matrix *m = o->matrix;
  memo_slot *memo = vft_alloc(MEMO, sizeof *memo);
  if (!memo) return VFT_RESOURCE;
  *value = VFT_EXT_ZERO;
  for (size_t first = 0, end; first < o->n; first = end) {
    uint32_t tree = o->claim[first].tree, box = o->claim[first].f.tensor;
    for (end = first + 1; end < o->n && o->claim[end].tree == tree &&
                          o->claim[end].f.tensor == box; end++) {
    }
    const vft_layout *lay = m->layout[tree];
    for (uint32_t k = lay->first[box]; k < lay->first[box + 1]; k++) {
      const vft_block *b = &lay->blocks[lay->by_box[k]];
      uint64_t index = (m->row_offset[tree] << m->c) + b->offset;
      vft_ext sum = VFT_EXT_ZERO;
      for (size_t i = first; i < end; i++)
        sum = vft_ext_add(sum, vft_ext_mul(o->claim[i].coef,
                                           block_weight(memo, &o->claim[i], b, point)));
      vft_ext prefix = vft_eq_index(point + b->log_size, m->c + m->k0 - b->log_size,
                                    index >> b->log_size);
      *value = vft_ext_add(*value, vft_ext_mul(prefix, sum));
    }
  }
  vft_free(memo);
  return VFT_OK;
}
