#include "prove/einsum_core.h"

#include <string.h>

#include "argument/poly_util.h"
#include "base/mem.h"
#include "relation/layout.h"

/* ---- products ---- */

static vft_ext *own_weights(vft_einsum *e, size_t n) {
  vft_ext *v = vft_alloc_raw(n, sizeof *v);
  if (v) e->own[e->nown++] = v;
  return v;
}

/* The shared index of a PUBLIC factor of one index that has no weights; or VFT_BOUND. */
static uint8_t weight_index(const vft_einsum *e, const vft_product *p,
                            const vft_product_factor *f) {
  uint8_t var = VFT_BOUND;
  if (p->nfactors == 1 || e->program->tensors[f->tensor].origin != VFT_PUBLIC) return VFT_BOUND;
  for (uint32_t a = 0; a < f->rank; a++) {
    if (f->axis[a].var == VFT_BOUND) continue;
    if (var != VFT_BOUND) return VFT_BOUND;
    var = f->axis[a].var;
  }
  return var != VFT_BOUND && p->weight[var].kind == VFT_W_ONES ? var : VFT_BOUND;
}

/* Factor number f becomes the weight of an index. */
static vft_status take_weight(vft_einsum *e, vft_einsum_member *m, uint32_t f, uint8_t var) {
  vft_product *p = &m->product;
  vft_status st = VFT_OK;
  uint32_t n = p->weight[var].size;
  vft_ext *v = own_weights(e, n);
  if (!v) return VFT_RESOURCE;
  if (e->trace) {
    vft_einsum_table t;
    vft_einsum_table_set(m, &p->factor[f], &t);
    st = vft_einsum_table_fill(e, &t);
    vft_fp x;
    for (uint32_t i = 0; st == VFT_OK && i < n; i++) {
      if (t.raw) vft_array_load(&x, t.raw, t.raw_at + i, 1);
      v[i] = t.raw ? vft_ext_from_fp(x) : t.data[i];
    }
    vft_free(t.data);
  }
  p->weight[var] = (vft_weight){VFT_W_VEC, n, v};
  p->nfactors--;
  memmove(&p->factor[f], &p->factor[f + 1], (p->nfactors - f) * sizeof *p->factor);
  return st;
}

static bool same_factor(const vft_product_factor *x, const vft_product_factor *y) {
  if (x->tensor != y->tensor) return false;
  for (uint32_t a = 0; a < x->rank; a++)
    if (x->axis[a].var != y->axis[a].var || x->axis[a].off != y->axis[a].off ||
        (x->axis[a].var == VFT_BOUND && !vft_weight_equal(&x->axis[a].w, &y->axis[a].w)))
      return false;
  return true;
}

/* Adds y to x when they have the same factors, and the same weights but for one VEC. */
static vft_status merge(vft_einsum *e, vft_product *x, const vft_product *y, bool *done) {
  uint32_t differ = VFT_BOUND;
  *done = false;
  if (x->nfactors != y->nfactors || x->nshared != y->nshared) return VFT_OK;
  for (uint32_t v = 0; v < x->nshared; v++) {
    if (vft_weight_equal(&x->weight[v], &y->weight[v])) continue;
    if (differ != VFT_BOUND || x->weight[v].kind != VFT_W_VEC ||
        y->weight[v].kind != VFT_W_VEC || x->weight[v].size != y->weight[v].size)
      return VFT_OK;
    differ = v;
  }
  for (uint32_t f = 0; f < x->nfactors; f++)
    if (!same_factor(&x->factor[f], &y->factor[f])) return VFT_OK;
  *done = true;
  if (differ == VFT_BOUND) {
    x->coef = vft_ext_add(x->coef, y->coef);
    return VFT_OK;
  }
  vft_weight *w = &x->weight[differ];
  vft_ext *v = own_weights(e, w->size);
  if (!v) return VFT_RESOURCE;
  for (uint32_t i = 0; i < w->size; i++)
    v[i] = vft_ext_add(vft_ext_mul(x->coef, w->v[i]),
                       vft_ext_mul(y->coef, y->weight[differ].v[i]));
  w->v = v;
  x->coef = VFT_EXT_ONE;
  return VFT_OK;
}

/* Product number i: a member of its own or part of one. */
static vft_status add_member(vft_einsum *e, size_t i, const vft_product *product) {
  vft_einsum_member *m = &e->m[e->n];
  uint32_t *at = &e->at[i * VFT_MAX_FACTORS];
  unsigned round = e->rounds - product->vars;
  bool done = false;
  memset(m, 0, sizeof *m);
  m->product = *product;
  m->p = &m->product;
  for (uint32_t v = 0; v < m->p->nshared; v++) {
    m->start[v] = round;
    round += vft_log2_ceil(m->p->weight[v].size);
  }
  for (uint32_t f = 0, given = 0; f < m->p->nfactors; given++) {
    uint8_t var = weight_index(e, m->p, &m->p->factor[f]);
    if (var != VFT_BOUND) {
      TRY(take_weight(e, m, f, var));
      continue;
    }
    TRY(vft_einsum_table_add(e, m, &m->p->factor[f], &at[given]));
    uint32_t k = 0;
    while (k < m->ntables && m->table[k] != at[given]) k++;
    if (k == m->ntables) m->table[m->ntables++] = at[given];
    m->power[k]++;
    f++;
  }
  for (size_t k = 0; k < e->n; k++) {
    TRY(merge(e, &e->m[k].product, m->p, &done));
    if (done) return VFT_OK;
  }
  e->n++;
  return VFT_OK;
}

static void free_members(vft_einsum *e) {
  for (uint32_t i = 0; i < e->nown; i++) vft_free(e->own[i]);
  vft_free(e->own);
  vft_free(e->at);
  vft_free(e->m);
  vft_free(e->t);
}

static vft_status add_members(vft_einsum *e, const vft_product *product, size_t n) {
  e->m = vft_alloc(n, sizeof *e->m);
  e->t = vft_alloc(n * VFT_MAX_FACTORS, sizeof *e->t);
  e->at = vft_alloc(n * VFT_MAX_FACTORS, sizeof *e->at);
  e->own = vft_alloc(n * (VFT_MAX_FACTORS + 1), sizeof *e->own);
  if (!e->m || !e->t || !e->at || !e->own) return VFT_RESOURCE;
  for (size_t i = 0; i < n; i++) TRY(add_member(e, i, &product[i]));
  return VFT_OK;
}

/* ---- the batch ---- */

/* Prepares the weights of variable v when it is the first bit of its index. */
static vft_status enter_variable(const vft_einsum *e, vft_einsum_member *m, unsigned v) {
  unsigned bit;
  const vft_weight *w = &m->p->weight[vft_product_variable(m->p, v, &bit)];
  if (bit != 0 || w->kind != VFT_W_VEC) return VFT_OK;
  const vft_ext *full = vft_weight_cache_get(e->cache, w);
  m->vec = vft_alloc_raw(w->size, sizeof *m->vec);
  if (!full || !m->vec) return VFT_RESOURCE;
  memcpy(m->vec, full, w->size * sizeof *m->vec);
  return VFT_OK;
}

static vft_status begin_member(vft_einsum *e, vft_einsum_member *m) {
  const vft_product *p = m->p;
  m->scale = p->coef;
  if (p->vars == 0) {
    m->total = m->scale;
    for (uint32_t f = 0; f < m->ntables; f++) /* no shared index, so never raw */
      for (uint32_t i = 0; i < m->power[f]; i++)
        m->total = vft_ext_mul(m->total, e->t[m->table[f]].data[0]);
    return VFT_OK;
  }
  TRY(enter_variable(e, m, 0));
  m->first_degree = vft_einsum_degree(p, 1, p->vars, 0);
  TRY(vft_einsum_member_round(e, m, 0, m->first_degree, m->first));
  m->total = vft_ext_add(m->first[0], m->first[1]);
  return VFT_OK;
}

vft_status vft_einsum_begin(vft_einsum **out, const vft_trace *trace, vft_weight_cache *cache,
                            const vft_product *product, size_t n, vft_ext *total) {
  vft_status st = VFT_OK;
  vft_einsum *e = vft_alloc(1, sizeof *e);
  if (!e) return VFT_RESOURCE;
  e->program = trace->program;
  e->trace = trace;
  e->cache = cache;
  e->rounds = vft_einsum_rounds(product, n);
  if (e->rounds >= VFT_BOUND) {
    st = vft_fail(VFT_USAGE, "sumcheck of %u rounds, at most %d", e->rounds, VFT_BOUND - 1);
    goto out;
  }
  TRY_OUT(add_members(e, product, n));
  *total = VFT_EXT_ZERO;
  for (size_t i = 0; i < e->n; i++) {
    TRY_OUT(begin_member(e, &e->m[i]));
    *total = vft_ext_add(*total, e->m[i].total);
  }
out:
  if (st != VFT_OK) {
    vft_einsum_end(e);
    return st;
  }
  *out = e;
  return VFT_OK;
}

vft_status vft_einsum_plan(const vft_program *program, vft_weight_cache *cache,
                           const vft_product *product, size_t n, size_t *bytes) {
  vft_status st = VFT_OK;
  vft_einsum e = {.program = program, .cache = cache, .rounds = vft_einsum_rounds(product, n)};
  TRY_OUT(add_members(&e, product, n));
  *bytes = n * (sizeof *e.m + VFT_MAX_FACTORS * (sizeof *e.t + sizeof *e.at + sizeof *e.own) +
                sizeof *e.own);
  for (size_t i = 0; i < n; i++) /* weights made of factors or of two others: one an index each */
    for (uint32_t v = 0; v < product[i].nshared; v++)
      if (product[i].weight[v].kind != VFT_W_EQ)
        *bytes += 3 * product[i].weight[v].size * sizeof(vft_ext);
  for (uint32_t i = 0; i < e.ntables; i++) {
    vft_bind_axis axis[VFT_MAX_RANK];
    size_t at;
    bool raw;
    TRY_OUT(vft_einsum_table_plan(&e, &e.t[i], axis, &at, &raw));
    *bytes += vft_einsum_table_folded(&e.t[i], raw);
  }
out:
  free_members(&e);
  return st;
}

vft_status vft_einsum_round(vft_einsum *e, unsigned round, unsigned degree, vft_ext *value) {
  vft_fp half = vft_fp_inv((vft_fp){2});
  for (unsigned t = 0; t <= degree; t++) value[t] = VFT_EXT_ZERO;
  for (size_t i = 0; i < e->n; i++) {
    vft_einsum_member *m = &e->m[i];
    unsigned join = e->rounds - m->p->vars;
    vft_ext own[VFT_EINSUM_POINTS + 1];
    if (round < join) { /* constant, with one more halving */
      vft_ext c = vft_ext_mul_fp(m->total, vft_fp_pow(half, round + 1u));
      for (unsigned t = 0; t <= degree; t++) own[t] = c;
    } else if (round == join) {
      vft_fp halvings = vft_fp_pow(half, join);
      m->scale = vft_ext_mul_fp(m->scale, halvings);
      for (unsigned t = 0; t <= m->first_degree; t++)
        m->first[t] = vft_ext_mul_fp(m->first[t], halvings);
      for (unsigned t = 0; t <= degree; t++)
        own[t] = t <= m->first_degree
                     ? m->first[t]
                     : vft_poly_lagrange(m->first, m->first_degree,
                                         vft_ext_from_fp((vft_fp){t}));
    } else {
      TRY(enter_variable(e, m, round - join));
      TRY(vft_einsum_member_round(e, m, round - join, degree, own));
    }
    for (unsigned t = 0; t <= degree; t++) value[t] = vft_ext_add(value[t], own[t]);
  }
  return VFT_OK;
}

static void fold_weight(const vft_einsum *e, vft_einsum_member *m, unsigned round, vft_ext r) {
  unsigned join = e->rounds - m->p->vars, bit;
  if (round < join) return;
  const vft_weight *w = &m->p->weight[vft_product_variable(m->p, round - join, &bit)];
  if (w->kind == VFT_W_EQ) {
    m->scale = vft_ext_mul(m->scale, vft_eq_point(&w->v[bit], &r, 1));
  } else if (w->kind == VFT_W_VEC) {
    size_t n = w->size;
    for (unsigned b = 0; b < bit; b++) n = (n + 1) / 2;
    vft_ext_fold_low(m->vec, m->vec, n, r);
    if (n > 2) return;
    m->scale = vft_ext_mul(m->scale, m->vec[0]);
    vft_free(m->vec);
    m->vec = NULL;
  }
}

vft_status vft_einsum_fold(vft_einsum *e, unsigned round, vft_ext r) {
  for (size_t i = 0; i < e->n; i++) fold_weight(e, &e->m[i], round, r);
  for (uint32_t t = 0; t < e->ntables; t++) TRY(vft_einsum_table_fold(&e->t[t], round, r));
  return VFT_OK;
}

vft_ext vft_einsum_value(const vft_einsum *e, size_t product, unsigned factor) {
  return e->t[e->at[product * VFT_MAX_FACTORS + factor]].data[0];
}

void vft_einsum_end(vft_einsum *e) {
  if (!e) return;
  for (uint32_t t = 0; t < e->ntables; t++) {
    vft_free(e->t[t].data);
    vft_free(e->t[t].spare);
  }
  for (size_t i = 0; e->m && i < e->n; i++) vft_free(e->m[i].vec);
  free_members(e);
  vft_free(e);
}
