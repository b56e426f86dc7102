/* A circuit over E: what a verifier computed, operation by operation, as it was recorded.
 *
 * Everything lives in cells, each of one element of E, written once. A wire is the number of a
 * cell; a part of a wire is one of its three coordinates. Cells come in kinds:
 *   CONSTANT   known to everyone: part of the circuit
 *   INPUT      known to whoever checks a proof of the circuit: its statement; in F
 *   BASE       free, in F (coordinates 1 and 2 are 0)
 *   FREE       free
 *   BIT        bits of an element of F, see vft_circuit_split
 *   PART       a coordinate of another cell, as an element of F
 *   FETCH      a cell that is chosen by its number: the index is the value of another cell
 *   SPONGE     four for each permutation: its 12 lanes after it, three a cell; the fourth is only
 *              there for the permutation that goes on from it
 *   SUM        a b + c for three earlier cells; *narrow*, if these are in F: INPUT, BASE, BIT, PART, a
 *              constant that is, or narrow itself
 * and the circuit says besides that certain cells are 0. An assignment of the free cells that
 * meets all this is what a proof of the circuit shows to exist (recurse/machine.h).
 *
 * Sums that are not narrow have no parts in the machine: what needs one reads a PART of the sum.
 *
 * Equal constants and equal sums are one cell: two computations that do the same give the same
 * wire. Failure to allocate is sticky: look at `status` at the end. */
#ifndef VFT_RECURSE_CIRCUIT_H
#define VFT_RECURSE_CIRCUIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/status.h"
#include "field/goldilocks.h"
#include "hash/poseidon.h"
#include "recurse/cell.h"

typedef uint32_t vft_wire;

enum { VFT_WIRE_BITS = 28 };
static inline vft_cell_kind vft_wire_kind(vft_wire w) { return (vft_cell_kind)(w >> VFT_WIRE_BITS); }
static inline uint32_t vft_wire_number(vft_wire w) { return w & ((1u << VFT_WIRE_BITS) - 1); }

/* A coordinate of a cell. */
typedef struct {
  vft_wire wire;
  uint32_t part; /* 0 .. 2 */
} vft_wire_part;

typedef struct {
  vft_wire a, b, c;
} vft_sum_op; /* cell SUM number i is a b + c */

enum { VFT_FRESH = UINT32_MAX };
/* Permutation number i. Its input is capacity (lanes 8 .. 11) and the parts (lanes 0 .. 7), plus,
 * lane by lane, the output of permutation number `after` unless that is VFT_FRESH. If `swap`, a cell
 * that the circuit sees to be 0 or 1, is 1, parts 0 .. 3 and 4 .. 7 change places: a step on a Merkle
 * path. */
typedef struct {
  vft_wire_part lane[VFT_POSEIDON_RATE];
  vft_fp capacity[VFT_POSEIDON_CAPACITY];
  uint32_t after;
  vft_wire swap; /* 0: never */
} vft_sponge_op;

/* FETCH number i is the cell whose number is that of `first` plus the value of `index`. */
typedef struct {
  vft_wire first, index;
} vft_fetch_op;

typedef struct vft_circuit {
  vft_status status;
  struct {
    vft_ext *value; /* one a cell */
    uint32_t n, cap;
  } cells[VFT_CELL_KINDS];
  vft_sum_op *sum;
  uint8_t *narrow;  /* one a sum */
  uint32_t *rank;   /* one a sum: its number among those that are narrow, or that are not */
  uint32_t nnarrow; /* how many are */
  vft_sponge_op *sponge;
  vft_poseidon_state *before; /* one a permutation: the state it permutes */
  vft_wire_part *split;
  vft_wire_part *part; /* PART number i */
  vft_fetch_op *fetch;
  vft_wire *zero;
  uint32_t nsponge, nsplit, nzero;
  uint32_t cap_sum, cap_narrow, cap_rank, cap_sponge, cap_before, cap_split, cap_part, cap_fetch, cap_zero;
  uint32_t *slot[2]; /* open addressing: constants, sums */
  uint32_t slots[2];
} vft_circuit;

vft_circuit *vft_circuit_new(void); /* NULL when out of memory */
void vft_circuit_free(vft_circuit *c);

vft_ext vft_circuit_value(const vft_circuit *c, vft_wire w);
vft_fp vft_circuit_part(const vft_circuit *c, vft_wire_part p);

vft_wire vft_circuit_constant(vft_circuit *c, vft_ext v);
vft_wire vft_circuit_input(vft_circuit *c, vft_ext v); /* coordinates 1 and 2 are 0 */
vft_wire vft_circuit_base(vft_circuit *c, vft_fp v);
vft_wire vft_circuit_free_cell(vft_circuit *c, vft_ext v);
vft_wire vft_circuit_sum(vft_circuit *c, vft_wire a, vft_wire b, vft_wire d);
/* Whether the cell is known to be in F, having one coordinate in the machine or being a constant. */
bool vft_circuit_is_narrow(const vft_circuit *c, vft_wire w);
/* Says that the cell is 0 (whether or not its value is). */
void vft_circuit_zero(vft_circuit *c, vft_wire a);
/* First of the 32 cells with the low bits, low bit first, of the canonical representative of x. */
vft_wire vft_circuit_split(vft_circuit *c, vft_wire_part x);
/* The coordinate as a cell of its own; of a cell in F that itself, or the constant 0. */
vft_wire vft_circuit_take_part(vft_circuit *c, vft_wire_part x);
/* One of the cells from `first` on, which were recorded one after the other and are all BASE or all
 * FREE: the one at `index`, a cell with an integer below their number, which the circuit must see
 * to, and below 2^16, which their number must be too. */
vft_wire vft_circuit_fetch(vft_circuit *c, vft_wire first, vft_wire index);
/* Number of the permutation; its cells are vft_circuit_sponge(number) + 0 .. 3. */
uint32_t vft_circuit_permute(vft_circuit *c, const vft_wire_part lane[VFT_POSEIDON_RATE],
                             const vft_fp capacity[VFT_POSEIDON_CAPACITY], uint32_t after,
                             vft_wire swap);
static inline vft_wire vft_circuit_sponge(uint32_t number) {
  return (vft_wire)VFT_CELL_SPONGE << VFT_WIRE_BITS | VFT_SPONGE_CELLS * number;
}
/* Brings the circuit into the form that it is known by (canonical.c): drops what nothing needs, and
 * numbers constants, parts and sums by what they are, not by when they were recorded, which the
 * evaluation order of a C compiler decides. Wires of these that were given out before are not valid
 * after it: the last thing to do. */
void vft_circuit_prune(vft_circuit *c);
/* Whether all recorded cells that must be 0 are. */
bool vft_circuit_holds(const vft_circuit *c);
/* One line: how many of each kind. */
void vft_circuit_print(const vft_circuit *c, FILE *out);
/* Digest of the circuit: everything but the values. Equal for all runs of one verifier. */
void vft_circuit_digest(const vft_circuit *c, uint8_t digest[32]);

#endif
