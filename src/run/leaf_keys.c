#include "run/leaf_keys.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "relation/layout.h"
#include "run/files.h"
#include "run/progress.h"

uint32_t vft_leaf_columns(const vft_circuit *c) {
  vft_machine_shape s;
  vft_machine_fit(c, 0, &s);
  /* memory and multiplicities, operands of sums, permutations (54 elements and the swap) */
  uint64_t elements = 7 * vft_machine_cells(&s, VFT_SEGMENT_WIDE) +
                      3 * vft_machine_cells(&s, VFT_SEGMENT_NARROW) + 3ull * s.narrow_sums +
                      13ull * s.sums + 55ull * s.permutations;
  unsigned n = vft_log2_ceil(elements);
  return n < 19 ? 12 : n > 26 ? 20 : n - 6;
}

void vft_kind_keys_free(vft_kind_keys *keys) {
  vft_circuit_key_free(&keys->leaf);
  vft_circuit_key_free(&keys->wrap);
}

size_t vft_leaf_keys_room(uint64_t memory) {
  uint64_t quarter = (memory ? memory : vft_memory_available()) / 4;
  return quarter < VFT_KEYS_KEPT ? (size_t)quarter : VFT_KEYS_KEPT;
}

static vft_status make_kind(vft_aggregation *a, uint32_t k, vft_leaf_keys *out,
                            vft_kind_keys *made) {
  static const vft_fp none[VFT_RANGE_INPUTS];
  vft_circuit *c = NULL, *w = NULL;
  vft_machine_shape shape = vft_node_shape();
  vft_status st = vft_leaf_make(a, out->kinds.example[k], NULL, &out->inner[k], &c);
  if (st == VFT_OK) st = vft_circuit_key_make(c, NULL, vft_leaf_columns(c), NULL, &made->leaf);
  vft_circuit_free(c);
  if (st == VFT_OK) st = vft_interrupt_check(VFT_AGGREGATE_RESUME); /* which only vft aggregate catches */
  if (st == VFT_OK) st = vft_node_wrap(&made->leaf, none, NULL, 0, &out->leaf[k], &w);
  if (st == VFT_OK) st = vft_circuit_key_make(w, &shape, 0, NULL, &made->wrap);
  if (st == VFT_OK) st = vft_digest_elements(&made->wrap.key, out->wrap[k].e);
  vft_circuit_free(w);
  return st;
}

/* Keeps what there is room for, kind by kind. Which are kept changes no result. */
static vft_status make_all(vft_aggregation *a, size_t room, vft_leaf_keys *out) {
  vft_status st = VFT_OK;
  for (uint32_t k = 0; st == VFT_OK && k < out->kinds.n; k++) {
    vft_kind_keys *made = &out->made[k];
    size_t before = vft_alloc_live();
    st = make_kind(a, k, out, made);
    size_t bytes = vft_alloc_live() - before;
    if (st == VFT_OK && bytes <= room)
      room -= bytes;
    else
      vft_kind_keys_free(made);
  }
  return st;
}

void vft_leaf_keys_free(vft_leaf_keys *keys) {
  for (uint32_t k = 0; k < keys->kinds.n; k++) vft_kind_keys_free(&keys->made[k]);
  vft_table_tree_free(&keys->table);
}

/* ---- cache ---- */

static char *cache_path(const vft_aggregation *a, vft_arena *arena) {
  /* Whatever changes what leaves are changes the name; the sources' digest is the build's. */
  static const char domain[] = "vft leaf keys 4 " VFT_SOURCES;
  const char *base = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
  uint8_t digest[32];
  const vft_cut *cut = &a->shards.cut;
  vft_writer w = {0};
  char hex[65];
  vft_blake3 h;
  if (base && *base)
    base = vft_arena_printf(arena, "%s/vft", base);
  else
    base = home && *home ? vft_arena_printf(arena, "%s/.cache/vft", home) : NULL;
  if (!base || vft_folder_make(base) != VFT_OK) return NULL;
  vft_writer_u32(&w, (uint32_t)cut->steps);
  vft_writer_u32(&w, (uint32_t)cut->n);
  for (int r = 0; r < cut->n; r++) vft_writer_u32(&w, (uint32_t)cut->count[r]);
  vft_writer_u32(&w, a->leaves.choice.groups);
  vft_writer_u32(&w, a->leaves.choice.shards);
  vft_writer_u32(&w, a->leaves.choice.pieces);
  if (w.failed) {
    vft_writer_free(&w);
    return NULL;
  }
  vft_blake3_init(&h);
  vft_blake3_update(&h, domain, sizeof domain);
  vft_blake3_update(&h, a->manifest->digest, 32);
  vft_blake3_update(&h, w.data, w.size);
  vft_writer_free(&w);
  vft_blake3_update(&h, vft_node_key, sizeof vft_node_key);
  vft_blake3_update(&h, vft_outer_key, sizeof vft_outer_key);
  vft_blake3_final(&h, digest, sizeof digest);
  vft_hex(digest, 32, hex);
  return vft_arena_printf(arena, "%s/%s.keys", base, hex);
}

static bool read_cache(const char *path, vft_leaf_keys *out) {
  vft_bytes bytes = {0};
  bool good = vft_file_read(path, 1 << 16, VFT_USAGE, &bytes) == VFT_OK;
  vft_reader r = {.data = bytes.data, .size = bytes.size};
  if (good && bytes.size >= 32) { /* against damage: the digest of the rest is at the end */
    vft_digest d = vft_blake3_hash(bytes.data, r.size -= 32);
    good = !memcmp(bytes.data + r.size, d.b, 32);
  }
  good = good && vft_reader_u32(&r) == out->kinds.n;
  for (uint32_t k = 0; good && k < out->kinds.n; k++) {
    for (int i = 0; i < 4; i++) out->wrap[k].e[i] = (vft_fp){vft_reader_u64(&r)};
    out->inner[k] = (vft_bits)vft_reader_u64(&r);
    out->leaf[k] = (vft_bits)vft_reader_u64(&r);
  }
  good = good && !r.failed && r.at == r.size;
  for (uint32_t i = 0; good && i < 4 * out->kinds.n; i++) good = out->wrap[i / 4].e[i % 4].v < VFT_P;
  vft_bytes_free(&bytes);
  vft_error_clear();
  return good;
}

static void write_cache(const char *path, const vft_leaf_keys *keys) {
  vft_writer w = {0};
  vft_writer_u32(&w, keys->kinds.n);
  for (uint32_t k = 0; k < keys->kinds.n; k++) {
    for (uint32_t i = 0; i < 4; i++) vft_writer_u64(&w, keys->wrap[k].e[i].v);
    vft_writer_u64(&w, (uint64_t)keys->inner[k]);
    vft_writer_u64(&w, (uint64_t)keys->leaf[k]);
  }
  if (!w.failed) vft_writer_bytes(&w, vft_blake3_hash(w.data, w.size).b, 32);
  if (!w.failed && vft_file_write(path, w.data, w.size) != VFT_OK) vft_error_clear();
  vft_writer_free(&w);
}

vft_status vft_leaf_keys_cached(vft_aggregation *a, size_t room, vft_leaf_keys *out, bool *cached) {
  vft_arena arena = {0};
  char *path = cache_path(a, &arena);
  vft_status st = VFT_OK;
  vft_error_clear();
  memset(out, 0, sizeof *out);
  *cached = false;
  TRY_OUT(vft_leaf_kinds_of(&a->leaves, &out->kinds));
  *cached = path && read_cache(path, out);
  if (!*cached) {
    TRY_OUT(make_all(a, room, out));
    if (path) write_cache(path, out);
  }
  st = vft_table_tree_init(&out->table, out->wrap, out->kinds.n);
out:
  vft_arena_free(&arena);
  return st;
}

vft_status vft_leaf_keys_known(vft_aggregation *a, vft_leaf_keys **out, bool *cached,
                               double *seconds) {
  double begun = vft_seconds();
  vft_leaf_keys *keys = vft_alloc(1, sizeof *keys);
  if (!keys) return VFT_RESOURCE;
  vft_status st = vft_leaf_keys_cached(a, 0, keys, cached);
  *seconds = vft_seconds() - begun;
  *out = keys;
  if (st == VFT_OK) return VFT_OK;
  vft_leaf_keys_free(keys);
  vft_free(keys);
  *out = NULL;
  return st;
}
