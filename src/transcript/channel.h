/* The typed Fiat-Shamir channel: one object, one driver for prover and verifier.
 *
 * A protocol is written once against this interface. On the prover's side `send` appends the
 * value to the proof and absorbs it; on the verifier's side the same call reads the value from
 * the proof into the same variable and absorbs it. There is no other way to read a proof, so a
 * value received is a value absorbed. Every call names a label; label, type and count are
 * absorbed with the value, so that no two different message sequences share a transcript.
 *
 * The state behind it is a chain of BLAKE3 hashes (transcript/chain.h) or a duplex sponge of
 * Poseidon (transcript/sponge.h), whose verifier a circuit can follow; the bytes of the proof are
 * laid out alike. */
#ifndef VFT_TRANSCRIPT_CHANNEL_H
#define VFT_TRANSCRIPT_CHANNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "field/goldilocks.h"
#include "hash/blake3.h"
#include "hash/kind.h"
#include "transcript/query.h"

typedef struct vft_channel vft_channel;

/* `protocol` names and versions the whole protocol. NULL when out of memory. */
vft_channel *vft_channel_prover(const char *protocol, vft_hash_kind hash);
/* The verifier borrows `proof` until vft_channel_free. */
vft_channel *vft_channel_verifier(const char *protocol, vft_hash_kind hash, const uint8_t *proof,
                                  size_t len);
void vft_channel_free(vft_channel *ch);
bool vft_channel_is_prover(const vft_channel *ch);
vft_hash_kind vft_channel_hash(const vft_channel *ch);

/* Data that both sides know: absorbed, not sent. */
void vft_channel_absorb(vft_channel *ch, const char *label, const void *data, size_t len);
void vft_channel_absorb_u64(vft_channel *ch, const char *label, uint64_t value);
/* Under Poseidon the digest must be one (four canonical elements); if not, the channel is rejected
 * ("transcript/canonical"): nothing is sent or received any more and vft_channel_finish fails. */
void vft_channel_absorb_digest(vft_channel *ch, const char *label, const vft_digest *d);
void vft_channel_absorb_ext(vft_channel *ch, const char *label, const vft_ext *v, size_t n);
/* Requires |v[i]| <= (p - 1) / 2, so that residues are as good as integers. */
void vft_channel_absorb_integers(vft_channel *ch, const char *label, const vft_fp *v, size_t n);

/* Prover: in; verifier: out. Rejected ("transcript/truncated", "transcript/canonical"). */
VFT_MUST_CHECK vft_status vft_channel_send_fp(vft_channel *ch, const char *label, vft_fp *v,
                                              size_t n);
VFT_MUST_CHECK vft_status vft_channel_send_ext(vft_channel *ch, const char *label, vft_ext *v,
                                               size_t n);
VFT_MUST_CHECK vft_status vft_channel_send_digest(vft_channel *ch, const char *label,
                                                  vft_digest *d);
/* Prover: from now on extension elements are sent less these pads, each used once and in order, and
 * the caller's v stays as it is: what is absorbed and what challenges follow from are the padded
 * values. NULL ends that. Sending more elements than there are pads fails, VFT_USAGE. The pads are
 * borrowed. */
void vft_channel_pad(vft_channel *ch, const vft_ext *pad, size_t n);
/* Pads not used yet; and the number of extension elements sent so far. */
size_t vft_channel_pads_left(const vft_channel *ch);
size_t vft_channel_sent_ext(const vft_channel *ch);
/* Merkle opening data only: it is authenticated by a root absorbed before and no later
 * challenge may depend on it, so it is carried without being absorbed. */
VFT_MUST_CHECK vft_status vft_channel_send_opening(vft_channel *ch, void *data, size_t len);

vft_ext vft_channel_challenge_ext(vft_channel *ch, const char *label);
/* n indices in [0, 2^log), independent, with repetitions. log <= 32. */
void vft_channel_challenge_indices(vft_channel *ch, const char *label, vft_query *out, size_t n,
                                   unsigned log);
/* Proof of work: the prover finds and sends a nonce such that `bits` bits (BLAKE3: <= 40, Poseidon:
 * <= 24) of the next hash are zero; the verifier checks it ("transcript/grind"; Poseidon also
 * "transcript/canonical"). bits == 0: nothing is sent. */
VFT_MUST_CHECK vft_status vft_channel_grind(vft_channel *ch, const char *label, unsigned bits);

/* Prover: the finished proof, valid until vft_channel_free. */
const uint8_t *vft_channel_proof(const vft_channel *ch, size_t *len);
/* Verifier: every byte must have been consumed ("transcript/trailing"). Prover: reports a failed
 * allocation during sending. */
VFT_MUST_CHECK vft_status vft_channel_finish(vft_channel *ch);

#endif
