/* The executor against the oracle, the plain checker against the executor, and faults at every
 * op: the plain checker must name that op's relations or lookups. */
#include "train/step_vectors.h"

#include "base/pool.h"

static void new_exec(const vectors *v, vft_exec_mode mode, blocks *b, size_t t, vft_exec **e) {
  if (vft_exec_new(v->step, mode, e) != VFT_OK) fail_msg("%s", vft_error_message());
  supply_fixed(*e, v, b, t);
  supply_state(*e, v, b, t ? json_object_get(at(json_object_get(v->json, "steps"), t - 1), "state")
                           : json_object_get(v->json, "state"));
}

static void run(vft_exec *e) {
  if (vft_exec_run(e, false) != VFT_OK) fail_msg("%s", vft_error_message());
}

static const char *const cases[] = {"all", "some", "wide"};
enum { CASES = sizeof cases / sizeof *cases };

static void test_bounds(void **state) {
  (void)state;
  for (int c = 0; c < CASES; c++) {
    vectors v;
    load_vectors(&v, cases[c]);
    if (vft_program_check_bounds(v.step->program) != VFT_OK) fail_msg("%s", vft_error_message());
    free_vectors(&v);
  }
}

static void test_oracle(void **state) {
  (void)state;
  for (int c = 0; c < CASES; c++)
    for (int mode = 0; mode < 2; mode++)
      for (int threads = 1; threads <= 3; threads += 2) {
        vft_threads_set(threads);
        vectors v;
        load_vectors(&v, cases[c]);
        for (size_t t = 0; t < 2; t++) {
          blocks b = {.n = 0};
          vft_exec *e;
          new_exec(&v, mode ? VFT_EXEC_TRACE : VFT_EXEC_TRAIN, &b, t, &e);
          run(e);
          json_t *want = at(json_object_get(v.json, "steps"), t);
          assert_int_equal(vft_array_get(vft_exec_array(e, v.step->mu), 0), int_of(want, "mu"));
          check_state(e, &v, json_object_get(want, "state"));
          vft_exec_free(e);
          free_blocks(&b);
        }
        free_vectors(&v);
      }
  vft_threads_set(0);
}

static void test_plain_checker(void **state) {
  (void)state;
  for (int c = 0; c < CASES; c++) {
    vectors v;
    load_vectors(&v, cases[c]);
    for (size_t t = 0; t < 2; t++) {
      blocks b = {.n = 0};
      vft_exec *e;
      new_exec(&v, VFT_EXEC_TRACE, &b, t, &e);
      run(e);
      if (vft_exec_finish_trace(e) != VFT_OK) fail_msg("%s", vft_error_message());
      if (vft_program_check_trace(v.step->program, vft_exec_trace(e), NULL) != VFT_OK)
        fail_msg("%s: %s", vft_error_check(), vft_error_message());
      vft_exec_free(e);
      free_blocks(&b);
    }
    free_vectors(&v);
  }
}

/* ---- faults ---- */

typedef struct {
  const vft_op *op;
  uint32_t iteration;
  vft_tensor_id tensor;
  size_t index;
  bool bare; /* the value only, not the incoming limbs it is read from */
  bool done;
} fault;

static vft_status inject(void *ctx, vft_exec *e, const vft_op *op, uint32_t i) {
  fault *f = ctx;
  if (op != f->op || i != f->iteration) return VFT_OK;
  const vft_array *a = vft_exec_array(e, f->tensor);
  int64_t value = vft_array_get(a, f->index); /* plausible, only wrong */
  value += value > 0 ? -1 : 1;
  if (f->bare) {
    vft_array x = *a;
    vft_array_set(&x, f->index, value);
  } else {
    vft_exec_poke(e, f->tensor, f->index, value);
  }
  f->done = true;
  return VFT_OK;
}

static bool owns(const vft_program *p, const vft_op *op, size_t check) {
  if (check < p->nrelations) {
    for (uint32_t i = 0; i < op->nrelations; i++)
      if (op->relations[i] == check) return true;
    return false;
  }
  check -= p->nrelations;
  for (uint32_t i = 0; check < p->nlookups && i < op->nlookups; i++)
    if (op->lookups[i] == check) return true;
  return false;
}

/* Index of an element of the tensor that iteration i of the op wrote. */
static size_t element_of(const vft_step *s, const vft_op *op, vft_tensor_id t, uint32_t i) {
  const vft_tensor *x = &s->program->tensors[t];
  size_t n = vft_tensor_count(x), slabs = 1, slab = 0;
  bool main = op->has_out && (t == op->out.tensor ||
                              (s->wide_of[op->out.tensor] != UINT32_MAX &&
                               vft_tensor_count(&s->program->tensors[op->out.tensor]) == n &&
                               x->dims[0] == s->program->tensors[op->out.tensor].dims[0]));
  if (op->looped && x->rank) {
    slabs = x->dims[0];
    slab = i - op->loop_first + (main && op->out.idx[0] == 0 ? op->out.off[0] : 0);
    if (main && op->out.idx[0] != 0) { /* fixed layer, sequences loop on the second axis */
      slabs = (size_t)x->dims[0] * x->dims[1];
      slab = (size_t)op->out.off[0] * x->dims[1] + i;
    }
  } else if (main && x->rank && op->out.off[0]) {
    slabs = x->dims[0];
    slab = op->out.off[0];
  } else if (main && x->rank && op->nfree < x->rank) { /* embedding: layer 0 of the residual */
    slabs = x->dims[0];
  }
  size_t each = n / slabs;
  return slab * each + each / 3;
}

static void test_faults(void **state) {
  (void)state;
  vectors v;
  load_vectors(&v, "all");
  const vft_program *p = v.step->program;
  size_t checks = vft_program_check_count(p);
  bool *failed = calloc(checks, sizeof *failed), *attacked = calloc(checks, sizeof *attacked);
  unsigned tried = 0;
  for (uint32_t o = 0; o < v.step->nops; o++) {
    const vft_op *op = &v.step->ops[o];
    for (uint32_t k = 0; k < op->noutputs; k++) {
      /* outputs of a loop: alternate between first and last iteration */
      uint32_t i = op->loop_first + (k + o) % op->loop_count;
      fault f = {.op = op, .iteration = i, .tensor = op->outputs[k]};
      f.index = element_of(v.step, op, f.tensor, i);
      blocks b = {.n = 0};
      vft_exec *e;
      new_exec(&v, VFT_EXEC_TRACE, &b, 1, &e);
      f.bare = op->kind == VFT_OP_DEFINE;
      if (vft_exec_array(e, f.tensor)->data == NULL)
        fail_msg("%s: no array", p->tensors[f.tensor].name);
      vft_exec_set_hook(e, inject, &f);
      vft_status st = vft_exec_run(e, false);
      if (st != VFT_OK)
        fail_msg("%s, %s: %s", op->name, p->tensors[f.tensor].name, vft_error_message());
      assert_true(f.done);
      st = vft_exec_finish_trace(e);
      if (st != VFT_OK && st != VFT_RESOURCE) fail_msg("%s", vft_error_message());
      for (uint32_t t = 0; st != VFT_OK && t < p->ntables; t++) /* a tuple that is no row */
        assert_int_equal(vft_trace_alloc(vft_exec_trace(e), p->tables[t].mult), VFT_OK);
      memset(failed, 0, checks);
      st = vft_program_check_trace(p, vft_exec_trace(e), failed);
      if (st != VFT_REJECTED)
        fail_msg("%s: a false %s is not noticed (status %d: %s)", op->name,
                 p->tensors[f.tensor].name, st, vft_error_message());
      unsigned own = 0;
      for (size_t c = 0; c < p->nrelations + p->nlookups; c++) {
        char id[200];
        own += failed[c] && owns(p, op, c);
        attacked[c] |= failed[c];
        /* rows of the embedding are taken by token id, so a false one-hot shows there too */
        if (failed[c] && !owns(p, op, c) && op->kind != VFT_OP_ONEHOT)
          fail_msg("%s: a false %s breaks %s", op->name, p->tensors[f.tensor].name,
                   vft_program_check_id(p, c, id, sizeof id));
      }
      if (!own)
        fail_msg("%s: a false %s breaks nothing of the op", op->name, p->tensors[f.tensor].name);
      tried++;
      vft_exec_free(e);
      free_blocks(&b);
    }
  }
  print_message("%u faults\n", tried);
  for (size_t c = 0; c < p->nrelations; c++) {
    char id[200];
    vft_program_check_id(p, c, id, sizeof id);
    if (!attacked[c] && strncmp(id, "relation/batch/next_", 20)) /* see test_shifted_batch */
      fail_msg("no attack on %s", id);
  }
  free(failed);
  free(attacked);
  free_vectors(&v);
}

/* The wrapped witness: quotient one less, remainder 2^k more. Relations hold; only the exact width
 * of the remainder's last limb rejects it. */
typedef struct {
  const vft_step *step;
  const vft_op *op;
  bool tried;
} wrap;

static size_t points_of(const vft_op *op) { /* of one iteration */
  size_t n = 1;
  for (uint32_t i = op->looped; i < op->nfree; i++) n *= op->size[i];
  return n;
}

static vft_status wrap_remainder(void *ctx, vft_exec *e, const vft_op *op, uint32_t i) {
  wrap *f = ctx;
  const vft_step *s = f->step;
  if (op != f->op || i != op->loop_first) return VFT_OK;
  const vft_wide *w = &s->wides[op->rem];
  uint32_t k = (uint32_t)op->shift[0], top = w->nlimbs;
  while (top-- > 0)
    if (w->at[top] < k) break;
  uint32_t width = k - w->at[top];
  const vft_array *limb = vft_exec_array(e, w->limb[top]);
  if (limb->dtype == VFT_U16 ? width > 15 : limb->dtype == VFT_I16 ? width > 13 : width > 5)
    return VFT_OK; /* the test's storage cannot hold the false limb */
  size_t at = element_of(s, op, op->out.tensor, i);
  size_t slab = points_of(op), rem_at = at % slab;
  int64_t q = vft_array_get(vft_exec_array(e, op->out.tensor), at);
  vft_exec_poke(e, op->out.tensor, at, op->negate ? q + 1 : q - 1);
  vft_exec_poke(e, w->limb[top], rem_at, vft_array_get(limb, rem_at) + (1 << width));
  f->tried = true;
  return VFT_OK;
}

static void test_wrapped_remainders(void **state) {
  (void)state;
  vectors v;
  load_vectors(&v, "all");
  const vft_program *p = v.step->program;
  bool *failed = calloc(vft_program_check_count(p), sizeof *failed);
  unsigned tried = 0;
  for (uint32_t o = 0; o < v.step->nops; o++) {
    const vft_op *op = &v.step->ops[o];
    if (op->kind != VFT_OP_REQUANT || op->rem == UINT32_MAX || !op->shift[0]) continue;
    wrap f = {.step = v.step, .op = op};
    blocks b = {.n = 0};
    vft_exec *e;
    new_exec(&v, VFT_EXEC_TRACE, &b, 1, &e);
    vft_exec_set_hook(e, wrap_remainder, &f);
    run(e);
    if (f.tried) {
      assert_int_equal(vft_exec_finish_trace(e), VFT_RESOURCE); /* no row of the range table */
      for (uint32_t t = 0; t < p->ntables; t++)
        assert_int_equal(vft_trace_alloc(vft_exec_trace(e), p->tables[t].mult), VFT_OK);
      memset(failed, 0, vft_program_check_count(p));
      assert_int_equal(vft_program_check_trace(p, vft_exec_trace(e), failed), VFT_REJECTED);
      unsigned own = 0;
      for (size_t c = 0; c < p->nrelations + p->nlookups; c++) {
        char id[200];
        if (!failed[c]) continue;
        vft_program_check_id(p, c, id, sizeof id);
        if (c < p->nrelations || !owns(p, op, c))
          fail_msg("%s: a wrapped remainder breaks %s", op->name, id);
        own++;
      }
      assert_int_equal(own, 1);
      tried++;
    }
    vft_exec_free(e);
    free_blocks(&b);
  }
  print_message("%u wrapped remainders\n", tried);
  assert_true(tried > 60);
  free(failed);
  free_vectors(&v);
}

/* Labels that are not the next inputs: inside a block of positions and across two. */
static void test_shifted_batch(void **state) {
  (void)state;
  vectors v;
  load_vectors(&v, "all");
  const vft_program *p = v.step->program;
  bool *failed = calloc(vft_program_check_count(p), sizeof *failed);
  for (int across = 0; across < 2; across++) {
    blocks b = {.n = 0};
    vft_exec *e;
    new_exec(&v, VFT_EXEC_TRACE, &b, 0, &e);
    size_t n = vft_tensor_count(&p->tensors[v.step->ids_lab]);
    size_t at = across ? v.step->position_low - 1 : 0;
    int64_t *label = keep(&b, n);
    for (size_t i = 0; i < n; i++) label[i] = vft_array_get(vft_exec_array(e, v.step->ids_lab), i);
    label[at] = (label[at] + 1) % v.shape.vocab;
    vft_exec_supply(e, v.step->ids_lab, VFT_I64, label);
    run(e);
    assert_int_equal(vft_exec_finish_trace(e), VFT_OK);
    memset(failed, 0, vft_program_check_count(p));
    assert_int_equal(vft_program_check_trace(p, vft_exec_trace(e), failed), VFT_REJECTED);
    assert_string_equal(vft_error_check(),
                        across ? "relation/batch/next_across" : "relation/batch/next_inside");
    for (size_t c = 0, n_failed = 0; c < p->nrelations + p->nlookups; c++)
      assert_true((n_failed += failed[c]) <= 1);
    vft_exec_free(e);
    free_blocks(&b);
  }
  free(failed);
  free_vectors(&v);
}

/* A tensor that outgrows its container stops the run, naming it. */
static void test_overflow(void **state) {
  (void)state;
  vectors v;
  load_vectors(&v, "all");
  for (int mode = 0; mode < 2; mode++) {
    blocks b = {.n = 0};
    vft_exec *e;
    new_exec(&v, mode ? VFT_EXEC_TRACE : VFT_EXEC_TRAIN, &b, 0, &e);
    int64_t *w = keep(&b, vft_tensor_count(&v.step->program->tensors[v.step->w[VFT_V]]));
    for (size_t i = 0; i < vft_tensor_count(&v.step->program->tensors[v.step->w[VFT_V]]); i++)
      w[i] = i % 3 ? 1 << 14 : -(1 << 14); /* weights far beyond the calibrated range */
    vft_exec_supply(e, v.step->w[VFT_V], VFT_I64, w);
    assert_int_equal(vft_exec_run(e, false), VFT_RESOURCE);
    assert_non_null(strstr(vft_error_message(), "overflow: tensor attn/v, layer "));
    vft_exec_free(e);
    free_blocks(&b);
  }
  free_vectors(&v);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_bounds),   cmocka_unit_test(test_oracle),
      cmocka_unit_test(test_plain_checker), cmocka_unit_test(test_overflow),
      cmocka_unit_test(test_shifted_batch), cmocka_unit_test(test_wrapped_remainders),
      cmocka_unit_test(test_faults),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
