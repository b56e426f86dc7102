/* libvft_verify: the verdicts of the whole project's verifier on certificates, and a verdict on
 * whatever else it is given. VFT_CERTIFICATE, VFT_DIGESTS: a certificate and the file that vft
 * verify --digests made of it, to be tried too. */
#include "recurse/recursion.h"

#include <jansson.h>
#include <time.h>

#include "argument/whir_hiding.h"
#include "recurse/certificate.h"
#include "recurse/node.h"
#include "recurse/outer_params.h"
#include "vft/verify.h"

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

/* A certificate of two ranges of layers, one epoch of two blocks, one window, and a proof of `length`
 * zeros. */
static size_t make_certificate(uint8_t *b, uint8_t beacon, size_t length) {
  static const uint64_t number[][2] = {{4, 4}, {0, 32}, {1, 4}, {2, 4}, {3, 4},  {4, 4}, {1, 4}, {1, 4},
                                       {1, 4}, {2, 4},  {1, 8}, {0, 64}, {1, 8}, {0, 32}};
  size_t at = 8;
  memcpy(b, "VFTCERT1", 8);
  for (size_t i = 0; i < sizeof number / sizeof *number; at += number[i++][1])
    b[at] = (uint8_t)number[i][0];
  b[at++] = beacon;
  at += 32 + 8 + 8 + 32 + 32;
  b[at] = (uint8_t)length;
  b[at + 1] = (uint8_t)(length >> 8);
  return at + 8 + length;
}

static void headers(void **state) {
  (void)state;
  static uint8_t b[2048], copy[2048];
  static vft_certificate_digests known = {.releases = 1};
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
  for (int i = 0; i < 2; i++) { /* some epochs, by either number */
    vft_verify_result *r;
    known.first = i;
    known.releases = i;
    assert_int_equal(on_certificate(b, n, &known, check), VFT_VERIFY_REJECTED);
    assert_string_equal(check, "certificate/epochs");
    assert_int_equal(vft_verify_epochs(b, n, &known, &r), VFT_VERIFY_REJECTED);
    assert_string_not_equal(vft_verify_check(r), "certificate/epochs");
    vft_verify_free(r);
  }
  known.first = 0;
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
  const char *s = json_string_value(json_object_get(object, name));
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
  read_hex(root, "context", d->context);
  read_hex(root, "header", d->header);
  d->steps = (uint64_t)json_integer_value(json_object_get(root, "steps"));
  d->first = (uint64_t)json_integer_value(json_object_get(root, "first"));
  d->end = (uint64_t)json_integer_value(json_object_get(root, "end"));
  d->start_entry = (uint64_t)json_integer_value(json_object_get(root, "start_entry"));
  d->end_entry = (uint64_t)json_integer_value(json_object_get(root, "end_entry"));
  d->releases = (uint64_t)json_integer_value(json_object_get(root, "releases"));
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

/* What the library takes as given is what the calculators say: parameters here, the rest in
 * tools/keys.sh. */
static void parameters(void **state) {
  (void)state;
  vft_whir_params p;
  vft_proof_options o = vft_outer_options();
  assert_int_equal(vft_hiding_params(&p, &vft_outer_opening), VFT_OK);
  assert_int_equal(p.levels, vft_outer_params.levels);
  assert_memory_equal(p.level, vft_outer_params.level, sizeof p.level);
  assert_int_equal(p.bits, vft_outer_params.bits);
  assert_false(vft_outer_params.test_profile);
  assert_int_equal(vft_outer_opening.c, vft_outer_shape().log_columns);
  assert_int_equal(vft_outer_opening.log_inv_rate, o.log_inv_rate);
  assert_int_equal(vft_outer_opening.bits, o.bits);
  assert_int_equal(vft_outer_opening.grind, o.grind);
  vft_hiding_shape s; /* the greatest of rows that it is good for */
  assert_int_equal(vft_hiding_shape_init(&s, ((uint64_t)1 << vft_outer_opening.k0) - 4,
                                         vft_outer_opening.c, o.log_inv_rate, o.bits, o.grind, 0),
                   VFT_OK);
  assert_memory_equal(&s, &vft_outer_opening, sizeof s);
  vft_soundness account = {0};
  assert_int_equal(vft_hiding_account(&account, "opening", &p), VFT_OK);
  assert_true(vft_soundness_total(&account) >= VFT_BITS(vft_outer_bits));
  assert_true(vft_outer_bits >= VFT_SOUNDNESS_LEVEL);
  vft_soundness_free(&account);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(headers), cmocka_unit_test(parameters),
                                     cmocka_unit_test(certificate)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
