#include <stdio.h>
#include <string.h>

#include "cmd_data.h"
#include "data/sampling.h"
#include "model/source.h"
#include "run/data_folder.h"
#include "run/files.h"
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
  uint64_t epoch, window;
  uint8_t manifest[32];
  bool shown; /* the window's key may be shown */
  vft_poseidon_digest window_key;
} identity;

static void window_hex(const identity *id, char hex[65]) {
  uint8_t bytes[32];
  vft_poseidon_bytes(&id->window_key, bytes);
  vft_hex(bytes, 32, hex);
}

static vft_poseidon_digest derive(const vft_sampling *s, const vft_dataset *d, identity *id) {
  uint8_t secret[32];
  (void)vft_sampling_secret(s, d, secret); /* the commitment was made from this dataset's */
  vft_poseidon_digest master = vft_sampling_master(s, id->manifest, secret);
  id->window = id->epoch / (uint64_t)s->window;
  id->window_key = vft_sampler_window(&master, id->window);
  id->shown = vft_sampling_public(s, id->window);
  return vft_sampler_epoch_key(&id->window_key, id->epoch);
}

static void print_text(const vft_sampling *s, const identity *id, const listing *l,
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
    if (row % s->records_a_step == 0)
      printf("step %-4llu", (unsigned long long)(row / s->records_a_step));
    printf(" %llu", (unsigned long long)l->list[i].record);
    if (++row % s->records_a_step == 0) printf("\n");
  }
  for (size_t i = 0; i < l->count; i++) {
    const entry *e = &l->list[i];
    if (e->verdict == VFT_ACCEPTED) continue;
    printf("skipped   %llu: %s", (unsigned long long)e->record, vft_verdict_names[e->verdict]);
    if (e->verdict == VFT_SKIP_QUOTA) {
      vft_quota_name(&s->policy.quota[e->quota], name, sizeof name);
      printf(" %s", name);
    }
    printf("\n");
  }
  for (size_t q = 0; q < s->policy.quotas; q++) {
    vft_quota_name(&s->policy.quota[q], name, sizeof name);
    printf("counter   %s: %llu of %llu %s\n", name, (unsigned long long)r->counter[q],
           (unsigned long long)s->policy.quota[q].ceiling,
           s->policy.quota[q].tokens ? "tokens" : "examples");
  }
  printf("accepted  %llu of %llu candidates\n", (unsigned long long)r->accepted,
         (unsigned long long)r->candidates);
}

static vft_status print_json(const vft_sampling *s, const identity *id, const listing *l,
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
      vft_quota_name(&s->policy.quota[e->quota], name, sizeof name);
      json_object_set_new(one, "bin", json_string(name));
    }
    json_array_append_new(skipped, one);
  }
  for (size_t q = 0; q < s->policy.quotas; q++) {
    const vft_quota *quota = &s->policy.quota[q];
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
  json_object_set_new(root, "records_a_step", json_integer((json_int_t)s->records_a_step));
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

/* h: what was given, or the digest of what the configuration declares about sampling, which is
 * written when a file is named. */
static vft_status set_manifest(const vft_sampling *s, const uint8_t *given,
                               const char *declaration, uint8_t manifest[32]) {
  char *text;
  size_t length;
  TRY(vft_sampling_declaration(s, &text, &length));
  vft_status st = vft_sha256(text, length, manifest);
  if (st == VFT_OK && declaration) st = vft_file_write(declaration, text, length);
  vft_free(text);
  if (st == VFT_OK && given) memcpy(manifest, given, 32);
  return st;
}

static void warn(const vft_judged *j) {
  char name[320];
  for (size_t q = 0; q < j->policy->quotas; q++) {
    if (j->members[q]) continue;
    vft_quota_name(&j->policy->quota[q], name, sizeof name);
    vft_note("warning: quota %s: no eligible record belongs to it", name);
  }
}

static vft_status check_beacon(vft_sampling *s, const char *given) {
  if (given && (!s->has_beacon || !vft_beacon_value(given, s->beacon)))
    return cli_usage(&cli_data_sample, s->has_beacon
                         ? "--beacon: '%.70s' is not 64 hexadecimal digits"
                         : "--beacon %.70s: the configuration declares no sampler.beacon", given);
  if (s->has_beacon && !given && !s->beacon_known)
    return cli_usage(&cli_data_sample, "--beacon HEX is missing: sampler.beacon has no value");
  return VFT_OK;
}

typedef struct {
  const char *declaration, *beacon;
  const uint8_t *manifest; /* NULL: the default */
  uint64_t epoch;
  bool json;
} request;

static vft_status sample(const vft_config *c, const vft_dataset *d, const request *r) {
  vft_judged j;
  vft_sampling *s = vft_alloc(1, sizeof *s);
  identity id = {.epoch = r->epoch};
  listing l = {0};
  vft_epoch_result result;
  vft_status st;
  if (!s) return VFT_RESOURCE;
  st = vft_sampling_make(c, d, s, &j);
  if (st != VFT_OK) goto freed;
  TRY_OUT(check_beacon(s, r->beacon));
  TRY_OUT(set_manifest(s, r->manifest, r->declaration, id.manifest));
  warn(&j);
  uint64_t steps = vft_sampling_steps(s, c);
  if (r->epoch >= vft_sampling_epochs(s, steps)) steps = s->steps_per_epoch * (r->epoch + 1);
  vft_poseidon_digest key = derive(s, d, &id);
  vft_order order = vft_sampling_order(s, &key);
  TRY_OUT(vft_sampler_epoch(&j, &order, vft_sampling_rows(s, steps, r->epoch), s->candidates,
                            collect, &l, &result));
  if (r->json) TRY_OUT(print_json(s, &id, &l, &result));
  else print_text(s, &id, &l, &result);
out:
  vft_judged_free(&j);
  vft_sampling_free(s);
freed:
  vft_free(l.list);
  vft_free(s);
  return st;
}

static vft_status run(int argc, char **argv) {
  const char *folder = NULL, *config_path = NULL, *epoch_text = NULL, *manifest_text = NULL;
  uint8_t manifest[32];
  request r = {0};
  bool shown;
  long epoch;
  vft_config config;
  vft_dataset d;
  const cli_option option[] = {
      {"beacon", 0, "HEX", "value of the declared sampler.beacon, 64 digits", NULL, &r.beacon},
      {"config", 'c', "CONFIG.yaml", "its policy, sampler, seed and batch", NULL, &config_path},
      {"epoch", 'e', "E", "numbered from 0", NULL, &epoch_text},
      {"manifest", 0, "H", "digest that the order depends on (default: of dataset root, policy "
       "and sampler)", NULL, &manifest_text},
      {"declaration", 0, "FILE", "write what that default is the SHA-256 of", NULL, &r.declaration},
      {"json", 0, NULL, "one JSON object", &r.json, NULL}};
  TRY(cli_parse(&cli_data_sample, argc, argv, option, 6, &folder, 1, true, &shown));
  if (shown) return VFT_OK;
  if (!config_path) return cli_usage(&cli_data_sample, "--config CONFIG.yaml is missing");
  if (!epoch_text) return cli_usage(&cli_data_sample, "--epoch E is missing");
  TRY(cli_number(&cli_data_sample, "epoch", epoch_text, 0, 1l << 40, &epoch));
  if (manifest_text && !vft_beacon_value(manifest_text, manifest))
    return cli_usage(&cli_data_sample, "--manifest: '%.70s' is not 64 hexadecimal digits",
                     manifest_text);
  TRY(vft_config_load(config_path, &config));
  if (manifest_text) r.manifest = manifest;
  r.epoch = (uint64_t)epoch;
  vft_status st = vft_data_folder_open(folder, &d);
  if (st == VFT_OK) {
    st = sample(&config, &d, &r);
    vft_dataset_close(&d);
  }
  vft_config_free(&config);
  return st;
}

const cli_command cli_data_sample = {
    "data sample", "DATA --config CONFIG.yaml --epoch E",
    "Show which records an epoch takes under a policy, and which not and why",
    "Records by number, in the order of the rows; skipped ones with the rule or the quota; the\n"
    "counters at the end. Training takes the same rows under the digest of its manifest.",
    run};
