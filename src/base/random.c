#include "base/random.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/random.h>

static vft_status from_system(void *ctx, void *out, size_t bytes) {
  uint8_t *at = out;
  (void)ctx;
  while (bytes) {
    ssize_t got = getrandom(at, bytes, 0);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return vft_fail(VFT_RESOURCE, "randomness: the system gives none");
    at += got;
    bytes -= (size_t)got;
  }
  return VFT_OK;
}

const vft_random vft_random_system = {from_system, NULL};

void vft_wipe(void *data, size_t bytes) {
  if (bytes) explicit_bzero(data, bytes);
}
