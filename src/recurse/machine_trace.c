/* From a recorded circuit to the machine's trace. */
#include "recurse/machine_trace.h"

#include <string.h>

#include "base/pool.h"
#include "gadget/poseidon_fill.h"
#include "relation/layout.h"

/* To the next multiple of a 32nd of the power of two above. */
static uint32_t filler(uint64_t n) {
  unsigned log = vft_log2_ceil(n);
  uint64_t unit = (uint64_t)1 << (log > 5 ? log - 5 : 0);
  return (uint32_t)((unit - n % unit) % unit);
}

void vft_machine_fit(const vft_circuit *c, uint32_t log_columns, vft_machine_shape *shape) {
#define AT_LEAST_ONE(n) ((n) ? (n) : 1)
  *shape = (vft_machine_shape){
      .log_columns = log_columns,
      .constants = c->cells[VFT_CELL_CONSTANT].n,
      .inputs = AT_LEAST_ONE(c->cells[VFT_CELL_INPUT].n),
      .bases = AT_LEAST_ONE(c->cells[VFT_CELL_BASE].n),
      .frees = AT_LEAST_ONE(c->cells[VFT_CELL_FREE].n),
      .splits = AT_LEAST_ONE(c->nsplit),
      .parts = AT_LEAST_ONE(c->cells[VFT_CELL_PART].n),
      .fetches = AT_LEAST_ONE(c->cells[VFT_CELL_FETCH].n),
      .permutations = c->nsponge > 2 ? c->nsponge : 2,
      .narrow_sums = AT_LEAST_ONE(c->nnarrow),
      .sums = c->cells[VFT_CELL_SUM].n - c->nnarrow,
      .zeros = AT_LEAST_ONE(c->nzero),
  };
#undef AT_LEAST_ONE
  if (!shape->sums) shape->sums = 1;
  /* Segments of few blocks (relation/layout.h): each is a claim for whoever verifies. */
  shape->frees += filler(vft_machine_cells(shape, VFT_SEGMENT_WIDE));
  shape->bases += filler(vft_machine_cells(shape, VFT_SEGMENT_NARROW));
  shape->sums += filler(shape->sums);
}

/* Rows of permutations: chains one after the other, each in order, in the order of their starts. */
static vft_status order_permutations(const vft_circuit *c, uint32_t **out) {
  uint32_t n = c->nsponge, at = 0;
  vft_status st = VFT_OK;
  uint32_t *row = vft_alloc(n, sizeof *row), *next = vft_alloc(n, sizeof *next);
  if (n && (!row || !next)) {
    st = VFT_RESOURCE;
    goto out;
  }
  for (uint32_t i = 0; i < n; i++) next[i] = VFT_FRESH;
  for (uint32_t i = 0; i < n; i++) {
    uint32_t after = c->sponge[i].after;
    if (after == VFT_FRESH) continue;
    if (after >= i || next[after] != VFT_FRESH) {
      st = vft_fail(VFT_USAGE, "circuit: permutation %u goes on from %u, which is not before it or "
                    "goes on elsewhere", i, after);
      goto out;
    }
    next[after] = i;
  }
  for (uint32_t i = 0; i < n; i++)
    if (c->sponge[i].after == VFT_FRESH)
      for (uint32_t k = i; k != VFT_FRESH; k = next[k]) row[k] = at++;
out:
  vft_free(next);
  if (st == VFT_OK)
    *out = row;
  else
    vft_free(row);
  return st;
}

/* Number of a wire's cell in the memory. */
static uint32_t number(const vft_machine *m, const vft_circuit *c, const uint32_t *row, vft_wire w) {
  vft_cell_kind kind = vft_wire_kind(w);
  uint32_t i = vft_wire_number(w);
  if (kind == VFT_CELL_SPONGE) /* one of the kept ones: check_room */
    i = i % VFT_SPONGE_CELLS * m->shape.permutations + row[i / VFT_SPONGE_CELLS];
  if (kind == VFT_CELL_SUM) return c->rank[i] + (c->narrow[i] ? m->first_narrow_sum : m->first[kind]);
  return m->first[kind] + i;
}

/* The fourth cell of a permutation is nowhere in the memory. */
static bool dropped(vft_wire w) {
  return vft_wire_kind(w) == VFT_CELL_SPONGE &&
         vft_wire_number(w) % VFT_SPONGE_CELLS >= VFT_SPONGE_KEPT;
}

/* Sums that are not narrow have no parts in the memory. */
static bool unreadable(const vft_circuit *c, vft_wire w) {
  return dropped(w) || (vft_wire_kind(w) == VFT_CELL_SUM && !c->narrow[vft_wire_number(w)]);
}

static vft_status check_room(const vft_machine *m, const vft_circuit *c) {
  const vft_machine_shape *s = &m->shape;
  TRY(c->status);
  for (uint32_t i = 0; i < c->nsponge; i++)
    for (int k = 0; k < VFT_POSEIDON_RATE; k++)
      if (unreadable(c, c->sponge[i].lane[k].wire) || unreadable(c, c->sponge[i].swap))
        return vft_fail(VFT_USAGE, "circuit: permutation %u reads a lane that is not kept", i);
  for (uint32_t i = 0; i < c->cells[VFT_CELL_SUM].n; i++)
    if (dropped(c->sum[i].a) || dropped(c->sum[i].b) || dropped(c->sum[i].c))
      return vft_fail(VFT_USAGE, "circuit: sum %u reads a lane that is not kept", i);
  for (uint32_t i = 0; i < c->nzero; i++)
    if (dropped(c->zero[i]))
      return vft_fail(VFT_USAGE, "circuit: zero %u reads a lane that is not kept", i);
  for (uint32_t i = 0; i < c->cells[VFT_CELL_FETCH].n; i++)
    if (unreadable(c, c->fetch[i].index))
      return vft_fail(VFT_USAGE, "circuit: fetch %u reads a lane that is not kept", i);
  for (uint32_t i = 0; i < c->nsplit; i++)
    if (unreadable(c, c->split[i].wire))
      return vft_fail(VFT_USAGE, "circuit: split %u reads a lane that is not kept", i);
  for (uint32_t i = 0; i < c->cells[VFT_CELL_PART].n; i++)
    if (dropped(c->part[i].wire))
      return vft_fail(VFT_USAGE, "circuit: part %u reads a lane that is not kept", i);
  const struct {
    const char *what;
    uint32_t have, most;
  } part[] = {{"constants", c->cells[VFT_CELL_CONSTANT].n, s->constants},
              {"inputs", c->cells[VFT_CELL_INPUT].n, s->inputs},
              {"base cells", c->cells[VFT_CELL_BASE].n, s->bases},
              {"free cells", c->cells[VFT_CELL_FREE].n, s->frees},
              {"splits", c->nsplit, s->splits},
              {"parts", c->cells[VFT_CELL_PART].n, s->parts},
              {"fetches", c->cells[VFT_CELL_FETCH].n, s->fetches},
              {"permutations", c->nsponge, s->permutations},
              {"narrow sums", c->nnarrow, s->narrow_sums},
              {"sums", c->cells[VFT_CELL_SUM].n - c->nnarrow, s->sums},
              {"zeros", c->nzero, s->zeros}};
  for (size_t i = 0; i < sizeof part / sizeof *part; i++)
    if (part[i].have > part[i].most)
      return vft_fail(VFT_USAGE, "circuit: %u %s, the prover's shape has %u", part[i].have,
                      part[i].what, part[i].most);
  return VFT_OK;
}

static vft_status alloc(vft_trace *t, const vft_tensor_id *id, int n) {
  for (int i = 0; i < n; i++) TRY(vft_trace_alloc(t, id[i]));
  return VFT_OK;
}

static void put(vft_trace *t, vft_tensor_id id, size_t i, uint64_t v) {
  vft_array_set(&t->array[id], i, (int64_t)v);
}

static void put_fp(vft_trace *t, vft_tensor_id id, size_t i, vft_fp v) {
  ((int64_t *)t->array[id].data)[i] = vft_field_signed(v);
}

static vft_status wire(const vft_machine *m, const vft_circuit *c, const uint32_t *row,
                       vft_trace *t) {
  TRY(alloc(t, m->constant, 3));
  for (int narrow = 0; narrow < 2; narrow++) TRY(alloc(t, m->at_sum[narrow], 3));
  TRY(alloc(t, &m->at_swap, 1));
  TRY(alloc(t, (vft_tensor_id[]){m->at_lane, m->part_lane, m->capacity, m->goes_on, m->at_split,
                                 m->part_split, m->split_to, m->at_part, m->pick, m->fetch_from,
                                 m->at_index, m->at_zero}, 12));
  for (uint32_t i = 0; i < c->cells[VFT_CELL_CONSTANT].n; i++)
    for (int k = 0; k < 3; k++)
      put_fp(t, m->constant[k], i, c->cells[VFT_CELL_CONSTANT].value[i].c[k]);
  for (uint32_t i = 0; i < c->cells[VFT_CELL_SUM].n; i++) {
    const vft_wire w[3] = {c->sum[i].a, c->sum[i].b, c->sum[i].c};
    for (int o = 0; o < 3; o++)
      put(t, m->at_sum[c->narrow[i]][o], c->rank[i], number(m, c, row, w[o]));
  }
  for (uint32_t i = 0; i < c->nsponge; i++) {
    const vft_sponge_op *op = &c->sponge[i];
    for (uint32_t g = 0; g < VFT_POSEIDON_RATE; g++) {
      size_t at = (size_t)VFT_POSEIDON_RATE * row[i] + g;
      put(t, m->at_lane, at, number(m, c, row, op->lane[g].wire));
      put(t, m->part_lane, at, op->lane[g].part);
    }
    for (uint32_t j = 0; j < VFT_POSEIDON_CAPACITY; j++)
      put_fp(t, m->capacity, (size_t)VFT_POSEIDON_CAPACITY * row[i] + j, op->capacity[j]);
    put(t, m->goes_on, row[i], op->after != VFT_FRESH);
    put(t, m->at_swap, row[i], number(m, c, row, op->swap));
  }
  for (uint32_t i = 0; i < c->nsplit; i++) {
    put(t, m->at_split, i, number(m, c, row, c->split[i].wire));
    put(t, m->part_split, i, c->split[i].part);
  }
  for (uint32_t i = 0; i < m->shape.splits; i++)
    put(t, m->split_to, i, m->first[VFT_CELL_BIT] + VFT_SPLIT_BITS * i);
  for (uint32_t i = 0; i < c->cells[VFT_CELL_PART].n; i++) {
    put(t, m->at_part, i, number(m, c, row, c->part[i].wire));
    put(t, m->pick, 3 * (size_t)i + c->part[i].part, 1);
  }
  for (uint32_t i = 0; i < c->cells[VFT_CELL_FETCH].n; i++) {
    put(t, m->fetch_from, i, number(m, c, row, c->fetch[i].first));
    put(t, m->at_index, i, number(m, c, row, c->fetch[i].index));
  }
  for (uint32_t i = 0; i < c->nzero; i++) put(t, m->at_zero, i, number(m, c, row, c->zero[i]));
  return VFT_OK;
}

vft_status vft_machine_wire(const vft_machine *m, const vft_circuit *c, vft_trace *t) {
  uint32_t *row;
  TRY(check_room(m, c));
  TRY(order_permutations(c, &row));
  vft_status st = wire(m, c, row, t);
  vft_free(row);
  return st;
}

/* ---- witness ---- */

typedef struct {
  vft_poseidon_chain_arrays to;
  const vft_circuit *c;
  const uint32_t *at_row; /* number of the permutation in a row */
} permutation_job;

static void fill_permutations(void *ctx, size_t begin, size_t end) {
  enum { TILE = 64 };
  permutation_job *j = ctx;
  vft_poseidon_state s[TILE];
  for (size_t at = begin; at < end; at += TILE) {
    size_t n = end - at < TILE ? end - at : TILE;
    for (size_t i = 0; i < n; i++)
      s[i] = at + i < j->c->nsponge ? j->c->before[j->at_row[at + i]] : (vft_poseidon_state){{{0}}};
    vft_poseidon_chain_fill(&j->to, at, n, s);
  }
}

static vft_status permutations(const vft_machine *m, const vft_circuit *c, const uint32_t *row,
                               vft_trace *t) {
  TRY(alloc(t, (vft_tensor_id[]){m->lane, m->swap, m->y, m->out}, 4));
  TRY(alloc(t, m->x, VFT_POSEIDON_FULL));
  uint32_t *at_row = vft_alloc(c->nsponge, sizeof *at_row);
  if (c->nsponge && !at_row) return VFT_RESOURCE;
  for (uint32_t i = 0; i < c->nsponge; i++) at_row[row[i]] = i;
  permutation_job j = {{.y = t->array[m->y].data, .out = t->array[m->out].data}, c, at_row};
  for (int k = 0; k < VFT_POSEIDON_FULL; k++) j.to.x[k] = t->array[m->x[k]].data;
  vft_parallel_for(m->shape.permutations, 64, fill_permutations, &j);
  vft_free(at_row);
  for (uint32_t i = 0; i < c->nsponge; i++) {
    put_fp(t, m->swap, row[i], vft_circuit_value(c, c->sponge[i].swap).c[0]);
    for (uint32_t g = 0; g < VFT_POSEIDON_RATE; g++)
      put_fp(t, m->lane, (size_t)VFT_POSEIDON_RATE * row[i] + g,
             vft_circuit_part(c, c->sponge[i].lane[g]));
  }
  for (uint32_t i = 0; i < 3 * VFT_SPONGE_KEPT; i++) {
    int64_t *cell = (int64_t *)t->array[m->wide[i % 3]].data + m->first[VFT_CELL_SPONGE] +
                    (size_t)(i / 3) * m->shape.permutations;
    for (size_t p = 0; p < m->shape.permutations; p++) cell[p] = j.to.out[VFT_POSEIDON_WIDTH * p + i];
  }
  return VFT_OK;
}

static vft_status splits(const vft_machine *m, const vft_circuit *c, vft_trace *t) {
  TRY(alloc(t, (vft_tensor_id[]){m->split, m->bit, m->limb[0], m->limb[1], m->top, m->inverse}, 6));
  for (uint32_t i = 0; i < m->shape.splits; i++) {
    uint64_t x = i < c->nsplit ? vft_circuit_part(c, c->split[i]).v : 0;
    uint64_t rest = 0xffffffffu - (x >> 32);
    put_fp(t, m->split, i, (vft_fp){x});
    for (uint32_t e = 0; e < VFT_SPLIT_BITS; e++)
      put_fp(t, m->bit, (size_t)VFT_SPLIT_BITS * i + e, (vft_fp){x >> e & 1});
    put(t, m->limb[0], i, x >> 32 & 0xffff);
    put(t, m->limb[1], i, x >> 48);
    put_fp(t, m->top, i, (vft_fp){!rest});
    put_fp(t, m->inverse, i, vft_fp_inv((vft_fp){rest}));
  }
  return VFT_OK;
}

static vft_status sums(const vft_machine *m, const vft_circuit *c, vft_trace *t) {
  for (int o = 0; o < 3; o++) {
    TRY(alloc(t, m->sum[1][o], 1));
    TRY(alloc(t, m->sum[0][o], 3));
    for (uint32_t i = 0; i < c->cells[VFT_CELL_SUM].n; i++) {
      vft_ext v = vft_circuit_value(c, o == 0 ? c->sum[i].a : o == 1 ? c->sum[i].b : c->sum[i].c);
      for (int k = 0; k < (c->narrow[i] ? 1 : 3); k++)
        put_fp(t, m->sum[c->narrow[i]][o][k], c->rank[i], v.c[k]);
    }
  }
  return VFT_OK;
}

/* All kinds but SPONGE, which its chip writes. */
static vft_status memory(const vft_machine *m, const vft_circuit *c, vft_trace *t) {
  TRY(alloc(t, m->wide, 3));
  TRY(alloc(t, &m->narrow, 1));
  TRY(alloc(t, m->total, 3));
  for (vft_cell_kind kind = 0; kind < VFT_CELL_KINDS; kind++) {
    if (kind == VFT_CELL_SPONGE) continue;
    for (uint32_t i = 0; i < c->cells[kind].n; i++) {
      const vft_ext *v = &c->cells[kind].value[i];
      uint32_t at = number(m, c, NULL, (vft_wire)kind << VFT_WIRE_BITS | i);
      if (at >= m->first_of[VFT_SEGMENT_TOTAL])
        for (int k = 0; k < 3; k++) put_fp(t, m->total[k], at - m->first_of[VFT_SEGMENT_TOTAL], v->c[k]);
      else if (at >= m->first_of[VFT_SEGMENT_NARROW])
        put_fp(t, m->narrow, at - m->first_of[VFT_SEGMENT_NARROW], v->c[0]);
      else
        for (int k = 0; k < 3; k++) put_fp(t, m->wide[k], at, v->c[k]);
    }
  }
  return VFT_OK;
}

vft_status vft_machine_trace(const vft_machine *m, const vft_circuit *c, vft_trace *t) {
  uint32_t *row = NULL;
  vft_status st = VFT_OK;
  TRY(check_room(m, c));
  if (!vft_circuit_holds(c))
    return vft_reject("circuit/zero", "circuit: a check of what it computes does not hold");
  TRY(order_permutations(c, &row));
  TRY_OUT(wire(m, c, row, t));
  TRY_OUT(memory(m, c, t));
  TRY_OUT(permutations(m, c, row, t));
  TRY_OUT(sums(m, c, t));
  TRY_OUT(splits(m, c, t));
  TRY_OUT(alloc(t, m->part, 3));
  for (uint32_t i = 0; i < c->cells[VFT_CELL_PART].n; i++)
    for (int k = 0; k < 3; k++)
      put_fp(t, m->part[k], i, vft_circuit_value(c, c->part[i].wire).c[k]);
  TRY_OUT(alloc(t, &m->index, 1));
  for (uint32_t i = 0; i < c->cells[VFT_CELL_FETCH].n; i++)
    put(t, m->index, i, vft_circuit_value(c, c->fetch[i].index).c[0].v);
  TRY_OUT(alloc(t, &m->input, 1));
  for (uint32_t i = 0; i < c->cells[VFT_CELL_INPUT].n; i++)
    put_fp(t, m->input, i, c->cells[VFT_CELL_INPUT].value[i].c[0]);
  TRY_OUT(vft_trace_complete(t));
  st = vft_trace_count_lookups(t);
out:
  vft_free(row);
  return st;
}
