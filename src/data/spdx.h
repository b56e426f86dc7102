/* SPDX licence expressions (SPDX 2.3, annex D): AND, OR, WITH, +, parentheses, LicenseRef-,
 * DocumentRef-:LicenseRef-. Identifiers are compared without regard to case and written as the
 * list in spdx_ids.h has them; NOASSERTION and NONE stand alone. */
#ifndef VFT_DATA_SPDX_H
#define VFT_DATA_SPDX_H

#include <stdbool.h>
#include <stddef.h>

#include "base/status.h"

enum { VFT_SPDX_BYTES = 512 }; /* longest expression, canonical form with its NUL */

/* The canonical form: identifiers in the list's spelling, one blank between words, only the
 * parentheses that precedence (AND before OR) needs, operands in the order given.
 * Fails: VFT_USAGE saying what is wrong and naming the nearest identifier. */
VFT_MUST_CHECK vft_status vft_spdx_canonical(const char *text, char out[VFT_SPDX_BYTES]);

/* Is it one licence, with or without "+" and WITH, or NOASSERTION or NONE? Requires: canonical. */
bool vft_spdx_simple(const char *canonical);

/* May something under this expression be used by who accepts exactly the `allowed` ones? OR needs
 * one side, AND both; a licence with its "+" and its WITH counts as one word and is compared as
 * such: "GPL-2.0-only WITH X" is allowed by itself only, and so is "MPL-1.1+".
 * Requires: canonical forms; allowed ones simple. */
bool vft_spdx_allowed(const char *canonical, const char *const *allowed, size_t count);

#endif
