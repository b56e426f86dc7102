/* What is published of private runs of a tiny program, under parameters that are sound: nobody tells
 * them apart. There are records in a tree, many of equal content, two of which are drawn; the
 * statement is root and content, the secret which of the records were drawn and in what order. As
 * with a certificate, the proof of this hides nothing and is kept, and published is a hiding proof
 * of a circuit that verifies it. */
#include "recurse/recursion.h"

#include "hide/distinguish.h"
#include "recurse/certificate.h"
#include "recurse/table.h"

enum { RECORDS = 8, DRAWN = 2, WORDS = 4, DOMAIN = 99, CLASSES = 2, RUNS = 3 };
enum { INNER_COLUMNS = 9, OUTER_COLUMNS = 11, MOST_INPUTS = 32 }; /* logarithms, for the least work */
static const vft_fp content[WORDS] = {{3}, {1}, {4}, {1}};
static const bool other[RECORDS] = {[0] = true, [3] = true};
static const uint64_t drawn[CLASSES][RUNS][DRAWN] = {{{1, 4}, {4, 7}, {7, 1}},
                                                     {{6, 2}, {2, 5}, {5, 6}}};

/* ---- the tiny program ---- */

static void make_records(vft_table_tree *tree) {
  vft_poseidon_digest leaf[RECORDS];
  for (uint64_t i = 0; i < RECORDS; i++) {
    vft_fp record[WORDS];
    memcpy(record, content, sizeof record);
    if (other[i]) record[0].v = 100 + i;
    vft_poseidon_hash_many(DOMAIN, record, WORDS, 1, &leaf[i]);
  }
  OK(vft_table_tree_init(tree, leaf, RECORDS));
}

/* Two records of that content, not one twice, are in the tree. */
static vft_circuit *draw(const vft_table_tree *tree, const uint64_t place[DRAWN]) {
  vft_circuit *c = vft_circuit_new();
  vft_wire root[4], record[WORDS], leaf[4], at[DRAWN];
  assert_non_null(c);
  for (int k = 0; k < 4; k++) root[k] = vft_circuit_input(c, vft_ext_from_fp(tree->root.e[k]));
  for (int k = 0; k < WORDS; k++) record[k] = vft_circuit_input(c, vft_ext_from_fp(content[k]));
  vft_circuit_hash(c, DOMAIN, record, WORDS, leaf);
  for (int d = 0; d < DRAWN; d++) {
    at[d] = vft_circuit_base(c, vft_fp_from_u64(place[d]));
    vft_circuit_member(c, tree, place[d], vft_circuit_bits(c, at[d], VFT_TABLE_LOG), leaf, root);
  }
  vft_wire gap = vft_circuit_add(c, at[0], at[1], vft_fp_neg((vft_fp){1}));
  vft_wire inverse = vft_circuit_base(c, vft_fp_inv(vft_circuit_value(c, gap).c[0]));
  vft_circuit_equal(c, vft_circuit_sum(c, gap, inverse, 0), vft_circuit_number(c, 1));
  vft_circuit_prune(c);
  OK(c->status);
  assert_true(vft_circuit_holds(c));
  return c;
}

/* ---- its runs ---- */

static struct {
  vft_machine *machine; /* of the circuit that verifies its proof */
  uint8_t circuit[32];
  vft_commitment *wiring;
  vft_digest key;
  int64_t **inputs;
  vft_proof_options options;
  vft_trace trace[CLASSES][RUNS];
  private_run run[CLASSES][RUNS];
} world;

/* The verifier of a proof of these draws. */
static vft_circuit *verifier(const vft_table_tree *tree, const uint64_t place[DRAWN]) {
  proved p;
  vft_circuit *c = draw(tree, place), *v = vft_circuit_new();
  assert_non_null(v);
  prove_circuit(&p, c, INNER_COLUMNS, 1);
  OK(record_verifier(v, &p, p.proof.bytes, p.proof.len));
  vft_circuit_prune(v);
  OK(v->status);
  assert_true(vft_circuit_holds(v));
  vft_circuit_free(c);
  proved_free(&p);
  return v;
}

/* What all runs have in common. */
static void make_machine(const vft_circuit *v) {
  vft_machine_shape shape;
  vft_fp input[MOST_INPUTS];
  uint32_t n = v->cells[VFT_CELL_INPUT].n;
  assert_true(n <= MOST_INPUTS);
  for (uint32_t i = 0; i < n; i++) input[i] = v->cells[VFT_CELL_INPUT].value[i].c[0];
  world.options = vft_outer_options();
  world.options.grind = 12;
  vft_machine_fit(v, OUTER_COLUMNS, &shape);
  if (getenv("VFT_SHOW")) show(v);
  OK(vft_machine_build(&shape, &world.machine));
  OK(vft_program_check_bounds(world.machine->program));
  OK(vft_machine_inputs(world.machine, input, n, &world.inputs));
  vft_circuit_digest(v, world.circuit);
}

static void make_run(const vft_table_tree *tree, int class, int i) {
  vft_circuit *v = verifier(tree, drawn[class][i]);
  vft_trace *t = &world.trace[class][i];
  uint8_t digest[32];
  if (!world.machine) make_machine(v);
  vft_circuit_digest(v, digest);
  assert_memory_equal(digest, world.circuit, 32);
  OK(vft_trace_init(t, world.machine->program));
  OK(vft_machine_trace(world.machine, v, t));
  if (!world.wiring)
    OK(vft_commit_group(&world.wiring, t, VFT_LINK, world.machine->wiring,
                        world.options.log_inv_rate, world.options.hash, VFT_COMMIT_COPY));
  world.key = vft_commitment_root(world.wiring);
  world.run[class][i] = (private_run){
      .statement = {.program = world.machine->program,
                    .inputs = (const int64_t *const *)world.inputs,
                    .link_root = &world.key},
      .trace = t,
      .link = &world.wiring,
      .options = &world.options,
      .flags = {.bounds_checked = true}};
  vft_circuit_free(v);
}

static int make_runs(void **state) {
  (void)state;
  vft_table_tree tree;
  make_records(&tree);
  for (int class = 0; class < CLASSES; class++)
    for (int i = 0; i < RUNS; i++) make_run(&tree, class, i);
  vft_table_tree_free(&tree);
  return 0;
}

static int free_runs(void **state) {
  (void)state;
  for (int class = 0; class < CLASSES; class++)
    for (int i = 0; i < RUNS; i++) vft_trace_free(&world.trace[class][i]);
  vft_commitment_free(world.wiring);
  vft_free(world.inputs);
  vft_machine_free(world.machine);
  return 0;
}

/* ---- what is published of them ---- */

static const crowd one = {"some records", world.run[0], RUNS, false};
static const crowd others[] = {{"other records", world.run[1], RUNS, false},
                               {"simulator", world.run[0], RUNS, true}};

static void hidden(void **state) {
  (void)state;
  not_told_apart(&one, others, 2);
}

static void leaks(void **state) {
  (void)state;
  static const int leak[] = {PADS, TAILS, MASKS};
  for (size_t i = 0; i < sizeof leak / sizeof *leak; i++) told_apart(&one, others, leak[i]);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(hidden), cmocka_unit_test(leaks)};
  begin_random();
  return cmocka_run_group_tests(tests, make_runs, free_runs);
}
