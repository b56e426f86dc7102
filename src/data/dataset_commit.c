#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>

#include "data/dataset_db.h"

/* A transaction's records: about 2^19 tokens, so that its elements stay within a few MiB. */
static size_t batch_elements(size_t sequence_len) {
  size_t n = (1 << 19) / sequence_len;
  return n > 4096 ? 4096 : n < 64 ? 64 : n;
}

typedef struct {
  vft_db db;
  vft_processing p;
  vft_class_list classes;
  size_t stored_classes; /* of the list, those in the file */
  uint8_t master[32];
  uint64_t records; /* in the file */
  uint64_t total_bytes, passed_bytes;
  const vft_dataset_hooks *hooks;
} commitment;

static const char schema[] =
    "CREATE TABLE meta(key TEXT PRIMARY KEY, value BLOB) WITHOUT ROWID;"
    "CREATE TABLE source(id INTEGER PRIMARY KEY, path TEXT, type TEXT, tier INT, bytes INT,"
    " sha256 BLOB, elements INT, first INT, records INT, done INT, cut INT, dropped INT);"
    "CREATE TABLE class(id INTEGER PRIMARY KEY, bytes BLOB);"
    "CREATE TABLE record(n INTEGER PRIMARY KEY, source INT, line INT, at INT, size INT,"
    " instance INT, class INT, tokens INT, loss INT, content BLOB, leaf BLOB);"
    "CREATE TABLE subtree(tier INT, i INT, digest BLOB, PRIMARY KEY(tier, i)) WITHOUT ROWID;";

static vft_status size_of(const char *path, uint64_t *bytes) {
  struct stat s;
  if (stat(path, &s)) return vft_fail(VFT_USAGE, "%s: cannot be read: %s", path, strerror(errno));
  *bytes = (uint64_t)s.st_size;
  return VFT_OK;
}

static vft_status random_bytes(uint8_t *out, size_t n) {
  for (size_t at = 0; at < n;) {
    ssize_t got = getrandom(out + at, n - at, 0);
    if (got < 0 && errno != EINTR)
      return vft_fail(VFT_RESOURCE, "no randomness from the system: %s", strerror(errno));
    if (got > 0) at += (size_t)got;
  }
  return VFT_OK;
}

static vft_status insert_sources(commitment *c) {
  sqlite3_stmt *s;
  vft_status st = VFT_OK;
  TRY(vft_db_prepare(&c->db, "INSERT INTO source VALUES(?, ?, ?, ?, ?, ?, 0, 0, 0, 0, 0, 0)", &s));
  for (size_t i = 0; i < c->p.sources; i++) {
    const vft_config_dataset *d = &c->p.source[i];
    uint64_t bytes = 0;
    uint8_t sha256[32];
    TRY_OUT(size_of(d->path, &bytes));
    TRY_OUT(vft_dataset_hash_source(d->path, sha256));
    sqlite3_bind_int64(s, 1, (sqlite3_int64)i);
    sqlite3_bind_text(s, 2, d->path, -1, SQLITE_STATIC);
    sqlite3_bind_text(s, 3, d->type, -1, SQLITE_STATIC);
    sqlite3_bind_int(s, 4, (int)d->tier);
    sqlite3_bind_int64(s, 5, (sqlite3_int64)bytes);
    sqlite3_bind_blob(s, 6, sha256, 32, SQLITE_STATIC);
    TRY_OUT(vft_db_run(&c->db, s));
  }
out:
  sqlite3_finalize(s);
  return st;
}

/* A new file: everything but the records, in one transaction. */
static vft_status create(commitment *c, const uint8_t *master) {
  uint8_t drawn[32];
  const vft_processing *p = &c->p;
  TRY(vft_db_exec(&c->db, "BEGIN IMMEDIATE"));
  TRY(vft_db_exec(&c->db, schema));
  if (!master) TRY(random_bytes(drawn, sizeof drawn));
  uint8_t numbers[8];
  for (int i = 0; i < 4; i++) {
    numbers[i] = (uint8_t)(p->sequence_len >> (8 * i));
    numbers[4 + i] = (uint8_t)((uint32_t)p->pad_id >> (8 * i));
  }
  TRY(vft_db_put(&c->db, "format", VFT_DATASET_FORMAT, strlen(VFT_DATASET_FORMAT)));
  TRY(vft_db_put(&c->db, "config", p->json, strlen(p->json)));
  TRY(vft_db_put(&c->db, "proc", p->proc, 32));
  TRY(vft_db_put(&c->db, "template", p->template_digest, 32));
  TRY(vft_db_put(&c->db, "tokenizer", p->tokenizer_digest, 32));
  TRY(vft_db_put(&c->db, "text_rule", vft_text_rule_names[p->text_rule],
                 strlen(vft_text_rule_names[p->text_rule])));
  TRY(vft_db_put(&c->db, "numbers", numbers, 8));
  TRY(vft_db_put(&c->db, "master", master ? master : drawn, 32));
  TRY(insert_sources(c));
  return vft_db_exec(&c->db, "COMMIT");
}

static vft_status same_source(const commitment *c, sqlite3_stmt *s) {
  const char *path = (const char *)sqlite3_column_text(s, 0);
  uint8_t expected[32], actual[32];
  char want[65], have[65];
  if (!path || !vft_db_blob(s, 1, expected, 32))
    return vft_fail(VFT_USAGE, "%s: a source is malformed", c->db.path);
  TRY(vft_dataset_hash_source(path, actual));
  if (!memcmp(expected, actual, 32)) return VFT_OK;
  vft_dataset_hex(expected, want);
  vft_dataset_hex(actual, have);
  return vft_fail(VFT_USAGE, "%s: changed since the commitment was begun: SHA-256 expected %s, "
                  "actual %s; commit to another folder", path, want, have);
}

/* An existing file: is it about the same configuration and sources? */
static vft_status resume(commitment *c) {
  const char *format, *config;
  sqlite3_stmt *s = NULL;
  uint8_t proc[32];
  vft_status st;
  bool row;
  TRY(vft_db_get_text(&c->db, "format", &c->p.arena, &format));
  TRY(vft_db_get_text(&c->db, "config", &c->p.arena, &config));
  if (!format || strcmp(format, VFT_DATASET_FORMAT) || !config)
    return vft_fail(VFT_USAGE, "%s: not a commitment of this version (%s)", c->db.path,
                    VFT_DATASET_FORMAT);
  TRY(vft_db_get(&c->db, "proc", proc, 32));
  if (strcmp(config, c->p.json) || memcmp(proc, c->p.proc, 32))
    return vft_fail(VFT_USAGE, "%s: holds the commitment of another configuration (sources, "
                    "defaults, tokenizer, template, sequence_len or text_rule differ); commit to "
                    "another folder", c->db.path);
  TRY_OUT(vft_db_prepare(&c->db, "SELECT path, sha256 FROM source ORDER BY id", &s));
  for (;;) {
    TRY_OUT(vft_db_step(&c->db, s, &row));
    if (!row) break;
    TRY_OUT(same_source(c, s));
  }
  TRY_OUT(vft_db_read_classes(&c->db, &c->classes));
  c->stored_classes = c->classes.count;
out:
  sqlite3_finalize(s);
  return st;
}

static vft_status insert_classes(commitment *c) {
  sqlite3_stmt *s;
  vft_status st = VFT_OK;
  TRY(vft_db_prepare(&c->db, "INSERT INTO class VALUES(?, ?)", &s));
  for (; c->stored_classes < c->classes.count; c->stored_classes++) {
    const vft_class *one = c->classes.list[c->stored_classes];
    sqlite3_bind_int64(s, 1, (sqlite3_int64)c->stored_classes);
    sqlite3_bind_blob(s, 2, one->bytes, (int)one->length, SQLITE_STATIC);
    TRY_OUT(vft_db_run(&c->db, s));
  }
out:
  sqlite3_finalize(s);
  return st;
}

static vft_status insert_rows(commitment *c, size_t source, const vft_row *row, size_t n) {
  sqlite3_stmt *s;
  vft_status st = VFT_OK;
  TRY(vft_db_prepare(&c->db, "INSERT INTO record VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", &s));
  for (size_t i = 0; i < n; i++) {
    uint8_t content[32], leaf[32];
    vft_poseidon_bytes(&row[i].content, content);
    vft_poseidon_bytes(&row[i].leaf, leaf);
    const uint64_t numbers[] = {c->records + i, source, row[i].line, row[i].offset, row[i].bytes,
                                row[i].instance, row[i].class_number, row[i].tokens,
                                row[i].loss_tokens};
    for (int k = 0; k < 9; k++) sqlite3_bind_int64(s, k + 1, (sqlite3_int64)numbers[k]);
    sqlite3_bind_blob(s, 10, content, 32, SQLITE_STATIC);
    sqlite3_bind_blob(s, 11, leaf, 32, SQLITE_STATIC);
    TRY_OUT(vft_db_run(&c->db, s));
  }
out:
  sqlite3_finalize(s);
  return st;
}

static vft_status update_source(commitment *c, size_t source, size_t elements, uint64_t records,
                                const char *type, bool done, const vft_row *row, size_t n) {
  sqlite3_stmt *s;
  uint64_t cut = 0, dropped = 0;
  for (size_t i = 0; i < n; i++) {
    cut += row[i].cut;
    dropped += row[i].dropped;
  }
  TRY(vft_db_prepare(&c->db, "UPDATE source SET elements = ?, first = ?, records = ?, type = ?,"
                     " done = ?, cut = cut + ?, dropped = dropped + ? WHERE id = ?", &s));
  sqlite3_bind_int64(s, 1, (sqlite3_int64)elements);
  sqlite3_bind_int64(s, 2, (sqlite3_int64)(c->records - records));
  sqlite3_bind_int64(s, 3, (sqlite3_int64)records);
  sqlite3_bind_text(s, 4, type, -1, SQLITE_STATIC);
  sqlite3_bind_int(s, 5, done);
  sqlite3_bind_int64(s, 6, (sqlite3_int64)cut);
  sqlite3_bind_int64(s, 7, (sqlite3_int64)dropped);
  sqlite3_bind_int64(s, 8, (sqlite3_int64)source);
  vft_status st = vft_db_run(&c->db, s);
  sqlite3_finalize(s);
  return st;
}

/* One batch: computed, then stored in a transaction with the place in the source after it. */
static vft_status one_batch(commitment *c, size_t source, vft_record_stream *stream,
                            uint64_t *records, bool *done) {
  vft_records batch;
  vft_row *row = NULL;
  TRY(vft_record_stream_next(stream, batch_elements(c->p.sequence_len), &batch));
  vft_status st = VFT_RESOURCE;
  *done = batch.count == 0;
  if (*done && *records == 0)
    TRY_OUT(vft_fail(VFT_USAGE, "%s: there is no record in it", batch.name));
  if (!(row = vft_alloc(batch.count, sizeof *row))) goto out;
  TRY_OUT(vft_processing_rows(&c->p, source, &batch, c->records, c->master, &c->classes, row));
  TRY_OUT(vft_db_exec(&c->db, "BEGIN IMMEDIATE"));
  TRY_OUT(insert_classes(c));
  TRY_OUT(insert_rows(c, source, row, batch.count));
  c->records += batch.count;
  *records += batch.count;
  TRY_OUT(update_source(c, source, vft_record_stream_elements(stream), *records,
                        vft_records_format_name(batch.format), *done, row, batch.count));
  TRY_OUT(vft_db_exec(&c->db, "COMMIT"));
out:
  vft_free(row);
  vft_records_free(&batch);
  return st;
}

/* Where the file left source i. */
static vft_status source_state(const commitment *c, size_t i, const char **path,
                               vft_records_format *format, size_t *elements, uint64_t *records,
                               bool *done) {
  sqlite3_stmt *s;
  bool row;
  TRY(vft_db_prepare(&c->db, "SELECT type, elements, records, done FROM source WHERE id = ?", &s));
  sqlite3_bind_int64(s, 1, (sqlite3_int64)i);
  vft_status st = vft_db_step(&c->db, s, &row);
  *path = c->p.source[i].path;
  if (st == VFT_OK && !row) st = vft_fail(VFT_USAGE, "%s: a source is missing", c->db.path);
  if (st == VFT_OK) {
    const char *type = (const char *)sqlite3_column_text(s, 0);
    st = vft_records_format_by_name(type ? type : "", format);
    *elements = (size_t)sqlite3_column_int64(s, 1);
    *records = (uint64_t)sqlite3_column_int64(s, 2);
    *done = sqlite3_column_int(s, 3) != 0;
  }
  sqlite3_finalize(s);
  return st;
}

static vft_status one_source(commitment *c, size_t i) {
  const char *path;
  vft_records_format format;
  size_t elements;
  uint64_t records;
  bool done;
  vft_record_stream *stream;
  TRY(source_state(c, i, &path, &format, &elements, &records, &done));
  TRY(vft_record_stream_open(path, format, &stream));
  vft_status st = VFT_OK;
  uint64_t size = vft_record_stream_size(stream);
  if (!done && elements) TRY_OUT(vft_record_stream_skip(stream, elements));
  c->records += records; /* those of before an interruption */
  while (!done) {
    if (c->hooks && c->hooks->keep_going) TRY_OUT(c->hooks->keep_going(c->hooks->ctx));
    TRY_OUT(one_batch(c, i, stream, &records, &done));
    if (!done && c->hooks && c->hooks->progress)
      c->hooks->progress(c->hooks->ctx, c->passed_bytes + vft_record_stream_offset(stream),
                         c->total_bytes, c->records);
  }
  c->passed_bytes += size;
out:
  vft_record_stream_close(stream);
  return st;
}

/* ---- what stands above the records ---- */

typedef struct {
  const vft_db *db;
  sqlite3_stmt *insert;
  int tier;
} subtrees;

static vft_status store_subtree(void *ctx, uint64_t index, const vft_poseidon_digest *digest) {
  const subtrees *t = ctx;
  uint8_t bytes[32];
  vft_poseidon_bytes(digest, bytes);
  sqlite3_bind_int(t->insert, 1, t->tier);
  sqlite3_bind_int64(t->insert, 2, (sqlite3_int64)index);
  sqlite3_bind_blob(t->insert, 3, bytes, 32, SQLITE_STATIC);
  return vft_db_run(t->db, t->insert);
}

static vft_status tier_counts(const vft_db *db, uint64_t count[VFT_TIERS]) {
  sqlite3_stmt *s;
  vft_status st = VFT_OK;
  memset(count, 0, VFT_TIERS * sizeof *count);
  TRY(vft_db_prepare(db, "SELECT tier, SUM(records) FROM source GROUP BY tier", &s));
  for (;;) {
    bool row;
    st = vft_db_step(db, s, &row);
    if (st != VFT_OK || !row) break;
    int tier = sqlite3_column_int(s, 0);
    if (tier >= 0 && tier < VFT_TIERS) count[tier] = (uint64_t)sqlite3_column_int64(s, 1);
  }
  sqlite3_finalize(s);
  return st;
}

/* Records whose content digest an earlier record has, and the pair with the first such one. */
static vft_status find_duplicates(const vft_db *db, uint64_t out[3]) {
  sqlite3_stmt *s;
  uint8_t before[32] = {0}, digest[32];
  uint64_t first = 0;
  vft_status st = VFT_OK;
  bool row, any = false;
  memset(out, 0, 3 * sizeof *out);
  TRY(vft_db_prepare(db, "SELECT content, n FROM record ORDER BY content, n", &s));
  for (;;) {
    st = vft_db_step(db, s, &row);
    if (st != VFT_OK || !row) break;
    uint64_t n = (uint64_t)sqlite3_column_int64(s, 1);
    if (!vft_db_blob(s, 0, digest, 32)) {
      st = vft_fail(VFT_USAGE, "%s: record %llu is malformed", db->path, (unsigned long long)n);
      break;
    }
    bool equal = any && !memcmp(before, digest, 32);
    if (equal && (out[0] == 0 || n < out[2])) out[1] = first, out[2] = n;
    if (equal) out[0]++;
    else first = n;
    memcpy(before, digest, 32);
    any = true;
  }
  sqlite3_finalize(s);
  return st;
}

static vft_status finish(commitment *c) {
  uint64_t count[VFT_TIERS], first = 0, duplicates[3];
  vft_poseidon_digest tree, tier[VFT_TIERS], root;
  uint8_t roots[32 * (VFT_TIERS + 1)], trees[32 * VFT_TIERS], numbers[24];
  subtrees t = {.db = &c->db};
  vft_status st;
  TRY(tier_counts(&c->db, count));
  unsigned height = vft_dataset_height(count);
  TRY(find_duplicates(&c->db, duplicates));
  TRY(vft_db_exec(&c->db, "BEGIN IMMEDIATE"));
  TRY(vft_db_exec(&c->db, "DELETE FROM subtree"));
  TRY(vft_db_prepare(&c->db, "INSERT INTO subtree VALUES(?, ?, ?)", &t.insert));
  for (t.tier = 0; t.tier < VFT_TIERS; t.tier++) {
    memset(&tree, 0, sizeof tree);
    if (count[t.tier])
      TRY_OUT(vft_db_tree(&c->db, first, count[t.tier], height, store_subtree, &t, &tree));
    vft_poseidon_bytes(&tree, trees + 32 * t.tier);
    tier[t.tier] = vft_tier_root(&tree, count[t.tier], c->p.sequence_len, (vft_tier)t.tier);
    first += count[t.tier];
  }
  root = vft_dataset_root(tier);
  for (int i = 0; i < VFT_TIERS; i++) vft_poseidon_bytes(&tier[i], roots + 32 * i);
  vft_poseidon_bytes(&root, roots + 32 * VFT_TIERS);
  for (int i = 0; i < 24; i++) numbers[i] = (uint8_t)(duplicates[i / 8] >> (8 * (i % 8)));
  TRY_OUT(vft_db_put(&c->db, "duplicates", numbers, 24));
  TRY_OUT(vft_db_put(&c->db, "trees", trees, sizeof trees));
  TRY_OUT(vft_db_put(&c->db, "roots", roots, sizeof roots));
  TRY_OUT(vft_db_exec(&c->db, "COMMIT"));
out:
  sqlite3_finalize(t.insert);
  return st;
}

static vft_status is_new(const vft_db *db, bool *out) {
  sqlite3_stmt *s;
  TRY(vft_db_prepare(db, "SELECT 1 FROM sqlite_master", &s));
  vft_status st = vft_db_step(db, s, out);
  sqlite3_finalize(s);
  *out = !*out;
  return st;
}

vft_status vft_dataset_commit(const vft_config *config, const char *path, const uint8_t *master,
                              const vft_dataset_hooks *hooks) {
  commitment c = {.hooks = hooks};
  vft_status st;
  bool fresh;
  uint8_t roots[32 * (VFT_TIERS + 1)];
  TRY(vft_processing_make(config, &c.p));
  TRY_OUT(vft_class_list_init(&c.classes));
  TRY_OUT(vft_db_open(path, true, &c.db));
  TRY_OUT(vft_db_exec(&c.db, "PRAGMA locking_mode=EXCLUSIVE"));
  TRY_OUT(is_new(&c.db, &fresh));
  TRY_OUT(fresh ? create(&c, master) : resume(&c));
  if (vft_db_get(&c.db, "roots", roots, sizeof roots) == VFT_OK) goto out; /* finished before */
  TRY_OUT(vft_db_get(&c.db, "master", c.master, 32));
  for (size_t i = 0; i < c.p.sources; i++) {
    uint64_t bytes = 0;
    TRY_OUT(size_of(c.p.source[i].path, &bytes));
    c.total_bytes += bytes;
  }
  for (size_t i = 0; i < c.p.sources; i++) TRY_OUT(one_source(&c, i));
  TRY_OUT(finish(&c));
out:
  vft_db_close(&c.db);
  vft_class_list_free(&c.classes);
  vft_processing_free(&c.p);
  return st;
}
