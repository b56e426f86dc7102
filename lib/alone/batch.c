#include "field/batch.h"

void vft_ext_scale_n(vft_ext *out, const vft_ext *a, vft_ext w, size_t n) {
  for (size_t i = 0; i < n; i++) out[i] = vft_ext_mul(a[i], w);
}

vft_ext vft_ext_dot_n(const vft_ext *a, const vft_ext *b, size_t n) {
  vft_ext s = VFT_EXT_ZERO;
  for (size_t i = 0; i < n; i++) s = vft_ext_add(s, vft_ext_mul(a[i], b[i]));
  return s;
}

vft_ext vft_ext_dot_elem(vft_elem type, const void *t, const vft_ext *b, size_t n) {
  const int64_t *integer = t;
  const vft_fp *element = t;
  vft_ext s = VFT_EXT_ZERO;
  for (size_t i = 0; i < n; i++) {
    vft_fp x = type == VFT_ELEM_FP ? element[i] : vft_fp_from_i64(integer[i]);
    s = vft_ext_add(s, vft_ext_mul_fp(b[i], x));
  }
  return s;
}

/* An unpaired last entry folds with zero. */
void vft_ext_fold_low(vft_ext *out, const vft_ext *f, size_t n, vft_ext r) {
  for (size_t i = 0; 2 * i < n; i++) {
    vft_ext low = f[2 * i], high = 2 * i + 1 < n ? f[2 * i + 1] : VFT_EXT_ZERO;
    out[i] = vft_ext_add(low, vft_ext_mul(r, vft_ext_sub(high, low)));
  }
}

/* After step b the first 2^b entries, as far as below len, are the table of the first b
 * variables. */
void vft_eq_table(vft_ext *out, const vft_ext *point, unsigned vars, vft_ext scale, size_t len) {
  if (!len) return;
  out[0] = scale;
  for (unsigned b = 0; b < vars; b++) {
    size_t half = (size_t)1 << b;
    for (size_t i = 0; i < half && i < len; i++) {
      vft_ext high = vft_ext_mul(point[b], out[i]);
      out[i] = vft_ext_sub(out[i], high);
      if (half + i < len) out[half + i] = high;
    }
  }
}

vft_ext vft_eq_index(const vft_ext *point, unsigned vars, uint64_t index) {
  vft_ext r = VFT_EXT_ONE;
  for (unsigned b = 0; b < vars; b++)
    r = vft_ext_mul(r, index >> b & 1 ? point[b] : vft_ext_sub(VFT_EXT_ONE, point[b]));
  return r;
}

vft_ext vft_eq_point(const vft_ext *x, const vft_ext *y, unsigned vars) {
  vft_ext r = VFT_EXT_ONE;
  for (unsigned b = 0; b < vars; b++) {
    /* x y + (1 - x)(1 - y) = 1 - x - y + 2 x y */
    vft_ext xy = vft_ext_mul(x[b], y[b]);
    vft_ext t = vft_ext_sub(vft_ext_sub(VFT_EXT_ONE, x[b]), y[b]);
    r = vft_ext_mul(r, vft_ext_add(t, vft_ext_add(xy, xy)));
  }
  return r;
}
