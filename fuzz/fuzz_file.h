/* For readers that take a path: the input as a file without a name. */
#ifndef FUZZ_FILE_H
#define FUZZ_FILE_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/types.h>
#include <unistd.h>

enum { FUZZ_FILES = 3 };

/* Slots are separate files; the path is good until the process ends. */
static inline const char *fuzz_file(int slot, const uint8_t *data, size_t size) {
  static int fd[FUZZ_FILES];
  static char path[FUZZ_FILES][32];
  if (!path[slot][0]) {
    char name[] = "/tmp/vft_fuzz_XXXXXX";
    fd[slot] = mkstemp(name);
    if (fd[slot] < 0 || unlink(name)) abort();
    snprintf(path[slot], sizeof path[slot], "/proc/self/fd/%d", fd[slot]);
  }
  if (ftruncate(fd[slot], 0) || pwrite(fd[slot], data, size, 0) != (ssize_t)size) abort();
  return path[slot];
}

#endif
