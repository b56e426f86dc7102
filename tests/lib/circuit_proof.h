/* The library's verifier on hiding proofs of circuits of any shape, of which a certificate is one.
 * For tests: build/lib/libvft_circuits.a is the library's sources with this entry, and with WHIR's
 * parameters chosen in place of those of one shape. */
#ifndef TESTS_LIB_CIRCUIT_PROOF_H
#define TESTS_LIB_CIRCUIT_PROOF_H

#include "vft/verify.h"

/* Rows of each kind that a circuit's program has, and how its proof is made: part of what is
 * trusted, with the key. */
typedef struct {
  uint32_t log_columns;
  uint32_t constants, inputs, bases, frees, splits, parts, fetches, permutations, narrow_sums, sums, zeros;
  uint32_t log_inv_rate, grind;
} circuit_shape;

/* Whoever made the proof knows values of the other cells of the circuit with this key with which all
 * of its rules hold.
 *   key     32 bytes
 *   inputs  the circuit's inputs, elements below p: `ninputs` of them, as many as the shape has; those
 *           that the circuit does not use are 0
 * Checks besides those of vft_verify_certificate: "circuit/shape" (no program has this one),
 * "circuit/key" (not four elements), "circuit/inputs" (not that many, or not elements).
 * Uses at most 8 MiB + 16 * (len + ninputs) + 64 * splits bytes of memory, splits <= 2^21. */
int vft_verify_circuit(const circuit_shape *shape, const uint8_t *key, const uint64_t *inputs,
                       size_t ninputs, const uint8_t *proof, size_t len, vft_verify_result **result);

#endif
