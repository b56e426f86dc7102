#include "data/records.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "model/source.h"

enum { MAX_RECORDS = 1 << 26, MAX_MESSAGES = 4096 };

static const char *const format_names[] = {"auto", "alpaca", "sharegpt", "messages",
                                           "self_instruct"};

const char *vft_records_format_name(vft_records_format format) { return format_names[format]; }

vft_status vft_records_format_by_name(const char *name, vft_records_format *out) {
  for (int i = 0; i < (int)(sizeof format_names / sizeof *format_names); i++)
    if (!strcmp(name, format_names[i])) {
      *out = (vft_records_format)i;
      return VFT_OK;
    }
  if (!strcmp(name, "chat_template") || !strcmp(name, "openai")) {
    *out = VFT_RECORDS_MESSAGES;
    return VFT_OK;
  }
  return vft_fail(VFT_USAGE, "unknown record format '%s'; known are auto, alpaca, sharegpt, "
                  "messages and self_instruct",
                  vft_show((vft_slice){name, strlen(name)}).text);
}

/* One record being read. */
typedef struct {
  vft_records *all;
  size_t *capacity;
  const json_t *root;
  size_t line;
  uint64_t offset, bytes;
} reading;

static vft_status bad_field(const reading *r, const char *field, const char *what) {
  (void)vft_fail(VFT_USAGE, "%s: line %zu: field %s: %s", r->all->name, r->line, field, what);
  return VFT_USAGE;
}

/* The string at `key`; *text = NULL when it is absent or null and not required. */
static vft_status get_text(const reading *r, const json_t *object, const char *key,
                           const char *field, bool required, const char **text) {
  const json_t *v = json_object_get(object, key);
  *text = NULL;
  if (!v || json_is_null(v))
    return required ? bad_field(r, field, "missing; a string is expected") : VFT_OK;
  if (!json_is_string(v)) return bad_field(r, field, "not a string");
  *text = json_string_value(v);
  return VFT_OK;
}

/* A new record with room for that many messages. */
static vft_status new_record(reading *r, size_t messages, vft_record **out) {
  vft_records *all = r->all;
  if (all->count == MAX_RECORDS)
    return vft_fail(VFT_USAGE, "%s: more than %d records", all->name, MAX_RECORDS);
  if (all->count == *r->capacity) {
    size_t grown = *r->capacity ? 2 * *r->capacity : 256;
    vft_record *record = vft_alloc(grown, sizeof *record);
    if (!record) return VFT_RESOURCE;
    if (all->count) memcpy(record, all->record, all->count * sizeof *record);
    vft_free(all->record);
    all->record = record;
    *r->capacity = grown;
  }
  vft_record *record = &all->record[all->count];
  *record = (vft_record){.line = r->line, .offset = r->offset, .bytes = r->bytes};
  record->message = vft_arena_alloc(&all->arena, messages, sizeof *record->message);
  if (!record->message) return VFT_RESOURCE;
  *out = record;
  return VFT_OK;
}

static vft_status add_message(reading *r, vft_record *record, vft_role role, bool masked,
                              const char *text) {
  char *copy = vft_arena_strdup(&r->all->arena, text);
  if (!copy) return VFT_RESOURCE;
  record->message[record->messages++] = (vft_message){role, masked, copy, strlen(copy)};
  return VFT_OK;
}

/* Everything at the top of the object that is not the conversation. */
static vft_status add_fields(reading *r, vft_record *record, const char *const *skip) {
  json_t *root = (json_t *)(uintptr_t)r->root, *value;
  const char *key;
  size_t room = 0;
  json_object_foreach(root, key, value) {
    room += json_is_array(value) ? json_array_size(value) : 1;
  }
  record->field = vft_arena_alloc(&r->all->arena, room, sizeof *record->field);
  if (!record->field) return VFT_RESOURCE;
  json_object_foreach(root, key, value) {
    bool skipped = false;
    for (size_t i = 0; skip[i]; i++) skipped = skipped || !strcmp(key, skip[i]);
    if (skipped) continue;
    size_t items = json_is_array(value) ? json_array_size(value) : 1;
    for (size_t i = 0; i < items; i++) {
      const json_t *item = json_is_array(value) ? json_array_get(value, i) : value;
      vft_record_field *field = &record->field[record->fields];
      field->key = vft_arena_strdup(&r->all->arena, key);
      if (json_is_string(item))
        field->value = vft_arena_strdup(&r->all->arena, json_string_value(item));
      else if (json_is_integer(item))
        field->value = vft_arena_printf(&r->all->arena, "%lld",
                                        (long long)json_integer_value(item));
      else if (json_is_boolean(item))
        field->value = json_is_true(item) ? "true" : "false";
      else continue;
      if (!field->key || !field->value) return VFT_RESOURCE;
      record->fields++;
    }
  }
  return VFT_OK;
}

/* Keeps the record when it can be trained on. */
static vft_status finish_record(reading *r, vft_record *record, const char *field,
                                const char *const *skip) {
  bool user = false, assistant = false;
  for (size_t i = 0; i < record->messages; i++) {
    user = user || record->message[i].role == VFT_ROLE_USER;
    assistant = assistant || record->message[i].role == VFT_ROLE_ASSISTANT;
  }
  if (!user || !assistant)
    return bad_field(r, field, "empty record: a user and an assistant message are expected");
  TRY(add_fields(r, record, skip));
  r->all->count++;
  return VFT_OK;
}

static vft_status add_system(reading *r, vft_record *record) {
  const char *text;
  TRY(get_text(r, r->root, "system", "system", false, &text));
  if (text && *text) TRY(add_message(r, record, VFT_ROLE_SYSTEM, false, text));
  return VFT_OK;
}

/* instruction, or instruction "\n" input. */
static vft_status add_instruction(reading *r, vft_record *record, const char *instruction,
                                  const char *input) {
  if (!input || !*input) return add_message(r, record, VFT_ROLE_USER, false, instruction);
  const char *text = *instruction
                         ? vft_arena_printf(&r->all->arena, "%s\n%s", instruction, input)
                         : input;
  if (!text) return VFT_RESOURCE;
  return add_message(r, record, VFT_ROLE_USER, false, text);
}

static const char *const alpaca_keys[] = {"instruction", "input", "output", "system", "history",
                                          NULL};

static vft_status read_alpaca(reading *r) {
  const char *instruction, *input, *output;
  const json_t *history = json_object_get(r->root, "history");
  if (history && !json_is_null(history) && !json_is_array(history))
    return bad_field(r, "history", "not an array");
  size_t turns = json_array_size(history);
  if (turns > MAX_MESSAGES) return bad_field(r, "history", "too many turns");
  vft_record *record;
  TRY(new_record(r, 2 * turns + 3, &record));
  TRY(add_system(r, record));
  for (size_t i = 0; i < turns; i++) {
    const json_t *turn = json_array_get(history, i);
    const char *asked = json_string_value(json_array_get(turn, 0));
    const char *answered = json_string_value(json_array_get(turn, 1));
    if (json_array_size(turn) != 2 || !asked || !*asked || !answered || !*answered)
      return bad_field(r, "history", "a turn is not two strings with text");
    TRY(add_message(r, record, VFT_ROLE_USER, false, asked));
    TRY(add_message(r, record, VFT_ROLE_ASSISTANT, false, answered));
  }
  TRY(get_text(r, r->root, "instruction", "instruction", true, &instruction));
  TRY(get_text(r, r->root, "input", "input", false, &input));
  TRY(get_text(r, r->root, "output", "output", true, &output));
  if (!*instruction && (!input || !*input))
    return bad_field(r, "instruction", "empty record: there is no text");
  if (!*output) return bad_field(r, "output", "empty record: there is no text to learn");
  TRY(add_instruction(r, record, instruction, input));
  TRY(add_message(r, record, VFT_ROLE_ASSISTANT, false, output));
  return finish_record(r, record, "output", alpaca_keys);
}

static const char *const self_instruct_keys[] = {"instruction", "instances", NULL};

static vft_status read_self_instruct(reading *r) {
  const char *instruction;
  const json_t *instances = json_object_get(r->root, "instances");
  TRY(get_text(r, r->root, "instruction", "instruction", true, &instruction));
  if (!*instruction) return bad_field(r, "instruction", "empty record: there is no text");
  if (json_array_size(instances) == 0)
    return bad_field(r, "instances", "empty record: a list with input and output is expected");
  for (size_t i = 0; i < json_array_size(instances); i++) {
    char field[48];
    const char *input, *output;
    const json_t *one = json_array_get(instances, i);
    vft_record *record;
    TRY(new_record(r, 2, &record));
    snprintf(field, sizeof field, "instances[%zu].input", i);
    TRY(get_text(r, one, "input", field, false, &input));
    snprintf(field, sizeof field, "instances[%zu].output", i);
    TRY(get_text(r, one, "output", field, true, &output));
    if (!*output) return bad_field(r, field, "empty record: there is no text to learn");
    TRY(add_instruction(r, record, instruction, input));
    TRY(add_message(r, record, VFT_ROLE_ASSISTANT, false, output));
    TRY(finish_record(r, record, field, self_instruct_keys));
  }
  return VFT_OK;
}

static bool role_by_name(const char *name, vft_role *out) {
  static const struct {
    const char *name;
    vft_role role;
  } known[] = {{"system", VFT_ROLE_SYSTEM}, {"user", VFT_ROLE_USER},
               {"human", VFT_ROLE_USER},    {"assistant", VFT_ROLE_ASSISTANT},
               {"gpt", VFT_ROLE_ASSISTANT}};
  for (size_t i = 0; i < sizeof known / sizeof *known; i++)
    if (!strcmp(name, known[i].name)) {
      *out = known[i].role;
      return true;
    }
  return false;
}

/* ShareGPT and OpenAI differ in names only; ShareGPT files use either pair. */
static vft_status read_messages(reading *r, const char *list_key, bool weights) {
  static const char *const keys[] = {"conversations", "messages", "system", NULL};
  const json_t *list = json_object_get(r->root, list_key);
  if (!json_is_array(list)) return bad_field(r, list_key, "missing or not an array");
  size_t n = json_array_size(list);
  if (n > MAX_MESSAGES) return bad_field(r, list_key, "too many messages");
  vft_record *record;
  TRY(new_record(r, n + 1, &record));
  TRY(add_system(r, record));
  for (size_t i = 0; i < n; i++) {
    const json_t *one = json_array_get(list, i);
    char field[64];
    const char *name, *text;
    snprintf(field, sizeof field, "%s[%zu]", list_key, i);
    if (!json_is_object(one)) return bad_field(r, field, "not an object");
    bool old = !weights && json_object_get(one, "from");
    snprintf(field, sizeof field, "%s[%zu].%s", list_key, i, old ? "from" : "role");
    TRY(get_text(r, one, old ? "from" : "role", field, true, &name));
    vft_role role;
    if (!role_by_name(name, &role))
      return vft_fail(VFT_USAGE, "%s: line %zu: field %s: role '%s' is not supported (system, "
                      "user, assistant; human, gpt)", r->all->name, r->line, field,
                      vft_show((vft_slice){name, strlen(name)}).text);
    if (role == VFT_ROLE_SYSTEM && (i > 0 || record->messages > 0))
      return bad_field(r, field, "a system message that is not the first");
    old = !weights && json_object_get(one, "value");
    snprintf(field, sizeof field, "%s[%zu].%s", list_key, i, old ? "value" : "content");
    TRY(get_text(r, one, old ? "value" : "content", field, true, &text));
    if (!*text && role == VFT_ROLE_SYSTEM) continue;
    if (!*text) return bad_field(r, field, "empty record: there is no text");
    const json_t *weight = json_object_get(one, "weight");
    bool masked = false;
    if (weight && !json_is_null(weight)) {
      snprintf(field, sizeof field, "%s[%zu].weight", list_key, i);
      if (!json_is_integer(weight) || json_integer_value(weight) < 0 ||
          json_integer_value(weight) > 1)
        return bad_field(r, field, "expected 0 or 1");
      masked = json_integer_value(weight) == 0;
    }
    TRY(add_message(r, record, role, masked, text));
  }
  return finish_record(r, record, list_key, keys);
}

static vft_status detect(const reading *r, vft_records_format *format) {
  if (json_object_get(r->root, "messages")) *format = VFT_RECORDS_MESSAGES;
  else if (json_object_get(r->root, "conversations")) *format = VFT_RECORDS_SHAREGPT;
  else if (json_object_get(r->root, "instances")) *format = VFT_RECORDS_SELF_INSTRUCT;
  else if (json_object_get(r->root, "instruction")) *format = VFT_RECORDS_ALPACA;
  else
    return vft_fail(VFT_USAGE, "%s: line %zu: none of the fields instruction, conversations, "
                    "messages is there; declare the format", r->all->name, r->line);
  return VFT_OK;
}

/* One record's JSON text. */
static vft_status read_record(reading *r, const char *text, size_t n) {
  json_error_t error;
  json_t *root = json_loadb(text, n, JSON_REJECT_DUPLICATES, &error);
  if (!root) {
    size_t line = r->line + (error.line > 0 ? (size_t)error.line - 1 : 0);
    return vft_fail(VFT_USAGE, "%s: line %zu: malformed JSON: %s", r->all->name, line,
                    vft_show((vft_slice){error.text, strlen(error.text)}).text);
  }
  r->root = root;
  vft_status st = VFT_OK;
  if (!json_is_object(root))
    st = vft_fail(VFT_USAGE, "%s: line %zu: a record is not a JSON object", r->all->name,
                  r->line);
  if (st == VFT_OK && r->all->format == VFT_RECORDS_AUTO) st = detect(r, &r->all->format);
  if (st == VFT_OK) switch (r->all->format) {
      case VFT_RECORDS_ALPACA: st = read_alpaca(r); break;
      case VFT_RECORDS_SELF_INSTRUCT: st = read_self_instruct(r); break;
      case VFT_RECORDS_SHAREGPT: st = read_messages(r, "conversations", false); break;
      case VFT_RECORDS_MESSAGES: st = read_messages(r, "messages", true); break;
      case VFT_RECORDS_AUTO: st = VFT_USAGE; break; /* detect() leaves no such format */
    }
  json_decref(root);
  return st;
}

/* ---- finding the records in the file ------------------------------------------------------- */

typedef struct {
  const char *text;
  size_t length, at, line;
} scanner;

static void skip_space(scanner *s) {
  for (; s->at < s->length; s->at++) {
    char c = s->text[s->at];
    if (c == '\n') s->line++;
    else if (c != ' ' && c != '\t' && c != '\r') break;
  }
}

/* Moves past one array element: to the comma or bracket after it that is in no string and at no
 * inner level. Its syntax is left to the JSON parser. */
static void skip_element(scanner *s) {
  size_t depth = 0;
  bool in_string = false;
  for (; s->at < s->length; s->at++) {
    char c = s->text[s->at];
    if (c == '\n') s->line++;
    if (in_string) {
      if (c == '\\' && s->at + 1 < s->length && s->text[s->at + 1] != '\n') s->at++;
      else if (c == '"') in_string = false;
    } else if (c == '"') {
      in_string = true;
    } else if (c == '{' || c == '[') {
      depth++;
    } else if (c == '}' || c == ']') {
      if (depth == 0) return;
      depth--;
    } else if (c == ',' && depth == 0) {
      return;
    }
  }
}

typedef enum { NOT_BEGUN, LINES, ARRAY, ENDED } place;

struct vft_record_stream {
  char *name;
  vft_records_format format;
  scanner s;
  place place;
  size_t elements;
  size_t released; /* bytes of the mapping that were handed back */
  vft_source file; /* empty for a text in memory */
};

static void begin(vft_record_stream *t) {
  scanner *s = &t->s;
  if (s->length >= 3 && !memcmp(s->text, "\xef\xbb\xbf", 3)) s->at = 3; /* byte order mark */
  skip_space(s);
  t->place = s->at < s->length && s->text[s->at] == '[' ? ARRAY : LINES;
  if (t->place == LINES) return;
  s->at++;
  skip_space(s);
  if (s->at < s->length && s->text[s->at] == ']') {
    s->at++;
    t->place = ENDED;
  }
}

static vft_status read_at(reading *r, const scanner *s, size_t begin, size_t end, size_t line) {
  if (!r) return VFT_OK;
  while (end > begin && strchr(" \t\r\n", s->text[end - 1])) end--;
  r->line = line;
  r->offset = begin;
  r->bytes = end - begin;
  size_t first = r->all->count;
  TRY(read_record(r, s->text + begin, end - begin));
  for (size_t i = first; i < r->all->count; i++) r->all->record[i].instance = i - first;
  return VFT_OK;
}

static vft_status array_element(vft_record_stream *t, reading *r) {
  scanner *s = &t->s;
  skip_space(s);
  size_t begin = s->at, line = s->line;
  skip_element(s);
  if (s->at == s->length) {
    /* The parser's complaint about the last record is clearer, when it has one. */
    TRY(read_at(r, s, begin, s->at, line));
    return vft_fail(VFT_USAGE, "%s: line %zu: the file ends inside the array of records", t->name,
                    s->line);
  }
  if (s->text[s->at] == '}')
    return vft_fail(VFT_USAGE, "%s: line %zu: malformed JSON: unexpected '}'", t->name, s->line);
  TRY(read_at(r, s, begin, s->at, line));
  if (s->text[s->at++] == ']') t->place = ENDED;
  return VFT_OK;
}

/* One element more, read into r unless that is NULL; at the end the place is ENDED and nothing
 * is read. */
static vft_status step(vft_record_stream *t, reading *r) {
  scanner *s = &t->s;
  if (t->place == NOT_BEGUN) begin(t);
  if (t->place == ARRAY) {
    t->elements++;
    TRY(array_element(t, r));
    if (t->place != ENDED) return VFT_OK;
  } else if (t->place == LINES) {
    skip_space(s);
    if (s->at == s->length) {
      t->place = ENDED;
      return VFT_OK;
    }
    const char *end = memchr(s->text + s->at, '\n', s->length - s->at);
    size_t stop = end ? (size_t)(end - s->text) : s->length;
    t->elements++;
    TRY(read_at(r, s, s->at, stop, s->line));
    s->at = stop;
    return VFT_OK;
  }
  skip_space(s); /* ended, as an array */
  if (s->at < s->length)
    return vft_fail(VFT_USAGE, "%s: line %zu: text after the array of records", t->name, s->line);
  return VFT_OK;
}

/* Pages behind the reading position are clean and need not stay in memory. */
static void release(vft_record_stream *t) {
  size_t page = (size_t)sysconf(_SC_PAGESIZE), end = t->s.at / page * page;
  if (t->file.data && end > t->released) {
    madvise((void *)(uintptr_t)(t->file.data + t->released), end - t->released, MADV_DONTNEED);
    t->released = end;
  }
}

vft_status vft_record_stream_next(vft_record_stream *t, size_t elements, vft_records *out) {
  *out = (vft_records){.format = t->format, .file_bytes = t->s.length};
  size_t capacity = 0;
  vft_status st = VFT_RESOURCE;
  out->name = vft_arena_strdup(&out->arena, t->name);
  if (!out->name) goto out;
  reading r = {.all = out, .capacity = &capacity};
  st = VFT_OK;
  for (size_t i = 0; i < elements && t->place != ENDED; i++) TRY_OUT(step(t, &r));
  t->format = out->format;
  release(t);
out:
  if (st != VFT_OK) vft_records_free(out);
  return st;
}

vft_status vft_record_stream_skip(vft_record_stream *t, size_t elements) {
  if (t->format == VFT_RECORDS_AUTO)
    return vft_fail(VFT_USAGE, "%s: declare the format to pass over records", t->name);
  for (size_t i = 0; i < elements; i++) {
    size_t before = t->elements;
    TRY(step(t, NULL));
    if (t->elements == before)
      return vft_fail(VFT_USAGE, "%s: %zu records, expected more", t->name, before);
  }
  release(t);
  return VFT_OK;
}

size_t vft_record_stream_elements(const vft_record_stream *t) { return t->elements; }
uint64_t vft_record_stream_offset(const vft_record_stream *t) { return t->s.at; }
uint64_t vft_record_stream_size(const vft_record_stream *t) { return t->s.length; }

vft_status vft_record_stream_open(const char *path, vft_records_format format,
                                  vft_record_stream **out) {
  vft_record_stream *t = vft_alloc(1, sizeof *t);
  *out = NULL;
  if (!t) return VFT_RESOURCE;
  t->format = format;
  t->name = vft_strndup(path, strlen(path));
  vft_status st = t->name ? vft_source_open(path, &t->file) : VFT_RESOURCE;
  if (st != VFT_OK) {
    vft_record_stream_close(t);
    return st;
  }
  t->s = (scanner){(const char *)t->file.data, t->file.size, 0, 1};
  *out = t;
  return VFT_OK;
}

void vft_record_stream_close(vft_record_stream *t) {
  if (!t) return;
  vft_source_close(&t->file);
  vft_free(t->name);
  vft_free(t);
}

vft_status vft_records_parse(const char *text, size_t length, const char *name,
                             vft_records_format format, vft_records *out) {
  *out = (vft_records){0};
  vft_record_stream t = {.format = format, .s = {text, length, 0, 1}};
  t.name = vft_strndup(name, strlen(name));
  if (!t.name) return VFT_RESOURCE;
  vft_status st = vft_record_stream_next(&t, SIZE_MAX, out);
  vft_free(t.name);
  TRY(st);
  st = vft_sha256(text, length, out->sha256);
  if (st == VFT_OK && out->count == 0)
    st = vft_fail(VFT_USAGE, "%s: there is no record in it", out->name);
  if (st != VFT_OK) vft_records_free(out);
  return st;
}

vft_status vft_records_load(const char *path, vft_records_format format, vft_records *out) {
  *out = (vft_records){0};
  vft_source file;
  TRY(vft_source_open(path, &file));
  vft_status st = vft_records_parse((const char *)file.data, file.size, path, format, out);
  vft_source_close(&file);
  return st;
}

void vft_records_free(vft_records *records) {
  vft_free(records->record);
  vft_arena_free(&records->arena);
  *records = (vft_records){0};
}

static const char *get_first(const vft_record *record, const char *const *keys) {
  for (size_t k = 0; keys[k]; k++)
    for (size_t i = 0; i < record->fields; i++)
      if (!strcmp(record->field[i].key, keys[k])) return record->field[i].value;
  return NULL;
}

const char *vft_record_get(const vft_record *record, const char *key) {
  return get_first(record, (const char *const[]){key, NULL});
}
const char *vft_record_lang(const vft_record *record) {
  return get_first(record, (const char *const[]){"lang", "language", NULL});
}
const char *vft_record_domain(const vft_record *record) {
  return get_first(record, (const char *const[]){"domain", "category", "tags", NULL});
}
const char *vft_record_license(const vft_record *record) {
  return get_first(record, (const char *const[]){"license", "licence", NULL});
}
const char *vft_record_source(const vft_record *record) {
  return get_first(record, (const char *const[]){"source", NULL});
}
