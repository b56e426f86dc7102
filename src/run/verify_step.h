/* Verification of one proof file against the manifest. */
#ifndef VFT_RUN_VERIFY_STEP_H
#define VFT_RUN_VERIFY_STEP_H

#include "run/cut.h"
#include "run/manifest.h"
#include "run/proof_file.h"
#include "verify/verify.h"

/* The proof file of a step's shard in FOLDER (a run's public folder), or for t = steps, shard 1 the
 * release: it belongs to the manifest, to step t and to that shard, and its proof is accepted for
 * the public inputs that the manifest gives that step. The roots of its links go to `link`
 * (whether they join is the caller's check), its oracle claims are appended to `claims`; soundness
 * (may be NULL) is the caller's to free; bytes (may be NULL).
 * Fails: VFT_REJECTED, VFT_USAGE, VFT_RESOURCE. */
VFT_MUST_CHECK vft_status vft_verify_shard(const vft_manifest *manifest, const vft_shards *shards,
                                           const char *folder, uint64_t t, uint32_t shard,
                                           vft_digest link[VFT_PROOF_LINKS],
                                           vft_oracle_claims *claims, vft_soundness *soundness,
                                           size_t *bytes);

#endif
