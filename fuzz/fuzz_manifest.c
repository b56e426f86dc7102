/* The manifest: what is accepted is complete and canonical. libFuzzer: clang
 * -fsanitize=fuzzer,address. */
#include <string.h>

#include "run/manifest.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  vft_manifest m, again;
  if (vft_manifest_parse((const char *)data, size, "input", &m) != VFT_OK) return 0;
  if (m.length != size || memcmp(m.text, data, size)) __builtin_trap();
  vft_status st = vft_manifest_check_constants(&m);
  if (st != VFT_OK && st != VFT_REJECTED) __builtin_trap();
  if (vft_manifest_parse(m.text, m.length, "again", &again) != VFT_OK) __builtin_trap();
  if (memcmp(m.digest, again.digest, sizeof m.digest)) __builtin_trap();
  vft_manifest_free(&again);
  vft_manifest_free(&m);
  return 0;
}
