/* The files of proofs/ in a run's public folder.
 *
 *   step_NNNNNN.vft, step_NNNNNN_SHARD.vft (run/cut.h), release.vft
 *                    "VFTSTEP1" | u32 version 3 | h_Pi (32) | u64 step | u32 shard | u32 links |
 *                    roots of the program's links in order (32 each) | END
 *   epoch_NNNNNN_BBBB.vft
 *                    "VFTEPOC1" | u32 version 3 | h_Pi (32) | u64 epoch | u32 block | digest of the
 *                    counters after it (32) | roots of rows, counters_in, counters_out (32 each) |
 *                    END
 *   oracles.vft      "VFTORCL1" | u32 version 3 | h_Pi (32) | u64 steps | END
 *
 * END = u64 length | u64 padding | proof | zeros, so many that the file's size does not depend on what
 * is proved. Numbers are little-endian; nothing follows. */
#ifndef VFT_RUN_PROOF_FILE_H
#define VFT_RUN_PROOF_FILE_H

#include <stddef.h>
#include <stdint.h>

#include "base/mem.h"
#include "base/status.h"
#include "hash/blake3.h"
#include "hash/poseidon.h"
#include "run/cut.h"

enum { VFT_PROOF_LINKS = VFT_MAX_PARTS + 1, VFT_PROOF_FILE_MAX = 1 << 30 };

typedef struct {
  uint8_t manifest[32]; /* h_Pi */
  uint64_t step;
  uint32_t shard, links;
  vft_digest link[VFT_PROOF_LINKS];
  uint8_t *proof; /* vft_free */
  size_t length, padding;
} vft_step_file;

VFT_MUST_CHECK vft_status vft_step_file_write(const char *path, const vft_step_file *file);
/* Fails: VFT_REJECTED ("step/missing", "step/header"), VFT_USAGE (another version),
 * VFT_RESOURCE. */
VFT_MUST_CHECK vft_status vft_step_file_read(const char *path, vft_step_file *out);
void vft_step_file_free(vft_step_file *file);

enum { VFT_EPOCH_LINKS = 3 };
typedef struct {
  uint8_t manifest[32];
  uint64_t epoch;
  uint32_t block;
  vft_poseidon_digest counters;
  vft_digest link[VFT_EPOCH_LINKS]; /* by number in the program */
  uint8_t *proof; /* vft_free */
  size_t length, padding;
} vft_epoch_file;

VFT_MUST_CHECK vft_status vft_epoch_file_write(const char *path, const vft_epoch_file *file);
/* Fails: VFT_REJECTED ("epoch/missing", "epoch/header"), VFT_USAGE (another version),
 * VFT_RESOURCE. */
VFT_MUST_CHECK vft_status vft_epoch_file_read(const char *path, vft_epoch_file *out);
/* FOLDER/epoch_NNNNNN_BBBB.vft */
char *vft_epoch_file_path(vft_arena *arena, const char *folder, uint64_t epoch, uint32_t block);

typedef struct {
  uint8_t manifest[32];
  uint64_t steps;
  uint8_t *proof;
  size_t length, padding;
} vft_oracle_file;

VFT_MUST_CHECK vft_status vft_oracle_file_write(const char *path, const vft_oracle_file *file);
/* Fails: VFT_REJECTED ("oracles/missing", "oracles/header"), VFT_USAGE, VFT_RESOURCE. */
VFT_MUST_CHECK vft_status vft_oracle_file_read(const char *path, vft_oracle_file *out);
void vft_oracle_file_free(vft_oracle_file *file);

/* FOLDER/step_NNNNNN.vft or step_NNNNNN_SHARD.vft; for step number `steps` FOLDER/release.vft. */
char *vft_shard_file_path(vft_arena *arena, const char *folder, const vft_cut *cut,
                          uint64_t step, uint32_t shard, uint64_t steps);
/* Removes every proof in FOLDER: those of one cut are no use to another. Fails: VFT_RESOURCE. */
VFT_MUST_CHECK vft_status vft_proof_files_remove(const char *folder);
/* Rejects ("step/extra") a proof in FOLDER that no step, shard or block of an epoch of the run has. */
VFT_MUST_CHECK vft_status vft_proof_files_check(const char *folder, const vft_cut *cut,
                                                const vft_manifest *manifest);

#endif
