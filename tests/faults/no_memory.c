/* Preloaded into vft: allocation number VFT_FAIL_AT and all after it fail (only that one when
 * VFT_FAIL_ONCE is set). The number of allocations is written to the file
 * VFT_COUNT_FILE at the end. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

static _Atomic long calls;
static long fail_at = -1; /* -1: not armed yet, or never */
static int once;

static int fails(void) {
  long n = atomic_fetch_add(&calls, 1);
  if (fail_at < 0 || (once ? n != fail_at : n < fail_at)) return 0;
  errno = ENOMEM;
  return 1;
}

#define REAL(type, name, ...)                                \
  static type (*real)(__VA_ARGS__);                          \
  if (!real) real = (type(*)(__VA_ARGS__))dlsym(RTLD_NEXT, #name)

void *malloc(size_t size) {
  REAL(void *, malloc, size_t);
  return fails() ? NULL : real(size);
}

void *realloc(void *old, size_t size) {
  REAL(void *, realloc, void *, size_t);
  return fails() ? NULL : real(old, size);
}

/* dlsym itself calls calloc, before anything is armed. */
extern void *__libc_calloc(size_t, size_t);
void *calloc(size_t count, size_t size) {
  return fails() ? NULL : __libc_calloc(count, size);
}

void *mmap(void *at, size_t size, int protection, int flags, int fd, off_t offset) {
  REAL(void *, mmap, void *, size_t, int, int, int, off_t);
  if (flags & MAP_ANONYMOUS && fails()) return MAP_FAILED;
  return real(at, size, protection, flags, fd, offset);
}

__attribute__((constructor)) static void arm(void) {
  const char *at = getenv("VFT_FAIL_AT");
  once = getenv("VFT_FAIL_ONCE") != NULL;
  atomic_store(&calls, 0);
  if (at) fail_at = atol(at);
}

__attribute__((destructor)) static void report(void) {
  const char *path = getenv("VFT_COUNT_FILE");
  long n = atomic_load(&calls);
  fail_at = -1;
  FILE *f = path ? fopen(path, "w") : NULL;
  if (!f) return;
  fprintf(f, "%ld\n", n);
  fclose(f);
}
