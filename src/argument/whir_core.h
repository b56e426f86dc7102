/* Inside of argument/whir: the one driver that prover and verifier share, with what the prover
 * alone can supply behind a table of functions. */
#ifndef VFT_ARGUMENT_WHIR_CORE_H
#define VFT_ARGUMENT_WHIR_CORE_H

#include "argument/whir.h"

/* The prover's answers, called in protocol order. NULL for the verifier. */
typedef struct {
  void *ctx;
  /* h[0] = the round polynomial at 0, h[1] = its coefficient of X^2. */
  vft_status (*message)(void *ctx, vft_ext h[2]);
  vft_status (*bind)(void *ctx, vft_ext r);
  /* Commits the folded vector as level `level` >= 1. */
  vft_status (*commit)(void *ctx, unsigned level, vft_digest *root);
  /* The folded row's tail at level 0; r: the rows' challenges. */
  void (*tail)(void *ctx, const vft_ext *r, vft_ext *coefficient);
  /* The last vector, 2^(last log_msg) elements. */
  vft_status (*last)(void *ctx, vft_ext *coefficient);
  const vft_merkle *(*tree)(void *ctx, unsigned level, size_t tree);
  /* The claims of a level's queries: W += sum_i gamma^(i+1) (powers of the point index[i]).
   * In the order drawn, with repetitions. */
  vft_status (*claims)(void *ctx, unsigned level, const uint32_t *index, size_t n, vft_ext gamma);
  /* All weights at the final point, as the prover's tables have them. */
  vft_status (*weight)(void *ctx, vft_ext *value);
} vft_whir_hooks;

vft_status vft_whir_drive(vft_channel *ch, const vft_whir_params *params,
                          const vft_whir_tree *tree, size_t trees, vft_ext sigma,
                          vft_whir_weight_fn weight, void *ctx, const vft_whir_hooks *hooks);

/* "whir/params" and "whir/trees". */
vft_status vft_whir_shapes_check(const vft_whir_params *params, const vft_whir_tree *tree,
                                 size_t trees);

/* h(0), coefficient of X^2 and the claim h(0) + h(1) determine h; its value at r. */
static inline vft_ext vft_whir_round_value(const vft_ext h[2], vft_ext claim, vft_ext r) {
  vft_ext h1 = vft_ext_sub(claim, h[0]);
  vft_ext slope = vft_ext_sub(vft_ext_sub(h1, h[0]), h[1]);
  return vft_ext_add(h[0], vft_ext_mul(r, vft_ext_add(slope, vft_ext_mul(r, h[1]))));
}

#endif
