/* Merkle trees under Poseidon. */
#include "merkle/path_poseidon.h"

#include "hash/poseidon.h"
#include "merkle/path.h"

void vft_poseidon_leaves(const vft_fp *columns, size_t rows, unsigned log_n, size_t count,
                            vft_digest *out) {
  enum { BATCH = 32 };
  vft_poseidon_digest leaf[BATCH];
  for (size_t k = 0; k < count; k += BATCH) {
    size_t m = count - k < BATCH ? count - k : BATCH;
    vft_poseidon_hash_many(vft_merkle_domain(log_n), columns + k * rows, rows, m, leaf);
    for (size_t i = 0; i < m; i++) vft_poseidon_bytes(&leaf[i], out[k + i].b);
  }
}

void vft_poseidon_nodes(const vft_digest *pair, vft_digest *out, size_t n) {
  enum { BATCH = 32 };
  vft_poseidon_digest in[2 * BATCH];
  for (size_t k = 0; k < n; k += BATCH) {
    size_t m = n - k < BATCH ? n - k : BATCH;
    for (size_t i = 0; i < 2 * m; i++) (void)vft_poseidon_read(pair[2 * k + i].b, &in[i]);
    vft_poseidon_compress(in, in, m);
    for (size_t i = 0; i < m; i++) vft_poseidon_bytes(&in[i], out[k + i].b);
  }
}

unsigned vft_merkle_log_cap(vft_hash_kind hash, size_t n, unsigned log_n) {
  unsigned log_cap = 0;
  if (hash == VFT_HASH_BLAKE3) return 0;
  while (log_cap < log_n && n >> (log_cap + 1)) log_cap++;
  return log_cap;
}

vft_status vft_poseidon_siblings(const vft_digest *siblings, size_t n) {
  vft_poseidon_digest d;
  for (size_t i = 0; i < n; i++)
    if (!vft_poseidon_read(siblings[i].b, &d))
      return vft_reject("merkle/canonical", "opening: sibling %zu has an element not below p", i);
  return VFT_OK;
}

void vft_merkle_complete_cap(vft_digest *node, uint32_t *at, size_t known, size_t cap,
                         const vft_digest *rest) {
  size_t given = cap - known;
  for (size_t i = cap; i-- > 0;) {
    node[i] = known && at[known - 1] == i ? node[--known] : rest[--given];
    at[i] = (uint32_t)i; /* its old entry, of a place <= i, has been moved or is i */
  }
}

vft_status vft_merkle_verify(vft_hash_kind hash, const vft_digest *root, unsigned log_n,
                             unsigned log_cap, size_t rows, const uint32_t *positions,
                             size_t count, const vft_fp *columns, const vft_digest *siblings,
                             size_t nsiblings) {
  return vft_merkle_verify_salted(hash, root, log_n, log_cap, rows, positions, count, columns, NULL,
                                  siblings, nsiblings);
}
