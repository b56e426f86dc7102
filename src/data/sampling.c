#include "data/sampling.h"

#include <string.h>

#include "data/canonical_json.h"

/* ---- from a configuration ---- */

static vft_status alloc_classes(vft_sampling *s, size_t n) {
  s->class_list = vft_arena_alloc(&s->arena, n, sizeof *s->class_list);
  s->class_digest = vft_arena_alloc(&s->arena, n, sizeof *s->class_digest);
  s->class_verdict = vft_arena_alloc(&s->arena, n, sizeof *s->class_verdict);
  return s->class_list && s->class_digest && s->class_verdict ? VFT_OK : VFT_RESOURCE;
}

/* The next class; false: not one in canonical form, or no memory. */
static bool add_class(vft_sampling *s, const uint8_t *bytes, size_t length) {
  vft_class *c = vft_arena_alloc(&s->arena, 1, sizeof *c);
  if (!c || !vft_class_read(bytes, length, c)) return false;
  s->class_list[s->classes] = c;
  s->class_digest[s->classes] = vft_class_digest(bytes, length);
  s->class_verdict[s->classes++] = vft_policy_judge_class(&s->policy, c);
  return true;
}

static vft_status copy_dataset(const vft_dataset *d, vft_sampling *s) {
  s->root = d->root;
  s->records = d->records;
  memcpy(s->tier_records, d->tier_records, sizeof s->tier_records);
  memcpy(s->tier_first, d->tier_first, sizeof s->tier_first);
  memcpy(s->tree, d->tree, sizeof s->tree);
  memcpy(s->proc, d->proc, sizeof s->proc);
  s->height = d->height;
  s->sequence_len = d->sequence_len;
  for (int rule = 0; rule < 3; rule++)
    if (!strcmp(d->text_rule, vft_text_rule_names[rule])) s->text_rule = (vft_text_rule)rule;
  TRY(alloc_classes(s, d->classes.count));
  for (size_t k = 0; k < d->classes.count; k++)
    if (!add_class(s, d->classes.list[k]->bytes, d->classes.list[k]->length))
      return vft_fail(VFT_RESOURCE, "out of memory while listing classes");
  return VFT_OK;
}

static vft_status copy_sampler(const vft_config *c, const vft_dataset *d, vft_sampling *s) {
  const vft_sampler_config *from = &c->sampler;
  s->mode = from->mode;
  s->window = from->window;
  s->public_every = from->mode == VFT_SAMPLER_HYBRID ? from->public_every : 0;
  s->replacement = from->replacement;
  if (s->mode == VFT_SAMPLER_PUBLIC) {
    s->seed = c->seed;
  } else {
    uint8_t secret[32];
    vft_sampler_secret(d->master, secret);
    s->seed_commitment = vft_sampler_commitment(secret);
  }
  s->has_beacon = from->has_beacon;
  s->beacon_known = from->beacon_known;
  memcpy(s->beacon, from->beacon, sizeof s->beacon);
  if (!s->has_beacon) return VFT_OK;
  s->beacon_round = from->beacon_round;
  s->beacon_source = vft_arena_strdup(&s->arena, from->beacon_source);
  s->beacon_format = vft_arena_strdup(&s->arena, from->beacon_format);
  return s->beacon_source && s->beacon_format ? VFT_OK : VFT_RESOURCE;
}

static uint64_t multiple_of_64(uint64_t n) { return (n + 63) / 64 * 64; }

/* Candidates of the whole order; there is no end of them with replacement. */
static uint64_t most_candidates(const vft_sampling *s) {
  vft_order o = vft_order_make(&s->root, s->records, s->replacement);
  return s->replacement ? 1ull << 40 : o.side * o.side;
}

static vft_status set_epoch(const vft_config *c, const vft_judged *j, vft_sampling *s) {
  s->records_a_step = (uint64_t)c->micro_batch_size * (uint64_t)c->gradient_accumulation_steps;
  uint64_t full = j->eligible / s->records_a_step, steps = (uint64_t)c->max_steps;
  s->steps_per_epoch = c->sampler.steps_per_epoch ? (uint64_t)c->sampler.steps_per_epoch
                       : steps && steps < full    ? steps
                                                  : full;
  if (!s->steps_per_epoch || !j->eligible)
    return vft_fail(VFT_USAGE, c->policy.given
                        ? "policy: %llu of %llu records are eligible, a step takes %llu"
                        : "datasets: %llu of %llu records have a token to learn within "
                          "sequence_len, a step takes %llu",
                    (unsigned long long)j->eligible, (unsigned long long)j->records,
                    (unsigned long long)s->records_a_step);
  uint64_t rows = s->steps_per_epoch * s->records_a_step, most = most_candidates(s);
  uint64_t asked = (uint64_t)c->sampler.candidates_per_epoch;
  s->candidates = multiple_of_64(asked ? asked : 4 * rows);
  if (s->candidates > most) s->candidates = most;
  return VFT_OK;
}

vft_status vft_sampling_make(const vft_config *c, const vft_dataset *d, vft_sampling *s,
                             vft_judged *j) {
  vft_status st;
  memset(s, 0, sizeof *s);
  memset(j, 0, sizeof *j);
  TRY_OUT(vft_policy_copy(&c->policy, &s->arena, &s->policy));
  TRY_OUT(copy_dataset(d, s));
  TRY_OUT(copy_sampler(c, d, s));
  TRY_OUT(vft_policy_judge(&s->policy, d, j));
  TRY_OUT(set_epoch(c, j, s));
  /* The first epoch is the longest one; without replacement it may be impossible in any order. */
  if (!s->replacement)
    TRY_OUT(vft_policy_feasible(j, vft_sampling_rows(s, vft_sampling_steps(s, c), 0)));
out:
  if (st != VFT_OK) {
    vft_judged_free(j);
    vft_sampling_free(s);
  }
  return st;
}

void vft_sampling_free(vft_sampling *s) {
  vft_arena_free(&s->arena);
  memset(s, 0, sizeof *s);
}

uint64_t vft_sampling_steps(const vft_sampling *s, const vft_config *c) {
  return c->max_steps > 0 ? (uint64_t)c->max_steps : (uint64_t)c->num_epochs * s->steps_per_epoch;
}

uint64_t vft_sampling_epochs(const vft_sampling *s, uint64_t steps) {
  return (steps + s->steps_per_epoch - 1) / s->steps_per_epoch;
}

uint64_t vft_sampling_rows(const vft_sampling *s, uint64_t steps, uint64_t epoch) {
  uint64_t before = epoch * s->steps_per_epoch, left = steps > before ? steps - before : 0;
  return (left < s->steps_per_epoch ? left : s->steps_per_epoch) * s->records_a_step;
}

/* ---- writing ---- */

static json_t *hex_json(const uint8_t *bytes) {
  char hex[65];
  for (int i = 0; i < 64; i++)
    hex[i] = "0123456789abcdef"[bytes[i / 2] >> (i % 2 ? 0 : 4) & 15];
  hex[64] = 0;
  return json_string(hex);
}

static json_t *digest_json(const vft_poseidon_digest *d) {
  uint8_t bytes[32];
  vft_poseidon_bytes(d, bytes);
  return hex_json(bytes);
}

static json_t *class_json(const vft_class *c) {
  json_t *tags = json_array();
  for (size_t i = 0; i < c->tags; i++) json_array_append_new(tags, json_string(c->tag[i]));
  return json_pack("{s:s, s:s, s:s, s:s, s:s, s:o}", "tier", vft_tier_names[c->tier], "source",
                   c->source, "license", c->license, "language", c->language, "domain", c->domain,
                   "tags", tags);
}

static json_t *dataset_json(const vft_sampling *s) {
  json_t *tiers = json_array(), *classes = json_array();
  for (int t = 0; t < VFT_TIERS; t++)
    if (s->tier_records[t])
      json_array_append_new(tiers, json_pack("{s:s, s:I, s:o}", "tier", vft_tier_names[t],
                                             "records", (json_int_t)s->tier_records[t], "tree",
                                             digest_json(&s->tree[t])));
  for (size_t k = 0; k < s->classes; k++)
    json_array_append_new(classes, class_json(s->class_list[k]));
  return json_pack("{s:o, s:I, s:i, s:I, s:s, s:o, s:o, s:o}", "root", digest_json(&s->root),
                   "records", (json_int_t)s->records, "height", (int)s->height, "sequence_len",
                   (json_int_t)s->sequence_len, "text_rule", vft_text_rule_names[s->text_rule],
                   "processing", hex_json(s->proc), "tiers", tiers, "classes", classes);
}

static json_t *sampler_json(const vft_sampling *s) {
  bool open = s->mode == VFT_SAMPLER_PUBLIC;
  json_t *beacon = !s->has_beacon
                       ? json_null()
                       : json_pack("{s:s, s:I, s:s}", "source", s->beacon_source, "round",
                                   (json_int_t)s->beacon_round, "format", s->beacon_format);
  return json_pack(
      "{s:s, s:s, s:i, s:o, s:b, s:I, s:I, s:I, s:o, s:o, s:o}", "algorithm",
      VFT_SAMPLER_ALGORITHM, "mode", vft_sampler_mode_names[s->mode], "window", s->window,
      "public_every",
      s->mode == VFT_SAMPLER_HYBRID ? json_integer(s->public_every) : json_null(), "replacement",
      (int)s->replacement, "records_a_step", (json_int_t)s->records_a_step, "steps_per_epoch",
      (json_int_t)s->steps_per_epoch, "candidates_per_epoch", (json_int_t)s->candidates, "seed",
      open ? json_sprintf("%llu", (unsigned long long)s->seed) : json_null(), "seed_commitment",
      open ? json_null() : digest_json(&s->seed_commitment), "beacon", beacon);
}

vft_status vft_sampling_json(const vft_sampling *s, json_t **dataset, json_t **policy,
                             json_t **sampler) {
  *dataset = dataset_json(s);
  *policy = vft_policy_json(&s->policy);
  *sampler = sampler_json(s);
  if (*dataset && *policy && *sampler) return VFT_OK;
  json_decref(*dataset);
  json_decref(*policy);
  json_decref(*sampler);
  return vft_fail(VFT_RESOURCE, "out of memory while writing JSON");
}

vft_status vft_sampling_declaration(const vft_sampling *s, char **text, size_t *length) {
  json_t *dataset, *policy, *sampler;
  TRY(vft_sampling_json(s, &dataset, &policy, &sampler));
  json_t *root = json_pack("{s:s, s:o, s:o, s:o}", "format", VFT_SAMPLING_FORMAT, "dataset",
                           dataset, "policy", policy, "sampler", sampler);
  if (!root) return vft_fail(VFT_RESOURCE, "out of memory while writing JSON");
  vft_status st = vft_json_canonical(root, text, length);
  json_decref(root);
  return st;
}

/* ---- reading ---- */

typedef struct {
  vft_sampling *s;
  const char *name;
} parse;

static vft_status bad(const parse *p, const char *field, const char *expected) {
  return vft_reject("manifest/fields", "%s: %s: expected %s", p->name, field, expected);
}

static bool read_hex(const char *text, uint8_t out[32]) {
  return text && vft_beacon_value(text, out);
}

static bool read_digest(const char *text, vft_poseidon_digest *out) {
  uint8_t bytes[32];
  return read_hex(text, bytes) && vft_poseidon_read(bytes, out);
}

/* The position of `text` in a list of names; n: not there. */
static size_t one_of(const char *text, const char *const *names, size_t n) {
  size_t i = 0;
  while (i < n && (!text || strcmp(text, names[i]))) i++;
  return i;
}

static vft_status read_tiers(const parse *p, const json_t *list) {
  vft_sampling *s = p->s;
  vft_poseidon_digest root[VFT_TIERS];
  size_t after = 0;
  for (size_t i = 0; i < json_array_size(list); i++) {
    const char *tier, *tree;
    json_int_t records;
    if (json_unpack(json_array_get(list, i), "{s:s, s:I, s:s !}", "tier", &tier, "records",
                    &records, "tree", &tree))
      return bad(p, "dataset.tiers", "objects of tier, records, tree");
    size_t t = one_of(tier, vft_tier_names, VFT_TIERS);
    if (t == VFT_TIERS || t < after || records < 1 || records > 1ll << 40 ||
        !read_digest(tree, &s->tree[t]))
      return bad(p, "dataset.tiers", "tiers that have records, in order, with digests of elements");
    s->tier_records[t] = (uint64_t)records;
    after = t + 1;
  }
  uint64_t sum = 0;
  for (int t = 0; t < VFT_TIERS; t++) {
    s->tier_first[t] = sum;
    sum += s->tier_records[t];
    root[t] = vft_tier_root(&s->tree[t], s->tier_records[t], s->sequence_len, (vft_tier)t);
  }
  if (sum != s->records || !sum || sum > 1ull << 40)
    return bad(p, "dataset.records", "the records of all tiers");
  if (s->height != vft_dataset_height(s->tier_records))
    return bad(p, "dataset.height", "the height that the largest tier needs");
  vft_poseidon_digest c_d = vft_dataset_root(root);
  return vft_poseidon_equal(&c_d, &s->root)
             ? VFT_OK
             : vft_reject("manifest/dataset", "%s: dataset.root is not that of its tiers", p->name);
}

typedef struct {
  uint8_t bytes[VFT_CLASS_BYTES];
  size_t length;
} encoding;

static bool put(encoding *e, const void *bytes, size_t n) {
  if (n > sizeof e->bytes - e->length) return false;
  memcpy(e->bytes + e->length, bytes, n);
  e->length += n;
  return true;
}

static bool put_text(encoding *e, const char *text) { return put(e, text, strlen(text) + 1); }

static bool read_class(vft_sampling *s, const json_t *v) {
  const char *tier, *source, *license, *language, *domain;
  json_t *tags;
  encoding e = {.length = 0};
  if (json_unpack((json_t *)(uintptr_t)v, "{s:s, s:s, s:s, s:s, s:s, s:o !}", "tier", &tier,
                  "source", &source, "license", &license, "language", &language, "domain",
                  &domain, "tags", &tags) || !json_is_array(tags))
    return false;
  size_t t = one_of(tier, vft_tier_names, VFT_TIERS), n = json_array_size(tags);
  if (t == VFT_TIERS || n > VFT_CLASS_TAGS) return false;
  if (!put(&e, &(uint8_t){(uint8_t)t}, 1) || !put(&e, s->proc, 32) || !put_text(&e, source) ||
      !put_text(&e, license) || !put_text(&e, language) || !put_text(&e, domain) ||
      !put(&e, &(uint8_t){(uint8_t)n}, 1))
    return false;
  for (size_t i = 0; i < n; i++) {
    const char *tag = json_string_value(json_array_get(tags, i));
    if (!tag || !put_text(&e, tag)) return false;
  }
  return add_class(s, e.bytes, e.length);
}

static vft_status read_dataset(const parse *p, const json_t *v) {
  vft_sampling *s = p->s;
  const char *root, *rule, *proc;
  json_int_t records, n;
  int height;
  json_t *tiers, *classes;
  if (json_unpack((json_t *)(uintptr_t)v, "{s:s, s:I, s:i, s:I, s:s, s:s, s:o, s:o !}", "root",
                  &root, "records", &records, "height", &height, "sequence_len", &n, "text_rule",
                  &rule, "processing", &proc, "tiers", &tiers, "classes", &classes) ||
      !json_is_array(tiers) || !json_is_array(classes))
    return bad(p, "dataset", "root, records, height, sequence_len, text_rule, processing, tiers, "
                             "classes");
  size_t k = one_of(rule, vft_text_rule_names, 3);
  s->text_rule = (vft_text_rule)k;
  s->records = (uint64_t)records;
  s->height = (unsigned)height;
  s->sequence_len = (uint64_t)n;
  if (!read_digest(root, &s->root) || !read_hex(proc, s->proc) || k == 3 || records < 1 ||
      n < 1 || n > UINT32_MAX || height < 0)
    return bad(p, "dataset", "digests, positive numbers, a known text_rule");
  TRY(read_tiers(p, tiers));
  size_t count = json_array_size(classes);
  if (count < 1 || count > VFT_CLASSES)
    return bad(p, "dataset.classes", "a class for every record");
  TRY(alloc_classes(s, count));
  for (size_t i = 0; i < count; i++)
    if (!read_class(s, json_array_get(classes, i)))
      return bad(p, "dataset.classes", "classes in canonical form");
  return VFT_OK;
}

static vft_status read_beacon(const parse *p, const json_t *v) {
  vft_sampling *s = p->s;
  const char *source, *format;
  json_int_t round;
  s->has_beacon = !json_is_null(v);
  if (!s->has_beacon) return VFT_OK;
  if (json_unpack((json_t *)(uintptr_t)v, "{s:s, s:I, s:s !}", "source", &source, "round", &round,
                  "format", &format) || round < 0 || round > 1ll << 53 || !*source || !*format)
    return bad(p, "sampler.beacon", "null, or source, round, format");
  s->beacon_round = (uint64_t)round;
  s->beacon_source = vft_arena_strdup(&s->arena, source);
  s->beacon_format = vft_arena_strdup(&s->arena, format);
  return s->beacon_source && s->beacon_format ? VFT_OK : VFT_RESOURCE;
}

/* The seed is public, or a commitment stands for it. */
static vft_status read_seed(const parse *p, const json_t *seed, const json_t *commitment) {
  vft_sampling *s = p->s;
  const char *text = json_string_value(seed), *hex = json_string_value(commitment);
  if (s->mode != VFT_SAMPLER_PUBLIC)
    return json_is_null(seed) && read_digest(hex, &s->seed_commitment)
               ? VFT_OK
               : bad(p, "sampler.seed_commitment", "a digest, and null as the seed");
  bool good = text && *text && json_is_null(commitment) && (*text != '0' || !text[1]);
  for (; good && *text; text++) {
    unsigned digit = (unsigned)(*text - '0');
    good = digit < 10 && s->seed <= (UINT64_MAX - digit) / 10;
    if (good) s->seed = 10 * s->seed + digit;
  }
  return good ? VFT_OK : bad(p, "sampler.seed", "a whole number in decimal, and no commitment");
}

static vft_status read_sampler(const parse *p, const json_t *v) {
  vft_sampling *s = p->s;
  const char *algorithm, *mode;
  json_t *every, *seed, *commitment, *beacon;
  json_int_t a_step, steps, candidates;
  int replacement;
  if (json_unpack((json_t *)(uintptr_t)v,
                  "{s:s, s:s, s:i, s:o, s:b, s:I, s:I, s:I, s:o, s:o, s:o !}", "algorithm",
                  &algorithm, "mode", &mode, "window", &s->window, "public_every", &every,
                  "replacement", &replacement, "records_a_step", &a_step, "steps_per_epoch", &steps,
                  "candidates_per_epoch", &candidates, "seed", &seed, "seed_commitment",
                  &commitment, "beacon", &beacon))
    return bad(p, "sampler", "algorithm, mode, window, public_every, replacement, records_a_step, "
                             "steps_per_epoch, candidates_per_epoch, seed, seed_commitment, "
                             "beacon");
  size_t k = one_of(mode, vft_sampler_mode_names, 3);
  if (strcmp(algorithm, VFT_SAMPLER_ALGORITHM))
    return bad(p, "sampler.algorithm", VFT_SAMPLER_ALGORITHM);
  if (k == 3) return bad(p, "sampler.mode", "public, private or hybrid");
  s->mode = (vft_sampler_mode)k;
  s->replacement = replacement != 0;
  json_int_t period = json_is_integer(every) ? json_integer_value(every) : 0;
  bool hybrid = s->mode == VFT_SAMPLER_HYBRID;
  if (s->window < 1 || s->window > 1000000 ||
      (hybrid ? period < 1 || period > 1000000 : !json_is_null(every)))
    return bad(p, "sampler", "window and, in hybrid mode, public_every from 1 to 1000000");
  s->public_every = (int)period;
  if (a_step < 1 || a_step > 1 << 15 || steps < 1 || steps > 1 << 24)
    return bad(p, "sampler", "records_a_step and steps_per_epoch within their ranges");
  s->records_a_step = (uint64_t)a_step;
  s->steps_per_epoch = (uint64_t)steps;
  uint64_t most = most_candidates(s);
  if (candidates < 1 || (uint64_t)candidates > most ||
      (candidates % 64 && (uint64_t)candidates != most))
    return bad(p, "sampler.candidates_per_epoch", "a multiple of 64 within the order, or all of it");
  s->candidates = (uint64_t)candidates;
  TRY(read_seed(p, seed, commitment));
  return read_beacon(p, beacon);
}

vft_status vft_sampling_parse(const json_t *dataset, const json_t *policy, const json_t *sampler,
                              const char *name, vft_sampling *s) {
  memset(s, 0, sizeof *s);
  parse p = {s, name};
  vft_status st;
  TRY_OUT(vft_policy_parse(policy, name, &s->arena, &s->policy));
  TRY_OUT(read_dataset(&p, dataset));
  TRY_OUT(read_sampler(&p, sampler));
out:
  if (st != VFT_OK) vft_sampling_free(s);
  return st;
}

/* ---- keys ---- */

bool vft_sampling_public(const vft_sampling *s, uint64_t window) {
  return s->mode == VFT_SAMPLER_PUBLIC ||
         (s->mode == VFT_SAMPLER_HYBRID && window % (uint64_t)s->public_every == 0);
}

bool vft_sampling_secret(const vft_sampling *s, const vft_dataset *d, uint8_t secret[32]) {
  if (s->mode == VFT_SAMPLER_PUBLIC) return false;
  vft_sampler_secret(d->master, secret);
  vft_poseidon_digest commitment = vft_sampler_commitment(secret);
  return vft_poseidon_equal(&commitment, &s->seed_commitment);
}

vft_poseidon_digest vft_sampling_master(const vft_sampling *s, const uint8_t manifest[32],
                                        const uint8_t secret[32]) {
  bool open = s->mode == VFT_SAMPLER_PUBLIC;
  uint8_t seed[32] = {0};
  for (int i = 0; i < 8; i++) seed[i] = (uint8_t)(s->seed >> (8 * i));
  return vft_sampler_master(manifest, !open, open ? seed : secret,
                            s->has_beacon ? s->beacon : NULL);
}

vft_order vft_sampling_order(const vft_sampling *s, const vft_poseidon_digest *key) {
  return vft_order_make(key, s->records, s->replacement);
}
