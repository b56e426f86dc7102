/* libvft_verify on digests and a certificate: a vft_certificate_digests, then the certificate. Of the
 * digests, those that the library would compare with the certificate's bytes are set to what they
 * are, so that its proof is read. Nothing is accepted but the statement and the proof of the file that the
 * environment variable VFT_FUZZ_ACCEPTED names; memory stays below the header's bound. libFuzzer:
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

/* Whether they have that statement and that proof. (Of what is before the released root nothing but
 * the digests speak, and those of the proof are elements: p more is the same.) */
static bool is_accepted(const vft_certificate_digests *known, const vft_certificate_parts *parts) {
  vft_certificate_digests first;
  vft_certificate_parts p;
  vft_fp statement[2][VFT_CERT_ELEMENTS];
  if (accepted.size < sizeof first) return false;
  memcpy(&first, accepted.bytes, sizeof first);
  if (vft_certificate_parse(accepted.bytes + sizeof first, accepted.size - sizeof first, &p) != VFT_OK ||
      vft_certificate_elements(&first, p.released, statement[0]) != VFT_OK ||
      vft_certificate_elements(known, parts->released, statement[1]) != VFT_OK)
    return false;
  return !memcmp(statement[0], statement[1], sizeof statement[0]) && p.length == parts->length &&
         !memcmp(p.proof, parts->proof, p.length);
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
  bool parsed = vft_certificate_parse(bytes, len, &parts) == VFT_OK;
  if (parsed) {
    memcpy(known.manifest, parts.manifest, sizeof known.manifest);
    vft_certificate_header(bytes, &parts, known.header);
  }
  int verdict = vft_verify_epochs(bytes, len, &known, &result);
  if (!result || verdict != vft_verify_verdict(result)) __builtin_trap();
  if (verdict == VFT_VERIFY_RESOURCE) __builtin_trap(); /* the bound is a rejection */
  if ((verdict == VFT_VERIFY_ACCEPTED) != !*vft_verify_check(result)) __builtin_trap();
  if ((verdict == VFT_VERIFY_ACCEPTED) != (parsed && is_accepted(&known, &parts))) __builtin_trap();
  vft_verify_free(result);
  return 0;
}
