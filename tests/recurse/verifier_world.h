/* Programs of all kinds with honest proofs as messages, and both verifiers of them: the native one,
 * and the one that is recorded as a circuit. */
#ifndef TESTS_RECURSE_VERIFIER_WORLD_H
#define TESTS_RECURSE_VERIFIER_WORLD_H

#include "recurse/recursion.h"

#include "prove/toys.h"
#include "recurse/evaluate.h"
#include "recurse/recorder.h"
#include "recurse/table.h"
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

static inline vft_program *inputs_build(int skip) {
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

static inline void inputs_follow(vft_trace *t) {
  for (int i = 0; i < INPUT_TENSORS; i++)
    for (size_t k = 0; k < EACH; k++)
      toy_set(t, toy_find(t, input_tensor[i].link), k,
              3 * toy_get(t, toy_find(t, input_tensor[i].name), k) +
                  toy_get(t, toy_find(t, "y"), k));
}

static inline void inputs_fill(vft_trace *t) {
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

static inline vft_circuit *small_circuit(void) {
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

static inline vft_proof_options options_now(void) {
  vft_proof_options o = vft_proof_options_recursive();
  o.test_queries = 2;
  o.grind = 4;
  return o;
}

static inline void commit(subject *s) {
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

static inline void toy(subject *s, const char *name, vft_program *(*build)(int),
                void (*fill)(vft_trace *)) {
  *s = (subject){.name = name, .program = build(-1), .options = options_now()};
  OK(vft_trace_init(&s->trace, s->program));
  fill(&s->trace);
  OK(vft_trace_complete(&s->trace));
  OK(vft_trace_count_lookups(&s->trace));
  OK(vft_program_check_trace(s->program, &s->trace, NULL));
  commit(s);
}

static inline void machine(subject *s) {
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
static inline void make_subject(subject *s, int i) {
  if (i == MATMUL) toy(s, "matmul", matmul_build, matmul_fill);
  if (i == ZOO) toy(s, "zoo", zoo_build, zoo_fill);
  if (i == SQUARES) toy(s, "squares", squares_build, squares_fill);
  if (i == POWERS) toy(s, "powers", powers_build, powers_fill);
  if (i == MACHINE) machine(s);
  if (i == INPUTS) toy(s, "inputs", inputs_build, inputs_fill);
}

static inline void free_subject(subject *s) {
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

static inline bool is_input(const vft_tensor *x) { return x->origin == VFT_PUBLIC && !x->values; }

static inline uint8_t *copy_of(const uint8_t *bytes, size_t len) {
  uint8_t *b = malloc(len + 64);
  assert_non_null(b);
  memset(b, 0, len + 64);
  memcpy(b, bytes, len);
  return b;
}

static inline vft_poseidon_digest root_of(const vft_commitment *c) {
  vft_digest d = vft_commitment_root(c);
  vft_poseidon_digest e;
  assert_true(vft_poseidon_read(d.b, &e));
  return e;
}

static inline void prove_message(const subject *s, message *m) {
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

static inline void free_message(message *m) {
  free(m->proof);
  free(m->opening);
  free(m->input);
}

static inline message copy_message(const message *m) {
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

static inline verdict verdict_of(vft_status st) {
  verdict v = {st, "", ""};
  if (st == VFT_OK) return v;
  snprintf(v.why, sizeof v.why, "%s", vft_error_message());
  if (st == VFT_REJECTED) snprintf(v.check, sizeof v.check, "%s", vft_error_check());
  return v;
}

static inline vft_digest bytes_of(const vft_poseidon_digest *d) {
  vft_digest b;
  vft_poseidon_bytes(d, b.b);
  return b;
}

static inline verdict native(const subject *s, const message *m) {
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

static inline void elements(vft_circuit *c, const vft_fp *v, size_t n, uint32_t *out) {
  for (size_t i = 0; i < n; i++) out[i] = vft_circuit_input(c, vft_ext_from_fp(v[i]));
}

/* The whole statement is inputs of the circuit. */
static inline verdict record(const subject *s, const message *m, bool blank, vft_circuit *c) {
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

static inline vft_circuit *fresh(void) {
  vft_circuit *c = vft_circuit_new();
  assert_non_null(c);
  return c;
}

static inline vft_circuit *recorded(const subject *s, const message *m) {
  vft_circuit *c = fresh();
  verdict v = record(s, m, false, c);
  if (v.status != VFT_OK) fail_msg("%s: %s", s->name, v.why);
  assert_true(vft_circuit_holds(c));
  return c;
}

/* ---- their verdicts on what is changed ---- */

typedef struct {
  const message *honest;
  unsigned all, same, by_name, canonical, inputs;
} tally;

/* Whether it is the honest message after all: some words are zero or equal. */
static inline bool same_message(const message *a, const message *b) {
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
static inline void compare(const subject *s, const message *m, const char *what, tally *t) {
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

static inline void put64(uint8_t *at, uint64_t x) {
  for (int b = 0; b < 8; b++) at[b] = (uint8_t)(x >> (8 * b));
}

static inline uint64_t get64(const uint8_t *at) {
  uint64_t x = 0;
  for (int b = 0; b < 8; b++) x |= (uint64_t)at[b] << (8 * b);
  return x;
}

#endif
