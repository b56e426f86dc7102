/* Memory of a proof, bounded from the program alone. */
#include <math.h>
#include <string.h>

#include "argument/logup.h"
#include "base/mem.h"
#include "base/pool.h"
#include "hash/poseidon.h"
#include "merkle/path.h"
#include "merkle/tree.h"
#include "prove/opening.h"
#include "prove/prove.h"
#include "prove/rehearse.h"
#include "verify/open.h"

enum {
  SMALL = 4 << 20,   /* claims, weights, points, the proof itself */
  UNFUSED_ROWS = 1 << 12 /* below, a commitment may hold all codewords for a moment */
};

/* Nodes, sponges; a batch of groups of rows as messages and, if not kept, codewords. */
static size_t poseidon_bytes(size_t n, size_t groups, unsigned c, bool keep) {
  size_t workers = (size_t)vft_threads();
  size_t batch = workers > VFT_MERKLE_BATCH ? workers : VFT_MERKLE_BATCH;
  if (batch > groups) batch = groups;
  size_t bytes = (64 + sizeof(vft_poseidon_state)) * n + ((batch + workers) * 64 << c);
  return bytes + (keep ? groups : batch) * 64 * n;
}

static size_t commit_bytes(size_t rows, unsigned c, const vft_proof_options *options, bool keep) {
  size_t n = (size_t)1 << (c + options->log_inv_rate), groups = (rows + 7) / 8;
  if (options->hash == VFT_HASH_POSEIDON) return poseidon_bytes(n, groups, c, keep);
  size_t bytes = 64 * n + 32 * n * (rows / 128 + 2); /* nodes; chaining values of leaf chunks */
  bytes += (groups * 64) << c;                       /* messages or, fused, less */
  bytes += keep ? groups * 64 * n : 0;
  size_t temporary = groups * 64 * n, fused = (size_t)vft_threads() * 2 * 64 * n;
  return bytes + (keep ? 0 : rows < UNFUSED_ROWS ? temporary : fused);
}

/* Expected number of different bins of 2^log that `draws` draws hit. */
static double hit(unsigned log, double draws) {
  double bins = ldexp(1, (int)log);
  return bins * -expm1(draws * log1p(-1 / bins));
}

/* Positions are uniform, so the batch openings' columns and siblings follow from how many nodes of each
 * height the positions lie under. */
double vft_opening_length(const vft_whir_params *params, const vft_whir_tree *tree,
                          uint32_t trees, vft_hash_kind hash) {
  double bytes = 0;
  for (unsigned i = 0; i < params->levels; i++) {
    const vft_whir_level *l = &params->level[i];
    unsigned log = l->log_msg + l->log_inv_rate;
    unsigned cap = vft_merkle_log_cap(hash, l->queries, log);
    double siblings = ldexp(1, (int)cap) - hit(cap, l->queries), rows = 0;
    for (unsigned h = 1; h <= log - cap; h++)
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

/* Of the opening of trees with these layouts: memory, and the length of its messages. kept: all trees
 * have their codewords. */
static vft_status opening_bytes(const vft_layout *const *layout, uint32_t ntrees, unsigned c,
                                const vft_proof_options *options, bool kept, size_t *out,
                                size_t *proof) {
  vft_status st = VFT_OK;
  vft_matrix m;
  vft_whir_params params;
  vft_whir_tree *tree = vft_alloc(ntrees, sizeof *tree);
  memset(&m, 0, sizeof m);
  if (!tree) return VFT_RESOURCE;
  TRY_OUT(vft_matrix_init(&m, layout, ntrees, c));
  TRY_OUT(vft_driver_whir(&params, &m, options));
  /* else each thread encodes eight rows: rows, rows interleaved, codewords */
  size_t reopened = kept ? 0 : ((size_t)128 << m.c) + ((size_t)64 << (m.c + options->log_inv_rate));
  *out = 0;
  for (uint32_t i = 0; i < m.ntrees; i++) {
    uint32_t t = m.place[i];
    size_t entries = m.rows[t] << m.c;
    tree[i].rows = m.rows[t];
    tree[i].row_offset = m.row_offset[t];
    *out += entries * (sizeof(vft_fp) + sizeof(vft_ext)); /* message, weights */
  }
  *proof = (size_t)vft_opening_length(&params, tree, m.ntrees, options->hash);
  *out += vft_whir_prove_bytes(&params, tree, m.ntrees, true, options->hash);
  *out += reopened * (size_t)vft_threads();
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
  TRY_OUT(opening_bytes(list, noracles, log_columns, options, false, bytes, proof_bytes));
  size_t nodes = (size_t)64 << (log_columns + options->log_inv_rate), most = 0;
  for (uint32_t o = 0; o < noracles; o++) { /* committed one after the other, then opened */
    size_t commit = commit_bytes((layout[o].length >> log_columns) + 1, log_columns, options,
                                 false);
    if (commit > most) most = commit;
  }
  if (most > *bytes) *bytes = most;
  *bytes += noracles * nodes;
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
  vft_trees trees;
  vft_fractions fr;
  memset(plan, 0, sizeof *plan);
  memset(&trees, 0, sizeof trees);
  memset(&fr, 0, sizeof fr);
  TRY_OUT(vft_trees_init(&trees, program));
  TRY_OUT(vft_fractions_init(&fr, program));
  unsigned c = program->log_columns;
  if (trees.witness != UINT32_MAX) {
    size_t rows = (trees.layout[trees.witness].length >> c) + 1;
    plan->commit = commit_bytes(rows, c, options, prove->keep_codewords);
    plan->kept = (64u << (c + options->log_inv_rate)) +
                 (prove->keep_codewords ? (rows + 8) * 8 << (c + options->log_inv_rate) : 0);
  }
  if (program->nlookups) {
    size_t rows = 0; /* tiles with multiplicities, and those at their ends */
    for (uint32_t t = 0; t < program->ntables; t++)
      rows += (size_t)program->tables[t].rows / VFT_LOGUP_TILE + 2;
    plan->lookups = vft_logup_plan(fr.n, fr.layout.length, prove->recompute, rows);
  }
  TRY_OUT(vft_rehearse(program, &plan->products));
  if (trees.ntrees) {
    const vft_layout **layout = vft_alloc(trees.ntrees, sizeof *layout);
    st = layout ? VFT_OK : VFT_RESOURCE;
    for (uint32_t t = 0; layout && t < trees.ntrees; t++) layout[t] = &trees.layout[t];
    if (st == VFT_OK)
      st = opening_bytes(layout, trees.ntrees, c, options, prove->keep_codewords && prove->links_kept,
                         &plan->opening, &plan->proof);
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
  return st;
}
