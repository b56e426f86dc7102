/* Field elements in programs: what the builder and the bound checker refuse, each beside a control
 * that passes; what the plain checker and the verifier make of residues. */
#include "relation/text_program.h"

#include "verify/verify.h"

static vft_program *start(void) {
  vft_program *p = vft_program_new("field", 4);
  assert_non_null(p);
  range_table(p);
  return p;
}

static vft_tensor_id field_tensor(vft_program *p, vft_origin origin, const char *name, uint32_t n,
                                  const int64_t *values) {
  vft_tensor t = {.name = name, .origin = origin, .rank = 1, .dims = {n}, .values = values,
                  .field = true};
  return vft_program_add_tensor(p, &t);
}

/* As `relation` of the text programs, modulo p. */
static uint32_t field_relation(vft_program *p, vft_relation_kind kind, const char *name,
                               const char *indices, const char *text, const char *lemma) {
  char letters[32];
  vft_term terms[32];
  vft_relation r = {.name = name, .kind = kind, .field = true, .terms = terms};
  r.nindex = read_indices(indices, letters, r.size, &r.nfree);
  r.nterms = read_terms(p, &text, letters, terms);
  if (kind == VFT_DEFINE) r.target = vft_program_find_tensor(p, name);
  terms[0].lemma = lemma;
  if (lemma) terms[0].lemma_hi = 10;
  return vft_program_add_relation(p, &r);
}

static uint32_t field_zero(vft_program *p, const char *name, const char *indices,
                           const char *text) {
  return field_relation(p, VFT_ZERO, name, indices, text, NULL);
}

static void refused(uint32_t id, const char *message) {
  assert_int_equal(id, UINT32_MAX);
  if (!strstr(vft_error_message(), message))
    fail_msg("message '%s', expected '%s'", vft_error_message(), message);
}

static void bounds(vft_program *p, const char *message) {
  vft_status st = vft_program_check_bounds(p);
  if (message) {
    assert_int_equal(st, VFT_USAGE);
    if (!strstr(vft_error_message(), message))
      fail_msg("message '%s', expected '%s'", vft_error_message(), message);
  } else if (st != VFT_OK) {
    fail_msg("refused: %s", vft_error_message());
  }
  vft_program_free(p);
}

static const int64_t half = (int64_t)(VFT_P / 2); /* the greatest residue */

static void declarations(void **state) {
  (void)state;
  vft_program *p = start();
  vft_tensor t = {.name = "x", .origin = VFT_WITNESS, .rank = 1, .dims = {4}, .hi = 1,
                  .field = true};
  refused(vft_program_add_tensor(p, &t), "have no bounds");
  t.lo = -1, t.hi = 0;
  refused(vft_program_add_tensor(p, &t), "have no bounds");
  int64_t values[2] = {half, -half};
  assert_int_not_equal(field_tensor(p, VFT_PUBLIC, "good", 2, values), VFT_NO_TENSOR);
  values[1] = half + 1;
  refused(field_tensor(p, VFT_PUBLIC, "bad", 2, values), "element 1 is not the residue");
  values[1] = -half - 1;
  refused(field_tensor(p, VFT_PUBLIC, "bad", 2, values), "element 1 is not the residue");
  vft_program_free(p);
}

static void relations(void **state) {
  (void)state;
  vft_program *p = start();
  field_tensor(p, VFT_WITNESS, "x", 4, NULL);
  field_tensor(p, VFT_VIRTUAL, "y", 4, NULL);
  tensor(p, VFT_WITNESS, "n[4]", 0, 255);
  tensor(p, VFT_VIRTUAL, "m[4]", 0, 255);
  refused(zero(p, "r", "i<4", "n[i] - x[i]"), "a relation of integers uses the field elements x");
  refused(zero(p, "r", "i<4", "n[i] - 3 n[i] y[i]"), "uses the field elements y");
  refused(define(p, "m", "i<4", "x[i]"), "uses the field elements x");
  refused(define(p, "y", "i<4", "n[i]"), "y is of field elements, the relation over the integers");
  refused(field_relation(p, VFT_DEFINE, "m", "i<4", "x[i]", NULL),
          "m is of integers, the relation modulo p");
  refused(field_relation(p, VFT_ZERO, "r", "i<4", "n[i] - x[i]", "no reason"),
          "modulo p has no lemmas");
  assert_int_equal(field_zero(p, "r", "i<4", "n[i] - x[i]"), 0);
  assert_int_equal(field_relation(p, VFT_DEFINE, "y", "i<4", "n[i] x[i]", NULL), 1);
  assert_int_equal(define(p, "m", "i<4", "n[i]"), 2);
  lookup(p, "n", "i<4", "8; n[i]");
  bounds(p, NULL);
}

static void lookups(void **state) {
  (void)state;
  vft_program *p = start();
  field_tensor(p, VFT_WITNESS, "x", 4, NULL);
  vft_tensor_id out = field_tensor(p, VFT_LINK, "none", 4, NULL);
  assert_int_equal(out, VFT_NO_TENSOR); /* there is no link */
  vft_program_add_link(p, "rows", false);
  out = field_tensor(p, VFT_LINK, "out", 4, NULL);
  assert_int_not_equal(function_table(p, "rows", 32, 0, 2, out, VFT_NO_TENSOR), UINT32_MAX);
  tensor(p, VFT_WITNESS, "n[4]", 0, 3);
  refused(lookup(p, "l", "i<4", "x[i]; n[i]; x[i]"), "column 0 uses the field elements x");
  refused(lookup(p, "l", "i<4", "32; x[i]; x[i]"), "column 1 uses the field elements x");
  refused(lookup(p, "l", "i<4", "8; n[i] + x[i]"), "column 1 uses the field elements x");
  assert_int_not_equal(lookup(p, "l", "i<4", "32; n[i]; x[i]"), UINT32_MAX);
  bounds(p, NULL); /* the number of the row is bounded, and nothing else is needed */
}

/* What stands in a list that the prover writes bounds nothing, be it of integers or not. */
static void no_range_from_lists(void **state) {
  (void)state;
  for (int variant = 0; variant < 5; variant++) {
    vft_program *p = start();
    vft_program_add_link(p, "in", false);
    vft_tensor_id out = variant < 2   ? field_tensor(p, VFT_WITNESS, "out", 8, NULL)
                        : variant < 4 ? tensor(p, VFT_WITNESS, "out[8]", 0, 255)
                                      : tensor(p, VFT_LINK, "out@0[8]", 0, 255);
    function_table(p, "list", 40, 0, 3, out, VFT_NO_TENSOR);
    tensor(p, VFT_WITNESS, "n[4]", 0, 255);
    lookup(p, "n", "i<4", "40; 3; n[i]");
    if (variant == 1) lookup(p, "n/range", "i<4", "8; n[i]");
    if (variant == 3) lookup(p, "out", "i<8", "8; out[i]");
    /* An input link's bounds are its producer's. A range checked list could bound, but what may be
     * looked up is settled before its own lookups are. */
    bounds(p, variant == 1 || variant >= 4 ? NULL
              : variant == 2               ? "tensor out has no range lookup"
                                           : "tensor n has no range lookup");
  }
  /* a tag that may be the list's or RANGE's */
  for (int with = 0; with < 2; with++) {
    vft_program *p = start();
    vft_tensor_id out = field_tensor(p, VFT_WITNESS, "out", 8, NULL);
    function_table(p, "list", 32, 0, 3, out, VFT_NO_TENSOR);
    tensor(p, VFT_WITNESS, "b[4]", 0, 1);
    tensor(p, VFT_WITNESS, "n[4]", 0, 255);
    lookup(p, "b", "i<4", "1; b[i]");
    lookup(p, "n", "i<4", "32 b[i]; 0; n[i]");
    if (with) lookup(p, "n/range", "i<4", "8; n[i]");
    bounds(p, with ? NULL : "tensor n has no range lookup");
  }
  /* beside field elements in one column */
  vft_program *p = start();
  field_tensor(p, VFT_WITNESS, "x", 4, NULL);
  tensor(p, VFT_WITNESS, "n[4]", 0, 255);
  lookup(p, "n", "i<4", "0; 0; n[i] + x[i]");
  bounds(p, "tensor n has no range lookup");
}

/* A relation modulo p bounds no integer. */
static void no_range_from_relations(void **state) {
  (void)state;
  for (int with = 0; with < 2; with++) {
    vft_program *p = start();
    field_tensor(p, VFT_WITNESS, "x", 4, NULL);
    tensor(p, VFT_WITNESS, "n[4]", 0, 255);
    tensor(p, VFT_WITNESS, "k[4]", 0, 15);
    lookup(p, "k", "i<4", "4; k[i]");
    field_zero(p, "r", "i<4", "n[i] - 16 k[i]");
    if (with) lookup(p, "n", "i<4", "8; n[i]");
    bounds(p, with ? NULL : "tensor n has no range lookup");
  }
}

static void multiplicities(void **state) {
  (void)state;
  vft_program *p = start();
  field_tensor(p, VFT_WITNESS, "x", 4, NULL);
  field_zero(p, "r", "i<4", "range/mult[i] - x[i]");
  bounds(p, "relation r uses the multiplicities range/mult");
  p = start();
  field_tensor(p, VFT_WITNESS, "x", 4, NULL);
  lookup(p, "l", "i<4", "0; 0; x[i] - range/mult[i]");
  bounds(p, "column 2 uses the multiplicities range/mult");
}

/* Integers stand for their residues: what is no identity over the integers holds modulo p. */
static void values(void **state) {
  (void)state;
  vft_program *p = start();
  vft_trace t;
  field_tensor(p, VFT_WITNESS, "x", 2, NULL);
  field_tensor(p, VFT_VIRTUAL, "y", 2, NULL);
  tensor(p, VFT_WITNESS, "n[2]", 0, 15);
  lookup(p, "n", "i<2", "4; n[i]");
  field_zero(p, "third", "i<2", "3 x[i] - n[i]");
  field_relation(p, VFT_DEFINE, "y", "i<2", "x[i] x[i]", NULL);
  assert_int_equal(vft_trace_init(&t, p), VFT_OK);
  for (vft_tensor_id i = 0; i < p->ntensors; i++)
    if (p->tensors[i].origin == VFT_WITNESS) assert_int_equal(vft_trace_alloc(&t, i), VFT_OK);
  vft_fp third = vft_fp_inv((vft_fp){3}), seven = vft_fp_mul(third, (vft_fp){7});
  plant(&t, "n", 0, 1);
  plant(&t, "n", 1, 7);
  plant(&t, "x", 0, vft_field_signed(third));
  plant(&t, "x", 1, vft_field_signed(seven));
  assert_int_equal(vft_trace_complete(&t), VFT_OK);
  assert_int_equal(vft_trace_count_lookups(&t), VFT_OK);
  assert_int_equal(get(&t, "y", 1), vft_field_signed(vft_fp_sqr(seven)));
  expect_failures(&t, "");
  plant(&t, "x", 1, get(&t, "x", 1) + 1);
  expect_failures(&t, "relation/third relation/y");
  vft_trace_free(&t);
  vft_program_free(p);
}

/* A public input has one way to be written. */
static void inputs(void **state) {
  (void)state;
  vft_program *p = start();
  vft_tensor_id x = field_tensor(p, VFT_PUBLIC, "x", 2, NULL);
  field_tensor(p, VFT_WITNESS, "w", 2, NULL);
  field_zero(p, "r", "i<2", "x[i] - w[i]");
  const int64_t *in[3] = {NULL};
  int64_t v[2] = {0, 0};
  in[x] = v;
  vft_statement s = {.program = p, .inputs = in};
  static const struct {
    int64_t value;
    bool good;
  } cases[] = {{0, true}, {-1, true}, {(int64_t)(VFT_P / 2), true}, {-(int64_t)(VFT_P / 2), true},
               {(int64_t)(VFT_P / 2) + 1, false}, {-(int64_t)(VFT_P / 2) - 1, false},
               {INT64_MAX, false}, {INT64_MIN, false}};
  vft_proof_options options = vft_proof_options_default();
  options.test_queries = 2;
  const vft_verify_flags lax = {.allow_test_profile = true, .bounds_checked = true};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    v[1] = cases[i].value;
    /* there is no proof: what is wrong with the statement is said first */
    assert_int_equal(vft_verify_proof(&s, &options, lax, (const uint8_t *)"", 0, NULL, NULL),
                     VFT_REJECTED);
    assert_int_equal(!strcmp(vft_error_check(), "statement/input"), !cases[i].good);
  }
  vft_program_free(p);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(declarations),        cmocka_unit_test(relations),
      cmocka_unit_test(lookups),             cmocka_unit_test(no_range_from_lists),
      cmocka_unit_test(no_range_from_relations), cmocka_unit_test(multiplicities),
      cmocka_unit_test(values),              cmocka_unit_test(inputs),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
