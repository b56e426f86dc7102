/* Shapes of a proof: the vector of fractions, the trees. */
#include <string.h>

#include "verify/driver.h"

vft_status vft_fractions_init(vft_fractions *fr, const vft_program *program) {
  memset(fr, 0, sizeof *fr);
  uint32_t n = program->nlookups + program->ntables;
  vft_box *box = vft_alloc(n, sizeof *box);
  if (!box) return VFT_RESOURCE;
  for (uint32_t i = 0; i < program->nlookups; i++) {
    box[i].rank = program->lookups[i].nindex;
    for (uint32_t a = 0; a < box[i].rank; a++) box[i].dims[a] = program->lookups[i].size[a];
  }
  for (uint32_t i = 0; i < program->ntables; i++)
    box[program->nlookups + i] = (vft_box){1, {program->tables[i].rows}};
  vft_status st = vft_layout_init(&fr->layout, box, n);
  vft_free(box);
  TRY(st);
  fr->n = fr->layout.length ? vft_log2_ceil(fr->layout.length) : 0;
  return VFT_OK;
}

void vft_fractions_free(vft_fractions *fr) { vft_layout_free(&fr->layout); }

static vft_status tree_layout(const vft_program *program, vft_origin origin, uint32_t group,
                              vft_trees *trees, uint32_t number) {
  vft_status st = VFT_OK;
  vft_tensor_id *id = vft_alloc(program->ntensors, sizeof *id);
  vft_box *box = vft_alloc(program->ntensors, sizeof *box);
  if (!id || !box) {
    st = VFT_RESOURCE;
    goto out;
  }
  uint32_t n = vft_layout_tree_tensors(program, origin, group, id, program->ntensors);
  for (uint32_t i = 0; i < n; i++) {
    box[i] = vft_layout_tensor_box(&program->tensors[id[i]]);
    trees->tree[id[i]] = number;
    trees->box[id[i]] = i;
  }
  TRY_OUT(vft_layout_init(&trees->layout[number], box, n));
  if (n == 0 && origin == VFT_LINK)
    st = vft_fail(VFT_USAGE, "program %s: link %s has no tensor", program->name,
                  program->link_names[group]);
out:
  vft_free(id);
  vft_free(box);
  return st;
}

vft_status vft_trees_init(vft_trees *trees, const vft_program *program) {
  vft_status st = VFT_OK;
  memset(trees, 0, sizeof *trees);
  trees->witness = UINT32_MAX;
  trees->layout = vft_alloc((size_t)program->nlinks + 1, sizeof *trees->layout);
  trees->tree = vft_alloc(program->ntensors, sizeof *trees->tree);
  trees->box = vft_alloc(program->ntensors, sizeof *trees->box);
  if (!trees->layout || !trees->tree || !trees->box) {
    st = VFT_RESOURCE;
    goto out;
  }
  for (uint32_t t = 0; t < program->ntensors; t++) trees->tree[t] = trees->box[t] = UINT32_MAX;
  for (uint32_t l = 0; l < program->nlinks; l++) {
    trees->ntrees = l + 1;
    TRY_OUT(tree_layout(program, VFT_LINK, l, trees, l));
  }
  if (vft_layout_tree_tensors(program, VFT_WITNESS, 0, NULL, 0)) {
    trees->witness = trees->ntrees++;
    TRY_OUT(tree_layout(program, VFT_WITNESS, 0, trees, trees->witness));
  }
out:
  if (st != VFT_OK) vft_trees_free(trees);
  return st;
}

void vft_trees_free(vft_trees *trees) {
  for (uint32_t t = 0; t < trees->ntrees; t++) vft_layout_free(&trees->layout[t]);
  vft_free(trees->layout);
  vft_free(trees->tree);
  vft_free(trees->box);
  memset(trees, 0, sizeof *trees);
}
