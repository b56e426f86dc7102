/* Files that come from outside: read-only mappings, slices of them, digests, readable names. */
#ifndef VFT_MODEL_SOURCE_H
#define VFT_MODEL_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

/* Bytes of somebody else's block, not NUL-terminated. */
typedef struct {
  const char *p;
  size_t n;
} vft_slice;

bool vft_slice_is(vft_slice s, const char *text);
/* Bytewise order, shorter first when one is a prefix of the other. */
int vft_slice_compare(vft_slice a, vft_slice b);

/* A slice as it can stand in a one-line message: at most 60 bytes, anything outside printable
 * ASCII shown as '?'. */
typedef struct {
  char text[68];
} vft_shown;
vft_shown vft_show(vft_slice s);

/* A whole file, mapped read-only. The file must not change while it is open. */
typedef struct {
  const uint8_t *data;
  size_t size;
  char *path;
} vft_source;

/* Fails: VFT_USAGE naming the path (missing, not a regular file, empty), VFT_RESOURCE. */
vft_status vft_source_open(const char *path, vft_source *out) VFT_MUST_CHECK;
/* Safe on a zeroed struct. */
void vft_source_close(vft_source *source);

/* Fails: VFT_RESOURCE only (libcrypto out of memory). */
vft_status vft_sha256(const void *data, size_t size, uint8_t digest[32]) VFT_MUST_CHECK;

/* "folder/name", or a path beside another file; vft_free. NULL: message recorded. */
char *vft_path_join(const char *folder, const char *name);
char *vft_path_beside(const char *path, const char *name);
/* Part of `path` after the last '/'. */
const char *vft_path_name(const char *path);
bool vft_path_ends(const char *path, const char *suffix);
bool vft_path_is_folder(const char *path);
char *vft_strndup(const char *s, size_t n); /* vft_free; NULL: message recorded */

/* Is it well-formed UTF-8 (no overlong form, no surrogate, at most U+10FFFF)? */
bool vft_utf8_valid(const char *s, size_t n);

#endif
