/* How fast this machine proves: a small program of known size is proved and its stages timed. */
#ifndef VFT_PROVE_PROBE_H
#define VFT_PROVE_PROBE_H

#include "base/status.h"
#include "hash/kind.h"
#include "relation/program.h"

/* Seconds an element with all worker threads. */
typedef struct {
  double commit;  /* committed element */
  double column;  /* column of a committed tree, however few rows it has */
  double lookup;  /* lookup or table row */
  double product; /* point of a product's shared indices */
  double weight;  /* element under one claim of an opening */
  double open;    /* element opened, weights apart */
  double proof;   /* a proof, whatever its size */
} vft_prove_rates;

/* Under that hash. Takes about a second (Poseidon: two) and 500 MB. Fails: VFT_RESOURCE. */
VFT_MUST_CHECK vft_status vft_prove_probe(vft_hash_kind hash, vft_prove_rates *rates);
/* Seconds to prove the program, its links committed too. Fails: as vft_program_cost. */
VFT_MUST_CHECK vft_status vft_prove_seconds(const vft_prove_rates *rates, const vft_program *program,
                                            double *seconds);

#endif
