/* Mean normalisation, global clipping, AdamW.
 *
 * Bounds with the default containers: sum g0^2 over a matrix 2^46 elements; Qa 48 bits, at most
 * 14 layers matrices in the total; 2 den mu < 2 (2^29 + 2^28) 2^31 < 2^61.6; v 57 bits, u of exact
 * width, 2 D2 u <= 2^58.2 + 2 D2; 2^30 (P - q - P') < 2^30 (2^30 + 2^25 + 2^30) < 2^61.1. */
#include <string.h>

#include "program/build.h"

static const char *matrix(vft_build *c, int p, int kind, const char *what) {
  return vft_build_name(&c->b, "adamw/%s/%c/%s", vft_projection_path[p], kind ? 'B' : 'A', what);
}

static const char *matrix_axes(vft_build *c, int p, int kind) {
  return kind ? vft_build_name(&c->b, "l%sr", vft_build_out_axes(p))
              : vft_build_name(&c->b, "lr%s", vft_build_in_axes(p));
}

/* Sums of squares by matrix and layer, rounded to the threshold's exponent; with links, added to
 * the sum of the layers below. */
static int squares(vft_build *c, vft_real_term all[2 * VFT_PROJECTIONS]) {
  vft_builder *b = &c->b;
  const vft_step_shape *s = c->s;
  int n = 0;
  for (int p = 0; p < VFT_PROJECTIONS; p++)
    for (int kind = 0; kind < 2 && vft_build_adapted(c, p); kind++) {
      const char *axes = matrix_axes(c, p, kind);
      vft_real_term square = VFT_R2(1, c->g0[p][kind], axes, c->g0[p][kind], axes);
      vft_tensor_id q = vft_build_define(b, matrix(c, p, kind, "square"), "l", 0, &square, 1);
      vft_real_term one = VFT_R1(1, q, "l");
      vft_tensor_id qa =
          vft_build_requant_fitted(b, matrix(c, p, kind, "square_common"), "l", c->f->w_q,
                                   vft_build_frac(b, 2 * s->clip_frac), &one, 1);
      c->step->square[p][kind] = qa;
      all[n++] = VFT_R1(1, qa, "l");
    }
  return n;
}

/* LAYERS: the sum so far, with these layers' squares. */
static void add_squares(vft_build *c) {
  vft_real_term all[2 * VFT_PROJECTIONS];
  vft_raw_term sum[2 * VFT_PROJECTIONS + 1];
  int n = squares(c, all), m = 0;
  for (int i = 0; i < n; i++) sum[m++] = VFT_RAW1(1, all[i].factor[0].tensor, "l");
  if (c->squares_in != VFT_NO_TENSOR) sum[m++] = VFT_RAW1(1, c->squares_in, "");
  vft_build_exact(&c->b, (vft_build_out){"clip/squares", c->squares_out, ""}, sum, m);
}

/* Scale 2^30 / max(N, norm / clip): the mean of the gradients, clipped as a whole. */
static void scale(vft_build *c) {
  vft_builder *b = &c->b;
  vft_step *t = c->step;
  const vft_profile *f = c->f;
  const vft_step_shape *s = c->s;
  vft_frac none = vft_build_frac(b, 0), unit = vft_build_frac(b, s->clip_frac);
  vft_raw_term count = VFT_RAW1(1, t->mask, "spq");
  t->loss_tokens = vft_build_define_raw(b, "loss/tokens", "", &count, 1, none);
  vft_build_range(b, "loss/tokens/range", "", t->loss_tokens, 15, -1);
  vft_raw_term den[3];
  int nden = 0;
  if (!s->clip) {
    den[nden++] = VFT_RAW1(s->clip_u, t->loss_tokens, "");
  } else {
    vft_tensor_id total = c->squares_in;
    if (c->layers) {
      vft_real_term all[2 * VFT_PROJECTIONS];
      int n = squares(c, all);
      total = vft_build_define(b, "clip/total", "", 0, all, n);
    }
    vft_raw_term v = VFT_RAW1(1, total, "");
    t->norm = vft_build_isqrt(b, "clip/norm", "", f->w_norm, unit, &v, 1);
    vft_raw_term gap[2] = {VFT_RAW1(s->clip_u, t->loss_tokens, ""), VFT_RAW1(-1, t->norm, "")};
    vft_tensor_id inside = vft_build_compare(b, "clip/inside", "", gap, 2);
    den[nden++] = VFT_RAW2(s->clip_u, inside, "", t->loss_tokens, "");
    den[nden++] = VFT_RAW1(1, t->norm, "");
    den[nden++] = VFT_RAW2(-1, inside, "", t->norm, "");
  }
  vft_tensor_id d = vft_build_define_raw(b, "clip/divisor", "", den, nden, unit);
  if (c->mu == VFT_NO_TENSOR)
    c->mu = vft_build_wide(b, "clip/scale", "", VFT_SCALE_BITS, false, vft_build_frac(b, 30));
  vft_raw_term num = VFT_RAW0((int64_t)s->clip_u << 30), dd = VFT_RAW1(1, d, "");
  vft_build_div(b, (vft_build_out){"clip/scale", c->mu, ""}, &num, 1, &dd, 1);
  t->mu = c->mu;
}

void vft_build_clip(vft_build *c) {
  if (c->head) scale(c);
  else if (c->layers && c->s->clip) add_squares(c);
}

static int width_of(int64_t most) {
  int n = 0;
  for (; most; most >>= 1) n++;
  return n;
}

/* One matrix. Exponents: g f, m f + 4, v 2 f + 10, sqrt(v) f + 5, master 28. */
static void update(vft_build *c, int p, int kind, vft_tensor_id mu) {
  vft_builder *b = &c->b;
  vft_step *t = c->step;
  const vft_profile *pf = c->f;
  uint32_t L = (uint32_t)c->s->layers;
  const char *axes = matrix_axes(c, p, kind);
  int f[1024], fs[1024];
  for (uint32_t l = 0; l < L; l++) {
    f[l] = pf->g[(size_t)(2 * p + kind) * L + l];
    fs[l] = f[l] + 5;
  }
  const char *next = vft_build_name(b, "next/%s/%c", vft_projection_path[p], kind ? 'B' : 'A');
  vft_tensor_id m1 = vft_program_find_tensor(b->p, vft_build_name(b, "%s/m", next));
  vft_tensor_id v1 = vft_program_find_tensor(b->p, vft_build_name(b, "%s/v", next));
  vft_tensor_id p1 = vft_program_find_tensor(b->p, vft_build_name(b, "%s/master", next));
  if (b->status != VFT_OK) return;

  vft_real_term scaled = VFT_R2(1, c->g0[p][kind], axes, mu, "");
  vft_tensor_id g = vft_build_requant_wide(b, matrix(c, p, kind, "g"), axes, pf->w_g, true,
                                           vft_build_fracs(b, f, L), &scaled, 1);
  t->grad[p][kind] = g;

  /* m' = RQ_16(B1 m + (2^16 - B1) 2^4 g): as real numbers with coefficients of exponent 16 */
  vft_real_term mean[2] = {VFT_R1(c->s->beta1_q16, c->m[p][kind], axes),
                           VFT_R1((1 << 16) - c->s->beta1_q16, g, axes)};
  mean[0].exp2 = mean[1].exp2 = -16;
  vft_build_requant(b, (vft_build_out){matrix(c, p, kind, "m"), m1, axes}, VFT_NO_TENSOR, NULL,
                    false, mean, 2);

  /* v' = v + round((2^10 g^2 - v) / D2); |2^10 g^2 - v| < 2^57 fixes u's exact width */
  int64_t d2 = c->s->d2;
  int bits_u = width_of((((int64_t)1 << 57) + d2) / d2) + 1;
  const char *u_name = matrix(c, p, kind, "v_step");
  vft_tensor_id u = vft_build_wide(b, u_name, axes, bits_u, true, b->ops->step->frac[c->v[p][kind]]);
  vft_raw_term second[2] = {VFT_RAW2((int64_t)1 << 10, g, axes, g, axes),
                            VFT_RAW1(-1, c->v[p][kind], axes)};
  vft_raw_term d = VFT_RAW0(d2);
  vft_build_div(b, (vft_build_out){u_name, u, axes}, second, 2, &d, 1);
  vft_real_term sum[2] = {VFT_R1(1, c->v[p][kind], axes), VFT_R1(1, u, axes)};
  vft_build_requant(b, (vft_build_out){matrix(c, p, kind, "v"), v1, axes}, VFT_NO_TENSOR, NULL,
                    false, sum, 2);

  /* q = m' LR / (sqrt(v') + EPS), frac 28 */
  vft_raw_term root_of = VFT_RAW1(1, v1, axes);
  vft_tensor_id s = vft_build_isqrt(b, matrix(c, p, kind, "root"), axes, 29,
                                    vft_build_fracs(b, fs, L), &root_of, 1);
  const char *q_name = matrix(c, p, kind, "update");
  vft_tensor_id q = vft_build_wide(b, q_name, axes, pf->w_update, true,
                                   vft_build_frac(b, pf->f_s + 8));
  vft_raw_term num = VFT_RAW2(1, m1, axes, t->lr, "");
  vft_raw_term den[2] = {VFT_RAW1(1, s, axes), VFT_RAW1(1, t->eps[p][kind], "l")};
  vft_build_div(b, (vft_build_out){q_name, q, axes}, &num, 1, den, 2);

  /* P' = (P - q) - RQ_30(P WD) */
  vft_real_term rest[2] = {VFT_R1(1, c->master[p][kind], axes), VFT_R1(-1, q, axes)};
  vft_tensor_id moved = vft_build_define(b, matrix(c, p, kind, "moved"), axes, 0, rest, 2);
  vft_real_term decay = VFT_R2(1, c->master[p][kind], axes, t->wd, "");
  vft_build_requant(b, (vft_build_out){matrix(c, p, kind, "master"), p1, axes}, moved, axes, true,
                    &decay, 1);
}

void vft_build_optimiser(vft_build *c) {
  vft_builder *b = &c->b;
  vft_step *t = c->step;
  /* Per-step constants; the verifier checks these bounds. */
  t->lr = vft_build_tensor(b, VFT_PUBLIC, 0, "schedule/lr", "", 0, ((int64_t)1 << 26) - 1, NULL,
                           vft_build_frac(b, 29));
  t->wd = vft_build_tensor(b, VFT_PUBLIC, 0, "schedule/weight_decay", "", 0,
                           ((int64_t)1 << 26) - 1, NULL, vft_build_frac(b, 30));
  for (int p = 0; p < VFT_PROJECTIONS; p++)
    for (int kind = 0; kind < 2 && vft_build_adapted(c, p); kind++)
      t->eps[p][kind] = vft_build_tensor(
          b, VFT_PUBLIC, 0,
          vft_build_name(b, "schedule/eps/%s/%c", vft_projection_path[p], kind ? 'B' : 'A'), "l", 1,
          ((int64_t)1 << 29) - 1, NULL, vft_build_frac(b, 0));
  for (int p = 0; p < VFT_PROJECTIONS; p++)
    for (int kind = 0; kind < 2 && vft_build_adapted(c, p); kind++) update(c, p, kind, c->mu);
}
