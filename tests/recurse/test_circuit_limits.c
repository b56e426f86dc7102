/* What no circuit can be, and what does not fit a shape: refused, by whoever makes a key and by
 * whoever makes a trace. */
#include "recurse/circuits.h"

static void fetches(void **state) {
  (void)state;
  for (uint64_t index = 0; index < 6; index++)
    for (int kind = 0; kind < 3; kind++) {
      vft_circuit *c = fresh();
      vft_wire first = 0;
      for (uint64_t i = 0; i < 4; i++) {
        vft_ext v = vft_ext_from_fp((vft_fp){100 + i});
        vft_wire w = kind == 0   ? vft_circuit_base(c, v.c[0])
                     : kind == 1 ? vft_circuit_free_cell(c, v)
                                 : vft_circuit_input(c, v);
        if (i == 1) first = w; /* three from here on */
      }
      vft_fp v = {index < 5 ? index : VFT_P - 1};
      vft_wire at = vft_circuit_input(c, vft_ext_from_fp(v));
      vft_wire got = vft_circuit_fetch(c, first, at);
      if (kind < 2 && index < 3) {
        assert_int_equal(vft_circuit_value(c, got).c[0].v, 101 + index);
        accepted(c);
      } else {
        assert_int_equal(c->status, VFT_USAGE);
        assert_false(vft_circuit_holds(c));
        (void)vft_circuit_sum(c, first, first, first); /* sticky */
        assert_int_equal(wiring(c), VFT_USAGE);
        assert_int_equal(fitted(c), VFT_USAGE);
      }
      vft_circuit_free(c);
    }
}

/* Inputs are in F. */
static void inputs(void **state) {
  (void)state;
  for (int k = 0; k < 3; k++) {
    vft_circuit *c = fresh();
    vft_ext v = VFT_EXT_ZERO;
    v.c[k] = (vft_fp){VFT_P - 1};
    (void)vft_circuit_input(c, v);
    assert_int_equal(c->status, k ? VFT_USAGE : VFT_OK);
    assert_int_equal(vft_circuit_holds(c), !k);
    assert_int_equal(wiring(c), k ? VFT_USAGE : VFT_OK);
    assert_int_equal(fitted(c), k ? VFT_USAGE : VFT_OK);
    vft_circuit_free(c);
  }
}

static void chains(void **state) {
  (void)state;
  for (int twice = 0; twice < 2; twice++) {
    vft_circuit *c = fresh();
    vft_wire in = vft_circuit_input(c, VFT_EXT_ONE);
    uint32_t p = permute(c, in, VFT_FRESH), q = permute(c, in, p);
    permute(c, in, twice ? p : q);
    assert_int_equal(wiring(c), twice ? VFT_USAGE : VFT_OK);
    assert_int_equal(fitted(c), twice ? VFT_USAGE : VFT_OK);
    if (!twice) accepted(c);
    c->sponge[q].after = q; /* nor what comes later, or itself */
    assert_int_equal(wiring(c), VFT_USAGE);
    c->sponge[q].after = 2;
    assert_int_equal(wiring(c), VFT_USAGE);
    vft_circuit_free(c);
  }
}

/* The fourth cell of a permutation is in no memory: whoever reads it is refused. */
static void fourth_cells(void **state) {
  (void)state;
  for (int by = 0; by < 9; by++) {
    vft_circuit *c = fresh();
    vft_wire in = vft_circuit_input(c, VFT_EXT_ONE);
    uint32_t p = permute(c, in, VFT_FRESH);
    vft_wire w = vft_circuit_sponge(p) + (by ? VFT_SPONGE_KEPT : 0);
    vft_wire_part lane[8] = {{0, 0}};
    vft_fp none[4] = {{0}};
    for (int i = 0; i < 3; i++) (void)vft_circuit_base(c, (vft_fp){1});
    if (by == 1) lane[7].wire = w;
    if (by < 3) vft_circuit_permute(c, lane, none, VFT_FRESH, by == 2 ? w : 0);
    if (by == 3) vft_circuit_sum(c, w, in, 0);
    if (by == 4) vft_circuit_sum(c, in, w, 0);
    if (by == 5) vft_circuit_sum(c, in, in, w);
    if (by == 6) vft_circuit_split(c, (vft_wire_part){w, 1});
    if (by == 7) vft_circuit_take_part(c, (vft_wire_part){w, 1});
    if (by == 8) vft_circuit_zero(c, w);
    assert_int_equal(wiring(c), by ? VFT_USAGE : VFT_OK);
    if (by < 8) assert_int_equal(fitted(c), by ? VFT_USAGE : VFT_OK);
    vft_circuit_free(c);
  }
}

static void not_zero(void **state) {
  (void)state;
  vft_circuit *c = fresh();
  vft_wire x = vft_circuit_free_cell(c, (vft_ext){{{0}, {0}, {1}}});
  assert_true(vft_circuit_holds(c));
  vft_circuit_zero(c, x);
  assert_false(vft_circuit_holds(c));
  assert_int_equal(fitted(c), VFT_REJECTED);
  assert_string_equal(vft_error_check(), "circuit/zero");
  assert_int_equal(wiring(c), VFT_OK); /* the circuit has a key all the same */
  vft_circuit_free(c);
}

/* Every number of the shape is one too small. */
static void beyond_shape(void **state) {
  (void)state;
  vft_circuit *c = random_circuit(5, 600);
  vft_machine_shape fit;
  vft_machine_fit(c, 6, &fit);
  assert_int_equal(tracing(c, &fit), VFT_OK);
  assert_in_range(fit.frees, c->cells[VFT_CELL_FREE].n, 2 * c->cells[VFT_CELL_FREE].n);
  fit.frees = c->cells[VFT_CELL_FREE].n; /* it may have some more */
  fit.bases = c->cells[VFT_CELL_BASE].n;
  fit.sums = c->cells[VFT_CELL_SUM].n - c->nnarrow;
  assert_int_equal(tracing(c, &fit), VFT_OK);
  for (int k = 0; k < 11; k++) {
    vft_machine_shape s = fit;
    uint32_t *at[] = {&s.constants, &s.inputs,       &s.bases,       &s.frees, &s.splits, &s.parts,
                      &s.fetches,   &s.permutations, &s.narrow_sums, &s.sums,  &s.zeros};
    assert_true(*at[k] > 2);
    --*at[k];
    vft_circuit_key key;
    assert_int_equal(tracing(c, &s), VFT_USAGE);
    assert_int_equal(vft_circuit_key_make(c, &s, 0, NULL, &key), VFT_USAGE);
    *at[k] += 3; /* room to spare is no harm */
    assert_int_equal(tracing(c, &s), VFT_OK);
  }
  vft_machine *m;
  int64_t **in;
  OK(vft_machine_build(&fit, &m));
  vft_fp *input = calloc(fit.inputs + 1, sizeof *input);
  assert_int_equal(vft_machine_inputs(m, input, fit.inputs + 1, &in), VFT_USAGE);
  OK(vft_machine_inputs(m, input, fit.inputs, &in));
  vft_free(in);
  free(input);
  vft_machine_free(m);
  vft_circuit_free(c);
}

/* Shapes that cannot be. */
static void no_shape(void **state) {
  (void)state;
  vft_circuit *c = random_circuit(6, 200);
  vft_machine_shape fit;
  vft_machine_fit(c, 6, &fit);
  for (int k = 0; k < 13; k++) {
    vft_machine_shape s = fit;
    uint32_t *at[] = {&s.constants, &s.inputs,       &s.bases,       &s.frees, &s.splits, &s.parts,
                      &s.fetches,   &s.permutations, &s.narrow_sums, &s.sums,  &s.zeros};
    vft_machine *m;
    if (k < 11) *at[k] = k == 7;
    if (k == 11) s.frees = 1u << 26; /* and others */
    if (k == 12) s.sums = UINT32_MAX;
    assert_int_equal(vft_machine_build(&s, &m), VFT_USAGE);
    assert_null(m);
  }
  vft_circuit_free(c);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(fetches),      cmocka_unit_test(inputs),   cmocka_unit_test(chains),
      cmocka_unit_test(fourth_cells), cmocka_unit_test(not_zero), cmocka_unit_test(beyond_shape),
      cmocka_unit_test(no_shape)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
