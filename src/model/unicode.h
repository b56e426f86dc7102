/* Unicode normalisation form C (UAX #15). */
#ifndef VFT_MODEL_UNICODE_H
#define VFT_MODEL_UNICODE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/status.h"

/* One code point from well-formed UTF-8 at *at, which moves past it. */
unsigned vft_utf8_next(const char *text, size_t *at);
/* Writes up to 4 bytes, returns how many. Requires: a scalar value. */
size_t vft_utf8_put(unsigned code, char out[4]);

/* *out = NULL when the text is in NFC for certain (no code point of U+0300 or above), otherwise
 * a new block (vft_free) of *out_length bytes. Time proportional to the length.
 * Requires: well-formed UTF-8. Fails: VFT_RESOURCE. */
vft_status vft_nfc(const char *text, size_t length, char **out,
                   size_t *out_length) VFT_MUST_CHECK;

#endif
