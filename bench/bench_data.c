/* Time to verify a membership file: bench_data FILE. */
#include <stdio.h>
#include <time.h>

#include "base/mem.h"
#include "data/member.h"

static double seconds(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

int main(int argc, char **argv) {
  enum { TIMES = 200 };
  static uint8_t bytes[VFT_MEMBER_BYTES];
  static vft_member m;
  FILE *f = argc == 2 ? fopen(argv[1], "rb") : NULL;
  if (!f) {
    fprintf(stderr, "usage: bench_data MEMBERSHIP_FILE\n");
    return 2;
  }
  size_t size = fread(bytes, 1, sizeof bytes, f);
  fclose(f);
  double best = 1e9;
  for (int i = 0; i < TIMES; i++) {
    double begun = seconds();
    if (vft_member_verify(bytes, size, NULL, &m) != VFT_OK) {
      fprintf(stderr, "%s\n", vft_error_message());
      return 1;
    }
    double took = seconds() - begun;
    if (took < best) best = took;
  }
  printf("{\"name\": \"data.member_verify_ms\", \"value\": %.4f, \"unit\": \"ms\"}\n", 1e3 * best);
  return 0;
}
