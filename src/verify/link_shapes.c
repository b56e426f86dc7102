#include <string.h>

#include "verify/verify.h"

vft_status vft_verify_link_shapes(const vft_program *a, uint32_t out, const vft_program *b,
                                  uint32_t in) {
  uint32_t s = 0, t = 0;
  for (;; s++, t++) {
    while (s < a->ntensors && (a->tensors[s].origin != VFT_LINK || a->tensors[s].group != out)) s++;
    while (t < b->ntensors && (b->tensors[t].origin != VFT_LINK || b->tensors[t].group != in)) t++;
    if (s == a->ntensors && t == b->ntensors) return VFT_OK;
    if (s == a->ntensors || t == b->ntensors) break;
    const vft_tensor *x = &a->tensors[s], *y = &b->tensors[t];
    if (x->rank != y->rank || memcmp(x->dims, y->dims, x->rank * sizeof *x->dims) != 0) break;
  }
  return vft_fail(VFT_USAGE, "links %s and %s: tensors %s and %s have different shapes",
                  a->link_names[out], b->link_names[in],
                  s < a->ntensors ? a->tensors[s].name : "(none)",
                  t < b->ntensors ? b->tensors[t].name : "(none)");
}
