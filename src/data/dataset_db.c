#include "data/dataset_db.h"

#include <string.h>
#include <sys/stat.h>

#include "hash/sha256.h"

vft_status vft_db_fail(const vft_db *db, const char *what) {
  int code = db->db ? sqlite3_errcode(db->db) : SQLITE_NOMEM;
  const char *text = db->db ? sqlite3_errmsg(db->db) : "out of memory";
  switch (code & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return vft_fail(VFT_USAGE, "%s: in use by another process", db->path);
    case SQLITE_NOTADB:
    case SQLITE_CORRUPT:
    case SQLITE_CANTOPEN:
    case SQLITE_ERROR:
    case SQLITE_READONLY:
    case SQLITE_PERM:
      return vft_fail(VFT_USAGE, "%s: %s: %s", db->path, what, text);
    default: return vft_fail(VFT_RESOURCE, "%s: %s: %s", db->path, what, text);
  }
}

vft_status vft_db_open(const char *path, bool create, vft_db *out) {
  struct stat s;
  *out = (vft_db){NULL, path};
  if (!create && stat(path, &s))
    return vft_fail(VFT_USAGE, "%s: no dataset commitment here; vft data commit makes one", path);
  mode_t before = umask(0077); /* secrets are in it */
  int rc = sqlite3_open_v2(path, &out->db,
                           create ? SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE
                                  : SQLITE_OPEN_READWRITE, NULL);
  if (rc == SQLITE_OK) rc = sqlite3_exec(out->db, "PRAGMA synchronous=NORMAL; PRAGMA "
                                         "cache_size=-16384; PRAGMA journal_mode;",
                                         NULL, NULL, NULL);
  umask(before);
  if (rc == SQLITE_OK) return VFT_OK;
  vft_status st = vft_db_fail(out, "cannot open");
  vft_db_close(out);
  return st;
}

void vft_db_close(vft_db *db) {
  if (db->db) sqlite3_close(db->db);
  db->db = NULL;
}

vft_status vft_db_exec(const vft_db *db, const char *sql) {
  return sqlite3_exec(db->db, sql, NULL, NULL, NULL) == SQLITE_OK ? VFT_OK
                                                                  : vft_db_fail(db, "cannot write");
}

vft_status vft_db_prepare(const vft_db *db, const char *sql, sqlite3_stmt **out) {
  *out = NULL;
  return sqlite3_prepare_v2(db->db, sql, -1, out, NULL) == SQLITE_OK
             ? VFT_OK
             : vft_db_fail(db, "not a dataset commitment");
}

vft_status vft_db_run(const vft_db *db, sqlite3_stmt *s) {
  int rc = sqlite3_step(s);
  vft_status st = rc == SQLITE_DONE ? VFT_OK : vft_db_fail(db, "cannot write");
  sqlite3_reset(s);
  return st;
}

vft_status vft_db_step(const vft_db *db, sqlite3_stmt *s, bool *row) {
  int rc = sqlite3_step(s);
  *row = rc == SQLITE_ROW;
  return rc == SQLITE_ROW || rc == SQLITE_DONE ? VFT_OK : vft_db_fail(db, "cannot read");
}

vft_status vft_db_put(const vft_db *db, const char *key, const void *data, size_t size) {
  sqlite3_stmt *s;
  TRY(vft_db_prepare(db, "INSERT OR REPLACE INTO meta VALUES(?, ?)", &s));
  sqlite3_bind_text(s, 1, key, -1, SQLITE_STATIC);
  sqlite3_bind_blob(s, 2, data, (int)size, SQLITE_STATIC);
  vft_status st = vft_db_run(db, s);
  sqlite3_finalize(s);
  return st;
}

bool vft_db_blob(sqlite3_stmt *s, int column, void *out, size_t size) {
  const void *data = sqlite3_column_blob(s, column);
  if (!data || (size_t)sqlite3_column_bytes(s, column) != size) return false;
  memcpy(out, data, size);
  return true;
}

/* The row of a key; *found = false without one. */
static vft_status look_up(const vft_db *db, const char *key, sqlite3_stmt **s, bool *found) {
  TRY(vft_db_prepare(db, "SELECT value FROM meta WHERE key = ?", s));
  sqlite3_bind_text(*s, 1, key, -1, SQLITE_STATIC);
  vft_status st = vft_db_step(db, *s, found);
  if (st != VFT_OK) sqlite3_finalize(*s);
  return st;
}

vft_status vft_db_get(const vft_db *db, const char *key, void *data, size_t size) {
  sqlite3_stmt *s;
  bool found;
  TRY(look_up(db, key, &s, &found));
  vft_status st = VFT_OK;
  if (!found || !vft_db_blob(s, 0, data, size))
    st = vft_fail(VFT_USAGE, "%s: '%s' is missing: not a finished commitment", db->path, key);
  sqlite3_finalize(s);
  return st;
}

vft_status vft_db_get_text(const vft_db *db, const char *key, vft_arena *arena, const char **out) {
  sqlite3_stmt *s;
  bool found;
  *out = NULL;
  TRY(look_up(db, key, &s, &found));
  vft_status st = VFT_OK;
  if (found) {
    size_t n = (size_t)sqlite3_column_bytes(s, 0);
    const void *data = sqlite3_column_blob(s, 0);
    char *text = vft_arena_alloc(arena, n + 1, 1);
    if (text && n) memcpy(text, data, n);
    st = text ? VFT_OK : VFT_RESOURCE;
    *out = text;
  }
  sqlite3_finalize(s);
  return st;
}

vft_status vft_db_read_classes(const vft_db *db, vft_class_list *out) {
  sqlite3_stmt *s;
  bool row = false;
  vft_class *c = vft_alloc(1, sizeof *c);
  vft_status st = VFT_RESOURCE;
  if (!c) return st;
  TRY_OUT(vft_db_prepare(db, "SELECT bytes FROM class ORDER BY id", &s));
  for (;;) {
    uint32_t number;
    st = vft_db_step(db, s, &row);
    if (st != VFT_OK || !row) break;
    const void *bytes = sqlite3_column_blob(s, 0);
    if (!bytes || !vft_class_read(bytes, (size_t)sqlite3_column_bytes(s, 0), c)) {
      st = vft_fail(VFT_USAGE, "%s: class %zu is malformed", db->path, out->count);
      break;
    }
    st = vft_class_list_add(out, c, &number);
    if (st != VFT_OK) break;
  }
  sqlite3_finalize(s);
out:
  vft_free(c);
  return st;
}

/* Reduces 2^height digests in place. */
static void reduce(vft_poseidon_digest *d, unsigned height) {
  for (size_t n = (size_t)1 << height >> 1; n > 0; n /= 2) vft_poseidon_compress(d, d, n);
}

vft_poseidon_digest vft_db_empty(unsigned height) {
  vft_poseidon_digest empty = {{{0}}};
  for (unsigned h = 0; h < height; h++) {
    vft_poseidon_digest pair[2] = {empty, empty};
    vft_poseidon_compress(pair, &empty, 1);
  }
  return empty;
}

vft_status vft_db_tree(const vft_db *db, uint64_t first, uint64_t count, unsigned height,
                       vft_status (*emit)(void *ctx, uint64_t index,
                                          const vft_poseidon_digest *digest),
                       void *ctx, vft_poseidon_digest *root) {
  unsigned low = height < VFT_DATASET_CHUNK_LOG ? height : VFT_DATASET_CHUNK_LOG;
  size_t chunk = (size_t)1 << low, chunks = (size_t)1 << (height - low);
  vft_poseidon_digest *leaf = vft_alloc(chunk, sizeof *leaf), *top = NULL;
  sqlite3_stmt *s = NULL;
  vft_status st = VFT_RESOURCE;
  bool row;
  if (!leaf || !(top = vft_alloc(chunks, sizeof *top))) goto out;
  TRY_OUT(vft_db_prepare(db, "SELECT n, leaf FROM record WHERE n >= ? ORDER BY n", &s));
  sqlite3_bind_int64(s, 1, (sqlite3_int64)first);
  vft_poseidon_digest empty = vft_db_empty(low);
  for (size_t i = 0; i < chunks; i++) {
    if (i * chunk >= count) {
      top[i] = empty;
      continue;
    }
    memset(leaf, 0, chunk * sizeof *leaf);
    for (size_t k = 0; k < chunk && i * chunk + k < count; k++) {
      uint8_t bytes[32];
      uint64_t n = first + i * chunk + k;
      TRY_OUT(vft_db_step(db, s, &row));
      if (!row || (uint64_t)sqlite3_column_int64(s, 0) != n || !vft_db_blob(s, 1, bytes, 32) ||
          !vft_poseidon_read(bytes, &leaf[k]))
        TRY_OUT(vft_fail(VFT_USAGE, "%s: record %llu is missing or malformed", db->path,
                         (unsigned long long)n));
    }
    reduce(leaf, low);
    top[i] = leaf[0];
    if (emit) TRY_OUT(emit(ctx, i, &top[i]));
  }
  reduce(top, height - low);
  *root = top[0];
  st = VFT_OK;
out:
  sqlite3_finalize(s);
  vft_free(leaf);
  vft_free(top);
  return st;
}

vft_status vft_dataset_hash_source(const char *path, uint8_t sha256[32]) {
  vft_sha256_digest digest;
  TRY(vft_sha256_file(path, &digest));
  memcpy(sha256, digest.b, 32);
  return VFT_OK;
}

void vft_dataset_hex(const uint8_t *bytes, char hex[65]) {
  vft_sha256_digest digest;
  memcpy(digest.b, bytes, 32);
  vft_sha256_hex(&digest, hex);
}
