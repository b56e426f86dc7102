/* Sums of einsum terms under product weights: sorting them into what the verifier knows, linear
 * entries on committed tensors, evaluations, and products for the sumcheck. */
#include <string.h>

#include "relation/layout.h"
#include "verify/session.h"

void vft_tally_free(vft_tally *sum) {
  vft_fset_free(&sum->committed);
  vft_free(sum->committed_coef);
  vft_free(sum->eval);
  vft_free(sum->product);
  memset(sum, 0, sizeof *sum);
}

vft_status vft_tally_add_linear(vft_session *s, vft_tally *sum, vft_ext coef,
                              const vft_functional *f) {
  vft_origin origin = s->program->tensors[f->tensor].origin;
  uint32_t at;
  bool is_new;
  if (origin == VFT_PUBLIC) {
    vft_ext value;
    TRY(vft_session_public_value(s, f, &value));
    sum->known = vft_ext_add(sum->known, vft_ext_mul(coef, value));
    return VFT_OK;
  }
  if (origin == VFT_WITNESS || origin == VFT_LINK) {
    TRY(vft_fset_add(&sum->committed, f, &at, &is_new));
    TRY(vft_reserve((void **)&sum->committed_coef, &sum->committed_cap, at + 1,
                    sizeof *sum->committed_coef));
    vft_ext *c = &sum->committed_coef[at];
    *c = is_new ? coef : vft_ext_add(*c, coef);
    return VFT_OK;
  }
  TRY(vft_session_eval(s, f, &at));
  TRY(vft_reserve((void **)&sum->eval, &sum->evals_cap, sum->nevals + 1, sizeof *sum->eval));
  sum->eval[sum->nevals].coef = coef;
  sum->eval[sum->nevals++].eval = at;
  return VFT_OK;
}

/* weight'[i] = weight[i] * values[off + i] */
static vft_status scale_weight(vft_session *s, vft_weight *w, const vft_public *values,
                               size_t off) {
  vft_ext *v = vft_arena_alloc(&s->arena, w->size, sizeof *v);
  if (!v) return VFT_RESOURCE;
  vft_weight_expand(w, VFT_EXT_ONE, v);
  for (uint32_t i = 0; i < w->size; i++) v[i] = vft_ext_mul_fp(v[i], vft_public_at(values, off + i));
  *w = (vft_weight){VFT_W_VEC, w->size, v};
  return VFT_OK;
}

/* The term as one factor: its indices are bound on the factor's axes. */
static vft_status add_single(vft_session *s, vft_tally *sum, vft_ext coef, const vft_factor *factor,
                             const vft_window *window) {
  uint32_t rank = s->program->tensors[factor->tensor].rank;
  vft_axis *axis = vft_arena_alloc(&s->arena, rank, sizeof *axis);
  if (!axis) return VFT_RESOURCE;
  for (uint32_t a = 0; a < rank; a++) {
    const vft_window *x = &window[factor->idx[a]];
    axis[a] = (vft_axis){x->w, x->off + factor->off[a]};
  }
  vft_functional f = {factor->tensor, rank, axis};
  return vft_tally_add_linear(s, sum, coef, &f);
}

static vft_status add_product(vft_session *s, vft_tally *sum, vft_ext coef,
                              const vft_factor *const *factor, uint32_t nfactors, uint32_t nindex,
                              const uint32_t *uses, const vft_window *window) {
  TRY(vft_reserve((void **)&sum->product, &sum->products_cap, sum->nproducts + 1,
                  sizeof *sum->product));
  vft_product *p = &sum->product[sum->nproducts];
  uint8_t var[VFT_MAX_INDEX];
  memset(p, 0, sizeof *p);
  p->coef = coef;
  p->nfactors = nfactors;
  for (uint32_t i = 0; i < nindex; i++) {
    var[i] = VFT_BOUND;
    if (uses[i] < 2 || window[i].w.size == 1) continue;
    var[i] = (uint8_t)p->nshared;
    p->weight[p->nshared++] = window[i].w;
    p->vars += vft_log2_ceil(window[i].w.size);
  }
  for (uint32_t f = 0; f < nfactors; f++) {
    uint32_t rank = s->program->tensors[factor[f]->tensor].rank;
    vft_product_axis *axis = vft_arena_alloc(&s->arena, rank, sizeof *axis);
    if (!axis) return VFT_RESOURCE;
    for (uint32_t a = 0; a < rank; a++) {
      uint32_t i = factor[f]->idx[a];
      axis[a] = (vft_product_axis){window[i].off + factor[f]->off[a], var[i], window[i].w};
    }
    p->factor[f] = (vft_product_factor){factor[f]->tensor, rank, axis};
  }
  sum->nproducts++;
  return VFT_OK;
}

static vft_status add_term(vft_session *s, vft_tally *sum, vft_ext coef, const vft_term *term,
                           uint32_t nindex, uint32_t nfree, const uint32_t *size,
                           const vft_window *window) {
  vft_window win[VFT_MAX_INDEX];
  uint32_t uses[VFT_MAX_INDEX] = {0};
  bool present[VFT_MAX_INDEX] = {false};
  const vft_factor *kept[VFT_MAX_FACTORS];
  uint32_t nkept = 0;
  coef = vft_ext_mul(coef, vft_ext_from_i64(term->coef));
  for (uint32_t i = 0; i < nindex; i++)
    win[i] = i < nfree ? window[i] : (vft_window){{VFT_W_ONES, size[i], NULL}, 0};
  for (uint32_t f = 0; f < term->nfactors; f++) {
    const vft_factor *factor = &term->factor[f];
    const vft_tensor *t = &s->program->tensors[factor->tensor];
    for (uint32_t a = 0; a < t->rank; a++) present[factor->idx[a]] = true;
    if (t->origin == VFT_PUBLIC && t->rank == 0) {
      coef = vft_ext_mul(coef, vft_ext_from_fp(vft_public_at(&s->pub[factor->tensor], 0)));
    } else if (t->origin == VFT_PUBLIC && t->rank == 1) {
      vft_window *x = &win[factor->idx[0]];
      TRY(scale_weight(s, &x->w, &s->pub[factor->tensor], x->off + factor->off[0]));
    } else {
      for (uint32_t a = 0; a < t->rank; a++) uses[factor->idx[a]]++;
      kept[nkept++] = factor;
    }
  }
  for (uint32_t i = 0; i < nindex; i++) {
    /* A contracted index that the term does not use does not multiply it; a free one does. */
    bool counts = i < nfree || present[i];
    if (uses[i] == 0 && counts) {
      coef = vft_ext_mul(coef, vft_weight_sum(&win[i].w));
    } else if (uses[i] > 0 && win[i].w.size == 1) {
      coef = vft_ext_mul(coef, vft_weight_at(&win[i].w, 0));
      win[i].w = (vft_weight){VFT_W_ONES, 1, NULL};
    }
  }
  if (nkept == 0) {
    sum->known = vft_ext_add(sum->known, coef);
    return VFT_OK;
  }
  if (nkept == 1) return add_single(s, sum, coef, kept[0], win);
  return add_product(s, sum, coef, kept, nkept, nindex, uses, win);
}

vft_status vft_tally_add_terms(vft_session *s, vft_tally *sum, vft_ext coef, const vft_term *terms,
                             uint32_t nterms, uint32_t nindex, uint32_t nfree,
                             const uint32_t *size, const vft_window *window) {
  for (uint32_t k = 0; k < nterms; k++)
    TRY(add_term(s, sum, coef, &terms[k], nindex, nfree, size, window));
  return VFT_OK;
}

vft_status vft_session_send_evals(vft_session *s, const uint32_t *index, uint32_t n,
                                  const char *label) {
  vft_status st = VFT_OK;
  vft_functional *f = vft_alloc(n, sizeof *f);
  vft_ext *value = vft_alloc(n, sizeof *value);
  uint32_t *at = vft_alloc(n, sizeof *at), fresh = 0;
  if (!f || !value || !at) {
    st = VFT_RESOURCE;
    goto out;
  }
  for (uint32_t i = 0; i < n; i++) {
    if (s->eval_state[index[i]] != VFT_EVAL_NEW) continue;
    s->eval_state[index[i]] = VFT_EVAL_KNOWN;
    at[fresh] = index[i];
    f[fresh++] = s->evals.f[index[i]];
  }
  if (fresh == 0) goto out;
  if (s->hooks) TRY_OUT(s->hooks->evaluate(s->hooks->ctx, f, fresh, value));
  TRY_OUT(vft_channel_send_ext(s->ch, label, value, fresh));
  for (uint32_t i = 0; i < fresh; i++) s->eval_value[at[i]] = value[i];
out:
  vft_free(f);
  vft_free(value);
  vft_free(at);
  return st;
}

vft_status vft_tally_send_evals(vft_session *s, vft_tally *sum, const char *label) {
  uint32_t *index = vft_alloc(sum->nevals, sizeof *index);
  if (!index) return VFT_RESOURCE;
  for (uint32_t i = 0; i < sum->nevals; i++) index[i] = sum->eval[i].eval;
  vft_status st = vft_session_send_evals(s, index, sum->nevals, label);
  vft_free(index);
  TRY(st);
  for (uint32_t i = 0; i < sum->nevals; i++)
    sum->known = vft_ext_add(sum->known,
                             vft_ext_mul(sum->eval[i].coef, s->eval_value[sum->eval[i].eval]));
  sum->nevals = 0;
  return VFT_OK;
}

vft_status vft_tally_keep(vft_session *s, vft_tally *sum, vft_ext total) {
  if (sum->committed.n == 0) return VFT_OK;
  TRY(vft_reserve((void **)&s->equation, &s->equations_cap, s->nequations + 1,
                  sizeof *s->equation));
  s->equation[s->nequations++] = (vft_equation){
      .total = total, .n = sum->committed.n, .f = sum->committed.f, .coef = sum->committed_coef};
  sum->committed.f = NULL;
  sum->committed.n = sum->committed.cap = 0;
  sum->committed_coef = NULL;
  sum->committed_cap = 0;
  return VFT_OK;
}

vft_status vft_tally_prove(vft_session *s, vft_tally *sum, vft_ext target, const char *check,
                         const char *name) {
  vft_status st = VFT_OK;
  vft_ext committed = VFT_EXT_ZERO, products = VFT_EXT_ZERO;
  bool begun = false;
  TRY(vft_tally_send_evals(s, sum, "sum/evaluations"));
  if (s->hooks && sum->nproducts) {
    begun = true;
    TRY_OUT(s->hooks->einsum_begin(s->hooks->ctx, sum->product, sum->nproducts, &products));
  }
  if (s->hooks && sum->committed.n) {
    vft_ext needed = vft_ext_sub(target, vft_ext_add(sum->known, products));
    TRY_OUT(s->hooks->combine(s->hooks->ctx, sum->committed.f, sum->committed_coef,
                              sum->committed.n, needed, &committed));
  }
  if (sum->committed.n) TRY_OUT(vft_channel_send_ext(s->ch, "sum/committed", &committed, 1));
  if (sum->nproducts) TRY_OUT(vft_channel_send_ext(s->ch, "sum/products", &products, 1));
  vft_ext all = vft_ext_add(sum->known, vft_ext_add(committed, products));
  if (!s->hooks && !vft_ext_eq(all, target)) {
    st = vft_reject(check, "the parts of %s do not add up", name);
    goto out;
  }
  TRY_OUT(vft_tally_keep(s, sum, committed));
  if (sum->nproducts)
    TRY_OUT(vft_einsum_prove(s, sum->product, sum->nproducts, products, name));
out:
  if (begun) s->hooks->einsum_end(s->hooks->ctx);
  return st;
}
