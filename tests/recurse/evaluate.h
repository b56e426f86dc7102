/* Test helper: what a circuit's derived cells are, from its free ones. */
#ifndef TESTS_RECURSE_EVALUATE_H
#define TESTS_RECURSE_EVALUATE_H

#include <stdbool.h>
#include <string.h>

#include "recurse/circuit.h"

typedef struct {
  vft_circuit *c;
  uint32_t done[VFT_CELL_KINDS]; /* cells that have their values */
} evaluation;

static inline bool has_value(const evaluation *e, vft_wire w) {
  return vft_wire_number(w) < e->done[vft_wire_kind(w)];
}
static inline vft_ext *value_of(const evaluation *e, vft_wire w) {
  return &e->c->cells[vft_wire_kind(w)].value[vft_wire_number(w)];
}
static inline vft_fp part_of(const evaluation *e, vft_wire_part p) {
  return value_of(e, p.wire)->c[p.part];
}

/* Each makes the next cell of its kind, if its operands have values. */
static inline bool next_sum(evaluation *e) {
  uint32_t i = e->done[VFT_CELL_SUM];
  if (i == e->c->cells[VFT_CELL_SUM].n) return false;
  vft_sum_op o = e->c->sum[i];
  if (!has_value(e, o.a) || !has_value(e, o.b) || !has_value(e, o.c)) return false;
  e->c->cells[VFT_CELL_SUM].value[i] =
      vft_ext_add(vft_ext_mul(*value_of(e, o.a), *value_of(e, o.b)), *value_of(e, o.c));
  e->done[VFT_CELL_SUM]++;
  return true;
}

static inline bool next_split(evaluation *e) {
  uint32_t i = e->done[VFT_CELL_BIT] / VFT_SPLIT_BITS;
  if (i == e->c->nsplit || !has_value(e, e->c->split[i].wire)) return false;
  uint64_t x = part_of(e, e->c->split[i]).v;
  for (unsigned b = 0; b < VFT_SPLIT_BITS; b++)
    e->c->cells[VFT_CELL_BIT].value[e->done[VFT_CELL_BIT]++] =
        vft_ext_from_fp((vft_fp){x >> b & 1});
  return true;
}

static inline bool next_part(evaluation *e) {
  uint32_t i = e->done[VFT_CELL_PART];
  if (i == e->c->cells[VFT_CELL_PART].n || !has_value(e, e->c->part[i].wire)) return false;
  e->c->cells[VFT_CELL_PART].value[i] = vft_ext_from_fp(part_of(e, e->c->part[i]));
  e->done[VFT_CELL_PART]++;
  return true;
}

/* An index beyond the cells gives 0. */
static inline bool next_fetch(evaluation *e) {
  uint32_t i = e->done[VFT_CELL_FETCH];
  if (i == e->c->cells[VFT_CELL_FETCH].n || !has_value(e, e->c->fetch[i].index)) return false;
  vft_wire first = e->c->fetch[i].first;
  uint64_t at = vft_wire_number(first) + part_of(e, (vft_wire_part){e->c->fetch[i].index, 0}).v;
  vft_cell_kind kind = vft_wire_kind(first);
  e->c->cells[VFT_CELL_FETCH].value[i] =
      at < e->c->cells[kind].n ? e->c->cells[kind].value[at] : VFT_EXT_ZERO;
  e->done[VFT_CELL_FETCH]++;
  return true;
}

/* The swap as the machine has it: lane + s (other - lane). */
static inline bool next_permutation(evaluation *e) {
  uint32_t i = e->done[VFT_CELL_SPONGE] / VFT_SPONGE_CELLS;
  if (i == e->c->nsponge) return false;
  const vft_sponge_op *o = &e->c->sponge[i];
  bool ready = has_value(e, o->swap);
  for (int k = 0; k < VFT_POSEIDON_RATE; k++) ready = ready && has_value(e, o->lane[k].wire);
  if (!ready || (o->after != VFT_FRESH && o->after >= i)) return false;
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
    e->c->cells[VFT_CELL_SPONGE].value[e->done[VFT_CELL_SPONGE]++] =
        (vft_ext){{s.s[3 * k], s.s[3 * k + 1], s.s[3 * k + 2]}};
  return true;
}

/* Gives every derived cell its value; false if some have none: the circuit is no computation. Each
 * kind is in the order in which it was recorded, so the earliest cell that has no value yet is the
 * next of its kind. */
static inline bool evaluate(vft_circuit *c) {
  evaluation e = {.c = c};
  for (int k = 0; k < VFT_CELL_KINDS; k++)
    if (k <= VFT_CELL_FREE) e.done[k] = c->cells[k].n;
  for (bool more = true; more;) {
    more = false;
    while (next_sum(&e)) more = true;
    while (next_split(&e)) more = true;
    while (next_part(&e)) more = true;
    while (next_fetch(&e)) more = true;
    while (next_permutation(&e)) more = true;
  }
  for (int k = 0; k < VFT_CELL_KINDS; k++)
    if (e.done[k] != c->cells[k].n) return false;
  return true;
}

#endif
