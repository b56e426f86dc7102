/* Choice and check of WHIR parameters. */
#include "argument/whir_params.h"

#include "argument/soundness.h"
#include "merkle/path.h"

#include <string.h>

enum {
  FOLD = 4,              /* row variables of every level but the first */
  FOLD_LOW = 3,          /* the same at rates of 1/8 and less: shorter columns, a longer end */
  FIRST_RATE = 4,        /* -log2 of the rate of level 1 */
  FIRST_RATE_LONG = 3,   /* the same for long rows, where the code of level 1 is a cost */
  LONG_ROW = 17,
  FINAL_LOG = 6,         /* the last vector is at most so long; more would be dear in a circuit, */
  FINAL_LOG_LOW = 10,    /* but at rates of 1/8 and less, for short proofs, it is shorter than a level */
  RATE_MAX = 8,          /* (1 + rho)/2 hardly falls any more */
  QUERIES_MAX = 4096
};

static vft_status shape(vft_whir_params *p, unsigned k0, unsigned c, unsigned log_inv_rate,
                        uint32_t tail) {
  if (k0 > VFT_WHIR_ROW_VARIABLES_MAX || c < 1 || log_inv_rate < 1 || log_inv_rate > RATE_MAX ||
      c + log_inv_rate < 4 ||
      c + log_inv_rate > VFT_MERKLE_MAX_LOG || k0 + c > VFT_WHIR_VARIABLES_MAX ||
      tail > (uint64_t)1 << c) {
    return vft_fail(VFT_USAGE,
                    "WHIR parameters: 2^%u rows of 2^%u elements at rate 2^-%u are not supported",
                    k0, c, log_inv_rate);
  }
  memset(p, 0, sizeof *p);
  p->levels = 1;
  p->level[0] = (vft_whir_level){.row_vars = (uint8_t)k0,
                                 .log_msg = (uint8_t)c,
                                 .log_inv_rate = (uint8_t)log_inv_rate,
                                 .tail = tail};
  /* The domain halves from level to level (rate 2^-(b + fold - 1)), as in WHIR. */
  unsigned rate = c >= LONG_ROW ? FIRST_RATE_LONG : FIRST_RATE;
  if (rate < log_inv_rate) rate = log_inv_rate;
  unsigned last = log_inv_rate >= 3 ? FINAL_LOG_LOW : FINAL_LOG;
  unsigned fold = log_inv_rate >= 3 ? FOLD_LOW : FOLD;
  for (unsigned left = c; left > last; left -= fold) {
    p->level[p->levels++] = (vft_whir_level){.row_vars = (uint8_t)fold,
                                             .log_msg = (uint8_t)(left - fold),
                                             .log_inv_rate = (uint8_t)rate};
    rate = rate + fold - 1 > RATE_MAX ? RATE_MAX : rate + fold - 1;
  }
  return VFT_OK;
}

static vft_bits level_bits(const vft_whir_level *l) {
  return vft_query_bits(l->log_msg + l->log_inv_rate, ((uint64_t)1 << l->log_msg) + l->tail,
                        l->queries);
}

vft_status vft_whir_params_choose(vft_whir_params *p, unsigned k0, unsigned c,
                                  unsigned log_inv_rate, uint32_t tail, unsigned bits,
                                  unsigned grind) {
  if (bits < 1 || bits > 160 || grind > VFT_WHIR_GRIND_MAX || grind >= bits)
    return vft_fail(VFT_USAGE, "WHIR parameters: %u bits with %u bits of work: not supported",
                    bits, grind);
  TRY(shape(p, k0, c, log_inv_rate, tail));
  p->bits = bits;
  for (unsigned i = 0; i < p->levels; i++) {
    vft_whir_level *l = &p->level[i];
    l->grind = (uint8_t)grind;
    l->queries = 1;
    while (level_bits(l) < VFT_BITS(bits - grind) && l->queries < QUERIES_MAX) l->queries++;
  }
  /* The union of all rounds needs a little more: always at the weakest query phase. */
  for (;;) {
    vft_soundness s = {0};
    vft_status st = vft_soundness_add_whir(&s, "opening", p);
    vft_bits total = vft_soundness_total(&s);
    vft_soundness_free(&s);
    if (st != VFT_OK) return st;
    if (total >= VFT_BITS(bits)) return VFT_OK;
    vft_whir_level *weakest = &p->level[0];
    for (unsigned i = 1; i < p->levels; i++)
      if (level_bits(&p->level[i]) < level_bits(weakest)) weakest = &p->level[i];
    if (weakest->queries == QUERIES_MAX || level_bits(weakest) > VFT_BITS(bits + 16))
      return vft_fail(VFT_USAGE, "WHIR parameters: %u bits are out of reach for 2^%u x 2^%u", bits,
                      k0, c);
    weakest->queries++;
  }
}

vft_status vft_whir_params_test(vft_whir_params *p, unsigned k0, unsigned c,
                                unsigned log_inv_rate, uint32_t tail, unsigned queries) {
  if (queries < 1 || queries > QUERIES_MAX)
    return vft_fail(VFT_USAGE, "WHIR parameters: %u queries", queries);
  TRY(shape(p, k0, c, log_inv_rate, tail));
  p->test_profile = true;
  for (unsigned i = 0; i < p->levels; i++) p->level[i].queries = queries;
  return VFT_OK;
}

vft_status vft_whir_params_check(const vft_whir_params *p) {
  vft_soundness s = {0};
  vft_status st = vft_soundness_add_whir(&s, "opening", p);
  if (st == VFT_REJECTED) st = vft_reject("whir/params", "WHIR parameters: out of range");
  if (st == VFT_OK && !p->test_profile) {
    /* Nothing below the declared level, and no level that is none. */
    if (p->bits < 1 || vft_soundness_total(&s) < VFT_BITS(p->bits))
      st = vft_reject("whir/params", "WHIR parameters: fewer than the declared %u bits", p->bits);
  }
  vft_soundness_free(&s);
  return st;
}
