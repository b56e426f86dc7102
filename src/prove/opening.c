#include "prove/opening.h"

#include <stdatomic.h>
#include <string.h>

#include "base/mem.h"
#include "base/pool.h"
#include "field/batch.h"
#include "prove/bind.h"

/* ---- weights ---- */

/* The expanded weights of a claim; ones are left out. */
typedef struct {
  const vft_ext *w[VFT_MAX_RANK];
} claim_weights;

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
  vft_ext *own, *rows; /* multiplied out: the weights; those of the run's axes but the last */
  size_t from, to;
  size_t first, end; /* claims */
} claim_group;

typedef struct {
  const vft_block *b;
  uint32_t outer, last; /* axes before the run; the last axis */
  const block_claim *claim;
  claim_group *group;
  size_t ngroups, run, side; /* side: of the last axis */
  vft_ext *out;              /* the block's weights */
} block_job;

enum {
  RUN_MIN = 64,    /* trailing axes are joined until a run is at least so long */
  PIECE = 1 << 12, /* elements that a thread fills at a time */
  LARGE = 17       /* log2 of the elements of a large block */
};

/* Unit: a piece of a run. */
static void fill_runs(void *ctx, size_t begin, size_t end) {
  const block_job *j = ctx;
  size_t piece = j->run < PIECE ? j->run : PIECE, pieces = j->run / piece;
  for (size_t unit = begin; unit < end; unit++) {
    size_t coord[VFT_MAX_RANK], row = unit / pieces, rest = row;
    size_t first = unit % pieces * piece, last = first + piece;
    for (uint32_t a = j->outer; a-- > 0;) {
      coord[a] = rest & (((size_t)1 << j->b->log[a]) - 1);
      rest >>= j->b->log[a];
    }
    for (size_t g = 0; g < j->ngroups; g++) {
      const claim_group *group = &j->group[g];
      vft_ext scalar = VFT_EXT_ZERO, *out = j->out + row * j->run;
      size_t from = group->from > first ? group->from : first;
      size_t to = group->to < last ? group->to : last;
      bool any = false;
      if (from >= to) continue;
      for (size_t i = group->first; i < group->end; i++) {
        const block_claim *c = &j->claim[i];
        vft_ext w = c->coef;
        bool inside = true;
        for (uint32_t a = 0; a < j->outer && inside; a++) {
          inside = coord[a] >= c->from[a] && coord[a] < c->to[a];
          if (inside && c->w[a]) w = vft_ext_mul(w, c->w[a][coord[a] - c->from[a]]);
        }
        if (!inside) continue;
        scalar = vft_ext_add(scalar, w);
        any = true;
      }
      if (!any) continue;
      if (group->w)
        vft_ext_axpy_n(out + from, scalar, group->w + (from - group->from), to - from);
      else
        for (size_t k = from; k < to; k++) out[k] = vft_ext_add(out[k], scalar);
    }
  }
}

static bool same_run(const block_claim *x, const block_claim *y, uint32_t outer, uint32_t rank) {
  for (uint32_t a = outer; a < rank; a++)
    if (x->w[a] != y->w[a] || x->from[a] != y->from[a] || x->to[a] != y->to[a]) return false;
  return true;
}

/* The claims that touch block b, those with the same weights along the run side by side. */
static void block_claims(const vft_block *b, uint32_t rank, uint32_t outer,
                               const vft_opening_claim *claim, const claim_weights *weights,
                               size_t n, block_claim *out, size_t *count) {
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
      c.w[a] = weights[i].w[a] + (lo - x->off);
    }
    if (!touches) continue;
    size_t at = (*count)++; /* after the last one of its group */
    while (at > 0 && !same_run(&out[at - 1], &c, outer, rank)) at--;
    if (at == 0) at = *count - 1;
    memmove(&out[at + 1], &out[at], (*count - 1 - at) * sizeof *out);
    out[at] = c;
  }
}

/* x times the weights of axis a, over the block's side there. */
static void axis_weights(vft_ext *out, const block_claim *c, uint32_t a, size_t side, vft_ext x) {
  size_t from = c->from[a], to = c->to[a];
  memset(out, 0, from * sizeof *out);
  if (c->w[a])
    vft_ext_scale_n(out + from, c->w[a], x, to - from);
  else
    for (size_t i = from; i < to; i++) out[i] = x;
  memset(out + to, 0, (side - to) * sizeof *out);
}

/* Weights of a group along the run: a part of one axis as it is; of several axes those but the last
 * are multiplied out here, and multiply_rows does the rest. */
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
  g->w = g->own = vft_alloc_raw(j->run, sizeof *g->own);
  vft_ext *rows = g->rows = vft_alloc_raw(j->run / j->side, sizeof *rows);
  if (!g->own || !rows) return VFT_RESOURCE;
  size_t len = 1; /* axes outer .. a, in place: entry k becomes entries k * side .. */
  rows[0] = VFT_EXT_ONE;
  for (uint32_t a = j->outer; a + 1 < rank; a++) {
    size_t side = (size_t)1 << j->b->log[a];
    for (size_t k = len; k-- > 0;) axis_weights(rows + k * side, c, a, side, rows[k]);
    len *= side;
  }
  return VFT_OK;
}

/* Unit: an entry of the rows of a group. */
static void multiply_rows(void *ctx, size_t begin, size_t end) {
  const block_job *j = ctx;
  size_t rows = j->run / j->side;
  for (size_t unit = begin; unit < end; unit++) {
    const claim_group *g = &j->group[unit / rows];
    size_t k = unit % rows;
    if (g->own)
      axis_weights(g->own + k * j->side, &j->claim[g->first], j->last, j->side, g->rows[k]);
  }
}

/* A block, and the claims on its tensor. */
typedef struct {
  const vft_block *b;
  uint32_t rank;
  size_t first, end;
} block_task;

typedef struct {
  const vft_opening_claim *claim;
  const claim_weights *weights;
  block_task *task;
  size_t n;
  vft_ext *out; /* the tree's weights */
  _Atomic bool failed;
} tree_job;

static vft_status fill_block(const tree_job *tree, const block_task *task) {
  vft_status st = VFT_OK;
  const vft_block *b = task->b;
  uint32_t rank = task->rank;
  size_t count, n = task->end - task->first;
  block_claim *claim = vft_alloc_raw(n, sizeof *claim);
  claim_group *group = vft_alloc_raw(n, sizeof *group);
  block_job job = {.b = b, .outer = rank, .claim = claim, .group = group, .run = 1,
                   .out = tree->out + b->offset};
  if (!claim || !group) {
    st = VFT_RESOURCE;
    goto out;
  }
  job.last = rank ? rank - 1 : 0;
  job.side = rank ? (size_t)1 << b->log[job.last] : 1;
  while (job.outer > 0 && job.run < RUN_MIN) job.run <<= b->log[--job.outer];
  block_claims(b, rank, job.outer, tree->claim + task->first, tree->weights + task->first, n, claim,
               &count);
  for (size_t i = 0; i < count && st == VFT_OK; job.ngroups++) {
    claim_group *g = &group[job.ngroups];
    *g = (claim_group){.first = i};
    while (i < count && same_run(&claim[g->first], &claim[i], job.outer, rank)) i++;
    g->end = i;
    st = group_weights(&job, rank, g);
  }
  if (st == VFT_OK && job.outer + 1 < rank)
    vft_parallel_for(job.ngroups * (job.run / job.side), PIECE / job.side + 1, multiply_rows, &job);
  size_t piece = job.run < PIECE ? job.run : PIECE;
  if (st == VFT_OK)
    vft_parallel_for(((size_t)1 << b->log_size) / piece, PIECE / piece, fill_runs, &job);
  for (size_t g = 0; g < job.ngroups; g++) {
    vft_free(group[g].own);
    vft_free(group[g].rows);
  }
out:
  vft_free(claim);
  vft_free(group);
  return st;
}

static void fill_small(void *ctx, size_t begin, size_t end) {
  tree_job *j = ctx;
  for (size_t i = begin; i < end; i++)
    if (j->task[i].b->log_size < LARGE && fill_block(j, &j->task[i]) != VFT_OK)
      atomic_store(&j->failed, true);
}

/* The blocks of a tree's claimed tensors. */
static void list_tasks(const vft_opening *o, uint32_t tree, tree_job *j) {
  const vft_layout *lay = o->matrix->layout[tree];
  for (size_t first = 0, end; first < o->n; first = end) {
    uint32_t box = o->claim[first].f.tensor;
    for (end = first + 1; end < o->n && o->claim[end].tree == o->claim[first].tree &&
                          o->claim[end].f.tensor == box; end++) {
    }
    if (o->claim[first].tree != tree) continue;
    for (uint32_t k = lay->first[box]; k < lay->first[box + 1]; k++)
      j->task[j->n++] =
          (block_task){&lay->blocks[lay->by_box[k]], lay->boxes[box].rank, first, end};
  }
}

/* A large block is filled by all threads, small ones by a thread each. */
vft_status vft_opening_weights(const vft_opening *o, uint32_t tree, vft_ext *weight) {
  vft_status st = VFT_OK;
  vft_weight_cache cache = {0};
  claim_weights *w = vft_alloc(o->n, sizeof *w);
  tree_job job = {.claim = o->claim, .weights = w, .out = weight};
  job.task = vft_alloc(o->matrix->layout[tree]->nblocks, sizeof *job.task);
  if (!w || !job.task) {
    st = VFT_RESOURCE;
    goto out;
  }
  for (size_t i = 0; i < o->n; i++) {
    const vft_functional *f = &o->claim[i].f;
    for (uint32_t a = 0; o->claim[i].tree == tree && a < f->rank; a++) {
      if (f->axis[a].w.kind == VFT_W_ONES) continue;
      w[i].w[a] = vft_weight_cache_get(&cache, &f->axis[a].w);
      if (!w[i].w[a]) {
        st = VFT_RESOURCE;
        goto out;
      }
    }
  }
  list_tasks(o, tree, &job);
  vft_parallel_for(job.n, 1, fill_small, &job);
  if (atomic_load(&job.failed)) st = vft_fail(VFT_RESOURCE, "opening: out of memory for weights");
  for (size_t i = 0; i < job.n && st == VFT_OK; i++)
    if (job.task[i].b->log_size >= LARGE) st = fill_block(&job, &job.task[i]);
out:
  vft_weight_cache_free(&cache);
  vft_free(job.task);
  vft_free(w);
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
    source[i] = (vft_whir_source){.type = VFT_ELEM_FP, .message = message,
                                  .tree = vft_commitment_tree(commitment[t]), .spend = true};
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
