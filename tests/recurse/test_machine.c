/* The machine that proves circuits: honest circuits are accepted; for every relation and lookup
 * there is a false witness that it alone finds. */
#include "prove/reduced.h"

#include <string.h>

#include "recurse/machine_trace.h"

typedef struct {
  vft_circuit *c;
  vft_machine *m;
  vft_trace t;
  vft_wire sum, bit;
  uint32_t chain;
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

/* A circuit that uses every chip: sums, two chains of permutations, splits (of p - 1 and of
 * 2^32 - 1 too, where a second representative exists or nearly does), zeros. */
static vft_circuit *make_circuit(uint64_t s) {
  vft_circuit *c = vft_circuit_new();
  assert_non_null(c);
  seed = s;
  vft_wire in[3], base[3], open[3];
  for (int i = 0; i < 3; i++) {
    in[i] = vft_circuit_input(c, vft_ext_from_fp(rnd_fp()));
    base[i] = vft_circuit_base(c, i == 1 ? (vft_fp){VFT_P - 1} : i ? (vft_fp){0xffffffffu} : rnd_fp());
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
  assert_int_equal(c->status, VFT_OK);
  assert_true(vft_circuit_holds(c));
  return c;
}

static void make_world(world *w, uint64_t s) {
  memset(w, 0, sizeof *w);
  w->c = make_circuit(s);
  vft_machine_shape shape;
  vft_machine_fit(w->c, 6, &shape);
  shape.sums += 3; /* rows to spare */
  shape.permutations += 1;
  shape.splits += 1;
  shape.zeros += 1;
  shape.log_cells = 9;
  assert_int_equal(vft_machine_build(&shape, &w->m), VFT_OK);
  assert_int_equal(vft_program_check_bounds(w->m->program), VFT_OK);
  assert_int_equal(vft_trace_init(&w->t, w->m->program), VFT_OK);
  assert_int_equal(vft_machine_trace(w->m, w->c, &w->t), VFT_OK);
}

static void free_world(world *w) {
  vft_trace_free(&w->t);
  vft_machine_free(w->m);
  vft_circuit_free(w->c);
}

static void accepts(void **state) {
  (void)state;
  world w;
  make_world(&w, 11);
  bool *failed = vft_alloc(vft_program_check_count(w.m->program), 1);
  assert_int_equal(vft_program_check_trace(w.m->program, &w.t, failed), VFT_OK);
  assert_int_equal(proof_of(&w.t, false), VFT_OK);
  vft_free(failed);
  free_world(&w);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(accepts)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
