/* One product of the batched sumcheck in one round: its polynomial in the variable at hand. */
#include "prove/einsum_core.h"

#include <string.h>

#include "argument/poly_util.h"
#include "base/mem.h"
#include "base/pool.h"
#include "relation/layout.h"

enum {
  POINTS = VFT_EINSUM_POINTS,
  TILE = VFT_EINSUM_TILE,
  RUN_TILE = 4096,      /* elements of a run in one unit of work */
  CHUNK_WORK = 1 << 12, /* elements in one chunk of units, at least */
  MERGE_MAX = 1 << 13   /* weighted axes are merged up to this length */
};

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
  const vft_einsum_member *m;
  unsigned nfactors, points;       /* distinct factors; values at 0 .. points-1 */
  unsigned power[VFT_MAX_FACTORS]; /* how often each occurs */
  bool has[VFT_MAX_FACTORS];       /* the factor depends on the index being folded */
  const vft_einsum_table *t[VFT_MAX_FACTORS];
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
static void set_lane(lane *l, unsigned power, const vft_einsum_table *t, size_t at, size_t row,
                     bool varies, bool has_hi, bool run, size_t n) {
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
static void load_pairs(lane *l, const vft_einsum_table *t, size_t first, size_t n, size_t len) {
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
    const vft_einsum_table *t = s->t[f];
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

/* The seventh power of a table: unit = `rows` pairs of rows. Gives coefficients, not values. */
static void seventh_unit(const round_sum *s, size_t unit, vft_ext out[2][POINTS]) {
  const vft_einsum_table *t = s->t[0];
  size_t inner = t->inner, first = unit * s->rows;
  size_t pairs = s->pairs - first < s->rows ? s->pairs - first : s->rows, n = pairs * inner;
  vft_ext lo[TILE], hi[TILE], w[TILE], c[8];
  vft_fp fp_lo[TILE], fp_hi[TILE];
  vft_einsum_split_rows(t, first, pairs, s->len, lo, hi, fp_lo, fp_hi);
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
      const vft_einsum_table *t = &s->e->t[s->m->table[f]];
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

vft_status vft_einsum_member_round(const vft_einsum *e, const vft_einsum_member *m, unsigned v,
                                   unsigned degree, vft_ext *value) {
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
    const vft_einsum_table *t = &e->t[m->table[f]];
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
