#include "run/cut.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "data/canonical_json.h"
#include "program/epoch.h"
#include "program/join.h"
#include "run/derive.h"
#include "run/files.h"

#define CUT_FORMAT "vft-shards/2"
enum { TEXT_MAX = 1 << 16 };

vft_cut vft_cut_even(int layers, int n) {
  vft_cut cut = {.n = n, .steps = 1};
  for (int i = 0; i < n; i++) cut.count[i] = layers / n + (i < layers % n);
  return cut;
}

bool vft_cut_equal(const vft_cut *a, const vft_cut *b) {
  return a->n == b->n && a->steps == b->steps && !memcmp(a->count, b->count, (size_t)a->n * sizeof *a->count);
}

/* ---- groups ---- */

/* Groups of an epoch of `steps` steps. */
static uint64_t groups_of(const vft_cut *cut, uint64_t steps) {
  return (steps + (uint64_t)cut->steps - 1) / (uint64_t)cut->steps;
}

uint64_t vft_cut_groups(const vft_cut *cut, const vft_manifest *m) {
  uint64_t whole = m->steps / m->sampling.steps_per_epoch;
  return whole * groups_of(cut, m->sampling.steps_per_epoch) +
         groups_of(cut, m->steps % m->sampling.steps_per_epoch);
}

int vft_cut_group(const vft_cut *cut, const vft_manifest *m, uint64_t group, uint64_t *first) {
  uint64_t epoch_steps = m->sampling.steps_per_epoch, a_epoch = groups_of(cut, epoch_steps);
  uint64_t epoch = group / a_epoch, before = group % a_epoch * (uint64_t)cut->steps;
  *first = epoch * epoch_steps + before;
  uint64_t end = (epoch + 1) * epoch_steps < m->steps ? (epoch + 1) * epoch_steps : m->steps;
  return (int)(end - *first < (uint64_t)cut->steps ? end - *first : (uint64_t)cut->steps);
}

int vft_cut_group_at(const vft_cut *cut, const vft_manifest *m, uint64_t t) {
  uint64_t epoch_steps = m->sampling.steps_per_epoch, in_epoch = t % epoch_steps, first;
  if (t >= m->steps || in_epoch % (uint64_t)cut->steps) return 0;
  return vft_cut_group(cut, m, t / epoch_steps * groups_of(cut, epoch_steps) +
                                   in_epoch / (uint64_t)cut->steps, &first);
}

uint32_t vft_cut_shards(const vft_cut *cut) { return cut->n ? 1 + 2 * (uint32_t)cut->n : 1; }

vft_part vft_cut_part(const vft_cut *cut, int layers, uint32_t shard) {
  vft_part part = {.kind = VFT_PART_STEP, .layers = layers};
  if (!cut->n) return part;
  if (shard == 0) {
    part.kind = VFT_PART_HEAD;
    part.neighbour[0] = cut->count[cut->n - 1];
    return part;
  }
  int range = (int)(shard - 1) % cut->n;
  part.kind = shard <= (uint32_t)cut->n ? VFT_PART_LAYERS : VFT_PART_OPTIMISER;
  for (int i = 0; i < range; i++) part.first += cut->count[i];
  part.layers = cut->count[range];
  if (part.kind == VFT_PART_LAYERS) {
    part.neighbour[0] = range ? cut->count[range - 1] : 0;
    part.neighbour[1] = range + 1 < cut->n ? cut->count[range + 1] : 0;
  }
  return part;
}

void vft_cut_name(const vft_cut *cut, uint32_t shard, char name[32]) {
  if (!cut->n)
    snprintf(name, 32, "step");
  else if (!shard)
    snprintf(name, 32, "head");
  else
    snprintf(name, 32, "%s_%02u", shard <= (uint32_t)cut->n ? "layers" : "optimiser",
             (shard - 1) % (uint32_t)cut->n);
}

vft_status vft_cut_find(const vft_cut *cut, const char *name, uint32_t *shard) {
  char own[32];
  for (*shard = 0; *shard < vft_cut_shards(cut); ++*shard) {
    vft_cut_name(cut, *shard, own);
    if (!strcmp(own, name)) return VFT_OK;
  }
  if (!cut->n) return vft_fail(VFT_USAGE, "shard '%s': this run's only shard is 'step'", name);
  return vft_fail(VFT_USAGE, "shard '%s': expected head, layers_00 to layers_%02d or optimiser_00 "
                  "to optimiser_%02d", name, cut->n - 1, cut->n - 1);
}

uint64_t vft_cut_epoch_proof(const vft_cut *cut, const vft_manifest *m, uint64_t epoch,
                             uint32_t block) {
  return vft_cut_groups(cut, m) * vft_cut_shards(cut) + (cut->n ? 2 : 1) +
         epoch * vft_epoch_blocks(&m->sampling) + block;
}

uint64_t vft_cut_proofs(const vft_cut *cut, const vft_manifest *m) {
  return vft_cut_epoch_proof(cut, m, vft_sampling_epochs(&m->sampling, m->steps), 0);
}

/* ---- file ---- */

static char *cut_path(vft_arena *arena, const char *folder) {
  return vft_arena_printf(arena, "%s/shards.json", folder);
}

bool vft_cut_exists(const char *folder) {
  vft_arena arena = {0};
  char *path = cut_path(&arena, folder);
  bool there = path && vft_file_exists(path);
  vft_arena_free(&arena);
  return there;
}

vft_status vft_cut_write(const vft_cut *cut, const char *folder) {
  vft_arena arena = {0};
  char *text = NULL;
  size_t length;
  json_t *layers = json_array();
  for (int i = 0; i < cut->n; i++) json_array_append_new(layers, json_integer(cut->count[i]));
  json_t *json = json_pack("{s:s, s:o, s:i}", "format", CUT_FORMAT, "layers", layers, "steps",
                           cut->steps);
  char *path = cut_path(&arena, folder);
  vft_status st = json && path ? vft_json_canonical(json, &text, &length) : VFT_RESOURCE;
  if (st == VFT_OK) st = vft_file_write(path, text, length);
  json_decref(json);
  vft_free(text);
  vft_arena_free(&arena);
  return st;
}

static vft_status parse(const json_t *root, const char *path, int layers, vft_cut *out) {
  json_t *list = json_object_get(root, "layers");
  const char *format = json_string_value(json_object_get(root, "format"));
  if (!format) return vft_reject("shards/header", "%s: no format", path);
  if (strcmp(format, CUT_FORMAT))
    return vft_fail(VFT_USAGE, "%s: format %s is not supported (expected %s)", path, format,
                    CUT_FORMAT);
  size_t n = json_array_size(list);
  const json_t *steps = json_object_get(root, "steps");
  if (json_object_size(root) != 3 || !json_is_array(list) || n > VFT_MAX_PARTS ||
      !json_is_integer(steps))
    return vft_reject("shards/header", "%s: expected format, a list of at most %d layer counts and a "
                      "number of steps", path, VFT_MAX_PARTS);
  if (json_integer_value(steps) < 1 || json_integer_value(steps) > (n ? 1 : VFT_JOIN_STEPS))
    return vft_reject("shards/header", "%s: %lld steps in a proof, expected 1%s", path,
                      (long long)json_integer_value(steps), n ? "" : " to 64");
  out->steps = (int)json_integer_value(steps);
  json_int_t sum = 0;
  for (size_t i = 0; i < n; i++) {
    json_int_t count = json_integer_value(json_array_get(list, i)); /* 0 for what is no integer */
    if (count < 1 || count > layers)
      return vft_reject("shards/header", "%s: range %zu is not 1 to %d layers", path, i, layers);
    out->count[i] = (int)count;
    sum += count;
  }
  out->n = (int)n;
  if (n && sum != layers)
    return vft_reject("shards/header", "%s: ranges of %lld layers, the model has %d", path,
                      (long long)sum, layers);
  return VFT_OK;
}

vft_status vft_cut_read(const char *folder, int layers, vft_cut *out) {
  vft_arena arena = {0};
  vft_bytes text = {0};
  json_error_t error;
  json_t *root = NULL;
  vft_status st = VFT_RESOURCE;
  memset(out, 0, sizeof *out);
  char *path = cut_path(&arena, folder);
  if (!path) goto out;
  if (!vft_file_exists(path)) {
    st = vft_reject("shards/missing", "%s: there are no proofs (vft prove makes them)", path);
    goto out;
  }
  TRY_OUT(vft_file_read(path, TEXT_MAX, VFT_USAGE, &text));
  root = json_loadb((const char *)text.data, text.size, JSON_REJECT_DUPLICATES, &error);
  if (!root || !json_is_object(root))
    st = vft_reject("shards/header", "%s:%d: %s", path, root ? 1 : error.line,
                    root ? "expected an object" : error.text);
  else
    st = parse(root, path, layers, out);
out:
  json_decref(root);
  vft_bytes_free(&text);
  vft_arena_free(&arena);
  return st;
}

/* ---- programs ---- */

static vft_status checked(vft_status st, vft_step *const *step) {
  if (st == VFT_OK) st = vft_program_check_bounds((*step)->program);
  if (st != VFT_USAGE) return st;
  char text[512];
  snprintf(text, sizeof text, "%s", vft_error_message());
  return vft_reject("shards/program", "a shard of this cut has no valid program: %s", text);
}

/* Programs of the sizes of groups that there are. */
static vft_status derive_joined(const vft_manifest *m, vft_step *whole, vft_shards *out) {
  uint64_t a_epoch = groups_of(&out->cut, m->sampling.steps_per_epoch), first;
  uint64_t all = vft_cut_groups(&out->cut, m), probe[3] = {0, a_epoch - 1, all - 1};
  int n = 0;
  for (int i = 0; i < 3; i++) {
    if (probe[i] >= all) continue; /* a run of less than an epoch */
    int steps = vft_cut_group(&out->cut, m, probe[i], &first);
    bool there = steps == 1;
    for (int k = 0; k < n; k++) there = there || out->joined[k]->steps == steps;
    if (there) continue;
    TRY(checked(vft_step_join(whole, steps, &out->joined[n]), &out->joined[n]));
    n++;
  }
  return VFT_OK;
}

const vft_step *vft_shards_step(const vft_shards *s, uint32_t shard, int steps) {
  for (int k = 0; k < 3; k++)
    if (s->joined[k] && s->joined[k]->steps == steps) return s->joined[k];
  return steps == 1 ? s->step[shard] : NULL;
}

vft_status vft_shards_derive(const vft_manifest *m, vft_step *whole, const vft_cut *cut,
                             vft_shards *out) {
  memset(out, 0, sizeof *out);
  out->cut = *cut;
  out->n = vft_cut_shards(cut);
  out->step = vft_alloc(out->n, sizeof *out->step);
  vft_status st = out->step ? VFT_OK : VFT_RESOURCE;
  if (st == VFT_OK && !cut->n) {
    out->step[0] = whole;
    st = derive_joined(m, whole, out);
    if (st != VFT_OK) vft_shards_free(out);
    return st;
  }
  for (uint32_t i = 0; st == VFT_OK && i < out->n; i++) {
    vft_part part = vft_cut_part(cut, m->shape.layers, i);
    st = checked(vft_step_build_part(&m->shape, &m->profile, &part, m->log_columns, whole,
                                     &out->step[i]), &out->step[i]);
  }
  if (st == VFT_OK)
    st = checked(vft_release_build(&m->shape, &m->profile, cut->count, cut->n, m->log_columns,
                                   &out->release), &out->release);
  if (st != VFT_OK) vft_shards_free(out);
  return st;
}

void vft_shards_free(vft_shards *s) {
  for (uint32_t i = 0; s->step && s->cut.n && i < s->n; i++) vft_step_free(s->step[i]);
  for (int k = 0; k < 3; k++) vft_step_free(s->joined[k]);
  vft_step_free(s->release);
  vft_free(s->step);
  memset(s, 0, sizeof *s);
}

/* ---- links ---- */

uint32_t vft_slot(vft_slot_kind kind, uint32_t range) {
  return VFT_SLOT_RANGES + (uint32_t)kind + VFT_SLOT_KINDS * range;
}

uint32_t vft_shard_slot(const vft_shards *shards, uint32_t shard, uint32_t link) {
  const vft_step *s = shards->step[shard];
  uint32_t n = (uint32_t)shards->cut.n;
  uint32_t range = shard && n ? (shard - 1) % n : 0;
  if (link == s->link_batch) return VFT_SLOT_BATCH;
  if (link == s->link_head) return VFT_SLOT_HEAD;
  if (link == s->link_rows) return VFT_SLOT_ROWS;
  if (link == s->link_layers)
    return vft_slot(VFT_SLOT_LAYERS, s->part.kind == VFT_PART_HEAD ? n - 1 : range);
  if (link == s->link_before) return vft_slot(VFT_SLOT_LAYERS, range - 1);
  if (link == s->link_after) return vft_slot(VFT_SLOT_LAYERS, range + 1);
  if (link == s->link_adapter_in) return vft_slot(VFT_SLOT_ADAPTER_IN, range);
  if (link == s->link_state_in) return vft_slot(VFT_SLOT_STATE_IN, range);
  if (link == s->link_adapter_out) return vft_slot(VFT_SLOT_ADAPTER_OUT, range);
  return vft_slot(VFT_SLOT_STATE_OUT, range);
}

static uint32_t ranges(const vft_shards *s) { return s->cut.n ? (uint32_t)s->cut.n : 1; }

/* The shard that has the state of a range. */
static const vft_step *state_shard(const vft_shards *s, uint32_t range) {
  return s->step[s->cut.n ? 1 + (uint32_t)s->cut.n + range : 0];
}

vft_status vft_slots_start(const vft_shards *shards, uint64_t seed, vft_slots *out) {
  memset(out, 0, sizeof *out);
  for (uint32_t r = 0; r < ranges(shards); r++) {
    uint32_t adapter = vft_slot(VFT_SLOT_ADAPTER_IN, r), state = vft_slot(VFT_SLOT_STATE_IN, r);
    TRY(vft_derive_initial(state_shard(shards, r), seed, &out->root[adapter], &out->root[state]));
    out->set[adapter] = out->set[state] = true;
  }
  return VFT_OK;
}

void vft_slots_rows(vft_slots *slots, vft_digest rows) {
  slots->set[VFT_SLOT_ROWS] = true;
  slots->root[VFT_SLOT_ROWS] = rows;
}

void vft_slots_next(vft_slots *slots) {
  vft_slots next;
  memset(&next, 0, sizeof next);
  for (uint32_t r = 0; r < VFT_MAX_PARTS; r++)
    for (int k = 0; k < 2; k++) {
      uint32_t from = vft_slot(k ? VFT_SLOT_STATE_OUT : VFT_SLOT_ADAPTER_OUT, r);
      uint32_t to = vft_slot(k ? VFT_SLOT_STATE_IN : VFT_SLOT_ADAPTER_IN, r);
      next.set[to] = slots->set[from];
      next.root[to] = slots->root[from];
    }
  *slots = next;
}

static vft_status mismatch(const vft_shards *shards, uint64_t step, uint32_t shard,
                           uint32_t link) {
  const vft_step *s = shards->step[shard];
  unsigned long long t = step;
  char name[32], id[80];
  if (link == s->link_adapter_in || link == s->link_state_in) {
    bool state = link == s->link_state_in;
    snprintf(id, sizeof id, "%s/%s", step ? "chain" : "start", state ? "state" : "adapter");
    return vft_reject(id, "step %llu does not begin with the %s of %s", t,
                      state ? "optimiser state" : "adapter",
                      step ? "the step before" : "the manifest's start");
  }
  if (link == s->link_rows)
    return vft_reject("join/rows", "step %llu: its batch is not taken from the rows of its epoch", t);
  vft_cut_name(&shards->cut, shard, name);
  snprintf(id, sizeof id, "join/%s", s->program->link_names[link]);
  return vft_reject(id, "step %llu: what shard %s has in its link %s is not what another shard of "
                    "the step has there", t, name, s->program->link_names[link]);
}

vft_status vft_slots_join(vft_slots *slots, const vft_shards *shards, uint64_t step,
                          uint32_t shard, const vft_digest *link) {
  uint32_t n = shards->step[shard]->program->nlinks;
  for (uint32_t l = 0; l < n; l++) {
    uint32_t slot = vft_shard_slot(shards, shard, l);
    if (slots->set[slot] && memcmp(slots->root[slot].b, link[l].b, sizeof link[l].b))
      return mismatch(shards, step, shard, l);
  }
  for (uint32_t l = 0; l < n; l++) {
    uint32_t slot = vft_shard_slot(shards, shard, l);
    slots->set[slot] = true;
    slots->root[slot] = link[l];
  }
  return VFT_OK;
}

/* ---- transcript ---- */

/* Seven bytes an element, little-endian; returns their number. */
static size_t pack(vft_fp *out, const uint8_t *bytes, size_t n) {
  size_t elements = (n + 6) / 7;
  for (size_t e = 0; e < elements; e++) {
    uint64_t x = 0;
    for (size_t k = 0; k < 7 && 7 * e + k < n; k++) x |= (uint64_t)bytes[7 * e + k] << (8 * k);
    out[e] = vft_fp_from_u64(x);
  }
  return elements;
}

vft_proof_options vft_cut_options(const vft_manifest *m, const vft_cut *cut, uint64_t step,
                                  uint32_t shard, vft_fp context[VFT_CONTEXT_MAX]) {
  vft_proof_options options = m->shape.hash == VFT_HASH_POSEIDON ? vft_proof_options_recursive()
                                                                : vft_proof_options_default();
  vft_fp *at = context;
  at += pack(at, (const uint8_t *)VFT_PROTOCOL_NAME, sizeof VFT_PROTOCOL_NAME);
  at += pack(at, m->digest, 32);
  *at++ = vft_fp_from_u64(step);
  *at++ = vft_fp_from_u64(shard);
  *at++ = vft_fp_from_u64((uint64_t)cut->steps);
  *at++ = vft_fp_from_u64((uint64_t)cut->n);
  for (int r = 0; r < cut->n; r++) *at++ = vft_fp_from_u64((uint64_t)cut->count[r]);
  options.bits += vft_log2_ceil(vft_cut_proofs(cut, m));
  options.context = context;
  options.context_len = (size_t)(at - context);
  return options;
}
