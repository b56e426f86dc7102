/* What proving takes, before it begins, and the cut that fits. */
#ifndef VFT_RUN_MEMORY_H
#define VFT_RUN_MEMORY_H

#include "prove/prove.h"
#include "run/cut.h"
#include "run/manifest.h"

/* Bytes of vft_alloc while a shard is traced and proved, beyond what is there before. */
typedef struct {
  vft_prove_options way; /* the fastest that fits */
  size_t trace;          /* every tensor, and the executor's buffers */
  size_t links;          /* their trees */
  size_t proof;          /* vft_prove_plan.peak */
  size_t total;
  size_t proof_bytes;    /* expected length of the proof */
} vft_memory_shard;
/* Whether a link's commitment keeps its codewords. */
bool vft_memory_keeps(const vft_program *program, uint32_t link);
/* budget: bytes that may be added. Fails: VFT_RESOURCE when even the leanest way needs more. */
VFT_MUST_CHECK vft_status vft_memory_plan(const vft_step *step, const vft_proof_options *options,
                                          size_t budget, vft_memory_shard *out);

/* The cut of fewest shards of which each fits into `budget` bytes more than are in use now and has a
 * proof of moderate size (under BLAKE3), and the largest shard's plan. Fails: VFT_RESOURCE naming
 * what even single layers would need. */
VFT_MUST_CHECK vft_status vft_memory_cut(const vft_manifest *manifest, vft_step *whole,
                                         size_t budget, vft_cut *cut, vft_memory_shard *largest);

/* Bytes of vft_alloc while the oracles are opened, and that proof's expected length. */
VFT_MUST_CHECK vft_status vft_memory_oracles(const vft_manifest *manifest, const vft_step *whole,
                                             size_t *bytes, uint64_t *proof_bytes);

/* Bytes that this process may still take: `limit` (0: nine tenths of what the machine has free)
 * less what is in use. Fails: VFT_RESOURCE when that is nothing. */
VFT_MUST_CHECK vft_status vft_memory_budget(uint64_t limit, size_t *out);
/* "16G", "800M", "123456" (bytes). Fails: VFT_USAGE. */
VFT_MUST_CHECK vft_status vft_memory_parse(const char *text, uint64_t *out);

#endif
