/* The soundness account of a proof: every round's error in bits, the theorem behind it, and the
 * total. All arithmetic is integer fixed point, rounded towards less security, so that numbers of
 * queries derived from it are the same on every machine.
 *
 * Regime: unique decoding. A code of length n and rate rho is used at the radius
 * e = n (1 - rho) / 2 errors, which is (d - 1) / 2 for its distance d = n - rho n + 1. Theorems:
 *
 *   [BCIKS20 4.1] Ben-Sasson, Carmon, Ishai, Kopparty, Saraf, "Proximity Gaps for Reed-Solomon
 *     Codes", theorem 4.1 (1.4 for lines): if more than n of the field's elements r have
 *     u0 + r u1 within (1 - rho)/2 of the code, then u0 and u1 agree with codewords on a common
 *     set of n - e positions. Error of a fold with one challenge: n / |E|.
 *   [DG25 3.1] Diamond, Gruen, "Proximity Gaps in Interleaved Codes", theorem 3.1: a count that
 *     holds for lines of a linear code, e <= (d - 1)/2 and count >= e + 1, holds for lines of its
 *     interleavings (columns as symbols). So it holds for matrices, each row variable a fold.
 *   [ACFY24] Arnon, Chiesa, Fenzi, Yogev, "WHIR". Lemma 4.10 and corollary 4.11: the agreement is
 *     mutual in this regime at the same error. Theorem 5.2: the iteration's rounds; with lists of
 *     one word its out-of-domain term vanishes and no such sample is taken.
 *   [SZ] Schwartz-Zippel: a nonzero polynomial of degree d has at most d roots in E.
 *
 * Why the terms of vft_soundness_add_whir suffice (round by round; "far" is more than e columns
 * from every matrix of codewords). Let U be a level's matrix of columns, W its weights, s the
 * claim. The state is lost for the prover unless U is within e columns of a (then unique) matrix
 * V of codewords whose messages have weighted sum s.
 *   - Row variable. If U is far, (1 - r) U_0 + r U_1 is far too for all but n of the r
 *     (BCIKS20, DG25). If U is near V and the sum is wrong, the folded word is near the folded V
 *     and to nothing else, and the claim h(r) is true for at most 2 of the r (SZ). The two cases
 *     exclude each other; the account adds both errors all the same.
 *   - Query phase. All rows are folded: one word u, never sent; opened columns of U determine it
 *     wherever it is asked. The prover has fixed the next matrix, near at most one vector f (or f
 *     in the clear). Either f's weighted sum is wrong: t + 1 claims of which one is false, all
 *     consistent after batching for at most t challenges (t draws; a position drawn twice
 *     only repeats its claim). Or it is right, so u is not within e
 *     positions of f's codeword: each query agrees with probability below 1 - e/n = (1 + rho)/2.
 *     If the next matrix is far, the next level starts lost.
 *   - Last sumcheck: f is known, SZ.
 * A base-field matrix near V over E: the Frobenius map fixes U and permutes codewords, so it
 * fixes the unique V, whose messages are thus in F. And since the stacked matrix is near V, each
 * tree is near its part of V: a root binds one matrix, whatever it is opened together with.
 *
 * Grinding of g bits multiplies the number of hash calls per attempt at the queries that follow
 * it by 2^g; it is counted as g bits on that query phase (random-oracle model). */
#ifndef VFT_ARGUMENT_SOUNDNESS_H
#define VFT_ARGUMENT_SOUNDNESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "argument/whir.h"
#include "base/status.h"

/* Bits of security in units of 2^-24 bit. */
typedef int64_t vft_bits;
#define VFT_BITS(n) ((vft_bits)(n) << 24)
/* The least acceptable total of a release proof. */
enum { VFT_SOUNDNESS_LEVEL = 128 };

/* log2(x), x >= 1, rounded down or up to a multiple of 2^-24; the error is below 2^-22. */
vft_bits vft_log2_down(uint64_t x);
vft_bits vft_log2_up(uint64_t x);
/* -log2 of a sum of n errors 2^-bits[i], rounded down. n = 0: 0 (no claim of security).
 * Requires 0 <= bits[i]. */
vft_bits vft_bits_sum(const vft_bits *bits, size_t n);
/* Bits of `queries` independent queries to a code of length 2^log_n and dimension k, rate
 * rho = k / 2^log_n, at half its distance: queries * log2(2 / (1 + rho)), rounded down. */
vft_bits vft_query_bits(unsigned log_n, uint64_t k, uint32_t queries);
/* Bits of an error count / |E|, count >= 1; |E| = p^3 > 2^191.999. */
vft_bits vft_field_bits(uint64_t count);

typedef struct {
  char name[64];
  const char *theorem; /* static string */
  vft_bits bits;
} vft_soundness_term;

/* The account. Zero-initialise; free with vft_soundness_free. */
typedef struct {
  vft_soundness_term *term;
  size_t terms, capacity;
  bool test_profile; /* set by any part that is one */
  bool incomplete;   /* an addition failed: nothing may be concluded */
} vft_soundness;

void vft_soundness_free(vft_soundness *s);
/* An error of count / |E| (a sumcheck of n rounds of degree d: n * d; batching m claims with
 * powers: m - 1; LogUp: see the caller). `theorem` is a static string. */
VFT_MUST_CHECK vft_status vft_soundness_add(vft_soundness *s, uint64_t count, const char *theorem,
                                            const char *name_fmt, ...)
    __attribute__((format(printf, 4, 5)));
/* All rounds of one WHIR opening; names start with `prefix`. Structurally invalid parameters
 * are VFT_REJECTED ("soundness/params"). */
VFT_MUST_CHECK vft_status vft_soundness_add_whir(vft_soundness *s, const char *prefix,
                                                 const vft_whir_params *params);
/* Union bound over all terms; 0 when there are none or the account is incomplete. */
vft_bits vft_soundness_total(const vft_soundness *s);
/* Rejects ("soundness/profile", "soundness/bits") unless the total is at least `bits` bits and no
 * part is a test profile. The release verifier calls it with VFT_SOUNDNESS_LEVEL. */
VFT_MUST_CHECK vft_status vft_soundness_require(const vft_soundness *s, unsigned bits);
/* One line a term and the total, for people. */
void vft_soundness_print(const vft_soundness *s, FILE *out);

#endif
