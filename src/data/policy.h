/* Which records may be trained on, and which bins of the quotas they belong to. A function of
 * class, tokens and loss tokens alone: what a proof about a policy has to look at. */
#ifndef VFT_DATA_POLICY_H
#define VFT_DATA_POLICY_H

#include <jansson.h>

#include "data/dataset.h"
#include "data/policy_spec.h"

/* Why a candidate is not accepted, in the order in which it is looked for. */
typedef enum {
  VFT_ACCEPTED = 0,
  VFT_SKIP_OUTSIDE, /* the candidate is no record */
  VFT_SKIP_TIER,
  VFT_SKIP_LICENSE,
  VFT_SKIP_LANGUAGE,
  VFT_SKIP_SOURCE,
  VFT_SKIP_DOMAIN,
  VFT_SKIP_TAG,
  VFT_SKIP_NO_LOSS, /* there is no token to learn in it */
  VFT_SKIP_QUOTA,   /* eligible, and a bin of it is full */
  VFT_SKIP_FILLED,  /* the epoch has its rows: whatever the candidate is, it is not taken */
  VFT_VERDICTS
} vft_verdict;
extern const char *const vft_verdict_names[VFT_VERDICTS];

/* What a policy says about a class: ACCEPTED or a reason, and bit q of bins: every record of it
 * belongs to the bin of quota q (length bins are decided record by record). */
typedef struct {
  vft_verdict verdict;
  uint64_t bins[VFT_QUOTAS / 64];
} vft_class_verdict;
vft_class_verdict vft_policy_judge_class(const vft_policy *policy, const vft_class *c);

/* Does a record of that class belong to the bin of quota q? */
bool vft_policy_in_bin(const vft_policy *policy, const vft_class_verdict *of_class, size_t q,
                       uint32_t tokens);

/* A policy on the records of a dataset. */
typedef struct {
  const vft_policy *policy;
  vft_class_verdict *of_class;
  vft_dataset_meta *meta;
  uint64_t records, eligible;
  uint64_t members[VFT_QUOTAS]; /* eligible records in the bin of each quota */
} vft_judged;

/* Fails: VFT_USAGE naming file and line of a record without a field that the policy needs
 * (language for allow_languages and language bins, domain for domain bins); VFT_RESOURCE. */
VFT_MUST_CHECK vft_status vft_policy_judge(const vft_policy *policy, const vft_dataset *dataset,
                                           vft_judged *out);
void vft_judged_free(vft_judged *judged);
/* The verdict on record n, quotas apart. */
vft_verdict vft_judged_record(const vft_judged *judged, uint64_t n);

/* Bounds that no order of the records can beat: too few eligible ones, or bins whose ceilings
 * leave fewer than `rows`, each record taken at most once. Fails: VFT_USAGE naming the bin. */
VFT_MUST_CHECK vft_status vft_policy_feasible(const vft_judged *judged, uint64_t rows);

/* "license:MIT"; the policy as canonical JSON fields (new reference; null without a policy). */
void vft_quota_name(const vft_quota *quota, char *out, size_t size);
json_t *vft_policy_json(const vft_policy *policy);
/* In one line, for people; NULL without memory. */
char *vft_policy_words(const vft_policy *policy, vft_arena *arena);
/* What vft_policy_json wrote, with texts in canonical form only; `name` is the document's. Texts are
 * copied into the arena. Fails: VFT_REJECTED "manifest/fields", VFT_RESOURCE. */
VFT_MUST_CHECK vft_status vft_policy_parse(const json_t *value, const char *name,
                                           vft_arena *arena, vft_policy *out);
VFT_MUST_CHECK vft_status vft_policy_copy(const vft_policy *from, vft_arena *arena,
                                          vft_policy *out);

#endif
