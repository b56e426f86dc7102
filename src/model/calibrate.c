#include "model/calibrate.h"

#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "base/pool.h"
#include "hash/blake3.h"
#include "model/fixmath.h"
#include "model/tables.h"

/* Element-wise vector arithmetic is IEEE on every tier, so the clones agree to the bit. */
typedef float v16 __attribute__((vector_size(64), aligned(4), may_alias));
#define LOAD(x) (*(const v16 *)(x))
#define CLONES __attribute__((target_clones("avx512f", "avx2", "default")))

enum { ROPE_FRAC = 20 };

typedef double v8d __attribute__((vector_size(64)));
typedef int64_t v8l __attribute__((vector_size(64)));
typedef int32_t v8i __attribute__((vector_size(32)));

#define CHOOSE(mask, yes, no) ((v8d)(((mask) & (v8l)(yes)) | (~(mask) & (v8l)(no))))

/* x[i] -> e^x[i] in double from IEEE operations alone; relative error about 1e-15; 0 below -700,
 * e^700 above 700. */
CLONES static void exp_ieee(double *x, size_t n) {
  for (size_t i = 0; i < n; i += 8) {
    size_t count = n - i < 8 ? n - i : 8;
    v8d in = {0};
    memcpy(&in, x + i, count * sizeof *x);
    v8l low = in < -700, high = in > 700;
    in = CHOOSE(low | high, (v8d){0} + 700, in);
    v8d k = in * 1.4426950408889634;
    k = __builtin_convertvector(
        __builtin_convertvector(k + CHOOSE(k < 0, (v8d){0} - 0.5, (v8d){0} + 0.5), v8i), v8d);
    v8d y = (in - k * 0x1.62e42fefa38p-1) - k * 0x1.ef35793c7673p-45; /* ln 2 in two parts */
    v8d sum = (v8d){0} + 1;
    for (int t = 13; t >= 1; t--) sum = 1 + sum * y / t;
    v8l bits = (1023 + __builtin_convertvector(k, v8l)) << 52;
    v8d out = CHOOSE(low, (v8d){0}, sum * (v8d)bits);
    memcpy(x + i, &out, count * sizeof *x);
  }
}

/* ---- matrix products with a fixed order of summation ---- */

typedef struct {
  const float *x, *w;
  float *y;
  size_t tokens, in, out, stride; /* stride: row length of w */
  int add;
} product;

/* The sum of 16 lanes, folded in halves. */
static inline __attribute__((always_inline)) float fold16(const v16 *lanes) {
  const float *s = (const float *)lanes;
  float h[8];
  for (int i = 0; i < 8; i++) h[i] = s[i] + s[i + 8];
  for (int i = 0; i < 4; i++) h[i] += h[i + 4];
  return (h[0] + h[2]) + (h[1] + h[3]);
}

/* y[t][o] (+)= sum_k x[t][k] w[o][k] for o in [begin, end). TOKENS tokens share the row of w. */
enum { TOKENS = 8 };
CLONES static void forward_rows(void *ctx, size_t begin, size_t end) {
  const product *p = ctx;
  size_t whole = p->in & ~(size_t)15;
  for (size_t o = begin; o < end; o++) {
    const float *w = p->w + o * p->in;
    for (size_t t = 0; t < p->tokens; t += TOKENS) {
      const float *x[TOKENS];
      v16 acc[TOKENS];
      size_t count = p->tokens - t < TOKENS ? p->tokens - t : TOKENS;
      for (size_t i = 0; i < TOKENS; i++) {
        x[i] = p->x + (t + (i < count ? i : 0)) * p->in;
        acc[i] = (v16){0};
      }
      for (size_t k = 0; k < whole; k += 16) {
        v16 b = LOAD(w + k);
#pragma GCC unroll 8
        for (size_t i = 0; i < TOKENS; i++) acc[i] += LOAD(x[i] + k) * b;
      }
      for (size_t i = 0; i < count; i++) {
        float s = fold16(&acc[i]), *y = p->y + (t + i) * p->out + o;
        for (size_t k = whole; k < p->in; k++) s += x[i][k] * w[k];
        *y = p->add ? *y + s : s;
      }
    }
  }
}

/* x[t][k] (+)= sum_o y[t][o] w[o][k], summed in the order of o: `x` is the output here, tokens
 * [begin, end). ROWS rows of w are added in one pass over a token's outputs. */
enum { ROWS = 8 };
CLONES static void backward_tokens(void *ctx, size_t begin, size_t end) {
  const product *p = ctx;
  float *dx = (float *)(uintptr_t)p->x;
  size_t whole = p->in & ~(size_t)15;
  for (size_t t = begin; t < end; t++)
    if (!p->add) memset(dx + t * p->in, 0, p->in * sizeof *dx);
  for (size_t o = 0; o < p->out; o += ROWS) {
    size_t count = p->out - o < ROWS ? p->out - o : ROWS;
    const float *w = p->w + o * p->in;
    for (size_t t = begin; t < end; t++) {
      const float *s = p->y + t * p->out + o;
      float *d = dx + t * p->in;
      size_t k = 0;
      for (; count == ROWS && k < whole; k += 16) {
        v16 sum = LOAD(d + k);
#pragma GCC unroll 8
        for (size_t i = 0; i < ROWS; i++) sum += s[i] * LOAD(w + i * p->in + k);
        *(v16 *)(d + k) = sum;
      }
      for (; k < p->in; k++)
        for (size_t i = 0; i < count; i++) d[k] += s[i] * w[i * p->in + k];
    }
  }
}

static void matmul(float *y, const float *x, const float *w, size_t tokens, size_t in, size_t out,
                   int add) {
  product p = {x, w, y, tokens, in, out, in, add};
  vft_parallel_for(out, 16, forward_rows, &p);
}

static void matmul_back(float *dx, const float *dy, const float *w, size_t tokens, size_t in,
                        size_t out, int add) {
  product p = {dx, w, (float *)(uintptr_t)dy, tokens, in, out, in, add};
  vft_parallel_for(tokens, tokens < 32 ? 4 : 16, backward_tokens, &p);
}

static void see(float *slot, const float *x, size_t n) {
  float m = *slot;
  for (size_t i = 0; i < n; i++) {
    float a = x[i] < 0 ? -x[i] : x[i];
    if (a > m) m = a;
  }
  *slot = m;
}

/* ---- one pass ---- */

typedef struct {
  float *h1, *h2, *x1, *x2, *r1, *r2, *q, *k, *v, *prob, *denominator, *o, *g, *u, *m;
  float *inner[VFT_PROJECTIONS]; /* U = A x, [n][rank] */
} layer_state;

typedef struct {
  const vft_model *model;
  const vft_calibration_lora *lora;
  vft_calibration *out;
  size_t n, heads, group, hd;
  const float *rot_q, *rot_k; /* [n][2][2][half] */
  float **a, **b;             /* [layer * projections + p] */
  layer_state *layer;
  float *hf, *xf, *rf;
  /* attention job */
  layer_state *at;
  const float *dop_in;
  float *dq, *dk, *dv, *dop;
  float *score_max, *ds_max; /* per head */
} pass;

static size_t proj_in(const vft_arch *a, int p) {
  if (p == VFT_O) return (size_t)(a->heads * a->head_dim);
  return (size_t)(p == VFT_DOWN ? a->ff : a->d);
}

static size_t proj_out(const vft_arch *a, int p) {
  switch (p) {
    case VFT_Q: return (size_t)(a->heads * a->head_dim);
    case VFT_K:
    case VFT_V: return (size_t)(a->kv_heads * a->head_dim);
    case VFT_GATE:
    case VFT_UP: return (size_t)a->ff;
    default: return (size_t)a->d;
  }
}

static const float *proj_weight(const vft_model_layer *l, int p) {
  const float *w[VFT_PROJECTIONS] = {l->wq, l->wk, l->wv, l->wo, l->wgate, l->wup, l->wdown};
  return w[p];
}

/* x = h * r * gain with r = 1 / sqrt(mean(h^2) + eps). */
static void norm(const pass *c, const float *h, const float *gain, float *x, float *r) {
  size_t d = (size_t)c->model->arch.d;
  for (size_t t = 0; t < c->n; t++) {
    double sum = 0;
    for (size_t j = 0; j < d; j++) sum += (double)h[t * d + j] * h[t * d + j];
    r[t] = (float)(1 / sqrt(sum / (double)d + (double)c->model->arch.rms_eps));
    if (r[t] > c->out->inv_rms_max) c->out->inv_rms_max = r[t];
    for (size_t j = 0; j < d; j++) x[t * d + j] = h[t * d + j] * r[t] * gain[j];
  }
}

/* dh += r (gain dy - h r^2 (x . dy) / d) */
static void norm_back(const pass *c, const float *h, const float *x, const float *r,
                      const float *gain, const float *dy, float *dh) {
  size_t d = (size_t)c->model->arch.d;
  for (size_t t = 0; t < c->n; t++) {
    double dot = 0;
    for (size_t j = 0; j < d; j++) dot += (double)x[t * d + j] * dy[t * d + j];
    float w = (float)(dot / (double)d) * r[t] * r[t];
    for (size_t j = 0; j < d; j++)
      dh[t * d + j] += r[t] * (gain[j] * dy[t * d + j] - h[t * d + j] * w);
  }
}

/* y = W_p x + scale B_p (A_p x). */
static void project(const pass *c, int l, int p, const float *x, float *y) {
  const vft_arch *arch = &c->model->arch;
  size_t in = proj_in(arch, p), out = proj_out(arch, p), r = (size_t)c->lora->rank;
  matmul(y, x, proj_weight(&c->model->layer[l], p), c->n, in, out, 0);
  if (!(c->lora->adapted >> p & 1)) return;
  float *u = c->layer[l].inner[p];
  matmul(u, x, c->a[l * VFT_PROJECTIONS + p], c->n, in, r, 0);
  see(&c->out->max_u[p][l], u, c->n * r);
  matmul(y, u, c->b[l * VFT_PROJECTIONS + p], c->n, r, out, 1);
}

static void transpose(float *out, const float *x, size_t rows, size_t columns) {
  for (size_t i = 0; i < rows; i++)
    for (size_t j = 0; j < columns; j++) out[j * rows + i] = x[i * columns + j];
}

/* dx (+)= W^T dy + A^T vb, vb = B^T dy (B carries the scale); maxima of vb, dA, dB. */
static vft_status project_back(const pass *c, int l, int p, const float *x, const float *dy,
                               float *dx, int add) {
  const vft_arch *arch = &c->model->arch;
  size_t in = proj_in(arch, p), out = proj_out(arch, p), r = (size_t)c->lora->rank, n = c->n;
  matmul_back(dx, dy, proj_weight(&c->model->layer[l], p), n, in, out, add);
  if (!(c->lora->adapted >> p & 1)) return VFT_OK;
  float *vb = vft_alloc_raw(n * r, sizeof *vb), *turned = vft_alloc_raw(n * r, sizeof *turned);
  float *grad = vft_alloc_raw((in > out ? in : out) * r, sizeof *grad);
  float *scaled = vft_alloc_raw(n * out, sizeof *scaled);
  vft_status st = VFT_RESOURCE;
  if (!vb || !turned || !grad || !scaled) goto out;
  matmul_back(vb, dy, c->b[l * VFT_PROJECTIONS + p], n, r, out, 0);
  see(&c->out->max_vb[p][l], vb, n * r);
  matmul_back(dx, vb, c->a[l * VFT_PROJECTIONS + p], n, in, r, 1);
  const float *u = c->layer[l].inner[p];
  transpose(turned, vb, n, r);
  matmul_back(grad, turned, x, r, in, n, 0);
  see(&c->out->max_da[p][l], grad, in * r);
  for (size_t i = 0; i < n * out; i++) scaled[i] = c->lora->scale * dy[i];
  transpose(turned, u, n, r);
  matmul_back(grad, turned, scaled, r, out, n, 0);
  see(&c->out->max_db[p][l], grad, out * r);
  st = VFT_OK;
out:
  vft_free(vb);
  vft_free(turned);
  vft_free(grad);
  vft_free(scaled);
  return st;
}

/* Rotates `heads` heads of every token in place; transpose = 1 applies the transposed map. */
static void rotate(const pass *c, float *y, size_t heads, const float *rot, int transpose) {
  size_t half = c->hd / 2;
  for (size_t t = 0; t < c->n; t++)
    for (size_t h = 0; h < heads; h++) {
      float *v = y + (t * heads + h) * c->hd;
      const float *m = rot + t * 4 * half;
      for (size_t e = 0; e < half; e++) {
        float x0 = v[e], x1 = v[half + e];
        float m01 = m[(transpose ? 2 : 1) * half + e], m10 = m[(transpose ? 1 : 2) * half + e];
        v[e] = m[e] * x0 + m01 * x1;
        v[half + e] = m10 * x0 + m[3 * half + e] * x1;
      }
    }
}

enum { TILE = 256 };

/* e^(x[i] - top) for i from `begin` on, a tile or up to `end`; how many. */
static size_t exp_of(double *out, const float *x, size_t begin, size_t end, float top) {
  size_t n = end - begin < TILE ? end - begin : TILE;
  for (size_t i = 0; i < n; i++) out[i] = (double)x[begin + i] - (double)top;
  exp_ieee(out, n);
  return n;
}

static void attention_heads(void *ctx, size_t begin, size_t end) {
  pass *c = ctx;
  layer_state *s = c->at;
  size_t n = c->n, hd = c->hd, kv = c->heads / c->group;
  for (size_t h = begin; h < end; h++) {
    size_t g = h / c->group;
    for (size_t i = 0; i < n; i++) {
      const float *q = s->q + (i * c->heads + h) * hd;
      float *prob = s->prob + (h * n + i) * n, *o = s->o + (i * c->heads + h) * hd;
      float top = -INFINITY, low = INFINITY;
      for (size_t j = 0; j <= i; j++) {
        const float *k = s->k + (j * kv + g) * hd;
        float dot = 0;
        for (size_t e = 0; e < hd; e++) dot += q[e] * k[e];
        prob[j] = dot;
        if (dot > top) top = dot;
        if (dot < low) low = dot;
      }
      if (top - low > c->score_max[h]) c->score_max[h] = top - low;
      double sum = 0, e_of[TILE];
      for (size_t j = 0; j <= i; j += TILE) {
        size_t count = exp_of(e_of, prob, j, i + 1, top);
        for (size_t a = 0; a < count; a++) sum += e_of[a];
      }
      s->denominator[h * n + i] = (float)sum;
      for (size_t e = 0; e < hd; e++) o[e] = 0;
      for (size_t j = 0; j <= i; j += TILE) {
        size_t count = exp_of(e_of, prob, j, i + 1, top);
        for (size_t a = 0; a < count; a++) {
          float w = prob[j + a] = (float)(e_of[a] / sum);
          const float *v = s->v + ((j + a) * kv + g) * hd;
          for (size_t e = 0; e < hd; e++) o[e] += w * v[e];
        }
      }
    }
  }
}

/* Elements [begin, end): m = silu(g) u. */
static void swiglu(void *ctx, size_t begin, size_t end) {
  const pass *c = ctx;
  layer_state *s = c->at;
  for (size_t at = begin; at < end; at += TILE) {
    size_t n = end - at < TILE ? end - at : TILE;
    double e_of[TILE];
    for (size_t i = 0; i < n; i++) e_of[i] = -(double)s->g[at + i];
    exp_ieee(e_of, n);
    for (size_t i = 0; i < n; i++)
      s->m[at + i] = (float)((double)s->g[at + i] / (1 + e_of[i])) * s->u[at + i];
  }
}

typedef struct {
  const layer_state *at;
  const float *dm;
  float *du, *dg;
} swiglu_job;

/* Elements [begin, end): gradients of g and u from that of m. */
static void swiglu_back(void *ctx, size_t begin, size_t end) {
  const swiglu_job *job = ctx;
  for (size_t at = begin; at < end; at += TILE) {
    size_t n = end - at < TILE ? end - at : TILE;
    double e_of[TILE];
    for (size_t i = 0; i < n; i++) e_of[i] = -(double)job->at->g[at + i];
    exp_ieee(e_of, n);
    for (size_t i = 0; i < n; i++) {
      double g = (double)job->at->g[at + i], sg = 1 / (1 + e_of[i]);
      job->du[at + i] = job->dm[at + i] * (float)(g * sg);
      job->dg[at + i] = job->dm[at + i] * job->at->u[at + i] * (float)(sg * (1 + g * (1 - sg)));
    }
  }
}

/* Groups [begin, end): gradients of q, k, v from dO (c->dop_in). */
static void attention_back_groups(void *ctx, size_t begin, size_t end) {
  pass *c = ctx;
  layer_state *s = c->at;
  size_t n = c->n, hd = c->hd, kv = c->heads / c->group;
  for (size_t g = begin; g < end; g++)
    for (size_t h = g * c->group; h < (g + 1) * c->group; h++)
      for (size_t i = 0; i < n; i++) {
        size_t row = (i * c->heads + h) * hd;
        const float *dout = c->dop_in + row, *o = s->o + row, *q = s->q + row;
        const float *prob = s->prob + (h * n + i) * n;
        float *dq = c->dq + row, inner = 0;
        for (size_t e = 0; e < hd; e++) {
          inner += dout[e] * o[e];
          c->dop[row + e] = dout[e] / s->denominator[h * n + i];
          dq[e] = 0;
        }
        for (size_t j = 0; j <= i; j++) {
          size_t at = (j * kv + g) * hd;
          const float *k = s->k + at, *v = s->v + at;
          float dp = 0;
          for (size_t e = 0; e < hd; e++) dp += dout[e] * v[e];
          float ds = prob[j] * (dp - inner), mag = ds < 0 ? -ds : ds;
          if (mag > c->ds_max[h]) c->ds_max[h] = mag;
          for (size_t e = 0; e < hd; e++) {
            c->dv[at + e] += prob[j] * dout[e];
            dq[e] += ds * k[e];
            c->dk[at + e] += ds * q[e];
          }
        }
      }
}

static vft_status forward(pass *c, const int32_t *ids) {
  const vft_model *m = c->model;
  const vft_arch *a = &m->arch;
  size_t n = c->n, d = (size_t)a->d, f = (size_t)a->ff;
  vft_calibration *out = c->out;
  for (size_t t = 0; t < n; t++) {
    if (ids[t] < 0 || ids[t] >= a->vocab)
      return vft_fail(VFT_USAGE, "calibration: token id %d is outside the vocabulary of %d",
                      (int)ids[t], a->vocab);
    memcpy(c->layer[0].h1 + t * d, m->emb + (size_t)ids[t] * d, d * sizeof(float));
  }
  for (int l = 0; l < a->layers; l++) {
    layer_state *s = &c->layer[l];
    const vft_model_layer *w = &m->layer[l];
    float *next = l + 1 < a->layers ? c->layer[l + 1].h1 : c->hf;
    see(&out->max[VFT_CAL_H][l], s->h1, n * d);
    norm(c, s->h1, w->attn_norm, s->x1, s->r1);
    see(&out->max[VFT_CAL_X1][l], s->x1, n * d);
    project(c, l, VFT_Q, s->x1, s->q);
    project(c, l, VFT_K, s->x1, s->k);
    project(c, l, VFT_V, s->x1, s->v);
    rotate(c, s->q, c->heads, c->rot_q, 0);
    rotate(c, s->k, c->heads / c->group, c->rot_k, 0);
    see(&out->max[VFT_CAL_Q][l], s->q, n * c->heads * c->hd);
    see(&out->max[VFT_CAL_K][l], s->k, n * (c->heads / c->group) * c->hd);
    see(&out->max[VFT_CAL_V][l], s->v, n * (c->heads / c->group) * c->hd);
    c->at = s;
    vft_parallel_for(c->heads, 1, attention_heads, c);
    see(&out->max[VFT_CAL_SCORE][l], c->score_max, c->heads);
    memset(c->score_max, 0, c->heads * sizeof(float));
    see(&out->max[VFT_CAL_O][l], s->o, n * c->heads * c->hd);
    project(c, l, VFT_O, s->o, s->h2);
    for (size_t i = 0; i < n * d; i++) s->h2[i] += s->h1[i];
    see(&out->max[VFT_CAL_H][l], s->h2, n * d);
    norm(c, s->h2, w->ffn_norm, s->x2, s->r2);
    see(&out->max[VFT_CAL_X2][l], s->x2, n * d);
    project(c, l, VFT_GATE, s->x2, s->g);
    project(c, l, VFT_UP, s->x2, s->u);
    see(&out->max[VFT_CAL_G][l], s->g, n * f);
    see(&out->max[VFT_CAL_U][l], s->u, n * f);
    c->at = s;
    vft_parallel_for(n * f, 16 * TILE, swiglu, c);
    see(&out->max[VFT_CAL_M][l], s->m, n * f);
    project(c, l, VFT_DOWN, s->m, next);
    for (size_t i = 0; i < n * d; i++) next[i] += s->h2[i];
  }
  see(&out->max[VFT_CAL_H][a->layers], c->hf, n * d);
  norm(c, c->hf, m->out_norm, c->xf, c->rf);
  see(&out->max_xf, c->xf, n * d);
  return VFT_OK;
}

typedef struct {
  float *logits, *span; /* [rows][vocab], [rows] */
  const int32_t *label;
  size_t vocab;
} head_job;

/* Logits of rows [begin, end) become softmax - one-hot(label). */
static void head_rows(void *ctx, size_t begin, size_t end) {
  const head_job *job = ctx;
  for (size_t t = begin; t < end; t++) {
    float *row = job->logits + t * job->vocab, top = row[0], low = row[0];
    for (size_t v = 0; v < job->vocab; v++) {
      if (row[v] > top) top = row[v];
      if (row[v] < low) low = row[v];
    }
    job->span[t] = top - low;
    double sum = 0;
    for (size_t v = 0; v < job->vocab; v += TILE) {
      double e_of[TILE];
      size_t count = exp_of(e_of, row, v, job->vocab, top);
      for (size_t i = 0; i < count; i++) {
        row[v + i] = (float)e_of[i];
        sum += (double)row[v + i];
      }
    }
    for (size_t v = 0; v < job->vocab; v++) row[v] = (float)((double)row[v] / sum);
    row[job->label[t]] -= 1;
  }
}

/* Head and its gradient: dxf = W_out^T (softmax - one-hot), one block of tokens at a time. */
static vft_status head(pass *c, const int32_t *ids, float *dxf) {
  const vft_arch *a = &c->model->arch;
  const float *w = c->model->out ? c->model->out : c->model->emb;
  size_t n = c->n, d = (size_t)a->d, vocab = (size_t)a->vocab;
  enum { BLOCK = 32 };
  float span[BLOCK];
  for (size_t t = 1; t <= n; t++)
    if (ids[t] < 0 || ids[t] >= a->vocab)
      return vft_fail(VFT_USAGE, "calibration: token id %d is outside the vocabulary of %d",
                      (int)ids[t], a->vocab);
  float *logits = vft_alloc(BLOCK * vocab, sizeof *logits);
  if (!logits) return VFT_RESOURCE;
  for (size_t t0 = 0; t0 < n; t0 += BLOCK) {
    size_t count = n - t0 < BLOCK ? n - t0 : BLOCK;
    matmul(logits, c->xf + t0 * d, w, count, d, vocab, 0);
    head_job job = {logits, span, ids + t0 + 1, vocab};
    vft_parallel_for(count, 1, head_rows, &job);
    see(&c->out->max_logit_span, span, count);
    matmul_back(dxf + t0 * d, logits, w, count, d, vocab, 0);
  }
  see(&c->out->max_dxf, dxf, n * d);
  vft_free(logits);
  return VFT_OK;
}

static vft_status backward(pass *c, float *dxf) {
  const vft_model *m = c->model;
  const vft_arch *a = &m->arch;
  vft_calibration *out = c->out;
  size_t n = c->n, d = (size_t)a->d, f = (size_t)a->ff, hd = c->hd;
  size_t q = n * c->heads * hd, kv = n * (c->heads / c->group) * hd;
  size_t wide = f > d ? f : d;
  vft_status st = VFT_OK;
  float *dh = vft_alloc(n * d, sizeof *dh), *dx = vft_alloc(n * d, sizeof *dx);
  float *dm = vft_alloc(n * wide, sizeof *dm), *du = vft_alloc(n * wide, sizeof *du);
  float *dg = vft_alloc(n * wide, sizeof *dg), *dout = vft_alloc(q, sizeof *dout);
  c->dq = vft_alloc(q, sizeof *c->dq);
  c->dop = vft_alloc(q, sizeof *c->dop);
  c->dk = vft_alloc(kv, sizeof *c->dk);
  c->dv = vft_alloc(kv, sizeof *c->dv);
  if (!dh || !dx || !dm || !du || !dg || !dout || !c->dq || !c->dop || !c->dk || !c->dv) {
    st = VFT_RESOURCE;
    goto out;
  }
  norm_back(c, c->hf, c->xf, c->rf, m->out_norm, dxf, dh);
  for (int l = a->layers - 1; l >= 0; l--) {
    layer_state *s = &c->layer[l];
    const vft_model_layer *w = &m->layer[l];
    see(&out->max[VFT_CAL_DH][l], dh, n * d);
    TRY_OUT(project_back(c, l, VFT_DOWN, s->m, dh, dm, 0));
    see(&out->max[VFT_CAL_DM][l], dm, n * f);
    swiglu_job job = {s, dm, du, dg};
    vft_parallel_for(n * f, 16 * TILE, swiglu_back, &job);
    see(&out->max[VFT_CAL_DU][l], du, n * f);
    see(&out->max[VFT_CAL_DG][l], dg, n * f);
    TRY_OUT(project_back(c, l, VFT_GATE, s->x2, dg, dx, 0));
    TRY_OUT(project_back(c, l, VFT_UP, s->x2, du, dx, 1));
    see(&out->max[VFT_CAL_DX2][l], dx, n * d);
    norm_back(c, s->h2, s->x2, s->r2, w->ffn_norm, dx, dh);
    see(&out->max[VFT_CAL_DHM][l], dh, n * d);
    TRY_OUT(project_back(c, l, VFT_O, s->o, dh, dout, 0));
    see(&out->max[VFT_CAL_DO][l], dout, q);
    c->at = s;
    c->dop_in = dout;
    memset(c->dk, 0, kv * sizeof(float));
    memset(c->dv, 0, kv * sizeof(float));
    vft_parallel_for(c->heads / c->group, 1, attention_back_groups, c);
    see(&out->max[VFT_CAL_DOP][l], c->dop, q);
    see(&out->max[VFT_CAL_DS][l], c->ds_max, c->heads);
    memset(c->ds_max, 0, c->heads * sizeof(float));
    rotate(c, c->dq, c->heads, c->rot_q, 1);
    rotate(c, c->dk, c->heads / c->group, c->rot_k, 1);
    see(&out->max[VFT_CAL_DQ][l], c->dq, q);
    see(&out->max[VFT_CAL_DK][l], c->dk, kv);
    see(&out->max[VFT_CAL_DV][l], c->dv, kv);
    TRY_OUT(project_back(c, l, VFT_Q, s->x1, c->dq, dx, 0));
    TRY_OUT(project_back(c, l, VFT_K, s->x1, c->dk, dx, 1));
    TRY_OUT(project_back(c, l, VFT_V, s->x1, c->dv, dx, 1));
    see(&out->max[VFT_CAL_DX1][l], dx, n * d);
    norm_back(c, s->h1, s->x1, s->r1, w->attn_norm, dx, dh);
  }
out:
  vft_free(dh);
  vft_free(dx);
  vft_free(dm);
  vft_free(du);
  vft_free(dg);
  vft_free(dout);
  vft_free(c->dq);
  vft_free(c->dop);
  vft_free(c->dk);
  vft_free(c->dv);
  return st;
}

/* ---- set-up ---- */

static float *carve(float **at, size_t count) {
  float *p = *at;
  *at += count;
  return p;
}

static size_t layer_floats(const vft_arch *a, size_t n, size_t rank) {
  size_t d = (size_t)a->d, f = (size_t)a->ff, h = (size_t)a->heads, hd = (size_t)a->head_dim;
  size_t kv = (size_t)a->kv_heads;
  return n * (4 * d + 2 + 2 * h * hd + 2 * kv * hd + h + 3 * f + VFT_PROJECTIONS * rank) +
         h * n * n;
}

static void layer_carve(layer_state *s, float **at, const vft_arch *a, size_t n, size_t rank) {
  size_t d = (size_t)a->d, f = (size_t)a->ff, h = (size_t)a->heads, hd = (size_t)a->head_dim;
  size_t kv = (size_t)a->kv_heads;
  s->h1 = carve(at, n * d);
  s->h2 = carve(at, n * d);
  s->x1 = carve(at, n * d);
  s->x2 = carve(at, n * d);
  s->r1 = carve(at, n);
  s->r2 = carve(at, n);
  s->q = carve(at, n * h * hd);
  s->o = carve(at, n * h * hd);
  s->k = carve(at, n * kv * hd);
  s->v = carve(at, n * kv * hd);
  s->prob = carve(at, h * n * n);
  s->denominator = carve(at, h * n);
  s->g = carve(at, n * f);
  s->u = carve(at, n * f);
  s->m = carve(at, n * f);
  for (int p = 0; p < VFT_PROJECTIONS; p++) s->inner[p] = carve(at, n * rank);
}

static vft_status calibration_alloc(vft_calibration *c, int layers) {
  memset(c, 0, sizeof *c);
  c->layers = layers;
  size_t slots = (size_t)layers + 1, rows = VFT_CAL_KINDS + 4 * VFT_PROJECTIONS;
  float *all = vft_alloc(slots * rows, sizeof *all);
  if (!all) return VFT_RESOURCE;
  for (int k = 0; k < VFT_CAL_KINDS; k++) c->max[k] = carve(&all, slots);
  for (int p = 0; p < VFT_PROJECTIONS; p++) {
    c->max_u[p] = carve(&all, slots);
    c->max_vb[p] = carve(&all, slots);
    c->max_da[p] = carve(&all, slots);
    c->max_db[p] = carve(&all, slots);
  }
  return VFT_OK;
}

void vft_calibration_free(vft_calibration *c) {
  vft_free(c->max[0]); /* one block */
  memset(c, 0, sizeof *c);
}

/* B entries +-amplitude (times the LoRA scale, which project() and project_back() expect B to
 * carry), signs from BLAKE3 in extendable-output mode. */
static vft_status fill_b(float *b, size_t count, int layer, int projection,
                         const vft_calibration_lora *lora) {
  uint8_t *bits = vft_alloc(count / 8 + 1, 1);
  if (!bits) return VFT_RESOURCE;
  uint8_t key[16];
  for (int i = 0; i < 8; i++) key[i] = (uint8_t)(lora->seed >> (8 * i));
  for (int i = 0; i < 4; i++) key[8 + i] = (uint8_t)((unsigned)layer >> (8 * i));
  for (int i = 0; i < 4; i++) key[12 + i] = (uint8_t)((unsigned)projection >> (8 * i));
  vft_blake3 h;
  vft_blake3_init(&h);
  static const char domain[] = "vft calibration B v1";
  vft_blake3_update(&h, domain, sizeof domain);
  vft_blake3_update(&h, key, sizeof key);
  vft_blake3_final(&h, bits, count / 8 + 1);
  float amplitude = lora->b_amplitude * lora->scale;
  for (size_t i = 0; i < count; i++) b[i] = bits[i / 8] >> (i % 8) & 1 ? amplitude : -amplitude;
  vft_free(bits);
  return VFT_OK;
}

static vft_status rope_floats(const vft_arch *a, size_t n, int scale, float *out) {
  size_t half = (size_t)a->head_dim / 2;
  int64_t *rot = vft_alloc(n * 4 * half, sizeof *rot);
  if (!rot) return VFT_RESOURCE;
  vft_status st =
      vft_table_rope(rot, n, half, vft_fix_from_float(a->rope_theta), ROPE_FRAC, scale);
  for (size_t i = 0; st == VFT_OK && i < n * 4 * half; i++)
    out[i] = (float)rot[i] / (float)(1 << ROPE_FRAC);
  vft_free(rot);
  return st;
}

vft_status vft_calibrate(const vft_model *model, const vft_calibration_lora *lora,
                         vft_lora_a_init a_init, void *a_ctx, const int32_t *ids,
                         size_t sequences, size_t n, vft_calibration *out) {
  const vft_arch *a = &model->arch;
  size_t layers = (size_t)a->layers, rank = (size_t)lora->rank, d = (size_t)a->d;
  size_t half = (size_t)a->head_dim / 2, adapters = layers * VFT_PROJECTIONS;
  if (!n || !sequences || n > (size_t)a->context)
    return vft_fail(VFT_USAGE, "calibration: %zu sequences of %zu tokens (context is %d)",
                    sequences, n, a->context);
  vft_status st = calibration_alloc(out, a->layers);
  if (st != VFT_OK) return st;
  pass c = {.model = model, .lora = lora, .out = out, .n = n, .heads = (size_t)a->heads,
            .group = (size_t)(a->heads / a->kv_heads), .hd = (size_t)a->head_dim};
  size_t activations = layers * layer_floats(a, n, rank) + n * (3 * d + 1) +
                       2 * n * 4 * half + 2 * c.heads, weights = 0;
  for (int p = 0; p < VFT_PROJECTIONS; p++)
    if (lora->adapted >> p & 1) weights += layers * rank * (proj_in(a, p) + proj_out(a, p));
  float *block = vft_alloc(activations + weights, sizeof *block), *at = block;
  c.layer = vft_alloc(layers, sizeof *c.layer);
  c.a = vft_alloc(adapters, sizeof *c.a);
  c.b = vft_alloc(adapters, sizeof *c.b);
  if (!block || !c.layer || !c.a || !c.b) {
    st = VFT_RESOURCE;
    goto out;
  }
  for (size_t l = 0; l < layers; l++) layer_carve(&c.layer[l], &at, a, n, rank);
  c.hf = carve(&at, n * d);
  c.xf = carve(&at, n * d);
  float *dxf = carve(&at, n * d);
  c.rf = carve(&at, n);
  float *rot_q = carve(&at, n * 4 * half), *rot_k = carve(&at, n * 4 * half);
  c.score_max = carve(&at, c.heads);
  c.ds_max = carve(&at, c.heads);
  TRY_OUT(rope_floats(a, n, 1, rot_q));
  TRY_OUT(rope_floats(a, n, 0, rot_k));
  c.rot_q = rot_q;
  c.rot_k = rot_k;
  for (int l = 0; l < a->layers; l++)
    for (int p = 0; p < VFT_PROJECTIONS; p++) {
      if (!(lora->adapted >> p & 1)) continue;
      size_t slot = (size_t)l * VFT_PROJECTIONS + (size_t)p;
      c.a[slot] = carve(&at, rank * proj_in(a, p));
      c.b[slot] = carve(&at, rank * proj_out(a, p));
      a_init(a_ctx, l, p, lora->rank, (int)proj_in(a, p), c.a[slot]);
      TRY_OUT(fill_b(c.b[slot], rank * proj_out(a, p), l, p, lora));
    }
  for (size_t s = 0; s < sequences; s++) {
    const int32_t *sequence = ids + s * (n + 1);
    TRY_OUT(forward(&c, sequence));
    TRY_OUT(head(&c, sequence, dxf));
    TRY_OUT(backward(&c, dxf));
  }
out:
  vft_free(block);
  vft_free(c.layer);
  vft_free(c.a);
  vft_free(c.b);
  if (st != VFT_OK) vft_calibration_free(out);
  return st;
}
