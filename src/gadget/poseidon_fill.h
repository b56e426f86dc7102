/* The witness of Poseidon permutations (poseidon.h, poseidon_box.h). */
#ifndef VFT_GADGET_POSEIDON_FILL_H
#define VFT_GADGET_POSEIDON_FILL_H

#include <stddef.h>
#include <stdint.h>

#include "hash/poseidon.h"

/* Fills permutation number i of a box's arrays from its input state; `in` becomes the state after
 * the permutation. */
typedef struct {
  int64_t *x, *cube, *y, *y_cube;
} vft_poseidon_arrays;
void vft_poseidon_fill(const vft_poseidon_arrays *to, size_t i, vft_poseidon_state *in);
/* The same of permutations first .. first + n - 1 of a chain; arrays may be NULL. */
typedef struct {
  int64_t *x[VFT_POSEIDON_FULL], *y, *out;
} vft_poseidon_chain_arrays;
void vft_poseidon_chain_fill(const vft_poseidon_chain_arrays *to, size_t first, size_t n,
                             vft_poseidon_state *in);

#endif
