/* What recursion takes: bench_recursion RUN, a proved run with proof_hash: poseidon and at least two proofs in
 * its first epoch. Prints name=value lines, core-seconds of this process: the run's first leaf (its recording,
 * its own proof and its wrap) and that divided by the proofs it verifies, a leaf of one group of steps alone
 * (leaf_core_s), one of an opening of claims alone (the opening too), a node, a circuit of the nodes' shape
 * proved hiding and not. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "recurse/machine_trace.h"
#include "recurse/outer.h"
#include "run/leaf_keys.h"

static double cpu_seconds(void) {
  struct timespec t;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void check(vft_status st) {
  if (st == VFT_OK) return;
  fprintf(stderr, "bench_recursion: %s\n", vft_error_message());
  exit(1);
}

typedef struct {
  vft_fp statement[VFT_RANGE_INPUTS];
  vft_proof proof;
} wrapped;

static void shape_of(const char *what, const vft_circuit *c) {
  printf("recursion.%s.permutations=%u\nrecursion.%s.sums=%u\n", what, c->nsponge, what,
         c->cells[VFT_CELL_SUM].n);
}

/* Leaf number i under the keys, its figures under that name unless it is NULL; core-seconds. */
static double make(vft_aggregation *a, uint64_t i, const char *name, const vft_fp *keys, wrapped *out,
                 vft_circuit_key *wrap_key) {
  static const vft_fp none[VFT_RANGE_INPUTS];
  vft_circuit *c, *w;
  vft_circuit_key leaf;
  vft_proof inner = {0};
  vft_machine_shape shape = vft_node_shape();
  check(vft_leaf_make(a, i, NULL, NULL, &c));
  check(vft_circuit_key_make(c, NULL, vft_leaf_columns(c), NULL, &leaf));
  if (name) shape_of(name, c);
  vft_circuit_free(c);
  check(vft_node_wrap(&leaf, none, NULL, 0, NULL, &w));
  if (name) shape_of("wrap", w);
  vft_circuit_key_free(wrap_key);
  check(vft_circuit_key_make(w, &shape, 0, NULL, wrap_key));
  vft_circuit_free(w);
  double begun = cpu_seconds();
  check(vft_leaf_make(a, i, keys, NULL, &c));
  double recorded = cpu_seconds();
  check(vft_circuit_prove(&leaf, c, &inner, NULL));
  double proved = cpu_seconds();
  for (int k = 0; k < VFT_RANGE_INPUTS; k++)
    out->statement[k] = c->cells[VFT_CELL_INPUT].value[k].c[0];
  check(vft_node_wrap(&leaf, out->statement, inner.bytes, inner.len, NULL, &w));
  check(vft_circuit_prove(wrap_key, w, &out->proof, NULL));
  double end = cpu_seconds();
  if (name)
    printf("recursion.%s_core_s=%.2f\nrecursion.%s_record_core_s=%.2f\n"
           "recursion.%s_proof_core_s=%.2f\nrecursion.%s_wrap_core_s=%.2f\n",
           name, end - begun, name, recorded - begun, name, proved - recorded, name, end - proved);
  vft_circuit_free(c);
  vft_circuit_free(w);
  vft_proof_free(&inner);
  vft_circuit_key_free(&leaf);
  return end - begun;
}

/* The first leaf, as the run's certificate has it. */
static void first_leaf(const char *run) {
  vft_aggregation a;
  vft_circuit_key wrap = {0};
  vft_fp given[VFT_AT_COMMON] = {{0}}; /* no leaf looks at it */
  wrapped out;
  check(vft_aggregation_open(run, NULL, 0, &a));
  check(vft_aggregation_oracles(&a)); /* once a run, not a leaf's */
  vft_leaf leaf = vft_leaf_at(&a.leaves, 0);
  double took = make(&a, 0, "first_leaf", given, &out, &wrap);
  printf("recursion.first_leaf_proofs=%llu\nrecursion.first_leaf_by_proof_core_s=%.2f\n",
         (unsigned long long)(leaf.end - leaf.first), took / (double)(leaf.end - leaf.first));
  vft_proof_free(&out.proof);
  vft_circuit_key_free(&wrap);
  vft_aggregation_close(&a);
}

/* The same circuit proved like the outermost one, hiding and not. */
static void hiding(const vft_circuit *c) {
  vft_machine_shape shape = vft_node_shape();
  double took[2];
  for (int h = 0; h < 2; h++) {
    vft_proof_options options = vft_outer_options();
    vft_circuit_key key;
    vft_proof proof = {0};
    options.hiding = h;
    options.grind = 20; /* the same for both, and little */
    check(vft_circuit_key_make(c, &shape, 0, &options, &key));
    double begun = cpu_seconds();
    check(vft_circuit_prove(&key, c, &proof, NULL));
    took[h] = cpu_seconds() - begun;
    vft_proof_free(&proof);
    vft_circuit_key_free(&key);
  }
  printf("zk.plain_core_s=%.2f\nzk.hiding_core_s=%.2f\nzk.overhead=%.3f\n", took[0], took[1],
         took[1] / took[0]);
}

int main(int argc, char **argv) {
  vft_aggregation a;
  vft_leaf_keys keys;
  vft_circuit_key wrap[2], node_key;
  vft_machine *node;
  vft_machine_shape shape = vft_node_shape();
  vft_fp given[VFT_AT_COMMON];
  wrapped child[2];
  memset(&keys, 0, sizeof keys);
  memset(wrap, 0, sizeof wrap);
  memset(child, 0, sizeof child);
  if (argc != 2) {
    fprintf(stderr, "usage: bench_recursion RUN\n");
    return 2;
  }
  first_leaf(argv[1]);
  const uint32_t alone = 0;
  check(vft_aggregation_open(argv[1], &alone, 0, &a));
  check(vft_machine_build(&shape, &node));
  bool cached;
  check(vft_leaf_keys_cached(&a, 0, &keys, &cached));
  vft_digest key;
  memcpy(key.b, vft_node_key, 32);
  check(vft_digest_elements(&key, given));
  memcpy(given + VFT_AT_WRAP_KEYS, keys.table.root.e, sizeof keys.table.root.e);
  vft_node_child c[2];
  uint64_t number = 0;
  while (vft_piece_at(&a.leaves, number).what != VFT_PIECE_GROUP) number++; /* leaves are pieces */
  for (uint64_t i = 0; i < 2; i++) { /* the first group and what follows it: another, or the opening */
    vft_leaf leaf = vft_leaf_at(&a.leaves, number + i);
    uint32_t kind;
    check(vft_leaf_kind(&a.leaves, &keys.kinds, &leaf, &kind));
    (void)make(&a, number + i, i ? NULL : "leaf", given, &child[i], &wrap[i]);
    c[i] = (vft_node_child){1 + kind, leaf.first, leaf.end, child[i].proof.bytes,
                            child[i].proof.len};
  }
  while (vft_piece_at(&a.leaves, number).what != VFT_PIECE_OPENING) number++;
  wrapped opening;
  vft_circuit_key opening_key;
  memset(&opening_key, 0, sizeof opening_key);
  check(vft_aggregation_oracles(&a)); /* once a run, not a leaf's */
  (void)make(&a, number, "opening", given, &opening, &opening_key);
  double begun = cpu_seconds();
  vft_circuit *n;
  vft_proof proof = {0};
  check(vft_node_join(node, &keys.table, child[0].statement, c, &n));
  double recorded = cpu_seconds();
  check(vft_circuit_key_make(n, &shape, 0, NULL, &node_key));
  double made = cpu_seconds();
  check(vft_circuit_prove(&node_key, n, &proof, NULL));
  printf("recursion.node_core_s=%.2f\nrecursion.node_proof_bytes=%zu\n",
         cpu_seconds() - made + (recorded - begun), proof.len);
  shape_of("node", n);
  hiding(n);
  return 0;
}
