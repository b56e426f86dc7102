#include "field/batch.h"

#include <string.h>

#include "base/cpu.h"
#include "field/batch_ops.h"

static const vft_batch_ops *ops(void) {
#ifdef __x86_64__
  if (vft_simd_tier() >= VFT_SIMD_AVX512) return &vft_batch_ops_avx512;
  if (vft_simd_tier() >= VFT_SIMD_AVX2) return &vft_batch_ops_avx2;
#endif
  return &vft_batch_ops_c;
}

/* Integer tables are widened block by block on the stack; 512 elements stay in the first-level
 * cache next to the extension elements they meet. */
enum { BLOCK = 512 };

size_t vft_elem_size(vft_elem type) {
  static const size_t size[] = {1, 2, 4, 8, 8};
  return size[type];
}

static const void *at(vft_elem type, const void *t, size_t i) {
  return (const char *)t + i * vft_elem_size(type);
}

void vft_fp_load(vft_fp *out, vft_elem type, const void *t, size_t n) {
  if (type == VFT_ELEM_FP) {
    if (n) memmove(out, t, n * sizeof *out);
  } else {
    ops()->load[type](out, t, n);
  }
}

void vft_fp_add_n(vft_fp *out, const vft_fp *a, const vft_fp *b, size_t n) {
  ops()->fp_add(out, a, b, n);
}
void vft_fp_sub_n(vft_fp *out, const vft_fp *a, const vft_fp *b, size_t n) {
  ops()->fp_sub(out, a, b, n);
}
void vft_fp_mul_n(vft_fp *out, const vft_fp *a, const vft_fp *b, size_t n) {
  ops()->fp_mul(out, a, b, n);
}
void vft_fp_scale_n(vft_fp *out, const vft_fp *a, vft_fp w, size_t n) {
  ops()->fp_scale(out, a, w, n);
}
vft_fp vft_fp_sum_n(const vft_fp *a, size_t n) { return ops()->fp_sum(a, n); }
vft_fp vft_fp_dot_n(const vft_fp *a, const vft_fp *b, size_t n) { return ops()->fp_dot(a, b, n); }

/* Prefix products (zeros skipped), one inversion, then backwards. */
void vft_fp_inv_n(vft_fp *out, const vft_fp *a, vft_fp *scratch, size_t n) {
  vft_fp acc = {1};
  for (size_t i = 0; i < n; i++) {
    scratch[i] = acc;
    if (a[i].v) acc = vft_fp_mul(acc, a[i]);
  }
  acc = vft_fp_inv(acc);
  for (size_t i = n; i-- > 0;) {
    vft_fp x = a[i];
    out[i] = x.v ? vft_fp_mul(acc, scratch[i]) : x;
    if (x.v) acc = vft_fp_mul(acc, x);
  }
}

void vft_ext_inv_n(vft_ext *out, const vft_ext *a, vft_ext *scratch, size_t n) {
  vft_ext acc = VFT_EXT_ONE;
  for (size_t i = 0; i < n; i++) {
    scratch[i] = acc;
    if (!vft_ext_is_zero(a[i])) acc = vft_ext_mul(acc, a[i]);
  }
  acc = vft_ext_inv(acc);
  for (size_t i = n; i-- > 0;) {
    vft_ext x = a[i];
    int zero = vft_ext_is_zero(x);
    out[i] = zero ? x : vft_ext_mul(acc, scratch[i]);
    if (!zero) acc = vft_ext_mul(acc, x);
  }
}

/* Coordinate-wise operations are base-field operations on 3n words. */
void vft_ext_add_n(vft_ext *out, const vft_ext *a, const vft_ext *b, size_t n) {
  ops()->fp_add(out->c, a->c, b->c, 3 * n);
}
void vft_ext_sub_n(vft_ext *out, const vft_ext *a, const vft_ext *b, size_t n) {
  ops()->fp_sub(out->c, a->c, b->c, 3 * n);
}
void vft_ext_mul_n(vft_ext *out, const vft_ext *a, const vft_ext *b, size_t n) {
  ops()->ext_mul(out, a, b, n);
}
void vft_ext_mul_fp_n(vft_ext *out, const vft_ext *a, const vft_fp *b, size_t n) {
  ops()->ext_mul_fp(out, a, b, n);
}
void vft_ext_scale_n(vft_ext *out, const vft_ext *a, vft_ext w, size_t n) {
  ops()->ext_scale(out, a, w, n);
}
vft_ext vft_ext_sum_n(const vft_ext *a, size_t n) { return ops()->ext_sum(a, n); }
vft_ext vft_ext_dot_n(const vft_ext *a, const vft_ext *b, size_t n) {
  return ops()->ext_dot(a, b, n);
}
vft_ext vft_ext_dot3_n(const vft_ext *a, const vft_ext *b, const vft_ext *c, size_t n) {
  return ops()->ext_dot3(a, b, c, n);
}

static void binomials7(vft_ext out[8]) {
  static const uint64_t c[8] = {1, 7, 21, 35, 35, 21, 7, 1};
  for (int k = 0; k < 8; k++) out[k] = vft_ext_mul_fp(out[k], (vft_fp){c[k]});
}
void vft_ext_line7_n(vft_ext out[8], const vft_ext *lo, const vft_ext *hi, const vft_ext *w,
                     size_t n) {
  ops()->ext_line7(out, lo, hi, w, n);
  binomials7(out);
}
void vft_fp_line7_n(vft_ext out[8], const vft_fp *lo, const vft_fp *hi, const vft_ext *w,
                    size_t n) {
  ops()->fp_line7(out, lo, hi, w, n);
  binomials7(out);
}

vft_ext vft_ext_dot_elem(vft_elem type, const void *t, const vft_ext *b, size_t n) {
  if (type == VFT_ELEM_FP) return ops()->ext_dot_fp(t, b, n);
  vft_ext s = VFT_EXT_ZERO;
  vft_fp block[BLOCK];
  for (size_t i = 0; i < n; i += BLOCK) {
    size_t m = n - i < BLOCK ? n - i : BLOCK;
    ops()->load[type](block, at(type, t, i), m);
    s = vft_ext_add(s, ops()->ext_dot_fp(block, b + i, m));
  }
  return s;
}

void vft_ext_axpy_n(vft_ext *out, vft_ext w, const vft_ext *t, size_t n) {
  ops()->ext_axpy(out, w, t, n);
}

void vft_ext_axpy_elem(vft_ext *out, vft_ext w, vft_elem type, const void *t, size_t n) {
  if (type == VFT_ELEM_FP) {
    ops()->ext_axpy_fp(out, w, t, n);
    return;
  }
  vft_fp block[BLOCK];
  for (size_t i = 0; i < n; i += BLOCK) {
    size_t m = n - i < BLOCK ? n - i : BLOCK;
    ops()->load[type](block, at(type, t, i), m);
    ops()->ext_axpy_fp(out + i, w, block, m);
  }
}

/* An unpaired last entry x folds with zero: (1 - r) x. */
void vft_ext_fold_low(vft_ext *out, const vft_ext *f, size_t n, vft_ext r) {
  vft_ext last = n & 1 ? f[n - 1] : VFT_EXT_ZERO;
  ops()->fold_low(out, f, n / 2, r);
  if (n & 1) out[n / 2] = vft_ext_sub(last, vft_ext_mul(r, last));
}

void vft_ext_fold_low_elem(vft_ext *out, vft_elem type, const void *f, size_t n, vft_ext r) {
  size_t pairs = n / 2;
  if (type == VFT_ELEM_FP) {
    ops()->fold_low_fp(out, f, pairs, r);
  } else {
    vft_fp block[BLOCK];
    for (size_t i = 0; i < pairs; i += BLOCK / 2) {
      size_t m = pairs - i < BLOCK / 2 ? pairs - i : BLOCK / 2;
      ops()->load[type](block, at(type, f, 2 * i), 2 * m);
      ops()->fold_low_fp(out + i, block, m, r);
    }
  }
  if (n & 1) {
    vft_fp last;
    vft_fp_load(&last, type, at(type, f, n - 1), 1);
    out[pairs] = vft_ext_mul_fp(vft_ext_sub(VFT_EXT_ONE, r), last);
  }
}

void vft_ext_fold_high(vft_ext *out, const vft_ext *f, size_t n, size_t half, vft_ext r) {
  size_t both = n > half ? n - half : 0, all = n < half ? n : half;
  ops()->mix(out, f, f + (both ? half : 0), both, r);
  ops()->ext_scale(out + both, f + both, vft_ext_sub(VFT_EXT_ONE, r), all - both);
}

void vft_ext_fold_high_elem(vft_ext *out, vft_elem type, const void *f, size_t n, size_t half,
                            vft_ext r) {
  size_t both = n > half ? n - half : 0, all = n < half ? n : half;
  vft_fp lo[BLOCK / 2], hi[BLOCK / 2];
  for (size_t i = 0; i < all; i += BLOCK / 2) {
    size_t m = all - i < BLOCK / 2 ? all - i : BLOCK / 2;
    size_t up = both > i ? both - i : 0;
    if (up > m) up = m;
    vft_fp_load(lo, type, at(type, f, i), m);
    if (up) vft_fp_load(hi, type, at(type, f, half + i), up);
    memset(hi + up, 0, (m - up) * sizeof *hi);
    ops()->mix_fp(out + i, lo, hi, m, r);
  }
}

/* After step b the first 2^b entries are the table of the first b variables; the step writes the
 * half where bit b is set. Entries from len on are never made: an index below len has all its
 * prefixes below len. */
void vft_eq_table(vft_ext *out, const vft_ext *point, unsigned vars, vft_ext scale, size_t len) {
  if (!len) return;
  out[0] = scale;
  for (unsigned b = 0; b < vars; b++) {
    size_t half = (size_t)1 << b, low = half < len ? half : len;
    size_t high = len > half ? len - half : 0;
    if (high > half) high = half;
    ops()->eq_step(out, out + low, point[b], high);
    ops()->ext_scale(out + high, out + high, vft_ext_sub(VFT_EXT_ONE, point[b]), low - high);
  }
}
