/* The manifest: one canonical JSON document (RFC 8785) that fixes everything a run may choose.
 * Its SHA-256 is h_Pi, a public input of every proof; every constant a proof uses is derived from
 * it, by trainer and verifier with the same code. docs/FORMATS.md describes the fields,
 * docs/manifest.schema.json is their JSON schema. */
#ifndef VFT_RUN_MANIFEST_H
#define VFT_RUN_MANIFEST_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "data/config.h"
#include "data/sampling.h"
#include "hash/blake3.h"
#include "program/profile.h"

#define VFT_MANIFEST_FORMAT "vft-manifest/2"
#define VFT_PROTOCOL_NAME "vft-step/3"
#define VFT_CALIBRATION_B "16 * learning_rate"
enum { VFT_SECURITY_BITS = 128, VFT_STEPS_MAX = 1 << 24 };

typedef struct {
  char *name, *type;   /* file name without folder; record form */
  uint64_t bytes;
  uint8_t sha256[32];
  uint64_t records;    /* records read; those with a loss token within sequence_len are used */
  uint64_t used;
} vft_manifest_source;

typedef struct {
  vft_arena arena; /* owns the strings */

  /* base model */
  vft_model_file *file;
  size_t files;
  uint8_t model_digest[32];
  vft_digest h0;        /* identity of the integer model (run/derive.h) */
  vft_digest base_root; /* tree of its weights, which h0 is made from */

  /* text to tokens */
  uint8_t tokenizer_digest[32], template_digest[32];
  const char *template_name, *system; /* system: NULL when none is added */
  vft_manifest_source *source;
  size_t sources;
  int32_t pad_id;

  /* data: the commitment, which records are taken of it, in which order */
  vft_sampling sampling;

  /* program */
  vft_step_shape shape;
  vft_profile profile;
  int alpha;
  uint64_t seed;
  const char *learning_rate, *weight_decay, *max_grad_norm, *beta1, *beta2, *epsilon;
  vft_schedule_kind schedule;
  uint64_t warmup_steps, steps;

  /* calibration */
  uint8_t calibration_sha256[32];
  int calibration_sequences, calibration_positions;
  const char *calibration_b; /* amplitude of B: a rule, VFT_CALIBRATION_B */

  /* proof system */
  unsigned log_columns;
  vft_digest program, tables, initial_adapter, initial_state;

  uint8_t digest[32]; /* h_Pi */
  char *text;         /* the canonical bytes */
  size_t length;
} vft_manifest;

/* Encodes the fields into text, length, digest. Fails: VFT_USAGE, VFT_RESOURCE. */
VFT_MUST_CHECK vft_status vft_manifest_encode(vft_manifest *manifest);
/* Parses canonical bytes; strict: every field present, no other. `name` is for messages.
 * Fails: VFT_REJECTED ("manifest/..."), VFT_USAGE (another version's), VFT_RESOURCE. */
VFT_MUST_CHECK vft_status vft_manifest_parse(const char *text, size_t length, const char *name,
                                             vft_manifest *out);
VFT_MUST_CHECK vft_status vft_manifest_load(const char *path, vft_manifest *out);
void vft_manifest_free(vft_manifest *manifest);

/* Lower-case hexadecimal. */
void vft_hex(const uint8_t *bytes, size_t n, char *text);
/* Fails with VFT_USAGE unless text is exactly 2n lower-case hexadecimal digits. */
VFT_MUST_CHECK vft_status vft_unhex(const char *text, uint8_t *bytes, size_t n);

/* Are the derived integers what the decimal texts say? (beta1_q16, D2, clip, alpha/r)
 * Fails: VFT_REJECTED "manifest/constants". */
VFT_MUST_CHECK vft_status vft_manifest_check_constants(const vft_manifest *manifest);

/* Integer constants of the optimiser from the decimal texts, into shape. Fails: VFT_USAGE. */
VFT_MUST_CHECK vft_status vft_manifest_set_constants(vft_step_shape *shape, const char *beta1,
                                                     const char *beta2, const char *clip,
                                                     int alpha, int rank);

#endif
