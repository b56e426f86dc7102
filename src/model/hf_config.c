#include "model/hf_config.h"

#include <jansson.h>
#include <math.h>
#include <string.h>

#include "model/source.h"

enum { MAX_CONFIG = 1 << 20 };

typedef struct {
  const json_t *root;
  const char *name;
} config;

/* Missing and null are the same in these files. */
static const json_t *get(const config *c, const char *key) {
  const json_t *v = json_object_get(c->root, key);
  return v && !json_is_null(v) ? v : NULL;
}

static vft_status get_int(const config *c, const char *key, int fallback, int *out) {
  const json_t *v = get(c, key);
  if (!v && fallback >= 0) {
    *out = fallback;
    return VFT_OK;
  }
  if (!v) return vft_fail(VFT_USAGE, "%s: field %s is missing", c->name, key);
  if (!json_is_integer(v) || json_integer_value(v) < 0 || json_integer_value(v) > 1 << 28)
    return vft_fail(VFT_USAGE, "%s: field %s is not a natural number below 2^28", c->name, key);
  *out = (int)json_integer_value(v);
  return VFT_OK;
}

static vft_status to_float(const config *c, const char *key, const json_t *v, float *out) {
  if (!json_is_number(v))
    return vft_fail(VFT_USAGE, "%s: field %s is not a number", c->name, key);
  *out = (float)json_number_value(v);
  return VFT_OK;
}

/* A switch that must be off (or absent). */
static vft_status must_be_off(const config *c, const char *key) {
  const json_t *v = get(c, key);
  if (v && !json_is_false(v))
    return vft_fail(VFT_USAGE, "%s: field %s is set; only models without it are supported",
                    c->name, key);
  return VFT_OK;
}

/* Some models name several end tokens; the first is the one training uses. */
static vft_status get_token(const config *c, const char *key, int32_t *out) {
  const json_t *v = get(c, key);
  if (json_is_array(v)) v = json_array_get(v, 0);
  *out = -1;
  if (!v) return VFT_OK;
  if (!json_is_integer(v) || json_integer_value(v) < -1 || json_integer_value(v) > 1 << 28)
    return vft_fail(VFT_USAGE, "%s: field %s is not a token id", c->name, key);
  *out = (int32_t)json_integer_value(v);
  return VFT_OK;
}

/* rope_scaling (older files) and rope_parameters (newer ones) describe the same thing. */
static vft_status check_rope(const config *c, const char *key, float *theta) {
  const json_t *v = get(c, key);
  if (!v) return VFT_OK;
  if (!json_is_object(v))
    return vft_fail(VFT_USAGE, "%s: field %s is not an object", c->name, key);
  const json_t *type = json_object_get(v, "rope_type");
  if (!type) type = json_object_get(v, "type");
  const char *text = json_string_value(type);
  if (!text || strcmp(text, "default"))
    return vft_fail(VFT_USAGE,
                    "%s: field %s: rope type '%s' is not supported (only \"default\": no "
                    "scaling); use a model without rope scaling",
                    c->name, key, text ? vft_show((vft_slice){text, strlen(text)}).text : "?");
  const json_t *base = json_object_get(v, "rope_theta");
  if (base) TRY(to_float(c, "rope_theta", base, theta));
  const json_t *partial = json_object_get(v, "partial_rotary_factor");
  if (partial && json_number_value(partial) != 1.0)
    return vft_fail(VFT_USAGE, "%s: field %s: partial_rotary_factor other than 1 is not supported",
                    c->name, key);
  return VFT_OK;
}

static vft_status parse(const config *c, vft_arch *a) {
  if (!json_is_object(c->root))
    return vft_fail(VFT_USAGE, "%s: not a JSON object", c->name);
  const char *type = json_string_value(get(c, "model_type"));
  if (!type || strcmp(type, "llama"))
    return vft_fail(VFT_USAGE, "%s: field model_type is '%s', expected \"llama\"", c->name,
                    type ? vft_show((vft_slice){type, strlen(type)}).text : "missing");
  const json_t *classes = get(c, "architectures");
  if (classes) {
    const char *first = json_string_value(json_array_get(classes, 0));
    if (!first || strcmp(first, "LlamaForCausalLM"))
      return vft_fail(VFT_USAGE, "%s: field architectures is not [\"LlamaForCausalLM\"]",
                      c->name);
  }
  const json_t *act = get(c, "hidden_act");
  if (act && (!json_is_string(act) || (strcmp(json_string_value(act), "silu") &&
                                       strcmp(json_string_value(act), "swish"))))
    return vft_fail(VFT_USAGE, "%s: field hidden_act is not \"silu\", the only one supported",
                    c->name);
  TRY(must_be_off(c, "attention_bias"));
  TRY(must_be_off(c, "mlp_bias"));
  TRY(must_be_off(c, "rope_interleaved"));
  TRY(must_be_off(c, "quantization_config"));
  const json_t *partial = get(c, "partial_rotary_factor");
  if (partial && json_number_value(partial) != 1.0)
    return vft_fail(VFT_USAGE, "%s: field partial_rotary_factor other than 1 is not supported",
                    c->name);
  TRY(get_int(c, "num_hidden_layers", -1, &a->layers));
  TRY(get_int(c, "hidden_size", -1, &a->d));
  TRY(get_int(c, "num_attention_heads", -1, &a->heads));
  TRY(get_int(c, "num_key_value_heads", a->heads, &a->kv_heads));
  int per_head = a->heads > 0 ? a->d / a->heads : 0;
  if (!get(c, "head_dim") && a->heads > 0 && a->d % a->heads)
    return vft_fail(VFT_USAGE, "%s: hidden_size is not a multiple of num_attention_heads and "
                    "there is no head_dim", c->name);
  TRY(get_int(c, "head_dim", per_head, &a->head_dim));
  TRY(get_int(c, "intermediate_size", -1, &a->ff));
  TRY(get_int(c, "vocab_size", -1, &a->vocab));
  TRY(get_int(c, "max_position_embeddings", -1, &a->context));
  const json_t *eps = get(c, "rms_norm_eps"), *theta = get(c, "rope_theta");
  if (!eps) return vft_fail(VFT_USAGE, "%s: field rms_norm_eps is missing", c->name);
  TRY(to_float(c, "rms_norm_eps", eps, &a->rms_eps));
  a->rope_theta = 10000.0f; /* the format's default */
  if (theta) TRY(to_float(c, "rope_theta", theta, &a->rope_theta));
  TRY(check_rope(c, "rope_scaling", &a->rope_theta));
  TRY(check_rope(c, "rope_parameters", &a->rope_theta));
  const json_t *tied = get(c, "tie_word_embeddings");
  if (tied && !json_is_boolean(tied))
    return vft_fail(VFT_USAGE, "%s: field tie_word_embeddings is not a boolean", c->name);
  a->tied = tied && json_is_true(tied);
  TRY(get_token(c, "bos_token_id", &a->bos));
  TRY(get_token(c, "eos_token_id", &a->eos));
  TRY(get_token(c, "pad_token_id", &a->pad));
  return vft_arch_check(a, c->name);
}

vft_status vft_hf_config_parse(const char *json, size_t length, const char *name,
                               vft_arch *out) {
  *out = (vft_arch){.bos = -1, .eos = -1, .pad = -1};
  if (length > MAX_CONFIG)
    return vft_fail(VFT_USAGE, "%s: %zu bytes, expected at most %d", name, length, MAX_CONFIG);
  json_error_t error;
  json_t *root = json_loadb(json, length, JSON_REJECT_DUPLICATES, &error);
  if (!root)
    return vft_fail(VFT_USAGE, "%s: line %d: malformed JSON: %s", name, error.line,
                    vft_show((vft_slice){error.text, strlen(error.text)}).text);
  config c = {root, name};
  vft_status st = parse(&c, out);
  json_decref(root);
  return st;
}
