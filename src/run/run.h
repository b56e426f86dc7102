/* The jobs on a run folder: train, prove, replay, evaluate, export. Everything is resumable and
 * every file is written whole or not at all.
 *
 *   public/   manifest.json, calibration.txt, beacon.json, windows.json, proofs/, adapter/,
 *             certificate.vft: what `vft verify` reads
 *   private/  config.yaml, run.json (paths), data/ (a dataset folder), checkpoints/, aggregate/,
 *             log.jsonl (a line a step), batches.jsonl, schedule.jsonl, init_adapter/ */
#ifndef VFT_RUN_RUN_H
#define VFT_RUN_RUN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/status.h"
#include "hash/blake3.h"

typedef struct {
  const char *config; /* configuration file */
  const char *run;    /* run folder, created when missing */
  const char *data;   /* as in vft_plan_request; without any commitment named, the run makes its own
                         in private/data */
  const char *beacon; /* likewise */
  bool resume;        /* go on with what is there */
  bool parity_files;  /* also write what bench/parity.py reads */
  bool proves;        /* stop before training when `memory` cannot prove a step */
  uint64_t memory;    /* as in vft_prove_request */
} vft_train_request;

/* Trains from the newest checkpoint to the manifest's last step and writes the adapter to
 * public/adapter. Fails: VFT_USAGE (a run is there already and resume is not asked for, or it has
 * another configuration), VFT_RESOURCE (overflow, disk, interrupted). */
VFT_MUST_CHECK vft_status vft_run_train(const vft_train_request *request);

typedef struct {
  const char *run;
  bool resume;     /* keep the proofs that are there and verify, and their cut */
  bool verbose;    /* print the seconds and the memory of each stage to stderr */
  uint64_t memory; /* bytes that the process may take; 0: nine tenths of what is free */
  bool cut;        /* layers in `ranges` ranges (0: steps uncut) instead of what fits the memory */
  int ranges;
  int join;       /* so many whole steps in a proof; 0: what fits the memory, with `cut` one */
} vft_prove_request;
/* Proves every step by executing it again, cut into shards that fit the memory (run/cut.h), then
 * the release of the adapter and the opening of the oracles.
 * Fails: VFT_USAGE (the run is not trained to its end), VFT_RESOURCE. */
VFT_MUST_CHECK vft_status vft_run_prove(const vft_prove_request *request);

/* Instead of proving: one file a shard without a proof, JOBS/step_NNNNNN_SHARD.json, for
 * vft_run_worker. `written` receives their number.
 *   {"format": "vft-job/1", "run": absolute path, "shard": name, "step": number} */
VFT_MUST_CHECK vft_status vft_run_jobs(const vft_prove_request *request, const char *folder,
                                       uint64_t *written);
/* Proves the shard that a job file names, from the run's public description and private folder
 * alone; nothing is done when a proof that verifies is there. Any number of workers may run side by
 * side; vft_run_prove with resume then joins what they made.
 * Fails: VFT_USAGE (the job file; a run without shards.json), VFT_RESOURCE. */
VFT_MUST_CHECK vft_status vft_run_worker(const char *job, uint64_t memory, bool verbose,
                                         bool *was_there);

typedef struct {
  uint64_t steps;
  vft_digest state; /* vft_state_digest after the last step */
  vft_digest h_t;
} vft_replay_result;
/* Executes training again from the records alone. Every step must reach the digest in
 * private/log.jsonl and the last one the released adapter. Fails: VFT_REJECTED ("replay/state",
 * "replay/adapter", "replay/log"), VFT_USAGE, VFT_RESOURCE. */
VFT_MUST_CHECK vft_status vft_run_replay(const char *run, vft_replay_result *out);

enum { VFT_ECE_BINS = 15 };
typedef struct {
  uint64_t tokens;    /* loss tokens */
  double loss;        /* mean negative log-likelihood in nats */
  double perplexity;  /* exp(loss) */
  double ece;         /* expected calibration error of the most probable token, 0..1 */
  /* Tokens whose most probable token has a probability of more than b / 15, at most (b + 1) / 15: their
   * number, the mean of these probabilities, the fraction of these tokens that are right; 0 without. */
  struct {
    uint64_t tokens;
    double confidence, accuracy;
  } bin[VFT_ECE_BINS];
} vft_evaluation;
/* The integer engine on held-out records, with the initial adapter (= the base model) and with the
 * trained one. `data`: a file of records; longer ones are cut as in training.
 * heldout: when not NULL, the tokenised records are written there for bench/parity.py. */
VFT_MUST_CHECK vft_status vft_run_evaluate(const char *run, const char *data, const char *heldout,
                                           vft_evaluation *before, vft_evaluation *after);

/* Writes the PEFT folder of the finished run. Fails: VFT_USAGE (not trained to its end). */
VFT_MUST_CHECK vft_status vft_run_export(const char *run, const char *dir, vft_digest *h_t);

#endif
