/* LogUp-GKR: a proof that a long sum of fractions is zero.
 *
 *   sum_{i < real} num_i / den_i = 0   (num_i in F, den_i in E, all den_i != 0)
 *
 * The fractions are the leaves of a binary tree of depth n, leaf i at index i, the leaves from
 * `real` up to 2^n being 0/1. An inner node adds its two children without reducing:
 *   (p0, q0) + (p1, q1) = (p0 q1 + p1 q0, q0 q1);
 * layer k of the tree has 2^k nodes, node i above nodes 2i and 2i + 1 of layer k + 1. Starting
 * from the root, whose numerator must be 0 and whose denominator must not, one sumcheck per layer
 * turns the claim on a layer into a claim on the next, and the protocol ends with one claim on
 * each of the two multilinear extensions of the leaves, at one point.
 *
 * Messages in order, with their labels (each is "logup/" and the word given); E stands for the
 * extension, send and absorb for the channel's calls:
 *   absorb n (variables); absorb real (fractions)
 *   n = 0: send the leaf's num and den (root); num = 0, den != 0
 *   n > 0: send p0, p1, q0, q1 of layer 1 (root); p0 q1 + p1 q0 = 0, q0 q1 != 0;
 *          challenge c (descend); the claim on layer 1 at the point (c) is
 *          p = p0 + c (p1 - p0), q = q0 + c (q1 - q0)
 *   for k = 1 .. n - 1, with claims p, q on layer k at z in E^k:
 *     absorb k (layer); challenge lambda (lambda); v = p + lambda q
 *     for j = 0 .. k - 1: send b, c (round); the round polynomial is a + b X + c X^2 with
 *       a = v - z_j (b + c); challenge r_j (point); v = a + b r_j + c r_j^2
 *     send p0, p1, q0, q1 (values); v = p0 q1 + p1 q0 + lambda q0 q1; challenge c (descend);
 *     the claim on layer k + 1 at the point (c, r_0, .., r_{k-1}), as above.
 *
 * Why one coefficient is not sent: with z' the coordinates of z after j, the round polynomial is
 *   T(X) = sum_{x} eq(z', x) G(r_0 .. r_{j-1}, X, x),  G = p0 q1 + p1 q0 + lambda q0 q1,
 * of degree 2, and v = (1 - z_j) T(0) + z_j T(1) = a + z_j (b + c) holds for the true one by the
 * last round's T. Solving for a makes that check by construction.
 *
 * Soundness (proved, no assumption but the transcript's): if the claim on layer k is false, then
 * after lambda v is false except with probability 1/|E|; each round leaves a false v true with
 * probability at most 2/|E| (two different polynomials of degree 2); if at the end v is false but
 * passes, one of the four values sent is false, and then p or q is false at c except with 1/|E|.
 * Layer 1 costs 1/|E| for its c. vft_logup_gkr_error(n) is the sum. That the fractions' sum is
 * zero as a number says something about the lookups only if their challenges were drawn after
 * everything in them was fixed: vft_logup_identity_error. */
#ifndef VFT_ARGUMENT_LOGUP_H
#define VFT_ARGUMENT_LOGUP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "field/goldilocks.h"
#include "transcript/channel.h"

enum {
  VFT_LOGUP_MAX_VARS = 40,
  VFT_LOGUP_TILE = 2048,     /* leaves asked for at a time */
  VFT_LOGUP_MAX_RECOMPUTE = 3
};

/* The prover's leaves. fill writes num[0..count) and den[0..count), canonical, of the leaves
 * start .. start + count - 1; start is a multiple of VFT_LOGUP_TILE, count <= VFT_LOGUP_TILE,
 * start + count <= real. It returns true if all count numerators are 1, and then need not write
 * num: such tiles cost half. It is called several times for each range, from several threads at
 * once, and must give the same values each time.
 * recompute (0 .. VFT_LOGUP_MAX_RECOMPUTE): so many of the largest layers above the leaves are
 * computed again from the leaves when needed instead of being stored; each halves the memory of
 * the stored layers and costs two more passes of fill.
 * workspace (64-byte aligned, may be NULL): memory that is free during the run, with contents of
 * no interest. Layers are kept there if workspace_bytes suffices (vft_logup_plan bytes always
 * do), else in fresh memory, which has to be paged in. */
typedef struct {
  bool (*fill)(void *ctx, size_t start, size_t count, vft_fp *num, vft_ext *den);
  void *ctx;
  unsigned recompute;
  void *workspace;
  size_t workspace_bytes;
} vft_logup_leaves;

/* num(point) and den(point) of the leaf vector, its tail included: with T = 1 - sum_{i < real}
 * eq(point, i) (vft_poly_eq_prefix), den is T more than the real leaves' share. */
typedef struct {
  unsigned n;
  vft_ext point[VFT_LOGUP_MAX_VARS];
  vft_ext num, den;
} vft_logup_claim;

/* Prover (leaves given) or verifier (leaves NULL) of the protocol above on the channel. Requires
 * n <= VFT_LOGUP_MAX_VARS and 1 <= real <= 2^n, both public; every length is derived from them.
 * Ensures: *claim is filled and equal on both sides. The claim is all that is proved: the caller
 * must check it against the leaves.
 * Rejected: "logup/sum" (the root's numerator is not 0: with honest messages, the sum is not
 * zero), "logup/zero_denominator", "logup/layer" (a layer's last check), the channel's ids.
 * The prover rejects its own false statement, and fails with VFT_RESOURCE when out of memory or
 * (probability below 2^-170) when a challenge is zero. Bytes do not depend on threads, SIMD tier
 * or recompute. */
VFT_MUST_CHECK vft_status vft_logup_run(vft_channel *ch, unsigned n, size_t real,
                                        const vft_logup_leaves *leaves, vft_logup_claim *claim);

/* Upper bound on the bytes that the prover allocates or uses of its workspace. general: an upper
 * bound on the number of tiles (of VFT_LOGUP_TILE leaves) for which fill returns false; SIZE_MAX
 * when unknown. Besides, each thread needs 0.5 MiB of stack. */
size_t vft_logup_plan(unsigned n, size_t real, unsigned recompute, size_t general);

/* Number of elements of E that the protocol sends. */
size_t vft_logup_messages(unsigned n);

/* Error of the GKR part in units of 1/|E|: 1 + sum_{k=1}^{n-1} (1 + 2k + 1); 0 for n = 0. */
uint64_t vft_logup_gkr_error(unsigned n);
/* Error of the identity in units of 1/|E| (saturating), for `real` fractions
 * num_i / (alpha - f_i(beta)), f_i a tuple of `arity` values, fixed before the challenges, as a
 * polynomial of degree arity - 1 in beta; alpha and beta uniform in E. If, tuple by tuple, the
 * numerators do not add to zero modulo p, then the sum's common numerator, sum_i num_i
 * prod_{j != i} (alpha - f_j(beta)) over the distinct tuples, is a nonzero polynomial (distinct
 * tuples are distinct poles over E(beta)) of total degree at most (real - 1) max(1, arity - 1):
 * Schwartz-Zippel. Multiplicities stand for numbers of lookups as long as there are fewer than p
 * of these. */
uint64_t vft_logup_identity_error(uint64_t real, unsigned arity);

#endif
