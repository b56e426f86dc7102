/* Merkle trees over the columns of a codeword matrix: the verifier's half (libc only).
 *
 * A tree has 2^log_n leaves, one for each codeword position. Leaf j commits to column j: `rows`
 * canonical base elements (an extension row counts as three base rows, coordinates in order).
 *   leaf = BLAKE3(header || column), header = 64 bytes: "vft merkle leaf" padded with zeros to
 *          48, rows as u64, log_n as u64; column = 8 bytes an element; all little-endian.
 *   node = BLAKE3(left || right).
 * A leaf's message is longer than 64 bytes, so no leaf is a node of any tree, and header and
 * path length bind the shape.
 *
 * A batch opening of strictly increasing positions carries the columns in that order and the
 * siblings that the columns do not determine, level by level from the leaves, left to right. */
#ifndef VFT_MERKLE_PATH_H
#define VFT_MERKLE_PATH_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "field/goldilocks.h"
#include "hash/blake3.h"

enum { VFT_MERKLE_MAX_LOG = 30, VFT_MERKLE_HEADER = 64 };

/* The header block of every leaf of a tree. */
void vft_merkle_header(uint8_t header[VFT_MERKLE_HEADER], uint64_t rows, unsigned log_n);
vft_digest vft_merkle_leaf(const vft_fp *column, size_t rows, unsigned log_n);

/* Sorts positions and drops repetitions; returns how many remain. */
size_t vft_merkle_sort_positions(uint32_t *positions, size_t count);

/* Number of siblings of the batch opening of strictly increasing positions < 2^log_n. */
size_t vft_merkle_sibling_count(const uint32_t *positions, size_t count, unsigned log_n);

/* Checks a batch opening against a root. columns: count * rows elements, column k (for
 * positions[k]) at columns + k * rows. Requires count >= 1, rows >= 1,
 * log_n <= VFT_MERKLE_MAX_LOG.
 * Rejects: "merkle/positions" (not strictly increasing or out of range), "merkle/canonical" (an
 * element >= p), "merkle/siblings" (wrong number), "merkle/root". Fails: VFT_RESOURCE. */
VFT_MUST_CHECK vft_status vft_merkle_verify(const vft_digest *root, unsigned log_n, size_t rows,
                                            const uint32_t *positions, size_t count,
                                            const vft_fp *columns, const vft_digest *siblings,
                                            size_t nsiblings);

#endif
