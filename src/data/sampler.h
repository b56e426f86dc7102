/* Which records an epoch trains on, in which order: candidates follow a keyed order; one is
 * accepted exactly when it is eligible and no bin of it would pass its ceiling; accepted ones are
 * the rows of the steps. Definitions to the byte: docs/SPEC.md, section 14. */
#ifndef VFT_DATA_SAMPLER_H
#define VFT_DATA_SAMPLER_H

#include "data/config.h"
#include "data/policy.h"

/* ---- keys ---- */

/* The sampler's secret: BLAKE3("vft sampler secret v1" 0x00 | master secret of the dataset), and
 * what is published about it. */
void vft_sampler_secret(const uint8_t master[32], uint8_t secret[32]);
vft_poseidon_digest vft_sampler_commitment(const uint8_t secret[32]);

/* The master key: everything about a run that may influence the order. `manifest`: digest of
 * what the run declares; `seed`: a public seed as le64 and zeros, or the secret; beacon: NULL
 * without one. */
vft_poseidon_digest vft_sampler_master(const uint8_t manifest[32], bool secret,
                                       const uint8_t seed[32], const uint8_t *beacon);
/* H(master | w): one-way, so that the key of a window can be shown without the others. */
vft_poseidon_digest vft_sampler_window(const vft_poseidon_digest *master, uint64_t window);
vft_poseidon_digest vft_sampler_epoch_key(const vft_poseidon_digest *window, uint64_t epoch);

/* ---- order ---- */

/* Without replacement: candidates 0 .. a^2 - 1, a the least with a^2 >= N; candidate c is
 * perm(c), a permutation of 0 .. a^2 - 1; from N on it is no record. So an epoch visits every
 * record at most once, with one evaluation a candidate: skipping values that are no records gives
 * the order that walking along cycles would not, but one as uniform, without a loop in a
 * circuit, for less than 2 sqrt(N) + 1 candidates more.
 * With replacement: candidate c is draw(c). */
typedef struct {
  vft_poseidon_digest key;
  uint64_t records, side; /* side = a */
  bool replacement;
} vft_order;
/* Requires 1 <= records <= 2^40. */
vft_order vft_order_make(const vft_poseidon_digest *key, uint64_t records, bool replacement);
/* As many as there can be of any use: all of the permutation, or 64 max(N, rows) draws. */
uint64_t vft_order_candidates(const vft_order *order, uint64_t rows);
/* out[i] = record of candidate first + i, or a number >= records. In parallel. */
void vft_order_take(const vft_order *order, uint64_t first, size_t count, uint64_t *out);

/* ---- an epoch ---- */

typedef struct {
  uint64_t candidate, record;
  vft_verdict verdict;
  size_t quota;            /* QUOTA: the first one that is full for it */
  const uint64_t *counter; /* after it, of every quota */
} vft_candidate;

typedef struct {
  uint64_t accepted, candidates;
  uint64_t counter[VFT_QUOTAS];
  uint64_t blocked[VFT_QUOTAS]; /* candidates that each quota refused (as the first full one) */
} vft_epoch_result;

/* Goes through the first `candidates` candidates until `rows` are accepted; counters begin at 0.
 * `visit` (or NULL) sees every candidate in order.
 * Fails: VFT_USAGE when the candidates do not fill the rows: with the number that would, or, when
 * none would, naming the quota that refused most; whatever `visit` returns; VFT_RESOURCE. */
VFT_MUST_CHECK vft_status vft_sampler_epoch(const vft_judged *judged, const vft_order *order,
                                            uint64_t rows, uint64_t candidates,
                                            vft_status (*visit)(void *ctx, const vft_candidate *),
                                            void *ctx, vft_epoch_result *out);

#endif
