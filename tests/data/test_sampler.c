/* Keys and orders against vectors of the plain Python model (tests/python/sampler_model.py);
 * properties of orders and epochs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "data/sampler.h"

enum { SEED = 20250611 };
static uint64_t state_ = SEED;

static uint64_t next(void) { /* xorshift64* */
  state_ ^= state_ >> 12;
  state_ ^= state_ << 25;
  state_ ^= state_ >> 27;
  return state_ * 0x2545f4914f6cdd1du;
}

static json_t *vectors;

static int load(void **state) {
  (void)state;
  printf("# seed %d\n", SEED);
  vectors = json_load_file("vectors/sampler.json", 0, NULL);
  return vectors == NULL;
}

static int unload(void **state) {
  (void)state;
  json_decref(vectors);
  return 0;
}

static const uint8_t *bytes(const json_t *object, const char *key, uint8_t out[32]) {
  const char *text = json_string_value(json_object_get(object, key));
  if (!text) return NULL;
  assert_int_equal(strlen(text), 64);
  for (int i = 0; i < 32; i++) {
    unsigned v;
    assert_int_equal(sscanf(text + 2 * i, "%2x", &v), 1);
    out[i] = (uint8_t)v;
  }
  return out;
}

static void same(const vft_poseidon_digest *a, const json_t *object, const char *key) {
  uint8_t want[32], have[32];
  assert_non_null(bytes(object, key, want));
  vft_poseidon_bytes(a, have);
  assert_memory_equal(have, want, 32);
}

static void keys(void **state) {
  (void)state;
  uint8_t master[32], secret[32], want[32], seed[32], manifest[32], beacon[32];
  size_t i;
  json_t *v;
  bytes(vectors, "master", master);
  vft_sampler_secret(master, secret);
  assert_memory_equal(secret, bytes(vectors, "secret", want), 32);
  vft_poseidon_digest d = vft_sampler_commitment(secret);
  same(&d, vectors, "commitment");
  json_array_foreach(json_object_get(vectors, "keys"), i, v) {
    bytes(v, "manifest", manifest);
    bytes(v, "seed", seed);
    d = vft_sampler_master(manifest, json_is_true(json_object_get(v, "secret")), seed,
                           bytes(v, "beacon", beacon));
    same(&d, v, "master_key");
    d = vft_sampler_window(&d, (uint64_t)json_integer_value(json_object_get(v, "window")));
    same(&d, v, "window_key");
    d = vft_sampler_epoch_key(&d, (uint64_t)json_integer_value(json_object_get(v, "epoch")));
    same(&d, v, "epoch_key");
  }
}

static void orders(void **state) {
  (void)state;
  size_t i, k;
  json_t *v, *value;
  json_array_foreach(json_object_get(vectors, "orders"), i, v) {
    uint8_t key_bytes[32];
    vft_poseidon_digest key;
    uint64_t out[64];
    assert_true(vft_poseidon_read(bytes(v, "key", key_bytes), &key));
    const json_t *values = json_object_get(v, "values");
    vft_order o = vft_order_make(&key, (uint64_t)json_integer_value(json_object_get(v, "records")),
                                 json_is_true(json_object_get(v, "replacement")));
    vft_order_take(&o, 0, json_array_size(values), out);
    json_array_foreach(values, k, value) {
      assert_true(out[k] == (uint64_t)json_integer_value(value));
      uint64_t alone;
      vft_order_take(&o, k, 1, &alone);
      assert_true(alone == out[k]);
    }
  }
}

static vft_poseidon_digest some_key(void) {
  vft_poseidon_digest d;
  for (int i = 0; i < 4; i++) d.e[i] = vft_fp_from_u64(next());
  return d;
}

static void orders_are_permutations(void **state) {
  (void)state;
  static const uint64_t sizes[] = {100, 101, 1000, 4096, 4097, 10007};
  for (size_t i = 0; i < 70 + sizeof sizes / sizeof *sizes; i++) {
    uint64_t n = i < 70 ? i + 1 : sizes[i - 70];
    vft_poseidon_digest key = some_key();
    vft_order o = vft_order_make(&key, n, false);
    uint64_t all = vft_order_candidates(&o, 1);
    assert_true(o.side * o.side >= n && (o.side - 1) * (o.side - 1) < n);
    uint64_t *out = malloc(all * sizeof *out);
    uint8_t *seen = calloc(all, 1);
    vft_order_take(&o, 0, all, out);
    for (uint64_t c = 0; c < all; c++) {
      assert_true(out[c] < all && !seen[out[c]]);
      seen[out[c]] = 1;
    }
    free(out);
    free(seen);
  }
  /* no overflow at the greatest size */
  vft_poseidon_digest key = some_key();
  vft_order o = vft_order_make(&key, 1ull << 40, false);
  assert_true(o.side == 1u << 20);
}

/* First record of 5 under 3000 keys: chi-square of 4 degrees of freedom, 99.99 % below 23.5; the
 * same for the pair of the first two (20 cells, 19 degrees, below 52.4). The generator is fixed. */
static void orders_look_uniform(void **state) {
  (void)state;
  enum { KEYS = 3000, N = 5 };
  double single[N] = {0}, pair[N][N] = {{0}}, chi = 0, chi2 = 0;
  for (int k = 0; k < KEYS; k++) {
    vft_poseidon_digest key = some_key();
    vft_order o = vft_order_make(&key, N, false);
    uint64_t out[9], kept[N];
    int n = 0;
    vft_order_take(&o, 0, 9, out);
    for (int c = 0; c < 9; c++)
      if (out[c] < N) kept[n++] = out[c];
    assert_int_equal(n, N);
    single[kept[0]]++;
    pair[kept[0]][kept[1]]++;
  }
  for (int i = 0; i < N; i++) {
    double e = KEYS / (double)N;
    chi += (single[i] - e) * (single[i] - e) / e;
    for (int j = 0; j < N; j++) {
      double f = KEYS / (double)(N * (N - 1));
      if (i != j) chi2 += (pair[i][j] - f) * (pair[i][j] - f) / f;
      else assert_true(pair[i][j] == 0);
    }
  }
  assert_true(chi < 23.5);
  assert_true(chi2 < 52.4);
}

/* ---- epochs on made-up datasets ---- */

enum { RECORDS = 500, CLASSES = 12 };

static vft_class_verdict verdicts[CLASSES];
static vft_dataset_meta meta[RECORDS];

static void make_up(vft_policy *p, vft_judged *j) {
  memset(verdicts, 0, sizeof verdicts);
  memset(p, 0, sizeof *p);
  p->given = true;
  p->quotas = 1 + next() % 80;
  for (size_t q = 0; q < p->quotas; q++) {
    vft_quota *quota = &p->quota[q];
    char *name = malloc(24);
    uint64_t a = next() % 60;
    snprintf(name, 24, "%zu", q);
    *quota = (vft_quota){.kind = next() % 3 ? VFT_BIN_TAG : VFT_BIN_LENGTH, .value = name,
                         .shortest = (uint32_t)a, .longest = (uint32_t)(a + next() % 30)};
    quota->tokens = next() % 2;
    quota->ceiling = next() % (quota->tokens ? 8000 : 200);
    for (int k = 0; k < CLASSES; k++)
      if (next() % 4 == 0) verdicts[k].bins[q / 64] |= 1ull << (q % 64);
  }
  for (int k = 0; k < CLASSES; k++)
    if (next() % 5 == 0) verdicts[k].verdict = VFT_SKIP_LICENSE;
  *j = (vft_judged){.policy = p, .of_class = verdicts, .meta = meta, .records = RECORDS};
  for (int i = 0; i < RECORDS; i++) {
    meta[i] = (vft_dataset_meta){(uint32_t)(next() % CLASSES), 2 + (uint32_t)(next() % 80),
                                 (uint32_t)(next() % 20)};
    if (vft_judged_record(j, (uint64_t)i) != VFT_ACCEPTED) continue;
    j->eligible++;
    for (size_t q = 0; q < p->quotas; q++)
      j->members[q] += vft_policy_in_bin(p, &verdicts[meta[i].class_number], q, meta[i].tokens);
  }
}

typedef struct {
  const vft_judged *j;
  uint64_t counter[VFT_QUOTAS], times[RECORDS], accepted, next;
} watched;

/* Every verdict again, from counters kept here. */
static vft_status watch(void *ctx, const vft_candidate *c) {
  watched *w = ctx;
  const vft_policy *p = w->j->policy;
  assert_true(c->candidate == w->next++);
  if (c->record >= RECORDS) {
    assert_int_equal(c->verdict, VFT_SKIP_OUTSIDE);
    return VFT_OK;
  }
  w->times[c->record]++;
  const vft_dataset_meta *m = &meta[c->record];
  bool fits = verdicts[m->class_number].verdict == VFT_ACCEPTED && m->loss_tokens;
  for (size_t q = 0; q < p->quotas; q++) {
    bool member = p->quota[q].kind == VFT_BIN_LENGTH
                      ? m->tokens >= p->quota[q].shortest && m->tokens <= p->quota[q].longest
                      : verdicts[m->class_number].bins[q / 64] >> (q % 64) & 1;
    uint64_t more = !member ? 0 : p->quota[q].tokens ? m->tokens : 1;
    if (member && w->counter[q] + more > p->quota[q].ceiling) fits = false;
  }
  assert_int_equal(c->verdict == VFT_ACCEPTED, fits);
  w->accepted += fits;
  for (size_t q = 0; q < p->quotas; q++) {
    bool member = vft_policy_in_bin(p, &verdicts[m->class_number], q, m->tokens);
    if (fits && member) w->counter[q] += p->quota[q].tokens ? m->tokens : 1;
    assert_true(w->counter[q] <= p->quota[q].ceiling);
    assert_true(c->counter[q] == w->counter[q]);
  }
  return VFT_OK;
}

static int advised;

/* The message just made names the candidates that would do, exactly when any number would. */
static void check_advice(const vft_judged *j, const vft_order *o, uint64_t rows, uint64_t all) {
  char text[400], want[64];
  vft_epoch_result r;
  snprintf(text, sizeof text, "%s", vft_error_message());
  if (vft_sampler_epoch(j, o, rows, all, NULL, NULL, &r) == VFT_OK) {
    snprintf(want, sizeof want, "candidates_per_epoch: %llu fills", (unsigned long long)r.candidates);
    assert_non_null(strstr(text, want));
    advised++;
  } else {
    assert_null(strstr(text, "candidates_per_epoch"));
  }
}

static void epochs_keep_every_ceiling(void **state) {
  (void)state;
  int filled = 0, refused = 0, foreseen = 0;
  for (int round = 0; round < 300; round++) {
    vft_policy *p = malloc(sizeof *p);
    vft_judged j;
    vft_epoch_result r;
    make_up(p, &j);
    watched w = {.j = &j};
    vft_poseidon_digest key = some_key();
    bool replacement = round % 4 == 3;
    vft_order o = vft_order_make(&key, RECORDS, replacement);
    uint64_t rows = 1 + next() % (round % 2 ? 40 : 300);
    uint64_t all = vft_order_candidates(&o, rows), some = all;
    if (next() % 3 == 0) some = 1 + next() % all;
    vft_status st = vft_sampler_epoch(&j, &o, rows, some, watch, &w, &r);
    if (st != VFT_OK && some < all) check_advice(&j, &o, rows, all);
    vft_status bound = vft_policy_feasible(&j, rows);
    assert_true(r.accepted == w.accepted && r.candidates == w.next);
    if (st == VFT_OK) {
      filled++;
      assert_true(r.accepted == rows);
      if (!replacement) assert_int_equal(bound, VFT_OK); /* the bound refuses nothing possible */
    } else {
      refused++;
      assert_int_equal(st, VFT_USAGE);
      assert_true(r.candidates == some);
    }
    foreseen += bound != VFT_OK;
    for (int i = 0; i < RECORDS && !replacement; i++) assert_true(w.times[i] <= 1);
    for (size_t q = 0; q < p->quotas; q++) free((void *)(uintptr_t)p->quota[q].value);
    free(p);
  }
  assert_true(filled > 20 && refused > 20 && foreseen > 5 && advised > 5);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(keys),
      cmocka_unit_test(orders),
      cmocka_unit_test(orders_are_permutations),
      cmocka_unit_test(orders_look_uniform),
      cmocka_unit_test(epochs_keep_every_ceiling),
  };
  return cmocka_run_group_tests(tests, load, unload);
}
