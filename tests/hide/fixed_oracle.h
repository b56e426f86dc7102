/* The transcript's challenges in a test's hand: the true ones, or while fixed_oracle is set a fixed
 * sequence, whatever is sent. What a proof tells then shows, where else the challenges, different
 * each time, would cover it. The test is linked with --wrap for the four functions (Makefile). */
#ifndef TESTS_HIDE_FIXED_ORACLE_H
#define TESTS_HIDE_FIXED_ORACLE_H

#include <stdint.h>
#include <string.h>

#include "transcript/channel.h"

static int fixed_oracle;
static uint64_t oracle_state;
static uint64_t oracle64(void) {
  uint64_t z = oracle_state += 0x9e3779b97f4a7c15ull;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
  return z ^ (z >> 31);
}

/* Number of challenges that a channel has given; begun anew with each channel, so that prover,
 * replay and verifier agree. */
static struct {
  const vft_channel *ch;
  uint64_t drawn;
} drawn_by[8];
static unsigned last_channel;

static vft_channel *begin(vft_channel *ch) {
  for (unsigned i = 0; i < 8; i++)
    if (drawn_by[i].ch == ch) drawn_by[i].ch = NULL;
  last_channel = (last_channel + 1) % 8;
  drawn_by[last_channel].ch = ch;
  drawn_by[last_channel].drawn = 0;
  return ch;
}

vft_channel *__real_vft_channel_prover(const char *protocol, vft_hash_kind hash);
vft_channel *__wrap_vft_channel_prover(const char *protocol, vft_hash_kind hash);
vft_channel *__wrap_vft_channel_prover(const char *protocol, vft_hash_kind hash) {
  return begin(__real_vft_channel_prover(protocol, hash));
}
vft_channel *__real_vft_channel_verifier(const char *protocol, vft_hash_kind hash,
                                         const uint8_t *proof, size_t len);
vft_channel *__wrap_vft_channel_verifier(const char *protocol, vft_hash_kind hash,
                                         const uint8_t *proof, size_t len);
vft_channel *__wrap_vft_channel_verifier(const char *protocol, vft_hash_kind hash,
                                         const uint8_t *proof, size_t len) {
  return begin(__real_vft_channel_verifier(protocol, hash, proof, len));
}

static vft_ext fixed_challenge(uint64_t number) {
  oracle_state = number * 1099511628211ull;
  return (vft_ext){{{oracle64() % VFT_P}, {oracle64() % VFT_P}, {oracle64() % VFT_P}}};
}

vft_ext __real_vft_channel_challenge_ext(vft_channel *ch, const char *label);
vft_ext __wrap_vft_channel_challenge_ext(vft_channel *ch, const char *label);
vft_ext __wrap_vft_channel_challenge_ext(vft_channel *ch, const char *label) {
  if (!fixed_oracle) return __real_vft_channel_challenge_ext(ch, label);
  unsigned i = 0;
  while (i < 7 && drawn_by[i].ch != ch) i++;
  uint64_t number = ++drawn_by[i].drawn;
  return fixed_challenge(strcmp(label, "hiding/batch") ? number : 0);
}

void __real_vft_channel_challenge_indices(vft_channel *ch, const char *label, vft_query *out,
                                          size_t n, unsigned log);
void __wrap_vft_channel_challenge_indices(vft_channel *ch, const char *label, vft_query *out,
                                          size_t n, unsigned log);
void __wrap_vft_channel_challenge_indices(vft_channel *ch, const char *label, vft_query *out,
                                          size_t n, unsigned log) {
  if (!fixed_oracle) {
    __real_vft_channel_challenge_indices(ch, label, out, n, log);
    return;
  }
  oracle_state = log;
  for (size_t i = 0; i < n; i++) out[i].index = (uint32_t)(oracle64() >> (64 - log));
}

#endif
