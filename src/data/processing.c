#include "data/processing.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/pool.h"
#include "data/canonical_json.h"
#include "hash/blake3.h"
#include "model/model.h"
#include "model/source.h"

/* ---- the plan ---- */

static json_t *text_or_null(const char *text) { return text ? json_string(text) : json_null(); }

static char *absolute(vft_arena *arena, const char *path) {
  char *full = realpath(path, NULL), *copy;
  if (!full) {
    (void)vft_fail(VFT_USAGE, "%s: cannot be opened: %s", path, strerror(errno));
    return NULL;
  }
  copy = vft_arena_strdup(arena, full);
  free(full);
  return copy;
}

static json_t *dataset_json(const vft_config_dataset *d) {
  json_t *tags = json_array();
  for (size_t i = 0; i < d->ntags; i++) json_array_append_new(tags, json_string(d->tags[i]));
  return json_pack("{s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:s}", "path", d->path, "type", d->type,
                   "source", text_or_null(d->source), "license", text_or_null(d->license),
                   "language", text_or_null(d->language), "domain", text_or_null(d->domain),
                   "tags", tags, "tier", vft_tier_names[d->tier]);
}

static vft_status write_json(vft_processing *p, const vft_config *c, const char *base_model) {
  json_t *list = json_array(), *root;
  for (size_t i = 0; i < p->sources; i++) json_array_append_new(list, dataset_json(&p->source[i]));
  root = json_pack("{s:s, s:s, s:o, s:s, s:i, s:o}", "base_model", base_model, "chat_template",
                   c->chat_template, "system", text_or_null(c->system), "text_rule",
                   vft_text_rule_names[c->text_rule], "sequence_len", c->sequence_len, "datasets",
                   list);
  if (!root || json_array_size(list) != p->sources) {
    json_decref(root);
    return vft_fail(VFT_USAGE, "%s: a path or a text is not valid UTF-8", c->file);
  }
  size_t length;
  vft_status st = vft_json_canonical(root, &p->json, &length);
  json_decref(root);
  return st;
}

static void put32(uint8_t *at, uint32_t v) {
  for (int i = 0; i < 4; i++) at[i] = (uint8_t)(v >> (8 * i));
}

vft_status vft_processing_digest(vft_text_rule rule, const uint8_t template_digest[32],
                                 const uint8_t tokenizer_digest[32], size_t sequence_len,
                                 int32_t pad_id, uint8_t proc[32]) {
  uint8_t text[128];
  int n = snprintf((char *)text, sizeof text, "vft processing 1\n%s\n",
                   vft_text_rule_names[rule]);
  memcpy(text + n, template_digest, 32);
  memcpy(text + n + 32, tokenizer_digest, 32);
  put32(text + n + 64, (uint32_t)sequence_len);
  put32(text + n + 68, (uint32_t)pad_id);
  return vft_sha256(text, (size_t)n + 72, proc);
}

/* The model's pad, else its end of text, else 0. */
static int32_t pad_of(const vft_arch *a) {
  int32_t pad = a->pad >= 0 ? a->pad : a->eos >= 0 ? a->eos : 0;
  return pad < a->vocab ? pad : 0;
}

static vft_status set_text(vft_processing *p, const vft_config *c) {
  vft_model model;
  TRY(vft_model_load_header(c->base_model, &model));
  vft_arch arch = model.arch;
  vft_model_free(&model);
  p->pad_id = pad_of(&arch);
  p->sequence_len = (size_t)c->sequence_len;
  if (c->sequence_len > arch.context)
    return vft_fail(VFT_USAGE, "%s: sequence_len: %d is longer than the model's context of %d",
                    c->file, c->sequence_len, arch.context);
  p->text_rule = c->text_rule;
  TRY(vft_template_by_name(c->chat_template, &p->tmpl));
  if (c->system && !(p->tmpl.default_system = vft_arena_strdup(&p->arena, c->system)))
    return VFT_RESOURCE;
  TRY(vft_template_digest(&p->tmpl, p->template_digest));
  TRY(vft_tokenizer_load(c->base_model, &p->tokenizer));
  memcpy(p->tokenizer_digest, vft_tokenizer_digest(p->tokenizer), 32);
  if (vft_tokenizer_size(p->tokenizer) > (size_t)arch.vocab)
    return vft_fail(VFT_USAGE, "%s: the tokenizer has %zu tokens, the model %d", c->base_model,
                    vft_tokenizer_size(p->tokenizer), arch.vocab);
  return vft_processing_digest(p->text_rule, p->template_digest, p->tokenizer_digest,
                               p->sequence_len, p->pad_id, p->proc);
}

static vft_status copy_source(vft_processing *p, const vft_config_dataset *from,
                              vft_config_dataset *to) {
  *to = *from;
  if (!(to->path = absolute(&p->arena, from->path))) return VFT_USAGE;
  const char **text[] = {&to->type, &to->source, &to->license, &to->language, &to->domain};
  for (size_t i = 0; i < sizeof text / sizeof *text; i++)
    if (*text[i] && !(*text[i] = vft_arena_strdup(&p->arena, *text[i]))) return VFT_RESOURCE;
  to->tags = vft_arena_alloc(&p->arena, from->ntags, sizeof *to->tags);
  if (!to->tags) return VFT_RESOURCE;
  for (size_t i = 0; i < from->ntags; i++)
    if (!(to->tags[i] = vft_arena_strdup(&p->arena, from->tags[i]))) return VFT_RESOURCE;
  return VFT_OK;
}

vft_status vft_processing_make(const vft_config *c, vft_processing *p) {
  vft_status st = VFT_RESOURCE;
  memset(p, 0, sizeof *p);
  p->source = vft_arena_alloc(&p->arena, c->ndatasets, sizeof *p->source);
  if (!p->source) goto out;
  st = VFT_USAGE;
  char *base_model = absolute(&p->arena, c->base_model);
  if (!base_model) goto out;
  for (int tier = 0; tier < VFT_TIERS; tier++)
    for (size_t i = 0; i < c->ndatasets; i++) {
      if ((int)c->datasets[i].tier != tier) continue;
      TRY_OUT(copy_source(p, &c->datasets[i], &p->source[p->sources]));
      p->sources++;
    }
  TRY_OUT(write_json(p, c, base_model));
  TRY_OUT(set_text(p, c));
out:
  if (st != VFT_OK) vft_processing_free(p);
  return st;
}

/* ---- reading a plan back ---- */

/* A text or null at a key that must be there. */
static bool get_text(const json_t *object, const char *key, const char **out) {
  const json_t *v = json_object_get(object, key);
  *out = json_string_value(v);
  return *out || json_is_null(v);
}

static bool read_dataset(vft_arena *arena, const json_t *v, vft_config_dataset *d) {
  const char *tier = json_string_value(json_object_get(v, "tier"));
  const json_t *tags = json_object_get(v, "tags");
  d->path = json_string_value(json_object_get(v, "path"));
  d->type = json_string_value(json_object_get(v, "type"));
  if (!tier || !json_is_array(tags) || !d->path || !d->type || json_object_size(v) != 8 ||
      !get_text(v, "source", &d->source) || !get_text(v, "license", &d->license) ||
      !get_text(v, "language", &d->language) || !get_text(v, "domain", &d->domain))
    return false;
  d->ntags = json_array_size(tags);
  d->tags = vft_arena_alloc(arena, d->ntags, sizeof *d->tags);
  if (!d->tags) return false;
  for (size_t i = 0; i < d->ntags; i++)
    if (!(d->tags[i] = json_string_value(json_array_get(tags, i)))) return false;
  for (int t = 0; t < VFT_TIERS; t++)
    if (!strcmp(tier, vft_tier_names[t])) {
      d->tier = (vft_tier)t;
      return true;
    }
  return false;
}

vft_status vft_processing_read(const char *text, vft_processing *p) {
  vft_config c = {.file = "the commitment's configuration"};
  json_t *root = NULL, *list;
  const char *rule;
  vft_status st;
  memset(p, 0, sizeof *p);
  TRY_OUT(vft_json_parse_canonical(text, strlen(text), c.file, &root));
  st = vft_fail(VFT_USAGE, "%s: not one of this version", c.file);
  if (json_object_size(root) != 6 || !get_text(root, "system", &c.system) ||
      json_unpack(root, "{s:s, s:s, s:s, s:i, s:o}", "base_model", &c.base_model, "chat_template",
                  &c.chat_template, "text_rule", &rule, "sequence_len", &c.sequence_len,
                  "datasets", &list))
    goto out;
  size_t pick = 0;
  while (pick < 3 && strcmp(rule, vft_text_rule_names[pick])) pick++;
  c.text_rule = (vft_text_rule)pick;
  c.ndatasets = json_array_size(list);
  c.datasets = vft_arena_alloc(&c.arena, c.ndatasets, sizeof *c.datasets);
  if (pick == 3 || c.sequence_len < 2 || c.ndatasets == 0 || !c.datasets) goto out;
  for (size_t i = 0; i < c.ndatasets; i++)
    if (!read_dataset(&c.arena, json_array_get(list, i), &c.datasets[i])) goto out;
  st = vft_processing_make(&c, p);
out:
  json_decref(root);
  vft_arena_free(&c.arena);
  return st;
}

void vft_processing_free(vft_processing *p) {
  vft_free(p->json);
  vft_tokenizer_free(p->tokenizer);
  vft_arena_free(&p->arena);
  memset(p, 0, sizeof *p);
}

/* ---- classes ---- */

vft_status vft_class_list_init(vft_class_list *list) {
  memset(list, 0, sizeof *list);
  list->list = vft_alloc(VFT_CLASSES, sizeof *list->list);
  list->digest = vft_alloc(VFT_CLASSES, sizeof *list->digest);
  list->slot = vft_alloc(2 * VFT_CLASSES, sizeof *list->slot);
  if (list->list && list->digest && list->slot) return VFT_OK;
  vft_class_list_free(list);
  return VFT_RESOURCE;
}

vft_status vft_class_list_add(vft_class_list *list, const vft_class *c, uint32_t *number) {
  vft_digest h = vft_blake3_hash(c->bytes, c->length);
  uint32_t at;
  memcpy(&at, h.b, 4);
  for (;; at++) {
    at %= 2 * VFT_CLASSES;
    if (!list->slot[at]) break;
    const vft_class *known = list->list[list->slot[at] - 1];
    if (known->length == c->length && !memcmp(known->bytes, c->bytes, c->length)) {
      *number = list->slot[at] - 1;
      return VFT_OK;
    }
  }
  if (list->count == VFT_CLASSES)
    return vft_fail(VFT_USAGE, "more than %d different combinations of source, licence, language, "
                    "domain and tags; give records fewer different tags", VFT_CLASSES);
  vft_class *copy = vft_arena_alloc(&list->arena, 1, sizeof *copy);
  if (!copy) return VFT_RESOURCE;
  if (!vft_class_read(c->bytes, c->length, copy))
    return vft_fail(VFT_RESOURCE, "out of memory while listing classes");
  list->list[list->count] = copy;
  list->digest[list->count] = vft_class_digest(c->bytes, c->length);
  list->slot[at] = (uint32_t)++list->count;
  *number = (uint32_t)list->count - 1;
  return VFT_OK;
}

void vft_class_list_free(vft_class_list *list) {
  vft_free(list->list);
  vft_free(list->digest);
  vft_free(list->slot);
  vft_arena_free(&list->arena);
  memset(list, 0, sizeof *list);
}

/* ---- rows ---- */

/* "vft record text v1" 0x00 | le32 messages | per message: role, masked?, le32 length, content as
 * the source has it. */
static void raw_digest(const vft_record *record, uint8_t out[32]) {
  static const char domain[] = "vft record text v1";
  uint8_t head[6];
  vft_blake3 h;
  vft_blake3_init(&h);
  vft_blake3_update(&h, domain, sizeof domain);
  put32(head, (uint32_t)record->messages);
  vft_blake3_update(&h, head, 4);
  for (size_t i = 0; i < record->messages; i++) {
    const vft_message *m = &record->message[i];
    head[0] = (uint8_t)m->role;
    head[1] = m->masked;
    put32(head + 2, (uint32_t)m->length);
    vft_blake3_update(&h, head, 6);
    vft_blake3_update(&h, m->content, m->length);
  }
  vft_blake3_final(&h, out, 32);
}

vft_status vft_processing_sample(const vft_processing *p, const vft_record *record,
                                 vft_sample *out) {
  return vft_record_encode(record, p->text_rule, p->tokenizer, &p->tmpl, p->sequence_len + 1, out);
}

vft_status vft_processing_content(const vft_processing *p, const vft_record *record,
                                  vft_sample *out, uint8_t raw[32],
                                  vft_poseidon_digest *content) {
  size_t n = vft_content_elements(p->sequence_len);
  TRY(vft_processing_sample(p, record, out));
  vft_fp *elements = vft_alloc(n, sizeof *elements);
  if (!elements) {
    vft_sample_free(out);
    return VFT_RESOURCE;
  }
  raw_digest(record, raw);
  vft_content_pack(out, p->sequence_len, p->pad_id, raw, elements);
  vft_poseidon_hash_many(VFT_DOMAIN_CONTENT, elements, n, 1, content);
  vft_free(elements);
  return VFT_OK;
}

enum { GRAIN = 32 };

typedef struct {
  const vft_processing *p;
  const vft_records *records;
  const vft_class_list *classes;
  const uint8_t *master;
  uint64_t first;
  vft_row *row;
  uint8_t *failed;
} job;

static vft_status pack_one(const job *j, size_t i, vft_fp *elements) {
  uint8_t raw[32];
  vft_sample sample;
  TRY(vft_processing_sample(j->p, &j->records->record[i], &sample));
  raw_digest(&j->records->record[i], raw);
  vft_content_pack(&sample, j->p->sequence_len, j->p->pad_id, raw, elements);
  j->row[i].tokens = (uint32_t)sample.length;
  j->row[i].loss_tokens = (uint32_t)sample.loss_tokens;
  j->row[i].cut = sample.loss_tokens && sample.full_length > sample.length;
  j->row[i].dropped = sample.loss_tokens ? (uint32_t)sample.dropped_bytes : 0;
  vft_sample_free(&sample);
  return VFT_OK;
}

static void rows_range(void *ctx, size_t begin, size_t end) {
  const job *j = ctx;
  size_t m = end - begin, each = vft_content_elements(j->p->sequence_len);
  vft_fp *elements = vft_alloc(m * each, sizeof *elements);
  vft_poseidon_digest class_digest[GRAIN], content[GRAIN], metadata[GRAIN], salt[GRAIN],
      leaf[GRAIN];
  uint32_t tokens[GRAIN], loss[GRAIN];
  if (!elements) {
    memset(j->failed + begin, 1, m);
    return;
  }
  for (size_t i = 0; i < m; i++) {
    j->failed[begin + i] = pack_one(j, begin + i, elements + i * each) != VFT_OK;
    const vft_row *row = &j->row[begin + i];
    class_digest[i] = j->classes->digest[row->class_number];
    tokens[i] = row->tokens;
    loss[i] = row->loss_tokens;
    salt[i] = vft_record_salt(j->master, j->first + begin + i);
  }
  vft_poseidon_hash_many(VFT_DOMAIN_CONTENT, elements, each, m, content);
  vft_metadata_digests(class_digest, tokens, loss, metadata, m);
  vft_leaf_digests(content, metadata, salt, leaf, m);
  for (size_t i = 0; i < m; i++) {
    j->row[begin + i].content = content[i];
    j->row[begin + i].leaf = leaf[i];
  }
  vft_free(elements);
}

/* Messages are kept per thread: the first failing record is done again on this one. */
static vft_status report_failure(const job *j) {
  for (size_t i = 0; i < j->records->count; i++) {
    vft_sample again;
    if (!j->failed[i]) continue;
    vft_status st = vft_processing_sample(j->p, &j->records->record[i], &again);
    vft_sample_free(&again);
    if (st != VFT_OK)
      return vft_fail_context(st, "%s: line %zu", j->records->name, j->records->record[i].line);
    return vft_fail(VFT_RESOURCE, "%s: out of memory while encoding records", j->records->name);
  }
  return VFT_OK;
}

vft_status vft_processing_rows(const vft_processing *p, size_t source, const vft_records *records,
                               uint64_t first, const uint8_t master[32], vft_class_list *classes,
                               vft_row *row) {
  vft_status st = VFT_OK;
  job j = {p, records, classes, master, first, row, vft_alloc(records->count, 1)};
  vft_class *c = vft_alloc(1, sizeof *c);
  if (!j.failed || !c) st = VFT_RESOURCE;
  for (size_t i = 0; st == VFT_OK && i < records->count; i++) {
    const vft_record *r = &records->record[i];
    row[i] = (vft_row){.offset = r->offset, .bytes = r->bytes, .line = (uint32_t)r->line,
                       .instance = (uint32_t)r->instance};
    st = vft_class_of(r, records->name, &p->source[source], p->proc, c);
    if (st == VFT_OK) st = vft_class_list_add(classes, c, &row[i].class_number);
  }
  if (st == VFT_OK) {
    vft_parallel_for(records->count, GRAIN, rows_range, &j);
    st = report_failure(&j);
  }
  vft_free(c);
  vft_free(j.failed);
  return st;
}
