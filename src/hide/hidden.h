/* What a hiding proof shows of the values that it hides.
 *
 * In a hiding proof every element of E that the stages before the opening send is m - pad, where
 * the pads are uniform and part of the witness's tree. The verifier's checks then are statements
 * about hidden values, which the same verifier, run on linear forms (hide/forms), writes down:
 *
 *   scalars   the pads, in the order of messages, and "late" scalars: a product of two hidden
 *             values, or the inverse of one, which the prover sends after these stages, padded too
 *   zeros     linear forms that must be 0
 *   products  late scalars that must be the product of two hidden values, its factors
 *   claims    weighted sums of committed tensors that must be a hidden value */
#ifndef VFT_HIDE_HIDDEN_H
#define VFT_HIDE_HIDDEN_H

#include <stddef.h>
#include <stdint.h>

#include "argument/soundness.h"
#include "base/mem.h"
#include "base/random.h"
#include "field/goldilocks.h"
#include "transcript/channel.h"
#include "verify/functional.h"
#include "verify/statement.h"

/* A form as it was computed: a x + b y of earlier forms (y 0: a x), or one scalar: x a pad's number
 * or VFT_HIDDEN_LATE + a late scalar's, y
 * VFT_HIDDEN_LEAF. Each scalar is one form only. print: the value
 * for fixed scalars, so that forms are found to differ without a look at all that they are made of. */
#define VFT_HIDDEN_LATE ((uint32_t)1 << 31)
#define VFT_HIDDEN_LEAF UINT32_MAX
typedef struct {
  uint32_t x, y;
  vft_ext a, b, print;
} vft_hidden_form;

typedef struct {
  vft_ext known;
  uint64_t form; /* 0: none */
} vft_hidden_value;

typedef struct {
  uint32_t left, right; /* factors */
  uint32_t late;
} vft_hidden_product;

/* How a late scalar is made. */
typedef struct {
  int is_inverse;
  uint32_t left, right; /* factors; of an inverse, left is the number of a factor too */
} vft_hidden_late;

typedef struct {
  vft_hidden_value total;
  uint32_t first, n; /* parts */
} vft_hidden_claim;

typedef struct {
  vft_functional f; /* weights are in the arena */
  vft_ext coef;
} vft_hidden_part;

typedef struct vft_hidden_weights vft_hidden_weights;
typedef struct vft_hidden {
  vft_arena arena;
  vft_status status; /* of the recording */
  uint32_t npads, nlate, lates_cap;
  vft_hidden_late *late;
  vft_hidden_form *form; /* form i is form[i - 1] */
  vft_ext *weight;       /* of forms, see vft_hidden_weigh; 0 outside of its use */
  uint32_t nforms, forms_cap;
  vft_hidden_value *factor, *zero;
  uint32_t nfactors, factors_cap, nzeros, zeros_cap;
  vft_hidden_product *product;
  uint32_t nproducts, products_cap;
  vft_hidden_claim *claim;
  uint32_t nclaims, claims_cap;
  vft_hidden_part *part;
  uint32_t nparts, parts_cap;
  vft_hidden_weights *weights; /* read so far */
  uint32_t nweights, weights_cap;
  const vft_random *simulate;
} vft_hidden;

/* The random elements that the witness's tree has for the proof: pads of messages, pads of late
 * scalars, a of every factor, b1, b0 (hide/opening.h). */
static inline uint32_t vft_hidden_randoms(const vft_hidden *h) {
  return h->npads + h->nlate + h->nfactors + 2;
}

/* Runs the verifier on the channel up to the opening; *h is freed by the caller, also after a
 * failure. pub: vft_statement_values. simulate: NULL, or, on a prover's channel, where the messages
 * come from, there being nobody who has any (tests). Rejections: the channel's, and those of checks
 * on known values. Fails VFT_USAGE (a program with oracles, whose claims would have to be told), VFT_RESOURCE. */
VFT_MUST_CHECK vft_status vft_hidden_run(vft_hidden *h, const vft_statement *statement,
                                         const void *pub, const vft_proof_options *options,
                                         vft_channel *ch, vft_digest *witness_root,
                                         vft_soundness *soundness,
                                         const vft_random *simulate);
void vft_hidden_free(vft_hidden *h);

/* Adds scale to the weight of the value's form. */
void vft_hidden_weigh(const vft_hidden *h, const vft_hidden_value *v, vft_ext scale);
/* From the weights of forms up to number `top` those of scalars, which are then all that is left. */
void vft_hidden_settle(const vft_hidden *h, uint64_t top);
/* Adds to the weights of scalars what the forms' weights amount to, which are 0 then. */
void vft_hidden_spread(const vft_hidden *h, vft_ext *pad_weight, vft_ext *late_weight);

#endif
