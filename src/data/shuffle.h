/* The order of the records: a keyed permutation per epoch, the same for anyone who knows the
 * seed. Step t of a run with S records a step and N records takes positions
 * (t mod floor(N/S)) S ... + S - 1 of the permutation of epoch floor(t / floor(N/S)); the last
 * N mod S positions of an epoch are not used. */
#ifndef VFT_DATA_SHUFFLE_H
#define VFT_DATA_SHUFFLE_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

/* Fills order[0..n) with a permutation of 0..n-1: Fisher-Yates from the last position down, each
 * index drawn without bias (rejection) from the 64-bit little-endian words of
 * blocks BLAKE3-XOF("vft shuffle v1" 0x00 | seed | epoch | block, 4096 bytes), block = 0, 1, ... Requires 1 <= n < 2^32. Fails: VFT_RESOURCE. */
VFT_MUST_CHECK vft_status vft_shuffle(uint64_t seed, uint64_t epoch, uint32_t *order, size_t n);

/* Record indices of step t. Requires 1 <= per_step <= n. */
VFT_MUST_CHECK vft_status vft_step_records(uint64_t seed, uint64_t step, size_t n,
                                           size_t per_step, uint32_t *records);

#endif
