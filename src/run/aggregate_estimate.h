/* What a certificate takes, from circuits that are recorded without proofs. */
#ifndef VFT_RUN_AGGREGATE_ESTIMATE_H
#define VFT_RUN_AGGREGATE_ESTIMATE_H

#include "prove/probe.h"
#include "run/aggregate.h"
#include "run/estimate.h"
#include "run/manifest.h"

/* rates: under Poseidon. open_seconds: of committing the base weights and opening all
 * claims at once. Records a leaf of each kind, which takes
 * seconds. Fails: VFT_USAGE (too many leaves), VFT_RESOURCE. */
VFT_MUST_CHECK vft_status vft_aggregate_estimate(const vft_manifest *manifest, vft_step *step,
                                                 const vft_cut *cut, const vft_prove_rates *rates,
                                                 double open_seconds, vft_aggregate_cost *out);

/* Bytes of vft_alloc that aggregation in the leaves of `a` (of the manifest alone, or more) adds at most: the
 * greatest leaf, keys of later ones that wait (`room` bytes of them at most), the oracles and their opening.
 * Records a leaf of each kind. Fails as above. */
VFT_MUST_CHECK vft_status vft_aggregate_memory(vft_aggregation *a, size_t room, size_t *bytes);

#endif
