#include "vft/verify.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hash/poseidon.h"
#include "hide/verify.h"
#include "memory.h"
#include "recurse/certificate.h"
#include "recurse/outer_params.h"
#include "verify/driver.h"

_Static_assert((int)VFT_VERIFY_ACCEPTED == (int)VFT_OK &&
                   (int)VFT_VERIFY_REJECTED == (int)VFT_REJECTED &&
                   (int)VFT_VERIFY_RESOURCE == (int)VFT_RESOURCE,
               "the library's verdicts are status codes");

struct vft_verify_result {
  int verdict;
  vft_certificate_parts parts; /* zeros unless accepted */
  char check[64], error[1024];
};

/* ---- proofs ---- */

static vft_status check(const vft_fp *input, const uint8_t *proof, size_t len) {
  vft_status st = VFT_OK;
  vft_machine *m = NULL;
  int64_t **values = NULL;
  vft_soundness account;
  const vft_machine_shape shape = vft_outer_shape();
  const vft_proof_options options = vft_outer_options();
  vft_digest key;
  memcpy(key.b, vft_outer_key, sizeof key.b);
  TRY_OUT(vft_machine_build(&shape, &m));
  TRY_OUT(vft_machine_inputs(m, input, m->shape.inputs, &values));
  const vft_statement statement = {m->program, (const int64_t *const *)values, &key, NULL};
  TRY_OUT(vft_hide_verify(&statement, &options, proof, len, NULL, &account));
out:
  vft_free(values);
  vft_machine_free(m);
  return st;
}

static int finish(vft_status st, const vft_certificate_parts *parts, size_t len,
                  vft_verify_result **result) {
  if (st == VFT_RESOURCE && vft_memory_limited())
    st = vft_reject("proof/length", "%zu bytes are too few for a proof of this shape", len);
  /* a program depends on nothing but its shape */
  if (st == VFT_USAGE) st = vft_reject("circuit/shape", "%s", vft_error_message());
  if (!result) return (int)st;
  vft_verify_result *r = *result = calloc(1, sizeof *r);
  if (!r) return VFT_VERIFY_RESOURCE;
  r->verdict = (int)st;
  if (st == VFT_OK) r->parts = *parts;
  snprintf(r->check, sizeof r->check, "%s", vft_error_check());
  snprintf(r->error, sizeof r->error, "%s", vft_error_message());
  return (int)st;
}

/* ---- certificates ---- */

static vft_status certificate(const uint8_t *bytes, size_t len, bool epochs,
                              const vft_certificate_digests *known, vft_certificate_parts *parts) {
  vft_fp statement[VFT_CERT_ELEMENTS], input[VFT_OUTER_INPUTS];
  uint8_t header[32];
  vft_error_clear();
  vft_memory_limit(((uint64_t)8 << 20) + 16 * (uint64_t)len);
  vft_status st = vft_certificate_parse(bytes, bytes ? len : 0, parts);
  if (st == VFT_USAGE) st = vft_reject("certificate/header", "%s", vft_error_message());
  TRY(st);
  if (!known) return vft_reject("certificate/digests", "there are no digests");
  if (memcmp(parts->manifest, known->manifest, 32))
    return vft_reject("certificate/manifest", "the certificate belongs to another manifest");
  if (!epochs && (known->first || known->releases != 1)) /* only all epochs have both */
    return vft_reject("certificate/epochs", "it is about some epochs of a run");
  TRY(vft_certificate_elements(known, parts->released, statement));
  vft_certificate_header(bytes, parts, header);
  if (memcmp(header, known->header, sizeof header))
    return vft_reject("certificate/header", "cut, counters, windows or beacon are not those "
                      "that the digests were computed from");
  vft_outer_inputs(statement, input);
  return check(input, parts->proof, parts->length);
}

int vft_verify_certificate(const uint8_t *bytes, size_t len, const vft_certificate_digests *known,
                           vft_verify_result **result) {
  vft_certificate_parts parts;
  return finish(certificate(bytes, len, false, known, &parts), &parts, len, result);
}

int vft_verify_epochs(const uint8_t *bytes, size_t len, const vft_certificate_digests *known,
                      vft_verify_result **result) {
  vft_certificate_parts parts;
  return finish(certificate(bytes, len, true, known, &parts), &parts, len, result);
}

/* ---- results ---- */

void vft_verify_free(vft_verify_result *result) { free(result); }

int vft_verify_verdict(const vft_verify_result *r) { return r ? r->verdict : VFT_VERIFY_RESOURCE; }
const char *vft_verify_check(const vft_verify_result *r) { return r ? r->check : ""; }
const char *vft_verify_error(const vft_verify_result *r) { return r ? r->error : "out of memory"; }
unsigned vft_verify_soundness_bits(const vft_verify_result *r) {
  return r && r->verdict == VFT_VERIFY_ACCEPTED ? vft_outer_bits : 0;
}

const uint8_t *vft_verify_released(const vft_verify_result *r) { return r ? r->parts.released : NULL; }
const uint8_t *vft_verify_manifest(const vft_verify_result *r) {
  return r ? r->parts.manifest : NULL;
}
const uint8_t *vft_verify_beacon(const vft_verify_result *r) { return r ? r->parts.beacon : NULL; }
const uint8_t *vft_verify_counters(const vft_verify_result *r, size_t *n) {
  *n = r ? (size_t)(r->parts.epochs * r->parts.blocks) : 0;
  return r ? r->parts.counters : NULL;
}
const uint8_t *vft_verify_windows(const vft_verify_result *r, size_t *n) {
  *n = r ? (size_t)r->parts.windows : 0;
  return r ? r->parts.window : NULL;
}
