/* Times the WHIR opening: bench_whir [k0 c [rate [repeats]]]. One JSON line a case. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "argument/whir_params.h"
#include "argument/whir_prover.h"
#include "base/cpu.h"
#include "base/mem.h"
#include "base/pool.h"
#include "field/batch.h"

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static uint64_t seed = 1;
static uint64_t next64(void) {
  uint64_t z = seed += 0x9e3779b97f4a7c15ull;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
  return z ^ (z >> 31);
}

typedef struct {
  const int16_t *message;
  size_t len;
} rows_i16;
static vft_status row_i16(void *ctx, size_t row, vft_fp *out) {
  const rows_i16 *x = ctx;
  vft_fp_load(out, VFT_ELEM_I16, x->message + row * x->len, x->len);
  return VFT_OK;
}

/* The verifier's one evaluation of W, from the prover's arrays: not timed. */
typedef struct {
  const vft_ext *w;
  unsigned vars;
  double seconds;
} weights;
static vft_status weight_at(void *ctx, const vft_ext *point, vft_ext *value) {
  weights *x = ctx;
  double start = now();
  size_t n = (size_t)1 << x->vars;
  vft_ext *t = vft_alloc_raw(n / 2, sizeof *t);
  if (!t) return vft_fail(VFT_RESOURCE, "out of memory");
  vft_ext_fold_low(t, x->w, n, point[0]);
  for (unsigned b = 1; b < x->vars; b++) vft_ext_fold_low(t, t, n >> b, point[b]);
  *value = t[0];
  vft_free(t);
  x->seconds = now() - start;
  return VFT_OK;
}

static vft_status run(unsigned k0, unsigned c, unsigned rate, int repeats) {
  size_t rows = (size_t)1 << k0, len = (size_t)1 << c, n = rows << c, bytes = 0;
  vft_status st = VFT_OK;
  vft_whir_params params;
  vft_rs *rs = NULL;
  vft_merkle *merkle = NULL;
  vft_channel *ch = NULL;
  int16_t *message = vft_alloc_raw(n, sizeof *message);
  vft_ext *weight = vft_alloc_raw(n, sizeof *weight);
  if (!message || !weight) {
    st = vft_fail(VFT_RESOURCE, "out of memory");
    goto out;
  }
  for (size_t i = 0; i < n; i++) {
    message[i] = (int16_t)next64();
    for (int k = 0; k < 3; k++) weight[i].c[k] = vft_fp_from_u64(next64());
  }
  vft_ext sigma = vft_ext_dot_elem(VFT_ELEM_I16, message, weight, n);
  TRY_OUT(vft_whir_params_choose(&params, k0, c, rate, 0, 130, 16));
  TRY_OUT(vft_rs_new(&rs, c, rate));
  rows_i16 source_rows = {message, len};
  double start = now();
  TRY_OUT(vft_merkle_commit(&merkle, VFT_HASH_BLAKE3, rs, rows, row_i16, &source_rows, true));
  double commit = now() - start, open = 1e30, check = 1e30;
  vft_whir_tree tree = {.root = vft_merkle_root(merkle), .rows = rows};
  vft_whir_source source = {.type = VFT_ELEM_I16, .message = message, .weight = weight,
                            .tree = merkle};
  for (int r = 0; r < repeats; r++) {
    vft_channel_free(ch);
    ch = vft_channel_prover("bench", VFT_HASH_BLAKE3);
    if (!ch) {
      st = vft_fail(VFT_RESOURCE, "out of memory");
      goto out;
    }
    start = now();
    TRY_OUT(vft_whir_prove(ch, &params, &tree, 1, &source, sigma));
    double t = now() - start;
    open = t < open ? t : open;
  }
  const uint8_t *proof = vft_channel_proof(ch, &bytes);
  for (int r = 0; r < repeats; r++) {
    vft_channel *v = vft_channel_verifier("bench", VFT_HASH_BLAKE3, proof, bytes);
    weights w = {weight, k0 + c, 0};
    start = now();
    st = vft_whir_verify(v, &params, &tree, 1, sigma, weight_at, &w);
    double t = now() - start - w.seconds;
    check = t < check ? t : check;
    vft_channel_free(v);
    if (st != VFT_OK) goto out;
  }
  printf("{\"bench\":\"whir\",\"simd\":\"%s\",\"threads\":%d,\"k0\":%u,\"c\":%u,\"rate\":%u,"
         "\"elements\":%zu,\"commit_ns\":%.2f,\"open_ns\":%.2f,\"open_s\":%.4f,"
         "\"verify_ms\":%.2f,\"proof_bytes\":%zu,\"plan_bytes\":%zu}\n",
         vft_simd_name(vft_simd_tier()), vft_threads(), k0, c, rate, n, 1e9 * commit / (double)n,
         1e9 * open / (double)n, open, 1e3 * check, bytes,
         vft_whir_prove_bytes(&params, &tree, 1, false, VFT_HASH_BLAKE3));
out:
  vft_channel_free(ch);
  vft_merkle_free(merkle);
  vft_rs_free(rs);
  vft_free(weight);
  vft_free(message);
  return st;
}

int main(int argc, char **argv) {
  unsigned k0 = argc > 1 ? (unsigned)atoi(argv[1]) : 0, c = argc > 2 ? (unsigned)atoi(argv[2]) : 0;
  unsigned rate = argc > 3 ? (unsigned)atoi(argv[3]) : 1;
  int repeats = argc > 4 ? atoi(argv[4]) : 3;
  static const unsigned cases[][2] = {{6, 14}, {8, 14}, {7, 16}, {10, 13}};
  vft_status st = VFT_OK;
  if (argc > 2) {
    st = run(k0, c, rate, repeats);
  } else {
    for (size_t i = 0; i < sizeof cases / sizeof *cases && st == VFT_OK; i++)
      st = run(cases[i][0], cases[i][1], rate, repeats);
  }
  if (st != VFT_OK) fprintf(stderr, "bench_whir: %s\n", vft_error_message());
  return st;
}
