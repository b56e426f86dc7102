/* The library's memory: src/base/mem.h on malloc, up to a limit for each verification. */
#ifndef VFT_LIB_MEMORY_H
#define VFT_LIB_MEMORY_H

#include <stdbool.h>
#include <stdint.h>

/* Sets the bytes that this thread may have allocated at a time from now on. */
void vft_memory_limit(uint64_t bytes);
/* Whether an allocation failed for the limit since it was set. */
bool vft_memory_limited(void);

#endif
