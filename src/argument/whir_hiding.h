/* Hiding openings: WHIR's weighted sum (argument/whir.h) of a matrix of which nothing else is told.
 *
 * The argument is WHIR itself, run on a matrix that is twice as wide and twice as high as the one
 * of the statement, with 2^c columns of values and 2^k0 rows:
 *
 *   tails    columns 2^c .. 2^(c+1) - 1 of every row of a hidden tree are random coefficients, of
 *            weight 0. Opened columns are values of the row's polynomial; at up to 2^c places other
 *            than 0 the random coefficients alone give them every value alike.
 *   masks    k0 + 2 rows of random elements of E, at A = 2^(k0+1) - 1 and at the positions
 *            A - 2^i, i <= k0, that differ from A in bit i alone. Row A has weights m0, m1 in
 *            columns 0 and 1, the others m2, m3; these are challenges. The masks' own weighted sum
 *            is sent and joins the statement's sum with a challenge.
 *   salts    trees are salted (merkle/path.h), so what is not opened stays hidden.
 *
 * Why that suffices, docs/SOUNDNESS.md ("Hiding") shows: whatever the other rows hold, the messages
 * of the first sumcheck and the folded row, from which all later ones follow, are uniform among
 * those that the verifier accepts, and so are the columns opened.
 *
 * The masks and up to 2^c * own_rows elements of E that the caller hides (its "values") are one
 * tree of extension rows. Trees without random coefficients, which hide nothing (public tables),
 * may take part: they are as in a plain opening, a row's polynomial having degree below 2^c. */
#ifndef VFT_ARGUMENT_WHIR_HIDING_H
#define VFT_ARGUMENT_WHIR_HIDING_H

#include "argument/soundness.h"
#include "argument/whir.h"
#include "base/random.h"

typedef struct {
  unsigned c;            /* 2^c columns of values */
  unsigned log_inv_rate; /* trees have 2^(c + log_inv_rate) leaves, so the code of WHIR, whose rows
                            are twice as long, has rate 2^-(log_inv_rate - 1) */
  unsigned k0;           /* the caller's trees lie below row 2^k0 */
  uint32_t own_rows;     /* extension rows that hold the caller's values */
} vft_hiding_shape;

/* The least shape for trees that end before row `rows` and so many values.
 * Fails VFT_USAGE outside of WHIR's ranges. */
VFT_MUST_CHECK vft_status vft_hiding_shape_init(vft_hiding_shape *shape, uint64_t rows,
                                                size_t values, unsigned c, unsigned log_inv_rate);
/* Parameters as of vft_whir_params_choose, or of vft_whir_params_test unless test_queries is 0.
 * Fails VFT_USAGE when there are more queries to the trees than random coefficients, 2^c. */
VFT_MUST_CHECK vft_status vft_hiding_params(vft_whir_params *params, const vft_hiding_shape *shape,
                                            unsigned bits, unsigned grind, uint32_t test_queries);
/* All rounds of a hiding opening. */
static inline vft_status vft_hiding_account(vft_soundness *s, const char *prefix,
                                            const vft_whir_params *params) {
  TRY(vft_soundness_add(s, 1, "SZ (powers of one challenge)", "%s: the masks' sum", prefix));
  return vft_soundness_add_whir(s, prefix, params);
}

/* What is opened. The trees are described as for WHIR: those that hide are `salted`; sorted by
 * row, below row 2^k0. */
typedef struct {
  const vft_whir_tree *tree;
  size_t trees;
  vft_digest own_root;
  const vft_ext *own_weight; /* of the values */
  size_t values;
  vft_ext sigma;
} vft_hiding_claim;

/* Verifies that the trees' columns below 2^c and the values have the weighted sum sigma. `weight`
 * is that of the statement's matrix: of c + k0 coordinates, columns first. Roots, and whatever the
 * weights were derived from, must have been absorbed before. lambda: NULL, but in tests of the
 * simulator (argument/whir_hiding_prover.h), where it is the challenge that the masks' sum joins
 * with. Rejections: those of vft_whir_verify. */
VFT_MUST_CHECK vft_status vft_hiding_verify(vft_channel *ch, const vft_whir_params *params,
                                            const vft_hiding_shape *shape,
                                            const vft_hiding_claim *claim,
                                            vft_whir_weight_fn weight, void *ctx,
                                            const vft_ext *lambda);

/* Uniformly random canonical elements. */
VFT_MUST_CHECK vft_status vft_hiding_elements(const vft_random *random, vft_fp *out, size_t n);

#endif
