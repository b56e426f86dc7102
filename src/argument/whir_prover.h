/* The prover of WHIR openings (argument/whir.h). */
#ifndef VFT_ARGUMENT_WHIR_PROVER_H
#define VFT_ARGUMENT_WHIR_PROVER_H

#include "argument/whir.h"

/* The prover's side of one tree. */
typedef struct {
  vft_elem type;         /* container of the message's entries */
  const void *message;   /* rows x C, row-major */
  const vft_ext *weight; /* rows x C, row-major; NULL: W is zero on this tree */
  const vft_merkle *tree;
  bool spend; /* the weights may be overwritten: folded rows take their place */
  const vft_fp *tail; /* of a salted tree: rows x tail */
  /* Extension rows: exts x C, both overwritten, and exts x tail. */
  vft_ext *ext, *ext_weight;
  const vft_ext *ext_tail;
} vft_whir_source;

/* Proves the sum; tree[t] and source[t] belong together. Runs on all threads; the proof's bytes do
 * not depend on their number nor on the SIMD tier. The channel is a prover's.
 * Fails: VFT_USAGE (shapes; a tree of another hash than the channel's; a sigma that is not the sum,
 * noticed at the end), VFT_RESOURCE (memory). */
VFT_MUST_CHECK vft_status vft_whir_prove(vft_channel *ch, const vft_whir_params *params,
                                         const vft_whir_tree *tree, size_t trees,
                                         const vft_whir_source *source, vft_ext sigma);

/* Upper bound of the bytes that vft_whir_prove allocates, beyond its inputs and the channel; spend:
 * all weights may be overwritten (where there are none, those that would be there are counted as
 * inputs). */
size_t vft_whir_prove_bytes(const vft_whir_params *params, const vft_whir_tree *tree,
                            size_t trees, bool spend, vft_hash_kind hash);
/* An upper bound of the proof's length. */
size_t vft_whir_proof_bytes(const vft_whir_params *params, const vft_whir_tree *tree,
                            size_t trees);

#endif
