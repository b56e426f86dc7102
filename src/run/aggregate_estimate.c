#include "run/aggregate_estimate.h"

#include <string.h>

#include "base/clock.h"
#include "relation/layout.h"
#include "run/leaf_keys.h"

/* The outermost circuit has half the cells of a node and eight times a node's code; it is hiding. */
enum { OUTER_NODES = 3 };

typedef struct {
  double record, prove, wiring; /* seconds */
  size_t memory, key;           /* while it is proved; of its key */
} leaf_cost;

/* A proof of the machine, and the commitment of a wiring. */
static vft_status machine_cost(const vft_machine_shape *shape, const vft_prove_rates *rates,
                               leaf_cost *out) {
  vft_machine *m;
  vft_cost cost;
  vft_prove_plan plan;
  const vft_prove_options how = {.keep_codewords = true, .links_kept = true};
  vft_proof_options options = vft_node_options();
  TRY(vft_machine_build(shape, &m));
  vft_status st = vft_program_cost(m->program, &cost);
  if (st == VFT_OK) st = vft_prove_seconds(rates, m->program, &out->prove);
  if (st == VFT_OK) st = vft_prove_plan_init(&plan, m->program, &options, &how);
  if (st == VFT_OK) {
    double columns = (double)((uint64_t)1 << shape->log_columns);
    out->wiring = (double)cost.link * rates->commit + columns * rates->column;
    out->prove -= out->wiring; /* which is the key's */
    /* fields of 8 bytes in the trace, the wiring with its codewords, the circuit's cells */
    out->key = 20 * (size_t)cost.link + 192 * ((size_t)1 << shape->log_columns); /* and its tree */
    out->memory = plan.peak + 8 * (size_t)(cost.witness + cost.link) + 16 * (size_t)cost.link +
                  24 * (size_t)(vft_machine_cells(shape, VFT_SEGMENT_WIDE) +
                                vft_machine_cells(shape, VFT_SEGMENT_NARROW) + shape->sums);
  }
  vft_machine_free(m);
  return st;
}

static vft_status kind_cost(vft_aggregation *a, uint64_t example, const vft_prove_rates *rates,
                            leaf_cost *out) {
  vft_circuit *c;
  vft_machine_shape shape;
  double begun = vft_seconds();
  TRY(vft_leaf_make(a, example, NULL, NULL, &c));
  out->record = vft_seconds() - begun;
  vft_machine_fit(c, vft_leaf_columns(c), &shape);
  vft_circuit_free(c);
  return machine_cost(&shape, rates, out);
}

vft_status vft_aggregate_estimate(const vft_manifest *manifest, vft_step *step, const vft_cut *cut,
                                  const vft_prove_rates *rates, double open_seconds,
                                  vft_aggregate_cost *out) {
  vft_aggregation a;
  leaf_cost node, kind[VFT_LEAF_KINDS];
  uint64_t openings = 0;
  double weights = (double)vft_program_tree_elements(step->program, VFT_ORACLE, step->oracle_base);
  vft_leaf_kinds kinds;
  size_t room = VFT_KEYS_KEPT, later = 0;
  vft_machine_shape shape = vft_node_shape();
  vft_leaf_choice choice = vft_leaf_choice_default(cut);
  memset(&a, 0, sizeof a);
  memset(kind, 0, sizeof kind);
  TRY(vft_aggregation_manifest(manifest, step, cut, &choice, &a));
  vft_status st = vft_leaf_kinds_of(&a.leaves, &kinds);
  if (st == VFT_OK) st = machine_cost(&shape, rates, &node);
  for (uint32_t k = 0; st == VFT_OK && k < kinds.n; k++) {
    st = kind_cost(&a, kinds.example[k], rates, &kind[k]);
    /* its key and its wrap's, for the table of keys; where they are not kept, again when it is proved */
    double keys_seconds = kind[k].wiring + node.wiring;
    kind[k].key += node.key;
    bool kept = kind[k].key <= room;
    if (kept) room -= kind[k].key;
    else kind[k].key = 0;
    out->seconds += kind[k].record + (kept ? 1 : 2) * keys_seconds;
  }
  for (uint32_t k = kinds.n; k-- > 0;) { /* while it is proved, keys of those after it wait */
    size_t memory = kind[k].memory + later;
    later += kind[k].key;
    if (memory > out->memory_bytes) out->memory_bytes = memory;
  }
  out->leaves = vft_leaves_count(&a.leaves);
  for (uint64_t i = 0; st == VFT_OK && i < out->leaves; i++) {
    vft_leaf leaf = vft_leaf_at(&a.leaves, i);
    uint32_t k;
    st = vft_leaf_kind(&a.leaves, &kinds, &leaf, &k);
    if (st != VFT_OK) break;
    /* Its proofs are verified when the run is opened, which takes about what recording that does; and its
     * wrap. */
    out->seconds += 2 * kind[k].record + kind[k].prove + node.prove;
    for (uint32_t p = 0; p < leaf.pieces; p++)
      openings += vft_piece_at(&a.leaves, leaf.piece + p).what == VFT_PIECE_OPENING;
    if (i) out->seconds += node.prove;
  }
  out->seconds += OUTER_NODES * node.prove + open_seconds;
  if (openings > 1) out->seconds += (double)(openings - 1) * (rates->proof + weights * rates->open);
  vft_aggregation_close(&a);
  return st;
}
