/* Proves and verifies a program of 2^log Poseidon permutations and nothing else.
 *   bench_poseidon_relations [log] [variant] [log_columns] [threads] [after] [circuit]
 * variant: `box` (vft_build_poseidon) or the mask of committed rounds (vft_build_poseidon_chain),
 * 0x11 when left out; without bit 0 the first round's input is a virtual sum of committed tensors.
 * after = 0: the states after the permutations are a virtual tensor, else a term. circuit: under
 * the options of circuits' proofs, as bench_blake3_relations has them. Prints user microseconds a
 * permutation by stage, memory, the proof's length, extension elements sent and the verifier's
 * time. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "base/pool.h"
#include "gadget/poseidon_box.h"
#include "gadget/poseidon_fill.h"
#include "prove/prove.h"
#include "recurse/node.h"

static void check(vft_status st) {
  if (st == VFT_OK) return;
  fprintf(stderr, "%s\n", vft_error_message());
  exit(1);
}

/* User time only: what fresh memory costs the kernel varies. */
static double now(void) {
  struct rusage r;
  getrusage(RUSAGE_SELF, &r);
  return (double)r.ru_utime.tv_sec + 1e-6 * (double)r.ru_utime.tv_usec;
}

static double since, most = 1;
static vft_status stage(void *ctx, const char *name) {
  (void)ctx;
  double t = now();
  printf("%-10s %8.2f us\n", name, 1e6 * (t - since) / most);
  since = now();
  return VFT_OK;
}

/* Counts what is sent: linked with --wrap. */
static size_t sent, opening_sent;
vft_status __real_vft_channel_send_ext(vft_channel *ch, const char *label, vft_ext *v, size_t n);
vft_status __wrap_vft_channel_send_ext(vft_channel *ch, const char *label, vft_ext *v, size_t n);
vft_status __wrap_vft_channel_send_ext(vft_channel *ch, const char *label, vft_ext *v, size_t n) {
  *(strncmp(label, "whir", 4) ? &sent : &opening_sent) += n;
  return __real_vft_channel_send_ext(ch, label, v, n);
}

#ifdef VFT_COUNT
size_t vft_muls;
#endif

static int64_t *field(vft_trace *t, vft_tensor_id id) {
  check(vft_trace_alloc(t, id));
  return t->array[id].data;
}

int main(int argc, char **argv) {
  unsigned log = argc > 1 ? (unsigned)atoi(argv[1]) : 14;
  bool box = argc > 2 && !strcmp(argv[2], "box");
  unsigned mask = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 0) : VFT_POSEIDON_COMMITTED;
  unsigned columns = argc > 3 ? (unsigned)atoi(argv[3]) : 14;
  size_t n = (size_t)1 << log;
  vft_threads_set(argc > 4 ? atoi(argv[4]) : 1);
  vft_builder b;
  memset(&b, 0, sizeof b);
  b.p = vft_program_new("poseidon", columns);
  b.arena = &b.p->arena;
  b.size['n'] = (uint32_t)n;
  b.size['z'] = 1;
  b.size['I'] = 12;
  vft_poseidon_constants constants = {0};
  vft_tensor_id in = vft_build_field(&b, VFT_WITNESS, 0, "in", "nI", NULL);
  vft_tensor_id out = vft_build_field(&b, VFT_WITNESS, 0, "out", "nI", NULL);
  vft_poseidon_box p = {0};
  vft_poseidon_chain c = {0};
  if (box)
    p = vft_build_poseidon(&b, &constants, "p", "n");
  vft_build_poseidon_constants(&b, &constants);
  vft_raw_term t[3] = {VFT_RAW1(1, constants.first_rc, "I"), VFT_RAW1(1, in, "nI")};
  if (!box) {
    vft_tensor_id x = VFT_NO_TENSOR;
    if (!(mask & 1)) x = vft_build_field_define(&b, "x0", "nI", t, 2);
    c = vft_build_poseidon_chain(&b, &constants, "p", "n", x, mask);
  }
  t[2] = VFT_RAW1(-1, box ? p.x : c.x[0], box ? "nzI" : "nI");
  if (box || mask & 1) vft_build_field_zero(&b, "in", "nI", t, 3);
  bool after = !box && (argc <= 5 || atoi(argv[5]));
  vft_tensor_id end = box ? p.out : after ? VFT_NO_TENSOR
                                          : vft_build_poseidon_out(&b, &constants, &c, "end");
  vft_raw_term o[2] = {VFT_RAW1(1, out, "nI"), VFT_RAW1(-1, end, "nI")};
  if (after) o[1] = vft_build_poseidon_after(&b, &constants, &c, -1, "n", "I");
  vft_build_field_zero(&b, "out", "nI", o, 2);
  check(b.status);
  check(vft_program_check_bounds(b.p));

  vft_trace trace;
  check(vft_trace_init(&trace, b.p));
  int64_t *vin = field(&trace, in), *vout = field(&trace, out);
  vft_poseidon_arrays pa = {0};
  vft_poseidon_chain_arrays ca = {0};
  if (box) {
    pa = (vft_poseidon_arrays){field(&trace, p.x), field(&trace, p.cube), field(&trace, p.y),
                               field(&trace, p.y_cube)};
  } else {
    for (int r = 0; r < VFT_POSEIDON_FULL; r++) ca.x[r] = field(&trace, c.x[r]);
    ca.y = field(&trace, c.y);
    if (!after) ca.out = field(&trace, end);
  }
  uint64_t seed = 88172645463325252ull;
  since = now();
  most = (double)n;
  vft_poseidon_state *s = vft_alloc(n, sizeof *s);
  if (!s) check(VFT_RESOURCE);
  for (size_t i = 0; i < 12 * n; i++) {
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    s[i / 12].s[i % 12] = vft_fp_from_u64(seed);
    vin[i] = vft_field_signed(s[i / 12].s[i % 12]);
  }
  if (box)
    for (size_t i = 0; i < n; i++) vft_poseidon_fill(&pa, i, &s[i]);
  else
    vft_poseidon_chain_fill(&ca, 0, n, s);
  for (size_t i = 0; i < 12 * n; i++) vout[i] = vft_field_signed(s[i / 12].s[i % 12]);
  vft_free(s);
  check(vft_trace_complete(&trace));
  check(stage(NULL, "trace"));
  vft_cost cost;
  check(vft_program_cost(b.p, &cost));
  bool circuit = argc > 6 && atoi(argv[6]);
  vft_proof_options options = circuit ? vft_node_options() : vft_proof_options_default();
  vft_prove_options how = {.stage = stage};
  vft_proof proof;
  vft_prove_plan plan;
  check(vft_prove_plan_init(&plan, b.p, &options, &how));
  printf("plan (MB): commit %.1f, products %.1f, opening %.1f\n", (double)plan.commit / 1e6,
         (double)plan.products / 1e6, (double)plan.opening / 1e6);
  size_t live = vft_alloc_live();
  vft_prove_profile profile;
  sent = opening_sent = 0; /* the plan rehearses */
  double begin = since = now();
  check(vft_prove(b.p, &trace, NULL, NULL, &options, &how, &proof, NULL, &profile));
  double total = now() - begin;
  printf("total      %8.2f us, %.0f elements committed\n", 1e6 * total / most,
         (double)cost.witness / most);
  for (uint32_t i = 0; i < profile.n; i++)
    printf("%-10s peak %.1f MB\n", profile.stage[i].name,
           (double)(profile.stage[i].peak - live) / 1e6);
  printf("proof %zu bytes; %zu extension elements before the opening, %zu in it\n", proof.len, sent,
         opening_sent);
  vft_statement statement = {b.p, NULL, NULL, NULL};
#ifdef VFT_COUNT
  vft_muls = 0;
#endif
  double v = now();
  check(vft_verify_proof(&statement, &options, (vft_verify_flags){.bounds_checked = true},
                         proof.bytes, proof.len, NULL, NULL));
  printf("verified in %.1f ms\n", 1e3 * (now() - v));
#ifdef VFT_COUNT
  printf("%zu extension multiplications\n", vft_muls);
#endif
  printf("{\"name\": \"poseidon_relations\", \"value\": %.2f, \"unit\": \"us\"}\n", 1e6 * total / most);
  return 0;
}
