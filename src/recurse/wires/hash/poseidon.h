/* Poseidon on wires: src/hash/poseidon.h for sources that record themselves. */
#ifndef VFT_HASH_POSEIDON_H
#define VFT_HASH_POSEIDON_H

#include <stddef.h>

#include "field/goldilocks.h"

enum {
  VFT_POSEIDON_WIDTH = 12,
  VFT_POSEIDON_RATE = 8,
  VFT_POSEIDON_CAPACITY = 4
};

typedef struct {
  vft_fp s[VFT_POSEIDON_WIDTH];
} vft_poseidon_state;

typedef struct {
  vft_fp e[4];
} vft_poseidon_digest;

void vft_poseidon_permute(vft_poseidon_state *states, size_t n);
/* A fresh state whose first four lanes and the next four change places if the bit is set. */
void vft_poseidon_permute_swapped(vft_poseidon_state *state, vft_fp bit);

#endif
