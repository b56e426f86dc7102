#include "memory.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

static void *refuse(size_t count, size_t size) {
  limited = true;
  (void)vft_fail(VFT_RESOURCE, "%zu x %zu bytes of memory are more than such a proof needs", count,
                 size);
  return NULL;
}

static void *take(size_t count, size_t size) {
  size_t most = (SIZE_MAX - sizeof(header)) / (size ? size : 1);
  if (count > most || count * size > limit - live) return refuse(count, size);
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

struct vft_arena_block {
  struct vft_arena_block *next;
  size_t used, size;
};

enum { BLOCK = 1 << 16, GRAIN = 16 };

void *vft_arena_alloc(vft_arena *arena, size_t count, size_t size) {
  const size_t head = (sizeof(vft_arena_block) + GRAIN - 1) & ~(size_t)(GRAIN - 1);
  vft_arena_block *b = arena->head;
  if (size && count > (SIZE_MAX / 2 - BLOCK) / size) return refuse(count, size);
  size_t bytes = (count * size + GRAIN - 1) & ~(size_t)(GRAIN - 1);
  if (!b || b->size - b->used < bytes) {
    size_t want = bytes > BLOCK ? bytes : BLOCK;
    b = take(1, head + want);
    if (!b) return NULL;
    b->size = want;
    b->next = arena->head;
    arena->head = b;
  }
  void *p = (unsigned char *)b + head + b->used;
  b->used += bytes;
  return p;
}

char *vft_arena_strdup(vft_arena *arena, const char *s) {
  size_t n = strlen(s) + 1;
  char *copy = vft_arena_alloc(arena, n, 1);
  if (copy) memcpy(copy, s, n);
  return copy;
}

void vft_arena_free(vft_arena *arena) {
  while (arena->head) {
    vft_arena_block *b = arena->head;
    arena->head = b->next;
    vft_free(b);
  }
}
