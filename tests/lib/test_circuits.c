/* The library's verifier on circuits of any shape (circuit_proof.h): the verdicts of the whole
 * project's verifier on good and bad proofs, and a verdict on whatever else it is given. */
#include "circuits.h"

#include <time.h>

#include "recurse/node.h"

typedef struct {
  proved p;
  circuit_shape shape;
  uint64_t *input;
  size_t inputs;
} world;

static void make_world(world *w, unsigned size, unsigned log_columns) {
  vft_circuit *c = small_circuit(size);
  prove_hiding(&w->p, c, log_columns, 0);
  vft_circuit_free(c);
  w->shape = shape_of(&w->p);
  w->inputs = w->p.inputs;
  w->input = calloc(w->inputs, sizeof *w->input);
  for (size_t i = 0; i < w->inputs; i++) w->input[i] = w->p.input[i].v;
}

static void free_world(world *w) {
  proved_free(&w->p);
  free(w->input);
}

static int library(const world *w, const uint8_t *proof, size_t len, char check[64]) {
  vft_verify_result *r;
  int verdict = vft_verify_circuit(&w->shape, w->p.root.b, w->input, w->inputs, proof, len, &r);
  assert_non_null(r);
  assert_int_equal(vft_verify_verdict(r), verdict);
  assert_int_equal(!*vft_verify_check(r), verdict == VFT_VERIFY_ACCEPTED);
  snprintf(check, 64, "%s", vft_verify_check(r));
  vft_verify_free(r);
  return verdict;
}

/* Both verifiers on the same bytes, in a block of exactly their length. */
static void both(const world *w, const uint8_t *proof, size_t len, bool good) {
  char check[64];
  uint8_t *bytes = malloc(len + !len);
  memcpy(bytes, proof, len);
  int verdict = library(w, bytes, len, check);
  vft_status st = verify_circuit(&w->p, w->p.input, w->p.inputs, bytes, len);
  assert_int_equal(verdict, st);
  assert_int_equal(verdict, good ? VFT_OK : VFT_REJECTED);
  if (strcmp(check, "proof/length")) assert_string_equal(check, good ? "" : vft_error_check());
  free(bytes);
}

static void same_verdicts(void **state) {
  (void)state;
  static const unsigned size[] = {3, 40}, log_columns[] = {8, 9};
  for (int i = 0; i < 2; i++) {
    world w;
    make_world(&w, size[i], log_columns[i]);
    size_t n = w.p.proof.len;
    clock_t start = clock();
    char check[64];
    assert_int_equal(library(&w, w.p.proof.bytes, n, check), VFT_VERIFY_ACCEPTED);
    print_message("proof of %zu bytes: %.1f ms\n", n, 1e3 * (double)(clock() - start) / CLOCKS_PER_SEC);
    both(&w, w.p.proof.bytes, n, true);
    uint8_t *bad = malloc(n + 8);
    memcpy(bad, w.p.proof.bytes, n);
    memset(bad + n, 0, 8);
    for (size_t k = 0; k < 25; k++) { /* a bit of bytes all over the proof, the first and last too */
      size_t at = k * (n - 1) / 24;
      bad[at] ^= (uint8_t)(1u << k % 8);
      both(&w, bad, n, false);
      bad[at] ^= (uint8_t)(1u << k % 8);
    }
    for (size_t k = 0; k < 10; k++) both(&w, bad, k * n / 10, false);
    for (size_t k = 1; k <= 8; k += 7) {
      both(&w, bad, k, false);
      both(&w, bad, n - k, false);
      both(&w, bad, n + k, false);
    }
    free(bad);
    free_world(&w);
  }
}

static void expect(const circuit_shape *shape, const uint8_t *key, const uint64_t *input,
                   size_t n, const uint8_t *proof, size_t len, const char *check) {
  vft_verify_result *r;
  assert_int_equal(vft_verify_circuit(shape, key, input, n, proof, len, &r),
                   VFT_VERIFY_REJECTED);
  if (check) assert_string_equal(vft_verify_check(r), check);
  assert_true(*vft_verify_check(r) && *vft_verify_error(r));
  vft_verify_free(r);
  assert_int_equal(vft_verify_circuit(shape, key, input, n, proof, len, NULL),
                   VFT_VERIFY_REJECTED);
}

static void other_statements(void **state) {
  (void)state;
  world w;
  make_world(&w, 3, 10);
  const uint8_t *key = w.p.root.b, *proof = w.p.proof.bytes;
  size_t n = w.inputs, len = w.p.proof.len;
  uint8_t other[32];
  memcpy(other, key, 32);
  other[0] ^= 1;
  expect(&w.shape, other, w.input, n, proof, len, NULL);
  memset(other, 0xff, 32);
  expect(&w.shape, other, w.input, n, proof, len, "circuit/key");
  expect(&w.shape, NULL, w.input, n, proof, len, "circuit/key");
  expect(&w.shape, key, w.input, n - 1, proof, len, "circuit/inputs");
  expect(&w.shape, key, NULL, n, proof, len, "circuit/inputs");
  expect(&w.shape, key, w.input, n, NULL, len, "transcript/truncated");
  expect(NULL, key, w.input, n, proof, len, "circuit/shape");
  for (size_t i = 0; i < n; i++) {
    w.input[i] ^= 1;
    expect(&w.shape, key, w.input, n, proof, len, NULL);
    w.input[i] ^= 1;
  }
  w.input[0] += VFT_P; /* the same element */
  expect(&w.shape, key, w.input, n, proof, len, "circuit/inputs");
  w.input[0] -= VFT_P;
  /* Every number of the shape. */
  uint32_t *number = &w.shape.log_columns;
  for (size_t i = 0; i < sizeof w.shape / sizeof *number; i++) {
    static const uint32_t value[] = {0, 1, 2, 31, 32, 1u << 20, 1u << 26, 1u << 31, UINT32_MAX};
    uint32_t was = number[i];
    for (size_t k = 0; k < sizeof value / sizeof *value; k++) {
      number[i] = value[k];
      if (number[i] != was) expect(&w.shape, key, w.input, n, proof, len, NULL);
    }
    number[i] = was;
  }
  /* A shape that only a proof of many megabytes has: refused before there is memory for it. */
  circuit_shape large = {1, 1 << 20, (uint32_t)n, 1, 1, 1 << 18, 1, 1, 1 << 20, 1 << 20, 1 << 22, 1, 4, 12};
  expect(&large, key, w.input, n, proof, len, NULL);
  expect(&w.shape, key, w.input, n, proof, len - 1, NULL);
  assert_int_equal(vft_verify_circuit(&w.shape, key, w.input, n, proof, len, NULL),
                   VFT_VERIFY_ACCEPTED);
  free_world(&w);
}

static void refuses_the_test_profile(void **state) {
  (void)state;
  world w;
  vft_circuit *c = small_circuit(2);
  memset(&w, 0, sizeof w);
  prove_hiding(&w.p, c, 8, 3);
  vft_circuit_free(c);
  w.shape = shape_of(&w.p);
  uint64_t input[3];
  for (int i = 0; i < 3; i++) input[i] = w.p.input[i].v;
  assert_int_equal(verify_circuit(&w.p, w.p.input, 3, w.p.proof.bytes, w.p.proof.len), VFT_OK);
  expect(&w.shape, w.p.root.b, input, 3, w.p.proof.bytes, w.p.proof.len, NULL);
  proved_free(&w.p);
}

/* The library does not run the checker of bounds on the machine's programs: it would accept each of
 * them. */
static void bounds_close(void **state) {
  (void)state;
  static const vft_machine_shape shape[] = {
      {1, 1, 1, 1, 1, 1, 1, 1, 2, 1, 1, 1},
      {12, 1u << 24, 1, 1, 1, 1, 1, 1, 2, 1, 1, 1},
      {12, 1, 1u << 18, 1u << 24, 1, 1, 1, 1u << 16, 2, 1, 1, 1u << 26},
      {16, 1, 1, 1, 1u << 24, 1u << 19, 1, 1, 2, 1, 1, 1},
      {16, 1, 1, 1, 1, 1, 1u << 24, 1, 1u << 22, 1u << 24, 1, 1},
      {20, 3, 5, 7, 9, (1u << 18) + 1, 13, 11, (1u << 20) - 1, (1u << 20) + 3, (1u << 25) + 17, 19}};
  for (size_t i = 0; i < sizeof shape / sizeof *shape; i++) {
    vft_machine *m;
    assert_int_equal(vft_machine_build(&shape[i], &m), VFT_OK);
    assert_int_equal(vft_program_check_bounds(m->program), VFT_OK);
    vft_machine_free(m);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(same_verdicts), cmocka_unit_test(other_statements),
      cmocka_unit_test(refuses_the_test_profile), cmocka_unit_test(bounds_close)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
