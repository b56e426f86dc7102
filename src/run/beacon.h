/* The value of the beacon that a manifest declares. It becomes known after the manifest, so it is a
 * file of its own, PUBLIC/beacon.json:
 *   {"beacon": {"format", "round", "source"}, "format": "vft-beacon/1", "value": 64 digits} */
#ifndef VFT_RUN_BEACON_H
#define VFT_RUN_BEACON_H

#include "data/sampling.h"

#define VFT_BEACON_FORMAT "vft-beacon/1"

/* Requires: sampling->beacon_known. */
VFT_MUST_CHECK vft_status vft_beacon_write(const char *public_folder,
                                           const vft_sampling *sampling);
/* Reads the value into `sampling`; nothing to do without a declared beacon.
 * Fails: VFT_REJECTED "sampler/beacon" (no file, another beacon, not in canonical form). */
VFT_MUST_CHECK vft_status vft_beacon_read(const char *public_folder, vft_sampling *sampling);

#endif
