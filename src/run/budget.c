#include "run/budget.h"

#include <float.h>
#include <math.h>

/* Entry i of a table, exact to about 2^-63 relative, in units of its last place. */
typedef struct {
  const vft_step *step;
  int frac_in, frac_out; /* of a function table */
} where;
typedef long double (*exact_entry)(const where *w, size_t i);

static long double exact_exp(const where *w, size_t i) {
  return ldexpl(expl(-ldexpl((long double)i, -w->frac_in)), w->frac_out);
}

static long double exact_silu(const where *w, size_t i) {
  long double x = ldexpl((long double)i - 32768, -w->frac_in);
  return ldexpl(x / (1 + expl(-x)), w->frac_out);
}

static long double exact_dsilu(const where *w, size_t i) {
  long double x = ldexpl((long double)i - 32768, -w->frac_in), g = 1 / (1 + expl(-x));
  return ldexpl(g * (1 + x * (1 - g)), w->frac_out);
}

/* [position][2][2][half] */
static long double rotation(const where *w, size_t i, int scaled) {
  const vft_step *s = w->step;
  size_t half = (size_t)s->shape.head_dim / 2, e = i % half, b = i / half % 2, a = i / half / 2 % 2;
  size_t position = i / half / 4;
  long double angle = (long double)position *
                      powl((long double)s->shape.rope_theta, -(long double)e / (long double)half);
  long double v = a == b ? cosl(angle) : a ? sinl(angle) : -sinl(angle);
  if (scaled) v /= sqrtl((long double)(2 * half));
  return ldexpl(v, w->frac_out);
}

static long double exact_rotate_k(const where *w, size_t i) { return rotation(w, i, 0); }
static long double exact_rotate_q(const where *w, size_t i) { return rotation(w, i, 1); }

/* Adds a table's entries to a line of the account. */
static void measure(vft_table_budget *out, const where *w, const int64_t *value, size_t n,
                    exact_entry exact) {
  for (size_t i = 0; i < n; i++) {
    double error = (double)fabsl((long double)value[i] - exact(w, i));
    if (!(error > out->error) && out->entries + i) continue;
    out->error = error;
    out->at = out->entries + i;
  }
  out->entries += n;
}

vft_status vft_table_budgets(const vft_step *step, vft_table_budget out[VFT_BUDGET_TABLES]) {
  static const struct {
    const char *name, *tensor; /* tensor: NULL for the function tables of that kind */
    exact_entry exact;
  } table[VFT_BUDGET_TABLES] = {
      [VFT_STEP_SCORE] = {"score: 2^e exp(-t 2^-f)", NULL, exact_exp},
      [VFT_STEP_LOGIT] = {"logit: 2^e exp(-t 2^-f)", NULL, exact_exp},
      [VFT_STEP_SILU] = {"silu: x sigmoid(x)", NULL, exact_silu},
      [VFT_STEP_DSILU] = {"silu': its derivative", NULL, exact_dsilu},
      {"rotation of keys", "const/rotate_k", exact_rotate_k},
      {"rotation of queries", "const/rotate_q", exact_rotate_q},
      {"rotation of key gradients", "const/unrotate_k", exact_rotate_k},
      {"rotation of query gradients", "const/unrotate_q", exact_rotate_q}};
  if (LDBL_MANT_DIG < 60)
    return vft_fail(VFT_USAGE, "this platform's long double is too short for the check");
  for (size_t k = 0; k < VFT_BUDGET_TABLES; k++) {
    out[k] = (vft_table_budget){table[k].name, 0, -1, 0};
    where w = {.step = step};
    for (uint32_t i = 0; !table[k].tensor && i < step->ntables; i++) {
      const vft_step_table *t = &step->tables[i];
      if ((size_t)t->kind != k) continue;
      w.frac_in = t->frac_in;
      w.frac_out = t->frac_out;
      measure(&out[k], &w, t->values, vft_tensor_count(&step->program->tensors[t->tensor]),
              table[k].exact);
    }
    if (!table[k].tensor) continue;
    vft_tensor_id id = vft_program_find_tensor(step->program, table[k].tensor);
    if (id == VFT_NO_TENSOR)
      return vft_fail(VFT_USAGE, "the program has no table %s", table[k].tensor);
    w.frac_out = step->frac[id].v[0];
    measure(&out[k], &w, step->program->tensors[id].values,
            vft_tensor_count(&step->program->tensors[id]), table[k].exact);
  }
  return VFT_OK;
}
