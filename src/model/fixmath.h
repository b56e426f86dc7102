/* Elementary functions in 128-bit fixed point, from integers alone: every public table and
 * schedule constant is generated with these, so that the same manifest gives the same bytes on
 * any machine and no host libm reaches a digest.
 *
 * A vft_fix is an integer X that stands for X * 2^-64 (signed, 63 integer bits). Results carry an
 * absolute error of at most 2^-56 for arguments in the stated ranges (tests/model/test_fixmath
 * compares with 80-digit references). */
#ifndef VFT_MODEL_FIXMATH_H
#define VFT_MODEL_FIXMATH_H

#include <stdint.h>

#include "base/status.h"

typedef __int128 vft_fix;

#define VFT_FIX_ONE ((vft_fix)1 << 64)
#define VFT_FIX_LN2 ((vft_fix)0xb17217f7d1cf79abull)
#define VFT_FIX_PI (((vft_fix)3 << 64) | (vft_fix)0x243f6a8885a308d3ull)

static inline vft_fix vft_fix_int(int64_t x) { return (vft_fix)x * VFT_FIX_ONE; }
/* The exact value of a finite float with |x| < 2^62 (bits below 2^-64 are dropped). */
vft_fix vft_fix_from_float(float x);
/* num / den truncated to 64 fraction bits (towards minus infinity); den > 0. */
vft_fix vft_fix_ratio(int64_t num, int64_t den);
/* a * b, truncated towards zero. Requires |a * b| < 2^62 as real numbers. */
vft_fix vft_fix_mul(vft_fix a, vft_fix b);
/* a / b, truncated towards zero. Requires b != 0 and |a / b| < 2^62. */
vft_fix vft_fix_div(vft_fix a, vft_fix b);
/* e^x for -88 <= x <= 43 (smaller x: 0). Relative error 2^-58 for x > 0. */
vft_fix vft_fix_exp(vft_fix x);
/* ln x, x > 0. */
vft_fix vft_fix_log(vft_fix x);
/* Requires |x| < 2^20. */
vft_fix vft_fix_cos(vft_fix x);
vft_fix vft_fix_sin(vft_fix x);
/* Square root, x >= 0. */
vft_fix vft_fix_sqrt(vft_fix x);
/* x^n, |x| <= 1. Error at most 2 n 2^-64. */
vft_fix vft_fix_pow(vft_fix x, uint64_t n);
/* floor(x * 2^shift + 1/2) as an integer, for -64 <= shift <= 62. Fails with VFT_USAGE when the
 * result does not fit int64. */
VFT_MUST_CHECK vft_status vft_fix_round(vft_fix x, int shift, int64_t *out);
/* A decimal number such as "2e-4", "0.05", "-1.5E+3": at most 18 significant digits, exponent
 * -30..18, truncated to 64 fraction bits. VFT_USAGE when malformed or out of range. */
VFT_MUST_CHECK vft_status vft_fix_parse(const char *text, vft_fix *out);

/* floor(sqrt(v)). */
uint64_t vft_isqrt_u128(unsigned __int128 v);
uint32_t vft_isqrt_u64(uint64_t v);

#endif
