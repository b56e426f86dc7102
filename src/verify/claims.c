/* The last stage of a proof: all claims on committed tensors become one opening. */
#include <string.h>

#include "argument/whir_params.h"
#include "verify/open.h"

vft_status vft_driver_whir(vft_whir_params *params, const vft_matrix *matrix,
                           const vft_proof_options *o) {
  if (o->test_queries)
    return vft_whir_params_test(params, matrix->k0, matrix->c, o->log_inv_rate, 0, o->test_queries);
  return vft_whir_params_choose(params, matrix->k0, matrix->c, o->log_inv_rate, 0, o->bits,
                                o->grind);
}

vft_status vft_driver_open(vft_channel *ch, const vft_layout *const *layout,
                           const vft_digest *root, uint32_t ntrees, unsigned c,
                           vft_opening_claim *claim, size_t n, vft_ext sigma,
                           const vft_proof_options *options, const vft_prover_side *prover,
                           vft_soundness *soundness) {
  vft_status st = VFT_OK;
  vft_matrix matrix;
  vft_whir_params params;
  vft_whir_tree *tree = NULL;
  TRY(vft_matrix_init(&matrix, layout, ntrees, c));
  vft_opening opening = {&matrix, claim, n};
  tree = vft_alloc(ntrees, sizeof *tree);
  if (!tree) {
    st = VFT_RESOURCE;
    goto out;
  }
  for (uint32_t i = 0; i < ntrees; i++) {
    uint32_t t = matrix.place[i];
    tree[i] = (vft_whir_tree){.root = root[t], .rows = matrix.rows[t],
                              .row_offset = matrix.row_offset[t]};
  }
  TRY_OUT(vft_opening_sort(claim, n));
  TRY_OUT(vft_driver_whir(&params, &matrix, options));
  TRY_OUT(vft_soundness_add_whir(soundness, "opening", &params));
  if (prover)
    TRY_OUT(prover->open(prover->ctx, ch, &params, tree, &opening, sigma));
  else
    TRY_OUT(vft_whir_verify(ch, &params, tree, ntrees, sigma, vft_opening_weight, &opening));
out:
  vft_free(tree);
  vft_matrix_free(&matrix);
  return st;
}

vft_status vft_driver_claims(vft_session *s, const vft_trees *trees, const vft_digest *root,
                             const vft_proof_options *options, const vft_prover_side *prover) {
  vft_status st = VFT_OK;
  vft_opening_claim *claim = NULL;
  if (prover && prover->hiding) { /* the channel's pads are the claims' too: see prove/hiding.h */
    for (uint32_t i = 0; i < s->nequations; i++) s->equation[i].opened = true;
    for (uint32_t i = 0; i < s->evals.n; i++)
      if (trees->tree[s->evals.f[i].tensor] != UINT32_MAX) s->eval_state[i] = VFT_EVAL_DISCHARGED;
    return VFT_OK;
  }
  const vft_layout **layout = vft_alloc(trees->ntrees, sizeof *layout);
  vft_claim_batch b = {.power = VFT_EXT_ONE, .sigma = VFT_EXT_ZERO};
  uint32_t claims = 0;
  if (!layout) return VFT_RESOURCE;
  b.gamma = vft_channel_challenge_ext(s->ch, "opening/gamma");
  for (uint32_t i = 0; i < s->nequations; i++, claims++) {
    vft_equation *eq = &s->equation[i];
    for (uint32_t e = 0; e < eq->n; e++) TRY_OUT(vft_claim_batch_add(&b, &eq->f[e], eq->coef[e]));
    vft_claim_batch_next(&b, eq->total);
    eq->opened = true;
  }
  for (uint32_t i = 0; i < s->evals.n; i++) {
    const vft_functional *f = &s->evals.f[i];
    if (trees->tree[f->tensor] == UINT32_MAX) continue;
    TRY_OUT(vft_claim_batch_add(&b, f, VFT_EXT_ONE));
    vft_claim_batch_next(&b, s->eval_value[i]);
    s->eval_state[i] = VFT_EVAL_DISCHARGED;
    claims++;
  }
  if (claims == 0) goto out;
  if (claims > 1)
    TRY_OUT(vft_soundness_add(&s->soundness, claims - 1, "[SZ]", "opening: %u claims", claims));
  claim = vft_alloc(b.set.n, sizeof *claim);
  if (!claim) {
    st = VFT_RESOURCE;
    goto out;
  }
  TRY_OUT(vft_claim_batch_list(&b, trees, claim));
  for (uint32_t t = 0; t < trees->ntrees; t++) layout[t] = &trees->layout[t];
  TRY_OUT(vft_driver_open(s->ch, layout, root, trees->ntrees, s->program->log_columns, claim,
                          b.set.n, b.sigma, options, prover, &s->soundness));
out:
  vft_free(layout);
  vft_free(claim);
  vft_claim_batch_free(&b);
  return st;
}
