/* Random numbers, small circuits, and whether a circuit is proved. */
#ifndef TESTS_RECURSE_CIRCUITS_H
#define TESTS_RECURSE_CIRCUITS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "recurse/evaluate.h"
#include "recurse/machine_trace.h"
#include "recurse/node.h"

#define OK(x)                                              \
  do {                                                     \
    if ((x) != VFT_OK) fail_msg("%s", vft_error_message()); \
  } while (0)

static uint64_t seed;
static inline uint64_t rnd(void) {
  seed ^= seed << 13;
  seed ^= seed >> 7;
  seed ^= seed << 17;
  return seed * 0x2545f4914f6cdd1dull;
}
static inline uint32_t below(uint32_t n) { return (uint32_t)(rnd() >> 32) % n; }
static inline vft_fp rnd_fp(void) { return vft_fp_from_u64(rnd()); }
static inline vft_ext rnd_ext(void) { return (vft_ext){{rnd_fp(), rnd_fp(), rnd_fp()}}; }

static inline vft_circuit *fresh(void) {
  vft_circuit *c = vft_circuit_new();
  assert_non_null(c);
  return c;
}

static inline vft_wire minus_one(vft_circuit *c) {
  return vft_circuit_constant(c, vft_ext_neg(VFT_EXT_ONE));
}

/* ---- random circuits ---- */

enum { POOL = 400 };
typedef struct {
  vft_circuit *c;
  vft_wire pool[POOL], bit; /* bit: a cell that is 0 or 1 */
  uint32_t n, last;
} recording;

static inline void keep(recording *r, vft_wire w) {
  if (r->n < POOL) r->pool[r->n++] = w;
  else r->pool[below(POOL)] = w;
}
static inline vft_wire any(recording *r) { return r->pool[below(r->n)]; }
static inline vft_wire_part any_part(recording *r) { return (vft_wire_part){any(r), below(3)}; }

static inline void record_permutation(recording *r) {
  vft_wire_part lane[8];
  vft_fp capacity[4] = {rnd_fp(), rnd_fp(), {0}, rnd_fp()}, none[4] = {{0}};
  for (int k = 0; k < 8; k++) lane[k] = any_part(r);
  bool on = r->last != VFT_FRESH && below(2);
  vft_wire other = vft_circuit_sum(r->c, minus_one(r->c), r->bit,
                                   vft_circuit_constant(r->c, VFT_EXT_ONE)); /* 1 - bit */
  const vft_wire swap[] = {0, r->bit, other};
  r->last = vft_circuit_permute(r->c, lane, on ? none : capacity, on ? r->last : VFT_FRESH,
                                swap[below(3)]);
  for (uint32_t k = 0; k < VFT_SPONGE_KEPT; k++) keep(r, vft_circuit_sponge(r->last) + k);
}

static inline void record_fetch(recording *r) {
  uint32_t n = 1 + below(6), at = below(n);
  vft_wire first = 0;
  for (uint32_t i = 0; i < n; i++) {
    vft_wire w = n & 1 ? vft_circuit_base(r->c, rnd_fp()) : vft_circuit_free_cell(r->c, rnd_ext());
    if (!i) first = w;
  }
  keep(r, vft_circuit_fetch(r->c, first, vft_circuit_base(r->c, (vft_fp){at})));
}

static inline void record_zero(recording *r) {
  vft_wire w = any(r), same = vft_circuit_free_cell(r->c, vft_circuit_value(r->c, w));
  vft_circuit_zero(r->c, vft_circuit_sum(r->c, minus_one(r->c), same, w));
}

static inline vft_circuit *random_circuit(uint64_t s, unsigned ops) {
  recording r = {.c = fresh(), .last = VFT_FRESH};
  seed = s * 0x9e3779b97f4a7c15ull;
  keep(&r, vft_circuit_input(r.c, vft_ext_from_fp(rnd_fp())));
  r.bit = vft_circuit_split(r.c, (vft_wire_part){vft_circuit_base(r.c, rnd_fp()), 0});
  for (unsigned i = 0; i < ops; i++) {
    switch (below(16)) {
      case 0: keep(&r, vft_circuit_constant(r.c, below(2) ? rnd_ext() : VFT_EXT_ONE)); break;
      case 1: keep(&r, vft_circuit_input(r.c, vft_ext_from_fp(rnd_fp()))); break;
      case 2: keep(&r, vft_circuit_base(r.c, rnd_fp())); break;
      case 3: keep(&r, vft_circuit_free_cell(r.c, rnd_ext())); break;
      case 4:
        r.bit = vft_circuit_split(r.c, any_part(&r)) + below(32);
        keep(&r, r.bit);
        break;
      case 5: keep(&r, vft_circuit_take_part(r.c, any_part(&r))); break;
      case 6: record_fetch(&r); break;
      case 7: record_permutation(&r); break;
      case 8: record_zero(&r); break;
      default: keep(&r, vft_circuit_sum(r.c, any(&r), any(&r), below(3) ? any(&r) : 0));
    }
  }
  OK(r.c->status);
  assert_true(vft_circuit_holds(r.c));
  return r.c;
}

/* ---- proving them ---- */

static inline void accepted(const vft_circuit *c) {
  vft_machine_shape shape;
  vft_machine *m;
  vft_trace t;
  vft_machine_fit(c, 6, &shape);
  OK(vft_machine_build(&shape, &m));
  OK(vft_trace_init(&t, m->program));
  OK(vft_machine_trace(m, c, &t));
  OK(vft_program_check_trace(m->program, &t, NULL));
  vft_trace_free(&t);
  vft_machine_free(m);
}

static inline vft_status wiring(const vft_circuit *c) {
  vft_circuit_key key;
  vft_status st = vft_circuit_key_make(c, NULL, 6, NULL, &key);
  if (st == VFT_OK) vft_circuit_key_free(&key);
  return st;
}

static inline vft_status tracing(const vft_circuit *c, const vft_machine_shape *shape) {
  vft_machine *m;
  vft_trace t, u;
  OK(vft_machine_build(shape, &m));
  OK(vft_trace_init(&t, m->program));
  OK(vft_trace_init(&u, m->program));
  vft_status st = vft_machine_trace(m, c, &t);
  if (st != VFT_REJECTED) assert_int_equal(vft_machine_wire(m, c, &u), st);
  vft_trace_free(&t);
  vft_trace_free(&u);
  vft_machine_free(m);
  return st;
}

static inline vft_status fitted(const vft_circuit *c) {
  vft_machine_shape shape;
  vft_machine_fit(c, 6, &shape);
  return tracing(c, &shape);
}

static inline uint32_t permute(vft_circuit *c, vft_wire in, uint32_t after) {
  vft_wire_part lane[8] = {{in, 0}, {in, 1}, {in, 2}};
  vft_fp none[4] = {{0}};
  return vft_circuit_permute(c, lane, none, after, 0);
}

#endif
