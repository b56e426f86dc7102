/* The end of a hiding proof: everything that hide/hidden.h collects becomes one hiding opening.
 *
 * Behind the tensors, the witness's tree has random elements of E: the stages' pads, a pad for
 * every late scalar, a random scalar a for every factor, two pads b1, b0.
 *
 * Messages, after the stages that the pads cover, with their labels:
 *   send the late scalars less their pads (hiding/late)
 *   when there are products: challenge rho (hiding/rho); send c1 - b1, c0 - b0 (hiding/cross),
 *     where c1 = sum_j rho^j (a_l y + a_r x), c0 = sum_j rho^j a_l a_r over the products (x, y),
 *     whose factors have numbers l and r; challenge chi (hiding/chi); send chi x + a of every
 *     factor x (hiding/factors)
 *   challenge gamma (opening/gamma): all claims, each a weighted sum of what is committed, are
 *     batched with its powers; in order
 *       the stages' claims     sum of tensors' weighted sums - (form of the total) = its known part
 *       zeros                  form = -known
 *       factors                chi (form of x) + a = (what was sent) - chi (known part of x)
 *       products               chi^2 sum_j rho^j z_j + chi b1 + b0
 *                                = sum_j rho^j x'_l x'_r - chi c1' - c0', primes: as sent
 *   the hiding opening (argument/whir_hiding.h) of links and witness. */
#ifndef VFT_HIDE_OPENING_H
#define VFT_HIDE_OPENING_H

#include "argument/whir_hiding.h"
#include "hide/hidden.h"
#include "verify/driver.h"

/* The program's trees, the witness's with one more box behind the tensors: so many random elements,
 * [randoms, 3]. Fails VFT_USAGE when the program commits no witness. */
VFT_MUST_CHECK vft_status vft_hide_trees(vft_trees *trees, const vft_program *program,
                                         uint32_t randoms);
/* Where the trees lie in the opening, and its shape. vft_matrix_free follows, also after a
 * failure. */
VFT_MUST_CHECK vft_status vft_hide_shape(const vft_trees *trees, unsigned log_columns,
                                         const vft_proof_options *options, vft_matrix *matrix,
                                         vft_hiding_shape *shape);

/* What a prover supplies. */
typedef struct {
  void *ctx;
  /* The late scalars, less their pads. */
  vft_status (*late)(void *ctx, const vft_hidden *h, vft_ext *late);
  void (*cross)(void *ctx, const vft_hidden *h, vft_ext rho, vft_ext c[2]);
  void (*factors)(void *ctx, const vft_hidden *h, vft_ext chi, vft_ext *x);
  vft_status (*open)(void *ctx, vft_channel *ch, const vft_whir_params *params,
                     const vft_hiding_shape *shape, const vft_hiding_claim *claim,
                     const vft_opening *opening);
} vft_hide_hooks;

/* root: of the trees, links first. prover NULL: verifies, with the rejections of
 * vft_hiding_verify. lambda: NULL, but for the simulator's world (tests). */
VFT_MUST_CHECK vft_status vft_hide_open(vft_channel *ch, const vft_hidden *h,
                                        const vft_trees *trees, const vft_digest *root,
                                        unsigned log_columns, const vft_proof_options *options,
                                        const vft_hide_hooks *prover, const vft_ext *lambda,
                                        vft_soundness *soundness);

#endif
