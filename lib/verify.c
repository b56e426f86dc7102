#include "vft/verify.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hash/poseidon.h"
#include "memory.h"
#include "recurse/machine.h"
#include "verify/verify.h"

_Static_assert((int)VFT_VERIFY_ACCEPTED == (int)VFT_OK &&
                   (int)VFT_VERIFY_REJECTED == (int)VFT_REJECTED &&
                   (int)VFT_VERIFY_RESOURCE == (int)VFT_RESOURCE,
               "the library's verdicts are status codes");

struct vft_verify_result {
  int verdict;
  unsigned bits;
  char check[64], error[1024];
};

/* ---- the statement ---- */

static vft_status machine_of(const vft_circuit_shape *s, vft_machine **m) {
  const vft_machine_shape shape = {.log_cells = s->log_cells,
                                   .log_columns = s->log_columns,
                                   .constants = s->constants,
                                   .inputs = s->inputs,
                                   .bases = s->bases,
                                   .frees = s->frees,
                                   .splits = s->splits,
                                   .parts = s->parts,
                                   .permutations = s->permutations,
                                   .sums = s->sums,
                                   .zeros = s->zeros};
  vft_status st = vft_machine_build(&shape, m);
  /* a program depends on nothing but its shape */
  return st == VFT_USAGE ? vft_reject("circuit/shape", "%s", vft_error_message()) : st;
}

static vft_status inputs_of(const vft_machine *m, const uint64_t *input, size_t n, vft_ext **out) {
  if (n != m->shape.inputs || !input)
    return vft_reject("circuit/inputs", "%zu inputs, the shape has %u", input ? n : 0,
                      m->shape.inputs);
  vft_ext *v = vft_alloc(n, sizeof *v);
  if (!v) return VFT_RESOURCE;
  for (size_t i = 0; i < 3 * n; i++) {
    if (input[i] >= VFT_P) {
      vft_free(v);
      return vft_reject("circuit/inputs", "coordinate %zu of input %zu is not below p", i % 3,
                        i / 3);
    }
    v[i / 3].c[i % 3] = (vft_fp){input[i]};
  }
  *out = v;
  return VFT_OK;
}

static vft_status verify(const vft_machine *m, const uint8_t *key, const vft_ext *input,
                         const uint8_t *proof, size_t len, vft_soundness *soundness) {
  const vft_proof_options options = vft_proof_options_recursive();
  /* that bounds close is a property of the machine (recurse/machine.h) */
  const vft_verify_flags flags = {.bounds_checked = true};
  vft_poseidon_digest elements;
  vft_digest root;
  int64_t **values;
  if (!key || !vft_poseidon_read(key, &elements))
    return vft_reject("circuit/key", "the key is not four elements below p");
  if (!proof && len) return vft_reject("transcript/truncated", "there is no proof");
  memcpy(root.b, key, sizeof root.b);
  TRY(vft_machine_inputs(m, input, m->shape.inputs, &values));
  const vft_statement statement = {m->program, (const int64_t *const *)values, &root, NULL};
  vft_status st = vft_verify_proof(&statement, &options, flags, proof, len, NULL, soundness);
  vft_free(values);
  return st;
}

/* ---- the library's functions ---- */

static uint64_t room_for(const vft_circuit_shape *shape, size_t ninputs, size_t len) {
  return ((uint64_t)4 << 20) + 32 * (uint64_t)len + 128 * (uint64_t)ninputs +
         64 * (uint64_t)shape->splits;
}

int vft_verify_circuit_proof(const vft_circuit_shape *shape, const uint8_t *key,
                             const uint64_t *inputs, size_t ninputs, const uint8_t *proof,
                             size_t len, vft_verify_result **result) {
  vft_status st = VFT_OK;
  vft_machine *m = NULL;
  vft_ext *input = NULL;
  vft_soundness soundness;
  memset(&soundness, 0, sizeof soundness);
  vft_error_clear();
  if (result) *result = NULL;
  if (!shape) {
    st = vft_reject("circuit/shape", "there is no shape");
    goto out;
  }
  vft_memory_limit(room_for(shape, ninputs, len));
  TRY_OUT(machine_of(shape, &m));
  TRY_OUT(inputs_of(m, inputs, ninputs, &input));
  TRY_OUT(verify(m, key, input, proof, len, &soundness));
out:
  if (st == VFT_RESOURCE && shape && vft_memory_limited())
    st = vft_reject("proof/length", "%zu bytes are too few for a proof of this shape", len);
  if (st == VFT_USAGE) st = vft_reject("circuit/shape", "%s", vft_error_message());
  if (result) {
    *result = calloc(1, sizeof **result);
    if (*result) {
      (*result)->verdict = (int)st;
      if (st == VFT_OK) (*result)->bits = (unsigned)(vft_soundness_total(&soundness) / VFT_BITS(1));
      snprintf((*result)->check, sizeof (*result)->check, "%s", vft_error_check());
      snprintf((*result)->error, sizeof (*result)->error, "%s", vft_error_message());
    }
  }
  vft_soundness_free(&soundness);
  vft_free(input);
  vft_machine_free(m);
  return (int)st;
}

void vft_verify_free(vft_verify_result *result) { free(result); }

int vft_verify_verdict(const vft_verify_result *r) { return r ? r->verdict : VFT_VERIFY_RESOURCE; }
const char *vft_verify_check(const vft_verify_result *r) { return r ? r->check : ""; }
const char *vft_verify_error(const vft_verify_result *r) { return r ? r->error : "out of memory"; }
unsigned vft_verify_soundness_bits(const vft_verify_result *r) { return r ? r->bits : 0; }
