#include "run/checkpoint.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>

#include "run/files.h"

enum { FILE_VERSION = 1 };
static const char magic[] = "VFTCKPT1";

/* Arrays are little-endian in memory and in the file; a big-endian machine would have to swap. */
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "little-endian machines only");

vft_digest vft_state_digest(uint64_t step, const vft_state_array *array, size_t n) {
  static const char domain[] = "vft state v1";
  uint8_t number[8];
  vft_digest out;
  vft_blake3 h;
  for (int i = 0; i < 8; i++) number[i] = (uint8_t)(step >> (8 * i));
  vft_blake3_init(&h);
  vft_blake3_update(&h, domain, sizeof domain);
  vft_blake3_update(&h, number, sizeof number);
  for (size_t i = 0; i < n; i++)
    vft_blake3_update_long(&h, array[i].data, array[i].count * array[i].width);
  vft_blake3_final(&h, out.b, sizeof out.b);
  return out;
}

char *vft_checkpoint_path(vft_arena *arena, const char *run, uint64_t step) {
  return vft_arena_printf(arena, "%s/private/checkpoints/state_%06llu.ckpt", run,
                          (unsigned long long)step);
}

static vft_digest checksum(const void *data, size_t size) {
  vft_digest out;
  vft_blake3 h;
  vft_blake3_init(&h);
  vft_blake3_update_long(&h, data, size);
  vft_blake3_final(&h, out.b, sizeof out.b);
  return out;
}

vft_status vft_checkpoint_write(const char *path, const uint8_t manifest[32], uint64_t step,
                                const vft_state_array *array, size_t n) {
  vft_writer w = {0};
  vft_writer_bytes(&w, magic, 8);
  vft_writer_u32(&w, FILE_VERSION);
  vft_writer_bytes(&w, manifest, 32);
  vft_writer_u64(&w, step);
  vft_writer_u32(&w, (uint32_t)n);
  for (size_t i = 0; i < n; i++) {
    vft_writer_u64(&w, array[i].count);
    vft_writer_u32(&w, array[i].width);
  }
  for (size_t i = 0; i < n; i++)
    vft_writer_bytes(&w, array[i].data, array[i].count * array[i].width);
  vft_status st = VFT_RESOURCE;
  if (!w.failed) {
    vft_digest sum = checksum(w.data, w.size);
    vft_writer_bytes(&w, sum.b, sizeof sum.b);
    if (!w.failed) st = vft_file_write(path, w.data, w.size);
  }
  vft_writer_free(&w);
  return st;
}

static vft_status bad(const char *path, const char *what) {
  return vft_fail(VFT_USAGE, "%s: %s; delete it to resume from an earlier one", path, what);
}

vft_status vft_checkpoint_read(const char *path, const uint8_t manifest[32], uint64_t step,
                               const vft_state_array *array, size_t n) {
  vft_bytes file;
  TRY(vft_file_read(path, SIZE_MAX >> 1, VFT_USAGE, &file));
  vft_reader r = {file.data, file.size, 0, false};
  vft_status st = VFT_OK;
  const uint8_t *head = vft_reader_bytes(&r, 8);
  uint32_t version = vft_reader_u32(&r);
  const uint8_t *h_pi = vft_reader_bytes(&r, 32);
  uint64_t at = vft_reader_u64(&r);
  uint32_t arrays = vft_reader_u32(&r);
  if (r.failed || memcmp(head, magic, 8)) st = bad(path, "not a checkpoint");
  else if (version != FILE_VERSION) st = bad(path, "its format version is not supported");
  else if (memcmp(h_pi, manifest, 32)) st = bad(path, "it belongs to another run");
  else if (at != step || arrays != n) st = bad(path, "it is of another step or shape");
  for (size_t i = 0; st == VFT_OK && i < n; i++)
    if (vft_reader_u64(&r) != array[i].count || vft_reader_u32(&r) != array[i].width)
      st = bad(path, "an array has another shape");
  for (size_t i = 0; st == VFT_OK && i < n; i++) {
    const uint8_t *data = vft_reader_bytes(&r, array[i].count * array[i].width);
    if (data) memcpy(array[i].data, data, array[i].count * array[i].width);
  }
  if (st == VFT_OK) {
    vft_digest sum = checksum(file.data, r.at);
    const uint8_t *stored = vft_reader_bytes(&r, sizeof sum.b);
    if (r.failed || r.at != r.size || memcmp(stored, sum.b, sizeof sum.b))
      st = bad(path, "it is damaged");
  }
  vft_bytes_free(&file);
  return st;
}

uint64_t vft_checkpoint_find(const char *run, uint64_t limit) {
  vft_arena arena = {0};
  uint64_t best = 0;
  char *folder = vft_arena_printf(&arena, "%s/private/checkpoints", run);
  DIR *d = folder ? opendir(folder) : NULL;
  for (struct dirent *e; d && (e = readdir(d));) {
    unsigned long long step;
    char again[64];
    if (sscanf(e->d_name, "state_%llu.ckpt", &step) != 1) continue;
    snprintf(again, sizeof again, "state_%06llu.ckpt", step);
    if (!strcmp(again, e->d_name) && step <= limit && step > best) best = step;
  }
  if (d) closedir(d);
  vft_arena_free(&arena);
  return best;
}
