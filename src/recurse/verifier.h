/* The verifier of proofs, recorded into a circuit: the same sources as the native one (src/verify,
 * src/argument, src/transcript), compiled with wires for field elements (recurse/wires). */
#ifndef VFT_RECURSE_VERIFIER_H
#define VFT_RECURSE_VERIFIER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "recurse/claims.h"
#include "relation/program.h"

struct vft_circuit;

/* Claims of one proof (recurse/claims.h), and the sponge of VFT_DOMAIN_CLAIMS over the digest of their form
 * and the coordinates of their values, as wires. */
typedef struct {
  vft_claim_list list; /* vft_claim_list_free */
  uint32_t digest[4];
} vft_claims;

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
  /* Receives the claims that a program with oracles leaves, and the wires of the sponge over their
     values: they are to be opened by vft_circuit_open. NULL: a proof that leaves claims fails
     (VFT_USAGE). */
  vft_claims *claims;
  bool inputs_checked; /* the inputs are known to be within their bounds */
  unsigned log_inv_rate, bits, grind, test_queries;
  bool allow_test_profile; /* tests only */
  /* Receives the soundness of the proof in units of 2^-24 bit (argument/soundness.h); may be NULL. */
  int64_t *account;
} vft_circuit_child;

/* What the circuit takes an opening of such claims to be about (vft_verify_oracles, verify/verify.h). */
typedef struct {
  const vft_program *program;       /* any that declares the oracles */
  const uint32_t (*oracle_root)[4]; /* per oracle */
  vft_claims *claims;               /* of `nclaims` proofs in order; digests are received */
  uint32_t nclaims;
  const uint32_t *context;
  size_t context_len;
  unsigned log_columns; /* of the oracles' trees */
  unsigned log_inv_rate, bits, grind, test_queries;
  bool allow_test_profile; /* tests only */
  int64_t *account;        /* as above */
} vft_circuit_opening;

/* Records the verification of the proof. Whoever proves the circuit knows, for whatever values the
 * given wires have, a proof that the verifier accepts for them: its bytes are free cells. The
 * program, the options and all lengths are constants of the circuit, which does not depend on the
 * proof otherwise. Rejects the proof as the native verifier does, with the same ids (the recording
 * is then of no use). Without a proof (NULL) it records the same circuit, whose values are then of no
 * use: for its key. Fails: VFT_USAGE, VFT_RESOURCE. */
VFT_MUST_CHECK vft_status vft_circuit_verify(struct vft_circuit *circuit,
                                             const vft_circuit_child *child, const uint8_t *proof,
                                             size_t len);

/* The same of an opening: values of claims are free cells, of which the digests are what is said of
 * them elsewhere. */
VFT_MUST_CHECK vft_status vft_circuit_open(struct vft_circuit *circuit,
                                           const vft_circuit_opening *opening,
                                           const uint8_t *proof, size_t len);

#endif
