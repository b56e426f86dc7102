/* The text of a record as it is committed and tokenised: a declared rule applied to the content
 * of every message. */
#ifndef VFT_DATA_CANONICAL_TEXT_H
#define VFT_DATA_CANONICAL_TEXT_H

#include <stddef.h>

#include "base/status.h"

typedef enum {
  VFT_TEXT_NFC_TRIM = 0, /* NFC; CR LF and CR become LF; blanks, tabs and LF at both ends go */
  VFT_TEXT_NFC,          /* NFC */
  VFT_TEXT_KEEP          /* as it is */
} vft_text_rule;

extern const char *const vft_text_rule_names[3]; /* "nfc-trim", "nfc", "keep" */

/* The canonical form in a new block (vft_free), NUL-terminated; *out_length may be 0.
 * Requires: well-formed UTF-8. Fails: VFT_RESOURCE. */
VFT_MUST_CHECK vft_status vft_text_canonical(vft_text_rule rule, const char *text, size_t length,
                                             char **out, size_t *out_length);

#endif
