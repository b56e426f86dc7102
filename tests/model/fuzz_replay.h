/* Test helper: a fuzz target on a seed and on mutations of it by a fixed generator; the seeds as
 * files, for libFuzzer. */
#ifndef TESTS_MODEL_FUZZ_REPLAY_H
#define TESTS_MODEL_FUZZ_REPLAY_H

#include "base/mem.h"
#include "model_files.h"

enum { SEED = 20250607 };
static uint64_t state_ = SEED;

static inline uint64_t next(void) { /* xorshift64* */
  state_ ^= state_ >> 12;
  state_ ^= state_ << 25;
  state_ ^= state_ >> 27;
  return state_ * 0x2545f4914f6cdd1du;
}

/* Flips, overwrites with telling values, copies, cuts. The interesting part of a binary file is
 * its head, so most changes fall there. */
static inline size_t mutate(uint8_t *b, size_t n, size_t head) {
  static const uint8_t telling[] = {0, 1, 0x7f, 0x80, 0xff, '"', '{', '}', '[', ']', ',', '\\'};
  for (uint64_t rounds = 1 + next() % 4; rounds > 0 && n > 0; rounds--) {
    size_t range = next() % 8 ? (head < n ? head : n) : n, at = next() % range;
    switch (next() % 5) {
      case 0: b[at] ^= (uint8_t)(1u << next() % 8); break;
      case 1: b[at] = telling[next() % sizeof telling]; break;
      case 2: memset(b + at, (int)(next() % 2 * 255), n - at < 8 ? n - at : next() % 9); break;
      case 3: {
        size_t from = next() % range, most = n - (at > from ? at : from);
        memmove(b + at, b + from, most ? next() % (most < 32 ? most : 32) : 0);
        break;
      }
      default:
        if (next() % 4 == 0) n = at;
    }
  }
  return n;
}

/* The seed as FOLDER/NAME/NUMBER. */
static inline void write_seed(const char *name, const void *seed, size_t n) {
  static unsigned number;
  char folder[512], file[32];
  const char *root = getenv("VFT_FUZZ_SEEDS");
  if (!root) return;
  snprintf(folder, sizeof folder, "%s/%s", root, name);
  snprintf(file, sizeof file, "%u", number++);
  (void)mkdir(root, 0777);
  (void)mkdir(folder, 0777);
  write_file(folder, file, seed, n);
}

#define replay(name, ...) replay_as(#name, fuzz_##name, __VA_ARGS__)
static inline void replay_as(const char *name, int (*target)(const uint8_t *, size_t),
                             const void *seed, size_t n, size_t head, int times) {
  write_seed(name, seed, n);
  size_t live = vft_alloc_live();
  assert_int_equal(target(seed, n), 0);
  for (int i = 0; i < times; i++) {
    uint8_t *b = malloc(n + 1); /* its own block, for the sanitizer */
    memcpy(b, seed, n);
    size_t m = mutate(b, n, head);
    uint8_t *exact = malloc(m + !m);
    memcpy(exact, b, m);
    assert_int_equal(target(exact, m), 0);
    free(exact);
    free(b);
  }
  assert_int_equal(vft_alloc_live(), live); /* nothing kept, whatever the outcome */
}

#endif
