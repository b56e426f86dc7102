#include "run/initial.h"

#include "hash/blake3.h"
#include "model/fixmath.h"

enum { BLOCK = 4096 };

typedef struct {
  uint64_t seed, layer, projection, block;
  size_t used;
  uint8_t bytes[BLOCK];
} stream;

static void stream_init(stream *s, uint64_t seed, int layer, int projection) {
  s->seed = seed;
  s->layer = (uint64_t)layer;
  s->projection = (uint64_t)projection;
  s->block = 0;
  s->used = BLOCK;
}

static uint32_t next(stream *s) {
  if (s->used == BLOCK) {
    static const char domain[] = "vft lora A v1";
    const uint64_t word[4] = {s->seed, s->layer, s->projection, s->block++};
    uint8_t key[32];
    for (int i = 0; i < 32; i++) key[i] = (uint8_t)(word[i / 8] >> (8 * (i % 8)));
    vft_blake3 h;
    vft_blake3_init(&h);
    vft_blake3_update(&h, domain, sizeof domain);
    vft_blake3_update(&h, key, sizeof key);
    vft_blake3_final(&h, s->bytes, BLOCK);
    s->used = 0;
  }
  const uint8_t *b = s->bytes + s->used;
  s->used += 4;
  return (uint32_t)b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
}

/* floor(2^20 / sqrt(in)) = floor(sqrt(floor(2^40 / in))). */
static int32_t range(size_t in) { return (int32_t)vft_isqrt_u64((1ull << 40) / in); }

static int32_t draw(stream *s, int32_t r) {
  uint32_t m = 2 * (uint32_t)r + 1, limit = UINT32_MAX - UINT32_MAX % m, w = next(s);
  while (w >= limit) w = next(s);
  return (int32_t)(w % m) - r;
}

void vft_initial_a(uint64_t seed, int layer, int projection, size_t rank, size_t in,
                   int32_t *out) {
  stream s;
  stream_init(&s, seed, layer, projection);
  int32_t r = range(in);
  for (size_t i = 0; i < rank * in; i++) out[i] = draw(&s, r);
}

void vft_initial_a_float(void *ctx, int layer, int projection, int rank, int in, float *out) {
  stream s;
  stream_init(&s, *(const uint64_t *)ctx, layer, projection);
  int32_t r = range((size_t)in);
  size_t n = (size_t)rank * (size_t)in;
  for (size_t i = 0; i < n; i++) out[i] = (float)draw(&s, r) / (float)(1 << VFT_INITIAL_FRAC);
}
