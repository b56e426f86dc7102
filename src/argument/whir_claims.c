#include "argument/whir_claims.h"

#include "base/mem.h"
#include "base/pool.h"
#include "poly/rs.h"

static size_t lanes_up(size_t rows) { return (rows + VFT_RS_LANES - 1) / VFT_RS_LANES; }

/* The point of position q is omega^e with e = rev(q), omega of order N = 2^log_msg * B. Writing
 * e = s + B t splits the sum over queries into B transforms of length 2^log_msg,
 *   sum_e g[e] omega^(e col) = sum_(s < B) omega^(s col) sum_t g[s + B t] (omega^B)^(t col),
 * and the inner sum is the value at (omega^B)^col of the polynomial with coefficients
 * g[s + B t]: position rev(col) of its code of rate 1. */
typedef struct {
  vft_ext *w;
  const vft_fp *code;
  const vft_fp *omega; /* omega^s */
  unsigned log_msg;
  size_t blocks;
} claims_job;

static uint32_t reverse(uint32_t x, unsigned bits) {
  uint32_t r = 0;
  for (unsigned i = 0; i < bits; i++) r |= ((x >> i) & 1) << (bits - 1 - i);
  return r;
}

static void claims_body(void *ctx, size_t begin, size_t end) {
  const claims_job *j = ctx;
  size_t cols = (size_t)1 << j->log_msg;
  for (size_t s = 0; s < j->blocks; s++) {
    vft_fp twist = vft_fp_pow(j->omega[s], begin);
    for (size_t col = begin; col < end; col++, twist = vft_fp_mul(twist, j->omega[s])) {
      size_t at = reverse((uint32_t)col, j->log_msg);
      vft_ext v;
      for (size_t k = 0; k < 3; k++) {
        size_t row = 3 * s + k;
        v.c[k] = j->code[((row / VFT_RS_LANES) * cols + at) * VFT_RS_LANES + row % VFT_RS_LANES];
      }
      j->w[col] = vft_ext_add(j->w[col], vft_ext_mul_fp(v, twist));
    }
  }
}

vft_status vft_whir_add_claims(vft_ext *w, unsigned log_msg, unsigned log_inv_rate,
                               const uint32_t *index, size_t n, vft_ext gamma) {
  size_t cols = (size_t)1 << log_msg, blocks = (size_t)1 << log_inv_rate, rows = 3 * blocks;
  unsigned log_n = log_msg + log_inv_rate;
  vft_rs *rs = NULL;
  vft_status st = VFT_OK;
  vft_fp *g = vft_alloc(rows * cols, sizeof *g);
  vft_fp *code = vft_alloc_raw(lanes_up(rows) * VFT_RS_LANES * cols, sizeof *code);
  vft_fp *omega = vft_alloc_raw(blocks, sizeof *omega);
  if (!g || !code || !omega) {
    st = vft_fail(VFT_RESOURCE, "opening: out of memory for the queries' weights");
    goto out;
  }
  vft_ext power = gamma;
  for (size_t i = 0; i < n; i++, power = vft_ext_mul(power, gamma)) {
    uint32_t e = reverse(index[i], log_n);
    size_t s = e & (blocks - 1), t = e >> log_inv_rate;
    for (size_t k = 0; k < 3; k++) {
      vft_fp *at = &g[(3 * s + k) * cols + t];
      *at = vft_fp_add(*at, power.c[k]);
    }
  }
  TRY_OUT(vft_rs_new(&rs, log_msg, 0));
  TRY_OUT(vft_rs_encode(rs, g, rows, code));
  for (size_t s = 0; s < blocks; s++) omega[s] = vft_fp_pow(vft_fp_root(log_n), s);
  claims_job job = {w, code, omega, log_msg, blocks};
  vft_parallel_for(cols, 4096, claims_body, &job);
out:
  vft_rs_free(rs);
  vft_free(omega);
  vft_free(code);
  vft_free(g);
  return st;
}

size_t vft_whir_claims_bytes(unsigned log_msg, unsigned log_inv_rate) {
  size_t rows = (size_t)3 << log_inv_rate;
  /* g, its code, and what the encoder interleaves; twiddles */
  return ((rows + 2 * lanes_up(rows) * VFT_RS_LANES) * sizeof(vft_fp) << log_msg) +
         (((size_t)24 << log_msg) / 4) + 8192;
}
