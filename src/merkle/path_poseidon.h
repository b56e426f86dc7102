/* Inside of merkle/path.c: what is done under Poseidon alone. */
#ifndef VFT_MERKLE_PATH_POSEIDON_H
#define VFT_MERKLE_PATH_POSEIDON_H

#include "base/status.h"
#include "field/goldilocks.h"
#include "hash/blake3.h"

/* Sponges are much faster many at a time. */
void vft_poseidon_leaves(const vft_fp *columns, size_t rows, unsigned log_n, size_t count,
                         vft_digest *out);
void vft_poseidon_nodes(const vft_digest *pair, vft_digest *out, size_t n);
/* "merkle/canonical" */
VFT_MUST_CHECK vft_status vft_poseidon_siblings(const vft_digest *siblings, size_t n);
/* All nodes of the cap, from those known at the increasing places at[] and the rest. */
void vft_merkle_complete_cap(vft_digest *node, uint32_t *at, size_t known, size_t cap,
                             const vft_digest *rest);

#endif
