/* Hiding proofs of the machine (recurse/machine.h) with parameters that are sound. */
#include "recurse/recursion.h"

#include <time.h>

#include "verify/driver.h"

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static vft_circuit *small_circuit(uint64_t secret) {
  vft_circuit *c = vft_circuit_new();
  vft_wire in = vft_circuit_input(c, vft_ext_from_fp((vft_fp){5}));
  vft_wire x = vft_circuit_free_cell(c, (vft_ext){{{secret}, {1}, {2}}});
  vft_wire y = vft_circuit_sum(c, in, x, in);
  vft_wire_part lane[8] = {{y, 0}, {y, 1}, {y, 2}};
  vft_fp none[4] = {{0}};
  uint32_t p = vft_circuit_permute(c, lane, none, VFT_FRESH, 0);
  (void)vft_circuit_permute(c, lane, none, p, 0);
  (void)vft_circuit_split(c, (vft_wire_part){vft_circuit_sponge(p), 1});
  return c;
}

/* Proves and verifies the circuit's machine; plain and hiding. */
static void both(const vft_circuit *c, unsigned log_columns, unsigned bits, unsigned grind) {
  vft_machine *m;
  vft_machine_shape shape;
  vft_trace t;
  vft_commitment *wiring;
  int64_t **in;
  double time[2], checking[2];
  size_t len[2];
  vft_machine_fit(c, log_columns, &shape);
  assert_int_equal(vft_machine_build(&shape, &m), VFT_OK);
  assert_int_equal(vft_trace_init(&t, m->program), VFT_OK);
  assert_int_equal(vft_machine_trace(m, c, &t), VFT_OK);
  assert_int_equal(vft_commit_group(&wiring, &t, VFT_LINK, m->wiring, 4, VFT_HASH_BLAKE3, 0),
                   VFT_OK);
  vft_digest root = vft_commitment_root(wiring);
  vft_fp input[64];
  uint32_t n = c->cells[VFT_CELL_INPUT].n;
  assert_true(n <= 64);
  for (uint32_t i = 0; i < n; i++) input[i] = c->cells[VFT_CELL_INPUT].value[i].c[0];
  assert_int_equal(vft_machine_inputs(m, input, n, &in), VFT_OK);
  vft_statement s = {m->program, (const int64_t *const *)in, &root, NULL};
  for (int hiding = 0; hiding < 2; hiding++) {
    vft_proof_options o = vft_proof_options_default();
    vft_proof proof;
    vft_soundness account;
    vft_prove_profile profile;
    o.log_inv_rate = 4;
    o.bits = bits;
    o.grind = grind;
    o.hiding = hiding;
    double from = now();
    vft_status st = vft_prove(m->program, &t, &wiring, NULL, &o, NULL, &proof, NULL, &profile);
    if (st != VFT_OK) print_message("%s\n", vft_error_message());
    assert_int_equal(st, VFT_OK);
    time[hiding] = now() - from;
    if (getenv("VFT_SHOW")) vft_prove_profile_print(&profile, stdout);
    len[hiding] = proof.len;
    from = now();
    st = vft_verify_proof(&s, &o, (vft_verify_flags){.allow_test_profile = false}, proof.bytes,
                          proof.len, NULL, &account);
    if (st != VFT_OK) print_message("%s\n", vft_error_message());
    assert_int_equal(st, VFT_OK);
    checking[hiding] = now() - from;
    if (getenv("VFT_SHOW")) vft_soundness_print(&account, stdout);
    vft_soundness_free(&account);
    for (size_t i = 1; i < 4; i++) {
      proof.bytes[proof.len * i / 4] ^= 1;
      assert_int_equal(vft_verify_proof(&s, &o, (vft_verify_flags){.bounds_checked = true},
                                        proof.bytes, proof.len, NULL, NULL), VFT_REJECTED);
      proof.bytes[proof.len * i / 4] ^= 1;
    }
    vft_proof_free(&proof);
  }
  print_message("plain, hiding: prove %.2f, %.2f s; verify %.1f, %.1f ms; %zu, %zu bytes\n",
                time[0], time[1], 1e3 * checking[0], 1e3 * checking[1], len[0], len[1]);
  vft_free(in);
  vft_commitment_free(wiring);
  vft_trace_free(&t);
  vft_machine_free(m);
}

static void small(void **state) {
  (void)state;
  vft_circuit *c = small_circuit(9);
  both(c, 8, 130, 12);
  vft_circuit_free(c);
}

/* The verifier of a proof, as the outermost proof of a recursion has it. */
static void recursion(void **state) {
  (void)state;
  proved p;
  vft_circuit *c = small_circuit(9), *v = vft_circuit_new();
  prove_circuit(&p, c, 6, 2);
  assert_int_equal(record_verifier(v, &p, p.proof.bytes, p.proof.len), VFT_OK);
  vft_circuit_prune(v);
  if (getenv("VFT_SHOW")) show(v);
  both(v, getenv("VFT_COLUMNS") ? (unsigned)atoi(getenv("VFT_COLUMNS")) : 11, 130, 20);
  vft_circuit_free(c);
  vft_circuit_free(v);
  proved_free(&p);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(small), cmocka_unit_test(recursion)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
