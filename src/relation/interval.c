#include "relation/interval.h"

#include <string.h>

typedef __int128 wide;

static vft_interval overflowed(void) { return (vft_interval){0, 0, true}; }

vft_interval vft_interval_add(vft_interval a, vft_interval b) {
  vft_interval c = {0, 0, false};
  if (a.over || b.over || __builtin_add_overflow(a.lo, b.lo, &c.lo) ||
      __builtin_add_overflow(a.hi, b.hi, &c.hi))
    return overflowed();
  return c;
}

vft_interval vft_interval_mul(vft_interval a, vft_interval b) {
  if (a.over || b.over) return overflowed();
  const wide x[2] = {a.lo, a.hi}, y[2] = {b.lo, b.hi};
  vft_interval c = {0, 0, false};
  for (int i = 0; i < 4; i++) {
    wide v;
    if (__builtin_mul_overflow(x[i & 1], y[i >> 1], &v)) return overflowed();
    if (!i || v < c.lo) c.lo = v;
    if (!i || v > c.hi) c.hi = v;
  }
  return c;
}

vft_interval vft_interval_square(vft_interval a) {
  vft_interval c = vft_interval_mul(a, a);
  if (c.over || a.lo >= 0 || a.hi <= 0) return c;
  c.lo = 0; /* 0 is in a; c.hi is already the larger of the two squares */
  return c;
}

bool vft_interval_safe(vft_interval a) {
  const wide limit = (wide)1 << 62;
  return !a.over && a.lo > -limit && a.hi < limit;
}

bool vft_interval_within(vft_interval a, int64_t lo, int64_t hi) {
  return !a.over && a.lo >= lo && a.hi <= hi;
}

static bool same_factor(const vft_program *p, const vft_factor *f, const vft_factor *g) {
  uint32_t rank = p->tensors[f->tensor].rank;
  return f->tensor == g->tensor && !memcmp(f->idx, g->idx, rank * sizeof *f->idx) &&
         !memcmp(f->off, g->off, rank * sizeof *f->off);
}

/* Hull over f's free indices of sum over f's contracted indices of f * y, where every y is in
 * [a, b]: with P and N the sums of the positive and of the negated negative elements this is
 * [P a - N b, P b - N a]. */
static vft_interval constant_sum(const vft_program *p, uint32_t nfree, const uint32_t *size,
                                 const vft_factor *f, vft_interval y) {
  const vft_tensor *t = &p->tensors[f->tensor];
  size_t step[VFT_MAX_RANK], base = 0, stride = 1, outer = 1, inner = 1;
  for (uint32_t a = t->rank; a-- > 0;) {
    step[a] = stride;
    base += f->off[a] * stride;
    stride *= t->dims[a];
    *(f->idx[a] < nfree ? &outer : &inner) *= size[f->idx[a]];
  }
  vft_interval hull = overflowed();
  for (size_t o = 0; o < outer; o++) {
    wide positive = 0, negative = 0;
    for (size_t i = 0; i < inner; i++) {
      size_t at = base, ro = o, ri = i;
      for (uint32_t a = t->rank; a-- > 0;) {
        size_t *rest = f->idx[a] < nfree ? &ro : &ri;
        at += *rest % size[f->idx[a]] * step[a];
        *rest /= size[f->idx[a]];
      }
      *(t->values[at] < 0 ? &negative : &positive) += t->values[at];
    }
    vft_interval sum = vft_interval_add(
        vft_interval_mul(vft_interval_of(positive, positive), y),
        vft_interval_mul(vft_interval_of(negative, negative), y));
    if (sum.over) return sum;
    if (!o || sum.lo < hull.lo) hull.lo = sum.lo;
    if (!o || sum.hi > hull.hi) hull.hi = sum.hi;
    hull.over = false;
  }
  return hull;
}

vft_interval vft_term_interval(const vft_program *program, uint32_t nfree, const uint32_t *size,
                               const vft_term *term, const vft_interval *of) {
  const vft_program *p = program;
  if (term->lemma) return vft_interval_of(term->lemma_lo, term->lemma_hi);

  /* The constant factor to take element by element: one with contracted indices when there is. */
  uint32_t pick = UINT32_MAX;
  bool picked_contracted = false;
  for (uint32_t k = 0; k < term->nfactors; k++) {
    const vft_factor *f = &term->factor[k];
    const vft_tensor *t = &p->tensors[f->tensor];
    if (!t->values) continue;
    bool contracted = false;
    for (uint32_t a = 0; a < t->rank; a++) contracted |= f->idx[a] >= nfree;
    if (pick == UINT32_MAX || (contracted && !picked_contracted)) {
      pick = k;
      picked_contracted = contracted;
    }
  }

  uint32_t used = 0, summed = 0; /* index variables of the term; those summed in constant_sum */
  vft_interval v = vft_interval_of(1, 1);
  bool paired[VFT_MAX_FACTORS] = {false};
  for (uint32_t k = 0; k < term->nfactors; k++) {
    const vft_factor *f = &term->factor[k];
    uint32_t mask = 0;
    for (uint32_t a = 0; a < p->tensors[f->tensor].rank; a++) mask |= 1u << f->idx[a];
    used |= mask;
    if (k == pick) summed = mask;
    if (k == pick || paired[k]) continue;
    vft_interval x = of[f->tensor];
    for (uint32_t j = k + 1; j < term->nfactors; j++)
      if (j != pick && !paired[j] && same_factor(p, f, &term->factor[j])) {
        x = vft_interval_square(x);
        paired[j] = true;
        break;
      }
    v = vft_interval_mul(v, x);
  }
  if (pick != UINT32_MAX) v = constant_sum(p, nfree, size, &term->factor[pick], v);
  for (uint32_t i = nfree; i < VFT_MAX_INDEX; i++)
    if ((used & ~summed) >> i & 1) v = vft_interval_mul(v, vft_interval_of(size[i], size[i]));
  return vft_interval_mul(v, vft_interval_of(term->coef, term->coef));
}
