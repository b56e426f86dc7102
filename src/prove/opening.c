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

/* A block is filled run by run: a run covers the trailing axes from `outer` on. Claims with equal
 * weights along the run form a group, which touches each run once. */
typedef struct {
  const vft_ext *w; /* along the run, from position `from` on; NULL: ones */
  vft_ext *own;
  size_t from, to;
  size_t first, end; /* claims */
} claim_group;

typedef struct {
  const vft_block *b;
  uint32_t outer; /* axes before the run */
  const block_claim *claim;
  const claim_group *group;
  size_t ngroups, run;
  vft_ext *out; /* the block's weights */
  /* Runs of a long axis and short ones behind it are the product of the long axis's weights and
   * `side` short ones, multiplied out tile by tile. 0: they are multiplied out before. */
  size_t side;
} block_job;

enum {
  RUN_MIN = 64, /* trailing axes are joined until a run is at least so long */
  TILE = 256
};

/* Sum of a group's claims at the row's coordinates; whether any claim reaches it. */
static bool group_scalar(const block_job *j, const claim_group *group, size_t row,
                         vft_ext *scalar) {
  size_t coord[VFT_MAX_RANK];
  bool any = false;
  *scalar = VFT_EXT_ZERO;
  for (uint32_t a = j->outer; a-- > 0;) {
    coord[a] = row & (((size_t)1 << j->b->log[a]) - 1);
    row >>= j->b->log[a];
  }
  for (size_t i = group->first; i < group->end; i++) {
    const block_claim *c = &j->claim[i];
    vft_ext w = c->coef;
    bool inside = true;
    for (uint32_t a = 0; a < j->outer && inside; a++) {
      inside = coord[a] >= c->from[a] && coord[a] < c->to[a];
      if (inside && c->w[a]) w = vft_ext_mul(w, c->w[a][coord[a] - c->from[a]]);
    }
    if (!inside) continue;
    *scalar = vft_ext_add(*scalar, w);
    any = true;
  }
  return any;
}

static void fill_runs(void *ctx, size_t begin, size_t end) {
  const block_job *j = ctx;
  for (size_t row = begin; row < end; row++)
    for (size_t g = 0; g < j->ngroups; g++) {
      const claim_group *group = &j->group[g];
      vft_ext scalar, *out = j->out + row * j->run;
      if (!group_scalar(j, group, row, &scalar)) continue;
      if (group->w)
        vft_ext_axpy_n(out + group->from, scalar, group->w, group->to - group->from);
      else
        for (size_t k = group->from; k < group->to; k++) out[k] = vft_ext_add(out[k], scalar);
    }
}

/* out += scalar * (long weights x short weights): unit = tile of one run. */
static void add_tile(const block_job *j, const claim_group *g, vft_ext scalar, size_t first,
                     size_t n, vft_ext *out) {
  const block_claim *c = &j->claim[g->first];
  uint32_t axis = j->outer;
  vft_ext w[TILE], x[TILE];
  size_t side = j->side, end = first + n;
  if (first < c->from[axis]) first = c->from[axis];
  if (end > c->to[axis]) end = c->to[axis];
  if (first >= end) return;
  for (size_t i = first; i < end; i++) {
    vft_ext v = c->w[axis] ? c->w[axis][i - c->from[axis]] : VFT_EXT_ONE;
    for (size_t k = 0; k < side; k++) w[(i - first) * side + k] = v;
    memcpy(&x[(i - first) * side], g->w, side * sizeof *x);
  }
  n = (end - first) * side;
  vft_ext_mul_n(w, w, x, n);
  out += first * side;
  if (vft_ext_eq(scalar, VFT_EXT_ONE))
    vft_ext_add_n(out, out, w, n);
  else
    vft_ext_axpy_n(out, scalar, w, n);
}

static void fill_tiles(void *ctx, size_t begin, size_t end) {
  const block_job *j = ctx;
  size_t tiles = (((size_t)1 << j->b->log[j->outer]) * j->side + TILE - 1) / TILE;
  for (size_t u = begin; u < end; u++) {
    size_t row = u / tiles, per = TILE / j->side, first = u % tiles * per;
    for (size_t g = 0; g < j->ngroups; g++) {
      vft_ext scalar;
      if (group_scalar(j, &j->group[g], row, &scalar))
        add_tile(j, &j->group[g], scalar, first, per, j->out + row * j->run);
    }
  }
}

static bool same_run(const block_claim *x, const block_claim *y, uint32_t outer, uint32_t rank) {
  for (uint32_t a = outer; a < rank; a++)
    if (x->w[a] != y->w[a] || x->from[a] != y->from[a] || x->to[a] != y->to[a]) return false;
  return true;
}

/* The claims that touch block b, those with the same weights along the run side by side. */
static vft_status block_claims(const vft_block *b, uint32_t rank, uint32_t outer,
                               const vft_opening_claim *claim, size_t n, vft_weight_cache *cache,
                               block_claim *out, size_t *count) {
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
    size_t at = (*count)++; /* after the last one of its group */
    while (at > 0 && !same_run(&out[at - 1], &c, outer, rank)) at--;
    if (at == 0) at = *count - 1;
    memmove(&out[at + 1], &out[at], (*count - 1 - at) * sizeof *out);
    out[at] = c;
  }
  return VFT_OK;
}

/* Weights of a claim along the run: a part of one axis as it is, several axes multiplied out; of
 * long runs, the axes behind the long one. */
static vft_status group_weights(const block_job *j, uint32_t rank, claim_group *g) {
  const block_claim *c = &j->claim[g->first];
  g->from = 0;
  g->to = j->run;
  if (rank == j->outer) return VFT_OK;
  if (rank == j->outer + 1) {
    g->from = c->from[j->outer];
    g->to = c->to[j->outer];
    g->w = c->w[j->outer];
    return VFT_OK;
  }
  vft_ext *w = g->own = vft_alloc(j->side ? j->side : j->run, sizeof *w);
  if (!w) return VFT_RESOURCE;
  size_t len = 1; /* axes .. a, in place: entry k becomes entries k * side .. */
  w[0] = VFT_EXT_ONE;
  for (uint32_t a = j->outer + (j->side > 0); a < rank; a++) {
    size_t side = (size_t)1 << j->b->log[a];
    for (size_t k = len; k-- > 0;) {
      vft_ext x = w[k];
      for (size_t i = 0; i < side; i++) {
        bool inside = i >= c->from[a] && i < c->to[a];
        w[k * side + i] = !inside  ? VFT_EXT_ZERO
                          : c->w[a] ? vft_ext_mul(x, c->w[a][i - c->from[a]])
                                    : x;
      }
    }
    len *= side;
  }
  g->w = w;
  return VFT_OK;
}

static vft_status fill_block(const vft_block *b, uint32_t rank, const vft_opening_claim *claim,
                             size_t n, vft_weight_cache *cache, block_claim *scratch,
                             claim_group *group, vft_ext *out) {
  vft_status st = VFT_OK;
  size_t count;
  block_job job = {.b = b, .outer = rank, .claim = scratch, .group = group, .run = 1, .out = out};
  while (job.outer > 0 && job.run < RUN_MIN) job.run <<= b->log[--job.outer];
  if (job.outer + 1 < rank && job.run >= 4 * TILE) job.side = job.run >> b->log[job.outer];
  TRY(block_claims(b, rank, job.outer, claim, n, cache, scratch, &count));
  for (size_t i = 0; i < count; job.ngroups++) {
    claim_group *g = &group[job.ngroups];
    *g = (claim_group){.first = i};
    while (i < count && same_run(&scratch[g->first], &scratch[i], job.outer, rank)) i++;
    g->end = i;
    st = group_weights(&job, rank, g);
    if (st != VFT_OK) break;
  }
  if (st == VFT_OK && job.side)
    vft_parallel_for(((size_t)1 << b->log_size) / TILE, 4096 / TILE, fill_tiles, &job);
  else if (st == VFT_OK)
    vft_parallel_for(((size_t)1 << b->log_size) / job.run, 4096 / job.run + 1, fill_runs, &job);
  for (size_t g = 0; g < job.ngroups; g++) vft_free(group[g].own);
  return st;
}

vft_status vft_opening_weights(const vft_opening *o, uint32_t tree, vft_ext *weight) {
  const vft_layout *lay = o->matrix->layout[tree];
  vft_status st = VFT_OK;
  vft_weight_cache cache = {0};
  block_claim *claim = vft_alloc(o->n, sizeof *claim);
  claim_group *group = vft_alloc(o->n, sizeof *group);
  if (!claim || !group) {
    st = VFT_RESOURCE;
    goto out;
  }
  for (size_t first = 0, end; first < o->n; first = end) {
    uint32_t box = o->claim[first].f.tensor;
    for (end = first + 1; end < o->n && o->claim[end].tree == o->claim[first].tree &&
                          o->claim[end].f.tensor == box; end++) {
    }
    if (o->claim[first].tree != tree) continue;
    for (uint32_t k = lay->first[box]; k < lay->first[box + 1]; k++) {
      const vft_block *b = &lay->blocks[lay->by_box[k]];
      TRY_OUT(fill_block(b, lay->boxes[box].rank, &o->claim[first], end - first, &cache, claim,
                         group, weight + b->offset));
    }
  }
out:
  vft_weight_cache_free(&cache);
  vft_free(claim);
  vft_free(group);
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

vft_status vft_opening_sources(const vft_opening *o, vft_commitment *const *commitment,
                               vft_whir_source **out) {
  const vft_matrix *m = o->matrix;
  vft_whir_source *source = *out = vft_alloc(m->ntrees, sizeof *source);
  if (!source) return VFT_RESOURCE;
  for (uint32_t i = 0; i < m->ntrees; i++) {
    uint32_t t = m->place[i];
    size_t entries = m->rows[t] << m->c;
    bool claimed = false;
    for (size_t k = 0; k < o->n && !claimed; k++) claimed = o->claim[k].tree == t;
    vft_fp *message = vft_alloc_raw(entries, sizeof *message);
    if (!message) return VFT_RESOURCE;
    source[i] = (vft_whir_source){VFT_ELEM_FP, message, NULL, vft_commitment_tree(commitment[t]),
                                  true};
    message_job job = {commitment[t], message};
    vft_parallel_for(m->rows[t], 1, read_rows, &job);
    if (!claimed) continue;
    vft_ext *weight = vft_alloc(entries, sizeof *weight);
    if (!weight) return VFT_RESOURCE;
    source[i].weight = weight;
    TRY(vft_opening_weights(o, t, weight));
  }
  return VFT_OK;
}

void vft_opening_sources_free(const vft_opening *o, vft_whir_source *source) {
  for (uint32_t i = 0; source && i < o->matrix->ntrees; i++) {
    vft_free((void *)source[i].message);
    vft_free((void *)source[i].weight);
  }
  vft_free(source);
}
