/* The plain checker: every relation and lookup at every point, over the integers and modulo p. */
#include <inttypes.h>
#include <stdatomic.h>
#include <string.h>

#include "base/pool.h"
#include "field/goldilocks.h"
#include "relation/rows.h"

typedef struct {
  const vft_program *program;
  const vft_trace *trace;
  vft_ranges ranges;
  bool *failed; /* may be NULL */
  bool any;     /* a failure has been recorded */
} checker;

size_t vft_program_check_count(const vft_program *program) {
  return (size_t)program->nrelations + program->nlookups + program->ntables + program->ntensors;
}

char *vft_program_check_id(const vft_program *program, size_t i, char *buf, size_t size) {
  const vft_program *p = program;
  const char *kind = "none", *name = "";
  if (i < p->nrelations) {
    kind = "relation", name = p->relations[i].name;
  } else if ((i -= p->nrelations) < p->nlookups) {
    kind = "lookup", name = p->lookups[i].name;
  } else if ((i -= p->nlookups) < p->ntables) {
    kind = "table", name = p->tables[i].name;
  } else if ((i -= p->ntables) < p->ntensors) {
    kind = "tensor", name = p->tensors[i].name;
  }
  snprintf(buf, size, "%s/%s", kind, name);
  return buf;
}

/* Flags check number i; true when it is the first failure, whose message the caller records. */
static bool note(checker *c, size_t i) {
  if (c->failed) c->failed[i] = true;
  bool first = !c->any;
  c->any = true;
  return first;
}

/* ---- relations ---- */

typedef struct {
  const vft_sum *sum;
  const vft_array *target; /* NULL: compare with 0 */
  bool mod;                /* modulo p instead of integers */
  bool lemma;              /* values must lie in [lo, hi] */
  int64_t lo, hi;
  _Atomic size_t bad;
} point_job;

static void point_body(void *ctx, size_t begin, size_t end) {
  point_job *job = ctx;
  int64_t v[VFT_SUM_BLOCK];
  uint64_t m[VFT_SUM_BLOCK];
  const int64_t limit = (int64_t)1 << 62;
  size_t bad = SIZE_MAX;
  for (size_t at = begin; at < end && bad == SIZE_MAX; at += VFT_SUM_BLOCK) {
    size_t n = end - at < VFT_SUM_BLOCK ? end - at : VFT_SUM_BLOCK;
    if (job->mod)
      vft_sum_eval_mod(job->sum, at, n, m);
    else
      vft_sum_eval(job->sum, at, n, v);
    for (size_t i = 0; i < n && bad == SIZE_MAX; i++) {
      int64_t want = job->target ? vft_array_get(job->target, at + i) : 0;
      bool ok = job->mod     ? m[i] == vft_fp_from_i64(want).v
                : job->lemma ? v[i] >= job->lo && v[i] <= job->hi
                             : v[i] == want && want > -limit && want < limit;
      if (!ok) bad = at + i;
    }
  }
  size_t seen = atomic_load(&job->bad);
  while (bad < seen && !atomic_compare_exchange_weak(&job->bad, &seen, bad)) {
  }
}

static size_t first_bad(point_job *job) {
  atomic_store(&job->bad, SIZE_MAX);
  vft_parallel_for(job->sum->points, vft_sum_grain(job->sum), point_body, job);
  return atomic_load(&job->bad);
}

static vft_status check_lemmas(checker *c, uint32_t i) {
  const vft_relation *r = &c->program->relations[i];
  for (uint32_t k = 0; k < r->nterms; k++) {
    const vft_term *t = &r->terms[k];
    if (!t->lemma) continue;
    vft_sum sum;
    TRY(vft_sum_plan(&sum, &c->ranges, r->name, r->nindex, r->nfree, r->size, t, 1));
    point_job job = {.sum = &sum, .lemma = true, .lo = t->lemma_lo, .hi = t->lemma_hi};
    size_t bad = first_bad(&job);
    if (bad != SIZE_MAX && note(c, i)) {
      int64_t v;
      char id[160];
      vft_sum_eval(&sum, bad, 1, &v);
      (void)vft_reject(vft_program_check_id(c->program, i, id, sizeof id),
                       "relation %s, point %zu: term %u = %" PRId64
                       " leaves its declared lemma [%" PRId64 ", %" PRId64 "]",
                       r->name, bad, k, v, t->lemma_lo, t->lemma_hi);
    }
    vft_sum_free(&sum);
  }
  return VFT_OK;
}

static vft_status check_relation(checker *c, uint32_t i) {
  const vft_relation *r = &c->program->relations[i];
  const vft_array *target = NULL;
  if (r->kind == VFT_DEFINE) {
    target = &c->trace->array[r->target];
    if (!target->data)
      return vft_fail(VFT_USAGE, "%s: tensor %s has no values", r->name,
                      c->program->tensors[r->target].name);
  }
  vft_sum sum;
  TRY(vft_sum_plan(&sum, &c->ranges, r->name, r->nindex, r->nfree, r->size, r->terms, r->nterms));
  point_job job = {.sum = &sum, .target = target};
  size_t over_z = r->field ? SIZE_MAX : first_bad(&job);
  job.mod = true;
  size_t over_p = first_bad(&job);
  if ((over_z != SIZE_MAX || over_p != SIZE_MAX) && note(c, i)) {
    size_t at = over_z < over_p ? over_z : over_p;
    int64_t v, want = target ? vft_array_get(target, at) : 0;
    uint64_t m;
    char id[160];
    vft_sum_eval(&sum, at, 1, &v);
    vft_sum_eval_mod(&sum, at, 1, &m);
    bool wraps = m == vft_fp_from_i64(want).v;
    (void)vft_reject(vft_program_check_id(c->program, i, id, sizeof id),
                     "relation %s, point %zu: %" PRId64 "%s instead of %" PRId64 "%s", r->name, at,
                     v, v == INT64_MAX || v == INT64_MIN ? " (or beyond)" : "", want,
                     wraps && !r->field ? " (equal modulo p only: a wrapped witness)" : "");
  }
  vft_sum_free(&sum);
  return check_lemmas(c, i);
}

/* ---- lookups, multiplicities, assumed bounds ---- */

static vft_status check_lookups(checker *c) {
  const vft_program *p = c->program;
  vft_row_counts counts;
  TRY(vft_row_counts_init(&counts, c->trace));
  vft_status st = VFT_OK;
  for (uint32_t i = 0; i < p->nlookups; i++) {
    size_t bad;
    TRY_OUT(vft_row_counts_add(&counts, &c->ranges, &p->lookups[i], &bad));
    if (bad != SIZE_MAX && note(c, (size_t)p->nrelations + i))
      (void)vft_row_describe(&counts, &c->ranges, &p->lookups[i], bad, VFT_REJECTED);
  }
  for (uint32_t i = 0; i < p->ntables; i++) {
    const vft_table *t = &p->tables[i];
    const vft_array *mult = &c->trace->array[t->mult];
    if (!mult->data) {
      st = vft_fail(VFT_USAGE, "table %s: tensor %s has no values", t->name,
                    p->tensors[t->mult].name);
      goto out;
    }
    for (size_t row = 0; row < t->rows; row++) {
      int64_t have = vft_array_get(mult, row), want = (int64_t)vft_row_counts_get(&counts, i, row);
      if (t->kind == VFT_TABLE_RANGE && row < 2) { /* two equal rows: only their sum is fixed */
        have = vft_array_get(mult, 0) + vft_array_get(mult, 1);
        want = (int64_t)vft_row_counts_get(&counts, i, 1);
      }
      if (have == want) continue;
      char id[160];
      size_t check = (size_t)p->nrelations + p->nlookups + i;
      if (note(c, check))
        (void)vft_reject(vft_program_check_id(p, check, id, sizeof id),
                         "table %s: row %zu is looked up %" PRId64 " times, %s says %" PRId64,
                         t->name, row, want, p->tensors[t->mult].name, have);
      break;
    }
  }
out:
  vft_row_counts_free(&counts);
  return st;
}

/* What the bound checker assumes and no relation of this program proves. */
static bool assumed(const vft_program *p, const vft_tensor *t) {
  return t->origin == VFT_PUBLIC || t->origin == VFT_ORACLE ||
         (t->origin == VFT_LINK && !p->link_output[t->group]);
}

static vft_status check_assumed(checker *c) {
  const vft_program *p = c->program;
  for (uint32_t i = 0; i < p->ntensors; i++) {
    const vft_tensor *t = &p->tensors[i];
    if (!assumed(p, t)) continue;
    if (!c->trace->array[i].data)
      return vft_fail(VFT_USAGE, "tensor %s has no values", t->name);
    if (t->field) continue; /* every integer stands for an element */
    int64_t lo, hi;
    vft_array_range(&c->trace->array[i], vft_tensor_count(t), &lo, &hi);
    size_t check = (size_t)p->nrelations + p->nlookups + p->ntables + i;
    char id[160];
    if ((lo < t->lo || hi > t->hi) && note(c, check))
      (void)vft_reject(vft_program_check_id(p, check, id, sizeof id),
                       "tensor %s has values in [%" PRId64 ", %" PRId64 "], declared [%" PRId64
                       ", %" PRId64 "]",
                       t->name, lo, hi, t->lo, t->hi);
  }
  return VFT_OK;
}

vft_status vft_program_check_trace(const vft_program *program, const vft_trace *trace,
                                   bool *failed) {
  checker c = {.program = program, .trace = trace, .failed = failed};
  if (failed) memset(failed, 0, vft_program_check_count(program) * sizeof *failed);
  vft_error_clear();
  TRY(vft_ranges_init(&c.ranges, trace));
  vft_status st = VFT_OK;
  for (uint32_t i = 0; i < program->nrelations; i++) TRY_OUT(check_relation(&c, i));
  TRY_OUT(check_lookups(&c));
  TRY_OUT(check_assumed(&c));
  if (c.any) st = VFT_REJECTED;
out:
  vft_ranges_free(&c.ranges);
  return st;
}
