/* Licence expressions. libFuzzer: clang -fsanitize=fuzzer,address. */
#include <string.h>

#include "base/mem.h"
#include "data/spdx.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  char out[VFT_SPDX_BYTES], again[VFT_SPDX_BYTES];
  char *text = vft_alloc_raw(size + 1, 1);
  if (!text) return 0;
  memcpy(text, data, size);
  text[size] = 0;
  if (vft_spdx_canonical(text, out) == VFT_OK &&
      (vft_spdx_canonical(out, again) != VFT_OK || strcmp(out, again)))
    __builtin_trap();
  vft_free(text);
  return 0;
}
