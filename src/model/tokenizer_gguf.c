#include <string.h>

#include "model/gguf.h"
#include "model/tokenizer_core.h"

/* The tokenizer in a GGUF file's key-values ("tokenizer.ggml.*"). */

/* What tokenizer.ggml.pre stands for. The file names it only; the patterns are those that the
 * model's own tokenizer.json has. */
static const char llama3[] =
    "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}|"
    " ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";
static const char qwen2[] =
    "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}|"
    " ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";
static const struct {
  const char *name;
  const char *split[2];
  bool nfc, ignore_merges;
} known[] = {
    {"gpt-2", {vft_pattern_gpt2, NULL}, false, false},
    {"smollm", {"\\p{N}", vft_pattern_gpt2}, false, false},
    {"llama-bpe", {llama3, NULL}, false, true},
    {"llama3", {llama3, NULL}, false, true},
    {"qwen2", {qwen2, NULL}, true, false},
};

enum { TYPE_NORMAL = 1, TYPE_CONTROL = 3, TYPE_USER_DEFINED = 4, TYPE_UNUSED = 5 };

static vft_status need_strings(const vft_gguf *f, const char *key, const vft_gguf_kv **out) {
  *out = vft_gguf_find(f, key);
  if (!*out) return vft_fail(VFT_USAGE, "%s: key '%s' is missing", f->name, key);
  if ((*out)->type != VFT_GGUF_ARRAY || (*out)->element != VFT_GGUF_STRING)
    return vft_fail(VFT_USAGE, "%s: key '%s' is not an array of strings", f->name, key);
  return VFT_OK;
}

static vft_status read_pre(vft_tokenizer *t, const vft_gguf *f) {
  vft_slice model = {"", 0}, pre = {"", 0};
  bool found, prefix = false;
  TRY(vft_gguf_get_string(f, "tokenizer.ggml.model", &model, &found));
  if (!found || !vft_slice_is(model, "gpt2"))
    return vft_fail(VFT_USAGE, "%s: tokenizer.ggml.model is '%s'; byte-level BPE ('gpt2') is the "
                    "only one supported", f->name, found ? vft_show(model).text : "missing");
  TRY(vft_gguf_get_bool(f, "tokenizer.ggml.add_space_prefix", &prefix, &found));
  if (prefix)
    return vft_fail(VFT_USAGE, "%s: tokenizer.ggml.add_space_prefix is not supported", f->name);
  TRY(vft_gguf_get_string(f, "tokenizer.ggml.pre", &pre, &found));
  for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
    if (!vft_slice_is(pre, known[i].name)) continue;
    for (int k = 0; k < 2 && known[i].split[k]; k++)
      TRY(vft_tokenizer_add_split(t, known[i].split[k], strlen(known[i].split[k]), false));
    t->nfc = known[i].nfc;
    t->ignore_merges = known[i].ignore_merges;
    return VFT_OK;
  }
  return vft_fail(VFT_USAGE, "%s: tokenizer.ggml.pre is '%s'; supported are gpt-2, smollm, "
                  "llama-bpe and qwen2", f->name, found ? vft_show(pre).text : "missing");
}

static vft_status read_vocabulary(vft_tokenizer *t, const vft_gguf *f) {
  const vft_gguf_kv *tokens, *types = vft_gguf_find(f, "tokenizer.ggml.token_type");
  TRY(need_strings(f, "tokenizer.ggml.tokens", &tokens));
  if (!types || types->type != VFT_GGUF_ARRAY || !vft_gguf_is_integer(types->element) ||
      types->count != tokens->count)
    return vft_fail(VFT_USAGE, "%s: key 'tokenizer.ggml.token_type' is missing or does not match "
                    "the tokens", f->name);
  TRY(vft_tokenizer_reserve(t, (size_t)tokens->count));
  const uint8_t *at = tokens->data;
  for (uint64_t id = 0; id < tokens->count; id++) {
    vft_slice content = vft_gguf_next_string(&at);
    uint8_t kind;
    switch (vft_gguf_int_at(types, id)) {
      case TYPE_NORMAL: kind = VFT_TOKEN_ORDINARY; break;
      case TYPE_CONTROL:
        kind = VFT_TOKEN_ORDINARY | VFT_TOKEN_ADDED | VFT_TOKEN_SPECIAL;
        break;
      case TYPE_USER_DEFINED:
        kind = VFT_TOKEN_ORDINARY | VFT_TOKEN_ADDED | VFT_TOKEN_NORMALISED;
        break;
      case TYPE_UNUSED: continue; /* filler up to the size of the embedding */
      default:
        return vft_fail(VFT_USAGE, "%s: tokenizer.ggml.token_type[%llu] is %lld, which is not "
                        "supported", f->name, (unsigned long long)id,
                        (long long)vft_gguf_int_at(types, id));
    }
    TRY(vft_tokenizer_put(t, (int64_t)id, content, kind));
  }
  return vft_tokenizer_index(t);
}

static vft_status read_all(vft_tokenizer *t, const vft_gguf *f) {
  const vft_gguf_kv *merges;
  TRY(read_pre(t, f));
  TRY(read_vocabulary(t, f));
  TRY(need_strings(f, "tokenizer.ggml.merges", &merges));
  TRY(vft_tokenizer_reserve_merges(t, (size_t)merges->count));
  const uint8_t *at = merges->data;
  for (uint64_t k = 0; k < merges->count; k++)
    TRY(vft_tokenizer_add_merge_text(t, vft_gguf_next_string(&at)));
  return vft_tokenizer_finish(t);
}

vft_status vft_tokenizer_from_gguf(const vft_gguf *file, vft_tokenizer **out) {
  *out = NULL;
  vft_tokenizer *t = vft_tokenizer_new(file->name);
  vft_status st = t ? read_all(t, file) : VFT_RESOURCE;
  if (st == VFT_OK) *out = t;
  else vft_tokenizer_free(t);
  return st;
}
