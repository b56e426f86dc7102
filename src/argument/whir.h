/* WHIR: opening of committed matrices of Reed-Solomon rows, in the unique-decoding regime.
 *
 * Statement. A virtual matrix P of 2^k0 rows and C = 2^c columns of base-field elements is the
 * stack of the rows of several committed trees, each at its own row offset, with zero rows
 * elsewhere. The argument shows
 *
 *   sum over row < 2^k0, col < C of P[row*C + col] * W[row*C + col] = sigma
 *
 * for extension-valued weights W that the verifier can evaluate, as a multilinear extension, at
 * one random point of k0 + c coordinates (low bit first).
 *
 * Code. A row (p_0, ..., p_{C-1}) is the polynomial sum_j p_j X^j; its codeword is that
 * polynomial's value at the N = C * 2^log_inv_rate points of poly/rs.h, and trees are those of
 * merkle/path.h. The same C entries are a table over the c-cube (entry j at the cube point with
 * the bits of j), so the codeword's value at x is the sum of the table against the weights x^j,
 * whose multilinear extension is prod_b (1 - z_b + z_b x^(2^b)).
 *
 * One level (level 0 is the caller's trees; P_0 = P, W_0 = W):
 *   1. sumcheck over the row variables, low row bit first, folds the rows into one row f of
 *      2^log_msg extension elements, and W likewise;
 *   2. f is cut into 2^k' rows (its high bits are the row) and committed with a lower rate as the
 *      next level, or, at the last level, sent in the clear;
 *   3. grinding, then `queries` positions in the code of this level: the opened column folded
 *      with the sumcheck's challenges is the value of f's codeword at a domain point;
 *   4. these values, one for each draw, weighted with powers of a fresh challenge, join the next
 *      level's sum.
 * Rows of level 0 may go on with a tail of further coefficients, of weight 0: the code then is one
 * of 2^log_msg + tail coefficients, and the folded row's tail is sent in the clear in step 2, so
 * that what is committed next is the folded row without it.
 * After the last level a sumcheck over the remaining variables of f ends in one evaluation of
 * all weights. Out-of-domain samples are not used: within half the minimum distance a root
 * determines at most one matrix, and there is no list to cut down (argument/soundness.h).
 *
 * Sources: Arnon, Chiesa, Fenzi, Yogev, "WHIR: Reed-Solomon Proximity Testing with Super-Fast
 * Verification" (construction 5.1, theorem 5.2); the theorems behind the parameters are named in
 * argument/soundness.h. */
#ifndef VFT_ARGUMENT_WHIR_H
#define VFT_ARGUMENT_WHIR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "field/arrays.h"
#include "field/goldilocks.h"
#include "hash/blake3.h"
#include "merkle/tree.h"
#include "transcript/channel.h"

/* ---- parameters ------------------------------------------------------------------------- */

enum {
  VFT_WHIR_LEVELS_MAX = 12,
  VFT_WHIR_VARIABLES_MAX = 40,  /* k0 + c */
  VFT_WHIR_ROW_VARIABLES_MAX = 24,
  VFT_WHIR_FINAL_LOG_MAX = 10,  /* at most 1024 coefficients in the clear */
  VFT_WHIR_GRIND_MAX = 26,
  VFT_WHIR_TREES_MAX = 256
};

typedef struct {
  uint8_t row_vars;     /* 2^row_vars rows, folded at this level */
  uint8_t log_msg;      /* a row is a message of 2^log_msg elements */
  uint8_t log_inv_rate; /* code length 2^(log_msg + log_inv_rate) */
  uint8_t grind;        /* bits of work before the queries */
  uint32_t tail;        /* coefficients of a row behind the message (level 0 of hiding openings) */
  uint32_t queries;
} vft_whir_level;

typedef struct {
  unsigned levels;
  vft_whir_level level[VFT_WHIR_LEVELS_MAX];
  unsigned bits;     /* the level they were chosen for; what a proof needs in all is checked by
                      * vft_soundness_require */
  bool test_profile; /* too few queries to be sound; absorbed; refused by release verifiers */
} vft_whir_params;

/* Checks shapes and, unless test_profile, that the calculator finds params->bits bits.
 * Rejects with "whir/params". */
VFT_MUST_CHECK vft_status vft_whir_params_check(const vft_whir_params *params);

/* ---- verifier --------------------------------------------------------------------------- */

/* What both sides know of a committed tree (merkle/path.h; 2^(c + log_inv_rate) leaves). The last
 * three fields are zero but for hiding openings (argument/whir_hiding.h). */
typedef struct {
  vft_digest root;
  uint64_t rows;       /* real rows, at least 1 */
  uint64_t row_offset; /* of its first row in the virtual matrix */
  bool salted;         /* its rows have the level's tail */
  uint64_t exts;       /* rows of extension elements behind the others, each three base rows of */
  const uint64_t *at;  /* the tree (poly/rs.h), and their places in the matrix: strictly increasing,
                          behind all trees' rows, in no four rows 4g .. 4g+3 with one of these */
} vft_whir_tree;

/* Value of the multilinear extension of W at point[0 .. k0 + c), low bit first: the first c
 * coordinates belong to the column, the others to the row. */
typedef vft_status (*vft_whir_weight_fn)(void *ctx, const vft_ext *point, vft_ext *value);

/* Verifies that the trees' matrix has the weighted sum sigma.
 * The trees have the channel's hash. Requires: the channel is a verifier's; trees sorted by
 * row_offset, disjoint, within 2^k0 rows.
 * The parameters, the trees' descriptions (roots too) and sigma are absorbed here; roots and
 * whatever W was derived from must have been absorbed before W's randomness was drawn.
 * Rejections: "whir/params", "whir/trees" (public shapes), "whir/merkle" (an opening that does not
 * lead to a root, or a non-canonical element), "whir/queries" (the last vector is not what was
 * committed), "whir/sum" (the sum or a sumcheck message is wrong), and the channel's own
 * ("transcript/..."). */
VFT_MUST_CHECK vft_status vft_whir_verify(vft_channel *ch, const vft_whir_params *params,
                                          const vft_whir_tree *tree, size_t trees, vft_ext sigma,
                                          vft_whir_weight_fn weight, void *ctx);

#endif
