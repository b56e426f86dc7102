/* Completion of virtual tensors and the checker's two arithmetics against a naive evaluator, on
 * random sums of einsums with random shapes, offsets, types and thread counts. */
#include "relation/text_program.h"

#include <stdio.h>

#include "base/pool.h"

typedef __int128 wide;

static uint64_t seed = 20261123;

static uint64_t next(void) { /* xorshift64*: any sequence would do */
  seed ^= seed >> 12;
  seed ^= seed << 25;
  seed ^= seed >> 27;
  return seed * 0x2545f4914f6cdd1dull;
}
static uint32_t below(uint32_t n) { return (uint32_t)(next() % n); }
static int64_t between(int64_t lo, int64_t hi) {
  return lo + (int64_t)(next() % ((uint64_t)hi - (uint64_t)lo + 1));
}

/* Value of a relation at one point, by the definition in program.h. */
static wide naive(const vft_relation *r, const vft_trace *t, const uint32_t *point) {
  wide sum = 0;
  for (uint32_t i = 0; i < r->nterms; i++) {
    const vft_term *term = &r->terms[i];
    uint32_t used = 0, at[VFT_MAX_INDEX] = {0};
    for (uint32_t k = 0; k < term->nfactors; k++)
      for (uint32_t a = 0; a < t->program->tensors[term->factor[k].tensor].rank; a++)
        used |= 1u << term->factor[k].idx[a];
    memcpy(at, point, r->nfree * sizeof *at);
    for (;;) {
      wide product = term->coef;
      for (uint32_t k = 0; k < term->nfactors; k++) {
        const vft_factor *f = &term->factor[k];
        const vft_tensor *x = &t->program->tensors[f->tensor];
        size_t pos = 0;
        for (uint32_t a = 0; a < x->rank; a++) pos = pos * x->dims[a] + at[f->idx[a]] + f->off[a];
        product *= vft_array_get(&t->array[f->tensor], pos);
      }
      sum += product;
      uint32_t v = r->nfree;
      for (; v < r->nindex; v++) {
        if (!(used >> v & 1)) continue;
        if (++at[v] < r->size[v]) break;
        at[v] = 0;
      }
      if (v == r->nindex) break;
    }
  }
  return sum;
}

/* A random tensor able to carry the index variables in `vars` (in that order), with offsets. */
static vft_factor random_factor(vft_program *p, const uint32_t *size, uint32_t nindex, int id) {
  static const int64_t bound[][2] = {
      {-128, 127}, {-5, 5}, {-32768, 32767}, {0, 65535}, {-2000000, 2000000}, {-3000000000, 9}};
  char name[32];
  snprintf(name, sizeof name, "x/%d", id);
  uint32_t b = below(6);
  vft_tensor t = {.name = name, .origin = VFT_WITNESS, .lo = bound[b][0], .hi = bound[b][1]};
  vft_factor f = {0};
  uint32_t free_vars[VFT_MAX_INDEX], n = nindex;
  for (uint32_t v = 0; v < nindex; v++) free_vars[v] = v;
  uint32_t rank = below(n < 4 ? n + 1 : 5);
  for (uint32_t a = 0; a < rank; a++) {
    uint32_t pick = below(n), v = free_vars[pick];
    free_vars[pick] = free_vars[--n];
    f.idx[a] = (uint8_t)v;
    f.off[a] = below(3) ? 0 : below(3);
    t.dims[a] = size[v] + f.off[a] + (below(2) ? 0 : below(3));
  }
  t.rank = rank;
  f.tensor = vft_program_add_tensor(p, &t);
  assert_int_not_equal(f.tensor, VFT_NO_TENSOR);
  return f;
}

static void random_sum(uint32_t trial) {
  vft_program *p = vft_program_new("random", 4);
  vft_relation r = {.name = "y", .kind = VFT_DEFINE};
  r.nindex = below(6);
  r.nfree = r.nindex ? below(r.nindex + 1) : 0;
  for (uint32_t v = 0; v < r.nindex; v++) r.size[v] = 1 + below(5);
  if (r.nindex && trial % 4 == 0) r.size[below(r.nindex)] = 500 + below(600); /* several blocks */
  vft_tensor y = {.name = "y", .origin = VFT_VIRTUAL, .rank = r.nfree};
  memcpy(y.dims, r.size, r.nfree * sizeof *y.dims);
  y.hi = ((int64_t)1 << 62) - 1;
  y.lo = -y.hi;
  vft_term term[4];
  memset(term, 0, sizeof term);
  r.terms = term;
  r.nterms = below(5);
  int id = 0;
  for (uint32_t i = 0; i < r.nterms; i++) {
    term[i].coef = between(-300, 300);
    term[i].nfactors = below(trial % 8 == 1 ? 2 : 4);
    for (uint32_t k = 0; k < term[i].nfactors; k++)
      term[i].factor[k] = random_factor(p, r.size, r.nindex, id++);
  }
  r.target = vft_program_add_tensor(p, &y);
  assert_int_equal(vft_program_add_relation(p, &r), 0);

  vft_trace t;
  assert_int_equal(vft_trace_init(&t, p), VFT_OK);
  for (uint32_t i = 0; i < p->ntensors; i++) {
    const vft_tensor *x = &p->tensors[i];
    if (x->origin != VFT_WITNESS) continue;
    assert_int_equal(vft_trace_alloc(&t, i), VFT_OK);
    for (size_t k = 0; k < vft_tensor_count(x); k++)
      vft_array_set(&t.array[i], k, between(x->lo, x->hi));
  }

  /* Expected values; the sums can leave 2^62, and then completion must say so. */
  const vft_relation *q = &p->relations[0];
  size_t points = vft_tensor_count(&p->tensors[r.target]);
  wide *want = vft_alloc(points, sizeof *want);
  size_t bad = SIZE_MAX;
  for (size_t n = 0; n < points; n++) {
    uint32_t at[VFT_MAX_INDEX] = {0};
    size_t rest = n;
    for (uint32_t v = r.nfree; v-- > 0; rest /= r.size[v]) at[v] = (uint32_t)(rest % r.size[v]);
    want[n] = naive(q, &t, at);
    if (bad == SIZE_MAX && (want[n] < y.lo || want[n] > y.hi)) bad = n;
  }
  vft_threads_set(1 + (int)(trial % 3));
  vft_status st = vft_trace_complete(&t);
  if (bad != SIZE_MAX) {
    char text[40];
    snprintf(text, sizeof text, "y[%zu] = ", bad);
    assert_int_equal(st, VFT_RESOURCE);
    if (!strstr(vft_error_message(), text))
      fail_msg("message '%s', expected '%s'", vft_error_message(), text);
  } else {
    assert_int_equal(st, VFT_OK);
    for (size_t n = 0; n < points; n++)
      if (vft_array_get(&t.array[r.target], n) != want[n])
        fail_msg("trial %u, point %zu", trial, n);
    expect_failures(&t, ""); /* integers and modulo p agree */
    size_t n = below((uint32_t)points);
    vft_array_set(&t.array[r.target], n, (int64_t)want[n] + (want[n] > 0 ? -1 : 1));
    expect_failures(&t, "relation/y");
  }
  vft_free(want);
  vft_trace_free(&t);
  vft_program_free(p);
}

static void random_sums(void **state) {
  (void)state;
  print_message("seed %llu\n", (unsigned long long)seed);
  for (uint32_t trial = 0; trial < 400; trial++) random_sum(trial);
  vft_threads_set(0);
}

/* Intermediate values beyond 2^64 that cancel: only 128-bit arithmetic gives 0. */
static void cancelling(void **state) {
  (void)state;
  vft_program *p = vft_program_new("cancel", 4);
  tensor(p, VFT_WITNESS, "a[700]", -((int64_t)1 << 61), (int64_t)1 << 61);
  tensor(p, VFT_WITNESS, "b[700]", -((int64_t)1 << 61), (int64_t)1 << 61);
  zero(p, "rows", "i<700", "a[i] b[i] - b[i] a[i]");
  zero(p, "sum", "| i<700 k<700", "a[i] b[i] - b[k] a[k]");
  zero(p, "cube", "i<1", "a[i] a[i] a[i] - 0");
  vft_trace t;
  assert_int_equal(vft_trace_init(&t, p), VFT_OK);
  for (uint32_t i = 0; i < 2; i++) {
    assert_int_equal(vft_trace_alloc(&t, i), VFT_OK);
    for (size_t k = 0; k < 700; k++)
      vft_array_set(&t.array[i], k, between(p->tensors[i].lo, p->tensors[i].hi));
  }
  plant(&t, "a", 0, 0);
  expect_failures(&t, "");
  plant(&t, "a", 0, (int64_t)1 << 61); /* the cube leaves 128 bits: not 0, and no crash */
  expect_failures(&t, "relation/cube");
  vft_trace_free(&t);
  vft_program_free(p);
}

static void dtypes(void **state) {
  (void)state;
  static const struct {
    int64_t lo, hi;
    vft_dtype t;
    size_t size;
  } cases[] = {
      {-128, 127, VFT_I8, 1},      {-129, 0, VFT_I16, 2},         {0, 128, VFT_I16, 2},
      {0, 32768, VFT_U16, 2},      {0, 65535, VFT_U16, 2},        {-1, 32768, VFT_I32, 4},
      {0, 65536, VFT_I32, 4},      {INT32_MIN, 0, VFT_I32, 4},    {0, INT32_MAX, VFT_I32, 4},
      {0, 2147483648, VFT_I64, 8}, {-2147483649, 0, VFT_I64, 8},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    assert_int_equal(vft_dtype_for(cases[i].lo, cases[i].hi), cases[i].t);
    assert_int_equal(vft_dtype_size(cases[i].t), cases[i].size);
    int64_t store[3] = {0};
    vft_array a = {cases[i].t, store};
    vft_array_set(&a, 0, cases[i].lo);
    vft_array_set(&a, 1, cases[i].hi);
    vft_array_set(&a, 2, cases[i].lo);
    assert_int_equal(vft_array_get(&a, 0), cases[i].lo);
    assert_int_equal(vft_array_get(&a, 1), cases[i].hi);
    int64_t lo, hi;
    vft_array_range(&a, 3, &lo, &hi);
    assert_int_equal(lo, cases[i].lo);
    assert_int_equal(hi, cases[i].hi);
  }
}

/* Counting: many lookups on several threads against a direct count. */
static void counting(void **state) {
  (void)state;
  vft_program *p = vft_program_new("count", 4);
  int64_t width[7] = {0, 1, 4, 9, 12, 16, 16}, f[64];
  for (int i = 0; i < 64; i++) f[i] = 3 * i - 90;
  tensor_values(p, VFT_PUBLIC, "width[7]", 0, 16, width);
  vft_tensor_id out = tensor_values(p, VFT_PUBLIC, "f[64]", -90, 99, f);
  tensor(p, VFT_WITNESS, "v[900,7]", 0, 65535);
  tensor(p, VFT_WITNESS, "x[900]", -10, 53);
  tensor(p, VFT_WITNESS, "y[900]", -90, 99);
  lookup(p, "v", "i<900 j<7", "width[j]; v[i,j]");
  lookup(p, "f", "i<900", "50; x[i]; 0; y[i]");
  lookup(p, "last", "i<1", "16; v[i+899,i+6]"); /* refused: an index twice in a factor */
  lookup(p, "last", "i<1 j<1", "16; v[i+899,j+6]");
  range_table(p);
  function_table(p, "g", 50, -10, 6, VFT_NO_TENSOR, out);
  assert_int_equal(vft_program_check_bounds(p), VFT_OK);
  for (int threads = 1; threads <= 3; threads++) {
    vft_threads_set(threads);
    vft_trace t;
    assert_int_equal(vft_trace_init(&t, p), VFT_OK);
    static uint32_t want[1 << 17], want_f[64];
    memset(want, 0, sizeof want);
    memset(want_f, 0, sizeof want_f);
    for (vft_tensor_id id = 2; id < 5; id++) assert_int_equal(vft_trace_alloc(&t, id), VFT_OK);
    for (size_t i = 0; i < 900; i++) {
      for (size_t j = 0; j < 7; j++) {
        int64_t v = between(0, ((int64_t)1 << width[j]) - 1);
        vft_array_set(&t.array[2], i * 7 + j, v);
        want[((size_t)1 << width[j]) + (size_t)v]++;
      }
      int64_t x = between(0, 63);
      vft_array_set(&t.array[3], i, x - 10);
      vft_array_set(&t.array[4], i, f[x]);
      want_f[x]++;
    }
    want[65536 + get(&t, "v", 899 * 7 + 6)]++;
    assert_int_equal(vft_trace_count_lookups(&t), VFT_OK);
    for (size_t i = 0; i < 1 << 17; i++) assert_int_equal(get(&t, "range/mult", i), want[i]);
    for (size_t i = 0; i < 64; i++) assert_int_equal(get(&t, "g/mult", i), want_f[i]);
    expect_failures(&t, "");
    int64_t y = get(&t, "y", 33);
    plant(&t, "y", 33, y + 3); /* another row's output */
    expect_failures(&t, "lookup/f table/g");
    plant(&t, "y", 33, y);
    plant(&t, "v", 7 * 500 + 2, 16); /* one more than width 4 allows */
    assert_int_equal(vft_trace_count_lookups(&t), VFT_RESOURCE);
    assert_non_null(strstr(vft_error_message(), "lookup v, point 3502: (4, 16, 0, 0, 0)"));
    vft_trace_free(&t);
  }
  vft_threads_set(0);
  vft_program_free(p);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(random_sums),
      cmocka_unit_test(cancelling),
      cmocka_unit_test(dtypes),
      cmocka_unit_test(counting),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
