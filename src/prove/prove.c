#include "prove/prove.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/pool.h"
#include "prove/bind.h"
#include "prove/einsum.h"
#include "prove/fractions.h"
#include "prove/hiding.h"
#include "prove/opening.h"
#include "verify/open.h"

typedef struct {
  const vft_trace *trace;
  const vft_prove_options *options;
  vft_weight_cache cache; /* weights live as long as the session's arena */
  vft_einsum *einsum;
  vft_leaves *leaves;
  vft_commitment *const *commitment; /* per tree */
  vft_prove_profile *profile;
  double since, cpu;
  size_t slack; /* of the openings so far, see vft_proof */
} prover;

static vft_status end_stage(void *ctx, const char *name) {
  prover *p = ctx;
  vft_leaves_free(p->leaves);
  p->leaves = NULL;
  if (p->options && p->options->stage) TRY(p->options->stage(p->options->stage_ctx, name));
  if (!p->profile || p->profile->n == VFT_PROVE_STAGES) return VFT_OK;
  double t = vft_seconds(), cpu = vft_cpu_seconds();
  uint32_t i = p->profile->n++;
  snprintf(p->profile->stage[i].name, sizeof p->profile->stage[i].name, "%s", name);
  p->profile->stage[i].seconds = t - p->since;
  p->profile->stage[i].cpu = cpu - p->cpu;
  p->profile->stage[i].live = vft_alloc_live();
  p->profile->stage[i].peak = vft_alloc_peak();
  vft_alloc_peak_reset();
  p->since = t;
  p->cpu = cpu;
  return VFT_OK;
}

/* ---- hooks ---- */

enum { LARGE_EVALUATION = 1 << 16 }; /* elements; all threads take part in one */

typedef struct {
  vft_bind_axis axis[VFT_MAX_RANK];
  size_t points;
} evaluation;

typedef struct {
  const prover *p;
  const vft_functional *f;
  evaluation *plan;
  vft_ext *value;
  _Atomic bool failed;
} evaluation_job;

static vft_status plan_evaluation(prover *p, const vft_functional *f, evaluation *out) {
  out->points = 1;
  for (uint32_t a = 0; a < f->rank; a++) {
    out->axis[a] = (vft_bind_axis){.off = f->axis[a].off, .size = f->axis[a].w.size};
    out->points *= f->axis[a].w.size;
    if (f->axis[a].w.kind == VFT_W_ONES) continue;
    out->axis[a].w = vft_weight_cache_get(&p->cache, &f->axis[a].w);
    if (!out->axis[a].w) return VFT_RESOURCE;
  }
  return VFT_OK;
}

static vft_status evaluate_one(const evaluation_job *j, size_t i) {
  const vft_functional *f = &j->f[i];
  const vft_trace *trace = j->p->trace;
  return vft_bind(&trace->array[f->tensor], trace->program->tensors[f->tensor].dims, f->rank,
                  j->plan[i].axis, &j->value[i]);
}

static void evaluate_small(void *ctx, size_t begin, size_t end) {
  evaluation_job *j = ctx;
  for (size_t i = begin; i < end; i++)
    if (j->plan[i].points < LARGE_EVALUATION && evaluate_one(j, i) != VFT_OK)
      atomic_store(&j->failed, true);
}

static vft_status evaluate(void *ctx, const vft_functional *f, size_t n, vft_ext *value) {
  vft_status st = VFT_OK;
  evaluation_job j = {.p = ctx, .f = f, .value = value};
  j.plan = vft_alloc(n, sizeof *j.plan);
  if (!j.plan) return VFT_RESOURCE;
  for (size_t i = 0; i < n; i++) TRY_OUT(plan_evaluation(ctx, &f[i], &j.plan[i]));
  vft_parallel_for(n, 1, evaluate_small, &j);
  if (atomic_load(&j.failed)) st = vft_fail(VFT_RESOURCE, "proof: out of memory for a claim");
  for (size_t i = 0; i < n && st == VFT_OK; i++)
    if (j.plan[i].points >= LARGE_EVALUATION) st = evaluate_one(&j, i);
out:
  vft_free(j.plan);
  return st;
}

static vft_status combine(void *ctx, const vft_functional *f, const vft_ext *coef, size_t n,
                          vft_ext needed, vft_ext *total) {
  if (((prover *)ctx)->options->cheat) {
    *total = needed;
    return VFT_OK;
  }
  *total = VFT_EXT_ZERO;
  vft_ext *value = vft_alloc_raw(n, sizeof *value);
  if (!value) return VFT_RESOURCE;
  vft_status st = evaluate(ctx, f, n, value);
  for (size_t i = 0; i < n && st == VFT_OK; i++)
    *total = vft_ext_add(*total, vft_ext_mul(coef[i], value[i]));
  vft_free(value);
  return st;
}

static vft_status einsum_begin(void *ctx, const vft_product *product, size_t n, vft_ext *total) {
  prover *p = ctx;
  return vft_einsum_begin(&p->einsum, p->trace, &p->cache, product, n, total);
}

static vft_status einsum_round(void *ctx, unsigned round, unsigned degree, vft_ext *value) {
  return vft_einsum_round(((prover *)ctx)->einsum, round, degree, value);
}

static vft_status einsum_fold(void *ctx, unsigned round, vft_ext challenge) {
  return vft_einsum_fold(((prover *)ctx)->einsum, round, challenge);
}

static vft_ext einsum_final(void *ctx, size_t product, unsigned factor) {
  return vft_einsum_value(((prover *)ctx)->einsum, product, factor);
}

static void einsum_end(void *ctx) {
  prover *p = ctx;
  vft_einsum_end(p->einsum);
  p->einsum = NULL;
}

static vft_status fractions(void *ctx, const vft_fractions *fr, vft_ext alpha, vft_ext beta,
                            vft_logup_leaves *leaves) {
  prover *p = ctx;
  return vft_leaves_new(&p->leaves, p->trace, fr, alpha, beta, p->options->recompute, leaves);
}

/* What an opening of `length` is filled up to: two hundredths more than is expected, which is some ten
 * standard deviations, or the most there can be. */
static size_t usual_length(const vft_whir_params *params, const vft_whir_tree *tree, uint32_t trees,
                           vft_hash_kind hash, size_t length) {
  double expected = vft_opening_length(params, tree, trees, hash);
  size_t usual = ((size_t)(expected * 1.02) / 1024 + 1) * 1024;
  return length <= usual ? usual : vft_whir_proof_bytes(params, tree, trees);
}

static vft_status open(void *ctx, vft_channel *ch, const vft_whir_params *params,
                       const vft_whir_tree *tree, const vft_opening *opening, vft_ext sigma) {
  prover *p = ctx;
  vft_whir_source *source = NULL;
  size_t before, after;
  vft_channel_proof(ch, &before);
  vft_status st = vft_opening_sources(opening, p->commitment, &source);
  if (st == VFT_OK) st = end_stage(ctx, "weights");
  if (st == VFT_OK)
    st = vft_whir_prove(ch, params, tree, opening->matrix->ntrees, source, sigma);
  vft_opening_sources_free(opening, source);
  vft_channel_proof(ch, &after);
  p->slack += usual_length(params, tree, opening->matrix->ntrees, vft_channel_hash(ch),
                           after - before) -
              (after - before);
  /* WHIR's prover sees a wrong sum after its last message: the proof is complete, and false */
  if (st == VFT_USAGE && p->options && p->options->cheat) st = VFT_OK;
  return st;
}

/* ---- proofs ---- */

static vft_status take_proof(vft_channel *ch, vft_proof *proof) {
  size_t len;
  TRY(vft_channel_finish(ch));
  const uint8_t *bytes = vft_channel_proof(ch, &len);
  proof->bytes = vft_alloc_raw(len, 1);
  if (!proof->bytes) return VFT_RESOURCE;
  memcpy(proof->bytes, bytes, len);
  proof->len = len;
  return VFT_OK;
}

static vft_status check_link(const vft_program *program, const vft_trees *trees, uint32_t l,
                             vft_hash_kind hash, const vft_commitment *c) {
  const vft_layout *want = &trees->layout[l];
  bool same = c && vft_commitment_log_columns(c) == program->log_columns &&
              vft_merkle_hash(vft_commitment_tree(c)) == hash &&
              vft_commitment_layout(c)->nboxes == want->nboxes;
  for (uint32_t i = 0; same && i < want->nboxes; i++) {
    const vft_box *x = &want->boxes[i], *y = &vft_commitment_layout(c)->boxes[i];
    same = x->rank == y->rank && memcmp(x->dims, y->dims, x->rank * sizeof *x->dims) == 0;
  }
  if (same) return VFT_OK;
  return vft_fail(VFT_USAGE, "link %s: the commitment has another shape or hash",
                  program->link_names[l]);
}

/* PUBLIC inputs as the statement has them: 64-bit integers; `own` keeps what was converted. */
static vft_status public_inputs(const vft_trace *trace, const int64_t **inputs, vft_arena *own) {
  const vft_program *p = trace->program;
  for (uint32_t t = 0; t < p->ntensors; t++) {
    const vft_array *a = &trace->array[t];
    if (!a->data && (p->tensors[t].origin != VFT_PUBLIC || !p->tensors[t].values))
      return vft_fail(VFT_USAGE, "tensor %s has no values", p->tensors[t].name);
    if (p->tensors[t].origin != VFT_PUBLIC || p->tensors[t].values) continue;
    size_t n = vft_tensor_count(&p->tensors[t]);
    int64_t *copy = vft_arena_alloc(own, n, sizeof *copy);
    if (!copy) return VFT_RESOURCE;
    for (size_t i = 0; i < n; i++) copy[i] = vft_array_get(a, i);
    inputs[t] = copy;
  }
  return VFT_OK;
}

vft_status vft_prove(const vft_program *program, const vft_trace *trace,
                     vft_commitment *const *link, const vft_digest *oracle_root,
                     const vft_proof_options *options, const vft_prove_options *prove,
                     vft_proof *proof, vft_oracle_claims *claims, vft_prove_profile *profile) {
  vft_status st = VFT_OK;
  vft_prove_options plain = {0};
  prover p = {.trace = trace, .options = prove ? prove : &plain, .profile = profile};
  vft_session s;
  vft_trees trees;
  vft_channel *ch = NULL;
  vft_arena own = {0};
  vft_commitment *witness = NULL;
  vft_hide_prover hide;
  vft_digest witness_root;
  vft_public *pub = NULL;
  const int64_t **inputs = vft_alloc(program->ntensors, sizeof *inputs);
  vft_digest *link_root = vft_alloc(program->nlinks, sizeof *link_root);
  vft_commitment **commitment = vft_alloc((size_t)program->nlinks + 1, sizeof *commitment);
  memset(&s, 0, sizeof s);
  memset(&hide, 0, sizeof hide);
  memset(&trees, 0, sizeof trees);
  memset(&witness_root, 0, sizeof witness_root);
  memset(proof, 0, sizeof *proof);
  if (profile) memset(profile, 0, sizeof *profile);
  vft_alloc_peak_reset();
  p.since = vft_seconds();
  p.cpu = vft_cpu_seconds();
  if (!inputs || !link_root || !commitment) {
    st = VFT_RESOURCE;
    goto out;
  }
  vft_hooks hooks = {&p,          evaluate,    combine,     einsum_begin,
                     einsum_round, einsum_fold, einsum_final, einsum_end};
  vft_prover_side side = {.hooks = &hooks, .ctx = &p, .fractions = fractions, .open = open,
                          .stage = end_stage};
  TRY_OUT(public_inputs(trace, inputs, &own));
  TRY_OUT(vft_trees_init(&trees, program));
  for (uint32_t l = 0; l < program->nlinks; l++) {
    TRY_OUT(check_link(program, &trees, l, options->hash, link[l]));
    commitment[l] = link[l];
    link_root[l] = vft_commitment_root(link[l]);
  }
  vft_statement statement = {program, inputs, link_root, oracle_root};
  TRY_OUT(vft_statement_values(&statement, &pub));
  if (options->hiding) {
    TRY_OUT(vft_hide_prover_init(&hide, &statement, pub, options, p.options->random));
    TRY_OUT(vft_hide_commit(&hide, trace, options,
                            p.options->keep_codewords ? VFT_COMMIT_KEEP : 0));
    commitment[trees.witness] = hide.witness;
    witness_root = vft_commitment_root(hide.witness);
  } else if (trees.witness != UINT32_MAX) {
    unsigned flags = p.options->keep_codewords ? VFT_COMMIT_KEEP : 0;
    TRY_OUT(vft_commit_group(&witness, trace, VFT_WITNESS, 0, options->log_inv_rate,
                             options->hash, flags));
    commitment[trees.witness] = witness;
    witness_root = vft_commitment_root(witness);
  }
  p.commitment = commitment;
  TRY_OUT(end_stage(&p, "commit"));
  ch = vft_channel_prover(options->hiding ? vft_hiding_protocol_name : vft_protocol_name,
                          options->hash);
  if (!ch) {
    st = VFT_RESOURCE;
    goto out;
  }
  TRY_OUT(vft_session_init(&s, program, ch, pub, &hooks));
  if (options->hiding) {
    hide.edit = p.options->edit;
    hide.edit_ctx = p.options->edit_ctx;
    vft_channel_pad(ch, hide.pad, hide.npads);
    side.hiding = true;
  }
  st = vft_driver_run(&s, &trees, &statement, options, &witness_root, &side, claims);
  if (st == VFT_OK && options->hiding)
    st = vft_hide_prove(&hide, ch, &statement, pub, options, commitment);
  /* as in `open`: the proof is complete, and false */
  if (st == VFT_USAGE && options->hiding && p.options->unchecked) st = VFT_OK;
  if (options->hiding && st == VFT_OK) st = end_stage(&p, "hidden");
  if (st == VFT_REJECTED && p.options->unchecked) {
    vft_error_clear();
    st = VFT_OK;
  }
  if (st == VFT_OK) st = take_proof(ch, proof);
  proof->slack = p.slack;
out:
  vft_leaves_free(p.leaves);
  vft_weight_cache_free(&p.cache);
  vft_session_free(&s);
  vft_trees_free(&trees);
  vft_channel_free(ch);
  vft_commitment_free(witness);
  vft_hide_prover_free(&hide);
  vft_arena_free(&own);
  vft_free(pub);
  vft_free(inputs);
  vft_free(link_root);
  vft_free(commitment);
  return st;
}

vft_tree_info vft_commitment_info(const vft_commitment *c) {
  const vft_layout *layout = vft_commitment_layout(c);
  return (vft_tree_info){layout->boxes, layout->nboxes, vft_commitment_root(c)};
}

vft_status vft_prove_oracles(vft_commitment *const *oracle, uint32_t noracles,
                             const vft_oracle_claims *claims, const vft_proof_options *options,
                             vft_proof *proof) {
  vft_status st = VFT_OK;
  vft_soundness account;
  vft_channel *ch = NULL;
  memset(&account, 0, sizeof account);
  memset(proof, 0, sizeof *proof);
  vft_tree_info *info = vft_alloc(noracles, sizeof *info);
  uint32_t *opened = vft_alloc(noracles, sizeof *opened);
  vft_commitment **commitment = vft_alloc(noracles, sizeof *commitment);
  if (!info || !opened || !commitment) {
    st = VFT_RESOURCE;
    goto out;
  }
  if (noracles == 0) {
    st = vft_fail(VFT_USAGE, "oracle opening: no oracles");
    goto out;
  }
  unsigned c = vft_commitment_log_columns(oracle[0]);
  for (uint32_t o = 0; o < noracles; o++) {
    info[o] = vft_commitment_info(oracle[o]);
    if (vft_commitment_log_columns(oracle[o]) != c) {
      st = vft_fail(VFT_USAGE, "oracle opening: oracles have different numbers of columns");
      goto out;
    }
  }
  uint32_t n = vft_oracles_opened(claims, noracles, opened);
  for (uint32_t i = 0; i < n; i++) commitment[i] = oracle[opened[i]];
  prover p = {.commitment = commitment};
  vft_prover_side side = {.ctx = &p, .open = open};
  ch = vft_channel_prover(vft_oracle_protocol_name, options->hash);
  if (!ch) {
    st = VFT_RESOURCE;
    goto out;
  }
  TRY_OUT(vft_driver_open_oracles(ch, info, noracles, c, claims, options, &side, &account));
  TRY_OUT(take_proof(ch, proof));
  proof->slack = p.slack;
out:
  vft_soundness_free(&account);
  vft_channel_free(ch);
  vft_free(info);
  vft_free(opened);
  vft_free(commitment);
  return st;
}

void vft_proof_free(vft_proof *proof) {
  vft_free(proof->bytes);
  memset(proof, 0, sizeof *proof);
}

void vft_prove_profile_line(FILE *out, const char *name, double seconds, double cpu) {
  fprintf(out, "%-12s %8.2f s  cpu %8.2f s  %5.2f", name, seconds, cpu,
          seconds > 0 ? cpu / seconds : 0);
}

void vft_prove_profile_print(const vft_prove_profile *profile, FILE *out) {
  double total = 0, cpu = 0;
  for (uint32_t i = 0; i < profile->n; i++) {
    vft_prove_profile_line(out, profile->stage[i].name, profile->stage[i].seconds,
                           profile->stage[i].cpu);
    fprintf(out, "  peak %7.1f MB\n", (double)profile->stage[i].peak / 1e6);
    total += profile->stage[i].seconds;
    cpu += profile->stage[i].cpu;
  }
  vft_prove_profile_line(out, "total", total, cpu);
  fputc('\n', out);
}
