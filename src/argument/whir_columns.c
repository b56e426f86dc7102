#include "argument/whir_columns.h"

#include <string.h>

#include "base/mem.h"
#include "merkle/path.h"
#include "poly/rs.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "columns are sent as they lie in memory");

/* Where a drawn position is among the distinct ones. */
static uint32_t place_of(const vft_whir_queries *q, uint32_t position) {
  size_t lo = 0, hi = q->opened;
  while (hi - lo > 1) {
    size_t mid = lo + (hi - lo) / 2;
    if (q->distinct[mid] <= position)
      lo = mid;
    else
      hi = mid;
  }
  return (uint32_t)lo;
}

vft_status vft_whir_draw(vft_channel *ch, vft_whir_queries *q, size_t n, unsigned log_n) {
  q->n = n;
  q->drawn = vft_alloc(n, sizeof *q->drawn);
  q->index = vft_alloc(n, sizeof *q->index);
  q->distinct = vft_alloc(n, sizeof *q->distinct);
  q->place = vft_alloc(n, sizeof *q->place);
  if (!q->drawn || !q->index || !q->distinct || !q->place)
    return vft_fail(VFT_RESOURCE, "opening: out of memory for queries");
  vft_channel_challenge_indices(ch, "whir/queries", q->drawn, n, log_n);
  for (size_t i = 0; i < n; i++) q->distinct[i] = q->index[i] = q->drawn[i].index;
  q->opened = vft_merkle_sort_positions(q->distinct, n);
  for (size_t i = 0; i < n; i++) q->place[i] = place_of(q, q->index[i]);
  return VFT_OK;
}

void vft_whir_queries_free(vft_whir_queries *q) {
  vft_free(q->drawn);
  vft_free(q->index);
  vft_free(q->distinct);
  vft_free(q->place);
  memset(q, 0, sizeof *q);
}

vft_fp vft_whir_point(const vft_whir_queries *q, size_t i, unsigned log_n) {
  return vft_rs_point(log_n, q->index[i]);
}

vft_status vft_whir_columns(vft_channel *ch, const vft_whir_queries *q, const vft_merkle *from,
                            const vft_digest *root, unsigned log_n, size_t words, bool ext,
                            bool salted, vft_fp *columns) {
  (void)ext;
  unsigned log_cap = vft_merkle_log_cap(vft_channel_hash(ch), q->n, log_n);
  size_t siblings = vft_merkle_sibling_count(q->distinct, q->opened, log_n, log_cap);
  vft_status st = VFT_OK;
  vft_digest *sibling = vft_alloc_raw(siblings + q->opened, sizeof *sibling);
  if (!sibling) return vft_fail(VFT_RESOURCE, "opening: out of memory for columns");
  vft_digest *salt = sibling + siblings;
  if (from) {
    if (salted) vft_merkle_salts(from, q->distinct, q->opened, salt);
    TRY_OUT(vft_merkle_open(from, q->distinct, q->opened, columns));
    vft_merkle_siblings(from, q->distinct, q->opened, log_cap, sibling);
  }
  TRY_OUT(vft_channel_send_opening(ch, columns, q->opened * words * sizeof *columns));
  if (salted) TRY_OUT(vft_channel_send_opening(ch, salt, q->opened * sizeof *salt));
  TRY_OUT(vft_channel_send_opening(ch, sibling, siblings * sizeof *sibling));
  if (!from)
    st = vft_merkle_verify_salted(vft_channel_hash(ch), root, log_n, log_cap, words, q->distinct,
                                  q->opened, columns, salted ? salt : NULL, sibling, siblings);
out:
  vft_free(sibling);
  return st;
}
