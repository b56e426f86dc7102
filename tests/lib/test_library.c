/* libvft_verify: the verdicts of the whole project's verifier on good and bad proofs, and a verdict on
 * whatever else it is given. VFT_CERTIFICATE, VFT_DIGESTS: a certificate and the file that vft verify
 * --digests made of it, to be tried too. */
#include "circuits.h"

#include <jansson.h>
#include <time.h>

#include "recurse/certificate.h"
#include "recurse/node.h"

typedef struct {
  proved p;
  vft_circuit_shape shape;
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
  int verdict = vft_verify_circuit_proof(&w->shape, w->p.root.b, w->input, w->inputs, proof, len, &r);
  assert_non_null(r);
  assert_int_equal(vft_verify_verdict(r), verdict);
  assert_int_equal(!*vft_verify_check(r), verdict == VFT_VERIFY_ACCEPTED);
  assert_int_equal(vft_verify_soundness_bits(r) >= 128, verdict == VFT_VERIFY_ACCEPTED);
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

static void expect(const vft_circuit_shape *shape, const uint8_t *key, const uint64_t *input,
                   size_t n, const uint8_t *proof, size_t len, const char *check) {
  vft_verify_result *r;
  assert_int_equal(vft_verify_circuit_proof(shape, key, input, n, proof, len, &r),
                   VFT_VERIFY_REJECTED);
  if (check) assert_string_equal(vft_verify_check(r), check);
  assert_true(*vft_verify_check(r) && *vft_verify_error(r));
  vft_verify_free(r);
  assert_int_equal(vft_verify_circuit_proof(shape, key, input, n, proof, len, NULL),
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
  uint32_t *number = &w.shape.log_cells;
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
  vft_circuit_shape large = {26, 1, 1 << 20, (uint32_t)n, 1, 1, 1 << 18, 1, 1, 1 << 20, 1 << 22, 1, 4, 12};
  expect(&large, key, w.input, n, proof, len, NULL);
  expect(&w.shape, key, w.input, n, proof, len - 1, NULL);
  assert_int_equal(vft_verify_circuit_proof(&w.shape, key, w.input, n, proof, len, NULL),
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
      {6, 1, 1, 1, 1, 1, 1, 1, 1, 2, 1, 1},
      {26, 12, 1u << 24, 1, 1, 1, 1, 1, 1, 2, 1, 1},
      {26, 12, 1, 1u << 18, 1u << 24, 1, 1, 1, 1u << 16, 2, 1, 1u << 26},
      {26, 16, 1, 1, 1, 1u << 24, 1u << 19, 1, 1, 2, 1, 1},
      {26, 16, 1, 1, 1, 1, 1, 1u << 24, 1, 1u << 22, 1, 1},
      {26, 20, 3, 5, 7, 9, (1u << 18) + 1, 13, 11, (1u << 20) - 1, (1u << 25) + 17, 19}};
  for (size_t i = 0; i < sizeof shape / sizeof *shape; i++) {
    vft_machine *m;
    assert_int_equal(vft_machine_build(&shape[i], &m), VFT_OK);
    assert_int_equal(vft_program_check_bounds(m->program), VFT_OK);
    vft_machine_free(m);
  }
}

/* ---- certificates ---- */

static int on_certificate(const uint8_t *b, size_t n, const vft_certificate_digests *known,
                          char check[64]) {
  vft_verify_result *r;
  size_t counters, windows;
  int verdict = vft_verify_certificate(b, n, known, &r);
  assert_int_equal(vft_verify_verdict(r), verdict);
  snprintf(check, 64, "%s", vft_verify_check(r));
  bool good = verdict == VFT_VERIFY_ACCEPTED;
  assert_int_equal(vft_verify_released(r) != NULL, good);
  assert_int_equal(vft_verify_manifest(r) != NULL, good);
  assert_int_equal(vft_verify_counters(r, &counters) != NULL, good);
  assert_int_equal(vft_verify_windows(r, &windows) != NULL, good);
  assert_int_equal(vft_verify_soundness_bits(r) >= 128, good);
  if (!good) assert_true(!counters && !windows && !vft_verify_beacon(r) && *check);
  vft_verify_free(r);
  return verdict;
}

/* A certificate of one epoch of two blocks, one window, and a proof of `length` zeros. */
static size_t make_certificate(uint8_t *b, uint8_t beacon, size_t length) {
  static const uint64_t number[][2] = {{1, 4}, {0, 32}, {1, 4}, {2, 4}, {1, 8}, {0, 64}, {1, 8}, {0, 32}};
  size_t at = 8;
  memcpy(b, "VFTCERT1", 8);
  for (size_t i = 0; i < sizeof number / sizeof *number; at += number[i++][1])
    b[at] = (uint8_t)number[i][0];
  b[at++] = beacon;
  at += 32 + 32;
  b[at] = (uint8_t)length;
  b[at + 1] = (uint8_t)(length >> 8);
  return at + 8 + length;
}

static void headers(void **state) {
  (void)state;
  static uint8_t b[2048], copy[2048];
  static vft_certificate_digests known;
  char check[64];
  size_t n = make_certificate(b, 1, 1000);
  memcpy(copy, b, sizeof b);
  vft_certificate_parts whole;
  assert_int_equal(vft_certificate_parse(b, n, &whole), VFT_OK);
  vft_certificate_header(b, &whole, known.header);
  assert_int_equal(on_certificate(b, n, &known, check), VFT_VERIFY_REJECTED);
  assert_true(!strncmp(check, "transcript/", 11) || !strncmp(check, "whir/", 5));
  for (size_t k = 0; k <= n + 1; k++) {
    if (k == n) continue;
    assert_int_equal(on_certificate(b, k, &known, check), VFT_VERIFY_REJECTED);
    assert_string_equal(check, "certificate/header");
  }
  for (size_t k = 0; k < n - 1000; k++)
    for (int bit = 0; bit < 8; bit++) {
      vft_certificate_parts parts;
      b[k] ^= (uint8_t)(1 << bit);
      vft_status st = vft_certificate_parse(b, n, &parts);
      assert_int_equal(on_certificate(b, n, &known, check), VFT_VERIFY_REJECTED);
      bool within = b + k < whole.released && (k < 12 || k >= 12 + 32);
      if (st != VFT_OK || within) assert_string_equal(check, "certificate/header");
      b[k] ^= (uint8_t)(1 << bit);
    }
  b[12] = 1; /* h_Pi */
  assert_int_equal(on_certificate(b, n, &known, check), VFT_VERIFY_REJECTED);
  assert_string_equal(check, "certificate/manifest");
  b[12] = 0;
  memset(known.base, 0xff, 32);
  assert_int_equal(on_certificate(b, n, &known, check), VFT_VERIFY_REJECTED);
  assert_string_equal(check, "transcript/canonical");
  assert_int_equal(on_certificate(b, n, NULL, check), VFT_VERIFY_REJECTED);
  assert_string_equal(check, "certificate/digests");
  assert_int_equal(on_certificate(NULL, n, &known, check), VFT_VERIFY_REJECTED);
  assert_int_equal(vft_verify_certificate(b, n, &known, NULL), VFT_VERIFY_REJECTED);
  assert_memory_equal(b, copy, sizeof b);
}

static void read_hex(const json_t *object, const char *name, uint8_t out[32]) {
  const char *s = json_string_value(name ? json_object_get(object, name) : object);
  for (int i = 0; i < 32; i++) {
    unsigned x;
    assert_true(s && sscanf(s + 2 * i, "%2x", &x) == 1);
    out[i] = (uint8_t)x;
  }
}

static void read_digests(const char *path, vft_certificate_digests *d) {
  json_t *root = json_load_file(path, 0, NULL);
  assert_non_null(root);
  memset(d, 0, sizeof *d);
  read_hex(root, "keys", d->keys);
  read_hex(root, "manifest", d->manifest);
  read_hex(root, "base", d->base);
  read_hex(root, "functions", d->functions);
  read_hex(root, "inputs", d->inputs);
  read_hex(root, "blocks", d->blocks);
  read_hex(root, "start", d->start);
  read_hex(root, "header", d->header);
  d->steps = (uint64_t)json_integer_value(json_object_get(root, "steps"));
  d->items = (uint64_t)json_integer_value(json_object_get(root, "items"));
  d->released_entry = (uint64_t)json_integer_value(json_object_get(root, "released_entry"));
  json_decref(root);
}

/* The project's verifier on the same certificate and digests. */
static vft_status project(const vft_machine *m, const uint8_t *b, size_t n,
                          const vft_certificate_digests *known) {
  vft_certificate_parts parts;
  vft_fp statement[VFT_CERT_ELEMENTS], in[VFT_OUTER_INPUTS];
  vft_digest key;
  vft_proof_options options = vft_outer_options();
  TRY(vft_certificate_parse(b, n, &parts));
  TRY(vft_certificate_elements(known, parts.released, statement));
  vft_outer_inputs(statement, in);
  memcpy(key.b, vft_outer_key, sizeof key.b);
  return vft_circuit_check(m, &options, &key, in, VFT_OUTER_INPUTS, parts.proof, parts.length, NULL);
}

static void certificate(void **state) {
  (void)state;
  const char *path = getenv("VFT_CERTIFICATE");
  if (!path) skip();
  vft_certificate_digests known;
  read_digests(getenv("VFT_DIGESTS"), &known);
  FILE *f = fopen(path, "rb");
  uint8_t *b = malloc(1 << 20);
  size_t n = fread(b, 1, 1 << 20, f);
  fclose(f);
  vft_machine *m;
  vft_machine_shape shape = vft_outer_shape();
  assert_int_equal(vft_machine_build(&shape, &m), VFT_OK);
  char check[64];
  double best = 1e9;
  for (int i = 0; i < 20; i++) {
    clock_t start = clock();
    assert_int_equal(on_certificate(b, n, &known, check), VFT_VERIFY_ACCEPTED);
    double ms = 1e3 * (double)(clock() - start) / CLOCKS_PER_SEC;
    if (ms < best) best = ms;
  }
  print_message("certificate of %zu bytes: %.1f ms\n", n, best);
  assert_int_equal(project(m, b, n, &known), VFT_OK);
  for (size_t k = 0; k < 400; k++) { /* what is before `released` only the digests bind */
    vft_certificate_parts p;
    size_t at = k * (n - 1) / 399;
    if (k < 200) at = k;
    assert_int_equal(vft_certificate_parse(b, n, &p), VFT_OK);
    size_t from = (size_t)(p.released - b);
    b[at] ^= (uint8_t)(1u << k % 8);
    assert_int_equal(on_certificate(b, n, &known, check), VFT_VERIFY_REJECTED);
    if (at >= from) {
      assert_int_equal(project(m, b, n, &known), VFT_REJECTED);
      assert_string_equal(check, vft_error_check());
    } else {
      assert_true(!strcmp(check, "certificate/header") || !strcmp(check, "certificate/manifest"));
    }
    b[at] ^= (uint8_t)(1u << k % 8);
  }
  for (size_t k = 0; k < sizeof known; k += 5) {
    uint8_t *byte = (uint8_t *)&known + k;
    *byte ^= 1;
    assert_int_equal(on_certificate(b, n, &known, check), VFT_VERIFY_REJECTED);
    *byte ^= 1;
  }
  assert_int_equal(on_certificate(b, n, &known, check), VFT_VERIFY_ACCEPTED);
  vft_machine_free(m);
  free(b);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(same_verdicts), cmocka_unit_test(other_statements),
      cmocka_unit_test(refuses_the_test_profile), cmocka_unit_test(bounds_close),
      cmocka_unit_test(headers), cmocka_unit_test(certificate)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
