/* Poseidon permutations as relations where there are few of them, and sponges made of them. */
#ifndef VFT_GADGET_POSEIDON_BOX_H
#define VFT_GADGET_POSEIDON_BOX_H

#include "gadget/poseidon.h"

/* One permutation at each point of a box. The caller adds the relations that say what goes in:
 * x[.., 0, lane] = input lane + rc[0][lane]. Everything else follows from these 12 elements. */
typedef struct {
  const char *axes;      /* letters of the box */
  vft_tensor_id x, cube; /* [axes, 8, 12]: inputs of the S-boxes of the full rounds; their cubes */
  vft_tensor_id y, y_cube; /* [axes, 22]: the same of the partial rounds */
  vft_tensor_id out;       /* virtual [axes, 12]: state after the permutation */
} vft_poseidon_box;

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

#endif
