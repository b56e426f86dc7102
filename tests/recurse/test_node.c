/* A tree of proofs over leaves that say only how long they are: wraps and nodes are proved and
 * checked; what a node's children could be instead of adjacent ranges of one run is rejected as it
 * is recorded, or leaves a circuit that does not hold. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "recurse/evaluate.h"
#include "recurse/node.h"
#include "recurse/outer.h"
#include "recurse/table.h"

#define OK(x)                                              \
  do {                                                     \
    if ((x) != VFT_OK) fail_msg("%s", vft_error_message()); \
  } while (0)

enum { LEAF_LOG_COLUMNS = 13, ITEMS = 2, KEYS = 2 };

/* What all tests share: keys, and proofs of items 0 and 1 and of both. */
static struct {
  vft_circuit_key leaf, wrap, node;
  vft_table_tree wraps;           /* entry 0 is the wrap's key, 1 another circuit's, others zeros */
  vft_fp statement[VFT_AT_FIRST]; /* of the run */
  vft_proof item[ITEMS], both;
  vft_circuit *join; /* of items 0 and 1 */
  vft_table_tree stray_wraps;           /* without the wrap's key */
  vft_fp stray_statement[VFT_AT_FIRST];
  vft_proof stray;                      /* item 0 under it */
} run;

/* ---- leaves ---- */

/* says: that the range is one item long. */
static vft_circuit *leaf_circuit(const vft_fp statement[VFT_AT_FIRST], uint64_t first, uint64_t end,
                                 bool says) {
  vft_circuit *c = vft_circuit_new();
  vft_wire in[VFT_RANGE_INPUTS];
  assert_non_null(c);
  for (int i = 0; i < VFT_RANGE_INPUTS; i++) {
    vft_fp v = i < VFT_AT_FIRST ? statement[i] : vft_fp_from_u64(i == VFT_AT_FIRST ? first : end);
    in[i] = vft_circuit_input(c, vft_ext_from_fp(v));
  }
  vft_wire next = vft_circuit_add(c, in[VFT_AT_FIRST], vft_circuit_number(c, 1), (vft_fp){1});
  vft_circuit_equal(c, says ? in[VFT_AT_END] : next, next);
  return c;
}

static void inputs_of(const vft_fp statement[VFT_AT_FIRST], uint64_t first, uint64_t end,
                      vft_fp in[VFT_RANGE_INPUTS]) {
  memcpy(in, statement, VFT_AT_FIRST * sizeof *in);
  in[VFT_AT_FIRST] = vft_fp_from_u64(first);
  in[VFT_AT_END] = vft_fp_from_u64(end);
}

static vft_proof prove_leaf(const vft_circuit_key *key, const vft_fp statement[VFT_AT_FIRST],
                            uint64_t first, uint64_t end, bool says) {
  vft_proof proof;
  vft_circuit *c = leaf_circuit(statement, first, end, says);
  OK(vft_circuit_prove(key, c, &proof, NULL));
  vft_circuit_free(c);
  return proof;
}

static vft_proof prove_item(const vft_fp statement[VFT_AT_FIRST], uint64_t i) {
  vft_fp in[VFT_RANGE_INPUTS];
  vft_circuit *c;
  vft_proof leaf = prove_leaf(&run.leaf, statement, i, i + 1, true), proof;
  inputs_of(statement, i, i + 1, in);
  OK(vft_circuit_check(run.leaf.machine, &run.leaf.options, &run.leaf.key, in, VFT_RANGE_INPUTS,
                       leaf.bytes, leaf.len, NULL));
  OK(vft_node_wrap(&run.leaf, in, leaf.bytes, leaf.len, NULL, &c));
  OK(vft_circuit_prove(&run.wrap, c, &proof, NULL));
  vft_circuit_free(c);
  vft_proof_free(&leaf);
  return proof;
}

/* ---- the run ---- */

static void put_key(const vft_digest *key, vft_fp *at) {
  vft_poseidon_digest d;
  assert_true(vft_poseidon_read(key->b, &d));
  memcpy(at, d.e, sizeof d.e);
}

static vft_node_child item(uint64_t i) {
  return (vft_node_child){1, i, i + 1, run.item[i].bytes, run.item[i].len};
}

static int begin(void **state) {
  (void)state;
  vft_machine_shape shape = vft_node_shape();
  vft_fp in[VFT_RANGE_INPUTS] = {{0}};
  vft_node_child blank[2] = {{.kind = 1, .first = 0, .end = 1}, {.kind = 0, .first = 1, .end = 2}};
  vft_circuit *c = leaf_circuit(in, 0, 1, true);
  OK(vft_circuit_key_make(c, NULL, LEAF_LOG_COLUMNS, NULL, &run.leaf));
  vft_circuit_free(c);
  OK(vft_node_wrap(&run.leaf, in, NULL, 0, NULL, &c));
  OK(vft_circuit_key_make(c, &shape, 0, NULL, &run.wrap));
  vft_circuit_free(c);
  OK(vft_node_join(run.wrap.machine, NULL, in, blank, &c));
  OK(vft_circuit_key_make(c, &shape, 0, NULL, &run.node));
  vft_circuit_free(c);
  assert_memory_equal(run.node.key.b, vft_node_key, 32); /* the built-in one */
  put_key(&run.node.key, run.statement + VFT_AT_NODE_KEY);
  vft_poseidon_digest keys[KEYS];
  assert_true(vft_poseidon_read(run.wrap.key.b, &keys[0]));
  assert_true(vft_poseidon_read(run.leaf.key.b, &keys[1]));
  OK(vft_table_tree_init(&run.wraps, keys, KEYS));
  memcpy(run.statement + VFT_AT_WRAP_KEYS, run.wraps.root.e, sizeof run.wraps.root.e);
  for (uint64_t k = 0; k < 4; k++) run.statement[VFT_AT_COMMON + k] = (vft_fp){100 + k};
  memcpy(run.stray_statement, run.statement, sizeof run.statement);
  keys[0].e[0].v ^= 1;
  OK(vft_table_tree_init(&run.stray_wraps, keys, KEYS));
  memcpy(run.stray_statement + VFT_AT_WRAP_KEYS, run.stray_wraps.root.e,
         sizeof run.stray_wraps.root.e);
  for (uint64_t i = 0; i < ITEMS; i++) run.item[i] = prove_item(run.statement, i);
  run.stray = prove_item(run.stray_statement, 0);
  OK(vft_node_join(run.node.machine, &run.wraps, run.statement,
                   (vft_node_child[]){item(0), item(1)}, &run.join));
  OK(vft_circuit_prove(&run.node, run.join, &run.both, NULL));
  return 0;
}

static int end(void **state) {
  (void)state;
  for (int i = 0; i < ITEMS; i++) vft_proof_free(&run.item[i]);
  vft_proof_free(&run.both);
  vft_proof_free(&run.stray);
  vft_circuit_free(run.join);
  vft_circuit_key_free(&run.leaf);
  vft_circuit_key_free(&run.wrap);
  vft_circuit_key_free(&run.node);
  vft_table_tree_free(&run.wraps);
  vft_table_tree_free(&run.stray_wraps);
  return 0;
}

static vft_node_child pair(void) {
  return (vft_node_child){0, 0, 2, run.both.bytes, run.both.len};
}

/* ---- what is so ---- */

static vft_status check(const vft_circuit_key *key, const vft_fp *in, const vft_proof *proof) {
  return vft_circuit_check(run.node.machine, &run.node.options, &key->key, in, VFT_RANGE_INPUTS,
                           proof->bytes, proof->len, NULL);
}

/* Proofs of wraps and of the node, under their keys, of their statements, and of nothing else. */
static void proofs(void **state) {
  (void)state;
  vft_fp in[VFT_RANGE_INPUTS];
  for (uint64_t i = 0; i < ITEMS; i++) {
    inputs_of(run.statement, i, i + 1, in);
    OK(check(&run.wrap, in, &run.item[i]));
    assert_int_equal(check(&run.node, in, &run.item[i]), VFT_REJECTED);
  }
  inputs_of(run.statement, 0, 2, in);
  OK(check(&run.node, in, &run.both));
  assert_int_equal(check(&run.wrap, in, &run.both), VFT_REJECTED);
  for (int i = 0; i < VFT_RANGE_INPUTS; i++) {
    in[i] = vft_fp_add(in[i], (vft_fp){1});
    assert_int_equal(check(&run.node, in, &run.both), VFT_REJECTED);
    in[i] = vft_fp_sub(in[i], (vft_fp){1});
  }
  run.both.bytes[run.both.len / 2] ^= 1;
  assert_int_equal(check(&run.node, in, &run.both), VFT_REJECTED);
  run.both.bytes[run.both.len / 2] ^= 1;
  print_message("proofs of %zu and %zu bytes\n", run.item[0].len, run.both.len);
}

/* The table that goes with a statement. */
static const vft_table_tree *wraps_of(const vft_fp statement[VFT_AT_FIRST]) {
  bool stray = !memcmp(statement + VFT_AT_WRAP_KEYS, run.stray_wraps.root.e,
                       sizeof run.stray_wraps.root.e);
  return stray ? &run.stray_wraps : &run.wraps;
}

/* The child alone, in a circuit that has its statement and nothing else. */
static vft_status alone(const vft_fp statement[VFT_AT_FIRST], vft_node_child child) {
  vft_circuit *c = vft_circuit_new();
  vft_fp v[VFT_RANGE_INPUTS];
  vft_wire in[VFT_RANGE_INPUTS];
  assert_non_null(c);
  inputs_of(statement, child.first, child.end, v);
  for (int i = 0; i < VFT_RANGE_INPUTS; i++) in[i] = vft_circuit_input(c, vft_ext_from_fp(v[i]));
  vft_status st = vft_node_verify_child(c, run.node.machine, wraps_of(statement), in, &child, NULL);
  if (st == VFT_OK && !vft_circuit_holds(c)) st = VFT_REJECTED;
  vft_circuit_free(c);
  return st;
}

/* One key for all nodes: the circuit does not depend on what the children are, nor on whether they
 * are there. Nodes are children, too. */
static void one_circuit(void **state) {
  (void)state;
  uint8_t digest[32];
  vft_circuit *c;
  vft_circuit_digest(run.join, digest);
  assert_memory_equal(digest, run.node.digest, 32);
  vft_node_child blank[2] = {{.kind = 3, .first = 5, .end = 6}, {.kind = 0, .first = 6, .end = 9}};
  OK(vft_node_join(run.node.machine, &run.stray_wraps, run.stray_statement, blank, &c));
  vft_circuit_digest(c, digest);
  assert_memory_equal(digest, run.node.digest, 32);
  vft_circuit_free(c);
  const vft_ext *in = run.join->cells[VFT_CELL_INPUT].value;
  assert_int_equal(in[VFT_AT_FIRST].c[0].v, 0);
  assert_int_equal(in[VFT_AT_END].c[0].v, 2);
  OK(alone(run.statement, pair()));
  OK(alone(run.statement, item(0)));
  OK(alone(run.statement, item(1)));
  /* Nothing that was recorded twice, or in another order, is left: it is its own canonical form. */
  vft_circuit_prune(run.join);
  vft_circuit_digest(run.join, digest);
  assert_memory_equal(digest, run.node.digest, 32);
  vft_proof proof;
  c = leaf_circuit(run.statement, 0, 1, true); /* a circuit under a key that is not its own */
  assert_int_equal(vft_circuit_prove(&run.node, c, &proof, NULL), VFT_USAGE);
  vft_circuit_free(c);
  c = leaf_circuit(run.statement, 0, 2, true); /* a leaf that is not so */
  assert_int_equal(vft_circuit_prove(&run.leaf, c, &proof, NULL), VFT_REJECTED);
  assert_string_equal(vft_error_check(), "circuit/zero");
  vft_circuit_free(c);
}

/* ---- wraps ---- */

/* A leaf of the same shape that says nothing: its proofs are none of the leaf's, and its wrap has
 * another key. */
static void other_leaf(void **state) {
  (void)state;
  vft_fp in[VFT_RANGE_INPUTS];
  vft_circuit_key lax;
  uint8_t digest[32];
  vft_circuit *c = leaf_circuit(run.statement, 0, 9, false);
  OK(vft_circuit_key_make(c, &run.leaf.machine->shape, 0, NULL, &lax));
  vft_circuit_free(c);
  assert_memory_not_equal(lax.key.b, run.leaf.key.b, 32);
  vft_proof proof = prove_leaf(&lax, run.statement, 0, 9, false);
  inputs_of(run.statement, 0, 9, in);
  assert_int_equal(vft_node_wrap(&run.leaf, in, proof.bytes, proof.len, NULL, &c), VFT_REJECTED);
  assert_null(c);
  OK(vft_node_wrap(&lax, in, proof.bytes, proof.len, NULL, &c));
  vft_circuit_digest(c, digest);
  assert_memory_not_equal(digest, run.wrap.digest, 32);
  vft_proof wrapped;
  assert_int_equal(vft_circuit_prove(&run.wrap, c, &wrapped, NULL), VFT_USAGE);
  vft_circuit_free(c);
  vft_proof_free(&proof);
  vft_circuit_key_free(&lax);
}

static void false_wraps(void **state) {
  (void)state;
  vft_fp in[VFT_RANGE_INPUTS];
  vft_circuit *c;
  vft_proof leaf = prove_leaf(&run.leaf, run.statement, 4, 5, true);
  inputs_of(run.statement, 4, 5, in);
  OK(vft_node_wrap(&run.leaf, in, leaf.bytes, leaf.len, NULL, &c));
  uint8_t digest[32];
  vft_circuit_digest(c, digest);
  assert_memory_equal(digest, run.wrap.digest, 32);
  for (uint32_t i = 0; i < VFT_RANGE_INPUTS; i++) { /* another statement */
    in[i] = vft_fp_add(in[i], (vft_fp){1});
    vft_circuit *d;
    assert_int_equal(vft_node_wrap(&run.leaf, in, leaf.bytes, leaf.len, NULL, &d), VFT_REJECTED);
    in[i] = vft_fp_sub(in[i], (vft_fp){1});
    if (i % 5) continue;
    vft_fp *x = &c->cells[VFT_CELL_INPUT].value[i].c[0];
    *x = vft_fp_add(*x, (vft_fp){1});
    assert_true(evaluate(c));
    assert_false(vft_circuit_holds(c));
    *x = vft_fp_sub(*x, (vft_fp){1});
  }
  assert_true(evaluate(c));
  assert_true(vft_circuit_holds(c));
  vft_circuit_free(c);
  assert_int_equal(vft_node_wrap(&run.leaf, in, leaf.bytes, leaf.len - 8, NULL, &c), VFT_REJECTED);
  assert_string_equal(vft_error_check(), "transcript/truncated");
  /* keys that are none, leaves with another number of inputs */
  vft_circuit_key odd = run.leaf;
  memset(odd.key.b, 0xff, sizeof odd.key.b);
  assert_int_equal(vft_node_wrap(&odd, in, leaf.bytes, leaf.len, NULL, &c), VFT_USAGE);
  vft_machine_shape more = run.leaf.machine->shape;
  more.inputs++;
  odd = run.leaf;
  OK(vft_machine_build(&more, &odd.machine));
  assert_int_equal(vft_node_wrap(&odd, in, leaf.bytes, leaf.len, NULL, &c), VFT_USAGE);
  vft_machine_free(odd.machine);
  vft_proof_free(&leaf);
}

/* ---- children that are not what they are said to be ---- */

static vft_status join(const vft_fp statement[VFT_AT_FIRST], vft_node_child a, vft_node_child b) {
  vft_circuit *c;
  vft_status st = vft_node_join(run.node.machine, wraps_of(statement), statement,
                                (vft_node_child[]){a, b}, &c);
  if (st != VFT_OK) assert_null(c);
  vft_circuit_free(c);
  return st;
}

static vft_node_child said(vft_node_child c, uint64_t first, uint64_t last) {
  c.first = first;
  c.end = last;
  return c;
}

static void ranges(void **state) {
  (void)state;
  vft_node_child away = said(item(1), 2, 3);
  /* a gap, exchanged, the same twice, one inside of the other, nothing */
  assert_int_equal(join(run.statement, item(0), away), VFT_USAGE);
  assert_int_equal(join(run.statement, item(1), item(0)), VFT_USAGE);
  assert_int_equal(join(run.statement, item(0), item(0)), VFT_USAGE);
  assert_int_equal(join(run.statement, pair(), item(1)), VFT_USAGE);
  assert_int_equal(join(run.statement, said(item(0), 0, 0), said(item(0), 0, 1)), VFT_USAGE);
  assert_int_equal(join(run.statement, item(0), said(item(1), 1, 1)), VFT_USAGE);
  assert_int_equal(join(run.statement, said(item(1), 1, 0), said(item(0), 0, 1)), VFT_USAGE);
  /* and as if there were none of it */
  assert_int_equal(join(run.statement, item(0), said(item(1), 1, 3)), VFT_REJECTED);
  assert_int_equal(join(run.statement, said(item(0), 0, 2), away), VFT_REJECTED);
  assert_int_equal(join(run.statement, said(item(1), 0, 1), said(item(0), 1, 2)), VFT_REJECTED);
  assert_int_equal(join(run.statement, item(0), said(item(0), 1, 2)), VFT_REJECTED);
  assert_int_equal(join(run.statement, said(pair(), 0, 1), item(1)), VFT_REJECTED);
  assert_int_equal(join(run.statement, pair(), away), VFT_REJECTED);
  assert_int_equal(join(run.statement, item(0), said(pair(), 1, 2)), VFT_REJECTED);
  assert_int_equal(alone(run.statement, said(pair(), 0, 3)), VFT_REJECTED);
  assert_int_equal(alone(run.statement, said(pair(), 1, 2)), VFT_REJECTED);
}

static void statements(void **state) {
  (void)state;
  for (int i = 0; i < VFT_AT_FIRST; i += i % 4 ? 1 : 3) { /* keys, zeros for keys, common digest */
    vft_fp s[VFT_AT_FIRST];
    memcpy(s, run.statement, sizeof s);
    s[i] = vft_fp_add(s[i], (vft_fp){1});
    assert_int_equal(join(s, item(0), item(1)), VFT_REJECTED);
    assert_int_equal(alone(s, pair()), VFT_REJECTED);
  }
}

/* Under every key of the statement but the child's own; and a child whose key is not in it. Beyond the
 * table's entries the key is 0. */
static void foreign_keys(void **state) {
  (void)state;
  for (uint32_t kind = 0; kind <= KEYS + 1; kind++) {
    vft_node_child a = item(0), b = item(1), p = pair();
    vft_node_child stray = {kind, 0, 1, run.stray.bytes, run.stray.len};
    a.kind = b.kind = p.kind = kind;
    assert_int_equal(alone(run.statement, a), kind == 1 ? VFT_OK : VFT_REJECTED);
    if (kind != 1) assert_int_equal(join(run.statement, a, item(1)), VFT_REJECTED);
    if (kind == 0) assert_int_equal(join(run.statement, item(0), b), VFT_REJECTED);
    assert_int_equal(alone(run.statement, p), kind == 0 ? VFT_OK : VFT_REJECTED);
    assert_int_equal(alone(run.stray_statement, stray), VFT_REJECTED);
    assert_int_equal(alone(run.statement, stray), VFT_REJECTED);
  }
  vft_fp in[VFT_RANGE_INPUTS]; /* the stray is good for what it is */
  inputs_of(run.stray_statement, 0, 1, in);
  OK(check(&run.wrap, in, &run.stray));
  for (size_t cut = 0; cut < 2; cut++) {
    vft_node_child c = item(1);
    c.len = cut ? c.len - 8 : 0;
    assert_int_equal(alone(run.statement, c), VFT_REJECTED);
    assert_string_equal(vft_error_check(), "transcript/truncated");
  }
}

/* ---- other cells of a node ---- */

static unsigned not_zero(const vft_circuit *c) {
  unsigned n = 0;
  for (uint32_t i = 0; i < c->nzero; i++)
    n += !vft_ext_is_zero(vft_circuit_value(c, c->zero[i]));
  return n;
}

/* Base cells: the middle; then, for each child, its choice, the place of its key, the key there, and more
 * of them. */
enum { CHOICE, PLACE, ENTRY };
static vft_fp *cell(uint32_t child, uint32_t j) {
  uint32_t n = run.join->cells[VFT_CELL_BASE].n, each = (n - 1) / 2;
  assert_int_equal(1 + 2 * each, n);
  return &run.join->cells[VFT_CELL_BASE].value[1 + child * each + j].c[0];
}

/* Another choice, place and entry; what does not hold. */
static unsigned choose(uint32_t child, vft_fp choice, uint64_t place, const vft_fp entry[4]) {
  *cell(child, CHOICE) = choice;
  *cell(child, PLACE) = (vft_fp){place};
  for (uint32_t k = 0; k < 4; k++) *cell(child, ENTRY + k) = entry[k];
  assert_true(evaluate(run.join));
  return not_zero(run.join);
}

/* The key is the statement's of nodes or an entry of its table, with nothing in between: an entry that is
 * none with a choice that makes the right key of it fails by the choice and by the four elements of the
 * table's root, and by nothing else. */
static void choices(void **state) {
  (void)state;
  const vft_fp no = {0}, one = {1}, factor[] = {vft_fp_inv((vft_fp){2}), {2}, {VFT_P - 1}};
  const vft_fp *own = run.statement + VFT_AT_NODE_KEY;
  vft_poseidon_digest wrap = vft_table_leaf(&run.wraps, 0), other = vft_table_leaf(&run.wraps, 1);
  for (uint32_t i = 0; i < 2; i++) {
    assert_int_equal(cell(i, CHOICE)->v, 1);
    assert_int_equal(cell(i, PLACE)->v, 0);
    assert_int_equal(choose(i, one, 0, wrap.e), 0);
    for (int f = 0; f < 3; f++) {
      vft_fp entry[4];
      for (int k = 0; k < 4; k++)
        entry[k] = vft_fp_add(own[k], vft_fp_mul(vft_fp_sub(wrap.e[k], own[k]),
                                                 vft_fp_inv(factor[f])));
      assert_int_equal(choose(i, factor[f], 0, entry), 5);
    }
    assert_int_equal(choose(i, one, 1, wrap.e), 4); /* another place: not there */
    assert_int_equal(choose(i, one, 1 << 24, wrap.e), 1); /* no place */
    assert_true(choose(i, one, 1, other.e) > 4); /* the table's other key, but for the siblings */
    assert_true(choose(i, one, 0, own) > 4);     /* the nodes' */
    assert_true(choose(i, no, 0, wrap.e) > 0);   /* a wrap's proof under the nodes' key */
    assert_int_equal(choose(i, one, 0, wrap.e), 0);
  }
}

/* Another statement, another middle, the proof of one child for that of the other. */
static void other_cells(void **state) {
  (void)state;
  vft_circuit *c = run.join;
  for (uint32_t i = 0; i <= VFT_RANGE_INPUTS; i += 3) {
    bool middle = i > VFT_AT_END;
    vft_ext *v = middle ? c->cells[VFT_CELL_BASE].value : &c->cells[VFT_CELL_INPUT].value[i];
    vft_ext old = *v;
    if (middle) assert_int_equal(old.c[0].v, 1);
    v->c[0] = vft_fp_add(v->c[0], (vft_fp){1});
    assert_true(evaluate(c));
    assert_false(vft_circuit_holds(c));
    *v = old;
  }
  for (uint32_t from = 0; from < 2; from++) {
    vft_ext *old[2];
    for (int k = 0; k < 2; k++) {
      vft_cell_kind kind = k ? VFT_CELL_FREE : VFT_CELL_BASE;
      uint32_t n = c->cells[kind].n, skip = k ? 0 : 1, each = (n - skip) / 2;
      vft_ext *at = c->cells[kind].value + skip;
      old[k] = malloc(n * sizeof **old);
      assert_non_null(old[k]);
      memcpy(old[k], c->cells[kind].value, n * sizeof **old);
      memcpy(at + (1 - from) * each, at + from * each, each * sizeof *at);
    }
    assert_true(evaluate(c));
    assert_false(vft_circuit_holds(c));
    for (int k = 0; k < 2; k++) {
      vft_cell_kind kind = k ? VFT_CELL_FREE : VFT_CELL_BASE;
      memcpy(c->cells[kind].value, old[k], c->cells[kind].n * sizeof **old);
      free(old[k]);
    }
  }
  assert_true(evaluate(c));
  assert_true(vft_circuit_holds(c));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(proofs),      cmocka_unit_test(one_circuit),  cmocka_unit_test(other_leaf),
      cmocka_unit_test(false_wraps), cmocka_unit_test(ranges),       cmocka_unit_test(statements),
      cmocka_unit_test(foreign_keys), cmocka_unit_test(choices),     cmocka_unit_test(other_cells),
  };
  return cmocka_run_group_tests(tests, begin, end);
}
