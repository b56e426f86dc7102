/* The class of a record: everything about it that a policy may look at and that many records
 * share. A record's metadata is its class and two numbers, so a proof about eligibility needs a
 * table with a row a class and nothing else. */
#ifndef VFT_DATA_CLASS_H
#define VFT_DATA_CLASS_H

#include <stddef.h>
#include <stdint.h>

#include "data/config.h"
#include "data/leaf.h"
#include "data/records.h"

enum {
  VFT_CLASS_BYTES = 2048, /* of the encoding */
  VFT_CLASS_TEXT = 256,   /* longest source, language, domain, tag, with a NUL */
  VFT_CLASS_TAGS = 16,
  VFT_CLASSES = 1 << 16   /* of a dataset */
};

/* An encoding and a view of it. */
typedef struct {
  uint8_t bytes[VFT_CLASS_BYTES];
  size_t length;
  vft_tier tier;
  const uint8_t *proc; /* 32 bytes: how text became tokens (vft_proc_digest) */
  /* NUL-terminated, inside `bytes`; "" where a record has none. */
  const char *source, *license, *language, *domain, *tag[VFT_CLASS_TAGS];
  size_t tags;
} vft_class;

/* Bytes: tier, proc digest (32), then source, licence, language, domain, the number of tags (a
 * byte) and the tags, each text as its bytes and a zero byte. Canonical: texts are UTF-8 without
 * control characters, the licence is in canonical SPDX form, the language in lower case with '-',
 * tags sorted by bytes and different.
 *
 * From a record and the defaults of its dataset: fields source, license (licence), lang
 * (language), domain (category); without them the dataset's; else source is the file's name, the
 * licence NOASSERTION, the others "". Tags are the record's (field tags) and the dataset's.
 * Fails: VFT_USAGE "NAME: line L: field F: ..." */
VFT_MUST_CHECK vft_status vft_class_of(const vft_record *record, const char *file,
                                       const vft_config_dataset *dataset, const uint8_t proc[32],
                                       vft_class *out);

/* Small letters, '-' for '_', in place. */
void vft_language_canonical(char *text);

/* Reads an encoding; accepts exactly what vft_class_of can make. Copies. */
VFT_MUST_CHECK bool vft_class_read(const uint8_t *bytes, size_t length, vft_class *out);

#endif
