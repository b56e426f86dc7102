#include "hide/opening.h"

#include <string.h>

#include "relation/layout.h"

vft_status vft_hide_trees(vft_trees *trees, const vft_program *program, uint32_t randoms) {
  vft_status st = VFT_OK;
  vft_box *box = NULL;
  TRY(vft_trees_init(trees, program));
  if (trees->witness == UINT32_MAX) {
    st = vft_fail(VFT_USAGE, "hiding proof: program %s has no witness", program->name);
    goto out;
  }
  vft_layout *layout = &trees->layout[trees->witness];
  uint32_t n = layout->nboxes;
  box = vft_alloc((size_t)n + 1, sizeof *box);
  if (!box) {
    st = VFT_RESOURCE;
    goto out;
  }
  memcpy(box, layout->boxes, n * sizeof *box);
  box[n] = (vft_box){2, {randoms, 3}};
  vft_layout_free(layout);
  TRY_OUT(vft_layout_init(layout, box, n + 1));
out:
  vft_free(box);
  if (st != VFT_OK) vft_trees_free(trees);
  return st;
}

vft_status vft_hide_shape(const vft_trees *trees, unsigned log_columns,
                          const vft_proof_options *options, vft_matrix *matrix,
                          vft_hiding_shape *shape) {
  const vft_layout **layout = vft_alloc(trees->ntrees, sizeof *layout);
  memset(matrix, 0, sizeof *matrix);
  if (!layout) return VFT_RESOURCE;
  for (uint32_t t = 0; t < trees->ntrees; t++) layout[t] = &trees->layout[t];
  vft_status st = vft_matrix_init(matrix, layout, trees->ntrees, log_columns);
  vft_free(layout);
  TRY(st);
  uint32_t last = matrix->place[trees->ntrees - 1];
  return vft_hiding_shape_init(shape, matrix->row_offset[last] + matrix->rows[last], log_columns,
                               options->log_inv_rate, options->bits, options->grind,
                               options->test_queries);
}

typedef struct {
  vft_claim_batch tensors;
  vft_ext *pad, *late; /* weights of the random elements; late: those behind the stages' pads */
  uint32_t claims;
} batch;

/* The claim at hand says that what was added to it is `total`. */
static void next(batch *b, vft_ext total) {
  vft_claim_batch_next(&b->tensors, total);
  b->claims++;
}

static vft_status add_stages(batch *b, const vft_hidden *h) {
  for (uint32_t i = 0; i < h->nclaims; i++) {
    const vft_hidden_claim *c = &h->claim[i];
    for (uint32_t k = c->first; k < c->first + c->n; k++)
      TRY(vft_claim_batch_add(&b->tensors, &h->part[k].f, h->part[k].coef));
    vft_hidden_weigh(h, &c->total, vft_ext_neg(b->tensors.power));
    next(b, c->total.known);
  }
  for (uint32_t i = 0; i < h->nzeros; i++) {
    vft_hidden_weigh(h, &h->zero[i], b->tensors.power);
    next(b, vft_ext_neg(h->zero[i].known));
  }
  return VFT_OK;
}

static void add_products(batch *b, const vft_hidden *h, vft_ext rho, vft_ext chi,
                         const vft_ext cross[2], const vft_ext *factor) {
  vft_ext *a = b->late + h->nlate, *masks = a + h->nfactors;
  for (uint32_t i = 0; i < h->nfactors; i++) {
    vft_ext power = b->tensors.power;
    vft_hidden_weigh(h, &h->factor[i], vft_ext_mul(power, chi));
    a[i] = vft_ext_add(a[i], power);
    next(b, vft_ext_sub(factor[i], vft_ext_mul(chi, h->factor[i].known)));
  }
  vft_ext power = b->tensors.power, scale = vft_ext_mul(power, vft_ext_mul(chi, chi));
  vft_ext weight = VFT_EXT_ONE, sum = VFT_EXT_ZERO;
  for (uint32_t j = 0; j < h->nproducts; j++, weight = vft_ext_mul(weight, rho)) {
    const vft_hidden_product *p = &h->product[j];
    vft_ext xy = vft_ext_mul(factor[p->left], factor[p->right]);
    sum = vft_ext_add(sum, vft_ext_mul(weight, xy));
    b->late[p->late] = vft_ext_add(b->late[p->late], vft_ext_mul(scale, weight));
  }
  masks[0] = vft_ext_mul(power, chi);
  masks[1] = power;
  sum = vft_ext_sub(sum, vft_ext_mul(chi, cross[0]));
  next(b, vft_ext_sub(sum, cross[1]));
}

/* The batch as claims on boxes: tensors, then the random elements. */
static vft_status list_claims(const batch *b, const vft_hidden *h, const vft_trees *trees,
                              vft_axis axis[2], vft_opening_claim *claim, size_t *n) {
  static const vft_ext coordinate[3] = {{{{1}, {0}, {0}}}, {{{0}, {1}, {0}}}, {{{0}, {0}, {1}}}};
  TRY(vft_claim_batch_list(&b->tensors, trees, claim));
  *n = b->tensors.set.n;
  axis[0] = (vft_axis){{VFT_W_VEC, vft_hidden_randoms(h), b->pad}, 0};
  axis[1] = (vft_axis){{VFT_W_VEC, 3, coordinate}, 0};
  vft_functional f = {trees->layout[trees->witness].nboxes - 1, 2, axis};
  claim[(*n)++] = (vft_opening_claim){trees->witness, VFT_EXT_ONE, f};
  return vft_opening_sort(claim, *n);
}

static vft_status account(const vft_hidden *h, const batch *b, const vft_whir_params *params,
                          vft_soundness *s) {
  if (h->nproducts)
    TRY(vft_soundness_add(s, (uint64_t)h->nproducts + 2, "[SZ]", "hidden products: %u",
                          h->nproducts));
  if (b->claims > 1)
    TRY(vft_soundness_add(s, b->claims - 1, "[SZ]", "opening: %u claims", b->claims));
  return vft_hiding_account(s, "opening", params);
}

vft_status vft_hide_open(vft_channel *ch, const vft_hidden *h, const vft_trees *trees,
                         const vft_digest *root, unsigned log_columns,
                         const vft_proof_options *options, const vft_hide_hooks *prover,
                         const vft_ext *lambda, vft_soundness *soundness) {
  vft_status st = VFT_OK;
  vft_matrix matrix;
  vft_hiding_shape shape;
  vft_whir_params params;
  vft_axis axis[2];
  vft_ext rho = VFT_EXT_ZERO, chi = VFT_EXT_ZERO, cross[2] = {VFT_EXT_ZERO, VFT_EXT_ZERO};
  size_t n;
  batch b = {.tensors = {.power = VFT_EXT_ONE, .sigma = VFT_EXT_ZERO}};
  vft_opening_claim *claim = NULL;
  vft_whir_tree *tree = vft_alloc(trees->ntrees, sizeof *tree);
  vft_ext *late = vft_alloc((size_t)h->nlate + 1, sizeof *late);
  vft_ext *factor = vft_alloc((size_t)h->nfactors + 1, sizeof *factor);
  memset(&matrix, 0, sizeof matrix);
  b.pad = vft_alloc(vft_hidden_randoms(h), sizeof *b.pad);
  if (!tree || !late || !factor || !b.pad) {
    st = VFT_RESOURCE;
    goto out;
  }
  b.late = b.pad + h->npads;
  TRY_OUT(vft_hide_shape(trees, log_columns, options, &matrix, &shape));
  vft_hiding_claim hiding = {.tree = tree, .trees = trees->ntrees};
  for (uint32_t i = 0; i < trees->ntrees; i++) {
    uint32_t t = matrix.place[i];
    tree[i] = (vft_whir_tree){.root = root[t], .rows = matrix.rows[t],
                              .row_offset = matrix.row_offset[t],
                              .salted = t == trees->witness};
    if (tree[i].salted) hiding.masked = i;
  }
  TRY_OUT(vft_hiding_params(&params, &shape));
  matrix.k0 = shape.k0; /* weights are asked for at points of the hiding matrix */
  if (prover) TRY_OUT(prover->late(prover->ctx, h, late));
  TRY_OUT(vft_channel_send_ext(ch, "hiding/late", late, h->nlate));
  if (h->nproducts) {
    rho = vft_channel_challenge_ext(ch, "hiding/rho");
    if (prover) prover->cross(prover->ctx, h, rho, cross);
    TRY_OUT(vft_channel_send_ext(ch, "hiding/cross", cross, 2));
    chi = vft_channel_challenge_ext(ch, "hiding/chi");
    if (prover) prover->factors(prover->ctx, h, chi, factor);
    TRY_OUT(vft_channel_send_ext(ch, "hiding/factors", factor, h->nfactors));
  }
  b.tensors.gamma = vft_channel_challenge_ext(ch, "opening/gamma");
  TRY_OUT(add_stages(&b, h));
  if (h->nproducts) add_products(&b, h, rho, chi, cross, factor);
  vft_hidden_spread(h, b.pad, b.late);
  hiding.sigma = b.tensors.sigma; /* of the pads alone: what was sent of late scalars is known */
  for (uint32_t i = 0; i < h->nlate; i++)
    hiding.sigma = vft_ext_sub(hiding.sigma, vft_ext_mul(b.late[i], late[i]));
  claim = vft_alloc((size_t)b.tensors.set.n + 1, sizeof *claim);
  if (!claim) {
    st = VFT_RESOURCE;
    goto out;
  }
  TRY_OUT(list_claims(&b, h, trees, axis, claim, &n));
  TRY_OUT(account(h, &b, &params, soundness));
  vft_opening opening = {&matrix, claim, n};
  if (prover)
    st = prover->open(prover->ctx, ch, &params, &shape, &hiding, &opening);
  else
    st = vft_hiding_verify(ch, &params, &shape, &hiding, vft_opening_weight, &opening, lambda);
out:
  vft_free(claim);
  vft_free(late);
  vft_free(b.pad);
  vft_claim_batch_free(&b.tensors);
  vft_free(factor);
  vft_free(tree);
  vft_matrix_free(&matrix);
  return st;
}
