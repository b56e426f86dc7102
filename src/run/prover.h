/* Proving shards of one run, one after another: what `vft prove` and a worker share. */
#ifndef VFT_RUN_PROVER_H
#define VFT_RUN_PROVER_H

#include "prove/prove.h"
#include "run/cut.h"
#include "run/epochs.h"
#include "run/plan.h"
#include "run/progress.h"
#include "run/proof_file.h"
#include "run/run.h"
#include "run/state.h"

typedef struct vft_prover vft_prover;
struct vft_prover {
  const vft_prove_request *request;
  const char *folder, *proofs; /* RUN/public, RUN/public/proofs */
  vft_plan plan;
  vft_shards shards;
  vft_epochs epochs;
  vft_digest *rows_root;     /* per epoch, once its proofs are there */
  vft_poseidon_digest *rows; /* vft_row_digest of epoch rows_epoch; NULL: none yet */
  uint64_t rows_epoch;
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
  vft_progress progress; /* in thousands of committed integers, a stage of proving */
  uint64_t done;         /* by the shards before this one */
  uint64_t stages;       /* of this one */
  char what[96];         /* what is at work; empty: nothing that shows progress */
};

/* One proof being made. */
typedef struct vft_proving vft_proving;
struct vft_proving {
  uint64_t step;    /* its place in the transcript (run/cut.h) */
  uint32_t shard;
  const char *name; /* in logs */
  uint64_t unit;    /* progress of a stage; 0: none is shown */
  /* Writes the file; roots are those of the program's links. */
  vft_status (*write)(const vft_prover *prover, const vft_proving *proving, const vft_digest *roots,
                      const vft_proof *proof);
  const void *what; /* for `write` */
  double begun, cpu;
};
/* Notes when work on it begins. */
void vft_proving_begin(vft_proving *proving);
/* Commits the links of a trace, proves, writes the file, adds a line to the log; roots (may be NULL)
 * receives the links'. */
VFT_MUST_CHECK vft_status vft_prover_trace(vft_prover *prover, const vft_proving *proving,
                                           const vft_step *step, const vft_trace *trace,
                                           vft_digest *roots);
/* A proof of that many units a stage is there. */
void vft_prover_done(vft_prover *prover, uint64_t unit);

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
