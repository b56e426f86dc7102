/* Which records the sampler gives a run, computed again and compared with the training log and with
 * what the proofs are about. */
#ifndef VFT_RUN_SAMPLER_REPLAY_H
#define VFT_RUN_SAMPLER_REPLAY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"

typedef struct {
  uint64_t epoch, window;
  bool is_public;
  bool replayed;        /* false: private, and the sampler's secret is not in the dataset */
  uint64_t first_step, steps, records_a_step;
  uint64_t *record;     /* [steps][records_a_step], as the sampler gives them */
  uint64_t logged;      /* steps of it that the log has */
  bool equal;           /* to those in the log */
  bool proved;          /* there is a proof of the epoch, and it is about these rows */
} vft_replayed_epoch;

/* Of one epoch of RUN, or of all (epoch = UINT64_MAX). Reads the manifest, the dataset folder and
 * private/log.jsonl; the key of a public window comes from public/windows.json when the secret is
 * not there. `show` sees each epoch.
 * Fails: VFT_REJECTED "sampler/replay" (a step was trained on other records, or the log is not one),
 *   "sampler/rows" (the epoch's proofs are about other rows),
 *   "sampler/windows", "sampler/beacon"; VFT_USAGE (no such epoch; one that was asked for is private
 *   and the secret is not there); VFT_RESOURCE. */
VFT_MUST_CHECK vft_status vft_run_sampler_replay(const char *run, uint64_t epoch,
                                                 vft_status (*show)(void *ctx,
                                                                    const vft_replayed_epoch *),
                                                 void *ctx);

#endif
