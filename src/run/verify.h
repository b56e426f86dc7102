/* Verification of a finished run from its public folder alone: the manifest, the proofs, and --
 * when given -- the model file and the released adapter. */
#ifndef VFT_RUN_VERIFY_H
#define VFT_RUN_VERIFY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/mem.h"
#include "base/status.h"
#include "hash/blake3.h"
#include "verify/verify.h"
#include "vft/verify.h"

typedef enum {
  VFT_CLAIM_MANIFEST,    /* canonical, complete; its program is the one it declares */
  VFT_CLAIM_START,       /* step 0 begins with the declared A, B = 0, moments 0 */
  VFT_CLAIM_STEPS,       /* every step once, in order, each proof accepted, each continuing the
                            one before */
  VFT_CLAIM_ORACLES,     /* all proofs used the base weights under h0 and the declared tables */
  VFT_CLAIM_MODEL,       /* h0 is that of the model file (or the given h0) */
  VFT_CLAIM_CALIBRATION, /* the exponents follow the published rule */
  VFT_CLAIM_ADAPTER,     /* the released adapter is the last step's */
  VFT_CLAIM_DATASET,     /* every example is a leaf of the declared dataset */
  VFT_CLAIM_SAMPLER,     /* drawn by the declared sampler, in its order, all and no other */
  VFT_CLAIM_POLICY,      /* each allowed, no quota passed in any epoch */
  VFT_CLAIMS
} vft_claim;
extern const char *const vft_claim_names[VFT_CLAIMS];

/* VFT_PART: of the epochs that a certificate is about; not what `require` asks for. */
typedef enum { VFT_NOT_CHECKED = 0, VFT_PART, VFT_CHECKED } vft_claim_state;

typedef struct {
  const char *folder;  /* RUN/public; with a certificate: where calibration.txt and counters are looked
                          for, the manifest's folder */
  const char *certificate; /* verify this file instead of a folder's proofs; NULL: none */
  const char *manifest;    /* NULL: FOLDER/manifest.json */
  const char *model;   /* model file or folder, or 64 hexadecimal digits of h0; NULL: none */
  const char *adapter; /* PEFT folder; NULL: FOLDER/adapter when it is there, with a certificate none */
  unsigned require;    /* bit c: claim c must be checked */
  /* Of a folder's proofs of steps: called for each that is accepted and joins those before it, in order (run/cut.h),
   * with the roots of its links and the claims on oracles that it leaves; then for the release, as shard 1 of
   * step T, without claims. What it fails with ends the verification. NULL: nobody asks. */
  vft_status (*proof)(void *ctx, uint64_t t, uint32_t shard, const vft_digest *link,
                      const vft_oracle_claims *claims);
  void *proof_ctx;
} vft_verify_request;

typedef struct {
  vft_arena arena;
  struct {
    vft_claim_state state;
    const char *detail; /* what was compared, or what is missing */
  } claim[VFT_CLAIMS];
  uint8_t h_pi[32];
  vft_digest h0, h_t, program, tables;
  bool has_manifest, has_h_t;
  uint64_t steps, proof_bytes; /* steps that were verified */
  bool part;                   /* of some epochs only: epochs[0] to epochs[1] */
  uint64_t epochs[2];          /* of a certificate */
  uint64_t run_epochs;         /* of its run, all of them */
  bool commits[2];             /* a certificate of some epochs: to the state before, after */
  uint8_t commitment[2][32];   /* each that of a neighbour's other side */
  double seconds, slowest_shard_ms;
  double bits_least, bits_total; /* of the weakest proof; union bound over all */
  bool has_digests;              /* what libvft_verify needs for the certificate */
  vft_certificate_digests digests;
  char *soundness;               /* account of one step proof and of the opening, as text */
} vft_verify_report;

/* VFT_OK: every claim that was checked holds and every required one was checked. The report is
 * filled as far as verification came; free it in any case.
 * Fails: VFT_REJECTED with the id of the failed check ("require/CLAIM" for a missing one),
 * VFT_USAGE (missing files, unsupported version), VFT_RESOURCE. */
VFT_MUST_CHECK vft_status vft_run_verify(const vft_verify_request *request,
                                         vft_verify_report *report);
/* Several certificates of epochs, each but the first beginning with the state with which the one
 * before ends: request.certificate is one after the other. What holds of all epochs is checked, and no
 * part, if they begin with the first and end with the last. Fails as above, and VFT_REJECTED
 * "chain/run", "chain/gap", "chain/state", "chain/certificate" (none), "soundness/bits" (of them
 * together). */
VFT_MUST_CHECK vft_status vft_run_verify_chain(const vft_verify_request *request,
                                               const char *const *certificate, size_t n,
                                               vft_verify_report *report);
/* Fails VFT_REJECTED "require/CLAIM" for the first one that was not checked. */
VFT_MUST_CHECK vft_status vft_verify_required(const vft_verify_report *report, unsigned require);
void vft_verify_report_free(vft_verify_report *report);

/* For people: a line a claim. `verbose`: digests and the soundness account too. */
void vft_verify_report_print(const vft_verify_report *report, vft_status verdict, bool verbose,
                             FILE *out);
/* One JSON object. */
VFT_MUST_CHECK vft_status vft_verify_report_json(const vft_verify_report *report,
                                                 vft_status verdict, FILE *out);
/* The certificate's digests as a JSON file, for bindings/wasm/verify.mjs: the fields of
 * vft_certificate_digests. Fails VFT_USAGE when the report has none. */
VFT_MUST_CHECK vft_status vft_verify_report_digests(const vft_verify_report *report,
                                                    const char *path);

#endif
