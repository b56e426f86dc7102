/* Verification of tensor-program proofs. Needs libc only.
 *
 * A proof shows: there are integers for the program's WITNESS tensors, and the integers under
 * the given link and oracle roots, such that every relation and lookup of the program holds --
 * up to the oracle claims it leaves, which an oracle opening discharges. A link is its Merkle
 * root (unique decoding: a root determines at most one matrix), so two proofs that name the same
 * root for links of equal layout speak of the same integers. */
#ifndef VFT_VERIFY_VERIFY_H
#define VFT_VERIFY_VERIFY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "argument/soundness.h"
#include "base/mem.h"
#include "base/status.h"
#include "relation/layout.h"
#include "verify/functional.h"
#include "verify/statement.h"

/* Tensor number `index` (in the oracle's list of tensors) of oracle `oracle`, of the shape `box`,
 * has value `value` under f (f.tensor is `index` too). */
typedef struct {
  uint32_t oracle, index;
  vft_box box;
  vft_functional f;
  vft_ext value;
} vft_oracle_claim;

typedef struct vft_oracle_claims {
  vft_arena arena; /* owns points and weights */
  vft_oracle_claim *claim;
  uint32_t n, cap;
} vft_oracle_claims;

/* Appends a copy of every claim of src, oracle o becoming oracle_map[o] (NULL: o). Zero-initialise
 * dst before the first call. */
VFT_MUST_CHECK vft_status vft_oracle_claims_append(vft_oracle_claims *dst,
                                                   const vft_oracle_claims *src,
                                                   const uint32_t *oracle_map);
void vft_oracle_claims_free(vft_oracle_claims *claims);

typedef struct {
  bool allow_test_profile; /* tests only: accept a proof that is not sound */
  bool bounds_checked;     /* the caller has run vft_program_check_bounds on this program */
} vft_verify_flags;

/* A link is passed on from one proof to the next by its root alone, which binds the stacked rows:
 * both sides must lay out the same list of shapes. Fails VFT_USAGE naming the links if tensors of
 * link `out` of program a and link `in` of program b differ in number or, in order, in shape. */
VFT_MUST_CHECK vft_status vft_verify_link_shapes(const vft_program *a, uint32_t out,
                                                 const vft_program *b, uint32_t in);

/* Verifies a proof. On acceptance the oracle claims are appended to `claims` and the account is
 * in `soundness` (both may be NULL; a proof that leaves claims is then refused, VFT_USAGE).
 * Fails: VFT_REJECTED with the id of the failed check:
 *   "statement/input"      a PUBLIC input outside its bounds
 *   "transcript/..."       truncated, trailing or non-canonical bytes, proof of work
 *   "logup/..."            the lookups' sum is not zero, or its argument is wrong
 *   "relations/sum"        ZERO relations; "virtual/sum": definitions
 *   "einsum/final"         the products' sumcheck
 *   "whir/...", "merkle/..." the opening of links and witness
 *   "soundness/profile", "soundness/bits"  a test profile, or fewer than 128 bits
 *   "claims/left"          never, unless the driver itself is wrong
 * Under options->hiding all checks up to the opening are of values that the proof hides, and part of
 * the one sum that is opened: "whir/sum" stands for them all.
 * VFT_USAGE for a program that the bound checker or the driver refuses. */
VFT_MUST_CHECK vft_status vft_verify_proof(const vft_statement *statement,
                                           const vft_proof_options *options,
                                           vft_verify_flags flags, const uint8_t *proof,
                                           size_t len, vft_oracle_claims *claims,
                                           vft_soundness *soundness);

/* A committed tree as its verifier knows it: the shapes of its tensors, in order, and its root. */
typedef struct {
  const vft_box *box;
  uint32_t nboxes;
  vft_digest root;
} vft_tree_info;

/* Verifies an opening of oracle claims: claim.oracle counts into tree[]. An oracle without claims
 * is not opened. The trees' 2^log_columns is that of the programs. */
VFT_MUST_CHECK vft_status vft_verify_oracles(const vft_tree_info *tree, uint32_t ntrees,
                                             unsigned log_columns,
                                             const vft_oracle_claims *claims,
                                             const vft_proof_options *options,
                                             vft_verify_flags flags, const uint8_t *proof,
                                             size_t len, vft_soundness *soundness);

#endif
