/* The channel: both sides agree; every altered byte is rejected or changes the challenges. */
#include "transcript/channel.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/pool.h"

static vft_hash_kind hash_now = VFT_HASH_BLAKE3; /* of the test that runs */

enum { FPS = 5, EXTS = 3, OPENING = 11, INDICES = 150, GRIND = 9 };

/* One small protocol that uses every call; the values both sides end with. */
typedef struct {
  vft_fp fp[FPS];
  vft_ext ext[EXTS], challenge[3];
  vft_digest digest;
  uint8_t opening[OPENING];
  uint32_t index[INDICES];
} exchange;

static const vft_digest known_root = {{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}};
static const vft_ext known[2] = {{{{1}, {VFT_P - 1}, {3}}}, {{{4}, {5}, {6}}}};
static const int64_t integers[3] = {-1, 0, (int64_t)(VFT_P / 2)};

static void absorb_integers(vft_channel *ch, const char *label, const int64_t *v, size_t n) {
  vft_fp x[1024];
  assert_true(n <= 1024);
  for (size_t i = 0; i < n; i++) x[i] = vft_fp_from_i64(v[i]);
  vft_channel_absorb_integers(ch, label, x, n);
}

static vft_status run(vft_channel *ch, exchange *x, uint64_t public_value) {
  vft_channel_absorb(ch, "public", "statement", 9);
  vft_channel_absorb_u64(ch, "step", public_value);
  vft_channel_absorb_digest(ch, "known root", &known_root);
  vft_channel_absorb_ext(ch, "known", known, 2);
  absorb_integers(ch, "integers", integers, 3);
  TRY(vft_channel_send_fp(ch, "values", x->fp, FPS));
  x->challenge[0] = vft_channel_challenge_ext(ch, "first");
  TRY(vft_channel_send_ext(ch, "round", x->ext, EXTS));
  TRY(vft_channel_send_digest(ch, "root", &x->digest));
  x->challenge[1] = vft_channel_challenge_ext(ch, "second");
  TRY(vft_channel_grind(ch, "work", GRIND));
  vft_channel_challenge_indices(ch, "queries", (vft_query *)(void *)x->index, INDICES, 10);
  x->challenge[2] = vft_channel_challenge_ext(ch, "third");
  TRY(vft_channel_send_opening(ch, x->opening, OPENING));
  return vft_channel_finish(ch);
}

static exchange sample(void) {
  exchange x;
  memset(&x, 0, sizeof x);
  for (size_t i = 0; i < FPS; i++) x.fp[i].v = i == 0 ? VFT_P - 1 : i * 77777777777ull;
  for (size_t i = 0; i < EXTS; i++) {
    for (size_t k = 0; k < 3; k++) x.ext[i].c[k].v = 1000 * i + k;
  }
  memset(x.digest.b, 0xa5, 32);
  for (size_t i = 0; i < OPENING; i++) x.opening[i] = (uint8_t)(i + 1);
  return x;
}

/* A fresh copy of the honest proof; the caller frees it. */
static uint8_t *honest(exchange *x, size_t *len) {
  vft_channel *ch = vft_channel_prover("test v1", hash_now);
  assert_non_null(ch);
  *x = sample();
  assert_int_equal(run(ch, x, 7), VFT_OK);
  const uint8_t *proof = vft_channel_proof(ch, len);
  uint8_t *copy = malloc(*len + 1);
  assert_non_null(copy);
  memcpy(copy, proof, *len);
  vft_channel_free(ch);
  return copy;
}

static vft_status verify(const char *protocol, const uint8_t *proof, size_t len, exchange *x,
                         uint64_t public_value) {
  vft_channel *ch = vft_channel_verifier(protocol, hash_now, proof, len);
  assert_non_null(ch);
  memset(x, 0, sizeof *x);
  vft_error_clear();
  vft_status st = run(ch, x, public_value);
  vft_channel_free(ch);
  return st;
}

static void both_sides_agree(void **state) {
  (void)state;
  exchange p, v;
  size_t len;
  uint8_t *proof = honest(&p, &len);
  assert_int_equal(len, 8 * FPS + 24 * EXTS + 32 + 8 + OPENING);
  assert_int_equal(verify("test v1", proof, len, &v, 7), VFT_OK);
  assert_memory_equal(&p, &v, sizeof p);
  for (size_t i = 0; i < INDICES; i++) assert_true(v.index[i] < 1024);
  for (int i = 0; i < 3; i++) {
    for (int k = 0; k < 3; k++) assert_true(v.challenge[i].c[k].v < VFT_P);
  }
  assert_false(vft_ext_eq(v.challenge[0], v.challenge[1]));
  assert_false(vft_ext_eq(v.challenge[1], v.challenge[2]));
  free(proof);
}

/* Every byte, every one of two flips: rejected with a named check, or another challenge later
 * than the byte. Opening bytes arrive altered instead (their Merkle root is what binds them). */
static void flipped_bytes(void **state) {
  (void)state;
  exchange p, v;
  size_t len, accepted = 0, canonical = 0, grind = 0;
  uint8_t *proof = honest(&p, &len);
  for (size_t i = 0; i < len; i++) {
    for (int f = 0; f < 2; f++) {
      uint8_t flip = f ? 0x80 : 0x01;
      proof[i] ^= flip;
      vft_status st = verify("test v1", proof, len, &v, 7);
      proof[i] ^= flip;
      if (st == VFT_OK && i >= len - OPENING) {
        assert_memory_not_equal(p.opening, v.opening, OPENING);
      } else if (st == VFT_OK) {
        assert_false(vft_ext_eq(p.challenge[2], v.challenge[2]));
        accepted++;
      } else {
        assert_int_equal(st, VFT_REJECTED);
        bool c = !strcmp(vft_error_check(), "transcript/canonical");
        assert_true(c || !strcmp(vft_error_check(), "transcript/grind"));
        canonical += c;
        grind += !c;
      }
    }
  }
  assert_true(canonical > 0); /* the high bytes of p - 1 */
  assert_true(grind > 100);   /* all but 2^-9 of the flips before the proof of work */
  assert_true(accepted < 10);
  free(proof);
}

static void truncation_and_trailing(void **state) {
  (void)state;
  exchange p, v;
  size_t len;
  uint8_t *proof = honest(&p, &len);
  for (size_t n = 0; n < len; n++) {
    assert_int_equal(verify("test v1", proof, n, &v, 7), VFT_REJECTED);
    assert_string_equal(vft_error_check(), "transcript/truncated");
  }
  proof[len] = 0;
  assert_int_equal(verify("test v1", proof, len + 1, &v, 7), VFT_REJECTED);
  assert_string_equal(vft_error_check(), "transcript/trailing");
  assert_int_equal(verify("test v1", proof, len, &v, 7), VFT_OK);
  free(proof);
}

static void non_canonical_values(void **state) {
  (void)state;
  exchange p, v;
  size_t len;
  uint8_t *proof = honest(&p, &len);
  for (size_t i = 0; i < FPS + 3 * EXTS; i++) {
    uint8_t saved[8];
    memcpy(saved, proof + 8 * i, 8);
    for (uint64_t add = 0; add < 2; add++) {
      uint64_t x = add ? UINT64_MAX : VFT_P;
      for (int k = 0; k < 8; k++) proof[8 * i + k] = (uint8_t)(x >> (8 * k));
      assert_int_equal(verify("test v1", proof, len, &v, 7), VFT_REJECTED);
      assert_string_equal(vft_error_check(), "transcript/canonical");
    }
    memcpy(proof + 8 * i, saved, 8);
  }
  assert_int_equal(verify("test v1", proof, len, &v, 7), VFT_OK);
  free(proof);
  /* The prover's side refuses to send one, too. */
  vft_channel *ch = vft_channel_prover("test v1", hash_now);
  vft_fp bad = {VFT_P};
  assert_int_equal(vft_channel_send_fp(ch, "x", &bad, 1), VFT_REJECTED);
  vft_channel_free(ch);
}

static void statement_is_bound(void **state) {
  (void)state;
  exchange p, v;
  size_t len;
  uint8_t *proof = honest(&p, &len);
  vft_status st = verify("test v1", proof, len, &v, 8);
  assert_true(st == VFT_REJECTED || !vft_ext_eq(p.challenge[2], v.challenge[2]));
  assert_false(vft_ext_eq(p.challenge[0], v.challenge[0]));
  st = verify("test v2", proof, len, &v, 7);
  assert_true(st == VFT_REJECTED || !vft_ext_eq(p.challenge[2], v.challenge[2]));
  assert_false(vft_ext_eq(p.challenge[0], v.challenge[0]));
  free(proof);
}

/* Messages that would be the same bytes without their headers lead to different challenges. */
static void headers_separate(void **state) {
  (void)state;
  enum { CASES = 15 };
  vft_ext c[CASES];
  for (int i = 0; i < CASES; i++) {
    vft_channel *ch = vft_channel_prover("test", hash_now);
    vft_fp z[6] = {{0}};
    vft_ext e[2] = {VFT_EXT_ZERO, VFT_EXT_ZERO};
    vft_digest d = {{0}};
    const int64_t numbers[6] = {0};
    vft_status st = VFT_OK, st2 = VFT_OK;
    switch (i) {
      case 0: break;
      case 1: st = vft_channel_send_fp(ch, "a", z, 6); break;
      case 2: st = vft_channel_send_fp(ch, "b", z, 6); break;
      case 3: st = vft_channel_send_ext(ch, "a", e, 2); break;
      case 4: st = vft_channel_send_fp(ch, "a", z, 3);
              st2 = vft_channel_send_fp(ch, "a", z, 3); break;
      case 5: st = vft_channel_send_fp(ch, "a", z, 5);
              st2 = vft_channel_send_fp(ch, "a", z, 1); break;
      case 6: vft_channel_absorb(ch, "a", z, 48); break;
      case 7: vft_channel_absorb(ch, "a", NULL, 0); break;
      case 8: vft_channel_absorb_u64(ch, "a", 0); break;
      case 9: vft_channel_absorb(ch, "a", z, 8); break;
      case 10: st = vft_channel_send_digest(ch, "a", &d); break;
      case 11: st = vft_channel_send_fp(ch, "a", z, 4); break;
      case 12: absorb_integers(ch, "a", numbers, 6); break;
      case 13: absorb_integers(ch, "a", numbers, 4); break;
      case 14: vft_channel_absorb(ch, "a", z, 7); break;
    }
    assert_int_equal(st, VFT_OK);
    assert_int_equal(st2, VFT_OK);
    c[i] = vft_channel_challenge_ext(ch, "c");
    for (int k = 0; k < i; k++) assert_false(vft_ext_eq(c[i], c[k]));
    vft_channel_free(ch);
  }
  /* The label of a challenge and its position count. */
  vft_channel *a = vft_channel_prover("test", hash_now), *b = vft_channel_prover("test", hash_now);
  vft_ext a1 = vft_channel_challenge_ext(a, "x"), b1 = vft_channel_challenge_ext(b, "y");
  assert_false(vft_ext_eq(a1, b1));
  assert_false(vft_ext_eq(a1, vft_channel_challenge_ext(a, "x")));
  vft_channel_free(a);
  vft_channel_free(b);
}

static void grinding(void **state) {
  (void)state;
  uint8_t first[8];
  for (int threads = 1; threads <= 2; threads++) {
    vft_threads_set(threads);
    vft_channel *ch = vft_channel_prover("test", hash_now);
    assert_int_equal(vft_channel_grind(ch, "none", 0), VFT_OK);
    size_t len;
    vft_channel_proof(ch, &len);
    assert_int_equal(len, 0);
    assert_int_equal(vft_channel_grind(ch, "work", 17), VFT_OK);
    const uint8_t *proof = vft_channel_proof(ch, &len);
    assert_int_equal(len, 8);
    if (threads == 1) memcpy(first, proof, 8);
    assert_memory_equal(first, proof, 8);
    vft_channel_free(ch);
  }
  vft_channel *ch = vft_channel_verifier("test", hash_now, first, 8);
  assert_int_equal(vft_channel_grind(ch, "work", 17), VFT_OK);
  assert_int_equal(vft_channel_finish(ch), VFT_OK);
  vft_channel_free(ch);
  first[0] ^= 1;
  ch = vft_channel_verifier("test", hash_now, first, 8);
  assert_int_equal(vft_channel_grind(ch, "work", 17), VFT_REJECTED);
  assert_string_equal(vft_error_check(), "transcript/grind");
  assert_int_equal(vft_channel_finish(ch), VFT_REJECTED);
  assert_string_equal(vft_error_check(), "transcript/grind");
  vft_channel_free(ch);
  first[0] ^= 1; /* the same work under another label or another number of bits is not valid */
  ch = vft_channel_verifier("test", hash_now, first, 8);
  assert_int_equal(vft_channel_grind(ch, "other", 17), VFT_REJECTED);
  vft_channel_free(ch);
  ch = vft_channel_prover("test", hash_now);
  assert_int_equal(vft_channel_grind(ch, "work", 41), VFT_USAGE);
  vft_channel_free(ch);
  vft_threads_set(0);
}

/* What is absorbed without being sent is bound by its value, length and order. */
static void known_values_are_bound(void **state) {
  (void)state;
  enum { CASES = 8 };
  vft_ext c[CASES];
  for (int i = 0; i < CASES; i++) {
    vft_digest d = {{1}};
    vft_ext e[2] = {VFT_EXT_ONE, VFT_EXT_ONE};
    int64_t n[2] = {5, -5};
    uint8_t bytes[15] = {0};
    if (i == 1) d.b[31] = 1;
    if (i == 2) e[1].c[2].v = 1;
    if (i == 3) n[1] = 5;
    if (i == 4) bytes[14] = 1;
    vft_channel *ch = vft_channel_prover("test", hash_now);
    vft_channel_absorb_digest(ch, "d", &d);
    vft_channel_absorb_ext(ch, "e", e, i == 5 ? 1 : 2);
    absorb_integers(ch, "n", n, i == 6 ? 1 : 2);
    vft_channel_absorb(ch, "b", bytes, i == 7 ? 14 : 15);
    c[i] = vft_channel_challenge_ext(ch, "c");
    for (int k = 0; k < i; k++) assert_false(vft_ext_eq(c[i], c[k]));
    vft_channel_free(ch);
  }
}

/* Integers are absorbed in parts of 512 under BLAKE3, as their number and bytes. */
static void integers_as_bytes(void **state) {
  (void)state;
  enum { N = 700 };
  int64_t v[N];
  uint8_t bytes[8 * N];
  for (int i = 0; i < N; i++) {
    v[i] = (i % 2 ? -1 : 1) * 12345678901 * i;
    for (int k = 0; k < 8; k++) bytes[8 * i + k] = (uint8_t)((uint64_t)v[i] >> (8 * k));
  }
  vft_channel *a = vft_channel_prover("test", VFT_HASH_BLAKE3);
  vft_channel *b = vft_channel_prover("test", VFT_HASH_BLAKE3);
  absorb_integers(a, "v", v, N);
  vft_channel_absorb_u64(b, "v", N);
  vft_channel_absorb(b, "v", bytes, 4096);
  vft_channel_absorb(b, "v", bytes + 4096, 8 * N - 4096);
  vft_channel_absorb_digest(a, "d", &known_root);
  vft_channel_absorb(b, "d", &known_root, 32);
  assert_true(vft_ext_eq(vft_channel_challenge_ext(a, "c"), vft_channel_challenge_ext(b, "c")));
  vft_channel_free(a);
  vft_channel_free(b);
}

/* Under Poseidon digests and nonces have forms that are none. */
static void poseidon_forms(void **state) {
  (void)state;
  uint8_t proof[32];
  vft_digest bad, got;
  memset(&bad, 0xff, sizeof bad);
  memset(proof, 0xff, sizeof proof);
  vft_channel *ch = vft_channel_verifier("test", VFT_HASH_POSEIDON, proof, 32);
  assert_int_equal(vft_channel_send_digest(ch, "d", &got), VFT_REJECTED);
  assert_string_equal(vft_error_check(), "transcript/canonical");
  vft_channel_free(ch);
  ch = vft_channel_prover("test", VFT_HASH_POSEIDON);
  assert_int_equal(vft_channel_send_digest(ch, "d", &bad), VFT_REJECTED);
  vft_channel_free(ch);
  ch = vft_channel_prover("test", VFT_HASH_POSEIDON);
  vft_channel_absorb_digest(ch, "d", &bad);
  assert_int_equal(vft_channel_finish(ch), VFT_REJECTED);
  assert_string_equal(vft_error_check(), "transcript/canonical");
  vft_channel_free(ch);

  ch = vft_channel_prover("test", VFT_HASH_POSEIDON);
  size_t len;
  assert_int_equal(vft_channel_grind(ch, "work", 4), VFT_OK);
  memcpy(proof, vft_channel_proof(ch, &len), 8);
  assert_int_equal(len, 8);
  assert_int_equal(vft_channel_grind(ch, "work", 25), VFT_USAGE);
  vft_channel_free(ch);
  for (int i = 0; i < 2; i++) { /* nonce + 2^32, and as the same element, nonce + p */
    uint8_t other[8];
    uint64_t x = 0;
    for (int k = 7; k >= 0; k--) x = x << 8 | proof[k];
    x += i ? VFT_P : (uint64_t)1 << 32;
    for (int k = 0; k < 8; k++) other[k] = (uint8_t)(x >> (8 * k));
    ch = vft_channel_verifier("test", VFT_HASH_POSEIDON, other, 8);
    assert_int_equal(vft_channel_grind(ch, "work", 4), VFT_REJECTED);
    assert_string_equal(vft_error_check(), "transcript/canonical");
    vft_channel_free(ch);
  }
}

/* The sequence of tests/python/channel_model.py, whose results are in vectors/channel_poseidon.txt:
 * name and value, elements in decimal. */
static void poseidon_known_answers(void **state) {
  (void)state;
  FILE *f = fopen("vectors/channel_poseidon.txt", "r");
  assert_non_null(f);
  vft_channel *ch = vft_channel_prover("known answers", VFT_HASH_POSEIDON);
  uint8_t data[100];
  uint32_t index[21];
  vft_fp fp[9];
  vft_ext ext[3];
  int64_t numbers[3] = {-1, 1, -123456789012345678};
  char name[16], line[256];
  unsigned long long want[32];
  int lines = 0;
  for (int i = 0; i < 100; i++) data[i] = (uint8_t)(7 * i);
  for (uint64_t i = 0; i < 9; i++) fp[i].v = VFT_P - 1 - i * i * 1000003;
  for (uint64_t i = 0; i < 9; i++) ext[i / 3].c[i % 3].v = 1000 + i;
  vft_digest d;
  for (int i = 0; i < 32; i++) d.b[i] = (uint8_t)(i + 1);
  while (fgets(line, sizeof line, f)) {
    int n = 0, at = 0, step;
    if (line[0] == '#' || line[0] == '\n') continue;
    assert_int_equal(sscanf(line, "%15s%n", name, &at), 1);
    while (n < 32 && sscanf(line + at, "%llu%n", &want[n], &step) == 1) at += step, n++;
    lines++;
    if (!strcmp(name, "ext")) {
      vft_ext e = vft_channel_challenge_ext(ch, "draw");
      assert_int_equal(n, 3);
      for (int k = 0; k < 3; k++) assert_true(e.c[k].v == want[k]);
    } else if (!strcmp(name, "indices")) {
      vft_channel_challenge_indices(ch, "places", (vft_query *)(void *)index, (size_t)n, 17);
      for (int k = 0; k < n; k++) assert_int_equal(index[k], want[k]);
    } else if (!strcmp(name, "nonce")) {
      size_t len;
      assert_int_equal(vft_channel_grind(ch, "work", 10), VFT_OK);
      const uint8_t *p = vft_channel_proof(ch, &len);
      for (size_t k = 0; k < 8; k++)
        assert_int_equal(p[len - 8 + k], want[0] >> (8 * k) & 255);
    } else if (!strcmp(name, "bytes")) {
      vft_channel_absorb(ch, "data", data, (size_t)want[0]);
    } else if (!strcmp(name, "u64")) {
      vft_channel_absorb_u64(ch, "number", want[0]);
    } else if (!strcmp(name, "fp")) {
      assert_int_equal(vft_channel_send_fp(ch, "elements", fp, (size_t)want[0]), VFT_OK);
    } else if (!strcmp(name, "send_ext")) {
      assert_int_equal(vft_channel_send_ext(ch, "round", ext, (size_t)want[0]), VFT_OK);
    } else if (!strcmp(name, "digest")) {
      assert_int_equal(vft_channel_send_digest(ch, "root", &d), VFT_OK);
    } else if (!strcmp(name, "known")) {
      vft_channel_absorb_digest(ch, "root", &d);
      vft_channel_absorb_ext(ch, "values", ext, 3);
      absorb_integers(ch, "integers", numbers, 3);
    } else {
      fail_msg("%s", name);
    }
  }
  assert_true(lines > 10);
  fclose(f);
  vft_channel_free(ch);
}

static void large_message_grows_the_proof(void **state) {
  (void)state;
  enum { N = 100000 };
  vft_fp *v = calloc(N, sizeof *v), *w = malloc(N * sizeof *w);
  assert_true(v && w);
  for (size_t i = 0; i < N; i++) v[i].v = i * i;
  vft_channel *p = vft_channel_prover("test", hash_now);
  for (int i = 0; i < 3; i++) assert_int_equal(vft_channel_send_fp(p, "x", v, N), VFT_OK);
  size_t len;
  const uint8_t *proof = vft_channel_proof(p, &len);
  assert_int_equal(len, 3 * 8 * N);
  vft_channel *q = vft_channel_verifier("test", hash_now, proof, len);
  for (int i = 0; i < 3; i++) {
    assert_int_equal(vft_channel_send_fp(q, "x", w, N), VFT_OK);
    assert_memory_equal(v, w, N * sizeof *v);
  }
  assert_int_equal(vft_channel_finish(q), VFT_OK);
  assert_true(vft_ext_eq(vft_channel_challenge_ext(p, "c"), vft_channel_challenge_ext(q, "c")));
  vft_channel_free(p);
  vft_channel_free(q);
  free(v);
  free(w);
}

static int under_blake3(void **state) {
  (void)state;
  hash_now = VFT_HASH_BLAKE3;
  return 0;
}

static int under_poseidon(void **state) {
  (void)state;
  hash_now = VFT_HASH_POSEIDON;
  return 0;
}

#define BOTH(test)                            \
  cmocka_unit_test_setup(test, under_blake3), \
      {#test " (poseidon)", test, under_poseidon, NULL, NULL}

int main(void) {
  const struct CMUnitTest tests[] = {
      BOTH(both_sides_agree),
      BOTH(flipped_bytes),
      BOTH(truncation_and_trailing),
      BOTH(non_canonical_values),
      BOTH(statement_is_bound),
      BOTH(headers_separate),
      BOTH(known_values_are_bound),
      BOTH(grinding),
      BOTH(large_message_grows_the_proof),
      cmocka_unit_test(integers_as_bytes),
      cmocka_unit_test(poseidon_forms),
      cmocka_unit_test(poseidon_known_answers),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
