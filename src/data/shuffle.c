#include "data/shuffle.h"

#include <string.h>

#include "base/mem.h"
#include "hash/blake3.h"

enum { WORDS = 512 };

/* A stream of 64-bit words: block b is BLAKE3(domain | seed | epoch | b), 8 * WORDS bytes. */
typedef struct {
  uint64_t seed, epoch, block;
  size_t used;
  uint8_t bytes[8 * WORDS];
} stream;

static uint64_t load64(const uint8_t *b) {
  uint64_t v = 0;
  for (int i = 7; i >= 0; i--) v = v << 8 | b[i];
  return v;
}

static uint64_t next(stream *s) {
  if (s->used == WORDS) {
    static const char domain[] = "vft shuffle v1";
    uint8_t key[24];
    for (int i = 0; i < 8; i++) {
      key[i] = (uint8_t)(s->seed >> (8 * i));
      key[8 + i] = (uint8_t)(s->epoch >> (8 * i));
      key[16 + i] = (uint8_t)(s->block >> (8 * i));
    }
    vft_blake3 h;
    vft_blake3_init(&h);
    vft_blake3_update(&h, domain, sizeof domain);
    vft_blake3_update(&h, key, sizeof key);
    vft_blake3_final(&h, s->bytes, sizeof s->bytes);
    s->block++;
    s->used = 0;
  }
  return load64(s->bytes + 8 * s->used++);
}

vft_status vft_shuffle(uint64_t seed, uint64_t epoch, uint32_t *order, size_t n) {
  stream *s = vft_alloc(1, sizeof *s);
  if (!s) return VFT_RESOURCE;
  s->seed = seed;
  s->epoch = epoch;
  s->used = WORDS;
  for (size_t i = 0; i < n; i++) order[i] = (uint32_t)i;
  for (size_t i = n; i > 1; i--) {
    /* Uniform in [0, i): words at or above the largest multiple of i are drawn again. */
    uint64_t limit = UINT64_MAX - UINT64_MAX % i, word = next(s);
    while (word >= limit) word = next(s);
    size_t j = (size_t)(word % i);
    uint32_t swap = order[i - 1];
    order[i - 1] = order[j];
    order[j] = swap;
  }
  vft_free(s);
  return VFT_OK;
}

vft_status vft_step_records(uint64_t seed, uint64_t step, size_t n, size_t per_step,
                            uint32_t *records) {
  if (!per_step || per_step > n)
    return vft_fail(VFT_USAGE, "a step needs %zu records, the dataset has %zu", per_step, n);
  size_t steps = n / per_step;
  uint32_t *order = vft_alloc_raw(n, sizeof *order);
  if (!order) return VFT_RESOURCE;
  vft_status st = vft_shuffle(seed, step / steps, order, n);
  if (st == VFT_OK)
    memcpy(records, order + (size_t)(step % steps) * per_step, per_step * sizeof *records);
  vft_free(order);
  return st;
}
