/* Table rows by direct computation from the tag and the first column. */
#include "relation/rows.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <string.h>

#include "base/pool.h"

enum { MAX_SLOTS = 16 };

vft_status vft_row_counts_init(vft_row_counts *counts, const vft_trace *trace) {
  const vft_program *p = trace->program;
  memset(counts, 0, sizeof *counts);
  counts->trace = trace;
  counts->range = UINT32_MAX;
  int threads = vft_threads();
  counts->slots = threads < MAX_SLOTS ? (uint32_t)threads : MAX_SLOTS;
  counts->first_row = vft_alloc(p->ntables, sizeof *counts->first_row);
  if (!counts->first_row) return VFT_RESOURCE;
  for (uint32_t i = 0; i < p->ntables; i++) {
    const vft_table *t = &p->tables[i];
    counts->first_row[i] = counts->rows;
    counts->rows += t->rows;
    if (t->kind == VFT_TABLE_RANGE) {
      counts->range = i;
      continue;
    }
    for (int c = 0; c < VFT_TABLE_OUTS; c++)
      if (t->out[c] != VFT_NO_TENSOR && !trace->array[t->out[c]].data) {
        vft_free(counts->first_row);
        return vft_fail(VFT_USAGE, "table %s: tensor %s has no values", t->name,
                        p->tensors[t->out[c]].name);
      }
  }
  counts->count = vft_alloc(counts->slots * counts->rows, sizeof *counts->count);
  if (!counts->count) {
    vft_free(counts->first_row);
    return VFT_RESOURCE;
  }
  return VFT_OK;
}

void vft_row_counts_free(vft_row_counts *counts) {
  vft_free(counts->first_row);
  vft_free(counts->count);
  memset(counts, 0, sizeof *counts);
}

static bool has_row(const vft_table *t, int64_t c1) {
  return c1 >= t->first && c1 < t->first + (int64_t)t->rows;
}

/* The table with the row, or, if none has it, one with the tag. Several tables may share a tag. */
static uint32_t table_of(const vft_row_counts *counts, int64_t tag, int64_t c1) {
  if (tag >= 0 && tag <= VFT_MAX_RANGE_BITS) return counts->range;
  const vft_program *p = counts->trace->program;
  uint32_t some = UINT32_MAX;
  for (uint32_t i = 0; i < p->ntables; i++) {
    if (p->tables[i].kind != VFT_TABLE_FUNCTION || p->tables[i].tag != tag) continue;
    some = i;
    if (has_row(&p->tables[i], c1)) break;
  }
  return some;
}

/* The position of the tuple among all tables' rows, or SIZE_MAX. Clamped columns (INT64_MAX or
 * INT64_MIN for values beyond int64) are in no table. */
static size_t row_of(const vft_row_counts *counts, uint32_t table, const int64_t c[VFT_LOOKUP_COLS]) {
  if (table == UINT32_MAX) return SIZE_MAX;
  const vft_program *p = counts->trace->program;
  const vft_table *t = &p->tables[table];
  if (t->kind == VFT_TABLE_RANGE) {
    if (c[1] < 0 || c[1] >> c[0] || c[2] || c[3] || c[4]) return SIZE_MAX;
    return counts->first_row[table] + ((size_t)1 << c[0]) + (size_t)c[1];
  }
  if (!has_row(t, c[1])) return SIZE_MAX;
  size_t row = (size_t)(c[1] - t->first);
  for (int k = 0; k < VFT_TABLE_OUTS; k++) {
    int64_t want =
        t->out[k] == VFT_NO_TENSOR ? 0 : vft_array_get(&counts->trace->array[t->out[k]], row);
    if (c[2 + k] != want) return SIZE_MAX;
  }
  return counts->first_row[table] + row;
}

typedef struct {
  vft_row_counts *counts;
  vft_sum col[VFT_LOOKUP_COLS];
  size_t grain; /* one chunk a slot */
  _Atomic size_t bad;
} count_job;

static void count_body(void *ctx, size_t begin, size_t end) {
  count_job *job = ctx;
  vft_row_counts *counts = job->counts;
  uint32_t *count = counts->count + begin / job->grain * counts->rows;
  int64_t col[VFT_LOOKUP_COLS][VFT_SUM_BLOCK], tag = -1;
  uint32_t table = UINT32_MAX;
  size_t bad = SIZE_MAX;
  for (size_t at = begin; at < end; at += VFT_SUM_BLOCK) {
    size_t n = end - at < VFT_SUM_BLOCK ? end - at : VFT_SUM_BLOCK;
    for (int c = 0; c < VFT_LOOKUP_COLS; c++) vft_sum_eval(&job->col[c], at, n, col[c]);
    for (size_t i = 0; i < n; i++) {
      if (col[0][i] != tag || table == UINT32_MAX ||
          (table != counts->range && !has_row(&counts->trace->program->tables[table], col[1][i])))
        table = table_of(counts, tag = col[0][i], col[1][i]);
      size_t row = row_of(counts, table, (int64_t[]){tag, col[1][i], col[2][i], col[3][i], col[4][i]});
      if (row == SIZE_MAX)
        bad = at + i < bad ? at + i : bad;
      else
        count[row]++;
    }
  }
  size_t seen = atomic_load(&job->bad);
  while (bad < seen && !atomic_compare_exchange_weak(&job->bad, &seen, bad)) {
  }
}

static vft_status plan_columns(vft_sum *col, vft_ranges *ranges, const vft_lookup *l) {
  for (int c = 0; c < VFT_LOOKUP_COLS; c++) {
    vft_status st = vft_sum_plan(&col[c], ranges, l->name, l->nindex, l->nindex, l->size,
                                 l->col[c].terms, l->col[c].nterms);
    if (st != VFT_OK) {
      while (c-- > 0) vft_sum_free(&col[c]);
      return st;
    }
  }
  return VFT_OK;
}

vft_status vft_row_counts_add(vft_row_counts *counts, vft_ranges *ranges, const vft_lookup *lookup,
                              size_t *bad) {
  count_job job = {.counts = counts, .bad = SIZE_MAX};
  TRY(plan_columns(job.col, ranges, lookup));
  vft_status st = VFT_OK;
  size_t n = job.col[0].points;
  if (n >= (uint64_t)UINT32_MAX - counts->points) {
    st = vft_fail(VFT_RESOURCE, "lookup %s: 2^32 lookups in one proof", lookup->name);
    goto out;
  }
  counts->points += n;
  job.grain = (n + counts->slots - 1) / counts->slots;
  vft_parallel_for(n, job.grain, count_body, &job);
  *bad = atomic_load(&job.bad);
out:
  for (int c = 0; c < VFT_LOOKUP_COLS; c++) vft_sum_free(&job.col[c]);
  return st;
}

uint64_t vft_row_counts_get(const vft_row_counts *counts, uint32_t table, size_t row) {
  uint64_t sum = 0;
  for (uint32_t s = 0; s < counts->slots; s++)
    sum += counts->count[s * counts->rows + counts->first_row[table] + row];
  return sum;
}

vft_status vft_row_describe(const vft_row_counts *counts, vft_ranges *ranges,
                            const vft_lookup *lookup, size_t bad, vft_status code) {
  vft_sum col[VFT_LOOKUP_COLS];
  int64_t v[VFT_LOOKUP_COLS];
  TRY(plan_columns(col, ranges, lookup));
  for (int c = 0; c < VFT_LOOKUP_COLS; c++) {
    vft_sum_eval(&col[c], bad, 1, &v[c]);
    vft_sum_free(&col[c]);
  }
  uint32_t table = table_of(counts, v[0], v[1]);
  const char *name =
      table == UINT32_MAX ? "no table" : counts->trace->program->tables[table].name;
  char id[160], text[256];
  snprintf(id, sizeof id, "lookup/%s", lookup->name);
  snprintf(text, sizeof text,
           "lookup %s, point %zu: (%" PRId64 ", %" PRId64 ", %" PRId64 ", %" PRId64 ", %" PRId64
           ") is not a row of %s",
           lookup->name, bad, v[0], v[1], v[2], v[3], v[4], name);
  return code == VFT_REJECTED ? vft_reject(id, "%s", text) : vft_fail(code, "%s", text);
}
