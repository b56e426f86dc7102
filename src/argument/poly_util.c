#include "argument/poly_util.h"

/* [0, count) is the disjoint union, over the set bits b of count, of the indices that agree with
 * count above b, have 0 at b and anything below; each part sums to its fixed factors. */
vft_ext vft_poly_eq_prefix(const vft_ext *z, unsigned n, uint64_t count) {
  if (count >> n) return VFT_EXT_ONE;
  vft_ext sum = VFT_EXT_ZERO, above = VFT_EXT_ONE;
  for (unsigned b = n; b-- > 0;) {
    vft_ext zero = vft_ext_mul(above, vft_ext_sub(VFT_EXT_ONE, z[b]));
    if (count >> b & 1) {
      sum = vft_ext_add(sum, zero);
      above = vft_ext_sub(above, zero);
    } else {
      above = zero;
    }
  }
  return sum;
}

/* Newton's form: divided differences on 0..d, whose denominators are the integers 1..d. */
vft_ext vft_poly_lagrange(const vft_ext *v, unsigned d, vft_ext x) {
  vft_ext t[16];
  for (unsigned i = 0; i <= d; i++) t[i] = v[i];
  for (unsigned step = 1; step <= d; step++) {
    vft_fp inv = vft_fp_inv((vft_fp){step});
    for (unsigned i = d; i >= step; i--) {
      t[i] = vft_ext_mul_fp(vft_ext_sub(t[i], t[i - 1]), inv);
    }
  }
  vft_ext y = t[d];
  for (unsigned i = d; i-- > 0;) {
    y = vft_ext_add(t[i], vft_ext_mul(y, vft_ext_sub(x, vft_ext_from_i64((int64_t)i))));
  }
  return y;
}
