#include "field/goldilocks.h"

/* a^-1 = adj(M_a) e_0 / det(M_a), with M_a the matrix of multiplication by a. */
vft_ext vft_ext_inv(vft_ext a) {
  vft_fp x = a.c[0], y = a.c[1], z = a.c[2];
  /* Columns of M_a: a, aX, aX^2:
   *   | x    z      y     |
   *   | y    x+z    y+z   |
   *   | z    y      x+z   |   (rows are coordinates) */
  vft_fp xz = vft_fp_add(x, z), yz = vft_fp_add(y, z);
  vft_fp m0 = vft_fp_sub(vft_fp_mul(xz, xz), vft_fp_mul(yz, y));
  vft_fp m1 = vft_fp_sub(vft_fp_mul(yz, z), vft_fp_mul(y, xz));
  vft_fp m2 = vft_fp_sub(vft_fp_mul(y, y), vft_fp_mul(xz, z));
  vft_fp det = vft_fp_add(vft_fp_add(vft_fp_mul(x, m0), vft_fp_mul(z, m1)), vft_fp_mul(y, m2));
  vft_fp d = vft_fp_inv(det);
  return (vft_ext){{vft_fp_mul(m0, d), vft_fp_mul(m1, d), vft_fp_mul(m2, d)}};
}

vft_ext vft_ext_pow(vft_ext a, uint64_t e) {
  vft_ext r = VFT_EXT_ONE;
  for (; e; e >>= 1) {
    if (e & 1) r = vft_ext_mul(r, a);
    a = vft_ext_mul(a, a);
  }
  return r;
}
