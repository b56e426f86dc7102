/* Private to src/relation: which table row a lookup's tuple is, and how often. */
#ifndef VFT_RELATION_ROWS_H
#define VFT_RELATION_ROWS_H

#include "relation/eval.h"

typedef struct {
  const vft_trace *trace;
  uint32_t slots;    /* independent counters, merged on reading */
  size_t rows;       /* of all tables */
  size_t *first_row; /* per table */
  uint32_t *count;   /* slots x rows */
  uint64_t points;   /* lookups counted so far, below 2^32 */
  uint32_t range;    /* the RANGE table, or UINT32_MAX */
} vft_row_counts;

/* Fails VFT_USAGE when a table's output tensor has no values. */
VFT_MUST_CHECK vft_status vft_row_counts_init(vft_row_counts *counts, const vft_trace *trace);
void vft_row_counts_free(vft_row_counts *counts);
/* Counts every tuple of the lookup that is a row; *bad is the first point whose tuple is none, or
 * SIZE_MAX. Fails VFT_USAGE (a tensor without values), VFT_RESOURCE (2^32 lookups). */
VFT_MUST_CHECK vft_status vft_row_counts_add(vft_row_counts *counts, vft_ranges *ranges,
                                             const vft_lookup *lookup, size_t *bad);
uint64_t vft_row_counts_get(const vft_row_counts *counts, uint32_t table, size_t row);
/* Records the message for a bad point and returns `code` (VFT_REJECTED: with its check id). */
vft_status vft_row_describe(const vft_row_counts *counts, vft_ranges *ranges,
                            const vft_lookup *lookup, size_t bad, vft_status code);

#endif
