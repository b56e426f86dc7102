/* How fast this machine proves: a small program of known size is proved and its stages timed. */
#ifndef VFT_PROVE_PROBE_H
#define VFT_PROVE_PROBE_H

#include "base/status.h"
#include "relation/program.h"

/* Seconds an element with all worker threads. */
typedef struct {
  double commit;  /* committed element */
  double lookup;  /* lookup or table row */
  double product; /* point of a product's shared indices */
  double weight;  /* element under one claim of an opening */
  double open;    /* element opened, weights apart */
  double proof;   /* a proof, whatever its size */
} vft_prove_rates;

/* Takes about a second and 500 MB. Fails: VFT_RESOURCE. */
VFT_MUST_CHECK vft_status vft_prove_probe(vft_prove_rates *rates);
/* Seconds to prove a program of this cost. */
double vft_prove_seconds(const vft_prove_rates *rates, const vft_cost *cost);

#endif
