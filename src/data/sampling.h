/* placeholder until merge */
#ifndef VFT_DATA_SAMPLING_H
#define VFT_DATA_SAMPLING_H
#include "data/policy.h"
#include "data/sampler.h"
typedef struct {
  vft_arena arena;
  vft_poseidon_digest root;
  uint64_t records, tier_records[VFT_TIERS], tier_first[VFT_TIERS];
  vft_poseidon_digest tree[VFT_TIERS];
  unsigned height;
  uint64_t sequence_len;
  vft_class **class_list;
  vft_poseidon_digest *class_digest;
  vft_class_verdict *class_verdict;
  size_t classes;
  vft_policy policy;
  vft_sampler_mode mode;
  int window, public_every;
  bool replacement;
  uint64_t seed;
  vft_poseidon_digest seed_commitment;
  bool has_beacon;
  uint8_t beacon[32];
  const char *beacon_source, *beacon_format;
  uint64_t beacon_round;
  uint64_t records_a_step, steps_per_epoch;
  uint64_t candidates;
} vft_sampling;
#endif
