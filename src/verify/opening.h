/* What is opened together: committed trees stacked into one virtual matrix, and the weighted sum
 * of all their entries that the claims of a proof amount to. */
#ifndef VFT_VERIFY_OPENING_H
#define VFT_VERIFY_OPENING_H

#include <stddef.h>
#include <stdint.h>

#include "argument/whir.h"
#include "relation/layout.h"
#include "verify/functional.h"

/* Trees in the caller's order; `place` is the order of their rows. A tree's first row is a
 * multiple of its largest block's rows, so that blocks stay aligned in the matrix; trees with
 * larger blocks come first (equal ones in the caller's order), which keeps gaps small. */
typedef struct {
  unsigned c, k0; /* 2^c columns, 2^k0 rows */
  uint32_t ntrees;
  const vft_layout **layout;
  uint64_t *rows, *row_offset;
  uint32_t *place; /* place[i]: tree whose rows come i-th */
} vft_matrix;

/* Layouts are borrowed and not empty. Fails VFT_USAGE beyond 2^24 rows or 256 trees. */
VFT_MUST_CHECK vft_status vft_matrix_init(vft_matrix *m, const vft_layout *const *layout,
                                          uint32_t ntrees, unsigned c);
void vft_matrix_free(vft_matrix *m);

/* coef * (box number f.tensor of tree `tree` under f). */
typedef struct {
  uint32_t tree;
  vft_ext coef;
  vft_functional f;
} vft_opening_claim;

typedef struct {
  const vft_matrix *matrix;
  const vft_opening_claim *claim; /* sorted by tree, then box */
  size_t n;
} vft_opening;

/* Sorts claims by tree, then box; equal ones keep their order. */
VFT_MUST_CHECK vft_status vft_opening_sort(vft_opening_claim *claim, size_t n);
/* The multilinear extension, at `point` (c + k0 coordinates, columns first), of the weights that
 * the claims put on the matrix: a vft_whir_weight_fn, ctx a vft_opening. */
vft_status vft_opening_weight(void *ctx, const vft_ext *point, vft_ext *value);

#endif
