#include <stdio.h>
#include <string.h>

#include "cmd_data.h"
#include "data/sampler.h"
#include "model/source.h"
#include "run/manifest.h"
#include "run/progress.h"

/* What the candidates were, in memory: a record is at most one entry without replacement. */
typedef struct {
  uint64_t record;
  uint16_t verdict, quota;
} entry;

typedef struct {
  entry *list;
  size_t count, capacity;
  uint64_t outside;
} listing;

static vft_status collect(void *ctx, const vft_candidate *c) {
  listing *l = ctx;
  if (c->verdict == VFT_SKIP_OUTSIDE) {
    l->outside++;
    return VFT_OK;
  }
  if (l->count == l->capacity) {
    size_t capacity = l->capacity ? 2 * l->capacity : 1024;
    entry *more = vft_alloc_raw(capacity, sizeof *more);
    if (!more) return VFT_RESOURCE;
    if (l->count) memcpy(more, l->list, l->count * sizeof *more);
    vft_free(l->list);
    l->list = more;
    l->capacity = capacity;
  }
  l->list[l->count++] = (entry){c->record, (uint16_t)c->verdict, (uint16_t)c->quota};
  return VFT_OK;
}

/* What identifies the order. */
typedef struct {
  uint64_t epoch, window, rows, a_step;
  uint8_t manifest[32];
  bool shown; /* the window's key may be shown */
  vft_poseidon_digest window_key;
} identity;

static void window_hex(const identity *id, char hex[65]) {
  uint8_t bytes[32];
  vft_poseidon_bytes(&id->window_key, bytes);
  vft_hex(bytes, 32, hex);
}

static vft_poseidon_digest derive(const vft_config *c, const vft_dataset *d, identity *id) {
  uint8_t seed[32] = {0};
  bool secret = c->sampler.mode != VFT_SAMPLER_PUBLIC;
  if (secret) vft_sampler_secret(d->master, seed);
  for (int i = 0; !secret && i < 8; i++) seed[i] = (uint8_t)(c->seed >> (8 * i));
  vft_poseidon_digest master = vft_sampler_master(
      id->manifest, secret, seed, c->sampler.has_beacon ? c->sampler.beacon : NULL);
  id->window = id->epoch / (uint64_t)c->sampler.window;
  id->window_key = vft_sampler_window(&master, id->window);
  id->shown = !secret || (c->sampler.mode == VFT_SAMPLER_HYBRID &&
                          id->window % (uint64_t)c->sampler.public_every == 0);
  id->a_step = (uint64_t)c->micro_batch_size * (uint64_t)c->gradient_accumulation_steps;
  return vft_sampler_epoch_key(&id->window_key, id->epoch);
}

static void print_text(const vft_config *c, const identity *id, const listing *l,
                       const vft_epoch_result *r) {
  char hex[65], name[320];
  vft_hex(id->manifest, 32, hex);
  printf("manifest  %s\nepoch     %llu, window %llu\n", hex, (unsigned long long)id->epoch,
         (unsigned long long)id->window);
  window_hex(id, hex);
  printf("window    %s\n", id->shown ? hex : "key is secret");
  uint64_t row = 0;
  for (size_t i = 0; i < l->count; i++) {
    if (l->list[i].verdict != VFT_ACCEPTED) continue;
    if (row % id->a_step == 0)
      printf("step %-4llu", (unsigned long long)(row / id->a_step));
    printf(" %llu", (unsigned long long)l->list[i].record);
    if (++row % id->a_step == 0) printf("\n");
  }
  for (size_t i = 0; i < l->count; i++) {
    const entry *e = &l->list[i];
    if (e->verdict == VFT_ACCEPTED) continue;
    printf("skipped   %llu: %s", (unsigned long long)e->record, vft_verdict_names[e->verdict]);
    if (e->verdict == VFT_SKIP_QUOTA) {
      vft_quota_name(&c->policy.quota[e->quota], name, sizeof name);
      printf(" %s", name);
    }
    printf("\n");
  }
  for (size_t q = 0; q < c->policy.quotas; q++) {
    vft_quota_name(&c->policy.quota[q], name, sizeof name);
    printf("counter   %s: %llu of %llu %s\n", name, (unsigned long long)r->counter[q],
           (unsigned long long)c->policy.quota[q].ceiling,
           c->policy.quota[q].tokens ? "tokens" : "examples");
  }
  printf("accepted  %llu of %llu candidates\n", (unsigned long long)r->accepted,
         (unsigned long long)r->candidates);
}

static vft_status print_json(const vft_config *c, const identity *id, const listing *l,
                             const vft_epoch_result *r) {
  char hex[65], name[320];
  json_t *accepted = json_array(), *skipped = json_array(), *counters = json_array();
  for (size_t i = 0; i < l->count; i++) {
    const entry *e = &l->list[i];
    json_int_t record = (json_int_t)e->record;
    if (e->verdict == VFT_ACCEPTED) {
      json_array_append_new(accepted, json_integer(record));
      continue;
    }
    json_t *one = json_pack("{s:I, s:s}", "record", record, "reason",
                            vft_verdict_names[e->verdict]);
    if (e->verdict == VFT_SKIP_QUOTA) {
      vft_quota_name(&c->policy.quota[e->quota], name, sizeof name);
      json_object_set_new(one, "bin", json_string(name));
    }
    json_array_append_new(skipped, one);
  }
  for (size_t q = 0; q < c->policy.quotas; q++) {
    const vft_quota *quota = &c->policy.quota[q];
    vft_quota_name(quota, name, sizeof name);
    json_array_append_new(counters, json_pack("{s:s, s:s, s:I, s:I}", "bin", name, "unit",
                                              quota->tokens ? "tokens" : "examples", "count",
                                              (json_int_t)r->counter[q], "ceiling",
                                              (json_int_t)quota->ceiling));
  }
  json_t *root = json_object();
  vft_hex(id->manifest, 32, hex);
  json_object_set_new(root, "manifest", json_string(hex));
  json_object_set_new(root, "epoch", json_integer((json_int_t)id->epoch));
  json_object_set_new(root, "window", json_integer((json_int_t)id->window));
  window_hex(id, hex);
  json_object_set_new(root, "window_key", id->shown ? json_string(hex) : json_null());
  json_object_set_new(root, "records_a_step", json_integer((json_int_t)id->a_step));
  json_object_set_new(root, "candidates", json_integer((json_int_t)r->candidates));
  json_object_set_new(root, "outside", json_integer((json_int_t)l->outside));
  json_object_set_new(root, "accepted", accepted);
  json_object_set_new(root, "skipped", skipped);
  json_object_set_new(root, "counters", counters);
  int bad = json_dumpf(root, stdout, JSON_COMPACT | JSON_SORT_KEYS);
  json_decref(root);
  printf("\n");
  return bad ? vft_fail(VFT_RESOURCE, "cannot write JSON") : VFT_OK;
}

/* h: what was given, or the digest of what the configuration declares about sampling. */
static vft_status set_manifest(const vft_config *c, const vft_dataset *d, const char *given,
                               uint8_t manifest[32]) {
  char *text;
  size_t length;
  if (given) {
    if (strlen(given) != 64 || strspn(given, "0123456789abcdef") != 64)
      return cli_usage(&cli_data_sample, "--manifest: '%.70s' is not 64 hexadecimal digits", given);
    for (int i = 0; i < 32; i++) {
      unsigned v = 0;
      if (sscanf(given + 2 * i, "%2x", &v) == 1) manifest[i] = (uint8_t)v;
    }
    return VFT_OK;
  }
  TRY(vft_sampling_json(c, d, &text, &length));
  vft_status st = vft_sha256(text, length, manifest);
  vft_free(text);
  return st;
}

static void warn(const vft_config *c, const vft_judged *j) {
  char name[320];
  for (size_t q = 0; q < c->policy.quotas; q++) {
    if (j->members[q]) continue;
    vft_quota_name(&c->policy.quota[q], name, sizeof name);
    vft_note("warning: quota %s: no eligible record belongs to it", name);
  }
}

static vft_status sample(const vft_config *c, const vft_dataset *d, const char *manifest,
                         uint64_t epoch, bool json) {
  vft_judged j = {0};
  identity id = {.epoch = epoch};
  listing l = {0};
  vft_epoch_result r;
  vft_status st;
  TRY(set_manifest(c, d, manifest, id.manifest));
  TRY(vft_policy_judge(&c->policy, d, &j));
  warn(c, &j);
  TRY_OUT(vft_sampler_rows(c, &j, &id.rows));
  if (!c->sampler.replacement) TRY_OUT(vft_policy_feasible(&j, id.rows));
  vft_poseidon_digest key = derive(c, d, &id);
  vft_order order = vft_order_make(&key, d->records, c->sampler.replacement);
  TRY_OUT(vft_sampler_epoch(&j, &order, id.rows, collect, &l, &r));
  if (json) TRY_OUT(print_json(c, &id, &l, &r));
  else print_text(c, &id, &l, &r);
out:
  vft_free(l.list);
  vft_judged_free(&j);
  return st;
}

void cli_note_policy(const char *config_path) {
  vft_config config;
  if (vft_config_load(config_path, &config) != VFT_OK) return; /* the command itself will say */
  if (config.policy.given || config.sampler.given)
    vft_note("note: %s: policy and sampler are for vft data; training of this version takes every "
             "record, in the order of the seed", config_path);
  vft_config_free(&config);
}

static vft_status run(int argc, char **argv) {
  const char *folder = NULL, *config_path = NULL, *epoch_text = NULL, *manifest = NULL;
  bool json = false, shown;
  long epoch;
  vft_arena arena = {0};
  vft_config config;
  vft_dataset d;
  const cli_option option[] = {
      {"config", 'c', "CONFIG.yaml", "its policy, sampler, seed and batch", NULL, &config_path},
      {"epoch", 'e', "E", "numbered from 0", NULL, &epoch_text},
      {"manifest", 0, "H", "digest that the order depends on (default: of dataset root, policy "
       "and sampler)", NULL, &manifest},
      {"json", 0, NULL, "one JSON object", &json, NULL}};
  TRY(cli_parse(&cli_data_sample, argc, argv, option, 4, &folder, 1, true, &shown));
  if (shown) return VFT_OK;
  if (!config_path) return cli_usage(&cli_data_sample, "--config CONFIG.yaml is missing");
  if (!epoch_text) return cli_usage(&cli_data_sample, "--epoch E is missing");
  TRY(cli_number(&cli_data_sample, "epoch", epoch_text, 0, 1l << 40, &epoch));
  TRY(vft_config_load(config_path, &config));
  vft_status st = cli_open_data(&arena, folder, &d);
  if (st == VFT_OK) {
    st = sample(&config, &d, manifest, (uint64_t)epoch, json);
    vft_dataset_close(&d);
  }
  vft_config_free(&config);
  vft_arena_free(&arena);
  return st;
}

const cli_command cli_data_sample = {
    "data sample", "DATA --config CONFIG.yaml --epoch E",
    "Show which records an epoch takes under a policy, and which not and why",
    "Records by number, in the order of the rows; skipped ones with the rule or the quota; the\n"
    "counters at the end. Training of this version does not follow policy and sampler yet.",
    run};
