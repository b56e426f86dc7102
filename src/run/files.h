/* Files of a run folder: read whole, written through a temporary name and renamed, so that a
 * killed process leaves the old bytes or the new ones. */
#ifndef VFT_RUN_FILES_H
#define VFT_RUN_FILES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/mem.h"
#include "base/status.h"

typedef struct {
  uint8_t *data; /* NUL-terminated */
  size_t size;
} vft_bytes;

/* At most max_size bytes. A missing or unreadable file and a larger one fail with `code`. */
VFT_MUST_CHECK vft_status vft_file_read(const char *path, size_t max_size, vft_status code,
                                        vft_bytes *out);
void vft_bytes_free(vft_bytes *bytes);

/* Temporary file beside it, fsync, rename, fsync of the folder. Fails: VFT_RESOURCE. */
VFT_MUST_CHECK vft_status vft_file_write(const char *path, const void *data, size_t size);

bool vft_file_exists(const char *path);
bool vft_folder_exists(const char *path);
/* Creates the folder and its parents; fine when it exists. Fails: VFT_USAGE. */
VFT_MUST_CHECK vft_status vft_folder_make(const char *path);
/* Removes a folder and what is in it, as far as that goes. */
void vft_folder_remove(const char *path);
/* A path that does not depend on the working directory (the file need not exist). */
char *vft_path_absolute(vft_arena *arena, const char *path);
/* Fails with VFT_RESOURCE when the file system of `path` has less than `bytes` free. */
VFT_MUST_CHECK vft_status vft_disk_require(const char *path, uint64_t bytes);
/* Bytes of memory that the machine has free; 2^46 where it does not say. */
uint64_t vft_memory_available(void);

/* Little-endian cursor over a growing block. A failed allocation is remembered. */
typedef struct {
  uint8_t *data;
  size_t size, cap;
  bool failed;
} vft_writer;
void vft_writer_bytes(vft_writer *w, const void *data, size_t size);
void vft_writer_u32(vft_writer *w, uint32_t v);
void vft_writer_u64(vft_writer *w, uint64_t v);
void vft_writer_free(vft_writer *w);

/* Cursor over bytes that were read; `failed` is set by reading past the end. */
typedef struct {
  const uint8_t *data;
  size_t size, at;
  bool failed;
} vft_reader;
const uint8_t *vft_reader_bytes(vft_reader *r, size_t size); /* NULL past the end */
uint32_t vft_reader_u32(vft_reader *r);
uint64_t vft_reader_u64(vft_reader *r);

#endif
