/* Inside of poly/rs: twiddles and kernels of one SIMD tier.
 *
 * The transform splits u mod (X^4m - s) into u mod (X^m - r) for the four fourth roots r of s,
 * from X^N - 1 down to linear factors. Numbering blocks from the left, block b of its level has
 * s = S(b) with S(b) = w_(2^k)^rev_k(b) for any k with b < 2^k: S does not depend on the level,
 * so one table serves all sizes. The roots of block b are t, -t, it, -it for the blocks
 * 4b .. 4b + 3, with t = S(4b), t^2 = S(2b), i = w_4 = 2^48. A message of degree below 2^c is its
 * own remainder mod X^(2^c) - S(b): every block starts from a plain copy of the message. */
#ifndef VFT_POLY_RS_OPS_H
#define VFT_POLY_RS_OPS_H

#include "poly/rs.h"

typedef struct {
  vft_fp t1, t2, t3; /* S(4b), S(2b), S(4b) S(2b) */
} vft_rs_twiddle;

struct vft_rs {
  unsigned log_message, log_rate;
  vft_rs_twiddle *twiddle; /* block b < 2^(log N - 2) */
};

typedef struct {
  /* The whole transform of one block of 2^log_m indices, natural order in, canonical out.
   * in == out allowed. */
  void (*block)(const vft_rs_twiddle *tw, const vft_fp *in, vft_fp *out, unsigned log_m,
                size_t b);
  void (*interleave)(vft_fp *out, const vft_fp *const rows[VFT_RS_LANES], size_t len);
} vft_rs_ops;

extern const vft_rs_ops vft_rs_ops_c;
extern const vft_rs_ops vft_rs_ops_avx2;
extern const vft_rs_ops vft_rs_ops_avx512;

#endif
