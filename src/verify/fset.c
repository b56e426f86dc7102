/* Sets of functionals. */
#include <string.h>

#include "verify/session.h"

vft_status vft_reserve(void **array, uint32_t *cap, uint32_t need, size_t size) {
  if (need <= *cap) return VFT_OK;
  if (need > UINT32_MAX / 2) return vft_fail(VFT_RESOURCE, "proof driver: too many claims");
  uint32_t wider = *cap ? *cap : 16;
  while (wider < need) wider *= 2;
  void *fresh = vft_alloc(wider, size);
  if (!fresh) return VFT_RESOURCE;
  if (*array) memcpy(fresh, *array, *cap * size);
  vft_free(*array);
  *array = fresh;
  *cap = wider;
  return VFT_OK;
}

static uint32_t probe(const vft_fset *set, const vft_functional *f) {
  uint32_t mask = set->slots - 1, at = (uint32_t)vft_functional_hash(f) & mask;
  while (set->slot[at] != UINT32_MAX && !vft_functional_equal(&set->f[set->slot[at]], f))
    at = (at + 1) & mask;
  return at;
}

static vft_status widen(vft_fset *set) {
  uint32_t slots = set->slots ? 2 * set->slots : 64;
  uint32_t *slot = vft_alloc(slots, sizeof *slot);
  if (!slot) return VFT_RESOURCE;
  memset(slot, 0xff, slots * sizeof *slot);
  vft_free(set->slot);
  set->slot = slot;
  set->slots = slots;
  for (uint32_t i = 0; i < set->n; i++) slot[probe(set, &set->f[i])] = i;
  return VFT_OK;
}

vft_status vft_fset_add(vft_fset *set, const vft_functional *f, uint32_t *index, bool *is_new) {
  if (2 * (set->n + 1) > set->slots) TRY(widen(set));
  TRY(vft_reserve((void **)&set->f, &set->cap, set->n + 1, sizeof *set->f));
  uint32_t at = probe(set, f);
  *is_new = set->slot[at] == UINT32_MAX;
  if (*is_new) {
    set->f[set->n] = *f;
    set->slot[at] = set->n++;
  }
  *index = set->slot[at];
  return VFT_OK;
}

void vft_fset_free(vft_fset *set) {
  vft_free(set->f);
  vft_free(set->slot);
  memset(set, 0, sizeof *set);
}
