/* Inside of hash/poseidon: its kernels. Without vectors there are two: _c, short and near the
 * definition, is that of libvft_verify, whose length is bounded and which hashes little with it; _one, in
 * half the time, that of everything else. */
#ifndef VFT_HASH_POSEIDON_OPS_H
#define VFT_HASH_POSEIDON_OPS_H

#include "hash/poseidon.h"

#define VFT_POSEIDON_DIAGONAL 8 /* added to entry (0, 0) of the circulant matrix */
#define VFT_POSEIDON_CIRCULANT {17, 15, 41, 16, 2, 28, 13, 13, 39, 18, 34, 20}

/* n states, in place; sbox: NULL, or as in vft_poseidon_permute_trace. */
typedef void vft_poseidon_permutation(vft_poseidon_state *states, size_t n,
                                      vft_fp (*sbox)[VFT_POSEIDON_SBOXES]);
vft_poseidon_permutation vft_poseidon_permute_c, vft_poseidon_permute_one;
/* n a multiple of 8. */
vft_poseidon_permutation vft_poseidon_permute_avx2, vft_poseidon_permute_avx512;

#endif
