/* Test helpers: proofs of circuits, and circuits that verify them. */
#ifndef TESTS_RECURSE_RECURSION_H
#define TESTS_RECURSE_RECURSION_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "prove/prove.h"
#include "recurse/machine_trace.h"
#include "recurse/verifier.h"

typedef struct {
  vft_machine *m;
  vft_trace t;
  vft_commitment *wiring;
  vft_digest root;
  vft_proof proof;
  vft_proof_options options;
  vft_fp *input;
  uint32_t inputs;
} proved;

static inline void proved_free(proved *p) {
  vft_proof_free(&p->proof);
  vft_commitment_free(p->wiring);
  vft_trace_free(&p->t);
  vft_machine_free(p->m);
  free(p->input);
}

static inline void prove_circuit_so(proved *p, const vft_circuit *c, unsigned log_columns,
                                    const vft_proof_options *options) {
  memset(p, 0, sizeof *p);
  vft_machine_shape shape;
  vft_machine_fit(c, log_columns, &shape);
  p->options = *options;
  assert_int_equal(vft_machine_build(&shape, &p->m), VFT_OK);
  assert_int_equal(vft_trace_init(&p->t, p->m->program), VFT_OK);
  assert_int_equal(vft_machine_trace(p->m, c, &p->t), VFT_OK);
  assert_int_equal(vft_commit_group(&p->wiring, &p->t, VFT_LINK, p->m->wiring,
                                    options->log_inv_rate, options->hash, 0), VFT_OK);
  p->root = vft_commitment_root(p->wiring);
  vft_prove_options how = {0};
  vft_prove_profile profile = {0};
  assert_int_equal(vft_prove(p->m->program, &p->t, &p->wiring, NULL, &p->options, &how, &p->proof,
                             NULL, &profile), VFT_OK);
  if (getenv("VFT_SHOW")) vft_prove_profile_print(&profile, stdout);
  p->inputs = c->cells[VFT_CELL_INPUT].n;
  p->input = malloc((p->inputs + 1) * sizeof *p->input);
  for (uint32_t i = 0; i < p->inputs; i++) p->input[i] = c->cells[VFT_CELL_INPUT].value[i].c[0];
}

static inline void prove_circuit(proved *p, const vft_circuit *c, unsigned log_columns,
                                 unsigned queries) {
  vft_proof_options options = vft_proof_options_recursive();
  options.test_queries = queries;
  if (queries) options.grind = 0;
  prove_circuit_so(p, c, log_columns, &options);
}

static inline vft_status verify_circuit(const proved *p, const vft_fp *input, uint32_t n,
                                        const uint8_t *proof, size_t len) {
  int64_t **in;
  vft_status st = vft_machine_inputs(p->m, input, n, &in);
  if (st != VFT_OK) return st;
  vft_statement s = {p->m->program, (const int64_t *const *)in, &p->root, NULL};
  vft_verify_flags flags = {.allow_test_profile = true};
  st = vft_verify_proof(&s, &p->options, flags, proof, len, NULL, NULL);
  vft_free(in);
  return st;
}

/* Records the verification of p's proof; its inputs and key are inputs of the circuit. */
static inline vft_status record_verifier(vft_circuit *c, const proved *p, const uint8_t *proof,
                                         size_t len) {
  uint32_t n = p->m->shape.inputs;
  uint32_t *in = calloc(n, sizeof *in), key[1][4];
  const uint32_t **inputs = calloc(p->m->program->ntensors, sizeof *inputs);
  for (uint32_t i = 0; i < n; i++) {
    vft_fp v = i < p->inputs ? p->input[i] : (vft_fp){0};
    in[i] = vft_circuit_input(c, vft_ext_from_fp(v));
  }
  for (int k = 0; k < 4; k++) {
    uint64_t v = 0;
    for (int b = 0; b < 8; b++) v |= (uint64_t)p->root.b[8 * k + b] << (8 * b);
    key[0][k] = vft_circuit_input(c, vft_ext_from_fp((vft_fp){v}));
  }
  inputs[p->m->input] = in;
  vft_circuit_child child = {.program = p->m->program,
                             .inputs = inputs,
                             .link_root = (const uint32_t(*)[4])key,
                             .log_inv_rate = p->options.log_inv_rate,
                             .bits = p->options.bits,
                             .grind = p->options.grind,
                             .test_queries = p->options.test_queries,
                             .allow_test_profile = true};
  vft_status st = vft_circuit_verify(c, &child, proof, len);
  free(in);
  free(inputs);
  return st;
}

static inline void show(const vft_circuit *c) {
  printf("constants %u, inputs %u, base %u, free %u, splits %u, parts %u, permutations %u, sums %u, "
         "zeros %u\n", c->cells[VFT_CELL_CONSTANT].n, c->cells[VFT_CELL_INPUT].n,
         c->cells[VFT_CELL_BASE].n, c->cells[VFT_CELL_FREE].n, c->nsplit,
         c->cells[VFT_CELL_PART].n, c->nsponge, c->cells[VFT_CELL_SUM].n, c->nzero);
}

#endif
