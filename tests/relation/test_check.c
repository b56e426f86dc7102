/* The plain checker: small programs by hand, each broken in every way; it must name exactly the
 * checks that fail. */
#include "relation/text_program.h"

#include "field/goldilocks.h"

static vft_program *program;
static vft_trace trace;

static int teardown(void **state) {
  (void)state;
  vft_trace_free(&trace);
  vft_program_free(program);
  program = NULL;
  return 0;
}

static void start(void) { assert_int_equal(vft_trace_init(&trace, program), VFT_OK); }

static void fill(const char *name, const int64_t *v, size_t n) {
  vft_tensor_id id = vft_program_find_tensor(program, name);
  assert_int_equal(vft_tensor_count(&program->tensors[id]), n);
  assert_int_equal(vft_trace_alloc(&trace, id), VFT_OK);
  for (size_t i = 0; i < n; i++) vft_array_set(&trace.array[id], i, v[i]);
}

static void finish(void) {
  assert_int_equal(vft_trace_complete(&trace), VFT_OK);
  assert_int_equal(vft_trace_count_lookups(&trace), VFT_OK);
}

/* Recount after a planted value, so that the multiplicities are not what fails. */
static void recount(void) { assert_int_equal(vft_trace_count_lookups(&trace), VFT_OK); }

static int64_t floor_shift(int64_t a, int k) { return a >> k; } /* arithmetic in gcc */

/* ---- matrix product with requantisation: x w + 2^7 = 2^8 q + rho ---- */

enum { T = 3, K = 5, N = 4 };

static void matmul_setup(void) {
  program = vft_program_new("matmul", 4);
  assert_int_equal(vft_program_add_link(program, "in", false), 0);
  assert_int_equal(vft_program_add_oracle(program, "weights"), 0);
  tensor(program, VFT_LINK, "x@0[3,5]", -1000, 1000);
  tensor(program, VFT_ORACLE, "w@0[5,4]", -127, 127);
  tensor(program, VFT_WITNESS, "q[3,4]", -32768, 32767);
  tensor(program, VFT_WITNESS, "rho[3,4]", 0, 255);
  assert_int_equal(
      zero(program, "requant", "i<3 j<4 | k<5", "x[i,k] w[k,j] + 128 - 256 q[i,j] - rho[i,j]"), 0);
  assert_int_equal(lookup(program, "q", "i<3 j<4", "16; q[i,j] + 32768"), 0);
  assert_int_equal(lookup(program, "rho", "i<3 j<4", "8; rho[i,j]"), 1);
  assert_int_equal(range_table(program), 0);
  assert_int_equal(vft_program_check_bounds(program), VFT_OK);

  start();
  int64_t x[T * K], w[K * N], q[T * N], rho[T * N];
  for (int i = 0; i < T * K; i++) x[i] = (i * 377) % 2001 - 1000;
  for (int i = 0; i < K * N; i++) w[i] = (i * 101) % 255 - 127;
  for (int i = 0; i < T; i++)
    for (int j = 0; j < N; j++) {
      int64_t acc = 128;
      for (int k = 0; k < K; k++) acc += x[i * K + k] * w[k * N + j];
      q[i * N + j] = floor_shift(acc, 8);
      rho[i * N + j] = acc - 256 * q[i * N + j];
    }
  fill("x", x, T * K);
  fill("w", w, K * N);
  fill("q", q, T * N);
  fill("rho", rho, T * N);
  finish();
}

static void matmul_honest(void **state) {
  (void)state;
  matmul_setup();
  expect_failures(&trace, "");
  assert_int_equal(get(&trace, "range/mult", 0), 0);
  int64_t sum = 0;
  for (size_t i = 0; i < 1 << 17; i++) sum += get(&trace, "range/mult", i);
  assert_int_equal(sum, 2 * T * N);
}

static void matmul_attacks(void **state) {
  (void)state;
  matmul_setup();
  for (size_t i = 0; i < T * N; i++) {
    int64_t q = get(&trace, "q", i), rho = get(&trace, "rho", i);
    plant(&trace, "q", i, q + 1); /* wrong q */
    recount();
    expect_failures(&trace, "relation/requant");
    plant(&trace, "rho", i, rho - 256); /* made up for by a negative remainder */
    expect_failures(&trace, "lookup/rho table/range");
    plant(&trace, "q", i, q - 1); /* loose limb */
    plant(&trace, "rho", i, rho + 256);
    expect_failures(&trace, "lookup/rho table/range");
    plant(&trace, "rho", i, rho + 1); /* wrong remainder */
    plant(&trace, "q", i, q);
    if (rho < 255) {
      recount();
      expect_failures(&trace, "relation/requant");
    }
    plant(&trace, "rho", i, rho);
    plant(&trace, "q", i, q + ((int64_t)1 << 40)); /* both out of its container and wrong */
    expect_failures(&trace, "relation/requant lookup/q table/range");
    plant(&trace, "q", i, q);
    recount();
  }
  expect_failures(&trace, "");
}

/* q' = (acc + 128 - rho') / 256 modulo p for another rho': satisfies the field equation. */
static void matmul_wrapped(void **state) {
  (void)state;
  matmul_setup();
  int64_t q = get(&trace, "q", 0), rho = get(&trace, "rho", 0), rho2 = rho ? rho - 1 : rho + 1;
  vft_fp inv = vft_fp_inv((vft_fp){256});
  vft_fp n = vft_fp_add(vft_fp_mul((vft_fp){256}, vft_fp_from_i64(q)), vft_fp_from_i64(rho));
  vft_fp q2 = vft_fp_mul(vft_fp_sub(n, vft_fp_from_i64(rho2)), inv);
  /* Its representative in (-p/2, p/2). */
  int64_t planted = q2.v > VFT_P / 2 ? -(int64_t)(VFT_P - q2.v) : (int64_t)q2.v;
  plant(&trace, "q", 0, planted);
  plant(&trace, "rho", 0, rho2);
  expect_failures(&trace, "relation/requant lookup/q table/range");
  assert_non_null(strstr(vft_error_message(), "equal modulo p only"));
}

static void matmul_counts_and_bounds(void **state) {
  (void)state;
  matmul_setup();
  size_t row = 256 + (size_t)get(&trace, "rho", 2);
  plant(&trace, "range/mult", row, get(&trace, "range/mult", row) + 1);
  expect_failures(&trace, "table/range");
  plant(&trace, "range/mult", row, get(&trace, "range/mult", row) - 1);
  expect_failures(&trace, "");
  /* Rows 0 and 1 are the same row: only the sum of their counts is fixed. */
  plant(&trace, "range/mult", 0, 3);
  expect_failures(&trace, "table/range");
  plant(&trace, "range/mult", 1, -3);
  expect_failures(&trace, "");
  plant(&trace, "range/mult", 0, 0);
  plant(&trace, "range/mult", 1, 0);
  /* An input outside the bounds on which the program relies. */
  int64_t x = get(&trace, "x", 0), q = get(&trace, "q", 0);
  plant(&trace, "x", 0, 1001);
  plant(&trace, "q", 0, q); /* the product changed as well */
  expect_failures(&trace, "relation/requant tensor/x");
  plant(&trace, "x", 0, x);
  plant(&trace, "w", 19, get(&trace, "w", 19) - 1);
  expect_failures(&trace, "relation/requant");
}

static void missing_values(void **state) {
  (void)state;
  matmul_setup();
  vft_trace_supply(&trace, vft_program_find_tensor(program, "rho"), VFT_I16, NULL);
  assert_int_equal(vft_program_check_trace(program, &trace, NULL), VFT_USAGE);
  assert_non_null(strstr(vft_error_message(), "rho has no values"));
  assert_int_equal(vft_trace_count_lookups(&trace), VFT_USAGE);
}

/* ---- a wrap that every lookup accepts: 2^48 q with a 16-bit q exceeds p ---- */

static void wide_shift(void **state) {
  (void)state;
  program = vft_program_new("wide", 4);
  vft_program_add_link(program, "in", false);
  tensor(program, VFT_LINK, "n@0[1]", -((int64_t)1 << 61), (int64_t)1 << 61);
  tensor(program, VFT_WITNESS, "q[1]", -32768, 32767);
  tensor(program, VFT_WITNESS, "rho[1,3]", 0, 65535);
  int64_t radix[3] = {1, 65536, (int64_t)1 << 32};
  tensor_values(program, VFT_PUBLIC, "radix[3]", 0, (int64_t)1 << 32, radix);
  assert_int_equal(zero(program, "requant", "i<1 | l<3",
                        "n[i] - 281474976710656 q[i] - radix[l] rho[i,l]"),
                   0);
  lookup(program, "q", "i<1", "16; q[i] + 32768");
  lookup(program, "rho", "i<1 l<3", "16; rho[i,l]");
  range_table(program);
  assert_int_equal(vft_program_check_bounds(program), VFT_USAGE);
  assert_non_null(strstr(vft_error_message(), "relation requant: the sum can reach"));

  start();
  const int64_t q = -1024, rho = 12345;
  fill("n", (int64_t[]){q * ((int64_t)1 << 48) + rho}, 1);
  fill("q", &q, 1);
  fill("rho", (int64_t[]){rho, 0, 0}, 3);
  finish();
  expect_failures(&trace, "");
  /* n = -2^63 + rho has the honest q = -2^15. Adding p = 2^48 65535 + 2^48 - 2^32 + 1 gives the
   * congruent pair q = 2^15 - 1, rho + 2^48 - 2^32 + 1: all limbs in range. */
  plant(&trace, "n", 0, INT64_MIN + rho);
  fill("q", (int64_t[]){32767}, 1);
  int64_t wrapped = rho + ((int64_t)1 << 48) - ((int64_t)1 << 32) + 1;
  fill("rho", (int64_t[]){wrapped & 65535, wrapped >> 16 & 65535, wrapped >> 32}, 3);
  recount();
  expect_failures(&trace, "relation/requant tensor/n");
  assert_non_null(strstr(vft_error_message(), "equal modulo p only"));
}

/* ---- function table, broadcast, offsets, constants, virtual chain ---- */

static void mixed_setup(void) {
  int64_t out[16], mask[6] = {1, 0, 1, 1, 0, 1};
  for (int i = 0; i < 16; i++) out[i] = (i - 8) * (i - 8);
  program = vft_program_new("mixed", 4);
  vft_program_add_link(program, "in", false);
  tensor(program, VFT_LINK, "g@0[2,6]", -8, 7);
  tensor(program, VFT_LINK, "b@0[6]", -5, 5);
  tensor_values(program, VFT_PUBLIC, "mask[6]", 0, 1, mask);
  tensor(program, VFT_PUBLIC, "rate", 0, 100);
  vft_tensor_id square = tensor_values(program, VFT_PUBLIC, "square[16]", 0, 64, out);
  tensor(program, VFT_WITNESS, "z[2,6]", 0, 64);
  tensor(program, VFT_WITNESS, "run[2,7]", 0, 1023);
  tensor(program, VFT_WITNESS, "total", 0, 65535);
  tensor(program, VFT_VIRTUAL, "y[2,6]", -1000, 10000);
  tensor(program, VFT_VIRTUAL, "gram[2,2]", -10000000, 100000000);
  lookup(program, "act", "i<2 j<6", "40; g[i,j]; z[i,j]");
  /* y = rate * z + b (broadcast); run is the running sum of masked z; total its energy. */
  assert_int_not_equal(define(program, "y", "i<2 j<6", "rate z[i,j] + b[j]"), UINT32_MAX);
  assert_int_not_equal(define(program, "gram", "a<2 c<2 | j<6", "y[a,j] mask[j] z[c,j]"),
                       UINT32_MAX);
  zero(program, "run", "i<2 j<6", "run[i,j+1] - run[i,j] - mask[j] z[i,j]");
  zero(program, "run/start", "i<2 k<1", "run[i,k]");
  zero(program, "total", "| a<2 c<2", "total - gram[a,c] + 5 rate");
  lookup(program, "run", "i<2 j<7", "10; run[i,j]");
  lookup(program, "total", "", "16; total");
  range_table(program);
  function_table(program, "square", 40, -8, 4, square, VFT_NO_TENSOR);
  assert_int_equal(vft_program_check_bounds(program), VFT_OK);

  start();
  int64_t g[12], z[12], b[6] = {1, -2, 3, -4, 5, 0}, run[14], total = 0;
  for (int i = 0; i < 12; i++) g[i] = (i * 7) % 16 - 8, z[i] = g[i] * g[i];
  for (int i = 0; i < 2; i++) {
    run[i * 7] = 0;
    for (int j = 0; j < 6; j++) run[i * 7 + j + 1] = run[i * 7 + j] + mask[j] * z[i * 6 + j];
  }
  const int64_t rate = 2;
  for (int a = 0; a < 2; a++)
    for (int c = 0; c < 2; c++)
      for (int j = 0; j < 6; j++) total += (rate * z[a * 6 + j] + b[j]) * mask[j] * z[c * 6 + j];
  total -= 5 * rate;
  fill("g", g, 12);
  fill("b", b, 6);
  fill("rate", &rate, 1);
  fill("z", z, 12);
  fill("run", run, 14);
  fill("total", &total, 1);
  finish();
}

static void mixed(void **state) {
  (void)state;
  mixed_setup();
  expect_failures(&trace, "");
  plant(&trace, "z", 7, get(&trace, "z", 7) + 1); /* mask[1] = 0: only y and the lookup see it */
  expect_failures(&trace, "relation/y lookup/act table/square");
  plant(&trace, "z", 7, get(&trace, "z", 7) - 1);
  plant(&trace, "y", 4, get(&trace, "y", 4) - 1); /* a virtual tensor is checked too */
  expect_failures(&trace, "relation/y");
  plant(&trace, "y", 4, get(&trace, "y", 4) + 1);
  plant(&trace, "gram", 3, get(&trace, "gram", 3) - 1);
  expect_failures(&trace, "relation/gram relation/total");
  plant(&trace, "gram", 3, get(&trace, "gram", 3) + 1);
  for (size_t i = 0; i < 7; i++) plant(&trace, "run", i, get(&trace, "run", i) + 1);
  recount();
  expect_failures(&trace, "relation/run/start"); /* every difference is right, the start is not */
  for (size_t i = 0; i < 7; i++) plant(&trace, "run", i, get(&trace, "run", i) - 1);
  plant(&trace, "run", 13, get(&trace, "run", 13) + 1);
  recount();
  expect_failures(&trace, "relation/run");
  plant(&trace, "run", 13, get(&trace, "run", 13) - 1);
  plant(&trace, "total", 0, get(&trace, "total", 0) + 1);
  recount();
  expect_failures(&trace, "relation/total");
  plant(&trace, "total", 0, get(&trace, "total", 0) - 1);
  recount();
  plant(&trace, "rate", 0, 101);
  expect_failures(&trace, "relation/y relation/total tensor/rate");
  plant(&trace, "rate", 0, 2);
  plant(&trace, "g", 3, 8); /* outside the function table and its own bound */
  expect_failures(&trace, "lookup/act table/square tensor/g");
  assert_int_equal(vft_trace_count_lookups(&trace), VFT_RESOURCE);
  assert_non_null(strstr(vft_error_message(), "lookup act, point 3: (40, 8, "));
}

static void overflow_stops(void **state) {
  (void)state;
  mixed_setup();
  int64_t rate = 100000; /* y = rate z + b leaves [-1000, 10000] */
  vft_trace_supply(&trace, vft_program_find_tensor(program, "rate"), VFT_I64, &rate);
  vft_trace_supply(&trace, vft_program_find_tensor(program, "y"), VFT_I64, NULL);
  assert_int_equal(vft_trace_complete(&trace), VFT_RESOURCE);
  assert_non_null(strstr(vft_error_message(), "overflow: y[0] = 6400001 leaves"));
  assert_null(trace.array[vft_program_find_tensor(program, "y")].data);
}

/* ---- the columns that RANGE leaves at 0 ---- */

static void zero_columns(void **state) {
  (void)state;
  for (int c = 2; c < 4; c++) {
    program = vft_program_new("columns", 4);
    tensor(program, VFT_WITNESS, "q[3]", 0, 15);
    tensor(program, VFT_WITNESS, "none[3]", 0, 0);
    lookup(program, "l", "i<3", c == 2 ? "4; q[i]; none[i]" : "4; q[i]; 0; none[i]");
    range_table(program);
    assert_int_equal(vft_program_check_bounds(program), VFT_OK);
    start();
    fill("q", (int64_t[]){0, 9, 15}, 3);
    fill("none", (int64_t[]){0, 0, 0}, 3);
    finish();
    expect_failures(&trace, "");
    plant(&trace, "none", 1, 1);
    expect_failures(&trace, "lookup/l table/range");
    if (c == 2) teardown(state);
  }
}

/* ---- lemmas are tested on the trace ---- */

static void lemma_on_trace(void **state) {
  (void)state;
  program = vft_program_new("lemma", 4);
  vft_program_add_link(program, "in", false);
  tensor(program, VFT_LINK, "d@0[2]", 1, (int64_t)1 << 31);
  tensor(program, VFT_LINK, "r@0[2]", 0, (int64_t)1 << 31);
  tensor(program, VFT_VIRTUAL, "rd[2]", 0, 1000);
  vft_term lemma = {.lemma = "r = floor(1000 / d)", .lemma_lo = 0, .lemma_hi = 1000};
  relation(program, VFT_DEFINE, "rd", "i<2", "r[i] d[i]", &lemma);
  assert_int_equal(vft_program_check_bounds(program), VFT_OK);
  start();
  fill("d", (int64_t[]){7, 1000}, 2);
  fill("r", (int64_t[]){142, 1}, 2);
  finish();
  expect_failures(&trace, "");
  plant(&trace, "rd", 0, 7 * 143);
  plant(&trace, "r", 0, 143);
  expect_failures(&trace, "relation/rd");
  assert_non_null(strstr(vft_error_message(), "declared lemma"));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_teardown(matmul_honest, teardown),
      cmocka_unit_test_teardown(matmul_attacks, teardown),
      cmocka_unit_test_teardown(matmul_wrapped, teardown),
      cmocka_unit_test_teardown(matmul_counts_and_bounds, teardown),
      cmocka_unit_test_teardown(missing_values, teardown),
      cmocka_unit_test_teardown(wide_shift, teardown),
      cmocka_unit_test_teardown(mixed, teardown),
      cmocka_unit_test_teardown(overflow_stops, teardown),
      cmocka_unit_test_teardown(zero_columns, teardown),
      cmocka_unit_test_teardown(lemma_on_trace, teardown),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
