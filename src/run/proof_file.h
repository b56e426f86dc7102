/* The files of proofs/ in a run's public folder.
 *
 *   step_NNNNNN.vft  "VFTSTEP1" | u32 version 1 | h_Pi (32) | u64 step | roots of the links
 *                    adapter_in, state_in, batch, adapter_out, state_out (32 each) |
 *                    u64 length | proof
 *   oracles.vft      "VFTORCL1" | u32 version 1 | h_Pi (32) | u64 steps | u64 length | proof
 *
 * Numbers are little-endian; nothing follows the proof. */
#ifndef VFT_RUN_PROOF_FILE_H
#define VFT_RUN_PROOF_FILE_H

#include <stddef.h>
#include <stdint.h>

#include "base/mem.h"
#include "base/status.h"
#include "hash/blake3.h"

enum { VFT_STEP_LINKS = 5, VFT_PROOF_FILE_MAX = 1 << 30 };
extern const char *const vft_step_link_names[VFT_STEP_LINKS];

typedef struct {
  uint8_t manifest[32]; /* h_Pi */
  uint64_t step;
  vft_digest link[VFT_STEP_LINKS];
  uint8_t *proof; /* vft_free */
  size_t length;
} vft_step_file;

VFT_MUST_CHECK vft_status vft_step_file_write(const char *path, const vft_step_file *file);
/* Fails: VFT_REJECTED ("step/missing", "step/header"), VFT_USAGE (another version),
 * VFT_RESOURCE. */
VFT_MUST_CHECK vft_status vft_step_file_read(const char *path, vft_step_file *out);
void vft_step_file_free(vft_step_file *file);

typedef struct {
  uint8_t manifest[32];
  uint64_t steps;
  uint8_t *proof;
  size_t length;
} vft_oracle_file;

VFT_MUST_CHECK vft_status vft_oracle_file_write(const char *path, const vft_oracle_file *file);
/* Fails: VFT_REJECTED ("oracles/missing", "oracles/header"), VFT_USAGE, VFT_RESOURCE. */
VFT_MUST_CHECK vft_status vft_oracle_file_read(const char *path, vft_oracle_file *out);
void vft_oracle_file_free(vft_oracle_file *file);

/* FOLDER/step_NNNNNN.vft */
char *vft_step_file_path(vft_arena *arena, const char *folder, uint64_t step);
/* Rejects ("step/extra") a proof in FOLDER of a step at or beyond `steps`. */
VFT_MUST_CHECK vft_status vft_step_files_check(const char *folder, uint64_t steps);

#endif
