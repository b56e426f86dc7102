/* What a configuration says about eligibility, quotas and sampling; data/policy.h gives it
 * meaning. */
#ifndef VFT_DATA_POLICY_SPEC_H
#define VFT_DATA_POLICY_SPEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { VFT_QUOTAS = 256 };

typedef enum {
  VFT_BIN_LICENSE,
  VFT_BIN_SOURCE,
  VFT_BIN_LANGUAGE,
  VFT_BIN_DOMAIN,
  VFT_BIN_TIER,
  VFT_BIN_TAG,
  VFT_BIN_LENGTH,
  VFT_BIN_KINDS
} vft_bin_kind;
extern const char *const vft_bin_kind_names[VFT_BIN_KINDS];

/* At most `ceiling` examples, or tokens, of the bin in an epoch. */
typedef struct {
  vft_bin_kind kind;
  const char *value;      /* canonical; the text after the colon */
  uint32_t shortest, longest; /* VFT_BIN_LENGTH: tokens, inclusive */
  bool tokens;
  uint64_t ceiling;       /* below 2^48 */
} vft_quota;

/* A list that is absent allows everything, except that a policy without allow_licenses refuses
 * NOASSERTION and NONE. Texts are canonical, as in a class. */
typedef struct {
  bool given; /* false: no policy, every record with a token to learn is eligible */
  bool any_license, any_language;
  const char **licenses, **languages, **deny_tags, **deny_sources, **deny_domains;
  size_t nlicenses, nlanguages, ndeny_tags, ndeny_sources, ndeny_domains;
  unsigned tiers; /* bit t: tier t is allowed */
  vft_quota quota[VFT_QUOTAS];
  size_t quotas;
} vft_policy;

#endif
