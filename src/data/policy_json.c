#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/canonical_text.h"
#include "data/policy.h"
#include "data/spdx.h"

/* ---- writing ---- */

static json_t *texts(const char *const *list, size_t n) {
  json_t *out = json_array();
  for (size_t i = 0; i < n; i++) json_array_append_new(out, json_string(list[i]));
  return out;
}

json_t *vft_policy_json(const vft_policy *p) {
  if (!p->given) return json_null();
  json_t *quotas = json_array(), *tiers = json_array();
  for (size_t q = 0; q < p->quotas; q++) {
    char name[320];
    vft_quota_name(&p->quota[q], name, sizeof name);
    json_array_append_new(quotas, json_pack("{s:s, s:I}", "bin", name,
                                            p->quota[q].tokens ? "max_tokens" : "max_examples",
                                            (json_int_t)p->quota[q].ceiling));
  }
  for (int t = 0; t < VFT_TIERS; t++)
    if (p->tiers >> t & 1) json_array_append_new(tiers, json_string(vft_tier_names[t]));
  return json_pack(
      "{s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "allow_licenses",
      p->any_license ? json_null() : texts(p->licenses, p->nlicenses), "allow_languages",
      p->any_language ? json_null() : texts(p->languages, p->nlanguages), "allow_tiers", tiers,
      "deny_tags", texts(p->deny_tags, p->ndeny_tags), "deny_sources",
      texts(p->deny_sources, p->ndeny_sources), "deny_domains",
      texts(p->deny_domains, p->ndeny_domains), "quotas", quotas);
}

/* ---- in words ---- */

static void words(FILE *f, const char *what, const char *const *list, size_t n) {
  for (size_t i = 0; i < n; i++) fprintf(f, "%s%s", i ? ", " : what, list[i]);
  if (n) fputs("; ", f);
}

char *vft_policy_words(const vft_policy *p, vft_arena *arena) {
  char *text = NULL, *copy;
  size_t size;
  if (!p->given)
    return vft_arena_strdup(arena, "no policy: any record with a token to learn is allowed");
  FILE *f = open_memstream(&text, &size);
  if (!f) return NULL;
  if (p->any_license)
    fputs("any licence but NOASSERTION and NONE; ", f);
  else
    words(f, "licences ", (const char *const *)p->licenses, p->nlicenses);
  if (!p->any_language)
    words(f, "languages ", (const char *const *)p->languages, p->nlanguages);
  words(f, "not the tags ", (const char *const *)p->deny_tags, p->ndeny_tags);
  words(f, "not the sources ", (const char *const *)p->deny_sources, p->ndeny_sources);
  words(f, "not the domains ", (const char *const *)p->deny_domains, p->ndeny_domains);
  fputs("tiers", f);
  for (int t = 0; t < VFT_TIERS; t++)
    if (p->tiers >> t & 1) fprintf(f, " %s", vft_tier_names[t]);
  for (size_t q = 0; q < p->quotas; q++) {
    char name[320];
    vft_quota_name(&p->quota[q], name, sizeof name);
    fprintf(f, "; %s at most %llu %s an epoch", name, (unsigned long long)p->quota[q].ceiling,
            p->quota[q].tokens ? "tokens" : "examples");
  }
  fclose(f);
  copy = text ? vft_arena_strdup(arena, text) : NULL;
  free(text);
  return copy;
}

/* ---- reading ---- */

typedef struct {
  vft_arena *arena;
  const char *name; /* of the document */
  vft_status st;
} parse;

static bool bad(parse *p, const char *what) {
  if (p->st == VFT_OK)
    p->st = vft_reject("manifest/fields", "%s: policy: %s", p->name, what);
  return false;
}

static const char *keep(parse *p, const char *text) {
  const char *copy = vft_arena_strdup(p->arena, text);
  if (!copy && p->st == VFT_OK) p->st = VFT_RESOURCE;
  return copy;
}

/* Is it written as a class has it? Any other spelling would look like a rule and match nothing. */
static bool is_canonical(vft_bin_kind kind, const char *text) {
  char license[VFT_SPDX_BYTES], *canonical;
  size_t n;
  if (!*text || strlen(text) >= VFT_CLASS_TEXT) return false;
  if (kind == VFT_BIN_LICENSE)
    return vft_spdx_canonical(text, license) == VFT_OK && !strcmp(license, text);
  if (vft_text_canonical(VFT_TEXT_NFC_TRIM, text, strlen(text), &canonical, &n) != VFT_OK)
    return false;
  if (kind == VFT_BIN_LANGUAGE) vft_language_canonical(canonical);
  bool same = !strcmp(canonical, text);
  vft_free(canonical);
  return same;
}

static void read_texts(parse *p, const json_t *list, vft_bin_kind kind, const char ***out,
                       size_t *n) {
  if (!json_is_array(list)) {
    bad(p, "expected lists of texts");
    return;
  }
  *n = json_array_size(list);
  *out = vft_arena_alloc(p->arena, *n, sizeof **out);
  if (!*out) p->st = VFT_RESOURCE;
  for (size_t i = 0; p->st == VFT_OK && i < *n; i++) {
    const char *text = json_string_value(json_array_get(list, i));
    if (!text || !is_canonical(kind, text) ||
        (kind == VFT_BIN_LICENSE && !vft_spdx_simple(text)))
      bad(p, "a list has an entry that is no text in canonical form");
    else
      (*out)[i] = keep(p, text);
  }
}

static void read_tiers(parse *p, const json_t *list, unsigned *tiers) {
  *tiers = 0;
  if (!json_is_array(list)) bad(p, "allow_tiers: expected a list");
  for (size_t i = 0; p->st == VFT_OK && i < json_array_size(list); i++) {
    const char *text = json_string_value(json_array_get(list, i));
    int t = 0;
    while (t < VFT_TIERS && (!text || strcmp(text, vft_tier_names[t]))) t++;
    if (t == VFT_TIERS) bad(p, "allow_tiers: expected public, restricted, shadow");
    else *tiers |= 1u << t;
  }
}

/* KIND:VALUE in canonical form. */
static bool read_bin(parse *p, const char *text, vft_quota *q) {
  size_t n = strcspn(text, ":"), k = 0;
  char again[32];
  unsigned long a, b;
  while (k < VFT_BIN_KINDS &&
         (strncmp(text, vft_bin_kind_names[k], n) || vft_bin_kind_names[k][n]))
    k++;
  if (k == VFT_BIN_KINDS || !text[n]) return false;
  q->kind = (vft_bin_kind)k;
  if (!(q->value = keep(p, text + n + 1))) return false;
  if (k == VFT_BIN_TIER) {
    for (int t = 0; t < VFT_TIERS; t++)
      if (!strcmp(q->value, vft_tier_names[t])) return true;
    return false;
  }
  if (k != VFT_BIN_LENGTH) return is_canonical(q->kind, q->value);
  if (sscanf(q->value, "%9lu-%9lu", &a, &b) != 2 || a > b) return false;
  snprintf(again, sizeof again, "%lu-%lu", a, b);
  q->shortest = (uint32_t)a;
  q->longest = (uint32_t)b;
  return !strcmp(again, q->value);
}

static void read_quota(parse *p, const json_t *v, vft_policy *out) {
  vft_quota *q = &out->quota[out->quotas];
  const char *bin = json_string_value(json_object_get(v, "bin"));
  const json_t *examples = json_object_get(v, "max_examples");
  const json_t *tokens = json_object_get(v, "max_tokens"), *ceiling = tokens ? tokens : examples;
  q->tokens = tokens != NULL;
  if (json_object_size(v) != 2 || !bin || !json_is_integer(ceiling) ||
      json_integer_value(ceiling) < 0 || json_integer_value(ceiling) >= 1ll << 48 ||
      !read_bin(p, bin, q)) {
    bad(p, "quotas: expected a bin in canonical form and max_examples or max_tokens below 2^48");
    return;
  }
  q->ceiling = (uint64_t)json_integer_value(ceiling);
  for (size_t k = 0; k < out->quotas; k++) {
    const vft_quota *o = &out->quota[k];
    if (o->kind == q->kind && o->tokens == q->tokens && !strcmp(o->value, q->value))
      bad(p, "quotas: a bin has two ceilings");
  }
  out->quotas++;
}

vft_status vft_policy_parse(const json_t *value, const char *name, vft_arena *arena,
                            vft_policy *out) {
  parse p = {arena, name, VFT_OK};
  *out = (vft_policy){.any_license = true, .any_language = true, .tiers = (1u << VFT_TIERS) - 1};
  if (json_is_null(value)) return VFT_OK;
  const json_t *licenses = json_object_get(value, "allow_licenses");
  const json_t *languages = json_object_get(value, "allow_languages");
  const json_t *quotas = json_object_get(value, "quotas");
  out->given = true;
  out->any_license = json_is_null(licenses);
  out->any_language = json_is_null(languages);
  if (json_object_size(value) != 7 || !licenses || !languages || !json_is_array(quotas) ||
      json_array_size(quotas) > VFT_QUOTAS)
    bad(&p, "expected null, or allow_licenses, allow_languages, allow_tiers, deny_tags, "
            "deny_sources, deny_domains and quotas");
  if (p.st == VFT_OK && !out->any_license)
    read_texts(&p, licenses, VFT_BIN_LICENSE, &out->licenses, &out->nlicenses);
  if (p.st == VFT_OK && !out->any_language)
    read_texts(&p, languages, VFT_BIN_LANGUAGE, &out->languages, &out->nlanguages);
  if (p.st == VFT_OK) read_tiers(&p, json_object_get(value, "allow_tiers"), &out->tiers);
  const struct {
    const char *key;
    vft_bin_kind kind;
    const char ***list;
    size_t *n;
  } deny[] = {{"deny_tags", VFT_BIN_TAG, &out->deny_tags, &out->ndeny_tags},
              {"deny_sources", VFT_BIN_SOURCE, &out->deny_sources, &out->ndeny_sources},
              {"deny_domains", VFT_BIN_DOMAIN, &out->deny_domains, &out->ndeny_domains}};
  for (int i = 0; p.st == VFT_OK && i < 3; i++)
    read_texts(&p, json_object_get(value, deny[i].key), deny[i].kind, deny[i].list, deny[i].n);
  for (size_t i = 0; p.st == VFT_OK && i < json_array_size(quotas); i++)
    read_quota(&p, json_array_get(quotas, i), out);
  return p.st;
}

/* ---- copying ---- */

static bool copy_texts(vft_arena *arena, const char ***list, size_t n) {
  const char **copy = vft_arena_alloc(arena, n, sizeof *copy);
  for (size_t i = 0; copy && i < n; i++)
    if (!(copy[i] = vft_arena_strdup(arena, (*list)[i]))) return false;
  *list = copy;
  return copy != NULL;
}

vft_status vft_policy_copy(const vft_policy *from, vft_arena *arena, vft_policy *out) {
  *out = *from;
  if (!copy_texts(arena, &out->licenses, out->nlicenses) ||
      !copy_texts(arena, &out->languages, out->nlanguages) ||
      !copy_texts(arena, &out->deny_tags, out->ndeny_tags) ||
      !copy_texts(arena, &out->deny_sources, out->ndeny_sources) ||
      !copy_texts(arena, &out->deny_domains, out->ndeny_domains))
    return VFT_RESOURCE;
  for (size_t q = 0; q < out->quotas; q++)
    if (!(out->quota[q].value = vft_arena_strdup(arena, out->quota[q].value)))
      return VFT_RESOURCE;
  return VFT_OK;
}
