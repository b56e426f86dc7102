#include "program/weights.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>

#include "base/mem.h"
#include "base/pool.h"

typedef struct {
  int16_t *out;
  const float *x;
  int frac, bits;
  _Atomic bool wide;  /* some value is far beyond the container */
  _Atomic size_t bad; /* first element that does not fit, SIZE_MAX: none */
} quantise_job;

static void quantise_body(void *ctx, size_t begin, size_t end) {
  quantise_job *j = ctx;
  int limit = 1 << (j->bits - 1);
  if (vft_float_exponent(vft_float_absmax(j->x + begin, end - begin)) + j->frac >= j->bits + 4) {
    atomic_store(&j->wide, true);
    return;
  }
  for (size_t i = begin; i < end; i++) {
    int32_t v = vft_float_quantise(j->x[i], j->frac);
    j->out[i] = (int16_t)v;
    if (v > -limit && v < limit) continue;
    size_t seen = atomic_load(&j->bad);
    while (i < seen && !atomic_compare_exchange_weak(&j->bad, &seen, i)) {
    }
    return;
  }
}

static vft_status quantise(int16_t *out, const float *x, size_t n, int frac, int bits,
                           const char *name, int layer) {
  if (frac < -30 || frac > 100)
    return vft_fail(VFT_USAGE, "%s, layer %d: exponent %d, expected -30..100", name, layer, frac);
  quantise_job j = {out, x, frac, bits, false, SIZE_MAX};
  vft_parallel_for(n, 1 << 14, quantise_body, &j);
  if (atomic_load(&j.wide))
    return vft_fail(VFT_USAGE, "%s, layer %d: values do not fit %d bits at exponent %d", name,
                    layer, bits, frac);
  size_t bad = atomic_load(&j.bad);
  if (bad == SIZE_MAX) return VFT_OK;
  return vft_fail(VFT_USAGE, "%s, layer %d: element %zu = %g does not fit %d bits at exponent %d",
                  name, layer, bad, (double)x[bad], bits, frac);
}

vft_status vft_weights_quantise(const vft_model *m, const vft_step_shape *s, const vft_profile *f,
                                vft_weights *out) {
  vft_status st = VFT_OK;
  int L = s->layers;
  memset(out, 0, sizeof *out);
  out->shape = *s;
  if (f->n_weight < 2 || f->n_weight > 16 || f->n_gain < 2 || f->n_gain > 16)
    return vft_fail(VFT_USAGE, "weights: containers of %d and %d bits, expected 2..16", f->n_weight,
                    f->n_gain);
  size_t d = (size_t)s->d, emb = (size_t)s->vocab * d;
  out->emb = vft_alloc_raw(emb, sizeof(int16_t));
  out->out = s->tied ? out->emb : vft_alloc_raw(emb, sizeof(int16_t));
  out->gain_out = vft_alloc_raw(d, sizeof(int16_t));
  bool ok = out->emb && out->out && out->gain_out;
  for (int i = 0; i < 2; i++)
    ok = (out->gain[i] = vft_alloc_raw(d * (size_t)L, sizeof(int16_t))) && ok;
  for (int p = 0; p < VFT_PROJECTIONS; p++) {
    size_t n = vft_step_in(s, p) * vft_step_out(s, p) * (size_t)L;
    ok = (out->w[p] = vft_alloc_raw(n, sizeof(int16_t))) && ok;
  }
  if (!ok) {
    st = VFT_RESOURCE;
    goto out;
  }
  TRY_OUT(quantise(out->emb, m->emb, emb, f->f_emb, f->n_weight, "embedding", 0));
  if (!s->tied) TRY_OUT(quantise(out->out, m->out, emb, f->f_out, f->n_weight, "head", 0));
  TRY_OUT(quantise(out->gain_out, m->out_norm, d, f->f_gain_out, f->n_gain, "last norm", 0));
  for (int l = 0; l < L; l++) {
    const vft_model_layer *y = &m->layer[l];
    const float *w[VFT_PROJECTIONS] = {y->wq, y->wk, y->wv, y->wo, y->wgate, y->wup, y->wdown};
    const float *gain[2] = {y->attn_norm, y->ffn_norm};
    for (int i = 0; i < 2; i++)
      TRY_OUT(quantise(out->gain[i] + d * (size_t)l, gain[i], d, f->gain[i * L + l], f->n_gain,
                       i ? "MLP norm" : "attention norm", l));
    for (int p = 0; p < VFT_PROJECTIONS; p++) {
      size_t n = vft_step_in(s, p) * vft_step_out(s, p);
      TRY_OUT(quantise(out->w[p] + n * (size_t)l, w[p], n, f->w[p * L + l], f->n_weight,
                       vft_projection_path[p], l));
    }
  }
out:
  if (st != VFT_OK) vft_weights_free(out);
  return st;
}

void vft_weights_free(vft_weights *w) {
  if (w->out != w->emb) vft_free(w->out);
  vft_free(w->emb);
  vft_free(w->gain_out);
  for (int i = 0; i < 2; i++) vft_free(w->gain[i]);
  for (int p = 0; p < VFT_PROJECTIONS; p++) vft_free(w->w[p]);
  memset(w, 0, sizeof *w);
}
