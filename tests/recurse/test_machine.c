/* Soundness mutation of the machine that proves circuits: honest circuits are accepted; every
 * relation, lookup and table is attacked by a witness that is false in exactly that respect. The
 * plain checker names it and nothing else, the verifier rejects its proof; without the check both
 * accept. */
#include "prove/reduced.h"

#include <string.h>

#include "recurse/machine_trace.h"

/* Cells and rows that nothing reads: what they are has no consequences elsewhere. They are the last
 * of their kinds (where the shape has no room for more), so that a check that leaves out the last
 * row does not find what is false there. */
typedef struct {
  vft_wire constant, input, free_cell, sum, narrow_sum, part, fetch, index, zero;
  uint32_t split[6]; /* rows, by the value that is split */
} spare;
enum { TOP, SMALL, NO_LOW, LOW_ONLY, ANY, COORDINATE, SPLITS }; /* of spare.split */
enum { SPARE_ROWS = 5 }; /* of permutations: a chain of 3, the first rows; one of 2, the last */

typedef struct {
  vft_circuit *c;
  vft_machine *m;
  vft_trace t;
  spare s;
} world;

static uint64_t seed;
static uint64_t rnd(void) {
  seed ^= seed << 13;
  seed ^= seed >> 7;
  seed ^= seed << 17;
  return seed;
}
static vft_fp rnd_fp(void) { return vft_fp_from_u64(rnd()); }
static vft_ext rnd_ext(void) { return (vft_ext){{rnd_fp(), rnd_fp(), rnd_fp()}}; }

/* n permutations in a row. */
static void add_chain(vft_circuit *c, uint32_t n) {
  vft_wire open[3], run[5], one = vft_circuit_base(c, (vft_fp){1});
  vft_wire nought = vft_circuit_base(c, (vft_fp){0});
  vft_fp none[4] = {{0}}, capacity[4] = {{5}, {6}, {7}, {8}};
  uint32_t last = VFT_FRESH;
  for (int i = 0; i < 3; i++) open[i] = vft_circuit_free_cell(c, rnd_ext());
  for (int i = 0; i < 5; i++) run[i] = vft_circuit_base(c, rnd_fp());
  for (uint32_t r = 0; r < n; r++) {
    vft_wire_part lane[8];
    for (uint32_t i = 0; i < 8; i++)
      lane[i] = i < 3 ? (vft_wire_part){open[r % 3], i} : (vft_wire_part){run[(i + r) % 5], 0};
    last = vft_circuit_permute(c, lane, r ? none : capacity, last,
                               r & 1 ? one : r == 2 ? nought : 0);
  }
}

/* last: the split that comes last. */
static void add_spare(vft_circuit *c, spare *s, int last) {
  const uint64_t split[5] = {VFT_P - 1, 5, 7ull << 32, 0xffffffffu, 0x123456789abcdef3};
  vft_wire open[3], run[5];
  add_chain(c, 2);
  for (int i = 0; i < 3; i++) open[i] = vft_circuit_free_cell(c, rnd_ext());
  for (int i = 0; i < 5; i++) run[i] = vft_circuit_base(c, rnd_fp());
  s->input = vft_circuit_input(c, vft_ext_from_fp(rnd_fp()));
  s->sum = vft_circuit_sum(c, open[0], open[1], open[2]);
  s->narrow_sum = vft_circuit_sum(c, run[2], run[3], run[4]);
  s->part = vft_circuit_take_part(c, (vft_wire_part){open[0], 1});
  s->index = vft_circuit_base(c, (vft_fp){2});
  s->fetch = vft_circuit_fetch(c, run[1], s->index);
  s->zero = vft_circuit_free_cell(c, VFT_EXT_ZERO);
  vft_circuit_zero(c, s->zero);
  for (int k = 0; k < SPLITS; k++) {
    int i = (last + 1 + k) % SPLITS;
    s->split[i] = c->nsplit;
    vft_circuit_split(c, i == COORDINATE
                             ? (vft_wire_part){open[1], 2}
                             : (vft_wire_part){vft_circuit_base(c, (vft_fp){split[i]}), 0});
  }
  s->constant = vft_circuit_constant(c, rnd_ext());
  s->free_cell = vft_circuit_free_cell(c, rnd_ext());
}

/* A circuit that uses every chip: sums, chains of permutations, splits (of p - 1 and of 2^32 - 1
 * too, where a second representative exists or nearly does), zeros; and the spare parts. */
static vft_circuit *make_circuit(uint64_t s, spare *extra, int last) {
  vft_circuit *c = vft_circuit_new();
  assert_non_null(c);
  seed = s * 0x9e3779b97f4a7c15ull;
  add_chain(c, 3);
  vft_wire in[3], base[3], open[3];
  for (int i = 0; i < 3; i++) {
    in[i] = vft_circuit_input(c, vft_ext_from_fp(rnd_fp()));
    base[i] = vft_circuit_base(
        c, i == 1 ? (vft_fp){VFT_P - 1} : i ? (vft_fp){0xffffffffu} : rnd_fp());
    open[i] = vft_circuit_free_cell(c, rnd_ext());
  }
  vft_wire minus = vft_circuit_constant(c, vft_ext_neg(VFT_EXT_ONE));
  vft_wire acc = in[0];
  for (int i = 0; i < 11; i++) acc = vft_circuit_sum(c, acc, open[i % 3], in[(i + 1) % 3]);
  vft_fp none[4] = {{0}}, capacity[4] = {{7}, {0}, {3}, {1}};
  vft_wire_part lane[8];
  for (int i = 0; i < 8; i++)
    lane[i] = i < 3 ? (vft_wire_part){acc, (uint32_t)i}
                    : i < 6 ? (vft_wire_part){base[i - 3], 0} : (vft_wire_part){0, 0};
  uint32_t p = vft_circuit_permute(c, lane, capacity, VFT_FRESH, 0);
  uint32_t q = vft_circuit_permute(c, lane, none, VFT_FRESH, 0);
  for (int i = 0; i < 5; i++) {
    lane[i] = (vft_wire_part){vft_circuit_sponge(q) + (uint32_t)i % 3, (uint32_t)i % 3};
    p = vft_circuit_permute(c, lane, none, p, 0);
    if (i & 1) q = vft_circuit_permute(c, lane, none, q, 0);
  }
  /* the bits of a split add up to its low half */
  for (int i = 0; i < 4; i++) {
    vft_wire_part x = i < 3 ? (vft_wire_part){base[i], 0}
                            : (vft_wire_part){vft_circuit_sponge(p) + 1, 2};
    vft_wire bit = vft_circuit_split(c, x), low = 0;
    for (unsigned k = 0; k < 32; k++) {
      vft_wire two = vft_circuit_constant(c, vft_ext_from_fp((vft_fp){1ull << k}));
      low = vft_circuit_sum(c, bit + k, two, low);
    }
    vft_wire want = vft_circuit_base(c, (vft_fp){vft_circuit_part(c, x).v & 0xffffffffu});
    vft_circuit_zero(c, vft_circuit_sum(c, minus, want, low));
  }
  add_spare(c, extra, last);
  assert_int_equal(c->status, VFT_OK);
  assert_true(vft_circuit_holds(c));
  return c;
}

static void fill_trace(const world *w, vft_trace *t) {
  OK(vft_trace_init(t, w->m->program));
  OK(vft_machine_trace(w->m, w->c, t));
}

/* room: whether the shape has more than the circuit needs. */
static void make_world(world *w, uint64_t s, bool room, int last) {
  memset(w, 0, sizeof *w);
  w->c = make_circuit(s, &w->s, last);
  vft_machine_shape shape;
  vft_machine_fit(w->c, 6, &shape);
  shape.frees = w->c->cells[VFT_CELL_FREE].n; /* without what it has to be of few blocks */
  shape.bases = w->c->cells[VFT_CELL_BASE].n;
  shape.sums = w->c->cells[VFT_CELL_SUM].n - w->c->nnarrow;
  if (room) {
    shape.sums += 3;
    shape.narrow_sums += 2;
    shape.bases += 1;
    shape.permutations += 1;
    shape.splits += 1;
    shape.zeros += 1;
    shape.frees += 1;
  }
  OK(vft_machine_build(&shape, &w->m));
  OK(vft_program_check_bounds(w->m->program));
  fill_trace(w, &w->t);
}

static void free_world(world *w) {
  vft_trace_free(&w->t);
  vft_machine_free(w->m);
  vft_circuit_free(w->c);
}

static void accepts(void **state) {
  (void)state;
  world w;
  make_world(&w, 11, true, ANY);
  OK(vft_program_check_trace(w.m->program, &w.t, NULL));
  OK(proof_of(&w.t, false));
  /* Cells that the circuit has not, read by nothing, are anything. */
  plant(&w.t, w.m->wide[2], w.m->first[VFT_CELL_FREE] + w.m->shape.frees - 1, -5);
  plant(&w.t, w.m->narrow, w.m->first[VFT_CELL_BASE] + w.m->shape.bases - 1 -
                               w.m->first_of[VFT_SEGMENT_NARROW], 77);
  OK(vft_program_check_trace(w.m->program, &w.t, NULL));
  OK(proof_of(&w.t, false));
  free_world(&w);
}

/* ---- false witnesses ---- */

static size_t cell_at(const world *w, vft_wire wire) {
  uint32_t i = vft_wire_number(wire);
  assert_true(vft_wire_kind(wire) != VFT_CELL_SPONGE);
  if (vft_wire_kind(wire) != VFT_CELL_SUM) return w->m->first[vft_wire_kind(wire)] + i;
  return w->c->rank[i] + (w->c->narrow[i] ? w->m->first_narrow_sum : w->m->first[VFT_CELL_SUM]);
}
static vft_fp get(const vft_trace *t, vft_tensor_id id, size_t i) {
  return vft_fp_from_i64(vft_array_get(&t->array[id], i));
}
static void put(vft_trace *t, vft_tensor_id id, size_t i, vft_fp v) {
  plant(t, id, i, vft_field_signed(v));
}
static void more(vft_trace *t, vft_tensor_id id, size_t i) {
  put(t, id, i, vft_fp_add(get(t, id, i), (vft_fp){1}));
}

/* Coordinate k of the memory at a number. */
typedef struct {
  vft_tensor_id tensor;
  size_t index;
} spot;
static spot memory(const world *w, size_t number, unsigned k) {
  const vft_machine *m = w->m;
  const uint32_t *first = m->first_of;
  if (number >= first[VFT_SEGMENT_TOTAL])
    return (spot){m->total[k], number - first[VFT_SEGMENT_TOTAL]};
  if (number < first[VFT_SEGMENT_NARROW]) return (spot){m->wide[k], number};
  assert_int_equal(k, 0);
  return (spot){m->narrow, number - first[VFT_SEGMENT_NARROW]};
}
static void put_cell(const world *w, vft_trace *t, size_t number, unsigned k, vft_fp v) {
  spot at = memory(w, number, k);
  put(t, at.tensor, at.index, v);
}
static void more_cell(const world *w, vft_trace *t, size_t number, unsigned k) {
  spot at = memory(w, number, k);
  more(t, at.tensor, at.index);
}

/* Row number r of the spare ones. */
static size_t row_of(const world *w, size_t r) {
  return r < 3 ? r : w->m->shape.permutations - SPARE_ROWS + r;
}

/* What the permutations' rows are made of, and what one of them lies about: the element is one more
 * than it should be. from[r]: the spare row whose output row r is given besides. */
typedef struct {
  vft_tensor_id tensor;
  size_t index;
  int from[SPARE_ROWS];
} row_lie;
enum { NO_ROW = -1 };

static row_lie no_lie(void) {
  return (row_lie){VFT_NO_TENSOR, 0, {NO_ROW, 0, 1, NO_ROW, 3}};
}

static vft_fp say(vft_trace *t, const row_lie *l, vft_tensor_id id, size_t i, vft_fp v) {
  if (l->tensor == id && l->index == i) v = vft_fp_add(v, (vft_fp){1});
  put(t, id, i, v);
  return v;
}

static vft_fp seventh(vft_fp x) { return vft_fp_pow(x, 7); }

static void linear_layer(vft_fp *s) {
  vft_fp out[12];
  for (int r = 0; r < 12; r++) {
    out[r] = vft_fp_mul((vft_fp){r ? 0 : 8}, s[0]);
    for (int i = 0; i < 12; i++)
      out[r] = vft_fp_add(out[r], vft_fp_mul((vft_fp){vft_poseidon_circulant[i]}, s[(r + i) % 12]));
  }
  memcpy(s, out, sizeof out);
}

static vft_fp constant_of(unsigned round, unsigned lane) {
  return vft_fp_from_u64(vft_poseidon_constant(round, lane));
}

static void rerun_row(const world *w, vft_trace *t, const row_lie *l, size_t r) {
  const vft_machine *m = w->m;
  size_t row = row_of(w, r);
  vft_fp s[12], swap = get(t, m->swap, row);
  for (size_t i = 0; i < 12; i++) {
    if (i < 8) {
      vft_fp own = get(t, m->lane, 8 * row + i), other = get(t, m->lane, 8 * row + (i ^ 4));
      s[i] = vft_fp_add(own, vft_fp_mul(swap, vft_fp_sub(other, own)));
    } else {
      s[i] = get(t, m->capacity, 4 * row + i - 8);
    }
    if (l->from[r] != NO_ROW)
      s[i] = vft_fp_add(s[i], get(t, m->out, 12 * row_of(w, (size_t)l->from[r]) + i));
  }
  for (unsigned round = 0; round < VFT_POSEIDON_ROUNDS; round++) {
    bool partial = round >= 4 && round < 26;
    for (unsigned i = 0; i < 12; i++) {
      s[i] = vft_fp_add(s[i], constant_of(round, i));
      if (!partial) {
        unsigned full = round < 4 ? round : round - VFT_POSEIDON_PARTIAL;
        s[i] = seventh(say(t, l, m->x[full], 12 * row + i, s[i]));
      } else if (!i) {
        s[0] = seventh(say(t, l, m->y, VFT_POSEIDON_PARTIAL * row + round - 4, s[0]));
      }
    }
    linear_layer(s);
  }
  for (size_t i = 0; i < 12; i++) s[i] = say(t, l, m->out, 12 * row + i, s[i]);
  for (size_t i = 0; i < 9; i++)
    say(t, l, m->wide[i % 3], m->first[VFT_CELL_SPONGE] + i / 3 * m->shape.permutations + row,
        s[i]);
}

/* The spare rows once more, from whatever their lanes and swaps are. */
static void rerun(const world *w, vft_trace *t, row_lie l) {
  for (size_t r = 0; r < SPARE_ROWS; r++) rerun_row(w, t, &l, r);
}

static void lie_in_row(const world *w, vft_trace *t, vft_tensor_id id, size_t index) {
  row_lie l = no_lie();
  l.tensor = id;
  l.index = index;
  rerun(w, t, l);
}

/* The split of a row as lo + 2^32 hi, bits as cells too. */
static void put_split(const world *w, vft_trace *t, uint32_t row, uint64_t lo, uint64_t hi) {
  const vft_machine *m = w->m;
  for (size_t e = 0; e < VFT_SPLIT_BITS; e++) {
    put(t, m->bit, VFT_SPLIT_BITS * row + e, (vft_fp){lo >> e & 1});
    put_cell(w, t, m->first[VFT_CELL_BIT] + VFT_SPLIT_BITS * row + e, 0, (vft_fp){lo >> e & 1});
  }
  plant(t, m->limb[0], row, (int64_t)(hi & 0xffff));
  plant(t, m->limb[1], row, (int64_t)(hi >> 16));
  vft_fp rest = vft_fp_sub((vft_fp){0xffffffffu}, vft_fp_from_u64(hi));
  put(t, m->top, row, (vft_fp){!rest.v});
  put(t, m->inverse, row, vft_fp_inv(rest));
}

static void put_bit(const world *w, vft_trace *t, uint32_t row, size_t e, vft_fp v) {
  put(t, w->m->bit, VFT_SPLIT_BITS * row + e, v);
  put_cell(w, t, w->m->first[VFT_CELL_BIT] + VFT_SPLIT_BITS * row + e, 0, v);
}

static bool attack_split(const world *w, vft_trace *t, const char *what, unsigned v) {
  const vft_machine *m = w->m;
  const uint32_t *at = w->s.split;
  uint64_t any = get(t, m->split, at[ANY]).v;
  if (!strcmp(what, "read")) { /* another element, another coordinate */
    uint32_t row = v ? at[COORDINATE] : at[ANY];
    vft_fp x = v ? vft_circuit_part(w->c, (vft_wire_part){w->c->split[row].wire, 1})
                 : (vft_fp){any - 1};
    put(t, m->split, row, x);
    put_split(w, t, row, x.v & 0xffffffffu, x.v >> 32);
    return v < 2;
  }
  if (!strcmp(what, "bit")) { /* 3 + 0 or -1 + 4 for 1 + 2 */
    put_bit(w, t, at[ANY], 0, (vft_fp){v ? VFT_P - 1 : 3});
    put_bit(w, t, at[ANY], 1, (vft_fp){v ? 2 : 0});
    return v < 2;
  }
  if (!strcmp(what, "sum")) {
    put_bit(w, t, at[ANY], v, (vft_fp){!(any >> v & 1)});
    return v < 32;
  }
  if (!strcmp(what, "limb0")) { /* 2^16 or -1 there, one less or more in the other */
    int64_t low = vft_array_get(&t->array[m->limb[0]], at[ANY]);
    int64_t high = vft_array_get(&t->array[m->limb[1]], at[ANY]);
    plant(t, m->limb[0], at[ANY], low + (v ? -65536 : 65536));
    plant(t, m->limb[1], at[ANY], high + (v ? 1 : -1));
    return v < 2;
  }
  if (!strcmp(what, "limb1")) { /* 2^64 = 2^32 - 1 */
    put_split(w, t, at[LOW_ONLY], 0, (uint64_t)1 << 32);
    return v < 1;
  }
  if (!strcmp(what, "inverse") || !strcmp(what, "canonical")) { /* 5 + p, top or not */
    put_split(w, t, at[SMALL], 6, 0xffffffffu);
    if (*what == 'i') put(t, m->top, at[SMALL], (vft_fp){0});
    if (*what == 'i' && v) put(t, m->inverse, at[SMALL], (vft_fp){9});
    return v < (*what == 'i' ? 2 : 1);
  }
  if (!strcmp(what, "top")) { /* top without being it */
    put(t, m->top, at[NO_LOW], (vft_fp){1});
    put(t, m->inverse, at[NO_LOW], (vft_fp){0});
    return v < 1;
  }
  if (!strcmp(what, "one_inverse")) { /* 1 / 0, as one likes */
    put(t, m->inverse, at[TOP], (vft_fp){v + 1});
    return v < 2;
  }
  if (!strcmp(what, "write")) {
    more_cell(w, t, m->first[VFT_CELL_BIT] + VFT_SPLIT_BITS * at[ANY] + 7 * v, 0);
    return v < 5;
  }
  return false;
}

static bool attack_sponge(const world *w, vft_trace *t, const char *what, unsigned v) {
  const vft_machine *m = w->m;
  unsigned n = 0;
  int end = 0;
  if (sscanf(what, "x%u/%n", &n, &end) == 1 && end) { /* rounds: committed or defined */
    lie_in_row(w, t, m->x[n], 12 * row_of(w, 4 * (v / 12)) + v % 12);
    return v < 24;
  }
  if (!strcmp(what, "partial_rounds")) {
    lie_in_row(w, t, m->y, VFT_POSEIDON_PARTIAL * row_of(w, v / VFT_POSEIDON_PARTIAL * 4) +
                              v % VFT_POSEIDON_PARTIAL);
    return v < 2 * VFT_POSEIDON_PARTIAL;
  }
  if (!strcmp(what, "definition")) {
    lie_in_row(w, t, m->out, 12 * row_of(w, 4 * (v / 12)) + v % 12);
    return v < 24;
  }
  if (sscanf(what, "write_%u%n", &n, &end) == 1 && end) {
    lie_in_row(w, t, m->wide[n % 3],
               m->first[VFT_CELL_SPONGE] + n / 3 * m->shape.permutations + row_of(w, v));
    return v < SPARE_ROWS;
  }
  if (!strncmp(what, "first_", 6) || !strncmp(what, "later_", 6)) {
    size_t row = *what == 'f' ? 0 : row_of(w, 1 + v / 4);
    size_t part = what[6] == 'l' ? 0 : what[6] == 'h' ? 1 : 2;
    lie_in_row(w, t, m->x[0], 12 * row + 4 * part + v % 4);
    return *what == 'f' ? v < 4 : v < 4 * (SPARE_ROWS - 1);
  }
  if (!strcmp(what, "read")) { /* another element; another coordinate of the same cell */
    if (v >= 9 * SPARE_ROWS) return false;
    size_t row = row_of(w, v / 9), i = v % 9;
    if (i < 8)
      more(t, m->lane, 8 * row + i);
    else
      put(t, m->lane, 8 * row, get(t, m->lane, 8 * row + 1));
    rerun(w, t, no_lie());
    return true;
  }
  if (!strcmp(what, "read_swap")) { /* the other bit */
    if (v >= SPARE_ROWS) return false;
    size_t row = row_of(w, v);
    put(t, m->swap, row, (vft_fp){!get(t, m->swap, row).v});
    rerun(w, t, no_lie());
    return true;
  }
  if (!strcmp(what, "swap")) { /* the cell is 2 or -1, and is read as such */
    const size_t own[] = {1, 2, 4}; /* rows whose swap is a cell that nothing else reads */
    if (v >= 6) return false;
    size_t row = row_of(w, own[v % 3]);
    vft_fp x = {v < 3 ? 2 : VFT_P - 1};
    put(t, m->swap, row, x);
    put_cell(w, t, get(t, m->at_swap, row).v, 0, x);
    rerun(w, t, no_lie());
    return true;
  }
  return false;
}

static bool attack_fetch(const world *w, vft_trace *t, const char *what, unsigned v) {
  const vft_machine *m = w->m;
  uint32_t row = vft_wire_number(w->s.fetch);
  size_t to = cell_at(w, w->s.fetch);
  if (!strcmp(what, "read")) { /* another value */
    more_cell(w, t, to, v);
    return v < 2;
  }
  vft_wire first = w->c->fetch[row].first;
  vft_wire got = !strcmp(what, "index") ? first - 1 : first + (v ? 0 : 1);
  int64_t index = (int64_t)got - (int64_t)first;
  plant(t, m->index, row, index);
  put_cell(w, t, to, 0, vft_circuit_value(w->c, got).c[0]);
  if (!strcmp(what, "index")) { /* a cell before the first: its index is what the cell of it says */
    put_cell(w, t, cell_at(w, w->s.index), 0, vft_fp_from_i64(index));
    return v < 1;
  }
  return !strcmp(what, "read_index") && v < 2;
}

/* Makes the witness false as the check alone finds it; false: there is no such variant. */
static bool attack(const world *w, vft_trace *t, const char *id, unsigned v) {
  const vft_machine *m = w->m;
  const spare *s = &w->s;
  unsigned k = 0;
  int end = 0;
  char o;
  const char *name = strchr(id, '/') + 1, *slash = strchr(name, '/'), *what = slash ? slash + 1 : name;
  if (sscanf(name, "constants/%u%n", &k, &end) == 1 && end)
    return more_cell(w, t, cell_at(w, s->constant), k), v < 1;
  if (!strcmp(name, "inputs")) return more_cell(w, t, cell_at(w, s->input), 0), v < 1;
  if (!strcmp(name, "part")) return more_cell(w, t, cell_at(w, s->part), 0), v < 1;
  if (!strcmp(name, "part/read")) { /* another cell: in one coordinate, be it the one that is taken */
    uint32_t row = vft_wire_number(s->part);
    if (v < 3) more(t, m->part[v], row);
    if (v == w->c->part[row].part) more_cell(w, t, cell_at(w, s->part), 0);
    return v < 3;
  }
  if (sscanf(name, "sum/%u%n", &k, &end) == 1 && end)
    return more_cell(w, t, cell_at(w, s->sum), k), v < 1;
  if (sscanf(name, "sum/read_%c", &o) == 1) { /* another operand, the sum of which is right */
    vft_ext x[3];
    uint32_t row = w->c->rank[vft_wire_number(s->sum)];
    if (v == 3) return false;
    more(t, m->sum[0][o - 'a'][v], row);
    for (int i = 0; i < 3; i++)
      for (int j = 0; j < 3; j++) x[i].c[j] = get(t, m->sum[0][i][j], row);
    vft_ext sum = vft_ext_add(vft_ext_mul(x[0], x[1]), x[2]);
    for (unsigned j = 0; j < 3; j++) put_cell(w, t, cell_at(w, s->sum), j, sum.c[j]);
    return true;
  }
  if (!strcmp(name, "narrow_sum/0")) return more_cell(w, t, cell_at(w, s->narrow_sum), 0), v < 1;
  if (sscanf(name, "narrow_sum/read_%c", &o) == 1) {
    uint32_t row = w->c->rank[vft_wire_number(s->narrow_sum)];
    vft_fp x[3];
    more(t, m->sum[1][o - 'a'][0], row);
    for (int i = 0; i < 3; i++) x[i] = get(t, m->sum[1][i][0], row);
    put_cell(w, t, cell_at(w, s->narrow_sum), 0, vft_fp_add(vft_fp_mul(x[0], x[1]), x[2]));
    return v < 1;
  }
  if (!strcmp(name, "zero/read")) return more_cell(w, t, cell_at(w, s->zero), v), v < 2;
  if (!strncmp(name, "split/", 6)) return attack_split(w, t, what, v);
  if (!strncmp(name, "sponge/", 7)) return attack_sponge(w, t, what, v);
  if (!strncmp(name, "fetch/", 6)) return attack_fetch(w, t, what, v);
  return false;
}

/* Without the check the witness is accepted, and so is its proof if one is wanted. */
static void control(const world *w, const vft_trace *t, size_t check, bool proof) {
  bool *drop = vft_alloc(vft_program_check_count(w->m->program), sizeof *drop);
  assert_non_null(drop);
  drop[check] = true;
  vft_program *p = copy_without(w->m->program, drop);
  vft_trace u = trace_of(p, t);
  count_rows(&u);
  OK(vft_program_check_trace(p, &u, NULL));
  if (proof) OK(proof_of(&u, false));
  vft_program_free(p);
  vft_free(drop);
}

static void rejected_alone(const world *w, const vft_trace *t, size_t check, unsigned v) {
  const vft_program *p = w->m->program;
  size_t n = vft_program_check_count(p);
  bool *failed = vft_alloc(n, sizeof *failed);
  char id[200], other[200];
  assert_non_null(failed);
  vft_program_check_id(p, check, id, sizeof id);
  if (vft_program_check_trace(p, t, failed) != VFT_REJECTED) fail_msg("ACCEPTED: %s, %u", id, v);
  assert_true(v || !strcmp(vft_error_check(), id));
  for (size_t c = 0; c < n; c++)
    if (failed[c] != (c == check))
      fail_msg("%s, %u: %s%s", id, v, failed[c] ? "" : "not ",
               vft_program_check_id(p, c, other, sizeof other));
  vft_free(failed);
}

static void proofs_rejected(const vft_trace *t, const char *id) {
  for (int cheat = 0; cheat < 2; cheat++)
    if (proof_of(t, cheat) != VFT_REJECTED) fail_msg("ACCEPTED: proof of an attack on %s", id);
}

/* All variants by the plain checker, the first one by proofs, too. */
static void every_check(void **state) {
  (void)state;
  world w;
  make_world(&w, 12, false, ANY);
  const vft_program *p = w.m->program;
  unsigned attacks = 0;
  char id[200];
  for (size_t c = 0; c < (size_t)p->nrelations + p->nlookups; c++) {
    vft_program_check_id(p, c, id, sizeof id);
    unsigned v = 0;
    for (;; v++) {
      vft_trace t;
      fill_trace(&w, &t);
      bool there = attack(&w, &t, id, v);
      if (there) {
        count_rows(&t);
        rejected_alone(&w, &t, c, v);
        if (!v) proofs_rejected(&t, id);
        control(&w, &t, c, !v);
        count_rows(&t);
      }
      vft_trace_free(&t);
      if (!there) break;
    }
    if (!v) fail_msg("no attack on %s", id);
    attacks += v;
  }
  for (int last = 0; last < SPLITS; last++) { /* each split in the last row, some time */
    world u;
    if (last == ANY) continue;
    make_world(&u, 20, false, last);
    for (size_t c = 0; c < (size_t)p->nrelations + p->nlookups; c++) {
      vft_trace t;
      vft_program_check_id(p, c, id, sizeof id);
      if (!strstr(id, "/split/")) continue;
      fill_trace(&u, &t);
      assert_true(attack(&u, &t, id, last == COORDINATE && strstr(id, "read")));
      count_rows(&t);
      rejected_alone(&u, &t, c, 0);
      vft_trace_free(&t);
      attacks++;
    }
    free_world(&u);
  }
  assert_int_equal(p->nrelations + p->nlookups, 57); /* none has gone */
  print_message("%u checks, %u false witnesses\n", p->nrelations + p->nlookups, attacks);
  free_world(&w);
}

/* Multiplicities: one too many, one too few, one for a row that is not there. */
static void every_table(void **state) {
  (void)state;
  world w;
  make_world(&w, 13, false, ANY);
  const vft_program *p = w.m->program;
  for (uint32_t k = 0; k < p->ntables; k++) {
    vft_array *mult = &w.t.array[p->tables[k].mult];
    size_t check = (size_t)p->nrelations + p->nlookups + k;
    size_t last = p->tables[k].rows - 1;
    const struct {
      size_t row;
      int64_t by;
    } lie[] = {{last, 1}, {0, 1}, {last, -1}};
    for (unsigned v = 0; v < 3; v++) {
      vft_array_set(mult, lie[v].row, vft_array_get(mult, lie[v].row) + lie[v].by);
      rejected_alone(&w, &w.t, check, v);
      if (!v) proofs_rejected(&w.t, p->tables[k].name);
      vft_array_set(mult, lie[v].row, vft_array_get(mult, lie[v].row) - lie[v].by);
    }
  }
  OK(vft_program_check_trace(p, &w.t, NULL));
  free_world(&w);
}

/* ---- chains that are not the circuit's ---- */

/* A row goes on from another row, from the last one, or although it starts; or does not go on. */
static void other_chains(void **state) {
  (void)state;
  static const struct {
    int row, from;
    const char *check;
  } lie[] = {{2, 0, "relation/sponge/later_"},      {2, NO_ROW, "relation/sponge/later_"},
             {3, 2, "relation/sponge/later_"},      {4, 1, "relation/sponge/later_"},
             {1, NO_ROW, "relation/sponge/later_"}, {0, 4, "relation/sponge/first_"}};
  world w;
  make_world(&w, 14, false, ANY);
  size_t n = vft_program_check_count(w.m->program);
  bool *failed = vft_alloc(n, sizeof *failed);
  assert_non_null(failed);
  for (size_t i = 0; i < sizeof lie / sizeof *lie; i++) {
    vft_trace t;
    char id[200];
    unsigned found = 0;
    fill_trace(&w, &t);
    row_lie l = no_lie();
    l.from[lie[i].row] = lie[i].from;
    rerun(&w, &t, l);
    count_rows(&t);
    assert_int_equal(vft_program_check_trace(w.m->program, &t, failed), VFT_REJECTED);
    for (size_t c = 0; c < n; c++) {
      if (!failed[c]) continue;
      vft_program_check_id(w.m->program, c, id, sizeof id);
      if (strncmp(id, lie[i].check, strlen(lie[i].check))) fail_msg("lie %zu: %s", i, id);
      found++;
    }
    assert_int_equal(found, 3);
    proofs_rejected(&t, lie[i].check);
    vft_trace_free(&t);
  }
  vft_free(failed);
  free_world(&w);
}

/* ---- the wiring ---- */

static vft_digest key_of(const vft_trace *t) {
  vft_commitment *k;
  OK(vft_commit_group(&k, t, VFT_LINK, 0, 1, VFT_HASH_POSEIDON, 0));
  vft_digest d = vft_commitment_root(k);
  vft_commitment_free(k);
  return d;
}

/* A change of any tensor of the wiring, in the first or last of its places, changes the key. */
static void every_wire(void **state) {
  (void)state;
  world w;
  make_world(&w, 15, false, ANY);
  vft_digest key = key_of(&w.t);
  unsigned tensors = 0;
  for (uint32_t i = 0; i < w.m->program->ntensors; i++) {
    const vft_tensor *x = &w.m->program->tensors[i];
    if (x->origin != VFT_LINK) continue;
    assert_int_equal(x->group, w.m->wiring);
    tensors++;
    for (int last = 0; last < 2; last++) {
      size_t at = last ? vft_tensor_count(x) - 1 : 0;
      int64_t v = vft_array_get(&w.t.array[i], at);
      vft_array_set(&w.t.array[i], at, v ? 0 : 1);
      vft_digest other = key_of(&w.t);
      if (!memcmp(&key, &other, sizeof key)) fail_msg("%s is not in the key", x->name);
      vft_array_set(&w.t.array[i], at, v);
    }
  }
  assert_int_equal(tensors, 22);
  vft_digest same = key_of(&w.t);
  assert_memory_equal(&key, &same, sizeof key);
  free_world(&w);
}

/* The wiring does not depend on the values, and vft_machine_wire is all of it. */
static void wiring_alone(void **state) {
  (void)state;
  world w, v;
  make_world(&w, 16, false, ANY);
  make_world(&v, 16, false, ANY);
  for (uint32_t i = 0; i < v.c->cells[VFT_CELL_INPUT].n; i++)
    v.c->cells[VFT_CELL_INPUT].value[i] = vft_ext_from_fp(rnd_fp());
  vft_trace t;
  OK(vft_trace_init(&t, v.m->program));
  OK(vft_machine_wire(v.m, v.c, &t));
  vft_digest a = key_of(&w.t), b = key_of(&t);
  assert_memory_equal(&a, &b, sizeof a);
  vft_trace_free(&t);
  free_world(&w);
  free_world(&v);
}

/* Two circuits of one shape: a b + c and a c + b. Proofs of one are none of the other, whichever
 * wiring the prover takes; nor for another statement. */
static vft_circuit *one_sum(bool other) {
  vft_circuit *c = vft_circuit_new();
  vft_wire a = vft_circuit_input(c, vft_ext_from_fp((vft_fp){5}));
  vft_wire b = vft_circuit_input(c, vft_ext_from_fp((vft_fp){2}));
  vft_wire d = vft_circuit_input(c, vft_ext_from_fp((vft_fp){9}));
  vft_wire sum = other ? vft_circuit_sum(c, a, d, b) : vft_circuit_sum(c, a, b, d);
  vft_wire is = vft_circuit_input(c, vft_circuit_value(c, sum));
  vft_wire minus = vft_circuit_constant(c, vft_ext_neg(VFT_EXT_ONE));
  vft_circuit_zero(c, vft_circuit_sum(c, minus, is, sum));
  return c;
}

static void other_key(void **state) {
  (void)state;
  vft_machine_shape shape;
  vft_machine *m;
  vft_circuit *c[2];
  vft_trace t[2];
  links l[2] = {{{0}, {{{0}}}}, {{0}, {{{0}}}}};
  vft_proof proof;
  for (int i = 0; i < 2; i++) c[i] = one_sum(i);
  vft_machine_fit(c[0], 6, &shape);
  OK(vft_machine_build(&shape, &m));
  for (int i = 0; i < 2; i++) {
    OK(vft_trace_init(&t[i], m->program));
    OK(vft_machine_trace(m, c[i], &t[i]));
    commit_links(&l[i], &t[i]);
  }
  for (int i = 0; i < 2; i++) {
    const int64_t **in = inputs_of(&t[i]), **other = inputs_of(&t[!i]);
    prove_trace(&t[i], &l[i], NULL, false, &proof, NULL);
    OK(verify_proof(m->program, in, l[i].root, NULL, &proof, NULL));
    assert_int_equal(verify_proof(m->program, in, l[!i].root, NULL, &proof, NULL), VFT_REJECTED);
    assert_int_equal(verify_proof(m->program, other, l[i].root, NULL, &proof, NULL), VFT_REJECTED);
    vft_proof_free(&proof);
    /* the other's wiring is committed, opened, or taken for the trace's own */
    prove_trace(&t[i], &l[!i], NULL, true, &proof, NULL);
    for (int k = 0; k < 2; k++)
      assert_int_equal(verify_proof(m->program, in, l[k].root, NULL, &proof, NULL), VFT_REJECTED);
    vft_proof_free(&proof);
    vft_trace mixed = t[i];
    mixed.array = vft_alloc(m->program->ntensors, sizeof *mixed.array);
    assert_non_null(mixed.array);
    for (uint32_t k = 0; k < m->program->ntensors; k++)
      mixed.array[k] = m->program->tensors[k].origin == VFT_LINK ? t[!i].array[k] : t[i].array[k];
    proofs_rejected(&mixed, "the wiring");
    vft_free(mixed.array);
    vft_free(in);
    vft_free(other);
  }
  for (int i = 0; i < 2; i++) {
    free_links(&l[i], m->program);
    vft_trace_free(&t[i]);
    vft_circuit_free(c[i]);
  }
  vft_machine_free(m);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(accepts),     cmocka_unit_test(every_check), cmocka_unit_test(every_table),
      cmocka_unit_test(other_chains), cmocka_unit_test(every_wire), cmocka_unit_test(wiring_alone),
      cmocka_unit_test(other_key),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
