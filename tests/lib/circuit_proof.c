#include "../../lib/verify.c" /* with one more entry */

#include "circuit_proof.h"

/* As `check`, of any shape. */
typedef struct {
  vft_machine_shape shape;
  vft_proof_options options;
  vft_digest key;
  const vft_fp *input;
  const uint8_t *proof;
  size_t len;
} claim;

static vft_status check_claim(const claim *c) {
  vft_status st = VFT_OK;
  vft_machine *m = NULL;
  int64_t **values = NULL;
  vft_soundness account;
  TRY_OUT(vft_machine_build(&c->shape, &m));
  TRY_OUT(vft_machine_inputs(m, c->input, m->shape.inputs, &values));
  const vft_statement statement = {m->program, (const int64_t *const *)values, &c->key, NULL};
  TRY_OUT(vft_hide_verify(&statement, &c->options, c->proof, c->len, NULL, &account));
out:
  vft_free(values);
  vft_machine_free(m);
  return st;
}

static vft_status circuit(const circuit_shape *s, const uint8_t *key, const uint64_t *inputs,
                          size_t n, const uint8_t *proof, size_t len) {
  vft_poseidon_digest elements;
  if (!s) return vft_reject("circuit/shape", "there is no shape");
  claim c = {.options = vft_outer_options(), .proof = proof, .len = len};
  c.shape = (vft_machine_shape){
      .log_columns = s->log_columns, .constants = s->constants, .inputs = s->inputs,
      .bases = s->bases, .frees = s->frees, .splits = s->splits, .parts = s->parts,
      .fetches = s->fetches, .permutations = s->permutations, .narrow_sums = s->narrow_sums,
      .sums = s->sums, .zeros = s->zeros};
  c.options.bits = 130;
  c.options.log_inv_rate = s->log_inv_rate;
  c.options.grind = s->grind;
  if (s->log_columns < 1 || s->log_columns > 30)
    return vft_reject("circuit/shape", "rows of 2^%u columns", s->log_columns);
  if (n != s->inputs || !inputs)
    return vft_reject("circuit/inputs", "%zu inputs, the shape has %u", inputs ? n : 0, s->inputs);
  for (size_t i = 0; i < n; i++)
    if (inputs[i] >= VFT_P) return vft_reject("circuit/inputs", "input %zu is not below p", i);
  if (!key || !vft_poseidon_read(key, &elements))
    return vft_reject("circuit/key", "the key is not four elements below p");
  if (!proof && len) return vft_reject("transcript/truncated", "there is no proof");
  _Static_assert(sizeof(vft_fp) == sizeof(uint64_t), "an element is a word");
  memcpy(c.key.b, key, sizeof c.key.b);
  vft_fp *input = vft_alloc(n, sizeof *input);
  if (!input) return VFT_RESOURCE;
  for (size_t i = 0; i < n; i++) input[i] = (vft_fp){inputs[i]};
  c.input = input;
  vft_status st = check_claim(&c);
  vft_free(input);
  return st;
}

int vft_verify_circuit(const circuit_shape *shape, const uint8_t *key, const uint64_t *inputs,
                       size_t ninputs, const uint8_t *proof, size_t len,
                       vft_verify_result **result) {
  static const vft_certificate_parts none;
  uint64_t bytes = (uint64_t)len + ninputs + (shape ? 4 * (uint64_t)shape->splits : 0);
  vft_error_clear();
  vft_memory_limit(((uint64_t)8 << 20) + 16 * bytes);
  vft_status st = circuit(shape, key, inputs, ninputs, proof, len);
  return finish(st, &none, len, result);
}
