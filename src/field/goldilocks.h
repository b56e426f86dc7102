/* The Goldilocks field F = Z/p, p = 2^64 - 2^32 + 1, and its cubic extension
 * E = F[X]/(X^3 - X - 1) (irreducible over F: see docs/SOUNDNESS.md and tests/field).
 *
 * Scalars here are canonical (0 <= v < p) on input and output of every function.
 * Array kernels live in field/batch.h. Base and extension elements are different types. */
#ifndef VFT_FIELD_GOLDILOCKS_H
#define VFT_FIELD_GOLDILOCKS_H

#include <stddef.h>
#include <stdint.h>

#define VFT_P 0xffffffff00000001ull

__extension__ typedef unsigned __int128 vft_u128;

typedef struct {
  uint64_t v;
} vft_fp;

/* c[0] + c[1] X + c[2] X^2 */
typedef struct {
  vft_fp c[3];
} vft_ext;

static inline vft_fp vft_fp_from_u64(uint64_t x) { return (vft_fp){x >= VFT_P ? x - VFT_P : x}; }
/* Requires |x| < p, true of every int64. */
static inline vft_fp vft_fp_from_i64(int64_t x) {
  return (vft_fp){x >= 0 ? vft_fp_from_u64((uint64_t)x).v : VFT_P - (uint64_t)(-(x + 1)) - 1};
}
static inline vft_fp vft_fp_add(vft_fp a, vft_fp b) {
  uint64_t minus = VFT_P - b.v;
  return (vft_fp){a.v >= minus ? a.v - minus : a.v + b.v};
}
static inline vft_fp vft_fp_sub(vft_fp a, vft_fp b) {
  return (vft_fp){a.v >= b.v ? a.v - b.v : a.v + (VFT_P - b.v)};
}
static inline vft_fp vft_fp_neg(vft_fp a) { return (vft_fp){a.v ? VFT_P - a.v : 0}; }
/* Reduce hi*2^64 + lo: 2^64 = 2^32 - 1 and 2^96 = -1 modulo p. What is left is t + m <= 2 p - 2
 * with m = (2^32 - 1) mid; t + m + 2^32 - 1 passes 2^64, and is then t + m - p, just where
 * t + m >= p. Products do either at random, so that a branch would be missed half the time. */
static inline vft_fp vft_fp_reduce128(uint64_t hi, uint64_t lo) {
  uint64_t top = hi >> 32, mid = hi & 0xffffffffull, eps = 0xffffffffull;
  uint64_t t = lo - top;
  if (lo < top) t -= eps; /* borrowed 2^64 = p + 2^32 - 1: t stays non-negative mod p */
  uint64_t m = (mid << 32) - mid, r, over = __builtin_add_overflow(t, m + eps, &r);
  return (vft_fp){r + over * eps - eps};
}
static inline vft_fp vft_fp_mul(vft_fp a, vft_fp b) {
  vft_u128 x = (vft_u128)a.v * b.v;
  return vft_fp_reduce128((uint64_t)(x >> 64), (uint64_t)x);
}
static inline vft_fp vft_fp_sqr(vft_fp a) { return vft_fp_mul(a, a); }
vft_fp vft_fp_pow(vft_fp a, uint64_t e);
/* Inverse of 0 is 0. */
vft_fp vft_fp_inv(vft_fp a);
/* A fixed generator of the subgroup of order 2^log (log <= 32): squares of one chain, so
 * vft_fp_root(k)^2 = vft_fp_root(k-1). */
vft_fp vft_fp_root(unsigned log);

#define VFT_EXT_ZERO ((vft_ext){{{0}, {0}, {0}}})
#define VFT_EXT_ONE ((vft_ext){{{1}, {0}, {0}}})

static inline vft_ext vft_ext_from_fp(vft_fp a) { return (vft_ext){{a, {0}, {0}}}; }
static inline vft_ext vft_ext_from_i64(int64_t x) { return vft_ext_from_fp(vft_fp_from_i64(x)); }
static inline vft_ext vft_ext_add(vft_ext a, vft_ext b) {
  return (vft_ext){{vft_fp_add(a.c[0], b.c[0]), vft_fp_add(a.c[1], b.c[1]),
                    vft_fp_add(a.c[2], b.c[2])}};
}
static inline vft_ext vft_ext_sub(vft_ext a, vft_ext b) {
  return (vft_ext){{vft_fp_sub(a.c[0], b.c[0]), vft_fp_sub(a.c[1], b.c[1]),
                    vft_fp_sub(a.c[2], b.c[2])}};
}
static inline vft_ext vft_ext_neg(vft_ext a) {
  return (vft_ext){{vft_fp_neg(a.c[0]), vft_fp_neg(a.c[1]), vft_fp_neg(a.c[2])}};
}
static inline vft_ext vft_ext_mul_fp(vft_ext a, vft_fp b) {
  return (vft_ext){{vft_fp_mul(a.c[0], b), vft_fp_mul(a.c[1], b), vft_fp_mul(a.c[2], b)}};
}
/* X^3 = X + 1, X^4 = X^2 + X. */
static inline vft_ext vft_ext_mul(vft_ext a, vft_ext b) {
  vft_fp d0 = vft_fp_mul(a.c[0], b.c[0]);
  vft_fp d1 = vft_fp_add(vft_fp_mul(a.c[0], b.c[1]), vft_fp_mul(a.c[1], b.c[0]));
  vft_fp d2 = vft_fp_add(vft_fp_add(vft_fp_mul(a.c[0], b.c[2]), vft_fp_mul(a.c[2], b.c[0])),
                         vft_fp_mul(a.c[1], b.c[1]));
  vft_fp d3 = vft_fp_add(vft_fp_mul(a.c[1], b.c[2]), vft_fp_mul(a.c[2], b.c[1]));
  vft_fp d4 = vft_fp_mul(a.c[2], b.c[2]);
  return (vft_ext){{vft_fp_add(d0, d3), vft_fp_add(d1, vft_fp_add(d3, d4)), vft_fp_add(d2, d4)}};
}
static inline int vft_ext_eq(vft_ext a, vft_ext b) {
  return a.c[0].v == b.c[0].v && a.c[1].v == b.c[1].v && a.c[2].v == b.c[2].v;
}
static inline int vft_ext_is_zero(vft_ext a) { return vft_ext_eq(a, VFT_EXT_ZERO); }
/* What a verifier requires, as vft_ext_eq and vft_ext_is_zero: the other answer is a rejection. */
static inline int vft_ext_is_nonzero(vft_ext a) { return !vft_ext_is_zero(a); }
/* Inverse of 0 is 0. */
vft_ext vft_ext_inv(vft_ext a);
vft_ext vft_ext_pow(vft_ext a, uint64_t e);

#endif
