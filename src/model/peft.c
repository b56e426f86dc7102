#include "model/peft.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "model/safetensors.h"
#include "model/safetensors_write.h"

static const char *const module[VFT_ADAPTER_PROJECTIONS] = {
    "self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.o_proj",
    "mlp.gate_proj",    "mlp.up_proj",      "mlp.down_proj"};

static const char *leaf(int p) { return strchr(module[p], '.') + 1; }

vft_status vft_adapter_alloc(vft_adapter *ad) {
  for (int p = 0; p < VFT_ADAPTER_PROJECTIONS; p++) {
    ad->a[p] = ad->b[p] = NULL;
    if (!(ad->targets >> p & 1)) continue;
    size_t rows = (size_t)ad->layers * (size_t)ad->rank;
    ad->a[p] = vft_alloc(rows * (size_t)ad->in[p], sizeof(int32_t));
    ad->b[p] = vft_alloc(rows * (size_t)ad->out[p], sizeof(int32_t));
    if (!ad->a[p] || !ad->b[p]) {
      vft_adapter_free(ad);
      return VFT_RESOURCE;
    }
  }
  return VFT_OK;
}

void vft_adapter_free(vft_adapter *ad) {
  for (int p = 0; p < VFT_ADAPTER_PROJECTIONS; p++) {
    vft_free(ad->a[p]);
    vft_free(ad->b[p]);
    ad->a[p] = ad->b[p] = NULL;
  }
}

/* The one adapter_config.json of this rank, alpha and target list. */
static char *config_text(vft_arena *arena, const vft_adapter *ad) {
  char targets[256] = "";
  for (int p = 0; p < VFT_ADAPTER_PROJECTIONS; p++)
    if (ad->targets >> p & 1) {
      size_t n = strlen(targets);
      snprintf(targets + n, sizeof targets - n, "%s\n    \"%s\"", n ? "," : "", leaf(p));
    }
  return vft_arena_printf(arena,
                          "{\n"
                          "  \"base_model_name_or_path\": null,\n"
                          "  \"bias\": \"none\",\n"
                          "  \"fan_in_fan_out\": false,\n"
                          "  \"inference_mode\": true,\n"
                          "  \"init_lora_weights\": true,\n"
                          "  \"lora_alpha\": %d,\n"
                          "  \"lora_dropout\": 0.0,\n"
                          "  \"peft_type\": \"LORA\",\n"
                          "  \"r\": %d,\n"
                          "  \"target_modules\": [%s\n  ],\n"
                          "  \"task_type\": \"CAUSAL_LM\",\n"
                          "  \"use_rslora\": false\n"
                          "}\n",
                          ad->alpha, ad->rank, targets);
}

static char *tensor_name(vft_arena *arena, int layer, int p, char which) {
  return vft_arena_printf(arena, "base_model.model.model.layers.%d.%s.lora_%c.weight", layer,
                          module[p], which);
}

/* The canonical safetensors bytes. */
static vft_status encode(const vft_adapter *ad, uint8_t **bytes, size_t *length) {
  vft_arena arena = {0};
  size_t count = 0, floats = 0;
  for (int p = 0; p < VFT_ADAPTER_PROJECTIONS; p++)
    if (ad->targets >> p & 1) {
      count += 2 * (size_t)ad->layers;
      floats += (size_t)ad->layers * (size_t)ad->rank * (size_t)(ad->in[p] + ad->out[p]);
    }
  vft_safetensors_out *out = vft_arena_alloc(&arena, count, sizeof *out);
  float *data = vft_alloc_raw(floats, sizeof *data), *at = data;
  vft_status st = out && data ? VFT_OK : VFT_RESOURCE;
  size_t k = 0;
  for (int p = 0; st == VFT_OK && p < VFT_ADAPTER_PROJECTIONS; p++) {
    if (!(ad->targets >> p & 1)) continue;
    size_t na = (size_t)ad->rank * (size_t)ad->in[p], nb = (size_t)ad->rank * (size_t)ad->out[p];
    for (int l = 0; l < ad->layers; l++)
      for (int which = 0; which < 2; which++, k++) {
        size_t n = which ? nb : na;
        const int32_t *src = (which ? ad->b[p] : ad->a[p]) + (size_t)l * n;
        /* |S| < 2^21 and the scale is a power of two: exact. */
        for (size_t i = 0; i < n; i++) at[i] = (float)src[i] / (float)(1 << VFT_ADAPTER_FRAC);
        out[k].name = tensor_name(&arena, l, p, which ? 'B' : 'A');
        if (!out[k].name) st = VFT_RESOURCE;
        out[k].dims = 2;
        out[k].shape[0] = (uint64_t)(which ? ad->out[p] : ad->rank);
        out[k].shape[1] = (uint64_t)(which ? ad->rank : ad->in[p]);
        out[k].data = at;
        at += n;
      }
  }
  /* Hugging Face's loader expects the framework in the metadata. */
  const vft_safetensors_meta meta = {"format", "pt"};
  if (st == VFT_OK) st = vft_safetensors_encode(out, count, &meta, 1, bytes, length);
  vft_free(data);
  vft_arena_free(&arena);
  return st;
}

static vft_status write_file(const char *dir, const char *name, const void *data, size_t size) {
  vft_arena arena = {0};
  vft_status st = VFT_OK;
  char *path = vft_arena_printf(&arena, "%s/%s", dir, name);
  char *temporary = vft_arena_printf(&arena, "%s/.%s.tmp", dir, name);
  if (!path || !temporary) {
    vft_arena_free(&arena);
    return VFT_RESOURCE;
  }
  FILE *f = fopen(temporary, "wb");
  if (!f) {
    st = vft_fail(VFT_USAGE, "%s: cannot write: %s", temporary, strerror(errno));
  } else {
    int bad = fwrite(data, 1, size, f) != size;
    bad |= fflush(f) != 0 || fsync(fileno(f)) != 0;
    bad |= fclose(f) != 0;
    if (bad || rename(temporary, path)) {
      st = vft_fail(VFT_RESOURCE, "%s: cannot write: %s", path, strerror(errno));
      unlink(temporary);
    }
  }
  vft_arena_free(&arena);
  return st;
}

vft_status vft_peft_write(const char *dir, const vft_adapter *ad) {
  if (mkdir(dir, 0777) && errno != EEXIST)
    return vft_fail(VFT_USAGE, "%s: cannot create the folder: %s", dir, strerror(errno));
  vft_arena arena = {0};
  uint8_t *bytes = NULL;
  size_t length = 0;
  vft_status st = VFT_OK;
  char *config = config_text(&arena, ad);
  if (!config) {
    st = VFT_RESOURCE;
    goto out;
  }
  TRY_OUT(encode(ad, &bytes, &length));
  TRY_OUT(write_file(dir, "adapter_model.safetensors", bytes, length));
  TRY_OUT(write_file(dir, "adapter_config.json", config, strlen(config)));
out:
  vft_free(bytes);
  vft_arena_free(&arena);
  return st;
}

static vft_status read_file(const char *dir, const char *name, vft_arena *arena, uint8_t **data,
                            size_t *size) {
  char *path = vft_arena_printf(arena, "%s/%s", dir, name);
  if (!path) return VFT_RESOURCE;
  struct stat info;
  FILE *f = fopen(path, "rb");
  if (!f || fstat(fileno(f), &info) || !S_ISREG(info.st_mode)) {
    if (f) fclose(f);
    return vft_fail(VFT_USAGE, "%s: cannot read the adapter: %s", path, strerror(errno));
  }
  *size = (size_t)info.st_size;
  *data = vft_alloc_raw(*size + 1, 1);
  if (!*data) {
    fclose(f);
    return VFT_RESOURCE;
  }
  size_t got = fread(*data, 1, *size, f);
  fclose(f);
  if (got != *size) return vft_fail(VFT_USAGE, "%s: cannot be read whole", path);
  (*data)[*size] = 0;
  return VFT_OK;
}

static vft_status parse_config(const char *dir, const uint8_t *data, size_t size,
                               vft_adapter *out) {
  json_error_t error;
  json_t *root = json_loadb((const char *)data, size, JSON_REJECT_DUPLICATES, &error);
  if (!root)
    return vft_reject("adapter/config", "%s/adapter_config.json:%d: malformed JSON: %s", dir,
                      error.line, error.text);
  vft_status st = VFT_OK;
  json_t *r = json_object_get(root, "r"), *alpha = json_object_get(root, "lora_alpha");
  json_t *targets = json_object_get(root, "target_modules"), *item;
  size_t i;
  if (!json_is_integer(r) || !json_is_integer(alpha) || !json_is_array(targets) ||
      json_integer_value(r) < 1 || json_integer_value(r) > 64 || json_integer_value(alpha) < 1 ||
      json_integer_value(alpha) > 4096) {
    st = vft_reject("adapter/config",
                    "%s/adapter_config.json: expected r (1..64), lora_alpha (1..4096) and a list "
                    "of target_modules", dir);
  } else {
    out->rank = (int)json_integer_value(r);
    out->alpha = (int)json_integer_value(alpha);
    out->targets = 0;
    json_array_foreach(targets, i, item) {
      const char *name = json_is_string(item) ? json_string_value(item) : "";
      int p = 0;
      while (p < VFT_ADAPTER_PROJECTIONS && strcmp(name, leaf(p))) p++;
      if (p == VFT_ADAPTER_PROJECTIONS) {
        st = vft_reject("adapter/config", "%s/adapter_config.json: target module '%.64s' is unknown",
                        dir, name);
        break;
      }
      out->targets |= 1u << p;
    }
  }
  json_decref(root);
  return st;
}

/* Exact integer of a float32 that is a multiple of 2^-20 below 2 in magnitude; 0 otherwise (the
 * canonical re-encoding then differs from the file). */
static int32_t to_integer(float x) {
  if (!(x >= -2 && x < 2)) return 0;
  return (int32_t)(x * (float)(1 << VFT_ADAPTER_FRAC));
}

vft_status vft_peft_read(const char *dir, const vft_adapter *shape, vft_adapter *out) {
  vft_arena arena = {0};
  uint8_t *config = NULL, *model = NULL, *again = NULL;
  size_t config_size = 0, model_size = 0, again_size = 0;
  vft_safetensors file = {0};
  vft_status st;
  *out = *shape;
  for (int p = 0; p < VFT_ADAPTER_PROJECTIONS; p++) out->a[p] = out->b[p] = NULL;
  TRY_OUT(read_file(dir, "adapter_config.json", &arena, &config, &config_size));
  TRY_OUT(read_file(dir, "adapter_model.safetensors", &arena, &model, &model_size));
  TRY_OUT(parse_config(dir, config, config_size, out));
  char *canonical = config_text(&arena, out);
  if (!canonical) {
    st = VFT_RESOURCE;
    goto out;
  }
  if (strlen(canonical) != config_size || memcmp(canonical, config, config_size)) {
    st = vft_reject("adapter/canonical",
                    "%s/adapter_config.json: not the canonical bytes for r = %d, lora_alpha = %d "
                    "and its targets; use the file that vft export writes", dir, out->rank,
                    out->alpha);
    goto out;
  }
  if (vft_safetensors_parse(model, model_size, "adapter_model.safetensors", &file) != VFT_OK) {
    /* A malformed adapter is evidence that is not accepted. */
    char text[512];
    snprintf(text, sizeof text, "%s", vft_error_message());
    st = vft_reject("adapter/tensors", "%s: %s", dir, text);
    goto out;
  }
  TRY_OUT(vft_adapter_alloc(out));
  for (int p = 0; p < VFT_ADAPTER_PROJECTIONS; p++) {
    if (!(out->targets >> p & 1)) continue;
    for (int l = 0; l < out->layers; l++)
      for (int which = 0; which < 2; which++) {
        uint64_t rows = (uint64_t)(which ? out->out[p] : out->rank);
        uint64_t columns = (uint64_t)(which ? out->rank : out->in[p]);
        char *name = tensor_name(&arena, l, p, which ? 'B' : 'A');
        if (!name) {
          st = VFT_RESOURCE;
          goto out;
        }
        const vft_safetensors_tensor *t =
            vft_safetensors_find(&file, (vft_slice){name, strlen(name)});
        if (!t || strcmp(t->type, "F32") || t->dims != 2 || t->shape[0] != rows ||
            t->shape[1] != columns) {
          st = vft_reject("adapter/tensors", "%s: tensor %s: expected F32 of %llu x %llu", dir,
                          name, (unsigned long long)rows, (unsigned long long)columns);
          goto out;
        }
        size_t n = (size_t)(rows * columns);
        int32_t *dst = (which ? out->b[p] : out->a[p]) + (size_t)l * n;
        for (size_t i = 0; i < n; i++) {
          float x;
          memcpy(&x, t->data + 4 * i, sizeof x);
          dst[i] = to_integer(x);
        }
      }
  }
  TRY_OUT(encode(out, &again, &again_size));
  if (again_size != model_size || memcmp(again, model, model_size)) {
    st = vft_reject("adapter/canonical",
                    "%s/adapter_model.safetensors: not the canonical bytes of its adapter (an "
                    "extra tensor or metadata, another order, or a weight that is no multiple of "
                    "2^-%d)", dir, VFT_ADAPTER_FRAC);
  }
out:
  if (st != VFT_OK) vft_adapter_free(out);
  vft_safetensors_free(&file);
  vft_free(config);
  vft_free(model);
  vft_free(again);
  vft_arena_free(&arena);
  return st;
}
