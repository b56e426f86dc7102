/* The form that a circuit is known by.
 *
 * What a cell is does not depend on when it was recorded: a name of 128 bits is made of its kind and,
 * for constants, parts and sums, of its value or of the names of what it refers to (the factors of a
 * product in the order of their names); others are known by their number, which the order of the
 * verifier's statements fixes. Constants, parts and sums that nothing needs are dropped, equal ones
 * are one, and each kind is sorted: constants by value, parts by name, sums by depth and name, zeros by
 * the new number of their cell, each once. Names sort, and find what is equal: two
 * different cells with one name, which can be made, fail the circuit (merges_hold) or, of constants, make an
 * order that is not reproducible. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "recurse/circuit.h"

typedef struct {
  uint64_t w[2];
} name;

typedef struct {
  name n;
  uint32_t depth, old;
} item;

typedef struct {
  vft_circuit *c;
  item *sum, *part, *constant; /* by old number */
  uint32_t *to[3];             /* new numbers of constants, parts, sums */
} work;

static uint64_t mix(uint64_t h, uint64_t x) {
  h = (h ^ x) * 0x9e3779b97f4a7c15ull;
  h ^= h >> 32;
  return h * 0xd6e8feb86659fd93ull;
}

static name join(uint64_t tag, const uint64_t *x, int n) {
  name out = {{mix(tag, 0x243f6a8885a308d3ull), mix(tag, 0x13198a2e03707344ull)}};
  for (int i = 0; i < n; i++) {
    out.w[0] = mix(out.w[0], x[i]);
    out.w[1] = mix(out.w[1], x[i] + 0xa4093822299f31d0ull);
  }
  return out;
}

static int compare(const name *a, const name *b) {
  for (int i = 0; i < 2; i++)
    if (a->w[i] != b->w[i]) return a->w[i] < b->w[i] ? -1 : 1;
  return 0;
}

/* Name and depth of a wire; of a sum, one that has been named. */
static name name_of(const work *w, vft_wire x, uint32_t *depth) {
  uint32_t i = vft_wire_number(x);
  const item *of = NULL;
  switch (vft_wire_kind(x)) {
    case VFT_CELL_CONSTANT: of = &w->constant[i]; break;
    case VFT_CELL_SUM: of = &w->sum[i]; break;
    case VFT_CELL_PART: {
      vft_wire_part p = w->c->part[i];
      name inner = name_of(w, p.wire, depth); /* parts of parts are not made: one level */
      return join(VFT_CELL_PART, (uint64_t[]){inner.w[0], inner.w[1], p.part}, 3);
    }
    default: break;
  }
  if (!of) return join(vft_wire_kind(x), (uint64_t[]){i}, 1);
  if (of->depth > *depth) *depth = of->depth;
  return of->n;
}

static void name_all(work *w) {
  vft_circuit *c = w->c;
  for (uint32_t i = 0; i < c->cells[VFT_CELL_CONSTANT].n; i++) {
    vft_ext v = c->cells[VFT_CELL_CONSTANT].value[i];
    w->constant[i].n =
        join(VFT_CELL_CONSTANT, (uint64_t[]){v.c[0].v, v.c[1].v, v.c[2].v}, 3);
  }
  for (uint32_t i = 0; i < c->cells[VFT_CELL_SUM].n; i++) {
    vft_sum_op *op = &c->sum[i];
    uint32_t depth = 0;
    name a = name_of(w, op->a, &depth), b = name_of(w, op->b, &depth), d = name_of(w, op->c, &depth);
    if (compare(&a, &b) > 0) {
      vft_wire swap = op->a;
      op->a = op->b;
      op->b = swap;
      name other = a;
      a = b;
      b = other;
    }
    w->sum[i].n = join(VFT_CELL_SUM, (uint64_t[]){a.w[0], a.w[1], b.w[0], b.w[1], d.w[0], d.w[1]}, 6);
    w->sum[i].depth = depth + 1;
  }
}

/* ---- what is needed ---- */

static void need(const work *w, uint8_t *const needed[3], vft_wire x) {
  uint32_t i = vft_wire_number(x);
  switch (vft_wire_kind(x)) {
    case VFT_CELL_CONSTANT: needed[0][i] = 1; break;
    case VFT_CELL_PART:
      if (needed[1][i]) break;
      needed[1][i] = 1;
      need(w, needed, w->c->part[i].wire);
      break;
    case VFT_CELL_SUM: needed[2][i] = 1; break;
    default: break;
  }
}

static void need_all(const work *w, uint8_t *const needed[3]) {
  const vft_circuit *c = w->c;
  needed[0][0] = 1;
  for (uint32_t i = 0; i < c->nsponge; i++) {
    need(w, needed, c->sponge[i].swap);
    for (int k = 0; k < VFT_POSEIDON_RATE; k++) need(w, needed, c->sponge[i].lane[k].wire);
  }
  for (uint32_t i = 0; i < c->nsplit; i++) need(w, needed, c->split[i].wire);
  for (uint32_t i = 0; i < c->cells[VFT_CELL_FETCH].n; i++) need(w, needed, c->fetch[i].index);
  for (uint32_t i = 0; i < c->nzero; i++) need(w, needed, c->zero[i]);
  for (uint32_t i = c->cells[VFT_CELL_SUM].n; i-- > 0;) {
    if (!needed[2][i]) continue;
    need(w, needed, c->sum[i].a);
    need(w, needed, c->sum[i].b);
    need(w, needed, c->sum[i].c);
  }
}

/* ---- sorting ---- */

static int by_name(const void *a, const void *b) {
  const item *x = a, *y = b;
  if (x->depth != y->depth) return x->depth < y->depth ? -1 : 1;
  return compare(&x->n, &y->n);
}

static _Thread_local const vft_ext *sorted_constants; /* for qsort */
static int by_value(const void *a, const void *b) {
  const vft_ext *x = &sorted_constants[((const item *)a)->old];
  const vft_ext *y = &sorted_constants[((const item *)b)->old];
  for (int k = 0; k < 3; k++)
    if (x->c[k].v != y->c[k].v) return x->c[k].v < y->c[k].v ? -1 : 1;
  return 0;
}

/* The needed ones to the front, in order; equal ones become one. to[old] = new number. */
static uint32_t sort(item *list, uint32_t n, const uint8_t *needed,
                     int (*order)(const void *, const void *), bool same, uint32_t *to) {
  uint32_t kept = 0, out = 0;
  for (uint32_t i = 0; i < n; i++) {
    list[i].old = i;
    if (needed[i]) list[kept++] = list[i];
  }
  qsort(list, kept, sizeof *list, order);
  for (uint32_t i = 0; i < kept; i++) {
    if (same && out && !order(&list[out - 1], &list[i])) {
      to[list[i].old] = out - 1;
      continue;
    }
    to[list[i].old] = out;
    list[out++] = list[i];
  }
  return out;
}

static void move(const work *w, vft_wire *x) {
  vft_cell_kind kind = vft_wire_kind(*x);
  int which = kind == VFT_CELL_CONSTANT ? 0 : kind == VFT_CELL_PART ? 1 : kind == VFT_CELL_SUM ? 2 : -1;
  if (which >= 0) *x = (vft_wire)kind << VFT_WIRE_BITS | w->to[which][vft_wire_number(*x)];
}

static int by_wire(const void *a, const void *b) {
  vft_wire x = *(const vft_wire *)a, y = *(const vft_wire *)b;
  return (x > y) - (x < y);
}

/* Takes the chosen items of a kind, in their new order. */
static bool take(vft_circuit *c, vft_cell_kind kind, const item *list, uint32_t n, void *op,
                 size_t size) {
  vft_ext *value = vft_alloc_raw(n + 1, sizeof *value);
  uint8_t *ops = vft_alloc_raw(n + 1, size ? size : 1);
  bool good = value && ops;
  for (uint32_t i = 0; good && i < n; i++) {
    value[i] = c->cells[kind].value[list[i].old];
    if (size) memcpy(ops + i * size, (uint8_t *)op + list[i].old * size, size);
  }
  if (good) {
    if (n) memcpy(c->cells[kind].value, value, n * sizeof *value);
    if (size && n) memcpy(op, ops, n * size);
    c->cells[kind].n = n;
  }
  vft_free(value);
  vft_free(ops);
  return good;
}

/* Whether cells that became one are one: they have the same new operands, which for sums and parts of equal
 * operands says the same of their values. */
static bool merges_hold(const work *w, const item *const list[3], const uint8_t *const needed[3]) {
  const vft_circuit *c = w->c;
  for (uint32_t i = 0; i < c->cells[VFT_CELL_SUM].n; i++) {
    if (!needed[2][i]) continue;
    vft_sum_op own = c->sum[i], kept = c->sum[list[2][w->to[2][i]].old];
    vft_wire *x[2][3] = {{&own.a, &own.b, &own.c}, {&kept.a, &kept.b, &kept.c}};
    for (int k = 0; k < 3; k++) {
      move(w, x[0][k]);
      move(w, x[1][k]);
      if (*x[0][k] != *x[1][k]) return false;
    }
  }
  for (uint32_t i = 0; i < c->cells[VFT_CELL_PART].n; i++) {
    if (!needed[1][i]) continue;
    vft_wire_part own = c->part[i], kept = c->part[list[1][w->to[1][i]].old];
    move(w, &own.wire);
    move(w, &kept.wire);
    if (own.wire != kept.wire || own.part != kept.part) return false;
  }
  return true;
}

static bool rearrange(work *w) {
  vft_circuit *c = w->c;
  static const vft_cell_kind kind[3] = {VFT_CELL_CONSTANT, VFT_CELL_PART, VFT_CELL_SUM};
  uint8_t *needed[3] = {NULL};
  item *list[3] = {w->constant, w->part, w->sum};
  bool good = true;
  for (int k = 0; k < 3; k++) {
    needed[k] = vft_alloc(c->cells[kind[k]].n + 1, 1);
    w->to[k] = vft_alloc(c->cells[kind[k]].n + 1, sizeof *w->to[k]);
    good = good && needed[k] && w->to[k];
  }
  if (good) {
    need_all(w, needed);
    for (uint32_t i = 0; i < c->cells[VFT_CELL_PART].n; i++) {
      uint32_t depth = 0;
      w->part[i].n = name_of(w, (vft_wire)VFT_CELL_PART << VFT_WIRE_BITS | i, &depth);
    }
    sorted_constants = c->cells[VFT_CELL_CONSTANT].value;
    uint32_t n[3];
    for (int k = 0; k < 3; k++)
      n[k] = sort(list[k], c->cells[kind[k]].n, needed[k], k ? by_name : by_value, k > 0, w->to[k]);
    if (!merges_hold(w, (const item *const *)list, (const uint8_t *const *)needed))
      c->status = vft_fail(VFT_USAGE, "circuit: different cells have one name");
    good = take(c, kind[0], list[0], n[0], NULL, 0) &&
           take(c, kind[1], list[1], n[1], c->part, sizeof *c->part) &&
           take(c, kind[2], list[2], n[2], c->sum, sizeof *c->sum);
  }
  for (int k = 0; k < 3; k++) vft_free(needed[k]);
  return good;
}

static void move_all(const work *w) {
  vft_circuit *c = w->c;
  for (uint32_t i = 0; i < c->cells[VFT_CELL_SUM].n; i++) {
    move(w, &c->sum[i].a);
    move(w, &c->sum[i].b);
    move(w, &c->sum[i].c);
  }
  for (uint32_t i = 0; i < c->nsponge; i++) {
    move(w, &c->sponge[i].swap);
    for (int k = 0; k < VFT_POSEIDON_RATE; k++) move(w, &c->sponge[i].lane[k].wire);
  }
  for (uint32_t i = 0; i < c->nsplit; i++) move(w, &c->split[i].wire);
  for (uint32_t i = 0; i < c->cells[VFT_CELL_PART].n; i++) move(w, &c->part[i].wire);
  for (uint32_t i = 0; i < c->cells[VFT_CELL_FETCH].n; i++) move(w, &c->fetch[i].index);
  uint32_t kept = 0;
  for (uint32_t i = 0; i < c->nzero; i++) move(w, &c->zero[i]);
  if (c->nzero) qsort(c->zero, c->nzero, sizeof *c->zero, by_wire);
  for (uint32_t i = 0; i < c->nzero; i++)
    if (!i || c->zero[i] != c->zero[i - 1]) c->zero[kept++] = c->zero[i];
  c->nzero = kept;
}

/* Which sums are narrow; those that one needs come before it. */
static void rank_sums(vft_circuit *c) {
  c->nnarrow = 0;
  for (uint32_t i = 0; i < c->cells[VFT_CELL_SUM].n; i++) {
    c->narrow[i] = vft_circuit_is_narrow(c, c->sum[i].a) && vft_circuit_is_narrow(c, c->sum[i].b) &&
                   vft_circuit_is_narrow(c, c->sum[i].c);
    c->rank[i] = c->narrow[i] ? c->nnarrow++ : i - c->nnarrow;
  }
}

void vft_circuit_prune(vft_circuit *c) {
  work w = {.c = c};
  if (c->status != VFT_OK) return;
  w.constant = vft_alloc(c->cells[VFT_CELL_CONSTANT].n + 1, sizeof *w.constant);
  w.part = vft_alloc(c->cells[VFT_CELL_PART].n + 1, sizeof *w.part);
  w.sum = vft_alloc(c->cells[VFT_CELL_SUM].n + 1, sizeof *w.sum);
  bool good = w.constant && w.part && w.sum;
  if (good) {
    name_all(&w);
    good = rearrange(&w);
  }
  if (good) {
    move_all(&w);
    rank_sums(c);
  } else {
    c->status = VFT_RESOURCE;
  }
  for (int s = 0; s < 2; s++) { /* nothing more is recorded */
    vft_free(c->slot[s]);
    c->slot[s] = NULL;
    c->slots[s] = 0;
  }
  for (int k = 0; k < 3; k++) vft_free(w.to[k]);
  vft_free(w.constant);
  vft_free(w.part);
  vft_free(w.sum);
}
