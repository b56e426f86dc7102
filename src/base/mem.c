#define _GNU_SOURCE
#include "base/mem.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/pool.h"

/* Large blocks live in one heap: a range of addresses reserved once, in huge pages. A freed block
 * keeps its pages for the next one, because a page that comes from the kernel must be cleared
 * there (and on a virtual machine may have to be found first), which costs more than the work
 * done on most pages. What is kept is bounded: pages in use and kept together never exceed the
 * most bytes that were ever live by more than SLACK; before they would, kept pages are returned.
 * Under the address sanitizer every block is malloc's own, so that its checks see each one. */
#if defined(__SANITIZE_ADDRESS__)
enum { SANITIZED = 1 };
#else
enum { SANITIZED = 0 };
#endif

enum {
  ALIGN = 64,
  HEAP_FROM = 1 << 18, /* smaller blocks come from malloc */
  GRAIN = 4096,        /* heap blocks are multiples of it */
  UNIT_LOG = 21,
  UNIT = 1 << UNIT_LOG, /* a huge page: what is returned to the kernel at a time */
  SLACK = 64 << 20,
  ZERO_PART = 1 << 19 /* bytes that one thread clears at a time */
};

/* Every block is preceded by one 64-byte header that says how to release it. */
typedef struct {
  void *base;    /* from malloc; NULL: in the heap */
  size_t bytes;  /* payload */
} header;

typedef struct {
  uint8_t *at;
  size_t bytes;
} extent;

static _Atomic size_t live, peak, highest; /* highest: of live, never reset */

static pthread_mutex_t heap_lock = PTHREAD_MUTEX_INITIALIZER;
static struct {
  bool tried;
  size_t machine;
  uint8_t *base; /* UNIT-aligned; NULL: no heap */
  size_t bytes;
  extent *hole; /* free ranges in order of address, no two adjacent */
  size_t nholes, room;
  uint8_t *resident; /* per unit: it may have pages, with any contents */
  size_t residents;
} heap;

static void account(size_t bytes) {
  size_t now = atomic_fetch_add(&live, bytes) + bytes;
  size_t seen = atomic_load(&peak);
  while (now > seen && !atomic_compare_exchange_weak(&peak, &seen, now)) {
  }
  seen = atomic_load(&highest);
  while (now > seen && !atomic_compare_exchange_weak(&highest, &seen, now)) {
  }
}

/* ---- the heap (its lock held) ---- */

/* Memory of the machine; swap is not counted on. */
static size_t machine_bytes(void) {
  long pages = sysconf(_SC_PHYS_PAGES), size = sysconf(_SC_PAGESIZE);
  if (pages <= 0 || size <= 0 || (size_t)pages > ((size_t)1 << 44) / (size_t)size) return 0;
  return (size_t)pages * (size_t)size;
}

/* Addresses for four times the machine's memory: holes cost addresses, not memory. Without them
 * (a limit on addresses, strict overcommit) there is no heap. */
static void heap_open(void) {
  heap.tried = true;
  heap.machine = machine_bytes();
  if (SANITIZED || !heap.machine) return;
  size_t bytes = (heap.machine * 4 + UNIT - 1) & ~((size_t)UNIT - 1);
  void *at = mmap(NULL, bytes + UNIT, PROT_READ | PROT_WRITE,
                  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (at == MAP_FAILED) return;
  heap.hole = malloc(64 * sizeof *heap.hole);
  heap.resident = calloc(bytes >> UNIT_LOG, 1);
  if (!heap.hole || !heap.resident) {
    free(heap.hole);
    free(heap.resident);
    munmap(at, bytes + UNIT);
    return;
  }
  heap.room = 64;
  heap.base = (uint8_t *)(((uintptr_t)at + UNIT - 1) & ~(uintptr_t)(UNIT - 1));
  heap.bytes = bytes;
  madvise(heap.base, bytes, MADV_HUGEPAGE);
  heap.hole[heap.nholes++] = (extent){heap.base, bytes};
}

/* The units of [at, at + bytes): those touched, or those wholly inside. */
static void units_of(const uint8_t *at, size_t bytes, bool inside, size_t *first, size_t *end) {
  size_t from = (size_t)(at - heap.base), to = from + bytes;
  *first = (from + (inside ? UNIT - 1 : 0)) >> UNIT_LOG;
  *end = (to + (inside ? 0 : UNIT - 1)) >> UNIT_LOG;
}

/* Returns kept pages, the highest addresses first, until at most `keep` units are resident. */
static void heap_return(size_t keep) {
  for (size_t h = heap.nholes; h-- > 0 && heap.residents > keep;) {
    size_t first, end;
    units_of(heap.hole[h].at, heap.hole[h].bytes, true, &first, &end);
    while (end > first && heap.residents > keep) {
      size_t last = end;
      while (last > first && !heap.resident[last - 1]) last--;
      size_t run = last;
      while (run > first && heap.resident[run - 1] && heap.residents > keep) {
        heap.resident[--run] = 0;
        heap.residents--;
      }
      if (run < last)
        madvise(heap.base + (run << UNIT_LOG), (last - run) << UNIT_LOG, MADV_DONTNEED);
      end = run;
    }
  }
}

/* The smallest hole that is large enough, the lowest of equals; the rest of it stays a hole. */
static uint8_t *heap_take(size_t bytes) {
  size_t best = heap.nholes;
  for (size_t h = 0; h < heap.nholes; h++)
    if (heap.hole[h].bytes >= bytes &&
        (best == heap.nholes || heap.hole[h].bytes < heap.hole[best].bytes))
      best = h;
  if (best == heap.nholes) return NULL;
  extent *x = &heap.hole[best];
  uint8_t *at = x->at;
  x->at += bytes;
  x->bytes -= bytes;
  if (!x->bytes) {
    heap.nholes--;
    memmove(x, x + 1, (heap.nholes - best) * sizeof *x);
  }
  return at;
}

/* Makes a range a hole again. Without memory for the list its addresses are lost, its pages not. */
static void heap_put(uint8_t *at, size_t bytes) {
  size_t h = 0, high = heap.nholes;
  while (h < high) {
    size_t mid = h + (high - h) / 2;
    if (heap.hole[mid].at < at)
      h = mid + 1;
    else
      high = mid;
  }
  bool low = h > 0 && heap.hole[h - 1].at + heap.hole[h - 1].bytes == at;
  bool up = h < heap.nholes && at + bytes == heap.hole[h].at;
  if (low && up) {
    heap.hole[h - 1].bytes += bytes + heap.hole[h].bytes;
    heap.nholes--;
    memmove(&heap.hole[h], &heap.hole[h + 1], (heap.nholes - h) * sizeof *heap.hole);
  } else if (low) {
    heap.hole[h - 1].bytes += bytes;
  } else if (up) {
    heap.hole[h].at = at;
    heap.hole[h].bytes += bytes;
  } else {
    if (heap.nholes == heap.room) {
      extent *more = realloc(heap.hole, 2 * heap.room * sizeof *more);
      if (!more) {
        madvise(at, bytes, MADV_DONTNEED);
        return;
      }
      heap.hole = more;
      heap.room *= 2;
    }
    memmove(&heap.hole[h + 1], &heap.hole[h], (heap.nholes - h) * sizeof *heap.hole);
    heap.hole[h] = (extent){at, bytes};
    heap.nholes++;
  }
}

/* Notes that [at, at + bytes) is about to have pages, after making room for them. */
static void heap_touch(uint8_t *at, size_t bytes) {
  size_t first, end, fresh = 0;
  units_of(at, bytes, false, &first, &end);
  for (size_t u = first; u < end; u++) fresh += !heap.resident[u];
  size_t most = atomic_load(&highest), now = atomic_load(&live) + bytes;
  size_t keep = ((most > now ? most : now) + SLACK) >> UNIT_LOG;
  if (fresh && heap.residents + fresh > keep) heap_return(keep > fresh ? keep - fresh : 0);
  for (size_t u = first; u < end; u++) {
    heap.residents += !heap.resident[u];
    heap.resident[u] = 1;
  }
}

/* ---- blocks ---- */

typedef struct {
  uint8_t *at;
  size_t bytes;
} clearing;

static void clear_parts(void *ctx, size_t begin, size_t end) {
  const clearing *c = ctx;
  size_t from = begin * ZERO_PART, to = end * ZERO_PART;
  memset(c->at + from, 0, (to < c->bytes ? to : c->bytes) - from);
}

/* Clears a block but for the units without pages: those read as zero. `was`: the units' state
 * before the block. */
static void clear_block(uint8_t *at, size_t bytes, const uint8_t *was, size_t first) {
  for (size_t done = 0; done < bytes;) {
    size_t unit = (size_t)(at + done - heap.base) >> UNIT_LOG, end = unit;
    bool dirty = was[unit - first];
    size_t last = (size_t)(at + bytes - 1 - heap.base) >> UNIT_LOG;
    while (end <= last && was[end - first] == dirty) end++;
    size_t stop = end > last ? bytes : (size_t)(heap.base + (end << UNIT_LOG) - at);
    clearing c = {at + done, stop - done};
    if (dirty) vft_parallel_for((c.bytes + ZERO_PART - 1) / ZERO_PART, 1, clear_parts, &c);
    done = stop;
  }
}

static uint8_t *heap_alloc(size_t bytes, bool zero) {
  size_t whole = (ALIGN + bytes + GRAIN - 1) & ~((size_t)GRAIN - 1), first = 0, end = 0;
  uint8_t *was = NULL;
  pthread_mutex_lock(&heap_lock);
  if (!heap.tried) heap_open();
  /* The kernel promises any range; what it cannot hold is refused here. */
  bool fits = atomic_load(&live) + bytes <= heap.machine;
  uint8_t *at = heap.base && fits ? heap_take(whole) : NULL;
  if (at) {
    units_of(at, whole, false, &first, &end);
    if (zero) was = malloc(end - first);
    if (was) memcpy(was, heap.resident + first, end - first);
    heap_touch(at, whole);
  }
  pthread_mutex_unlock(&heap_lock);
  if (!at) return NULL;
  header h = {NULL, bytes};
  memcpy(at, &h, sizeof h);
  if (was)
    clear_block(at + ALIGN, bytes, was, first);
  else if (zero)
    memset(at + ALIGN, 0, bytes);
  free(was);
  return at + ALIGN;
}

static void *allocate(size_t count, size_t size, bool zero) {
  size_t bytes;
  if (__builtin_mul_overflow(count, size, &bytes) || bytes > (size_t)1 << 46) {
    (void)vft_fail(VFT_RESOURCE, "allocation of %zu x %zu bytes is too large", count, size);
    return NULL;
  }
  unsigned char *payload = bytes >= HEAP_FROM ? heap_alloc(bytes, zero) : NULL;
  if (!payload) {
    void *base = malloc(bytes + 2 * ALIGN);
    if (!base) {
      (void)vft_fail(VFT_RESOURCE, "out of memory: %zu bytes requested, %zu in use", bytes,
                     atomic_load(&live));
      return NULL;
    }
    payload = (unsigned char *)(((uintptr_t)base + 2 * ALIGN - 1) & ~(uintptr_t)(ALIGN - 1));
    header h = {base, bytes};
    memcpy(payload - ALIGN, &h, sizeof h);
    if (zero) memset(payload, 0, bytes);
  }
  account(bytes);
  return payload;
}

void *vft_alloc(size_t count, size_t size) { return allocate(count, size, true); }
void *vft_alloc_raw(size_t count, size_t size) { return allocate(count, size, false); }

void vft_free(void *block) {
  if (!block) return;
  header h;
  uint8_t *at = (uint8_t *)block - ALIGN;
  memcpy(&h, at, sizeof h);
  atomic_fetch_sub(&live, h.bytes);
  if (h.base) {
    free(h.base);
    return;
  }
  pthread_mutex_lock(&heap_lock);
  heap_put(at, (ALIGN + h.bytes + GRAIN - 1) & ~((size_t)GRAIN - 1));
  pthread_mutex_unlock(&heap_lock);
}

void vft_alloc_trim(void) {
  pthread_mutex_lock(&heap_lock);
  heap_return(0);
  pthread_mutex_unlock(&heap_lock);
}

size_t vft_alloc_live(void) { return atomic_load(&live); }
size_t vft_alloc_peak(void) { return atomic_load(&peak); }
void vft_alloc_peak_reset(void) { atomic_store(&peak, atomic_load(&live)); }
