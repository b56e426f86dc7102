/* What a run declares about its data: the committed dataset, the policy, the sampler. It is part of
 * the manifest; who has it and a record's class, tokens and loss tokens knows the verdict on the
 * record, and who has an epoch's key knows its candidates. */
#ifndef VFT_DATA_SAMPLING_H
#define VFT_DATA_SAMPLING_H

#include <jansson.h>

#include "data/dataset.h"
#include "data/policy.h"
#include "data/sampler.h"

#define VFT_SAMPLER_ALGORITHM "vft sampler v1"
#define VFT_SAMPLING_FORMAT "vft-sampling/2"

typedef struct {
  vft_arena arena;
  vft_poseidon_digest root; /* c_D */
  uint64_t records, tier_records[VFT_TIERS], tier_first[VFT_TIERS];
  vft_poseidon_digest tree[VFT_TIERS]; /* of the leaves, all of height `height`; zero for an empty
                                          tier */
  unsigned height;
  uint64_t sequence_len;
  vft_text_rule text_rule;
  uint8_t proc[32];                 /* how text became tokens (data/processing.h) */
  vft_class **class_list;           /* every class of the dataset, by number */
  vft_poseidon_digest *class_digest;
  vft_class_verdict *class_verdict; /* under the policy; as vft_policy_judge */
  size_t classes;
  vft_policy policy;
  vft_sampler_mode mode;
  int window, public_every; /* public_every: hybrid, else 0 */
  bool replacement;
  uint64_t seed;                       /* PUBLIC mode */
  vft_poseidon_digest seed_commitment; /* else */
  bool has_beacon;
  const char *beacon_source, *beacon_format; /* when has_beacon: what is declared of it */
  uint64_t beacon_round;
  bool beacon_known; /* the value, which the declaration does not name */
  uint8_t beacon[32];
  uint64_t records_a_step, steps_per_epoch; /* rows of an epoch = their product */
  uint64_t candidates;                      /* of an epoch; those beyond are never looked at */
} vft_sampling;

/* What configuration and dataset declare, and the verdicts on the dataset's records.
 * Rules: steps_per_epoch: as many whole steps as there are eligible records, or max_steps if that is
 * less; candidates_per_epoch: four times the rows of an epoch, as a multiple of 64, and without
 * replacement no more than the order has.
 * `judged` points into `out`, which must stay where it is; vft_judged_free.
 * Fails: VFT_USAGE (a field that the policy needs is missing; not one step; ceilings that leave less
 *   than an epoch takes), VFT_RESOURCE. */
VFT_MUST_CHECK vft_status vft_sampling_make(const vft_config *config, const vft_dataset *dataset,
                                            vft_sampling *out, vft_judged *judged);
void vft_sampling_free(vft_sampling *sampling);

/* Steps of a run of this configuration: max_steps, or num_epochs epochs. */
uint64_t vft_sampling_steps(const vft_sampling *sampling, const vft_config *config);
/* Epochs of a run of `steps` steps, the last of which may be shorter than the others. */
uint64_t vft_sampling_epochs(const vft_sampling *sampling, uint64_t steps);
/* Rows of an epoch of it. */
uint64_t vft_sampling_rows(const vft_sampling *sampling, uint64_t steps, uint64_t epoch);

/* The manifest's objects `dataset`, `policy` and `sampler`; new references. */
VFT_MUST_CHECK vft_status vft_sampling_json(const vft_sampling *sampling, json_t **dataset,
                                            json_t **policy, json_t **sampler);
/* Reads them back, strictly: what is accepted is written again as the same JSON. c_D is computed
 * from the tiers. The beacon's value is not known. `name` is the document's.
 * Fails: VFT_REJECTED "manifest/fields", "manifest/dataset" (c_D is not that of its tiers),
 *   VFT_RESOURCE. */
VFT_MUST_CHECK vft_status vft_sampling_parse(const json_t *dataset, const json_t *policy,
                                             const json_t *sampler, const char *name,
                                             vft_sampling *out);
/* {"format", "dataset", "policy", "sampler"} in canonical JSON (vft_free): its SHA-256 stands for
 * the manifest where there is none yet. */
VFT_MUST_CHECK vft_status vft_sampling_declaration(const vft_sampling *sampling, char **text,
                                                   size_t *length);

/* ---- keys ---- */

/* Is the key of the window for everyone? */
bool vft_sampling_public(const vft_sampling *sampling, uint64_t window);
/* The secret that the declaration commits to, if this dataset has it. */
bool vft_sampling_secret(const vft_sampling *sampling, const vft_dataset *dataset,
                         uint8_t secret[32]);
/* S, the effective seed. manifest: its digest; secret: what vft_sampling_secret gives, not read in
 * the mode PUBLIC. Requires: beacon_known, if there is a beacon. */
vft_poseidon_digest vft_sampling_master(const vft_sampling *sampling, const uint8_t manifest[32],
                                        const uint8_t secret[32]);
vft_order vft_sampling_order(const vft_sampling *sampling, const vft_poseidon_digest *epoch_key);

#endif
