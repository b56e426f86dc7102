/* Verifies a certificate with the two libraries, as a program of your own would:
 *
 *   verify MANIFEST CERTIFICATE [ADAPTER]
 *
 * vft_bind_certificate turns the files into digests, vft_verify_certificate decides about the
 * certificate with these alone, vft_bind_adapter says which root the adapter in a PEFT folder has.
 * Who has the digests already, from `vft verify --digests` say, needs libvft_verify only.
 *
 *   make libvft_verify libvft_bind
 *   cc -Iinclude examples/verify/verify.c build/libvft_bind.a build/libvft_verify.a -pthread \
 *     $(pkg-config --libs jansson yaml-0.1 libcrypto libpcre2-8 sqlite3) -lm */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vft/bind.h"
#include "vft/verify.h"

static int failed(const vft_bind_error *e, int code) {
  fprintf(stderr, "%s%s%s\n", e->check, *e->check ? ": " : "", e->message);
  return code;
}

static uint8_t *read_file(const char *path, size_t *n) {
  FILE *f = fopen(path, "rb");
  uint8_t *bytes = NULL;
  if (f && !fseek(f, 0, SEEK_END)) {
    long size = ftell(f);
    rewind(f);
    if (size >= 0) bytes = malloc((size_t)size + 1);
    *n = bytes ? fread(bytes, 1, (size_t)size, f) : 0;
  }
  if (f) fclose(f);
  return bytes;
}

int main(int argc, char **argv) {
  vft_bind_error error;
  vft_certificate_digests known;
  vft_verify_result *result;
  uint8_t h_t[32], root[32];
  size_t n;
  if (argc != 3 && argc != 4) {
    fprintf(stderr, "usage: verify MANIFEST CERTIFICATE [ADAPTER]\n");
    return VFT_BIND_USAGE;
  }
  int code = vft_bind_certificate(argv[1], argv[2], &known, &error);
  if (code != VFT_BIND_OK) return failed(&error, code);
  if (argc == 4) code = vft_bind_adapter(argv[1], argv[3], h_t, root, &error);
  if (code != VFT_BIND_OK) return failed(&error, code);
  uint8_t *bytes = read_file(argv[2], &n);
  if (!bytes) {
    fprintf(stderr, "%s: cannot be read\n", argv[2]);
    return VFT_BIND_USAGE;
  }
  int verdict = vft_verify_certificate(bytes, n, &known, &result);
  if (verdict != VFT_VERIFY_ACCEPTED) {
    fprintf(stderr, "%s: %s\n", vft_verify_check(result), vft_verify_error(result));
  } else if (argc == 4 && memcmp(vft_verify_released(result), root, sizeof root)) {
    fprintf(stderr, "%s: not the adapter that the run released\n", argv[3]);
    verdict = VFT_VERIFY_REJECTED;
  } else {
    printf("accepted, %u bits\n", vft_verify_soundness_bits(result));
  }
  vft_verify_free(result);
  free(bytes);
  return verdict;
}
