/* The library's verdicts on a certificate, for tests/python/test_certificate.py:
 *   verdict certificate|epochs STEPS FIRST END START_ENTRY END_ENTRY RELEASES DIGEST...
 * DIGEST in hexadecimal, in the order of the header;
 * reads lines of "LENGTH\n" and that many bytes, and answers each with the failed check, or "". */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vft/verify.h"

static void read_digest(uint8_t out[32], const char *hex) {
  for (int i = 0; i < 32; i++) {
    char byte[3] = {hex[2 * i], hex[2 * i + 1], 0};
    out[i] = (uint8_t)strtoul(byte, NULL, 16);
  }
}

int main(int argc, char **argv) {
  vft_certificate_digests known;
  size_t len;
  uint8_t *to[] = {known.keys,   known.manifest, known.base,  known.functions,
                   known.inputs, known.blocks,   known.start, known.context,
                   known.header};
  enum { N = sizeof to / sizeof *to };
  uint64_t *number[] = {&known.steps,       &known.first,     &known.end,
                        &known.start_entry, &known.end_entry, &known.releases};
  enum { NUMBERS = sizeof number / sizeof *number };
  if (argc != 2 + NUMBERS + N) return 2;
  bool epochs = !strcmp(argv[1], "epochs");
  for (int i = 0; i < NUMBERS; i++) *number[i] = strtoull(argv[2 + i], NULL, 10);
  for (int i = 0; i < N; i++) {
    const char *hex = argv[2 + NUMBERS + i];
    if (strlen(hex) != 64) return 2;
    read_digest(to[i], hex);
  }
  while (scanf("%zu", &len) == 1 && getchar() == '\n') {
    vft_verify_result *r;
    uint8_t *bytes = malloc(len + !len);
    if (!bytes || fread(bytes, 1, len, stdin) != len) return 2;
    int verdict = (epochs ? vft_verify_epochs : vft_verify_certificate)(bytes, len, &known, &r);
    if (!r || (verdict == VFT_VERIFY_ACCEPTED) != !*vft_verify_check(r)) return 2;
    printf("%s\n", vft_verify_check(r));
    vft_verify_free(r);
    free(bytes);
  }
  return 0;
}
