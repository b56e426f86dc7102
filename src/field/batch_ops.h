/* Inside of field/batch: the table of kernels, one per SIMD tier. Contracts: field/batch.h. */
#ifndef VFT_FIELD_BATCH_OPS_H
#define VFT_FIELD_BATCH_OPS_H

#include "field/batch.h"

typedef struct {
  void (*load[4])(vft_fp *out, const void *t, size_t n); /* indexed by vft_elem, integers only */
  void (*fp_add)(vft_fp *out, const vft_fp *a, const vft_fp *b, size_t n);
  void (*fp_sub)(vft_fp *out, const vft_fp *a, const vft_fp *b, size_t n);
  void (*fp_mul)(vft_fp *out, const vft_fp *a, const vft_fp *b, size_t n);
  void (*fp_scale)(vft_fp *out, const vft_fp *a, vft_fp w, size_t n);
  vft_fp (*fp_sum)(const vft_fp *a, size_t n);
  vft_fp (*fp_dot)(const vft_fp *a, const vft_fp *b, size_t n);
  void (*ext_mul)(vft_ext *out, const vft_ext *a, const vft_ext *b, size_t n);
  void (*ext_mul_fp)(vft_ext *out, const vft_ext *a, const vft_fp *b, size_t n);
  void (*ext_scale)(vft_ext *out, const vft_ext *a, vft_ext w, size_t n);
  vft_ext (*ext_sum)(const vft_ext *a, size_t n);
  vft_ext (*ext_dot)(const vft_ext *a, const vft_ext *b, size_t n);
  vft_ext (*ext_dot_fp)(const vft_fp *t, const vft_ext *b, size_t n);
  vft_ext (*ext_dot3)(const vft_ext *a, const vft_ext *b, const vft_ext *c, size_t n);
  /* sum_i w[i] lo[i]^(7-k) (hi[i] - lo[i])^k */
  void (*ext_line7)(vft_ext out[8], const vft_ext *lo, const vft_ext *hi, const vft_ext *w,
                    size_t n);
  void (*fp_line7)(vft_ext out[8], const vft_fp *lo, const vft_fp *hi, const vft_ext *w, size_t n);
  void (*ext_axpy)(vft_ext *out, vft_ext w, const vft_ext *t, size_t n);
  void (*ext_axpy_fp)(vft_ext *out, vft_ext w, const vft_fp *t, size_t n);
  /* m = n / 2 full pairs. */
  void (*fold_low)(vft_ext *out, const vft_ext *f, size_t m, vft_ext r);
  void (*fold_low_fp)(vft_ext *out, const vft_fp *f, size_t m, vft_ext r);
  /* out[i] = lo[i] + r (hi[i] - lo[i]), i < m. */
  void (*mix)(vft_ext *out, const vft_ext *lo, const vft_ext *hi, size_t m, vft_ext r);
  void (*mix_fp)(vft_ext *out, const vft_fp *lo, const vft_fp *hi, size_t m, vft_ext r);
  /* hi[i] = z lo[i], lo[i] -= hi[i], i < m: one step of the eq table. */
  void (*eq_step)(vft_ext *lo, vft_ext *hi, vft_ext z, size_t m);
} vft_batch_ops;

extern const vft_batch_ops vft_batch_ops_c;
extern const vft_batch_ops vft_batch_ops_avx2, vft_batch_ops_avx512;

#endif
