/* A small program without oracles for the tests of hiding proofs, with many witnesses for one
 * statement: a public table of squares as link, lookups, products of three factors, a virtual
 * tensor, a per-proof input. `skip` as in prove/toys.h. */
#ifndef TESTS_HIDE_SECRET_H
#define TESTS_HIDE_SECRET_H

#include "prove/prove.h"
#include "verify/toy.h"

#define REL(...)                                    \
  do {                                              \
    if (skip-- != 0) toy_relation(p, __VA_ARGS__);  \
  } while (0)
#define LOOKUP(...)                               \
  do {                                            \
    if (skip-- != 0) toy_lookup(p, __VA_ARGS__);  \
  } while (0)

enum { SECRET_COLUMNS = 6 };

static vft_program *secret_build(int skip) {
  vft_program *p = vft_program_new("secret", SECRET_COLUMNS);
  vft_program_add_link(p, "squares", false);
  vft_tensor_id out = toy_tensor(p, "squares/out", VFT_LINK, 0, 0, 225, DIMS(16), NULL);
  vft_tensor_id rate = toy_tensor(p, "rate", VFT_PUBLIC, 0, 0, 1000, SCALAR, NULL);
  vft_tensor_id tilt = toy_tensor(p, "tilt", VFT_PUBLIC, 0, -50, 50, DIMS(8), NULL);
  vft_tensor_id mult = toy_tensor(p, "squares/mult", VFT_WITNESS, 0, 0, UINT32_MAX, DIMS(16),
                                  NULL);
  vft_tensor_id x = toy_tensor(p, "x", VFT_WITNESS, 0, 0, 15, DIMS(16, 8), NULL);
  vft_tensor_id y = toy_tensor(p, "y", VFT_WITNESS, 0, 0, 225, DIMS(16, 8), NULL);
  vft_tensor_id w = toy_tensor(p, "w", VFT_WITNESS, 0, -(1 << 30), 1 << 30, DIMS(16), NULL);
  vft_tensor_id cube = toy_tensor(p, "cube", VFT_WITNESS, 0, 0, 1 << 20, DIMS(16, 7), NULL);
  vft_tensor_id v = toy_tensor(p, "v", VFT_VIRTUAL, 0, -(1 << 30), 1 << 30, DIMS(16), NULL);
  vft_table t = {.name = "squares", .kind = VFT_TABLE_FUNCTION, .tag = 33, .first = 0,
                 .rows = 1 << 4, .out = {out, VFT_NO_TENSOR, VFT_NO_TENSOR}, .mult = mult};
  if (vft_program_add_table(p, &t) == UINT32_MAX) abort();
  /* w[a] = v[a] + rate */
  REL("w", VFT_ZERO, 0, DIMS(16), 1,
      TERMS(T(1, 1, F(v, "a")), T(1, 1, F(rate, "")), T(-1, 1, F(w, "a"))));
  /* cube[a, b] = x[a, b] x[a, b + 1] y[a, b] */
  REL("cube", VFT_ZERO, 0, DIMS(16, 7), 2,
      TERMS(T(1, 3, F(x, "ab"), FO(x, "ab", DIMS(0, 1)), F(y, "ab")), T(-1, 1, F(cube, "ab"))));
  /* v[a] = sum_b x[a, b] y[a, b] + tilt[b] x[a, b] */
  toy_relation(p, "v", VFT_DEFINE, v, DIMS(16, 8), 1,
               TERMS(T(1, 2, F(x, "ab"), F(y, "ab")), T(1, 2, F(tilt, "b"), F(x, "ab"))));
  LOOKUP("squares", DIMS(16, 8), 3, COL(T(33, 0)), COL(T(1, 1, F(x, "ab"))),
         COL(T(1, 1, F(y, "ab"))));
  return p;
}

/* value: of every x, or -1 for random ones. */
static void secret_fill(vft_trace *t, int64_t value) {
  vft_tensor_id x = toy_random(t, "x"), y = toy_alloc(t, "y"), w = toy_alloc(t, "w");
  vft_tensor_id cube = toy_alloc(t, "cube"), out = toy_alloc(t, "squares/out");
  vft_tensor_id rate = toy_alloc(t, "rate"), tilt = toy_alloc(t, "tilt");
  toy_set(t, rate, 0, 77);
  for (size_t b = 0; b < 8; b++) toy_set(t, tilt, b, (int64_t)b * 9 - 20);
  for (size_t i = 0; i < 16; i++) toy_set(t, out, i, (int64_t)(i * i));
  for (size_t a = 0; a < 16; a++) {
    int64_t sum = 77;
    for (size_t b = 0; b < 8; b++) {
      size_t i = a * 8 + b;
      if (value >= 0) toy_set(t, x, i, value);
      int64_t v = toy_get(t, x, i);
      toy_set(t, y, i, v * v);
      sum += v * v * v + v * toy_get(t, tilt, b);
    }
    toy_set(t, w, a, sum);
    for (size_t b = 0; b < 7; b++)
      toy_set(t, cube, a * 7 + b,
              toy_get(t, x, a * 8 + b) * toy_get(t, x, a * 8 + b + 1) * toy_get(t, y, a * 8 + b));
  }
}

#endif
