/* The compression function once more, keeping what the relations commit to. */
#include "gadget/blake3_fill.h"

#include <string.h>

#include "hash/blake3_core.h"
#include "relation/program.h"

enum { ROUNDS = VFT_BLAKE3_ROUNDS, LANES = VFT_BLAKE3_LANES, BYTES = VFT_BLAKE3_BYTES };

vft_status vft_blake3_arrays_alloc(vft_trace *t, const vft_blake3_chip *chip,
                                   vft_blake3_arrays *out) {
  const vft_tensor *end = &t->program->tensors[chip->out];
  out->n = vft_tensor_count(end) / (8 * BYTES);
  const vft_tensor_id id[] = {chip->a,      chip->c,     chip->d16,   chip->d8, chip->b12[0],
                              chip->b12[1], chip->b7[0], chip->b7[1], chip->out};
  int16_t **to[] = {&out->a,      &out->c,     &out->d16,   &out->d8, &out->b12[0],
                    &out->b12[1], &out->b7[0], &out->b7[1], &out->out};
  for (size_t i = 0; i < sizeof id / sizeof *id; i++) {
    TRY(vft_trace_alloc(t, id[i]));
    *to[i] = t->array[id[i]].data;
  }
  for (int s = 0; s < 2; s++)
    for (int v = 0; v < VFT_BLAKE3_VARIANTS; v++) {
      TRY(vft_trace_alloc(t, chip->carry[s][v]));
      out->carry[s][v] = t->array[chip->carry[s][v]].data;
    }
  return VFT_OK;
}

static uint32_t rotate(uint32_t x, int n) { return x >> n | x << (32 - n); }

/* The bytes of x >> shift, of which `mask` is kept, at index `at` of the word. */
static void put(int16_t *to, size_t n, size_t at, uint32_t x, int shift, uint32_t mask) {
  for (int l = 0; l < BYTES; l++) to[(at + l) * n] = (int16_t)(x >> (8 * l + shift) & mask);
}

/* And the first index of its carries. */
static vft_blake3_variant variant_of(size_t r, size_t e, size_t j, size_t *row) {
  *row = j ? 2 * r + e : e ? r : r ? r - 1 : 0;
  return j   ? VFT_BLAKE3_SECOND
         : e ? VFT_BLAKE3_DIAGONAL
         : r ? VFT_BLAKE3_COLUMN
             : VFT_BLAKE3_FIRST;
}

void vft_blake3_fill(const vft_blake3_arrays *to, size_t i, const vft_blake3_input *in,
                     uint32_t out[8]) {
  uint32_t v[16];
  size_t n = to->n;
  memcpy(v, in->cv, sizeof in->cv);
  memcpy(v + 8, vft_blake3_iv, 16);
  memcpy(v + 12, in->tail, sizeof in->tail);
  for (size_t r = 0; r < ROUNDS; r++)
    for (size_t e = 0; e < 2; e++)
      for (size_t g = 0; g < LANES; g++) {
        uint32_t *a = &v[g], *b = &v[4 + (g + e) % LANES], *c = &v[8 + (g + 2 * e) % LANES],
                 *d = &v[12 + (g + 3 * e) % LANES];
        const uint8_t *order = vft_blake3_schedule[r] + 2 * (LANES * e + g);
        size_t step = ((r * 2 + e) * LANES + g) * BYTES;
        for (size_t j = 0; j < 2; j++) {
          size_t half = (((r * 2 + e) * 2 + j) * LANES + g) * BYTES, row;
          vft_blake3_variant kind = variant_of(r, e, j, &row);
          uint64_t sum = (uint64_t)*a + *b + in->block[order[j]];
          *a = (uint32_t)sum;
          put(to->a + i, n, half, *a, 0, 255);
          if (to->carry[0][kind])
            to->carry[0][kind][(row * LANES + g) * n + i] = (int64_t)(sum >> 32);
          *d ^= *a;
          if (!j) put(to->d16 + i, n, step, *d, 0, 255);
          *d = rotate(*d, j ? 8 : 16);
          if (j) put(to->d8 + i, n, step, *d, 0, 255);
          sum = (uint64_t)*c + *d;
          *c = (uint32_t)sum;
          put(to->c + i, n, half, *c, 0, 255);
          if (to->carry[1][kind])
            to->carry[1][kind][(row * LANES + g) * n + i] = (int64_t)(sum >> 32);
          *b ^= *c;
          if (j) { /* the pieces are in the places that the rotation brings them to */
            *b = rotate(*b, 7);
            put(to->b7[0] + i, n, step, *b, 0, 1);
            put(to->b7[1] + i, n, step, *b, 1, 127);
          } else {
            put(to->b12[0] + i, n, step, *b, 4, 15);
            put(to->b12[1] + i, n, step, *b, 0, 15);
            *b = rotate(*b, 12);
          }
        }
      }
  for (size_t k = 0; k < 8; k++) {
    out[k] = v[k] ^ v[k + 8];
    put(to->out + i, n, k * BYTES, out[k], 0, 255);
  }
}

void vft_words_fill(uint16_t *limb, int64_t *inverse, int64_t *word, size_t n, size_t i, vft_fp x) {
  for (size_t k = 0; k < 4; k++) limb[k * n + i] = (uint16_t)(x.v >> 16 * k);
  inverse[i] = vft_field_signed(vft_fp_inv((vft_fp){0xffffffffu - (x.v >> 32)}));
  word[i] = (int64_t)(x.v & 0xffffffffu);
  word[n + i] = (int64_t)(x.v >> 32);
}
