/* Certificates of an aggregated run that state what is not so: forge_certificate RUN fewer|lax|below OUT.
 * fewer: of all items of a cut run but those of the last leaf. lax: of one leaf, which verifies the
 * release alone; its circuit is the run's but that it does not say how many items it has. below: of
 * a node over such a leaf, for all items but those of the last leaf, and that one.
 *
 * They are honest proofs under the built-in keys, written to OUT as certificates of the run, and
 * accepted by whoever believes their digests: items, or the root of the wraps' keys, which go to
 * the output. What a node or the outermost circuit rejects by itself is tried before. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "recurse/evaluate.h"
#include "run/certificate.h"
#include "run/files.h"

#define NEED(x)                                                                   \
  do {                                                                            \
    if (!(x)) {                                                                   \
      fprintf(stderr, "line %d: %s: %s\n", __LINE__, #x, vft_error_message()); \
      exit(1);                                                                    \
    }                                                                             \
  } while (0)
#define OK(x) NEED((x) == VFT_OK)

static struct {
  const char *folder;
  uint8_t context[32];
  vft_aggregation a;
  vft_leaf_keys keys;
  vft_machine *node;
  vft_fp statement[VFT_RANGE_INPUTS]; /* as far as VFT_AT_FIRST */
  vft_fp certificate[VFT_CERT_ELEMENTS];
  vft_digest released;
} run;

/* The run's certificate but for its proof. */
static vft_certificate unproved(void) {
  const vft_manifest *m = run.a.manifest;
  vft_certificate c = {.cut = run.a.shards.cut,
                       .choice = run.a.leaves.choice,
                       .blocks = run.a.epochs.blocks,
                       .epochs = run.a.epochs.epochs,
                       .windows = run.a.windows.n,
                       .counters = run.a.digests,
                       .window = run.a.windows.key,
                       .has_beacon = m->sampling.has_beacon,
                       .span = run.a.epochs.epochs,
                       .released = run.released};
  memcpy(c.manifest, m->digest, 32);
  if (c.has_beacon) memcpy(c.beacon, m->sampling.beacon, 32);
  return c;
}

/* Of a run whose leaves are single pieces. */
static void begin(const char *folder) {
  const uint32_t alone = 0;
  vft_machine_shape shape = vft_node_shape();
  vft_poseidon_digest key, released;
  bool cached;
  run.folder = folder;
  OK(vft_aggregation_open(folder, &alone, 0, &run.a));
  OK(vft_leaf_keys_cached(&run.a, 0, &run.keys, &cached));
  OK(vft_machine_build(&shape, &run.node));
  vft_poseidon_digest common =
      vft_sponge_of(VFT_DOMAIN_COMMON, run.a.common, VFT_COMMON_ELEMENTS);
  NEED(vft_poseidon_read(vft_node_key, &key));
  memcpy(run.statement + VFT_AT_NODE_KEY, key.e, sizeof key.e);
  memcpy(run.statement + VFT_AT_WRAP_KEYS, run.keys.table.root.e, sizeof key.e);
  memcpy(run.statement + VFT_AT_COMMON, common.e, sizeof common.e);
  memcpy(released.e, run.a.released, sizeof released.e);
  vft_poseidon_bytes(&released, run.released.b);
  vft_certificate stated = unproved();
  OK(vft_certificate_context(&stated));
  memcpy(run.context, stated.context, sizeof run.context);
  OK(vft_certificate_statement(&run.a, &run.keys, &stated, run.certificate));
}

static void end(void) {
  vft_machine_free(run.node);
  vft_leaf_keys_free(&run.keys);
  vft_aggregation_close(&run.a);
}

/* ---- kept proofs ---- */

static vft_node_child take(uint32_t kind, uint64_t first, uint64_t last) {
  char path[4096];
  vft_bytes bytes = {0};
  snprintf(path, sizeof path, "%s/private/aggregate/%s_%08llu_%08llu.proof", run.folder,
           kind ? "leaf" : "node", (unsigned long long)first, (unsigned long long)last);
  OK(vft_file_read(path, VFT_CERTIFICATE_MAX, VFT_USAGE, &bytes));
  uint8_t *proof = malloc(bytes.size);
  NEED(proof);
  memcpy(proof, bytes.data, bytes.size);
  vft_node_child c = {kind, first, last, proof, bytes.size};
  vft_bytes_free(&bytes);
  return c;
}

static vft_node_child leaf(uint64_t i) {
  vft_leaf at = vft_leaf_at(&run.a.leaves, i);
  uint32_t kind;
  OK(vft_leaf_kind(&run.a.leaves, &run.keys.kinds, &at, &kind));
  return take(1 + kind, at.first, at.end);
}

static vft_node_child said(vft_node_child c, uint64_t first, uint64_t last) {
  c.first = first;
  c.end = last;
  return c;
}

/* ---- nodes ---- */

static uint32_t not_zero(const vft_circuit *c) {
  uint32_t n = 0;
  for (uint32_t i = 0; i < c->nzero; i++) n += !vft_ext_is_zero(vft_circuit_value(c, c->zero[i]));
  return n;
}

static vft_status join(vft_node_child a, vft_node_child b) {
  vft_circuit *c;
  vft_status st = vft_node_join(run.node, &run.keys.table, run.statement,
                                (vft_node_child[]){a, b}, &c);
  if (st == VFT_OK) NEED(vft_circuit_holds(c));
  vft_circuit_free(c);
  return st;
}

/* Release, block, step, step: with a gap, with one twice, with more items than there are. */
static void nodes(void) {
  vft_node_child l[4];
  for (uint64_t i = 0; i < 4; i++) l[i] = leaf(i);
  OK(join(l[0], l[1]));
  OK(join(l[2], l[3]));
  NEED(join(l[0], l[2]) == VFT_USAGE);
  NEED(join(l[1], l[0]) == VFT_USAGE);
  NEED(join(l[2], l[2]) == VFT_USAGE);
  NEED(join(l[0], said(l[2], l[0].end, l[2].end)) == VFT_REJECTED);
  NEED(join(said(l[0], 0, l[2].first), l[2]) == VFT_REJECTED);
  NEED(join(l[2], said(l[2], l[3].first, l[3].end)) == VFT_REJECTED);
  NEED(join(l[1], said(l[3], l[2].first, l[2].end)) == VFT_REJECTED);
  for (uint32_t kind = 0; kind <= run.keys.kinds.n + 1; kind++) { /* a leaf of another kind */
    vft_node_child other = l[1];
    other.kind = kind;
    if (kind != l[1].kind) NEED(join(l[0], other) == VFT_REJECTED);
  }
  for (int i = 0; i < 4; i++) free((void *)l[i].proof);
}

/* ---- the outermost circuit ---- */

/* wraps: the table under which the root is. */
static vft_status outermost(const vft_fp statement[VFT_CERT_ELEMENTS], const vft_table_tree *wraps,
                            vft_node_child root, vft_circuit **out) {
  vft_outer_witness w = {.states = &run.a.table[VFT_RUN_STATES],
                         .wraps = wraps,
                         .entry = {0, vft_released_entry(&run.a)},
                         .root = root};
  for (int i = VFT_RUN_STATES; i < VFT_RUN_TABLES; i++)
    memcpy(w.tables + 4 * (i - VFT_RUN_STATES), run.a.table[i].root.e, 4 * sizeof *w.tables);
  memcpy(w.salt[1], run.a.released + 4, sizeof w.salt[1]);
  return vft_outer_make(run.node, statement, &w, out);
}

static void certificate(vft_circuit *c, const char *path) {
  vft_machine_shape shape = vft_outer_shape();
  vft_proof_options options = vft_outer_options();
  vft_circuit_key key;
  vft_proof proof = {0};
  NEED(vft_circuit_holds(c));
  OK(vft_circuit_key_make(c, &shape, 0, &options, &key));
  NEED(!memcmp(key.key.b, vft_outer_key, 32));
  OK(vft_circuit_prove(&key, c, &proof, NULL));
  vft_certificate out = unproved();
  out.proof = proof.bytes;
  out.length = proof.len;
  OK(vft_certificate_write(path, &out));
  vft_proof_free(&proof);
  vft_circuit_key_free(&key);
  vft_circuit_free(c);
}

/* Zeros of the outermost circuit on the statement that are none. */
static uint32_t failing(vft_node_child root) {
  vft_circuit *c;
  OK(outermost(run.certificate, &run.keys.table, root, &c));
  uint32_t n = not_zero(c);
  vft_circuit_free(c);
  return n;
}

/* Statements of the outermost circuit that its root does not show. */
static void statements(vft_node_child root) {
  /* The number of zeros that fail: an element of a commitment; or the four of a root of the states, or of
   * what the end is compared with; and that the choice is neither 0 nor 1. */
  const struct {
    int at;
    uint64_t change;
    uint32_t fail;
  } own[] = {{VFT_CERT_START, 1, 1},       {VFT_CERT_START + 3, 8, 1}, {VFT_CERT_START_ENTRY, 1, 4},
             {VFT_CERT_END_ENTRY, 1, 4},   {VFT_CERT_RELEASED, 1, 4},  {VFT_CERT_RELEASED + 2, 1, 4},
             {VFT_CERT_RELEASES, 1, 4},    {VFT_CERT_RELEASES, 3, 5},
             {VFT_CERT_CONTEXT, 1, 4},     {VFT_CERT_CONTEXT + 4, 1, 4}}; /* of the start */
  const int others[] = {VFT_CERT_KEYS, VFT_CERT_COMMON, VFT_CERT_COMMON + VFT_COMMON_STEPS,
                        VFT_CERT_COMMON + VFT_COMMON_TABLES, VFT_CERT_FIRST};
  vft_circuit *c;
  for (size_t i = 0; i < sizeof own / sizeof *own; i++) {
    run.certificate[own[i].at].v ^= own[i].change;
    NEED(failing(root) == own[i].fail);
    run.certificate[own[i].at].v ^= own[i].change;
  }
  /* The same entry under a commitment in place of the adapter, with what was its second half as salt. */
  vft_fp kept[VFT_CERT_ELEMENTS];
  memcpy(kept, run.certificate, sizeof kept);
  vft_poseidon_digest entry =
      vft_table_leaf(&run.a.table[VFT_RUN_STATES], vft_released_entry(&run.a));
  vft_poseidon_digest commitment = vft_state_commitment(&entry, run.a.released + 4, run.context);
  run.certificate[VFT_CERT_RELEASES].v = 0;
  memcpy(run.certificate + VFT_CERT_RELEASED, commitment.e, sizeof commitment.e);
  NEED(failing(root) == 0);
  for (int k = 0; k < 4; k++) { /* each element of it */
    run.certificate[VFT_CERT_RELEASED + k].v ^= 1;
    NEED(failing(root) == 1);
    run.certificate[VFT_CERT_RELEASED + k].v ^= 1;
  }
  run.certificate[VFT_CERT_CONTEXT + 2].v ^= 1;
  NEED(failing(root) == 8); /* of both */
  run.certificate[VFT_CERT_CONTEXT + 2].v ^= 1;
  run.certificate[VFT_CERT_RELEASES].v = 1;
  NEED(failing(root) == 4);
  memcpy(run.certificate, kept, sizeof kept);
  for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
    run.certificate[others[i]].v ^= 1;
    NEED(outermost(run.certificate, &run.keys.table, root, &c) == VFT_REJECTED);
    run.certificate[others[i]].v ^= 1;
  }
}

static void fewer(const char *path) {
  uint64_t n = vft_leaves_count(&run.a.leaves), items = vft_leaves_items(&run.a.leaves);
  vft_leaf last = vft_leaf_at(&run.a.leaves, n - 1);
  vft_node_child most = take(0, 0, last.first), all = take(0, 0, items), inner = take(0, 2, 12);
  vft_circuit *c;
  nodes();
  statements(all);
  NEED(outermost(run.certificate, &run.keys.table, most, &c) == VFT_REJECTED);
  NEED(outermost(run.certificate, &run.keys.table, inner, &c) == VFT_REJECTED);
  run.certificate[VFT_CERT_END] = vft_fp_from_u64(last.first);
  NEED(outermost(run.certificate, &run.keys.table, all, &c) == VFT_REJECTED);
  OK(outermost(run.certificate, &run.keys.table, most, &c));
  certificate(c, path);
  printf("%llu\n", (unsigned long long)last.first);
  free((void *)most.proof);
  free((void *)all.proof);
  free((void *)inner.proof);
}

/* ---- a leaf that says less ---- */

static void set_input(vft_circuit *c, uint32_t i, vft_fp v) {
  c->cells[VFT_CELL_INPUT].value[i] = vft_ext_from_fp(v);
}

/* The release's leaf over the items before `end`, without the one thing that this is not. */
static vft_circuit *lax_leaf(uint64_t end) {
  vft_circuit *c;
  uint32_t kept = 0;
  OK(vft_leaf_make(&run.a, 0, run.statement, NULL, &c));
  NEED(vft_circuit_holds(c));
  set_input(c, VFT_AT_END, vft_fp_from_u64(end));
  NEED(evaluate(c));
  for (uint32_t i = 0; i < c->nzero; i++)
    if (vft_ext_is_zero(vft_circuit_value(c, c->zero[i]))) c->zero[kept++] = c->zero[i];
  NEED(c->nzero - kept == 1);
  c->nzero = kept;
  return c;
}

/* Keys of a leaf and its wrap. */
static vft_kind_keys keys_of(const vft_circuit *leaf) {
  static const vft_fp none[VFT_RANGE_INPUTS];
  vft_machine_shape shape = vft_node_shape();
  vft_kind_keys keys;
  vft_circuit *w;
  OK(vft_circuit_key_make(leaf, NULL, vft_leaf_columns(leaf), NULL, &keys.leaf));
  OK(vft_node_wrap(&keys.leaf, none, NULL, 0, NULL, &w));
  OK(vft_circuit_key_make(w, &shape, 0, NULL, &keys.wrap));
  vft_circuit_free(w);
  return keys;
}

static vft_poseidon_digest wrap_key(const vft_kind_keys *keys) {
  vft_poseidon_digest key;
  NEED(vft_poseidon_read(keys->wrap.key.b, &key));
  return key;
}

/* The wrap of a proof of the leaf, which has the run's statement now. */
static vft_node_child wrapped(const vft_kind_keys *keys, vft_circuit *leaf, uint32_t kind) {
  vft_proof inner = {0}, outer = {0};
  vft_fp in[VFT_RANGE_INPUTS];
  vft_circuit *w;
  for (int i = 0; i < VFT_RANGE_INPUTS; i++) {
    if (i < VFT_AT_FIRST) set_input(leaf, (uint32_t)i, run.statement[i]);
    in[i] = leaf->cells[VFT_CELL_INPUT].value[i].c[0];
  }
  OK(vft_circuit_prove(&keys->leaf, leaf, &inner, NULL));
  OK(vft_node_wrap(&keys->leaf, in, inner.bytes, inner.len, NULL, &w));
  OK(vft_circuit_prove(&keys->wrap, w, &outer, NULL));
  vft_circuit_free(w);
  vft_proof_free(&inner);
  return (vft_node_child){1 + kind, in[VFT_AT_FIRST].v, in[VFT_AT_END].v, outer.bytes, outer.len};
}

/* The table of keys with this one in the place of the first, in what is stated from now on. */
static vft_table_tree forged_table(const vft_kind_keys *keys) {
  vft_table_tree table;
  vft_poseidon_digest wraps[VFT_LEAF_KINDS];
  memcpy(wraps, run.keys.wrap, sizeof wraps);
  wraps[0] = wrap_key(keys);
  NEED(memcmp(&wraps[0], &run.keys.wrap[0], sizeof *wraps));
  OK(vft_table_tree_init(&table, wraps, run.keys.kinds.n));
  memcpy(run.statement + VFT_AT_WRAP_KEYS, table.root.e, sizeof table.root.e);
  memcpy(run.certificate + VFT_CERT_KEYS, table.root.e, sizeof table.root.e);
  return table;
}

static void tell_root(const vft_table_tree *table) {
  uint8_t key[32];
  char hex[65];
  vft_poseidon_bytes(&table->root, key);
  vft_hex(key, 32, hex);
  printf("%s\n", hex);
}

static void lax(const char *path) {
  vft_circuit *weak = lax_leaf(vft_leaves_items(&run.a.leaves)), *c;
  vft_kind_keys keys = keys_of(weak);
  vft_table_tree table = forged_table(&keys);
  vft_node_child root = wrapped(&keys, weak, 0);
  OK(outermost(run.certificate, &table, root, &c));
  certificate(c, path);
  tell_root(&table);
  vft_free((void *)root.proof);
  vft_circuit_free(weak);
  vft_kind_keys_free(&keys);
  vft_table_tree_free(&table);
}

/* ---- and has an honest one beside it ---- */

/* Under the run's own table no node takes the weak leaf: no key there is its wrap's, and its wrap's is
 * not there. last: the run's. */
static void refused(const vft_kind_keys *keys, vft_circuit *weak, vft_node_child last) {
  vft_node_child child = wrapped(keys, weak, 0);
  vft_poseidon_digest *first = &run.keys.table.node[0], own = *first;
  vft_circuit *c;
  for (child.kind = 0; child.kind <= run.keys.kinds.n + 1; child.kind++)
    NEED(join(child, last) == VFT_REJECTED);
  child.kind = 1;
  NEED(last.kind > 2); /* whose path does not have entry 0 itself */
  *first = wrap_key(keys);
  OK(vft_node_join(run.node, &run.keys.table, run.statement, (vft_node_child[]){child, last}, &c));
  NEED(not_zero(c) == 4); /* the root of the table, and nothing else */
  *first = own;
  vft_circuit_free(c);
  vft_free((void *)child.proof);
}

/* The node over both, proved. */
static vft_node_child joined(const vft_table_tree *table, vft_node_child a, vft_node_child b) {
  vft_machine_shape shape = vft_node_shape();
  vft_circuit_key key;
  vft_proof proof = {0};
  vft_circuit *c;
  OK(vft_node_join(run.node, table, run.statement, (vft_node_child[]){a, b}, &c));
  NEED(vft_circuit_holds(c));
  OK(vft_circuit_key_make(c, &shape, 0, NULL, &key));
  NEED(!memcmp(key.key.b, vft_node_key, 32));
  OK(vft_circuit_prove(&key, c, &proof, NULL));
  vft_circuit_key_free(&key);
  vft_circuit_free(c);
  return (vft_node_child){0, a.first, b.end, proof.bytes, proof.len};
}

static void below(const char *path) {
  uint64_t n = vft_leaves_count(&run.a.leaves);
  vft_node_child kept = leaf(n - 1);
  vft_circuit *weak = lax_leaf(kept.first), *honest, *c;
  vft_fp own[VFT_CERT_ELEMENTS];
  memcpy(own, run.certificate, sizeof own);
  vft_kind_keys weak_keys = keys_of(weak);
  refused(&weak_keys, weak, kept);
  vft_table_tree table = forged_table(&weak_keys);
  OK(vft_leaf_make(&run.a, n - 1, run.statement, NULL, &honest));
  vft_kind_keys honest_keys = keys_of(honest);
  vft_poseidon_digest key = wrap_key(&honest_keys);
  NEED(!memcmp(&key, &run.keys.wrap[kept.kind - 1], sizeof key));
  vft_node_child a = wrapped(&weak_keys, weak, 0);
  vft_node_child b = wrapped(&honest_keys, honest, kept.kind - 1); /* kept is of the other table's run */
  NEED(a.first == 0 && a.end == b.first && b.end == vft_leaves_items(&run.a.leaves));
  NEED(vft_node_join(run.node, &table, run.statement, (vft_node_child[]){a, kept}, &c) == VFT_REJECTED);
  vft_node_child root = joined(&table, a, b);
  NEED(outermost(own, &run.keys.table, root, &c) == VFT_REJECTED);
  OK(outermost(run.certificate, &table, root, &c));
  certificate(c, path);
  tell_root(&table);
  vft_free((void *)a.proof);
  vft_free((void *)b.proof);
  vft_free((void *)root.proof);
  free((void *)kept.proof);
  vft_circuit_free(weak);
  vft_circuit_free(honest);
  vft_kind_keys_free(&weak_keys);
  vft_kind_keys_free(&honest_keys);
  vft_table_tree_free(&table);
}

int main(int argc, char **argv) {
  static const struct {
    const char *name;
    void (*make)(const char *path);
  } what[] = {{"fewer", fewer}, {"lax", lax}, {"below", below}};
  size_t i = 0, n = sizeof what / sizeof *what;
  while (argc == 4 && i < n && strcmp(argv[2], what[i].name)) i++;
  if (argc != 4 || i == n) {
    fprintf(stderr, "usage: forge_certificate RUN fewer|lax|below OUT\n");
    return 2;
  }
  begin(argv[1]);
  what[i].make(argv[3]);
  end();
  return 0;
}
