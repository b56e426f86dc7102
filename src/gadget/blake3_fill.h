/* The witness of BLAKE3 compressions and of words (blake3.h). */
#ifndef VFT_GADGET_BLAKE3_FILL_H
#define VFT_GADGET_BLAKE3_FILL_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "field/goldilocks.h"
#include "gadget/blake3.h"

typedef struct {
  uint32_t cv[8], block[16], tail[4]; /* tail: the counter's words, the block's length, the flags */
} vft_blake3_input;

/* Index k of a tensor has compression number i at element n k + i. */
typedef struct {
  size_t n; /* compressions */
  int16_t *a, *c, *d16, *d8, *b12[2], *b7[2], *out;
  int64_t *carry[2][VFT_BLAKE3_VARIANTS]; /* NULL: not wanted */
} vft_blake3_arrays;

/* Storage for all tensors of a chip, the virtual ones included, in a trace of its program. */
VFT_MUST_CHECK vft_status vft_blake3_arrays_alloc(vft_trace *trace, const vft_blake3_chip *chip,
                                                  vft_blake3_arrays *out);
/* Fills compression number i and gives the next chaining value. */
void vft_blake3_fill(const vft_blake3_arrays *to, size_t i, const vft_blake3_input *in,
                     uint32_t out[8]);
/* Element number i of n. */
void vft_words_fill(uint16_t *limb, int64_t *inverse, int64_t *word, size_t n, size_t i, vft_fp x);

#endif
