/* Hiding openings: shapes, and the verifier. */
#include <string.h>

#include "argument/whir_hiding_core.h"
#include "base/mem.h"
#include "field/arrays.h"

size_t vft_hiding_masks(const vft_hiding_shape *shape, uint64_t *at) {
  size_t n = 0;
  uint64_t last = ((uint64_t)2 << shape->k0) - 1;
  for (unsigned i = shape->k0 + 1; i-- > 0;) at[n++] = last - ((uint64_t)1 << i);
  at[n++] = last;
  return n;
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
