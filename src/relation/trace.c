/* Traces: typed arrays, completion of virtual tensors, multiplicities. */
#include <stdatomic.h>
#include <string.h>

#include "base/pool.h"
#include "relation/eval.h"
#include "relation/rows.h"

/* ---- arrays ---- */

vft_dtype vft_dtype_for(int64_t lo, int64_t hi) {
  if (lo >= INT8_MIN && hi <= INT8_MAX) return VFT_I8;
  if (lo >= INT16_MIN && hi <= INT16_MAX) return VFT_I16;
  if (lo >= 0 && hi <= UINT16_MAX) return VFT_U16;
  if (lo >= INT32_MIN && hi <= INT32_MAX) return VFT_I32;
  return VFT_I64;
}

size_t vft_dtype_size(vft_dtype t) {
  static const uint8_t size[] = {1, 2, 2, 4, 8};
  return size[t];
}

int64_t vft_array_get(const vft_array *a, size_t i) {
  switch (a->dtype) {
    case VFT_I8: return ((const int8_t *)a->data)[i];
    case VFT_I16: return ((const int16_t *)a->data)[i];
    case VFT_U16: return ((const uint16_t *)a->data)[i];
    case VFT_I32: return ((const int32_t *)a->data)[i];
    default: return ((const int64_t *)a->data)[i];
  }
}

void vft_array_store(vft_array *a, size_t begin, const int64_t *v, size_t n) {
#define STORE(tag, type)                                        \
  case tag:                                                     \
    for (size_t i = 0; i < n; i++) ((type *)a->data)[begin + i] = (type)v[i]; \
    break;
  switch (a->dtype) {
    STORE(VFT_I8, int8_t)
    STORE(VFT_I16, int16_t)
    STORE(VFT_U16, uint16_t)
    STORE(VFT_I32, int32_t)
    STORE(VFT_I64, int64_t)
  }
#undef STORE
}

void vft_array_set(vft_array *a, size_t i, int64_t v) { vft_array_store(a, i, &v, 1); }

/* Of the elements begin .. end - 1, at least one. */
static void scan(const vft_array *a, size_t begin, size_t end, int64_t *lo, int64_t *hi) {
#define SCAN(tag, type)                     \
  case tag: {                               \
    const type *x = a->data;                \
    type least = x[begin], most = least;    \
    for (size_t i = begin; i < end; i++) {  \
      least = x[i] < least ? x[i] : least;  \
      most = x[i] > most ? x[i] : most;     \
    }                                       \
    *lo = least;                            \
    *hi = most;                             \
    break;                                  \
  }
  switch (a->dtype) {
    SCAN(VFT_I8, int8_t)
    SCAN(VFT_I16, int16_t)
    SCAN(VFT_U16, uint16_t)
    SCAN(VFT_I32, int32_t)
    SCAN(VFT_I64, int64_t)
  }
#undef SCAN
}

typedef struct {
  const vft_array *a;
  _Atomic int64_t lo, hi;
} range_job;

static void range_body(void *ctx, size_t begin, size_t end) {
  range_job *j = ctx;
  int64_t lo, hi;
  scan(j->a, begin, end, &lo, &hi);
  int64_t seen = atomic_load(&j->lo);
  while (lo < seen && !atomic_compare_exchange_weak(&j->lo, &seen, lo)) {
  }
  seen = atomic_load(&j->hi);
  while (hi > seen && !atomic_compare_exchange_weak(&j->hi, &seen, hi)) {
  }
}

void vft_array_range(const vft_array *a, size_t n, int64_t *lo, int64_t *hi) {
  range_job j = {a, INT64_MAX, INT64_MIN};
  vft_parallel_for(n, 1 << 15, range_body, &j);
  *lo = atomic_load(&j.lo);
  *hi = atomic_load(&j.hi);
}

/* ---- trace ---- */

vft_dtype vft_tensor_dtype(const vft_tensor *t) {
  return t->field ? VFT_I64 : vft_dtype_for(t->lo, t->hi);
}

vft_status vft_trace_init(vft_trace *trace, const vft_program *program) {
  uint32_t n = program->ntensors;
  trace->program = program;
  trace->array = vft_alloc(n, sizeof *trace->array);
  trace->owned = vft_alloc(n, sizeof *trace->owned);
  if (!trace->array || !trace->owned) {
    vft_free(trace->array);
    vft_free(trace->owned);
    memset(trace, 0, sizeof *trace);
    return VFT_RESOURCE;
  }
  for (uint32_t i = 0; i < n; i++) {
    const vft_tensor *t = &program->tensors[i];
    trace->array[i].dtype = t->values ? VFT_I64 : vft_tensor_dtype(t);
    trace->array[i].data = (void *)t->values; /* read only: vft_trace_alloc never keeps it */
  }
  return VFT_OK;
}

void vft_trace_free(vft_trace *trace) {
  if (!trace->array) return;
  for (uint32_t i = 0; i < trace->program->ntensors; i++)
    if (trace->owned[i]) vft_free(trace->array[i].data);
  vft_free(trace->array);
  vft_free(trace->owned);
  memset(trace, 0, sizeof *trace);
}

vft_status vft_trace_alloc(vft_trace *trace, vft_tensor_id id) {
  const vft_tensor *t = &trace->program->tensors[id];
  vft_array *a = &trace->array[id];
  if (trace->owned[id]) vft_free(a->data);
  trace->owned[id] = false;
  a->dtype = vft_tensor_dtype(t);
  a->data = vft_alloc(vft_tensor_count(t), vft_dtype_size(a->dtype));
  if (!a->data) return vft_fail_context(VFT_RESOURCE, "tensor %s", t->name);
  trace->owned[id] = true;
  return VFT_OK;
}

void vft_trace_supply(vft_trace *trace, vft_tensor_id id, vft_dtype dtype, const void *data) {
  vft_array *a = &trace->array[id];
  if (trace->owned[id]) vft_free(a->data);
  trace->owned[id] = false;
  a->dtype = dtype;
  a->data = (void *)data;
}

/* ---- virtual tensors ---- */

/* Keeps the least of the offered positions: the same result for any order of the threads. */
static void offer_min(_Atomic size_t *least, size_t at) {
  size_t seen = atomic_load(least);
  while (at < seen && !atomic_compare_exchange_weak(least, &seen, at)) {
  }
}

typedef struct {
  const vft_sum *sum;
  const vft_tensor *tensor;
  vft_array *array;
  _Atomic size_t bad; /* first position outside the bounds, SIZE_MAX: none */
} define_job;

static void define_body(void *ctx, size_t begin, size_t end) {
  define_job *job = ctx;
  int64_t v[VFT_SUM_BLOCK];
  for (size_t at = begin; at < end; at += VFT_SUM_BLOCK) {
    size_t n = end - at < VFT_SUM_BLOCK ? end - at : VFT_SUM_BLOCK;
    vft_sum_eval(job->sum, at, n, v);
    for (size_t i = 0; i < n; i++)
      if (!job->tensor->field && (v[i] < job->tensor->lo || v[i] > job->tensor->hi)) {
        offer_min(&job->bad, at + i);
        v[i] = 0; /* storable; the trace is refused anyway */
      }
    vft_array_store(job->array, at, v, n);
  }
}

static vft_status complete_one(vft_trace *trace, vft_ranges *ranges, vft_tensor_id id) {
  const vft_program *p = trace->program;
  const vft_relation *r = &p->relations[vft_program_definition(p, id)];
  const vft_tensor *t = &p->tensors[id];
  vft_sum sum;
  TRY(vft_sum_plan(&sum, ranges, r->name, r->nindex, r->nfree, r->size, r->terms, r->nterms));
  vft_status st;
  TRY_OUT(vft_trace_alloc(trace, id));
  define_job job = {&sum, t, &trace->array[id], SIZE_MAX};
  vft_parallel_for(sum.points, vft_sum_grain(&sum), define_body, &job);
  size_t bad = atomic_load(&job.bad);
  if (bad != SIZE_MAX) {
    int64_t v;
    vft_sum_eval(&sum, bad, 1, &v);
    st = vft_fail(VFT_RESOURCE, "overflow: %s[%zu] = %lld%s leaves its bounds [%lld, %lld]",
                  t->name, bad, (long long)v, v == INT64_MAX || v == INT64_MIN ? " or beyond" : "",
                  (long long)t->lo, (long long)t->hi);
    vft_free(trace->array[id].data); /* a tensor out of bounds stays without values */
    trace->array[id].data = NULL;
    trace->owned[id] = false;
  }
out:
  vft_sum_free(&sum);
  return st;
}

vft_status vft_trace_complete(vft_trace *trace) {
  const vft_program *p = trace->program;
  vft_ranges ranges;
  TRY(vft_ranges_init(&ranges, trace));
  vft_status st = VFT_RESOURCE;
  uint32_t count = 0;
  vft_tensor_id *order = vft_alloc(p->ntensors, sizeof *order);
  if (!order) goto out;
  TRY_OUT(vft_program_virtual_order(p, order, &count));
  for (uint32_t i = 0; i < count; i++)
    if (!trace->array[order[i]].data) TRY_OUT(complete_one(trace, &ranges, order[i]));
out:
  vft_free(order);
  vft_ranges_free(&ranges);
  return st;
}

/* ---- multiplicities ---- */

vft_status vft_trace_count_lookups(vft_trace *trace) {
  const vft_program *p = trace->program;
  vft_ranges ranges;
  vft_row_counts counts;
  TRY(vft_ranges_init(&ranges, trace));
  vft_status st = vft_row_counts_init(&counts, trace);
  if (st != VFT_OK) goto no_counts;
  for (uint32_t i = 0; i < p->nlookups; i++) {
    size_t bad;
    TRY_OUT(vft_row_counts_add(&counts, &ranges, &p->lookups[i], &bad));
    if (bad != SIZE_MAX) {
      st = vft_row_describe(&counts, &ranges, &p->lookups[i], bad, VFT_RESOURCE);
      goto out;
    }
  }
  for (uint32_t i = 0; i < p->ntables; i++) {
    vft_tensor_id id = p->tables[i].mult;
    const vft_tensor *t = &p->tensors[id];
    if (!trace->array[id].data) TRY_OUT(vft_trace_alloc(trace, id));
    for (size_t row = 0; row < t->dims[0]; row++) {
      int64_t n = (int64_t)vft_row_counts_get(&counts, i, row);
      if (n > t->hi) {
        st = vft_fail(VFT_RESOURCE, "table %s: row %zu is looked up %lld times, %s allows %lld",
                      p->tables[i].name, row, (long long)n, t->name, (long long)t->hi);
        goto out;
      }
      vft_array_set(&trace->array[id], row, n);
    }
  }
out:
  vft_row_counts_free(&counts);
no_counts:
  vft_ranges_free(&ranges);
  return st;
}
