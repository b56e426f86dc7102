/* Hiding openings: completeness, rejections, the account, uniformity of all that is sent, and the
 * simulator. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "argument/whir_hiding_core.h"
#include "argument/whir_hiding_prover.h"
#include "argument/whir_params.h"
#include "base/mem.h"
#include "base/pool.h"
#include "hide/classifier.h"
#include "hide/fixed_oracle.h"
#include "hiding_stats.h"

static uint64_t seed = 7;

static uint64_t next64(void) {
  uint64_t z = seed += 0x9e3779b97f4a7c15ull;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
  return z ^ (z >> 31);
}
static vft_fp random_fp(void) { return (vft_fp){next64() % VFT_P}; }
static vft_ext random_ext(void) { return (vft_ext){{random_fp(), random_fp(), random_fp()}}; }

static vft_status test_fill(void *ctx, void *out, size_t bytes) {
  uint8_t *at = out;
  (void)ctx;
  for (size_t i = 0; i < bytes; i++) at[i] = (uint8_t)(next64() >> 24);
  return VFT_OK;
}
static const vft_random test_random = {test_fill, NULL};

#define OK(x)                                                      \
  do {                                                             \
    vft_status ok_ = (x);                                          \
    if (ok_ != VFT_OK) print_message("%s\n", vft_error_message()); \
    assert_int_equal(ok_, VFT_OK);                                 \
  } while (0)

/* A public table of 3 rows and a hidden tree of 7; 2^5 columns. */
#ifndef HIDING_LOG
#define HIDING_LOG 5 /* of columns: one level; see test_whir_hiding_levels.c */
#endif
enum { C = HIDING_LOG, COLS = 1 << C, RATE = 4, LEAVES = COLS << RATE, TREES = 2, HIDDEN = 1 };
static const uint64_t tree_rows[TREES] = {3, 7};

typedef struct instance instance;
typedef struct {
  const instance *x;
  int tree;
} row_ctx;

struct instance {
  vft_hiding_shape shape;
  vft_whir_params params;
  vft_rs *code[TREES];
  vft_fp *message[TREES], *tail[TREES];
  vft_ext *weight[TREES];
  vft_merkle *merkle[TREES];
  row_ctx rows[TREES];
  vft_whir_tree tree[TREES];
  vft_whir_source source[TREES];
  vft_hiding_mask_rows masks;
  vft_hiding_claim claim;
  bool longer; /* a row has one coefficient more */
};

/* Rows as a code of twice the message takes them: entries, tail, zeros; the hidden tree's, then
 * masks. */
static vft_status row_source(void *ctx, size_t row, vft_fp *out) {
  const row_ctx *c = ctx;
  const instance *x = c->x;
  if (row >= tree_rows[c->tree]) {
    vft_hiding_mask_row(&x->masks, row - tree_rows[c->tree], out);
    return VFT_OK;
  }
  memset(out, 0, 2 * COLS * sizeof *out);
  memcpy(out, x->message[c->tree] + row * COLS, COLS * sizeof *out);
  memcpy(out + COLS, x->tail[c->tree] + row * x->shape.tail, x->shape.tail * sizeof *out);
  if (x->longer && c->tree == HIDDEN && row == 2) out[COLS + x->shape.tail].v = 1;
  return VFT_OK;
}

/* What may be left out, and must then be noticed. */
typedef enum { ALL, NO_TAILS, NO_MASKS, NO_SALTS, BASE_MASKS } leave_out;

static vft_status zero_fill(void *ctx, void *out, size_t bytes) {
  (void)ctx;
  memset(out, 0, bytes);
  return VFT_OK;
}
/* Of every extension element the coordinate in F only. */
static vft_status base_fill(void *ctx, void *out, size_t bytes) {
  TRY(test_fill(ctx, out, bytes));
  vft_fp *v = out;
  for (size_t i = 0; i < bytes / 8; i++)
    if (i % 3) v[i].v = 0;
  return VFT_OK;
}

static void commit(instance *x, const vft_random *masks, leave_out without) {
  vft_digest *salt = calloc(LEAVES, sizeof *salt);
  uint64_t at = 0;
  OK(vft_hiding_mask_rows_init(&x->masks, &x->shape, masks));
  for (int t = 0; t < TREES; t++) {
    if (without != NO_SALTS) OK(test_fill(NULL, salt, LEAVES * sizeof *salt));
    OK(vft_rs_new(&x->code[t], C + 1, RATE - 1));
    x->rows[t] = (row_ctx){x, t};
    OK(vft_merkle_commit_salted(&x->merkle[t], VFT_HASH_BLAKE3, x->code[t],
                                tree_rows[t] + (t == HIDDEN ? 3 * x->masks.rows : 0), row_source,
                                &x->rows[t], true, t == HIDDEN ? salt : NULL));
    x->tree[t] = (vft_whir_tree){.root = vft_merkle_root(x->merkle[t]), .rows = tree_rows[t],
                                 .row_offset = at, .salted = t == HIDDEN};
    at += tree_rows[t];
    x->source[t] = (vft_whir_source){.type = VFT_ELEM_FP, .message = x->message[t],
                                     .weight = x->weight[t], .tree = x->merkle[t],
                                     .tail = x->tail[t]};
  }
  free(salt);
}

static void uncommit(instance *x) {
  for (int t = 0; t < TREES; t++) {
    vft_merkle_free(x->merkle[t]);
    vft_rs_free(x->code[t]);
  }
  vft_hiding_mask_rows_free(&x->masks);
}

/* value: of every entry of the hidden tree, unless it is -1 (random). masks: NULL: test_random. */
static void make_with(instance *x, int64_t value, unsigned queries, leave_out without,
                      const vft_random *masks) {
  memset(x, 0, sizeof *x);
  vft_random none = {zero_fill, NULL}, base = {base_fill, NULL};
  OK(vft_hiding_shape_init(&x->shape, 10, C, RATE, 100, 0, queries));
  OK(vft_hiding_params(&x->params, &x->shape));
  assert_int_equal(x->shape.tail, queries);
  uint64_t fixed = seed;
  seed = 99; /* the statement does not vary */
  for (int t = 0; t < TREES; t++) {
    size_t n = COLS * tree_rows[t];
    x->message[t] = calloc(n, sizeof(vft_fp));
    x->tail[t] = calloc(queries * tree_rows[t], sizeof(vft_fp));
    x->weight[t] = calloc(n, sizeof(vft_ext));
    for (size_t i = 0; i < n; i++) {
      x->message[t][i] = t ? (vft_fp){(uint64_t)value} : random_fp();
      x->weight[t][i] = random_ext();
    }
  }
  for (int i = 0; i < 3; i++) { /* the first three entries can make up for any sum */
    x->weight[HIDDEN][i] = VFT_EXT_ZERO;
    x->weight[HIDDEN][i].c[i].v = 1;
  }
  seed = fixed;
  x->claim = (vft_hiding_claim){x->tree, TREES, HIDDEN, VFT_EXT_ZERO};
  for (int t = 0; t < TREES; t++)
    for (size_t i = 0; i < COLS * tree_rows[t]; i++) {
      if (t && value < 0) x->message[t][i] = random_fp();
      x->claim.sigma = vft_ext_add(x->claim.sigma,
                                   vft_ext_mul_fp(x->weight[t][i], x->message[t][i]));
    }
  for (size_t i = 0; i < queries * tree_rows[HIDDEN] && without != NO_TAILS; i++)
    x->tail[HIDDEN][i] = random_fp();
  if (!masks) masks = without == NO_MASKS ? &none : without == BASE_MASKS ? &base : &test_random;
  commit(x, masks, without);
}

static void make(instance *x, int64_t value, unsigned queries, leave_out without) {
  make_with(x, value, queries, without, NULL);
}

static void unmake(instance *x) {
  uncommit(x);
  for (int t = 0; t < TREES; t++) {
    free(x->message[t]);
    free(x->tail[t]);
    free(x->weight[t]);
  }
}

/* The multilinear extension of the trees' weights over 2^k0 rows of COLS columns. */
static vft_status weight_at(void *ctx, const vft_ext *z, vft_ext *value) {
  const instance *x = ctx;
  *value = VFT_EXT_ZERO;
  for (int t = 0; t < TREES; t++)
    for (size_t r = 0; r < tree_rows[t]; r++)
      for (size_t c = 0; c < COLS; c++) {
        uint64_t at = (x->tree[t].row_offset + r) << C | c;
        vft_ext e = vft_eq_index(z, C + x->shape.k0, at);
        *value = vft_ext_add(*value, vft_ext_mul(e, x->weight[t][r * COLS + c]));
      }
  return VFT_OK;
}

static uint8_t *prove(instance *x, const vft_ext *lambda, size_t *len) {
  vft_channel *ch = vft_channel_prover("test hiding", VFT_HASH_BLAKE3);
  if (lambda)
    OK(vft_hiding_simulate(ch, &x->params, &x->shape, &x->claim, x->source, &x->masks, lambda));
  else
    OK(vft_hiding_prove(ch, &x->params, &x->shape, &x->claim, x->source, &x->masks));
  const uint8_t *from = vft_channel_proof(ch, len);
  uint8_t *proof = malloc(*len);
  memcpy(proof, from, *len);
  vft_channel_free(ch);
  return proof;
}

static vft_status verify(const instance *x, const vft_hiding_claim *claim, const vft_ext *lambda,
                         const uint8_t *proof, size_t len) {
  vft_channel *ch = vft_channel_verifier("test hiding", VFT_HASH_BLAKE3, proof, len);
  vft_status st = vft_hiding_verify(ch, &x->params, &x->shape, claim, weight_at, (void *)x,
                                    lambda);
  if (st == VFT_OK) st = vft_channel_finish(ch);
  vft_channel_free(ch);
  return st;
}

static void complete(void **state) {
  (void)state;
  static const unsigned queries[3] = {1, 5, 30};
  for (int i = 0; i < 3; i++) {
    instance x;
    size_t len;
    make(&x, -1, queries[i], ALL);
    uint8_t *proof = prove(&x, NULL, &len);
    OK(verify(&x, &x.claim, NULL, proof, len));
    free(proof);
    unmake(&x);
  }
}

static void shapes(void **state) {
  (void)state;
  vft_hiding_shape s;
  uint64_t at[64];
  for (uint64_t rows = 1; rows < 70; rows++) {
    OK(vft_hiding_shape_init(&s, rows, C, RATE, 100, 0, 3));
    size_t n = vft_hiding_masks(&s, at);
    assert_int_equal(n, s.k0 + 2);
    assert_true(at[0] >> 2 > (rows - 1) >> 2);
    for (size_t i = 1; i < n; i++) assert_true(at[i] > at[i - 1]);
    uint64_t last = at[n - 1], seen = 0;
    assert_int_equal(last, ((uint64_t)2 << s.k0) - 1);
    for (size_t i = 0; i + 1 < n; i++) {
      uint64_t flip = at[i] ^ last;
      assert_int_equal(flip & (flip - 1), 0);
      seen |= flip;
    }
    assert_int_equal(seen, last); /* one mask for every row variable */
  }
}

/* Any changed word of the proof, root, sum. */
static void tamper(void **state) {
  (void)state;
  instance x;
  size_t len;
  make(&x, -1, 3, ALL);
  uint8_t *proof = prove(&x, NULL, &len);
  for (size_t i = 0; i < len; i += 8) {
    proof[i] ^= 1;
    assert_int_equal(verify(&x, &x.claim, NULL, proof, len), VFT_REJECTED);
    proof[i] ^= 1;
  }
  assert_int_equal(verify(&x, &x.claim, NULL, proof, len - 8), VFT_REJECTED);
  vft_hiding_claim claim = x.claim;
  claim.sigma.c[2] = vft_fp_add(claim.sigma.c[2], (vft_fp){1});
  assert_int_equal(verify(&x, &claim, NULL, proof, len), VFT_REJECTED);
  for (int t = 0; t < TREES; t++) {
    x.tree[t].root.b[0] ^= 1;
    assert_int_equal(verify(&x, &x.claim, NULL, proof, len), VFT_REJECTED);
    x.tree[t].root.b[0] ^= 1;
  }
  vft_ext *weight = &x.weight[HIDDEN][6 * COLS + COLS - 1];
  weight->c[0] = vft_fp_add(weight->c[0], (vft_fp){1});
  assert_int_equal(verify(&x, &x.claim, NULL, proof, len), VFT_REJECTED);
  assert_string_equal(vft_error_check(), "whir/sum");
  free(proof);
  unmake(&x);
}

/* A row with a coefficient behind its tail is no word of the code: both sides notice it. */
static void longer_row(void **state) {
  (void)state;
  instance x;
  make(&x, -1, 5, ALL);
  uncommit(&x);
  x.longer = true;
  commit(&x, &test_random, ALL);
  vft_channel *ch = vft_channel_prover("test hiding", VFT_HASH_BLAKE3);
  assert_int_equal(vft_hiding_prove(ch, &x.params, &x.shape, &x.claim, x.source, &x.masks),
                   VFT_USAGE);
  assert_non_null(strstr(vft_error_message(), "is not that of its rows"));
  vft_channel_free(ch);
  unmake(&x);
}

/* A false sum needs the masks' batching challenge: without it known, the proof fails. */
static void false_sum(void **state) {
  (void)state;
  instance x;
  size_t len;
  vft_ext lambda = random_ext();
  make(&x, -1, 3, ALL);
  x.claim.sigma.c[0] = vft_fp_add(x.claim.sigma.c[0], (vft_fp){1});
  uint8_t *proof = prove(&x, &lambda, &len); /* the simulator's: accepted in its own world only */
  OK(verify(&x, &x.claim, &lambda, proof, len));
  assert_int_equal(verify(&x, &x.claim, NULL, proof, len), VFT_REJECTED);
  free(proof);
  unmake(&x);
}

static void account(void **state) {
  (void)state;
  vft_hiding_shape s;
  vft_whir_params p, plain;
  vft_soundness a;
  memset(&a, 0, sizeof a);
  OK(vft_hiding_shape_init(&s, 200, 10, 4, 130, 20, 0));
  OK(vft_hiding_params(&p, &s));
  OK(vft_hiding_account(&a, "opening", &p));
  OK(vft_soundness_require(&a, VFT_SOUNDNESS_LEVEL));
  assert_true(vft_soundness_total(&a) >= VFT_BITS(129));
  vft_soundness_free(&a);
  /* the code has its random coefficients too: more queries than without, fewer than at twice the
   * rate, and no more than there are random coefficients */
  OK(vft_whir_params_choose(&plain, s.k0 + 1, s.c, 4, 0, 130, 20));
  assert_int_equal(s.tail, 133); /* 110 / 0.83007500 = 132.5 */
  assert_int_equal(p.level[0].tail, s.tail);
  assert_true(p.level[0].queries > plain.level[0].queries);
  assert_true(p.level[0].queries <= s.tail);
  assert_true(vft_query_bits(14, 1024 + 133, p.level[0].queries) + VFT_BITS(20) >= VFT_BITS(130));
  assert_true(vft_query_bits(14, 1024 + 133, p.level[0].queries - 2) + VFT_BITS(20) <
              VFT_BITS(130));
  /* fewer random coefficients than queries: refused */
  OK(vft_hiding_shape_init(&s, 200, 6, 4, 130, 20, 0));
  assert_int_equal(s.tail, 64);
  assert_int_equal(vft_hiding_params(&p, &s), VFT_USAGE);
  assert_int_equal(vft_hiding_shape_init(&s, 200, 10, 1, 130, 20, 0), VFT_USAGE);
  assert_int_equal(vft_hiding_shape_init(&s, 200, 10, 9, 130, 20, 0), VFT_USAGE);
  assert_int_equal(vft_hiding_shape_init(&s, 200, 10, 4, 161, 20, 0), VFT_USAGE);
  /* a tail that would be as good as none is none: its code would have no distance */
  assert_int_equal(vft_whir_params_choose(&plain, 4, 10, 1, 1024, 130, 20), VFT_USAGE);
  assert_int_equal(vft_whir_params_choose(&plain, 4, 10, 4, 1025, 130, 20), VFT_USAGE);
}

/* ---- uniformity ---- */

enum { SAMPLES = 400, QUERIES = 6 };

/* The words whose distribution is in question: all up to the openings, which is the masks' sum, the
 * messages of the row variables, the folded row and its tail. */
static size_t sample(int64_t value, leave_out without, bool simulated, uint64_t *out) {
  instance x;
  size_t len, n = 0;
  vft_ext lambda = random_ext();
  make(&x, value, QUERIES, without);
  if (simulated) { /* whatever the trees hold, the sum is that of the statement */
    instance other;
    make(&other, 5, QUERIES, ALL);
    x.claim.sigma = other.claim.sigma;
    unmake(&other);
  }
  uint8_t *proof = prove(&x, simulated ? &lambda : NULL, &len);
  OK(verify(&x, &x.claim, simulated ? &lambda : NULL, proof, len));
  size_t head = 3 + 6 * (x.shape.k0 + 1); /* the masks' sum, the row variables' messages */
  const uint64_t *w = (const uint64_t *)(const void *)proof;
  for (size_t i = 0; i < head; i++) out[n++] = w[i];
  for (size_t i = 0; i < 3 * (COLS + QUERIES); i++) out[n++] = w[head + i];
  size_t end = len / 8;
  /* the last sumcheck, a function of the folded row */
  for (size_t i = end - 12; i < end; i++) out[n++] = w[i];
  free(proof);
  unmake(&x);
  return n;
}

static double worst(int64_t value, leave_out without, bool simulated) {
  static uint64_t word[SAMPLES][512];
  size_t n = 0;
  for (int i = 0; i < SAMPLES; i++) n = sample(value, without, simulated, word[i]);
  double most = 0;
  for (size_t k = 0; k < n; k++) {
    double z = 0;
    uint64_t column[SAMPLES];
    for (int i = 0; i < SAMPLES; i++) column[i] = word[i][k];
    z = hiding_deviation(column, SAMPLES);
    if (z > most) most = z;
  }
  return most;
}

/* About 160 words, 16 statistics each: |z| beyond 6 has probability below 10^-5. */
static void uniform(void **state) {
  (void)state;
  double honest = worst(5, ALL, false), simulated = worst(0, ALL, true);
  double bare = worst(5, NO_MASKS, false);
  print_message("largest deviation: honest %.1f, simulated %.1f, without masks %.1f\n", honest,
                simulated, bare);
  assert_true(honest < 6);
  assert_true(simulated < 6);
  assert_true(bare > 20); /* the test sees what is not hidden */
}

/* Opened columns of the hidden tree, masks included: uniform with random coefficients and masks,
 * and masks in all of E. */
static double worst_column(leave_out without) {
  enum { MOST = 7 + 3 * 64 };
  double most = 0;
  size_t n = 0;
  static uint64_t word[SAMPLES][MOST];
  for (int i = 0; i < SAMPLES; i++) {
    instance x;
    uint32_t at = 3;
    vft_fp column[MOST];
    make(&x, 5, QUERIES, without);
    n = vft_merkle_rows(x.merkle[HIDDEN]);
    assert_true(n > 7 && n <= MOST);
    OK(vft_merkle_open(x.merkle[HIDDEN], &at, 1, column));
    for (size_t r = 0; r < n; r++) word[i][r] = column[r].v;
    unmake(&x);
  }
  for (size_t r = 0; r < n; r++) {
    uint64_t column[SAMPLES];
    for (int i = 0; i < SAMPLES; i++) column[i] = word[i][r];
    double z = hiding_deviation(column, SAMPLES);
    if (z > most) most = z;
  }
  return most;
}

static void columns(void **state) {
  (void)state;
  double with = worst_column(ALL), without = worst_column(NO_TAILS);
  double base = worst_column(BASE_MASKS);
  print_message("opened columns: %.1f, without random coefficients %.1f, masks in F %.1f\n", with,
                without, base);
  assert_true(with < 6);
  assert_true(without > 20);
  assert_true(base > 20);
}

/* ---- two witnesses, the same challenges ---- */

enum { PROOFS = 50 };

/* Witnesses 5 and 9 with one sum: three entries make up for the others. */
static void samples(int64_t value, vft_ext sigma, leave_out without, uint8_t **bytes, size_t *len) {
  for (int i = 0; i < PROOFS; i++) {
    instance x;
    make(&x, value, QUERIES, without);
    vft_ext lack = vft_ext_sub(sigma, x.claim.sigma);
    for (int k = 0; k < 3; k++)
      x.message[HIDDEN][k] = vft_fp_add(x.message[HIDDEN][k], lack.c[k]);
    x.claim.sigma = sigma;
    vft_random none = {zero_fill, NULL};
    uncommit(&x);
    commit(&x, without == NO_MASKS ? &none : &test_random, without);
    bytes[i] = prove(&x, NULL, len);
    OK(verify(&x, &x.claim, NULL, bytes[i], *len));
    unmake(&x);
  }
}

static auroc compare(leave_out without) {
  uint8_t *bytes[2][PROOFS];
  size_t len[2];
  instance x;
  make(&x, 5, QUERIES, ALL);
  fixed_oracle = 1;
  samples(5, x.claim.sigma, without, bytes[0], &len[0]);
  samples(9, x.claim.sigma, without, bytes[1], &len[1]);
  fixed_oracle = 0;
  unmake(&x);
  assert_int_equal(len[0], len[1]);
  auroc r = classify(bytes[0], bytes[1], PROOFS, len[0]);
  for (int k = 0; k < 2; k++)
    for (int i = 0; i < PROOFS; i++) free(bytes[k][i]);
  return r;
}

static void two_witnesses(void **state) {
  (void)state;
  static const char *const name[] = {"all", "no random coefficients", "no masks"};
  for (leave_out w = ALL; w <= NO_MASKS; w++) {
    bool tells = true;
    /* One interval of twenty misses the true value; a leak is there the second time too. */
    for (int again = 0; again < (w == ALL ? 2 : 1) && tells; again++) {
      auroc r = compare(w);
      print_message("%-24s AUROC %.3f (95 %%: %.3f to %.3f)\n", name[w], r.value, r.low, r.high);
      tells = r.low > 0.5 || r.high < 0.5;
      if (w != ALL) assert_true(r.low > 0.9);
    }
    assert_int_equal(tells, w != ALL);
  }
}

/* Equal columns have different leaves; with equal salts they would be equal. */
static void salts(void **state) {
  (void)state;
  instance x, y;
  uint64_t before = seed;
  make(&x, 5, QUERIES, ALL);
  seed = before;
  make(&y, 5, QUERIES, NO_SALTS);
  vft_digest a = vft_merkle_node(x.merkle[1], 0, 1), b = vft_merkle_node(y.merkle[1], 0, 1);
  assert_true(memcmp(a.b, b.b, 32));
  assert_true(vft_merkle_is_salted(x.merkle[1]) && !vft_merkle_is_salted(x.merkle[0]));
  vft_merkle *t;
  vft_digest one = {{0}};
  assert_int_equal(vft_merkle_commit_salted(&t, VFT_HASH_POSEIDON, x.code[0], 3, row_source,
                                            &x.rows[0], true, &one), VFT_USAGE);
  unmake(&x);
  unmake(&y);
}

/* ---- the masks suffice: the lemma of docs/SOUNDNESS.md, by rank ----
 * A matrix of 2^K rows and D columns, random weights on all of it, K + 1 masks as in the protocol.
 * With the challenges fixed, the masks' part of (folded row; for every round, the message's value
 * on the side that row A is not on, and its cross term) must have full rank D + 2 K: then these are
 * uniform whatever the other rows hold, and they determine all that is sent. */
enum { K = 4, D = 5, ROWS = 1 << K, OUT = D + 2 * K, IN = (K + 1) * D };

static void view(const vft_ext mask[K + 1][D], const vft_ext w0[ROWS][D], const vft_ext *r,
                 vft_ext *out) {
  vft_ext p[ROWS][D], w[ROWS][D];
  memset(p, 0, sizeof p);
  memcpy(w, w0, sizeof w);
  memcpy(p[ROWS - 1], mask[K], sizeof mask[K]);
  for (int i = 0; i < K; i++) memcpy(p[ROWS - 1 - (1 << i)], mask[i], sizeof mask[i]);
  for (int i = 0; i < K; i++) {
    vft_ext other = VFT_EXT_ZERO, cross = VFT_EXT_ZERO;
    for (int y = 0; y < ROWS >> (i + 1); y++) {
      for (int c = 0; c < D; c++) {
        other = vft_ext_add(other, vft_ext_mul(p[2 * y][c], w[2 * y][c]));
        cross = vft_ext_add(cross, vft_ext_add(vft_ext_mul(p[2 * y][c], w[2 * y + 1][c]),
                                               vft_ext_mul(p[2 * y + 1][c], w[2 * y][c])));
      }
      for (int c = 0; c < D; c++) {
        vft_ext dp = vft_ext_sub(p[2 * y + 1][c], p[2 * y][c]);
        vft_ext dw = vft_ext_sub(w[2 * y + 1][c], w[2 * y][c]);
        p[y][c] = vft_ext_add(p[2 * y][c], vft_ext_mul(r[i], dp));
        w[y][c] = vft_ext_add(w[2 * y][c], vft_ext_mul(r[i], dw));
      }
    }
    out[D + 2 * i] = other;
    out[D + 2 * i + 1] = cross;
  }
  memcpy(out, p[0], sizeof p[0]);
}

static int rank(vft_ext a[IN][OUT], int rows) {
  int n = 0;
  for (int col = 0; col < OUT && n < rows; col++) {
    int at = n;
    while (at < rows && vft_ext_is_zero(a[at][col])) at++;
    if (at == rows) continue;
    for (int j = 0; j < OUT; j++) {
      vft_ext swap = a[at][j];
      a[at][j] = a[n][j];
      a[n][j] = swap;
    }
    vft_ext inverse = vft_ext_inv(a[n][col]);
    for (int i = n + 1; i < rows; i++) {
      vft_ext f = vft_ext_mul(a[i][col], inverse);
      for (int j = col; j < OUT; j++) a[i][j] = vft_ext_sub(a[i][j], vft_ext_mul(f, a[n][j]));
    }
    n++;
  }
  return n;
}

/* Weights elsewhere: `sparse` as in a proof whose claims meet few rows. without: a mask that is
 * left out, or -1; flat: the masks' weights are all the same. */
static int rank_of(int sparse, int without, int flat) {
  static vft_ext a[IN][OUT];
  vft_ext w[ROWS][D], r[K], m[4];
  for (int i = 0; i < 4; i++) m[i] = random_ext();
  for (int i = 0; i < K; i++) r[i] = random_ext();
  for (int y = 0; y < ROWS; y++)
    for (int c = 0; c < D; c++) w[y][c] = sparse ? VFT_EXT_ZERO : random_ext();
  for (int i = 0; i <= K; i++) {
    int at = i == K ? ROWS - 1 : ROWS - 1 - (1 << i);
    memset(w[at], 0, sizeof w[at]);
    for (int c = 0; c < 2; c++) w[at][c] = m[i == K || flat ? c : 2 + c];
  }
  for (int k = 0; k < IN; k++) {
    vft_ext mask[K + 1][D];
    memset(mask, 0, sizeof mask);
    if (k / D != without) mask[k / D][k % D] = VFT_EXT_ONE;
    view(mask, w, r, a[k]);
  }
  return rank(a, IN);
}

static void masks_suffice(void **state) {
  (void)state;
  for (int i = 0; i < 20; i++) {
    assert_int_equal(rank_of(0, -1, 0), OUT);
    assert_int_equal(rank_of(1, -1, 0), OUT);
  }
  for (int i = 0; i < K; i++) assert_true(rank_of(0, i, 0) < OUT); /* every round needs its own */
  assert_true(rank_of(1, -1, 1) < OUT); /* weights must differ */
}

/* The same of the code: with the challenges fixed, the messages change with the masks as freely as
 * there are masks' sum and two messages a round. `without`: a mask that stays as it is, or -1. */
typedef struct {
  int call, mask, element;
} one_more;

static vft_status masks_fill(void *ctx, void *out, size_t bytes) {
  one_more *m = ctx;
  uint64_t keep = seed;
  seed = (uint64_t)m->call << 32;
  for (size_t i = 0; i < bytes / 8; i++) ((uint64_t *)out)[i] = next64() % VFT_P;
  seed = keep;
  if (m->call++ == m->mask) {
    vft_fp *x = (vft_fp *)out + m->element;
    *x = vft_fp_add(*x, (vft_fp){1});
  }
  return VFT_OK;
}

static size_t messages(one_more change, vft_ext *out) {
  instance x;
  size_t len;
  vft_random random = {masks_fill, &change};
  seed = 1;
  make_with(&x, 5, QUERIES, ALL, &random);
  uint8_t *proof = prove(&x, NULL, &len);
  size_t n = 1 + 2 * (x.shape.k0 + 1);
  memcpy(out, proof, n * sizeof *out);
  free(proof);
  unmake(&x);
  return n;
}

static int code_rank(int without, size_t *all) {
  static vft_ext a[IN][OUT];
  vft_ext before[OUT], after[OUT];
  uint64_t keep = seed;
  int rows = 0;
  memset(a, 0, sizeof a);
  fixed_oracle = 1;
  *all = messages((one_more){0, -1, 0}, before);
  assert_true(*all <= OUT);
  for (int mask = 0; mask < 6; mask++) { /* a call for each and one for its tail */
    for (int column = 0; column < 3 && mask != without; column++) {
      assert_int_equal(messages((one_more){0, 2 * mask, 3 * column}, after), *all);
      for (size_t i = 0; i < *all; i++) a[rows][i] = vft_ext_sub(after[i], before[i]);
      rows++;
    }
  }
  fixed_oracle = 0;
  seed = keep;
  return rank(a, rows);
}

static void code_masks_suffice(void **state) {
  (void)state;
  size_t all;
  int full = code_rank(-1, &all);
  print_message("rank %d of %zu\n", full, all);
  assert_int_equal(full, all);
  for (int i = 0; i < 5; i++) assert_true(code_rank(i, &all) < (int)all);
}

static void system_random(void **state) {
  (void)state;
  vft_fp a[64], b[64];
  OK(vft_hiding_elements(NULL, a, 64));
  OK(vft_hiding_elements(NULL, b, 64));
  assert_true(memcmp(a, b, sizeof a));
  for (int i = 0; i < 64; i++) assert_true(a[i].v < VFT_P);
  vft_wipe(a, sizeof a);
  for (int i = 0; i < 64; i++) assert_int_equal(a[i].v, 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(shapes),    cmocka_unit_test(complete), cmocka_unit_test(tamper),
      cmocka_unit_test(false_sum), cmocka_unit_test(longer_row), cmocka_unit_test(account),
      cmocka_unit_test(uniform),
      cmocka_unit_test(columns),   cmocka_unit_test(salts),    cmocka_unit_test(masks_suffice),
      cmocka_unit_test(code_masks_suffice), cmocka_unit_test(two_witnesses),
      cmocka_unit_test(system_random)};
  /* what does not take ranks of all that is sent */
  size_t n = HIDING_LOG == 5 ? sizeof tests / sizeof *tests : 4;
  return _cmocka_run_group_tests("hiding openings", tests, n, NULL, NULL);
}
