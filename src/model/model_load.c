#include <jansson.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/pool.h"
#include "model/gguf_arch.h"
#include "model/hf_config.h"
#include "model/model.h"
#include "model/model_slots.h"
#include "model/safetensors.h"

enum { MAX_SHARDS = 1024, MAX_INDEX = 1 << 26 };

/* A tensor of the source, whatever the container. */
typedef struct {
  vft_slice name;
  int dims;
  uint64_t shape[8];
  vft_dtype dtype;
  const char *type;
  const uint8_t *data;
  const char *file;
  bool used;
} weight;

typedef struct {
  bool gguf; /* names and row order of GGUF */
  weight *weight; /* bytewise order of name */
  size_t weights;
  vft_source *file;
  size_t files;
  vft_gguf container;
  vft_safetensors *shard; /* of file[k] for k >= 1; file[0] is config.json */
} reading;

static void close_reading(reading *r) {
  for (size_t i = 0; r->shard && i < r->files; i++) vft_safetensors_free(&r->shard[i]);
  for (size_t i = 0; r->file && i < r->files; i++) vft_source_close(&r->file[i]);
  vft_free(r->shard);
  vft_free(r->file);
  vft_free(r->weight);
  vft_gguf_free(&r->container);
}

static int compare_weight(const void *a, const void *b) {
  return vft_slice_compare(((const weight *)a)->name, ((const weight *)b)->name);
}

static weight *find_weight(const reading *r, const char *name) {
  weight wanted = {.name = {name, strlen(name)}};
  return r->weights ? bsearch(&wanted, r->weight, r->weights, sizeof wanted, compare_weight)
                    : NULL;
}

static vft_status room_for_files(reading *r, size_t count) {
  r->file = vft_alloc(count, sizeof *r->file);
  r->shard = vft_alloc(count, sizeof *r->shard);
  return r->file && r->shard ? VFT_OK : VFT_RESOURCE;
}

static vft_status open_gguf(reading *r, const char *path, vft_arch *arch) {
  r->gguf = true;
  TRY(room_for_files(r, 1));
  TRY(vft_source_open(path, &r->file[0]));
  r->files = 1;
  const vft_source *file = &r->file[0];
  TRY(vft_gguf_parse(file->data, file->size, file->path, &r->container));
  TRY(vft_gguf_arch(&r->container, arch));
  r->weight = vft_alloc(r->container.tensors, sizeof *r->weight);
  if (!r->weight) return VFT_RESOURCE;
  for (size_t i = 0; i < r->container.tensors; i++) {
    const vft_gguf_tensor *t = &r->container.tensor[r->container.tensor_by_name[i]];
    weight *w = &r->weight[r->weights++];
    *w = (weight){t->name, t->dims, {0}, t->dtype, vft_ggml_type_name(t->ggml_type), t->data,
                  file->path, false};
    memcpy(w->shape, t->shape, sizeof t->shape);
  }
  return VFT_OK;
}

/* Opens "path" as the next file; shards are parsed and their tensors added. */
static vft_status add_shard(reading *r, const char *path) {
  TRY(vft_source_open(path, &r->file[r->files]));
  size_t k = r->files++;
  const vft_source *file = &r->file[k];
  TRY(vft_safetensors_parse(file->data, file->size, file->path, &r->shard[k]));
  const vft_safetensors *s = &r->shard[k];
  weight *grown = vft_alloc(r->weights + s->tensors, sizeof *grown);
  if (!grown) return VFT_RESOURCE;
  if (r->weights) memcpy(grown, r->weight, r->weights * sizeof *grown);
  vft_free(r->weight);
  r->weight = grown;
  for (size_t i = 0; i < s->tensors; i++) {
    const vft_safetensors_tensor *t = &s->tensor[i];
    weight *w = &r->weight[r->weights++];
    *w = (weight){t->name, t->dims, {0}, t->dtype, t->type, t->data, file->path, false};
    memcpy(w->shape, t->shape, sizeof t->shape);
  }
  return VFT_OK;
}

static int compare_text(const void *a, const void *b) {
  return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The shards that the index names, each once, then every entry against what they hold. */
static vft_status open_index(reading *r, const char *folder, const json_t *root,
                             const char *name) {
  const json_t *map = json_object_get(root, "weight_map");
  if (!json_is_object(map) || json_object_size(map) == 0 || json_object_size(map) > 1 << 16)
    return vft_fail(VFT_USAGE, "%s: field weight_map is missing or empty", name);
  size_t n = json_object_size(map), distinct = 0;
  const char **shard = vft_alloc(n, sizeof *shard);
  if (!shard) return VFT_RESOURCE;
  vft_status st = VFT_OK;
  const char *key;
  json_t *value;
  size_t filled = 0;
  json_object_foreach((json_t *)(uintptr_t)map, key, value) {
    const char *text = json_string_value(value);
    if (!text || !*text || strchr(text, '/') || !vft_path_ends(text, ".safetensors")) {
      st = vft_fail(VFT_USAGE, "%s: weight_map: '%s' is not the name of a .safetensors file",
                    name, text ? vft_show((vft_slice){text, strlen(text)}).text : "?");
      goto out;
    }
    shard[filled++] = text;
  }
  qsort(shard, n, sizeof *shard, compare_text);
  for (size_t i = 0; i < n; i++)
    if (i == 0 || strcmp(shard[i], shard[i - 1])) shard[distinct++] = shard[i];
  if (distinct > MAX_SHARDS) {
    st = vft_fail(VFT_USAGE, "%s: %zu shards, at most %d expected", name, distinct, MAX_SHARDS);
    goto out;
  }
  for (size_t i = 0; i < distinct; i++) {
    char *path = vft_path_join(folder, shard[i]);
    st = path ? add_shard(r, path) : VFT_RESOURCE;
    vft_free(path);
    if (st != VFT_OK) goto out;
  }
  qsort(r->weight, r->weights, sizeof *r->weight, compare_weight);
  json_object_foreach((json_t *)(uintptr_t)map, key, value) {
    const weight *w = find_weight(r, key);
    if (!w || strcmp(vft_path_name(w->file), json_string_value(value))) {
      st = vft_fail(VFT_USAGE, "%s: tensor '%s' is not in shard %s", name,
                    vft_show((vft_slice){key, strlen(key)}).text, json_string_value(value));
      goto out;
    }
  }
out:
  vft_free(shard);
  return st;
}

static vft_status open_sharded(reading *r, const char *folder, const char *index_path) {
  /* The index is a file of the model too: it stays open and enters the digest. */
  TRY(vft_source_open(index_path, &r->file[r->files]));
  const vft_source *file = &r->file[r->files++];
  if (file->size > MAX_INDEX)
    return vft_fail(VFT_USAGE, "%s: %zu bytes, at most %d expected", file->path, file->size,
                    MAX_INDEX);
  json_error_t error;
  json_t *root = json_loadb((const char *)file->data, file->size, JSON_REJECT_DUPLICATES,
                            &error);
  if (!root)
    return vft_fail(VFT_USAGE, "%s: line %d: malformed JSON: %s", file->path, error.line,
                    vft_show((vft_slice){error.text, strlen(error.text)}).text);
  vft_status st = open_index(r, folder, root, file->path);
  json_decref(root);
  return st;
}

static bool exists(const char *path) {
  FILE *f = fopen(path, "rb");
  if (f) fclose(f);
  return f != NULL;
}

/* `weights`: one .safetensors file, or NULL to look for model.safetensors and then the index. */
static vft_status open_folder(reading *r, const char *folder, const char *weights,
                              vft_arch *arch) {
  char *config = vft_path_join(folder, "config.json");
  char *single = weights ? vft_strndup(weights, strlen(weights))
                         : vft_path_join(folder, "model.safetensors");
  char *index = vft_path_join(folder, "model.safetensors.index.json");
  vft_status st = VFT_RESOURCE;
  if (!config || !single || !index) goto out;
  TRY_OUT(room_for_files(r, MAX_SHARDS + 2));
  TRY_OUT(vft_source_open(config, &r->file[0]));
  r->files = 1;
  TRY_OUT(vft_hf_config_parse((const char *)r->file[0].data, r->file[0].size, config, arch));
  if (weights || exists(single)) TRY_OUT(add_shard(r, single));
  else if (exists(index)) TRY_OUT(open_sharded(r, folder, index));
  else
    TRY_OUT(vft_fail(VFT_USAGE, "%s: neither model.safetensors nor "
                     "model.safetensors.index.json is there", folder));
  qsort(r->weight, r->weights, sizeof *r->weight, compare_weight);
  for (size_t i = 1; i < r->weights; i++)
    if (compare_weight(&r->weight[i - 1], &r->weight[i]) == 0)
      TRY_OUT(vft_fail(VFT_USAGE, "%s: tensor '%s' is in two shards", folder,
                       vft_show(r->weight[i].name).text));
out:
  vft_free(config);
  vft_free(single);
  vft_free(index);
  return st;
}

static vft_status open_reading(reading *r, const char *path, vft_arch *arch) {
  if (vft_path_is_folder(path)) return open_folder(r, path, NULL, arch);
  if (vft_path_ends(path, ".safetensors")) {
    char *folder = vft_path_beside(path, "");
    if (!folder) return VFT_RESOURCE;
    vft_status st = open_folder(r, *folder ? folder : ".", path, arch);
    vft_free(folder);
    return st;
  }
  return open_gguf(r, path, arch);
}

static void slot_name(const reading *r, const vft_model_slot *s, char out[96]) {
  if (s->layer < 0) snprintf(out, 96, "%s", r->gguf ? s->gguf : s->hf);
  else if (r->gguf) snprintf(out, 96, "blk.%d.%s.weight", s->layer, s->gguf);
  else snprintf(out, 96, "model.layers.%d.%s.weight", s->layer, s->hf);
}

static void show_shape(int dims, const uint64_t *shape, char out[96]) {
  int at = snprintf(out, 96, "[");
  for (int i = 0; i < dims && at < 90; i++)
    at += snprintf(out + at, (size_t)(96 - at), i ? ", %llu" : "%llu",
                   (unsigned long long)shape[i]);
  if (at < 95) snprintf(out + at, (size_t)(96 - at), "]");
}

/* Finds the source of a slot; checks type and shape before anything is allocated. */
static vft_status match(reading *r, const vft_model_slot *s, weight **out) {
  char name[96];
  slot_name(r, s, name);
  weight *w = find_weight(r, name);
  if (!w)
    return vft_fail(VFT_USAGE, "%s: tensor '%s' is missing", r->file[r->files - 1].path, name);
  w->used = true;
  uint64_t shape[2] = {s->rows, s->cols};
  int dims = s->rows ? 2 : 1;
  const uint64_t *expected = s->rows ? shape : shape + 1;
  if (w->dims != dims || memcmp(w->shape, expected, (size_t)dims * sizeof *expected)) {
    char have[96], want[96];
    show_shape(w->dims, w->shape, have);
    show_shape(dims, expected, want);
    return vft_fail(VFT_USAGE, "%s: tensor '%s' has shape %s, expected %s", w->file, name, have,
                    want);
  }
  if (w->dtype == VFT_DTYPE_UNSUPPORTED)
    return vft_fail(VFT_USAGE, "%s: tensor '%s' has type %s; supported are %s: convert the model",
                    w->file, name, w->type,
                    r->gguf ? "F32, F16, BF16, Q8_0, Q4_0 and Q4_1" : "F32, F16 and BF16");
  *out = w;
  return VFT_OK;
}

typedef struct {
  const weight *w;
  float *out;
  uint64_t rows, cols;
  uint64_t interleaved; /* head dimension when rows come interleaved, else 0 */
  _Atomic uint64_t bad; /* lowest row with a NaN or an infinity */
} decoding;

/* GGUF's row h*D + 2*i + s is row h*D + s*D/2 + i of the halves order. */
static uint64_t halves_row(uint64_t row, uint64_t dim) {
  uint64_t within = row % dim;
  return row - within + (within & 1) * (dim / 2) + within / 2;
}

static void decode_rows(void *ctx, size_t begin, size_t end) {
  decoding *job = ctx;
  size_t cols = (size_t)job->cols;
  size_t stride = cols / vft_dtype_block(job->w->dtype) * vft_dtype_block_bytes(job->w->dtype);
  for (size_t row = begin; row < end; row++) {
    uint64_t to = job->interleaved ? halves_row(row, job->interleaved) : row;
    if (vft_dequantise(job->w->dtype, job->w->data + row * stride, cols, job->out + to * cols))
      continue;
    uint64_t seen = atomic_load(&job->bad);
    while (row < seen && !atomic_compare_exchange_weak(&job->bad, &seen, row)) {
    }
  }
}

static vft_status decode(const reading *r, const vft_model *m, const vft_model_slot *s,
                         const weight *w, float *out) {
  decoding job = {.w = w,
                  .out = out,
                  .rows = s->rows ? s->rows : 1,
                  .cols = s->cols,
                  .interleaved = r->gguf && s->rotary_heads ? (uint64_t)m->arch.head_dim : 0,
                  .bad = UINT64_MAX};
  size_t grain = 1 + (1 << 16) / (size_t)job.cols;
  vft_parallel_for((size_t)job.rows, grain, decode_rows, &job);
  uint64_t bad = atomic_load(&job.bad);
  if (bad != UINT64_MAX)
    return vft_fail(VFT_USAGE, "%s: tensor '%s' has a NaN or an infinity in row %llu", w->file,
                    vft_show(w->name).text, (unsigned long long)bad);
  return VFT_OK;
}

/* Every tensor of the source must have been asked for: an unknown one would change the model. */
static vft_status check_unused(const reading *r) {
  for (size_t i = 0; i < r->weights; i++) {
    const weight *w = &r->weight[i];
    if (w->used) continue;
    vft_shown shown = vft_show(w->name);
    if (!r->gguf && vft_path_ends(shown.text, ".rotary_emb.inv_freq")) continue;
    if (strstr(shown.text, "rope_freqs") || strstr(shown.text, "rope_factors"))
      return vft_fail(VFT_USAGE, "%s: tensor '%s': rope scaling is not supported", w->file,
                      shown.text);
    return vft_fail(VFT_USAGE, "%s: tensor '%s' is not part of a plain Llama model", w->file,
                    shown.text);
  }
  return VFT_OK;
}

/* Files of tied models may carry the head as well; it must then be the embedding. */
static vft_status check_tied_head(reading *r, const vft_model *m) {
  weight *head = find_weight(r, "lm_head.weight");
  if (!m->arch.tied || r->gguf || !head) return VFT_OK;
  vft_model_slot table, slot;
  weight *same;
  vft_model_slot_at(m, 0, &table);
  vft_model_slot_at(m, 2, &slot);
  TRY(match(r, &slot, &same));
  const weight *embedding = find_weight(r, table.hf);
  size_t bytes = (size_t)(table.rows * table.cols) * vft_dtype_block_bytes(same->dtype);
  if (!embedding || embedding->dtype != same->dtype ||
      memcmp(embedding->data, same->data, bytes))
    return vft_fail(VFT_USAGE, "%s: tie_word_embeddings is true but lm_head.weight differs from "
                    "%s; set it to false", same->file, table.hf);
  return VFT_OK;
}

static int compare_file(const void *a, const void *b) {
  return strcmp(((const vft_model_file *)a)->name, ((const vft_model_file *)b)->name);
}

static vft_status digest_files(const reading *r, vft_model *m) {
  m->file = vft_alloc(r->files, sizeof *m->file);
  if (!m->file) return VFT_RESOURCE;
  for (; m->files < r->files; m->files++) {
    vft_model_file *f = &m->file[m->files];
    const char *name = vft_path_name(r->file[m->files].path);
    f->name = vft_strndup(name, strlen(name));
    if (!f->name) return VFT_RESOURCE;
    f->bytes = r->file[m->files].size;
    TRY(vft_sha256(r->file[m->files].data, r->file[m->files].size, f->sha256));
  }
  qsort(m->file, m->files, sizeof *m->file, compare_file);
  if (m->files == 1) {
    memcpy(m->digest, m->file[0].sha256, sizeof m->digest);
    return VFT_OK;
  }
  size_t room = 1;
  for (size_t i = 0; i < m->files; i++) room += 64 + 3 + strlen(m->file[i].name);
  char *text = vft_alloc(room, 1), *at = text;
  if (!text) return VFT_RESOURCE;
  for (size_t i = 0; i < m->files; i++) {
    for (int k = 0; k < 32; k++) at += sprintf(at, "%02x", m->file[i].sha256[k]);
    at += sprintf(at, "  %s\n", m->file[i].name);
  }
  vft_status st = vft_sha256(text, (size_t)(at - text), m->digest);
  vft_free(text);
  return st;
}

static vft_status fill(reading *r, vft_model *m, bool values) {
  size_t slots = vft_model_slot_count(&m->arch);
  weight **source = vft_alloc(slots, sizeof *source);
  if (!source) return VFT_RESOURCE;
  vft_status st = VFT_OK;
  for (size_t i = 0; i < slots; i++) {
    vft_model_slot slot;
    vft_model_slot_at(m, i, &slot);
    if (!slot.absent) TRY_OUT(match(r, &slot, &source[i]));
  }
  TRY_OUT(check_tied_head(r, m));
  TRY_OUT(check_unused(r));
  TRY_OUT(digest_files(r, m));
  if (!values) goto out;
  m->layer = vft_alloc((size_t)m->arch.layers, sizeof *m->layer);
  if (!m->layer) TRY_OUT(VFT_RESOURCE);
  for (size_t i = 0; i < slots; i++) {
    vft_model_slot slot;
    vft_model_slot_at(m, i, &slot);
    if (slot.absent) continue;
    TRY_OUT(vft_model_slot_alloc(m, &slot, 0));
    TRY_OUT(decode(r, m, &slot, source[i], *vft_model_slot_pointer(m, &slot)));
  }
out:
  vft_free(source);
  return st;
}

static vft_status load(const char *path, bool values, vft_model *out) {
  *out = (vft_model){0};
  reading r = {0};
  vft_status st = open_reading(&r, path, &out->arch);
  if (st == VFT_OK) st = fill(&r, out, values);
  close_reading(&r);
  if (st != VFT_OK) vft_model_free(out);
  return st;
}

vft_status vft_model_load(const char *path, vft_model *out) { return load(path, true, out); }

vft_status vft_model_load_header(const char *path, vft_model *out) {
  return load(path, false, out);
}
