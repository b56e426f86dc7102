/* Inside of data/dataset: its SQLite file. */
#ifndef VFT_DATA_DATASET_DB_H
#define VFT_DATA_DATASET_DB_H

#include <sqlite3.h>

#include "data/dataset.h"

#define VFT_DATASET_FORMAT "vft-dataset/2"
enum { VFT_DATASET_CHUNK_LOG = 10 }; /* digests of subtrees of this height are stored */

/* An open file and one statement under way. */
typedef struct {
  sqlite3 *db;
  const char *path;
} vft_db;

/* Fails: VFT_USAGE (missing, not a database, in use). `create` makes it when it is missing. */
vft_status vft_db_open(const char *path, bool create, vft_db *out) VFT_MUST_CHECK;
void vft_db_close(vft_db *db);
/* The last error of the database as a status: disk full and the like are VFT_RESOURCE. */
vft_status vft_db_fail(const vft_db *db, const char *what);
vft_status vft_db_exec(const vft_db *db, const char *sql) VFT_MUST_CHECK;
vft_status vft_db_prepare(const vft_db *db, const char *sql, sqlite3_stmt **out) VFT_MUST_CHECK;
/* Runs a statement that returns no row, and resets it. */
vft_status vft_db_run(const vft_db *db, sqlite3_stmt *statement) VFT_MUST_CHECK;
/* *row = false when there are no more. */
vft_status vft_db_step(const vft_db *db, sqlite3_stmt *statement, bool *row) VFT_MUST_CHECK;

/* Values of the table meta; a blob has exactly `size` bytes. A missing one is VFT_USAGE. */
vft_status vft_db_put(const vft_db *db, const char *key, const void *data, size_t size)
    VFT_MUST_CHECK;
vft_status vft_db_get(const vft_db *db, const char *key, void *data, size_t size) VFT_MUST_CHECK;
/* NUL-terminated; NULL when it is missing. */
vft_status vft_db_get_text(const vft_db *db, const char *key, vft_arena *arena,
                           const char **out) VFT_MUST_CHECK;
bool vft_db_blob(sqlite3_stmt *statement, int column, void *out, size_t size);
vft_status vft_db_read_classes(const vft_db *db, vft_class_list *out) VFT_MUST_CHECK;

/* Roots of subtrees of the leaves first .. first + count - 1, read in order; for every full or
 * last subtree `emit` is called. The root of the tree of `height` comes back.
 * Requires: count <= 2^height. */
vft_status vft_db_tree(const vft_db *db, uint64_t first, uint64_t count, unsigned height,
                       vft_status (*emit)(void *ctx, uint64_t index,
                                          const vft_poseidon_digest *digest),
                       void *ctx, vft_poseidon_digest *root) VFT_MUST_CHECK;
/* Root of a tree of `height` without records. */
vft_poseidon_digest vft_db_empty(unsigned height);
/* All of a file's bytes through SHA-256. */
vft_status vft_dataset_hash_source(const char *path, uint8_t sha256[32]) VFT_MUST_CHECK;
void vft_dataset_hex(const uint8_t *bytes, char hex[65]);

#endif
