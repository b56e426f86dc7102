#include "hide/late.h"

vft_ext vft_hidden_evaluate(const vft_hidden *h, const vft_hidden_value *v, const vft_ext *pad,
                            const vft_ext *late) {
  vft_ext sum = v->known;
  vft_hidden_weigh(h, v, VFT_EXT_ONE);
  vft_hidden_settle(h, v->form);
  for (uint64_t i = 0; i < v->form; i++) {
    uint32_t s = h->form[i].x;
    if (vft_ext_is_zero(h->weight[i])) continue;
    vft_ext x = s < VFT_HIDDEN_LATE ? pad[s] : late[s - VFT_HIDDEN_LATE];
    sum = vft_ext_add(sum, vft_ext_mul(h->weight[i], x));
    h->weight[i] = VFT_EXT_ZERO;
  }
  return sum;
}

void vft_hidden_make_late(const vft_hidden *h, const vft_ext *pad, vft_ext *late) {
  for (uint32_t i = 0; i < h->nlate; i++) { /* each from those before it */
    const vft_hidden_late *how = &h->late[i];
    vft_ext x = vft_hidden_evaluate(h, &h->factor[how->left], pad, late);
    late[i] = how->is_inverse
                  ? vft_ext_inv(x)
                  : vft_ext_mul(x, vft_hidden_evaluate(h, &h->factor[how->right], pad, late));
  }
}
