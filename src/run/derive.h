/* What a manifest determines: the step's program, the trees of the public oracles, the start.
 * Planner and verifier derive it with this one code. */
#ifndef VFT_RUN_DERIVE_H
#define VFT_RUN_DERIVE_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "hash/blake3.h"
#include "model/peft.h"
#include "program/step.h"
#include "program/weights.h"
#include "prove/commit.h"
#include "run/manifest.h"
#include "verify/verify.h"

/* The declared row length of a committed matrix of `elements`: 2^c with
 * c = ceil(log2(elements)) - 9, at least 12 and at most 18; so 257 to 512 rows in between. Under
 * Poseidon, where a circuit hashes every opened column, c is 2 more as long as that is at most 18: 65 to 128
 * rows, longer ones beyond. (Every link of a proof has a tree of at least a row: 2^20 columns cost more to
 * hash than they save.) */
unsigned vft_derive_columns(vft_hash_kind hash, size_t elements);

/* Builds the step and checks its static bounds. c: the rule above on its witness. Fails as
 * vft_step_build and vft_program_check_bounds. */
VFT_MUST_CHECK vft_status vft_derive_step(const vft_step_shape *shape, const vft_profile *profile,
                                          vft_step **out);
/* The manifest's step, checked against what the manifest says of it. Fails: VFT_REJECTED
 * ("manifest/columns", "manifest/program", "manifest/profile"), VFT_RESOURCE. */
VFT_MUST_CHECK vft_status vft_derive_from_manifest(const vft_manifest *manifest, vft_step **out);

/* Row length of both oracle trees: the rule on the number of base parameters. */
unsigned vft_derive_oracle_columns(const vft_step *step);
/* Boxes of an oracle's tensors (step->oracle_base or oracle_tables) in order; vft_free. */
VFT_MUST_CHECK vft_status vft_derive_oracle_boxes(const vft_step *step, uint32_t oracle,
                                                  vft_box **box, uint32_t *n);
/* The trees. Weights are borrowed until the commitment is freed; so is the step. */
VFT_MUST_CHECK vft_status vft_derive_base(const vft_step *step, const vft_weights *weights,
                                          vft_commitment **out);
VFT_MUST_CHECK vft_status vft_derive_tables(const vft_step *step, vft_commitment **out);

/* The identity of the integer base model: BLAKE3 of "vft base model v1" 0x00, then as i64
 * little-endian layers, d, groups, per_group, head_dim, ff, vocab, tied, the bits of rope_theta
 * and rms_eps, n_weight, n_gain, f_emb, f_out, f_gain_out, w (7 x layers), gain (2 x layers), the
 * oracle's log_columns, then the root of the base oracle's tree. A function of the model's
 * weights alone. */
vft_digest vft_derive_h0(const vft_step *step, vft_digest base_root);

/* Roots of the links adapter_in and state_in of step 0, for the layers that the step (whole, or an
 * OPTIMISER part) covers. */
VFT_MUST_CHECK vft_status vft_derive_initial(const vft_step *step, uint64_t seed,
                                             vft_digest *adapter, vft_digest *state);
/* Root of the link adapter_out that holds the working copies of the layers that the step (whole, or
 * an OPTIMISER part) covers. The adapter has the whole model's shape. */
VFT_MUST_CHECK vft_status vft_derive_adapter_root(const vft_step *step, const vft_adapter *adapter,
                                                  vft_digest *root);
/* layers, in and out of the step's model, rank and targets 0: what vft_peft_read asks for. */
vft_adapter vft_derive_adapter_shape(const vft_step *step);

/* h_T = BLAKE3("vft adapter v1" 0x00 | root | rank | alpha | targets), u32 little-endian. */
vft_digest vft_derive_h_t(vft_digest adapter_root, int rank, int alpha, unsigned targets);

#endif
