/* Values of whole tables, as references. */
#include "argument/poly_util.h"

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
