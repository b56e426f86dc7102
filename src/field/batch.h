/* Array kernels over F and E.
 *
 * An array of extension elements is a plain vft_ext[n] (three canonical words an element). All
 * inputs must be canonical and all outputs are. Arrays need no alignment beyond their type's.
 * An output array may be the same as an input array (equal start) where the function says
 * "in place"; otherwise outputs and inputs must not overlap. n may be 0 and need not be a
 * multiple of anything. Kernels run on the calling thread: callers split the range.
 *
 * Sums are exact in the field, so results do not depend on how a range is split. */
#ifndef VFT_FIELD_BATCH_H
#define VFT_FIELD_BATCH_H

#include <stddef.h>
#include <stdint.h>

#include "field/arrays.h"

/* Bytes of one element: 1, 2, 4, 8, 8. */
size_t vft_elem_size(vft_elem type);
/* out[i] = residue of t[i]. In place for 8-byte types. */
void vft_fp_load(vft_fp *out, vft_elem type, const void *t, size_t n);

/* ---- base field; all in place ---- */
void vft_fp_add_n(vft_fp *out, const vft_fp *a, const vft_fp *b, size_t n);
void vft_fp_sub_n(vft_fp *out, const vft_fp *a, const vft_fp *b, size_t n);
void vft_fp_mul_n(vft_fp *out, const vft_fp *a, const vft_fp *b, size_t n);
void vft_fp_scale_n(vft_fp *out, const vft_fp *a, vft_fp w, size_t n);
vft_fp vft_fp_sum_n(const vft_fp *a, size_t n);
vft_fp vft_fp_dot_n(const vft_fp *a, const vft_fp *b, size_t n);
/* out[i] = 1 / a[i], and 0 for a[i] = 0: one inversion and 3n multiplications. In place.
 * scratch: n elements, not overlapping. */
void vft_fp_inv_n(vft_fp *out, const vft_fp *a, vft_fp *scratch, size_t n);

/* ---- extension field; all in place unless said; more in field/arrays.h ---- */
void vft_ext_add_n(vft_ext *out, const vft_ext *a, const vft_ext *b, size_t n);
void vft_ext_sub_n(vft_ext *out, const vft_ext *a, const vft_ext *b, size_t n);
void vft_ext_mul_n(vft_ext *out, const vft_ext *a, const vft_ext *b, size_t n);
/* out[i] = a[i] * b[i] with b in the base field. */
void vft_ext_mul_fp_n(vft_ext *out, const vft_ext *a, const vft_fp *b, size_t n);
vft_ext vft_ext_sum_n(const vft_ext *a, size_t n);
/* sum_i a[i] * b[i] * c[i] */
vft_ext vft_ext_dot3_n(const vft_ext *a, const vft_ext *b, const vft_ext *c, size_t n);
/* Coefficients, constant first, of sum_i w[i] (lo[i] + T (hi[i] - lo[i]))^7. */
void vft_ext_line7_n(vft_ext out[8], const vft_ext *lo, const vft_ext *hi, const vft_ext *w,
                     size_t n);
void vft_fp_line7_n(vft_ext out[8], const vft_fp *lo, const vft_fp *hi, const vft_ext *w, size_t n);
/* As vft_fp_inv_n. */
void vft_ext_inv_n(vft_ext *out, const vft_ext *a, vft_ext *scratch, size_t n);

/* out[i] += w * t[i]; not in place with t. */
void vft_ext_axpy_n(vft_ext *out, vft_ext w, const vft_ext *t, size_t n);
void vft_ext_axpy_elem(vft_ext *out, vft_ext w, vft_elem type, const void *t, size_t n);

/* As vft_ext_fold_low; not in place. */
void vft_ext_fold_low_elem(vft_ext *out, vft_elem type, const void *f, size_t n, vft_ext r);

/* Binding the high variable: the table has half lower entries, and upper entries from index half
 * on; real length n <= 2 half, zero beyond:
 *   out[i] = f[i] + r (f[half + i] - f[i]),  0 <= i < min(n, half).
 * The extension form is in place. */
void vft_ext_fold_high(vft_ext *out, const vft_ext *f, size_t n, size_t half, vft_ext r);
void vft_ext_fold_high_elem(vft_ext *out, vft_elem type, const void *f, size_t n, size_t half,
                            vft_ext r);

#endif
