/* libvft_verify: verification of circuit proofs. C11 and the C library, nothing else; no state, any
 * number of threads.
 *
 * A circuit proof is about a circuit that both sides know by its key, within a shape that bounds
 * its size, and about the inputs given to it: whoever made the proof knows values of the circuit's
 * other cells with which all of its rules hold. */
#ifndef VFT_VERIFY_LIBRARY_H
#define VFT_VERIFY_LIBRARY_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Rows of each kind that the proof's program has: part of what is trusted, with the key. */
typedef struct {
  uint32_t log_cells, log_columns;
  uint32_t constants, inputs, bases, frees, splits, parts, permutations, sums, zeros;
} vft_circuit_shape;

/* Verdicts; also the exit codes of a program that does nothing else. */
enum {
  VFT_VERIFY_ACCEPTED = 0,
  VFT_VERIFY_REJECTED = 1, /* whatever is wrong with what was given */
  VFT_VERIFY_RESOURCE = 3  /* the machine's memory ran out: nothing is decided */
};

typedef struct vft_verify_result vft_verify_result;

/* Verifies a proof of `len` bytes.
 *   key     32 bytes
 *   inputs  the circuit's inputs, 3 words each (coordinates, below 2^64 - 2^32 + 1): `ninputs` of them,
 *           as many as the shape has; those that the circuit does not use are 0
 * Returns a verdict; *result, unless `result` is NULL, has what is known besides and is to be freed.
 * Uses memory in proportion to what it is given: at most
 *   4 MiB + 32 * len + 128 * ninputs + 64 * splits bytes, splits <= 2^21. */
int vft_verify_circuit_proof(const vft_circuit_shape *shape, const uint8_t *key,
                             const uint64_t *inputs, size_t ninputs, const uint8_t *proof,
                             size_t len, vft_verify_result **result);
void vft_verify_free(vft_verify_result *result);

/* All of these may be called with NULL, which is a result that there was no memory for. */
int vft_verify_verdict(const vft_verify_result *result);
/* Stable id of the failed check, "" if there is none:
 *   "circuit/shape"  no program has this shape       "circuit/key"  not four elements
 *   "circuit/inputs" not that many, or not elements  "proof/length" far too short for the shape
 *   and those of a proof: "transcript/...", "logup/...", "relations/sum", "virtual/sum",
 *   "einsum/final", "whir/...", "soundness/..." */
const char *vft_verify_check(const vft_verify_result *result);
/* One line for people, "" if all is well. */
const char *vft_verify_error(const vft_verify_result *result);
/* Bits of soundness proven for proofs of this shape, rounded down; 0 unless accepted. */
unsigned vft_verify_soundness_bits(const vft_verify_result *result);

#ifdef __cplusplus
}
#endif

#endif
