/* Keys of the windows of a hybrid run that are for everyone, PUBLIC/windows.json:
 *   {"format": "vft-windows/1", "windows": [{"key": 64 digits, "window": number}, ...]}
 * One entry, in order, for each public window that the run has an epoch of. */
#ifndef VFT_RUN_WINDOWS_H
#define VFT_RUN_WINDOWS_H

#include "run/manifest.h"

#define VFT_WINDOWS_FORMAT "vft-windows/1"

typedef struct {
  uint64_t n;
  vft_poseidon_digest *key; /* of window i * public_every */
} vft_windows;

/* How many public windows the run has: 0 unless it is hybrid. */
uint64_t vft_windows_count(const vft_manifest *manifest);
VFT_MUST_CHECK vft_status vft_windows_write(const char *public_folder, const vft_manifest *manifest,
                                            const vft_windows *windows);
/* Nothing to read unless the run is hybrid. Whether the keys are the run's, its proofs say.
 * Fails: VFT_REJECTED "sampler/windows" (missing, not exactly those windows, not in canonical form),
 * VFT_RESOURCE. */
VFT_MUST_CHECK vft_status vft_windows_read(const char *public_folder, const vft_manifest *manifest,
                                           vft_windows *out);
/* That of a public window, or NULL. */
const vft_poseidon_digest *vft_windows_key(const vft_windows *windows,
                                           const vft_manifest *manifest, uint64_t window);
void vft_windows_free(vft_windows *windows);

#endif
