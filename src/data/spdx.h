/* SPDX licence expressions (SPDX 2.3, annex D): AND, OR, WITH, +, parentheses, LicenseRef-,
 * DocumentRef-:LicenseRef-. Identifiers are compared without regard to case and written as the
 * list in spdx_ids.h has them; NOASSERTION and NONE stand alone. */
#ifndef VFT_DATA_SPDX_H
#define VFT_DATA_SPDX_H

#include <stddef.h>

#include "base/status.h"

enum { VFT_SPDX_BYTES = 512 }; /* longest expression, canonical form with its NUL */

/* The canonical form: identifiers in the list's spelling, one blank between words, only the
 * parentheses that precedence (AND before OR) needs, operands in the order given.
 * Fails: VFT_USAGE saying what is wrong and naming the nearest identifier. */
VFT_MUST_CHECK vft_status vft_spdx_canonical(const char *text, char out[VFT_SPDX_BYTES]);

#endif
