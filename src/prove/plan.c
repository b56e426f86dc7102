/* Memory of a proof, bounded from the program alone. */
#include <math.h>
#include <string.h>

#include "argument/logup.h"
#include "base/mem.h"
#include "base/pool.h"
#include "prove/opening.h"
#include "prove/prove.h"
#include "verify/driver.h"

enum {
  SMALL = 8 << 20,   /* claims, weights, points, the proof itself */
  UNFUSED_ROWS = 1 << 12 /* below, a commitment may hold all codewords for a moment */
};

static size_t commit_bytes(size_t rows, unsigned c, unsigned rate, bool keep) {
  size_t n = (size_t)1 << (c + rate), groups = (rows + 7) / 8;
  size_t bytes = 64 * n + 32 * n * (rows / 128 + 2); /* nodes; chaining values of leaf chunks */
  bytes += (groups * 64) << c;                       /* messages or, fused, less */
  bytes += keep ? groups * 64 * n : 0;
  size_t temporary = groups * 64 * n, fused = (size_t)vft_threads() * 2 * 64 * n;
  return bytes + (keep ? 0 : rows < UNFUSED_ROWS ? temporary : fused);
}

/* Table bytes of a term's factors: those that share an index with another factor. A factor read
 * from the trace costs its first fold (1/2) and the buffer of the second (1/4); a bound one is
 * dense (1) and has the buffer of its first fold (1/2). */
static size_t term_bytes(const vft_program *p, const vft_term *term, const uint32_t *size) {
  uint32_t uses[VFT_MAX_INDEX] = {0};
  size_t bytes = 0, factors = 0;
  for (uint32_t f = 0; f < term->nfactors; f++) {
    const vft_tensor *t = &p->tensors[term->factor[f].tensor];
    if (t->origin == VFT_PUBLIC && t->rank < 2) continue;
    factors++;
    for (uint32_t a = 0; a < t->rank; a++) uses[term->factor[f].idx[a]]++;
  }
  for (uint32_t f = 0; factors > 1 && f < term->nfactors; f++) {
    const vft_tensor *t = &p->tensors[term->factor[f].tensor];
    if (t->origin == VFT_PUBLIC && t->rank < 2) continue;
    size_t table = sizeof(vft_ext);
    for (uint32_t a = 0; a < t->rank; a++) {
      uint32_t i = term->factor[f].idx[a];
      if (uses[i] > 1) table *= size[i] + 1u;
    }
    bytes += table + table / 2;
  }
  return bytes;
}

static size_t relation_bytes(const vft_program *p, const vft_relation *r) {
  size_t bytes = 0;
  for (uint32_t k = 0; k < r->nterms; k++) bytes += term_bytes(p, &r->terms[k], r->size);
  return bytes;
}

/* Claims on virtual tensors, counted in whole tensors: one for each use by a relation or lookup,
 * one for each claim on a virtual tensor that uses it. */
static vft_status count_claims(const vft_program *p, size_t *claims) {
  vft_status st = VFT_OK;
  vft_tensor_id *order = vft_alloc(p->ntensors, sizeof *order);
  uint32_t n;
  if (!order) return VFT_RESOURCE;
  TRY_OUT(vft_program_virtual_order(p, order, &n));
  for (uint32_t i = 0; i < p->nrelations; i++)
    for (uint32_t k = 0; p->relations[i].kind == VFT_ZERO && k < p->relations[i].nterms; k++)
      for (uint32_t f = 0; f < p->relations[i].terms[k].nfactors; f++)
        claims[p->relations[i].terms[k].factor[f].tensor]++;
  for (uint32_t i = 0; i < p->nlookups; i++)
    for (uint32_t j = 0; j < VFT_LOOKUP_COLS; j++)
      for (uint32_t k = 0; k < p->lookups[i].col[j].nterms; k++)
        for (uint32_t f = 0; f < p->lookups[i].col[j].terms[k].nfactors; f++)
          claims[p->lookups[i].col[j].terms[k].factor[f].tensor]++;
  for (uint32_t i = n; i-- > 0;) {
    const vft_relation *r = &p->relations[vft_program_definition(p, order[i])];
    for (uint32_t k = 0; k < r->nterms; k++)
      for (uint32_t f = 0; f < r->terms[k].nfactors; f++)
        claims[r->terms[k].factor[f].tensor] += claims[order[i]];
  }
out:
  vft_free(order);
  return st;
}

/* The largest batch: ZERO relations, or the definitions of one level. */
static vft_status products_bytes(const vft_program *p, const vft_session *s, size_t *out) {
  vft_status st = VFT_OK;
  size_t *level = vft_alloc(s->levels, sizeof *level);
  size_t *claims = vft_alloc(p->ntensors, sizeof *claims);
  if (!level || !claims) {
    st = VFT_RESOURCE;
    goto out;
  }
  TRY_OUT(count_claims(p, claims));
  for (uint32_t i = 0; i < p->nrelations; i++) {
    const vft_relation *r = &p->relations[i];
    if (r->kind == VFT_ZERO)
      level[0] += relation_bytes(p, r);
    else
      level[s->level[r->target]] += claims[r->target] * relation_bytes(p, r);
  }
  *out = 0;
  for (uint32_t l = 0; l < s->levels; l++)
    if (level[l] > *out) *out = level[l];
out:
  vft_free(level);
  vft_free(claims);
  return st;
}

/* Expected number of different bins of 2^log that `draws` draws hit. */
static double hit(unsigned log, double draws) {
  double bins = ldexp(1, (int)log);
  return bins * -expm1(draws * log1p(-1 / bins));
}

/* Positions are uniform, so the batch openings' columns and siblings follow from how many nodes of each
 * height the positions lie under. */
double vft_opening_length(const vft_whir_params *params, const vft_whir_tree *tree,
                          uint32_t trees) {
  double bytes = 0;
  for (unsigned i = 0; i < params->levels; i++) {
    const vft_whir_level *l = &params->level[i];
    unsigned log = l->log_msg + l->log_inv_rate;
    double siblings = 0, rows = 0;
    for (unsigned h = 1; h <= log; h++)
      siblings += 2 * hit(log - h, l->queries) - hit(log - h + 1, l->queries);
    if (i == 0)
      for (uint32_t t = 0; t < trees; t++) rows += (double)tree[t].rows;
    else
      rows = 3 * ldexp(1, l->row_vars);
    bytes += (i ? 1 : trees) * 32 * siblings + 8 * rows * hit(log, l->queries);
    bytes += 48 * l->row_vars + 32 + 8;
  }
  return bytes + 24 * ldexp(1, params->level[params->levels - 1].log_msg);
}

/* Of the opening of trees with these layouts: memory, and the length of its messages. */
static vft_status opening_bytes(const vft_layout *const *layout, uint32_t ntrees, unsigned c,
                                const vft_proof_options *options, size_t *out, size_t *proof) {
  vft_status st = VFT_OK;
  vft_matrix m;
  vft_whir_params params;
  vft_whir_tree *tree = vft_alloc(ntrees, sizeof *tree);
  memset(&m, 0, sizeof m);
  if (!tree) return VFT_RESOURCE;
  TRY_OUT(vft_matrix_init(&m, layout, ntrees, c));
  TRY_OUT(vft_driver_whir(&params, &m, options));
  size_t reopened = 0;
  *out = 0;
  for (uint32_t i = 0; i < m.ntrees; i++) {
    uint32_t t = m.place[i];
    size_t entries = m.rows[t] << m.c;
    tree[i].rows = m.rows[t];
    tree[i].row_offset = m.row_offset[t];
    *out += entries * (sizeof(vft_fp) + sizeof(vft_ext)); /* message, weights */
    reopened = (size_t)64 * 16 << m.c; /* codewords encoded again, per thread */
  }
  *proof = (size_t)vft_opening_length(&params, tree, m.ntrees);
  *out += vft_whir_prove_bytes(&params, tree, m.ntrees, true) + reopened * (size_t)vft_threads();
  *out += 3 * vft_whir_proof_bytes(&params, tree, m.ntrees); /* the channel's growing buffer */
out:
  vft_free(tree);
  vft_matrix_free(&m);
  return st;
}

vft_status vft_prove_plan_oracles(const vft_box *const *box, const uint32_t *nboxes,
                                  uint32_t noracles, unsigned log_columns,
                                  const vft_proof_options *options, size_t *bytes,
                                  size_t *proof_bytes) {
  vft_status st = VFT_OK;
  vft_layout *layout = vft_alloc(noracles, sizeof *layout);
  const vft_layout **list = vft_alloc(noracles, sizeof *list);
  uint32_t made = 0;
  if (!layout || !list) {
    st = VFT_RESOURCE;
    goto out;
  }
  for (; made < noracles; made++) {
    TRY_OUT(vft_layout_init(&layout[made], box[made], nboxes[made]));
    list[made] = &layout[made];
  }
  TRY_OUT(opening_bytes(list, noracles, log_columns, options, bytes, proof_bytes));
  for (uint32_t o = 0; o < noracles; o++)
    *bytes += commit_bytes((layout[o].length >> log_columns) + 1, log_columns,
                           options->log_inv_rate, false);
out:
  for (uint32_t o = 0; o < made; o++) vft_layout_free(&layout[o]);
  vft_free(layout);
  vft_free(list);
  return st;
}

vft_status vft_prove_plan_init(vft_prove_plan *plan, const vft_program *program,
                               const vft_proof_options *options,
                               const vft_prove_options *prove) {
  vft_status st = VFT_OK;
  vft_session s;
  vft_trees trees;
  vft_fractions fr;
  memset(plan, 0, sizeof *plan);
  memset(&s, 0, sizeof s);
  memset(&trees, 0, sizeof trees);
  memset(&fr, 0, sizeof fr);
  TRY_OUT(vft_session_init(&s, program, NULL, NULL, NULL));
  TRY_OUT(vft_trees_init(&trees, program));
  TRY_OUT(vft_fractions_init(&fr, program));
  unsigned c = program->log_columns;
  if (trees.witness != UINT32_MAX) {
    size_t rows = (trees.layout[trees.witness].length >> c) + 1;
    plan->commit = commit_bytes(rows, c, options->log_inv_rate, prove->keep_codewords);
    plan->kept = (64u << (c + options->log_inv_rate)) +
                 (prove->keep_codewords ? (rows + 8) * 8 << (c + options->log_inv_rate) : 0);
  }
  if (program->nlookups) {
    size_t rows = 0; /* tiles with multiplicities, and those at their ends */
    for (uint32_t t = 0; t < program->ntables; t++)
      rows += ((size_t)1 << program->tables[t].log_rows) / VFT_LOGUP_TILE + 2;
    plan->lookups = vft_logup_plan(fr.n, fr.layout.length, prove->recompute, rows);
  }
  TRY_OUT(products_bytes(program, &s, &plan->products));
  if (trees.ntrees) {
    const vft_layout **layout = vft_alloc(trees.ntrees, sizeof *layout);
    st = layout ? VFT_OK : VFT_RESOURCE;
    for (uint32_t t = 0; layout && t < trees.ntrees; t++) layout[t] = &trees.layout[t];
    if (st == VFT_OK)
      st = opening_bytes(layout, trees.ntrees, c, options, &plan->opening, &plan->proof);
    vft_free(layout);
    if (st != VFT_OK) goto out;
  }
  /* messages of the other stages: three field elements a round at most, and evaluations */
  plan->proof += 24 * 4 * (size_t)fr.n * (fr.n + 1) / 2 + 24 * 4 * (size_t)program->nrelations;
  size_t later = plan->lookups > plan->products ? plan->lookups : plan->products;
  if (plan->opening > later) later = plan->opening;
  later += plan->kept;
  plan->peak = (later > plan->commit ? later : plan->commit) + SMALL +
               256 * ((size_t)trees.ntrees + fr.layout.nblocks + program->ntensors);
out:
  vft_fractions_free(&fr);
  vft_trees_free(&trees);
  vft_session_free(&s);
  return st;
}
