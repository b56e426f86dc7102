#include "run/budget.h"

#include <float.h>
#include <math.h>

/* Entry i of a table, exact to about 2^-63 relative, in units of its last place. */
typedef long double (*exact_entry)(const vft_step *step, size_t i);

static long double exact_score(const vft_step *s, size_t i) {
  return ldexpl(expl(-ldexpl((long double)i, -s->profile.f_score)), s->profile.e_score);
}

static long double exact_logit(const vft_step *s, size_t i) {
  return ldexpl(expl(-ldexpl((long double)i, -s->profile.f_logit)), s->profile.e_logit);
}

static long double gate(const vft_step *s, size_t i) {
  return ldexpl((long double)i - 32768, -s->profile.f_gate);
}

static long double exact_silu(const vft_step *s, size_t i) {
  long double x = gate(s, i);
  return ldexpl(x / (1 + expl(-x)), s->profile.f_gate);
}

static long double exact_dsilu(const vft_step *s, size_t i) {
  long double x = gate(s, i), g = 1 / (1 + expl(-x));
  return ldexpl(g * (1 + x * (1 - g)), s->profile.f_dsilu);
}

/* [position][2][2][half] */
static long double rotation(const vft_step *s, size_t i, int scaled) {
  size_t half = (size_t)s->shape.head_dim / 2, e = i % half, b = i / half % 2, a = i / half / 2 % 2;
  size_t position = i / half / 4;
  long double angle = (long double)position *
                      powl((long double)s->shape.rope_theta, -(long double)e / (long double)half);
  long double v = a == b ? cosl(angle) : a ? sinl(angle) : -sinl(angle);
  if (scaled) v /= sqrtl((long double)(2 * half));
  return ldexpl(v, s->profile.f_rot);
}

static long double exact_rotate_k(const vft_step *s, size_t i) { return rotation(s, i, 0); }
static long double exact_rotate_q(const vft_step *s, size_t i) { return rotation(s, i, 1); }

static void measure(vft_table_budget *out, const vft_step *step, const int64_t *value,
                    exact_entry exact) {
  for (size_t i = 0; i < out->entries; i++) {
    double error = (double)fabsl((long double)value[i] - exact(step, i));
    if (!(error > out->error) && i) continue;
    out->error = error;
    out->at = i;
  }
}

vft_status vft_table_budgets(const vft_step *step, vft_table_budget out[VFT_BUDGET_TABLES]) {
  static const struct {
    const char *name, *tensor; /* tensor: NULL for the function tables */
    exact_entry exact;
  } table[VFT_BUDGET_TABLES] = {{"score: 2^e exp(-t 2^-f)", NULL, exact_score},
                                {"logit: 2^e exp(-t 2^-f)", NULL, exact_logit},
                                {"silu: x sigmoid(x)", NULL, exact_silu},
                                {"silu': its derivative", NULL, exact_dsilu},
                                {"rotation of keys", "const/rotate_k", exact_rotate_k},
                                {"rotation of queries", "const/rotate_q", exact_rotate_q}};
  if (LDBL_MANT_DIG < 60)
    return vft_fail(VFT_USAGE, "this platform's long double is too short for the check");
  for (size_t k = 0; k < VFT_BUDGET_TABLES; k++) {
    const int64_t *value = k < 4 ? step->table_values[k] : NULL;
    size_t entries = (size_t)1 << 16;
    if (table[k].tensor) {
      vft_tensor_id id = vft_program_find_tensor(step->program, table[k].tensor);
      if (id == VFT_NO_TENSOR)
        return vft_fail(VFT_USAGE, "the program has no table %s", table[k].tensor);
      value = step->program->tensors[id].values;
      entries = vft_tensor_count(&step->program->tensors[id]);
    }
    out[k] = (vft_table_budget){table[k].name, entries, -1, 0};
    measure(&out[k], step, value, table[k].exact);
  }
  return VFT_OK;
}
