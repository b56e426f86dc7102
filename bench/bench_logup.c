/* Times LogUp-GKR: bench_logup [log2 of the fractions [threads [recompute]]]. One JSON line a
 * figure; ns per fraction (lookups and table rows together). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "argument/logup.h"
#include "base/cpu.h"
#include "base/mem.h"
#include "base/pool.h"
#include "field/batch.h"

enum { TABLE = 1 << 17, WIDTH = 16, REPEATS = 5 };

static double now(clockid_t clock) {
  struct timespec t;
  clock_gettime(clock, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static uint64_t seed = 1;
static uint64_t next64(void) {
  uint64_t z = seed += 0x9e3779b97f4a7c15ull;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
  return z ^ (z >> 31);
}

/* Lookups (16, v, 0, 0) of 16-bit values, then the range table's rows (w, v, 0, 0). */
typedef struct {
  const int32_t *value;
  size_t lookups;
  const vft_fp *mult;
  vft_ext alpha, beta;
} job;

static bool fill(void *ctx, size_t start, size_t count, vft_fp *num, vft_ext *den) {
  const job *b = ctx;
  vft_ext minus = vft_ext_neg(b->beta);
  size_t i = 0, here = start >= b->lookups ? 0 : b->lookups - start;
  if (here > count) here = count;
  vft_ext constant = vft_ext_sub(b->alpha, vft_ext_from_i64(WIDTH));
  for (; i < here; i++) den[i] = constant;
  vft_ext_axpy_elem(den, minus, VFT_ELEM_I32, b->value + start, here);
  if (here == count) return true;
  for (size_t k = 0; k < here; k++) num[k] = (vft_fp){1};
  for (; i < count; i++) {
    size_t row = start + i - b->lookups;
    unsigned w = row ? 63u - (unsigned)__builtin_clzll(row) : 0;
    int64_t v = row ? (int64_t)(row - ((size_t)1 << w)) : 0;
    num[i] = b->mult[row];
    den[i] = vft_ext_sub(vft_ext_sub(b->alpha, vft_ext_from_i64(w)),
                         vft_ext_mul_fp(b->beta, vft_fp_from_i64(v)));
  }
  return false;
}

static void report(const char *name, double value, const char *unit) {
  printf("{\"name\":\"%s\",\"value\":%.4g,\"unit\":\"%s\",\"machine\":\"%s\",\"commit\":\"%s\"}\n",
         name, value, unit, vft_simd_name(vft_simd_tier()),
         getenv("VFT_COMMIT") ? getenv("VFT_COMMIT") : "");
}

int main(int argc, char **argv) {
  unsigned n = argc > 1 ? (unsigned)atoi(argv[1]) : 22, threads = argc > 2 ? atoi(argv[2]) : 1;
  unsigned recompute = argc > 3 ? (unsigned)atoi(argv[3]) : 0;
  if (n < 18 || n > 30) return 2;
  vft_threads_set((int)threads);
  size_t real = (size_t)1 << n;
  job b = {.lookups = real - TABLE};
  int32_t *value = vft_alloc_raw(b.lookups, sizeof *value);
  vft_fp *mult = vft_alloc(TABLE, sizeof *mult);
  if (!value || !mult) return 3;
  for (size_t i = 0; i < b.lookups; i++) {
    value[i] = (int32_t)(next64() & 0xffff);
    vft_fp *m = &mult[(1 << WIDTH) + value[i]];
    *m = vft_fp_sub(*m, (vft_fp){1});
  }
  b.value = value;
  b.mult = mult;
  for (int k = 0; k < 3; k++) {
    b.alpha.c[k] = vft_fp_from_u64(next64());
    b.beta.c[k] = vft_fp_from_u64(next64());
  }
  /* Warm memory, as in a prover that goes through many proofs. */
  size_t plan = vft_logup_plan(n, real, recompute, TABLE / VFT_LOGUP_TILE + 1);
  void *workspace = vft_alloc_raw(plan, 1);
  if (!workspace) return 3;
  memset(workspace, 1, plan);
  vft_logup_leaves leaves = {fill, &b, recompute, workspace, plan};

  double best = 1e30, work = 1e30, check = 1e30, source = 1e30;
  size_t len = 0;
  for (int r = 0; r < REPEATS; r++) {
    vft_channel *ch = vft_channel_prover("bench", VFT_HASH_BLAKE3);
    vft_logup_claim claim, seen;
    double start = now(CLOCK_MONOTONIC), cpu = now(CLOCK_PROCESS_CPUTIME_ID);
    if (vft_logup_run(ch, n, real, &leaves, &claim) != VFT_OK) {
      fprintf(stderr, "%s\n", vft_error_message());
      return 1;
    }
    double t = now(CLOCK_MONOTONIC) - start;
    if (t < best) best = t;
    t = now(CLOCK_PROCESS_CPUTIME_ID) - cpu;
    if (t < work) work = t;
    const uint8_t *proof = vft_channel_proof(ch, &len);
    start = now(CLOCK_PROCESS_CPUTIME_ID);
    vft_channel *v = vft_channel_verifier("bench", VFT_HASH_BLAKE3, proof, len);
    if (vft_logup_run(v, n, real, NULL, &seen) != VFT_OK || vft_channel_finish(v) != VFT_OK ||
        memcmp(&claim, &seen, sizeof claim)) {
      fprintf(stderr, "verifier: %s\n", vft_error_message());
      return 1;
    }
    t = now(CLOCK_PROCESS_CPUTIME_ID) - start;
    if (t < check) check = t;
    vft_channel_free(v);
    vft_channel_free(ch);
    static vft_fp num[VFT_LOGUP_TILE];
    static vft_ext den[VFT_LOGUP_TILE];
    start = now(CLOCK_PROCESS_CPUTIME_ID);
    for (size_t i = 0; i < b.lookups / VFT_LOGUP_TILE; i++) {
      fill(&b, i * VFT_LOGUP_TILE, VFT_LOGUP_TILE, num, den);
    }
    t = now(CLOCK_PROCESS_CPUTIME_ID) - start;
    if (t < source) source = t;
  }
  report("logup.lookup_ns", best * 1e9 / (double)real, "ns");
  report("logup.lookup_cpu_ns", work * 1e9 / (double)real, "ns"); /* of all threads */
  report("logup.fill_ns", source * 1e9 / (double)b.lookups, "ns");
  report("logup.verify_ms", check * 1e3, "ms");
  report("logup.proof_bytes", (double)len, "bytes");
  report("logup.memory_bytes_per_lookup", (double)plan / (double)real, "bytes");
  report("logup.threads", threads, "");
  vft_free(workspace);
  vft_free(value);
  vft_free(mult);
  return 0;
}
