/* The verifier's channel on wires, as its own files see it (transcript/channel.h is its interface).
 * What a proof sends becomes free cells. */
#ifndef VFT_RECURSE_WIRES_CHANNEL_H
#define VFT_RECURSE_WIRES_CHANNEL_H

#include "transcript/channel.h"

/* The next `count` words of the proof, which must be below p. */
VFT_MUST_CHECK vft_status vft_channel_take(vft_channel *ch, const char *label, size_t count,
                                           uint64_t *out);

#endif
