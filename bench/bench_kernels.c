/* Times of the hot kernels on one thread: minimum of several short runs, one JSON object a line.
 * Units: nanoseconds of processor time an operation. */
#define _GNU_SOURCE
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/cpu.h"
#include "base/mem.h"
#include "base/pool.h"
#include "field/batch.h"
#include "hash/blake3.h"
#include "hash/poseidon.h"
#include "merkle/tree.h"
#include "poly/rs.h"

static double now_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static char machine[128] = "unknown", commit[64] = "unknown";

static void first_line(char *out, size_t size, const char *command) {
  FILE *p = popen(command, "r");
  char line[128];
  if (p && fgets(line, sizeof line, p)) {
    line[strcspn(line, "\n\"\\")] = 0;
    if (*line) snprintf(out, size, "%s", line);
  }
  if (p) pclose(p);
}

static void report(const char *name, double ns) {
  printf("{\"name\":\"%s\",\"value\":%.4g,\"unit\":\"ns\",\"machine\":\"%s, %s\","
         "\"commit\":\"%s\"}\n", name, ns, machine, vft_simd_name(vft_simd_tier()), commit);
  fflush(stdout);
}

/* `runs` runs of `repeat` executions of the statement that follows, `ops` operations each. */
#define BENCH(name, runs, repeat, ops, ...)                    \
  do {                                                         \
    const double count = (double)(repeat) * (double)(ops);     \
    double best = 1e300;                                       \
    for (int run = 0; run < (runs); run++) {                   \
      double start = now_ns();                                 \
      for (int rep = 0; rep < (repeat); rep++) {               \
        __VA_ARGS__;                                           \
      }                                                        \
      double ns = (now_ns() - start) / count;                  \
      if (ns < best) best = ns;                                \
    }                                                          \
    report(name, best);                                        \
  } while (0)

static uint64_t seed = 1;
static vft_fp draw(void) {
  uint64_t z = (seed += 0x9e3779b97f4a7c15ull);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
  return vft_fp_from_u64(z ^ (z >> 31));
}

enum { N = 1024 }; /* operands of one run fit in the first-level cache */
static vft_fp a[N], b[N], c[N];
static vft_ext x[N], y[N], z[N];
static volatile uint64_t sink;

static void bench_field(void) {
  BENCH("field.mul_ns", 25, 1000, N, vft_fp_mul_n(c, a, b, N));
  BENCH("field.add_ns", 25, 1000, N, vft_fp_add_n(c, a, b, N));
  BENCH("field.dot_ns", 25, 1000, N, sink = vft_fp_dot_n(a, b, N).v);
  BENCH("ext3.mul_ns", 25, 400, N, vft_ext_mul_n(z, x, y, N));
  BENCH("ext3.mul_fp_ns", 25, 400, N, vft_ext_mul_fp_n(z, x, a, N));
  BENCH("ext3.dot_ns", 25, 400, N, sink = vft_ext_dot_n(x, y, N).c[0].v);
  BENCH("ext3.dot_fp_ns", 25, 400, N, sink = vft_ext_dot_elem(VFT_ELEM_FP, a, y, N).c[0].v);
  BENCH("ext3.axpy_fp_ns", 25, 400, N, vft_ext_axpy_elem(z, y[1], VFT_ELEM_FP, a, N));
  BENCH("ext3.fold_ns", 25, 400, N / 2, vft_ext_fold_low(z, x, N, y[1]));
  BENCH("ext3.eq_ns", 25, 400, N, vft_eq_table(z, x, 10, y[1], N));
}

static int bench_encode(void) {
  enum { LOG = 13 };
  vft_rs *code;
  if (vft_rs_new(&code, LOG, 1) != VFT_OK) return 1;
  size_t len = (size_t)8 << LOG;
  vft_fp *in = vft_alloc(len, 8), *out = vft_alloc(2 * len, 8);
  if (!in || !out) return 1;
  for (size_t i = 0; i < len; i++) in[i] = draw();
  BENCH("rs.encode_elem_ns", 9, 20, 2 * len, vft_rs_encode8(code, in, out));
  vft_free(in);
  vft_free(out);
  vft_rs_free(code);
  return 0;
}

/* A commitment end to end (load, interleave, encode at rate 1/2, leaves, tree), an element of the
 * message; message length 2^13, 2^22 elements. */
static int bench_commit(void) {
  enum { LOG = 13, ROWS = 512 };
  vft_rs *code;
  if (vft_rs_new(&code, LOG, 1) != VFT_OK) return 1;
  size_t total = (size_t)ROWS << LOG;
  vft_fp *rows = vft_alloc(total, 8);
  if (!rows) return 1;
  for (size_t i = 0; i < total; i++) rows[i] = draw();
  vft_rows_fp_ctx source = {rows, (size_t)1 << LOG, total};
  for (int keep = 0; keep < 2; keep++)
    BENCH(keep ? "commit.keep_elem_ns" : "commit.elem_ns", 7, 1, total, {
      vft_merkle *t;
      if (vft_merkle_commit(&t, VFT_HASH_BLAKE3, code, ROWS, vft_rows_fp, &source, keep) != VFT_OK)
        return 1;
      vft_merkle_free(t);
    });
  BENCH("commit.poseidon_elem_ns", 3, 1, total, {
    vft_merkle *t;
    if (vft_merkle_commit(&t, VFT_HASH_POSEIDON, code, ROWS, vft_rows_fp, &source, false) != VFT_OK)
      return 1;
    vft_merkle_free(t);
  });
  vft_free(rows);
  vft_rs_free(code);
  return 0;
}

static void bench_hash(void) {
  enum { STATES = 256, NODES = 4096, BYTES = 1 << 16, LONG = 16 << 20 };
  static vft_poseidon_state st[STATES];
  static uint8_t in[64 * NODES];
  static vft_digest out[NODES];
  static uint8_t message[LONG];
  for (size_t i = 0; i < LONG; i++) message[i] = (uint8_t)(i * 251);
  for (int k = 0; k < STATES; k++)
    for (int i = 0; i < VFT_POSEIDON_WIDTH; i++) st[k].s[i] = draw();
  BENCH("poseidon.perm_ns", 15, 20, STATES, vft_poseidon_permute(st, STATES));
  BENCH("poseidon.one_ns", 15, 20, STATES,
        for (int k = 0; k < STATES; k++) vft_poseidon_permute(st + k, 1));
  BENCH("blake3.node_ns", 15, 20, NODES, vft_blake3_nodes(in, out, NODES));
  BENCH("blake3.byte_ns", 9, 10, BYTES, sink = vft_blake3_hash(in, BYTES).b[0]);
  BENCH("blake3.long_byte_ns", 9, 1, LONG, {
    vft_digest d;
    vft_blake3 h;
    vft_blake3_init(&h);
    vft_blake3_update_long(&h, message, LONG);
    vft_blake3_final(&h, d.b, sizeof d.b);
    sink = d.b[0];
  });
}

int main(void) {
  first_line(machine, sizeof machine, "sed -n 's/^model name[^:]*: *//p' /proc/cpuinfo");
  first_line(commit, sizeof commit, "git rev-parse --short HEAD 2>/dev/null");
  vft_threads_set(1);
  for (int i = 0; i < N; i++) {
    a[i] = draw(), b[i] = draw();
    x[i] = (vft_ext){{draw(), draw(), draw()}}, y[i] = (vft_ext){{draw(), draw(), draw()}};
  }
  bench_field();
  bench_hash();
  if (bench_encode() || bench_commit()) {
    fprintf(stderr, "bench_kernels: %s\n", vft_error_message());
    return VFT_RESOURCE;
  }
  return 0;
}
