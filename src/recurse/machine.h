/* The program that proves circuits (recurse/circuit.h): a fixed machine of chips around one memory.
 *
 * The memory is the list of all cells, committed once, kinds one after the other in the order of
 * vft_cell_kind, in three segments: wide/0, wide/1, wide/2 have the coordinates of cells that others read
 * whole or by part; narrow has that of cells in F, among them the narrow sums; total/0 .. 2 have those of
 * the other sums, which others read whole. Chips read it by lookups, (CELLS, number, c0, c1, c2) or
 * (PARTS + k, number, c_k), and so see the one value that the memory has at a number; what a chip puts out
 * is a range of the memory itself. The chips:
 *   constants, inputs   the memory there is the circuit's, the statement's
 *   narrow sums         a b + c in F, row by row
 *   sums                a b + c in E, row by row
 *   permutations        Poseidon, row by row, continuing the row above where the circuit says so
 *   splits              an element of F as 32 bits and two limbs of 16, canonical
 *   parts               a coordinate of another cell, in F
 *   fetches             the memory at a number that is a sum of one of the wiring and a value
 *   zeros               the memory is 0 there
 * Which cells a row reads is the link `wiring`, a function of the circuit alone: its root is the
 * circuit's key. The program depends on the shape only; circuits smaller than the shape leave rows
 * that read cell 0, the constant 0.
 *
 * Why a proof under a key shows that the circuit has a satisfying assignment: each lookup tuple is
 * a row of the list, which has one row for each number; so all chips speak of the same cells, and
 * each of the circuit's rules is a relation of one chip. No order of evaluation is needed: cells
 * are written once, and the rules are all the circuit says.
 *
 * Bounds close for every shape: integers are the numbers of cells and parts, at most 2^26, the limbs,
 * multiplicities below 2^31; all other tensors and every relation are modulo p. So the checker of
 * bounds accepts the program of any shape that vft_machine_build takes, and a verifier need not run
 * it (tests/lib: shapes at the limits). */
#ifndef VFT_RECURSE_MACHINE_H
#define VFT_RECURSE_MACHINE_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "field/goldilocks.h"
#include "recurse/cell.h"
#include "relation/program.h"

/* Numbers of rows; each at least 1, cells of all kinds at most 2^VFT_MACHINE_LOG. */
enum { VFT_MACHINE_LOG = 26 };
typedef struct {
  uint32_t log_columns;
  uint32_t constants, inputs, bases, frees, splits, parts, fetches, permutations, narrow_sums, sums, zeros;
} vft_machine_shape;

/* Cells of a segment. */
typedef enum { VFT_SEGMENT_WIDE, VFT_SEGMENT_NARROW, VFT_SEGMENT_TOTAL, VFT_SEGMENTS } vft_segment;
uint64_t vft_machine_cells(const vft_machine_shape *shape, vft_segment segment);

typedef struct {
  vft_machine_shape shape;
  vft_program *program;
  uint32_t wiring;                        /* link */
  uint32_t first[VFT_CELL_KINDS];         /* number of the first cell of a kind; SUM: that is not narrow */
  uint32_t first_narrow_sum, first_of[VFT_SEGMENTS];
  vft_tensor_id wide[3], narrow, total[3], input; /* input: PUBLIC [inputs] */
  vft_tensor_id constant[3];              /* wiring */
  vft_tensor_id at_sum[2][3];             /* [narrow][operand a, b, c]: its cell */
  vft_tensor_id sum[2][3][3];             /* and its coordinates: 3, of narrow ones 1 */
  vft_tensor_id at_lane, part_lane, lane; /* [permutations, 8] */
  vft_tensor_id at_swap, swap;            /* [permutations] */
  vft_tensor_id capacity, goes_on;        /* [permutations, 4]; [permutations] */
  vft_tensor_id x[VFT_POSEIDON_FULL], y, out; /* gadget/poseidon.h */
  vft_tensor_id at_split, part_split, split_to, split, bit, limb[2], top, inverse;
  vft_tensor_id at_part, pick, part[3];   /* pick: [parts, 3], 1 for the coordinate, else 0 */
  vft_tensor_id fetch_from, at_index, index;
  vft_tensor_id at_zero;
} vft_machine;

/* Fails: VFT_USAGE for a shape that cannot be, VFT_RESOURCE. */
VFT_MUST_CHECK vft_status vft_machine_build(const vft_machine_shape *shape, vft_machine **out);
void vft_machine_free(vft_machine *machine);

/* Values of the statement as vft_statement has them, one array a tensor; inputs: n elements, others
 * 0. One allocation: vft_free. */
VFT_MUST_CHECK vft_status vft_machine_inputs(const vft_machine *machine, const vft_fp *input,
                                             uint32_t n, int64_t ***inputs);

#endif
