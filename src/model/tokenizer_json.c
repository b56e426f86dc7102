#include <jansson.h>
#include <string.h>

#include "model/tokenizer_core.h"

/* tokenizer.json, the format of the Hugging Face tokenizers library. */

static vft_status refuse(const vft_tokenizer *t, const char *field, const char *value) {
  return vft_fail(VFT_USAGE, "%s: %s: '%s' is not supported", t->name, field,
                  vft_show((vft_slice){value, strlen(value)}).text);
}

static const char *type_of(const json_t *object) {
  const char *type = json_string_value(json_object_get(object, "type"));
  return type ? type : "(no type)";
}

static bool is_set(const json_t *object, const char *key) {
  const json_t *v = json_object_get(object, key);
  return v && !json_is_null(v) && !json_is_false(v) &&
         !(json_is_string(v) && json_string_length(v) == 0);
}

static vft_slice slice_of(const json_t *string) {
  return (vft_slice){json_string_value(string), json_string_length(string)};
}

static vft_status read_normaliser(vft_tokenizer *t, const json_t *n) {
  if (!n || json_is_null(n)) return VFT_OK;
  const char *type = type_of(n);
  if (!strcmp(type, "NFC")) {
    t->nfc = true;
    return VFT_OK;
  }
  if (strcmp(type, "Sequence")) return refuse(t, "normalizer", type);
  size_t i;
  const json_t *item, *list = json_object_get(n, "normalizers");
  json_array_foreach(list, i, item) {
    if (strcmp(type_of(item), "NFC")) return refuse(t, "normalizer", type_of(item));
    t->nfc = true;
  }
  return VFT_OK;
}

static vft_status read_split(vft_tokenizer *t, const json_t *step) {
  const char *behaviour = json_string_value(json_object_get(step, "behavior"));
  const json_t *pattern = json_object_get(json_object_get(step, "pattern"), "Regex");
  bool invert = json_is_true(json_object_get(step, "invert"));
  if (!json_is_string(pattern))
    return vft_fail(VFT_USAGE, "%s: pre_tokenizer: Split without a Regex pattern is not supported",
                    t->name);
  if (!behaviour) behaviour = "(no behavior)";
  /* Isolated keeps matches and gaps; Removed, inverted, keeps the matches alone. */
  bool isolated = !strcmp(behaviour, "Isolated");
  if (!isolated && !(invert && !strcmp(behaviour, "Removed")))
    return refuse(t, "pre_tokenizer: Split: behavior", behaviour);
  return vft_tokenizer_add_split(t, json_string_value(pattern), json_string_length(pattern),
                                 !isolated);
}

static vft_status read_step(vft_tokenizer *t, const json_t *step, bool last) {
  const char *type = type_of(step);
  bool byte_level = !strcmp(type, "ByteLevel");
  if (byte_level != last)
    return vft_fail(VFT_USAGE, "%s: pre_tokenizer: '%s' %s; a byte-level tokenizer ends with "
                    "ByteLevel and has it once", t->name,
                    vft_show((vft_slice){type, strlen(type)}).text,
                    last ? "is the last step" : "is not the last step");
  if (byte_level) {
    if (is_set(step, "add_prefix_space")) return refuse(t, "pre_tokenizer", "add_prefix_space");
    if (json_is_false(json_object_get(step, "use_regex"))) return VFT_OK;
    return vft_tokenizer_add_split(t, vft_pattern_gpt2, strlen(vft_pattern_gpt2), false);
  }
  if (!strcmp(type, "Digits")) {
    const char *pattern = is_set(step, "individual_digits") ? "\\p{N}" : "\\p{N}+";
    return vft_tokenizer_add_split(t, pattern, strlen(pattern), false);
  }
  if (!strcmp(type, "Split")) return read_split(t, step);
  return refuse(t, "pre_tokenizer", type);
}

static vft_status read_pre_tokenizer(vft_tokenizer *t, const json_t *p) {
  if (!json_is_object(p))
    return vft_fail(VFT_USAGE, "%s: pre_tokenizer is missing; a ByteLevel one is expected",
                    t->name);
  if (strcmp(type_of(p), "Sequence")) return read_step(t, p, true);
  const json_t *list = json_object_get(p, "pretokenizers"), *step;
  size_t i, n = json_array_size(list);
  if (n == 0) return vft_fail(VFT_USAGE, "%s: pre_tokenizer: empty Sequence", t->name);
  json_array_foreach(list, i, step) TRY(read_step(t, step, i + 1 == n));
  return VFT_OK;
}

static vft_status check_model(const vft_tokenizer *t, const json_t *model) {
  const char *type = json_string_value(json_object_get(model, "type"));
  if (type && strcmp(type, "BPE")) return refuse(t, "model", type);
  static const char *const off[] = {"dropout", "continuing_subword_prefix",
                                    "end_of_word_suffix", "byte_fallback"};
  for (size_t i = 0; i < sizeof off / sizeof *off; i++)
    if (is_set(model, off[i])) return refuse(t, "model", off[i]);
  if (!json_is_object(json_object_get(model, "vocab")) ||
      !json_is_array(json_object_get(model, "merges")))
    return vft_fail(VFT_USAGE, "%s: model.vocab or model.merges is missing; a BPE model is "
                    "expected", t->name);
  return VFT_OK;
}

static vft_status read_added(vft_tokenizer *t, const json_t *list) {
  size_t i;
  const json_t *entry;
  json_array_foreach(list, i, entry) {
    const json_t *id = json_object_get(entry, "id"), *content = json_object_get(entry, "content");
    if (!json_is_integer(id) || !json_is_string(content))
      return vft_fail(VFT_USAGE, "%s: added_tokens[%zu]: id or content is missing", t->name, i);
    static const char *const off[] = {"single_word", "lstrip", "rstrip"};
    for (size_t k = 0; k < sizeof off / sizeof *off; k++)
      if (is_set(entry, off[k])) return refuse(t, "added_tokens", off[k]);
    uint8_t kind = VFT_TOKEN_ADDED;
    bool special = is_set(entry, "special"), normalised = is_set(entry, "normalized");
    if (special && normalised)
      return vft_fail(VFT_USAGE, "%s: added_tokens[%zu]: a special token with normalized set is "
                      "not supported", t->name, i);
    if (special) kind |= VFT_TOKEN_SPECIAL;
    if (normalised) kind |= VFT_TOKEN_NORMALISED;
    TRY(vft_tokenizer_put(t, json_integer_value(id), slice_of(content), kind));
  }
  return VFT_OK;
}

static vft_status read_vocabulary(vft_tokenizer *t, const json_t *root, const json_t *model) {
  json_t *vocab = json_object_get(model, "vocab");
  const json_t *added = json_object_get(root, "added_tokens");
  const char *key;
  json_t *id;
  json_int_t largest = -1;
  size_t i;
  json_object_foreach(vocab, key, id) {
    if (!json_is_integer(id) || json_integer_value(id) < 0)
      return vft_fail(VFT_USAGE, "%s: model.vocab: '%s' has no id", t->name,
                      vft_show((vft_slice){key, strlen(key)}).text);
    if (json_integer_value(id) > largest) largest = json_integer_value(id);
  }
  const json_t *entry;
  json_array_foreach(added, i, entry) {
    json_int_t v = json_integer_value(json_object_get(entry, "id"));
    if (v > largest) largest = v;
  }
  if (largest >= VFT_TOKENIZER_MAX_IDS)
    return vft_fail(VFT_USAGE, "%s: id %lld, expected less than %d", t->name, (long long)largest,
                    VFT_TOKENIZER_MAX_IDS);
  TRY(vft_tokenizer_reserve(t, (size_t)(largest + 1)));
  json_object_foreach(vocab, key, id) {
    TRY(vft_tokenizer_put(t, json_integer_value(id), (vft_slice){key, strlen(key)},
                          VFT_TOKEN_ORDINARY));
  }
  TRY(read_added(t, added));
  return vft_tokenizer_index(t);
}

static vft_status read_merges(vft_tokenizer *t, const json_t *list) {
  TRY(vft_tokenizer_reserve_merges(t, json_array_size(list)));
  size_t i;
  const json_t *entry;
  json_array_foreach(list, i, entry) {
    if (json_is_string(entry)) {
      TRY(vft_tokenizer_add_merge_text(t, slice_of(entry)));
      continue;
    }
    const json_t *left = json_array_get(entry, 0), *right = json_array_get(entry, 1);
    if (json_array_size(entry) != 2 || !json_is_string(left) || !json_is_string(right))
      return vft_fail(VFT_USAGE, "%s: model.merges[%zu] is not two strings", t->name, i);
    TRY(vft_tokenizer_add_merge(t, slice_of(left), slice_of(right)));
  }
  return VFT_OK;
}

static vft_status read_all(vft_tokenizer *t, const json_t *root) {
  if (!json_is_object(root))
    return vft_fail(VFT_USAGE, "%s: not a JSON object", t->name);
  const json_t *model = json_object_get(root, "model");
  TRY(check_model(t, model));
  const json_t *decoder = json_object_get(root, "decoder");
  if (json_is_object(decoder) && strcmp(type_of(decoder), "ByteLevel"))
    return refuse(t, "decoder", type_of(decoder));
  TRY(read_normaliser(t, json_object_get(root, "normalizer")));
  TRY(read_pre_tokenizer(t, json_object_get(root, "pre_tokenizer")));
  TRY(read_vocabulary(t, root, model));
  TRY(read_merges(t, json_object_get(model, "merges")));
  t->ignore_merges = is_set(model, "ignore_merges");
  t->fuse_unknown = is_set(model, "fuse_unk");
  const json_t *unknown = json_object_get(model, "unk_token");
  if (json_is_string(unknown) && json_string_length(unknown)) {
    t->unknown = vft_tokenizer_lookup(t, slice_of(unknown));
    if (t->unknown < 0)
      return vft_fail(VFT_USAGE, "%s: model.unk_token is not in the vocabulary", t->name);
  }
  return vft_tokenizer_finish(t);
}

vft_status vft_tokenizer_from_json(const char *json, size_t length, const char *name,
                                   vft_tokenizer **out) {
  *out = NULL;
  json_error_t error;
  json_t *root = json_loadb(json, length, JSON_REJECT_DUPLICATES, &error);
  if (!root)
    return vft_fail(VFT_USAGE, "%s: line %d: malformed JSON: %s", name, error.line,
                    vft_show((vft_slice){error.text, strlen(error.text)}).text);
  vft_tokenizer *t = vft_tokenizer_new(name);
  vft_status st = t ? read_all(t, root) : VFT_RESOURCE;
  json_decref(root);
  if (st == VFT_OK) *out = t;
  else vft_tokenizer_free(t);
  return st;
}
