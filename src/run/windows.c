#include "run/windows.h"

#include <string.h>

#include "data/canonical_json.h"
#include "run/files.h"

enum { TEXT_MAX = 64 << 20 };

uint64_t vft_windows_count(const vft_manifest *m) {
  const vft_sampling *s = &m->sampling;
  if (s->mode != VFT_SAMPLER_HYBRID) return 0;
  uint64_t span = (uint64_t)s->window * (uint64_t)s->public_every;
  return (vft_sampling_epochs(s, m->steps) + span - 1) / span;
}

static char *windows_path(vft_arena *arena, const char *folder) {
  return vft_arena_printf(arena, "%s/windows.json", folder);
}

vft_status vft_windows_write(const char *folder, const vft_manifest *m, const vft_windows *w) {
  vft_arena arena = {0};
  char *text = NULL, *path = windows_path(&arena, folder);
  size_t length;
  json_t *list = json_array();
  for (uint64_t i = 0; i < w->n; i++) {
    uint8_t bytes[32];
    char hex[65];
    vft_poseidon_bytes(&w->key[i], bytes);
    vft_hex(bytes, 32, hex);
    json_array_append_new(list,
                          json_pack("{s:I, s:s}", "window",
                                    (json_int_t)(i * (uint64_t)m->sampling.public_every), "key",
                                    hex));
  }
  json_t *root = json_pack("{s:s, s:o}", "format", VFT_WINDOWS_FORMAT, "windows", list);
  vft_status st = path && root ? vft_json_canonical(root, &text, &length) : VFT_RESOURCE;
  if (st == VFT_OK) st = vft_file_write(path, text, length);
  json_decref(root);
  vft_free(text);
  vft_arena_free(&arena);
  return st;
}

static vft_status malformed(const char *path, const char *what) {
  return vft_reject("sampler/windows", "%s: %s", path, what);
}

static vft_status parse(const json_t *root, const char *path, const vft_manifest *m,
                        vft_windows *out) {
  const json_t *list = json_object_get(root, "windows");
  const char *format = json_string_value(json_object_get(root, "format"));
  if (!format || strcmp(format, VFT_WINDOWS_FORMAT) || json_object_size(root) != 2 ||
      !json_is_array(list))
    return malformed(path, "expected {format: \"" VFT_WINDOWS_FORMAT "\", windows: [...]}");
  if (json_array_size(list) != out->n)
    return vft_reject("sampler/windows", "%s: %zu windows, the run has %llu public ones", path,
                      json_array_size(list), (unsigned long long)out->n);
  for (uint64_t i = 0; i < out->n; i++) {
    json_t *item = json_array_get(list, i);
    json_int_t window;
    const char *key;
    uint8_t bytes[32];
    if (json_unpack(item, "{s:I, s:s !}", "window", &window, "key", &key) ||
        window != (json_int_t)(i * (uint64_t)m->sampling.public_every) || strlen(key) != 64 ||
        vft_unhex(key, bytes, 32) != VFT_OK || !vft_poseidon_read(bytes, &out->key[i]))
      return vft_reject("sampler/windows", "%s: entry %llu is not the key of window %llu", path,
                        (unsigned long long)i,
                        (unsigned long long)(i * (uint64_t)m->sampling.public_every));
  }
  return VFT_OK;
}

vft_status vft_windows_read(const char *folder, const vft_manifest *m, vft_windows *out) {
  vft_arena arena = {0};
  vft_bytes text = {0};
  json_t *root = NULL;
  vft_status st = VFT_RESOURCE;
  *out = (vft_windows){.n = vft_windows_count(m)};
  if (!out->n) return VFT_OK;
  char *path = windows_path(&arena, folder);
  out->key = vft_alloc(out->n, sizeof *out->key);
  if (!path || !out->key) goto out;
  if (!vft_file_exists(path)) {
    st = malformed(path, "missing: the keys of the public windows");
    goto out;
  }
  TRY_OUT(vft_file_read(path, TEXT_MAX, VFT_USAGE, &text));
  if (vft_json_parse_canonical((const char *)text.data, text.size, path, &root) == VFT_OK)
    st = parse(root, path, m, out);
  else
    st = malformed(path, "not in canonical form");
out:
  json_decref(root);
  vft_bytes_free(&text);
  vft_arena_free(&arena);
  if (st != VFT_OK) vft_windows_free(out);
  return st;
}

const vft_poseidon_digest *vft_windows_key(const vft_windows *w, const vft_manifest *m,
                                           uint64_t window) {
  uint64_t every = (uint64_t)m->sampling.public_every;
  return w->n && window % every == 0 && window / every < w->n ? &w->key[window / every] : NULL;
}

void vft_windows_free(vft_windows *w) {
  vft_free(w->key);
  *w = (vft_windows){0};
}
