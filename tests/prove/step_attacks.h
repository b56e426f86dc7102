/* Test helper: a false trace for every check of a step program.
 *
 * Values are falsified right after the op that computes them, and all later ops go on honestly, so
 * that nothing but the op's own checks can notice; limbs, remainders and one-hots, which no later
 * op reads, are falsified at the end. Each attack knows which checks must fail: one, or the one
 * under attack together with partners without which it cannot fail. */
#ifndef TESTS_PROVE_STEP_ATTACKS_H
#define TESTS_PROVE_STEP_ATTACKS_H

#include "prove/step_false_values.h"

/* ---- the attack on a check ---- */

static inline size_t zero_relation(const world *w, const vft_op *op, const char *end) {
  for (uint32_t i = 0; i < op->nrelations; i++)
    if (ends_with(w->p->relations[op->relations[i]].name, end)) return op->relations[i];
  fail_msg("%s has no %s", op->name, end);
  return 0;
}

static inline const vft_op *op_with(const world *w, bool lookup, uint32_t id, vft_op_kind kind) {
  for (uint32_t o = 0; o < w->step->nops; o++) {
    const vft_op *op = &w->step->ops[o];
    if (op->kind != kind) continue;
    for (uint32_t i = 0; i < (lookup ? op->nlookups : op->nrelations); i++)
      if ((lookup ? op->lookups : op->relations)[i] == id) return op;
  }
  return NULL;
}

static inline const vft_op *op_of_output(const world *w, vft_tensor_id t) {
  for (uint32_t o = 0; o < w->step->nops; o++)
    if (w->step->ops[o].has_out && w->step->ops[o].out.tensor == t) return &w->step->ops[o];
  return NULL;
}

/* Sets the place of `act`: iterations in turn, starting elements spread over the box. */
static inline bool after_op(attack *a, const char *kind, const vft_op *op, unsigned variant,
                            bool (*act)(const world *, attack *, vft_exec *), int mode) {
  if (!op) return false;
  a->kind = kind;
  a->op = op;
  a->iteration = op->loop_first + (uint32_t)((a->start + variant) % op->loop_count);
  a->fallback = variant >= op->loop_count;
  a->start += 7919u * (variant / op->loop_count);
  a->act = act;
  a->mode = mode;
  return true;
}

static inline bool at_end(attack *a, const char *kind, unsigned variant,
                          bool (*act)(const world *, attack *, vft_exec *), vft_tensor_id t) {
  a->kind = kind;
  a->start += 7919u * variant;
  a->act = act;
  a->tensor = t;
  return true;
}

/* A false one-hot of one token, when the op that takes rows by it has run for that token. */
static inline bool at_token(const world *w, attack *a, const char *kind, const vft_op *hot,
                            unsigned variant, int mode) {
  hots h = hots_of(w, hot);
  size_t token = (a->start + variant) % h.tokens;
  size_t rows = vft_tensor_count(&w->p->tensors[h.gather->terms[0].factor[2].tensor]);
  after_op(a, kind, h.gather, 0, act_hot, mode);
  a->start = token;
  a->iteration = 0;
  if (h.gather->looped)
    a->iteration = (uint32_t)(token / (points_of(h.gather) / (rows / (h.high * h.low))));
  a->tensor = hot->out.tensor;
  return true;
}

/* Tokens: inputs changed before the run. */
static inline bool on_batch(attack *a, const char *kind, vft_tensor_id t, size_t i, int64_t value) {
  a->kind = kind;
  a->before[a->nbefore++] = (change){t, i, value};
  return true;
}

static inline int64_t vector_at(const world *w, vft_tensor_id t, size_t i) {
  json_t *batch = at(json_object_get(w->v.json, "batches"), 1);
  int64_t x[4096];
  const char *name = t == w->step->ids_in ? "input" : t == w->step->ids_lab ? "label" : "mask";
  assert_true(flatten(json_object_get(batch, name), NULL) <= 4096);
  flatten(json_object_get(batch, name), x);
  return x[i];
}

/* The release's relations belong to no op: a limb of a part's adapter that is another. */
static inline bool attack_joined(const vft_relation *r, unsigned variant, attack *a) {
  return ends_with(r->name, "/joined") &&
         at_end(a, "joined", variant, act_other, r->terms[1].factor[0].tensor);
}

static inline bool attack_relation(const world *w, uint32_t id, unsigned variant, attack *a) {
  const vft_step *s = w->step;
  const vft_relation *r = &w->p->relations[id];
  size_t tokens = vft_tensor_count(&w->v.step->program->tensors[w->v.step->ids_lab]);
  if (r->kind == VFT_DEFINE) {
    uint32_t wide = s->wide_of[r->target];
    if (wide != UINT32_MAX && w->range[s->wides[wide].limb[0]] != UINT32_MAX)
      return at_end(a, "define/limbs", variant, act_limbs, r->target);
    return after_op(a, wide != UINT32_MAX ? "define/state" : "define", op_of_output(w, r->target),
                    variant, act_value, BARE);
  }
  const vft_op *op;
  if ((op = op_with(w, false, id, VFT_OP_REQUANT)))
    return after_op(a, op->negate ? "requant/negated" : op->nbase ? "requant/residual"
                       : ends_with(r->name, "/exact") ? "exact" : "requant",
                    op, variant, act_value, POKE);
  if ((op = op_with(w, false, id, VFT_OP_DIV))) {
    bool below = ends_with(r->name, "/below");
    return after_op(a, below ? "div/below" : "div", op, variant, below ? act_div : act_value,
                    below ? NOT_BELOW : POKE);
  }
  if ((op = op_with(w, false, id, VFT_OP_ISQRT))) {
    bool below = ends_with(r->name, "/below");
    return after_op(a, below ? "sqrt/below" : "sqrt", op, variant, act_sqrt,
                    below ? NOT_BELOW : FALSE_RESULT);
  }
  if ((op = op_with(w, false, id, VFT_OP_COMPARE)))
    return after_op(a, "compare", op, variant, act_compare, FLIP);
  if ((op = op_with(w, false, id, VFT_OP_SOFTMAX))) {
    static const struct {
      const char *end;
      int mode;
    } by_name[] = {{"softmax/scale", HIGHER}, {"softmax/pinned", PINNED},
                   {"softmax/one_high", TWO_HIGH}, {"softmax/one_low", TWO_LOW},
                   {"softmax/unmasked", HIDDEN}};
    for (size_t i = 0; i < sizeof by_name / sizeof *by_name; i++)
      if (ends_with(r->name, by_name[i].end))
        return after_op(a, by_name[i].end, op, variant, act_softmax, by_name[i].mode);
    return false;
  }
  if ((op = op_with(w, false, id, VFT_OP_ONEHOT))) {
    vft_tensor_id ids = op->terms[0].factor[0].tensor;
    size_t token = (a->start + variant) % tokens;
    if (ends_with(r->name, "/value")) { /* the run takes another token than the batch has */
      int64_t v = vector_at(w, ids, token);
      put_later(a, ids, token, v);
      return on_batch(a, "onehot/value", ids, token, v ? v - 1 : v + 1);
    }
    bool high = ends_with(r->name, "/one_high");
    return at_token(w, a, high ? "onehot/one_high" : "onehot/one_low", op, variant,
                    high ? EXTRA_HIGH : EXTRA_LOW);
  }
  if (!strncmp(r->name, "batch/next_", 11)) { /* a label that is not the next input */
    bool inside = ends_with(r->name, "inside");
    for (size_t i = (a->start + variant) % tokens, k = 0; k < tokens; k++, i = (i + 1) % tokens) {
      size_t position = i % ((size_t)s->position_high * s->position_low);
      size_t low = position % s->position_low, high = position / s->position_low;
      bool last = low + 1 == s->position_low;
      if (inside ? last : !last || high + 1 == s->position_high) continue;
      int64_t v = vector_at(w, s->ids_lab, i);
      return on_batch(a, inside ? "batch/inside" : "batch/across", s->ids_lab, i,
                      v ? v - 1 : v + 1);
    }
  }
  return attack_joined(r, variant, a);
}

/* A limb of the released adapter beyond its width; it is not that of the first part either. */
static inline bool attack_released(const world *w, vft_tensor_id t, unsigned variant, attack *a) {
  for (uint32_t i = 0; i < w->p->nrelations; i++) {
    const vft_term *terms = w->p->relations[i].terms;
    if (terms[0].factor[0].tensor != t || terms[0].factor[0].off[0]) continue;
    also(a, i);
    return !variant && at_end(a, "range/released", 0, act_first, t);
  }
  return false;
}

/* The op that reads a limb of this number by itself (a norm's room does), or NULL. */
static inline const vft_op *reader_of_limbs(const world *w, const vft_wide *x) {
  for (uint32_t o = 0; o < w->step->nops; o++)
    for (uint32_t i = 0; i < w->step->ops[o].nterms; i++)
      for (uint32_t k = 0; k < x->nlimbs; k++)
        if (w->step->ops[o].terms[i].nfactors &&
            w->step->ops[o].terms[i].factor[0].tensor == x->limb[k])
          return &w->step->ops[o];
  return NULL;
}

static inline bool attack_limb(const world *w, vft_tensor_id t, unsigned variant, attack *a) {
  uint32_t n = w->wide[t];
  const vft_wide *x = &w->step->wides[n];
  const vft_op *op = w->side[n];
  if (!op) { /* of a value */
    a->partner = reader_of_limbs(w, x);
    if (variant == 0) return at_end(a, "range/limb", 0, act_shift, t);
    also(a, vft_program_definition(w->p, x->value));
    return at_end(a, "range/top", variant - 1, act_top, t);
  }
  /* of a remainder: where it is the top limb, else (last) between limbs */
  bool top = w->limb[t] + 1 == x->nlimbs;
  unsigned tries = top ? MAX_VARIANTS : op->kind == VFT_OP_REQUANT || op->kind == VFT_OP_SOFTMAX
                                            ? op->loop_count : 0;
  a->tensor = t;
  if (variant >= tries) return at_end(a, "range/rem/limb", variant - tries, act_shift, t);
  bool comp = op->comp == n;
  switch (op->kind) {
    case VFT_OP_REQUANT: return after_op(a, "range/requant/rem", op, variant, act_loose, 0);
    case VFT_OP_DIV:
      return after_op(a, comp ? "range/div/comp" : "range/div/rem", op, variant, act_div,
                      comp ? COMP_TOP : REM_TOP);
    case VFT_OP_ISQRT:
      return after_op(a, comp ? "range/sqrt/comp" : "range/sqrt/rem", op, variant, act_sqrt,
                      comp ? COMP_TOP : REM_TOP);
    case VFT_OP_COMPARE:
      return after_op(a, "range/compare/rem", op, variant, act_compare, FLIP_REM);
    case VFT_OP_SOFTMAX:
      return after_op(a, "range/softmax/rem", op, variant, act_softmax, LOOSE_SCORE);
    default: return false;
  }
}

/* flavour: several attacks on one lookup, 0, 1, ... */
static inline bool attack_lookup(const world *w, uint32_t id, unsigned flavour, unsigned variant,
                                 attack *a) {
  const vft_step *s = w->step;
  const vft_lookup *l = &w->p->lookups[id];
  vft_tensor_id t = l->col[1].terms[0].factor[0].tensor;
  const vft_op *op;
  if (!ends_with(l->name, "/range")) {
    if ((op = op_with(w, true, id, VFT_OP_SOFTMAX))) {
      bool masked = op->softmax.mask != VFT_NO_TENSOR;
      if (flavour > masked) return false;
      return after_op(a, masked && !flavour ? "softmax/table/masked" : "softmax/table", op, variant,
                      act_softmax, masked && !flavour ? FALSE_MASKED_E : FALSE_E);
    }
    op = op_with(w, true, id, VFT_OP_TABLE);
    if (!op || flavour > 1) return false;
    a->tensor = op->extra[flavour];
    return after_op(a, flavour ? "silu/table/derivative" : "silu/table", op, variant, act_table, 0);
  }
  if (flavour) return false;
  if (w->wide[t] != UINT32_MAX) return attack_limb(w, t, variant, a);
  if (s->part.kind == VFT_PART_RELEASE) return attack_released(w, t, variant, a);
  if (t == s->mask) {
    size_t n = vft_tensor_count(&w->p->tensors[t]), i = (a->start + variant) % n;
    if (!vector_at(w, t, i)) i = (i + 1) % n;
    also(a, w->p->nrelations + w->p->nlookups + w->p->ntables + t);
    return on_batch(a, "range/mask", t, i, 2);
  }
  if (t == s->loss_tokens) {
    also(a, vft_program_definition(w->p, t));
    if (!variant) return after_op(a, "range/loss_tokens", op_of_output(w, t), 0, act_value, ZERO);
    /* without clipping the next op would divide by 0, so it does not go on from there */
    for (uint32_t o = 0; o < s->nops; o++)
      for (uint32_t i = 0; i < s->ops[o].nterms; i++)
        if (s->ops[o].terms[i].nfactors && s->ops[o].terms[i].factor[0].tensor == t)
          a->partner = &s->ops[o];
    return at_end(a, "range/loss_tokens", 0, act_zero, t);
  }
  if ((op = op_with(w, true, id, VFT_OP_SOFTMAX)))
    return after_op(a, "range/softmax/bits", op, variant, act_softmax,
                    t == op->softmax.high ? FRACTION_HIGH : FRACTION_LOW);
  if ((op = op_with(w, true, id, VFT_OP_COMPARE)))
    return after_op(a, "range/compare/bit", op, variant, act_compare, NO_BIT);
  if ((op = op_with(w, true, id, VFT_OP_ONEHOT))) {
    /* two bits that sum to 1 are pinned by the id, unless the other one-hot is false as well */
    if (t == op->out.tensor && hots_of(w, op).high == 2)
      also(a, lookup_check(w, w->range[op->extra[0]]));
    return at_token(w, a, "range/onehot", op, variant,
                    t == op->out.tensor ? SPREAD_HIGH : SPREAD_LOW);
  }
  op = op_of_output(w, t);
  if (!op || op->kind != VFT_OP_REQUANT) return false;
  a->tensor = a->widen = t; /* the rounding fails too: the true value is inside */
  also(a, zero_relation(w, op, "/requant"));
  a->widen_all = variant >= MAX_VARIANTS / 2;
  return after_op(a, "range/narrow", op, variant, act_outside, 0);
}

/* One count too many; done after counting. */
static inline bool attack_table(const world *w, uint32_t id, attack *a) {
  size_t n = w->p->tables[id].rows;
  a->kind = w->p->tables[id].kind == VFT_TABLE_RANGE ? "table/range" : "table/function";
  a->tensor = w->p->tables[id].mult;
  a->start = n > 2 ? 2 + a->start % (n - 2) : 0;
  return true;
}

/* Plans attack number `flavour` on a check, trying places in the order of `variant`; false when
 * there is none (left). */
static inline bool plan_attack(const world *w, size_t check, unsigned flavour, unsigned variant,
                               attack *a) {
  *a = (attack){.tensor = VFT_NO_TENSOR, .widen = VFT_NO_TENSOR, .start = 1009 * check + 17};
  also(a, check);
  if (variant >= MAX_VARIANTS) return false;
  if (check < w->p->nrelations) return !flavour && attack_relation(w, (uint32_t)check, variant, a);
  check -= w->p->nrelations;
  if (check < w->p->nlookups) return attack_lookup(w, (uint32_t)check, flavour, variant, a);
  check -= w->p->nlookups;
  return check < w->p->ntables && !flavour && !variant && attack_table(w, (uint32_t)check, a);
}

/* ---- carrying it out ---- */

typedef struct {
  const world *w;
  attack *a;
} hook_context;

static inline vft_status run_hook(void *ctx, vft_exec *e, const vft_op *op, uint32_t i) {
  hook_context *h = ctx;
  if (op != h->a->op || i != h->a->iteration) return VFT_OK;
  h->a->done = h->a->act(h->w, h->a, e);
  return h->a->done ? VFT_OK : vft_fail(VFT_USAGE, "no suitable element");
}

/* A narrow container with its own range check, filled by a requantisation. */
static inline bool is_narrow(const world *w, vft_tensor_id t) {
  const vft_tensor *x = &w->p->tensors[t];
  return x->origin == VFT_WITNESS && w->range[t] != UINT32_MAX && w->wide[t] == UINT32_MAX &&
         op_with(w, true, w->range[t], VFT_OP_REQUANT);
}

static inline void widen(const world *w, const attack *a, int64_t by) {
  if (a->widen == VFT_NO_TENSOR) return; /* the arrays are made for the wider bounds */
  for (uint32_t t = 0; t < w->p->ntensors; t++)
    if (t == a->widen || (a->widen_all && is_narrow(w, t)))
      w->p->tensors[t].lo -= by, w->p->tensors[t].hi += by;
}

/* The false trace, or NULL when this place does not suit (no element, or the false value makes a
 * later container overflow). */
static inline vft_exec *false_trace(const world *w, attack *a, blocks *b) {
  widen(w, a, 1 << 20);
  vft_exec *e = world_exec(w, b, 1);
  for (unsigned i = 0; i < a->nbefore; i++) {
    vft_array x = *vft_exec_array(e, a->before[i].tensor);
    vft_array_set(&x, a->before[i].index, a->before[i].value);
  }
  hook_context h = {w, a};
  if (a->op) vft_exec_set_hook(e, run_hook, &h);
  vft_status st = vft_exec_run(e, false);
  widen(w, a, -(1 << 20));
  if (st == VFT_OK && !a->op) a->done = !a->act || a->act(w, a, e);
  if (st != VFT_OK || !a->done) {
    if (st != VFT_OK && st != VFT_USAGE && st != VFT_RESOURCE) fail_msg("%s", vft_error_message());
    vft_exec_free(e);
    free_blocks(b);
    return NULL;
  }
  vft_trace *t = vft_exec_trace(e);
  for (unsigned i = 0; i < a->nafter; i++)
    plant(t, a->after[i].tensor, a->after[i].index, a->after[i].value);
  no_gaps(w, t);
  return e;
}

#endif
