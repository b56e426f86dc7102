/* Byte-level definition of the channel.
 *
 * All integers are little-endian. `le32(x)`, `le64(x)` are 4 and 8 bytes; `str(s)` is
 * le32(length of s) followed by its bytes without terminator; `|` is concatenation; H is BLAKE3
 * (32 bytes), XOF(m, n) the first n bytes of BLAKE3's extended output on m.
 *
 *   field element      le64(v), v < p
 *   extension element  its coefficients c0, c1, c2 as field elements (24 bytes)
 *   digest             its 32 bytes
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
 * Values sent are appended to the proof as their payload alone. Openings are appended as they
 * are and touch no state.
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
#include "transcript/channel.h"

#include <string.h>

#include "base/mem.h"
#include "base/pool.h"

enum {
  TYPE_BYTES = 1,
  TYPE_U64 = 2,
  TYPE_FP = 3,
  TYPE_EXT = 4,
  TYPE_DIGEST = 5,
  TYPE_CHALLENGE_EXT = 16,
  TYPE_CHALLENGE_INDICES = 17,
  TYPE_GRIND = 18,
  TYPE_NONCE = 19
};

enum { INDEX_BATCH = 64, GRIND_BITS_MAX = 40 };

struct vft_channel {
  uint8_t state[32];
  bool prover;
  vft_status failed;       /* sticky: after a failure nothing is sent or received any more */
  const char *check;       /* the failed check, if that was a rejection */
  uint8_t *out;            /* prover: the proof so far */
  size_t len, capacity;    /* len: bytes written, or bytes of the proof given */
  const uint8_t *in;       /* verifier */
  size_t read;
};

static void put32(uint8_t *b, uint32_t x) {
  for (int i = 0; i < 4; i++) b[i] = (uint8_t)(x >> (8 * i));
}

static void put64(uint8_t *b, uint64_t x) {
  for (int i = 0; i < 8; i++) b[i] = (uint8_t)(x >> (8 * i));
}

static uint32_t get32(const uint8_t *b) {
  return (uint32_t)b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
}

static uint64_t get64(const uint8_t *b) { return get32(b) | (uint64_t)get32(b + 4) << 32; }

static void hash_string(vft_blake3 *h, const char *s) {
  size_t n = strlen(s);
  uint8_t len[4];
  put32(len, (uint32_t)n);
  vft_blake3_update(h, len, sizeof len);
  vft_blake3_update(h, s, n);
}

static void hash_head(const vft_channel *ch, vft_blake3 *h, uint8_t type, const char *label,
                      uint64_t count) {
  uint8_t b[8];
  vft_blake3_init(h);
  vft_blake3_update(h, ch->state, sizeof ch->state);
  vft_blake3_update(h, &type, 1);
  hash_string(h, label);
  put64(b, count);
  vft_blake3_update(h, b, sizeof b);
}

static void absorb(vft_channel *ch, uint8_t type, const char *label, uint64_t count,
                   const void *payload, size_t len) {
  vft_blake3 h;
  hash_head(ch, &h, type, label, count);
  if (len) vft_blake3_update(&h, payload, len);
  vft_blake3_final(&h, ch->state, sizeof ch->state);
}

/* T of the definition above, split into the new state and the draw (len bytes, at most
 * 4 * INDEX_BATCH). */
static void draw(vft_channel *ch, uint8_t type, const char *label, uint64_t count, uint8_t *out,
                 size_t len) {
  vft_blake3 h;
  uint8_t t[32 + 4 * INDEX_BATCH];
  hash_head(ch, &h, type, label, count);
  vft_blake3_final(&h, t, 32 + len);
  memcpy(ch->state, t, 32);
  memcpy(out, t + 32, len);
}

static vft_channel *channel_new(const char *protocol) {
  static const char domain[] = "vft-channel-v1";
  vft_channel *ch = vft_alloc(1, sizeof *ch);
  if (!ch) return NULL;
  vft_blake3 h;
  vft_blake3_init(&h);
  vft_blake3_update(&h, domain, sizeof domain - 1);
  hash_string(&h, protocol);
  vft_blake3_final(&h, ch->state, sizeof ch->state);
  return ch;
}

vft_channel *vft_channel_prover(const char *protocol) {
  vft_channel *ch = channel_new(protocol);
  if (ch) ch->prover = true;
  return ch;
}

vft_channel *vft_channel_verifier(const char *protocol, const uint8_t *proof, size_t len) {
  vft_channel *ch = channel_new(protocol);
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

void vft_channel_absorb(vft_channel *ch, const char *label, const void *data, size_t len) {
  absorb(ch, TYPE_BYTES, label, len, data, len);
}

void vft_channel_absorb_u64(vft_channel *ch, const char *label, uint64_t value) {
  uint8_t b[8];
  put64(b, value);
  absorb(ch, TYPE_U64, label, 1, b, sizeof b);
}

/* ---- moving bytes between the proof and the caller -------------------------------------- */

static vft_status sticky(const vft_channel *ch) {
  if (ch->failed == VFT_REJECTED) {
    return vft_reject(ch->check, "proof channel: an earlier message was rejected");
  }
  return vft_fail(ch->failed, "proof channel: used after an earlier failure");
}

/* Records the rejection `id` as the channel's, for its later uses. */
static void rejected(vft_channel *ch, const char *id) {
  ch->failed = VFT_REJECTED;
  ch->check = id;
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
  absorb(ch, type, label, count, payload, 8 * n);
  return VFT_OK;
}

vft_status vft_channel_send_fp(vft_channel *ch, const char *label, vft_fp *v, size_t n) {
  return send_elements(ch, TYPE_FP, label, n, v, n);
}

vft_status vft_channel_send_ext(vft_channel *ch, const char *label, vft_ext *v, size_t n) {
  _Static_assert(sizeof(vft_ext) == 3 * sizeof(vft_fp), "an extension element is 3 coefficients");
  return send_elements(ch, TYPE_EXT, label, n, v ? v->c : NULL, 3 * n);
}

vft_status vft_channel_send_digest(vft_channel *ch, const char *label, vft_digest *d) {
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
  absorb(ch, TYPE_DIGEST, label, 1, d->b, 32);
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
  for (;;) {
    uint8_t b[24];
    draw(ch, TYPE_CHALLENGE_EXT, label, 1, b, sizeof b);
    uint64_t c0 = get64(b), c1 = get64(b + 8), c2 = get64(b + 16);
    if (c0 < VFT_P && c1 < VFT_P && c2 < VFT_P) return (vft_ext){{{c0}, {c1}, {c2}}};
  }
}

void vft_channel_challenge_indices(vft_channel *ch, const char *label, uint32_t *out, size_t n,
                                   unsigned log) {
  uint32_t mask = log >= 32 ? UINT32_MAX : ((uint32_t)1 << log) - 1;
  while (n) {
    uint8_t b[4 * INDEX_BATCH];
    size_t now = n < INDEX_BATCH ? n : INDEX_BATCH;
    draw(ch, TYPE_CHALLENGE_INDICES, label, now, b, 4 * now);
    for (size_t i = 0; i < now; i++) out[i] = get32(b + 4 * i) & mask;
    out += now;
    n -= now;
  }
}

static bool work_done(const uint8_t *digest, unsigned bits) {
  uint64_t x = 0;
  for (int i = 0; i < 8; i++) x = x << 8 | digest[i];
  return bits == 0 || x >> (64 - bits) == 0;
}

/* The search runs over rounds of GRIND_SLOTS * GRIND_SPAN nonces; each slot reports its own
 * smallest valid nonce, so the smallest of all does not depend on the threads. */
enum { GRIND_SLOTS = 64, GRIND_SPAN = 256 };

typedef struct {
  uint8_t seed[32];
  unsigned bits;
  uint64_t base;
  uint64_t found[GRIND_SLOTS];
} grind_search;

static void grind_message(uint8_t *m, const uint8_t *seed, uint64_t nonce) {
  memcpy(m, seed, 32);
  put64(m + 32, nonce);
  memset(m + 40, 0, 24);
}

static void grind_slots(void *ctx, size_t begin, size_t end) {
  grind_search *g = ctx;
  uint8_t m[64 * 64];
  vft_digest d[64];
  for (size_t slot = begin; slot < end; slot++) {
    g->found[slot] = UINT64_MAX;
    for (size_t i = 0; i < GRIND_SPAN && g->found[slot] == UINT64_MAX; i += 64) {
      uint64_t first = g->base + slot * GRIND_SPAN + i;
      for (size_t k = 0; k < 64; k++) grind_message(m + 64 * k, g->seed, first + k);
      vft_blake3_nodes(m, d, 64);
      for (size_t k = 0; k < 64; k++) {
        if (!work_done(d[k].b, g->bits)) continue;
        g->found[slot] = first + k;
        break;
      }
    }
  }
}

vft_status vft_channel_grind(vft_channel *ch, const char *label, unsigned bits) {
  if (bits > GRIND_BITS_MAX) {
    return vft_fail(VFT_USAGE, "proof channel: %u bits of grinding asked, at most %d supported",
                    bits, GRIND_BITS_MAX);
  }
  if (!bits) return VFT_OK;
  uint8_t nonce[8];
  grind_search g = {.bits = bits};
  draw(ch, TYPE_GRIND, label, bits, g.seed, sizeof g.seed);
  if (ch->prover) {
    uint8_t *at;
    uint64_t best = UINT64_MAX;
    for (; best == UINT64_MAX; g.base += (uint64_t)GRIND_SLOTS * GRIND_SPAN) {
      vft_parallel_for(GRIND_SLOTS, 4, grind_slots, &g);
      for (int i = 0; i < GRIND_SLOTS && best == UINT64_MAX; i++) best = g.found[i];
    }
    put64(nonce, best);
    TRY(reserve(ch, 8, &at));
    memcpy(at, nonce, 8);
  } else {
    const uint8_t *at;
    TRY(take(ch, label, 1, 8, &at));
    memcpy(nonce, at, 8);
    uint8_t m[64];
    grind_message(m, g.seed, get64(nonce));
    vft_digest d = vft_blake3_hash(m, sizeof m);
    if (!work_done(d.b, bits)) {
      rejected(ch, "transcript/grind");
      return vft_reject("transcript/grind", "proof: nonce of \"%s\" does not show %u bits of work",
                        label, bits);
    }
  }
  absorb(ch, TYPE_NONCE, label, 1, nonce, sizeof nonce);
  return VFT_OK;
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
