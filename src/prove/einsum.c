#include "prove/einsum.h"

#include <string.h>

#include "argument/poly_util.h"
#include "base/mem.h"
#include "base/pool.h"
#include "field/batch.h"
#include "prove/array.h"
#include "relation/layout.h"

enum {
  POINTS = VFT_MAX_FACTORS + 1, /* values at 0 .. number of factors */
  TILE = 256,                   /* elements multiplied at a time */
  RUN_TILE = 4096,              /* elements of a run in one unit of work */
  CHUNK_WORK = 1 << 12,         /* elements in one chunk of units, at least */
  MERGE_MAX = 1 << 13           /* weighted axes are merged up to this length */
};

/* A factor bound on its own axes: dense over its shared indices, outermost first. Products with
 * equal factors on equal rounds share it. */
typedef struct {
  vft_tensor_id tensor;
  uint32_t rank;
  const vft_product_axis *axis;
  uint8_t start[VFT_MAX_RANK]; /* per axis: first round of its index; VFT_BOUND */
  uint32_t nidx, first;        /* indices not folded away: first .. nidx-1 */
  unsigned idx_start[VFT_MAX_INDEX], idx_log[VFT_MAX_INDEX];
  uint32_t idx_size[VFT_MAX_INDEX];
  size_t inner; /* elements under one position of index `first` */
  /* Before its first fold a factor without bound axes is read from the trace where it lies there
   * densely: raw, from element raw_at on. */
  const vft_array *raw;
  size_t raw_at;
  vft_ext *data, *spare;
} table;

/* Products as they are summed: a PUBLIC factor of one index has become that index's weight, and
 * products that differ in one such weight only are one. Neither changes the polynomials. */
typedef struct {
  vft_product product;
  const vft_product *p; /* = &product */
  uint32_t ntables; /* distinct ones */
  uint32_t table[VFT_MAX_FACTORS], power[VFT_MAX_FACTORS];
  unsigned start[VFT_MAX_INDEX]; /* first round of each shared index */
  vft_ext scale;                 /* coefficient, halvings, weights of folded variables */
  vft_ext *vec;                  /* VEC weights of the index being folded */
  vft_ext total;
  vft_ext first[POINTS + 1]; /* the polynomial of the product's first round */
  unsigned first_degree;
} member;

struct vft_einsum {
  const vft_program *program;
  const vft_trace *trace; /* NULL: only the tables' sizes are wanted */
  vft_weight_cache *cache;
  unsigned rounds;
  member *m;
  size_t n;
  table *t;
  uint32_t ntables;
  uint32_t *at;  /* per product given and factor: its table */
  vft_ext **own; /* weights made here */
  uint32_t nown;
};

/* ---- tables ---- */

static bool same_table(const table *a, const table *b) {
  if (a->tensor != b->tensor) return false;
  for (uint32_t i = 0; i < a->rank; i++) {
    const vft_product_axis *x = &a->axis[i], *y = &b->axis[i];
    if (a->start[i] != b->start[i] || x->off != y->off) return false;
    if (a->start[i] == VFT_BOUND && !vft_weight_equal(&x->w, &y->w)) return false;
  }
  if (a->nidx != b->nidx) return false;
  for (uint32_t i = 0; i < a->nidx; i++)
    if (a->idx_size[i] != b->idx_size[i]) return false;
  return true;
}

static void set_inner(table *t) {
  t->inner = 1;
  for (uint32_t i = t->first + 1; i < t->nidx; i++) t->inner *= t->idx_size[i];
}

static size_t table_size(const table *t) {
  return t->first < t->nidx ? t->idx_size[t->first] * t->inner : 1;
}

/* The loops that bind the table; *raw: it lies in the trace as it is, from element *at on. */
static vft_status plan_table(const vft_einsum *e, const table *t, vft_bind_axis *axis, size_t *at,
                             bool *raw) {
  const vft_tensor *tensor = &e->program->tensors[t->tensor];
  size_t stride = 1;
  bool dense = true;
  *at = 0;
  for (uint32_t a = t->rank; a-- > 0;) {
    const vft_product_axis *x = &t->axis[a];
    axis[a] = (vft_bind_axis){.off = x->off, .size = x->w.size};
    *at += x->off * stride;
    if (x->var == VFT_BOUND) {
      dense = dense && x->w.size == 1 && x->w.kind == VFT_W_ONES;
      if (x->w.kind != VFT_W_ONES) {
        axis[a].w = vft_weight_cache_get(e->cache, &x->w);
        if (!axis[a].w) return VFT_RESOURCE;
      }
    } else {
      axis[a].kept = true;
      axis[a].out_stride = 1;
      for (uint32_t i = 0; i < t->nidx; i++)
        if (t->idx_start[i] > t->start[a]) axis[a].out_stride *= t->idx_size[i];
      dense = dense && axis[a].out_stride == stride;
    }
    stride *= tensor->dims[a];
  }
  *raw = dense && t->nidx;
  return VFT_OK;
}

static vft_status fill_table(vft_einsum *e, table *t) {
  const vft_tensor *tensor = &e->program->tensors[t->tensor];
  vft_bind_axis axis[VFT_MAX_RANK];
  bool raw;
  TRY(plan_table(e, t, axis, &t->raw_at, &raw));
  if (raw) {
    t->raw = &e->trace->array[t->tensor];
    return VFT_OK;
  }
  t->data = vft_alloc_raw(table_size(t), sizeof *t->data);
  if (!t->data) return VFT_RESOURCE;
  return vft_bind(&e->trace->array[t->tensor], tensor->dims, t->rank, axis, t->data);
}

static void set_table(const member *m, const vft_product_factor *f, table *t) {
  memset(t, 0, sizeof *t);
  t->tensor = f->tensor;
  t->rank = f->rank;
  t->axis = f->axis;
  for (uint32_t v = 0; v < m->p->nshared; v++)
    for (uint32_t a = 0; a < f->rank; a++) {
      if (f->axis[a].var != v) continue;
      t->idx_start[t->nidx] = m->start[v];
      t->idx_log[t->nidx] = vft_log2_ceil(m->p->weight[v].size);
      t->idx_size[t->nidx++] = m->p->weight[v].size;
    }
  for (uint32_t a = 0; a < f->rank; a++)
    t->start[a] = f->axis[a].var == VFT_BOUND ? VFT_BOUND : (uint8_t)m->start[f->axis[a].var];
  set_inner(t);
}

static vft_status add_table(vft_einsum *e, const member *m, const vft_product_factor *f,
                            uint32_t *at) {
  table *t = &e->t[e->ntables];
  set_table(m, f, t);
  for (*at = 0; *at < e->ntables; ++*at)
    if (same_table(&e->t[*at], t)) return VFT_OK;
  e->ntables++;
  return e->trace ? fill_table(e, t) : VFT_OK;
}

/* ---- products ---- */

static vft_ext *own_weights(vft_einsum *e, size_t n) {
  vft_ext *v = vft_alloc_raw(n, sizeof *v);
  if (v) e->own[e->nown++] = v;
  return v;
}

/* The shared index of a PUBLIC factor of one index that has no weights; or VFT_BOUND. */
static uint8_t weight_index(const vft_einsum *e, const vft_product *p, const vft_product_factor *f) {
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
static vft_status take_weight(vft_einsum *e, member *m, uint32_t f, uint8_t var) {
  vft_product *p = &m->product;
  vft_status st = VFT_OK;
  uint32_t n = p->weight[var].size;
  vft_ext *v = own_weights(e, n);
  if (!v) return VFT_RESOURCE;
  if (e->trace) {
    table t;
    set_table(m, &p->factor[f], &t);
    st = fill_table(e, &t);
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
  member *m = &e->m[e->n];
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
    TRY(add_table(e, m, &m->p->factor[f], &at[given]));
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

/* ---- one product in one round ---- */

typedef struct {
  size_t size;
  const vft_ext *w; /* NULL: ones */
  vft_ext *own;
  size_t stride[VFT_MAX_FACTORS]; /* 0: the factor does not have this index */
} inner_axis;

/* The sum of a product's polynomial over pairs (2h, 2h+1) of the index being folded and over all
 * later indices. Units of work: (h, combination of the later axes but the last, tile of the last);
 * when there is no later index the pairs themselves are the run. */
typedef struct {
  const vft_einsum *e;
  const member *m;
  unsigned nfactors, points;       /* distinct factors; values at 0 .. points-1 */
  unsigned power[VFT_MAX_FACTORS]; /* how often each occurs */
  bool has[VFT_MAX_FACTORS];       /* the factor depends on the index being folded */
  const table *t[VFT_MAX_FACTORS];
  size_t row[VFT_MAX_FACTORS]; /* elements between positions of the index */
  size_t len, pairs;
  uint32_t naxes;
  inner_axis axis[VFT_MAX_INDEX];
  size_t mids, tiles;
  size_t rows;          /* seventh powers: pairs in one unit */
  const vft_ext *row_w; /* their later weights, `rows` times; NULL: ones */
  const vft_ext *pair_w;        /* EQ: weight of pair h */
  const vft_ext *vec;           /* VEC: weights of positions */
  size_t grain;
  vft_ext (*slot)[2][POINTS];   /* per chunk: sums; VEC: for the two halves of the weight */
} round_sum;

static const vft_ext zeros[TILE];

/* sum over i < n of the product of k extension arrays and, unless NULL, one base array;
 * n <= TILE, tmp: TILE. */
static vft_ext product_sum(const vft_ext *const *x, unsigned k, const vft_fp *base, size_t n,
                           vft_ext *tmp) {
  if (base) {
    if (k == 0) return vft_ext_from_fp(vft_fp_sum_n(base, n));
    if (k == 1) return vft_ext_dot_elem(VFT_ELEM_FP, base, x[0], n);
    vft_ext_mul_n(tmp, x[0], x[1], n);
    for (unsigned i = 2; i < k; i++) vft_ext_mul_n(tmp, tmp, x[i], n);
    return vft_ext_dot_elem(VFT_ELEM_FP, base, tmp, n);
  }
  if (k == 0) return vft_ext_from_fp(vft_fp_from_u64(n));
  if (k == 1) return vft_ext_sum_n(x[0], n);
  if (k == 2) return vft_ext_dot_n(x[0], x[1], n);
  if (k == 3) return vft_ext_dot3_n(x[0], x[1], x[2], n);
  vft_ext_mul_n(tmp, x[0], x[1], n);
  for (unsigned i = 2; i + 2 < k; i++) vft_ext_mul_n(tmp, tmp, x[i], n);
  return vft_ext_dot3_n(tmp, x[k - 2], x[k - 1], n);
}

/* One factor along a run of n <= TILE elements: its values where the folded variable is 0 and 1.
 * Base lanes are fp, others ext. A lane that is not a run has one element. */
typedef struct {
  bool varies, run, base; /* in the folded variable; along the run; base field */
  unsigned power;
  const vft_ext *lo, *hi;
  vft_fp fp_lo[TILE], fp_hi[TILE];
} lane;

static vft_ext scalar_at(const lane *l, unsigned t) {
  vft_ext lo = l->base ? vft_ext_from_fp(l->fp_lo[0]) : *l->lo;
  if (!l->varies) return lo;
  vft_ext hi = l->base ? vft_ext_from_fp(l->fp_hi[0]) : *l->hi;
  return vft_ext_add(lo, vft_ext_mul_fp(vft_ext_sub(hi, lo), (vft_fp){t}));
}

/* out[t] += w * sum over the run of prod of lanes at t (* weight), t < points */
static void add_run(lane *l, unsigned nlanes, const vft_ext *weight, size_t n, vft_ext w,
                    unsigned points, vft_ext *out) {
  vft_ext cur[VFT_MAX_FACTORS][TILE], diff[VFT_MAX_FACTORS][TILE], tmp[TILE];
  vft_fp fp_cur[VFT_MAX_FACTORS][TILE], fp_diff[VFT_MAX_FACTORS][TILE], fp_prod[TILE];
  const vft_ext *x[VFT_MAX_FACTORS + 1];
  for (unsigned t = 0; t < points; t++) {
    unsigned k = 0;
    vft_ext scalar = w;
    const vft_fp *base = NULL;
    for (unsigned f = 0; f < nlanes; f++) {
      if (!l[f].run) {
        vft_ext at = scalar_at(&l[f], t);
        for (unsigned i = 0; i < l[f].power; i++) scalar = vft_ext_mul(scalar, at);
      } else if (l[f].base) {
        const vft_fp *v = !l[f].varies || t == 0 ? l[f].fp_lo : t == 1 ? l[f].fp_hi : fp_cur[f];
        if (v == fp_cur[f]) {
          if (t == 2) vft_fp_sub_n(fp_diff[f], l[f].fp_hi, l[f].fp_lo, n);
          vft_fp_add_n(fp_cur[f], t == 2 ? l[f].fp_hi : fp_cur[f], fp_diff[f], n);
        }
        for (unsigned i = 0; i < l[f].power; i++) {
          if (base) vft_fp_mul_n(fp_prod, base, v, n);
          base = base ? fp_prod : v;
        }
      } else {
        const vft_ext *v = !l[f].varies || t == 0 ? l[f].lo : t == 1 ? l[f].hi : cur[f];
        if (v == cur[f]) {
          if (t == 2) vft_ext_sub_n(diff[f], l[f].hi, l[f].lo, n);
          vft_ext_add_n(cur[f], t == 2 ? l[f].hi : cur[f], diff[f], n);
        }
        for (unsigned i = 0; i < l[f].power; i++) x[k++] = v;
      }
    }
    if (weight) x[k++] = weight;
    out[t] = vft_ext_add(out[t], vft_ext_mul(scalar, product_sum(x, k, base, n, tmp)));
  }
}

/* The lane that starts at element `at` of a table, n elements (run) or one; the other half of
 * the folded variable lies `row` elements on, or is zero. */
static void set_lane(lane *l, unsigned power, const table *t, size_t at, size_t row, bool varies,
                     bool has_hi, bool run, size_t n) {
  size_t count = run ? n : 1;
  l->power = power;
  l->varies = varies;
  l->run = run;
  l->base = t->raw != NULL;
  if (!l->base) {
    l->lo = t->data + at;
    l->hi = !varies ? l->lo : has_hi ? l->lo + row : zeros;
    return;
  }
  vft_array_load(l->fp_lo, t->raw, t->raw_at + at, count);
  if (!varies) return;
  if (has_hi)
    vft_array_load(l->fp_hi, t->raw, t->raw_at + at + row, count);
  else
    memset(l->fp_hi, 0, count * sizeof *l->fp_hi);
}

/* Runs along the later axes: unit = (h * mids + mid) * tiles + tile. */
static void later_unit(const round_sum *s, size_t unit, vft_ext out[2][POINTS]) {
  size_t tile = unit % s->tiles, mid = unit / s->tiles % s->mids, h = unit / s->tiles / s->mids;
  size_t at[VFT_MAX_FACTORS];
  vft_ext w = VFT_EXT_ONE, sums[POINTS] = {VFT_EXT_ZERO};
  const inner_axis *last = &s->axis[s->naxes - 1];
  for (unsigned f = 0; f < s->nfactors; f++) at[f] = s->has[f] ? 2 * h * s->row[f] : 0;
  for (uint32_t a = s->naxes - 1; a-- > 0;) {
    size_t i = mid % s->axis[a].size;
    mid /= s->axis[a].size;
    if (s->axis[a].w) w = vft_ext_mul(w, s->axis[a].w[i]);
    for (unsigned f = 0; f < s->nfactors; f++) at[f] += i * s->axis[a].stride[f];
  }
  size_t begin = tile * RUN_TILE, end = begin + RUN_TILE;
  if (end > last->size) end = last->size;
  for (size_t i = begin; i < end; i += TILE) {
    size_t n = end - i < TILE ? end - i : TILE;
    lane l[VFT_MAX_FACTORS];
    for (unsigned f = 0; f < s->nfactors; f++)
      set_lane(&l[f], s->power[f], s->t[f], at[f] + i * last->stride[f], s->row[f], s->has[f],
               2 * h + 1 < s->len, last->stride[f] != 0, n);
    add_run(l, s->nfactors, last->w ? last->w + i : NULL, n, w, s->points, sums);
  }
  for (unsigned t = 0; t < s->points; t++) {
    if (s->vec) {
      vft_ext hi = 2 * h + 1 < s->len ? s->vec[2 * h + 1] : VFT_EXT_ZERO;
      out[0][t] = vft_ext_add(out[0][t], vft_ext_mul(s->vec[2 * h], sums[t]));
      out[1][t] = vft_ext_add(out[1][t], vft_ext_mul(hi, sums[t]));
    } else {
      out[0][t] = vft_ext_add(out[0][t],
                              s->pair_w ? vft_ext_mul(s->pair_w[h], sums[t]) : sums[t]);
    }
  }
}

/* Separates positions 2h and 2h+1 of n pairs from pair `first` on; `len` positions exist. */
static void split_pairs(vft_ext *lo, vft_ext *hi, const vft_ext *x, size_t first, size_t n,
                        size_t len) {
  for (size_t j = 0; j < n; j++) {
    size_t i = 2 * (first + j);
    lo[j] = x[i];
    hi[j] = i + 1 < len ? x[i + 1] : VFT_EXT_ZERO;
  }
}

/* The same for a table in the trace. */
static void load_pairs(lane *l, const table *t, size_t first, size_t n, size_t len) {
  vft_fp both[2 * TILE];
  size_t count = len - 2 * first < 2 * n ? len - 2 * first : 2 * n;
  vft_array_load(both, t->raw, t->raw_at + 2 * first, count);
  if (count < 2 * n) both[count] = (vft_fp){0};
  for (size_t j = 0; j < n; j++) {
    l->fp_lo[j] = both[2 * j];
    l->fp_hi[j] = both[2 * j + 1];
  }
}

/* No later index: unit = tile of TILE pairs. */
static void pair_unit(const round_sum *s, size_t unit, vft_ext out[2][POINTS]) {
  vft_ext lo[VFT_MAX_FACTORS][TILE], hi[VFT_MAX_FACTORS][TILE], w[2][TILE];
  size_t first = unit * TILE, n = s->pairs - first < TILE ? s->pairs - first : TILE;
  lane l[VFT_MAX_FACTORS];
  for (unsigned f = 0; f < s->nfactors; f++) {
    const table *t = s->t[f];
    if (!s->has[f]) {
      set_lane(&l[f], s->power[f], t, 0, 0, false, false, false, 1);
      continue;
    }
    l[f].power = s->power[f];
    l[f].varies = l[f].run = true;
    l[f].base = t->raw != NULL;
    l[f].lo = lo[f];
    l[f].hi = hi[f];
    if (l[f].base)
      load_pairs(&l[f], t, first, n, s->len);
    else
      split_pairs(lo[f], hi[f], t->data, first, n, s->len);
  }
  if (s->vec) {
    split_pairs(w[0], w[1], s->vec, first, n, s->len);
    add_run(l, s->nfactors, w[0], n, VFT_EXT_ONE, s->points, out[0]);
    add_run(l, s->nfactors, w[1], n, VFT_EXT_ONE, s->points, out[1]);
  } else {
    add_run(l, s->nfactors, s->pair_w ? s->pair_w + first : NULL, n, VFT_EXT_ONE, s->points,
            out[0]);
  }
}

/* Rows 2h and 2h+1 of `pairs` pairs of rows of a table, apart; `len` rows exist. One of ext and fp
 * is wanted. */
static void split_rows(const table *t, size_t first, size_t pairs, size_t len, vft_ext *lo,
                       vft_ext *hi, vft_fp *fp_lo, vft_fp *fp_hi) {
  size_t inner = t->inner;
  for (size_t j = 0; j < pairs; j++) {
    size_t row = 2 * (first + j), at = j * inner;
    bool has_hi = row + 1 < len;
    if (t->raw) {
      vft_array_load(fp_lo + at, t->raw, t->raw_at + row * inner, inner);
      if (has_hi)
        vft_array_load(fp_hi + at, t->raw, t->raw_at + (row + 1) * inner, inner);
      else
        memset(fp_hi + at, 0, inner * sizeof *fp_hi);
    } else {
      memcpy(lo + at, t->data + row * inner, inner * sizeof *lo);
      if (has_hi)
        memcpy(hi + at, t->data + (row + 1) * inner, inner * sizeof *hi);
      else
        memset(hi + at, 0, inner * sizeof *hi);
    }
  }
}

/* The seventh power of a table: unit = `rows` pairs of rows. Gives coefficients, not values. */
static void seventh_unit(const round_sum *s, size_t unit, vft_ext out[2][POINTS]) {
  const table *t = s->t[0];
  size_t inner = t->inner, first = unit * s->rows;
  size_t pairs = s->pairs - first < s->rows ? s->pairs - first : s->rows, n = pairs * inner;
  vft_ext lo[TILE], hi[TILE], w[TILE], c[8];
  vft_fp fp_lo[TILE], fp_hi[TILE];
  split_rows(t, first, pairs, s->len, lo, hi, fp_lo, fp_hi);
  for (unsigned half = 0; half < (s->vec ? 2u : 1u); half++) {
    for (size_t j = 0; j < pairs; j++) {
      size_t at = 2 * (first + j) + half;
      vft_ext x = s->vec      ? at < s->len ? s->vec[at] : VFT_EXT_ZERO
                  : s->pair_w ? s->pair_w[first + j]
                              : VFT_EXT_ONE;
      for (size_t k = 0; k < inner; k++) w[j * inner + k] = x;
    }
    if (s->row_w) vft_ext_mul_n(w, w, s->row_w, n);
    if (t->raw)
      vft_fp_line7_n(c, fp_lo, fp_hi, w, n);
    else
      vft_ext_line7_n(c, lo, hi, w, n);
    for (unsigned k = 0; k < 8; k++) out[half][k] = vft_ext_add(out[half][k], c[k]);
  }
}

static void sum_chunk(void *ctx, size_t begin, size_t end) {
  const round_sum *s = ctx;
  vft_ext sums[2][POINTS];
  memset(sums, 0, sizeof sums);
  for (size_t u = begin; u < end; u++) {
    if (s->rows)
      seventh_unit(s, u, sums);
    else if (s->naxes)
      later_unit(s, u, sums);
    else
      pair_unit(s, u, sums);
  }
  memcpy(s->slot[begin / s->grain], sums, sizeof sums);
}

/* Later indices of the product as loops, adjacent ones merged when all factors have both or
 * neither and the merged weights stay short. */
static vft_status plan_inner(round_sum *s, uint32_t var) {
  const vft_product *p = s->m->p;
  for (uint32_t v = var + 1; v < p->nshared; v++) {
    inner_axis *x = &s->axis[s->naxes++];
    *x = (inner_axis){.size = p->weight[v].size};
    if (p->weight[v].kind != VFT_W_ONES) {
      x->w = vft_weight_cache_get(s->e->cache, &p->weight[v]);
      if (!x->w) return VFT_RESOURCE;
    }
    for (unsigned f = 0; f < s->nfactors; f++) {
      const table *t = &s->e->t[s->m->table[f]];
      size_t stride = 1;
      bool has = false;
      for (uint32_t i = t->first; i < t->nidx; i++) {
        if (t->idx_start[i] == s->m->start[v]) has = true;
        if (t->idx_start[i] > s->m->start[v]) stride *= t->idx_size[i];
      }
      x->stride[f] = has ? stride : 0;
    }
  }
  for (uint32_t a = s->naxes; a-- > 1;) {
    inner_axis *o = &s->axis[a - 1], *i = &s->axis[a];
    bool same = true;
    for (unsigned f = 0; f < s->nfactors; f++)
      same = same && (o->stride[f] == 0) == (i->stride[f] == 0);
    if (!same || ((o->w || i->w) && o->size * i->size > MERGE_MAX)) continue;
    if (o->w || i->w) {
      vft_ext *w = vft_alloc_raw(o->size * i->size, sizeof *w);
      if (!w) return VFT_RESOURCE;
      for (size_t k = 0; k < o->size * i->size; k++) {
        vft_ext x = o->w ? o->w[k / i->size] : VFT_EXT_ONE;
        w[k] = i->w ? vft_ext_mul(x, i->w[k % i->size]) : x;
      }
      vft_free(o->own);
      vft_free(i->own);
      i->own = w;
      i->w = w;
    }
    i->size *= o->size;
    memmove(o, i, (s->naxes - a) * sizeof *o);
    memset(&s->axis[--s->naxes], 0, sizeof *o);
  }
  return VFT_OK;
}

/* Whether the product is a seventh power of one table whose rows are short. */
static vft_status plan_seventh(round_sum *s) {
  if (s->nfactors != 1 || s->power[0] != 7 || s->naxes > 1 || s->row[0] > TILE) return VFT_OK;
  s->rows = TILE / s->row[0];
  if (s->rows > s->pairs) s->rows = s->pairs;
  inner_axis *x = &s->axis[0];
  if (!s->naxes || !x->w) return VFT_OK;
  vft_ext *w = vft_alloc_raw(s->rows * x->size, sizeof *w);
  if (!w) return VFT_RESOURCE;
  for (size_t j = 0; j < s->rows; j++) memcpy(w + j * x->size, x->w, x->size * sizeof *w);
  vft_free(x->own);
  x->own = w;
  s->row_w = w;
  return VFT_OK;
}

/* Weight of the folded index: c * eq(p_bit, t) with the rest in pair_w; or the folded vector. */
static vft_status plan_weight(round_sum *s, const vft_weight *w, unsigned bit, vft_ext **pair_w) {
  if (w->kind == VFT_W_VEC) s->vec = s->m->vec;
  if (w->kind != VFT_W_EQ || s->pairs == 1) return VFT_OK;
  unsigned n = vft_log2_ceil(w->size) - bit - 1;
  *pair_w = vft_alloc_raw(s->pairs, sizeof **pair_w);
  if (!*pair_w) return VFT_RESOURCE;
  vft_eq_table(*pair_w, w->v + bit + 1, n, VFT_EXT_ONE, s->pairs);
  s->pair_w = *pair_w;
  return VFT_OK;
}

/* Values at 0 .. degree of the polynomial: (weight's line) * (sums), sums of lower degree. */
static void finish_poly(const round_sum *s, const vft_weight *w, unsigned bit,
                        vft_ext sums[2][POINTS], unsigned degree, vft_ext *value) {
  unsigned known = s->points;
  for (unsigned t = 0; t <= degree; t++) {
    vft_ext x = vft_ext_from_fp((vft_fp){t});
    vft_ext a = t < known ? sums[0][t] : vft_poly_lagrange(sums[0], known - 1, x);
    if (w->kind == VFT_W_VEC) { /* (1 - t) a + t b */
      vft_ext b = t < known ? sums[1][t] : vft_poly_lagrange(sums[1], known - 1, x);
      a = vft_ext_add(a, vft_ext_mul_fp(vft_ext_sub(b, a), (vft_fp){t}));
    } else if (w->kind == VFT_W_EQ) {
      a = vft_ext_mul(a, vft_eq_point(&w->v[bit], &x, 1));
    }
    value[t] = vft_ext_mul(s->m->scale, a);
  }
}

/* The product's polynomial in variable `v` (of its own) at 0 .. degree. */
static vft_status product_round(const vft_einsum *e, const member *m, unsigned v, unsigned degree,
                                vft_ext *value) {
  vft_status st = VFT_OK;
  unsigned bit;
  uint32_t var = vft_product_variable(m->p, v, &bit);
  const vft_weight *w = &m->p->weight[var];
  vft_ext *pair_w = NULL;
  round_sum *s = vft_alloc(1, sizeof *s);
  if (!s) return VFT_RESOURCE;
  s->e = e;
  s->m = m;
  s->nfactors = m->ntables;
  s->points = 1;
  for (unsigned f = 0; f < s->nfactors; f++) {
    const table *t = &e->t[m->table[f]];
    s->t[f] = t;
    s->power[f] = m->power[f];
    s->has[f] = t->first < t->nidx && t->idx_start[t->first] == m->start[var];
    s->row[f] = t->inner;
    if (s->has[f]) {
      s->points += s->power[f];
      s->len = t->idx_size[t->first];
    }
  }
  s->pairs = (s->len + 1) / 2;
  TRY_OUT(plan_weight(s, w, bit, &pair_w));
  TRY_OUT(plan_inner(s, var));
  TRY_OUT(plan_seventh(s));
  size_t units, unit_work;
  if (s->rows) {
    units = (s->pairs + s->rows - 1) / s->rows;
    unit_work = s->rows * s->row[0];
  } else if (s->naxes) {
    const inner_axis *last = &s->axis[s->naxes - 1];
    s->mids = 1;
    for (uint32_t a = 0; a + 1 < s->naxes; a++) s->mids *= s->axis[a].size;
    s->tiles = (last->size + RUN_TILE - 1) / RUN_TILE;
    units = s->pairs * s->mids * s->tiles;
    unit_work = last->size / s->tiles + 8;
  } else {
    units = (s->pairs + TILE - 1) / TILE;
    unit_work = TILE;
  }
  s->grain = CHUNK_WORK / unit_work + 1;
  size_t chunks = (units + s->grain - 1) / s->grain;
  s->slot = vft_alloc(chunks, sizeof *s->slot);
  if (!s->slot) {
    st = VFT_RESOURCE;
    goto out;
  }
  vft_parallel_for(units, s->grain, sum_chunk, s);
  vft_ext sums[2][POINTS];
  memset(sums, 0, sizeof sums);
  for (size_t c = 0; c < chunks; c++)
    for (unsigned t = 0; t < s->points; t++) {
      sums[0][t] = vft_ext_add(sums[0][t], s->slot[c][0][t]);
      sums[1][t] = vft_ext_add(sums[1][t], s->slot[c][1][t]);
    }
  if (s->rows)
    for (unsigned half = 0; half < 2; half++) {
      vft_ext c[8];
      memcpy(c, sums[half], sizeof c);
      for (unsigned t = 0; t < 8; t++)
        sums[half][t] = vft_poly_horner(c, 7, vft_ext_from_fp((vft_fp){t}));
    }
  finish_poly(s, w, bit, sums, degree, value);
out:
  for (uint32_t a = 0; a < VFT_MAX_INDEX; a++) vft_free(s->axis[a].own);
  vft_free(pair_w);
  vft_free(s->slot);
  vft_free(s);
  return st;
}

/* ---- the batch ---- */

/* Prepares the weights of variable v when it is the first bit of its index. */
static vft_status enter_variable(const vft_einsum *e, member *m, unsigned v) {
  unsigned bit;
  const vft_weight *w = &m->p->weight[vft_product_variable(m->p, v, &bit)];
  if (bit != 0 || w->kind != VFT_W_VEC) return VFT_OK;
  const vft_ext *full = vft_weight_cache_get(e->cache, w);
  m->vec = vft_alloc_raw(w->size, sizeof *m->vec);
  if (!full || !m->vec) return VFT_RESOURCE;
  memcpy(m->vec, full, w->size * sizeof *m->vec);
  return VFT_OK;
}

static vft_status begin_member(vft_einsum *e, member *m) {
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
  TRY(product_round(e, m, 0, m->first_degree, m->first));
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

/* What vft_einsum_fold leaves of a table: in the trace, the halves of two folds; else the table and
 * the half of the first. */
static size_t folded_bytes(const table *t, bool raw) {
  table x = *t;
  size_t bytes = raw ? 0 : table_size(t) * sizeof(vft_ext);
  for (int fold = 0; fold < (raw ? 2 : 1) && x.first < x.nidx; fold++) {
    x.idx_size[x.first] = (x.idx_size[x.first] + 1) / 2;
    bytes += table_size(&x) * sizeof(vft_ext);
    while (x.first < x.nidx && x.idx_size[x.first] == 1) x.first++;
    set_inner(&x);
  }
  return bytes;
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
    TRY_OUT(plan_table(&e, &e.t[i], axis, &at, &raw));
    *bytes += folded_bytes(&e.t[i], raw);
  }
out:
  free_members(&e);
  return st;
}

vft_status vft_einsum_round(vft_einsum *e, unsigned round, unsigned degree, vft_ext *value) {
  vft_fp half = vft_fp_inv((vft_fp){2});
  for (unsigned t = 0; t <= degree; t++) value[t] = VFT_EXT_ZERO;
  for (size_t i = 0; i < e->n; i++) {
    member *m = &e->m[i];
    unsigned join = e->rounds - m->p->vars;
    vft_ext own[POINTS + 1];
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
      TRY(product_round(e, m, round - join, degree, own));
    }
    for (unsigned t = 0; t <= degree; t++) value[t] = vft_ext_add(value[t], own[t]);
  }
  return VFT_OK;
}

typedef struct {
  const table *t;
  vft_ext *out, r;
  size_t len, tiles;
} fold_job;

enum { FOLD_TILE = 2048 };

/* The first fold of a table in the trace; units as in fold_rows. */
static void fold_raw(void *ctx, size_t begin, size_t end) {
  const fold_job *j = ctx;
  const table *t = j->t;
  size_t inner = t->inner;
  vft_fp both[2 * FOLD_TILE];
  for (size_t u = begin; u < end; u++) {
    if (inner == 1) {
      size_t first = 2 * u * FOLD_TILE, n = j->len - first;
      if (n > 2 * FOLD_TILE) n = 2 * FOLD_TILE;
      vft_array_load(both, t->raw, t->raw_at + first, n);
      vft_ext_fold_low_elem(j->out + u * FOLD_TILE, VFT_ELEM_FP, both, n, j->r);
      continue;
    }
    size_t h = u / j->tiles, at = u % j->tiles * FOLD_TILE;
    size_t n = inner - at < FOLD_TILE ? inner - at : FOLD_TILE;
    bool has_hi = 2 * h + 1 < j->len;
    vft_array_load(both, t->raw, t->raw_at + 2 * h * inner + at, n);
    if (has_hi) vft_array_load(both + n, t->raw, t->raw_at + (2 * h + 1) * inner + at, n);
    vft_ext_fold_high_elem(j->out + h * inner + at, VFT_ELEM_FP, both, has_hi ? 2 * n : n, n,
                           j->r);
  }
}

/* Tables of short rows: unit = as many pairs of rows as fill a tile. */
static void fold_short(void *ctx, size_t begin, size_t end) {
  const fold_job *j = ctx;
  vft_ext lo[TILE], hi[TILE];
  vft_fp both[2 * TILE];
  size_t inner = j->t->inner, rows = TILE / inner, half = (j->len + 1) / 2;
  for (size_t u = begin; u < end; u++) {
    size_t first = u * rows, n = half - first < rows ? half - first : rows;
    vft_ext *out = j->out + first * inner;
    split_rows(j->t, first, n, j->len, lo, hi, both, both + n * inner);
    if (j->t->raw) {
      vft_ext_fold_high_elem(out, VFT_ELEM_FP, both, 2 * n * inner, n * inner, j->r);
      continue;
    }
    vft_ext_sub_n(hi, hi, lo, n * inner);
    vft_ext_scale_n(hi, hi, j->r, n * inner);
    vft_ext_add_n(out, lo, hi, n * inner);
  }
}

static void fold_rows(void *ctx, size_t begin, size_t end) {
  const fold_job *j = ctx;
  size_t inner = j->t->inner;
  for (size_t u = begin; u < end; u++) {
    if (inner == 1) { /* u: tile of FOLD_TILE pairs */
      size_t first = 2 * u * FOLD_TILE, n = j->len - first;
      if (n > 2 * FOLD_TILE) n = 2 * FOLD_TILE;
      vft_ext_fold_low(j->out + u * FOLD_TILE, j->t->data + first, n, j->r);
      continue;
    }
    size_t h = u / j->tiles, at = u % j->tiles * FOLD_TILE;
    size_t n = inner - at < FOLD_TILE ? inner - at : FOLD_TILE;
    const vft_ext *lo = j->t->data + 2 * h * inner + at;
    vft_ext *out = j->out + h * inner + at;
    if (2 * h + 1 < j->len) { /* out = lo + r (hi - lo), the two rows `inner` apart */
      vft_ext_sub_n(out, lo + inner, lo, n);
      vft_ext_scale_n(out, out, j->r, n);
      vft_ext_add_n(out, out, lo, n);
    } else {
      vft_ext_scale_n(out, lo, vft_ext_sub(VFT_EXT_ONE, j->r), n);
    }
  }
}

static vft_status fold_table(table *t, unsigned round, vft_ext r) {
  if (t->first == t->nidx || round < t->idx_start[t->first]) return VFT_OK;
  size_t len = t->idx_size[t->first], half = (len + 1) / 2;
  if (!t->spare) {
    t->spare = vft_alloc_raw(half * t->inner, sizeof *t->spare);
    if (!t->spare) return VFT_RESOURCE;
  }
  fold_job job = {t, t->spare, r, len, (t->inner + FOLD_TILE - 1) / FOLD_TILE};
  size_t units = t->inner == 1 ? (half + FOLD_TILE - 1) / FOLD_TILE : half * job.tiles;
  if (t->inner > 1 && t->inner <= TILE / 2)
    vft_parallel_for((half + TILE / t->inner - 1) / (TILE / t->inner), FOLD_TILE / TILE, fold_short,
                     &job);
  else
    vft_parallel_for(units, t->inner == 1 ? 1 : FOLD_TILE / t->inner + 1,
                     t->raw ? fold_raw : fold_rows, &job);
  t->spare = t->data;
  t->data = job.out;
  t->raw = NULL;
  t->idx_size[t->first] = (uint32_t)half;
  if (round + 1 == t->idx_start[t->first] + t->idx_log[t->first]) {
    t->first++;
    set_inner(t);
  }
  return VFT_OK;
}

static void fold_weight(const vft_einsum *e, member *m, unsigned round, vft_ext r) {
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
  for (uint32_t t = 0; t < e->ntables; t++) TRY(fold_table(&e->t[t], round, r));
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
