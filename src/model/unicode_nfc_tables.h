/* Tables of src/model/unicode_nfc_tables.c, all sorted by their first member(s). */
#ifndef VFT_MODEL_UNICODE_NFC_TABLES_H
#define VFT_MODEL_UNICODE_NFC_TABLES_H

#include <stddef.h>
#include <stdint.h>

/* Full canonical decomposition: `count` code points of the pool. Hangul is computed instead. */
typedef struct {
  uint32_t code;
  uint16_t at, count;
} vft_nfc_decomposition;
/* Canonical combining class of first..last; 0 elsewhere. */
typedef struct {
  uint32_t first, last;
  uint8_t value;
} vft_nfc_class;
/* left, right compose to result. */
typedef struct {
  uint32_t left, right, result;
} vft_nfc_pair;

extern const vft_nfc_decomposition vft_nfc_decompositions[];
extern const size_t vft_nfc_decompositions_count;
extern const uint32_t vft_nfc_pool[];
extern const vft_nfc_class vft_nfc_classes[];
extern const size_t vft_nfc_classes_count;
extern const vft_nfc_pair vft_nfc_pairs[];
extern const size_t vft_nfc_pairs_count;

#endif
