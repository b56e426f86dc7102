/* What a proof is about, and how it is made. */
#ifndef VFT_VERIFY_STATEMENT_H
#define VFT_VERIFY_STATEMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hash/blake3.h"
#include "hash/kind.h"
#include "relation/program.h"

/* What a proof is about. */
typedef struct {
  const vft_program *program;
  const int64_t *const *inputs;  /* per tensor: elements of per-proof PUBLIC tensors (others are
                                    not read); may be NULL when the program has none */
  const vft_digest *link_root;   /* per link */
  const vft_digest *oracle_root; /* per oracle */
} vft_statement;

/* How a proof is made: part of the statement's transcript, so both sides use the same. */
typedef struct {
  unsigned log_inv_rate;  /* of the committed trees; 1 */
  unsigned bits;          /* soundness of each opening; 130 */
  unsigned grind;         /* bits of work before each query phase, <= 26 (Poseidon: 24); 20 */
  vft_hash_kind hash;     /* of channel and trees, those of links and oracles too; BLAKE3 */
  unsigned test_queries;  /* not 0: the TEST PROFILE with that many queries, never sound */
  const vft_fp *context; /* what the proof belongs to (run, step): absorbed first; may be NULL */
  size_t context_len;    /* elements */
  bool hiding;           /* zero knowledge of the witness (docs/SOUNDNESS.md): BLAKE3, rate 2^-2 or
                            less, no oracles, 2^log_columns at least the number of queries. Links
                            are not hidden, and their roots must be computed or trusted by the
                            verifier: they need not bind what they do in other proofs */
} vft_proof_options;
vft_proof_options vft_proof_options_default(void);
/* For proofs that are verified inside of a circuit: Poseidon, and less work, since it is dearer. */
vft_proof_options vft_proof_options_recursive(void);

#endif
