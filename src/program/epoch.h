/* The sampler as a program: one proof covers a block of candidates of one epoch and shows that
 *
 *   - the candidates' record numbers are those of the keyed order (data/sampler.h), the key being
 *     the epoch's, derived from the committed secret or given to everyone;
 *   - each opens the leaf of its record under the tree of its tier: content digest, class, tokens;
 *   - it is accepted exactly when it is a record, eligible, and no quota of its bins would pass its
 *     ceiling; counters go from the link `counters_in` to the link `counters_out`;
 *   - the accepted ones, in order, are the rows of the link `rows`.
 *
 * The rows to fill are one more quota: a bin of all records whose ceiling is their number. A
 * step's program takes its rows from the same link and binds its batch to them (program/batch_rows.c).
 * SPEC.md, section 15, has every relation.
 *
 * Axes: c candidate, f round of the Feistel network, h level of a tree from the leaves up, q quota
 * (those of the policy, the rows, one without members if their number would be odd), k l class
 * (high, low), n quota on lengths, y row, i digest element. */
#ifndef VFT_PROGRAM_EPOCH_H
#define VFT_PROGRAM_EPOCH_H

#include "data/sampling.h"
#include "gadget/poseidon_box.h"
#include "program/step.h"

enum {
  VFT_EPOCH_BLOCK = 1024,  /* candidates a proof, at most */
  VFT_EPOCH_ROUNDS = 10,   /* of the network */
  VFT_DOMAIN_COUNTER = 13, /* sponges over the counters, see vft_counters_digest */
  VFT_DOMAIN_COUNTERS,
  VFT_DOMAIN_ROW           /* of a row: see vft_row_digest */
};

typedef struct {
  vft_step *step; /* carries the program; no ops */
  vft_program *program;
  vft_sampling *sampling; /* borrowed */
  uint32_t block, blocks; /* candidates of a block; blocks of an epoch */
  uint32_t quotas;        /* with the rows and, maybe, one to make the number even */
  uint32_t rows_quota;
  uint32_t row_slots, step_slots; /* powers of two: records a step, steps an epoch at most */
  int counter_bits;
  uint64_t longest; /* the most tokens that a leaf can be opened with: a dataset that declares more
                       than sequence_len + 1 does not lead its records out of the bins of length */
  uint32_t classes_high, classes_low, lengths;
  bool secret;
  uint64_t side; /* of the order; replacement: records */
  uint32_t link_rows, link_in, link_out;
  /* per-proof inputs */
  vft_tensor_id in_manifest, in_beacon, in_where, in_key, in_ceiling, in_last, in_counters,
      in_left, in_right, in_open, in_live;
} vft_epoch;

/* Blocks of an epoch: as few as can be, of equal size, at most VFT_EPOCH_BLOCK candidates each. */
uint32_t vft_epoch_blocks(const vft_sampling *sampling);

/* log_columns as in vft_program. The program is the same for all epochs and blocks of a run.
 * Fails: VFT_USAGE (more than 2^32 records, a bound that does not close), VFT_RESOURCE. */
VFT_MUST_CHECK vft_status vft_epoch_build(const vft_sampling *sampling, uint32_t log_columns,
                                          vft_epoch **out);
/* The same with at most most_a_block >= 1 candidates a block. */
VFT_MUST_CHECK vft_status vft_epoch_build_blocks(const vft_sampling *sampling,
                                                 uint32_t most_a_block, uint32_t log_columns,
                                                 vft_epoch **out);
void vft_epoch_free(vft_epoch *epoch);

/* What a proof of one block says, apart from the links. */
typedef struct {
  uint64_t epoch, window, block;
  uint64_t rows;              /* that this epoch has to fill: by its last block */
  uint8_t manifest[32];       /* h_Pi */
  const uint8_t *beacon;      /* 32 bytes, or NULL */
  bool shown;                 /* the epoch's key is public */
  vft_poseidon_digest key;    /* it, if shown (a public seed: always); else zeros */
  vft_poseidon_digest counters; /* digest of the counters after the block */
} vft_epoch_statement;

/* Values of the per-proof inputs, indexed by tensor (NULL for others). One allocation: vft_free. */
VFT_MUST_CHECK vft_status vft_epoch_inputs(const vft_epoch *epoch, const vft_epoch_statement *s,
                                           int64_t ***inputs);

/* What the list of rows has for a record: sponge(VFT_DOMAIN_ROW; content (4), tokens, loss tokens). The
 * step that trains on it computes the same from its batch, so that the numbers which quotas count are
 * those of the content. */
vft_poseidon_digest vft_row_digest(const vft_poseidon_digest *content, uint32_t tokens,
                                   uint32_t loss_tokens);

/* Digest of counters: leaf_q = sponge(VFT_DOMAIN_COUNTER; q, counter, salt (4)); with n the even
 * number of leaves, sponge(VFT_DOMAIN_COUNTERS; leaf_0, leaf_(n/2), leaf_1, leaf_(n/2 + 1), ...).
 * leaf: n digests, filled. */
void vft_counter_leaf(uint32_t q, uint64_t counter, const vft_poseidon_digest *salt,
                      vft_poseidon_digest *leaf);
vft_poseidon_digest vft_counters_list(const vft_poseidon_digest *leaf, uint32_t n);
vft_poseidon_digest vft_counters_digest(const uint64_t *counter, const vft_poseidon_digest *salt,
                                        uint32_t n, vft_poseidon_digest *leaf);

/* ---- witness ---- */

/* What the prover knows of one record. */
typedef struct {
  uint32_t class_number, tokens, loss_tokens;
  vft_poseidon_digest content, salt;
  const vft_poseidon_digest *siblings; /* height of them, from the leaf up */
} vft_epoch_record;

typedef struct {
  const uint8_t *secret;           /* 32 bytes, if the sampler has one */
  vft_poseidon_digest epoch_key;
  const uint64_t *before;          /* counters before the block, of all quotas */
  const vft_poseidon_digest *salt; /* of the counters */
  /* The record that candidate number `candidate` of the epoch opens: number `record`, which is 0
   * for a candidate that is none. */
  vft_status (*open)(void *ctx, uint64_t record, vft_epoch_record *out);
  void *ctx;
  const vft_poseidon_digest *rows; /* digests of the epoch's rows, by address:
                                      step * row_slots + row; zeros elsewhere */
} vft_epoch_witness;

/* Fills an initialised trace (inputs, links, witness, virtual tensors, multiplicities) and gives
 * the counters after the block. statement->counters is an output: what the counters hash to. */
VFT_MUST_CHECK vft_status vft_epoch_trace(const vft_epoch *epoch, vft_epoch_statement *statement,
                                          const vft_epoch_witness *witness, vft_trace *trace,
                                          uint64_t *after);

#endif
