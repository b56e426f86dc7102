/* Small circuits and hiding proofs of them. */
#ifndef TESTS_LIB_CIRCUITS_H
#define TESTS_LIB_CIRCUITS_H

#include "recurse/recursion.h"

#include "circuit_proof.h"

/* Sums of powers of the inputs, a chain of permutations of them, and the bits of its end; `size` steps
 * of each. */
static inline vft_circuit *small_circuit(unsigned size) {
  vft_circuit *c = vft_circuit_new();
  vft_wire in[3], minus = vft_circuit_constant(c, vft_ext_neg(VFT_EXT_ONE));
  for (unsigned i = 0; i < 3; i++)
    in[i] = vft_circuit_input(c, vft_ext_from_fp((vft_fp){1 + i + ((uint64_t)i << 40)}));
  vft_wire sum = in[0];
  uint32_t last = VFT_FRESH;
  const vft_fp capacity[VFT_POSEIDON_CAPACITY] = {{size}, {0}, {5}, {0}}, none[4] = {{0}};
  for (unsigned i = 0; i < size; i++) {
    vft_wire_part lane[VFT_POSEIDON_RATE];
    sum = vft_circuit_sum(c, sum, in[i % 3], in[(i + 1) % 3]);
    for (uint32_t k = 0; k < VFT_POSEIDON_RATE; k++)
      lane[k] = k < 3 ? (vft_wire_part){sum, k} : (vft_wire_part){in[k % 3], k % 2};
    last = vft_circuit_permute(c, lane, i ? none : capacity, last, 0);
  }
  vft_wire bit = vft_circuit_split(c, (vft_wire_part){vft_circuit_sponge(last), 0}), low = 0;
  for (unsigned i = 0; i < 32; i++)
    low = vft_circuit_sum(c, bit + i, vft_circuit_constant(c, vft_ext_from_fp((vft_fp){1ull << i})),
                          low);
  vft_fp x = vft_circuit_part(c, (vft_wire_part){vft_circuit_sponge(last), 0});
  vft_wire same = vft_circuit_base(c, (vft_fp){x.v & 0xffffffffu});
  vft_circuit_zero(c, vft_circuit_sum(c, minus, same, low));
  assert_int_equal(c->status, VFT_OK);
  return c;
}

static inline void prove_hiding(proved *p, const vft_circuit *c, unsigned log_columns,
                                unsigned queries) {
  vft_proof_options options = vft_proof_options_default();
  options.log_inv_rate = 4;
  options.grind = queries ? 0 : 12;
  options.test_queries = queries;
  options.hiding = true;
  prove_circuit_so(p, c, log_columns, &options);
}

static inline circuit_shape shape_of(const proved *p) {
  const vft_machine_shape *s = &p->m->shape;
  return (circuit_shape){s->log_columns, s->constants, s->inputs, s->bases, s->frees, s->splits,
                         s->parts, s->fetches, s->permutations, s->narrow_sums, s->sums, s->zeros,
                         p->options.log_inv_rate, p->options.grind};
}

#endif
