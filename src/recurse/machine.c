#include "recurse/machine.h"

#include <string.h>

#include "gadget/poseidon.h"
#include "relation/layout.h"

enum { TAG_CELLS = VFT_TAG_FIRST_FUNCTION, TAG_PARTS };

typedef struct {
  vft_machine *m;
  vft_builder b;
  vft_poseidon_constants poseidon;
} build;

static const vft_frac no_frac;

static uint64_t cells_of(const vft_machine_shape *s, vft_cell_kind kind) {
  switch (kind) {
    case VFT_CELL_CONSTANT: return s->constants;
    case VFT_CELL_FREE: return s->frees;
    case VFT_CELL_FETCH: return s->fetches;
    case VFT_CELL_SPONGE: return (uint64_t)VFT_SPONGE_KEPT * s->permutations;
    case VFT_CELL_INPUT: return s->inputs;
    case VFT_CELL_BASE: return s->bases;
    case VFT_CELL_BIT: return (uint64_t)VFT_SPLIT_BITS * s->splits;
    case VFT_CELL_PART: return s->parts;
    case VFT_CELL_SUM: return s->sums;
    default: return 0;
  }
}

uint64_t vft_machine_cells(const vft_machine_shape *s, vft_segment segment) {
  uint64_t n = segment == VFT_SEGMENT_NARROW ? s->narrow_sums : 0;
  if (segment == VFT_SEGMENT_TOTAL) return s->sums;
  for (int k = 0; k < VFT_CELL_SUM; k++)
    if ((k >= VFT_CELL_NARROW) == (segment == VFT_SEGMENT_NARROW)) n += cells_of(s, (vft_cell_kind)k);
  return n;
}

static vft_status check_shape(vft_machine *m) {
  const vft_machine_shape *s = &m->shape;
  uint64_t at = 0;
  bool none = !s->narrow_sums;
  for (int k = 0; k < VFT_CELL_KINDS; k++) {
    uint64_t n = cells_of(s, (vft_cell_kind)k);
    none = none || !n;
    if (k == VFT_CELL_NARROW) m->first_of[VFT_SEGMENT_NARROW] = (uint32_t)at;
    if (k == VFT_CELL_SUM) {
      m->first_narrow_sum = (uint32_t)at;
      at += s->narrow_sums;
      m->first_of[VFT_SEGMENT_TOTAL] = (uint32_t)at;
    }
    m->first[k] = (uint32_t)at;
    at += n;
    if (none || at > (uint64_t)1 << VFT_MACHINE_LOG)
      return vft_fail(VFT_USAGE, "circuit prover: a kind without a cell, or more than 2^%d of them",
                      VFT_MACHINE_LOG);
  }
  if (s->permutations < 2 || !s->zeros)
    return vft_fail(VFT_USAGE, "circuit prover: a shape has two permutations and a zero at least");
  return VFT_OK;
}

/* ---- vocabulary ---- */

static const char *name1(build *c, const char *fmt, int i) {
  return vft_build_name(&c->b, fmt, i); /* a constant format of the caller */
}

static vft_tensor_id witness(build *c, const char *name, const char *axes) {
  return vft_build_field(&c->b, VFT_WITNESS, 0, name, axes, NULL);
}

/* Numbers of cells, parts and switches: integers of the wiring. */
static vft_tensor_id wire(build *c, const char *name, const char *axes, int64_t hi) {
  return vft_build_tensor(&c->b, VFT_LINK, c->m->wiring, name, axes, 0, hi, NULL, no_frac);
}

/* Rows first .. first + rows - 1 of a tag; 0: RANGE. */
static void table(build *c, const char *name, int64_t tag, uint32_t first, uint32_t rows,
                  const vft_tensor_id *out, int n) {
  vft_builder *b = &c->b;
  b->size['Y'] = rows;
  vft_table t = {.name = name, .kind = tag ? VFT_TABLE_FUNCTION : VFT_TABLE_RANGE, .tag = tag,
                 .first = first, .rows = rows,
                 .mult = vft_build_tensor(b, VFT_WITNESS, 0, vft_build_name(b, "%s/mult", name), "Y",
                                          0, ((int64_t)1 << 31) - 1, NULL, no_frac)};
  for (int i = 0; i < VFT_TABLE_OUTS; i++) t.out[i] = i < n ? out[i] : VFT_NO_TENSOR;
  if (b->status == VFT_OK && vft_program_add_table(b->p, &t) == UINT32_MAX) b->status = VFT_USAGE;
}

/* Index expression of a kind's cells in its segment, row by row of the axis. */
static const char *range_of(build *c, char axis, vft_segment segment, uint32_t first) {
  return vft_build_name(&c->b, "%c+%u", axis, first - c->m->first_of[segment]);
}

/* The number of the last cell. */
static int64_t last_cell(const build *c) {
  return (int64_t)c->m->first[VFT_CELL_SUM] + c->m->shape.sums - 1;
}

/* (tag terms, number, values) is a row of the memory. */
static void lookup(build *c, const char *name, const char *axes, const vft_raw_term *tag, int ntag,
                   const vft_raw_term *number, int nnumber, const vft_raw_term *value, int nvalue) {
  const vft_raw_term *col[VFT_LOOKUP_COLS] = {tag, number};
  int n[VFT_LOOKUP_COLS] = {ntag, nnumber};
  for (int i = 0; i < nvalue; i++) {
    col[2 + i] = &value[i];
    n[2 + i] = 1;
  }
  vft_build_lookup(&c->b, name, axes, col, n);
}

/* ---- memory ---- */

static void add_memory(build *c) {
  vft_machine *m = c->m;
  vft_builder *b = &c->b;
  const vft_machine_shape *s = &m->shape;
  uint32_t n[VFT_SEGMENTS];
  for (int i = 0; i < VFT_SEGMENTS; i++) n[i] = (uint32_t)vft_machine_cells(s, (vft_segment)i);
  const uint32_t *first = m->first_of;
  table(c, "range", 0, 0, 2u << VFT_MAX_RANGE_BITS, NULL, 0);
  b->size['Y'] = n[VFT_SEGMENT_WIDE];
  for (int k = 0; k < 3; k++) m->wide[k] = witness(c, name1(c, "wide/%d", k), "Y");
  b->size['Y'] = n[VFT_SEGMENT_NARROW];
  m->narrow = witness(c, "narrow", "Y");
  b->size['Y'] = n[VFT_SEGMENT_TOTAL];
  for (int k = 0; k < 3; k++) m->total[k] = witness(c, name1(c, "total/%d", k), "Y");
  table(c, "cells/wide", TAG_CELLS, first[VFT_SEGMENT_WIDE], n[VFT_SEGMENT_WIDE], m->wide, 3);
  table(c, "cells/narrow", TAG_CELLS, first[VFT_SEGMENT_NARROW], n[VFT_SEGMENT_NARROW], &m->narrow, 1);
  table(c, "cells/total", TAG_CELLS, first[VFT_SEGMENT_TOTAL], n[VFT_SEGMENT_TOTAL], m->total, 3);
  for (int k = 0; k < 3; k++)
    table(c, name1(c, "part%d/wide", k), TAG_PARTS + k, first[VFT_SEGMENT_WIDE], n[VFT_SEGMENT_WIDE],
          &m->wide[k], 1);
  table(c, "part0/narrow", TAG_PARTS, first[VFT_SEGMENT_NARROW], n[VFT_SEGMENT_NARROW], &m->narrow, 1);
  b->size['c'] = s->constants;
  b->size['u'] = s->inputs;
  m->input = vft_build_field(b, VFT_PUBLIC, 0, "input", "u", NULL);
  for (int k = 0; k < 3; k++) {
    m->constant[k] = vft_build_field(b, VFT_LINK, m->wiring, name1(c, "constant/%d", k), "c", NULL);
    vft_raw_term known[2] = {
        VFT_RAW1(1, m->wide[k], range_of(c, 'c', VFT_SEGMENT_WIDE, m->first[VFT_CELL_CONSTANT])),
        VFT_RAW1(-1, m->constant[k], "c")};
    vft_build_field_zero(b, name1(c, "constants/%d", k), "c", known, 2);
  }
  vft_raw_term given[2] = {
      VFT_RAW1(1, m->narrow, range_of(c, 'u', VFT_SEGMENT_NARROW, m->first[VFT_CELL_INPUT])),
      VFT_RAW1(-1, m->input, "u")};
  vft_build_field_zero(b, "inputs", "u", given, 2);
}

/* ---- sums ---- */

/* (a b)_k = sum of a_i b_j over the pairs with X^(i+j) having coordinate k: X^3 = X + 1,
 * X^4 = X^2 + X. */
static bool contributes(int i, int j, int k) {
  int e = i + j;
  return e < 3 ? k == e : k == e - 3 || k == e - 2;
}

/* Those that are narrow have one coordinate. */
static void add_sums(build *c, bool narrow) {
  vft_machine *m = c->m;
  vft_builder *b = &c->b;
  const char *name = narrow ? "narrow_sum" : "sum";
  vft_raw_term tag = VFT_RAW0(narrow ? TAG_PARTS : TAG_CELLS);
  int width = narrow ? 1 : 3;
  b->size['n'] = narrow ? m->shape.narrow_sums : m->shape.sums;
  for (int o = 0; o < 3; o++) {
    m->at_sum[narrow][o] = wire(c, vft_build_name(b, "%s/at_%c", name, 'a' + o), "n", last_cell(c));
    vft_raw_term at = VFT_RAW1(1, m->at_sum[narrow][o], "n"), v[3];
    for (int k = 0; k < width; k++) {
      m->sum[narrow][o][k] = witness(c, vft_build_name(b, "%s/%c%d", name, 'a' + o, k), "n");
      v[k] = VFT_RAW1(1, m->sum[narrow][o][k], "n");
    }
    lookup(c, vft_build_name(b, "%s/read_%c", name, 'a' + o), "n", &tag, 1, &at, 1, v, width);
  }
  for (int k = 0; k < width; k++) {
    const char *to = narrow ? range_of(c, 'n', VFT_SEGMENT_NARROW, m->first_narrow_sum)
                            : range_of(c, 'n', VFT_SEGMENT_TOTAL, m->first[VFT_CELL_SUM]);
    vft_raw_term t[2 + 9] = {VFT_RAW1(1, narrow ? m->narrow : m->total[k], to),
                             VFT_RAW1(-1, m->sum[narrow][2][k], "n")};
    int n = 2;
    for (int i = 0; i < width; i++)
      for (int j = 0; j < width; j++)
        if (contributes(i, j, k))
          t[n++] = VFT_RAW2(-1, m->sum[narrow][0][i], "n", m->sum[narrow][1][j], "n");
    vft_build_field_zero(b, vft_build_name(b, "%s/%d", name, k), "n", t, n);
  }
}

/* ---- permutations ---- */

static void add_permutations(build *c) {
  vft_machine *m = c->m;
  vft_builder *b = &c->b;
  uint32_t n = m->shape.permutations;
  int64_t last = last_cell(c);
  b->size['p'] = n;
  b->size['g'] = VFT_POSEIDON_RATE;
  b->size['j'] = VFT_POSEIDON_CAPACITY;
  m->at_lane = wire(c, "sponge/at", "pg", last);
  m->part_lane = wire(c, "sponge/part", "pg", 2);
  m->capacity = vft_build_field(b, VFT_LINK, m->wiring, "sponge/capacity", "pj", NULL);
  m->goes_on = wire(c, "sponge/goes_on", "p", 1);
  m->lane = witness(c, "sponge/lane", "pg");
  vft_raw_term tag[2] = {VFT_RAW0(TAG_PARTS), VFT_RAW1(1, m->part_lane, "pg")};
  vft_raw_term at = VFT_RAW1(1, m->at_lane, "pg"), v = VFT_RAW1(1, m->lane, "pg");
  lookup(c, "sponge/read", "pg", tag, 2, &at, 1, &v, 1);
  m->at_swap = wire(c, "sponge/at_swap", "p", last);
  m->swap = witness(c, "sponge/swap", "p");
  vft_raw_term parts = VFT_RAW0(TAG_PARTS), bit = VFT_RAW1(1, m->at_swap, "p");
  vft_raw_term swap = VFT_RAW1(1, m->swap, "p");
  lookup(c, "sponge/read_swap", "p", &parts, 1, &bit, 1, &swap, 1);
  vft_raw_term boolean[2] = {VFT_RAW2(1, m->swap, "p", m->swap, "p"), VFT_RAW1(-1, m->swap, "p")};
  vft_build_field_zero(b, "sponge/swap", "p", boolean, 2);
  vft_poseidon_chain chain = vft_build_poseidon_chain(b, &c->poseidon, "sponge", "p", VFT_NO_TENSOR,
                                                      VFT_POSEIDON_COMMITTED);
  memcpy(m->x, chain.x, sizeof m->x);
  m->y = chain.y;
  m->out = vft_build_poseidon_out(b, &c->poseidon, &chain, "sponge");
  vft_tensor_id rc = c->poseidon.first_rc;
  /* Row 0 starts, each other one starts or goes on from the row above. */
  for (int later = 0; later < 2; later++) {
    const char *row = later ? "p+1" : "p", *when = later ? "later" : "first";
    b->size['p'] = later ? n - 1 : 1;
    /* parts 0 .. 3, parts 4 .. 7, capacity; swap s: lane_i + s (lane_(i +- 4) - lane_i) */
    b->size['i'] = 4;
    for (int part = 0; part < 3; part++) {
      static const char *const what[3] = {"low", "high", "capacity"};
      const char *lanes = vft_build_name(b, "i+%d", 4 * part);
      const char *own = part == 2 ? vft_build_name(b, "%si", row)
                                  : vft_build_name(b, "%s%s", row, lanes);
      const char *other = vft_build_name(b, "%si+%d", row, part ? 0 : 4);
      vft_raw_term t[6] = {VFT_RAW1(1, m->x[0], vft_build_name(b, "%s%s", row, lanes)),
                           VFT_RAW1(-1, rc, lanes),
                           VFT_RAW1(-1, part == 2 ? m->capacity : m->lane, own)};
      int n_terms = 3;
      if (part < 2) {
        t[n_terms++] = VFT_RAW2(1, m->swap, row, m->lane, own);
        t[n_terms++] = VFT_RAW2(-1, m->swap, row, m->lane, other);
      }
      if (later)
        t[n_terms++] = VFT_RAW2(-1, m->goes_on, row, m->out, vft_build_name(b, "p%s", lanes));
      vft_build_field_zero(b, vft_build_name(b, "sponge/%s_%s", when, what[part]), "pi", t,
                           n_terms);
    }
  }
  b->size['i'] = 4;
  b->size['p'] = n;
  for (uint32_t i = 0; i < 3 * VFT_SPONGE_KEPT; i++) {
    vft_raw_term t[2] = {
        VFT_RAW1(1, m->wide[i % 3],
                 range_of(c, 'p', VFT_SEGMENT_WIDE, m->first[VFT_CELL_SPONGE] + i / 3 * n)),
        VFT_RAW1(-1, m->out, vft_build_name(b, "pz+%u", i))};
    vft_build_field_zero(b, name1(c, "sponge/write_%d", (int)i), "pz", t, 2);
  }
}

/* ---- splits ---- */

/* x = lo + 2^32 hi with lo = sum 2^i bit_i and hi = limb_0 + 2^16 limb_1, so 0 <= lo, hi < 2^32:
 * an integer below 2^64 that is congruent to x. It is x itself, below p = 2^64 - 2^32 + 1, unless
 * hi = 2^32 - 1 and lo > 0. With t = 2^32 - 1 - hi: inverse t + top = 1, top t = 0 and
 * top inverse = 0 have the one solution top = (t = 0), inverse = 1 / t or 0 for t = 0; and
 * top lo = 0. */
static void add_splits(build *c) {
  vft_machine *m = c->m;
  vft_builder *b = &c->b;
  int64_t number[VFT_SPLIT_BITS], power[VFT_SPLIT_BITS];
  uint32_t n = m->shape.splits;
  b->size['r'] = n;
  b->size['e'] = VFT_SPLIT_BITS;
  m->at_split = wire(c, "split/at", "r", last_cell(c));
  m->part_split = wire(c, "split/part", "r", 2);
  m->split_to = wire(c, "split/to", "r", last_cell(c));
  m->split = witness(c, "split/x", "r");
  m->bit = witness(c, "split/bit", "re");
  for (int i = 0; i < 2; i++)
    m->limb[i] = vft_build_tensor(b, VFT_WITNESS, 0, name1(c, "split/limb%d", i), "r", 0, 0xffff,
                                  NULL, no_frac);
  m->top = witness(c, "split/top", "r");
  m->inverse = witness(c, "split/inverse", "r");
  vft_raw_term tag[2] = {VFT_RAW0(TAG_PARTS), VFT_RAW1(1, m->part_split, "r")};
  vft_raw_term at = VFT_RAW1(1, m->at_split, "r"), v = VFT_RAW1(1, m->split, "r");
  lookup(c, "split/read", "r", tag, 2, &at, 1, &v, 1);
  for (int i = 0; i < 2; i++)
    vft_build_range(b, name1(c, "split/limb%d", i), "r", m->limb[i], 16, 0);
  vft_raw_term boolean[2] = {VFT_RAW2(1, m->bit, "re", m->bit, "re"), VFT_RAW1(-1, m->bit, "re")};
  vft_build_field_zero(b, "split/bit", "re", boolean, 2);
  for (int i = 0; i < VFT_SPLIT_BITS; i++) {
    number[i] = i;
    power[i] = (int64_t)1 << i;
  }
  vft_tensor_id weights = vft_build_tensor(b, VFT_PUBLIC, 0, "const/split/powers", "e", 0,
                                           (int64_t)1 << 31, power, no_frac);
  vft_tensor_id bits = vft_build_tensor(b, VFT_PUBLIC, 0, "const/split/bits", "e", 0,
                                        VFT_SPLIT_BITS - 1, number, no_frac);
  vft_raw_term sum[4] = {VFT_RAW1(1, m->split, "r"), VFT_RAW2(-1, weights, "e", m->bit, "re"),
                         VFT_RAW1(-((int64_t)1 << 32), m->limb[0], "r"),
                         VFT_RAW1(-((int64_t)1 << 48), m->limb[1], "r")};
  vft_build_field_zero(b, "split/sum", "r", sum, 4);
  int64_t most = ((int64_t)1 << 32) - 1;
  vft_raw_term inverse[5] = {
      VFT_RAW1(most, m->inverse, "r"), VFT_RAW2(-1, m->inverse, "r", m->limb[0], "r"),
      VFT_RAW2(-(1 << 16), m->inverse, "r", m->limb[1], "r"), VFT_RAW1(1, m->top, "r"),
      VFT_RAW0(-1)};
  vft_build_field_zero(b, "split/inverse", "r", inverse, 5);
  vft_raw_term top[3] = {VFT_RAW1(most, m->top, "r"), VFT_RAW2(-1, m->top, "r", m->limb[0], "r"),
                         VFT_RAW2(-(1 << 16), m->top, "r", m->limb[1], "r")};
  vft_build_field_zero(b, "split/top", "r", top, 3);
  vft_raw_term one = VFT_RAW2(1, m->top, "r", m->inverse, "r");
  vft_build_field_zero(b, "split/one_inverse", "r", &one, 1);
  vft_raw_term low = VFT_RAW3(1, weights, "e", m->top, "r", m->bit, "re");
  vft_build_field_zero(b, "split/canonical", "r", &low, 1);
  /* The bits are cells: row after row, low bit first, as the wiring has it, which knows the rows. */
  vft_raw_term cells = VFT_RAW0(TAG_CELLS), value[3] = {VFT_RAW1(1, m->bit, "re"), VFT_RAW0(0),
                                                       VFT_RAW0(0)};
  vft_raw_term place[2] = {VFT_RAW1(1, m->split_to, "r"), VFT_RAW1(1, bits, "e")};
  lookup(c, "split/write", "re", &cells, 1, place, 2, value, 1);
}

/* The picks are the wiring's. */
static void add_parts(build *c) {
  vft_machine *m = c->m;
  vft_builder *b = &c->b;
  b->size['f'] = m->shape.parts;
  b->size['z'] = 1;
  b->size['k'] = 3;
  m->at_part = wire(c, "part/at", "f", last_cell(c));
  m->pick = wire(c, "part/pick", "fk", 1);
  vft_raw_term tag = VFT_RAW0(TAG_CELLS), at = VFT_RAW1(1, m->at_part, "f"), v[3], t[4];
  for (int k = 0; k < 3; k++) {
    m->part[k] = witness(c, name1(c, "part/%d", k), "f");
    v[k] = VFT_RAW1(1, m->part[k], "f");
    t[k] = VFT_RAW2(-1, m->pick, vft_build_name(b, "fz+%d", k), m->part[k], "f");
  }
  lookup(c, "part/read", "f", &tag, 1, &at, 1, v, 3);
  t[3] = VFT_RAW1(1, m->narrow, range_of(c, 'f', VFT_SEGMENT_NARROW, m->first[VFT_CELL_PART]));
  vft_build_field_zero(b, "part", "fz", t, 4);
}

/* The index is range checked because numbers of rows are integers; it is what the cell has, so
 * an index that the circuit makes of bits is pinned by them. */
static void add_fetches(build *c) {
  vft_machine *m = c->m;
  vft_builder *b = &c->b;
  int64_t last = last_cell(c);
  b->size['d'] = m->shape.fetches;
  m->fetch_from = wire(c, "fetch/from", "d", last);
  m->at_index = wire(c, "fetch/at_index", "d", last);
  m->index = vft_build_tensor(b, VFT_WITNESS, 0, "fetch/index", "d", 0, 0xffff, NULL, no_frac);
  vft_build_range(b, "fetch/index", "d", m->index, 16, 0);
  vft_raw_term part = VFT_RAW0(TAG_PARTS), cells = VFT_RAW0(TAG_CELLS);
  vft_raw_term at = VFT_RAW1(1, m->at_index, "d"), index = VFT_RAW1(1, m->index, "d"), v[3];
  lookup(c, "fetch/read_index", "d", &part, 1, &at, 1, &index, 1);
  vft_raw_term to[2] = {VFT_RAW1(1, m->fetch_from, "d"), index};
  for (int k = 0; k < 3; k++)
    v[k] = VFT_RAW1(1, m->wide[k], range_of(c, 'd', VFT_SEGMENT_WIDE, m->first[VFT_CELL_FETCH]));
  lookup(c, "fetch/read", "d", &cells, 1, to, 2, v, 3);
}

static void add_zeros(build *c) {
  vft_machine *m = c->m;
  c->b.size['q'] = m->shape.zeros;
  m->at_zero = wire(c, "zero/at", "q", last_cell(c));
  vft_raw_term tag = VFT_RAW0(TAG_CELLS), at = VFT_RAW1(1, m->at_zero, "q");
  lookup(c, "zero/read", "q", &tag, 1, &at, 1, NULL, 0);
}

/* ---- assembling ---- */

vft_status vft_machine_build(const vft_machine_shape *shape, vft_machine **out) {
  *out = NULL;
  vft_status st = VFT_OK;
  vft_machine *m = vft_alloc(1, sizeof *m);
  build *c = vft_alloc(1, sizeof *c);
  if (!m || !c) {
    st = VFT_RESOURCE;
    goto out;
  }
  m->shape = *shape;
  TRY_OUT(check_shape(m));
  m->program = vft_program_new("circuit", shape->log_columns);
  if (!m->program) {
    st = VFT_USAGE;
    goto out;
  }
  c->m = m;
  c->b.p = m->program;
  c->b.arena = &m->program->arena;
  c->b.size['z'] = 1;
  m->wiring = vft_program_add_link(m->program, "wiring", false);
  add_memory(c);
  add_sums(c, true);
  add_sums(c, false);
  add_permutations(c);
  add_splits(c);
  add_parts(c);
  add_fetches(c);
  add_zeros(c);
  st = c->b.status;
out:
  vft_free(c);
  if (st == VFT_OK)
    *out = m;
  else
    vft_machine_free(m);
  return st;
}

void vft_machine_free(vft_machine *m) {
  if (!m) return;
  vft_program_free(m->program);
  vft_free(m);
}

vft_status vft_machine_inputs(const vft_machine *m, const vft_fp *input, uint32_t n,
                              int64_t ***inputs) {
  size_t tensors = m->program->ntensors, room = m->shape.inputs;
  if (n > m->shape.inputs)
    return vft_fail(VFT_USAGE, "circuit: %u inputs, the shape has %u", n, m->shape.inputs);
  int64_t **list = vft_alloc(1, tensors * sizeof *list + room * sizeof **list);
  if (!list) return VFT_RESOURCE;
  list[m->input] = (int64_t *)(void *)(list + tensors);
  for (uint32_t i = 0; i < n; i++) list[m->input][i] = vft_field_signed(input[i]);
  *inputs = list;
  return VFT_OK;
}
