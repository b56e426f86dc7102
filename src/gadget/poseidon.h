/* Poseidon permutations (hash/poseidon.h) as relations, and gadgets on field elements. Boxes of few
 * permutations: poseidon_box.h; their witness: poseidon_fill.h. */
#ifndef VFT_GADGET_POSEIDON_H
#define VFT_GADGET_POSEIDON_H

#include "gadget/builder.h"
#include "hash/poseidon.h"

/* Tensors and relations modulo p; terms as in vft_build_relation. */
vft_tensor_id vft_build_field(vft_builder *b, vft_origin origin, uint32_t group, const char *name,
                              const char *axes, const int64_t *values);
void vft_build_field_zero(vft_builder *b, const char *name, const char *free_axes,
                          const vft_raw_term *terms, int n);
vft_tensor_id vft_build_field_define(vft_builder *b, const char *name, const char *axes,
                                     const vft_raw_term *terms, int n);

/* Letters that the gadget reserves: lanes I (12) and K (12), of which relations of callers may use
 * a part by setting the size of another letter; rounds T; z of size 1. */

/* Constants shared by all permutations of a program; declared at the first use. */
typedef struct {
  bool declared;
  vft_tensor_id matrix, rc, first_rc; /* [I, K]; [T, I]; [I] of round 0 */
  vft_tensor_id partial_in, partial_back, partial_rc, middle_in, middle_back, middle_rc;
} vft_poseidon_constants;

/* Declares them when no permutation has yet. */
void vft_build_poseidon_constants(vft_builder *b, vft_poseidon_constants *constants);

/* Permutations at each point of a box, of which there are many (few: poseidon_box.h): of the
 * S-boxes' inputs only those of the partial rounds and of some full ones are committed, the others
 * are a chain of virtual tensors, and x^7 is a product of seven factors. Every link of the longest
 * chain costs the verifier one sumcheck: with rounds 0 and 4 committed there are three. */
typedef struct {
  const char *axes;
  vft_tensor_id x[VFT_POSEIDON_FULL]; /* [axes, 12] */
  vft_tensor_id y;                    /* [axes, 22], committed */
} vft_poseidon_chain;
enum { VFT_POSEIDON_COMMITTED = 0x11 }; /* bit t: the inputs of full round t are committed */
/* in: x[0], which is the state that goes in plus the constants of round 0, in any origin; or
 * VFT_NO_TENSOR: it is committed, and the caller adds the relations that say so. */
vft_poseidon_chain vft_build_poseidon_chain(vft_builder *b, vft_poseidon_constants *constants,
                                            const char *name, const char *axes, vft_tensor_id in,
                                            unsigned committed);
/* coef times the states after the permutations, as a term: a sumcheck less than a virtual tensor
 * [axes, 12] of them. box: axes in the tensor's order, offsets allowed; lanes: the letter of the
 * lanes and an offset ("I", "i+4"). The term contracts K. */
vft_raw_term vft_build_poseidon_after(vft_builder *b, const vft_poseidon_constants *constants,
                                      const vft_poseidon_chain *p, int64_t coef, const char *box,
                                      const char *lanes);
vft_tensor_id vft_build_poseidon_out(vft_builder *b, const vft_poseidon_constants *constants,
                                     const vft_poseidon_chain *p, const char *name);

#endif
