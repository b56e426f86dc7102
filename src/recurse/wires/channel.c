#include "recurse/wires/channel.h"

#include <string.h>

#include "base/mem.h"
#include "recurse/recorder.h"
#include "transcript/message.h"
#include "transcript/sponge.h"

struct vft_channel {
  vft_sponge sponge;
  const uint8_t *in;
  size_t len, read;
};

vft_channel *vft_channel_verifier(const char *protocol, vft_hash_kind hash, const uint8_t *proof,
                                  size_t len) {
  if (hash != VFT_HASH_POSEIDON) {
    vft_record_fail("a proof under another hash than Poseidon");
    return NULL;
  }
  vft_channel *ch = vft_alloc(1, sizeof *ch);
  if (!ch) return NULL;
  vft_sponge_init(&ch->sponge, protocol);
  ch->in = proof;
  ch->len = len;
  return ch;
}

void vft_channel_free(vft_channel *ch) { vft_free(ch); }
bool vft_channel_is_prover(const vft_channel *ch) {
  (void)ch;
  return false;
}
vft_hash_kind vft_channel_hash(const vft_channel *ch) {
  (void)ch;
  return VFT_HASH_POSEIDON;
}

/* ---- data that both sides know ---- */

void vft_channel_absorb(vft_channel *ch, const char *label, const void *data, size_t len) {
  vft_sponge_header(&ch->sponge, VFT_MESSAGE_BYTES, label, len);
  vft_sponge_bytes(&ch->sponge, data, len);
}

void vft_channel_absorb_u64(vft_channel *ch, const char *label, uint64_t value) {
  vft_sponge_header(&ch->sponge, VFT_MESSAGE_U64, label, 1);
  vft_sponge_u64(&ch->sponge, value);
}

void vft_channel_absorb_digest(vft_channel *ch, const char *label, const vft_digest *d) {
  vft_sponge_header(&ch->sponge, VFT_MESSAGE_KNOWN_DIGEST, label, 1);
  vft_sponge_absorb(&ch->sponge, d->e, 4);
}

void vft_channel_absorb_ext(vft_channel *ch, const char *label, const vft_ext *v, size_t n) {
  vft_sponge_header(&ch->sponge, VFT_MESSAGE_KNOWN_EXT, label, n);
  for (size_t i = 0; i < n; i++) { /* as the coordinates of one cell, whatever it was made of */
    uint32_t w = vft_wire_of_ext(v[i]);
    vft_ext x = vft_ext_of_wire(w, (uint64_t[]){v[i].c[0].v, v[i].c[1].v, v[i].c[2].v});
    vft_sponge_absorb(&ch->sponge, x.c, 3);
  }
}

void vft_channel_absorb_integers(vft_channel *ch, const char *label, const vft_fp *v, size_t n) {
  vft_sponge_header(&ch->sponge, VFT_MESSAGE_INTEGERS, label, n);
  vft_sponge_absorb(&ch->sponge, v, n);
}

/* ---- the proof ---- */

vft_status vft_channel_take(vft_channel *ch, const char *label, size_t count, uint64_t *out) {
  if (vft_record_blank()) {
    if (count) memset(out, 0, count * sizeof *out);
    return VFT_OK;
  }
  if (count > (ch->len - ch->read) / 8)
    return vft_reject("transcript/truncated", "proof: ends inside \"%s\" at byte %zu", label,
                      ch->read);
  for (size_t i = 0; i < count; i++, ch->read += 8) {
    uint64_t x = 0;
    for (int b = 0; b < 8; b++) x |= (uint64_t)ch->in[ch->read + (size_t)b] << (8 * b);
    if (x >= VFT_P)
      return vft_reject("transcript/canonical", "proof: element at byte %zu (\"%s\") is not below p",
                        ch->read, label);
    out[i] = x;
  }
  return VFT_OK;
}

vft_status vft_channel_send_fp(vft_channel *ch, const char *label, vft_fp *v, size_t n) {
  vft_sponge_header(&ch->sponge, VFT_MESSAGE_FP, label, n);
  for (size_t i = 0; i < n; i++) {
    uint64_t x;
    TRY(vft_channel_take(ch, label, 1, &x));
    v[i] = vft_fp_of_wire(vft_record_base(x), x);
    vft_sponge_absorb(&ch->sponge, &v[i], 1);
  }
  return VFT_OK;
}

vft_status vft_channel_send_ext(vft_channel *ch, const char *label, vft_ext *v, size_t n) {
  vft_sponge_header(&ch->sponge, VFT_MESSAGE_EXT, label, n);
  for (size_t i = 0; i < n; i++) {
    uint64_t x[3];
    TRY(vft_channel_take(ch, label, 3, x));
    v[i] = vft_ext_of_wire(vft_record_free(x), x);
    vft_sponge_absorb(&ch->sponge, v[i].c, 3);
  }
  return VFT_OK;
}

vft_status vft_channel_send_digest(vft_channel *ch, const char *label, vft_digest *d) {
  vft_sponge_header(&ch->sponge, VFT_MESSAGE_DIGEST, label, 1);
  for (int i = 0; i < 4; i++) {
    uint64_t x;
    TRY(vft_channel_take(ch, label, 1, &x));
    d->e[i] = vft_fp_of_wire(vft_record_base(x), x);
  }
  vft_sponge_absorb(&ch->sponge, d->e, 4);
  return VFT_OK;
}

vft_status vft_channel_finish(vft_channel *ch) {
  return vft_record_blank() || ch->read == ch->len ? VFT_OK
                             : vft_reject("transcript/trailing", "proof: %zu bytes after its end",
                                          ch->len - ch->read);
}

/* ---- challenges ---- */

vft_ext vft_channel_challenge_ext(vft_channel *ch, const char *label) {
  return vft_sponge_ext(&ch->sponge, label);
}

static uint32_t bits_of(vft_fp x) {
  if (x.part < VFT_COORDINATE || x.plus_part) {
    vft_record_fail("the bits of what was not squeezed");
    return 0;
  }
  return vft_record_split(x.wire, x.part - VFT_COORDINATE);
}

vft_query vft_sponge_query(vft_fp x, unsigned log) {
  return (vft_query){(uint32_t)(x.v & (((uint64_t)1 << log) - 1)), bits_of(x)};
}

bool vft_sponge_shows_work(vft_fp x, unsigned bits) {
  uint32_t bit = bits_of(x);
  for (unsigned i = 0; i < bits; i++) vft_record_zero(bit + i);
  return vft_record_blank() || !(x.v & (((uint64_t)1 << bits) - 1));
}

void vft_channel_challenge_indices(vft_channel *ch, const char *label, vft_query *out, size_t n,
                                   unsigned log) {
  if (n) vft_sponge_indices(&ch->sponge, label, out, n, log);
}

/* Any nonce will do here, where the native verifier wants it below 2^32: the work shown is the
 * same. */
vft_status vft_channel_grind(vft_channel *ch, const char *label, unsigned bits) {
  uint64_t x;
  if (!bits) return VFT_OK;
  vft_sponge_header(&ch->sponge, VFT_MESSAGE_GRIND, label, bits);
  TRY(vft_channel_take(ch, label, 1, &x));
  if (x >> 32)
    return vft_reject("transcript/canonical", "proof: nonce of \"%s\" is not below 2^32", label);
  vft_fp work = vft_sponge_nonce(&ch->sponge, vft_fp_of_wire(vft_record_base(x), x));
  if (!vft_sponge_shows_work(work, bits))
    return vft_reject("transcript/grind", "proof: nonce of \"%s\" does not show %u bits of work",
                      label, bits);
  return VFT_OK;
}
