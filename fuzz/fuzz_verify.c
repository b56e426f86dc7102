/* libvft_verify on digests and a certificate: a vft_certificate_digests, then the certificate. Of the
 * digests, those that the library would compare with the certificate's bytes are set to what they
 * are, so that its proof is read. Nothing is accepted but the bytes of the file that the environment
 * variable VFT_FUZZ_ACCEPTED names; memory stays below the header's bound. libFuzzer:
 * clang -fsanitize=fuzzer,address (tools/fuzz.sh makes the first input). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "recurse/certificate.h"

static struct {
  uint8_t *bytes;
  size_t size;
} accepted;

static void read_accepted(void) {
  const char *name = getenv("VFT_FUZZ_ACCEPTED");
  FILE *f = name ? fopen(name, "rb") : NULL;
  if (!f) return;
  if (fseek(f, 0, SEEK_END)) abort();
  accepted.size = (size_t)ftell(f);
  accepted.bytes = malloc(accepted.size);
  rewind(f);
  if (fread(accepted.bytes, 1, accepted.size, f) != accepted.size) abort();
  fclose(f);
}

static bool is_accepted(const vft_certificate_digests *known, const uint8_t *bytes, size_t len) {
  return accepted.size == sizeof *known + len && !memcmp(accepted.bytes, known, sizeof *known) &&
         !memcmp(accepted.bytes + sizeof *known, bytes, len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static int begun;
  vft_certificate_digests known;
  vft_certificate_parts parts;
  vft_verify_result *result;
  if (!begun++) read_accepted();
  if (size < sizeof known) return 0;
  memcpy(&known, data, sizeof known);
  const uint8_t *bytes = data + sizeof known;
  size_t len = size - sizeof known;
  vft_error_clear();
  vft_memory_limit((uint64_t)1 << 20);
  if (vft_certificate_parse(bytes, len, &parts) == VFT_OK) {
    memcpy(known.manifest, parts.manifest, sizeof known.manifest);
    vft_certificate_header(bytes, &parts, known.header);
  }
  int verdict = vft_verify_certificate(bytes, len, &known, &result);
  if (!result || verdict != vft_verify_verdict(result)) __builtin_trap();
  if (verdict == VFT_VERIFY_RESOURCE) __builtin_trap(); /* the bound is a rejection */
  if ((verdict == VFT_VERIFY_ACCEPTED) != !*vft_verify_check(result)) __builtin_trap();
  if ((verdict == VFT_VERIFY_ACCEPTED) != is_accepted(&known, bytes, len)) __builtin_trap();
  vft_verify_free(result);
  return 0;
}
