/* Hiding openings: WHIR's weighted sum (argument/whir.h) of a matrix of which nothing else is told.
 *
 * The argument is WHIR itself, run on a matrix that is twice as high as the one of the statement,
 * with 2^c columns and 2^k0 rows, and whose rows have tails:
 *
 *   tails    every row of a hidden tree goes on with `tail` random coefficients, of weight 0.
 *            Opened columns are values of the row's polynomial; at up to so many places other than
 *            0 the random coefficients alone give them every value alike.
 *   masks    k0 + 2 rows of random elements of E in one hidden tree, at A = 2^(k0+1) - 1 and at the
 *            positions A - 2^i, i <= k0, that differ from A in bit i alone. Row A has weights m0,
 *            m1 in columns 0 and 1, the others m2, m3; these are challenges. The masks' own
 *            weighted sum is sent and joins the statement's sum with a challenge.
 *   salts    hidden trees are salted (merkle/path.h), so what is not opened stays hidden.
 *
 * Why that suffices, docs/SOUNDNESS.md ("Hiding") shows: whatever the other rows hold, the messages
 * of the first sumcheck and the folded row, from which all later ones follow, are uniform among
 * those that the verifier accepts, and so are the columns opened.
 *
 * Trees without random coefficients, which hide nothing (public tables), may take part: they are as
 * in a plain opening, a row's polynomial having degree below 2^c. */
#ifndef VFT_ARGUMENT_WHIR_HIDING_H
#define VFT_ARGUMENT_WHIR_HIDING_H

#include "argument/soundness.h"
#include "argument/whir.h"
#include "base/random.h"

typedef struct {
  unsigned c;            /* 2^c columns */
  unsigned log_inv_rate; /* trees have 2^(c + log_inv_rate) leaves */
  unsigned k0;           /* the caller's rows lie below row 2^k0 */
  uint32_t tail;         /* random coefficients of a row: as many as there may be queries */
  unsigned bits, grind;
  uint32_t test_queries;
} vft_hiding_shape;

/* The least shape for trees that end before row `rows`; bits, grind and test_queries as of
 * vft_proof_options. Fails VFT_USAGE outside of WHIR's ranges. */
VFT_MUST_CHECK vft_status vft_hiding_shape_init(vft_hiding_shape *shape, uint64_t rows, unsigned c,
                                                unsigned log_inv_rate, unsigned bits,
                                                unsigned grind, uint32_t test_queries);
/* Parameters as of vft_whir_params_choose, or of vft_whir_params_test unless test_queries is 0.
 * Fails VFT_USAGE when there are more queries to the trees than random coefficients, which happens at
 * rates other than 1/8 to 1/32. */
VFT_MUST_CHECK vft_status vft_hiding_params(vft_whir_params *params, const vft_hiding_shape *shape);
/* All rounds of a hiding opening. */
static inline vft_status vft_hiding_account(vft_soundness *s, const char *prefix,
                                            const vft_whir_params *params) {
  TRY(vft_soundness_add(s, 1, "SZ (powers of one challenge)", "%s: the masks' sum", prefix));
  return vft_soundness_add_whir(s, prefix, params);
}

/* What is opened. The trees are described as for WHIR: those that hide are `salted`; sorted by
 * row, below row 2^k0. Tree number `masked` has the masks behind its rows; exts and at are not
 * read. */
typedef struct {
  const vft_whir_tree *tree;
  size_t trees, masked;
  vft_ext sigma;
} vft_hiding_claim;

/* Verifies that the trees' columns have the weighted sum sigma. `weight` is that of the statement's
 * matrix: of c + k0 coordinates, columns first.
 * Roots, and whatever the weights were derived from, must have been absorbed before.
 * lambda: NULL, but for tests (argument/whir_hiding_prover.h).
 * Rejections: those of vft_whir_verify. */
VFT_MUST_CHECK vft_status vft_hiding_verify(vft_channel *ch, const vft_whir_params *params,
                                            const vft_hiding_shape *shape,
                                            const vft_hiding_claim *claim,
                                            vft_whir_weight_fn weight, void *ctx,
                                            const vft_ext *lambda);

/* Uniformly random canonical elements. */
VFT_MUST_CHECK vft_status vft_hiding_elements(const vft_random *random, vft_fp *out, size_t n);

#endif
