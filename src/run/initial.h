/* The start of every run, a function of the manifest's seed: A from a declared pseudo-random
 * function, B and the moments zero. Verifiers recompute it. */
#ifndef VFT_RUN_INITIAL_H
#define VFT_RUN_INITIAL_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

enum { VFT_INITIAL_FRAC = 20 };

/* Working copy (20 fraction bits) of A of one layer and projection, [rank][in]: uniform on the
 * integers -R..R with R = floor(2^20 / sqrt(in)), which is PEFT's Kaiming-uniform range
 * +-1/sqrt(in). Element i is drawn in order from the 32-bit little-endian words of
 * BLAKE3-XOF("vft lora A v1" 0x00 | seed | layer | projection | block, 4096 bytes),
 * block = 0, 1, ... (numbers as u64 little-endian); words at or above the largest multiple of
 * 2R + 1 are skipped, the others taken modulo 2R + 1.
 * Requires rank, in >= 1. */
void vft_initial_a(uint64_t seed, int layer, int projection, size_t rank, size_t in, int32_t *out);

/* The same as float32 (exact), for the calibration; ctx is a `const uint64_t *` seed. A
 * vft_lora_a_init. */
void vft_initial_a_float(void *ctx, int layer, int projection, int rank, int in, float *out);

#endif
