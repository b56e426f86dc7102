/* JSON in the one form that is hashed: RFC 8785 (JSON Canonicalization Scheme), restricted to
 * what our documents use, so that the form is easy to check: objects, arrays, strings, booleans,
 * null and integers with |x| <= 2^53; keys are printable ASCII. Numbers that are not integers are
 * written as decimal strings by the formats that need them. */
#ifndef VFT_DATA_CANONICAL_JSON_H
#define VFT_DATA_CANONICAL_JSON_H

#include <jansson.h>
#include <stddef.h>

#include "base/status.h"

/* The canonical bytes (NUL-terminated, vft_free). Fails: VFT_USAGE naming what cannot be written
 * (a real, an integer beyond 2^53, a key outside printable ASCII); VFT_RESOURCE. */
VFT_MUST_CHECK vft_status vft_json_canonical(const json_t *value, char **text, size_t *length);

/* Parses `text` and requires that it is canonical: re-encoding gives the same bytes. `name` is
 * used in messages. The result is a new reference. Fails: VFT_REJECTED ("json/malformed",
 * "json/canonical"). */
VFT_MUST_CHECK vft_status vft_json_parse_canonical(const char *text, size_t length,
                                                   const char *name, json_t **out);

#endif
