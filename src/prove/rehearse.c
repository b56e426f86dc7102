/* The driver run by a prover that says zero to everything. Which claims arise, which of them are equal
 * and what products they make does not depend on values, so the tables of every sumcheck are those of
 * the real proof; commitments, fractions and the opening are left out. */
#include "prove/rehearse.h"

#include <string.h>

#include "base/mem.h"
#include "prove/einsum.h"
#include "verify/driver.h"
#include "verify/verify.h"

typedef struct {
  const vft_program *program;
  vft_weight_cache cache;
  size_t most;
} rehearsal;

static vft_status expand(rehearsal *r, const vft_functional *f, size_t n) {
  for (size_t i = 0; i < n; i++)
    for (uint32_t a = 0; a < f[i].rank; a++)
      if (f[i].axis[a].w.kind != VFT_W_ONES && !vft_weight_cache_get(&r->cache, &f[i].axis[a].w))
        return VFT_RESOURCE;
  return VFT_OK;
}

static vft_status evaluate(void *ctx, const vft_functional *f, size_t n, vft_ext *value) {
  for (size_t i = 0; i < n; i++) value[i] = VFT_EXT_ZERO;
  return expand(ctx, f, n);
}

static vft_status combine(void *ctx, const vft_functional *f, const vft_ext *coef, size_t n,
                          vft_ext needed, vft_ext *total) {
  (void)coef;
  (void)needed;
  *total = VFT_EXT_ZERO;
  return expand(ctx, f, n);
}

static vft_status begin(void *ctx, const vft_product *product, size_t n, vft_ext *total) {
  rehearsal *r = ctx;
  size_t bytes;
  *total = VFT_EXT_ZERO;
  TRY(vft_einsum_plan(r->program, &r->cache, product, n, &bytes));
  bytes += vft_weight_cache_bytes(&r->cache);
  if (bytes > r->most) r->most = bytes;
  return VFT_OK;
}

static vft_status one_round(void *ctx, unsigned round, unsigned degree, vft_ext *value) {
  (void)ctx;
  (void)round;
  for (unsigned t = 0; t <= degree; t++) value[t] = VFT_EXT_ZERO;
  return VFT_OK;
}

static vft_status fold(void *ctx, unsigned round, vft_ext challenge) {
  (void)ctx;
  (void)round;
  (void)challenge;
  return VFT_OK;
}

static vft_ext final(void *ctx, size_t product, unsigned factor) {
  (void)ctx;
  (void)product;
  (void)factor;
  return VFT_EXT_ZERO;
}

static void end(void *ctx) { (void)ctx; }

static vft_status no_opening(void *ctx, vft_channel *ch, const vft_whir_params *params,
                             const vft_whir_tree *tree, const vft_opening *opening,
                             vft_ext sigma) {
  (void)ctx;
  (void)ch;
  (void)params;
  (void)tree;
  (void)opening;
  (void)sigma;
  return VFT_OK;
}

/* Inputs as good as any: ones where they may be, so that nothing drops out. */
static vft_status make_inputs(const vft_program *p, vft_public *pub, vft_arena *arena) {
  for (uint32_t t = 0; t < p->ntensors; t++) {
    const vft_tensor *x = &p->tensors[t];
    if (x->origin != VFT_PUBLIC) continue;
    pub[t].constant = x->values;
    if (x->values) continue;
    size_t n = vft_tensor_count(x);
    vft_fp *one = vft_arena_alloc(arena, n, sizeof *one);
    if (!one) return VFT_RESOURCE;
    for (size_t i = 0; i < n; i++) one[i] = vft_fp_from_i64(x->field || x->hi >= 1 ? 1 : x->hi);
    pub[t].input = one;
  }
  return VFT_OK;
}

static vft_status run(const vft_program *program, const vft_public *pub, size_t *bytes) {
  vft_status st = VFT_OK;
  rehearsal r = {.program = program};
  vft_hooks hooks = {&r, evaluate, combine, begin, one_round, fold, final, end};
  vft_prover_side side = {.hooks = &hooks, .ctx = &r, .open = no_opening, .rehearsal = true};
  vft_session s;
  vft_trees trees;
  vft_oracle_claims claims;
  vft_proof_options options = vft_proof_options_default();
  vft_digest nothing;
  memset(&s, 0, sizeof s);
  memset(&trees, 0, sizeof trees);
  memset(&claims, 0, sizeof claims);
  memset(&nothing, 0, sizeof nothing);
  vft_digest *root = vft_alloc((size_t)program->nlinks + program->noracles + 1, sizeof *root);
  vft_channel *ch = vft_channel_prover(vft_protocol_name, VFT_HASH_BLAKE3);
  if (!root || !ch) {
    st = VFT_RESOURCE;
    goto out;
  }
  vft_statement statement = {program, NULL, root, root + program->nlinks};
  TRY_OUT(vft_trees_init(&trees, program));
  TRY_OUT(vft_session_init(&s, program, ch, pub, &hooks));
  TRY_OUT(vft_driver_run(&s, &trees, &statement, &options, &nothing, &side, &claims));
  *bytes = r.most;
out:
  vft_weight_cache_free(&r.cache);
  vft_oracle_claims_free(&claims);
  vft_session_free(&s);
  vft_trees_free(&trees);
  vft_channel_free(ch);
  vft_free(root);
  return st;
}

vft_status vft_rehearse(const vft_program *program, size_t *bytes) {
  vft_status st = VFT_OK;
  vft_arena arena = {0};
  vft_public *pub = vft_alloc(program->ntensors, sizeof *pub);
  if (!pub) return VFT_RESOURCE;
  TRY_OUT(make_inputs(program, pub, &arena));
  TRY_OUT(run(program, pub, bytes));
out:
  vft_arena_free(&arena);
  vft_free(pub);
  return st;
}
