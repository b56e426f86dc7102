/* The prover's side of grinding. */
#include "base/pool.h"
#include "transcript/sponge.h"

/* The search runs over rounds of SLOTS * SPAN nonces; each slot reports its own smallest valid
 * nonce, so the smallest of all does not depend on the threads. */
enum { SLOTS = 64, SPAN = 64 };

typedef struct {
  const vft_sponge *sponge;
  unsigned bits;
  uint64_t base;
  uint64_t found[SLOTS];
} search;

static void search_slots(void *ctx, size_t begin, size_t end) {
  search *g = ctx;
  const vft_sponge *sp = g->sponge;
  vft_poseidon_state state[SPAN];
  for (size_t slot = begin; slot < end; slot++) {
    uint64_t first = g->base + slot * SPAN;
    g->found[slot] = UINT64_MAX;
    for (size_t k = 0; k < SPAN; k++) {
      state[k] = sp->state;
      /* Whether the nonce fills the rate or the squeeze permutes: one permutation follows. */
      state[k].s[sp->pos] = vft_fp_add(state[k].s[sp->pos], vft_fp_from_u64(first + k));
    }
    vft_poseidon_permute(state, SPAN);
    for (size_t k = SPAN; k-- > 0;)
      if (vft_sponge_shows_work(state[k].s[0], g->bits)) g->found[slot] = first + k;
  }
}

uint64_t vft_sponge_search(const vft_sponge *sp, unsigned bits) {
  search g = {.sponge = sp, .bits = bits};
  uint64_t best = UINT64_MAX;
  for (; best == UINT64_MAX && g.base >> 32 == 0; g.base += SLOTS * SPAN) {
    vft_parallel_for(SLOTS, 4, search_slots, &g);
    for (int i = 0; i < SLOTS && best == UINT64_MAX; i++) best = g.found[i];
  }
  return best;
}
