/* The prover's work. */
#include "base/pool.h"
#include "hash/blake3.h"
#include "transcript/chain.h"

/* The search runs over rounds of GRIND_SLOTS * GRIND_SPAN nonces; each slot reports its own
 * smallest valid nonce, so the smallest of all does not depend on the threads. */
enum { GRIND_SLOTS = 64, GRIND_SPAN = 256 };

typedef struct {
  const uint8_t *seed;
  unsigned bits;
  uint64_t base;
  uint64_t found[GRIND_SLOTS];
} grind_search;

static void grind_slots(void *ctx, size_t begin, size_t end) {
  grind_search *g = ctx;
  uint8_t m[64 * 64];
  vft_digest d[64];
  for (size_t slot = begin; slot < end; slot++) {
    g->found[slot] = UINT64_MAX;
    for (size_t i = 0; i < GRIND_SPAN && g->found[slot] == UINT64_MAX; i += 64) {
      uint64_t first = g->base + slot * GRIND_SPAN + i;
      for (size_t k = 0; k < 64; k++) vft_chain_grind_message(m + 64 * k, g->seed, first + k);
      vft_blake3_nodes(m, d, 64);
      for (size_t k = 0; k < 64; k++) {
        if (!vft_chain_work_done(d[k].b, g->bits)) continue;
        g->found[slot] = first + k;
        break;
      }
    }
  }
}

uint64_t vft_chain_grind_search(const uint8_t seed[32], unsigned bits) {
  grind_search g = {.seed = seed, .bits = bits};
  uint64_t best = UINT64_MAX;
  for (; best == UINT64_MAX; g.base += (uint64_t)GRIND_SLOTS * GRIND_SPAN) {
    vft_parallel_for(GRIND_SLOTS, 4, grind_slots, &g);
    for (int i = 0; i < GRIND_SLOTS && best == UINT64_MAX; i++) best = g.found[i];
  }
  return best;
}
