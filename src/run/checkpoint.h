/* Checkpoints: the whole state after a number of steps.
 *
 *   "VFTCKPT1" | u32 version 1 | h_Pi (32) | u64 steps done | u32 arrays |
 *   arrays times (u64 elements | u32 bytes an element) | their elements, little-endian, in order |
 *   BLAKE3 of everything before (32)
 *
 * The arrays are those of vft_state_arrays: for every adapted projection, A then B: master (8
 * bytes), first moment (4), second moment (8), row-major. */
#ifndef VFT_RUN_CHECKPOINT_H
#define VFT_RUN_CHECKPOINT_H

#include <stddef.h>
#include <stdint.h>

#include "base/mem.h"
#include "base/status.h"
#include "hash/blake3.h"

typedef struct {
  void *data;
  size_t count;
  uint32_t width; /* bytes an element: 4 or 8, signed */
} vft_state_array;

/* Digest of a state: BLAKE3 of "vft state v1" 0x00, u64 step, then every array's elements. */
vft_digest vft_state_digest(uint64_t step, const vft_state_array *array, size_t n);

/* RUN/private/checkpoints/state_NNNNNN.ckpt */
char *vft_checkpoint_path(vft_arena *arena, const char *run, uint64_t step);
VFT_MUST_CHECK vft_status vft_checkpoint_write(const char *path, const uint8_t manifest[32],
                                               uint64_t step, const vft_state_array *array,
                                               size_t n);
/* Fills the arrays, whose counts and widths must be those of the file.
 * Fails: VFT_USAGE (missing, malformed, of another run, damaged), VFT_RESOURCE. */
VFT_MUST_CHECK vft_status vft_checkpoint_read(const char *path, const uint8_t manifest[32],
                                              uint64_t step, const vft_state_array *array,
                                              size_t n);
/* The largest step <= limit that has a checkpoint file, 0 when there is none. */
uint64_t vft_checkpoint_find(const char *run, uint64_t limit);

#endif
