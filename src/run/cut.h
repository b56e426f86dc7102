/* How the steps of a run are cut into shards, each one proof: several whole steps, one, or head, layer
 * ranges and their optimisers (program/step.h, join.h). The cut is chosen when proving starts, from the
 * memory there is; it changes nothing of what is proved. proofs/shards.json tells the verifier.
 *
 * Groups: each epoch's steps are grouped by `steps` from its first on; the last group of an epoch has what
 * is left. A group is proved like a step, under the number of its first one.
 *
 * Shards of a step, in order: the whole step; or head, layers 0 .. n-1, optimiser 0 .. n-1. After
 * the last step, counted as step number `steps`: shard 0 the opening of the oracles, in a cut run
 * shard 1 the release of the adapter, from shard 2 on the blocks of the epochs (run/epochs.h). */
#ifndef VFT_RUN_CUT_H
#define VFT_RUN_CUT_H

#include <stdint.h>

#include "program/release.h"
#include "run/manifest.h"
#include "verify/verify.h"

typedef struct {
  int n; /* layer ranges; 0: steps are not cut */
  int count[VFT_MAX_PARTS];
  int steps; /* whole steps in one proof; 1 in a cut run */
} vft_cut;

/* n ranges as equal as can be, longer ones first; 0: not cut. */
vft_cut vft_cut_even(int layers, int n);
/* Groups of the run; steps of a group, whose first is *first; steps of the group that begins with step
 * t, 0 if none does. */
uint64_t vft_cut_groups(const vft_cut *cut, const vft_manifest *manifest);
int vft_cut_group(const vft_cut *cut, const vft_manifest *manifest, uint64_t group,
                  uint64_t *first);
int vft_cut_group_at(const vft_cut *cut, const vft_manifest *manifest, uint64_t t);
bool vft_cut_equal(const vft_cut *a, const vft_cut *b);
uint32_t vft_cut_shards(const vft_cut *cut); /* of a step, or of a group of whole ones */
vft_part vft_cut_part(const vft_cut *cut, int layers, uint32_t shard);
/* "step", "head", "layers_03", "optimiser_03" */
void vft_cut_name(const vft_cut *cut, uint32_t shard, char name[32]);
/* The shard of that name. Fails: VFT_USAGE listing the kinds of names. */
VFT_MUST_CHECK vft_status vft_cut_find(const vft_cut *cut, const char *name, uint32_t *shard);
/* Proofs of a whole run: all shards of all groups, the opening of the oracles, the release, the
 * blocks of the epochs (run/epochs.h), in this order. */
uint64_t vft_cut_proofs(const vft_cut *cut, const vft_manifest *manifest);
uint64_t vft_cut_epoch_proof(const vft_cut *cut, const vft_manifest *manifest, uint64_t epoch,
                             uint32_t block); /* its number */

/* FOLDER/shards.json. A reader checks that the ranges are `layers` layers.
 * Fails: VFT_REJECTED ("shards/missing", "shards/header"), VFT_USAGE (another version),
 * VFT_RESOURCE. */
VFT_MUST_CHECK vft_status vft_cut_write(const vft_cut *cut, const char *folder);
VFT_MUST_CHECK vft_status vft_cut_read(const char *folder, int layers, vft_cut *out);
bool vft_cut_exists(const char *folder);

/* ---- programs ---- */
typedef struct {
  vft_cut cut;
  uint32_t n;
  vft_step **step;   /* per shard; for an uncut run the manifest's step, borrowed */
  vft_step *joined[3]; /* groups of whole steps: of a full one, of what is left of an epoch, of the last
                          epoch; those that there are, first */
  vft_step *release; /* NULL for an uncut run */
} vft_shards;
/* Builds every shard's program, checks its bounds. `whole`: the manifest's step.
 * Fails: VFT_REJECTED "shards/program" (a cut whose programs do not close), VFT_RESOURCE. */
VFT_MUST_CHECK vft_status vft_shards_derive(const vft_manifest *manifest, vft_step *whole,
                                            const vft_cut *cut, vft_shards *out);
void vft_shards_free(vft_shards *shards);
/* The program of a shard of a group of so many steps; NULL if the run has no such group. */
const vft_step *vft_shards_step(const vft_shards *shards, uint32_t shard, int steps);

/* ---- links ---- */
/* The places whose roots the shards of a step must agree on. Link `link` of a shard is the place
 * vft_shard_slot(...). Chain places: adapter and state of range r, before and after the step. */
enum { VFT_SLOT_BATCH, VFT_SLOT_HEAD, VFT_SLOT_ROWS, VFT_SLOT_RANGES };
typedef enum {
  VFT_SLOT_LAYERS,
  VFT_SLOT_ADAPTER_IN,
  VFT_SLOT_STATE_IN,
  VFT_SLOT_ADAPTER_OUT,
  VFT_SLOT_STATE_OUT,
  VFT_SLOT_KINDS
} vft_slot_kind;
enum { VFT_MAX_SLOTS = VFT_SLOT_RANGES + VFT_SLOT_KINDS * VFT_MAX_PARTS };
uint32_t vft_slot(vft_slot_kind kind, uint32_t range);
uint32_t vft_shard_slot(const vft_shards *shards, uint32_t shard, uint32_t link);

/* Roots by place; those not known yet are unset. */
typedef struct {
  bool set[VFT_MAX_SLOTS];
  vft_digest root[VFT_MAX_SLOTS];
} vft_slots;
/* Before step 0: the declared start. */
VFT_MUST_CHECK vft_status vft_slots_start(const vft_shards *shards, uint64_t seed, vft_slots *out);
/* The rows of the epoch that the step belongs to, before its first shard is taken. */
void vft_slots_rows(vft_slots *slots, vft_digest rows);
/* From the end of a step to the beginning of the next. */
void vft_slots_next(vft_slots *slots);
/* Takes the roots of a shard's links: each place that is set already must have that root. Every
 * place is in the links of the shard that computes it, so once all shards of a step have been
 * taken, whatever one part used is what another put out.
 * Fails: VFT_REJECTED ("start/adapter", "start/state" in step 0, "chain/adapter", "chain/state"
 * later, "join/rows" (not those of the epoch), "join/NAME" for the others). */
VFT_MUST_CHECK vft_status vft_slots_join(vft_slots *slots, const vft_shards *shards, uint64_t step,
                                         uint32_t shard, const vft_digest *link);

/* ---- transcript ---- */
/* What every proof of a run absorbs first: the protocol's name and 0x00, h_Pi, the step (u64), the
 * shard (u32), whole steps in a proof (u32), the number of ranges and their layers (u32 each);
 * little-endian. */
enum { VFT_CONTEXT_MAX = (sizeof VFT_PROTOCOL_NAME + 6) / 7 + 5 + 4 + VFT_MAX_PARTS };
/* How a proof is made: the default options with that context, and with so many more bits that all
 * proofs of the run together stay at the level of one: bits + ceil(log2(proofs)). `context` must
 * outlive the options. */
vft_proof_options vft_cut_options(const vft_manifest *manifest, const vft_cut *cut, uint64_t step,
                                  uint32_t shard, vft_fp context[VFT_CONTEXT_MAX]);

#endif
