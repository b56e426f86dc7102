/* Attacks on the places that leaves of a proved run say they have: numbers of items, and their digits.
 * leaf_places RUN GROUPS SHARDS (leaf_run.h). VFT_LONG: all leaves, not the last of each kind. */
#include "leaf_run.h"

/* ---- places ---- */

enum { AT_DIGITS = VFT_COMMON_ELEMENTS };

static vft_fp integer(int64_t v) { return vft_fp_from_i64(v); }

static void put(vft_circuit *c, vft_cell_kind kind, uint32_t i, int64_t v) {
  c->cells[kind].value[i] = vft_ext_from_fp(integer(v));
}

/* Every kind of leaf under the number of its neighbour, its own digits being as they are: that
 * fails. */
static void neighbours(void **state) {
  (void)state;
  for (uint64_t i = 0; i < run.leaves; i++) {
    vft_piece at = leaf_at(i);
    if (!picked(i)) continue;
    vft_circuit *c = make(i);
    for (int by = -1; by <= 1; by += 2) {
      put(c, VFT_CELL_INPUT, VFT_AT_FIRST, (int64_t)at.first + by);
      put(c, VFT_CELL_INPUT, VFT_AT_END, (int64_t)at.end + by);
      assert_true(evaluate(c));
      if (not_zero(c) != 1) fail_msg("%s, by %d: %d fail", name_of(&at), by, (int)not_zero(c));
    }
    vft_circuit_free(c);
  }
}

/* The leaf of a group, of which the proof is good, under the number of every other: the digits, not
 * all in their ranges, for which number, step, epoch and claims all are as they should. Only the
 * ranges fail. */
static void other_numbers(void **state) {
  (void)state;
  const vft_leaves *l = &run.a.leaves;
  int64_t R = l->release, W = l->choice.groups, S = l->shards;
  int64_t P = (int64_t)vft_leaves_epoch_items(l);
  uint32_t tried = 0;
  for (uint64_t i = 0; i < run.leaves; i++) {
    vft_piece own = leaf_at(i);
    if (own.what != VFT_PIECE_GROUP || own.place != VFT_PIECE_ANYWHERE || !picked(i)) continue;
    vft_circuit *c = make(i);
    for (uint64_t k = 0; k < run.leaves; k++) {
      vft_piece at = leaf_at(k);
      if (at.first == own.first || (run.n && !picked(k))) continue;
      int64_t q = (int64_t)own.window * W + (int64_t)own.within;
      int64_t offset = (int64_t)at.first - R - (int64_t)own.epoch * P - l->blocks - own.shard;
      int64_t v = offset - S * q, j = q - v * W;
      put(c, VFT_CELL_INPUT, VFT_AT_FIRST, (int64_t)at.first);
      put(c, VFT_CELL_INPUT, VFT_AT_END, (int64_t)(at.first + own.end - own.first));
      put(c, VFT_CELL_BASE, AT_DIGITS + 1, v);
      put(c, VFT_CELL_BASE, AT_DIGITS + 2, j);
      assert_true(evaluate(c));
      failing f = count(c);
      for (int x = 0; x < TABLES; x++) assert_int_equal(f.of[x], 0);
      /* v and j have two each: that they are not negative, nor above their greatest */
      if (f.others < 1 || f.others > 2)
        fail_msg("%s as item %d (window %d, within %d): %d fail", name_of(&own), (int)at.first,
                 (int)v, (int)j, (int)f.others);
      tried++;
    }
    vft_circuit_free(c);
  }
  print_message("%d\n", (int)tried);
}

/* Which cells that must be 0 are of integers alone: no permutation and nothing of a proof is in
 * what they are computed from. Of sums the order is one of computation but for bits of sums: until
 * nothing changes. */
static bool plain(const vft_circuit *c, const uint8_t *sums, vft_wire w) {
  vft_cell_kind kind = vft_wire_kind(w);
  uint32_t i = vft_wire_number(w);
  if (kind == VFT_CELL_SUM) return sums[i];
  if (kind == VFT_CELL_BIT) return plain(c, sums, c->split[i / VFT_SPLIT_BITS].wire);
  return kind == VFT_CELL_CONSTANT || kind == VFT_CELL_INPUT || kind == VFT_CELL_BASE;
}

static uint8_t *plain_zeros(const vft_circuit *c) {
  uint8_t *sums = calloc(c->cells[VFT_CELL_SUM].n + 1, 1), *out = calloc(c->nzero + 1, 1);
  bool more = true;
  assert_true(sums && out);
  while (more) {
    more = false;
    for (uint32_t i = 0; i < c->cells[VFT_CELL_SUM].n; i++) {
      const vft_sum_op *o = &c->sum[i];
      if (sums[i] || !plain(c, sums, o->a) || !plain(c, sums, o->b) || !plain(c, sums, o->c))
        continue;
      sums[i] = more = true;
    }
  }
  for (uint32_t i = 0; i < c->nzero; i++) out[i] = plain(c, sums, c->zero[i]);
  free(sums);
  return out;
}

/* Digits of a place beyond their ranges, each alone, all cells that follow being computed: each
 * range has its own cell that must be 0 and is not. An entry below 0 has one, too. */
enum {
  E_LOW = 1, /* below, above their ranges */
  E_HIGH = 2,
  V_LOW = 4,
  V_HIGH = 8,
  J_LOW = 16,
  J_HIGH = 32,
  Q_LOW = 64,
  Q_HIGH = 128,
  PAST_END = 256
};
typedef struct {
  int64_t e, v, j;
} setting;

static uint32_t sides(int64_t x, int64_t most, uint32_t low) {
  return x < 0 ? low : x > most ? 2 * low : 0;
}

/* Of a group j is its digit, of a block v. */
static uint32_t broken(const vft_piece *at, const setting *s) {
  const vft_leaves *l = &run.a.leaves;
  int64_t N = (int64_t)l->epoch_steps, G = (int64_t)l->group_steps, W = l->choice.groups;
  bool fixed = at->place != VFT_PIECE_ANYWHERE, end = at->place == VFT_PIECE_EPOCH_END;
  uint32_t is = sides(s->e, (int64_t)(end ? l->full : l->epochs) - 1, E_LOW);
  if (at->what == VFT_PIECE_BLOCK)
    return is | (at->block ? sides(s->v, (int64_t)l->blocks - 2, V_LOW) : 0);
  if (fixed) return is;
  if (at->what == VFT_PIECE_OPENING) {
    bool past = N * s->e + G * W * (s->v + 1) > (int64_t)l->steps;
    return is | sides(s->v, N / G / W - 1, V_LOW) | (past ? PAST_END : 0);
  }
  int64_t most = (N - at->steps) / G;
  return is | sides(s->v, most / W, V_LOW) | sides(s->j, W - 1, J_LOW) |
         sides(s->v * W + s->j, most, Q_LOW);
}

static void evaluate_setting(vft_circuit *c, const vft_piece *at, const setting *s) {
  const vft_leaves *l = &run.a.leaves;
  int64_t first = l->release + s->e * (int64_t)vft_leaves_epoch_items(l);
  int64_t W = l->choice.groups, S = l->shards;
  uint32_t digit = AT_DIGITS;
  if (at->what == VFT_PIECE_BLOCK) {
    digit += 4 * VFT_EPOCH_LINKS;
    first += at->block ? s->v + 1 : 0;
  } else {
    first += l->blocks + s->v * (W * S + 1) + s->j * S;
    first += at->what == VFT_PIECE_OPENING ? at->groups * S : at->shard;
  }
  put(c, VFT_CELL_INPUT, VFT_AT_FIRST, first);
  put(c, VFT_CELL_INPUT, VFT_AT_END, first + (int64_t)(at->end - at->first));
  put(c, VFT_CELL_BASE, digit, s->e);
  bool block = at->what == VFT_PIECE_BLOCK;
  if (block ? at->block > 0 : at->place == VFT_PIECE_ANYWHERE) {
    put(c, VFT_CELL_BASE, digit + 1, s->v);
    if (at->what == VFT_PIECE_GROUP) put(c, VFT_CELL_BASE, digit + 2, s->j);
  }
  assert_true(evaluate(c));
}

/* Just beyond each range, and where v and j are within theirs and G (v W + j) is not. */
static uint32_t settings_of(const vft_piece *at, setting *out) {
  const vft_leaves *l = &run.a.leaves;
  int64_t W = l->choice.groups, G = (int64_t)l->group_steps, N = (int64_t)l->epoch_steps;
  bool block = at->what == VFT_PIECE_BLOCK, anywhere = at->place == VFT_PIECE_ANYWHERE;
  setting own = {(int64_t)at->epoch, block ? (int64_t)at->block - 1 : (int64_t)at->window,
                 (int64_t)at->within};
  uint32_t n = 0;
  int64_t epochs = (int64_t)(at->place == VFT_PIECE_EPOCH_END ? l->full : l->epochs);
  if (at->what == VFT_PIECE_RELEASE || at->place == VFT_PIECE_RUN_END) return 0;
  for (int high = 0; high < 2; high++) {
    out[n] = own;
    out[n++].e = high ? epochs : -1;
    if (block ? !at->block : !anywhere) continue;
    int64_t windows = at->what == VFT_PIECE_OPENING ? N / G / W : (N - at->steps) / G / W + 1;
    out[n] = own;
    out[n++].v = high ? (block ? (int64_t)l->blocks - 1 : windows) : -1;
    if (at->what != VFT_PIECE_GROUP) continue;
    out[n] = own;
    out[n++].j = high ? W : -1;
    int64_t beyond = (N - at->steps) / G + 1;
    if (!high || !(beyond % W)) continue;
    out[n] = own;
    out[n].v = beyond / W;
    out[n++].j = beyond % W;
  }
  return n;
}

static void digits(void **state) {
  (void)state;
  const vft_leaves *l = &run.a.leaves;
  uint32_t seen = 0;
  for (uint64_t i = 0; i < run.leaves; i++) {
    vft_piece at = leaf_at(i);
    setting s[8];
    uint32_t n = picked(i) ? settings_of(&at, s) : 0;
    if (!n) continue;
    vft_circuit *c = make(i);
    uint8_t *of_integers = plain_zeros(c);
    for (uint32_t k = 0; k < n; k++) {
      uint32_t found = 0, is = broken(&at, &s[k]), expected = (uint32_t)__builtin_popcount(is);
      int64_t group = s[k].v * (int64_t)l->choice.groups + s[k].j;
      evaluate_setting(c, &at, &s[k]);
      for (uint32_t z = 0; z < c->nzero; z++) found += of_integers[z] && fails(c, z);
      bool below = s[k].e < 0 || (at.what == VFT_PIECE_BLOCK ? s[k].v : group) < 0;
      if (!expected || (below ? found < expected : found != expected))
        fail_msg("%s: digits %d %d %d: %d ranges fail, not %x", name_of(&at), (int)s[k].e,
                 (int)s[k].v, (int)s[k].j, (int)found, (unsigned)is);
      seen |= is;
    }
    free(of_integers);
    vft_circuit_free(c);
  }
  print_message("ranges %x\n", (unsigned)seen);
}

/* In epochs of full groups, step and claims of a group are those of one in the epoch before, beyond
 * that one's end. So is a window's. The range of windows fails, and the rows of the epoch, where
 * there are any. */
static void other_epochs(void **state) {
  (void)state;
  const vft_leaves *l = &run.a.leaves;
  int64_t R = l->release, W = l->choice.groups, S = l->shards;
  int64_t P = (int64_t)vft_leaves_epoch_items(l);
  int64_t Q = (int64_t)l->groups[0];
  if (l->epoch_steps % l->group_steps) skip();
  for (uint64_t i = 0; i < run.leaves; i++) {
    vft_piece own = leaf_at(i);
    bool opening = own.what == VFT_PIECE_OPENING;
    if ((own.what != VFT_PIECE_GROUP && !opening) || own.place != VFT_PIECE_ANYWHERE) continue;
    if ((opening && Q % W) || !picked(i)) continue;
    for (int64_t e = 0; e <= (int64_t)l->epochs; e++) {
      if (e == (int64_t)own.epoch) continue;
      int64_t q = (int64_t)own.window * W + (int64_t)own.within + ((int64_t)own.epoch - e) * Q;
      int64_t v = q >= 0 ? q / W : (q - W + 1) / W, j = q - v * W;
      int64_t first = R + e * P + l->blocks + v * (W * S + 1);
      first += opening ? W * S : j * S + own.shard;
      vft_circuit *c = make(i);
      put(c, VFT_CELL_INPUT, VFT_AT_FIRST, first);
      put(c, VFT_CELL_INPUT, VFT_AT_END, first + (int64_t)(own.end - own.first));
      put(c, VFT_CELL_BASE, AT_DIGITS, e);
      put(c, VFT_CELL_BASE, AT_DIGITS + 1, v);
      if (!opening) put(c, VFT_CELL_BASE, AT_DIGITS + 2, j);
      assert_true(evaluate(c));
      failing f = count(c);
      bool rows = !opening && own.shard == 0, beyond = e >= (int64_t)l->epochs;
      for (int x = 0; x < TABLES; x++)
        if (x != VFT_RUN_ROWS) assert_int_equal(f.of[x], 0);
      if (rows) assert_true(f.of[VFT_RUN_ROWS] == 4);
      /* window, or window and group; the epoch, beyond the last */
      if (f.others < 1 || f.others > 2u + beyond + rows)
        fail_msg("%s in epoch %d: %d fail", name_of(&own), (int)e, (int)f.others);
      vft_circuit_free(c);
    }
  }
}

/* The run's last window, of W groups the last of which is shorter, as if all were full: its number
 * is that of such a window. That it ends by step T fails, and nothing else: for this model claims
 * of either group have one form. */
static void short_window(void **state) {
  (void)state;
  const vft_leaves *l = &run.a.leaves;
  vft_piece last = leaf_at(run.leaves - 1), full;
  bool found = false;
  for (uint64_t i = 0; i < run.leaves && !found; i++) {
    full = leaf_at(i);
    found = full.what == VFT_PIECE_OPENING && full.place == VFT_PIECE_ANYWHERE;
  }
  if (!found || last.place != VFT_PIECE_RUN_END || last.groups != l->choice.groups) skip();
  last.place = VFT_PIECE_ANYWHERE;
  lie.at = &last;
  vft_circuit *c = make(0);
  lie.at = NULL;
  assert_true(is_kind(c, &full));
  assert_int_equal(not_zero(c), 1);
  assert_int_equal(count(c).others, 1);
  vft_circuit_free(c);
}

/* Leaves of several pieces: each piece in turn is what another one of its kind is, at the number that it
 * has in the leaf. All that it says of tables, files and claims is true; that this is not the number of
 * such a piece fails, and nothing else. VFT_LONG: all kinds of leaves, all other pieces. */
static void pieces(void **state) {
  (void)state;
  const uint32_t most = VFT_LEAF_PROOFS / run.choice.shards;
  const vft_leaf_choice choice = {run.choice.groups, run.choice.shards,
                                  most < VFT_LEAF_GROUPS ? most : VFT_LEAF_GROUPS};
  const vft_leaves alone = run.a.leaves;
  bool all = getenv("VFT_LONG") != NULL;
  unsigned attacks = 0;
  static vft_leaf_kinds kinds;
  vft_leaves_init(&run.a.leaves, run.a.manifest, &run.a.shards.cut, &choice);
  OK(vft_leaf_kinds_of(&run.a.leaves, &kinds));
  for (uint32_t k = 0; k < kinds.n && (all || k < 2); k++) {
    vft_leaf leaf = vft_leaf_at(&run.a.leaves, kinds.example[k]);
    uint8_t blank[32], digest[32];
    vft_circuit *c;
    if (leaf.pieces < 2) continue;
    OK(vft_leaf_make(&run.a, kinds.example[k], NULL, NULL, &c));
    vft_circuit_digest(c, blank);
    vft_circuit_free(c);
    c = make(kinds.example[k]);
    vft_circuit_digest(c, digest);
    assert_memory_equal(digest, blank, 32);
    assert_true(vft_circuit_holds(c));
    vft_circuit_free(c);
    for (uint32_t p = 0; p < leaf.pieces; p++) {
      uint64_t number = leaf.piece + p;
      vft_piece own = leaf_at(number);
      for (uint64_t i = 0; i < run.leaves; i++) { /* of leaves of a piece, which are the pieces */
        vft_piece other = leaf_at(i);
        if (i == number || kind_of(&other) != kind_of(&own)) continue;
        other.first = own.first;
        other.end = own.end;
        lie.at = &other;
        lie.number = &number;
        c = make(kinds.example[k]);
        lie.at = NULL;
        lie.number = NULL;
        vft_circuit_digest(c, digest);
        assert_memory_equal(digest, blank, 32);
        if (not_zero(c) != 1 || count(c).others != 1)
          fail_msg("piece %d as piece %d: %d", (int)number, (int)i, (int)not_zero(c));
        holds_without(c);
        vft_circuit_free(c);
        attacks++;
        if (!all) break;
      }
    }
  }
  run.a.leaves = alone;
  print_message("%u pieces elsewhere\n", attacks);
  assert_true(attacks);
}

int main(int argc, char **argv) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(neighbours), cmocka_unit_test(other_numbers), cmocka_unit_test(digits),
      cmocka_unit_test(other_epochs), cmocka_unit_test(short_window), cmocka_unit_test(pieces),
  };
  return told(argc, argv) ? cmocka_run_group_tests(tests, begin, finish) : 2;
}
