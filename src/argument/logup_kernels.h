/* The array kernels of the LogUp-GKR prover (internal to argument/logup*).
 *
 * A table over x in {0,1}^k is an array of blocks of eight consecutive entries, coordinates
 * apart; all words canonical. The four columns of a layer are, for x: the numerators and
 * denominators of the nodes 2x (p0, q0) and 2x + 1 (p1, q1) of the layer below. "A row pair" is
 * two consecutive blocks read as eight even and eight odd entries. */
#ifndef VFT_ARGUMENT_LOGUP_KERNELS_H
#define VFT_ARGUMENT_LOGUP_KERNELS_H

#include <stddef.h>
#include <stdint.h>

#include "field/goldilocks.h"

typedef struct {
  _Alignas(64) uint64_t c[3][8];
} vft_logup_block;

/* Eight weights e, with e0 + e2 and e1 + e2 as fourth and fifth coordinate. */
typedef struct {
  _Alignas(64) uint64_t c[5][8];
} vft_logup_weight;

enum { VFT_LOGUP_P0, VFT_LOGUP_P1, VFT_LOGUP_Q0, VFT_LOGUP_Q1, VFT_LOGUP_COLUMNS };

typedef struct {
  /* even[j], odd[j] from the 16 elements in[16 j ..]. */
  void (*split)(const vft_ext *in, vft_logup_block *even, vft_logup_block *odd, size_t blocks);
  /* out = even + r (odd - even), from the row pair in[2 j], in[2 j + 1]. Not in place. */
  void (*fold)(vft_logup_block *out, const vft_logup_block *in, size_t blocks, vft_ext r);
  /* out[j] = p[j] + lambda q[j]; out may be p. */
  void (*combine)(vft_logup_block *out, const vft_logup_block *p, const vft_logup_block *q,
                  size_t blocks, vft_ext lambda);
  /* Columns t (P0 holding p0 + lambda q0) of `pairs` row pairs; lane-wise, canonical:
   *   sum[0] += w[j] G(even), sum[1] += w[j] G(odd - even), G = P0 q1 + p1 q0.
   * pairs <= 128. */
  void (*sums)(vft_logup_block sum[2], const vft_logup_block *const t[4],
               const vft_logup_weight *w, size_t pairs);
  /* The same with G = (q0 + mu)(q1 + mu), whose differences do not contain mu. */
  void (*sums_ones)(vft_logup_block sum[2], const vft_logup_block *q0, const vft_logup_block *q1,
                    const vft_logup_weight *w, size_t pairs, vft_ext mu);
  /* Adds fractions: block j of the four output columns from row pair j of the input columns.
   * _ones: all numerators are 1 (t[P0], t[P1] are not read). */
  void (*add)(vft_logup_block *const out[4], const vft_logup_block *const t[4], size_t blocks);
  void (*add_ones)(vft_logup_block *const out[4], const vft_logup_block *const t[4],
                   size_t blocks);
} vft_logup_ops;

extern const vft_logup_ops vft_logup_ops_c;
extern const vft_logup_ops vft_logup_ops_avx2, vft_logup_ops_avx512;
/* The table of the present SIMD tier. */
const vft_logup_ops *vft_logup_ops_get(void);

#endif
