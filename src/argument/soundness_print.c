#include "argument/soundness.h"

static int tenths(vft_bits b) { return (int)(b * 10 / VFT_BITS(1)); }

void vft_soundness_print(const vft_soundness *s, FILE *out) {
  for (size_t i = 0; i < s->terms; i++) {
    const vft_soundness_term *t = &s->term[i];
    int b = tenths(t->bits);
    fprintf(out, "%4d.%d bits  %-60s %s\n", b / 10, b % 10, t->name, t->theorem);
  }
  int b = tenths(vft_soundness_total(s));
  fprintf(out, "%4d.%d bits  total (union bound)%s%s\n", b / 10, b % 10,
          s->test_profile ? "; TEST PROFILE, not sound" : "",
          s->incomplete ? "; account incomplete" : "");
}
