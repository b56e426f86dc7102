/* What hashing costs inside a proof: proves and verifies, under the options of circuits' proofs, N
 * and 2 N of
 *   blake3      compressions (gadget/blake3.h), their chaining values and blocks committed
 *   words       field elements as pairs of words, what a block of a compression is made of
 *   poseidon    permutations in the machine of circuits (recurse/machine.h), each reading eight
 *               lanes and writing three cells: what a compression stands against
 * and prints of either, and by the difference of the two, core-microseconds each; the difference is
 * free of what a proof costs by itself: proofs of work, tables.
 *   bench_blake3_relations WHAT [log N [log_columns [threads]]] */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/pool.h"
#include "gadget/blake3_fill.h"
#include "gadget/poseidon.h"
#include "prove/prove.h"
#include "recurse/machine_trace.h"
#include "recurse/node.h"

static void check(vft_status st) {
  if (st == VFT_OK) return;
  fprintf(stderr, "bench_blake3_relations: %s\n", vft_error_message());
  exit(1);
}

static double cpu_seconds(void) {
  struct timespec t;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static uint64_t next(void) {
  static uint64_t seed = 88172645463325252ull;
  seed ^= seed << 13;
  seed ^= seed >> 7;
  return seed ^= seed << 17;
}

static const vft_frac no_frac;

static void add_range_table(vft_builder *b) {
  b->size['Y'] = 1u << (VFT_MAX_RANGE_BITS + 1);
  vft_table t = {.name = "range", .kind = VFT_TABLE_RANGE, .rows = 2u << VFT_MAX_RANGE_BITS,
                 .out = {VFT_NO_TENSOR, VFT_NO_TENSOR, VFT_NO_TENSOR},
                 .mult = vft_build_tensor(b, VFT_WITNESS, 0, "range/mult", "Y", 0,
                                          ((int64_t)1 << 31) - 1, NULL, no_frac)};
  if (vft_program_add_table(b->p, &t) == UINT32_MAX) check(VFT_USAGE);
}

static void *alloc(vft_trace *t, vft_tensor_id id) {
  check(vft_trace_alloc(t, id));
  return t->array[id].data;
}

/* Proves and verifies; core-seconds of the proof and of the trace, which was begun at `begun`. */
static double prove(const vft_program *p, vft_trace *trace, double begun, size_t n) {
  vft_proof_options options = vft_node_options();
  vft_prove_options how = {0};
  vft_proof proof;
  vft_prove_profile profile;
  vft_cost cost;
  check(vft_program_cost(p, &cost));
  check(vft_trace_complete(trace));
  check(vft_trace_count_lookups(trace));
  double traced = cpu_seconds();
  check(vft_prove(p, trace, NULL, NULL, &options, &how, &proof, NULL, &profile));
  double end = cpu_seconds();
  printf("%zu: %.1f elements, %.1f lookups each; trace %.2f us", n,
         (double)(cost.witness - cost.mult) / (double)n, (double)cost.lookups / (double)n,
         1e6 * (traced - begun) / (double)n);
  size_t peak = 0;
  for (uint32_t i = 0; i < profile.n; i++) {
    printf(", %s %.2f", profile.stage[i].name, 1e6 * profile.stage[i].cpu / (double)n);
    if (profile.stage[i].peak > peak) peak = profile.stage[i].peak;
  }
  printf("; %.2f s, %.2f us each; peak %.0f MB, proof %zu bytes\n", end - begun,
         1e6 * (end - begun) / (double)n, (double)peak / 1e6, proof.len);
  vft_statement statement = {p, NULL, NULL, NULL};
  check(vft_verify_proof(&statement, &options, (vft_verify_flags){.bounds_checked = true},
                         proof.bytes, proof.len, NULL, NULL));
  vft_proof_free(&proof);
  return end - begun;
}

static double gadgets(bool words, uint32_t n, unsigned columns) {
  vft_builder b;
  vft_blake3_constants constants;
  vft_trace t;
  memset(&b, 0, sizeof b);
  b.p = vft_program_new("blake3", columns);
  b.arena = &b.p->arena;
  b.size['n'] = n;
  add_range_table(&b);
  vft_build_blake3_constants(&b, &constants, VFT_TAG_FIRST_FUNCTION, VFT_PUBLIC, 0);
  double begun = 0;
  if (words) {
    vft_tensor_id x = vft_build_field(&b, VFT_WITNESS, 0, "x", "n", NULL);
    vft_words w = vft_build_words(&b, &constants, "words", "n", x);
    check(b.status);
    check(vft_program_check_bounds(b.p));
    check(vft_trace_init(&t, b.p));
    int64_t *v = alloc(&t, x);
    uint16_t *limb = alloc(&t, w.limb);
    int64_t *inverse = alloc(&t, w.inverse), *word = alloc(&t, w.word);
    begun = cpu_seconds();
    for (uint32_t i = 0; i < n; i++) {
      vft_fp e = vft_fp_from_u64(next());
      v[i] = vft_field_signed(e);
      vft_words_fill(limb, inverse, word, n, i, e);
    }
  } else {
    vft_tensor_id cv = vft_build_tensor(&b, VFT_WITNESS, 0, "cv", "WLn", 0, 255, NULL, no_frac);
    vft_tensor_id tail = vft_build_tensor(&b, VFT_WITNESS, 0, "tail", "GLn", 0, 255, NULL, no_frac);
    vft_tensor_id block = vft_build_field(&b, VFT_WITNESS, 0, "block", "HWn", NULL);
    vft_build_range(&b, "cv", "WLn", cv, 8, 0);
    vft_build_range(&b, "tail", "GLn", tail, 8, 0);
    vft_blake3_chip chip = vft_build_blake3(&b, &constants, "hash", "n", cv, tail, block);
    check(b.status);
    check(vft_program_check_bounds(b.p));
    check(vft_trace_init(&t, b.p));
    int16_t *cvs = alloc(&t, cv), *tails = alloc(&t, tail);
    int64_t *blocks = alloc(&t, block);
    vft_blake3_arrays to;
    check(vft_blake3_arrays_alloc(&t, &chip, &to));
    begun = cpu_seconds();
    for (uint32_t i = 0; i < n; i++) {
      vft_blake3_input in;
      uint32_t out[8];
      for (int k = 0; k < 8; k++) in.cv[k] = (uint32_t)next();
      for (int k = 0; k < 16; k++)
        blocks[n * (k % 2 * 8 + k / 2) + i] = in.block[k] = (uint32_t)next();
      for (int k = 0; k < 4; k++) in.tail[k] = (uint32_t)next();
      for (int k = 0; k < 32; k++) cvs[n * k + i] = (int16_t)(in.cv[k / 4] >> 8 * (k % 4) & 255);
      for (int k = 0; k < 16; k++)
        tails[n * k + i] = (int16_t)(in.tail[k / 4] >> 8 * (k % 4) & 255);
      vft_blake3_fill(&to, i, &in, out);
    }
  }
  double s = prove(b.p, &t, begun, n);
  vft_trace_free(&t);
  vft_program_free(b.p);
  return s;
}

/* One sponge. Its permutations read the same eight cells: what is hashed has to be in the memory
 * whatever the hash. */
static double permutations(uint32_t n, unsigned columns) {
  vft_circuit *c = vft_circuit_new();
  vft_circuit_key key;
  vft_proof proof;
  vft_prove_profile profile;
  static const vft_fp capacity[VFT_POSEIDON_CAPACITY];
  if (!c) check(VFT_RESOURCE);
  vft_wire_part lane[VFT_POSEIDON_RATE];
  uint32_t last = VFT_FRESH;
  for (uint32_t k = 0; k < VFT_POSEIDON_RATE; k++)
    lane[k] = (vft_wire_part){vft_circuit_base(c, vft_fp_from_u64(next())), 0};
  for (uint32_t i = 0; i < n; i++) last = vft_circuit_permute(c, lane, capacity, last, 0);
  check(vft_circuit_key_make(c, NULL, columns, NULL, &key));
  const vft_machine_shape *s = &key.machine->shape;
  double begun = cpu_seconds();
  check(vft_circuit_prove(&key, c, &proof, &profile));
  double end = cpu_seconds();
  printf("%u: %u wide cells", s->permutations, (unsigned)vft_machine_cells(s, VFT_SEGMENT_WIDE));
  for (uint32_t i = 0; i < profile.n; i++)
    printf(", %s %.2f us", profile.stage[i].name, 1e6 * profile.stage[i].cpu / n);
  printf("; %.2f s, %.2f us each\n", end - begun, 1e6 * (end - begun) / n);
  check(vft_circuit_check(key.machine, &key.options, &key.key, NULL, 0, proof.bytes, proof.len,
                          NULL));
  vft_proof_free(&proof);
  vft_circuit_key_free(&key);
  vft_circuit_free(c);
  return end - begun;
}

int main(int argc, char **argv) {
  const char *what = argc > 1 ? argv[1] : "blake3";
  bool blake3 = !strcmp(what, "blake3"), words = !strcmp(what, "words");
  if (!blake3 && !words && strcmp(what, "poseidon")) {
    fprintf(stderr, "usage: bench_blake3_relations blake3|words|poseidon "
                    "[log [log_columns [threads]]]\n");
    return 2;
  }
  /* By default some 80 rows, as the proof of a large leaf has. */
  unsigned log = argc > 2 ? (unsigned)atoi(argv[2]) : blake3 ? 12 : words ? 17 : 15;
  unsigned columns = argc > 3 ? (unsigned)atoi(argv[3]) : blake3 ? log + 5 : words ? log - 4 : log;
  vft_threads_set(argc > 4 ? atoi(argv[4]) : 1);
  double took[2];
  for (unsigned k = 0; k < 2; k++) {
    uint32_t n = 1u << (log + k);
    took[k] = blake3 || words ? gadgets(words, n, columns + k) : permutations(n, columns + k);
  }
  printf("{\"name\": \"circuit.%s\", \"value\": %.2f, \"unit\": \"us\"}\n", what,
         1e6 * (took[1] - took[0]) / (double)(1u << log));
  return 0;
}
