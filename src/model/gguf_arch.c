#include "model/gguf_arch.h"

#include <string.h>

/* Keys under "llama." that are read, or that say nothing about the computation. */
static const char *const known[] = {
    "block_count", "context_length", "embedding_length", "feed_forward_length",
    "attention.head_count", "attention.head_count_kv", "attention.layer_norm_rms_epsilon",
    "attention.key_length", "attention.value_length", "rope.dimension_count", "rope.freq_base",
    "vocab_size",
};

static vft_status get(const vft_gguf *f, const char *key, int64_t fallback, int *out) {
  int64_t v = fallback;
  bool found;
  TRY(vft_gguf_get_int(f, key, &v, &found));
  if (!found && fallback < 0) return vft_fail(VFT_USAGE, "%s: key '%s' is missing", f->name, key);
  if (v < 0 || v > 1 << 28)
    return vft_fail(VFT_USAGE, "%s: key '%s' is %lld, expected 0..2^28", f->name, key,
                    (long long)v);
  *out = (int)v;
  return VFT_OK;
}

static vft_status get_token(const vft_gguf *f, const char *key, int32_t *out) {
  int64_t v = -1;
  bool found;
  TRY(vft_gguf_get_int(f, key, &v, &found));
  if (v == UINT32_MAX) v = -1; /* some converters write "none" so */
  if (v < -1 || v > 1 << 28)
    return vft_fail(VFT_USAGE, "%s: key '%s' is not a token id", f->name, key);
  *out = (int32_t)v;
  return VFT_OK;
}

/* A key that is not known must have a value that leaves the computation alone. */
static vft_status check_unknown(const vft_gguf *f, const vft_gguf_kv *kv, const char *key) {
  int64_t integer = 0;
  double number = 0;
  vft_slice text = {"", 0};
  bool found, on = true;
  vft_shown shown = vft_show(kv->key);
  if (!strncmp(key, "rope.scal", 9)) {
    bool neutral = false;
    if (kv->type == VFT_GGUF_STRING) {
      TRY(vft_gguf_get_string(f, shown.text, &text, &found));
      neutral = found && vft_slice_is(text, "none");
    } else if (kv->type == VFT_GGUF_F32) {
      TRY(vft_gguf_get_float(f, shown.text, &number, &found));
      neutral = found && (number == 1.0 || number == 0.0);
    }
    if (neutral) return VFT_OK;
    return vft_fail(VFT_USAGE, "%s: key '%s': rope scaling is not supported; use a model "
                    "without it", f->name, shown.text);
  }
  if (!strcmp(key, "expert_count") || !strcmp(key, "expert_used_count")) {
    TRY(vft_gguf_get_int(f, shown.text, &integer, &found));
    if (integer == 0) return VFT_OK;
    return vft_fail(VFT_USAGE, "%s: key '%s': mixtures of experts are not supported", f->name,
                    shown.text);
  }
  if (!strcmp(key, "attention.causal")) {
    TRY(vft_gguf_get_bool(f, shown.text, &on, &found));
    if (on) return VFT_OK;
  }
  return vft_fail(VFT_USAGE, "%s: key '%s' is not understood; only plain Llama models are "
                  "supported", f->name, shown.text);
}

vft_status vft_gguf_arch(const vft_gguf *f, vft_arch *a) {
  *a = (vft_arch){.bos = -1, .eos = -1, .pad = -1};
  vft_slice name = {"", 0};
  bool found;
  TRY(vft_gguf_get_string(f, "general.architecture", &name, &found));
  if (!found || !vft_slice_is(name, "llama"))
    return vft_fail(VFT_USAGE, "%s: general.architecture is '%s', expected 'llama'", f->name,
                    found ? vft_show(name).text : "missing");
  for (size_t i = 0; i < f->kvs; i++) {
    vft_slice key = f->kv[i].key;
    if (key.n < 6 || memcmp(key.p, "llama.", 6)) continue;
    char rest[64];
    bool fits = key.n - 6 < sizeof rest, ok = false;
    if (fits) {
      memcpy(rest, key.p + 6, key.n - 6);
      rest[key.n - 6] = 0;
      for (size_t k = 0; k < sizeof known / sizeof *known; k++) ok |= !strcmp(rest, known[k]);
    }
    /* The key is looked up again by its shown text, so it must be shown as it is. */
    if (!fits || strlen(vft_show(key).text) != key.n || memcmp(vft_show(key).text, key.p, key.n))
      return vft_fail(VFT_USAGE, "%s: key '%s' is not understood", f->name, vft_show(key).text);
    if (!ok) TRY(check_unknown(f, &f->kv[i], rest));
  }
  TRY(get(f, "llama.block_count", -1, &a->layers));
  TRY(get(f, "llama.embedding_length", -1, &a->d));
  TRY(get(f, "llama.feed_forward_length", -1, &a->ff));
  TRY(get(f, "llama.context_length", -1, &a->context));
  TRY(get(f, "llama.attention.head_count", -1, &a->heads));
  TRY(get(f, "llama.attention.head_count_kv", a->heads, &a->kv_heads));
  bool explicit_length = vft_gguf_find(f, "llama.attention.key_length") != NULL;
  if (!explicit_length && (a->heads == 0 || a->d % a->heads))
    return vft_fail(VFT_USAGE, "%s: llama.embedding_length %d is not a multiple of "
                    "llama.attention.head_count %d", f->name, a->d, a->heads);
  int per_head = a->heads ? a->d / a->heads : 0, value_length, rotated;
  TRY(get(f, "llama.attention.key_length", per_head, &a->head_dim));
  TRY(get(f, "llama.attention.value_length", per_head, &value_length));
  TRY(get(f, "llama.rope.dimension_count", a->head_dim, &rotated));
  if (value_length != a->head_dim)
    return vft_fail(VFT_USAGE, "%s: keys of %d and values of %d features; equal lengths are "
                    "supported", f->name, a->head_dim, value_length);
  if (rotated != a->head_dim)
    return vft_fail(VFT_USAGE, "%s: llama.rope.dimension_count is %d, expected the head "
                    "dimension %d", f->name, rotated, a->head_dim);
  double eps = 0, theta = 10000.0; /* the format's default */
  TRY(vft_gguf_get_float(f, "llama.attention.layer_norm_rms_epsilon", &eps, &found));
  if (!found)
    return vft_fail(VFT_USAGE, "%s: key 'llama.attention.layer_norm_rms_epsilon' is missing",
                    f->name);
  TRY(vft_gguf_get_float(f, "llama.rope.freq_base", &theta, &found));
  a->rms_eps = (float)eps;
  a->rope_theta = (float)theta;
  vft_slice table = {"token_embd.weight", 17}, head = {"output.weight", 13};
  const vft_gguf_tensor *embedding = vft_gguf_find_tensor(f, table);
  if (!embedding || embedding->dims != 2 || embedding->shape[0] > 1 << 28)
    return vft_fail(VFT_USAGE, "%s: tensor 'token_embd.weight' is missing or not a matrix",
                    f->name);
  int announced;
  TRY(get(f, "llama.vocab_size", (int64_t)embedding->shape[0], &announced));
  a->vocab = (int)embedding->shape[0];
  if (announced != a->vocab)
    return vft_fail(VFT_USAGE, "%s: llama.vocab_size is %d but token_embd.weight has %d rows",
                    f->name, announced, a->vocab);
  a->tied = vft_gguf_find_tensor(f, head) == NULL;
  TRY(get_token(f, "tokenizer.ggml.bos_token_id", &a->bos));
  TRY(get_token(f, "tokenizer.ggml.eos_token_id", &a->eos));
  TRY(get_token(f, "tokenizer.ggml.padding_token_id", &a->pad));
  return vft_arch_check(a, f->name);
}
