/* Test helper: false values, as they are put in place while or after a step runs. */
#ifndef TESTS_PROVE_STEP_FALSE_VALUES_H
#define TESTS_PROVE_STEP_FALSE_VALUES_H

#include "prove/step_world.h"

typedef struct {
  vft_tensor_id tensor;
  size_t index;
  int64_t value;
} change;

enum { MAX_EXPECT = 24, MAX_CHANGES = 64, MAX_VARIANTS = 48 };

typedef struct attack attack;
struct attack {
  const char *kind;
  size_t expect[MAX_EXPECT]; /* checks that fail; the first is the one under attack */
  unsigned nexpect;
  const vft_op *op; /* `act` runs after this op's iteration; NULL: after all ops */
  uint32_t iteration;
  bool (*act)(const world *w, attack *a, vft_exec *e); /* false: no suitable element there */
  int mode;
  vft_tensor_id tensor, widen; /* widen: this container holds more while the ops run */
  bool widen_all;              /* all narrow ones do: what overflows later fails as well */
  const vft_op *partner;       /* this op's checks may fail as well: it reads the false value */
  size_t start;                /* elements are tried from here on */
  bool fallback, done;
  change before[2], after[MAX_CHANGES]; /* inputs; elements at the end */
  unsigned nbefore, nafter;
};

/* ---- where things are ---- */

static inline int64_t get(const vft_exec *e, vft_tensor_id t, size_t i) {
  return vft_array_get(vft_exec_array(e, t), i);
}

static inline void put_later(attack *a, vft_tensor_id t, size_t i, int64_t v) {
  assert_true(a->nafter < MAX_CHANGES);
  a->after[a->nafter++] = (change){t, i, v};
}

static inline size_t points_of(const vft_op *op) {
  size_t n = 1;
  for (uint32_t v = op->looped; v < op->nfree; v++) n *= op->size[v];
  return n;
}

/* First element of this iteration in the op's output. */
static inline size_t out_at(const world *w, const vft_op *op, uint32_t i) {
  const vft_tensor *t = &w->p->tensors[op->out.tensor];
  size_t at = 0, stride = 1;
  for (uint32_t axis = t->rank; axis-- > 0;) {
    at += op->out.off[axis] * stride;
    if (op->looped && op->out.idx[axis] == 0) at += (i - op->loop_first) * stride;
    stride *= t->dims[axis];
  }
  return at;
}

/* The same in its remainder, complement and tensors over its whole box. */
static inline size_t side_at(const vft_op *op, uint32_t i) {
  return (i - op->loop_first) * points_of(op);
}

/* Bits that the range check of a tensor allows at an element (the first axis may matter). */
static inline int width_at(const world *w, vft_tensor_id t, size_t index) {
  const vft_lookup *l = &w->p->lookups[w->range[t]];
  const vft_tensor *x = &w->p->tensors[t];
  int64_t tag = 0;
  for (uint32_t k = 0; k < l->col[0].nterms; k++) {
    const vft_term *term = &l->col[0].terms[k];
    if (!term->nfactors) {
      tag += term->coef;
      continue;
    }
    assert_true(term->nfactors == 1 && term->factor[0].idx[0] == 0);
    size_t row = index / (vft_tensor_count(x) / x->dims[0]);
    tag += term->coef * w->p->tensors[term->factor[0].tensor].values[term->factor[0].off[0] + row];
  }
  return (int)tag;
}

/* The highest limb of a wide number that may be other than 0 at an element. */
static inline uint32_t top_at(const world *w, uint32_t wide, size_t index) {
  const vft_wide *x = &w->step->wides[wide];
  uint32_t i = x->nlimbs;
  while (i > 1 && width_at(w, x->limb[i - 1], index) == 0) i--;
  return i - 1;
}

static inline int64_t wide_get(const world *w, const vft_exec *e, uint32_t wide, size_t index) {
  const vft_wide *x = &w->step->wides[wide];
  int64_t v = 0;
  for (uint32_t i = 0; i < x->nlimbs; i++) v += get(e, x->limb[i], index) << x->at[i];
  return v;
}

static inline int64_t wide_limit(const world *w, uint32_t wide) {
  const vft_wide *x = &w->step->wides[wide];
  return (int64_t)1 << (x->at[x->nlimbs - 1] + x->width[x->nlimbs - 1]);
}

/* Any integer in a wide number: what does not fit goes to limb `top`. */
static inline void wide_put(const world *w, attack *a, uint32_t wide, uint32_t top, size_t index,
                            int64_t value) {
  const vft_wide *x = &w->step->wides[wide];
  for (uint32_t i = 0; i < top; i++)
    put_later(a, x->limb[i], index, value >> x->at[i] & (((int64_t)1 << x->width[i]) - 1));
  put_later(a, x->limb[top], index, value >> x->at[top]);
}

static inline uint32_t last_limb(const world *w, uint32_t wide) {
  return w->step->wides[wide].nlimbs - 1;
}

static inline size_t lookup_check(const world *w, uint32_t lookup) {
  return w->p->nrelations + lookup;
}

static inline size_t range_check(const world *w, uint32_t wide, uint32_t limb) {
  return lookup_check(w, w->range[w->step->wides[wide].limb[limb]]);
}

static inline void also(attack *a, size_t check) {
  assert_true(a->nexpect < MAX_EXPECT);
  a->expect[a->nexpect++] = check;
}

static inline int64_t lower(const world *w, vft_tensor_id t) { return w->p->tensors[t].lo; }
static inline int64_t upper(const world *w, vft_tensor_id t) { return w->p->tensors[t].hi; }

/* ---- values and containers ---- */

enum { POKE, BARE, ZERO };

/* The op's output off by one: with its limbs, or (BARE) without; or 0. */
static inline bool act_value(const world *w, attack *a, vft_exec *e) {
  vft_tensor_id t = a->op->out.tensor;
  size_t index = out_at(w, a->op, a->iteration) + a->start % points_of(a->op);
  int64_t v = get(e, t, index), false_v = a->mode == ZERO ? 0 : v > 0 ? v - 1 : v + 1;
  if (false_v == v || false_v < lower(w, t) || false_v > upper(w, t)) return false;
  if (a->mode == POKE) {
    vft_exec_poke(e, t, index, false_v);
  } else {
    vft_array x = *vft_exec_array(e, t);
    vft_array_set(&x, index, false_v);
  }
  return true;
}

static inline bool act_zero(const world *w, attack *a, vft_exec *e) {
  (void)w, (void)e;
  put_later(a, a->tensor, 0, 0);
  return true;
}

/* An element of a link that is another integer within its bounds. */
static inline bool act_other(const world *w, attack *a, vft_exec *e) {
  size_t i = a->start % vft_tensor_count(&w->p->tensors[a->tensor]);
  int64_t v = get(e, a->tensor, i);
  put_later(a, a->tensor, i, v > lower(w, a->tensor) ? v - 1 : v + 1);
  return true;
}

/* The first element beyond its width. */
static inline bool act_first(const world *w, attack *a, vft_exec *e) {
  (void)e;
  put_later(a, a->tensor, 0, (int64_t)1 << width_at(w, a->tensor, 0));
  return true;
}

/* Just outside a narrow container. */
static inline bool act_outside(const world *w, attack *a, vft_exec *e) {
  const vft_tensor *t = &w->whole->tensors[a->tensor];
  size_t index = out_at(w, a->op, a->iteration) + a->start % points_of(a->op);
  vft_exec_poke(e, a->tensor, index, get(e, a->tensor, index) < 0 ? t->lo - 1 : t->hi + 1);
  return true;
}

/* A value's limbs that make another value. */
static inline bool act_limbs(const world *w, attack *a, vft_exec *e) {
  vft_tensor_id limb = w->step->wides[w->step->wide_of[a->tensor]].limb[0];
  size_t index = a->start % vft_tensor_count(&w->p->tensors[limb]);
  put_later(a, limb, index, get(e, limb, index) ^ 1);
  return true;
}

/* 2^16 of a limb moved to the next one or back: the number stays what it is. */
static inline bool act_shift(const world *w, attack *a, vft_exec *e) {
  const vft_wide *x = &w->step->wides[w->wide[a->tensor]];
  uint32_t i = w->limb[a->tensor];
  size_t n = vft_tensor_count(&w->p->tensors[a->tensor]);
  if (i + 1 == x->nlimbs) return false;
  for (size_t k = 0; k < n; k++) {
    size_t place = (a->start + k) % n;
    if (!width_at(w, x->limb[i + 1], place) || width_at(w, a->tensor, place) != x->width[i])
      continue;
    int64_t v = get(e, a->tensor, place), next = get(e, x->limb[i + 1], place);
    int64_t one = (int64_t)1 << x->width[i];
    put_later(a, a->tensor, place, next ? v + one : v - one);
    put_later(a, x->limb[i + 1], place, next ? next - 1 : 1);
    return true;
  }
  return false;
}

/* The top limb beyond its width, the value as it was: its definition fails too. */
static inline bool act_top(const world *w, attack *a, vft_exec *e) {
  size_t n = vft_tensor_count(&w->p->tensors[a->tensor]);
  for (size_t k = 0; k < n; k++) {
    size_t i = (a->start + k) % n;
    if (top_at(w, w->wide[a->tensor], i) != w->limb[a->tensor]) continue;
    put_later(a, a->tensor, i, get(e, a->tensor, i) + ((int64_t)1 << width_at(w, a->tensor, i)));
    return true;
  }
  return false;
}

/* ---- requantisation: q - 1 with rem + 2^k ---- */

static inline bool act_loose(const world *w, attack *a, vft_exec *e) {
  const vft_op *op = a->op;
  vft_tensor_id t = op->out.tensor;
  size_t n = points_of(op), out = out_at(w, op, a->iteration), side = side_at(op, a->iteration);
  int k = op->shift[op->nshift > 1 ? a->iteration - op->loop_first : 0];
  if (k == 0 || top_at(w, op->rem, side) != w->limb[a->tensor]) return false;
  for (size_t j = a->start % n; j < n; j++) {
    int64_t v = get(e, t, out + j) + (op->negate ? 1 : -1);
    if (v < lower(w, t) || v > upper(w, t)) continue;
    vft_exec_poke(e, t, out + j, v);
    wide_put(w, a, op->rem, w->limb[a->tensor], side + j,
             wide_get(w, e, op->rem, side + j) + ((int64_t)1 << k));
    return true;
  }
  return false;
}

/* ---- division, square root ---- */

enum { FALSE_RESULT, NOT_BELOW, REM_TOP, COMP_TOP };

/* A false quotient with the remainder that goes with it; the complement as it must be, or not.
 * As a fallback, where the divisor is so large that no false remainder fits: both range checks
 * fail, or (NOT_BELOW) the complement alone is false. */
static inline bool act_div(const world *w, attack *a, vft_exec *e) {
  const vft_op *op = a->op;
  vft_tensor_id t = op->out.tensor;
  size_t n = points_of(op), out = out_at(w, op, a->iteration), side = side_at(op, a->iteration);
  int64_t limit = wide_limit(w, op->rem);
  uint32_t top = last_limb(w, op->rem);
  int by = a->mode == REM_TOP ? 1 : -1;
  for (size_t k = 0; k < n; k++) {
    size_t j = (a->start + k) % n;
    int64_t q = get(e, t, out + j), rem = wide_get(w, e, op->rem, side + j);
    int64_t comp = wide_get(w, e, op->comp, side + j), twice = rem + comp + 1;
    if (a->mode == NOT_BELOW && a->fallback) {
      wide_put(w, a, op->comp, top, side + j, comp ^ 1);
      return true;
    }
    if (q + by < lower(w, t) || q + by > upper(w, t)) continue;
    if (!a->fallback && (a->mode == REM_TOP ? comp : rem) + twice >= limit) continue;
    vft_exec_poke(e, t, out + j, q + by);
    wide_put(w, a, op->rem, top, side + j, rem - by * twice);
    if (a->mode != NOT_BELOW) wide_put(w, a, op->comp, top, side + j, comp + by * twice);
    if (a->fallback) also(a, range_check(w, a->mode == REM_TOP ? op->comp : op->rem, top));
    return true;
  }
  return false;
}

/* v - s^2 = rem, 2 s - rem = comp. */
static inline bool act_sqrt(const world *w, attack *a, vft_exec *e) {
  const vft_op *op = a->op;
  vft_tensor_id t = op->out.tensor;
  size_t n = points_of(op), out = out_at(w, op, a->iteration), side = side_at(op, a->iteration);
  int64_t limit = wide_limit(w, op->rem);
  uint32_t top = last_limb(w, op->rem);
  for (size_t k = 0; k < n; k++) {
    size_t j = (a->start + k) % n;
    int64_t s = get(e, t, out + j), rem = wide_get(w, e, op->rem, side + j), comp = 2 * s - rem;
    int64_t false_s = a->mode == FALSE_RESULT || a->mode == REM_TOP ? s + 1 : s - 1;
    if (false_s < 0 || false_s > upper(w, t)) continue;
    int64_t false_rem = rem + s * s - false_s * false_s;
    int64_t false_comp = a->mode == FALSE_RESULT ? comp + 2 : 2 * false_s - false_rem;
    if (a->mode == FALSE_RESULT) false_rem = rem;
    if (a->mode == NOT_BELOW) false_comp = comp;
    if ((a->mode != REM_TOP && false_rem >= limit) || (a->mode != COMP_TOP && false_comp >= limit))
      continue;
    vft_exec_poke(e, t, out + j, false_s);
    wide_put(w, a, op->rem, top, side + j, false_rem);
    wide_put(w, a, op->comp, top, side + j, false_comp);
    return true;
  }
  return false;
}

/* ---- comparison: (2 b - 1) x + b - 1 = rem ---- */

enum { FLIP, FLIP_REM, NO_BIT };

static inline bool act_compare(const world *w, attack *a, vft_exec *e) {
  const vft_op *op = a->op;
  vft_tensor_id t = op->out.tensor;
  int64_t bit = get(e, t, 0), rem = wide_get(w, e, op->rem, 0), x = bit ? rem : -rem - 1;
  int64_t b = a->mode != NO_BIT ? 1 - bit : x >= 0 ? 2 : -1, fits = (2 * b - 1) * x + b - 1;
  vft_array bits = *vft_exec_array(e, t);
  vft_array_set(&bits, 0, b);
  if (a->mode == NO_BIT && fits >= wide_limit(w, op->rem)) return false;
  if (a->mode != FLIP) wide_put(w, a, op->rem, last_limb(w, op->rem), 0, fits);
  return true;
}

/* ---- softmax ---- */

enum {
  HIGHER,
  PINNED,
  TWO_HIGH,
  TWO_LOW,
  HIDDEN,
  FRACTION_HIGH,
  FRACTION_LOW,
  FALSE_E,
  FALSE_MASKED_E,
  LOOSE_SCORE
};

typedef struct {
  const vft_op_softmax *s;
  const int64_t *table;
  size_t row, columns, low, high, at; /* position of the row's columns, maximum, one-hots */
  size_t best;                        /* the column of the maximum */
} row;

static inline bool seen(const vft_exec *e, const row *r, size_t j) {
  return r->s->mask == VFT_NO_TENSOR ||
         get(e, r->s->mask, r->row % r->s->mask_rows * r->columns + j);
}

/* The maximum and all distances raised by d, with the table's values. */
static inline bool raise_row(const world *w, vft_exec *e, const row *r, int64_t d) {
  int64_t m = get(e, r->s->max, r->row) + d;
  if (m > upper(w, r->s->max)) return false;
  for (size_t j = 0; j < r->columns; j++)
    if (seen(e, r, j) && get(e, r->s->t, r->at + j) + d > 65535) return false;
  vft_exec_poke(e, r->s->max, r->row, m);
  for (size_t j = 0; j < r->columns; j++) {
    if (!seen(e, r, j)) continue;
    int64_t t = get(e, r->s->t, r->at + j) + d;
    vft_exec_poke(e, r->s->t, r->at + j, t);
    vft_exec_poke(e, r->s->e, r->at + j, r->table[t]);
  }
  return true;
}

static inline void one_hots(const row *r, attack *a, size_t column) {
  for (size_t i = 0; i < r->columns / r->low; i++)
    put_later(a, r->s->high, r->row * (r->columns / r->low) + i, i == column / r->low);
  for (size_t i = 0; i < r->low; i++)
    put_later(a, r->s->low, r->row * r->low + i, i == column % r->low);
}

/* A false maximum "pinned" by weights that are no bits: x + y = 1 and x t1 + y t2 = 0. */
static inline bool fractions(const world *w, attack *a, vft_exec *e, const row *r) {
  bool high = a->mode == FRACTION_HIGH;
  for (size_t i = 0; i < r->columns; i++)
    for (size_t j = 0; j < r->columns; j++) {
      if (high ? i % r->low != j % r->low : i / r->low != j / r->low) continue;
      int64_t t1 = get(e, r->s->t, r->at + i), gap = get(e, r->s->t, r->at + j) - t1;
      if (gap <= 0 || !seen(e, r, i) || !seen(e, r, j)) continue;
      int64_t d = gap - t1 % gap;
      if (!raise_row(w, e, r, d)) continue;
      one_hots(r, a, i);
      t1 += d;
      vft_tensor_id t = high ? r->s->high : r->s->low;
      size_t n = high ? r->columns / r->low : r->low, first = r->row * n;
      put_later(a, t, first + (high ? i / r->low : i % r->low), t1 / gap + 1);
      put_later(a, t, first + (high ? j / r->low : j % r->low), -t1 / gap);
      return true;
    }
  return false;
}

static inline bool one_row(const world *w, attack *a, vft_exec *e, const row *r) {
  bool masked = r->s->mask != VFT_NO_TENSOR;
  size_t nhigh = r->columns / r->low;
  switch (a->mode) {
    case HIGHER: /* all distances stay */
      vft_exec_poke(e, r->s->max, r->row, get(e, r->s->max, r->row) + 1);
      return true;
    case PINNED: return raise_row(w, e, r, 1);
    case HIDDEN: /* the maximum "is" at a column that does not count */
      for (size_t j = 0; j < r->columns; j++)
        if (!seen(e, r, j) && raise_row(w, e, r, 1)) return one_hots(r, a, j), true;
      return false;
    case TWO_HIGH:
    case TWO_LOW:
      if (masked) { /* a second bit, whose column does not count */
        for (size_t j = 0; j < r->columns; j++) {
          bool line = a->mode == TWO_HIGH ? j % r->low == r->best % r->low
                                          : j / r->low == r->best / r->low;
          if (!line || seen(e, r, j)) continue;
          if (a->mode == TWO_HIGH) put_later(a, r->s->high, r->row * nhigh + j / r->low, 1);
          else put_later(a, r->s->low, r->row * r->low + j % r->low, 1);
          return true;
        }
        return false;
      }
      if (!raise_row(w, e, r, 1)) return false; /* no bit at all: nothing pins the maximum */
      if (a->mode == TWO_HIGH) put_later(a, r->s->high, r->row * nhigh + r->best / r->low, 0);
      else put_later(a, r->s->low, r->row * r->low + r->best % r->low, 0);
      return true;
    case FRACTION_HIGH:
    case FRACTION_LOW: return fractions(w, a, e, r);
    case FALSE_MASKED_E: /* attention to the future */
      for (size_t j = 0; j < r->columns; j++)
        if (!seen(e, r, j)) return vft_exec_poke(e, r->s->e, r->at + j, 1), true;
      return false;
    case FALSE_E:
      for (size_t j = 0; j < r->columns; j++) {
        int64_t v = get(e, r->s->e, r->at + j);
        if (seen(e, r, j) && v > 0) return vft_exec_poke(e, r->s->e, r->at + j, v - 1), true;
      }
      return false;
    default: /* a score one step lower, its remainder 2^k larger */
      for (size_t j = 0; j < r->columns; j++) {
        int64_t t = get(e, r->s->t, r->at + j) + 1;
        if (!seen(e, r, j) || j == r->best || t > 65535) continue;
        uint32_t layer = a->iteration - a->op->loop_first;
        int k = a->op->shift[a->op->nshift > 1 ? layer : 0];
        uint32_t top = top_at(w, a->op->rem, r->at + j);
        if (k == 0 || top != w->limb[a->tensor]) return false;
        vft_exec_poke(e, r->s->t, r->at + j, t);
        vft_exec_poke(e, r->s->e, r->at + j, r->table[t]);
        wide_put(w, a, a->op->rem, top, r->at + j,
                 wide_get(w, e, a->op->rem, r->at + j) + ((int64_t)1 << k));
        return true;
      }
      return false;
  }
}

static inline bool act_softmax(const world *w, attack *a, vft_exec *e) {
  const vft_op *op = a->op;
  row r = {.s = &op->softmax, .table = w->step->tables[op->table].values};
  r.columns = r.s->columns;
  r.low = r.s->low_columns;
  size_t rows = points_of(op) / r.columns;
  for (size_t k = 0; k < rows; k++) {
    r.row = (a->iteration - op->loop_first) * rows + (a->start + k) % rows;
    r.at = r.row * r.columns;
    for (size_t i = 0; i < r.columns; i++)
      if (get(e, r.s->high, r.row * (r.columns / r.low) + i / r.low) &&
          get(e, r.s->low, r.row * r.low + i % r.low))
        r.best = i;
    if (one_row(w, a, e, &r)) return true;
  }
  return false;
}

/* ---- tables ---- */

static inline bool act_table(const world *w, attack *a, vft_exec *e) {
  size_t index = side_at(a->op, a->iteration) + a->start % points_of(a->op);
  int64_t v = get(e, a->tensor, index);
  vft_exec_poke(e, a->tensor, index, v == upper(w, a->tensor) ? v - 1 : v + 1);
  return true;
}

/* ---- one-hots of tokens ---- */

enum { EXTRA_HIGH, EXTRA_LOW, SPREAD_HIGH, SPREAD_LOW };

typedef struct {
  const vft_op *hot, *gather; /* who makes the one-hots, who takes table rows by them */
  size_t tokens, high, low;
} hots;

static inline hots hots_of(const world *w, const vft_op *hot) {
  hots h = {.hot = hot, .tokens = points_of(hot)};
  h.high = vft_tensor_count(&w->p->tensors[hot->out.tensor]) / h.tokens;
  h.low = vft_tensor_count(&w->p->tensors[hot->extra[0]]) / h.tokens;
  for (uint32_t o = 0; o < w->step->nops; o++) {
    const vft_op *op = &w->step->ops[o];
    const vft_term *term = op->nterms ? &op->terms[0] : NULL;
    if (term && term->nfactors == 3 && term->factor[0].tensor == hot->out.tensor) h.gather = op;
  }
  assert_non_null(h.gather);
  return h;
}

/* The op that takes rows goes on with the false one-hots: it adds up rows of the table. */
static inline void gather_again(const world *w, const hots *h, attack *a, vft_exec *e,
                                size_t token) {
  const vft_op *op = h->gather;
  const vft_term *term = &op->terms[0];
  vft_tensor_id table = term->factor[2].tensor;
  size_t d = vft_tensor_count(&w->p->tensors[table]) / (h->high * h->low);
  size_t local = token - (op->looped ? a->iteration * (points_of(op) / d) : 0);
  assert_true(op->nterms == 1 && local < points_of(op) / d);
  for (size_t j = 0; j < d; j++) {
    int64_t x = 0;
    for (size_t v = 0; v < h->high * h->low; v++)
      x += get(e, h->hot->out.tensor, token * h->high + v / h->low) *
           get(e, h->hot->extra[0], token * h->low + v % h->low) * get(e, table, v * d + j);
    x *= term->coef;
    size_t index = out_at(w, op, a->iteration) + local * d + j;
    if (op->kind == VFT_OP_DEFINE) {
      vft_array out = *vft_exec_array(e, op->out.tensor);
      vft_array_set(&out, index, x);
      continue;
    }
    int k = op->shift[0]; /* requantise */
    int64_t rounded = x + (k ? (int64_t)1 << (k - 1) : 0), q = rounded >> k;
    vft_exec_poke(e, op->out.tensor, index, q);
    if (k) wide_put(w, a, op->rem, last_limb(w, op->rem), local * d + j, rounded - (q << k));
  }
}

static inline bool act_hot(const world *w, attack *a, vft_exec *e) {
  const vft_op *hot = NULL;
  for (uint32_t o = 0; o < w->step->nops; o++)
    if (w->step->ops[o].kind == VFT_OP_ONEHOT && w->step->ops[o].out.tensor == a->tensor)
      hot = &w->step->ops[o];
  assert_non_null(hot);
  hots h = hots_of(w, hot);
  bool high = a->mode == EXTRA_HIGH || a->mode == SPREAD_HIGH;
  size_t n = high ? h.high : h.low, token = a->start % h.tokens, place = 0;
  vft_array x = *vft_exec_array(e, high ? hot->out.tensor : hot->extra[0]);
  while (place < n && !vft_array_get(&x, token * n + place)) place++;
  if (a->mode == EXTRA_HIGH || a->mode == EXTRA_LOW) { /* one bit more, at 0: the id is the same */
    if (place == 0) return false;
    vft_array_set(&x, token * n, 1);
  } else if (high && n == 2 && h.low > 2) { /* one more row of `low` ids, and as many less there */
    vft_array y = *vft_exec_array(e, hot->extra[0]);
    const size_t at[5] = {0, 1, 0, 1, h.low - 1};
    for (int i = 0; i < 5; i++) {
      vft_array *to = i < 2 ? &x : &y;
      size_t index = token * (i < 2 ? n : h.low) + at[i];
      vft_array_set(to, index, vft_array_get(to, index) + (const int[]){-1, 1, 2, -1, -1}[i]);
    }
  } else { /* 1, -2, 1 added: sum and id are the same */
    size_t mid = place == 0 ? 1 : place == n - 1 ? n - 2 : place;
    if (n < 3) return false;
    for (size_t i = mid - 1; i <= mid + 1; i++)
      vft_array_set(&x, token * n + i, vft_array_get(&x, token * n + i) + (i == mid ? -2 : 1));
  }
  gather_again(w, &h, a, e, token);
  return true;
}

#endif
