#include "run/disclose.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>

#include "data/canonical_json.h"
#include "run/epochs_prove.h"
#include "run/files.h"
#include "run/plan.h"

enum { TEXT_MAX = 1 << 20 };

static json_t *digest_json(const vft_poseidon_digest *d) {
  uint8_t bytes[32];
  char hex[65];
  vft_poseidon_bytes(d, bytes);
  vft_hex(bytes, 32, hex);
  return json_string(hex);
}

static const char *unit(const vft_quota *q) { return q->tokens ? "tokens" : "examples"; }

/* ---- writing ---- */

static bool is_bin(const vft_quota *q, const char *bin) {
  char name[320];
  vft_quota_name(q, name, sizeof name);
  return !strcmp(bin, name) || !strcmp(bin, q->value);
}

typedef struct {
  const vft_plan *plan;
  const vft_epochs *epochs;
  const char *folder;
  uint64_t counter[VFT_QUOTAS + 2];
  vft_poseidon_digest salt[VFT_QUOTAS + 2], leaf[VFT_QUOTAS + 2];
} opened;

static vft_status write_counter(const opened *o, uint64_t epoch, uint32_t q, const char *path) {
  const vft_quota *quota = &o->plan->manifest.sampling.policy.quota[q];
  char name[320], h_pi[65], *text = NULL;
  size_t length;
  json_t *leaves = json_array();
  for (uint32_t i = 0; i < o->epochs->program->quotas; i++)
    json_array_append_new(leaves, digest_json(&o->leaf[i]));
  vft_quota_name(quota, name, sizeof name);
  vft_hex(o->plan->manifest.digest, 32, h_pi);
  json_t *root = json_pack("{s:s, s:s, s:I, s:s, s:s, s:i, s:I, s:o, s:o}", "format",
                           VFT_COUNTER_FORMAT, "manifest", h_pi, "epoch", (json_int_t)epoch, "bin",
                           name, "unit", unit(quota), "quota", (int)q, "counter",
                           (json_int_t)o->counter[q], "salt", digest_json(&o->salt[q]), "leaves",
                           leaves);
  vft_status st = root ? vft_json_canonical(root, &text, &length) : VFT_RESOURCE;
  if (st == VFT_OK) st = vft_file_write(path, text, length);
  json_decref(root);
  vft_free(text);
  return st;
}

static vft_status open_epoch(opened *o, uint64_t epoch) {
  const vft_epoch *e = o->epochs->program;
  TRY(vft_epochs_counters(o->plan, e, epoch, o->counter));
  for (uint32_t q = 0; q < e->quotas; q++) vft_counter_salt(o->plan, epoch, q, &o->salt[q]);
  (void)vft_counters_digest(o->counter, o->salt, e->quotas, o->leaf);
  return VFT_OK;
}

static vft_status no_such_bin(const vft_policy *p, const char *bin) {
  char list[600] = "", name[320];
  for (size_t q = 0; q < p->quotas; q++) {
    size_t n = strlen(list);
    vft_quota_name(&p->quota[q], name, sizeof name);
    if (n + strlen(name) + 8 > sizeof list) break;
    snprintf(list + n, sizeof list - n, "%s%s", n ? ", " : "", name);
  }
  return vft_fail(VFT_USAGE, "--bin: the policy has no quota on '%s'; it has %s", bin,
                  *list ? list : "none");
}

vft_status vft_run_disclose(const char *run, const char *bin, uint64_t epoch,
                            void (*say)(void *, const char *, const char *, uint64_t, uint64_t,
                                        const vft_quota *),
                            void *ctx) {
  vft_plan plan;
  vft_epochs epochs = {0};
  vft_arena arena = {0};
  TRY(vft_plan_open(run, VFT_PLAN_DATASET, &plan));
  const vft_policy *p = &plan.manifest.sampling.policy;
  size_t matching = 0;
  vft_status st;
  opened *o = vft_alloc(1, sizeof *o);
  TRY_OUT(o ? VFT_OK : VFT_RESOURCE);
  for (size_t q = 0; q < p->quotas; q++) matching += is_bin(&p->quota[q], bin);
  if (!matching) {
    st = no_such_bin(p, bin);
    goto out;
  }
  TRY_OUT(vft_epochs_derive(&plan.manifest, &epochs));
  if (epoch != UINT64_MAX && epoch >= epochs.epochs) {
    st = vft_fail(VFT_USAGE, "--epoch: %llu, the run has %llu, numbered from 0",
                  (unsigned long long)epoch, (unsigned long long)epochs.epochs);
    goto out;
  }
  char *folder = vft_run_path(&arena, run, "public/counters");
  if (!folder) {
    st = VFT_RESOURCE;
    goto out;
  }
  TRY_OUT(vft_folder_make(folder));
  *o = (opened){.plan = &plan, .epochs = &epochs, .folder = folder};
  for (uint64_t e = 0; e < epochs.epochs; e++) {
    if (epoch != UINT64_MAX && e != epoch) continue;
    TRY_OUT(open_epoch(o, e));
    for (uint32_t q = 0; q < p->quotas; q++) {
      char name[320];
      if (!is_bin(&p->quota[q], bin)) continue;
      char *path = vft_arena_printf(&arena, "%s/epoch_%06llu_quota_%03u.json", folder,
                                    (unsigned long long)e, q);
      if (!path) {
        st = VFT_RESOURCE;
        goto out;
      }
      TRY_OUT(write_counter(o, e, q, path));
      vft_quota_name(&p->quota[q], name, sizeof name);
      if (say) say(ctx, path, name, e, o->counter[q], &p->quota[q]);
    }
  }
out:
  vft_free(o);
  vft_epochs_free(&epochs);
  vft_plan_free(&plan);
  vft_arena_free(&arena);
  return st;
}

/* ---- checking ---- */

typedef struct {
  const char *path;
  const vft_manifest *m;
  const vft_epochs *epochs;
  const vft_poseidon_digest *digest;
  const uint64_t *part;
  FILE *words;
} check;

static bool read_digest(const char *hex, vft_poseidon_digest *out) {
  uint8_t bytes[32];
  return strlen(hex) == 64 && vft_unhex(hex, bytes, 32) == VFT_OK && vft_poseidon_read(bytes, out);
}

static vft_status wrong(const check *c, const char *what) {
  return vft_reject("counter/file", "%s: %s", c->path, what);
}

static vft_status check_counter(const check *c, json_t *root) {
  const char *format, *manifest, *bin, *units, *salt_hex;
  json_int_t epoch, counter;
  int q;
  json_t *leaves;
  uint8_t h_pi[32];
  char name[320];
  vft_poseidon_digest salt, own, whole, leaf[VFT_QUOTAS + 2];
  const vft_policy *p = &c->m->sampling.policy;
  uint32_t n = c->epochs->program->quotas;
  if (json_unpack(root, "{s:s, s:s, s:I, s:s, s:s, s:i, s:I, s:s, s:o !}", "format", &format,
                  "manifest", &manifest, "epoch", &epoch, "bin", &bin, "unit", &units, "quota", &q,
                  "counter", &counter, "salt", &salt_hex, "leaves", &leaves) ||
      strcmp(format, VFT_COUNTER_FORMAT) || counter < 0 || !read_digest(salt_hex, &salt) ||
      !json_is_array(leaves))
    return wrong(c, "not an opened counter (expected " VFT_COUNTER_FORMAT ")");
  if (strlen(manifest) != 64 || vft_unhex(manifest, h_pi, 32) != VFT_OK ||
      memcmp(h_pi, c->m->digest, 32))
    return wrong(c, "belongs to another manifest");
  if (epoch < 0 || (uint64_t)epoch >= c->epochs->epochs || q < 0 || (size_t)q >= p->quotas)
    return wrong(c, "of an epoch or quota that the run has not");
  if (c->part && ((uint64_t)epoch < c->part[0] || (uint64_t)epoch > c->part[1])) return VFT_OK;
  vft_quota_name(&p->quota[q], name, sizeof name);
  if (strcmp(bin, name) || strcmp(units, unit(&p->quota[q])))
    return wrong(c, "its bin and unit are not those of its quota");
  if (json_array_size(leaves) != n) return wrong(c, "another number of counters");
  for (uint32_t i = 0; i < n; i++) {
    const char *hex = json_string_value(json_array_get(leaves, i));
    if (!hex || !read_digest(hex, &leaf[i])) return wrong(c, "a digest that is none");
  }
  vft_counter_leaf((uint32_t)q, (uint64_t)counter, &salt, &own);
  whole = vft_counters_list(leaf, n);
  if (!vft_poseidon_equal(&own, &leaf[q]) || !vft_poseidon_equal(&whole, &c->digest[epoch]))
    return vft_reject("counter/digest", "%s: not the counter of %s that epoch %lld was proved with",
                      c->path, name, (long long)epoch);
  fprintf(c->words, "; opened: %s %lld %s in epoch %lld", name, (long long)counter, units,
          (long long)epoch);
  return VFT_OK;
}

static int by_name(const struct dirent **a, const struct dirent **b) {
  return strcmp((*a)->d_name, (*b)->d_name);
}

static int not_hidden(const struct dirent *e) { return e->d_name[0] != '.'; }

vft_status vft_counters_check(const char *folder, const vft_manifest *m, const vft_epochs *epochs,
                              const vft_poseidon_digest *digest, const uint64_t part[2],
                              vft_arena *arena, const char **words) {
  struct dirent **list;
  char *text = NULL;
  size_t size;
  char *counters = vft_arena_printf(arena, "%s/counters", folder);
  if (!counters) return VFT_RESOURCE;
  if (words) *words = "";
  int n = scandir(counters, &list, not_hidden, by_name);
  if (n < 0) return VFT_OK; /* nothing was opened */
  check c = {NULL, m, epochs, digest, part, open_memstream(&text, &size)};
  vft_status st = c.words ? VFT_OK : VFT_RESOURCE;
  for (int i = 0; i < n; i++) {
    vft_bytes bytes = {0};
    json_t *root = NULL;
    c.path = vft_arena_printf(arena, "%s/%s", counters, list[i]->d_name);
    if (st == VFT_OK && !c.path) st = VFT_RESOURCE;
    if (st == VFT_OK) st = vft_file_read(c.path, TEXT_MAX, VFT_USAGE, &bytes);
    if (st == VFT_OK && vft_json_parse_canonical((const char *)bytes.data, bytes.size, c.path,
                                                 &root) != VFT_OK)
      st = wrong(&c, "not canonical JSON");
    if (st == VFT_OK) st = check_counter(&c, root);
    json_decref(root);
    vft_bytes_free(&bytes);
    free(list[i]);
  }
  free(list);
  if (c.words) fclose(c.words);
  if (st == VFT_OK && words) {
    *words = vft_arena_strdup(arena, text);
    if (!*words) st = VFT_RESOURCE;
  }
  free(text);
  return st;
}
