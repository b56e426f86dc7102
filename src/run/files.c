#define _GNU_SOURCE
#include "run/files.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

vft_status vft_file_read(const char *path, size_t max_size, vft_status code, vft_bytes *out) {
  *out = (vft_bytes){NULL, 0};
  struct stat s;
  FILE *f = fopen(path, "rb");
  vft_status st = VFT_OK;
  if (!f || fstat(fileno(f), &s) || !S_ISREG(s.st_mode)) {
    int reason = f && !errno ? EISDIR : errno;
    if (f) fclose(f);
    return vft_fail(code, "%s: cannot be read: %s", path, strerror(reason ? reason : EISDIR));
  }
  if (s.st_size < 0 || (uint64_t)s.st_size > max_size) {
    fclose(f);
    return vft_fail(code, "%s: %lld bytes, expected at most %zu", path, (long long)s.st_size,
                    max_size);
  }
  out->size = (size_t)s.st_size;
  out->data = vft_alloc_raw(out->size + 1, 1);
  if (!out->data) {
    st = VFT_RESOURCE;
  } else if (fread(out->data, 1, out->size, f) != out->size) {
    st = vft_fail(code, "%s: cannot be read to its end", path);
    vft_bytes_free(out);
  } else {
    out->data[out->size] = 0;
  }
  fclose(f);
  return st;
}

void vft_bytes_free(vft_bytes *b) {
  vft_free(b->data);
  *b = (vft_bytes){NULL, 0};
}

static void sync_folder(const char *path, vft_arena *arena) {
  const char *slash = strrchr(path, '/');
  char *folder = slash ? vft_arena_printf(arena, "%.*s/", (int)(slash - path), path)
                       : vft_arena_strdup(arena, ".");
  int fd = folder ? open(folder, O_RDONLY | O_DIRECTORY) : -1;
  if (fd < 0) return;
  (void)fsync(fd); /* some file systems refuse; the rename itself is atomic all the same */
  close(fd);
}

vft_status vft_file_write(const char *path, const void *data, size_t size) {
  vft_arena arena = {0};
  vft_status st = VFT_OK;
  char *temporary = vft_arena_printf(&arena, "%s.tmp", path);
  if (!temporary) return VFT_RESOURCE;
  FILE *f = fopen(temporary, "wb");
  int bad = !f;
  if (f) {
    bad = size && fwrite(data, 1, size, f) != size;
    bad |= fflush(f) != 0 || fsync(fileno(f)) != 0;
    bad |= fclose(f) != 0;
  }
  if (bad || rename(temporary, path)) {
    st = vft_fail(VFT_RESOURCE, "%s: cannot write: %s", path, strerror(errno));
    if (f) unlink(temporary);
  } else {
    sync_folder(path, &arena);
  }
  vft_arena_free(&arena);
  return st;
}

bool vft_file_exists(const char *path) {
  struct stat s;
  return !stat(path, &s) && S_ISREG(s.st_mode);
}

bool vft_folder_exists(const char *path) {
  struct stat s;
  return !stat(path, &s) && S_ISDIR(s.st_mode);
}

vft_status vft_folder_make(const char *path) {
  vft_arena arena = {0};
  vft_status st = VFT_OK;
  char *p = vft_arena_strdup(&arena, path);
  if (!p) return VFT_RESOURCE;
  for (char *at = p + 1; st == VFT_OK; at++) {
    char c = *at;
    if (c && c != '/') continue;
    *at = 0;
    if (mkdir(p, 0777) && errno != EEXIST)
      st = vft_fail(VFT_USAGE, "%s: cannot create the folder: %s", p, strerror(errno));
    *at = c;
    if (!c) break;
  }
  if (st == VFT_OK && !vft_folder_exists(path))
    st = vft_fail(VFT_USAGE, "%s: not a folder", path);
  vft_arena_free(&arena);
  return st;
}

char *vft_path_absolute(vft_arena *arena, const char *path) {
  char *full = realpath(path, NULL);
  if (full) {
    char *copy = vft_arena_strdup(arena, full);
    free(full);
    return copy;
  }
  if (*path == '/') return vft_arena_strdup(arena, path);
  char *here = getcwd(NULL, 0);
  char *joined = here ? vft_arena_printf(arena, "%s/%s", here, path) : NULL;
  free(here);
  return joined;
}

vft_status vft_disk_require(const char *path, uint64_t bytes) {
  struct statvfs v;
  if (statvfs(path, &v)) return VFT_OK; /* unknown: writing will tell */
  uint64_t have = (uint64_t)v.f_bavail * v.f_frsize;
  if (have >= bytes) return VFT_OK;
  return vft_fail(VFT_RESOURCE, "%s: the plan needs about %llu MiB of disk, %llu are free", path,
                  (unsigned long long)(bytes >> 20), (unsigned long long)(have >> 20));
}

uint64_t vft_memory_available(void) {
  FILE *f = fopen("/proc/meminfo", "r");
  unsigned long long kib = 0;
  char line[128];
  while (f && fgets(line, sizeof line, f))
    if (sscanf(line, "MemAvailable: %llu kB", &kib) == 1) break;
  if (f) fclose(f);
  return kib ? kib << 10 : (uint64_t)1 << 46;
}

/* ---- cursors ---- */

void vft_writer_bytes(vft_writer *w, const void *data, size_t size) {
  if (w->failed || size == 0) return;
  if (w->size + size > w->cap) {
    size_t cap = w->cap ? 2 * w->cap : 4096;
    while (cap < w->size + size) cap *= 2;
    uint8_t *more = vft_alloc_raw(cap, 1);
    if (!more) {
      w->failed = true;
      return;
    }
    if (w->size) memcpy(more, w->data, w->size);
    vft_free(w->data);
    w->data = more;
    w->cap = cap;
  }
  memcpy(w->data + w->size, data, size);
  w->size += size;
}

void vft_writer_u64(vft_writer *w, uint64_t v) {
  uint8_t b[8];
  for (int i = 0; i < 8; i++) b[i] = (uint8_t)(v >> (8 * i));
  vft_writer_bytes(w, b, 8);
}

void vft_writer_u32(vft_writer *w, uint32_t v) {
  uint8_t b[4];
  for (int i = 0; i < 4; i++) b[i] = (uint8_t)(v >> (8 * i));
  vft_writer_bytes(w, b, 4);
}

void vft_writer_free(vft_writer *w) {
  vft_free(w->data);
  memset(w, 0, sizeof *w);
}

const uint8_t *vft_reader_bytes(vft_reader *r, size_t size) {
  if (r->failed || size > r->size - r->at) {
    r->failed = true;
    return NULL;
  }
  r->at += size;
  return r->data + r->at - size;
}

static uint64_t little(vft_reader *r, size_t n) {
  const uint8_t *b = vft_reader_bytes(r, n);
  uint64_t v = 0;
  for (size_t i = 0; b && i < n; i++) v |= (uint64_t)b[i] << (8 * i);
  return v;
}

uint32_t vft_reader_u32(vft_reader *r) { return (uint32_t)little(r, 4); }
uint64_t vft_reader_u64(vft_reader *r) { return little(r, 8); }

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw) {
  (void)st, (void)type, (void)ftw;
  return remove(path);
}

void vft_folder_remove(const char *path) { (void)nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS); }
