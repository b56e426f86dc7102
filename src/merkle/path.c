#include "merkle/path.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "merkle/path_poseidon.h"

static void store64(uint8_t *p, uint64_t x) {
  for (int i = 0; i < 8; i++) p[i] = (uint8_t)(x >> (8 * i));
}

void vft_merkle_header(uint8_t header[VFT_MERKLE_HEADER], uint64_t rows, unsigned log_n) {
  memset(header, 0, VFT_MERKLE_HEADER);
  memcpy(header, "vft merkle leaf", 15);
  store64(header + 48, rows);
  store64(header + 56, log_n);
}

vft_digest vft_merkle_leaf(vft_hash_kind hash, const vft_fp *column, size_t rows,
                           unsigned log_n) {
  uint8_t buf[512];
  vft_blake3 h;
  vft_digest d;
  if (hash == VFT_HASH_POSEIDON) {
    vft_poseidon_leaves(column, rows, log_n, 1, &d);
    return d;
  }
  vft_blake3_init(&h);
  vft_merkle_header(buf, rows, log_n);
  vft_blake3_update(&h, buf, VFT_MERKLE_HEADER);
  for (size_t i = 0; i < rows;) {
    size_t fill = 0;
    for (; i < rows && fill < sizeof buf; i++, fill += 8) store64(buf + fill, column[i].v);
    vft_blake3_update(&h, buf, fill);
  }
  vft_blake3_final(&h, d.b, sizeof d.b);
  return d;
}

void vft_merkle_nodes(vft_hash_kind hash, const vft_digest *pair, vft_digest *out, size_t n) {
  if (hash == VFT_HASH_POSEIDON)
    vft_poseidon_nodes(pair, out, n);
  else
    vft_blake3_nodes(pair[0].b, out, n);
}

static int ascending(const void *a, const void *b) {
  uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
  return (x > y) - (x < y);
}

size_t vft_merkle_sort_positions(uint32_t *positions, size_t count) {
  if (!count) return 0;
  qsort(positions, count, sizeof *positions, ascending);
  size_t kept = 1;
  for (size_t i = 1; i < count; i++)
    if (positions[i] != positions[kept - 1]) positions[kept++] = positions[i];
  return kept;
}

/* Two neighbours in increasing order are known nodes of one pair at height h when they agree
 * above bit h; at most one pair member is missing otherwise. Height h has as many known nodes as
 * there are distinct prefixes positions >> h; each that is alone in its pair needs a sibling. */
size_t vft_merkle_sibling_count(const uint32_t *positions, size_t count, unsigned log_n,
                                unsigned log_cap) {
  unsigned top = log_n - log_cap;
  size_t siblings = (size_t)1 << log_cap;
  for (size_t i = 0; i < count; i++)
    siblings -= i == 0 || positions[i] >> top != positions[i - 1] >> top;
  for (unsigned h = 0; h < top; h++) {
    size_t known = 0, pairs = 0;
    for (size_t i = 0; i < count; i++) {
      known += i == 0 || positions[i] >> h != positions[i - 1] >> h;
      pairs += i == 0 || positions[i] >> (h + 1) != positions[i - 1] >> (h + 1);
    }
    siblings += 2 * pairs - known;
  }
  return siblings;
}

static vft_status check_shape(unsigned log_n, unsigned log_cap, size_t rows,
                              const uint32_t *positions, size_t count, const vft_fp *columns,
                              size_t nsiblings) {
  for (size_t i = 0; i < count; i++)
    if ((uint64_t)positions[i] >> log_n || (i && positions[i] <= positions[i - 1]))
      return vft_reject("merkle/positions",
                        "opening: position %u at place %zu is out of order or not below 2^%u",
                        positions[i], i, log_n);
  size_t need = vft_merkle_sibling_count(positions, count, log_n, log_cap);
  if (nsiblings != need)
    return vft_reject("merkle/siblings", "opening: %zu siblings instead of %zu", nsiblings, need);
  for (size_t i = 0; i < count; i++)
    for (size_t r = 0; r < rows; r++)
      if (columns[i * rows + r].v >= VFT_P)
        return vft_reject("merkle/canonical", "opening: row %zu of position %u is not below p", r,
                          positions[i]);
  return VFT_OK;
}

vft_status vft_merkle_verify_salted(vft_hash_kind hash, const vft_digest *root, unsigned log_n,
                                    unsigned log_cap, size_t rows, const uint32_t *positions,
                                    size_t count, const vft_fp *columns, const vft_digest *salts,
                                    const vft_digest *siblings, size_t nsiblings) {
  if (!count || !rows || log_n > VFT_MERKLE_MAX_LOG || log_cap > log_n)
    return vft_reject("merkle/positions", "opening: nothing is opened, or depth %u is too large",
                      log_n);
  TRY(check_shape(log_n, log_cap, rows, positions, count, columns, nsiblings));
  if (hash == VFT_HASH_POSEIDON) TRY(vft_poseidon_siblings(siblings, nsiblings));

  size_t cap = (size_t)1 << log_cap, most = count > cap ? count : cap;
  uint32_t *at = vft_alloc_raw(most, sizeof *at);
  vft_digest *node = vft_alloc_raw(most, sizeof *node);
  vft_digest *pair = vft_alloc_raw(most, 2 * sizeof *pair);
  vft_status st = VFT_OK;
  if (!at || !node || !pair) {
    st = VFT_RESOURCE;
    goto out;
  }
  for (size_t i = 0; i < count; i++) at[i] = positions[i];
  if (hash == VFT_HASH_POSEIDON)
    vft_poseidon_leaves(columns, rows, log_n, count, node);
  else
    for (size_t i = 0; i < count; i++)
      node[i] = vft_merkle_leaf(hash, columns + i * rows, rows, log_n);
  for (size_t i = 0; salts && i < count; i++) {
    pair[0] = node[i];
    pair[1] = salts[i];
    vft_merkle_nodes(hash, pair, &node[i], 1);
  }
  /* node[0 .. known) are the known nodes of the height, in order, at the places at[]. */
  size_t known = count, used = 0;
  for (unsigned h = 0; h < log_n; h++) {
    size_t pairs = 0;
    if (h == log_n - log_cap) {
      vft_merkle_complete_cap(node, at, known, cap, siblings + used);
      known = cap;
    }
    for (size_t i = 0; i < known; pairs++) {
      size_t right = at[i] & 1;
      int both = !right && i + 1 < known && at[i + 1] == at[i] + 1;
      pair[2 * pairs + right] = node[i];
      pair[2 * pairs + 1 - right] = both ? node[i + 1] : siblings[used++];
      at[pairs] = at[i] >> 1;
      i += both ? 2 : 1;
    }
    vft_merkle_nodes(hash, pair, node, pairs);
    known = pairs;
  }
  if (memcmp(node[0].b, root->b, sizeof root->b))
    st = vft_reject("merkle/root", "opening: the columns do not hash to the committed root");
out:
  vft_free(at);
  vft_free(node);
  vft_free(pair);
  return st;
}
