/* The WHIR prover: sumcheck over the rows of a level, and the claims of its queries.
 *
 * Only live rows are held: a row of the virtual matrix that no tree covers is zero and stays out
 * of every list. Row variables are bound two at a time, low bit first: rows 4g .. 4g+3 become
 * row g, so the number of live rows falls by four (at a gap or a ragged end by less) and work is
 * proportional to real rows. One pass folds by the two challenges at hand and, while the folded
 * chunk is in cache, sums the products that the next two messages need:
 *
 * with t(a, b) = sum over groups and columns of p(a, b) w(a, b), p and w linear in a and in b,
 *   message 1:  h(0) = t(0,0) + t(0,1),  [X^2] h = t(inf,0) + t(inf,1);
 *   message 2, after a = r:  h(0) = q(0),  [X^2] h = q(inf), where
 *   q(b) = t(0,b) (1-r) + t(1,b) r + t(inf,b) (r^2 - r).
 *
 * Memory. A folded row takes the place of rows that it was folded from: every unit of work reads
 * its chunk of the four rows before it writes. Extension rows are folded into the first of them,
 * weights into the first row of weights; the first fold turns base entries, which are too short,
 * into extension elements, in the place of the group's second row of weights where the caller
 * lets them be spent. Only what finds no place so has memory of its own.
 *
 * All sums are exact in the field: neither threads nor chunking can show in the result. */
#include <string.h>

#include "argument/whir_claims.h"
#include "argument/whir_core.h"
#include "argument/whir_kernels.h"
#include "argument/whir_prover.h"
#include "base/mem.h"
#include "base/pool.h"
#include "base/random.h"
#include "field/batch.h"
#include "hash/poseidon.h"

enum { CHUNK = 256, SLOTS_MAX = 256 };

/* A live row: `id` in the level's matrix. Entries are of the container `type`, or extension
 * elements when ext is set. weight NULL: zero. */
typedef struct {
  uint64_t id;
  const void *entry;
  const vft_ext *weight;
  vft_elem type;
  bool ext;
  bool spend; /* the weights may be overwritten */
} row;

typedef struct {
  const vft_whir_params *p;
  vft_hash_kind hash;
  const vft_whir_kernels *k;
  const vft_whir_source *source;
  const vft_whir_tree *trees;
  size_t ntrees;
  unsigned level, vars;  /* row variables of this level not bound yet */
  size_t cols;
  row *rows, *next;      /* live rows, and room for the folded ones */
  size_t n;
  vft_ext *entry[2], *weight[2]; /* folded rows without a place, used in turn */
  size_t entries[2], weights[2]; /* their lengths */
  unsigned turn;
  unsigned pass;         /* variables of the prepared pass: 0 (none), 1 or 2 */
  unsigned bound;        /* of these, already bound */
  vft_ext r0;
  vft_ext t[VFT_WHIR_T];
  size_t *start, *first; /* first row of each group, first input row of each folded row */
  vft_ext *slot;         /* SLOTS_MAX partial sums */
  vft_rs *rs[VFT_WHIR_LEVELS_MAX]; /* codes and trees of level 1 and above */
  vft_merkle *tree[VFT_WHIR_LEVELS_MAX];
  vft_ext *f, *w;        /* the folded row and weights of the level just finished */
  bool last;             /* the last sumcheck, over f and w themselves */
  bool wipe;             /* rows hide something: their folds are wiped */
} prover;

/* ---- one pass -------------------------------------------------------------------------------- */

typedef struct {
  prover *s;
  unsigned fold;    /* variables to fold by first: 0, 1 or 2 */
  unsigned product; /* variables of the products: 0, 1 or 2 */
  vft_ext r[3];     /* fold: the challenges (second 0 if fold = 1) and their product */
  size_t groups, chunks, grain;
} pass;

static const vft_fp zero_fp[CHUNK];
static const vft_ext zero_ext[CHUNK];

/* The fold of the input rows first .. last-1 (at most 4, ids within one group) into out. */
static void fold_rows(const pass *x, size_t first, size_t last, const row *out, size_t from,
                      size_t n) {
  prover *s = x->s;
  vft_fp loaded[4][CHUNK];
  const vft_fp *pf[4] = {zero_fp, zero_fp, zero_fp, zero_fp};
  const vft_ext *pe[4] = {zero_ext, zero_ext, zero_ext, zero_ext};
  const vft_ext *w[4] = {zero_ext, zero_ext, zero_ext, zero_ext};
  bool ext = s->rows[first].ext;
  for (size_t i = first; i < last; i++) {
    const row *r = &s->rows[i];
    unsigned at = (unsigned)r->id & ((1u << x->fold) - 1);
    if (r->weight) w[at] = r->weight + from;
    if (ext) {
      pe[at] = (const vft_ext *)r->entry + from;
    } else if (r->type == VFT_ELEM_FP) {
      pf[at] = (const vft_fp *)r->entry + from;
    } else {
      vft_fp_load(loaded[at], r->type,
                  (const uint8_t *)r->entry + from * vft_elem_size(r->type), n);
      pf[at] = loaded[at];
    }
  }
  /* Weights first: the entries may take the place of a row of them. */
  vft_ext *entry = (vft_ext *)out->entry + from;
  if (out->weight) s->k->fold_ext((vft_ext *)out->weight + from, w, x->r, n);
  if (ext)
    s->k->fold_ext(entry, pe, x->r, n);
  else
    s->k->fold_fp(entry, pf, x->r, n);
}

/* Products of a group of rows, ids equal up to the low x->product bits. */
static void add_products(const pass *x, const row *r, size_t n_rows, size_t from, size_t n,
                         vft_ext *t) {
  prover *s = x->s;
  vft_fp loaded[4][CHUNK];
  const vft_fp *pf[4] = {zero_fp, zero_fp, zero_fp, zero_fp};
  const vft_ext *pe[4] = {zero_ext, zero_ext, zero_ext, zero_ext};
  const vft_ext *w[4] = {zero_ext, zero_ext, zero_ext, zero_ext};
  bool ext = r[0].ext, any = false;
  for (size_t i = 0; i < n_rows; i++) {
    unsigned at = (unsigned)r[i].id & ((1u << x->product) - 1);
    if (!r[i].weight) continue;
    any = true;
    w[at] = r[i].weight + from;
  }
  if (!any) return;
  for (size_t i = 0; i < n_rows; i++) {
    unsigned at = (unsigned)r[i].id & ((1u << x->product) - 1);
    if (ext) {
      pe[at] = (const vft_ext *)r[i].entry + from;
    } else if (r[i].type == VFT_ELEM_FP) {
      pf[at] = (const vft_fp *)r[i].entry + from;
    } else {
      vft_fp_load(loaded[at], r[i].type,
                  (const uint8_t *)r[i].entry + from * vft_elem_size(r[i].type), n);
      pf[at] = loaded[at];
    }
  }
  /* One variable: rows 2 and 3 are zero, and of the eight sums only t(0,0) and t(inf,0) count. */
  if (ext)
    s->k->products_ext(pe, w, n, t);
  else
    s->k->products_fp(pf, w, n, t);
}

static void pass_body(void *ctx, size_t begin, size_t end) {
  const pass *x = ctx;
  prover *s = x->s;
  vft_ext t[VFT_WHIR_T];
  memset(t, 0, sizeof t);
  for (size_t u = begin; u < end; u++) {
    size_t g = u / x->chunks, from = (u % x->chunks) * CHUNK;
    size_t n = s->cols - from < CHUNK ? s->cols - from : CHUNK;
    size_t first = s->start[g], last = s->start[g + 1];
    const row *rows = x->fold ? s->next : s->rows;
    for (size_t i = first; i < last && x->fold; i++)
      fold_rows(x, s->first[i], s->first[i + 1], &s->next[i], from, n);
    if (x->product) add_products(x, rows + first, last - first, from, n, t);
  }
  memcpy(s->slot + begin / x->grain * VFT_WHIR_T, t, sizeof t);
}

/* start[] of the runs of rows with equal id >> shift; returns their number. */
static size_t runs(const row *r, size_t n, unsigned shift, size_t *start) {
  size_t g = 0;
  for (size_t i = 0; i < n; i++)
    if (!i || r[i].id >> shift != r[i - 1].id >> shift) start[g++] = i;
  start[g] = n;
  return g;
}

/* Room for so many folded rows in the buffers that the rows at hand do not use. */
static vft_status reserve_rows(prover *s, size_t entries, size_t weights) {
  unsigned b = s->turn ^= 1;
  if (entries * s->cols > s->entries[b]) {
    if (s->wipe && s->entry[b]) vft_wipe(s->entry[b], s->entries[b] * sizeof *s->entry[b]);
    vft_free(s->entry[b]);
    s->entries[b] = entries * s->cols;
    s->entry[b] = vft_alloc_raw(s->entries[b], sizeof(vft_ext));
  }
  if (weights * s->cols > s->weights[b]) {
    vft_free(s->weight[b]);
    s->weights[b] = weights * s->cols;
    s->weight[b] = vft_alloc_raw(s->weights[b], sizeof(vft_ext));
  }
  if ((!entries || s->entry[b]) && (!weights || s->weight[b])) return VFT_OK;
  return vft_fail(VFT_RESOURCE, "opening: out of memory for the folded matrix");
}

/* The folds of the m groups of rows that first[] delimits: where they will be. */
static vft_status place_folded(prover *s, size_t m, unsigned fold) {
  size_t entries = 0, weights = 0;
  for (size_t i = 0; i < m; i++) {
    const row *from = &s->rows[s->first[i]];
    row *to = &s->next[i];
    const vft_ext *place[2] = {NULL, NULL}; /* rows of weights that may be overwritten */
    unsigned places = 0;
    bool any = false;
    for (size_t j = s->first[i]; j < s->first[i + 1]; j++) {
      const row *r = &s->rows[j];
      any |= r->weight != NULL;
      if (r->weight && r->spend && places < 2) place[places++] = r->weight;
    }
    *to = (row){.id = from->id >> fold, .weight = place[0], .ext = true, .spend = true};
    to->entry = from->ext ? from->entry : place[1];
    entries += !to->entry;
    weights += any && !to->weight;
    to->type = any ? VFT_ELEM_FP : VFT_ELEM_I8; /* until its buffers are there */
  }
  TRY(reserve_rows(s, entries, weights));
  vft_ext *entry = s->entry[s->turn], *weight = s->weight[s->turn];
  for (size_t i = 0; i < m; i++) {
    row *to = &s->next[i];
    if (!to->entry) {
      to->entry = entry;
      entry += s->cols;
    }
    if (to->type == VFT_ELEM_FP && !to->weight) {
      to->weight = weight;
      weight += s->cols;
    }
    to->type = VFT_ELEM_FP;
  }
  return VFT_OK;
}

/* Folds by x->fold variables (challenges x->r set) and prepares the messages of the next ones. */
static vft_status run_pass(prover *s, pass *x) {
  size_t m = s->n;
  x->s = s;
  s->vars -= x->fold;
  x->product = s->vars < 2 ? s->vars : 2;
  x->chunks = (s->cols + CHUNK - 1) / CHUNK;
  if (x->fold) {
    m = runs(s->rows, s->n, x->fold, s->first);
    TRY(place_folded(s, m, x->fold));
  }
  x->groups = runs(x->fold ? s->next : s->rows, m, x->product, s->start);
  size_t units = x->groups * x->chunks;
  x->grain = (units + SLOTS_MAX - 1) / SLOTS_MAX;
  vft_parallel_for(units, x->grain, pass_body, x);
  memset(s->t, 0, sizeof s->t);
  for (size_t i = 0; i * x->grain < units; i++)
    for (int k = 0; k < VFT_WHIR_T; k++)
      s->t[k] = vft_ext_add(s->t[k], s->slot[i * VFT_WHIR_T + k]);
  if (x->fold) {
    row *swap = s->rows;
    s->rows = s->next;
    s->next = swap;
    s->n = m;
  }
  s->pass = x->product;
  s->bound = 0;
  return VFT_OK;
}

/* ---- the driver's questions ------------------------------------------------------------------ */

/* Remaining vector of the last sumcheck: low variable first, in place. */
static void last_message(const prover *s, vft_ext h[2]) {
  h[0] = h[1] = VFT_EXT_ZERO;
  for (size_t i = 0; i < s->cols; i += 2) {
    h[0] = vft_ext_add(h[0], vft_ext_mul(s->f[i], s->w[i]));
    h[1] = vft_ext_add(h[1], vft_ext_mul(vft_ext_sub(s->f[i + 1], s->f[i]),
                                         vft_ext_sub(s->w[i + 1], s->w[i])));
  }
}

static vft_status on_message(void *ctx, vft_ext h[2]) {
  prover *s = ctx;
  const vft_ext *t = s->t;
  if (s->last) {
    last_message(s, h);
    return VFT_OK;
  }
  if (!s->pass) TRY(run_pass(s, &(pass){.fold = 0}));
  if (!s->bound) {
    h[0] = vft_ext_add(t[VFT_WHIR_T00], t[VFT_WHIR_T01]);
    h[1] = vft_ext_add(t[VFT_WHIR_TI0], t[VFT_WHIR_TI1]);
    return VFT_OK;
  }
  vft_ext r = s->r0, q0 = vft_ext_sub(VFT_EXT_ONE, r), q = vft_ext_sub(vft_ext_mul(r, r), r);
  h[0] = vft_ext_add(vft_ext_mul(q0, t[VFT_WHIR_T00]),
                     vft_ext_add(vft_ext_mul(r, t[VFT_WHIR_T10]), vft_ext_mul(q, t[VFT_WHIR_TI0])));
  h[1] = vft_ext_add(vft_ext_mul(q0, t[VFT_WHIR_T0I]),
                     vft_ext_add(vft_ext_mul(r, t[VFT_WHIR_T1I]), vft_ext_mul(q, t[VFT_WHIR_TII])));
  return VFT_OK;
}

static vft_status on_bind(void *ctx, vft_ext r) {
  prover *s = ctx;
  if (s->last) {
    vft_ext_fold_low(s->f, s->f, s->cols, r);
    vft_ext_fold_low(s->w, s->w, s->cols, r);
    s->cols /= 2;
    return VFT_OK;
  }
  if (s->pass == 2 && !s->bound) {
    s->r0 = r;
    s->bound = 1;
    return VFT_OK;
  }
  pass x = {.fold = s->pass, .r = {r, VFT_EXT_ZERO, VFT_EXT_ZERO}};
  if (s->bound) {
    x.r[0] = s->r0;
    x.r[1] = r;
    x.r[2] = vft_ext_mul(s->r0, r);
  }
  return run_pass(s, &x);
}

/* All row variables are bound: one row is left. Leaves it in s->f and s->w. */
static vft_status take_folded(prover *s) {
  const row *r = &s->rows[0];
  if (!r->ext || !r->weight) {
    const row *from = r;
    TRY(reserve_rows(s, 1, 1));
    vft_ext *f = s->entry[s->turn], *w = s->weight[s->turn];
    if (from->ext) {
      memcpy(f, from->entry, s->cols * sizeof *f);
    } else {
      vft_fp buffer[CHUNK];
      for (size_t i = 0; i < s->cols; i += CHUNK) {
        size_t n = s->cols - i < CHUNK ? s->cols - i : CHUNK;
        vft_fp_load(buffer, from->type,
                    (const uint8_t *)from->entry + i * vft_elem_size(from->type), n);
        for (size_t j = 0; j < n; j++) f[i + j] = vft_ext_from_fp(buffer[j]);
      }
    }
    if (from->weight)
      memcpy(w, from->weight, s->cols * sizeof *w);
    else
      memset(w, 0, s->cols * sizeof *w);
    s->f = f;
    s->w = w;
    return VFT_OK;
  }
  s->f = (vft_ext *)r->entry;
  s->w = (vft_ext *)r->weight;
  return VFT_OK;
}

static vft_status on_commit(void *ctx, unsigned level, vft_digest *root) {
  prover *s = ctx;
  const vft_whir_level *l = &s->p->level[level];
  TRY(take_folded(s));
  size_t len = (size_t)1 << l->log_msg;
  vft_rows_ext_ctx rows = {.rows = s->f, .len = len, .total = len << l->row_vars};
  TRY(vft_rs_new(&s->rs[level], l->log_msg, l->log_inv_rate));
  TRY(vft_merkle_commit(&s->tree[level], s->hash, s->rs[level], (size_t)3 << l->row_vars,
                        vft_rows_ext, &rows, true));
  *root = vft_merkle_root(s->tree[level]);
  s->level = level;
  s->vars = l->row_vars;
  s->cols = (size_t)1 << l->log_msg;
  s->n = (size_t)1 << l->row_vars;
  for (size_t i = 0; i < s->n; i++)
    s->rows[i] = (row){.id = i, .entry = s->f + i * s->cols, .weight = s->w + i * s->cols,
                       .ext = true, .spend = true};
  s->pass = 0;
  return VFT_OK;
}

static void on_tail(void *ctx, const vft_ext *r, vft_ext *out) {
  const prover *s = ctx;
  unsigned vars = s->p->level[0].row_vars;
  size_t n = s->p->level[0].tail;
  memset(out, 0, n * sizeof *out);
  for (size_t t = 0; t < s->ntrees; t++) {
    const vft_whir_tree *tree = &s->trees[t];
    for (uint64_t k = 0; tree->salted && k < tree->rows; k++) {
      vft_ext e = vft_eq_index(r, vars, tree->row_offset + k);
      for (size_t i = 0; i < n; i++)
        out[i] = vft_ext_add(out[i], vft_ext_mul_fp(e, s->source[t].tail[k * n + i]));
    }
    for (uint64_t k = 0; k < tree->exts; k++) {
      vft_ext e = vft_eq_index(r, vars, tree->at[k]);
      for (size_t i = 0; i < n; i++)
        out[i] = vft_ext_add(out[i], vft_ext_mul(e, s->source[t].ext_tail[k * n + i]));
    }
  }
}

static vft_status on_last(void *ctx, vft_ext *coefficient) {
  prover *s = ctx;
  TRY(take_folded(s));
  memcpy(coefficient, s->f, s->cols * sizeof *coefficient);
  s->last = true;
  return VFT_OK;
}

static const vft_merkle *on_tree(void *ctx, unsigned level, size_t tree) {
  const prover *s = ctx;
  return level ? s->tree[level] : s->source[tree].tree;
}

static vft_status on_claims(void *ctx, unsigned level, const uint32_t *index, size_t n,
                            vft_ext gamma) {
  prover *s = ctx;
  const vft_whir_level *l = &s->p->level[level];
  return vft_whir_add_claims(s->w, l->log_msg, l->log_inv_rate, index, n, gamma);
}

static vft_status on_weight(void *ctx, vft_ext *value) {
  *value = ((prover *)ctx)->w[0];
  return VFT_OK;
}

/* ---- entry ----------------------------------------------------------------------------------- */

/* Rows that can be live at once: the trees', and 2^row_vars at the other levels. */
static size_t rows_bound(const vft_whir_params *p, const vft_whir_tree *tree, size_t trees) {
  size_t n = 0;
  for (size_t t = 0; t < trees; t++) n += tree[t].rows + tree[t].exts;
  for (unsigned i = 1; i < p->levels; i++)
    if (n < (size_t)1 << p->level[i].row_vars) n = (size_t)1 << p->level[i].row_vars;
  return n;
}

vft_status vft_whir_prove(vft_channel *ch, const vft_whir_params *params,
                          const vft_whir_tree *tree, size_t trees,
                          const vft_whir_source *source, vft_ext sigma) {
  if (!vft_channel_is_prover(ch)) return vft_fail(VFT_USAGE, "opening: not a prover's channel");
  vft_status st = vft_whir_shapes_check(params, tree, trees);
  if (st != VFT_OK) return vft_fail_context(VFT_USAGE, "prover");
  prover s = {.p = params, .hash = vft_channel_hash(ch), .source = source,
              .trees = tree, .ntrees = trees, .vars = params->level[0].row_vars};
  s.k = vft_whir_kernels_choose();
  s.cols = (size_t)1 << params->level[0].log_msg;
  const vft_whir_level *l = &params->level[0];
  size_t capacity = rows_bound(params, tree, trees);
  s.rows = vft_alloc(capacity, sizeof *s.rows);
  s.next = vft_alloc(capacity, sizeof *s.next);
  s.start = vft_alloc(capacity + 1, sizeof *s.start);
  s.first = vft_alloc(capacity + 1, sizeof *s.first);
  s.slot = vft_alloc(SLOTS_MAX * VFT_WHIR_T, sizeof *s.slot);
  if (!s.rows || !s.next || !s.start || !s.first || !s.slot) {
    st = vft_fail(VFT_RESOURCE, "opening: out of memory for %zu rows", capacity);
    goto out;
  }
  for (size_t t = 0; t < trees; t++) {
    const vft_whir_source *from = &source[t];
    s.wipe |= tree[t].salted;
    size_t bytes = vft_elem_size(from->type);
    if (vft_merkle_rows(from->tree) != tree[t].rows + 3 * tree[t].exts ||
        vft_merkle_is_salted(from->tree) != tree[t].salted ||
        vft_merkle_log_length(from->tree) != l->log_msg + l->log_inv_rate ||
        vft_merkle_hash(from->tree) != s.hash) {
      st = vft_fail(VFT_USAGE, "opening: tree %zu does not have the declared shape and hash", t);
      goto out;
    }
    for (uint64_t r = 0; r < tree[t].rows; r++)
      s.rows[s.n++] = (row){.id = tree[t].row_offset + r,
                            .entry = (const uint8_t *)from->message + r * s.cols * bytes,
                            .weight = from->weight ? from->weight + r * s.cols : NULL,
                            .type = from->type,
                            .spend = from->spend};
  }
  for (size_t t = 0; t < trees; t++)
    for (uint64_t r = 0; r < tree[t].exts; r++) {
      uint64_t id = tree[t].at[r];
      if (!s.rows[s.n - 1].ext && s.rows[s.n - 1].id >> 2 == id >> 2) {
        st = vft_fail(VFT_USAGE, "opening: rows %llu and before are of both kinds",
                      (unsigned long long)id);
        goto out;
      }
      s.rows[s.n++] = (row){.id = id,
                            .entry = source[t].ext + r * s.cols,
                            .weight = source[t].ext_weight + r * s.cols,
                            .type = VFT_ELEM_FP,
                            .ext = true,
                            .spend = true};
    }
  vft_whir_hooks hooks = {.ctx = &s,
                          .message = on_message,
                          .bind = on_bind,
                          .commit = on_commit,
                          .tail = on_tail,
                          .last = on_last,
                          .tree = on_tree,
                          .claims = on_claims,
                          .weight = on_weight};
  st = vft_whir_drive(ch, params, tree, trees, sigma, NULL, NULL, &hooks);
out:
  for (unsigned i = 1; i < VFT_WHIR_LEVELS_MAX; i++) {
    vft_merkle_free(s.tree[i]);
    vft_rs_free(s.rs[i]);
  }
  for (int b = 0; b < 2; b++) {
    if (s.wipe && s.entry[b]) vft_wipe(s.entry[b], s.entries[b] * sizeof *s.entry[b]);
    vft_free(s.entry[b]);
    vft_free(s.weight[b]);
  }
  vft_free(s.slot);
  vft_free(s.first);
  vft_free(s.start);
  vft_free(s.next);
  vft_free(s.rows);
  return st;
}

/* Of the groups row >> shift, over all trees (sorted, disjoint): their number, and how many have
 * one row only. */
static size_t groups(const vft_whir_tree *tree, size_t trees, unsigned shift, size_t *lone) {
  size_t n = 0, rows = 0; /* rows: of group `at`, so far */
  uint64_t at = 0;
  *lone = 0;
  for (size_t t = 0; t < trees; t++) {
    uint64_t begin = tree[t].row_offset, end = begin + tree[t].rows;
    while (begin < end) {
      uint64_t g = begin >> shift, stop = (g + 1) << shift;
      if (stop > end) stop = end;
      if (!rows || g != at) {
        *lone += rows == 1;
        rows = 0;
        n++;
      }
      at = g;
      rows += (size_t)(stop - begin);
      begin = stop;
    }
  }
  *lone += rows == 1;
  return n;
}

/* A level's tree: what stays of it (code of rows rounded up to 8, digests, twiddles), and while it
 * is made (messages and what each thread loads; chaining values of leaf chunks). */
static size_t code_bytes(const vft_whir_level *l, vft_hash_kind hash, size_t *making) {
  size_t rows = (((size_t)3 << l->row_vars) + 7) & ~(size_t)7;
  size_t n = (size_t)1 << (l->log_msg + l->log_inv_rate), chunks = (rows / 8 + 16) / 16;
  size_t load = (size_t)vft_threads() * (128u << l->log_msg);
  size_t leaves = hash == VFT_HASH_POSEIDON ? n * sizeof(vft_poseidon_state) : 32 * n * chunks;
  *making = rows * (8u << l->log_msg) + load + leaves + 4096;
  return n * (8 * rows + 64) + 24 * (n / 4 + ((size_t)1 << l->log_inv_rate)) + 4096;
}

/* The columns of a tree's queries, their siblings, weights of rows. */
static size_t open_bytes(const vft_whir_level *l, size_t rows, size_t words) {
  size_t q = l->queries;
  return 8 * q * words + 32 * q * (l->log_msg + l->log_inv_rate) + 24 * rows + 4096 * 24;
}

size_t vft_whir_prove_bytes(const vft_whir_params *params, const vft_whir_tree *tree,
                            size_t trees, bool spend, vft_hash_kind hash) {
  const vft_whir_level *l = &params->level[0];
  size_t rows = rows_bound(params, tree, trees), bytes = 4096, lone;
  size_t once = l->row_vars < 2 ? l->row_vars : 2, row_bytes = sizeof(vft_ext) << l->log_msg;
  bytes += rows * 2 * (sizeof(row) + sizeof(size_t)) + 2 * sizeof(size_t);
  bytes += SLOTS_MAX * VFT_WHIR_T * sizeof(vft_ext);
  /* The rows of the first fold that have memory of their own: all, or with weights to spend those
   * of one row, whose entries find no second row of weights. Later folds find places. */
  size_t own = groups(tree, trees, (unsigned)once, &lone);
  bytes += spend ? lone * row_bytes : (own + 1) * 2 * row_bytes;
  if (!once) bytes += 2 * row_bytes; /* what take_folded makes of a row that was never folded */
  /* A level's codes stay; the rest is freed before the next step. */
  size_t kept = 0, most = 0;
  for (unsigned i = 0; i < params->levels; i++, l++) {
    size_t making = 0, claims = 0, opened = 0, answers = 28 * (size_t)l->queries;
    if (i + 1 < params->levels) {
      kept += code_bytes(l + 1, hash, &making);
      claims = vft_whir_claims_bytes(l->log_msg, l->log_inv_rate);
    }
    for (size_t t = 0; t < (i ? 1 : trees); t++) {
      size_t r = i ? (size_t)1 << l->row_vars : tree[t].rows;
      size_t now = open_bytes(l, r, i ? 3 * r : r);
      opened = now > opened ? now : opened;
    }
    kept += answers;
    size_t now = making > claims ? making : claims;
    now = kept + (now > opened ? now : opened);
    most = now > most ? now : most;
  }
  return bytes + most;
}

/* Most siblings of the batch opening of so many positions: at each height every pair that is known
 * in part needs one, and there are at most as many as positions, or as pairs. */
static size_t most_siblings(unsigned log_n, size_t positions) {
  size_t n = 0;
  for (unsigned h = 0; h < log_n; h++) {
    size_t pairs = (size_t)1 << (log_n - h - 1);
    n += pairs < positions ? pairs : positions;
  }
  return n;
}

size_t vft_whir_proof_bytes(const vft_whir_params *params, const vft_whir_tree *tree,
                            size_t trees) {
  size_t bytes = 0;
  for (unsigned i = 0; i < params->levels; i++) {
    const vft_whir_level *l = &params->level[i];
    /* a cap has at most as many nodes as there are queries */
    size_t paths = 32 * (most_siblings(l->log_msg + l->log_inv_rate, l->queries) + l->queries);
    bytes += 48 * (size_t)l->row_vars + 32 + 8;
    if (i) {
      bytes += paths + 24 * ((size_t)l->queries << l->row_vars);
    } else {
      for (size_t t = 0; t < trees; t++)
        bytes += paths + 8 * (tree[t].rows + 3 * tree[t].exts) * l->queries;
    }
  }
  unsigned last = params->level[params->levels - 1].log_msg;
  return bytes + 48 * (size_t)last + ((size_t)24 << last) + 24 * (size_t)params->level[0].tail;
}
