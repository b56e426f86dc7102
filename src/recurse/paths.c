#include "recurse/paths.h"

#include <string.h>

#include "base/mem.h"
#include "hash/poseidon.h"
#include "merkle/path.h"

vft_status vft_expand_paths(unsigned log_n, unsigned log_cap, size_t words,
                            const uint32_t *position, size_t count, const uint64_t *columns,
                            const uint64_t (*sibling)[4], uint64_t (*path)[4],
                            uint64_t (*cap)[4]) {
  vft_status st = VFT_OK;
  /* The known nodes of a height, in order: where they are, which of them is above position k. */
  uint32_t *at = vft_alloc(count, sizeof *at), *above = vft_alloc(count, sizeof *above);
  uint32_t *to = vft_alloc(count, sizeof *to);
  vft_poseidon_digest *node = vft_alloc(count, sizeof *node);
  vft_poseidon_digest *pair = vft_alloc(count, 2 * sizeof *pair);
  if (!at || !above || !to || !node || !pair) {
    st = VFT_RESOURCE;
    goto out;
  }
  for (size_t k = 0; k < count; k++) {
    at[k] = position[k];
    above[k] = (uint32_t)k;
  }
  _Static_assert(sizeof(vft_fp) == sizeof *columns, "an element is one word");
  vft_poseidon_hash_many(vft_merkle_domain(log_n), (const vft_fp *)(const void *)columns, words,
                         count, node);
  size_t known = count, used = 0;
  unsigned top = log_n - log_cap;
  for (unsigned h = 0; h < top; h++) {
    size_t pairs = 0;
    for (size_t i = 0; i < known; pairs++) {
      size_t right = at[i] & 1;
      int both = !right && i + 1 < known && at[i + 1] == at[i] + 1;
      pair[2 * pairs + right] = node[i];
      if (both)
        pair[2 * pairs + 1] = node[i + 1];
      else
        memcpy(pair[2 * pairs + 1 - right].e, sibling[used++], sizeof pair->e);
      to[i] = (uint32_t)(2 * pairs + right);
      if (both) to[i + 1] = (uint32_t)(2 * pairs + 1);
      at[pairs] = at[i] >> 1;
      i += both ? 2 : 1;
    }
    for (size_t k = 0; k < count; k++) {
      uint32_t me = to[above[k]];
      memcpy(path[k * top + h], pair[me ^ 1].e, sizeof *path);
      above[k] = me / 2;
    }
    vft_poseidon_compress(pair, node, pairs);
    known = pairs;
  }
  for (uint32_t i = 0, k = 0; !(i >> log_cap); i++) {
    if (k < known && at[k] == i)
      memcpy(cap[i], node[k++].e, sizeof *cap);
    else
      memcpy(cap[i], sibling[used++], sizeof *cap);
  }
out:
  vft_free(at);
  vft_free(above);
  vft_free(to);
  vft_free(node);
  vft_free(pair);
  return st;
}
