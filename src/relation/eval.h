/* Private to src/relation: evaluates a sum of einsums at consecutive points of its free box. */
#ifndef VFT_RELATION_EVAL_H
#define VFT_RELATION_EVAL_H

#include "relation/program.h"

/* Largest magnitude of each tensor's elements in a trace, found when first asked for. */
typedef struct {
  const vft_trace *trace;
  uint64_t *magnitude; /* UINT64_MAX: not yet known */
} vft_ranges;

VFT_MUST_CHECK vft_status vft_ranges_init(vft_ranges *ranges, const vft_trace *trace);
void vft_ranges_free(vft_ranges *ranges);

typedef struct {
  uint32_t size;
  size_t stride[VFT_MAX_FACTORS]; /* elements; 0: the factor does not use this axis */
} vft_sum_axis;

typedef struct {
  int64_t coef;
  uint32_t nfactors, ncontracted;
  bool dot; /* innermost loop over the last contracted axis, else over the last free axis */
  const vft_array *array[VFT_MAX_FACTORS];
  size_t base[VFT_MAX_FACTORS];
  size_t free_stride[VFT_MAX_INDEX][VFT_MAX_FACTORS];
  vft_sum_axis contracted[VFT_MAX_INDEX];
} vft_sum_term;

typedef struct {
  uint32_t nfree; /* merged axes, at least one */
  uint32_t size[VFT_MAX_INDEX];
  size_t points;
  size_t work; /* multiplications a point, at least 1 */
  bool field;  /* a factor is of field elements: values are signed residues modulo p */
  bool narrow; /* every intermediate value fits 62 bits, by the actual magnitudes */
  uint32_t nterms;
  vft_sum_term *term;
} vft_sum;

/* Fails VFT_USAGE when a tensor has no array. `what` names the relation in the message. */
VFT_MUST_CHECK vft_status vft_sum_plan(vft_sum *sum, vft_ranges *ranges, const char *what,
                                       uint32_t nindex, uint32_t nfree, const uint32_t *size,
                                       const vft_term *terms, uint32_t nterms);
void vft_sum_free(vft_sum *sum);
/* Values of points [begin, begin + n), row-major. Integers, or with `field` signed residues (see
 * vft_field_signed). Integer values outside (-2^63, 2^63), and those
 * whose computation leaves 127 bits, become INT64_MAX or INT64_MIN. */
void vft_sum_eval(const vft_sum *sum, size_t begin, size_t n, int64_t *out);
/* The same modulo p, canonical; computed in the field from the start. */
void vft_sum_eval_mod(const vft_sum *sum, size_t begin, size_t n, uint64_t *out);
/* A grain for vft_parallel_for over the points. */
size_t vft_sum_grain(const vft_sum *sum);

enum { VFT_SUM_BLOCK = 512 }; /* convenient n for callers' stack buffers */

/* Stores n values that fit the dtype. */
void vft_array_store(vft_array *a, size_t begin, const int64_t *v, size_t n);

#endif
