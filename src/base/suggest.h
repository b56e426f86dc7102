/* The nearest known word to one that is not known, for messages. */
#ifndef VFT_BASE_SUGGEST_H
#define VFT_BASE_SUGGEST_H

#include <stddef.h>

/* The word at the least edit distance (the first of equals). Requires count >= 1. */
const char *vft_nearest(const char *word, const char *const *words, size_t count);

#endif
