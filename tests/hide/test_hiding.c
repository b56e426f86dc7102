/* Hiding program proofs: completeness, tampering, every check of a hidden value, the simulator, and
 * a classifier that looks for traces of the witness. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "hide/distinguish.h"
#include "hide/late.h"
#include "hide/opening.h"
#include "hide/secret.h"
#include "hide/verify.h"
#include "prove/hiding.h"
#include "recurse/machine.h"
#include "recurse/machine_trace.h"

/* ---- a statement ---- */

typedef struct {
  vft_program *program;
  vft_trace trace;
  vft_commitment *link;
  vft_digest root;
  int64_t rate, tilt[8];
  const int64_t **inputs;
  vft_proof_options options;
  vft_machine *machine; /* owns the program, when there is one */
} job;

static const vft_verify_flags lax = {.allow_test_profile = true, .bounds_checked = true};

static void job_init(job *j, int64_t value, int skip) {
  memset(j, 0, sizeof *j);
  j->options = vft_proof_options_default();
  j->options.test_queries = 3;
  j->options.log_inv_rate = 4;
  j->options.hiding = true;
  j->program = secret_build(skip);
  OK(vft_trace_init(&j->trace, j->program));
  secret_fill(&j->trace, value);
  OK(vft_trace_complete(&j->trace));
  OK(vft_trace_count_lookups(&j->trace));
  OK(vft_commit_group(&j->link, &j->trace, VFT_LINK, 0, j->options.log_inv_rate, VFT_HASH_BLAKE3,
                      0));
  j->root = vft_commitment_root(j->link);
  j->inputs = calloc(j->program->ntensors, sizeof *j->inputs);
  j->rate = toy_get(&j->trace, toy_find(&j->trace, "rate"), 0);
  for (size_t i = 0; i < 8; i++) j->tilt[i] = toy_get(&j->trace, toy_find(&j->trace, "tilt"), i);
  j->inputs[toy_find(&j->trace, "rate")] = &j->rate;
  j->inputs[toy_find(&j->trace, "tilt")] = j->tilt;
}

/* The machine of recurse/machine.h on a circuit with a secret cell, and so a secret permutation. */
static void job_machine(job *j, uint64_t secret) {
  vft_machine_shape shape;
  memset(j, 0, sizeof *j);
  j->options = vft_proof_options_default();
  j->options.test_queries = 3;
  j->options.log_inv_rate = 4;
  j->options.hiding = true;
  vft_circuit *c = vft_circuit_new();
  vft_wire in = vft_circuit_input(c, vft_ext_from_fp((vft_fp){5}));
  vft_wire x = vft_circuit_free_cell(c, (vft_ext){{{secret}, {1}, {2}}});
  vft_wire y = vft_circuit_sum(c, in, x, in);
  vft_wire_part lane[8] = {{y, 0}, {y, 1}, {y, 2}};
  vft_fp zero[4] = {{0}};
  uint32_t p = vft_circuit_permute(c, lane, zero, VFT_FRESH, 0);
  (void)vft_circuit_split(c, (vft_wire_part){vft_circuit_sponge(p), 1});
  vft_machine_fit(c, SECRET_COLUMNS, &shape);
  OK(vft_machine_build(&shape, &j->machine));
  j->program = j->machine->program;
  OK(vft_trace_init(&j->trace, j->program));
  OK(vft_machine_trace(j->machine, c, &j->trace));
  OK(vft_commit_group(&j->link, &j->trace, VFT_LINK, j->machine->wiring, j->options.log_inv_rate,
                      VFT_HASH_BLAKE3, 0));
  j->root = vft_commitment_root(j->link);
  OK(vft_machine_inputs(j->machine, &(vft_fp){5}, 1, (int64_t ***)&j->inputs));
  vft_circuit_free(c);
}

static void job_free(job *j) {
  vft_commitment_free(j->link);
  vft_trace_free(&j->trace);
  if (j->machine) {
    vft_free(j->inputs);
    vft_machine_free(j->machine);
    return;
  }
  vft_program_free(j->program);
  free(j->inputs);
}

static vft_statement statement(const job *j) {
  return (vft_statement){j->program, j->inputs, &j->root, NULL};
}

static vft_status verify(const job *j, const vft_proof *proof) {
  vft_statement s = statement(j);
  return vft_verify_proof(&s, &j->options, lax, proof->bytes, proof->len, NULL, NULL);
}

static void prove(job *j, vft_proof *proof, const vft_prove_options *how) {
  OK(vft_prove(j->program, &j->trace, &j->link, NULL, &j->options, how, proof, NULL, NULL));
}

static void complete(void **state) {
  (void)state;
  job j;
  vft_proof one, two;
  job_init(&j, -1, -1);
  OK(vft_program_check_trace(j.program, &j.trace, NULL));
  prove(&j, &one, NULL);
  OK(verify(&j, &one));
  prove(&j, &two, NULL);
  OK(verify(&j, &two));
  print_message("proof: %zu bytes\n", one.len);
  assert_true(one.len != two.len || memcmp(one.bytes, two.bytes, one.len));
  vft_proof_free(&two);
  /* not a plain proof, nor accepted as one; the release verifier refuses the test profile */
  j.options.hiding = false;
  assert_int_equal(verify(&j, &one), VFT_REJECTED);
  j.options.hiding = true;
  vft_statement s = statement(&j);
  assert_int_equal(vft_verify_proof(&s, &j.options, (vft_verify_flags){.bounds_checked = true},
                                    one.bytes, one.len, NULL, NULL), VFT_REJECTED);
  assert_string_equal(vft_error_check(), "soundness/profile");
  /* another statement */
  j.rate++;
  assert_int_equal(verify(&j, &one), VFT_REJECTED);
  j.rate--;
  j.root.b[5] ^= 1;
  assert_int_equal(verify(&j, &one), VFT_REJECTED);
  j.root.b[5] ^= 1;
  OK(verify(&j, &one));
  /* refused on both sides: Poseidon; too high a rate; more queries than random coefficients */
  static const struct {
    vft_hash_kind hash;
    unsigned rate, queries;
  } bad[] = {{VFT_HASH_POSEIDON, 4, 3}, {VFT_HASH_BLAKE3, 1, 3}, {VFT_HASH_BLAKE3, 4, 65},
             {VFT_HASH_BLAKE3, 4, 0}};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    vft_commitment *link;
    vft_proof none;
    j.options.hash = bad[i].hash;
    j.options.log_inv_rate = bad[i].rate;
    j.options.test_queries = bad[i].queries;
    OK(vft_commit_group(&link, &j.trace, VFT_LINK, 0, bad[i].rate, bad[i].hash, 0));
    assert_int_equal(vft_prove(j.program, &j.trace, &link, NULL, &j.options, NULL, &none, NULL,
                               NULL), VFT_USAGE);
    assert_int_not_equal(verify(&j, &one), VFT_OK);
    vft_commitment_free(link);
  }
  vft_proof_free(&one);
  job_free(&j);
}

static void tamper(void **state) {
  (void)state;
  job j;
  vft_proof proof;
  job_init(&j, -1, -1);
  prove(&j, &proof, NULL);
  for (size_t i = 0; i < proof.len; i += 8 * (1 + i / 4000)) {
    proof.bytes[i + 1] ^= 2;
    assert_int_equal(verify(&j, &proof), VFT_REJECTED);
    proof.bytes[i + 1] ^= 2;
  }
  proof.len -= 8;
  assert_int_equal(verify(&j, &proof), VFT_REJECTED);
  proof.len += 8;
  OK(verify(&j, &proof));
  vft_proof_free(&proof);
  job_free(&j);
}

/* ---- every check ---- */

/* What both sides leave out of the list of hidden.h: sets of zeros and claims, a product or -1; and
 * a factor or -1, which they take to be more by one. */
typedef struct {
  uint64_t zeros, claims;
  int product, factor;
} mutation;

static void mutate(void *ctx, vft_hidden *h, vft_ext *late) {
  const mutation *m = ctx;
  (void)late;
  if (!h) return;
  uint32_t n = 0;
  for (uint32_t i = 0; i < h->nzeros; i++)
    if (!(m->zeros >> i & 1)) h->zero[n++] = h->zero[i];
  h->nzeros = n;
  n = 0;
  for (uint32_t i = 0; i < h->nclaims; i++)
    if (!(m->claims >> i & 1)) h->claim[n++] = h->claim[i];
  h->nclaims = n;
  if (m->product >= 0) {
    uint32_t i = (uint32_t)m->product;
    memmove(&h->product[i], &h->product[i + 1], (--h->nproducts - i) * sizeof *h->product);
  }
  if (m->factor >= 0) {
    vft_ext *known = &h->factor[m->factor].known;
    *known = vft_ext_add(*known, VFT_EXT_ONE);
  }
}

/* vft_hide_verify with a mutation. */
static vft_status verify_mutated(const job *j, const vft_proof *proof, const mutation *m,
                                 uint32_t count[5]) {
  vft_statement s = statement(j);
  vft_hidden h;
  vft_trees trees;
  vft_public *pub;
  vft_soundness account;
  vft_digest root[2] = {j->root};
  mutation copy = *m;
  memset(&account, 0, sizeof account);
  OK(vft_statement_values(&s, &pub));
  vft_channel *ch = vft_channel_verifier(vft_hiding_protocol_name, VFT_HASH_BLAKE3, proof->bytes,
                                         proof->len);
  vft_status st = vft_hidden_run(&h, &s, pub, &j->options, ch, &root[1], &account, NULL);
  if (count) {
    count[0] = h.nzeros;
    count[1] = h.nclaims;
    count[2] = h.nproducts;
    count[3] = h.nfactors;
    count[4] = h.npads;
  }
  if (st == VFT_OK) {
    mutate(&copy, &h, NULL);
    OK(vft_hide_trees(&trees, j->program, vft_hidden_randoms(&h)));
    st = vft_hide_open(ch, &h, &trees, root, j->program->log_columns, &j->options, NULL, NULL,
                       &account);
    if (st == VFT_OK) st = vft_channel_finish(ch);
    vft_trees_free(&trees);
  }
  vft_soundness_free(&account);
  vft_hidden_free(&h);
  vft_channel_free(ch);
  vft_free(pub);
  return st;
}

static const mutation none = {0, 0, -1, -1};

/* Proofs by a prover that runs honestly on a false trace; with `cheat` its totals fit, so that only
 * the claims on tensors are false. */
static int accepted(job *j, const mutation *prover, const mutation *verifier, bool cheat) {
  mutation m = *prover;
  vft_prove_options how = {.unchecked = true, .cheat = cheat, .edit = mutate, .edit_ctx = &m};
  vft_proof proof;
  vft_status st = vft_prove(j->program, &j->trace, &j->link, NULL, &j->options, &how, &proof, NULL,
                            NULL);
  if (st != VFT_OK) print_message("prover: %s\n", vft_error_message());
  assert_int_equal(st, VFT_OK);
  st = verify_mutated(j, &proof, verifier, NULL);
  if (st != VFT_OK) {
    assert_int_equal(st, VFT_REJECTED);
    assert_string_equal(vft_error_check(), "whir/sum");
  }
  vft_proof_free(&proof);
  return st == VFT_OK;
}

static void add(job *j, const char *name, size_t i, int64_t delta) {
  vft_tensor_id id = toy_find(&j->trace, name);
  toy_set(&j->trace, id, i, toy_get(&j->trace, id, i) + delta);
}

/* A false trace is accepted by the verifier that lacks one zero, or claim, and by no other. */
static void false_trace(const char *name, bool cheat) {
  job j;
  uint32_t count[5];
  vft_proof proof;
  job_init(&j, -1, -1);
  prove(&j, &proof, NULL);
  OK(verify_mutated(&j, &proof, &none, count));
  vft_proof_free(&proof);
  add(&j, name, 2, 1);
  mutation m = none;
  assert_false(accepted(&j, &m, &m, cheat));
  int found = 0;
  for (uint32_t i = 0; i < count[cheat]; i++) {
    m = none;
    *(cheat ? &m.claims : &m.zeros) = (uint64_t)1 << i;
    found += accepted(&j, &m, &m, cheat);
  }
  print_message("%s%s: %d of %u checks find it\n", name, cheat ? " (totals fit)" : "", found,
                count[cheat]);
  assert_int_equal(found, 1);
  job_free(&j);
}

static void relations(void **state) {
  (void)state;
  false_trace("cube", false); /* the relations' sum */
  false_trace("w", false);
  false_trace("cube", true); /* the claim on it */
  false_trace("w", true);
}

/* ---- one message at a time ----
 * A prover that is honest but for one message, which it pads with something else than the pad it
 * has committed: the value that the verifier takes it for is off by one. */

static int wrong_pad = -1;
static vft_ext changed_pads[4096];
static const vft_ext *true_pads; /* of the last proof */

void __real_vft_channel_pad(vft_channel *ch, const vft_ext *pad, size_t n);
void __wrap_vft_channel_pad(vft_channel *ch, const vft_ext *pad, size_t n);
void __wrap_vft_channel_pad(vft_channel *ch, const vft_ext *pad, size_t n) {
  if (pad) true_pads = pad;
  if (pad && wrong_pad >= 0) {
    assert_true((size_t)wrong_pad < n && n <= 4096);
    memcpy(changed_pads, pad, n * sizeof *pad);
    changed_pads[wrong_pad] = vft_ext_sub(pad[wrong_pad], VFT_EXT_ONE);
    pad = changed_pads;
  }
  __real_vft_channel_pad(ch, pad, n);
}

/* The sum that claim number i is about, of the trace. */
static vft_ext sum_of(const vft_trace *t, const vft_hidden *h, const vft_hidden_claim *c) {
  vft_ext sum = VFT_EXT_ZERO;
  for (uint32_t k = c->first; k < c->first + c->n; k++) {
    const vft_functional *f = &h->part[k].f;
    const vft_tensor *x = &t->program->tensors[f->tensor];
    for (size_t e = 0; e < vft_tensor_count(x); e++) {
      vft_ext w = h->part[k].coef;
      size_t rest = e;
      for (uint32_t a = x->rank; a-- > 0;) {
        size_t i = rest % x->dims[a], off = f->axis[a].off;
        rest /= x->dims[a];
        if (i < off || i - off >= f->axis[a].w.size)
          w = VFT_EXT_ZERO;
        else
          w = vft_ext_mul(w, vft_weight_at(&f->axis[a].w, (uint32_t)(i - off)));
      }
      sum = vft_ext_add(sum, vft_ext_mul(w, vft_ext_from_i64(toy_get(t, f->tensor, e))));
    }
  }
  return sum;
}

/* Finds the checks that fail, and leaves all of them out but number `keep` of them (-1: all). */
typedef struct {
  mutation m;
  const vft_trace *trace;
  int keep, failing;
  uint64_t failed_zeros, failed_claims;
} inspection;

static void inspect(void *ctx, vft_hidden *h, vft_ext *late) {
  inspection *x = ctx;
  if (!h) return;
  vft_ext *l = calloc(h->nlate, sizeof *l);
  vft_hidden_make_late(h, true_pads, l);
  for (uint32_t i = 0; i < h->nzeros + h->nclaims; i++) {
    bool claim = i >= h->nzeros;
    uint32_t k = claim ? i - h->nzeros : i;
    vft_ext want = claim ? sum_of(x->trace, h, &h->claim[k]) : VFT_EXT_ZERO;
    vft_ext have = vft_hidden_evaluate(h, claim ? &h->claim[k].total : &h->zero[k], true_pads, l);
    if (vft_ext_eq(want, have)) continue;
    *(claim ? &x->failed_claims : &x->failed_zeros) |= (uint64_t)1 << k;
    if (x->failing++ == x->keep) continue;
    *(claim ? &x->m.claims : &x->m.zeros) |= (uint64_t)1 << k;
  }
  free(l);
  mutate(&x->m, h, late);
}

/* A prover that lies about one product, or takes a factor for another value, and goes on from
 * there: zeros that then fail are left out. */
typedef struct {
  mutation m;
  int lie;   /* a product, or -1 */
  bool drop; /* its check too */
  uint32_t late; /* its late scalar */
  vft_hidden *h;
} liar;

static void make_false(const liar *x, vft_ext *late) {
  vft_hidden_make_late(x->h, true_pads, late);
  if (x->lie < 0) return;
  uint32_t false_one = x->late;
  vft_ext *again = calloc(x->h->nlate, sizeof *again);
  vft_hidden h = *x->h; /* the scalars behind it, from it */
  memcpy(again, late, x->h->nlate * sizeof *again);
  again[false_one] = vft_ext_add(again[false_one], VFT_EXT_ONE);
  for (h.nlate = false_one + 1; h.nlate < x->h->nlate; h.nlate++) {
    const vft_hidden_late *how = &h.late[h.nlate];
    vft_ext l = vft_hidden_evaluate(&h, &h.factor[how->left], true_pads, again);
    vft_ext r = vft_hidden_evaluate(&h, &h.factor[how->right], true_pads, again);
    again[h.nlate] = how->is_inverse ? vft_ext_inv(l) : vft_ext_mul(l, r);
  }
  memcpy(late, again, x->h->nlate * sizeof *again);
  free(again);
}

static void go_on(void *ctx, vft_hidden *h, vft_ext *late) {
  liar *x = ctx;
  if (late) {
    make_false(x, late);
    return;
  }
  /* the list as the honest verifier has it, less the zeros that fail, one factor changed */
  mutation factor = none;
  factor.factor = x->m.factor;
  mutate(&factor, h, NULL);
  x->h = h;
  if (x->lie >= 0) x->late = h->product[x->lie].late;
  vft_ext *l = calloc(h->nlate, sizeof *l);
  make_false(x, l);
  for (uint32_t i = 0; i < h->nzeros; i++)
    if (!vft_ext_is_zero(vft_hidden_evaluate(h, &h->zero[i], true_pads, l)))
      x->m.zeros |= (uint64_t)1 << i;
  free(l);
  mutation zeros = none;
  zeros.zeros = x->m.zeros;
  if (x->drop) x->m.product = zeros.product = x->lie;
  mutate(&zeros, h, NULL);
}

/* A root's denominator times its inverse that is not 1, and nothing else wrong. */
static void no_inverse(void *ctx, vft_hidden *h, vft_ext *late) {
  static uint32_t inverse;
  if (h) {
    for (uint32_t i = 0; i < h->nlate; i++)
      if (h->late[i].is_inverse) inverse = i;
    mutate(ctx, h, NULL);
  } else { /* the next scalar is their product */
    vft_ext den = vft_ext_inv(late[inverse]);
    late[inverse] = vft_ext_add(late[inverse], VFT_EXT_ONE);
    late[inverse + 1] = vft_ext_add(late[inverse + 1], den);
  }
}

static vft_status prove_and_verify(job *j, void (*edit)(void *, vft_hidden *, vft_ext *),
                                   void *ctx, const mutation *m) {
  vft_prove_options how = {.unchecked = true, .edit = edit, .edit_ctx = ctx};
  vft_proof proof;
  prove(j, &proof, &how);
  vft_status st = verify_mutated(j, &proof, m, NULL);
  vft_proof_free(&proof);
  return st;
}

/* Every message counts; a proof that is false in one is accepted by a verifier without the checks
 * that fail, and by none that has one of them; and every zero and claim is among these once. */
static void every_check(void **state) {
  (void)state;
  job j;
  uint32_t count[5];
  vft_proof proof;
  uint64_t zeros = 0, claims = 0, inverse = 0;
  job_init(&j, -1, -1);
  prove(&j, &proof, NULL);
  OK(verify_mutated(&j, &proof, &none, count));
  vft_proof_free(&proof);
  for (wrong_pad = 0; wrong_pad < (int)count[4]; wrong_pad++)
    for (int keep = -1, failing = 0; keep < failing; keep++) {
      inspection x = {.m = none, .trace = &j.trace, .keep = keep};
      vft_status st = prove_and_verify(&j, inspect, &x, &x.m);
      failing = x.failing;
      assert_true(failing > 0);
      assert_int_equal(st, keep < 0 ? VFT_OK : VFT_REJECTED);
      if (keep >= 0) assert_string_equal(vft_error_check(), "whir/sum");
      zeros |= x.failed_zeros;
      claims |= x.failed_claims;
    }
  wrong_pad = -1;
  mutation m = none;
  assert_int_equal(prove_and_verify(&j, no_inverse, &m, &none), VFT_REJECTED);
  for (uint32_t i = 0; i < count[0]; i++) {
    m = none;
    m.zeros = (uint64_t)1 << i;
    if (prove_and_verify(&j, no_inverse, &m, &m) == VFT_OK) inverse |= (uint64_t)1 << i;
  }
  print_message("%u messages; zeros %#llx and %#llx of %u, claims %#llx of %u\n", count[4],
                (unsigned long long)zeros, (unsigned long long)inverse, count[0],
                (unsigned long long)claims, count[1]);
  assert_int_equal(zeros & inverse, 0);
  assert_int_equal(zeros | inverse, ((uint64_t)1 << count[0]) - 1);
  assert_int_equal(claims, ((uint64_t)1 << count[1]) - 1);
  job_free(&j);
}

/* For every product a false one, for every factor a false one: found by that check alone. */
static void products(void **state) {
  (void)state;
  job j;
  uint32_t count[5];
  vft_proof proof;
  job_init(&j, -1, -1);
  prove(&j, &proof, NULL);
  OK(verify_mutated(&j, &proof, &none, count));
  vft_proof_free(&proof);
  print_message("%u zeros, %u claims, %u products, %u factors\n", count[0], count[1], count[2],
                count[3]);
  assert_true(count[2] > 10);
  for (int i = 0; i < (int)(count[2] + count[3]); i++) {
    bool product = i < (int)count[2];
    for (int without = 0; without < 2; without++) {
      liar x = {.m = none, .lie = product ? i : -1, .drop = product && without};
      if (!product) x.m.factor = i - (int)count[2];
      vft_prove_options how = {.unchecked = true, .edit = go_on, .edit_ctx = &x};
      prove(&j, &proof, &how);
      mutation m = x.m;
      if (!without) m.factor = -1;
      assert_int_equal(verify_mutated(&j, &proof, &m, NULL), without ? VFT_OK : VFT_REJECTED);
      if (!without && product) assert_string_equal(vft_error_check(), "whir/sum");
      vft_proof_free(&proof);
    }
  }
  job_free(&j);
}

/* ---- pads ---- */

static void pads(void **state) {
  (void)state;
  vft_ext v[3] = {VFT_EXT_ONE, VFT_EXT_ZERO, {{{7}, {8}, {9}}}};
  vft_ext pad[3] = {{{{1}, {2}, {3}}}, {{{VFT_P - 1}, {5}, {6}}}, {{{7}, {7}, {7}}}};
  vft_channel *ch = vft_channel_prover("pads", VFT_HASH_BLAKE3);
  size_t len;
  vft_channel_pad(ch, pad, 3);
  OK(vft_channel_send_ext(ch, "a", v, 1));
  OK(vft_channel_send_ext(ch, "b", v + 1, 2));
  assert_int_equal(vft_channel_pads_left(ch), 0);
  assert_int_equal(vft_channel_sent_ext(ch), 3);
  assert_true(vft_ext_eq(v[0], VFT_EXT_ONE)); /* the caller's values stay */
  const uint8_t *bytes = vft_channel_proof(ch, &len);
  assert_int_equal(len, 72);
  for (int i = 0; i < 3; i++) {
    vft_ext sent;
    memcpy(&sent, bytes + 24 * i, 24);
    assert_true(vft_ext_eq(vft_ext_add(sent, pad[i]), v[i])); /* each its own */
  }
  /* none is used again, and nothing goes out bare */
  assert_int_equal(vft_channel_send_ext(ch, "c", v, 1), VFT_USAGE);
  assert_int_equal(vft_channel_finish(ch), VFT_USAGE);
  vft_channel_proof(ch, &len);
  assert_int_equal(len, 72);
  vft_channel_free(ch);
  /* challenges follow from what was sent, not from the values */
  vft_ext c[2];
  for (int k = 0; k < 2; k++) {
    ch = vft_channel_prover("pads", VFT_HASH_BLAKE3);
    vft_ext x = k ? vft_ext_sub(v[2], pad[0]) : v[2];
    if (!k) vft_channel_pad(ch, pad, 3);
    OK(vft_channel_send_ext(ch, "a", &x, 1));
    c[k] = vft_channel_challenge_ext(ch, "c");
    vft_channel_free(ch);
  }
  assert_true(vft_ext_eq(c[0], c[1]));
}

/* A false lookup makes a prover that goes on: the sum of fractions is a zero among others. */
static void lookups(void **state) {
  (void)state;
  job j;
  vft_proof proof;
  job_init(&j, -1, -1);
  add(&j, "y", 3, 1);
  add(&j, "w", 0, toy_get(&j.trace, toy_find(&j.trace, "x"), 3));
  vft_prove_options how = {.unchecked = true};
  prove(&j, &proof, &how); /* the prover stops there */
  assert_int_equal(verify(&j, &proof), VFT_REJECTED);
  vft_proof_free(&proof);
  job_free(&j);
}

/* ---- the simulator ---- */

static void simulator(void **state) {
  (void)state;
  job j;
  vft_proof proof;
  job_init(&j, -1, -1);
  vft_statement s = statement(&j);
  vft_soundness account;
  vft_ext lambda = {{{12345}, {678}, {9}}};
  memset(&account, 0, sizeof account);
  OK(vft_hide_simulate(&s, &j.link, &j.options, NULL, &lambda, &proof));
  OK(vft_hide_verify(&s, &j.options, proof.bytes, proof.len, &lambda, &account));
  vft_soundness_free(&account);
  assert_int_equal(verify(&j, &proof), VFT_REJECTED); /* with the true oracle */
  vft_proof_free(&proof);
  job_free(&j);
}

/* ---- the classifier ---- */

static private_run private_run_of(job *j) {
  return (private_run){statement(j), &j->trace, &j->link, &j->options, lax};
}

/* Proofs of witness 3, of witness 12, and of none. */
static void tell(job *three, job *twelve, const int *leak, int leaks) {
  private_run a = private_run_of(three), b = private_run_of(twelve);
  crowd one = {"witness 3", &a, 1, false};
  crowd other[] = {{"witness 12", &b, 1, false}, {"simulator", &a, 1, true}};
  not_told_apart(&one, other, 2);
  for (int i = 0; i < leaks; i++) told_apart(&one, other, leak[i]);
}

static void classifier_on_toys(void **state) {
  (void)state;
  job a, b;
  toy_seed = 5;
  job_init(&a, 3, -1);
  job_init(&b, 12, -1);
  tell(&a, &b, (int[]){PADS, LATE, TAILS}, 3);
  job_free(&a);
  job_free(&b);
}

static void classifier_on_machines(void **state) {
  (void)state;
  job a, b;
  job_machine(&a, 3);
  job_machine(&b, 12);
  tell(&a, &b, (int[]){PADS, TAILS, MASKS}, 3);
  job_free(&a);
  job_free(&b);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(complete),           cmocka_unit_test(tamper),
      cmocka_unit_test(relations),          cmocka_unit_test(products),
      cmocka_unit_test(every_check),        cmocka_unit_test(pads),
      cmocka_unit_test(lookups),            cmocka_unit_test(simulator),
      cmocka_unit_test(classifier_on_toys), cmocka_unit_test(classifier_on_machines)};
  begin_random();
  return cmocka_run_group_tests(tests, NULL, NULL);
}
