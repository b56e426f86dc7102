#define _GNU_SOURCE
#include "base/mem.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { ALIGN = 64, MAP_FROM = 4 << 20, HUGE_PAGE = 2 << 20 };

/* Every block is preceded by one 64-byte header that says how to release it. */
typedef struct {
  void *base;
  size_t mapped; /* bytes to munmap, 0 when from malloc */
  size_t bytes;  /* payload */
} header;

static _Atomic size_t live, peak;

static void account(size_t bytes) {
  size_t now = atomic_fetch_add(&live, bytes) + bytes;
  size_t seen = atomic_load(&peak);
  while (now > seen && !atomic_compare_exchange_weak(&peak, &seen, now)) {
  }
}

static void *allocate(size_t count, size_t size, int zero) {
  size_t bytes;
  if (__builtin_mul_overflow(count, size, &bytes) || bytes > (size_t)1 << 46) {
    (void)vft_fail(VFT_RESOURCE, "allocation of %zu x %zu bytes is too large", count, size);
    return NULL;
  }
  void *base;
  size_t mapped = 0;
  unsigned char *payload;
  if (bytes >= MAP_FROM) {
    mapped = (bytes + 2 * (size_t)HUGE_PAGE) & ~((size_t)HUGE_PAGE - 1);
    base = mmap(NULL, mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (base == MAP_FAILED) base = NULL;
    if (base) madvise(base, mapped, MADV_HUGEPAGE);
  } else {
    base = malloc(bytes + 2 * ALIGN);
  }
  if (!base) {
    (void)vft_fail(VFT_RESOURCE, "out of memory: %zu bytes requested, %zu in use", bytes,
                   atomic_load(&live));
    return NULL;
  }
  payload = (unsigned char *)(((uintptr_t)base + 2 * ALIGN - 1) & ~(uintptr_t)(ALIGN - 1));
  header h = {base, mapped, bytes};
  memcpy(payload - ALIGN, &h, sizeof h);
  if (zero && !mapped) memset(payload, 0, bytes);
  account(bytes);
  return payload;
}

void *vft_alloc(size_t count, size_t size) { return allocate(count, size, 1); }
void *vft_alloc_raw(size_t count, size_t size) { return allocate(count, size, 0); }

void vft_free(void *block) {
  if (!block) return;
  header h;
  memcpy(&h, (unsigned char *)block - ALIGN, sizeof h);
  atomic_fetch_sub(&live, h.bytes);
  if (h.mapped)
    munmap(h.base, h.mapped);
  else
    free(h.base);
}

size_t vft_alloc_live(void) { return atomic_load(&live); }
size_t vft_alloc_peak(void) { return atomic_load(&peak); }
void vft_alloc_peak_reset(void) { atomic_store(&peak, atomic_load(&live)); }

struct vft_arena_block {
  vft_arena_block *next;
  size_t used, size;
};

void *vft_arena_alloc(vft_arena *arena, size_t count, size_t size) {
  size_t bytes;
  if (__builtin_mul_overflow(count, size, &bytes) || bytes > (size_t)1 << 40) {
    (void)vft_fail(VFT_RESOURCE, "arena allocation of %zu x %zu bytes is too large", count, size);
    return NULL;
  }
  bytes = (bytes + 15) & ~(size_t)15;
  const size_t head = (sizeof(vft_arena_block) + 15) & ~(size_t)15;
  vft_arena_block *b = arena->head;
  if (!b || b->size - b->used < bytes) {
    size_t want = bytes > (1 << 16) ? bytes : (1 << 16);
    b = calloc(1, head + want);
    if (!b) {
      (void)vft_fail(VFT_RESOURCE, "out of memory: arena block of %zu bytes", want);
      return NULL;
    }
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

char *vft_arena_printf(vft_arena *arena, const char *fmt, ...) {
  va_list ap, again;
  va_start(ap, fmt);
  va_copy(again, ap);
  int n = vsnprintf(NULL, 0, fmt, ap);
  va_end(ap);
  char *s = n < 0 ? NULL : vft_arena_alloc(arena, (size_t)n + 1, 1);
  if (s) vsnprintf(s, (size_t)n + 1, fmt, again);
  va_end(again);
  return s;
}

void vft_arena_free(vft_arena *arena) {
  for (vft_arena_block *b = arena->head; b;) {
    vft_arena_block *next = b->next;
    free(b);
    b = next;
  }
  arena->head = NULL;
}
