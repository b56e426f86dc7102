/* Inside of argument/whir: the queries of one level and the columns opened there. All that the
 * WHIR driver does not do by field operations alone is here. */
#ifndef VFT_ARGUMENT_WHIR_COLUMNS_H
#define VFT_ARGUMENT_WHIR_COLUMNS_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "field/goldilocks.h"
#include "merkle/tree.h"
#include "transcript/channel.h"
#include "transcript/query.h"

/* Claims are over the positions as drawn; the trees are opened at the distinct ones, in increasing
 * order. */
typedef struct {
  size_t n, opened;
  vft_query *drawn;   /* n */
  uint32_t *index;    /* n: positions of drawn */
  uint32_t *distinct; /* opened positions */
  uint32_t *place;    /* index[i] = distinct[place[i]] */
} vft_whir_queries;

/* Draws n positions below 2^log_n. */
VFT_MUST_CHECK vft_status vft_whir_draw(vft_channel *ch, vft_whir_queries *q, size_t n,
                                        unsigned log_n);
void vft_whir_queries_free(vft_whir_queries *q);
/* The point of the domain of length 2^log_n at drawn position i. */
vft_fp vft_whir_point(const vft_whir_queries *q, size_t i, unsigned log_n);
/* Moves the columns of one tree, `words` elements each, and what authenticates them: column k, of
 * position distinct[k], to columns + k * words. The prover's come from the tree `from`; a verifier
 * (from NULL) checks them against the root. ext: words are coordinates of elements of E. salted: the
 * tree is (merkle/path.h), and the salts follow the columns.
 * Rejects with the ids of merkle/path.h and the channel's. */
VFT_MUST_CHECK vft_status vft_whir_columns(vft_channel *ch, const vft_whir_queries *q,
                                           const vft_merkle *from, const vft_digest *root,
                                           unsigned log_n, size_t words, bool ext, bool salted,
                                           vft_fp *columns);

#endif
