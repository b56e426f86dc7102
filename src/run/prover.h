/* Proving shards of one run, one after another: what `vft prove` and a worker share. */
#ifndef VFT_RUN_PROVER_H
#define VFT_RUN_PROVER_H

#include "run/cut.h"
#include "run/plan.h"
#include "run/progress.h"
#include "run/proof_file.h"
#include "run/run.h"
#include "run/state.h"

typedef struct {
  const vft_prove_request *request;
  const char *folder, *proofs; /* RUN/public, RUN/public/proofs */
  vft_plan plan;
  vft_shards shards;
  size_t resident;   /* bytes in use before the first shard */
  size_t budget;     /* bytes beyond these */
  vft_engine engine; /* its trainer holds the values of step `at` - 1 when `holds` */
  vft_state state;   /* after `at` steps, when known */
  vft_state before;  /* of the step that the trainer holds (cut runs) */
  uint64_t at;
  bool known, holds;
  vft_batch batch; /* of the step being proved */
  vft_oracle_claims claims;
  vft_slots slots;
  vft_progress progress; /* in units of vft_prover_work */
  uint64_t done;         /* by the shards before this one */
  uint64_t stages;       /* of this one */
  char what[96];         /* the shard at work; empty: none of a step */
} vft_prover;

/* Opens the run and takes the cut that is there (request->resume) or chooses one and writes it.
 * The request must outlive the prover; close it in any case.
 * Fails: VFT_USAGE (not trained to its end), VFT_RESOURCE, VFT_REJECTED (shards.json). */
VFT_MUST_CHECK vft_status vft_prover_open(vft_prover *prover, const vft_prove_request *request);
void vft_prover_close(vft_prover *prover);
/* Executes step t as far as needed, proves the shard, writes its file; the roots of its links go to
 * `roots`, its oracle claims are appended to prover->claims. */
VFT_MUST_CHECK vft_status vft_prover_shard(vft_prover *prover, uint64_t t, uint32_t shard,
                                           vft_digest roots[VFT_PROOF_LINKS]);

#endif
