/* field/arrays.h as plain loops, for any element type that the includer finds first. */
#include "field/arrays.h"

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
