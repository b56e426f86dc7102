#include "base/suggest.h"

#include <string.h>

/* Levenshtein distance; words longer than MAX count as far away. */
static size_t distance(const char *a, const char *b) {
  enum { MAX = 64 };
  size_t row[MAX + 1], n = strlen(a), m = strlen(b);
  if (n > MAX || m > MAX) return MAX;
  for (size_t j = 0; j <= m; j++) row[j] = j;
  for (size_t i = 1; i <= n; i++) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= m; j++) {
      size_t best = diagonal + (a[i - 1] != b[j - 1]);
      diagonal = row[j];
      if (row[j] + 1 < best) best = row[j] + 1;
      if (row[j - 1] + 1 < best) best = row[j - 1] + 1;
      row[j] = best;
    }
  }
  return row[m];
}

const char *vft_nearest(const char *word, const char *const *words, size_t count) {
  const char *best = words[0];
  for (size_t i = 1; i < count; i++)
    if (distance(word, words[i]) < distance(word, best)) best = words[i];
  return best;
}
