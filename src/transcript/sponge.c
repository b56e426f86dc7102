#include "transcript/sponge.h"

#include <string.h>

#include "hash/blake3.h"
#include "transcript/message.h"

enum { RATE = VFT_POSEIDON_RATE };

/* ---- constants: headers ------------------------------------------------------------------- */

static void hash_string(vft_blake3 *h, const char *s) {
  size_t n = strlen(s);
  uint8_t len[4];
  for (int i = 0; i < 4; i++) len[i] = (uint8_t)(n >> (8 * i));
  vft_blake3_update(h, len, sizeof len);
  vft_blake3_update(h, s, n);
}

static vft_fp head_element(vft_blake3 *h) {
  uint8_t b[8];
  uint64_t x = 0;
  vft_blake3_final(h, b, sizeof b);
  for (int i = 0; i < 8; i++) x |= (uint64_t)b[i] << (8 * i);
  return vft_fp_from_u64(x & (UINT64_MAX >> 1));
}

void vft_sponge_init(vft_sponge *sp, const char *protocol) {
  static const char domain[] = "vft-channel-v1";
  vft_blake3 h;
  for (int i = 0; i < VFT_POSEIDON_WIDTH; i++) sp->state.s[i] = vft_fp_from_u64(0);
  sp->pos = 0;
  vft_blake3_init(&h);
  vft_blake3_update(&h, domain, sizeof domain - 1);
  sp->state.s[RATE] = head_element(&h);
  vft_blake3_init(&h);
  hash_string(&h, protocol);
  sp->state.s[RATE + 1] = head_element(&h);
}

void vft_sponge_header(vft_sponge *sp, uint8_t type, const char *label, uint64_t count) {
  uint8_t b[8];
  vft_blake3 h;
  vft_blake3_init(&h);
  vft_blake3_update(&h, &type, 1);
  hash_string(&h, label);
  for (int i = 0; i < 8; i++) b[i] = (uint8_t)(count >> (8 * i));
  vft_blake3_update(&h, b, sizeof b);
  vft_fp x = head_element(&h);
  vft_sponge_absorb(sp, &x, 1);
}

/* ---- the sponge --------------------------------------------------------------------------- */

static void permute(vft_sponge *sp) {
  vft_poseidon_permute(&sp->state, 1);
  sp->pos = 0;
}

void vft_sponge_absorb(vft_sponge *sp, const vft_fp *x, size_t n) {
  for (size_t i = 0; i < n; i++) {
    sp->state.s[sp->pos] = vft_fp_add(sp->state.s[sp->pos], x[i]);
    if (++sp->pos == RATE) permute(sp);
  }
}

void vft_sponge_bytes(vft_sponge *sp, const uint8_t *data, size_t len) {
  for (size_t at = 0; at < len; at += 7) {
    uint64_t x = 0;
    for (size_t k = 0; k < 7 && at + k < len; k++) x |= (uint64_t)data[at + k] << (8 * k);
    vft_fp e = vft_fp_from_u64(x);
    vft_sponge_absorb(sp, &e, 1);
  }
}

void vft_sponge_u64(vft_sponge *sp, uint64_t value) {
  vft_fp half[2] = {vft_fp_from_u64(value & UINT32_MAX), vft_fp_from_u64(value >> 32)};
  vft_sponge_absorb(sp, half, 2);
}

/* Element i of a squeeze; elements are taken in order, from 0. */
static vft_fp squeezed(vft_sponge *sp, size_t i) {
  if (i % RATE == 0 && (i || sp->pos)) permute(sp);
  return sp->state.s[i % RATE];
}

vft_ext vft_sponge_ext(vft_sponge *sp, const char *label) {
  vft_ext x;
  vft_sponge_header(sp, VFT_MESSAGE_CHALLENGE_EXT, label, 1);
  for (size_t i = 0; i < 3; i++) x.c[i] = squeezed(sp, i);
  return x;
}

void vft_sponge_indices(vft_sponge *sp, const char *label, vft_query *out, size_t n,
                        unsigned log) {
  vft_sponge_header(sp, VFT_MESSAGE_CHALLENGE_INDICES, label, n);
  for (size_t i = 0; i < n; i++) out[i] = vft_sponge_query(squeezed(sp, i), log);
}

vft_fp vft_sponge_nonce(vft_sponge *sp, vft_fp nonce) {
  vft_sponge_absorb(sp, &nonce, 1);
  return squeezed(sp, 0);
}
