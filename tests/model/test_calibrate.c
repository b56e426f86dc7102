/* Calibration is a function to the bit: a manifest's exponents follow from it on every machine. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/pool.h"
#include "hash/blake3.h"
#include "model/calibrate.h"
#include "run/initial.h"

enum { SEQUENCES = 2, POSITIONS = 300 };

static void add(vft_blake3 *h, const float *x, size_t n) { vft_blake3_update(h, x, n * sizeof *x); }

static void digest(const vft_calibration *c, char hex[65]) {
  uint8_t d[32];
  size_t layers = (size_t)c->layers;
  vft_blake3 h;
  vft_blake3_init(&h);
  for (int k = 0; k < VFT_CAL_KINDS; k++) add(&h, c->max[k], layers + 1);
  for (int p = 0; p < VFT_PROJECTIONS; p++) {
    add(&h, c->max_u[p], layers);
    add(&h, c->max_vb[p], layers);
    add(&h, c->max_da[p], layers);
    add(&h, c->max_db[p], layers);
  }
  add(&h, (const float[]){c->max_xf, c->max_dxf, c->max_logit_span, c->inv_rms_max}, 4);
  vft_blake3_final(&h, d, sizeof d);
  for (int i = 0; i < 32; i++) snprintf(hex + 2 * i, 3, "%02x", d[i]);
}

/* Of the model in examples/demo, with more positions than a tile has and a rank that fills no vector. */
static void test_bits(void **unused) {
  (void)unused;
  static const struct {
    int rank;
    unsigned adapted;
    const char *digest;
  } cases[] = {
      {3, 0x7f, "b19500c36a601f761cd0244055f5640134e0f108657798b1c1574130cfe3bf97"},
      {8, 0x25, "822de6d63b173cc73f217db3152fc7e5a525aadb988af88d45627e09f068a4ab"},
  };
  vft_model model;
  int32_t ids[SEQUENCES * (POSITIONS + 1)];
  uint64_t seed = 7;
  uint32_t x = 1;
  assert_int_equal(vft_model_load("examples/demo/model", &model), VFT_OK);
  for (size_t i = 0; i < sizeof ids / sizeof *ids; i++) {
    x = x * 1664525 + 1013904223;
    ids[i] = (int32_t)((x >> 8) % (uint32_t)model.arch.vocab);
  }
  for (size_t k = 0; k < sizeof cases / sizeof *cases; k++)
    for (int threads = 1; threads <= 3; threads++) {
      vft_calibration_lora lora = {.rank = cases[k].rank, .scale = 2, .adapted = cases[k].adapted,
                                   .seed = seed, .b_amplitude = 0.01f};
      vft_calibration c;
      char hex[65];
      vft_threads_set(threads);
      assert_int_equal(vft_calibrate(&model, &lora, vft_initial_a_float, &seed, ids, SEQUENCES,
                                     POSITIONS, &c), VFT_OK);
      digest(&c, hex);
      assert_string_equal(hex, cases[k].digest);
      vft_calibration_free(&c);
    }
  vft_model_free(&model);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_bits)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
