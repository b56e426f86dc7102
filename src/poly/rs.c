#include "poly/rs.h"

#include <string.h>

#include "base/cpu.h"
#include "base/mem.h"
#include "base/pool.h"
#include "poly/rs_ops.h"

static const vft_rs_ops *ops(void) {
#ifdef __x86_64__
  if (vft_simd_tier() >= VFT_SIMD_AVX512) return &vft_rs_ops_avx512;
  if (vft_simd_tier() >= VFT_SIMD_AVX2) return &vft_rs_ops_avx2;
#endif
  return &vft_rs_ops_c;
}

typedef struct {
  vft_rs_twiddle *from, *to;
  vft_fp w1, w2, w3;
} twiddle_job;

static void shift_twiddles(void *ctx, size_t begin, size_t end) {
  const twiddle_job *j = ctx;
  for (size_t b = begin; b < end; b++)
    j->to[b] = (vft_rs_twiddle){vft_fp_mul(j->from[b].t1, j->w1), vft_fp_mul(j->from[b].t2, j->w2),
                                vft_fp_mul(j->from[b].t3, j->w3)};
}

/* By doubling: S(b + 2^e) = S(b) w_(2^(e + 1)) for b < 2^e, and bit e of b is bit e + 2 of 4b. */
static void fill_twiddles(vft_rs_twiddle *tw, unsigned log_count) {
  tw[0] = (vft_rs_twiddle){{1}, {1}, {1}};
  for (unsigned e = 0; e < log_count; e++) {
    vft_fp w1 = vft_fp_root(e + 3), w2 = vft_fp_root(e + 2), w3 = vft_fp_mul(w1, w2);
    twiddle_job job = {tw, tw + ((size_t)1 << e), w1, w2, w3};
    vft_parallel_for((size_t)1 << e, 1 << 12, shift_twiddles, &job);
  }
}

vft_status vft_rs_new(vft_rs **out, unsigned log_message, unsigned log_rate) {
  *out = NULL;
  unsigned log_n = log_message + log_rate;
  if (log_message > VFT_RS_MAX_LOG || log_n < 1 || log_n > VFT_RS_MAX_LOG)
    return vft_fail(VFT_USAGE, "code length: 2^(%u + %u) is not in 2^1..2^%d", log_message,
                    log_rate, VFT_RS_MAX_LOG);
  /* One entry for each block of four, and at least one for each starting block. */
  unsigned log_count = log_message < 2 ? log_rate : log_n - 2;
  vft_rs *code = vft_alloc(1, sizeof *code);
  if (!code) return VFT_RESOURCE;
  *code = (vft_rs){log_message, log_rate, NULL};
  code->twiddle = vft_alloc_raw((size_t)1 << log_count, sizeof *code->twiddle);
  if (!code->twiddle) {
    vft_free(code);
    return VFT_RESOURCE;
  }
  fill_twiddles(code->twiddle, log_count);
  *out = code;
  return VFT_OK;
}

void vft_rs_free(vft_rs *code) {
  if (!code) return;
  vft_free(code->twiddle);
  vft_free(code);
}

unsigned vft_rs_log_message(const vft_rs *code) { return code->log_message; }
unsigned vft_rs_log_length(const vft_rs *code) { return code->log_message + code->log_rate; }

void vft_rs_encode8_block(const vft_rs *code, const vft_fp *in, vft_fp *out, size_t block) {
  vft_fp *part = out + (block << code->log_message) * VFT_RS_LANES;
  ops()->block(code->twiddle, in, part, code->log_message, block);
}

void vft_rs_encode8(const vft_rs *code, const vft_fp *in, vft_fp *out) {
  for (size_t b = 0; b < (size_t)1 << code->log_rate; b++)
    vft_rs_encode8_block(code, in, out, b);
}

void vft_rs_interleave(vft_fp *out, const vft_fp *const rows[VFT_RS_LANES], size_t len) {
  ops()->interleave(out, rows, len);
}

typedef struct {
  const vft_rs *code;
  const vft_fp *rows;
  size_t nrows;
  vft_fp *mixed, *out;
} encode_job;

static void interleave_groups(void *ctx, size_t begin, size_t end) {
  const encode_job *job = ctx;
  size_t len = (size_t)1 << job->code->log_message;
  for (size_t g = begin; g < end; g++) {
    const vft_fp *rows[VFT_RS_LANES];
    for (size_t l = 0; l < VFT_RS_LANES; l++) {
      size_t r = g * VFT_RS_LANES + l;
      rows[l] = r < job->nrows ? job->rows + r * len : NULL;
    }
    vft_rs_interleave(job->mixed + g * len * VFT_RS_LANES, rows, len);
  }
}

static void encode_blocks(void *ctx, size_t begin, size_t end) {
  const encode_job *job = ctx;
  unsigned c = job->code->log_message, rate = job->code->log_rate;
  for (size_t k = begin; k < end; k++) {
    size_t g = k >> rate, block = k & (((size_t)1 << rate) - 1);
    vft_rs_encode8_block(job->code, job->mixed + (g * VFT_RS_LANES << c),
                         job->out + (g * VFT_RS_LANES << (c + rate)), block);
  }
}

vft_status vft_rs_encode(const vft_rs *code, const vft_fp *rows, size_t nrows, vft_fp *out) {
  size_t groups = (nrows + VFT_RS_LANES - 1) / VFT_RS_LANES;
  encode_job job = {code, rows, nrows, NULL, out};
  job.mixed = vft_alloc_raw(groups << code->log_message, VFT_RS_LANES * sizeof *job.mixed);
  if (!job.mixed) return VFT_RESOURCE;
  vft_parallel_for(groups, 1, interleave_groups, &job);
  vft_parallel_for(groups << code->log_rate, 1, encode_blocks, &job);
  vft_free(job.mixed);
  return VFT_OK;
}
