/* Several steps as one program: copies of the step's program side by side.
 *
 * Constants, tables (with their multiplicities) and oracles are shared. What a step hands to the next,
 * adapter and state, is one set of tensors: the next step reads the limbs that the one before has put
 * out and ranged; so it needs no relation to be the same. Links of the whole keep the step's names and
 * numbers: adapter_in and state_in are those of the first step, adapter_out and state_out of the last,
 * batch has the batches of all, rows is one, since the steps are of one epoch. */
#include "program/join.h"

#include <string.h>

typedef struct {
  const vft_step *one;
  vft_step *out;
  vft_tensor_id *before; /* of the copy before: NULL for the first */
  vft_tensor_id *map;    /* of this copy */
  int copy;
  bool last;
} joining;

static const char *copy_name(joining *j, const char *name) {
  return vft_arena_printf(&j->out->program->arena, "%d/%s", j->copy, name);
}

static bool is_multiplicity(const vft_program *p, vft_tensor_id t) {
  for (uint32_t i = 0; i < p->ntables; i++)
    if (p->tables[i].mult == t) return true;
  return false;
}

/* The tensor of `out` number `n` among the link's, in order. */
static vft_tensor_id nth_of_link(const vft_program *p, uint32_t link, uint32_t n) {
  for (uint32_t t = 0; t < p->ntensors; t++)
    if (p->tensors[t].origin == VFT_LINK && p->tensors[t].group == link && !n--) return t;
  return VFT_NO_TENSOR;
}

static uint32_t place_in_link(const vft_program *p, vft_tensor_id t) {
  uint32_t n = 0;
  for (uint32_t u = 0; u < t; u++)
    n += p->tensors[u].origin == VFT_LINK && p->tensors[u].group == p->tensors[t].group;
  return n;
}

/* What the tensor of this copy is: one that is there already, or VFT_NO_TENSOR. */
static vft_tensor_id shared(const joining *j, vft_tensor_id t) {
  const vft_program *p = j->one->program;
  const vft_tensor *x = &p->tensors[t];
  if (!j->before) return VFT_NO_TENSOR;
  if (x->values || x->origin == VFT_ORACLE || is_multiplicity(p, t)) return j->before[t];
  if (x->origin != VFT_LINK) return VFT_NO_TENSOR;
  if (x->group == j->one->link_rows) return j->before[t];
  uint32_t out = x->group == j->one->link_adapter_in ? j->one->link_adapter_out
                 : x->group == j->one->link_state_in ? j->one->link_state_out
                                                     : UINT32_MAX;
  return out == UINT32_MAX ? VFT_NO_TENSOR
                           : j->before[nth_of_link(p, out, place_in_link(p, t))];
}

static vft_status add_tensors(joining *j) {
  const vft_program *p = j->one->program;
  for (uint32_t t = 0; t < p->ntensors; t++) {
    vft_tensor x = p->tensors[t];
    j->map[t] = shared(j, t);
    if (j->map[t] != VFT_NO_TENSOR) continue;
    bool handed = x.origin == VFT_LINK && (x.group == j->one->link_adapter_out ||
                                           x.group == j->one->link_state_out);
    if (handed && !j->last) x.origin = VFT_WITNESS, x.group = 0;
    if (j->before) x.name = copy_name(j, x.name);
    if (!x.name) return VFT_RESOURCE;
    j->map[t] = vft_program_add_tensor(j->out->program, &x);
    if (j->map[t] == VFT_NO_TENSOR) return VFT_USAGE;
  }
  return VFT_OK;
}

/* Terms of this copy, in the arena. */
static vft_term *renamed(joining *j, const vft_term *terms, uint32_t n) {
  vft_term *t = vft_arena_alloc(&j->out->program->arena, n ? n : 1, sizeof *t);
  if (!t) return NULL;
  memcpy(t, terms, n * sizeof *t);
  for (uint32_t i = 0; i < n; i++)
    for (uint32_t k = 0; k < t[i].nfactors; k++)
      t[i].factor[k].tensor = j->map[t[i].factor[k].tensor];
  return t;
}

static vft_status add_checks(joining *j) {
  const vft_program *p = j->one->program;
  for (uint32_t i = 0; i < p->nrelations; i++) {
    vft_relation r = p->relations[i];
    if (j->before) r.name = copy_name(j, r.name);
    r.terms = renamed(j, r.terms, r.nterms);
    if (!r.name || !r.terms) return VFT_RESOURCE;
    if (r.kind == VFT_DEFINE) r.target = j->map[r.target];
    if (vft_program_add_relation(j->out->program, &r) == UINT32_MAX) return VFT_USAGE;
  }
  for (uint32_t i = 0; i < p->nlookups; i++) {
    vft_lookup l = p->lookups[i];
    if (j->before) l.name = copy_name(j, l.name);
    if (!l.name) return VFT_RESOURCE;
    for (int c = 0; c < VFT_LOOKUP_COLS; c++) {
      l.col[c].terms = renamed(j, l.col[c].terms, l.col[c].nterms);
      if (!l.col[c].terms) return VFT_RESOURCE;
    }
    if (vft_program_add_lookup(j->out->program, &l) == UINT32_MAX) return VFT_USAGE;
  }
  return VFT_OK;
}

static vft_status add_tables(joining *j) {
  const vft_program *p = j->one->program;
  for (uint32_t i = 0; i < p->ntables; i++) {
    vft_table t = p->tables[i];
    t.mult = j->map[t.mult];
    for (int c = 0; c < VFT_TABLE_OUTS; c++)
      if (t.out[c] != VFT_NO_TENSOR) t.out[c] = j->map[t.out[c]];
    if (vft_program_add_table(j->out->program, &t) == UINT32_MAX) return VFT_USAGE;
  }
  return VFT_OK;
}

vft_status vft_step_join(const vft_step *one, int steps, vft_step **out) {
  const vft_program *p = one->program;
  *out = NULL;
  if (one->part.kind != VFT_PART_STEP || steps < 2 || steps > VFT_JOIN_STEPS)
    return vft_fail(VFT_USAGE, "%d training steps in one proof: 2 to %d whole ones can be", steps,
                    VFT_JOIN_STEPS);
  vft_step *s = vft_alloc(1, sizeof *s);
  vft_status st = s ? VFT_OK : VFT_RESOURCE;
  if (!s) return st;
  *s = *one;
  memset(&s->profile, 0, sizeof s->profile); /* the step's stays with it */
  s->ops = NULL;
  s->nops = s->nwides = s->nhands = 0;
  s->one = one;
  s->steps = steps;
  s->program = vft_program_new("training-steps", p->log_columns);
  if (!s->program) {
    vft_free(s);
    return VFT_USAGE;
  }
  s->map = vft_arena_alloc(&s->program->arena, (size_t)steps * p->ntensors, sizeof *s->map);
  if (!s->map) st = VFT_RESOURCE;
  for (uint32_t l = 0; l < p->nlinks && st == VFT_OK; l++)
    if (vft_program_add_link(s->program, p->link_names[l], p->link_output[l]) != l) st = VFT_USAGE;
  for (uint32_t o = 0; o < p->noracles && st == VFT_OK; o++)
    if (vft_program_add_oracle(s->program, p->oracle_names[o]) != o) st = VFT_USAGE;
  for (int k = 0; k < steps && st == VFT_OK; k++) {
    joining j = {.one = one, .out = s, .copy = k, .last = k + 1 == steps,
                 .map = s->map + (size_t)k * p->ntensors};
    j.before = k ? j.map - p->ntensors : NULL;
    st = add_tensors(&j);
    if (st == VFT_OK && !k) st = add_tables(&j);
    if (st == VFT_OK) st = add_checks(&j);
  }
  if (st != VFT_OK) {
    vft_step_free(s);
    return st;
  }
  *out = s;
  return VFT_OK;
}

vft_status vft_step_join_trace(const vft_step *joined, vft_trace *const *trace, vft_trace *out) {
  const vft_program *p = joined->one->program, *whole = joined->program;
  TRY(vft_trace_init(out, whole));
  for (int k = 0; k < joined->steps; k++)
    for (uint32_t t = 0; t < p->ntensors; t++) {
      vft_tensor_id id = joined->map[(size_t)k * p->ntensors + t];
      const vft_array *a = &trace[k]->array[t];
      if (p->tensors[t].values || out->array[id].data) continue;
      if (!a->data)
        return vft_fail(VFT_USAGE, "step %d has no values for %s", k, p->tensors[t].name);
      if (!is_multiplicity(p, t)) vft_trace_supply(out, id, a->dtype, a->data);
    }
  for (uint32_t i = 0; i < p->ntables; i++) { /* a row is looked up as often as in all steps */
    vft_tensor_id t = p->tables[i].mult, id = joined->map[t];
    TRY(vft_trace_alloc(out, id));
    for (size_t row = 0; row < p->tables[i].rows; row++) {
      int64_t sum = 0;
      for (int k = 0; k < joined->steps; k++) sum += vft_array_get(&trace[k]->array[t], row);
      if (sum > whole->tensors[id].hi)
        return vft_fail(VFT_RESOURCE, "table %s: row %zu is looked up too often in %d steps",
                        p->tables[i].name, row, joined->steps);
      vft_array_set(&out->array[id], row, sum);
    }
  }
  return VFT_OK;
}
