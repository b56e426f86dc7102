/* What the library's sources name and it does not have: it is never called. */
#include "hash/blake3.h"
#include "transcript/sponge.h"
#include "verify/verify.h"

static vft_status absent(const char *what) {
  return vft_fail(VFT_USAGE, "the verifier's library has no %s", what);
}

/* The caller knows that the bounds of its programs close: see recurse/machine.h. */
vft_status vft_program_check_bounds(const vft_program *program) {
  return absent(program ? "checker of bounds" : "");
}

vft_status vft_oracle_claims_append(vft_oracle_claims *dst, const vft_oracle_claims *src,
                                    const uint32_t *oracle_map) {
  return absent(dst && src && oracle_map ? "oracles" : "list of claims");
}

void vft_oracle_claims_free(vft_oracle_claims *claims) { (void)claims; }

uint64_t vft_sponge_search(const vft_sponge *sp, unsigned bits) {
  (void)sp;
  (void)bits;
  return UINT64_MAX; /* none found */
}

/* Nodes of trees under BLAKE3. */
void vft_blake3_nodes(const uint8_t *in, vft_digest *out, size_t n) {
  for (size_t i = 0; i < n; i++) out[i] = vft_blake3_hash(in + 64 * i, 64);
}
