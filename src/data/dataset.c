#include "data/dataset.h"

#include <stdio.h>
#include <string.h>

#include "data/canonical_json.h"
#include "data/dataset_db.h"
#include "model/source.h"

static vft_db db_of(const vft_dataset *d) { return (vft_db){d->db, d->path}; }

/* ---- opening ---- */

static uint64_t little(const uint8_t *b, int n) {
  uint64_t v = 0;
  for (int i = n - 1; i >= 0; i--) v = v << 8 | b[i];
  return v;
}

static vft_status malformed(const vft_dataset *d, const char *what) {
  return vft_fail(VFT_USAGE, "%s: %s: not a finished commitment of this version (%s)", d->path,
                  what, VFT_DATASET_FORMAT);
}

static vft_status read_meta(vft_dataset *d) {
  vft_db db = db_of(d);
  const char *format;
  uint8_t numbers[24], roots[32 * (VFT_TIERS + 1)], trees[32 * VFT_TIERS];
  TRY(vft_db_get_text(&db, "format", &d->arena, &format));
  if (!format || strcmp(format, VFT_DATASET_FORMAT)) return malformed(d, "format");
  TRY(vft_db_get_text(&db, "config", &d->arena, &d->config_json));
  TRY(vft_db_get_text(&db, "text_rule", &d->arena, &d->text_rule));
  if (!d->config_json || !d->text_rule) return malformed(d, "configuration");
  if (vft_db_get(&db, "roots", roots, sizeof roots) != VFT_OK)
    return vft_fail(VFT_USAGE, "%s: the commitment is unfinished: vft data commit goes on with it",
                    d->path);
  for (int i = 0; i < VFT_TIERS; i++)
    if (!vft_poseidon_read(roots + 32 * i, &d->tier_root[i])) return malformed(d, "roots");
  if (!vft_poseidon_read(roots + 32 * VFT_TIERS, &d->root)) return malformed(d, "roots");
  TRY(vft_db_get(&db, "trees", trees, sizeof trees));
  for (int i = 0; i < VFT_TIERS; i++)
    if (!vft_poseidon_read(trees + 32 * i, &d->tree[i])) return malformed(d, "roots");
  TRY(vft_db_get(&db, "proc", d->proc, 32));
  TRY(vft_db_get(&db, "template", d->template_digest, 32));
  TRY(vft_db_get(&db, "tokenizer", d->tokenizer_digest, 32));
  TRY(vft_db_get(&db, "master", d->master, 32));
  TRY(vft_db_get(&db, "duplicates", numbers, 24));
  d->duplicates = little(numbers, 8);
  for (int i = 0; i < 2; i++) d->duplicate[i] = little(numbers + 8 + 8 * i, 8);
  TRY(vft_db_get(&db, "numbers", numbers, 8));
  d->sequence_len = (size_t)little(numbers, 4);
  d->pad_id = (int32_t)little(numbers + 4, 4);
  return VFT_OK;
}

static vft_status read_source(vft_dataset *d, sqlite3_stmt *s) {
  vft_dataset_source *out = &d->source[d->sources];
  const char *path = (const char *)sqlite3_column_text(s, 0);
  const char *type = (const char *)sqlite3_column_text(s, 1);
  int tier = sqlite3_column_int(s, 2);
  if (!path || !type || tier < 0 || tier >= VFT_TIERS || !vft_db_blob(s, 6, out->sha256, 32))
    return malformed(d, "sources");
  out->path = vft_arena_strdup(&d->arena, path);
  out->type = vft_arena_strdup(&d->arena, type);
  if (!out->path || !out->type) return VFT_RESOURCE;
  out->tier = (vft_tier)tier;
  out->bytes = (uint64_t)sqlite3_column_int64(s, 3);
  out->first = (uint64_t)sqlite3_column_int64(s, 4);
  out->records = (uint64_t)sqlite3_column_int64(s, 5);
  out->cut = (uint64_t)sqlite3_column_int64(s, 7);
  out->dropped = (uint64_t)sqlite3_column_int64(s, 8);
  if (out->first != d->records || out->records > 1ull << 32) return malformed(d, "sources");
  d->records += out->records;
  d->tier_records[tier] += out->records;
  for (int t = tier + 1; t < VFT_TIERS; t++) d->tier_first[t] += out->records;
  d->sources++;
  return VFT_OK;
}

static vft_status read_sources(vft_dataset *d) {
  vft_db db = db_of(d);
  sqlite3_stmt *s;
  bool row;
  vft_status st;
  TRY(vft_db_prepare(&db, "SELECT COUNT(*) FROM source", &s));
  st = vft_db_step(&db, s, &row);
  size_t n = st == VFT_OK && row ? (size_t)sqlite3_column_int64(s, 0) : 0;
  sqlite3_finalize(s);
  TRY(st);
  d->source = vft_arena_alloc(&d->arena, n, sizeof *d->source);
  if (!d->source) return VFT_RESOURCE;
  TRY(vft_db_prepare(&db, "SELECT path, type, tier, bytes, first, records, sha256, cut, "
                     "dropped FROM source "
                     "ORDER BY id", &s));
  while (st == VFT_OK && d->sources < n) {
    st = vft_db_step(&db, s, &row);
    if (st == VFT_OK) st = row ? read_source(d, s) : malformed(d, "sources");
  }
  sqlite3_finalize(s);
  d->height = vft_dataset_height(d->tier_records);
  return st;
}

vft_status vft_dataset_open(const char *path, vft_dataset *d) {
  vft_db db;
  memset(d, 0, sizeof *d);
  TRY(vft_db_open(path, false, &db));
  d->db = db.db;
  d->path = vft_arena_strdup(&d->arena, path);
  vft_status st = d->path ? VFT_OK : VFT_RESOURCE;
  if (st == VFT_OK) st = vft_class_list_init(&d->classes);
  if (st == VFT_OK) st = read_meta(d);
  if (st == VFT_OK) st = read_sources(d);
  if (st == VFT_OK) st = vft_db_read_classes(&db, &d->classes);
  if (st != VFT_OK) vft_dataset_close(d);
  return st;
}

void vft_dataset_close(vft_dataset *d) {
  vft_db db = db_of(d);
  vft_db_close(&db);
  vft_class_list_free(&d->classes);
  vft_arena_free(&d->arena);
  memset(d, 0, sizeof *d);
}

/* ---- records ---- */

vft_tier vft_dataset_tier_of(const vft_dataset *d, uint64_t n) {
  int t = 0;
  while (t + 1 < VFT_TIERS && n >= d->tier_first[t] + d->tier_records[t]) t++;
  return (vft_tier)t;
}

#define ROW_COLUMNS "n, source, line, at, size, instance, class, tokens, loss, content, leaf"

static vft_status read_row(const vft_dataset *d, sqlite3_stmt *s, uint64_t n, vft_row *row,
                           size_t *source) {
  uint8_t content[32], leaf[32];
  int64_t v[9];
  for (int i = 0; i < 9; i++) v[i] = sqlite3_column_int64(s, i);
  bool good = (uint64_t)v[0] == n && v[1] >= 0 && (size_t)v[1] < d->sources && v[6] >= 0 &&
              (size_t)v[6] < d->classes.count && v[7] > 0 &&
              (uint64_t)v[7] <= d->sequence_len + 1 && v[8] >= 0 && v[8] <= v[7];
  good = good && vft_db_blob(s, 9, content, 32) && vft_db_blob(s, 10, leaf, 32);
  *row = (vft_row){.line = (uint32_t)v[2], .offset = (uint64_t)v[3], .bytes = (uint64_t)v[4],
                   .instance = (uint32_t)v[5], .class_number = (uint32_t)v[6],
                   .tokens = (uint32_t)v[7], .loss_tokens = (uint32_t)v[8]};
  if (!good || !vft_poseidon_read(content, &row->content) || !vft_poseidon_read(leaf, &row->leaf))
    return vft_fail(VFT_USAGE, "%s: record %llu is malformed", d->path, (unsigned long long)n);
  *source = (size_t)v[1];
  return VFT_OK;
}

vft_status vft_dataset_row(const vft_dataset *d, uint64_t n, vft_row *out, size_t *source) {
  vft_db db = db_of(d);
  sqlite3_stmt *s;
  bool row;
  if (n >= d->records)
    return vft_fail(VFT_USAGE, "record %llu: the dataset has %llu, numbered from 0",
                    (unsigned long long)n, (unsigned long long)d->records);
  TRY(vft_db_prepare(&db, "SELECT " ROW_COLUMNS " FROM record WHERE n = ?", &s));
  sqlite3_bind_int64(s, 1, (sqlite3_int64)n);
  vft_status st = vft_db_step(&db, s, &row);
  if (st == VFT_OK)
    st = row ? read_row(d, s, n, out, source)
             : vft_fail(VFT_USAGE, "%s: record %llu is missing", d->path, (unsigned long long)n);
  sqlite3_finalize(s);
  return st;
}

vft_status vft_dataset_metadata(const vft_dataset *d, vft_dataset_meta **out) {
  vft_db db = db_of(d);
  sqlite3_stmt *s;
  vft_status st = VFT_OK;
  bool row;
  *out = vft_alloc_raw(d->records, sizeof **out);
  if (!*out) return VFT_RESOURCE;
  TRY_OUT(vft_db_prepare(&db, "SELECT n, class, tokens, loss FROM record ORDER BY n", &s));
  for (uint64_t n = 0; st == VFT_OK && n < d->records; n++) {
    st = vft_db_step(&db, s, &row);
    if (st != VFT_OK) break;
    uint64_t c = (uint64_t)sqlite3_column_int64(s, 1);
    uint64_t tokens = (uint64_t)sqlite3_column_int64(s, 2);
    uint64_t loss = (uint64_t)sqlite3_column_int64(s, 3);
    if (!row || (uint64_t)sqlite3_column_int64(s, 0) != n || c >= d->classes.count ||
        tokens > d->sequence_len + 1 || loss > tokens)
      st = vft_fail(VFT_USAGE, "%s: record %llu is missing or malformed", d->path,
                    (unsigned long long)n);
    (*out)[n] = (vft_dataset_meta){(uint32_t)c, (uint32_t)tokens, (uint32_t)loss};
  }
  sqlite3_finalize(s);
out:
  if (st != VFT_OK) {
    vft_free(*out);
    *out = NULL;
  }
  return st;
}

/* `count` digests from `first` on of a statement that yields them in order. */
static vft_status read_digests(const vft_dataset *d, const char *sql, int64_t a, int64_t b,
                               vft_poseidon_digest *out, size_t count) {
  vft_db db = db_of(d);
  sqlite3_stmt *s;
  vft_status st = VFT_OK;
  TRY(vft_db_prepare(&db, sql, &s));
  sqlite3_bind_int64(s, 1, a);
  sqlite3_bind_int64(s, 2, b);
  for (size_t i = 0; st == VFT_OK && i < count; i++) {
    uint8_t bytes[32];
    bool row;
    st = vft_db_step(&db, s, &row);
    if (st == VFT_OK &&
        (!row || !vft_db_blob(s, 0, bytes, 32) || !vft_poseidon_read(bytes, &out[i])))
      st = malformed(d, "tree");
  }
  sqlite3_finalize(s);
  return st;
}

/* Siblings of `index` on the way up from 2^height digests, which are used up. */
static void climb(vft_poseidon_digest *level, unsigned height, uint64_t index,
                  vft_poseidon_digest *siblings) {
  for (unsigned h = 0; h < height; h++) {
    siblings[h] = level[(index >> h) ^ 1];
    vft_poseidon_compress(level, level, (size_t)1 << (height - h - 1));
  }
}

vft_status vft_dataset_path(const vft_dataset *d, uint64_t n, vft_poseidon_digest *siblings,
                            unsigned *height) {
  vft_tier tier = vft_dataset_tier_of(d, n);
  uint64_t count = d->tier_records[tier], first = d->tier_first[tier], index = n - first;
  if (n >= d->records) return malformed(d, "record number");
  unsigned all = d->height;
  unsigned low = all < VFT_DATASET_CHUNK_LOG ? all : VFT_DATASET_CHUNK_LOG;
  uint64_t chunk = index >> low, begin = chunk << low;
  size_t leaves = count - begin < 1ull << low ? (size_t)(count - begin) : (size_t)1 << low;
  size_t chunks = (size_t)((count + (1ull << low) - 1) >> low);
  vft_poseidon_digest *leaf = vft_alloc((size_t)1 << low, sizeof *leaf), empty = vft_db_empty(low);
  vft_poseidon_digest *top = vft_alloc((size_t)1 << (all - low), sizeof *top);
  vft_status st = VFT_RESOURCE;
  if (!leaf || !top) goto out;
  TRY_OUT(read_digests(d, "SELECT leaf FROM record WHERE n >= ? AND n < ? ORDER BY n",
                       (int64_t)(first + begin), (int64_t)(first + begin + leaves), leaf, leaves));
  TRY_OUT(read_digests(d, "SELECT digest FROM subtree WHERE tier = ? AND i >= ? ORDER BY i",
                       (int64_t)tier, 0, top, chunks));
  for (size_t i = chunks; i < (size_t)1 << (all - low); i++) top[i] = empty;
  climb(leaf, low, index - begin, siblings);
  climb(top, all - low, chunk, siblings + low);
  *height = all;
out:
  vft_free(leaf);
  vft_free(top);
  return st;
}

/* *same = false: the message says so. */
static vft_status same_bytes(const vft_dataset_source *s, bool *same) {
  uint8_t actual[32];
  char want[65], have[65];
  TRY(vft_dataset_hash_source(s->path, actual));
  *same = !memcmp(actual, s->sha256, 32);
  if (*same) return VFT_OK;
  vft_dataset_hex(s->sha256, want);
  vft_dataset_hex(actual, have);
  (void)vft_fail(VFT_USAGE, "%s: changed since the commitment: SHA-256 expected %s, actual %s",
                 s->path, want, have);
  return VFT_OK;
}

/* The JSON text of a row's object behind `before` bytes of room; one byte more than that is there
 * for the caller's end. */
static vft_status read_text(const vft_dataset *d, const vft_dataset_source *s, const vft_row *row,
                            size_t before, char **text) {
  if (row->bytes > s->bytes || row->offset > s->bytes - row->bytes) return malformed(d, "record");
  *text = vft_alloc(before + row->bytes + 2, 1);
  if (!*text) return VFT_RESOURCE;
  FILE *f = fopen(s->path, "rb");
  vft_status st = VFT_OK;
  if (!f || fseeko(f, (off_t)row->offset, SEEK_SET) ||
      fread(*text + before, 1, row->bytes, f) != row->bytes) {
    st = vft_fail(VFT_USAGE, "%s: cannot be read", s->path);
    vft_free(*text);
  }
  if (f) fclose(f);
  return st;
}

vft_status vft_dataset_text(const vft_dataset *d, uint64_t n, char **text) {
  vft_row row;
  size_t i;
  bool same;
  TRY(vft_dataset_row(d, n, &row, &i));
  TRY(same_bytes(&d->source[i], &same));
  if (!same) return VFT_USAGE;
  return read_text(d, &d->source[i], &row, 0, text);
}

vft_status vft_dataset_sources_check(const vft_dataset *d) {
  for (size_t i = 0; i < d->sources; i++) {
    bool same;
    TRY(same_bytes(&d->source[i], &same));
    if (!same) return VFT_USAGE;
  }
  return VFT_OK;
}

vft_status vft_dataset_matches(const vft_dataset *d, const vft_processing *p) {
  char want[65], have[65];
  uint8_t ours[32], theirs[32];
  const char *what = "tokenizer, template, text_rule or sequence_len";
  memcpy(ours, d->proc, 32);
  memcpy(theirs, p->proc, 32);
  if (!memcmp(ours, theirs, 32)) {
    what = "base model, sources or their defaults";
    TRY(vft_sha256(d->config_json, strlen(d->config_json), ours));
    TRY(vft_sha256(p->json, strlen(p->json), theirs));
  }
  vft_dataset_hex(ours, want);
  vft_dataset_hex(theirs, have);
  if (memcmp(ours, theirs, 32))
    return vft_fail(VFT_USAGE, "%s: holds the commitment of another configuration (%s): expected "
                    "%s, actual %s", d->path, what, have, want);
  return vft_dataset_sources_check(d);
}

vft_status vft_dataset_sample(const vft_dataset *d, const vft_processing *p, uint64_t n,
                              vft_sample *sample, vft_row *row_out, uint8_t *raw_out) {
  vft_row row;
  size_t i, k = 0;
  char *text = NULL;
  vft_records records = {0};
  vft_records_format format;
  vft_poseidon_digest content;
  uint8_t raw[32];
  vft_status st;
  *sample = (vft_sample){0};
  TRY(vft_dataset_row(d, n, &row, &i));
  const vft_dataset_source *s = &d->source[i];
  if (vft_records_format_by_name(s->type, &format) != VFT_OK) return malformed(d, "sources");
  /* a list of one: an object alone would have to be on one line */
  TRY(read_text(d, s, &row, 1, &text));
  text[0] = '[';
  text[1 + row.bytes] = ']';
  st = vft_records_parse(text, row.bytes + 2, s->path, format, &records);
  while (st == VFT_OK && k < records.count && records.record[k].instance != row.instance) k++;
  if (st == VFT_OK && k < records.count)
    st = vft_processing_content(p, &records.record[k], sample, raw, &content);
  if (st == VFT_OK && (k == records.count || !vft_poseidon_equal(&content, &row.content)))
    st = vft_fail(VFT_USAGE, "%s: line %u: changed since the commitment: record %llu has another "
                  "content digest", s->path, row.line, (unsigned long long)n);
  if (st == VFT_OK && row_out) *row_out = row;
  if (st == VFT_OK && raw_out) memcpy(raw_out, raw, 32);
  if (st != VFT_OK) vft_sample_free(sample);
  vft_records_free(&records);
  vft_free(text);
  return st;
}

/* ---- counts and the public description ---- */

static void count_one(json_t *of, const char *name, int64_t records, int64_t tokens) {
  json_t *entry = json_object_get(of, name);
  if (!entry) {
    entry = json_pack("{s:i, s:i}", "records", 0, "tokens", 0);
    json_object_set_new(of, name, entry);
  }
  json_t *r = json_object_get(entry, "records"), *t = json_object_get(entry, "tokens");
  json_integer_set(r, json_integer_value(r) + records);
  json_integer_set(t, json_integer_value(t) + tokens);
}

vft_status vft_dataset_counts(const vft_dataset *d, json_t **out) {
  static const char *const names[] = {"source", "license", "language", "domain", "tag"};
  vft_db db = db_of(d);
  json_t *of[5];
  sqlite3_stmt *s;
  vft_status st;
  bool row;
  TRY(vft_db_prepare(&db, "SELECT class, COUNT(*), SUM(tokens) FROM record GROUP BY class", &s));
  *out = json_object();
  for (int i = 0; i < 5; i++) {
    of[i] = json_object();
    json_object_set_new(*out, names[i], of[i]);
  }
  for (;;) {
    st = vft_db_step(&db, s, &row);
    if (st != VFT_OK || !row) break;
    uint64_t k = (uint64_t)sqlite3_column_int64(s, 0);
    int64_t records = sqlite3_column_int64(s, 1), tokens = sqlite3_column_int64(s, 2);
    if (k >= d->classes.count) {
      st = malformed(d, "classes");
      break;
    }
    const vft_class *c = d->classes.list[k];
    const char *const value[] = {c->source, c->license, c->language, c->domain};
    for (int i = 0; i < 4; i++)
      if (*value[i]) count_one(of[i], value[i], records, tokens);
    for (size_t i = 0; i < c->tags; i++) count_one(of[4], c->tag[i], records, tokens);
  }
  sqlite3_finalize(s);
  if (st != VFT_OK) {
    json_decref(*out);
    *out = NULL;
  }
  return st;
}

static json_t *hex_json(const uint8_t *bytes) {
  char hex[65];
  vft_dataset_hex(bytes, hex);
  return json_string(hex);
}

static json_t *digest_json(const vft_poseidon_digest *digest) {
  uint8_t bytes[32];
  vft_poseidon_bytes(digest, bytes);
  return hex_json(bytes);
}

/* A list of {"name", "records", "tokens"}: names are no JSON keys, which are ASCII. */
static json_t *counts_json(const json_t *counts) {
  json_t *out = json_object(), *of, *entry;
  const char *kind, *name;
  json_object_foreach((json_t *)(uintptr_t)counts, kind, of) {
    json_t *list = json_array();
    json_object_foreach(of, name, entry) {
      json_array_append_new(list, json_pack("{s:s, s:O, s:O}", "name", name, "records",
                                            json_object_get(entry, "records"), "tokens",
                                            json_object_get(entry, "tokens")));
    }
    json_object_set_new(out, kind, list);
  }
  return out;
}

vft_status vft_dataset_public(const vft_dataset *d, const json_t *counts, char **text,
                              size_t *length) {
  json_t *tiers = json_object(), *root;
  for (int t = 0; t < VFT_TIERS; t++)
    if (d->tier_records[t])
      json_object_set_new(tiers, vft_tier_names[t],
                          json_pack("{s:o, s:I}", "root", digest_json(&d->tier_root[t]), "records",
                                    (json_int_t)d->tier_records[t]));
  root = json_pack(
      "{s:s, s:o, s:I, s:o, s:{s:o, s:o, s:o, s:s, s:i, s:i}, s:o}", "format",
      VFT_DATASET_FORMAT, "root", digest_json(&d->root), "records", (json_int_t)d->records, "tiers",
      tiers, "processing", "digest", hex_json(d->proc), "template", hex_json(d->template_digest),
      "tokenizer", hex_json(d->tokenizer_digest), "text_rule", d->text_rule, "sequence_len",
      (int)d->sequence_len, "pad_id", (int)d->pad_id, "counts",
      counts ? counts_json(counts) : json_null());
  if (!root) return vft_fail(VFT_RESOURCE, "out of memory while writing JSON");
  vft_status st = vft_json_canonical(root, text, length);
  json_decref(root);
  return st;
}

/* ---- checking ---- */

static vft_status check_bytes(const vft_dataset_source *s) {
  bool same;
  TRY(same_bytes(s, &same));
  return same ? VFT_OK : vft_reject("data/source", "%s", vft_error_message());
}

static bool equal_rows(const vft_dataset *d, const vft_class_list *classes, const vft_row *a,
                       const vft_row *b) {
  return a->offset == b->offset && a->bytes == b->bytes && a->line == b->line &&
         a->instance == b->instance && a->tokens == b->tokens &&
         a->loss_tokens == b->loss_tokens && vft_poseidon_equal(&a->content, &b->content) &&
         vft_poseidon_equal(&a->leaf, &b->leaf) &&
         vft_poseidon_equal(&d->classes.digest[a->class_number], &classes->digest[b->class_number]);
}

typedef struct {
  const vft_dataset *d;
  const vft_dataset_hooks *hooks;
  vft_processing p;
  vft_class_list classes;
  sqlite3_stmt *rows;
  uint64_t n, passed, total;
} checking;

static vft_status check_batch(checking *c, size_t source, const vft_records *batch) {
  vft_db db = db_of(c->d);
  vft_row *fresh = vft_alloc(batch->count, sizeof *fresh), stored;
  size_t where;
  bool row;
  vft_status st = VFT_RESOURCE;
  if (!fresh) return st;
  TRY_OUT(vft_processing_rows(&c->p, source, batch, c->n, c->d->master, &c->classes, fresh));
  for (size_t i = 0; i < batch->count; i++, c->n++) {
    TRY_OUT(vft_db_step(&db, c->rows, &row));
    if (!row)
      TRY_OUT(vft_reject("data/count", "%s: line %u: the commitment has %llu records, its sources "
                         "have more", batch->name, fresh[i].line, (unsigned long long)c->n));
    st = read_row(c->d, c->rows, c->n, &stored, &where);
    if (st != VFT_OK || where != source || !equal_rows(c->d, &c->classes, &stored, &fresh[i]))
      TRY_OUT(vft_reject("data/record", "record %llu (%s, line %u): its row is not what the source "
                         "gives", (unsigned long long)c->n, batch->name, fresh[i].line));
  }
out:
  vft_free(fresh);
  return st;
}

static vft_status check_source(checking *c, size_t i) {
  const vft_dataset_source *s = &c->d->source[i];
  vft_records_format format;
  vft_record_stream *stream;
  bool more = true;
  vft_status st = VFT_OK;
  if (vft_records_format_by_name(s->type, &format) != VFT_OK) return malformed(c->d, "sources");
  TRY(vft_record_stream_open(s->path, format, &stream));
  while (st == VFT_OK && more) {
    vft_records batch;
    if (c->hooks && c->hooks->keep_going) TRY_OUT(c->hooks->keep_going(c->hooks->ctx));
    TRY_OUT(vft_record_stream_next(stream, 1024, &batch));
    more = batch.count > 0;
    if (more) st = check_batch(c, i, &batch);
    vft_records_free(&batch);
    if (more && c->hooks && c->hooks->progress)
      c->hooks->progress(c->hooks->ctx, c->passed + vft_record_stream_offset(stream), c->total,
                         c->n);
  }
  c->passed += s->bytes;
out:
  vft_record_stream_close(stream);
  return st;
}

static vft_status compare_subtree(void *ctx, uint64_t index, const vft_poseidon_digest *digest) {
  sqlite3_stmt *s = ((void **)ctx)[0];
  const vft_db *db = ((void **)ctx)[1];
  uint8_t stored[32], bytes[32];
  bool row;
  vft_poseidon_bytes(digest, bytes);
  TRY(vft_db_step(db, s, &row));
  if (row && (uint64_t)sqlite3_column_int64(s, 0) == index && vft_db_blob(s, 1, stored, 32) &&
      !memcmp(stored, bytes, 32))
    return VFT_OK;
  return vft_reject("data/tree", "%s: subtree %llu is not what its leaves give", db->path,
                    (unsigned long long)index);
}

static vft_status check_tiers(const vft_dataset *d) {
  vft_poseidon_digest tree, tier[VFT_TIERS];
  vft_db db = db_of(d);
  for (int t = 0; t < VFT_TIERS; t++) {
    sqlite3_stmt *s;
    memset(&tree, 0, sizeof tree);
    TRY(vft_db_prepare(&db, "SELECT i, digest FROM subtree WHERE tier = ? ORDER BY i", &s));
    sqlite3_bind_int(s, 1, t);
    vft_status st = VFT_OK;
    if (d->tier_records[t])
      st = vft_db_tree(&db, d->tier_first[t], d->tier_records[t], d->height,
                       compare_subtree, (void *[]){s, &db}, &tree);
    sqlite3_finalize(s);
    TRY(st);
    tier[t] = vft_tier_root(&tree, d->tier_records[t], d->sequence_len, (vft_tier)t);
    if (!vft_poseidon_equal(&tier[t], &d->tier_root[t]) ||
        !vft_poseidon_equal(&tree, &d->tree[t]))
      return vft_reject("data/tree", "%s: the root of the tier %s is not that of its leaves",
                        d->path, vft_tier_names[t]);
  }
  vft_poseidon_digest root = vft_dataset_root(tier);
  return vft_poseidon_equal(&root, &d->root)
             ? VFT_OK
             : vft_reject("data/tree", "%s: the root is not that of its tiers", d->path);
}

vft_status vft_dataset_check(const vft_dataset *d, const vft_dataset_hooks *hooks) {
  checking c = {.d = d, .hooks = hooks};
  vft_db db = db_of(d);
  vft_status st;
  bool row;
  for (size_t i = 0; i < d->sources; i++) {
    TRY(check_bytes(&d->source[i]));
    c.total += d->source[i].bytes;
  }
  TRY(vft_processing_read(d->config_json, &c.p));
  if (memcmp(c.p.proc, d->proc, 32) || c.p.sources != d->sources)
    TRY_OUT(vft_reject("data/processing", "%s: tokenizer, template or model are not those of the "
                       "commitment", d->path));
  TRY_OUT(vft_class_list_init(&c.classes));
  TRY_OUT(vft_db_prepare(&db, "SELECT " ROW_COLUMNS " FROM record ORDER BY n", &c.rows));
  for (size_t i = 0; i < d->sources; i++) TRY_OUT(check_source(&c, i));
  TRY_OUT(vft_db_step(&db, c.rows, &row));
  if (row)
    TRY_OUT(vft_reject("data/count", "%s: the commitment has more records than its sources (%llu)",
                       d->path, (unsigned long long)c.n));
  TRY_OUT(check_tiers(d));
out:
  sqlite3_finalize(c.rows);
  vft_class_list_free(&c.classes);
  vft_processing_free(&c.p);
  return st;
}
