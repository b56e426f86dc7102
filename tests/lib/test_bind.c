/* libvft_bind and libvft_verify, and nothing else of the project: from the files of a run to a
 * verdict. VFT_PUBLIC: the public folder of a run with a certificate and an adapter, VFT_MODEL: its
 * base model, and three others; tests/python/test_certificate.py makes them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "vft/bind.h"
#include "vft/verify.h"

static char path[4][4096];
enum { MANIFEST, CERTIFICATE, ADAPTER, OTHER };

/* The run's files; the last is for the test to write. */
static int open_run(void) {
  static const char *const name[] = {"manifest.json", "certificate.vft", "adapter", "changed.vft"};
  const char *folder = getenv("VFT_PUBLIC");
  for (int i = 0; folder && i < 4; i++)
    snprintf(path[i], sizeof path[i], "%s/%s", folder, name[i]);
  return folder != NULL;
}

static uint8_t *read_all(const char *name, size_t *n) {
  FILE *f = fopen(name, "rb");
  assert_non_null(f);
  uint8_t *b = malloc(1 << 20);
  *n = fread(b, 1, 1 << 20, f);
  fclose(f);
  return b;
}

static void write_all(const char *name, const uint8_t *b, size_t n) {
  FILE *f = fopen(name, "wb");
  assert_non_null(f);
  assert_int_equal(fwrite(b, 1, n, f), n);
  assert_int_equal(fclose(f), 0);
}

static void accepts(void **state) {
  (void)state;
  if (!open_run()) skip();
  vft_bind_declared declared;
  vft_bind_error error;
  vft_certificate_digests known;
  vft_verify_result *result;
  uint8_t h_t[32], released[32], h0[32];
  size_t n;
  assert_int_equal(vft_bind_manifest(path[MANIFEST], &declared, &error), VFT_BIND_OK);
  assert_string_equal(error.message, "");
  assert_int_equal(vft_bind_certificate(path[MANIFEST], path[CERTIFICATE], &known, &error),
                   VFT_BIND_OK);
  assert_memory_equal(known.manifest, declared.manifest, 32);
  assert_int_equal(known.steps, declared.steps);
  uint8_t *b = read_all(path[CERTIFICATE], &n);
  assert_int_equal(vft_verify_certificate(b, n, &known, &result), VFT_VERIFY_ACCEPTED);
  assert_int_equal(vft_bind_adapter(path[MANIFEST], path[ADAPTER], h_t, released, NULL),
                   VFT_BIND_OK);
  assert_memory_equal(vft_verify_released(result), released, 32);
  assert_memory_not_equal(h_t, released, 32);
  assert_int_equal(vft_bind_model(path[MANIFEST], getenv("VFT_MODEL"), h0, &error), VFT_BIND_OK);
  assert_memory_equal(h0, declared.h0, 32);
  /* another model of the same shape, one of another, the adapter of another run */
  assert_int_equal(vft_bind_model(path[MANIFEST], getenv("VFT_OTHER_MODEL"), h0, &error),
                   VFT_BIND_OK);
  assert_memory_not_equal(h0, declared.h0, 32);
  assert_int_equal(vft_bind_model(path[MANIFEST], getenv("VFT_LARGER_MODEL"), h0, &error),
                   VFT_BIND_REJECTED);
  assert_string_equal(error.check, "model/architecture");
  const char *foreign = getenv("VFT_OTHER_ADAPTER");
  assert_int_equal(vft_bind_adapter(path[MANIFEST], foreign, h_t, released, NULL), VFT_BIND_OK);
  assert_memory_not_equal(vft_verify_released(result), released, 32);
  vft_verify_free(result);
  free(b);
}

static void rejects(void **state) {
  (void)state;
  if (!open_run()) skip();
  vft_bind_error error;
  vft_certificate_digests known, kept;
  size_t n;
  uint8_t *b = read_all(path[CERTIFICATE], &n);
  assert_int_equal(vft_bind_certificate(path[MANIFEST], path[CERTIFICATE], &known, NULL),
                   VFT_BIND_OK);
  kept = known;
  /* a bit of the proof, of the header, of h_Pi: neither library takes it */
  static const struct {
    size_t at;
    const char *bound, *verified;
  } change[] = {{1000, NULL, NULL},
                {44, NULL, "certificate/header"}, /* steps in a proof */
                {12, "certificate/manifest", "certificate/manifest"}};
  for (size_t i = 0; i < sizeof change / sizeof *change; i++) {
    vft_verify_result *result;
    b[change[i].at] ^= 1;
    write_all(path[OTHER], b, n);
    assert_int_equal(vft_bind_certificate(path[MANIFEST], path[OTHER], &known, &error),
                     VFT_BIND_REJECTED);
    assert_true(*error.check && *error.message);
    if (change[i].bound) assert_string_equal(error.check, change[i].bound);
    assert_int_equal(vft_verify_certificate(b, n, &kept, &result), VFT_VERIFY_REJECTED);
    if (change[i].verified) assert_string_equal(vft_verify_check(result), change[i].verified);
    vft_verify_free(result);
    b[change[i].at] ^= 1;
  }
  remove(path[OTHER]);
  free(b);
}

static void refuses(void **state) {
  (void)state;
  vft_bind_declared declared;
  vft_bind_error error;
  vft_certificate_digests known;
  uint8_t digest[32];
  char name[] = "/tmp/vft_bind_XXXXXX";
  int file = mkstemp(name);
  assert_true(file >= 0);
  write_all(name, (const uint8_t *)"{}", 2);
  assert_int_equal(vft_bind_manifest("/nonexistent", &declared, &error), VFT_BIND_USAGE);
  assert_non_null(strstr(error.message, "/nonexistent"));
  assert_string_equal(error.check, "");
  assert_int_equal(vft_bind_manifest(name, &declared, &error), VFT_BIND_REJECTED);
  assert_memory_equal(error.check, "manifest/", 9);
  assert_int_equal(vft_bind_certificate(name, name, &known, &error), VFT_BIND_REJECTED);
  assert_memory_equal(error.check, "manifest/", 9);
  assert_int_equal(vft_bind_certificate("none.json", name, &known, NULL), VFT_BIND_USAGE);
  assert_int_equal(vft_bind_model(name, "/nonexistent", digest, NULL), VFT_BIND_REJECTED);
  assert_int_equal(vft_bind_adapter(name, "/nonexistent", digest, digest, NULL), VFT_BIND_REJECTED);
  if (open_run()) {
    assert_int_equal(vft_bind_model(path[MANIFEST], "/nonexistent", digest, &error),
                     VFT_BIND_USAGE);
    assert_int_equal(vft_bind_adapter(path[MANIFEST], "/nonexistent", digest, digest, &error),
                     VFT_BIND_USAGE);
    assert_true(*error.message);
    assert_int_equal(vft_bind_certificate(path[MANIFEST], "/nonexistent", &known, &error),
                     VFT_BIND_USAGE);
    assert_int_equal(vft_bind_certificate(path[MANIFEST], path[MANIFEST], &known, &error),
                     VFT_BIND_REJECTED);
    assert_string_equal(error.check, "certificate/header");
  }
  remove(name);
}

/* A certificate of some epochs is for who asks for one. VFT_EPOCHS_MANIFEST, VFT_EPOCHS: epoch 1 of two. */
static void epochs(void **state) {
  (void)state;
  const char *manifest = getenv("VFT_EPOCHS_MANIFEST"), *certificate = getenv("VFT_EPOCHS");
  if (!manifest || !certificate) skip();
  vft_bind_error error;
  vft_certificate_digests known;
  vft_verify_result *result;
  uint64_t which[2];
  size_t n;
  uint8_t *b = read_all(certificate, &n);
  assert_int_equal(vft_bind_certificate(manifest, certificate, &known, &error), VFT_BIND_REJECTED);
  assert_string_equal(error.check, "certificate/epochs");
  assert_int_equal(vft_bind_epochs(manifest, certificate, which, &known, &error), VFT_BIND_OK);
  assert_true(which[0] == 1 && which[1] == 1 && known.first > 0);
  assert_int_equal(vft_verify_certificate(b, n, &known, &result), VFT_VERIFY_REJECTED);
  assert_string_equal(vft_verify_check(result), "certificate/epochs");
  vft_verify_free(result);
  assert_int_equal(vft_verify_epochs(b, n, &known, &result), VFT_VERIFY_ACCEPTED);
  vft_verify_free(result);
  known.start[0] ^= 1;
  assert_int_equal(vft_verify_epochs(b, n, &known, &result), VFT_VERIFY_REJECTED);
  vft_verify_free(result);
  free(b);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(accepts), cmocka_unit_test(rejects),
                                     cmocka_unit_test(refuses), cmocka_unit_test(epochs)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
