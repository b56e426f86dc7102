/* The batch is a link that no program produces: its bounds must be proved by the step itself. A
 * prover who picks the batch, commits it and proceeds honestly from there is accepted with bits
 * as loss mask and rejected with anything else. */
#include "train/step_vectors.h"

#include <stdio.h>

#include "prove/prove.h"

static const vft_verify_flags lax = {.allow_test_profile = true};

static const int64_t *values_of(blocks *b, const vft_trace *t, vft_tensor_id id) {
  size_t n = vft_tensor_count(&t->program->tensors[id]);
  int64_t *x = keep(b, n);
  for (size_t i = 0; i < n; i++) x[i] = vft_array_get(&t->array[id], i);
  return x;
}

/* Proves a step whose first loss token has the given weight; *honest is what the plain checker
 * says of the trace. */
static vft_status prove_with_weight(int64_t weight, vft_status *honest) {
  enum { GROUPS = 8 };
  vectors v;
  blocks b = {.n = 0};
  vft_exec *e;
  vft_commitment *link[GROUPS] = {NULL}, *oracle[GROUPS] = {NULL};
  vft_digest link_root[GROUPS], oracle_root[GROUPS];
  vft_proof proof = {0};
  vft_oracle_claims mine = {0}, theirs = {0};
  vft_proof_options options = vft_proof_options_default();
  options.test_queries = 2;
  load_vectors(&v, "some");
  const vft_program *p = v.step->program;
  assert_true(p->nlinks <= GROUPS && p->noracles <= GROUPS);
  assert_int_equal(vft_exec_new(v.step, VFT_EXEC_TRACE, &e), VFT_OK);
  supply_fixed(e, &v, &b, 0);
  supply_state(e, &v, &b, json_object_get(v.json, "state"));
  size_t n = vft_tensor_count(&p->tensors[v.step->mask]), first = 0;
  int64_t *mask = keep(&b, n);
  flatten(json_object_get(at(json_object_get(v.json, "batches"), 0), "mask"), mask);
  while (!mask[first]) first++;
  mask[first] = weight;
  vft_exec_supply(e, v.step->mask, VFT_I64, mask);
  if (vft_exec_run(e, false) != VFT_OK) fail_msg("%s", vft_error_message());
  vft_trace *t = vft_exec_trace(e);
  vft_status st = vft_exec_finish_trace(e);
  for (uint32_t i = 0; st != VFT_OK && i < p->ntables; i++) /* a lookup that is no row */
    assert_int_equal(vft_trace_alloc(t, p->tables[i].mult), VFT_OK);
  *honest = vft_program_check_trace(p, t, NULL);
  const int64_t **inputs = vft_alloc(p->ntensors, sizeof *inputs);
  for (uint32_t i = 0; i < p->ntensors; i++)
    if (p->tensors[i].origin == VFT_PUBLIC && !p->tensors[i].values) inputs[i] = values_of(&b, t, i);
  for (uint32_t l = 0; l < p->nlinks; l++) {
    assert_int_equal(vft_commit_group(&link[l], t, VFT_LINK, l, 1, VFT_HASH_BLAKE3, 0), VFT_OK);
    link_root[l] = vft_commitment_root(link[l]);
  }
  for (uint32_t o = 0; o < p->noracles; o++) {
    assert_int_equal(vft_commit_group(&oracle[o], t, VFT_ORACLE, o, 1, VFT_HASH_BLAKE3, 0), VFT_OK);
    oracle_root[o] = vft_commitment_root(oracle[o]);
  }
  st = vft_prove(p, t, link, oracle_root, &options, &(vft_prove_options){.unchecked = true}, &proof,
                 &mine, NULL);
  if (st != VFT_OK) fail_msg("%s", vft_error_message());
  vft_statement s = {p, inputs, link_root, oracle_root};
  st = vft_verify_proof(&s, &options, lax, proof.bytes, proof.len, &theirs, NULL);
  for (int i = 0; i < GROUPS; i++) {
    vft_commitment_free(link[i]);
    vft_commitment_free(oracle[i]);
  }
  vft_oracle_claims_free(&mine);
  vft_oracle_claims_free(&theirs);
  vft_proof_free(&proof);
  vft_free(inputs);
  vft_exec_free(e);
  free_blocks(&b);
  free_vectors(&v);
  return st;
}

static void test_mask(void **state) {
  (void)state;
  vft_status honest;
  for (int64_t weight = 0; weight < 2; weight++) {
    assert_int_equal(prove_with_weight(weight, &honest), VFT_OK);
    assert_int_equal(honest, VFT_OK);
  }
  assert_int_equal(prove_with_weight(-1, &honest), VFT_REJECTED); /* unlearns the token */
  assert_int_equal(honest, VFT_REJECTED);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_mask)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
