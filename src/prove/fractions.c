#include "prove/fractions.h"

#include <string.h>

#include "base/mem.h"
#include "field/batch.h"
#include "prove/array.h"

typedef struct {
  const vft_array *a;
  size_t base, stride[VFT_MAX_INDEX]; /* elements a step of each index */
} leaf_factor;

/* coef * prod of factors, coef being -beta^column * the term's */
typedef struct {
  vft_ext coef;
  uint32_t nfactors;
  leaf_factor factor[VFT_MAX_FACTORS];
} leaf_term;

typedef struct {
  vft_ext constant; /* alpha and the constant terms */
  leaf_term *term;
  uint32_t nterms;
} leaf_lookup;

struct vft_leaves {
  const vft_program *program;
  const vft_trace *trace;
  const vft_fractions *fr;
  vft_ext alpha, beta[VFT_LOOKUP_COLS];
  leaf_lookup *lookup;
};

static void add_leaf_term(vft_leaves *l, leaf_lookup *out, const vft_term *term, vft_ext power) {
  leaf_term t = {.coef = vft_ext_neg(vft_ext_mul(power, vft_ext_from_i64(term->coef)))};
  for (uint32_t f = 0; f < term->nfactors; f++) {
    const vft_factor *factor = &term->factor[f];
    const vft_tensor *tensor = &l->program->tensors[factor->tensor];
    leaf_factor *x = &t.factor[t.nfactors];
    memset(x, 0, sizeof *x);
    x->a = &l->trace->array[factor->tensor];
    if (tensor->rank == 0 && tensor->origin == VFT_PUBLIC) {
      t.coef = vft_ext_mul(t.coef, vft_ext_from_i64(vft_array_get(x->a, 0)));
      continue;
    }
    size_t stride = 1;
    for (uint32_t a = tensor->rank; a-- > 0;) {
      x->base += factor->off[a] * stride;
      x->stride[factor->idx[a]] += stride;
      stride *= tensor->dims[a];
    }
    t.nfactors++;
  }
  if (t.nfactors == 0)
    out->constant = vft_ext_add(out->constant, t.coef);
  else
    out->term[out->nterms++] = t;
}

/* ---- filling a tile ---- */

static void factor_run(const leaf_factor *f, size_t at, size_t stride, size_t n, vft_fp *out) {
  if (stride == 1) {
    vft_array_load(out, f->a, at, n);
    return;
  }
  for (size_t i = 0; i < n; i++) out[i] = vft_fp_from_i64(vft_array_get(f->a, at + i * stride));
}

/* den[0..n) += the term along a run; at[f], step[f]: first element and step of each factor. */
static void add_run(const leaf_term *t, const size_t *at, const size_t *step, size_t n,
                    vft_ext *den) {
  vft_fp x[VFT_LOGUP_TILE], y[VFT_LOGUP_TILE];
  const leaf_factor *f = t->factor;
  if (t->nfactors == 1 && step[0] == 1) {
    vft_array_axpy(den, t->coef, f->a, at[0], n);
    return;
  }
  if (t->nfactors == 1 && step[0] == 0) {
    vft_ext v = vft_ext_mul_fp(t->coef, vft_fp_from_i64(vft_array_get(f->a, at[0])));
    for (size_t i = 0; i < n; i++) den[i] = vft_ext_add(den[i], v);
    return;
  }
  factor_run(&f[0], at[0], step[0], n, x);
  for (uint32_t k = 1; k < t->nfactors; k++) {
    factor_run(&f[k], at[k], step[k], n, y);
    vft_fp_mul_n(x, x, y, n);
  }
  vft_ext_axpy_elem(den, t->coef, VFT_ELEM_FP, x, n);
}

/* Trailing axes of the block that are one run for every factor: the run's first axis; the step
 * along the run is that of the last axis. */
static uint32_t run_axis(const leaf_lookup *l, const vft_block *b, uint32_t rank) {
  uint32_t first = rank - 1;
  while (first > 0) {
    size_t len = (size_t)1 << b->log[first];
    for (uint32_t k = 0; k < l->nterms; k++)
      for (uint32_t f = 0; f < l->term[k].nfactors; f++) {
        const size_t *stride = l->term[k].factor[f].stride;
        if (stride[first - 1] != len * stride[first]) return first;
      }
    first--;
  }
  return first;
}

/* Leaves begin .. begin + n - 1 of a lookup's block. */
static void fill_lookup(const leaf_lookup *l, const vft_block *b, uint32_t rank, size_t begin,
                        size_t n, vft_ext *den) {
  uint32_t first = rank ? run_axis(l, b, rank) : 0;
  unsigned run_log = 0;
  for (uint32_t a = first; a < rank; a++) run_log += b->log[a];
  size_t run = (size_t)1 << run_log;
  for (size_t i = 0; i < n; i++) den[i] = l->constant;
  for (size_t done = 0; done < n;) {
    size_t index = begin + done, in_run = index & (run - 1), m = run - in_run;
    size_t coord[VFT_MAX_INDEX], rest = index;
    if (m > n - done) m = n - done;
    for (uint32_t a = rank; a-- > 0;) {
      coord[a] = b->start[a] + (rest & (((size_t)1 << b->log[a]) - 1));
      rest >>= b->log[a];
    }
    for (uint32_t k = 0; k < l->nterms; k++) {
      const leaf_term *t = &l->term[k];
      size_t at[VFT_MAX_FACTORS], step[VFT_MAX_FACTORS];
      for (uint32_t f = 0; f < t->nfactors; f++) {
        at[f] = t->factor[f].base;
        for (uint32_t a = 0; a < rank; a++) at[f] += coord[a] * t->factor[f].stride[a];
        step[f] = rank ? t->factor[f].stride[rank - 1] : 0;
      }
      add_run(t, at, step, m, den + done);
    }
    done += m;
  }
}

/* Rows begin .. begin + n - 1 of a table: numerator -multiplicity. */
static void fill_table(const vft_leaves *l, const vft_table *table, size_t begin, size_t n,
                       vft_fp *num, vft_ext *den) {
  vft_array_load(num, &l->trace->array[table->mult], begin, n);
  for (size_t i = 0; i < n; i++) num[i] = vft_fp_neg(num[i]);
  for (size_t i = 0; i < n; i++) {
    int64_t row = (int64_t)(begin + i), tag = table->tag, c1 = table->first + row;
    if (table->kind == VFT_TABLE_RANGE) {
      tag = row ? 63 - __builtin_clzll((uint64_t)row) : 0;
      c1 = row ? row - ((int64_t)1 << tag) : 0;
    }
    den[i] = vft_ext_sub(vft_ext_sub(l->alpha, vft_ext_from_i64(tag)),
                         vft_ext_mul_fp(l->beta[1], vft_fp_from_i64(c1)));
  }
  for (unsigned j = 0; table->kind == VFT_TABLE_FUNCTION && j < VFT_TABLE_OUTS; j++)
    if (table->out[j] != VFT_NO_TENSOR)
      vft_array_axpy(den, vft_ext_neg(l->beta[2 + j]), &l->trace->array[table->out[j]], begin, n);
}

static bool fill(void *ctx, size_t start, size_t count, vft_fp *num, vft_ext *den) {
  const vft_leaves *l = ctx;
  const vft_layout *lay = &l->fr->layout;
  bool ones = true;
  uint32_t lo = 0, hi = lay->nblocks; /* the last block that starts at or before `start` */
  while (hi - lo > 1) {
    uint32_t mid = lo + (hi - lo) / 2;
    if (lay->blocks[mid].offset <= start)
      lo = mid;
    else
      hi = mid;
  }
  for (size_t done = 0; done < count; lo++) {
    const vft_block *b = &lay->blocks[lo];
    size_t begin = start + done - b->offset, n = ((size_t)1 << b->log_size) - begin;
    if (n > count - done) n = count - done;
    if (b->box < l->program->nlookups) {
      for (size_t i = 0; i < n; i++) num[done + i] = (vft_fp){1};
      fill_lookup(&l->lookup[b->box], b, lay->boxes[b->box].rank, begin, n, den + done);
    } else {
      ones = false;
      fill_table(l, &l->program->tables[b->box - l->program->nlookups], b->start[0] + begin, n, num + done,
                 den + done);
    }
    done += n;
  }
  return ones;
}

/* ---- */

vft_status vft_leaves_new(vft_leaves **out, const vft_trace *trace, const vft_fractions *fr,
                          vft_ext alpha, vft_ext beta, unsigned recompute,
                          vft_logup_leaves *leaves) {
  const vft_program *p = trace->program;
  vft_leaves *l = vft_alloc(1, sizeof *l);
  if (!l) return VFT_RESOURCE;
  l->program = p;
  l->trace = trace;
  l->fr = fr;
  l->alpha = alpha;
  l->beta[0] = VFT_EXT_ONE;
  for (unsigned j = 1; j < VFT_LOOKUP_COLS; j++) l->beta[j] = vft_ext_mul(l->beta[j - 1], beta);
  l->lookup = vft_alloc(p->nlookups, sizeof *l->lookup);
  if (!l->lookup) goto no_memory;
  for (uint32_t i = 0; i < p->nlookups; i++) {
    const vft_lookup *lookup = &p->lookups[i];
    leaf_lookup *x = &l->lookup[i];
    uint32_t nterms = 0;
    for (unsigned j = 0; j < VFT_LOOKUP_COLS; j++) nterms += lookup->col[j].nterms;
    x->constant = alpha;
    x->term = vft_alloc(nterms, sizeof *x->term);
    if (!x->term) goto no_memory;
    for (unsigned j = 0; j < VFT_LOOKUP_COLS; j++)
      for (uint32_t k = 0; k < lookup->col[j].nterms; k++)
        add_leaf_term(l, x, &lookup->col[j].terms[k], l->beta[j]);
  }
  *leaves = (vft_logup_leaves){.fill = fill, .ctx = l, .recompute = recompute};
  *out = l;
  return VFT_OK;
no_memory:
  vft_leaves_free(l);
  return VFT_RESOURCE;
}

void vft_leaves_free(vft_leaves *l) {
  if (!l) return;
  for (uint32_t i = 0; l->lookup && i < l->program->nlookups; i++) vft_free(l->lookup[i].term);
  vft_free(l->lookup);
  vft_free(l);
}
