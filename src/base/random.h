/* Randomness for what must stay hidden: fresh from the operating system, wiped after use. */
#ifndef VFT_BASE_RANDOM_H
#define VFT_BASE_RANDOM_H

#include <stddef.h>

#include "base/status.h"

/* A source of uniformly random bytes. */
typedef struct {
  vft_status (*fill)(void *ctx, void *out, size_t bytes);
  void *ctx;
} vft_random;

/* getentropy(3), that is, getrandom(2). Fails VFT_RESOURCE where the system has none to give. */
extern const vft_random vft_random_system;
/* The source in force: the system's when `random` is NULL (tests hand in another one). */
static inline const vft_random *vft_random_or_system(const vft_random *random) {
  return random ? random : &vft_random_system;
}

/* Overwrites the bytes with zeros, also where nobody reads them again. */
void vft_wipe(void *data, size_t bytes);

#endif
