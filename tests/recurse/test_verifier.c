/* The verifier as a circuit beside the native one. Both accept what is proved; of what is changed,
 * both find the same check to fail. Whatever else the free cells of a recording are, it does not
 * hold. */
#include "recurse/table.h"
#include "recurse/recursion.h"

#include "prove/toys.h"
#include "recurse/evaluate.h"
#include "recurse/recorder.h"
#include "recurse/wires_verify.h"

#define OK(x)                                              \
  do {                                                     \
    if ((x) != VFT_OK) fail_msg("%s", vft_error_message()); \
  } while (0)

enum { TREES = 4, CONTEXT = 3 };

/* ---- programs ---- */

/* Inputs of all widths, on links whose bounds are the business of others: whatever an input is,
 * there is a trace. */
static const struct {
  const char *name, *link;
  int64_t lo, hi;
} input_tensor[] = {{"narrow", "of_narrow", -20, 1000},
                    {"wide", "of_wide", 0, UINT32_MAX},
                    {"signed", "of_signed", INT32_MIN, INT32_MAX},
                    {"flag", "of_flag", 0, 1},
                    {"one", "of_one", 7, 7}};
enum { INPUT_TENSORS = 5, EACH = 2 };

static vft_program *inputs_build(int skip) {
  vft_program *p = vft_program_new("inputs", 5);
  vft_program_add_link(p, "in", false);
  vft_tensor_id y = toy_tensor(p, "y", VFT_LINK, 0, -100, 100, DIMS(EACH), NULL);
  vft_tensor_id v = toy_tensor(p, "v", VFT_WITNESS, 0, 0, 255, DIMS(EACH), NULL);
  toy_range_table(p);
  REL("v", VFT_ZERO, 0, DIMS(EACH), 1, TERMS(T(1, 1, F(y, "a")), T(128, 0), T(-1, 1, F(v, "a"))));
  LOOKUP("v/range", DIMS(EACH), 2, COL(T(8, 0)), COL(T(1, 1, F(v, "a"))));
  for (int i = 0; i < INPUT_TENSORS; i++) {
    vft_tensor_id in = toy_tensor(p, input_tensor[i].name, VFT_PUBLIC, 0, input_tensor[i].lo,
                                  input_tensor[i].hi, DIMS(EACH), NULL);
    vft_tensor_id of = toy_tensor(p, input_tensor[i].link, VFT_LINK, 0, -((int64_t)1 << 40),
                                  (int64_t)1 << 40, DIMS(EACH), NULL);
    REL(input_tensor[i].link, VFT_ZERO, 0, DIMS(EACH), 1,
        TERMS(T(3, 1, F(in, "a")), T(1, 1, F(y, "a")), T(-1, 1, F(of, "a"))));
  }
  return p;
}

static void inputs_follow(vft_trace *t) {
  for (int i = 0; i < INPUT_TENSORS; i++)
    for (size_t k = 0; k < EACH; k++)
      toy_set(t, toy_find(t, input_tensor[i].link), k,
              3 * toy_get(t, toy_find(t, input_tensor[i].name), k) +
                  toy_get(t, toy_find(t, "y"), k));
}

static void inputs_fill(vft_trace *t) {
  vft_tensor_id y = toy_random(t, "y"), v = toy_alloc(t, "v");
  for (size_t i = 0; i < EACH; i++) toy_set(t, v, i, toy_get(t, y, i) + 128);
  for (int i = 0; i < INPUT_TENSORS; i++) {
    int64_t *x = vft_alloc(EACH, sizeof *x); /* of 64 bits: for values outside of the bounds */
    vft_tensor_id in = toy_find(t, input_tensor[i].name);
    if (!x) abort();
    for (size_t k = 0; k < EACH; k++) x[k] = toy_rnd(input_tensor[i].lo, input_tensor[i].hi);
    vft_trace_supply(t, in, VFT_I64, x);
    t->owned[in] = true;
    toy_alloc(t, input_tensor[i].link);
  }
  inputs_follow(t);
}

/* A program with a trace, and what it is committed under. */
typedef struct {
  const char *name;
  vft_program *program;
  vft_machine *machine; /* owns the program, if that is one */
  bool bounded;         /* for the checker of bounds, which some toys are too simple for */
  vft_trace trace;
  vft_commitment *link[TREES], *oracle[TREES];
  vft_proof_options options;
} subject;

/* What a verifier is given. */
typedef struct {
  uint8_t *proof, *opening;
  size_t len, opening_len;
  vft_poseidon_digest link[TREES], oracle[TREES];
  vft_fp context[CONTEXT], opening_context[CONTEXT];
  int64_t *input; /* of all tensors, one after the other */
  size_t inputs;
} message;

static vft_circuit *small_circuit(void) {
  vft_circuit *c = vft_circuit_new();
  assert_non_null(c);
  vft_wire in = vft_circuit_input(c, vft_ext_from_fp((vft_fp){toy_rnd64() >> 2}));
  vft_wire x = vft_circuit_free_cell(c, (vft_ext){{{9}, {toy_rnd64() >> 2}, {2}}});
  vft_wire y = vft_circuit_sum(c, in, x, in);
  vft_wire want = vft_circuit_input(c, vft_ext_from_fp(vft_circuit_value(c, y).c[0]));
  vft_wire got = vft_circuit_take_part(c, (vft_wire_part){y, 0});
  vft_wire minus = vft_circuit_constant(c, vft_ext_neg(VFT_EXT_ONE));
  vft_circuit_zero(c, vft_circuit_sum(c, minus, want, got));
  vft_wire_part lane[8] = {{y, 0}, {y, 1}, {y, 2}};
  vft_fp none[4] = {{0}};
  uint32_t p = vft_circuit_permute(c, lane, none, VFT_FRESH, 0);
  vft_wire bit = vft_circuit_split(c, (vft_wire_part){vft_circuit_sponge(p), 1});
  (void)vft_circuit_permute(c, lane, none, p, bit);
  vft_circuit_take_part(c, (vft_wire_part){y, 2});
  return c;
}

static vft_proof_options options_now(void) {
  vft_proof_options o = vft_proof_options_recursive();
  o.test_queries = 2;
  o.grind = 4;
  return o;
}

static void commit(subject *s) {
  s->bounded = vft_program_check_bounds(s->program) == VFT_OK;
  for (int i = 0; i < TREES; i++) {
    vft_commitment_free(s->link[i]);
    vft_commitment_free(s->oracle[i]);
    s->link[i] = s->oracle[i] = NULL;
  }
  for (uint32_t l = 0; l < s->program->nlinks; l++)
    OK(vft_commit_group(&s->link[l], &s->trace, VFT_LINK, l, 1, VFT_HASH_POSEIDON, 0));
  for (uint32_t o = 0; o < s->program->noracles; o++)
    OK(vft_commit_group(&s->oracle[o], &s->trace, VFT_ORACLE, o, 1, VFT_HASH_POSEIDON, 0));
}

static void toy(subject *s, const char *name, vft_program *(*build)(int),
                void (*fill)(vft_trace *)) {
  *s = (subject){.name = name, .program = build(-1), .options = options_now()};
  OK(vft_trace_init(&s->trace, s->program));
  fill(&s->trace);
  OK(vft_trace_complete(&s->trace));
  OK(vft_trace_count_lookups(&s->trace));
  OK(vft_program_check_trace(s->program, &s->trace, NULL));
  commit(s);
}

static void machine(subject *s) {
  vft_circuit *c = small_circuit();
  vft_machine_shape shape;
  *s = (subject){.name = "machine", .options = options_now()};
  vft_machine_fit(c, 6, &shape);
  OK(vft_machine_build(&shape, &s->machine));
  s->program = s->machine->program;
  OK(vft_trace_init(&s->trace, s->program));
  OK(vft_machine_trace(s->machine, c, &s->trace));
  commit(s);
  vft_circuit_free(c);
}

enum { MATMUL, ZOO, SQUARES, POWERS, MACHINE, INPUTS, SUBJECTS };
static void make_subject(subject *s, int i) {
  if (i == MATMUL) toy(s, "matmul", matmul_build, matmul_fill);
  if (i == ZOO) toy(s, "zoo", zoo_build, zoo_fill);
  if (i == SQUARES) toy(s, "squares", squares_build, squares_fill);
  if (i == POWERS) toy(s, "powers", powers_build, powers_fill);
  if (i == MACHINE) machine(s);
  if (i == INPUTS) toy(s, "inputs", inputs_build, inputs_fill);
}

static void free_subject(subject *s) {
  for (int i = 0; i < TREES; i++) {
    vft_commitment_free(s->link[i]);
    vft_commitment_free(s->oracle[i]);
  }
  vft_trace_free(&s->trace);
  if (s->machine)
    vft_machine_free(s->machine);
  else
    vft_program_free(s->program);
}

/* ---- honest messages ---- */

static bool is_input(const vft_tensor *x) { return x->origin == VFT_PUBLIC && !x->values; }

static uint8_t *copy_of(const uint8_t *bytes, size_t len) {
  uint8_t *b = malloc(len + 64);
  assert_non_null(b);
  memset(b, 0, len + 64);
  memcpy(b, bytes, len);
  return b;
}

static vft_poseidon_digest root_of(const vft_commitment *c) {
  vft_digest d = vft_commitment_root(c);
  vft_poseidon_digest e;
  assert_true(vft_poseidon_read(d.b, &e));
  return e;
}

static void prove_message(const subject *s, message *m) {
  const vft_program *p = s->program;
  vft_digest oracle[TREES];
  vft_oracle_claims claims;
  vft_proof proof, opening;
  vft_proof_options o = s->options;
  vft_prove_options how = {.unchecked = true};
  memset(m, 0, sizeof *m);
  memset(&claims, 0, sizeof claims);
  for (uint64_t i = 0; i < CONTEXT; i++) {
    m->context[i] = (vft_fp){1000 + i};
    m->opening_context[i] = (vft_fp){2000 + i};
  }
  for (uint32_t l = 0; l < p->nlinks; l++) m->link[l] = root_of(s->link[l]);
  for (uint32_t i = 0; i < p->noracles; i++) {
    m->oracle[i] = root_of(s->oracle[i]);
    oracle[i] = vft_commitment_root(s->oracle[i]);
  }
  for (uint32_t t = 0; t < p->ntensors; t++)
    if (is_input(&p->tensors[t])) m->inputs += vft_tensor_count(&p->tensors[t]);
  m->input = malloc((m->inputs + 1) * sizeof *m->input);
  assert_non_null(m->input);
  for (uint32_t t = 0, at = 0; t < p->ntensors; t++)
    for (size_t i = 0; is_input(&p->tensors[t]) && i < vft_tensor_count(&p->tensors[t]); i++)
      m->input[at++] = vft_array_get(&s->trace.array[t], i);
  o.context = m->context;
  o.context_len = CONTEXT;
  OK(vft_prove(p, &s->trace, s->link, oracle, &o, &how, &proof, &claims, NULL));
  m->proof = copy_of(proof.bytes, m->len = proof.len);
  vft_proof_free(&proof);
  if (claims.n) {
    o.context = m->opening_context;
    OK(vft_prove_oracles(s->oracle, p->noracles, &claims, &o, &opening));
    m->opening = copy_of(opening.bytes, m->opening_len = opening.len);
    vft_proof_free(&opening);
  }
  vft_oracle_claims_free(&claims);
}

static void free_message(message *m) {
  free(m->proof);
  free(m->opening);
  free(m->input);
}

static message copy_message(const message *m) {
  message c = *m;
  c.proof = copy_of(m->proof, m->len);
  c.opening = m->opening ? copy_of(m->opening, m->opening_len) : NULL;
  c.input = malloc((m->inputs + 1) * sizeof *c.input);
  assert_non_null(c.input);
  memcpy(c.input, m->input, m->inputs * sizeof *c.input);
  return c;
}

/* ---- the two verifiers ---- */

typedef struct {
  vft_status status;
  char check[80], why[300];
} verdict;

static verdict verdict_of(vft_status st) {
  verdict v = {st, "", ""};
  if (st == VFT_OK) return v;
  snprintf(v.why, sizeof v.why, "%s", vft_error_message());
  if (st == VFT_REJECTED) snprintf(v.check, sizeof v.check, "%s", vft_error_check());
  return v;
}

static vft_digest bytes_of(const vft_poseidon_digest *d) {
  vft_digest b;
  vft_poseidon_bytes(d, b.b);
  return b;
}

static verdict native(const subject *s, const message *m) {
  const vft_program *p = s->program;
  vft_digest link[TREES], oracle[TREES];
  const int64_t **in = calloc(p->ntensors, sizeof *in);
  vft_tree_info tree[TREES];
  vft_oracle_claims claims;
  vft_proof_options o = s->options;
  vft_verify_flags flags = {.allow_test_profile = true, .bounds_checked = true};
  memset(&claims, 0, sizeof claims);
  assert_non_null(in);
  for (uint32_t l = 0; l < p->nlinks; l++) link[l] = bytes_of(&m->link[l]);
  for (uint32_t i = 0; i < p->noracles; i++) {
    oracle[i] = bytes_of(&m->oracle[i]);
    tree[i] = vft_commitment_info(s->oracle[i]);
    tree[i].root = oracle[i];
  }
  for (uint32_t t = 0, at = 0; t < p->ntensors; t++)
    if (is_input(&p->tensors[t])) {
      in[t] = m->input + at;
      at += (uint32_t)vft_tensor_count(&p->tensors[t]);
    }
  o.context = m->context;
  o.context_len = CONTEXT;
  vft_statement st = {p, in, link, oracle};
  verdict v = verdict_of(vft_verify_proof(&st, &o, flags, m->proof, m->len, &claims, NULL));
  if (v.status == VFT_OK && claims.n) {
    o.context = m->opening_context;
    v = verdict_of(vft_verify_oracles(tree, p->noracles, p->log_columns, &claims, &o, flags,
                                      m->opening, m->opening_len, NULL));
  }
  vft_oracle_claims_free(&claims);
  free(in);
  return v;
}

static void elements(vft_circuit *c, const vft_fp *v, size_t n, uint32_t *out) {
  for (size_t i = 0; i < n; i++) out[i] = vft_circuit_input(c, vft_ext_from_fp(v[i]));
}

/* The whole statement is inputs of the circuit. */
static verdict record(const subject *s, const message *m, bool blank, vft_circuit *c) {
  const vft_program *p = s->program;
  uint32_t link[TREES][4], oracle[TREES][4], context[CONTEXT], opening_context[CONTEXT];
  uint32_t *in = calloc(m->inputs + 1, sizeof *in);
  const uint32_t **inputs = calloc(p->ntensors, sizeof *inputs);
  assert_true(in && inputs);
  for (uint32_t l = 0; l < p->nlinks; l++) elements(c, m->link[l].e, 4, link[l]);
  for (uint32_t o = 0; o < p->noracles; o++) elements(c, m->oracle[o].e, 4, oracle[o]);
  elements(c, m->context, CONTEXT, context);
  elements(c, m->opening_context, CONTEXT, opening_context);
  for (size_t i = 0; i < m->inputs; i++)
    in[i] = vft_circuit_input(c, vft_ext_from_i64(m->input[i]));
  for (uint32_t t = 0, at = 0; t < p->ntensors; t++)
    if (is_input(&p->tensors[t])) {
      inputs[t] = in + at;
      at += (uint32_t)vft_tensor_count(&p->tensors[t]);
    }
  vft_claims claims = {0}, opened = {0};
  vft_circuit_child child = {.program = p,
                             .inputs = inputs,
                             .link_root = (const uint32_t(*)[4])link,
                             .oracle_root = (const uint32_t(*)[4])oracle,
                             .context = context,
                             .context_len = CONTEXT,
                             .claims = &claims,
                             .log_inv_rate = s->options.log_inv_rate,
                             .bits = s->options.bits,
                             .grind = s->options.grind,
                             .test_queries = s->options.test_queries,
                             .allow_test_profile = true};
  const uint8_t *proof = blank ? NULL : m->proof;
  vft_status st;
  if (s->bounded) {
    st = vft_circuit_verify(c, &child, proof, m->len);
  } else { /* as it does, but for inputs' bounds */
    vft_record_begin(c, blank);
    st = vft_wires_verify(&child, proof, m->len);
    vft_record_end();
    if (st == VFT_OK) st = c->status;
  }
  if (st == VFT_OK && claims.list.n) { /* the opening is of claims of its own, with the same sponge */
    vft_circuit_opening o = {.program = p,
                             .oracle_root = (const uint32_t(*)[4])oracle,
                             .claims = &opened,
                             .nclaims = 1,
                             .context = opening_context,
                             .context_len = CONTEXT,
                             .log_columns = p->log_columns,
                             .log_inv_rate = s->options.log_inv_rate,
                             .bits = s->options.bits,
                             .grind = s->options.grind,
                             .test_queries = s->options.test_queries,
                             .allow_test_profile = true};
    opened.list = claims.list;
    st = vft_circuit_open(c, &o, blank ? NULL : m->opening, m->opening_len);
    for (int k = 0; k < 4; k++) vft_circuit_equal(c, claims.digest[k], opened.digest[k]);
  }
  vft_claim_list_free(&claims.list);
  verdict v = verdict_of(st);
  free(in);
  free(inputs);
  return v;
}

static vft_circuit *fresh(void) {
  vft_circuit *c = vft_circuit_new();
  assert_non_null(c);
  return c;
}

static vft_circuit *recorded(const subject *s, const message *m) {
  vft_circuit *c = fresh();
  verdict v = record(s, m, false, c);
  if (v.status != VFT_OK) fail_msg("%s: %s", s->name, v.why);
  assert_true(vft_circuit_holds(c));
  return c;
}

/* ---- what is proved ---- */

/* Both accept, and what is recorded does not depend on the proof, nor on whether there is one. */
static void honest(void **state) {
  (void)state;
  for (int i = 0; i < SUBJECTS; i++) {
    uint8_t digest[32], other[32];
    for (int turn = 0; turn < 3; turn++) {
      subject s;
      message m;
      make_subject(&s, i); /* another trace each time */
      prove_message(&s, &m);
      assert_int_equal(native(&s, &m).status, VFT_OK);
      vft_circuit *c = recorded(&s, &m);
      vft_circuit_digest(c, turn ? other : digest);
      if (turn) assert_memory_equal(digest, other, 32);
      uint32_t sums = c->cells[VFT_CELL_SUM].n;
      assert_true(evaluate(c));
      assert_true(vft_circuit_holds(c));
      vft_circuit_prune(c);
      assert_true(vft_circuit_holds(c));
      assert_true(evaluate(c));
      assert_true(vft_circuit_holds(c));
      if (!turn)
        print_message("%s: %zu bytes, opening %zu; %u permutations, %u sums, %u needed\n", s.name,
                      m.len, m.opening_len, c->nsponge, sums, c->cells[VFT_CELL_SUM].n);
      vft_circuit_free(c);
      memset(m.input, 0, m.inputs * sizeof *m.input);
      memset(m.link, 0, sizeof m.link);
      memset(m.oracle, 0, sizeof m.oracle);
      vft_circuit *b = fresh();
      verdict v = record(&s, &m, true, b);
      if (v.status != VFT_OK) fail_msg("%s: %s", s.name, v.why);
      vft_circuit_digest(b, other);
      assert_memory_equal(digest, other, 32);
      vft_circuit_free(b);
      free_message(&m);
      free_subject(&s);
    }
  }
}

/* The recording of a verification as a circuit that is proved itself. */
static void proved_itself(void **state) {
  (void)state;
  subject s;
  message m;
  proved p;
  make_subject(&s, SQUARES);
  prove_message(&s, &m);
  vft_circuit *c = recorded(&s, &m);
  vft_circuit_prune(c);
  prove_circuit(&p, c, 9, 2);
  OK(verify_circuit(&p, p.input, p.inputs, p.proof.bytes, p.proof.len));
  p.input[0] = vft_fp_add(p.input[0], (vft_fp){1});
  assert_int_equal(verify_circuit(&p, p.input, p.inputs, p.proof.bytes, p.proof.len), VFT_REJECTED);
  proved_free(&p);
  vft_circuit_free(c);
  free_message(&m);
  free_subject(&s);
}

/* ---- what is changed ---- */

typedef struct {
  const message *honest;
  unsigned all, same, by_name, canonical, inputs;
} tally;

/* Whether it is the honest message after all: some words are zero or equal. */
static bool same_message(const message *a, const message *b) {
  return a->len == b->len && a->opening_len == b->opening_len &&
         !memcmp(a->proof, b->proof, a->len) &&
         (!a->opening || !memcmp(a->opening, b->opening, a->opening_len)) &&
         !memcmp(a->link, b->link, sizeof a->link) &&
         !memcmp(a->oracle, b->oracle, sizeof a->oracle) &&
         !memcmp(a->context, b->context, sizeof a->context) &&
         (!a->opening ||
          !memcmp(a->opening_context, b->opening_context, sizeof a->opening_context)) &&
         !memcmp(a->input, b->input, a->inputs * sizeof *a->input);
}

/* Both say the same, but for what an integer of 64 bits is when it is no element, and what a
 * circuit is told of inputs:
 *   a word of opened columns that is not below p: whir/merkle natively, transcript/canonical here,
 *   where all words of a proof are read alike;
 *   an input outside of its bounds: statement/input natively, before the proof is looked at; here
 *   the recording does not hold, unless the proof is rejected. */
static void compare(const subject *s, const message *m, const char *what, tally *t) {
  vft_circuit *c = fresh();
  verdict n = native(s, m), r = record(s, m, false, c);
  bool same = same_message(m, t->honest);
  t->all++;
  t->same += same;
  if (n.status != (same ? VFT_OK : VFT_REJECTED))
    fail_msg("%s, %s: %s %s", s->name, what, same ? "not changed:" : "ACCEPTED", n.why);
  if (r.status == VFT_OK && vft_circuit_holds(c) != (n.status == VFT_OK))
    fail_msg("%s, %s: the recording %s, natively: %s", s->name, what,
             n.status ? "HOLDS" : "does not hold", n.why);
  if (!strcmp(n.check, "statement/input")) {
    t->inputs++;
  } else if (n.status != r.status) {
    fail_msg("%s, %s: natively %s, here %s", s->name, what, n.check, r.why);
  } else if (!strcmp(n.check, "whir/merkle") && strstr(n.why, "not below p")) {
    t->canonical++;
    assert_string_equal(r.check, "transcript/canonical");
  } else {
    if (strcmp(n.check, r.check))
      fail_msg("%s, %s: natively %s, here %s", s->name, what, n.check, r.check);
    t->by_name++;
  }
  vft_circuit_free(c);
}

static void put64(uint8_t *at, uint64_t x) {
  for (int b = 0; b < 8; b++) at[b] = (uint8_t)(x >> (8 * b));
}
static uint64_t get64(const uint8_t *at) {
  uint64_t x = 0;
  for (int b = 0; b < 8; b++) x |= (uint64_t)at[b] << (8 * b);
  return x;
}

static void exchange(uint8_t *at, size_t words) {
  uint8_t t[64];
  memcpy(t, at, 8 * words);
  memcpy(at, at + 8 * words, 8 * words);
  memcpy(at + 8 * words, t, 8 * words);
}

/* Change number k of a proof's bytes at word w; false: there is none. */
static bool change_word(uint8_t *b, size_t words, size_t w, unsigned k, const char **what) {
  static const char *const name[] = {"bit",  "p",    "all ones", "x + p",    "zero",    "plus one",
                                     "swap", "swap of elements", "swap of digests", "high half"};
  uint8_t *at = b + 8 * w;
  uint64_t x = get64(at);
  const size_t swap[] = {1, 3, 4};
  if (k >= 10) return false;
  *what = name[k];
  switch (k) {
    case 0: at[toy_rnd64() % 8] ^= (uint8_t)(1u << toy_rnd64() % 8); break;
    case 1: put64(at, VFT_P); break;
    case 2: put64(at, UINT64_MAX); break;
    case 3: put64(at, x < 0xffffffffu ? x + VFT_P : x ^ 2); break;
    case 4: put64(at, 0); break;
    case 5: put64(at, x + 1); break;
    case 9: put64(at, x ^ 1ull << 33); break; /* of a nonce: 2^32 and more */
    default:
      if (w + 2 * swap[k - 6] <= words) exchange(at, swap[k - 6]);
  }
  return true;
}

static void change_bytes(const subject *s, const message *m, bool opening, tally *t) {
  size_t words = (opening ? m->opening_len : m->len) / 8;
  size_t edges = 14, places = words < 60 ? words : 60;
  for (size_t i = 0; i < places; i++) { /* the first ones, the last ones, others */
    size_t w = i < edges ? i : i < 2 * edges ? words - 1 - (i - edges) : toy_rnd64() % words;
    message c = copy_message(m);
    const char *what = "";
    char label[80];
    assert_true(change_word(opening ? c.opening : c.proof, words, w, (unsigned)i % 10, &what));
    snprintf(label, sizeof label, "%s %zu: %s", opening ? "opening" : "proof", w, what);
    compare(s, &c, label, t);
    free_message(&c);
  }
  size_t len = 8 * words;
  const size_t cut[] = {0,       1,       7,       8,       len / 3, len / 2 + 5,
                        len - 8, len - 1, len + 1, len + 8, len + 24};
  for (size_t i = 0; i < sizeof cut / sizeof *cut; i++) {
    message c = copy_message(m);
    *(opening ? &c.opening_len : &c.len) = cut[i];
    compare(s, &c, cut[i] > len ? "longer" : "shorter", t);
    free_message(&c);
  }
}

static void add_one(vft_fp *x) { *x = vft_fp_add(*x, (vft_fp){1}); }

static void change_statement(const subject *s, const message *m, tally *t) {
  const vft_program *p = s->program;
  for (unsigned i = 0; i < 4 * p->nlinks; i += 3) {
    message c = copy_message(m);
    add_one(&c.link[i / 4].e[i % 4]);
    compare(s, &c, "link", t);
    free_message(&c);
  }
  for (unsigned i = 0; i < 4 * p->noracles; i += 3) {
    message c = copy_message(m);
    add_one(&c.oracle[i / 4].e[i % 4]);
    compare(s, &c, "oracle", t);
    free_message(&c);
  }
  for (unsigned i = 0; i < 2 * CONTEXT; i++) {
    message c = copy_message(m);
    add_one(i < CONTEXT ? &c.context[i] : &c.opening_context[i - CONTEXT]);
    compare(s, &c, "context", t);
    free_message(&c);
  }
  if (p->nlinks > 1) {
    message c = copy_message(m);
    c.link[0] = m->link[1];
    c.link[1] = m->link[0];
    compare(s, &c, "links exchanged", t);
    free_message(&c);
  }
  for (size_t i = 0; i < m->inputs; i += 2) {
    for (int far = 0; far < 2; far++) {
      message c = copy_message(m);
      c.input[i] += far ? 100000 : c.input[i] > 0 ? -1 : 1;
      compare(s, &c, far ? "input, far" : "input", t);
      free_message(&c);
    }
  }
}

/* The first words of one proof, the others of another. */
static void splice(const subject *s, const message *m, tally *t) {
  subject o;
  message n;
  for (int i = 0; i < SUBJECTS; i++) {
    make_subject(&o, i);
    prove_message(&o, &n);
    for (size_t at = 0; at < 3; at++) {
      message c = copy_message(m);
      size_t len = c.len < n.len ? c.len : n.len, from = len / 8 * at / 3 * 8;
      memcpy(c.proof + from, n.proof + from, len - from);
      compare(s, &c, "spliced", t);
      free_message(&c);
    }
    free_message(&n);
    free_subject(&o);
  }
}

static void changed(void **state) {
  (void)state;
  for (int i = 0; i < SUBJECTS; i++) {
    subject s;
    message m;
    tally t = {.honest = &m};
    make_subject(&s, i);
    prove_message(&s, &m);
    change_bytes(&s, &m, false, &t);
    if (m.opening) change_bytes(&s, &m, true, &t);
    change_statement(&s, &m, &t);
    if (i == SQUARES || i == MACHINE) splice(&s, &m, &t);
    print_message("%s: %u changes, %u of them none; %u: the same check, %u: words, %u: inputs\n",
                  s.name, t.all, t.same, t.by_name, t.canonical, t.inputs);
    assert_true(4 * t.same < t.all);
    free_message(&m);
    free_subject(&s);
  }
}

/* The first zeros of a recording say that the inputs are in their bounds, and are there unless that
 * is known otherwise. Proofs for the ends of the bounds are accepted. */
static void bounds_of_inputs(void **state) {
  (void)state;
  subject s;
  make_subject(&s, INPUTS);
  assert_true(s.bounded);
  for (size_t k = 0; k < INPUT_TENSORS; k++) {
    const int64_t lo = input_tensor[k].lo, hi = input_tensor[k].hi;
    const int64_t value[] = {lo, hi, lo - 1, hi + 1, hi + ((int64_t)1 << 32),
                             lo - ((int64_t)1 << 32), INT64_MIN, INT64_MAX};
    for (size_t v = 0; v < 8; v++) {
      message m;
      bool inside = value[v] >= lo && value[v] <= hi, zero = true;
      vft_tensor_id id = toy_find(&s.trace, input_tensor[k].name);
      prove_message(&s, &m);
      int64_t old = m.input[EACH * k + v % EACH];
      m.input[EACH * k + v % EACH] = value[v];
      vft_circuit *c = fresh(), *known = fresh();
      OK(record(&s, &m, true, c).status);
      s.bounded = false;
      OK(record(&s, &m, true, known).status);
      s.bounded = true;
      assert_int_equal(c->nzero, known->nzero + 2 * m.inputs);
      for (int again = 0; again < 2; again++, zero = true) {
        for (uint32_t i = 0; i < 2 * m.inputs; i++)
          zero = zero && vft_ext_is_zero(vft_circuit_value(c, c->zero[i]));
        if (zero != inside) fail_msg("%s: %lld", input_tensor[k].name, (long long)value[v]);
        assert_true(evaluate(c));
      }
      vft_circuit_free(c);
      vft_circuit_free(known);
      free_message(&m);
      if (!inside || v > 1) continue;
      toy_set(&s.trace, id, v, value[v]);
      inputs_follow(&s.trace);
      commit(&s);
      prove_message(&s, &m);
      assert_int_equal(m.input[EACH * k + v], value[v]);
      OK(native(&s, &m).status);
      vft_circuit_free(recorded(&s, &m));
      free_message(&m);
      toy_set(&s.trace, id, v, old);
      inputs_follow(&s.trace);
      commit(&s);
    }
  }
  /* more than 32 bits are refused */
  message m;
  prove_message(&s, &m);
  s.program->tensors[toy_find(&s.trace, "wide")].hi++;
  vft_circuit *c = fresh();
  verdict v = record(&s, &m, true, c);
  assert_int_equal(v.status, VFT_USAGE);
  assert_non_null(strstr(v.why, "32 bits"));
  vft_circuit_free(c);
  free_message(&m);
  free_subject(&s);
}

/* ---- what else the cells could be ---- */

/* Coordinates of cells of a kind that anything reads: sums, zeros and fetches read whole cells. */
static bool *coordinates_read(const vft_circuit *c, vft_cell_kind kind) {
  bool *read = calloc(3 * (size_t)c->cells[kind].n + 1, sizeof *read);
  assert_non_null(read);
#define WHOLE(w)                                                       \
  for (size_t k_ = 0; vft_wire_kind(w) == kind && k_ < 3; k_++)        \
  read[3 * (size_t)vft_wire_number(w) + k_] = true
#define ONE(p) \
  if (vft_wire_kind((p).wire) == kind) read[3 * (size_t)vft_wire_number((p).wire) + (p).part] = true
  for (uint32_t i = 0; i < c->cells[VFT_CELL_SUM].n; i++) {
    WHOLE(c->sum[i].a);
    WHOLE(c->sum[i].b);
    WHOLE(c->sum[i].c);
  }
  for (uint32_t i = 0; i < c->nzero; i++) WHOLE(c->zero[i]);
  for (uint32_t i = 0; i < c->nsplit; i++) ONE(c->split[i]);
  for (uint32_t i = 0; i < c->cells[VFT_CELL_PART].n; i++) ONE(c->part[i]);
  for (uint32_t i = 0; i < c->nsponge; i++)
    for (int k = 0; k < VFT_POSEIDON_RATE; k++) ONE(c->sponge[i].lane[k]);
#undef WHOLE
#undef ONE
  return read;
}

/* With the coordinate changed, and everything computed again from it, some zero is not 0. */
static void must_not_hold(vft_circuit *c, const char *name, vft_cell_kind kind, size_t i,
                          vft_fp v) {
  vft_fp *x = &c->cells[kind].value[i / 3].c[i % 3], old = *x;
  if (v.v == old.v) return;
  *x = v;
  assert_true(evaluate(c));
  if (vft_circuit_holds(c))
    fail_msg("%s HOLDS whatever coordinate %zu of %s cell %zu is", name, i % 3,
             kind == VFT_CELL_BASE ? "base" : kind == VFT_CELL_FREE ? "free" : "input", i / 3);
  *x = old;
}

static bool long_run(void) {
  const char *s = getenv("VFT_LONG");
  return s && *s && strcmp(s, "0") != 0;
}

/* The free cells of a good recording, one at a time (some of them; all when VFT_LONG is set), as
 * far as anything reads them: the second cell of a sibling on a path has one element of the digest
 * and two that are not there. */
static void other_cells(void **state) {
  (void)state;
  for (int i = 0; i < SUBJECTS; i++) {
    subject s;
    message m;
    unsigned tried = 0, idle = 0;
    make_subject(&s, i);
    prove_message(&s, &m);
    vft_circuit *c = recorded(&s, &m);
    vft_circuit_prune(c);
    for (int kind = VFT_CELL_INPUT; kind <= VFT_CELL_FREE; kind++) {
      bool *read = coordinates_read(c, (vft_cell_kind)kind);
      uint32_t n = c->cells[kind].n, step = long_run() ? 1 : 1 + n / 45;
      for (size_t k = 0; k < 3 * (size_t)n; k++) {
        if (!read[k]) {
          assert_true(kind == VFT_CELL_INPUT || k % 3); /* and no element is left out */
          if (kind == VFT_CELL_FREE) assert_int_equal(c->cells[kind].value[k / 3].c[k % 3].v, 0);
          if (kind == VFT_CELL_FREE) idle++;
          continue;
        }
        if (kind < VFT_CELL_FREE && k % 3) continue; /* in F */
        if (k / 3 % step && k / 3 + 3 < n) continue;
        vft_fp v = c->cells[kind].value[k / 3].c[k % 3];
        must_not_hold(c, s.name, (vft_cell_kind)kind, k,
                      k & 1 ? vft_fp_add(v, (vft_fp){1}) : vft_fp_from_u64(toy_rnd64()));
        tried++;
      }
      free(read);
    }
    assert_true(evaluate(c));
    assert_true(vft_circuit_holds(c));
    print_message("%s: %u cells changed; %u coordinates that nothing reads\n", s.name, tried, idle);
    vft_circuit_free(c);
    free_message(&m);
    free_subject(&s);
  }
}

/* The words of another good proof of the same program, from some cell on. */
static void other_proof(void **state) {
  (void)state;
  for (int i = 0; i < SUBJECTS; i++) {
    subject s[2];
    message m[2];
    vft_circuit *c[2];
    for (int k = 0; k < 2; k++) {
      make_subject(&s[k], i);
      prove_message(&s[k], &m[k]);
      c[k] = recorded(&s[k], &m[k]);
      vft_circuit_prune(c[k]);
    }
    for (int kind = VFT_CELL_BASE; kind <= VFT_CELL_FREE; kind++)
      for (uint32_t part = 0; part < 4; part++) {
        uint32_t n = c[0]->cells[kind].n, from = n * part / 4;
        vft_ext *old = malloc((n + 1) * sizeof *old);
        assert_non_null(old);
        memcpy(old, c[0]->cells[kind].value, n * sizeof *old);
        memcpy(c[0]->cells[kind].value + from, c[1]->cells[kind].value + from,
               (n - from) * sizeof *old);
        assert_true(evaluate(c[0]));
        assert_false(vft_circuit_holds(c[0]));
        memcpy(c[0]->cells[kind].value, old, n * sizeof *old);
        free(old);
      }
    /* all of it, and the statement too, is the other's recording */
    for (int kind = VFT_CELL_INPUT; kind <= VFT_CELL_FREE; kind++)
      memcpy(c[0]->cells[kind].value, c[1]->cells[kind].value,
             c[0]->cells[kind].n * sizeof(vft_ext));
    assert_true(evaluate(c[0]));
    assert_true(vft_circuit_holds(c[0]));
    for (int k = 0; k < 2; k++) {
      vft_circuit_free(c[k]);
      free_message(&m[k]);
      free_subject(&s[k]);
    }
  }
}

/* Without memory for the circuit nothing is said about the proof, good or not. */
static void no_memory(void **state) {
  (void)state;
  subject s;
  message m;
  make_subject(&s, MATMUL);
  prove_message(&s, &m);
  assert_true(s.bounded);
  for (int i = 0; i < 3; i++) {
    vft_circuit *c = fresh();
    c->status = VFT_RESOURCE;
    if (i == 1) m.proof[20] ^= 1;
    verdict v = record(&s, &m, i == 2, c);
    assert_int_equal(v.status, VFT_RESOURCE);
    assert_false(vft_circuit_holds(c));
    vft_circuit_free(c);
  }
  free_message(&m);
  free_subject(&s);
}

/* ---- what is compared ---- */

/* A chain of permutations that hashes a column or a pair of nodes, by the capacity at its start. */
static bool of_tree(const vft_sponge_op *start) {
  const vft_fp *c = start->capacity;
  return (!c[0].v && c[1].v == 1 && !c[2].v && !c[3].v) || (!c[1].v && c[2].v && !c[3].v);
}

/* No element of a digest is left out: of the last permutation of each hash in a tree, lanes 0 .. 3
 * are read by something that is needed; so is all that is fetched. (A forged proof that only some
 * elements of a digest find is not to be had.) */
static void whole_digests(void **state) {
  (void)state;
  for (int i = 0; i < SUBJECTS; i++) {
    subject s;
    message m;
    make_subject(&s, i);
    prove_message(&s, &m);
    vft_circuit *c = recorded(&s, &m);
    vft_circuit_prune(c);
    bool *read = coordinates_read(c, VFT_CELL_SPONGE);
    bool *fetched = coordinates_read(c, VFT_CELL_FETCH);
    uint32_t *start = calloc(c->nsponge, sizeof *start), hashes = 0;
    bool *goes_on = calloc(c->nsponge, sizeof *goes_on);
    assert_true(start && goes_on);
    for (uint32_t k = 0; k < c->nsponge; k++) {
      uint32_t after = c->sponge[k].after;
      start[k] = after == VFT_FRESH ? k : start[after];
      if (after != VFT_FRESH) goes_on[after] = true;
    }
    for (uint32_t k = 0; k < c->nsponge; k++) {
      if (goes_on[k] || !of_tree(&c->sponge[start[k]])) continue;
      hashes++;
      for (size_t lane = 0; lane < 4; lane++)
        if (!read[3 * VFT_SPONGE_CELLS * (size_t)k + lane])
          fail_msg("%s: nobody reads element %zu of hash %u", s.name, lane, k);
    }
    assert_true(hashes > 10);
    for (uint32_t k = 0; k < c->cells[VFT_CELL_FETCH].n; k++) assert_true(fetched[3 * (size_t)k]);
    free(read);
    free(fetched);
    free(start);
    free(goes_on);
    vft_circuit_free(c);
    free_message(&m);
    free_subject(&s);
  }
}

/* With work and queries as in earnest: so many bits behind each nonce are said to be 0, which both
 * verifiers find. */
static void work(void **state) {
  (void)state;
  subject s;
  message m;
  uint32_t nonces = 0;
  make_subject(&s, SQUARES);
  s.options.test_queries = 0;
  prove_message(&s, &m);
  for (unsigned g = 0; g < 20; g++) {
    vft_circuit *c = fresh();
    uint32_t bits = 0;
    s.options.grind = g;
    OK(record(&s, &m, true, c).status);
    for (uint32_t i = 0; i < c->nzero; i++) bits += vft_wire_kind(c->zero[i]) == VFT_CELL_BIT;
    if (g == 1) nonces = bits;
    assert_int_equal(bits, g * nonces);
    vft_circuit_free(c);
  }
  assert_true(nonces > 0);
  free_message(&m);
  s.options.grind = 9;
  prove_message(&s, &m);
  OK(native(&s, &m).status);
  vft_circuit_free(recorded(&s, &m));
  tally t = {.honest = &m};
  uint32_t found = 0;
  for (size_t w = 0; w < m.len / 8; w++) {
    uint64_t x = get64(m.proof + 8 * w);
    if (!x || x >> 20) continue; /* not a nonce */
    for (unsigned k = 0; k < 3; k++) { /* more than 32 bits; another */
      message c = copy_message(&m);
      put64(c.proof + 8 * w, k ? x + k : x + ((uint64_t)1 << 32));
      compare(&s, &c, "nonce", &t);
      found += !strcmp(native(&s, &c).check, k ? "transcript/grind" : "transcript/canonical");
      free_message(&c);
    }
  }
  assert_true(found >= nonces + 1);
  free_message(&m);
  free_subject(&s);
}

/* Options are the circuit's: the release profile does not take a test's proof, nor fewer bits. */
static void profile(void **state) {
  (void)state;
  proved p;
  vft_circuit *c = small_circuit();
  prove_circuit(&p, c, 6, 2);
  OK(verify_circuit(&p, p.input, p.inputs, p.proof.bytes, p.proof.len));
  vft_circuit *v = fresh();
  OK(record_verifier(v, &p, p.proof.bytes, p.proof.len));
  assert_true(vft_circuit_holds(v));
  vft_circuit_free(v);
  uint32_t in[6] = {0}, key[1][4] = {{0}};
  const uint32_t **inputs = calloc(p.m->program->ntensors, sizeof *inputs);
  inputs[p.m->input] = in;
  for (int k = 0; k < 3; k++) {
    vft_circuit_child child = {.program = p.m->program,
                               .inputs = inputs,
                               .link_root = (const uint32_t(*)[4])key,
                               .log_inv_rate = 1,
                               .bits = k == 2 ? 100 : 130,
                               .grind = k == 2 ? 0 : p.options.grind,
                               .test_queries = k == 2 ? 0 : 2,
                               .allow_test_profile = k == 1};
    v = fresh();
    vft_status st = vft_circuit_verify(v, &child, NULL, 0);
    assert_int_equal(st, k == 1 ? VFT_OK : VFT_REJECTED);
    if (k != 1) assert_string_equal(vft_error_check(), k ? "soundness/bits" : "soundness/profile");
    vft_circuit_free(v);
  }
  free(inputs);
  vft_circuit_free(c);
  proved_free(&p);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(honest),      cmocka_unit_test(proved_itself),
      cmocka_unit_test(changed),     cmocka_unit_test(bounds_of_inputs),
      cmocka_unit_test(other_cells), cmocka_unit_test(other_proof),
      cmocka_unit_test(no_memory),   cmocka_unit_test(profile),
      cmocka_unit_test(whole_digests), cmocka_unit_test(work),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
