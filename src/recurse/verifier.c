#include "recurse/verifier.h"

#include "base/mem.h"
#include "recurse/circuit.h"
#include "recurse/recorder.h"
#include "recurse/wires_verify.h"

/* Says that the cell has an integer in [lo, hi], hi - lo < 2^32: cell - lo and hi - cell are both
 * below 2^k for the least such k with hi - lo < 2^k, being the sums of their k low bits. */
static vft_status check_range(vft_circuit *c, vft_wire w, int64_t lo, int64_t hi) {
  uint64_t span = (uint64_t)hi - (uint64_t)lo;
  if (span >> VFT_SPLIT_BITS) return vft_fail(VFT_USAGE, "circuit: an input of more than 32 bits");
  vft_ext minus = vft_ext_neg(VFT_EXT_ONE);
  vft_wire one = vft_circuit_constant(c, VFT_EXT_ONE), neg = vft_circuit_constant(c, minus);
  for (int side = 0; side < 2; side++) {
    vft_ext bound = vft_ext_from_i64(side ? hi : lo);
    vft_wire x = side ? vft_circuit_sum(c, neg, w, vft_circuit_constant(c, bound))
                      : vft_circuit_sum(c, one, w, vft_circuit_constant(c, vft_ext_neg(bound)));
    vft_wire bit = vft_circuit_split(c, (vft_wire_part){x, 0}), low = 0;
    for (unsigned k = 0; span >> k; k++) {
      vft_wire power = vft_circuit_constant(c, vft_ext_from_fp((vft_fp){(uint64_t)1 << k}));
      low = vft_circuit_sum(c, bit + k, power, low);
    }
    vft_circuit_zero(c, vft_circuit_sum(c, neg, low, x));
  }
  return VFT_OK;
}

static vft_status finish(vft_circuit *c, vft_status st) {
  vft_record_end();
  /* A recording that failed has no values: what they led to is no verdict. */
  if (c->status == VFT_OK || c->status == st) return st;
  return vft_fail(c->status, "circuit: the verifier %s",
                  c->status == VFT_RESOURCE ? "ran out of memory" : "cannot be recorded");
}

vft_status vft_circuit_verify(vft_circuit *c, const vft_circuit_child *child, const uint8_t *proof,
                              size_t len) {
  const vft_program *p = child->program;
  vft_status st = VFT_OK;
  TRY(vft_program_check_bounds(p));
  for (uint32_t t = 0; t < p->ntensors && !child->inputs_checked; t++) {
    const vft_tensor *x = &p->tensors[t];
    if (x->origin != VFT_PUBLIC || x->values || x->field) continue;
    for (size_t i = 0; i < vft_tensor_count(x); i++)
      TRY(check_range(c, child->inputs[t][i], x->lo, x->hi));
  }
  vft_record_begin(c, proof == NULL);
  st = vft_wires_verify(child, proof, len);
  return finish(c, st);
}

vft_status vft_circuit_open(vft_circuit *c, const vft_circuit_opening *opening,
                            const uint8_t *proof, size_t len) {
  vft_record_begin(c, proof == NULL);
  return finish(c, vft_wires_open(opening, proof, len));
}
