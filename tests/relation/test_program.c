/* Building, naming, ordering, digesting, planning. */
#include "relation/text_program.h"

static vft_program *start(void) {
  vft_program *p = vft_program_new("build", 4);
  vft_program_add_link(p, "in", false);
  vft_program_add_oracle(p, "weights");
  tensor(p, VFT_LINK, "x@0[4,6]", -100, 100);
  tensor(p, VFT_ORACLE, "w@0[6,5]", -10, 10);
  tensor(p, VFT_WITNESS, "q[4,5]", -100, 100);
  tensor(p, VFT_VIRTUAL, "y[4,5]", -6000, 6000);
  return p;
}

static void refused(uint32_t id, const char *message) {
  assert_int_equal(id, UINT32_MAX);
  if (!strstr(vft_error_message(), message))
    fail_msg("message '%s', expected '%s'", vft_error_message(), message);
}

static void tensors(void **state) {
  (void)state;
  vft_program *p = start();
  int64_t five[5] = {1, 2, 3, 4, 5};
  refused(tensor(p, VFT_WITNESS, "q[3]", 0, 1), "two tensors are named 'q'");
  refused(tensor(p, VFT_WITNESS, "[3]", 0, 1), "has no name");
  refused(tensor(p, VFT_WITNESS, "a[3,0]", 0, 1), "axis 1 is empty");
  refused(tensor(p, VFT_WITNESS, "a[3]", 1, 0), "bounds [1, 0]");
  refused(tensor(p, VFT_WITNESS, "a[3]", 0, (int64_t)1 << 62), "reach 2^62");
  refused(tensor(p, VFT_WITNESS, "a[1,1,1,1,1,1,1,1,1,1]", INT64_MIN, 0), "reach 2^62");
  refused(tensor(p, VFT_WITNESS, "a[1048576,1048577]", 0, 1), "more than 2^40");
  refused(tensor(p, VFT_LINK, "a@1[3]", 0, 1), "group 1 of 1");
  refused(tensor(p, VFT_ORACLE, "a@7[3]", 0, 1), "group 7 of 1");
  refused(tensor(p, VFT_WITNESS, "a@1[3]", 0, 1), "group 1 of 1");
  refused(tensor_values(p, VFT_PUBLIC, "a[5]", 1, 4, five), "element 4 = 5 is outside [1, 4]");
  refused(tensor_values(p, VFT_WITNESS, "a[5]", 1, 5, five), "only PUBLIC tensors carry values");
  vft_tensor bad = {.name = "a", .rank = VFT_MAX_RANK + 1, .hi = 1};
  refused(vft_program_add_tensor(p, &bad), "rank 11");
  bad = (vft_tensor){.name = "has blank", .hi = 1};
  refused(vft_program_add_tensor(p, &bad), "outside '!'..'~'");

  uint32_t id = tensor_values(p, VFT_PUBLIC, "a[5]", 1, 5, five);
  five[2] = 77; /* the program keeps its own copy */
  assert_int_equal(p->tensors[id].values[2], 3);
  assert_int_equal(vft_program_find_tensor(p, "a"), id);
  assert_int_equal(vft_program_find_tensor(p, "b"), VFT_NO_TENSOR);
  for (int i = 0; i < 1000; i++) { /* growth keeps ids, names and definitions */
    char decl[32];
    snprintf(decl, sizeof decl, "many/%d[2]", i);
    assert_int_equal(tensor(p, VFT_WITNESS, decl, 0, i), id + 1 + (uint32_t)i);
  }
  for (int i = 0; i < 1000; i++) {
    char name[32];
    snprintf(name, sizeof name, "many/%d", i);
    assert_int_equal(vft_program_find_tensor(p, name), id + 1 + (uint32_t)i);
  }
  assert_string_equal(p->tensors[0].name, "x");
  vft_program_free(p);
}

static void relations(void **state) {
  (void)state;
  vft_program *p = start();
  refused(zero(p, "r", "i<4 j<7", "x[i,j]"), "offset 0 + size 7 exceeds 6");
  refused(zero(p, "r", "i<4 j<6", "x[i,j+1]"), "offset 1 + size 6 exceeds 6");
  refused(zero(p, "r", "i<4", "x[i,i]"), "index 0 occurs twice");
  refused(zero(p, "r", "i<4", ""), "no terms");
  refused(zero(p, "", "i<4", "5"), "has no name");
  refused(define(p, "q", "i<4 j<5 | k<6", "x[i,k] w[k,j]"), "must be a VIRTUAL tensor");
  refused(define(p, "y", "j<5 i<4 | k<6", "x[i,k] w[k,j]"), "not the axes of y");
  refused(define(p, "y", "i<4 | j<5", "q[i,j]"), "not the axes of y");
  assert_int_equal(define(p, "y", "i<4 j<5 | k<6", "x[i,k] w[k,j]"), 0);
  vft_relation again = p->relations[0];
  again.name = "again";
  refused(vft_program_add_relation(p, &again), "already defined by y");
  again.name = "y";
  refused(vft_program_add_relation(p, &again), "two relations are named 'y'");
  assert_int_equal(vft_program_definition(p, vft_program_find_tensor(p, "y")), 0);
  assert_int_equal(vft_program_definition(p, vft_program_find_tensor(p, "x")), UINT32_MAX);

  /* Ids and indices that a text cannot express. */
  vft_term t = {.coef = 1, .nfactors = 1, .factor = {{.tensor = 99}}};
  vft_relation r = {.name = "raw", .nindex = 2, .nfree = 2, .size = {4, 5}, .nterms = 1};
  r.terms = &t;
  refused(vft_program_add_relation(p, &r), "tensor id 99 of 4");
  t.factor[0] = (vft_factor){.tensor = 2, .idx = {0, 2}};
  refused(vft_program_add_relation(p, &r), "uses index 2 of 2");
  t.factor[0] = (vft_factor){.tensor = 2, .idx = {0, 1}, .off = {UINT32_MAX, 0}};
  refused(vft_program_add_relation(p, &r), "exceeds 4");
  t.factor[0] = (vft_factor){.tensor = 2, .idx = {0, 1}};
  t.nfactors = VFT_MAX_FACTORS + 1;
  refused(vft_program_add_relation(p, &r), "a product of 9 factors");
  t.nfactors = 1;
  r.nfree = 3;
  refused(vft_program_add_relation(p, &r), "3 free of 2");
  r.nfree = 2, r.nindex = VFT_MAX_INDEX + 1;
  refused(vft_program_add_relation(p, &r), "15 index variables");
  r.nindex = 2, r.size[1] = 0;
  refused(vft_program_add_relation(p, &r), "index 1 has size 0");
  r.size[1] = 5, t.coef = INT64_MIN;
  refused(vft_program_add_relation(p, &r), "reaches 2^62");
  t.coef = 1, t.lemma = "";
  refused(vft_program_add_relation(p, &r), "needs its written proof");
  t.lemma = "by inspection", t.lemma_lo = 1;
  refused(vft_program_add_relation(p, &r), "lemma bounds [1, 0]");
  t.lemma = NULL;
  assert_int_equal(vft_program_add_relation(p, &r), 1);
  vft_program_free(p);
}

static void lookups_and_tables(void **state) {
  (void)state;
  vft_program *p = start();
  int64_t f[8] = {0};
  tensor_values(p, VFT_PUBLIC, "f[8]", 0, 0, f);
  refused(lookup(p, "l", "i<4 j<5", "16; q[i,j] y[i,j]"), "not linear");
  refused(lookup(p, "l", "i<4 j<6", "16; q[i,j]"), "exceeds 5");
  assert_int_equal(lookup(p, "l", "i<4 j<5", "16; f[j] q[i,j]"), 0);
  refused(lookup(p, "l", "i<4 j<5", "16; q[i,j]"), "two lookups are named 'l'");
  assert_int_equal(range_table(p), 0);
  vft_table t = {.name = "range2", .kind = VFT_TABLE_RANGE, .rows = 1 << 17};
  t.mult = tensor(p, VFT_WITNESS, "m17[131072]", 0, 1000);
  refused(vft_program_add_table(p, &t), "provide the same rows");
  t = (vft_table){.name = "f", .kind = VFT_TABLE_FUNCTION, .tag = 31, .rows = 1 << 3};
  t.mult = tensor(p, VFT_WITNESS, "m3[8]", 0, 1000);
  t.out[0] = vft_program_find_tensor(p, "f");
  t.out[1] = t.out[2] = VFT_NO_TENSOR;
  refused(vft_program_add_table(p, &t), "tag 31");
  t.tag = 32, t.rows = 1 << 4;
  refused(vft_program_add_table(p, &t), "output 1 must be");
  t.rows = 1 << 3, t.mult = 0;
  refused(vft_program_add_table(p, &t), "multiplicities must be a WITNESS");
  t.mult = vft_program_find_tensor(p, "m3"), t.out[1] = vft_program_find_tensor(p, "q");
  refused(vft_program_add_table(p, &t), "output 2 must be");
  t.out[1] = VFT_NO_TENSOR;
  assert_int_equal(vft_program_add_table(p, &t), 1);
  t.name = "again";
  refused(vft_program_add_table(p, &t), "provide the same rows");
  t.tag = 33;
  refused(vft_program_add_table(p, &t), "share the multiplicities");
  refused(vft_program_add_link(p, "in", true), "two links are named 'in'");
  vft_program_free(p);
  assert_null(vft_program_new("", 4));
  assert_null(vft_program_new("p", 0));
}

static void order(void **state) {
  (void)state;
  vft_program *p = vft_program_new("order", 4);
  vft_tensor_id id[4], got[8];
  tensor(p, VFT_WITNESS, "u", 0, 1);
  for (int i = 0; i < 4; i++) {
    char name[2] = {(char)('a' + i), 0};
    id[i] = tensor(p, VFT_VIRTUAL, name, 0, 1);
  }
  /* a <- d, b <- u, c <- a b, d <- b */
  define(p, "a", "", "d");
  define(p, "b", "", "u");
  define(p, "c", "", "a b");
  define(p, "d", "", "b");
  uint32_t n = 0;
  assert_int_equal(vft_program_virtual_order(p, got, &n), VFT_OK);
  assert_int_equal(n, 4);
  uint32_t place[4] = {0};
  for (uint32_t i = 0; i < n; i++)
    for (uint32_t k = 0; k < 4; k++)
      if (got[i] == id[k]) place[k] = i;
  assert_true(place[3] < place[0] && place[1] < place[3] && place[0] < place[2]);
  vft_cost cost;
  assert_int_equal(vft_program_cost(p, &cost), VFT_OK);
  assert_int_equal(cost.depth, 4);
  vft_program_free(p);

  p = vft_program_new("cycle", 4);
  tensor(p, VFT_VIRTUAL, "a", 0, 1);
  tensor(p, VFT_VIRTUAL, "b", 0, 1);
  define(p, "a", "", "b");
  assert_int_equal(vft_program_virtual_order(p, got, &n), VFT_USAGE);
  assert_non_null(strstr(vft_error_message(), "virtual tensor b has no definition"));
  define(p, "b", "", "a");
  assert_int_equal(vft_program_virtual_order(p, got, &n), VFT_USAGE);
  assert_non_null(strstr(vft_error_message(), "cycle"));
  assert_int_equal(vft_program_check_bounds(p), VFT_USAGE);
  vft_program_free(p);
}

enum { VARIANTS = 34 };

/* Every variant but 0 changes one thing on which a verifier relies. */
static void digest_of(int variant, uint8_t digest[32]) {
  vft_program *p = vft_program_new(variant == 1 ? "Build" : "build", variant == 2 ? 5 : 4);
  int64_t values[3] = {1, 2, variant == 3 ? 4 : 3};
  vft_program_add_link(p, variant == 4 ? "input" : "in", variant == 5);
  vft_program_add_link(p, "second", false);
  vft_program_add_oracle(p, variant == 6 ? "w1" : "w0");
  if (variant == 7) vft_program_add_oracle(p, "w1");
  tensor(p, variant == 8 ? VFT_WITNESS : VFT_LINK, variant == 9    ? "x@0[5,6]"
         : variant == 31 ? "x@1[4,6]"
                         : "x@0[4,6]",
         -100, variant == 10 ? 101 : 100);
  tensor(p, VFT_WITNESS, variant == 11 ? "spare/2[4]" : "spare/1[4]", 0, 1);
  tensor(p, VFT_VIRTUAL, "y[4]", -9000, 9000);
  tensor_values(p, VFT_PUBLIC, "c[3]", 0, 5, variant == 12 ? NULL : values);
  vft_term lemma = {.lemma = variant == 13 ? "so" : "thus", .lemma_lo = -8, .lemma_hi = 8};
  if (variant == 14) lemma.lemma_hi = 9;
  assert_int_equal(relation(p, variant == 15 ? VFT_ZERO : VFT_DEFINE, "y",
                            variant == 17 ? "i<4 | k<2" : "i<4 | k<3",
                            variant == 18   ? "3 x[i,k] c[k] + 1"
                            : variant == 19 ? "2 x[i,k+1] c[k] + 1"
                            : variant == 20 ? "2 x[i,k] c[k] - 1"
                                            : "2 x[i,k] c[k] + 1",
                            variant == 21 ? NULL : &lemma),
                   0);
  assert_int_equal(zero(p, "z", variant == 16 ? "i<4 k<3" : "i<4 | k<3", "x[i,k]"), 1);
  assert_int_equal(lookup(p, variant == 22 ? "k" : "l", variant == 23 ? "i<3" : "i<4",
                          variant == 24   ? "15; y[i]"
                          : variant == 25 ? "16; 0; y[i]"
                                          : "16; y[i]"),
                   0);
  if (variant != 26) assert_int_equal(range_table(p), 0);
  vft_tensor_id f = tensor_values(p, VFT_PUBLIC, "f[2]", 0, 5, values);
  assert_int_not_equal(
      function_table(p, "f", variant == 27 ? 41 : 40, variant == 28 ? 1 : 0, 1,
                     variant == 29 ? VFT_NO_TENSOR : f, variant == 30 ? f : VFT_NO_TENSOR),
      UINT32_MAX);
  /* Which of two equal tensors counts the table. */
  vft_table g = {.name = "g", .kind = VFT_TABLE_FUNCTION, .tag = 50, .rows = 1 << 1};
  vft_tensor_id m1 = tensor(p, VFT_WITNESS, "m/1[2]", 0, 9);
  vft_tensor_id m2 = tensor(p, VFT_WITNESS, "m/2[2]", 0, 9);
  g.out[0] = g.out[1] = VFT_NO_TENSOR;
  g.out[2] = variant == 33 ? f : VFT_NO_TENSOR;
  g.mult = variant == 32 ? m2 : m1;
  assert_int_not_equal(vft_program_add_table(p, &g), UINT32_MAX);
  vft_program_digest(p, digest);
  vft_program_free(p);
}

/* Tables may share a tag if no value of the first column is a row of both. */
static void shared_tags(void **state) {
  (void)state;
  const int64_t end = (int64_t)1 << 62;
  static const char *const name[] = {"a", "b", "c", "d", "e", "f", "g", "h", "i", "j"};
  const struct {
    int64_t tag, first;
    uint32_t rows;
    const char *error;
  } t[] = {{40, 0, 5, NULL},        {40, 4, 3, "provide the same rows"},
           {40, 5, 3, NULL},        {40, -2, 2, NULL},
           {40, -2, 3, "provide the same rows"}, {41, 3, 3, NULL},
           {40, end - 8, 7, NULL},  {40, end - 8, 8, "reaches 2^62"},
           {40, 2, 1, "provide the same rows"},  {40, 100, 0, "0 rows"}};
  vft_program *p = start();
  for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
    char mult[32];
    snprintf(mult, sizeof mult, "%s/m[%u]", name[i], t[i].rows ? t[i].rows : 1);
    vft_table x = {.name = name[i], .kind = VFT_TABLE_FUNCTION, .tag = t[i].tag, .first = t[i].first,
                   .rows = t[i].rows, .out = {VFT_NO_TENSOR, VFT_NO_TENSOR, VFT_NO_TENSOR},
                   .mult = tensor(p, VFT_WITNESS, mult, 0, 9)};
    if (t[i].error)
      refused(vft_program_add_table(p, &x), t[i].error);
    else
      assert_int_not_equal(vft_program_add_table(p, &x), UINT32_MAX);
  }
  vft_program_free(p);
}

static void digests(void **state) {
  (void)state;
  uint8_t digest[VARIANTS][32];
  for (int v = 0; v < VARIANTS; v++) {
    digest_of(v, digest[v]);
    uint8_t again[32];
    digest_of(v, again);
    assert_memory_equal(digest[v], again, 32);
    for (int w = 0; w < v; w++)
      if (!memcmp(digest[v], digest[w], 32)) fail_msg("variants %d and %d: same digest", v, w);
  }
  /* Junk in unused fields does not count; names do. */
  uint8_t a[32], b[32];
  for (int junk = 0; junk < 3; junk++) {
    vft_program *p = vft_program_new("junk", 4);
    vft_tensor t = {.name = junk == 2 ? "y" : "x", .rank = 1, .dims = {4}, .hi = 1};
    if (junk == 1) memset(&t.dims[1], 0xa5, sizeof t.dims - sizeof t.dims[0]);
    vft_program_add_tensor(p, &t);
    vft_term term = {.coef = 1, .nfactors = 1};
    if (junk == 1) memset(&term.factor[1], 0x5a, sizeof term.factor[1] * 3);
    if (junk == 1) term.factor[0].idx[3] = 9, term.factor[0].off[3] = 9, term.lemma_lo = 4;
    vft_relation r = {.name = "r", .nindex = 1, .nfree = 1, .size = {4}, .nterms = 1};
    r.terms = &term;
    if (junk == 1) r.size[9] = 9, r.target = 77;
    assert_int_equal(vft_program_add_relation(p, &r), 0);
    vft_program_digest(p, junk ? b : a);
    if (junk == 1) assert_memory_equal(a, b, 32);
    if (junk == 2) assert_memory_not_equal(a, b, 32);
    vft_program_free(p);
  }
}

static void planning(void **state) {
  (void)state;
  vft_program *p = start();
  define(p, "y", "i<4 j<5 | k<6", "x[i,k] w[k,j]");
  zero(p, "r", "i<4 j<5", "y[i,j] - 16 q[i,j]");
  lookup(p, "q", "i<4 j<5", "16; q[i,j]");
  range_table(p);
  vft_cost c;
  assert_int_equal(vft_program_cost(p, &c), VFT_OK);
  assert_int_equal(c.witness, 20 + (1 << 17));
  assert_int_equal(c.mult, 1 << 17);
  assert_int_equal(c.link, 24);
  assert_int_equal(c.oracle, 30);
  assert_int_equal(c.virt, 20);
  assert_int_equal(c.lookups, 20);
  assert_int_equal(c.table_rows, 1 << 17);
  assert_int_equal(c.product_terms, 1);
  assert_int_equal(c.product_points, 6);
  assert_int_equal(c.multiplications, 4 * 5 * 6 * 2);
  assert_int_equal(c.depth, 1);
  assert_int_equal(vft_program_tree_elements(p, VFT_LINK, 0), 24);
  assert_int_equal(vft_program_tree_elements(p, VFT_WITNESS, 0), 20 + (1 << 17));

  char *text = NULL;
  size_t size;
  FILE *f = open_memstream(&text, &size);
  vft_program_dump(p, f);
  fclose(f);
  assert_non_null(strstr(text, "  y: y := 1 x[a,c] w[c,b] for a<4, b<5 summed over c<6\n"));
  assert_non_null(strstr(text, "  r: 1 y[a,b] - 16 q[a,b] = 0 for a<4, b<5\n"));
  assert_non_null(strstr(text, "  q: (16; 1 q[a,b]; 0; 0; 0) for a<4, b<5\n"));
  assert_non_null(strstr(text, "  link x[4, 6] in [-100, 100] of link in\n"));
  free(text);
  vft_program_free(p);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(tensors), cmocka_unit_test(relations), cmocka_unit_test(lookups_and_tables),
      cmocka_unit_test(order),   cmocka_unit_test(shared_tags), cmocka_unit_test(digests),   cmocka_unit_test(planning),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
