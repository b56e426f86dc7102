/* From sources to committed rows: what a configuration says about records, and the row that each
 * record gets. */
#ifndef VFT_DATA_PROCESSING_H
#define VFT_DATA_PROCESSING_H

#include "base/mem.h"
#include "data/class.h"
#include "data/config.h"
#include "data/leaf.h"
#include "data/records.h"
#include "model/tokenizer.h"

typedef struct {
  vft_arena arena;
  char *json; /* canonical: what the configuration says, with absolute paths */
  vft_tokenizer *tokenizer;
  vft_template tmpl;
  vft_text_rule text_rule;
  size_t sequence_len;
  int32_t pad_id;
  /* SHA-256 of "vft processing 1\n" | rule's name "\n" | template digest | tokenizer digest |
   * le32(sequence_len) | le32(pad_id). */
  uint8_t proc[32], template_digest[32], tokenizer_digest[32];
  vft_config_dataset *source; /* public ones first, then restricted, then shadow */
  size_t sources;
} vft_processing;

/* Fails: VFT_USAGE (paths, tokenizer, model), VFT_RESOURCE. */
VFT_MUST_CHECK vft_status vft_processing_make(const vft_config *config, vft_processing *out);
/* From the canonical JSON of one made before. */
VFT_MUST_CHECK vft_status vft_processing_read(const char *json, vft_processing *out);
void vft_processing_free(vft_processing *p);
/* The digest that `proc` is. */
VFT_MUST_CHECK vft_status vft_processing_digest(vft_text_rule rule,
                                                const uint8_t template_digest[32],
                                                const uint8_t tokenizer_digest[32],
                                                size_t sequence_len, int32_t pad_id,
                                                uint8_t proc[32]);

/* Classes by number, in the order in which they were met. */
typedef struct {
  vft_arena arena;
  vft_class **list;
  vft_poseidon_digest *digest;
  uint32_t *slot; /* open addressing, number + 1; twice as many as the list can hold */
  size_t count;
} vft_class_list;
VFT_MUST_CHECK vft_status vft_class_list_init(vft_class_list *list);
/* Fails: VFT_USAGE beyond VFT_CLASSES, VFT_RESOURCE. */
VFT_MUST_CHECK vft_status vft_class_list_add(vft_class_list *list, const vft_class *c,
                                             uint32_t *number);
void vft_class_list_free(vft_class_list *list);

typedef struct {
  uint64_t offset, bytes; /* of its JSON object in the source */
  uint32_t line, instance;
  uint32_t class_number;
  uint32_t tokens, loss_tokens;
  /* Of records with a token to learn, known when the row is made and not when it is read: longer
   * than sequence_len; bytes of text without a token. */
  bool cut;
  uint32_t dropped;
  vft_poseidon_digest content, leaf;
} vft_row;

/* Rows of the records of a piece of source `source`; the first is record number `first`. Adds
 * classes. In parallel; the result does not depend on the number of threads.
 * Requires: row[records->count].
 * Fails: VFT_USAGE naming file, line and field; VFT_RESOURCE. */
VFT_MUST_CHECK vft_status vft_processing_rows(const vft_processing *p, size_t source,
                                              const vft_records *records, uint64_t first,
                                              const uint8_t master[32], vft_class_list *classes,
                                              vft_row *row);

/* The canonical conversation of a record as it is tokenised; vft_sample_free. */
VFT_MUST_CHECK vft_status vft_processing_sample(const vft_processing *p, const vft_record *record,
                                                vft_sample *out);
/* The same, with what the record's content digest absorbs of its source (`raw`) and the content
 * digest itself. */
VFT_MUST_CHECK vft_status vft_processing_content(const vft_processing *p,
                                                 const vft_record *record, vft_sample *out,
                                                 uint8_t raw[32], vft_poseidon_digest *content);

#endif
