/* Pre-tokenizer patterns: the dialect that tokenizer.json files use, run by PCRE2.
 *
 * Accepted: literals, classes without nesting, \s \S \d, \p{..} of general categories, the escapes
 * \r \n \t \\ and of punctuation, quantifiers, alternatives, groups (..) (?:..) (?i:..) and
 * look-arounds. There \s means White_Space, as in the reference. Everything else is refused by
 * name, because the two engines could differ on it. */
#ifndef VFT_MODEL_PATTERN_H
#define VFT_MODEL_PATTERN_H

#include "model/source.h"

typedef struct vft_pattern vft_pattern;

/* `name` stands for the file in messages. Fails: VFT_USAGE, VFT_RESOURCE. */
vft_status vft_pattern_compile(const char *text, size_t length, const char *name,
                               vft_pattern **out) VFT_MUST_CHECK;
void vft_pattern_free(vft_pattern *pattern);

/* Room for one match; one for each thread. */
typedef struct vft_match vft_match;
vft_match *vft_match_new(void); /* NULL: message recorded */
void vft_match_free(vft_match *match);

/* First match at or after `from`. *begin = *end = length when there is none; *begin == *end can
 * also be an empty match, told apart by *found.
 * Requires: text is well-formed UTF-8, from is at a character. Thread-safe.
 * Fails: VFT_USAGE when the pattern needs more backtracking than the fixed limit. */
vft_status vft_pattern_find(const vft_pattern *pattern, vft_match *match, const char *text,
                            size_t length, size_t from, bool *found, size_t *begin,
                            size_t *end) VFT_MUST_CHECK;

#endif
