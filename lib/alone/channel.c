/* src/transcript/channel.c for the library: a verifier's channel under BLAKE3. */
#include "transcript/channel.h"

#include <string.h>

#include "base/mem.h"
#include "transcript/chain.h"
#include "transcript/message.h"

struct vft_channel {
  vft_chain chain;
  const uint8_t *in;
  size_t len, read;
};

static uint64_t get64(const uint8_t *b) {
  uint64_t x = 0;
  for (int i = 0; i < 8; i++) x |= (uint64_t)b[i] << (8 * i);
  return x;
}

vft_channel *vft_channel_verifier(const char *protocol, vft_hash_kind hash, const uint8_t *proof,
                                  size_t len) {
  vft_channel *ch = hash == VFT_HASH_BLAKE3 ? vft_alloc(1, sizeof *ch) : NULL;
  if (!ch) return NULL;
  vft_chain_init(&ch->chain, protocol);
  ch->in = proof;
  ch->len = len;
  return ch;
}

void vft_channel_free(vft_channel *ch) { vft_free(ch); }
bool vft_channel_is_prover(const vft_channel *ch) { return !ch; }
vft_hash_kind vft_channel_hash(const vft_channel *ch) { return ch ? VFT_HASH_BLAKE3 : 0; }

void vft_channel_absorb(vft_channel *ch, const char *label, const void *data, size_t len) {
  vft_chain_absorb(&ch->chain, VFT_MESSAGE_BYTES, label, len, data, len);
}

void vft_channel_absorb_u64(vft_channel *ch, const char *label, uint64_t value) {
  uint8_t b[8];
  for (int i = 0; i < 8; i++) b[i] = (uint8_t)(value >> (8 * i));
  vft_chain_absorb(&ch->chain, VFT_MESSAGE_U64, label, 1, b, sizeof b);
}

void vft_channel_absorb_digest(vft_channel *ch, const char *label, const vft_digest *d) {
  vft_channel_absorb(ch, label, d->b, sizeof d->b);
}

void vft_channel_absorb_ext(vft_channel *ch, const char *label, const vft_ext *v, size_t n) {
  _Static_assert(sizeof *v == 24 && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
                 "the bytes of an extension element are those in memory");
  vft_channel_absorb(ch, label, v, 24 * n);
}

void vft_channel_absorb_integers(vft_channel *ch, const char *label, const vft_fp *v, size_t n) {
  vft_chain_integers(&ch->chain, label, v, n);
}

static vft_status take(vft_channel *ch, const char *label, void *out, size_t n) {
  if (n) memset(out, 0, n);
  if (n > ch->len - ch->read)
    return vft_reject("transcript/truncated", "proof: ends inside \"%s\" at byte %zu", label,
                      ch->read);
  if (n) memcpy(out, ch->in + ch->read, n);
  ch->read += n;
  return VFT_OK;
}

vft_status vft_channel_send_ext(vft_channel *ch, const char *label, vft_ext *v, size_t n) {
  TRY(take(ch, label, v, 24 * n));
  for (size_t i = 0; i < 3 * n; i++)
    if (v[i / 3].c[i % 3].v >= VFT_P) {
      memset(v, 0, 24 * n);
      return vft_reject("transcript/canonical", "proof: element %zu of \"%s\" is not below p", i,
                        label);
    }
  vft_chain_absorb(&ch->chain, VFT_MESSAGE_EXT, label, n, v, 24 * n);
  return VFT_OK;
}

vft_status vft_channel_send_digest(vft_channel *ch, const char *label, vft_digest *d) {
  TRY(take(ch, label, d->b, sizeof d->b));
  vft_chain_absorb(&ch->chain, VFT_MESSAGE_DIGEST, label, 1, d->b, sizeof d->b);
  return VFT_OK;
}

vft_status vft_channel_send_opening(vft_channel *ch, void *data, size_t len) {
  return take(ch, "opening", data, len);
}

vft_ext vft_channel_challenge_ext(vft_channel *ch, const char *label) {
  return vft_chain_ext(&ch->chain, label);
}

void vft_channel_challenge_indices(vft_channel *ch, const char *label, vft_query *out, size_t n,
                                   unsigned log) {
  vft_chain_indices(&ch->chain, label, out, n, log);
}

vft_status vft_channel_grind(vft_channel *ch, const char *label, unsigned bits) {
  uint8_t seed[32], nonce[8];
  if (bits > VFT_CHAIN_GRIND_MAX) return vft_fail(VFT_USAGE, "%u bits of grinding", bits);
  if (!bits) return VFT_OK;
  vft_chain_grind_seed(&ch->chain, label, bits, seed);
  TRY(take(ch, label, nonce, sizeof nonce));
  if (!vft_chain_grind_valid(seed, bits, get64(nonce)))
    return vft_reject("transcript/grind", "proof: nonce of \"%s\" does not show %u bits of work",
                      label, bits);
  vft_chain_nonce(&ch->chain, label, get64(nonce));
  return VFT_OK;
}

vft_status vft_channel_finish(vft_channel *ch) {
  if (ch->read != ch->len)
    return vft_reject("transcript/trailing", "proof: %zu bytes after its end", ch->len - ch->read);
  return VFT_OK;
}
