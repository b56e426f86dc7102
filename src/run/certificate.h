/* The certificate of a run (recurse/certificate.h), and its making. */
#ifndef VFT_RUN_CERTIFICATE_H
#define VFT_RUN_CERTIFICATE_H

#include "run/leaf_keys.h"

typedef struct {
  uint8_t manifest[32];
  uint32_t steps, blocks;
  uint64_t epochs, windows;
  vft_poseidon_digest *counters, *window; /* vft_free both */
  bool has_beacon;
  uint8_t beacon[32];
  vft_digest released;
  uint8_t *proof; /* vft_free */
  size_t length;
} vft_certificate;

enum { VFT_CERTIFICATE_MAX = 1 << 28 };

VFT_MUST_CHECK vft_status vft_certificate_write(const char *path, const vft_certificate *c);
/* Fails: VFT_REJECTED ("certificate/missing", "certificate/header"), VFT_USAGE (another version),
 * VFT_RESOURCE. */
VFT_MUST_CHECK vft_status vft_certificate_read(const char *path, vft_certificate *out);
void vft_certificate_free(vft_certificate *c);

/* What a verifier knows of a certificate's statement. The aggregation has the blocks table. */
void vft_certificate_known(const vft_aggregation *a, const vft_leaf_keys *keys,
                           vft_certificate_digests *out);
/* What the certificate states, for the outermost circuit. */
VFT_MUST_CHECK vft_status vft_certificate_statement(const vft_aggregation *a,
                                                    const vft_leaf_keys *keys,
                                                    const vft_digest *released,
                                                    vft_fp out[VFT_CERT_ELEMENTS]);

/* Verifies the proof for that manifest. a: the manifest's, to which the blocks table is added.
 * Fails: VFT_REJECTED "certificate/manifest", "certificate/epochs", "certificate/windows",
 * "sampler/beacon", or a check of the proof; VFT_RESOURCE. */
typedef struct {
  bool cached;      /* leaves' keys */
  double keys_s, proof_ms;
  uint64_t leaves;
  vft_bits outer, total; /* soundness of the outermost proof; of the whole chain */
  vft_certificate_digests known;
} vft_certificate_report;
VFT_MUST_CHECK vft_status vft_certificate_verify(const vft_certificate *c, vft_aggregation *a,
                                                 vft_certificate_report *report);

/* Makes RUN/public/certificate.vft: leaves, wraps, nodes, the outermost proof. Proofs that are there in
 * RUN/private/aggregate and are accepted are kept when resuming. Shows progress; can be interrupted.
 * Fails: VFT_USAGE, VFT_REJECTED (a proof of the run), VFT_RESOURCE (also "interrupted"). */
typedef struct {
  const char *run;
  bool resume, verbose;
} vft_aggregate_request;
VFT_MUST_CHECK vft_status vft_run_aggregate(const vft_aggregate_request *request);

#endif
