/* The certificate of a run, or of some of its epochs (recurse/certificate.h), and its making. */
#ifndef VFT_RUN_CERTIFICATE_H
#define VFT_RUN_CERTIFICATE_H

#include "run/files.h"
#include "run/leaf_keys.h"

typedef struct {
  uint8_t manifest[32];
  vft_cut cut;
  vft_leaf_choice choice;
  uint32_t blocks;
  uint64_t epochs, windows;
  vft_poseidon_digest *counters, *window; /* vft_free both */
  bool has_beacon;
  uint8_t beacon[32];
  uint64_t epoch, span;      /* it is about epochs epoch .. epoch + span - 1 */
  vft_poseidon_digest start; /* commitment to the state before them; zeros: the declared start */
  vft_digest released;       /* or, if it does not release an adapter (vft_run_part), a commitment
                                to the state after them */
  uint8_t header[32];  /* digest of all before `released`, as read */
  uint8_t context[32]; /* of all before `epoch`: as read, or by vft_certificate_context */
  uint8_t *proof; /* vft_free */
  size_t length;
} vft_certificate;

enum { VFT_CERTIFICATE_MAX = 1 << 28 };

VFT_MUST_CHECK vft_status vft_certificate_write(const char *path, const vft_certificate *c);
void vft_certificate_put(vft_writer *w, const vft_certificate *c);
/* Fails: VFT_REJECTED "certificate/header", VFT_USAGE (no such file, another version),
 * VFT_RESOURCE. */
VFT_MUST_CHECK vft_status vft_certificate_read(const char *path, vft_certificate *out);
void vft_certificate_free(vft_certificate *c);

/* The same from bytes. */
VFT_MUST_CHECK vft_status vft_certificate_take(const uint8_t *bytes, size_t n, vft_certificate *out);

/* The counters, windows and beacon that the certificate brings make the table blocks. Fails: VFT_REJECTED
 * "certificate/epochs", "certificate/windows", "sampler/beacon". */
VFT_MUST_CHECK vft_status vft_certificate_blocks(const vft_certificate *c, vft_aggregation *a);
/* Errors of all proofs of a chain added: the outermost one (NULL: there is none); for each leaf of
 * first .. end - 1 what it verifies, its own proof, its wrap, and a node. least: of the weakest. Fails:
 * VFT_REJECTED "soundness/bits". */
VFT_MUST_CHECK vft_status vft_chain_bits(const vft_aggregation *a, const vft_leaf_keys *keys,
                                         uint64_t first, uint64_t end, const vft_bits *outer,
                                         vft_bits *least, vft_bits *out);

/* Epochs epoch .. epoch + span - 1 of a run: their leaves, items, steps, each with the one after the
 * last, and the entries of the states before and after. */
typedef struct {
  uint64_t epoch, span, leaf[2], item[2], step[2], entry[2];
  bool releases; /* an adapter: they end the run, and the release of a cut run, which is an item of epoch
                    0, is among them */
} vft_run_part;
/* 1 <= span, epoch + span <= epochs of the run. */
vft_run_part vft_run_part_of(const vft_aggregation *a, uint64_t epoch, uint64_t span);
/* The commitment to an entry of the states. */
vft_poseidon_digest vft_state_commitment(const vft_poseidon_digest *entry, const vft_fp salt[4],
                                         const uint8_t context[32]);
/* Sets the certificate's context, that of its first fields. */
VFT_MUST_CHECK vft_status vft_certificate_context(vft_certificate *c);

/* What a verifier knows of a certificate's statement; of c are read: epoch, span, start, released, context,
 * header. The aggregation has the blocks table. */
VFT_MUST_CHECK vft_status vft_certificate_known(const vft_aggregation *a, const vft_leaf_keys *keys,
                                                const vft_certificate *c, vft_certificate_digests *out);
/* What the certificate states, for the outermost circuit. */
VFT_MUST_CHECK vft_status vft_certificate_statement(const vft_aggregation *a,
                                                    const vft_leaf_keys *keys, const vft_certificate *c,
                                                    vft_fp out[VFT_CERT_ELEMENTS]);

/* Fails: VFT_REJECTED "certificate/manifest" when it is of another one, "certificate/header" when its cut is
 * none of that one's model. */
VFT_MUST_CHECK vft_status vft_certificate_manifest(const vft_certificate *c,
                                                   const vft_manifest *manifest);

/* Verifies the proof for that manifest. a: the manifest's, to which the blocks table is added.
 * Fails: VFT_REJECTED "certificate/manifest", "certificate/epochs", "certificate/windows",
 * "certificate/start", "sampler/beacon", a check of the proof, or "soundness/bits" (the whole chain);
 * VFT_RESOURCE. */
typedef struct {
  bool cached;      /* leaves' keys */
  double keys_s, proof_ms;
  vft_run_part part;
  vft_bits least, total; /* soundness of the weakest proof of the chain; of the whole chain */
  vft_certificate_digests known;
} vft_certificate_report;
VFT_MUST_CHECK vft_status vft_certificate_verify(const vft_certificate *c, vft_aggregation *a,
                                                 vft_certificate_report *report);

/* Makes RUN/public/certificate.vft, of a run that is accepted: leaves, wraps, nodes, the outermost
 * proof; on the way, in RUN/private/aggregate, what vft fold joins (run/range.h) of each epoch. Of some
 * epochs: RUN/public/epochs_FIRST_LAST.vft. The salts of its commitments follow from a secret in
 * RUN/private/aggregate that is made with the first one.
 * A certificate, and proofs in RUN/private/aggregate, that are there and accepted are kept when
 * resuming. Shows progress; can be interrupted.
 * Fails: VFT_USAGE, VFT_REJECTED (a proof of the run), VFT_RESOURCE (also "interrupted"). */
typedef struct {
  const char *run;
  bool resume, verbose;
  bool some; /* only of epochs first .. last */
  uint64_t first, last;
  const uint32_t *pieces; /* of groups to a leaf (run/leaves.h); NULL: as many as vft_leaf_choice_default, or
                             fewer that fit `memory` */
  uint64_t memory;        /* bytes to stay within; 0: what is free */
} vft_aggregate_request;
/* all: whether it is certificate.vft that was made, these epochs being all of the run; may be NULL. */
VFT_MUST_CHECK vft_status vft_run_aggregate(const vft_aggregate_request *request, bool *all);
/* Whether a proved run has what that needs: Poseidon. Fails: as the reader of its manifest. */
VFT_MUST_CHECK vft_status vft_run_can_aggregate(const char *run, bool *can);

#endif
