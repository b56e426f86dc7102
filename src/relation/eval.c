/* Evaluation of sums of einsums.
 *
 * Three rings share one traversal: int64 (when magnitudes show that nothing can overflow), int128
 * with overflow detection, and integers modulo p. Free axes that are contiguous in every factor
 * are merged first, so that elementwise relations become one long axis. */
#include "relation/eval.h"

#include <string.h>

#include "base/pool.h"
#include "field/goldilocks.h"

typedef __int128 wide;
#define WIDE_MAX ((wide)(~(unsigned __int128)0 >> 1)) /* stands for "overflowed" */

enum { BLOCK = VFT_SUM_BLOCK };

/* ---- magnitudes ---- */

vft_status vft_ranges_init(vft_ranges *ranges, const vft_trace *trace) {
  uint32_t n = trace->program->ntensors;
  ranges->trace = trace;
  ranges->magnitude = vft_alloc(n, sizeof *ranges->magnitude);
  if (!ranges->magnitude) return VFT_RESOURCE;
  for (uint32_t i = 0; i < n; i++) ranges->magnitude[i] = UINT64_MAX;
  return VFT_OK;
}

void vft_ranges_free(vft_ranges *ranges) {
  vft_free(ranges->magnitude);
  ranges->magnitude = NULL;
}

static uint64_t abs64(int64_t x) { return x < 0 ? 0 - (uint64_t)x : (uint64_t)x; }

static uint64_t magnitude_of(vft_ranges *r, vft_tensor_id id) {
  if (r->magnitude[id] == UINT64_MAX) {
    int64_t lo, hi;
    vft_array_range(&r->trace->array[id], vft_tensor_count(&r->trace->program->tensors[id]), &lo,
                    &hi);
    uint64_t a = abs64(lo), b = abs64(hi);
    r->magnitude[id] = a > b ? a : b;
  }
  return r->magnitude[id];
}

/* ---- planning ---- */

/* Cost of one step of an innermost loop over an axis, in rough units of a contiguous load. */
static double axis_cost(const vft_sum_term *t, const size_t *stride, uint32_t size, bool writes) {
  double cost = writes ? 1.0 : 0.3;
  for (uint32_t k = 0; k < t->nfactors; k++)
    if (stride[k]) cost += stride[k] == 1 ? 1.0 : 2.5;
  return cost + 12.0 / size;
}

/* Puts the contracted axis that is best as the innermost loop last and decides dot or row form. */
static void choose_inner(vft_sum_term *t, const size_t *row_stride, uint32_t row_size) {
  t->dot = false;
  double best = axis_cost(t, row_stride, row_size, true);
  uint32_t pick = t->ncontracted;
  for (uint32_t c = 0; c < t->ncontracted; c++) {
    double cost = axis_cost(t, t->contracted[c].stride, t->contracted[c].size, false);
    if (cost < best) best = cost, pick = c;
  }
  if (pick == t->ncontracted) return;
  vft_sum_axis swap = t->contracted[pick];
  t->contracted[pick] = t->contracted[t->ncontracted - 1];
  t->contracted[t->ncontracted - 1] = swap;
  t->dot = true;
}

/* Merges free axes v and v+1 wherever every factor of every term walks them as one. */
static void merge_free(vft_sum *s) {
  for (uint32_t v = 0; v + 1 < s->nfree;) {
    bool joint = (uint64_t)s->size[v] * s->size[v + 1] <= UINT32_MAX;
    for (uint32_t i = 0; joint && i < s->nterms; i++)
      for (uint32_t k = 0; joint && k < s->term[i].nfactors; k++)
        joint = s->term[i].free_stride[v][k] == s->term[i].free_stride[v + 1][k] * s->size[v + 1];
    if (!joint) {
      v++;
      continue;
    }
    s->size[v] *= s->size[v + 1];
    for (uint32_t w = v + 1; w + 1 < s->nfree; w++) s->size[w] = s->size[w + 1];
    for (uint32_t i = 0; i < s->nterms; i++) {
      vft_sum_term *t = &s->term[i];
      memmove(t->free_stride[v], t->free_stride[v + 1],
              (s->nfree - v - 1) * sizeof t->free_stride[v]);
    }
    s->nfree--;
  }
}

/* Contracted axes of one term: drops unused ones, merges those walked as one. */
static void plan_contracted(vft_sum_term *t, uint32_t nindex, uint32_t nfree, const uint32_t *size,
                            size_t stride[][VFT_MAX_FACTORS]) {
  t->ncontracted = 0;
  for (uint32_t v = nfree; v < nindex; v++) {
    bool used = false;
    for (uint32_t k = 0; k < t->nfactors; k++) used |= stride[v][k] != 0;
    if (!used) continue;
    vft_sum_axis *a = t->ncontracted ? &t->contracted[t->ncontracted - 1] : NULL;
    bool joint = a && (uint64_t)a->size * size[v] <= UINT32_MAX;
    for (uint32_t k = 0; joint && k < t->nfactors; k++)
      joint = a->stride[k] == stride[v][k] * size[v];
    if (!joint) {
      a = &t->contracted[t->ncontracted++];
      a->size = 1;
    }
    a->size *= size[v];
    memcpy(a->stride, stride[v], sizeof a->stride);
  }
}

/* The strides of a factor used by an index of size 1 could be anything; every axis of a tensor has
 * stride >= 1 here, so that "stride 0" means "unused". */
static vft_status plan_term(vft_sum *s, vft_ranges *ranges, const char *what, uint32_t nindex,
                            uint32_t nfree, const uint32_t *size, const vft_term *from,
                            vft_sum_term *t, double *bound) {
  const vft_trace *trace = ranges->trace;
  size_t stride[VFT_MAX_INDEX][VFT_MAX_FACTORS] = {{0}};
  t->coef = from->coef;
  t->nfactors = from->nfactors;
  double product = (double)abs64(from->coef);
  for (uint32_t k = 0; k < from->nfactors; k++) {
    const vft_factor *f = &from->factor[k];
    const vft_tensor *x = &trace->program->tensors[f->tensor];
    t->array[k] = &trace->array[f->tensor];
    s->field = s->field || x->field;
    if (!t->array[k]->data)
      return vft_fail(VFT_USAGE, "%s: tensor %s has no values", what, x->name);
    size_t step = 1;
    t->base[k] = 0;
    for (uint32_t a = x->rank; a-- > 0;) {
      stride[f->idx[a]][k] = step;
      t->base[k] += f->off[a] * step;
      step *= x->dims[a];
    }
    uint64_t m = magnitude_of(ranges, f->tensor);
    product *= m ? (double)m : 1.0;
  }
  for (uint32_t v = 0; v < nfree; v++) memcpy(t->free_stride[v], stride[v], sizeof stride[v]);
  plan_contracted(t, nindex, nfree, size, stride);
  size_t count = 1;
  for (uint32_t c = 0; c < t->ncontracted; c++) count *= t->contracted[c].size;
  *bound += product * (double)count;
  s->work += count * (t->nfactors ? t->nfactors : 1);
  return VFT_OK;
}

vft_status vft_sum_plan(vft_sum *sum, vft_ranges *ranges, const char *what, uint32_t nindex,
                        uint32_t nfree, const uint32_t *size, const vft_term *terms,
                        uint32_t nterms) {
  vft_sum *s = sum;
  memset(s, 0, sizeof *s);
  s->term = vft_alloc(nterms, sizeof *s->term);
  if (!s->term) return VFT_RESOURCE;
  s->nterms = nterms;
  s->nfree = nfree;
  s->points = 1;
  for (uint32_t v = 0; v < nfree; v++) s->points *= s->size[v] = size[v];
  double bound = 0;
  for (uint32_t i = 0; i < nterms; i++) {
    vft_status st = plan_term(s, ranges, what, nindex, nfree, size, &terms[i], &s->term[i], &bound);
    if (st != VFT_OK) {
      vft_sum_free(s);
      return st;
    }
  }
  if (!s->nfree) { /* one point: an axis of size 1 */
    s->nfree = 1;
    s->size[0] = 1;
    for (uint32_t i = 0; i < nterms; i++)
      memset(s->term[i].free_stride[0], 0, sizeof s->term[i].free_stride[0]);
  }
  merge_free(s);
  for (uint32_t i = 0; i < nterms; i++)
    choose_inner(&s->term[i], s->term[i].free_stride[s->nfree - 1], s->size[s->nfree - 1]);
  /* Double rounding is covered by the two bits between 2^61 and 2^63. */
  s->narrow = bound < 0x1p61;
  if (!s->work) s->work = 1;
  return VFT_OK;
}

void vft_sum_free(vft_sum *sum) {
  vft_free(sum->term);
  sum->term = NULL;
}

size_t vft_sum_grain(const vft_sum *sum) {
  size_t grain = ((size_t)1 << 18) / sum->work;
  if (grain < 16) grain = 16;
  if (grain > 1 << 16) grain = 1 << 16;
  return grain;
}

/* ---- typed loops over one axis ---- */

#define EACH_DTYPE(X) \
  X(VFT_I8, int8_t) X(VFT_I16, int16_t) X(VFT_U16, uint16_t) X(VFT_I32, int32_t) X(VFT_I64, int64_t)

/* A loop over n elements at `stride`, written twice so that the contiguous one vectorises. */
#define STRIDED(type, body)                     \
  {                                             \
    const type *x = (const type *)a->data + at; \
    if (stride == 1) {                          \
      for (size_t i = 0; i < n; i++) {          \
        const int64_t e = x[i];                 \
        body;                                   \
      }                                         \
    } else {                                    \
      for (size_t i = 0; i < n; i++) {          \
        const int64_t e = x[i * stride];        \
        body;                                   \
      }                                         \
    }                                           \
    break;                                      \
  }

#define LOAD_CASE(tag, type) case tag: STRIDED(type, out[i] = e)
#define MUL_CASE(tag, type) case tag: STRIDED(type, out[i] *= e)
#define AXPY_CASE(tag, type) case tag: STRIDED(type, out[i] += s * e)
#define DOT_CASE(tag, type) case tag: STRIDED(type, sum += y[i] * e)
#define SUM_CASE(tag, type) case tag: STRIDED(type, sum += e)

static void load(int64_t *out, const vft_array *a, size_t at, size_t stride, size_t n) {
  switch (a->dtype) { EACH_DTYPE(LOAD_CASE) }
}
static void mul(int64_t *out, const vft_array *a, size_t at, size_t stride, size_t n) {
  switch (a->dtype) { EACH_DTYPE(MUL_CASE) }
}
static void axpy(int64_t *out, int64_t s, const vft_array *a, size_t at, size_t stride, size_t n) {
  switch (a->dtype) { EACH_DTYPE(AXPY_CASE) }
}
static int64_t dot(const int64_t *y, const vft_array *a, size_t at, size_t stride, size_t n) {
  int64_t sum = 0;
  switch (a->dtype) { EACH_DTYPE(DOT_CASE) }
  return sum;
}
static int64_t total(const vft_array *a, size_t at, size_t stride, size_t n) {
  int64_t sum = 0;
  switch (a->dtype) { EACH_DTYPE(SUM_CASE) }
  return sum;
}

/* ---- leaves: one innermost loop in one ring ----
 * Each takes the factors' positions `at` and strides along the loop; factors of stride 0 are
 * scalars of the loop. `row_*` adds the products to out[0..n); `dot_*` returns their sum. */

static void row_narrow(int64_t *out, const vft_sum_term *t, const size_t *at, const size_t *stride,
                       size_t n) {
  int64_t s = t->coef, buf[BLOCK];
  uint32_t vec[VFT_MAX_FACTORS], nv = 0;
  for (uint32_t k = 0; k < t->nfactors; k++) {
    if (stride[k])
      vec[nv++] = k;
    else
      s *= vft_array_get(t->array[k], at[k]);
  }
  if (!s) return;
  if (!nv) {
    for (size_t i = 0; i < n; i++) out[i] += s;
  } else if (nv == 1) {
    axpy(out, s, t->array[vec[0]], at[vec[0]], stride[vec[0]], n);
  } else {
    load(buf, t->array[vec[0]], at[vec[0]], stride[vec[0]], n);
    for (uint32_t k = 1; k < nv; k++) mul(buf, t->array[vec[k]], at[vec[k]], stride[vec[k]], n);
    for (size_t i = 0; i < n; i++) out[i] += s * buf[i];
  }
}

static int64_t dot_narrow(const vft_sum_term *t, const size_t *at, const size_t *stride, size_t n) {
  int64_t s = t->coef, buf[BLOCK];
  uint32_t vec[VFT_MAX_FACTORS] = {0}, nv = 0;
  for (uint32_t k = 0; k < t->nfactors; k++) {
    if (stride[k])
      vec[nv++] = k;
    else
      s *= vft_array_get(t->array[k], at[k]);
  }
  if (!s) return 0;
  if (nv == 1) return s * total(t->array[vec[0]], at[vec[0]], stride[vec[0]], n);
  load(buf, t->array[vec[0]], at[vec[0]], stride[vec[0]], n);
  for (uint32_t k = 1; k + 1 < nv; k++) mul(buf, t->array[vec[k]], at[vec[k]], stride[vec[k]], n);
  uint32_t last = vec[nv - 1];
  return s * dot(buf, t->array[last], at[last], stride[last], n);
}

static wide wide_add(wide a, wide b) {
  wide c;
  return a == WIDE_MAX || b == WIDE_MAX || __builtin_add_overflow(a, b, &c) ? WIDE_MAX : c;
}

static wide wide_mul(wide a, wide b) {
  wide c;
  return a == WIDE_MAX || b == WIDE_MAX || __builtin_mul_overflow(a, b, &c) ? WIDE_MAX : c;
}

static wide product_wide(const vft_sum_term *t, const size_t *at, const size_t *stride, size_t i) {
  wide v = t->coef;
  for (uint32_t k = 0; k < t->nfactors; k++)
    v = wide_mul(v, vft_array_get(t->array[k], at[k] + i * stride[k]));
  return v;
}

static void row_wide(wide *out, const vft_sum_term *t, const size_t *at, const size_t *stride,
                     size_t n) {
  for (size_t i = 0; i < n; i++) out[i] = wide_add(out[i], product_wide(t, at, stride, i));
}

static wide dot_wide(const vft_sum_term *t, const size_t *at, const size_t *stride, size_t n) {
  wide sum = 0;
  for (size_t i = 0; i < n; i++) sum = wide_add(sum, product_wide(t, at, stride, i));
  return sum;
}

/* The loop's elements as canonical residues: x + p modulo 2^64 is p - |x| for negative x. */
static void load_mod(uint64_t *out, const vft_array *a, size_t at, size_t stride, size_t n) {
  int64_t x[BLOCK];
  load(x, a, at, stride, n);
  for (size_t i = 0; i < n; i++) out[i] = (uint64_t)x[i] + (x[i] < 0 ? VFT_P : 0);
}

/* Product of the coefficient and the scalars of the loop; buf receives the product of the vectors
 * but the last, whose number is returned (VFT_MAX_FACTORS: there is no vector). */
static uint32_t split_mod(const vft_sum_term *t, const size_t *at, const size_t *stride, size_t n,
                          vft_fp *scalar, uint64_t *buf) {
  uint64_t more[BLOCK];
  uint32_t last = VFT_MAX_FACTORS;
  *scalar = vft_fp_from_i64(t->coef);
  for (size_t i = 0; i < n; i++) buf[i] = 1;
  bool first = true;
  for (uint32_t k = 0; k < t->nfactors; k++) {
    if (!stride[k]) {
      *scalar = vft_fp_mul(*scalar, vft_fp_from_i64(vft_array_get(t->array[k], at[k])));
      continue;
    }
    if (last != VFT_MAX_FACTORS) {
      load_mod(first ? buf : more, t->array[last], at[last], stride[last], n);
      for (size_t i = 0; !first && i < n; i++)
        buf[i] = vft_fp_mul((vft_fp){buf[i]}, (vft_fp){more[i]}).v;
      first = false;
    }
    last = k;
  }
  return last;
}

static void row_mod(uint64_t *out, const vft_sum_term *t, const size_t *at, const size_t *stride,
                    size_t n) {
  uint64_t buf[BLOCK], x[BLOCK];
  vft_fp s;
  uint32_t last = split_mod(t, at, stride, n, &s, buf);
  if (last == VFT_MAX_FACTORS) {
    for (size_t i = 0; i < n; i++) out[i] = vft_fp_add((vft_fp){out[i]}, s).v;
    return;
  }
  load_mod(x, t->array[last], at[last], stride[last], n);
  for (size_t i = 0; i < n; i++) {
    vft_fp v = vft_fp_mul(vft_fp_mul(s, (vft_fp){buf[i]}), (vft_fp){x[i]});
    out[i] = vft_fp_add((vft_fp){out[i]}, v).v;
  }
}

static uint64_t dot_mod(const vft_sum_term *t, const size_t *at, const size_t *stride, size_t n) {
  uint64_t buf[BLOCK], x[BLOCK];
  vft_fp s;
  uint32_t last = split_mod(t, at, stride, n, &s, buf);
  load_mod(x, t->array[last], at[last], stride[last], n);
  unsigned __int128 lo = 0, hi = 0; /* halves of at most BLOCK products: below 2^73 */
  for (size_t i = 0; i < n; i++) {
    unsigned __int128 v = (unsigned __int128)buf[i] * x[i];
    lo += (uint64_t)v;
    hi += (uint64_t)(v >> 64);
  }
  vft_fp high = vft_fp_reduce128((uint64_t)(hi >> 64), (uint64_t)hi);
  vft_fp low = vft_fp_reduce128((uint64_t)(lo >> 64), (uint64_t)lo);
  vft_fp sum = vft_fp_add(vft_fp_mul(high, (vft_fp){0xffffffffull}), low); /* 2^64 = 2^32 - 1 */
  return vft_fp_mul(s, sum).v;
}

/* ---- traversal ---- */

typedef enum { NARROW, WIDE, MOD } ring;
typedef union {
  int64_t narrow[BLOCK];
  wide wide[BLOCK];
  uint64_t mod[BLOCK];
} block;

static void run_leaf(ring r, block *out, size_t i, bool is_dot, const vft_sum_term *t,
                     const size_t *at, const size_t *stride, size_t n) {
  if (!is_dot) {
    if (r == NARROW) row_narrow(out->narrow, t, at, stride, n);
    if (r == WIDE) row_wide(out->wide, t, at, stride, n);
    if (r == MOD) row_mod(out->mod, t, at, stride, n);
    return;
  }
  size_t here[VFT_MAX_FACTORS];
  memcpy(here, at, sizeof here);
  for (size_t done = 0; done < n; done += BLOCK) {
    size_t m = n - done < BLOCK ? n - done : BLOCK;
    if (r == NARROW) out->narrow[i] += dot_narrow(t, here, stride, m);
    if (r == WIDE) out->wide[i] = wide_add(out->wide[i], dot_wide(t, here, stride, m));
    if (r == MOD)
      out->mod[i] = vft_fp_add((vft_fp){out->mod[i]}, (vft_fp){dot_mod(t, here, stride, m)}).v;
    for (uint32_t k = 0; k < t->nfactors; k++) here[k] += m * stride[k];
  }
}

/* Runs the leaf for every value of the first `outer` contracted axes. */
static void run_contracted(ring r, block *out, size_t i, const vft_sum_term *t, const size_t *start,
                           const size_t *stride, size_t n) {
  uint32_t outer = t->ncontracted - t->dot, digit[VFT_MAX_INDEX] = {0};
  size_t at[VFT_MAX_FACTORS] = {0};
  memcpy(at, start, t->nfactors * sizeof *at);
  for (;;) {
    run_leaf(r, out, i, t->dot, t, at, stride, n);
    uint32_t c = outer;
    while (c-- > 0) {
      const vft_sum_axis *a = &t->contracted[c];
      if (++digit[c] < a->size) {
        for (uint32_t k = 0; k < t->nfactors; k++) at[k] += a->stride[k];
        break;
      }
      digit[c] = 0;
      for (uint32_t k = 0; k < t->nfactors; k++) at[k] -= (a->size - 1) * a->stride[k];
    }
    if (c == UINT32_MAX) return;
  }
}

/* Points [begin, begin + n) that lie in one row (n <= BLOCK). */
static void eval_row(const vft_sum *s, ring r, size_t begin, size_t n, block *out) {
  uint32_t last = s->nfree - 1;
  size_t digit[VFT_MAX_INDEX], rest = begin;
  for (uint32_t v = s->nfree; v-- > 0;) {
    digit[v] = rest % s->size[v];
    rest /= s->size[v];
  }
  if (r == NARROW) memset(out->narrow, 0, n * sizeof out->narrow[0]);
  if (r == WIDE) memset(out->wide, 0, n * sizeof out->wide[0]);
  if (r == MOD) memset(out->mod, 0, n * sizeof out->mod[0]);
  for (uint32_t j = 0; j < s->nterms; j++) {
    const vft_sum_term *t = &s->term[j];
    size_t at[VFT_MAX_FACTORS] = {0};
    for (uint32_t k = 0; k < t->nfactors; k++) {
      at[k] = t->base[k];
      for (uint32_t v = 0; v < s->nfree; v++) at[k] += digit[v] * t->free_stride[v][k];
    }
    if (!t->dot) {
      run_contracted(r, out, 0, t, at, t->free_stride[last], n);
      continue;
    }
    const vft_sum_axis *inner = &t->contracted[t->ncontracted - 1];
    for (size_t i = 0; i < n; i++) {
      run_contracted(r, out, i, t, at, inner->stride, inner->size);
      for (uint32_t k = 0; k < t->nfactors; k++) at[k] += t->free_stride[last][k];
    }
  }
}

static size_t row_piece(const vft_sum *s, size_t begin, size_t n) {
  size_t row = s->size[s->nfree - 1], left = row - begin % row;
  if (n > left) n = left;
  return n < BLOCK ? n : BLOCK;
}

static void eval_field(const vft_sum *sum, size_t begin, size_t n, int64_t *out) {
  uint64_t v[BLOCK];
  for (size_t done = 0; done < n;) {
    size_t m = n - done < BLOCK ? n - done : BLOCK;
    vft_sum_eval_mod(sum, begin + done, m, v);
    for (size_t i = 0; i < m; i++) out[done + i] = vft_field_signed((vft_fp){v[i]});
    done += m;
  }
}

void vft_sum_eval(const vft_sum *sum, size_t begin, size_t n, int64_t *out) {
  block b;
  if (sum->field) {
    eval_field(sum, begin, n, out);
    return;
  }
  for (size_t done = 0; done < n;) {
    size_t m = row_piece(sum, begin + done, n - done);
    eval_row(sum, sum->narrow ? NARROW : WIDE, begin + done, m, &b);
    if (sum->narrow) {
      memcpy(out + done, b.narrow, m * sizeof *out);
    } else {
      for (size_t i = 0; i < m; i++)
        out[done + i] = b.wide[i] >= INT64_MAX   ? INT64_MAX
                        : b.wide[i] <= INT64_MIN ? INT64_MIN
                                                 : (int64_t)b.wide[i];
    }
    done += m;
  }
}

void vft_sum_eval_mod(const vft_sum *sum, size_t begin, size_t n, uint64_t *out) {
  block b;
  for (size_t done = 0; done < n;) {
    size_t m = row_piece(sum, begin + done, n - done);
    eval_row(sum, MOD, begin + done, m, &b);
    memcpy(out + done, b.mod, m * sizeof *out);
    done += m;
  }
}
