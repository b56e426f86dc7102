/* What a run will take, before any of its work: `vft estimate`. */
#ifndef VFT_RUN_ESTIMATE_H
#define VFT_RUN_ESTIMATE_H

#include <stdint.h>

#include "run/cut.h"

/* The tree of proofs up to a certificate. */
typedef struct {
  uint64_t leaves;   /* 0: the run has no certificate */
  double seconds;    /* of vft aggregate, its verification of the run apart */
  uint64_t memory_bytes; /* of its greatest leaf, with keys that wait */
} vft_aggregate_cost;

typedef struct {
  uint64_t steps;
  vft_cut cut;
  uint32_t shards;         /* of a step */
  uint64_t memory_bytes;   /* highest use of the prover */
  uint64_t proof_bytes;    /* of all files in proofs/ */
  uint64_t disk_bytes;     /* of the run folder: proofs, checkpoints, adapter */
  double train_seconds, prove_seconds; /* prove: steps, release and opening */
  double open_seconds;     /* the opening of the oracles alone */
  uint64_t committed;      /* integers a step, all shards */
  uint64_t lookups;
  vft_aggregate_cost aggregate;
} vft_estimate;

/* Plans the run as `vft run` would (nothing that stays is written), executes its first step and times a small
 * proof on this machine. memory as in vft_prove_request;
 * data: folder of a finished commitment, or NULL: a temporary one, unless the configuration names it.
 * Fails: VFT_USAGE (configuration), VFT_RESOURCE. */
VFT_MUST_CHECK vft_status vft_run_estimate(const char *config, const char *data, uint64_t memory,
                                           vft_estimate *out);

#endif
