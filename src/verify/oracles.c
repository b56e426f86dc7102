/* Oracle claims: carried out of proofs, opened once against the oracles' trees. */
#include <string.h>

#include "verify/open.h"

const char vft_oracle_protocol_name[] = "vft/oracle-opening/1";

static size_t weight_values(const vft_weight *w) {
  return w->kind == VFT_W_ONES ? 0 : w->kind == VFT_W_VEC ? w->size : vft_log2_ceil(w->size);
}

static vft_status copy_functional(vft_arena *arena, const vft_functional *f, vft_functional *out) {
  vft_axis *axis = vft_arena_alloc(arena, f->rank, sizeof *axis);
  if (!axis) return VFT_RESOURCE;
  for (uint32_t a = 0; a < f->rank; a++) {
    size_t n = weight_values(&f->axis[a].w);
    vft_ext *v = vft_arena_alloc(arena, n, sizeof *v);
    if (!v) return VFT_RESOURCE;
    if (n) memcpy(v, f->axis[a].w.v, n * sizeof *v);
    axis[a] = f->axis[a];
    axis[a].w.v = v;
  }
  *out = (vft_functional){f->tensor, f->rank, axis};
  return VFT_OK;
}

vft_status vft_oracle_claims_append(vft_oracle_claims *dst, const vft_oracle_claims *src,
                                    const uint32_t *oracle_map) {
  for (uint32_t i = 0; i < src->n; i++) {
    TRY(vft_reserve((void **)&dst->claim, &dst->cap, dst->n + 1, sizeof *dst->claim));
    vft_oracle_claim *c = &dst->claim[dst->n];
    *c = src->claim[i];
    if (oracle_map) c->oracle = oracle_map[c->oracle];
    TRY(copy_functional(&dst->arena, &src->claim[i].f, &c->f));
    dst->n++;
  }
  return VFT_OK;
}

void vft_oracle_claims_free(vft_oracle_claims *claims) {
  vft_free(claims->claim);
  vft_arena_free(&claims->arena);
  memset(claims, 0, sizeof *claims);
}

uint32_t vft_oracles_opened(const vft_oracle_claims *claims, uint32_t ntrees, uint32_t *opened) {
  uint32_t n = 0;
  for (uint32_t t = 0; t < ntrees; t++)
    for (uint32_t i = 0; i < claims->n; i++)
      if (claims->claim[i].oracle == t) {
        opened[n++] = t;
        break;
      }
  return n;
}

static void absorb_claim(vft_channel *ch, const vft_oracle_claim *c) {
  vft_channel_absorb_u64(ch, "claim/oracle", c->oracle);
  vft_channel_absorb_u64(ch, "claim/index", c->index);
  for (uint32_t a = 0; a < c->f.rank; a++) {
    const vft_axis *axis = &c->f.axis[a];
    vft_channel_absorb_u64(ch, "claim/kind", axis->w.kind);
    vft_channel_absorb_u64(ch, "claim/off", axis->off);
    vft_channel_absorb_u64(ch, "claim/size", axis->w.size);
    vft_channel_absorb_ext(ch, "claim/weights", axis->w.v, weight_values(&axis->w));
  }
  vft_channel_absorb_ext(ch, "claim/value", &c->value, 1);
}

/* The claim speaks of a tensor that the tree has, in the tree's shape. */
static vft_status check_claim(const vft_oracle_claim *c, const vft_tree_info *tree,
                              uint32_t ntrees) {
  if (c->oracle >= ntrees || c->index >= tree[c->oracle].nboxes || c->f.tensor != c->index)
    return vft_fail(VFT_USAGE, "oracle claim: no tensor %u in oracle %u", c->index, c->oracle);
  const vft_box *box = &tree[c->oracle].box[c->index];
  bool same = box->rank == c->box.rank && box->rank == c->f.rank;
  for (uint32_t a = 0; same && a < box->rank; a++)
    same = box->dims[a] == c->box.dims[a] &&
           (uint64_t)c->f.axis[a].off + c->f.axis[a].w.size <= box->dims[a];
  if (!same)
    return vft_fail(VFT_USAGE, "oracle claim: tensor %u of oracle %u has another shape", c->index,
                    c->oracle);
  return VFT_OK;
}

vft_status vft_driver_open_oracles(vft_channel *ch, const vft_tree_info *tree, uint32_t ntrees,
                                   unsigned log_columns, const vft_oracle_claims *claims,
                                   const vft_proof_options *options,
                                   const vft_prover_side *prover, vft_soundness *soundness) {
  vft_status st = VFT_OK;
  uint32_t made = 0, nopened = 0;
  uint32_t *opened = vft_alloc(ntrees, sizeof *opened), *number = NULL;
  vft_layout *layout = vft_alloc(ntrees, sizeof *layout);
  const vft_layout **ref = vft_alloc(ntrees, sizeof *ref);
  vft_digest *root = vft_alloc(ntrees, sizeof *root);
  vft_opening_claim *claim = vft_alloc(claims->n, sizeof *claim);
  number = vft_alloc(ntrees, sizeof *number);
  if (!opened || !layout || !ref || !root || !claim || !number) {
    st = VFT_RESOURCE;
    goto out;
  }
  vft_driver_absorb_options(ch, options);
  vft_channel_absorb_u64(ch, "oracles/log_columns", log_columns);
  for (uint32_t i = 0; i < claims->n; i++) TRY_OUT(check_claim(&claims->claim[i], tree, ntrees));
  nopened = vft_oracles_opened(claims, ntrees, opened);
  if (nopened == 0) {
    st = vft_fail(VFT_USAGE, "oracle opening: there are no claims");
    goto out;
  }
  vft_channel_absorb_u64(ch, "oracles/opened", nopened);
  for (; made < nopened; made++) {
    const vft_tree_info *t = &tree[opened[made]];
    TRY_OUT(vft_layout_init(&layout[made], t->box, t->nboxes));
    ref[made] = &layout[made];
    root[made] = t->root;
    number[opened[made]] = made;
    vft_channel_absorb_digest(ch, "oracles/root", &t->root);
    vft_channel_absorb_u64(ch, "oracles/tensors", t->nboxes);
    for (uint32_t b = 0; b < t->nboxes; b++)
      for (uint32_t a = 0; a < t->box[b].rank; a++)
        vft_channel_absorb_u64(ch, "oracles/dim", (uint64_t)b << 32 | t->box[b].dims[a]);
  }
  vft_channel_absorb_u64(ch, "oracles/claims", claims->n);
  for (uint32_t i = 0; i < claims->n; i++) absorb_claim(ch, &claims->claim[i]);
  vft_ext gamma = vft_channel_challenge_ext(ch, "opening/gamma");
  vft_ext power = VFT_EXT_ONE, sigma = VFT_EXT_ZERO;
  for (uint32_t i = 0; i < claims->n; i++) {
    const vft_oracle_claim *c = &claims->claim[i];
    claim[i] = (vft_opening_claim){number[c->oracle], power, c->f};
    sigma = vft_ext_add(sigma, vft_ext_mul(power, c->value));
    power = vft_ext_mul(power, gamma);
  }
  if (claims->n > 1)
    TRY_OUT(vft_soundness_add(soundness, claims->n - 1, "[SZ]", "oracles: %u claims", claims->n));
  TRY_OUT(vft_driver_open(ch, ref, root, nopened, log_columns, claim, claims->n, sigma, options,
                          prover, soundness));
out:
  for (uint32_t i = 0; i < made; i++) vft_layout_free(&layout[i]);
  vft_free(opened);
  vft_free(number);
  vft_free(layout);
  vft_free(ref);
  vft_free(root);
  vft_free(claim);
  return st;
}

vft_status vft_verify_oracles(const vft_tree_info *tree, uint32_t ntrees, unsigned log_columns,
                              const vft_oracle_claims *claims, const vft_proof_options *options,
                              vft_verify_flags flags, const uint8_t *proof, size_t len,
                              vft_soundness *soundness) {
  vft_status st = VFT_OK;
  vft_soundness account;
  memset(&account, 0, sizeof account);
  vft_channel *ch = vft_channel_verifier(vft_oracle_protocol_name, options->hash, proof, len);
  if (!ch) return VFT_RESOURCE;
  TRY_OUT(vft_driver_open_oracles(ch, tree, ntrees, log_columns, claims, options, NULL, &account));
  TRY_OUT(vft_channel_finish(ch));
  TRY_OUT(vft_driver_soundness(&account, flags));
  if (soundness) {
    *soundness = account;
    memset(&account, 0, sizeof account);
  }
out:
  vft_soundness_free(&account);
  vft_channel_free(ch);
  return st;
}
