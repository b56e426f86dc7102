/* Whether a classifier tells crowds of hiding proofs of one statement apart, under challenges that are
 * the same for all (fixed_oracle.h): proofs of one witness from those of another, from the
 * simulator's, and, where some of the prover's randomness is left out, as it must. */
#ifndef TESTS_HIDE_DISTINGUISH_H
#define TESTS_HIDE_DISTINGUISH_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "hide/classifier.h"
#include "hide/fixed_oracle.h"
#include "prove/hiding.h"

#define OK(x)                                                      \
  do {                                                             \
    vft_status ok_ = (x);                                          \
    if (ok_ != VFT_OK) print_message("%s\n", vft_error_message()); \
    assert_int_equal(ok_, VFT_OK);                                 \
  } while (0)

/* ---- randomness, some of which may be left out ---- */

/* The calls in order: pads, late randomness, random coefficients, salts, a mask, its tail, and so on
 * for all masks. */
enum { PADS, LATE, TAILS, SALTS, MASKS, NOTHING = 1 << 30 };
static const char *const without_name[] = {"without pads", "without late randomness",
                                           "without random coefficients", "without salts",
                                           "without masks"};
typedef struct {
  int call, without;
} source;
static uint64_t seed = 1;

/* The same each time, unless VFT_SEED is set. */
static inline void begin_random(void) {
  const char *given = getenv("VFT_SEED");
  uint64_t n = given ? strtoull(given, NULL, 10) : 0;
  print_message("VFT_SEED %llu\n", (unsigned long long)n);
  seed = n << 40 | 1;
}

static inline vft_status fill(void *ctx, void *out, size_t bytes) {
  source *s = ctx;
  int call = s->call++;
  if (call == s->without || (s->without == MASKS && call > MASKS)) {
    memset(out, 0, bytes);
    return VFT_OK;
  }
  uint8_t *at = out;
  uint64_t keep = oracle_state;
  for (size_t i = 0; i < bytes; i += 8) {
    oracle_state = seed++ * 0xd1342543de82ef95ull;
    uint64_t z = oracle64();
    memcpy(at + i, &z, bytes - i < 8 ? bytes - i : 8);
  }
  oracle_state = keep;
  return VFT_OK;
}

/* ---- samples ---- */

/* A statement and a witness for it. */
typedef struct {
  vft_statement statement;
  const vft_trace *trace;
  vft_commitment *const *link;
  const vft_proof_options *options;
  vft_verify_flags flags;
} private_run;

/* Proofs of these runs in turn. */
typedef struct {
  const char *name;
  const private_run *run;
  int runs;
  bool simulated;
} crowd;

/* All that is published of a run: its inputs, the links' roots, the proof. */
typedef struct {
  uint8_t *bytes;
  size_t len, statement; /* of them, those before the proof */
} published;

static inline void publish(published *p, const void *bytes, size_t len) {
  p->bytes = realloc(p->bytes, p->len + len + 1);
  assert_non_null(p->bytes);
  memcpy(p->bytes + p->len, bytes, len);
  p->len += len;
}

/* Number i of a crowd, without some of the randomness. */
static inline published sample(const crowd *c, int i, int without) {
  const private_run *r = &c->run[i % c->runs];
  const vft_statement *s = &r->statement;
  source from = {0, without};
  vft_random random = {fill, &from};
  vft_prove_options how = {.random = &random};
  vft_ext lambda = fixed_challenge(0);
  vft_proof proof;
  published p = {NULL, 0, 0};
  if (c->simulated)
    OK(vft_hide_simulate(s, r->link, r->options, &random, &lambda, &proof));
  else
    OK(vft_prove(s->program, r->trace, r->link, NULL, r->options, &how, &proof, NULL, NULL));
  OK(vft_verify_proof(s, r->options, r->flags, proof.bytes, proof.len, NULL, NULL));
  for (vft_tensor_id t = 0; t < s->program->ntensors; t++)
    if (s->inputs[t])
      publish(&p, s->inputs[t], vft_tensor_count(&s->program->tensors[t]) * sizeof **s->inputs);
  publish(&p, s->link_root, s->program->nlinks * sizeof *s->link_root);
  p.statement = p.len;
  publish(&p, proof.bytes, proof.len);
  vft_proof_free(&proof);
  return p;
}

/* ---- telling them apart ---- */

enum { SAMPLES = 50, SAMPLES_LONG = 1000, MOST_OTHERS = 2, TRIES = 2 };

/* A crowd from each of n others: a classifier learns from the first half of both and is tested on the
 * second. */
static inline void compare(const crowd *one, const crowd *other, int n, int without, int samples,
                           auroc *out) {
  classifier x[MOST_OTHERS];
  published first = {NULL, 0, 0};
  assert_true(n <= MOST_OTHERS);
  fixed_oracle = 1;
  for (int i = 0; i < samples; i++) {
    for (int k = -1; k < n; k++) {
      published p = sample(k < 0 ? one : &other[k], i, without);
      if (!first.bytes) {
        publish(&first, p.bytes, p.len);
        first.statement = p.statement;
        for (int j = 0; j < n; j++) classifier_init(&x[j], p.len);
      }
      assert_int_equal(p.len, first.len); /* its length tells nothing */
      assert_int_equal(p.statement, first.statement);
      assert_memory_equal(p.bytes, first.bytes, p.statement); /* one statement */
      for (int j = 0; j < n; j++) {
        if (k >= 0 && k != j) continue;
        if (i < samples / 2)
          classifier_learn(&x[j], k >= 0, p.bytes);
        else
          classifier_test(&x[j], k >= 0, p.bytes);
      }
      free(p.bytes);
    }
    for (int j = 0; j < n && i + 1 == samples / 2; j++) classifier_choose(&x[j]);
  }
  fixed_oracle = 0;
  for (int j = 0; j < n; j++) {
    out[j] = classifier_auroc(&x[j]);
    classifier_free(&x[j]);
  }
  free(first.bytes);
}

static inline void show_auroc(const char *name, const auroc *r) {
  print_message("%-32s AUROC %.3f (95 %%: %.3f to %.3f)\n", name, r->value, r->low, r->high);
}

/* None of n others is told from the first: the interval includes 0.5. Where there is nothing to tell
 * one of twenty does not, so there are two tries, the second with new proofs; randomness is the same
 * in every run of the test. What is told with certainty is told each time. */
static inline void not_told_apart(const crowd *one, const crowd *others, int n) {
  int samples = getenv("VFT_LONG") ? SAMPLES_LONG : SAMPLES;
  crowd other[MOST_OTHERS];
  auroc r[MOST_OTHERS];
  assert_true(n <= MOST_OTHERS);
  memcpy(other, others, (size_t)n * sizeof *other);
  for (int again = 0; again < TRIES && n; again++) {
    int told = 0;
    compare(one, other, n, NOTHING, samples, r);
    for (int k = 0; k < n; k++) {
      show_auroc(other[k].name, &r[k]);
      if (r[k].low > 0.5 || r[k].high < 0.5) other[told++] = other[k];
    }
    n = told;
  }
  assert_int_equal(n, 0);
}

/* They are, where the prover has none of some randomness; few samples are enough. */
static inline void told_apart(const crowd *one, const crowd *other, int without) {
  auroc r;
  compare(one, other, 1, without, SAMPLES, &r);
  show_auroc(without_name[without], &r);
  assert_true(r.low > 0.9);
}

#endif
