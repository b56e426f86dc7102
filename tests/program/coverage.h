/* Test helper: that every element of a permutation's tensors is what one relation says, and that no
 * two say it. A relation says something of the first factor of its first term. */
#ifndef TESTS_PROGRAM_COVERAGE_H
#define TESTS_PROGRAM_COVERAGE_H

#include "prove/reduced.h"

#include <string.h>

/* Adds 1 to the elements that the relation speaks of. */
static inline void mark_elements(const vft_program *p, const vft_relation *r, unsigned char *said) {
  const vft_factor *f = &r->terms[0].factor[0];
  const vft_tensor *t = &p->tensors[f->tensor];
  size_t points = 1;
  for (uint32_t k = 0; k < r->nfree; k++) points *= r->size[k];
  for (size_t n = 0; n < points; n++) {
    uint32_t digit[VFT_MAX_INDEX] = {0};
    size_t rest = n, at = 0;
    for (uint32_t k = r->nfree; k-- > 0; rest /= r->size[k])
      digit[k] = (uint32_t)(rest % r->size[k]);
    for (uint32_t a = 0; a < t->rank; a++) at = at * t->dims[a] + f->off[a] + digit[f->idx[a]];
    said[at]++;
  }
}

static inline void all_determined(const vft_program *p, const char *box) {
  static const char *const part[] = {"x", "x3", "y", "y3"};
  for (int k = 0; k < 4; k++) {
    char name[96];
    snprintf(name, sizeof name, "%s/%s", box, part[k]);
    vft_tensor_id t = vft_program_find_tensor(p, name);
    assert_true(t != VFT_NO_TENSOR && p->tensors[t].origin == VFT_WITNESS);
    size_t n = vft_tensor_count(&p->tensors[t]);
    unsigned char *said = vft_alloc(n, 1);
    assert_non_null(said);
    for (uint32_t i = 0; i < p->nrelations; i++) {
      const vft_relation *r = &p->relations[i];
      if (r->kind == VFT_ZERO && r->field && r->terms[0].nfactors == 1 &&
          r->terms[0].factor[0].tensor == t)
        mark_elements(p, r, said);
    }
    for (size_t i = 0; i < n; i++)
      if (said[i] != 1) fail_msg("%s: element %zu is determined %d times", name, i, said[i]);
    vft_free(said);
  }
}

#endif
