#include "verify/session.h"

#include <string.h>

#include "field/arrays.h"

/* A virtual tensor's level is one more than the highest level of its users (0: relations and
 * lookups), so that all claims on it exist before its definition is applied. */
static vft_status find_levels(vft_session *s) {
  const vft_program *p = s->program;
  vft_status st = VFT_OK;
  vft_tensor_id *order = vft_alloc(p->ntensors, sizeof *order);
  uint32_t n;
  if (!order) return VFT_RESOURCE;
  TRY_OUT(vft_program_virtual_order(p, order, &n));
  for (uint32_t i = 0; i < n; i++) s->level[order[i]] = 1;
  for (uint32_t i = n; i-- > 0;) { /* users first */
    vft_tensor_id id = order[i];
    const vft_relation *def = &p->relations[vft_program_definition(p, id)];
    for (uint32_t k = 0; k < def->nterms; k++)
      for (uint32_t f = 0; f < def->terms[k].nfactors; f++) {
        vft_tensor_id used = def->terms[k].factor[f].tensor;
        if (p->tensors[used].origin == VFT_VIRTUAL && s->level[used] <= s->level[id])
          s->level[used] = s->level[id] + 1;
      }
    if (s->level[id] >= s->levels) s->levels = s->level[id] + 1;
  }
out:
  vft_free(order);
  return st;
}

vft_status vft_session_init(vft_session *s, const vft_program *program, vft_channel *ch,
                            const vft_public *pub, const vft_hooks *hooks) {
  memset(s, 0, sizeof *s);
  s->program = program;
  s->ch = ch;
  s->pub = pub;
  s->hooks = hooks;
  s->levels = 1;
  s->level = vft_alloc(program->ntensors, sizeof *s->level);
  if (!s->level) return VFT_RESOURCE;
  return find_levels(s);
}

void vft_session_free(vft_session *s) {
  for (uint32_t i = 0; i < s->nequations; i++) {
    vft_free(s->equation[i].f);
    vft_free(s->equation[i].coef);
  }
  vft_free(s->equation);
  vft_fset_free(&s->evals);
  vft_free(s->eval_value);
  vft_free(s->eval_state);
  vft_free(s->level);
  vft_soundness_free(&s->soundness);
  vft_arena_free(&s->arena);
  memset(s, 0, sizeof *s);
}

vft_status vft_session_eval(vft_session *s, const vft_functional *f, uint32_t *index) {
  bool is_new;
  TRY(vft_fset_add(&s->evals, f, index, &is_new));
  if (!is_new) return VFT_OK;
  uint32_t cap = s->evals_cap;
  TRY(vft_reserve((void **)&s->eval_value, &cap, s->evals.n, sizeof *s->eval_value));
  TRY(vft_reserve((void **)&s->eval_state, &s->evals_cap, s->evals.n, sizeof *s->eval_state));
  return VFT_OK;
}

/* ---- values of PUBLIC tensors ---- */

typedef struct {
  const vft_tensor *t;
  const vft_functional *f;
  const vft_public *values;
  vft_ext *weight[VFT_MAX_RANK];
} public_walk;

static vft_ext walk(const public_walk *w, uint32_t axis, size_t base) {
  if (axis == w->f->rank) return vft_ext_from_fp(vft_public_at(w->values, base));
  const vft_axis *a = &w->f->axis[axis];
  base = base * w->t->dims[axis] + a->off;
  if (axis + 1 == w->f->rank)
    return w->values->input
               ? vft_ext_dot_elem(VFT_ELEM_FP, w->values->input + base, w->weight[axis], a->w.size)
               : vft_ext_dot_elem(VFT_ELEM_I64, w->values->constant + base, w->weight[axis],
                                  a->w.size);
  vft_ext sum = VFT_EXT_ZERO;
  for (uint32_t i = 0; i < a->w.size; i++)
    sum = vft_ext_add(sum, vft_ext_mul(w->weight[axis][i], walk(w, axis + 1, base + i)));
  return sum;
}

vft_status vft_session_public_value(vft_session *s, const vft_functional *f, vft_ext *value) {
  public_walk w = {.t = &s->program->tensors[f->tensor], .f = f, .values = &s->pub[f->tensor]};
  vft_status st = VFT_OK;
  for (uint32_t a = 0; a < f->rank; a++) {
    w.weight[a] = vft_alloc_raw(f->axis[a].w.size, sizeof(vft_ext));
    if (!w.weight[a]) {
      st = VFT_RESOURCE;
      break;
    }
    vft_weight_expand(&f->axis[a].w, VFT_EXT_ONE, w.weight[a]);
  }
  if (st == VFT_OK) *value = walk(&w, 0, 0);
  for (uint32_t a = 0; a < f->rank; a++) vft_free(w.weight[a]);
  return st;
}
