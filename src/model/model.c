#include "model/model.h"

#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "model/model_slots.h"

vft_status vft_arch_check(const vft_arch *a, const char *where) {
  const struct {
    const char *what;
    int64_t value, low, high;
  } range[] = {
      {"number of layers", a->layers, 1, 1024},
      {"hidden size", a->d, 1, 65536},
      {"number of heads", a->heads, 1, 1024},
      {"number of key-value heads", a->kv_heads, 1, a->heads},
      {"head dimension", a->head_dim, 2, 1024},
      {"feed-forward size", a->ff, 1, 1 << 20},
      {"vocabulary size", a->vocab, 1, 1 << 21},
      {"context length", a->context, 1, 1 << 24},
      {"begin token id", a->bos, -1, a->vocab - 1},
      {"end token id", a->eos, -1, a->vocab - 1},
      {"padding token id", a->pad, -1, a->vocab - 1},
  };
  for (size_t i = 0; i < sizeof range / sizeof *range; i++)
    if (range[i].value < range[i].low || range[i].value > range[i].high)
      return vft_fail(VFT_USAGE, "%s: %s is %lld, expected %lld..%lld", where, range[i].what,
                      (long long)range[i].value, (long long)range[i].low,
                      (long long)range[i].high);
  if (a->heads % a->kv_heads)
    return vft_fail(VFT_USAGE, "%s: %d heads are not a multiple of %d key-value heads", where,
                    a->heads, a->kv_heads);
  if (a->head_dim % 2)
    return vft_fail(VFT_USAGE, "%s: head dimension %d is odd; rotary positions need pairs",
                    where, a->head_dim);
  if (!(a->rope_theta > 0) || !isfinite(a->rope_theta))
    return vft_fail(VFT_USAGE, "%s: rope theta is not a positive number", where);
  if (!(a->rms_eps >= 0) || !isfinite(a->rms_eps))
    return vft_fail(VFT_USAGE, "%s: RMSNorm epsilon is not a number of at least 0", where);
  return VFT_OK;
}

uint64_t vft_model_parameters(const vft_arch *a) {
  uint64_t d = (uint64_t)a->d, q = (uint64_t)a->heads * (uint64_t)a->head_dim;
  uint64_t kv = (uint64_t)a->kv_heads * (uint64_t)a->head_dim, ff = (uint64_t)a->ff;
  uint64_t layer = 2 * d + 2 * q * d + 2 * kv * d + 3 * ff * d;
  uint64_t table = (uint64_t)a->vocab * d;
  return (uint64_t)a->layers * layer + d + table * (a->tied ? 1 : 2);
}

size_t vft_model_slot_count(const vft_arch *arch) { return 3 + 9 * (size_t)arch->layers; }

void vft_model_slot_at(const vft_model *m, size_t index, vft_model_slot *s) {
  const vft_arch *a = &m->arch;
  uint64_t d = (uint64_t)a->d, ff = (uint64_t)a->ff, vocab = (uint64_t)a->vocab;
  uint64_t q = (uint64_t)a->heads * (uint64_t)a->head_dim;
  uint64_t kv = (uint64_t)a->kv_heads * (uint64_t)a->head_dim;
  *s = (vft_model_slot){.layer = -1};
  if (index < 3) {
    static const char *const gguf[] = {"token_embd.weight", "output_norm.weight",
                                       "output.weight"};
    static const char *const hf[] = {"model.embed_tokens.weight", "model.norm.weight",
                                     "lm_head.weight"};
    s->gguf = gguf[index];
    s->hf = hf[index];
    s->place = index == 0   ? offsetof(vft_model, emb)
               : index == 1 ? offsetof(vft_model, out_norm)
                            : offsetof(vft_model, out);
    s->rows = index == 1 ? 0 : vocab;
    s->cols = d;
    s->absent = index == 2 && a->tied;
    return;
  }
  const struct {
    const char *gguf, *hf;
    size_t place;
    uint64_t rows, cols;
    int heads;
  } part[9] = {
      {"attn_norm", "input_layernorm", offsetof(vft_model_layer, attn_norm), 0, d, 0},
      {"attn_q", "self_attn.q_proj", offsetof(vft_model_layer, wq), q, d, a->heads},
      {"attn_k", "self_attn.k_proj", offsetof(vft_model_layer, wk), kv, d, a->kv_heads},
      {"attn_v", "self_attn.v_proj", offsetof(vft_model_layer, wv), kv, d, 0},
      {"attn_output", "self_attn.o_proj", offsetof(vft_model_layer, wo), d, q, 0},
      {"ffn_norm", "post_attention_layernorm", offsetof(vft_model_layer, ffn_norm), 0, d, 0},
      {"ffn_gate", "mlp.gate_proj", offsetof(vft_model_layer, wgate), ff, d, 0},
      {"ffn_up", "mlp.up_proj", offsetof(vft_model_layer, wup), ff, d, 0},
      {"ffn_down", "mlp.down_proj", offsetof(vft_model_layer, wdown), d, ff, 0},
  };
  size_t k = (index - 3) % 9;
  s->layer = (int)((index - 3) / 9);
  s->gguf = part[k].gguf;
  s->hf = part[k].hf;
  s->place = part[k].place;
  s->rows = part[k].rows;
  s->cols = part[k].cols;
  s->rotary_heads = part[k].heads;
}

float **vft_model_slot_pointer(vft_model *m, const vft_model_slot *s) {
  char *base = s->layer < 0 ? (char *)m : (char *)&m->layer[s->layer];
  return (float **)(void *)(base + s->place);
}

vft_status vft_model_slot_alloc(vft_model *m, const vft_model_slot *s, int zero) {
  size_t n = (size_t)(s->rows ? s->rows : 1) * (size_t)s->cols; /* at most 2^37 */
  float *block = zero ? vft_alloc(n, sizeof *block) : vft_alloc_raw(n, sizeof *block);
  if (!block) return VFT_RESOURCE;
  *vft_model_slot_pointer(m, s) = block;
  return VFT_OK;
}

vft_status vft_model_alloc(const vft_arch *arch, vft_model *out) {
  *out = (vft_model){0};
  TRY(vft_arch_check(arch, "model"));
  out->arch = *arch;
  vft_status st = VFT_OK;
  out->layer = vft_alloc((size_t)arch->layers, sizeof *out->layer);
  if (!out->layer) st = VFT_RESOURCE;
  for (size_t i = 0; st == VFT_OK && i < vft_model_slot_count(arch); i++) {
    vft_model_slot slot;
    vft_model_slot_at(out, i, &slot);
    if (!slot.absent) st = vft_model_slot_alloc(out, &slot, 1);
  }
  if (st != VFT_OK) vft_model_free(out);
  return st;
}

void vft_model_free(vft_model *m) {
  if (m->layer)
    for (size_t i = 0; i < vft_model_slot_count(&m->arch); i++) {
      vft_model_slot slot;
      vft_model_slot_at(m, i, &slot);
      vft_free(*vft_model_slot_pointer(m, &slot));
    }
  vft_free(m->layer);
  for (size_t i = 0; i < m->files; i++) vft_free(m->file[i].name);
  vft_free(m->file);
  *m = (vft_model){0};
}
