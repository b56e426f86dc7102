/* What a proof is about. */
#include "verify/driver.h"

const char vft_protocol_name[] = "vft/program-proof/1";
const char vft_hiding_protocol_name[] = "vft/hiding-proof/2";

vft_proof_options vft_proof_options_default(void) {
  /* 130: the openings dominate; the other terms of the account stay far above 128 bits */
  return (vft_proof_options){.log_inv_rate = 1, .bits = 130, .grind = 20,
                             .hash = VFT_HASH_BLAKE3, .test_queries = 0};
}

/* Whether x is one of the integers that the tensor may have. */
static bool within(const vft_tensor *t, int64_t x) {
  return t->field ? x == vft_field_signed(vft_fp_from_i64(x)) : x >= t->lo && x <= t->hi;
}

vft_status vft_statement_values(const vft_statement *statement, vft_public **out) {
  const vft_program *p = statement->program;
  size_t inputs = 0;
  for (uint32_t t = 0; t < p->ntensors; t++)
    if (p->tensors[t].origin == VFT_PUBLIC && !p->tensors[t].values)
      inputs += vft_tensor_count(&p->tensors[t]);
  vft_public *pub = vft_alloc(1, p->ntensors * sizeof *pub + inputs * sizeof(vft_fp));
  if (!pub) return VFT_RESOURCE;
  vft_fp *at = (vft_fp *)(void *)(pub + p->ntensors);
  for (uint32_t t = 0; t < p->ntensors; t++) {
    const vft_tensor *tensor = &p->tensors[t];
    if (tensor->origin != VFT_PUBLIC) continue;
    pub[t].constant = tensor->values;
    if (tensor->values) continue;
    const int64_t *values = statement->inputs ? statement->inputs[t] : NULL;
    if (!values) {
      vft_free(pub);
      return vft_fail(VFT_USAGE, "public input %s is missing", tensor->name);
    }
    pub[t].input = at;
    for (size_t i = 0, n = vft_tensor_count(tensor); i < n; i++) {
      if (!within(tensor, values[i])) {
        vft_free(pub);
        return vft_reject("statement/input", "public input %s is outside of its bounds at %zu",
                          tensor->name, i);
      }
      *at++ = vft_fp_from_i64(values[i]);
    }
  }
  *out = pub;
  return VFT_OK;
}
