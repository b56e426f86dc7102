/* Merkle commitment to a matrix of Reed-Solomon rows: the prover's half. Leaves, nodes and batch
 * openings are defined in merkle/path.h, the code in poly/rs.h.
 *
 * Encoding and hashing are fused: eight rows are encoded in lock-step, and each codeword position
 * of the eight is one 64-byte block of that leaf's message, or fills the rate of that leaf's
 * sponge. Root and openings depend on the committed values and the hash only, not on threads or
 * instruction set. */
#ifndef VFT_MERKLE_TREE_H
#define VFT_MERKLE_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "field/goldilocks.h"
#include "hash/blake3.h"
#include "hash/kind.h"
#include "poly/rs.h"

typedef struct vft_merkle vft_merkle;
enum { VFT_MERKLE_BATCH = 4 };

/* Writes the 2^c canonical message elements of base row `row`. Called once for each row and
 * encoding, in any order, from several threads. */
typedef vft_status (*vft_row_source)(void *ctx, size_t row, vft_fp *out);

/* Commits `rows` >= 1 base rows under `code` (log length 4..VFT_MERKLE_MAX_LOG), which is
 * borrowed until vft_merkle_free. keep: hold the codewords (8 bytes * N * rows rounded up to a
 * multiple of 8) for fast openings; otherwise source and ctx are borrowed too and an opening
 * encodes all rows again.
 * Under Poseidon, N sponges (96 bytes each) are held while it runs, and the codewords of a batch
 * of max(threads, VFT_MERKLE_BATCH) groups of eight rows.
 * Fails: VFT_USAGE on ranges, VFT_RESOURCE, or what the source returns. */
VFT_MUST_CHECK vft_status vft_merkle_commit(vft_merkle **out, vft_hash_kind hash,
                                            const vft_rs *code, size_t rows,
                                            vft_row_source source, void *ctx, bool keep);
/* A salted tree (merkle/path.h); salts: one for each leaf, copied, wiped by vft_merkle_free. BLAKE3
 * only (VFT_USAGE). */
VFT_MUST_CHECK vft_status vft_merkle_commit_salted(vft_merkle **out, vft_hash_kind hash,
                                                   const vft_rs *code, size_t rows,
                                                   vft_row_source source, void *ctx, bool keep,
                                                   const vft_digest *salts);
void vft_merkle_free(vft_merkle *tree);

/* Ready sources. Base rows one after the other. */
typedef struct {
  const vft_fp *rows;
  size_t len;   /* 2^c */
  size_t total; /* elements in the array; what lies beyond counts as zero */
} vft_rows_fp_ctx;
vft_status vft_rows_fp(void *ctx, size_t row, vft_fp *out);
/* Extension rows: base row 3 r + k is coordinate k of extension row r. */
typedef struct {
  const vft_ext *rows;
  size_t len;
  size_t total;
} vft_rows_ext_ctx;
vft_status vft_rows_ext(void *ctx, size_t row, vft_fp *out);

vft_digest vft_merkle_root(const vft_merkle *tree);
vft_hash_kind vft_merkle_hash(const vft_merkle *tree);
size_t vft_merkle_rows(const vft_merkle *tree);
unsigned vft_merkle_log_length(const vft_merkle *tree);

/* Node `at` of the level `height` above the leaves (height 0: leaf digests), at < N >> height. */
vft_digest vft_merkle_node(const vft_merkle *tree, unsigned height, uint64_t at);

/* Columns at strictly increasing positions: columns[k * rows + r]. */
VFT_MUST_CHECK vft_status vft_merkle_open(const vft_merkle *tree, const uint32_t *positions,
                                          size_t count, vft_fp *columns);
/* The pruned siblings; room for vft_merkle_sibling_count of them. */
void vft_merkle_siblings(const vft_merkle *tree, const uint32_t *positions, size_t count,
                         unsigned log_cap, vft_digest *siblings);
bool vft_merkle_is_salted(const vft_merkle *tree);
/* The salts at these positions; requires a salted tree. */
void vft_merkle_salts(const vft_merkle *tree, const uint32_t *positions, size_t count,
                      vft_digest *salts);

#endif
