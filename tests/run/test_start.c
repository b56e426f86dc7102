/* The declared start and the schedule of a run. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "run/derive.h"
#include "run/initial.h"
#include "run/plan.h"
#include "run/progress.h"
#include "run/schedule.h"

enum { RANK = 8, IN = 576 };

static void test_a_is_uniform_and_keyed(void **state) {
  (void)state;
  static int32_t a[RANK * IN], b[RANK * IN];
  int32_t r = (int32_t)(1048576 / 24), low = 0, high = 0; /* sqrt(576) = 24 */
  double sum = 0, squares = 0;
  vft_initial_a(42, 3, 5, RANK, IN, a);
  for (int i = 0; i < RANK * IN; i++) {
    assert_true(a[i] >= -r && a[i] <= r);
    if (a[i] < low) low = a[i];
    if (a[i] > high) high = a[i];
    sum += a[i];
    squares += (double)a[i] * a[i];
  }
  assert_true(high > r * 0.99 && low < -r * 0.99);
  /* mean 0 and variance r^2/3, within five standard deviations */
  assert_true(fabs(sum / (RANK * IN)) < 5 * r / sqrt(3.0 * RANK * IN));
  assert_true(fabs(squares / (RANK * IN) / ((double)r * r / 3) - 1) < 0.07);
  const uint64_t key[3][3] = {{43, 3, 5}, {42, 4, 5}, {42, 3, 6}};
  for (int k = 0; k < 3; k++) {
    vft_initial_a(key[k][0], (int)key[k][1], (int)key[k][2], RANK, IN, b);
    assert_memory_not_equal(a, b, sizeof a);
  }
  vft_initial_a(42, 3, 5, RANK, IN, b);
  assert_memory_equal(a, b, sizeof a);
}

static void test_a_as_float_is_exact(void **state) {
  (void)state;
  static int32_t a[RANK * IN];
  static float f[RANK * IN];
  uint64_t seed = 7;
  vft_initial_a(seed, 0, 0, RANK, IN, a);
  vft_initial_a_float(&seed, 0, 0, RANK, IN, f);
  for (int i = 0; i < RANK * IN; i++) assert_true((double)f[i] * 1048576 == a[i]);
}

/* The reference in double precision. */
static double rate(vft_schedule_kind kind, double peak, uint64_t w, uint64_t steps, uint64_t t) {
  if (t < w) return peak * (double)(t + 1) / (double)(w + 1);
  double p = (double)(t - w) / (double)(steps - w);
  return kind == VFT_SCHEDULE_COSINE ? peak * (1 + cos(3.14159265358979324 * p)) / 2
         : kind == VFT_SCHEDULE_LINEAR ? peak * (1 - p) : peak;
}

static void test_rate(void **state) {
  (void)state;
  vft_manifest m = {.learning_rate = "2e-4", .steps = 100, .warmup_steps = 7};
  for (int kind = 0; kind < 3; kind++)
    for (uint64_t t = 0; t < m.steps; t++) {
      vft_fix x;
      m.schedule = (vft_schedule_kind)kind;
      assert_int_equal(vft_schedule_rate(&m, t, &x), VFT_OK);
      double got = (double)x / 18446744073709551616.0;
      assert_true(got > 0);
      assert_true(fabs(got - rate(m.schedule, 2e-4, 7, 100, t)) < 1e-15);
    }
}

static void test_warmup(void **state) {
  (void)state;
  const struct {
    const char *ratio;
    uint64_t steps, want;
  } t[] = {{"0", 100, 0}, {"0.03", 100, 3}, {"0.03", 24, 1}, {"0.1", 10, 1}, {"1", 5, 5},
           {"0.031", 100, 4}, {"0.5", 7, 4}};
  for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
    uint64_t w;
    assert_int_equal(vft_schedule_warmup(t[i].ratio, t[i].steps, &w), VFT_OK);
    assert_int_equal(w, t[i].want);
  }
  uint64_t w;
  assert_int_equal(vft_schedule_warmup("-1", 5, &w), VFT_USAGE);
}

static vft_plan plan;

static int make_plan(void **state) {
  (void)state;
  vft_progress_quiet(true);
  const vft_plan_request request = {.temporary = true};
  if (vft_plan_make("examples/demo/demo.yaml", &request, &plan) == VFT_OK) return 0;
  print_error("%s\n", vft_error_message());
  return 1;
}

static int free_plan(void **state) {
  (void)state;
  vft_plan_free(&plan);
  return 0;
}

static void test_inputs_of_a_step(void **state) {
  (void)state;
  const vft_manifest *m = &plan.manifest;
  for (uint64_t t = 0; t < m->steps; t++) {
    vft_step_inputs in;
    double k = (double)t + 1, r = rate(m->schedule, atof(m->learning_rate), m->warmup_steps,
                                       m->steps, t);
    double c1 = 1 - pow(m->shape.beta1_q16 / 65536.0, k), c2 = sqrt(1 - pow(1 - 1.0 / m->shape.d2,
                                                                            k));
    assert_int_equal(vft_schedule_inputs(m, plan.step, t, &in), VFT_OK);
    double lr = r * c2 / c1 * 536870912, wd = r * atof(m->weight_decay) * 1073741824;
    assert_true(fabs((double)in.value[plan.step->lr][0] - lr) < 0.51);
    assert_true(fabs((double)in.value[plan.step->wd][0] - wd) < 0.51);
    int g = m->profile.g[2 * VFT_V * m->shape.layers + 1];
    double eps = ldexp(atof(m->epsilon) * c2, g + 5);
    int64_t e = in.value[plan.step->eps[VFT_V][0]][1];
    assert_true(e >= 1 && (e == 1 || fabs((double)e - eps) < 0.51));
    vft_step_inputs_free(&in);
  }
}

static void test_manifest_round_trip(void **state) {
  (void)state;
  vft_manifest m;
  vft_step *step;
  const vft_manifest *p = &plan.manifest;
  assert_int_equal(vft_manifest_parse(p->text, p->length, "manifest", &m), VFT_OK);
  assert_memory_equal(m.digest, p->digest, 32);
  assert_int_equal(vft_derive_from_manifest(&m, &step), VFT_OK);
  vft_digest adapter, start;
  assert_int_equal(vft_derive_initial(step, m.seed, &adapter, &start), VFT_OK);
  assert_memory_equal(adapter.b, m.initial_adapter.b, 32);
  assert_memory_equal(start.b, m.initial_state.b, 32);
  vft_digest h0 = vft_derive_h0(step, m.base_root);
  assert_memory_equal(h0.b, m.h0.b, 32);
  vft_step_free(step);
  vft_manifest_free(&m);
}

/* h0 names the exponents too: equal integers with another scale are another model. */
static void test_h0_binds_exponents(void **state) {
  (void)state;
  vft_step other = *plan.step;
  int w[256];
  size_t n = (size_t)(7 * other.shape.layers);
  assert_true(n <= 256);
  memcpy(w, other.profile.w, n * sizeof *w);
  w[n - 1]++;
  other.profile.w = w;
  vft_digest a = vft_derive_h0(plan.step, plan.manifest.base_root);
  vft_digest b = vft_derive_h0(&other, plan.manifest.base_root);
  assert_memory_not_equal(a.b, b.b, 32);
  other = *plan.step;
  other.shape.rms_eps *= 2;
  b = vft_derive_h0(&other, plan.manifest.base_root);
  assert_memory_not_equal(a.b, b.b, 32);
}

/* A PEFT folder that holds the start gives the start's root: in and out links have one layout. */
static void test_adapter_root(void **state) {
  (void)state;
  const vft_step_shape *s = &plan.manifest.shape;
  vft_adapter a = vft_derive_adapter_shape(plan.step);
  vft_digest root, again;
  a.rank = s->rank;
  a.alpha = plan.manifest.alpha;
  a.targets = s->adapted;
  assert_int_equal(vft_adapter_alloc(&a), VFT_OK);
  for (int p = 0; p < 7; p++)
    for (int l = 0; l < s->layers; l++)
      vft_initial_a(plan.manifest.seed, l, p, (size_t)s->rank, (size_t)a.in[p],
                    a.a[p] + (size_t)l * (size_t)s->rank * (size_t)a.in[p]);
  assert_int_equal(vft_derive_adapter_root(plan.step, &a, &root), VFT_OK);
  assert_memory_equal(root.b, plan.manifest.initial_adapter.b, 32);
  a.b[VFT_UP][5] = -1;
  assert_int_equal(vft_derive_adapter_root(plan.step, &a, &again), VFT_OK);
  assert_memory_not_equal(root.b, again.b, 32);
  vft_digest t = vft_derive_h_t(root, 8, 16, 0x7f);
  const vft_digest other[3] = {vft_derive_h_t(root, 8, 32, 0x7f), vft_derive_h_t(root, 4, 16, 0x7f),
                               vft_derive_h_t(root, 8, 16, 0x7e)};
  for (int i = 0; i < 3; i++) assert_memory_not_equal(t.b, other[i].b, 32);
  vft_adapter_free(&a);
}

static void test_columns_rule(void **state) {
  (void)state;
  assert_int_equal(vft_derive_columns(VFT_HASH_POSEIDON, 1 << 24), 17);
  assert_int_equal(vft_derive_columns(VFT_HASH_BLAKE3, 1), 12);
  assert_int_equal(vft_derive_columns(VFT_HASH_BLAKE3, 1 << 21), 12);
  assert_int_equal(vft_derive_columns(VFT_HASH_BLAKE3, (1 << 21) + 1), 13);
  assert_int_equal(vft_derive_columns(VFT_HASH_BLAKE3, 1 << 27), 18);
  assert_int_equal(vft_derive_columns(VFT_HASH_BLAKE3, (size_t)1 << 33), 18);
}

/* Inputs and labels of a batch are the record's tokens and the same shifted by one; the loss mask is
 * the record's, and nothing behind its end. */
static void test_batch(void **state) {
  (void)state;
  const vft_manifest *m = &plan.manifest;
  vft_batch b;
  vft_records all;
  assert_int_equal(vft_records_load("examples/demo/data/train.jsonl", VFT_RECORDS_AUTO, &all),
                   VFT_OK);
  assert_int_equal(vft_batch_alloc(m, &b), VFT_OK);
  for (uint64_t t = 0; t < 3; t++) {
    size_t loss = 0;
    assert_int_equal(vft_plan_batch(&plan, t, &b), VFT_OK);
    for (size_t s = 0; s < b.sequences; s++) {
      vft_sample x;
      assert_int_equal(vft_record_encode(&all.record[b.record[s]], VFT_TEXT_NFC_TRIM,
                                         plan.tokenizer, &plan.tmpl, b.positions + 1, &x), VFT_OK);
      for (size_t i = 0; i < b.positions; i++) {
        size_t at = s * b.positions + i;
        assert_int_equal(b.input[at], i < x.length ? x.id[i] : m->pad_id);
        assert_int_equal(b.mask[at], i + 1 < x.length && x.mask[i + 1]);
        if (i) assert_int_equal(b.input[at], b.label[at - 1]);
        loss += (size_t)b.mask[at];
      }
      vft_sample_free(&x);
    }
    assert_true(loss > 0);
    assert_int_equal(loss, b.loss_tokens);
  }
  vft_batch_free(&b);
  vft_records_free(&all);
}

/* The accepted candidates of every epoch, in order, are the rows of its steps; nothing is accepted
 * after them. */
static void test_epochs(void **state) {
  (void)state;
  const vft_sampling *s = &plan.manifest.sampling;
  uint64_t steps = plan.manifest.steps, epochs = vft_sampling_epochs(s, steps), t = 0;
  vft_batch b;
  assert_int_equal(vft_batch_alloc(&plan.manifest, &b), VFT_OK);
  for (uint64_t e = 0; e < epochs; e++) {
    vft_plan_epoch_list list;
    assert_int_equal(vft_plan_epoch(&plan, e, &list), VFT_OK);
    assert_int_equal(list.candidates, s->candidates);
    assert_int_equal(list.rows, vft_sampling_rows(s, steps, e));
    uint64_t row = 0;
    for (uint64_t c = 0; c < list.candidates; c++) {
      uint8_t v = list.verdict[c];
      assert_int_equal(v == VFT_SKIP_FILLED, row == list.rows);
      if (v == VFT_SKIP_OUTSIDE) assert_true(list.record[c] >= s->records);
      if (v != VFT_ACCEPTED) continue;
      assert_true(list.record[c] < s->records);
      if (row % b.sequences == 0) assert_int_equal(vft_plan_batch(&plan, t++, &b), VFT_OK);
      assert_int_equal(b.record[row % b.sequences], list.record[c]);
      row++;
    }
    assert_int_equal(row, list.rows);
    vft_plan_epoch_list_free(&list);
  }
  assert_int_equal(t, steps);
  vft_batch_free(&b);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_a_is_uniform_and_keyed), cmocka_unit_test(test_a_as_float_is_exact),
      cmocka_unit_test(test_rate),                   cmocka_unit_test(test_warmup),
      cmocka_unit_test(test_inputs_of_a_step),       cmocka_unit_test(test_manifest_round_trip),
      cmocka_unit_test(test_h0_binds_exponents),     cmocka_unit_test(test_adapter_root),
      cmocka_unit_test(test_columns_rule),           cmocka_unit_test(test_batch),
      cmocka_unit_test(test_epochs)};
  return cmocka_run_group_tests(tests, make_plan, free_plan);
}
