#include "memory.h"

#include <stdlib.h>

#include "base/mem.h"

/* Before each block; keeps what malloc aligns aligned. */
typedef union {
  uint64_t bytes;
  max_align_t align;
} header;

static _Thread_local uint64_t limit, live;
static _Thread_local bool limited;

void vft_memory_limit(uint64_t bytes) {
  limit = bytes;
  live = 0;
  limited = false;
}

bool vft_memory_limited(void) { return limited; }

static void *take(size_t count, size_t size) {
  size_t most = (SIZE_MAX - sizeof(header)) / (size ? size : 1);
  if (count > most || count * size > limit - live) {
    limited = true;
    (void)vft_fail(VFT_RESOURCE, "%zu x %zu bytes of memory are more than such a proof needs",
                   count, size);
    return NULL;
  }
  header *h = calloc(1, sizeof *h + count * size);
  if (!h) {
    (void)vft_fail(VFT_RESOURCE, "out of memory: %zu bytes", count * size);
    return NULL;
  }
  h->bytes = count * size;
  live += h->bytes;
  return h + 1;
}

void *vft_alloc(size_t count, size_t size) { return take(count, size); }
void *vft_alloc_raw(size_t count, size_t size) { return take(count, size); }

void vft_free(void *block) {
  if (!block) return;
  header *h = (header *)block - 1;
  live -= h->bytes;
  free(h);
}
