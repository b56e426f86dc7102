/* Ops: how the tensors of a step are computed, in order. The same builder emits the program's
 * relations and these ops, from the same expressions. */
#ifndef VFT_PROGRAM_OP_H
#define VFT_PROGRAM_OP_H

#include <stdbool.h>

#include "relation/program.h"

typedef enum {
  VFT_SECTION_PRE,   /* once: working copies, one-hots, embedding */
  VFT_SECTION_LAYER, /* for l = 0 .. L-1 */
  VFT_SECTION_HEAD,  /* for s = 0 .. S-1: last norm, logits, loss gradient */
  VFT_SECTION_BACK,  /* for l = L-1 .. 0 */
  VFT_SECTION_POST,  /* once: clipping, optimiser */
  VFT_SECTIONS
} vft_section;

typedef enum {
  VFT_OP_DEFINE,  /* out = expr */
  VFT_OP_REQUANT, /* expr + 2^(k-1) = 2^k q' + rem, 0 <= rem < 2^k; out = base + q', or
                     base - q' when `negate` */
  VFT_OP_DIV,     /* out = floor((2 expr + den) / (2 den)), den > 0 */
  VFT_OP_ISQRT,   /* out = floor(sqrt(expr)), expr >= 0 */
  VFT_OP_TABLE,   /* extra[0], extra[1] = silu, silu' of expr (one factor, 16 bits signed) */
  VFT_OP_SOFTMAX, /* see vft_op_softmax */
  VFT_OP_ONEHOT,  /* expr = ids (one factor); out = one-hot of id / size(extra[0]'s last axis),
                     extra[0] = one-hot of the rest */
  VFT_OP_COMPARE  /* out = 1 when expr >= 0; rem = |expr| or, when negative, -expr - 1 */
} vft_op_kind;

enum { VFT_MAX_LIMBS = 4 };

/* A tensor that is committed as limbs: value = sum_i limb_i 2^at_i - offset. Zero limbs (width 0)
 * do not occur here; `limb` tensors have the value's dimensions. */
typedef struct {
  vft_tensor_id value; /* VIRTUAL, or VFT_NO_TENSOR (a remainder that only relations mention) */
  uint32_t nlimbs;
  vft_tensor_id limb[VFT_MAX_LIMBS];
  uint8_t at[VFT_MAX_LIMBS];
  uint8_t width[VFT_MAX_LIMBS]; /* bits; remainders with an exponent per layer: the widest */
  int64_t offset;
  int64_t lo, hi;
} vft_wide;

/* Softmax numerators of rows against their maximum. Row axes, then column axes; expr is the score
 * tensor (one factor), its layout [rows][columns].
 *   s = floor((score + 2^(k-1)) / 2^k), M = max s over the row's unmasked columns, t = M - s,
 *   E = table[t]; t = E = rho = 0 where masked; first maximum's column as two one-hots. */
typedef struct {
  vft_tensor_id max, high, low, t, e;
  vft_tensor_id mask;   /* constant PUBLIC [row positions][columns], VFT_NO_TENSOR: none */
  uint32_t mask_rows;   /* the row index modulo this picks the mask's row */
  uint32_t columns, low_columns;
} vft_op_softmax;

typedef struct {
  const char *name; /* stable path; names of its relations and lookups start with it */
  vft_op_kind kind;
  vft_section section;
  bool backward;    /* not needed for the logits */
  bool trace_only;  /* its outputs serve the proof only */
  /* Box of the expression; when `looped`, index 0 is the layer (sections LAYER, BACK, PRE, POST)
   * or the sequence (HEAD), and runs from loop_first on: iteration i has index i - loop_first. */
  bool looped;
  uint32_t loop_first, loop_count;
  uint32_t nindex, nfree;
  uint32_t size[VFT_MAX_INDEX];
  uint32_t nterms, nbase, nden;
  vft_term *terms, *base, *den;
  bool negate;
  uint32_t nshift;  /* 1, or loop_count */
  int8_t *shift;    /* REQUANT, SOFTMAX: k of each iteration */
  bool has_out;
  vft_factor out;   /* axes = free indices in order, offsets allowed */
  uint32_t rem, comp; /* wide numbers of remainder and complement, UINT32_MAX: none */
  uint32_t table;     /* SOFTMAX: number in step->tables */
  uint32_t *silu;     /* TABLE: per iteration, number of the SILU table, DSILU follows it */
  vft_tensor_id extra[2];
  vft_op_softmax softmax;
  /* What must hold of its outputs: ids of relations and lookups. */
  uint32_t nrelations, nlookups;
  uint32_t *relations, *lookups;
  uint32_t noutputs;
  vft_tensor_id *outputs; /* every tensor it writes, limbs included */
} vft_op;

#endif
