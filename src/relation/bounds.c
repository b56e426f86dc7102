/* The bound checker: what the lookups and definitions of a program prove about its tensors, and
 * that no sum of the program can then wrap modulo p.
 *
 * Soundness of the inference. Call a tensor known when every element is congruent modulo p to an
 * integer in a known interval inside (-2^62, 2^62); that integer is unique because p > 2^63.
 *   - A lookup makes a column congruent to the entry v of some row. If the column is +-x + y with
 *     y known, x is congruent to +-(v - y): an integer in a computable interval.
 *   - If x is known too and |c x + y| < 2^62, then c x + y = v over the integers (both sides are
 *     below 2^62 in magnitude), which bounds x for any coefficient c != 0.
 *   - A virtual tensor is congruent to its defining sum, an integer when its factors are known.
 * Every step uses only established facts, so the order of steps does not matter. */
#include <inttypes.h>
#include <string.h>

#include "relation/interval.h"

typedef __int128 wide;

enum { MAX_PASSES = 32, MAX_CELLS = 1 << 20 };
#define MAX_TAG_POINTS ((size_t)1 << 24)
#define LIMIT ((wide)1 << 62)

/* What one term of one lookup column says about its tensor, on the box it covers. */
typedef struct {
  uint32_t lookup, col, term, next; /* next of the same tensor, UINT32_MAX: last */
  const vft_factor *factor;
  bool valid;
  wide lo, hi;
} constraint;

/* Rows a lookup may hit: hulls of the columns 1..3. */
typedef struct {
  bool found;
  vft_interval col[VFT_LOOKUP_COLS];
} row_hull;

typedef struct {
  const vft_program *p;
  bool *known;
  vft_interval *iv;         /* per tensor, valid when known */
  bool *mult;               /* per tensor: multiplicities of a table */
  uint32_t *first;          /* per tensor: its first constraint */
  constraint *constraints;
  uint32_t nconstraints;
  row_hull *hull;           /* per lookup, once its tag is known */
  vft_tensor_id *order;     /* virtual tensors */
  uint32_t nvirtual;
  uint32_t *uncovered;      /* per tensor, VFT_MAX_RANK: a point no lookup covers */
  bool changed;
} bounds;

static void show(char *buf, size_t size, vft_interval v) {
  const wide top = (wide)1 << 63;
  if (v.over || v.lo < -top || v.lo >= top || v.hi < -top || v.hi >= top)
    snprintf(buf, size, "an interval beyond 2^63");
  else
    snprintf(buf, size, "[%" PRId64 ", %" PRId64 "]", (int64_t)v.lo, (int64_t)v.hi);
}

static void set_interval(bounds *b, vft_tensor_id id, vft_interval v) {
  if (b->known[id] && b->iv[id].lo == v.lo && b->iv[id].hi == v.hi) return;
  b->known[id] = true;
  b->iv[id] = v;
  b->changed = true;
}

static bool term_known(const bounds *b, const vft_term *t) {
  for (uint32_t k = 0; k < t->nfactors; k++)
    if (!b->known[t->factor[k].tensor]) return false;
  return true;
}

/* Sum of terms by the current intervals; false when a factor is not known or the sum is unsafe. */
static bool sum_interval(const bounds *b, uint32_t nfree, const uint32_t *size,
                         const vft_term *terms, uint32_t n, uint32_t skip, vft_interval *out) {
  vft_interval v = vft_interval_of(0, 0);
  for (uint32_t i = 0; i < n; i++) {
    if (i == skip) continue;
    if (!term_known(b, &terms[i])) return false;
    v = vft_interval_add(v, vft_term_interval(b->p, nfree, size, &terms[i], b->iv));
  }
  *out = v;
  return vft_interval_safe(v);
}

/* ---- which rows a lookup may hit ---- */

static const vft_interval unbounded = {0, 0, true};

static vft_interval output_bounds(const bounds *b, vft_tensor_id id) {
  if (id == VFT_NO_TENSOR) return vft_interval_of(0, 0);
  return b->known[id] ? b->iv[id] : unbounded;
}

static void widen(vft_interval *v, bool first, vft_interval w) {
  if (w.over || (!first && v->over)) {
    *v = unbounded;
    return;
  }
  if (first || w.lo < v->lo) v->lo = w.lo;
  if (first || w.hi > v->hi) v->hi = w.hi;
  v->over = false;
}

/* Adds the rows of every table with a tag in [lo, hi]; true when there is one. */
static bool add_rows(const bounds *b, row_hull *h, wide lo, wide hi) {
  bool any = false;
  for (uint32_t i = 0; i < b->p->ntables; i++) {
    const vft_table *t = &b->p->tables[i];
    vft_interval c[VFT_LOOKUP_COLS];
    if (t->kind == VFT_TABLE_RANGE) {
      if (hi < 0 || lo > VFT_MAX_RANGE_BITS) continue;
      int widest = hi < VFT_MAX_RANGE_BITS ? (int)hi : VFT_MAX_RANGE_BITS;
      c[1] = vft_interval_of(0, ((wide)1 << widest) - 1);
      for (int k = 2; k < VFT_LOOKUP_COLS; k++) c[k] = vft_interval_of(0, 0);
    } else {
      if (t->tag < lo || t->tag > hi) continue;
      c[1] = vft_interval_of(t->first, (wide)t->first + (wide)t->rows - 1);
      for (int k = 0; k < VFT_TABLE_OUTS; k++) c[2 + k] = output_bounds(b, t->out[k]);
    }
    for (int k = 1; k < VFT_LOOKUP_COLS; k++) widen(&h->col[k], !h->found, c[k]);
    h->found = any = true;
  }
  return any;
}

static bool constant_terms(const vft_program *p, const vft_linear *e) {
  for (uint32_t i = 0; i < e->nterms; i++)
    for (uint32_t k = 0; k < e->terms[i].nfactors; k++)
      if (!p->tensors[e->terms[i].factor[k].tensor].values) return false;
  return true;
}

/* Value of a constant expression at one point. */
static vft_interval constant_at(const vft_program *p, const vft_linear *e, const uint32_t *digit) {
  vft_interval sum = vft_interval_of(0, 0);
  for (uint32_t i = 0; i < e->nterms; i++) {
    const vft_term *t = &e->terms[i];
    vft_interval v = vft_interval_of(t->coef, t->coef);
    for (uint32_t k = 0; k < t->nfactors; k++) {
      const vft_factor *f = &t->factor[k];
      const vft_tensor *x = &p->tensors[f->tensor];
      size_t at = 0;
      for (uint32_t a = 0; a < x->rank; a++) at = at * x->dims[a] + f->off[a] + digit[f->idx[a]];
      v = vft_interval_mul(v, vft_interval_of(x->values[at], x->values[at]));
    }
    sum = vft_interval_add(sum, v);
  }
  return sum;
}

/* A constant tag takes exactly the values of its expression: each must have a table. */
static vft_status constant_tag(const bounds *b, const vft_lookup *l, row_hull *h) {
  const vft_linear *e = &l->col[0];
  uint32_t digit[VFT_MAX_INDEX] = {0}, used = 0;
  for (uint32_t i = 0; i < e->nterms; i++)
    for (uint32_t k = 0; k < e->terms[i].nfactors; k++) {
      const vft_factor *f = &e->terms[i].factor[k];
      for (uint32_t a = 0; a < b->p->tensors[f->tensor].rank; a++) used |= 1u << f->idx[a];
    }
  size_t points = 1;
  for (uint32_t v = 0; v < l->nindex; v++)
    if (used >> v & 1 && (points *= l->size[v]) > MAX_TAG_POINTS)
      return vft_fail(VFT_USAGE, "lookup %s: the tag takes too many points to examine", l->name);
  wide last = 0;
  for (size_t n = 0; n < points; n++) {
    vft_interval v = constant_at(b->p, e, digit);
    bool seen = n > 0 && v.lo == last;
    if (v.over || (!seen && !add_rows(b, h, v.lo, v.lo))) {
      char text[64];
      show(text, sizeof text, v);
      return vft_fail(VFT_USAGE, "lookup %s: no table has the tag %s", l->name, text);
    }
    last = v.lo;
    for (uint32_t i = 0; i < l->nindex; i++) {
      if (!(used >> i & 1)) continue;
      if (++digit[i] < l->size[i]) break;
      digit[i] = 0;
    }
  }
  return VFT_OK;
}

static vft_status find_rows(bounds *b, uint32_t i) {
  const vft_lookup *l = &b->p->lookups[i];
  row_hull *h = &b->hull[i];
  if (h->found) return VFT_OK;
  if (constant_terms(b->p, &l->col[0])) return constant_tag(b, l, h);
  vft_interval tag;
  if (!sum_interval(b, l->nindex, l->size, l->col[0].terms, l->col[0].nterms, UINT32_MAX, &tag))
    return VFT_OK; /* not known yet; complained about at the end */
  if (!add_rows(b, h, tag.lo, tag.hi)) {
    char text[64];
    show(text, sizeof text, tag);
    return vft_fail(VFT_USAGE, "lookup %s: no table has a tag in %s", l->name, text);
  }
  return VFT_OK;
}

/* ---- what a lookup says about one tensor ---- */

static wide floor_div(wide a, wide d) { return a / d - (a % d && (a < 0) != (d < 0)); }

/* The term's coefficient when it is the same at every point: coef times constant PUBLIC factors. */
static bool fixed_coefficient(const bounds *b, const vft_lookup *l, const vft_term *t,
                              const vft_factor *except, wide *c) {
  vft_term rest = {.coef = t->coef};
  for (uint32_t k = 0; k < t->nfactors; k++) {
    if (&t->factor[k] == except) continue;
    if (!b->p->tensors[t->factor[k].tensor].values) return false;
    rest.factor[rest.nfactors++] = t->factor[k];
  }
  vft_interval v = vft_term_interval(b->p, l->nindex, l->size, &rest, b->iv);
  *c = v.lo;
  return !v.over && v.lo == v.hi && v.lo != 0;
}

static void apply_constraint(bounds *b, constraint *k) {
  const vft_lookup *l = &b->p->lookups[k->lookup];
  const vft_linear *e = &l->col[k->col];
  const vft_term *t = &e->terms[k->term];
  vft_tensor_id id = k->factor->tensor;
  vft_interval rest, row = b->hull[k->lookup].col[k->col];
  wide c;
  if (row.over || !b->hull[k->lookup].found || !fixed_coefficient(b, l, t, k->factor, &c) ||
      !sum_interval(b, l->nindex, l->size, e->terms, e->nterms, k->term, &rest))
    return;
  if (c != 1 && c != -1) {
    if (!b->known[id]) return;
    vft_interval whole =
        vft_interval_add(vft_interval_mul(b->iv[id], vft_interval_of(c, c)), rest);
    if (!vft_interval_safe(whole)) return;
  }
  /* c x in [row.lo - rest.hi, row.hi - rest.lo] */
  wide lo = row.lo - rest.hi, hi = row.hi - rest.lo;
  wide x_lo = c > 0 ? -floor_div(-lo, c) : -floor_div(-hi, c);
  wide x_hi = c > 0 ? floor_div(hi, c) : floor_div(lo, c);
  if (x_lo <= -LIMIT || x_hi >= LIMIT) return;
  if (k->valid && k->lo >= x_lo && k->hi <= x_hi) return;
  if (!k->valid || x_lo > k->lo) k->lo = x_lo;
  if (!k->valid || x_hi < k->hi) k->hi = x_hi;
  k->valid = true;
}

/* ---- from boxes to the whole tensor ---- */

typedef struct {
  uint32_t *cut[VFT_MAX_RANK]; /* sorted starts of the cells of an axis */
  uint32_t n[VFT_MAX_RANK];
} cells;

static void add_cut(cells *c, uint32_t axis, uint32_t at, uint32_t dim) {
  uint32_t i = 0;
  if (at >= dim) return;
  while (i < c->n[axis] && c->cut[axis][i] < at) i++;
  if (i < c->n[axis] && c->cut[axis][i] == at) return;
  memmove(&c->cut[axis][i + 1], &c->cut[axis][i], (c->n[axis] - i) * sizeof(uint32_t));
  c->cut[axis][i] = at;
  c->n[axis]++;
}

static bool covers(const bounds *b, const constraint *k, uint32_t rank, const uint32_t *at) {
  const uint32_t *size = b->p->lookups[k->lookup].size;
  for (uint32_t a = 0; a < rank; a++) {
    uint32_t off = k->factor->off[a];
    if (at[a] < off || at[a] - off >= size[k->factor->idx[a]]) return false;
  }
  return true;
}

/* Hull over the cells of the intersections of all constraints that cover them; `base`, when not
 * NULL, holds everywhere. A cell with neither leaves the tensor unknown. */
static vft_status combine(bounds *b, vft_tensor_id id, const vft_interval *base) {
  const vft_tensor *t = &b->p->tensors[id];
  uint32_t boxes = 0;
  for (uint32_t k = b->first[id]; k != UINT32_MAX; k = b->constraints[k].next)
    boxes += b->constraints[k].valid;
  if (!boxes) {
    if (base) set_interval(b, id, *base);
    return VFT_OK;
  }
  cells c = {{NULL}, {0}};
  vft_arena scratch = {NULL};
  vft_status st = VFT_RESOURCE;
  size_t total = 1;
  for (uint32_t a = 0; a < t->rank; a++) {
    c.cut[a] = vft_arena_alloc(&scratch, 2 * (size_t)boxes + 2, sizeof(uint32_t));
    if (!c.cut[a]) goto out;
    add_cut(&c, a, 0, t->dims[a]);
    for (uint32_t k = b->first[id]; k != UINT32_MAX; k = b->constraints[k].next) {
      const constraint *x = &b->constraints[k];
      if (!x->valid) continue;
      uint32_t size = b->p->lookups[x->lookup].size[x->factor->idx[a]];
      add_cut(&c, a, x->factor->off[a], t->dims[a]);
      add_cut(&c, a, x->factor->off[a] + size, t->dims[a]);
    }
    if ((total *= c.n[a]) > MAX_CELLS) {
      st = vft_fail(VFT_USAGE, "tensor %s: its lookups cut it into too many boxes", t->name);
      goto out;
    }
  }
  vft_interval hull = vft_interval_of(0, 0);
  uint32_t digit[VFT_MAX_RANK] = {0}, at[VFT_MAX_RANK] = {0};
  for (size_t n = 0; n < total; n++) {
    for (uint32_t a = 0; a < t->rank; a++) at[a] = c.cut[a][digit[a]];
    bool any = base != NULL;
    vft_interval v = any ? *base : vft_interval_of(0, 0);
    for (uint32_t k = b->first[id]; k != UINT32_MAX; k = b->constraints[k].next) {
      const constraint *x = &b->constraints[k];
      if (!x->valid || !covers(b, x, t->rank, at)) continue;
      if (!any || x->lo > v.lo) v.lo = x->lo;
      if (!any || x->hi < v.hi) v.hi = x->hi;
      any = true;
    }
    if (!any) { /* remember where, for the message */
      memcpy(&b->uncovered[(size_t)id * VFT_MAX_RANK], at, sizeof at);
      st = VFT_OK;
      goto out;
    }
    if (v.lo > v.hi) {
      st = vft_fail(VFT_USAGE, "tensor %s: its lookups contradict each other or its definition",
                    t->name);
      goto out;
    }
    widen(&hull, n == 0, v);
    for (uint32_t a = t->rank; a-- > 0;) {
      if (++digit[a] < c.n[a]) break;
      digit[a] = 0;
    }
  }
  set_interval(b, id, hull);
  st = VFT_OK;
out:
  vft_arena_free(&scratch);
  return st;
}

/* ---- driver ---- */

static bool rests_on_others(const vft_program *p, const vft_tensor *t) {
  return t->origin == VFT_ORACLE || t->origin == VFT_PUBLIC ||
         (t->origin == VFT_LINK && !p->link_output[t->group]);
}

static vft_status setup(bounds *b) {
  const vft_program *p = b->p;
  size_t terms = 0;
  for (uint32_t i = 0; i < p->nlookups; i++)
    for (int c = 1; c < VFT_LOOKUP_COLS; c++) terms += p->lookups[i].col[c].nterms;
  b->known = vft_alloc(p->ntensors, sizeof *b->known);
  b->iv = vft_alloc(p->ntensors, sizeof *b->iv);
  b->mult = vft_alloc(p->ntensors, sizeof *b->mult);
  b->first = vft_alloc(p->ntensors, sizeof *b->first);
  b->order = vft_alloc(p->ntensors, sizeof *b->order);
  b->uncovered = vft_alloc((size_t)p->ntensors * VFT_MAX_RANK, sizeof *b->uncovered);
  b->constraints = vft_alloc(terms, sizeof *b->constraints);
  b->hull = vft_alloc(p->nlookups, sizeof *b->hull);
  if (!b->known || !b->iv || !b->mult || !b->first || !b->order || !b->uncovered ||
      !b->constraints || !b->hull)
    return VFT_RESOURCE;

  for (uint32_t i = 0; i < p->ntensors; i++) {
    const vft_tensor *t = &p->tensors[i];
    b->first[i] = UINT32_MAX;
    if (t->field) { /* any residue: no sum of integers may use it */
      b->known[i] = true;
      b->iv[i] = unbounded;
    }
    if (t->field || !rests_on_others(p, t)) continue;
    b->known[i] = true;
    b->iv[i] = vft_interval_of(t->lo, t->hi);
    if (t->values) {
      vft_array a = {VFT_I64, (void *)t->values};
      int64_t lo, hi;
      vft_array_range(&a, vft_tensor_count(t), &lo, &hi);
      b->iv[i] = vft_interval_of(lo, hi);
    }
  }
  for (uint32_t i = 0; i < p->ntables; i++) b->mult[p->tables[i].mult] = true;

  for (uint32_t i = 0; i < p->nlookups; i++)
    for (uint32_t c = 1; c < VFT_LOOKUP_COLS; c++)
      for (uint32_t j = 0; j < p->lookups[i].col[c].nterms; j++) {
        const vft_term *t = &p->lookups[i].col[c].terms[j];
        for (uint32_t k = 0; k < t->nfactors; k++) {
          vft_tensor_id id = t->factor[k].tensor;
          if (p->tensors[id].field || rests_on_others(p, &p->tensors[id])) continue;
          b->constraints[b->nconstraints] =
              (constraint){i, c, j, b->first[id], &t->factor[k], false, 0, 0};
          b->first[id] = b->nconstraints++;
        }
      }
  return VFT_OK;
}

static vft_status pass(bounds *b) {
  const vft_program *p = b->p;
  b->changed = false;
  for (uint32_t i = 0; i < p->nlookups; i++) TRY(find_rows(b, i));
  for (uint32_t i = 0; i < b->nconstraints; i++) apply_constraint(b, &b->constraints[i]);
  for (uint32_t i = 0; i < p->ntensors; i++) {
    const vft_tensor *t = &p->tensors[i];
    if (t->field || t->origin == VFT_VIRTUAL || rests_on_others(p, t)) continue;
    TRY(combine(b, i, NULL));
  }
  for (uint32_t i = 0; i < b->nvirtual; i++) {
    vft_tensor_id id = b->order[i];
    const vft_relation *r = &p->relations[vft_program_definition(p, id)];
    vft_interval v;
    if (!r->field && sum_interval(b, r->nfree, r->size, r->terms, r->nterms, UINT32_MAX, &v))
      TRY(combine(b, id, &v));
  }
  return VFT_OK;
}

/* By declared bounds, which are what a trace may contain. */
static vft_status check_sum(const bounds *b, const vft_interval *declared, const char *what,
                            uint32_t nfree, const uint32_t *size, const vft_term *terms,
                            uint32_t n) {
  vft_interval v = vft_interval_of(0, 0);
  for (uint32_t i = 0; i < n; i++) {
    for (uint32_t k = 0; k < terms[i].nfactors; k++)
      if (b->mult[terms[i].factor[k].tensor])
        return vft_fail(VFT_USAGE, "%s uses the multiplicities %s, which have no range check", what,
                        b->p->tensors[terms[i].factor[k].tensor].name);
    v = vft_interval_add(v, vft_term_interval(b->p, nfree, size, &terms[i], declared));
  }
  if (vft_interval_safe(v)) return VFT_OK;
  char text[64];
  show(text, sizeof text, v);
  return vft_fail(VFT_USAGE, "%s: the sum can reach %s, outside (-2^62, 2^62), and wrap modulo p",
                  what, text);
}

static bool uses_field(const vft_program *p, const vft_term *terms, uint32_t n) {
  for (uint32_t i = 0; i < n; i++)
    for (uint32_t k = 0; k < terms[i].nfactors; k++)
      if (p->tensors[terms[i].factor[k].tensor].field) return true;
  return false;
}

/* An identity modulo p has nothing to wrap; multiplicities stay out of it all the same. */
static vft_status check_field(const bounds *b, const char *what, const vft_term *terms,
                              uint32_t n) {
  for (uint32_t i = 0; i < n; i++)
    for (uint32_t k = 0; k < terms[i].nfactors; k++)
      if (b->mult[terms[i].factor[k].tensor])
        return vft_fail(VFT_USAGE, "%s uses the multiplicities %s, which have no range check", what,
                        b->p->tensors[terms[i].factor[k].tensor].name);
  return VFT_OK;
}

static vft_status check_sums(const bounds *b) {
  const vft_program *p = b->p;
  vft_interval *declared = vft_alloc(p->ntensors, sizeof *declared);
  if (!declared) return VFT_RESOURCE;
  vft_status st = VFT_OK;
  char what[256];
  for (uint32_t i = 0; i < p->ntensors; i++) {
    const vft_tensor *t = &p->tensors[i];
    declared[i] = t->field    ? unbounded
                  : t->values ? b->iv[i]
                              : vft_interval_of(t->lo, t->hi);
  }
  for (uint32_t i = 0; i < p->nrelations; i++) {
    const vft_relation *r = &p->relations[i];
    snprintf(what, sizeof what, "relation %s", r->name);
    if (r->field) {
      TRY_OUT(check_field(b, what, r->terms, r->nterms));
      continue;
    }
    TRY_OUT(check_sum(b, declared, what, r->nfree, r->size, r->terms, r->nterms));
  }
  wide lookups = 0;
  for (uint32_t i = 0; i < p->nlookups; i++) {
    const vft_lookup *l = &p->lookups[i];
    wide points = 1;
    for (uint32_t v = 0; v < l->nindex; v++) points *= l->size[v]; /* at most 2^50 */
    lookups += points;
    for (int c = 0; c < VFT_LOOKUP_COLS; c++) {
      snprintf(what, sizeof what, "lookup %s, column %d", l->name, c);
      if (uses_field(p, l->col[c].terms, l->col[c].nterms)) {
        TRY_OUT(check_field(b, what, l->col[c].terms, l->col[c].nterms));
        continue;
      }
      TRY_OUT(
          check_sum(b, declared, what, l->nindex, l->size, l->col[c].terms, l->col[c].nterms));
    }
  }
  if (lookups >= LIMIT)
    st = vft_fail(VFT_USAGE, "program %s: the number of lookups could reach p", p->name);
out:
  vft_free(declared);
  return st;
}

static vft_status check_tensor(const bounds *b, vft_tensor_id id) {
  const vft_tensor *t = &b->p->tensors[id];
  if (b->mult[id] || t->field || rests_on_others(b->p, t)) return VFT_OK;
  if (!b->known[id] && t->origin == VFT_VIRTUAL)
    return vft_fail(VFT_USAGE,
                    "virtual tensor %s: its definition uses a tensor without proved bounds, or its "
                    "sum can leave (-2^62, 2^62)",
                    t->name);
  if (!b->known[id]) {
    bool some = false;
    for (uint32_t k = b->first[id]; k != UINT32_MAX; k = b->constraints[k].next)
      some |= b->constraints[k].valid;
    if (!some) return vft_fail(VFT_USAGE, "tensor %s has no range lookup", t->name);
    char at[128] = "";
    for (uint32_t a = 0, n = 0; a < t->rank && n + 12 < sizeof at; a++)
      n += (uint32_t)snprintf(at + n, sizeof at - n, "%s%u", a ? ", " : "",
                              b->uncovered[(size_t)id * VFT_MAX_RANK + a]);
    return vft_fail(VFT_USAGE, "tensor %s: no range lookup covers the element (%s)", t->name, at);
  }
  if (vft_interval_within(b->iv[id], t->lo, t->hi)) return VFT_OK;
  char text[64];
  show(text, sizeof text, b->iv[id]);
  return vft_fail(VFT_USAGE,
                  "tensor %s: its %s %s, which is wider than the declared [%" PRId64 ", %" PRId64
                  "]",
                  t->name, t->origin == VFT_VIRTUAL ? "definition implies" : "lookups imply", text,
                  t->lo, t->hi);
}

vft_status vft_program_check_bounds(const vft_program *program) {
  bounds b = {.p = program};
  vft_status st;
  TRY_OUT(setup(&b));
  TRY_OUT(vft_program_virtual_order(program, b.order, &b.nvirtual));
  for (int i = 0; i < MAX_PASSES; i++) {
    TRY_OUT(pass(&b));
    if (!b.changed) break; /* stopping early or late only loses precision, never soundness */
  }
  /* The sums first: a sum that wraps is the better message than the virtual tensor it leaves
   * unknown. */
  TRY_OUT(check_sums(&b));
  for (uint32_t i = 0; i < program->ntensors; i++) TRY_OUT(check_tensor(&b, i));
  for (uint32_t i = 0; i < program->nlookups; i++)
    if (!b.hull[i].found) {
      st = vft_fail(VFT_USAGE, "lookup %s: nothing bounds its tag", program->lookups[i].name);
      goto out;
    }
out:
  vft_free(b.known);
  vft_free(b.iv);
  vft_free(b.mult);
  vft_free(b.first);
  vft_free(b.order);
  vft_free(b.uncovered);
  vft_free(b.constraints);
  vft_free(b.hull);
  return st;
}
