#include "run/proof_file.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "data/leaf.h"
#include "program/epoch.h"
#include "run/files.h"

enum { FILE_VERSION = 3 };
static const char step_magic[] = "VFTSTEP1", oracle_magic[] = "VFTORCL1",
                  epoch_magic[] = "VFTEPOC1";

static void begin(vft_writer *w, const char *magic, const uint8_t manifest[32], uint64_t number) {
  vft_writer_bytes(w, magic, 8);
  vft_writer_u32(w, FILE_VERSION);
  vft_writer_bytes(w, manifest, 32);
  vft_writer_u64(w, number);
}

static vft_status end(vft_writer *w, const char *path, const uint8_t *proof, size_t length,
                      size_t padding) {
  static const uint8_t zeros[4096];
  vft_writer_u64(w, length);
  vft_writer_u64(w, padding);
  vft_writer_bytes(w, proof, length);
  for (size_t n; padding; padding -= n) {
    n = padding < sizeof zeros ? padding : sizeof zeros;
    vft_writer_bytes(w, zeros, n);
  }
  vft_status st = w->failed ? VFT_RESOURCE : vft_file_write(path, w->data, w->size);
  vft_writer_free(w);
  return st;
}

vft_status vft_step_file_write(const char *path, const vft_step_file *f) {
  vft_writer w = {0};
  begin(&w, step_magic, f->manifest, f->step);
  vft_writer_u32(&w, f->shard);
  vft_writer_u32(&w, f->links);
  for (uint32_t l = 0; l < f->links; l++) vft_writer_bytes(&w, f->link[l].b, 32);
  return end(&w, path, f->proof, f->length, f->padding);
}

vft_status vft_epoch_file_write(const char *path, const vft_epoch_file *f) {
  vft_writer w = {0};
  uint8_t counters[32];
  begin(&w, epoch_magic, f->manifest, f->epoch);
  vft_writer_u32(&w, f->block);
  vft_poseidon_bytes(&f->counters, counters);
  vft_writer_bytes(&w, counters, sizeof counters);
  for (int l = 0; l < VFT_EPOCH_LINKS; l++) vft_writer_bytes(&w, f->link[l].b, 32);
  return end(&w, path, f->proof, f->length, f->padding);
}

vft_status vft_oracle_file_write(const char *path, const vft_oracle_file *f) {
  vft_writer w = {0};
  begin(&w, oracle_magic, f->manifest, f->steps);
  return end(&w, path, f->proof, f->length, f->padding);
}

typedef struct {
  const char *path, *header; /* header: id of the check */
  vft_bytes bytes;
  vft_reader r;
} opened;

static vft_status malformed(const opened *o, const char *what) {
  return vft_reject(o->header, "%s: %s", o->path, what);
}

static vft_status open_proof(opened *o, const char *path, const char *magic, const char *missing,
                             const char *header, uint8_t manifest[32], uint64_t *number) {
  memset(o, 0, sizeof *o);
  o->path = path;
  o->header = header;
  if (!vft_file_exists(path)) return vft_reject(missing, "%s: there is no such proof", path);
  TRY(vft_file_read(path, VFT_PROOF_FILE_MAX, VFT_USAGE, &o->bytes));
  o->r = (vft_reader){o->bytes.data, o->bytes.size, 0, false};
  const uint8_t *m = vft_reader_bytes(&o->r, 8);
  uint32_t version = vft_reader_u32(&o->r);
  if (!m || memcmp(m, magic, 8)) return malformed(o, "not a proof file of this kind");
  if (o->r.failed) return malformed(o, "truncated");
  if (version != FILE_VERSION)
    return vft_fail(VFT_USAGE, "%s: format version %u is not supported (expected %d)", path,
                    version, FILE_VERSION);
  const uint8_t *h = vft_reader_bytes(&o->r, 32);
  if (h) memcpy(manifest, h, 32);
  *number = vft_reader_u64(&o->r);
  return o->r.failed ? malformed(o, "truncated") : VFT_OK;
}

/* Proof and padding run to the end of the file. */
static vft_status take_proof(opened *o, uint8_t **proof, size_t *length, size_t *padding) {
  uint64_t n = vft_reader_u64(&o->r), zeros = vft_reader_u64(&o->r);
  size_t left = o->r.size - o->r.at;
  if (o->r.failed || n > left || zeros > left - n) return malformed(o, "truncated");
  if (n + zeros < left) return malformed(o, "bytes after the proof");
  for (size_t i = 0; i < zeros; i++)
    if (o->r.data[o->r.at + n + i]) return malformed(o, "padding that is not zero");
  *padding = (size_t)zeros;
  *proof = vft_alloc_raw((size_t)n, 1);
  if (!*proof) return VFT_RESOURCE;
  memcpy(*proof, o->r.data + o->r.at, (size_t)n);
  *length = (size_t)n;
  return VFT_OK;
}

vft_status vft_step_file_read(const char *path, vft_step_file *out) {
  opened o;
  memset(out, 0, sizeof *out);
  vft_status st = open_proof(&o, path, step_magic, "step/missing", "step/header", out->manifest,
                             &out->step);
  if (st == VFT_OK) {
    out->shard = vft_reader_u32(&o.r);
    out->links = vft_reader_u32(&o.r);
    if (o.r.failed || out->links > VFT_PROOF_LINKS) st = malformed(&o, "truncated");
  }
  for (uint32_t l = 0; st == VFT_OK && l < out->links; l++) {
    const uint8_t *root = vft_reader_bytes(&o.r, 32);
    if (root) memcpy(out->link[l].b, root, 32);
    else st = malformed(&o, "truncated");
  }
  if (st == VFT_OK) st = take_proof(&o, &out->proof, &out->length, &out->padding);
  vft_bytes_free(&o.bytes);
  return st;
}

vft_status vft_epoch_file_read(const char *path, vft_epoch_file *out) {
  opened o;
  memset(out, 0, sizeof *out);
  vft_status st = open_proof(&o, path, epoch_magic, "epoch/missing", "epoch/header", out->manifest,
                             &out->epoch);
  if (st == VFT_OK) {
    out->block = vft_reader_u32(&o.r);
    const uint8_t *counters = vft_reader_bytes(&o.r, 32);
    const uint8_t *roots = vft_reader_bytes(&o.r, 32 * VFT_EPOCH_LINKS);
    if (o.r.failed)
      st = malformed(&o, "truncated");
    else if (!vft_poseidon_read(counters, &out->counters))
      st = malformed(&o, "the digest of the counters is no digest");
    else
      memcpy(out->link, roots, 32 * VFT_EPOCH_LINKS);
  }
  if (st == VFT_OK) st = take_proof(&o, &out->proof, &out->length, &out->padding);
  vft_bytes_free(&o.bytes);
  return st;
}

char *vft_epoch_file_path(vft_arena *arena, const char *folder, uint64_t epoch, uint32_t block) {
  return vft_arena_printf(arena, "%s/epoch_%06llu_%04u.vft", folder, (unsigned long long)epoch,
                          block);
}

void vft_step_file_free(vft_step_file *f) {
  vft_free(f->proof);
  memset(f, 0, sizeof *f);
}

vft_status vft_oracle_file_read(const char *path, vft_oracle_file *out) {
  opened o;
  memset(out, 0, sizeof *out);
  vft_status st = open_proof(&o, path, oracle_magic, "oracles/missing", "oracles/header",
                             out->manifest, &out->steps);
  if (st == VFT_OK) st = take_proof(&o, &out->proof, &out->length, &out->padding);
  vft_bytes_free(&o.bytes);
  return st;
}

void vft_oracle_file_free(vft_oracle_file *f) {
  vft_free(f->proof);
  memset(f, 0, sizeof *f);
}

char *vft_shard_file_path(vft_arena *arena, const char *folder, const vft_cut *cut,
                          uint64_t step, uint32_t shard, uint64_t steps) {
  char name[32];
  unsigned long long t = step;
  if (step == steps) return vft_arena_printf(arena, "%s/release.vft", folder);
  if (!cut->n) return vft_arena_printf(arena, "%s/step_%06llu.vft", folder, t);
  vft_cut_name(cut, shard, name);
  return vft_arena_printf(arena, "%s/step_%06llu_%s.vft", folder, t, name);
}

/* Does the run have a proof file of this name? */
static bool expected(const char *name, const vft_cut *cut, const vft_manifest *m) {
  unsigned long long step;
  char again[96], shard[32];
  if (!strcmp(name, "release.vft")) return cut->n > 0;
  if (strncmp(name, "step_", 5) || sscanf(name, "step_%llu", &step) != 1 ||
      !vft_cut_group_at(cut, m, step))
    return false;
  for (uint32_t i = 0; i < vft_cut_shards(cut); i++) {
    vft_cut_name(cut, i, shard);
    if (cut->n)
      snprintf(again, sizeof again, "step_%06llu_%s.vft", step, shard);
    else
      snprintf(again, sizeof again, "step_%06llu.vft", step);
    if (!strcmp(name, again)) return true;
  }
  return false;
}

static bool expected_block(const char *name, uint64_t epochs, uint32_t blocks) {
  unsigned long long epoch;
  unsigned block;
  char again[96];
  if (sscanf(name, "epoch_%llu_%u", &epoch, &block) != 2 || epoch >= epochs || block >= blocks)
    return false;
  snprintf(again, sizeof again, "epoch_%06llu_%04u.vft", epoch, block);
  return !strcmp(name, again);
}

static bool is_proof(const char *name) {
  size_t n = strlen(name);
  return n > 4 && !strcmp(name + n - 4, ".vft");
}

vft_status vft_proof_files_remove(const char *folder) {
  DIR *d = opendir(folder);
  vft_status st = VFT_OK;
  if (!d) return VFT_OK;
  for (struct dirent *e; st == VFT_OK && (e = readdir(d));)
    if (is_proof(e->d_name) && unlinkat(dirfd(d), e->d_name, 0))
      st = vft_fail(VFT_RESOURCE, "%s/%s: cannot be removed: %s", folder, e->d_name,
                    strerror(errno));
  closedir(d);
  return st;
}

vft_status vft_proof_files_check(const char *folder, const vft_cut *cut, const vft_manifest *m) {
  uint64_t epochs = vft_sampling_epochs(&m->sampling, m->steps);
  uint32_t blocks = vft_epoch_blocks(&m->sampling);
  DIR *d = opendir(folder);
  if (!d) return vft_reject("step/missing", "%s: there are no proofs", folder);
  vft_status st = VFT_OK;
  for (struct dirent *e; st == VFT_OK && (e = readdir(d));) {
    if (!is_proof(e->d_name) || !strcmp(e->d_name, "oracles.vft")) continue;
    if (!expected(e->d_name, cut, m) && !expected_block(e->d_name, epochs, blocks))
      st = vft_reject("step/extra", "%s/%s: a proof of no step, shard or epoch of this run (%llu "
                      "steps of %u shards, %llu epochs of %u blocks)", folder, e->d_name,
                      (unsigned long long)m->steps, vft_cut_shards(cut), (unsigned long long)epochs,
                      blocks);
  }
  closedir(d);
  return st;
}
