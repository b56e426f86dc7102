/* The keys policy and sampler of a configuration, and what in them contradicts itself. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/suggest.h"
#include "data/class.h"
#include "data/config_reader.h"
#include "data/spdx.h"

typedef vft_config_reader reader;
#define BAD(r, ...) vft_config_bad(r, __VA_ARGS__)

const char *const vft_sampler_mode_names[3] = {"public", "private", "hybrid"};

/* The text as a class has it. */
static vft_status canonical(reader *r, vft_bin_kind kind, const char **text) {
  char license[VFT_SPDX_BYTES], *copy = NULL, *kept;
  size_t n;
  if (kind == VFT_BIN_LICENSE) {
    if (vft_spdx_canonical(*text, license) != VFT_OK) return BAD(r, "%s", vft_error_message());
    kept = vft_arena_strdup(&r->c->arena, license);
  } else {
    TRY(vft_text_canonical(VFT_TEXT_NFC_TRIM, *text, strlen(*text), &copy, &n));
    if (kind == VFT_BIN_LANGUAGE) vft_language_canonical(copy);
    kept = vft_arena_strdup(&r->c->arena, copy);
    vft_free(copy);
  }
  *text = kept;
  if (!kept) return VFT_RESOURCE;
  if (!*kept || strlen(kept) >= VFT_CLASS_TEXT) return BAD(r, "empty, or longer than 255 bytes");
  return VFT_OK;
}

static vft_status texts(reader *r, const yaml_node_t *node, vft_bin_kind kind, const char ***out,
                        size_t *n) {
  TRY(vft_config_list(r, node, out, n));
  for (size_t i = 0; i < *n; i++) TRY(canonical(r, kind, &(*out)[i]));
  return VFT_OK;
}

static vft_status licenses(reader *r, const yaml_node_t *node, vft_policy *p) {
  p->any_license = false;
  TRY(texts(r, node, VFT_BIN_LICENSE, &p->licenses, &p->nlicenses));
  for (size_t i = 0; i < p->nlicenses; i++)
    if (!vft_spdx_simple(p->licenses[i]))
      return BAD(r, "'%s' is an expression of several licences; list them one by one",
                 p->licenses[i]);
  return VFT_OK;
}

static vft_status tier_by_name(reader *r, const char *name, int *out) {
  for (int t = 0; t < VFT_TIERS; t++)
    if (!strcmp(name, vft_tier_names[t])) {
      *out = t;
      return VFT_OK;
    }
  return BAD(r, "'%s' is unknown, did you mean '%s'?", name,
             vft_nearest(name, vft_tier_names, VFT_TIERS));
}

static vft_status tiers(reader *r, const yaml_node_t *node, vft_policy *p) {
  const char **names;
  size_t n;
  int t;
  TRY(vft_config_list(r, node, &names, &n));
  p->tiers = 0;
  for (size_t i = 0; i < n; i++) {
    TRY(tier_by_name(r, names[i], &t));
    p->tiers |= 1u << t;
  }
  return VFT_OK;
}

/* ---- quotas ---- */

static vft_status length_bin(reader *r, vft_quota *q) {
  char rest;
  unsigned long a, b;
  if (sscanf(q->value, "%9lu-%9lu%c", &a, &b, &rest) != 2 || a > b)
    return BAD(r, "'length:%s': expected length:A-B, A at most B, in tokens", q->value);
  q->shortest = (uint32_t)a;
  q->longest = (uint32_t)b;
  q->value = vft_arena_printf(&r->c->arena, "%lu-%lu", a, b);
  return q->value ? VFT_OK : VFT_RESOURCE;
}

static vft_status bin(reader *r, const yaml_node_t *node, vft_quota *q) {
  const char *text;
  char name[16];
  TRY(vft_config_scalar(r, node, &text));
  size_t n = strcspn(text, ":"), k = 0;
  snprintf(name, sizeof name, "%.*s", (int)(n < 15 ? n : 15), text);
  while (k < VFT_BIN_KINDS && strcmp(name, vft_bin_kind_names[k])) k++;
  if (k == VFT_BIN_KINDS)
    return BAD(r, "'%s': unknown kind of bin, did you mean '%s:'?", text,
               vft_nearest(name, vft_bin_kind_names, VFT_BIN_KINDS));
  if (!text[n]) return BAD(r, "'%s': expected KIND:VALUE, as in \"license:MIT\"", text);
  q->kind = (vft_bin_kind)k;
  q->value = text + n + 1;
  if (k == VFT_BIN_LENGTH) return length_bin(r, q);
  int t;
  if (k == VFT_BIN_TIER) return tier_by_name(r, q->value, &t);
  return canonical(r, q->kind, &q->value);
}

static vft_status ceiling(reader *r, const yaml_node_t *node, vft_quota *q, bool tokens) {
  const char *text;
  char *end;
  TRY(vft_config_scalar(r, node, &text));
  errno = 0;
  long long v = strtoll(text, &end, 10);
  if (errno || end == text || *end || v < 0 || v >= 1ll << 48)
    return BAD(r, "'%s' is not a whole number from 0 to 2^48 - 1", text);
  if (q->ceiling != UINT64_MAX) return BAD(r, "give max_examples or max_tokens, not both");
  q->ceiling = (uint64_t)v;
  q->tokens = tokens;
  return VFT_OK;
}

static vft_status quota_entry(reader *r, const char *name, const yaml_node_t *v, void *ctx) {
  static const char *const names[] = {"bin", "max_examples", "max_tokens"};
  if (!strcmp(name, "bin")) return bin(r, v, ctx);
  if (!strcmp(name, "max_examples")) return ceiling(r, v, ctx, false);
  if (!strcmp(name, "max_tokens")) return ceiling(r, v, ctx, true);
  return BAD(r, "unknown key, did you mean '%s'?", vft_nearest(name, names, 3));
}

static vft_status quotas(reader *r, const yaml_node_t *node, vft_policy *p) {
  if (node->type != YAML_SEQUENCE_NODE)
    return BAD(r, "expected a list of {bin: ..., max_examples: ...}");
  for (yaml_node_item_t *i = node->data.sequence.items.start; i < node->data.sequence.items.top;
       i++) {
    const yaml_node_t *item = yaml_document_get_node(&r->doc, *i);
    r->key = "quotas";
    r->line = item->start_mark.line + 1;
    if (p->quotas == VFT_QUOTAS) return BAD(r, "more than %d quotas", VFT_QUOTAS);
    vft_quota *q = &p->quota[p->quotas];
    *q = (vft_quota){.ceiling = UINT64_MAX};
    TRY(vft_config_mapping(r, item, "{bin: ..., max_examples: ...}", quota_entry, q));
    if (!q->value) return BAD(r, "entry %zu has no bin", p->quotas + 1);
    if (q->ceiling == UINT64_MAX)
      return BAD(r, "%s:%s has no max_examples and no max_tokens", vft_bin_kind_names[q->kind],
                 q->value);
    for (size_t k = 0; k < p->quotas; k++) {
      const vft_quota *o = &p->quota[k];
      if (o->kind == q->kind && o->tokens == q->tokens && !strcmp(o->value, q->value))
        return BAD(r, "%s:%s has two ceilings, %llu and %llu; keep one",
                   vft_bin_kind_names[q->kind], q->value, (unsigned long long)o->ceiling,
                   (unsigned long long)q->ceiling);
    }
    p->quotas++;
  }
  return VFT_OK;
}

static bool listed(const char *text, const char *const *list, size_t n) {
  for (size_t i = 0; i < n; i++)
    if (!strcmp(text, list[i])) return true;
  return false;
}

/* A ceiling for what is refused anyway: one of the two is not meant. */
static vft_status contradictions(reader *r, const vft_policy *p) {
  for (size_t k = 0; k < p->quotas; k++) {
    const vft_quota *q = &p->quota[k];
    const char *by = NULL;
    int t = 0;
    switch (q->kind) {
      case VFT_BIN_LICENSE:
        if (!p->any_license && !vft_spdx_allowed(q->value, p->licenses, p->nlicenses))
          by = "allow_licenses";
        break;
      case VFT_BIN_LANGUAGE:
        if (!p->any_language && !listed(q->value, p->languages, p->nlanguages))
          by = "allow_languages";
        break;
      case VFT_BIN_SOURCE:
        if (listed(q->value, p->deny_sources, p->ndeny_sources)) by = "deny_sources";
        break;
      case VFT_BIN_DOMAIN:
        if (listed(q->value, p->deny_domains, p->ndeny_domains)) by = "deny_domains";
        break;
      case VFT_BIN_TAG:
        if (listed(q->value, p->deny_tags, p->ndeny_tags)) by = "deny_tags";
        break;
      case VFT_BIN_TIER:
        TRY(tier_by_name(r, q->value, &t));
        if (!(p->tiers >> t & 1)) by = "allow_tiers";
        break;
      default: break;
    }
    if (by)
      return BAD(r, "quota %s:%s contradicts %s, which refuses all of it; drop one of them",
                 vft_bin_kind_names[q->kind], q->value, by);
  }
  return VFT_OK;
}

static vft_status policy_entry(reader *r, const char *name, const yaml_node_t *v, void *ctx) {
  static const char *const names[] = {"allow_licenses", "allow_languages", "allow_tiers",
                                      "deny_tags",      "deny_sources",    "deny_domains",
                                      "quotas"};
  vft_policy *p = ctx;
#define IS(name_) !strcmp(name, name_)
  if (IS("allow_licenses")) return licenses(r, v, p);
  if (IS("allow_languages")) {
    p->any_language = false;
    return texts(r, v, VFT_BIN_LANGUAGE, &p->languages, &p->nlanguages);
  }
  if (IS("allow_tiers")) return tiers(r, v, p);
  if (IS("deny_tags")) return texts(r, v, VFT_BIN_TAG, &p->deny_tags, &p->ndeny_tags);
  if (IS("deny_sources")) return texts(r, v, VFT_BIN_SOURCE, &p->deny_sources, &p->ndeny_sources);
  if (IS("deny_domains")) return texts(r, v, VFT_BIN_DOMAIN, &p->deny_domains, &p->ndeny_domains);
  if (IS("quotas")) return quotas(r, v, p);
#undef IS
  return BAD(r, "unknown key, did you mean '%s'?",
             vft_nearest(name, names, sizeof names / sizeof *names));
}

vft_status vft_config_policy(reader *r, const yaml_node_t *node) {
  vft_policy *p = &r->c->policy;
  size_t line = r->line;
  p->given = true;
  TRY(vft_config_mapping(r, node, "allow_licenses: and the like below it", policy_entry, p));
  r->line = line;
  return contradictions(r, p);
}

/* ---- sampler ---- */

bool vft_beacon_value(const char *text, uint8_t value[32]) {
  if (strlen(text) != 64 || strspn(text, "0123456789abcdef") != 64) return false;
  for (int i = 0; i < 32; i++) {
    unsigned v = 0;
    if (sscanf(text + 2 * i, "%2x", &v) == 1) value[i] = (uint8_t)v;
  }
  return true;
}

static vft_status beacon_round(reader *r, const yaml_node_t *node, vft_sampler_config *s) {
  const char *text;
  char *end;
  TRY(vft_config_scalar(r, node, &text));
  errno = 0;
  long long v = strtoll(text, &end, 10);
  if (errno || end == text || *end || v < 0 || v > 1ll << 53)
    return BAD(r, "'%s' is not a whole number from 0 to 2^53", text);
  s->beacon_round = (uint64_t)v;
  return VFT_OK;
}

static vft_status beacon_entry(reader *r, const char *name, const yaml_node_t *v, void *ctx) {
  static const char *const names[] = {"source", "round", "format", "value"};
  vft_sampler_config *s = ctx;
  const char *text;
  if (!strcmp(name, "round")) return beacon_round(r, v, s);
  if (!strcmp(name, "source") || !strcmp(name, "format")) {
    const char **out = *name == 's' ? &s->beacon_source : &s->beacon_format;
    TRY(vft_config_scalar(r, v, out));
    return canonical(r, VFT_BIN_SOURCE, out);
  }
  if (strcmp(name, "value"))
    return BAD(r, "unknown key, did you mean '%s'?", vft_nearest(name, names, 4));
  TRY(vft_config_scalar(r, v, &text));
  if (!vft_beacon_value(text, s->beacon))
    return BAD(r, "'%.70s' is not 64 hexadecimal digits", text);
  s->beacon_known = true;
  return VFT_OK;
}

/* Where the value is to come from is declared before it exists; `value` may follow with
 * vft train --beacon. */
static vft_status beacon(reader *r, const yaml_node_t *node, vft_sampler_config *s) {
  size_t line = r->line;
  s->beacon_round = UINT64_MAX;
  TRY(vft_config_mapping(r, node, "{source: TEXT, round: N, format: TEXT}", beacon_entry, s));
  r->line = line;
  if (!s->beacon_source || !s->beacon_format || s->beacon_round == UINT64_MAX)
    return BAD(r, "expected {source: TEXT, round: N, format: TEXT}");
  s->has_beacon = true;
  return VFT_OK;
}

static vft_status sampler_entry(reader *r, const char *name, const yaml_node_t *v, void *ctx) {
  static const char *const names[] = {"mode",            "window",
                                      "public_every",    "replacement",
                                      "steps_per_epoch", "candidates_per_epoch",
                                      "beacon"};
  static const char *const yes_no[] = {"false", "true"};
  vft_sampler_config *s = ctx;
  size_t pick = 0;
#define IS(name_) !strcmp(name, name_)
  if (IS("mode")) {
    TRY(vft_config_choice(r, v, vft_sampler_mode_names, 3, &pick));
    s->mode = (vft_sampler_mode)pick;
    return VFT_OK;
  }
  if (IS("window")) return vft_config_integer(r, v, 1, 1000000, &s->window);
  if (IS("public_every")) return vft_config_integer(r, v, 1, 1000000, &s->public_every);
  if (IS("replacement")) {
    TRY(vft_config_choice(r, v, yes_no, 2, &pick));
    s->replacement = pick == 1;
    return VFT_OK;
  }
  if (IS("steps_per_epoch")) return vft_config_integer(r, v, 1, 1 << 24, &s->steps_per_epoch);
  if (IS("candidates_per_epoch"))
    return vft_config_integer(r, v, 1, 1 << 30, &s->candidates_per_epoch);
  if (IS("beacon")) return beacon(r, v, s);
#undef IS
  return BAD(r, "unknown key, did you mean '%s'?",
             vft_nearest(name, names, sizeof names / sizeof *names));
}

vft_status vft_config_sampler(reader *r, const yaml_node_t *node) {
  r->c->sampler.given = true;
  return vft_config_mapping(r, node, "mode: and the like below it", sampler_entry,
                            &r->c->sampler);
}
