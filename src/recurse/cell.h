/* Kinds of cells of a circuit (recurse/circuit.h), in the order that the machine's memory has them. Those
 * from VFT_CELL_NARROW to VFT_CELL_SUM, and the first sums, are in F: the memory has one coordinate of them. */
#ifndef VFT_RECURSE_CELL_H
#define VFT_RECURSE_CELL_H

#include "hash/poseidon.h"

typedef enum {
  VFT_CELL_CONSTANT, /* number 0 is the constant 0: the wire 0 */
  VFT_CELL_FREE,
  VFT_CELL_FETCH,
  VFT_CELL_SPONGE,
  VFT_CELL_NARROW,
  VFT_CELL_INPUT = VFT_CELL_NARROW,
  VFT_CELL_BASE,
  VFT_CELL_BIT,
  VFT_CELL_PART,
  VFT_CELL_SUM,
  VFT_CELL_KINDS
} vft_cell_kind;

/* Cells of a split; of a permutation, and how many of these others may read. */
enum { VFT_SPLIT_BITS = 32, VFT_SPONGE_CELLS = VFT_POSEIDON_WIDTH / 3, VFT_SPONGE_KEPT = 3 };

#endif
