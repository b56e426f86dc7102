/* Hiding openings: their parameters. */
#include "argument/whir_hiding.h"
#include "argument/whir_params.h"

vft_status vft_hiding_params(vft_whir_params *params, const vft_hiding_shape *s, unsigned bits,
                             unsigned grind, uint32_t test_queries) {
  if (test_queries)
    TRY(vft_whir_params_test(params, s->k0 + 1, s->c + 1, s->log_inv_rate - 1, test_queries));
  else
    TRY(vft_whir_params_choose(params, s->k0 + 1, s->c + 1, s->log_inv_rate - 1, bits, grind));
  if (params->level[0].queries > (uint64_t)1 << s->c)
    return vft_fail(VFT_USAGE, "hiding opening: %u queries to rows of 2^%u random coefficients: "
                    "raise log_columns", params->level[0].queries, s->c);
  return VFT_OK;
}
