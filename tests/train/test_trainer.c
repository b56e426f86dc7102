/* From a float model to training: calibrate, choose exponents, quantise, build, train. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/pool.h"
#include "hash/blake3.h"
#include "relation/layout.h"
#include "train/trainer.h"
#include "verify/verify.h"

enum { VOCAB = 30, S = 3, N = 12 };

typedef struct {
  vft_model model;
  vft_step_shape shape;
  vft_profile profile;
  vft_weights weights;
  vft_step *step;
  vft_state state;
  int64_t input[S * N], label[S * N], mask[S * N];
  vft_train_batch batch;
  int64_t **inputs;
} fixture;

static uint64_t rng_state;
static uint32_t rnd(void) {
  rng_state = rng_state * 6364136223846793005ull + 1442695040888963407ull;
  return (uint32_t)(rng_state >> 33);
}
static float uniform(float a) { return a * ((float)rnd() / (float)(1u << 30) - 1.0f); }
static void fill(float *x, size_t n, float a, float centre) {
  for (size_t i = 0; i < n; i++) x[i] = centre + uniform(a);
}

static void start_a(void *ctx, int layer, int projection, int rank, int in, float *a) {
  (void)ctx;
  uint64_t keep = rng_state;
  rng_state = (uint64_t)(100 * layer + projection);
  for (int i = 0; i < rank * in; i++)
    a[i] = (float)((int)(rnd() % 400001) - 200000) / 1048576.0f;
  rng_state = keep;
}

static void set_inputs(fixture *f, double lr, int t) {
  const vft_program *p = f->step->program;
  double c = sqrt(1 - pow(0.999, t)) / (1 - pow(0.9, t));
  f->inputs[f->step->lr][0] = (int64_t)(lr * c * (double)(1 << 29));
  f->inputs[f->step->wd][0] = (int64_t)(lr * 0.01 * (double)(1 << 30));
  for (int q = 0; q < VFT_PROJECTIONS; q++)
    for (int k = 0; k < 2 && (f->shape.adapted >> q & 1); k++)
      for (size_t l = 0; l < vft_tensor_count(&p->tensors[f->step->eps[q][k]]); l++)
        f->inputs[f->step->eps[q][k]][l] = 1;
}

static void setup_clipped(fixture *f, unsigned adapted, const char *clip) {
  memset(f, 0, sizeof *f);
  rng_state = 42;
  vft_arch arch = {.layers = 3, .d = 20, .heads = 4, .kv_heads = 2, .head_dim = 6, .ff = 28,
                   .vocab = VOCAB, .context = 64, .tied = 1, .rope_theta = 10000, .rms_eps = 1e-5f};
  assert_int_equal(vft_model_alloc(&arch, &f->model), VFT_OK);
  fill(f->model.emb, VOCAB * 20, 0.8f, 0);
  fill(f->model.out_norm, 20, 0.2f, 1);
  for (int l = 0; l < 3; l++) {
    vft_model_layer *y = &f->model.layer[l];
    fill(y->attn_norm, 20, 0.3f, 1);
    fill(y->ffn_norm, 20, 0.3f, 1);
    fill(y->wq, 24 * 20, 0.4f, 0);
    fill(y->wk, 12 * 20, 0.4f, 0);
    fill(y->wv, 12 * 20, 0.4f, 0);
    fill(y->wo, 20 * 24, 0.4f, 0);
    fill(y->wgate, 28 * 20, 0.4f, 0);
    fill(y->wup, 28 * 20, 0.4f, 0);
    fill(y->wdown, 20 * 28, 0.4f, 0);
  }
  vft_step_shape_set_arch(&f->shape, &arch);
  f->shape.adapted = adapted;
  f->shape.rank = 4;
  f->shape.alpha_log2 = 1;
  f->shape.sequences = S;
  f->shape.positions = N;
  f->shape.beta1_q16 = 58982;
  f->shape.d2 = 1000;
  assert_int_equal(vft_step_shape_set_clip(&f->shape, clip), VFT_OK);
  int32_t ids[2 * (N + 1)];
  for (int i = 0; i < 2 * (N + 1); i++) ids[i] = (int32_t)(rnd() % VOCAB);
  vft_calibration_lora lora = {.rank = 4, .scale = 2, .adapted = adapted, .seed = 1,
                               .b_amplitude = 0.05f};
  vft_calibration cal;
  if (vft_calibrate(&f->model, &lora, start_a, NULL, ids, 2, N, &cal) != VFT_OK)
    fail_msg("%s", vft_error_message());
  assert_int_equal(vft_profile_init(&f->profile, 3), VFT_OK);
  if (vft_profile_fill(&f->profile, &f->shape, &f->model, &cal) != VFT_OK)
    fail_msg("%s", vft_error_message());
  vft_calibration_free(&cal);
  if (vft_weights_quantise(&f->model, &f->shape, &f->profile, &f->weights) != VFT_OK)
    fail_msg("%s", vft_error_message());
  if (vft_step_build(&f->shape, &f->profile, 8, &f->step) != VFT_OK)
    fail_msg("%s", vft_error_message());
  if (vft_program_check_bounds(f->step->program) != VFT_OK) fail_msg("%s", vft_error_message());
  assert_int_equal(vft_state_alloc(&f->shape, &f->state), VFT_OK);
  for (int p = 0; p < VFT_PROJECTIONS; p++) {
    if (!(adapted >> p & 1)) continue;
    size_t each = 4 * vft_step_in(&f->shape, p);
    int32_t *working = vft_alloc(3 * each, sizeof *working);
    float *a = vft_alloc(each, sizeof *a);
    for (int l = 0; l < 3; l++) {
      start_a(NULL, l, p, 4, (int)vft_step_in(&f->shape, p), a);
      for (size_t i = 0; i < each; i++)
        working[(size_t)l * each + i] = (int32_t)(a[i] * 1048576.0f);
    }
    vft_state_set_working(&f->state.matrix[p][0], working);
    vft_free(a);
    vft_free(working);
  }
  for (int s = 0; s < S; s++) {
    int64_t token = rnd() % VOCAB;
    for (int i = 0; i < N; i++) {
      f->input[s * N + i] = token;
      token = (token * 7 + 3) % VOCAB; /* learnable: each token determines the next */
      f->label[s * N + i] = token;
      f->mask[s * N + i] = i > 1;
    }
  }
  f->batch = (vft_train_batch){.input = f->input, .label = f->label, .mask = f->mask};
  f->inputs = vft_alloc(f->step->program->ntensors, sizeof *f->inputs);
  for (vft_tensor_id t = 0; t < f->step->program->ntensors; t++) {
    const vft_tensor *x = &f->step->program->tensors[t];
    if (x->origin == VFT_PUBLIC && !x->values)
      f->inputs[t] = vft_alloc(vft_tensor_count(x), sizeof(int64_t));
  }
}

static void setup(fixture *f, unsigned adapted) { setup_clipped(f, adapted, "1.0"); }

static void teardown(fixture *f) {
  for (vft_tensor_id t = 0; t < f->step->program->ntensors; t++) vft_free(f->inputs[t]);
  vft_free(f->inputs);
  vft_state_free(&f->state);
  vft_step_free(f->step);
  vft_weights_free(&f->weights);
  vft_profile_free(&f->profile);
  vft_model_free(&f->model);
}

static vft_digest digest(const vft_state *s) {
  vft_blake3 h;
  vft_digest d;
  vft_blake3_init(&h);
  for (int p = 0; p < VFT_PROJECTIONS; p++)
    for (int k = 0; k < 2; k++) {
      const vft_state_matrix *x = &s->matrix[p][k];
      vft_blake3_update(&h, x->master, x->count * sizeof *x->master);
      vft_blake3_update(&h, x->m, x->count * sizeof *x->m);
      vft_blake3_update(&h, x->v, x->count * sizeof *x->v);
    }
  vft_blake3_final(&h, d.b, sizeof d.b);
  return d;
}

static double mean_nll(fixture *f, vft_trainer *t) {
  vft_token_score score[S * N];
  if (vft_trainer_evaluate(t, &f->state, &f->batch, score) != VFT_OK)
    fail_msg("%s", vft_error_message());
  double sum = 0;
  int n = 0;
  for (int i = 0; i < S * N; i++)
    if (f->mask[i]) sum += score[i].nll, n++;
  return sum / n;
}

/* Loss falls; the step's own loss is the exact one up to the tables' rounding; the trace of a
 * step is accepted and gives the same next state; nothing depends on the number of threads. */
static void test_training(void **unused) {
  (void)unused;
  const unsigned adapted[] = {127, 1 << VFT_Q | 1 << VFT_V, 1 << VFT_DOWN};
  for (int c = 0; c < 3; c++) {
    vft_digest first = {{0}};
    for (int threads = 1; threads <= 4; threads += 3) {
      vft_threads_set(threads);
      fixture f;
      vft_trainer *t;
      setup(&f, adapted[c]);
      assert_int_equal(vft_trainer_new(f.step, &f.weights, &t), VFT_OK);
      double before = mean_nll(&f, t), last = 0;
      for (int step = 1; step <= 20; step++) {
        vft_train_report r;
        set_inputs(&f, 1e-2, step);
        if (step == 3) {
          vft_exec *e;
          void *storage;
          if (vft_trainer_trace(f.step, &f.weights, &f.state, &f.batch, f.inputs, &e, &storage))
            fail_msg("%s", vft_error_message());
          if (vft_program_check_trace(f.step->program, vft_exec_trace(e), NULL) != VFT_OK)
            fail_msg("%s: %s", vft_error_check(), vft_error_message());
          vft_state next;
          assert_int_equal(vft_state_alloc(&f.shape, &next), VFT_OK);
          vft_state_read(f.step, e, &next);
          if (vft_trainer_step(t, &f.state, &f.batch, f.inputs, &r))
            fail_msg("%s", vft_error_message());
          vft_digest a = digest(&next), b = digest(&f.state);
          assert_memory_equal(&a, &b, sizeof a);
          vft_state_free(&next);
          vft_exec_free(e);
          vft_free(storage);
          continue;
        }
        last = mean_nll(&f, t);
        if (vft_trainer_step(t, &f.state, &f.batch, f.inputs, &r))
          fail_msg("%s", vft_error_message());
        if (!(fabs(r.loss - last) < 2e-3)) fail_msg("loss %.6f, exactly %.6f", r.loss, last);
        assert_int_equal(r.tokens, S * (N - 2));
      }
      if (threads == 1) print_message("loss %.4f -> %.4f\n", before, last);
      assert_true(last < 0.8 * before);
      vft_digest d = digest(&f.state);
      if (threads == 1) first = d;
      assert_memory_equal(&first, &d, sizeof d);
      vft_trainer_free(t);
      teardown(&f);
    }
  }
  vft_threads_set(0);
}

/* A learning rate that throws the adapter out of its container stops the step and leaves the
 * state as it was. */
static void test_overflow_keeps_state(void **unused) {
  (void)unused;
  fixture f;
  vft_trainer *t;
  setup(&f, 127);
  assert_int_equal(vft_trainer_new(f.step, &f.weights, &t), VFT_OK);
  vft_status st = VFT_OK;
  vft_digest before = digest(&f.state);
  for (int step = 1; step <= 60 && st == VFT_OK; step++) {
    before = digest(&f.state);
    set_inputs(&f, 0.1, step);
    st = vft_trainer_step(t, &f.state, &f.batch, f.inputs, NULL);
  }
  assert_int_equal(st, VFT_RESOURCE);
  assert_non_null(strstr(vft_error_message(), "overflow: tensor "));
  vft_digest after = digest(&f.state);
  assert_memory_equal(&before, &after, sizeof before);
  vft_trainer_free(t);
  teardown(&f);
}

static void test_bad_batches(void **unused) {
  (void)unused;
  fixture f;
  vft_trainer *t;
  setup(&f, 1);
  set_inputs(&f, 1e-3, 1);
  assert_int_equal(vft_trainer_new(f.step, &f.weights, &t), VFT_OK);
  f.input[0] = VOCAB;
  assert_int_equal(vft_trainer_step(t, &f.state, &f.batch, f.inputs, NULL), VFT_USAGE);
  f.input[0] = 0;
  f.input[5] ^= 1;
  assert_int_equal(vft_trainer_step(t, &f.state, &f.batch, f.inputs, NULL), VFT_USAGE);
  assert_non_null(strstr(vft_error_message(), "not the next input"));
  f.input[5] ^= 1;
  f.mask[1] = 2;
  assert_int_equal(vft_trainer_step(t, &f.state, &f.batch, f.inputs, NULL), VFT_USAGE);
  memset(f.mask, 0, sizeof f.mask);
  assert_int_equal(vft_trainer_step(t, &f.state, &f.batch, f.inputs, NULL), VFT_USAGE);
  assert_non_null(strstr(vft_error_message(), "no loss token"));
  vft_trainer_free(t);
  teardown(&f);
}

/* ---- parts of a step ---- */

/* The whole step's inputs under a part's ids. */
static int64_t **part_inputs(const fixture *f, const vft_step *part) {
  int64_t **in = vft_alloc(part->program->ntensors, sizeof *in);
  assert_non_null(in);
  if (part->lr == VFT_NO_TENSOR) return in;
  in[part->lr] = f->inputs[f->step->lr];
  in[part->wd] = f->inputs[f->step->wd];
  for (int p = 0; p < VFT_PROJECTIONS; p++)
    for (int k = 0; k < 2 && (f->shape.adapted >> p & 1); k++)
      in[part->eps[p][k]] = f->inputs[f->step->eps[p][k]] + part->part.first;
  return in;
}

typedef struct {
  vft_step *step;
  vft_exec *exec;
  void *storage;
} traced;

static traced trace_part(fixture *f, const vft_trainer *t, const vft_state *before,
                         vft_part part) {
  traced x;
  if (vft_step_build_part(&f->shape, &f->profile, &part, 8, f->step, &x.step) != VFT_OK ||
      vft_program_check_bounds(x.step->program) != VFT_OK)
    fail_msg("%s", vft_error_message());
  int64_t **inputs = part_inputs(f, x.step);
  if (vft_trainer_trace_part(t, x.step, &f->weights, before, &f->batch, inputs, &x.exec,
                             &x.storage) != VFT_OK)
    fail_msg("%s", vft_error_message());
  if (vft_program_check_trace(x.step->program, vft_exec_trace(x.exec), NULL) != VFT_OK)
    fail_msg("%s: %s", vft_error_check(), vft_error_message());
  vft_free(inputs);
  return x;
}

static void free_traced(traced *x) {
  vft_exec_free(x->exec);
  vft_free(x->storage);
  vft_step_free(x->step);
}

/* Both programs lay out the link alike and hold the same integers in it. */
static void same_link(const traced *a, uint32_t out, const traced *b, uint32_t in) {
  const vft_program *p = a->step->program, *q = b->step->program;
  if (vft_verify_link_shapes(p, out, q, in) != VFT_OK) fail_msg("%s", vft_error_message());
  vft_tensor_id x[128], y[128];
  uint32_t n = vft_layout_tree_tensors(p, VFT_LINK, out, x, 128);
  assert_int_equal(vft_layout_tree_tensors(q, VFT_LINK, in, y, 128), n);
  for (uint32_t i = 0; i < n; i++) {
    const vft_array *u = &vft_exec_trace(a->exec)->array[x[i]];
    const vft_array *v = &vft_exec_trace(b->exec)->array[y[i]];
    assert_int_equal(p->tensors[x[i]].hi, q->tensors[y[i]].hi);
    for (size_t k = 0; k < vft_tensor_count(&p->tensors[x[i]]); k++)
      if (vft_array_get(u, k) != vft_array_get(v, k))
        fail_msg("%s[%zu] is %lld, %s has %lld", p->tensors[x[i]].name, k,
                 (long long)vft_array_get(u, k), q->tensors[y[i]].name,
                 (long long)vft_array_get(v, k));
  }
}

static void check_cut(fixture *f, const vft_trainer *t, const vft_state *before,
                      const vft_state *after, const int *count, int n) {
  traced layers[3], optimiser[3];
  vft_state next;
  assert_int_equal(vft_state_alloc(&f->shape, &next), VFT_OK);
  traced head = trace_part(f, t, before,
                           (vft_part){VFT_PART_HEAD, 0, 3, {count[n - 1], 0}});
  for (int i = 0, first = 0; i < n; first += count[i++]) {
    vft_part part = {VFT_PART_LAYERS, first, count[i],
                     {i ? count[i - 1] : 0, i + 1 < n ? count[i + 1] : 0}};
    layers[i] = trace_part(f, t, before, part);
    part = (vft_part){VFT_PART_OPTIMISER, first, count[i], {0, 0}};
    optimiser[i] = trace_part(f, t, before, part);
    vft_state_read(optimiser[i].step, optimiser[i].exec, &next);
  }
  vft_digest a = digest(&next), b = digest(after);
  assert_memory_equal(&a, &b, sizeof a);
  same_link(&layers[n - 1], layers[n - 1].step->link_layers, &head, head.step->link_layers);
  same_link(&head, head.step->link_head, &layers[0], layers[0].step->link_head);
  same_link(&head, head.step->link_head, &layers[n - 1], layers[n - 1].step->link_head);
  for (int i = 0; i < n; i++) {
    const vft_step *s = layers[i].step, *o = optimiser[i].step;
    same_link(&head, head.step->link_head, &optimiser[i], o->link_head);
    same_link(&layers[i], s->link_layers, &optimiser[i], o->link_layers);
    same_link(&optimiser[i], o->link_adapter_in, &layers[i], s->link_adapter_in);
    assert_true((i > 0) == (s->link_before != UINT32_MAX));
    assert_true((i + 1 < n) == (s->link_after != UINT32_MAX));
    if (i) same_link(&layers[i - 1], layers[i - 1].step->link_layers, &layers[i], s->link_before);
    if (i + 1 < n)
      same_link(&layers[i + 1], layers[i + 1].step->link_layers, &layers[i], s->link_after);
  }
  free_traced(&head);
  for (int i = 0; i < n; i++) {
    free_traced(&layers[i]);
    free_traced(&optimiser[i]);
  }
  vft_state_free(&next);
}

/* However a step is cut, its parts hold true, hand each other what they use, and end in the state
 * that the whole step ends in. */
static void test_parts(void **unused) {
  (void)unused;
  static const struct {
    int n, count[3];
  } cut[] = {{1, {3}}, {2, {1, 2}}, {2, {2, 1}}, {3, {1, 1, 1}}};
  const struct {
    unsigned adapted;
    const char *clip;
  } kind[] = {{127, "0.5"}, {127, "0"}, {1 << VFT_K | 1 << VFT_DOWN, "1.0"}};
  for (size_t c = 0; c < sizeof kind / sizeof *kind; c++) {
    fixture f;
    vft_trainer *t;
    vft_state before;
    setup_clipped(&f, kind[c].adapted, kind[c].clip);
    assert_int_equal(vft_trainer_new(f.step, &f.weights, &t), VFT_OK);
    assert_int_equal(vft_state_alloc(&f.shape, &before), VFT_OK);
    for (int step = 1; step <= 2; step++) {
      set_inputs(&f, 1e-3, step);
      for (int p = 0; p < VFT_PROJECTIONS; p++)
        for (int k = 0; k < 2; k++) {
          const vft_state_matrix *x = &f.state.matrix[p][k];
          vft_state_matrix *y = &before.matrix[p][k];
          if (!x->count) continue;
          memcpy(y->master, x->master, x->count * sizeof *x->master);
          memcpy(y->m, x->m, x->count * sizeof *x->m);
          memcpy(y->v, x->v, x->count * sizeof *x->v);
        }
      if (vft_trainer_step(t, &f.state, &f.batch, f.inputs, NULL)) fail_msg("%s",
                                                                          vft_error_message());
    }
    for (size_t i = 0; i < sizeof cut / sizeof *cut; i++)
      check_cut(&f, t, &before, &f.state, cut[i].count, cut[i].n);
    vft_state_free(&before);
    vft_trainer_free(t);
    teardown(&f);
  }
}

static void test_bad_parts(void **unused) {
  (void)unused;
  static const vft_part bad[] = {
      {VFT_PART_LAYERS, 0, 4, {0, 0}},  {VFT_PART_LAYERS, 3, 1, {1, 0}},
      {VFT_PART_LAYERS, -1, 1, {0, 1}}, {VFT_PART_LAYERS, 1, 1, {0, 1}},
      {VFT_PART_LAYERS, 1, 1, {2, 1}},  {VFT_PART_LAYERS, 1, 1, {1, 0}},
      {VFT_PART_LAYERS, 0, 3, {1, 0}},  {VFT_PART_LAYERS, 0, 1, {0, 3}},
      {VFT_PART_HEAD, 0, 3, {0, 0}},    {VFT_PART_HEAD, 0, 2, {1, 0}},
      {VFT_PART_OPTIMISER, 2, 2, {0, 0}}};
  fixture f;
  setup(&f, 1);
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    vft_step *s;
    assert_int_equal(vft_step_build_part(&f.shape, &f.profile, &bad[i], 8, NULL, &s), VFT_USAGE);
    assert_null(s);
  }
  teardown(&f);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_training),
      cmocka_unit_test(test_overflow_keeps_state),
      cmocka_unit_test(test_bad_batches),
      cmocka_unit_test(test_parts),
      cmocka_unit_test(test_bad_parts),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
