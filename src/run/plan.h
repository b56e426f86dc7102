/* The plan of a run: everything that configuration, model file and committed records determine,
 * before the first step. `vft_plan_make` reads them and writes the manifest; `vft_plan_open` takes the
 * manifest of a run folder and reads them again, checked against it. */
#ifndef VFT_RUN_PLAN_H
#define VFT_RUN_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/mem.h"
#include "base/status.h"
#include "data/processing.h"
#include "data/sampling.h"
#include "program/step.h"
#include "program/weights.h"
#include "run/files.h"
#include "run/manifest.h"

#define VFT_RUN_FORMAT "vft-run/2"

typedef struct vft_plan_rows vft_plan_rows;

typedef struct {
  vft_arena arena;
  vft_manifest manifest;
  vft_step *step;
  vft_weights weights;        /* empty unless asked for */
  const char *base_model;     /* absolute path */
  vft_tokenizer *tokenizer;   /* NULL unless asked for; with records that of `processing` */
  vft_template tmpl;
  int context;                /* of the base model's pretraining */
  /* The records, unless not asked for: */
  vft_dataset dataset;        /* open when dataset.db is not NULL */
  const char *data;           /* its folder, absolute; NULL: RUN/private/data */
  vft_processing processing;  /* how its texts become tokens */
  vft_judged judged;          /* its records under the manifest's policy */
  bool has_secret;            /* the sampler's secret; in the mode PUBLIC there is none */
  uint8_t secret[32];
  vft_plan_rows *rows;        /* a cache: those of the epoch that was asked for last */
  vft_bytes config;           /* the configuration's text */
  vft_bytes calibration;      /* the calibration text */
} vft_plan;

/* Where the committed records are, and what is known of the beacon. */
typedef struct {
  const char *data;   /* folder of a finished commitment; NULL: the configuration's
                         dataset_prepared_path, if it has one */
  const char *commit; /* without either: commit to the records in this folder, or go on there */
  bool temporary;     /* or in a file that is gone with the plan */
  const char *beacon; /* value of the beacon, 64 digits; NULL: the configuration's, if it has one */
  bool samples;       /* a declared beacon must have its value; without it what depends on the order
                         of the records is not checked */
} vft_plan_request;

/* Reads the configuration and all that it names, commits to the records or takes the commitment
 * that is there, calibrates, builds and checks the program, commits the oracles and the start,
 * encodes the manifest, and sees that every epoch can be filled under the policy.
 * Fails: VFT_USAGE (configuration, model, records, a commitment of others, rows that cannot be
 *   filled), VFT_RESOURCE. */
VFT_MUST_CHECK vft_status vft_plan_make(const char *config, const vft_plan_request *request,
                                        vft_plan *out);

/* Creates the run folder: public/manifest.json (written last), public/calibration.txt,
 * public/beacon.json with a beacon, public/windows.json in hybrid mode, private/config.yaml,
 * private/run.json. Fails: VFT_USAGE, VFT_RESOURCE. */
VFT_MUST_CHECK vft_status vft_plan_write(const vft_plan *plan, const char *run);

enum {
  VFT_PLAN_WEIGHTS = 1,
  VFT_PLAN_RECORDS = 2,  /* dataset, its sources, how they become tokens */
  VFT_PLAN_TOKENIZER = 4,
  VFT_PLAN_DATASET = 8   /* the dataset without its sources: epochs, no batches */
};
/* Opens a run folder. `parts` says what to read besides manifest and program. The records are those
 * of the commitment that the run was planned with, whose sources must not have changed.
 * Fails: VFT_USAGE (no run there, another version, model or records changed), VFT_REJECTED (a
 * manifest that is not valid; "sampler/beacon"), VFT_RESOURCE. */
VFT_MUST_CHECK vft_status vft_plan_open(const char *run, unsigned parts, vft_plan *out);
void vft_plan_free(vft_plan *plan);

/* How much the calibration reads for records of `sequence_len` positions: sequences of at most 128
 * positions, at least four, and at least 1024 positions in all. */
void vft_plan_calibration_extent(int sequence_len, int *sequences, int *positions);
/* The exponents by the published rule from model and calibration text, for the shape and seed of
 * `manifest` (whose profile is not read): profile must be zero-initialised.
 * Fails: VFT_USAGE, VFT_RESOURCE. */
VFT_MUST_CHECK vft_status vft_plan_calibrate(const vft_manifest *manifest, const vft_model *model,
                                             const vft_tokenizer *tokenizer,
                                             const vft_template *tmpl, const char *text,
                                             size_t length, vft_profile *profile);

/* One step's data: rows of `positions` token ids, labels (the next tokens) and loss mask, right
 * padded outside the loss. */
typedef struct {
  size_t sequences, positions;
  int64_t *input, *label, *mask; /* [sequences][positions] */
  uint64_t *record;              /* numbers of the records in the dataset */
  uint32_t *tokens;              /* of the records, and the digests of their raw texts: what their */
  uint8_t (*raw)[32];            /* content digests have beside the rows */
  size_t loss_tokens;
} vft_batch;
VFT_MUST_CHECK vft_status vft_batch_alloc(const vft_manifest *manifest, vft_batch *batch);
void vft_batch_free(vft_batch *batch);
/* One sample as row s. */
void vft_batch_put(const vft_manifest *manifest, vft_batch *batch, size_t s,
                   const vft_sample *sample);
/* Rows t B .. t B + B - 1 of its epoch, B records a step. Requires vft_batch_alloc and the plan's
 * records; one call at a time for a plan. */
VFT_MUST_CHECK vft_status vft_plan_batch(const vft_plan *plan, uint64_t t, vft_batch *batch);

/* ---- epochs ---- */

/* The keys of an epoch. */
typedef struct {
  uint64_t epoch, window;
  bool is_public; /* the window's key is for everyone */
  vft_poseidon_digest window_key, key;
} vft_plan_key;
/* Fails: VFT_USAGE (the secret of the sampler is not in the dataset). */
VFT_MUST_CHECK vft_status vft_plan_epoch_key(const vft_plan *plan, uint64_t epoch,
                                             vft_plan_key *out);

/* All candidates of an epoch, in order. */
typedef struct {
  vft_plan_key key;
  uint64_t candidates, rows;
  uint64_t *record; /* [candidates]; a number >= sampling.records: none */
  uint8_t *verdict; /* [candidates], vft_verdict; VFT_SKIP_FILLED once the rows are filled */
} vft_plan_epoch_list;
VFT_MUST_CHECK vft_status vft_plan_epoch(const vft_plan *plan, uint64_t epoch,
                                         vft_plan_epoch_list *out);
void vft_plan_epoch_list_free(vft_plan_epoch_list *list);
/* Under a key from elsewhere (a published window). */
VFT_MUST_CHECK vft_status vft_plan_epoch_under(const vft_plan *plan, const vft_plan_key *key,
                                               vft_plan_epoch_list *out);

/* Paths inside a run folder; NULL without memory. */
char *vft_run_path(vft_arena *arena, const char *run, const char *name);

#endif
