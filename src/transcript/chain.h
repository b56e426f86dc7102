/* Inside of transcript: the channel's state under BLAKE3.
 *
 * `str(s)` is le32(length of s) followed by its bytes without terminator; `|` is concatenation; H
 * is BLAKE3 (32 bytes), XOF(m, n) the first n bytes of BLAKE3's extended output on m.
 *
 * The state S is 32 bytes. Initially S = H("vft-channel-v1" | str(protocol)).
 *
 * Every message is hashed behind the header
 *   head(type, label, count) = S | byte(type) | str(label) | le64(count).
 * Types are below; count is the number of items (bytes for type 1). The header has a length
 * that it determines itself, and the payload's length is count times the item size of the type,
 * so the hash input determines (type, label, count, payload): two different sequences of
 * messages differ in some hash input, and the chain S -> S' = H(S | ...) carries the difference
 * into all later states unless H collides.
 *
 *   type  call               payload                          effect
 *   1     absorb             the bytes                        S <- H(head | payload)
 *   2     absorb_u64         le64(value), count 1             S <- H(head | payload)
 *   3     send_fp            n field elements                 S <- H(head | payload), to proof
 *   4     send_ext           n extension elements             S <- H(head | payload), to proof
 *   5     send_digest        the digest, count 1              S <- H(head | payload), to proof
 *   16    challenge_ext      none, count 1                    T = XOF(head, 56)
 *   17    challenge_indices  none, count = number drawn       T = XOF(head, 32 + 4 * count)
 *   18    grind              none, count = bits               T = XOF(head, 64)
 *   19    grind's nonce      le64(nonce), count 1             S <- H(head | payload), to proof
 *
 * absorb_digest and absorb_ext are absorb of the values' bytes. absorb_integers is absorb_u64 of
 * their number, then absorb of 512 of them at a time (the last one shorter) as le64 in two's
 * complement.
 *
 * Challenges: S <- T[0..31], and the draw is the rest of T.
 *   challenge_ext: three words le64. If one of them is >= p (probability below 3 * 2^-32) the
 *     whole draw is repeated from the new S. The result is uniform in E.
 *   challenge_indices: words le32 cut to their low `log` bits. More than 64 indices are drawn in
 *     consecutive messages of 64 (the last one shorter). 2^log divides 2^32: uniform.
 *   grind: the draw is a 32-byte seed. A nonce is valid if the first 8 bytes of
 *     H(seed | le64(nonce) | 24 zero bytes), read as one big-endian number, are below
 *     2^(64 - bits). The prover sends the smallest valid nonce (the verifier accepts any valid
 *     one). bits = 0: no message at all. */
#ifndef VFT_TRANSCRIPT_CHAIN_H
#define VFT_TRANSCRIPT_CHAIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "field/goldilocks.h"
#include "transcript/query.h"

enum { VFT_CHAIN_GRIND_MAX = 40 };

typedef struct {
  uint8_t state[32];
} vft_chain;

void vft_chain_init(vft_chain *chain, const char *protocol);
void vft_chain_absorb(vft_chain *chain, uint8_t type, const char *label, uint64_t count,
                      const void *payload, size_t len);
void vft_chain_integers(vft_chain *chain, const char *label, const vft_fp *v, size_t n);

vft_ext vft_chain_ext(vft_chain *chain, const char *label);
void vft_chain_indices(vft_chain *chain, const char *label, vft_query *out, size_t n,
                       unsigned log);

/* Grinding: the seed, the smallest nonce of so many bits for it, whether a nonce has them, and the
 * nonce's message. */
void vft_chain_grind_seed(vft_chain *chain, const char *label, unsigned bits, uint8_t seed[32]);
uint64_t vft_chain_grind_search(const uint8_t seed[32], unsigned bits);
bool vft_chain_grind_valid(const uint8_t seed[32], unsigned bits, uint64_t nonce);
void vft_chain_nonce(vft_chain *chain, const char *label, uint64_t nonce);
/* For the search: what is hashed, and whether its digest has them. */
void vft_chain_grind_message(uint8_t m[64], const uint8_t seed[32], uint64_t nonce);
bool vft_chain_work_done(const uint8_t digest[32], unsigned bits);

#endif
