#include "verify/verify.h"

#include <string.h>

#include "hide/verify.h"
#include "verify/open.h"

vft_proof_options vft_proof_options_recursive(void) {
  return (vft_proof_options){.log_inv_rate = 1, .bits = 130, .grind = 16,
                             .hash = VFT_HASH_POSEIDON, .test_queries = 0};
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
