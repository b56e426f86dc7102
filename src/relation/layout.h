/* Dyadic layouts: how boxes of arbitrary side lengths fill one vector without padding.
 *
 * Every axis length is cut along its binary expansion, largest power first (576 = 512 at 0 and
 * 64 at 512); a box is the disjoint union of the products of these intervals, its blocks. A block
 * has power-of-two side lengths and starts, on every axis, at a multiple of its side length. The
 * blocks of all boxes, sorted by size (largest first; equal sizes in order of box, then row-major
 * order of the pieces), are stored one after another, each row-major. Every offset is then a
 * multiple of the block's size, so that an index splits into the block's prefix (high bits) and,
 * axis by axis, the coordinates inside it: the multilinear extension of product weights on a
 * block is a product over axes.
 *
 * Used for committed trees (boxes = tensors) and for the LogUp fraction vector (boxes = lookups
 * and tables). The layout depends on the list of side lengths only. */
#ifndef VFT_RELATION_LAYOUT_H
#define VFT_RELATION_LAYOUT_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "relation/program.h"

/* Number of axes covers tensors (VFT_MAX_RANK) and lookups (VFT_MAX_INDEX). */
enum { VFT_BOX_AXES = VFT_MAX_INDEX };

typedef struct {
  uint32_t rank;
  uint32_t dims[VFT_BOX_AXES]; /* >= 1 */
} vft_box;

typedef struct {
  uint32_t box;                 /* position in the list of boxes */
  uint32_t start[VFT_BOX_AXES]; /* first coordinate on each axis, a multiple of 2^log */
  uint8_t log[VFT_BOX_AXES];    /* log2 of the side lengths */
  uint8_t log_size;             /* sum of log */
  uint64_t offset;              /* in the vector, a multiple of 2^log_size */
} vft_block;

typedef struct {
  uint32_t nboxes, nblocks;
  vft_box *boxes;
  vft_block *blocks;  /* by offset */
  uint32_t *first;    /* nboxes + 1 entries into by_box */
  uint32_t *by_box;   /* block numbers of box b: by_box[first[b]] .. by_box[first[b+1] - 1] */
  uint64_t length;    /* sum of all box sizes */
  unsigned log_block; /* log2 of the largest block (0 when there is none) */
} vft_layout;

/* Requires dims >= 1. Fails VFT_USAGE on a zero dimension, more than 2^22 blocks or a length of
 * 2^44 or more; VFT_RESOURCE without memory. */
VFT_MUST_CHECK vft_status vft_layout_init(vft_layout *layout, const vft_box *boxes, uint32_t n);
void vft_layout_free(vft_layout *layout);

/* The tensor's dimensions as a box. */
vft_box vft_layout_tensor_box(const vft_tensor *tensor);

/* Tensors of one committed tree in id order: origin and group as in vft_tensor (WITNESS: group 0).
 * Writes at most max ids, returns their number. */
uint32_t vft_layout_tree_tensors(const vft_program *program, vft_origin origin, uint32_t group,
                                 vft_tensor_id *ids, uint32_t max);

/* Smallest n with 2^n >= x; x >= 1. */
unsigned vft_log2_ceil(uint64_t x);

#endif
