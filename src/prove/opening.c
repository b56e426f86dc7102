#include "prove/opening.h"

#include <string.h>

#include "base/mem.h"
#include "base/pool.h"
#include "field/batch.h"
#include "prove/bind.h"

/* ---- weights ---- */

/* One claim on the block at hand. Per axis: the support inside the block, from <= i < to, and the
 * weights from there on. */
typedef struct {
  vft_ext coef;
  size_t from[VFT_MAX_RANK], to[VFT_MAX_RANK];
  const vft_ext *w[VFT_MAX_RANK]; /* NULL: ones */
} block_claim;

typedef struct {
  const vft_block *b;
  uint32_t rank;
  const block_claim *claim;
  size_t n, last; /* claims; length of the innermost axis */
  vft_ext *out;   /* the block's weights */
} block_job;

/* Rows (all axes but the last) begin .. end-1 of the block. Claims with the same weights on the
 * last axis are added up before they touch the row. */
static void fill_rows(void *ctx, size_t begin, size_t end) {
  const block_job *j = ctx;
  uint32_t outer = j->rank ? j->rank - 1 : 0;
  for (size_t row = begin; row < end; row++) {
    size_t coord[VFT_MAX_RANK], rest = row;
    for (uint32_t a = outer; a-- > 0;) {
      coord[a] = rest & (((size_t)1 << j->b->log[a]) - 1);
      rest >>= j->b->log[a];
    }
    for (size_t i = 0; i < j->n;) {
      const block_claim *head = &j->claim[i];
      vft_ext scalar = VFT_EXT_ZERO;
      bool any = false;
      for (; i < j->n && (j->rank == 0 || (j->claim[i].w[outer] == head->w[outer] &&
                                           j->claim[i].from[outer] == head->from[outer] &&
                                           j->claim[i].to[outer] == head->to[outer]));
           i++) {
        const block_claim *c = &j->claim[i];
        vft_ext w = c->coef;
        bool inside = true;
        for (uint32_t a = 0; a < outer && inside; a++) {
          inside = coord[a] >= c->from[a] && coord[a] < c->to[a];
          if (inside && c->w[a]) w = vft_ext_mul(w, c->w[a][coord[a] - c->from[a]]);
        }
        if (!inside) continue;
        scalar = vft_ext_add(scalar, w);
        any = true;
      }
      if (!any) continue;
      vft_ext *out = j->out + row * j->last;
      if (j->rank == 0) {
        *out = vft_ext_add(*out, scalar);
      } else if (head->w[outer]) {
        vft_ext_axpy_n(out + head->from[outer], scalar, head->w[outer],
                       head->to[outer] - head->from[outer]);
      } else {
        for (size_t k = head->from[outer]; k < head->to[outer]; k++)
          out[k] = vft_ext_add(out[k], scalar);
      }
    }
  }
}

/* The claims that touch block b, those with the same weights on the last axis side by side. */
static vft_status block_claims(const vft_block *b, uint32_t rank, const vft_opening_claim *claim,
                               size_t n, vft_weight_cache *cache, block_claim *out,
                               size_t *count) {
  *count = 0;
  for (size_t i = 0; i < n; i++) {
    block_claim c = {.coef = claim[i].coef};
    bool touches = true;
    for (uint32_t a = 0; a < rank && touches; a++) {
      const vft_axis *x = &claim[i].f.axis[a];
      uint64_t start = b->start[a], end = start + ((uint64_t)1 << b->log[a]);
      uint64_t lo = x->off > start ? x->off : start, hi = (uint64_t)x->off + x->w.size;
      if (hi > end) hi = end;
      touches = lo < hi;
      if (!touches) break;
      c.from[a] = lo - start;
      c.to[a] = hi - start;
      if (x->w.kind == VFT_W_ONES) continue;
      const vft_ext *v = vft_weight_cache_get(cache, &x->w);
      if (!v) return VFT_RESOURCE;
      c.w[a] = v + (lo - x->off);
    }
    if (!touches) continue;
    size_t at = (*count)++; /* after the last one with the same last axis */
    while (rank && at > 0 && out[at - 1].w[rank - 1] != c.w[rank - 1]) at--;
    if (at == 0) at = *count - 1;
    memmove(&out[at + 1], &out[at], (*count - 1 - at) * sizeof *out);
    out[at] = c;
  }
  return VFT_OK;
}

vft_status vft_opening_weights(const vft_opening *o, uint32_t tree, vft_ext *weight) {
  const vft_layout *lay = o->matrix->layout[tree];
  vft_status st = VFT_OK;
  vft_weight_cache cache = {0};
  block_claim *claim = vft_alloc(o->n, sizeof *claim);
  if (!claim) return VFT_RESOURCE;
  memset(weight, 0, (o->matrix->rows[tree] << o->matrix->c) * sizeof *weight);
  for (size_t first = 0, end; first < o->n; first = end) {
    uint32_t box = o->claim[first].f.tensor;
    for (end = first + 1; end < o->n && o->claim[end].tree == o->claim[first].tree &&
                          o->claim[end].f.tensor == box; end++) {
    }
    if (o->claim[first].tree != tree) continue;
    uint32_t rank = lay->boxes[box].rank;
    for (uint32_t k = lay->first[box]; k < lay->first[box + 1]; k++) {
      const vft_block *b = &lay->blocks[lay->by_box[k]];
      block_job job = {.b = b, .rank = rank, .claim = claim, .out = weight + b->offset};
      job.last = rank ? (size_t)1 << b->log[rank - 1] : 1;
      TRY_OUT(block_claims(b, rank, &o->claim[first], end - first, &cache, claim, &job.n));
      size_t rows = ((size_t)1 << b->log_size) / job.last;
      vft_parallel_for(rows, 16384 / job.last + 1, fill_rows, &job);
    }
  }
out:
  vft_weight_cache_free(&cache);
  vft_free(claim);
  return st;
}

/* ---- messages ---- */

typedef struct {
  const vft_commitment *c;
  vft_fp *out;
} message_job;

static void read_rows(void *ctx, size_t begin, size_t end) {
  const message_job *j = ctx;
  unsigned c = vft_commitment_log_columns(j->c);
  for (size_t row = begin; row < end; row++) vft_commitment_row(j->c, row, j->out + (row << c));
}

vft_status vft_opening_prove(vft_channel *ch, const vft_whir_params *params,
                             const vft_whir_tree *tree, const vft_opening *o,
                             vft_commitment *const *commitment, vft_ext sigma) {
  const vft_matrix *m = o->matrix;
  vft_status st = VFT_OK;
  vft_whir_source *source = vft_alloc(m->ntrees, sizeof *source);
  if (!source) return VFT_RESOURCE;
  for (uint32_t i = 0; i < m->ntrees; i++) {
    uint32_t t = m->place[i];
    size_t entries = m->rows[t] << m->c;
    bool claimed = false;
    for (size_t k = 0; k < o->n && !claimed; k++) claimed = o->claim[k].tree == t;
    vft_fp *message = vft_alloc_raw(entries, sizeof *message);
    source[i].type = VFT_ELEM_FP;
    source[i].message = message;
    source[i].tree = vft_commitment_tree(commitment[t]);
    if (!message) {
      st = VFT_RESOURCE;
      goto out;
    }
    message_job job = {commitment[t], message};
    vft_parallel_for(m->rows[t], 1, read_rows, &job);
    if (!claimed) continue;
    vft_ext *weight = vft_alloc_raw(entries, sizeof *weight);
    source[i].weight = weight;
    if (!weight) {
      st = VFT_RESOURCE;
      goto out;
    }
    TRY_OUT(vft_opening_weights(o, t, weight));
  }
  TRY_OUT(vft_whir_prove(ch, params, tree, m->ntrees, source, sigma));
out:
  for (uint32_t i = 0; i < m->ntrees; i++) {
    vft_free((void *)source[i].message);
    vft_free((void *)source[i].weight);
  }
  vft_free(source);
  return st;
}
