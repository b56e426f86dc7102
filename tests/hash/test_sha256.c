#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "hash/sha256.h"

/* FIPS 180-4 examples. */
static void known_answers(void **state) {
  (void)state;
  const struct {
    const char *text, *hex;
  } cases[] = {
      {"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
      {"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
      {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
       "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
  };
  for (size_t k = 0; k < 3; k++) {
    vft_sha256_digest d;
    char hex[65];
    assert_int_equal(vft_sha256_hash(cases[k].text, strlen(cases[k].text), &d), VFT_OK);
    vft_sha256_hex(&d, hex);
    assert_string_equal(hex, cases[k].hex);
  }
}

static void parts_and_files(void **state) {
  (void)state;
  size_t len = 200001;
  uint8_t *data = malloc(len);
  for (size_t i = 0; i < len; i++) data[i] = (uint8_t)(i * 7 + (i >> 9));
  vft_sha256_digest whole, parts, file;
  assert_int_equal(vft_sha256_hash(data, len, &whole), VFT_OK);
  vft_sha256 *h = vft_sha256_new();
  assert_non_null(h);
  for (size_t at = 0, step = 1; at < len; at += step, step = step * 3 % 4099 + 1)
    vft_sha256_update(h, data + at, len - at < step ? len - at : step);
  assert_int_equal(vft_sha256_final(h, &parts), VFT_OK);
  vft_sha256_free(h);
  assert_memory_equal(&whole, &parts, 32);

  char path[] = "/tmp/vft-sha256-XXXXXX";
  int fd = mkstemp(path);
  assert_true(fd >= 0);
  FILE *f = fdopen(fd, "wb");
  assert_non_null(f);
  assert_int_equal(fwrite(data, 1, len, f), len);
  assert_int_equal(fclose(f), 0);
  assert_int_equal(vft_sha256_file(path, &file), VFT_OK);
  assert_memory_equal(&whole, &file, 32);
  assert_int_equal(unlink(path), 0);
  assert_int_equal(vft_sha256_file(path, &file), VFT_USAGE);
  assert_int_equal(vft_sha256_file("/", &file), VFT_USAGE);
  free(data);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(known_answers),
      cmocka_unit_test(parts_and_files),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
