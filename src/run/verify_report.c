#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "run/files.h"
#include "run/manifest.h"
#include "run/verify.h"

const char *const vft_claim_names[VFT_CLAIMS] = {"manifest", "start",       "steps",   "oracles",
                                                 "model",    "calibration", "adapter", "dataset",
                                                 "sampler",  "policy"};

static const char *const meaning[VFT_CLAIMS] = {
    "the manifest is canonical and complete",
    "training starts as declared",
    "every training step was computed exactly as declared",
    "every step used the declared base weights and tables",
    "the base model is the given one",
    "the arithmetic's exponents follow the published rule",
    "the adapter is the one that the last step produced",
    "every example is one of the declared dataset",
    "examples were drawn by the declared sampler, no other way",
    "every example is allowed and no quota was passed"};

void vft_verify_report_free(vft_verify_report *r) {
  vft_arena_free(&r->arena);
  memset(r, 0, sizeof *r);
}

static void digest_line(FILE *out, const char *name, const uint8_t *b) {
  char hex[65];
  vft_hex(b, 32, hex);
  fprintf(out, "  %-8s %s\n", name, hex);
}

void vft_verify_report_print(const vft_verify_report *r, vft_status verdict, bool verbose,
                             FILE *out) {
  if (!r->has_manifest) return;
  static const char *const state[] = {
      [VFT_NOT_CHECKED] = "NOT CHECKED", [VFT_PART] = "PART", [VFT_CHECKED] = "OK"};
  for (int c = 0; c < VFT_CLAIMS; c++)
    fprintf(out, "%-12s %-55s (%s)\n", state[r->claim[c].state], meaning[c], r->claim[c].detail);
  digest_line(out, "h_Pi", r->h_pi);
  digest_line(out, "h0", r->h0.b);
  if (r->has_h_t) digest_line(out, "h_T", r->h_t.b);
  if (r->commits[0]) digest_line(out, "before", r->commitment[0]);
  if (r->commits[1]) digest_line(out, "after", r->commitment[1]);
  if (verbose) {
    digest_line(out, "program", r->program.b);
    digest_line(out, "tables", r->tables.b);
    if (r->soundness) fputs(r->soundness, out);
  }
  if (r->bits_least > 0)
    fprintf(out, "%.1f proven bits a proof, %.1f for all proofs together; %.1f MB of proofs\n",
            r->bits_least, r->bits_total, (double)r->proof_bytes / 1e6);
  if (verdict == VFT_OK && r->part)
    fprintf(out, "accepted, of epochs %llu to %llu alone: %llu steps in %.1f s\n",
            (unsigned long long)r->epochs[0], (unsigned long long)r->epochs[1],
            (unsigned long long)r->steps, r->seconds);
  else if (verdict == VFT_OK)
    fprintf(out, "accepted: %llu steps in %.1f s\n", (unsigned long long)r->steps, r->seconds);
  else if (verdict == VFT_REJECTED)
    fprintf(out, "REJECTED\n");
}

static json_t *hex(const uint8_t *b) {
  char text[65];
  vft_hex(b, 32, text);
  return json_string(text);
}

vft_status vft_verify_report_json(const vft_verify_report *r, vft_status verdict, FILE *out) {
  json_t *claims = json_object(), *root = json_object();
  for (int c = 0; c < VFT_CLAIMS; c++)
    json_object_set_new(claims, vft_claim_names[c],
                        json_pack("{s:s, s:s}", "state",
                                  r->claim[c].state == VFT_CHECKED ? "ok"
                                  : r->claim[c].state == VFT_PART  ? "part"
                                                                   : "not checked",
                                  "detail", r->claim[c].detail));
  json_object_set_new(root, "verdict",
                      json_string(verdict == VFT_OK         ? "accepted"
                                  : verdict == VFT_REJECTED ? "rejected"
                                                            : "error"));
  json_object_set_new(root, "claims", claims);
  if (verdict != VFT_OK) {
    json_object_set_new(root, "check", json_string(vft_error_check()));
    json_object_set_new(root, "message", json_string(vft_error_message()));
  }
  if (r->has_manifest) {
    json_object_set_new(root, "h_Pi", hex(r->h_pi));
    json_object_set_new(root, "h0", hex(r->h0.b));
    json_object_set_new(root, "steps", json_integer((json_int_t)r->steps));
  }
  if (r->has_h_t) json_object_set_new(root, "h_T", hex(r->h_t.b));
  if (r->part)
    json_object_set_new(root, "epochs", json_pack("[I, I]", (json_int_t)r->epochs[0],
                                                  (json_int_t)r->epochs[1]));
  if (r->commits[0]) json_object_set_new(root, "state_before", hex(r->commitment[0]));
  if (r->commits[1]) json_object_set_new(root, "state_after", hex(r->commitment[1]));
  if (r->bits_least > 0) {
    json_object_set_new(root, "bits_per_proof", json_real(r->bits_least));
    json_object_set_new(root, "bits_total", json_real(r->bits_total));
  }
  json_object_set_new(root, "proof_bytes", json_integer((json_int_t)r->proof_bytes));
  json_object_set_new(root, "seconds", json_real(r->seconds));
  json_object_set_new(root, "slowest_shard_ms", json_real(r->slowest_shard_ms));
  int failed = json_dumpf(root, out, JSON_INDENT(2) | JSON_REAL_PRECISION(9));
  json_decref(root);
  if (failed) return vft_fail(VFT_RESOURCE, "cannot write the report");
  fputc('\n', out);
  return VFT_OK;
}

vft_status vft_verify_report_digests(const vft_verify_report *r, const char *path) {
  const vft_certificate_digests *d = &r->digests;
  if (!r->has_digests) return vft_fail(VFT_USAGE, "%s: there is no certificate", path);
  json_t *root = json_object();
  json_object_set_new(root, "keys", hex(d->keys));
  json_object_set_new(root, "manifest", hex(d->manifest));
  json_object_set_new(root, "steps", json_integer((json_int_t)d->steps));
  json_object_set_new(root, "first", json_integer((json_int_t)d->first));
  json_object_set_new(root, "end", json_integer((json_int_t)d->end));
  json_object_set_new(root, "start_entry", json_integer((json_int_t)d->start_entry));
  json_object_set_new(root, "end_entry", json_integer((json_int_t)d->end_entry));
  json_object_set_new(root, "releases", json_integer((json_int_t)d->releases));
  json_object_set_new(root, "base", hex(d->base));
  json_object_set_new(root, "functions", hex(d->functions));
  json_object_set_new(root, "inputs", hex(d->inputs));
  json_object_set_new(root, "blocks", hex(d->blocks));
  json_object_set_new(root, "start", hex(d->start));
  json_object_set_new(root, "context", hex(d->context));
  json_object_set_new(root, "header", hex(d->header));
  char *text = json_dumps(root, JSON_INDENT(2));
  json_decref(root);
  if (!text) return vft_fail(VFT_RESOURCE, "cannot write %s", path);
  vft_status st = vft_file_write(path, text, strlen(text));
  free(text);
  return st;
}
