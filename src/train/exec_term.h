/* Evaluation of sums of products for the executor. Private to src/train. */
#ifndef VFT_TRAIN_EXEC_TERM_H
#define VFT_TRAIN_EXEC_TERM_H

#include <stdbool.h>

#include "relation/program.h"

/* One factor after the loop index was fixed: strides in elements per index variable. */
typedef struct {
  const void *data;
  vft_dtype dtype;
  ptrdiff_t stride[VFT_MAX_INDEX];
  uint32_t used; /* bit v: index v of size > 1 occurs */
  int bits;      /* |x| <= 2^(bits-1) */
} vft_operand;

typedef struct {
  uint32_t nindex, nfree;
  uint32_t size[VFT_MAX_INDEX];
} vft_index_box;

/* out[free box, row-major] += coef * sum over contracted indices that occur of the product; = where
 * `first`: out then need not have values.
 * scratch: for an elementwise product of two operands; grows. Fails VFT_RESOURCE. */
typedef struct {
  void *data;
  size_t bytes;
} vft_scratch;
vft_status vft_term_accumulate(const vft_index_box *box, int64_t coef, vft_operand *operand,
                               uint32_t count, bool first, int64_t *out,
                               vft_scratch *scratch) VFT_MUST_CHECK;
/* The whole box is zero. */
void vft_term_zero(const vft_index_box *box, int64_t *out);

/* n elements from element `at` on, as int64. */
void vft_load(const void *data, vft_dtype t, size_t at, size_t n, int64_t *out);
void vft_store(void *data, vft_dtype t, size_t at, size_t n, const int64_t *in);

#endif
