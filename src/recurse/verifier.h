/* The verifier of proofs, recorded into a circuit: the same sources as the native one (src/verify,
 * src/argument, src/transcript), compiled with wires for field elements (recurse/wires). */
#ifndef VFT_RECURSE_VERIFIER_H
#define VFT_RECURSE_VERIFIER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "relation/program.h"

struct vft_circuit;

/* What the circuit takes a proof to be about: vft_statement and vft_proof_options
 * (verify/verify.h), under Poseidon, with wires for what may differ from run to run of the circuit.
 * Wires of elements of F are cells whose other coordinates are 0. */
typedef struct {
  const vft_program *program;
  const uint32_t *const *inputs;     /* per tensor: wires of per-proof PUBLIC tensors */
  const uint32_t (*link_root)[4];    /* per link */
  const uint32_t (*oracle_root)[4];  /* per oracle */
  const uint32_t *context;
  size_t context_len;
  /* The opening of the claims that a program with oracles leaves (vft_verify_oracles). */
  const uint8_t *opening;
  size_t opening_len;
  unsigned opening_columns;          /* log_columns of the oracles' trees */
  const uint32_t *opening_context;   /* as long as context */
  bool inputs_checked; /* the inputs are known to be within their bounds */
  unsigned log_inv_rate, bits, grind, test_queries;
  bool allow_test_profile; /* tests only */
  /* Receives the soundness of proof and opening together in units of 2^-24 bit
     (argument/soundness.h); may be NULL. */
  int64_t *account;
} vft_circuit_child;

/* Records the verification of the proof. Whoever proves the circuit knows, for whatever values the
 * given wires have, a proof that the verifier accepts for them: its bytes are free cells. The
 * program, the options and all lengths are constants of the circuit, which does not depend on the
 * proof otherwise. Rejects the proof as the native verifier does, with the same ids (the recording
 * is then of no use). Without a proof (NULL) it records the same circuit, whose values are then of no
 * use: for its key. Fails: VFT_USAGE, VFT_RESOURCE. */
VFT_MUST_CHECK vft_status vft_circuit_verify(struct vft_circuit *circuit,
                                             const vft_circuit_child *child, const uint8_t *proof,
                                             size_t len);

#endif
