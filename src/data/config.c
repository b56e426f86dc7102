#include "data/config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/suggest.h"
#include "data/config_reader.h"
#include "data/spdx.h"
#include "model/fixmath.h"

const char *const vft_projection_names[7] = {"q_proj",    "k_proj",  "v_proj",   "o_proj",
                                             "gate_proj", "up_proj", "down_proj"};

const char vft_config_template[] =
    "# vft configuration. Paths are relative to this file.\n"
    "\n"
    "# The public base model: a .gguf file or a Hugging Face folder (config.json, safetensors,\n"
    "# tokenizer.json). Llama architecture.\n"
    "base_model: model.gguf\n"
    "\n"
    "# Instruction records: JSON or JSONL. type: auto, alpaca, sharegpt, messages or\n"
    "# self_instruct. The other keys hold for records that do not say it themselves (fields\n"
    "# source, license, lang, domain); tags are added to those of a record.\n"
    "datasets:\n"
    "  - path: train.jsonl\n"
    "    type: auto\n"
    "    # source: our-handbook\n"
    "    # license: Apache-2.0      # an SPDX expression; none at all is NOASSERTION\n"
    "    # language: en\n"
    "    # domain: law\n"
    "    # tags: [reviewed]\n"
    "    # tier: public             # public, restricted or shadow: roots of their own\n"
    "\n"
    "# The folder of a finished vft data commit of these records (default: train commits itself).\n"
    "# dataset_prepared_path: DATA\n"
    "\n"
    "# How vft data commit makes a message's text canonical: nfc-trim, nfc or keep.\n"
    "text_rule: nfc-trim\n"
    "\n"
    "chat_template: chatml\n"
    "# system: You are a helpful assistant.   # added to records that have no system message\n"
    "\n"
    "# Label positions of one record; longer records are cut, shorter ones padded.\n"
    "# A multiple of 16 keeps the proofs small.\n"
    "sequence_len: 128\n"
    "# One step (one proof) trains on micro_batch_size x gradient_accumulation_steps records.\n"
    "micro_batch_size: 4\n"
    "gradient_accumulation_steps: 1\n"
    "\n"
    "adapter: lora\n"
    "lora_r: 8                # 1 to 64\n"
    "lora_alpha: 16           # lora_alpha / lora_r must be a power of two\n"
    "lora_target_modules: [q_proj, k_proj, v_proj, o_proj, gate_proj, up_proj, down_proj]\n"
    "\n"
    "learning_rate: 2e-4\n"
    "lr_scheduler: cosine     # cosine, linear or constant\n"
    "warmup_ratio: 0.03       # or warmup_steps\n"
    "weight_decay: 0.05\n"
    "max_grad_norm: 1.0       # 0: no clipping\n"
    "adam_beta1: 0.9\n"
    "adam_beta2: 0.95         # 1 - 1/D with D a whole number: 0.9, 0.95, 0.98, 0.99, 0.999 ...\n"
    "adam_epsilon: 1e-8\n"
    "\n"
    "num_epochs: 1            # or max_steps\n"
    "seed: 42\n"
    "\n"
    "# Under poseidon a run ends in one certificate (if the memory holds its steps whole), which is\n"
    "# zero knowledge and takes milliseconds to check. Under blake3 proving is faster and ends in the\n"
    "# proofs of the steps.\n"
    "proof_hash: blake3\n"
    "\n"
    "# Which records may be used (vft data sample shows the effect). A record without a licence\n"
    "# is NOASSERTION and refused unless that is listed. OR needs one allowed side, AND both; a\n"
    "# licence WITH an exception is allowed by exactly that. Quotas hold for each epoch; bins:\n"
    "# license, source, language, domain, tier, tag, length (in tokens).\n"
    "# policy:\n"
    "#   allow_licenses: [MIT, Apache-2.0]\n"
    "#   allow_languages: [en, zh]\n"
    "#   allow_tiers: [public]\n"
    "#   deny_tags: [toxic]          # also deny_sources, deny_domains\n"
    "#   quotas:\n"
    "#     - {bin: \"language:zh\", max_examples: 1000}\n"
    "#     - {bin: \"tag:medical\", max_tokens: 50000}\n"
    "#     - {bin: \"length:0-16\", max_examples: 10}\n"
    "#\n"
    "# The order of the records. Private: the key comes from a secret in DATA/private. Hybrid:\n"
    "# the same, and the keys of windows 0, public_every, ... may be shown.\n"
    "# sampler:\n"
    "#   mode: public                # public, private or hybrid\n"
    "#   window: 1                   # epochs under one window key\n"
    "#   public_every: 10\n"
    "#   replacement: false\n"
    "#   steps_per_epoch: 100        # default: all eligible records\n"
    "#   candidates_per_epoch: 2048  # looked at for the rows of an epoch; default: 4 x the rows\n"
    "#   # A public random value that is not known yet; it is given with vft train --beacon.\n"
    "#   beacon: {source: \"drand quicknet\", round: 12345, format: \"randomness\"}\n"
    "\n"
    "# The public text on which the integer scales are calibrated (default: a built-in one).\n"
    "# calibration_text: calibration.txt\n";

static const char *const known_keys[] = {
    "base_model", "datasets", "dataset_prepared_path", "calibration_text", "chat_template",
    "system", "text_rule", "sequence_len",
    "micro_batch_size", "gradient_accumulation_steps", "adapter", "lora_r", "lora_alpha",
    "lora_target_modules", "learning_rate", "lr_scheduler", "warmup_ratio", "warmup_steps",
    "weight_decay", "max_grad_norm", "adam_beta1", "adam_beta2", "adam_epsilon", "num_epochs",
    "max_steps", "seed", "proof_hash", "policy", "sampler"};
enum { KEYS = sizeof known_keys / sizeof *known_keys };

typedef vft_config_reader reader;
#define BAD(r, ...) vft_config_bad(r, __VA_ARGS__)

vft_status vft_config_bad(const reader *r, const char *fmt, ...) {
  char text[512];
  va_list ap;
  va_start(ap, fmt);
  vsnprintf(text, sizeof text, fmt, ap);
  va_end(ap);
  return vft_fail(VFT_USAGE, "%s:%zu: %s: %s", r->c->file, r->line, r->key, text);
}

vft_status vft_config_scalar(reader *r, const yaml_node_t *node, const char **out) {
  if (node->type != YAML_SCALAR_NODE ||
      memchr(node->data.scalar.value, 0, node->data.scalar.length))
    return BAD(r, "expected a single value");
  *out = vft_arena_strdup(&r->c->arena, (const char *)node->data.scalar.value);
  return *out ? VFT_OK : VFT_RESOURCE;
}

vft_status vft_config_integer(reader *r, const yaml_node_t *node, int low, int high, int *out) {
  const char *text;
  TRY(vft_config_scalar(r, node, &text));
  char *end;
  errno = 0;
  long v = strtol(text, &end, 10);
  if (errno || end == text || *end || v < low || v > high)
    return BAD(r, "'%s' is not a whole number from %d to %d", text, low, high);
  *out = (int)v;
  return VFT_OK;
}

/* A decimal in [low, high] given as text. */
static vft_status decimal(reader *r, const yaml_node_t *node, const char *low, const char *high,
                          const char **out) {
  vft_fix v, lo, hi;
  TRY(vft_config_scalar(r, node, out));
  TRY(vft_fix_parse(low, &lo));
  TRY(vft_fix_parse(high, &hi));
  if (vft_fix_parse(*out, &v) != VFT_OK || v < lo || v > hi)
    return BAD(r, "'%s' is not a number from %s to %s", *out, low, high);
  return VFT_OK;
}

static vft_status path_value(reader *r, const yaml_node_t *node, const char **out) {
  const char *text;
  TRY(vft_config_scalar(r, node, &text));
  if (!*text) return BAD(r, "expected a path");
  const char *slash = strrchr(r->c->file, '/');
  if (*text == '/' || !slash)
    *out = text;
  else
    *out = vft_arena_printf(&r->c->arena, "%.*s/%s", (int)(slash - r->c->file), r->c->file, text);
  return *out ? VFT_OK : VFT_RESOURCE;
}

vft_status vft_config_choice(reader *r, const yaml_node_t *node, const char *const *names, size_t n,
                         size_t *out) {
  const char *text;
  TRY(vft_config_scalar(r, node, &text));
  for (size_t i = 0; i < n; i++)
    if (!strcmp(text, names[i])) {
      *out = i;
      return VFT_OK;
    }
  return BAD(r, "'%s' is unknown, did you mean '%s'?", text, vft_nearest(text, names, n));
}

vft_status vft_config_list(reader *r, const yaml_node_t *node, const char ***out, size_t *count) {
  if (node->type != YAML_SEQUENCE_NODE) return BAD(r, "expected a list");
  size_t n = (size_t)(node->data.sequence.items.top - node->data.sequence.items.start);
  *out = vft_arena_alloc(&r->c->arena, n, sizeof **out);
  if (!*out) return VFT_RESOURCE;
  for (size_t i = 0; i < n; i++) {
    const yaml_node_t *item = yaml_document_get_node(&r->doc, node->data.sequence.items.start[i]);
    r->line = item->start_mark.line + 1;
    TRY(vft_config_scalar(r, item, &(*out)[i]));
    if (!*(*out)[i]) return BAD(r, "an empty entry");
  }
  *count = n;
  return VFT_OK;
}

/* An SPDX expression, in canonical form. */
static vft_status license(reader *r, const yaml_node_t *node, const char **out) {
  char canonical[VFT_SPDX_BYTES];
  TRY(vft_config_scalar(r, node, out));
  if (vft_spdx_canonical(*out, canonical) != VFT_OK) return BAD(r, "%s", vft_error_message());
  *out = vft_arena_strdup(&r->c->arena, canonical);
  return *out ? VFT_OK : VFT_RESOURCE;
}

vft_status vft_config_mapping(reader *r, const yaml_node_t *node, const char *what,
                              vft_status (*entry)(reader *r, const char *name,
                                                  const yaml_node_t *value, void *ctx),
                              void *ctx) {
  const char *outer = r->key;
  if (node->type != YAML_MAPPING_NODE) return BAD(r, "expected %s", what);
  for (yaml_node_pair_t *p = node->data.mapping.pairs.start; p < node->data.mapping.pairs.top;
       p++) {
    const yaml_node_t *key = yaml_document_get_node(&r->doc, p->key);
    const char *name, *before;
    r->key = outer;
    r->line = key->start_mark.line + 1;
    TRY(vft_config_scalar(r, key, &name));
    for (yaml_node_pair_t *q = node->data.mapping.pairs.start; q < p; q++) {
      TRY(vft_config_scalar(r, yaml_document_get_node(&r->doc, q->key), &before));
      if (!strcmp(before, name)) return BAD(r, "%s is given twice", name);
    }
    r->key = name;
    TRY(entry(r, name, yaml_document_get_node(&r->doc, p->value), ctx));
  }
  r->key = outer;
  return VFT_OK;
}

static vft_status dataset_entry(reader *r, const char *name, const yaml_node_t *v, void *ctx) {
  vft_config_dataset *d = ctx;
  static const char *const fields[] = {"path",     "type",   "source", "license",
                                       "language", "domain", "tags",   "tier"};
  static const char *const types[] = {"auto", "alpaca", "sharegpt", "messages", "self_instruct"};
  size_t pick = 0;
#define IS(name_) !strcmp(name, name_)
  if (IS("path")) return path_value(r, v, &d->path);
  if (IS("type")) {
    TRY(vft_config_choice(r, v, types, 5, &pick));
    d->type = types[pick];
    return VFT_OK;
  }
  if (IS("source")) return vft_config_scalar(r, v, &d->source);
  if (IS("license")) return license(r, v, &d->license);
  if (IS("language")) return vft_config_scalar(r, v, &d->language);
  if (IS("domain")) return vft_config_scalar(r, v, &d->domain);
  if (IS("tags")) return vft_config_list(r, v, &d->tags, &d->ntags);
  if (IS("tier")) {
    TRY(vft_config_choice(r, v, vft_tier_names, VFT_TIERS, &pick));
    d->tier = (vft_tier)pick;
    return VFT_OK;
  }
#undef IS
  return BAD(r, "unknown key, did you mean '%s'?",
             vft_nearest(name, fields, sizeof fields / sizeof *fields));
}

static vft_status datasets(reader *r, const yaml_node_t *node) {
  if (node->type != YAML_SEQUENCE_NODE ||
      node->data.sequence.items.top == node->data.sequence.items.start)
    return BAD(r, "expected a list of '- path: FILE' entries");
  size_t n = (size_t)(node->data.sequence.items.top - node->data.sequence.items.start);
  r->c->datasets = vft_arena_alloc(&r->c->arena, n, sizeof *r->c->datasets);
  if (!r->c->datasets) return VFT_RESOURCE;
  r->c->ndatasets = n;
  for (size_t i = 0; i < n; i++) {
    vft_config_dataset *d = &r->c->datasets[i];
    const yaml_node_t *item = yaml_document_get_node(&r->doc, node->data.sequence.items.start[i]);
    r->key = "datasets";
    r->line = item->start_mark.line + 1;
    d->type = "auto";
    TRY(vft_config_mapping(r, item, "'- path: FILE'", dataset_entry, d));
    r->key = "datasets";
    if (!d->path) return BAD(r, "entry %zu has no path", i + 1);
  }
  return VFT_OK;
}

static vft_status one_target(reader *r, const char *name) {
  for (int p = 0; p < 7; p++)
    if (!strcmp(name, vft_projection_names[p])) {
      if (r->c->targets >> p & 1) return BAD(r, "'%s' is given twice", name);
      r->c->targets |= 1u << p;
      return VFT_OK;
    }
  return BAD(r, "'%s' is unknown, did you mean '%s'?", name,
             vft_nearest(name, vft_projection_names, 7));
}

static vft_status targets(reader *r, const yaml_node_t *node) {
  r->c->targets = 0;
  if (node->type == YAML_SCALAR_NODE) {
    const char *text;
    TRY(vft_config_scalar(r, node, &text));
    if (!strcmp(text, "all-linear") || !strcmp(text, "all")) {
      r->c->targets = 0x7f;
      return VFT_OK;
    }
    return one_target(r, text);
  }
  if (node->type != YAML_SEQUENCE_NODE) return BAD(r, "expected a list of module names");
  for (yaml_node_item_t *i = node->data.sequence.items.start; i < node->data.sequence.items.top;
       i++) {
    const char *name;
    TRY(vft_config_scalar(r, yaml_document_get_node(&r->doc, *i), &name));
    TRY(one_target(r, name));
  }
  if (!r->c->targets) return BAD(r, "expected at least one module name");
  return VFT_OK;
}

static vft_status entry(reader *r, const char *key, const yaml_node_t *v) {
  vft_config *c = r->c;
  static const char *const adapters[] = {"lora"}, *const templates[] = {"chatml"};
  static const char *const schedules[] = {"cosine", "linear", "constant"};
  size_t pick = 0;
#define IS(name) !strcmp(key, name)
  if (IS("base_model")) return path_value(r, v, &c->base_model);
  if (IS("datasets")) return datasets(r, v);
  if (IS("dataset_prepared_path")) return path_value(r, v, &c->dataset_prepared_path);
  if (IS("calibration_text")) return path_value(r, v, &c->calibration_text);
  if (IS("chat_template")) return vft_config_choice(r, v, templates, 1, &pick);
  if (IS("system")) return vft_config_scalar(r, v, &c->system);
  if (IS("text_rule")) {
    TRY(vft_config_choice(r, v, vft_text_rule_names, 3, &pick));
    c->text_rule = (vft_text_rule)pick;
    return VFT_OK;
  }
  if (IS("sequence_len")) return vft_config_integer(r, v, 2, 8192, &c->sequence_len);
  if (IS("micro_batch_size")) return vft_config_integer(r, v, 1, 4096, &c->micro_batch_size);
  if (IS("gradient_accumulation_steps"))
    return vft_config_integer(r, v, 1, 4096, &c->gradient_accumulation_steps);
  if (IS("adapter")) return vft_config_choice(r, v, adapters, 1, &pick);
  if (IS("lora_r")) return vft_config_integer(r, v, 1, 64, &c->lora_r);
  if (IS("lora_alpha")) return vft_config_integer(r, v, 1, 4096, &c->lora_alpha);
  if (IS("lora_target_modules")) return targets(r, v);
  if (IS("learning_rate")) return decimal(r, v, "1e-7", "0.1", &c->learning_rate);
  if (IS("lr_scheduler")) {
    TRY(vft_config_choice(r, v, schedules, 3, &pick));
    c->schedule = (vft_schedule_kind)pick;
    return VFT_OK;
  }
  if (IS("warmup_ratio")) return decimal(r, v, "0", "1", &c->warmup_ratio);
  if (IS("warmup_steps")) return vft_config_integer(r, v, 0, 1 << 24, &c->warmup_steps);
  if (IS("weight_decay")) return decimal(r, v, "0", "1", &c->weight_decay);
  if (IS("max_grad_norm")) return decimal(r, v, "0", "1000", &c->max_grad_norm);
  if (IS("adam_beta1")) return decimal(r, v, "0", "0.9999", &c->adam_beta1);
  if (IS("adam_beta2")) return decimal(r, v, "0.5", "0.99999", &c->adam_beta2);
  if (IS("adam_epsilon")) return decimal(r, v, "0", "1", &c->adam_epsilon);
  if (IS("num_epochs")) return vft_config_integer(r, v, 1, 100000, &c->num_epochs);
  if (IS("max_steps")) return vft_config_integer(r, v, 1, 1 << 24, &c->max_steps);
  if (IS("proof_hash")) {
    TRY(vft_config_choice(r, v, vft_hash_names, 2, &pick));
    c->proof_hash = (vft_hash_kind)pick;
    return VFT_OK;
  }
  if (IS("policy")) return vft_config_policy(r, v);
  if (IS("sampler")) return vft_config_sampler(r, v);
  if (IS("seed")) {
    const char *text;
    TRY(vft_config_scalar(r, v, &text));
    char *end;
    errno = 0;
    c->seed = strtoull(text, &end, 10);
    if (errno || end == text || *end || *text == '-')
      return BAD(r, "'%s' is not a whole number from 0 to 2^64 - 1", text);
    return VFT_OK;
  }
#undef IS
  return BAD(r, "unknown key, did you mean '%s'?", vft_nearest(key, known_keys, KEYS));
}

/* What the arithmetic cannot express is refused, with the nearest that it can. */
static vft_status expressible(reader *r) {
  vft_config *c = r->c;
  r->line = 1;
  int quotient = c->lora_alpha >= c->lora_r ? c->lora_alpha / c->lora_r : c->lora_r / c->lora_alpha;
  int exact = c->lora_alpha >= c->lora_r ? c->lora_alpha % c->lora_r == 0
                                         : c->lora_r % c->lora_alpha == 0;
  r->key = "lora_alpha";
  if (!exact || (quotient & (quotient - 1)) || quotient > 64) {
    int near = c->lora_r;
    while (near * 2 <= c->lora_alpha) near *= 2;
    return BAD(r, "lora_alpha / lora_r must be a power of two from 1/64 to 64; nearest for "
                  "lora_r: %d is lora_alpha: %d", c->lora_r, near);
  }
  /* beta2 = 1 - 1/D2 exactly: D2 (1 - beta2) = 1 up to the resolution of the decimal. */
  vft_fix beta2;
  TRY(vft_fix_parse(c->adam_beta2, &beta2));
  vft_fix gap = VFT_FIX_ONE - beta2;
  vft_fix d2 = vft_fix_div(VFT_FIX_ONE, gap);
  int64_t whole;
  TRY(vft_fix_round(d2, 0, &whole));
  vft_fix error = d2 - vft_fix_int(whole);
  r->key = "adam_beta2";
  if (whole < 2 || error > VFT_FIX_ONE >> 20 || error < -(VFT_FIX_ONE >> 20)) {
    if (whole < 2) whole = 2;
    return BAD(r, "beta2 must be 1 - 1/D with D a whole number; nearest to %s is %.10g (D = %lld)",
               c->adam_beta2, 1 - 1 / (double)whole, (long long)whole);
  }
  c->beta2_denominator = whole;
  r->key = "sequence_len";
  if (c->sequence_len % 8)
    return BAD(r, "must be a multiple of 8; nearest is %d",
               c->sequence_len < 8 ? 8 : (c->sequence_len + 4) / 8 * 8);
  r->key = "micro_batch_size";
  if ((int64_t)c->micro_batch_size * c->gradient_accumulation_steps * c->sequence_len >= 1 << 15)
    return BAD(r, "micro_batch_size x gradient_accumulation_steps x sequence_len must stay below "
                  "32768 label positions a step");
  r->key = "base_model";
  if (!c->base_model) return BAD(r, "missing: give the path of the base model");
  r->key = "datasets";
  if (!c->ndatasets) return BAD(r, "missing: give at least one '- path: FILE'");
  r->key = "warmup_steps";
  if (c->warmup_steps >= 0 && c->warmup_ratio)
    return BAD(r, "give warmup_steps or warmup_ratio, not both");
  if (!c->warmup_ratio) c->warmup_ratio = "0";
  r->key = "num_epochs";
  if (!c->num_epochs && !c->max_steps) return BAD(r, "missing: give num_epochs or max_steps");
  return VFT_OK;
}

static void defaults(vft_config *c) {
  c->chat_template = "chatml";
  c->micro_batch_size = c->gradient_accumulation_steps = 1;
  c->sequence_len = 128;
  c->lora_r = 8;
  c->lora_alpha = 16;
  c->targets = 0x7f;
  c->learning_rate = "2e-4";
  c->weight_decay = "0";
  c->max_grad_norm = "1.0";
  c->adam_beta1 = "0.9";
  c->adam_beta2 = "0.999";
  c->adam_epsilon = "1e-8";
  c->warmup_steps = -1;
  c->seed = 42;
  c->policy.any_license = c->policy.any_language = true;
  c->policy.tiers = (1u << VFT_TIERS) - 1;
  c->sampler.window = 1;
  c->sampler.public_every = 10;
}

static vft_status mapping(reader *r) {
  const yaml_node_t *root = yaml_document_get_root_node(&r->doc);
  r->key = "configuration";
  r->line = 1;
  if (!root || root->type != YAML_MAPPING_NODE) return BAD(r, "expected 'key: value' lines");
  unsigned char seen[KEYS] = {0};
  for (yaml_node_pair_t *p = root->data.mapping.pairs.start; p < root->data.mapping.pairs.top;
       p++) {
    const yaml_node_t *key = yaml_document_get_node(&r->doc, p->key);
    const yaml_node_t *value = yaml_document_get_node(&r->doc, p->value);
    const char *name;
    r->key = "configuration";
    r->line = key->start_mark.line + 1;
    TRY(vft_config_scalar(r, key, &name));
    r->key = name;
    for (size_t i = 0; i < KEYS; i++)
      if (!strcmp(name, known_keys[i]) && seen[i]++) return BAD(r, "given twice");
    TRY(entry(r, name, value));
  }
  return expressible(r);
}

vft_status vft_config_load(const char *path, vft_config *c) {
  memset(c, 0, sizeof *c);
  defaults(c);
  c->file = vft_arena_strdup(&c->arena, path);
  if (!c->file) return VFT_RESOURCE;
  FILE *f = fopen(path, "rb");
  if (!f) {
    vft_config_free(c);
    return vft_fail(VFT_USAGE, "%s: cannot read the configuration: %s", path, strerror(errno));
  }
  yaml_parser_t parser;
  reader r = {.c = c};
  vft_status st;
  if (!yaml_parser_initialize(&parser)) {
    fclose(f);
    vft_config_free(c);
    return vft_fail(VFT_RESOURCE, "out of memory reading %s", path);
  }
  yaml_parser_set_input_file(&parser, f);
  if (!yaml_parser_load(&parser, &r.doc)) {
    st = vft_fail(VFT_USAGE, "%s:%zu: not YAML: %s", path, parser.problem_mark.line + 1,
                  parser.problem ? parser.problem : "unreadable");
  } else {
    st = mapping(&r);
    yaml_document_delete(&r.doc);
  }
  yaml_parser_delete(&parser);
  fclose(f);
  if (st != VFT_OK) vft_config_free(c);
  return st;
}

void vft_config_free(vft_config *c) {
  vft_arena_free(&c->arena);
  memset(c, 0, sizeof *c);
}
