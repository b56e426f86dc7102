#include "run/schedule.h"

#include <string.h>

#include "base/mem.h"

vft_status vft_schedule_rate(const vft_manifest *m, uint64_t t, vft_fix *rate) {
  vft_fix peak;
  TRY(vft_fix_parse(m->learning_rate, &peak));
  uint64_t w = m->warmup_steps;
  if (t < w) {
    *rate = vft_fix_mul(peak, vft_fix_ratio((int64_t)t + 1, (int64_t)w + 1));
    return VFT_OK;
  }
  /* t < steps and t >= w, so steps - w >= 1 */
  vft_fix p = vft_fix_ratio((int64_t)(t - w), (int64_t)(m->steps - w));
  switch (m->schedule) {
    case VFT_SCHEDULE_COSINE:
      *rate = vft_fix_mul(peak, (VFT_FIX_ONE + vft_fix_cos(vft_fix_mul(VFT_FIX_PI, p))) >> 1);
      return VFT_OK;
    case VFT_SCHEDULE_LINEAR: *rate = vft_fix_mul(peak, VFT_FIX_ONE - p); return VFT_OK;
    default: *rate = peak; return VFT_OK;
  }
}

void vft_step_inputs_free(vft_step_inputs *in) {
  for (uint32_t i = 0; in->value && i < in->n; i++) vft_free(in->value[i]);
  vft_free(in->value);
  memset(in, 0, sizeof *in);
}

/* Room for tensor id, filled with one value; `given`: the setting it comes from. */
static vft_status put(vft_step_inputs *in, const vft_step *step, vft_tensor_id id, vft_fix x,
                      int shift, const char *setting, const char *given) {
  const vft_tensor *t = &step->program->tensors[id];
  int64_t v;
  TRY(vft_fix_round(x, shift, &v));
  if (v > t->hi)
    return vft_fail(VFT_USAGE, "%s %s is too large for the arithmetic with these betas and this "
                    "schedule; at most about %.3g of it can be expressed", setting, given,
                    (double)t->hi / (double)v);
  if (v < t->lo)
    return vft_fail(VFT_USAGE, "%s = %lld is below %lld", t->name, (long long)v,
                    (long long)t->lo);
  size_t n = vft_tensor_count(t);
  in->value[id] = vft_alloc_raw(n, sizeof(int64_t));
  if (!in->value[id]) return VFT_RESOURCE;
  for (size_t i = 0; i < n; i++) in->value[id][i] = v;
  return VFT_OK;
}

static vft_status put_epsilon(vft_step_inputs *in, const vft_step *step, int p, int kind,
                              vft_fix x) {
  vft_tensor_id id = step->eps[p][kind];
  const vft_tensor *t = &step->program->tensors[id];
  const vft_profile *f = &step->profile;
  int L = step->shape.layers;
  if (vft_tensor_count(t) != (size_t)L)
    return vft_fail(VFT_USAGE, "%s has %zu elements for %d layers", t->name, vft_tensor_count(t),
                    L);
  in->value[id] = vft_alloc_raw((size_t)L, sizeof(int64_t));
  if (!in->value[id]) return VFT_RESOURCE;
  for (int l = 0; l < L; l++) {
    int64_t v;
    TRY(vft_fix_round(x, f->g[(size_t)(2 * p + kind) * (size_t)L + (size_t)l] + 5, &v));
    if (v < 1) v = 1;
    if (v < t->lo || v > t->hi)
      return vft_fail(VFT_USAGE, "%s = %lld at layer %d is outside of %lld..%lld: choose another "
                      "adam_epsilon", t->name, (long long)v, l, (long long)t->lo,
                      (long long)t->hi);
    in->value[id][l] = v;
  }
  return VFT_OK;
}

/* Which step of its epoch: one-hot. */
static vft_status put_row_step(vft_step_inputs *in, const vft_step *step, uint64_t t) {
  vft_tensor_id id = step->row_step;
  in->value[id] = vft_alloc(vft_tensor_count(&step->program->tensors[id]), sizeof(int64_t));
  if (!in->value[id]) return VFT_RESOURCE;
  in->value[id][t % (uint64_t)step->shape.steps_per_epoch] = 1;
  return VFT_OK;
}

vft_status vft_schedule_inputs(const vft_manifest *m, const vft_step *step, uint64_t t,
                               vft_step_inputs *out) {
  vft_status st = VFT_OK;
  vft_fix rate, decay, epsilon;
  *out = (vft_step_inputs){vft_alloc(step->program->ntensors, sizeof *out->value),
                           step->program->ntensors};
  if (!out->value) return VFT_RESOURCE;
  if (step->row_step != VFT_NO_TENSOR) TRY_OUT(put_row_step(out, step, t));
  if (step->lr == VFT_NO_TENSOR) return VFT_OK;
  TRY_OUT(vft_schedule_rate(m, t, &rate));
  TRY_OUT(vft_fix_parse(m->weight_decay, &decay));
  TRY_OUT(vft_fix_parse(m->epsilon, &epsilon));
  vft_fix b1 = vft_fix_ratio(m->shape.beta1_q16, 1 << 16);
  vft_fix b2 = VFT_FIX_ONE - vft_fix_ratio(1, m->shape.d2);
  vft_fix c1 = VFT_FIX_ONE - vft_fix_pow(b1, t + 1);
  vft_fix root = vft_fix_sqrt(VFT_FIX_ONE - vft_fix_pow(b2, t + 1));
  TRY_OUT(put(out, step, step->lr, vft_fix_div(vft_fix_mul(rate, root), c1), 29,
              "learning_rate", m->learning_rate));
  TRY_OUT(put(out, step, step->wd, vft_fix_mul(rate, decay), 30, "weight_decay",
              m->weight_decay));
  for (int p = 0; p < VFT_PROJECTIONS; p++)
    for (int kind = 0; kind < 2 && (m->shape.adapted >> p & 1); kind++)
      TRY_OUT(put_epsilon(out, step, p, kind, vft_fix_mul(epsilon, root)));
out:
  if (st != VFT_OK) vft_step_inputs_free(out);
  return st;
}

vft_status vft_schedule_warmup(const char *ratio, uint64_t steps, uint64_t *out) {
  vft_fix r;
  TRY(vft_fix_parse(ratio, &r));
  if (r < 0 || r > VFT_FIX_ONE || steps >= 1ull << 40)
    return vft_fail(VFT_USAGE, "warmup_ratio %s is not a number from 0 to 1", ratio);
  /* r * steps < 2^104 */
  *out = (uint64_t)((r * (vft_fix)steps + VFT_FIX_ONE - 1) >> 64);
  return VFT_OK;
}
