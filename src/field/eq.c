#include "field/arrays.h"

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
