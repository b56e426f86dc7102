/* The verifier as a circuit: accepts what the native verifier accepts. */
#include "recurse/recursion.h"

static vft_circuit *small_circuit(void) {
  vft_circuit *c = vft_circuit_new();
  vft_wire in = vft_circuit_input(c, vft_ext_from_fp((vft_fp){5}));
  vft_wire x = vft_circuit_free_cell(c, (vft_ext){{{9}, {1}, {2}}});
  vft_wire y = vft_circuit_sum(c, in, x, in);
  vft_wire want = vft_circuit_free_cell(c, vft_circuit_value(c, y));
  vft_wire minus = vft_circuit_constant(c, vft_ext_neg(VFT_EXT_ONE));
  vft_circuit_zero(c, vft_circuit_sum(c, minus, want, y));
  vft_wire_part lane[8] = {{y, 0}, {y, 1}, {y, 2}};
  vft_fp none[4] = {{0}};
  uint32_t p = vft_circuit_permute(c, lane, none, VFT_FRESH, 0);
  (void)vft_circuit_permute(c, lane, none, p, 0);
  (void)vft_circuit_split(c, (vft_wire_part){vft_circuit_sponge(p), 1});
  return c;
}

static void follows(void **state) {
  (void)state;
  proved p;
  vft_circuit *c = small_circuit(), *v = vft_circuit_new();
  prove_circuit(&p, c, 6, 2);
  assert_int_equal(verify_circuit(&p, p.input, p.inputs, p.proof.bytes, p.proof.len), VFT_OK);
  vft_status st = record_verifier(v, &p, p.proof.bytes, p.proof.len);
  if (st != VFT_OK) printf("%s: %s\n", vft_error_check(), vft_error_message());
  assert_int_equal(st, VFT_OK);
  assert_true(vft_circuit_holds(v));
  show(v);
  vft_circuit_prune(v);
  show(v);
  vft_circuit_free(c);
  proved_free(&p);
  vft_circuit_free(v);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(follows)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
