#include "field/goldilocks.h"

vft_fp vft_fp_pow(vft_fp a, uint64_t e) {
  vft_fp r = {1};
  for (; e; e >>= 1) {
    if (e & 1) r = vft_fp_mul(r, a);
    a = vft_fp_mul(a, a);
  }
  return r;
}

vft_fp vft_fp_inv(vft_fp a) { return vft_fp_pow(a, VFT_P - 2); }

/* 7 generates the multiplicative group; the exponent (p-1)/2^32 = 2^32 - 1 gives order 2^32. */
vft_fp vft_fp_root(unsigned log) {
  vft_fp w = vft_fp_pow((vft_fp){7}, 0xffffffffull);
  for (unsigned k = 32; k > log; k--) w = vft_fp_mul(w, w);
  return w;
}
