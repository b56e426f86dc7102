/* Hiding openings: the prover. */
#include <string.h>

#include "argument/whir_hiding_core.h"
#include "argument/whir_hiding_prover.h"
#include "base/mem.h"

vft_status vft_hiding_elements(const vft_random *random, vft_fp *out, size_t n) {
  random = vft_random_or_system(random);
  TRY(random->fill(random->ctx, out, n * sizeof *out));
  for (size_t i = 0; i < n; i++) /* probability 2^-32 each */
    while (out[i].v >= VFT_P) TRY(random->fill(random->ctx, &out[i], sizeof *out));
  return VFT_OK;
}

vft_status vft_hiding_mask_rows_init(vft_hiding_mask_rows *m, const vft_hiding_shape *shape,
                                     const vft_random *random) {
  *m = (vft_hiding_mask_rows){.rows = shape->k0 + 2, .columns = (size_t)1 << shape->c,
                              .tails = shape->tail};
  m->value = vft_alloc(m->rows * m->columns, sizeof *m->value);
  m->tail = vft_alloc(m->rows * m->tails, sizeof *m->tail);
  if (!m->value || !m->tail) return VFT_RESOURCE;
  for (size_t r = 0; r < m->rows; r++) {
    TRY(vft_hiding_elements(random, m->value[r * m->columns].c, 3 * m->columns));
    TRY(vft_hiding_elements(random, m->tail[r * m->tails].c, 3 * m->tails));
  }
  return VFT_OK;
}

void vft_hiding_mask_rows_free(vft_hiding_mask_rows *m) {
  if (m->value) vft_wipe(m->value, m->rows * m->columns * sizeof *m->value);
  if (m->tail) vft_wipe(m->tail, m->rows * m->tails * sizeof *m->tail);
  vft_free(m->value);
  vft_free(m->tail);
  memset(m, 0, sizeof *m);
}

void vft_hiding_mask_row(const vft_hiding_mask_rows *m, size_t at, vft_fp *out) {
  const vft_ext *value = m->value + at / 3 * m->columns, *tail = m->tail + at / 3 * m->tails;
  for (size_t i = 0; i < m->columns; i++) {
    out[i] = value[i].c[at % 3];
    out[m->columns + i] = i < m->tails ? tail[i].c[at % 3] : (vft_fp){0};
  }
}

/* ---- the sum ---- */

typedef struct {
  const vft_hiding_claim *claim;
  const vft_whir_source *source;
  const vft_hiding_mask_rows *masks;
  bool simulate;
} prover;

static vft_ext masks_sum(const vft_hiding_mask_rows *m, const vft_ext mask[4]) {
  vft_ext sum = VFT_EXT_ZERO;
  for (size_t r = 0; r < m->rows; r++) {
    const vft_ext *row = m->value + r * m->columns, *w = r + 1 == m->rows ? mask : mask + 2;
    sum = vft_ext_add(sum, vft_ext_add(vft_ext_mul(w[0], row[0]), vft_ext_mul(w[1], row[1])));
  }
  return sum;
}

/* The weighted sum of everything but the masks. */
static vft_ext others_sum(const prover *p) {
  vft_ext sum = VFT_EXT_ZERO;
  for (size_t t = 0; t < p->claim->trees; t++)
    if (p->source[t].weight)
      sum = vft_ext_add(sum, vft_ext_dot_elem(p->source[t].type, p->source[t].message,
                                              p->source[t].weight,
                                              p->claim->tree[t].rows * p->masks->columns));
  return sum;
}

static void send_sum(void *ctx, const vft_hiding_run *run, vft_ext *sum) {
  const prover *p = ctx;
  *sum = masks_sum(p->masks, run->mask);
  if (!p->simulate) return;
  /* lambda * *sum stands in for the masks' sum and for what the trees lack */
  vft_ext lack = vft_ext_sub(others_sum(p), p->claim->sigma);
  *sum = vft_ext_add(*sum, vft_ext_mul(lack, vft_ext_inv(run->lambda)));
}

static vft_status prove(vft_channel *ch, const vft_whir_params *params,
                        const vft_hiding_shape *shape, const vft_hiding_claim *claim,
                        const vft_whir_source *source, const vft_hiding_mask_rows *masks,
                        const vft_ext *lambda) {
  vft_status st = VFT_OK;
  size_t entries = masks->rows * masks->columns;
  vft_hiding_run run;
  prover p = {claim, source, masks, lambda != NULL};
  vft_whir_source *all = NULL;
  vft_ext *message = NULL, *weight = NULL;
  TRY_OUT(vft_hiding_begin(ch, shape, claim, lambda, send_sum, &p, &run));
  all = vft_alloc(claim->trees, sizeof *all);
  message = vft_alloc_raw(entries, sizeof *message); /* WHIR folds it in place */
  weight = vft_alloc(entries, sizeof *weight);
  if (!all || !message || !weight) {
    st = VFT_RESOURCE;
    goto out;
  }
  for (size_t t = 0; t < claim->trees; t++) all[t] = source[t];
  memcpy(message, masks->value, entries * sizeof *message);
  for (size_t r = 0; r < masks->rows; r++)
    for (size_t i = 0; i < 2; i++)
      weight[r * masks->columns + i] = vft_ext_mul(run.lambda,
                                                   run.mask[r + 1 == masks->rows ? i : 2 + i]);
  all[claim->masked].ext = message;
  all[claim->masked].ext_weight = weight;
  all[claim->masked].ext_tail = masks->tail;
  TRY_OUT(vft_whir_prove(ch, params, run.tree, claim->trees, all, run.sigma));
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
                            const vft_whir_source *source, const vft_hiding_mask_rows *masks) {
  return prove(ch, params, shape, claim, source, masks, NULL);
}

vft_status vft_hiding_simulate(vft_channel *ch, const vft_whir_params *params,
                               const vft_hiding_shape *shape, const vft_hiding_claim *claim,
                               const vft_whir_source *source, const vft_hiding_mask_rows *masks,
                               const vft_ext *lambda) {
  return prove(ch, params, shape, claim, source, masks, lambda);
}
