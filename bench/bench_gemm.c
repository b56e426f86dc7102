/* Times the exact matrix products on the shapes of a training step: bench_gemm [tokens [threads]].
 * One JSON line a shape: 10^9 operations a second, two to a multiplication. bench/float_gemm.py
 * times the same shapes in PyTorch float32. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/cpu.h"
#include "base/mem.h"
#include "base/pool.h"
#include "train/gemm.h"

enum { REPEATS = 15 };

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* About normal, of the given greatest magnitude at four and a half standard deviations. */
static uint64_t seed = 1;
static int64_t sample(int bits) {
  int64_t s = 0;
  for (int i = 0; i < 8; i++) {
    seed = seed * 6364136223846793005ull + 1442695040888963407ull;
    s += (int64_t)(seed >> 33) - (1 << 30);
  }
  /* s has standard deviation 2^30 sqrt(8 / 3); its greatest value is 2^33 */
  return bits <= 33 ? s >> (33 - bits + 1) : s;
}

static void *make(vft_dtype type, int bits, size_t n) {
  vft_array a = {type, vft_alloc_raw(n, vft_dtype_size(type))};
  if (!a.data) exit(3);
  for (size_t i = 0; i < n; i++) vft_array_set(&a, i, sample(bits));
  return a.data;
}

typedef struct {
  const char *name;
  size_t m, n, k, products;
  vft_dtype ta, tb;
  int abits, bbits;
  int a_by_rows, b_by_rows; /* contiguous along the rows, not along k */
} shape;

static void run(const shape *s) {
  vft_gemm_task t = {.m = s->m, .n = s->n, .k = s->k, .ta = s->ta, .tb = s->tb,
                     .abits = s->abits, .bbits = s->bbits, .coef = 1, .nouter = 1,
                     .cm = (ptrdiff_t)s->n, .cn = 1};
  t.am = s->a_by_rows ? 1 : (ptrdiff_t)s->k, t.ak = s->a_by_rows ? (ptrdiff_t)s->m : 1;
  t.bn = s->b_by_rows ? 1 : (ptrdiff_t)s->k, t.bk = s->b_by_rows ? (ptrdiff_t)s->n : 1;
  t.outer[0] = (vft_gemm_axis){s->products, (ptrdiff_t)(s->m * s->k), (ptrdiff_t)(s->n * s->k),
                               (ptrdiff_t)(s->m * s->n)};
  void *a = make(s->ta, s->abits, s->products * s->m * s->k);
  void *b = make(s->tb, s->bbits, s->products * s->n * s->k);
  t.a = a, t.b = b;
  t.c = vft_alloc(s->products * s->m * s->n, sizeof *t.c);
  if (!t.c) exit(3);
  double best = 1e9;
  for (int i = 0; i < REPEATS; i++) {
    double start = now();
    if (vft_gemm(&t) != VFT_OK) exit(3);
    double took = now() - start;
    best = took < best ? took : best;
  }
  double ops = 2.0 * (double)s->products * (double)s->m * (double)s->n * (double)s->k;
  printf("{\"name\":\"%s\",\"m\":%zu,\"n\":%zu,\"k\":%zu,\"products\":%zu,\"gops\":%.1f,"
         "\"microseconds\":%.1f,\"threads\":%d,\"tier\":\"%s\"}\n",
         s->name, s->m, s->n, s->k, s->products, ops / best * 1e-9, best * 1e6, vft_threads(),
         vft_simd_name(vft_simd_tier()));
  vft_free(a), vft_free(b), vft_free(t.c);
}

int main(int argc, char **argv) {
  size_t tokens = argc > 1 ? (size_t)atol(argv[1]) : 512;
  vft_threads_set(argc > 2 ? atoi(argv[2]) : 0);
  const vft_dtype h = VFT_I16, w = VFT_I32;
  const shape shapes[] = {
      {"query", tokens, 576, 576, 1, h, h, 13, 12, 0, 0},
      {"key", tokens, 192, 576, 1, h, h, 13, 12, 0, 0},
      {"gate", tokens, 1536, 576, 1, h, h, 13, 12, 0, 0},
      {"down", tokens, 576, 1536, 1, w, h, 31, 12, 0, 0},
      {"head", tokens, 49152, 576, 1, h, h, 13, 12, 0, 0},
      {"query backward", tokens, 576, 576, 1, h, h, 14, 12, 0, 1},
      {"gate backward", tokens, 576, 1536, 1, h, h, 14, 12, 0, 1},
      {"down backward", tokens, 1536, 576, 1, h, h, 14, 12, 0, 1},
      {"head backward", tokens, 576, 49152, 1, w, h, 26, 12, 0, 1},
      {"adapter A", tokens, 8, 576, 1, h, w, 13, 22, 0, 0},
      {"adapter B", tokens, 576, 8, 1, w, w, 24, 22, 0, 0},
      {"adapter B gradient", 1536, 8, tokens, 1, h, w, 14, 24, 1, 1},
      {"adapter A gradient", 8, 576, tokens, 1, w, h, 24, 13, 1, 1},
      {"scores", 128, 128, 64, 9 * (tokens / 128 + !(tokens / 128)), h, h, 13, 13, 0, 0},
      {"values", 128, 64, 128, 9 * (tokens / 128 + !(tokens / 128)), VFT_U16, h, 17, 13, 0, 1},
      {"key gradient", 128, 64, 128, 9 * (tokens / 128 + !(tokens / 128)), h, h, 13, 13, 1, 1},
  };
  for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) run(&shapes[i]);
  return 0;
}
