#include "poly/rs.h"

/* Bit b of j becomes bit log_n - 1 - b of the exponent of w_N, which is w_(2^(b + 1)). */
vft_fp vft_rs_point(unsigned log_n, uint64_t j) {
  vft_fp x = {1}, w = vft_fp_root(log_n);
  for (unsigned b = log_n; b-- > 0; w = vft_fp_sqr(w))
    if (j >> b & 1) x = vft_fp_mul(x, w);
  return x;
}
