#include "program/profile.h"

#include <stdbool.h>
#include <string.h>

#include "base/mem.h"
#include "model/fixmath.h"

typedef __int128 i128;

const char *const vft_projection_path[VFT_PROJECTIONS] = {
    "attn/q", "attn/k", "attn/v", "attn/o", "mlp/gate", "mlp/up", "mlp/down"};

/* ---- shape ---- */

void vft_step_shape_set_arch(vft_step_shape *s, const vft_arch *a) {
  s->layers = a->layers;
  s->d = a->d;
  s->groups = a->kv_heads;
  s->per_group = a->heads / a->kv_heads;
  s->head_dim = a->head_dim;
  s->ff = a->ff;
  s->vocab = a->vocab;
  s->tied = a->tied;
  s->rms_eps = a->rms_eps;
  s->rope_theta = a->rope_theta;
}

bool vft_step_shape_has_arch(const vft_step_shape *shape, const vft_arch *arch) {
  vft_step_shape s = *shape;
  vft_step_shape_set_arch(&s, arch);
  return s.layers == shape->layers && s.d == shape->d && s.groups == shape->groups &&
         s.per_group == shape->per_group && s.head_dim == shape->head_dim && s.ff == shape->ff &&
         s.vocab == shape->vocab && s.tied == shape->tied && s.rms_eps == shape->rms_eps &&
         s.rope_theta == shape->rope_theta;
}

vft_status vft_step_shape_set_clip(vft_step_shape *s, const char *threshold) {
  vft_fix x;
  TRY(vft_fix_parse(threshold, &x));
  if (x < 0) return vft_fail(VFT_USAGE, "max_grad_norm %s is negative: give 0 for none", threshold);
  s->clip = x != 0;
  s->clip_u = 1 << 12;
  s->clip_frac = 12;
  if (!s->clip) return VFT_OK;
  /* The exponent that puts the rounded threshold into [2^12, 2^13); rounding up to 2^13 moves it
   * by one. */
  for (int f = 0; f <= 24; f++) {
    int64_t u;
    if (vft_fix_round(x, f, &u) != VFT_OK) break;
    if (u >= 1 << 12 && u < 1 << 13) {
      s->clip_u = (int)u;
      s->clip_frac = f;
      return VFT_OK;
    }
  }
  return vft_fail(VFT_USAGE, "max_grad_norm %s is outside 2^-12..2^12", threshold);
}

static vft_status in_range(const char *field, long v, long lo, long hi) {
  if (v >= lo && v <= hi) return VFT_OK;
  return vft_fail(VFT_USAGE, "training step: %s = %ld, expected %ld..%ld", field, v, lo, hi);
}

vft_status vft_step_shape_check(const vft_step_shape *s) {
  TRY(in_range("layers", s->layers, 1, 1024));
  TRY(in_range("hidden size", s->d, 1, 65536));
  TRY(in_range("key/value heads", s->groups, 1, 1024));
  TRY(in_range("query heads per key/value head", s->per_group, 1, 1024));
  TRY(in_range("head_dim", s->head_dim, 2, 1024));
  if (s->head_dim & 1) return vft_fail(VFT_USAGE, "training step: head_dim %d is odd", s->head_dim);
  TRY(in_range("feed-forward size", s->ff, 1, 1 << 20));
  TRY(in_range("vocabulary", s->vocab, 2, 1 << 21));
  TRY(in_range("adapted projections (bit mask)", (long)s->adapted, 1, (1 << VFT_PROJECTIONS) - 1));
  TRY(in_range("lora rank", s->rank, 1, 64));
  TRY(in_range("log2(alpha / rank)", s->alpha_log2, -8, 8));
  TRY(in_range("sequences a step", s->sequences, 1, 1 << 12));
  TRY(in_range("positions a sequence", s->positions, 2, 1 << 14));
  TRY(in_range("padding id", s->pad_id, 0, s->vocab - 1));
  TRY(in_range("steps an epoch", s->steps_per_epoch, 0, 1 << 24));
  /* the number of loss tokens N must fit 15 bits */
  TRY(in_range("tokens a step", (long)s->sequences * s->positions, 2, (1 << 15) - 1));
  TRY(in_range("beta1 * 2^16", s->beta1_q16, 0, (1 << 16) - 1));
  TRY(in_range("1 / (1 - beta2)", s->d2, 1, 1 << 20));
  TRY(in_range("clip threshold mantissa", s->clip_u, 1 << 12, (1 << 13) - 1));
  TRY(in_range("clip threshold exponent", s->clip_frac, 0, 24));
  return VFT_OK;
}

size_t vft_step_in(const vft_step_shape *s, int p) {
  if (p == VFT_O) return (size_t)s->groups * s->per_group * s->head_dim;
  return (size_t)(p == VFT_DOWN ? s->ff : s->d);
}

size_t vft_step_out(const vft_step_shape *s, int p) {
  switch (p) {
    case VFT_Q: return (size_t)s->groups * s->per_group * s->head_dim;
    case VFT_K:
    case VFT_V: return (size_t)s->groups * s->head_dim;
    case VFT_GATE:
    case VFT_UP: return (size_t)s->ff;
    default: return (size_t)s->d;
  }
}

/* ---- the struct ---- */

vft_status vft_profile_init(vft_profile *profile, int layers) {
  size_t n = 0;
#define X(name, variants) n += (variants);
  VFT_PROFILE_LAYERED(X)
#undef X
  *profile = (vft_profile){
#define X(name, value) .name = (value),
      VFT_PROFILE_SCALARS(X)
#undef X
  };
  if (layers < 1) return vft_fail(VFT_USAGE, "profile: %d layers", layers);
  profile->layers = layers;
  profile->storage = vft_alloc(n * (size_t)layers, sizeof(int));
  if (!profile->storage) return VFT_RESOURCE;
  int *at = profile->storage;
#define X(name, variants)             \
  profile->name = at;                 \
  at += (size_t)(variants) * layers;
  VFT_PROFILE_LAYERED(X)
#undef X
  return VFT_OK;
}

void vft_profile_free(vft_profile *profile) {
  vft_free(profile->storage);
  memset(profile, 0, sizeof *profile);
}

void vft_profile_fields(vft_profile *profile, vft_profile_visit visit, void *ctx) {
#define X(name, value) visit(ctx, #name, &profile->name, 1);
  VFT_PROFILE_SCALARS(X)
#undef X
#define X(name, variants) visit(ctx, #name, profile->name, (size_t)(variants) * profile->layers);
  VFT_PROFILE_LAYERED(X)
#undef X
}

/* ---- float32 by its bits ---- */

static void float_parts(float x, uint32_t *mantissa, int *exponent, int *negative) {
  uint32_t bits;
  memcpy(&bits, &x, sizeof bits);
  int e = (int)(bits >> 23 & 0xff);
  *mantissa = bits & 0x7fffff;
  if (e)
    *mantissa |= 0x800000;
  else
    e = 1;
  *exponent = e - 150; /* value = mantissa * 2^exponent */
  *negative = (int)(bits >> 31);
}

int vft_float_exponent(float x) {
  uint32_t m;
  int e, negative;
  float_parts(x, &m, &e, &negative);
  for (; m; m >>= 1) e++;
  return e == -149 ? -149 : e;
}

float vft_float_absmax(const float *x, size_t n) {
  float best = 0;
  for (size_t i = 0; i < n; i++) {
    float a = x[i] < 0 ? -x[i] : x[i];
    if (a > best) best = a;
  }
  return best;
}

int32_t vft_float_quantise(float x, int frac) {
  uint32_t m;
  int e, negative;
  float_parts(x, &m, &e, &negative);
  int shift = e + frac;
  int64_t v;
  if (shift >= 0)
    v = (int64_t)m << shift;
  else if (shift < -40)
    v = 0;
  else
    v = ((int64_t)m + ((int64_t)1 << (-shift - 1))) >> -shift;
  return (int32_t)(negative ? -v : v);
}

int vft_float_frac(float absmax, int bits) {
  if (absmax == 0) return 0;
  int f = bits - 1 - vft_float_exponent(absmax); /* absmax * 2^f < 2^(bits-1) before rounding */
  if (vft_float_quantise(absmax, f) >= (int32_t)1 << (bits - 1)) f--;
  return f;
}

/* ---- exponents from maxima ---- */

/* frac with max * 2^frac < 2^target, within sane limits. */
static int fit(float max, int target, int lowest, int highest) {
  int f = max > 0 ? target - vft_float_exponent(max) : highest;
  return f < lowest ? lowest : f > highest ? highest : f;
}

static int min_int(int a, int b) { return a < b ? a : b; }
static int max_int(int a, int b) { return a > b ? a : b; }
static int log2_ceil(size_t x) {
  int n = 0;
  while (((size_t)1 << n) < x) n++;
  return n;
}

static int log2_floor(size_t x) {
  int n = -1;
  for (; x; x >>= 1) n++;
  return n;
}

/* Bound of W x + 2^a B U (or W^T dy + A^T vb) after both are brought to the larger exponent:
 * wide = terms * |W| |x|, narrow = rank * |S| |u|. */
static i128 aligned_bound(i128 wide, int f_wide, i128 narrow, int f_narrow) {
  int f = max_int(f_wide, f_narrow);
  int up_wide = f - f_wide, up_narrow = f - f_narrow;
  if (up_wide > 60 || up_narrow > 60) return (i128)1 << 120;
  return (wide << up_wide) + (narrow << up_narrow);
}

static float cal(const vft_calibration *c, vft_cal_kind kind, int l) { return c->max[kind][l]; }

/* Activations have 16 bits and room for 3 times (less than 6 times) the largest value that
 * calibration saw. Over thousands of tokens of training records activations were seen to grow by
 * 1.6 over the calibration's, gradients by 10; in text where a token in the middle becomes an
 * attention sink, by 150: those of rare tokens and of the softmax have heavy tails. Most of a
 * gradient's elements are hundreds of times smaller than its largest, and AdamW moves a weight by
 * as much for a small gradient as for a large one, so their low bits count: calibration's largest
 * value has up to 18 bits, fewer where static bounds leave a narrower container, for there is
 * room above it for 256 times (in gradients of norm outputs and of inner values for 64); down to
 * 15 bits the room is spent first, to 16 times. */
enum {
  GRAD_BITS = 18,
  INNER_GRAD_BITS = 21, /* of B^T dy; calibration's B is larger than that of the first steps */
  GRAD_ROOM = 9,
  DX_ROOM = 7,
  INNER_GRAD_ROOM = 7,
  INNER_BITS = 16
};
static int activation(float max, int highest) { return fit(3 * max, 15, 0, highest); }
static int gradient(float max, int bits, int highest) {
  int most = max_int(min_int(GRAD_BITS, bits - GRAD_ROOM), min_int(15, bits - 5));
  return fit(max, most, 0, highest);
}

/* Inputs' and output gradients' exponents of projection p at layer l. */
static int input_exponent(const vft_profile *f, int p, int l) {
  int L = f->layers;
  switch (p) {
    case VFT_O: return f->v[l];
    case VFT_GATE:
    case VFT_UP: return f->x[L + l];
    case VFT_DOWN: return f->gate[l] + f->up[l];
    default: return f->x[l];
  }
}

static int gradient_exponent(const vft_profile *f, int p, int l) {
  const int *dy[VFT_PROJECTIONS] = {f->dq, f->dk, f->dv, f->dhb, f->dgate, f->dup, f->dha};
  return dy[p][l];
}

static bool adapted(const vft_step_shape *s, int p) { return s->adapted >> p & 1; }

static vft_status too_wide(const char *what, int p, int l) {
  return vft_fail(VFT_USAGE,
                  "profile: no exponent of %s of %s, layer %d, keeps the sum it joins below 2^61: the "
                  "weights' or activations' range is too wide",
                  what, vft_projection_path[p], l);
}

/* U = A x. Its exponent sets that of W x + 2^a B U; lowered until the sum closes below 2^60 (2^61
 * after the rotation: two products with |cos|, |sin| <= 2^f). */
static vft_status fit_inner_values(vft_profile *f, const vft_step_shape *s,
                                   const vft_calibration *c) {
  int L = f->layers;
  for (int p = 0; p < VFT_PROJECTIONS; p++) {
    if (!adapted(s, p)) continue;
    i128 y = (i128)vft_step_in(s, p) << (f->n_weight - 1 + (p == VFT_DOWN ? 30 : 15));
    i128 bu = (i128)s->rank << (f->w_s - 1 + f->w_u - 1);
    i128 rotation = 1;
    if (p == VFT_K) rotation = (i128)2 << f->f_rot;
    if (p == VFT_Q) { /* 1/sqrt(head_dim) is part of the query's table */
      i128 norm = (i128)1 << f->f_rot;
      while (norm > 1 && (norm - 1) * (norm - 1) * s->head_dim >= (i128)1 << (2 * f->f_rot)) norm--;
      rotation = 2 * (norm + 1);
    }
    i128 limit = ((i128)1 << (rotation == 1 ? 60 : 61)) / rotation;
    for (int l = 0; l < L; l++) {
      int f_x = input_exponent(f, p, l), f_wx = f->w[p * L + l] + f_x;
      int *u = &f->u[p * L + l], bias = f->f_s - s->alpha_log2;
      *u = fit(c->max_u[p][l], min_int(INNER_BITS, f->w_u - 5), 0, min_int(24, f->f_s + f_x));
      while (*u > 0 && aligned_bound(y, f_wx, bu, bias + *u) >= limit) --*u;
      if (aligned_bound(y, f_wx, bu, bias + *u) >= limit) return too_wide("the inner value", p, l);
    }
  }
  return VFT_OK;
}

/* vb = 2^a B^T dy. W^T dy + A^T vb of the projections that share an input are summed at one
 * exponent: vb enters there at exponents of its own, of which the largest are lowered until that
 * sum closes below 3 2^59. Gradients of A need all of vb's bits, those sums do not. */
static vft_status fit_inner_gradients(vft_profile *f, const vft_step_shape *s,
                                      const vft_calibration *c) {
  static const int group[4][3] = {
      {VFT_Q, VFT_K, VFT_V}, {VFT_O, -1, -1}, {VFT_GATE, VFT_UP, -1}, {VFT_DOWN, -1, -1}};
  int L = f->layers;
  for (int p = 0; p < VFT_PROJECTIONS; p++)
    for (int l = 0; l < L && adapted(s, p); l++) {
      int w_vb = p == VFT_DOWN ? f->w_vb_down : f->w_vb;
      int bits = min_int(INNER_GRAD_BITS, w_vb - INNER_GRAD_ROOM);
      f->vb[p * L + l] = fit(c->max_vb[p][l], bits - s->alpha_log2, 0,
                             min_int(40, f->f_s + gradient_exponent(f, p, l) - s->alpha_log2));
      f->avb[p * L + l] = f->vb[p * L + l];
    }
  for (int g = 0; g < 4; g++)
    for (int l = 0; l < L; l++)
      for (;;) {
        int top = -1000;
        for (int i = 0; i < 3 && group[g][i] >= 0; i++) {
          int p = group[g][i];
          top = max_int(top, f->w[p * L + l] + gradient_exponent(f, p, l));
          if (adapted(s, p)) top = max_int(top, f->f_s + f->avb[p * L + l]);
        }
        i128 sum = 0;
        bool lowered = false;
        for (int i = 0; i < 3 && group[g][i] >= 0; i++) {
          int p = group[g][i], w_vb = p == VFT_DOWN ? f->w_vb_down : f->w_vb;
          i128 base = (i128)vft_step_out(s, p) << (f->n_weight - 1 + f->n_grad - 1);
          i128 lora = (i128)s->rank << (f->w_s - 1 + w_vb - 1);
          int up = top - f->w[p * L + l] - gradient_exponent(f, p, l);
          sum += up > 60 ? (i128)1 << 100 : base << up;
          if (!adapted(s, p)) continue;
          up = top - f->f_s - f->avb[p * L + l];
          sum += up > 60 ? (i128)1 << 100 : lora << up;
        }
        if (sum < (i128)3 << 59) break;
        for (int i = 0; i < 3 && group[g][i] >= 0; i++) {
          int *avb = &f->avb[group[g][i] * L + l];
          if (!adapted(s, group[g][i]) || f->f_s + *avb != top || *avb == 0) continue;
          --*avb;
          lowered = true;
        }
        if (!lowered) return too_wide("the inner gradient", group[g][0], l);
      }
  return VFT_OK;
}

/* Gradients of A and B summed over the step (the calibration saw one sequence); exponents of
 * their squares relative to the clipping threshold stay below 2^48. */
static void fit_lora_gradients(vft_profile *f, const vft_step_shape *s, const vft_calibration *c) {
  int L = f->layers, bits = f->w_g - 6 - log2_ceil((size_t)s->sequences);
  for (int p = 0; p < VFT_PROJECTIONS; p++)
    for (int l = 0; l < L && adapted(s, p); l++) {
      int exact_a = f->vb[p * L + l] + input_exponent(f, p, l);
      int exact_b = gradient_exponent(f, p, l) + f->u[p * L + l] - s->alpha_log2;
      int most = s->clip_frac + 24;
      f->g0[2 * p * L + l] = fit(c->max_da[p][l], bits, s->clip_frac, min_int(exact_a, most));
      f->g0[(2 * p + 1) * L + l] = fit(c->max_db[p][l], bits, s->clip_frac, min_int(exact_b, most));
    }
}

/* The mean gradient. Divided by the number of loss tokens, taken for half of the step's S n, a sum
 * keeps its bits at an exponent that is larger by log2(S n / 2). Clipped, it is at most the
 * threshold, whatever the sums are: so, if that is larger, the exponent at which the threshold
 * fills the container, and 1/64 more for the rounding of the norm and of the scale. */
static void fit_mean_gradients(vft_profile *f, const vft_step_shape *s) {
  int sigma = max_int(0, log2_floor((size_t)s->sequences * (size_t)s->positions / 2));
  int all = f->w_g - 1 - 13 + s->clip_frac; /* clip_u < 2^13 */
  if (s->clip_u + s->clip_u / 64 >= 1 << 13) all--;
  for (int i = 0; i < 2 * VFT_PROJECTIONS * f->layers; i++) {
    f->g[i] = f->g0[i] + sigma;
    if (s->clip) f->g[i] = min_int(max_int(f->g[i], all), f->g0[i] + 30);
  }
}

/* Exponent at which norm i of layer l adds its gradient: r gamma dy and h w3. */
static int norm_exponent(const vft_profile *f, int i, int l) {
  int at = i * f->layers + l;
  return max_int(f->f_r + f->gain[at] + f->dx[at], f->f_h + f->w3[at]);
}

/* The residual gradient enters and leaves those sums: at their exponent its container must stay
 * within 2^60 (with r gamma dy within 2^60 and h w3 within 2^59: 2^61.8 in all). Raises its
 * exponents where neighbouring layers differ too much; a second pass, because a raised exponent
 * can be a sum's largest. */
static void fit_residual_gradients(vft_profile *f) {
  int L = f->layers, *after = f->dh, *middle = f->dh + L, drop = 61 - f->w_dh;
  for (int pass = 0; pass < 2; pass++) {
    int e = max_int(f->f_r + f->f_gain_out + f->f_dxf, f->f_h + f->f_w3_out);
    after[L - 1] = max_int(after[L - 1], e - drop);
    for (int l = L - 1; l >= 0; l--) {
      e = max_int(norm_exponent(f, 1, l), after[l]);
      after[l] = max_int(after[l], e - drop);
      middle[l] = max_int(middle[l], e - drop);
      if (l == 0) break;
      e = max_int(norm_exponent(f, 0, l), middle[l]);
      middle[l] = max_int(middle[l], e - drop);
      after[l - 1] = max_int(after[l - 1], e - drop);
    }
  }
}

vft_status vft_profile_fill(vft_profile *f, const vft_step_shape *s, const vft_model *model,
                            const vft_calibration *c) {
  int L = s->layers;
  size_t tokens = (size_t)s->sequences * s->positions;
  if (f->layers != L || c->layers != L || model->arch.layers != L)
    return vft_fail(VFT_USAGE, "profile: %d layers, calibration %d, model %d", f->layers, c->layers,
                    model->arch.layers);

  /* Base weights and gains: the largest exponent that fits their container. */
  size_t emb = (size_t)s->vocab * s->d;
  f->f_emb = vft_float_frac(vft_float_absmax(model->emb, emb), f->n_weight);
  f->f_out = s->tied ? f->f_emb : vft_float_frac(vft_float_absmax(model->out, emb), f->n_weight);
  f->f_gain_out = vft_float_frac(vft_float_absmax(model->out_norm, (size_t)s->d), f->n_gain);
  for (int l = 0; l < L; l++) {
    const vft_model_layer *y = &model->layer[l];
    const float *w[VFT_PROJECTIONS] = {y->wq, y->wk, y->wv, y->wo, y->wgate, y->wup, y->wdown};
    for (int p = 0; p < VFT_PROJECTIONS; p++)
      f->w[p * L + l] = vft_float_frac(
          vft_float_absmax(w[p], vft_step_in(s, p) * vft_step_out(s, p)), f->n_weight);
    f->gain[l] = vft_float_frac(vft_float_absmax(y->attn_norm, (size_t)s->d), f->n_gain);
    f->gain[L + l] = vft_float_frac(vft_float_absmax(y->ffn_norm, (size_t)s->d), f->n_gain);
  }

  /* Residual stream: one exponent for all layers, 12 if a container of up to 30 bits with 2 bits of
   * headroom holds it, and up to 16 where one of 25, the least, does. Trained models have a few
   * channels thousands of times larger than the rest (attention sinks), which the exponent must
   * not be lost to. */
  float h = 0, score = 0;
  for (int l = 0; l <= L; l++)
    if (cal(c, VFT_CAL_H, l) > h) h = cal(c, VFT_CAL_H, l);
  for (int l = 0; l < L; l++)
    if (cal(c, VFT_CAL_SCORE, l) > score) score = cal(c, VFT_CAL_SCORE, l);
  int e_h = vft_float_exponent(h), log_d = log2_ceil((size_t)s->d);
  f->w_h = max_int(25, min_int(30, 12 + e_h + 3));
  f->f_h = fit(h, f->w_h - 3, 0, 16);
  /* 1/rms: 11 bits where it is smallest (rms <= max|h|, and about max|h| / sqrt(d) when one
   * channel dominates), one bit of headroom above the largest that was seen. */
  f->f_r = max_int(14, min_int(24, 11 + e_h - log_d / 2));
  f->f_r = min_int(f->f_r, 27 - vft_float_exponent(c->inv_rms_max));
  f->w_r = f->f_r + vft_float_exponent(c->inv_rms_max) + 1;
  f->w_w2 = 61 - f->w_r;
  /* Rotated sum over u n queries of dS q', 2^(n_ds - 1 + 15 + f_unrot + 1) u n, and E (dP - dl),
   * 2^(e_score + n_dop - 1 + 15 + 1) head_dim: at most 2^60. r gamma dy: at most 2^59. B^T dy and
   * the gradient of B, 2^(n_grad - 1 + w_s - 1) and 2^(n_grad - 1 + w_u - 1) times what is summed:
   * at most 2^61. */
  int log_un = log2_ceil((size_t)s->per_group * (size_t)s->positions);
  f->n_ds = max_int(16, min_int(f->n_ds, 45 - log_un - f->f_unrot));
  f->n_dop = max_int(16, min_int(f->n_dop, 45 - log2_ceil((size_t)s->head_dim) - f->e_score));
  size_t outputs = 1;
  for (int p = 0; p < VFT_PROJECTIONS; p++)
    if (vft_step_out(s, p) > outputs) outputs = vft_step_out(s, p);
  f->n_grad = min_int(f->n_grad, 63 - f->w_s - log2_ceil(outputs));
  f->n_grad = max_int(16, min_int(f->n_grad, 63 - f->w_u - log2_ceil(tokens)));
  f->n_dx = max_int(16, min_int(f->n_dx, 61 - f->w_r - f->n_gain));
  /* Table inputs have 16 bits: 3 and 2 times the spread that was seen (it grew by 1.6 and 1.2 over
   * the calibration's). */
  f->f_score = fit(3 * score, 16, 4, 10);
  f->f_logit = fit(c->max_logit_span, 15, 4, 10);
  f->f_xf = activation(c->max_xf, 14);
  /* |sum p W - W_label| < 2 max|W| whatever the data: no headroom is needed */
  f->f_dxf = fit(2 * vft_float_absmax(s->tied ? model->emb : model->out, emb), 15, 0, 30);

  /* acc_A of "down" is sum over tokens of vb z u: |z u| < 2^30, so vb gets what is left of 2^61
   * (24 bits up to 128 tokens). */
  f->w_vb_down = min_int(f->w_vb, 61 - 30 - log2_ceil(tokens) + 1);

  /* The key's B U, rank 2^(w_s - 1 + w_u - 1), stays below 2^46, so that 2^47 holds it and W x and
   * the rotation (2^14) still closes below 2^61. */
  f->w_u = min_int(f->w_u, 46 - (f->w_s - 1) - log2_ceil((size_t)s->rank));

  for (int l = 0; l < L; l++) {
    f->x[l] = activation(cal(c, VFT_CAL_X1, l), 14);
    f->x[L + l] = activation(cal(c, VFT_CAL_X2, l), 14);
    f->q[l] = activation(cal(c, VFT_CAL_Q, l), 14);
    f->k[l] = activation(cal(c, VFT_CAL_K, l), 14);
    f->v[l] = activation(cal(c, VFT_CAL_V, l), 14);
    f->up[l] = activation(cal(c, VFT_CAL_U, l), 14);
    float after = cal(c, VFT_CAL_DH, l), middle = cal(c, VFT_CAL_DHM, l);
    f->gate[l] = activation(cal(c, VFT_CAL_G, l), 13);
    f->dh[l] = fit(after, f->w_dh - 9, 0, 40);
    f->dh[L + l] = fit(middle, f->w_dh - 9, 0, 40);
    f->dha[l] = gradient(after, f->n_grad, 30);
    f->dhb[l] = gradient(middle, f->n_grad, 30);
    f->dm[l] = gradient(cal(c, VFT_CAL_DM, l), f->n_grad, 40);
    f->dup[l] = gradient(cal(c, VFT_CAL_DU, l), f->n_grad, 40);
    f->dgate[l] = gradient(cal(c, VFT_CAL_DG, l), f->n_grad, 40);
    f->dx[l] = fit(cal(c, VFT_CAL_DX1, l), min_int(GRAD_BITS, f->n_dx - DX_ROOM), 0, 40);
    f->dx[L + l] = fit(cal(c, VFT_CAL_DX2, l), min_int(GRAD_BITS, f->n_dx - DX_ROOM), 0, 40);
    f->do_[l] = gradient(cal(c, VFT_CAL_DO, l), f->n_grad, 40);
    f->dop[l] = gradient(cal(c, VFT_CAL_DOP, l), f->n_dop, 40);
    f->dv[l] = gradient(cal(c, VFT_CAL_DV, l), f->n_grad, 40);
    f->ds[l] = gradient(cal(c, VFT_CAL_DS, l), f->n_ds, 40);
    f->dq[l] = gradient(cal(c, VFT_CAL_DQ, l), f->n_grad, 40);
    f->dk[l] = gradient(cal(c, VFT_CAL_DK, l), f->n_grad, 40);
  }

  TRY(fit_inner_values(f, s, c));
  TRY(fit_inner_gradients(f, s, c));
  fit_lora_gradients(f, s, c);
  fit_mean_gradients(f, s);

  /* Norm backward, dh += r gamma dy - h w3 with w3 = r^2 c / d, exponents f1 and f_h + f_w3. The
   * static bounds (build_backward.c) ask for
   *   |h| r 2^(w_w2 - 1) / 2^k <= 2^58, k = f_r + f_w2 - f_w3 >= 0, |h| r < 2^b,
   *   b = ceil(log2 d) / 2 + 1 + f_h + f_r,
   *   f_h + f_w3 <= f1 + up, |r gamma dy| 2^up <= 2^60, and f1 <= f_h + f_w3 + 1;
   * within that, |w2| = |r c / d| <= inv_rms_max max|x| max|dy|. */
  int e_r = vft_float_exponent(c->inv_rms_max), most_k = 0;
  int b = max_int(30, log_d / 2 + 1 + f->f_h + f->f_r);
  int least_k = max_int(0, b + f->w_w2 - 1 - 58);
  int up = min_int(6, 62 - f->w_r - f->n_gain - f->n_dx);
  for (int i = 0; i < 2 * L + 1; i++) {
    bool last = i == 2 * L;
    int n = i / L, l = i % L;
    float x = last ? c->max_xf : cal(c, n ? VFT_CAL_X2 : VFT_CAL_X1, l);
    float g = last ? c->max_dxf : cal(c, n ? VFT_CAL_DX2 : VFT_CAL_DX1, l);
    int f_x = last ? f->f_xf : f->x[i], f_g = last ? f->f_dxf : f->dx[i];
    int f1 = f->f_r + (last ? f->f_gain_out : f->gain[i]) + f_g;
    int f_w2 = f->w_w2 - 1 - (vft_float_exponent(x) + vft_float_exponent(g) + e_r);
    f_w2 = min_int(f_w2, f_x + f_g + f->f_r);
    f_w2 = max_int(f_w2, f1 - 1 - f->f_h - f->f_r + least_k);
    int f_w3 = min_int(f->f_r + f_w2 - least_k, f1 + up - f->f_h);
    most_k = max_int(most_k, f->f_r + f_w2 - f_w3);
    *(last ? &f->f_w2_out : &f->w2[i]) = f_w2;
    *(last ? &f->f_w3_out : &f->w3[i]) = f_w3;
  }
  fit_residual_gradients(f);
  f->w_w3 = min_int(f->w_w3, 60 - most_k);
  return VFT_OK;
}
