/* Profiles come from untrusted manifests: a field out of range is refused before the builder
 * computes with it, and a profile in range never makes a lemma wrap. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "program/gadgets.h"
#include "program/step.h"

static const vft_step_shape shape = {
    .layers = 2, .d = 12, .groups = 2, .per_group = 2, .head_dim = 4, .ff = 20, .vocab = 30,
    .tied = 1, .rms_eps = 1e-5f, .rope_theta = 10000.f, .adapted = 127, .rank = 2,
    .alpha_log2 = 1, .sequences = 2, .positions = 12, .beta1_q16 = 58982, .d2 = 50, .clip = 1,
    .clip_u = 4096, .clip_frac = 12};

static void base(vft_profile *f) {
  assert_int_equal(vft_profile_init(f, 2), VFT_OK);
  for (int i = 0; i < 14; i++)
    for (int l = 0; l < 2; l++) {
      f->w[i % 7 * 2 + l] = 11;
      f->g0[i * 2 + l] = 14;
      f->u[i % 7 * 2 + l] = 14;
      f->vb[i % 7 * 2 + l] = 16;
    }
  for (int i = 0; i < 4; i++) {
    f->gain[i] = 8;
    f->x[i] = 8;
    f->dx[i] = 12;
    f->w2[i] = 18;
    f->w3[i] = 15;
    f->dh[i] = 18;
  }
  for (int l = 0; l < 2; l++) {
    f->q[l] = f->k[l] = f->v[l] = f->up[l] = f->gate[l] = 9;
    f->dha[l] = f->dhb[l] = f->dm[l] = f->dup[l] = f->dgate[l] = f->do_[l] = 12;
    f->dop[l] = f->dv[l] = f->ds[l] = f->dq[l] = f->dk[l] = 12;
  }
  f->f_w3_out = 18;
  f->w_w3 = 40;
}

/* A term whose lemma is [0, 0] without being constant would let its sum wrap unseen. */
static void check_lemmas(const vft_step *step) {
  const vft_program *p = step->program;
  for (uint32_t i = 0; i < p->nrelations; i++)
    for (uint32_t t = 0; t < p->relations[i].nterms; t++) {
      const vft_term *x = &p->relations[i].terms[t];
      if (x->lemma && (x->lemma_lo > -1 || x->lemma_hi < 0 || x->lemma_lo == x->lemma_hi))
        fail_msg("%s: lemma [%lld, %lld]", p->relations[i].name, (long long)x->lemma_lo,
                 (long long)x->lemma_hi);
    }
}

static void control(void **state) {
  (void)state;
  vft_profile f;
  vft_step *step;
  base(&f);
  assert_int_equal(vft_step_build(&shape, &f, 12, &step), VFT_OK);
  assert_int_equal(vft_program_check_bounds(step->program), VFT_OK);
  check_lemmas(step);
  vft_step_free(step);
  vft_profile_free(&f);
}

/* Shifts of -k > 126 bits in the bound of h w3 used to wrap to a lemma [0, 0]. */
static void saturating_lemma(void **state) {
  (void)state;
  vft_profile f;
  vft_step *step = NULL;
  base(&f);
  f.f_h = 0;
  f.w_h = 29;
  f.f_r = -1;
  f.w_r = 22;
  f.w_w2 = 39;
  f.f_xf = -29;
  f.f_dxf = 14;
  f.f_w2_out = -39;
  f.f_w3_out = -40;
  for (int i = 0; i < 14; i++) f.u[i] = 8;
  for (int i = 0; i < 4; i++) {
    f.x[i] = 16;
    f.w2[i] = 27;
    f.w3[i] = 20;
  }
  if (vft_step_build(&shape, &f, 12, &step) == VFT_OK) {
    check_lemmas(step);
    vft_step_free(step);
  }
  assert_int_equal(vft_bound_shift(1, 1000), (vft_i128)1 << 100);
  assert_int_equal(vft_bound_shift((vft_i128)1 << 99, 1), (vft_i128)1 << 100);
  assert_int_equal(vft_bound_shift(5, 3), 40);
  assert_int_equal(vft_bound_shift(5, -1), 2);
  assert_int_equal(vft_bound_shift(5, -1000), 0);
  vft_profile_free(&f);
}

/* Sets field number `which` to a value. */
typedef struct {
  int which, at, value;
  char name[32];
} setter;

static void set(void *ctx, const char *name, int *values, size_t count) {
  setter *s = ctx;
  if (s->at++ != s->which) return;
  snprintf(s->name, sizeof s->name, "%s", name);
  values[count - 1] = s->value;
}

static void ranges(void **state) {
  (void)state;
  static const int wild[] = {-1000, -65, 65, 1000};
  int fields = 0;
  for (;; fields++) {
    setter s = {.which = fields};
    for (int k = 0; k < 4; k++) {
      vft_profile f;
      vft_step *step;
      base(&f);
      s.at = 0;
      s.value = wild[k];
      vft_profile_fields(&f, set, &s);
      if (!s.name[0]) {
        vft_profile_free(&f);
        assert_true(fields > 40);
        return;
      }
      assert_int_equal(vft_step_build(&shape, &f, 12, &step), VFT_USAGE);
      assert_non_null(strstr(vft_error_message(), s.name));
      vft_profile_free(&f);
    }
  }
}

/* Random profiles within the ranges: built or refused, never undefined (sanitizers), and what the
 * bound checker accepts has lemmas that say something. */
static void random_profiles(void **state) {
  (void)state;
  srand(1);
  for (int round = 0; round < 300; round++) {
    vft_profile f;
    vft_step *step;
    base(&f);
    for (int k = 0; k < 1 + round % 6; k++) {
      setter s = {.which = rand() % 64, .value = rand() % 129 - 64};
      vft_profile_fields(&f, set, &s);
    }
    if (vft_step_build(&shape, &f, 12, &step) == VFT_OK) {
      if (vft_program_check_bounds(step->program) == VFT_OK) check_lemmas(step);
      vft_step_free(step);
    }
    vft_profile_free(&f);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(control),
      cmocka_unit_test(saturating_lemma),
      cmocka_unit_test(ranges),
      cmocka_unit_test(random_profiles),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
