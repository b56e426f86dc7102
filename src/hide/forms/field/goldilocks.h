/* E as linear forms in hidden scalars: the scalar interface of src/field/goldilocks.h for the
 * verifier's sources, when they are compiled to find out what a hiding proof must show. An element
 * is a known part plus a form (hide/record.h); what the verifier knows are elements without one.
 * F is as ever. All bytes zero is the constant 0. */
#ifndef VFT_HIDE_FORMS_GOLDILOCKS_H
#define VFT_HIDE_FORMS_GOLDILOCKS_H

/* The arithmetic of known parts, under other names. */
#define vft_ext vft_known
#define vft_ext_from_fp vft_known_from_fp
#define vft_ext_from_i64 vft_known_from_i64
#define vft_ext_add vft_known_add
#define vft_ext_sub vft_known_sub
#define vft_ext_neg vft_known_neg
#define vft_ext_mul_fp vft_known_mul_fp
#define vft_ext_mul vft_known_mul
#define vft_ext_eq vft_known_eq
#define vft_ext_is_zero vft_known_is_zero
#define vft_ext_is_nonzero vft_known_is_nonzero
#define vft_ext_inv vft_known_inv
#define vft_ext_pow vft_known_pow
#include "../../../field/goldilocks.h"
#undef vft_ext
#undef vft_ext_from_fp
#undef vft_ext_from_i64
#undef vft_ext_add
#undef vft_ext_sub
#undef vft_ext_neg
#undef vft_ext_mul_fp
#undef vft_ext_mul
#undef vft_ext_eq
#undef vft_ext_is_zero
#undef vft_ext_is_nonzero
#undef vft_ext_inv
#undef vft_ext_pow
#undef VFT_EXT_ZERO
#undef VFT_EXT_ONE

typedef struct {
  vft_fp c[3];
  uint64_t form;
} vft_ext;

#define VFT_EXT_ZERO ((vft_ext){{{0}, {0}, {0}}, 0})
#define VFT_EXT_ONE ((vft_ext){{{1}, {0}, {0}}, 0})

vft_ext vft_ext_from_fp(vft_fp a);
vft_ext vft_ext_from_i64(int64_t x);
vft_ext vft_ext_add(vft_ext a, vft_ext b);
vft_ext vft_ext_sub(vft_ext a, vft_ext b);
vft_ext vft_ext_neg(vft_ext a);
vft_ext vft_ext_mul(vft_ext a, vft_ext b);
vft_ext vft_ext_mul_fp(vft_ext a, vft_fp b);
/* Checks. Of hidden values the answer is yes, and the proof has to show it. For use in conditions
 * whose failure is a rejection, and only there. */
int vft_ext_eq(vft_ext a, vft_ext b);
int vft_ext_is_zero(vft_ext a);
int vft_ext_is_nonzero(vft_ext a);

#endif
