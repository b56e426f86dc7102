#include "run/leaves.h"

#include <string.h>

#include "program/epoch.h"
#include "recurse/table.h"

static uint64_t up(uint64_t a, uint64_t b) { return (a + b - 1) / b; }

vft_leaf_choice vft_leaf_choice_default(const vft_cut *cut) {
  uint32_t steps = (uint32_t)cut->steps, shards = vft_cut_shards(cut);
  uint32_t leaves = (uint32_t)up(shards, 5); /* of a step, as equal as can be */
  return (vft_leaf_choice){.groups = cut->n ? 8 : steps < 16 ? 16 / steps : 1,
                           .shards = (uint32_t)up(shards, leaves)};
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

static uint64_t group_leaves(const vft_leaves *l) { return up(l->shards, l->choice.shards); }

static uint64_t epoch_leaves(const vft_leaves *l, uint64_t groups) {
  return l->blocks + groups * group_leaves(l) + up(groups, l->choice.groups);
}

static uint64_t epoch_items(const vft_leaves *l, uint64_t groups) {
  return l->blocks + groups * l->shards + up(groups, l->choice.groups);
}

uint64_t vft_leaves_epoch_items(const vft_leaves *l) { return epoch_items(l, l->groups[0]); }

uint64_t vft_leaves_count(const vft_leaves *l) {
  return l->release + l->full * epoch_leaves(l, l->groups[0]) +
         (l->groups[1] ? epoch_leaves(l, l->groups[1]) : 0);
}

uint64_t vft_leaves_items(const vft_leaves *l) {
  return l->release + l->full * epoch_items(l, l->groups[0]) +
         (l->groups[1] ? epoch_items(l, l->groups[1]) : 0);
}

uint64_t vft_leaves_epoch_leaf(const vft_leaves *l, uint64_t epoch) {
  if (!epoch) return 0;
  return epoch < l->epochs ? l->release + epoch * epoch_leaves(l, l->groups[0])
                           : vft_leaves_count(l);
}

vft_status vft_leaves_check(const vft_leaves *l) {
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

/* ---- one leaf ---- */

/* Steps of group q of an epoch. */
static uint64_t group_steps(const vft_leaves *l, uint64_t epoch, uint64_t q) {
  uint64_t all = epoch < l->full ? l->epoch_steps : l->steps % l->epoch_steps;
  uint64_t left = all - q * l->group_steps;
  return left < l->group_steps ? left : l->group_steps;
}

uint64_t vft_leaves_group(const vft_leaves *l, uint64_t epoch, uint64_t q, int *steps,
                          vft_leaf_place *place) {
  uint64_t n = group_steps(l, epoch, q);
  *steps = (int)n;
  *place = n == l->group_steps ? VFT_LEAF_ANYWHERE
           : epoch < l->full   ? VFT_LEAF_EPOCH_END
                               : VFT_LEAF_RUN_END;
  return epoch * l->epoch_steps + q * l->group_steps;
}

vft_leaf vft_leaf_at(const vft_leaves *l, uint64_t i) {
  vft_leaf leaf = {.what = VFT_LEAF_RELEASE, .first = 0, .end = 1};
  if (l->release && i-- == 0) return leaf;
  uint64_t all = epoch_leaves(l, l->groups[0]), W = l->choice.groups;
  leaf.epoch = i / all < l->full ? i / all : l->full;
  i -= leaf.epoch * all;
  bool full = leaf.epoch < l->full;
  uint64_t groups = l->groups[!full];
  leaf.first = l->release + leaf.epoch * vft_leaves_epoch_items(l);
  if (i < l->blocks) {
    leaf.what = VFT_LEAF_BLOCK;
    leaf.block = (uint32_t)i;
    leaf.first += i;
    leaf.end = leaf.first + 1;
    return leaf;
  }
  i -= l->blocks;
  uint64_t each = group_leaves(l), window = W * each + 1;
  leaf.window = i / window;
  i %= window;
  uint64_t first = leaf.window * W, in_window = groups - first < W ? groups - first : W;
  leaf.first += l->blocks + leaf.window * (W * l->shards + 1);
  if (i == in_window * each) {
    leaf.what = VFT_LEAF_OPENING;
    leaf.groups = (uint32_t)in_window;
    leaf.step = leaf.epoch * l->epoch_steps + first * l->group_steps;
    leaf.first += in_window * l->shards;
    leaf.end = leaf.first + 1;
    if (in_window < W || group_steps(l, leaf.epoch, first + W - 1) < l->group_steps)
      leaf.place = full ? VFT_LEAF_EPOCH_END : VFT_LEAF_RUN_END;
    return leaf;
  }
  leaf.what = VFT_LEAF_GROUP;
  leaf.within = i / each;
  uint64_t q = first + leaf.within;
  leaf.step = vft_leaves_group(l, leaf.epoch, q, &leaf.steps, &leaf.place);
  leaf.shard = (uint32_t)(i % each) * l->choice.shards;
  leaf.shards = l->shards - leaf.shard < l->choice.shards ? l->shards - leaf.shard
                                                          : l->choice.shards;
  leaf.first += leaf.within * l->shards + leaf.shard;
  leaf.end = leaf.first + leaf.shards;
  return leaf;
}

/* ---- kinds ---- */

static uint32_t code(const vft_leaf *leaf) {
  uint32_t part = leaf->what == VFT_LEAF_BLOCK ? leaf->block > 0 : leaf->shard;
  return ((uint32_t)leaf->what * 3 + (uint32_t)leaf->place) << 16 | part;
}

static void add(const vft_leaves *l, uint64_t number, vft_leaf_kinds *k) {
  vft_leaf leaf = vft_leaf_at(l, number);
  uint32_t c = code(&leaf), at = 0;
  while (at < k->n && k->code[at] < c) at++;
  if (at < k->n && k->code[at] == c) return;
  memmove(&k->code[at + 1], &k->code[at], (k->n - at) * sizeof *k->code);
  memmove(&k->example[at + 1], &k->example[at], (k->n - at) * sizeof *k->example);
  k->code[at] = c;
  k->example[at] = number;
  k->n++;
}

/* In the first epoch and in the last: the first two blocks, and the first window and the last two, where
 * every kind is that a run has. Of a window its first group, its last and the opening. */
void vft_leaf_kinds_of(const vft_leaves *l, vft_leaf_kinds *out) {
  uint64_t W = l->choice.groups, each = group_leaves(l);
  memset(out, 0, sizeof *out);
  if (l->release) add(l, 0, out);
  for (int last = 0; last < 2; last++) {
    uint64_t epoch = last ? l->epochs - 1 : 0, groups = l->groups[epoch >= l->full];
    uint64_t at = l->release + epoch * epoch_leaves(l, l->groups[0]), windows = up(groups, W);
    for (uint64_t b = 0; b < 2 && b < l->blocks; b++) add(l, at + b, out);
    at += l->blocks;
    for (int i = 0; i < 3; i++) {
      uint64_t v = i ? windows - (uint64_t)i : 0;
      if (v >= windows) continue; /* there is but one */
      uint64_t in_window = groups - v * W < W ? groups - v * W : W;
      uint64_t first = at + v * (W * each + 1);
      for (uint64_t s = 0; s < each; s++) {
        add(l, first + s, out);
        add(l, first + (in_window - 1) * each + s, out);
      }
      add(l, first + in_window * each, out);
    }
  }
}

vft_status vft_leaf_kind(const vft_leaf_kinds *k, const vft_leaf *leaf, uint32_t *out) {
  uint32_t c = code(leaf);
  for (*out = 0; *out < k->n; ++*out)
    if (k->code[*out] == c) return VFT_OK;
  return vft_fail(VFT_USAGE, "the leaf of items %llu to %llu is of no kind that the run has",
                  (unsigned long long)leaf->first, (unsigned long long)leaf->end - 1);
}
