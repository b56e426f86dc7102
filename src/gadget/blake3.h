/* BLAKE3's compression function as relations, and the words of a field element. Its witness:
 * blake3_fill.h.
 *
 * A 32-bit word that is XORed is held as four bytes, low one first; one that is only added may be
 * anything that is below 2^32. An XOR is a lookup a byte: row 256 a + b of a table has a ^ b, and b
 * again, so that the two operands are pinned with the result. Rotations by 16 and 8 permute bytes;
 * those by 12 and 7 need bytes in two pieces, which the table of that XOR puts out in the place of
 * the byte. A sum modulo 2^32 commits its result alone: the carry is a virtual tensor, the
 * difference divided by 2^32, and a root of X (X - 1) or X (X - 1) (X - 2).
 *
 * A compression commits 56 * 40 elements and the 32 of its result, and has 56 * 16 + 32 lookups. */
#ifndef VFT_GADGET_BLAKE3_H
#define VFT_GADGET_BLAKE3_H

#include "gadget/builder.h"

/* Letters that the gadgets reserve: rounds Z, column or diagonal step E, first or second half of G
 * J, lanes G and Q, bytes L, pairs of words W, words of a pair H, limbs V, rows of tables Y; z, y
 * and x of size 1. */
enum {
  VFT_BLAKE3_ROUNDS = 7,
  VFT_BLAKE3_LANES = 4, /* G functions side by side */
  VFT_BLAKE3_BYTES = 4, /* of a word */
  VFT_BLAKE3_PAIRS = 8, /* of words of a block */
  VFT_BLAKE3_TABLES = 3 /* tags, from the first on */
};

/* Columns of the tables, 2^16 rows: of row 256 a + b, x = a ^ b. */
typedef enum {
  VFT_BLAKE3_LOW,     /* b */
  VFT_BLAKE3_XOR,     /* x */
  VFT_BLAKE3_NIBBLE1, /* x >> 4 */
  VFT_BLAKE3_NIBBLE0, /* x & 15 */
  VFT_BLAKE3_BIT1,    /* x >> 7 */
  VFT_BLAKE3_BIT0,    /* x & 127 */
  VFT_BLAKE3_COLUMNS
} vft_blake3_column;
int64_t vft_blake3_entry(vft_blake3_column column, uint32_t row);

/* Shared by all compressions of a program. */
typedef struct {
  int64_t tag;
  vft_tensor_id column[VFT_BLAKE3_COLUMNS]; /* [2^16] */
  vft_tensor_id iv, schedule;               /* [4]; [Z, E, J, G, H, W] */
  vft_tensor_id place[3];                   /* [L]: 256^((l - s) mod 4) */
  vft_tensor_id turn[4];                    /* [G, Q]: Q = G + s mod 4 */
  vft_tensor_id limbs;                      /* [V]: 2^(16 v) */
} vft_blake3_constants;
/* Tables with the tags tag .. tag + 2, their columns constants (VFT_PUBLIC) or of an input link,
 * which then has to have the values of vft_blake3_entry: a verifier that is a circuit reads them by
 * their root. Declares no range table. */
void vft_build_blake3_constants(vft_builder *b, vft_blake3_constants *constants, int64_t tag,
                                vft_origin origin, uint32_t group);

/* Variants of half a G: of the first step of round 0; of the column steps of later rounds; of
 * the diagonal steps; the second half, of all steps. */
typedef enum {
  VFT_BLAKE3_FIRST,
  VFT_BLAKE3_COLUMN,
  VFT_BLAKE3_DIAGONAL,
  VFT_BLAKE3_SECOND,
  VFT_BLAKE3_VARIANTS
} vft_blake3_variant;

/* One compression at each point of a box, whose axes are the last ones of all tensors: long runs of
 * equal structure are proved in half the time of short ones. What goes in is the caller's, of any
 * origin:
 *   cv     [8, 4, axes]  bytes of the chaining value
 *   tail   [4, 4, axes]  bytes of the counter's low and high word, the block's length, the flags
 *   block  [2, 8, axes]  words: the pairs that vft_build_words makes of field elements [8, axes]
 * The caller sees to it that the bytes are below 2^8, so that the checker of bounds knows it, and
 * that the words are below 2^32. */
typedef struct {
  const char *axes;
  vft_tensor_id a, c;         /* [Z, E, J, G, L, axes]: the sums, bytes */
  vft_tensor_id d16, d8;      /* [Z, E, G, L, axes]: d after either half; d16 before its rotation */
  vft_tensor_id b12[2], b7[2]; /* [Z, E, G, L, axes]: b, high pieces and low ones; b12 before
                                 its rotation */
  vft_tensor_id carry[2][VFT_BLAKE3_VARIANTS]; /* virtual; of a and of c: [G, axes], [6, G, axes],
                                                  [7, G, axes], [7, E, G, axes] */
  vft_tensor_id out;          /* [8, 4, axes]: the next chaining value, bytes */
} vft_blake3_chip;
vft_blake3_chip vft_build_blake3(vft_builder *b, const vft_blake3_constants *constants,
                                 const char *name, const char *axes, vft_tensor_id cv,
                                 vft_tensor_id tail, vft_tensor_id block);

/* The two words of each field element of x [axes]: of the one integer below p that it is. They are
 * its eight bytes, low one first, as hashes read it. Needs a range table. */
typedef struct {
  vft_tensor_id limb;    /* [H, V, axes]: 16 bits each, low ones first */
  vft_tensor_id inverse; /* [axes]: of 2^32 - 1 - the high word, or 0 */
  vft_tensor_id word;    /* virtual [H, axes] */
} vft_words;
vft_words vft_build_words(vft_builder *b, const vft_blake3_constants *constants, const char *name,
                          const char *axes, vft_tensor_id x);

#endif
