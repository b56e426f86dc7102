/* Exactly what of a run may leave the machine, as a folder that `vft verify` takes. */
#ifndef VFT_RUN_PUBLISH_H
#define VFT_RUN_PUBLISH_H

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"

typedef struct {
  uint64_t files, bytes;
  uint64_t step_proofs;   /* of which these reveal data */
  uint64_t left_out;      /* files of public/ that are no part of a run */
  const char *mode;       /* of the sampler */
  bool secret;
} vft_published;

/* Copies manifest, calibration text, beacon, public windows' keys, opened counters, adapter and proofs
 * (unless without_proofs) of a finished run from RUN/public to `out`, which must not exist: written
 * under another name and renamed when complete.
 * Fails: VFT_USAGE (not finished: the first thing that is missing; `out` exists), VFT_RESOURCE. */
VFT_MUST_CHECK vft_status vft_run_publish(const char *run, const char *out, bool without_proofs,
                                          vft_published *published);

#endif
