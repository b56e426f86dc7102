/* Merkle trees over the columns of a codeword matrix: the verifier's half (libc only).
 *
 * A tree has 2^log_n leaves, one for each codeword position. Leaf j commits to column j: `rows`
 * canonical base elements (an extension row counts as three base rows, coordinates in order).
 * Under BLAKE3
 *   leaf = BLAKE3(header || column), header = 64 bytes: "vft merkle leaf" padded with zeros to
 *          48, rows as u64, log_n as u64; column = 8 bytes an element; all little-endian.
 *   node = BLAKE3(left || right).
 * A leaf's message is longer than 64 bytes, so no leaf is a node of any tree, and header and
 * path length bind the shape. Under Poseidon (hash/poseidon.h)
 *   leaf = sponge(64 VFT_DOMAIN_COLUMN + log_n; column), one permutation for each eight rows
 *   node = compress(left, right),
 * and a digest is its four elements, 8 bytes each, canonical. The sponge's capacity holds rows and
 * domain, which determine the shape (log_n < 64); no other use of the sponge has this domain, and
 * no sponge starts with the capacity of compress.
 *
 * A salted tree, whose columns must stay hidden where they are not opened (BLAKE3 only), has at
 * leaf j the node over the leaf above and salt j, 32 random bytes: as if the tree were one level deeper
 * and the salt the column's sibling. Which of the two a tree is, its user says; roots are not
 * confused, since the path length is given.
 *
 * A batch opening of strictly increasing positions carries the columns in that order and the
 * siblings that the columns do not determine, level by level from the leaves, left to right, up to
 * the height log_n - log_cap; of the 2^log_cap nodes there, the cap, it carries all that are not
 * determined, and nothing above. So a circuit can check the cap once and every path only up to it. */
#ifndef VFT_MERKLE_PATH_H
#define VFT_MERKLE_PATH_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "field/goldilocks.h"
#include "hash/blake3.h"
#include "hash/kind.h"

enum { VFT_MERKLE_MAX_LOG = 30, VFT_MERKLE_HEADER = 64 };
enum { VFT_DOMAIN_COLUMN = 16 }; /* others: data/leaf.h, program/epoch.h, all below 64 */

/* Domain of the sponge over a column of a tree of 2^log_n leaves. */
static inline uint64_t vft_merkle_domain(unsigned log_n) {
  return 64 * VFT_DOMAIN_COLUMN + log_n;
}

/* The header block of every leaf of a tree under BLAKE3. */
void vft_merkle_header(uint8_t header[VFT_MERKLE_HEADER], uint64_t rows, unsigned log_n);
vft_digest vft_merkle_leaf(vft_hash_kind hash, const vft_fp *column, size_t rows,
                           unsigned log_n);
/* out[i] = node over pair[2 i] and pair[2 i + 1], i < n. Under Poseidon all digests must be
 * canonical. */
void vft_merkle_nodes(vft_hash_kind hash, const vft_digest *pair, vft_digest *out, size_t n);

/* Sorts positions and drops repetitions; returns how many remain. */
size_t vft_merkle_sort_positions(uint32_t *positions, size_t count);

/* log_cap of an opening at n positions as drawn: 0 under BLAKE3; under Poseidon the greatest with
 * 2^log_cap <= n, at most log_n: hashing the cap costs less than n paths from there to the root. */
unsigned vft_merkle_log_cap(vft_hash_kind hash, size_t n, unsigned log_n);
/* Number of siblings of the batch opening of strictly increasing positions < 2^log_n, nodes of the
 * cap among them. */
size_t vft_merkle_sibling_count(const uint32_t *positions, size_t count, unsigned log_n,
                                unsigned log_cap);

/* Checks a batch opening against a root. columns: count * rows elements, column k (for
 * positions[k]) at columns + k * rows. Requires count >= 1, rows >= 1,
 * log_cap <= log_n <= VFT_MERKLE_MAX_LOG.
 * Rejects: "merkle/positions" (not strictly increasing or out of range), "merkle/canonical" (an
 * element >= p, of a column or under Poseidon of a sibling), "merkle/siblings" (wrong number),
 * "merkle/root". Fails: VFT_RESOURCE. */
VFT_MUST_CHECK vft_status vft_merkle_verify(vft_hash_kind hash, const vft_digest *root,
                                            unsigned log_n, unsigned log_cap, size_t rows,
                                            const uint32_t *positions, size_t count,
                                            const vft_fp *columns, const vft_digest *siblings,
                                            size_t nsiblings);
/* The same for a salted tree: salt[k] belongs to positions[k]. */
VFT_MUST_CHECK vft_status vft_merkle_verify_salted(vft_hash_kind hash, const vft_digest *root,
                                                   unsigned log_n, unsigned log_cap, size_t rows,
                                                   const uint32_t *positions, size_t count,
                                                   const vft_fp *columns, const vft_digest *salts,
                                                   const vft_digest *siblings, size_t nsiblings);

#endif
