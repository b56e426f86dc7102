/* Private to src/relation: exact intervals in 128 bits, with overflow remembered. */
#ifndef VFT_RELATION_INTERVAL_H
#define VFT_RELATION_INTERVAL_H

#include "relation/program.h"

/* [lo, hi]; `over`: an operation left 127 bits, so nothing is known. */
typedef struct {
  __int128 lo, hi;
  bool over;
} vft_interval;

static inline vft_interval vft_interval_of(__int128 lo, __int128 hi) {
  return (vft_interval){lo, hi, false};
}
vft_interval vft_interval_add(vft_interval a, vft_interval b);
vft_interval vft_interval_mul(vft_interval a, vft_interval b);
/* {x^2 : x in a}, tighter than mul(a, a). */
vft_interval vft_interval_square(vft_interval a);
/* Inside (-2^62, 2^62). */
bool vft_interval_safe(vft_interval a);
bool vft_interval_within(vft_interval a, int64_t lo, int64_t hi);

/* The interval of one term over the box `size` of its index variables, contracted sums counted,
 * given an interval of every tensor it uses. A constant PUBLIC factor counts with its actual
 * values (sums of its positive and negative parts over its contracted indices); a factor that
 * occurs twice is a square; a declared lemma replaces the computation. */
vft_interval vft_term_interval(const vft_program *program, uint32_t nfree, const uint32_t *size,
                               const vft_term *term, const vft_interval *of);

#endif
