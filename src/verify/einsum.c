/* The batched sumcheck of product terms.
 *
 * A product with v variables in a batch of N rounds is read as a function of N variables that
 * does not depend on the first N - v and carries the factor 2^-(N-v): its sum over the cube is
 * unchanged. All products so end on a common tail of challenges. Variables of a product: shared
 * indices in order, the bits of each from the low end. Round polynomials are sent as values at 0
 * and 2 .. degree; the value at 1 is what the running claim leaves. */
#include <string.h>

#include "argument/poly_util.h"
#include "field/arrays.h"
#include "relation/layout.h"
#include "verify/session.h"

enum { MAX_DEGREE = VFT_MAX_FACTORS + 1, MAX_ROUNDS = 32 * VFT_MAX_INDEX };

unsigned vft_einsum_rounds(const vft_product *product, size_t n) {
  unsigned rounds = 0;
  for (size_t i = 0; i < n; i++)
    if (product[i].vars > rounds) rounds = product[i].vars;
  return rounds;
}

uint32_t vft_product_variable(const vft_product *p, unsigned v, unsigned *bit) {
  for (uint32_t i = 0; i < p->nshared; i++) {
    unsigned n = vft_log2_ceil(p->weight[i].size);
    if (v < n) {
      *bit = v;
      return i;
    }
    v -= n;
  }
  return UINT32_MAX; /* not reached: v < p->vars */
}

static bool factor_has(const vft_product_factor *f, uint32_t var) {
  for (uint32_t a = 0; a < f->rank; a++)
    if (f->axis[a].var == var) return true;
  return false;
}

unsigned vft_einsum_degree(const vft_product *product, size_t n, unsigned rounds, unsigned round) {
  unsigned degree = 1, bit;
  for (size_t i = 0; i < n; i++) {
    const vft_product *p = &product[i];
    if (round < rounds - p->vars) continue;
    uint32_t var = vft_product_variable(p, round - (rounds - p->vars), &bit);
    unsigned d = p->weight[var].kind != VFT_W_ONES;
    for (uint32_t f = 0; f < p->nfactors; f++) d += factor_has(&p->factor[f], var);
    if (d > degree) degree = d;
  }
  return degree;
}

/* The factor's tensor under its bound weights and, on shared axes, eq at the product's part of
 * the challenges (`r` is the first of them). */
static vft_status factor_functional(vft_session *s, const vft_product *p,
                                    const vft_product_factor *factor, const vft_ext *r,
                                    vft_functional *out) {
  const vft_ext *point[VFT_MAX_INDEX];
  for (uint32_t i = 0; i < p->nshared; i++) {
    point[i] = r;
    r += vft_log2_ceil(p->weight[i].size);
  }
  vft_axis *axis = vft_arena_alloc(&s->arena, factor->rank, sizeof *axis);
  if (!axis) return VFT_RESOURCE;
  for (uint32_t a = 0; a < factor->rank; a++) {
    const vft_product_axis *x = &factor->axis[a];
    axis[a].off = x->off;
    axis[a].w = x->var == VFT_BOUND
                    ? x->w
                    : (vft_weight){VFT_W_EQ, p->weight[x->var].size, point[x->var]};
  }
  *out = (vft_functional){factor->tensor, factor->rank, axis};
  return VFT_OK;
}

/* Weight of the product at the challenges, halvings included. ONES and EQ are read as 1 and
 * eq(v, .) on the whole cube of their index (beyond the index's size the factors are zero
 * anyway), so that ONES has degree 0; VEC is zero beyond its size. */
static vft_ext point_weight(const vft_product *p, unsigned rounds, const vft_ext *r) {
  vft_fp half = vft_fp_inv((vft_fp){2});
  vft_ext w = vft_ext_mul_fp(p->coef, vft_fp_pow(half, rounds - p->vars));
  for (uint32_t i = 0; i < p->nshared; i++) {
    unsigned n = vft_log2_ceil(p->weight[i].size);
    if (p->weight[i].kind == VFT_W_EQ)
      w = vft_ext_mul(w, vft_eq_point(p->weight[i].v, r, n));
    else if (p->weight[i].kind == VFT_W_VEC)
      w = vft_ext_mul(w, vft_weight_window(&p->weight[i], 0, 0, n, r));
    r += n;
  }
  return w;
}

/* Values of all factors: sent once each, PUBLIC ones computed. Then the final check. */
static vft_status finish(vft_session *s, const vft_product *product, size_t n, unsigned rounds,
                         const vft_ext *r, vft_ext claim, const char *name) {
  vft_status st = VFT_OK;
  size_t slots = n * VFT_MAX_FACTORS;
  uint32_t *eval = vft_alloc(slots, sizeof *eval), *fresh = vft_alloc(slots, sizeof *fresh);
  vft_ext *value = vft_alloc(slots, sizeof *value);
  uint32_t nfresh = 0;
  if (!eval || !fresh || !value) {
    st = VFT_RESOURCE;
    goto out;
  }
  for (size_t i = 0; i < n; i++)
    for (uint32_t f = 0; f < product[i].nfactors; f++) {
      const vft_product *p = &product[i];
      uint32_t *at = &eval[i * VFT_MAX_FACTORS + f];
      vft_functional func;
      TRY_OUT(factor_functional(s, p, &p->factor[f], r + (rounds - p->vars), &func));
      TRY_OUT(vft_session_eval(s, &func, at));
      if (s->eval_state[*at] != VFT_EVAL_NEW) continue;
      s->eval_state[*at] = VFT_EVAL_KNOWN;
      if (s->program->tensors[func.tensor].origin == VFT_PUBLIC) {
        TRY_OUT(vft_session_public_value(s, &func, &s->eval_value[*at]));
        s->eval_state[*at] = VFT_EVAL_DISCHARGED;
      } else {
        if (s->hooks) value[nfresh] = s->hooks->einsum_final(s->hooks->ctx, i, f);
        fresh[nfresh++] = *at;
      }
    }
  if (nfresh) TRY_OUT(vft_channel_send_ext(s->ch, "einsum/evaluations", value, nfresh));
  for (uint32_t i = 0; i < nfresh; i++) s->eval_value[fresh[i]] = value[i];
  vft_ext sum = VFT_EXT_ZERO;
  for (size_t i = 0; i < n; i++) {
    vft_ext t = point_weight(&product[i], rounds, r + (rounds - product[i].vars));
    for (uint32_t f = 0; f < product[i].nfactors; f++)
      t = vft_ext_mul(t, s->eval_value[eval[i * VFT_MAX_FACTORS + f]]);
    sum = vft_ext_add(sum, t);
  }
  if (!s->hooks && !vft_ext_eq(sum, claim))
    st = vft_reject("einsum/final", "the products of %s do not match their sumcheck", name);
out:
  vft_free(eval);
  vft_free(fresh);
  vft_free(value);
  return st;
}

vft_status vft_einsum_prove(vft_session *s, const vft_product *product, size_t n, vft_ext total,
                            const char *name) {
  unsigned rounds = vft_einsum_rounds(product, n), degrees = 0;
  if (rounds > MAX_ROUNDS) return vft_fail(VFT_USAGE, "%s: too many sumcheck variables", name);
  vft_ext *r = vft_arena_alloc(&s->arena, rounds + 1u, sizeof *r); /* part of later claims */
  if (!r) return VFT_RESOURCE;
  vft_ext claim = total;
  for (unsigned round = 0; round < rounds; round++) {
    unsigned d = vft_einsum_degree(product, n, rounds, round);
    vft_ext value[MAX_DEGREE + 1] = {VFT_EXT_ZERO}, sent[MAX_DEGREE] = {VFT_EXT_ZERO};
    if (s->hooks) {
      TRY(s->hooks->einsum_round(s->hooks->ctx, round, d, value));
      sent[0] = value[0];
      for (unsigned i = 2; i <= d; i++) sent[i - 1] = value[i];
    }
    TRY(vft_channel_send_ext(s->ch, "einsum/round", sent, d));
    value[0] = sent[0];
    value[1] = vft_ext_sub(claim, sent[0]);
    for (unsigned i = 2; i <= d; i++) value[i] = sent[i - 1];
    r[round] = vft_channel_challenge_ext(s->ch, "einsum/challenge");
    claim = vft_poly_lagrange(value, d, r[round]);
    if (s->hooks) TRY(s->hooks->einsum_fold(s->hooks->ctx, round, r[round]));
    degrees += d;
  }
  TRY(finish(s, product, n, rounds, r, claim, name));
  if (degrees)
    TRY(vft_soundness_add(&s->soundness, degrees, "[SZ]", "%s: sumcheck, %u rounds", name,
                          rounds));
  return VFT_OK;
}
