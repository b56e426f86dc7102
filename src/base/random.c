#include "base/random.h"

#include <stdint.h>
#include <string.h>
#include <unistd.h>

static vft_status from_system(void *ctx, void *out, size_t bytes) {
  uint8_t *at = out;
  (void)ctx;
  while (bytes) {
    size_t n = bytes < 256 ? bytes : 256; /* all that one call gives */
    if (getentropy(at, n)) return vft_fail(VFT_RESOURCE, "randomness: the system gives none");
    at += n;
    bytes -= n;
  }
  return VFT_OK;
}

const vft_random vft_random_system = {from_system, NULL};

void vft_wipe(void *data, size_t bytes) {
  if (bytes) explicit_bzero(data, bytes);
}
