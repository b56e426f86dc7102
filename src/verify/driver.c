#include "verify/driver.h"

#include <stdio.h>
#include <string.h>

#include "argument/poly_util.h"
#include "field/arrays.h"

/* ---- statement ---- */

void vft_driver_absorb_options(vft_channel *ch, const vft_proof_options *o) {
  vft_channel_absorb_integers(ch, "context", o->context, o->context_len);
  vft_channel_absorb_u64(ch, "options/log_inv_rate", o->log_inv_rate);
  vft_channel_absorb_u64(ch, "options/bits", o->bits);
  vft_channel_absorb_u64(ch, "options/grind", o->grind);
  vft_channel_absorb_u64(ch, "options/test_queries", o->test_queries);
  vft_channel_absorb_u64(ch, "options/hash", o->hash);
}

static void absorb_statement(vft_session *s, const vft_statement *st,
                             const vft_proof_options *options) {
  const vft_program *p = s->program;
  uint8_t digest[32];
  vft_driver_absorb_options(s->ch, options);
  vft_program_digest(p, digest);
  vft_channel_absorb(s->ch, "statement/program", digest, sizeof digest);
  for (uint32_t t = 0; t < p->ntensors; t++)
    if (p->tensors[t].origin == VFT_PUBLIC && !p->tensors[t].values)
      vft_channel_absorb_integers(s->ch, "statement/input", s->pub[t].input,
                                  vft_tensor_count(&p->tensors[t]));
  for (uint32_t l = 0; l < p->nlinks; l++)
    vft_channel_absorb_digest(s->ch, "statement/link", &st->link_root[l]);
  for (uint32_t o = 0; o < p->noracles; o++)
    vft_channel_absorb_digest(s->ch, "statement/oracle", &st->oracle_root[o]);
}

/* ---- lookups ---- */

/* Sums of num(r) and den(r) over the leaves, block by block. */
typedef struct {
  vft_tally num, den;
  vft_ext beta[VFT_LOOKUP_COLS], minus_beta[VFT_LOOKUP_COLS]; /* powers */
} leaf_sums;

/* Windows of a block's axes: eq at the part of r that addresses the axis. */
static void block_windows(const vft_layout *lay, const vft_block *b, const vft_ext *r,
                          vft_window *window) {
  for (uint32_t a = lay->boxes[b->box].rank; a-- > 0;) {
    window[a] = (vft_window){{VFT_W_EQ, (uint32_t)1 << b->log[a], r}, b->start[a]};
    r += b->log[a];
  }
}

/* On a block: the terms that are not constants. */
static vft_status add_lookup(vft_session *s, leaf_sums *sums, const vft_lookup *lookup,
                             vft_ext prefix, const vft_window *window) {
  for (uint32_t j = 0; j < VFT_LOOKUP_COLS; j++)
    for (uint32_t k = 0; k < lookup->col[j].nterms; k++)
      if (lookup->col[j].terms[k].nfactors)
        TRY(vft_tally_add_terms(s, &sums->den, vft_ext_mul(prefix, sums->minus_beta[j]),
                                &lookup->col[j].terms[k], 1, lookup->nindex, lookup->nindex,
                                lookup->size, window));
  if (sums->den.nproducts)
    return vft_fail(VFT_USAGE,
                    "lookup %s: a column multiplies a tensor by a PUBLIC tensor of rank above 1; "
                    "define a virtual tensor for it",
                    lookup->name);
  return VFT_OK;
}

/* On all blocks of a lookup, whose prefixes are together `whole`: numerators and constants. */
static void add_constants(leaf_sums *sums, const vft_lookup *lookup, vft_ext whole) {
  sums->num.known = vft_ext_add(sums->num.known, whole);
  for (uint32_t j = 0; j < VFT_LOOKUP_COLS; j++)
    for (uint32_t k = 0; k < lookup->col[j].nterms; k++) {
      const vft_term *t = &lookup->col[j].terms[k];
      vft_ext coef = vft_ext_mul(sums->minus_beta[j], vft_ext_from_i64(t->coef));
      if (!t->nfactors) sums->den.known = vft_ext_add(sums->den.known, vft_ext_mul(whole, coef));
    }
}

/* Columns of the RANGE table at r: row 2^w + v is (w, v), so with top(w) = r_w prod_{b>w} (1-r_b),
 * tag = sum_w w top(w), c1 = sum_w top(w) sum_{b<w} 2^b r_b. Row 0 is (0, 0). */
static void range_columns(const vft_ext *r, unsigned log_rows, vft_ext *tag, vft_ext *c1) {
  vft_ext above = VFT_EXT_ONE;
  *tag = *c1 = VFT_EXT_ZERO;
  for (unsigned w = log_rows; w-- > 0;) {
    vft_ext top = vft_ext_mul(above, r[w]);
    *tag = vft_ext_add(*tag, vft_ext_mul_fp(top, (vft_fp){w}));
    *c1 = vft_ext_add(*c1, vft_ext_mul(top, vft_eq_iota(r, w)));
    above = vft_ext_sub(above, top);
  }
}

/* On a block of a table's rows; RANGE is one block. */
static vft_status add_table(vft_session *s, leaf_sums *sums, const vft_table *table,
                            const vft_block *b, vft_ext prefix, const vft_ext *r) {
  vft_ext col[2];
  if (table->kind == VFT_TABLE_RANGE) {
    range_columns(r, b->log_size, &col[0], &col[1]);
  } else {
    col[0] = vft_ext_from_i64(table->tag);
    col[1] = vft_ext_add(vft_ext_from_i64(table->first + b->start[0]), vft_eq_iota(r, b->log_size));
  }
  for (unsigned j = 0; j < 2; j++)
    sums->den.known = vft_ext_sub(sums->den.known,
                                  vft_ext_mul(prefix, vft_ext_mul(sums->beta[j], col[j])));
  vft_axis *axis = vft_arena_alloc(&s->arena, 1, sizeof *axis);
  if (!axis) return VFT_RESOURCE;
  *axis = (vft_axis){{VFT_W_EQ, (uint32_t)1 << b->log_size, r}, b->start[0]};
  vft_functional mult = {table->mult, 1, axis};
  TRY(vft_tally_add_linear(s, &sums->num, vft_ext_neg(prefix), &mult));
  for (unsigned j = 0; table->kind == VFT_TABLE_FUNCTION && j < VFT_TABLE_OUTS; j++) {
    if (table->out[j] == VFT_NO_TENSOR) continue;
    vft_functional out = {table->out[j], 1, axis};
    TRY(vft_tally_add_linear(s, &sums->den, vft_ext_neg(vft_ext_mul(prefix, sums->beta[2 + j])),
                           &out));
  }
  return VFT_OK;
}

/* What is left of a leaf claim is a sum over committed tensors. */
static vft_status keep_leaf(vft_session *s, vft_tally *sum, vft_ext value) {
  TRY(vft_tally_send_evals(s, sum, "logup/columns"));
  vft_ext rest = vft_ext_sub(value, sum->known);
  if (sum->committed.n == 0 && !vft_ext_is_zero(rest))
    return vft_reject("logup/leaf", "the fractions do not match their closed form");
  return vft_tally_keep(s, sum, rest);
}

static vft_status leaf_claims(vft_session *s, const vft_fractions *fr, vft_ext alpha, vft_ext beta,
                              const vft_ext *r, const vft_logup_claim *claim) {
  vft_status st = VFT_OK;
  const vft_program *p = s->program;
  const vft_layout *lay = &fr->layout;
  leaf_sums sums;
  memset(&sums, 0, sizeof sums);
  sums.beta[0] = VFT_EXT_ONE;
  for (unsigned j = 1; j < VFT_LOOKUP_COLS; j++)
    sums.beta[j] = vft_ext_mul(sums.beta[j - 1], beta);
  for (unsigned j = 0; j < VFT_LOOKUP_COLS; j++) sums.minus_beta[j] = vft_ext_neg(sums.beta[j]);
  vft_ext *whole = vft_arena_alloc(&s->arena, p->nlookups, sizeof *whole); /* zeros */
  if (!whole) return VFT_RESOURCE;
  for (uint32_t i = 0; i < lay->nblocks; i++) {
    const vft_block *b = &lay->blocks[i];
    vft_ext prefix = vft_eq_index(r + b->log_size, fr->n - b->log_size, b->offset >> b->log_size);
    vft_window window[VFT_BOX_AXES];
    if (b->box < p->nlookups) {
      block_windows(lay, b, r, window);
      whole[b->box] = vft_ext_add(whole[b->box], prefix);
      TRY_OUT(add_lookup(s, &sums, &p->lookups[b->box], prefix, window));
    } else {
      TRY_OUT(add_table(s, &sums, &p->tables[b->box - p->nlookups], b, prefix, r));
    }
  }
  for (uint32_t i = 0; i < p->nlookups; i++) add_constants(&sums, &p->lookups[i], whole[i]);
  /* alpha on every real leaf, denominator 1 on the tail */
  vft_ext real = vft_poly_eq_prefix(r, fr->n, lay->length);
  sums.den.known = vft_ext_add(sums.den.known, vft_ext_mul(alpha, real));
  sums.den.known = vft_ext_add(sums.den.known, vft_ext_sub(VFT_EXT_ONE, real));
  TRY_OUT(keep_leaf(s, &sums.num, claim->num));
  TRY_OUT(keep_leaf(s, &sums.den, claim->den));
out:
  vft_tally_free(&sums.num);
  vft_tally_free(&sums.den);
  return st;
}

/* In place of the fractions' sumcheck, for a prover that has no values. */
static void rehearsed_claim(vft_session *s, unsigned n, vft_logup_claim *claim) {
  memset(claim, 0, sizeof *claim);
  claim->n = n;
  for (unsigned i = 0; i < n; i++)
    claim->point[i] = vft_channel_challenge_ext(s->ch, "rehearsal/point");
}

static vft_status lookup_stage(vft_session *s, const vft_prover_side *prover) {
  vft_status st = VFT_OK;
  vft_fractions fr;
  vft_logup_leaves leaves;
  vft_logup_claim claim;
  if (s->program->nlookups == 0) return VFT_OK;
  TRY(vft_fractions_init(&fr, s->program));
  size_t real = fr.layout.length;
  vft_ext alpha = vft_channel_challenge_ext(s->ch, "lookup/alpha");
  vft_ext beta = vft_channel_challenge_ext(s->ch, "lookup/beta");
  if (prover && prover->rehearsal) {
    rehearsed_claim(s, fr.n, &claim);
  } else {
    if (prover) TRY_OUT(prover->fractions(prover->ctx, &fr, alpha, beta, &leaves));
    TRY_OUT(vft_logup_run(s->ch, fr.n, real, prover ? &leaves : NULL, &claim));
  }
  vft_ext *r = vft_arena_alloc(&s->arena, fr.n + 1u, sizeof *r); /* part of later claims */
  if (!r) {
    st = VFT_RESOURCE;
    goto out;
  }
  memcpy(r, claim.point, fr.n * sizeof *r);
  TRY_OUT(leaf_claims(s, &fr, alpha, beta, r, &claim));
  TRY_OUT(vft_soundness_add(&s->soundness, vft_logup_identity_error(real, VFT_LOOKUP_COLS), "[SZ]",
                            "lookups: identity of %zu fractions", real));
  if (fr.n)
    TRY_OUT(vft_soundness_add(&s->soundness, vft_logup_gkr_error(fr.n), "[SZ]",
                              "lookups: GKR, %u layers", fr.n));
out:
  vft_fractions_free(&fr);
  return st;
}

/* ---- relations ---- */

/* One point for all ZERO relations: index slot j of every relation uses the first coordinates of
 * slot j's challenges. The relations are batched with powers of one challenge. */
static vft_status relation_stage(vft_session *s) {
  vft_status st = VFT_OK;
  const vft_program *p = s->program;
  unsigned log[VFT_MAX_INDEX] = {0};
  uint32_t n = 0, coords = 0;
  vft_tally sum;
  memset(&sum, 0, sizeof sum);
  for (uint32_t i = 0; i < p->nrelations; i++) {
    const vft_relation *rel = &p->relations[i];
    if (rel->kind != VFT_ZERO) continue;
    n++;
    for (uint32_t j = 0; j < rel->nfree; j++)
      if (vft_log2_ceil(rel->size[j]) > log[j]) log[j] = vft_log2_ceil(rel->size[j]);
  }
  if (n == 0) return VFT_OK;
  vft_ext *point[VFT_MAX_INDEX];
  for (unsigned j = 0; j < VFT_MAX_INDEX; j++) {
    point[j] = vft_arena_alloc(&s->arena, log[j] + 1u, sizeof(vft_ext));
    if (!point[j]) return VFT_RESOURCE;
    for (unsigned b = 0; b < log[j]; b++)
      point[j][b] = vft_channel_challenge_ext(s->ch, "relations/point");
    coords += log[j];
  }
  vft_ext eta = vft_channel_challenge_ext(s->ch, "relations/eta"), power = VFT_EXT_ONE;
  for (uint32_t i = 0; i < p->nrelations; i++) {
    const vft_relation *rel = &p->relations[i];
    if (rel->kind != VFT_ZERO) continue;
    vft_window window[VFT_MAX_INDEX];
    for (uint32_t j = 0; j < rel->nfree; j++)
      window[j] = (vft_window){{VFT_W_EQ, rel->size[j], point[j]}, 0};
    TRY_OUT(vft_tally_add_terms(s, &sum, power, rel->terms, rel->nterms, rel->nindex, rel->nfree,
                              rel->size, window));
    power = vft_ext_mul(power, eta);
  }
  TRY_OUT(vft_soundness_add(&s->soundness, (uint64_t)coords + n - 1 + (coords + n == 1), "[SZ]",
                            "relations: %u at one point of %u coordinates", n, coords));
  TRY_OUT(vft_tally_prove(s, &sum, VFT_EXT_ZERO, "relations/sum", "relations"));
out:
  vft_tally_free(&sum);
  return st;
}

/* ---- virtual tensors ---- */

/* All claims on virtual tensors of one level, batched, are replaced by their definitions. */
static vft_status virtual_stage(vft_session *s, uint32_t level) {
  vft_status st = VFT_OK;
  const vft_program *p = s->program;
  vft_ext power = VFT_EXT_ONE, target = VFT_EXT_ZERO;
  vft_tally sum;
  char name[32];
  uint32_t claims = 0, nevals = s->evals.n; /* new evaluations belong to higher levels */
  memset(&sum, 0, sizeof sum);
  snprintf(name, sizeof name, "virtual level %u", level);
  vft_ext delta = vft_channel_challenge_ext(s->ch, "virtual/delta");
  for (uint32_t e = 0; e < nevals; e++) {
    vft_functional f = s->evals.f[e]; /* a copy: the set may move */
    if (p->tensors[f.tensor].origin != VFT_VIRTUAL || s->level[f.tensor] != level) continue;
    const vft_relation *def = &p->relations[vft_program_definition(p, f.tensor)];
    TRY_OUT(vft_tally_add_terms(s, &sum, power, def->terms, def->nterms, def->nindex, def->nfree,
                              def->size, f.axis));
    target = vft_ext_add(target, vft_ext_mul(power, s->eval_value[e]));
    s->eval_state[e] = VFT_EVAL_DISCHARGED;
    power = vft_ext_mul(power, delta);
    claims++;
  }
  if (claims == 0) goto out;
  if (claims > 1)
    TRY_OUT(vft_soundness_add(&s->soundness, claims - 1, "[SZ]", "%s: %u claims", name, claims));
  TRY_OUT(vft_tally_prove(s, &sum, target, "virtual/sum", name));
out:
  vft_tally_free(&sum);
  return st;
}

/* ---- the whole sequence ---- */

/* No claim may be left behind: a second line of defence against a driver that forgets one. */
static vft_status check_discharged(const vft_session *s) {
  for (uint32_t i = 0; i < s->evals.n; i++)
    if (s->eval_state[i] != VFT_EVAL_DISCHARGED)
      return vft_reject("claims/left", "a claim on tensor %s was not discharged",
                        s->program->tensors[s->evals.f[i].tensor].name);
  for (uint32_t i = 0; i < s->nequations; i++)
    if (!s->equation[i].opened)
      return vft_reject("claims/left", "an equation on committed tensors was not opened");
  return VFT_OK;
}

static vft_status stage_done(const vft_prover_side *prover, const char *name) {
  return prover && prover->stage ? prover->stage(prover->ctx, name) : VFT_OK;
}

vft_status vft_driver_run(vft_session *s, const vft_trees *trees, const vft_statement *statement,
                          const vft_proof_options *options, vft_digest *witness_root,
                          const vft_prover_side *prover, vft_oracle_claims *claims) {
  vft_status st = VFT_OK;
  vft_digest *root = vft_alloc((size_t)trees->ntrees + 1, sizeof *root);
  if (!root) return VFT_RESOURCE;
  absorb_statement(s, statement, options);
  for (uint32_t l = 0; l < s->program->nlinks; l++) root[l] = statement->link_root[l];
  if (trees->witness != UINT32_MAX) {
    TRY_OUT(vft_channel_send_digest(s->ch, "witness/root", witness_root));
    root[trees->witness] = *witness_root;
  }
  TRY_OUT(lookup_stage(s, prover));
  TRY_OUT(stage_done(prover, "lookups"));
  TRY_OUT(relation_stage(s));
  TRY_OUT(stage_done(prover, "relations"));
  for (uint32_t level = 1; level < s->levels; level++) TRY_OUT(virtual_stage(s, level));
  TRY_OUT(stage_done(prover, "virtual"));
  if (trees->ntrees) TRY_OUT(vft_driver_claims(s, trees, root, options, prover));
  TRY_OUT(stage_done(prover, "opening"));
  TRY_OUT(vft_driver_leave(s, claims));
  TRY_OUT(check_discharged(s));
out:
  vft_free(root);
  return st;
}
