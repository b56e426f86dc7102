/* src/argument/whir_params.c and whir_hiding_params.c for the library: parameters of its one kind
 * of proof. */
#include <string.h>

#include "recurse/outer_params.h"

vft_status vft_hiding_shape_init(vft_hiding_shape *shape, uint64_t rows, unsigned c,
                                 unsigned log_inv_rate, unsigned bits, unsigned grind,
                                 uint32_t test_queries) {
  const vft_hiding_shape *o = shape;
  *shape = vft_outer_opening;
  if (c == o->c && log_inv_rate == o->log_inv_rate && bits == o->bits && grind == o->grind &&
      !test_queries && ((rows + 3) & ~(uint64_t)3) < (uint64_t)1 << o->k0)
    return VFT_OK;
  return vft_fail(VFT_USAGE, "hiding opening: another shape than that of certificates");
}

vft_status vft_hiding_params(vft_whir_params *params, const vft_hiding_shape *shape) {
  (void)shape;
  *params = vft_outer_params;
  return VFT_OK;
}

vft_status vft_whir_params_check(const vft_whir_params *p) {
  if (p->levels == vft_outer_params.levels &&
      !memcmp(p->level, vft_outer_params.level, sizeof p->level))
    return VFT_OK;
  return vft_reject("whir/params", "WHIR parameters: not those of certificates");
}
