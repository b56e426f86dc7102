/* What a certificate takes, from circuits that are recorded without proofs. */
#ifndef VFT_RUN_AGGREGATE_ESTIMATE_H
#define VFT_RUN_AGGREGATE_ESTIMATE_H

#include "prove/probe.h"
#include "run/estimate.h"
#include "run/manifest.h"

/* rates: under Poseidon. open_seconds: of committing the base weights and opening all
 * claims at once. Records a leaf of each kind, which takes
 * seconds. Fails: VFT_USAGE (too many leaves), VFT_RESOURCE. */
VFT_MUST_CHECK vft_status vft_aggregate_estimate(const vft_manifest *manifest, vft_step *step,
                                                 const vft_cut *cut, const vft_prove_rates *rates,
                                                 double open_seconds, vft_aggregate_cost *out);

#endif
