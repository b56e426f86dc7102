/* The proofs that a run's rows were drawn as its manifest declares: one for each block of candidates
 * of each epoch (program/epoch.h). What prover and verifier share.
 *
 * Number of a proof: epoch * blocks + block; in its transcript it is shard 2 + number of step
 * `steps` (run/cut.h). */
#ifndef VFT_RUN_EPOCHS_H
#define VFT_RUN_EPOCHS_H

#include "program/epoch.h"
#include "run/cut.h"
#include "run/proof_file.h"
#include "run/windows.h"

typedef struct {
  vft_epoch *program;
  uint64_t epochs;
  uint32_t blocks;  /* of an epoch */
  vft_hash_kind hash;
  vft_digest start; /* root of the counters before an epoch: all 0 */
} vft_epochs;

/* Fails: VFT_REJECTED "manifest/sampler" (it declares what has no valid program), VFT_RESOURCE. */
VFT_MUST_CHECK vft_status vft_epochs_derive(const vft_manifest *manifest, vft_epochs *out);
void vft_epochs_free(vft_epochs *epochs);

/* Root of the link rows with these digests (vft_row_digest), by address. */
VFT_MUST_CHECK vft_status vft_epochs_rows_root(const vft_epochs *epochs,
                                               const vft_poseidon_digest *rows,
                                               vft_digest *root);

/* What the proof of a block is about. Requires: the beacon's value is known, if one is declared. */
VFT_MUST_CHECK vft_status vft_epochs_statement(const vft_manifest *manifest,
                                               const vft_windows *windows, uint64_t epoch,
                                               uint32_t block,
                                               const vft_poseidon_digest *counters,
                                               vft_epoch_statement *out);

/* Verifies the proof of a block in FOLDER/proofs; file receives what it says, without the proof.
 * Fails: VFT_REJECTED ("epoch/missing", "epoch/header", "epoch/manifest", "epoch/index", or what the
 * proof fails), VFT_USAGE (another version), VFT_RESOURCE. */
VFT_MUST_CHECK vft_status vft_epochs_verify(const vft_manifest *manifest, const vft_cut *cut,
                                            const vft_epochs *epochs, const vft_windows *windows,
                                            const char *folder, uint64_t epoch, uint32_t block,
                                            vft_epoch_file *file, vft_soundness *soundness);
/* Does the block continue the one before it? `before`: that one's file (NULL for block 0).
 * Fails: VFT_REJECTED "epoch/counters" (they do not begin at 0, or where the block before ended),
 * "epoch/rows" (another list of rows). */
VFT_MUST_CHECK vft_status vft_epochs_join(const vft_epochs *epochs, const vft_epoch_file *before,
                                          const vft_epoch_file *file);

#endif
