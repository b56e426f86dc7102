/* PUBLIC/windows.json, in hybrid mode: the keys of the windows of the run that are for everyone.
 *   {"format": "vft-windows/1", "windows": [{"key": 64 digits, "window": number}, ...]} */
#ifndef VFT_RUN_WINDOWS_H
#define VFT_RUN_WINDOWS_H

#include "run/plan.h"

#define VFT_WINDOWS_FORMAT "vft-windows/1"

/* Fails: VFT_USAGE (the secret of the sampler is not in the plan's dataset), VFT_RESOURCE. */
VFT_MUST_CHECK vft_status vft_windows_write(const vft_plan *plan, const char *public_folder);

/* The key of a window as the file shows it. Fails: VFT_REJECTED "sampler/windows" (no file, not in
 * canonical form, without this window), VFT_RESOURCE. */
VFT_MUST_CHECK vft_status vft_windows_key(const char *public_folder, uint64_t window,
                                          vft_poseidon_digest *key);

#endif
