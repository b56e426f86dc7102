/* The functions of the sponge that look at values of elements. */
#include "transcript/sponge.h"

static uint32_t low_bits(vft_fp x, unsigned log) {
  return (uint32_t)(x.v & (((uint64_t)1 << log) - 1));
}

vft_query vft_sponge_query(vft_fp x, unsigned log) { return (vft_query){low_bits(x, log)}; }

bool vft_sponge_shows_work(vft_fp x, unsigned bits) { return !low_bits(x, bits); }
