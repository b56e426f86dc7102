/* How far samples of one word are from uniform below p. */
#ifndef TESTS_ARGUMENT_HIDING_STATS_H
#define TESTS_ARGUMENT_HIDING_STATS_H

#include <math.h>
#include <stdint.h>

/* The largest |z| of: each of the eight lowest bits, each of the eight highest, being set in half
 * of the samples; equal neighbours counting among them fully. */
static inline double hiding_deviation(const uint64_t *x, int n) {
  double most = 0;
  for (int b = 0; b < 64; b++) {
    if (b >= 8 && b < 56) continue;
    int set = 0;
    for (int i = 0; i < n; i++) set += (int)(x[i] >> b & 1);
    double z = fabs(2.0 * set - n) / sqrt(n);
    if (z > most) most = z;
  }
  for (int i = 1; i < n; i++) /* repeated values: impossible but for constants */
    if (x[i] == x[i - 1]) return 1e9;
  return most;
}

#endif
