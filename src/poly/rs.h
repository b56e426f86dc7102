/* Reed-Solomon codes over F by number-theoretic transforms, eight rows in lock-step.
 *
 * Message: 2^c base elements a_0 .. a_(2^c - 1), the COEFFICIENTS of u(X) = sum_i a_i X^i.
 * Codeword: position j < N = 2^(c + rate) holds u(vft_rs_point(log N, j)). Positions are in
 * bit-reversed order: point j is w^rev(j) with w = vft_fp_root(log N) and rev the reversal of
 * log N bits. So positions 2j and 2j + 1 hold x and -x, point(log N, j)^(2^k) =
 * point(log N - k, j >> k), and point(log N, j) does not depend on N (the first N positions of a
 * longer code are the same points).
 *
 * An extension row is three base rows, one a coordinate: u has coefficients in E, and coordinate
 * k of u(x) is the k-th row at x because x lies in F. */
#ifndef VFT_POLY_RS_H
#define VFT_POLY_RS_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "field/goldilocks.h"

enum { VFT_RS_LANES = 8, VFT_RS_MAX_LOG = 30 };

/* Point of codeword position j < 2^log_n; log_n <= 32. */
vft_fp vft_rs_point(unsigned log_n, uint64_t j);

/* A code with its tables (24 bytes for every four message elements); immutable, so any number of
 * threads may use it. */
typedef struct vft_rs vft_rs;
/* log_message >= 0, log_rate >= 0, sum in [1, VFT_RS_MAX_LOG]. Fails: VFT_USAGE on ranges,
 * VFT_RESOURCE without memory. */
VFT_MUST_CHECK vft_status vft_rs_new(vft_rs **out, unsigned log_message, unsigned log_rate);
void vft_rs_free(vft_rs *code);
unsigned vft_rs_log_message(const vft_rs *code);
unsigned vft_rs_log_length(const vft_rs *code);

/* in[i * 8 + lane] -> out[j * 8 + lane] for eight rows: 2^c and N indices. Canonical in and out;
 * no overlap. Runs on the calling thread. */
void vft_rs_encode8(const vft_rs *code, const vft_fp *in, vft_fp *out);
/* The part of vft_rs_encode8 that writes positions block * 2^c .. block * 2^c + 2^c - 1, for
 * block < 2^rate: blocks are independent. */
void vft_rs_encode8_block(const vft_rs *code, const vft_fp *in, vft_fp *out, size_t block);

/* Eight rows of `len` elements -> interleaved [i][8]; a NULL row counts as zeros. */
void vft_rs_interleave(vft_fp *out, const vft_fp *const rows[VFT_RS_LANES], size_t len);

/* Rows in natural order, row r at rows + r * 2^c, to groups of eight lanes: row r, position j is
 * out[((r / 8) * N + j) * 8 + r % 8]; the lanes of a last partial group are zero. Uses all
 * threads. Fails: VFT_RESOURCE. */
VFT_MUST_CHECK vft_status vft_rs_encode(const vft_rs *code, const vft_fp *rows, size_t nrows,
                                        vft_fp *out);

#endif
