/* What a step proof is about: learning rate, decay, epsilon, constants, batch, mask, state, start,
 * weights, tables. A step done with others is proved honestly and rejected under the statement. */
#include "prove/step_world.h"

#include "run/derive.h"
#include "run/initial.h"

/* ---- a step done, committed, proved ---- */

typedef struct {
  const world *w;
  blocks b;
  vft_exec *e;
  vft_trace t;
  links l;
  const int64_t **in;
  vft_commitment *oracle[2];
  vft_digest oracle_root[2];
  vft_proof proof;
  vft_oracle_claims claims;
} job;

static int64_t *input(job *j, vft_tensor_id t) { /* element 0 of a supplied array */
  const vft_array *a = vft_exec_array(j->e, t);
  assert_int_equal(a->dtype, VFT_I64);
  return a->data;
}

static void job_begin(job *j, const world *w, size_t step) {
  memset(j, 0, sizeof *j);
  j->w = w;
  j->e = world_exec(w, &j->b, step);
}

/* Executes, commits links and oracles; false when a container overflows. */
static bool job_try(job *j) {
  vft_status st = vft_exec_run(j->e, false);
  if (st == VFT_RESOURCE) return false;
  OK(st);
  OK(vft_exec_finish_trace(j->e));
  j->t = trace_of(j->w->whole, vft_exec_trace(j->e));
  OK(vft_program_check_trace(j->w->whole, &j->t, NULL));
  commit_links(&j->l, &j->t);
  for (uint32_t o = 0; o < 2; o++) {
    OK(vft_commit_group(&j->oracle[o], &j->t, VFT_ORACLE, o, step_options().log_inv_rate,
                        step_options().hash, 0));
    j->oracle_root[o] = vft_commitment_root(j->oracle[o]);
  }
  j->in = inputs_of(&j->t);
  return true;
}

static void job_run(job *j) {
  if (!job_try(j)) fail_msg("%s", vft_error_message());
}

static void job_prove(job *j) {
  prove_trace(&j->t, &j->l, j->oracle_root, false, &j->proof, &j->claims);
  OK(verify_proof(j->w->whole, j->in, j->l.root, j->oracle_root, &j->proof, NULL));
}

static void job_free(job *j) {
  vft_proof_free(&j->proof);
  vft_oracle_claims_free(&j->claims);
  free_links(&j->l, j->w->whole);
  for (int o = 0; o < 2; o++) vft_commitment_free(j->oracle[o]);
  vft_free(j->in);
  vft_exec_free(j->e);
  free_blocks(&j->b);
}

static void refused(vft_status st, const char *what, const char *check) {
  if (st != VFT_REJECTED) fail_msg("ACCEPTED: %s (status %d)", what, (int)st);
  if (check && strcmp(vft_error_check(), check))
    fail_msg("%s: rejected by %s, not %s", what, vft_error_check(), check);
}

/* A step done with something else than the statement says. Its proof does not verify under the
 * statement; a trace with the stated values put in fails, in the plain checker and as a proof; and
 * whatever the prover says about trees that hold the stated values, their opening tells. */
typedef struct {
  const char *what, *why; /* why: the names of all failing checks contain it; NULL: any */
} lie;

static void expect_failures(const world *w, const vft_trace *t, const lie *x) {
  bool *failed = vft_alloc(w->checks, sizeof *failed);
  assert_non_null(failed);
  refused(vft_program_check_trace(w->whole, t, failed), x->what, NULL);
  for (size_t c = 0; c < w->checks; c++)
    if (failed[c] && x->why && !strstr(check_name(w, c), x->why))
      fail_msg("%s: %s fails", x->what, check_name(w, c));
  vft_free(failed);
}

/* ---- public inputs ---- */

static world w;
static job honest_; /* step 1 of the vectors */

static void other_input(vft_tensor_id t, size_t i, const lie *x) {
  job j;
  job_begin(&j, &w, 1);
  int64_t *v = input(&j, t) + i, stated = *v;
  *v = stated == w.p->tensors[t].hi ? stated - 1 : stated + 1;
  job_run(&j);
  job_prove(&j); /* a true proof of another statement */
  refused(verify_proof(w.whole, honest_.in, j.l.root, j.oracle_root, &j.proof, NULL), x->what,
          NULL);
  refused(verify_proof(w.whole, j.in, honest_.l.root, honest_.oracle_root, &honest_.proof, NULL),
          x->what, NULL);
  *v = stated;
  expect_failures(&w, &j.t, x);
  refused(proof_of(&j.t, false), x->what, "relations/sum");
  refused(proof_of(&j.t, true), x->what, "whir/sum");
  job_free(&j);
}

static void test_public_inputs(void **state) {
  (void)state;
  const vft_step *s = w.step;
  other_input(s->lr, 0, &(lie){"learning rate", "/update/"});
  other_input(s->wd, 0, &(lie){"weight decay", "/master/requant"});
  for (int p = 0; p < VFT_PROJECTIONS; p++)
    for (int kind = 0; kind < 2; kind++)
      if (s->shape.adapted >> p & 1)
        other_input(s->eps[p][kind], (size_t)(p + kind) % (size_t)s->shape.layers,
                    &(lie){"epsilon", "/update/"});
  const int64_t *in = honest_.in[s->lr];
  int64_t beyond = w.p->tensors[s->lr].hi + 1;
  honest_.in[s->lr] = &beyond;
  refused(verify_proof(w.whole, honest_.in, honest_.l.root, honest_.oracle_root, &honest_.proof,
                       NULL),
          "a learning rate beyond its bounds", "statement/input");
  honest_.in[s->lr] = in;
}

/* ---- constants of the program ---- */

/* A run of the step built with another constant: its own program accepts it, this one does not. */
static void other_constant(const vft_step_shape *shape, const lie *x) {
  vft_step *step;
  job j;
  OK(vft_step_build(shape, &w.v.profile, STEP_LOG_COLUMNS, &step));
  OK(vft_program_check_bounds(step->program));
  assert_int_equal(step->program->ntensors, w.p->ntensors);
  world other = w;
  other.v.step = step;
  other.step = step;
  other.p = other.whole = step->program;
  job_begin(&j, &other, 1);
  job_run(&j);
  job_prove(&j);
  refused(verify_proof(w.whole, j.in, j.l.root, j.oracle_root, &j.proof, NULL), x->what, NULL);
  refused(verify_proof(step->program, honest_.in, honest_.l.root, honest_.oracle_root,
                       &honest_.proof, NULL), x->what, NULL);
  /* the same integers under this program, its own constants in place */
  vft_trace t;
  OK(vft_trace_init(&t, w.whole));
  for (uint32_t i = 0; i < w.p->ntensors; i++)
    if (!w.p->tensors[i].values) {
      assert_int_equal(vft_tensor_count(&w.p->tensors[i]),
                       vft_tensor_count(&step->program->tensors[i]));
      vft_trace_supply(&t, i, j.t.array[i].dtype, j.t.array[i].data);
    }
  expect_failures(&w, &t, x);
  refused(proof_of(&t, false), x->what, NULL);
  refused(proof_of(&t, true), x->what, NULL);
  vft_trace_free(&t);
  job_free(&j);
  vft_step_free(step);
}

static void test_constants(void **state) {
  (void)state;
  uint8_t one[32], two[32];
  vft_step *same; /* the copies that these tests verify against are the builder's program */
  OK(vft_step_build(&w.v.shape, &w.v.profile, STEP_LOG_COLUMNS, &same));
  vft_program_digest(same->program, one);
  vft_program_digest(w.whole, two);
  assert_memory_equal(one, two, 32);
  vft_step_free(same);
  vft_step_shape s = w.v.shape;
  s.d2++;
  other_constant(&s, &(lie){"beta2", "/v_step/"});
  s = w.v.shape;
  s.beta1_q16--;
  other_constant(&s, &(lie){"beta1", "/m/requant"});
  s = w.v.shape;
  assert_true(s.clip);
  s.clip_u++;
  other_constant(&s, &(lie){"clipping threshold", "clip/"});
  s = w.v.shape;
  s.rms_eps *= 2;
  other_constant(&s, &(lie){"epsilon of the norms", "/norm/"});
  s = w.v.shape;
  s.rope_theta *= 2;
  other_constant(&s, &(lie){"frequencies of the rotation", "attn/"});
  /* alpha changes the exponents, so the program's tensors: its digest tells */
  s = w.v.shape;
  s.alpha_log2--;
  OK(vft_step_build(&s, &w.v.profile, STEP_LOG_COLUMNS, &same));
  vft_program_digest(same->program, one);
  assert_memory_not_equal(one, two, 32);
  vft_step_free(same);
}

/* ---- batch, mask, state ---- */

/* Step done from link values other than those under the stated root; false: it overflows. */
static bool other_link(job *j, uint32_t link, const char *what) {
  if (!job_try(j)) {
    job_free(j);
    return false;
  }
  job_prove(j);
  assert_memory_not_equal(j->l.root[link].b, honest_.l.root[link].b, 32);
  /* its proof under the stated root */
  vft_digest own = j->l.root[link];
  j->l.root[link] = honest_.l.root[link];
  refused(verify_proof(w.whole, j->in, j->l.root, j->oracle_root, &j->proof, NULL), what, NULL);
  /* a proof made for the stated root, out of the tree of the stated values */
  links l = j->l;
  l.link[link] = honest_.l.link[link];
  vft_proof proof;
  prove_trace(&j->t, &l, j->oracle_root, true, &proof, NULL);
  refused(verify_proof(w.whole, j->in, l.root, j->oracle_root, &proof, NULL), what, "whir/sum");
  vft_proof_free(&proof);
  j->l.root[link] = own;
  /* the stated values in the trace, the rest as it is */
  vft_trace t = j->t;
  vft_array *array = vft_alloc(w.p->ntensors, sizeof *array);
  assert_non_null(array);
  memcpy(array, j->t.array, w.p->ntensors * sizeof *array);
  t.array = array;
  for (uint32_t i = 0; i < w.p->ntensors; i++)
    if (w.p->tensors[i].origin == VFT_LINK && w.p->tensors[i].group == link)
      array[i] = honest_.t.array[i];
  expect_failures(&w, &t, &(lie){what, NULL});
  refused(proof_of(&t, false), what, NULL);
  refused(proof_of(&t, true), what, NULL);
  vft_free(array);
  job_free(j);
  return true;
}

static void test_batch(void **state) {
  (void)state;
  const vft_step *s = w.step;
  job j;
  /* the gradient of another batch, everything else as stated */
  blocks b = {.n = 0};
  job_begin(&j, &w, 1);
  vft_exec *other = world_exec(&w, &b, 0);
  const vft_tensor_id id[3] = {s->ids_in, s->ids_lab, s->mask};
  for (int i = 0; i < 3; i++)
    vft_exec_supply(j.e, id[i], VFT_I64, vft_exec_array(other, id[i])->data);
  assert_true(other_link(&j, s->link_batch, "gradient of another batch"));
  vft_exec_free(other);
  free_blocks(&b);
  size_t n = vft_tensor_count(&w.p->tensors[s->mask]);
  unsigned flipped = 0; /* one position of the loss mask */
  for (size_t i = 0; i < n && flipped < 4; i += 3) {
    job_begin(&j, &w, 1);
    input(&j, s->mask)[i] ^= 1;
    flipped += other_link(&j, s->link_batch, "flipped loss mask");
  }
  assert_true(flipped >= 2);
  job_begin(&j, &w, 1); /* another last label: the only one that is nobody's next input */
  input(&j, s->ids_lab)[n - 1] ^= 1;
  assert_true(other_link(&j, s->link_batch, "another label"));
}

static void test_state(void **state) {
  (void)state;
  const vft_step *s = w.step;
  vft_tensor_id list[VFT_STATE_TENSORS];
  static const char *const what[VFT_STATE_TENSORS] = {
      "working copy", "working copy", "master", "first moment", "first moment", "second moment",
      "second moment", "second moment", "second moment"};
  job j, before;
  /* what step 0 ends with is what step 1 begins with */
  job_begin(&before, &w, 0);
  job_run(&before);
  job_prove(&before);
  const vft_digest *end = before.l.root, *begin = honest_.l.root;
  assert_memory_equal(end[s->link_adapter_out].b, begin[s->link_adapter_in].b, 32);
  assert_memory_equal(end[s->link_state_out].b, begin[s->link_state_in].b, 32);
  /* one step's proof is not another's; nor with links of two steps */
  refused(verify_proof(w.whole, before.in, before.l.root, before.oracle_root, &honest_.proof, NULL),
          "another step's proof", NULL);
  vft_digest mixed[8];
  for (uint32_t l = 0; l < w.whole->nlinks; l++) {
    memcpy(mixed, honest_.l.root, sizeof mixed);
    mixed[l] = before.l.root[l];
    refused(verify_proof(w.whole, honest_.in, mixed, honest_.oracle_root, &honest_.proof, NULL),
            "a link of another step", NULL);
  }
  job_free(&before);
  for (int p = 0, k = 0; p < VFT_PROJECTIONS; p++)
    for (int kind = 0; kind < 2; kind++) {
      if (!(s->shape.adapted >> p & 1)) continue;
      vft_state_id_list(&s->in[p][kind], list);
      int i = k++ % VFT_STATE_TENSORS;
      size_t n = vft_tensor_count(&w.p->tensors[list[i]]);
      job_begin(&j, &w, 1);
      input(&j, list[i])[7 * (size_t)k % n] ^= 1;
      assert_true(other_link(&j, i < 2 ? s->link_adapter_in : s->link_state_in, what[i]));
    }
}

/* ---- the start ---- */

enum { SEED = 42 };

static void supply_start(job *j, uint64_t seed) {
  const vft_step *s = w.step;
  int64_t offset = (int64_t)1 << (s->profile.w_s - 1);
  size_t rank = (size_t)s->shape.rank, layers = (size_t)s->shape.layers;
  for (int p = 0; p < VFT_PROJECTIONS; p++)
    for (int kind = 0; kind < 2; kind++) {
      if (!(s->shape.adapted >> p & 1)) continue;
      vft_tensor_id list[VFT_STATE_TENSORS];
      vft_state_id_list(&s->in[p][kind], list);
      size_t n = vft_tensor_count(&w.p->tensors[list[0]]), in = vft_step_in(&s->shape, p);
      int32_t *a = vft_alloc(n, sizeof *a);
      assert_non_null(a);
      for (size_t l = 0; kind == 0 && l < layers; l++)
        vft_initial_a(seed, (int)l, p, rank, in, a + l * rank * in);
      for (size_t i = 0; i < n; i++) {
        input(j, list[0])[i] = (a[i] + offset) & 65535;
        input(j, list[1])[i] = (a[i] + offset) >> 16;
        input(j, list[2])[i] = 128;
        input(j, list[3])[i] = 0;
        input(j, list[4])[i] = 1 << 11;
        for (int v = 5; v < VFT_STATE_TENSORS; v++) input(j, list[v])[i] = 0;
      }
      vft_free(a);
    }
}

static void test_start(void **state) {
  (void)state;
  const vft_step *s = w.step;
  vft_digest root[2];
  const uint32_t link[2] = {s->link_adapter_in, s->link_state_in};
  OK(vft_derive_initial(s, SEED, &root[0], &root[1]));
  int first = 0;
  while (!(s->shape.adapted >> first & 1)) first++;
  vft_tensor_id a[VFT_STATE_TENSORS], b[VFT_STATE_TENSORS];
  vft_state_id_list(&s->in[first][0], a);
  vft_state_id_list(&s->in[first][1], b);
  const struct {
    const char *what;
    vft_tensor_id tensor;
    int differs; /* link */
  } start[] = {{"the start", VFT_NO_TENSOR, -1}, {"B not zero", b[0], 0}, {"another A", a[0], 0},
               {"A of another seed", VFT_NO_TENSOR, 0}, {"low bits of a master", b[2], 1},
               {"first moment of A", a[3], 1}, {"first moment of B", b[3], 1},
               {"second moment of A", a[5], 1}, {"second moment of B", b[8], 1},
               {"the start again", VFT_NO_TENSOR, -1}};
  for (size_t k = 0; k < sizeof start / sizeof *start; k++) {
    job j;
    job_begin(&j, &w, 0);
    supply_start(&j, SEED + (strstr(start[k].what, "seed") != NULL));
    if (start[k].tensor != VFT_NO_TENSOR) input(&j, start[k].tensor)[3] ^= 1;
    job_run(&j);
    job_prove(&j);
    for (int i = 0; i < 2; i++) {
      bool same = !memcmp(j.l.root[link[i]].b, root[i].b, 32);
      if (same != (start[k].differs != i)) fail_msg("%s: link %d", start[k].what, i);
      j.l.root[link[i]] = root[i];
    }
    vft_status st = verify_proof(w.whole, j.in, j.l.root, j.oracle_root, &j.proof, NULL);
    if (start[k].differs < 0)
      OK(st);
    else
      refused(st, start[k].what, NULL);
    job_free(&j);
  }
}

/* ---- base model and tables ---- */

static vft_status open_oracles(const job *from, vft_commitment *const *tree,
                               const vft_tree_info *info, bool *opened) {
  vft_proof proof;
  vft_proof_options o = step_options();
  *opened = vft_prove_oracles(tree, 2, &from->claims, &o, &proof) == VFT_OK;
  if (!*opened) return VFT_REJECTED;
  vft_status st = vft_verify_oracles(info, 2, STEP_LOG_COLUMNS, &from->claims, &o, lax, proof.bytes,
                                     proof.len, NULL);
  vft_proof_free(&proof);
  return st;
}

/* The step is done and proved with other public values; the proof names the stated roots and is
 * accepted, but its claims cannot be opened under them. */
static void other_oracle(job *j, uint32_t oracle, const char *what) {
  vft_tree_info info[2];
  bool opened;
  job_run(j);
  for (int o = 0; o < 2; o++) {
    info[o] = vft_commitment_info(honest_.oracle[o]);
    bool same = !memcmp(j->oracle_root[o].b, honest_.oracle_root[o].b, 32);
    if (same != (oracle != (uint32_t)o)) fail_msg("%s: oracle %d", what, o);
  }
  prove_trace(&j->t, &j->l, honest_.oracle_root, false, &j->proof, NULL);
  OK(verify_proof(w.whole, j->in, j->l.root, honest_.oracle_root, &j->proof, &j->claims));
  refused(open_oracles(j, j->oracle, info, &opened), what, NULL);
  assert_true(opened); /* out of its own tree, under the stated root */
  refused(open_oracles(j, honest_.oracle, info, &opened), what, NULL);
  for (int o = 0; o < 2; o++) info[o] = vft_commitment_info(j->oracle[o]);
  OK(open_oracles(j, j->oracle, info, &opened)); /* control: under the root of what was used */
  /* nor is the proof one under the other roots */
  refused(verify_proof(w.whole, j->in, j->l.root, j->oracle_root, &j->proof, NULL), what, NULL);
  job_free(j);
}

static void test_oracles(void **state) {
  (void)state;
  const vft_step *s = w.step;
  job j;
  vft_tree_info info[2];
  bool opened;
  for (int o = 0; o < 2; o++) info[o] = vft_commitment_info(honest_.oracle[o]);
  OK(open_oracles(&honest_, honest_.oracle, info, &opened));
  for (uint32_t t = 0; t < w.p->ntensors; t++) {
    const vft_tensor *x = &w.p->tensors[t];
    if (x->origin != VFT_ORACLE || x->group != s->oracle_base) continue;
    job_begin(&j, &w, 1);
    int64_t *v = input(&j, t) + 1009 * (size_t)t % vft_tensor_count(x);
    *v += *v > 0 ? -1 : 1;
    other_oracle(&j, s->oracle_base, x->name);
  }
  for (uint32_t k = 0; k < w.p->ntables; k++) /* an entry that the step looks up */
    for (int c = 0; c < 2; c++) {
      vft_tensor_id t = w.p->tables[k].out[c];
      if (t == VFT_NO_TENSOR) continue;
      size_t row = 0, n = vft_tensor_count(&w.p->tensors[t]);
      while (row < n && !vft_array_get(&honest_.t.array[w.p->tables[k].mult], row)) row++;
      if (row == n) fail_msg("%s is never looked up", w.p->tables[k].name);
      int64_t *values = NULL;
      for (uint32_t i = 0; i < s->ntables; i++)
        if (s->tables[i].tensor == t) values = (int64_t *)(uintptr_t)s->tables[i].values;
      assert_non_null(values);
      int64_t by = values[row] > 0 ? -1 : 1;
      values[row] += by;
      job_begin(&j, &w, 1);
      other_oracle(&j, s->oracle_tables, w.p->tensors[t].name);
      values[row] -= by;
    }
  OK(open_oracles(&honest_, honest_.oracle, info, &opened));
}

/* ---- */

static int set_up(void **state) {
  (void)state;
  world_init(&w, "all");
  job_begin(&honest_, &w, 1);
  job_run(&honest_);
  job_prove(&honest_);
  return 0;
}

static int tear_down(void **state) {
  (void)state;
  OK(verify_proof(w.whole, honest_.in, honest_.l.root, honest_.oracle_root, &honest_.proof, NULL));
  job_free(&honest_);
  world_free(&w);
  return 0;
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_public_inputs), cmocka_unit_test(test_constants),
      cmocka_unit_test(test_batch),         cmocka_unit_test(test_state),
      cmocka_unit_test(test_start),         cmocka_unit_test(test_oracles),
  };
  return cmocka_run_group_tests(tests, set_up, tear_down);
}
