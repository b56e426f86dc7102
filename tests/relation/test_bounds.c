/* The bound checker: programs it must refuse, each beside a control that passes. */
#include "relation/text_program.h"

static vft_program *start(void) {
  vft_program *p = vft_program_new("bounds", 4);
  assert_non_null(p);
  vft_program_add_link(p, "in", false);
  vft_program_add_link(p, "out", true);
  vft_program_add_oracle(p, "weights");
  range_table(p);
  return p;
}

static void expect(vft_program *p, const char *message) {
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

static void range_needed(void **state) {
  (void)state;
  for (int with = 0; with < 2; with++) {
    for (int origin = 0; origin < 2; origin++) { /* a witness, an output link */
      vft_program *p = start();
      tensor(p, origin ? VFT_LINK : VFT_WITNESS, origin ? "q@1[8]" : "q[8]", -32768, 32767);
      if (with) lookup(p, "q", "i<8", "16; q[i] + 32768");
      expect(p, with ? NULL : "tensor q has no range lookup");
    }
  }
  vft_program *p = start(); /* an input link rests on its producer */
  tensor(p, VFT_LINK, "q@0[8]", -32768, 32767);
  expect(p, NULL);
}

/* The lookup must imply the declared bound, from below and from above, with either sign. */
static void implied_bounds(void **state) {
  (void)state;
  static const struct {
    const char *decl, *text, *text2;
    int64_t lo, hi;
    const char *message;
  } cases[] = {
      {"q[8]", "16; q[i] + 32768", NULL, -32768, 32767, NULL},
      {"q[8]", "16; q[i] + 32768", NULL, -40000, 40000, NULL}, /* declared wider: allowed */
      {"q[8]", "16; q[i] + 32768", NULL, -32767, 32767, "lookups imply [-32768, 32767]"},
      {"q[8]", "16; q[i] + 32768", NULL, -32768, 32766, "lookups imply [-32768, 32767]"},
      {"q[8]", "15; q[i] + 32768", NULL, -32768, -1, NULL},
      {"q[8]", "16; 5 - q[i]", NULL, -65530, 5, NULL},
      {"q[8]", "16; 5 - q[i]", NULL, -65529, 5, "lookups imply [-65530, 5]"},
      {"q[8]", "10; q[i]", "10; 999 - q[i]", 0, 999, NULL},
      {"q[8]", "10; q[i]", "10; 999 - q[i]", 0, 998, "lookups imply [0, 999]"},
      {"q[8]", "10; q[i]", "10; 3000 - 3 q[i]", 659, 1000, NULL}, /* 0 <= 3000 - 3 q <= 1023 */
      {"q[8]", "10; q[i]", "10; 3 q[i] - 1", 1, 341, NULL}, /* 1 <= 3 q <= 1024 */
      {"q[8]", "10; q[i]", "10; 3 q[i] - 1", 2, 341, "lookups imply [1, 341]"},
      {"q[8]", "10; q[i]", "10; 3 q[i] - 1", 1, 340, "lookups imply [1, 341]"},
      {"q[8]", "16; q[i] - 4611686018427387903", NULL, 0, 1, "no range lookup"}, /* beyond 2^62 */
      {"q[8]", "10; 3 q[i]", NULL, 0, 1023, "no range lookup"}, /* q may be v / 3 modulo p */
      {"q[8]", "10; 2 q[i] - q[i]", NULL, 0, 1023, "no range lookup"},
      {"q[8]", "0; 0; q[i]", NULL, 0, 0, NULL}, /* the third column of RANGE is 0 */
      {"q[8]", "17; q[i]", NULL, 0, 131071, "no table has the tag [17, 17]"},
      {"q[8]", "31; q[i]", NULL, 0, 131071, "no table has the tag [31, 31]"},
      {"q[8]", "-1; q[i]", NULL, 0, 131071, "no table has the tag [-1, -1]"},
      {"q[8]", "16; q[i]", "4; q[i] - 100000", 0, 70000, "contradict"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    vft_program *p = start();
    tensor(p, VFT_WITNESS, cases[i].decl, cases[i].lo, cases[i].hi);
    lookup(p, "first", "i<8", cases[i].text);
    if (cases[i].text2) lookup(p, "second", "i<8", cases[i].text2);
    expect(p, cases[i].message);
  }
}

static void coverage(void **state) {
  (void)state;
  for (int variant = 0; variant < 4; variant++) {
    vft_program *p = start();
    tensor(p, VFT_WITNESS, "q[5,7]", 0, 65535);
    lookup(p, "a", "i<5 j<3", "16; q[i,j]");
    if (variant) lookup(p, "b", "i<2 j<4", "12; q[i,j+3]");
    if (variant == 2) lookup(p, "c", "i<3 j<4", "16; q[i+2,j+3]");
    if (variant == 3) lookup(p, "c", "i<3 j<3", "16; q[i+2,j+4]"); /* column 3 is left out */
    expect(p, variant == 0   ? "no range lookup covers the element (0, 3)"
              : variant == 1 ? "no range lookup covers the element (2, 3)"
              : variant == 2 ? NULL
                             : "no range lookup covers the element (2, 3)");
  }
  /* The hull counts: one narrow part does not narrow the others. */
  vft_program *p = start();
  tensor(p, VFT_WITNESS, "q[8]", 0, 4095);
  lookup(p, "a", "i<4", "12; q[i]");
  lookup(p, "b", "i<4", "13; q[i+4]");
  expect(p, "lookups imply [0, 8191]");
  p = start();
  tensor(p, VFT_WITNESS, "q[8]", 0, 4095);
  lookup(p, "a", "i<4", "13; q[i]");
  lookup(p, "b", "i<4", "12; q[i+4]");
  expect(p, "lookups imply [0, 8191]");
  /* Broadcast indices do not matter; a rank-0 tensor is one element. */
  p = start();
  tensor(p, VFT_WITNESS, "s", 0, 255);
  tensor(p, VFT_WITNESS, "q[8]", 0, 255);
  lookup(p, "a", "k<3 i<8", "8; q[i]");
  lookup(p, "b", "", "8; s");
  expect(p, NULL);
}

/* A width per channel from a constant tensor; a tag from a per-proof input. */
static void variable_width(void **state) {
  (void)state;
  int64_t width[4] = {3, 9, 12, 5};
  for (int variant = 0; variant < 4; variant++) {
    vft_program *p = start();
    if (variant == 3) width[2] = 20;
    if (variant < 2 || variant == 3)
      tensor_values(p, VFT_PUBLIC, "width[4]", 0, 40, width);
    else
      tensor(p, VFT_PUBLIC, "width[4]", 0, 40); /* an input: any width up to 16 */
    tensor(p, VFT_WITNESS, "q[3,4]", 0, variant == 1 ? 4094 : 4095);
    lookup(p, "q", "i<3 j<4", "width[j]; q[i,j]");
    expect(p, variant == 0   ? NULL
              : variant == 1 ? "lookups imply [0, 4095]"
              : variant == 2 ? "lookups imply [0, 65535]"
                             : "lookup q: no table has the tag [20, 20]");
  }
}

/* 0 <= rho < d through rho and d - 1 - rho; needs d bounded. */
static void chained(void **state) {
  (void)state;
  for (int variant = 0; variant < 3; variant++) {
    vft_program *p = start();
    tensor(p, VFT_WITNESS, "d[6]", 0, 1023);
    tensor(p, VFT_WITNESS, "rho[6]", variant == 2 ? 1 : -64513, 1022);
    if (variant != 1) lookup(p, "d", "i<6", "10; d[i]");
    lookup(p, "below", "i<6", "16; d[i] - 1 - rho[i]");
    if (variant == 2) lookup(p, "rho", "i<6", "16; rho[i]");
    /* d - 1 - rho in [0, 65535] alone: rho in [-65536, 1022]. */
    expect(p, variant == 0   ? "lookups imply [-65536, 1022]"
              : variant == 1 ? "has no range lookup"
                             : "lookups imply [0, 1022]");
  }
}

static void function_tables(void **state) {
  (void)state;
  int64_t out[8] = {3, -7, 2, 9, 4, 4, 0, 1};
  static const struct {
    const char *text;
    int64_t x_lo, x_hi, y_lo, y_hi;
    const char *message;
  } cases[] = {
      {"33; x[i]; y[i]", -4, 3, -7, 9, NULL},
      {"33; x[i]; y[i]", -4, 2, -7, 9, "tensor x: its lookups imply [-4, 3]"},
      {"33; x[i]; y[i]", -4, 3, -6, 9, "tensor y: its lookups imply [-7, 9]"},
      {"33; x[i] + 1; y[i] - 2", -5, 2, -5, 11, NULL},
      {"33; x[i]; y[i]; y[i]", -4, 3, -7, 9, "contradict"}, /* [-7, 9] and the oracle's */
      {"33; x[i]; 0; y[i]", -4, 3, 20, 30, NULL},
      {"34; x[i]; y[i]", -4, 3, -7, 9, "no table has the tag [34, 34]"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    vft_program *p = start();
    vft_tensor_id f = tensor_values(p, VFT_PUBLIC, "f[8]", -100, 100, out);
    vft_tensor_id g = tensor(p, VFT_ORACLE, "g@0[8]", 20, 30);
    function_table(p, "f", 33, -4, 3, f, g);
    tensor(p, VFT_WITNESS, "x[5]", cases[i].x_lo, cases[i].x_hi);
    tensor(p, VFT_WITNESS, "y[5]", cases[i].y_lo, cases[i].y_hi);
    lookup(p, "l", "i<5", cases[i].text);
    expect(p, cases[i].message);
  }
}

static void sums(void **state) {
  (void)state;
  static const struct {
    const char *indices, *text;
    const char *message;
  } cases[] = {
      /* |x| <= 2^20: 4 factors of 2^20 overflow, 3 do not (2^60). */
      {"i<4", "x[i] x[i+1] x[i+2]", NULL},
      {"i<4", "x[i] x[i+1] x[i+2] x[i+3]", "relation r: the sum can reach an interval beyond"},
      {"i<3 | k<3", "x[k] x[i] x[k+1]", NULL},                   /* 3 * 2^60 < 2^62 */
      {"i<3 | k<4", "x[k] x[i] x[k+1]", "relation r: the sum"},  /* 2^62 */
      {"i<4", "3 x[i] x[i+1] x[i+2]", NULL},
      {"i<4", "4 x[i] x[i+1] x[i+2]", "relation r: the sum"},
      {"i<4", "x[i] x[i+1] x[i+2] + 3458764513820540927", NULL}, /* 2^60 + 3 * 2^60 - 1 */
      {"i<4", "x[i] x[i+1] x[i+2] + 3458764513820540928", "relation r: the sum"},
      /* An index that a term does not use does not multiply it. */
      {"i<3 | k<7", "3 x[i] x[i+1] x[i+2] - x[k]", NULL},
      /* Constants count with their values: sum |c| = 3, and -1 .. 2 by parts. */
      {"i<3 | k<3", "c[k] x[i] x[i+1] x[k]", NULL},
      {"i<3 | k<3", "2 c[k] x[i] x[i+1] x[k]", "relation r: the sum"},
  };
  int64_t c[3] = {1, 0, -2};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    vft_program *p = start();
    tensor(p, VFT_LINK, "x@0[10]", -(1 << 20), 1 << 20);
    tensor_values(p, VFT_PUBLIC, "c[3]", -1000, 1000, c);
    assert_int_not_equal(zero(p, "r", cases[i].indices, cases[i].text), UINT32_MAX);
    expect(p, cases[i].message);
  }
  /* Lookup columns are sums too. */
  for (int over = 0; over < 2; over++) {
    vft_program *p = start();
    tensor(p, VFT_LINK, "x@0[10]", 0, (int64_t)1 << 61);
    lookup(p, "l", "i<9", over ? "16; x[i] + x[i+1]" : "16; x[i] - x[i+1]");
    expect(p, over ? "lookup l, column 1: the sum can reach" : NULL);
  }
}

/* A constant factor counts with its values: hull over free indices, sum over contracted ones. */
static void constants(void **state) {
  (void)state;
  int64_t c[4] = {1, 3, 0, -2};
  static const struct {
    const char *indices, *text;
    int64_t lo, hi; /* exact */
    const char *implied;
  } cases[] = {
      {"i<4", "c[i] x[i]", -20, 30, "[-20, 30]"},
      {"i<4", "-2 c[i] x[i]", -60, 40, "[-60, 40]"},
      {"i<4 | k<4", "c[k] x[k]", -20, 40, "[-20, 40]"},
      {"i<4 | k<2", "c[k+2] x[k]", -20, 0, "[-20, 0]"},
      {"i<4 | k<3", "c[k] x[i]", 0, 40, "[0, 40]"},
      {"i<4 | k<3 l<2", "c[k] x[l]", 0, 80, "[0, 80]"},
      {"i<4 | k<4", "c[i] x[k]", -80, 120, "[-80, 120]"},
      {"i<4 | k<4", "c[i] c[k] x[k]", -140, 160, "[-140, 160]"}, /* c[i] x[k] in [-20, 30] */
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
    for (int tight = 0; tight < 3; tight++) {
      vft_program *p = start();
      tensor(p, VFT_LINK, "x@0[5]", 0, 10);
      tensor_values(p, VFT_PUBLIC, "c[4]", -1000, 1000, c);
      tensor(p, VFT_VIRTUAL, "v[4]", cases[i].lo + (tight == 1), cases[i].hi - (tight == 2));
      assert_int_equal(define(p, "v", cases[i].indices, cases[i].text), 0);
      expect(p, tight ? cases[i].implied : NULL);
    }
}

static void squares(void **state) {
  (void)state;
  for (int same = 0; same < 2; same++) {
    vft_program *p = start();
    tensor(p, VFT_LINK, "x@0[10]", -100, 50);
    tensor(p, VFT_VIRTUAL, "v[9]", 0, 10000);
    define(p, "v", "i<9", same ? "x[i] x[i]" : "x[i] x[i+1]");
    expect(p, same ? NULL : "tensor v: its definition implies [-5000, 10000]");
  }
}

static void virtual_tensors(void **state) {
  (void)state;
  for (int variant = 0; variant < 6; variant++) {
    vft_program *p = start();
    tensor(p, VFT_LINK, "x@0[4,6]", -100, 100);
    tensor(p, VFT_ORACLE, "w@0[6,5]", -10, 10);
    tensor(p, VFT_VIRTUAL, "y[4,5]", -6000, variant == 1 ? 5999 : 6000);
    tensor(p, VFT_VIRTUAL, "s[4]", variant == 2 ? 0 : -30000, variant == 2 ? 65535 : 30000);
    if (variant != 3)
      define(p, "y", "i<4 j<5 | k<6", variant == 4 ? "s[i] w[k,j]" : "x[i,k] w[k,j]");
    define(p, "s", "i<4 | j<5", "y[i,j]");
    if (variant == 2) lookup(p, "s", "i<4", "16; s[i]"); /* the lookup narrows the definition */
    if (variant == 5) {
      vft_program_free(p);
      p = start();
      tensor(p, VFT_LINK, "x@0[4,6]", -100, 100);
      tensor(p, VFT_WITNESS, "u[4]", 0, 10); /* no range */
      tensor(p, VFT_VIRTUAL, "y[4]", 0, 10);
      define(p, "y", "i<4", "u[i]");
    }
    static const char *const message[] = {
        NULL,
        "tensor y: its definition implies [-6000, 6000]",
        NULL,
        "virtual tensor y has no definition",
        "is on a cycle",
        "tensor u has no range lookup",
    };
    expect(p, message[variant]);
  }
}

/* R D <= 2^40 follows from the division R D + rho = 2^40; intervals give 2^64. */
static void lemmas(void **state) {
  (void)state;
  for (int with = 0; with < 2; with++) {
    vft_program *p = start();
    tensor(p, VFT_LINK, "r@0[4]", 0, (int64_t)1 << 32);
    tensor(p, VFT_LINK, "d@0[4]", 1, (int64_t)1 << 32);
    vft_term lemma = {.lemma = "r = floor(2^40 / d)", .lemma_lo = 0, .lemma_hi = (int64_t)1 << 40};
    assert_int_not_equal(
        relation(p, VFT_ZERO, "div", "i<4", "r[i] d[i]", with ? &lemma : NULL), UINT32_MAX);
    expect(p, with ? NULL : "relation div: the sum");
  }
}

static void multiplicities(void **state) {
  (void)state;
  vft_program *p = start();
  zero(p, "r", "i<2", "range/mult[i]");
  expect(p, "uses the multiplicities range/mult");
  p = start();
  tensor(p, VFT_VIRTUAL, "v[2]", 0, 255);
  define(p, "v", "i<2", "range/mult[i]");
  lookup(p, "l", "i<2", "8; v[i]");
  expect(p, "uses the multiplicities range/mult");
}

/* No RANGE table at all: a lookup of width 16 has no table. */
static void no_table(void **state) {
  (void)state;
  vft_program *p = vft_program_new("bare", 4);
  tensor(p, VFT_WITNESS, "q[8]", 0, 65535);
  lookup(p, "q", "i<8", "16; q[i]");
  expect(p, "lookup q: no table has the tag [16, 16]");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(range_needed),    cmocka_unit_test(implied_bounds),
      cmocka_unit_test(coverage),        cmocka_unit_test(variable_width),
      cmocka_unit_test(chained),         cmocka_unit_test(function_tables),
      cmocka_unit_test(sums),            cmocka_unit_test(squares),
      cmocka_unit_test(virtual_tensors), cmocka_unit_test(lemmas),
      cmocka_unit_test(multiplicities),  cmocka_unit_test(no_table),
      cmocka_unit_test(constants),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
