/* Test helper: what a circuit's derived cells are, from its free ones. */
#ifndef TESTS_RECURSE_EVALUATE_H
#define TESTS_RECURSE_EVALUATE_H

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "recurse/circuit.h"

/* Cells come in units, computed at once: the bits of a split, the four cells of a permutation,
 * others alone. The order of a canonical circuit is none of computation, so each unit is computed
 * after those that it needs, wherever they are. */
enum { UNIT_NEW, UNIT_OPEN, UNIT_DONE };

typedef struct {
  vft_circuit *c;
  uint8_t *state[VFT_CELL_KINDS]; /* of units; NULL: cells that are free or known */
  vft_wire *stack;                /* units that wait for the one above */
  size_t depth;
  vft_wire *order; /* receives the units as they are computed, unless NULL */
  size_t ordered;
} evaluation;

/* Kinds that are not derived, the constants apart. */
static const vft_cell_kind given_kinds[] = {VFT_CELL_INPUT, VFT_CELL_BASE, VFT_CELL_FREE};
static inline bool is_derived(int kind) {
  return kind != VFT_CELL_CONSTANT && kind != VFT_CELL_INPUT && kind != VFT_CELL_BASE &&
         kind != VFT_CELL_FREE;
}

static inline uint32_t unit_size(vft_cell_kind kind) {
  return kind == VFT_CELL_BIT ? VFT_SPLIT_BITS : kind == VFT_CELL_SPONGE ? VFT_SPONGE_CELLS : 1;
}
static inline uint32_t unit_of(vft_wire w) {
  return vft_wire_number(w) / unit_size(vft_wire_kind(w));
}
static inline vft_ext *value_of(const evaluation *e, vft_wire w) {
  return &e->c->cells[vft_wire_kind(w)].value[vft_wire_number(w)];
}
static inline vft_fp part_of(const evaluation *e, vft_wire_part p) {
  return value_of(e, p.wire)->c[p.part];
}

/* What a unit is computed from. */
static inline int unit_needs(const vft_circuit *c, vft_cell_kind kind, uint32_t i,
                             vft_wire need[VFT_POSEIDON_RATE + 2]) {
  int n = 0;
  if (kind == VFT_CELL_SUM) {
    need[n++] = c->sum[i].a;
    need[n++] = c->sum[i].b;
    need[n++] = c->sum[i].c;
  }
  if (kind == VFT_CELL_BIT) need[n++] = c->split[i].wire;
  if (kind == VFT_CELL_PART) need[n++] = c->part[i].wire;
  if (kind == VFT_CELL_FETCH) need[n++] = c->fetch[i].index;
  if (kind == VFT_CELL_SPONGE) {
    const vft_sponge_op *o = &c->sponge[i];
    for (int k = 0; k < VFT_POSEIDON_RATE; k++) need[n++] = o->lane[k].wire;
    need[n++] = o->swap;
    if (o->after != VFT_FRESH) need[n++] = vft_circuit_sponge(o->after);
  }
  return n;
}

/* An index beyond the cells gives 0. */
static inline void compute_fetch(const evaluation *e, uint32_t i) {
  vft_wire first = e->c->fetch[i].first;
  uint64_t at = vft_wire_number(first) + part_of(e, (vft_wire_part){e->c->fetch[i].index, 0}).v;
  vft_cell_kind kind = vft_wire_kind(first);
  e->c->cells[VFT_CELL_FETCH].value[i] =
      at < e->c->cells[kind].n ? e->c->cells[kind].value[at] : VFT_EXT_ZERO;
}

/* The swap as the machine has it: lane + s (other - lane). */
static inline void compute_permutation(const evaluation *e, uint32_t i) {
  const vft_sponge_op *o = &e->c->sponge[i];
  vft_fp swap = value_of(e, o->swap)->c[0];
  vft_poseidon_state s;
  for (unsigned k = 0; k < VFT_POSEIDON_WIDTH; k++) {
    if (k < VFT_POSEIDON_RATE) {
      vft_fp own = part_of(e, o->lane[k]), other = part_of(e, o->lane[k ^ 4]);
      s.s[k] = vft_fp_add(own, vft_fp_mul(swap, vft_fp_sub(other, own)));
    } else {
      s.s[k] = o->capacity[k - VFT_POSEIDON_RATE];
    }
    if (o->after != VFT_FRESH)
      s.s[k] = vft_fp_add(s.s[k], part_of(e, (vft_wire_part){vft_circuit_sponge(o->after) + k / 3,
                                                             k % 3}));
  }
  e->c->before[i] = s;
  vft_poseidon_permute(&s, 1);
  for (unsigned k = 0; k < VFT_SPONGE_CELLS; k++)
    e->c->cells[VFT_CELL_SPONGE].value[VFT_SPONGE_CELLS * i + k] =
        (vft_ext){{s.s[3 * k], s.s[3 * k + 1], s.s[3 * k + 2]}};
}

static inline void compute_unit(const evaluation *e, vft_cell_kind kind, uint32_t i) {
  vft_ext *to = &e->c->cells[kind].value[unit_size(kind) * i];
  if (kind == VFT_CELL_SUM) {
    vft_sum_op o = e->c->sum[i];
    *to = vft_ext_add(vft_ext_mul(*value_of(e, o.a), *value_of(e, o.b)), *value_of(e, o.c));
  }
  if (kind == VFT_CELL_BIT)
    for (unsigned b = 0; b < VFT_SPLIT_BITS; b++)
      to[b] = vft_ext_from_fp((vft_fp){part_of(e, e->c->split[i]).v >> b & 1});
  if (kind == VFT_CELL_PART) *to = vft_ext_from_fp(part_of(e, e->c->part[i]));
  if (kind == VFT_CELL_FETCH) compute_fetch(e, i);
  if (kind == VFT_CELL_SPONGE) compute_permutation(e, i);
}

/* Computes a unit and all that it needs; false if it needs itself. */
static inline bool compute(evaluation *e, vft_wire unit) {
  e->stack[e->depth++] = unit;
  while (e->depth) {
    vft_wire w = e->stack[e->depth - 1], need[VFT_POSEIDON_RATE + 2], missing = 0;
    vft_cell_kind kind = vft_wire_kind(w);
    uint8_t *state = &e->state[kind][unit_of(w)];
    int n = *state == UNIT_DONE ? 0 : unit_needs(e->c, kind, unit_of(w), need);
    bool ready = true;
    for (int k = 0; k < n && ready; k++) {
      const uint8_t *of = e->state[vft_wire_kind(need[k])];
      ready = !of || of[unit_of(need[k])] == UNIT_DONE;
      missing = need[k];
    }
    if (ready) {
      if (*state != UNIT_DONE) {
        compute_unit(e, kind, unit_of(w));
        if (e->order) e->order[e->ordered++] = w;
      }
      *state = UNIT_DONE;
      e->depth--;
      continue;
    }
    *state = UNIT_OPEN;
    if (e->state[vft_wire_kind(missing)][unit_of(missing)] == UNIT_OPEN) return false;
    e->stack[e->depth++] = missing;
  }
  return true;
}

/* Gives every derived cell its value; false if some have none: the circuit is no computation. */
static inline bool evaluate(vft_circuit *c) {
  evaluation e = {.c = c};
  size_t units = 0;
  bool good = true;
  for (int k = 0; k < VFT_CELL_KINDS; k++) {
    if (!is_derived(k)) continue;
    e.state[k] = calloc(c->cells[k].n + 1, 1);
    units += c->cells[k].n / unit_size((vft_cell_kind)k);
    good = good && e.state[k];
  }
  e.stack = malloc((units + 2) * sizeof *e.stack);
  good = good && e.stack;
  for (int k = 0; k < VFT_CELL_KINDS; k++)
    for (uint32_t i = 0; good && is_derived(k) && i < c->cells[k].n; i += unit_size((vft_cell_kind)k))
      good = compute(&e, (vft_wire)k << VFT_WIRE_BITS | i);
  for (int k = 0; k < VFT_CELL_KINDS; k++) free(e.state[k]);
  free(e.stack);
  return good;
}

#endif
