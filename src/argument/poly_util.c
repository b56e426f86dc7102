#include "argument/poly_util.h"

/* [0, count) is the disjoint union, over the set bits b of count, of the indices that agree with
 * count above b, have 0 at b and anything below; each part sums to its fixed factors. */
vft_ext vft_poly_eq_prefix(const vft_ext *z, unsigned n, uint64_t count) {
  if (count >> n) return VFT_EXT_ONE;
  vft_ext sum = VFT_EXT_ZERO, above = VFT_EXT_ONE;
  for (unsigned b = n; b-- > 0;) {
    vft_ext zero = vft_ext_mul(above, vft_ext_sub(VFT_EXT_ONE, z[b]));
    if (count >> b & 1) {
      sum = vft_ext_add(sum, zero);
      above = vft_ext_sub(above, zero);
    } else {
      above = zero;
    }
  }
  return sum;
}

/* Both extensions fold depth first with a stack of one pending value per level: level b holds
 * the value of a completed aligned block of 2^b entries. */
typedef struct {
  vft_ext pending[64];
  uint64_t full; /* bit b: pending[b] is there */
} fold_stack;

static void fold_push(fold_stack *s, const vft_ext *z, vft_ext v) {
  unsigned b = 0;
  for (; s->full >> b & 1; b++) {
    s->full &= ~((uint64_t)1 << b);
    v = vft_ext_add(s->pending[b], vft_ext_mul(z[b], vft_ext_sub(v, s->pending[b])));
  }
  s->pending[b] = v;
  s->full |= (uint64_t)1 << b;
}

static vft_ext fold_finish(fold_stack *s, const vft_ext *z, unsigned n) {
  vft_ext v = VFT_EXT_ZERO; /* the value of the block above the last pending ones */
  for (unsigned b = 0; b < n; b++) {
    vft_ext low = s->full >> b & 1 ? s->pending[b] : v;
    vft_ext high = s->full >> b & 1 ? v : VFT_EXT_ZERO;
    v = vft_ext_add(low, vft_ext_mul(z[b], vft_ext_sub(high, low)));
  }
  return s->full >> n & 1 ? s->pending[n] : v;
}

vft_ext vft_poly_mle_fp(const vft_fp *table, size_t count, const vft_ext *z, unsigned n) {
  fold_stack s = {.full = 0};
  for (size_t i = 0; i < count; i++) fold_push(&s, z, vft_ext_from_fp(table[i]));
  return fold_finish(&s, z, n);
}

vft_ext vft_poly_mle_ext(const vft_ext *table, size_t count, const vft_ext *z, unsigned n) {
  fold_stack s = {.full = 0};
  for (size_t i = 0; i < count; i++) fold_push(&s, z, table[i]);
  return fold_finish(&s, z, n);
}

vft_ext vft_poly_horner(const vft_ext *c, unsigned d, vft_ext x) {
  vft_ext v = c[d];
  while (d-- > 0) v = vft_ext_add(c[d], vft_ext_mul(v, x));
  return v;
}

/* Newton's form: divided differences on 0..d, whose denominators are the integers 1..d. */
vft_ext vft_poly_lagrange(const vft_ext *v, unsigned d, vft_ext x) {
  vft_ext t[16];
  for (unsigned i = 0; i <= d; i++) t[i] = v[i];
  for (unsigned step = 1; step <= d; step++) {
    vft_fp inv = vft_fp_inv((vft_fp){step});
    for (unsigned i = d; i >= step; i--) {
      t[i] = vft_ext_mul_fp(vft_ext_sub(t[i], t[i - 1]), inv);
    }
  }
  vft_ext y = t[d];
  for (unsigned i = d; i-- > 0;) {
    y = vft_ext_add(t[i], vft_ext_mul(y, vft_ext_sub(x, vft_ext_from_i64((int64_t)i))));
  }
  return y;
}
