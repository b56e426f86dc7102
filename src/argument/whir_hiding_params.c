/* Hiding openings: their parameters. */
#include "argument/whir_hiding.h"
#include "argument/whir_params.h"
#include "merkle/path.h"

vft_status vft_hiding_shape_init(vft_hiding_shape *s, uint64_t rows, unsigned c,
                                 unsigned log_inv_rate, unsigned bits, unsigned grind,
                                 uint32_t test_queries) {
  *s = (vft_hiding_shape){.c = c, .log_inv_rate = log_inv_rate, .k0 = 2, .bits = bits,
                          .grind = grind, .test_queries = test_queries};
  if (c < 1 || c >= VFT_WHIR_VARIABLES_MAX || rows >> VFT_WHIR_ROW_VARIABLES_MAX ||
      log_inv_rate < 2 || log_inv_rate > 8 || c + log_inv_rate > VFT_MERKLE_MAX_LOG || bits > 160 ||
      (!test_queries && grind >= bits))
    return vft_fail(VFT_USAGE, "hiding opening: %llu rows of 2^%u columns at rate 2^-%u: not "
                    "supported", (unsigned long long)rows, c, log_inv_rate);
  /* As many as there would be queries to a code of twice the rate: with fewer than 2^c random
   * coefficients the rate is less than that. What the union of all rounds adds is less than what this
   * saves for log_inv_rate 3 to 5, and sometimes more for others: vft_hiding_params checks it. */
  vft_bits need = VFT_BITS((int)bits - (int)grind);
  s->tail = test_queries;
  while (!test_queries && vft_query_bits(log_inv_rate, 2, s->tail) < need) s->tail++;
  if (s->tail >> c) s->tail = (uint32_t)1 << c;
  /* Extension rows share no four rows with base rows; the last row below is a mask. */
  while ((uint64_t)1 << s->k0 < ((rows + 3) & ~(uint64_t)3) + 1) s->k0++;
  if (s->k0 + 1 > VFT_WHIR_ROW_VARIABLES_MAX)
    return vft_fail(VFT_USAGE, "hiding opening: %llu rows are too many", (unsigned long long)rows);
  return VFT_OK;
}

vft_status vft_hiding_params(vft_whir_params *params, const vft_hiding_shape *s) {
  if (s->test_queries)
    TRY(vft_whir_params_test(params, s->k0 + 1, s->c, s->log_inv_rate, s->tail, s->test_queries));
  else
    TRY(vft_whir_params_choose(params, s->k0 + 1, s->c, s->log_inv_rate, s->tail, s->bits,
                               s->grind));
  if (params->level[0].queries > s->tail)
    return vft_fail(VFT_USAGE, "hiding opening: %u queries to rows of %u random coefficients: "
                    "choose another rate", params->level[0].queries, s->tail);
  return VFT_OK;
}
