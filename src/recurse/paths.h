/* From the batch opening of a tree to the path of each of its positions. */
#ifndef VFT_RECURSE_PATHS_H
#define VFT_RECURSE_PATHS_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

/* Poseidon trees (merkle/path.h): count strictly increasing positions < 2^log_n, their columns of
 * `words` canonical elements each, and the siblings of the batch opening, 4 canonical elements
 * each. path[k * (log_n - log_cap) + h] is the sibling at height h of what lies above position k;
 * cap: the 2^log_cap nodes of the cap. Fails: VFT_RESOURCE. */
VFT_MUST_CHECK vft_status vft_expand_paths(unsigned log_n, unsigned log_cap, size_t words,
                                           const uint32_t *position, size_t count,
                                           const uint64_t *columns, const uint64_t (*sibling)[4],
                                           uint64_t (*path)[4], uint64_t (*cap)[4]);

#endif
