/* Arenas, on whatever vft_alloc is. */
#include <string.h>

#include "base/mem.h"

struct vft_arena_block {
  vft_arena_block *next;
  size_t used, size;
};

enum { BLOCK = 1 << 16, GRAIN = 16 };

void *vft_arena_alloc(vft_arena *arena, size_t count, size_t size) {
  const size_t head = (sizeof(vft_arena_block) + GRAIN - 1) & ~(size_t)(GRAIN - 1);
  vft_arena_block *b = arena->head;
  if (size && count > (SIZE_MAX / 2 - BLOCK) / size) return vft_alloc(count, size); /* fails */
  size_t bytes = (count * size + GRAIN - 1) & ~(size_t)(GRAIN - 1);
  if (!b || b->size - b->used < bytes) {
    size_t want = bytes > BLOCK ? bytes : BLOCK;
    b = vft_alloc(1, head + want);
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
