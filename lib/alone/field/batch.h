/* The array functions of src/field/batch.h that a verifier uses, as plain loops. */
#ifndef VFT_FIELD_BATCH_H
#define VFT_FIELD_BATCH_H

#include <stddef.h>
#include <stdint.h>

#include "field/goldilocks.h"

typedef enum { VFT_ELEM_I8, VFT_ELEM_I16, VFT_ELEM_I32, VFT_ELEM_I64, VFT_ELEM_FP } vft_elem;

void vft_ext_scale_n(vft_ext *out, const vft_ext *a, vft_ext w, size_t n);
vft_ext vft_ext_dot_n(const vft_ext *a, const vft_ext *b, size_t n);
/* VFT_ELEM_I64 (constants) and VFT_ELEM_FP. */
vft_ext vft_ext_dot_elem(vft_elem type, const void *t, const vft_ext *b, size_t n);
void vft_ext_fold_low(vft_ext *out, const vft_ext *f, size_t n, vft_ext r);
void vft_eq_table(vft_ext *out, const vft_ext *point, unsigned vars, vft_ext scale, size_t len);
vft_ext vft_eq_index(const vft_ext *point, unsigned vars, uint64_t index);
vft_ext vft_eq_point(const vft_ext *x, const vft_ext *y, unsigned vars);

#endif
