#include "model/fixmath.h"

#include <ctype.h>
#include <string.h>

typedef unsigned __int128 u128;

static u128 magnitude(vft_fix x) { return x < 0 ? (u128)0 - (u128)x : (u128)x; }
static vft_fix with_sign(u128 m, int negative) { return negative ? -(vft_fix)m : (vft_fix)m; }

vft_fix vft_fix_mul(vft_fix a, vft_fix b) {
  u128 x = magnitude(a), y = magnitude(b);
  uint64_t xh = (uint64_t)(x >> 64), xl = (uint64_t)x, yh = (uint64_t)(y >> 64), yl = (uint64_t)y;
  u128 m = (((u128)xh * yh) << 64) + (u128)xh * yl + (u128)xl * yh + (((u128)xl * yl) >> 64);
  return with_sign(m, (a < 0) != (b < 0));
}

/* Schoolbook division of x * 2^64 by y, one quotient bit at a time: y < 2^127, so the running
 * remainder fits 128 bits after the shift. */
vft_fix vft_fix_div(vft_fix a, vft_fix b) {
  u128 x = magnitude(a), y = magnitude(b);
  u128 q = x / y, rem = x % y;
  for (int i = 0; i < 64; i++) {
    rem <<= 1;
    q <<= 1;
    if (rem >= y) {
      rem -= y;
      q |= 1;
    }
  }
  return with_sign(q, (a < 0) != (b < 0));
}

vft_fix vft_fix_from_float(float x) {
  uint32_t bits;
  memcpy(&bits, &x, sizeof bits);
  int e = (int)(bits >> 23 & 0xff);
  u128 m = bits & 0x7fffff;
  if (e) m |= 0x800000;
  int shift = (e ? e : 1) - 150 + 64;
  if (shift <= -24) return 0;
  m = shift >= 0 ? m << shift : m >> -shift;
  return with_sign(m, (int)(bits >> 31));
}

vft_fix vft_fix_ratio(int64_t num, int64_t den) {
  vft_fix n = (vft_fix)num * VFT_FIX_ONE;
  vft_fix q = n / den;
  if (n % den < 0) q--;
  return q;
}

vft_fix vft_fix_exp(vft_fix x) {
  if (x < vft_fix_int(-88)) return 0;
  /* x = k ln 2 + y with |y| <= ln 2 / 2; e^y by Taylor: |y|^n / n! < 2^-66 at n = 17. */
  vft_fix half = VFT_FIX_LN2 / 2;
  vft_fix k = (x >= 0 ? x + half : x - half) / VFT_FIX_LN2;
  /* ln 2 = 0xb17217f7d1cf79ab.c9e3b398... * 2^-64: the next 32 bits keep k ln 2 exact to 2^-88. */
  vft_fix y = x - k * VFT_FIX_LN2 - ((k * (vft_fix)0xc9e3b398) >> 32);
  vft_fix sum = VFT_FIX_ONE;
  for (int n = 20; n >= 1; n--) sum = VFT_FIX_ONE + vft_fix_mul(sum, y) / n;
  if (k >= 0) return sum << (int)k;
  int s = (int)-k;
  if (s > 126) return 0;
  return (sum + ((vft_fix)1 << (s - 1))) >> s;
}

vft_fix vft_fix_log(vft_fix x) {
  int k = 0;
  while (x > VFT_FIX_ONE + VFT_FIX_ONE / 2) {
    x = (x + 1) >> 1;
    k++;
  }
  while (x < VFT_FIX_ONE - VFT_FIX_ONE / 4) {
    x <<= 1;
    k--;
  }
  /* ln m = 2 atanh((m-1)/(m+1)), |z| <= 1/5: z^(2n+1) < 2^-66 at n = 14. */
  vft_fix z = vft_fix_div(x - VFT_FIX_ONE, x + VFT_FIX_ONE), z2 = vft_fix_mul(z, z);
  vft_fix sum = 0;
  for (int n = 16; n >= 0; n--) sum = vft_fix_mul(sum, z2) + VFT_FIX_ONE / (2 * n + 1);
  return 2 * vft_fix_mul(z, sum) + k * VFT_FIX_LN2 + ((k * (vft_fix)0xc9e3b398) >> 32);
}

/* Taylor of cos (odd = 0) or sin (odd = 1) for |y| <= pi/4: y^n / n! < 2^-66 at n = 20. */
static vft_fix series(vft_fix y, int odd) {
  vft_fix y2 = vft_fix_mul(y, y), sum = VFT_FIX_ONE;
  for (int n = 22; n >= 2; n -= 2) {
    int m = n + odd;
    sum = VFT_FIX_ONE - vft_fix_mul(sum, y2) / (m * (m - 1));
  }
  return odd ? vft_fix_mul(y, sum) : sum;
}

/* cos(x + quadrant * pi/2) */
static vft_fix circular(vft_fix x, int quadrant) {
  const vft_fix half_pi = ((vft_fix)1 << 64) | (vft_fix)0x921fb54442d18469ull;
  /* The bits of pi/2 below 2^-64 (0x898cc517...) matter after multiplication by k < 2^20. */
  const vft_fix tail = (vft_fix)0x898cc517;
  vft_fix k = (x >= 0 ? x + half_pi / 2 : x - half_pi / 2) / half_pi;
  vft_fix y = x - k * half_pi - ((k * tail) >> 32);
  int q = (int)((((k + quadrant) % 4) + 4) % 4);
  switch (q) {
    case 0: return series(y, 0);
    case 1: return -series(y, 1);
    case 2: return -series(y, 0);
    default: return series(y, 1);
  }
}

vft_fix vft_fix_cos(vft_fix x) { return circular(x, 0); }
vft_fix vft_fix_sin(vft_fix x) { return circular(x, 3); }

uint64_t vft_isqrt_u128(u128 v) {
  uint64_t r = 0;
  for (int b = 63; b >= 0; b--) {
    uint64_t t = r | (uint64_t)1 << b;
    if ((u128)t * t <= v) r = t;
  }
  return r;
}

uint32_t vft_isqrt_u64(uint64_t v) {
  uint32_t r = 0;
  for (int b = 31; b >= 0; b--) {
    uint32_t t = r | (uint32_t)1 << b;
    if ((uint64_t)t * t <= v) r = t;
  }
  return r;
}

/* sqrt(X 2^-64) = sqrt(X) 2^-32: shift X up by an even amount s first for full precision. */
vft_fix vft_fix_sqrt(vft_fix x) {
  if (x <= 0) return 0;
  int s = 0;
  u128 y = (u128)x;
  while (!(y >> 126)) {
    y <<= 2;
    s += 2;
  }
  u128 root = vft_isqrt_u128(y); /* sqrt of x_original * 2^s, 64 significant bits */
  int shift = 32 - s / 2;
  return shift >= 0 ? (vft_fix)(root << shift) : (vft_fix)(root >> -shift);
}

vft_fix vft_fix_pow(vft_fix x, uint64_t n) {
  vft_fix r = VFT_FIX_ONE;
  for (; n; n >>= 1) {
    if (n & 1) r = vft_fix_mul(r, x);
    x = vft_fix_mul(x, x);
  }
  return r;
}

vft_status vft_fix_round(vft_fix x, int shift, int64_t *out) {
  /* floor(x 2^(shift-64) + 1/2): drop 64 - shift bits, rounding half up. */
  int drop = 64 - shift;
  if (drop < 2 || drop > 126)
    return vft_fail(VFT_USAGE, "fixed-point rounding: shift %d is outside -62..62", shift);
  vft_fix r = ((x >> (drop - 1)) + 1) >> 1;
  if (r > INT64_MAX || r < INT64_MIN)
    return vft_fail(VFT_USAGE, "a constant is too large for 64 bits");
  *out = (int64_t)r;
  return VFT_OK;
}

vft_status vft_fix_parse(const char *text, vft_fix *out) {
  const char *p = text;
  int negative = 0, digits = 0, exponent = 0, seen = 0;
  u128 mantissa = 0;
  if (*p == '+' || *p == '-') negative = *p++ == '-';
  for (int point = 0;; p++) {
    if (*p == '.' && !point) {
      point = 1;
      continue;
    }
    if (!isdigit((unsigned char)*p)) break;
    seen = 1;
    if (mantissa || *p != '0') digits++;
    if (digits > 18) return vft_fail(VFT_USAGE, "number '%s' has more than 18 digits", text);
    mantissa = mantissa * 10 + (unsigned)(*p - '0');
    if (point) exponent--;
  }
  if (seen && (*p == 'e' || *p == 'E')) {
    int sign = 1, e = 0, any = 0;
    p++;
    if (*p == '+' || *p == '-') sign = *p++ == '-' ? -1 : 1;
    for (; isdigit((unsigned char)*p) && e < 1000; p++, any = 1) e = e * 10 + (*p - '0');
    if (!any) seen = 0;
    exponent += sign * e;
  }
  if (!seen || *p) return vft_fail(VFT_USAGE, "'%s' is not a decimal number", text);
  if (!mantissa) {
    *out = 0;
    return VFT_OK;
  }
  if (exponent < -36 || exponent > 18)
    return vft_fail(VFT_USAGE, "number '%s' is out of range", text);
  u128 value;
  if (exponent >= 0) {
    value = mantissa;
    for (int i = 0; i < exponent; i++) {
      value *= 10;
      if (value >> 62) return vft_fail(VFT_USAGE, "number '%s' is out of range", text);
    }
    value <<= 64;
  } else {
    /* Divide by 10 one digit at a time with 64 fraction bits: floor(floor(a/b)/c) = floor(a/bc). */
    value = mantissa << 64;
    for (int i = exponent; i < 0; i++) value /= 10;
    if (value >> 126) return vft_fail(VFT_USAGE, "number '%s' is out of range", text);
  }
  *out = with_sign(value, negative);
  return VFT_OK;
}
