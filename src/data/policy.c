#include "data/policy.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/spdx.h"

const char *const vft_bin_kind_names[VFT_BIN_KINDS] = {"license", "source", "language", "domain",
                                                       "tier",    "tag",    "length"};
const char *const vft_verdict_names[VFT_VERDICTS] = {
    "accepted", "outside", "tier", "license", "language", "source", "domain", "tag", "no-loss",
    "quota",    "filled"};

static bool listed(const char *text, const char *const *list, size_t n) {
  for (size_t i = 0; i < n; i++)
    if (!strcmp(text, list[i])) return true;
  return false;
}

static vft_verdict eligible(const vft_policy *p, const vft_class *c) {
  if (!p->given) return VFT_ACCEPTED;
  if (!(p->tiers >> c->tier & 1)) return VFT_SKIP_TIER;
  if (p->any_license) {
    if (!strcmp(c->license, "NOASSERTION") || !strcmp(c->license, "NONE")) return VFT_SKIP_LICENSE;
  } else if (!vft_spdx_allowed(c->license, p->licenses, p->nlicenses)) {
    return VFT_SKIP_LICENSE;
  }
  if (!p->any_language && !listed(c->language, p->languages, p->nlanguages))
    return VFT_SKIP_LANGUAGE;
  if (listed(c->source, p->deny_sources, p->ndeny_sources)) return VFT_SKIP_SOURCE;
  if (listed(c->domain, p->deny_domains, p->ndeny_domains)) return VFT_SKIP_DOMAIN;
  for (size_t i = 0; i < c->tags; i++)
    if (listed(c->tag[i], p->deny_tags, p->ndeny_tags)) return VFT_SKIP_TAG;
  return VFT_ACCEPTED;
}

static bool class_in_bin(const vft_quota *q, const vft_class *c) {
  switch (q->kind) {
    case VFT_BIN_LICENSE: return !strcmp(q->value, c->license);
    case VFT_BIN_SOURCE: return !strcmp(q->value, c->source);
    case VFT_BIN_LANGUAGE: return !strcmp(q->value, c->language);
    case VFT_BIN_DOMAIN: return !strcmp(q->value, c->domain);
    case VFT_BIN_TIER: return !strcmp(q->value, vft_tier_names[c->tier]);
    case VFT_BIN_TAG: return listed(q->value, c->tag, c->tags);
    default: return true; /* a length: decided by record */
  }
}

vft_class_verdict vft_policy_judge_class(const vft_policy *p, const vft_class *c) {
  vft_class_verdict out = {.verdict = eligible(p, c)};
  for (size_t q = 0; q < p->quotas; q++)
    if (class_in_bin(&p->quota[q], c)) out.bins[q / 64] |= 1ull << (q % 64);
  return out;
}

bool vft_policy_in_bin(const vft_policy *p, const vft_class_verdict *c, size_t q,
                       uint32_t tokens) {
  const vft_quota *quota = &p->quota[q];
  if (quota->kind == VFT_BIN_LENGTH) return quota->shortest <= tokens && tokens <= quota->longest;
  return c->bins[q / 64] >> (q % 64) & 1;
}

vft_verdict vft_judged_record(const vft_judged *j, uint64_t n) {
  const vft_dataset_meta *m = &j->meta[n];
  vft_verdict v = j->of_class[m->class_number].verdict;
  return v == VFT_ACCEPTED && m->loss_tokens == 0 ? VFT_SKIP_NO_LOSS : v;
}

/* The first record of a class lacks a field: where it is. */
static vft_status lacks(const vft_judged *j, const vft_dataset *d, uint32_t class_number,
                        const char *field, const char *why) {
  uint64_t n = 0;
  vft_row row;
  size_t source;
  while (n < j->records && j->meta[n].class_number != class_number) n++;
  TRY(vft_dataset_row(d, n, &row, &source));
  return vft_fail(VFT_USAGE, "%s: line %u: field %s: missing, and the policy needs it (%s); give "
                  "the record or its dataset a %s", d->source[source].path, row.line, field, why,
                  field);
}

static vft_status check_fields(const vft_judged *j, const vft_dataset *d) {
  const vft_policy *p = j->policy;
  const char *language = p->given && !p->any_language ? "allow_languages" : NULL, *domain = NULL;
  for (size_t q = 0; q < p->quotas; q++) {
    if (p->quota[q].kind == VFT_BIN_LANGUAGE && !language) language = "a language quota";
    if (p->quota[q].kind == VFT_BIN_DOMAIN) domain = "a domain quota";
  }
  for (uint32_t k = 0; k < d->classes.count; k++) {
    const vft_class *c = d->classes.list[k];
    if (language && !*c->language) return lacks(j, d, k, "language", language);
    if (domain && !*c->domain) return lacks(j, d, k, "domain", domain);
  }
  return VFT_OK;
}

vft_status vft_policy_judge(const vft_policy *policy, const vft_dataset *d, vft_judged *j) {
  vft_status st = VFT_RESOURCE;
  *j = (vft_judged){.policy = policy, .records = d->records};
  j->of_class = vft_alloc(d->classes.count, sizeof *j->of_class);
  if (!j->of_class) goto out;
  for (size_t k = 0; k < d->classes.count; k++)
    j->of_class[k] = vft_policy_judge_class(policy, d->classes.list[k]);
  TRY_OUT(vft_dataset_metadata(d, &j->meta));
  TRY_OUT(check_fields(j, d));
  for (uint64_t n = 0; n < j->records; n++) {
    const vft_dataset_meta *m = &j->meta[n];
    if (vft_judged_record(j, n) != VFT_ACCEPTED) continue;
    j->eligible++;
    for (size_t q = 0; q < policy->quotas; q++)
      j->members[q] += vft_policy_in_bin(policy, &j->of_class[m->class_number], q, m->tokens);
  }
out:
  if (st != VFT_OK) vft_judged_free(j);
  return st;
}

void vft_judged_free(vft_judged *j) {
  vft_free(j->of_class);
  vft_free(j->meta);
  memset(j, 0, sizeof *j);
}

void vft_quota_name(const vft_quota *q, char *out, size_t size) {
  snprintf(out, size, "%s:%s", vft_bin_kind_names[q->kind], q->value);
}

/* ---- can an epoch be filled ---- */

static int by_size(const void *a, const void *b) {
  uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
  return (x > y) - (x < y);
}

/* How many records of the bin its ceiling leaves at most: the smallest ones first. */
static vft_status most_of_bin(const vft_judged *j, size_t q, uint64_t *out) {
  const vft_quota *quota = &j->policy->quota[q];
  *out = quota->ceiling < j->members[q] ? quota->ceiling : j->members[q];
  if (!quota->tokens) return VFT_OK;
  uint32_t *tokens = vft_alloc_raw(j->members[q], sizeof *tokens);
  if (!tokens) return VFT_RESOURCE;
  size_t n = 0;
  for (uint64_t i = 0; i < j->records; i++) {
    const vft_dataset_meta *m = &j->meta[i];
    if (vft_judged_record(j, i) == VFT_ACCEPTED &&
        vft_policy_in_bin(j->policy, &j->of_class[m->class_number], q, m->tokens))
      tokens[n++] = m->tokens;
  }
  qsort(tokens, n, sizeof *tokens, by_size);
  uint64_t used = 0;
  for (*out = 0; *out < n && used + tokens[*out] <= quota->ceiling; ++*out) used += tokens[*out];
  vft_free(tokens);
  return VFT_OK;
}

static bool single_valued(vft_bin_kind kind) { return kind < VFT_BIN_TAG; }

vft_status vft_policy_feasible(const vft_judged *j, uint64_t rows) {
  const vft_policy *p = j->policy;
  uint64_t most[VFT_QUOTAS];
  if (j->eligible < rows)
    return vft_fail(VFT_USAGE, "policy: %llu of %llu records are eligible, an epoch takes %llu; "
                    "allow more, or lower steps_per_epoch", (unsigned long long)j->eligible,
                    (unsigned long long)j->records, (unsigned long long)rows);
  for (size_t q = 0; q < p->quotas; q++) TRY(most_of_bin(j, q, &most[q]));
  for (size_t q = 0; q < p->quotas; q++) {
    const vft_quota *quota = &p->quota[q];
    /* Bins of one kind in which a record has one value exclude each other: what they all cut off
     * adds up. Of two ceilings on one bin, examples and tokens, the tighter counts. Tags and
     * lengths overlap and are bounds of their own. */
    uint64_t lost = 0;
    size_t worst = q;
    for (size_t r = 0; r < p->quotas; r++) {
      bool same_kind = p->quota[r].kind == quota->kind;
      if (r != q && (!same_kind || !single_valued(quota->kind))) continue;
      uint64_t cut = j->members[r] - most[r];
      bool tighter = true;
      for (size_t o = 0; o < p->quotas; o++) {
        uint64_t other = j->members[o] - most[o];
        if (o != r && p->quota[o].kind == quota->kind &&
            !strcmp(p->quota[o].value, p->quota[r].value) &&
            (other > cut || (other == cut && o < r)))
          tighter = false;
      }
      if (!tighter) continue;
      lost += cut;
      if (cut > j->members[worst] - most[worst]) worst = r;
    }
    if (j->eligible - lost >= rows) continue;
    char name[320];
    vft_quota_name(&p->quota[worst], name, sizeof name);
    return vft_fail(VFT_USAGE, "policy: quota %s: at most %llu of its %llu eligible records fit "
                    "into an epoch, which leaves %llu in all for the %llu that an epoch takes; "
                    "raise its ceiling, or lower steps_per_epoch", name,
                    (unsigned long long)most[worst], (unsigned long long)j->members[worst],
                    (unsigned long long)(j->eligible - lost), (unsigned long long)rows);
  }
  return VFT_OK;
}
