/* Committed trees of tensors: links, oracles and the witness of a proof. A tree depends on the
 * tensors' shapes, their integers, log_columns, the code rate and the hash only, so the same object
 * serves as output of one proof and input of the next. */
#ifndef VFT_PROVE_COMMIT_H
#define VFT_PROVE_COMMIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "argument/whir_hiding_prover.h"
#include "base/random.h"
#include "base/status.h"
#include "field/goldilocks.h"
#include "hash/blake3.h"
#include "merkle/tree.h"
#include "relation/layout.h"
#include "relation/program.h"

typedef struct vft_commitment vft_commitment;

enum {
  VFT_COMMIT_COPY = 1, /* keep a copy of the integers; otherwise the arrays are borrowed */
  VFT_COMMIT_KEEP = 2  /* keep the codewords: 16 bytes an element at rate 1/2; otherwise an opening
                          encodes again */
};

/* Tensor i has the shape box[i] and the elements array[i]; `hash` is that of the proofs that use
 * the tree. Fails VFT_USAGE without tensors, VFT_RESOURCE. */
VFT_MUST_CHECK vft_status vft_commit_tensors(vft_commitment **out, const vft_box *box,
                                             const vft_array *array, uint32_t n,
                                             unsigned log_columns, unsigned log_inv_rate,
                                             vft_hash_kind hash, unsigned flags);
/* The tensors of one tree of a program, in id order, from a trace. */
VFT_MUST_CHECK vft_status vft_commit_group(vft_commitment **out, const vft_trace *trace,
                                           vft_origin origin, uint32_t group,
                                           unsigned log_inv_rate, vft_hash_kind hash,
                                           unsigned flags);
/* A tree for hiding openings of this shape (argument/whir_hiding.h): rows go on with random
 * coefficients, behind them are masks, leaves are salted. Arrays are borrowed; random: NULL for the
 * system's. BLAKE3. */
VFT_MUST_CHECK vft_status vft_commit_hidden(vft_commitment **out, const vft_box *box,
                                            const vft_array *array, uint32_t n,
                                            const vft_hiding_shape *shape,
                                            const vft_random *random, unsigned flags);
void vft_commitment_free(vft_commitment *c);

vft_digest vft_commitment_root(const vft_commitment *c);
const vft_layout *vft_commitment_layout(const vft_commitment *c);
const vft_merkle *vft_commitment_tree(const vft_commitment *c);
/* Elements of tensor i. */
const vft_array *vft_commitment_array(const vft_commitment *c, uint32_t i);
unsigned vft_commitment_log_columns(const vft_commitment *c);
/* Row `row` of the tree: 2^log_columns entries. Thread-safe. */
void vft_commitment_row(const vft_commitment *c, size_t row, vft_fp *out);
/* Of a hidden tree: random coefficients of all rows, one after the other; masks. */
const vft_fp *vft_commitment_tail(const vft_commitment *c);
const vft_hiding_mask_rows *vft_commitment_masks(const vft_commitment *c);

#endif
