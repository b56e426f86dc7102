/* src/argument/whir_params.c and whir_hiding_params.c for the library: parameters of its one kind
 * of proof. */
#include <string.h>

#include "recurse/outer_params.h"

vft_status vft_hiding_params(vft_whir_params *params, const vft_hiding_shape *s, unsigned bits,
                             unsigned grind, uint32_t test_queries) {
  const vft_hiding_shape *o = &vft_outer_opening;
  *params = vft_outer_params;
  if (s->c != o->c || s->log_inv_rate != o->log_inv_rate || s->k0 != o->k0 ||
      s->own_rows != o->own_rows || bits != params->bits || grind != params->level[0].grind ||
      test_queries)
    return vft_fail(VFT_USAGE, "hiding opening: another shape than that of certificates");
  return VFT_OK;
}

vft_status vft_whir_params_check(const vft_whir_params *p) {
  if (p->levels == vft_outer_params.levels &&
      !memcmp(p->level, vft_outer_params.level, sizeof p->level))
    return VFT_OK;
  return vft_reject("whir/params", "WHIR parameters: not those of certificates");
}
