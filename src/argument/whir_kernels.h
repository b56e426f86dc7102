/* Inside of argument/whir: array kernels of the prover, one table per SIMD tier.
 *
 * Four rows form a group; row 2b + a is the entry (a, b) of the two variables that a pass binds,
 * a first. For a function f of a and b linear in each, f(inf, b) = f(1, b) - f(0, b) is its
 * coefficient of a, and alike for b. */
#ifndef VFT_ARGUMENT_WHIR_KERNELS_H
#define VFT_ARGUMENT_WHIR_KERNELS_H

#include <stddef.h>

#include "field/goldilocks.h"

/* Products of two such functions at (a, b), by name; (1, 1) is never needed. */
enum {
  VFT_WHIR_T00,
  VFT_WHIR_T10,
  VFT_WHIR_T01,
  VFT_WHIR_TI0,
  VFT_WHIR_TI1,
  VFT_WHIR_T0I,
  VFT_WHIR_T1I,
  VFT_WHIR_TII,
  VFT_WHIR_T
};

typedef struct {
  const char *name;
  /* t[k] += sum over i < n of p(k)[i] * w(k)[i], for the eight points k above. */
  void (*products_fp)(const vft_fp *const p[4], const vft_ext *const w[4], size_t n,
                      vft_ext t[VFT_WHIR_T]);
  void (*products_ext)(const vft_ext *const p[4], const vft_ext *const w[4], size_t n,
                       vft_ext t[VFT_WHIR_T]);
  /* out[i] = p at (a, b) = (r[0], r[1]); r[2] = r[0] r[1]. In fold_ext out may be any of p. */
  void (*fold_fp)(vft_ext *out, const vft_fp *const p[4], const vft_ext r[3], size_t n);
  void (*fold_ext)(vft_ext *out, const vft_ext *const p[4], const vft_ext r[3], size_t n);
} vft_whir_kernels;

extern const vft_whir_kernels vft_whir_kernels_c;
extern const vft_whir_kernels vft_whir_kernels_avx2, vft_whir_kernels_avx512;
/* The table of the SIMD tier in force. */
const vft_whir_kernels *vft_whir_kernels_choose(void);

#endif
