#define OPENSSL_SUPPRESS_DEPRECATED
#include "model/source.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/sha.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"

bool vft_slice_is(vft_slice s, const char *text) {
  return s.n == strlen(text) && memcmp(s.p, text, s.n) == 0;
}

int vft_slice_compare(vft_slice a, vft_slice b) {
  size_t n = a.n < b.n ? a.n : b.n;
  int c = n ? memcmp(a.p, b.p, n) : 0;
  return c ? c : (a.n > b.n) - (a.n < b.n);
}

vft_shown vft_show(vft_slice s) {
  enum { SHOWN = 60 };
  vft_shown out;
  size_t n = s.n < SHOWN ? s.n : SHOWN;
  for (size_t i = 0; i < n; i++) {
    char c = s.p[i];
    out.text[i] = c >= 0x20 && c < 0x7f ? c : '?';
  }
  memcpy(out.text + n, s.n > SHOWN ? "..." : "", s.n > SHOWN ? 4 : 1);
  return out;
}

vft_status vft_source_open(const char *path, vft_source *out) {
  *out = (vft_source){0};
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return vft_fail(VFT_USAGE, "%s: cannot be opened: %s", path, strerror(errno));
  struct stat info;
  vft_status st = VFT_OK;
  void *map = MAP_FAILED;
  if (fstat(fd, &info) != 0 || !S_ISREG(info.st_mode)) {
    st = vft_fail(VFT_USAGE, "%s: not a regular file", path);
  } else if (info.st_size == 0) {
    st = vft_fail(VFT_USAGE, "%s: the file is empty; fetch or write it again", path);
  } else {
    map = mmap(NULL, (size_t)info.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (map == MAP_FAILED)
      st = vft_fail(VFT_RESOURCE, "%s: cannot be mapped: %s", path, strerror(errno));
  }
  close(fd);
  if (st != VFT_OK) return st;
  char *copy = vft_strndup(path, strlen(path));
  if (!copy) {
    munmap(map, (size_t)info.st_size);
    return VFT_RESOURCE;
  }
  *out = (vft_source){map, (size_t)info.st_size, copy};
  return VFT_OK;
}

void vft_source_close(vft_source *source) {
  if (source->data) munmap((void *)(uintptr_t)source->data, source->size);
  vft_free(source->path);
  *source = (vft_source){0};
}

vft_status vft_sha256(const void *data, size_t size, uint8_t digest[32]) {
  SHA256_CTX h; /* these functions allocate nothing */
  if (SHA256_Init(&h) != 1 || SHA256_Update(&h, data, size) != 1 || SHA256_Final(digest, &h) != 1)
    return vft_fail(VFT_RESOURCE, "SHA-256 failed in libcrypto");
  return VFT_OK;
}

char *vft_strndup(const char *s, size_t n) {
  char *out = vft_alloc_raw(n + 1, 1);
  if (!out) return NULL;
  if (n) memcpy(out, s, n);
  out[n] = 0;
  return out;
}

static char *join(const char *folder, size_t n, const char *name) {
  size_t m = strlen(name);
  char *out = vft_alloc_raw(n + m + 2, 1);
  if (!out) return NULL;
  memcpy(out, folder, n);
  if (n && out[n - 1] != '/') out[n++] = '/';
  memcpy(out + n, name, m + 1);
  return out;
}

char *vft_path_join(const char *folder, const char *name) {
  return join(folder, strlen(folder), name);
}

char *vft_path_beside(const char *path, const char *name) {
  return join(path, (size_t)(vft_path_name(path) - path), name);
}

const char *vft_path_name(const char *path) {
  const char *slash = strrchr(path, '/');
  return slash ? slash + 1 : path;
}

bool vft_path_ends(const char *path, const char *suffix) {
  size_t n = strlen(path), m = strlen(suffix);
  return n >= m && memcmp(path + n - m, suffix, m) == 0;
}

bool vft_path_is_folder(const char *path) {
  struct stat info;
  return stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

bool vft_utf8_valid(const char *text, size_t n) {
  const unsigned char *s = (const unsigned char *)text;
  for (size_t i = 0; i < n;) {
    unsigned char c = s[i];
    if (c < 0x80) {
      i++;
      continue;
    }
    /* The second byte's range excludes overlong forms, surrogates and values past U+10FFFF. */
    size_t tail;
    unsigned char low = 0x80, high = 0xbf;
    if (c >= 0xc2 && c <= 0xdf) {
      tail = 1;
    } else if (c >= 0xe0 && c <= 0xef) {
      tail = 2;
      if (c == 0xe0) low = 0xa0;
      if (c == 0xed) high = 0x9f;
    } else if (c >= 0xf0 && c <= 0xf4) {
      tail = 3;
      if (c == 0xf0) low = 0x90;
      if (c == 0xf4) high = 0x8f;
    } else {
      return false;
    }
    if (n - i <= tail || s[i + 1] < low || s[i + 1] > high) return false;
    for (size_t k = 2; k <= tail; k++)
      if ((s[i + k] & 0xc0) != 0x80) return false;
    i += tail + 1;
  }
  return true;
}
