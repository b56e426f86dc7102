/* Pieces and leaves by number (docs/SPEC.md, 18.0 and 18.3), over all small runs: the items that a plain
 * count gives, each in one piece; of all kinds of pieces with all digits, those that meet what a leaf says
 * of a piece's place are the honest ones and no others; all pieces in one leaf each, in order, and leaves
 * of one kind having pieces of the same kinds. What a leaf says is written down here once more, from the
 * specification. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "program/epoch.h"
#include "run/leaves.h"

typedef struct {
  uint64_t T, N, G, W, S, Z, b, M;
  int n; /* ranges */
} run_of;

typedef struct {
  uint64_t first, end, e, v, j, k, t, shard, steps, groups;
  vft_piece_what what;
} place;

enum { MOST = 4096 };
static struct {
  place honest[MOST], claimed[MOST];
  uint32_t nhonest, nclaimed;
} seen;

static void show(const run_of *r) {
  print_message("T %d N %d G %d W %d S %d Z %d b %d M %d\n", (int)r->T, (int)r->N, (int)r->G, (int)r->W,
                (int)r->S, (int)r->Z, (int)r->b, (int)r->M);
}

#define SAME(a, b)                                          \
  do {                                                      \
    if ((uint64_t)(a) != (uint64_t)(b)) {                   \
      show(r);                                              \
      fail_msg("%s is %d, not %d", #a, (int)(a), (int)(b)); \
    }                                                       \
  } while (0)

static vft_leaves leaves_of(const run_of *r) {
  static vft_manifest m;
  vft_cut cut = {.n = r->n, .steps = (int)r->G};
  vft_leaf_choice choice = {(uint32_t)r->W, (uint32_t)r->Z, (uint32_t)r->M};
  vft_leaves l;
  memset(&m, 0, sizeof m);
  m.steps = r->T;
  m.sampling.steps_per_epoch = r->N;
  m.sampling.candidates = r->b * VFT_EPOCH_BLOCK;
  for (int i = 0; i < r->n; i++) cut.count[i] = 1;
  vft_leaves_init(&l, &m, &cut, &choice);
  SAME(l.shards, r->S);
  SAME(l.blocks, r->b);
  return l;
}

/* ---- the items, counted ---- */

static void add(place p) {
  assert_true(seen.nhonest < MOST);
  seen.honest[seen.nhonest++] = p;
}

/* Pieces as the numbers of 18.0 come one after the other. */
static uint64_t count(const run_of *r) {
  uint64_t item = 0;
  seen.nhonest = 0;
  if (r->n) {
    add((place){.first = 0, .end = 1, .what = VFT_PIECE_RELEASE});
    item = 1;
  }
  for (uint64_t e = 0; e * r->N < r->T; e++) {
    uint64_t begin = e * r->N, end = begin + r->N < r->T ? begin + r->N : r->T, j = 0, v = 0;
    for (uint64_t k = 0; k < r->b; k++, item++)
      add((place){.first = item, .end = item + 1, .e = e, .k = k, .what = VFT_PIECE_BLOCK});
    for (uint64_t t = begin, opened = begin; t < end;) {
      uint64_t steps = end - t < r->G ? end - t : r->G;
      for (uint64_t s = 0; s < r->S; s += r->Z) {
        uint64_t n = r->S - s < r->Z ? r->S - s : r->Z;
        add((place){.first = item, .end = item + n, .e = e, .v = v, .j = j, .t = t, .shard = s,
                    .steps = steps, .what = VFT_PIECE_GROUP});
        item += n;
      }
      t += steps;
      if (++j < r->W && t < end) continue;
      add((place){.first = item, .end = item + 1, .e = e, .v = v, .t = opened, .groups = j,
                  .what = VFT_PIECE_OPENING});
      item++;
      v++;
      j = 0;
      opened = t;
    }
  }
  return item;
}

/* Pieces, and of each the first that is of its kind: one whose circuit is the same but for the digits. */
typedef struct {
  vft_piece at[MOST];
  uint32_t kind[MOST];
} pieces;
static pieces all;

static bool same_kind(const vft_piece *a, const vft_piece *b) {
  bool same = a->what == b->what && a->place == b->place && a->end - a->first == b->end - b->first &&
              a->shard == b->shard && a->steps == b->steps && a->groups == b->groups &&
              (a->block > 0) == (b->block > 0);
  if (a->place != VFT_PIECE_ANYWHERE) same = same && a->window == b->window && a->within == b->within;
  return same && (a->place != VFT_PIECE_RUN_END || a->epoch == b->epoch);
}

static void compare(const run_of *r, const vft_leaves *l) {
  uint64_t items = count(r);
  SAME(vft_leaves_items(l), items);
  SAME(vft_leaves_pieces(l), seen.nhonest);
  for (uint32_t i = 0; i < seen.nhonest; i++) {
    vft_piece at = vft_piece_at(l, i);
    const place *p = &seen.honest[i];
    SAME(at.what, p->what);
    SAME(at.first, p->first);
    SAME(at.end, p->end);
    SAME(at.epoch, p->e);
    SAME(at.window, p->v);
    SAME(at.within, p->j);
    SAME(at.block, p->k);
    SAME(at.step, p->t);
    SAME(at.steps, p->steps);
    SAME(at.groups, p->groups);
    SAME(at.shard, p->shard);
    all.at[i] = at;
    for (all.kind[i] = 0; !same_kind(&all.at[all.kind[i]], &at); all.kind[i]++) {
    }
  }
}

/* ---- leaves ---- */

/* How many pieces the leaf takes that begins with piece i, as 18.0 has it. */
static uint32_t taken(const run_of *r, uint32_t i) {
  uint32_t n = 0, groups = 0;
  if (!r->M) return 1;
  if (all.at[i].what == VFT_PIECE_RELEASE) n = 1;
  if (all.at[i + n].what == VFT_PIECE_BLOCK) {
    uint64_t blocks = r->b - all.at[i + n].block; /* of the epoch, from here on */
    if (blocks > VFT_LEAF_BLOCKS) return n + VFT_LEAF_BLOCKS;
    n += (uint32_t)blocks;
  }
  for (; groups < r->M && i + n < seen.nhonest && all.at[i + n].what == VFT_PIECE_GROUP; groups++) n++;
  return n + (i + n < seen.nhonest && all.at[i + n].what == VFT_PIECE_OPENING);
}

static void leaves_of_pieces(const run_of *r, const vft_leaves *l) {
  vft_leaf_kinds kinds;
  uint32_t piece = 0, used = 0;
  uint64_t n = 0, epoch = 0;
  assert_int_equal(vft_leaf_kinds_of(l, &kinds), VFT_OK);
  for (; piece < seen.nhonest; n++) {
    vft_leaf at = vft_leaf_at(l, n);
    SAME(at.piece, piece);
    SAME(at.pieces, taken(r, piece));
    SAME(at.first, all.at[piece].first);
    SAME(at.end, all.at[piece + at.pieces - 1].end);
    assert_in_range(at.pieces, 1, VFT_LEAF_PIECES);
    for (uint32_t i = 0; i < at.pieces; i++) /* the release goes with the first epoch */
      SAME(all.at[piece + i].epoch, all.at[piece + at.pieces - 1].epoch);
    uint64_t e = all.at[piece + at.pieces - 1].epoch;
    if (!n || e > epoch) {
      epoch = e;
      SAME(vft_leaves_epoch_leaf(l, e), n);
    }
    uint32_t kind;
    assert_int_equal(vft_leaf_kind(l, &kinds, &at, &kind), VFT_OK);
    if (kind >= used) { /* numbered as they come */
      SAME(kind, used);
      SAME(kinds.example[kind], n);
      used++;
    }
    vft_leaf like = vft_leaf_at(l, kinds.example[kind]);
    SAME(like.pieces, at.pieces);
    for (uint32_t i = 0; i < at.pieces; i++)
      SAME(all.kind[like.piece + i], all.kind[at.piece + i]);
    for (uint32_t k = 0; k < kinds.n; k++) { /* and leaves of two kinds differ in one */
      vft_leaf other = vft_leaf_at(l, kinds.example[k]);
      bool same = other.pieces == at.pieces;
      for (uint32_t i = 0; same && i < at.pieces; i++)
        same = all.kind[other.piece + i] == all.kind[at.piece + i];
      SAME(same, k == kind);
    }
    piece += at.pieces;
  }
  SAME(piece, seen.nhonest);
  SAME(used, kinds.n);
  SAME(vft_leaves_count(l), n);
  SAME(vft_leaves_epoch_leaf(l, (r->T + r->N - 1) / r->N), n);
}

/* ---- what leaves say, 18.3 ---- */

static void claim(place p) {
  assert_true(seen.nclaimed < MOST);
  seen.claimed[seen.nclaimed++] = p;
}

/* All places where a piece of this kind can be: its digits in their ranges, what it names there. */
static void places_of(const run_of *r, const vft_piece *kind) {
  uint64_t R = r->n != 0, E = (r->T + r->N - 1) / r->N, F = r->T / r->N;
  uint64_t Q = (r->N + r->G - 1) / r->G, P = r->b + Q * r->S + (Q + r->W - 1) / r->W;
  uint64_t each = r->W * r->S + 1, length = kind->end - kind->first;
  bool fixed = kind->place != VFT_PIECE_ANYWHERE;
  if (kind->what == VFT_PIECE_RELEASE)
    claim((place){.first = 0, .end = length, .what = VFT_PIECE_RELEASE});
  for (uint64_t e = 0; e < E; e++) {
    if (kind->place == VFT_PIECE_EPOCH_END && e >= F) continue;
    if (kind->place == VFT_PIECE_RUN_END && e != kind->epoch) continue;
    for (uint64_t k = 0; kind->what == VFT_PIECE_BLOCK && k < r->b; k++)
      if ((k > 0) == (kind->block > 0))
        claim((place){.first = R + e * P + k, .end = R + e * P + k + length, .e = e, .k = k,
                      .what = VFT_PIECE_BLOCK});
    for (uint64_t v = 0; kind->what == VFT_PIECE_GROUP && v * r->W * r->G <= r->N; v++)
      for (uint64_t j = 0; j < r->W; j++) {
        uint64_t q = v * r->W + j, n = (uint64_t)kind->steps, t = r->N * e + r->G * q;
        if (fixed && (v != kind->window || j != kind->within)) continue;
        if (!fixed && r->G * q + n > r->N) continue;
        if (t + n > r->T) continue; /* no inputs */
        uint64_t first = R + e * P + r->b + v * each + j * r->S + kind->shard;
        claim((place){.first = first, .end = first + length, .e = e, .v = v, .j = j, .t = t,
                      .shard = kind->shard, .steps = n, .what = VFT_PIECE_GROUP});
      }
    uint64_t windows = r->N / r->G / r->W;
    for (uint64_t v = 0; kind->what == VFT_PIECE_OPENING && v * r->W * r->G <= r->N; v++) {
      uint64_t t = r->N * e + r->G * r->W * v;
      if (fixed ? v != kind->window : v >= windows || t + r->G * r->W > r->T) continue;
      uint64_t first = R + e * P + r->b + v * each + kind->groups * r->S;
      claim((place){.first = first, .end = first + length, .e = e, .v = v, .t = t,
                    .groups = kind->groups, .what = VFT_PIECE_OPENING});
    }
  }
}

static void only_the_honest(const run_of *r) {
  seen.nclaimed = 0;
  for (uint32_t k = 0; k < seen.nhonest; k++)
    if (all.kind[k] == k) places_of(r, &all.at[k]);
  SAME(seen.nclaimed, seen.nhonest);
  for (uint32_t i = 0; i < seen.nhonest; i++) {
    uint32_t found = 0;
    for (uint32_t c = 0; c < seen.nclaimed; c++)
      found += !memcmp(&seen.claimed[c], &seen.honest[i], sizeof(place));
    SAME(found, 1);
  }
}

static uint32_t one(const run_of *r) {
  run_of with = *r;
  vft_leaves l = leaves_of(r);
  compare(r, &l);
  only_the_honest(r);
  for (with.M = 0; with.M <= 4; with.M++) {
    l = leaves_of(&with);
    leaves_of_pieces(&with, &l);
  }
  return seen.nhonest;
}

/* ---- all small runs ---- */

static void whole_steps(void **state) {
  (void)state;
  uint64_t leaves = 0;
  for (uint64_t N = 1; N <= 9; N++)
    for (uint64_t T = 1; T <= 2 * N + 3; T++)
      for (uint64_t G = 1; G <= 5; G++)
        for (uint64_t W = 1; W <= 5; W++)
          for (uint64_t b = 1; b <= 10; b += b < 3 ? 1 : 3) /* 1, 2, 3, 6, 9 */
            leaves += one(&(run_of){.T = T, .N = N, .G = G, .W = W, .S = 1, .Z = 1, .b = b});
  print_message("%d pieces\n", (int)leaves);
}

static void cut_steps(void **state) {
  (void)state;
  uint64_t leaves = 0;
  for (int n = 1; n <= 3; n++)
    for (uint64_t Z = 1; Z <= 1 + 2 * (uint64_t)n; Z++)
      for (uint64_t N = 1; N <= 5; N++)
        for (uint64_t T = 1; T <= 2 * N + 1; T++)
          for (uint64_t W = 1; W <= 4; W++)
            for (uint64_t b = 1; b <= 2; b++)
              leaves += one(&(run_of){.T = T, .N = N, .G = 1, .W = W, .S = 1 + 2 * (uint64_t)n,
                                      .Z = Z, .b = b, .n = n});
  print_message("%d pieces\n", (int)leaves);
}

/* Those that a prover takes, and the greatest. */
static void choices(void **state) {
  (void)state;
  for (int n = 0; n <= 8; n++)
    for (int G = 1; G <= (n ? 1 : VFT_MAX_PARTS / 2); G++) {
      vft_cut cut = {.n = n, .steps = G};
      vft_leaf_choice c = vft_leaf_choice_default(&cut);
      uint64_t S = 1 + 2 * (uint64_t)n;
      assert_in_range(c.groups, 1, VFT_WINDOW_PROOFS / S);
      assert_in_range(c.shards, 1, S < VFT_PIECE_PROOFS ? S : VFT_PIECE_PROOFS);
      assert_in_range(c.pieces, 1, VFT_LEAF_GROUPS);
      for (uint64_t T = 37; T <= 38; T++)
        one(&(run_of){.T = T, .N = 19, .G = (uint64_t)G, .W = c.groups, .S = S, .Z = c.shards,
                      .b = 2, .n = n});
      one(&(run_of){.T = 21, .N = 8, .G = (uint64_t)G, .W = VFT_WINDOW_PROOFS / S, .S = S, .Z = S,
                    .b = 1, .n = n});
    }
}

/* A leaf of a kind that is not among them has no number. */
static void other_kinds(void **state) {
  (void)state;
  const run_of r = {.T = 5, .N = 3, .G = 1, .W = 2, .S = 1, .Z = 1, .b = 2};
  vft_leaves l = leaves_of(&r);
  static vft_leaf_kinds kinds, fewer;
  assert_int_equal(vft_leaf_kinds_of(&l, &kinds), VFT_OK);
  for (uint32_t k = 0; k < kinds.n; k++) {
    uint32_t kind;
    fewer = kinds;
    fewer.n--;
    memmove(&fewer.of[k], &kinds.of[k + 1], (kinds.n - k - 1) * sizeof *kinds.of);
    vft_leaf leaf = vft_leaf_at(&l, kinds.example[k]);
    assert_int_equal(vft_leaf_kind(&l, &fewer, &leaf, &kind), VFT_USAGE);
  }
}

/* Bounds of what a prover may choose. */
static void bounds(void **state) {
  (void)state;
  const struct {
    uint64_t S, W, Z, M;
    bool good;
  } t[] = {{1, 1, 1, 0, true},    {1, 4096, 1, 8, true}, {1, 4097, 1, 8, false}, {1, 1, 1, 9, false},
           {9, 455, 8, 2, true},  {9, 456, 8, 2, false}, {9, 1, 8, 3, false},    {9, 1, 9, 1, false},
           {3, 1, 4, 1, false},   {3, 1, 3, 5, true},    {3, 1, 3, 6, false},    {3, 0, 1, 1, false},
           {3, 1, 0, 1, false}};
  for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
    const run_of *r = &(run_of){.T = 5, .N = 3, .G = 1, .W = t[i].W, .S = t[i].S, .Z = t[i].Z,
                                .b = 1, .M = t[i].M, .n = (int)(t[i].S - 1) / 2};
    vft_leaves l = leaves_of(&(run_of){.T = 5, .N = 3, .G = 1, .W = 1, .S = r->S, .Z = 1, .b = 1, .n = r->n});
    l.choice = (vft_leaf_choice){(uint32_t)r->W, (uint32_t)r->Z, (uint32_t)r->M};
    SAME(vft_leaves_check(&l), t[i].good ? VFT_OK : VFT_USAGE);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(whole_steps), cmocka_unit_test(cut_steps),
                                     cmocka_unit_test(choices), cmocka_unit_test(other_kinds),
                                     cmocka_unit_test(bounds)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
