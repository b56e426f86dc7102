/* The plan of a run: everything that configuration, model file and records determine, before the
 * first step. `vft_plan_make` reads them and writes the manifest; `vft_plan_open` takes the
 * manifest of a run folder and reads them again, checked against it. */
#ifndef VFT_RUN_PLAN_H
#define VFT_RUN_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/mem.h"
#include "base/status.h"
#include "data/records.h"
#include "program/step.h"
#include "program/weights.h"
#include "run/files.h"
#include "run/manifest.h"

#define VFT_RUN_FORMAT "vft-run/1"

typedef struct {
  const char *path;
  vft_records_format format;
  vft_records records;
  vft_samples samples;
} vft_plan_source;

typedef struct {
  vft_arena arena;
  vft_manifest manifest;
  vft_step *step;
  vft_weights weights;        /* empty unless asked for */
  const char *base_model;     /* absolute path */
  vft_tokenizer *tokenizer;   /* NULL unless asked for */
  vft_template tmpl;
  int context;                /* of the base model's pretraining */
  vft_plan_source *source;
  size_t sources;
  const vft_sample **sample;  /* of all sources, in order: what the sampler's indices mean */
  const char **language;      /* of their records, NULL where not given */
  size_t samples;
  vft_bytes config;           /* the configuration's text */
  vft_bytes calibration;      /* the calibration text */
} vft_plan;

/* Reads the configuration and all that it names, calibrates, builds and checks the program,
 * commits the oracles and the start, encodes the manifest.
 * Fails: VFT_USAGE (configuration, model, records), VFT_RESOURCE. */
VFT_MUST_CHECK vft_status vft_plan_make(const char *config, vft_plan *out);

/* Creates the run folder: public/manifest.json (written last), public/calibration.txt,
 * private/config.yaml, private/run.json. Fails: VFT_USAGE, VFT_RESOURCE. */
VFT_MUST_CHECK vft_status vft_plan_write(const vft_plan *plan, const char *run);

enum { VFT_PLAN_WEIGHTS = 1, VFT_PLAN_RECORDS = 2, VFT_PLAN_TOKENIZER = 4 };
/* Opens a run folder. `parts` says what to read besides manifest and program.
 * Fails: VFT_USAGE (no run there, another version, model or records changed), VFT_REJECTED (a
 * manifest that is not valid), VFT_RESOURCE. */
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
  uint32_t *record;              /* indices into plan->sample */
  size_t loss_tokens;
} vft_batch;
VFT_MUST_CHECK vft_status vft_batch_alloc(const vft_manifest *manifest, vft_batch *batch);
void vft_batch_free(vft_batch *batch);
/* One sample as row s. */
void vft_batch_put(const vft_manifest *manifest, vft_batch *batch, size_t s,
                   const vft_sample *sample);
/* Step t. Requires vft_batch_alloc and the plan's records. */
VFT_MUST_CHECK vft_status vft_plan_batch(const vft_plan *plan, uint64_t t, vft_batch *batch);

/* Paths inside a run folder; NULL without memory. */
char *vft_run_path(vft_arena *arena, const char *run, const char *name);

#endif
