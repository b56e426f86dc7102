/* Opening one counter of a run and nothing else. The last block of an epoch publishes the digest of
 * its counters (program/epoch.h), each salted; a file PUBLIC/counters/epoch_NNNNNN_quota_QQQ.json
 * opens one of them:
 *   {"bin", "counter", "epoch", "format": "vft-counter/1", "leaves": [digests of all counters],
 *    "manifest": h_Pi, "quota": its number, "salt", "unit": "examples" or "tokens"} */
#ifndef VFT_RUN_DISCLOSE_H
#define VFT_RUN_DISCLOSE_H

#include "run/epochs.h"

#define VFT_COUNTER_FORMAT "vft-counter/1"

/* Opens the quotas whose bin is `bin` ("tag:medical", or "medical" whatever the kind), at the end of
 * `epoch`, or of all epochs (UINT64_MAX). say: called for each file.
 * Fails: VFT_USAGE (no such quota: names the ones there are; no such epoch), VFT_RESOURCE. */
VFT_MUST_CHECK vft_status vft_run_disclose(const char *run, const char *bin, uint64_t epoch,
                                           void (*say)(void *ctx, const char *path,
                                                       const char *name, uint64_t epoch,
                                                       uint64_t counter, const vft_quota *quota),
                                           void *ctx);

/* Checks every file of FOLDER/counters, of epochs part[0] .. part[1] (NULL: of all), against the epochs'
 * digests; words (may be NULL) receives
 * what they say, in one line, "" without any.
 * Fails: VFT_REJECTED "counter/file" (malformed, of another run, epoch or quota), "counter/digest"
 * (not the counter that was proved). */
VFT_MUST_CHECK vft_status vft_counters_check(const char *folder, const vft_manifest *manifest,
                                             const vft_epochs *epochs,
                                             const vft_poseidon_digest *digest, const uint64_t part[2],
                                             vft_arena *arena, const char **words);

#endif
