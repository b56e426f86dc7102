/* Poseidon (the original) over Goldilocks: width 12, S-box x^7, 8 full and 22 partial rounds, the
 * instantiation in common use for this field (constants: tools/gen_poseidon_constants.py; known
 * answers in tests/hash). It serves what a circuit must verify; everything else uses BLAKE3.
 * Source: Grassi, Khovratovich, Rechberger, Roy, Schofnegger, "Poseidon", USENIX Security 2021. */
#ifndef VFT_HASH_POSEIDON_H
#define VFT_HASH_POSEIDON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "field/goldilocks.h"

enum {
  VFT_POSEIDON_WIDTH = 12,
  VFT_POSEIDON_RATE = 8,
  VFT_POSEIDON_CAPACITY = 4,
  VFT_POSEIDON_FULL = 8,
  VFT_POSEIDON_PARTIAL = 22,
  VFT_POSEIDON_ROUNDS = VFT_POSEIDON_FULL + VFT_POSEIDON_PARTIAL
};

typedef struct {
  vft_fp s[VFT_POSEIDON_WIDTH];
} vft_poseidon_state;

/* Four field elements: 256 bits, about 128 bits of collision resistance. */
typedef struct {
  vft_fp e[4];
} vft_poseidon_digest;

/* Row 0 of the circulant part of the linear layer, out[r] = sum_i circulant[i] in[(r + i) % 12]
 * + (r == 0 ? 8 in[0] : 0). For circuits. */
extern const uint64_t vft_poseidon_circulant[VFT_POSEIDON_WIDTH];
uint64_t vft_poseidon_constant(unsigned round, unsigned i);

/* n independent states, in place; canonical in and out. Fast from n = 8 on. */
void vft_poseidon_permute(vft_poseidon_state *states, size_t n);
/* The same; sbox[k] receives what enters the S-boxes of state k, round by round (canonical). */
enum { VFT_POSEIDON_SBOXES = VFT_POSEIDON_FULL * VFT_POSEIDON_WIDTH + VFT_POSEIDON_PARTIAL };
void vft_poseidon_permute_trace(vft_poseidon_state *states, size_t n,
                                vft_fp (*sbox)[VFT_POSEIDON_SBOXES]);

/* Sponge: state = (0^8, n, 0, 0, 0); each 8 elements are added to the first 8 and permuted (the
 * last group filled up with zeros; at least one permutation); the first four elements are the
 * digest. The length in the capacity separates inputs of different lengths. */
vft_poseidon_digest vft_poseidon_hash(const vft_fp *in, size_t n);

/* The sponge under a domain, on `count` inputs of n elements each, one after another in `in`:
 * state = (0^8, n, 0, domain, 0), then as vft_poseidon_hash, which is domain 0. */
void vft_poseidon_hash_many(uint64_t domain, const vft_fp *in, size_t n, size_t count,
                            vft_poseidon_digest *out);

/* 2-to-1: state = (left, right, 0, 1, 0, 0) permuted once; n independent pairs,
 * out[i] = compress(in[2i], in[2i + 1]); in and out may be the same array. */
void vft_poseidon_compress(const vft_poseidon_digest *in, vft_poseidon_digest *out, size_t n);

/* A digest as 32 bytes: its elements, 8 bytes each, little-endian. Reading fails (false) unless
 * all four are canonical. */
void vft_poseidon_bytes(const vft_poseidon_digest *digest, uint8_t bytes[32]);
bool vft_poseidon_read(const uint8_t bytes[32], vft_poseidon_digest *out);

#endif
