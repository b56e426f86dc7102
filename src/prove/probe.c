#include "prove/probe.h"

#include <string.h>

#include "prove/prove.h"

/* Two sizes, to tell what an opening costs whatever its size from what an element costs. */
enum { SMALL_LOG = 16, LARGE_LOG = 21, COLUMNS = 15, TENSORS = 4 };

/* x y = 2^16 q + r, all of 16 bits: four looked up tensors and one product, the mix of a
 * requantised multiplication. */
static vft_program *build(unsigned log_n, vft_tensor_id id[TENSORS]) {
  static const char *const name[TENSORS] = {"x", "y", "q", "r"};
  vft_program *p = vft_program_new("probe", COLUMNS);
  if (!p) return NULL;
  for (int i = 0; i < TENSORS; i++) {
    vft_tensor t = {.name = name[i], .origin = VFT_WITNESS, .rank = 1, .dims = {1u << log_n},
                    .lo = 0, .hi = 65535};
    id[i] = vft_program_add_tensor(p, &t);
  }
  vft_tensor m = {.name = "mult", .origin = VFT_WITNESS, .rank = 1, .dims = {1u << 17}, .lo = 0,
                  .hi = INT32_MAX};
  vft_table range = {.name = "range", .kind = VFT_TABLE_RANGE, .rows = 1 << 17,
                     .out = {VFT_NO_TENSOR, VFT_NO_TENSOR}, .mult = vft_program_add_tensor(p, &m)};
  vft_term term[3] = {{.coef = 1, .nfactors = 2, .factor = {{.tensor = id[0]}, {.tensor = id[1]}}},
                      {.coef = -65536, .nfactors = 1, .factor = {{.tensor = id[2]}}},
                      {.coef = -1, .nfactors = 1, .factor = {{.tensor = id[3]}}}};
  vft_relation rel = {.name = "product", .kind = VFT_ZERO, .target = VFT_NO_TENSOR, .nindex = 1,
                      .nfree = 1, .size = {1u << log_n}, .nterms = 3, .terms = term};
  bool ok = vft_program_add_table(p, &range) != UINT32_MAX &&
            vft_program_add_relation(p, &rel) != UINT32_MAX;
  for (int i = 0; ok && i < TENSORS; i++) {
    vft_term tag = {.coef = 16}, value = {.coef = 1, .nfactors = 1, .factor = {{.tensor = id[i]}}};
    vft_lookup lookup = {.name = name[i], .nindex = 1, .size = {1u << log_n},
                         .col = {{1, &tag}, {1, &value}}};
    ok = vft_program_add_lookup(p, &lookup) != UINT32_MAX;
  }
  if (ok) return p;
  vft_program_free(p);
  return NULL;
}

static vft_status fill(vft_trace *trace, unsigned log_n, const vft_tensor_id id[TENSORS]) {
  for (int i = 0; i < TENSORS; i++) TRY(vft_trace_alloc(trace, id[i]));
  uint32_t state = 1;
  for (size_t k = 0; k < (size_t)1 << log_n; k++) {
    state = state * 1664525u + 1013904223u;
    uint32_t x = state >> 16, y = (state * 40503u) >> 16, v[TENSORS] = {x, y, x * y >> 16,
                                                                       x * y & 65535};
    for (int i = 0; i < TENSORS; i++) vft_array_set(&trace->array[id[i]], k, v[i]);
  }
  return vft_trace_count_lookups(trace);
}

static double stage(const vft_prove_profile *p, const char *name) {
  for (uint32_t i = 0; i < p->n; i++)
    if (!strcmp(p->stage[i].name, name)) return p->stage[i].seconds;
  return 0;
}

/* The second of two proofs: the first one warms memory up. */
static vft_status measure(vft_hash_kind hash, unsigned log_n, vft_cost *cost,
                          vft_prove_profile *profile) {
  vft_tensor_id id[TENSORS];
  vft_trace trace;
  vft_proof proof = {0};
  vft_proof_options options =
      hash == VFT_HASH_POSEIDON ? vft_proof_options_recursive() : vft_proof_options_default();
  vft_prove_options prove = {.keep_codewords = true};
  memset(&trace, 0, sizeof trace);
  vft_program *p = build(log_n, id);
  if (!p) return VFT_RESOURCE;
  vft_status st;
  TRY_OUT(vft_trace_init(&trace, p));
  TRY_OUT(fill(&trace, log_n, id));
  TRY_OUT(vft_program_cost(p, cost));
  for (int run = 0; run < 2; run++) {
    vft_proof_free(&proof);
    TRY_OUT(vft_prove(p, &trace, NULL, NULL, &options, &prove, &proof, NULL, profile));
  }
out:
  vft_proof_free(&proof);
  vft_trace_free(&trace);
  vft_program_free(p);
  return st;
}

vft_status vft_prove_probe(vft_hash_kind hash, vft_prove_rates *rates) {
  vft_cost small_cost, cost;
  vft_prove_profile small, profile;
  TRY(measure(hash, SMALL_LOG, &small_cost, &small));
  TRY(measure(hash, LARGE_LOG, &cost, &profile));
  double elements = (double)cost.witness, few = (double)small_cost.witness;
  /* a tree has nodes above its columns, whatever their height */
  double low = stage(&small, "commit"), high = stage(&profile, "commit");
  rates->commit = high > low ? (high - low) / (elements - few) : high / elements;
  rates->column = (low - few * rates->commit) / (double)(1 << COLUMNS);
  if (rates->column < 0) rates->column = 0;
  rates->lookup = stage(&profile, "lookups") / (double)(cost.lookups + cost.table_rows);
  rates->product = (stage(&profile, "relations") + stage(&profile, "virtual")) /
                   (double)cost.product_points;
  /* every element is under two claims: the relation's and the lookup's */
  rates->weight = stage(&profile, "weights") / (2 * elements);
  double least = stage(&small, "opening"), most = stage(&profile, "opening");
  rates->open = most > least ? (most - least) / (elements - few) : 0;
  rates->proof = least - few * rates->open;
  if (rates->proof < 0) rates->proof = 0;
  return VFT_OK;
}

vft_status vft_prove_seconds(const vft_prove_rates *r, const vft_program *p, double *seconds) {
  vft_cost c;
  TRY(vft_program_cost(p, &c));
  double elements = (double)(c.witness + c.link);
  double columns = (double)(p->nlinks + 1) * (double)((uint64_t)1 << p->log_columns);
  *seconds = r->proof + columns * r->column + elements * (r->commit + r->open + 2 * r->weight) +
             (double)(c.lookups + c.table_rows) * r->lookup + (double)c.product_points * r->product;
  return VFT_OK;
}
