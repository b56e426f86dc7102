/* Inside of verify: openings, but for hiding ones, of claims on a proof's trees and on oracles. */
#ifndef VFT_VERIFY_OPEN_H
#define VFT_VERIFY_OPEN_H

#include "verify/driver.h"
#include "verify/verify.h"

/* Opens the claims (sorted here) on the trees with these layouts and roots: their sum is sigma. */
VFT_MUST_CHECK vft_status vft_driver_open(vft_channel *ch, const vft_layout *const *layout,
                                          const vft_digest *root, uint32_t ntrees, unsigned c,
                                          vft_opening_claim *claim, size_t n, vft_ext sigma,
                                          const vft_proof_options *options,
                                          const vft_prover_side *prover,
                                          vft_soundness *soundness);
/* Parameters of an opening under the options; the same on both sides. */
VFT_MUST_CHECK vft_status vft_driver_whir(vft_whir_params *params, const vft_matrix *matrix,
                                          const vft_proof_options *options);
/* Whether the account is what a verifier asks for. */
VFT_MUST_CHECK vft_status vft_driver_soundness(const vft_soundness *s, vft_verify_flags flags);
/* The opening of oracle claims (verify/oracles.c). opened[i] is the number, in `tree`, of the i-th
 * tree with claims; prover->open sees only these, in that order. */
VFT_MUST_CHECK vft_status vft_driver_open_oracles(vft_channel *ch, const vft_tree_info *tree,
                                                  uint32_t ntrees, unsigned log_columns,
                                                  const vft_oracle_claims *claims,
                                                  const vft_proof_options *options,
                                                  const vft_prover_side *prover,
                                                  vft_soundness *soundness);
/* Numbers of the trees that have claims, ascending; returns their number. opened: ntrees. */
uint32_t vft_oracles_opened(const vft_oracle_claims *claims, uint32_t ntrees, uint32_t *opened);

extern const char vft_oracle_protocol_name[];

#endif
