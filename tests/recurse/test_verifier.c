/* The verifier as a circuit beside the native one. Both accept what is proved; of what is changed,
 * both find the same check to fail. */
#include "recurse/verifier_world.h"

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
    for (int g = 1; g < 3; g++) /* what is free */
      for (uint32_t part = 0; part < 4; part++) {
        vft_cell_kind kind = given_kinds[g];
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
    for (int g = 0; g < 3; g++)
      memcpy(c[0]->cells[given_kinds[g]].value, c[1]->cells[given_kinds[g]].value,
             c[0]->cells[given_kinds[g]].n * sizeof(vft_ext));
    assert_true(evaluate(c[0]));
    assert_true(vft_circuit_holds(c[0]));
    for (int k = 0; k < 2; k++) {
      vft_circuit_free(c[k]);
      free_message(&m[k]);
      free_subject(&s[k]);
    }
  }
}

/* ---- what is not decided, or not accepted ---- */

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
      cmocka_unit_test(other_proof), cmocka_unit_test(no_memory),
      cmocka_unit_test(profile)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
