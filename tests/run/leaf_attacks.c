/* Attacks on the leaves of a proved run: leaf_attacks RUN GROUPS SHARDS, the last two being how its
 * proofs become leaves (run/leaves.h). VFT_LONG: all leaves, not the last of each kind, and forty
 * times as many cells.
 *
 * The adversary is consistent. Whatever it wants to be otherwise, it makes the tables so, or the
 * digits of a place, or the claims that it opens, and all cells that follow: so that a leaf fails
 * by the one thing that it says of it and by nothing else. How many cells that must be zero are not
 * is counted: with just these left out the false leaf holds, so each is needed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "recurse/evaluate.h"
#include "run/leaf_keys.h"
#include "run/proof_file.h"
#include "run/verify_step.h"

#define OK(x)                                               \
  do {                                                      \
    if ((x) != VFT_OK) fail_msg("%s", vft_error_message()); \
  } while (0)

enum { MOST_ENTRIES = 1 << 12, TABLES = VFT_RUN_TABLES };

static struct {
  const char *folder;
  vft_leaf_choice choice;
  vft_aggregation a;
  vft_fp keys[VFT_AT_COMMON]; /* of nodes and wraps: no leaf looks at them */
  vft_leaf_kinds kinds;
  uint8_t digest[VFT_LEAF_KINDS][32];
  vft_poseidon_digest honest[TABLES][MOST_ENTRIES];
  uint64_t entries[TABLES];
  uint64_t leaves;
  uint32_t n; /* ranges; 0: whole steps */
} run;

/* ---- what the run's own functions are told otherwise ---- */

static struct {
  const vft_leaf *at;              /* the leaf, whatever its number; NULL: as it is */
  uint64_t instead[2];             /* claims of group instead[1] for those of instead[0] */
  bool claims, exchanged;          /* exchanged: also the other way round */
  const char *step_file, *epoch_file;
} lie;

vft_leaf __real_vft_leaf_at(const vft_leaves *l, uint64_t i);
vft_leaf __wrap_vft_leaf_at(const vft_leaves *l, uint64_t i);
vft_leaf __wrap_vft_leaf_at(const vft_leaves *l, uint64_t i) {
  return lie.at ? *lie.at : __real_vft_leaf_at(l, i);
}

vft_status __real_vft_verify_shard(const vft_manifest *m, const vft_shards *s, const char *folder,
                                   uint64_t t, uint32_t shard, vft_digest *link,
                                   vft_oracle_claims *claims, vft_soundness *soundness,
                                   size_t *bytes);
vft_status __wrap_vft_verify_shard(const vft_manifest *m, const vft_shards *s, const char *folder,
                                   uint64_t t, uint32_t shard, vft_digest *link,
                                   vft_oracle_claims *claims, vft_soundness *soundness,
                                   size_t *bytes);
vft_status __wrap_vft_verify_shard(const vft_manifest *m, const vft_shards *s, const char *folder,
                                   uint64_t t, uint32_t shard, vft_digest *link,
                                   vft_oracle_claims *claims, vft_soundness *soundness,
                                   size_t *bytes) {
  if (lie.claims) {
    uint64_t to = t;
    if (t == lie.instead[0]) to = lie.instead[1];
    if (lie.exchanged && t == lie.instead[1]) to = lie.instead[0];
    t = to;
  }
  return __real_vft_verify_shard(m, s, folder, t, shard, link, claims, soundness, bytes);
}

vft_status __real_vft_step_file_read(const char *path, vft_step_file *out);
vft_status __wrap_vft_step_file_read(const char *path, vft_step_file *out);
vft_status __wrap_vft_step_file_read(const char *path, vft_step_file *out) {
  return __real_vft_step_file_read(lie.step_file ? lie.step_file : path, out);
}

vft_status __real_vft_epoch_file_read(const char *path, vft_epoch_file *out);
vft_status __wrap_vft_epoch_file_read(const char *path, vft_epoch_file *out);
vft_status __wrap_vft_epoch_file_read(const char *path, vft_epoch_file *out) {
  return __real_vft_epoch_file_read(lie.epoch_file ? lie.epoch_file : path, out);
}

/* ---- tables ---- */

static uint64_t groups(void) {
  const vft_leaves *l = &run.a.leaves;
  return l->full * l->groups[0] + l->groups[1];
}

static void read_tables(void) {
  const vft_aggregation *a = &run.a;
  uint64_t T = a->manifest->steps, E = a->epochs.epochs, b = a->epochs.blocks, S = a->leaves.shards;
  run.entries[VFT_RUN_INPUTS] = S * T;
  run.entries[VFT_RUN_BLOCKS] = E * b;
  run.entries[VFT_RUN_STATES] = T + 1 + (run.n != 0);
  run.entries[VFT_RUN_ROWS] = E;
  run.entries[VFT_RUN_COUNTERS] = E * (b + 1);
  run.entries[VFT_RUN_PLACES] = run.n ? (run.n + 1) * T : 0;
  run.entries[VFT_RUN_CLAIMS] = S * groups();
  for (int x = 0; x < TABLES; x++) {
    assert_true(run.entries[x] <= MOST_ENTRIES);
    for (uint64_t i = 0; i < run.entries[x]; i++)
      run.honest[x][i] = vft_table_leaf(&a->table[x], i);
  }
}

/* The prover's table, and what is said of it in the statement. */
static void set_table(int x, const vft_poseidon_digest *leaf) {
  vft_table_tree_free(&run.a.table[x]);
  OK(vft_table_tree_init(&run.a.table[x], leaf, run.entries[x]));
  memcpy(run.a.common + VFT_COMMON_TABLES + 4 * x, run.a.table[x].root.e, 4 * sizeof(vft_fp));
}

static void honest_tables(void) {
  for (int x = 0; x < TABLES; x++) set_table(x, run.honest[x]);
}

/* ---- leaves ---- */

static vft_leaf leaf_at(uint64_t i) { return __real_vft_leaf_at(&run.a.leaves, i); }

/* The last of its kind: where no digit is 0 that need not be. */
static bool picked(uint64_t i) {
  vft_leaf at = leaf_at(i);
  uint32_t kind = vft_leaf_kind(&run.kinds, &at);
  for (uint64_t k = i + 1; k < run.leaves && !getenv("VFT_LONG"); k++) {
    vft_leaf later = leaf_at(k);
    if (vft_leaf_kind(&run.kinds, &later) == kind) return false;
  }
  return true;
}

static const char *name_of(const vft_leaf *leaf) {
  static const char *const what[] = {"release", "group", "opening", "block"};
  static const char *const place[] = {"", " at an epoch's end", " at the run's end"};
  static char text[120];
  snprintf(text, sizeof text, "%s%s, items %d to %d, proofs from %d on", what[leaf->what],
           place[leaf->place], (int)leaf->first, (int)leaf->end - 1, (int)leaf->shard);
  return text;
}

static vft_circuit *make(uint64_t i) {
  vft_circuit *c;
  OK(vft_leaf_make(&run.a, i, run.keys, NULL, &c));
  return c;
}

static void rejected(uint64_t i, const char *what) {
  vft_circuit *c;
  if (vft_leaf_make(&run.a, i, run.keys, NULL, &c) != VFT_REJECTED)
    fail_msg("leaf %d: %s: %s", (int)i, what, vft_error_message());
  assert_null(c);
  vft_error_clear();
}

static bool is_kind(const vft_circuit *c, const vft_leaf *leaf) {
  uint8_t digest[32];
  vft_circuit_digest(c, digest);
  return !memcmp(digest, run.digest[vft_leaf_kind(&run.kinds, leaf)], 32);
}

static bool fails(const vft_circuit *c, uint32_t i) {
  return !vft_ext_is_zero(vft_circuit_value(c, c->zero[i]));
}

static uint32_t not_zero(const vft_circuit *c) {
  uint32_t n = 0;
  for (uint32_t i = 0; i < c->nzero; i++) n += fails(c, i);
  return n;
}

/* The table of which a cell that must be 0 says that a path ends at its root; -1: it says something
 * else. */
static int table_of(const vft_circuit *c, uint32_t i) {
  vft_wire w = c->zero[i];
  if (vft_wire_kind(w) != VFT_CELL_SUM) return -1;
  vft_sum_op o = c->sum[vft_wire_number(w)];
  vft_wire root = vft_wire_kind(o.a) == VFT_CELL_BASE ? o.a : o.b;
  uint32_t number = vft_wire_number(root);
  if (vft_wire_kind(root) != VFT_CELL_BASE || vft_wire_kind(o.c) != VFT_CELL_PART ||
      number < VFT_COMMON_TABLES || number >= VFT_COMMON_ELEMENTS)
    return -1;
  return (int)(number - VFT_COMMON_TABLES) / 4;
}

/* Cells of a circuit that must be 0 and are not: of entries of tables, and others. */
typedef struct {
  uint32_t of[TABLES], others;
} failing;

static failing count(const vft_circuit *c) {
  failing f = {{0}, 0};
  for (uint32_t i = 0; i < c->nzero; i++) {
    if (!fails(c, i)) continue;
    int x = table_of(c, i);
    if (x < 0) f.others++;
    else f.of[x]++;
  }
  return f;
}

/* With what fails left out it holds. */
static void holds_without(vft_circuit *c) {
  uint32_t kept = 0;
  assert_false(vft_circuit_holds(c));
  for (uint32_t i = 0; i < c->nzero; i++)
    if (!fails(c, i)) c->zero[kept++] = c->zero[i];
  c->nzero = kept;
  assert_true(vft_circuit_holds(c));
}

/* ---- what a leaf speaks of, from the specification (18.3) ---- */

/* Number of times that it says of an entry what that is. */
typedef struct {
  uint8_t times[TABLES][MOST_ENTRIES];
} spoken;

static void says(spoken *s, int table, uint64_t entry) {
  assert_true(entry < run.entries[table]);
  s->times[table][entry]++;
}

static bool leaves_claims(uint32_t shard) { return shard <= run.n; } /* an optimiser's does not */

/* Head, layers and optimisers of a cut step: what a part takes in and puts out. */
static void part_says(spoken *s, const vft_leaf *at, uint32_t shard) {
  uint32_t n = run.n, kind = shard ? 1 + (shard - 1) / n : 0, r = shard ? (shard - 1) % n : 0;
  uint64_t places = (uint64_t)(n + 1) * at->step;
  if (kind == 0) { /* rows; what the last layers put out, and its own */
    says(s, VFT_RUN_ROWS, at->epoch);
    says(s, VFT_RUN_PLACES, places + n);
    says(s, VFT_RUN_PLACES, places);
    return;
  }
  says(s, VFT_RUN_STATES, at->step);
  says(s, VFT_RUN_PLACES, places + 1 + r); /* what these layers put out */
  if (kind == 2) {
    says(s, VFT_RUN_STATES, at->step + 1);
    says(s, VFT_RUN_PLACES, places);
    return;
  }
  if (r > 0) says(s, VFT_RUN_PLACES, places + r);
  if (r + 1 < n) says(s, VFT_RUN_PLACES, places + 2 + r);
  if (r == 0 || r + 1 == n) says(s, VFT_RUN_PLACES, places);
}

static void group_says(spoken *s, const vft_leaf *at, uint32_t shard) {
  const vft_leaves *l = &run.a.leaves;
  uint64_t q = at->window * l->choice.groups + at->within;
  for (uint64_t k = 0; k < (uint64_t)at->steps; k++)
    says(s, VFT_RUN_INPUTS, l->shards * (at->step + k) + shard);
  if (leaves_claims(shard))
    says(s, VFT_RUN_CLAIMS, l->shards * (at->epoch * l->groups[0] + q) + shard);
  if (run.n) {
    part_says(s, at, shard);
    return;
  }
  says(s, VFT_RUN_STATES, at->step);
  says(s, VFT_RUN_STATES, at->step + (uint64_t)at->steps);
  says(s, VFT_RUN_ROWS, at->epoch);
}

static void leaf_says(const vft_leaf *at, spoken *s) {
  const vft_leaves *l = &run.a.leaves;
  uint64_t b = l->blocks, T = l->steps;
  memset(s, 0, sizeof *s);
  switch (at->what) {
    case VFT_LEAF_RELEASE:
      for (uint32_t r = 0; r < run.n; r++) says(s, VFT_RUN_STATES, T);
      says(s, VFT_RUN_STATES, T + 1);
      break;
    case VFT_LEAF_BLOCK:
      if (at->block) says(s, VFT_RUN_COUNTERS, (b + 1) * at->epoch + at->block);
      says(s, VFT_RUN_COUNTERS, (b + 1) * at->epoch + at->block + 1);
      says(s, VFT_RUN_ROWS, at->epoch);
      says(s, VFT_RUN_BLOCKS, b * at->epoch + at->block);
      break;
    case VFT_LEAF_GROUP:
      for (uint32_t i = 0; i < at->shards; i++) group_says(s, at, at->shard + i);
      break;
    case VFT_LEAF_OPENING:
      for (uint32_t i = 0; i < at->groups * l->shards; i++) {
        uint64_t q = at->window * l->choice.groups + i / l->shards;
        if (leaves_claims(i % l->shards))
          says(s, VFT_RUN_CLAIMS, l->shards * (at->epoch * l->groups[0] + q) + i % l->shards);
      }
      break;
  }
}

/* ---- the run ---- */

static int begin(void **state) {
  (void)state;
  OK(vft_aggregation_open(run.folder, &run.a));
  vft_leaves_init(&run.a.leaves, run.a.manifest, &run.a.shards.cut, &run.choice);
  run.n = (uint32_t)run.a.shards.cut.n;
  run.leaves = vft_leaves_count(&run.a.leaves);
  for (uint64_t i = 0; i < VFT_AT_COMMON; i++) run.keys[i] = (vft_fp){7 + i};
  vft_leaf_kinds_of(&run.a.leaves, &run.kinds);
  for (uint32_t k = 0; k < run.kinds.n; k++) {
    vft_circuit *c;
    OK(vft_leaf_make(&run.a, run.kinds.example[k], NULL, NULL, &c));
    vft_circuit_digest(c, run.digest[k]);
    vft_circuit_free(c);
    for (uint32_t j = 0; j < k; j++) assert_memory_not_equal(run.digest[j], run.digest[k], 32);
  }
  read_tables();
  return 0;
}

static int finish(void **state) {
  (void)state;
  vft_aggregation_close(&run.a);
  return 0;
}

/* ---- tables ---- */

/* All entries that a leaf does not speak of are others: it holds, being of its kind. All that it
 * does speak of are the next ones, of another step, epoch, block, place or group: it fails by each
 * entry's root, and by nothing else. */
static void entries(void **state) {
  (void)state;
  static spoken s;
  static vft_poseidon_digest leaf[MOST_ENTRIES];
  for (uint64_t i = 0; i < run.leaves; i++) {
    vft_leaf at = leaf_at(i);
    if (!picked(i)) continue;
    leaf_says(&at, &s);
    for (int own = 0; own < 2; own++) {
      uint32_t expected[TABLES] = {0};
      for (int x = 0; x < TABLES; x++) {
        for (uint64_t k = 0; k < run.entries[x]; k++) {
          leaf[k] = run.honest[x][k];
          if ((s.times[x][k] > 0) != own) continue;
          leaf[k] = run.honest[x][(k + 1) % run.entries[x]];
          if (!memcmp(&leaf[k], &run.honest[x][k], sizeof *leaf)) leaf[k].e[0].v ^= 1;
          expected[x] += 4u * s.times[x][k];
        }
        set_table(x, leaf);
      }
      vft_circuit *c = make(i);
      assert_true(is_kind(c, &at));
      failing f = count(c);
      for (int x = 0; x < TABLES; x++)
        if (f.of[x] != expected[x] || f.others)
          fail_msg("%s: table %d: %d and %d others fail, not %d", name_of(&at), x, (int)f.of[x],
                   (int)f.others, (int)expected[x]);
      if (own) holds_without(c);
      else assert_true(vft_circuit_holds(c));
      vft_circuit_free(c);
    }
  }
  honest_tables();
}

/* Entry of a state of these roots. */
static vft_poseidon_digest state_of(const vft_fp (*roots)[8]) {
  vft_poseidon_digest level[VFT_MAX_PARTS] = {{{{0}}}};
  uint32_t n = 1;
  while (n < run.a.ranges) n *= 2;
  for (uint32_t r = 0; r < run.a.ranges; r++)
    level[r] = vft_sponge_of(VFT_DOMAIN_TABLE_STATES, roots[r], 8);
  for (; n > 1; n /= 2)
    for (uint32_t r = 0; r < n / 2; r++) vft_poseidon_compress(&level[2 * r], &level[r], 1);
  return level[0];
}

/* How often a leaf says what range r of the state before step t is, and of it the second half. */
static uint32_t says_range(const vft_leaf *at, uint64_t t, uint32_t r, bool half) {
  uint32_t n = run.n, times = 0;
  uint64_t after = at->step + (uint64_t)at->steps;
  if (at->what == VFT_LEAF_RELEASE) return !half && t == run.a.manifest->steps;
  if (at->what != VFT_LEAF_GROUP) return 0;
  if (!n) return (t == at->step) + (t == after);
  for (uint32_t s = at->shard; s < at->shard + at->shards; s++) {
    if (!s || (s - 1) % n != r) continue;
    bool optimiser = s > n;
    times += t == at->step && (optimiser || !half);
    times += t == after && optimiser;
  }
  return times;
}

/* Each range of a state is said of by itself, adapter and state; of one that a part has without its
 * optimiser's state, that state is any. Ranges exchanged are none of theirs. */
static void ranges(void **state) {
  (void)state;
  static vft_poseidon_digest leaf[MOST_ENTRIES];
  uint64_t T = run.a.manifest->steps;
  uint32_t n = run.a.ranges;
  for (uint64_t i = 0; i < run.leaves; i++) {
    vft_leaf at = leaf_at(i);
    bool release = at.what == VFT_LEAF_RELEASE;
    if ((!release && at.what != VFT_LEAF_GROUP) || !picked(i)) continue;
    for (int last = 0; last < (release ? 1 : 2); last++) {
      uint64_t t = release ? T : at.step + (last ? (uint64_t)at.steps : 0);
      vft_fp(*roots)[8] = run.a.roots + t * n, kept[VFT_MAX_PARTS][8];
      memcpy(kept, roots, n * sizeof *kept);
      for (uint32_t r = 0; r <= n; r++) {
        for (int half = 0; half < 2; half++) {
          uint32_t expected = 0;
          if (r < n) { /* adapter of one range; state of one range */
            roots[r][4 * half].v ^= 1;
            expected = 4 * says_range(&at, t, r, half);
          } else { /* the first exchanged with the last */
            if (n < 2 || half) continue;
            memcpy(roots[0], kept[n - 1], sizeof *kept);
            memcpy(roots[n - 1], kept[0], sizeof *kept);
            for (uint32_t k = 0; k < n; k += n - 1)
              expected += 4 * says_range(&at, t, k, false);
          }
          memcpy(leaf, run.honest[VFT_RUN_STATES], sizeof leaf);
          leaf[t] = state_of((const vft_fp(*)[8])roots);
          set_table(VFT_RUN_STATES, leaf);
          vft_circuit *c = make(i);
          failing f = count(c);
          if (f.of[VFT_RUN_STATES] != expected || f.others)
            fail_msg("%s: range %d of step %d: %d and %d others fail, not %d", name_of(&at), (int)r,
                     (int)t, (int)f.of[VFT_RUN_STATES], (int)f.others, (int)expected);
          if (expected) holds_without(c);
          vft_circuit_free(c);
          memcpy(roots, kept, n * sizeof *kept);
        }
      }
    }
  }
  honest_tables();
}

/* What the statement has in common with all leaves, the tables' roots apart: proofs are of another
 * run then. */
static void common(void **state) {
  (void)state;
  for (uint32_t k = 0; k < run.kinds.n; k++) {
    vft_leaf at = leaf_at(run.kinds.example[k]);
    if (k && leaf_at(run.kinds.example[k - 1]).what == at.what) continue;
    static const int element[] = {0, VFT_COMMON_STEPS - 1, VFT_COMMON_STEPS, VFT_COMMON_BASE,
                                  VFT_COMMON_FUNCTIONS + 3};
    for (size_t i = 0; i < sizeof element / sizeof *element; i++) {
      vft_fp *x = &run.a.common[element[i]];
      bool of_steps = at.what == VFT_LEAF_RELEASE || at.what == VFT_LEAF_BLOCK;
      if (i == 2 ? !of_steps : i > 2 && of_steps) continue; /* not of its proof */
      x->v ^= 1;
      rejected(run.kinds.example[k], "another common element");
      x->v ^= 1;
    }
  }
}

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
    vft_leaf at = leaf_at(i);
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
    vft_leaf own = leaf_at(i);
    if (own.what != VFT_LEAF_GROUP || own.place != VFT_LEAF_ANYWHERE || !picked(i)) continue;
    vft_circuit *c = make(i);
    for (uint64_t k = 0; k < run.leaves; k++) {
      vft_leaf at = leaf_at(k);
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
  return kind <= VFT_CELL_BASE;
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
static uint32_t broken(const vft_leaf *at, const setting *s) {
  const vft_leaves *l = &run.a.leaves;
  int64_t N = (int64_t)l->epoch_steps, G = (int64_t)l->group_steps, W = l->choice.groups;
  bool fixed = at->place != VFT_LEAF_ANYWHERE, end = at->place == VFT_LEAF_EPOCH_END;
  uint32_t is = sides(s->e, (int64_t)(end ? l->full : l->epochs) - 1, E_LOW);
  if (at->what == VFT_LEAF_BLOCK)
    return is | (at->block ? sides(s->v, (int64_t)l->blocks - 2, V_LOW) : 0);
  if (fixed) return is;
  if (at->what == VFT_LEAF_OPENING) {
    bool past = N * s->e + G * W * (s->v + 1) > (int64_t)l->steps;
    return is | sides(s->v, N / G / W - 1, V_LOW) | (past ? PAST_END : 0);
  }
  int64_t most = (N - at->steps) / G;
  return is | sides(s->v, most / W, V_LOW) | sides(s->j, W - 1, J_LOW) |
         sides(s->v * W + s->j, most, Q_LOW);
}

static void evaluate_setting(vft_circuit *c, const vft_leaf *at, const setting *s) {
  const vft_leaves *l = &run.a.leaves;
  int64_t first = l->release + s->e * (int64_t)vft_leaves_epoch_items(l);
  int64_t W = l->choice.groups, S = l->shards;
  uint32_t digit = AT_DIGITS;
  if (at->what == VFT_LEAF_BLOCK) {
    digit += 4 * VFT_EPOCH_LINKS;
    first += at->block ? s->v + 1 : 0;
  } else {
    first += l->blocks + s->v * (W * S + 1) + s->j * S;
    first += at->what == VFT_LEAF_OPENING ? at->groups * S : at->shard;
  }
  put(c, VFT_CELL_INPUT, VFT_AT_FIRST, first);
  put(c, VFT_CELL_INPUT, VFT_AT_END, first + (int64_t)(at->end - at->first));
  put(c, VFT_CELL_BASE, digit, s->e);
  bool block = at->what == VFT_LEAF_BLOCK;
  if (block ? at->block > 0 : at->place == VFT_LEAF_ANYWHERE) {
    put(c, VFT_CELL_BASE, digit + 1, s->v);
    if (at->what == VFT_LEAF_GROUP) put(c, VFT_CELL_BASE, digit + 2, s->j);
  }
  assert_true(evaluate(c));
}

/* Just beyond each range, and where v and j are within theirs and G (v W + j) is not. */
static uint32_t settings_of(const vft_leaf *at, setting *out) {
  const vft_leaves *l = &run.a.leaves;
  int64_t W = l->choice.groups, G = (int64_t)l->group_steps, N = (int64_t)l->epoch_steps;
  bool block = at->what == VFT_LEAF_BLOCK, anywhere = at->place == VFT_LEAF_ANYWHERE;
  setting own = {(int64_t)at->epoch, block ? (int64_t)at->block - 1 : (int64_t)at->window,
                 (int64_t)at->within};
  uint32_t n = 0;
  int64_t epochs = (int64_t)(at->place == VFT_LEAF_EPOCH_END ? l->full : l->epochs);
  if (at->what == VFT_LEAF_RELEASE || at->place == VFT_LEAF_RUN_END) return 0;
  for (int high = 0; high < 2; high++) {
    out[n] = own;
    out[n++].e = high ? epochs : -1;
    if (block ? !at->block : !anywhere) continue;
    int64_t windows = at->what == VFT_LEAF_OPENING ? N / G / W : (N - at->steps) / G / W + 1;
    out[n] = own;
    out[n++].v = high ? (block ? (int64_t)l->blocks - 1 : windows) : -1;
    if (at->what != VFT_LEAF_GROUP) continue;
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
    vft_leaf at = leaf_at(i);
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
      bool below = s[k].e < 0 || (at.what == VFT_LEAF_BLOCK ? s[k].v : group) < 0;
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
    vft_leaf own = leaf_at(i);
    bool opening = own.what == VFT_LEAF_OPENING;
    if ((own.what != VFT_LEAF_GROUP && !opening) || own.place != VFT_LEAF_ANYWHERE) continue;
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
  vft_leaf last = leaf_at(run.leaves - 1), full;
  bool found = false;
  for (uint64_t i = 0; i < run.leaves && !found; i++) {
    full = leaf_at(i);
    found = full.what == VFT_LEAF_OPENING && full.place == VFT_LEAF_ANYWHERE;
  }
  if (!found || last.place != VFT_LEAF_RUN_END || last.groups != l->choice.groups) skip();
  last.place = VFT_LEAF_ANYWHERE;
  lie.at = &last;
  vft_circuit *c = make(0);
  lie.at = NULL;
  assert_true(is_kind(c, &full));
  assert_int_equal(not_zero(c), 1);
  assert_int_equal(count(c).others, 1);
  vft_circuit_free(c);
}

/* ---- claims ---- */

/* The elements of the claims of a proof. */
static uint32_t elements(uint64_t t, uint32_t shard, vft_fp **out) {
  vft_digest link[VFT_PROOF_LINKS];
  vft_oracle_claims claims = {0};
  vft_claim_list list;
  OK(__real_vft_verify_shard(run.a.manifest, &run.a.shards, run.a.folder, t, shard, link, &claims,
                             NULL, NULL));
  OK(vft_claim_list_of(&claims, &list));
  uint64_t form[VFT_CLAIM_FORM];
  uint32_t n = VFT_CLAIM_FORM + 3 * list.nvalues;
  vft_claims_form(&claims, form);
  *out = malloc((n + 1) * sizeof **out);
  assert_non_null(*out);
  for (uint32_t i = 0; i < n; i++) {
    uint32_t v = i - VFT_CLAIM_FORM;
    (*out)[i] = (vft_fp){i < VFT_CLAIM_FORM ? form[i] : list.value[v / 3][v % 3]};
  }
  vft_claim_list_free(&list);
  vft_oracle_claims_free(&claims);
  return n;
}

/* The only FREE cell with that value. */
static vft_ext *find(vft_circuit *c, const vft_fp *e) {
  vft_ext *found = NULL;
  for (uint32_t i = 0; i < c->cells[VFT_CELL_FREE].n; i++) {
    vft_ext *v = &c->cells[VFT_CELL_FREE].value[i];
    if (memcmp(v, e, sizeof *v)) continue;
    assert_null(found);
    found = v;
  }
  assert_non_null(found);
  return found;
}

static uint64_t leaf_of_group(uint64_t step, uint32_t shard) {
  for (uint64_t i = 0; i < run.leaves; i++) {
    vft_leaf at = leaf_at(i);
    if (at.what == VFT_LEAF_GROUP && at.step == step && shard >= at.shard &&
        shard < at.shard + at.shards)
      return i;
  }
  fail_msg("no leaf of step %d", (int)step);
  return 0;
}

/* The value of the last claim of a proof is another: in the table, and of the two leaves that speak
 * of the entry in one. The group's cannot, since its claims follow from its proof; the opening can
 * have what cells it likes, and then its opening fails. */
static void forged_claims(void **state) {
  (void)state;
  static vft_poseidon_digest leaf[MOST_ENTRIES];
  const vft_leaves *l = &run.a.leaves;
  for (uint64_t i = 0; i < run.leaves; i++) {
    vft_leaf at = leaf_at(i);
    if (at.what != VFT_LEAF_OPENING || !picked(i)) continue;
    vft_fp *x;
    uint32_t shard = run.n; /* the last that leaves claims */
    uint32_t n = elements(at.step, shard, &x);
    vft_fp forged = vft_fp_add(x[n - 3], (vft_fp){1}), old[3];
    memcpy(old, x + n - 3, sizeof old);
    x[n - 3] = forged;
    memcpy(leaf, run.honest[VFT_RUN_CLAIMS], sizeof leaf);
    uint64_t q = at.window * l->choice.groups;
    uint64_t entry = l->shards * (at.epoch * l->groups[0] + q) + shard;
    leaf[entry] = vft_sponge_of(VFT_DOMAIN_CLAIMS, x, n);
    set_table(VFT_RUN_CLAIMS, leaf);
    vft_circuit *c = make(leaf_of_group(at.step, shard)); /* under a table with the forged */
    assert_int_equal(count(c).of[VFT_RUN_CLAIMS], 4);
    assert_int_equal(not_zero(c), 4);
    vft_circuit_free(c);
    c = make(i); /* the opening's, still with the true ones */
    assert_int_equal(count(c).of[VFT_RUN_CLAIMS], 4);
    assert_int_equal(not_zero(c), 4);
    find(c, old)->c[0] = forged; /* and with the forged */
    assert_true(evaluate(c));
    assert_int_equal(count(c).of[VFT_RUN_CLAIMS], 0);
    assert_true(count(c).others > 0);
    vft_circuit_free(c);
    honest_tables();
    c = make(i); /* forged there alone */
    find(c, old)->c[0] = forged;
    assert_true(evaluate(c));
    assert_int_equal(count(c).of[VFT_RUN_CLAIMS], 4);
    assert_true(count(c).others > 0);
    vft_circuit_free(c);
    free(x);
  }
}

/* A good opening of claims that are all true, but not those: one group's twice, two groups'
 * exchanged. Nothing but their entries says so. */
static void other_claims(void **state) {
  (void)state;
  const vft_leaves *l = &run.a.leaves;
  uint32_t tried = 0, claims = run.n + 1; /* proofs of a group that leave some */
  for (uint64_t i = 0; i < run.leaves; i++) {
    vft_leaf at = leaf_at(i);
    if (at.what != VFT_LEAF_OPENING || at.groups < 2 || at.place != VFT_LEAF_ANYWHERE || !picked(i))
      continue;
    for (int exchanged = 0; exchanged < 2; exchanged++) {
      lie.claims = true;
      lie.exchanged = exchanged;
      lie.instead[0] = at.step + l->group_steps;
      lie.instead[1] = at.step;
      vft_circuit *c = make(i);
      lie.claims = false;
      assert_true(is_kind(c, &at));
      assert_int_equal(count(c).of[VFT_RUN_CLAIMS], 4 * claims * (exchanged ? 2 : 1));
      assert_int_equal(count(c).others, 0);
      holds_without(c);
      vft_circuit_free(c);
      tried++;
    }
  }
  if (!tried) skip();
}

/* ---- proofs in another's place ---- */

static char *file_of(const vft_leaf *at, uint32_t shard, vft_arena *arena) {
  const vft_aggregation *a = &run.a;
  uint64_t T = a->manifest->steps;
  char *proofs = vft_arena_printf(arena, "%s/proofs", a->folder);
  if (at->what == VFT_LEAF_BLOCK) return vft_epoch_file_path(arena, proofs, at->epoch, at->block);
  return vft_shard_file_path(arena, proofs, &a->shards.cut,
                             at->what == VFT_LEAF_RELEASE ? T : at->step,
                             at->what == VFT_LEAF_RELEASE ? 1 : shard, T);
}

/* Each proof in the place of each other, where a leaf is of one: another step, epoch, block or
 * part. */
static void other_proofs(void **state) {
  (void)state;
  vft_arena arena = {0};
  uint32_t tried = 0;
  for (uint64_t i = 0; i < run.leaves; i++) {
    vft_leaf at = leaf_at(i);
    bool block = at.what == VFT_LEAF_BLOCK;
    if (at.what == VFT_LEAF_OPENING || (at.what == VFT_LEAF_GROUP && at.shards > 1)) continue;
    if (!picked(i)) continue;
    for (uint64_t k = 0; k < run.leaves; k++) {
      vft_leaf of = leaf_at(k);
      if (k == i || of.what == VFT_LEAF_OPENING || (of.what == VFT_LEAF_BLOCK) != block) continue;
      char *path = file_of(&of, of.shard, &arena);
      assert_non_null(path);
      *(block ? &lie.epoch_file : &lie.step_file) = path;
      rejected(i, path);
      lie.epoch_file = lie.step_file = NULL;
      tried++;
    }
  }
  vft_arena_free(&arena);
  print_message("%d\n", (int)tried);
}

/* ---- cells ---- */

/* A circuit with its cells in an order of computation, and their values to go back to. */
typedef struct {
  evaluation e;
  vft_ext *kept[VFT_CELL_KINDS];
  uint8_t *changed[VFT_CELL_KINDS]; /* of units; of cells, where units have none */
  uint8_t *zero[VFT_CELL_KINDS];    /* must be */
} trial;

static void trial_init(trial *t, vft_circuit *c) {
  size_t units = 0;
  memset(t, 0, sizeof *t);
  t->e.c = c;
  for (int k = 0; k < VFT_CELL_KINDS; k++) {
    uint32_t n = c->cells[k].n;
    units += n / unit_size((vft_cell_kind)k) + 1;
    if (k > VFT_CELL_FREE) t->e.state[k] = calloc(n + 1, 1);
    t->changed[k] = calloc(n + 1, 1);
    t->zero[k] = calloc(n + 1, 1);
    t->kept[k] = malloc((n + 1) * sizeof **t->kept);
    assert_true(t->changed[k] && t->zero[k] && t->kept[k]);
    memcpy(t->kept[k], c->cells[k].value, n * sizeof **t->kept);
  }
  t->e.stack = malloc((units + 2) * sizeof *t->e.stack);
  t->e.order = malloc((units + 2) * sizeof *t->e.order);
  assert_true(t->e.stack && t->e.order);
  for (uint32_t i = 0; i < c->nzero; i++) { /* those first that need the least */
    vft_cell_kind kind = vft_wire_kind(c->zero[i]);
    t->zero[kind][vft_wire_number(c->zero[i])] = 1;
    if (kind > VFT_CELL_FREE) assert_true(compute(&t->e, c->zero[i]));
  }
}

static void trial_free(trial *t) {
  for (int k = 0; k < VFT_CELL_KINDS; k++) {
    free(t->e.state[k]);
    free(t->changed[k]);
    free(t->zero[k]);
    free(t->kept[k]);
  }
  free(t->e.stack);
  free(t->e.order);
}

/* Whether the circuit holds with one cell changed, all that follows being computed anew; as it was,
 * then. */
static bool holds_with(trial *t, vft_cell_kind kind, uint32_t i, vft_ext v) {
  vft_circuit *c = t->e.c;
  bool holds = true;
  size_t n = 0;
  c->cells[kind].value[i] = v;
  t->changed[kind][i] = 1;
  for (; n < t->e.ordered && holds; n++) {
    vft_wire w = t->e.order[n], need[VFT_POSEIDON_RATE + 2];
    vft_cell_kind of = vft_wire_kind(w);
    uint32_t unit = unit_of(w), size = unit_size(of);
    int needs = unit_needs(c, of, unit, need);
    bool touched = of == VFT_CELL_FETCH;
    for (int k = 0; k < needs && !touched; k++)
      touched = t->changed[vft_wire_kind(need[k])][unit_of(need[k])];
    if (!touched) continue;
    compute_unit(&t->e, of, unit);
    vft_ext *value = c->cells[of].value + (size_t)size * unit;
    if (!memcmp(value, t->kept[of] + (size_t)size * unit, size * sizeof *value)) continue;
    t->changed[of][unit] = 1;
    for (uint32_t k = 0; k < size; k++)
      if (t->zero[of][size * unit + k] && !vft_ext_is_zero(value[k])) holds = false;
  }
  while (n--) {
    vft_cell_kind of = vft_wire_kind(t->e.order[n]);
    uint32_t unit = unit_of(t->e.order[n]), size = unit_size(of);
    if (!t->changed[of][unit]) continue;
    memcpy(c->cells[of].value + (size_t)size * unit, t->kept[of] + (size_t)size * unit,
           size * sizeof **t->kept);
    t->changed[of][unit] = 0;
  }
  t->changed[kind][i] = 0;
  c->cells[kind].value[i] = t->kept[kind][i];
  return holds;
}

/* Every cell counts: of the statement but for the keys of nodes and wraps, which a leaf has no use
 * for; of what is said before a proof is verified, and behind it; of the proof. */
static void cells(void **state) {
  (void)state;
  bool all = getenv("VFT_LONG") != NULL;
  for (uint32_t k = 0; k < run.kinds.n; k++) {
    vft_leaf at = leaf_at(run.kinds.example[k]);
    vft_circuit *c = make(run.kinds.example[k]);
    trial t;
    uint32_t tried = 0, n = c->cells[VFT_CELL_BASE].n;
    trial_init(&t, c);
    for (uint32_t i = 0; i < VFT_RANGE_INPUTS; i++) {
      vft_ext v = c->cells[VFT_CELL_INPUT].value[i];
      v.c[0] = vft_fp_add(v.c[0], (vft_fp){1});
      assert_int_equal(holds_with(&t, VFT_CELL_INPUT, i, v), i < VFT_AT_COMMON);
    }
    for (uint32_t i = 0; i < n; i++) {
      /* common elements, digits and the first links; the last path; a sample of the others */
      bool near = i < 64 || i + 4 > n;
      uint32_t every = i < 2000 || i + 100 > n ? 41 : 2003;
      if (!near && i % (all ? every / 40 : every)) continue;
      vft_ext v = c->cells[VFT_CELL_BASE].value[i];
      v.c[0] = vft_fp_add(v.c[0], (vft_fp){i % 2 ? 1 : VFT_P - 1});
      if (holds_with(&t, VFT_CELL_BASE, i, v))
        fail_msg("%s: base cell %d of %d may be anything", name_of(&at), (int)i, (int)n);
      tried++;
    }
    print_message("%s: %d of %d base cells\n", name_of(&at), (int)tried, (int)n);
    assert_true(evaluate(c));
    assert_true(vft_circuit_holds(c));
    trial_free(&t);
    vft_circuit_free(c);
  }
}

int main(int argc, char **argv) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(entries), cmocka_unit_test(ranges),
      cmocka_unit_test(common), cmocka_unit_test(neighbours),
      cmocka_unit_test(other_numbers), cmocka_unit_test(digits),
      cmocka_unit_test(other_epochs), cmocka_unit_test(short_window),
      cmocka_unit_test(forged_claims), cmocka_unit_test(other_claims),
      cmocka_unit_test(other_proofs), cmocka_unit_test(cells),
  };
  if (argc != 4) {
    fprintf(stderr, "usage: leaf_attacks RUN GROUPS SHARDS\n");
    return 2;
  }
  run.folder = argv[1];
  run.choice = (vft_leaf_choice){(uint32_t)atoi(argv[2]), (uint32_t)atoi(argv[3])};
  return cmocka_run_group_tests(tests, begin, finish);
}
