/* Forward pass: norms, LoRA projections, rotary attention, SwiGLU, head.
 *
 * Bounds (a width of n bits signed means |x| <= 2^(n-1)), for SmolLM2-135M (d = 576 < 2^9.17,
 * ff = 1536 < 2^10.59, head_dim 64) with the default containers:
 *   y = W x            2^(13 + 15 + 9.2) = 2^37.2, raised to the LoRA term's exponent: below 2^60
 *                      (2^61 after the rotation) by the profile's rule for u
 *   A (z u)            2^(21 + 15 + 15 + 10.6) = 2^61.6
 *   sum h^2, h r       see vft_build_norm
 *   scores             2^(15 + 15 + 6) = 2^36
 *   R sum E v          2^(19 + 14 + 15 + log2 n) = 2^57 at n = 512
 *   2 R D (head)       2^(1 + 21 + 24 + 15.6) = 2^61.6 for 49152 words */
#include <string.h>

#include "model/fixmath.h"
#include "program/build.h"

enum { MAX_LAYERS = 1024 };

static const char *with(vft_build *c, const char *a, const char *b) {
  return vft_build_name(&c->b, "%s%s", a, b);
}

/* round(sqrt(d) 2^shift). */
static int64_t root_constant(vft_build *c, int shift) {
  if (shift < 0 || shift > 50) {
    vft_build_fail(&c->b, "norm constant 2^%d", shift);
    return 1;
  }
  unsigned __int128 y = (unsigned __int128)c->s->d << (2 * shift);
  uint64_t s = vft_isqrt_u128(y);
  return (int64_t)(s + (y - (unsigned __int128)s * s > s));
}

/* max(1, round(d eps 2^(2 f_h))). */
static int64_t eps_constant(vft_build *c) {
  int64_t v = 0;
  vft_fix eps = vft_fix_from_float(c->s->rms_eps) * c->s->d;
  if (vft_fix_round(eps, 2 * c->f->f_h, &v) != VFT_OK)
    vft_build_fail(&c->b, "rms_eps is too large");
  return v < 1 ? 1 : v;
}

/* x = h gamma / rms(h):  X = sum h^2 + c, c = d eps;  s = isqrt(4^e X);  r = C / s with
 * C = sqrt(d) 2^(f_h + e + f_r);  x = RQ(h r gamma).
 *
 * When d 2^(2 w_h - 2) is too large for an interval to show X < 2^58, the high parts hh = h >> 16
 * show it: |h| <= 2^16 (|hh| + 1), so sum h^2 <= 2^33 (sum hh^2 + d) <= 2^58 - 2^33 because
 * 2^25 - 1 - d - sum hh^2 is range checked to be at least 0; c < 2^33.
 *
 * |h| r is bounded whatever the containers: |h| <= sqrt(X) < (s + 1) / 2^e, and division gives
 * r s <= C + s / 2, so |h| r < (C + s / 2 + r) / 2^e. */
void vft_build_norm(vft_build *c, const char *path, const char *rows, vft_tensor_id h,
                    const char *h_axes, vft_tensor_id gain, const char *gain_axes, vft_frac f_x,
                    vft_tensor_id *r, vft_tensor_id *x) {
  vft_builder *b = &c->b;
  const vft_profile *f = c->f;
  int64_t eps = eps_constant(c);
  vft_i128 most = ((vft_i128)c->s->d << (2 * (f->w_h - 1))) + eps;
  int e = 6, bits = 0;
  const char *why = NULL;
  while (e >= 0 && (most << (2 * e)) >= (vft_i128)1 << 60) e--;
  if (b->status != VFT_OK) return;
  if (e < 1) {
    const vft_wide *w = &b->ops->step->wides[b->ops->step->wide_of[h]];
    if (w->nlimbs != 2 || f->w_h > 31 || c->s->d >= 1 << 24 || eps >= (int64_t)1 << 33) {
      vft_build_fail(b, "%s: a residual of %d bits is too wide for %d features", path, f->w_h,
                     c->s->d);
      return;
    }
    e = 1;
    most = ((vft_i128)1 << 58) - 1;
    /* hh = limb - 2^(w_h - 17): sum hh^2 = sum limb^2 - 2^(w_h - 16) sum limb + d 2^(2 w_h - 34) */
    int64_t half = (int64_t)1 << (f->w_h - 17);
    vft_raw_term room[3] = {VFT_RAW2(-1, w->limb[1], h_axes, w->limb[1], h_axes),
                            VFT_RAW1(2 * half, w->limb[1], h_axes),
                            VFT_RAW0(((int64_t)1 << 25) - 1 - c->s->d - c->s->d * half * half)};
    vft_tensor_id left = vft_build_wide(b, with(c, path, "/norm/room"), rows, 26, false,
                                        vft_build_frac(b, 0));
    vft_build_exact(b, (vft_build_out){with(c, path, "/norm/room"), left, rows}, room, 3);
    why = "|h| <= 2^16 (|h >> 16| + 1) and 2^25 - 1 - d - sum (h >> 16)^2 >= 0 is range checked, "
          "so sum h^2 <= 2^33 (sum (h >> 16)^2 + d) <= 2^58 - 2^33";
  }
  while ((vft_i128)1 << (2 * bits) <= most << (2 * e)) bits++;

  vft_real_term square = VFT_R2(1, h, h_axes, h, h_axes);
  vft_i128 bound[MAX_LAYERS];
  for (int l = 0; l < MAX_LAYERS; l++) bound[l] = ((vft_i128)1 << 58) - ((vft_i128)1 << 33);
  square.lemma = why;
  square.most = bound;
  vft_tensor_id sum = vft_build_define(b, with(c, path, "/norm/sum"), rows, eps, &square, 1);
  vft_raw_term v = VFT_RAW1((int64_t)1 << (2 * e), sum, rows);
  vft_tensor_id s = vft_build_isqrt(b, with(c, path, "/norm/root"), rows, bits,
                                    vft_build_frac(b, f->f_h + e), &v, 1);
  const char *r_name = with(c, path, "/norm/inverse");
  *r = vft_build_wide(b, r_name, rows, f->w_r, false, vft_build_frac(b, f->f_r));
  int64_t constant = root_constant(c, f->f_h + e + f->f_r);
  vft_raw_term num = VFT_RAW0(constant), den = VFT_RAW1(1, s, rows);
  vft_build_div(b, (vft_build_out){r_name, *r, rows}, &num, 1, &den, 1);

  c->normalised = ((constant + ((vft_i128)1 << (bits - 1)) + ((vft_i128)1 << f->w_r)) >> e) + 1;
  c->normalised_why =
      "|h| <= sqrt(X) < (s + 1) / 2^e for s = isqrt(4^e X), X >= sum h^2, and r s <= C + s / 2 by "
      "the division, so |h| r < (C + s / 2 + r) / 2^e";
  vft_real_term product = VFT_R3(1, h, h_axes, *r, rows, gain, gain_axes);
  product.lemma = c->normalised_why;
  for (int l = 0; l < MAX_LAYERS; l++) bound[l] = vft_bound_shift(c->normalised, f->n_gain - 1);
  product.most = bound;
  *x = vft_build_requant_narrow(b, with(c, path, "/x"), with(c, rows, "d"), 16, f_x, &product, 1);
}

/* W x + 2^a B U of projection p as terms; U = RQ(A x) is built first. x may be a product of two
 * factors. Returns the number of terms. */
static int linear_terms(vft_build *c, int p, const vft_axes_factor *x, int nx,
                        vft_real_term *terms) {
  vft_builder *b = &c->b;
  const char *path = vft_projection_path[p];
  const char *in = vft_build_in_axes(p), *out = vft_build_out_axes(p);
  uint32_t L = b->size['l'];
  terms[0] = VFT_R1(1, c->step->w[p], vft_build_base_axes(c, 0, with(c, out, in)));
  for (int i = 0; i < nx; i++) terms[0].factor[terms[0].nfactors++] = x[i];
  if (!vft_build_adapted(c, p)) return 1;
  vft_real_term inner = VFT_R1(1, c->work[p][0], vft_build_name(b, "lr%s", in));
  for (int i = 0; i < nx; i++) inner.factor[inner.nfactors++] = x[i];
  c->u[p] = vft_build_requant_wide(b, with(c, path, "/u"), "lspqr", c->f->w_u, true,
                                   vft_build_fracs(b, c->f->u + (size_t)p * L, L), &inner, 1);
  terms[1] = VFT_R2(1, c->work[p][1], vft_build_name(b, "l%sr", out), c->u[p], "lspqr");
  terms[1].exp2 = c->s->alpha_log2;
  return 2;
}

/* RQ(Rot (W x + LoRA)) for query and key. */
static vft_tensor_id rotated(vft_build *c, int p, vft_tensor_id rotation, const int *frac) {
  vft_builder *b = &c->b;
  bool query = p == VFT_Q;
  const char *path = vft_projection_path[p];
  vft_real_term y[2];
  vft_axes_factor x = {c->x[0], "lspqd"};
  int n = linear_terms(c, p, &x, 1, y);
  const char *axes = query ? "lspqguae" : "lspqgae";
  vft_tensor_id raw = vft_build_define(b, with(c, path, "/y"), axes, 0, y, n);
  vft_real_term turn = VFT_R2(1, rotation, "pqabe", raw, query ? "lspqgube" : "lspqgbe");
  return vft_build_requant_narrow(b, path, axes, 16, vft_build_fracs(b, frac, b->size['l']), &turn,
                                  1);
}

static vft_tensor_id projected(vft_build *c, int p, vft_axes_factor x, const char *name,
                               const char *axes, vft_frac frac, int bits) {
  vft_real_term y[2];
  int n = linear_terms(c, p, &x, 1, y);
  return vft_build_requant_narrow(&c->b, name, axes, bits, frac, y, n);
}

static void attention(vft_build *c) {
  vft_builder *b = &c->b;
  const vft_profile *f = c->f;
  uint32_t L = b->size['l'];
  c->q = rotated(c, VFT_Q, c->rot_q, f->q);
  c->k = rotated(c, VFT_K, c->rot_k, f->k);
  c->val = projected(c, VFT_V, (vft_axes_factor){c->x[0], "lspqd"}, "attn/v", "lspqgae",
                     vft_build_fracs(b, f->v, L), 16);
  vft_real_term dot = VFT_R2(1, c->q, "lspqguae", c->k, "lsjkgae");
  vft_tensor_id score = vft_build_define(b, "attn/score", "lsgupqjk", 0, &dot, 1);
  vft_softmax_ids soft =
      vft_build_softmax(b, "attn/softmax", "lsgupq", 'j', 'k', score, "lsgupqjk", c->causal, "pqjk",
                        f->f_score, f->e_score, f->w_max);
  c->att_e = soft.e;
  vft_raw_term all = VFT_RAW1(1, soft.e, "lsgupqjk");
  vft_tensor_id den = vft_build_define_raw(b, "attn/softmax/sum", "lsgupq", &all, 1,
                                           vft_build_frac(b, f->e_score));
  /* sum E >= 2^e (t = 0 occurs), so R <= 2^(k - e). */
  const char *name = "attn/softmax/inverse";
  c->att_r = vft_build_wide(b, name, "lsgupq", f->k_score - f->e_score + 1, false,
                            vft_build_frac(b, f->k_score - f->e_score));
  vft_raw_term num = VFT_RAW0((int64_t)1 << f->k_score), d = VFT_RAW1(1, den, "lsgupq");
  vft_build_div(b, (vft_build_out){name, c->att_r, "lsgupq"}, &num, 1, &d, 1);
  vft_real_term mix = VFT_R2(1, c->att_e, "lsgupqjk", c->val, "lsjkgae");
  vft_tensor_id cv = vft_build_define(b, "attn/mix", "lspqguae", 0, &mix, 1);
  vft_real_term scaled = VFT_R2(1, c->att_r, "lsgupq", cv, "lspqguae");
  c->o = vft_build_requant_narrow(b, "attn/context", "lspqguae", 16, vft_build_fracs(b, f->v, L),
                                  &scaled, 1);
  vft_real_term y[2];
  vft_axes_factor x = {c->o, "lspqguae"};
  int n = linear_terms(c, VFT_O, &x, 1, y);
  c->h2 = vft_build_wide(b, "residual_mid", "lspqd", f->w_h, true, vft_build_frac(b, f->f_h));
  vft_build_requant(b, (vft_build_out){"attn/o", c->h2, "lspqd"}, c->h1, "lspqd", false, y, n);
}

static void mlp(vft_build *c) {
  vft_builder *b = &c->b;
  const vft_profile *f = c->f;
  uint32_t L = b->size['l'];
  vft_axes_factor x = {c->x[1], "lspqd"};
  vft_real_term y[2];
  int n = linear_terms(c, VFT_GATE, &x, 1, y);
  /* the table lookup is the range check of the gate's container */
  vft_tensor_id g = vft_build_tensor(b, VFT_WITNESS, 0, "mlp/gate", "lspqf", -32768, 32767, NULL,
                                     vft_build_fracs(b, f->gate, L));
  vft_build_requant(b, (vft_build_out){"mlp/gate", g, "lspqf"}, VFT_NO_TENSOR, NULL, false, y, n);
  vft_build_silu(b, g, "mlp/activation", "mlp/silu", "mlp/dsilu", "lspqf", &c->z, &c->dz);
  c->up = projected(c, VFT_UP, x, "mlp/up", "lspqf", vft_build_fracs(b, f->up, L), 16);
  vft_axes_factor m[2] = {{c->z, "lspqf"}, {c->up, "lspqf"}};
  n = linear_terms(c, VFT_DOWN, m, 2, y);
  vft_build_requant(b, (vft_build_out){"mlp/down", c->h1, "l+1spqd"}, c->h2, "lspqd", false, y, n);
}

void vft_build_layers_forward(vft_build *c) {
  vft_builder *b = &c->b;
  uint32_t L = b->size['l'];
  vft_build_norm(c, "attn", "lspq", c->h1, "lspqd", c->step->gain[0],
                 vft_build_base_axes(c, 0, "d"), vft_build_fracs(b, c->f->x, L), &c->r[0], &c->x[0]);
  attention(c);
  vft_build_norm(c, "mlp", "lspq", c->h2, "lspqd", c->step->gain[1],
                 vft_build_base_axes(c, 0, "d"), vft_build_fracs(b, c->f->x + L, L), &c->r[1], &c->x[1]);
  mlp(c);
}

/* Last norm, logits, loss gradient with respect to xf:
 *   dxf = mask (sum_v E W_v / sum_v E - W_label). */
void vft_build_head(vft_build *c) {
  vft_builder *b = &c->b;
  const vft_profile *f = c->f;
  vft_step *t = c->step;
  vft_axes_factor h = c->leave;
  vft_build_norm(c, "final", "spq", h.tensor, h.axes, t->gain_out, "d", vft_build_frac(b, f->f_xf),
                 &c->r_out, &c->xf);
  vft_real_term logit = VFT_R2(1, t->out, "vwd", c->xf, "spqd");
  t->logits = vft_build_define(b, "head/logit", "spqvw", 0, &logit, 1);
  vft_softmax_ids soft = vft_build_softmax(b, "head/softmax", "spq", 'v', 'w', t->logits, "spqvw",
                                           VFT_NO_TENSOR, NULL, f->f_logit, f->e_logit, f->w_max);
  t->logit_max = soft.max;
  vft_raw_term all = VFT_RAW1(1, soft.e, "spqvw");
  t->logit_den = vft_build_define_raw(b, "head/softmax/sum", "spq", &all, 1,
                                      vft_build_frac(b, f->e_logit));
  b->ops->backward = true;
  const char *name = "head/softmax/inverse";
  vft_tensor_id r = vft_build_wide(b, name, "spq", f->k_logit - f->e_logit + 1, false,
                                   vft_build_frac(b, f->k_logit - f->e_logit));
  vft_raw_term num = VFT_RAW0((int64_t)1 << f->k_logit), d = VFT_RAW1(1, t->logit_den, "spq");
  vft_build_div(b, (vft_build_out){name, r, "spq"}, &num, 1, &d, 1);
  /* |sum E W| <= 2^(e_logit + n_weight - 1) vocab < 2^(w_a1 - 1 + k_a1) up to 2^16 words */
  vft_real_term mean = VFT_R2(1, soft.e, "spqvw", t->out, "vwd");
  vft_tensor_id a1 =
      vft_build_requant_wide(b, "head/mean", "spqd", f->w_a1, true,
                             vft_build_frac(b, f->e_logit + f->f_out - f->k_a1), &mean, 1);
  vft_real_term pick = VFT_R3(1, c->lab_high, "spqv", c->lab_low, "spqw", t->out, "vwd");
  vft_tensor_id wy = vft_build_define(b, "head/label", "spqd", 0, &pick, 1);
  vft_real_term diff[2] = {VFT_R3(1, t->mask, "spq", r, "spq", a1, "spqd"),
                           VFT_R2(-1, t->mask, "spq", wy, "spqd")};
  vft_tensor_id dxf = vft_build_requant_narrow(b, "head/dx", "spqd", 16,
                                               vft_build_frac(b, f->f_dxf), diff, 2);
  if (c->layers) vft_build_stream_grad(c);
  vft_norm_backward n = {
      .path = "final", .rows = "spq", .layers = 1, .dy = dxf, .x = c->xf, .h = h.tensor,
      .r = c->r_out, .gain = t->gain_out, .base = VFT_NO_TENSOR, .dy_axes = "spqd",
      .x_axes = "spqd", .h_axes = h.axes, .r_axes = "spq", .gain_axes = "d",
      .f_w2 = vft_build_frac(b, f->f_w2_out), .f_w3 = vft_build_frac(b, f->f_w3_out),
      .out = {"final/dh", c->leave_grad.tensor, c->leave_grad.axes}};
  vft_build_norm_backward(c, &n);
}
