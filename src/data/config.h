/* The user's configuration: one YAML file whose keys read like those of the popular fine-tuning
 * tools. Parsing is strict: an unknown key is an error that names the nearest known one; a value
 * that the integer arithmetic cannot express is refused with the nearest that it can.
 *
 * Decimal values stay text: they are parsed exactly by model/fixmath and copied into the
 * manifest as written (in canonical decimal form). */
#ifndef VFT_DATA_CONFIG_H
#define VFT_DATA_CONFIG_H

#include <stddef.h>
#include <stdint.h>

#include "base/mem.h"
#include "base/status.h"
#include "data/canonical_text.h"
#include "data/leaf.h"
#include "data/policy_spec.h"
#include "hash/kind.h"

typedef enum { VFT_SCHEDULE_COSINE, VFT_SCHEDULE_LINEAR, VFT_SCHEDULE_CONSTANT } vft_schedule_kind;

typedef struct {
  const char *path;
  const char *type; /* "auto", "alpaca", "sharegpt", "messages", "self_instruct" */
  /* What records that do not say it themselves have; NULL: nothing. The licence is in canonical
   * SPDX form. Tags are added to those of every record. */
  const char *source, *license, *language, *domain;
  const char **tags;
  size_t ntags;
  vft_tier tier;
} vft_config_dataset;

typedef enum { VFT_SAMPLER_PUBLIC, VFT_SAMPLER_PRIVATE, VFT_SAMPLER_HYBRID } vft_sampler_mode;
extern const char *const vft_sampler_mode_names[3]; /* "public", "private", "hybrid" */

/* How candidates follow one another (data/sampler.h). */
typedef struct {
  bool given;
  vft_sampler_mode mode;
  int window, public_every; /* epochs a window; every how manyth window is public (hybrid) */
  bool replacement;
  int steps_per_epoch;      /* 0: all eligible records, in whole steps */
  int candidates_per_epoch; /* 0: four times the rows */
  bool has_beacon;
  /* Where the public random value is to come from; the value itself may be given later. */
  const char *beacon_source, *beacon_format;
  uint64_t beacon_round;
  bool beacon_known;
  uint8_t beacon[32];
} vft_sampler_config;
/* 64 lower-case hexadecimal digits. False for anything else. */
bool vft_beacon_value(const char *text, uint8_t value[32]);

typedef struct {
  vft_arena arena;
  const char *file;        /* the configuration's path, for messages */
  const char *base_model;  /* path */
  size_t ndatasets;
  vft_config_dataset *datasets;
  const char *dataset_prepared_path; /* folder of their commitment; NULL: none named */
  const char *calibration_text; /* path; NULL: the built-in public text */
  const char *chat_template;    /* "chatml" */
  const char *system;           /* system message added when a record has none; NULL: none */
  vft_text_rule text_rule;      /* how a message's text is made canonical for the commitment */
  int sequence_len;             /* label positions a record may contribute */
  int micro_batch_size, gradient_accumulation_steps; /* a step trains on their product */
  int lora_r, lora_alpha;       /* alpha / r is a power of two */
  unsigned targets;             /* bit p: projection p (VFT_Q ...) carries LoRA */
  const char *learning_rate, *weight_decay, *max_grad_norm; /* max_grad_norm "0": no clipping */
  const char *adam_beta1, *adam_beta2, *adam_epsilon;
  int64_t beta2_denominator;    /* D2, beta2 = 1 - 1/D2 */
  vft_schedule_kind schedule;
  const char *warmup_ratio;     /* one of warmup_ratio and warmup_steps; default "0" */
  int warmup_steps;             /* -1: from warmup_ratio */
  int num_epochs, max_steps;    /* max_steps > 0 wins; else num_epochs */
  uint64_t seed;
  vft_hash_kind proof_hash;
  vft_policy policy;
  vft_sampler_config sampler;
} vft_config;

/* Reads and checks. Paths inside are taken relative to the configuration's folder and returned
 * joined. Fails: VFT_USAGE with "file:line: key: what was expected". */
VFT_MUST_CHECK vft_status vft_config_load(const char *path, vft_config *config);
void vft_config_free(vft_config *config);

/* The commented starting configuration that `vft init` writes. */
extern const char vft_config_template[];

/* Names of the projections as PEFT writes them, in the order VFT_Q, ... VFT_DOWN. */
extern const char *const vft_projection_names[7];

#endif
