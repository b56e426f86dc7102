/* Poseidon permutations (hash/poseidon.h) as relations, and gadgets on field elements. */
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
enum { VFT_POSEIDON_PER_PERMUTATION = 2 * (8 * 12 + 22) }; /* committed elements */

/* One permutation at each point of a box. The caller adds the relations that say what goes in:
 * x[.., 0, lane] = input lane + rc[0][lane]. Everything else follows from these 12 elements. */
typedef struct {
  const char *axes;      /* letters of the box */
  vft_tensor_id x, cube; /* [axes, 8, 12]: inputs of the S-boxes of the full rounds; their cubes */
  vft_tensor_id y, y_cube; /* [axes, 22]: the same of the partial rounds */
  vft_tensor_id out;       /* virtual [axes, 12]: state after the permutation */
} vft_poseidon_box;

/* Constants shared by all boxes of a program; declared at the first use. */
typedef struct {
  bool declared;
  vft_tensor_id matrix, rc, first_rc; /* [I, K]; [T, I]; [I] of round 0 */
  vft_tensor_id partial_in, partial_back, partial_rc, middle_in, middle_back, middle_rc;
} vft_poseidon_constants;

vft_poseidon_box vft_build_poseidon(vft_builder *b, vft_poseidon_constants *constants,
                                    const char *name, const char *axes);

/* PUBLIC [I]: round 0's constants plus the state that a sponge of n elements under a domain starts
 * with; n = 0: a node of two digests. */
vft_tensor_id vft_build_sponge(vft_builder *b, const char *name, uint64_t n, uint64_t domain);
/* x[box, 0, first + i] = base[first + i] + terms for i < width, `i` being the letter of the lanes in
 * the terms. box: axes in the tensor's order, offsets allowed; free: all letters that the relation
 * ranges over. `base` is a sponge's start or, for a permutation that follows another one, the
 * constants of round 0. Leaves the size of i at 4. */
void vft_build_absorb(vft_builder *b, const vft_poseidon_box *p, const char *name, const char *box,
                      const char *free, int first, int width, vft_tensor_id base,
                      const vft_raw_term *terms, int n);

/* Fills permutation number i of a box's arrays from its input state; `in` becomes the state after
 * the permutation. */
typedef struct {
  int64_t *x, *cube, *y, *y_cube;
} vft_poseidon_arrays;
void vft_poseidon_fill(const vft_poseidon_arrays *to, size_t i, vft_poseidon_state *in);

#endif
