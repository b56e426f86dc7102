/* LogUp-GKR: how much is sent, and the account. */
#include "argument/logup.h"

size_t vft_logup_messages(unsigned n) {
  size_t sent = n ? 4 : 2;
  for (unsigned k = 1; k < n; k++) sent += 2 * (size_t)k + 4;
  return sent;
}

uint64_t vft_logup_gkr_error(unsigned n) {
  if (!n) return 0;
  uint64_t units = 1;
  for (unsigned k = 1; k < n; k++) units += 2 * (uint64_t)k + 2;
  return units;
}

uint64_t vft_logup_identity_error(uint64_t real, unsigned arity) {
  uint64_t degree = arity > 2 ? arity - 1 : 1, units;
  return __builtin_mul_overflow(real ? real - 1 : 0, degree, &units) ? UINT64_MAX : units;
}
