/* Functions on arrays of elements that a verifier uses. The kernels of field/batch.h have them for
 * numbers, recurse/wires for cells of a circuit, and field/plain, as plain loops, for the rest:
 * linear forms (hide/forms), and numbers where there are no kernels (lib).
 *
 * Inputs and outputs as in field/batch.h. */
#ifndef VFT_FIELD_ARRAYS_H
#define VFT_FIELD_ARRAYS_H

#include <stddef.h>
#include <stdint.h>

#include "field/goldilocks.h"

/* The container of a base-field-valued table. Signed integers stand for their residues;
 * int64 values must be > -p and < p, which every int64 is. */
typedef enum { VFT_ELEM_I8, VFT_ELEM_I16, VFT_ELEM_I32, VFT_ELEM_I64, VFT_ELEM_FP } vft_elem;

/* out[i] = w a[i]; in place. */
void vft_ext_scale_n(vft_ext *out, const vft_ext *a, vft_ext w, size_t n);
/* sum_i a[i] * b[i] */
vft_ext vft_ext_dot_n(const vft_ext *a, const vft_ext *b, size_t n);
/* sum_i t[i] * b[i], t in a base-field container: the kernels take any, the others VFT_ELEM_I64
 * (constants) and VFT_ELEM_FP. */
vft_ext vft_ext_dot_elem(vft_elem type, const void *t, const vft_ext *b, size_t n);

/* Binding the low (fastest) variable of a table of real length n, zero beyond:
 *   out[i] = f[2i] + r (f[2i+1] - f[2i]),  0 <= i < ceil(n / 2); in place. */
void vft_ext_fold_low(vft_ext *out, const vft_ext *f, size_t n, vft_ext r);

/* out[i] = scale * prod_b (bit b of i ? point[b] : 1 - point[b]) for i < len; requires
 * len <= 2^vars; point[0] belongs to the lowest bit of i. Work is proportional to len. */
void vft_eq_table(vft_ext *out, const vft_ext *point, unsigned vars, vft_ext scale, size_t len);
/* The same value at one index, or at a point: prod_b (x_b y_b + (1 - x_b)(1 - y_b)). */
vft_ext vft_eq_index(const vft_ext *point, unsigned vars, uint64_t index);
vft_ext vft_eq_point(const vft_ext *x, const vft_ext *y, unsigned vars);

#endif
