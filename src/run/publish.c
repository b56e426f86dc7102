#include "run/publish.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "run/derive.h"
#include "run/epochs.h"
#include "run/files.h"
#include "run/plan.h"

typedef struct {
  vft_arena arena;
  const char *from, *to; /* RUN/public; the folder being written */
  vft_published *out;
} copying;

static vft_status copy(copying *c, const char *name) {
  vft_bytes bytes = {0};
  char *from = vft_run_path(&c->arena, c->from, name), *to = vft_run_path(&c->arena, c->to, name);
  if (!from || !to) return VFT_RESOURCE;
  if (!vft_file_exists(from))
    return vft_fail(VFT_USAGE, "%s: missing; a run is published when it is trained and proved", from);
  TRY(vft_file_read(from, SIZE_MAX >> 1, VFT_USAGE, &bytes));
  vft_status st = vft_file_write(to, bytes.data, bytes.size);
  c->out->files++;
  c->out->bytes += bytes.size;
  vft_bytes_free(&bytes);
  return st;
}

static vft_status make(copying *c, const char *name) {
  char *path = vft_run_path(&c->arena, c->to, name);
  return path ? vft_folder_make(path) : VFT_RESOURCE;
}

/* Regular files of a folder, by name. */
static int ends_in_json(const struct dirent *e) {
  size_t n = strlen(e->d_name);
  return n > 5 && !strcmp(e->d_name + n - 5, ".json");
}

static int by_name(const struct dirent **a, const struct dirent **b) {
  return strcmp((*a)->d_name, (*b)->d_name);
}

static vft_status copy_counters(copying *c) {
  struct dirent **list;
  char *folder = vft_run_path(&c->arena, c->from, "counters");
  if (!folder) return VFT_RESOURCE;
  int n = scandir(folder, &list, ends_in_json, by_name);
  if (n <= 0) return VFT_OK;
  vft_status st = make(c, "counters");
  for (int i = 0; i < n; i++) {
    char *name = vft_arena_printf(&c->arena, "counters/%s", list[i]->d_name);
    if (st == VFT_OK) st = name ? copy(c, name) : VFT_RESOURCE;
    free(list[i]);
  }
  free(list);
  return st;
}

static vft_status copy_proofs(copying *c, const vft_manifest *m) {
  vft_cut cut;
  char *folder = vft_run_path(&c->arena, c->from, "proofs");
  if (!folder) return VFT_RESOURCE;
  if (!vft_cut_exists(folder))
    return vft_fail(VFT_USAGE, "%s: there are no proofs; vft prove makes them, --without-proofs does "
                    "without", folder);
  TRY(vft_cut_read(folder, m->shape.layers, &cut));
  TRY(make(c, "proofs"));
  TRY(copy(c, "proofs/shards.json"));
  for (uint64_t e = 0; e < vft_sampling_epochs(&m->sampling, m->steps); e++)
    for (uint32_t b = 0; b < vft_epoch_blocks(&m->sampling); b++) {
      char *name = vft_epoch_file_path(&c->arena, "proofs", e, b);
      TRY(name ? copy(c, name) : VFT_RESOURCE);
    }
  for (uint64_t g = 0, t; g < vft_cut_groups(&cut, m); g++)
    for (uint32_t i = 0; i < vft_cut_shards(&cut); i++) {
      (void)vft_cut_group(&cut, m, g, &t);
      char *name = vft_shard_file_path(&c->arena, "proofs", &cut, t, i, m->steps);
      TRY(name ? copy(c, name) : VFT_RESOURCE);
      c->out->step_proofs++;
    }
  if (cut.n) TRY(copy(c, "proofs/release.vft"));
  return copy(c, "proofs/oracles.vft");
}

static bool is_epochs(const char *name) {
  unsigned long long first, last;
  char again[64];
  if (sscanf(name, "epochs_%llu_%llu.vft", &first, &last) != 2) return false;
  snprintf(again, sizeof again, "epochs_%06llu_%06llu.vft", first, last);
  return !strcmp(name, again);
}

/* Certificates of epochs. */
static vft_status copy_epochs(copying *c) {
  DIR *d = opendir(c->from);
  vft_status st = VFT_OK;
  for (struct dirent *e; st == VFT_OK && d && (e = readdir(d));)
    if (is_epochs(e->d_name)) st = copy(c, e->d_name);
  if (d) closedir(d);
  return st;
}

static vft_status copy_all(copying *c, const vft_manifest *m, bool without_proofs) {
  TRY(copy(c, "calibration.txt"));
  if (m->sampling.has_beacon) TRY(copy(c, "beacon.json"));
  if (m->sampling.mode == VFT_SAMPLER_HYBRID) TRY(copy(c, "windows.json"));
  TRY(make(c, "adapter"));
  TRY(copy(c, "adapter/adapter_config.json"));
  TRY(copy(c, "adapter/adapter_model.safetensors"));
  TRY(copy_counters(c));
  char *certificate = vft_run_path(&c->arena, c->from, "certificate.vft");
  if (!certificate) return VFT_RESOURCE;
  if (vft_file_exists(certificate)) TRY(copy(c, "certificate.vft"));
  TRY(copy_epochs(c));
  if (!without_proofs) TRY(copy_proofs(c, m));
  return copy(c, "manifest.json");
}

/* What else lies in public/. */
static uint64_t strangers(const char *folder) {
  static const char *const known[] = {".",        "..",           "manifest.json", "calibration.txt",
                                      "adapter",  "beacon.json",  "windows.json",  "counters",
                                      "proofs",   "certificate.vft"};
  uint64_t n = 0;
  DIR *d = opendir(folder);
  for (struct dirent *e; d && (e = readdir(d));) {
    size_t i = 0;
    while (i < sizeof known / sizeof *known && strcmp(known[i], e->d_name)) i++;
    n += i == sizeof known / sizeof *known && !is_epochs(e->d_name);
  }
  if (d) closedir(d);
  return n;
}

vft_status vft_run_publish(const char *run, const char *out, bool without_proofs,
                           vft_published *published) {
  vft_manifest m;
  copying c = {.out = published};
  memset(published, 0, sizeof *published);
  memset(&m, 0, sizeof m);
  vft_status st = VFT_RESOURCE;
  char *from = vft_run_path(&c.arena, run, "public");
  char *to = vft_arena_printf(&c.arena, "%s.partial-%ld", out, (long)getpid());
  char *manifest = from ? vft_run_path(&c.arena, from, "manifest.json") : NULL;
  if (!from || !to || !manifest) goto out;
  c.from = from;
  c.to = to;
  if (!vft_file_exists(manifest)) {
    st = vft_fail(VFT_USAGE, "%s: no run here: %s is missing (vft train makes one)", run, manifest);
    goto out;
  }
  if (vft_file_exists(out) || vft_folder_exists(out)) {
    st = vft_fail(VFT_USAGE, "--out: %s is there already", out);
    goto out;
  }
  TRY_OUT(vft_manifest_load(manifest, &m));
  TRY_OUT(vft_folder_make(to));
  published->mode = vft_sampler_mode_names[m.sampling.mode];
  published->secret = m.sampling.mode != VFT_SAMPLER_PUBLIC;
  published->left_out = strangers(from);
  st = copy_all(&c, &m, without_proofs);
  if (st == VFT_OK && rename(to, out))
    st = vft_fail(VFT_RESOURCE, "%s: cannot be renamed to %s: %s", to, out, strerror(errno));
  if (st != VFT_OK) vft_folder_remove(to);
out:
  vft_manifest_free(&m);
  vft_arena_free(&c.arena);
  return st;
}
