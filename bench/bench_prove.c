/* Proves and verifies a synthetic program shaped like the feed-forward part of a transformer:
 * two requantised projections, a table function, a requantised Hadamard product, a projection
 * back and a per-token scale, stacked over layers.
 *   bench_prove [layers] [tokens] [log_columns] [keep] [repeats]
 * The last repeat is reported (the first one also pays for fresh memory).
 * Prints the profile by stage, proof size and verification time; one JSON line at the end. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/pool.h"
#include "prove/prove.h"

enum { D = 576, F = 1536, SHIFT = 12, RMS_SHIFT = 8 };

static uint64_t seed = 88172645463325252ull;
static int64_t rnd(int64_t lo, int64_t hi) {
  seed ^= seed << 13;
  seed ^= seed >> 7;
  seed ^= seed << 17;
  return lo + (int64_t)(seed % (uint64_t)(hi - lo + 1));
}
static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}
static void check(vft_status st) {
  if (st == VFT_OK) return;
  fprintf(stderr, "%s\n", vft_error_message());
  exit(1);
}

static vft_program *p;
static vft_tensor_id tensor(const char *name, vft_origin o, uint32_t group, int64_t lo, int64_t hi,
                            uint32_t rank, uint32_t a, uint32_t b, uint32_t c) {
  vft_tensor t = {.name = name, .origin = o, .group = group, .rank = rank, .dims = {a, b, c},
                  .lo = lo, .hi = hi};
  vft_tensor_id id = vft_program_add_tensor(p, &t);
  if (id == VFT_NO_TENSOR) check(VFT_USAGE);
  return id;
}
static vft_factor factor(vft_tensor_id t, const char *letters) {
  vft_factor f = {.tensor = t};
  for (int i = 0; letters[i]; i++) f.idx[i] = (uint8_t)(letters[i] - 'a');
  return f;
}
static void zero(const char *name, const uint32_t *size, uint32_t n, uint32_t nfree,
                 vft_term *terms, uint32_t nterms) {
  vft_relation r = {.name = name, .nindex = n, .nfree = nfree, .nterms = nterms, .terms = terms};
  memcpy(r.size, size, n * sizeof *size);
  if (vft_program_add_relation(p, &r) == UINT32_MAX) check(VFT_USAGE);
}
/* RANGE lookup of x + bias, width bits */
static void range(const char *name, const uint32_t *size, uint32_t n, vft_tensor_id x,
                  int64_t bias, int64_t bits) {
  vft_term width = {.coef = bits};
  vft_term value[2] = {{.coef = 1, .nfactors = 1, .factor = {factor(x, "abc")}}, {.coef = bias}};
  vft_lookup l = {.name = name, .nindex = n, .col = {{1, &width}, {2, value}}};
  memcpy(l.size, size, n * sizeof *size);
  if (vft_program_add_lookup(p, &l) == UINT32_MAX) check(VFT_USAGE);
}

static void *data(vft_trace *t, vft_tensor_id id) {
  check(vft_trace_alloc(t, id));
  return t->array[id].data;
}

typedef struct {
  const int16_t *x, *w;
  int16_t *q;
  uint16_t *r;
  size_t rows, in, out, per_layer;
} product;

static void product_rows(void *ctx, size_t begin, size_t end) {
  const product *m = ctx;
  for (size_t i = begin; i < end; i++)
    for (size_t j = 0; j < m->out; j++) {
      const int16_t *x = m->x + i * m->in, *w = m->w + (i / m->per_layer * m->out + j) * m->in;
      int64_t acc = 1 << (SHIFT - 1);
      int32_t part = 0;
      for (size_t k = 0; k < m->in; k++) part += x[k] * w[k];
      acc += part;
      m->q[i * m->out + j] = (int16_t)(acc >> SHIFT);
      m->r[i * m->out + j] = (uint16_t)(acc & ((1 << SHIFT) - 1));
    }
}

int main(int argc, char **argv) {
  uint32_t L = argc > 1 ? (uint32_t)atoi(argv[1]) : 4, S = argc > 2 ? (uint32_t)atoi(argv[2]) : 84;
  unsigned c = argc > 3 ? (unsigned)atoi(argv[3]) : 14;
  bool keep = argc > 4 && atoi(argv[4]);
  p = vft_program_new("bench", c);
  vft_program_add_link(p, "in", false);
  vft_program_add_oracle(p, "weights");
  vft_tensor_id x = tensor("x", VFT_LINK, 0, -2048, 2047, 3, L, S, D);
  vft_tensor_id wu = tensor("wu", VFT_ORACLE, 0, -127, 127, 3, L, F, D);
  vft_tensor_id wg = tensor("wg", VFT_ORACLE, 0, -127, 127, 3, L, F, D);
  vft_tensor_id wd = tensor("wd", VFT_ORACLE, 0, -127, 127, 3, L, D, F);
  vft_tensor_id silu = tensor("silu", VFT_ORACLE, 0, -32768, 32767, 1, 1 << 16, 0, 0);
  vft_tensor_id u = tensor("u", VFT_WITNESS, 0, -32768, 32767, 3, L, S, F);
  vft_tensor_id ru = tensor("ru", VFT_WITNESS, 0, 0, 4095, 3, L, S, F);
  vft_tensor_id g = tensor("g", VFT_WITNESS, 0, -32768, 32767, 3, L, S, F);
  vft_tensor_id rg = tensor("rg", VFT_WITNESS, 0, 0, 4095, 3, L, S, F);
  vft_tensor_id a = tensor("a", VFT_WITNESS, 0, -32768, 32767, 3, L, S, F);
  vft_tensor_id h = tensor("h", VFT_WITNESS, 0, -32768, 32767, 3, L, S, F);
  vft_tensor_id rh = tensor("rh", VFT_WITNESS, 0, 0, 65535, 3, L, S, F);
  vft_tensor_id y = tensor("y", VFT_WITNESS, 0, -32768, 32767, 3, L, S, D);
  vft_tensor_id ry = tensor("ry", VFT_WITNESS, 0, 0, 4095, 3, L, S, D);
  vft_tensor_id scale = tensor("scale", VFT_WITNESS, 0, 0, 255, 2, L, S, 0);
  vft_tensor_id z = tensor("z", VFT_WITNESS, 0, -32768, 32767, 3, L, S, D);
  vft_tensor_id rz = tensor("rz", VFT_WITNESS, 0, 0, 255, 3, L, S, D);
  vft_tensor_id mr = tensor("range/mult", VFT_WITNESS, 0, 0, UINT32_MAX, 1, 1 << 17, 0, 0);
  vft_tensor_id ms = tensor("silu/mult", VFT_WITNESS, 0, 0, UINT32_MAX, 1, 1 << 16, 0, 0);
  vft_table rt = {.name = "range", .kind = VFT_TABLE_RANGE, .rows = 1 << 17,
                  .out = {VFT_NO_TENSOR, VFT_NO_TENSOR, VFT_NO_TENSOR}, .mult = mr};
  vft_table st = {.name = "silu", .kind = VFT_TABLE_FUNCTION, .tag = 32, .first = -32768,
                  .rows = 1 << 16, .out = {silu, VFT_NO_TENSOR, VFT_NO_TENSOR}, .mult = ms};
  vft_program_add_table(p, &rt);
  vft_program_add_table(p, &st);
  uint32_t lsf[] = {L, S, F, D}, lsd[] = {L, S, D, F}, ls[] = {L, S};
  struct {
    const char *name;
    vft_tensor_id in, w, q, r;
    const uint32_t *size;
  } proj[] = {{"up", x, wu, u, ru, lsf}, {"gate", x, wg, g, rg, lsf}, {"down", h, wd, y, ry, lsd}};
  for (int i = 0; i < 3; i++) {
    vft_term t[] = {{.coef = 1, .nfactors = 2,
                     .factor = {factor(proj[i].in, "abd"), factor(proj[i].w, "acd")}},
                    {.coef = 1 << (SHIFT - 1)},
                    {.coef = -(1 << SHIFT), .nfactors = 1, .factor = {factor(proj[i].q, "abc")}},
                    {.coef = -1, .nfactors = 1, .factor = {factor(proj[i].r, "abc")}}};
    zero(proj[i].name, proj[i].size, 4, 3, t, 4);
  }
  vft_term th[] = {{.coef = 1, .nfactors = 2, .factor = {factor(a, "abc"), factor(u, "abc")}},
                   {.coef = 1 << 15},
                   {.coef = -65536, .nfactors = 1, .factor = {factor(h, "abc")}},
                   {.coef = -1, .nfactors = 1, .factor = {factor(rh, "abc")}}};
  zero("hadamard", lsf, 3, 3, th, 4);
  vft_term tz[] = {{.coef = 1, .nfactors = 2, .factor = {factor(y, "abc"), factor(scale, "ab")}},
                   {.coef = 128},
                   {.coef = -256, .nfactors = 1, .factor = {factor(z, "abc")}},
                   {.coef = -1, .nfactors = 1, .factor = {factor(rz, "abc")}}};
  zero("scale", lsd, 3, 3, tz, 4);
  range("u/range", lsf, 3, u, 32768, 16);
  range("ru/range", lsf, 3, ru, 0, 12);
  range("rg/range", lsf, 3, rg, 0, 12);
  range("h/range", lsf, 3, h, 32768, 16);
  range("rh/range", lsf, 3, rh, 0, 16);
  range("y/range", lsd, 3, y, 32768, 16);
  range("ry/range", lsd, 3, ry, 0, 12);
  range("z/range", lsd, 3, z, 32768, 16);
  range("rz/range", lsd, 3, rz, 0, 8);
  range("scale/range", ls, 2, scale, 0, 8);
  vft_term tag = {.coef = 32}, tg = {.coef = 1, .nfactors = 1, .factor = {factor(g, "abc")}};
  vft_term ta = {.coef = 1, .nfactors = 1, .factor = {factor(a, "abc")}};
  vft_lookup sl = {.name = "silu", .nindex = 3, .col = {{1, &tag}, {1, &tg}, {1, &ta}}};
  memcpy(sl.size, lsf, 3 * sizeof *lsf);
  vft_program_add_lookup(p, &sl);
  check(vft_program_check_bounds(p));

  double t0 = now();
  vft_trace t;
  check(vft_trace_init(&t, p));
  size_t n = (size_t)L * S;
  int16_t *vx = data(&t, x), *vu = data(&t, u), *vg = data(&t, g), *va = data(&t, a);
  int16_t *vh = data(&t, h), *vy = data(&t, y), *vz = data(&t, z), *vs = data(&t, silu);
  uint16_t *vrh = data(&t, rh);
  int16_t *vru = data(&t, ru), *vrg = data(&t, rg), *vry = data(&t, ry);
  int16_t *vrz = data(&t, rz), *vsc = data(&t, scale);
  int8_t *w8[3] = {data(&t, wu), data(&t, wg), data(&t, wd)};
  size_t nw = (size_t)L * D * F;
  int16_t *w16 = malloc(nw * 2);
  for (int k = 0; k < 3; k++)
    for (size_t i = 0; i < nw; i++) w8[k][i] = (int8_t)rnd(-127, 127);
  for (size_t i = 0; i < n * D; i++) vx[i] = (int16_t)rnd(-2048, 2047);
  for (int i = 0; i < 65536; i++) vs[i] = (int16_t)((i - 32768) / (i < 32768 ? 16 : 1));
  for (size_t i = 0; i < n; i++) vsc[i] = (int16_t)rnd(0, 255);
  for (size_t i = 0; i < nw; i++) w16[i] = w8[0][i];
  product m = {vx, w16, vu, (uint16_t *)vru, n, D, F, S};
  vft_parallel_for(n, 16, product_rows, &m);
  for (size_t i = 0; i < nw; i++) w16[i] = w8[1][i];
  m = (product){vx, w16, vg, (uint16_t *)vrg, n, D, F, S};
  vft_parallel_for(n, 16, product_rows, &m);
  for (size_t i = 0; i < n * F; i++) {
    va[i] = vs[vg[i] + 32768];
    int64_t acc = (int64_t)va[i] * vu[i] + 32768;
    vh[i] = (int16_t)(acc >> 16);
    vrh[i] = (uint16_t)(acc & 65535);
  }
  for (size_t i = 0; i < nw; i++) w16[i] = w8[2][i];
  m = (product){vh, w16, vy, (uint16_t *)vry, n, F, D, S};
  vft_parallel_for(n, 16, product_rows, &m);
  free(w16);
  for (size_t i = 0; i < n * D; i++) {
    int64_t acc = (int64_t)vy[i] * vsc[i / D] + 128;
    vz[i] = (int16_t)(acc >> 8);
    vrz[i] = (int16_t)(acc & 255);
  }
  check(vft_trace_complete(&t));
  check(vft_trace_count_lookups(&t));
  vft_cost cost;
  check(vft_program_cost(p, &cost));
  printf("trace %.2f s: %zu committed + %zu link, %zu lookups\n", now() - t0, cost.witness,
         cost.link, cost.lookups);

  vft_proof_options options = vft_proof_options_default();
  vft_prove_options how = {.keep_codewords = keep};
  vft_commitment *link, *oracle;
  t0 = now();
  check(vft_commit_group(&link, &t, VFT_LINK, 0, options.log_inv_rate, VFT_HASH_BLAKE3, 0));
  double t_link = now() - t0;
  t0 = now();
  check(vft_commit_group(&oracle, &t, VFT_ORACLE, 0, options.log_inv_rate, VFT_HASH_BLAKE3, 0));
  printf("link tree %.2f s, oracle tree %.2f s (%zu elements)\n", t_link, now() - t0, cost.oracle);
  vft_digest root = vft_commitment_root(link), oroot = vft_commitment_root(oracle);
  vft_proof proof, opening;
  vft_oracle_claims mine = {0}, theirs = {0};
  vft_prove_profile profile;
  vft_prove_plan plan;
  check(vft_prove_plan_init(&plan, p, &options, &how));
  size_t live = vft_alloc_live();
  printf("plan (MB): commit %.0f lookups %.0f products %.0f opening %.0f kept %.0f, peak %.0f on "
         "top of %.0f\n",
         (double)plan.commit / 1e6, (double)plan.lookups / 1e6, (double)plan.products / 1e6,
         (double)plan.opening / 1e6, (double)plan.kept / 1e6, (double)plan.peak / 1e6,
         (double)live / 1e6);
  double t_prove = 0;
  for (int repeat = argc > 5 ? atoi(argv[5]) : 1; repeat > 0; repeat--) {
    t0 = now();
    mine = (vft_oracle_claims){0};
    check(vft_prove(p, &t, &link, &oroot, &options, &how, &proof, &mine, &profile));
    t_prove = now() - t0;
  }
  vft_prove_profile_print(&profile, stdout);
  vft_statement statement = {p, NULL, &root, &oroot};
  vft_soundness account;
  t0 = now();
  check(vft_verify_proof(&statement, &options, (vft_verify_flags){.bounds_checked = true},
                         proof.bytes, proof.len, &theirs, &account));
  double t_verify = now() - t0;
  printf("proof %zu bytes, verified in %.3f s\n", proof.len, t_verify);
  vft_soundness_print(&account, stdout);
  vft_tree_info info = vft_commitment_info(oracle);
  t0 = now();
  check(vft_prove_oracles(&oracle, 1, &mine, &options, &opening));
  double t_oracle = now() - t0;
  t0 = now();
  check(vft_verify_oracles(&info, 1, c, &theirs, &options, (vft_verify_flags){0}, opening.bytes,
                           opening.len, NULL));
  printf("oracle opening: %u claims, %.2f s, %zu bytes, verified in %.3f s\n", mine.n, t_oracle,
         opening.len, now() - t0);
  printf("{\"name\": \"prove.elem_ns\", \"value\": %.1f, \"unit\": \"ns\"}\n",
         1e9 * t_prove / (double)(cost.witness + cost.link));
  return 0;
}
