/* Hiding openings: shapes, and the verifier. */
#include <string.h>

#include "argument/whir_hiding_core.h"
#include "base/mem.h"
#include "field/batch.h"

vft_status vft_hiding_shape_init(vft_hiding_shape *s, uint64_t rows, unsigned c,
                                 unsigned log_inv_rate, unsigned bits, unsigned grind,
                                 uint32_t test_queries) {
  *s = (vft_hiding_shape){.c = c, .log_inv_rate = log_inv_rate, .k0 = 2, .bits = bits,
                          .grind = grind, .test_queries = test_queries};
  if (c < 1 || c >= VFT_WHIR_VARIABLES_MAX || rows >> VFT_WHIR_ROW_VARIABLES_MAX ||
      log_inv_rate < 2 || log_inv_rate > 8 || bits > 160)
    return vft_fail(VFT_USAGE, "hiding opening: %llu rows of 2^%u columns at rate 2^-%u: not "
                    "supported", (unsigned long long)rows, c, log_inv_rate);
  /* As many as there would be queries to a code of twice the rate: with fewer than 2^c random
   * coefficients the rate is less than that, and what the union of all rounds adds is less than
   * what this saves; vft_hiding_params checks it. */
  vft_bits need = VFT_BITS((int)bits - (int)grind);
  s->tail = test_queries;
  while (!test_queries && vft_query_bits(log_inv_rate, 2, s->tail) < need) s->tail++;
  if (s->tail >> c) s->tail = (uint32_t)1 << c;
  /* Extension rows share no four rows with base rows; the last row below is a mask. */
  while ((uint64_t)1 << s->k0 < ((rows + 3) & ~(uint64_t)3) + 1) s->k0++;
  if (s->k0 + 1 > VFT_WHIR_ROW_VARIABLES_MAX)
    return vft_fail(VFT_USAGE, "hiding opening: %llu rows are too many", (unsigned long long)rows);
  return VFT_OK;
}

size_t vft_hiding_masks(const vft_hiding_shape *shape, uint64_t *at) {
  size_t n = 0;
  uint64_t last = ((uint64_t)2 << shape->k0) - 1;
  for (unsigned i = shape->k0 + 1; i-- > 0;) at[n++] = last - ((uint64_t)1 << i);
  at[n++] = last;
  return n;
}

vft_status vft_hiding_params(vft_whir_params *params, const vft_hiding_shape *s) {
  if (s->test_queries)
    TRY(vft_whir_params_test(params, s->k0 + 1, s->c, s->log_inv_rate, s->tail, s->test_queries));
  else
    TRY(vft_whir_params_choose(params, s->k0 + 1, s->c, s->log_inv_rate, s->tail, s->bits,
                               s->grind));
  if (params->level[0].queries > s->tail)
    return vft_fail(VFT_USAGE, "hiding opening: %u queries to rows of %u random coefficients: "
                    "raise log_columns", params->level[0].queries, s->tail);
  return VFT_OK;
}

vft_status vft_hiding_account(vft_soundness *s, const char *prefix,
                              const vft_whir_params *params) {
  TRY(vft_soundness_add(s, 1, "SZ (powers of one challenge)", "%s: the masks' sum", prefix));
  return vft_soundness_add_whir(s, prefix, params);
}

vft_status vft_hiding_begin(vft_channel *ch, const vft_hiding_shape *shape,
                            const vft_hiding_claim *claim, const vft_ext *lambda,
                            vft_hiding_mask_fn sum, void *ctx, vft_hiding_run *run) {
  memset(run, 0, sizeof *run);
  run->tree = vft_alloc(claim->trees, sizeof *run->tree);
  if (!run->tree) return VFT_RESOURCE;
  for (size_t t = 0; t < claim->trees; t++) run->tree[t] = claim->tree[t];
  run->tree[claim->masked].exts = vft_hiding_masks(shape, run->at);
  run->tree[claim->masked].at = run->at;
  vft_channel_absorb_u64(ch, "hiding/columns", shape->c);
  vft_channel_absorb_u64(ch, "hiding/rows", shape->k0);
  for (int i = 0; i < 4; i++) run->mask[i] = vft_channel_challenge_ext(ch, "hiding/mask");
  vft_ext total = VFT_EXT_ZERO;
  if (lambda) run->lambda = *lambda;
  if (sum) sum(ctx, run, &total);
  TRY(vft_channel_send_ext(ch, "hiding/sum", &total, 1));
  vft_ext drawn = vft_channel_challenge_ext(ch, "hiding/batch");
  if (!lambda) run->lambda = drawn;
  run->sigma = vft_ext_add(claim->sigma, vft_ext_mul(run->lambda, total));
  return VFT_OK;
}

void vft_hiding_end(vft_hiding_run *run) { vft_free(run->tree); }

/* ---- the weights at the last point ---- */

typedef struct {
  const vft_hiding_shape *shape;
  const vft_hiding_run *run;
  vft_whir_weight_fn weight;
  void *ctx;
} weights;

static vft_status weight_at(void *ctx, const vft_ext *z, vft_ext *value) {
  const weights *w = ctx;
  const vft_hiding_shape *s = w->shape;
  const vft_hiding_run *run = w->run;
  const vft_ext *row = z + s->c;
  unsigned k = s->k0 + 1;
  vft_ext v, others = VFT_EXT_ZERO, col[2];
  TRY(w->weight(w->ctx, z, &v));
  v = vft_ext_mul(v, vft_ext_sub(VFT_EXT_ONE, row[s->k0]));
  for (unsigned i = 0; i <= s->k0; i++)
    others = vft_ext_add(others, vft_eq_index(row, k, run->at[i]));
  vft_ext last = vft_eq_index(row, k, run->at[s->k0 + 1]);
  for (unsigned i = 0; i < 2; i++) {
    col[i] = vft_ext_add(vft_ext_mul(run->mask[i], last), vft_ext_mul(run->mask[2 + i], others));
    col[i] = vft_ext_mul(col[i], vft_eq_index(z, s->c, i));
  }
  *value = vft_ext_add(v, vft_ext_mul(run->lambda, vft_ext_add(col[0], col[1])));
  return VFT_OK;
}

vft_status vft_hiding_verify(vft_channel *ch, const vft_whir_params *params,
                             const vft_hiding_shape *shape, const vft_hiding_claim *claim,
                             vft_whir_weight_fn weight, void *ctx, const vft_ext *lambda) {
  vft_status st = VFT_OK;
  vft_hiding_run run;
  weights w = {shape, &run, weight, ctx};
  TRY_OUT(vft_hiding_begin(ch, shape, claim, lambda, NULL, NULL, &run));
  TRY_OUT(vft_whir_verify(ch, params, run.tree, claim->trees, run.sigma, weight_at, &w));
out:
  vft_hiding_end(&run);
  return st;
}
