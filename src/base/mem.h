/* Memory: 64-byte aligned blocks (huge pages when large) and a bump arena.
 * All sizes are checked for overflow; failure is VFT_RESOURCE through vft_fail. */
#ifndef VFT_BASE_MEM_H
#define VFT_BASE_MEM_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

/* Zero-filled block of count*size bytes, 64-byte aligned; NULL on failure (message recorded).
 * count*size == 0 yields a valid pointer. Large blocks come from a heap in huge pages, which keeps
 * the pages of freed blocks for later ones: clearing them is the caller's cost, so ask for zeros
 * only where they are needed. Pages in use and kept never exceed the most bytes ever live by more
 * than 64 MiB and the rounding of blocks to pages. */
void *vft_alloc(size_t count, size_t size);
/* Like vft_alloc, contents unspecified. */
void *vft_alloc_raw(size_t count, size_t size);
void vft_free(void *block);
/* Returns the pages that the heap keeps to the system. */
void vft_alloc_trim(void);
/* Bytes now held by vft_alloc blocks, and the highest value since the last reset. */
size_t vft_alloc_live(void);
size_t vft_alloc_peak(void);
void vft_alloc_peak_reset(void);

/* Bump arena for small, many, same-lifetime objects (program descriptions, parsed headers).
 * Blocks are zero-filled and 16-byte aligned; all freed together. */
typedef struct vft_arena_block vft_arena_block;
typedef struct {
  vft_arena_block *head;
} vft_arena;
void *vft_arena_alloc(vft_arena *arena, size_t count, size_t size);
char *vft_arena_strdup(vft_arena *arena, const char *s);
char *vft_arena_printf(vft_arena *arena, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
void vft_arena_free(vft_arena *arena);

#endif
