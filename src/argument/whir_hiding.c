/* Hiding openings: the prover. */
#include <string.h>

#include "argument/whir_hiding_core.h"
#include "argument/whir_hiding_prover.h"
#include "base/mem.h"

struct vft_hiding_tree {
  vft_hiding_shape shape;
  size_t nrows;
  vft_ext *rows; /* nrows x 2^(c+1) */
  vft_rs *code;
  vft_merkle *tree;
};

vft_status vft_hiding_elements(const vft_random *random, vft_fp *out, size_t n) {
  random = vft_random_or_system(random);
  TRY(random->fill(random->ctx, out, n * sizeof *out));
  for (size_t i = 0; i < n; i++) /* probability 2^-32 each */
    while (out[i].v >= VFT_P) TRY(random->fill(random->ctx, &out[i], sizeof *out));
  return VFT_OK;
}

void vft_hiding_tree_free(vft_hiding_tree *t) {
  if (!t) return;
  if (t->rows) vft_wipe(t->rows, t->nrows * (sizeof *t->rows << (t->shape.c + 1)));
  vft_merkle_free(t->tree);
  vft_rs_free(t->code);
  vft_free(t->rows);
  vft_free(t);
}

vft_digest vft_hiding_tree_root(const vft_hiding_tree *t) { return vft_merkle_root(t->tree); }

const vft_merkle *vft_hiding_tree_code(const vft_hiding_tree *t) { return t->tree; }

vft_status vft_hiding_tree_new(vft_hiding_tree **out, const vft_hiding_shape *shape,
                               const vft_ext *values, size_t n, vft_hash_kind hash,
                               const vft_random *random) {
  vft_status st = VFT_OK;
  vft_digest *salt = NULL;
  size_t columns = (size_t)1 << shape->c, leaves = columns << shape->log_inv_rate;
  random = vft_random_or_system(random);
  if (n > columns * shape->own_rows)
    return vft_fail(VFT_USAGE, "hiding opening: %zu values in %u rows", n, shape->own_rows);
  vft_hiding_tree *t = vft_alloc(1, sizeof *t);
  if (!t) return VFT_RESOURCE;
  t->shape = *shape;
  t->nrows = (size_t)shape->own_rows + shape->k0 + 2;
  t->rows = vft_alloc(t->nrows, sizeof *t->rows << (shape->c + 1));
  salt = vft_alloc_raw(leaves, sizeof *salt);
  if (!t->rows || !salt) {
    st = VFT_RESOURCE;
    goto out;
  }
  for (size_t r = 0; r < t->nrows; r++) {
    vft_ext *row = t->rows + 2 * r * columns;
    bool mask = r >= shape->own_rows;
    if (!mask && n > r * columns)
      memcpy(row, values + r * columns,
             (n - r * columns < columns ? n - r * columns : columns) * sizeof *row);
    vft_ext *from = mask ? row : row + columns;
    TRY_OUT(vft_hiding_elements(random, from->c, 3 * (mask ? 2 * columns : columns)));
  }
  TRY_OUT(random->fill(random->ctx, salt, leaves * sizeof *salt));
  TRY_OUT(vft_rs_new(&t->code, shape->c + 1, shape->log_inv_rate - 1));
  vft_rows_ext_ctx rows = {.rows = t->rows, .len = 2 * columns, .total = 2 * columns * t->nrows};
  TRY_OUT(vft_merkle_commit_salted(&t->tree, hash, t->code, 3 * t->nrows, vft_rows_ext, &rows,
                                   true, salt));
out:
  if (salt) vft_wipe(salt, leaves * sizeof *salt);
  vft_free(salt);
  if (st != VFT_OK) {
    vft_hiding_tree_free(t);
    return st;
  }
  *out = t;
  return VFT_OK;
}

/* ---- the sum ---- */

typedef struct {
  const vft_hiding_claim *claim;
  const vft_whir_source *source;
  const vft_hiding_tree *own;
  bool simulate;
} prover;

static vft_ext masks_sum(const vft_hiding_tree *own, const vft_ext mask[4]) {
  size_t columns = (size_t)2 << own->shape.c;
  vft_ext sum = VFT_EXT_ZERO;
  for (size_t r = own->shape.own_rows; r < own->nrows; r++) {
    const vft_ext *row = own->rows + r * columns, *w = r + 1 == own->nrows ? mask : mask + 2;
    sum = vft_ext_add(sum, vft_ext_add(vft_ext_mul(w[0], row[0]), vft_ext_mul(w[1], row[1])));
  }
  return sum;
}

/* The weighted sum of everything but the masks. */
static vft_ext others_sum(const prover *p) {
  size_t columns = (size_t)2 << p->own->shape.c;
  vft_ext sum = VFT_EXT_ZERO;
  for (size_t j = 0; j < p->claim->values; j++) {
    size_t r = j >> p->own->shape.c, col = j & (columns / 2 - 1);
    sum = vft_ext_add(sum, vft_ext_mul(p->claim->own_weight[j], p->own->rows[r * columns + col]));
  }
  for (size_t t = 0; t < p->claim->trees; t++)
    if (p->source[t].weight)
      sum = vft_ext_add(sum, vft_ext_dot_elem(p->source[t].type, p->source[t].message,
                                              p->source[t].weight,
                                              p->claim->tree[t].rows * columns));
  return sum;
}

static void send_sum(void *ctx, const vft_hiding_run *run, vft_ext *sum) {
  const prover *p = ctx;
  *sum = masks_sum(p->own, run->mask);
  if (!p->simulate) return;
  /* lambda * *sum stands in for the masks' sum and for what the trees lack */
  vft_ext lack = vft_ext_sub(others_sum(p), p->claim->sigma);
  *sum = vft_ext_add(*sum, vft_ext_mul(lack, vft_ext_inv(run->lambda)));
}

static vft_status prove(vft_channel *ch, const vft_whir_params *params,
                        const vft_hiding_shape *shape, const vft_hiding_claim *claim,
                        const vft_whir_source *source, const vft_hiding_tree *own,
                        const vft_ext *lambda) {
  vft_status st = VFT_OK;
  size_t columns = (size_t)2 << shape->c, entries = own->nrows * columns;
  vft_hiding_run run;
  prover p = {claim, source, own, lambda != NULL};
  vft_whir_source *all = NULL;
  vft_ext *message = NULL, *weight = NULL;
  TRY_OUT(vft_hiding_begin(ch, shape, claim, lambda, send_sum, &p, &run));
  all = vft_alloc(claim->trees + 1, sizeof *all);
  message = vft_alloc_raw(entries, sizeof *message); /* WHIR folds it in place */
  weight = vft_alloc(entries, sizeof *weight);
  if (!all || !message || !weight) {
    st = VFT_RESOURCE;
    goto out;
  }
  for (size_t t = 0; t < claim->trees; t++) all[t] = source[t];
  memcpy(message, own->rows, entries * sizeof *message);
  for (size_t j = 0; j < claim->values; j++)
    weight[(j >> shape->c) * columns + (j & (columns / 2 - 1))] = claim->own_weight[j];
  for (size_t r = shape->own_rows; r < own->nrows; r++)
    for (size_t i = 0; i < 2; i++)
      weight[r * columns + i] = vft_ext_mul(run.lambda,
                                            run.mask[r + 1 == own->nrows ? i : 2 + i]);
  all[claim->trees] = (vft_whir_source){.message = message, .weight = weight, .tree = own->tree,
                                        .spend = true};
  TRY_OUT(vft_whir_prove(ch, params, run.tree, claim->trees + 1, all, run.sigma));
out:
  vft_hiding_end(&run);
  if (message) vft_wipe(message, entries * sizeof *message);
  if (weight) vft_wipe(weight, entries * sizeof *weight); /* folded rows took their place */
  vft_free(message);
  vft_free(weight);
  vft_free(all);
  return st;
}

vft_status vft_hiding_prove(vft_channel *ch, const vft_whir_params *params,
                            const vft_hiding_shape *shape, const vft_hiding_claim *claim,
                            const vft_whir_source *source, const vft_hiding_tree *own) {
  return prove(ch, params, shape, claim, source, own, NULL);
}

vft_status vft_hiding_simulate(vft_channel *ch, const vft_whir_params *params,
                               const vft_hiding_shape *shape, const vft_hiding_claim *claim,
                               const vft_whir_source *source, const vft_hiding_tree *own,
                               const vft_ext *lambda) {
  return prove(ch, params, shape, claim, source, own, lambda);
}
