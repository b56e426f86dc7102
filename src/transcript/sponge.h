/* Inside of transcript: the channel's state under Poseidon, a duplex sponge of field elements.
 *
 * hd(m) is the element whose value is the first 8 bytes of BLAKE3(m), little-endian, without
 * their highest bit (63 bits: below p). str(s) is le32(length of s) followed by its bytes.
 *
 * State: 12 lanes. Lanes 0..7 (rate) are zero at first, lanes 8..11 (capacity) are
 * hd("vft-channel-v1"), hd(str(protocol)), 0, 0; pos = 0.
 *   absorb(x): lane[pos] += x; pos += 1; if pos = 8: permute, pos = 0.
 *   squeeze n elements: if pos != 0: permute, pos = 0. Element i is lane i mod 8, after one more
 *   permutation before each i > 0 that 8 divides.
 *
 * Every message absorbs its header hd(byte(type) | str(label) | le64(count)), then its payload:
 *
 *   type  call               count        payload, in elements
 *   1     absorb             bytes        7 bytes each, little-endian; the last one shorter
 *   2     absorb_u64         1            low and high 32 bits
 *   3     send_fp            n            n
 *   4     send_ext           n            3 n: coefficients in order
 *   5     send_digest        1            4: 8 bytes each, little-endian, canonical
 *   6     absorb_digest      1            as 5
 *   7     absorb_ext         n            as 4
 *   8     absorb_integers    n            n residues mod p
 *   16    challenge_ext      1            none; squeezes 3: the coefficients
 *   17    challenge_indices  n            none; squeezes n: index i is the low `log` bits of
 *                                         element i
 *   18    grind              bits         1: the nonce, below 2^32; squeezes 1, whose low `bits`
 *                                         bits must be zero
 *
 * Uniformity. p - 1 is a multiple of 2^32: of p values, each index < 2^log (log <= 32) is the low
 * bits of (p - 1) / 2^log, index 0 of one more. So the bias of each is below 2^log / p < 2^-31 of
 * its probability, and grinding of b bits succeeds with probability below 2^-b + 2^-63.
 *
 * Injectivity. Header and count fix how many elements follow, and each payload of a given type
 * and count is injective (7 bytes and 32 bits are below p, integers are of at most (p - 1) / 2).
 * So equal sequences of absorbed elements, read from the start, are equal sequences of messages,
 * as long as different headers have different elements. Headers are nothing that a prover
 * chooses: type, label and count of a message are determined by the messages before it
 * (the program's digest is absorbed before anything that depends on the program); two
 * histories that agree up to a header have the same header. The few whose count is free (the elements
 * of the context) differ in their element but for chance, 2^-63. A group of eight that a squeeze
 * cuts short is filled up with zeros in effect; where it is cut, the headers say. A difference
 * in absorbed elements stays in the state unless two calls meet in the capacity's 256 bits:
 * probability about t^2 / 2^256 for t calls.
 *
 * What is absorbed or squeezed is handled here by vft_fp_add and the permutation alone, so that
 * sponge.c also compiles for an element type that records a circuit. What needs a value (the
 * bits of an index, the search of a nonce) is in sponge_value.c. */
#ifndef VFT_TRANSCRIPT_SPONGE_H
#define VFT_TRANSCRIPT_SPONGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "field/goldilocks.h"
#include "hash/poseidon.h"
#include "transcript/query.h"

/* Of 2^32 nonces one of so many bits is missing with probability below 2^-300. */
enum { VFT_SPONGE_GRIND_MAX = 24 };

typedef struct {
  vft_poseidon_state state;
  unsigned pos;
} vft_sponge;

void vft_sponge_init(vft_sponge *sp, const char *protocol);
void vft_sponge_header(vft_sponge *sp, uint8_t type, const char *label, uint64_t count);

/* Payloads. */
void vft_sponge_absorb(vft_sponge *sp, const vft_fp *x, size_t n);
void vft_sponge_bytes(vft_sponge *sp, const uint8_t *data, size_t len);
void vft_sponge_u64(vft_sponge *sp, uint64_t value);

vft_ext vft_sponge_ext(vft_sponge *sp, const char *label);
void vft_sponge_indices(vft_sponge *sp, const char *label, vft_query *out, size_t n, unsigned log);
/* A whole grind but for its header: the element that the nonce leads to. */
vft_fp vft_sponge_nonce(vft_sponge *sp, vft_fp nonce);

/* ---- sponge_value.c: what looks at values ---- */
vft_query vft_sponge_query(vft_fp x, unsigned log);    /* its low bits, log <= 32 */
bool vft_sponge_shows_work(vft_fp x, unsigned bits);   /* whether its low bits are zero */
/* The smallest nonce for which vft_sponge_nonce ends in `bits` zero bits, on all threads;
 * UINT64_MAX when there is none below 2^32. */
uint64_t vft_sponge_search(const vft_sponge *sp, unsigned bits);

#endif
