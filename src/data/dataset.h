/* The dataset commitment: a private SQLite file with a row a record, made from the sources of a
 * configuration, and what is read from it. Formats: docs/FORMATS.md, "Dataset folder". */
#ifndef VFT_DATA_DATASET_H
#define VFT_DATA_DATASET_H

#include <jansson.h>

#include "data/processing.h"

/* What a long operation reports to and asks; all may be NULL. */
typedef struct {
  vft_status (*keep_going)(void *ctx); /* anything but VFT_OK stops between two batches */
  void (*progress)(void *ctx, uint64_t bytes, uint64_t total_bytes, uint64_t records);
  void *ctx;
} vft_dataset_hooks;

/* Commits to the records of the configuration's sources in the file `path`, or goes on with an
 * unfinished commitment there; a finished one of the same configuration and sources is left as it
 * is. Batches are transactions: a killed process loses one batch at most. Memory is bounded by a
 * batch and the list of classes. `master`: 32 bytes as the master secret instead of the operating
 * system's randomness; for tests, else NULL.
 * Fails: VFT_USAGE (a commitment of another configuration, a source that changed since the
 *   commitment was begun, bad records), VFT_RESOURCE (disk, memory, a stop). */
VFT_MUST_CHECK vft_status vft_dataset_commit(const vft_config *config, const char *path,
                                             const uint8_t *master,
                                             const vft_dataset_hooks *hooks);

typedef struct {
  const char *path, *type;
  vft_tier tier;
  uint64_t bytes, first, records;
  /* Of the records with a token to learn: those longer than sequence_len; bytes of their text that
   * the vocabulary has no token for. */
  uint64_t cut, dropped;
  uint8_t sha256[32];
} vft_dataset_source;

typedef struct vft_dataset vft_dataset;
/* A finished commitment, as written: nothing is recomputed. Fields beyond `sources` are private
 * to the module. */
struct vft_dataset {
  vft_arena arena;
  const char *path;
  const char *config_json;
  uint8_t master[32]; /* the secret that the salts come from */
  size_t sequence_len;
  int32_t pad_id;
  const char *text_rule;
  uint8_t proc[32], template_digest[32], tokenizer_digest[32];
  uint64_t records, tier_records[VFT_TIERS], tier_first[VFT_TIERS];
  unsigned height; /* of the trees of all tiers */
  vft_poseidon_digest root, tier_root[VFT_TIERS];
  vft_poseidon_digest tree[VFT_TIERS]; /* what a tier's root hashes; zero without records */
  uint64_t duplicates, duplicate[2]; /* records equal to an earlier one; the first such pair */
  vft_class_list classes;
  vft_dataset_source *source;
  size_t sources;
  void *db;
};
/* Fails: VFT_USAGE (no such file, unfinished, not a commitment), VFT_RESOURCE. */
VFT_MUST_CHECK vft_status vft_dataset_open(const char *path, vft_dataset *out);
void vft_dataset_close(vft_dataset *dataset);

/* The row of record n and its source. Fails: VFT_USAGE (n too large, unreadable). */
VFT_MUST_CHECK vft_status vft_dataset_row(const vft_dataset *dataset, uint64_t n, vft_row *row,
                                          size_t *source);
/* The JSON text of its source's object (NUL-terminated, vft_free), if the source is the one that
 * was committed. Fails: VFT_USAGE naming expected and actual digest. */
VFT_MUST_CHECK vft_status vft_dataset_text(const vft_dataset *dataset, uint64_t n, char **text);
/* Is it about these records, processed this way, and are their sources what was committed to?
 * Fails: VFT_USAGE naming expected and actual digest. */
VFT_MUST_CHECK vft_status vft_dataset_matches(const vft_dataset *dataset,
                                              const vft_processing *processing);
/* Are the sources what was committed to? Fails: VFT_USAGE naming expected and actual digest. */
VFT_MUST_CHECK vft_status vft_dataset_sources_check(const vft_dataset *dataset);
/* The tokens of record n, read from its source: exactly those that its leaf commits to
 * (vft_sample_free); row and raw, the digest of its text, when not NULL. Requires: `processing` is
 * the dataset's. Fails: VFT_USAGE (its content digest is another one, or unreadable). */
VFT_MUST_CHECK vft_status vft_dataset_sample(const vft_dataset *dataset,
                                             const vft_processing *processing, uint64_t n,
                                             vft_sample *sample, vft_row *row, uint8_t *raw);
/* Siblings of record n's leaf, from the leaves up: *height of them, at most 64. */
VFT_MUST_CHECK vft_status vft_dataset_path(const vft_dataset *dataset, uint64_t n,
                                           vft_poseidon_digest *siblings, unsigned *height);
vft_tier vft_dataset_tier_of(const vft_dataset *dataset, uint64_t n);

/* Class, tokens and loss tokens of all records, in order. */
typedef struct {
  uint32_t class_number, tokens, loss_tokens;
} vft_dataset_meta;
VFT_MUST_CHECK vft_status vft_dataset_metadata(const vft_dataset *dataset,
                                               vft_dataset_meta **out); /* vft_free */

/* Computes everything again from the sources. Fails: VFT_REJECTED: "data/source" (a source
 * changed: expected and actual digest), "data/processing" (tokenizer, template or model
 * changed), "data/record" (the row of a record), "data/count", "data/tree" (the roots);
 * VFT_USAGE (a source or the model is missing), VFT_RESOURCE. */
VFT_MUST_CHECK vft_status vft_dataset_check(const vft_dataset *dataset,
                                            const vft_dataset_hooks *hooks);

/* How many records and tokens have each source, licence, language, domain and tag:
 * {"source": {name: {"records", "tokens"}}, "license": ..., "language", "domain", "tag"}. */
VFT_MUST_CHECK vft_status vft_dataset_counts(const vft_dataset *dataset, json_t **out);

/* The public description; `counts`: an object with those of the counts that the owner publishes,
 * or NULL. Canonical JSON, vft_free. */
VFT_MUST_CHECK vft_status vft_dataset_public(const vft_dataset *dataset, const json_t *counts,
                                             char **text, size_t *length);

#endif
