#include "verify/verify.h"

#include <string.h>

#include "hide/verify.h"
#include "verify/driver.h"

vft_proof_options vft_proof_options_default(void) {
  /* 130: the openings dominate; the other terms of the account stay far above 128 bits */
  return (vft_proof_options){.log_inv_rate = 1, .bits = 130, .grind = 20,
                             .hash = VFT_HASH_BLAKE3, .test_queries = 0};
}

vft_proof_options vft_proof_options_recursive(void) {
  return (vft_proof_options){.log_inv_rate = 1, .bits = 130, .grind = 16,
                             .hash = VFT_HASH_POSEIDON, .test_queries = 0};
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

vft_status vft_driver_soundness(const vft_soundness *s, vft_verify_flags flags) {
  if (flags.allow_test_profile && s->test_profile) return VFT_OK;
  return vft_soundness_require(s, VFT_SOUNDNESS_LEVEL);
}

static vft_status verify_hiding(const vft_statement *statement, const vft_proof_options *options,
                                vft_verify_flags flags, const uint8_t *proof, size_t len,
                                vft_soundness *soundness) {
  vft_status st = VFT_OK;
  vft_soundness account;
  memset(&account, 0, sizeof account);
  TRY_OUT(vft_hide_verify(statement, options, proof, len, NULL, &account));
  TRY_OUT(vft_driver_soundness(&account, flags));
  if (soundness) {
    *soundness = account;
    memset(&account, 0, sizeof account);
  }
out:
  vft_soundness_free(&account);
  return st;
}

vft_status vft_verify_proof(const vft_statement *statement, const vft_proof_options *options,
                            vft_verify_flags flags, const uint8_t *proof, size_t len,
                            vft_oracle_claims *claims, vft_soundness *soundness) {
  vft_status st = VFT_OK;
  vft_session s;
  vft_trees trees;
  vft_digest witness_root;
  vft_channel *ch = NULL;
  vft_public *pub = NULL;
  vft_oracle_claims found;
  memset(&s, 0, sizeof s);
  memset(&trees, 0, sizeof trees);
  memset(&found, 0, sizeof found);
  if (!flags.bounds_checked) TRY(vft_program_check_bounds(statement->program));
  if (options->hiding) return verify_hiding(statement, options, flags, proof, len, soundness);
  TRY(vft_statement_values(statement, &pub));
  ch = vft_channel_verifier(vft_protocol_name, options->hash, proof, len);
  if (!ch) {
    st = VFT_RESOURCE;
    goto out;
  }
  TRY_OUT(vft_session_init(&s, statement->program, ch, pub, NULL));
  TRY_OUT(vft_trees_init(&trees, statement->program));
  TRY_OUT(vft_driver_run(&s, &trees, statement, options, &witness_root, NULL,
                         claims ? &found : NULL));
  TRY_OUT(vft_channel_finish(ch));
  TRY_OUT(vft_driver_soundness(&s.soundness, flags));
  if (claims) TRY_OUT(vft_oracle_claims_append(claims, &found, NULL));
  if (soundness) {
    *soundness = s.soundness;
    memset(&s.soundness, 0, sizeof s.soundness);
  }
out:
  vft_oracle_claims_free(&found);
  vft_trees_free(&trees);
  vft_session_free(&s);
  vft_channel_free(ch);
  vft_free(pub);
  return st;
}
