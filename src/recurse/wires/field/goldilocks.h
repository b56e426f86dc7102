/* F and E as wires of a circuit: the scalar interface of src/field/goldilocks.h, for the verifier's
 * sources when they are compiled to record themselves. Every element carries its value; operations
 * on elements that are not constants also become cells of the circuit (recurse/recorder.h).
 *
 * An element of F is
 *   a constant            part = VFT_CONSTANT: v
 *   a cell in F           part = VFT_WHOLE: the cell `wire`, whose other coordinates are 0
 *   a coordinate          part = 0 .. 2 of the cell `wire`: to be hashed or put together again
 *   a lane in the making  a coordinate of a permutation's output, to which the element (plus,
 *                         plus_part) has been added: to be permuted and nothing else
 * All bytes zero is the constant 0. */
#ifndef VFT_FIELD_GOLDILOCKS_H
#define VFT_FIELD_GOLDILOCKS_H

#include <stddef.h>
#include <stdint.h>

#define VFT_P 0xffffffff00000001ull

enum { VFT_CONSTANT = 0, VFT_WHOLE = 1, VFT_COORDINATE = 2 /* + 0, 1, 2 */ };

typedef struct {
  uint64_t v;
  uint32_t wire, part;      /* part: VFT_CONSTANT, VFT_WHOLE or VFT_COORDINATE + k */
  uint32_t plus, plus_part; /* VFT_CONSTANT when nothing was added */
} vft_fp;

typedef struct {
  vft_fp c[3];
} vft_ext;

#define VFT_EXT_ZERO ((vft_ext){{{0}, {0}, {0}}})
#define VFT_EXT_ONE ((vft_ext){{{1}, {0}, {0}}})

/* ---- wires.c ---- */
uint32_t vft_wire_of_fp(vft_fp a);
uint32_t vft_wire_of_ext(vft_ext a);
vft_fp vft_fp_of_wire(uint32_t wire, uint64_t v);
vft_ext vft_ext_of_wire(uint32_t wire, const uint64_t v[3]);
vft_fp vft_fp_from_u64(uint64_t x);
vft_fp vft_fp_from_i64(int64_t x);
vft_fp vft_fp_add(vft_fp a, vft_fp b);
vft_fp vft_fp_sub(vft_fp a, vft_fp b);
vft_fp vft_fp_mul(vft_fp a, vft_fp b);
vft_fp vft_fp_sqr(vft_fp a);
vft_fp vft_fp_pow(vft_fp a, uint64_t e); /* constants only, as vft_fp_inv and vft_fp_root */
vft_fp vft_fp_inv(vft_fp a);
vft_fp vft_fp_root(unsigned log);
vft_ext vft_ext_from_fp(vft_fp a);
vft_ext vft_ext_from_i64(int64_t x);
vft_ext vft_ext_add(vft_ext a, vft_ext b);
vft_ext vft_ext_sub(vft_ext a, vft_ext b);
vft_ext vft_ext_neg(vft_ext a);
vft_ext vft_ext_mul(vft_ext a, vft_ext b);
vft_ext vft_ext_mul_fp(vft_ext a, vft_fp b);
/* a b + c as one operation. */
vft_ext vft_ext_mul_add(vft_ext a, vft_ext b, vft_ext c);
/* Checks: the answer is that of the values; unless both are constants, the circuit from now on
 * says that it is yes. For use in conditions whose failure is a rejection, and only there. */
int vft_ext_eq(vft_ext a, vft_ext b);
int vft_ext_is_zero(vft_ext a);
int vft_ext_is_nonzero(vft_ext a);
int vft_fp_eq(vft_fp a, vft_fp b);

#endif
