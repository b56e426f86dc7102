/* The ops' arithmetic on integers: exactly the functions named in program/op.h. */
#include <inttypes.h>
#include <string.h>

#include "base/pool.h"
#include "train/exec_private.h"
#include "train/rows.h"

#pragma GCC optimize("O3")

enum { TILE = 512 };
#define NONE SIZE_MAX

/* ---- binding factors ---- */

static vft_status bind(const vft_exec *e, const vft_op *op, const vft_factor *f, uint32_t i,
                       vft_operand *out) {
  const vft_tensor *t = &e->step->program->tensors[f->tensor];
  const vft_array *a = &e->array[f->tensor];
  const vft_exec_tensor *info = &e->info[f->tensor];
  if (!a->data)
    return vft_fail(VFT_USAGE, "training step: %s needs tensor %s, which has no values", op->name,
                    t->name);
  memset(out, 0, sizeof *out);
  out->dtype = a->dtype;
  out->bits = info->bits;
  size_t base = 0, stride = 1;
  for (uint32_t axis = t->rank; axis-- > 0;) {
    uint32_t v = f->idx[axis];
    if (axis == 0 && op->looped && v == 0 && info->seen_bits &&
        info->seen_at == f->off[0] + i - op->loop_first)
      out->bits = info->seen_bits;
    if (info->slab && axis == 0) break;
    base += f->off[axis] * stride;
    if (op->looped && v == 0) {
      base += (i - op->loop_first) * stride;
    } else if (op->size[v] > 1) {
      out->stride[v] = (ptrdiff_t)stride;
      out->used |= 1u << v;
    }
    stride *= t->dims[axis];
  }
  out->data = (const char *)a->data + base * vft_dtype_size(a->dtype);
  return VFT_OK;
}

/* A term whose first two factors are the one-hots of token ids: rows of the third. */
typedef struct {
  const vft_array *ids;
  size_t first, d;
  int64_t coef, *out;
  const vft_operand *rows;
} gather;

static void gather_body(void *ctx, size_t begin, size_t end) {
  const gather *w = ctx;
  int64_t t[TILE];
  for (size_t i = begin; i < end; i++) {
    size_t row = (size_t)vft_array_get(w->ids, w->first + i) * w->d;
    for (size_t j = 0; j < w->d; j += TILE) {
      size_t n = w->d - j < TILE ? w->d - j : TILE;
      vft_load(w->rows->data, w->rows->dtype, row + j, n, t);
      int64_t *out = w->out + i * w->d + j;
      vft_rows()->add_scaled(out, w->coef, t, n);
    }
  }
}

static vft_status run_gather(vft_exec *e, const vft_op *op, const vft_term *t, uint32_t i,
                             int64_t *out) {
  const vft_op *hot = &e->step->ops[e->hot[t->factor[0].tensor]];
  vft_tensor_id ids = hot->terms[0].factor[0].tensor;
  vft_operand rows;
  TRY(bind(e, op, &t->factor[2], i, &rows));
  if (!e->array[ids].data)
    return vft_fail(VFT_USAGE, "training step: no token ids for %s", op->name);
  gather w = {.ids = &e->array[ids], .d = op->size[op->nfree - 1], .coef = t->coef, .out = out,
              .rows = &rows};
  size_t tokens = vft_exec_points(op) / w.d;
  w.first = op->looped ? (i - op->loop_first) * tokens : 0;
  size_t rows_in_table = vft_tensor_count(&e->step->program->tensors[t->factor[2].tensor]) / w.d;
  for (size_t k = 0; k < tokens; k++) {
    int64_t id = vft_array_get(w.ids, w.first + k);
    if (id < 0 || (size_t)id >= rows_in_table)
      return vft_fail(VFT_USAGE,
                      "training step: token id %" PRId64 " of position %zu, expected 0..%zu", id,
                      w.first + k, rows_in_table - 1);
  }
  vft_parallel_for(tokens, 4, gather_body, &w);
  return VFT_OK;
}

/* out[points of one iteration] = sum of terms. */
static vft_status evaluate(vft_exec *e, const vft_op *op, const vft_term *terms, uint32_t n,
                           uint32_t i, int64_t *out) {
  vft_index_box box = {.nindex = op->nindex, .nfree = op->nfree};
  memcpy(box.size, op->size, sizeof box.size);
  if (op->looped) box.size[0] = 1;
  if (!n) vft_term_zero(&box, out);
  for (uint32_t k = 0; k < n; k++) {
    const vft_term *t = &terms[k];
    if (t->nfactors == 3 && e->hot[t->factor[0].tensor] != UINT32_MAX) {
      if (!k) vft_term_zero(&box, out);
      TRY(run_gather(e, op, t, i, out));
      continue;
    }
    vft_operand operand[VFT_MAX_FACTORS];
    for (uint32_t j = 0; j < t->nfactors; j++) TRY(bind(e, op, &t->factor[j], i, &operand[j]));
    TRY(vft_term_accumulate(&box, t->coef, operand, t->nfactors, !k, out, &e->scratch));
  }
  return VFT_OK;
}

/* ---- outputs ---- */

/* Where one iteration's values of a tensor or of limbs go. */
typedef struct {
  vft_array *array;
  size_t base;
} place;

static place place_of(vft_exec *e, vft_tensor_id t, size_t points, uint32_t index) {
  return (place){&e->array[t], e->info[t].slab ? 0 : index * points};
}

static void put(const place *p, size_t at, size_t n, const int64_t *v) {
  if (p->array && p->array->data) vft_store(p->array->data, p->array->dtype, p->base + at, n, v);
}

/* Limbs of a wide number, those that have storage. */
typedef struct {
  const vft_wide *w;
  place limb[VFT_MAX_LIMBS];
  bool any;
} limbs;

static void find_limbs(vft_exec *e, uint32_t wide, size_t first_point, limbs *l) {
  memset(l, 0, sizeof *l);
  if (wide == UINT32_MAX) return;
  l->w = &e->step->wides[wide];
  for (uint32_t i = 0; i < l->w->nlimbs; i++) {
    l->limb[i] = (place){&e->array[l->w->limb[i]], e->info[l->w->limb[i]].slab ? 0 : first_point};
    l->any = l->any || e->array[l->w->limb[i]].data;
  }
}

static void put_limbs(const limbs *l, size_t at, size_t n, const int64_t *v) {
  if (!l->any) return;
  int64_t t[TILE];
  for (uint32_t i = 0; i < l->w->nlimbs; i++) {
    vft_rows()->limb(t, v, l->w->offset, l->w->at[i], l->w->width[i], n);
    put(&l->limb[i], at, n, t);
  }
}

/* ---- elementwise finish ---- */

typedef struct {
  const vft_op *op;
  const int64_t *acc, *side;
  bool has_side;
  int k;
  int64_t lo, hi; /* bounds of the output */
  place out;
  limbs value, rem, comp;
  size_t bad;     /* first element out of bounds */
  size_t bad_den; /* first divisor below 1 */
  uint64_t seen;  /* union of the magnitudes' bits */
} finish;

static void offer(size_t *least, size_t at) {
  size_t seen = __atomic_load_n(least, __ATOMIC_RELAXED);
  while (at < seen && !__atomic_compare_exchange_n(least, &seen, at, false, __ATOMIC_RELAXED,
                                                   __ATOMIC_RELAXED)) {
  }
}

/* Output, remainder and complement of n elements from `at` on. */
static void finish_row(const finish *w, size_t at, size_t n, int64_t *q, int64_t *rem,
                       int64_t *comp) {
  const vft_rows_ops *rows = vft_rows();
  const int64_t *x = w->acc + at, *side = w->side + at;
  switch (w->op->kind) {
    case VFT_OP_REQUANT:
      rows->requantise(q, rem, x, w->k, n);
      if (w->has_side && w->op->negate)
        for (size_t i = 0; i < n; i++) q[i] = side[i] - q[i];
      else if (w->has_side)
        for (size_t i = 0; i < n; i++) q[i] += side[i];
      return;
    case VFT_OP_DIV:
      rows->divide(q, rem, x, side, n);
      for (size_t i = 0; i < n; i++) comp[i] = side[i] < 1 ? 0 : 2 * side[i] - 1 - rem[i];
      return;
    case VFT_OP_ISQRT:
      rows->square_root(q, rem, x, n);
      for (size_t i = 0; i < n; i++) comp[i] = 2 * q[i] - rem[i];
      return;
    case VFT_OP_COMPARE:
      for (size_t i = 0; i < n; i++) {
        q[i] = x[i] >= 0;
        rem[i] = x[i] >= 0 ? x[i] : -x[i] - 1;
      }
      return;
    default: memcpy(q, x, n * sizeof *q);
  }
}

static void finish_body(void *ctx, size_t begin, size_t end) {
  finish *w = ctx;
  int64_t q[TILE], rem[TILE], comp[TILE];
  for (size_t at = begin; at < end; at += TILE) {
    size_t n = end - at < TILE ? end - at : TILE;
    finish_row(w, at, n, q, rem, comp);
    if (!vft_rows()->inside(q, w->lo, w->hi, n)) {
      size_t i = 0;
      while (q[i] >= w->lo && q[i] <= w->hi) i++;
      offer(&w->bad, at + i);
    }
    if (w->op->kind == VFT_OP_DIV)
      for (size_t i = 0; i < n; i++)
        if (w->side[at + i] < 1) offer(&w->bad_den, at + i);
    put(&w->out, at, n, q);
    put_limbs(&w->value, at, n, q);
    put_limbs(&w->rem, at, n, rem);
    put_limbs(&w->comp, at, n, comp);
  }
}

static vft_status overflow(const vft_op *op, const char *tensor, uint32_t i, size_t at,
                           int64_t value, int64_t lo, int64_t hi) {
  const char *word = op->section == VFT_SECTION_HEAD ? "sequence" : "layer";
  return vft_fail(VFT_RESOURCE,
                  "overflow: tensor %s, %s %u, element %zu = %" PRId64
                  " leaves its container [%" PRId64 ", %" PRId64
                  "]; calibrate on a public text closer to the data (its exponent is "
                  "too large) or lower the learning rate",
                  tensor, word, i, at, value, lo, hi);
}

static vft_status run_finish(vft_exec *e, const vft_op *op, uint32_t i) {
  const vft_program *p = e->step->program;
  const vft_tensor *t = &p->tensors[op->out.tensor];
  size_t points = vft_exec_points(op);
  uint32_t index = i - op->loop_first;
  vft_operand where;
  /* position of this iteration's slice of the output (its axes are the box's, in order) */
  size_t base = 0;
  if (e->array[op->out.tensor].data) {
    TRY(bind(e, op, &op->out, i, &where));
    base = (size_t)((const char *)where.data - (const char *)e->array[op->out.tensor].data) /
           vft_dtype_size(where.dtype);
  }
  size_t full = 0, stride = 1; /* the same in the full tensor, for its limbs */
  for (uint32_t axis = t->rank; axis-- > 0;) {
    full += op->out.off[axis] * stride;
    if (op->looped && op->out.idx[axis] == 0) full += index * stride;
    stride *= t->dims[axis];
  }
  finish w = {.op = op, .lo = t->lo, .hi = t->hi, .bad = NONE, .bad_den = NONE,
              .out = {&e->array[op->out.tensor], base}};
  if (op->kind == VFT_OP_REQUANT)
    w.k = op->shift[op->nshift > 1 ? index : 0];
  find_limbs(e, e->step->wide_of[op->out.tensor], full, &w.value);
  find_limbs(e, op->rem, index * points, &w.rem);
  find_limbs(e, op->comp, index * points, &w.comp);

  bool in_place = op->kind == VFT_OP_DEFINE && e->array[op->out.tensor].data &&
                  e->array[op->out.tensor].dtype == VFT_I64;
  int64_t *acc = in_place ? (int64_t *)e->array[op->out.tensor].data + base : e->acc;
  TRY(evaluate(e, op, op->terms, op->nterms, i, acc));
  if (in_place) return VFT_OK; /* the declared bounds of an exact sum are those it can have */
  w.acc = acc;
  const vft_term *side = op->nden ? op->den : op->base;
  uint32_t nside = op->nden ? op->nden : op->nbase;
  if (nside) TRY(evaluate(e, op, side, nside, i, e->side));
  w.side = e->side;
  w.has_side = nside != 0;
  vft_parallel_for(points, 4 * TILE, finish_body, &w);
  if (w.bad_den != NONE)
    return vft_fail(
        VFT_RESOURCE, "%s, layer %u, element %zu: a divisor of %" PRId64 ": %s", op->name, i,
        w.bad_den, e->side[w.bad_den],
        op->section == VFT_SECTION_POST ? "the batch has no loss token" : "all scores are masked");
  if (w.bad != NONE) {
    int64_t value, rem, comp;
    finish_row(&w, w.bad, 1, &value, &rem, &comp);
    return overflow(op, t->name, i, w.bad, value, t->lo, t->hi);
  }
  return VFT_OK;
}

/* ---- tables ---- */

typedef struct {
  const vft_operand *in;
  int64_t first;
  const int32_t *table[2];
  place out[2];
} lookup;

static void lookup_body(void *ctx, size_t begin, size_t end) {
  const lookup *w = ctx;
  int64_t x[TILE], y[TILE];
  for (size_t at = begin; at < end; at += TILE) {
    size_t n = end - at < TILE ? end - at : TILE;
    vft_load(w->in->data, w->in->dtype, at, n, x);
    for (int c = 0; c < 2; c++) {
      for (size_t i = 0; i < n; i++) y[i] = w->table[c][x[i] - w->first];
      put(&w->out[c], at, n, y);
    }
  }
}

static vft_status run_table(vft_exec *e, const vft_op *op, uint32_t i) {
  size_t points = vft_exec_points(op);
  vft_operand in;
  TRY(bind(e, op, &op->terms[0].factor[0], i, &in));
  uint32_t table = op->silu[op->nshift > 1 ? i - op->loop_first : 0];
  lookup w = {.in = &in, .first = -32768, .table = {e->table[table], e->table[table + 1]}};
  for (int c = 0; c < 2; c++) w.out[c] = place_of(e, op->extra[c], points, i - op->loop_first);
  vft_parallel_for(points, 4 * TILE, lookup_body, &w);
  return VFT_OK;
}

/* ---- softmax ---- */

typedef struct {
  const vft_op *op;
  const vft_operand *score;
  const int8_t *mask; /* [mask_rows][columns] or NULL */
  const int32_t *table;
  int64_t lift, lo, hi;
  int k;
  place max, high, low, t, e;
  limbs max_limbs, rho;
  size_t bad_max, bad_t;
} softmax;

/* Columns [j, j + n) of a row: score times lift plus one half; in[i] = 0 where masked. */
static const int8_t *row_tile(const softmax *w, size_t row, size_t j, size_t n, int64_t *y) {
  static const int8_t all[TILE] = {[0 ... TILE - 1] = 1};
  size_t columns = w->op->softmax.columns;
  int64_t half = w->k ? (int64_t)1 << (w->k - 1) : 0;
  vft_load(w->score->data, w->score->dtype, row * columns + j, n, y);
  vft_rows()->affine(y, w->lift, half, n);
  return w->mask ? w->mask + row % w->op->softmax.mask_rows * columns + j : all;
}

/* Greatest rounded score of the row's unmasked columns, and the first column that has it. */
static int64_t row_max(const softmax *w, size_t row, size_t *where) {
  size_t columns = w->op->softmax.columns;
  int64_t y[TILE], best = INT64_MIN;
  *where = 0;
  for (size_t j = 0; j < columns; j += TILE) {
    size_t n = columns - j < TILE ? columns - j : TILE;
    const int8_t *in = row_tile(w, row, j, n, y);
    int64_t top = vft_rows()->top(y, in, w->k, n);
    if (top <= best) continue;
    best = top;
    size_t i = 0;
    while (!in[i] || y[i] >> w->k != best) i++;
    *where = j + i;
  }
  return best;
}

static void softmax_row(softmax *w, size_t row) {
  const vft_op_softmax *s = &w->op->softmax;
  size_t columns = s->columns, where;
  int64_t y[TILE], t[TILE], v[TILE], rho[TILE], best = row_max(w, row, &where);
  if (best < w->lo || best > w->hi) offer(&w->bad_max, row);
  put(&w->max, row, 1, &best);
  put_limbs(&w->max_limbs, row, 1, &best);
  for (size_t j = 0; j < columns; j += TILE) {
    size_t n = columns - j < TILE ? columns - j : TILE;
    const int8_t *in = row_tile(w, row, j, n, y);
    int64_t most = vft_rows()->below(t, rho, y, in, best, w->k, n);
    for (size_t i = 0; i < n; i++) v[i] = in[i] ? w->table[t[i] & 65535] : 0;
    bool ok = most <= 65535;
    if (!ok) offer(&w->bad_t, row);
    put(&w->t, row * columns + j, n, t);
    put(&w->e, row * columns + j, n, v);
    put_limbs(&w->rho, row * columns + j, n, rho);
  }
  if (!w->high.array || !w->high.array->data) return;
  size_t low = s->low_columns, high = columns / low;
  for (size_t j = 0; j < high; j++)
    vft_array_set(w->high.array, w->high.base + row * high + j, j == where / low);
  for (size_t j = 0; j < low; j++)
    vft_array_set(w->low.array, w->low.base + row * low + j, j == where % low);
}

static void softmax_body(void *ctx, size_t begin, size_t end) {
  for (size_t r = begin; r < end; r++) softmax_row(ctx, r);
}

static vft_status run_softmax(vft_exec *e, const vft_op *op, uint32_t i) {
  const vft_program *p = e->step->program;
  const vft_op_softmax *s = &op->softmax;
  const vft_tensor *m = &p->tensors[s->max];
  uint32_t index = i - op->loop_first;
  size_t points = vft_exec_points(op), rows = points / s->columns;
  vft_operand score;
  TRY(bind(e, op, &op->terms[0].factor[0], i, &score));
  softmax w = {.op = op, .score = &score, .k = op->shift[op->nshift > 1 ? index : 0],
               .lift = op->terms[0].coef, .lo = m->lo, .hi = m->hi, .bad_max = NONE, .bad_t = NONE};
  for (uint32_t f = 1; f < op->terms[0].nfactors; f++) { /* exponents per layer */
    vft_operand c;
    TRY(bind(e, op, &op->terms[0].factor[f], i, &c));
    int64_t v;
    vft_load(c.data, c.dtype, 0, 1, &v);
    w.lift *= v;
  }
  if (s->mask != VFT_NO_TENSOR) w.mask = e->array[s->mask].data; /* bits: stored as I8 */
  w.table = e->table[op->table];
  w.max = place_of(e, s->max, rows, index);
  w.high = place_of(e, s->high, rows * (s->columns / s->low_columns), index);
  w.low = place_of(e, s->low, rows * s->low_columns, index);
  w.t = place_of(e, s->t, points, index);
  w.e = place_of(e, s->e, points, index);
  find_limbs(e, e->step->wide_of[s->max], index * rows, &w.max_limbs);
  find_limbs(e, op->rem, index * points, &w.rho);
  vft_parallel_for(rows, s->columns > 4096 ? 1 : 4096 / s->columns + 1, softmax_body, &w);
  if (w.bad_max != NONE) {
    size_t where;
    return overflow(op, m->name, i, w.bad_max, row_max(&w, w.bad_max, &where), m->lo, m->hi);
  }
  if (w.bad_t != NONE)
    return vft_fail(VFT_RESOURCE,
                    "overflow: tensor %s, %s %u, row %zu: scores spread over more than the table's "
                    "range (65535 steps); calibrate on a public text closer to the data",
                    p->tensors[s->t].name, op->section == VFT_SECTION_HEAD ? "sequence" : "layer",
                    i, w.bad_t);
  return VFT_OK;
}

/* ---- one-hots ---- */

static vft_status run_onehot(vft_exec *e, const vft_op *op) {
  const vft_program *p = e->step->program;
  const vft_array *ids = &e->array[op->terms[0].factor[0].tensor];
  const vft_tensor *h = &p->tensors[op->out.tensor], *l = &p->tensors[op->extra[0]];
  if (!ids->data) return vft_fail(VFT_USAGE, "training step: %s has no token ids", op->name);
  size_t high = h->dims[h->rank - 1], low = l->dims[l->rank - 1], tokens = vft_exec_points(op);
  for (size_t i = 0; i < tokens; i++) {
    int64_t id = vft_array_get(ids, i);
    if (id < 0 || (size_t)id >= high * low)
      return vft_fail(VFT_USAGE, "training step: token id %" PRId64 " at position %zu", id, i);
    for (size_t j = 0; j < high; j++)
      vft_array_set(&e->array[op->out.tensor], i * high + j, (size_t)id / low == j);
    for (size_t j = 0; j < low; j++)
      vft_array_set(&e->array[op->extra[0]], i * low + j, (size_t)id % low == j);
  }
  return VFT_OK;
}

vft_status vft_exec_op(vft_exec *e, const vft_op *op, uint32_t i) {
  switch (op->kind) {
    case VFT_OP_TABLE: return run_table(e, op, i);
    case VFT_OP_SOFTMAX: return run_softmax(e, op, i);
    case VFT_OP_ONEHOT: return run_onehot(e, op);
    default: return run_finish(e, op, i);
  }
}
