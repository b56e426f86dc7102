/* Claims on committed tensors, batched. */
#include "verify/driver.h"

vft_status vft_claim_batch_add(vft_claim_batch *b, const vft_functional *f, vft_ext coef) {
  uint32_t at;
  bool is_new;
  coef = vft_ext_mul(coef, b->power);
  TRY(vft_fset_add(&b->set, f, &at, &is_new));
  TRY(vft_reserve((void **)&b->coef, &b->cap, at + 1, sizeof *b->coef));
  b->coef[at] = is_new ? coef : vft_ext_add(b->coef[at], coef);
  return VFT_OK;
}

void vft_claim_batch_next(vft_claim_batch *b, vft_ext total) {
  b->sigma = vft_ext_add(b->sigma, vft_ext_mul(b->power, total));
  b->power = vft_ext_mul(b->power, b->gamma);
}

void vft_claim_batch_free(vft_claim_batch *b) {
  vft_free(b->coef);
  vft_fset_free(&b->set);
}

vft_status vft_claim_batch_list(const vft_claim_batch *b, const vft_trees *trees,
                                vft_opening_claim *claim) {
  for (uint32_t i = 0; i < b->set.n; i++) {
    vft_functional f = b->set.f[i];
    uint32_t t = trees->tree[f.tensor];
    if (t == UINT32_MAX)
      return vft_fail(VFT_USAGE, "opening: a claim on tensor %u, which is in no tree", f.tensor);
    f.tensor = trees->box[f.tensor];
    claim[i] = (vft_opening_claim){t, b->coef[i], f};
  }
  return VFT_OK;
}
