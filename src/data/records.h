/* Training records: JSON arrays and JSON Lines in the three usual shapes -> messages -> tokens.
 *
 *   Alpaca         {"instruction", "input"?, "output", "system"?, "history"?}
 *   ShareGPT       {"conversations": [{"from"|"role", "value"|"content"}], "system"?}
 *   OpenAI         {"messages": [{"role", "content", "weight"?}]}
 *   self-instruct  {"instruction", "instances": [{"input"?, "output"}]}: a record an instance
 *
 * Alpaca's user message is instruction, or instruction "\n" input when input is not empty.
 * Every error names file, line and field. */
#ifndef VFT_DATA_RECORDS_H
#define VFT_DATA_RECORDS_H

#include <stddef.h>
#include <stdint.h>

#include "base/mem.h"
#include "base/status.h"
#include "data/canonical_text.h"
#include "model/chat.h"

typedef enum {
  VFT_RECORDS_AUTO = 0,
  VFT_RECORDS_ALPACA,
  VFT_RECORDS_SHAREGPT,
  VFT_RECORDS_MESSAGES,
  VFT_RECORDS_SELF_INSTRUCT
} vft_records_format;

/* "auto", "alpaca", "sharegpt", "messages" (also "chat_template", "openai"), "self_instruct".
 * Fails: VFT_USAGE naming the known ones. */
vft_status vft_records_format_by_name(const char *name, vft_records_format *out);
const char *vft_records_format_name(vft_records_format format);

/* A string field of the record that is not part of the conversation (source, license, lang,
 * domain, id, ...). An array of strings (tags) gives one entry an element, same key. Integers
 * and booleans are kept as their JSON text. */
typedef struct {
  const char *key, *value;
} vft_record_field;

typedef struct {
  vft_message *message;
  size_t messages;
  vft_record_field *field;
  size_t fields;
  size_t line;           /* of the record's first byte, from 1 */
  size_t instance;       /* number among the records of the same JSON object */
  uint64_t offset, bytes; /* where its JSON text lies in the file */
} vft_record;

typedef struct {
  char *name;                /* path as given */
  vft_records_format format; /* the one found when AUTO was asked */
  uint8_t sha256[32];        /* of the file */
  uint64_t file_bytes;
  vft_record *record;
  size_t count;
  vft_arena arena;
} vft_records;

/* Reads a whole file. AUTO takes the format of the first record; all records must have it.
 * Ensures: every record has at least one user and one assistant message with text.
 * Fails: VFT_USAGE (missing file, malformed JSON with its line, missing or ill-typed field, empty
 * record, unknown role, no record at all), VFT_RESOURCE. */
vft_status vft_records_load(const char *path, vft_records_format format,
                            vft_records *out) VFT_MUST_CHECK;
/* From memory; `name` is used in messages. */
vft_status vft_records_parse(const char *text, size_t length, const char *name,
                             vft_records_format format, vft_records *out) VFT_MUST_CHECK;
void vft_records_free(vft_records *records);

/* The same, piece by piece: memory is that of a piece, whatever the size of the file. */
typedef struct vft_record_stream vft_record_stream;
/* Fails: VFT_USAGE (missing or empty file), VFT_RESOURCE. */
vft_status vft_record_stream_open(const char *path, vft_records_format format,
                                  vft_record_stream **out) VFT_MUST_CHECK;
/* The records of the next `elements` JSON objects, all of them at the end; out->count = 0: there
 * are no more. out->format is the one found; sha256 is not set. vft_records_free before the next
 * call. Fails like vft_records_load. */
vft_status vft_record_stream_next(vft_record_stream *stream, size_t elements,
                                  vft_records *out) VFT_MUST_CHECK;
/* Passes over that many JSON objects without reading them. Fails: VFT_USAGE when the file has
 * not that many, or has AUTO as its format. */
vft_status vft_record_stream_skip(vft_record_stream *stream, size_t elements) VFT_MUST_CHECK;
/* Elements passed, and the bytes of the file up to the next one. */
size_t vft_record_stream_elements(const vft_record_stream *stream);
uint64_t vft_record_stream_offset(const vft_record_stream *stream);
uint64_t vft_record_stream_size(const vft_record_stream *stream);
void vft_record_stream_close(vft_record_stream *stream); /* NULL is fine */

/* First value of a field, NULL when absent. vft_record_lang tries lang, language;
 * vft_record_domain tries domain, category, tags; vft_record_license license, licence. */
const char *vft_record_get(const vft_record *record, const char *key);
const char *vft_record_lang(const vft_record *record);
const char *vft_record_domain(const vft_record *record);
const char *vft_record_license(const vft_record *record);
const char *vft_record_source(const vft_record *record);

/* The conversation of a record as it is tokenised: its texts under the rule, in the template, at
 * most max_length tokens; vft_sample_free. Fails: VFT_USAGE (nothing is left of a text; tokenizer
 * errors), VFT_RESOURCE. */
vft_status vft_record_encode(const vft_record *record, vft_text_rule rule,
                             const vft_tokenizer *tokenizer, const vft_template *tmpl,
                             size_t max_length, vft_sample *out) VFT_MUST_CHECK;

/* Tokenised records, in file order. */
typedef struct {
  vft_sample *sample;
  size_t *record;        /* index of the record of each sample */
  size_t count;
  size_t truncated;      /* samples longer than max_length before truncation */
  size_t without_loss;   /* records left out: no loss token within max_length */
  size_t first_without;  /* record index of the first of these */
  size_t dropped_bytes;  /* bytes the vocabulary has no token for, in all samples */
  size_t tokens, loss_tokens, longest; /* over the samples kept */
} vft_samples;

/* Encodes all records (in parallel; the result does not depend on the number of threads).
 * Records without a loss token within max_length are left out and counted.
 * Requires: max_length >= 2.
 * Fails: VFT_USAGE (no sample left; tokenizer or text errors, naming file and line),
 * VFT_RESOURCE. */
vft_status vft_samples_build(const vft_records *records, vft_text_rule rule,
                             const vft_tokenizer *tokenizer, const vft_template *tmpl,
                             size_t max_length, vft_samples *out) VFT_MUST_CHECK;
void vft_samples_free(vft_samples *samples);

#endif
