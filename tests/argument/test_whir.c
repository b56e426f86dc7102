/* WHIR opening: completeness, byte equality with a slow reference prover, and rejections. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "argument/whir_kernels.h"
#include "argument/whir_prover.h"
#include "argument/whir_reference.h"
#include "base/cpu.h"
#include "base/mem.h"
#include "base/pool.h"

static uint64_t seed = 20240501;

static uint64_t next64(void) {
  uint64_t z = seed += 0x9e3779b97f4a7c15ull;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
  return z ^ (z >> 31);
}

/* Every eighth element is an edge case. */
static vft_fp random_fp(void) {
  uint64_t x = next64();
  static const uint64_t edge[4] = {0, 1, VFT_P - 1, VFT_P - 2};
  return x % 8 == 0 ? (vft_fp){edge[(x >> 8) % 4]} : (vft_fp){next64() % VFT_P};
}
static vft_ext random_ext(void) { return (vft_ext){{random_fp(), random_fp(), random_fp()}}; }

/* ---- an instance ----------------------------------------------------------------------------- */

enum { TREES = 4 };
static vft_hash_kind hash_now = VFT_HASH_BLAKE3; /* of the test that runs */

typedef struct {
  unsigned k0, c;
  size_t trees;
  size_t rows[TREES], gap[TREES]; /* gap: zero rows before the tree */
  vft_elem type[TREES];
  int no_weight[TREES];
} shape;

typedef struct {
  shape s;
  vft_whir_params params;
  vft_rs *rs;
  vft_whir_tree tree[TREES];
  vft_whir_source source[TREES];
  void *message[TREES];
  vft_ext *weight[TREES];
  vft_fp *base[TREES];
  vft_merkle *merkle[TREES];
  vft_ext *p, *w; /* dense tables */
  vft_ext sigma;
} instance;

static void make(instance *x, const shape *s, const vft_whir_params *params) {
  memset(x, 0, sizeof *x);
  x->s = *s;
  x->params = *params;
  size_t cols = (size_t)1 << s->c, all = (size_t)1 << (s->k0 + s->c), offset = 0;
  x->p = calloc(all, sizeof *x->p);
  x->w = calloc(all, sizeof *x->w);
  assert_int_equal(vft_rs_new(&x->rs, s->c, params->level[0].log_inv_rate), VFT_OK);
  for (size_t t = 0; t < s->trees; t++) {
    size_t n = s->rows[t] * cols;
    offset += s->gap[t];
    x->message[t] = malloc(n * 8);
    x->base[t] = malloc(n * sizeof(vft_fp));
    x->weight[t] = malloc(n * sizeof(vft_ext));
    for (size_t i = 0; i < n; i++) {
      int64_t v = (int64_t)next64();
      switch (s->type[t]) {
        case VFT_ELEM_I8: ((int8_t *)x->message[t])[i] = (int8_t)v; v = (int8_t)v; break;
        case VFT_ELEM_I16: ((int16_t *)x->message[t])[i] = (int16_t)v; v = (int16_t)v; break;
        case VFT_ELEM_I32: ((int32_t *)x->message[t])[i] = (int32_t)v; v = (int32_t)v; break;
        case VFT_ELEM_I64: ((int64_t *)x->message[t])[i] = v; break;
        case VFT_ELEM_FP: break;
      }
      x->base[t][i] = vft_fp_from_i64(v);
      if (s->type[t] == VFT_ELEM_FP) {
        x->base[t][i] = random_fp();
        ((vft_fp *)x->message[t])[i] = x->base[t][i];
      }
      x->weight[t][i] = s->no_weight[t] ? VFT_EXT_ZERO : random_ext();
      x->p[offset * cols + i] = vft_ext_from_fp(x->base[t][i]);
      x->w[offset * cols + i] = x->weight[t][i];
    }
    vft_rows_fp_ctx ctx = {x->base[t], cols, n};
    assert_int_equal(vft_merkle_commit(&x->merkle[t], hash_now, x->rs, s->rows[t], vft_rows_fp,
                                       &ctx, true),
                     VFT_OK);
    x->tree[t] = (vft_whir_tree){.root = vft_merkle_root(x->merkle[t]), .rows = s->rows[t],
                                 .row_offset = offset};
    x->source[t] = (vft_whir_source){.type = s->type[t],
                                     .message = x->message[t],
                                     .weight = s->no_weight[t] ? NULL : x->weight[t],
                                     .tree = x->merkle[t]};
    offset += s->rows[t];
  }
  x->sigma = VFT_EXT_ZERO;
  for (size_t i = 0; i < all; i++)
    x->sigma = vft_ext_add(x->sigma, vft_ext_mul(x->p[i], x->w[i]));
}

static void unmake(instance *x) {
  for (size_t t = 0; t < x->s.trees; t++) {
    vft_merkle_free(x->merkle[t]);
    free(x->message[t]);
    free(x->base[t]);
    free(x->weight[t]);
  }
  vft_rs_free(x->rs);
  free(x->p);
  free(x->w);
}

static vft_status weight_at(void *ctx, const vft_ext *point, vft_ext *value) {
  const instance *x = ctx;
  unsigned vars = x->s.k0 + x->s.c;
  vft_ext *t = malloc(sizeof *t << vars);
  memcpy(t, x->w, sizeof *t << vars);
  for (unsigned b = 0; b < vars; b++)
    for (size_t i = 0; i < (size_t)1 << (vars - b - 1); i++)
      t[i] = vft_ext_add(t[2 * i],
                         vft_ext_mul(point[b], vft_ext_sub(t[2 * i + 1], t[2 * i])));
  *value = t[0];
  free(t);
  return VFT_OK;
}

static vft_status verify(const instance *x, const uint8_t *proof, size_t len) {
  vft_channel *ch = vft_channel_verifier("test whir", hash_now, proof, len);
  vft_status st = vft_whir_verify(ch, &x->params, x->tree, x->s.trees, x->sigma, weight_at,
                                  (void *)x);
  if (st == VFT_OK) st = vft_channel_finish(ch);
  vft_channel_free(ch);
  return st;
}

static uint8_t *prove(const instance *x, size_t *len) {
  vft_channel *ch = vft_channel_prover("test whir", hash_now);
  vft_status st = vft_whir_prove(ch, &x->params, x->tree, x->s.trees, x->source, x->sigma);
  if (st != VFT_OK) print_error("prover: %s\n", vft_error_message());
  assert_int_equal(st, VFT_OK);
  const uint8_t *from = vft_channel_proof(ch, len);
  uint8_t *proof = malloc(*len);
  memcpy(proof, from, *len);
  vft_channel_free(ch);
  assert_true(*len <= vft_whir_proof_bytes(&x->params, x->tree, x->s.trees));
  return proof;
}

/* The reference prover's proof, with a fault. */
static uint8_t *prove_slowly(const instance *x, const ref_fault *fault, size_t *len,
                             instance *seen) {
  size_t all = (size_t)1 << (x->s.k0 + x->s.c);
  unsigned log_n = x->s.c + x->params.level[0].log_inv_rate;
  vft_ext *p = malloc(all * sizeof *p), *w = malloc(all * sizeof *w);
  memcpy(p, x->p, all * sizeof *p);
  memcpy(w, x->w, all * sizeof *w);
  ref_tree code[TREES];
  *seen = *x;
  for (size_t t = 0; t < x->s.trees; t++) {
    code[t] = ref_tree_make(hash_now, x->base[t], x->s.rows[t], x->s.c, log_n);
    if (t == 0 && fault->corrupt_code > 0) {
      size_t n = (size_t)(fault->corrupt_code * (double)((size_t)1 << log_n));
      for (size_t j = 0; j < n; j++) {
        size_t at = j * code[t].words;
        code[t].column[at] = vft_fp_add(code[t].column[at], (vft_fp){1 + next64() % 1000});
      }
      ref_tree_hash(&code[t]);
    }
    seen->tree[t].root = ref_tree_root(&code[t]);
  }
  vft_channel *ch = vft_channel_prover("test whir", hash_now);
  vft_status st = ref_prove(ch, &x->params, seen->tree, x->s.trees, code, p, w, x->sigma, fault);
  assert_int_equal(st, VFT_OK);
  const uint8_t *from = vft_channel_proof(ch, len);
  uint8_t *proof = malloc(*len);
  memcpy(proof, from, *len);
  vft_channel_free(ch);
  for (size_t t = 0; t < x->s.trees; t++) ref_tree_free(&code[t]);
  free(p);
  free(w);
  return proof;
}

static void assert_rejected(const instance *x, const uint8_t *proof, size_t len,
                            const char *check) {
  vft_error_clear();
  assert_int_equal(verify(x, proof, len), VFT_REJECTED);
  assert_string_equal(vft_error_check(), check);
}

static void test_params(vft_whir_params *p, const shape *s, unsigned rate, unsigned queries) {
  assert_int_equal(vft_whir_params_test(p, s->k0, s->c, rate, 0, queries), VFT_OK);
}

/* ---- kernels --------------------------------------------------------------------------------- */

/* Values at which limbs and sums are largest: all ones in the low 52 bits, p - 1, all ones in both
 * halves but for one bit. */
static vft_fp extreme_fp(size_t i) {
  static const uint64_t edge[4] = {0xffefffffffffffffull, VFT_P - 1, 0xfffffffeffffffffull,
                                   0xffefffffffffffffull};
  return (vft_fp){edge[i % 4]};
}
static vft_fp edge_fp(void) {
  static const uint64_t edge[8] = {0,           1,           VFT_P - 1,
                                   VFT_P - 2,   0xffffffffull, 1ull << 32,
                                   0xffffffff00000000ull, 0xfffffffffffffull};
  return (vft_fp){edge[random_fp().v % 8]};
}

static void tier_agrees(const vft_whir_kernels *fast) {
  enum { MAX = 5000 };
  vft_fp *p[4];
  vft_ext *q[4], *w[4], *out[2];
  print_message("kernels: %s\n", fast->name);
  for (int k = 0; k < 4; k++) {
    p[k] = malloc(MAX * sizeof *p[k]);
    q[k] = malloc(MAX * sizeof *q[k]);
    w[k] = malloc(MAX * sizeof *w[k]);
  }
  for (int k = 0; k < 2; k++) out[k] = malloc(MAX * sizeof *out[k]);
  static const size_t lengths[] = {0,  1,  2,  3,  4,  5,  6,   7,   8,   9,    10,   11,   12,
                                   13, 14, 15, 16, 17, 63, 255, 256, 257, 2047, 2048, 2049, MAX};
  for (int mode = 0; mode < 6; mode++) {
    for (size_t i = 0; i < MAX; i++)
      for (int k = 0; k < 4; k++) {
        /* mode 1: extremes that cancel nowhere; mode 2: differences are extreme too; mode 4: one
         * value all along; mode 5: edges */
        vft_fp hi = mode == 1 || (k & 1) ? extreme_fp(i) : (vft_fp){0};
        p[k][i] = mode == 0 ? random_fp() : mode == 3 ? extreme_fp(i + (size_t)k) : hi;
        if (mode == 4) p[k][i] = extreme_fp(2);
        if (mode == 5) p[k][i] = edge_fp();
        for (int j = 0; j < 3; j++) {
          q[k][i].c[j] = mode == 0 ? random_fp() : mode == 5 ? edge_fp() : p[k][i];
          w[k][i].c[j] = mode == 0 ? random_fp() : mode == 5 ? edge_fp() : p[k][i];
        }
      }
    vft_ext e[4];
    for (int k = 0; k < 4; k++)
      for (int j = 0; j < 3; j++) e[k].c[j] = mode == 5 ? edge_fp() : mode ? extreme_fp(0) : random_fp();
    for (size_t l = 0; l < sizeof lengths / sizeof *lengths; l++) {
      size_t n = lengths[l];
      vft_ext t[4][VFT_WHIR_T];
      for (int k = 0; k < VFT_WHIR_T; k++) t[0][k] = t[1][k] = t[2][k] = t[3][k] = random_ext();
      const vft_fp *const pc[4] = {p[0], p[1], p[2], p[3]};
      const vft_ext *const qc[4] = {q[0], q[1], q[2], q[3]};
      const vft_ext *const wc[4] = {w[0], w[1], w[2], w[3]};
      vft_whir_kernels_c.products_fp(pc, wc, n, t[0]);
      fast->products_fp(pc, wc, n, t[1]);
      assert_memory_equal(t[0], t[1], sizeof t[0]);
      vft_whir_kernels_c.products_ext(qc, wc, n, t[2]);
      fast->products_ext(qc, wc, n, t[3]);
      assert_memory_equal(t[2], t[3], sizeof t[2]);
      memset(out[0], 1, MAX * sizeof *out[0]);
      memset(out[1], 1, MAX * sizeof *out[1]);
      vft_whir_kernels_c.fold_fp(out[0], pc, e, n);
      fast->fold_fp(out[1], pc, e, n);
      assert_memory_equal(out[0], out[1], MAX * sizeof *out[0]);
      vft_whir_kernels_c.fold_ext(out[0], qc, e, n);
      fast->fold_ext(out[1], qc, e, n);
      assert_memory_equal(out[0], out[1], MAX * sizeof *out[0]);
    }
  }
  for (int k = 0; k < 4; k++) {
    free(p[k]);
    free(q[k]);
    free(w[k]);
  }
  for (int k = 0; k < 2; k++) free(out[k]);
}

/* Every tier of the machine, under its name. */
static void kernels_agree(void **state) {
  (void)state;
  vft_simd before = vft_simd_tier();
  for (int tier = VFT_SIMD_C; tier <= VFT_SIMD_AVX512; tier++) {
    if (vft_simd_force((vft_simd)tier) != (vft_simd)tier) break;
    const vft_whir_kernels *fast = vft_whir_kernels_choose();
    assert_string_equal(fast->name, vft_simd_name((vft_simd)tier));
    tier_agrees(fast);
  }
  vft_simd_force(before);
}

/* ---- shapes ---------------------------------------------------------------------------------- */

static const shape shapes[] = {
    {0, 3, 1, {1}, {0}, {VFT_ELEM_FP}, {0}},
    {1, 3, 1, {1}, {0}, {VFT_ELEM_FP}, {0}},
    {1, 3, 1, {1}, {1}, {VFT_ELEM_I16}, {0}},
    {2, 4, 1, {3}, {0}, {VFT_ELEM_FP}, {0}},
    {3, 3, 2, {1, 2}, {1, 3}, {VFT_ELEM_I8, VFT_ELEM_FP}, {0}},
    {4, 5, 3, {3, 1, 5}, {0, 2, 1}, {VFT_ELEM_I64, VFT_ELEM_I32, VFT_ELEM_FP}, {0}},
    {5, 6, 4, {2, 7, 1, 4}, {5, 0, 1, 2},
     {VFT_ELEM_FP, VFT_ELEM_I16, VFT_ELEM_FP, VFT_ELEM_I8}, {0}},
    {3, 7, 1, {5}, {2}, {VFT_ELEM_I32}, {0}},
    {2, 8, 2, {2, 1}, {0, 1}, {VFT_ELEM_FP, VFT_ELEM_FP}, {0}},
    {0, 9, 1, {1}, {0}, {VFT_ELEM_I16}, {0}},
    {3, 9, 3, {2, 3, 1}, {0, 0, 1}, {VFT_ELEM_FP, VFT_ELEM_I16, VFT_ELEM_FP}, {0, 1, 0}},
    {0, 8, 1, {1}, {0}, {VFT_ELEM_FP}, {1}},
    {1, 11, 1, {2}, {0}, {VFT_ELEM_FP}, {0}},
    {6, 4, 2, {1, 1}, {17, 40}, {VFT_ELEM_I16, VFT_ELEM_I8}, {0}},
};

static void complete_and_equal_to_reference(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
    for (unsigned rate = 1; rate <= 2; rate++) {
      vft_whir_params params;
      instance x, seen;
      size_t len, slow_len;
      test_params(&params, &shapes[i], rate, 3 + (unsigned)i % 7);
      make(&x, &shapes[i], &params);
      uint8_t *proof = prove(&x, &len);
      vft_status st = verify(&x, proof, len);
      if (st != VFT_OK) print_error("shape %zu: %s\n", i, vft_error_message());
      assert_int_equal(st, VFT_OK);
      uint8_t *slow = prove_slowly(&x, &(ref_fault){0}, &slow_len, &seen);
      for (size_t t = 0; t < x.s.trees; t++)
        assert_memory_equal(&seen.tree[t].root, &x.tree[t].root, 32);
      assert_int_equal(len, slow_len);
      assert_memory_equal(proof, slow, len);
      free(slow);
      free(proof);
      unmake(&x);
    }
  }
}

/* Chosen parameters, 128 bits, several levels; the same bytes from one thread, from all and from
 * every SIMD tier. */
static void complete_at_full_strength(void **state) {
  (void)state;
  shape s = {4, 11, 3, {5, 3, 2}, {0, 1, 1}, {VFT_ELEM_I16, VFT_ELEM_FP, VFT_ELEM_I32}, {0}};
  vft_whir_params params;
  instance x;
  size_t len, again_len;
  assert_int_equal(vft_whir_params_choose(&params, s.k0, s.c, 1, 0, 128, 8), VFT_OK);
  assert_true(params.levels == 3 && !params.test_profile);
  make(&x, &s, &params);
  size_t live = vft_alloc_live();
  vft_alloc_peak_reset();
  uint8_t *proof = prove(&x, &len);
  assert_int_equal(vft_alloc_live(), live);
  assert_int_equal(verify(&x, proof, len), VFT_OK);
  vft_simd top = vft_simd_tier();
  for (int tier = VFT_SIMD_C; tier <= (int)top; tier++)
    for (int threads = 1; threads <= 3; threads += 2) {
      vft_simd_force((vft_simd)tier);
      vft_threads_set(threads);
      uint8_t *again = prove(&x, &again_len);
      assert_int_equal(again_len, len);
      assert_memory_equal(again, proof, len);
      free(again);
    }
  vft_simd_force(top);
  vft_threads_set(0);
  /* in the place of the weights: the same proof again */
  for (size_t t = 0; t < s.trees; t++) x.source[t].spend = true;
  uint8_t *spent = prove(&x, &again_len);
  assert_int_equal(again_len, len);
  assert_memory_equal(spent, proof, len);
  free(spent);
  free(proof);
  unmake(&x);
}

static void plan_covers(const shape *s) {
  vft_whir_params params;
  instance x;
  size_t len;
  assert_int_equal(vft_whir_params_choose(&params, s->k0, s->c, 1, 0, 128, 0), VFT_OK);
  make(&x, s, &params);
  for (int spend = 0; spend < 2; spend++) {
    vft_channel *ch = vft_channel_prover("test whir", hash_now);
    size_t live = vft_alloc_live();
    vft_alloc_peak_reset();
    for (size_t t = 0; t < s->trees; t++) x.source[t].spend = spend != 0;
    assert_int_equal(vft_whir_prove(ch, &params, x.tree, s->trees, x.source, x.sigma), VFT_OK);
    vft_channel_proof(ch, &len);
    size_t used = vft_alloc_peak() - live;
    size_t plan = vft_whir_prove_bytes(&params, x.tree, s->trees, spend != 0, hash_now);
    print_message("peak %zu, of it proof at most %zu, planned %zu\n", used, 3 * len, plan);
    assert_true(used <= plan + 3 * len + 8192);
    assert_true(plan <= (used - len) / 10 * 11);
    vft_channel_free(ch);
  }
  unmake(&x);
}

static void plan_covers_memory(void **state) {
  (void)state;
  /* the last: groups of one row, which find no place to be folded into */
  static const shape covered[] = {
      {5, 10, 2, {9, 14}, {0, 2}, {VFT_ELEM_I16, VFT_ELEM_FP}, {0}},
      {6, 12, 3, {36, 1, 1}, {0, 0, 0}, {VFT_ELEM_FP, VFT_ELEM_FP, VFT_ELEM_FP}, {0}},
      {6, 12, 3, {33, 1, 1}, {0, 7, 7}, {VFT_ELEM_FP, VFT_ELEM_FP, VFT_ELEM_FP}, {0}}};
  for (size_t i = 0; i < sizeof covered / sizeof *covered; i++) plan_covers(&covered[i]);
}

/* ---- rejections ------------------------------------------------------------------------------ */

static void cheating_provers_are_named(void **state) {
  (void)state;
  shape s = {3, 9, 2, {4, 3}, {0, 1}, {VFT_ELEM_FP, VFT_ELEM_I16}, {0}};
  vft_whir_params params;
  instance x, seen;
  size_t len;
  test_params(&params, &s, 1, 12);
  assert_true(params.levels == 2);
  make(&x, &s, &params);

  /* positive control, with the same prover */
  uint8_t *proof = prove_slowly(&x, &(ref_fault){0}, &len, &seen);
  assert_int_equal(verify(&seen, proof, len), VFT_OK);
  free(proof);
  /* each sumcheck message: rows of level 0 (3), of level 1 (4), the last (5) */
  for (int m = 1; m <= 3 + 4 + 5; m++) {
    proof = prove_slowly(&x, &(ref_fault){.bad_message = m}, &len, &seen);
    assert_rejected(&seen, proof, len, "whir/sum");
    free(proof);
  }
  /* a last vector that is not what was committed */
  proof = prove_slowly(&x, &(ref_fault){.bad_last = 1}, &len, &seen);
  assert_rejected(&seen, proof, len, "whir/queries");
  free(proof);
  /* level 1 commits to something else than the folded rows of level 0 */
  proof = prove_slowly(&x, &(ref_fault){.bad_fold = 1}, &len, &seen);
  assert_rejected(&seen, proof, len, "whir/sum");
  free(proof);
  /* a wrong sum, all else honest */
  vft_ext sigma = x.sigma;
  x.sigma = vft_ext_add(sigma, VFT_EXT_ONE);
  proof = prove_slowly(&x, &(ref_fault){0}, &len, &seen);
  assert_rejected(&seen, proof, len, "whir/sum");
  free(proof);
  /* which the library's prover notices at the end */
  vft_channel *ch = vft_channel_prover("test whir", hash_now);
  assert_int_equal(vft_whir_prove(ch, &params, x.tree, 2, x.source, x.sigma), VFT_USAGE);
  vft_channel_free(ch);
  x.sigma = sigma;
  /* other weights at the verifier */
  proof = prove(&x, &len);
  assert_int_equal(verify(&x, proof, len), VFT_OK);
  x.w[5] = vft_ext_add(x.w[5], VFT_EXT_ONE);
  assert_rejected(&x, proof, len, "whir/sum");
  free(proof);
  unmake(&x);
}

/* A tree that is far from every code word: with one level the last vector cannot agree. */
static void far_from_code_is_rejected(void **state) {
  (void)state;
  shape s = {2, 6, 2, {3, 1}, {0, 0}, {VFT_ELEM_FP, VFT_ELEM_I16}, {0}};
  vft_whir_params params;
  instance x, seen;
  size_t len;
  test_params(&params, &s, 1, 40);
  make(&x, &s, &params);
  uint8_t *proof = prove_slowly(&x, &(ref_fault){.corrupt_code = 0.3}, &len, &seen);
  assert_rejected(&seen, proof, len, "whir/queries");
  free(proof);
  unmake(&x);
  shape deep = {2, 8, 1, {3}, {0}, {VFT_ELEM_FP}, {0}};
  test_params(&params, &deep, 1, 40);
  make(&x, &deep, &params);
  proof = prove_slowly(&x, &(ref_fault){.corrupt_code = 0.3}, &len, &seen);
  assert_rejected(&seen, proof, len, "whir/sum");
  free(proof);
  unmake(&x);
}

static void every_byte_and_length_counts(void **state) {
  (void)state;
  shape s = {2, 7, 2, {2, 1}, {0, 1}, {VFT_ELEM_FP, VFT_ELEM_I16}, {0}};
  vft_whir_params params;
  instance x;
  size_t len;
  test_params(&params, &s, 1, 2);
  make(&x, &s, &params);
  uint8_t *proof = prove(&x, &len);
  print_message("tamper proof: %zu bytes\n", len);
  assert_int_equal(verify(&x, proof, len), VFT_OK);
  for (size_t i = 0; i < len; i++) {
    uint8_t bit = (uint8_t)(1u << (next64() % 8));
    proof[i] ^= bit;
    vft_error_clear();
    assert_int_equal(verify(&x, proof, len), VFT_REJECTED);
    assert_true(strncmp(vft_error_check(), "whir/", 5) == 0 ||
                strncmp(vft_error_check(), "transcript/", 11) == 0);
    proof[i] ^= bit;
  }
  for (size_t n = 0; n < len; n++) assert_rejected(&x, proof, n, "transcript/truncated");
  uint8_t *longer = calloc(len + 1, 1);
  memcpy(longer, proof, len);
  assert_rejected(&x, longer, len + 1, "transcript/trailing");
  free(longer);

  /* An opened column element and a sibling: level 0's opening starts behind the two messages of
   * its rows (48 bytes each) and the next root (32). */
  size_t opening = 2 * 48 + 32;
  proof[opening] ^= 1;
  assert_rejected(&x, proof, len, "whir/merkle");
  proof[opening] ^= 1;
  memset(proof + opening, 0xff, 8); /* not below p */
  assert_rejected(&x, proof, len, "whir/merkle");
  free(proof);

  /* public inputs */
  proof = prove(&x, &len);
  vft_digest root = x.tree[1].root;
  x.tree[1].root.b[7] ^= 4;
  assert_int_equal(verify(&x, proof, len), VFT_REJECTED);
  x.tree[1].root = root;
  x.tree[1].row_offset--;
  assert_int_equal(verify(&x, proof, len), VFT_REJECTED);
  x.tree[1].row_offset++;
  x.sigma.c[2] = vft_fp_add(x.sigma.c[2], (vft_fp){1});
  assert_int_equal(verify(&x, proof, len), VFT_REJECTED);
  x.sigma.c[2] = vft_fp_sub(x.sigma.c[2], (vft_fp){1});
  x.params.level[1].queries++;
  assert_int_equal(verify(&x, proof, len), VFT_REJECTED);
  x.params.level[1].queries--;
  x.params.bits = 1;
  assert_int_equal(verify(&x, proof, len), VFT_REJECTED);
  x.params.bits = 0;
  assert_int_equal(verify(&x, proof, len), VFT_OK);
  free(proof);
  unmake(&x);
}

static void bad_shapes_are_refused(void **state) {
  (void)state;
  shape s = {2, 7, 2, {2, 1}, {0, 1}, {VFT_ELEM_FP, VFT_ELEM_I16}, {0}};
  vft_whir_params params;
  instance x;
  size_t len;
  test_params(&params, &s, 1, 2);
  make(&x, &s, &params);
  uint8_t *proof = prove(&x, &len);
  instance y = x;
  y.tree[1].row_offset = 1; /* overlaps */
  assert_rejected(&y, proof, len, "whir/trees");
  y = x;
  y.tree[1].rows = 0;
  assert_rejected(&y, proof, len, "whir/trees");
  y = x;
  y.tree[1].rows = 2; /* beyond 2^k0 */
  assert_rejected(&y, proof, len, "whir/trees");
  y = x;
  y.tree[1].row_offset = UINT64_MAX;
  assert_rejected(&y, proof, len, "whir/trees");
  y = x;
  y.s.trees = 0;
  assert_rejected(&y, proof, len, "whir/trees");
  y = x;
  y.params.test_profile = false; /* two queries are not 1 bit of anything declared */
  y.params.bits = 128;
  assert_rejected(&y, proof, len, "whir/params");
  y = x;
  y.params.test_profile = false; /* no level declared */
  assert_rejected(&y, proof, len, "whir/params");
  y = x;
  y.params.level[1].log_msg++;
  assert_rejected(&y, proof, len, "whir/params");
  y = x;
  y.params.levels = 0;
  assert_rejected(&y, proof, len, "whir/params");
  y = x;
  y.params.level[0].queries = 0;
  assert_rejected(&y, proof, len, "whir/params");
  y = x;
  y.params.level[0].grind = 60;
  assert_rejected(&y, proof, len, "whir/params");
  free(proof);
  unmake(&x);
  assert_int_equal(vft_whir_params_choose(&params, 25, 7, 1, 0, 128, 0), VFT_USAGE);
  assert_int_equal(vft_whir_params_choose(&params, 3, 0, 4, 0, 128, 0), VFT_USAGE);
  assert_int_equal(vft_whir_params_choose(&params, 3, 7, 0, 0, 128, 0), VFT_USAGE);
  assert_int_equal(vft_whir_params_choose(&params, 3, 7, 1, 0, 128, 27), VFT_USAGE);
  assert_int_equal(vft_whir_params_choose(&params, 3, 30, 1, 0, 128, 0), VFT_USAGE);
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

int main(int argc, char **argv) {
  (void)argv;
  if (argc > 1) seed = strtoull(argv[1], NULL, 0);
  printf("seed %llu\n", (unsigned long long)seed);
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(kernels_agree),
      BOTH(complete_and_equal_to_reference),
      BOTH(complete_at_full_strength),
      BOTH(plan_covers_memory),
      BOTH(cheating_provers_are_named),
      BOTH(far_from_code_is_rejected),
      BOTH(every_byte_and_length_counts),
      cmocka_unit_test(bad_shapes_are_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
