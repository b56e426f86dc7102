/* Proofs of some epochs of a run, one after the other, that can still be joined: what vft aggregate
 * makes on its way and vft fold joins. They are not hiding: a proof of the nodes' shape, and roots that
 * the prover else keeps for himself. For others there are certificates of epochs (run/certificate.h).
 *
 *   "VFTRANG1" | u32 version 3 | u64 epoch | u64 epochs | u64 first item | u64 item after the last |
 *   common digest (32) | u32 kind | u32 keys | keys of the wraps (32 each) | roots of the tables
 *   states, rows, counters, places, claims (32 each) | before the first epoch's first step and after the
 *   last one's last: leaf of states (32), its 24 siblings (32 each) | a certificate
 *   (recurse/certificate.h) whose epochs, commitment and released root are zeros and whose proof is over
 *   the items: of a node (kind 0), or, where they are one leaf, of its wrap, under key kind - 1 */
#ifndef VFT_RUN_RANGE_H
#define VFT_RUN_RANGE_H

#include "run/certificate.h"
#include "run/tree.h"

enum { VFT_RANGE_VERSION = 3 };

typedef struct {
  uint64_t epoch, epochs, first, end;
  vft_poseidon_digest common;
  uint32_t kind; /* vft_range */
  uint32_t nkeys;
  vft_poseidon_digest key[VFT_LEAF_KINDS];
  vft_poseidon_digest table[VFT_RUN_TABLES - VFT_RUN_STATES];
  struct {
    vft_poseidon_digest leaf, sibling[VFT_TABLE_LOG];
  } state[2];
  vft_certificate head; /* owns the proof */
} vft_epochs_certificate;

/* That of a range of a run; head and proof are borrowed. */
VFT_MUST_CHECK vft_status vft_epochs_certificate_of(const vft_aggregation *a,
                                                    const vft_leaf_keys *keys,
                                                    const vft_certificate *head, uint64_t epoch,
                                                    uint64_t epochs, const vft_range *range,
                                                    vft_epochs_certificate *out);
VFT_MUST_CHECK vft_status vft_epochs_certificate_write(const char *path,
                                                       const vft_epochs_certificate *c);
/* Fails: VFT_REJECTED "certificate/header", VFT_USAGE (no such file, another version), VFT_RESOURCE. */
VFT_MUST_CHECK vft_status vft_epochs_certificate_read(const char *path, vft_epochs_certificate *out);
void vft_epochs_certificate_free(vft_epochs_certificate *c);
/* Whether the file begins like one. */
bool vft_epochs_certificate_is(const char *path);

/* Verifies it for the manifest of `a`, to which the blocks table is added. Fails: VFT_REJECTED as
 * vft_certificate_verify, and "range/epochs", "range/items", "range/keys", "range/common", "range/state",
 * "start/adapter" (epoch 0 that does not begin with the declared start). */
typedef struct {
  bool cached;
  double keys_s, proof_ms;
  vft_run_part part;
  vft_bits least, total;
} vft_range_report;
VFT_MUST_CHECK vft_status vft_epochs_certificate_verify(const vft_epochs_certificate *c,
                                                        vft_aggregation *a,
                                                        vft_range_report *report);

/* Joins certificates of epochs a .. b - 1 and b .. c - 1 of one run: both proofs are verified under the
 * keys and roots that they name, which must be the same. Fails: VFT_REJECTED ("range/other": not of one
 * run; "range/gap": not neighbours; or a proof), VFT_USAGE, VFT_RESOURCE. */
VFT_MUST_CHECK vft_status vft_fold(const char *first, const char *second, const char *out,
                                   bool verbose);

#endif
