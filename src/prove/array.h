/* Field kernels on the integers of a trace. */
#ifndef VFT_PROVE_ARRAY_H
#define VFT_PROVE_ARRAY_H

#include <stddef.h>

#include "field/batch.h"
#include "relation/program.h"

/* out[i] = residue of element begin + i, i < n. */
void vft_array_load(vft_fp *out, const vft_array *a, size_t begin, size_t n);
/* sum over i < n of element(begin + i) * w[i] */
vft_ext vft_array_dot(const vft_array *a, size_t begin, const vft_ext *w, size_t n);
/* out[i] += w * element(begin + i) */
void vft_array_axpy(vft_ext *out, vft_ext w, const vft_array *a, size_t begin, size_t n);

#endif
