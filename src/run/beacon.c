#include "run/beacon.h"

#include <string.h>

#include "data/canonical_json.h"
#include "run/files.h"
#include "run/manifest.h"

static vft_status beacon_text(const vft_sampling *s, char **text, size_t *length) {
  char hex[65];
  vft_hex(s->beacon, 32, hex);
  json_t *root = json_pack("{s:s, s:{s:s, s:I, s:s}, s:s}", "format", VFT_BEACON_FORMAT, "beacon",
                           "source", s->beacon_source, "round", (json_int_t)s->beacon_round,
                           "format", s->beacon_format, "value", hex);
  if (!root) return vft_fail(VFT_RESOURCE, "out of memory while writing JSON");
  vft_status st = vft_json_canonical(root, text, length);
  json_decref(root);
  return st;
}

vft_status vft_beacon_write(const char *folder, const vft_sampling *s) {
  vft_arena arena = {0};
  char *text, *path = vft_arena_printf(&arena, "%s/beacon.json", folder);
  size_t length;
  vft_status st = path ? beacon_text(s, &text, &length) : VFT_RESOURCE;
  if (st == VFT_OK) {
    st = vft_file_write(path, text, length);
    vft_free(text);
  }
  vft_arena_free(&arena);
  return st;
}

/* The value that makes the file what vft_beacon_write writes. */
static vft_status parse(const char *path, const vft_bytes *file, vft_sampling *s) {
  char *again = NULL;
  size_t length = 0;
  json_t *root = json_loadb((const char *)file->data, file->size, 0, NULL);
  const char *value = json_string_value(json_object_get(root, "value"));
  bool good = value && vft_beacon_value(value, s->beacon);
  json_decref(root);
  vft_status st = good ? beacon_text(s, &again, &length) : VFT_OK;
  if (st == VFT_OK && (!good || length != file->size || memcmp(again, file->data, length)))
    st = vft_reject("sampler/beacon", "%s: not a value of the beacon that the manifest declares "
                    "(%s, round %llu), in canonical form", path, s->beacon_source,
                    (unsigned long long)s->beacon_round);
  vft_free(again);
  return st;
}

vft_status vft_beacon_read(const char *folder, vft_sampling *s) {
  vft_arena arena = {0};
  vft_bytes file = {0};
  if (!s->has_beacon) return VFT_OK;
  char *path = vft_arena_printf(&arena, "%s/beacon.json", folder);
  vft_status st = VFT_RESOURCE;
  if (path && !vft_file_exists(path))
    st = vft_reject("sampler/beacon", "%s: missing: the manifest declares a beacon (%s, round %llu)",
                    path, s->beacon_source, (unsigned long long)s->beacon_round);
  else if (path)
    st = vft_file_read(path, 1 << 16, VFT_USAGE, &file);
  if (st == VFT_OK) st = parse(path, &file, s);
  s->beacon_known = st == VFT_OK;
  vft_bytes_free(&file);
  vft_arena_free(&arena);
  return st;
}
