/* The verifier of hiding program proofs. */
#ifndef VFT_HIDE_VERIFY_H
#define VFT_HIDE_VERIFY_H

#include "argument/soundness.h"
#include "verify/statement.h"

/* As vft_verify_proof under options->hiding, but for what it does before and after: the program's
 * bounds, the level of soundness. lambda: NULL, but for the simulator's world (tests;
 * argument/whir_hiding.h). Rejections: those of vft_verify_proof. A check of hidden values has no
 * id of its own: what it says is part of the one sum that is opened, "whir/sum". */
VFT_MUST_CHECK vft_status vft_hide_verify(const vft_statement *statement,
                                          const vft_proof_options *options, const uint8_t *proof,
                                          size_t len, const vft_ext *lambda,
                                          vft_soundness *soundness);

#endif
