/* The channel's bytes in the proof, and which state its messages go to: transcript/chain.h under
 * BLAKE3, transcript/sponge.h under Poseidon; both define the messages.
 *
 * All integers are little-endian; `le64(x)` is 8 bytes.
 *
 *   field element      le64(v), v < p
 *   extension element  its coefficients c0, c1, c2 as field elements (24 bytes)
 *   digest             its 32 bytes; under Poseidon these are four field elements
 *   nonce              le64(nonce); under Poseidon below 2^32
 *
 * Values sent are appended to the proof as their payload alone. Openings are appended as they
 * are and touch no state. */
#include "transcript/channel.h"

#include <string.h>

#include "base/mem.h"
#include "hash/poseidon.h"
#include "transcript/chain.h"
#include "transcript/message.h"
#include "transcript/sponge.h"

struct vft_channel {
  vft_hash_kind hash;
  union {
    vft_chain chain;
    vft_sponge sponge;
  } state;
  bool prover;
  vft_status failed;       /* sticky: after a failure nothing is sent or received any more */
  const char *check;       /* the failed check, if that was a rejection */
  uint8_t *out;            /* prover: the proof so far */
  size_t len, capacity;    /* len: bytes written, or bytes of the proof given */
  const uint8_t *in;       /* verifier */
  size_t read;
  const vft_ext *pad;      /* prover */
  size_t pads;             /* left */
  bool padding;
  size_t sent_ext;
};

static void put64(uint8_t *b, uint64_t x) {
  for (int i = 0; i < 8; i++) b[i] = (uint8_t)(x >> (8 * i));
}

static uint64_t get64(const uint8_t *b) {
  uint64_t x = 0;
  for (int i = 0; i < 8; i++) x |= (uint64_t)b[i] << (8 * i);
  return x;
}

static vft_channel *channel_new(const char *protocol, vft_hash_kind hash) {
  vft_channel *ch = vft_alloc(1, sizeof *ch);
  if (!ch) return NULL;
  ch->hash = hash;
  if (hash == VFT_HASH_POSEIDON)
    vft_sponge_init(&ch->state.sponge, protocol);
  else
    vft_chain_init(&ch->state.chain, protocol);
  return ch;
}

vft_channel *vft_channel_prover(const char *protocol, vft_hash_kind hash) {
  vft_channel *ch = channel_new(protocol, hash);
  if (ch) ch->prover = true;
  return ch;
}

vft_channel *vft_channel_verifier(const char *protocol, vft_hash_kind hash, const uint8_t *proof,
                                  size_t len) {
  vft_channel *ch = channel_new(protocol, hash);
  if (!ch) return NULL;
  ch->in = proof;
  ch->len = len;
  return ch;
}

void vft_channel_free(vft_channel *ch) {
  if (!ch) return;
  vft_free(ch->out);
  vft_free(ch);
}

bool vft_channel_is_prover(const vft_channel *ch) { return ch->prover; }
vft_hash_kind vft_channel_hash(const vft_channel *ch) { return ch->hash; }

/* Records the rejection `id` as the channel's, for its later uses. */
static void rejected(vft_channel *ch, const char *id) {
  ch->failed = VFT_REJECTED;
  ch->check = id;
}

/* ---- data that both sides know ------------------------------------------------------------ */

void vft_channel_absorb(vft_channel *ch, const char *label, const void *data, size_t len) {
  if (ch->hash == VFT_HASH_POSEIDON) {
    vft_sponge_header(&ch->state.sponge, VFT_MESSAGE_BYTES, label, len);
    vft_sponge_bytes(&ch->state.sponge, data, len);
  } else {
    vft_chain_absorb(&ch->state.chain, VFT_MESSAGE_BYTES, label, len, data, len);
  }
}

void vft_channel_absorb_u64(vft_channel *ch, const char *label, uint64_t value) {
  if (ch->hash == VFT_HASH_POSEIDON) {
    vft_sponge_header(&ch->state.sponge, VFT_MESSAGE_U64, label, 1);
    vft_sponge_u64(&ch->state.sponge, value);
  } else {
    uint8_t b[8];
    put64(b, value);
    vft_chain_absorb(&ch->state.chain, VFT_MESSAGE_U64, label, 1, b, sizeof b);
  }
}

void vft_channel_absorb_digest(vft_channel *ch, const char *label, const vft_digest *d) {
  if (ch->hash == VFT_HASH_POSEIDON) {
    vft_poseidon_digest e;
    if (!vft_poseidon_read(d->b, &e)) {
      if (!ch->failed) rejected(ch, "transcript/canonical");
      return;
    }
    vft_sponge_header(&ch->state.sponge, VFT_MESSAGE_KNOWN_DIGEST, label, 1);
    vft_sponge_absorb(&ch->state.sponge, e.e, 4);
  } else {
    vft_channel_absorb(ch, label, d->b, sizeof d->b);
  }
}

void vft_channel_absorb_ext(vft_channel *ch, const char *label, const vft_ext *v, size_t n) {
  if (ch->hash == VFT_HASH_POSEIDON) {
    vft_sponge_header(&ch->state.sponge, VFT_MESSAGE_KNOWN_EXT, label, n);
    for (size_t i = 0; i < n; i++) vft_sponge_absorb(&ch->state.sponge, v[i].c, 3);
  } else {
    _Static_assert(sizeof *v == 24 && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
                   "the bytes of an extension element are those in memory");
    vft_chain_absorb(&ch->state.chain, VFT_MESSAGE_BYTES, label, 24 * n, v, 24 * n);
  }
}

void vft_channel_absorb_integers(vft_channel *ch, const char *label, const vft_fp *v, size_t n) {
  if (ch->hash == VFT_HASH_POSEIDON) {
    vft_sponge_header(&ch->state.sponge, VFT_MESSAGE_INTEGERS, label, n);
    vft_sponge_absorb(&ch->state.sponge, v, n);
  } else {
    vft_chain_integers(&ch->state.chain, label, v, n);
  }
}

/* ---- moving bytes between the proof and the caller -------------------------------------- */

static vft_status sticky(const vft_channel *ch) {
  if (ch->failed == VFT_REJECTED) {
    return vft_reject(ch->check, "proof channel: an earlier message was rejected");
  }
  return vft_fail(ch->failed, "proof channel: used after an earlier failure");
}

/* Prover: room for n more bytes of proof at *at. */
static vft_status reserve(vft_channel *ch, size_t n, uint8_t **at) {
  if (ch->failed) return sticky(ch);
  if (n > ch->capacity - ch->len) {
    size_t want = ch->capacity ? ch->capacity : 4096;
    while (want - ch->len < n && want <= SIZE_MAX / 2) want *= 2;
    uint8_t *grown = want - ch->len < n ? NULL : vft_alloc_raw(want, 1);
    if (!grown) {
      ch->failed = VFT_RESOURCE;
      return vft_fail(VFT_RESOURCE, "proof channel: out of memory after %zu bytes of proof",
                      ch->len);
    }
    if (ch->len) memcpy(grown, ch->out, ch->len);
    vft_free(ch->out);
    ch->out = grown;
    ch->capacity = want;
  }
  *at = ch->out + ch->len;
  ch->len += n;
  return VFT_OK;
}

/* Verifier: the next count items of `size` bytes of the proof. */
static vft_status take(vft_channel *ch, const char *label, size_t count, size_t size,
                       const uint8_t **at) {
  if (ch->failed) return sticky(ch);
  if (count > (ch->len - ch->read) / size) {
    rejected(ch, "transcript/truncated");
    return vft_reject("transcript/truncated",
                      "proof: ends inside \"%s\" at byte %zu: expected %zu more values of %zu "
                      "bytes, have %zu bytes",
                      label, ch->read, count, size, ch->len - ch->read);
  }
  *at = ch->in + ch->read;
  ch->read += count * size;
  return VFT_OK;
}

/* n field elements v[0..n) in message (type, label, count). */
static vft_status send_elements(vft_channel *ch, uint8_t type, const char *label, size_t count,
                                vft_fp *v, size_t n) {
  const uint8_t *payload;
  for (size_t i = 0; ch->prover && i < n; i++) {
    if (v[i].v >= VFT_P) {
      rejected(ch, "transcript/canonical");
      return vft_reject("transcript/canonical", "\"%s\": value %zu to send is not below p",
                        label, i);
    }
  }
  if (ch->prover) {
    uint8_t *at;
    TRY(reserve(ch, 8 * n, &at));
    for (size_t i = 0; i < n; i++) put64(at + 8 * i, v[i].v);
    payload = at;
  } else {
    for (size_t i = 0; i < n; i++) v[i].v = 0;
    TRY(take(ch, label, n, 8, &payload));
    for (size_t i = 0; i < n; i++) {
      uint64_t x = get64(payload + 8 * i);
      if (x >= VFT_P) {
        rejected(ch, "transcript/canonical");
        return vft_reject("transcript/canonical",
                          "proof: field element at byte %zu (\"%s\", number %zu) is not below p",
                          ch->read - 8 * (n - i), label, i);
      }
      v[i].v = x;
    }
  }
  if (ch->hash == VFT_HASH_POSEIDON) {
    vft_sponge_header(&ch->state.sponge, type, label, count);
    vft_sponge_absorb(&ch->state.sponge, v, n);
  } else {
    vft_chain_absorb(&ch->state.chain, type, label, count, payload, 8 * n);
  }
  return VFT_OK;
}

vft_status vft_channel_send_fp(vft_channel *ch, const char *label, vft_fp *v, size_t n) {
  return send_elements(ch, VFT_MESSAGE_FP, label, n, v, n);
}

vft_status vft_channel_send_ext(vft_channel *ch, const char *label, vft_ext *v, size_t n) {
  _Static_assert(sizeof(vft_ext) == 3 * sizeof(vft_fp), "an extension element is 3 coefficients");
  ch->sent_ext += n;
  if (!ch->padding || !n)
    return send_elements(ch, VFT_MESSAGE_EXT, label, n, v ? v->c : NULL, 3 * n);
  if (n > ch->pads) {
    if (!ch->failed) ch->failed = VFT_USAGE;
    return vft_fail(VFT_USAGE, "proof channel: \"%s\" is to be padded, and the pads are used up",
                    label);
  }
  vft_ext *padded = vft_alloc_raw(n, sizeof *padded);
  if (!padded) return VFT_RESOURCE;
  for (size_t i = 0; i < n; i++) padded[i] = vft_ext_sub(v[i], ch->pad[i]);
  ch->pad += n;
  ch->pads -= n;
  vft_status st = send_elements(ch, VFT_MESSAGE_EXT, label, n, padded->c, 3 * n);
  vft_free(padded);
  return st;
}

void vft_channel_pad(vft_channel *ch, const vft_ext *pad, size_t n) {
  ch->padding = pad != NULL;
  ch->pad = pad;
  ch->pads = n;
}

size_t vft_channel_pads_left(const vft_channel *ch) { return ch->pads; }
size_t vft_channel_sent_ext(const vft_channel *ch) { return ch->sent_ext; }

vft_status vft_channel_send_digest(vft_channel *ch, const char *label, vft_digest *d) {
  if (ch->hash == VFT_HASH_POSEIDON) {
    vft_poseidon_digest e;
    for (int i = 0; i < 4; i++) e.e[i] = (vft_fp){get64(d->b + 8 * i)};
    if (!ch->prover) memset(d->b, 0, 32);
    TRY(send_elements(ch, VFT_MESSAGE_DIGEST, label, 1, e.e, 4));
    vft_poseidon_bytes(&e, d->b);
    return VFT_OK;
  }
  if (ch->prover) {
    uint8_t *at;
    TRY(reserve(ch, 32, &at));
    memcpy(at, d->b, 32);
  } else {
    const uint8_t *at;
    memset(d->b, 0, 32);
    TRY(take(ch, label, 1, 32, &at));
    memcpy(d->b, at, 32);
  }
  vft_chain_absorb(&ch->state.chain, VFT_MESSAGE_DIGEST, label, 1, d->b, 32);
  return VFT_OK;
}

vft_status vft_channel_send_opening(vft_channel *ch, void *data, size_t len) {
  if (ch->prover) {
    uint8_t *at;
    TRY(reserve(ch, len, &at));
    if (len) memcpy(at, data, len);
  } else {
    const uint8_t *at;
    if (len) memset(data, 0, len);
    TRY(take(ch, "opening", len, 1, &at));
    if (len) memcpy(data, at, len);
  }
  return VFT_OK;
}

/* ---- challenges --------------------------------------------------------------------------- */

vft_ext vft_channel_challenge_ext(vft_channel *ch, const char *label) {
  return ch->hash == VFT_HASH_POSEIDON ? vft_sponge_ext(&ch->state.sponge, label)
                                       : vft_chain_ext(&ch->state.chain, label);
}

void vft_channel_challenge_indices(vft_channel *ch, const char *label, vft_query *out, size_t n,
                                   unsigned log) {
  if (!n) return;
  if (ch->hash == VFT_HASH_POSEIDON)
    vft_sponge_indices(&ch->state.sponge, label, out, n, log);
  else
    vft_chain_indices(&ch->state.chain, label, out, n, log);
}

/* ---- proof of work ------------------------------------------------------------------------ */

static vft_status move_nonce(vft_channel *ch, const char *label, uint64_t *nonce) {
  if (ch->prover) {
    uint8_t *at;
    TRY(reserve(ch, 8, &at));
    put64(at, *nonce);
  } else {
    const uint8_t *at;
    TRY(take(ch, label, 1, 8, &at));
    *nonce = get64(at);
  }
  return VFT_OK;
}

static vft_status no_work(vft_channel *ch, const char *label, unsigned bits) {
  rejected(ch, "transcript/grind");
  return vft_reject("transcript/grind", "proof: nonce of \"%s\" does not show %u bits of work",
                    label, bits);
}

static vft_status grind_chain(vft_channel *ch, const char *label, unsigned bits) {
  uint8_t seed[32];
  uint64_t nonce = 0;
  vft_chain_grind_seed(&ch->state.chain, label, bits, seed);
  if (ch->prover) nonce = vft_chain_grind_search(seed, bits);
  TRY(move_nonce(ch, label, &nonce));
  if (!ch->prover && !vft_chain_grind_valid(seed, bits, nonce)) return no_work(ch, label, bits);
  vft_chain_nonce(&ch->state.chain, label, nonce);
  return VFT_OK;
}

static vft_status grind_sponge(vft_channel *ch, const char *label, unsigned bits) {
  uint64_t nonce = 0;
  vft_sponge_header(&ch->state.sponge, VFT_MESSAGE_GRIND, label, bits);
  if (ch->prover) {
    nonce = vft_sponge_search(&ch->state.sponge, bits);
    if (nonce == UINT64_MAX)
      return vft_fail(VFT_USAGE, "proof channel: no nonce of %u bits", bits);
  }
  TRY(move_nonce(ch, label, &nonce));
  if (nonce >> 32) {
    rejected(ch, "transcript/canonical");
    return vft_reject("transcript/canonical", "proof: nonce of \"%s\" is not below 2^32", label);
  }
  vft_fp work = vft_sponge_nonce(&ch->state.sponge, vft_fp_from_u64(nonce));
  if (!vft_sponge_shows_work(work, bits)) return no_work(ch, label, bits);
  return VFT_OK;
}

vft_status vft_channel_grind(vft_channel *ch, const char *label, unsigned bits) {
  bool sponge = ch->hash == VFT_HASH_POSEIDON;
  unsigned most = sponge ? VFT_SPONGE_GRIND_MAX : VFT_CHAIN_GRIND_MAX;
  if (bits > most)
    return vft_fail(VFT_USAGE, "proof channel: %u bits of grinding asked, at most %u supported",
                    bits, most);
  if (!bits) return VFT_OK;
  return sponge ? grind_sponge(ch, label, bits) : grind_chain(ch, label, bits);
}

const uint8_t *vft_channel_proof(const vft_channel *ch, size_t *len) {
  *len = ch->prover ? ch->len : 0;
  return ch->out;
}

vft_status vft_channel_finish(vft_channel *ch) {
  if (ch->failed) return sticky(ch);
  if (!ch->prover && ch->read != ch->len) {
    return vft_reject("transcript/trailing", "proof: %zu bytes after its end",
                      ch->len - ch->read);
  }
  return VFT_OK;
}
