/* Several steps as one program: it closes, holds on two steps in a row, and not on others. */
#include "train/step_vectors.h"

#include "program/join.h"
#include "prove/prove.h"

#define OK(x)                                              \
  do {                                                     \
    if ((x) != VFT_OK) fail_msg("%s", vft_error_message()); \
  } while (0)

enum { STEPS = 3 };

typedef struct {
  vectors v;
  blocks b;
  vft_exec *e[STEPS];
  vft_step *joined;
  vft_trace trace;
} fixture;

/* Steps of the oracle's vectors, then their first batch and schedule once more; wrong_start: step 1
 * begins as step 0. */
static void setup(fixture *f, const char *name, bool wrong_start) {
  memset(f, 0, sizeof *f);
  load_vectors(&f->v, name);
  vft_trace *trace[STEPS];
  for (size_t t = 0; t < STEPS; t++) {
    OK(vft_exec_new(f->v.step, VFT_EXEC_TRACE, &f->e[t]));
    supply_fixed(f->e[t], &f->v, &f->b, t % 2);
    json_t *from = t > (size_t)wrong_start
                       ? at(json_object_get(f->v.json, "steps"), t - 1) : f->v.json;
    supply_state(f->e[t], &f->v, &f->b, json_object_get(from, "state"));
    OK(vft_exec_run(f->e[t], false));
    OK(vft_exec_finish_trace(f->e[t]));
    trace[t] = vft_exec_trace(f->e[t]);
  }
  OK(vft_step_join(f->v.step, STEPS, &f->joined));
  OK(vft_program_check_bounds(f->joined->program));
  OK(vft_step_join_trace(f->joined, trace, &f->trace));
}

static void teardown(fixture *f) {
  vft_trace_free(&f->trace);
  vft_step_free(f->joined);
  for (int t = 0; t < STEPS; t++) vft_exec_free(f->e[t]);
  free_blocks(&f->b);
  free_vectors(&f->v);
}

static void test_steps(void **state) {
  (void)state;
  static const char *const name[] = {"all", "some", "wide"};
  for (size_t i = 0; i < 3; i++) {
    fixture f;
    setup(&f, name[i], false);
    const vft_program *one = f.v.step->program, *two = f.joined->program;
    OK(vft_program_check_trace(two, &f.trace, NULL));
    assert_int_equal(two->nrelations, STEPS * one->nrelations);
    assert_int_equal(two->nlookups, STEPS * one->nlookups);
    assert_int_equal(two->ntables, one->ntables);
    assert_int_equal(two->nlinks, one->nlinks);
    /* state and adapter are linked as in one step, so proofs of either follow each other */
    const uint32_t link[] = {f.joined->link_adapter_in, f.joined->link_state_in,
                             f.joined->link_adapter_out, f.joined->link_state_out};
    for (size_t l = 0; l < 4; l++)
      OK(vft_verify_link_shapes(one, link[l], two, link[l]));
    teardown(&f);
  }
}

/* The second step's own beginning is not in the trace: it is what the first one put out. */
static void test_other_start(void **state) {
  (void)state;
  fixture f;
  setup(&f, "all", true);
  assert_int_equal(vft_program_check_trace(f.joined->program, &f.trace, NULL), VFT_REJECTED);
  teardown(&f);
}

static void changed(fixture *f, vft_tensor_id t) {
  vft_array *a = &f->trace.array[t];
  int64_t was = vft_array_get(a, 1);
  vft_array_set(a, 1, was ^ 1);
  if (vft_program_check_trace(f->joined->program, &f->trace, NULL) != VFT_REJECTED)
    fail_msg("%s can be changed", f->joined->program->tensors[t].name);
  vft_array_set(a, 1, was);
}

/* In each step, by its own copy of the relations: batch, learning rates, the largest logits, and what
 * it hands on, which is a witness but in the last. */
static void test_every_copy(void **state) {
  (void)state;
  fixture f;
  setup(&f, "all", false);
  const vft_step *s = f.v.step;
  for (int k = 0; k < STEPS; k++) {
    const vft_tensor_id *map = f.joined->map + (size_t)k * s->program->ntensors;
    const vft_tensor_id handed[] = {map[s->next[VFT_V][0].s[0]], map[s->next[VFT_O][1].s[0]],
                                    map[s->next[VFT_UP][1].s[0]]};
    for (size_t i = 0; i < 3; i++) {
      assert_int_equal(f.joined->program->tensors[handed[i]].origin,
                       k + 1 < STEPS ? VFT_WITNESS : VFT_LINK);
      changed(&f, handed[i]);
    }
    changed(&f, map[s->ids_lab]);
    changed(&f, map[s->logit_max]);
    vft_array *rate = &f.trace.array[map[s->lr]];
    int64_t was = vft_array_get(rate, 0);
    vft_array_set(rate, 0, was + 1);
    assert_int_equal(vft_program_check_trace(f.joined->program, &f.trace, NULL), VFT_REJECTED);
    vft_array_set(rate, 0, was);
  }
  OK(vft_program_check_trace(f.joined->program, &f.trace, NULL));
  teardown(&f);
}

static void test_proof(void **state) {
  (void)state;
  fixture f;
  setup(&f, "all", false);
  const vft_program *p = f.joined->program;
  vft_proof_options o = vft_proof_options_default();
  o.test_queries = 2;
  vft_commitment *link[8] = {NULL};
  vft_digest root[8], oracle[2] = {{{1}}, {{2}}};
  const int64_t **in = vft_alloc(p->ntensors, sizeof *in);
  for (uint32_t l = 0; l < p->nlinks; l++) {
    OK(vft_commit_group(&link[l], &f.trace, VFT_LINK, l, o.log_inv_rate, VFT_HASH_BLAKE3, 0));
    root[l] = vft_commitment_root(link[l]);
  }
  for (uint32_t t = 0; t < p->ntensors; t++)
    if (p->tensors[t].origin == VFT_PUBLIC && !p->tensors[t].values) in[t] = f.trace.array[t].data;
  vft_proof proof;
  vft_oracle_claims mine = {0}, theirs = {0};
  OK(vft_prove(p, &f.trace, link, oracle, &o, NULL, &proof, &mine, NULL));
  vft_statement s = {p, in, root, oracle};
  const vft_verify_flags lax = {.allow_test_profile = true, .bounds_checked = true};
  OK(vft_verify_proof(&s, &o, lax, proof.bytes, proof.len, &theirs, NULL));
  int64_t *rate = (int64_t *)(uintptr_t)in[f.joined->map[p->ntensors ? f.v.step->lr : 0]];
  rate[0]++;
  assert_int_equal(vft_verify_proof(&s, &o, lax, proof.bytes, proof.len, &theirs, NULL),
                   VFT_REJECTED);
  rate[0]--;
  vft_oracle_claims_free(&mine);
  vft_oracle_claims_free(&theirs);
  vft_proof_free(&proof);
  for (uint32_t l = 0; l < p->nlinks; l++) vft_commitment_free(link[l]);
  vft_free(in);
  teardown(&f);
}

static void test_bad_numbers(void **state) {
  (void)state;
  vectors v;
  vft_step *s;
  load_vectors(&v, "all");
  assert_int_equal(vft_step_join(v.step, 1, &s), VFT_USAGE);
  assert_int_equal(vft_step_join(v.step, VFT_JOIN_STEPS + 1, &s), VFT_USAGE);
  free_vectors(&v);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_steps),        cmocka_unit_test(test_other_start),
      cmocka_unit_test(test_every_copy), cmocka_unit_test(test_proof),
      cmocka_unit_test(test_bad_numbers),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
