/* Programs proved and verified: completeness, false witnesses, tampering. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/cpu.h"
#include "base/pool.h"
#include "prove/prove.h"
#include "prove/toys.h"

typedef struct {
  vft_program *program;
  vft_trace trace;
  vft_commitment *link[4], *oracle[4];
  vft_digest link_root[4], oracle_root[4];
  const int64_t **inputs;
  int64_t *input_storage[64];
  vft_proof_options options;
} job;

static vft_hash_kind hash_now = VFT_HASH_BLAKE3; /* of the test that runs */

static vft_proof_options real_options(void) {
  return hash_now == VFT_HASH_BLAKE3 ? vft_proof_options_default() : vft_proof_options_recursive();
}

static vft_proof_options test_options(void) {
  vft_proof_options o = real_options();
  o.test_queries = 2;
  return o;
}
static const vft_verify_flags lax = {.allow_test_profile = true, .bounds_checked = true};
static const vft_prove_options unchecked = {.unchecked = true};
static const vft_prove_options cheating = {.unchecked = true, .cheat = true};

#define OK(x)                                                      \
  do {                                                             \
    vft_status ok_ = (x);                                          \
    if (ok_ != VFT_OK) print_message("%s\n", vft_error_message()); \
    assert_int_equal(ok_, VFT_OK);                                 \
  } while (0)

/* Commits the links and oracles of the trace and takes its inputs. */
static void commit_all(job *j) {
  for (uint32_t l = 0; l < j->program->nlinks; l++) {
    vft_commitment_free(j->link[l]);
    OK(vft_commit_group(&j->link[l], &j->trace, VFT_LINK, l, j->options.log_inv_rate,
                        j->options.hash, 0));
    j->link_root[l] = vft_commitment_root(j->link[l]);
  }
  for (uint32_t o = 0; o < j->program->noracles; o++) {
    vft_commitment_free(j->oracle[o]);
    OK(vft_commit_group(&j->oracle[o], &j->trace, VFT_ORACLE, o, j->options.log_inv_rate,
                        j->options.hash, 0));
    j->oracle_root[o] = vft_commitment_root(j->oracle[o]);
  }
}

static void take_inputs(job *j) {
  j->inputs = vft_alloc(j->program->ntensors, sizeof *j->inputs);
  for (uint32_t t = 0; t < j->program->ntensors; t++) {
    const vft_tensor *x = &j->program->tensors[t];
    if (x->origin != VFT_PUBLIC || x->values) continue;
    size_t n = vft_tensor_count(x);
    j->input_storage[t] = vft_alloc(n, sizeof(int64_t));
    for (size_t i = 0; i < n; i++) j->input_storage[t][i] = toy_get(&j->trace, t, i);
    j->inputs[t] = j->input_storage[t];
  }
}

static void job_init(job *j, vft_program *(*build)(int), void (*fill)(vft_trace *)) {
  memset(j, 0, sizeof *j);
  j->options = test_options();
  j->program = build(-1);
  OK(vft_trace_init(&j->trace, j->program));
  fill(&j->trace);
  OK(vft_trace_complete(&j->trace));
  OK(vft_trace_count_lookups(&j->trace));
  OK(vft_program_check_trace(j->program, &j->trace, NULL));
  commit_all(j);
  take_inputs(j);
}

static void job_free(job *j) {
  for (int i = 0; i < 4; i++) {
    vft_commitment_free(j->link[i]);
    vft_commitment_free(j->oracle[i]);
  }
  for (int i = 0; i < 64; i++) vft_free(j->input_storage[i]);
  vft_free(j->inputs);
  vft_trace_free(&j->trace);
  vft_program_free(j->program);
}

static vft_statement statement(const job *j) {
  return (vft_statement){j->program, j->inputs, j->link_root, j->oracle_root};
}

/* claims may be NULL: they are dropped. */
static vft_status verify(const job *j, const vft_proof *proof, vft_oracle_claims *claims) {
  vft_statement s = statement(j);
  vft_oracle_claims own = {0};
  vft_status st = vft_verify_proof(&s, &j->options, lax, proof->bytes, proof->len,
                                   claims ? claims : &own, NULL);
  vft_oracle_claims_free(&own);
  return st;
}

static void prove(job *j, vft_proof *proof, vft_oracle_claims *claims) {
  vft_oracle_claims own = {0};
  OK(vft_prove(j->program, &j->trace, j->link, j->oracle_root, &j->options, &unchecked, proof,
               claims ? claims : &own, NULL));
  vft_oracle_claims_free(&own);
}

static void complete(vft_program *(*build)(int), void (*fill)(vft_trace *)) {
  job j;
  job_init(&j, build, fill);
  vft_proof proof, opening;
  vft_oracle_claims mine = {0}, theirs = {0};
  vft_prove_plan plan;
  OK(vft_prove_plan_init(&plan, j.program, &j.options, &unchecked));
  size_t live = vft_alloc_live();
  prove(&j, &proof, &mine);
  assert_true(vft_alloc_peak() - live <= plan.peak);
  print_message("proof: %zu bytes, %u oracle claims\n", proof.len, mine.n);
  OK(verify(&j, &proof, &theirs));
  assert_int_equal(mine.n, theirs.n);
  for (uint32_t i = 0; i < mine.n; i++) {
    assert_true(vft_ext_eq(mine.claim[i].value, theirs.claim[i].value));
    assert_true(vft_functional_equal(&mine.claim[i].f, &theirs.claim[i].f));
  }
  if (mine.n) {
    vft_tree_info info[4];
    for (uint32_t o = 0; o < j.program->noracles; o++) info[o] = vft_commitment_info(j.oracle[o]);
    OK(vft_prove_oracles(j.oracle, j.program->noracles, &mine, &j.options, &opening));
    OK(vft_verify_oracles(info, j.program->noracles, j.program->log_columns, &theirs, &j.options,
                          lax, opening.bytes, opening.len, NULL));
    /* a changed claim, a changed root */
    theirs.claim[0].value.c[1] = vft_fp_add(theirs.claim[0].value.c[1], (vft_fp){1});
    assert_int_equal(vft_verify_oracles(info, j.program->noracles, j.program->log_columns,
                                        &theirs, &j.options, lax, opening.bytes, opening.len,
                                        NULL),
                     VFT_REJECTED);
    theirs.claim[0].value = mine.claim[0].value;
    info[mine.claim[0].oracle].root.b[3] ^= 1;
    assert_int_equal(vft_verify_oracles(info, j.program->noracles, j.program->log_columns,
                                        &theirs, &j.options, lax, opening.bytes, opening.len,
                                        NULL),
                     VFT_REJECTED);
    vft_proof_free(&opening);
  }
  /* the release verifier refuses the test profile */
  vft_statement s = statement(&j);
  assert_int_equal(vft_verify_proof(&s, &j.options, (vft_verify_flags){.bounds_checked = true},
                                    proof.bytes, proof.len, &theirs, NULL),
                   VFT_REJECTED);
  assert_string_equal(vft_error_check(), "soundness/profile");
  vft_proof_free(&proof);
  vft_oracle_claims_free(&mine);
  vft_oracle_claims_free(&theirs);
  job_free(&j);
}

/* Ends the proof with its stage number *stages. */
static vft_status stop_after(void *stages, const char *name) {
  int *left = stages;
  return --*left ? VFT_OK : vft_fail(VFT_RESOURCE, "stopped after %s", name);
}

/* A proof that its caller ends leaves nothing, whatever stage it ends with. */
static void test_stopped(void **state) {
  (void)state;
  static const char *const stage[] = {"commit", "lookups", "relations", "virtual", "weights",
                                      "opening"};
  job j;
  job_init(&j, zoo_build, zoo_fill);
  size_t live = vft_alloc_live();
  for (int n = 1; n <= 7; n++) {
    vft_proof proof;
    vft_oracle_claims claims = {0};
    int left = n;
    vft_prove_options how = {.stage = stop_after, .stage_ctx = &left};
    vft_status st = vft_prove(j.program, &j.trace, j.link, j.oracle_root, &j.options, &how, &proof,
                              &claims, NULL);
    assert_int_equal(st, n == 7 ? VFT_OK : VFT_RESOURCE);
    if (n < 7) {
      assert_non_null(strstr(vft_error_message(), stage[n - 1]));
      assert_null(proof.bytes);
      assert_int_equal(claims.n, 0);
    }
    vft_proof_free(&proof);
    vft_oracle_claims_free(&claims);
    assert_int_equal(vft_alloc_live(), live);
  }
  job_free(&j);
}

static void test_matmul(void **state) {
  (void)state;
  complete(matmul_build, matmul_fill);
}
static void test_zoo(void **state) {
  (void)state;
  complete(zoo_build, zoo_fill);
}
static void test_squares(void **state) {
  (void)state;
  complete(squares_build, squares_fill);
}
static void test_powers(void **state) {
  (void)state;
  complete(powers_build, powers_fill);
}


/* ---- false witnesses ---- */

/* One attack: falsifies exactly one relation or lookup (number `skip` in build's counting). */
typedef struct {
  const char *name; /* id in the plain checker */
  int skip;
  void (*apply)(vft_trace *t);
  const char *check; /* the verifier's rejection */
} attack;

/* A fresh trace of `program` with the values of `from` in 64-bit arrays, virtual ones left out. */
static void copy_trace(vft_trace *to, const vft_program *program, const vft_trace *from) {
  OK(vft_trace_init(to, program));
  for (uint32_t t = 0; t < program->ntensors; t++) {
    const vft_tensor *x = &program->tensors[t];
    if (x->values || x->origin == VFT_VIRTUAL) continue;
    size_t n = vft_tensor_count(x);
    int64_t *v = vft_alloc(n, sizeof *v);
    for (size_t i = 0; i < n; i++) v[i] = toy_get(from, t, i);
    vft_trace_supply(to, t, VFT_I64, v);
    to->owned[t] = true;
  }
}

static void add(vft_trace *t, const char *name, size_t i, int64_t delta) {
  vft_tensor_id id = toy_find(t, name);
  toy_set(t, id, i, toy_get(t, id, i) + delta);
}

static void attack_requant(vft_trace *t) {
  add(t, "q", 9, toy_get(t, toy_find(t, "q"), 9) > 0 ? -1 : 1);
}
static void attack_r0(vft_trace *t) {
  size_t i = 0;
  while (toy_get(t, toy_find(t, "r1"), i) == 0) i++;
  add(t, "r0", i, 256);
  add(t, "r1", i, -1);
}
static void attack_r1(vft_trace *t) {
  add(t, "r1", 3, 4);
  add(t, "q", 3, -1);
}
static void attack_q(vft_trace *t) { /* inputs beyond their bounds */
  vft_tensor_id x = toy_find(t, "x"), w = toy_find(t, "w"), q = toy_find(t, "q");
  vft_tensor_id r0 = toy_find(t, "r0"), r1 = toy_find(t, "r1");
  toy_set(t, x, 0, 20000000);
  for (size_t j = 0; j < 7; j++) {
    int64_t acc = 512;
    for (size_t k = 0; k < 6; k++) acc += toy_get(t, x, k) * toy_get(t, w, j * 6 + k);
    toy_set(t, q, j, acc >> 10);
    toy_set(t, r1, j, (acc & 1023) >> 8);
    toy_set(t, r0, j, acc & 255);
  }
}
static void attack_triple(vft_trace *t) {
  add(t, "triple", 5, 1);
  add(t, "total", 0, 1);
}
static void attack_diff(vft_trace *t) {
  add(t, "diff", 7, 1);
  OK(vft_trace_complete(t));
  for (size_t a = 0; a < 4; a++)
    toy_set(t, toy_find(t, "w3"), a, toy_get(t, toy_find(t, "v3"), a));
}
static void attack_cube(vft_trace *t) { add(t, "cube", 6, -1); }
static void attack_masked(vft_trace *t) { add(t, "masked", 2, 1); }
static void attack_total(vft_trace *t) { add(t, "total", 0, 1); }
static void attack_w3(vft_trace *t) { add(t, "w3", 3, 1); }
static void attack_f(vft_trace *t) { add(t, "y2", 9, 1); }
static void attack_shift(vft_trace *t) { add(t, "y2", 13, 1); }

static void run_attack(vft_program *(*build)(int), void (*fill)(vft_trace *), const attack *a) {
  job j, control;
  vft_proof proof;
  vft_oracle_claims claims = {0};
  print_message("attack on %s\n", a->name);
  job_init(&j, build, fill);
  /* control: without the relation the same trace is proved and accepted */
  memset(&control, 0, sizeof control);
  control.options = j.options;
  control.program = build(a->skip);
  copy_trace(&control.trace, control.program, &j.trace);
  a->apply(&control.trace);
  OK(vft_trace_complete(&control.trace));
  OK(vft_trace_count_lookups(&control.trace));
  commit_all(&control);
  take_inputs(&control);
  prove(&control, &proof, &claims);
  OK(verify(&control, &proof, &claims));
  vft_proof_free(&proof);
  /* the same integers under the whole program */
  job all = control;
  all.program = j.program;
  all.trace.program = j.program;
  size_t nchecks = vft_program_check_count(all.program);
  bool *failed = vft_alloc(nchecks, sizeof *failed);
  char id[128], want[128];
  snprintf(want, sizeof want, "%s", a->name);
  assert_int_equal(vft_program_check_trace(all.program, &all.trace, failed), VFT_REJECTED);
  for (size_t i = 0; i < all.program->nrelations + all.program->nlookups; i++) {
    vft_program_check_id(all.program, i, id, sizeof id);
    if (failed[i] != (strcmp(id, want) == 0)) fail_msg("%s: %s", want, id);
  }
  vft_free(failed);
  if (strncmp(a->name, "relation", 8) == 0) OK(vft_trace_count_lookups(&all.trace));
  prove(&all, &proof, &claims);
  assert_int_equal(verify(&all, &proof, &claims), VFT_REJECTED);
  assert_string_equal(vft_error_check(), a->check);
  vft_proof_free(&proof);
  if (strcmp(a->check, "relations/sum") == 0) { /* and when the prover lies about totals */
    OK(vft_prove(all.program, &all.trace, all.link, all.oracle_root, &all.options, &cheating,
                 &proof, &claims, NULL));
    assert_int_equal(verify(&all, &proof, &claims), VFT_REJECTED);
    assert_string_equal(vft_error_check(), "whir/sum");
    vft_proof_free(&proof);
  }
  all.trace.program = control.trace.program = control.program;
  vft_oracle_claims_free(&claims);
  job_free(&control);
  job_free(&j);
}

static void attack_squares(vft_trace *t) { add(t, "zz", 14, 1); }

static void test_attacks(void **state) {
  (void)state;
  static const attack on_matmul[] = {
      {"relation/requant", 0, attack_requant, "relations/sum"},
      {"lookup/q/range", 1, attack_q, "logup/sum"},
      {"lookup/r0/range", 2, attack_r0, "logup/sum"},
      {"lookup/r1/range", 3, attack_r1, "logup/sum"}};
  static const attack on_zoo[] = {
      {"relation/triple", 0, attack_triple, "relations/sum"},
      {"relation/diff", 1, attack_diff, "relations/sum"},
      {"relation/cube", 2, attack_cube, "relations/sum"},
      {"relation/masked", 3, attack_masked, "relations/sum"},
      {"relation/total", 4, attack_total, "relations/sum"},
      {"relation/w3", 5, attack_w3, "relations/sum"},
      {"lookup/f", 6, attack_f, "logup/sum"},
      {"lookup/f/shift", 7, attack_shift, "logup/sum"}};
  static const attack on_squares = {"lookup/squares", 0, attack_squares, "logup/sum"};
  run_attack(squares_build, squares_fill, &on_squares);
  for (size_t i = 0; i < sizeof on_matmul / sizeof *on_matmul; i++)
    run_attack(matmul_build, matmul_fill, &on_matmul[i]);
  for (size_t i = 0; i < sizeof on_zoo / sizeof *on_zoo; i++)
    run_attack(zoo_build, zoo_fill, &on_zoo[i]);
}

/* A virtual tensor that is not what its definition says, everything after it consistent. */
static void test_false_definitions(void **state) {
  (void)state;
  static const char *name[] = {"v1", "v2", "v3"};
  for (int k = 0; k < 3; k++) {
    job j;
    vft_proof proof;
    vft_oracle_claims claims = {0};
    job_init(&j, zoo_build, zoo_fill);
    vft_trace t;
    copy_trace(&t, j.program, &j.trace);
    vft_tensor_id id = toy_find(&t, name[k]);
    OK(vft_trace_alloc(&t, id));
    for (size_t i = 0, n = vft_tensor_count(&j.program->tensors[id]); i < n; i++)
      toy_set(&t, id, i, toy_get(&j.trace, id, i) + (i == n - 1));
    OK(vft_trace_complete(&t));
    for (size_t a = 0; a < 4; a++)
      toy_set(&t, toy_find(&t, "w3"), a, toy_get(&t, toy_find(&t, "v3"), a));
    vft_trace_free(&j.trace);
    j.trace = t;
    commit_all(&j);
    prove(&j, &proof, &claims);
    assert_int_equal(verify(&j, &proof, &claims), VFT_REJECTED);
    assert_string_equal(vft_error_check(), "virtual/sum");
    vft_proof_free(&proof);
    OK(vft_prove(j.program, &j.trace, j.link, j.oracle_root, &j.options, &cheating, &proof,
                 &claims, NULL));
    assert_int_equal(verify(&j, &proof, &claims), VFT_REJECTED); /* v2 has no total to lie about */
    assert_string_equal(vft_error_check(), k == 1 ? "virtual/sum" : "whir/sum");
    vft_proof_free(&proof);
    vft_oracle_claims_free(&claims);
    job_free(&j);
  }
}

/* The prover's multiplicities are off by one that cancels nothing. */
static void test_false_multiplicity(void **state) {
  (void)state;
  job j;
  vft_proof proof;
  vft_oracle_claims claims = {0};
  job_init(&j, zoo_build, zoo_fill);
  vft_tensor_id m = toy_find(&j.trace, "f/mult");
  toy_set(&j.trace, m, 3, toy_get(&j.trace, m, 3) + 1);
  prove(&j, &proof, &claims);
  assert_int_equal(verify(&j, &proof, &claims), VFT_REJECTED);
  assert_string_equal(vft_error_check(), "logup/sum");
  vft_proof_free(&proof);
  vft_oracle_claims_free(&claims);
  job_free(&j);
}

/* ---- statements ---- */

/* A link whose tree holds other integers than those the proof speaks of, which satisfy every
 * relation and lookup: only the opening can tell. */
static void other_link(vft_program *(*build)(int), void (*fill)(vft_trace *), const char *name) {
  job j;
  vft_proof proof;
  vft_oracle_claims claims = {0};
  job_init(&j, build, fill);
  vft_tensor_id v = toy_find(&j.trace, name);
  uint32_t l = j.program->tensors[v].group;
  size_t at = vft_tensor_count(&j.program->tensors[v]) / 2;
  int64_t old = toy_get(&j.trace, v, at);
  toy_set(&j.trace, v, at, old > 0 ? old - 1 : old + 1);
  vft_commitment_free(j.link[l]);
  OK(vft_commit_group(&j.link[l], &j.trace, VFT_LINK, l, 1, j.options.hash, VFT_COMMIT_COPY));
  j.link_root[l] = vft_commitment_root(j.link[l]);
  toy_set(&j.trace, v, at, old);
  OK(vft_prove(j.program, &j.trace, j.link, j.oracle_root, &j.options, &cheating, &proof, &claims,
               NULL));
  assert_int_equal(verify(&j, &proof, &claims), VFT_REJECTED);
  assert_string_equal(vft_error_check(), "whir/sum");
  vft_proof_free(&proof);
  vft_oracle_claims_free(&claims);
  job_free(&j);
}

static void test_other_link(void **state) {
  (void)state;
  other_link(zoo_build, zoo_fill, "u");
  other_link(zoo_build, zoo_fill, "v");
  other_link(zoo_build, zoo_fill, "s");
  other_link(matmul_build, matmul_fill, "x");
  other_link(matmul_build, matmul_fill, "q");
  other_link(squares_build, squares_fill, "z");
  other_link(squares_build, squares_fill, "zz");
}

static void test_statement(void **state) {
  (void)state;
  job j;
  vft_proof proof;
  vft_oracle_claims claims = {0};
  job_init(&j, zoo_build, zoo_fill);
  prove(&j, &proof, &claims);
  OK(verify(&j, &proof, &claims));
  /* public inputs: rate, tilt */
  for (uint32_t t = 0; t < j.program->ntensors; t++) {
    if (!j.input_storage[t]) continue;
    int64_t old = j.input_storage[t][0];
    j.input_storage[t][0] = old > 0 ? old - 1 : old + 1;
    assert_int_equal(verify(&j, &proof, &claims), VFT_REJECTED);
    j.input_storage[t][0] = j.program->tensors[t].hi + 1;
    assert_int_equal(verify(&j, &proof, &claims), VFT_REJECTED);
    assert_string_equal(vft_error_check(), "statement/input");
    j.input_storage[t][0] = old;
  }
  j.link_root[0].b[31] ^= 0x80;
  assert_int_equal(verify(&j, &proof, &claims), VFT_REJECTED);
  j.link_root[0].b[31] ^= 0x80;
  for (int o = 0; o < 2; o++) { /* an oracle that the program does not even use is bound too */
    j.oracle_root[o].b[0] ^= 1;
    assert_int_equal(verify(&j, &proof, &claims), VFT_REJECTED);
    j.oracle_root[o].b[0] ^= 1;
  }
  j.options.test_queries++;
  assert_int_equal(verify(&j, &proof, &claims), VFT_REJECTED);
  j.options.test_queries--;
  /* another program: one relation less */
  vft_program *whole = j.program;
  j.program = zoo_build(3);
  assert_int_equal(verify(&j, &proof, &claims), VFT_REJECTED);
  vft_program_free(j.program);
  j.program = whole;
  OK(verify(&j, &proof, &claims));
  /* claims that nobody takes */
  vft_statement s = statement(&j);
  assert_int_equal(vft_verify_proof(&s, &j.options, lax, proof.bytes, proof.len, NULL, NULL),
                   VFT_USAGE);
  vft_proof_free(&proof);
  vft_oracle_claims_free(&claims);
  job_free(&j);
}

/* ---- tampering ---- */

static void tamper(const job *j, vft_proof *proof) {
  size_t accepted = 0;
  OK(verify(j, proof, NULL));
  for (size_t i = 0; i < proof->len; i++) {
    uint8_t old = proof->bytes[i];
    proof->bytes[i] ^= (uint8_t)(1u << (i % 8));
    accepted += verify(j, proof, NULL) != VFT_REJECTED;
    proof->bytes[i] = old;
  }
  assert_int_equal(accepted, 0);
  OK(verify(j, proof, NULL));
  for (size_t len = 0; len < proof->len; len++) {
    vft_proof cut = {.bytes = proof->bytes, .len = len};
    accepted += verify(j, &cut, NULL) != VFT_REJECTED;
  }
  assert_int_equal(accepted, 0);
  uint8_t *longer = vft_alloc(proof->len + 1, 1);
  memcpy(longer, proof->bytes, proof->len);
  vft_proof trailing = {.bytes = longer, .len = proof->len + 1};
  assert_int_equal(verify(j, &trailing, NULL), VFT_REJECTED);
  assert_string_equal(vft_error_check(), "transcript/trailing");
  vft_free(longer);
}

static void test_tamper(void **state) {
  (void)state;
  job j;
  vft_proof proof, opening;
  vft_oracle_claims claims = {0};
  job_init(&j, zoo_build, zoo_fill);
  prove(&j, &proof, &claims);
  assert_true(proof.len <= 20000);
  tamper(&j, &proof);
  vft_tree_info info[2] = {vft_commitment_info(j.oracle[0]), vft_commitment_info(j.oracle[1])};
  OK(vft_prove_oracles(j.oracle, 2, &claims, &j.options, &opening));
  for (size_t i = 0; i < opening.len; i++) {
    opening.bytes[i] ^= 0x10;
    assert_int_equal(vft_verify_oracles(info, 2, 6, &claims, &j.options, lax, opening.bytes,
                                        opening.len, NULL),
                     VFT_REJECTED);
    opening.bytes[i] ^= 0x10;
  }
  OK(vft_verify_oracles(info, 2, 6, &claims, &j.options, lax, opening.bytes, opening.len, NULL));
  vft_proof_free(&proof);
  vft_proof_free(&opening);
  vft_oracle_claims_free(&claims);
  job_free(&j);
}

/* ---- same bytes ---- */

static void test_threads_and_tiers(void **state) {
  (void)state;
  job j;
  vft_proof first;
  job_init(&j, zoo_build, zoo_fill);
  prove(&j, &first, NULL);
  vft_simd best = vft_simd_tier();
  for (int threads = 1; threads <= 5; threads += 2)
    for (int tier = VFT_SIMD_C; tier <= (int)best; tier++) {
      vft_proof again;
      vft_threads_set(threads);
      vft_simd_force((vft_simd)tier);
      prove(&j, &again, NULL);
      assert_int_equal(again.len, first.len);
      assert_memory_equal(again.bytes, first.bytes, first.len);
      vft_proof_free(&again);
    }
  vft_simd_force(best);
  vft_threads_set(0);
  vft_proof_free(&first);
  job_free(&j);
}

/* ---- a chain of two proofs that share a link ---- */

static void test_chain(void **state) {
  (void)state;
  job a, b;
  vft_proof first, second;
  job_init(&a, matmul_build, matmul_fill);
  job_init(&b, matmul_build, matmul_fill);
  /* b's x is a's x scaled down to fit: give b the link object that a used, not a new commitment */
  vft_tensor_id x = toy_find(&b.trace, "x"), w = toy_find(&b.trace, "w");
  vft_trace_supply(&b.trace, x, a.trace.array[x].dtype, a.trace.array[x].data);
  vft_tensor_id q = toy_find(&b.trace, "q"), r0 = toy_find(&b.trace, "r0");
  vft_tensor_id r1 = toy_find(&b.trace, "r1");
  for (size_t i = 0; i < 5; i++)
    for (size_t k = 0; k < 7; k++) {
      int64_t acc = 512;
      for (size_t c = 0; c < 6; c++)
        acc += toy_get(&b.trace, x, i * 6 + c) * toy_get(&b.trace, w, k * 6 + c);
      toy_set(&b.trace, q, i * 7 + k, acc >> 10);
      toy_set(&b.trace, r1, i * 7 + k, (acc & 1023) >> 8);
      toy_set(&b.trace, r0, i * 7 + k, acc & 255);
    }
  OK(vft_trace_count_lookups(&b.trace));
  commit_all(&b);
  assert_memory_equal(b.link_root[0].b, a.link_root[0].b, sizeof(vft_digest));
  vft_commitment *own = b.link[0];
  b.link[0] = a.link[0];
  prove(&a, &first, NULL);
  prove(&b, &second, NULL);
  b.link_root[0] = a.link_root[0];
  OK(verify(&a, &first, NULL));
  OK(verify(&b, &second, NULL));
  assert_int_equal(vft_verify_link_shapes(a.program, 0, b.program, 0), VFT_OK);
  assert_int_equal(vft_verify_link_shapes(a.program, 0, b.program, 1), VFT_USAGE);
  /* swapped links, swapped proofs */
  assert_int_equal(verify(&a, &second, NULL), VFT_REJECTED);
  vft_digest out = b.link_root[1];
  b.link_root[1] = a.link_root[1];
  assert_int_equal(verify(&b, &second, NULL), VFT_REJECTED);
  b.link_root[1] = out;
  b.link[0] = own;
  vft_proof_free(&first);
  vft_proof_free(&second);
  job_free(&b);
  job_free(&a);
}

/* ---- the hash ---- */

/* A proof of one hash is none of the other, and a tree of the other serves no prover. */
static void test_other_hash(void **state) {
  (void)state;
  job j;
  vft_proof proof, opening;
  vft_oracle_claims claims = {0}, found = {0};
  job_init(&j, matmul_build, matmul_fill);
  prove(&j, &proof, &claims);
  OK(verify(&j, &proof, NULL));
  vft_tree_info info[4];
  for (uint32_t o = 0; o < j.program->noracles; o++) info[o] = vft_commitment_info(j.oracle[o]);
  assert_true(claims.n > 0);
  OK(vft_prove_oracles(j.oracle, j.program->noracles, &claims, &j.options, &opening));
  OK(vft_verify_oracles(info, j.program->noracles, j.program->log_columns, &claims, &j.options, lax,
                        opening.bytes, opening.len, NULL));
  vft_hash_kind own = j.options.hash;
  j.options.hash = own == VFT_HASH_BLAKE3 ? VFT_HASH_POSEIDON : VFT_HASH_BLAKE3;
  assert_int_equal(verify(&j, &proof, NULL), VFT_REJECTED);
  assert_int_equal(vft_verify_oracles(info, j.program->noracles, j.program->log_columns, &claims,
                                      &j.options, lax, opening.bytes, opening.len, NULL),
                   VFT_REJECTED);
  vft_proof_free(&proof);
  vft_proof_free(&opening);
  assert_int_equal(vft_prove(j.program, &j.trace, j.link, j.oracle_root, &j.options, &unchecked,
                             &proof, &found, NULL),
                   VFT_USAGE);
  assert_int_equal(vft_prove_oracles(j.oracle, j.program->noracles, &claims, &j.options, &opening),
                   VFT_USAGE);
  vft_proof_free(&proof);
  vft_proof_free(&opening);
  /* a root that is no digest of the hash */
  if (own == VFT_HASH_POSEIDON && j.program->nlinks) {
    j.options.hash = own;
    prove(&j, &proof, NULL);
    memset(j.link_root[0].b, 0xff, 8);
    assert_int_equal(verify(&j, &proof, NULL), VFT_REJECTED);
    assert_string_equal(vft_error_check(), "transcript/canonical");
    vft_proof_free(&proof);
  }
  vft_oracle_claims_free(&claims);
  vft_oracle_claims_free(&found);
  job_free(&j);
}

/* ---- a release proof: its account ---- */

static void test_release(void **state) {
  (void)state;
  job j;
  vft_proof proof;
  vft_oracle_claims claims = {0};
  vft_soundness account;
  job_init(&j, zoo_build, zoo_fill);
  j.options = real_options();
  j.options.grind = 8; /* keeps the test short; more queries instead */
  prove(&j, &proof, &claims);
  vft_statement s = statement(&j);
  OK(vft_verify_proof(&s, &j.options, (vft_verify_flags){.bounds_checked = true}, proof.bytes,
                      proof.len, &claims, &account));
  assert_true(vft_soundness_total(&account) >= VFT_BITS(128));
  assert_false(account.test_profile);
  vft_soundness_print(&account, stdout);
  print_message("release proof: %zu bytes\n", proof.len);
  vft_soundness_free(&account);
  vft_proof_free(&proof);
  /* options below the level: provable, refused */
  j.options.bits = 100;
  prove(&j, &proof, &claims);
  assert_int_equal(vft_verify_proof(&s, &j.options, (vft_verify_flags){.bounds_checked = true},
                                    proof.bytes, proof.len, &claims, NULL),
                   VFT_REJECTED);
  assert_string_equal(vft_error_check(), "soundness/bits");
  vft_proof_free(&proof);
  vft_oracle_claims_free(&claims);
  job_free(&j);
}

static int under_blake3(void **state) {
  (void)state;
  hash_now = VFT_HASH_BLAKE3;
  return 0;
}

static int under_poseidon(void **state) {
  (void)state;
  hash_now = VFT_HASH_POSEIDON;
  return 0;
}

#define BOTH(test)                            \
  cmocka_unit_test_setup(test, under_blake3), \
      {#test " (poseidon)", test, under_poseidon, NULL, NULL}

int main(void) {
  print_message("seed %llx\n", (unsigned long long)toy_seed);
  const struct CMUnitTest tests[] = {
      BOTH(test_matmul),
      BOTH(test_stopped),
      BOTH(test_zoo),
      BOTH(test_squares),
      BOTH(test_powers),
      cmocka_unit_test(test_attacks),
      cmocka_unit_test(test_false_definitions),
      cmocka_unit_test(test_false_multiplicity),
      BOTH(test_other_link),
      BOTH(test_statement),
      BOTH(test_tamper),
      BOTH(test_threads_and_tiers),
      BOTH(test_chain),
      BOTH(test_release),
      BOTH(test_other_hash),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
