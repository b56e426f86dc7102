/* Test helper: a proved run whose leaves are attacked (leaf_attacks.c, leaf_places.c).
 *
 * The adversary is consistent. Whatever it wants to be otherwise, it makes the tables so, or the
 * digits of a place, or the claims that it opens, and all cells that follow: so that a leaf fails
 * by the one thing that it says of it and by nothing else. How many cells that must be zero are not
 * is counted: with just these left out the false leaf holds, so each is needed. */
#ifndef TESTS_RUN_LEAF_RUN_H
#define TESTS_RUN_LEAF_RUN_H

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
  const vft_piece *at;             /* a piece, which is the leaf, whatever its number; NULL: as it is */
  const uint64_t *number;          /* only the piece of this number, one of the leaf */
  uint64_t instead[2];             /* claims of group instead[1] of the run for those of instead[0] */
  bool claims, exchanged;          /* exchanged: also the other way round */
  const char *step_file, *epoch_file;
} lie;

vft_piece __real_vft_piece_at(const vft_leaves *l, uint64_t i);
vft_piece __wrap_vft_piece_at(const vft_leaves *l, uint64_t i);
vft_piece __wrap_vft_piece_at(const vft_leaves *l, uint64_t i) {
  return lie.at && (!lie.number || i == *lie.number) ? *lie.at : __real_vft_piece_at(l, i);
}

vft_leaf __real_vft_leaf_at(const vft_leaves *l, uint64_t i);
vft_leaf __wrap_vft_leaf_at(const vft_leaves *l, uint64_t i);
vft_leaf __wrap_vft_leaf_at(const vft_leaves *l, uint64_t i) {
  vft_leaf leaf = __real_vft_leaf_at(l, i);
  if (lie.at && !lie.number) leaf.first = lie.at->first;
  if (lie.at && !lie.number) leaf.end = lie.at->end;
  return leaf;
}

vft_oracle_claims __real_vft_aggregation_claims(const vft_aggregation *a, uint64_t group,
                                                uint32_t shard);
vft_oracle_claims __wrap_vft_aggregation_claims(const vft_aggregation *a, uint64_t group,
                                                uint32_t shard);
vft_oracle_claims __wrap_vft_aggregation_claims(const vft_aggregation *a, uint64_t group,
                                                uint32_t shard) {
  uint64_t of = group;
  if (lie.claims && group == lie.instead[0]) of = lie.instead[1];
  if (lie.claims && lie.exchanged && group == lie.instead[1]) of = lie.instead[0];
  return __real_vft_aggregation_claims(a, of, shard);
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

static inline uint64_t groups(void) {
  const vft_leaves *l = &run.a.leaves;
  return l->full * l->groups[0] + l->groups[1];
}

static inline void read_tables(void) {
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
static inline void set_table(int x, const vft_poseidon_digest *leaf) {
  vft_table_tree_free(&run.a.table[x]);
  OK(vft_table_tree_init(&run.a.table[x], leaf, run.entries[x]));
  memcpy(run.a.common + VFT_COMMON_TABLES + 4 * x, run.a.table[x].root.e, 4 * sizeof(vft_fp));
}

static inline void honest_tables(void) {
  for (int x = 0; x < TABLES; x++) set_table(x, run.honest[x]);
}

/* ---- leaves ---- */

static inline vft_piece leaf_at(uint64_t i) { return __real_vft_piece_at(&run.a.leaves, i); }

static inline uint32_t kind_of(const vft_piece *leaf) {
  uint32_t kind = vft_leaf_kind_of(&run.kinds, leaf, 1);
  assert_true(kind < run.kinds.n);
  return kind;
}

/* The last of its kind: where no digit is 0 that need not be. */
static inline bool picked(uint64_t i) {
  vft_piece at = leaf_at(i);
  uint32_t kind = kind_of(&at);
  for (uint64_t k = i + 1; k < run.leaves && !getenv("VFT_LONG"); k++) {
    vft_piece later = leaf_at(k);
    if (kind_of(&later) == kind) return false;
  }
  return true;
}

static inline const char *name_of(const vft_piece *leaf) {
  static const char *const what[] = {"release", "group", "opening", "block"};
  static const char *const place[] = {"", " at an epoch's end", " at the run's end"};
  static char text[120];
  snprintf(text, sizeof text, "%s%s, items %d to %d, proofs from %d on", what[leaf->what],
           place[leaf->place], (int)leaf->first, (int)leaf->end - 1, (int)leaf->shard);
  return text;
}

static inline vft_circuit *make(uint64_t i) {
  vft_circuit *c;
  OK(vft_leaf_make(&run.a, i, run.keys, NULL, &c));
  return c;
}

static inline void rejected(uint64_t i, const char *what) {
  vft_circuit *c;
  if (vft_leaf_make(&run.a, i, run.keys, NULL, &c) != VFT_REJECTED)
    fail_msg("leaf %d: %s: %s", (int)i, what, vft_error_message());
  assert_null(c);
  vft_error_clear();
}

static inline bool is_kind(const vft_circuit *c, const vft_piece *leaf) {
  uint8_t digest[32];
  vft_circuit_digest(c, digest);
  return !memcmp(digest, run.digest[kind_of(leaf)], 32);
}

static inline bool fails(const vft_circuit *c, uint32_t i) {
  return !vft_ext_is_zero(vft_circuit_value(c, c->zero[i]));
}

static inline uint32_t not_zero(const vft_circuit *c) {
  uint32_t n = 0;
  for (uint32_t i = 0; i < c->nzero; i++) n += fails(c, i);
  return n;
}

/* The table of which a cell that must be 0 says that a path ends at its root; -1: it says something
 * else. */
static inline int table_of(const vft_circuit *c, uint32_t i) {
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

static inline failing count(const vft_circuit *c) {
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
static inline void holds_without(vft_circuit *c) {
  uint32_t kept = 0;
  assert_false(vft_circuit_holds(c));
  for (uint32_t i = 0; i < c->nzero; i++)
    if (!fails(c, i)) c->zero[kept++] = c->zero[i];
  c->nzero = kept;
  assert_true(vft_circuit_holds(c));
}
/* ---- the run ---- */

static inline int begin(void **state) {
  (void)state;
  OK(vft_aggregation_open(run.folder, &run.choice.pieces, 0, &run.a));
  vft_leaves_init(&run.a.leaves, run.a.manifest, &run.a.shards.cut, &run.choice);
  run.n = (uint32_t)run.a.shards.cut.n;
  run.leaves = vft_leaves_count(&run.a.leaves);
  for (uint64_t i = 0; i < VFT_AT_COMMON; i++) run.keys[i] = (vft_fp){7 + i};
  OK(vft_leaf_kinds_of(&run.a.leaves, &run.kinds));
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

static inline int finish(void **state) {
  (void)state;
  vft_aggregation_close(&run.a);
  return 0;
}

/* RUN GROUPS SHARDS, the last two being how its proofs become leaves of a piece (run/leaves.h). */
static inline bool told(int argc, char **argv) {
  if (argc != 4) {
    fprintf(stderr, "usage: %s RUN GROUPS SHARDS\n", argv[0]);
    return false;
  }
  run.folder = argv[1];
  run.choice = (vft_leaf_choice){(uint32_t)atoi(argv[2]), (uint32_t)atoi(argv[3]), 0};
  return true;
}

#endif
