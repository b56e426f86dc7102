#include "argument/soundness.h"

#include <stdarg.h>
#include <string.h>

#include "base/mem.h"
#include "merkle/path.h"

enum { FRACTION = 24 };

/* ---- fixed-point logarithms ---------------------------------------------------------------
 *
 * x = 2^e * m with 1 <= m < 2 held in 63 fractional bits. Squaring m and halving when it reaches 2
 * yields the binary digits of log2(m). With every product truncated, the m held is never above
 * the true one, hence neither is the digit string: a lower bound. Truncation loses a relative
 * 2^-63 a step and each later squaring doubles what was lost: after 24 steps below 2^-38, far
 * less than one unit of 2^-24. Rounding products up instead gives an upper bound alike. */
static vft_bits log2_digits(uint64_t x, bool up) {
  unsigned e = 63u - (unsigned)__builtin_clzll(x);
  uint64_t m = x << (63 - e); /* m / 2^63 in [1, 2) */
  vft_bits r = (vft_bits)e << FRACTION;
  bool exact = m == (uint64_t)1 << 63;
  for (int i = FRACTION - 1; i >= 0 && !exact; i--) {
    vft_u128 s = (vft_u128)m * m; /* / 2^126, in [1, 4) */
    unsigned shift = s >> 127 ? 64 : 63;
    if (shift == 64) r += (vft_bits)1 << i;
    uint64_t low = (uint64_t)s & (shift == 64 ? UINT64_MAX : UINT64_MAX >> 1);
    m = (uint64_t)(s >> shift);
    if (up && low) {
      /* A carry out of the mantissa means m = 2 exactly: the remaining digits are all ones. */
      if (++m == 0) return r + ((vft_bits)1 << i);
    }
  }
  return up && !exact ? r + 1 : r;
}

vft_bits vft_log2_down(uint64_t x) { return x ? log2_digits(x, false) : 0; }
vft_bits vft_log2_up(uint64_t x) { return x ? log2_digits(x, true) : 0; }

/* 2^-(2^-k) for k = 1..24, rounded up, as fractions of 2^63: square roots of square roots.
 * isqrt_up(v) is the least s with s^2 >= v. */
static uint64_t isqrt_up(vft_u128 v) {
  uint64_t s = 0;
  for (int i = 63; i >= 0; i--) {
    uint64_t t = s | (uint64_t)1 << i;
    if ((vft_u128)t * t < v) s = t;
  }
  return s + 1;
}

/* 2^-(b / 2^24) for b >= 0, rounded up, as a fraction of 2^63; root[k] is that of b = 2^(24 - k). */
static uint64_t exp2_neg_up(vft_bits b, const uint64_t root[FRACTION + 1]) {
  if (b >= VFT_BITS(62)) return 2; /* above 2^-62 */
  uint64_t r = (uint64_t)1 << 63;
  for (int k = 1; k <= FRACTION; k++) {
    if (!((b >> (FRACTION - k)) & 1)) continue;
    vft_u128 s = (vft_u128)r * root[k];
    r = (uint64_t)(s >> 63) + (((uint64_t)s & (UINT64_MAX >> 1)) != 0);
  }
  unsigned whole = (unsigned)(b >> FRACTION);
  return (r >> whole) + 1;
}

vft_bits vft_bits_sum(const vft_bits *bits, size_t n) {
  if (!n) return 0;
  vft_bits least = bits[0];
  for (size_t i = 1; i < n; i++) least = bits[i] < least ? bits[i] : least;
  /* The sum of 2^-(bits - least), as a fraction of 2^40 rounded up: at least 1, at most n. */
  vft_u128 sum = 0;
  uint64_t root[FRACTION + 1] = {(uint64_t)1 << 62};
  for (int k = 1; k <= FRACTION; k++) root[k] = isqrt_up((vft_u128)root[k - 1] << 63);
  for (size_t i = 0; i < n; i++) sum += (exp2_neg_up(bits[i] - least, root) >> 23) + 1;
  if (sum >> 63) return 0;
  vft_bits loss = vft_log2_up((uint64_t)sum) - VFT_BITS(40);
  return least > loss ? least - loss : 0;
}

vft_bits vft_query_bits(unsigned log_n, uint64_t k, uint32_t queries) {
  /* 2 / (1 + k / N) = 2 N / (N + k) */
  if (log_n > 61 || k >> log_n) return 0;
  vft_bits one = VFT_BITS(log_n + 1) - vft_log2_up(((uint64_t)1 << log_n) + k);
  return one * (vft_bits)queries;
}

vft_bits vft_field_bits(uint64_t count) {
  /* log2(p^3) = 192 - 3 * 2^-32 * 1.4427 > 192 - 2^-24. */
  vft_bits field = VFT_BITS(192) - 1;
  return count ? field - vft_log2_up(count) : 0;
}

/* ---- the account ---------------------------------------------------------------------------- */

void vft_soundness_free(vft_soundness *s) {
  vft_free(s->term);
  memset(s, 0, sizeof *s);
}

static vft_status append(vft_soundness *s, vft_bits bits, const char *theorem,
                         const char *name_fmt, va_list ap) {
  if (s->terms == s->capacity) {
    size_t capacity = s->capacity ? 2 * s->capacity : 32;
    vft_soundness_term *grown = vft_alloc(capacity, sizeof *grown);
    if (!grown) {
      s->incomplete = true;
      return vft_fail(VFT_RESOURCE, "soundness account: out of memory");
    }
    if (s->terms) memcpy(grown, s->term, s->terms * sizeof *grown);
    vft_free(s->term);
    s->term = grown;
    s->capacity = capacity;
  }
  vft_soundness_term *t = &s->term[s->terms++];
  vsnprintf(t->name, sizeof t->name, name_fmt, ap);
  t->theorem = theorem;
  t->bits = bits > 0 ? bits : 0;
  return VFT_OK;
}

static vft_status append_f(vft_soundness *s, vft_bits bits, const char *theorem,
                           const char *name_fmt, ...) {
  va_list ap;
  va_start(ap, name_fmt);
  vft_status st = append(s, bits, theorem, name_fmt, ap);
  va_end(ap);
  return st;
}

vft_status vft_soundness_add(vft_soundness *s, uint64_t count, const char *theorem,
                             const char *name_fmt, ...) {
  if (!count) {
    s->incomplete = true;
    return vft_fail(VFT_USAGE, "soundness account: a term with error zero");
  }
  va_list ap;
  va_start(ap, name_fmt);
  vft_status st = append(s, vft_field_bits(count), theorem, name_fmt, ap);
  va_end(ap);
  return st;
}

/* The checks that make every number below meaningful: lengths that chain, codes that exist. */
static const char *params_defect(const vft_whir_params *p) {
  if (p->levels < 1 || p->levels > VFT_WHIR_LEVELS_MAX) return "number of levels";
  unsigned left = 0;
  for (unsigned i = 0; i < p->levels; i++) {
    const vft_whir_level *l = &p->level[i];
    if (i && l->row_vars + l->log_msg != left) return "lengths of consecutive levels";
    if (i ? l->row_vars < 1 || l->row_vars > 8 : l->row_vars > VFT_WHIR_ROW_VARIABLES_MAX)
      return "row variables";
    if (l->row_vars + l->log_msg > VFT_WHIR_VARIABLES_MAX) return "number of variables";
    if (l->log_inv_rate < 1 || l->log_inv_rate > 8 || l->log_msg + l->log_inv_rate < 4 ||
        l->log_msg + l->log_inv_rate > VFT_MERKLE_MAX_LOG) return "code length";
    if (l->grind > VFT_WHIR_GRIND_MAX) return "grinding";
    if (l->tail > (i ? 0 : (uint64_t)1 << l->log_msg)) return "tail";
    if (l->queries < 1 || l->queries > 4096) return "number of queries";
    left = l->log_msg;
  }
  if (left > VFT_WHIR_FINAL_LOG_MAX) return "final length";
  return NULL;
}

vft_status vft_soundness_add_whir(vft_soundness *s, const char *prefix,
                                  const vft_whir_params *p) {
  const char *defect = params_defect(p);
  if (defect) {
    s->incomplete = true;
    return vft_reject("soundness/params", "%s: WHIR parameters: %s out of range", prefix, defect);
  }
  if (p->test_profile) s->test_profile = true;
  for (unsigned i = 0; i < p->levels; i++) {
    const vft_whir_level *l = &p->level[i];
    unsigned log_n = l->log_msg + l->log_inv_rate;
    uint64_t n = (uint64_t)1 << log_n, k = ((uint64_t)1 << l->log_msg) + l->tail;
    if (l->row_vars) {
      TRY(append_f(s, vft_field_bits(2u * l->row_vars), "SZ (sumcheck of degree 2)",
                   "%s/%u sumcheck, %u rounds", prefix, i, l->row_vars));
      TRY(append_f(s, vft_field_bits(n * l->row_vars), "BCIKS20 4.1 with DG25 3.1 (n/|E| a fold)",
                   "%s/%u %u folds of a code of length 2^%u", prefix, i, l->row_vars, log_n));
    }
    TRY(append_f(s, vft_query_bits(log_n, k, l->queries) + VFT_BITS(l->grind),
                 "ACFY24 5.2, delta = (1-rho)/2, grinding",
                 "%s/%u %u queries at rate 2^-%u%s, %u bits of work", prefix, i, l->queries,
                 l->log_inv_rate, l->tail ? " and a tail" : "", l->grind));
    if (i + 1 < p->levels)
      TRY(append_f(s, vft_field_bits(l->queries), "SZ (powers of one challenge)",
                   "%s/%u batching of %u claims", prefix, i, l->queries));
  }
  unsigned last = p->level[p->levels - 1].log_msg;
  if (last)
    TRY(append_f(s, vft_field_bits(2u * last), "SZ (sumcheck of degree 2)",
                 "%s/last sumcheck, %u rounds", prefix, last));
  return VFT_OK;
}

vft_bits vft_soundness_total(const vft_soundness *s) {
  if (s->incomplete || !s->terms) return 0;
  vft_bits *bits = vft_alloc(s->terms, sizeof *bits);
  if (!bits) return 0;
  for (size_t i = 0; i < s->terms; i++) bits[i] = s->term[i].bits;
  vft_bits total = vft_bits_sum(bits, s->terms);
  vft_free(bits);
  return total;
}

static int tenths(vft_bits b) { return (int)((b * 10) >> FRACTION); }

vft_status vft_soundness_require(const vft_soundness *s, unsigned bits) {
  if (s->test_profile) {
    return vft_reject("soundness/profile",
                      "proof parameters: a test profile, too few queries to prove anything");
  }
  vft_bits total = vft_soundness_total(s);
  if (total < VFT_BITS(bits) || !bits) {
    return vft_reject("soundness/bits", "proof parameters: %d.%d bits of soundness, %u required",
                      tenths(total) / 10, tenths(total) % 10, bits);
  }
  return VFT_OK;
}
