/* Programs of the proof tests. Each has `build`, which leaves out relation or lookup number
 * `skip` (relations first; -1: none; a definition cannot be left out), and `fill`. */
#ifndef TESTS_PROVE_TOYS_H
#define TESTS_PROVE_TOYS_H

#include "verify/toy.h"

#define REL(...)                                    \
  do {                                              \
    if (skip-- != 0) toy_relation(p, __VA_ARGS__);  \
  } while (0)
#define LOOKUP(...)                               \
  do {                                            \
    if (skip-- != 0) toy_lookup(p, __VA_ARGS__);  \
  } while (0)

/* ---- a requantised matrix product of a link with an oracle, with limbs and RANGE lookups ---- */

static vft_program *matmul_build(int skip) {
  vft_program *p = vft_program_new("matmul", 10);
  vft_program_add_link(p, "in", false);
  vft_program_add_link(p, "out", true);
  vft_program_add_oracle(p, "weights");
  vft_tensor_id x = toy_tensor(p, "x", VFT_LINK, 0, -30000, 30000, DIMS(5, 6), NULL);
  vft_tensor_id w = toy_tensor(p, "w", VFT_ORACLE, 0, -127, 127, DIMS(7, 6), NULL);
  vft_tensor_id q = toy_tensor(p, "q", VFT_LINK, 1, -32768, 32767, DIMS(5, 7), NULL);
  vft_tensor_id r0 = toy_tensor(p, "r0", VFT_WITNESS, 0, 0, 255, DIMS(5, 7), NULL);
  vft_tensor_id r1 = toy_tensor(p, "r1", VFT_WITNESS, 0, 0, 3, DIMS(5, 7), NULL);
  toy_range_table(p);
  /* sum_c x w + 512 = 1024 q + 256 r1 + r0 */
  REL("requant", VFT_ZERO, 0, DIMS(5, 7, 6), 2,
      TERMS(T(1, 2, F(x, "ac"), F(w, "bc")), T(512, 0), T(-1024, 1, F(q, "ab")),
            T(-256, 1, F(r1, "ab")), T(-1, 1, F(r0, "ab"))));
  LOOKUP("q/range", DIMS(5, 7), 2, COL(T(16, 0)), COL(T(1, 1, F(q, "ab")), T(32768, 0)));
  LOOKUP("r0/range", DIMS(5, 7), 2, COL(T(8, 0)), COL(T(1, 1, F(r0, "ab"))));
  LOOKUP("r1/range", DIMS(5, 7), 2, COL(T(2, 0)), COL(T(1, 1, F(r1, "ab"))));
  return p;
}

static void matmul_fill(vft_trace *t) {
  vft_tensor_id x = toy_random(t, "x"), w = toy_random(t, "w"), q = toy_alloc(t, "q");
  vft_tensor_id r0 = toy_alloc(t, "r0"), r1 = toy_alloc(t, "r1");
  for (size_t i = 0; i < 5; i++)
    for (size_t j = 0; j < 7; j++) {
      int64_t acc = 512;
      for (size_t k = 0; k < 6; k++) acc += toy_get(t, x, i * 6 + k) * toy_get(t, w, j * 6 + k);
      toy_set(t, q, i * 7 + j, acc >> 10);
      toy_set(t, r1, i * 7 + j, (acc & 1023) >> 8);
      toy_set(t, r0, i * 7 + j, acc & 255);
    }
}

/* ---- everything else: products of three factors with shared and bound indices, offsets,
 * restricted ranges, broadcast, virtual chains three deep, PUBLIC coefficients by layer and of
 * rank 2, per-proof inputs, scalars, a function table with two outputs as oracles ---- */

static const int64_t zoo_layer_coef[3] = {2, -3, 5};
static const int64_t zoo_mask[12] = {1, 0, 0, 0, 1, 1, 0, 0, 1, 1, 1, 0};

static vft_program *zoo_build(int skip) {
  vft_program *p = vft_program_new("zoo", 6);
  vft_program_add_link(p, "adapter", false);
  vft_program_add_oracle(p, "tables");
  vft_program_add_oracle(p, "unused");
  vft_tensor_id coef = toy_tensor(p, "coef", VFT_PUBLIC, 0, -3, 5, DIMS(3), zoo_layer_coef);
  vft_tensor_id mask = toy_tensor(p, "mask", VFT_PUBLIC, 0, 0, 1, DIMS(3, 4), zoo_mask);
  vft_tensor_id rate = toy_tensor(p, "rate", VFT_PUBLIC, 0, 0, 1000, SCALAR, NULL);
  vft_tensor_id tilt = toy_tensor(p, "tilt", VFT_PUBLIC, 0, -50, 50, DIMS(5), NULL);
  toy_tensor(p, "unused", VFT_ORACLE, 1, 0, 1, DIMS(3), NULL);
  vft_tensor_id f1 = toy_tensor(p, "f1", VFT_ORACLE, 0, -1000, 1000, DIMS(64), NULL);
  vft_tensor_id f2 = toy_tensor(p, "f2", VFT_ORACLE, 0, 0, 9, DIMS(64), NULL);
  vft_tensor_id u = toy_tensor(p, "u", VFT_LINK, 0, -20, 20, DIMS(3, 4, 5), NULL);
  vft_tensor_id v = toy_tensor(p, "v", VFT_LINK, 0, -20, 20, DIMS(5, 6), NULL);
  vft_tensor_id s = toy_tensor(p, "s", VFT_LINK, 0, -9, 9, SCALAR, NULL);
  vft_tensor_id mult = toy_tensor(p, "f/mult", VFT_WITNESS, 0, 0, UINT32_MAX, DIMS(64), NULL);
  vft_tensor_id x = toy_tensor(p, "x", VFT_WITNESS, 0, -32, 31, DIMS(3, 9), NULL);
  vft_tensor_id y1 = toy_tensor(p, "y1", VFT_WITNESS, 0, -1000, 1000, DIMS(3, 9), NULL);
  vft_tensor_id y2 = toy_tensor(p, "y2", VFT_WITNESS, 0, 0, 9, DIMS(3, 9), NULL);
  vft_tensor_id triple = toy_tensor(p, "triple", VFT_WITNESS, 0, -(1 << 30), 1 << 30, DIMS(3, 6),
                                    NULL);
  vft_tensor_id diff = toy_tensor(p, "diff", VFT_WITNESS, 0, -60000, 60000, DIMS(3, 5), NULL);
  vft_tensor_id cube = toy_tensor(p, "cube", VFT_WITNESS, 0, -1000000, 1000000, DIMS(7), NULL);
  vft_tensor_id masked = toy_tensor(p, "masked", VFT_WITNESS, 0, -100000, 100000, DIMS(3), NULL);
  vft_tensor_id total = toy_tensor(p, "total", VFT_WITNESS, 0, INT32_MIN, INT32_MAX, SCALAR,
                                   NULL);
  vft_tensor_id v1 = toy_tensor(p, "v1", VFT_VIRTUAL, 0, -(1 << 26), 1 << 26, DIMS(3, 6), NULL);
  vft_tensor_id v2 = toy_tensor(p, "v2", VFT_VIRTUAL, 0, -(1ll << 40), 1ll << 40, DIMS(3, 4, 6),
                                NULL);
  vft_tensor_id v3 = toy_tensor(p, "v3", VFT_VIRTUAL, 0, -(1ll << 50), 1ll << 50, DIMS(4), NULL);
  vft_tensor_id shift = toy_tensor(p, "shift", VFT_VIRTUAL, 0, -32, 31, DIMS(3, 8), NULL);
  vft_tensor_id w3 = toy_tensor(p, "w3", VFT_WITNESS, 0, -(1ll << 50), 1ll << 50, DIMS(4), NULL);
  vft_table table = {.name = "f", .kind = VFT_TABLE_FUNCTION, .tag = 40, .first = -32,
                     .rows = 1 << 6, .out = {f1, f2, VFT_NO_TENSOR}, .mult = mult};
  if (vft_program_add_table(p, &table) == UINT32_MAX) abort();
  /* (a, b) free; c, d contracted; u bound nowhere: a is shared by two factors, d by two */
  REL("triple", VFT_ZERO, 0, DIMS(3, 6, 4, 5), 2,
      TERMS(T(1, 3, F(u, "acd"), F(v, "db"), F(coef, "a")), T(-1, 1, F(triple, "ab"))));
  /* diff[a, b] = 3 y1[a, b + 4] - y1[a, b] + rate * tilt[b] - x[0, b + 1] (broadcast) */
  REL("diff", VFT_ZERO, 0, DIMS(3, 5, 1), 2,
      TERMS(T(3, 1, FO(y1, "ab", DIMS(0, 4))), T(-1, 1, F(y1, "ab")),
            T(1, 2, F(rate, ""), F(tilt, "b")), T(-1, 1, F(diff, "ab")),
            T(-1, 1, FO(x, "cb", DIMS(0, 1)))));
  /* cube[a] = x[1, a] x[1, a + 1] x[2, a] - s s: three shared factors, offsets, scalars */
  REL("cube", VFT_ZERO, 0, DIMS(7, 1), 1,
      TERMS(T(1, 3, FO(x, "ba", DIMS(1, 0)), FO(x, "ba", DIMS(1, 1)), FO(x, "ba", DIMS(2, 0))),
            T(-1, 2, F(s, ""), F(s, "")), T(-1, 1, F(cube, "a"))));
  /* masked[a] = sum_b mask[a, b] y1[a, b] + sum_b mask[a, b] */
  REL("masked", VFT_ZERO, 0, DIMS(3, 4), 1,
      TERMS(T(1, 2, F(mask, "ab"), F(y1, "ab")), T(1, 1, F(mask, "ab")),
            T(-1, 1, F(masked, "a"))));
  /* total = sum_a sum_b triple[a, b] + 7 */
  REL("total", VFT_ZERO, 0, DIMS(3, 6), 0,
      TERMS(T(1, 1, F(triple, "ab")), T(7, 0), T(-1, 1, F(total, ""))));
  toy_relation(p, "v1", VFT_DEFINE, v1, DIMS(3, 6, 5), 2,
               TERMS(T(1, 2, F(diff, "ac"), F(v, "cb")), T(-2, 1, FO(x, "ab", DIMS(0, 2)))));
  toy_relation(p, "v2", VFT_DEFINE, v2, DIMS(3, 4, 6, 5), 3,
               TERMS(T(1, 3, F(v1, "ac"), F(u, "abd"), F(v, "dc")), T(1, 1, F(v1, "ac")),
                     T(5, 1, F(coef, "a"))));
  toy_relation(p, "v3", VFT_DEFINE, v3, DIMS(4, 3, 6), 1,
               TERMS(T(1, 2, F(v2, "bac"), F(coef, "b")), T(-1, 2, F(v2, "bac"), F(x, "bc"))));
  toy_relation(p, "shift", VFT_DEFINE, shift, DIMS(3, 8), 2,
               TERMS(T(1, 1, FO(x, "ab", DIMS(0, 1)))));
  REL("w3", VFT_ZERO, 0, DIMS(4), 1, TERMS(T(1, 1, F(v3, "a")), T(-1, 1, F(w3, "a"))));
  LOOKUP("f", DIMS(3, 1), 4, COL(T(40, 0)), COL(T(1, 1, F(x, "ab"))), COL(T(1, 1, F(y1, "ab"))),
         COL(T(1, 1, F(y2, "ab"))));
  /* the rest of the rows, through a virtual tensor and shifted ranges */
  LOOKUP("f/shift", DIMS(3, 8), 4, COL(T(40, 0)), COL(T(1, 1, F(shift, "ab"))),
         COL(T(1, 1, FO(y1, "ab", DIMS(0, 1)))), COL(T(1, 1, FO(y2, "ab", DIMS(0, 1)))));
  return p;
}

static void zoo_fill(vft_trace *t) {
  vft_tensor_id u = toy_random(t, "u"), v = toy_random(t, "v"), s = toy_random(t, "s");
  vft_tensor_id rate = toy_random(t, "rate"), tilt = toy_random(t, "tilt");
  vft_tensor_id f1 = toy_random(t, "f1"), f2 = toy_random(t, "f2"), x = toy_random(t, "x");
  vft_tensor_id y1 = toy_alloc(t, "y1"), y2 = toy_alloc(t, "y2"), triple = toy_alloc(t, "triple");
  vft_tensor_id diff = toy_alloc(t, "diff"), cube = toy_alloc(t, "cube");
  vft_tensor_id masked = toy_alloc(t, "masked"), total = toy_alloc(t, "total");
  vft_tensor_id w3 = toy_alloc(t, "w3");
  toy_random(t, "unused");
  for (size_t i = 0; i < 27; i++) {
    size_t row = (size_t)(toy_get(t, x, i) + 32);
    toy_set(t, y1, i, toy_get(t, f1, row));
    toy_set(t, y2, i, toy_get(t, f2, row));
  }
  int64_t all = 7;
  for (size_t a = 0; a < 3; a++)
    for (size_t b = 0; b < 6; b++) {
      int64_t sum = 0;
      for (size_t c = 0; c < 4; c++)
        for (size_t d = 0; d < 5; d++)
          sum += toy_get(t, u, (a * 4 + c) * 5 + d) * toy_get(t, v, d * 6 + b);
      toy_set(t, triple, a * 6 + b, sum * zoo_layer_coef[a]);
      all += sum * zoo_layer_coef[a];
    }
  toy_set(t, total, 0, all);
  for (size_t a = 0; a < 3; a++) {
    int64_t m = 0;
    for (size_t b = 0; b < 5; b++)
      toy_set(t, diff, a * 5 + b,
              3 * toy_get(t, y1, a * 9 + b + 4) - toy_get(t, y1, a * 9 + b) +
                  toy_get(t, rate, 0) * toy_get(t, tilt, b) - toy_get(t, x, b + 1));
    for (size_t b = 0; b < 4; b++) m += zoo_mask[a * 4 + b] * (toy_get(t, y1, a * 9 + b) + 1);
    toy_set(t, masked, a, m);
  }
  for (size_t a = 0; a < 7; a++)
    toy_set(t, cube, a,
            toy_get(t, x, 9 + a) * toy_get(t, x, 10 + a) * toy_get(t, x, 18 + a) -
                toy_get(t, s, 0) * toy_get(t, s, 0));
  if (vft_trace_complete(t) != VFT_OK) {
    fprintf(stderr, "%s\n", vft_error_message());
    abort();
  }
  for (size_t a = 0; a < 4; a++) toy_set(t, w3, a, toy_get(t, toy_find(t, "v3"), a));
}

/* ---- lookups only: a link looked up in a table with PUBLIC outputs; widths by PUBLIC rows ---- */

static const int64_t squares_out[16] = {0, 1, 4, 9, 16, 25, 36, 49, 64, 81, 100, 121, 144, 169,
                                        196, 225};

static vft_program *squares_build(int skip) {
  vft_program *p = vft_program_new("squares", 5);
  vft_program_add_link(p, "z", true);
  vft_tensor_id out = toy_tensor(p, "squares/out", VFT_PUBLIC, 0, 0, 225, DIMS(16), squares_out);
  vft_tensor_id mult = toy_tensor(p, "squares/mult", VFT_WITNESS, 0, 0, UINT32_MAX, DIMS(16),
                                  NULL);
  vft_tensor_id z = toy_tensor(p, "z", VFT_LINK, 0, 0, 15, DIMS(5, 3), NULL);
  vft_tensor_id zz = toy_tensor(p, "zz", VFT_LINK, 0, 0, 225, DIMS(5, 3), NULL);
  vft_table t = {.name = "squares", .kind = VFT_TABLE_FUNCTION, .tag = 33, .first = 0,
                 .rows = 1 << 4, .out = {VFT_NO_TENSOR, out, VFT_NO_TENSOR}, .mult = mult};
  if (vft_program_add_table(p, &t) == UINT32_MAX) abort();
  LOOKUP("squares", DIMS(5, 3), 4, COL(T(33, 0)), COL(T(1, 1, F(z, "ab"))), COL(T(0, 0)),
         COL(T(1, 1, F(zz, "ab"))));
  LOOKUP("again", DIMS(1, 3), 4, COL(T(33, 0)), COL(T(1, 1, F(z, "ab"))), COL(T(0, 0)),
         COL(T(1, 1, F(zz, "ab"))));
  return p;
}

static void squares_fill(vft_trace *t) {
  vft_tensor_id z = toy_random(t, "z"), zz = toy_alloc(t, "zz");
  for (size_t i = 0; i < 15; i++) toy_set(t, zz, i, toy_get(t, z, i) * toy_get(t, z, i));
}

/* ---- powers: seventh powers under PUBLIC matrices, two of them of one table, on a virtual tensor ---- */

static const int64_t powers_m[24] = {1,  -2, 3, 0, 5, 1, 4,  4, -1, 2,  2, 7,
                                     -3, 0,  0, 1, 6, 2, -5, 1, 1,  -1, 3, 8};
#define SEVENTH(m, m_axes, x, axes)                                                       \
  T(1, 8, F(m, m_axes), F(x, axes), F(x, axes), F(x, axes), F(x, axes), F(x, axes), F(x, axes), \
    F(x, axes))

static inline vft_program *powers_build(int skip) {
  vft_program *p = vft_program_new("powers", 5);
  vft_tensor_id m = toy_tensor(p, "m", VFT_PUBLIC, 0, -5, 8, DIMS(4, 6), powers_m);
  vft_tensor_id x = toy_tensor(p, "x", VFT_WITNESS, 0, -3, 3, DIMS(37, 6), NULL);
  vft_tensor_id y = toy_tensor(p, "y", VFT_VIRTUAL, 0, -(1 << 20), 1 << 20, DIMS(37, 4), NULL);
  vft_tensor_id s = toy_tensor(p, "s", VFT_WITNESS, 0, -(1 << 20), 1 << 20, DIMS(37, 4), NULL);
  vft_tensor_id w = toy_tensor(p, "w", VFT_WITNESS, 0, -(1ll << 50), 1ll << 50, DIMS(37), NULL);
  toy_relation(p, "y", VFT_DEFINE, y, DIMS(37, 4, 6), 2,
               TERMS(SEVENTH(m, "bc", x, "ac"), T(-2, 0)));
  REL("s", VFT_ZERO, 0, DIMS(37, 4, 6), 2,
      TERMS(SEVENTH(m, "bc", x, "ac"), T(-1, 1, F(s, "ab"))));
  REL("w", VFT_ZERO, 0, DIMS(37, 4, 6), 1,
      TERMS(T(1, 2, F(y, "ab"), F(y, "ab")), SEVENTH(m, "bc", x, "ac"),
            T(1, 3, F(x, "ac"), F(x, "ac"), F(y, "ab")), T(-1, 1, F(w, "a"))));
  return p;
}

static inline void powers_fill(vft_trace *t) {
  vft_tensor_id x = toy_random(t, "x"), s = toy_alloc(t, "s"), w = toy_alloc(t, "w");
  for (size_t a = 0; a < 37; a++) {
    int64_t sum = 0, squares = 0;
    for (size_t c = 0; c < 6; c++) squares += toy_get(t, x, a * 6 + c) * toy_get(t, x, a * 6 + c);
    for (size_t b = 0; b < 4; b++) {
      int64_t y = 0;
      for (size_t c = 0; c < 6; c++) {
        int64_t v = toy_get(t, x, a * 6 + c);
        y += powers_m[b * 6 + c] * v * v * v * v * v * v * v;
      }
      toy_set(t, s, a * 4 + b, y);
      sum += (y - 2) * (y - 2) + y + squares * (y - 2);
    }
    toy_set(t, w, a, sum);
  }
}

#endif
