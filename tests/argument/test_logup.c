/* LogUp-GKR against a slow prover written from the message list alone, which also cheats. */
#include "argument/logup.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "argument/logup_kernels.h"
#include "argument/poly_util.h"
#include "base/cpu.h"
#include "base/mem.h"
#include "base/pool.h"
#include "field/batch.h"

enum { PROTOCOL_SEED = 0x106b };
static const char protocol[] = "logup test v1";

static uint64_t next(uint64_t *s) {
  uint64_t z = (*s += 0x9e3779b97f4a7c15ull);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
  return z ^ (z >> 31);
}

static vft_ext random_ext(uint64_t *s) {
  vft_ext e;
  for (int k = 0; k < 3; k++) e.c[k] = vft_fp_from_u64(next(s));
  return e;
}

/* ---- instances ------------------------------------------------------------------------------ */

typedef struct {
  unsigned n;
  size_t real;
  vft_fp *num;
  vft_ext *den;
  size_t table_at, table; /* leaves table_at .. + table - 1 are table rows; value of row i is i */
  vft_ext alpha;
} instance;

static bool fill(void *ctx, size_t start, size_t count, vft_fp *num, vft_ext *den) {
  const instance *in = ctx;
  assert_true(start % VFT_LOGUP_TILE == 0 && count <= VFT_LOGUP_TILE);
  assert_true(count && start + count <= in->real);
  memcpy(den, in->den + start, count * sizeof *den);
  bool ones = true;
  for (size_t i = 0; i < count; i++) ones = ones && in->num[start + i].v == 1;
  if (!ones) memcpy(num, in->num + start, count * sizeof *num);
  return ones;
}

/* `real` fractions, a third of them table rows from place (0: first, 1: middle, 2: last) on, the
 * others lookups of random rows. */
static instance make(size_t real, unsigned extra, int place, uint64_t s) {
  instance in = {.real = real};
  while ((real - 1) >> in.n) in.n++;
  in.n += extra;
  in.num = calloc(real, sizeof *in.num);
  in.den = calloc(real, sizeof *in.den);
  assert_true(in.num && in.den);
  in.table = real < 3 ? 1 : real / 3;
  in.table_at = (real - in.table) * (size_t)place / 2;
  in.alpha = random_ext(&s);
  for (size_t i = 0; i < in.table; i++) {
    in.den[in.table_at + i] = vft_ext_sub(in.alpha, vft_ext_from_i64((int64_t)i));
  }
  for (size_t i = 0; i < real; i++) {
    if (i >= in.table_at && i < in.table_at + in.table) continue;
    size_t row = next(&s) % in.table;
    in.num[i] = (vft_fp){1};
    in.den[i] = in.den[in.table_at + row];
    in.num[in.table_at + row] = vft_fp_sub(in.num[in.table_at + row], (vft_fp){1});
  }
  return in;
}

static void drop(instance *in) {
  free(in->num);
  free(in->den);
}

static vft_logup_leaves leaves_of(instance *in, unsigned recompute) {
  return (vft_logup_leaves){fill, in, recompute, NULL, 0};
}

/* The claim is what the leaves' extensions are. */
static bool claim_holds(const instance *in, const vft_logup_claim *c) {
  vft_ext tail = vft_ext_sub(VFT_EXT_ONE, vft_poly_eq_prefix(c->point, c->n, in->real));
  vft_ext num = vft_poly_mle_fp(in->num, in->real, c->point, c->n);
  vft_ext den = vft_ext_add(vft_poly_mle_ext(in->den, in->real, c->point, c->n), tail);
  return c->n == in->n && vft_ext_eq(num, c->num) && vft_ext_eq(den, c->den);
}

/* Both channels start by absorbing something about the instance, as a caller would. */
static vft_channel *prover_channel(const instance *in) {
  vft_channel *ch = vft_channel_prover(protocol, VFT_HASH_BLAKE3);
  assert_non_null(ch);
  vft_channel_absorb_u64(ch, "instance", in->real);
  return ch;
}

static vft_status verify(const instance *in, const uint8_t *proof, size_t len,
                         vft_logup_claim *claim) {
  vft_channel *ch = vft_channel_verifier(protocol, VFT_HASH_BLAKE3, proof, len);
  assert_non_null(ch);
  vft_error_clear();
  vft_channel_absorb_u64(ch, "instance", in->real);
  vft_status st = vft_logup_run(ch, in->n, in->real, NULL, claim);
  if (st == VFT_OK) st = vft_channel_finish(ch);
  vft_channel_free(ch);
  return st;
}

/* ---- the slow prover ------------------------------------------------------------------------ */

typedef struct {
  int forge_root;   /* make the root pass with a wrong p1 */
  int forge_values; /* make each layer's last check pass with a wrong p0 */
} cheat;

/* p0 with p0 q1 + p1 q0 + lambda q0 q1 = v */
static void forge_p0(vft_ext v[4], vft_ext lambda, vft_ext target) {
  vft_ext rest = vft_ext_add(vft_ext_mul(v[1], v[2]),
                             vft_ext_mul(lambda, vft_ext_mul(v[2], v[3])));
  v[0] = vft_ext_mul(vft_ext_sub(target, rest), vft_ext_inv(v[3]));
}

static void send(vft_channel *ch, const char *label, vft_ext *v, size_t n) {
  assert_int_equal(vft_channel_send_ext(ch, label, v, n), VFT_OK);
}

/* G of the four values. */
static vft_ext integrand(const vft_ext v[4], vft_ext lambda) {
  return vft_ext_add(vft_ext_add(vft_ext_mul(v[0], v[3]), vft_ext_mul(v[1], v[2])),
                     vft_ext_mul(lambda, vft_ext_mul(v[2], v[3])));
}

static void slow_prove(vft_channel *ch, const instance *in, cheat how) {
  unsigned n = in->n;
  vft_channel_absorb_u64(ch, "logup/variables", n);
  vft_channel_absorb_u64(ch, "logup/fractions", in->real);
  if (!n) {
    vft_ext v[2] = {how.forge_root ? VFT_EXT_ZERO : vft_ext_from_fp(in->num[0]), in->den[0]};
    send(ch, "logup/root", v, 2);
    return;
  }
  vft_ext *p[32], *q[32];
  for (unsigned k = n + 1; k-- > 0;) {
    size_t len = (size_t)1 << k;
    p[k] = malloc(len * sizeof **p);
    q[k] = malloc(len * sizeof **q);
    assert_true(p[k] && q[k]);
    for (size_t i = 0; i < len; i++) {
      if (k == n) {
        p[k][i] = i < in->real ? vft_ext_from_fp(in->num[i]) : VFT_EXT_ZERO;
        q[k][i] = i < in->real ? in->den[i] : VFT_EXT_ONE;
      } else {
        p[k][i] = vft_ext_add(vft_ext_mul(p[k + 1][2 * i], q[k + 1][2 * i + 1]),
                              vft_ext_mul(p[k + 1][2 * i + 1], q[k + 1][2 * i]));
        q[k][i] = vft_ext_mul(q[k + 1][2 * i], q[k + 1][2 * i + 1]);
      }
    }
  }
  vft_ext z[32], v[4] = {p[1][0], p[1][1], q[1][0], q[1][1]};
  if (how.forge_root) forge_p0(v, VFT_EXT_ZERO, VFT_EXT_ZERO);
  send(ch, "logup/root", v, 4);
  for (unsigned k = 1;; k++) {
    vft_ext c = vft_channel_challenge_ext(ch, "logup/descend");
    vft_ext num = vft_ext_add(v[0], vft_ext_mul(c, vft_ext_sub(v[1], v[0])));
    vft_ext den = vft_ext_add(v[2], vft_ext_mul(c, vft_ext_sub(v[3], v[2])));
    memmove(z + 1, z, (k - 1) * sizeof *z);
    z[0] = c;
    if (k == n) break;
    vft_channel_absorb_u64(ch, "logup/layer", k);
    vft_ext lambda = vft_channel_challenge_ext(ch, "logup/lambda"), r[32];
    vft_ext claim = vft_ext_add(num, vft_ext_mul(lambda, den));
    size_t len = (size_t)1 << k;
    vft_ext *t[4];
    for (int col = 0; col < 4; col++) {
      t[col] = malloc(len * sizeof **t);
      assert_non_null(t[col]);
      for (size_t x = 0; x < len; x++) t[col][x] = (col < 2 ? p : q)[k + 1][2 * x + (col & 1)];
    }
    for (unsigned j = 0; j < k; j++) {
      vft_ext y[3] = {VFT_EXT_ZERO, VFT_EXT_ZERO, VFT_EXT_ZERO}, coef[2];
      len /= 2;
      for (size_t x = 0; x < len; x++) {
        vft_ext e = vft_eq_index(z + j + 1, k - 1 - j, x);
        for (int at = 0; at < 3; at++) {
          vft_ext w[4];
          for (int col = 0; col < 4; col++) {
            vft_ext d = vft_ext_sub(t[col][2 * x + 1], t[col][2 * x]);
            w[col] = vft_ext_add(t[col][2 * x], vft_ext_mul_fp(d, (vft_fp){(uint64_t)at}));
          }
          y[at] = vft_ext_add(y[at], vft_ext_mul(e, integrand(w, lambda)));
        }
      }
      /* Second difference is 2 c, first is b + c. */
      vft_ext d1 = vft_ext_sub(y[1], y[0]), d2 = vft_ext_sub(vft_ext_sub(y[2], y[1]), d1);
      coef[1] = vft_ext_mul_fp(d2, vft_fp_inv((vft_fp){2}));
      coef[0] = vft_ext_sub(d1, coef[1]);
      send(ch, "logup/round", coef, 2);
      r[j] = vft_channel_challenge_ext(ch, "logup/point");
      vft_ext a = vft_ext_sub(claim, vft_ext_mul(z[j], vft_ext_add(coef[0], coef[1])));
      if (!how.forge_root) assert_true(vft_ext_eq(a, y[0]));
      vft_ext full[3] = {a, coef[0], coef[1]};
      claim = vft_poly_horner(full, 2, r[j]);
      for (int col = 0; col < 4; col++) {
        for (size_t x = 0; x < len; x++) {
          vft_ext d = vft_ext_sub(t[col][2 * x + 1], t[col][2 * x]);
          t[col][x] = vft_ext_add(t[col][2 * x], vft_ext_mul(r[j], d));
        }
      }
    }
    for (int col = 0; col < 4; col++) {
      v[col] = t[col][0];
      free(t[col]);
    }
    if (how.forge_values) forge_p0(v, lambda, claim);
    send(ch, "logup/values", v, 4);
    memcpy(z, r, k * sizeof *z);
  }
  for (unsigned k = 0; k <= n; k++) {
    free(p[k]);
    free(q[k]);
  }
}

/* ---- honest runs ---------------------------------------------------------------------------- */

/* The fast prover's proof, equal to the slow one's, accepted, with true claims. */
static void check_honest(instance *in, unsigned recompute, bool slow) {
  vft_channel *ch = prover_channel(in);
  vft_logup_leaves leaves = leaves_of(in, recompute);
  vft_logup_claim claim, seen;
  size_t before = vft_alloc_live(), len, slow_len;
  vft_alloc_peak_reset();
  vft_status st = vft_logup_run(ch, in->n, in->real, &leaves, &claim);
  if (st != VFT_OK) print_error("real %zu: %s\n", in->real, vft_error_message());
  assert_int_equal(st, VFT_OK);
  const uint8_t *proof = vft_channel_proof(ch, &len);
  /* The channel's own proof buffer (with its copy while growing) is not in the plan. */
  assert_true(vft_alloc_peak() - before <=
              vft_logup_plan(in->n, in->real, recompute, SIZE_MAX) + 4 * len + 16384);
  assert_true(vft_alloc_live() - before <= 2 * len + 8192);
  size_t rounds = in->n ? (size_t)in->n * (in->n - 1) / 2 : 0;
  assert_int_equal(len, 24 * (in->n ? 4 * in->n + 2 * rounds : 2));
  assert_true(claim_holds(in, &claim));
  if (slow) {
    vft_channel *ref = prover_channel(in);
    slow_prove(ref, in, (cheat){0, 0});
    const uint8_t *expect = vft_channel_proof(ref, &slow_len);
    assert_int_equal(len, slow_len);
    assert_memory_equal(proof, expect, len);
    vft_channel_free(ref);
  }
  assert_int_equal(verify(in, proof, len, &seen), VFT_OK);
  assert_memory_equal(&claim, &seen, sizeof claim);
  vft_channel_free(ch);
}

static void honest_small_sizes(void **state) {
  (void)state;
  for (size_t real = 1; real <= 200; real++) {
    for (int place = 0; place < 3; place++) {
      instance in = make(real, real % 5 == 0 ? (unsigned)place : 0, place, PROTOCOL_SEED + real);
      check_honest(&in, (unsigned)(real + (size_t)place) % 4, true);
      drop(&in);
    }
  }
}

/* Around tiles, with tiles of ones before, behind and around the table; several tails. */
static void honest_large_sizes(void **state) {
  (void)state;
  static const size_t sizes[] = {1024, 2047,  2048,  2049,  4095,  4096,  4097,
                                 6144, 10000, 12288, 16384, 16385, 20480, 40961};
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    for (int place = 0; place < 3; place++) {
      instance in = make(sizes[i], i % 3 == 1 ? 2 : 0, place, PROTOCOL_SEED + i);
      check_honest(&in, (unsigned)(i + (size_t)place) % 4, place == 2 || sizes[i] < 13000);
      drop(&in);
    }
  }
}

/* All numerators one never adds to zero with lookups alone; denominators chosen so that they do:
 * 1/d + 1/(-d). */
static void honest_all_ones(void **state) {
  (void)state;
  for (unsigned n = 1; n <= 15; n++) {
    for (int full = 0; full < 2; full++) {
      uint64_t s = n;
      instance in = {.n = n, .real = full || n < 3 ? (size_t)1 << n : ((size_t)3 << n >> 2) + 2};
      in.num = calloc(in.real, sizeof *in.num);
      in.den = calloc(in.real, sizeof *in.den);
      assert_true(in.num && in.den);
      for (size_t i = 0; i < in.real; i++) {
        in.num[i] = (vft_fp){1};
        in.den[i] = i & 1 ? vft_ext_neg(in.den[i - 1]) : random_ext(&s);
      }
      /* Pairs must not cancel at the bottom only: exchange two far partners. */
      if (in.real > 8) {
        vft_ext t = in.den[1];
        in.den[1] = in.den[in.real - 1];
        in.den[in.real - 1] = t;
      }
      check_honest(&in, n % 4, n < 13);
      drop(&in);
    }
  }
}

static void bytes_do_not_depend_on_the_machine(void **state) {
  (void)state;
  static const size_t sizes[] = {77, 5000, 30000};
  vft_simd best = vft_simd_tier();
  for (size_t i = 0; i < 3; i++) {
    instance in = make(sizes[i], 1, 1, PROTOCOL_SEED + 7 * i);
    uint8_t *first = NULL;
    size_t first_len = 0;
    for (int v = 0; v < 48; v++) {
      static const vft_simd tiers[3] = {VFT_SIMD_C, VFT_SIMD_AVX2, VFT_SIMD_AVX512};
      unsigned u = (unsigned)v / 3;
      vft_threads_set(1 + (u & 1) * 2);
      vft_simd_force(tiers[v % 3]);
      vft_channel *ch = prover_channel(&in);
      vft_logup_leaves leaves = leaves_of(&in, u >> 1 & 3);
      if (u & 8) { /* a dirty workspace: large enough, or (i = 1) not for the leaves' tables */
        leaves.workspace_bytes = vft_logup_plan(in.n, in.real, leaves.recompute, i == 1 ? 0 : 99);
        leaves.workspace = vft_alloc_raw(leaves.workspace_bytes, 1);
        assert_non_null(leaves.workspace);
        memset(leaves.workspace, 0xff, leaves.workspace_bytes);
      }
      vft_logup_claim claim;
      size_t len;
      assert_int_equal(vft_logup_run(ch, in.n, in.real, &leaves, &claim), VFT_OK);
      const uint8_t *proof = vft_channel_proof(ch, &len);
      if (!first) {
        first = malloc(len);
        assert_non_null(first);
        memcpy(first, proof, len);
        first_len = len;
      }
      assert_int_equal(len, first_len);
      assert_memory_equal(first, proof, len);
      vft_channel_free(ch);
      vft_free(leaves.workspace);
    }
    free(first);
    drop(&in);
  }
  vft_threads_set(0);
  vft_simd_force(best);
}

/* ---- kernels at their edges ----------------------------------------------------------------- */

#ifdef __x86_64__
enum { BLOCKS = 128 }; /* the most row pairs of one sum */

/* Words that stress the limbs: all ones below p, and the largest with a full low limb. */
static uint64_t edge(uint64_t *s) {
  static const uint64_t edges[] = {0, 1, VFT_P - 1, 0xffefffffffffffffull, 0xfffffffffffffull,
                                   0xffffffff00000000ull, 0xffffffffull, 1ull << 52,
                                   VFT_P - 2, 1ull << 32, 0xfffffffeffffffffull, 0x7ffffffffffull,
                                   0x3fffff, 1ull << 63, 2, 0xfffffffe00000000ull};
  uint64_t x = next(s);
  return x & 16 ? edges[x & 15] : vft_fp_from_u64(next(s)).v;
}

static void fill_edges(vft_logup_block *b, size_t n, uint64_t *s, uint64_t constant) {
  for (size_t i = 0; i < n; i++) {
    for (int k = 0; k < 24; k++) {
      b[i].c[k >> 3][k & 7] = constant ? constant : edge(s);
    }
  }
}

static void tier_agrees(const vft_logup_ops *v) {
  static vft_logup_block t[4][2 * BLOCKS], o1[4][BLOCKS], o2[4][BLOCKS];
  static vft_logup_weight w[BLOCKS];
  static vft_ext leaf[16 * BLOCKS];
  const vft_logup_ops *c = &vft_logup_ops_c;
  uint64_t s = 99, fulls[3] = {0xffefffffffffffffull, 0xfffffffeffffffffull, VFT_P - 1};
  for (int turn = 0; turn < 40; turn++) {
    int constant = turn < 3;
    uint64_t full = fulls[turn % 3];
    for (int k = 0; k < 4; k++) fill_edges(t[k], 2 * BLOCKS, &s, constant ? full : 0);
    for (size_t i = 0; i < 8 * BLOCKS; i++) {
      vft_fp e[3];
      for (int k = 0; k < 3; k++) e[k].v = constant ? full : edge(&s);
      vft_fp all[5] = {e[0], e[1], e[2], vft_fp_add(e[0], e[2]), vft_fp_add(e[1], e[2])};
      for (int k = 0; k < 5; k++) w[i >> 3].c[k][i & 7] = all[k].v;
    }
    for (size_t i = 0; i < 16 * BLOCKS; i++) {
      for (int k = 0; k < 3; k++) leaf[i].c[k].v = edge(&s);
    }
    vft_ext r = {{{edge(&s)}, {edge(&s)}, {edge(&s)}}};
    size_t n = turn < 4 ? BLOCKS : next(&s) % BLOCKS;
    const vft_logup_block *in[4] = {t[0], t[1], t[2], t[3]};
    vft_logup_block *p1[4] = {o1[0], o1[1], o1[2], o1[3]}, *p2[4] = {o2[0], o2[1], o2[2], o2[3]};

    memset(o1, 0, sizeof o1);
    memset(o2, 0, sizeof o2);
    c->split(leaf, o1[0], o1[1], n);
    v->split(leaf, o2[0], o2[1], n);
    c->fold(o1[2], t[0], n, r);
    v->fold(o2[2], t[0], n, r);
    c->combine(o1[3], t[1], t[2], n, r);
    v->combine(o2[3], t[1], t[2], n, r);
    assert_memory_equal(o1, o2, sizeof o1);
    c->add(p1, in, n);
    v->add(p2, in, n);
    assert_memory_equal(o1, o2, sizeof o1);
    c->add_ones(p1, in, n);
    v->add_ones(p2, in, n);
    assert_memory_equal(o1, o2, sizeof o1);
    /* sums add to what is there */
    fill_edges(o1[0], 4, &s, 0);
    memcpy(o2[0], o1[0], 4 * sizeof o1[0][0]);
    c->sums(o1[0], in, w, n);
    v->sums(o2[0], in, w, n);
    c->sums_ones(o1[0] + 2, t[2], t[3], w, n, r);
    v->sums_ones(o2[0] + 2, t[2], t[3], w, n, r);
    assert_memory_equal(o1, o2, sizeof o1);
  }
}

static void kernels_agree(void **state) {
  (void)state;
  vft_simd before = vft_simd_tier(), best = vft_simd_force(VFT_SIMD_AVX512);
  vft_simd_force(before);
  if (best < VFT_SIMD_AVX2) skip();
  tier_agrees(&vft_logup_ops_avx2);
  if (best >= VFT_SIMD_AVX512) tier_agrees(&vft_logup_ops_avx512);
}
#endif

/* ---- false statements ----------------------------------------------------------------------- */

static void prover_rejects(instance *in, const char *id) {
  for (unsigned recompute = 0; recompute < 2; recompute++) {
    vft_channel *ch = prover_channel(in);
    vft_logup_leaves leaves = leaves_of(in, recompute);
    vft_logup_claim claim;
    vft_error_clear();
    assert_int_equal(vft_logup_run(ch, in->n, in->real, &leaves, &claim), VFT_REJECTED);
    assert_string_equal(vft_error_check(), id);
    vft_channel_free(ch);
  }
}

/* What the verifier says to the slow prover's proof; *claim is meaningful if accepted. */
static vft_status slow_verdict(instance *in, cheat how, vft_logup_claim *claim) {
  vft_channel *ch = prover_channel(in);
  slow_prove(ch, in, how);
  size_t len;
  const uint8_t *proof = vft_channel_proof(ch, &len);
  vft_status st = verify(in, proof, len, claim);
  vft_channel_free(ch);
  return st;
}

/* A false sum is refused at the root; behind a forged root at the first layer's end; and who
 * forges every layer's values ends with claims that the leaves do not have. */
static void check_false(instance *in) {
  vft_logup_claim claim;
  prover_rejects(in, "logup/sum");
  assert_int_equal(slow_verdict(in, (cheat){0, 0}, &claim), VFT_REJECTED);
  assert_string_equal(vft_error_check(), "logup/sum");
  if (in->n > 1) {
    assert_int_equal(slow_verdict(in, (cheat){1, 0}, &claim), VFT_REJECTED);
    assert_string_equal(vft_error_check(), "logup/layer");
  }
  assert_int_equal(slow_verdict(in, (cheat){1, 1}, &claim), VFT_OK);
  assert_false(claim_holds(in, &claim));
}

static void false_statements(void **state) {
  (void)state;
  static const size_t sizes[] = {2, 3, 4, 7, 16, 61, 100, 4100};
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    size_t real = sizes[i];
    instance in = make(real, 0, (int)(i % 3), PROTOCOL_SEED + i);
    vft_logup_claim claim;
    size_t lookup = in.table_at ? 0 : in.table; /* some lookup's place */

    /* Positive control. */
    assert_int_equal(slow_verdict(&in, (cheat){0, 0}, &claim), VFT_OK);
    assert_true(claim_holds(&in, &claim));

    /* A wrong multiplicity. */
    vft_fp *mult = &in.num[in.table_at + in.table / 2], saved = *mult;
    *mult = vft_fp_sub(saved, (vft_fp){1});
    check_false(&in);
    *mult = saved;

    /* A lookup of a value outside the table, with any multiplicities of the table's rows. */
    vft_ext den = in.den[lookup];
    in.den[lookup] = vft_ext_sub(in.alpha, vft_ext_from_i64((int64_t)in.table));
    check_false(&in);
    *mult = vft_fp_sub(saved, (vft_fp){1});
    check_false(&in);
    *mult = saved;

    /* A lookup of the wrong row, and one counted twice. */
    in.den[lookup] = vft_ext_add(den, VFT_EXT_ONE);
    check_false(&in);
    in.den[lookup] = den;
    in.num[lookup] = (vft_fp){2};
    check_false(&in);
    in.num[lookup] = (vft_fp){1};

    /* A zero denominator, with everything else in order (its fraction's numerator is zero). */
    in.den[lookup] = VFT_EXT_ZERO;
    in.num[lookup] = (vft_fp){0};
    vft_fp *row = &in.num[in.table_at];
    for (size_t r = 0; r < in.table; r++) {
      if (!vft_ext_eq(den, in.den[in.table_at + r])) continue;
      row[r] = vft_fp_add(row[r], (vft_fp){1});
      break;
    }
    prover_rejects(&in, "logup/zero_denominator");
    assert_int_equal(slow_verdict(&in, (cheat){0, 0}, &claim), VFT_REJECTED);
    assert_string_equal(vft_error_check(), "logup/zero_denominator");
    drop(&in);
  }
}

static void single_leaf(void **state) {
  (void)state;
  instance in = make(1, 0, 0, 1);
  check_honest(&in, 0, true);
  in.num[0] = (vft_fp){1};
  prover_rejects(&in, "logup/sum");
  vft_logup_claim claim;
  assert_int_equal(slow_verdict(&in, (cheat){1, 0}, &claim), VFT_OK);
  assert_false(claim_holds(&in, &claim));
  in.num[0] = (vft_fp){0};
  in.den[0] = VFT_EXT_ZERO;
  prover_rejects(&in, "logup/zero_denominator");
  drop(&in);
}

/* Every byte of a proof, two flips each; every truncation; a trailing byte; another shape. */
static void altered_messages(void **state) {
  (void)state;
  instance in = make(27, 0, 1, 5);
  vft_channel *ch = prover_channel(&in);
  vft_logup_leaves leaves = leaves_of(&in, 0);
  vft_logup_claim claim;
  size_t len;
  assert_int_equal(vft_logup_run(ch, in.n, in.real, &leaves, &claim), VFT_OK);
  const uint8_t *proof = vft_channel_proof(ch, &len);
  uint8_t *copy = malloc(len + 1);
  assert_non_null(copy);
  memcpy(copy, proof, len);
  copy[len] = 0;
  assert_int_equal(verify(&in, copy, len, &claim), VFT_OK);
  size_t layer = 0;
  for (size_t i = 0; i < len; i++) {
    for (int bit = 0; bit < 8; bit += 7) {
      copy[i] ^= (uint8_t)(1u << bit);
      assert_int_equal(verify(&in, copy, len, &claim), VFT_REJECTED);
      assert_true(!strcmp(vft_error_check(), "logup/layer") ||
                  !strcmp(vft_error_check(), "logup/sum") ||
                  !strcmp(vft_error_check(), "transcript/canonical"));
      layer += !strcmp(vft_error_check(), "logup/layer");
      copy[i] ^= (uint8_t)(1u << bit);
    }
  }
  assert_true(layer > len);
  for (size_t cut = 0; cut < len; cut++) {
    assert_int_equal(verify(&in, copy, cut, &claim), VFT_REJECTED);
    assert_string_equal(vft_error_check(), "transcript/truncated");
  }
  assert_int_equal(verify(&in, copy, len + 1, &claim), VFT_REJECTED);
  assert_string_equal(vft_error_check(), "transcript/trailing");
  instance other = in;
  other.real = 26; /* same tree, another real length */
  assert_int_equal(verify(&other, copy, len, &claim), VFT_REJECTED);
  other = in;
  other.n++;
  assert_int_equal(verify(&other, copy, len, &claim), VFT_REJECTED);
  assert_int_equal(verify(&in, copy, len, &claim), VFT_OK);
  free(copy);
  vft_channel_free(ch);
  drop(&in);
}

static void bad_shapes(void **state) {
  (void)state;
  vft_channel *ch = vft_channel_verifier(protocol, VFT_HASH_BLAKE3, NULL, 0);
  vft_logup_claim claim;
  assert_int_equal(vft_logup_run(ch, 3, 0, NULL, &claim), VFT_USAGE);
  assert_int_equal(vft_logup_run(ch, 3, 9, NULL, &claim), VFT_USAGE);
  assert_int_equal(vft_logup_run(ch, 41, 9, NULL, &claim), VFT_USAGE);
  instance in = make(8, 0, 0, 3);
  vft_logup_leaves leaves = leaves_of(&in, 0);
  assert_int_equal(vft_logup_run(ch, 3, 8, &leaves, &claim), VFT_USAGE);
  vft_channel_free(ch);
  ch = vft_channel_prover(protocol, VFT_HASH_BLAKE3);
  assert_int_equal(vft_logup_run(ch, 3, 8, NULL, &claim), VFT_USAGE);
  leaves.recompute = 4;
  assert_int_equal(vft_logup_run(ch, 3, 8, &leaves, &claim), VFT_USAGE);
  vft_channel_free(ch);
  drop(&in);
}

static void error_terms(void **state) {
  (void)state;
  assert_int_equal(vft_logup_gkr_error(0), 0);
  assert_int_equal(vft_logup_gkr_error(1), 1);
  assert_int_equal(vft_logup_gkr_error(2), 1 + 4);
  assert_int_equal(vft_logup_gkr_error(28), 28 * 27 + 2 * 27 + 1);
  assert_int_equal(vft_logup_identity_error(1, 4), 0);
  assert_int_equal(vft_logup_identity_error(1000, 4), 2997);
  assert_int_equal(vft_logup_identity_error(1000, 1), 999);
  assert_true(vft_logup_identity_error(UINT64_MAX, 4) == UINT64_MAX);
}

int main(void) {
  printf("seed %d\n", PROTOCOL_SEED);
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(honest_small_sizes),
      cmocka_unit_test(honest_large_sizes),
      cmocka_unit_test(honest_all_ones),
      cmocka_unit_test(bytes_do_not_depend_on_the_machine),
#ifdef __x86_64__
      cmocka_unit_test(kernels_agree),
#endif
      cmocka_unit_test(false_statements),
      cmocka_unit_test(single_leaf),
      cmocka_unit_test(altered_messages),
      cmocka_unit_test(bad_shapes),
      cmocka_unit_test(error_terms),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
