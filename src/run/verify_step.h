/* Verification of one step's proof file against the manifest. */
#ifndef VFT_RUN_VERIFY_STEP_H
#define VFT_RUN_VERIFY_STEP_H

#include "program/step.h"
#include "run/manifest.h"
#include "run/proof_file.h"
#include "verify/verify.h"

/* proofs/step_NNNNNN.vft of FOLDER (a run's public folder): it belongs to the manifest and to step
 * t, and its proof is accepted for the public inputs that the manifest gives that step. The roots
 * of its links go to `link` (whether they join is the caller's check), its oracle claims are
 * appended to `claims`; soundness (may be NULL) is the caller's to free; bytes (may be NULL).
 * Fails: VFT_REJECTED, VFT_USAGE, VFT_RESOURCE. */
VFT_MUST_CHECK vft_status vft_verify_step(const vft_manifest *manifest, const vft_step *step,
                                          const char *folder, uint64_t t,
                                          vft_digest link[VFT_STEP_LINKS],
                                          vft_oracle_claims *claims, vft_soundness *soundness,
                                          size_t *bytes);

#endif
