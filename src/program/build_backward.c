/* Backward pass and gradients of the LoRA matrices, of the SUM of the masked losses.
 *
 * residual_grad[l + grad_at] is the gradient after covered layer l (so of H1[l+1]); the gradient
 * before layer 0 of the model is not needed, that before the first layer of a later part is
 * residual_grad[0]. Bounds (SmolLM2-135M, default containers: n_grad = 28, n_dop = 25, n_ds = 26,
 * n_dx = 23, w_r = 26; S n tokens):
 *   x . dy            2^(15 + 22 + 9.2)
 *   r w, r w2         2^(w_r + 34) = 2^60, 2^(w_r + w_w2 - 1) = 2^60
 *   r gamma dy        2^(w_r + 11 + 22) = 2^59, at most 2^60 aligned (profile.c)
 *   h w3              a lemma, see vft_build_norm_backward
 *   W^T dy            2^(13 + 27 + 10.6), raised to the LoRA term's exponent: all that meet in one
 *                     gradient below 3 2^59 by the profile's rule for avb
 *   B^T dy            2^(21 + 27 + 10.6) <= 2^61 by the profile's rule for n_grad
 *   dm u z'           2^(27 + 15 + 14.2)
 *   E (dP - dl)       2^(14 + 24 + 15 + 6 + 1) <= 2^60 by the profile's rule for n_dop
 *   Rot sum dS q'     2^(11 + 25 + 15) u n <= 2^60 by the profile's rule for n_ds
 *   acc_A of down     2^(w_vb_down - 1 + 15 + 15) S n <= 2^61 by the profile's rule; of others
 *                     2^(31 + 15) S n <= 2^61 for the 2^15 tokens that a step has at most
 *   acc_B             2^(27 + 21) S n <= 2^61 by the profile's rule for n_grad */
#include <string.h>

#include "program/build.h"

static const char *with(vft_build *c, const char *a, const char *b) {
  return vft_build_name(&c->b, "%s%s", a, b);
}

/* y = gamma h r with r = 1 / rms(h):
 *   dh = r gamma dy - h r^2 c / d,  c = sum_j h_j r gamma_j dy_j = x . dy.
 * w = c / d, w2 = r w, w3 = RQ_k(r w2), out = RQ(base + r gamma dy - h w3).
 * |h w3| <= |h| (r |w2| / 2^k + 1/2), and |h| r is bounded by the norm (vft_build_norm). */
void vft_build_norm_backward(vft_build *c, const vft_norm_backward *n) {
  vft_builder *b = &c->b;
  const vft_profile *f = c->f;
  if (b->status != VFT_OK) return;
  vft_real_term dot = VFT_R2(1, n->x, n->x_axes, n->dy, n->dy_axes);
  vft_tensor_id sum = vft_build_define(b, with(c, n->path, "/dot"), n->rows, 0, &dot, 1);
  if (b->status != VFT_OK) return;
  /* a mean of d products of 16 and n_dx bits, which have room for growth; bounds r w by 2^60 */
  const char *w_name = with(c, n->path, "/dot/mean");
  vft_tensor_id w = vft_build_wide(b, w_name, n->rows, 61 - f->w_r < 36 ? 61 - f->w_r : 36, true,
                                   b->ops->step->frac[sum]);
  vft_raw_term num = VFT_RAW1(1, sum, n->rows), den = VFT_RAW0(c->s->d);
  vft_build_div(b, (vft_build_out){w_name, w, n->rows}, &num, 1, &den, 1);
  vft_real_term once = VFT_R2(1, n->r, n->r_axes, w, n->rows);
  vft_tensor_id w2 = vft_build_requant_wide(b, with(c, n->path, "/dot/r"), n->rows, f->w_w2, true,
                                            n->f_w2, &once, 1);
  vft_real_term twice = VFT_R2(1, n->r, n->r_axes, w2, n->rows);
  vft_tensor_id w3 = vft_build_requant_wide(b, with(c, n->path, "/dot/rr"), n->rows, f->w_w3, true,
                                            n->f_w3, &twice, 1);
  vft_real_term dh[3] = {VFT_R3(1, n->r, n->r_axes, n->gain, n->gain_axes, n->dy, n->dy_axes),
                         VFT_R2(-1, n->h, n->h_axes, w3, n->rows)};
  vft_i128 most[1024];
  for (int l = 0; l < n->layers; l++) {
    int k = f->f_r + n->f_w2.v[n->f_w2.n > 1 ? l : 0] - n->f_w3.v[n->f_w3.n > 1 ? l : 0];
    vft_i128 product = vft_bound_shift(c->normalised, f->w_w2 - 1);
    most[l] = vft_bound_shift(product, -k) + ((vft_i128)1 << (f->w_h - 1)) + 1;
  }
  dh[1].lemma = "w3 = round(r w2 / 2^k), so |h w3| <= |h| r |w2| / 2^k + |h| / 2; |h| <= sqrt(X) < "
                "(s + 1) / 2^e for s = isqrt(4^e X), X >= sum h^2, and r s <= C + s / 2 by the "
                "division, so |h| r < (C + s / 2 + r) / 2^e";
  dh[1].most = most;
  int terms = 2;
  if (n->base != VFT_NO_TENSOR) dh[terms++] = VFT_R1(1, n->base, n->base_axes);
  vft_build_requant(b, n->out, VFT_NO_TENSOR, NULL, false, dh, terms);
}

/* vb = 2^a B^T dy, and rounded to the exponent at which A^T vb meets W^T dy. */
typedef struct {
  vft_tensor_id vb, summed; /* one tensor where no layer's exponents differ */
} inner;

static inner inner_grad(vft_build *c, int p, vft_tensor_id dy) {
  vft_builder *b = &c->b;
  if (!vft_build_adapted(c, p)) return (inner){VFT_NO_TENSOR, VFT_NO_TENSOR};
  const char *out = vft_build_out_axes(p);
  uint32_t L = (uint32_t)c->s->layers;
  vft_real_term t = VFT_R2(1, c->work[p][1], vft_build_name(b, "l%sr", out), dy,
                           vft_build_name(b, "lspq%s", out));
  t.exp2 = c->s->alpha_log2;
  int bits = p == VFT_DOWN ? c->f->w_vb_down : c->f->w_vb;
  inner v;
  v.vb = v.summed =
      vft_build_requant_wide(b, with(c, vft_projection_path[p], "/vb"), "lspqr", bits, true,
                             vft_build_fracs(b, c->f->vb + (size_t)p * L, L), &t, 1);
  const vft_profile *all = c->model; /* so that all parts have the same relations */
  size_t layers = (size_t)all->layers, at = (size_t)p * layers;
  if (!memcmp(all->vb + at, all->avb + at, layers * sizeof *all->vb)) return v;
  t = VFT_R1(1, v.vb, "lspqr");
  v.summed =
      vft_build_requant_wide(b, with(c, vft_projection_path[p], "/vb_summed"), "lspqr", bits, true,
                             vft_build_fracs(b, c->f->avb + (size_t)p * L, L), &t, 1);
  return v;
}

/* Terms W^T dy + A^T vb for layers l + off. */
static int transposed_terms(vft_build *c, int p, vft_tensor_id dy, inner v, int off,
                            vft_real_term *terms) {
  vft_builder *b = &c->b;
  const char *in = vft_build_in_axes(p), *out = vft_build_out_axes(p);
  const char *l = off ? vft_build_name(b, "l+%d", off) : "l";
  terms[0] = VFT_R2(1, c->step->w[p], vft_build_base_axes(c, off, with(c, out, in)), dy,
                    vft_build_name(b, "%sspq%s", l, out));
  if (v.summed == VFT_NO_TENSOR) return 1;
  terms[1] = VFT_R2(1, c->work[p][0], vft_build_name(b, "%sr%s", l, in), v.summed,
                    vft_build_name(b, "%sspqr", l));
  return 2;
}

/* Sums over all tokens of the step: A: vb x^T, B: 2^a dy U^T, each rounded once. */
static void lora_grads(vft_build *c, int p, vft_tensor_id dy, inner v,
                       const vft_axes_factor *x, int nx) {
  vft_builder *b = &c->b;
  if (!vft_build_adapted(c, p)) return;
  const char *in = vft_build_in_axes(p), *out = vft_build_out_axes(p);
  uint32_t L = (uint32_t)c->s->layers;
  vft_real_term a = VFT_R1(1, v.vb, "lspqr");
  for (int i = 0; i < nx; i++) a.factor[a.nfactors++] = x[i];
  vft_real_term u = VFT_R2(1, dy, vft_build_name(b, "lspq%s", out), c->u[p], "lspqr");
  u.exp2 = c->s->alpha_log2;
  for (int kind = 0; kind < 2; kind++) {
    const char *name =
        vft_build_name(b, "%s/%s", vft_projection_path[p], kind ? "grad_B" : "grad_A");
    const char *axes = kind ? vft_build_name(b, "l%sr", out) : vft_build_name(b, "lr%s", in);
    vft_tensor_id g = c->grad_out[p][kind];
    if (g == VFT_NO_TENSOR)
      g = vft_build_wide(b, name, axes, c->f->w_g, true,
                         vft_build_fracs(b, c->f->g0 + (size_t)(2 * p + kind) * L, L));
    vft_build_requant(b, (vft_build_out){name, g, axes}, VFT_NO_TENSOR, NULL, false,
                      kind ? &u : &a, 1);
    c->step->sum_grad[p][kind] = c->g0[p][kind] = g;
  }
}

/* A gradient in its container. */
static vft_tensor_id sized(vft_build *c, const char *name, const char *axes, int bits,
                           const int *frac, const vft_real_term *terms, int n) {
  vft_frac f = vft_build_fracs(&c->b, frac, c->b.size['l']);
  if (bits <= VFT_MAX_RANGE_BITS)
    return vft_build_requant_narrow(&c->b, name, axes, bits, f, terms, n);
  return vft_build_requant_wide(&c->b, name, axes, bits, true, f, terms, n);
}

static vft_tensor_id gradient(vft_build *c, const char *name, const char *axes, const int *frac,
                              const vft_real_term *terms, int n) {
  return sized(c, name, axes, c->f->n_grad, frac, terms, n);
}

void vft_build_layers_backward(vft_build *c) {
  vft_builder *b = &c->b;
  const vft_profile *f = c->f;
  uint32_t L = b->size['l'];
  vft_real_term t[8];
  int n;

  /* MLP */
  const char *above = c->grad_at ? "l+1spqd" : "lspqd";
  t[0] = VFT_R1(1, c->dh1, above);
  vft_tensor_id dha = gradient(c, "mlp/dy", "lspqd", f->dha, t, 1);
  inner vb_down = inner_grad(c, VFT_DOWN, dha);
  n = transposed_terms(c, VFT_DOWN, dha, vb_down, 0, t);
  vft_tensor_id dm = gradient(c, "mlp/dm", "lspqf", f->dm, t, n);
  t[0] = VFT_R2(1, dm, "lspqf", c->z, "lspqf");
  vft_tensor_id dup = gradient(c, "mlp/dup", "lspqf", f->dup, t, 1);
  t[0] = VFT_R3(1, dm, "lspqf", c->up, "lspqf", c->dz, "lspqf");
  vft_tensor_id dgate = gradient(c, "mlp/dgate", "lspqf", f->dgate, t, 1);
  inner vb_gate = inner_grad(c, VFT_GATE, dgate);
  inner vb_up = inner_grad(c, VFT_UP, dup);
  n = transposed_terms(c, VFT_GATE, dgate, vb_gate, 0, t);
  n += transposed_terms(c, VFT_UP, dup, vb_up, 0, t + n);
  vft_tensor_id dx2 = sized(c, "mlp/dx", "lspqd", f->n_dx, f->dx + L, t, n);
  vft_tensor_id dh2 = vft_build_wide(b, "residual_mid_grad", "lspqd", f->w_dh, true,
                                     vft_build_fracs(b, f->dh + L, L));
  vft_norm_backward norm2 = {.path = "mlp",
                             .rows = "lspq",
                             .layers = (int)L,
                             .dy = dx2,
                             .x = c->x[1],
                             .h = c->h2,
                             .r = c->r[1],
                             .gain = c->step->gain[1],
                             .base = c->dh1,
                             .dy_axes = "lspqd",
                             .x_axes = "lspqd",
                             .h_axes = "lspqd",
                             .r_axes = "lspq",
                             .gain_axes = vft_build_base_axes(c, 0, "d"),
                             .base_axes = above,
                             .f_w2 = vft_build_fracs(b, f->w2 + L, L),
                             .f_w3 = vft_build_fracs(b, f->w3 + L, L),
                             .out = {"mlp/dh", dh2, "lspqd"}};
  vft_build_norm_backward(c, &norm2);
  vft_axes_factor x2 = {c->x[1], "lspqd"}, m[2] = {{c->z, "lspqf"}, {c->up, "lspqf"}};
  lora_grads(c, VFT_DOWN, dha, vb_down, m, 2);
  lora_grads(c, VFT_GATE, dgate, vb_gate, &x2, 1);
  lora_grads(c, VFT_UP, dup, vb_up, &x2, 1);

  /* Attention: with P = E R, dS = P (dO . v - dO . O). dO R is rounded first. */
  t[0] = VFT_R1(1, dh2, "lspqd");
  vft_tensor_id dhb = gradient(c, "attn/dy", "lspqd", f->dhb, t, 1);
  inner vb_o = inner_grad(c, VFT_O, dhb);
  n = transposed_terms(c, VFT_O, dhb, vb_o, 0, t);
  vft_tensor_id d_o = gradient(c, "attn/do", "lspqguae", f->do_, t, n);
  t[0] = VFT_R2(1, d_o, "lspqguae", c->att_r, "lsgupq");
  vft_tensor_id dop = sized(c, "attn/dop", "lspqguae", f->n_dop, f->dop, t, 1);
  t[0] = VFT_R2(1, c->att_e, "lsgupqjk", dop, "lspqguae");
  vft_tensor_id dv = gradient(c, "attn/dv", "lsjkgae", f->dv, t, 1);
  t[0] = VFT_R2(1, dop, "lspqguae", c->val, "lsjkgae");
  vft_tensor_id dp = vft_build_define(b, "attn/dp", "lsgupqjk", 0, t, 1);
  t[0] = VFT_R2(1, dop, "lspqguae", c->o, "lspqguae");
  vft_tensor_id dl = vft_build_define(b, "attn/dl", "lsgupq", 0, t, 1);
  t[0] = VFT_R2(1, c->att_e, "lsgupqjk", dp, "lsgupqjk");
  t[1] = VFT_R2(-1, c->att_e, "lsgupqjk", dl, "lsgupq");
  vft_tensor_id ds = sized(c, "attn/ds", "lsgupqjk", f->n_ds, f->ds, t, 2);
  t[0] = VFT_R2(1, ds, "lsgupqjk", c->k, "lsjkgae");
  vft_tensor_id dqr = vft_build_define(b, "attn/dq_rotated", "lspqguae", 0, t, 1);
  t[0] = VFT_R2(1, ds, "lsgupqjk", c->q, "lspqguae");
  vft_tensor_id dkr = vft_build_define(b, "attn/dk_rotated", "lsjkgae", 0, t, 1);
  t[0] = VFT_R2(1, c->unrot_q, "pqbae", dqr, "lspqgube");
  vft_tensor_id dq = gradient(c, "attn/dq", "lspqguae", f->dq, t, 1);
  t[0] = VFT_R2(1, c->unrot_k, "jkbae", dkr, "lsjkgbe");
  vft_tensor_id dk = gradient(c, "attn/dk", "lsjkgae", f->dk, t, 1);
  inner vb_q = inner_grad(c, VFT_Q, dq);
  inner vb_k = inner_grad(c, VFT_K, dk);
  inner vb_v = inner_grad(c, VFT_V, dv);
  vft_axes_factor x1 = {c->x[0], "lspqd"}, o = {c->o, "lspqguae"};
  lora_grads(c, VFT_O, dhb, vb_o, &o, 1);
  lora_grads(c, VFT_Q, dq, vb_q, &x1, 1);
  lora_grads(c, VFT_K, dk, vb_k, &x1, 1);
  lora_grads(c, VFT_V, dv, vb_v, &x1, 1);

  /* The gradient before the layer, for every layer but the model's first. */
  uint32_t skip = c->grad_at ? 0 : 1;
  if (L == skip) return;
  b->size['l'] = L - skip;
  b->ops->loop_first = skip;
  const char *l = skip ? "l+1" : "l";
  n = transposed_terms(c, VFT_Q, dq, vb_q, (int)skip, t);
  n += transposed_terms(c, VFT_K, dk, vb_k, (int)skip, t + n);
  n += transposed_terms(c, VFT_V, dv, vb_v, (int)skip, t + n);
  vft_tensor_id dx1 = sized(c, "attn/dx", "lspqd", f->n_dx, f->dx + skip, t, n);
  vft_norm_backward norm1 = {.path = "attn",
                             .rows = "lspq",
                             .layers = (int)(L - skip),
                             .dy = dx1,
                             .x = c->x[0],
                             .h = c->h1,
                             .r = c->r[0],
                             .gain = c->step->gain[0],
                             .base = dh2,
                             .dy_axes = "lspqd",
                             .x_axes = with(c, l, "spqd"),
                             .h_axes = with(c, l, "spqd"),
                             .r_axes = with(c, l, "spq"),
                             .gain_axes = vft_build_base_axes(c, (int)skip, "d"),
                             .base_axes = with(c, l, "spqd"),
                             .f_w2 = vft_build_fracs(b, f->w2 + skip, L - skip),
                             .f_w3 = vft_build_fracs(b, f->w3 + skip, L - skip),
                             .out = {"attn/dh", c->dh1, "lspqd"}};
  vft_build_norm_backward(c, &norm1);
  b->size['l'] = L;
  b->ops->loop_first = 0;
}
