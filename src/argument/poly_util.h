/* Scalar helpers on multilinear points and small univariate polynomials.
 *
 * Points are low bit first: eq(z, i) = prod_b (bit_b(i) ? z[b] : 1 - z[b]). Tables of eq and its
 * value at an index or a point are in field/arrays.h. */
#ifndef VFT_ARGUMENT_POLY_UTIL_H
#define VFT_ARGUMENT_POLY_UTIL_H

#include <stddef.h>
#include <stdint.h>

#include "field/goldilocks.h"

/* sum_{i < count} eq(z, i) for count <= 2^n, n < 64. */
vft_ext vft_poly_eq_prefix(const vft_ext *z, unsigned n, uint64_t count);
/* sum_{i < count} table[i] eq(z, i): the multilinear extension of a table that is zero from
 * count on; count <= 2^n. O(count + n) time, a reference and for small tables. */
vft_ext vft_poly_mle_fp(const vft_fp *table, size_t count, const vft_ext *z, unsigned n);
vft_ext vft_poly_mle_ext(const vft_ext *table, size_t count, const vft_ext *z, unsigned n);
/* Coefficients c[0..d] (constant first), evaluated at x. */
vft_ext vft_poly_horner(const vft_ext *c, unsigned d, vft_ext x);
/* The polynomial of degree <= d with value v[i] at i = 0..d (d <= 15), evaluated at x. */
vft_ext vft_poly_lagrange(const vft_ext *v, unsigned d, vft_ext x);

#endif
