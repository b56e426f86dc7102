/* Portable transform kernels. */
#include <string.h>

#include "poly/rs_ops.h"

#define LANES VFT_RS_LANES

/* x * 2^48, the fourth root of one. */
static inline vft_fp times_i(vft_fp x) { return vft_fp_reduce128(x.v >> 16, x.v << 48); }

/* One splitting step of block b of 4m indices into its four children. */
static void split4(const vft_rs_twiddle *t, const vft_fp *in, vft_fp *out, size_t m) {
  for (size_t i = 0; i < m * LANES; i++) {
    vft_fp x0 = in[i], x1 = vft_fp_mul(in[i + m * LANES], t->t1);
    vft_fp x2 = vft_fp_mul(in[i + 2 * m * LANES], t->t2);
    vft_fp x3 = vft_fp_mul(in[i + 3 * m * LANES], t->t3);
    vft_fp a = vft_fp_add(x0, x2), b = vft_fp_sub(x0, x2);
    vft_fp c = vft_fp_add(x1, x3), d = times_i(vft_fp_sub(x1, x3));
    out[i] = vft_fp_add(a, c);
    out[i + m * LANES] = vft_fp_sub(a, c);
    out[i + 2 * m * LANES] = vft_fp_add(b, d);
    out[i + 3 * m * LANES] = vft_fp_sub(b, d);
  }
}

static void split2(vft_fp t, const vft_fp *in, vft_fp *out, size_t m) {
  for (size_t i = 0; i < m * LANES; i++) {
    vft_fp x0 = in[i], x1 = vft_fp_mul(in[i + m * LANES], t);
    out[i] = vft_fp_add(x0, x1);
    out[i + m * LANES] = vft_fp_sub(x0, x1);
  }
}

/* Depth first, so that small blocks are finished while they are in cache. */
static void block(const vft_rs_twiddle *tw, const vft_fp *in, vft_fp *out, unsigned log_m,
                  size_t b) {
  if (log_m == 0) {
    memmove(out, in, LANES * sizeof *out);
  } else if (log_m & 1) {
    size_t m = (size_t)1 << (log_m - 1);
    split2(tw[b].t2, in, out, m);
    for (size_t k = 0; k < 2; k++) {
      vft_fp *child = out + k * m * LANES;
      if (m > 1) block(tw, child, child, log_m - 1, 2 * b + k);
    }
  } else {
    size_t m = (size_t)1 << (log_m - 2);
    split4(&tw[b], in, out, m);
    for (size_t k = 0; k < 4; k++) {
      vft_fp *child = out + k * m * LANES;
      if (m > 1) block(tw, child, child, log_m - 2, 4 * b + k);
    }
  }
}

static void interleave(vft_fp *out, const vft_fp *const rows[LANES], size_t len) {
  for (size_t i = 0; i < len; i++)
    for (size_t l = 0; l < LANES; l++) out[i * LANES + l] = rows[l] ? rows[l][i] : (vft_fp){0};
}

const vft_rs_ops vft_rs_ops_c = {block, interleave};
