/* libvft_bind: the library's calls, over the readers and derivations of run/. Everything of run/
 * that they need is called from here. */
#include "vft/bind.h"

#include <stdio.h>
#include <string.h>

#include "model/source.h"
#include "run/derive.h"
#include "run/verify.h"

_Static_assert((int)VFT_BIND_OK == (int)VFT_OK && (int)VFT_BIND_REJECTED == (int)VFT_REJECTED &&
                   (int)VFT_BIND_USAGE == (int)VFT_USAGE &&
                   (int)VFT_BIND_RESOURCE == (int)VFT_RESOURCE,
               "the library's results are status codes");

static int finish(vft_status st, vft_bind_error *error) {
  st = vft_settle(st);
  if (error) {
    bool failed = st != VFT_OK;
    snprintf(error->check, sizeof error->check, "%s", failed ? vft_error_check() : "");
    snprintf(error->message, sizeof error->message, "%s", failed ? vft_error_message() : "");
  }
  return (int)st;
}

/* A manifest and the program that it declares. */
typedef struct {
  vft_manifest m;
  vft_step *step;
} declared;

static void forget(declared *d) {
  vft_step_free(d->step);
  vft_manifest_free(&d->m);
}

/* forget follows, also after a failure. */
static vft_status load(const char *path, declared *d) {
  memset(d, 0, sizeof *d);
  TRY(vft_manifest_load(path, &d->m));
  TRY(vft_derive_from_manifest(&d->m, &d->step));
  vft_digest h0 = vft_derive_h0(d->step, d->m.base_root), adapter, state;
  if (memcmp(h0.b, d->m.h0.b, sizeof h0.b))
    return vft_reject("manifest/h0",
                      "%s: h0 does not belong to architecture, weight exponents and root", path);
  TRY(vft_derive_initial(d->step, d->m.seed, &adapter, &state));
  if (memcmp(adapter.b, d->m.initial_adapter.b, sizeof adapter.b))
    return vft_reject("start/adapter", "%s: the initial adapter is not A of its seed and B = 0",
                      path);
  if (memcmp(state.b, d->m.initial_state.b, sizeof state.b))
    return vft_reject("start/state", "%s: the initial moments are not zero", path);
  return VFT_OK;
}

int vft_bind_manifest(const char *manifest, vft_bind_declared *out, vft_bind_error *error) {
  declared d;
  vft_error_clear();
  vft_status st = load(manifest, &d);
  if (st == VFT_OK) {
    memcpy(out->manifest, d.m.digest, sizeof out->manifest);
    memcpy(out->h0, d.m.h0.b, sizeof out->h0);
    out->steps = d.m.steps;
  }
  forget(&d);
  return finish(st, error);
}

/* epochs: NULL, those of all epochs alone. */
static int bind(const char *manifest, const char *certificate, uint64_t epochs[2],
                vft_certificate_digests *digests, vft_bind_error *error) {
  vft_verify_report report;
  vft_arena arena = {NULL};
  vft_error_clear();
  const char *slash = strrchr(manifest, '/');
  const char *folder = ".";
  if (slash) folder = vft_arena_printf(&arena, "%.*s/", (int)(slash - manifest), manifest);
  if (!folder) return finish(VFT_RESOURCE, error);
  const vft_verify_request request = {.folder = folder, .certificate = certificate,
                                      .manifest = manifest};
  vft_status st = vft_run_verify(&request, &report);
  if (st == VFT_OK && !report.has_digests)
    st = vft_reject("certificate/header", "%s: a proof that vft fold joins, no certificate", certificate);
  if (st == VFT_OK && !epochs && report.part)
    st = vft_reject("certificate/epochs", "%s: a certificate of epochs %llu to %llu, not of a run",
                    certificate, (unsigned long long)report.epochs[0], (unsigned long long)report.epochs[1]);
  if (st == VFT_OK) *digests = report.digests;
  if (st == VFT_OK && epochs) memcpy(epochs, report.epochs, sizeof report.epochs);
  vft_verify_report_free(&report);
  vft_arena_free(&arena);
  return finish(st, error);
}

int vft_bind_certificate(const char *manifest, const char *certificate,
                         vft_certificate_digests *digests, vft_bind_error *error) {
  return bind(manifest, certificate, NULL, digests, error);
}

int vft_bind_epochs(const char *manifest, const char *certificate, uint64_t epochs[2],
                    vft_certificate_digests *digests, vft_bind_error *error) {
  return bind(manifest, certificate, epochs, digests, error);
}

static vft_status model_h0(const declared *d, const char *path, uint8_t h0[32]) {
  vft_status st = VFT_OK;
  vft_model model;
  vft_weights weights = {0};
  vft_commitment *base = NULL;
  TRY(vft_model_load(path, &model));
  if (!vft_step_shape_has_arch(&d->m.shape, &model.arch)) {
    st = vft_reject("model/architecture", "%s: not the manifest's architecture", path);
    goto out;
  }
  st = vft_weights_quantise(&model, &d->m.shape, &d->m.profile, &weights);
  if (st == VFT_USAGE) st = vft_reject("model/h0", "%s", vft_error_message());
  if (st != VFT_OK) goto out;
  TRY_OUT(vft_derive_base(d->step, &weights, &base));
  vft_digest h = vft_derive_h0(d->step, vft_commitment_root(base));
  memcpy(h0, h.b, sizeof h.b);
out:
  vft_commitment_free(base);
  vft_weights_free(&weights);
  vft_model_free(&model);
  return st;
}

int vft_bind_model(const char *manifest, const char *model, uint8_t h0[32], vft_bind_error *error) {
  declared d;
  vft_error_clear();
  vft_status st = load(manifest, &d);
  if (st == VFT_OK) st = model_h0(&d, model, h0);
  forget(&d);
  return finish(st, error);
}

static vft_status adapter_root(const declared *d, const char *folder, vft_digest *root) {
  vft_adapter shape = vft_derive_adapter_shape(d->step), adapter;
  TRY(vft_peft_read(folder, &shape, &adapter));
  vft_status st = VFT_OK;
  if (adapter.rank != d->m.shape.rank)
    st = vft_reject("adapter/rank", "%s: rank %d, the manifest says %d", folder, adapter.rank,
                    d->m.shape.rank);
  else if (adapter.alpha != d->m.alpha)
    st = vft_reject("adapter/alpha", "%s: lora_alpha %d, the manifest says %d", folder,
                    adapter.alpha, d->m.alpha);
  else if (adapter.targets != d->m.shape.adapted)
    st = vft_reject("adapter/targets", "%s: other target modules than the manifest's", folder);
  else
    st = vft_derive_adapter_root(d->step, &adapter, root);
  vft_adapter_free(&adapter);
  return st;
}

int vft_bind_adapter(const char *manifest, const char *folder, uint8_t h_t[32],
                     uint8_t released[32], vft_bind_error *error) {
  declared d;
  vft_digest root;
  vft_error_clear();
  vft_status st = load(manifest, &d);
  if (st == VFT_OK) st = adapter_root(&d, folder, &root);
  if (st == VFT_OK) {
    vft_digest h = vft_derive_h_t(root, d.m.shape.rank, d.m.alpha, d.m.shape.adapted);
    memcpy(h_t, h.b, sizeof h.b);
    memcpy(released, root.b, sizeof root.b);
  }
  forget(&d);
  return finish(st, error);
}
