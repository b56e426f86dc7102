#include "model/tables.h"

#include <stdatomic.h>
#include <stdbool.h>

#include "base/mem.h"
#include "base/pool.h"

enum { GRAIN = 512 }; /* entries */

typedef struct {
  int64_t *out, *slope;
  int frac_in, frac_out, frac_slope;
  _Atomic bool failed;
} table_job;

static vft_status exp_entry(const table_job *j, size_t t) {
  vft_fix x = -((vft_fix)t << (64 - j->frac_in));
  return vft_fix_round(vft_fix_exp(x), j->frac_out, &j->out[t]);
}

static vft_status silu_entry(const table_job *j, size_t i) {
  vft_fix x = (vft_fix)((int)i - 32768) * ((vft_fix)1 << (64 - j->frac_in));
  /* sigmoid from e^-|x| <= 1, so that nothing overflows. */
  vft_fix e = vft_fix_exp(x >= 0 ? -x : x);
  vft_fix small = vft_fix_div(e, VFT_FIX_ONE + e), large = VFT_FIX_ONE - small;
  vft_fix sg = x >= 0 ? large : small, rest = x >= 0 ? small : large;
  /* x * rest for large |x| with rest near 1 is bounded by 2^15; both products stay small. */
  TRY(vft_fix_round(vft_fix_mul(x, sg), j->frac_out, &j->out[i]));
  vft_fix slope = vft_fix_mul(sg, VFT_FIX_ONE + vft_fix_mul(x, rest));
  return vft_fix_round(slope, j->frac_slope, &j->slope[i]);
}

static vft_status entry(const table_job *j, size_t i) {
  return j->slope ? silu_entry(j, i) : exp_entry(j, i);
}

static void entries(void *ctx, size_t begin, size_t end) {
  table_job *j = ctx;
  for (size_t i = begin; i < end; i++)
    if (entry(j, i) != VFT_OK) atomic_store(&j->failed, true);
}

static vft_status fill(table_job *j, size_t n) {
  vft_parallel_for(n, GRAIN, entries, j);
  if (!atomic_load(&j->failed)) return VFT_OK;
  for (size_t i = 0; i < n; i++) TRY(entry(j, i)); /* messages belong to threads */
  return VFT_OK;
}

vft_status vft_table_exp(int64_t *out, size_t n, int frac_in, int frac_out) {
  if (frac_in < 0 || frac_in > 16 || frac_out < 0 || frac_out > 30)
    return vft_fail(VFT_USAGE, "exp table: fractions %d, %d are out of range", frac_in, frac_out);
  return fill(&(table_job){.out = out, .frac_in = frac_in, .frac_out = frac_out}, n);
}

vft_status vft_table_silu(int64_t *z, int64_t *dz, int frac_in, int frac_z, int frac_dz) {
  if (frac_in < 0 || frac_in > 15 || frac_z < 0 || frac_z > 15 || frac_dz < 0 || frac_dz > 15)
    return vft_fail(VFT_USAGE, "silu table: fractions %d, %d, %d are out of range", frac_in,
                    frac_z, frac_dz);
  return fill(&(table_job){z, dz, frac_in, frac_z, frac_dz, false}, 65536);
}

vft_status vft_table_rope(int64_t *rot, size_t positions, size_t half, vft_fix theta,
                          int frac, int scale) {
  if (frac < 0 || frac > 20 || positions > (size_t)1 << 18 || half < 1 || half > 4096)
    return vft_fail(VFT_USAGE, "rope table: %zu positions, %zu frequencies, frac %d out of range",
                    positions, half, frac);
  if (theta < VFT_FIX_ONE || theta >= VFT_FIX_ONE << 40)
    return vft_fail(VFT_USAGE, "rope_theta must be at least 1 and below 2^40");
  vft_fix log_theta = vft_fix_log(theta);
  vft_fix unit = scale ? vft_fix_div(VFT_FIX_ONE, vft_fix_sqrt(vft_fix_int((int64_t)(2 * half))))
                       : VFT_FIX_ONE;
  for (size_t e = 0; e < half; e++) {
    vft_fix freq = vft_fix_exp(-(vft_fix_mul(log_theta, vft_fix_ratio((int64_t)e, (int64_t)half))));
    for (size_t i = 0; i < positions; i++) {
      vft_fix angle = freq * (vft_fix)i;
      int64_t c, s;
      TRY(vft_fix_round(vft_fix_mul(vft_fix_cos(angle), unit), frac, &c));
      TRY(vft_fix_round(vft_fix_mul(vft_fix_sin(angle), unit), frac, &s));
      int64_t *row = rot + i * 4 * half + e;
      row[0] = c;
      row[half] = -s;
      row[2 * half] = s;
      row[3 * half] = c;
    }
  }
  return VFT_OK;
}
