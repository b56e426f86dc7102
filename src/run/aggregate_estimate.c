#include "run/aggregate_estimate.h"

#include <string.h>

#include "base/clock.h"
#include "relation/layout.h"
#include "run/leaf_keys.h"
#include "run/memory.h"

/* The outermost circuit has half the cells of a node and eight times a node's code; it is hiding. */
enum { OUTER_NODES = 3 };

typedef struct {
  double record, prove, wiring; /* seconds */
  size_t memory, key;           /* while it is proved; of its key */
} leaf_cost;

/* A proof of the machine, and the commitment of a wiring. rates: NULL, no times are asked for. */
static vft_status machine_cost(const vft_machine_shape *shape, const vft_prove_rates *rates,
                               leaf_cost *out) {
  vft_machine *m;
  vft_cost cost;
  vft_prove_plan plan;
  const vft_prove_options how = {.keep_codewords = true, .links_kept = true};
  vft_proof_options options = vft_node_options();
  TRY(vft_machine_build(shape, &m));
  vft_status st = vft_program_cost(m->program, &cost);
  if (st == VFT_OK && rates) st = vft_prove_seconds(rates, m->program, &out->prove);
  if (st == VFT_OK) st = vft_prove_plan_init(&plan, m->program, &options, &how);
  if (st == VFT_OK) {
    double columns = (double)((uint64_t)1 << shape->log_columns);
    if (rates) out->wiring = (double)cost.link * rates->commit + columns * rates->column;
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

/* The greatest leaf: while it is proved, keys of those after it wait. Those that do not fit into `room` are
 * made twice: their `key` is set to 0. */
static size_t greatest(leaf_cost *kind, uint32_t n, const leaf_cost *node, size_t room) {
  size_t later = 0, bytes = 0;
  for (uint32_t k = 0; k < n; k++) {
    kind[k].key += node->key; /* its own and its wrap's */
    if (kind[k].key <= room) room -= kind[k].key;
    else kind[k].key = 0;
  }
  for (uint32_t k = n; k-- > 0;) {
    size_t memory = kind[k].memory + later;
    later += kind[k].key;
    if (memory > bytes) bytes = memory;
  }
  return bytes;
}

vft_status vft_aggregate_memory(vft_aggregation *a, size_t room, size_t *bytes) {
  leaf_cost node = {0}, kind[VFT_LEAF_KINDS];
  vft_leaf_kinds kinds;
  vft_machine_shape shape = vft_node_shape();
  size_t oracles;
  uint64_t length;
  memset(kind, 0, sizeof kind);
  TRY(vft_leaf_kinds_of(&a->leaves, &kinds));
  TRY(machine_cost(&shape, NULL, &node));
  for (uint32_t k = 0; k < kinds.n; k++) TRY(kind_cost(a, kinds.example[k], NULL, &kind[k]));
  TRY(vft_memory_oracles(a->manifest, a->step, &oracles, &length));
  *bytes = oracles + greatest(kind, kinds.n, &node, room);
  return VFT_OK;
}

vft_status vft_aggregate_estimate(const vft_manifest *manifest, vft_step *step, const vft_cut *cut,
                                  const vft_prove_rates *rates, double open_seconds,
                                  vft_aggregate_cost *out) {
  vft_aggregation a;
  leaf_cost node = {0}, kind[VFT_LEAF_KINDS];
  uint64_t openings = 0;
  double weights = (double)vft_program_tree_elements(step->program, VFT_ORACLE, step->oracle_base);
  vft_leaf_kinds kinds;
  vft_machine_shape shape = vft_node_shape();
  vft_leaf_choice choice = vft_leaf_choice_default(cut);
  memset(&a, 0, sizeof a);
  memset(kind, 0, sizeof kind);
  TRY(vft_aggregation_manifest(manifest, step, cut, &choice, &a));
  vft_status st = vft_leaf_kinds_of(&a.leaves, &kinds);
  if (st == VFT_OK) st = machine_cost(&shape, rates, &node);
  for (uint32_t k = 0; st == VFT_OK && k < kinds.n; k++) {
    st = kind_cost(&a, kinds.example[k], rates, &kind[k]);
  }
  if (st == VFT_OK) out->memory_bytes = greatest(kind, kinds.n, &node, VFT_KEYS_KEPT);
  /* Its key and its wrap's, for the table of keys; where they are not kept, again when it is proved. */
  for (uint32_t k = 0; st == VFT_OK && k < kinds.n; k++)
    out->seconds += kind[k].record + (kind[k].key ? 1 : 2) * (kind[k].wiring + node.wiring);
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
