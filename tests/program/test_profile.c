/* Exponents from maxima, float32 by its bits, and that the step closes its bounds for the shapes
 * it is meant for. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "program/step.h"
#include "program/weights.h"

static uint64_t rng_state = 7;
static uint32_t rnd(void) {
  rng_state = rng_state * 6364136223846793005ull + 1442695040888963407ull;
  return (uint32_t)(rng_state >> 32);
}

static void test_float_bits(void **unused) {
  (void)unused;
  assert_int_equal(vft_float_exponent(0.0f), -149);
  assert_int_equal(vft_float_exponent(1.0f), 1);
  assert_int_equal(vft_float_exponent(-0.75f), 0);
  assert_int_equal(vft_float_exponent(0x1p-149f), -148);
  assert_int_equal(vft_float_exponent(0x1.fffffep+127f), 128);
  for (int i = 0; i < 200000; i++) {
    uint32_t bits = rnd();
    if ((bits >> 23 & 0xff) >= 150) bits &= 0xbfffffff; /* keep results small */
    float x;
    memcpy(&x, &bits, sizeof x);
    if (!isfinite(x)) continue;
    int e;
    (void)frexp((double)x, &e);
    if (x != 0) assert_int_equal(vft_float_exponent(x), e);
    int frac = 20 - vft_float_exponent(x);
    if (x == 0) frac = 3;
    double exact = ldexp((double)x, frac), want = floor(fabs(exact) + 0.5);
    assert_int_equal(vft_float_quantise(x, frac), (int)(exact < 0 ? -want : want));
    frac -= 1 + (int)(rnd() % 25);
    exact = ldexp((double)x, frac);
    want = floor(fabs(exact) + 0.5);
    assert_int_equal(vft_float_quantise(x, frac), (int)(exact < 0 ? -want : want));
  }
  /* the largest exponent whose rounded maximum still fits */
  assert_int_equal(vft_float_frac(1.0f, 12), 10);
  assert_int_equal(vft_float_frac(0.99f, 12), 11);
  assert_int_equal(vft_float_frac(0.9999f, 12), 10); /* 2047.8 rounds to 2048 */
  assert_int_equal(vft_float_frac(0.0f, 12), 0);
}

static void test_clip(void **unused) {
  (void)unused;
  vft_step_shape s;
  memset(&s, 0, sizeof s);
  assert_int_equal(vft_step_shape_set_clip(&s, "1.0"), VFT_OK);
  assert_int_equal(s.clip, 1);
  assert_int_equal(s.clip_u, 4096);
  assert_int_equal(s.clip_frac, 12);
  assert_int_equal(vft_step_shape_set_clip(&s, "0.3"), VFT_OK);
  assert_int_equal(s.clip_u, 4915);
  assert_int_equal(s.clip_frac, 14);
  assert_int_equal(vft_step_shape_set_clip(&s, "0"), VFT_OK);
  assert_int_equal(s.clip, 0);
  assert_int_equal(vft_step_shape_set_clip(&s, "-1"), VFT_USAGE);
  assert_int_equal(vft_step_shape_set_clip(&s, "1e9"), VFT_USAGE);
  assert_int_equal(vft_step_shape_set_clip(&s, "1e-9"), VFT_USAGE);
}

/* ---- shapes ---- */

typedef struct {
  const char *what;
  vft_arch arch;
  int sequences, positions, rank, alpha_log2;
  unsigned adapted;
  float h, grad; /* largest residual; scale of gradients */
} shape_case;

static const vft_arch demo = {.layers = 3, .d = 96, .heads = 6, .kv_heads = 2, .head_dim = 16,
                              .ff = 240, .vocab = 960, .context = 512, .tied = 1,
                              .rope_theta = 10000, .rms_eps = 1e-5f};
static const vft_arch smol = {.layers = 30, .d = 576, .heads = 9, .kv_heads = 3, .head_dim = 64,
                              .ff = 1536, .vocab = 49152, .context = 2048, .tied = 1,
                              .rope_theta = 100000, .rms_eps = 1e-5f};
static const vft_arch odd = {.layers = 1, .d = 7, .heads = 3, .kv_heads = 1, .head_dim = 2, .ff = 5,
                             .vocab = 13, .context = 64, .tied = 0, .rope_theta = 500,
                             .rms_eps = 1e-6f};

static void fill(float *x, size_t n, float v) {
  for (size_t i = 0; i < n; i++) x[i] = v;
}

/* Calibration maxima of about the size that trained models show, growing with the layer. */
static void make(const shape_case *c, vft_step_shape *s, vft_model *m, vft_calibration *cal) {
  const vft_arch *a = &c->arch;
  memset(s, 0, sizeof *s);
  vft_step_shape_set_arch(s, a);
  s->sequences = c->sequences;
  s->positions = c->positions;
  s->rank = c->rank;
  s->alpha_log2 = c->alpha_log2;
  s->adapted = c->adapted;
  s->beta1_q16 = 58982;
  s->d2 = 1000;
  assert_int_equal(vft_step_shape_set_clip(s, "1.0"), VFT_OK);
  assert_int_equal(vft_model_alloc(a, m), VFT_OK);
  m->emb[0] = 1.9f;
  if (m->out) m->out[0] = 1;
  m->out_norm[0] = 5;
  memset(cal, 0, sizeof *cal);
  cal->layers = a->layers;
  for (int l = 0; l < a->layers; l++) {
    vft_model_layer *y = &m->layer[l];
    y->attn_norm[0] = 3;
    y->ffn_norm[0] = 2;
    y->wq[0] = 2 + (float)l / 10;
    y->wk[0] = 2;
    y->wv[0] = y->wo[0] = y->wgate[0] = y->wup[0] = y->wdown[0] = 1.5f;
  }
  for (int k = 0; k < VFT_CAL_KINDS; k++) {
    cal->max[k] = calloc((size_t)a->layers + 1, sizeof(float));
    for (int l = 0; l <= a->layers; l++) {
      float v = k == VFT_CAL_H ? c->h : k == VFT_CAL_SCORE ? 40 : k >= VFT_CAL_DH ? c->grad : 9;
      cal->max[k][l] = k == VFT_CAL_H || k == VFT_CAL_SCORE ? v : v * (1 + (float)l / 6);
      if (k >= VFT_CAL_DH && l == 0) cal->max[k][l] *= 1000; /* the first token's gradient */
    }
  }
  float **inner[4] = {cal->max_u, cal->max_vb, cal->max_da, cal->max_db};
  const float size[4] = {5, c->grad / 10, c->grad, c->grad};
  for (int p = 0; p < VFT_PROJECTIONS; p++)
    for (int i = 0; i < 4; i++) {
      inner[i][p] = calloc((size_t)a->layers, sizeof(float));
      fill(inner[i][p], (size_t)a->layers, size[i]);
    }
  cal->max_xf = 42;
  cal->max_dxf = 1.5f;
  cal->max_logit_span = 55;
  cal->inv_rms_max = 12;
}

static void unmake(vft_model *m, vft_calibration *cal) {
  for (int k = 0; k < VFT_CAL_KINDS; k++) free(cal->max[k]);
  for (int p = 0; p < VFT_PROJECTIONS; p++) {
    free(cal->max_u[p]);
    free(cal->max_vb[p]);
    free(cal->max_da[p]);
    free(cal->max_db[p]);
  }
  vft_model_free(m);
}

static void test_shapes_close(void **unused) {
  (void)unused;
  const shape_case cases[] = {
      {"demo", demo, 4, 48, 8, 1, 127, 30, 0.1f},
      {"demo, rank 64", demo, 1, 64, 64, -3, 127, 30, 10},
      {"SmolLM2-135M, one short sequence", smol, 1, 32, 8, 1, 127, 25000, 0.3f},
      {"SmolLM2-135M, 2048 tokens", smol, 4, 512, 16, 0, 127, 25000, 0.3f},
      {"SmolLM2-135M, q and v", smol, 8, 128, 32, 1, 5, 900, 0.001f},
      {"one layer, odd sizes", odd, 3, 5, 3, 0, 64, 3, 1e-6f},
      {"one layer, small gradients", odd, 1, 2, 1, 8, 127, 3, 1e-9f},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    vft_step_shape s;
    vft_model m;
    vft_calibration cal;
    vft_profile f;
    vft_weights w;
    vft_step *step;
    make(&cases[i], &s, &m, &cal);
    assert_int_equal(vft_profile_init(&f, s.layers), VFT_OK);
    if (vft_profile_fill(&f, &s, &m, &cal) != VFT_OK)
      fail_msg("%s: %s", cases[i].what, vft_error_message());
    if (vft_weights_quantise(&m, &s, &f, &w) != VFT_OK)
      fail_msg("%s: %s", cases[i].what, vft_error_message());
    if (vft_step_build(&s, &f, 12, &step) != VFT_OK)
      fail_msg("%s: %s", cases[i].what, vft_error_message());
    if (vft_program_check_bounds(step->program) != VFT_OK)
      fail_msg("%s: %s", cases[i].what, vft_error_message());
    vft_step_free(step);
    vft_weights_free(&w);
    vft_profile_free(&f);
    unmake(&m, &cal);
  }
}

/* Gradients keep room above calibration's largest; vb has no more bits in sums than in gradients of
 * A; a clipped gradient fills its container and cannot leave it. */
static void test_gradients(void **unused) {
  (void)unused;
  const char *const thresholds[] = {"0", "0.3", "1.0", "1.99", "1.97", "7"};
  for (size_t k = 0; k < sizeof thresholds / sizeof *thresholds; k++) {
    const shape_case c = {"SmolLM2-135M", smol, 2, 128, 16, 1, 127, 25000, 0.3f};
    vft_step_shape s;
    vft_model m;
    vft_calibration cal;
    vft_profile f;
    make(&c, &s, &m, &cal);
    assert_int_equal(vft_step_shape_set_clip(&s, thresholds[k]), VFT_OK);
    assert_int_equal(vft_profile_init(&f, s.layers), VFT_OK);
    assert_int_equal(vft_profile_fill(&f, &s, &m, &cal), VFT_OK);
    bool lowered = false;
    for (int l = 0; l < s.layers; l++) {
      double room = ldexp(1, f.n_grad - 1) / (ldexp((double)cal.max[VFT_CAL_DQ][l], f.dq[l]));
      assert_true(room >= 256);
      room = ldexp(1, f.n_ds - 1) / (ldexp((double)cal.max[VFT_CAL_DS][l], f.ds[l]));
      assert_true(room >= 256);
    }
    for (int i = 0; i < VFT_PROJECTIONS * s.layers; i++) {
      assert_true(f.avb[i] <= f.vb[i]);
      lowered = lowered || f.avb[i] < f.vb[i];
    }
    assert_true(lowered);
    for (int i = 0; i < 2 * VFT_PROJECTIONS * s.layers; i++) {
      if (!s.clip) {
        assert_int_equal(f.g[i], f.g0[i] + 7); /* S n / 2 = 2^7 */
        continue;
      }
      double top = ldexp(s.clip_u, f.g[i] - s.clip_frac) / ldexp(1, f.w_g - 1);
      assert_true(f.g[i] == f.g0[i] + 7 || (top <= 64 / 65.0 && top > 0.49));
    }
    vft_profile_free(&f);
    unmake(&m, &cal);
  }
}

/* The same shape and profile give the same program; another exponent or constant another one. */
static void test_program_binds_profile(void **unused) {
  (void)unused;
  const shape_case c = {"demo", demo, 2, 16, 4, 1, 127, 30, 0.1f};
  vft_step_shape s;
  vft_model m;
  vft_calibration cal;
  vft_profile f;
  uint8_t first[32], other[32];
  make(&c, &s, &m, &cal);
  assert_int_equal(vft_profile_init(&f, s.layers), VFT_OK);
  assert_int_equal(vft_profile_fill(&f, &s, &m, &cal), VFT_OK);
  for (int change = 0; change < 11; change++) {
    vft_step *step;
    vft_step_shape t = s;
    vft_profile g = f;
    int keep = f.x[1], keep_avb = f.avb[1], keep_g = f.g[1];
    if (change == 1) f.x[1]--;
    if (change == 8) f.avb[1]--;
    if (change == 9) f.g[1]--;
    if (change == 10) g.n_ds--;
    if (change == 2) g.f_rot--;
    if (change == 3) t.beta1_q16++;
    if (change == 4) t.d2++;
    if (change == 5) t.clip_u++;
    if (change == 6) t.rms_eps *= 2;
    if (change == 7) t.alpha_log2--;
    if (vft_step_build(&t, &g, 12, &step) != VFT_OK) fail_msg("%s", vft_error_message());
    vft_program_digest(step->program, change ? other : first);
    if (change) assert_memory_not_equal(first, other, 32);
    f.x[1] = keep;
    f.avb[1] = keep_avb;
    f.g[1] = keep_g;
    vft_step_free(step);
  }
  vft_profile_free(&f);
  unmake(&m, &cal);
}

/* Containers that do not close are refused, naming the relation. */
static void test_refused(void **unused) {
  (void)unused;
  const shape_case c = {"demo", demo, 2, 16, 4, 1, 127, 30, 0.1f};
  vft_step_shape s;
  vft_model m;
  vft_calibration cal;
  vft_profile f;
  make(&c, &s, &m, &cal);
  assert_int_equal(vft_profile_init(&f, s.layers), VFT_OK);
  assert_int_equal(vft_profile_fill(&f, &s, &m, &cal), VFT_OK);
  for (int change = 0; change < 5; change++) {
    vft_profile g = f;
    if (change == 0) g.w_u = 44;
    if (change == 1) g.w_r = 50;
    if (change == 2) g.w_g = 31;
    if (change == 3) g.w_h = 40;
    if (change == 4) g.f_rot = 20, g.w_vb = 40;
    vft_step *step = NULL;
    vft_status st = vft_step_build(&s, &g, 12, &step);
    if (st == VFT_OK) st = vft_program_check_bounds(step->program);
    assert_int_equal(st, VFT_USAGE);
    assert_true(strlen(vft_error_message()) > 20);
    vft_step_free(step);
  }
  vft_step *step;
  vft_step_shape t = s;
  t.rank = 0;
  assert_int_equal(vft_step_build(&t, &f, 12, &step), VFT_USAGE);
  assert_non_null(strstr(vft_error_message(), "lora rank"));
  t = s;
  t.adapted = 0;
  assert_int_equal(vft_step_build(&t, &f, 12, &step), VFT_USAGE);
  t = s;
  t.positions = 1 << 15;
  assert_int_equal(vft_step_build(&t, &f, 12, &step), VFT_USAGE);
  f.w[0] = 40; /* an exponent at which the weights leave their container */
  vft_weights w;
  assert_int_equal(vft_weights_quantise(&m, &s, &f, &w), VFT_USAGE);
  assert_non_null(strstr(vft_error_message(), "attn/q, layer 0"));
  vft_profile_free(&f);
  unmake(&m, &cal);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_float_bits),        cmocka_unit_test(test_clip),
      cmocka_unit_test(test_shapes_close),      cmocka_unit_test(test_gradients),
      cmocka_unit_test(test_program_binds_profile), cmocka_unit_test(test_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
