/* The WHIR driver, and with it the verifier: the order of messages and every check. The prover runs
 * the same code and only adds its answers (whir_core.h), so the two cannot differ in what they
 * absorb. Needs nothing but the C library. */
#include <string.h>

#include "argument/whir_columns.h"
#include "argument/whir_core.h"
#include "base/mem.h"

/* One level's queries; claim i has weight gamma^(i+1). */
typedef struct {
  vft_whir_queries at;
  vft_ext gamma;
} queries;

typedef struct {
  vft_channel *ch;
  const vft_whir_params *p;
  const vft_whir_hooks *hooks; /* NULL: verifier */
  vft_ext z[VFT_WHIR_VARIABLES_MAX]; /* the challenges, by the variable that they bind */
  vft_ext claim;
  vft_ext *tail; /* of the row folded at level 0 */
  queries q[VFT_WHIR_LEVELS_MAX];
  vft_digest root[VFT_WHIR_LEVELS_MAX]; /* from level 1 on */
} driver;

/* ---- public data ---------------------------------------------------------------------------- */

static void put64(uint8_t *b, uint64_t x) {
  for (int i = 0; i < 8; i++) b[i] = (uint8_t)(x >> (8 * i));
}

static void absorb_params(vft_channel *ch, const vft_whir_params *p) {
  uint8_t b[16 + 16 * VFT_WHIR_LEVELS_MAX] = {0};
  put64(b, p->levels);
  put64(b + 8, p->bits | (uint64_t)p->test_profile << 32);
  for (unsigned i = 0; i < p->levels; i++) {
    const vft_whir_level *l = &p->level[i];
    uint8_t *at = b + 16 + 16 * i;
    at[0] = l->row_vars;
    at[1] = l->log_msg;
    at[2] = l->log_inv_rate;
    at[3] = l->grind;
    put64(at + 4, l->tail);
    put64(at + 8, l->queries);
  }
  vft_channel_absorb(ch, "whir/params", b, 16 + 16 * p->levels);
}

static vft_status check_trees(const vft_whir_params *p, const vft_whir_tree *tree, size_t trees) {
  uint64_t next = 0, end = (uint64_t)1 << p->level[0].row_vars;
  if (trees < 1 || trees > VFT_WHIR_TREES_MAX)
    return vft_reject("whir/trees", "opening: %zu trees, expected 1 to %d", trees,
                      VFT_WHIR_TREES_MAX);
  for (size_t t = 0; t < trees; t++) {
    if (tree[t].rows < 1 || tree[t].row_offset < next || tree[t].row_offset >= end ||
        tree[t].rows > end - tree[t].row_offset)
      return vft_reject("whir/trees",
                        "opening: tree %zu has rows [%llu, +%llu), expected a range behind row "
                        "%llu and below row %llu",
                        t, (unsigned long long)tree[t].row_offset,
                        (unsigned long long)tree[t].rows, (unsigned long long)next,
                        (unsigned long long)end);
    next = tree[t].row_offset + tree[t].rows;
  }
  for (size_t t = 0; t < trees; t++)
    for (uint64_t r = 0; r < tree[t].exts; next = tree[t].at[r++] + 1)
      if (tree[t].at[r] < next || tree[t].at[r] >= end)
        return vft_reject("whir/trees", "opening: tree %zu has an extension row out of place", t);
  return VFT_OK;
}

static void absorb_statement(vft_channel *ch, const vft_whir_tree *tree, size_t trees,
                             vft_ext sigma) {
  vft_channel_absorb_u64(ch, "whir/trees", trees);
  for (size_t t = 0; t < trees; t++) {
    vft_channel_absorb_u64(ch, "whir/rows", tree[t].rows);
    vft_channel_absorb_u64(ch, "whir/offset", tree[t].row_offset);
    vft_channel_absorb_digest(ch, "whir/tree", &tree[t].root);
  }
  vft_channel_absorb_ext(ch, "whir/sigma", &sigma, 1);
}

/* ---- sumcheck ------------------------------------------------------------------------------- */

/* Binds variables base, base + 1, ... of the current vector. */
static vft_status sumcheck(driver *d, const char *label, unsigned base, unsigned vars) {
  for (unsigned s = 0; s < vars; s++) {
    vft_ext h[2] = {VFT_EXT_ZERO, VFT_EXT_ZERO};
    if (d->hooks) TRY(d->hooks->message(d->hooks->ctx, h));
    TRY(vft_channel_send_ext(d->ch, label, h, 2));
    vft_ext r = vft_channel_challenge_ext(d->ch, label);
    d->claim = vft_whir_round_value(h, d->claim, r);
    d->z[base + s] = r;
    if (d->hooks) TRY(d->hooks->bind(d->hooks->ctx, r));
  }
  return VFT_OK;
}

/* ---- queries -------------------------------------------------------------------------------- */

static vft_status draw_queries(driver *d, unsigned level) {
  const vft_whir_level *l = &d->p->level[level];
  TRY(vft_channel_grind(d->ch, "whir/grind", l->grind));
  return vft_whir_draw(d->ch, &d->q[level].at, l->queries, l->log_msg + l->log_inv_rate);
}

/* out[i] = eq(r, offset + i), i < n. */
static vft_status eq_range(vft_ext *out, const vft_ext *r, unsigned vars, uint64_t offset,
                           uint64_t n) {
  unsigned low = vars < 12 ? vars : 12;
  uint64_t block = (uint64_t)1 << low;
  vft_ext *table = vft_alloc_raw(block, sizeof *table);
  if (!table) return vft_fail(VFT_RESOURCE, "opening: out of memory for weights of rows");
  vft_eq_table(table, r, low, VFT_EXT_ONE, block);
  for (uint64_t done = 0; done < n;) {
    uint64_t from = (offset + done) & (block - 1);
    uint64_t now = n - done < block - from ? n - done : block - from;
    vft_ext high = vft_eq_index(r + low, vars - low, (offset + done) >> low);
    vft_ext_scale_n(out + done, table + from, high, now);
    done += now;
  }
  vft_free(table);
  return VFT_OK;
}

/* Opens the queried columns of one tree and adds their folds to y, one for each distinct position.
 * Level 0: base rows, then `exts`; other levels: rows of extension elements, 3 base rows each. */
static vft_status open_tree(driver *d, unsigned level, size_t tree, const vft_whir_tree *t,
                            vft_ext *y) {
  const vft_whir_level *l = &d->p->level[level];
  const vft_whir_queries *q = &d->q[level].at;
  size_t base = level ? 0 : t->rows, exts = level ? t->rows : t->exts, words = base + 3 * exts;
  vft_status st = VFT_OK;
  /* where a size_t is shorter than 64 bits */
  if (q->opened && words > SIZE_MAX / sizeof(vft_ext) / q->opened)
    return vft_reject("transcript/truncated", "opening: columns that no proof here can have");
  vft_ext *eq = vft_alloc_raw(t->rows + t->exts, sizeof *eq);
  /* As extension elements, so that both views of a column are of the type that was allocated. */
  vft_ext *store = vft_alloc_raw(q->opened * words / 3 + 1, sizeof *store);
  vft_fp *columns = store ? store[0].c : NULL;
  if (!eq || !store) {
    st = vft_fail(VFT_RESOURCE, "opening: out of memory for columns");
    goto out;
  }
  const vft_merkle *from = d->hooks ? d->hooks->tree(d->hooks->ctx, level, tree) : NULL;
  st = vft_whir_columns(d->ch, q, from, &t->root, l->log_msg + l->log_inv_rate, words,
                        level != 0, t->salted, columns);
  if (st == VFT_REJECTED && !strncmp(vft_error_check(), "merkle/", 7))
    st = vft_reject("whir/merkle", "opening: level %u, tree %zu: %s", level, tree,
                    vft_error_message());
  TRY_OUT(st);
  TRY_OUT(eq_range(eq, d->z + l->log_msg, l->row_vars, t->row_offset, t->rows));
  for (uint64_t r = 0; r < t->exts; r++)
    eq[t->rows + r] = vft_eq_index(d->z + l->log_msg, l->row_vars, t->at[r]);
  for (size_t i = 0; i < q->opened; i++) {
    const vft_fp *column = columns + i * words;
    const vft_ext *ext = (const void *)(column + base);
    if (base) y[i] = vft_ext_add(y[i], vft_ext_dot_elem(VFT_ELEM_FP, column, eq, base));
    if (exts) y[i] = vft_ext_add(y[i], vft_ext_dot_n(ext, eq + base, exts));
  }
out:
  vft_free(store);
  vft_free(eq);
  return st;
}

/* ---- the levels ------------------------------------------------------------------------------ */

static vft_ext horner(const vft_ext *f, size_t n, vft_fp x) {
  vft_ext v = VFT_EXT_ZERO;
  while (n--) v = vft_ext_add(vft_ext_mul_fp(v, x), f[n]);
  return v;
}

/* The value behind drawn position i: that of the folded row's codeword, less its tail's part. */
static vft_ext value_at(const driver *d, unsigned level, const vft_ext *y, size_t i) {
  const vft_whir_level *l = &d->p->level[level];
  const vft_whir_queries *q = &d->q[level].at;
  if (!l->tail) return y[q->place[i]];
  vft_fp x = vft_whir_point(q, i, l->log_msg + l->log_inv_rate), high = x;
  for (unsigned b = 0; b < l->log_msg; b++) high = vft_fp_sqr(high);
  return vft_ext_sub(y[q->place[i]], vft_ext_mul_fp(horner(d->tail, l->tail, x), high));
}

/* The folded code of this level at the queried points, y, becomes claims. */
static vft_status open_level(driver *d, unsigned level, const vft_whir_tree *tree, size_t trees,
                             const vft_ext *last) {
  const vft_whir_level *l = &d->p->level[level];
  const vft_whir_queries *q = &d->q[level].at;
  vft_status st = VFT_OK;
  TRY(draw_queries(d, level));
  vft_ext *y = vft_alloc(q->opened, sizeof *y);
  if (!y) return vft_fail(VFT_RESOURCE, "opening: out of memory for claims");
  for (size_t t = 0; t < trees; t++) TRY_OUT(open_tree(d, level, t, &tree[t], y));
  if (level + 1 == d->p->levels) {
    for (size_t i = 0; i < q->n; i++) {
      vft_fp x = vft_whir_point(q, i, l->log_msg + l->log_inv_rate);
      vft_ext v = value_at(d, level, y, i);
      if (vft_ext_eq(v, horner(last, (size_t)1 << l->log_msg, x))) continue;
      st = d->hooks ? vft_fail(VFT_USAGE, "opening: the code of level %u is not that of its rows",
                               level)
                    : vft_reject("whir/queries",
                                 "opening: the last vector differs from the committed one at "
                                 "position %u", q->index[i]);
      goto out;
    }
  } else {
    vft_ext gamma = vft_channel_challenge_ext(d->ch, "whir/batch"), w = gamma;
    d->q[level].gamma = gamma;
    for (size_t i = 0; i < q->n; i++, w = vft_ext_mul(w, gamma))
      d->claim = vft_ext_add(d->claim, vft_ext_mul(w, value_at(d, level, y, i)));
    if (d->hooks)
      TRY_OUT(d->hooks->claims(d->hooks->ctx, level, q->index, q->n, gamma));
  }
out:
  vft_free(y);
  return st;
}

/* The multilinear extension of the weights that the queries of all levels but the last added, at
 * z: level i's live on its log_msg low variables. */
static vft_ext claims_at(const driver *d) {
  vft_ext sum = VFT_EXT_ZERO;
  for (unsigned i = 0; i + 1 < d->p->levels; i++) {
    const vft_whir_level *l = &d->p->level[i];
    const queries *q = &d->q[i];
    vft_ext w = q->gamma;
    for (size_t j = 0; j < q->at.n; j++, w = vft_ext_mul(w, q->gamma)) {
      vft_fp x = vft_whir_point(&q->at, j, l->log_msg + l->log_inv_rate);
      vft_ext v = w;
      for (unsigned b = 0; b < l->log_msg; b++, x = vft_fp_sqr(x)) {
        vft_ext f = vft_ext_mul_fp(d->z[b], x); /* 1 - z + z x */
        v = vft_ext_mul(v, vft_ext_add(vft_ext_sub(VFT_EXT_ONE, d->z[b]), f));
      }
      sum = vft_ext_add(sum, v);
    }
  }
  return sum;
}

static vft_status drive(driver *d, const vft_whir_tree *tree, size_t trees,
                        vft_whir_weight_fn weight, void *ctx) {
  const vft_whir_params *p = d->p;
  vft_ext last[1 << VFT_WHIR_FINAL_LOG_MAX];
  const vft_whir_tree *at = tree;
  vft_whir_tree inner;
  for (unsigned i = 0; i < p->levels; i++) {
    const vft_whir_level *l = &p->level[i];
    TRY(sumcheck(d, "whir/sumcheck", l->log_msg, l->row_vars));
    if (i + 1 < p->levels) {
      if (d->hooks) TRY(d->hooks->commit(d->hooks->ctx, i + 1, &d->root[i + 1]));
      TRY(vft_channel_send_digest(d->ch, "whir/root", &d->root[i + 1]));
    } else {
      if (d->hooks) TRY(d->hooks->last(d->hooks->ctx, last));
      TRY(vft_channel_send_ext(d->ch, "whir/last", last, (size_t)1 << l->log_msg));
    }
    if (l->tail) {
      d->tail = vft_alloc(l->tail, sizeof *d->tail);
      if (!d->tail) return vft_fail(VFT_RESOURCE, "opening: out of memory for a tail");
      if (d->hooks) d->hooks->tail(d->hooks->ctx, d->z + l->log_msg, d->tail);
      TRY(vft_channel_send_ext(d->ch, "whir/tail", d->tail, l->tail));
    }
    TRY(open_level(d, i, at, trees, last));
    if (i + 1 < p->levels) {
      inner = (vft_whir_tree){.root = d->root[i + 1],
                              .rows = (uint64_t)1 << p->level[i + 1].row_vars};
      at = &inner;
      trees = 1;
    }
  }
  unsigned vars = p->level[p->levels - 1].log_msg;
  TRY(sumcheck(d, "whir/last", 0, vars));
  for (unsigned s = 0; s < vars; s++)
    vft_ext_fold_low(last, last, (size_t)1 << (vars - s), d->z[s]);
  vft_ext w = VFT_EXT_ZERO;
  if (d->hooks) {
    TRY(d->hooks->weight(d->hooks->ctx, &w));
  } else {
    TRY(weight(ctx, d->z, &w));
    w = vft_ext_add(w, claims_at(d));
  }
  if (!vft_ext_eq(d->claim, vft_ext_mul(w, last[0])))
    return d->hooks ? vft_fail(VFT_USAGE, "opening: the claimed value is not the weighted sum")
                    : vft_reject("whir/sum", "opening: the weighted sum is not the claimed value");
  return VFT_OK;
}

vft_status vft_whir_drive(vft_channel *ch, const vft_whir_params *params,
                          const vft_whir_tree *tree, size_t trees, vft_ext sigma,
                          vft_whir_weight_fn weight, void *ctx, const vft_whir_hooks *hooks) {
  driver d = {.ch = ch, .p = params, .hooks = hooks, .claim = sigma};
  absorb_params(ch, params);
  absorb_statement(ch, tree, trees, sigma);
  vft_status st = drive(&d, tree, trees, weight, ctx);
  for (unsigned i = 0; i < VFT_WHIR_LEVELS_MAX; i++) vft_whir_queries_free(&d.q[i].at);
  vft_free(d.tail);
  return st;
}

vft_status vft_whir_shapes_check(const vft_whir_params *params, const vft_whir_tree *tree,
                                 size_t trees) {
  TRY(vft_whir_params_check(params));
  return check_trees(params, tree, trees);
}

vft_status vft_whir_verify(vft_channel *ch, const vft_whir_params *params,
                           const vft_whir_tree *tree, size_t trees, vft_ext sigma,
                           vft_whir_weight_fn weight, void *ctx) {
  if (vft_channel_is_prover(ch)) return vft_fail(VFT_USAGE, "opening: not a verifier's channel");
  TRY(vft_whir_shapes_check(params, tree, trees));
  return vft_whir_drive(ch, params, tree, trees, sigma, weight, ctx, NULL);
}
