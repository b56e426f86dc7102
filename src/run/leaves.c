#include "run/leaves.h"

#include <string.h>

#include "program/epoch.h"
#include "recurse/table.h"

static uint64_t up(uint64_t a, uint64_t b) { return (a + b - 1) / b; }

vft_leaf_choice vft_leaf_choice_default(const vft_cut *cut) {
  uint32_t steps = (uint32_t)cut->steps, shards = vft_cut_shards(cut);
  uint32_t leaves = (uint32_t)up(shards, 5); /* of a step, as equal as can be */
  return (vft_leaf_choice){.groups = cut->n ? 8 : steps < 16 ? 16 / steps : 1,
                           .shards = (uint32_t)up(shards, leaves),
                           .pieces = cut->n ? 1 : steps < 3 ? 4 / steps : 2};
}

void vft_leaves_init(vft_leaves *l, const vft_manifest *m, const vft_cut *cut,
                     const vft_leaf_choice *choice) {
  uint64_t n = m->sampling.steps_per_epoch;
  *l = (vft_leaves){.choice = *choice,
                    .steps = m->steps,
                    .epoch_steps = n,
                    .epochs = up(m->steps, n),
                    .full = m->steps / n,
                    .group_steps = (uint64_t)cut->steps,
                    .blocks = vft_epoch_blocks(&m->sampling),
                    .shards = vft_cut_shards(cut),
                    .release = cut->n != 0};
  l->groups[0] = up(n, l->group_steps);
  l->groups[1] = up(m->steps % n, l->group_steps);
}

/* ---- counts ---- */

static uint64_t group_pieces(const vft_leaves *l) { return up(l->shards, l->choice.shards); }

static uint64_t epoch_pieces(const vft_leaves *l, uint64_t groups) {
  return l->blocks + groups * group_pieces(l) + up(groups, l->choice.groups);
}

/* Leaves of blocks alone. */
static uint64_t block_leaves(const vft_leaves *l) { return (l->blocks - 1) / VFT_LEAF_BLOCKS; }

static uint64_t window_leaves(const vft_leaves *l, uint64_t groups) {
  return up(groups * group_pieces(l), l->choice.pieces);
}

static uint64_t epoch_leaves(const vft_leaves *l, uint64_t groups) {
  uint64_t W = l->choice.groups;
  if (!l->choice.pieces) return epoch_pieces(l, groups);
  return block_leaves(l) + groups / W * window_leaves(l, W) + window_leaves(l, groups % W);
}

static uint64_t epoch_items(const vft_leaves *l, uint64_t groups) {
  return l->blocks + groups * l->shards + up(groups, l->choice.groups);
}

uint64_t vft_leaves_epoch_items(const vft_leaves *l) { return epoch_items(l, l->groups[0]); }

/* A release that is a leaf. */
static uint64_t release_leaf(const vft_leaves *l) { return l->release && !l->choice.pieces; }

uint64_t vft_leaves_count(const vft_leaves *l) {
  return release_leaf(l) + l->full * epoch_leaves(l, l->groups[0]) +
         (l->groups[1] ? epoch_leaves(l, l->groups[1]) : 0);
}

uint64_t vft_leaves_pieces(const vft_leaves *l) {
  return l->release + l->full * epoch_pieces(l, l->groups[0]) +
         (l->groups[1] ? epoch_pieces(l, l->groups[1]) : 0);
}

uint64_t vft_leaves_items(const vft_leaves *l) {
  return l->release + l->full * epoch_items(l, l->groups[0]) +
         (l->groups[1] ? epoch_items(l, l->groups[1]) : 0);
}

uint64_t vft_leaves_epoch_leaf(const vft_leaves *l, uint64_t epoch) {
  if (!epoch) return 0;
  return epoch < l->epochs ? release_leaf(l) + epoch * epoch_leaves(l, l->groups[0])
                           : vft_leaves_count(l);
}

vft_status vft_leaves_check(const vft_leaves *l) {
  const vft_leaf_choice *c = &l->choice;
  if (!c->groups || (uint64_t)c->groups * l->shards > VFT_WINDOW_PROOFS || !c->shards ||
      c->shards > l->shards || c->shards > VFT_PIECE_PROOFS || c->pieces > VFT_LEAF_GROUPS ||
      c->pieces * c->shards > VFT_LEAF_PROOFS)
    return vft_fail(VFT_USAGE, "%u groups of steps in a window, %u proofs in a piece, %u of these in a leaf: "
                    "there are %u proofs a group, at most %d a window, %d a piece, %d pieces and %d proofs a "
                    "leaf", c->groups, c->shards, c->pieces, l->shards, VFT_WINDOW_PROOFS, VFT_PIECE_PROOFS,
                    VFT_LEAF_GROUPS, VFT_LEAF_PROOFS);
  uint64_t most = (uint64_t)1 << VFT_TABLE_LOG, leaves = vft_leaves_count(l);
  if (l->steps * (l->shards + 1) >= most || l->epochs * (l->blocks + 1) > most ||
      l->epochs * l->groups[0] * l->shards > most)
    return vft_fail(VFT_USAGE, "%llu steps of %u proofs in %llu epochs of %u blocks: no table of a "
                    "certificate has more than 2^%d entries", (unsigned long long)l->steps, l->shards,
                    (unsigned long long)l->epochs, l->blocks, VFT_TABLE_LOG);
  if (leaves <= VFT_RUN_LEAVES) return VFT_OK;
  return vft_fail(VFT_USAGE, "a certificate of %llu leaves, at most %d: fewer and larger proofs make fewer "
                  "(vft prove --join N, --ranges N)", (unsigned long long)leaves, VFT_RUN_LEAVES);
}

/* ---- pieces ---- */

/* Steps of group q of an epoch. */
static uint64_t group_steps(const vft_leaves *l, uint64_t epoch, uint64_t q) {
  uint64_t all = epoch < l->full ? l->epoch_steps : l->steps % l->epoch_steps;
  uint64_t left = all - q * l->group_steps;
  return left < l->group_steps ? left : l->group_steps;
}

uint64_t vft_leaves_group(const vft_leaves *l, uint64_t epoch, uint64_t q, int *steps,
                          vft_piece_place *place) {
  uint64_t n = group_steps(l, epoch, q);
  *steps = (int)n;
  *place = n == l->group_steps ? VFT_PIECE_ANYWHERE
           : epoch < l->full   ? VFT_PIECE_EPOCH_END
                               : VFT_PIECE_RUN_END;
  return epoch * l->epoch_steps + q * l->group_steps;
}

vft_piece vft_piece_at(const vft_leaves *l, uint64_t i) {
  vft_piece piece = {.what = VFT_PIECE_RELEASE, .first = 0, .end = 1};
  if (l->release && i-- == 0) return piece;
  uint64_t all = epoch_pieces(l, l->groups[0]), W = l->choice.groups;
  piece.epoch = i / all < l->full ? i / all : l->full;
  i -= piece.epoch * all;
  bool full = piece.epoch < l->full;
  uint64_t groups = l->groups[!full];
  piece.first = l->release + piece.epoch * vft_leaves_epoch_items(l);
  if (i < l->blocks) {
    piece.what = VFT_PIECE_BLOCK;
    piece.block = (uint32_t)i;
    piece.first += i;
    piece.end = piece.first + 1;
    return piece;
  }
  i -= l->blocks;
  uint64_t each = group_pieces(l), window = W * each + 1;
  piece.window = i / window;
  i %= window;
  uint64_t first = piece.window * W, in_window = groups - first < W ? groups - first : W;
  piece.first += l->blocks + piece.window * (W * l->shards + 1);
  if (i == in_window * each) {
    piece.what = VFT_PIECE_OPENING;
    piece.groups = (uint32_t)in_window;
    piece.step = piece.epoch * l->epoch_steps + first * l->group_steps;
    piece.first += in_window * l->shards;
    piece.end = piece.first + 1;
    if (in_window < W || group_steps(l, piece.epoch, first + W - 1) < l->group_steps)
      piece.place = full ? VFT_PIECE_EPOCH_END : VFT_PIECE_RUN_END;
    return piece;
  }
  piece.what = VFT_PIECE_GROUP;
  piece.within = i / each;
  uint64_t q = first + piece.within;
  piece.step = vft_leaves_group(l, piece.epoch, q, &piece.steps, &piece.place);
  piece.shard = (uint32_t)(i % each) * l->choice.shards;
  piece.shards = l->shards - piece.shard < l->choice.shards ? l->shards - piece.shard
                                                          : l->choice.shards;
  piece.first += piece.within * l->shards + piece.shard;
  piece.end = piece.first + piece.shards;
  return piece;
}

/* ---- leaves ---- */

/* The piece that an epoch's leaf i begins with, of those of the epoch; i may be the number of leaves. */
static uint64_t begins_with(const vft_leaves *l, uint64_t groups, uint64_t i) {
  uint64_t each = group_pieces(l), W = l->choice.groups, alone = block_leaves(l);
  if (!l->choice.pieces) return i;
  if (!i) return 0;
  if (i < alone + 1) return i * VFT_LEAF_BLOCKS;
  i -= alone;
  uint64_t window = i / window_leaves(l, W), within = i % window_leaves(l, W);
  uint64_t left = groups > window * W ? groups - window * W : 0; /* from this window on */
  if (!left || (left < W && within == window_leaves(l, left))) return epoch_pieces(l, groups);
  return l->blocks + window * (W * each + 1) + within * l->choice.pieces;
}

vft_leaf vft_leaf_at(const vft_leaves *l, uint64_t i) {
  uint64_t each = epoch_leaves(l, l->groups[0]), before = release_leaf(l), first, end;
  if (i < before) {
    first = 0;
    end = 1;
  } else {
    uint64_t epoch = (i - before) / each < l->full ? (i - before) / each : l->full;
    uint64_t at = l->release + epoch * epoch_pieces(l, l->groups[0]);
    uint64_t groups = l->groups[epoch >= l->full];
    i -= before + epoch * each;
    first = at + begins_with(l, groups, i);
    end = at + begins_with(l, groups, i + 1);
    if (!before && !epoch && !i) first = 0; /* the release, if there is one */
  }
  return (vft_leaf){.first = vft_piece_at(l, first).first,
                    .end = vft_piece_at(l, end - 1).end,
                    .piece = first,
                    .pieces = (uint32_t)(end - first)};
}

/* ---- kinds ---- */

static uint32_t code(const vft_piece *piece) {
  uint32_t part = piece->what == VFT_PIECE_BLOCK ? piece->block > 0 : piece->shard;
  return ((uint32_t)piece->what * 3 + (uint32_t)piece->place) << 16 | part;
}

uint32_t vft_leaf_kind_of(const vft_leaf_kinds *kinds, const vft_piece *piece, uint32_t pieces) {
  for (uint32_t k = 0; k < kinds->n; k++) {
    uint32_t i = 0;
    if (kinds->of[k].pieces != pieces) continue;
    while (i < pieces && kinds->of[k].code[i] == code(&piece[i])) i++;
    if (i == pieces) return k;
  }
  return UINT32_MAX;
}

vft_status vft_leaf_kind(const vft_leaves *l, const vft_leaf_kinds *kinds, const vft_leaf *leaf,
                         uint32_t *out) {
  vft_piece piece[VFT_LEAF_PIECES];
  for (uint32_t i = 0; i < leaf->pieces; i++) piece[i] = vft_piece_at(l, leaf->piece + i);
  *out = vft_leaf_kind_of(kinds, piece, leaf->pieces);
  if (*out != UINT32_MAX) return VFT_OK;
  return vft_fail(VFT_USAGE, "the leaf of items %llu to %llu is of no kind that the run has",
                  (unsigned long long)leaf->first, (unsigned long long)leaf->end - 1);
}

vft_status vft_leaf_kinds_of(const vft_leaves *l, vft_leaf_kinds *out) {
  uint64_t n = vft_leaves_count(l);
  memset(out, 0, sizeof *out);
  for (uint64_t i = 0; i < n; i++) {
    vft_leaf leaf = vft_leaf_at(l, i);
    vft_piece piece[VFT_LEAF_PIECES];
    for (uint32_t k = 0; k < leaf.pieces; k++) piece[k] = vft_piece_at(l, leaf.piece + k);
    if (vft_leaf_kind_of(out, piece, leaf.pieces) != UINT32_MAX) continue;
    if (out->n == VFT_LEAF_KINDS)
      return vft_fail(VFT_USAGE, "a certificate with more than %d kinds of leaves", VFT_LEAF_KINDS);
    out->example[out->n] = i;
    out->of[out->n].pieces = leaf.pieces;
    for (uint32_t k = 0; k < leaf.pieces; k++) out->of[out->n].code[k] = code(&piece[k]);
    out->n++;
  }
  return VFT_OK;
}
