/* The proofs of a run as the leaves of one tree: what each leaf verifies, and the numbers of its items.
 *
 * Items are numbered in this order: in a cut run the release; then, epoch by epoch, the blocks of its
 * candidates, then its groups of steps. Groups come in windows of W: all proofs of each group of the window,
 * then the opening of the claims on oracles that these proofs leave. The last window of an epoch may be
 * shorter. Whatever the run, an item's number says what it is: with b blocks, S proofs of a group and
 * P items of a full epoch (R = 1 in a cut run, else 0)
 *   block k of epoch e                     R + e P + k
 *   proof s of group v W + j of epoch e    R + e P + b + v (W S + 1) + j S + s
 *   opening of window v of w groups        R + e P + b + v (W S + 1) + w S
 * A piece is one item, or up to so many proofs of one group. A leaf verifies one piece, or several in a
 * row of one epoch: wraps and nodes cost the same whatever the leaf. */
#ifndef VFT_RUN_LEAVES_H
#define VFT_RUN_LEAVES_H

#include "run/cut.h"
#include "run/manifest.h"

/* How the proofs of a run become leaves: the prover's choice, part of the certificate. */
typedef struct {
  uint32_t groups; /* of a window, at least 1; VFT_WINDOW_PROOFS proofs at most */
  uint32_t shards; /* proofs in a piece at most: 1 .. VFT_PIECE_PROOFS, no more than a group has */
  /* 0: each piece is a leaf. Else so many pieces of groups of a window to a leaf, VFT_LEAF_GROUPS at most, of
   * VFT_LEAF_PROOFS proofs at most. The opening goes with the window's last ones, release and blocks with
   * the epoch's first ones: of more than VFT_LEAF_BLOCKS blocks the last 1 .. VFT_LEAF_BLOCKS, those before
   * in leaves of as many (and the release with the first of these). */
  uint32_t pieces;
} vft_leaf_choice;
/* Bounds of a leaf's circuit, and of what a verifier does for a certificate's header. */
enum {
  VFT_WINDOW_PROOFS = 1 << 12,
  VFT_PIECE_PROOFS = 8,
  VFT_LEAF_GROUPS = 8,
  VFT_LEAF_PROOFS = 16,
  VFT_LEAF_BLOCKS = 4,
  VFT_LEAF_PIECES = 1 + VFT_LEAF_BLOCKS + VFT_LEAF_GROUPS + 1, /* release, blocks, groups, opening */
  VFT_RUN_LEAVES = 1 << 15
};
/* Some 16 steps of whole ones, 8 of cut ones, to a window: openings are dear. Up to 5 proofs of a cut step to
 * a leaf, two proofs of several steps, four of one: wraps and nodes are dear, too, and such a leaf takes less
 * memory than a shard, or some 2 GB. */
vft_leaf_choice vft_leaf_choice_default(const vft_cut *cut);

typedef struct {
  vft_leaf_choice choice;
  uint64_t steps, epoch_steps; /* of the run, of a full epoch */
  uint64_t epochs, full;       /* epochs, full ones */
  uint64_t group_steps;        /* of a full group */
  uint64_t groups[2];          /* of a full epoch; of the last one if that is not full, else 0 */
  uint32_t blocks, shards;     /* of an epoch; of a group */
  bool release;
} vft_leaves;
void vft_leaves_init(vft_leaves *out, const vft_manifest *manifest, const vft_cut *cut,
                     const vft_leaf_choice *choice);
/* Fails: VFT_USAGE when the choice is out of bounds, tables of the run would have more than 2^24 entries, or
 * there would be more than VFT_RUN_LEAVES leaves: their errors would add up beyond what is required. */
VFT_MUST_CHECK vft_status vft_leaves_check(const vft_leaves *l);
/* Leaves; pieces; items; items of a full epoch. */
uint64_t vft_leaves_count(const vft_leaves *l);
uint64_t vft_leaves_pieces(const vft_leaves *l);
uint64_t vft_leaves_items(const vft_leaves *l);
uint64_t vft_leaves_epoch_items(const vft_leaves *l);
/* Number of the first leaf of an epoch; the release goes with the first one. epoch = epochs: of all. */
uint64_t vft_leaves_epoch_leaf(const vft_leaves *l, uint64_t epoch);

/* What can be at one place only is a kind of its own: the group with fewer steps than others, and the
 * window with it or with fewer groups, which are at the end of a full epoch, or of the run. */
typedef enum { VFT_PIECE_RELEASE, VFT_PIECE_GROUP, VFT_PIECE_OPENING, VFT_PIECE_BLOCK } vft_piece_what;
typedef enum { VFT_PIECE_ANYWHERE, VFT_PIECE_EPOCH_END, VFT_PIECE_RUN_END } vft_piece_place;
typedef struct {
  vft_piece_what what;
  vft_piece_place place;
  uint64_t first, end; /* items */
  uint64_t epoch;
  uint32_t block;          /* BLOCK: of the epoch */
  uint64_t window, within; /* of the epoch; GROUP: its number in the window */
  uint64_t step;           /* first of the group, of the window */
  int steps;               /* GROUP: its steps */
  uint32_t shard, shards;  /* GROUP: of the piece */
  uint32_t groups;         /* OPENING: of the window */
} vft_piece;
vft_piece vft_piece_at(const vft_leaves *l, uint64_t number);
/* Group q of an epoch: returns its first step. */
uint64_t vft_leaves_group(const vft_leaves *l, uint64_t epoch, uint64_t q, int *steps,
                          vft_piece_place *place);

typedef struct {
  uint64_t first, end;  /* items */
  uint64_t piece;       /* the first one */
  uint32_t pieces;      /* at most VFT_LEAF_PIECES */
} vft_leaf;
vft_leaf vft_leaf_at(const vft_leaves *l, uint64_t number);

/* Kinds: leaves whose circuits are the same, being of the same kinds of pieces. They are numbered as they
 * come first in the run, which is the order of their keys. example: the number of the first leaf of the kind.
 * Fails: VFT_USAGE when there are more than VFT_LEAF_KINDS. */
enum { VFT_LEAF_KINDS = 2 * VFT_MAX_PARTS + 16 };
typedef struct {
  uint32_t n;
  uint64_t example[VFT_LEAF_KINDS];
  struct {
    uint32_t pieces, code[VFT_LEAF_PIECES];
  } of[VFT_LEAF_KINDS];
} vft_leaf_kinds;
VFT_MUST_CHECK vft_status vft_leaf_kinds_of(const vft_leaves *l, vft_leaf_kinds *out);
/* The number of a leaf's kind. Fails: VFT_USAGE when it is none of these, which no leaf of the run that they
 * are of is: vft_leaf_kinds_of finds all, tests/run/test_leaves.c compares. */
VFT_MUST_CHECK vft_status vft_leaf_kind(const vft_leaves *l, const vft_leaf_kinds *kinds,
                                        const vft_leaf *leaf, uint32_t *out);
/* The kind of a leaf of these pieces; UINT32_MAX: no leaf has them. */
uint32_t vft_leaf_kind_of(const vft_leaf_kinds *kinds, const vft_piece *piece, uint32_t pieces);

#endif
