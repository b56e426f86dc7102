#include "run/windows.h"

#include <string.h>

#include "data/canonical_json.h"

static vft_status windows_text(const vft_plan *p, char **text, size_t *length) {
  const vft_sampling *s = &p->manifest.sampling;
  json_t *list = json_array();
  uint64_t epochs = vft_sampling_epochs(s, p->manifest.steps), step = (uint64_t)s->window;
  vft_status st = VFT_OK;
  for (uint64_t e = 0; st == VFT_OK && e < epochs; e += step) {
    vft_plan_key key;
    uint8_t bytes[32];
    char hex[65];
    st = vft_plan_epoch_key(p, e, &key);
    if (st != VFT_OK || !key.is_public) continue;
    vft_poseidon_bytes(&key.window_key, bytes);
    vft_hex(bytes, 32, hex);
    json_array_append_new(list, json_pack("{s:I, s:s}", "window", (json_int_t)key.window, "key",
                                          hex));
  }
  json_t *root = json_pack("{s:s, s:o}", "format", VFT_WINDOWS_FORMAT, "windows", list);
  if (st == VFT_OK) st = vft_json_canonical(root, text, length);
  json_decref(root);
  return st;
}

vft_status vft_windows_write(const vft_plan *p, const char *folder) {
  vft_arena arena = {0};
  char *text, *path = vft_arena_printf(&arena, "%s/windows.json", folder);
  size_t length;
  vft_status st = path ? windows_text(p, &text, &length) : VFT_RESOURCE;
  if (st == VFT_OK) {
    st = vft_file_write(path, text, length);
    vft_free(text);
  }
  vft_arena_free(&arena);
  return st;
}

/* Windows by rising number, so that one has one key. */
static vft_status find(const char *path, json_t *root, uint64_t window, vft_poseidon_digest *key) {
  const char *format;
  json_t *list, *entry;
  size_t i;
  json_int_t before = -1;
  bool found = false;
  if (json_unpack(root, "{s:s, s:o !}", "format", &format, "windows", &list) ||
      strcmp(format, VFT_WINDOWS_FORMAT) || !json_is_array(list))
    return vft_reject("sampler/windows", "%s: expected %s", path, VFT_WINDOWS_FORMAT);
  json_array_foreach(list, i, entry) {
    json_int_t number;
    const char *hex;
    uint8_t bytes[32];
    vft_poseidon_digest digest;
    if (json_unpack(entry, "{s:I, s:s !}", "window", &number, "key", &hex) || number <= before ||
        vft_unhex(hex, bytes, 32) != VFT_OK || !vft_poseidon_read(bytes, &digest))
      return vft_reject("sampler/windows", "%s: expected windows by rising number, with their keys",
                        path);
    before = number;
    if ((uint64_t)number != window) continue;
    *key = digest;
    found = true;
  }
  return found ? VFT_OK
               : vft_reject("sampler/windows", "%s: window %llu is for everyone, and is not there",
                            path, (unsigned long long)window);
}

vft_status vft_windows_key(const char *folder, uint64_t window, vft_poseidon_digest *key) {
  vft_arena arena = {0};
  vft_bytes file = {0};
  json_t *root = NULL;
  char *path = vft_arena_printf(&arena, "%s/windows.json", folder);
  vft_status st = VFT_RESOURCE;
  if (path && !vft_file_exists(path))
    st = vft_reject("sampler/windows", "%s: missing", path);
  else if (path)
    st = vft_file_read(path, 1 << 26, VFT_USAGE, &file);
  if (st == VFT_OK &&
      vft_json_parse_canonical((const char *)file.data, file.size, path, &root) != VFT_OK)
    st = vft_reject("sampler/windows", "%s: not in canonical form", path);
  if (st == VFT_OK) st = find(path, root, window, key);
  json_decref(root);
  vft_bytes_free(&file);
  vft_arena_free(&arena);
  return st;
}
